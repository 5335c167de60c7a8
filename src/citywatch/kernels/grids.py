"""Small grey pictures packed without loss, at a tenth of what PNG takes of the processor.

Each pixel is told by the one above it (in the first row: by the one to its left, the first one by 0), as the difference
modulo 256 with its sign in the lowest bit: 0, -1, 1, -2... become 0, 1, 2, 3... Sixteen of them in a row are a group
(the last one of a row is filled with zeros) that takes as many bits for each as its largest needs, 0 to 8; lowest bits
first. So a group is 2 bytes for each bit. Camera noise leaves no repetitions for a dictionary to find, and this is
nearly what an entropy coder makes of it. wire/grids.py has the frame around it, and a plain reader.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

GROUP = 16
MOST_BITS = 8

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_BYTES = "Array(uint8, 1, 'C', readonly=True)"


_EACH_2 = np.uint64(0x0000_0001_0000_0001)
_EACH_4 = np.uint64(0x0001_0001_0001_0001)
_EACH_8 = np.uint64(0x0101_0101_0101_0101)
_ONE, _BYTE = np.uint64(1), np.uint64(8)


@kernel("uint64(Array(uint8, 1, 'C', readonly=True), uint64)")
def _word(row: Bytes, at: np.uint64) -> np.uint64:
    """Eight bytes as one number, lowest first; written out so that the compiler makes one load of it."""
    word = np.uint64(row[at]) | np.uint64(row[at + np.uint64(1)]) << np.uint64(8)
    word |= np.uint64(row[at + np.uint64(2)]) << np.uint64(16) | np.uint64(row[at + np.uint64(3)]) << np.uint64(24)
    word |= np.uint64(row[at + np.uint64(4)]) << np.uint64(32) | np.uint64(row[at + np.uint64(5)]) << np.uint64(40)
    word |= np.uint64(row[at + np.uint64(6)]) << np.uint64(48) | np.uint64(row[at + np.uint64(7)]) << np.uint64(56)
    return word


@kernel("void(uint64, uint8[::1], uint64)")
def _put(word: np.uint64, out: Bytes, at: np.uint64) -> None:
    """Undo `_word`, as one store."""
    out[at] = np.uint8(word)
    out[at + np.uint64(1)] = np.uint8(word >> np.uint64(8))
    out[at + np.uint64(2)] = np.uint8(word >> np.uint64(16))
    out[at + np.uint64(3)] = np.uint8(word >> np.uint64(24))
    out[at + np.uint64(4)] = np.uint8(word >> np.uint64(32))
    out[at + np.uint64(5)] = np.uint8(word >> np.uint64(40))
    out[at + np.uint64(6)] = np.uint8(word >> np.uint64(48))
    out[at + np.uint64(7)] = np.uint8(word >> np.uint64(56))


@kernel("uint64(uint64)")
def _bits(codes: np.uint64) -> np.uint64:
    """As many bits as the largest of eight codes needs."""
    codes |= codes >> np.uint64(32)
    codes |= codes >> np.uint64(16)
    codes |= codes >> np.uint64(8)
    most = np.uint8(codes)
    bits = np.uint64(0)
    for bit in range(MOST_BITS):
        bits += np.uint64(most >> np.uint8(bit) != 0)
    return bits


@kernel("uint64(uint64, uint64)")
def _squeezed(codes: np.uint64, bits: np.uint64) -> np.uint64:
    """Eight codes of a byte each, moved together to `bits` each: pairs, pairs of pairs, both halves."""
    low = np.uint64(0x00FF_00FF_00FF_00FF)
    codes = (codes & low) | (codes & ~low) >> (_BYTE - bits)
    low = np.uint64(0x0000_FFFF_0000_FFFF)
    codes = (codes & low) | (codes & ~low) >> (np.uint64(2) * (_BYTE - bits))
    low = np.uint64(0x0000_0000_FFFF_FFFF)
    return np.uint64((codes & low) | (codes & ~low) >> (np.uint64(4) * (_BYTE - bits)))


@kernel("uint64(uint64, uint64)")
def _spread(word: np.uint64, bits: np.uint64) -> np.uint64:
    """Undo `_squeezed`; what stands above the eight codes is left out."""
    low = (_ONE << (np.uint64(4) * bits)) - _ONE
    word = (word & low) | (word & low << (np.uint64(4) * bits)) << (np.uint64(4) * (_BYTE - bits))
    low = ((_ONE << (np.uint64(2) * bits)) - _ONE) * _EACH_2
    word = (word & low) | (word & low << (np.uint64(2) * bits)) << (np.uint64(2) * (_BYTE - bits))
    low = ((_ONE << bits) - _ONE) * _EACH_4
    return np.uint64((word & low) | (word & low << bits) << (_BYTE - bits))


@kernel("uint8(uint8, uint8)")
def _code(value: np.uint8, told: np.uint8) -> np.uint8:
    """The difference modulo 256, its sign in the lowest bit."""
    step = ((np.int32(value) - np.int32(told) + np.int32(128)) & np.int32(255)) - np.int32(128)
    return np.uint8((step << np.int32(1) ^ step >> np.int32(31)) & np.int32(255))


@kernel(f"int64({_PLANE}, uint8[::1], uint8[::1])")
def pack(plane: Plane, widths: Bytes, payload: Bytes) -> int:
    """Pack a plane; returns how many bytes of `payload` are used.

    plane    (h, w) uint8, C-contiguous
    widths   (h * ceil(w / 16),) uint8, overwritten: bits of each group, row by row
    payload  at least (16 * groups,) uint8, overwritten as far as it is used, and up to 7 bytes beyond
    """
    height, width = plane.shape
    groups = (width + GROUP - 1) // GROUP
    codes = np.zeros(groups * GROUP, np.uint8)
    at = np.uint64(0)
    number = np.uint64(0)
    for y in range(height):
        row = plane[y]
        if y > 0:
            above = plane[y - 1]
            for x in range(width):
                codes[x] = _code(row[x], above[x])
        else:
            told = np.uint8(0)
            for x in range(width):
                codes[x] = _code(row[x], told)
                told = row[x]
        for group in range(groups):
            begin = np.uint64(group * GROUP)
            first, second = _word(codes, begin), _word(codes, begin + _BYTE)
            bits = _bits(first | second)
            widths[number] = np.uint8(bits)
            number += _ONE
            _put(_squeezed(first, bits), payload, at)
            _put(_squeezed(second, bits), payload, at + bits)
            at += bits + bits
    return int(at)


@kernel(f"void({_BYTES}, {_BYTES}, uint8[:, ::1])")
def unpack(widths: Bytes, payload: Bytes, plane: Plane) -> None:
    """Undo `pack`. The caller has checked that every width is at most 8 and that the payload is as long as they say.

    widths   (h * ceil(w / 16),) uint8
    payload  (2 * sum of the widths,) uint8
    plane    (h, w) uint8, C-contiguous, overwritten
    """
    height, width = plane.shape
    groups = (width + GROUP - 1) // GROUP
    steps = np.zeros(groups * GROUP, np.uint8)
    size = np.uint64(payload.shape[0])
    at = np.uint64(0)
    number = np.uint64(0)
    for y in range(height):
        for half in range(2 * groups):
            bits = np.uint64(widths[number + np.uint64(half >> 1)])
            if at + _BYTE <= size:
                word = _word(payload, at)
            else:
                word = np.uint64(0)
                for i in range(size - at):
                    word |= np.uint64(payload[at + np.uint64(i)]) << (_BYTE * np.uint64(i))
            codes = _spread(word, bits)
            _put(
                (codes >> _ONE & ~(_EACH_8 << np.uint64(7))) ^ (codes & _EACH_8) * np.uint64(255),
                steps,
                np.uint64(8 * half),
            )
            at += bits
        number += np.uint64(groups)
        row = plane[y]
        if y > 0:
            above = plane[y - 1]
            for x in range(width):
                row[x] = np.uint8(np.int32(above[x]) + np.int32(steps[x]) & 255)
        else:
            told = np.uint8(0)
            for x in range(width):
                told = np.uint8(np.int32(told) + np.int32(steps[x]) & 255)
                row[x] = told
