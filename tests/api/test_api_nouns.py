"""Devices, alerts, tickets, passes, availability, pictures and commands, on real steps and a real store."""

from __future__ import annotations

import json
import re
import threading

import numpy as np
import pytest
from api_kit import NOW, PNG, lorry, serving, until

from citywatch.api.access import ROLES
from citywatch.api.config import ApiConfig
from citywatch.api.shared import read_cursor, write_cursor
from citywatch.domain.events import event_id
from citywatch.domain.instants import format_instant
from citywatch.domain.plates import mask
from citywatch.domain.pulses import PulseBatch
from citywatch.wire import grids

LANE = "CS01/d1/l2"
DAY = {"from": "2026-01-31T00:00:00Z", "to": "2026-02-01T00:00:00Z"}


@pytest.fixture(scope="module")
def city(served):
    """One overloaded lorry, one lawful, and a lane that promised heartbeats and fell silent."""
    served.push(lorry(1), lorry(2, totalWeight=30_000, previewDate="2026-01-31 08:01:00"))
    with served.client("admin") as client:
        body = {"device": "CS02/d0/l1", "kind": "scale", "name": "South", "place": "km 3", "heartbeat_s": 2}
        answer = client.post("/api/v1/devices", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["name"] == "South"
    with served.client("ingest") as client:
        assert client.post("/api/v1/ingest/heartbeats", json={"devices": ["CS02/d0/l1"]}).json() == {"accepted": 1}
    fall_silent(served)
    with served.client("viewer") as client:
        until(lambda: len(client.get("/api/v1/alerts").json()["items"]) == 2)
    return served


def fall_silent(served, seconds=20):
    """Time passes, somebody listens, and no heartbeat comes."""
    for _ in range(seconds):
        served.city.clock.forward(1)
        now = np.array([served.city.clock.now_ns()], np.int64)
        served.city.broadcast(PulseBatch(("observer:http",), now, ("observer:http",)))
        served.city.tick()


def items(client, path, **query):
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def alert_of(client, kind):
    return items(client, "/api/v1/alerts", kind=kind)[0]


def test_devices(city):
    with city.client("viewer") as client:
        found = items(client, "/api/v1/devices")
        assert [device["device"] for device in found] == [LANE, "CS02/d0/l1"]
        silent = client.get("/api/v1/devices/CS02/d0/l1").json()
        assert (silent["state"], silent["faults"][0]["fault"]) == ("down", "silent")
        assert silent["faults"][0]["alert"] == alert_of(client, "silent")["id"]
        assert [d["device"] for d in items(client, "/api/v1/devices", state="down")] == ["CS02/d0/l1"]
        assert items(client, "/api/v1/devices", kind="camera") == []
        page = client.get("/api/v1/devices", params={"limit": 1}).json()
        assert page["next"]
        after = client.get("/api/v1/devices", params={"limit": 1, "cursor": page["next"]}).json()
        assert [d["device"] for d in after["items"]] == ["CS02/d0/l1"]
        assert after["next"] is None
        assert client.get("/api/v1/devices/CS09/d0/l1").status_code == 404


def test_a_registration_that_changes_nothing_is_answered_at_once(city):
    body = {"device": "CS02/d0/l1", "kind": "scale", "name": "South", "place": "km 3", "heartbeat_s": 2}
    with city.client("admin") as client:
        assert client.post("/api/v1/devices", json=body).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "scale"}, "body.device"),
        ({"device": "../x", "kind": "scale"}, "body.device"),
        ({"device": "a", "kind": "drone"}, "body.kind"),
        ({"device": "a", "kind": "scale", "heartbeat_s": -1}, "body.heartbeat_s"),
        ({"device": "a", "kind": "scale", "colour": "red"}, "body.colour"),
    ],
)
def test_a_wrong_registration_names_the_field(city, body, field):
    with city.client("admin") as client:
        answer = client.post("/api/v1/devices", json=body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert answer.json()["detail"]


def test_states_of_a_device(city):
    with city.client("viewer") as client:
        answer = client.get("/api/v1/device-states", params={"device": "CS02/d0/l1", **DAY})
        states = answer.json()["states"]
        assert [state["state"] for state in states][-2:] == ["up", "down"]
        assert states[-1]["worst_from"] <= states[-1]["best_from"]
        assert client.get("/api/v1/device-states", params={"device": "none", **DAY}).status_code == 404


def test_alerts_are_listed_newest_first_by_cursor(city):
    with city.client("viewer") as client:
        everything = items(client, "/api/v1/alerts")
        assert [alert["kind"] for alert in everything] == ["silent", "overloaded"]
        first = client.get("/api/v1/alerts", params={"limit": 1}).json()
        second = client.get("/api/v1/alerts", params={"limit": 1, "cursor": first["next"]}).json()
        assert [*first["items"], *second["items"]] == everything
        assert second["next"] is None
        assert [a["kind"] for a in items(client, "/api/v1/alerts", severity="critical")] == ["silent"]
        assert items(client, "/api/v1/alerts", state="resolved") == []
        assert [a["device"] for a in items(client, "/api/v1/alerts", device=LANE)] == [LANE]


def test_an_overload_carries_its_figures(city):
    with city.client("viewer") as client:
        subject = alert_of(client, "overloaded")["subject"]
    assert (subject["gross_kg"], subject["limit_kg"], subject["over_kg"]) == (55_300, 49_000, 6_300)
    assert subject["law"] == "cn-gross@1"


def test_plates_are_masked_and_each_look_is_audited(city):
    with city.client("viewer") as viewer, city.client("operator") as operator:
        alert = alert_of(operator, "overloaded")
        assert alert["subject"]["plate"] == "湘A*****"
        path = f"/api/v1/alerts/{alert['id']}"
        assert viewer.get(path).json()["subject"]["plate"] == "湘A*****"
        assert viewer.get(path, params={"plates": "full"}).status_code == 403
        before = len(city.city.store.audit_lines(after=0, limit=100))
        assert operator.get(path).json()["subject"]["plate"] == "湘A*****"
        assert operator.get(path, params={"plates": "full"}).json()["subject"]["plate"] == "湘A12345"
        lines = city.city.store.audit_lines(after=0, limit=100)[before:]
        assert [(line["actor"], line["action"], line["target"]) for line in lines] == [
            ("operator-1", "saw_plate", f"alert/{alert['id']}")
        ]


def test_passes(city):
    with city.client("viewer") as viewer, city.client("admin") as admin:
        found = items(viewer, "/api/v1/passes", **DAY)
        assert [row["gross_kg"] for row in found] == [30_000, 55_300]
        assert found[1]["speed_kmh"] == 71.5
        assert found[1]["axle_kg"] == [6300, 9800, 9800, 9800, 9800, 9800]
        assert found[1]["plate"] == "湘A*****"
        assert found[1]["id"] == alert_of(viewer, "overloaded")["subject"]["pass"]
        page = viewer.get("/api/v1/passes", params={"limit": 1, **DAY}).json()
        assert page["more"]
        assert viewer.get("/api/v1/passes", params={"plates": "full", **DAY}).status_code == 403
        before = len(city.city.store.audit_lines(after=0, limit=100))
        assert items(admin, "/api/v1/passes", plates="full", **DAY)[0]["plate"] == "湘A12345"
        assert len(city.city.store.audit_lines(after=0, limit=100)) == before + 1
        assert items(viewer, "/api/v1/passes", device="CS09/d0/l1", **DAY) == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-01-31T00:00:00Z"},
        {"from": "yesterday", "to": "2026-02-01T00:00:00Z"},
        {"from": "2026-01-31T00:00:00", "to": "2026-02-01T00:00:00"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"},
        {"from": "1960-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"},
        {"from": "2026-01-31T00:00:00Z", "to": "9999-12-31T00:00:00Z"},
        {**DAY, "limit": "0"},
        {**DAY, "limit": "many"},
        {**DAY, "device": "no such lane!"},
    ],
)
def test_wrong_questions_name_the_field(city, query):
    with city.client("viewer") as client:
        answer = client.get("/api/v1/passes", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"].startswith("query.")


def test_an_offset_may_lose_its_plus_sign_in_a_query(city):
    with city.client("viewer") as client:
        answer = client.get("/api/v1/passes?from=2026-01-31T08:00:00+08:00&to=2026-01-31T08:01:00+08:00")
        assert [row["gross_kg"] for row in answer.json()["items"]] == [55_300]


def test_availability_is_an_interval(city):
    now = city.city.clock.now_ns()
    query = {"from": format_instant(now - 30 * 10**9), "to": format_instant(now + 30 * 10**9), "device": "CS02/d0/l1"}
    with city.client("viewer") as client:
        figure = client.get("/api/v1/availability", params=query).json()
        assert figure["devices"] == 1
        assert figure["worst"]["availability_percent"] < figure["best"]["availability_percent"]
        assert figure["worst"]["unknown_s"] >= 30, "the future is unknown"
        total = sum(figure["worst"][key] for key in ("up_s", "down_s", "unknown_s"))
        assert total == 60
        assert figure["verdict"] in ("missed", "undecided")
        fleet = client.get("/api/v1/availability", params={**DAY, "kind": "scale", "target_percent": 0}).json()
        assert (fleet["devices"], fleet["verdict"]) == (2, "met")
        assert client.get("/api/v1/availability", params={**DAY, "kind": "camera"}).status_code == 404
        assert client.get("/api/v1/availability", params={**DAY, "device": "none"}).status_code == 404


def test_behind_what_was_stepped_nothing_is_up(city):
    """The processor has been away for 20 s: those seconds are unknown, whatever the tables say."""
    now = city.city.clock.now_ns()
    query = {"from": format_instant(now - 30 * 10**9), "to": format_instant(now), "device": "CS02/d0/l1"}
    city.city.known_until_ns = now - 20 * 10**9
    try:
        with city.client("viewer") as client:
            assert client.get("/api/v1/availability", params=query).json()["worst"]["unknown_s"] >= 20
    finally:
        city.city.known_until_ns = None


def test_one_of_two_who_acknowledge_at_once_wins(city):
    city.push(lorry(50, previewDate="2026-01-31 08:03:00"))
    with city.client("operator") as client:
        alert = until(lambda: next(iter(items(client, "/api/v1/alerts", kind="overloaded", state="open")), None))
    answers = []

    def acknowledge():
        with city.client("operator") as client:
            answers.append(client.post(f"/api/v1/alerts/{alert['id']}/acknowledge"))

    threads = [threading.Thread(target=acknowledge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    won = next(answer for answer in answers if answer.status_code == 200).json()
    assert (won["state"], won["acknowledged_by"]) == ("acknowledged", "operator-1")
    lost = next(answer for answer in answers if answer.status_code == 409).json()
    assert lost["reason"] == "already_acknowledged"
    assert lost["type"] == "urn:citywatch:problem:refused"


def test_a_command_sent_again_with_its_key_is_done_once(city):
    with city.client("crew") as client:
        ticket = items(client, "/api/v1/tickets")[0]
        path = f"/api/v1/tickets/{ticket['id']}/note"
        for _ in range(3):
            answer = client.post(path, json={"note": "on my way"}, headers={"Idempotency-Key": "note-1"})
            assert answer.status_code == 200, answer.text
        steps = [step for step in answer.json()["steps"] if step["step"] == "noted"]
        assert [(step["note"], step["actor"]) for step in steps] == [("on my way", "crew-1")]
        assert client.post(path, json={"note": "x"}, headers={"Idempotency-Key": "a b"}).status_code == 422


def test_tickets(city):
    with city.client("crew") as client:
        ticket = items(client, "/api/v1/tickets", state="filed")[0]
        assert (ticket["fault"], ticket["device"]) == ("silent", "CS02/d0/l1")
        accepted = client.post(f"/api/v1/tickets/{ticket['id']}/accept").json()
        assert (accepted["state"], accepted["accepted_by"]) == ("accepted", "crew-1")
        assert next(step["step"] for step in accepted["steps"]) == "filed"
        again = client.post(f"/api/v1/tickets/{ticket['id']}/accept")
        assert (again.status_code, again.json()["reason"]) == (409, "already_accepted")
        for note in ("", "   ", "x" * 2001, 7, None, "\x00", "\ud800"):
            answer = client.post(
                f"/api/v1/tickets/{ticket['id']}/note",
                content=json.dumps({"note": note}),
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 422, note
        assert client.get("/api/v1/tickets/" + "0" * 32).status_code == 404


def test_a_command_without_verdict_is_pending_and_can_be_looked_up(tmp_path):
    with serving(tmp_path, command_wait_seconds=0.2) as served:
        served.push(lorry(60, previewDate="2026-01-31 08:04:00"))
        with served.client("operator") as client:
            alert = until(lambda: next(iter(items(client, "/api/v1/alerts", kind="overloaded", state="open")), None))
            with served.city.paused():
                answer = client.post(f"/api/v1/alerts/{alert['id']}/acknowledge")
                assert answer.status_code == 202
                where = answer.headers["location"]
                assert where == f"/api/v1/commands/{answer.json()['command']}"
                assert client.get(where).json()["state"] == "pending"
            until(lambda: client.get(where).json()["state"] == "accepted")


def test_a_log_that_takes_nothing_is_said_so(city):
    with city.client("operator") as client:
        alert = items(client, "/api/v1/alerts")[0]
        for word, status, code in (("full", 429, "log_full"), ("away", 503, "log_unavailable")):
            city.city.door.refuse = word
            try:
                answer = client.post(f"/api/v1/alerts/{alert['id']}/acknowledge")
            finally:
                city.city.door.refuse = None
            assert answer.status_code == status
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["type"] == f"urn:citywatch:problem:{code}"


def test_pictures_are_for_operators_and_audited(city):
    picture, other = city.city.objects.put(PNG), city.city.objects.put(b"something else")
    with city.client("operator") as client:
        answer = client.get(f"/api/v1/objects/{picture}")
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", PNG)
        packed = city.city.objects.put(grids.frame(16, 1, np.array([0], np.uint8), np.empty(0, np.uint8)))
        shown = client.get(f"/api/v1/objects/{packed}")  # sixteen black pixels
        assert (shown.headers["content-type"], shown.content[:4], shown.content[16:24]) == (
            "image/png", b"\x89PNG", b"\0\0\0\x10\0\0\0\x01",
        )  # fmt: skip
        jpeg = city.city.objects.put(b"\xff\xd8\xff\xe0 a reference")
        assert client.get(f"/api/v1/objects/{jpeg}").headers["content-type"] == "image/jpeg"
        assert client.get(f"/api/v1/objects/{other}").status_code == 404
        assert client.get(f"/api/v1/objects/{'0' * 64}").status_code == 404
        assert client.get("/api/v1/objects/..%2f..%2fetc%2fpasswd").status_code in (404, 422)
        line = city.city.store.audit_lines(after=0, limit=1000)[-3]
        assert (line["actor"], line["action"], line["target"]) == ("operator-1", "saw_picture", f"object/{picture}")
    with city.client("viewer") as client:
        assert client.get(f"/api/v1/objects/{picture}").status_code == 403


def test_overview_counts(city):
    with city.client("viewer") as client:
        overview = client.get("/api/v1/overview").json()
    assert overview["devices"]["down"] == 1
    assert set(overview["alerts"]) == {"open", "acknowledged"}
    assert overview["at"].endswith("Z")


def test_readiness_lists_the_parts(city):
    city.city.parts["process"] = "no word for 12 s"
    try:
        with city.client() as client:
            answer = client.get("/readyz")
            assert client.get("/healthz").status_code == 200
    finally:
        city.city.parts["process"] = "ok"
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"log": "ok", "process": "no word for 12 s", "live": "ok"}


def test_metrics_are_prometheus_text(city):
    with city.client("metrics") as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE python_info gauge" in answer.text


def test_openapi_is_complete(city):
    with city.client("viewer") as client:
        schema = client.get("/api/v1/openapi.json").json()
    assert schema["security"] == [{"token": []}]
    described = set(schema["components"]["schemas"])
    assert "HTTPValidationError" not in described
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    open_to = {f"{method} {path.replace(':path', '')}" for method, path in ROLES} - {"GET /api/v1/openapi.json"}
    assert {name for name, _ in operations} == open_to | {"GET /healthz", "GET /readyz"}
    for name, operation in operations:
        assert operation["summary"], name
        assert len(operation["description"]) > 20, name
        assert operation["tags"], name
        if name in ("GET /healthz", "GET /readyz"):
            assert operation["security"] == []
            continue
        assert operation["x-roles"], name
        for status in ("401", "403"):
            assert "application/problem+json" in operation["responses"][status]["content"], name
        good = [status for status in operation["responses"] if status.startswith("2") and status != "202"]
        assert good or "202" in operation["responses"], name
        if good == ["204"] or name == "POST /api/v2/alerts":
            continue  # the second answers as Alertmanager does, with nothing
        content = operation["responses"][(good or ["202"])[0]]["content"]
        for media, body in content.items():
            assert media != "application/json" or "$ref" in body["schema"], name
        if "requestBody" in operation:
            text = str(operation["requestBody"]) + str(schema["components"]["schemas"])
            assert "example" in text, name
    references = set(re.findall(r"#/components/schemas/([^']+)'", str(schema)))
    assert references <= described


def test_unknown_addresses_and_methods_are_problems(city):
    with city.client("admin") as client:
        for method, path, status in (
            ("GET", "/api/v1/nothing", 404),
            ("GET", "/nothing", 404),
            ("DELETE", "/api/v1/alerts", 405),
            ("POST", "/", 405),
            ("GET", "/console/../access.py", 404),
            ("GET", "/console/%2e%2e%2faccess.py", 404),
            ("GET", "/api/v1/alerts/not-an-id", 422),
            ("GET", "/api/v1/alerts/" + "0" * 32, 404),
        ):
            answer = client.request(method, path)
            assert answer.status_code == status, path
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["status"] == status
            assert problem["type"].startswith("urn:citywatch:problem:")
            assert problem["title"]
            assert problem["detail"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "",
        "AAAA",
        "bnVsbA",
        write_cursor(1),
        write_cursor(-1, "a"),
        write_cursor(2**70, "a"),
        write_cursor(1, "\ud800"),
    ],
)
def test_foreign_cursors_are_refused(city, cursor):
    with city.client("viewer") as client:
        for noun in ("alerts", "tickets", "devices"):
            assert client.get(f"/api/v1/{noun}", params={"cursor": cursor}).status_code == 422
        half = write_cursor("\ud800")
        assert client.get("/api/v1/devices", params={"cursor": half}).status_code == 422


@pytest.mark.parametrize("wrong", [{"device": "observer:http"}, {"name": "a\0b"}, {"place": "\0"}])
def test_what_no_step_and_no_store_could_take_is_refused_at_the_door(city, wrong):
    body = {"device": "CS09/d1/l1", "kind": "scale", **wrong}
    with city.client("admin") as client:
        assert client.post("/api/v1/devices", json=body).status_code == 422


def test_cursors_and_masks():
    assert read_cursor(write_cursor(NOW, event_id("a"))) == (NOW, event_id("a"))
    assert (mask("湘A12345"), mask("湘A"), mask("")) == ("湘A*****", "**", "")


def test_every_key_of_the_configuration_is_described():
    schema = ApiConfig.model_json_schema()
    for name, entry in [*schema["properties"].items(), *schema["$defs"]["StationConfig"]["properties"].items()]:
        assert entry.get("description"), name


@pytest.mark.parametrize(
    "wrong",
    [{"nonsense": 1}, {"command_wait_seconds": -1}, {"station": {"time_zone": "Mars/Base"}}, {"observer": "me"}],
)
def test_wrong_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match=r"nonsense|command_wait_seconds|time zone|observer"):
        ApiConfig(**wrong)
