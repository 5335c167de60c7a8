"""From a luma plane to measurements: the grid, every figure against OpenCV or numpy, and what must not matter."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.adapters.cameras.measure import (
    BRIGHT_LEVEL,
    CAPTION_PART,
    DARK_LEVEL,
    GRID_HEIGHT,
    GRID_WIDTH,
    LumaOnly,
    grid_size,
    make_grid,
    strip_every,
)
from citywatch.adapters.cameras.measure import (
    measure as measure_planes,
)
from citywatch.testing.scenes import Street


def measure(luma, grid, previous):
    return measure_planes(LumaOnly(luma), grid, previous)


def random_plane(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def street_luma(width=640, height=360, **options):
    return np.ascontiguousarray(Street(4, width, height, **options).yuv420(3.0)[:height])


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1920, 1080), (640, 360)),
        ((1280, 720), (640, 360)),
        ((2560, 1440), (640, 360)),
        ((640, 360), (640, 360)),
        ((320, 240), (320, 240)),
        ((704, 576), (440, 360)),
        ((768, 432), (640, 360)),
        ((1280, 960), (480, 360)),
        ((1080, 1920), (202, 360)),
        ((4000, 2), (640, 1)),
        ((1, 1), (1, 1)),
        ((1, 5000), (1, 360)),
    ],
)
def test_the_grid_fits_keeps_the_shape_and_is_never_larger(size, wanted):
    assert grid_size(*size) == wanted


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 900), width=st.integers(1, 1400), seed=st.integers(0, 99))
def test_a_grid_pixel_is_a_pixel_of_the_camera(height, width, seed):
    plane = random_plane(height, width, seed)
    grid = make_grid(plane)
    assert grid.flags.c_contiguous
    assert grid.shape[1] <= min(GRID_WIDTH, width)
    assert grid.shape[0] <= min(GRID_HEIGHT, height)
    if grid.shape == plane.shape:
        assert (grid == plane).all()
        return
    for y in {0, grid.shape[0] // 2, grid.shape[0] - 1}:
        for x in {0, grid.shape[1] // 2, grid.shape[1] - 1}:
            at_y = (y * height + height // 2) // grid.shape[0]
            at_x = (x * width + width // 2) // grid.shape[1]
            assert y * height // grid.shape[0] <= at_y < (y + 1) * height / grid.shape[0] + 1
            assert grid[y, x] == plane[at_y, at_x]


def test_a_decoders_padded_rows_give_the_same_as_a_copy():
    padded = random_plane(200, 352)
    view = padded[:, :320]
    copy = view.copy()
    assert (make_grid(view) == make_grid(copy)).all()
    assert measure(view, make_grid(view), make_grid(view)) == measure(copy, make_grid(copy), make_grid(copy))


def test_every_figure_equals_its_textbook_form():
    luma = street_luma(1280, 720)
    grid = make_grid(luma)
    previous = make_grid(np.roll(luma, 1, axis=1))
    found = measure(luma, grid, previous)
    assert (found.width, found.height) == (1280, 720)
    assert found.mean == pytest.approx(grid.mean())
    assert found.sd == pytest.approx(grid.std())
    assert found.dark_share == (grid <= DARK_LEVEL).mean()
    assert found.bright_share == (grid >= BRIGHT_LEVEL).mean()
    assert found.laplacian_var == pytest.approx(cv2.Laplacian(grid, cv2.CV_64F)[1:-1:2, 1:-1].var())
    assert found.changed_share == (cv2.absdiff(grid, previous) > 1).mean()
    band = grid.shape[0] // CAPTION_PART
    scene = grid[band:-band]
    smooth = cv2.sepFilter2D(scene.astype(np.float64), -1, np.array([1, 2, 1]) / 4, np.array([1, 2, 1]) / 4)
    smooth = np.floor(smooth[1:-1, 1:-1] + 0.5)
    sizes = np.sort(np.abs(cv2.Laplacian(smooth, cv2.CV_64F)[1:-1:2, 1:-1]), axis=None)
    assert found.sharpness == pytest.approx(sizes[math.ceil(0.999 * sizes.size) - 1] / smooth.std())
    looked_at = np.arange(720) // 16 % (strip_every(720)) == 0
    below = looked_at[1:] | (looked_at[:-1] & (np.arange(1, 720) % 16 == 0))
    across = np.abs(np.diff(luma.astype(int), axis=1))[looked_at]
    down = np.abs(np.diff(luma.astype(int), axis=0))
    at_border = np.concatenate([across[:, 7::8].ravel(), down[7::8][below[7::8]].ravel()])
    everywhere = np.concatenate([across.ravel(), down[below].ravel()])
    inside = (everywhere.sum() - at_border.sum()) / (everywhere.size - at_border.size)
    assert found.blockiness == pytest.approx(at_border.mean() / inside)
    assert 0.3 < found.texture_share < 1.0


def test_nothing_to_compare_with_is_not_a_number():
    luma = random_plane(90, 160)
    grid = make_grid(luma)
    assert math.isnan(measure(luma, grid, None).changed_share)
    assert math.isnan(measure(luma, grid, random_plane(90, 120)).changed_share)
    assert measure(luma, grid, grid).changed_share == 0.0


def test_a_stored_grid_is_read_only_and_may_be_compared():
    luma = random_plane(90, 160)
    stored = np.frombuffer(make_grid(luma).tobytes(), np.uint8).reshape(90, 160)
    assert measure(luma, make_grid(luma), stored).changed_share == 0.0


def test_burnt_in_text_does_not_make_a_blurred_or_covered_picture_sharp():
    plain = street_luma(clock=False)
    soft = cv2.GaussianBlur(plain, (0, 0), 6)
    written = soft.copy()
    cv2.putText(written, "2026-05-04 12:04:25", (16, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 235, 2)
    cv2.putText(written, "G207 Xinhua Rd", (400, 345), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 235, 2)
    without, with_text = (measure(plane, make_grid(plane), None) for plane in (soft, written))
    assert with_text.sharpness == without.sharpness
    assert with_text.texture_share == without.texture_share
    assert with_text.laplacian_var > 2 * without.laplacian_var


def test_one_pixel_and_a_constant_picture_have_no_figures_where_there_are_none():
    tiny = measure(np.array([[7]], np.uint8), np.array([[7]], np.uint8), None)
    assert (tiny.mean, tiny.sd, tiny.dark_share) == (7.0, 0.0, 1.0)
    assert all(math.isnan(value) for value in (tiny.laplacian_var, tiny.sharpness, tiny.texture_share, tiny.blockiness))
    flat = np.full((360, 640), 90, np.uint8)
    found = measure(flat, flat, flat)
    assert math.isnan(found.sharpness)
    assert (found.texture_share, found.laplacian_var, found.changed_share) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "plane", [np.zeros((4, 4), np.uint16), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_anything_but_a_luma_plane_is_refused(plane):
    with pytest.raises(ValueError, match="luma plane"):
        make_grid(plane)


def test_an_endless_plane_is_refused():
    with pytest.raises(ValueError, match="limit is 16384"):
        make_grid(np.zeros((1, 20_000), np.uint8))


def test_the_range_of_the_video_does_not_decide_black_and_white():
    for black, white in ((0, 255), (16, 235)):
        assert measure(*(np.full((90, 160), black, np.uint8),) * 2, None).dark_share == 1.0
        assert measure(*(np.full((90, 160), white, np.uint8),) * 2, None).bright_share == 1.0
