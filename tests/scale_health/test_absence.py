"""A lane without passes while the others of its direction have them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.rules.scale_health import absence

HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
START_NS = 1_767_225_600 * NS_PER_S
LANES = ("S/d1/l1", "S/d1/l2", "S/d1/l3")


def motorway(days: float, seed: int = 3) -> list[tuple[int, str]]:
    """Passes by instant: the third lane is nearly empty at night."""
    random = np.random.default_rng(seed)
    at_ns = START_NS + np.sort(random.random(int(days * 1_500)) * days * DAY_NS).astype(np.int64)
    found = []
    for at in at_ns.tolist():
        is_night = not 5 <= at // HOUR_NS % 24 < 22
        shares = (0.8, 0.198, 0.002) if is_night else (0.4, 0.35, 0.25)
        found.append((at, LANES[int(random.choice(3, p=shares))]))
    return found


def lived(passes: list[tuple[int, str]], late_s: int = 2, state: State | None = None) -> list[Event]:
    state = State() if state is None else state
    return [
        event for at_ns, device in passes for event in absence.on_pass(state, device, at_ns, at_ns + late_s * NS_PER_S)
    ]


@pytest.fixture(scope="module")
def traffic() -> list[tuple[int, str]]:
    return motorway(14)


def without(traffic: list[tuple[int, str]], lane: str, from_day: float, to_day: float) -> list[tuple[int, str]]:
    span = START_NS + round(from_day * DAY_NS), START_NS + round(to_day * DAY_NS)
    return [one for one in traffic if one[1] != lane or not span[0] <= one[0] < span[1]]


def test_empty_nights_are_no_fault(traffic: list[tuple[int, str]]) -> None:
    assert lived(traffic) == []


def test_a_dead_lane_is_told_and_its_next_pass_ends_it(traffic: list[tuple[int, str]]) -> None:
    state = State()
    confirmed, over = lived(without(traffic, LANES[2], 10.4, 11.6), state=state)
    assert (confirmed.kind, confirmed.device) == (EventKind.FAULT_CONFIRMED, LANES[2])
    assert confirmed.data["fault"] == "no_passes"
    begun_ns = START_NS + round(10.4 * DAY_NS)
    assert begun_ns - HOUR_NS < confirmed.data["last_good_ns"] < begun_ns
    assert begun_ns + HOUR_NS - 600 * NS_PER_S <= confirmed.at_ns < begun_ns + 4 * HOUR_NS
    assert (over.kind, over.cause) == (EventKind.FAULT_CLEARED, confirmed.cause)
    assert over.at_ns >= START_NS + round(11.6 * DAY_NS)
    assert max(len(json.dumps(row)) for _, row in state.room(absence.ROOM)) < 6_000


def test_what_comes_late_or_from_files_speaks_against_nobody(traffic: list[tuple[int, str]]) -> None:
    dead = without(traffic, LANES[2], 10.4, 11.6)
    assert lived(dead, late_s=7_200) == []
    state = State()
    assert [event for at_ns, device in dead for event in absence.on_pass(state, device, at_ns, 0)] == []


def test_a_direction_without_anybody_and_the_first_week_say_nothing(traffic: list[tuple[int, str]]) -> None:
    blocked = traffic
    for lane in LANES:
        blocked = without(blocked, lane, 10.4, 10.8)
    assert lived(blocked) == []
    assert lived(without(traffic, LANES[1], 2.4, 6.9)) == []


def test_nobody_waits_for_a_lane_that_is_no_more(traffic: list[tuple[int, str]]) -> None:
    state = State()
    cut = START_NS + 10 * DAY_NS
    assert lived([one for one in traffic if one[0] < cut], state=state) == []
    absence.forget(state, LANES[1])
    assert lived([one for one in traffic if one[0] >= cut and one[1] != LANES[1]], state=state) == []
    absence.forget(state, "camera-1")
    assert list(absence.on_pass(state, "elsewhere", cut, cut)) == []


def test_lanes_are_bounded() -> None:
    state = State()
    for lane in range(absence.MOST_LANES + 4):
        list(absence.on_pass(state, f"S/d1/l{lane}", START_NS, START_NS))
    ((_, row),) = state.room(absence.ROOM)
    assert len(row["lanes"]) == absence.MOST_LANES
