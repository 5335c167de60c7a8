"""Stretches of time: which of many overlapping facts holds when, and how much of a stretch is required time.

Instants are int64 nanoseconds between -2**62 and 2**62. A device's facts are consecutive rows, from the weakest to the
strongest; `offsets` (devices + 1,) says where each device's rows begin.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

BEGINNING = -(2**62)
END = 2**62

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_U8 = np.ndarray[Any, np.dtype[np.uint8]]

OTHER, WORKS, FAILS, GONE = 0, 1, 2, 3
"""What a stretch means for failures: neither begins nor ends one; works; fails; not there, which ends a failure."""


@kernel(
    "int64(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), int64[::1], int64[::1], int64[::1], int64[::1])"
)
def paint(offsets: _I64, begin: _I64, end: _I64, out_device: _I64, out_from: _I64, out_to: _I64, out_fact: _I64) -> int:
    """Cut all time of each device into stretches, each with the strongest fact that covers it. Returns how many.

    offsets      (d + 1,) int64   first row of each device
    begin, end   (n,) int64, ns   a row covers [begin, end); an empty or reversed one covers nothing
    out_device   (2 n + d,) int64 device of each stretch, by device and time
    out_from, out_to (2 n + d,)   its ends; those of a device lie side by side from BEGINNING to END
    out_fact     (2 n + d,)       the row that holds, -1 for none
    """
    made = 0
    for d in range(offsets.shape[0] - 1):
        first, last = offsets[d], offsets[d + 1]
        edges = np.empty(2 * (last - first) + 2, np.int64)
        edges[0] = BEGINNING
        edges[1] = END
        used = 2
        for i in range(first, last):
            if begin[i] < end[i]:
                edges[used] = min(max(begin[i], BEGINNING), END)
                edges[used + 1] = min(max(end[i], BEGINNING), END)
                used += 2
        edges = np.sort(edges[:used])
        slots = 0
        for k in range(1, used):
            if edges[k] != edges[slots]:
                slots += 1
                edges[slots] = edges[k]
        owner = np.full(slots, -1, np.int64)
        free = np.arange(slots + 1)  # the first slot from here on that nobody holds; paths are halved on the way
        for back in range(last - first):
            i = last - 1 - back
            if begin[i] >= end[i]:
                continue
            slot = np.searchsorted(edges[: slots + 1], min(max(begin[i], BEGINNING), END))
            behind = np.searchsorted(edges[: slots + 1], min(max(end[i], BEGINNING), END))
            while True:
                while free[slot] != slot:
                    free[slot] = free[free[slot]]
                    slot = free[slot]
                if slot >= behind:
                    break
                owner[slot] = i
                free[slot] = slot + 1
        for slot in range(slots):
            if slot > 0 and owner[slot] == owner[slot - 1]:
                out_to[made - 1] = edges[slot + 1]
                continue
            out_device[made] = d
            out_from[made] = edges[slot]
            out_to[made] = edges[slot + 1]
            out_fact[made] = owner[slot]
            made += 1
    return made


@kernel(
    "void(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64, int64, int64[::1])"
)
def required(begin: _I64, end: _I64, opens: _I64, closes: _I64, from_ns: int, to_ns: int, out: _I64) -> None:
    """How much of each stretch is inside a window and inside the hours of a calendar.

    begin, end     (n,) int64, ns   stretches
    opens, closes  (m,) int64, ns   the calendar's hours, sorted, apart from each other
    from_ns, to_ns                  the window
    out            (n,) int64, ns
    """
    before = np.empty(opens.shape[0] + 1, np.int64)
    before[0] = 0
    for k in range(opens.shape[0]):
        before[k + 1] = before[k] + max(0, min(closes[k], to_ns) - max(opens[k], from_ns))
    for i in range(begin.shape[0]):
        a, b = max(begin[i], from_ns), min(end[i], to_ns)
        if a >= b:
            out[i] = 0
            continue
        first = np.searchsorted(closes, a, side="right")  # the first hours that end behind a
        behind = np.searchsorted(opens, b)  # the first that begin at b or later
        if first >= behind:
            out[i] = 0
            continue
        lost = max(0, a - max(opens[first], from_ns)) + max(0, min(closes[behind - 1], to_ns) - b)
        out[i] = before[behind] - before[first] - lost


@kernel("void(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64, int64[::1], int64[::1])")
def add_up(spent: _I64, code: _I64, unit: int, out_whole: _I64, out_rest: _I64) -> None:
    """Exact sums by code, in two parts: device-time of a fleet does not fit into 64 bits of nanoseconds.

    spent  (n,) int64, >= 0
    code   (n,) int64   index into the outputs
    unit                what the whole part counts
    out_whole, out_rest (codes,) int64   added to; the sum is out_whole * unit + out_rest
    """
    for i in range(spent.shape[0]):
        whole = spent[i] // unit
        out_whole[code[i]] += whole
        out_rest[code[i]] += spent[i] - whole * unit


@kernel(
    "int64(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " Array(uint8, 1, 'C', readonly=True), int64[::1], int64[::1], int64[::1])"
)
def failures(device: _I64, begin: _I64, meaning: _U8, out_first: _I64, out_behind: _I64, out_to: _I64) -> int:
    """Failures: from the first stretch that fails to the next one that works, or until the device is gone.

    What is neither (unknown, disabled) between two failing stretches does not divide them. Returns how many.

    device, begin  (n,) int64   stretches by device and time
    meaning        (n,) uint8   OTHER, WORKS, FAILS or GONE
    out_first, out_behind  (n,) int64   each failure's first stretch, and the one behind its last
    out_to                 (n,) int64   its end, END while it lasts
    """
    made = 0
    lasting = False
    for i in range(device.shape[0]):
        if i > 0 and device[i] != device[i - 1]:
            lasting = False
        if meaning[i] == FAILS:
            if not lasting:
                out_first[made] = i
                made += 1
                lasting = True
            out_behind[made - 1] = i + 1
            out_to[made - 1] = END
        elif lasting and meaning[i] == OTHER:
            out_behind[made - 1] = i + 1
        elif lasting:
            out_to[made - 1] = begin[i]
            lasting = False
    return made
