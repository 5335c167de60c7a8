"""Packed grey pictures as bytes: what the object store holds of a look, and the PNG that people see of it.

    CWG1  width u16  height u16  widths, two a byte, the first in the lower half  payload

in little-endian order; kernels/grids.py says what widths and payload are. This reader needs no compiled kernel: the API
shows a picture now and then, the decoders read one at every look (adapters/cameras/examiner.py).
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from citywatch.errors import DataError

MAGIC = b"CWG1"
GROUP = 16
_MOST_BITS = 8
_HEAD = struct.Struct("<4sHH")
_MOST_SIDE = 16_384
_PNG = b"\x89PNG\r\n\x1a\n"

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def frame(width: int, height: int, widths: Bytes, payload: Bytes) -> bytes:
    """The bytes of a packed picture. widths (groups,) uint8, payload (n,) uint8: see kernels.grids.pack."""
    halves = np.append(widths, np.uint8(0)) if len(widths) % 2 else widths
    packed = halves[0::2] | halves[1::2] << 4
    return _HEAD.pack(MAGIC, width, height) + packed.tobytes() + payload.tobytes()


def parts(content: bytes) -> tuple[int, int, Bytes, Bytes]:
    """(width, height, widths, payload) of a packed picture, checked. Raises DataError."""
    if len(content) < _HEAD.size or not content.startswith(MAGIC):
        raise DataError("no packed picture")
    _, width, height = _HEAD.unpack_from(content)
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise DataError(f"a packed picture of {width}x{height} pixels")
    groups = height * -(-width // GROUP)
    body = np.frombuffer(content, np.uint8, offset=_HEAD.size)
    halves = body[: (groups + 1) // 2]
    widths = np.stack([halves & 15, halves >> 4], axis=1).reshape(-1)[:groups]
    payload = body[len(halves) :]
    if len(widths) != groups or widths.max() > _MOST_BITS or len(payload) != 2 * int(widths.sum(dtype=np.int64)):
        raise DataError("a packed picture that is cut short or damaged")
    return width, height, np.ascontiguousarray(widths), payload


def unpack(content: bytes) -> Plane:
    """The picture, (h, w) uint8. Raises DataError."""
    width, height, widths, payload = parts(content)
    codes = np.zeros((len(widths), GROUP), np.uint8)
    begins = np.cumsum(2 * widths.astype(np.int64)) - 2 * widths
    for bits in range(1, _MOST_BITS + 1):
        groups = np.flatnonzero(widths == bits)
        places = begins[groups, None] + np.arange(2 * bits)
        digits = np.unpackbits(payload[places], axis=1, bitorder="little").reshape(len(groups), GROUP, bits)
        codes[groups] = (digits << np.arange(bits, dtype=np.uint8)).sum(axis=2, dtype=np.uint8)
    steps = (codes >> 1) ^ (-(codes & 1).astype(np.int8)).astype(np.uint8)
    plane = steps.reshape(height, -1)[:, :width].copy()
    plane[0] = np.cumsum(plane[0], dtype=np.uint8)
    return np.cumsum(plane, axis=0, dtype=np.uint8)


def as_png(content: bytes) -> bytes:
    """The picture as PNG, for people. Raises DataError."""
    plane = unpack(content)
    height, width = plane.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with the number of its filter: none
    rows[:, 1:] = plane
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return _PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
