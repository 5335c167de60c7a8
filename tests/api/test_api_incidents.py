"""Incidents, and where devices hang, as the API tells and takes them."""

from __future__ import annotations

import pytest
from api_kit import NOW, later, outage, placed, serving, until

from citywatch.api import drills
from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.domain.labels import Matcher
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible

CAMERAS = [f"cam-{n}" for n in range(4)]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A switch that nobody visits, and four cameras behind it: they have fallen away together."""
    with serving(tmp_path_factory.mktemp("town"), command_wait_seconds=0.2, max_page_rows=2) as served:
        outage(served, CAMERAS)
        yield served


def test_one_alert_and_one_ticket_name_the_incident(town):
    with town.client("viewer") as client:
        (incident,) = client.get("/api/v1/incidents", params={"state": "open", "root": "sw"}).json()["items"]
        assert (incident["root"], incident["site"], incident["reason"]) == ("sw", "harbour", "children_vanished")
        (alert,) = client.get("/api/v1/alerts").json()["items"]
        (ticket,) = client.get("/api/v1/tickets").json()["items"]
        assert (alert["id"], alert["ticket"], alert["kind"]) == (incident["alert"], incident["ticket"], "incident")
        assert (ticket["id"], ticket["device"]) == (incident["ticket"], "sw")
        assert alert["subject"]["incident"] == incident["id"]
        assert client.get("/api/v1/alerts", params={"kind": "incident"}).json()["items"] == [alert]
        assert client.get("/api/v1/incidents", params={"state": "closed"}).json()["items"] == []
        detail = client.get(f"/api/v1/incidents/{incident['id']}").json()
    assert [child["device"] for child in detail["children"]] == CAMERAS
    assert (detail["below"], detail["joined"], detail["away"]) == (4, 4, 4)
    assert {child["how"] for child in detail["children"]} == {""}


def test_a_child_says_what_it_is_part_of_and_since_when(town):
    with town.client("viewer") as client:
        (incident,) = client.get("/api/v1/incidents").json()["items"]
        device = client.get("/api/v1/devices/cam-1").json()
        assert (device["parent"], device["site"], device["state"]) == ("sw", "harbour", "down")
        (fault,) = [fault for fault in device["faults"] if fault["fault"] == "unreachable"]
        assert [fault[key] for key in ("incident", "alert", "ticket")] == [
            incident[key] for key in ("id", "alert", "ticket")
        ]
        window = {"from": format_instant(NOW - 600 * NS_PER_S), "to": format_instant(NOW + 600 * NS_PER_S)}
        history = client.get("/api/v1/device-states", params={"device": "cam-1", **window}).json()
        (time,) = history["inhibited"]
        assert (time["incident"], time["parent"], time["to"]) == (incident["id"], "sw", None)
        (down,) = [state for state in history["states"] if state["state"] == "down"]
        assert (time["worst_from"], time["best_from"]) == (down["worst_from"], down["best_from"])
        assert client.get("/api/v1/device-states", params={"device": "sw", **window}).json()["inhibited"] == []


def test_the_ticket_of_an_incident_is_accepted_and_its_alert_acknowledged(town):
    with town.client("viewer") as client:
        (incident,) = client.get("/api/v1/incidents").json()["items"]
    with town.client("operator") as operator:
        for path in (f"tickets/{incident['ticket']}/accept", f"alerts/{incident['alert']}/acknowledge"):
            answer = operator.post(f"/api/v1/{path}")
            assert answer.status_code == 202
            later(town.city)
            later(town.city)
            verdict = answer.headers["location"]
            until(lambda: operator.get(verdict).json()["state"] == "accepted")  # noqa: B023
        assert operator.get(f"/api/v1/tickets/{incident['ticket']}").json()["state"] == "accepted"
        assert operator.get(f"/api/v1/alerts/{incident['alert']}").json()["state"] == "acknowledged"


def test_a_parent_below_its_child_is_refused(town):
    with town.client("admin") as admin:
        answer = placed(admin, "sw", kind="switch", site="harbour", parent="cam-2")
        assert answer.status_code == 202
        later(town.city)
        later(town.city)
        until(lambda: admin.get(answer.headers["location"]).json()["state"] == "refused")
        assert admin.get(answer.headers["location"]).json()["reason"] == "parent_is_child"
        assert admin.get("/api/v1/devices/sw").json()["parent"] == ""
        assert placed(admin, "x", parent="no blanks").status_code == 422


def test_unknown_incidents_are_not_found(town):
    with town.client("viewer") as client:
        assert client.get(f"/api/v1/incidents/{'0' * 32}").status_code == 404
        assert client.get("/api/v1/incidents/x").status_code == 422
    with town.client("ingest") as client:
        assert client.get("/api/v1/incidents").status_code == 403


def test_a_drill_plays_several_faults_and_an_outage_that_end_together_and_leave_no_trace(town):
    store, now_ns = town.city.store, town.city.clock.now_ns()
    with town.client("operator") as desk:
        incidents = desk.get("/api/v1/incidents").json()["items"]
        states = store.device_states(["sw", *CAMERAS], 0, 2 * now_ns)
        body = {"matcher": {"device": "cam-*"}, "fault": "black", "outages": ["sw"], "minutes": 30, "note": "night"}
        key = {"Idempotency-Key": "drill-1"}
        drill = desk.post("/api/v1/drills", json=body, headers=key).json()["id"]
        url = f"/api/v1/drills/{drill}"
        until(lambda: desk.get(url).status_code == 200 and len(desk.get(url).json()["exercises"]) == 5)
        started = desk.post("/api/v1/drills", json=body, headers=key).json()
        assert started == desk.get(url).json(), "given again it is the same"
        assert (started["refused"], started["pending"]) == ({}, [])
        assert [one["device"] for one in started["exercises"]] == [*CAMERAS, "sw"]
        played = started["exercises"][-1]
        assert (played["below"], played["children"], played["drill"]) == (4, CAMERAS, drill)
        alert = until(lambda: store.alert(played["alert"]))
        assert (alert["kind"], alert["severity"], alert["exercise"]) == ("incident", "critical", True)
        assert alert["subject"]["children"] == CAMERAS
        assert until(lambda: store.ticket(played["ticket"]))["exercise"]
        assert desk.delete(url).status_code == 200
        until(lambda: {one["how"] for one in desk.get(url).json()["exercises"]} == {"ended"})
        for one in started["exercises"]:
            until(lambda one=one: store.alert(one["alert"])["state"] == "resolved")
            until(lambda one=one: store.ticket(one["ticket"])["state"] == "closed")
        assert desk.delete(url).json()["reason"] == "not_open"
        assert desk.get("/api/v1/incidents").json()["items"] == incidents, "nothing of it was real"
        assert desk.post("/api/v1/drills", json={"devices": ["nobody"]}).status_code == 404
        for wrong in (
            {},
            {"matcher": {"severity": "critical"}},
            {"matcher": {"area": "x"}},
            {"matcher": {"device": "zzz*"}},
            {"outages": ["cam-0"]},
        ):
            assert desk.post("/api/v1/drills", json=wrong).status_code == 422
    assert store.device_states(["sw", *CAMERAS], 0, 2 * now_ns) == states


def test_a_drill_finds_its_devices_by_who_answers_for_them_too():
    register = Register(
        {"cam-0": Responsible(area="north", contractor="Works")},
        [ResponsibilityRule(Matcher.of({"site": "harbour"}), Responsible(area="south", department="police"))],
    )
    devices = {name: {"kind": "camera", "site": "harbour" if name != "cam-3" else ""} for name in CAMERAS}
    for matcher, wanted in (
        ({"area": "north"}, ["cam-0"]),
        ({"area": ["south", "east"], "department": "pol*"}, ["cam-1", "cam-2"]),
        ({"contractor": "Works", "device_kind": "camera"}, ["cam-0"]),
        ({"class": "gate"}, []),
    ):
        assert list(drills._matching(matcher, devices, register)) == wanted
