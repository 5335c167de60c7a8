"""Kernels of the strips against their plain twins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import strip_fit, strips
from strips import strip_twin as twin


def _tracked(signal, cuts, knob, gain, on_v, off_v):
    """Every pulse of one strip, tracked in pieces."""
    ring = np.zeros((1, int(knob[strips.MASK]) + 1))
    level, mark = np.zeros((1, strips.LEVELS)), np.zeros((1, strips.MARKS), np.int64)
    pulse_at, pulse = np.zeros((1, 64), np.int64), np.zeros((1, 64, strips.PULSE_FIELDS))
    queued, tally = np.zeros(1, np.int64), np.zeros(strips.TALLIES, np.int64)
    edges = [0, *sorted(cuts), len(signal)]
    for a, b in itertools.pairwise(edges):
        strips.track(
            signal[a:b], a, ring[0], level[0], mark[0], on_v, off_v, knob, gain, pulse_at[0], pulse[0], queued, 0, tally
        )
    strips.end_pulses(len(signal), ring, level, mark, knob, gain, pulse_at, pulse, queued, tally)
    assert tally[strips.PULSES] == queued[0] + tally[strips.QUEUE_FULL]
    return [(int(pulse_at[0, n]), *pulse[0, n].tolist()) for n in range(queued[0])]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**20), cuts=st.lists(st.integers(0, 1_200), max_size=6))
def test_pulses_are_those_of_the_twin(seed, cuts):
    rng = np.random.default_rng(seed)
    signal = rng.normal(0.4, 0.004, 1_200) + np.linspace(0, 0.05, 1_200)
    for start in rng.integers(0, 1_200, int(rng.integers(0, 12))):
        stop = min(1_200, start + int(rng.integers(1, 90)))
        signal[start:stop] += np.sin(np.linspace(0.1, 3.0, stop - start)) * rng.uniform(0.05, 3.0)
    knob = np.zeros(strips.KNOBS, np.int64)
    knob[strips.SETTLE], knob[strips.BLOCK], knob[strips.LONGEST] = 5, 20, 120
    knob[strips.SHORTEST], knob[strips.BASE_SAMPLES], knob[strips.MASK] = 3, 25, 2047
    gain = np.array([0.2, 0.5, 0.001])
    wanted = twin.pulses(signal, on_v=0.06, off_v=0.03, knob=knob, gain=gain, names=strips)
    found = _tracked(signal, cuts, knob, gain, 0.06, 0.03)
    assert [one[0] for one in found] == [one[0] for one in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours[1:] == pytest.approx(theirs[1:], rel=1e-6, abs=1e-9)


@given(
    seed=st.integers(0, 2**20),
    axles=st.integers(1, 9),
    places=st.lists(st.integers(0, 40), min_size=2, max_size=7, unique=True),
)
def test_motion_is_that_of_the_twin(seed, axles, places):
    rng = np.random.default_rng(seed)
    position = np.array(places, np.float64)
    timed = np.ones(len(places), bool)
    if len(places) > 3:
        timed[int(rng.integers(len(places)))] = False
    behind = np.cumsum(rng.uniform(1, 6, axles))
    speed = float(rng.uniform(5, 35))
    at = (position[None, :] + behind[:, None]) / speed
    at += rng.uniform(-0.01, 0.01) * at**2 + rng.normal(0, 1e-4, at.shape)
    motion, axle = np.zeros(strip_fit.MOTIONS), np.zeros((axles, 3))
    assert strip_fit.fit_motion(at, timed, position, axles, motion, axle) == 0
    v, a, place, left_over = twin.motion(at, timed, position)
    told = axles > 1 or timed.sum() > 2
    if told:
        assert motion[strip_fit.SPEED] == pytest.approx(v, rel=1e-6)
        assert motion[strip_fit.ACCELERATION] == pytest.approx(a, rel=1e-4, abs=1e-4)
        assert axle[:, 0] == pytest.approx(place, abs=1e-5)
        assert motion[strip_fit.RESIDUAL_M] == pytest.approx(left_over, rel=1e-4, abs=1e-6)
    assert np.isnan(axle[:, 2]).all() == (timed.sum() < 3)


def test_one_place_tells_no_speed():
    at, axle = np.array([[0.1, 0.1]]), np.zeros((1, 3))
    same = np.zeros(2)
    assert strip_fit.fit_motion(at, np.array([True, False]), same, 1, np.zeros(strip_fit.MOTIONS), axle) == 1
    assert strip_fit.fit_motion(at, np.array([True, True]), same, 1, np.zeros(strip_fit.MOTIONS), axle) == 1


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=12), st.sampled_from([0.0, 0.15, 0.5]))
def test_the_robust_mean_is_that_of_the_twin(values, share):
    kept = np.zeros(len(values), bool)
    found = strip_fit.robust_mean(np.array(values), len(values), share, kept)
    wanted, keep = twin.robust_mean(values, share)
    assert kept.tolist() == keep
    assert found == pytest.approx(wanted, rel=1e-12)


def test_nothing_has_no_mean():
    assert np.isnan(strip_fit.robust_mean(np.zeros(1), 0, 0.1, np.zeros(1, bool)))


@given(st.integers(1, 40), st.integers(0, 10**6))
def test_the_ring_keeps_the_latest(count, first):
    ring = np.full(64, -1.0)
    samples = np.arange(count, dtype=np.float64)
    strips.keep(samples, first, ring, 63)
    assert [ring[(first + j) & 63] for j in range(count)] == samples.tolist()
    assert (ring == -1).sum() == 64 - count
