"""Whether the slices of an H.265 key frame end where their bytes end: what its decoder does not tell of a damage.

libavcodec's H.265 decoder hides nothing and says nothing: behind a lost packet or an altered byte it goes on decoding
what is not there, and what comes out may be anything from a plain grey to a carpet of shards. But the arithmetic code
of a slice whose bytes all arrived is used up with its last block, no byte earlier and no byte later (ITU-R H.265,
9.3.2.5). So the key frame is decoded again, and compared:

with bytes behind each slice         changes nothing in a whole picture; a decoder that ran out of bytes reads them.
with each slice's last bytes altered   changes the last blocks of a whole picture; a decoder that lost its way, and
                                   came to the end of the picture before that of the bytes, never looks at them.

Both are done at once, and mostly that is all: nothing changed, or only the lowest rows. What changes from farther up
on may be the end of a slice, or of what came of it: then the first is asked alone. A decoding is much for a visit, so
it is asked only of a picture that is unlike what is known of its camera, or shows edges on the raster (`examiner`). In
a picture of several slices altered bytes are found only where no slice is whole; slices with entry points (tiles,
wavefronts) are judged by their last part; and what is lost in the lowest LOWEST rows alone is let pass.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import numpy as np

from citywatch.adapters.cameras import decode

_START = re.compile(rb"\x00\x00\x01")
_HEADER_BYTES = 2
_HEAD_BYTES = 48
"""Left alone at the beginning of a slice: its header."""
TAIL_BYTES, TAIL_PART = 32, 200
"""Altered at the end of each slice: so many bytes, or the 200th part of them where that is more. The last blocks may
lie out of sight, as the lowest 8 of 1088 rows do in a picture of 1080.
"""
MORE_BYTES = 64
"""Put behind each slice."""
LOWEST = 0.1
"""Of a picture's height: changes there are those of the altered bytes."""
_FIRST_OTHER = 32
"""NAL unit types below it are slices (ITU-T H.265, table 7-1)."""
_ALTERED = bytes.maketrans(bytes(range(256)), bytes((value ^ 0x55) | 4 for value in range(256)))
"""Never 0 to 3: no start code and no byte that keeps one apart comes into being."""
_MORE = bytes(4 + 37 * number % 248 for number in range(MORE_BYTES))


def is_damaged(content: bytes, decoded: decode.Decoded, most_pixels: int) -> bool:
    """Whether bytes of a key frame (Annex B) are missing or altered. `decoded`: what it gave. Raises MemoryError."""
    if not any(is_slice for _, is_slice in _units(content)):
        return False
    first = _changed_from(content, lambda unit: _other(unit) + _MORE, decoded, most_pixels)
    if first is None:
        return True
    if first >= (1.0 - LOWEST) * decoded.luma.shape[0]:
        return False
    return _changed_from(content, lambda unit: _trimmed(unit) + _MORE, decoded, most_pixels) is not None


def _changed_from(
    content: bytes, alter: Callable[[bytes], bytes], decoded: decode.Decoded, most_pixels: int
) -> int | None:
    """The first row of luma that comes out another with the slices altered; 0 where none comes out, None for no change.

    Where only colours change it is the row that the first of them belongs to.
    """
    altered = b"".join(alter(unit) if is_slice else unit for unit, is_slice in _units(content))
    try:
        again = decode.decode_key_frame("hevc", altered, most_pixels)
    except decode.Undecodable:
        return 0
    height = decoded.luma.shape[0]
    first = None
    for name in ("luma", "chroma_u", "chroma_v"):
        one, other = getattr(decoded, name), getattr(again, name)
        if one is None or other is None or np.array_equal(one, other):
            continue
        row = int(np.flatnonzero((one != other).any(axis=1))[0]) * height // one.shape[0]
        first = row if first is None else min(first, row)
    return first


def _units(content: bytes) -> Iterator[tuple[bytes, bool]]:
    """(NAL unit with its start code, whether it is a slice); what stands before the first is left out."""
    starts = [match.start() for match in _START.finditer(content)]
    for begin, end in itertools.pairwise([*starts, len(content)]):
        unit = content[begin:end]
        yield unit, len(unit) > 3 + _HEADER_BYTES and unit[3] >> 1 & 0x3F < _FIRST_OTHER


def _trimmed(unit: bytes) -> bytes:
    """Without the zero words that may follow a slice's last byte."""
    unit = unit.rstrip(b"\x00")
    while unit.endswith(b"\x00\x00\x03"):
        unit = unit[:-3].rstrip(b"\x00")
    return unit


def _other(unit: bytes) -> bytes:
    unit = _trimmed(unit)
    keep = max(len(unit) - max(TAIL_BYTES, len(unit) // TAIL_PART), min(_HEAD_BYTES, len(unit)))
    return unit[:keep] + unit[keep:].translate(_ALTERED)
