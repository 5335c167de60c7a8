"""From the event log to what people work on: the projector's turn, then a hint to whoever waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from citywatch.domain.events import Event
from citywatch.ports import INCIDENTS, ORIGIN, Log, Meter, Position

MAX_EVENTS = 2_000
"""Of one partition at once."""
STORM = 3
"""So many times as many more go into the same transaction when more are waiting: in a storm pages are written once."""


class Projects(Protocol):
    """A store that applies events and remembers how far it came, in one transaction."""

    @property
    def unmatched(self) -> Mapping[str, int]:
        """Events about something the tables do not hold, by kind, since the start."""
        ...

    def positions(self) -> Mapping[int, Position]: ...

    def apply(self, partition: int, events: Sequence[tuple[Position, Event]]) -> int: ...


class Projection:
    """One reader of `events:{p}` for all partitions and the incident stage."""

    def __init__(self, log: Log, projector: Projects, hint: Callable[[], None], meter: Meter) -> None:
        self._log = log
        self._projector = projector
        self._hint = hint
        self._meter = meter
        self._positions: dict[int, Position] | None = None
        self.is_behind = False
        """Whether the last turn had as many events before it as it may take: what can wait may give way to it."""

    def turn(self, block_ms: int) -> int:
        """Apply what is new; returns how many events."""
        applied, full = 0, False
        positions, self._positions = self._positions, None
        if positions is None:
            # At the start, and whenever a turn was cut short: the store knows how far it came.
            stored = self._projector.positions()
            partitions = (*range(self._log.partitions), INCIDENTS)
            positions = {partition: stored.get(partition, ORIGIN) for partition in partitions}
        for partition, found in self._log.read_events(positions, most=MAX_EVENTS, block_ms=block_ms).items():
            full |= len(found) == MAX_EVENTS
            events = [*found, *self._behind(partition, found[-1][0])] if len(found) == MAX_EVENTS else found
            unmatched = dict(self._projector.unmatched)
            self._projector.apply(partition, events)
            for kind, count in self._projector.unmatched.items():
                if count > unmatched.get(kind, 0):
                    self._meter.count("events_unmatched_total", count - unmatched.get(kind, 0), kind=kind)
            positions[partition] = events[-1][0]
            applied += len(events)
        self._positions, self.is_behind = positions, full
        if applied:
            self._meter.count("events_projected_total", applied)
            self._hint()
        return applied

    def _behind(self, partition: int, position: Position) -> Sequence[tuple[Position, Event]]:
        more = self._log.read_events({partition: position}, most=STORM * MAX_EVENTS, block_ms=0)
        return more.get(partition, ())
