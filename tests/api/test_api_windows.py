"""Silences and maintenance windows through the API: what they hold back, who may set them, what is refused."""

from __future__ import annotations

import pytest
from api_kit import NOW, later, serving, until

from citywatch.domain.instants import NS_PER_S, format_instant

BEFORE, SOON, LATER = (format_instant(NOW + hours * 3600 * NS_PER_S) for hours in (-48, 1, 20))
WINDOW = {"matcher": {"site": "harbour"}, "to": LATER, "reason": "the line is renewed"}
SILENCE = {"matcher": {"alert": "frozen", "area": ["north*"]}, "to": LATER, "reason": "known"}
ICAL = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
BEGIN:VEVENT
UID:1
DTSTART:{start}
DURATION:PT1H
RRULE:FREQ=DAILY;COUNT=3
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("windows")) as served:
        with served.client("admin") as admin:
            body = {"device": "cam-1", "kind": "camera", "site": "harbour"}
            assert admin.post("/api/v1/devices", json=body).status_code == 200
        later(served.city)
        yield served


def test_what_a_window_held_back_has_its_alert_and_its_ticket_when_it_is_over(town):
    with town.client("operator") as client:
        answer = client.post("/api/v1/windows", json=WINDOW, headers={"Idempotency-Key": "w1"})
        assert answer.status_code == 200, answer.text
        window = answer.json()
        assert (window["matcher"], window["in_force"], window["kind"]) == ({"site": ["harbour"]}, True, "maintenance")
        assert client.post("/api/v1/windows", json=WINDOW, headers={"Idempotency-Key": "w1"}).json() == window
        played = {"device": "cam-1", "fault": "black", "note": "drill", "minutes": 60}
        answer = client.post("/api/v1/exercises", json=played)
        assert answer.status_code == 200, answer.text
        assert client.get("/api/v1/alerts").json()["items"] == client.get("/api/v1/tickets").json()["items"] == []
        assert client.get("/api/v1/windows", params={"active": True}).json()["items"] == [window]

        ended = client.delete(f"/api/v1/windows/{window['id']}").json()
        assert (ended["in_force"], ended["ended_by"], ended["withdrawn"]) == (False, "operator-1", False)
        later(town.city)
        (alert,) = until(lambda: client.get("/api/v1/alerts", params={"site": "harbour"}).json()["items"])
        assert (alert["kind"], alert["exercise"], alert["labels"]["device"]) == ("black", True, "cam-1")
        assert alert["subject"]["held_from_ns"] >= NOW
        (ticket,) = until(lambda: client.get("/api/v1/tickets").json()["items"])
        assert ticket["id"] == alert["ticket"]
        for other in ({"site": "har"}, {"area": "north"}, {"site": "harbour", "contractor": "x"}):
            assert client.get("/api/v1/alerts", params=other).json()["items"] == []
        again = client.delete(f"/api/v1/windows/{window['id']}")
        assert (again.status_code, again.json()["reason"]) == (409, "already_ended")


def test_a_silence_stands_until_it_is_ended(town):
    with town.client("operator") as client:
        silence = client.post("/api/v1/silences", json=SILENCE).json()
        assert (silence["active"], silence["reason"], silence["actor"]) == (True, "known", "operator-1")
        assert client.get("/api/v1/silences", params={"active": True}).json()["items"] == [silence]
        assert client.delete(f"/api/v1/silences/{silence['id']}").json()["active"] is False
        assert client.get("/api/v1/silences", params={"active": True}).json()["items"] == []
        assert len(client.get("/api/v1/silences").json()["items"]) == 1
        assert client.delete(f"/api/v1/silences/{silence['id']}").status_code == 409
        assert client.delete(f"/api/v1/silences/{'0' * 32}").status_code == 404


def test_windows_follow_a_week_or_a_calendar_file_and_may_lie_in_the_past(town):
    with town.client("operator") as client:
        weekly = {"days": ["sat", "sun"], "hours": ["22:00-06:00"], "zone": "Asia/Shanghai"}
        body = {**WINDOW, "matcher": {"site": "elsewhere"}, "weekly": weekly}
        told = client.post("/api/v1/windows", json={**body, "to": format_instant(NOW + 14 * 86_400 * NS_PER_S)}).json()
        assert (told["weekly"], told["times"], len(told["next"])) == (weekly, None, 4)

        start = BEFORE[:19].replace("-", "").replace(":", "") + "Z"
        told = client.post("/api/v1/windows", json={**WINDOW, "from": BEFORE, "ical": ICAL.format(start=start)}).json()
        assert (told["times"], told["in_force"], told["from"]) == (3, True, BEFORE)

        past = client.post("/api/v1/windows", json={**WINDOW, "from": BEFORE, "to": format_instant(NOW - 1)}).json()
        assert (past["active"], past["in_force"], past["next"]) == (False, False, [])
        assert client.delete(f"/api/v1/windows/{past['id']}").json()["reason"] == "not_open"
        assert client.delete(f"/api/v1/windows/{past['id']}", params={"withdraw": True}).json()["withdrawn"] is True


@pytest.mark.parametrize(
    ("noun", "change", "field"),
    [
        ("windows", {"matcher": {}}, "body.matcher"),
        ("windows", {"matcher": {"colour": "red"}}, "body.matcher"),
        ("windows", {"matcher": {"severity": "critical"}}, "body.matcher"),
        ("windows", {"to": "tomorrow"}, "body.to"),
        ("windows", {"from": LATER}, "body.to"),
        ("windows", {"from": "2001-01-01T00:00:00Z"}, "body.from"),
        ("windows", {"reason": " "}, "body.reason"),
        ("windows", {"ical": "hello"}, "body.ical"),
        ("windows", {"ical": ICAL.format(start="20010101T000000Z")}, "body.rule.times_s"),
        ("windows", {"weekly": {"days": ["sat"], "hours": ["10-11"], "zone": "UTC"}}, "body.rule.weekly.hours"),
        ("windows", {"weekly": {"days": ["sat"], "hours": ["10:00-11:00"], "zone": "Moon"}}, "body.rule.weekly.zone"),
        ("silences", {"to": BEFORE}, "body.to"),
        ("silences", {"to": "2099-01-01T00:00:00Z"}, "body.to"),
    ],
)
def test_what_is_wrong_is_named(town, noun, change, field):
    with town.client("operator") as client:
        answer = client.post(f"/api/v1/{noun}", json={**WINDOW, **change})
        assert answer.status_code == 422, answer.text
        assert field in [error["field"] for error in answer.json()["errors"]]


def test_only_the_desk_may_set_and_end_them(town):
    for role, status in (("viewer", 403), ("crew", 403), ("ingest", 403)):
        with town.client(role) as client:
            assert client.post("/api/v1/windows", json=WINDOW).status_code == status
            assert client.delete(f"/api/v1/silences/{'0' * 32}").status_code == status
