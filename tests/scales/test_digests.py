from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.passes import digest_text
from citywatch.kernels.digests import WINDOW, Seen, digest_rows

MASK = (1 << 64) - 1


def murmur3(data):
    """MurmurHash3_x64_128, seed 0, in plain integers."""
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F

    def turn(x, by):
        return ((x << by) | (x >> (64 - by))) & MASK

    def final(x):
        x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCD & MASK
        x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53 & MASK
        return x ^ (x >> 33)

    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        k1 = int.from_bytes(data[at : at + 8], "little")
        k2 = int.from_bytes(data[at + 8 : at + 16], "little")
        h1 ^= turn(k1 * c1 & MASK, 31) * c2 & MASK
        h1 = (turn(h1, 27) + h2 & MASK) * 5 + 0x52DCE729 & MASK
        h2 ^= turn(k2 * c2 & MASK, 33) * c1 & MASK
        h2 = (turn(h2, 31) + h1 & MASK) * 5 + 0x38495AB5 & MASK
    h2 ^= turn(int.from_bytes(data[whole + 8 :], "little") * c2 & MASK, 33) * c1 & MASK
    h1 ^= turn(int.from_bytes(data[whole : whole + 8], "little") * c1 & MASK, 31) * c2 & MASK
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = h1 + h2 & MASK
    h2 = h2 + h1 & MASK
    h1, h2 = final(h1), final(h2)
    h1 = h1 + h2 & MASK
    return h1, h2 + h1 & MASK


def digest(*texts):
    data = np.frombuffer(b"".join(texts) or b"\0", np.uint8)
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return digest_rows(data, ends - np.array([len(text) for text in texts]), ends)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (b"", "0" * 32),
        (b"hello", "cbd8a7b341bd9b025b1e906a48ae1d19"),
        (b"The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c7a433ca9c49a9347"),
    ],
)
def test_published_values(text, known):
    assert digest_text(*digest(text)[0].tolist()) == known


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=6))
def test_fast_equals_naive_hash(texts):
    assert [tuple(row) for row in digest(*texts).tolist()] == [murmur3(text) for text in texts]


class NaiveSeen:
    """Remembers the last `window` different digests, in the order in which they were last seen."""

    def __init__(self, window):
        self.window, self.order = window, OrderedDict()

    def mark(self, digest):
        known = digest in self.order
        self.order[digest] = True
        self.order.move_to_end(digest)
        if len(self.order) > self.window:
            self.order.popitem(last=False)
        return known


@given(window=st.integers(1, 20), batches=st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=8))
def test_a_repeat_within_the_window_is_always_seen_and_a_first_never(window, batches):
    seen, naive, ever = Seen(window), NaiveSeen(window), set()
    for batch in batches:
        marks = seen.mark(np.array([(n, n * 7) for n in batch], np.uint64).reshape(-1, 2))
        for number, mark in zip(batch, marks.tolist(), strict=True):
            if naive.mark(number):
                assert mark
            if number not in ever:
                assert not mark
            ever.add(number)


def test_colliding_slots_and_the_zero_digest():
    digests = np.zeros((64, 2), np.uint64)
    digests[:, 0] = 1 << 40  # all want the same slot
    digests[:, 1] = np.arange(64)
    seen = Seen(64)
    assert not seen.mark(digests).any()
    assert seen.mark(digests).all()
    zero = np.zeros((1, 2), np.uint64)
    assert seen.mark(zero).tolist() == [False]
    assert seen.mark(zero).tolist() == [True]
    with pytest.raises(ValueError, match="window"):
        Seen(0)


def test_a_million_rows_apart_is_still_a_repeat():
    seen = Seen()
    rows = np.stack(
        [np.arange(WINDOW, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15), np.arange(WINDOW, dtype=np.uint64)], 1
    )
    assert not seen.mark(rows).any()
    assert seen.mark(rows[:1]).all()
    assert not seen.mark(rows + np.uint64(1 << 30)).any()
    assert seen.mark(rows[:1]).all()
    assert WINDOW >= 1_000_000
