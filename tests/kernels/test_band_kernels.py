"""Bands and what two of them share against their naive twins, and what they are for: a blur is told through noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import bands as fast
from citywatch.kernels import registration

SIZES = [(2, 2), (2, 5), (7, 4), (12, 19)]


def plane_of(seed, shape):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def band_of(plane):
    coarse = np.empty((plane.shape[0] // 2, plane.shape[1] // 2), np.uint8)
    registration.halve(plane, coarse)
    out = np.empty((2 * coarse.shape[0], 2 * coarse.shape[1]), np.int16)
    fast.band(plane, coarse, out)
    return out


def naive_band(plane, coarse):
    height, width = coarse.shape
    out = np.zeros((2 * height, 2 * width), np.int16)
    for y in range(2 * height):
        for x in range(2 * width):
            # The pixel lies a quarter of a coarse one off the middle of its own, towards the next.
            total = 0
            for there_y, part_y in ((y // 2, 3), (y // 2 + (1 if y % 2 else -1), 1)):
                for there_x, part_x in ((x // 2, 3), (x // 2 + (1 if x % 2 else -1), 1)):
                    there = coarse[min(max(there_y, 0), height - 1), min(max(there_x, 0), width - 1)]
                    total += part_y * part_x * int(there)
            out[y, x] = 16 * int(plane[y, x]) - total
    return out


def naive_share(a, b, dy, dx):
    sums = [0, 0, 0]
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            if 0 <= y + dy < a.shape[0] and 0 <= x + dx < a.shape[1]:
                one, other = int(a[y, x]), int(b[y + dy, x + dx])
                sums = [sums[0] + one * other, sums[1] + one * one, sums[2] + other * other]
    return sums


@pytest.mark.parametrize("shape", SIZES)
def test_band_as_its_twin(shape):
    plane = plane_of(1, shape)
    coarse = np.empty((shape[0] // 2, shape[1] // 2), np.uint8)
    registration.halve(plane, coarse)
    assert np.array_equal(band_of(plane), naive_band(plane, coarse))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(SIZES), st.integers(-20, 20), st.integers(-20, 20), st.integers(0, 999))
def test_share_as_its_twin(shape, dy, dx, seed):
    dice = np.random.default_rng(seed)
    a, b = dice.integers(-4080, 4081, (2, *shape)).astype(np.int16)
    sums = np.empty(3, np.int64)
    fast.share(a, b, dy, dx, sums)
    assert sums.tolist() == naive_share(a, b, dy, dx)


def test_extremes_of_a_plane_fit_into_a_band():
    plane = np.zeros((8, 8), np.uint8)
    plane[2:6, 2:6] = np.array([[255, 0], [0, 255]], np.uint8).repeat(2, 0).repeat(2, 1)
    coarse = np.full((4, 4), 255, np.uint8)
    out = np.empty((8, 8), np.int16)
    fast.band(np.zeros((8, 8), np.uint8), coarse, out)
    assert out.min() == out.max() == -4080
    fast.band(np.full((8, 8), 255, np.uint8), np.zeros((4, 4), np.uint8), out)
    assert out.min() == out.max() == 4080


def test_a_flat_picture_has_no_band():
    assert not band_of(np.full((16, 16), 77, np.uint8)).any()


@pytest.mark.parametrize("gain", [0.1, 0.5, 1.0])
def test_what_is_left_is_told_through_noise(gain):
    dice = np.random.default_rng(5)
    scene = dice.standard_normal((96, 160)) * 20.0
    sight = 128.0 + gain * scene + dice.standard_normal(scene.shape) * 12.0
    sums = np.empty(3, np.int64)
    before, now = (np.clip(np.rint(view), 0, 255).astype(np.uint8) for view in (128.0 + scene, sight))
    fast.share(band_of(before), band_of(now), 0, 0, sums)
    assert sums[0] / sums[1] == pytest.approx(gain, abs=0.03)
