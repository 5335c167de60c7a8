"""References as a decoder process handles them: which of a camera's to compare with, and when to keep a new sketch.

A sketch is what a reference is made of (compare.make_sketch), kept as a JPEG. One is kept of every picture that could
be compared with nothing, because it may be adopted, and of one picture in SKETCH_EVERY beside a reference, because
references follow the seasons; which one follows from the picture's own hash, so that no process has to remember.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from citywatch.adapters.cameras.compare import Comparison, Luma, compare
from citywatch.domain.pictures import Light

SKETCH_EVERY = 16
JPEG_QUALITY = 90
"""15 KB for 320x180 pixels of a street."""
MOST_COMPARED = 8
"""At an unknown preset so many references are tried at most."""

_IN_ITS_PLACE = {Light.NIGHT: Light.INFRARED, Light.INFRARED: Light.NIGHT}


def candidates(references: Mapping[str, str], light: Light) -> list[str]:
    """The objects to compare a picture of this light with, none for an unknown light.

    references  by light ("day"), or at an unknown preset by light and preset ("day/north gate"). A night in colour is
                compared with infrared, and the other way round, where it has no reference of its own.
    """
    for wanted in (light, _IN_ITS_PLACE.get(light)):
        if wanted is None or wanted is Light.UNKNOWN:
            continue
        name = wanted.name.lower()
        found = [picture for key, picture in sorted(references.items()) if key.partition("/")[0] == name and picture]
        if found:
            return found[:MOST_COMPARED]
    return []


def best(
    grid: Luma, sketch: Luma, previous_grid: Luma | None, names: list[str], load: Callable[[str], Luma | None]
) -> Comparison:
    """The grid against whichever of these references it fits best; against none when all are gone."""
    found = None
    for name in names:
        reference = load(name)
        if reference is None:
            continue
        comparison = compare(grid, reference, name, previous_grid, sketch)
        if comparison.reference and (found is None or _fit(comparison) > _fit(found)):
            found = comparison
    return found or compare(grid, None, "", previous_grid, sketch)


def due(picture: str, compared: bool) -> bool:
    """Whether a sketch of this picture is to be kept. `picture` is its object; "" when it could not be kept itself."""
    return bool(picture) and (not compared or int(picture[:8], 16) % SKETCH_EVERY == 0)


def coded(sketch: Luma) -> bytes:
    """The sketch as it is kept; empty when it cannot be coded."""
    done, jpeg = cv2.imencode(".jpg", sketch, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes() if done else b""


def _fit(comparison: Comparison) -> float:
    return float(np.nan_to_num(comparison.match_share, nan=-1.0))
