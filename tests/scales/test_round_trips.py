"""The law of every format: what is written is read back as the format can hold it, and written again it is the same."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records_kit import STATION, passes, read, sample

from citywatch.adapters.scales.parquet import parquet_chunks
from citywatch.adapters.scales.records import KINDS, Terms, decoder, encoder
from citywatch.domain.passes import PassBatch
from citywatch.wire.lines import LineReason
from citywatch.wire.local_time import Fold
from citywatch.wire.pass_csv import CsvColumn, CsvMapping
from citywatch.wire.raster import from_raster, losses, same, to_raster

VENDOR = CsvMapping(
    {
        "station": CsvColumn("Ort"),
        "direction": CsvColumn("Richtung"),
        "lane": CsvColumn("Spur"),
        "at": CsvColumn("Zeit"),
        "gross": CsvColumn("Gesamt", "t"),
        "speed": CsvColumn("v", "km/h"),
        "length": CsvColumn("Laenge", "m"),
        "axle_weights": CsvColumn("Achse{n}", "lb"),
        "spacings": CsvColumn("Abstand{n}", "ft"),
        "temperature": CsvColumn("Temperatur", "F"),
        "transverse": CsvColumn("Lage", "cm"),
        "occupancy": CsvColumn("Belegung", "s"),
        "plate": CsvColumn("Kennzeichen"),
    },
    separator=";",
    decimal=",",
    time_format="%d.%m.%Y %H:%M:%S.%f",
    zone="Europe/Berlin",
    fold=Fold.REFUSE,
    axles_written=12,
)
BARE = CsvMapping(
    {
        "device": CsvColumn("1"),
        "at": CsvColumn("2"),
        "axle_count": CsvColumn("3"),
        "gross": CsvColumn("4", "lb"),
        "axle_weights": CsvColumn("5", "t"),
        "spacings": CsvColumn("6", "in"),
        "speed": CsvColumn("7", "mph"),
    },
    header=False,
    separator="\t",
    list_separator="|",
    time_format="unix_ms",
)
TEXT_KINDS = [kind for kind in KINDS if kind != "parquet"]
ZONES = ("UTC", "+05:30", "Asia/Shanghai", "Europe/Berlin")


def content_of(write, batch):
    encoded = write.encode(batch)
    return write.begin() + encoded.content + write.end(), [unfit.row for unfit in encoded.unfit]


def check_law(kind, terms, batch):
    content, unfit = content_of(encoder(kind, terms), batch)
    kept = batch.take([row for row in range(len(batch)) if row not in unfit])
    back, bad, _ = read(decoder(kind, terms), content)
    assert bad == []
    expected = encoder(kind, terms).rounded(kept)
    assert losses(back, expected) == {}
    assert same(back, expected)
    assert content_of(encoder(kind, terms), back) == (content, [])
    return content


@pytest.mark.parametrize("kind", TEXT_KINDS)
@settings(max_examples=15)
@given(batch=passes(), zone=st.sampled_from(ZONES), data=st.data())
def test_what_is_written_is_read_back_as_the_format_can_hold_it(kind, batch, zone, data):
    terms = Terms(STATION, zone, Fold.EARLIER)
    content = check_law(kind, terms, batch)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
    assert same(read(decoder(kind, terms), content, cuts)[0], read(decoder(kind, terms), content)[0])


@pytest.mark.parametrize("mapping", [VENDOR, BARE], ids=["vendor", "bare"])
@settings(max_examples=15)
@given(batch=passes())
def test_a_declared_table_obeys_the_same_law(mapping, batch):
    check_law("csv", Terms(STATION, mapping=mapping), batch)


@settings(max_examples=15)
@given(batch=passes(), pieces=st.integers(1, 4))
def test_parquet_loses_nothing(batch, pieces):
    batch = batch.take(np.flatnonzero(batch.gross_kg <= 999_999))
    write = encoder("parquet", Terms())
    content = write.begin() + b"".join(write.encode(piece).content for piece in batch.split(pieces)) + write.end()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.parquet")
        path.write_bytes(content)
        back = PassBatch.concat([chunk.passes for chunk in parquet_chunks(path, lambda _: None)])
    assert same(back, batch)
    assert np.array_equal(back.digest, batch.digest)


@given(batch=passes())
def test_our_own_table_loses_nothing_of_a_pass(batch):
    assert losses(batch, encoder("csv", Terms()).rounded(batch)) == {}


@given(st.integers(0, 10**6), st.sampled_from([(1, 1), (100, 1), (10, 1), (45_359_237, 10**8), (3048, 100)]))
def test_marks_of_a_raster(value, mark):
    numerator, denominator = mark
    marks = to_raster(np.array([value]), *mark)
    back = from_raster(marks, *mark)
    assert abs(int(back[0]) - value) <= max(numerator / denominator, 1) / 2 + 0.5
    assert to_raster(back, *mark).tolist() == marks.tolist()
    if numerator <= denominator:
        assert back.tolist() == [value], "a raster finer than ours loses nothing"


@pytest.mark.parametrize("kind", TEXT_KINDS)
@settings(max_examples=15)
@given(batch=passes(), data=st.data())
def test_a_spoiled_file_reads_or_says_line_column_and_reason(kind, batch, data):
    terms = Terms(STATION, "Europe/Berlin", Fold.REFUSE)
    content, _ = content_of(encoder(kind, terms), batch)
    header = content.find(b"\n") + 1 if kind == "csv" else 0
    body = bytearray(content[header:])
    for _ in range(data.draw(st.integers(1, 4))):
        if body:
            at = data.draw(st.integers(0, len(body) - 1))
            body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    back, bad, _ = read(decoder(kind, terms), content[:header] + bytes(body))
    assert len(back) + len(bad) <= max(bytes(body).count(b"\n") + 1, len(batch) + 5)
    for one in bad:
        assert one.line >= 1
        assert one.column >= 1
        assert one.reason.value
        assert one.message().startswith(f"line {one.line}, column {one.column} (")


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_byte_order_mark_is_no_part_of_a_file(kind):
    terms = Terms(STATION)
    content, _ = content_of(encoder(kind, terms), sample(6, 3))
    for cuts in ((), (1, 2, 5)):
        back, bad, _ = read(decoder(kind, terms), b"\xef\xbb\xbf" + content, cuts)
        assert bad == []
        assert same(back, read(decoder(kind, terms), content)[0])
    for beginning in (b"\xef", b"\xef\xbb", b"\xef\xbb\xbf"):
        assert len(read(decoder(kind, terms), beginning)[0]) == 0


@pytest.mark.parametrize("kind", TEXT_KINDS)
@settings(max_examples=25)
@given(content=st.binary(max_size=200))
def test_any_bytes_do_no_harm(kind, content):
    if kind == "csv":
        content = b"device,at,axle_count,gross_kg,axle_kg\n" + content
        mapping = CsvMapping(
            {
                "device": CsvColumn("device"),
                "at": CsvColumn("at"),
                "axle_count": CsvColumn("axle_count"),
                "gross": CsvColumn("gross_kg", "kg"),
                "axle_weights": CsvColumn("axle_kg", "kg"),
            }
        )
        read(decoder(kind, Terms(mapping=mapping)), content)
    else:
        read(decoder(kind, Terms()), content)


def test_reasons_are_a_bounded_set_of_words():
    assert all(reason.value.replace("_", "").isalpha() for reason in LineReason)
