"""The place of steps with hindsight: where a row of values is best cut, and which alarms are none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.rules.scale_health.placing import place, placed
from citywatch.rules.scale_health.reference import Gauge, Readings


def naive(values: list[int], most: int) -> int:
    """The cut by asking for each: the sum of squares between the two means, the last of the best."""
    mean = sum(values) / len(values)
    gains = []
    for cut in range(1, max(min(most, len(values)), 2)):
        before, after = values[:cut], values[cut:]
        parts = ((part, sum(part) / len(part)) for part in (before, after))
        gains.append(sum(len(part) * (own - mean) ** 2 for part, own in parts))
    best = max(gains)
    return max(i for i, gain in enumerate(gains, 1) if gain >= best * (1 - 1e-12))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(800_000, 900_000), min_size=3, max_size=40), st.integers(1, 60))
def test_the_cut_is_that_of_the_naive_twin(values: list[int], most: int) -> None:
    found = place(np.array(values, np.int64), most)
    assert found.first <= found.split <= found.last
    assert found.split == naive(values, most)
    assert abs(found.before - sum(values[: found.split]) / found.split) < 1e-6
    assert abs(found.after - sum(values[found.split :]) / (len(values) - found.split)) < 1e-6


def readings(values: np.ndarray) -> Readings:
    count = len(values)
    given_ = np.ones(count, np.bool_)
    none = np.zeros(count, np.bool_)
    return Readings(
        none,
        given_,
        np.full(count, 40_000, np.int32),
        dict.fromkeys(Gauge, values),
        dict.fromkeys(Gauge, given_),
        np.arange(count, dtype=np.int64),
        np.zeros(count, np.uint16),
    )


def test_a_step_stays_and_false_alarms_beside_it_go() -> None:
    random = np.random.default_rng(8)
    values = np.rint(868_000 + 16_000 * random.standard_normal(4_000)).astype(np.int64)
    values[2_500:] += 9_000
    steps, refuted = placed(readings(values), Gauge.TANDEM_SPACING, [(700, 60), (900, 40), (2_600, 95), (3_300, 70)])
    (step,) = steps
    assert (refuted, step.seen_ns, step.after_count) == (3, 2_599, 4_000 - step.split)
    assert abs(step.split - 2_500) < 40
    assert step.delay == 2_600 - step.split
    assert step.confidence > 0.999


def test_where_nothing_changed_nothing_is_told() -> None:
    values = np.rint(868_000 + 16_000 * np.random.default_rng(9).standard_normal(3_000)).astype(np.int64)
    assert placed(readings(values), Gauge.TANDEM_SPACING, [(700, 60), (900, 40)]) == ([], 2)
    assert placed(readings(values), Gauge.TANDEM_SPACING, []) == ([], 0)
