"""A look, as the rules read it, and what a camera's looks leave behind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from citywatch.domain.pictures import NO_OFFSET, FrameBatch, Light, Outcome


@dataclass(frozen=True, slots=True)
class Look:
    """One row of a FrameBatch; the fields mean what the columns mean."""

    device: str
    at_ns: int
    visit: int
    outcome: Outcome
    reason: str
    media_ns: int
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
    picture: str
    previous: str
    previous_at_ns: int
    contrast: float = math.nan
    u_mean: float = math.nan
    v_mean: float = math.nan
    chroma_sd: float = math.nan
    noise_sd: float = math.nan
    speckle_share: float = math.nan
    stripe_rows: float = math.nan
    stripe_columns: float = math.nan
    stripe_change: float = math.nan
    torn_share: float = math.nan
    tear: float = math.nan
    raster_share: float = math.nan
    layout: float = math.nan
    cast: float = math.nan
    void_share: float = math.nan
    scene_changed: float = math.nan
    caption_changed: float = math.nan
    stir: float = math.nan
    drift: float = math.nan
    light: Light = Light.UNKNOWN
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
    sketch: str = ""
    coded_bytes: int = 0
    decode_errors: int = 0
    fps: float = math.nan
    fps_declared: float = math.nan
    stream_offset_ns: int = NO_OFFSET
    device_offset_ns: int = NO_OFFSET
    preset: str = ""
    step_x: float = math.nan
    step_y: float = math.nan
    coarse_correlation: float = math.nan
    coarse_transfer: float = math.nan
    transfer_ratio: float = math.nan
    detail_ratio: float = math.nan

    @property
    def shown_ns(self) -> int:
        """When the picture was shown: the file's own time where there is one, else the visit."""
        return self.media_ns if self.media_ns >= 0 else self.at_ns


@dataclass(frozen=True, slots=True)
class LookHistory:
    """What one camera's earlier looks leave behind; plain numbers, so that it is kept as JSON, some 400 bytes.

    unchanged   pairs in a row that hardly differ, at most MOST_PAIRS
    since_ns    when the first picture of that chain was shown
    last_ns     when the last picture was shown; a picture compared with any other one begins a new chain
    still       pairs in a row, at the end, that are still
    still_since_ns  when their first picture was shown
    quiet       pairs in a row in which nothing moved, at most MOST_PAIRS
    quiet_since_ns  when their first picture was shown
    calm        of these, pairs in a row, at the end, in which no more changed than while it was alive
    calm_since_ns  when their first picture was shown
    faint       pairs in a row, at the end, in which far less changed than that
    faint_since_ns  when their first picture was shown
    quiet_changed  the largest share of the scene that changed in any faint pair
    own         by each light ("day", "night", "infrared"), of the camera when it is alive: [pairs in which something
                moved (at most MOST_PAIRS), nanoseconds of the longest quiet, least share of the scene that changed]
    colour      its usual colour by day: [looks (at most MOST_PAIRS), mean u, mean v], see `learned`
    texture     its usual structure: [looks, mean texture_share]
    tear        by each light, the steps between its rows of blocks: [looks, mean tear]
    """

    unchanged: int = 0
    since_ns: int = -1
    last_ns: int = -1
    still: int = 0
    still_since_ns: int = -1
    quiet: int = 0
    quiet_since_ns: int = -1
    quiet_changed: float = 0.0
    calm: int = 0
    calm_since_ns: int = -1
    faint: int = 0
    faint_since_ns: int = -1
    own: dict[str, list[float]] = field(default_factory=dict)
    colour: list[float] = field(default_factory=lambda: [0, 0.0, 0.0])
    texture: list[float] = field(default_factory=lambda: [0, 0.0])
    tear: dict[str, list[float]] = field(default_factory=dict)


MOST_PAIRS = 1000
_MEMORY = 300
"""Looks over which a usual value is remembered: with a visit every five minutes about a day."""


def learned(usual: list[float], *values: float) -> list[float]:
    """[looks, mean, ...] with one more look. The first looks weigh equally, later ones 1/300 each, so that the seasons
    are followed; rounded each time, so it stays short as text.
    """
    looks = min(int(usual[0]) + 1, MOST_PAIRS)
    weight = 1.0 / min(looks, _MEMORY)
    return [looks, *(round(mean + (value - mean) * weight, 4) for mean, value in zip(usual[1:], values, strict=True))]


_FIELDS = tuple(column.name for column in FrameBatch.COLUMNS if column.name in Look.__slots__)


def looks(batch: FrameBatch) -> Iterator[Look]:
    """The rows of a batch, in order."""
    columns = [getattr(batch, name) for name in _FIELDS]
    values = [column if isinstance(column, tuple) else column.tolist() for column in columns]
    for row in zip(*values, strict=True):
        fields = dict(zip(_FIELDS, row, strict=True))
        fields["outcome"], fields["light"] = Outcome(fields["outcome"]), Light(fields["light"])
        yield Look(**fields)
