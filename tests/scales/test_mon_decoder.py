import os
import time

import mon_twin as twin
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.devices import scale_device
from citywatch.domain.passes import MAX_AXLES, PassBatch
from citywatch.kernels import mon
from citywatch.wire.local_time import Fold, LocalTime
from citywatch.wire.mon import KEPT_BYTES, MAX_LINE_BYTES, MonDecoder, MonReason, encode, field_at

GOOD = (
    b"  2271858 4 72012 92813700 3 2 13500 62 6750411800 4400 5500 4800 1250 4300    0" + b"    0" * 24
)  # 200 columns, one real layout


def decode(data, cuts=(), zone="UTC", fold=Fold.EARLIER, most_lines=65_536):
    """Everything that comes out of the bytes, handed in pieces: (passes, line numbers, refusals, lines)."""
    decoder = MonDecoder("S", LocalTime(zone, fold), most_lines=most_lines)
    chunks = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        decoder.receive(data[start:end])
        while (chunk := decoder.next_chunk()) is not None:
            chunks.append(chunk)
    decoder.receive_end()
    while (chunk := decoder.next_chunk()) is not None:
        chunks.append(chunk)
    assert decoder.next_chunk() is None
    assert decoder.lines == sum(chunk.lines for chunk in chunks)
    return (
        PassBatch.concat([chunk.passes for chunk in chunks]),
        [int(n) for chunk in chunks for n in chunk.numbers],
        [bad for chunk in chunks for bad in chunk.bad],
        decoder.lines,
    )


def changed(line, column, text):
    return line[: column - 1] + text + line[column - 1 + len(text) :]


def test_a_line_as_columns():
    passes, numbers, bad, lines = decode(GOOD + b"\n")
    assert (numbers, bad, lines) == ([1], [], 1)
    assert passes.device == (scale_device("S", 1, 4),)
    assert passes.at_ns.tolist() == [1_341_394_093_700_000_000]  # 2012-07-04T09:28:13.700Z
    assert passes.axle_count.tolist() == [3]
    assert passes.gross_kg.tolist() == [13_500]
    assert passes.speed_mps.tolist() == [62 / 3.6]
    assert passes.length_mm.tolist() == [6750]
    assert passes.axle_kg.tolist() == [[4400, 4800, 4300]]
    assert passes.spacing_mm.tolist() == [[5500, 1250, 0]]
    assert passes.plate == ("",)
    assert passes.received_ns.tolist() == [0]


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        (b"", "empty_line", 1),
        (b"       ", "truncated", 1),
        (GOOD[:40], "truncated", 40),
        (GOOD[:49], "truncated", 47),
        (GOOD[:60], "truncated", 61),
        (GOOD[:73], "truncated", 71),
        (changed(GOOD, 1, b"\0\0\0\0\0\0\0\0\0"), "not_a_number", 1),
        (changed(GOOD, 12, b"13"), "out_of_range", 12),
        (changed(GOOD, 10, b"31 6"), "no_such_date", 10),
        (changed(GOOD, 10, b"30 2"), "no_such_date", 10),
        (changed(GOOD, 10, b"29 22011"), "no_such_date", 10),
        (changed(GOOD, 14, b"1969"), "out_of_range", 14),
        (changed(GOOD, 18, b"24"), "out_of_range", 18),
        (changed(GOOD, 20, b"60"), "out_of_range", 20),
        (changed(GOOD, 22, b"60000"), "out_of_range", 22),
        (changed(GOOD, 27, b" 0"), "out_of_range", 27),
        (changed(GOOD, 27, b"41"), "out_of_range", 27),
        (changed(GOOD, 29, b" 4"), "out_of_range", 29),
        (changed(GOOD, 31, b"      "), "blank_field", 31),
        (changed(GOOD, 31, b"1350  "), "not_a_number", 31),
        (changed(GOOD, 31, b" -1350"), "not_a_number", 31),
        (changed(GOOD, 31, b"13 500"), "not_a_number", 31),
        (changed(GOOD, 31, b"13.500"), "not_a_number", 31),
        (changed(GOOD, 45, b"x"), "not_a_number", 45),
        (changed(GOOD, 47, b"   -"), "not_a_number", 47),
        (changed(GOOD, 51, b"     "), "blank_field", 51),
        (changed(GOOD, 56, b"55O0"), "not_a_number", 56),
        (changed(GOOD, 80, b"7"), "beyond_axles", 80),
        (GOOD + b"x", "beyond_axles", 201),
        (GOOD[:-1] + b"\0", "beyond_axles", 200),
        (b"7" * (MAX_LINE_BYTES + 1), "line_too_long", MAX_LINE_BYTES + 1),
        (b"\xff\xfe\x00garbage", "not_a_number", 1),
    ],
)
def test_what_is_refused_and_where(line, reason, column):
    passes, numbers, bad, lines = decode(GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    assert (numbers, lines, len(passes)) == ([1, 3], 3, 2)
    assert [(b.line, b.column, b.reason, b.length) for b in bad] == [(2, column, reason, len(line))]
    assert bad[0].content == line[:KEPT_BYTES]
    assert f"line 2, column {column}" in bad[0].message()
    if len(line) <= MAX_LINE_BYTES:
        assert twin.read_line(line) == (reason, column)


@pytest.mark.parametrize("line", [GOOD[:75], GOOD[:80], GOOD[:137], GOOD + b" " * 300, changed(GOOD, 47, b" -12")])
def test_the_row_may_be_as_long_as_its_axles_need_or_longer(line):
    passes, _, bad, _ = decode(line)
    assert not bad
    assert passes.axle_kg.tolist() == [[4400, 4800, 4300]]


def test_29_february():
    assert not decode(changed(GOOD, 10, b"29 22012"))[2]


def test_line_ends_do_not_make_another_record():
    digests = {tuple(row) for row in decode(GOOD + b"\n" + GOOD + b"\r\n" + GOOD)[0].digest.tolist()}
    assert len(digests) == 1
    assert decode(GOOD + b"\r")[2] == []
    assert len(decode(GOOD + b" \n" + GOOD)[0].digest) == 2


def test_empty_lines_are_lines_and_an_end_is_none():
    assert decode(b"")[3] == 0
    assert [b.line for b in decode(b"\n\r\n" + GOOD + b"\n\n")[2]] == [1, 2, 4]
    assert decode(b"\n")[3] == 1
    assert decode(b"\r")[3] == 1


def test_a_line_of_megabytes_is_one_refusal_and_little_memory():
    decoder = MonDecoder("S", LocalTime("UTC"))
    piece = b"5" * 100_000
    for _ in range(50):
        decoder.receive(piece)
        assert decoder.next_chunk() is None
        assert len(decoder._data) <= len(piece) + MAX_LINE_BYTES + 2
    decoder.receive(b"\r\n" + GOOD)
    decoder.receive_end()
    chunks = [decoder.next_chunk(), decoder.next_chunk()]
    (bad,) = chunks[0].bad
    assert (bad.reason, bad.length, bad.content) == (MonReason.LINE_TOO_LONG, 5_000_000, b"5" * KEPT_BYTES)
    assert chunks[1].numbers.tolist() == [2]
    assert decoder.next_chunk() is None


def test_the_longest_line_that_is_read_and_the_one_behind_it():
    longest = GOOD + b" " * (MAX_LINE_BYTES - len(GOOD))
    for ending in (b"", b"\n", b"\r\n"):
        for data in (longest + ending, longest + b" " + ending):
            whole = decode(data)
            assert decode(data, range(1, len(data)))[2] == whole[2]
            assert len(whole[0]) == (len(data) - len(ending) == MAX_LINE_BYTES)


LINES = st.one_of(
    st.just(GOOD),
    st.binary(max_size=80).map(lambda b: b.replace(b"\n", b"")),
    st.tuples(st.integers(1, 200), st.binary(min_size=1, max_size=6)).map(lambda c: changed(GOOD, *c)),
    st.tuples(st.integers(1, 194), st.sampled_from([b" ", b"0", b"9", b" 7", b"12", b"   ", b"-1", b"99"])).map(
        lambda c: changed(GOOD, *c)
    ),
    st.integers(0, 200).map(lambda n: GOOD[:n]),
    st.integers(4090, 4100).map(lambda n: b"1" * n),
)
FILES = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"])), max_size=12).map(
    lambda lines: b"".join(line + ending for line, ending in lines)
)


@given(data=st.one_of(st.binary(max_size=600), FILES), end=st.sampled_from([b"", b"\n", b"\r", b"\r\n", b"7"]))
def test_fast_equals_naive(data, end):
    passes, numbers, bad, lines = decode(data + end)
    expected = [twin.read_line(line) for line in twin.split_lines(data + end)]
    assert lines == len(expected)
    good = {n: fields for n, fields in enumerate(expected, 1) if isinstance(fields, dict)}
    assert numbers == list(good)
    assert {b.line: (b.reason, b.column) for b in bad} == {
        n: found for n, found in enumerate(expected, 1) if not isinstance(found, dict)
    }
    for row, fields in enumerate(good.values()):
        axles = fields["axle_count"]
        assert passes.device[row] == scale_device("S", fields["direction"], fields["lane"])
        assert int(passes.at_ns[row]) == twin.to_utc_ns(fields["local"], "UTC")
        assert int(passes.axle_count[row]) == axles
        assert int(passes.gross_kg[row]) == fields["gross_kg"]
        assert float(passes.speed_mps[row]) == fields["speed_kmh"] / 3.6
        assert int(passes.length_mm[row]) == fields["length_mm"]
        assert passes.axle_kg[row].tolist()[:axles] == fields["axle_kg"]
        assert passes.spacing_mm[row].tolist()[: axles - 1] == fields["spacing_mm"]
        assert not passes.axle_kg[row, axles:].any()
        assert not passes.spacing_mm[row, axles - 1 :].any()


@given(
    data=st.one_of(st.binary(max_size=300), FILES),
    cuts=st.lists(st.integers(0, 9000), max_size=8),
    most_lines=st.integers(1, 5),
)
def test_any_splitting_gives_the_same(data, cuts, most_lines):
    whole = decode(data)
    assert decode(data, sorted(min(cut, len(data)) for cut in cuts), most_lines=most_lines) == whole


@given(data=FILES.map(lambda data: data[:1500]))
def test_one_byte_at_a_time(data):
    assert decode(data, range(1, len(data))) == decode(data)


def test_local_times_that_occur_twice_or_never():
    # Europe/Dublin: forward at 01:00 on 25 March 2012, back at 02:00 on 28 October 2012.
    twice = changed(GOOD, 10, b"28102012 13000000")
    missing = changed(GOOD, 10, b"25 32012 130    0")
    for fold in Fold:
        _, _, bad, _ = decode(missing, zone="Europe/Dublin", fold=fold)
        assert [(b.reason, b.column) for b in bad] == [(MonReason.TIME_MISSING, 10)]
    at = {fold: decode(twice, zone="Europe/Dublin", fold=fold) for fold in Fold}
    assert at[Fold.LATER][0].at_ns[0] - at[Fold.EARLIER][0].at_ns[0] == 3_600_000_000_000
    assert [b.reason for b in at[Fold.REFUSE][2]] == [MonReason.TIME_AMBIGUOUS]
    assert [b.field for b in at[Fold.REFUSE][2]] == ["day"]


HEADS = st.fixed_dictionaries(
    {
        mon.RECORD: st.integers(0, 999_999_999),
        mon.LOCAL_MS: st.integers(0, 7_289_654_399_999),  # to the end of 2200
        mon.AXLES: st.integers(1, 15),
        mon.GROSS_KG: st.integers(0, 999_999),
        mon.SPEED_KMH: st.integers(0, 999),
        mon.LENGTH_MM: st.integers(0, 99_999),
        mon.LANE: st.integers(0, 9),
        mon.DIRECTION: st.integers(0, 9),
        mon.TRANSVERSE_MM: st.integers(-999, 9999),
    }
)


@given(rows=st.lists(HEADS, min_size=1, max_size=5), seed=st.integers(0, 2**32))
def test_what_is_written_is_read(rows, seed):
    rng = np.random.default_rng(seed)
    head = np.zeros((len(rows), mon.HEAD_COLUMNS), np.int64)
    for i, row in enumerate(rows):
        for column, value in row.items():
            head[i, column] = value
    axle_kg = rng.integers(0, 100_000, (len(rows), 15)).astype(np.int32)
    spacing_mm = rng.integers(0, 100_000, (len(rows), 15)).astype(np.int32)
    data = encode(head, axle_kg, spacing_mm)
    assert len(data) == 201 * len(rows)
    passes, _, bad, _ = decode(data)
    assert not bad
    assert (passes.at_ns // 1_000_000).tolist() == head[:, mon.LOCAL_MS].tolist()
    assert passes.gross_kg.tolist() == head[:, mon.GROSS_KG].tolist()
    for row in range(len(rows)):
        axles = int(head[row, mon.AXLES])
        assert passes.axle_kg[row, :axles].tolist() == axle_kg[row, :axles].tolist()
        assert passes.spacing_mm[row, : axles - 1].tolist() == spacing_mm[row, : axles - 1].tolist()


def test_what_does_not_fit_is_not_written():
    head = np.zeros((1, mon.HEAD_COLUMNS), np.int64)
    axles = np.zeros((1, 15), np.int32)
    head[0, mon.AXLES] = 2
    for column, value, name in ((mon.GROSS_KG, 1_000_000, "gross_kg"), (mon.LANE, 10, "lane"), (mon.AXLES, 16, "16")):
        wrong = head.copy()
        wrong[0, column] = value
        with pytest.raises(ValueError, match=name):
            encode(wrong, axles, axles)
    with pytest.raises(ValueError, match="axle_kg: 100000"):
        encode(head, axles + 100_000, axles)


def test_fields_by_column():
    at = 0
    for name, width in twin.FIELDS:
        assert {field_at(at + 1), field_at(at + width)} == {name}
        at += width
    assert [field_at(c) for c in (0, 51, 55, 56, 60, 61)] == [
        "", "axle_1_kg", "axle_1_kg", "spacing_1_mm", "spacing_1_mm", "axle_2_kg",
    ]  # fmt: skip


def test_the_kernel_and_the_domain_agree_on_most_axles():
    assert mon.MAX_AXLES == MAX_AXLES


def test_bytes_behind_the_end_are_our_mistake():
    decoder = MonDecoder("S", LocalTime("UTC"))
    decoder.receive_end()
    with pytest.raises(ValueError, match="after the end"):
        decoder.receive(b"7")
    with pytest.raises(ValueError, match="most_lines"):
        MonDecoder("S", LocalTime("UTC"), most_lines=0)


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="the compiler is off")
def test_the_decode_kernel_reads_over_a_million_lines_a_second():
    rows = 50_000
    data = np.frombuffer((GOOD + b"\n") * rows, np.uint8)
    starts, ends = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    head = np.zeros((rows, mon.HEAD_COLUMNS), np.int64)
    axles = np.zeros((2, rows, mon.MAX_AXLES), np.int32)
    error, column = np.zeros(rows, np.uint8), np.zeros(rows, np.int64)
    best = float("inf")
    for _ in range(5):
        begun = time.thread_time()
        mon.split_lines(data, 0, len(data), starts, ends)
        assert mon.decode_lines(data, starts, ends, head, axles[0], axles[1], error, column) == rows
        best = min(best, time.thread_time() - begun)
    assert rows / best > 1_000_000
