"""The incident stage: one reader of what all partitions hand on; commits positions, state and events in one go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from citywatch.domain.commands import CommandBatch
from citywatch.domain.events import Event
from citywatch.domain.incidents import OnwardBatch
from citywatch.domain.state import State
from citywatch.errors import DataError, Fenced
from citywatch.flow.holds import HELD
from citywatch.flow.incident_step import MARKS, ROWS, IncidentStep, watermark
from citywatch.flow.poison import unreadable
from citywatch.ports import INCIDENTS, Entry, JointCommit, Log, Meter, Position
from citywatch.rules import detours
from citywatch.wire import blobs

_log = logging.getLogger(__name__)

MAX_ENTRIES = 64
"""Entries of one partition in one commit."""
MAX_WAITING_ROWS = 5_000
"""So many rows may wait for a partition that has not passed their instant; then only those who are behind are read."""
_NS = 1_000_000_000


class IncidentStage:
    """The one owner of the incidents of a log, in one thread."""

    def __init__(
        self,
        log: Log,
        step: IncidentStep,
        meter: Meter,
        probe: Callable[[str], None] = lambda _: None,
        *,
        tell: Callable[[CommandBatch], None] = lambda _: None,
    ) -> None:
        """`tell` writes verdicts into the readings of the partitions that they concern."""
        self._log = log
        self._step = step
        self._meter = meter
        self._probe = probe
        self._tell = tell
        self._told: CommandBatch | None = None
        self._positions: dict[int, Position] = {}
        self._state = State()
        self._stale = True

    def turn(self, block_ms: int) -> int:
        """Read on and decide what can be decided; returns the number of entries that were committed."""
        if self._stale:
            positions, rows = self._log.load_incidents()
            self._positions, self._state = dict(positions), State.load(rows)
            self._told = None
            self._stale = False
        found = self._log.read_onward(self._wanted(), most=MAX_ENTRIES, block_ms=block_ms)
        if not found:
            return 0
        try:
            return self._process(found)
        except Fenced:
            _log.warning("the incident stage was committed elsewhere; loading it again")
            self._meter.count("processor_fenced_total")
            return 0

    def _process(self, found: Mapping[int, Sequence[Entry]]) -> int:
        new = dict(self._positions)
        events: list[Event] = []
        forgotten = detours.forgotten(self._state)
        if self._told is not None:
            self._step.heard(self._state, self._told)
            self._told = None
        try:
            for partition in sorted(found):
                for entry in found[partition]:
                    events += self._taken(partition, entry)
                    new[partition] = entry.position
            events += self._step.advance(self._state, self._log.partitions)
            self._probe("before_incidents")
            self._log.commit_incidents(JointCommit(self._positions, new, self._state.changes(), events))
        except BaseException:
            # The state in memory is ahead of the log now; whoever goes on must begin from what is stored.
            self._stale = True
            raise
        self._probe("after_incidents")
        self._positions = new
        self._measure(events)
        # Committed first, told afterwards, forgotten with the next commit: what a crash leaves is told again.
        if (verdicts := self._step.verdicts(self._state)) is not None:
            self._tell(verdicts)
            self._told = verdicts
        if forgotten := detours.forgotten(self._state) - forgotten:
            self._meter.count("detour_plates_forgotten_total", forgotten)
        return sum(map(len, found.values()))

    def _taken(self, partition: int, entry: Entry) -> list[Event]:
        try:
            batch = blobs.decode(entry.blob)
            if not isinstance(batch, OnwardBatch):
                raise DataError(f"blob: {batch.KIND} is not what partitions hand on")
        except DataError as error:
            return [unreadable(INCIDENTS, entry.position, f"onward:{partition}: {error}", entry.blob)]
        self._step.take(self._state, partition, batch)
        return []

    def _wanted(self) -> Mapping[int, Position]:
        """Whom to read on: all, or only those who are behind when too much waits for them."""
        if self._state.size(ROWS) < MAX_WAITING_ROWS:
            return self._positions
        passed_ns = watermark(self._state, self._log.partitions)
        return {p: at for p, at in self._positions.items() if self._mark_ns(p) <= passed_ns}

    def _mark_ns(self, partition: int) -> int:
        mark = self._state.get(MARKS, str(partition))
        return 0 if mark is None else int(mark["tick_ns"])

    def _measure(self, events: Sequence[Event]) -> None:
        ahead_ns = max(map(self._mark_ns, self._positions))
        self._meter.gauge("incident_lag_seconds", (ahead_ns - watermark(self._state, self._log.partitions)) / _NS)
        self._meter.gauge("openings_held", self._state.size(HELD), stage="incidents")
        for event in events:
            self._meter.count("events_total", kind=event.kind.value)
