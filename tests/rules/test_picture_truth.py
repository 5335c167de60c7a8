"""The truth tables: what the rules say of pictures whose truth is known, through real encoders and decoders.

Generated scenes have seeds below 1,000, on which the limits were tuned (rules/pictures/limits.py); the highway is the
one clip here that they were not. The long form, with scenes that nothing was tuned on, is benchmarks/camera_faults.
"""

import os

import cv2
import numba
import numpy as np
import picture_kit as kit
import pytest

from citywatch.adapters.cameras.measure import CHANGED_BY, make_grid
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.rules.pictures import LookHistory, Why, conclude
from citywatch.testing.scene_faults import RECIPES, spoil
from citywatch.testing.scenes import Street
from citywatch.testing.street_life import StreetLife

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="real pictures take hours without compiled kernels"
)

SEED, SIZE = 21, (480, 272)
NOON_S = 12 * 3600.0
FOUND, FINE = "frozen", "fine"


def real(path):
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing; the real clips live in ../shared/data")
        pytest.skip(f"{path} is missing; the real clips live in ../shared/data")
    return path


@pytest.fixture(scope="module")
def car_park():
    return kit.pictures_of(real(kit.CAR_PARK), 12, 26)


@pytest.fixture(scope="module")
def highway():
    return kit.pictures_of(real(kit.HIGHWAY), 25, 26)


# ---- what "changed" means: docs/decisions/0024 has the whole table


def changed(a, b, k):
    return float((cv2.absdiff(a, b) > k).mean())


def test_changed_needs_a_grey_threshold(tmp_path):
    """At more than 0 levels a still picture changes while its encoder settles; at more than 5 a live one hardly."""
    street = Street(SEED, *SIZE, traffic=0, noise_sd=0.7, clock=False)
    live = [planes.luma for _, planes in kit.encoded(tmp_path, [street.picture(0), street.picture(5)], "mjpeg", gop=1)]
    keys = kit.encoded(tmp_path, [street.picture(0)] * 51, "x264 crf 23", gop=10)
    settling = [keys[2][1].luma, keys[3][1].luma]
    shares = {k: (changed(*live, k), changed(*settling, k)) for k in (0, CHANGED_BY, 5)}
    assert shares[0][1] > 0.1
    assert shares[CHANGED_BY][0] > 0.25
    assert shares[CHANGED_BY][1] < 0.06
    assert shares[5][0] < 0.05


def test_changed_needs_a_grid_of_the_cameras_own_pixels(tmp_path):
    """A mean of 2x2 pixels has half of their noise, and noise is what tells a quiet street from a frozen one."""
    street = Street(SEED, 1280, 720, traffic=0, noise_sd=0.7, clock=False)
    a, b = (planes.luma for _, planes in kit.encoded(tmp_path, [street.picture(0), street.picture(5)], "mjpeg", gop=1))
    means = [cv2.resize(plane, (640, 360), interpolation=cv2.INTER_AREA) for plane in (a, b)]
    assert changed(*means, CHANGED_BY) < 0.8 * changed(make_grid(a), make_grid(b), CHANGED_BY)


# ---- frozen and live: (what is filmed, encoder) -> the last answer about frozen


def live_street(traffic, noise_sd, noise_reduction=False):
    street = Street(SEED, *SIZE, traffic=traffic, noise_sd=noise_sd)
    pictures = [street.picture(n / kit.FPS) for n in range(21)]
    return list(kit.noise_reduced(pictures)) if noise_reduction else pictures


def frozen_street(clock):
    street = Street(SEED, *SIZE)
    return [street.picture(n // kit.FPS, "frozen_clock" if clock else "frozen") for n in range(111)]


FILMED = {
    "live, traffic": lambda: live_street(1.0, 1.0),
    "live, nothing moves": lambda: live_street(0.0, 1.0),
    "live, noise reduced": lambda: live_street(0.0, 1.5, noise_reduction=True),
    "frozen": lambda: frozen_street(clock=False),
    "frozen, the clock runs": lambda: frozen_street(clock=True),
}
SMALL = Why.CHANGE_TOO_SMALL
TRUTH = {
    "live, traffic": dict.fromkeys(kit.ENCODERS, FINE),
    "live, nothing moves": dict.fromkeys(kit.ENCODERS, SMALL),
    "live, noise reduced": dict.fromkeys(kit.ENCODERS, SMALL),
    "frozen": dict.fromkeys(kit.ENCODERS, FOUND) | {"x264 150 kbit/s": SMALL},
    # x265 chooses its quantiser anew for each second of the clock: one pair of pictures does not tell.
    "frozen, the clock runs": dict.fromkeys(kit.ENCODERS, FOUND) | {"x264 150 kbit/s": SMALL, "x265 crf 28": SMALL},
}


@pytest.fixture(scope="module", params=FILMED)
def filmed(request):
    return request.param, FILMED[request.param]()


def frozen_answer(answer):
    found, unchecked = answer
    return FOUND if Fault.FROZEN in found else unchecked.get(Fault.FROZEN, FINE)


def _settles_slowly(what, encoder):
    """x264 takes some twenty seconds until it encodes the same picture the same way."""
    return what.startswith("frozen") and "x264" in encoder


@pytest.mark.parametrize("encoder", kit.ENCODERS)
def test_frozen_and_live(tmp_path, filmed, encoder):
    what, pictures = filmed
    pictures = pictures if _settles_slowly(what, encoder) else pictures[:51]
    # The encoder empties its buffers at the end of a clip, which no camera comes to: the last key frame is left out.
    keys = kit.encoded(tmp_path, pictures, encoder, gop=10 if _settles_slowly(what, encoder) else 5)[:-1]
    answers = [frozen_answer(answer) for answer in kit.conclusions(keys, 30)]
    wanted = TRUTH[what][encoder]
    if wanted == FOUND:
        assert FOUND in answers[-2:]
        assert FINE not in answers
    else:
        assert answers[-1] == wanted
        assert set(answers) <= {wanted, Why.TOO_FEW_KEY_FRAMES, SMALL}


def test_a_clock_over_a_frozen_rest_is_found_where_the_camera_is_known(tmp_path):
    """x265: nothing is still, but nothing moves either, for longer than this street was ever quiet."""
    known = LookHistory(own={"day": [200, 300 * NS_PER_S, 0.6]})
    keys = kit.encoded(tmp_path, frozen_street(clock=True)[:46], "x265 crf 28")[:-1]
    answers = [frozen_answer(answer) for answer in kit.conclusions(keys, 300, known)]
    assert answers.index(FOUND) <= 5
    assert FINE not in answers
    quiet = kit.encoded(tmp_path, live_street(0.0, 1.0) * 3, "x265 crf 28")[:-1]
    never = LookHistory(own={"day": [200, 300 * NS_PER_S, 0.3]})  # it changes no less than this while alive
    assert FOUND not in [frozen_answer(answer) for answer in kit.conclusions(quiet, 300, never)]


# ---- healthy streets are never accused


@pytest.mark.parametrize(("encoder", "seed"), [("x264 crf 23", 31), ("x265 crf 28", 32), ("mjpeg", 33)])
def test_two_days_of_a_street_are_never_accused(tmp_path, encoder, seed):
    street = StreetLife(seed, *SIZE)
    pictures = [kit.bgr(street.look(600.0 + n * 2 * 86_400.0 / 12)) for n in range(12)]
    for key in kit.encoded(tmp_path, pictures, encoder, gop=1):
        assert kit.faults_in([key]) == set()


@pytest.mark.parametrize("metres", [100, 50, 25])
def test_fog_is_neither_a_cover_nor_out_of_focus(tmp_path, metres):
    clear = Street(SEED, *SIZE, traffic=0, clock=False).picture(0)
    distance = 6.0 / np.clip((np.arange(SIZE[1]) / SIZE[1] - 0.38) / 0.62, 0.01, 1.0)
    seen = np.exp(-3.0 * distance / metres)[:, None, None]
    foggy = kit.noisy(clear * seen + 190.0 * (1.0 - seen), 1.2)
    for encoder in ("x264 crf 23", "mjpeg"):
        assert kit.faults_in(kit.encoded(tmp_path, [foggy], encoder)) == set()


def test_a_night_without_a_lamp_is_not_called_black(tmp_path):
    """MJPEG is full-range: what is left of the scene lies between 0 and 10 grey levels, as a cap on the lens does."""
    dark = kit.noisy(Street(SEED, *SIZE, traffic=0, clock=False).picture(0) * 0.05, 2.0)
    for encoder in ("mjpeg", "x264 crf 23"):
        ((found, unchecked),) = kit.conclusions(kit.encoded(tmp_path, [dark], encoder))
        assert found == {}
        assert unchecked[Fault.COVERED] == Why.TOO_DARK
        if encoder == "mjpeg":
            assert unchecked[Fault.BLACK] == Why.TOO_DARK


# ---- faults that a picture shows, and those that only a reference shows

SHOWN = {
    "black": "severe",
    "over_exposed": "medium severe",
    "covered/plate": "severe",
    "covered/film": "severe",
    "out_of_focus": "severe",
    "colour_cast/blue": "severe",
    "colour_cast/green": "severe",
    "colour_cast/magenta": "medium severe",
    "snow/impulses": "medium severe",
    "snow/gain": "medium severe",
    "stripes/rows": "medium severe",
    "stripes/columns": "medium severe",
    "stripes/hum": "severe",
    "mosaic/blocks": "medium severe",
    "mosaic/bands": "severe",
    "low_contrast/fog": "severe",
}
NOT_SHOWN = (
    "partly_covered/sticker", "partly_covered/leaf", "partly_covered/web", "moved/pan", "moved/roll", "moved/elsewhere",
    "shaking", "infrared_stuck/day",
)  # fmt: skip


@pytest.fixture(scope="module")
def street_by_day():
    return StreetLife(34, 640, 360, weather=False)


@pytest.mark.parametrize("encoder", ["x264 crf 23", "x265 crf 28"])
@pytest.mark.parametrize("recipe", SHOWN)
def test_faults_that_a_picture_shows(tmp_path, street_by_day, recipe, encoder):
    for severity in SHOWN[recipe].split():
        pictures = [
            kit.bgr(spoil(street_by_day, RECIPES[recipe], severity, NOON_S + 300 * n, look=n + 1)) for n in range(3)
        ]
        answers = kit.conclusions(kit.encoded(tmp_path, pictures, encoder, gop=1), 300)
        named = [{str(fault) for fault in found} for found, _ in answers]
        assert named[1:] == [{RECIPES[recipe].fault.value}] * 2


@pytest.mark.parametrize("recipe", NOT_SHOWN)
def test_faults_that_only_a_reference_shows_are_not_named_as_others(tmp_path, street_by_day, recipe):
    pictures = [kit.bgr(spoil(street_by_day, RECIPES[recipe], "severe", NOON_S + n, look=n + 1)) for n in range(2)]
    keys = kit.encoded(tmp_path, pictures, "x264 crf 23", gop=1)
    assert kit.faults_in(keys) == set()
    if recipe.startswith("infrared"):
        assert kit.conclusions(keys)[0][1][Fault.INFRARED_STUCK] == Why.NO_COLOUR


def test_a_dim_picture_is_black_where_it_is_surely_day(tmp_path, street_by_day):
    dim = kit.bgr(spoil(street_by_day, RECIPES["black"], "medium", NOON_S))
    (look,) = kit.looks_at(kit.encoded(tmp_path, [dim], "x264 crf 23"))
    assert {item.fault for item in conclude(None, look, daylight=True)[1]} == {Fault.BLACK}
    _, found, unchecked = conclude(None, look)
    assert found == ()
    assert Fault.BLACK in {item.fault for item in unchecked}


def test_faults_by_night(tmp_path):
    street = Street(SEED, *SIZE, start_hour=23.0)
    for fault in ("black", "over_exposed"):
        assert kit.faults_in(kit.encoded(tmp_path, [street.picture(0, fault)], "x264 crf 23")) == {fault}
    blurred = kit.encoded(tmp_path, [street.picture(0, "out_of_focus")], "x264 crf 23")
    ((found, unchecked),) = kit.conclusions(blurred)
    assert found == {}  # rain on the glass by night looks the same
    assert unchecked[Fault.OUT_OF_FOCUS] in (Why.NOTHING_SHARP, Why.TOO_DARK)


# ---- the real clips: the car park was tuned on, the highway was not


@pytest.mark.parametrize("clip", [kit.CAR_PARK, kit.HIGHWAY], ids=lambda path: path.name)
def test_the_real_clips_are_fine(clip):
    keys = kit.key_frames(real(clip))
    for order in (keys, keys[::-1], keys[::2], keys[1::3]):
        assert kit.faults_in(order, 30) == set()


@pytest.mark.parametrize("encoder", ["x264 crf 23", "x265 crf 28", "mjpeg"])
def test_the_real_clips_encoded_again_are_fine_and_frozen_ones_are_frozen(tmp_path, car_park, highway, encoder):
    for pictures in (car_park, highway):
        assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder), 30) == set()
        slow = _settles_slowly("frozen", encoder)
        keys = kit.encoded(tmp_path, pictures[7:8] * (111 if slow else 46), encoder, gop=10 if slow else 5)
        assert kit.faults_in(keys[:-1], 30) == {"frozen"}


def test_the_real_running_clock_over_a_frozen_rest(tmp_path, highway):
    pictures = []
    for picture in highway * 2:
        pictures.append(highway[0].copy())
        pictures[-1][25:40, 20:110] = picture[25:40, 20:110]  # the clock of the highway's burnt-in text
    assert not np.array_equal(pictures[0], pictures[9])
    for encoder in ("x264 crf 23", "mjpeg"):
        assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder)[:-1], 30) == {"frozen"}, encoder


def test_spoiled_real_clips(tmp_path, car_park, highway):
    for pictures, blurred in ((highway, {"out_of_focus"}), (car_park, set())):
        for make, wanted in (
            (lambda picture: picture * 0, {"black"}),
            (lambda picture: picture * 0 + 255, {"over_exposed"}),
            (lambda picture: kit.plate(picture, 70, 1.0), {"covered"}),
            (lambda picture: kit.plate(picture, 120, 4.0), {"covered"}),
            (lambda picture: kit.blurred(picture, 6), blurred),
        ):
            for encoder in ("x264 crf 23", "mjpeg"):
                found = kit.faults_in(kit.encoded(tmp_path, [make(pictures[5])], encoder))
                # Asphalt without a mark, out of focus, is an empty surface: one picture may call it a cover.
                assert found == wanted or (not wanted and found <= {"covered"}), encoder
