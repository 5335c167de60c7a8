"""A picture against the camera's reference: generated streets of the tuning seeds, and the worker's part in it."""

import math

import cv2
import numba
import numpy as np
import pytest

from citywatch.adapters.cameras import sketches
from citywatch.adapters.cameras.compare import CELL_COLUMNS, Comparison, compare, make_sketch
from citywatch.adapters.cameras.examiner import Examiner
from citywatch.adapters.cameras.pipe import Settings, Task
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.domain.pictures import Light
from citywatch.kernels import _jit
from citywatch.testing.scenes import Street

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="needs compiled kernels to end today")


class _Nobody:
    def count(self, name, amount=1, **labels):
        raise AssertionError(name)


def grid_of(picture):
    return np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def displaced(picture, x, y):
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    return cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def kept(grid):
    """The reference as a worker loads it: through its JPEG."""
    return cv2.imdecode(np.frombuffer(sketches.coded(make_sketch(grid)), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture(scope="module", params=[11.0, 22.0], ids=["day", "night"])
def street(request):
    return Street(1, 640, 360, start_hour=request.param, caption="G207 Xinhua Rd")


@pytest.fixture(scope="module")
def reference(street):
    return kept(grid_of(street.picture(0)))


def test_the_same_view_is_found_again_whatever_drives_through_it(street, reference):
    found = compare(grid_of(street.picture(300)), reference, "r")
    assert found.reference == "r"
    assert found.match_share > 0.7
    assert found.lost_share < 0.1
    assert abs(found.shift_x) < 0.5
    assert abs(found.shift_y) < 0.5
    assert 0.9 < found.sharpness_ratio < 1.1
    assert 0.9 < found.contrast_ratio < 1.1
    assert math.isnan(found.steady_share)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (6, -4), (15, 6), (40, -20), (-70, 30)])
def test_a_displacement_is_told_to_the_pixel_or_two(street, reference, x, y):
    found = compare(grid_of(displaced(street.picture(300), x, y)), reference)
    assert found.shift_x == pytest.approx(x, abs=2.0)
    assert found.shift_y == pytest.approx(y, abs=2.0)
    assert found.match_share > 0.6
    assert found.shift_certainty > 0.1


def shaded(grid, x, y):
    """With the shadows of leaves on the street, most of them displaced by (x, y): they have the most edges of all."""
    leaves, others = (np.random.default_rng(seed).standard_normal(grid.shape).astype(np.float32) for seed in (3, 4))
    leaves, others = (cv2.GaussianBlur(noise, (0, 0), 7) for noise in (leaves, others))
    dark = displaced(leaves, x, y) + (0.4 * others if x or y else 0.0) > 0.0
    return np.where(dark & (np.arange(len(grid))[:, None] > 150), grid * 0.4, grid).astype(np.uint8)


def test_shadows_of_leaves_outvote_edges_but_not_what_stands_still():
    street = Street(1, 640, 360, start_hour=11.0)
    grid = grid_of(street.picture(0))
    found = compare(shaded(grid, -8, -14), kept(shaded(grid, 0, 0)))
    assert math.hypot(found.shift_x, found.shift_y) < 1.0
    moved = compare(shaded(grid_of(displaced(street.picture(0), 16, 12)), 16, 12), kept(shaded(grid, 0, 0)))
    assert (moved.shift_x, moved.shift_y) == (pytest.approx(16, abs=2), pytest.approx(12, abs=2))


def test_light_and_contrast_are_nothing_to_it(street, reference):
    picture = street.picture(300)
    for other in (picture * 0.6, picture * 0.3 + 120):
        found = compare(grid_of(other.astype(np.uint8)), reference)
        assert found.match_share > 0.6
        assert abs(found.shift_x) < 0.5
    assert found.contrast_ratio < 0.5


def test_another_street_is_another_view_and_stays_itself(street, reference):
    other = Street(501, 640, 360, start_hour=street.start_hour)
    found = compare(grid_of(other.picture(0)), reference, "r", grid_of(other.picture(300)))
    assert found.match_share < 0.38
    assert found.steady_share > 0.6


def test_a_cover_loses_structure_where_it_lies(street, reference):
    found = compare(grid_of(street.picture(300, "covered", 0.5)), reference)
    assert found.lost_share > 0.2
    assert found.match_share > 0.2
    upper = sum(1 << bit for bit in range(3 * CELL_COLUMNS))
    assert found.lost_cells & upper
    assert (found.lost_cells & ~upper).bit_count() <= (found.lost_cells & upper).bit_count()


def test_blur_flattens_edges_and_fog_does_not(street, reference):
    blurred = compare(grid_of(cv2.GaussianBlur(street.picture(300), (0, 0), 4.0)), reference)
    assert blurred.sharpness_ratio < 0.78


def noisy(picture, sd, seed):
    """The grid of a picture under the noise of a night."""
    grid = grid_of(picture).astype(np.float32)
    return np.clip(grid + np.random.default_rng(seed).standard_normal(grid.shape) * sd, 0, 255).astype(np.uint8)


def test_a_blur_is_told_through_noise_that_holds_up_every_edge(street):
    sharp, later = street.picture(0), street.picture(300)
    reference = kept(noisy(sharp, 10.0, 1))
    blurred = compare(noisy(cv2.blur(later, (17, 17)), 10.0, 2), reference)
    in_order = compare(noisy(later, 10.0, 2), reference)
    assert blurred.coarse_correlation > 0.3
    assert blurred.transfer_ratio < 0.35
    assert blurred.coarse_transfer > 0.1
    assert in_order.coarse_correlation > 0.6
    assert 0.8 < in_order.transfer_ratio < 1.25


def test_a_film_blurs_and_dirt_does_not_however_little_contrast_is_left(street, reference):
    picture = street.picture(300)
    pale = [np.clip(118.0 + 0.08 * (view - 118.0), 0, 255) for view in (picture, cv2.blur(picture, (17, 17)))]
    dirt, film = (compare(noisy(view.astype(np.uint8), 1.0, 3), reference) for view in pale)
    assert dirt.coarse_transfer == pytest.approx(0.08, abs=0.03)
    assert film.coarse_transfer < dirt.coarse_transfer
    assert film.transfer_ratio < 0.4
    assert dirt.transfer_ratio > 0.7


def test_another_view_has_detail_of_its_own(street, reference):
    """By night a few lamps of it may stand where lamps stood, and some of them agree."""
    other = Street(501, 640, 360, start_hour=street.start_hour).picture(0)
    found = compare(grid_of(other), reference)
    assert found.coarse_correlation < 0.35
    assert not found.detail_ratio < 0.7
    blurred = compare(grid_of(cv2.blur(street.picture(300), (17, 17))), reference)
    assert blurred.detail_ratio < 0.4


def test_the_step_since_the_look_before_is_told(street, reference):
    other = Street(501, 640, 360, start_hour=street.start_hour).picture(0)
    still = compare(grid_of(other), reference, "r", grid_of(other))
    assert (still.step_x, still.step_y) == (0, 0)
    stepped = compare(grid_of(displaced(other, 16, 12)), reference, "r", grid_of(other))
    assert (stepped.step_x, stepped.step_y) == (pytest.approx(16, abs=1), pytest.approx(12, abs=1))
    assert math.isnan(compare(grid_of(street.picture(0)), reference, "r", grid_of(street.picture(300))).step_x)


def test_without_a_reference_the_previous_picture_says_whether_the_view_is_steady(street):
    grid, before = grid_of(street.picture(300)), grid_of(street.picture(0))
    found = compare(grid, None, "", before)
    assert found.reference == ""
    assert math.isnan(found.match_share)
    assert found.steady_share > 0.6


@pytest.mark.parametrize("shape", [(1, 1), (60, 640), (127, 127), (128, 128), (360, 640), (480, 360)])
def test_any_shape_is_compared_or_left_alone(shape):
    plane = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    found = compare(plane, make_sketch(plane), "r", plane)
    assert math.isnan(found.match_share) == (min(shape) < 128)
    flat = np.full(shape, 90, np.uint8)
    assert math.isnan(compare(flat, make_sketch(flat), "r").match_share)
    assert compare(plane, np.zeros((7, 9), np.uint8), "r").reference == ""


def test_which_reference_is_taken():
    references = {"day": "d", "infrared": "i", "night/east": "e", "night/west": "w"}
    assert sketches.candidates(references, Light.DAY, 121.0) == [["d"]]
    assert sketches.candidates(references, Light.NIGHT, 30.0) == [["e", "w"]]
    assert sketches.candidates(references, Light.DAY, 70.0) == [["d"], ["e", "w"]]
    assert sketches.candidates({"infrared": "i"}, Light.NIGHT, 30.0) == [["i"]]
    assert sketches.candidates({"infrared": "i"}, Light.DAY, 120.0) == []
    assert sketches.candidates(references, Light.UNKNOWN, 120.0) == []


def test_in_twilight_the_reference_that_is_as_bright_is_taken_and_at_an_unknown_preset_the_one_that_fits():
    street, other = Street(1, 640, 360), Street(501, 640, 360)
    dim = (street.picture(300) * 0.55).astype(np.uint8)
    kept_ones = {
        "day": kept(grid_of(street.picture(0))),
        "night": kept(grid_of((street.picture(0) * 0.5).astype(np.uint8))),
        "elsewhere": kept(grid_of((other.picture(0) * 0.5).astype(np.uint8))),
    }
    grid = grid_of(dim)
    found = sketches.best(grid, make_sketch(grid), None, [["day"], ["elsewhere", "night", "gone"]], kept_ones.get)
    assert found.reference == "night"
    assert found.match_share > 0.7


def test_where_the_reference_that_is_as_bright_fits_badly_the_other_light_is_tried_and_must_fit_better():
    street, other = Street(1, 640, 360), Street(501, 640, 360)
    by_day, by_night = grid_of(street.picture(0)), (grid_of(street.picture(0)) * 0.5).astype(np.uint8)
    kept_ones = {"day": kept(grid_of(other.picture(0))), "night": kept(by_night)}
    found = sketches.best(by_day, make_sketch(by_day), None, [["day"], ["night"]], kept_ones.get)
    assert found.reference == "night"
    unlike = grid_of(Street(900, 640, 360).picture(0))
    found = sketches.best(unlike, make_sketch(unlike), None, [["night"], ["day"]], kept_ones.get)
    assert found.reference == "day"


@pytest.mark.parametrize(
    ("by_day", "by_night", "taken"),
    [
        ((0.34, 0.016, 0.42), (0.21, 0.0, 0.96), "night"),  # a lit web: the day's edges in headlights, but paler
        ((0.27, 0.165, 1.03), (0.21, 0.097, 1.25), "day"),  # a cloth by day
        ((0.1, 0.011, 1.2), (0.09, 0.01, 1.1), "day"),  # like neither: the one that is as bright
        ((0.1, 0.0, math.nan), (0.3, 0.2, 1.0), "night"),
    ],
)
def test_what_is_found_paler_or_stronger_than_it_was_counts_less(monkeypatch, by_day, by_night, taken):
    grid = grid_of(Street(1, 640, 360).picture(0))
    told = {"day": by_day, "night": by_night}

    def compared(_grid, _reference, name, *_rest):
        match, certainty, contrast = told[name]
        return Comparison(name, match_share=match, shift_certainty=certainty, contrast_ratio=contrast)

    monkeypatch.setattr(sketches, "compare", compared)
    same = make_sketch(grid)
    assert sketches.best(grid, same, None, [["day"], ["night"]], {"day": same, "night": same}.get).reference == taken


def test_a_sketch_is_kept_without_a_reference_where_it_is_unlike_and_now_and_then_beside_one():
    alike, unlike = Comparison("r", match_share=0.9), Comparison("r", match_share=0.5)
    assert sketches.due("ab" * 32, Comparison())
    assert sketches.due("ab" * 32, unlike)
    assert not sketches.due("", Comparison())
    names = [np.random.default_rng(number).bytes(32).hex() for number in range(1600)]
    assert 60 < sum(sketches.due(name, alike) for name in names) < 150


def test_a_worker_compares_keeps_a_sketch_and_lives_without_a_reference_that_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(_jit, "warm", lambda: 0)  # what is used here is enough
    settings = Settings(str(tmp_path), 1 << 24, 1 << 24, 1 << 30, 1 << 24, 1.0, 0, 0)
    examiner, objects = Examiner(settings), DirectoryObjects(tmp_path, 1 << 24, 1 << 24, _Nobody())
    street = Street(2, 640, 360)
    stills = [cv2.imencode(".jpg", street.picture(at_s))[1].tobytes() for at_s in (0.0, 300.0)]
    first = examiner.visit(Task("still"), stills[0])
    sketch = first.measurement["sketch"]
    assert first.measurement["reference"] == ""
    assert objects.get(sketch)[:2] == b"\xff\xd8"
    assert len(objects.get(sketch)) < 24_000
    second = examiner.visit(Task("still", previous=first.picture, references={"day": sketch}), stills[1])
    assert second.measurement["reference"] == sketch
    assert second.measurement["match_share"] > 0.7
    gone = examiner.visit(Task("still", previous=first.picture, references={"day": "0" * 64}), stills[1])
    assert gone.measurement["reference"] == ""
    assert gone.measurement["steady_share"] > 0.6


def test_a_picture_as_bright_as_a_day_is_of_the_night_only_where_that_fits_much_better():
    references = {"day": "d", "night/east": "e"}
    assert sketches.candidates(references, Light.DAY, 110.0) == [["d"], ["e"]]
    assert sketches.candidates({"day": "d", "infrared": "i"}, Light.INFRARED, 110.0) == [["i"]]
    assert sketches.least_better(90.0) == sketches.CLEARLY_BETTER < sketches.least_better(110.0)
