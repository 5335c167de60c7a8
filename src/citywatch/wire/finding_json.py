"""Findings as JSON -> rows, without I/O. One record or an array; every record is decided on its own.

key          the sender's own word for it: the same word is the same finding; required
state        `found` (default) or `cleared`
kind         what it is, in the city's words: letters, digits and _ . : - ; required unless cleared
title        one line for people; required unless cleared
severity     info, warning (default), critical
note         the rest for people
at           since when it is so, or is so no longer (RFC 3339); default: now
until        it will be said again by then, or it is over (RFC 3339)
device       the known device that it is about
lat, lon     degrees, WGS 84; both or neither
address      where it is, in words
photos       names of objects that are kept already
labels       texts by name
verified_by  who says that it is over: `source` (default) or `person`
source       which of several systems behind one token
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from citywatch.domain.events import Severity
from citywatch.domain.findings import (
    FOUND,
    KIND_PATTERN,
    MAX_ADDRESS_CHARACTERS,
    MAX_KEY_CHARACTERS,
    MAX_LABEL_CHARACTERS,
    MAX_LABEL_NAME_CHARACTERS,
    MAX_LABELS,
    MAX_NOTE_CHARACTERS,
    MAX_PHOTOS,
    MAX_TITLE_CHARACTERS,
    Said,
    Verifier,
)
from citywatch.errors import DataError, RecordRefused
from citywatch.wire.finding_rows import (
    DecodedFindings,
    FindingRefusal,
    FindingRow,
    Known,
    found_or_cleared,
    instant_ns,
    refused,
    source_of,
    wrong,
)

FIELDS: Final = (
    "key",
    "state",
    "kind",
    "title",
    "severity",
    "note",
    "at",
    "until",
    "device",
    "lat",
    "lon",
    "address",
    "photos",
    "labels",
    "verified_by",
    "source",
)
_KNOWN: Final = frozenset(FIELDS)
_KIND: Final = re.compile(KIND_PATTERN)
_PHOTO: Final = re.compile(r"[0-9a-f]{64}")
_STATES: Final = {"found": Said.FOUND, "cleared": Said.CLEARED}
_SEVERITIES: Final = frozenset(severity.value for severity in Severity)
_VERIFIERS: Final = frozenset(verifier.value for verifier in Verifier)


def decode(content: bytes, *, token: str, now_ns: int, known: Known, most: int) -> DecodedFindings:
    """The records of a document. DataError for what is no JSON, or more than `most` records."""
    records = records_of(content, "findings", most)
    decoded = DecodedFindings(len(records))
    named = {record["device"] for record in records if isinstance(record, dict) and _is_name(record.get("device"))}
    devices = frozenset(known(named)) if named else frozenset()
    for index, record in enumerate(records):
        try:
            decoded.rows.append(_row(record, token, now_ns, devices))
        except RecordRefused as error:
            decoded.refused.append(refused(index, error, record))
    return decoded


def records_of(content: bytes, noun: str, most: int) -> list[Any]:
    """The records of a JSON document: an object, or an array of them."""
    try:
        document = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{noun}: not JSON in UTF-8: {error}") from error
    records = document if isinstance(document, list) else [document]
    if not records:
        raise DataError(f"{noun}: an empty array; send at least one record")
    if len(records) > most:
        raise DataError(f"{noun}: {len(records)} records in one document where {most} are allowed; send fewer")
    return records


def _row(record: Any, token: str, now_ns: int, devices: frozenset[str]) -> FindingRow:
    if not isinstance(record, dict):
        raise wrong("record", FindingRefusal.NOT_AN_OBJECT, "a JSON object is wanted")
    for name in record:
        if name not in _KNOWN:
            raise wrong(str(name)[:40], FindingRefusal.UNKNOWN_KEY, f"no such field; there are {', '.join(FIELDS)}")
    key = _text(record, "key", MAX_KEY_CHARACTERS, required=True)
    said = _STATES[_word(record, "state", frozenset(_STATES), "found")]
    source = source_of(token, _text(record, "source", 40))
    until_ns = 0 if record.get("until") is None else instant_ns(record["until"], "until")
    said_ns = -1 if record.get("at") is None else instant_ns(record["at"], "at")
    if said is Said.FOUND and found_or_cleared(until_ns, now_ns) is Said.CLEARED:
        said, said_ns = Said.CLEARED, until_ns
    device = _device(record, source, devices)
    if said is Said.CLEARED:
        return FindingRow(device, source, key, said, said_ns, 0)
    kind = _text(record, "kind", 64, required=True)
    if not _KIND.fullmatch(kind):
        words = "use 1 to 64 letters, digits and _ . : - and begin with a letter"
        raise wrong("kind", FindingRefusal.BAD_TEXT, words)
    lat, lon = _place(record)
    return FindingRow(
        device,
        source,
        key,
        said,
        said_ns,
        until_ns,
        kind,
        _word(record, "severity", _SEVERITIES, Severity.WARNING.value),
        _text(record, "title", MAX_TITLE_CHARACTERS, required=True),
        _text(record, "note", MAX_NOTE_CHARACTERS),
        lat,
        lon,
        _text(record, "address", MAX_ADDRESS_CHARACTERS),
        " ".join(_photos(record)),
        labels_text(record.get("labels") or {}, "labels"),
        _word(record, "verified_by", _VERIFIERS, Verifier.SOURCE.value),
    )


def labels_text(labels: Any, name: str) -> str:
    """Labels as one JSON text, sorted, the empty ones left out."""
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise wrong(name, FindingRefusal.WRONG_TYPE, "an object of texts is wanted")
    kept = {label: value for label, value in sorted(labels.items()) if value}
    if len(kept) > MAX_LABELS:
        raise wrong(name, FindingRefusal.OUT_OF_RANGE, f"more than {MAX_LABELS} labels")
    for label, value in kept.items():
        if not 1 <= len(label) <= MAX_LABEL_NAME_CHARACTERS:
            words = f"a name of a label has 1 to {MAX_LABEL_NAME_CHARACTERS} characters"
            raise wrong(name, FindingRefusal.OUT_OF_RANGE, words)
        if len(value) > MAX_LABEL_CHARACTERS:
            words = f"{label[:40]} has more than {MAX_LABEL_CHARACTERS} characters"
            raise wrong(name, FindingRefusal.OUT_OF_RANGE, words)
    return plain(json.dumps(kept, ensure_ascii=False, separators=(",", ":")), name)


def plain(text: str, name: str) -> str:
    """A text that every database and every log takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise wrong(name, FindingRefusal.BAD_TEXT, "must be plain text without halves of characters") from error
    if "\0" in text or "\\u0000" in text:
        raise wrong(name, FindingRefusal.BAD_TEXT, "must be plain text without NUL")
    return text


def _text(record: Mapping[str, Any], name: str, most: int, *, required: bool = False) -> str:
    value = record.get(name)
    if value is None or value == "":
        if required:
            raise wrong(name, FindingRefusal.MISSING, "is missing; give a text")
        return ""
    if not isinstance(value, str):
        raise wrong(name, FindingRefusal.WRONG_TYPE, "a text is wanted")
    if len(value) > most:
        raise wrong(name, FindingRefusal.OUT_OF_RANGE, f"has {len(value)} characters where {most} are allowed")
    return plain(value, name)


def _word(record: Mapping[str, Any], name: str, words: frozenset[str], usual: str) -> str:
    value = record.get(name)
    if value is None:
        return usual
    if not isinstance(value, str) or value not in words:
        raise wrong(name, FindingRefusal.OUT_OF_RANGE, f"must be one of {', '.join(sorted(words))}")
    return value


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 127 and value.isprintable()


def _device(record: Mapping[str, Any], source: str, devices: frozenset[str]) -> str:
    device = record.get("device")
    if device is None or device == "":
        return FOUND + source
    if not isinstance(device, str):
        raise wrong("device", FindingRefusal.WRONG_TYPE, "the id of a device is wanted")
    if device not in devices:
        words = "this device is not known; have it registered, or leave the field out and say where it is"
        raise wrong("device", FindingRefusal.UNKNOWN_DEVICE, words)
    return device


def _place(record: Mapping[str, Any]) -> tuple[float, float]:
    lat, lon = record.get("lat"), record.get("lon")
    if lat is None and lon is None:
        return float("nan"), float("nan")
    for name, value, most in (("lat", lat, 90), ("lon", lon, 180)):
        if value is None:
            raise wrong(name, FindingRefusal.MISSING, "give both lat and lon, or neither")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(name, FindingRefusal.WRONG_TYPE, "a number of degrees is wanted")
        if not -most <= value <= most:
            raise wrong(name, FindingRefusal.OUT_OF_RANGE, f"must lie between -{most} and {most} degrees")
    return float(record["lat"]), float(record["lon"])


def _photos(record: Mapping[str, Any]) -> list[str]:
    photos = record.get("photos") or []
    if not isinstance(photos, list) or not all(isinstance(one, str) and _PHOTO.fullmatch(one) for one in photos):
        raise wrong("photos", FindingRefusal.WRONG_TYPE, "a list of names of kept objects is wanted")
    if len(photos) > MAX_PHOTOS:
        raise wrong("photos", FindingRefusal.OUT_OF_RANGE, f"more than {MAX_PHOTOS} photos")
    return photos
