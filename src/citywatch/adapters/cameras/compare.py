"""A picture against the camera's reference, in the decoder process.

The reference is a sketch: a half-size copy of a grid (means of 2x2 pixels), kept as a JPEG of some 15 KB. Half the
size keeps what registration needs and half the sensor's noise, and a city's references fit on one disk.

Three levels: the sketch itself (320x180 for most cameras), its half, on which blocks are looked for, and its quarter,
on which the displacement is searched. A displacement is told in grid pixels, of which the sketch's are two.

A displacement of the whole view by more than the search reaches is no displacement but another view: little of the
reference is found again. What is burnt in at the upper and lower edge stays where it is whatever the view does; those
bands vote neither on the displacement nor on what is found again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.kernels import bands, registration, stripes

REACH_X = 80
"""Displacements searched to either side, grid pixels: an eighth of the width."""
REACH_Y = 56
"""The same up and down."""
CAPTION_PART = 8
"""The upper and lower 1/8 of the view may hold burnt-in text."""
LEAST_SLOPE = 3
"""An edge has at least this slope, grey levels over two pixels of the level at hand."""
DETAIL_REACH = 4
"""Blocks are looked for in what stands out from the 36x36 grid pixels about it."""
STRUCTURE_STEP = 10
"""A block of 32x32 grid pixels holds structure when the 4x4 means in it span this many grey levels."""
FOUND_AT = 0.6
"""A block is found again from this normalised correlation on."""
FAINT = 0.3
"""A block that is not found is lost when its values span less than this share of the reference's."""
SLOPE_STEP = 24
"""Blocks whose values span this many grey levels tell how steep their edges are."""
NEAR = 1
"""Displacements so near to the best one, in pixels of the coarsest level, are the best one, not a second best."""
SETTLED = 0.04
"""The place where the view has always been is taken when it agrees within this much of the best displacement."""
SURE_AT = 0.45
"""Agreement from which on the view surely is where it has always been: the rest is only sampled, for the certainty."""
FINE_PART = 4
"""The finest level is looked at without its upper and lower 1/4."""
MIN_BLOCKS = 12
"""With fewer structured blocks outside the caption bands nothing is said."""
MIN_SLOPE_BLOCKS = 6
"""With fewer of them no ratio of slopes is given."""
STEADY_BELOW = 0.65
"""Where less of the reference is found again than this, the picture is compared with the previous one, too."""
CELL_ROWS, CELL_COLUMNS = 6, 8
"""The raster of `lost_cells`."""
SKETCH_LEAST_SIDE = 64
"""A sketch with a shorter side is too small to compare by."""
LEAST_SHARED = 0.15
"""Where coarser detail agrees less than this, nothing is said of the finer."""

Luma = np.ndarray[Any, np.dtype[np.uint8]]
_Band = np.ndarray[Any, np.dtype[np.int16]]
_Scores = np.ndarray[Any, np.dtype[np.float64]]
_Codes = np.ndarray[Any, np.dtype[np.uint8]]
_Directions = tuple[np.ndarray[Any, np.dtype[np.int8]], np.ndarray[Any, np.dtype[np.int8]]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The reference columns of domain.pictures.FrameBatch."""

    reference: str = ""
    shift_x: float = math.nan
    shift_y: float = math.nan
    shift_certainty: float = math.nan
    match_share: float = math.nan
    lost_share: float = math.nan
    sharpness_ratio: float = math.nan
    contrast_ratio: float = math.nan
    lost_cells: int = 0
    steady_share: float = math.nan
    step_x: float = math.nan
    step_y: float = math.nan
    coarse_correlation: float = math.nan
    coarse_transfer: float = math.nan
    transfer_ratio: float = math.nan
    detail_ratio: float = math.nan
    stripe_change: float = math.nan
    """Of the change since the reference. Bands that roll may stand as they stood at the look before; in the reference
    there are none.
    """


@dataclass(frozen=True, slots=True)
class _Pyramid:
    """Three levels of one view, each half the one before it."""

    sketch: Luma
    half: Luma
    quarter: Luma


@dataclass(frozen=True, slots=True)
class _Likeness:
    """What `_alike` says of two views."""

    shift_x: float
    shift_y: float
    certainty: float
    match_share: float
    lost_share: float
    sharpness_ratio: float
    contrast_ratio: float
    lost_cells: int


_UNLIKE = _Likeness(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What two views have in common of the detail of one size.

    correlation  -1 to 1
    left         share of the reference's detail that is there: what is seen
    strength     of all the detail that is there, over that of the reference's: whatever it is, noise with it
    y, x         where, in pixels of the level
    """

    correlation: float
    left: float
    strength: float
    y: int
    x: int


@dataclass(frozen=True, slots=True)
class _Transfer:
    """The columns of what is left of a view's detail: coarse_correlation, coarse_transfer, transfer_ratio and
    detail_ratio.
    """

    correlation: float = math.nan
    left: float = math.nan
    ratio: float = math.nan
    detail: float = math.nan


def make_sketch(grid: Luma) -> Luma:
    """The half-size copy of a grid. (h, w) uint8 -> (h // 2, w // 2) uint8."""
    return _halved(np.ascontiguousarray(grid))


def compare(
    grid: Luma, reference: Luma | None, name: str = "", previous_grid: Luma | None = None, sketch: Luma | None = None
) -> Comparison:
    """A grid against the reference of its light.

    grid           (h, w) uint8: measure.make_grid
    reference      the sketch that was adopted, or None; one of another shape is no reference for this picture
    name           its name in the object store
    previous_grid  the grid of the visit before, or None; it is looked at where the reference does not explain the
                   picture: a view that is the same twice stays
    sketch         make_sketch(grid) where the caller has it
    """
    sketch = make_sketch(grid) if sketch is None else sketch
    if min(sketch.shape) < SKETCH_LEAST_SIDE:
        return Comparison()
    now = _pyramid(sketch)
    against = _UNLIKE
    comparable = reference is not None and reference.shape == sketch.shape
    before, rolled, transfer = _UNLIKE, math.nan, _Transfer()
    if reference is not None and comparable:
        reference = np.ascontiguousarray(reference)
        pyramid = _pyramid(reference)
        against = _alike(pyramid, now)
        transfer = _transferred(pyramid, now)
        rolled = stripes.rolled(sketch, reference)
    if not against.match_share >= STEADY_BELOW and previous_grid is not None and previous_grid.shape == grid.shape:
        before = _alike(_pyramid(make_sketch(previous_grid)), now)
    return Comparison(
        reference=name if comparable else "",
        shift_x=against.shift_x,
        shift_y=against.shift_y,
        shift_certainty=against.certainty,
        match_share=against.match_share,
        lost_share=against.lost_share,
        sharpness_ratio=against.sharpness_ratio,
        contrast_ratio=against.contrast_ratio,
        lost_cells=against.lost_cells,
        steady_share=before.match_share,
        step_x=before.shift_x,
        step_y=before.shift_y,
        coarse_correlation=transfer.correlation,
        coarse_transfer=transfer.left,
        transfer_ratio=transfer.ratio,
        detail_ratio=transfer.detail,
        stripe_change=rolled,
    )


def _alike(before: _Pyramid, now: _Pyramid) -> _Likeness:
    dy, dx, fine_y, fine_x, certainty = _displacement(before, now)
    codes, found, seen = _matched(before, now, dy, dx)
    if max(abs(dy), abs(dx)) > 1:
        # Shadows of leaves may outvote the edges of all that stands still, but not its blocks.
        here = _matched(before, now, 0, 0)
        if here[1] >= found:
            (codes, found, seen), dy, dx = here, 0, 0
            fine_y = fine_x = certainty = 0.0
    if seen < MIN_BLOCKS:
        return _UNLIKE
    lost = codes == registration.LOST
    held = (codes != registration.EMPTY) & (codes != registration.OUTSIDE)
    sums = np.empty(5, np.int64)
    registration.slopes(before.sketch, now.sketch, 2 * dy, 2 * dx, SLOPE_STEP, codes, sums)
    blocks, slope_before, span_before, slope_now, span_now = sums.tolist()
    sharpness_ratio = contrast_ratio = math.nan
    if blocks >= MIN_SLOPE_BLOCKS and slope_before and span_now:
        sharpness_ratio = slope_now * span_before / (span_now * slope_before)
        contrast_ratio = span_now / span_before
    return _Likeness(
        shift_x=fine_x,
        shift_y=fine_y,
        certainty=certainty,
        match_share=found / seen,
        lost_share=int(lost.sum()) / int(held.sum()),
        sharpness_ratio=sharpness_ratio,
        contrast_ratio=contrast_ratio,
        lost_cells=_cells(lost, held),
    )


def _transferred(before: _Pyramid, now: _Pyramid) -> _Transfer:
    """What is left of the coarser detail, of the quarter, which is 16 to 32 grid pixels long, and of the finer, of the
    half, which is half as long and looked for about the place where the coarser agrees best.
    """
    coarse = _shared(before.quarter, now.quarter, 0, 0)
    if not coarse.correlation >= LEAST_SHARED:
        return _Transfer(coarse.correlation)
    fine = _shared(before.half, now.half, 2 * coarse.y, 2 * coarse.x)
    return _Transfer(coarse.correlation, coarse.left, fine.left / coarse.left, fine.strength)


def _shared(before: Luma, now: Luma, dy: int, dx: int) -> _Shared:
    """What the detail of one level has in common at the displacement, one pixel about this, where they agree best."""
    a, b = _band(before), _band(now)
    sums = np.empty(3, np.int64)
    best = _Shared(math.nan, math.nan, math.nan, dy, dx)
    for y in range(dy - 1, dy + 2):
        for x in range(dx - 1, dx + 2):
            bands.share(a, b, y, x, sums)
            product, squared, other = sums.tolist()
            if not squared or not other:
                continue
            correlation = product / math.sqrt(squared * other)
            if not correlation <= best.correlation:
                best = _Shared(correlation, product / squared, math.sqrt(other / squared), y, x)
    return best


def _band(level: Luma) -> _Band:
    """The detail that a level adds to the one below it, without the caption bands."""
    part = level.shape[0] // CAPTION_PART
    level = level[part : level.shape[0] - part]
    coarse = _halved(level)
    out = np.empty((2 * coarse.shape[0], 2 * coarse.shape[1]), np.int16)
    bands.band(level, coarse, out)
    return out


def _matched(before: _Pyramid, now: _Pyramid, dy: int, dx: int) -> tuple[_Codes, int, int]:
    """What became of the blocks at a displacement of the half, how many were found, and how many could have been."""
    height, width = before.half.shape
    shape = (
        (height - registration.BLOCK) // registration.STRIDE + 1,
        (width - registration.BLOCK) // registration.STRIDE + 1,
    )
    codes = np.empty(shape, np.uint8)
    registration.match_blocks(_detail(before.half), _detail(now.half), dy, dx, STRUCTURE_STEP, FOUND_AT, FAINT, codes)
    band = shape[0] // CAPTION_PART
    scene = codes[band : shape[0] - band]
    found = int((scene == registration.FOUND).sum())
    return codes, found, found + int(((scene == registration.OTHER) | (scene == registration.LOST)).sum())


def _displacement(before: _Pyramid, now: _Pyramid) -> tuple[int, int, float, float, float]:
    """(dy, dx) in pixels of the half, the same finer in grid pixels (y, x), and the certainty 0 to 1."""
    a, b = _edges(before.quarter), _edges(now.quarter)
    reach_y = min(REACH_Y // 8, before.quarter.shape[0] // 4)
    reach_x = min(REACH_X // 8, before.quarter.shape[1] // 4)
    scores = _coarse(a, b, reach_y, reach_x)
    i, j = (int(place) for place in np.unravel_index(np.argmax(scores), scores.shape))
    settled = scores[reach_y, reach_x]
    if settled >= scores[i, j] - SETTLED:
        i, j = reach_y, reach_x
    rest = scores.copy()
    rest[max(i - NEAR, 0) : i + NEAR + 1, max(j - NEAR, 0) : j + NEAR + 1] = -1.0
    certainty = min(max(float(scores[i, j] - rest.max()), 0.0), 1.0)
    dy, dx = _refined(before.half, now.half, 2 * (i - reach_y), 2 * (j - reach_x))
    cut = before.sketch.shape[0] // FINE_PART
    fine = slice(cut, before.sketch.shape[0] - cut)
    sub_y, sub_x = _refined(before.sketch[fine], now.sketch[fine], 2 * round(dy), 2 * round(dx))
    return round(dy), round(dx), 2.0 * sub_y, 2.0 * sub_x, certainty


def _coarse(a: _Directions, b: _Directions, reach_y: int, reach_x: int) -> _Scores:
    """The agreement at every displacement of the coarsest level: (2 reach_y + 1, 2 reach_x + 1); -1 for none.

    Where the view surely lies at its old place, only every other one is looked at.
    """
    scores = np.full((2 * reach_y + 1, 2 * reach_x + 1), -1.0)
    here = np.empty((1, 1))
    registration.correlate(*a, *b, 0, 0, 1, here)
    if here[0, 0] >= SURE_AT:
        odd_y, odd_x = reach_y % 2, reach_x % 2
        sampled = np.empty((reach_y - odd_y + 1, reach_x - odd_x + 1))
        registration.correlate(*a, *b, odd_y - reach_y, odd_x - reach_x, 2, sampled)
        scores[odd_y::2, odd_x::2][: sampled.shape[0], : sampled.shape[1]] = sampled
    else:
        registration.correlate(*a, *b, -reach_y, -reach_x, 1, scores)
    scores[np.isnan(scores)] = -1.0
    return scores


def _refined(before: Luma, now: Luma, dy: int, dx: int) -> tuple[float, float]:
    """The best displacement about (dy, dx), by two pixels at most, and a part of one by the parabola through it."""
    a, b = _edges(before), _edges(now)
    scores = np.empty((3, 3))
    for last in (False, True):
        registration.correlate(*a, *b, dy - 1, dx - 1, 1, scores)
        scores[np.isnan(scores)] = -1.0
        i, j = (int(place) for place in np.unravel_index(np.argmax(scores), scores.shape))
        if scores[1, 1] >= scores[i, j]:
            i, j = 1, 1
        if last or (i, j) == (1, 1):
            break
        dy, dx = dy + i - 1, dx + j - 1  # once more, with the best in the middle
    part_y = _vertex(*scores[:, j].tolist()) if i == 1 else 0.0
    part_x = _vertex(*scores[i].tolist()) if j == 1 else 0.0
    return dy + i - 1 + part_y, dx + j - 1 + part_x


def _vertex(before: float, middle: float, after: float) -> float:
    bend = before - 2.0 * middle + after
    return 0.0 if bend >= 0.0 else max(min(0.5 * (before - after) / bend, 0.5), -0.5)


def _edges(plane: Luma) -> _Directions:
    """The directions of a plane; none in its caption bands."""
    across, down = np.empty(plane.shape, np.int8), np.empty(plane.shape, np.int8)
    registration.directions(plane, LEAST_SLOPE, across, down)
    band = plane.shape[0] // CAPTION_PART
    for part in (across, down):
        part[:band] = 0
        part[plane.shape[0] - band :] = 0
    return across, down


def _cells(lost: np.ndarray[Any, np.dtype[np.bool_]], held: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    """The cells most of whose structured blocks are lost, as bits."""
    rows = np.arange(lost.shape[0]) * CELL_ROWS // lost.shape[0]
    columns = np.arange(lost.shape[1]) * CELL_COLUMNS // lost.shape[1]
    cell = (rows[:, None] * CELL_COLUMNS + columns[None, :]).ravel()
    gone = np.bincount(cell, lost.ravel(), CELL_ROWS * CELL_COLUMNS)
    all_of_it = np.bincount(cell, held.ravel(), CELL_ROWS * CELL_COLUMNS)
    return sum(1 << int(bit) for bit in np.flatnonzero((2 * gone > all_of_it) & (all_of_it > 0)))


def _pyramid(sketch: Luma) -> _Pyramid:
    half = _halved(sketch)
    return _Pyramid(sketch, half, _halved(half))


def _detail(plane: Luma) -> Luma:
    out = np.empty(plane.shape, np.uint8)
    registration.detail(plane, DETAIL_REACH, out)
    return out


def _halved(plane: Luma) -> Luma:
    out = np.empty((plane.shape[0] // 2, plane.shape[1] // 2), np.uint8)
    registration.halve(plane, out)
    return out
