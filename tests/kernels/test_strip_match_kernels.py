"""Which pulses belong together: the kernels against their plain twins, on queues as roads and chance make them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.kernels import strip_match, strip_vehicles
from strips import match_twin as twin
from strips.match_scene import QUEUE, Arrays, Scene, scene

MOST = 8
SEEDS = range(150)
EIGHTHS = st.lists(st.integers(0, 400), max_size=12).map(sorted)
"""Instants in eighths of a sample: exact, so that ties are ties."""


def _one_strip(eighths):
    felt = [twin.Felt(n // 8, n % 8 / 8) for n in eighths]
    of = Scene([twin.Laid(0.0, queue=felt)], 1 / 1024, twin.Bounds(), [], [])
    return of.strips[0], Arrays(of)


def _leads(of):
    """Every strip that could lead, with its first sample: more than the stream would ever try."""
    return [(k, strip.queue[0].at) for k, strip in enumerate(of.strips) if strip.timed and strip.queue]


@given(EIGHTHS, st.integers(-8, 408), st.integers(0, 64), st.integers(-5, 5))
def test_nearest_is_that_of_the_twin(eighths, wanted, within, origin):
    strip, its = _one_strip(eighths)
    times = strip.times(origin, 1 / 1024)
    assert times == [strip_match.instant(its.pulse_at, its.pulse, 0, n, origin, 1 / 1024) for n in range(len(times))]
    wanted_s, within_s = (wanted / 8 - origin) / 1024, within / 8 / 1024
    found = strip_match.nearest(its.pulse_at, its.pulse, its.queued, 0, origin, 1 / 1024, wanted_s, within_s)
    assert found == twin.nearest(times, wanted_s, within_s)


@given(st.lists(st.integers(0, 60), unique=True, max_size=12).map(sorted), st.integers(0, 480), st.integers(-5, 5))
def test_the_interval_is_that_of_the_twin(edges, at, origin):
    loop = list(zip(edges[::2], edges[1::2], strict=False))
    its = Arrays(Scene([], 1.0, twin.Bounds(), loop, []))
    at_samples = at / 8 - origin
    assert strip_match.loop_number(its.loop, its.loop_mark, origin, at_samples) == twin.interval(
        loop, origin, at_samples
    )


@given(EIGHTHS, st.integers(0, 11), st.integers(0, 11))
def test_what_remains_is_that_of_the_twin(eighths, one, other):
    strip, its = _one_strip(eighths)
    first, last = sorted((min(one, len(eighths)), min(other, len(eighths))))
    last = min(last, len(eighths) - 1)
    if first > last:
        return
    strip_match.remove(its.pulse_at, its.pulse, its.queued, 0, first, last)
    assert its.queues() == [twin.removed(strip.queue, first, last)]


@pytest.mark.parametrize("seed", SEEDS)
def test_axles_speed_and_matches_are_those_of_the_twin(seed):
    of = scene(seed)
    its = Arrays(of)
    rng = np.random.default_rng(seed)
    for lead, origin in _leads(of):
        count = int(rng.integers(1, min(len(of.strips[lead].queue), QUEUE) + 1))
        times = of.strips[lead].times(origin, of.dt_s)
        here_m = of.strips[lead].position_m
        for v in (*of.speeds, float(rng.uniform(1, 40)), -float(rng.uniform(1, 40))):
            found = strip_match.axles_together(
                its.pulse_at, its.pulse, lead, count, origin, MOST, of.dt_s, v, its.limit, its.position_m, its.loop,
                its.loop_mark,
            )  # fmt: skip
            wanted = twin.together(times[: min(count, MOST)], origin, of.dt_s, v, of.bounds, here_m, of.loop)
            assert found == wanted
        rough = abs(of.speeds[0]) * float(rng.uniform(0.5, 1.6))
        speed = np.zeros(1)
        axles = strip_match.find_speed(
            its.pulse_at, its.pulse, its.queued, lead, count, origin, MOST, of.dt_s, rough, its.limit, its.position_m,
            its.timed, its.loop, its.loop_mark, speed,
        )  # fmt: skip
        wanted_axles, wanted_speed = twin.find_speed(
            of.strips, lead, count, origin, MOST, of.dt_s, rough, of.bounds, of.loop
        )
        assert axles == wanted_axles
        if axles:
            assert speed[0] == wanted_speed
        # The speed found, or where there is none the driven one: nothing is lost by following what is not there.
        _follows(of, its, lead, int(axles) or 1, origin, wanted_speed or of.speeds[0])


def _follows(of, its, lead, axles, origin, v):
    taken = np.full((axles, len(of.strips)), -1, np.int64)
    state = np.zeros(len(of.strips), np.int64)
    full = strip_vehicles.follow(
        its.pulse_at, its.pulse, its.queued, lead, axles, origin, of.dt_s, v, its.limit, its.position_m, its.slant,
        its.timed, its.side, taken, state,
    )  # fmt: skip
    wanted, states = twin.follow(of.strips, lead, axles, origin, of.dt_s, v, of.bounds)
    assert taken.T.tolist() == wanted
    assert state.tolist() == states
    assert full == sum(strip.timed and state == 1 for strip, state in zip(of.strips, states, strict=True))
