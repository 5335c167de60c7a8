"""The kernel against its naive twin, however its values are cut; and what it must never do."""

from __future__ import annotations

import numpy as np
import pytest
from drift_twin import naive_alarm
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import drift
from citywatch.rules.scale_health.chart import DESIGN, Chart

SMALL = np.array([0.12, 6.0, 3.5, 5.0, 40.0, 60.0])
PRIOR = (50.0 * 16_000.0**2, 50.0)


def fresh() -> Chart:
    runs = np.zeros((2, 4), np.int64)
    runs[:, drift.SIZE] = 1
    return Chart(np.array([*PRIOR, 0.0, 0.0]), np.zeros(2, np.int64), runs, np.zeros((2, drift.BLOCKS, 3), np.int64))


def follow(chart: Chart, values: np.ndarray, first: int = 0) -> int:
    return int(
        drift.advance(
            values, first + np.arange(len(values)), 0, chart.numbers, chart.level, chart.runs, chart.blocks, SMALL
        )
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 200), st.integers(-12_000, 12_000), st.integers(0, 200))
def test_the_kernel_equals_its_twin(seed: int, before: int, step: int, after: int) -> None:
    random = np.random.default_rng(seed)
    values = np.rint(868_000 + 16_000 * random.standard_normal(before + after)).astype(np.int64)
    values[before:] += step
    assert follow(fresh(), values) == naive_alarm(values.tolist(), PRIOR, tuple(SMALL.tolist()))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 60), max_size=12))
def test_however_it_is_cut(seed: int, cuts: list[int]) -> None:
    """Also through the form that the state keeps."""
    values = np.rint(868_000 + 16_000 * np.random.default_rng(seed).standard_normal(300)).astype(np.int64)
    whole, pieces, start = fresh(), fresh(), 0
    alarm = follow(whole, values)
    for cut in [*cuts, 300]:
        end = min(start + cut, alarm + 1, 300)
        at = follow(pieces, values[start:end], start)
        assert at in (end - start, alarm - start)
        pieces, start = Chart.from_row(pieces.to_row()), end
    assert pieces.to_row() == whole.to_row()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-50_000, 50_000), min_size=1, max_size=400))
def test_blocks_hold_the_whole_run(values: list[int]) -> None:
    run, blocks = np.array([0, 0, 0, 1], np.int64), np.zeros((drift.BLOCKS, 3), np.int64)
    for number, value in enumerate(values):
        drift.remember(run, blocks, value, number)
    used = blocks[: run[drift.USED]]
    assert used[:, drift.BLOCK_COUNT].sum() == len(values) == run[drift.RUN_COUNT]
    assert used[:, drift.BLOCK_SUM].sum() == sum(values) == run[drift.RUN_SUM]
    firsts = used[:, drift.FIRST_NS].tolist()
    assert firsts == sorted(firsts)
    assert firsts[0] == 0


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11])
def test_few_values_give_no_alarm(count: int) -> None:
    values = np.array([868_000, 300_000] * 6, np.int64)[:count]
    chart = Chart.fresh(0.165)
    assert chart.follow(values, values, 0) == count
    assert chart.count == count


def test_constant_values_give_no_alarm() -> None:
    values = np.full(5_000, 868_000, np.int64)
    chart = Chart.fresh(0.165)
    assert chart.follow(values, values, 0) == 5_000
    assert chart.mean == 868_000
    assert DESIGN.flags.writeable is False
