"""Availability against a model that looks at every single nanosecond."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.devices import DeviceState
from citywatch.sla.availability import Availability, Reading, SlaVerdict, StateChange, availability, together

UP, DOWN, UNKNOWN = DeviceState.UP, DeviceState.DOWN, DeviceState.UNKNOWN
calm = settings(deadline=None)


@st.composite
def changes(draw):
    state = draw(st.sampled_from([UP, DOWN, UNKNOWN]))
    early = draw(st.integers(-20, 80))
    late = early + draw(st.integers(0, 30))
    if state is UNKNOWN:
        return StateChange(state, early, early)
    return StateChange(state, late, early) if state is UP else StateChange(state, early, late)


def slow(sequence, from_ns, to_ns, known_until_ns, bound):
    """Nanosecond by nanosecond: the newest decision that has begun is the state."""
    spent = {UP: 0, DOWN: 0, UNKNOWN: 0}
    for now in range(from_ns, to_ns):
        state = UNKNOWN
        for change in sequence:
            if getattr(change, bound) <= now:
                state = change.state
        spent[state if now < known_until_ns else UNKNOWN] += 1
    return Reading(spent[UP], spent[DOWN], spent[UNKNOWN])


@calm
@given(st.lists(changes(), max_size=8), st.integers(-10, 60), st.integers(1, 60), st.integers(-30, 140))
def test_equals_the_slow_model(sequence, from_ns, length, known_until_ns):
    to_ns = from_ns + length
    found = availability(sequence, from_ns, to_ns, known_until_ns=known_until_ns)
    assert found.worst == slow(sequence, from_ns, to_ns, known_until_ns, "worst_from_ns")
    assert found.best == slow(sequence, from_ns, to_ns, known_until_ns, "best_from_ns")


@calm
@given(st.lists(changes(), max_size=8), st.integers(-10, 60), st.integers(1, 60), st.integers(-30, 140))
def test_laws(sequence, from_ns, length, known_until_ns):
    to_ns = from_ns + length
    found = availability(sequence, from_ns, to_ns, known_until_ns=known_until_ns)
    assert found.worst.total_ns == found.best.total_ns == length
    assert 0 <= found.worst_share <= found.best_share <= 1
    assert found.worst.up_ns <= found.best.up_ns + found.best.unknown_ns
    if found.worst.unknown_ns:
        assert found.worst_share < found.best_share


@calm
@given(
    st.lists(changes(), max_size=8),
    st.integers(-10, 60),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(-30, 140),
)
def test_two_windows_side_by_side_add_up(sequence, from_ns, first, second, known):
    middle, end = from_ns + first, from_ns + first + second
    whole = availability(sequence, from_ns, end, known_until_ns=known)
    left = availability(sequence, from_ns, middle, known_until_ns=known)
    right = availability(sequence, middle, end, known_until_ns=known)
    assert whole.worst == left.worst + right.worst
    assert whole.best == left.best + right.best


def test_never_looked_at_is_unknown_not_up():
    found = availability([], 0, 100, known_until_ns=100)
    assert found.worst == found.best == Reading(0, 0, 100)
    assert (found.worst_share, found.best_share) == (0, 1)
    assert found.verdict(Fraction(95, 100)) is SlaVerdict.UNDECIDED


def test_the_future_is_unknown():
    found = availability([StateChange(UP, 0, 0)], 0, 100, known_until_ns=40)
    assert found.worst == Reading(40, 0, 60)
    assert (found.worst_share, found.best_share) == (Fraction(40, 100), 1)


def test_a_fault_is_back_dated_on_both_sides():
    sequence = [StateChange(UP, 0, 0), StateChange(DOWN, 10, 20), StateChange(UP, 60, 50)]
    found = availability(sequence, 0, 100, known_until_ns=100)
    assert found.worst == Reading(50, 50, 0)
    assert found.best == Reading(70, 30, 0)


def test_a_fault_open_at_both_edges_of_the_window_fills_it():
    sequence = [StateChange(DOWN, 10, 20), StateChange(UP, 220, 210)]
    found = availability(sequence, 50, 150, known_until_ns=300)
    assert found.worst == found.best == Reading(0, 100, 0)
    assert found.verdict(Fraction(1, 100)) is SlaVerdict.MISSED


def test_a_later_decision_stands_over_an_earlier_one():
    # unknown from 30 on, then a bad look whose last good look lies before that
    sequence = [StateChange(UP, 0, 0), StateChange(UNKNOWN, 30, 30), StateChange(DOWN, 20, 80)]
    found = availability(sequence, 0, 100, known_until_ns=100)
    assert found.worst == Reading(20, 80, 0)
    assert found.best == Reading(30, 20, 50)


@pytest.mark.parametrize(
    ("worst", "best", "verdict"),
    [
        (Reading(95, 5, 0), Reading(95, 5, 0), SlaVerdict.MET),
        (Reading(94, 6, 0), Reading(94, 6, 0), SlaVerdict.MISSED),
        (Reading(94, 5, 1), Reading(94, 5, 1), SlaVerdict.UNDECIDED),
        (Reading(90, 10, 0), Reading(95, 5, 0), SlaVerdict.UNDECIDED),
    ],
)
def test_verdicts_at_the_edge(worst, best, verdict):
    assert Availability(1, worst, best).verdict(Fraction(95, 100)) is verdict


def test_a_fleet_adds_up_device_time():
    up = availability([StateChange(UP, 0, 0)], 0, 100, known_until_ns=100)
    down = availability([StateChange(DOWN, 0, 0)], 0, 100, known_until_ns=100)
    fleet = together([up, up, up, down])
    assert fleet == Availability(4, Reading(300, 100, 0), Reading(300, 100, 0))
    assert fleet.worst_share == Fraction(3, 4)
    assert together([]) is None


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="empty"):
        availability([], 5, 5, known_until_ns=5)


def test_bounds_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match="wrong way round"):
        StateChange(UP, 1, 2)
    with pytest.raises(ValueError, match="wrong way round"):
        StateChange(DOWN, 2, 1)
