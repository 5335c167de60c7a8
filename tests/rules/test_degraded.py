"""Faults that leave a usable picture make a camera degraded, with the bounds of the instants of change."""

from __future__ import annotations

import pytest

from citywatch.domain.devices import DeviceState
from citywatch.domain.events import EventKind
from citywatch.domain.faults import Fault
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Outcome
from citywatch.domain.state import State
from citywatch.errors import ConfigurationError
from citywatch.rules import cameras
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.confirmations import alike
from citywatch.rules.faults import Confirmation
from citywatch.settings import parse_settings
from citywatch.sla.availability import StateChange, availability
from citywatch.testing.rows import frames

GOOD, BLACK, WHITE = 120.0, 5.0, 250.0
MILD = frozenset({Fault.OVER_EXPOSED})


def states(means, mild=MILD):
    """A look a second, two looks to confirm and to clear: (state, worst bound, best bound) in seconds."""
    policy = CameraPolicy(alike(Confirmation()), unknown_after_seconds=100, degraded_faults=mild)
    state, events = State(), []
    for second, mean in enumerate(means, 1):
        batch = frames([("cam-1", second * NS_PER_S, second, Outcome.PICTURE, mean, 0.5)])
        events += cameras.on_looks(state, batch, policy)
    return [
        (event.data["state"], event.data["worst_from_ns"] // NS_PER_S, event.data["best_from_ns"] // NS_PER_S)
        for event in events
        if event.kind is EventKind.DEVICE_STATE
    ]


def test_worse_and_better_again():
    found = states([GOOD, GOOD, WHITE, WHITE, WHITE, BLACK, BLACK, WHITE, WHITE, GOOD, GOOD])
    assert found == [
        ("up", 1, 1),
        ("degraded", 2, 3),
        ("down", 5, 6),
        ("degraded", 8, 7),
        ("up", 10, 9),
    ]


def test_a_first_look_that_shows_a_mild_fault():
    assert states([WHITE, WHITE, GOOD, GOOD])[0] == ("degraded", 1, 1)


def test_without_the_setting_every_fault_makes_a_camera_down():
    assert [state for state, _, _ in states([GOOD, WHITE, WHITE, GOOD, GOOD], mild=frozenset())] == ["up", "down", "up"]


def test_in_the_simple_form_of_availability_a_usable_picture_is_up():
    changes = [StateChange(DeviceState(word), a * NS_PER_S, b * NS_PER_S) for word, a, b in
               states([GOOD, GOOD, WHITE, WHITE, BLACK, BLACK])]  # fmt: skip
    found = availability(changes, NS_PER_S, 8 * NS_PER_S, known_until_ns=8 * NS_PER_S)
    assert (found.best.up_ns, found.best.down_ns) == (4 * NS_PER_S, 3 * NS_PER_S)


def test_what_leaves_no_picture_cannot_be_mild():
    with pytest.raises(ConfigurationError, match=r"rules\.degraded_faults: .*unreachable leaves no picture"):
        parse_settings("rules: {degraded_faults: [colour_cast, unreachable]}", "city.yaml")
    assert parse_settings("rules: {degraded_faults: [shaking, shaking]}", "x").rules.degraded_faults == (Fault.SHAKING,)
