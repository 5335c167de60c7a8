"""What the stored margins of healthy cameras let expect: runs of looks, clusters of them, and their tails."""

import math
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.camera_faults import clean, episodes, margins, tails
from benchmarks.camera_faults.episodes import Looks

from citywatch.domain.pictures import Fault
from citywatch.rules import suspicions
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.faults import Confirmation

THREE = Confirmation(confirm_looks=3, confirm_seconds=420.0)
TWO_ALIKE = Confirmation(confirm_looks=3, confirm_seconds=420.0, hidden_looks=1)
SAME = [100.0, 0.5, 0.0, 0.0, 90.0]
OTHER = [100.0, 0.5, 20.0, 0.0, 90.0]


def camera(alone, *, again=None, at_s=None, unchecked=(), dark=(), figures=None, steady=None, buses=(), back=()):
    alone = np.atleast_2d(np.array(alone, float))
    number = alone.shape[1]
    return Looks(
        np.arange(number) * 210.0 if at_s is None else np.array(at_s, float),
        alone,
        alone if again is None else np.atleast_2d(np.array(again, float)),
        np.isin(np.arange(number), unchecked),
        np.isin(np.arange(number), dark),
        np.array([OTHER if number % 2 else SAME for number in range(number)] if figures is None else figures),
        np.full(number, math.nan) if steady is None else np.array(steady),
        ~np.isin(np.arange(number), dark),
        ~np.isin(np.arange(number), buses),
        ~np.isin(np.arange(number), back),
    )


def nearest(looks, rule):
    _, near = episodes.runs(looks, rule)
    return float(near.max())


def in_order(*near):
    """Looks far in order around the ones that are given, so that these are the nearest ones."""
    return [-5.0] * 20 + list(near) + [-5.0] * 20


def test_a_run_is_as_near_as_its_farthest_look():
    assert nearest(camera(in_order(-0.1, 0.3, -0.2)), THREE) == -0.2
    assert nearest(camera(in_order(0.3, 0.3)), THREE) < -2


def test_a_run_must_last():
    looks = camera(in_order(0.2, 0.1, 0.1, 0.1, -0.3), at_s=np.arange(45) * 110.0)
    assert nearest(looks, THREE) == -0.3
    assert nearest(camera(in_order(0.2, 0.1, 0.1, 0.1, -0.3), at_s=np.arange(45) * 140.0), THREE) == 0.1


def test_two_looks_are_enough_where_they_are_alike():
    alike = [SAME] * 42
    spaced = np.arange(42) * 420.0
    assert nearest(camera(in_order(-0.1, -0.2), at_s=spaced, figures=alike), TWO_ALIKE) == -0.2
    unlike = [OTHER if number % 2 else SAME for number in range(42)]
    assert nearest(camera(in_order(-0.1, -0.2), at_s=spaced, figures=unlike), TWO_ALIKE) == pytest.approx(-4.0)
    assert nearest(camera(in_order(-0.1, -0.2), at_s=spaced, figures=alike), THREE) < -2
    found = camera(in_order(-0.1, -0.2), at_s=spaced, figures=unlike, steady=[0.54] * 42)
    assert nearest(found, TWO_ALIKE) == -0.2  # 0.54 is nearer than that to 0.6
    assert nearest(camera(in_order(-0.1, -0.2), at_s=spaced * 3, figures=alike), TWO_ALIKE) < -2
    assert (suspicions.MOST_APART, suspicions.STEADY_SHARE) == (episodes.MOST_APART, episodes.STEADY_SHARE)


def test_of_a_camera_that_shakes_the_way_back_is_a_step_and_confirms_nothing_sooner():
    shaking = CONFIRMATIONS[Fault.SHAKING]
    spaced = np.arange(43) * 420.0
    assert nearest(camera(in_order(0.4, 0.1, -0.9), at_s=spaced), shaking) == 0.1
    assert nearest(camera(in_order(0.4, 0.1, -0.9), at_s=spaced, back=[21]), shaking) == -0.9
    arrays = {"at_s": np.arange(4) * 300.0, margins.FAR: np.array([0.0, 9.9, 3.9, math.nan])}
    arrays |= {name: np.full(4, 100.0) for name in episodes.FIGURES}
    assert episodes.looks_of(arrays, Fault.SHAKING).away.tolist() == [False, True, False, True]
    assert episodes.looks_of(arrays, Fault.MOVED).away.all()


def test_looks_that_could_not_be_checked_end_no_run():
    looks = camera(in_order(-0.1, -3.0, -0.2, -0.1), unchecked=[21])
    assert nearest(looks, THREE) == -0.2
    assert nearest(camera(in_order(-0.1, -3.0, -0.2, -0.1)), THREE) < -2
    missing = camera(in_order(-0.1, math.nan, -0.2, -0.1))
    assert nearest(missing, THREE) == -0.2


def test_a_run_ends_two_hours_after_its_last_bad_look_when_nothing_could_be_checked():
    unchecked = range(21, 31)
    near = in_order(-0.1, *[math.nan] * 10, -0.2, -0.1)
    hours_s = np.arange(len(near)) * 600.0
    assert nearest(camera(near, unchecked=unchecked, at_s=hours_s), THREE) == -0.2
    assert nearest(camera(near, unchecked=unchecked, at_s=hours_s * 1.3), THREE) < -2


def test_two_torn_pictures_need_not_be_alike():
    spaced = np.arange(42) * 420.0
    looks = camera(in_order(-0.1, -0.2), at_s=spaced)
    assert nearest(looks, TWO_ALIKE) < -2
    torn = replace(TWO_ALIKE, any_picture=True)
    assert nearest(looks, torn) == -0.2
    assert nearest(replace(looks, at_s=spaced * 0.9), torn) < -2


def test_by_day_nothing_is_said_of_what_was_seen_in_the_dark():
    near = in_order(-0.1, -3.0, -0.2, -0.1)
    looks = camera(near, dark=[20, 22, 23])
    assert nearest(looks, THREE) == -0.2
    assert nearest(replace(looks, by_day=np.zeros(44, np.bool_)), THREE) < -2  # of an hour that nobody knows
    assert nearest(camera(near, dark=[22, 23]), THREE) < -2


def test_a_look_after_another_must_show_more_in_the_same_way():
    alone = [in_order(-0.1, -0.1, -0.1), in_order(-2.0, -0.3, -2.0)]
    again = [in_order(-9.0, -1.0, -1.0), in_order(-9.0, -9.0, -9.0)]
    # The second look by the other way, of which nothing more is asked, and the third by the first again.
    assert nearest(camera(alone, again=again), THREE) == -0.3


def test_every_fault_has_its_rule_and_columns():
    arrays = {"at_s": np.arange(4) * 300.0, "margin.snow": np.zeros(4), "alone.moved.0": np.zeros(4)}
    assert episodes.faults_of(list(arrays)) == [Fault.SNOW]
    assert episodes.looks_of(arrays, Fault.SNOW).alone.shape == (1, 4)
    assert not episodes.looks_of(arrays, Fault.SNOW).unchecked.any()
    assert Fault.MOVED in CONFIRMATIONS


def a_camera(values, spacing_s=tails.APART_S):
    return tails.Camera(np.arange(len(values)) * spacing_s, np.array(values, float), len(values) * spacing_s / 86_400.0)


def test_values_that_are_near_in_time_are_one_cluster():
    values = [-9, -1, -9, -0.5, -9, -9, -9, -9, -0.7]
    assert tails.peaks(a_camera(values), -2.0).tolist() == [-1, -0.5, -0.7]
    assert tails.peaks(a_camera(values, 1800.0), -2.0).tolist() == [-0.5, -0.7]
    assert tails.peaks(a_camera([-1.0, 0.0]), 0.0).tolist() == [0.0]


@pytest.mark.parametrize("shape", [-0.4, -0.2, 0.0])
def test_the_shape_of_a_tail_is_found_again_and_no_longer_one_is_believed(shape):
    dice = np.random.default_rng(2)
    uniform = dice.uniform(size=(60, 100))
    drawn = -np.log(uniform) if shape == 0 else (uniform**-shape - 1.0) / shape
    profiles = [tails.profile(sample) for sample in drawn]
    assert np.mean([tails.SHAPES[one.best] for one in profiles]) == pytest.approx(shape, abs=0.09)
    assert np.mean([tails.SHAPES[one.longest] >= shape for one in profiles]) > 0.88
    assert all(one.longest >= one.best for one in profiles)
    uniform_tail = tails.profile(dice.uniform(size=200))
    assert tails.SHAPES[uniform_tail.longest] < -0.3


def test_the_rate_of_a_known_tail_is_found():
    """Exponential excesses, seen from a tail that hardly reached 0."""
    dice = np.random.default_rng(3)
    several = [a_camera(dice.exponential(1.0, 1_000) - 11.0) for _ in range(10)]
    true = 12 * math.exp(-11.0)
    assert true / 4 < tails.Tail.of(several).rate() < 6 * true


def test_a_second_cause_that_ends_before_the_fault_is_told_from_the_first():
    """In one look of 150, always between 0.65 and 1.2 from being bad: no exponential that begins in it stands."""
    dice = np.random.default_rng(5)
    several = []
    for _ in range(20):
        values = dice.normal(-29.0, 1.0, 4_500)
        values[::150] = dice.uniform(-1.2, -0.65, 30)
        several.append(tails.Camera(np.arange(4_500) * 300.0, values, 15.0))
    tail = tails.Tail.of(several)
    assert any(fit.best < 0 for fit in tail.fits(range(20)))
    assert tail.rate() < 1e-5
    seen = tails.Camera(np.array([0.0]), np.array([0.1]), 0.0)
    assert tails.Tail.of([*several, seen]).rate() >= 1 / 300  # what was seen is seen


def test_one_camera_that_comes_nearer_than_the_others_explain_is_not_smoothed_away():
    dice = np.random.default_rng(3)
    others = [a_camera(dice.exponential(0.03, 60) - 0.8) for _ in range(60)]
    smooth = tails.Tail.of(others).rate()
    assert smooth < 1e-6
    near = tails.Tail.of([*others, a_camera([*(-0.8 for _ in range(59)), -0.1])])
    assert all(fit.refuted for fit in near.fits(range(61)))
    assert near.rate() > 1e-4


def test_all_faults_are_told_together(tmp_path):
    dice = np.random.default_rng(3)
    for seed in range(6):
        stored = {
            f"margin.{fault}": np.minimum(dice.exponential(0.5, 400) - 6.0, -1e-6) for fault in ("snow", "stripes")
        }
        np.savez(tmp_path / f"seed-{seed}.npz", at_s=np.arange(400) * 3600.0, **stored)
    once = Confirmation(confirm_looks=1)
    *each, everything = clean.extrapolate(tmp_path, once, draws=4)
    assert [one.fault for one in each] == ["snow", "stripes"]
    assert everything.fault == clean.ALL
    assert everything.per_day == pytest.approx(sum(one.per_day for one in each))
    assert everything.per_day < everything.upper < 2 * sum(one.upper for one in each)


def test_what_may_be_two_buses_is_near_only_where_it_stands_for_twice_the_time():
    near = camera([0.3, 0.3, 0.3, 0.3], at_s=[0, 420, 600, 840], figures=[SAME] * 4)
    assert nearest(near, TWO_ALIKE) == 0.3
    buses = camera([0.3, 0.3, 0.3], at_s=[0, 420, 600], figures=[SAME] * 3, buses=(0, 1, 2))
    assert nearest(buses, TWO_ALIKE) < 0
    stays = camera([0.3, 0.3, 0.3, 0.3], at_s=[0, 420, 600, 840], figures=[SAME] * 4, buses=(0, 1, 2, 3))
    assert nearest(stays, TWO_ALIKE) == 0.3
