"""Kernels of noise, stripes, torn blocks, colour and block means against their naive twins, and their laws."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_picture_kernels import plane_of

from citywatch.kernels import blocks, chroma, grain, mosaic, stripes

SIZES = [(3, 3), (16, 16), (17, 33), (18, 18), (31, 40), (34, 50), (36, 20)]
KINDS = ["constant", "extreme", "smooth", "random"]
planes = st.builds(plane_of, st.sampled_from(SIZES), st.integers(0, 2**32 - 1), st.sampled_from(KINDS))


# ---- means of blocks


def naive_block_sums(plane, side=16):
    p = plane.tolist()
    return [
        [
            sum(p[y][x] for y in range(top, top + side) for x in range(left, left + side))
            for left in range(0, len(p[0]) - side + 1, side)
        ]
        for top in range(0, len(p) - side + 1, side)
    ]


@settings(max_examples=30, deadline=None)
@given(plane=planes, seed=st.integers(0, 2**32 - 1), k=st.integers(0, 255), share=st.floats(0, 1))
def test_blocks_and_change_equal_the_naive_twins(plane, seed, k, share):
    sums = np.full((plane.shape[0] // 16, plane.shape[1] // 16), -1, np.int32)
    blocks.block_sums(plane, sums)
    assert sums.tolist() == naive_block_sums(plane)
    if sums.size:
        at = blocks.ranked(sums, share)
        assert (sums <= at).sum() >= share * sums.size
        assert at == sums.min() or (sums < at).sum() < share * sums.size
    else:
        with pytest.raises(ValueError, match="no blocks"):
            blocks.ranked(sums, share)
    previous = np.random.default_rng(seed).permutation(plane.ravel()).reshape(plane.shape)
    top, bottom = plane.shape[0] // 6, plane.shape[0] - plane.shape[0] // 6
    inside, outside = blocks.changed_apart(plane, previous, k, top, bottom)
    changed = [
        (y, abs(int(plane[y, x]) - int(previous[y, x])) > k)
        for y in range(plane.shape[0])
        for x in range(plane.shape[1])
    ]
    assert inside == sum(differs for y, differs in changed if top <= y < bottom)
    assert outside == sum(differs for y, differs in changed if not top <= y < bottom)


# ---- noise and speckle


def naive_responses(plane):
    p = plane.astype(int)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    return [
        [abs(int((mask * p[y - 1 : y + 2, x - 1 : x + 2]).sum())) for x in range(1, p.shape[1] - 1)]
        for y in range(1, p.shape[0] - 1)
    ]


def naive_speckles(plane, limit):
    p, found = plane.tolist(), 0
    for y in range(1, len(p) - 1, 2):
        for x in range(1, len(p[0]) - 1):
            around = [p[y + dy][x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
            found += p[y][x] - max(around) > limit or min(around) - p[y][x] > limit
    return found


@settings(max_examples=30, deadline=None)
@given(plane=planes, limit=st.integers(0, 255))
def test_noise_and_speckles_equal_the_naive_twins(plane, limit):
    sums = np.full(((plane.shape[0] - 2) // 16, (plane.shape[1] - 2) // 16), -1, np.int32)
    grain.responses(plane, sums)
    wanted = np.array(naive_responses(plane))
    wanted[1::2] = 0
    assert sums.tolist() == naive_block_sums(wanted)
    assert grain.speckles(plane, limit) == naive_speckles(plane, limit)


@pytest.mark.parametrize("sd", [2.0, 6.0, 15.0])
def test_noise_is_told_in_grey_levels(sd):
    ramp = np.linspace(60, 180, 98)[:, None] + np.linspace(0, 20, 98)[None, :]
    plane = np.clip(ramp + np.random.default_rng(1).normal(0, sd, (98, 98)), 0, 255).astype(np.uint8)
    sums = np.empty((6, 6), np.int32)
    grain.responses(plane, sums)
    assert grain.noise_from(int(np.median(sums))) == pytest.approx(sd, rel=0.08)


# ---- stripes


def naive_strength(sums, pixels):
    rows = [[int(value) for value in row] for row in sums]
    best, height = 0.0, 1
    while len(rows) >= 8:
        shared_steps, spread = [], 0
        for above, below in itertools.pairwise(rows):
            steps = [b - a for a, b in zip(above, below, strict=True)]
            spread += sum(abs(stripes.SEGMENTS * step - sum(steps)) // stripes.SEGMENTS for step in steps)
            up, down = sorted(steps, reverse=True)[11], sorted(steps)[11]
            shared_steps.append(up if up > 0 else min(down, 0))
        runs, last = {1: [0], -1: [0]}, 0
        for step in shared_steps:
            sign = (step > 0) - (step < 0)
            if sign and sign != last:
                runs[sign].append(0)
            if sign:
                runs[sign][-1] += abs(step)
            last = sign
        coherent = 2 * min(sum(runs[sign]) - max(runs[sign]) for sign in (1, -1))
        best = max(best, coherent / (spread / 16 + height * pixels * len(shared_steps)))
        rows = [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(rows[::2], rows[1::2], strict=False)]
        height *= 2
    return best


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), shared=st.booleans())
def test_stripe_strength_equals_the_naive_twin(seed, count, shared):
    rng = np.random.default_rng(seed)
    sums = rng.integers(0, 2000, (count, stripes.SEGMENTS))
    if shared:
        sums //= 4
        sums += rng.integers(0, 2000, (count, 1))
    sums = sums.astype(np.int32)
    assert stripes.strength(sums, 10) == pytest.approx(naive_strength(sums, 10), rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(plane=planes.filter(lambda plane: min(plane.shape) >= 16))
def test_segment_sums_equal_the_naive_twin_and_turn_with_the_picture(plane):
    height, width = plane.shape
    rows, columns = np.full((height, 16), -1, np.int32), np.full((width, 16), -1, np.int32)
    stripes.segment_sums(plane, rows, columns)
    rows_alone = np.empty_like(rows)
    stripes.row_sums(plane, rows_alone)
    assert np.array_equal(rows_alone, rows)
    wide, high = width // 16, height // 16
    for s in range(16):
        assert rows[:, s].tolist() == plane[:, s * wide : (s + 1) * wide].sum(axis=1).tolist()
        assert columns[:, s].tolist() == plane[s * high : (s + 1) * high].sum(axis=0).tolist()
    turned_rows, turned_columns = np.empty((width, 16), np.int32), np.empty((height, 16), np.int32)
    stripes.segment_sums(np.ascontiguousarray(plane.T), turned_rows, turned_columns)
    assert (turned_rows == columns).all()
    assert (turned_columns == rows).all()


def test_a_stripe_is_strong_and_one_edge_is_none():
    flat = np.full((96, 16), 4000, np.int32)
    edge, belt, lines = flat.copy(), flat.copy(), flat.copy()
    edge[48:] += 2000
    belt[40:56] += 2000
    lines[::8] += 400
    assert stripes.strength(flat, 40) == 0.0
    assert stripes.strength(edge, 40) == 0.0
    assert stripes.strength(belt, 40) == 0.0
    assert stripes.strength(lines, 40) > 1.0


def test_bands_that_roll_show_in_the_change_and_a_shadow_does_not():
    rng = np.random.default_rng(4)
    street = rng.integers(60, 180, (96, 160))
    bands = street + (40 * np.sin(np.arange(96) / 5.0))[:, None]
    shadow = street - 40 * (np.arange(96) > 48)[:, None]
    street, bands, shadow = (np.clip(plane, 0, 255).astype(np.uint8) for plane in (street, bands, shadow))
    assert stripes.rolled(street, street) == 0.0
    assert stripes.rolled(bands, street) == stripes.rolled(street, bands) > 1.0
    assert stripes.rolled(shadow, street) < 0.1


# ---- torn blocks and steps


def naive_strips(plane, every):
    p = plane.tolist()
    height, width = len(p), len(p[0])
    border, inner, torn, seen, clear = [], [], 0, 0, 0

    def mean_step(places):
        return sum(abs(p[y][x] - p[b][a]) for y, x, b, a in places)

    for top in range(0, height, 16 * every):
        bottom = min(top + 16, height)
        for y in range(top, bottom):
            for x in range(1, width):
                (inner if x % 8 else border).append(abs(p[y][x] - p[y][x - 1]))
        for y in range(max(top, 1), min(bottom + 1, height)):
            for x in range(width):
                (inner if y % 8 else border).append(abs(p[y][x] - p[y - 1][x]))
        if top < 2 or top + 17 >= height:
            continue
        for left in range(16, width - 17, 16):
            seen += 1
            edges = 0
            for side, ahead in (("y", 1), ("y", -1), ("x", 1), ("x", -1)):
                at = (top if side == "y" else left) + (0 if ahead == 1 else 16)

                def step(to, side=side, left=left, top=top):
                    if side == "y":
                        return mean_step((to, x, to - 1, x) for x in range(left, left + 16))
                    return mean_step((y, to, y, to - 1) for y in range(top, top + 16))

                across, inside, outside = step(at), step(at + ahead), step(at - ahead)
                edges += across >= 16 * mosaic.EDGE and across >= mosaic.CLEAR * max(inside, outside)
                clear += (side, ahead) == ("x", 1) and is_clear(across, inside, outside)
            torn += edges >= 3
    return [sum(border), len(border), sum(inner), len(inner), torn, seen, clear]


def torn_plane(shape, seed):
    """A smooth plane with some blocks torn out, so that the decision is asked on both sides."""
    rng = np.random.default_rng(seed)
    plane = np.clip(np.linspace(60, 160, shape[1])[None, :] + rng.normal(0, 2, shape), 0, 255)
    for _ in range(3):
        y, x = 16 * rng.integers(0, shape[0] // 16), 16 * rng.integers(0, shape[1] // 16)
        plane[y : y + 16, x : x + 16] = rng.integers(0, 256)
    return plane.astype(np.uint8)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from([*KINDS, "torn"]), every=st.integers(1, 3),
       shape=st.sampled_from([(1, 1), (5, 40), (40, 5), (52, 67), (64, 64)]))  # fmt: skip
def test_strips_equal_the_naive_twin(seed, kind, every, shape):
    plane = torn_plane((52, 67), seed) if kind == "torn" else plane_of(shape, seed, kind)
    sums = np.full(mosaic.SUMS, -1, np.int64)
    mosaic.strips(plane, every, sums)
    assert sums.tolist() == naive_strips(plane, every)


@settings(max_examples=20, deadline=None)
@given(plane=planes, first=st.integers(2, 16), every=st.integers(1, 16), count=st.integers(1, 80))
def test_tears_equal_the_naive_twin(plane, first, every, count):
    wanted = range(first, plane.shape[0] - 1, every)
    clear = np.full(len(wanted), -1, np.int64)
    mosaic.tears(plane, first, every, clear)
    p = plane.tolist()

    def across(y, left):
        return sum(abs(p[y][x] - p[y - 1][x]) for x in range(left, left + 16))

    assert clear.tolist() == [
        sum(is_clear(across(y, x), across(y - 1, x), across(y + 1, x)) for x in range(0, len(p[0]) - 15, 16))
        for y in wanted
    ]
    borders, between, sides = np.random.default_rng(count).integers(0, 5, (3, count))
    sums = np.array([0, 0, 0, 0, 0, 4 * count, sides.sum()])
    if count < 6:
        assert math.isnan(mosaic.tear(borders, between, sums, 64))
    else:
        expected = (borders.sum() - max(between.sum(), sides.sum())) / (4 * count)
        assert mosaic.tear(borders, between, sums, 70) == pytest.approx(expected, abs=1e-12)


def is_clear(across, inside, outside):
    beside = max(inside, outside)
    return across >= mosaic.TWICE * beside and across >= beside + 16 * mosaic.CLEAR_BY


def tear_of(plane):
    height, width = plane.shape
    borders, between = np.empty((height - 2) // 16, np.int64), np.empty((height - 10) // 16 + 1, np.int64)
    mosaic.tears(plane, 16, 16, borders)
    mosaic.tears(plane, 8, 16, between)
    sums = np.empty(mosaic.SUMS, np.int64)
    mosaic.strips(plane, 1, sums)
    return mosaic.tear(borders, between, sums, width)


def test_rows_of_blocks_that_were_shifted_are_a_tear():
    street = np.clip(np.linspace(40, 200, 160)[None, :] + np.zeros((160, 1)), 0, 255).astype(np.uint8)
    assert tear_of(street) == 0.0
    for tops in ((32,), (32, 80), (16, 32, 64, 80, 112)):
        torn = street.copy()
        for top in tops:
            torn[top : top + 16] = np.roll(torn[top : top + 16], 40 + top // 2, axis=1)
        assert tear_of(torn) > 0.15 * len(tops)
    squares = np.kron(np.random.default_rng(3).integers(40, 200, (10, 10)), np.ones((16, 16))).astype(np.uint8)
    assert tear_of(squares) < 0.01  # as clear between columns of blocks


@settings(max_examples=20, deadline=None)
@given(plane=planes)
def test_step_profiles_equal_numpy(plane):
    columns, rows = np.full(plane.shape[1], 7, np.int32), np.full(plane.shape[0], 7, np.int32)
    mosaic.step_profiles(plane, columns, rows)
    wanted = (
        np.abs(np.diff(plane[::2].astype(int), axis=1)).sum(axis=0),
        np.abs(np.diff(plane.astype(int), axis=0)).sum(1),
    )
    assert columns.tolist() == [0, *wanted[0].tolist()]
    assert rows.tolist() == [0, *wanted[1].tolist()]
    for profile in (columns, rows):
        if profile.sum():
            assert 0.25 - 1 / profile.size <= mosaic.fullest_quarter(profile) <= 1.0
        else:
            assert math.isnan(mosaic.fullest_quarter(profile))


def test_torn_blocks_are_found_and_a_plain_picture_has_none():
    whole = np.clip(np.linspace(60, 160, 160)[None, :] + np.zeros((160, 1)), 0, 255).astype(np.uint8)
    sums = np.empty(mosaic.SUMS, np.int64)
    mosaic.strips(whole, 1, sums)
    assert mosaic.torn_share(sums) == 0.0
    torn = whole.copy()
    torn[48:64, 48:64] = 240
    mosaic.strips(torn, 1, sums)
    assert sums[mosaic.TORN] == 1
    squares = np.kron(np.random.default_rng(3).integers(0, 256, (8, 8)), np.ones((20, 20))).astype(np.uint8)
    columns, rows = np.empty(160, np.int32), np.empty(160, np.int32)
    mosaic.step_profiles(squares, columns, rows)
    assert mosaic.fullest_quarter(columns) == mosaic.fullest_quarter(rows) == 1.0


# ---- colour


@settings(max_examples=30, deadline=None)
@given(u=planes, seed=st.integers(0, 2**32 - 1), share=st.floats(0.001, 1))
def test_colour_equals_numpy(u, seed, share):
    v = np.random.default_rng(seed).integers(0, 256, u.shape, dtype=np.uint8)
    sums = np.full(chroma.SUMS, -1, np.int64)
    chroma.total(u, v, sums)
    du, dv = u.astype(float) - 128, v.astype(float) - 128
    u_mean, v_mean, sd = chroma.means_and_spread(sums)
    assert u_mean == pytest.approx(du.mean(), abs=1e-9)
    assert v_mean == pytest.approx(dv.mean(), abs=1e-9)
    assert sd == pytest.approx(math.sqrt(du.var() + dv.var()), abs=1e-6)
    counts = np.full(chroma.PROJECTIONS, -1, np.int64)
    along = chroma.direction(sums)
    chroma.project(u, v, *along, counts)
    far = [
        (int(a) * along[0] + int(b) * along[1]) * chroma.STEPS // 1024
        for a, b in zip(u.ravel().astype(int) - 128, v.ravel().astype(int) - 128, strict=True)
    ]
    assert counts.sum() == u.size
    assert counts.tolist() == np.bincount(np.array(far) + 182 * chroma.STEPS, minlength=chroma.PROJECTIONS).tolist()
    assert chroma.reached(counts, share) == sorted(far)[max(math.ceil(share * len(far)), 1) - 1] / chroma.STEPS


def test_grey_has_no_direction_and_no_pixels_have_no_colour():
    sums, counts = np.empty(chroma.SUMS, np.int64), np.empty(chroma.PROJECTIONS, np.int64)
    grey = np.full((4, 6), 128, np.uint8)
    chroma.total(grey, grey, sums)
    assert chroma.direction(sums) == (0, 0)
    assert chroma.means_and_spread(sums) == (0.0, 0.0, 0.0)
    chroma.project(grey, grey, 0, 0, counts)
    assert chroma.reached(counts, 0.1) == 0.0
    chroma.total(grey[:0], grey[:0], sums)
    assert all(math.isnan(value) for value in chroma.means_and_spread(sums))


def test_a_cast_is_what_nine_tenths_share():
    u, v = np.full((10, 10), 148, np.uint8), np.full((10, 10), 128, np.uint8)
    u[0, :9] = 128  # a tenth of the picture may be of any colour
    sums, counts = np.empty(chroma.SUMS, np.int64), np.empty(chroma.PROJECTIONS, np.int64)
    chroma.total(u, v, sums)
    chroma.project(u, v, *chroma.direction(sums), counts)
    assert chroma.reached(counts, 0.1) == 20.0
    u[:2] = 128
    chroma.total(u, v, sums)
    chroma.project(u, v, *chroma.direction(sums), counts)
    assert chroma.reached(counts, 0.1) == 0.0


@settings(max_examples=20, deadline=None)
@given(u=planes, seed=st.integers(0, 2**32 - 1))
def test_impossible_colours_equal_the_naive_twin(u, seed):
    v = np.random.default_rng(seed).integers(0, 256, u.shape, dtype=np.uint8)
    wanted = 0
    for a, b in zip(u.ravel().tolist(), v.ravel().tolist(), strict=True):
        offsets = [1.402 * (b - 128), -0.344 * (a - 128) - 0.714 * (b - 128), 1.772 * (a - 128)]
        wanted += max(offsets) - min(offsets) > chroma.MOST_APART
    assert chroma.impossible(u, v) == wanted


def test_no_colour_of_a_picture_is_impossible_and_what_was_never_decoded_is():
    rgb = np.array([[[r, g, b] for g in (0, 128, 255) for b in (0, 128, 255)] for r in (0, 128, 255)], float)
    u = 128 - 0.168736 * rgb[..., 0] - 0.331264 * rgb[..., 1] + 0.5 * rgb[..., 2]
    v = 128 + 0.5 * rgb[..., 0] - 0.418688 * rgb[..., 1] - 0.081312 * rgb[..., 2]
    u, v = (np.clip(plane, 0, 255).round().astype(np.uint8) for plane in (u, v))
    assert chroma.impossible(u, v) == 0
    nothing = np.zeros((4, 5), np.uint8)
    assert chroma.impossible(nothing, nothing) == 20
