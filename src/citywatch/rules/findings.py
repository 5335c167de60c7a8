"""Findings: one open for each device, source and key. A repeat only puts off its end; it makes no event.

A row `finding/<device> <source> <key>` stands as long as the finding is open (neither devices nor sources have blanks),
`finding_source/<source>` counts how many are, `finding_case/<finding>` leads a person who verifies to the row. Ids are
numbered by source, so that what is found again after its end is another finding, whatever instant its source gives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from citywatch.domain.events import Event, EventKind, dated_id, event_id
from citywatch.domain.findings import FOUND, FindingBatch, FindingEnd, Said, Verifier
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import Row, State
from citywatch.domain.texts import without_fractions
from citywatch.rules.due import due_of

ROOM = "finding"
SOURCES = "finding_source"
CASES = "finding_case"

DUE_STEP_NS = 60 * NS_PER_S
"""Promised ends are rounded up to whole steps: most repeats then change nothing at all."""
TOLD_AGAIN_NS = 60 * NS_PER_S
MOST_SOURCES = 1_000
OTHERS = "*"
"""The row that counts what sources beyond MOST_SOURCES have said."""


_REMOVALS = frozenset({EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED})


@dataclass(frozen=True, slots=True)
class FindingPolicy:
    """`most_open`: of one source in one partition; what comes beyond is refused and counted."""

    most_open: int = 50_000


def on_findings(state: State, batch: FindingBatch, policy: FindingPolicy) -> Iterator[Event]:
    """What is new, what is over, and what did not fit in."""
    said = batch.said.tolist()
    until_ns = batch.until_ns.tolist()
    at, since = batch.at_ns.tolist(), batch.said_ns.tolist()
    for number, (device, source, key) in enumerate(zip(batch.device, batch.source, batch.key, strict=True)):
        name = f"{device} {source} {key}"
        row = state.get(ROOM, name)
        if said[number] == Said.FOUND:
            if row is None:
                instants = (at[number], since[number], until_ns[number])
                yield from _found(state, name, batch, number, instants, policy)
            else:
                due_ns = _due_ns(until_ns[number])
                if due_ns != row["due_ns"] and (due_ns == 0 or due_ns > row["due_ns"]):
                    state.put(ROOM, name, {**row, "due_ns": due_ns})
        elif row is not None:
            at_ns, said_ns = at[number], since[number]
            good_ns = at_ns if said_ns < 0 else min(said_ns, at_ns)
            # A late word about the one before says nothing about this one.
            if good_ns >= row["first_bad_ns"]:
                yield _cleared(state, name, row, FindingEnd.SOURCE_CLEARED, at_ns, good_ns)


def on_tick(state: State, now_ns: int) -> Iterator[Event]:
    """What its source has not said again in time is over."""
    for name, row in due_of(state, ROOM).by(state, now_ns):
        yield _cleared(state, name, row, FindingEnd.TIMED_OUT, now_ns, row["due_ns"])


def on_event(state: State, event: Event) -> Iterator[Event]:
    """With a device that is removed what was found about it is over."""
    if event.kind in _REMOVALS:
        for name, row in state.room(ROOM):
            if name.startswith(f"{event.device} "):
                yield _cleared(state, name, row, FindingEnd.DEVICE_REMOVED, event.at_ns, event.at_ns)


def verify(state: State, finding: str, *, at_ns: int, actor: str, command: str, note: str = "") -> Event | None:
    """A person has seen that it is over; None when this finding is not open, or not a person's to verify."""
    case = state.get(CASES, finding)
    if case is None:
        return None
    row = state.get(ROOM, case["row"])
    if row is None:
        raise KeyError(case["row"])
    more = {"actor": actor, "command": command, "note": note}
    return _cleared(state, case["row"], row, FindingEnd.VERIFIED, at_ns, at_ns, more)


def is_verifiable(state: State, finding: str) -> bool:
    """Whether it is for a person to say that this open finding is over."""
    return state.get(CASES, finding) is not None


def refused(state: State) -> int:
    """How many rows did not fit in so far."""
    return sum(row["refused"] for _, row in state.room(SOURCES))


def _due_ns(until_ns: int) -> int:
    return -(-until_ns // DUE_STEP_NS) * DUE_STEP_NS if until_ns > 0 else 0


def _found(
    state: State, name: str, batch: FindingBatch, number: int, instants: tuple[int, int, int], policy: FindingPolicy
) -> Iterator[Event]:
    """`instants` are the row's at_ns, said_ns and until_ns."""
    source, (at_ns, said_ns, until_ns) = batch.source[number], instants
    counts = state.get(SOURCES, source)
    if counts is None and state.size(SOURCES) >= MOST_SOURCES:
        yield from _refuse(state, OTHERS, batch, number, "too_many_sources")
        return
    counts = counts or _NOTHING
    if counts["open"] >= policy.most_open:
        yield from _refuse(state, source, batch, number, "source_full")
        return
    device, key = batch.device[number], batch.key[number]
    finding = dated_id(at_ns, "finding", device, source, key, counts["raised"])
    state.put(SOURCES, source, {**counts, "open": counts["open"] + 1, "raised": counts["raised"] + 1})
    first_bad_ns = at_ns if said_ns < 0 else min(said_ns, at_ns)
    row = {
        "finding": finding,
        "first_bad_ns": first_bad_ns,
        "due_ns": _due_ns(until_ns),
        "case": batch.verified_by[number] == Verifier.PERSON,
    }
    state.put(ROOM, name, row)
    if row["case"]:
        state.put(CASES, finding, {"row": name})
    lat, lon = _degrees(batch.lat[number]), _degrees(batch.lon[number])
    data = {
        "finding": finding,
        "source": source,
        "key": key,
        "kind": batch.kind[number],
        "severity": batch.severity[number],
        "title": batch.title[number],
        "note": batch.note[number],
        "first_bad_ns": first_bad_ns,
        "last_good_ns": -1,
        "looks": 1,
        "reason": "reported",
        "device": "" if device.startswith(FOUND) else device,
        "lat": lat,
        "lon": lon,
        "address": batch.address[number],
        "photos": batch.photos[number].split(),
        "labels": json.loads(batch.labels[number]),
        "verified_by": batch.verified_by[number],
    }
    body = without_fractions(data) if lat is lon is None else ""
    kind = EventKind.FINDING_RAISED
    yield Event(event_id(kind, finding), kind, device, at_ns, finding, data, body)


_NOTHING: Row = {"open": 0, "raised": 0, "refused": 0, "told": 0, "told_ns": 0}


def _refuse(state: State, counted: str, batch: FindingBatch, number: int, reason: str) -> Iterator[Event]:
    """Count it; tell the first, and then one a minute with how many there were."""
    counts: Row = state.get(SOURCES, counted) or _NOTHING
    source, key, at_ns = batch.source[number], batch.key[number], int(batch.at_ns[number])
    total, told_ns = counts["refused"] + 1, counts["told_ns"]
    tells = counts["told"] == 0 or at_ns >= told_ns + TOLD_AGAIN_NS
    after = {"told": total, "told_ns": at_ns} if tells else {}
    state.put(SOURCES, counted, {**counts, "refused": total, **after})
    if tells:
        data = {
            "source": source,
            "reason": reason,
            "refused": total - counts["told"],
            "key": key,
            "title": batch.title[number],
        }
        kind = EventKind.FINDINGS_REFUSED
        yield Event(event_id(kind, batch.device[number], counted, total), kind, batch.device[number], at_ns, "", data)


def _cleared(
    state: State, name: str, row: Row, end: FindingEnd, at_ns: int, good_ns: int, more: Row | None = None
) -> Event:
    device, source, key = name.split(" ", 2)
    finding = row["finding"]
    counts: Row = state.get(SOURCES, source) or _NOTHING
    state.put(SOURCES, source, {**counts, "open": counts["open"] - 1})
    state.drop(ROOM, name)
    if row["case"]:
        state.drop(CASES, finding)
    data: dict[str, Any] = {
        "finding": finding,
        "source": source,
        "key": key,
        "reason": end.value,
        "first_good_ns": good_ns,
        "looks": 0,
        **(more or {}),
    }
    kind = EventKind.FINDING_CLEARED
    return Event(event_id(kind, finding), kind, device, at_ns, finding, data)


def _degrees(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)
