"""Registration against its naive twin, and what it is for: displacements, light, traffic."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import registration as fast

SIZES = [(1, 1), (2, 3), (9, 8), (16, 21)]


def plane_of(seed, shape, top=256):
    return np.random.default_rng(seed).integers(0, top, shape).astype(np.uint8)


def naive_halve(plane):
    height, width = plane.shape
    out = np.zeros((height // 2, width // 2), np.uint8)
    for y in range(height // 2):
        for x in range(width // 2):
            out[y, x] = (int(plane[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].sum()) + 2) // 4
    return out


def naive_detail(plane, reach):
    out = np.zeros(plane.shape, np.uint8)
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            about = plane[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
            out[y, x] = min(max(128 + int(plane[y, x]) - int(about.sum()) // about.size, 0), 255)
    return out


def naive_directions(plane, least):
    height, width = plane.shape
    steps = {}
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            steps[y, x] = int(plane[y, x + 1]) - int(plane[y, x - 1]), int(plane[y + 1, x]) - int(plane[y - 1, x])
    floor = max(least, sum(abs(gx) + abs(gy) for gx, gy in steps.values()) // max((height - 2) * (width - 2), 1))
    across, down = np.zeros(plane.shape, np.int8), np.zeros(plane.shape, np.int8)
    for (y, x), (gx, gy) in steps.items():
        length = math.hypot(gx, gy)
        if length > 0 and gx * gx + gy * gy >= floor * floor:
            across[y, x] = math.floor(gx * fast.LENGTH / length + 0.5)
            down[y, x] = math.floor(gy * fast.LENGTH / length + 0.5)
    return across, down


def naive_score(a, b, dy, dx):
    height, width = a[0].shape
    total = energy_a = energy_b = 0
    for y in range(height):
        for x in range(width):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                one = [int(part[y, x]) for part in a]
                other = [int(part[y + dy, x + dx]) for part in b]
                total += one[0] * other[0] + one[1] * other[1]
                energy_a += one[0] ** 2 + one[1] ** 2
                energy_b += other[0] ** 2 + other[1] ** 2
    whole_a, whole_b = (sum(int((part.astype(int) ** 2).sum()) for part in pair) for pair in (a, b))
    if not energy_a or not energy_b or energy_a < whole_a * 0.25 or energy_b < whole_b * 0.25:
        return math.nan
    return total / math.sqrt(energy_a * energy_b)


def naive_codes(a, b, dy, dx, step, least, faint):
    height, width = a.shape
    side = fast.BLOCK
    rows, columns = (height - side) // fast.STRIDE + 1, (width - side) // fast.STRIDE + 1
    codes = np.zeros((rows, columns), np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * fast.STRIDE, column * fast.STRIDE
            block = a[top : top + side, left : left + side].astype(int)
            span = int(block.max() - block.min())
            if span < step:
                continue
            y, x = top + dy, left + dx
            if not (0 <= y <= height - side and 0 <= x <= width - side):
                codes[row, column] = fast.OUTSIDE
                continue
            here = b[y : y + side, x : x + side].astype(int)
            widest = int(here.max() - here.min())
            codes[row, column] = fast.LOST if 2 * widest < step or widest < faint * span else fast.OTHER
            for oy in (-1, 0, 1):
                for ox in (-1, 0, 1):
                    if 0 <= y + oy <= height - side and 0 <= x + ox <= width - side:
                        other = b[y + oy : y + oy + side, x + ox : x + ox + side].astype(int)
                        if other.std() > 0:
                            one = block - block.mean()
                            likeness = (one * (other - other.mean())).mean() / (block.std() * other.std())
                            if likeness > 0 and likeness >= least:
                                codes[row, column] = fast.FOUND
    return codes


def directions(plane, least=3):
    across, down = np.empty(plane.shape, np.int8), np.empty(plane.shape, np.int8)
    found = fast.directions(plane, least, across, down)
    assert found == int(((across != 0) | (down != 0)).sum())
    return across, down


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_planes_equal_their_naive_twins(shape, seed):
    plane = plane_of(seed, shape)
    plane.flags.writeable = False
    out = np.empty((shape[0] // 2, shape[1] // 2), np.uint8)
    fast.halve(plane, out)
    assert np.array_equal(out, naive_halve(plane))
    for reach in (0, 1, 4):
        detail = np.empty(shape, np.uint8)
        fast.detail(plane, reach, detail)
        assert np.array_equal(detail, naive_detail(plane, reach))
    for least in (0, 3, 400):
        found, wanted = directions(plane, least), naive_directions(plane, least)
        assert np.array_equal(found[0], wanted[0])
        assert np.array_equal(found[1], wanted[1])


@settings(max_examples=20)
@given(st.integers(0, 2**16), st.integers(-5, 3), st.integers(-5, 3), st.sampled_from([2, 60, 256]))
def test_scores_equal_their_naive_twin(seed, from_dy, from_dx, top):
    a, b = (directions(plane_of(seed + n, (11, 14), top)) for n in range(2))
    scores = np.empty((3, 4))
    for stride in (1, 2):
        fast.correlate(*a, *b, from_dy, from_dx, stride, scores)
        wanted = [[naive_score(a, b, from_dy + stride * i, from_dx + stride * j) for j in range(4)] for i in range(3)]
        assert np.allclose(scores, wanted, rtol=0, atol=1e-12, equal_nan=True)


@settings(max_examples=20)
@given(
    st.integers(0, 2**16), st.integers(-6, 6), st.integers(-6, 6), st.sampled_from([5, 40, 256]), st.floats(0.1, 0.9)
)
def test_blocks_equal_their_naive_twin(seed, dy, dx, top, mixed):
    a = plane_of(seed, (20, 25), top)
    b = np.roll(a, (dy, dx), (0, 1))
    b = np.clip(b * mixed + plane_of(seed + 1, a.shape, top) * (1 - mixed), 0, 255).astype(np.uint8)
    codes = np.empty((4, 5), np.uint8)
    fast.match_blocks(a, b, dy, dx, 10, 0.6, 0.3, codes)
    assert np.array_equal(codes, naive_codes(a, b, dy, dx, 10, 0.6, 0.3))


def test_a_flat_plane_has_no_direction_and_no_score():
    flat = np.full((12, 12), 90, np.uint8)
    scores = np.empty((3, 3))
    fast.correlate(*directions(flat), *directions(flat), -1, -1, 1, scores)
    assert np.isnan(scores).all()


def test_slopes_count_found_blocks_with_a_steep_edge_and_see_them_flattened():
    sharp = np.full((64, 64), 40, np.uint8)
    sharp[:, 24:] = 200
    soft = np.repeat(np.interp(np.arange(64), [16, 32], [40, 200])[None, :], 64, axis=0).astype(np.uint8)
    codes = np.full((7, 7), fast.FOUND, np.uint8)
    codes[:, 6] = fast.OTHER
    sums = np.empty(5, np.int64)
    fast.slopes(sharp, soft, 0, 0, 24, codes, sums)
    blocks, slope, span, slope_now, span_now = sums.tolist()
    # four rows of blocks; in each the second block (columns 16 to 31) holds the edge
    assert (blocks, slope, span) == (4, 4 * 160, 4 * 160)
    assert slope_now / span_now < 0.2
