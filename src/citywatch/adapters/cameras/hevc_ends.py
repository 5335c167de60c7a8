"""Whether the slices of an H.265 key frame end where their bytes end: what its decoder does not tell of a damage.

libavcodec's H.265 decoder hides nothing and says nothing: behind a lost packet or an altered byte it goes on decoding
what is not there, and what comes out may be anything from a plain grey to a carpet of shards. But the arithmetic code
of a slice whose bytes all arrived is used up with its last block, no byte earlier and no byte later (ITU-R H.265,
9.3.2.5). So the key frame is decoded again, and compared:

with bytes behind each slice       changes nothing in a whole picture; a decoder that ran out of bytes reads them.
with each slice's last bytes altered   changes the last blocks of a whole picture; a decoder that lost its way, and
                                   came to the end of the picture before that of the bytes, never looks at them.

Neither has a threshold. A decoding each is much for a visit, so it is asked only of a picture that is unlike what is
known of its camera (`examiner`). In a picture of several slices the second sees a damage only where no slice is whole;
slices with entry points (tiles, wavefronts) are judged by their last part.
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
_FIRST_OTHER = 32
"""NAL unit types below it are slices (ITU-T H.265, table 7-1)."""
_ALTERED = bytes.maketrans(bytes(range(256)), bytes((value ^ 0x55) | 4 for value in range(256)))
"""Never 0 to 3: no start code and no byte that keeps one apart comes into being."""
_MORE = bytes(4 + 37 * number % 248 for number in range(MORE_BYTES))


def is_damaged(content: bytes, decoded: decode.Decoded, most_pixels: int) -> bool:
    """Whether bytes of a key frame (Annex B) are missing or altered. `decoded`: what it gave. Raises MemoryError."""
    if not any(is_slice for _, is_slice in _units(content)):
        return False
    return _changes(content, _longer, decoded, most_pixels) or not _changes(content, _other, decoded, most_pixels)


def _changes(content: bytes, alter: Callable[[bytes], bytes], decoded: decode.Decoded, most_pixels: int) -> bool:
    """Whether the picture comes out another, or not at all, with its slices altered."""
    altered = b"".join(alter(unit) if is_slice else unit for unit, is_slice in _units(content))
    try:
        again = decode.decode_key_frame("hevc", altered, most_pixels)
    except decode.Undecodable:
        return True
    if again.decode_errors > decoded.decode_errors:
        return True
    planes = (decoded.luma, again.luma), (decoded.chroma_u, again.chroma_u), (decoded.chroma_v, again.chroma_v)
    return not all(a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in planes)


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


def _longer(unit: bytes) -> bytes:
    return _trimmed(unit) + _MORE


def _other(unit: bytes) -> bytes:
    unit = _trimmed(unit)
    keep = max(len(unit) - max(TAIL_BYTES, len(unit) // TAIL_PART), min(_HEAD_BYTES, len(unit)))
    return unit[:keep] + unit[keep:].translate(_ALTERED)
