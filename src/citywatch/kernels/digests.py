"""Which record is which: 128-bit digests of content, and a bounded memory of those seen lately."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_F1 = np.uint64(0xFF51AFD7ED558CCD)
_F2 = np.uint64(0xC4CEB9FE1A85EC53)
_FIVE = np.uint64(5)
_ADD1 = np.uint64(0x52DCE729)
_ADD2 = np.uint64(0x38495AB5)
_SIXTY_FOUR = np.uint64(64)
_THIRTY_THREE = np.uint64(33)
_EIGHT = np.uint64(8)
_R27, _R31, _R33 = np.uint64(27), np.uint64(31), np.uint64(33)

WINDOW = 1 << 20
"""A Seen recognises a repeat among at least this many rows before it."""


@kernel("uint64(uint64, uint64)")
def rotate_left(x: Any, by: Any) -> Any:
    """`x` turned left by 1 to 63 bits."""
    return (x << by) | (x >> (_SIXTY_FOUR - by))


@kernel("uint64(uint64)")
def mix_final(x: Any) -> Any:
    """MurmurHash3's fmix64."""
    x = (x ^ (x >> _THIRTY_THREE)) * _F1
    x = (x ^ (x >> _THIRTY_THREE)) * _F2
    return x ^ (x >> _THIRTY_THREE)


@kernel("uint64(Array(uint8, 1, 'C', readonly=True), int64, int64)")
def read_word(data: Any, at: int, count: int) -> Any:
    """`count` (0 to 8) bytes from `at`, little-endian, the missing ones as zeros."""
    word = np.uint64(0)
    for i in range(count):
        word |= np.uint64(data[at + i]) << (np.uint64(i) * _EIGHT)
    return word


@kernel("uint64(Array(uint8, 1, 'C', readonly=True), int64)")
def read_eight(data: Any, at: int) -> Any:
    """Eight bytes from `at`, little-endian; written out so that the compiler makes one load of it."""
    return (
        np.uint64(data[at])
        | np.uint64(data[at + 1]) << np.uint64(8)
        | np.uint64(data[at + 2]) << np.uint64(16)
        | np.uint64(data[at + 3]) << np.uint64(24)
        | np.uint64(data[at + 4]) << np.uint64(32)
        | np.uint64(data[at + 5]) << np.uint64(40)
        | np.uint64(data[at + 6]) << np.uint64(48)
        | np.uint64(data[at + 7]) << np.uint64(56)
    )


@kernel(
    "void(Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), uint64[:, ::1])",
)
def digest_spans(data: Any, starts: Any, ends: Any, out: Any) -> None:
    """MurmurHash3_x64_128 with seed 0 (Austin Appleby, public domain) of each span data[starts[i]:ends[i]].

    data          (n,) uint8
    starts, ends  (rows,) int64
    out           (rows, 2) uint64, out: h1, h2

    Part of every pass's identity, so it never changes. It is no cryptographic hash: it tells records apart that
    are not made to collide.
    """
    for row in range(starts.shape[0]):
        start = starts[row]
        length = ends[row] - start
        h1 = np.uint64(0)
        h2 = np.uint64(0)
        at = start
        for _ in range(length // 16):
            k1 = read_eight(data, at)
            k2 = read_eight(data, at + 8)
            h1 ^= rotate_left(k1 * _C1, _R31) * _C2
            h1 = (rotate_left(h1, _R27) + h2) * _FIVE + _ADD1
            h2 ^= rotate_left(k2 * _C2, _R33) * _C1
            h2 = (rotate_left(h2, _R31) + h1) * _FIVE + _ADD2
            at += 16
        rest = length % 16
        if rest > 8:
            h2 ^= rotate_left(read_word(data, at + 8, rest - 8) * _C2, _R33) * _C1
        if rest > 0:
            h1 ^= rotate_left(read_word(data, at, min(rest, 8)) * _C1, _R31) * _C2
        h1 ^= np.uint64(length)
        h2 ^= np.uint64(length)
        h1 += h2
        h2 += h1
        h1 = mix_final(h1)
        h2 = mix_final(h2)
        h1 += h2
        h2 += h1
        out[row, 0] = h1
        out[row, 1] = h2


@kernel("int64(uint64[:, ::1], uint64, uint64)")
def find_slot(table: Any, h1: Any, h2: Any) -> Any:
    """The slot that holds (h1, h2), or -1 - slot for the free slot where it belongs.

    table (slots, 2) uint64, slots a power of two, never full; (0, 0) is a free slot.
    """
    mask = np.uint64(table.shape[0] - 1)
    slot: Any = np.int64(h1 & mask)
    while True:
        a = table[slot, 0]
        b = table[slot, 1]
        if a == h1 and b == h2:
            return slot
        if a == np.uint64(0) and b == np.uint64(0):
            return -1 - slot
        slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)


@kernel("int64(uint64[:, :, ::1], int64[::1], int64, Array(uint64, 2, 'C', readonly=True), boolean[::1])")
def mark_seen(tables: Any, state: Any, window: int, digests: Any, repeated: Any) -> int:
    """Mark the digests that were seen lately, remember the others; returns how many were repeats.

    tables    (2, slots, 2) uint64, changed: the generation that is filled and the one before it
    state     (2,) int64, changed: which generation is filled, and how many digests it holds
    window    digests a generation takes; slots must be at least twice as many
    digests   (rows, 2) uint64
    repeated  (rows,) bool, out
    """
    count = 0
    for row in range(digests.shape[0]):
        h1 = digests[row, 0]
        h2 = digests[row, 1]
        if h1 == np.uint64(0) and h2 == np.uint64(0):
            h2 = np.uint64(1)
        slot = find_slot(tables[state[0]], h1, h2)
        known = slot >= 0
        if not known:
            known = find_slot(tables[1 - state[0]], h1, h2) >= 0
            if state[1] == window:
                state[0] = 1 - state[0]
                state[1] = 0
                tables[state[0]] = np.uint64(0)
                slot = find_slot(tables[state[0]], h1, h2)
            tables[state[0], -1 - slot, 0] = h1
            tables[state[0], -1 - slot, 1] = h2
            state[1] += 1
        repeated[row] = known
        if known:
            count += 1
    return count


class Seen:
    """Remembers digests: a repeat within the last `window` rows is always recognised, older ones perhaps.

    Two generations of open addressing; when one is full the older is forgotten. Memory: 64 bytes times `window`
    rounded up to a power of two, whatever passes through.
    """

    def __init__(self, window: int = WINDOW) -> None:
        if window < 1:
            raise ValueError(f"window is {window}; it must be at least 1")
        slots = 2 << (window - 1).bit_length()
        self._window = window
        self._tables = np.zeros((2, slots, 2), np.uint64)
        self._state = np.zeros(2, np.int64)

    def mark(self, digests: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each of (rows, 2) digests whether it was there before, in this call or an earlier one."""
        repeated = np.zeros(len(digests), np.bool_)
        mark_seen(self._tables, self._state, self._window, np.ascontiguousarray(digests), repeated)
        return repeated


def digest_rows(
    data: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], ends: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Digests (rows, 2) uint64 of the spans data[starts[i]:ends[i]]; see digest_spans."""
    out = np.empty((len(starts), 2), np.uint64)
    with np.errstate(over="ignore"):  # wraps on purpose; NumPy minds when the compiler is off
        digest_spans(data, starts, ends, out)
    return out
