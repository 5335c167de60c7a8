"""The people side of the step: exercises, and what is written down without anybody deciding about it (photos of
repairs, ways to a device, the log of shifts).

What is only written down has no state: its event is made of its command, so that a repeat is the same event again.
"""

from __future__ import annotations

import json

from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.field import MAX_ACCESS_CHARACTERS, MAX_NAME_CHARACTERS, MAX_SHIFT_NOTE_CHARACTERS, ShiftEntry
from citywatch.domain.state import State
from citywatch.rules import exercises

VERBS = frozenset({Verb.ADD_PHOTO, Verb.NOTE_DEVICE, Verb.LOG_SHIFT, Verb.START_EXERCISE, Verb.END_EXERCISE})


def obey(
    state: State, device: str, verb: str, target: str, args: str, *, at_ns: int, actor: str, command: str
) -> Event | list[Event] | str:
    """The event of one of VERBS, or a list that the desks shall hear of, or why it is refused."""
    match verb:
        case Verb.START_EXERCISE:
            return exercises.start(state, device, args, at_ns=at_ns, actor=actor, command=command)
        case Verb.END_EXERCISE:
            return exercises.end(state, target, at_ns=at_ns, actor=actor, command=command)
        case Verb.ADD_PHOTO:
            return add_photo(device, target, args, at_ns=at_ns, actor=actor, command=command)
        case Verb.NOTE_DEVICE:
            return note_device(device, args, at_ns=at_ns, actor=actor, command=command)
        case _:
            return log_shift(device, args, at_ns=at_ns, actor=actor, command=command)


def add_photo(device: str, ticket: str, args: str, *, at_ns: int, actor: str, command: str) -> Event:
    """A photo of a ticket; the same one is the ticket's once."""
    fields = json.loads(args)
    data = {
        "ticket": ticket,
        "photo": str(fields["photo"]),
        "width": int(fields["width"]),
        "height": int(fields["height"]),
        "size_bytes": int(fields["size_bytes"]),
        "actor": actor,
        "command": command,
    }
    kind = EventKind.PHOTO_ADDED
    return Event(event_id(kind, ticket, fields["photo"], command), kind, device, at_ns, "", data)


def note_device(device: str, args: str, *, at_ns: int, actor: str, command: str) -> Event:
    """How to get to a device, from now on."""
    fields = json.loads(args)
    notes = {name: str(fields.get(name, ""))[:MAX_ACCESS_CHARACTERS] for name in ("access", "contact", "key")}
    kind = EventKind.DEVICE_NOTED
    return Event(event_id(kind, command), kind, device, at_ns, "", {**notes, "actor": actor, "command": command})


def log_shift(device: str, args: str, *, at_ns: int, actor: str, command: str) -> Event:
    """A line in the log of shifts. What was open is as the giver of the command counted it."""
    fields = json.loads(args)
    data = {
        "entry": event_id("shift", command),
        "kind": ShiftEntry(fields["kind"]).value,
        "note": str(fields["note"])[:MAX_SHIFT_NOTE_CHARACTERS],
        "to": str(fields.get("to", ""))[:MAX_NAME_CHARACTERS],
        "counts": {str(name): int(count) for name, count in fields.get("counts", {}).items()},
        "actor": actor,
        "command": command,
    }
    kind = EventKind.SHIFT_LOGGED
    return Event(event_id(kind, command), kind, device, at_ns, "", data)
