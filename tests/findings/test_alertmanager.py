"""Alertmanager's format: what Alertmanager makes of an alert is made of it here, too, and a real one is asked."""

from __future__ import annotations

import json

import pytest
from api_kit import NOW, serving, until

from citywatch.domain.findings import Said
from citywatch.domain.instants import NS_PER_S, parse_instant
from citywatch.errors import DataError
from citywatch.wire.alertmanager import LabelSets, decode

DISK = {
    "labels": {"alertname": "Disk Full", "instance": "nvr-7", "severity": "page", "empty": ""},
    "annotations": {"summary": "The disk is full", "description": "99 %"},
    "startsAt": "2026-01-31T00:05:00.123Z",
    "endsAt": "2026-01-31T00:14:00Z",
    "generatorURL": "http://prometheus.example/graph",
}


def decoded(*alerts, known=(), now_ns=NOW):
    content = json.dumps(list(alerts)).encode()
    return decode(content, token="prom 1", now_ns=now_ns, resolve_s=300, known=lambda _: known, most=1000)


def row(alert, **more):
    (found,) = decoded(alert, **more).rows
    return found


def test_an_alert_is_a_finding():
    found = row(DISK)
    assert (found.source, found.device, found.kind, found.severity) == (
        "prom-1",
        "found/prom-1",
        "Disk_Full",
        "critical",
    )
    assert (found.title, found.note, found.said) == ("The disk is full", "99 %", Said.FOUND)
    assert found.said_ns == parse_instant("2026-01-31T00:05:00.123Z")
    assert found.until_ns == parse_instant("2026-01-31T00:14:00Z")
    assert json.loads(found.labels) == {"alertname": "Disk Full", "instance": "nvr-7", "severity": "page"}


def test_a_set_of_labels_is_one_alert_however_it_is_written():
    turned = {**DISK, "labels": dict(reversed(DISK["labels"].items())), "annotations": {}}
    other = {**DISK, "labels": {**DISK["labels"], "instance": "nvr-8"}}
    assert row(DISK).key == row(turned).key != row(other).key


@pytest.mark.parametrize(
    ("changes", "said", "until_s"),
    [
        ({"endsAt": "2026-01-31T00:09:59Z"}, Said.CLEARED, None),
        ({"endsAt": None}, Said.FOUND, 300),
        ({"endsAt": "0001-01-01T00:00:00Z"}, Said.FOUND, 300),
        ({"endsAt": "2026-01-31T00:11:00Z", "startsAt": None}, Said.FOUND, 60),
    ],
)
def test_ends(changes, said, until_s):
    found = row({**DISK, **changes})
    assert found.said is said
    assert found.until_ns == (0 if until_s is None else NOW + until_s * NS_PER_S)


def test_what_is_not_said_has_its_usual_value():
    found = row({"labels": {"job": "x"}})
    assert (found.kind, found.severity, found.title, found.said_ns) == ("alert", "warning", '{"job":"x"}', -1)
    assert row({"labels": {"alertname": "7 up"}}).kind == "_7_up"


def test_a_known_device_is_named_by_its_label():
    labels = {**DISK["labels"], "device": "cam-1"}
    assert row({**DISK, "labels": labels}, known=("cam-1",)).device == "cam-1"
    assert row({**DISK, "labels": labels}).device == "found/prom-1"


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        ({**DISK, "labels": {}}, "labels"),
        ({**DISK, "labels": {"a": ""}}, "labels"),
        ({**DISK, "labels": {"a b": "c"}}, "labels"),
        ({**DISK, "labels": {"a": 1}}, "labels"),
        ({**DISK, "labels": {"a": "\0"}}, "labels"),
        ({**DISK, "annotations": {"summary": "\ud800"}}, "annotations"),
        ({**DISK, "annotations": []}, "annotations"),
        ({**DISK, "startsAt": "2026-02-01T00:00:00Z"}, "endsAt"),
        ({**DISK, "endsAt": "soon"}, "endsAt"),
        ({**DISK, "startsAt": 7}, "startsAt"),
        ("alert", "alert"),
    ],
)
def test_a_wrong_alert_is_refused_and_the_others_are_not(alert, field):
    found = decoded(DISK, alert)
    assert len(found.rows) == 1
    (refused,) = found.refused
    assert (refused.index, refused.field) == (1, field)
    assert refused.message.startswith(f"{field}: ")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'["\xff"]', json.dumps([DISK] * 1001).encode()])
def test_a_document_that_is_none_is_refused_whole(content):
    with pytest.raises(DataError):
        decode(content, token="p", now_ns=NOW, resolve_s=300, known=lambda _: (), most=1000)


def test_very_many_labels_are_told_apart_by_all_of_them():
    many = {f"label_{number}": "x" * 100 for number in range(60)}
    one, other = row({"labels": many}), row({"labels": {**many, "label_59": "y"}})
    assert one.key != other.key
    assert len(json.loads(one.labels)) == 40


def test_sets_of_labels_are_remembered_up_to_a_number():
    sets = LabelSets(most=3)
    first = sets.of({"a": "1"})
    assert sets.of({"a": "1"}) is first
    for number in range(10):
        sets.of({"a": str(number)})
        assert len(sets._known) <= 3
    assert sets.of({"a": "1"}) == first
    sets.of({"a": "x" * 3000})
    assert all(len(text) < 2001 for text, _ in sets._known.values())


def test_over_http_a_prometheus_may_send_here(tmp_path):
    with serving(tmp_path) as served, served.client("ingest") as client, served.client("viewer") as viewer:
        answer = client.post("/api/v2/alerts", json=[DISK])
        assert (answer.status_code, answer.content) == (200, b"")
        (found,) = until(lambda: viewer.get("/api/v1/findings").json()["items"])
        assert (found["source"], found["kind"], found["state"]) == ("ingest-1", "Disk_Full", "open")
        answer = client.post("/api/v2/alerts", json=[{**DISK, "endsAt": "2026-01-31T00:09:00Z"}, {"labels": {}}])
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "1.labels"
        assert until(lambda: viewer.get("/api/v1/findings", params={"state": "cleared"}).json()["items"])
        assert viewer.post("/api/v2/alerts", json=[DISK]).status_code == 403
