"""The truth table: what the rules say of pictures whose truth is known, through real encoders and decoders.

The thresholds were set on streets of the seeds 1 to 3 and on the real clips; the streets here have other seeds.
Every frozen clip is one picture, encoded again and again; every live one has its own sensor noise in each picture.
"""

import itertools
import os

import numba
import numpy as np
import picture_kit as kit
import pytest

from citywatch.domain.pictures import Fault
from citywatch.rules.pictures import Why
from citywatch.testing.scenes import Street

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="real pictures take hours without compiled kernels"
)

SEED, OTHER_SEED = 21, 22
SPOILED = ("black", "over_exposed", "covered", "out_of_focus")
ENCODERS = [name for name in kit.ENCODERS if name != "mjpeg strong"]


def real(path):
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing; the real clips live in ../shared/data")
        pytest.skip(f"{path} is missing; the real clips live in ../shared/data")
    return path


@pytest.fixture(scope="module")
def quiet_street():
    """No traffic and little noise: the live picture that is nearest to a frozen one."""
    street = Street(SEED, 640, 360, traffic=0, noise_sd=0.7)
    return [street.picture(n / kit.FPS) for n in range(31)]


@pytest.fixture(scope="module")
def street_with_running_clock():
    street = Street(OTHER_SEED, 640, 360, noise_sd=1.0)
    seconds = [street.picture(n, "frozen_clock") for n in range(33)]
    return [seconds[n // kit.FPS] for n in range(32 * kit.FPS + 1)]


@pytest.fixture(scope="module")
def spoiled_street():
    street = Street(OTHER_SEED, 1280, 720, caption="G207 Xinhua Rd")
    return {fault: [street.picture(n, fault) for n in range(2)] for fault in SPOILED}


@pytest.fixture(scope="module")
def car_park():
    return kit.pictures_of(real(kit.CAR_PARK), 6, 61)


@pytest.fixture(scope="module")
def highway():
    return kit.pictures_of(real(kit.HIGHWAY), 10, 61)


# ---- live pictures are never accused


@pytest.mark.parametrize("encoder", kit.ENCODERS)
def test_a_quiet_live_street_is_never_accused(tmp_path, quiet_street, encoder):
    assert kit.faults_in(kit.encoded(tmp_path, quiet_street, encoder)) == set()


@pytest.mark.parametrize("encoder", ["x264 crf 30", "x265 crf 28", "mjpeg"])
@pytest.mark.parametrize(
    ("start_hour", "traffic"), [(19.0, 0.0), (23.5, 0.0), (2.0, 1.0)], ids=["dusk", "empty night", "night"]
)
def test_dusk_and_night_are_no_faults(tmp_path, start_hour, traffic, encoder):
    street = Street(OTHER_SEED, 640, 360, start_hour=start_hour, traffic=traffic)
    pictures = [street.picture(n / kit.FPS) for n in range(21)]
    assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder)) == set()


@pytest.mark.parametrize("encoder", ["x264 crf 20", "x264 crf 30", "x265 crf 28", "mjpeg"])
@pytest.mark.parametrize("metres", [100, 50, 25, 15])
def test_fog_is_no_fault(tmp_path, encoder, metres):
    clear = Street(SEED, 640, 360, traffic=0, clock=False).picture(0)
    pictures = [kit.in_fog(clear, metres, seed) for seed in range(21)]
    assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder)) == set()


def test_low_contrast_is_no_fault(tmp_path):
    clear = Street(SEED, 640, 360, traffic=0, clock=False).picture(0)
    pictures = [kit.noisy(clear * 0.2 + 110, 1.2, seed) for seed in range(21)]
    for encoder in ("x264 crf 30", "mjpeg"):
        assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder)) == set()


def test_an_unlit_night_in_limited_range_is_not_called_black(tmp_path):
    dark = Street(SEED, 640, 360, traffic=0).picture(0) * 0.04
    pictures = [kit.noisy(dark, 4.0, seed) for seed in range(11)]
    for found, unchecked in kit.conclusions(kit.encoded(tmp_path, pictures, "x264 crf 20")):
        assert found == {}
        assert unchecked[Fault.COVERED] == Why.TOO_DARK


@pytest.mark.parametrize("clip", [kit.CAR_PARK, kit.HIGHWAY], ids=lambda path: path.name)
def test_the_real_clips_are_fine_in_any_sequence_of_their_key_frames(clip):
    keys = kit.key_frames(real(clip))
    assert kit.faults_in(keys) == set()
    for three in itertools.combinations(keys, 3):
        assert kit.faults_in(three) == set()
    assert Fault.FROZEN not in kit.conclusions(keys)[-1][1]


@pytest.mark.parametrize("encoder", kit.ENCODERS)
def test_the_real_clips_are_fine_when_encoded_again(tmp_path, car_park, highway, encoder):
    for pictures in (car_park, highway):
        assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder)) == set()


# ---- frozen pictures are found


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_frozen_street_is_found(tmp_path, quiet_street, encoder):
    assert kit.faults_in(kit.encoded(tmp_path, quiet_street[:1] * 161, encoder)) == {"frozen"}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_frozen_real_clips_are_found(tmp_path, car_park, highway, encoder):
    for pictures in (car_park, highway):
        assert kit.faults_in(kit.encoded(tmp_path, pictures[7:8] * 101, encoder)) == {"frozen"}


@pytest.mark.parametrize("gop", [5, 25])
def test_the_key_frame_distance_does_not_matter(tmp_path, highway, gop):
    assert kit.faults_in(kit.encoded(tmp_path, highway[7:8] * gop * 10, "x264 crf 30", gop=gop)) == {"frozen"}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_running_clock_over_a_frozen_rest(tmp_path, street_with_running_clock, encoder):
    """x265 chooses its quantiser anew for each second of the clock: there the answer is "could not be checked"."""
    answers = kit.conclusions(kit.encoded(tmp_path, street_with_running_clock, encoder))
    if encoder == "x265 crf 28":
        assert {unchecked[Fault.FROZEN] for _, unchecked in answers[3:-1]} == {Why.CHANGE_TOO_SMALL}
    else:
        assert {str(fault) for found, _ in answers for fault in found} == {"frozen"}


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name != "x265 crf 28"])
def test_the_real_running_clock_over_a_frozen_rest(tmp_path, highway, encoder):
    pictures = []
    for picture in highway * 2:
        pictures.append(highway[0].copy())
        pictures[-1][25:40, 20:110] = picture[25:40, 20:110]  # the clock of the highway's burnt-in text
    assert not np.array_equal(pictures[0], pictures[9])
    assert kit.faults_in(kit.encoded(tmp_path, pictures, encoder)) == {"frozen"}


# ---- a spoiled view is found


@pytest.mark.parametrize("encoder", kit.ENCODERS)
@pytest.mark.parametrize("fault", SPOILED)
def test_faults_of_the_view_are_found_by_day(tmp_path, spoiled_street, encoder, fault):
    assert kit.faults_in(kit.encoded(tmp_path, spoiled_street[fault], encoder, gop=1)) == {fault}


@pytest.mark.parametrize("fault", ["black", "over_exposed", "out_of_focus"])
def test_faults_of_the_view_are_found_by_night(tmp_path, fault):
    street = Street(OTHER_SEED, 640, 360, start_hour=23.0)
    assert kit.faults_in(kit.encoded(tmp_path, [street.picture(0, fault)], "x264 crf 30")) == {fault}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_spoiled_real_clips_are_found(tmp_path, car_park, highway, encoder):
    for pictures, blurred_to in ((highway, {"out_of_focus"}), (car_park, {"out_of_focus", "covered"})):
        for make, wanted in (
            (lambda picture: picture * 0, {"black"}),
            (lambda picture: picture * 0 + 255, {"over_exposed"}),
            (lambda picture: kit.plate(picture, 70, 1.0), {"covered"}),
            (lambda picture: kit.plate(picture, 120, 4.0), {"covered"}),
        ):
            keys = kit.encoded(tmp_path, [make(picture) for picture in pictures[5:26:10]], encoder, gop=1)
            assert [{str(fault) for fault in found} for found, _ in kit.conclusions(keys)] == [wanted] * len(keys)
        for sigma in (6, 10):  # an asphalt without a mark, out of focus, is an empty surface
            keys = kit.encoded(tmp_path, [kit.blurred(p, sigma) for p in pictures[5:26:10]], encoder, gop=1)
            for found, _ in kit.conclusions(keys):
                assert len(found) == 1
                assert {str(fault) for fault in found} <= blurred_to
