"""A glance: whether a snapshot still looks as it did at the last full look, for a third of what that costs.

A JPEG is decoded at an eighth of its size (libjpeg leaves all of the transform out but the means of the blocks; what
remains is reading the code), in colour, and made into a Mark of some 300 bytes. A look that is like one of the last
full ones, in which something has moved since the visit before, needs no closer look: nothing is measured then, and
every fault of the picture "could not be checked" (domain.pictures.Outcome.GLANCE). A glance never accuses and never
acquits. Whatever is new to it is looked at in full in the same visit.

Unlike is one of: another size of picture; another light, colour or spread of colours; another coded size, which is how
much noise and how many sharp edges there are; other cells, or other detail in the cells. New is what is unlike all of
the last full looks. Light creeps, so what is like the visit before is not new either, until it is far from them all.
Measured on streets of the tuning seeds (docs/decisions/0053): of severe faults every one is new in the first glance, of
medium ones nearly every; of pictures in order one in twenty is.

Still: no cell has changed since the visit before, whatever kind of visit that was. A picture that may be frozen is
looked at in full, each time.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np

from citywatch.adapters.cameras.decode import Decoded, claimed_size
from citywatch.kernels import glances

LEAST_SIDES = (120, 64)
"""A picture is decoded at the smallest part of its size (1/8, 1/4, 1/2) that leaves so many pixels a side at least."""
_PARTS = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))

LIGHT = 0.25
"""Another light: the natural logarithm of the ratio of both mean levels is more than this."""
COLOUR = 3.0
"""Another colour: the mean chroma lies farther off, levels."""
COLOURS = 0.5
"""Another spread of colours, logarithm."""
CODED = 0.15
"""Another coded size, logarithm."""
CELL_LEVELS = 12
CELLS_CHANGED = 0.2
"""Another view: more than this share of the cells differs by more than CELL_LEVELS, another light allowed for..."""
LEVELS_CHANGED = 6.0
"""... or half of them by more than this."""
DETAIL = 0.18
"""Other detail: logarithm of the ratio of both means..."""
DETAIL_OF_CELLS = 0.3
"""... or of the middle one of all cells..."""
CELL_DETAIL = 0.4
DETAIL_CHANGED = 0.4
"""... or more than DETAIL_CHANGED of the cells by more than CELL_DETAIL..."""
PATTERN = 0.11
"""... or the middle one of all cells differs so much from what all have in common, as light and wetness are."""
FAR = 2.0
"""Light that creeps is followed until some difference from all full looks is so many times its limit."""
STILL_LEVELS = 2
"""Still: no cell differs by more than this. Of streets 5 minutes apart one in a hundred differs by less than 7."""

_HEAD = struct.Struct("<HHIffB")
_MOST_GAIN = 1.25
"""A change of light is allowed for up to this factor."""

Cells = np.ndarray[Any, np.dtype[np.uint8]]
Plane = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """What a glance leaves of a picture.

    width, height   of the picture as it was decoded
    coded_bytes     of the whole JPEG
    u, v, spread    means of the chroma less 128, and the mean of its standard deviations, levels
    levels, details (CELLS,) uint8: kernels.glances.cells
    """

    width: int
    height: int
    coded_bytes: int
    u: float
    v: float
    spread: float
    levels: Cells
    details: Cells

    def text(self) -> str:
        """As it travels; `read` undoes it. The spread is kept to a sixteenth of a level, 15.9 at most."""
        spread = min(round(16 * self.spread), 255)
        head = _HEAD.pack(self.width, self.height, self.coded_bytes, self.u, self.v, spread)
        return base64.b64encode(head + self.levels.tobytes() + self.details.tobytes()).decode()


def read(text: str) -> Mark | None:
    """A Mark from its text; None for what is none."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(content) != _HEAD.size + 2 * glances.CELLS:
        return None
    width, height, coded_bytes, u, v, spread = _HEAD.unpack_from(content)
    levels, details = np.frombuffer(content, np.uint8, offset=_HEAD.size).reshape(2, -1)
    return Mark(width, height, coded_bytes, u, v, spread / 16, levels, details)


def take(jpeg: bytes) -> Mark | None:
    """The Mark of a JPEG; None for one that is too small or cannot be decoded so."""
    width, height = claimed_size(jpeg)
    flag = next((flag for part, flag in _PARTS if _is_enough(width // part, height // part)), None)
    if flag is None:
        return None
    try:
        picture = cast(Any, cv2.imdecode(np.frombuffer(jpeg, np.uint8), flag))
    except cv2.error:
        return None
    if picture is None or not _is_enough(*picture.shape[1::-1]):
        return None
    y, v, u = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    return _mark(len(jpeg), y, u, v)


def take_of(planes: Decoded) -> Mark | None:
    """The same Mark, but for the last bit, of a JPEG that was decoded at its full size: means of the same blocks."""
    part = next((part for part, _ in _PARTS if _is_enough(planes.width // part, planes.height // part)), None)
    if part is None:
        return None
    size = -(-planes.width // part), -(-planes.height // part)
    y = _reduced(planes.luma, size)
    if planes.chroma_u is None or planes.chroma_v is None:
        grey = np.full_like(y, 128)
        return _mark(planes.coded_bytes, y, grey, grey)
    return _mark(planes.coded_bytes, y, _reduced(planes.chroma_u, size), _reduced(planes.chroma_v, size))


def _reduced(plane: Plane, size: tuple[int, int]) -> Plane:
    """Means of blocks, (width, height) of them. By halves as far as these are whole: OpenCV is fastest at those."""
    width, height = size
    while plane.shape[1] % (2 * width) == 0 and plane.shape[0] % (2 * height) == 0:
        plane = cast(Plane, cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    if plane.shape == (height, width):
        return plane
    return cast(Plane, cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _mark(coded_bytes: int, y: Plane, u: Plane, v: Plane) -> Mark:
    levels, details = np.empty((2, glances.CELLS), np.uint8)
    glances.cells(np.ascontiguousarray(y), levels, details)
    means, spreads = zip(*(cv2.meanStdDev(plane) for plane in (u, v)), strict=True)
    u_mean, v_mean = (float(mean[0, 0]) - 128.0 for mean in means)
    spread = sum(float(sd[0, 0]) for sd in spreads) / 2
    return Mark(y.shape[1], y.shape[0], coded_bytes, u_mean, v_mean, spread, levels, details)


def _is_enough(width: int, height: int) -> bool:
    return width >= LEAST_SIDES[0] and height >= LEAST_SIDES[1]


def is_new(now: Mark, known: Sequence[Mark], last: Mark) -> bool:
    """Whether a picture looks otherwise than its camera's others did.

    known  of the last full looks: like one of them is enough
    last   of the visit before: light creeps, so like this one is enough, too, as long as it is not far from all others
    """
    nearest = math.inf
    for one in known:
        nearest = min(nearest, unlikeness(now, one))
        if nearest <= 1.0:
            return False
    return nearest > FAR or unlikeness(now, last) > 1.0


def has_another_size(coded_bytes: int, others: Sequence[Mark]) -> bool:
    """Whether the coded size alone makes a picture new, before anything of it is decoded."""
    return all(_ratio(coded_bytes, other.coded_bytes, 1.0) > CODED for other in others)


def unlikeness(now: Mark, other: Mark) -> float:
    """How far two pictures of a camera are apart: the largest of all differences over its limit; infinite where they
    cannot be compared.
    """
    if (now.width, now.height) != (other.width, other.height):
        return math.inf
    levels, levels_other = now.levels.astype(np.float64), other.levels.astype(np.float64)
    details, details_other = now.details.astype(np.float64), other.details.astype(np.float64)
    gain = (levels.mean() + 1.0) / (levels_other.mean() + 1.0)
    allowed = min(max(gain, 1 / _MOST_GAIN), _MOST_GAIN)
    changes = np.abs(levels - allowed * levels_other)
    scale = float(glances.DETAIL_SCALE)
    ratios = np.log((details + scale) / (details_other + scale))
    return max(
        abs(math.log(gain)) / LIGHT,
        math.hypot(now.u - other.u, now.v - other.v) / COLOUR,
        _ratio(now.spread, other.spread, 0.5) / COLOURS,
        _ratio(now.coded_bytes, other.coded_bytes, 1.0) / CODED,
        _ratio(details.mean(), details_other.mean(), 0.5 * scale) / DETAIL,
        float((changes > CELL_LEVELS).mean()) / CELLS_CHANGED,
        _middle(changes) / LEVELS_CHANGED,
        float((np.abs(ratios) > CELL_DETAIL).mean()) / DETAIL_CHANGED,
        _middle(np.abs(ratios)) / DETAIL_OF_CELLS,
        _middle(np.abs(ratios - _middle(ratios))) / PATTERN,
    )


def is_still(now: Mark, last: Mark) -> bool:
    """Whether nothing has moved since another picture."""
    if (now.width, now.height) != (last.width, last.height):
        return False
    return int(np.abs(now.levels.astype(np.int16) - last.levels).max()) <= STILL_LEVELS


def _middle(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Their median; np.median takes four times as long for so few."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half - 1] + ordered[half]) / 2.0


def _ratio(now: float, before: float, floor: float) -> float:
    """How far apart two figures are, as a logarithm; `floor` keeps small ones together."""
    return abs(math.log((now + floor) / (before + floor)))
