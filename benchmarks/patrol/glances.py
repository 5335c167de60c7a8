"""What a glance at a snapshot sees: days of streets in order, and every fault at its first look.

Streets of the scoring seeds, a look every five minutes, as 720p JPEG. A street in order goes as the patrol would take
it: full looks where something is new or still, and one in twelve at least. At four hours each fault takes the place of
the look in order; a fault that ends with a glance then would be found at a later visit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks._frame import Goal, Row, row
from benchmarks.patrol.kit import SCENARIO, say
from citywatch.adapters.cameras import glance
from citywatch.adapters.cameras.config import PatrolTerms
from citywatch.adapters.cameras.remembered import MOST_MARKS
from citywatch.testing.planes import Image
from citywatch.testing.scene_faults import RECIPES, Recipe, Severity, spoil
from citywatch.testing.street_life import DAY_S, StreetLife

WIDTH, HEIGHT = 1280, 720
JPEG_QUALITY = 85
STREETS = (10_101, 10_202, 10_303, 10_404)
APART_S = 300.0
LOOKS = int(DAY_S / APART_S)
FAULTS_AT = (85, 144, 200, 262)
"""Numbers of looks: seven in the morning, noon, before five, ten at night."""
SEVERITIES: tuple[Severity, ...] = ("medium", "severe")
_DAYLIGHT, _NIGHT = 0.3, 0.1
"""A fault that only a day, or a night, can show is tried when this much light is there, or no more."""


@dataclass
class _Seen:
    """Numbers of looks."""

    clean: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)


def rows(folder: Path) -> Iterator[Row]:
    del folder
    seen = _Seen()
    for number, street in enumerate(STREETS):
        _a_day(StreetLife(street, WIDTH, HEIGHT), number, seen)
        full = seen.clean.total() - seen.clean["glance"]
        say(
            f"{number + 1} of {len(STREETS)} streets: {full} of {seen.clean.total()} clean looks are full ones; missed "
            f"at the first glance: {sum(seen.missed.values())} of {seen.faults.total()} faults"
        )
    clean = seen.clean.total()
    note = ", ".join(f"{amount} {what}" for what, amount in sorted(seen.clean.items()))
    share = 100 * (clean - seen.clean["glance"]) / clean
    yield row(SCENARIO, "clean snapshots looked at in full", share, "%", note=f"{note}, of {clean} looks")
    for severity in SEVERITIES:
        missed = {name: amount for (name, of), amount in seen.missed.items() if of == severity}
        found = 100 * (1 - sum(missed.values()) / seen.faults[severity])
        goal = Goal(at_least=100) if severity == "severe" else None
        note = f"{seen.faults[severity]} faults; not found: {missed or 'none'}"
        yield row(SCENARIO, f"{severity} faults new at the first glance", found, "%", goal=goal, note=note)


def _a_day(life: StreetLife, ahead: int, seen: _Seen) -> None:
    full_every = PatrolTerms().snapshot_full_visits
    known: list[glance.Mark] = []
    last: glance.Mark | None = None
    glances = 0
    for look in range(LOOKS):
        at_s = look * APART_S
        if look in FAULTS_AT and last is not None:
            _faults(life, at_s, look, known, last, seen)
        now = _mark(life.look(at_s))
        if last is None or glances + ahead >= full_every - 1:
            why, ahead = "by turn", 0
        else:
            why = _closer(now, known, last)
        seen.clean[why] += 1
        glances = glances + 1 if why == "glance" else 0
        if why != "glance":
            known = [now, *known][:MOST_MARKS]
        last = now


def _faults(life: StreetLife, at_s: float, look: int, known: list[glance.Mark], last: glance.Mark, seen: _Seen) -> None:
    for recipe in RECIPES.values():
        if not _shows(recipe, life.light(at_s)):
            continue
        for severity in SEVERITIES:
            if severity in recipe.severities:
                seen.faults[severity] += 1
                bad = _mark(spoil(life, recipe, severity, at_s, look=look))
                if _closer(bad, known, last) == "glance":
                    seen.missed[recipe.name, severity] += 1


def _shows(recipe: Recipe, light: float) -> bool:
    """Whether one picture by this light can show it, before it is coded."""
    if recipe.where in ("coded", "time"):
        return False
    return {"day": light >= _DAYLIGHT, "night": light <= _NIGHT, "both": True}[recipe.hours]


def _closer(now: glance.Mark, known: list[glance.Mark], last: glance.Mark) -> str:
    if glance.is_new(now, known, last):
        return "new"
    return "still" if glance.is_still(now, last) else "glance"


def _mark(picture: Image) -> glance.Mark:
    """What a glance leaves of a picture that was sent as a JPEG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)
    jpeg: np.ndarray = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    mark = glance.take(jpeg.tobytes())
    if mark is None:
        raise RuntimeError("a JPEG that cannot be glanced at")
    return mark
