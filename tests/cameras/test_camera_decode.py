"""What a decoder makes of one coded picture: planes, damage, and what the code says of itself."""

import os
import random
from fractions import Fraction

import av
import av.bitstream
import cv2
import numpy as np
import pytest

from citywatch.adapters.cameras import decode
from citywatch.adapters.cameras.decode import Undecodable, decode_key_frame, decode_still
from citywatch.testing.scenes import Street

MOST = 1 << 26


@pytest.fixture(scope="module", autouse=True)
def quiet():
    decode.quiet()


@pytest.fixture(scope="module")
def picture():
    """A street with a red left half: chroma that can be told from none, U from V."""
    picture = Street(7, 320, 240).picture(0.0)
    picture[:, :160] = picture[:, :160] // 2 + np.array([0, 0, 120], np.uint8)
    return picture


def coded(picture, pixels, codec="libx264", **options):
    """One picture as a key frame in Annex B, or as the codec has it."""
    context = av.CodecContext.create(codec, "w")
    context.height, context.width = picture.shape[:2]
    context.pix_fmt, context.time_base, context.framerate = pixels, Fraction(1, 25), Fraction(25)
    context.thread_count = 1
    context.options = {"crf": "18", "x265-params": "log-level=none:repeat-headers=1"} | options
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pixels)
    return b"".join(bytes(packet) for packet in context.encode(frame) + context.encode(None))


@pytest.mark.parametrize(
    ("pixels", "shape"),
    [("yuv420p", (120, 160)), ("yuvj420p", (120, 160)), ("nv12", (120, 160)), ("yuv422p", (240, 160)),
     ("yuv444p", (240, 320)), ("yuv420p10le", (120, 160))],
)  # fmt: skip
def test_the_planes_of_a_key_frame(picture, pixels, shape):
    decoded = decode_key_frame("h264", coded(picture, pixels), MOST)
    assert (decoded.luma.shape, decoded.luma.dtype) == ((240, 320), np.uint8)
    assert (decoded.width, decoded.height, decoded.decode_errors) == (320, 240, 0)
    expected = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(int)
    assert np.corrcoef(expected.ravel(), decoded.luma.ravel())[0, 1] > 0.99
    assert decoded.chroma_u.shape == decoded.chroma_v.shape == shape
    half = shape[1] // 2
    assert decoded.chroma_v[:, :half].mean() > decoded.chroma_v[:, half:].mean() + 30
    assert decoded.chroma_u[:, :half].mean() < 128


def test_a_picture_without_chroma(picture):
    grey = av.VideoFrame.from_ndarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), format="gray")
    luma, u, v = decode._planes(grey)
    assert np.array_equal(luma, grey.to_ndarray())
    assert u is v is None
    # H.264 without colour comes out of libav's decoder with two planes that say so.
    decoded = decode_key_frame("h264", coded(picture, "gray"), MOST)
    assert set(np.unique(decoded.chroma_u)) == set(np.unique(decoded.chroma_v)) == {128}


@pytest.mark.parametrize("name", ["nv12", "nv21"])
def test_chroma_in_pairs_is_taken_apart_without_a_copy(picture, name):
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=name)
    luma, u, v = decode._planes(frame)
    plain = decode._planes(frame.reformat(format="yuv420p"))
    for plane, expected in zip((luma, u, v), plain, strict=True):
        assert np.array_equal(plane, expected)
    assert u.strides[1] == v.strides[1] == 2


def test_a_picture_without_a_damage_has_no_errors_and_says_its_rate(picture):
    for codec, encoder in (("h264", "libx264"), ("hevc", "libx265")):
        content = coded(picture, "yuv420p", encoder)
        decoded = decode_key_frame(codec, content, MOST)
        assert (decoded.decode_errors, decoded.coded_bytes) == (0, len(content))
        assert decoded.fps_declared == pytest.approx(25.0)


def test_a_damaged_key_frame_is_a_picture_with_errors(picture):
    content = coded(picture, "yuv420p")
    whole = decode_key_frame("h264", content, MOST)
    rng = random.Random(3)
    blocks = (320 // 16) * (240 // 16)
    told = 0
    for _ in range(20):
        at = rng.randrange(len(content) // 3, len(content) - 200)
        damaged = content[:at] + rng.randbytes(100) + content[at + 100 :]
        decoded = decode_key_frame("h264", damaged, MOST)
        assert decoded.luma.shape == whole.luma.shape
        assert 0 <= decoded.decode_errors <= blocks
        told += decoded.decode_errors > 0
    assert told >= 15  # bits may be wrong in a way that makes sense
    cut = decode_key_frame("h264", content[: len(content) * 9 // 10], MOST)
    assert 0 < cut.decode_errors < blocks / 2


def test_without_a_picture_there_is_nothing_to_measure():
    with pytest.raises(Undecodable) as failure:
        decode_key_frame("h264", b"\0\0\0\1" + os.urandom(2000), MOST)
    assert failure.value.reason == "not_a_picture"


def jpeg(picture):
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def test_colour_and_its_absence_in_stills(picture):
    decoded = decode_still(jpeg(picture), MOST)
    assert decoded.chroma_v[:, :80].mean() > decoded.chroma_v[:, 80:].mean() + 30
    grey = decode_still(jpeg(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)), MOST)
    assert grey.chroma_u is grey.chroma_v is None
    assert (grey.width, grey.decode_errors) == (320, 0)
    png = decode_still(cv2.imencode(".png", picture)[1].tobytes(), MOST)
    assert np.abs(png.luma.astype(int) - decoded.luma).mean() < 3
    assert png.chroma_u.shape == png.chroma_v.shape == (240, 320)


def test_a_damaged_jpeg_is_a_picture_with_errors(picture, capfd):
    whole = jpeg(picture)
    rng = random.Random(5)
    told = 0
    for _ in range(20):
        at = rng.randrange(len(whole) // 4, len(whole) - 300)
        damaged = decode_still(whole[:at] + rng.randbytes(200).replace(b"\xff", b"\0") + whole[at + 200 :], MOST)
        assert damaged.luma.shape == (240, 320)
        told += damaged.decode_errors > 0
    assert told >= 8
    assert decode_still(whole, MOST).decode_errors == 0
    assert capfd.readouterr() == ("", "")


def test_every_kind_of_jpeg(picture):
    for options in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]):
        coded_picture = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90, *options])[1]
        decoded = decode_still(coded_picture.tobytes(), MOST)
        expected = cv2.imdecode(coded_picture, cv2.IMREAD_GRAYSCALE).astype(int)
        assert np.abs(decoded.luma - expected).max() <= 2
        assert (decoded.width, decoded.height) == (320, 240)
