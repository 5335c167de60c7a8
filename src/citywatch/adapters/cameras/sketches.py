"""References as a decoder process handles them: which of a camera's to compare with, and when to keep a new sketch.

A sketch is what a reference is made of (compare.make_sketch), kept as a JPEG. One is kept of every picture that could
be compared with nothing, because it may be adopted, of every one that is unlike its reference, and of one picture in
SKETCH_EVERY beside a reference, because references follow the seasons; which one follows from the picture's own hash,
so that no process has to remember.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from citywatch.adapters.cameras.compare import STEADY_BELOW, Comparison, Luma, compare
from citywatch.domain.pictures import Light

SKETCH_EVERY = 16
SKETCH_EVERY_FULL = 2
"""Where most visits are glances, and leave nothing."""
JPEG_QUALITY = 90
"""15 KB for 320x180 pixels of a street."""
MOST_COMPARED = 8
"""At an unknown preset so many references are tried at most."""

TWILIGHT = (36.0, 96.0)
"""A picture in colour with a mean between these may be of the day or of the night: whichever reference is as bright."""

LIT_UP = 120.0
"""Up to this one it may still be of the night: a web that the camera's own lamp lights up makes it twice as bright."""

CLEARLY_BETTER = 0.03
"""A reference of another brightness is taken when it fits better by this..."""

MUCH_BETTER = 0.12
"""... or by this in a picture that is too bright for a twilight (webs by 0.24 and more)."""

_IN_ITS_PLACE = {Light.NIGHT: Light.INFRARED, Light.INFRARED: Light.NIGHT}
_IN_TWILIGHT = {Light.NIGHT: Light.DAY, Light.DAY: Light.NIGHT}


def candidates(references: Mapping[str, str], light: Light, mean: float) -> list[list[str]]:
    """The objects to compare a picture of this light and brightness with, in groups by light; none for an unknown one.

    references  by light ("day"), or at an unknown preset by light and preset ("day/north gate"). A night in colour is
                compared with infrared, and the other way round, where it has no reference of its own; what has no
                colour and is as bright as a day, as dense fog is, with the day.
    """
    if light is Light.UNKNOWN:
        return []
    groups = [_of(references, light)]
    if TWILIGHT[0] <= mean <= (LIT_UP if light is Light.DAY else TWILIGHT[1]):
        groups.append(_of(references, _IN_TWILIGHT.get(light)))
    groups = [group for group in groups if group]
    if light is Light.INFRARED and mean > TWILIGHT[1]:
        groups = groups or [_of(references, Light.DAY)]
    other = _of(references, _IN_ITS_PLACE.get(light))
    return [group for group in groups or [other] if group]


def least_better(mean: float) -> float:
    """By how much a reference of another light must fit a picture of this brightness better."""
    return CLEARLY_BETTER if mean <= TWILIGHT[1] else MUCH_BETTER


def best(
    grid: Luma,
    sketch: Luma,
    previous_grid: Luma | None,
    groups: list[list[str]],
    load: Callable[[str], Luma | None],
    better: float = CLEARLY_BETTER,
) -> Comparison:
    """The grid against the reference that it fits best, of the light that is as bright; or against none.

    Where little of that is found, the other light's are tried, too, and must fit better by `better` (`least_better`): a
    lamp that shines into a web makes a night as bright as a day.
    """
    found = None
    for group in _by_brightness(sketch, groups, load):
        here = max(
            (
                one
                for name, reference in group
                if (one := compare(grid, reference, name, previous_grid, sketch)).reference
            ),
            key=_fit,
            default=None,
        )
        if here is not None and (found is None or _fit(here) >= _fit(found) + better):
            found = here
        if found is not None and found.match_share >= STEADY_BELOW:
            break
    return found or compare(grid, None, "", previous_grid, sketch)


def due(picture: str, comparison: Comparison, every: int = SKETCH_EVERY) -> bool:
    """Whether a sketch of this picture is to be kept: it may become the reference where there is none, or where the one
    there is has become unlike; else one in `every` is. `picture` is its object; "" when it could not be kept itself.
    """
    unlike = not comparison.reference or not comparison.match_share >= STEADY_BELOW
    return bool(picture) and (unlike or int(picture[:8], 16) % every == 0)


def _of(references: Mapping[str, str], light: Light | None) -> list[str]:
    if light is None:
        return []
    name = light.name.lower()
    found = [picture for key, picture in sorted(references.items()) if key.partition("/")[0] == name and picture]
    return found[:MOST_COMPARED]


def _by_brightness(
    sketch: Luma, groups: list[list[str]], load: Callable[[str], Luma | None]
) -> list[list[tuple[str, Luma]]]:
    """The references, loaded, by group; the group that is nearest in brightness first."""
    brightness = max(float(sketch.mean()), 1.0)

    def distance(loaded: list[tuple[str, Luma]]) -> float:
        return abs(math.log(max(float(loaded[0][1].mean()), 1.0) / brightness))

    every = ([(name, reference) for name in group if (reference := load(name)) is not None] for group in groups)
    return sorted((loaded for loaded in every if loaded), key=distance)


def coded(sketch: Luma) -> bytes:
    """The sketch as it is kept; empty when it cannot be coded."""
    done, jpeg = cv2.imencode(".jpg", sketch, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes() if done else b""


def _fit(comparison: Comparison) -> float:
    """How much is found again, by the contrast that it had, and how surely where: what is alike by chance is so in one
    place as in another, and the edges of a day are found by night in headlights, but paler.
    """
    left = comparison.contrast_ratio
    alike = 1.0 if math.isnan(left) or left <= 0.0 else min(left, 1.0 / left)
    return float(np.nan_to_num(comparison.match_share * alike + comparison.shift_certainty, nan=-1.0))
