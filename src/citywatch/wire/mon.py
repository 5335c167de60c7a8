"""MON files (domain sheet, section 4), sans-I/O: bytes in any pieces -> passes and refused lines, every line once.

A line ends with LF or CR LF; the last may lack it. An empty line is a line, and refused. Feed bytes with `receive`,
say `receive_end` once, and take chunks with `next_chunk` until it answers None: needs more.
Any splitting of the same bytes gives the same rows and the same refusals.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.devices import scale_device
from citywatch.domain.passes import PassBatch
from citywatch.kernels import digests, mon
from citywatch.wire import local_time
from citywatch.wire.local_time import LocalTime

MAX_LINE_BYTES = 4096
KEPT_BYTES = 512
"""How much of a refused line is kept."""
KMH_PER_MPS = 3.6

_Array = np.ndarray[Any, Any]


class MonReason(StrEnum):
    """Why a line is refused; a bounded set, used as a metric label."""

    EMPTY_LINE = "empty_line"
    LINE_TOO_LONG = "line_too_long"
    TRUNCATED = "truncated"
    BLANK_FIELD = "blank_field"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NO_SUCH_DATE = "no_such_date"
    BEYOND_AXLES = "beyond_axles"
    TIME_MISSING = "local_time_missing"
    TIME_AMBIGUOUS = "local_time_ambiguous"


_TEXTS = {
    MonReason.EMPTY_LINE: "the line is empty",
    MonReason.LINE_TOO_LONG: f"the line is longer than {MAX_LINE_BYTES} bytes",
    MonReason.TRUNCATED: "the line ends inside or before this field",
    MonReason.BLANK_FIELD: "the field is blank",
    MonReason.NOT_A_NUMBER: "the field is no right-aligned whole number",
    MonReason.OUT_OF_RANGE: "the number is outside what the field can mean",
    MonReason.NO_SUCH_DATE: "the month has no such day",
    MonReason.BEYOND_AXLES: "something other than blanks and zeros stands behind the last axle",
    MonReason.TIME_MISSING: "the clocks skip this local time in the zone of the scale",
    MonReason.TIME_AMBIGUOUS: "this local time occurs twice in the zone of the scale, and the rule is to refuse",
}

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


@dataclass(frozen=True, slots=True)
class BadLine:
    """A refused line. `line` and `column` count from 1; `content` is its first KEPT_BYTES bytes, `length` all."""

    line: int
    column: int
    reason: MonReason
    length: int
    content: bytes

    @property
    def field(self) -> str:
        return field_at(self.column)

    def message(self) -> str:
        return f"line {self.line}, column {self.column} ({self.field}): {_TEXTS[self.reason]}"


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some lines of a file, in order: `lines` = rows of `passes` + `bad`. `numbers` (n,) int64: line of each pass."""

    lines: int
    passes: PassBatch
    numbers: np.ndarray[Any, np.dtype[np.int64]]
    bad: tuple[BadLine, ...]


class MonDecoder:
    """Decodes one MON file of one station. Holds at most what was received and not taken, and a line's beginning."""

    def __init__(self, station: str, clock: LocalTime, *, most_lines: int = MAX_ROWS) -> None:
        """`clock` says what the scale's local time means. `most_lines` bounds a chunk (1 to MAX_ROWS)."""
        if not 1 <= most_lines <= MAX_ROWS:
            raise ValueError(f"most_lines is {most_lines}; it must be 1 to {MAX_ROWS}")
        self.lines = 0
        """How many lines were answered so far."""
        self._clock = clock
        self._devices = [scale_device(station, code % 10, code // 10) for code in range(100)]
        self._most = most_lines
        self._parts: list[bytes | bytearray | memoryview] = []
        self._data = b""
        self._at = 0
        self._ended = False
        # Of a line that outgrew the buffer: its beginning, how many bytes of it went by, and the last one.
        self._skipped_head = b""
        self._skipped = 0
        self._skipped_last = b""
        self._scratch: _Scratch | None = None

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Hand in the next bytes; they are copied when the next chunk is taken, until then they must not change."""
        if self._ended:
            raise ValueError("bytes after the end")
        if len(data):
            self._parts.append(data)

    def receive_end(self) -> None:
        """Say that there are no more bytes."""
        self._ended = True

    def next_chunk(self) -> Chunk | None:
        """The next lines; None when more bytes are needed (or, after the end, when all is told)."""
        self._gather()
        if self._skipped:
            return self._finish_long_line()
        if self._scratch is None:
            self._scratch = _Scratch(self._most)
        scratch = self._scratch
        data = np.frombuffer(self._data, np.uint8)
        found = int(mon.split_lines(data, self._at, len(data), scratch.starts, scratch.ends))
        if found == 0:
            return self._take_rest()
        chunk = self._decode(data, found)
        last = int(scratch.ends[found - 1])
        self._at = last + (2 if self._data[last : last + 1] == b"\r" else 1)
        return chunk

    def _gather(self) -> None:
        if self._parts:
            self._data = b"".join([self._data[self._at :], *self._parts])
            self._parts = []
            self._at = 0

    def _take_rest(self) -> Chunk | None:
        """No line end in sight: wait for it, or let the line end with the file, or stop holding a line too long."""
        rest = len(self._data) - self._at
        if rest > MAX_LINE_BYTES + 1:
            self._skipped_head = self._data[self._at : self._at + KEPT_BYTES]
            self._skip(len(self._data))
            return self.next_chunk() if self._ended else None
        if self._ended and rest:
            self._parts.append(b"\n")
            return self.next_chunk()
        return None

    def _skip(self, to: int) -> None:
        if to > self._at:
            self._skipped += to - self._at
            self._skipped_last = self._data[to - 1 : to]
            self._at = to

    def _finish_long_line(self) -> Chunk | None:
        end = self._data.find(b"\n", self._at)
        self._skip(end if end >= 0 else len(self._data))
        if end < 0 and not self._ended:
            return None
        self._at = min(self._at + 1, len(self._data))
        length = self._skipped - (self._skipped_last == b"\r")
        self.lines += 1
        bad = BadLine(self.lines, MAX_LINE_BYTES + 1, MonReason.LINE_TOO_LONG, length, self._skipped_head)
        self._skipped, self._skipped_head, self._skipped_last = 0, b"", b""
        return Chunk(1, PassBatch.empty(), np.zeros(0, np.int64), (bad,))

    def _decode(self, data: _Array, found: int) -> Chunk:
        assert self._scratch is not None  # noqa: S101  (made by the caller)
        s = self._scratch
        starts, ends, head = s.starts[:found], s.ends[:found], s.head[:found]
        error, column = s.error[:found], s.column[:found]
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
        passes = self._passes(data, good, at_ns)
        bad = tuple(self._bad_line(row) for row in np.flatnonzero(error != mon.OK).tolist())
        numbers = good + (self.lines + 1)
        self.lines += found
        return Chunk(found, passes, numbers, bad)

    def _passes(self, data: _Array, good: _Array, at_ns: _Array) -> PassBatch:
        assert self._scratch is not None  # noqa: S101
        s = self._scratch
        rows = len(good)
        head = s.head[good]
        widest = int(head[:, mon.AXLES].max()) if rows else 0
        axle_kg = np.zeros((rows, widest), np.int32)
        spacing_mm = np.zeros((rows, widest), np.int32)
        mon.pack_axles(s.axle_kg, good, s.head, axle_kg)
        mon.pack_axles(s.spacing_mm, good, s.head, spacing_mm)
        digest = digests.digest_rows(data, s.starts[good], s.ends[good])
        codes = (head[:, mon.LANE] * 10 + head[:, mon.DIRECTION]).tolist()
        names = self._devices
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
        )

    def _bad_line(self, row: int) -> BadLine:
        assert self._scratch is not None  # noqa: S101
        s = self._scratch
        start, end = int(s.starts[row]), int(s.ends[row])
        return BadLine(
            self.lines + row + 1,
            int(s.column[row]),
            _REASONS[int(s.error[row])],
            end - start,
            self._data[start : min(end, start + KEPT_BYTES)],
        )


class _Scratch:
    """Tables that the kernels write into, allocated once."""

    def __init__(self, rows: int) -> None:
        self.starts = np.zeros(rows, np.int64)
        self.ends = np.zeros(rows, np.int64)
        self.head = np.zeros((rows, mon.HEAD_COLUMNS), np.int64)
        self.axle_kg = np.zeros((rows, mon.MAX_AXLES), np.int32)
        self.spacing_mm = np.zeros((rows, mon.MAX_AXLES), np.int32)
        self.error = np.zeros(rows, np.uint8)
        self.column = np.zeros(rows, np.int64)


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
