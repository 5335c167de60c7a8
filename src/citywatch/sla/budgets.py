"""Error budgets: what is left of them, how fast they burn, and when a figure breaks.

A fleet with a target of 95 % may be down 5 % of its time. A burn rate of 1 uses exactly that. The four usual pairs of
rate and window come from the Site Reliability Workbook (chapter 5); at 95 % the first two mean 72 % and 30 % of a fleet
dark, so they are told per group, with counts beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from citywatch.domain.instants import NS_PER_S
from citywatch.sla.availability import SlaVerdict
from citywatch.sla.contracts import Penalty
from citywatch.sla.figures import Figure, Tally

HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS

BURNS: tuple[tuple[Fraction, int], ...] = (
    (Fraction(144, 10), HOUR_NS),
    (Fraction(6), 6 * HOUR_NS),
    (Fraction(3), DAY_NS),
    (Fraction(1), 3 * DAY_NS),
)
"""Rate that is too much, over the window before an instant."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Down time that the target allows of the required time, and what of it is used, ns. Left may be negative."""

    allowed_ns: Fraction
    used_best_ns: int
    used_worst_ns: int

    @property
    def left_worst_ns(self) -> Fraction:
        return self.allowed_ns - self.used_worst_ns

    @property
    def left_best_ns(self) -> Fraction:
        return self.allowed_ns - self.used_best_ns


def budget(figure: Figure, target: Fraction, so_far: Figure | None = None) -> Budget:
    """Of the required time of the worst reading. In it unknown time is used; in the best one it is not.

    `so_far`: the part of the window that has been, where it is not over: what lies ahead has used nothing yet.
    """
    been = so_far or figure
    used_worst_ns = been.worst.down_ns + been.worst.unknown_ns
    return Budget((1 - target) * figure.worst.required_ns, been.best.down_ns, used_worst_ns)


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast a group burns: multiples of its budget, between two bounds. None: a target of 100 % has no budget."""

    best: Fraction | None
    worst: Fraction | None

    def above(self, rate: Fraction) -> SlaVerdict | None:
        """Whether the rate is kept (met), surely exceeded (missed), or undecided; None without a rate."""
        if self.best is None or self.worst is None:
            return None
        if self.worst < rate:
            return SlaVerdict.MET
        return SlaVerdict.MISSED if self.best >= rate else SlaVerdict.UNDECIDED


def burn(figure: Figure, target: Fraction) -> Burn:
    """Of one window."""
    share = figure.share
    if share is None or target == 1:
        return Burn(None, None)
    return Burn((1 - share.best) / (1 - target), (1 - share.worst) / (1 - target))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes when failures begin and last as in the window (Little's law: down = arrivals x mean down time).

    arrivals_per_day       failures begun a day
    mean_down_ns           of a failure that touched the window; None without one
    expected_down          devices down at a time
    most_arrivals_per_day  up to which the target holds; None without a failure
    breaks_at_ns           instant at which the figure, carried on, falls below the target; None: it does not
    broken                 it is below already
    """

    arrivals_per_day: Fraction
    mean_down_ns: Fraction | None
    expected_down: Fraction
    most_arrivals_per_day: Fraction | None
    breaks_at_ns: int | None
    broken: bool


def outlook(
    tally: Tally,
    *,
    devices: int,
    begun: int,
    touched: int,
    target: Fraction,
    from_ns: int,
    to_ns: int,
    unknown_is_up: bool,
) -> Outlook:
    """From one reading of a window. `begun` and `touched` count its failures, `devices` those that were required."""
    arrivals = Fraction(begun * DAY_NS, to_ns - from_ns)
    mean_down = Fraction(tally.down_ns, touched) if touched else None
    expected = arrivals / DAY_NS * mean_down if mean_down is not None else Fraction(0)
    most = (1 - target) * devices * DAY_NS / mean_down if mean_down else None
    up_ns = tally.up_ns + (tally.unknown_ns if unknown_is_up else 0)
    required_ns = tally.required_ns
    surplus = up_ns - target * required_ns
    broken = surplus < 0
    breaks_at = None
    if not broken and devices and required_ns:
        coming = max(1 - expected / devices, Fraction(0))
        if coming < target:
            pace = Fraction(required_ns, to_ns - from_ns)
            breaks_at = to_ns + int(surplus / (pace * (target - coming)))
    return Outlook(arrivals, mean_down, expected, most, breaks_at, broken)


def deducted(share: Fraction, penalties: tuple[Penalty, ...]) -> Fraction:
    """Per cent that the steps deduct at a figure: the hardest step that it is below."""
    steps = [Fraction(step.deduct_percent) for step in penalties if share < Fraction(step.below_percent) / 100]
    return max(steps, default=Fraction(0))
