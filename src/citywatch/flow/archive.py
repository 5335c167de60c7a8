"""The archive: readings leave the log for sealed segments, and the log forgets what everybody has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from citywatch.domain.columns import Batch
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import DataError
from citywatch.ports import INCIDENTS, ORIGIN, Clock, Log, Meter, Position
from citywatch.wire import blobs

MAX_ENTRIES = 256
PATIENCE_S = 5
"""So long it gives way to those whom people wait for. The log's bounds leave room for far more than comes meanwhile."""


class Segments(Protocol):
    """What the archive needs of a segment writer."""

    @property
    def rows_held(self) -> int: ...

    def add(self, partition: int, position: Position, batch: Batch) -> None: ...

    def seal(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class SealPolicy:
    """A segment is sealed when so many rows are held or the oldest has waited for so long.

    `entries` and `entry_bytes`: and whenever the log holds so much of one partition for the archive alone. Half of
    what a partition takes: the log must never be full of what only waits for an hour to pass.
    """

    rows: int = 250_000
    seconds: int = 3600
    entries: int = 50_000
    entry_bytes: int = 32 << 20


class Archive:
    """One reader of `readings:{p}` that writes segments, and the only one that trims the streams."""

    def __init__(
        self,
        log: Log,
        segments: Segments,
        archived: Mapping[int, Position],
        projected: Callable[[], Mapping[int, Position]],
        clock: Clock,
        meter: Meter,
        policy: SealPolicy,
        gives_way: Callable[[], bool] = lambda: False,
    ) -> None:
        self._log = log
        self._segments = segments
        self._archived = {p: archived.get(p, ORIGIN) for p in range(log.partitions)}
        self._read = dict(self._archived)
        self._projected = projected
        self._clock = clock
        self._meter = meter
        self._policy = policy
        self._gives_way = gives_way
        self._pace = threading.Event()
        self._turned_ns = clock.now_ns()
        self._held_since_ns = 0
        self._trimmed_ns = 0
        self._waiting = dict.fromkeys(range(log.partitions), (0, 0))
        """Entries and bytes of each partition that were read and not sealed."""

    def turn(self, block_ms: int) -> int:
        """Read on, seal when it is time, trim; returns how many entries were read."""
        if self._gives_way() and self._clock.now_ns() - self._turned_ns < PATIENCE_S * NS_PER_S:
            self._pace.wait(block_ms / 1000)
            return 0
        self._turned_ns = self._clock.now_ns()
        count = 0
        for partition, entries in self._log.read(self._read, most=MAX_ENTRIES, block_ms=block_ms).items():
            for entry in entries:
                try:
                    batch = blobs.decode(entry.blob)
                    if self._segments.rows_held and self._segments.rows_held + len(batch) > self._policy.rows:
                        self.seal()
                    self._segments.add(partition, entry.position, batch)
                except DataError:
                    # The processor keeps such an entry as a dead letter; there is nothing to archive.
                    self._meter.count("archive_unreadable_total")
                self._read[partition] = entry.position
                held, held_bytes = self._waiting[partition]
                self._waiting[partition] = held + 1, held_bytes + len(entry.blob)
                count += 1
        now_ns = self._clock.now_ns()
        if self._segments.rows_held == 0:
            self._held_since_ns = now_ns
        elif (
            self._segments.rows_held >= self._policy.rows
            or now_ns - self._held_since_ns >= self._policy.seconds * NS_PER_S
            or any(
                held >= self._policy.entries or held_bytes >= self._policy.entry_bytes
                for held, held_bytes in self._waiting.values()
            )
        ):
            self.seal()
        if now_ns - self._trimmed_ns >= NS_PER_S:
            self._trimmed_ns = now_ns
            self._trim()
        return count

    def seal(self) -> None:
        """Seal what is held now."""
        if self._segments.seal() is not None:
            self._meter.count("segments_sealed_total")
        self._archived = dict(self._read)
        self._waiting = dict.fromkeys(self._waiting, (0, 0))
        self._held_since_ns = self._clock.now_ns()

    def _trim(self) -> None:
        projected, incidents = self._projected(), self._log.incident_positions()
        forgotten = self._log.trim(
            INCIDENTS, readings_below=ORIGIN, events_below=projected.get(INCIDENTS, ORIGIN)
        ) + sum(
            self._log.trim(
                partition,
                readings_below=archived,
                events_below=projected.get(partition, ORIGIN),
                onward_below=incidents.get(partition, ORIGIN),
            )
            for partition, archived in self._archived.items()
        )
        self._meter.count("log_trimmed_total", forgotten)
