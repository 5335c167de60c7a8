"""Kernels of stretches of time against the plainest loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import intervals

LOW, HIGH = -5, 30
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(LOW, HIGH), st.integers(LOW, HIGH)), max_size=14)


def ints(values):
    return np.array(list(values), np.int64)


def painted(given_rows):
    ordered = sorted(given_rows, key=lambda row: row[0])
    offsets = ints([0, *(sum(row[0] <= d for row in ordered) for d in range(3))])
    begin, end = ints(row[1] for row in ordered), ints(row[2] for row in ordered)
    out = [np.empty(2 * len(ordered) + 3, np.int64) for _ in range(4)]
    made = intervals.paint(offsets, begin, end, *out)
    return ordered, [column[:made] for column in out]


@settings(max_examples=60)
@given(rows)
def test_paint_is_the_strongest_row_at_every_instant(given_rows):
    ordered, (device, begin, end, fact) = painted(given_rows)
    for d in range(3):
        mine = np.flatnonzero(device == d)
        assert begin[mine[0]] == intervals.BEGINNING
        assert end[mine[-1]] == intervals.END
        assert (end[mine[:-1]] == begin[mine[1:]]).all()
        assert (fact[mine[:-1]] != fact[mine[1:]]).all()
        for at in range(LOW - 1, HIGH + 2):
            holds = [i for i, (of, a, b) in enumerate(ordered) if of == d and a <= at < b]
            found = fact[mine][(begin[mine] <= at) & (at < end[mine])]
            assert found.tolist() == [max(holds, default=-1)]


def test_paint_takes_ends_outside_of_time():
    out = [np.empty(3, np.int64) for _ in range(4)]
    made = intervals.paint(ints([0, 1]), ints([-(2**63)]), ints([2**63 - 1]), *out)
    assert made == 1
    assert (out[1][0], out[2][0], out[3][0]) == (intervals.BEGINNING, intervals.END, 0)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(LOW, HIGH), st.integers(LOW, HIGH)), max_size=10),
    st.sets(st.integers(LOW, HIGH), max_size=12),
    st.integers(LOW, HIGH),
    st.integers(LOW, HIGH),
)
def test_required_counts_every_instant(stretches, edges, from_ns, to_ns):
    edges = sorted(edges)[: len(edges) // 2 * 2]
    opens, closes = ints(edges[::2]), ints(edges[1::2])
    out = np.empty(len(stretches), np.int64)
    begin, end = ints(a for a, _ in stretches), ints(b for _, b in stretches)
    intervals.required(begin, end, opens, closes, from_ns, to_ns, out)
    for (a, b), found in zip(stretches, out.tolist(), strict=True):
        inside = [
            t
            for t in range(max(a, from_ns), min(b, to_ns))
            if any(o <= t < c for o, c in zip(edges[::2], edges[1::2], strict=True))
        ]
        assert found == len(inside)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=16))
def test_failures_are_a_little_machine(stretches):
    stretches = sorted(stretches, key=lambda row: row[0])
    device, meaning = ints(d for d, _ in stretches), np.array([m for _, m in stretches], np.uint8)
    begin = np.arange(len(stretches), dtype=np.int64)
    out = [np.empty(len(stretches), np.int64) for _ in range(3)]
    made = intervals.failures(device, begin, meaning, *out)
    expected = []
    for d in range(3):
        open_since = last = None
        for i in [i for i in range(len(stretches)) if stretches[i][0] == d]:
            if meaning[i] == intervals.FAILS:
                open_since, last = (i if open_since is None else open_since), i
            elif meaning[i] == intervals.OTHER:
                last = i
            elif open_since is not None:
                expected.append((open_since, last + 1, i))
                open_since = None
        if open_since is not None:
            expected.append((open_since, last + 1, intervals.END))
    assert list(zip(*(column[:made].tolist() for column in out), strict=True)) == expected


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 3)), max_size=40))
def test_sums_of_a_fleet_do_not_overflow(parts):
    whole, rest = np.zeros(4, np.int64), np.zeros(4, np.int64)
    intervals.add_up(ints(a for a, _ in parts), ints(b for _, b in parts), 1_000_000_000, whole, rest)
    for code in range(4):
        assert int(whole[code]) * 1_000_000_000 + int(rest[code]) == sum(a for a, b in parts if b == code)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64, 501])
def test_runs_are_sorted_with_their_tags(size):
    random = np.random.default_rng(size)
    for value in (
        random.integers(-9, 9, size),
        np.arange(size)[::-1].copy(),
        np.sort(random.integers(0, 99, size)),
        np.concatenate([np.arange(size // 2), np.arange(size - size // 2)]),
    ):
        given = value.astype(np.int64)
        tag = np.arange(size, dtype=np.int64)
        out = given.copy()
        intervals.sort_runs(out, tag, *(np.empty(size, np.int64) for _ in range(2)), np.empty(size + 1, np.int64))
        assert out.tolist() == sorted(given.tolist())
        assert given[tag].tolist() == out.tolist()
        assert sorted(tag.tolist()) == list(range(size))
