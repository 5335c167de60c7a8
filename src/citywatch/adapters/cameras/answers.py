"""What asking a camera can come to: something for the decoder, or a failure that names its reason."""

from __future__ import annotations

import errno
import math
import socket
from dataclasses import dataclass
from pathlib import Path

from citywatch.adapters.cameras.rtp import KeyFrame
from citywatch.domain.pictures import NO_OFFSET, Outcome, VisitReason


@dataclass(frozen=True, slots=True)
class FileRef:
    """A video or picture file that the decoder opens itself."""

    path: Path


@dataclass(frozen=True, slots=True)
class Still:
    """A coded still picture (JPEG, PNG, BMP or WebP) as it was fetched."""

    content: bytes


STILL_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF")
"""The first bytes of JPEG, PNG, BMP and WebP (whose RIFF is that of AVI files too); nothing else is a still picture."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The device answered a tcp:// address; there is no picture to ask it for."""


Media = FileRef | Still | KeyFrame
"""What a decoder can be given."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What was learned of a stream on the way, without decoding; named as the columns of FrameBatch.

    fps               pictures a second by the stream's own time; NaN where too few pictures were seen
    fps_declared      what the stream says of itself; NaN where it says nothing
    stream_offset_ns  the stream's wall clock (RTCP sender report) minus ours when the report was read; NO_OFFSET
                      without one. Over TCP, reading in gulps makes it up to link.GULP_S too small.
    date_offset_ns    the clock of the RTSP server, by the Date of its answers, minus ours; NO_OFFSET without one
    """

    fps: float = math.nan
    fps_declared: float = math.nan
    stream_offset_ns: int = NO_OFFSET
    date_offset_ns: int = NO_OFFSET

    def columns(self) -> dict[str, float]:
        """What is known, by column; what is not is left to others (the decoder may know the declared rate)."""
        known: dict[str, float] = {
            name: value
            for name, value in (("fps", self.fps), ("fps_declared", self.fps_declared))
            if not math.isnan(value)
        }
        if self.stream_offset_ns != NO_OFFSET:
            known["stream_offset_ns"] = self.stream_offset_ns
        return known


NO_STREAM = Stream()


@dataclass(frozen=True, slots=True)
class Answer:
    """What asking a camera brought back."""

    media: Media | Reached
    stream: Stream = NO_STREAM


class VisitFailure(Exception):
    """A visit that ended before any decoding. The message is for people and holds no secret.

    `stream`: what was learned all the same.
    """

    def __init__(self, outcome: Outcome, reason: VisitReason, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.reason = reason
        self.stream = NO_STREAM


def unreachable(reason: VisitReason, message: str) -> VisitFailure:
    return VisitFailure(Outcome.UNREACHABLE, reason, message)


def no_media(reason: VisitReason, message: str) -> VisitFailure:
    return VisitFailure(Outcome.NO_MEDIA, reason, message)


def unchecked(reason: VisitReason, message: str) -> VisitFailure:
    return VisitFailure(Outcome.UNCHECKED, reason, message)


def connect_failure(error: BaseException, shown: str) -> VisitFailure:
    """The failure behind an error of name lookup or connecting; `shown` is the redacted address."""
    if isinstance(error, socket.gaierror):
        return unreachable(VisitReason.NAME_LOOKUP, f"{shown}: the host name cannot be resolved")
    if isinstance(error, TimeoutError):
        return unreachable(VisitReason.TIMED_OUT, f"{shown}: no connection in time")
    if isinstance(error, ConnectionRefusedError | ConnectionResetError):
        return unreachable(VisitReason.REFUSED, f"{shown}: the connection was refused")
    code = errno.errorcode.get(getattr(error, "errno", None) or 0, "unknown error")
    return unreachable(VisitReason.HOST_UNREACHABLE, f"{shown}: the host cannot be reached ({code})")
