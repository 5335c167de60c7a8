"""What a photo says of itself before it is decoded."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from citywatch.errors import RecordRefused
from citywatch.wire.photo_head import photo_head

PICTURE = np.arange(37 * 61 * 3, dtype=np.uint8).reshape(37, 61, 3)


def written(ending, *flags):
    return cv2.imencode(ending, PICTURE, list(flags))[1].tobytes()


def extended_webp(width, height):
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def head_or_reason(content):
    try:
        return photo_head(content)
    except RecordRefused as error:
        return error.reason


@pytest.mark.parametrize(
    ("content", "kind", "width", "height"),
    [
        (written(".jpg"), "jpeg", 61, 37),
        (written(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "jpeg", 61, 37),
        (written(".png"), "png", 61, 37),
        (written(".webp", cv2.IMWRITE_WEBP_QUALITY, 80), "webp", 61, 37),
        (written(".webp", cv2.IMWRITE_WEBP_QUALITY, 101), "webp", 61, 37),  # without loss: another format inside
        (extended_webp(70_000, 3), "webp", 70_000, 3),
        # a place, a thumbnail and fill bytes before the frame itself
        (b"\xff\xd8\xff\xe1\x00\x06abcd\xff\xff" + written(".jpg")[3:], "jpeg", 61, 37),
    ],
)
def test_kind_and_size(content, kind, width, height):
    head = photo_head(content)
    assert (head.kind, head.width, head.height) == (kind, width, height)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp"])
def test_by_the_drop_there_is_a_head_or_a_reason(ending):
    content = written(ending)
    told = [head_or_reason(content[:size]) for size in range(min(len(content), 700))]
    assert set(told) <= {"cut_short", "not_a_picture", photo_head(content)}
    assert told[-1] == photo_head(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "heif"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "heif"),
        (b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x00\x03", "not_a_picture"),
        (b"\xff\xd8\xff\xe0\x00\x02garbage", "not_a_picture"),
        (b"\xff\xd8" + b"\xff" * 50, "cut_short"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(content, reason):
    with pytest.raises(RecordRefused) as refused:
        photo_head(content)
    assert refused.value.reason == reason
