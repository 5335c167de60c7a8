"""Columns of a Parquet file, whoever wrote it, as columns of passes: every value judged on its own.

Whole numbers may come as floats (as pandas writes a column with gaps), as decimals or as texts; instants as timestamps
of any unit (without a zone: UTC), as dates, as texts or as whole nanoseconds. What a value cannot be is noted for its
row, and costs that row alone; a column whose type can never be meant is a ConfigurationError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from citywatch.domain.columns import Column
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.errors import ConfigurationError
from citywatch.wire.csv_mapping import FIELDS, LONGEST_TEXT
from citywatch.wire.lines import LineReason

FIRST_NS: Final = 0
LAST_NS: Final = 7_289_654_400 * NS_PER_S - 1
"""Instants of 1970 to 2200, as in every other format."""
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    kind.column: (kind.lowest, kind.highest) for kind in FIELDS.values() if kind.column != "device" and kind.highest
}
"""Column of a pass -> what its values may be; the same as in tables (wire/csv_mapping.py)."""

_NS: Final = {"s": NS_PER_S, "ms": NS_PER_MS, "us": 1000, "ns": 1}
_DAY_NS: Final = 86_400 * NS_PER_S
_INSTANT: Final = pa.timestamp("ns", tz="UTC")
_Array = np.ndarray[Any, Any]
_Told = tuple[LineReason, str]


class Found:
    """What is wrong with rows: of each the first thing, by column."""

    def __init__(self) -> None:
        self.wrong: dict[int, tuple[str, LineReason, str]] = {}

    def note(self, row: int, name: str, reason: LineReason, text: str) -> None:
        self.wrong.setdefault(row, (name, reason, text))


def texts(values: Any, name: str, where: str, found: Found) -> tuple[str, ...]:
    """A column of texts; null is empty. Whole numbers are taken as their digits."""
    values = _decoded(values)
    kind = values.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise _not_meant(where, name, kind, "text")
    given = tuple(text or "" for text in values.cast(pa.string()).to_pylist())
    for row, text in enumerate(given):
        if len(text) > LONGEST_TEXT or not text.isprintable():
            found.note(row, name, LineReason.BAD_TEXT, f"no text of at most {LONGEST_TEXT} printable characters")
    return given


def numbers(values: Any, column: Column, where: str, found: Found, *, needed: bool = False) -> _Array:
    """A column of numbers (n,) of the column's dtype; null, and NaN of floats, is what the column has for missing."""
    missing = math.nan if column.name == "speed_mps" else column.missing
    read, gaps, wrong = _judged(values, column, where)
    for row, (reason, text) in wrong.items():
        found.note(row, column.name, reason, text)
    if needed:
        for row in np.flatnonzero(gaps).tolist():
            found.note(row, column.name, LineReason.BLANK_FIELD, "there is none")
    read[gaps] = missing
    return np.ascontiguousarray(read.astype(column.dtype))


def lists(values: Any, column: Column, axles: tuple[_Array, int], where: str, found: Found) -> _Array:
    """A column of lists, a number an axle: (n, k). `axles`: count of each row, and the widest; null numbers are 0."""
    counts, widest = axles
    kind = values.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise _not_meant(where, column.name, kind, "a list of numbers")
    rows = values.cast(pa.large_list(kind.value_type))
    rows = rows.fill_null([]) if rows.null_count else rows
    lengths = np.diff(rows.offsets.to_numpy())
    owner = np.repeat(np.arange(len(rows)), lengths)
    for row in np.flatnonzero(lengths > counts).tolist():
        found.note(row, column.name, LineReason.AXLES_CONTRADICT, f"{lengths[row]} values for {counts[row]} axles")
    flat, gaps, wrong = _judged(rows.flatten(), column, where)
    for place, (reason, text) in wrong.items():
        found.note(int(owner[place]), column.name, reason, text)
    flat[gaps] = 0
    out = np.zeros((len(rows), max(widest, int(lengths.max(initial=0)))), column.dtype)
    out[np.arange(out.shape[1]) < lengths[:, None]] = flat.astype(column.dtype)
    width = widest if column.since == 1 or out.any() else 0
    return np.ascontiguousarray(out[:, :width])


def instants(values: Any, where: str, found: Found) -> _Array:
    """The instants of a column (n,) int64, ns."""
    values = _decoded(values)
    kind = values.type
    unit = 1
    if pa.types.is_timestamp(kind):
        unit, plain = _NS[kind.unit], values.cast(pa.int64())
    elif pa.types.is_date32(kind):
        unit, plain = _DAY_NS, values.cast(pa.int32()).cast(pa.int64())
    elif pa.types.is_date64(kind):
        unit, plain = NS_PER_MS, values.cast(pa.int64())
    elif pa.types.is_int64(kind):
        plain = values
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        plain = _each(values, lambda one: one.cast(_INSTANT).cast(pa.int64()), pa.int64())
        for row in np.flatnonzero(_nulls(plain) & ~_nulls(values)).tolist():
            found.note(row, "at", LineReason.BAD_INSTANT, "no instant such as 2026-01-31T08:00:00.250Z")
    else:
        raise _not_meant(where, "at", kind, "a timestamp")
    read = _numpy(plain, 0)
    for row in np.flatnonzero(_nulls(values)).tolist():
        found.note(row, "at", LineReason.BLANK_FIELD, "there is no instant")
    for row in np.flatnonzero((read < FIRST_NS // unit) | (read > LAST_NS // unit)).tolist():
        found.note(row, "at", LineReason.OUT_OF_RANGE, "outside the years 1970 to 2200")
        read[row] = 0
    return np.ascontiguousarray(read * unit)


def _judged(values: Any, column: Column, where: str) -> tuple[_Array, _Array, dict[int, _Told]]:
    """Numbers (n,) int64, uint64 or float64, where none is given (n,) bool, and what is wrong: place -> why.

    Of wrong ones, and where none is given, the number is 0. Whole columns get the nearest whole number, halves upwards.
    """
    values = _decoded(values)
    plain = _plain(values, column, where)
    gaps = _nulls(values)
    unread = np.flatnonzero(_nulls(plain) & ~gaps).tolist()
    wrong: dict[int, _Told] = dict.fromkeys(unread, (LineReason.NOT_A_NUMBER, "this is no number"))
    read = _numpy(plain, 0)
    if read.dtype.kind == "f":
        gaps = gaps | np.isnan(read)
        read[gaps] = 0.0
    whole = column.dtype not in ("float64", "float32")
    if whole and read.dtype.kind == "f":
        read = np.floor(read + 0.5)
    low, high = RANGES.get(column.name) or (np.iinfo(column.dtype).min, np.iinfo(column.dtype).max)
    for place in np.flatnonzero(((read < low) | (read > high)) & ~gaps).tolist():
        wrong.setdefault(place, (LineReason.OUT_OF_RANGE, f"{read[place]:.12g} is outside {low} to {high}"))
        read[place] = 0
    return read.astype(np.int64) if whole and read.dtype.kind == "f" else read, gaps, wrong


def _plain(values: Any, column: Column, where: str) -> Any:
    kind = values.type
    if pa.types.is_integer(kind):
        return values.cast(pa.uint64() if kind == pa.uint64() else pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64())
    if pa.types.is_null(kind):
        return values.cast(pa.int64())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            return _each(values, lambda one: one.cast(pa.float64()), pa.float64())
    raise _not_meant(where, column.name, kind, "numbers")


def _each(values: Any, read: Callable[[Any], Any], kind: Any) -> Any:
    """All values read at once; one by one where one cannot be, which is null then."""
    try:
        return read(values)
    except pa.ArrowInvalid:
        parts = []
        for place in range(len(values)):
            try:
                parts.append(read(values[place : place + 1]))
            except pa.ArrowInvalid:
                parts.append(pa.nulls(1, kind))
        return pa.concat_arrays(parts)


def _decoded(values: Any) -> Any:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _nulls(values: Any) -> _Array:
    return np.asarray(values.is_null().to_numpy(zero_copy_only=False))


def _numpy(values: Any, instead: int) -> _Array:
    """A copy as numpy's array; nulls are `instead`."""
    filled = values.fill_null(pa.scalar(instead, values.type)) if values.null_count else values
    return np.array(filled.to_numpy(zero_copy_only=False))


def _not_meant(where: str, name: str, kind: Any, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: column {name!r} is {kind}; wanted: {wanted}")
