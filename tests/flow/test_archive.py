"""The archive's patience: what waits in the log for a seal must never be what fills the log."""

from __future__ import annotations

import numpy as np
import pytest

from citywatch.domain.columns import Batch
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pulses import TickBatch
from citywatch.flow.archive import PATIENCE_S, Archive, SealPolicy
from citywatch.flow.door import LogDoor
from citywatch.ports import ORIGIN, Commit, Position
from citywatch.telemetry import NullMeter
from citywatch.testing.clocks import ManualClock
from citywatch.testing.memory_log import LogLimits, MemoryLog


class HeldRows:
    """A segment writer that only counts; sealed by itself it would hide from the archive what may be trimmed."""

    def __init__(self) -> None:
        self.rows_held = 0
        self.seals: list[int] = []

    def add(self, partition: int, position: Position, batch: Batch) -> None:
        self.rows_held += len(batch)

    def seal(self) -> int | None:
        self.seals.append(self.rows_held)
        self.rows_held = 0
        return len(self.seals)


def ticks(rows: int) -> TickBatch:
    return TickBatch(("clock",) * rows, np.arange(rows, dtype=np.int64))


def stepped(log: MemoryLog, archive: Archive) -> None:
    """One turn of the archive behind a step that has committed everything."""
    for partition in range(log.partitions):
        entries = log.read({partition: ORIGIN}, most=100_000, block_ms=0).get(partition, [])
        position, _ = log.load(partition)
        if entries and entries[-1].position > position:
            log.commit(partition, Commit(position, entries[-1].position, {}, []))
    archive.turn(0)


@pytest.mark.parametrize("policy", [{"entries": 10}, {"entry_bytes": 500}])
def test_a_partition_of_small_entries_is_sealed_before_it_is_full(policy: dict[str, int]) -> None:
    log, clock, segments = MemoryLog(1, limits=LogLimits(readings_entries=20)), ManualClock(), HeldRows()
    door = LogDoor(log, "door")
    archive = Archive(log, segments, {}, dict, clock, NullMeter(), SealPolicy(rows=1_000_000, **policy))
    for _ in range(100):
        door.append(ticks(1))  # LogFull after 20 without a seal in between
        clock.advance_s(2)
        stepped(log, archive)
    assert segments.seals
    assert sum(segments.seals) + segments.rows_held == 100


def test_what_a_seal_in_the_middle_of_a_turn_has_taken_is_trimmed() -> None:
    log, clock, segments = MemoryLog(1), ManualClock(), HeldRows()
    door = LogDoor(log, "door")
    archive = Archive(log, segments, {}, dict, clock, NullMeter(), SealPolicy(rows=5))
    for _ in range(4):
        door.append(ticks(2))
    clock.advance_s(2)
    stepped(log, archive)
    assert segments.seals == [4]
    assert log.depth(0).readings_entries == 2


def test_it_gives_way_to_those_whom_people_wait_for_but_not_for_long() -> None:
    log, clock, segments = MemoryLog(1), ManualClock(), HeldRows()
    door = LogDoor(log, "door")
    archive = Archive(
        log,
        segments,
        {},
        dict,
        clock,
        NullMeter(),
        SealPolicy(rows=5),
        gives_way=lambda: clock.now_ns() < busy_until_ns,
    )
    door.append(ticks(2))
    busy_until_ns = clock.now_ns() + 60 * NS_PER_S
    clock.advance_s(PATIENCE_S - 1)
    assert archive.turn(0) == 0
    clock.advance_s(1)
    assert archive.turn(0) == 1
    door.append(ticks(2))
    assert archive.turn(0) == 0
    clock.advance_s(60)
    assert archive.turn(0) == 1
