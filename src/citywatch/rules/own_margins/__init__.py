"""How far a look is from the faults that only a reference tells, moved, partly_covered and shaking; from being out of
focus, of which the reference has the last word; and from a loss of contrast or a cover against the camera's own.

As rules.pictures.margins: in units of a fault's threshold, positive is fine, 0 or less may be found. An alternative is
as far as its farthest check, those that weather and traffic must pass among them: haze, shadows, what creeps, a veil
that stays, another view that is the one of the look before, the cells of a cover. What hedges a finding beyond these is
left out, so that a look is never farther from a fault than is said here: false alarms that are extrapolated from these
figures are too many rather than too few.

A look that follows another one that was bad must show more than a first one: the same place, the same cells, the same
picture (`Reach.again`). That is asked of a look whatever the one before it was, so that the margin of looks in a row
can be told of looks in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules.comparison import DEFAULT, OwnThresholds, Trace
from citywatch.rules.likeness import likeness
from citywatch.rules.normals import Rows
from citywatch.rules.own_margins.blurs import focus
from citywatch.rules.own_margins.distances import down_to
from citywatch.rules.own_margins.paleness import pale
from citywatch.rules.own_margins.parts import lost_part
from citywatch.rules.own_margins.places import displaced_view, other_view, shaken_view, steady_view
from citywatch.rules.own_margins.veils import veiled_in_the_dark, veiled_part
from citywatch.rules.pictures import Look
from citywatch.rules.references import View

__all__ = ["Reach", "Ways", "focus", "margins", "pale", "ways"]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a look is from being found in one way.

    alone  after a look that was in order
    again  after one that was found in the same way, by what the rules ask of it besides
    """

    alone: float
    again: float


Ways = dict[Fault, tuple[Reach, ...]]
"""Each alternative of each fault."""


def margins(
    look: Look,
    view: View | None,
    rows: Rows,
    trace: Trace,
    limits: OwnThresholds = DEFAULT,
    *,
    by_light: bool = False,
    surely_day: bool = False,
) -> dict[Fault, float]:
    """Nothing where nothing can be compared; see rules.comparison.against for what goes in.

    by_light    whether lamps, or the day itself, explain what looks like a veil: rules/comparison/light.py
    surely_day  whether no dusk is ever at this hour: rules/hours.py
    """
    if look.outcome is not Outcome.PICTURE or view is None or math.isnan(look.match_share):
        return {}
    if trace.name != view.name:
        trace = Trace(view.name)
    told = {
        Fault.MOVED: min(displaced_view(look, view, rows, trace, limits), other_view(look, view, rows, trace, limits)),
        Fault.PARTLY_COVERED: min(
            lost_part(look, view, rows, trace, limits, surely_day),
            veiled_part(look, view, rows, trace, limits, by_light, not trace.veiled),
            veiled_in_the_dark(look, view, rows, limits),
        ),
        Fault.SHAKING: shaken_view(look, view, rows, trace, limits),
    }
    return {fault: margin for fault, margin in told.items() if math.isfinite(margin)}


def ways(
    look: Look,
    before: Look | None,
    view: View | None,
    rows: Rows,
    traces: Sequence[Trace],
    limits: OwnThresholds = DEFAULT,
    *,
    by_light: bool = False,
    surely_day: bool = False,
) -> Ways:
    """Moved and partly_covered, way by way; nothing where nothing can be compared.

    before  the look before, where it was compared with the same view
    traces  before each of the last looks, this one's last. Had they been bad, what was found at them would be no
            measure for what has gone since: the most and the least of all of them are asked for
    """
    if look.outcome is not Outcome.PICTURE or view is None or math.isnan(look.match_share):
        return {}
    known = [trace if trace.name == view.name else Trace(view.name) for trace in traces]
    first = replace(known[-1], strange=False, cells=0, veiled=False)
    then = replace(first, placed=False)
    if before is not None:
        x, y = view.shift(before)
        placed = not math.isnan(x)
        then = replace(
            first,
            x=x if placed else 0.0,
            y=y if placed else 0.0,
            placed=placed,
            cells=before.lost_cells,
            strange=True,
            veiled=True,
            passed=False,
            lost=min(trace.lost for trace in known),
            seen=max(trace.seen for trace in known),
            lately=max(trace.lately for trace in known),
            ratio=min((trace.ratio for trace in known if trace.ratio > 0), default=-1.0),
            like=likeness(before),
        )
    unlike = -math.inf
    if then.placed:
        x, y = view.shift(look)
        place = down_to(math.hypot(x - then.x, y - then.y), limits.same_pixels + 0.05 * math.hypot(x, y))
        unlike = min(steady_view(look, view, limits), place)
    in_the_dark = veiled_in_the_dark(look, view, rows, limits)
    return {
        Fault.MOVED: (
            Reach(
                displaced_view(look, view, rows, first, limits),
                max(displaced_view(look, view, rows, then, limits), unlike),
            ),
            Reach(other_view(look, view, rows, first, limits), other_view(look, view, rows, then, limits)),
        ),
        Fault.PARTLY_COVERED: (
            Reach(
                lost_part(look, view, rows, first, limits, surely_day),
                lost_part(look, view, rows, then, limits, surely_day),
            ),
            Reach(
                veiled_part(look, view, rows, first, limits, by_light, not known[-1].veiled),
                veiled_part(look, view, rows, then, limits, by_light, False),
            ),
            Reach(in_the_dark, in_the_dark),
        ),
    }
