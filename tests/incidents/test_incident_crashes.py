"""Killed around its commit, by SIGKILL, again and again: the same events as a run that nobody disturbed."""

from __future__ import annotations

from pathlib import Path

from incident_kit import PARTITIONS, POLICY, Town, look, placed, spread, ticked

from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Outcome
from citywatch.domain.pulses import TickBatch
from citywatch.flow.door import LogDoor
from citywatch.ports import INCIDENTS, ORIGIN
from citywatch.testing.crash import KillAt, run_child

CHILD = Path(__file__).with_name("incident_child.py")
CAMERAS = [f"cam-{n}" for n in range(6)]
KILLS = [
    KillAt("before_incidents", 2),
    KillAt("after_commit", 5),
    KillAt("after_incidents", 4),
]


def outage():
    """Six cameras behind a switch; five fall away and come back, the sixth goes later, alone."""
    rows = [placed("sw", kind="switch"), *(placed(camera, "sw") for camera in CAMERAS)]
    for second in range(1, 90, 2):
        for n, camera in enumerate(CAMERAS):
            bad = 20 <= second < 50 if n < 5 else second > 60
            rows.append(look(camera, second + 0.01 * n, Outcome.UNREACHABLE if bad else Outcome.PICTURE))
    return ticked(rows, 95)


def test_kills_around_every_commit_change_no_event(tmp_path: Path) -> None:
    rows = outage()
    undisturbed = Town(POLICY)
    for partition, queue in enumerate(spread(rows)):
        undisturbed.feed(partition, queue)
    kinds = {event.kind for event in undisturbed.events}
    assert {EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CLOSED, EventKind.FAULT_RELEASED} <= kinds
    with EmbeddedServer(tmp_path / "log") as server:
        log = RedisLog(server.url, PARTITIONS)
        door = LogDoor(log, "test")
        for row in rows:
            (door.broadcast if isinstance(row, TickBatch) else door.append)(row)
        died = [run_child([CHILD, server.url], kill=kill).killed for kill in KILLS]
        run_child([CHILD, server.url])
        found = log.read_events(dict.fromkeys((*range(PARTITIONS), INCIDENTS), ORIGIN), most=100_000, block_ms=0)
        told = sorted(event.to_json() for events in found.values() for _, event in events)
        assert not log.read_onward(log.incident_positions(), most=1, block_ms=0)
        log.close()
    assert sum(died) == len(KILLS), "the kills must have come in the middle of the work"
    assert told == undisturbed.told()
