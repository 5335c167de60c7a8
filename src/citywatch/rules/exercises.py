"""Exercises: a fault that people play, so that alert, ticket, crew and desk can be rehearsed on the real machine.

An exercise opens and ends as a fault does, with events of its own: whatever reads faults, states or figures does not
see it. The device's own faults go on being found meanwhile, with alerts and tickets of their own.

A parent's outage is played at the parent, and says whom it takes along: one alert of an incident and one ticket, as of
a real one; its children go on being watched, and nothing is asked of the topology. Exercises that are started together
(a drill) have one end, and each its own partition.

Rows of the room `exercise`, one an exercise, at most MOST_EXERCISES of them in a partition: {device, fault, until_ns}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.field import (
    MAX_EXERCISE_NOTE_CHARACTERS,
    MOST_CHILDREN_NAMED,
    MOST_EXERCISE_NS,
    ExerciseEnd,
)
from citywatch.domain.pictures import Fault
from citywatch.domain.state import Row, State

ROOM = "exercise"
MOST_EXERCISES = 50
REASON = "exercise"
NEVER = -1
_REMOVED = frozenset({EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED})


def start(state: State, device: str, args: str, *, at_ns: int, actor: str, command: str) -> list[Event] | str:
    """The event for the desks, or why not: `bad_times`, `too_many_exercises`, or `repeated` for the same command."""
    fields = json.loads(args)
    fault, until_ns = Fault(fields["fault"]), int(fields["until_ns"])
    exercise = exercise_id(device, command)
    if state.get(ROOM, exercise) is not None:
        return "repeated"
    if not at_ns < until_ns <= at_ns + MOST_EXERCISE_NS:
        return "bad_times"
    if state.size(ROOM) >= MOST_EXERCISES:
        return "too_many_exercises"
    state.put(ROOM, exercise, {"device": device, "fault": fault.value, "until_ns": until_ns})
    data = {
        "exercise": exercise,
        "fault": fault.value,
        "reason": REASON,
        "first_bad_ns": at_ns,
        "last_good_ns": NEVER,
        "looks": 0,
        "until_ns": until_ns,
        "note": str(fields.get("note", ""))[:MAX_EXERCISE_NOTE_CHARACTERS],
        "drill": str(fields.get("drill", "")),
        "children": [str(child) for child in fields.get("children", ())][:MOST_CHILDREN_NAMED],
        "below": max(0, int(fields.get("below", 0))),
        "actor": actor,
        "command": command,
    }
    kind = EventKind.EXERCISE_STARTED
    return [Event(event_id(kind, exercise), kind, device, at_ns, exercise, data)]


def end(state: State, target: str, *, at_ns: int, actor: str, command: str) -> list[Event] | str:
    """The event for the desks, or `not_open`."""
    row = state.get(ROOM, target)
    if row is None:
        return "not_open"
    return [_ended(state, target, row, at_ns, ExerciseEnd.ENDED, actor, command)]


def on_tick(state: State, now_ns: int) -> Iterator[Event]:
    """End what has lasted long enough."""
    for exercise, row in state.room(ROOM):
        if row["until_ns"] <= now_ns:
            yield _ended(state, exercise, row, now_ns, ExerciseEnd.EXPIRED)


def on_event(state: State, event: Event) -> Iterator[Event]:
    """With a device that is watched no longer its exercises end, too."""
    if event.kind in _REMOVED:
        for exercise, row in state.room(ROOM):
            if row["device"] == event.device:
                yield _ended(state, exercise, row, event.at_ns, ExerciseEnd.DEVICE_REMOVED)


def exercise_id(device: str, command: str) -> str:
    """The exercise that a command starts; its alert and ticket have it as their cause."""
    return event_id("exercise", device, command)


def _ended(
    state: State, exercise: str, row: Row, at_ns: int, how: ExerciseEnd, actor: str = "", command: str = ""
) -> Event:
    state.drop(ROOM, exercise)
    data = {
        "exercise": exercise,
        "fault": row["fault"],
        "reason": REASON,
        "first_good_ns": at_ns,
        "looks": 0,
        "how": how.value,
        "actor": actor,
        "command": command,
    }
    kind = EventKind.EXERCISE_ENDED
    return Event(event_id(kind, exercise), kind, row["device"], at_ns, exercise, data)
