"""Files of records, one a line, sans-I/O: bytes in any pieces -> passes and refused lines, every line once.

A line ends with LF or CR LF; the last may lack it. An empty line is a line. A byte order mark of UTF-8 in front of the
first line is no part of it. Feed bytes with `receive`, say `receive_end` once, and take chunks with `next_chunk` until
it answers None: needs more.
Any splitting of the same bytes gives the same rows and the same refusals. A format says what a line means
(`LineDecoder._decode`); everything else is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.passes import PassBatch
from citywatch.kernels import mon

MAX_LINE_BYTES = 4096
KEPT_BYTES = 512
"""How much of a refused line is kept."""
BOM: Final = b"\xef\xbb\xbf"
"""Byte order mark of UTF-8: some editors put it in front of every text that they save."""

Array = np.ndarray[Any, Any]


class LineReason(StrEnum):
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
    WRONG_RECORD = "wrong_record"
    BAD_TEXT = "bad_text"
    BAD_INSTANT = "bad_instant"
    WRONG_CELLS = "wrong_cells"
    AXLES_CONTRADICT = "axles_contradict"


TEXTS = {
    LineReason.EMPTY_LINE: "the line is empty",
    LineReason.LINE_TOO_LONG: "the line is longer than any record",
    LineReason.TRUNCATED: "the line ends inside or before this field",
    LineReason.BLANK_FIELD: "the field is blank",
    LineReason.NOT_A_NUMBER: "the field is no right-aligned whole number",
    LineReason.OUT_OF_RANGE: "the number is outside what the field can mean",
    LineReason.NO_SUCH_DATE: "the month has no such day",
    LineReason.BEYOND_AXLES: "something other than blanks and zeros stands behind the last axle",
    LineReason.TIME_MISSING: "the clocks skip this local time in the zone of the scale",
    LineReason.TIME_AMBIGUOUS: "this local time occurs twice in the zone of the scale, and the rule is to refuse",
    LineReason.WRONG_RECORD: "this is no record of the kind that is read",
    LineReason.BAD_TEXT: "the field holds other characters than it may",
    LineReason.BAD_INSTANT: "the field is no instant in the format that is declared",
    LineReason.WRONG_CELLS: "the line has another number of cells than the header",
    LineReason.AXLES_CONTRADICT: "the axles contradict their count",
}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A refused line. `line` and `column` count from 1; `content` is its first KEPT_BYTES bytes, `length` all.

    `text` says more than the reason does, or nothing; it holds no plate.
    """

    line: int
    column: int
    reason: StrEnum
    length: int
    content: bytes
    field: str = ""
    text: str = ""

    def message(self) -> str:
        said = self.text or TEXTS[LineReason(self.reason)]
        return f"line {self.line}, column {self.column} ({self.field}): {said}"


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some lines of a file, in order: `lines` = rows of `passes` + `bad`. `numbers` (n,) int64: line of each pass."""

    lines: int
    passes: PassBatch
    numbers: np.ndarray[Any, np.dtype[np.int64]]
    bad: tuple[BadLine, ...]


class LineDecoder(ABC):
    """Decodes one file. Holds at most what was received and not taken, and a line's beginning."""

    def __init__(self, *, most_lines: int = MAX_ROWS, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        """`most_lines` bounds a chunk (1 to MAX_ROWS)."""
        if not 1 <= most_lines <= MAX_ROWS:
            raise ValueError(f"most_lines is {most_lines}; it must be 1 to {MAX_ROWS}")
        self.lines = 0
        """How many lines were answered so far."""
        self._most = most_lines
        self._max_line_bytes = max_line_bytes
        self._parts: list[bytes | bytearray | memoryview] = []
        self._data = b""
        self._at = 0
        self._ended = False
        self._begun = False
        # Of a line that outgrew the buffer: its beginning, how many bytes of it went by, and the last one.
        self._skipped_head = b""
        self._skipped = 0
        self._skipped_last = b""
        self._spans: tuple[Array, Array] | None = None

    @abstractmethod
    def _decode(self, data: Array, starts: Array, ends: Array) -> Chunk:
        """The lines data[starts[i]:ends[i]], none of them too long; the first has the number self.lines + 1.

        data (n,) uint8, starts and ends (rows,) int64. The caller counts the lines.
        """

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
        if not self._begun and not self._begin():
            return None
        if self._skipped:
            return self._finish_long_line()
        if self._spans is None:
            self._spans = np.zeros(self._most, np.int64), np.zeros(self._most, np.int64)
        starts, ends = self._spans
        data = np.frombuffer(self._data, np.uint8)
        found = int(mon.split_lines(data, self._at, len(data), starts, ends))
        if found == 0:
            return self._take_rest()
        chunk = self._decode(data, starts[:found], ends[:found])
        self.lines += found
        last = int(ends[found - 1])
        self._at = last + (2 if self._data[last : last + 1] == b"\r" else 1)
        return chunk

    def _gather(self) -> None:
        if self._parts:
            self._data = b"".join([self._data[self._at :], *self._parts])
            self._parts = []
            self._at = 0

    def _begin(self) -> bool:
        """Pass over a byte order mark; False while it is not known whether one is there."""
        head = self._data[: len(BOM)]
        if not self._ended and head != BOM and BOM.startswith(head):
            return False
        self._begun = True
        if head == BOM:
            self._at = len(BOM)
        return True

    def _take_rest(self) -> Chunk | None:
        """No line end in sight: wait for it, or let the line end with the file, or stop holding a line too long."""
        rest = len(self._data) - self._at
        if rest > self._max_line_bytes + 1:
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
        bad = self.too_long(self.lines, length, self._skipped_head)
        self._skipped, self._skipped_head, self._skipped_last = 0, b"", b""
        return Chunk(1, PassBatch.empty(), np.zeros(0, np.int64), (bad,))

    def too_long(self, line: int, length: int, head: bytes) -> BadLine:
        """The refusal of a line longer than any record."""
        text = f"the line is longer than {self._max_line_bytes} bytes"
        return BadLine(line, self._max_line_bytes + 1, LineReason.LINE_TOO_LONG, length, head[:KEPT_BYTES], text=text)

    def bad_line(self, span: tuple[int, int], place: tuple[int, int], reason: StrEnum, field: str = "") -> BadLine:
        """The refusal of the line at bytes `span` of the buffer; `place` is its line and column."""
        start, end = span
        content = self._data[start : min(end, start + KEPT_BYTES)]
        return BadLine(*place, reason, end - start, content, field)
