"""CASTOR, BeDIT, DITIS and the W record: lines written by hand from the tables of docs/scale-formats.md, and a twin."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records_kit import STATION, read, sample

from citywatch.domain.passes import NOT_GIVEN
from citywatch.kernels import fixed
from citywatch.wire import bedit, castor, ditis, tmg
from citywatch.wire.fixed import FixedDecoder, FixedEncoder
from citywatch.wire.local_time import LocalTime

LAYOUTS = {module.LAYOUT.kind: module.LAYOUT for module in (castor, bedit, ditis, tmg)}
UTC_CLOCK = LocalTime("UTC")
# One lorry of three axles, 24.5 t, 20.1 m/s, 2026-01-31 08:05:09.25, direction 1, lane 2, 1.8 m from the edge.
BY_HAND = {
    "castor": b"123431 126 8 5 925201 245 95322 18 7043 9013 85 0",
    "bedit": b"123431 126 8 5 925201 245 95 312 18 70 43 90 13 85",
    "ditis": b"123431 12026 8 5 925201 245 95 322180 70200 43 90199 13 85201  0  0",
    "tmg": b"W1701811512202601310806   0540130315432014119842004318739" + b" " * 20,
}


def decode(kind, content):
    return read(FixedDecoder(LAYOUTS[kind], STATION, UTC_CLOCK), content)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_line_written_by_hand(kind):
    batch, bad, numbers = decode(kind, BY_HAND[kind])
    assert ([one.message() for one in bad], numbers) == ([], [1])
    assert batch.device == (f"{STATION}/d1/l2",)
    at = datetime(2026, 1, 31, 8, tzinfo=UTC)
    at += timedelta(0) if kind == "tmg" else timedelta(minutes=5, seconds=9, milliseconds=250)
    assert batch.at_ns.tolist() == [int(at.timestamp() * 1000) * 10**6]
    assert batch.axle_count.tolist() == [3]
    if kind == "tmg":
        assert batch.gross_kg.tolist() == [24_500]
        assert batch.axle_kg.tolist() == [[7_000, 9_000, 8_500]]
        assert batch.spacing_mm.tolist() == [[4_298, 1_311, 0]]
        assert batch.vehicle_class == ("6",)
        assert batch.transverse_mm.tolist() == [NOT_GIVEN]
        return
    assert batch.record.tolist() == [1234]
    assert batch.gross_kg.tolist() == [24_500]
    assert batch.speed_mps.tolist() == [20.1]
    assert batch.length_mm.tolist() == [9_500]
    assert batch.transverse_mm.tolist() == [1_800]
    assert batch.axle_kg.tolist() == [[7_000, 9_000, 8_500]]
    assert batch.spacing_mm.tolist() == [[4_300, 1_300, 0]]


@pytest.mark.parametrize(
    ("kind", "at", "text", "column", "field", "reason"),
    [
        ("castor", 5, b"32", 5, "day", "out_of_range"),
        ("castor", 5, b"31 2", 5, "day", "no_such_date"),
        ("castor", 22, b" x", 22, "gross_100kg", "not_a_number"),
        ("castor", 22, b"    ", 22, "gross_100kg", "blank_field"),
        ("castor", 30, b"0", 30, "direction", "out_of_range"),
        ("bedit", 36, b"   ", 36, "axle_1_load", "blank_field"),
        ("ditis", 41, b" - ", 41, "axle_1_width", "not_a_number"),
        ("tmg", 1, b"X", 1, "record_type", "wrong_record"),
        ("tmg", 4, b"-", 4, "station", "bad_text"),
        ("tmg", 33, b"14", 33, "axle_count", "out_of_range"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(kind, at, text, column, field, reason):
    good = FixedEncoder(LAYOUTS[kind], UTC_CLOCK).encode(decode(kind, BY_HAND[kind])[0]).content or BY_HAND[kind]
    line = good[: at - 1] + text + good[at - 1 + len(text) :]
    batch, (bad,), _ = decode(kind, line)
    assert len(batch) == 0
    assert (bad.line, bad.column, bad.field, bad.reason.value) == (1, column, field, reason)


def twin(layout, line):
    """The plainest reading of a line: {field: number}, loads and spacings; or the column where it is wrong."""
    at, found = 0, {}
    for one in layout.fields:
        text = line[at : at + one.width]
        if len(text) < one.width:
            return at + 1
        if one.kind == fixed.LITERAL:
            if text[0] != one.lowest:
                return at + 1
        elif one.kind == fixed.WORD:
            if not (text.isalnum() and text.isascii()):
                return at + 1
        elif one.kind != fixed.FREE and not (one.kind == fixed.BLANK_NUMBER and not text.strip(b" ")):
            number = text.lstrip(b" ")
            if not number.isdigit() or not one.lowest <= int(number) <= one.highest:
                return at + 1
            found[one.name] = int(number)
        at += one.width
    year = found["year"]
    if layout.pivot:
        year += 1900 if year >= layout.pivot else 2000
    try:
        datetime(year, found["month"], found["day"], tzinfo=UTC)
    except ValueError:
        return layout.day_column
    loads, spacings = [], []
    for axle in range(found["axle_count"]):
        last = axle + 1 == found["axle_count"]
        for width, numbers in ((layout.load_width, loads), (layout.track_width, []), (layout.spacing_width, spacings)):
            if not width or (last and numbers is spacings):
                continue
            number = line[at : at + width].lstrip(b" ")
            if len(line[at : at + width]) < width or not number.isdigit():
                return at + 1
            numbers.append(int(number))
            at += width
    for place, byte in enumerate(line[at:]):
        if byte not in b" 0":
            return at + place + 1
    return found, loads, spacings


@pytest.mark.parametrize("kind", LAYOUTS)
@settings(max_examples=60)
@given(seed=st.integers(0, 500), data=st.data())
def test_fast_equals_naive(kind, seed, data):
    layout = LAYOUTS[kind]
    line = FixedEncoder(layout, UTC_CLOCK).encode(sample(6, seed)).content.split(b"\n")[0]
    for _ in range(data.draw(st.integers(0, 2))):
        if line:
            at = data.draw(st.integers(0, min(len(line), 60) - 1) | st.integers(0, len(line) - 1))
            line = line[:at] + data.draw(st.sampled_from([b"", b" ", b"0", b"9", b"x", b"-", b"31"])) + line[at + 1 :]
    if not line:
        return
    batch, bad, _ = decode(kind, line)
    naive = twin(layout, line)
    if isinstance(naive, int):
        assert [one.column for one in bad] == [naive]
        return
    found, loads, spacings = naive
    assert bad == []
    assert batch.axle_count.tolist() == [found["axle_count"]]
    scale = 100 if kind != "tmg" else 0.45359237
    assert batch.axle_kg[0].tolist() == [int(load * scale + 0.5) for load in loads]
    gap = 100 if kind != "tmg" else 30.48
    assert batch.spacing_mm[0].tolist() == [*(int(mark * gap + 0.5) for mark in spacings), 0]
    assert batch.at_ns[0] // (3600 * 10**9) % 24 == found["hour"]
