"""Station JSON: each record on its own, nothing but our own errors, and there and back again."""

from __future__ import annotations

import contextlib
import json
import math
from datetime import timedelta, timezone

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citywatch.domain.instants import format_instant, parse_instant
from citywatch.domain.passes import PassBatch
from citywatch.errors import DataError
from citywatch.wire.station_json import Refusal, StationFormat, decode, encode

RECORD = {
    "previewCode": "CS0120260131080000000123",
    "previewDate": "2026-01-31 08:00:00.250",
    "previewStationCode": "CS01",
    "licenseCodeFront": "湘A12345",
    "axisNum": 6,
    "speed": 71.5,
    "laneNo": 2,
    "direction": 1,
    "totalWeight": 52_000,
    "axle1Weight": 6_500,
    "axle2Weight": 9_100,
    "axle3Weight": 9_100,
    "axle4Weight": 9_100,
    "axle5Weight": 9_100,
    "axle6Weight": 9_100,
    "axleDis": "3300,1350,6900,1310,1310",
}


PLAIN = StationFormat()
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def send(*records, form=PLAIN):
    return decode(json.dumps(records if len(records) != 1 else records[0]).encode(), form)


def refused(**changes):
    result = send({**RECORD, **changes})
    assert len(result.batch) == 0
    return result.refused[0]


def test_a_record_becomes_a_row():
    batch = send(RECORD).batch
    assert batch.device == ("CS01/d1/l2",)
    assert format_instant(int(batch.at_ns[0])) == "2026-01-31T00:00:00.250Z"
    assert batch.axle_count.tolist() == [6]
    assert batch.gross_kg.tolist() == [52_000]
    assert batch.axle_kg.tolist() == [[6_500, 9_100, 9_100, 9_100, 9_100, 9_100]]
    assert batch.spacing_mm.tolist() == [[3300, 1350, 6900, 1310, 1310, 0]]
    assert batch.speed_mps[0] == pytest.approx(71.5 / 3.6)
    assert batch.plate == ("湘A12345",)


def test_numbers_as_strings_are_the_same_record():
    texts = {key: str(value) if isinstance(value, int | float) else value for key, value in RECORD.items()}
    assert send(texts).batch == send(RECORD).batch
    assert send({**RECORD, "totalWeight": " 52000.0 "}).batch == send(RECORD).batch
    assert send({**RECORD, "totalWeight": 5.2e4}).batch == send(RECORD).batch


def test_unknown_keys_are_counted_and_change_nothing():
    result = send({**RECORD, "uploadTime": "now", "frontPic": {"a": [1, {"b": 2}]}})
    assert result.unknown_keys == 2
    assert result.batch == send(RECORD).batch


def test_the_record_number_is_part_of_its_identity():
    other = send({**RECORD, "previewCode": "CS0120260131080000000124"}).batch
    assert other.digest.tolist() != send(RECORD).batch.digest.tolist()


def test_every_record_is_decided_on_its_own():
    result = send(RECORD, {**RECORD, "laneNo": -1}, 7, {**RECORD, "laneNo": 3})
    assert result.accepted == (0, 3)
    assert result.batch.device == ("CS01/d1/l2", "CS01/d1/l3")
    assert [(r.index, r.field, r.reason) for r in result.refused] == [
        (1, "laneNo", Refusal.OUT_OF_RANGE),
        (2, "", Refusal.NOT_AN_OBJECT),
    ]
    assert json.loads(result.refused[0].content)["laneNo"] == -1
    assert result.records == 4


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"previewStationCode": None}, "previewStationCode", Refusal.MISSING),
        ({"previewStationCode": "../../etc"}, "previewStationCode", Refusal.BAD_TEXT),
        ({"previewStationCode": "observer:http"}, "previewStationCode", Refusal.BAD_TEXT),
        ({"previewStationCode": ["CS01"]}, "previewStationCode", Refusal.WRONG_TYPE),
        ({"previewDate": ""}, "previewDate", Refusal.MISSING),
        ({"previewDate": "yesterday"}, "previewDate", Refusal.BAD_INSTANT),
        ({"previewDate": "2026-01-31 08:00:00\0"}, "previewDate", Refusal.BAD_INSTANT),
        ({"previewDate": "2026-02-30 08:00:00"}, "previewDate", Refusal.BAD_INSTANT),
        ({"previewDate": "2026-01-31"}, "previewDate", Refusal.BAD_INSTANT),
        ({"previewDate": "1970-01-01 08:00:00"}, "previewDate", Refusal.OUT_OF_RANGE),
        ({"axisNum": 0}, "axisNum", Refusal.OUT_OF_RANGE),
        ({"axisNum": 41}, "axisNum", Refusal.OUT_OF_RANGE),
        ({"axisNum": True}, "axisNum", Refusal.WRONG_TYPE),
        ({"axisNum": 5}, "axle6Weight", Refusal.AXLES_CONTRADICT),
        ({"totalWeight": float("nan")}, "totalWeight", Refusal.NOT_A_NUMBER),
        ({"totalWeight": float("inf")}, "totalWeight", Refusal.NOT_A_NUMBER),
        ({"totalWeight": "52,000"}, "totalWeight", Refusal.NOT_A_NUMBER),
        ({"totalWeight": "٥٢٠٠٠"}, "totalWeight", Refusal.NOT_A_NUMBER),
        ({"totalWeight": 10**30}, "totalWeight", Refusal.NOT_A_NUMBER),
        ({"totalWeight": "1e99"}, "totalWeight", Refusal.OUT_OF_RANGE),
        ({"totalWeight": -1}, "totalWeight", Refusal.OUT_OF_RANGE),
        ({"totalWeight": 0}, "totalWeight", Refusal.OUT_OF_RANGE),
        ({"totalWeight": 52.5}, "totalWeight", Refusal.NOT_WHOLE),
        ({"totalWeight": []}, "totalWeight", Refusal.WRONG_TYPE),
        ({"axle2Weight": -5}, "axle2Weight", Refusal.OUT_OF_RANGE),
        ({"axleDis": "3300,1350"}, "axleDis", Refusal.AXLES_CONTRADICT),
        ({"axleDis": "3300,1350,x,1310,1310"}, "axleDis", Refusal.NOT_A_NUMBER),
        ({"axleDis": {}}, "axleDis", Refusal.WRONG_TYPE),
        ({"speed": -3}, "speed", Refusal.OUT_OF_RANGE),
        ({"speed": 401}, "speed", Refusal.OUT_OF_RANGE),
        ({"laneNo": 1.5}, "laneNo", Refusal.NOT_WHOLE),
        ({"licenseCodeFront": "x" * 17}, "licenseCodeFront", Refusal.BAD_TEXT),
        ({"licenseCodeFront": "\ud800"}, "licenseCodeFront", Refusal.BAD_TEXT),
        ({"licenseCodeFront": "a\x00b"}, "licenseCodeFront", Refusal.BAD_TEXT),
    ],
)
def test_refusals_name_the_field_and_the_reason(changes, field, reason):
    found = refused(**changes)
    assert (found.field, found.reason) == (field, reason)
    assert len(found.message) < 200


def test_a_refusal_never_repeats_the_plate():
    assert "SECRETPLATE" not in refused(licenseCodeFront="SECRETPLATE-SECRETPLATE").message


def test_a_key_that_stands_twice_is_refused():
    text = json.dumps(RECORD)[:-1] + ', "totalWeight": 1}'
    assert decode(text.encode()).refused[0].reason is Refusal.REPEATED_KEY


def test_what_is_missing_stays_missing():
    keep = ("previewDate", "previewStationCode", "laneNo", "axisNum", "totalWeight")
    batch = send({key: RECORD[key] for key in keep}).batch
    assert batch.device == ("CS01/d0/l2",)
    assert math.isnan(batch.speed_mps[0])
    assert batch.axle_kg.tolist() == [[0] * 6]
    assert batch.plate == ("",)
    assert send({**RECORD, "licenseCodeFront": "无牌", "licenseCodeBack": "湘B1"}).batch.plate == ("湘B1",)


def test_dates_in_the_forms_of_the_field():
    wanted = send(RECORD).batch.at_ns[0]
    for text in ("2026/01/31 08:00:00.250", "20260131080000250", "2026-01-31T08:00:00.25", "2026-01-31T00:00:00.250Z"):
        assert send({**RECORD, "previewDate": text}).batch.at_ns[0] == wanted
    west = StationFormat(zone=timezone(-timedelta(hours=3, minutes=30)))
    moved = send(RECORD, form=west).batch.at_ns[0]
    assert moved == parse_instant("2026-01-31T11:30:00.250Z")


def test_units_are_the_stations():
    form = StationFormat(weight_unit="t", spacing_unit="cm")
    record = {**RECORD, "totalWeight": 52.0, "axleDis": "330,135,690,131,131"}
    record |= {f"axle{n}Weight": RECORD[f"axle{n}Weight"] / 1000 for n in range(1, 7)}
    batch = send(record, form=form).batch
    assert batch == send(RECORD).batch


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"[",
        b"[1",
        b"[1,]",
        b"[1 2]",
        b"{} {}",
        b"[] []",
        b"\xff",
        b"nul",
        b"[" * 100_000,
        b"]",
        b"[,]",
    ],
)
def test_a_document_that_is_no_json_is_one_error(content):
    with pytest.raises(DataError):
        decode(content)


def test_documents_are_bounded():
    assert decode(b" [ ] ").records == 0
    assert decode(b"[1,2]", most=2).records == 2
    with pytest.raises(DataError, match="more than 2 records"):
        decode(b"[1,2,3]", most=2)


@calm
@given(st.binary(max_size=300))
def test_any_bytes_never_raise_anything_else(content):
    with contextlib.suppress(DataError):
        decode(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@calm
@given(st.dictionaries(st.sampled_from(sorted(RECORD)), _JSON, max_size=6))
def test_any_values_in_known_fields_are_decided(changes):
    result = decode(json.dumps([{**RECORD, **changes}, RECORD]).encode())
    assert result.records == 2
    assert 1 in result.accepted
    for entry in result.refused:
        assert entry.message.encode()


@calm
@given(st.data())
def test_cut_anywhere_is_never_half_a_document(data):
    whole = json.dumps([RECORD, RECORD]).encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DataError):
        decode(whole[:cut])


@st.composite
def passes(draw):
    count = draw(st.integers(0, 4))
    axles = [draw(st.integers(1, 8)) for _ in range(count)]
    widest = max(axles, default=0)
    axle_kg, spacing_mm = np.zeros((count, widest), np.int32), np.zeros((count, widest), np.int32)
    for row, number in enumerate(axles):
        axle_kg[row, :number] = draw(st.lists(st.integers(0, 30_000), min_size=number, max_size=number))
        spacing_mm[row, : number - 1] = draw(st.lists(st.integers(0, 9_999), min_size=number - 1, max_size=number - 1))
    span = st.integers(parse_instant("2000-01-02T00:00:00Z"), parse_instant("2099-12-30T00:00:00Z"))
    speed = st.none() | st.integers(0, 40_000)
    return PassBatch.of(
        device=tuple(draw(st.sampled_from(["CS01/d1/l2", "a.b-c:d/d0/l99"])) for _ in range(count)),
        at_ns=np.array([draw(span) for _ in range(count)], np.int64),
        received_ns=np.zeros(count, np.int64),
        digest=np.array([[draw(st.integers(0, 2**64 - 1)), 0] for _ in range(count)], np.uint64).reshape(count, 2),
        axle_count=np.array(axles, np.int16),
        gross_kg=np.array([draw(st.integers(1, 200_000)) for _ in range(count)], np.int32),
        speed_mps=np.array([math.nan if (v := draw(speed)) is None else v / 100 / 3.6 for _ in range(count)]),
        length_mm=np.zeros(count, np.int32),
        axle_kg=axle_kg,
        spacing_mm=spacing_mm,
        plate=tuple(draw(st.sampled_from(["", "湘A12345", "粤B·1"])) for _ in range(count)),
    )


@calm
@given(passes(), st.sampled_from(["kg", "t"]), st.sampled_from(["mm", "cm", "m"]))
def test_there_and_back_again(batch, weight_unit, spacing_unit):
    form = StationFormat(weight_unit=weight_unit, spacing_unit=spacing_unit)
    result = decode(encode(batch, form), form)
    assert not result.refused
    for column in PassBatch.COLUMNS:
        if column.name != "digest":
            before, after = getattr(batch, column.name), getattr(result.batch, column.name)
            assert np.array_equal(before, after, equal_nan=column.dtype == "float64"), column.name
    again = decode(encode(result.batch, form), form)
    assert len(again.batch) == len(batch)


def test_a_device_that_is_no_lane_cannot_be_encoded():
    batch = send(RECORD).batch
    values = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS}
    with pytest.raises(ValueError, match="no scale lane"):
        encode(PassBatch.of(**{**values, "device": ("camera-1",)}))
