"""Packed pictures: the kernels against a naive twin, the reader for people against the kernels, every damage."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from citywatch.errors import DataError
from citywatch.kernels import grids as kernels
from citywatch.testing.scenes import Street
from citywatch.wire import grids


def pack(plane):
    groups = plane.shape[0] * -(-plane.shape[1] // 16)
    widths, payload = np.empty(groups, np.uint8), np.empty(16 * groups, np.uint8)
    size = kernels.pack(plane, widths, payload)
    return grids.frame(plane.shape[1], plane.shape[0], widths, payload[:size])


def unpack(content):
    width, height, widths, payload = grids.parts(content)
    plane = np.empty((height, width), np.uint8)
    kernels.unpack(widths, payload, plane)
    return plane


def naive(plane):
    """Widths and payload by the words of the module's docstring, one bit at a time."""
    widths, payload = [], []
    for y, row in enumerate(plane.tolist()):
        codes = []
        for x, value in enumerate(row):
            told = plane[y - 1, x] if y else row[x - 1] if x else 0
            step = (value - int(told) + 128) % 256 - 128
            codes.append(2 * step if step >= 0 else -2 * step - 1)
        codes += [0] * (-len(codes) % 16)
        for at in range(0, len(codes), 16):
            group = codes[at : at + 16]
            bits = max(group).bit_length()
            widths.append(bits)
            digits = [code >> bit & 1 for code in group for bit in range(bits)]
            payload += [sum(digits[i + j] << j for j in range(8)) for i in range(0, len(digits), 8)]
    return widths, payload


PLANES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 40)))


@given(PLANES)
def test_what_is_packed_comes_out_again_and_is_what_the_words_say(plane):
    content = pack(plane)
    assert np.array_equal(unpack(content), plane)
    assert np.array_equal(grids.unpack(content), plane)
    _, _, widths, payload = grids.parts(content)
    assert (widths.tolist(), payload.tolist()) == naive(plane)


def test_a_picture_is_smaller_than_its_pixels_and_a_png_of_it_is_the_same():
    plane = np.ascontiguousarray(Street(7, 640, 360).yuv420(0.0)[:360])
    content = pack(plane)
    assert len(content) < 0.75 * plane.size
    png = grids.as_png(content)
    assert np.array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), plane)
    assert len(pack(np.full((360, 640), 77, np.uint8))) < 8000


def test_damage_is_found():
    content = pack(np.arange(640, dtype=np.uint8).reshape(16, 40))
    for wrong in (b"", b"CWG1", content[:-1], content + b"x", content[:20], b"\x89PNG" + content[4:],
                  content[:4] + b"\0\0" + content[6:], content[:8] + b"\xff" * 24 + content[32:]):  # fmt: skip
        with pytest.raises(DataError):
            grids.parts(wrong)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_picture_or_refused(data):
    try:
        plane = grids.unpack(b"CWG1\x08\x00\x04\x00" + data)
    except DataError:
        return
    assert plane.shape == (4, 8)
