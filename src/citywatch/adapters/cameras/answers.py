"""What asking a camera can come to: something for the decoder, or a failure that names its reason."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from citywatch.adapters.cameras.rtp import KeyFrame
from citywatch.domain.pictures import Outcome, VisitReason


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

Media = FileRef | Still | KeyFrame


class VisitFailure(Exception):
    """A visit that ended before any decoding. The message is for people and holds no secret."""

    def __init__(self, outcome: Outcome, reason: VisitReason, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.reason = reason


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
