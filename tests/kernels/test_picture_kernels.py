"""The picture kernels against their naive twins, and the laws they must keep."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import pictures

# ---- naive twins: the same job in the plainest loops


def naive_histogram(plane):
    counts = [0] * 256
    for row in plane.tolist():
        for value in row:
            counts[value] += 1
    return counts


def naive_laplacians(plane, every=1):
    p = plane.tolist()
    return [
        p[y - 1][x] + p[y + 1][x] + p[y][x - 1] + p[y][x + 1] - 4 * p[y][x]
        for y in range(1, len(p) - 1, every)
        for x in range(1, len(p[0]) - 1)
    ]


def naive_changed(a, b, k):
    return sum(
        abs(one - other) > k
        for row, other_row in zip(a.tolist(), b.tolist(), strict=True)
        for one, other in zip(row, other_row, strict=True)
    )


def naive_steps(plane):
    p = plane.tolist()
    border, inner = [], []
    for y in range(len(p)):
        for x in range(len(p[0])):
            if x:
                (inner if x % 8 else border).append(abs(p[y][x] - p[y][x - 1]))
            if y:
                (inner if y % 8 else border).append(abs(p[y][x] - p[y - 1][x]))
    return border, inner


def naive_structured(plane, step):
    p = plane.tolist()
    found = 0
    for top in range(0, len(p) - 15, 16):
        for left in range(0, len(p[0]) - 15, 16):
            means = [
                sum(p[y + dy][x + dx] for dy in range(4) for dx in range(4)) / 16
                for y in range(top, top + 16, 4)
                for x in range(left, left + 16, 4)
            ]
            found += max(means) - min(means) >= step
    return found


def naive_smooth(plane):
    p = plane.tolist()
    weights = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    return [
        [
            (sum(weights[dy][dx] * p[y + dy][x + dx] for dy in range(3) for dx in range(3)) + 8) // 16
            for x in range(len(p[0]) - 2)
        ]
        for y in range(len(p) - 2)
    ]


def naive_variance(values):
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


def tally(plane, previous=None, k=0):
    counts, sums = np.full(256, -1, np.int64), np.full(pictures.SUMS, -1, np.int64)
    pictures.tally(plane, np.zeros((0, 0), np.uint8) if previous is None else previous, k, counts, sums)
    return counts, sums


SIZES = [(1, 1), (2, 2), (1, 9), (9, 1), (3, 3), (2, 17), (8, 8), (16, 16), (17, 33), (31, 40), (16, 48)]


def plane_of(shape, seed, kind):
    rng = np.random.default_rng(seed)
    if kind == "constant":
        return np.full(shape, rng.integers(256), np.uint8)
    if kind == "extreme":
        return (rng.integers(0, 2, shape) * 255).astype(np.uint8)
    if kind == "smooth":
        return np.clip(rng.normal(rng.uniform(0, 255), 4, shape), 0, 255).astype(np.uint8)
    return rng.integers(0, 256, shape, dtype=np.uint8)


planes = st.builds(
    plane_of,
    st.sampled_from(SIZES) | st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["constant", "extreme", "smooth", "random"]),
)


@settings(max_examples=60, deadline=None)
@given(plane=planes, seed=st.integers(0, 2**32 - 1), k=st.integers(0, 255))
def test_tally_equals_the_naive_twins(plane, seed, k):
    previous = np.random.default_rng(seed).permutation(plane.ravel()).reshape(plane.shape)
    counts, sums = tally(plane, previous, k)
    border, inner = naive_steps(plane)
    laplacians = naive_laplacians(plane)
    assert counts.tolist() == naive_histogram(plane)
    assert sums.tolist() == [
        sum(border),
        len(border),
        sum(inner),
        len(inner),
        sum(laplacians),
        sum(value * value for value in laplacians),
        len(laplacians),
        naive_changed(plane, previous, k),
    ]


@settings(max_examples=60, deadline=None)
@given(plane=planes)
def test_figures_equal_their_textbook_forms(plane):
    counts, sums = tally(plane)
    values = [float(value) for row in plane.tolist() for value in row]
    mean, sd = pictures.mean_and_sd(counts)
    assert mean == pytest.approx(sum(values) / len(values), rel=1e-12)
    assert sd == pytest.approx(math.sqrt(naive_variance(values)), rel=1e-9, abs=1e-9)
    assert pictures.share_at_most(counts, 100) == sum(value <= 100 for value in values) / len(values)
    assert pictures.share_at_least(counts, 100) == sum(value >= 100 for value in values) / len(values)
    laplacians = naive_laplacians(plane)
    if laplacians:
        assert pictures.laplacian_variance(sums) == pytest.approx(naive_variance(laplacians), rel=1e-9, abs=1e-9)
    else:
        assert math.isnan(pictures.laplacian_variance(sums))
    border, inner = naive_steps(plane)
    if border and sum(inner):
        wanted = (sum(border) / len(border)) / (sum(inner) / len(inner))
        assert pictures.blockiness(sums) == pytest.approx(wanted, rel=1e-12)
    else:
        assert math.isnan(pictures.blockiness(sums))


@settings(max_examples=40, deadline=None)
@given(plane=planes, step=st.integers(1, 255))
def test_structured_blocks_equal_the_naive_twin(plane, step):
    sums = np.full((plane.shape[0] // 16, plane.shape[1] // 16), -1, np.int32)
    assert pictures.structured_blocks(plane, step, sums) == naive_structured(plane, step)
    for (y, x), total in np.ndenumerate(sums):
        assert total == plane[16 * y : 16 * y + 16, 16 * x : 16 * x + 16].sum()


@settings(max_examples=40, deadline=None)
@given(plane=planes.filter(lambda plane: min(plane.shape) > 2))
def test_smooth_equals_the_naive_twin_and_stays_between_the_extremes(plane):
    out = np.full((plane.shape[0] - 2, plane.shape[1] - 2), 7, np.uint8)
    pictures.smooth(plane, out)
    assert out.tolist() == naive_smooth(plane)
    assert plane.min() <= out.min() <= out.max() <= plane.max()


@settings(max_examples=40, deadline=None)
@given(plane=planes.filter(lambda plane: min(plane.shape) > 2), every=st.integers(1, 3))
def test_smoothing_and_measuring_at_once_equals_one_after_the_other(plane, every):
    smoothed = np.empty((plane.shape[0] - 2, plane.shape[1] - 2), np.uint8)
    pictures.smooth(plane, smoothed)
    apart, at_once = np.full((2, pictures.LAPLACIAN_SIZES), 7, np.int64)
    pictures.laplacian_sizes(smoothed, every, apart)
    assert pictures.smoothed_sizes(plane, every, at_once) == pictures.moments(smoothed)
    assert (at_once == apart).all()


@settings(max_examples=30, deadline=None)
@given(plane=planes, seed=st.integers(0, 2**32 - 1))
def test_decimation_and_moments_equal_numpy(plane, seed):
    rng = np.random.default_rng(seed)
    rows, columns = (np.sort(rng.integers(0, side, rng.integers(1, 9))) for side in plane.shape)
    out = np.full((rows.size, columns.size), 7, np.uint8)
    pictures.decimate(plane, rows, columns, out)
    assert out.tolist() == plane[rows][:, columns].tolist()
    assert pictures.moments(plane) == (int(plane.sum()), int((plane.astype(int) ** 2).sum()))
    assert pictures.sd_of(plane.size, *pictures.moments(plane)) == pytest.approx(plane.std(), abs=1e-6)
    assert math.isnan(pictures.sd_of(0, 0, 0))


@settings(max_examples=40, deadline=None)
@given(plane=planes, share=st.floats(0.0, 1.0), every=st.integers(1, 3))
def test_laplacian_sizes_equal_the_naive_twin(plane, share, every):
    counts = np.full(pictures.LAPLACIAN_SIZES, 7, np.int64)
    pictures.laplacian_sizes(plane, every, counts)
    wanted = sorted(abs(value) for value in naive_laplacians(plane, every))
    assert counts.tolist() == [wanted.count(size) for size in range(pictures.LAPLACIAN_SIZES)]
    if wanted:
        level = pictures.level_reached(counts, share)
        assert sum(value <= level for value in wanted) >= share * len(wanted)
        assert level == 0 or sum(value < level for value in wanted) < share * len(wanted)
    else:
        with pytest.raises(ValueError, match="no pixels"):
            pictures.level_reached(counts, share)


@settings(max_examples=30, deadline=None)
@given(plane=planes, seed=st.integers(0, 2**32 - 1), k=st.integers(0, 254))
def test_single_kernels_equal_the_fused_one_and_keep_their_laws(plane, seed, k):
    previous = np.random.default_rng(seed).integers(0, 256, plane.shape, dtype=np.uint8)
    counts, sums = tally(plane, previous, k)
    alone, steps = np.full(256, -1, np.int64), np.full(pictures.SUMS, -1, np.int64)
    pictures.histogram(plane, alone)
    pictures.grid_steps(plane, steps)
    pictures.laplacians(plane, 1, steps)
    assert (alone == counts).all()
    assert steps[pictures.LAPLACIAN : pictures.CHANGED].tolist() == sums[pictures.LAPLACIAN : pictures.CHANGED].tolist()
    pictures.laplacians(plane, 2, steps)
    half = naive_laplacians(plane, 2)
    assert steps[pictures.LAPLACIAN : pictures.CHANGED].tolist() == [sum(half), sum(v * v for v in half), len(half)]
    assert steps[:4].tolist() == sums[:4].tolist()
    changed = pictures.changed_pixels(plane, previous, k)
    assert changed == sums[pictures.CHANGED]
    assert pictures.changed_pixels(plane, plane, 0) == 0
    assert pictures.changed_pixels(previous, plane, k) == changed
    assert pictures.changed_pixels(plane, previous, k + 1) <= changed
    # an inverted picture has the same edges, a transposed one the same everything
    inverted, turned = tally(255 - plane)[1], tally(np.ascontiguousarray(plane.T))
    assert inverted[: pictures.LAPLACIAN].tolist() == sums[: pictures.LAPLACIAN].tolist()
    assert inverted[pictures.LAPLACIAN_SQUARED] == sums[pictures.LAPLACIAN_SQUARED]
    assert turned[1][:-1].tolist() == sums[:-1].tolist()
    assert (turned[0] == counts).all()


def test_a_constant_plane_has_no_spread_no_edges_and_no_structure():
    plane = np.full((48, 48), 77, np.uint8)
    counts, sums = tally(plane)
    assert pictures.mean_and_sd(counts) == (77.0, 0.0)
    assert pictures.laplacian_variance(sums) == 0.0
    assert math.isnan(pictures.blockiness(sums))
    assert pictures.structured_blocks(plane, 1, np.empty((3, 3), np.int32)) == 0


def test_wide_extreme_rows_do_not_run_over():
    """A chessboard of 0 and 255 gives the largest Laplacian everywhere; wider than one 32-bit sum would hold."""
    width = 4096 if hasattr(pictures.tally, "signatures") else 1200
    plane = (np.indices((4, width)).sum(axis=0) % 2 * 255).astype(np.uint8)
    _, sums = tally(plane, np.ascontiguousarray(plane[:, ::-1]), 254)
    inner = 2 * (width - 2)
    assert sums[pictures.LAPLACIAN_SQUARED] == inner * 1020**2
    assert sums[pictures.LAPLACIAN] == 0
    assert sums[pictures.CHANGED] == 4 * width
    assert sums[pictures.BORDER_STEPS] + sums[pictures.INNER_STEPS] == 255 * (4 * (width - 1) + 3 * width)


def test_read_only_planes_are_taken_and_another_shape_means_no_previous():
    plane = np.frombuffer(bytes(range(200)) * 2, np.uint8).reshape(20, 20)
    assert not plane.flags.writeable
    _, sums = tally(plane, np.zeros((20, 19), np.uint8), 3)
    assert sums[pictures.CHANGED] == 0
    assert tally(plane, plane, 0)[1][pictures.CHANGED] == 0


def test_no_pixels_give_no_figures():
    counts, sums = tally(np.zeros((0, 0), np.uint8))
    assert all(math.isnan(value) for value in pictures.mean_and_sd(counts))
    assert math.isnan(pictures.share_at_most(counts, 16))
    assert math.isnan(pictures.share_at_least(counts, 16))
    assert math.isnan(pictures.laplacian_variance(sums))


def test_structure_is_seen_through_noise_and_noise_is_not_structure():
    rng = np.random.default_rng(5)
    noise = rng.normal(120, 4.0, (160, 160))
    sums = np.empty((10, 10), np.int32)
    assert pictures.structured_blocks(np.clip(noise, 0, 255).astype(np.uint8), 8, sums) == 0
    noise[:, 78:] += 20  # an edge inside one column of blocks
    assert pictures.structured_blocks(np.clip(noise, 0, 255).astype(np.uint8), 8, sums) == 10
