"""The law engine and the kinds of vehicles against a brute-force twin that reads the law files by itself."""

import numpy as np
import pytest
from benchmarks.scales.law import COUNTRIES, differing, full_law
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.passes import Decision
from citywatch.kernels import legality, vehicles
from citywatch.laws.kinds import normal_table


@pytest.mark.parametrize("name", COUNTRIES)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_engine_equals_its_brute_force_twin(name, seed):
    # A million vehicles a country: `python -m benchmarks.scales law`.
    assert differing(name, 60, seed) == 0


def test_the_kernel_and_the_domain_use_the_same_numbers():
    for word in Decision:
        assert getattr(legality, word.name) == word


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 500))
def test_a_chance_is_one_within_and_none_far_outside(value, one, other, sigma):
    low, high = sorted((one, other))
    chance = vehicles.chance_within(value, low, high, sigma, normal_table())
    assert 0 <= chance <= vehicles.SCALE
    if low + 4 * sigma < value < high - 4 * sigma:
        assert chance == vehicles.SCALE
    if value > high + 5 * sigma or value < low - 5 * sigma:
        assert chance == 0


@pytest.mark.parametrize(
    ("axles", "feet", "pounds"),
    [
        (2, 4, 34_000), (2, 8, 38_000), (5, 51, 80_000), (4, 36, 66_000), (3, 9, 42_500), (3, 11, 44_000),
        (5, 18, 59_000), (5, 22, 61_500), (6, 24, 68_500),
    ],
)  # fmt: skip
def test_the_bridge_formula(axles, feet, pounds):
    assert full_law("us-full").bridge[axles, feet] == pounds * 45_359_237 // 10**8


def test_limits_in_pounds_are_cut_off_where_no_whole_kilogram_is_judged_otherwise():
    for pounds in (20_000, 34_000, 68_000, 80_000):
        kg = pounds * 45_359_237 // 10**8
        assert kg / 0.45359237 <= pounds < (kg + 1) / 0.45359237


def test_an_empty_batch():
    law = full_law("cn-full")
    none = np.zeros(0, np.int16)
    vehicles.classify(
        none, np.zeros(0, np.int32), np.zeros((0, 6), np.int32), np.zeros((0, 6), np.int32), law.kinds.starts,
        law.kinds.rows, law.kinds.low_mm, law.kinds.high_mm, normal_table(), 77, 51, none, none, np.zeros(0, np.uint8),
    )  # fmt: skip
