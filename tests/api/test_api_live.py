"""The live stream: complete, in order, resumable, bounded, and over when the server is told to stop."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest
from api_kit import lorry, serving, until

LIVE = "/api/v1/live/alerts"


class Listener:
    """A client of the stream, with the ids it has seen."""

    def __init__(self, lines):
        self._lines = lines

    def event(self):
        """(event, id, data) of the next event; ('comment', ...) for a comment."""
        fields = {}
        for line in self._lines:
            if line.startswith(":"):
                return "comment", None, line
            if not line:
                if "event" in fields:
                    return fields["event"], int(fields["id"]), json.loads(fields["data"])
                fields = {}
                continue
            name, _, value = line.partition(": ")
            fields[name] = value
        return "end", None, None

    def alert(self):
        while (event := self.event())[0] == "comment":
            pass
        assert event[0] == "alert", event
        return event[1], event[2]


@contextmanager
def listening(served, role="viewer", **how):
    with served.client(role) as client, client.stream("GET", LIVE, **how) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Listener(answer.iter_lines())


def test_a_pass_comes_out_as_an_alert(served):
    with listening(served) as stream:
        assert stream.event()[0] == "position"
        served.push(lorry(1))
        number, data = stream.alert()
        assert number > 0
        assert (data["change"], data["alert"]["kind"], data["alert"]["state"]) == ("opened", "overloaded", "open")
        assert data["alert"]["subject"]["plate"] == "湘A*****"
        with served.client("operator") as client:
            client.post(f"/api/v1/alerts/{data['alert']['id']}/acknowledge")
        later, data = stream.alert()
        assert (later, data["change"], data["alert"]["acknowledged_by"]) == (number + 1, "acknowledged", "operator-1")


def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(served):
    with listening(served) as stream:
        stream.event()
        served.push(*(lorry(100 + n) for n in range(5)))
        seen = [stream.alert()[0] for _ in range(2)]
    served.push(*(lorry(200 + n) for n in range(3)))
    for how in ({"headers": {"Last-Event-ID": str(seen[-1])}}, {"params": {"after": seen[-1]}}):
        with listening(served, **how) as stream:
            assert stream.event()[:2] == ("position", seen[-1])
            rest = [stream.alert()[0] for _ in range(6)]
        assert rest == list(range(seen[-1] + 1, seen[-1] + 7))


def test_far_behind_is_read_from_the_store_and_joins_the_present(tmp_path):
    with serving(tmp_path, live_kept_changes=3) as served:
        served.push(*(lorry(n) for n in range(40)))
        until(lambda: served.city.store.last_alert_change() == 40)
        with listening(served, params={"after": 0}) as stream:
            stream.event()
            numbers = [stream.alert()[0] for _ in range(40)]
            served.push(lorry(99))
            numbers.append(stream.alert()[0])
        assert numbers == list(range(1, 42))


def test_a_number_of_another_store_is_reset(served):
    with listening(served, headers={"Last-Event-ID": "999999"}) as stream:
        event, number, _ = stream.event()
    assert event == "reset"
    assert number == served.city.store.last_alert_change()


@pytest.mark.parametrize("value", ["x", "-1", "1" * 30])
def test_a_wrong_number_is_a_problem(served, value):
    with served.client("viewer") as client:
        assert client.get(LIVE, headers={"Last-Event-ID": value}).status_code == 422


def test_a_number_beyond_the_store_is_no_crash(served):
    with listening(served, headers={"Last-Event-ID": "9" * 20}) as stream:
        assert stream.event()[0] == "reset"


def test_silence_is_filled_with_comments(served):
    with listening(served) as stream:
        stream.event()
        assert stream.event()[0] == "comment"


def test_without_hints_a_look_now_and_then_is_enough(tmp_path):
    with serving(tmp_path, live_poll_seconds=0.1) as served:
        served.city.hints.deaf = True
        with listening(served) as stream:
            stream.event()
            served.push(lorry(1))
            assert stream.alert()[1]["change"] == "opened"


def test_places_are_bounded_and_given_back(tmp_path):
    with serving(tmp_path, live_clients_max=2) as served:
        with listening(served) as one, listening(served) as two, served.client("viewer") as client:
            assert one.event()[0] == two.event()[0] == "position"
            answer = client.get(LIVE)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:citywatch:problem:too_many_clients"
            assert answer.headers["retry-after"]
        until(lambda: served.city.app.state.hub.clients == 0)
        with listening(served) as stream:
            assert stream.event()[0] == "position"


def test_a_revoked_token_ends_its_stream(served):
    served.city.tokens["gone"] = served.city.give_token("gone", "viewer")
    with listening(served, role="gone") as stream:
        stream.event()
        served.city.store.revoke_token("gone")
        while (event := stream.event())[0] == "comment":
            pass
        assert event[0] == "end"


def test_a_revoked_token_hears_nothing_more_however_much_there_is_to_tell(tmp_path):
    """Silence is not the only moment at which a client is asked whether it is still welcome."""
    with serving(tmp_path, live_heartbeat_seconds=60, token_cache_seconds=0) as served:
        served.city.tokens["gone"] = served.city.give_token("gone", "viewer")
        with listening(served, role="gone") as stream:
            stream.event()
            served.push(lorry(1))
            assert stream.event()[0] == "alert"
            served.city.store.revoke_token("gone")
            served.push(lorry(2))
            assert stream.event()[0] == "end"


def test_stopping_the_server_ends_the_streams_at_once(tmp_path):
    with serving(tmp_path) as served, listening(served) as stream:
        stream.event()
        begun = time.monotonic()
        stopper = threading.Thread(target=served.stop)
        stopper.start()
        while stream.event()[0] != "end":
            pass
        stopper.join(10)
        assert time.monotonic() - begun < 3


def test_pass_to_alert_is_fast(served):
    """The figure itself belongs to the benchmarks; here: no step of the road waits for a poll."""
    took = []
    with listening(served) as stream:
        stream.event()
        for number in range(20):
            begun = time.perf_counter()
            served.push(lorry(1000 + number))
            stream.alert()
            took.append(time.perf_counter() - begun)
    assert sorted(took)[len(took) // 2] < 0.25, took
