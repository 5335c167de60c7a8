"""The margins that the rules give of a look, as they are stored in the clean proof, and the answers beside them.

Stored is how far a look is from being in order, in units of the fault's threshold: below 0 in order, 0 or more bad
(the rules count the other way round). A fault for which a figure is missing is left out. Those of the faults that only
a reference tells, of the focus, of contrast and covers are lower bounds: rules/own_margins.py.

`margin.FAULT` is that of the look as it came. Where a fault has several ways of being found, of which each asks more of
a look that follows another bad one, `alone.FAULT.N` and `again.FAULT.N` are those of way N; a chain of looks is as far
as the worst of them allows (episodes.py). `answer.FAULT` is what the rules said: fine, found, or could not be checked;
the last because of weather, light or traffic that a margin knows of (UNSURE), or because nothing could be seen (BLIND).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from benchmarks.camera_faults.pipeline import Patrolled
from citywatch.domain.pictures import Fault
from citywatch.rules import hours, own_margins
from citywatch.rules.comparison import DEFAULT, Own, Trace
from citywatch.rules.comparison.light import is_lit_like_a_veil
from citywatch.rules.judgement import Judgement, judge
from citywatch.rules.own_margins import Ways
from citywatch.rules.pictures import Look, LookHistory, looks, margins
from citywatch.rules.references import View

PREFIX = "margin."
ALONE, AGAIN, ANSWER = "alone.", "again.", "answer."
DARK, DAY = "hour.dark", "hour.day"
FAR = "view.far"
"""How far the view lies from the first of its line, grid pixels: what references were displaced by is counted."""
FINE, FOUND, UNSURE, BLIND = 0.0, 1.0, 2.0, 3.0
_UNSURE = frozenset({Own.VIEW_CHANGES.value, Own.LIGHT_CHANGES.value})
_LOOKS = 3
"""So many looks back what is lost and found counts as known before a fault: as many as confirm one."""


@dataclass(slots=True)
class Followed:
    """One camera, look by look."""

    before: Look | None = None
    view: View | None = None
    traces: deque[Trace] = field(default_factory=lambda: deque(maxlen=_LOOKS))

    def of(self, camera: Patrolled) -> dict[str, float]:
        """Column -> figure of the camera's last look, judged with what was known before it."""
        if camera.row is None:
            return {}
        look = next(iter(looks(camera.row)))
        history, usual, trace, view = camera.before
        chain = None if history is None else LookHistory(**history)
        rows = {} if usual is None else usual["usual"]
        known = hours.nothing() if usual is None else usual["hours"]
        twilight = hours.is_twilight(known, look.at_ns)
        surely_day = hours.is_surely_day(known, look.at_ns)
        told = margins(chain, look, daylight=surely_day)
        by_light = view is not None and is_lit_like_a_veil(look, view, rows, known)
        told |= own_margins.margins(look, view, rows, trace, by_light=by_light, surely_day=surely_day)
        for fault, margin in own_margins.pale(look, view, rows, known, trace).items():
            told[fault] = min(told.get(fault, math.inf), margin)
        told[Fault.OUT_OF_FOCUS] = own_margins.focus(
            look,
            view,
            rows,
            told.get(Fault.OUT_OF_FOCUS, math.inf),
            trace=trace,
            twilight=twilight,
            new_hour=hours.is_new(known, look.at_ns),
        )
        self.traces.append(trace)
        same = view is not None and self.view is not None and view.picture == self.view.picture
        ways = own_margins.ways(
            look, self.before if same else None, view, rows, self.traces, by_light=by_light, surely_day=surely_day
        )
        self.before, self.view = look, view
        answers = judge(look, chain, view, rows, known, trace, DEFAULT)
        return {
            **{PREFIX + fault.value: -margin for fault, margin in told.items() if math.isfinite(margin)},
            **_of_ways(ways),
            **{ANSWER + fault.value: _answer(answers, fault) for fault in Fault},
            FAR: math.nan if view is None else math.hypot(*view.shift(look)),
            DARK: float(hours.is_dark(known, look.at_ns)),
            DAY: float(hours.is_mostly_day(known, look.at_ns)),
        }


def _of_ways(ways: Ways) -> dict[str, float]:
    """Both figures of each way; minus infinity where it is none."""
    return {
        f"{prefix}{fault.value}.{number}": -figure
        for fault, reaches in ways.items()
        for number, reach in enumerate(reaches)
        for prefix, figure in ((ALONE, reach.alone), (AGAIN, reach.again))
    }


def _answer(answers: Judgement, fault: Fault) -> float:
    if fault in answers.found:
        return FOUND
    why = answers.unchecked.get(fault)
    return FINE if why is None else UNSURE if why in _UNSURE else BLIND
