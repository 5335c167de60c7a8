"""MON files (docs/scale-formats.md), sans-I/O: bytes in any pieces -> passes and refused lines, and passes -> bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.devices import scale_device
from citywatch.domain.instants import NS_PER_MS
from citywatch.domain.passes import NOT_GIVEN, PassBatch
from citywatch.kernels import digests, mon
from citywatch.wire import local_time
from citywatch.wire.lines import KEPT_BYTES, MAX_LINE_BYTES, BadLine, Chunk, LineDecoder
from citywatch.wire.lines import LineReason as MonReason
from citywatch.wire.local_time import LocalTime
from citywatch.wire.raster import Checks, Encoded, carried, lanes, nearest, on_clock

__all__ = [
    "KEPT_BYTES",
    "MAX_LINE_BYTES",
    "BadLine",
    "Chunk",
    "MonDecoder",
    "MonEncoder",
    "MonReason",
    "encode",
    "field_at",
]

KMH_PER_MPS = 3.6
USUAL_AXLES = 15
"""A line has room for so many axles at least: the files in use have 200 columns."""
_MS = NS_PER_MS

_Array = np.ndarray[Any, Any]

_REASONS = {
    mon.EMPTY_LINE: MonReason.EMPTY_LINE,
    mon.TRUNCATED: MonReason.TRUNCATED,
    mon.BLANK_FIELD: MonReason.BLANK_FIELD,
    mon.NOT_A_NUMBER: MonReason.NOT_A_NUMBER,
    mon.OUT_OF_RANGE: MonReason.OUT_OF_RANGE,
    mon.NO_SUCH_DATE: MonReason.NO_SUCH_DATE,
    mon.BEYOND_AXLES: MonReason.BEYOND_AXLES,
}
_TOO_LONG = 100
_TIME = 200
"""Codes of this module, above the kernel's."""
_REASONS |= {
    _TOO_LONG: MonReason.LINE_TOO_LONG,
    _TIME + local_time.MISSING: MonReason.TIME_MISSING,
    _TIME + local_time.AMBIGUOUS: MonReason.TIME_AMBIGUOUS,
}

_FIELD_NAMES = (
    "record",
    "day",
    "month",
    "year",
    "hour",
    "minute",
    "millisecond",
    "axle_count",
    "group_count",
    "gross_kg",
    "speed_kmh",
    "length_mm",
    "lane",
    "direction",
    "transverse_mm",
)
_FIELD_STARTS = np.concatenate(([0], np.cumsum(mon.WIDTHS)))[:-1]
_TIME_COLUMN = 10


def field_at(column: int) -> str:
    """Name of the field at a 1-based column: `gross_kg`, `axle_3_kg`, `spacing_3_mm`; empty for column 0."""
    if column <= 0:
        return ""
    at = column - 1
    if at < mon.HEAD_WIDTH:
        return _FIELD_NAMES[int(np.searchsorted(_FIELD_STARTS, at, side="right")) - 1]
    axle, part = divmod(at - mon.HEAD_WIDTH, 2 * mon.AXLE_FIELD)
    return f"axle_{axle + 1}_kg" if part < mon.AXLE_FIELD else f"spacing_{axle + 1}_mm"


class MonDecoder(LineDecoder):
    """Decodes one MON file of one station."""

    def __init__(self, station: str, clock: LocalTime, *, most_lines: int = MAX_ROWS) -> None:
        """`clock` says what the scale's local time means. `most_lines` bounds a chunk (1 to MAX_ROWS)."""
        super().__init__(most_lines=most_lines)
        self._clock = clock
        self._devices = [scale_device(station, code % 10, code // 10) for code in range(100)]
        self._scratch: _Scratch | None = None

    def _decode(self, data: _Array, starts: _Array, ends: _Array) -> Chunk:
        if self._scratch is None:
            self._scratch = _Scratch(self._most)
        s, found = self._scratch, len(starts)
        head, error, column = s.head[:found], s.error[:found], s.column[:found]
        mon.decode_lines(data, starts, ends, head, s.axle_kg[:found], s.spacing_mm[:found], error, column)
        too_long = ends - starts > MAX_LINE_BYTES
        if too_long.any():
            error[too_long] = _TOO_LONG
            column[too_long] = MAX_LINE_BYTES + 1
        good = np.flatnonzero(error == mon.OK)
        at_ns, status = self._clock.to_utc(head[good, mon.LOCAL_MS])
        if status.any():
            refused = good[status != local_time.OK]
            error[refused] = _TIME + status[status != local_time.OK]
            column[refused] = _TIME_COLUMN
            at_ns = at_ns[status == local_time.OK]
            good = good[status == local_time.OK]
        passes = self._passes(data, starts, ends, good, at_ns)
        bad = tuple(
            self._refused(row, (int(starts[row]), int(ends[row]))) for row in np.flatnonzero(error != mon.OK).tolist()
        )
        return Chunk(found, passes, good + (self.lines + 1), bad)

    def _passes(self, data: _Array, starts: _Array, ends: _Array, good: _Array, at_ns: _Array) -> PassBatch:
        assert self._scratch is not None  # noqa: S101  (made by the caller)
        s = self._scratch
        rows = len(good)
        head = s.head[good]
        widest = int(head[:, mon.AXLES].max()) if rows else 0
        axle_kg = np.zeros((rows, widest), np.int32)
        spacing_mm = np.zeros((rows, widest), np.int32)
        mon.pack_axles(s.axle_kg, good, s.head, axle_kg)
        mon.pack_axles(s.spacing_mm, good, s.head, spacing_mm)
        digest = digests.digest_rows(data, starts[good], ends[good])
        codes = (head[:, mon.LANE] * 10 + head[:, mon.DIRECTION]).tolist()
        names = self._devices
        transverse_mm = head[:, mon.TRANSVERSE_MM].astype(np.int32)
        transverse_mm[transverse_mm == 0] = NOT_GIVEN
        return PassBatch.of(
            device=tuple([names[code] for code in codes]),
            at_ns=at_ns,
            received_ns=np.zeros(rows, np.int64),
            digest=digest,
            axle_count=head[:, mon.AXLES].astype(np.int16),
            gross_kg=head[:, mon.GROSS_KG].astype(np.int32),
            speed_mps=head[:, mon.SPEED_KMH] / KMH_PER_MPS,
            length_mm=head[:, mon.LENGTH_MM].astype(np.int32),
            axle_kg=axle_kg,
            spacing_mm=spacing_mm,
            plate=("",) * rows,
            record=head[:, mon.RECORD].copy(),
            group_count=head[:, mon.GROUPS].astype(np.int16),
            transverse_mm=transverse_mm,
        )

    def _refused(self, row: int, span: tuple[int, int]) -> BadLine:
        assert self._scratch is not None  # noqa: S101
        number, column = self.lines + row + 1, int(self._scratch.column[row])
        reason = _REASONS[int(self._scratch.error[row])]
        if reason is MonReason.LINE_TOO_LONG:
            return self.too_long(number, span[1] - span[0], self._data[span[0] : span[0] + KEPT_BYTES])
        return self.bad_line(span, (number, column), reason, field_at(column))


class _Scratch:
    """Tables that the kernels write into, allocated once."""

    def __init__(self, rows: int) -> None:
        self.head = np.zeros((rows, mon.HEAD_COLUMNS), np.int64)
        self.axle_kg = np.zeros((rows, mon.MAX_AXLES), np.int32)
        self.spacing_mm = np.zeros((rows, mon.MAX_AXLES), np.int32)
        self.error = np.zeros(rows, np.uint8)
        self.column = np.zeros(rows, np.int64)


class MonEncoder:
    """Passes as MON lines, in the local time of `clock`. The station is not in the file: it is told when reading."""

    kind = "mon"

    def __init__(self, clock: LocalTime) -> None:
        self._clock = clock

    def begin(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

    def encode(self, batch: PassBatch) -> Encoded:
        """The passes that fit, one line each, and why the others do not."""
        checks = Checks(batch)
        direction, lane = lanes(batch, checks)
        local_ms = self._clock.to_local(batch.at_ns // _MS)
        checks.clock(self._clock, local_ms, _MS)
        head = np.zeros((len(batch), mon.HEAD_COLUMNS), np.int64)
        head[:, mon.RECORD] = batch.record
        head[:, mon.LOCAL_MS] = local_ms
        head[:, mon.AXLES] = batch.axle_count
        head[:, mon.GROUPS] = batch.group_count
        head[:, mon.GROSS_KG] = batch.gross_kg
        head[:, mon.SPEED_KMH] = nearest(np.nan_to_num(batch.speed_mps, nan=0.0) * KMH_PER_MPS)
        head[:, mon.LENGTH_MM] = batch.length_mm
        head[:, mon.LANE] = lane
        head[:, mon.DIRECTION] = direction
        head[:, mon.TRANSVERSE_MM] = np.where(batch.transverse_mm == NOT_GIVEN, 0, batch.transverse_mm)
        checks.between("at", local_ms, 0, _LAST_MS)
        for field in (mon.RECORD, mon.GROUPS, mon.GROSS_KG, mon.SPEED_KMH, mon.LENGTH_MM, mon.TRANSVERSE_MM):
            checks.between(_FIELD_NAMES[field], head[:, field], int(mon.LOWEST[field]), int(mon.HIGHEST[field]))
        checks.between("group_count", batch.group_count, 0, batch.axle_count)
        checks.axles("axle_kg", batch.axle_kg, 99_999)
        checks.axles("spacing_mm", batch.spacing_mm, 99_999)
        kept = checks.kept()
        rows = [self._lines(head[some], batch.axle_kg[some], batch.spacing_mm[some]) for some in _alike(batch, kept)]
        return Encoded(b"".join(rows), checks.unfit())

    @staticmethod
    def _lines(head: _Array, axle_kg: _Array, spacing_mm: _Array) -> bytes:
        most = int(head[:, mon.AXLES].max(initial=1))
        missing = ((0, 0), (0, max(most - axle_kg.shape[1], 0)))
        return encode(head, np.pad(axle_kg, missing), np.pad(spacing_mm, missing), axles_written=max(USUAL_AXLES, most))

    def rounded(self, batch: PassBatch) -> PassBatch:
        """What reading the written file gives, but for `digest` and `received_ns`: the law of this format."""
        return carried(
            batch,
            at_ns=on_clock(batch.at_ns, _MS),
            speed_mps=nearest(np.nan_to_num(batch.speed_mps, nan=0.0) * KMH_PER_MPS) / KMH_PER_MPS,
            length_mm=batch.length_mm,
            record=batch.record,
            group_count=batch.group_count,
            transverse_mm=np.where(batch.transverse_mm == 0, NOT_GIVEN, batch.transverse_mm).astype(np.int32),
        )


_LAST_MS = int(mon.days_from_civil(2201, 1, 1)) * 86_400_000 - 1


def _alike(batch: PassBatch, kept: _Array) -> list[_Array]:
    """The kept rows in runs whose lines have one length: a vehicle of many axles has a longer line of its own."""
    if not len(kept):
        return []
    length = np.maximum(batch.axle_count[kept], USUAL_AXLES)
    return np.split(kept, np.flatnonzero(np.diff(length)) + 1)


def encode(head: _Array, axle_kg: _Array, spacing_mm: _Array, *, axles_written: int = 15) -> bytes:
    """Rows as MON lines, each ended by LF.

    head                 (n, mon.HEAD_COLUMNS) int64: the fields; date and time fields are made from LOCAL_MS
    axle_kg, spacing_mm  (n, k) int32
    axles_written        a line has room for so many axles (the files in use: 15, which makes 200 columns)
    ValueError names the first value that does not fit its field.
    """
    head = np.array(head, np.int64)
    mon.civil_fields(np.ascontiguousarray(head[:, mon.LOCAL_MS]), head)
    for field, name in enumerate(_FIELD_NAMES):
        _check_range(name, head[:, field], int(mon.LOWEST[field]), int(mon.HIGHEST[field]))
    most = int(head[:, mon.AXLES].max(initial=0))
    if most > axles_written:
        raise ValueError(f"axle_count: {most} axles do not fit lines with room for {axles_written}")
    if most > min(axle_kg.shape[1], spacing_mm.shape[1]):
        raise ValueError(f"axle_count: {most} axles, but loads or spacings of fewer are given")
    _check_range("axle_kg", axle_kg, 0, 99_999)
    _check_range("spacing_mm", spacing_mm, 0, 99_999)
    out = np.empty((len(head), mon.HEAD_WIDTH + 2 * mon.AXLE_FIELD * axles_written + 1), np.uint8)
    mon.encode_lines(head, _int32(axle_kg), _int32(spacing_mm), axles_written, out)
    return out.tobytes()


def _int32(values: _Array) -> _Array:
    return np.ascontiguousarray(values, np.int32)


def _check_range(name: str, values: _Array, low: int, high: int) -> None:
    wrong = values[(values < low) | (values > high)]
    if len(wrong):
        raise ValueError(f"{name}: {int(wrong[0])} does not fit; it must be {low} to {high}")
