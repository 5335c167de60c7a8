"""What one visit to a camera found: measurements of a picture, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column


class Fault(StrEnum):
    """What can be wrong with a device. snake_case, for other people's scripts."""

    UNREACHABLE = "unreachable"
    NO_MEDIA = "no_media"
    BLACK = "black"
    OVER_EXPOSED = "over_exposed"
    FROZEN = "frozen"
    COVERED = "covered"
    OUT_OF_FOCUS = "out_of_focus"
    SILENT = "silent"
    """A device that promised heartbeats sent none while its observer was listening (scales; not a camera fault)."""


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
    picture          str            content hash of the grid picture in the object store; empty without one
    previous         str            content hash of the picture it was compared with; empty without one
    previous_at_ns   (n,) int64     `at_ns` (or, for a file, media time) of that picture; -1 without one
    cpu_us           (n,) int64     processor time of the visit in the decoder, microseconds
    """

    KIND: ClassVar[str] = "frames"
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
