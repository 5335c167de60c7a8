"""Parquet files of others: read, or told by row and column; nothing that no scale can measure comes in."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from records_kit import sample

from citywatch.adapters.scales.parquet import parquet_chunks
from citywatch.adapters.scales.records import Terms, encoder
from citywatch.domain.passes import PassBatch
from citywatch.errors import ConfigurationError

NS = 10**9
AT = pa.array([10**18, 10**18 + 1, 10**18 + 2]).cast(pa.timestamp("ns", tz="UTC"))
PLAIN = {
    "device": pa.array(["S/d1/l1"] * 3),
    "at": AT,
    "axle_count": pa.array([2, 2, 2]),
    "gross_kg": pa.array([10_000, 12_000, 14_000]),
    "axle_kg": pa.array([[4_000, 6_000]] * 3),
}


def seconds(*values):
    return pa.array(values).cast(pa.timestamp("s", tz="UTC"))


def read(path, **columns):
    """The passes, and `line,column field reason` of what is refused."""
    table = {**PLAIN, **{name: v if isinstance(v, pa.Array) else pa.array(v) for name, v in columns.items()}}
    pq.write_table(pa.table(table), path)
    chunks = list(parquet_chunks(path, lambda _: None))
    bad = [f"{one.line},{one.column} {one.field} {one.reason}" for chunk in chunks for one in chunk.bad]
    return PassBatch.concat([chunk.passes for chunk in chunks]), bad


@pytest.mark.parametrize(
    ("columns", "refused"),
    [
        ({"gross_kg": [-5, 1, 2]}, ["1,4 gross_kg out_of_range"]),
        ({"gross_kg": [1, 10**12, 2]}, ["2,4 gross_kg out_of_range"]),
        ({"gross_kg": [None, 1.0, float("nan")]}, ["1,4 gross_kg blank_field", "3,4 gross_kg blank_field"]),
        ({"gross_kg": ["1", "2", "x"]}, ["3,4 gross_kg not_a_number"]),
        ({"axle_count": [2, 41, None]}, ["2,3 axle_count out_of_range", "3,3 axle_count blank_field"]),
        ({"axle_kg": [[4, 5, 6], [-1, 5], [1]]}, ["1,5 axle_kg axles_contradict", "2,5 axle_kg out_of_range"]),
        ({"speed_mps": [-5.0, float("inf"), None]}, ["1,6 speed_mps out_of_range", "2,6 speed_mps out_of_range"]),
        ({"at": ["2026-01-31T08:00:00Z", "soon", None]}, ["2,2 at bad_instant", "3,2 at blank_field"]),
        ({"at": seconds(-1, 32 * NS, 5)}, ["1,2 at out_of_range", "2,2 at out_of_range"]),
        ({"device": ["a b", None, "S/d1/l1"]}, ["1,1 device bad_text", "2,1 device bad_text"]),
        ({"plate": ["x" * 129, "a\nb", None]}, ["1,6 plate bad_text", "2,6 plate bad_text"]),
        ({"digest": ["0" * 32, None, "g" * 32]}, ["2,6 digest bad_text", "3,6 digest bad_text"]),
        ({"travel": [1, -7, 0]}, ["2,6 travel out_of_range"]),
    ],
)
def test_a_wrong_value_costs_its_row_alone(tmp_path, columns, refused):
    passes, bad = read(tmp_path / "a.parquet", **columns)
    assert bad == refused
    assert len(passes) == 3 - len(refused)


@pytest.mark.parametrize(
    ("columns", "name", "values"),
    [
        ({"gross_kg": [1.5, 2.0, 3.49]}, "gross_kg", [2, 2, 3]),
        ({"gross_kg": [Decimal("1.50"), Decimal(2), Decimal(3)]}, "gross_kg", [2, 2, 3]),
        ({"gross_kg": pa.array([1, 2, 3], pa.uint64())}, "gross_kg", [1, 2, 3]),
        ({"at": pa.array([10**15] * 3).cast(pa.timestamp("us"))}, "at_ns", [10**18] * 3),
        ({"at": [10**18] * 3}, "at_ns", [10**18] * 3),
        ({"at": [dt.date(2001, 9, 9)] * 3}, "at_ns", [999_993_600 * NS] * 3),
        ({"at": pa.array([10**9] * 3).cast(pa.timestamp("s", tz="Asia/Shanghai"))}, "at_ns", [10**18] * 3),
        ({"device": pa.array(["S/d1/l1"] * 3).dictionary_encode()}, "device", ["S/d1/l1"] * 3),
        ({"axle_kg": pa.array([[1, 2]] * 3, pa.list_(pa.int64(), 2))}, "axle_kg", [[1, 2]] * 3),
        ({"axle_kg": pa.array([[None, 2.0], None, [1.0]])}, "axle_kg", [[0, 2], [0, 0], [1, 0]]),
        ({"record": pa.array([None] * 3)}, "record", [0, 0, 0]),
    ],
)
def test_what_is_meant_is_read(tmp_path, columns, name, values):
    passes, bad = read(tmp_path / "a.parquet", **columns)
    assert bad == []
    found = getattr(passes, name)
    assert (found.tolist() if isinstance(found, np.ndarray) else list(found)) == values


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"gross_kg": [[1], [2], [3]]}, "'gross_kg' is list<.*>; wanted: numbers"),
        ({"axle_kg": [1, 2, 3]}, "'axle_kg' is int64; wanted: a list of numbers"),
        ({"at": [1.5, 2.5, 3.5]}, "'at' is double; wanted: a timestamp"),
        ({"plate": [1.5, 2.5, 3.5]}, "'plate' is double; wanted: text"),
    ],
)
def test_a_column_of_another_kind_is_told(tmp_path, columns, words):
    with pytest.raises(ConfigurationError, match=words):
        read(tmp_path / "a.parquet", **columns)


def test_what_would_not_be_read_is_not_written():
    batch = replace(
        sample(3, 5),
        gross_kg=np.array([1_000_000, 5, 6], np.int32),
        speed_mps=np.array([1.0, np.inf, 3.0]),
        at_ns=np.array([0, 1, -1]),
    )
    unfit = encoder("parquet", Terms()).encode(batch).unfit
    assert [(one.row, one.field) for one in unfit] == [(0, "gross_kg"), (1, "speed_mps"), (2, "at")]
