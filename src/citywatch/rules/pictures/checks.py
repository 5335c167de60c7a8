"""The faults that one picture shows, as a table: fault -> alternatives -> checks.

A fault is found when any of its alternatives holds, and an alternative holds when all of its checks do. The first
check of an alternative is its evidence. A figure that does not exist (NaN) holds no check, but for those marked
`or_missing`, which only hedge another one.

How far a look is from a fault is the least that its alternatives are, and an alternative is as far as its farthest
check: (threshold - value) / threshold for what must reach a threshold, (value - threshold) / threshold for what must
stay below it. So 1 is as far as the threshold itself, 0 is at it, and below 0 the fault is found.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from citywatch.domain.pictures import Fault, Light
from citywatch.rules.pictures.answers import Finding
from citywatch.rules.pictures.limits import PictureThresholds
from citywatch.rules.pictures.look import Look


@dataclass(frozen=True, slots=True)
class Check:
    """`measure` of a look against `threshold`; `most` is for what must be no more than it."""

    measure: str
    threshold: float
    most: bool = False
    or_missing: bool = False

    def distance(self, look: Look) -> float:
        """Positive while the check does not hold, in units of the threshold; infinite where there is no figure."""
        value = float(getattr(look, self.measure))
        if math.isnan(value):
            return -math.inf if self.or_missing else math.inf
        beyond = self.threshold - value if self.most else value - self.threshold
        return -beyond / self.threshold


Alternative = tuple[Check, ...]
Table = dict[Fault, tuple[Alternative, ...]]


@functools.lru_cache(maxsize=16)
def table(limits: PictureThresholds, daylight: bool) -> Table:
    """The checks. `daylight`: it is surely day where the camera stands, whatever the picture shows."""
    no_lines = Check("stripe_rows", limits.torn_stripe_rows, most=True, or_missing=True)
    few_lines = Check("stripe_rows", limits.tear_stripe_rows, most=True, or_missing=True)
    hardly_striped = (
        Check("stripe_rows", limits.tear_surely_stripes, most=True, or_missing=True),
        Check("stripe_change", limits.tear_surely_stripes, most=True, or_missing=True),
    )
    no_noise = Check("chroma_sd", limits.void_chroma_sd, most=True, or_missing=True)
    no_columns = Check("stripe_columns", limits.stripe_columns, most=True, or_missing=True)
    no_bands = Check("stripe_change", limits.stripe_change, most=True, or_missing=True)
    black = Check("dark_share", limits.black_dark_share)
    nothing_left = Check("layout", limits.black_layout, most=True, or_missing=True)
    by_day = (
        Check("dark_share", limits.black_by_day_share),
        Check("bright_share", limits.black_bright_share, most=True, or_missing=True),
    )
    return {
        Fault.BLACK: ((black, nothing_left), by_day) if daylight else ((black, nothing_left),),
        Fault.OVER_EXPOSED: ((Check("bright_share", limits.over_exposed_bright_share),),),
        Fault.STRIPES: (
            (Check("stripe_rows", limits.stripe_rows),),
            (Check("stripe_columns", limits.stripe_columns),),
            (Check("stripe_change", limits.stripe_change),),
        ),
        Fault.SNOW: ((Check("speckle_share", limits.snow_speckle_share),),),
        Fault.MOSAIC: (
            (Check("decode_errors", limits.decode_errors),),
            (Check("torn_share", limits.torn_share), no_lines),
            (Check("tear", limits.tear), few_lines, no_bands),
            (
                Check("tear", limits.tear_in_noise),
                Check("noise_sd", limits.tear_noise_sd),
                few_lines,
                no_bands,
                no_columns,
            ),
            (Check("tear", limits.tear_surely), *hardly_striped),
            (Check("void_share", limits.void_share), no_noise),
            (Check("void_share", limits.void_in_noise),),
            (
                Check("raster_share", limits.raster_share),
                Check("texture_share", limits.raster_texture_share),
                Check("sharpness", limits.raster_sharpness),
            ),
        ),
        Fault.COVERED: ((Check("texture_share", limits.covered_texture_share, most=True),),),
        Fault.OUT_OF_FOCUS: ((Check("sharpness", limits.out_of_focus_sharpness, most=True),),),
        Fault.LOW_CONTRAST: ((Check("contrast", limits.low_contrast, most=True),),),
        Fault.COLOUR_CAST: (
            (Check("cast", limits.cast),),
            (
                Check("cast", limits.cast_magenta),
                Check("u_mean", limits.cast_magenta_each),
                Check("v_mean", limits.cast_magenta_each),
            ),
        ),
    }


def look_at(fault: Fault, look: Look, checks: Table) -> tuple[Finding | None, float]:
    """Whether one look shows a fault of the table, and how far it is from it."""
    finding, margin = None, math.inf
    for alternative in checks[fault]:
        distance = max(check.distance(look) for check in alternative)
        margin = min(margin, distance)
        if distance <= 0 and finding is None:
            first = alternative[0]
            value = float(getattr(look, first.measure))
            finding = found(fault, first.measure, value, first.threshold, most=first.most)
    return finding, margin


def found(fault: Fault, measure: str, value: float, threshold: float, *, most: bool) -> Finding:
    """A finding whose reason says on which side of the threshold the value lies."""
    reason = f"{measure}_too_{'low' if most else 'high'}"
    return Finding(fault, reason, measure, value, threshold, abs(value - threshold))


def is_dark(look: Look, limits: PictureThresholds) -> bool:
    """Too dark for its view to be judged. A night under a few lamps is dark in most places, in video of full range
    above all, and shows its view all the same.
    """
    shows = look.texture_share >= limits.lit_texture_share and look.contrast >= limits.lit_contrast
    return not shows and (look.mean < limits.dark_mean or look.dark_share > limits.dark_share)


def is_small(look: Look, limits: PictureThresholds) -> bool:
    """Too small for anything but black and over_exposed."""
    return look.width < limits.min_width or look.height < limits.min_height or math.isnan(look.texture_share)


def is_thinned(look: Look, usual: list[float], limits: PictureThresholds) -> bool:
    """Whether much of the camera's usual structure is gone. `usual`: LookHistory.texture; unknown is no."""
    looks, texture = usual
    return looks >= limits.usual_looks and look.texture_share < limits.thinned * texture


def shows_colours(look: Look) -> bool:
    """Whether the colours of a picture can be judged: by day, and not those of infrared or street lamps."""
    return look.light is Light.DAY and all(map(math.isfinite, (look.cast, look.u_mean, look.v_mean)))
