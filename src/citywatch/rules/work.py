"""Declared work: what is done to a device on purpose, and the faults that it explains.

Rows of the room `work`, one a device: {"work": [{work, kind, from_ns, to_ns, done}]}, at most MOST_WORK of them, the
oldest first. Work is over when a row of the device is later than its end; what it calls for then (new references after
a re-aiming) is done once.
"""

from __future__ import annotations

import json
from typing import Any

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.pictures import Fault
from citywatch.domain.state import State
from citywatch.domain.work import EXPLAINS, MAX_WORK_NOTE_CHARACTERS, MOST_WORK_NS, WorkKind

ROOM = "work"
MOST_WORK = 8


def declare(state: State, device: str, args: str, *, at_ns: int, actor: str, command: str) -> Event | str:
    """The event, or why not: `bad_times`, `too_much_work`, or `repeated` for the same command."""
    fields = json.loads(args)
    kind, from_ns, to_ns = WorkKind(fields["kind"]), int(fields["from_ns"]), int(fields["to_ns"])
    if not 0 <= from_ns < to_ns or to_ns - from_ns > MOST_WORK_NS or to_ns <= at_ns - MOST_WORK_NS:
        return "bad_times"
    row = state.get(ROOM, device) or {"work": []}
    work = event_id("work", device, command)
    if any(item["work"] == work for item in row["work"]):
        return "repeated"
    ahead = sum(not item["done"] for item in row["work"])
    if ahead >= MOST_WORK:
        return "too_much_work"
    item = {"work": work, "kind": kind.value, "from_ns": from_ns, "to_ns": to_ns, "done": False}
    # What is over gives way first: a repeat of a command is recognised for as long as there is room.
    items = sorted([*row["work"], item], key=lambda one: (not one["done"], one["from_ns"], one["work"]))
    state.put(ROOM, device, {"work": items[-MOST_WORK:]})
    data = {
        "work": work,
        "kind": kind.value,
        "from_ns": from_ns,
        "to_ns": to_ns,
        "explains": sorted(EXPLAINS[kind]),
        "note": str(fields.get("note", ""))[:MAX_WORK_NOTE_CHARACTERS],
        "actor": actor,
        "command": command,
    }
    event = EventKind.WORK_DECLARED
    return Event(event_id(event, work), event, device, at_ns, "", data)


def explained(state: State, device: str, at_ns: int) -> frozenset[Fault]:
    """The faults that work under way at this instant explains."""
    row = state.get(ROOM, device)
    faults: set[Fault] = set()
    for item in () if row is None else row["work"]:
        if item["from_ns"] <= at_ns < item["to_ns"]:
            faults |= EXPLAINS[WorkKind(item["kind"])]
    return frozenset(faults)


def finish(state: State, device: str, at_ns: int) -> frozenset[WorkKind]:
    """The kinds of work that have ended since the last row of this device; each is told once."""
    row = state.get(ROOM, device)
    if row is None:
        return frozenset()
    over = [item for item in row["work"] if item["to_ns"] <= at_ns and not item["done"]]
    if over:
        work: list[Any] = [{**item, "done": True} if item in over else item for item in row["work"]]
        state.put(ROOM, device, {"work": work})
    return frozenset(WorkKind(item["kind"]) for item in over)
