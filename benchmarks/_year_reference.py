"""Two plain ways to the seconds of a history, to hold the figures against; neither knows an interval's arithmetic.

`walked` asks for every second, in plain Python, which fact is the strongest that holds: tests/sla/slow_model.py without
what the year's contract has no use for (exclusions by cause, calendars), a test compares the two. `painted` has an
array with one byte a second, over which facts are written from the weakest to the strongest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from citywatch.domain.service import STANDINGS, STATES, ServiceState, Standing
from citywatch.sla.history import History

S = 1_000_000_000
COUNTS = ("up", "down", "unknown", "excluded", "retired")
_OF_STATE = {
    ServiceState.UP: 0,
    ServiceState.DEGRADED: 0,
    ServiceState.DOWN: 1,
    ServiceState.UNKNOWN: 2,
    ServiceState.DISABLED: 3,
    ServiceState.RETIRED: 4,
}
_COUNT = np.array([_OF_STATE[state] for state in STATES], np.uint8)
_AHEAD = frozenset({ServiceState.DISABLED, ServiceState.RETIRED})

Fact = tuple[int, int, int]
"""From and to (ns), and what the time counts as."""


def facts_of(history: History, known_until_ns: int, *, worst: bool) -> list[list[Fact]]:
    """The facts of each device in one reading, from the weakest to the strongest."""
    begin, end = (history.worst_from, history.worst_to) if worst else (history.best_from, history.best_to)
    columns = (history.best_to, history.worst_to, history.best_from, history.worst_from, history.state)
    order = np.lexsort((*columns, history.number, history.known, history.standing, history.device))
    found: list[list[Fact]] = [[] for _ in history.devices]
    inhibited = STANDINGS.index(Standing.INHIBITED)
    for row in order.tolist():
        ahead = STATES[history.state[row]] in _AHEAD and history.standing[row] != inhibited
        until = int(end[row]) if ahead else min(int(end[row]), known_until_ns)
        if begin[row] < until:
            found[history.device[row]].append((int(begin[row]), until, int(_COUNT[history.state[row]])))
    return found


def walked(facts: Sequence[Fact], from_ns: int, to_ns: int) -> tuple[int, ...]:
    """Seconds by what they count as, second by second."""
    spent = [0] * len(COUNTS)
    strongest_first = [fact for fact in reversed(facts) if fact[0] < to_ns and fact[1] > from_ns]
    for at_ns in range(from_ns, to_ns, S):
        counts = 2
        for begin, end, what in strongest_first:
            if begin <= at_ns < end:
                counts = what
                break
        spent[counts] += 1
    return tuple(spent)


def painted(
    facts: Sequence[Fact], from_ns: int, to_ns: int, seconds: np.ndarray[Any, np.dtype[np.uint8]]
) -> tuple[int, ...]:
    """The same by an array of `(to_ns - from_ns) / 1 s` bytes, which is written over."""
    seconds[:] = 2
    for begin, end, what in facts:
        first, beyond = (begin - from_ns + S - 1) // S, (end - from_ns + S - 1) // S
        seconds[max(first, 0) : max(beyond, 0)] = what
    return tuple(int(np.count_nonzero(seconds == what)) for what in range(len(COUNTS)))
