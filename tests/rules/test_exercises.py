"""Exercises: opened and ended like faults, bounded, marked, and nowhere in figures."""

from __future__ import annotations

import json

import pytest

from citywatch.alerts.desk import kind_of
from citywatch.domain.events import EventKind
from citywatch.domain.field import MOST_EXERCISE_NS
from citywatch.domain.state import State
from citywatch.rules import exercises

NOW = 1_700_000_000_000_000_000
HOUR = 3_600_000_000_000
GIVEN = {"at_ns": NOW, "actor": "desk", "command": "c1"}


def started(state, device="cam-1", command="c1", until_ns=NOW + HOUR, fault="frozen"):
    args = json.dumps({"fault": fault, "until_ns": until_ns, "note": "drill"})
    return exercises.start(state, device, args, at_ns=NOW, actor="desk", command=command)


def test_it_opens_as_a_fault_does_and_says_that_it_is_none():
    state = State()
    (event,) = started(state)
    assert event.kind is EventKind.EXERCISE_STARTED
    assert event.cause == event.data["exercise"] == exercises.exercise_id("cam-1", "c1")
    assert (event.data["reason"], event.data["looks"], event.data["first_bad_ns"]) == ("exercise", 0, NOW)
    assert started(state) == "repeated"


def test_it_ends_by_a_person_once():
    state = State()
    (event,) = started(state)
    (ended,) = exercises.end(state, event.cause, at_ns=NOW + 5, actor="desk", command="c2")
    assert (ended.kind, ended.cause, ended.data["how"]) == (EventKind.EXERCISE_ENDED, event.cause, "ended")
    assert ended.data["first_good_ns"] == NOW + 5
    assert exercises.end(state, event.cause, at_ns=NOW + 6, actor="desk", command="c3") == "not_open"
    assert not state.size(exercises.ROOM)


def test_it_ends_by_itself():
    state = State()
    started(state)
    started(state, command="c2", until_ns=NOW + 2 * HOUR)
    assert list(exercises.on_tick(state, NOW + HOUR - 1)) == []
    (ended,) = exercises.on_tick(state, NOW + HOUR)
    assert (ended.data["how"], ended.at_ns, ended.data["command"]) == ("expired", NOW + HOUR, "")
    assert state.size(exercises.ROOM) == 1


@pytest.mark.parametrize("until_ns", [NOW, NOW - 1, NOW + MOST_EXERCISE_NS + 1])
def test_an_exercise_without_an_end_in_sight_is_refused(until_ns):
    assert started(State(), until_ns=until_ns) == "bad_times"


def test_so_many_and_no_more():
    state = State()
    for number in range(exercises.MOST_EXERCISES):
        assert isinstance(started(state, command=f"c{number}"), list)
    assert started(state, command="one more") == "too_many_exercises"
    assert all(len(row) < 6000 for row in state.snapshot().values())


def test_a_parents_outage_names_whom_it_takes_along_and_is_an_incident_for_the_desk():
    children = [f"cam-{n}" for n in range(30)]
    args = {"fault": "unreachable", "until_ns": NOW + HOUR, "drill": "d1", "children": children, "below": 30}
    (event,) = exercises.start(State(), "sw-1", json.dumps(args), **GIVEN)
    assert (event.data["drill"], event.data["below"], event.data["children"]) == ("d1", 30, children[:20])
    assert kind_of(event) == "incident"
    (alone,) = started(State())
    assert (alone.data["drill"], alone.data["below"], kind_of(alone)) == ("", 0, "frozen")
