"""Availability between two instants, the simple form: all time is required time, nothing is disabled.

A state is known to begin inside a bracket: it was surely so from one instant on and may have been so from another
(domain sheet, section 6). So a sequence of states has two readings:

* the worst: every time down begins at its earliest instant (the last good look) and every time up at its latest
  (the first good look); time that nobody knows anything about counts as not up;
* the best: the other bounds; unknown time counts as if it had been up.

The truth lies between. Unknown is: before the first look, while nobody looked, and after `known_until_ns`, the
instant up to which states have been decided (never later than now). It is shown as unknown in both readings, never
added to either side. A device that was removed is not required from then on: that time is in no reading at all, until
it is added again. All arithmetic is in whole nanoseconds and exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from citywatch.domain.devices import DeviceState


class SlaVerdict(StrEnum):
    """A figure against its target. Undecided: the worst reading misses it and the best one meets it."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A device is in `state` from an instant that is known within bounds, until its next change.

    `worst_from_ns` is the bound of the worst reading, `best_from_ns` that of the best: for up the worst bound is
    the later one, for down the earlier one. ValueError when they stand the wrong way round.
    """

    state: DeviceState
    worst_from_ns: int
    best_from_ns: int

    def __post_init__(self) -> None:
        wrong = (self.state is DeviceState.UP and self.worst_from_ns < self.best_from_ns) or (
            self.state is DeviceState.DOWN and self.worst_from_ns > self.best_from_ns
        )
        if wrong:
            raise ValueError(
                f"{self.state}: worst_from_ns {self.worst_from_ns} and best_from_ns {self.best_from_ns} "
                "stand the wrong way round"
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a window: how long up, down and unknown, in nanoseconds."""

    up_ns: int
    down_ns: int
    unknown_ns: int

    @property
    def total_ns(self) -> int:
        return self.up_ns + self.down_ns + self.unknown_ns

    def __add__(self, other: Reading) -> Reading:
        return Reading(self.up_ns + other.up_ns, self.down_ns + other.down_ns, self.unknown_ns + other.unknown_ns)


@dataclass(frozen=True, slots=True)
class Availability:
    """The figure of one or more devices over one window. `worst_share <= best_share` always.

    `devices` counts those of which any time was required; without one there is no share (ZeroDivisionError).
    """

    devices: int
    worst: Reading
    best: Reading

    @property
    def worst_share(self) -> Fraction:
        """Surely up, as a share of all time."""
        return Fraction(self.worst.up_ns, self.worst.total_ns)

    @property
    def best_share(self) -> Fraction:
        """Not known to have been down, as a share of all time."""
        return Fraction(self.best.up_ns + self.best.unknown_ns, self.best.total_ns)

    def verdict(self, target: Fraction) -> SlaVerdict:
        """Against a target share such as Fraction(95, 100). Reaching it exactly is meeting it."""
        if self.worst_share >= target:
            return SlaVerdict.MET
        return SlaVerdict.MISSED if self.best_share < target else SlaVerdict.UNDECIDED


def availability(changes: Sequence[StateChange], from_ns: int, to_ns: int, *, known_until_ns: int) -> Availability:
    """One device in the window [from_ns, to_ns). `changes` are its states in the order in which they were decided.

    A later decision stands from its own instant on, over anything decided before it. The window must not be empty.
    """
    if from_ns >= to_ns:
        raise ValueError(f"the window from {from_ns} to {to_ns} ns is empty")
    worst = _reading(((c.state, c.worst_from_ns) for c in reversed(changes)), from_ns, to_ns, known_until_ns)
    best = _reading(((c.state, c.best_from_ns) for c in reversed(changes)), from_ns, to_ns, known_until_ns)
    return Availability(1 if worst.total_ns or best.total_ns else 0, worst, best)


def together(parts: Iterable[Availability]) -> Availability | None:
    """A fleet: the device-time of its devices added up. None for no device at all."""
    devices, worst, best = 0, Reading(0, 0, 0), Reading(0, 0, 0)
    for part in parts:
        devices, worst, best = devices + part.devices, worst + part.worst, best + part.best
    return Availability(devices, worst, best) if devices else None


def _reading(newest_first: Iterable[tuple[DeviceState, int]], from_ns: int, to_ns: int, known_until_ns: int) -> Reading:
    known_to_ns = min(max(known_until_ns, from_ns), to_ns)
    spent = dict.fromkeys(DeviceState, 0)
    end_ns = known_to_ns
    spent[DeviceState.UNKNOWN] = to_ns - known_to_ns
    for number, (state, begin_ns) in enumerate(newest_first):
        if number == 0 and state is DeviceState.REMOVED and begin_ns <= known_to_ns:
            spent[DeviceState.UNKNOWN] = 0
        if end_ns == from_ns:
            break
        begin_ns = min(max(begin_ns, from_ns), end_ns)  # noqa: PLW2901  (clipped to what is left of the window)
        spent[state] += end_ns - begin_ns
        end_ns = begin_ns
    spent[DeviceState.UNKNOWN] += end_ns - from_ns
    # The simple form knows two sides: a picture that can be used is up. Contracts may say otherwise.
    return Reading(
        spent[DeviceState.UP] + spent[DeviceState.DEGRADED], spent[DeviceState.DOWN], spent[DeviceState.UNKNOWN]
    )
