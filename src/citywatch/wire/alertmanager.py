"""Alerts in the form of Alertmanager's API v2 (`postableAlerts`) -> findings, without I/O. Any Prometheus sends them.

A JSON array of objects with `labels` (texts; at least one), and optionally `annotations` (texts), `startsAt`, `endsAt`
(RFC 3339; the year 1 is "not given") and `generatorURL`. What Alertmanager makes of them is made of them here, too: a
set of labels is one alert, however often it is sent; empty labels do not count; one whose `endsAt` is over is resolved;
one without `endsAt` is resolved when it was not said again for the resolve time-out.

    kind      label `alertname`, in the letters that kinds are made of
    severity  label `severity`: critical, page, error, fatal, emergency, high -> critical; info, none, notice, low,
              debug, informational -> info; else warning
    title     annotation `summary`, else `title`, else label `alertname`
    note      annotation `description`, else `message`
    device    label `device`, where it is that of a known one
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from citywatch.domain.events import Severity
from citywatch.domain.findings import (
    FOUND,
    MAX_LABEL_CHARACTERS,
    MAX_LABEL_NAME_CHARACTERS,
    MAX_LABELS,
    MAX_NOTE_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    Said,
)
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import RecordRefused
from citywatch.wire.finding_json import plain, records_of
from citywatch.wire.finding_rows import (
    DecodedFindings,
    FindingRefusal,
    FindingRow,
    Known,
    instant_ns,
    refused,
    source_of,
    wrong,
)

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_A_KIND: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_SEVERITY: Final = {
    **dict.fromkeys(("critical", "page", "error", "fatal", "emergency", "high"), Severity.CRITICAL.value),
    **dict.fromkeys(("info", "none", "notice", "low", "debug", "informational"), Severity.INFO.value),
}
_NOT_GIVEN: Final = "0001-01-01T00:00:00"
_quoted: Final = json.encoder.encode_basestring
_dumps: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class LabelSets:
    """The text and the key of sets of labels. A Prometheus says the same ones again and again: they are remembered, up
    to a number, and then all forgotten. For any number of threads.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._most = most
        self._known: dict[tuple[tuple[str, str], ...], tuple[str, str]] = {}
        self._names: dict[str, str] = {}
        """Names of labels as they stand in an object."""

    def of(self, labels: Mapping[str, str]) -> tuple[str, str]:
        """RecordRefused for names that are none, and for what is no plain text."""
        pairs = tuple(labels.items())
        known = self._known.get(pairs)
        if known is None:
            names = self._names
            # What a JSON encoder makes of the sorted pairs; their names need no escapes.
            parts = [(names.get(label) or self._name(label)) + _quoted(value) for label, value in sorted(pairs)]
            text = plain(f"{{{','.join(parts)}}}", "labels")
            known = text, hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
            if len(text) <= _LONG:
                if len(self._known) >= self._most:
                    self._known.clear()
                self._known[pairs] = known
        return known

    def _name(self, label: str) -> str:
        if not _NAME.fullmatch(label):
            words = f"{label[:40]!r} is no name of a label; use letters, digits and _"
            raise wrong("labels", FindingRefusal.BAD_TEXT, words)
        text = f'"{label}":'
        if len(label) <= MAX_LABEL_NAME_CHARACTERS:
            if len(self._names) >= self._most:
                self._names.clear()
            self._names[label] = text
        return text


def decode(
    content: bytes,
    *,
    token: str,
    now_ns: int,
    resolve_s: int,
    known: Known,
    most: int,
    sets: LabelSets | None = None,
) -> DecodedFindings:
    """The alerts of a document. DataError for what is no JSON, or more than `most` alerts."""
    records = records_of(content, "alerts", most)
    decoded = DecodedFindings(len(records))
    source = source_of(token)
    # Halves of characters and NUL can only be spelled as escapes: without one there is nothing to look for.
    escapes = b"\\u" in content
    reader = _Reader(
        source, now_ns, now_ns + resolve_s * NS_PER_S, _devices(records, known), escapes, sets or LabelSets()
    )
    for index, record in enumerate(records):
        try:
            decoded.rows.append(reader.row(record))
        except RecordRefused as error:
            decoded.refused.append(refused(index, error, record))
    return decoded


def _devices(records: list[Any], known: Known) -> frozenset[str]:
    named: set[str] = set()
    for record in records:
        labels = record.get("labels") if isinstance(record, dict) else None
        device = labels.get("device") if isinstance(labels, dict) else None
        if isinstance(device, str) and 1 <= len(device) <= 127 and device.isprintable():
            named.add(device)
    return frozenset(known(named)) if named else frozenset()


class _Reader:
    """Reads the alerts of one document; instants, names and kinds that many of them share are looked at once."""

    def __init__(
        self, source: str, now_ns: int, resolved_ns: int, devices: frozenset[str], escapes: bool, sets: LabelSets
    ) -> None:
        self._source = source
        self._elsewhere = FOUND + source
        self._plain = plain if escapes else _as_it_is
        self._sets = sets
        self._kinds: dict[str, str] = {}
        self._now_ns = now_ns
        self._resolved_ns = resolved_ns
        self._devices = devices
        self._instants: dict[str, int] = {}

    def row(self, record: Any) -> FindingRow:
        if not isinstance(record, dict):
            raise wrong("alert", FindingRefusal.NOT_AN_OBJECT, "a JSON object is wanted")
        labels = _texts(record, "labels")
        if not labels:
            raise wrong("labels", FindingRefusal.MISSING, "at least one label with a text is wanted")
        starts_ns, ends_ns = self._instant(record, "startsAt"), self._instant(record, "endsAt")
        if 0 < ends_ns < starts_ns:
            raise wrong("endsAt", FindingRefusal.OUT_OF_RANGE, "lies before startsAt")
        text, key = self._sets.of(labels)
        device = labels.get("device", "")
        device = device if device in self._devices else self._elsewhere
        if 0 < ends_ns <= self._now_ns:
            return FindingRow(device, self._source, key, Said.CLEARED, ends_ns, 0)
        annotations = _texts(record, "annotations")
        name = labels.get("alertname", "")
        title = annotations.get("summary") or annotations.get("title") or name or text
        note = annotations.get("description") or annotations.get("message", "")
        if len(labels) > MAX_LABELS or len(text) > _LONG:
            text = _shortened(labels)
        return FindingRow(
            device,
            self._source,
            key,
            Said.FOUND,
            starts_ns or -1,
            ends_ns or self._resolved_ns,
            self._kinds.get(name) or self._kind(name),
            _SEVERITY.get(labels.get("severity", "").lower(), Severity.WARNING.value),
            self._plain(title[:MAX_TITLE_CHARACTERS], "annotations"),
            self._plain(note[:MAX_NOTE_CHARACTERS], "annotations"),
            labels=text,
        )

    def _kind(self, name: str) -> str:
        kind = _NOT_A_KIND.sub("_", name)[:64] or "alert"
        kind = kind if kind[:1].isalpha() or kind[:1] == "_" else f"_{kind}"[:64]
        self._kinds[name] = kind
        return kind

    def _instant(self, record: Mapping[str, Any], name: str) -> int:
        """0 where none is given."""
        text = record.get(name)
        if text is None or text == "":
            return 0
        known = self._instants.get(text) if isinstance(text, str) else None
        if known is None:
            known = 0 if isinstance(text, str) and text.startswith(_NOT_GIVEN) else instant_ns(text, name)
            self._instants[text] = known
        return known


_LONG: Final = 2_000


def _texts(record: Mapping[str, Any], name: str) -> dict[str, str]:
    """The pairs of an object of texts that are not empty."""
    value = record.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(name, FindingRefusal.WRONG_TYPE, "an object of texts is wanted")
    is_whole = True
    for text in value.values():
        if not isinstance(text, str):
            raise wrong(name, FindingRefusal.WRONG_TYPE, "an object of texts is wanted")
        is_whole = is_whole and bool(text)
    return value if is_whole else {label: text for label, text in value.items() if text}


def _shortened(labels: Mapping[str, str]) -> str:
    """What is kept of very many or very long labels; they are told apart by all of them all the same."""
    kept = sorted(labels.items())[:MAX_LABELS]
    return _dumps({label[:MAX_LABEL_NAME_CHARACTERS]: text[:MAX_LABEL_CHARACTERS] for label, text in kept})


def _as_it_is(text: str, _name: str) -> str:
    return text
