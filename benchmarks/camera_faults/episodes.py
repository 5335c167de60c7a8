"""How near a healthy camera came to a confirmed fault: the margin of each run of looks that would have confirmed one.

A fault is confirmed by looks in a row that were all bad, over a time (rules/confirmations.py). So a run is as near as
the one of its looks that was farthest from bad. All that the rules ask is asked:

- As many looks as the rule says, over its seconds. Fewer are enough where the last shows the same picture as the
  first, or as one that was left out; how alike they are is a margin, too, and the run is no nearer than that.
- Where a camera shakes, a look at which the view is back counts as a step, and confirms nothing sooner.
- A look that could not be checked counts for neither, so it does not end a run but two hours after the last that was
  bad. Where weather, light or traffic was
  why, it is left out, or counted by its margin, whichever brings the run nearer; else it is left out. By day, looks say
  nothing of a fault that was seen in the dark alone, for two hours.
- A look that follows one that was bad in the same way must show the same place, the same cells, the same picture. If it
  is bad and shows others, it is left out. After one in another way, or after one that was left out, nothing more is
  asked than of a first look.

Where the rules leave a choice, the nearer one is taken; so a run is never said to be farther than it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.camera_faults import margins
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Light
from citywatch.rules import likeness
from citywatch.rules.comparison import DEFAULT
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.faults import Confirmation
from citywatch.rules.suspicions import AWAY_PIXELS, BESIDE_A_BUS, STALE_SUSPICION_NS, TWO_BUSES

Floats = np.ndarray[Any, np.dtype[np.float64]]

FIGURES = ("mean", "texture_share", "u_mean", "v_mean", "contrast")
"""What likeness is told by."""
MOST_APART, STEADY_SHARE = 2.5, 0.6
"""Looks that are held against each other are no farther apart than so many times the rule's seconds; and the look just
before is the same picture when so much of it is found again: rules/suspicions.py."""
_STALE_S = STALE_SUSPICION_NS / NS_PER_S
_SHARE = 0.2
"""Runs are followed from this share of looks on, those that are nearest by themselves: no tail is fitted to others."""


@dataclass(frozen=True, slots=True)
class Looks:
    """One camera and one fault: columns over its looks. Below 0 in order; NaN or minus infinity: nothing to say.

    alone, again  by way of being found: shape (ways, looks)
    unchecked     the rules said that it could not be checked
    dark          made at an hour that is dark where the camera stands
    figures       shape (looks, 5)
    steady        the share of the look before that is found again
    by_day        made by the light of a day, or at an hour that is known as day
    telling       the same picture twice says that the fault is still there; where not, it takes twice the time
    away          the view is not where it always was: of a camera that shakes the way back is a step, too, and no
                  second look at a fault
    """

    at_s: Floats
    alone: Floats
    again: Floats
    unchecked: np.ndarray[Any, np.dtype[np.bool_]]
    dark: np.ndarray[Any, np.dtype[np.bool_]]
    figures: Floats
    steady: Floats
    by_day: np.ndarray[Any, np.dtype[np.bool_]]
    telling: np.ndarray[Any, np.dtype[np.bool_]]
    away: np.ndarray[Any, np.dtype[np.bool_]]


def faults_of(names: list[str]) -> list[Fault]:
    """The faults whose margins are stored."""
    stored = {name.removeprefix(margins.PREFIX) for name in names if name.startswith(margins.PREFIX)}
    return [fault for fault in Fault if fault.value in stored]


def looks_of(arrays: Mapping[str, Any], fault: Fault) -> Looks:
    """What is stored of a camera, of one fault. What an older run did not store is taken to be in order and by day."""
    at_s = np.asarray(arrays["at_s"], np.float64)
    answers = np.asarray(arrays.get(margins.ANSWER + fault.value, np.full(len(at_s), margins.FINE)), np.float64)
    blind = answers == margins.BLIND

    def column(name: str, missing: float) -> Floats:
        return np.asarray(arrays[name], np.float64) if name in arrays else np.full(len(at_s), missing)

    numbers = [number for number in range(9) if f"{margins.ALONE}{fault.value}.{number}" in arrays]
    alone = [column(f"{margins.ALONE}{fault.value}.{number}", math.nan) for number in numbers]
    again = [column(f"{margins.AGAIN}{fault.value}.{number}", math.nan) for number in numbers]
    if not numbers:
        alone = again = [column(margins.PREFIX + fault.value, math.nan)]
    return Looks(
        at_s,
        np.where(blind, math.nan, np.stack(alone)),
        np.where(blind, math.nan, np.stack(again)),
        blind | (answers == margins.UNSURE),
        column(margins.DARK, 0.0) > 0,
        np.stack([column(name, math.nan) for name in FIGURES], axis=1),
        column("steady_share", math.nan),
        (column("light", Light.DAY) <= Light.DAY) | (column(margins.DAY, 0.0) > 0),
        (column(margins.DARK, 0.0) <= 0) | (column("match_share", 1.0) >= BESIDE_A_BUS) | _lit(arrays)
        if fault is Fault.PARTLY_COVERED
        else np.ones(len(at_s), np.bool_),
        ~(column(margins.FAR, math.nan) < AWAY_PIXELS) if fault is Fault.SHAKING else np.ones(len(at_s), np.bool_),
    )


def _lit(arrays: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a look may be lit up by the camera's own lamp: nearly so bright for a dark hour as such a veil is."""
    mean, dark = np.asarray(arrays["mean"], np.float64), np.asarray(arrays.get(margins.DARK, 0.0)) > 0
    nights = mean[dark] if dark.any() else mean
    return np.asarray(mean >= DEFAULT.plain_brightness_of_usual * np.nanmedian(nights))


def runs(looks: Looks, rule: Confirmation) -> tuple[Floats, Floats]:
    """(when each run begins, how near it is to confirming), for runs that begin with one of the nearest looks; minus
    infinity for the others that have a margin.
    """
    first = np.where(np.isfinite(looks.alone), looks.alone, -np.inf).max(axis=0)
    known = np.flatnonzero(np.isfinite(first))
    if not len(known):
        return np.zeros(0), np.zeros(0)
    floor = float(np.quantile(first[known], 1.0 - _SHARE))
    near = np.array([_run(looks, rule, int(i), floor) if first[i] >= floor else -np.inf for i in known])
    return looks.at_s[known], near


def _run(looks: Looks, rule: Confirmation, first: int, floor: float) -> float:
    """How near the best run that begins with a look is; minus infinity where it falls below the floor."""
    # reached[looks counted so far][way of the last one, and whether a look was left out since]: the worst of the run
    ways = len(looks.alone)
    reached: dict[tuple[int, int], float] = {
        (1, way): float(looks.alone[way, first]) for way in range(ways) if looks.alone[way, first] >= floor
    }
    if rule.confirm_looks == 1:
        return max(reached.values(), default=-math.inf)
    others: list[int] = []
    long_s = TWO_BUSES * rule.confirm_seconds
    best, last_s, only_dark = -math.inf, looks.at_s[first], bool(looks.dark[first])
    for look in range(first + 1, len(looks.at_s)):
        at_s = looks.at_s[look]
        after: dict[tuple[int, int], float] = {}
        says_nothing = only_dark and not looks.dark[look] and looks.by_day[look] and at_s - last_s < _STALE_S
        alone = looks.alone[:, look]
        left_out = bool(looks.unchecked[look]) or says_nothing or not np.isfinite(alone).any()
        if left_out and at_s - last_s >= _STALE_S:
            return best
        skipped = math.inf if left_out else float(np.nanmax(alone))
        if skipped >= floor:
            others.append(look)
            for (count, _), worst in reached.items():
                _raise(after, (count, -1), min(worst, skipped))
        for (count, before), worst in reached.items():
            for way in range(ways):
                margin = float(looks.again[way, look] if way == before else alone[way])
                if margin >= floor:
                    _raise(after, (min(count + 1, rule.confirm_looks), way), min(worst, margin))
        if not after:
            return best
        if at_s - looks.at_s[first] >= rule.confirm_seconds:
            alike = max(_alike(looks, rule, look, mark) for mark in (first, *others))
            for (count, way), worst in after.items():
                if not looks.telling[look]:
                    if way >= 0 and count >= rule.confirm_looks and at_s - looks.at_s[first] >= long_s:
                        best = max(best, worst)
                elif way >= 0 and count >= rule.confirm_looks:
                    best = max(best, worst)
                elif way >= 0 and count >= rule.least_looks and looks.away[look]:
                    best = max(best, min(worst, alike))
            if best >= max(after.values()):
                return best
        if any(way >= 0 for _, way in after):
            last_s = at_s
            only_dark = only_dark and bool(looks.dark[look])
        reached = after
    return best


def _alike(looks: Looks, rule: Confirmation, look: int, mark: int) -> float:
    """How near a look is to showing what an earlier one did, as long ago as the rule asks and not much longer."""
    apart_s = looks.at_s[look] - looks.at_s[mark]
    if not looks.telling[mark] or not rule.confirm_seconds <= apart_s <= MOST_APART * rule.confirm_seconds:
        return -math.inf
    if rule.any_picture:
        return math.inf
    near = likeness.nearness(looks.figures[look].tolist(), looks.figures[mark].tolist())
    steady = float(looks.steady[look]) if mark == look - 1 else math.nan
    least = DEFAULT.steady_by_night if looks.dark[look] else STEADY_SHARE
    return near if math.isnan(steady) else max(near, (steady - least) / least)


def _raise(reached: dict[tuple[int, int], float], key: tuple[int, int], worst: float) -> None:
    reached[key] = max(reached.get(key, -math.inf), worst)


def rule_of(fault: Fault) -> Confirmation:
    """The rule in force where the configuration says nothing else."""
    return CONFIRMATIONS[fault]
