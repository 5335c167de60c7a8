"""Killed anywhere, by SIGKILL: the same events, alerts, tickets and recorded rows as a run that nobody disturbed.

Windows: after the append and before the commit; behind the commit; inside the SQL transaction and behind it; at each
step of a seal; and the log server itself while it rewrites its file.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.adapters.store.segments import read_seals
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.devices import OBSERVER_PREFIX
from citywatch.domain.pulses import TickBatch
from citywatch.flow.door import LogDoor
from citywatch.testing import rows as city
from citywatch.testing.crash import KillAt, kill_points, rehearse, run_child
from citywatch.testing.histories import tables

CHILD = Path(__file__).with_name("city_child.py")
PARTITIONS = 2
SECONDS = 90
SEEDS = 5
KILLS = 3
"""In each window, one after the other."""
WORKED_ON = ("events", "alerts", "alert_changes", "tickets", "ticket_steps", "devices", "device_states", "commands")
PLACES = {
    "before_commit",
    "after_commit",
    "projected_rows",
    "projected_committed",
    "segment_written",
    "segments_synced",
    "segment_renamed",
    "segments_named",
    "segments_recorded",
}


def fill(url: str) -> None:
    """A seeded day goes into the log, row by row, through the door that every source uses."""
    log = RedisLog(url, PARTITIONS)
    door = LogDoor(log, "test")
    for batch in city.city_day(11, SECONDS):
        everywhere = isinstance(batch, TickBatch) or batch.device[0].startswith(OBSERVER_PREFIX)  # type: ignore[attr-defined]
        (door.broadcast if everywhere else door.append)(batch)
    log.close()


def outcome(directory: Path) -> dict[str, Any]:
    """What people work on, whole, and every recorded row in the log's order. Positions differ between logs."""
    store = SqlStore.open(directory / "citywatch.sqlite")
    found: dict[str, Any] = {name: rows for name, rows in tables(store).items() if name in WORKED_ON}
    # Which partition was projected first is nobody's promise: sequence numbers tell order within a partition only.
    for name in ("alert_changes", "ticket_steps", "device_states"):
        found[name] = sorted(sorted((k, str(v)) for k, v in row.items() if k != "seq") for row in found[name])
    recorded: dict[int, list[str]] = {}
    for partition, _, batch in read_seals(directory, store):
        recorded.setdefault(partition, []).extend(f"{batch.KIND} {batch.take([i])}" for i in range(len(batch)))
    store.close()
    return found | {"recorded": recorded}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Mapping[str, int]]:
    directory = tmp_path_factory.mktemp("undisturbed")
    with EmbeddedServer(directory / "log") as server:
        fill(server.url)
        counts = rehearse([CHILD, server.url, directory]).counts
    result = outcome(directory)
    assert result["alerts"]
    assert result["tickets"]
    assert result["recorded"]
    return result, counts


def test_every_window_is_passed(undisturbed: tuple[dict[str, Any], Mapping[str, int]]) -> None:
    assert set(undisturbed[1]) == PLACES


@pytest.mark.parametrize("place", sorted(PLACES))
def test_killed_in_each_window(
    place: str, undisturbed: tuple[dict[str, Any], Mapping[str, int]], tmp_path: Path
) -> None:
    """Each of the seeded kills hits the same work one after the other: a run may die many times and must not mind."""
    expected, counts = undisturbed
    kills = kill_points({place: min(counts[place], 8)}, seed=len(place), times=KILLS)
    with EmbeddedServer(tmp_path / "log") as server:
        fill(server.url)
        died = [run_child([CHILD, server.url, tmp_path], kill=KillAt(place, min(kill.call, 3))) for kill in kills]
        assert died[0].killed
        run_child([CHILD, server.url, tmp_path])
    assert outcome(tmp_path) == expected


@pytest.mark.parametrize("seed", range(SEEDS))
def test_log_server_killed_while_it_rewrites_its_file(
    seed: int, undisturbed: tuple[dict[str, Any], Mapping[str, int]], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    with EmbeddedServer(tmp_path / "log") as server:
        fill(server.url)
        child = subprocess.Popen(
            [sys.executable, CHILD, server.url, tmp_path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        client = RedisLog(server.url, PARTITIONS)._client
        wanted = rng.randint(1, 40)
        deadline = time.monotonic() + 60
        # The child has begun its work: kill the server in the middle of it, with a rewrite under way.
        while child.poll() is None and client.xlen("events:{0}") < wanted and time.monotonic() < deadline:
            pass
        client.bgrewriteaof()
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        child.communicate(timeout=60)
        while server.pid == killed or not server.ensure():
            assert time.monotonic() < deadline, server.why
        run_child([CHILD, server.url, tmp_path])
    assert outcome(tmp_path) == undisturbed[0]
