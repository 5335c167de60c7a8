"""GeoReport v2: XML and JSON as the specification shows them, a report to its end, and who may see what."""

from __future__ import annotations

import json
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from api_kit import later, serving, until

from citywatch.api.findings_config import Open311Config
from citywatch.api.georeport_words import HOLDS, NOTES, of_closed, of_open
from citywatch.api.rates import Rates
from citywatch.domain.tickets import HoldReason, TicketEnd, TicketState

CONFIG = {
    "jurisdiction_id": "city.example",
    "contact": "311@city.example",
    "key_service": "ask <311@city.example>",
    "services": [
        {
            "code": "001",
            "name": "Hole in the road",
            "description": "Holes & cracks",
            "group": "streets",
            "keywords": ["pothole", "crack"],
            "kind": "pothole",
            "department": "Roads",
            "notice": "A crew looks within a day",
        },
        {
            "code": "LAMP",
            "name": "Street light is out",
            "kind": "light_out",
            "severity": "info",
            "attributes": [
                {"code": "POLE", "description": "Number on the pole", "required": True},
                {
                    "code": "HOW",
                    "description": "How is it broken?",
                    "datatype": "multivaluelist",
                    "values": [{"key": "dark", "name": "Dark"}, {"key": "flicker", "name": "Flickers"}],
                },
            ],
        },
    ],
}
HOLE = {"service_code": "001", "lat": "24.3255", "long": "109.4155", "description": "deep <b>hole</b>\nby the gate"}
ANN = {"first_name": "Ann", "last_name": "Example", "email": "ann@example.org", "phone": "5550100", "account_id": "7"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A city with a GeoReport server for the tests of this file."""
    with serving(tmp_path_factory.mktemp("city"), open311=Open311Config.model_validate(CONFIG)) as running:
        yield running


@pytest.fixture
def viewer(served):
    with served.client("viewer") as client:
        yield client


def post(served, fields, form="json", role="ingest", **headers):
    key = {"api_key": served.city.tokens[role]} if role else {}
    with served.client() as client:
        return client.post(
            f"/open311/v2/requests.{form}",
            content=urlencode({**key, **fields}),
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **headers},
        )


def reported(served, fields):
    answer = post(served, fields)
    assert answer.status_code == 200, answer.text
    return answer.json()[0]["service_request_id"]


def seen(viewer, name):
    (found,) = viewer.get(f"/open311/v2/requests/{name}.json").json()
    return found


def test_discovery_in_both_formats(viewer):
    told = viewer.get("/open311/v2/discovery.json")
    assert told.headers["content-type"] == "application/json; charset=utf-8"
    (endpoint,) = told.json()["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]
    assert (endpoint["type"], endpoint["url"]) == (
        "production",
        f"{viewer.base_url}/open311/v2".replace("//open", "/open"),
    )
    shown = viewer.get("/open311/v2/discovery.xml")
    assert shown.headers["content-type"] == "text/xml; charset=utf-8"
    assert shown.text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<discovery><changeset>')
    root = ElementTree.fromstring(shown.content)
    assert [node.text for node in root.findall("endpoints/endpoint/formats/format")] == ["text/xml", "application/json"]
    assert root.findtext("key_service") == "ask <311@city.example>"


def test_services_as_the_specification_shows_them(viewer):
    hole, lamp = viewer.get("/open311/v2/services.json").json()
    assert hole == {
        "service_code": "001",
        "service_name": "Hole in the road",
        "description": "Holes & cracks",
        "metadata": False,
        "type": "realtime",
        "keywords": "pothole, crack",
        "group": "streets",
    }
    assert lamp["metadata"] is True
    root = ElementTree.fromstring(viewer.get("/open311/v2/services.xml").content)
    assert root.tag == "services"
    assert [node.tag for node in root] == ["service", "service"]
    assert [node.tag for node in root[0]] == list(hole)
    assert root[0].findtext("description") == "Holes & cracks"
    assert root.findtext("service/metadata") == "false"


def test_a_definition_lists_its_attributes(viewer):
    told = viewer.get("/open311/v2/services/LAMP.json").json()
    assert told["service_code"] == "LAMP"
    assert [one["order"] for one in told["attributes"]] == [1, 2]
    assert told["attributes"][1]["values"] == [{"key": "dark", "name": "Dark"}, {"key": "flicker", "name": "Flickers"}]
    root = ElementTree.fromstring(viewer.get("/open311/v2/services/LAMP.xml").content)
    assert root.tag == "service_definition"
    assert [node.text for node in root.findall("attributes/attribute/values/value/key")] == ["dark", "flicker"]
    assert root.findtext("attributes/attribute/required") == "true"
    assert viewer.get("/open311/v2/services/002.json").json() == [
        {"code": 404, "description": "service_code was not found"}
    ]


def test_a_report_is_seen_at_once_and_runs_to_its_end(served, viewer):
    answer = post(served, {**HOLE, **ANN, "jurisdiction_id": "city.example"}, form="xml")
    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "service_requests"
    assert [node.tag for node in root[0]] == ["service_request_id", "service_notice", "account_id"]
    name = root.findtext("request/service_request_id")
    assert root.findtext("request/service_notice") == "A crew looks within a day"
    told = seen(viewer, name)
    assert list(told) == [
        "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
        "agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime",
        "address", "address_id", "zipcode", "lat", "long", "media_url",
    ]  # fmt: skip
    assert (told["status"], told["service_code"], told["agency_responsible"]) == ("open", "001", "Roads")
    assert (told["description"], told["lat"], told["long"]) == (HOLE["description"], 24.3255, 109.4155)
    assert told["requested_datetime"] == "2026-01-31T00:10:00Z"
    shown = ElementTree.fromstring(viewer.get(f"/open311/v2/requests/{name}.xml").content)
    assert [node.tag for node in shown[0]] == list(told)
    assert shown.findtext("request/description") == HOLE["description"]

    (found,) = viewer.get("/api/v1/findings", params={"key": name}).json()["items"]
    assert (found["source"], found["verified_by"], found["title"]) == ("open311", "person", "Hole in the road")
    ticket = until(lambda: viewer.get("/api/v1/findings", params={"key": name}).json()["items"][0]["ticket"])
    with served.client("operator") as operator:
        for step, words in (
            ("accept", "A crew is working on it."),
            ("handle", "A crew has reported it done; it is still to be verified."),
        ):
            body = {"outcome": "repaired", "note": "filled"} if step == "handle" else None
            later(served.city)
            moved = operator.post(f"/api/v1/tickets/{ticket}/{step}", json=body)
            assert moved.status_code == 200, moved.text
            assert until(lambda words=words: seen(viewer, name)["status_notes"] == words)
        later(served.city)
        moved = operator.post(f"/api/v1/tickets/{ticket}/verify", json={"note": "looked at it"})
        assert moved.status_code == 200, moved.text
    assert until(lambda: seen(viewer, name)["status"] == "closed")
    over = seen(viewer, name)
    assert (over["status_notes"], over["expected_datetime"]) == ("It is done and verified.", None)
    assert over["updated_datetime"] > over["requested_datetime"]


def test_who_reported_it_is_for_operators_alone_and_audited(served, viewer):
    name = reported(served, {**HOLE, **ANN})
    (found,) = viewer.get("/api/v1/findings", params={"key": name}).json()["items"]
    where = f"/api/v1/findings/{found['id']}"
    assert viewer.get(where, params={"reporter": "full"}).status_code == 403
    with served.client("operator") as operator:
        assert operator.get(where).json()["reporter"] is None
        told = operator.get(where, params={"reporter": "full"}).json()["reporter"]
    assert told == {
        "first_name": "Ann", "last_name": "Example", "email": "ann@example.org", "phone": "5550100",
        "account": "7", "client": "",
    }  # fmt: skip
    lines = served.city.store.audit_lines(after=0, limit=1000)
    assert ("operator-1", "saw_reporter", f"finding/{found['id']}") in [
        (line["actor"], line["action"], line["target"]) for line in lines
    ]
    public = viewer.get(f"/open311/v2/requests/{name}.json").text + viewer.get(where).text
    assert not any(word in public for word in ("Ann", "ann@example.org", "5550100"))
    events = [event.to_json() for event in served.city.store.events(limit=10_000)]
    assert not any("ann@example.org" in line or "5550100" in line for line in events)
    assert served.city.store.forget_reporters(served.city.clock.now_ns() + 1) >= 1
    assert served.city.store.reporter(name) is None


def test_requests_are_listed_by_id_span_service_and_status(served, viewer):
    lamp = reported(served, {"service_code": "LAMP", "address_string": "Mill Lane 3", "attribute[POLE]": "17"})
    hole = reported(served, HOLE)

    def names(**query):
        answer = viewer.get("/open311/v2/requests.json", params=query)
        assert answer.status_code == 200, answer.text
        return [one["service_request_id"] for one in answer.json()]

    assert set(names(service_request_id=f"{lamp},{hole},nobody")) == {lamp, hole}
    assert lamp in names()
    assert hole not in names(service_code="LAMP")
    assert {lamp, hole} <= set(names(service_code="LAMP, 001", status="open"))
    assert lamp not in names(status="closed")
    assert names(start_date="2025-06-01T00:00:00Z", end_date="2025-07-01T00:00:00Z") == []
    assert lamp in names(start_date="2026-01-30T00:00:00+08:00")
    assert seen(viewer, lamp)["address"] == "Mill Lane 3"
    for query, words in (
        ({"status": "lost"}, "status"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": "2025-01-01T00:00:00Z", "end_date": "2025-12-01T00:00:00Z"}, "90 days"),
    ):
        answer = viewer.get("/open311/v2/requests.json", params=query)
        assert answer.status_code == 400
        assert words in answer.json()[0]["description"]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"service_code": ""}, 400, "service_code was not provided"),
        ({"service_code": "999"}, 404, "service_code was not found"),
        ({"jurisdiction_id": "elsewhere.example"}, 404, "jurisdiction_id was not found"),
        ({"lat": "", "long": ""}, 400, "a location was not provided"),
        ({"long": ""}, 400, "both"),
        ({"lat": "91"}, 400, "degrees"),
        ({"lat": "nan", "long": "nan"}, 400, "degrees"),
        ({"description": "x" * 4001}, 400, "4000"),
        ({"media_url": "javascript:alert(1)"}, 400, "http"),
        ({"service_code": "LAMP"}, 400, "attribute[POLE] was not provided"),
        ({"service_code": "LAMP", "attribute[POLE]": "1", "attribute[HOW][]": "odd"}, 400, "dark, flicker"),
        ({"service_code": "LAMP", "attribute[POLE]": "1", "attribute[X]": "1"}, 400, "not one of this service"),
    ],
)
def test_what_is_wrong_is_told_as_the_specification_says(served, fields, status, words):
    for form in ("json", "xml"):
        answer = post(served, {**HOLE, **fields}, form=form)
        assert answer.status_code == status
        if form == "json":
            assert {one["code"] for one in answer.json()} == {status}
            assert any(words in one["description"] for one in answer.json())
        else:
            root = ElementTree.fromstring(answer.content)
            assert (root.tag, root[0].tag, root.findtext("error/code")) == ("errors", "error", str(status))
            assert any(words in node.text for node in root.findall("error/description"))


def test_without_a_key_nothing_is_said(served):
    with served.client() as client:
        for path in ("discovery.json", "services.json", "requests.json", "requests/1.json", "tokens/1.json"):
            answer = client.get(f"/open311/v2/{path}")
            assert (answer.status_code, answer.json()[0]["code"]) == (403, 403), path
        assert client.get("/open311/v2/services.yaml").status_code == 404
    assert post(served, HOLE, role=None).status_code == 403
    assert post(served, HOLE, role="viewer").status_code == 403
    assert post(served, {**HOLE, "api_key": "cw_wrong"}, role=None).json() == [
        {"code": 403, "description": "the api_key is unknown or was revoked"}
    ]


def test_only_forms_are_read_and_a_word_of_the_sender_makes_a_repeat_safe(served, viewer):
    key = served.city.tokens["ingest"]
    with served.client() as client:
        answer = client.post("/open311/v2/requests.json", json={**HOLE, "api_key": key})
    assert answer.status_code == 400
    first, second = (post(served, HOLE, **{"Idempotency-Key": "w9"}).json() for _ in range(2))
    assert first == second
    name = first[0]["service_request_id"]
    assert len(viewer.get("/api/v1/findings", params={"key": name}).json()["items"]) == 1
    assert viewer.get(f"/open311/v2/tokens/{name}.json").json() == [{"service_request_id": name, "token": name}]
    assert viewer.get("/open311/v2/tokens/nobody.json").status_code == 404


def test_when_nothing_can_be_taken_down_no_reporter_stays(served):
    served.city.door.refuse = "away"
    try:
        answer = post(served, {**HOLE, **ANN, "first_name": "Nobody"})
    finally:
        served.city.door.refuse = None
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


def test_the_public_may_ask_so_often(tmp_path):
    config = {
        **CONFIG,
        "public_reading": True,
        "public_reporting": True,
        "reads_per_minute": 3,
        "reports_per_minute": 1,
    }
    with serving(tmp_path, open311=Open311Config.model_validate(config)) as served, served.client() as client:
        statuses = [client.get("/open311/v2/services.json").status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert post(served, HOLE, role=None).status_code == 200
        answer = post(served, HOLE, role=None)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 1
        assert post(served, HOLE).status_code == 200


def test_buckets_fill_evenly_and_are_bounded():
    now = [0.0]
    rates = Rates(2, most_addresses=3, monotonic=lambda: now[0])
    assert [rates.wait_s("a") > 0 for _ in range(3)] == [False, False, True]
    now[0] = 30.0
    assert rates.wait_s("a") == 0.0
    assert rates.wait_s("a") == pytest.approx(30.0)
    for number in range(10):
        rates.wait_s(str(number))
    assert len(rates._buckets) <= 3


def test_settings_tell_their_mistakes():
    for change, words in (
        ({"services": []}, "at least 1"),
        ({"services": [CONFIG["services"][0]] * 2}, "described twice"),
        ({"services": [{**CONFIG["services"][0], "kind": "two words"}]}, "letters"),
    ):
        with pytest.raises(ValueError, match=words):
            Open311Config.model_validate({**CONFIG, **change})
    assert json.dumps(Open311Config.model_validate(CONFIG).model_dump(mode="json"))


def test_who_reported_something_is_told_what_came_of_it_in_the_citys_language():
    assert NOTES["en"].keys() == NOTES["zh"].keys()
    assert HOLDS["en"].keys() == HOLDS["zh"].keys() == {"", *HoldReason}
    assert {*TicketState, *TicketEnd} - NOTES["en"].keys() == {TicketState.ON_HOLD, TicketState.CLOSED}
    assert of_closed("en", "verified", "repaired") == "It is done and verified."
    assert of_closed("en", "verified", "nothing_found") == "A crew was there and found nothing of it."
    assert of_closed("zh", "merged", "nothing_found") == "重复上报，已并入另一件。"
    assert of_closed("en", "", "") == "It is over."
    assert of_open("zh", "on_hold", "awaiting_parts", "") == "处置暂停：等待备件。"
    assert of_open("en", "on_hold", "", "") == "Work on it waits: for a reason."
    assert of_open("en", "handled", "", "nothing_found") == "A crew was there and found nothing of it."
    assert of_open("en", "", "", "") == "It has been reported."
