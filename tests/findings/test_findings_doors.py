"""The doors for findings: what is accepted is open with alert and ticket; what is refused says which field and why."""

from __future__ import annotations

import json

import pytest
from api_kit import later, serving, until

HOLE = {"key": "815", "kind": "pothole", "title": "Hole in the road", "lat": 24.3255, "lon": 109.4155}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One city for the tests of this file, on a real port."""
    with serving(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.fixture
def push(served):
    with served.client("ingest") as client:
        yield lambda records, **headers: client.post(
            "/api/v1/ingest/findings",
            content=json.dumps(records),
            headers={"Content-Type": "application/json", **headers},
        )


@pytest.fixture
def viewer(served):
    with served.client("viewer") as client:
        yield client


def listed(client, **filters):
    answer = client.get("/api/v1/findings", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_finding_is_seen_with_its_alert_and_its_ticket(push, viewer):
    answer = push({**HOLE, "key": "whole", "note": "deep", "labels": {"area": "north"}, "verified_by": "person"})
    assert answer.json() == {"accepted": 1, "refused": []}
    (found,) = until(lambda: listed(viewer, key="whole"))
    assert (found["source"], found["kind"], found["severity"], found["state"]) == (
        "ingest-1", "pothole", "warning", "open",
    )  # fmt: skip
    assert (found["lat"], found["lon"], found["labels"]) == (24.3255, 109.4155, {"area": "north"})
    assert found["device"] == ""
    alert = viewer.get(f"/api/v1/alerts/{found['alert']}").json()
    assert (alert["kind"], alert["device"], alert["ticket"]) == ("pothole", "found/ingest-1", found["ticket"])
    ticket = viewer.get(f"/api/v1/tickets/{found['ticket']}").json()
    assert ticket["fault"] == "pothole"
    assert viewer.get(f"/api/v1/findings/{found['id']}").json()["reporter"] is None
    assert "found/ingest-1" not in [row["device"] for row in viewer.get("/api/v1/devices").json()["items"]]


def test_said_again_it_is_the_same_and_cleared_it_is_over(push, viewer):
    for _ in range(3):
        push({**HOLE, "key": "again"})
    (found,) = until(lambda: listed(viewer, key="again"))
    push({"key": "again", "state": "cleared"})
    (over,) = until(lambda: listed(viewer, key="again", state="cleared"))
    assert over["id"] == found["id"]
    assert over["resolution"] == "source_cleared"
    assert until(lambda: viewer.get(f"/api/v1/alerts/{found['alert']}").json()["state"] == "resolved")


def test_each_record_is_decided_on_its_own(served, push, viewer):
    answer = push([{**HOLE, "key": "good"}, {**HOLE, "key": "bad", "severity": "awful"}, 7])
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert [(one["index"], one["field"], one["reason"]) for one in answer.json()["refused"]] == [
        (1, "severity", "out_of_range"), (2, "record", "not_an_object"),
    ]  # fmt: skip
    letters = served.city.store.dead_letters(source="http:findings", after=0, limit=50)
    assert {"out_of_range", "not_an_object"} <= {letter["reason"] for letter in letters}
    assert until(lambda: listed(viewer, key="good"))


@pytest.mark.parametrize(
    ("changes", "field", "reason", "words"),
    [
        ({"key": ""}, "key", "missing", "give a text"),
        ({"key": "x" * 129}, "key", "out_of_range", "128"),
        ({"key": 7}, "key", "wrong_type", "text"),
        ({"kind": "two words"}, "kind", "bad_text", "letters"),
        ({"kind": None}, "kind", "missing", "give a text"),
        ({"title": None}, "title", "missing", "give a text"),
        ({"title": "a\0b"}, "title", "bad_text", "NUL"),
        ({"note": "\ud800"}, "note", "bad_text", "halves"),
        ({"colour": "red"}, "colour", "unknown_key", "verified_by"),
        ({"state": "over"}, "state", "out_of_range", "cleared, found"),
        ({"at": "yesterday"}, "at", "bad_instant", "2026-01-31T08:00:00Z"),
        ({"until": "1980-01-01T00:00:00Z"}, "until", "out_of_range", "2000"),
        ({"device": "nobody"}, "device", "unknown_device", "registered"),
        ({"lat": None}, "lat", "missing", "both"),
        ({"lon": 181}, "lon", "out_of_range", "180"),
        ({"lat": True}, "lat", "wrong_type", "degrees"),
        ({"photos": ["../etc"]}, "photos", "wrong_type", "names"),
        ({"labels": {"a": 1}}, "labels", "wrong_type", "texts"),
        ({"labels": {"a": "\0"}}, "labels", "bad_text", "NUL"),
        ({"labels": {str(number): "x" for number in range(41)}}, "labels", "out_of_range", "40"),
        ({"verified_by": "nobody"}, "verified_by", "out_of_range", "person, source"),
        ({"source": "../x"}, "source", "bad_text", "letters"),
    ],
)
def test_a_wrong_field_is_named_with_the_fix(push, changes, field, reason, words):
    answer = push({**HOLE, **changes})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == f"0.{field}"
    assert words in error["message"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason


def test_a_word_of_the_sender_makes_a_repeat_safe(push, viewer):
    records = [{**HOLE, "key": "once"}]
    for _ in range(2):
        assert push(records, **{"Idempotency-Key": "w1"}).status_code == 200
    assert push([{**HOLE, "key": "other"}], **{"Idempotency-Key": "w1"}).status_code == 409
    assert until(lambda: listed(viewer, key="once"))
    assert listed(viewer, key="other") == []


def test_a_document_has_its_bounds(push, served):
    assert push([]).status_code == 400
    answer = push([{**HOLE, "key": str(number)} for number in range(1001)])
    assert answer.status_code == 400
    assert "1000" in answer.json()["detail"]
    with served.client("ingest") as client:
        assert (
            client.post(
                "/api/v1/ingest/findings", content=b"{", headers={"Content-Type": "application/json"}
            ).status_code
            == 400
        )
        assert client.post("/api/v1/ingest/findings", content=b"{}").status_code == 415


def test_a_finding_about_a_known_device_is_that_device_s(served, push, viewer):
    with served.client("admin") as admin:
        assert admin.post("/api/v1/devices", json={"device": "pole-9", "kind": "camera"}).status_code == 200
    push({**HOLE, "key": "pole", "device": "pole-9"})
    (found,) = until(lambda: listed(viewer, device="pole-9"))
    assert found["device"] == "pole-9"
    assert viewer.get(f"/api/v1/alerts/{found['alert']}").json()["device"] == "pole-9"


def test_what_is_not_said_again_in_time_is_over(served, push, viewer):
    soon = "2026-01-31T00:12:00Z"
    push({**HOLE, "key": "brief", "until": soon})
    assert until(lambda: listed(viewer, key="brief", state="open"))
    later(served.city, 3600)
    (over,) = until(lambda: listed(viewer, key="brief", state="cleared"))
    assert over["resolution"] == "timed_out"


def test_lists_are_filtered_and_paged(push, viewer):
    push([{**HOLE, "key": f"p{number}", "kind": "paged", "source": "desk"} for number in range(5)])
    until(lambda: len(listed(viewer, kind="paged")) == 5)
    assert len(listed(viewer, source="ingest-1/desk")) == 5
    seen, cursor = [], None
    while True:
        params = {"kind": "paged", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = viewer.get("/api/v1/findings", params=params).json()
        seen += [row["key"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == [f"p{number}" for number in range(5)]
    assert viewer.get("/api/v1/findings", params={"severity": "awful"}).status_code == 422


def test_a_full_log_takes_nothing(served, push):
    served.city.door.refuse = "full"
    try:
        answer = push(HOLE)
    finally:
        served.city.door.refuse = None
    assert answer.status_code == 429
