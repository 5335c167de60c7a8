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


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def sort_runs(value: _I64, tag: _I64, spare_value: _I64, spare_tag: _I64, runs: _I64) -> None:
    """Sort values in place, their tags with them, by merging the runs that rise already: few runs cost little.

    value, tag              (n,) int64
    spare_value, spare_tag  (n or more,) int64, room to work in
    runs                    (n + 1 or more,) int64, the same
    """
    n = value.shape[0]
    if n == 0:
        return
    count = 0
    runs[0] = 0
    for k in range(1, n):
        if value[k] < value[k - 1]:
            count += 1
            runs[count] = k
    count += 1
    runs[count] = n
    while count > 1:
        made = 0
        for r in range(0, count, 2):
            a, middle = runs[r], runs[min(r + 1, count)]
            b, behind = middle, runs[min(r + 2, count)]
            for k in range(a, behind):
                if b >= behind or (a < middle and value[a] <= value[b]):
                    spare_value[k], spare_tag[k] = value[a], tag[a]
                    a += 1
                else:
                    spare_value[k], spare_tag[k] = value[b], tag[b]
                    b += 1
            made += 1
            runs[made] = behind
        for k in range(n):
            value[k], tag[k] = spare_value[k], spare_tag[k]
        count = made


@kernel(
    "int64(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64[::1], int64[::1],"
    " int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])"
)
def cut(
    begin: _I64,
    end: _I64,
    value: _I64,
    whose: _I64,
    spare_value: _I64,
    spare_whose: _I64,
    runs: _I64,
    out_edges: _I64,
    out_slot: _I64,
) -> int:
    """The instants at which anything of one device begins or ends. Returns how many slots lie between them.

    begin, end  (m,) int64, ns      the device's facts
    out_edges   (2 m + 2,) int64    each instant once, from BEGINNING to END
    out_slot    (2 m,) int64        of each fact the slot that it begins with, and the one behind its last
    others      (2 m + 3 or more,)  room to work in
    """
    value[0], whose[0] = BEGINNING, -1
    used = 1
    # All beginnings, then all ends: facts of one kind lie in the order of time, so these are few rising runs.
    for i in range(begin.shape[0]):
        if begin[i] < end[i]:
            value[used] = min(max(begin[i], BEGINNING), END)
            whose[used] = 2 * i
            used += 1
    for i in range(begin.shape[0]):
        if begin[i] < end[i]:
            value[used] = min(max(end[i], BEGINNING), END)
            whose[used] = 2 * i + 1
            used += 1
    value[used], whose[used] = END, -1
    used += 1
    sort_runs(value[:used], whose[:used], spare_value, spare_whose, runs)
    slots = 0
    out_edges[0] = BEGINNING
    for k in range(used):
        if value[k] != out_edges[slots]:
            slots += 1
            out_edges[slots] = value[k]
        if whose[k] >= 0:
            out_slot[whose[k]] = slots
    return slots


@kernel(
    "void(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64[::1], int64[::1], int64[::1])"
)
def own_slots(begin: _I64, end: _I64, slot: _I64, out_owner: _I64, free: _I64) -> None:
    """Which fact of a device holds each slot: the last one that covers it; -1 for none.

    begin, end  (m,) int64, ns         from the weakest to the strongest
    slot        (2 m,) int64           as of `cut`
    out_owner   (slots,) int64
    free        (slots + 1 or more,)   room to work in
    """
    slots = out_owner.shape[0]
    for k in range(slots + 1):
        free[k] = k  # the first slot from here on that nobody holds; paths are halved on the way
    for k in range(slots):
        out_owner[k] = -1
    for back in range(begin.shape[0]):
        i = begin.shape[0] - 1 - back
        if begin[i] >= end[i]:
            continue
        here, behind = slot[2 * i], slot[2 * i + 1]
        while True:
            while free[here] != here:
                free[here] = free[free[here]]
                here = free[here]
            if here >= behind:
                break
            out_owner[here] = i
            free[here] = here + 1


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
    most = 0
    for d in range(offsets.shape[0] - 1):
        most = max(most, offsets[d + 1] - offsets[d])
    value, whose = np.empty(2 * most + 2, np.int64), np.empty(2 * most + 2, np.int64)
    spare_value, spare_whose = np.empty(2 * most + 2, np.int64), np.empty(2 * most + 2, np.int64)
    runs = np.empty(2 * most + 3, np.int64)
    edges, slot_of = np.empty(2 * most + 2, np.int64), np.empty(2 * most + 2, np.int64)
    owner, free = np.empty(2 * most + 2, np.int64), np.empty(2 * most + 3, np.int64)
    made = 0
    for d in range(offsets.shape[0] - 1):
        first, last = offsets[d], offsets[d + 1]
        slots = cut(begin[first:last], end[first:last], value, whose, spare_value, spare_whose, runs, edges, slot_of)
        own_slots(begin[first:last], end[first:last], slot_of, owner[:slots], free)
        for slot in range(slots):
            if slot > 0 and owner[slot] == owner[slot - 1]:
                out_to[made - 1] = edges[slot + 1]
                continue
            out_device[made] = d
            out_from[made] = edges[slot]
            out_to[made] = edges[slot + 1]
            out_fact[made] = -1 if owner[slot] < 0 else first + owner[slot]
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
