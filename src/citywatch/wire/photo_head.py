"""What a photo says of itself in its first bytes: its kind and size, before anybody decodes a pixel of it.

JPEG (ITU-T T.81, B.2.2: the first start-of-frame segment), PNG (ISO/IEC 15948, IHDR) and WebP (RFC 9649: VP8, VP8L and
VP8X). What it says is not believed beyond that: who decodes does so with limits of its own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from citywatch.errors import RecordRefused

_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif"})


@dataclass(frozen=True, slots=True)
class PhotoHead:
    """`kind` is jpeg, png or webp; the size is in pixels, as stored (a phone may have it lie on its side)."""

    kind: str
    width: int
    height: int


def photo_head(content: bytes) -> PhotoHead:
    """Kind and size of a photo. RecordRefused: `not_a_picture`, `heif` or `cut_short`."""
    try:
        head = _head(content)
    except (struct.error, IndexError) as error:
        raise RecordRefused("cut_short", "the photo is cut short; send it again", field="body") from error
    if head.width <= 0 or head.height <= 0:
        raise RecordRefused("not_a_picture", "the photo says that it has no pixels", field="body")
    return head


def _head(content: bytes) -> PhotoHead:
    if content.startswith(b"\xff\xd8\xff"):
        return PhotoHead("jpeg", *_jpeg(content))
    if content.startswith(_PNG):
        return PhotoHead("png", *struct.unpack_from(">II", content, 16))
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return PhotoHead("webp", *_webp(content))
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF:
        raise RecordRefused("heif", "HEIF and AVIF cannot be read; let the phone send JPEG", field="body")
    raise RecordRefused("not_a_picture", "this is no photo; send JPEG, PNG or WebP", field="body")


def _jpeg(content: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if content[at] != 0xFF:
            raise RecordRefused("not_a_picture", "the JPEG is damaged before its first frame", field="body")
        while content[at] == 0xFF:  # fill bytes
            at += 1
        marker = content[at]
        at += 1
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            return width, height
        if marker not in _ALONE:
            at += max(struct.unpack_from(">H", content, at)[0], 2)


def _webp(content: bytes) -> tuple[int, int]:
    match content[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            low, high = struct.unpack_from("<II", content[24:30] + b"\0\0", 0)
            return (low & 0xFFFFFF) + 1, (low >> 24 | (high & 0xFFFF) << 8) + 1
        case _:
            raise RecordRefused("not_a_picture", "this WebP begins with nothing that is known", field="body")
