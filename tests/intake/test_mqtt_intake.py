"""Records out of a real broker: acknowledged means on disk, nothing is lost, nothing is there twice."""

from __future__ import annotations

import pytest
from intake_kit import Running, Station, until

from citywatch.adapters.scales.topics import Topic, read_state, read_topic
from citywatch.domain.claims import ClaimBatch
from citywatch.domain.instants import parse_instant
from citywatch.domain.passes import PassBatch
from citywatch.domain.pulses import PulseBatch

NOW_NS = parse_instant("2026-01-31T00:00:30Z")
SCALES = "scales:\n  - {station: CS01, direction: 1, lane: 1}\n  - {station: CS01, direction: 1, lane: 2}\n"


def record(number, **changes):
    return {
        "previewStationCode": "CS01",
        "previewCode": f"P{number}",
        "previewDate": "2026-01-31 08:00:00.000",
        "direction": 1,
        "laneNo": 2,
        "axisNum": 2,
        "totalWeight": 17_000,
        "axle1Weight": 6_000,
        "axle2Weight": 11_000,
        "speed": 60,
        **changes,
    }


def settings(broker):
    return f"{SCALES}intake: {{mqtt: {{url: 'mqtt://127.0.0.1:{broker.port}'}}}}\n"


@pytest.fixture
def running(broker, tmp_path):
    with Running(tmp_path / "city", settings(broker), NOW_NS) as city:
        until(lambda: city.part.mqtt.is_listening)
        yield city


@pytest.fixture
def station(broker):
    client = Station(broker.port, "station", will="citywatch/v1/CS01/status")
    yield client
    client.close()


def test_records_and_refusals(running, station):
    station.say("citywatch/v1/CS01/passes", record(1))
    station.say("citywatch/v1/CS01/passes", [record(2), record(3, axisNum=0)])
    station.say("citywatch/v1/CS01/passes", "no JSON")
    station.say("citywatch/v1/CS01/d1/l2/status", "asleep")
    passes = until(lambda: running.rows(PassBatch) if len(running.rows(PassBatch)) >= 2 else None)
    assert passes.device == ("CS01/d1/l2",) * 2
    assert passes.observer == ("observer:mqtt",) * 2
    assert passes.received_ns.tolist() == [NOW_NS] * 2
    letters = until(lambda: running.letters() if len(running.letters()) == 3 else None)
    assert {(source, reason) for source, reason, _ in letters} == {
        ("mqtt:passes", "out_of_range"),
        ("mqtt:passes", "not_readable"),
        ("mqtt:passes", "unknown_state"),
    }
    assert running.meter.total("records_read_total") == 5


def test_states_are_signs_of_life_and_claims(running, station):
    station.say("citywatch/v1/CS01/status", "online")
    until(lambda: len(running.rows(PulseBatch)) == 2)
    pulses = running.rows(PulseBatch)
    assert sorted(pulses.device) == ["CS01/d1/l1", "CS01/d1/l2"]
    assert set(pulses.observer) == {"observer:mqtt"}
    station.vanish()
    claims = until(lambda: running.rows(ClaimBatch) if "offline" in running.rows(ClaimBatch).claim else None)
    last = [row for row, claim in enumerate(claims.claim) if claim == "offline"]
    assert {(claims.device[row], claims.source[row], claims.reason[row]) for row in last} == {
        ("CS01/d1/l1", "mqtt:CS01", "last_will"),
        ("CS01/d1/l2", "mqtt:CS01", "last_will"),
    }


def test_a_full_log_holds_the_broker_back_and_loses_nothing(running, station):
    running.door.full = True
    for number in range(100):
        station.client.publish("citywatch/v1/CS01/passes", str(record(number)).replace("'", '"'), qos=1)
    until(lambda: running.meter.total("turns_waited_total") > 0)
    assert len(running.rows(PassBatch)) == 0
    running.door.full = False
    passes = until(lambda: running.rows(PassBatch) if len(running.rows(PassBatch)) >= 100 else None)
    assert len({tuple(digest) for digest in passes.digest.tolist()}) == 100


def test_what_comes_while_we_are_away_is_kept_by_the_broker(broker, tmp_path):
    with Running(tmp_path / "first", settings(broker), NOW_NS) as city:
        until(lambda: city.part.mqtt.is_listening)
    station = Station(broker.port, "station")
    for number in range(30):
        station.say("citywatch/v1/CS01/passes", record(number))
    station.say("citywatch/v1/CS01/status", "online", retain=True)
    with Running(tmp_path / "second", settings(broker), NOW_NS) as city:
        until(lambda: len(city.rows(PassBatch)) == 30)
        broker.stop()
        until(lambda: not city.part.mqtt.is_listening)
        assert not city.part.ears[0].is_listening()
        broker.start()
        until(lambda: city.part.mqtt.is_listening)
        again = Station(broker.port, "again")
        again.say("citywatch/v1/CS01/passes", record(99))
        until(lambda: len({tuple(digest) for digest in city.rows(PassBatch).digest.tolist()}) == 31)
        again.close()
    station.close()


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("citywatch/v1/CS01/passes", Topic("passes", "CS01")),
        ("citywatch/v1/CS01/status", Topic("status", "CS01")),
        ("citywatch/v1/CS01/d1/l12/status", Topic("status", "CS01", "CS01/d1/l12")),
        ("citywatch/v1/CS01/d1/l12/passes", None),
        ("citywatch/v1/CS01/1/2/status", None),
        ("citywatch/v1//passes", None),
        ("citywatch/v2/CS01/passes", None),
        ("citywatch/v1/observer:x/passes", None),
    ],
)
def test_topics(topic, found):
    assert read_topic("citywatch/v1", topic) == found


@pytest.mark.parametrize(
    ("payload", "state"),
    [(b"online", True), (b' {"state": "offline"} ', False), (b"\xff", None), (b"{", None), (b"x" * 2000, None)],
)
def test_state_words(payload, state):
    assert read_state(payload) is state
