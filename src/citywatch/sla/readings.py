"""Histories under a contract: two readings, the worst and the best for who answers, as stretches of time.

Which fact holds when is painted by a kernel; here is decided what a fact counts as. Externally disabled time that the
contract does not exclude counts as what was known of the device underneath, and as down where nothing was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from citywatch.domain.service import NEVER_NS, STANDINGS, STATES, ServiceState, Standing
from citywatch.kernels import intervals
from citywatch.sla.calendars import Hours
from citywatch.sla.contracts import Contract, Counts, Exclusion, Listed
from citywatch.sla.history import History

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_U8 = np.ndarray[Any, np.dtype[np.uint8]]

_UNKNOWN = STATES.index(ServiceState.UNKNOWN)
_UP = STATES.index(ServiceState.UP)
_DEGRADED = STATES.index(ServiceState.DEGRADED)
_DOWN = STATES.index(ServiceState.DOWN)
_DISABLED = STATES.index(ServiceState.DISABLED)
_RETIRED = STATES.index(ServiceState.RETIRED)
_INHIBITED = STANDINGS.index(Standing.INHIBITED)


class Class(IntEnum):
    """What a stretch counts as in one reading. Retired time is not required; nor is excluded time."""

    UP = 0
    DOWN = 1
    UNKNOWN = 2
    EXCLUDED = 3
    RETIRED = 4


CLASSES = len(Class)
_MEANING = np.array([intervals.WORKS, intervals.FAILS, intervals.OTHER, intervals.OTHER, intervals.GONE], np.uint8)


@dataclass(frozen=True, eq=False)
class Reading:
    """The stretches of all devices, by device and time, from the beginning to the end of time.

    device   (s,) int64   index of the device
    begin, end (s,) int64, ns
    fact     (s,) int64   row of the history that holds, -1 for none
    state    (s,) int8    number of the state that was told; UNKNOWN where none was
    counts   (s,) uint8   Class
    """

    history: History
    device: _I64
    begin: _I64
    end: _I64
    fact: _I64
    state: Any
    counts: _U8

    def spent(self, hours: Hours, from_ns: int, to_ns: int) -> _I64:
        """(s,) ns of each stretch inside the window and the hours."""
        if len(hours.opens) == 1:  # around the clock, mostly
            first, last = max(int(hours.opens[0]), from_ns), min(int(hours.closes[0]), to_ns)
            inside: _I64 = np.minimum(self.end, last) - np.maximum(self.begin, first)
            return np.maximum(inside, 0, out=inside)
        out = np.empty(len(self.begin), np.int64)
        intervals.required(self.begin, self.end, hours.opens, hours.closes, from_ns, to_ns, out)
        return out

    def meaning(self) -> _U8:
        """(s,) what each stretch means for failures. Whatever unknown time counts as, it begins and ends none."""
        return np.where(self.state == _UNKNOWN, np.uint8(intervals.OTHER), _MEANING[self.counts])

    def cause(self) -> Any:
        """(s,) index into the history's words: why the state was told; the first word is ''."""
        if not len(self.history):
            return np.zeros(len(self.fact), np.int64)
        return np.where(self.fact >= 0, self.history.cause[self.fact], 0)


@dataclass(frozen=True, slots=True)
class Readings:
    """Both readings; they are the same object where nothing differs."""

    worst: Reading
    best: Reading


def read(
    history: History,
    contract: Contract,
    register: Mapping[str, Listed],
    *,
    known_until_ns: int = NEVER_NS,
) -> Readings:
    """Both readings of a history (already as known at some instant) under a contract.

    What was seen counts up to `known_until_ns`; behind it is unknown. What was declared ahead (work, retirement) counts
    there, too.
    """
    surely, maybe = _excluded(history, contract, register)
    ends = (history.state < _DISABLED) | (history.standing == _INHIBITED)
    terms = contract.intact
    one = history.is_exact and np.array_equal(surely, maybe)
    worst = _painted(history, history.worst_from, _until(history.worst_to, ends, known_until_ns), surely)
    best = worst if one else _painted(history, history.best_from, _until(history.best_to, ends, known_until_ns), maybe)
    if one and terms.degraded is not Counts.BETWEEN:
        reading = _counted(history, worst, contract, surely, worst_case=True)
        return Readings(reading, reading)
    return Readings(
        _counted(history, worst, contract, surely, worst_case=True),
        _counted(history, best, contract, maybe, worst_case=False),
    )


def _until(ends_ns: _I64, seen: Any, known_until_ns: int) -> _I64:
    return np.where(seen, np.minimum(ends_ns, known_until_ns), ends_ns) if known_until_ns < NEVER_NS else ends_ns


_Painted = tuple[_I64, _I64, _I64, _I64, Any]


def _painted(history: History, begin: _I64, end: _I64, excluded: Any) -> _Painted:
    """device, begin, end, fact and state of each stretch. Disabled time that is not excluded goes below everything."""
    devices = len(history.devices)
    below = (history.state == _DISABLED) & ~excluded
    rank = history.device.astype(np.int64)
    rows: _I64 | None = None
    if below.any():
        rows = np.argsort(2 * rank + ~below, kind="stable")
        begin, end = begin[rows], end[rows]
    offsets = np.zeros(devices + 1, np.int64)
    np.cumsum(np.bincount(rank, minlength=devices), out=offsets[1:])
    room = 2 * len(begin) + devices
    out = tuple(np.empty(room, np.int64) for _ in range(4))
    made = intervals.paint(offsets, np.ascontiguousarray(begin), np.ascontiguousarray(end), *out)
    device, from_ns, to_ns, fact = (column[:made] for column in out)
    if rows is not None:
        fact = np.where(fact >= 0, rows[fact], -1)
    # Row -1 is the one behind the last: nothing was said.
    state = np.append(history.state, np.int8(_UNKNOWN))[fact]
    return device, from_ns, to_ns, fact, state


def _counted(history: History, painted: _Painted, contract: Contract, excluded: Any, *, worst_case: bool) -> Reading:
    device, begin, end, fact, state = painted
    terms = contract.intact
    table = np.empty(len(STATES), np.uint8)
    table[_UP] = Class.UP
    table[_DOWN] = Class.DOWN
    table[_DISABLED] = Class.EXCLUDED
    table[_RETIRED] = Class.RETIRED
    between = Class.DOWN if worst_case else Class.UP
    table[_UNKNOWN] = {
        Counts.UP: Class.UP,
        Counts.DOWN: Class.DOWN,
        Counts.EXCLUDED: Class.EXCLUDED,
        Counts.BETWEEN: Class.UNKNOWN,
    }[terms.unknown]
    table[_DEGRADED] = {Counts.UP: Class.UP, Counts.DOWN: Class.DOWN, Counts.BETWEEN: between}[terms.degraded]
    counts = table[state]
    # Disabled, not excluded, and nothing known underneath: it did not work, and nobody else is to blame.
    if contract.exclusions is not None and len(history):
        counts[(state == _DISABLED) & ~excluded[fact]] = Class.DOWN
    return Reading(history, device, begin, end, fact, state, counts)


def _excluded(history: History, contract: Contract, register: Mapping[str, Listed]) -> tuple[Any, Any]:
    """Of each fact, whether it says disabled time that is excluded: surely, and maybe."""
    disabled = history.state == _DISABLED
    if contract.exclusions is None:
        return disabled, disabled
    surely, maybe = np.zeros(len(history), bool), np.zeros(len(history), bool)
    rows = np.flatnonzero(disabled)
    late = history.known[rows] - history.worst_from[rows]  # 2**62 apart at most: no overflow
    pairs = history.device[rows].astype(np.int64) * len(history.words) + history.cause[rows]
    for exclusion in contract.exclusions:
        in_time = np.ones(len(rows), bool) if exclusion.declared_within is None else late <= exclusion.declared_within
        for pair in np.unique(pairs).tolist():
            device, cause = divmod(pair, len(history.words))
            answer = _applies(exclusion, history.words[cause], history.devices[device], contract, register)
            if answer is False:
                continue
            these = rows[(pairs == pair) & in_time]
            maybe[these] = True
            if answer:
                surely[these] = True
    return surely, maybe


def _applies(
    exclusion: Exclusion, cause: str, device: str, contract: Contract, register: Mapping[str, Listed]
) -> bool | None:
    """Whether an exclusion speaks of this cause at this device; None when it is not known who answers."""
    word, _, about = cause.partition(":")
    if not fnmatchcase(word.strip(), exclusion.cause):
        return False
    if not exclusion.only_if_others_answer:
        return True
    ours = contract.contractor or register.get(device, Listed(device)).contractor
    theirs = register.get(about.strip(), Listed(about)).contractor
    return theirs != ours if ours and theirs else None
