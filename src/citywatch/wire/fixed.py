"""Formats of fixed columns described by a table: CASTOR, BeDIT, DITIS and FHWA's W record (docs/scale-formats.md).

A `Layout` is data: the fields of the head in the order of the line, how the axles follow, and what one mark of each
quantity is worth. One decoder and one encoder serve them all. MON, which is read most, has its own (wire/mon.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.devices import scale_device
from citywatch.domain.instants import NS_PER_MS
from citywatch.domain.passes import NOT_GIVEN, PassBatch
from citywatch.kernels import digests, fixed, mon
from citywatch.wire import local_time
from citywatch.wire.lines import KEPT_BYTES, MAX_LINE_BYTES, Array, BadLine, Chunk, LineDecoder, LineReason
from citywatch.wire.local_time import LocalTime
from citywatch.wire.raster import Checks, Encoded, carried, from_raster, lanes, nearest, place_of, to_raster

_REASONS = {
    mon.EMPTY_LINE: LineReason.EMPTY_LINE,
    mon.TRUNCATED: LineReason.TRUNCATED,
    mon.BLANK_FIELD: LineReason.BLANK_FIELD,
    mon.NOT_A_NUMBER: LineReason.NOT_A_NUMBER,
    mon.OUT_OF_RANGE: LineReason.OUT_OF_RANGE,
    mon.NO_SUCH_DATE: LineReason.NO_SUCH_DATE,
    mon.BEYOND_AXLES: LineReason.BEYOND_AXLES,
    fixed.WRONG_RECORD: LineReason.WRONG_RECORD,
    fixed.BAD_TEXT: LineReason.BAD_TEXT,
}
_TOO_LONG = 100
_TIME = 200
_REASONS |= {
    _TOO_LONG: LineReason.LINE_TOO_LONG,
    _TIME + local_time.MISSING: LineReason.TIME_MISSING,
    _TIME + local_time.AMBIGUOUS: LineReason.TIME_AMBIGUOUS,
}
_KILOGRAM = _MILLIMETRE = (1, 1)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the head, `width` columns wide. `slot` is where kernels/fixed.py keeps its number."""

    name: str
    width: int
    slot: int
    lowest: int = 0
    highest: int = 0
    kind: int = fixed.NUMBER


@dataclass(frozen=True)
class Layout:
    """A format. A mark of a quantity is worth `numerator / denominator` of our unit (kg, mm)."""

    kind: str
    fields: tuple[Field, ...]
    load_width: int
    spacing_width: int
    most_axles: int
    track_width: int = 0
    load: tuple[int, int] = _KILOGRAM
    length: tuple[int, int] = _MILLIMETRE
    spacing: tuple[int, int] = _MILLIMETRE
    transverse: tuple[int, int] = _MILLIMETRE
    marks_per_mps: int = 10
    first_direction: int = 0
    """The digit that means direction 0."""
    raster_ns: int = 10 * NS_PER_MS
    pivot: int = 0
    """Of a year of two digits: from here on it is of the 20th century. 0: years have four digits."""
    fill: int = fixed.BLANK_BYTE
    zero_pad: bool = True
    words: Callable[[str], bytes | None] | None = field(default=None)
    """Station -> the bytes of the layout's words; None when it does not fit. Without it no station is in the file."""

    @cached_property
    def table(self) -> Array:
        """(f, FIELD_COLUMNS) int64, as the kernels take it."""
        starts = np.concatenate(([0], np.cumsum([one.width for one in self.fields])))
        rows = [
            (int(start), one.width, one.lowest, one.highest, one.kind, one.slot)
            for start, one in zip(starts[:-1], self.fields, strict=True)
        ]
        return np.array(rows, np.int64)

    @cached_property
    def axle(self) -> Array:
        """(AXLE_PARTS,) int64, as the kernels take it."""
        parts = (self.head_width, self.load_width, self.track_width, self.spacing_width, self.most_axles, self.pivot)
        return np.array(parts, np.int64)

    @cached_property
    def head_width(self) -> int:
        return sum(one.width for one in self.fields)

    @cached_property
    def line_width(self) -> int:
        """Columns of a line with room for the most axles; the last has no spacing."""
        return (
            self.head_width
            + self.most_axles * (self.load_width + self.track_width + self.spacing_width)
            - (self.spacing_width)
        )

    @cached_property
    def day_column(self) -> int:
        return self.column_of(fixed.DAY)

    def column_of(self, slot: int) -> int:
        """1-based column of the field of a slot; 0 when the layout lacks it."""
        at = 1
        for one in self.fields:
            if one.slot == slot:
                return at
            at += one.width
        return 0

    def has(self, slot: int) -> bool:
        return self.column_of(slot) > 0

    def field_at(self, column: int) -> str:
        """Name of the field at a 1-based column; empty for column 0."""
        at = column - 1
        if at < 0:
            return ""
        for one in self.fields:
            if at < one.width:
                return one.name
            at -= one.width
        axle, part = divmod(at, self.load_width + self.track_width + self.spacing_width)
        if part < self.load_width:
            return f"axle_{axle + 1}_load"
        return f"axle_{axle + 1}_width" if part < self.load_width + self.track_width else f"spacing_{axle + 1}"

    def bounds(self, slot: int) -> tuple[int, int]:
        """The least and the greatest number that the field of a slot holds."""
        one = next(one for one in self.fields if one.slot == slot)
        return one.lowest, one.highest


class FixedDecoder(LineDecoder):
    """Decodes one file of a layout."""

    def __init__(self, layout: Layout, station: str, clock: LocalTime, *, most_lines: int = MAX_ROWS) -> None:
        """`station` names the devices of a layout that holds no station; `clock` says what its local time means."""
        super().__init__(most_lines=most_lines)
        self._layout = layout
        self._clock = clock
        self._station = station
        self._names: dict[tuple[str, int, int], str] = {}
        self._scratch: _Scratch | None = None

    def _decode(self, data: Array, starts: Array, ends: Array) -> Chunk:
        layout = self._layout
        if self._scratch is None:
            self._scratch = _Scratch(self._most, layout.most_axles)
        s, found = self._scratch, len(starts)
        values, error, column = s.values[:found], s.error[:found], s.column[:found]
        load, spacing = s.load[:found], s.spacing[:found]
        fixed.decode_records(
            data, starts, ends, layout.table, layout.axle, layout.day_column, values, load, spacing, error, column
        )
        too_long = ends - starts > MAX_LINE_BYTES
        if too_long.any():
            error[too_long] = _TOO_LONG
            column[too_long] = MAX_LINE_BYTES + 1
        good = np.flatnonzero(error == mon.OK)
        at_ns, status = self._clock.to_utc(values[good, fixed.LOCAL_MS])
        if status.any():
            refused = good[status != local_time.OK]
            error[refused] = _TIME + status[status != local_time.OK]
            column[refused] = layout.day_column
            at_ns = at_ns[status == local_time.OK]
            good = good[status == local_time.OK]
        passes = self._passes(data, starts, ends, good, at_ns)
        bad = tuple(
            self._refused(row, (int(starts[row]), int(ends[row]))) for row in np.flatnonzero(error != mon.OK).tolist()
        )
        return Chunk(found, passes, good + (self.lines + 1), bad)

    def _passes(self, data: Array, starts: Array, ends: Array, good: Array, at_ns: Array) -> PassBatch:
        assert self._scratch is not None  # noqa: S101  (made by the caller)
        s, layout = self._scratch, self._layout
        values = s.values[good]
        widest = int(values[:, fixed.AXLES].max(initial=0))
        load, spacing = (np.zeros((len(good), widest), np.int32) for _ in range(2))
        fixed.pack_loads(s.load, good, s.values, load)
        fixed.pack_loads(s.spacing, good, s.values, spacing)
        transverse = from_raster(values[:, fixed.TRANSVERSE], *layout.transverse)
        speed = values[:, fixed.SPEED] / layout.marks_per_mps
        vehicle_class = [str(number) if number != fixed.NONE else "" for number in values[:, fixed.VEHICLE_CLASS]]
        return PassBatch.of(
            device=self._devices(starts, good, values),
            at_ns=at_ns,
            received_ns=np.zeros(len(good), np.int64),
            digest=digests.digest_rows(data, starts[good], ends[good]),
            axle_count=values[:, fixed.AXLES].astype(np.int16),
            gross_kg=from_raster(values[:, fixed.GROSS], *layout.load).astype(np.int32),
            speed_mps=speed if layout.has(fixed.SPEED) else np.full(len(good), np.nan),
            length_mm=from_raster(values[:, fixed.LENGTH], *layout.length).astype(np.int32),
            axle_kg=from_raster(load, *layout.load).astype(np.int32),
            spacing_mm=from_raster(spacing, *layout.spacing).astype(np.int32),
            plate=("",) * len(good),
            record=values[:, fixed.RECORD].copy(),
            transverse_mm=np.where(transverse == 0, NOT_GIVEN, transverse).astype(np.int32),
            vehicle_class=tuple(vehicle_class) if layout.has(fixed.VEHICLE_CLASS) else ("",) * len(good),
        )

    def _devices(self, starts: Array, good: Array, values: Array) -> tuple[str, ...]:
        layout, names = self._layout, self._names
        places = zip(
            self._stations(starts, good),
            (values[:, fixed.DIRECTION] - layout.first_direction).tolist(),
            values[:, fixed.LANE].tolist(),
            strict=True,
        )
        devices = []
        for place in places:
            name = names.get(place)
            if name is None:
                name = names[place] = scale_device(*place)
            devices.append(name)
        return tuple(devices)

    def _stations(self, starts: Array, good: Array) -> list[str]:
        """The words of the head, one behind the other, or the station that the user told."""
        if self._layout.words is None:
            return [self._station] * len(good)
        spans = [(int(row[fixed.START]), int(row[fixed.WIDTH])) for row in self._layout.table if row[4] == fixed.WORD]
        data = self._data
        return [
            b"".join(data[start + at : start + at + width] for at, width in spans).decode("ascii")
            for start in starts[good].tolist()
        ]

    def _refused(self, row: int, span: tuple[int, int]) -> BadLine:
        assert self._scratch is not None  # noqa: S101
        number, column = self.lines + row + 1, int(self._scratch.column[row])
        reason = _REASONS[int(self._scratch.error[row])]
        if reason is LineReason.LINE_TOO_LONG:
            return self.too_long(number, span[1] - span[0], self._data[span[0] : span[0] + KEPT_BYTES])
        return self.bad_line(span, (number, column), reason, self._layout.field_at(column))


class _Scratch:
    """Tables that the kernels write into, allocated once."""

    def __init__(self, rows: int, axles: int) -> None:
        self.values = np.zeros((rows, fixed.SLOTS), np.int64)
        self.load = np.zeros((rows, axles), np.int32)
        self.spacing = np.zeros((rows, axles), np.int32)
        self.error = np.zeros(rows, np.uint8)
        self.column = np.zeros(rows, np.int64)


class FixedEncoder:
    """Passes as lines of a layout, in the local time of `clock`."""

    def __init__(self, layout: Layout, clock: LocalTime) -> None:
        self.kind = layout.kind
        self._layout = layout
        self._clock = clock

    def begin(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

    def encode(self, batch: PassBatch) -> Encoded:
        """The passes that fit, one line each, and why the others do not."""
        layout, checks = self._layout, Checks(batch)
        values = self._head(batch, checks)
        load, spacing = (
            to_raster(batch.axle_kg, *layout.load),
            to_raster(batch.spacing_mm, *layout.spacing),
        )
        checks.axles("axle_kg", load, 10**layout.load_width - 1, layout.most_axles)
        checks.axles("spacing_mm", spacing, 10**layout.spacing_width - 1, layout.most_axles)
        words = self._words(batch, checks)
        kept = checks.kept()
        out = np.empty((len(kept), layout.line_width + 1), np.uint8)
        width = max(int(batch.axle_count[kept].max(initial=1)), load.shape[1])
        fixed.encode_records(
            values[kept],
            _table(load[kept], width),
            _table(spacing[kept], width),
            words[kept],
            layout.table,
            layout.axle,
            layout.fill,
            layout.zero_pad,
            out,
        )
        return Encoded(out.tobytes(), checks.unfit())

    def rounded(self, batch: PassBatch) -> PassBatch:
        """What reading the written file gives, but for `digest` and `received_ns`: the law of this format."""
        layout = self._layout
        held: dict[str, Any] = {
            "at_ns": _floor(batch.at_ns, self._clock, layout.raster_ns),
            "gross_kg": _through(batch.gross_kg, layout.load),
            "axle_kg": _through(batch.axle_kg, layout.load),
            "spacing_mm": _through(batch.spacing_mm, layout.spacing),
        }
        if layout.has(fixed.SPEED):
            marks = nearest(np.nan_to_num(batch.speed_mps, nan=0.0) * layout.marks_per_mps)
            held["speed_mps"] = marks / layout.marks_per_mps
        if layout.has(fixed.LENGTH):
            held["length_mm"] = _through(batch.length_mm, layout.length)
        if layout.has(fixed.RECORD):
            held["record"] = batch.record % (layout.bounds(fixed.RECORD)[1] + 1)
        if layout.has(fixed.TRANSVERSE):
            given = _through(np.where(batch.transverse_mm == NOT_GIVEN, 0, batch.transverse_mm), layout.transverse)
            held["transverse_mm"] = np.where(given == 0, NOT_GIVEN, given).astype(np.int32)
        if layout.has(fixed.VEHICLE_CLASS):
            held["vehicle_class"] = tuple(_class_word(word) for word in batch.vehicle_class)
        return carried(batch, **held)

    def _head(self, batch: PassBatch, checks: Checks) -> Array:
        layout = self._layout
        direction, lane = lanes(batch, checks, first_direction=layout.first_direction)
        local_ms = self._clock.to_local(batch.at_ns // NS_PER_MS)
        checks.clock(self._clock, local_ms, layout.raster_ns)
        values = np.zeros((len(batch), fixed.SLOTS), np.int64)
        lowest = int(mon.days_from_civil(1900 + layout.pivot if layout.pivot else 1970, 1, 1))
        highest = int(mon.days_from_civil(2000 + layout.pivot if layout.pivot else 2201, 1, 1))
        checks.between("at", local_ms // 86_400_000, lowest, highest - 1)
        _civil(local_ms, values, two_digits=bool(layout.pivot))
        values[:, fixed.AXLES] = batch.axle_count
        values[:, fixed.DIRECTION] = direction
        values[:, fixed.LANE] = lane
        values[:, fixed.GROSS] = to_raster(batch.gross_kg, *layout.load)
        values[:, fixed.SPEED] = nearest(np.nan_to_num(batch.speed_mps, nan=0.0) * layout.marks_per_mps)
        values[:, fixed.LENGTH] = to_raster(batch.length_mm, *layout.length)
        given = np.where(batch.transverse_mm == NOT_GIVEN, 0, batch.transverse_mm)
        values[:, fixed.TRANSVERSE] = to_raster(given, *layout.transverse)
        values[:, fixed.VEHICLE_CLASS] = [_class_number(word) for word in batch.vehicle_class]
        if layout.has(fixed.RECORD):
            values[:, fixed.RECORD] = batch.record % (layout.bounds(fixed.RECORD)[1] + 1)
        checked = (
            ("gross_kg", fixed.GROSS),
            ("speed_mps", fixed.SPEED),
            ("length_mm", fixed.LENGTH),
            ("transverse_mm", fixed.TRANSVERSE),
            ("direction", fixed.DIRECTION),
            ("lane", fixed.LANE),
        )
        for name, slot in checked:
            if layout.has(slot):
                checks.between(name, values[:, slot], *layout.bounds(slot))
        return values

    def _words(self, batch: PassBatch, checks: Checks) -> Array:
        """(n, w) uint8: the station of each row, where the layout holds one."""
        words = self._layout.words
        if words is None:
            return np.zeros((len(batch), 0), np.uint8)
        known: dict[str, bytes | None] = {}
        rows = []
        for row, device in enumerate(batch.device):
            if device not in known:
                place = place_of(device)
                known[device] = words(place[0]) if place is not None else None
            rows.append(known[device])
            if rows[row] is None:
                checks.refuse(
                    row,
                    "device",
                    f"{device}: {self._layout.kind} holds stations of the state's two digits and six more characters; "
                    "name one with --station, such as 17018115",
                )
        width = max((len(row) for row in rows if row is not None), default=0)
        return np.frombuffer(b"".join(row or bytes(width) for row in rows), np.uint8).reshape(len(batch), width)


def _table(values: Array, width: int) -> Array:
    return np.ascontiguousarray(np.pad(values, ((0, 0), (0, width - values.shape[1]))), np.int32)


def _through(values: Array, mark: tuple[int, int]) -> Array:
    return from_raster(to_raster(values, *mark), *mark).astype(np.int32)


def _floor(at_ns: Array, clock: LocalTime, raster_ns: int) -> Array:
    """Instants moved back to the mark before them on the local clock; what has no such mark is left as it is."""
    local_ms = clock.to_local(at_ns // NS_PER_MS)
    raster_ms = raster_ns // NS_PER_MS
    back, _ = clock.to_utc(local_ms // raster_ms * raster_ms)
    return np.where((at_ns - back >= 0) & (at_ns - back < raster_ns), back, at_ns)


def _civil(local_ms: Array, values: Array, *, two_digits: bool) -> None:
    head = np.zeros((len(local_ms), mon.HEAD_COLUMNS), np.int64)
    mon.civil_fields(np.ascontiguousarray(local_ms), head)
    values[:, fixed.DAY] = head[:, mon.DAY]
    values[:, fixed.MONTH] = head[:, mon.MONTH]
    values[:, fixed.YEAR] = head[:, mon.YEAR] % 100 if two_digits else head[:, mon.YEAR]
    values[:, fixed.HOUR] = head[:, mon.HOUR]
    values[:, fixed.MINUTE] = head[:, mon.MINUTE]
    values[:, fixed.SECOND] = head[:, mon.MS_OF_MINUTE] // 1000
    values[:, fixed.HUNDREDTH] = head[:, mon.MS_OF_MINUTE] % 1000 // 10


def _class_number(word: str) -> int:
    return int(word) if word.isascii() and word.isdigit() and int(word) <= 99 else fixed.NONE


def _class_word(word: str) -> str:
    number = _class_number(word)
    return "" if number == fixed.NONE else str(number)
