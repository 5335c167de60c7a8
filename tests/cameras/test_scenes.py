"""The seeded street: the same seed gives the same bytes, faults look like faults, clips have the asked key frames."""

import subprocess
import sys
from datetime import UTC, datetime

import av
import cv2
import numpy as np
import pytest

from citywatch.testing.scenes import SCENE_FAULTS, Street, write_clip

CLOCK = slice(0, 20), slice(0, 130)  # where a 320x180 street has its clock


@pytest.fixture(scope="module")
def street():
    return Street(1, 320, 180)


def key_pictures(path):
    with av.open(str(path)) as container:
        return [number for number, frame in enumerate(container.decode(video=0)) if frame.key_frame]


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(street):
    for fault in (None, *SCENE_FAULTS):
        again = Street(1, 320, 180).picture(7.25, fault)
        assert (street.picture(7.25, fault) == again).all()
    assert (street.picture(7.25) != Street(2, 320, 180).picture(7.25)).mean() > 0.5


def test_the_order_of_asking_changes_nothing(street):
    late, early = street.picture(50.0), street.picture(1.0)
    assert (street.picture(1.0) == early).all()
    assert (street.picture(50.0) == late).all()


def test_pictures_have_the_shapes_they_promise(street):
    picture = street.picture(0)
    assert (picture.shape, picture.dtype) == ((180, 320, 3), np.uint8)
    planes = street.yuv420(0)
    assert (planes.shape, planes.dtype) == ((270, 320), np.uint8)
    assert np.abs(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420).astype(int) - picture).mean() < 12
    assert len(list(street.pictures(2.0, 5.0))) == 10


@pytest.mark.parametrize("size", [(31, 180), (321, 180), (320, 30), (320, 181)])
def test_a_size_that_cannot_be_encoded_is_refused(size):
    with pytest.raises(ValueError, match="must be even"):
        Street(1, *size)


def test_a_severity_outside_0_to_1_is_refused(street):
    with pytest.raises(ValueError, match="between 0 and 1"):
        street.picture(0, "covered", 1.5)


def test_traffic_moves_and_an_empty_street_only_has_noise():
    busy = Street(3, 320, 180, noise_sd=0, clock=False)
    empty = Street(3, 320, 180, noise_sd=0, clock=False, traffic=0)
    assert (busy.picture(1.0) != busy.picture(1.5)).mean() > 0.01
    assert (empty.picture(1.0) == empty.picture(1.5)).all()
    noisy = Street(3, 320, 180, noise_sd=1.5, clock=False, traffic=0)
    step = noisy.picture(1.0).astype(int) - noisy.picture(1.5)
    assert 1.5 < step.std() < 2.6  # sqrt(2) of 1.5, and the rounding


def test_the_day_goes_by():
    noon, dusk, night = (Street(1, 320, 180, start_hour=hour).picture(0).mean() for hour in (12, 19.2, 0))
    assert noon > dusk + 20 > night + 30
    street = Street(1, 320, 180, start_hour=12)
    assert (street.light(0), street.light(12 * 3600)) == (1.0, 0.0)


def test_the_clock_shows_the_seconds_and_nothing_else_changes():
    street = Street(1, 320, 180, started=datetime(2026, 1, 31, 23, 59, 58, tzinfo=UTC))
    first, same, next_second = (street.picture(at_s, "frozen_clock") for at_s in (0.0, 0.9, 1.0))
    assert (first == same).all()
    changed = (first != next_second).any(axis=2)
    assert 0 < changed.mean() < 0.01
    changed[CLOCK] = False
    assert not changed.any()


def test_frozen_is_frozen_to_the_bit(street):
    assert (street.picture(0, "frozen") == street.picture(100, "frozen")).all()
    assert (street.picture(100, "frozen", frozen_at_s=100.0) == street.picture(100)).all()


def test_faults_of_the_view_look_like_what_they_are_called(street):
    luma = {fault: cv2.cvtColor(street.picture(5, fault), cv2.COLOR_BGR2GRAY)[30:150] for fault in SCENE_FAULTS}
    good = cv2.cvtColor(street.picture(5), cv2.COLOR_BGR2GRAY)[30:150]
    assert luma["black"].max() < 12
    assert luma["over_exposed"].min() > 240
    assert luma["covered"].std() < good.std() / 2
    edges = {name: cv2.Laplacian(plane, cv2.CV_64F).var() for name, plane in (*luma.items(), ("good", good))}
    assert edges["out_of_focus"] < edges["good"] / 20
    half = street.picture(5, "covered", 0.5)
    assert (half[90:] == street.picture(5)[90:]).all()


@pytest.mark.parametrize(
    ("codec", "suffix", "options", "keys"),
    [
        ("libx264", "mp4", {"crf": 30}, [0, 5, 10]),
        ("libx264", "mkv", {"bit_rate": 200_000}, [0, 5, 10]),
        ("libx265", "mp4", {"crf": 30}, [0, 5, 10]),
        ("mpeg4", "avi", {"crf": 4}, [0, 5, 10]),
        ("mjpeg", "avi", {"crf": 4}, list(range(12))),
    ],
)
def test_a_clip_has_the_pictures_and_key_frames_asked_for(tmp_path, street, codec, suffix, options, keys):
    path = tmp_path / f"clip.{suffix}"
    pictures = [street.picture(number / 5) for number in range(12)]
    assert write_clip(path, pictures, codec, fps=5, gop=5, **options) == 12
    assert key_pictures(path) == keys
    with av.open(str(path)) as container:
        decoded = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(decoded) == 12
    assert all(np.abs(a.astype(int) - b).mean() < 15 for a, b in zip(pictures, decoded, strict=True))


def test_a_luma_plane_can_be_encoded_and_no_picture_cannot(tmp_path, street):
    assert write_clip(tmp_path / "grey.mp4", [street.picture(0)[:, :, 0]]) == 1
    with pytest.raises(ValueError, match="at least one picture"):
        write_clip(tmp_path / "empty.mp4", [])


def test_importing_the_scenes_loads_neither_opencv_nor_pyav():
    code = "import sys, citywatch.testing.scenes; print([n for n in ('cv2', 'av', 'numba') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
