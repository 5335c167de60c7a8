"""The law of steps: any splitting and batching of the same rows gives the same events, byte for byte."""

from __future__ import annotations

import random
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Outcome
from citywatch.domain.state import State
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.claims import ClaimPolicy
from citywatch.rules.confirmations import alike
from citywatch.rules.faults import Confirmation
from citywatch.testing import rows as city

STEP = CityStep(
    load("cn-gross"), cameras=CameraPolicy(alike(Confirmation()), unknown_after_seconds=30), claims=ClaimPolicy(10, 60)
)


def told(batches: list[Batch], *, reload_every: int = 0) -> list[str]:
    """The events of these batches, one line each; with `reload_every` the state goes through its stored form."""
    state, lines = State(), []
    for number, batch in enumerate(batches, 1):
        state, events = STEP.step(state, batch)
        lines += [event.to_json() for event in events]
        if reload_every and number % reload_every == 0:
            state = State.load(state.snapshot())
    return lines


def merged(batches: list[Batch], rng: random.Random) -> list[Batch]:
    """The same rows in the same order, in batches of any size: neighbours of one kind may travel together."""
    out: list[Batch] = []
    for kind, run in groupby(batches, key=type):
        whole = kind.concat(list(run))
        while len(whole):
            size = rng.randint(1, len(whole))
            out.append(whole.take(slice(0, size)))
            whole = whole.take(slice(size, len(whole)))
    return out


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_batching_changes_nothing(seed: int, cut: int) -> None:
    rows = city.city_day(seed, 60)
    # Runs of one kind, so that there is something to merge: order between kinds is part of the input.
    rows.sort(key=lambda batch: batch.KIND)
    assert told(merged(rows, random.Random(cut))) == told(rows)


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_state_survives_its_stored_form(seed: int) -> None:
    rows = city.city_day(seed, 80)
    assert told(rows, reload_every=7) == told(rows)


def test_a_day_holds_what_the_laws_are_about() -> None:
    """The generator is worth something only if these kinds do occur."""
    lines = "".join(line for seed in range(6) for line in told(city.city_day(seed, 200)))
    wanted = set(EventKind) - {
        EventKind.ROW_DEAD,
        EventKind.COMMAND_REFUSED,
        EventKind.ALERT_ACKNOWLEDGED,
        EventKind.TICKET_ACCEPTED,
        EventKind.TICKET_NOTED,
        # tests/desks
        EventKind.ALERT_FLAPPING,
        EventKind.ALERT_ESCALATED,
        EventKind.SILENCE_SET,
        EventKind.SILENCE_ENDED,
        EventKind.WINDOW_SET,
        EventKind.WINDOW_ENDED,
        EventKind.DEVICE_RETIRED,
        EventKind.FAULT_SEEN,
        EventKind.TICKET_DISPATCHED,
        EventKind.TICKET_HELD,
        EventKind.TICKET_RESUMED,
        EventKind.TICKET_CLOCKS_STOPPED,
        EventKind.TICKET_CLOCKS_RESUMED,
        EventKind.TICKET_HANDLED,
        EventKind.TICKET_WARNED,
        EventKind.TICKET_BREACHED,
        # tests/rules/test_exercises.py, tests/store/test_store_people.py, tests/api/test_api_field.py
        EventKind.EXERCISE_STARTED,
        EventKind.EXERCISE_ENDED,
        EventKind.SHIFT_LOGGED,
        EventKind.DEVICE_NOTED,
        EventKind.PHOTO_ADDED,
        # tests/findings
        EventKind.FINDING_RAISED,
        EventKind.FINDING_CLEARED,
        EventKind.FINDINGS_REFUSED,
        # tests/rules/test_own_laws.py
        EventKind.REFERENCE_ADOPTED,
        EventKind.REFERENCE_DROPPED,
        EventKind.WORK_DECLARED,
        # tests/scale_health
        EventKind.SCALE_STEP_FOUND,
        EventKind.SCALE_HEALTH,
        EventKind.CORRECTION_PROPOSED,
        EventKind.CORRECTION_ACCEPTED,
        EventKind.CORRECTION_DECLINED,
        # tests/incidents
        EventKind.TOPOLOGY_CHANGED,
        EventKind.INCIDENT_OPENED,
        EventKind.INCIDENT_CHANGED,
        EventKind.INCIDENT_CLOSED,
        EventKind.FAULT_RELEASED,
    }
    assert {kind for kind in wanted if f'"kind":"{kind}"' not in lines} == set()


def test_event_ids_are_unique_and_events_have_no_arrival_time() -> None:
    import json

    events = [json.loads(line) for line in told(city.city_day(3, 300))]
    assert len({event["id"] for event in events}) == len(events)
    assert not [event for event in events if "received" in json.dumps(event)]


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE_ALERT, Verb.ACCEPT_TICKET, Verb.NOTE_TICKET])
def test_commands_about_nothing_are_refused_once_with_a_reason(verb: Verb) -> None:
    state = STEP.step(State(), city.frames([("cam-1", 1, 1, Outcome.PICTURE, 110.0, 0.5)]))[0]
    command = city.commands([("cam-1", 1, "c1", verb, "nothing", {"note": "x"})])
    (event,) = STEP.step(state, command)[1]
    assert event.kind is EventKind.COMMAND_REFUSED
    assert event.data["reason"] == "not_open"
