"""The door for stations: bounded, exact, and whatever comes in, nothing but a clear answer comes out."""

from __future__ import annotations

import contextlib
import json
import socket

import httpx
import pytest
from api_kit import LORRY, lorry, serving, until
from hypothesis import example, given, settings
from hypothesis import strategies as st

from citywatch.domain.passes import PassBatch
from citywatch.ports import ORIGIN
from citywatch.wire.blobs import decode

PASSES, HEARTBEATS = "/api/v1/ingest/passes", "/api/v1/ingest/heartbeats"
JSON = {"Content-Type": "application/json"}


def letters(served, source):
    return [
        row for row in served.city.store.dead_letters(source=source, after=0, limit=1000) if row["source"] == source
    ]


def test_every_record_gets_its_own_answer(served):
    before = len(letters(served, "http:passes"))
    with served.client("ingest") as client:
        body = [lorry(1), lorry(2, axisNum="six"), 7, lorry(3, uploadTime="x")]
        answer = client.post(PASSES, json=body)
    assert answer.status_code == 200
    result = answer.json()
    assert (result["accepted"], result["refused"], result["unknown_keys"]) == (2, 2, 1)
    assert [(r["index"], r["status"], r["field"], r["reason"]) for r in result["results"]] == [
        (0, "accepted", "", ""),
        (1, "refused", "axisNum", "not_a_number"),
        (2, "refused", "", "not_an_object"),
        (3, "accepted", "", ""),
    ]
    kept = letters(served, "http:passes")[before:]
    assert [(row["reason"], json.loads(row["content"])) for row in kept] == [
        ("not_a_number", [lorry(2, axisNum="six")]),
        ("not_an_object", [7]),
    ]


def test_one_object_is_a_document_too(served):
    with served.client("ingest") as client:
        assert client.post(PASSES, json=lorry(10)).json()["accepted"] == 1
        assert client.post(PASSES, json=[]).json()["results"] == []


def test_sent_again_it_changes_nothing(served):
    for _ in range(3):
        served.push(lorry(20, laneNo=7))
    with served.client("viewer") as client:
        found = until(lambda: client.get("/api/v1/alerts", params={"device": "CS01/d1/l7"}).json()["items"])
    assert len(found) == 1


def test_a_document_is_recognised_by_its_key_however_long_it_is(served):
    many = [lorry(30, laneNo=8, previewCode=f"key{number}") for number in range(100)]
    documents = [(many, 200), (many, 200), (many[1:], 409)]
    with served.client("ingest") as client:
        for document, status in documents:
            answer = client.post(PASSES, json=[*document, {}], headers={"Idempotency-Key": "batch-1"})
            assert answer.status_code == status
        assert answer.json()["type"].endswith("key_reused")
        assert client.post(PASSES, json=many[:1], headers={"Idempotency-Key": "not lawful"}).status_code == 422
    entries = served.city.log.read({0: ORIGIN, 1: ORIGIN}, most=100_000, block_ms=0)
    batches = [decode(entry.blob) for some in entries.values() for entry in some]
    assert sum(len(batch) for batch in batches if isinstance(batch, PassBatch) and "CS01/d1/l8" in batch.device) == 100


def test_when_nothing_is_accepted_the_answer_is_a_problem_with_every_reason(served):
    with served.client("ingest") as client:
        answer = client.post(PASSES, json=[lorry(1, laneNo=-1), {}])
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"][0]["field"] == "0.laneNo"
    assert [result["status"] for result in problem["results"]] == ["refused", "refused"]


def test_a_broken_document_is_kept_with_its_reason(served):
    before = len(letters(served, "http:passes"))
    with served.client("ingest") as client:
        answer = client.post(PASSES, content=b'[{"a": 1}, ', headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:citywatch:problem:not_readable"
    kept = letters(served, "http:passes")[before:]
    assert [(row["reason"], row["content"]) for row in kept] == [("not_readable", b'[{"a": 1}, ')]


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}, {**JSON, "Content-Encoding": "gzip"}],
)
def test_other_content_types_are_refused(served, headers):
    with served.client("ingest") as client:
        answer = client.post(PASSES, content=json.dumps(LORRY), headers=headers)
    assert answer.status_code == 415


def test_bodies_are_bounded_whatever_their_length_says(served):
    def pieces():
        for _ in range(40):
            yield b" " * 65_536

    with served.client("ingest") as client:
        told = client.post(PASSES, content=b" " * (1024 * 1024 + 1), headers=JSON)
        assert (told.status_code, told.headers["content-type"]) == (413, "application/problem+json")
    # the server closes while the client still writes: the client may never get to the answer
    with served.client("ingest") as client, contextlib.suppress(httpx.WriteError, httpx.ReadError):
        chunked = client.post(PASSES, content=pieces(), headers=JSON)
        assert chunked.status_code == 413
    with served.client("admin") as client:
        assert client.post("/api/v1/devices", content=b" " * 70_000, headers=JSON).status_code == 413
    with served.client("ingest") as client:
        assert client.post(PASSES, json=lorry(30)).status_code == 200


def test_too_many_records_are_refused_as_a_whole(served):
    with served.client("ingest") as client:
        answer = client.post(PASSES, json=[1] * 1001)
    assert answer.status_code == 400
    assert "1000 records" in answer.json()["detail"]


def test_a_full_log_accepts_nothing(served):
    with served.client("ingest") as client:
        for word, status in (("full", 429), ("away", 503)):
            served.city.door.refuse = word
            try:
                answer = client.post(PASSES, json=lorry(40, laneNo=9))
                beats = client.post(HEARTBEATS, json={"devices": ["CS01/d1/l9"]})
            finally:
                served.city.door.refuse = None
            assert (answer.status_code, beats.status_code) == (status, status)
            assert answer.headers["retry-after"]
            assert answer.json()["detail"].startswith("nothing was accepted")
    with served.client("viewer") as client:
        assert client.get("/api/v1/devices/CS01/d1/l9").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"devices": []}',
        b'{"devices": "a"}',
        b'{"devices": [1]}',
        b'{"devices": ["../x"]}',
        b'{"devices": ["observer:http"]}',
        b'{"devices": ["a"], "x": 1}',
        b'{"devices": ["\\ud800"]}',
        b"\xff",
        b"[" * 50_000,
    ],
)
def test_wrong_heartbeats_are_refused_and_kept(served, body):
    before = len(letters(served, "http:heartbeats"))
    with served.client("ingest") as client:
        answer = client.post(HEARTBEATS, content=body, headers=JSON)
    assert answer.status_code == 400
    assert len(letters(served, "http:heartbeats")) == before + 1


def test_a_body_without_token_is_not_even_read(served):
    with served.client() as client:
        assert client.post(PASSES, content=b"{broken", headers=JSON).status_code == 401
        assert client.post("/api/v1/devices", content=b"{broken", headers=JSON).status_code == 401


def test_a_broken_json_body_of_a_command_is_a_problem(served):
    with served.client("admin") as client:
        answer = client.post("/api/v1/devices", content=b"{broken", headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:citywatch:problem:not_json")


def test_garbage_on_the_wire_harms_nobody(served):
    port = int(served.url.rpartition(":")[2])
    for garbage in (
        b"\x00\xff\x00\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/ingest/passes HTTP/1.1\r\n" * 3,
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
            wire.sendall(garbage)
            wire.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                wire.recv(4096)
    with served.client() as client:
        assert client.get("/healthz").status_code == 200


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_RECORDS = st.dictionaries(st.sampled_from(sorted(LORRY)), _VALUES, max_size=4).map(
    lambda changes: {**LORRY, **changes}
)


@pytest.fixture(scope="module")
def pushing(served):
    with served.client("ingest") as client:
        yield client


@settings(max_examples=60)
@given(
    st.binary(max_size=200) | st.lists(_RECORDS | _VALUES, max_size=4).map(lambda records: json.dumps(records).encode())
)
@example(b"[1e999999999999]")
@example(b'{"previewDate": "\\ud800", "previewStationCode": "\\udfff"}')
@example(b"[NaN, -Infinity]")
@example(b'{"a":' * 2000)
def test_any_body_gets_a_clear_answer(pushing, content):
    answer = pushing.post(PASSES, content=content, headers=JSON)
    assert answer.status_code in (200, 400, 422)
    result = answer.json()
    if answer.status_code == 200:
        assert result["accepted"] + result["refused"] == len(result["results"])
    else:
        assert result["status"] == answer.status_code
        assert result["detail"]


_QUERIES = {
    "/api/v1/alerts": ("state", "device", "kind", "severity", "cursor", "limit"),
    "/api/v1/tickets": ("state", "device", "cursor", "limit"),
    "/api/v1/devices": ("state", "kind", "cursor", "limit"),
    "/api/v1/passes": ("from", "to", "device", "limit", "plates"),
    "/api/v1/availability": ("from", "to", "device", "kind", "target_percent"),
}
_WORDS = st.sampled_from(
    ["", "0", "1", "-1", "nan", "1e400", "open", "scale", "2026-01-31T00:00:00Z", "é", "'--", "\x00"]
)


@settings(max_examples=60)
@given(st.data())
def test_any_question_gets_a_clear_answer(pushing, served, data):
    path = data.draw(st.sampled_from(sorted(_QUERIES)))
    query = data.draw(st.dictionaries(st.sampled_from(_QUERIES[path]), _WORDS | st.text(max_size=10), max_size=4))
    query = {key: value.encode("utf-8", "replace").decode() for key, value in query.items()}
    answer = pushing.get(path, params=query, headers={"Authorization": f"Bearer {served.city.tokens['operator']}"})
    assert answer.status_code in (200, 404, 422), answer.text
    assert answer.json()


def test_strangers_are_bounded_and_the_registered_are_heard(tmp_path):
    """A station that makes up a lane for every record must not fill the city with them."""
    with serving(tmp_path, max_devices=3) as served, served.client("ingest") as client:
        served.city.tick()
        answer = client.post(PASSES, json=[lorry(n, laneNo=n) for n in range(1, 6)]).json()
        assert [r["status"] for r in answer["results"]] == ["accepted"] * 3 + ["refused"] * 2
        assert {r["reason"] for r in answer["results"][3:]} == {"unknown_device"}
        beat = client.post(HEARTBEATS, json={"devices": ["CS01/d1/l1", "CS01/d1/l9"]})
        assert beat.status_code == 400
        assert "CS01/d1/l9 is not known" in beat.json()["detail"]
        with served.client("admin") as admin:
            wanted = {"device": "CS01/d1/l9", "kind": "scale"}
            assert admin.post("/api/v1/devices", json=wanted).status_code == 200
        assert client.post(HEARTBEATS, json={"devices": ["CS01/d1/l1", "CS01/d1/l9"]}).status_code == 200
        assert client.post(PASSES, json=lorry(6, laneNo=9)).json()["accepted"] == 1
        assert served.city.store.device("CS01/d1/l4") is None
