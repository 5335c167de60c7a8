"""Figures of a window: how much time was up, down, unknown and excluded, of any group of devices, in both readings.

All in whole nanoseconds. Sums of a fleet leave 64 bits, so seconds and rests are added apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.service import STATES, ServiceState
from citywatch.kernels import intervals
from citywatch.sla.calendars import Calendar, Hours
from citywatch.sla.contracts import ClockTerms
from citywatch.sla.readings import CLASSES, Class, Reading, Readings
from citywatch.sla.verdicts import Share

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_DEGRADED = STATES.index(ServiceState.DEGRADED)
_LONGEST_NS = 10 * 366 * 86_400 * NS_PER_S
"""A failure that began longer ago is taken as so old: calendars are not worked out further back."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Device-time of one reading, ns. `degraded_ns` is part of what it counts as."""

    up_ns: int
    down_ns: int
    unknown_ns: int
    excluded_ns: int
    retired_ns: int
    degraded_ns: int = 0

    @property
    def required_ns(self) -> int:
        return self.up_ns + self.down_ns + self.unknown_ns


@dataclass(frozen=True, slots=True)
class Figure:
    """A group of devices: `devices` counts those of which any time was required."""

    devices: int
    worst: Tally
    best: Tally

    @property
    def share(self) -> Share | None:
        """The intact rate: unknown is not up in the worst reading, and as if up in the best. None: nothing required.

        A reading that excludes less may be the better one; the bounds are put in order.
        """
        worst, best = self.worst.required_ns, self.best.required_ns
        if not worst and not best:
            return None
        low = Fraction(self.worst.up_ns, worst) if worst else Fraction(1)
        high = Fraction(self.best.up_ns + self.best.unknown_ns, best) if best else Fraction(1)
        in_order = worst == best and self.worst.up_ns <= self.best.up_ns + self.best.unknown_ns
        return Share(low, high) if in_order or low <= high else Share(high, low)


@dataclass(frozen=True, eq=False)
class Window:
    """One window and calendar over both readings, measured once; every figure is a sum over it."""

    readings: Readings
    hours: Hours
    from_ns: int
    to_ns: int
    worst_spent: _I64
    best_spent: _I64

    @classmethod
    def of(cls, readings: Readings, calendar: Calendar, from_ns: int, to_ns: int) -> Window:
        """ValueError for an empty window."""
        if from_ns >= to_ns:
            raise ValueError("the window is empty: it must end behind its beginning")
        hours = calendar.within(from_ns, to_ns)
        worst = readings.worst.spent(hours, from_ns, to_ns)
        # Where the readings differ only in what time counts as, the stretches are the same.
        same = readings.best.begin is readings.worst.begin and readings.best.end is readings.worst.end
        best = worst if same else readings.best.spent(hours, from_ns, to_ns)
        return cls(readings, hours, from_ns, to_ns, worst, best)

    @property
    def is_one(self) -> bool:
        """Whether both readings are one."""
        return self.readings.best is self.readings.worst

    def figure(self) -> Figure:
        """Of all devices together."""
        return self.figures(np.zeros(len(self.readings.worst.history.devices), np.int64), 1)[0]

    def figures(self, group: _I64, groups: int) -> list[Figure]:
        """Of each group; `group` (d,) int64 says where each device belongs."""
        worst = _tallies(self.readings.worst, self.worst_spent, self._inside[0], group, groups)
        best = worst
        if not self.is_one:
            best = _tallies(self.readings.best, self.best_spent, self._inside[1], group, groups)
        needed = self._required
        count = np.bincount(group[needed], minlength=groups)
        return [Figure(int(n), w, b) for n, w, b in zip(count, worst, best, strict=True)]

    @cached_property
    def _inside(self) -> tuple[Any, Any]:
        """The stretches of each reading that have any time in the window; None for all of them."""
        worst = _some(self.worst_spent)
        return worst, worst if self.best_spent is self.worst_spent else _some(self.best_spent)

    def low_devices(self, most: int) -> list[int]:
        """The devices with the lowest surely intact share below one, those with the most down time first among
        equals, then by name. A device's own time fits into 64 bits.
        """
        reading = self.readings.worst
        count = len(reading.history.devices)
        parts = np.zeros(count * CLASSES, np.int64)
        intervals.add_up(
            self.worst_spent, reading.device * CLASSES + reading.counts, intervals.END, np.zeros_like(parts), parts
        )
        up, down, unknown = (parts[kind::CLASSES] for kind in (Class.UP, Class.DOWN, Class.UNKNOWN))
        required = up + down + unknown
        low = np.flatnonzero((required > 0) & (up < required))
        share = up[low] / required[low]
        return [int(low[n]) for n in np.lexsort((low, -down[low], share))[:most]]

    @cached_property
    def _required(self) -> Any:
        """(d,) whether any time of a device is required, in either reading."""
        needed = np.zeros(len(self.readings.worst.history.devices), bool)
        sides = ((self.readings.worst, self.worst_spent), (self.readings.best, self.best_spent))
        for reading, spent in sides[: 1 if self.is_one else 2]:
            needed[reading.device[(spent > 0) & (reading.counts <= Class.UNKNOWN)]] = True
        return needed

    def down_by_cause(self, *, worst: bool = True) -> dict[str, int]:
        """Down time by what caused it, ns; longest first."""
        return self._by_cause(Class.DOWN, worst)

    def excluded_by_cause(self, *, worst: bool = True) -> dict[str, int]:
        """Excluded time by its cause, ns; longest first."""
        return self._by_cause(Class.EXCLUDED, worst)

    def _by_cause(self, kind: Class, worst: bool) -> dict[str, int]:
        reading, spent = self._side(worst)
        rows = np.flatnonzero((reading.counts == kind) & (spent > 0))
        cause = reading.cause()[rows]
        told = np.flatnonzero(np.bincount(cause, minlength=1))  # few of many words
        place = np.zeros(len(reading.history.words), np.int64)
        place[told] = np.arange(len(told))
        names = [reading.history.words[word] for word in told.tolist()]
        return _named(sums(spent[rows], place[cause], len(told)), names)

    def counts_now(self, kind: Class, group: _I64, groups: int, *, worst: bool = True) -> list[int]:
        """How many devices of each group are in a class at the end of the window."""
        reading, _ = self._side(worst)
        last = (reading.begin < self.to_ns) & (reading.end >= self.to_ns) & (reading.counts == kind)
        return [int(n) for n in np.bincount(group[reading.device[last]], minlength=groups)]

    def _side(self, worst: bool) -> tuple[Reading, _I64]:
        return (self.readings.worst, self.worst_spent) if worst else (self.readings.best, self.best_spent)


@dataclass(frozen=True, eq=False)
class Failures:
    """Failures of one reading that touch a window.

    device (f,) int64; begin, end (f,) int64, ns: END while it lasts at the end of the window
    cause  (f,) int64  index into the history's words, of its first stretch
    begun  (f,) bool   it began inside the window
    first, behind (f,) int64  its stretches in the reading
    """

    reading: Reading
    device: _I64
    begin: _I64
    end: _I64
    cause: _I64
    begun: Any
    first: _I64
    behind: _I64

    @classmethod
    def of(cls, reading: Reading, from_ns: int, to_ns: int) -> Failures:
        size = len(reading.begin)
        first, behind, end = (np.empty(size, np.int64) for _ in range(3))
        made = intervals.failures(reading.device, reading.begin, reading.meaning(), first, behind, end)
        first, behind, end = first[:made], behind[:made], end[:made]
        begin = reading.begin[first]
        touches = (begin < to_ns) & (end > from_ns)
        first, behind, begin = first[touches], behind[touches], begin[touches]
        end = np.where(end[touches] >= to_ns, intervals.END, end[touches])
        cause = reading.cause()[first]
        return cls(reading, reading.device[first], begin, end, cause, begin >= from_ns, first, behind)

    def elapsed(self, calendar: Calendar, to_ns: int, stood: Sequence[tuple[int, int, int]] = ()) -> _I64:
        """(f,) ns on a calendar from the beginning of each failure to its end, or to the end of the window.

        Excluded time inside does not run, nor do the times (device, from, to) of `stood`.
        """
        if not len(self.begin):
            return self.begin
        oldest = max(int(self.begin.min()), to_ns - _LONGEST_NS)
        hours = calendar.within(oldest, to_ns)
        spent = self.reading.spent(hours, oldest, to_ns)
        spent[self.reading.counts >= Class.EXCLUDED] = 0
        total = np.zeros(len(spent) + 1, np.int64)
        np.cumsum(spent, out=total[1:])  # may leave 64 bits; differences come back
        found: _I64 = total[self.behind] - total[self.first]
        for device, begin, end in _apart(stood):
            for i in np.flatnonzero(self.device == device).tolist():
                found[i] -= self._running(i, hours, max(begin, oldest), min(end, to_ns))
        return found

    def _running(self, failure: int, hours: Hours, from_ns: int, to_ns: int) -> int:
        """How long the clock of a failure runs inside a time, ns."""
        rows = slice(int(self.first[failure]), int(self.behind[failure]))
        runs = self.reading.counts[rows] < Class.EXCLUDED
        begin = np.maximum(self.reading.begin[rows][runs], from_ns)
        end = np.minimum(self.reading.end[rows][runs], to_ns)
        return sum(hours.between(a, b) for a, b in zip(begin.tolist(), end.tolist(), strict=True) if a < b)


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases against a clock: kept in time, broken, or still running within it."""

    kept: int
    broken: int
    running: int

    @property
    def total(self) -> int:
        return self.kept + self.broken + self.running


def repair_cases(failures: Failures, elapsed: _I64, terms: ClockTerms) -> Cases:
    """The failures that touch a window against the repair clock; `elapsed` as of `Failures.elapsed`."""
    late = elapsed > terms.within
    lasts = failures.end == intervals.END
    broken, running = int(late.sum()), int((lasts & ~late).sum())
    return Cases(len(elapsed) - broken - running, broken, running)


def share_of(worst: Cases, best: Cases) -> Share:
    """Cases kept, of both readings: what still runs is broken in the worst one and kept in the best. None: all kept."""
    low = Fraction(worst.kept, worst.total) if worst.total else Fraction(1)
    high = Fraction(best.kept + best.running, best.total) if best.total else Fraction(1)
    return Share(min(low, high), max(low, high))


def sums(spent: _I64, code: Any, codes: int) -> list[int]:
    """Exact sums of nanoseconds by code."""
    whole, rest = np.zeros(codes, np.int64), np.zeros(codes, np.int64)
    intervals.add_up(spent, np.ascontiguousarray(code, np.int64), NS_PER_S, whole, rest)
    return [a * NS_PER_S + b for a, b in zip(whole.tolist(), rest.tolist(), strict=True)]


def _apart(times: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(device, from, to), those of a device that touch or overlap made one: nothing is left out twice."""
    found: list[tuple[int, int, int]] = []
    for device, begin, end in sorted(times):
        if found and found[-1][0] == device and begin <= found[-1][2]:
            found[-1] = (device, found[-1][1], max(found[-1][2], end))
        elif begin < end:
            found.append((device, begin, end))
    return found


def _some(spent: _I64) -> Any:
    rows = np.flatnonzero(spent)
    return rows if 2 * len(rows) < len(spent) else None


def _tallies(reading: Reading, spent: _I64, rows: Any, group: _I64, groups: int) -> list[Tally]:
    device, counts, state = reading.device, reading.counts, reading.state
    if rows is not None:
        spent, device, counts, state = spent[rows], device[rows], counts[rows], state[rows]
    place = group[device]
    parts = sums(spent, place * CLASSES + counts, groups * CLASSES)
    degraded = state == _DEGRADED
    some = sums(spent[degraded], place[degraded], groups) if degraded.any() else [0] * groups
    columns = (parts[kind::CLASSES] for kind in range(CLASSES))
    return [Tally(*row) for row in zip(*columns, some, strict=True)]


def _named(totals: list[int], words: Sequence[str]) -> dict[str, int]:
    found = sorted(((total, word) for total, word in zip(totals, words, strict=True) if total), key=_longest_first)
    return {word: total for total, word in found}


def _longest_first(item: tuple[int, str]) -> tuple[int, str]:
    return -item[0], item[1]
