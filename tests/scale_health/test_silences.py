"""Silences of lanes and stations, with hindsight."""

from __future__ import annotations

import numpy as np

from citywatch.domain.instants import NS_PER_S
from citywatch.rules.scale_health import silences

HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS


def motorway(days: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Passes of two lanes, by instant and lane: by day both carry the same, at night nearly all keep to the first."""
    random = np.random.default_rng(seed)
    at_ns = np.sort((random.random(days * 2_400) * days * DAY_NS).astype(np.int64))
    is_night = (at_ns // HOUR_NS % 24 < 5) | (at_ns // HOUR_NS % 24 >= 22)
    second = random.random(len(at_ns)) < np.where(is_night, 0.02, 0.5)
    return at_ns, second.astype(np.int64)


def test_a_lane_that_is_empty_at_night_is_not_silent() -> None:
    at_ns, lane = motorway(30)
    for number in (0, 1):
        assert list(silences.of_lane(at_ns[lane == number], at_ns)) == []


def test_a_lane_that_is_dead_by_day_is() -> None:
    at_ns, lane = motorway(30)
    dead = (lane == 1) & (at_ns >= 12 * DAY_NS + 9 * HOUR_NS) & (at_ns < 12 * DAY_NS + 14 * HOUR_NS)
    (found,) = silences.of_lane(at_ns[(lane == 1) & ~dead], at_ns[~dead])
    assert abs(found[0] - (12 * DAY_NS + 9 * HOUR_NS)) < HOUR_NS // 2
    assert abs(found[1] - (12 * DAY_NS + 14 * HOUR_NS)) < HOUR_NS // 2
    assert found[2] > 100


def test_a_lane_that_dies_for_good_and_one_that_is_born_late() -> None:
    at_ns, lane = motorway(20)
    for kept in (at_ns < 9 * DAY_NS, at_ns >= 9 * DAY_NS):
        there = (lane == 0) | kept
        assert len(list(silences.of_lane(at_ns[there & (lane == 1)], at_ns[there]))) == 1


def test_a_station_is_silent_by_days_only() -> None:
    at_ns, _ = motorway(30)
    gone = (at_ns >= 10 * DAY_NS) & (at_ns < 12 * DAY_NS + 5 * HOUR_NS)
    (found,) = silences.of_station(at_ns[~gone])
    assert (found[0] // HOUR_NS, found[1] // HOUR_NS, found[2]) == (10 * 24 - 1, 12 * 24 + 5, 0)
    assert list(silences.of_station(at_ns)) == []
    assert list(silences.of_station(at_ns[:1])) == list(silences.of_station(np.array([0, 9 * DAY_NS]))) == []


def test_one_lane_alone_is_not_held_against_itself() -> None:
    at_ns, _ = motorway(2)
    assert list(silences.of_lane(at_ns, at_ns)) == []
