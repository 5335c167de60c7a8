"""The processor: reads the readings of its partitions, steps, and commits position, state and events in one go."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from citywatch.domain.events import Event
from citywatch.domain.instants import NS_PER_MS
from citywatch.domain.state import State
from citywatch.errors import Fenced, LogFull
from citywatch.flow import onward
from citywatch.flow.holds import HELD
from citywatch.flow.poison import Step, digest
from citywatch.ports import Clock, Commit, Entry, Log, Meter, Position
from citywatch.wire import blobs

_log = logging.getLogger(__name__)

MAX_ENTRIES = 64
"""Entries of one partition in one commit: bounds the commit, and what is done again after a crash."""
MAX_COMMIT_EVENTS = 20_000
MAX_COMMIT_ROWS = 400
"""Changed rows of state in one commit, up to 2.3 kB each, so about 1 MB: no further entry is taken then."""


class Processor:
    """The owner of all partitions of a log, in one thread."""

    def __init__(
        self, log: Log, step: Step, meter: Meter, clock: Clock, probe: Callable[[str], None] = lambda _: None
    ) -> None:
        self._log = log
        self._step = step
        self._meter = meter
        self._clock = clock
        self._probe = probe
        self._positions: dict[int, Position] = {}
        self._states: dict[int, State] = {}
        self._stale = set(range(log.partitions))

    def turn(self, block_ms: int) -> int:
        """One round over all partitions; returns the number of entries that were committed.

        Raises LogFull after the round: the incident stage may wait for one partition while another is full.
        """
        for partition in sorted(self._stale):
            self._load(partition)
        done, full = 0, None
        for partition, entries in self._log.read(self._positions, most=MAX_ENTRIES, block_ms=block_ms).items():
            try:
                done += self._process(partition, entries)
            except Fenced:
                # Another owner got there first, or the answer to our own commit was lost: the log knows the truth.
                _log.warning("partition was committed elsewhere; loading it again", extra={"partition": partition})
                self._meter.count("processor_fenced_total")
            except LogFull as error:
                full = error
        if full is not None:
            raise full
        return done

    def _process(self, partition: int, entries: Sequence[Entry]) -> int:
        state = self._states[partition]
        events: list[Event] = []
        taken = 0
        try:
            for entry in entries:
                events += digest(self._step, state, entry, partition)
                taken += 1
                if len(events) >= MAX_COMMIT_EVENTS or state.changed_rows >= MAX_COMMIT_ROWS:
                    break
            last = entries[taken - 1].position
            handed_on = onward.taken(state)
            blob = b"" if handed_on is None else blobs.encode(handed_on)
            self._probe("before_commit")
            self._log.commit(partition, Commit(self._positions[partition], last, state.changes(), events, blob))
        except BaseException:
            # The state in memory is ahead of the log now; whoever goes on must begin from what is stored.
            self._stale.add(partition)
            raise
        self._probe("after_commit")
        self._positions[partition] = last
        self._measure(last, taken, events)
        return taken

    def _load(self, partition: int) -> None:
        position, rows = self._log.load(partition)
        self._positions[partition] = position
        self._states[partition] = State.load(rows)
        self._stale.discard(partition)

    def _measure(self, last: Position, taken: int, events: Sequence[Event]) -> None:
        self._meter.count("entries_processed_total", taken)
        self._meter.gauge("processor_lag_seconds", max(0.0, self._clock.now_ns() / 1e9 - last.ms * NS_PER_MS / 1e9))
        self._meter.gauge("openings_held", sum(state.size(HELD) for state in self._states.values()), stage="partitions")
        for kind, count in Counter(event.kind for event in events).items():
            self._meter.count("events_total", count, kind=kind.value)
