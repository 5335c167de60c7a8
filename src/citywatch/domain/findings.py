"""What people and other systems have found: said once, open until it is cleared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column

FOUND = "found/"
"""Findings about no device of ours belong to `found/<source>`. Such ids make no row among the devices."""

MAX_KEY_CHARACTERS = 128
MAX_TITLE_CHARACTERS = 200
MAX_NOTE_CHARACTERS = 4_000
MAX_ADDRESS_CHARACTERS = 300
MAX_LABELS = 40
MAX_LABEL_NAME_CHARACTERS = 64
MAX_LABEL_CHARACTERS = 256
MAX_PHOTOS = 10
KIND_PATTERN = r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}"
"""Kinds of findings are the city's and its systems' own words."""
SOURCE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}(/[A-Za-z0-9][A-Za-z0-9._-]{0,39})?"


class Said(IntEnum):
    """What a row says of its finding."""

    FOUND = 1
    CLEARED = 2


class Verifier(StrEnum):
    """Who says that a finding is over."""

    SOURCE = "source"
    """The system that found it: it says so itself, or goes silent about it."""
    PERSON = "person"
    """Somebody has to look: people do not come back to say that the hole is gone."""


class FindingEnd(StrEnum):
    """Why a finding is over."""

    SOURCE_CLEARED = "source_cleared"
    TIMED_OUT = "timed_out"
    """The source had promised an end, and has not put it off in time."""
    VERIFIED = "verified"
    """A person has seen that it is over."""
    DEVICE_REMOVED = "device_removed"


@dataclass(frozen=True, eq=False)
class FindingBatch(Batch):
    """Findings, one row each: new ones, repeats and ends. A finding is known by device, source and key.

    device       str           the known device that it is about, else `found/<source>`
    at_ns        (n,) int64    when it reached our door (our own clock, one for all sources)
    received_ns  (n,) int64    when it was appended; never inside an event
    source       str           who found it, SOURCE_PATTERN
    key          str           the source's own word for it, at most MAX_KEY_CHARACTERS
    said         (n,) uint8    Said
    said_ns      (n,) int64    since when it is so (FOUND) or is so no longer (CLEARED), as the source says; -1: it does
                               not
    until_ns     (n,) int64    the source promises to have said it again by then, or it is over; 0: no such promise
    kind         str           KIND_PATTERN
    severity     str           Severity
    title        str           one line for people
    note         str           the rest for people
    lat, lon     (n,) float64  WGS 84, degrees; NaN where not given
    address      str           where it is, in words
    photos       str           hashes in the object store, separated by blanks
    labels       str           JSON object of texts: the source's own
    verified_by  str           Verifier
    """

    KIND: ClassVar[str] = "findings"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("received_ns", "int64"),
        Column("source", TEXT),
        Column("key", TEXT),
        Column("said", "uint8"),
        Column("said_ns", "int64"),
        Column("until_ns", "int64"),
        Column("kind", TEXT),
        Column("severity", TEXT),
        Column("title", TEXT),
        Column("note", TEXT),
        Column("lat", "float64"),
        Column("lon", "float64"),
        Column("address", TEXT),
        Column("photos", TEXT),
        Column("labels", TEXT),
        Column("verified_by", TEXT),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    received_ns: np.ndarray[Any, np.dtype[np.int64]]
    source: tuple[str, ...]
    key: tuple[str, ...]
    said: np.ndarray[Any, np.dtype[np.uint8]]
    said_ns: np.ndarray[Any, np.dtype[np.int64]]
    until_ns: np.ndarray[Any, np.dtype[np.int64]]
    kind: tuple[str, ...]
    severity: tuple[str, ...]
    title: tuple[str, ...]
    note: tuple[str, ...]
    lat: np.ndarray[Any, np.dtype[np.float64]]
    lon: np.ndarray[Any, np.dtype[np.float64]]
    address: tuple[str, ...]
    photos: tuple[str, ...]
    labels: tuple[str, ...]
    verified_by: tuple[str, ...]
