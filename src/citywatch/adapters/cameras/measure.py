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

Full size. Blockiness and torn blocks are looked at where the codec's raster is: in strips of the full plane, 16 rows
high, some rows of blocks of a large picture and all of a small one. Chroma is decimated like luma, to at most 80x45:
its mean, its spread, and the cast that three quarters of all pixels share. A picture without chroma planes has NaN
there.

Light, as far as the picture shows it: without any colour in its chroma planes it was taken by infrared; else a dark
one by night and a bright one by day. A picture without chroma planes is judged by its brightness alone.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from citywatch.domain.pictures import Light
from citywatch.kernels import blocks, chroma, grain, mosaic, pictures, stripes

GRID_WIDTH = 640
GRID_HEIGHT = 360
CHROMA_WIDTH = 160
CHROMA_HEIGHT = 90

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
CONTRAST_TAIL = 0.05
"""Contrast leaves out this share of the scene's pixels at either end."""
LAYOUT_TAIL = 0.02
"""Layout leaves out this share of the scene's blocks at either end."""
QUIET_BLOCKS = 0.25
"""The noise of the block that this share of all blocks does not exceed is the picture's."""
SPECKLE_STEP = 32
"""A pixel stands alone when it differs from all its neighbours by more than this many levels: a night's gain noise of
standard deviation 15 makes 0.3 % of all pixels stand alone by so much, noise of 25 and impulses 1 % and more.
"""
MOST_STIRRED = 0.995
"""`stir` is the change of the block that this share of the scene's blocks does not exceed."""
CAST_SHARED_BY = 0.25
"""Share of the chroma pixels that may lie nearer to grey than `cast` says."""
STRIPS_OF = 135
"""In a picture of 720 rows and more every nth row of blocks is looked at for steps and torn blocks, where n times so
many rows are the picture: every eighth in 1080p.
"""
TEARS_OF = 360
"""And for tears in any: every third in 1080p."""
GREY_CHROMA_SD = 0.35
"""A picture whose chroma spreads no more than this, about grey, has no colour: infrared 0 to 0.2; a real car park of
nothing but asphalt has 1.0, dense fog 0.4.
"""
GREY_CHROMA_MEAN = 2.0
"""About grey: neither mean is farther from it."""
DAY_MEAN = 60.0
"""A picture in colour with at least this mean luma was taken by day."""

Luma = np.ndarray[Any, np.dtype[np.uint8]]


class Planes(Protocol):
    """A decoded picture (`decode.Decoded` is one): uint8, two-dimensional, any strides; chroma 128 is grey."""

    @property
    def luma(self) -> Luma: ...
    @property
    def chroma_u(self) -> Luma | None: ...
    @property
    def chroma_v(self) -> Luma | None: ...


@dataclass(frozen=True, slots=True)
class LumaOnly:
    """A picture without chroma."""

    luma: Luma
    chroma_u: None = None
    chroma_v: None = None


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
    contrast: float
    u_mean: float
    v_mean: float
    chroma_sd: float
    noise_sd: float
    speckle_share: float
    stripe_rows: float
    stripe_columns: float
    stripe_change: float
    torn_share: float
    tear: float
    raster_share: float
    layout: float
    cast: float
    void_share: float
    scene_changed: float
    caption_changed: float
    stir: float
    drift: float
    light: int


def grid_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the grid of a picture: fits into 640x360, keeps the shape, never larger than the picture."""
    return _fitting(width, height, GRID_WIDTH, GRID_HEIGHT)


def _fitting(width: int, height: int, most_wide: int, most_high: int) -> tuple[int, int]:
    if width <= most_wide and height <= most_high:
        return width, height
    if width * most_high >= height * most_wide:
        return most_wide, max(height * most_wide // width, 1)
    return max(width * most_high // height, 1), most_high


def make_grid(luma: Luma) -> Luma:
    """The grid of a luma plane.

    luma     (h, w) uint8, any strides (a decoder's padded rows are fine), at least 1x1
    returns  (gh, gw) uint8, C-contiguous, its own memory
    """
    _check(luma)
    return _decimated(luma, GRID_WIDTH, GRID_HEIGHT)


def _decimated(plane: Luma, most_wide: int, most_high: int) -> Luma:
    height, width = plane.shape
    wide, high = _fitting(width, height, most_wide, most_high)
    if (wide, high) == (width, height):
        return np.array(plane, order="C")
    rows, columns = _places(height, high), _places(width, wide)
    if not plane.flags.c_contiguous:
        return np.ascontiguousarray(plane[rows].take(columns, axis=1))
    out = np.empty((high, wide), np.uint8)
    pictures.decimate(plane, rows, columns, out)
    return out


@functools.lru_cache(maxsize=64)
def _places(side: int, small: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Which pixel of a side each of the grid's is: the one in the middle of its cell."""
    return (np.arange(small, dtype=np.int64) * side + side // 2) // small


def measure(planes: Planes, grid: Luma, previous_grid: Luma | None) -> Measurement:
    """All statistics of one picture.

    planes         the full picture
    grid           (gh, gw) uint8: make_grid(planes.luma)
    previous_grid  the grid of the previous key frame, read-only is fine; None, or one of another shape, means that
                   there is nothing to compare with: the figures of change are NaN
    """
    luma = planes.luma
    _check(luma)
    _check(grid)
    grid = np.ascontiguousarray(grid)
    scene = _Scene.of(grid)
    counts = scene.counts + scene.captions
    sums = np.empty(pictures.SUMS, np.int64)
    pictures.laplacians(grid, 2, sums)
    mean, sd = pictures.mean_and_sd(counts)
    colour = _colour(planes)
    return Measurement(
        width=luma.shape[1],
        height=luma.shape[0],
        mean=mean,
        sd=sd,
        dark_share=pictures.share_at_most(counts, DARK_LEVEL),
        bright_share=pictures.share_at_least(counts, BRIGHT_LEVEL),
        laplacian_var=pictures.laplacian_variance(sums),
        **_of_scene(scene),
        **_stripes(grid, previous_grid),
        **_raster(luma, grid),
        **_change(grid, previous_grid, scene),
        **colour,
        light=_light(mean, **colour),
    )


def scene_of(grid: Luma) -> Luma:
    """The grid without its caption bands."""
    band = grid.shape[0] // CAPTION_PART
    return grid[band : grid.shape[0] - band]


@dataclass(frozen=True, slots=True)
class _Scene:
    """The grid without its caption bands, and what several figures are made of.

    counts, captions  histograms of the scene and of the bands;  sums  of its 16x16 blocks;  structured  how many
    of these hold structure
    """

    plane: Luma
    counts: pictures.Counts
    captions: pictures.Counts
    sums: blocks.Sums
    structured: int

    @classmethod
    def of(cls, grid: Luma) -> _Scene:
        plane, band = scene_of(grid), grid.shape[0] // CAPTION_PART
        counts, upper, lower = np.empty((3, 256), np.int64)
        pictures.histogram(plane, counts)
        pictures.histogram(grid[:band], upper)
        pictures.histogram(grid[grid.shape[0] - band :], lower)
        sums = np.empty((plane.shape[0] // 16, plane.shape[1] // 16), np.int32)
        return cls(plane, counts, upper + lower, sums, pictures.structured_blocks(plane, STRUCTURE_STEP, sums))


def _of_scene(scene: _Scene) -> dict[str, float]:
    """What is taken from the scene alone."""
    plane, counts, sums = scene.plane, scene.counts, scene.sums
    height, width = plane.shape
    if min(height, width) < MIN_SCENE_SIDE + 2:
        return dict.fromkeys(
            ("sharpness", "texture_share", "contrast", "layout", "noise_sd", "speckle_share"), math.nan
        )
    low, high = pictures.levels_reached(counts, CONTRAST_TAIL, 1 - CONTRAST_TAIL)
    sizes = np.empty(pictures.LAPLACIAN_SIZES, np.int64)
    sd = pictures.sd_of((height - 2) * (width - 2), *pictures.smoothed_sizes(plane, 2, sizes))
    layout = blocks.ranked(sums, 1 - LAYOUT_TAIL) - blocks.ranked(sums, LAYOUT_TAIL)
    noise = np.empty(((height - 2) // 16, (width - 2) // 16), np.int32)
    grain.responses(plane, noise)
    return {
        "sharpness": pictures.level_reached(sizes, SHARPEST_ABOVE) / sd if sd > 0 else math.nan,
        "texture_share": scene.structured / sums.size,
        "contrast": float(high - low),
        "layout": layout / blocks.PIXELS,
        "noise_sd": grain.noise_from(blocks.ranked(noise, QUIET_BLOCKS)),
        "speckle_share": grain.speckles(plane, SPECKLE_STEP) / ((height - 1) // 2 * width),
    }


def _stripes(grid: Luma, previous: Luma | None) -> dict[str, float]:
    """Stripes of the picture, and those of its change: bands that roll, which nothing in the scene can hide."""
    height, width = grid.shape
    if min(height, width) < MIN_SCENE_SIDE:
        return dict.fromkeys(("stripe_rows", "stripe_columns", "stripe_change"), math.nan)
    rows, columns = _segments(grid)
    wide, high = width // stripes.SEGMENTS, height // stripes.SEGMENTS
    change = math.nan
    if previous is not None and previous.shape == grid.shape:
        before = np.empty_like(rows)
        stripes.row_sums(np.ascontiguousarray(previous), before)
        change = stripes.strength(rows - before, wide)
    return {
        "stripe_rows": stripes.strength(rows, wide),
        "stripe_columns": stripes.strength(columns, high),
        "stripe_change": change,
    }


def _segments(grid: Luma) -> tuple[stripes.Sums, stripes.Sums]:
    rows = np.empty((grid.shape[0], stripes.SEGMENTS), np.int32)
    columns = np.empty((grid.shape[1], stripes.SEGMENTS), np.int32)
    stripes.segment_sums(grid, rows, columns)
    return rows, columns


def _raster(luma: Luma, grid: Luma) -> dict[str, float]:
    """What the codec did, and what a broken stream does."""
    sums = np.empty(mosaic.SUMS, np.int64)
    luma = np.ascontiguousarray(luma)
    mosaic.strips(luma, strip_every(luma.shape[0]), sums)
    borders, between = (_tears(luma, first) for first in (16, 8))
    columns, rows = np.empty(grid.shape[1], np.int32), np.empty(grid.shape[0], np.int32)
    mosaic.step_profiles(grid, columns, rows)
    fullest = mosaic.fullest_quarter(columns), mosaic.fullest_quarter(rows)
    return {
        "blockiness": mosaic.blockiness(sums),
        "torn_share": mosaic.torn_share(sums),
        "tear": mosaic.tear(borders, between, sums, luma.shape[1]),
        "raster_share": math.nan if any(map(math.isnan, fullest)) else min(fullest),
    }


def strip_every(height: int) -> int:
    """Which rows of blocks are looked at for steps: all, or each so manyth."""
    return height // STRIPS_OF if height >= 720 else 1


def _tears(luma: Luma, first: int) -> pictures.Counts:
    """The tears of every row of blocks in a small picture, of every third one in 1080p, and so on."""
    every = 16 * max(luma.shape[0] // TEARS_OF, 1)
    clear = np.empty(max((luma.shape[0] - 2 - first) // every + 1, 0), np.int64)
    mosaic.tears(luma, first, every, clear)
    return clear


def _change(grid: Luma, previous: Luma | None, scene: _Scene) -> dict[str, float]:
    """The grid against that of the previous key frame."""
    names = ("changed_share", "scene_changed", "caption_changed", "stir", "drift")
    if previous is None or previous.shape != grid.shape:
        return dict.fromkeys(names, math.nan)
    previous = np.ascontiguousarray(previous)
    band = grid.shape[0] // CAPTION_PART
    inside, outside = blocks.changed_apart(grid, previous, CHANGED_BY, band, grid.shape[0] - band)
    captions = grid.size - scene.plane.size
    stir = drift = math.nan
    if min(scene.plane.shape) >= MIN_SCENE_SIDE:
        then = np.empty_like(scene.sums)
        blocks.block_sums(scene_of(previous), then)
        differences = np.abs(scene.sums - then)
        stir = blocks.ranked(differences, MOST_STIRRED) / blocks.PIXELS
        drift = blocks.ranked(differences, 0.5) / blocks.PIXELS
    return {
        "changed_share": (inside + outside) / grid.size,
        "scene_changed": inside / scene.plane.size,
        "caption_changed": outside / captions if captions else math.nan,
        "stir": stir,
        "drift": drift,
    }


def _colour(planes: Planes) -> dict[str, float]:
    u, v = planes.chroma_u, planes.chroma_v
    if u is None or v is None or u.shape != v.shape or u.size == 0:
        return dict.fromkeys(("u_mean", "v_mean", "chroma_sd", "cast", "void_share"), math.nan)
    u, v = (_decimated(plane, CHROMA_WIDTH, CHROMA_HEIGHT) for plane in (u, v))
    sums, counts = np.empty(chroma.SUMS, np.int64), np.empty(chroma.PROJECTIONS, np.int64)
    chroma.total(u, v, sums)
    chroma.project(u, v, *chroma.direction(sums), counts)
    u_mean, v_mean, chroma_sd = chroma.means_and_spread(sums)
    return {
        "u_mean": u_mean,
        "v_mean": v_mean,
        "chroma_sd": chroma_sd,
        "cast": max(chroma.reached(counts, CAST_SHARED_BY), 0.0),
        "void_share": chroma.impossible(u, v) / u.size,
    }


def _light(mean: float, *, u_mean: float, v_mean: float, chroma_sd: float, **_others: float) -> int:
    grey = chroma_sd <= GREY_CHROMA_SD and max(abs(u_mean), abs(v_mean)) <= GREY_CHROMA_MEAN
    if grey:
        return int(Light.INFRARED)
    return int(Light.DAY if mean >= DAY_MEAN else Light.NIGHT)


def _check(plane: Luma) -> None:
    if plane.dtype != np.uint8 or plane.ndim != 2 or plane.size == 0:
        raise ValueError(
            f"a luma plane is a two-dimensional array of uint8 with pixels, not {plane.dtype} {plane.shape}"
        )
    if max(plane.shape) > pictures.MAX_SIDE:
        raise ValueError(
            f"a luma plane of {plane.shape[1]}x{plane.shape[0]} pixels; the limit is {pictures.MAX_SIDE} a side"
        )
