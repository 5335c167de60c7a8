"""Framed messages between the pool and its decoder processes: two lengths, a JSON object, raw bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HEAD = struct.Struct(">II")
BEGUN = b"+"
"""What a decoder says when it has a task in hand, before its report."""
MOST_JSON_BYTES = 65_536
MOST_BLOB_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What a decoder process is told first."""

    objects_dir: str
    unpinned_quota_bytes: int
    pinned_quota_bytes: int
    data_limit_bytes: int
    """RLIMIT_DATA; never RLIMIT_AS, which crashes or hangs the libraries that map a lot and touch little."""
    most_pixels: int
    search_seconds: float
    """The longest that one visit searches a file for its next key frame."""
    niceness: int
    parent: int
    """Process id of the pool; the decoder ends with it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One visit as the decoder sees it. The coded picture travels behind it as raw bytes.

    `media`: "file", "still", or the codec of a key frame. `path`: of a file. `after_ns`, `after_keys`: where the
    last visit of a file stopped, None and 0 at the first. `previous`: object of the picture to compare with, or "".
    `references`: objects of the camera's references at its preset, by light ("day"); at an unknown preset of all of
    its presets, by light and preset ("day/gate").

    `marks`: whether to leave a mark of the picture (glance.Mark) in the report. `known_marks`, `last_mark`: those of
    the last full looks, and of the visit before; with both of them a glance may be enough.
    """

    media: str
    path: str = ""
    after_ns: int | None = None
    after_keys: int = 0
    previous: str = ""
    references: dict[str, str] = field(default_factory=dict)
    marks: bool = False
    known_marks: Sequence[str] = ()
    last_mark: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The decoder's answer. `measurement` holds the fields of measure.Measurement; empty without a picture.

    `after_ns`, `after_keys`: where this visit stopped; handed in again at the next. `note`: for people. `mark`: what
    later glances compare with, see Task.
    """

    outcome: int
    reason: str
    media_ns: int = -1
    measurement: dict[str, float | int | str] | None = None
    picture: str = ""
    previous: str = ""
    after_ns: int | None = None
    after_keys: int = 0
    cpu_us: int = 0
    dropped: dict[str, int] | None = None
    note: str = ""
    mark: str = ""


def pack(message: Settings | Task | Report, blob_length: int = 0) -> bytes:
    """The message; a blob of so many bytes follows."""
    fields = {name: getattr(message, name) for name in message.__dataclass_fields__}  # asdict would copy all values
    body = json.dumps(fields, separators=(",", ":")).encode()
    return HEAD.pack(len(body), blob_length) + body


def unpack_json(body: bytes) -> dict[str, Any]:
    """ValueError for anything but a JSON object."""
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("not a message")
    return value
