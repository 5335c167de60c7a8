"""What one visit to a camera found: measurements of a picture, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column
from citywatch.domain.faults import UNKNOWN_PRESET as UNKNOWN_PRESET  # noqa: PLC0414  (handed on: words of pictures)
from citywatch.domain.faults import Fault as Fault  # noqa: PLC0414


class Outcome(IntEnum):
    """How a visit ended."""

    PICTURE = 0
    """A picture was decoded and measured."""
    UNREACHABLE = 1
    """The camera could not be reached, or would not let us in."""
    NO_MEDIA = 2
    """It answered and gave no picture."""
    UNCHECKED = 3
    """The visit says nothing about the camera."""
    REACHED = 4
    """It answered, and no picture was asked for (switches, power boxes, recorders)."""
    GLANCE = 5
    """A picture came, was decoded at a part of its size, and looked as it did when it was last measured."""


class Light(IntEnum):
    """By what light a picture was taken, as far as the picture shows it; references are kept for each."""

    UNKNOWN = 0
    DAY = 1
    NIGHT = 2
    INFRARED = 3


NO_OFFSET = -(2**63)
"""Where a clock's offset is not known."""


class VisitReason(StrEnum):
    """Why a visit ended as it did; a bounded set, used as a metric label."""

    OK = "ok"
    NAME_LOOKUP = "name_lookup"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    AUTHENTICATION = "authentication"
    PATH_UNKNOWN = "path_unknown"
    HOST_UNREACHABLE = "host_unreachable"
    NOT_FOUND = "file_not_found"
    NO_FRAMES = "no_frames"
    STALLED = "stalled"
    """Media began to flow and stopped before a key frame was there."""
    NO_KEY_FRAME = "no_key_frame"
    """Pictures came, but none in time that can be decoded by itself."""
    NOT_A_PICTURE = "not_a_picture"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol_error"
    DECODER_DIED = "decoder_died"
    DECODER_TIME = "decoder_out_of_time"
    DECODER_MEMORY = "decoder_out_of_memory"
    END_OF_FILE = "end_of_file"
    STOPPED = "stopped"


@dataclass(frozen=True, eq=False)
class FrameBatch(Batch):
    """Visits, one row each. Measurements are NaN where the outcome is not PICTURE.

    device           str            the camera's id
    at_ns            (n,) int64     when the visit was made (the patrol's clock; the stream's own time is `media_ns`)
    received_ns      (n,) int64     when the measurement was appended; never inside an event
    visit            (n,) int64     number of the visit, from 1, per camera and patrol run
    outcome          (n,) uint8     Outcome
    reason           str            VisitReason
    media_ns         (n,) int64     the key frame's own time inside its stream or file; -1 where there is none
    width, height    (n,) int32     of the decoded picture, pixels; 0 without one
    mean, sd         (n,) float64   luma of the grid, grey levels 0 to 255
    dark_share       (n,) float64   share of grid pixels at or below rules' black level, 0 to 1
    bright_share     (n,) float64   share of grid pixels at or above the white level, 0 to 1
    laplacian_var    (n,) float64   variance of the 3x3 Laplacian of the grid, grey levels squared
    sharpness        (n,) float64   Laplacian of the sharpest thousandth over the standard deviation, both of the
                                    smoothed grid without its caption bands; without unit; NaN for a flat picture
    texture_share    (n,) float64   share of 16x16 grid blocks between the caption bands that hold structure, 0 to 1
    blockiness       (n,) float64   step at 8-pixel borders of the full picture over the step elsewhere, without unit
    changed_share    (n,) float64   share of grid pixels that differ from `previous` by more than the grey threshold;
                                    NaN without a previous picture of the same grid
    picture          str            content hash of the grid picture in the object store; empty without one; of a
                                    glance, of the look that it is like
    previous         str            content hash of the picture it was compared with; empty without one
    previous_at_ns   (n,) int64     `at_ns` (or, for a file, media time) of that picture; -1 without one
    cpu_us           (n,) int64     processor time of the visit in the decoder, microseconds

    since schema 2:
    contrast         (n,) float64   spread between the 5 and 95 percent levels of the scene's luma, grey levels
    u_mean, v_mean   (n,) float64   mean chroma of the grid minus 128, levels; NaN for a picture without chroma
    chroma_sd        (n,) float64   spread of the chroma about its mean, levels
    noise_sd         (n,) float64   noise of the scene, grey levels
    speckle_share    (n,) float64   share of scene pixels that stand alone among their neighbours, 0 to 1
    stripe_rows      (n,) float64   strength of what repeats along whole rows over what does not, without unit
    stripe_columns   (n,) float64   the same for columns
    stripe_change    (n,) float64   the same for rows, of the change since `previous` or since the reference, whichever
                                    is stronger: bands that roll
    torn_share       (n,) float64   share of 16x16 coding blocks with an edge exactly along three sides or four, 0 to 1
    tear             (n,) float64   share of the pieces of the borders between rows of coding blocks with a clear step
                                    across, above that of other rows and of other borders, -1 to 1
    raster_share     (n,) float64   share of the steps between grid pixels that stands on a quarter of its columns, or
                                    of its rows, whichever is less: for a picture of squares nearly all, 0.25 to 1
    layout           (n,) float64   spread between the 2 and 98 percent levels of the means of the 16x16 scene blocks,
                                    grey levels
    cast             (n,) float64   how far from grey three quarters of the chroma pixels lie, at least, in the
                                    direction of their mean, levels
    void_share       (n,) float64   share of chroma pixels of a colour that does not exist: never written, 0 to 1
    scene_changed    (n,) float64   `changed_share` of the scene alone: the grid without its caption bands, 0 to 1
    caption_changed  (n,) float64   `changed_share` of the caption bands, the upper and lower sixth of the grid, 0 to 1
    stir             (n,) float64   change of the mean of the 16x16 scene block that 0.5 % of them exceed, grey levels
    drift            (n,) float64   change of the mean of the middle one of the 16x16 scene blocks, grey levels
    light            (n,) uint8     Light
    reference        str            content hash of the camera's reference picture that it was compared with; or empty
    shift_x, shift_y (n,) float64   displacement against the reference, grid pixels; NaN where it cannot be told
    shift_certainty  (n,) float64   how far the best displacement stands above the second best, 0 to 1
    match_share      (n,) float64   share of the reference's structured blocks found again, displacement allowed for
    lost_share       (n,) float64   share of the reference's structured blocks without any structure now
    sharpness_ratio  (n,) float64   fine structure in the matching blocks over that of the reference, without unit
    contrast_ratio   (n,) float64   span of grey levels in the matching blocks over that of the reference, without unit
    lost_cells       (n,) int64     where structure was lost: bit 8 r + c stands for cell (r, c) of a raster of 6 rows
                                    and 8 columns over the picture; 0 where nothing was lost or compared
    steady_share     (n,) float64   share of the structured blocks of `previous` found again, displacement allowed for;
                                    NaN where the reference is found again, or nothing can be compared
    step_x, step_y   (n,) float64   by how much the view lies elsewhere than in `previous`, grid pixels to the right and
                                    down; NaN where `steady_share` is
    coarse_correlation (n,) float64 correlation with the reference of what is 16 to 32 grid pixels long, no farther than
                                    8 from its place, -1 to 1; NaN without a reference
    coarse_transfer  (n,) float64   share of that detail that is left, 1 as in the reference: its contrast, which the
                                    noise leaves alone; NaN where the correlation is too small to tell
    transfer_ratio   (n,) float64   share of what is 8 to 16 grid pixels long that is left, over `coarse_transfer`: how
                                    far the modulation transfer falls towards the finer; without unit; NaN with it
    detail_ratio     (n,) float64   strength of all that is 8 to 16 grid pixels long, whatever it is, over that of the
                                    reference; without unit; NaN with it
    """

    KIND: ClassVar[str] = "frames"
    SCHEMA_VERSION: ClassVar[int] = 4
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("received_ns", "int64"),
        Column("visit", "int64"),
        Column("outcome", "uint8"),
        Column("reason", TEXT),
        Column("media_ns", "int64"),
        Column("width", "int32"),
        Column("height", "int32"),
        Column("mean", "float64"),
        Column("sd", "float64"),
        Column("dark_share", "float64"),
        Column("bright_share", "float64"),
        Column("laplacian_var", "float64"),
        Column("sharpness", "float64"),
        Column("texture_share", "float64"),
        Column("blockiness", "float64"),
        Column("changed_share", "float64"),
        Column("picture", TEXT),
        Column("previous", TEXT),
        Column("previous_at_ns", "int64"),
        Column("cpu_us", "int64"),
        Column("contrast", "float64", since=2, missing=math.nan),
        Column("u_mean", "float64", since=2, missing=math.nan),
        Column("v_mean", "float64", since=2, missing=math.nan),
        Column("chroma_sd", "float64", since=2, missing=math.nan),
        Column("noise_sd", "float64", since=2, missing=math.nan),
        Column("speckle_share", "float64", since=2, missing=math.nan),
        Column("stripe_rows", "float64", since=2, missing=math.nan),
        Column("stripe_columns", "float64", since=2, missing=math.nan),
        Column("stripe_change", "float64", since=2, missing=math.nan),
        Column("torn_share", "float64", since=2, missing=math.nan),
        Column("tear", "float64", since=2, missing=math.nan),
        Column("raster_share", "float64", since=2, missing=math.nan),
        Column("layout", "float64", since=2, missing=math.nan),
        Column("cast", "float64", since=2, missing=math.nan),
        Column("void_share", "float64", since=2, missing=math.nan),
        Column("scene_changed", "float64", since=2, missing=math.nan),
        Column("caption_changed", "float64", since=2, missing=math.nan),
        Column("stir", "float64", since=2, missing=math.nan),
        Column("drift", "float64", since=2, missing=math.nan),
        Column("light", "uint8", since=2, missing=0),
        Column("reference", TEXT, since=2, missing=""),
        Column("shift_x", "float64", since=2, missing=math.nan),
        Column("shift_y", "float64", since=2, missing=math.nan),
        Column("shift_certainty", "float64", since=2, missing=math.nan),
        Column("match_share", "float64", since=2, missing=math.nan),
        Column("lost_share", "float64", since=2, missing=math.nan),
        Column("sharpness_ratio", "float64", since=2, missing=math.nan),
        Column("contrast_ratio", "float64", since=2, missing=math.nan),
        Column("lost_cells", "int64", since=2, missing=0),
        Column("steady_share", "float64", since=2, missing=math.nan),
        Column("sketch", TEXT, since=2, missing=""),
        Column("coded_bytes", "int64", since=2, missing=0),
        Column("decode_errors", "int32", since=2, missing=0),
        Column("fps", "float64", since=2, missing=math.nan),
        Column("fps_declared", "float64", since=2, missing=math.nan),
        Column("stream_offset_ns", "int64", since=2, missing=NO_OFFSET),
        Column("device_offset_ns", "int64", since=2, missing=NO_OFFSET),
        Column("preset", TEXT, since=2, missing=""),
        Column("step_x", "float64", since=3, missing=math.nan),
        Column("step_y", "float64", since=3, missing=math.nan),
        Column("coarse_correlation", "float64", since=4, missing=math.nan),
        Column("coarse_transfer", "float64", since=4, missing=math.nan),
        Column("transfer_ratio", "float64", since=4, missing=math.nan),
        Column("detail_ratio", "float64", since=4, missing=math.nan),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    received_ns: np.ndarray[Any, np.dtype[np.int64]]
    visit: np.ndarray[Any, np.dtype[np.int64]]
    outcome: np.ndarray[Any, np.dtype[np.uint8]]
    reason: tuple[str, ...]
    media_ns: np.ndarray[Any, np.dtype[np.int64]]
    width: np.ndarray[Any, np.dtype[np.int32]]
    height: np.ndarray[Any, np.dtype[np.int32]]
    mean: np.ndarray[Any, np.dtype[np.float64]]
    sd: np.ndarray[Any, np.dtype[np.float64]]
    dark_share: np.ndarray[Any, np.dtype[np.float64]]
    bright_share: np.ndarray[Any, np.dtype[np.float64]]
    laplacian_var: np.ndarray[Any, np.dtype[np.float64]]
    sharpness: np.ndarray[Any, np.dtype[np.float64]]
    texture_share: np.ndarray[Any, np.dtype[np.float64]]
    blockiness: np.ndarray[Any, np.dtype[np.float64]]
    changed_share: np.ndarray[Any, np.dtype[np.float64]]
    picture: tuple[str, ...]
    previous: tuple[str, ...]
    previous_at_ns: np.ndarray[Any, np.dtype[np.int64]]
    cpu_us: np.ndarray[Any, np.dtype[np.int64]]
    contrast: np.ndarray[Any, np.dtype[np.float64]]
    u_mean: np.ndarray[Any, np.dtype[np.float64]]
    v_mean: np.ndarray[Any, np.dtype[np.float64]]
    chroma_sd: np.ndarray[Any, np.dtype[np.float64]]
    noise_sd: np.ndarray[Any, np.dtype[np.float64]]
    speckle_share: np.ndarray[Any, np.dtype[np.float64]]
    stripe_rows: np.ndarray[Any, np.dtype[np.float64]]
    stripe_columns: np.ndarray[Any, np.dtype[np.float64]]
    stripe_change: np.ndarray[Any, np.dtype[np.float64]]
    torn_share: np.ndarray[Any, np.dtype[np.float64]]
    tear: np.ndarray[Any, np.dtype[np.float64]]
    raster_share: np.ndarray[Any, np.dtype[np.float64]]
    layout: np.ndarray[Any, np.dtype[np.float64]]
    cast: np.ndarray[Any, np.dtype[np.float64]]
    void_share: np.ndarray[Any, np.dtype[np.float64]]
    scene_changed: np.ndarray[Any, np.dtype[np.float64]]
    caption_changed: np.ndarray[Any, np.dtype[np.float64]]
    stir: np.ndarray[Any, np.dtype[np.float64]]
    drift: np.ndarray[Any, np.dtype[np.float64]]
    light: np.ndarray[Any, np.dtype[np.uint8]]
    reference: tuple[str, ...]
    shift_x: np.ndarray[Any, np.dtype[np.float64]]
    shift_y: np.ndarray[Any, np.dtype[np.float64]]
    shift_certainty: np.ndarray[Any, np.dtype[np.float64]]
    match_share: np.ndarray[Any, np.dtype[np.float64]]
    lost_share: np.ndarray[Any, np.dtype[np.float64]]
    sharpness_ratio: np.ndarray[Any, np.dtype[np.float64]]
    contrast_ratio: np.ndarray[Any, np.dtype[np.float64]]
    lost_cells: np.ndarray[Any, np.dtype[np.int64]]
    steady_share: np.ndarray[Any, np.dtype[np.float64]]
    sketch: tuple[str, ...]
    coded_bytes: np.ndarray[Any, np.dtype[np.int64]]
    decode_errors: np.ndarray[Any, np.dtype[np.int32]]
    fps: np.ndarray[Any, np.dtype[np.float64]]
    fps_declared: np.ndarray[Any, np.dtype[np.float64]]
    stream_offset_ns: np.ndarray[Any, np.dtype[np.int64]]
    device_offset_ns: np.ndarray[Any, np.dtype[np.int64]]
    preset: tuple[str, ...]
    step_x: np.ndarray[Any, np.dtype[np.float64]]
    step_y: np.ndarray[Any, np.dtype[np.float64]]
    coarse_correlation: np.ndarray[Any, np.dtype[np.float64]]
    coarse_transfer: np.ndarray[Any, np.dtype[np.float64]]
    transfer_ratio: np.ndarray[Any, np.dtype[np.float64]]
    detail_ratio: np.ndarray[Any, np.dtype[np.float64]]
