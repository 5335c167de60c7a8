"""What is usual for one camera: small running statistics of its own looks in order, one set for each light.

A Normal is a number of looks, a mean and a spread (the mean distance of a look from the mean before it). The first
looks weigh equally; once `MEMORY` of them are known, each new one weighs 1/MEMORY, so that the seasons are followed.
It is made row by row in the order of a camera's rows and rounded each time, so it is the same however rows are
batched, and it stays short as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from citywatch.domain.pictures import Light
from citywatch.rules.pictures import Look

MEMORY = 300
"""Looks over which a camera's usual is remembered: with a visit every five minutes about a day of one light."""
KNOWN_AFTER = 6
"""Looks after which a usual is known."""
_DIGITS = 5

MEASURES = (
    "mean", "contrast", "relative_contrast", "sharpness", "noise_sd", "texture_share", "chroma_sd", "fps",
    "match_share", "lost_share", "sharpness_ratio", "contrast_ratio",
)  # fmt: skip
"""What is remembered; names of columns but for the one that `figure` makes."""

Rows = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Normal:
    """What is usual of one measure by one light."""

    looks: int
    mean: float
    spread: float

    @property
    def known(self) -> bool:
        return self.looks >= KNOWN_AFTER

    def low(self, share: float, spreads: float) -> float:
        """The threshold below which a value is too low: `share` of the usual, and `spreads` below it."""
        return min(share * self.mean, self.mean - spreads * self.spread)

    def high(self, add: float, spreads: float) -> float:
        """The threshold above which a value is too high: `add` and `spreads` above the usual."""
        return self.mean + max(add, spreads * self.spread)

    def with_value(self, value: float) -> Normal:
        looks = min(self.looks + 1, MEMORY)
        if looks == 1:
            return Normal(1, round(value, _DIGITS), 0.0)
        mean = self.mean + (value - self.mean) / looks
        spread = self.spread + (abs(value - self.mean) - self.spread) / looks
        return Normal(looks, round(mean, _DIGITS), round(spread, _DIGITS))


NOTHING = Normal(0, 0.0, 0.0)


def figure(look: Look, measure: str) -> float:
    """A look's value of one of MEASURES; NaN where it has none."""
    if measure == "relative_contrast":
        return look.contrast / look.mean if look.mean > 0 else math.nan
    return float(getattr(look, measure))


def usual(rows: Rows, light: Light, measure: str) -> Normal:
    """What is usual; `rows` is what `learned` returned."""
    row = rows.get(light.name.lower(), {}).get(measure)
    return NOTHING if row is None else Normal(*row)


def learned(rows: Rows, look: Look) -> Rows:
    """The statistics with one more look in order."""
    light = look.light.name.lower()
    values = {}
    for measure in MEASURES:
        value = figure(look, measure)
        normal = usual(rows, look.light, measure)
        normal = normal.with_value(value) if math.isfinite(value) else normal
        if normal.looks:
            values[measure] = [normal.looks, normal.mean, normal.spread]
    return {**rows, light: values}


def forgotten(rows: Rows, light: Light) -> Rows:
    """The statistics without those of one light."""
    return {name: row for name, row in rows.items() if name != light.name.lower()}
