"""From a decoded luma plane to the measurements of one visit; the pixels stay here.

The grid. Statistics are taken on a small grid of at most 640x360 pixels, made by decimation: each grid pixel is one
pixel of the camera's own (the one in the middle of its cell), none is averaged. An average of 3x3 pixels has a third
of the sensor's noise, and noise is what tells a quiet live street from a frozen one.

Changed. A grid pixel has changed when it differs from the same pixel of the previous key frame by more than
CHANGED_BY = 1 grey level. Measured on key frames 2 s apart (x264 at crf 20 to 42 and at 100 to 300 kbit/s, x265 at
crf 28 and 34, MPEG-4, MJPEG; 1280x720 and 640x360; a quiet street without traffic, sensor noise 0.3 to 3 grey levels,
and the real car park): the least share of live pairs is 0.12 wherever the picture is not torn into blocks; with
averaged cells it is 0.04, at more than 2 levels 0.03. A frozen picture, encoded again and again, comes to rest
below 0.06 as soon as the encoder's rate control has settled. At more than 0 levels nothing is separated: that
much an encoder does to a still picture.

Sharpness. The size of the Laplacian that only the strongest thousandth of pixels exceeds, over the standard deviation,
both after a 3x3 binomial smoothing that takes most of the noise away: is anything at all in the picture sharp for its
contrast? The variance of the Laplacian answers another question (how much is sharp) and calls a smooth asphalt on
which one big car stands blurred. Measured: streets by day and night, in fog, at low contrast, the highway and the
car park, at x264 crf 20 and 30 and MJPEG: 0.85 and more; the same blurred by a sigma of 6 pixels and more: 0.47 and
less, 0.65 where noise is half of what contrast is left.

The scene. Burnt-in text stays sharp and full of contrast whatever the lens sees, and it stands at the upper and
lower edge. Texture and sharpness are therefore taken from the grid without its upper and lower sixth; everything
else from the whole grid, and blockiness from the full plane, where the codec's 8-pixel raster still is.

Levels. A decoder hands over the Y plane as it is: black is 16 and white 235 in limited range, 0 and 255 in full range.
DARK_LEVEL and BRIGHT_LEVEL hold for both, so that nobody has to believe the stream's range flag, which cameras
often get wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.kernels import pictures

GRID_WIDTH = 640
GRID_HEIGHT = 360

CHANGED_BY = 1
"""Grey threshold k: a pixel has changed when it differs by more than this many levels."""
DARK_LEVEL = 24
"""A pixel is dark at or below it: 8 above limited-range black. An unlit night with its gain noise stays above."""
BRIGHT_LEVEL = 228
"""A pixel is bright at or above it: 7 below limited-range white."""
STRUCTURE_STEP = 8
"""A 16x16 block holds structure when its 4x4 means differ by this many levels."""
SHARPEST_ABOVE = 0.999
"""Share of the scene's pixels whose Laplacian is not above the one that sharpness is made of."""
CAPTION_PART = 6
"""The upper and lower 1/6 of the grid may hold burnt-in text."""
MIN_SCENE_SIDE = 16
"""A scene with a shorter side has no texture or sharpness: NaN."""

Luma = np.ndarray[Any, np.dtype[np.uint8]]
_NONE = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurement columns of domain.pictures.FrameBatch; NaN where a figure does not exist."""

    width: int
    height: int
    mean: float
    sd: float
    dark_share: float
    bright_share: float
    laplacian_var: float
    sharpness: float
    texture_share: float
    blockiness: float
    changed_share: float


def grid_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the grid of a picture: fits into 640x360, keeps the shape, never larger than the picture."""
    if width <= GRID_WIDTH and height <= GRID_HEIGHT:
        return width, height
    if width * GRID_HEIGHT >= height * GRID_WIDTH:
        return GRID_WIDTH, max(height * GRID_WIDTH // width, 1)
    return max(width * GRID_HEIGHT // height, 1), GRID_HEIGHT


def make_grid(luma: Luma) -> Luma:
    """The grid of a luma plane.

    luma     (h, w) uint8, any strides (a decoder's padded rows are fine), at least 1x1
    returns  (gh, gw) uint8, C-contiguous, its own memory
    """
    _check(luma)
    height, width = luma.shape
    grid_width, grid_height = grid_size(width, height)
    if (grid_width, grid_height) == (width, height):
        return np.array(luma, order="C")
    rows = (np.arange(grid_height) * height + height // 2) // grid_height
    columns = (np.arange(grid_width) * width + width // 2) // grid_width
    return np.ascontiguousarray(luma[rows].take(columns, axis=1))


def measure(luma: Luma, grid: Luma, previous_grid: Luma | None) -> Measurement:
    """All statistics of one picture.

    luma           (h, w) uint8, the full plane, any strides
    grid           (gh, gw) uint8: make_grid(luma)
    previous_grid  the grid of the previous key frame, read-only is fine; None, or one of another shape, means that
                   there is nothing to compare with: changed_share is NaN
    """
    _check(luma)
    _check(grid)
    grid = np.ascontiguousarray(grid)
    compare = previous_grid is not None and previous_grid.shape == grid.shape
    previous = np.ascontiguousarray(previous_grid) if compare else _NONE
    counts = np.empty(256, np.int64)
    sums = np.empty(pictures.SUMS, np.int64)
    pictures.tally(grid, previous, CHANGED_BY, counts, sums)
    mean, sd = pictures.mean_and_sd(counts)
    laplacian_var = pictures.laplacian_variance(sums)
    changed_share = int(sums[pictures.CHANGED]) / grid.size if compare else math.nan
    dark_share = pictures.share_at_most(counts, DARK_LEVEL)
    bright_share = pictures.share_at_least(counts, BRIGHT_LEVEL)
    sharpness, texture_share = _scene_figures(grid)
    pictures.grid_steps(np.ascontiguousarray(luma), sums)
    return Measurement(
        width=luma.shape[1],
        height=luma.shape[0],
        mean=mean,
        sd=sd,
        dark_share=dark_share,
        bright_share=bright_share,
        laplacian_var=laplacian_var,
        sharpness=sharpness,
        texture_share=texture_share,
        blockiness=pictures.blockiness(sums),
        changed_share=changed_share,
    )


def _scene_figures(grid: Luma) -> tuple[float, float]:
    """Sharpness and texture share of the grid without its caption bands."""
    band = grid.shape[0] // CAPTION_PART
    scene = grid[band : grid.shape[0] - band]
    if min(scene.shape) < MIN_SCENE_SIDE:
        return math.nan, math.nan
    smoothed = np.empty((scene.shape[0] - 2, scene.shape[1] - 2), np.uint8)
    pictures.smooth(scene, smoothed)
    counts = np.empty(256, np.int64)
    pictures.histogram(smoothed, counts)
    _, sd = pictures.mean_and_sd(counts)
    sizes = np.empty(pictures.LAPLACIAN_SIZES, np.int64)
    pictures.laplacian_sizes(smoothed, sizes)
    sharpness = pictures.level_reached(sizes, SHARPEST_ABOVE) / sd if sd > 0 else math.nan
    blocks = (scene.shape[0] // 16) * (scene.shape[1] // 16)
    return sharpness, pictures.structured_blocks(scene, STRUCTURE_STEP) / blocks


def _check(plane: Luma) -> None:
    if plane.dtype != np.uint8 or plane.ndim != 2 or plane.size == 0:
        raise ValueError(
            f"a luma plane is a two-dimensional array of uint8 with pixels, not {plane.dtype} {plane.shape}"
        )
    if max(plane.shape) > pictures.MAX_SIDE:
        raise ValueError(
            f"a luma plane of {plane.shape[1]}x{plane.shape[0]} pixels; the limit is {pictures.MAX_SIDE} a side"
        )
