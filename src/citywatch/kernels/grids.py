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


@kernel(f"int64({_PLANE}, uint8[::1], uint8[::1])")
def pack(plane: Plane, widths: Bytes, payload: Bytes) -> int:
    """Pack a plane; returns how many bytes of `payload` are used.

    plane    (h, w) uint8, C-contiguous
    widths   (h * ceil(w / 16),) uint8, overwritten: bits of each group, row by row
    payload  at least (16 * groups,) uint8, overwritten as far as it is used
    """
    height, width = plane.shape
    group = np.zeros(GROUP, np.uint8)
    at = 0
    number = 0
    for y in range(height):
        row = plane[y]
        above = plane[max(y - 1, 0)]
        for left in range(0, width, GROUP):
            count = min(GROUP, width - left)
            seen = np.uint8(0)
            for i in range(count):
                x = left + i
                if y > 0:
                    told = above[x]
                elif x > 0:
                    told = row[x - 1]
                else:
                    told = np.uint8(0)
                step = np.int32(np.int8(np.uint8(np.int32(row[x]) - np.int32(told))))
                code = np.uint8((step << 1) ^ (step >> 31))
                group[i] = code
                seen |= code
            for i in range(count, GROUP):
                group[i] = 0
            bits = 0
            while seen >> bits:
                bits += 1
            widths[number] = bits
            number += 1
            for half in range(0, GROUP, 8):
                word = np.uint64(0)
                for i in range(8):
                    word |= np.uint64(group[half + i]) << np.uint64(i * bits)
                for i in range(bits):
                    payload[at + i] = np.uint8(word & np.uint64(255))
                    word >>= np.uint64(8)
                at += bits
    return at


@kernel(f"void({_BYTES}, {_BYTES}, uint8[:, ::1])")
def unpack(widths: Bytes, payload: Bytes, plane: Plane) -> None:
    """Undo `pack`. The caller has checked that every width is at most 8 and that the payload is as long as they say.

    widths   (h * ceil(w / 16),) uint8
    payload  (2 * sum of the widths,) uint8
    plane    (h, w) uint8, C-contiguous, overwritten
    """
    height, width = plane.shape
    at = 0
    number = 0
    for y in range(height):
        for left in range(0, width, GROUP):
            bits = int(np.int64(widths[number]))
            number += 1
            mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
            for half in range(0, GROUP, 8):
                word = np.uint64(0)
                for i in range(bits):
                    word |= np.uint64(payload[at + i]) << np.uint64(8 * i)
                at += bits
                for i in range(8):
                    x = left + half + i
                    if x < width:
                        code = np.int32((word >> np.uint64(i * bits)) & mask) if bits else np.int32(0)
                        step = (code >> 1) ^ -(code & 1)
                        if y > 0:
                            told = np.int32(plane[y - 1, x])
                        elif x > 0:
                            told = np.int32(plane[y, x - 1])
                        else:
                            told = np.int32(0)
                        plane[y, x] = np.uint8(told + step)
