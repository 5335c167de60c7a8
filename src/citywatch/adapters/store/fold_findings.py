"""Findings in the tables: raised, cleared, refused. Repeats are no events, so they cost nothing here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from citywatch.adapters.store import letters
from citywatch.adapters.store.fold_rows import Rows, accepted, storable, storables, text, texts, whole
from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import FINDINGS
from citywatch.domain.events import Event, EventKind, Severity
from citywatch.domain.findings import FindingEnd, Verifier

if TYPE_CHECKING:
    from citywatch.adapters.store.fold import Tables

_TEXTS = ("source", "key", "kind", "title", "note", "address")
_texts_of = itemgetter(*_TEXTS)
_ABOUT_FINDINGS = frozenset({EventKind.FINDING_RAISED, EventKind.FINDING_CLEARED})


class FindingRows:
    """The table of findings, as far as a run of events touches it."""

    def __init__(self) -> None:
        self.findings = Rows(FINDINGS)

    def read(self, connection: Connection, run: Run) -> None:
        self.findings.read(connection, {text(event, "finding") for event in run.of(*_ABOUT_FINDINGS)})

    def write(self, connection: Connection) -> None:
        self.findings.write(connection)


def pictures(run: Run) -> list[str]:
    """Photos that must not give way from now on."""
    return [photo for event in run.of(EventKind.FINDING_RAISED) for photo in event.data["photos"]]


def _raised(tables: Tables, event: Event) -> None:
    finding, data = text(event, "finding"), event.data
    if tables.found.findings.get(finding) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.found.findings.make(
        {
            "id": finding,
            "device": event.device,
            **dict(zip(_TEXTS, storables(_texts_of(data)), strict=True)),
            "severity": Severity(data["severity"]).value,
            "state": "open",
            "raised_at_ns": event.at_ns,
            "first_bad_ns": whole(event, "first_bad_ns"),
            "cleared_at_ns": None,
            "first_good_ns": None,
            "resolution": "",
            "cleared_by": "",
            "lat": None if data["lat"] is None else float(data["lat"]),
            "lon": None if data["lon"] is None else float(data["lon"]),
            "photos": [storable(photo) for photo in data["photos"]],
            "labels": texts(data["labels"]),
            "verified_by": Verifier(data["verified_by"]).value,
        }
    )


def _cleared(tables: Tables, event: Event) -> None:
    finding = text(event, "finding")
    row = tables.found.findings.get(finding)
    if row is None or row["state"] != "open":
        tables.unmatched[event.kind.value] += 1
    else:
        tables.found.findings.change(
            finding,
            state="cleared",
            cleared_at_ns=event.at_ns,
            first_good_ns=whole(event, "first_good_ns"),
            resolution=FindingEnd(text(event, "reason")).value,
            cleared_by=storable(event.data.get("actor", "")),
        )
    accepted(tables.commands, event)


def _refused(tables: Tables, event: Event) -> None:
    reason, source = text(event, "reason"), text(event, "source")
    tables.letters.append(
        letters.Letter(
            at_ns=event.at_ns,
            source="step:findings",
            reason=reason,
            message=f"{source}: {whole(event, 'refused')} findings did not fit in; clear some, or raise the bound",
            content=json.dumps(dict(event.data), ensure_ascii=False).encode(),
        )
    )


HANDLERS: Mapping[EventKind, Callable[[Tables, Event], None]] = {
    EventKind.FINDING_RAISED: _raised,
    EventKind.FINDING_CLEARED: _cleared,
    EventKind.FINDINGS_REFUSED: _refused,
}
