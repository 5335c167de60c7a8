"""Findings on their way into the log: rows that are gathered, records that are refused, with field and reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from citywatch.domain.findings import SOURCE_PATTERN, FindingBatch, Said, Verifier
from citywatch.domain.instants import parse_instant
from citywatch.errors import RecordRefused

FROM_NS: Final = parse_instant("2000-01-01T00:00:00Z")
TO_NS: Final = parse_instant("2200-01-01T00:00:00Z")
_SOURCE: Final = re.compile(SOURCE_PATTERN)

Known = Callable[[Collection[str]], Collection[str]]
"""Which of these devices are known."""


class FindingRefusal(StrEnum):
    """Why a record is refused; a bounded set, used as a metric label."""

    NOT_AN_OBJECT = "not_an_object"
    MISSING = "missing"
    UNKNOWN_KEY = "unknown_key"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    BAD_TEXT = "bad_text"
    BAD_INSTANT = "bad_instant"
    UNKNOWN_DEVICE = "unknown_device"


@dataclass(frozen=True, slots=True)
class RefusedFinding:
    """A record that made no row. `content` is the record as it came, as JSON."""

    index: int
    field: str
    reason: FindingRefusal
    message: str
    content: bytes = b"{}"


def wrong(name: str, reason: FindingRefusal, message: str) -> RecordRefused:
    """The error of a record with a field that makes it no finding."""
    return RecordRefused(reason.value, f"{name}: {message}", field=name)


class FindingRow(NamedTuple):
    """One row of a FindingBatch, but for the instants that all rows of a document share."""

    device: str
    source: str
    key: str
    said: int
    said_ns: int
    until_ns: int
    kind: str = ""
    severity: str = ""
    title: str = ""
    note: str = ""
    lat: float = math.nan
    lon: float = math.nan
    address: str = ""
    photos: str = ""
    labels: str = "{}"
    verified_by: str = Verifier.SOURCE.value


def refused(index: int, error: RecordRefused, record: object) -> RefusedFinding:
    """A record with what is wrong in it."""
    as_it_came = json.dumps(record, separators=(",", ":")).encode()
    return RefusedFinding(index, error.field, FindingRefusal(error.reason), str(error), as_it_came)


@dataclass(slots=True)
class DecodedFindings:
    """What a document came to. `rows` in the order of the document, without what was refused."""

    records: int = 0
    rows: list[FindingRow] = field(default_factory=list)
    refused: list[RefusedFinding] = field(default_factory=list)

    def batch(self, now_ns: int) -> FindingBatch:
        """The rows as they reach our door at this instant."""
        count = len(self.rows)
        columns = list(zip(*self.rows, strict=True)) if count else [()] * len(FindingRow._fields)
        (device, source, key, said, said_ns, until_ns, kind, severity, title, note, lat, lon, *texts) = columns
        address, photos, labels, verified_by = texts
        return FindingBatch(
            device=device,
            at_ns=np.full(count, now_ns, np.int64),
            received_ns=np.full(count, now_ns, np.int64),
            source=source,
            key=key,
            said=np.array(said, np.uint8),
            said_ns=np.array(said_ns, np.int64),
            until_ns=np.array(until_ns, np.int64),
            kind=kind,
            severity=severity,
            title=title,
            note=note,
            lat=np.array(lat, np.float64),
            lon=np.array(lon, np.float64),
            address=address,
            photos=photos,
            labels=labels,
            verified_by=verified_by,
        )


def source_of(token: str, more: str = "") -> str:
    """The source that a token speaks for: its name, what no device's id takes turned into `-`; `more` names one of
    several systems behind it."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", token)[:40]
    name = name if name[:1].isalnum() else f"x{name}"[:40]
    source = f"{name}/{more}" if more else name
    if not _SOURCE.fullmatch(source):
        raise wrong(
            "source", FindingRefusal.BAD_TEXT, "use 1 to 40 letters, digits and . _ - and begin with a letter or digit"
        )
    return source


def instant_ns(text: object, name: str) -> int:
    """An RFC 3339 text as nanoseconds."""
    if not isinstance(text, str):
        raise wrong(name, FindingRefusal.WRONG_TYPE, "write an instant as a text such as 2026-01-31T08:00:00Z")
    try:
        at_ns = parse_instant(text[:64])
    except ValueError as error:
        words = "write an instant with an offset, such as 2026-01-31T08:00:00Z"
        raise wrong(name, FindingRefusal.BAD_INSTANT, words) from error
    if not FROM_NS <= at_ns < TO_NS:
        raise wrong(name, FindingRefusal.OUT_OF_RANGE, "must lie in the years 2000 to 2199")
    return at_ns


def found_or_cleared(until_ns: int, now_ns: int) -> Said:
    """What a promised end that lies in the past says."""
    return Said.CLEARED if 0 < until_ns <= now_ns else Said.FOUND
