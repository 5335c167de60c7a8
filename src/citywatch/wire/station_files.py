"""Files of Chinese station JSON, sans-I/O: one document of many records, or one record a line; and their writers.

A file that begins with `[` is a document: an array of records, read record by record, so that its length does not
matter. Any other file is one record a line; one whose first record goes over several lines is read as a document too.
What a record holds stands in wire/station_json.py. A record that is refused costs itself alone; where a document stops
being JSON, the rest of it is one refusal, with the line and column of the place.

What the layout cannot hold and a writer leaves out: groups, lateral position and raw strips.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import numpy as np

from citywatch.domain.passes import PassBatch
from citywatch.errors import RecordRefused
from citywatch.wire import station_extras, station_json
from citywatch.wire.lines import KEPT_BYTES, Array, BadLine, Chunk, LineDecoder, LineReason
from citywatch.wire.raster import Checks, Encoded, carried, lanes
from citywatch.wire.station_json import Refusal, StationFormat

MAX_RECORD_BYTES: Final = 65_536
RECORDS_AT_A_TIME: Final = 4096
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\]]', re.DOTALL)
"""A string, a bracket, or the quotation mark of a string whose end is not there."""
_DEPTH: Final = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_BLANK = re.compile(rb"[ \t\r\n]*")
_BOM: Final = b"\xef\xbb\xbf"


def _record_of(content: bytes, form: StationFormat, place: tuple[int, int]) -> station_json.Row | BadLine:
    """The row of one record, or why not; `place` is the line and column of its first byte, both from 1."""
    line, column = place
    reason: Refusal | LineReason = Refusal.NOT_AN_OBJECT
    name, text = "", "a record is a JSON object with the station's fields"
    try:
        return station_json.row_of(content.decode("utf-8"), form)
    except RecordRefused as error:
        name, reason, text = error.field, Refusal(error.reason), str(error)
        at = content.find(f'"{name}"'.encode()) if name else 0
    except UnicodeDecodeError as error:
        at, reason, text = error.start, LineReason.BAD_TEXT, "this is not UTF-8; save the file in UTF-8"
    except json.JSONDecodeError as error:
        at, text = len(error.doc[: error.pos].encode()), f"not JSON: {error.msg}"
    except (ValueError, RecursionError):
        at, text = 0, "not JSON that can be read"
    line, column = _moved(content, max(at, 0), line, column)
    return BadLine(line, column, reason, len(content), content[:KEPT_BYTES], name, text)


def _moved(content: bytes, to: int, line: int, column: int) -> tuple[int, int]:
    """Line and column of content[to], where those of content[0] are given."""
    breaks = content.count(b"\n", 0, to)
    if not breaks:
        return line, column + to
    return line + breaks, to - content.rfind(b"\n", 0, to)


class StationLineDecoder(LineDecoder):
    """Decodes a file with one record a line."""

    def __init__(self, form: StationFormat, *, most_lines: int = RECORDS_AT_A_TIME) -> None:
        super().__init__(most_lines=most_lines, max_line_bytes=MAX_RECORD_BYTES)
        self._form = form

    def _decode(self, data: Array, starts: Array, ends: Array) -> Chunk:
        rows, numbers, bad = [], [], []
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        for number, (start, end) in enumerate(spans, start=self.lines + 1):
            if start == end:
                bad.append(self.bad_line((start, end), (number, 1), LineReason.EMPTY_LINE))
                continue
            if end - start > MAX_RECORD_BYTES:
                bad.append(self.too_long(number, end - start, self._data[start : start + KEPT_BYTES]))
                continue
            content = self._data[start:end]
            skipped = len(_BOM) if number == 1 and content.startswith(_BOM) else 0
            row = _record_of(content[skipped:], self._form, (number, 1 + skipped))
            if isinstance(row, BadLine):
                bad.append(row)
            else:
                rows.append(row)
                numbers.append(number)
        return Chunk(len(starts), station_json.batch_of(rows, 0), np.array(numbers, np.int64), tuple(bad))


class StationDocumentDecoder:
    """Decodes one document: an array of records, or records one behind the other. Holds what is not taken, and one
    record. The `lines` of its chunks are records."""

    def __init__(self, form: StationFormat) -> None:
        self.lines = 0
        self._form = form
        self._parts: list[bytes] = []
        self._data = b""
        self._at = 0
        self._place = (1, 1)
        self._ended = self._array = self._begun = self._closed = self._given_up = False

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Hand in the next bytes."""
        if self._ended:
            raise ValueError("bytes after the end")
        self._parts.append(bytes(data))

    def receive_end(self) -> None:
        """Say that there are no more bytes."""
        self._ended = True

    def next_chunk(self) -> Chunk | None:
        """The next records; None when more bytes are needed (or, after the end, when all is told)."""
        if self._parts:
            self._data = b"".join([self._data[self._at :], *self._parts])
            self._parts, self._at = [], 0
        rows: list[station_json.Row] = []
        bad: list[BadLine] = []
        numbers: list[int] = []
        while len(rows) + len(bad) < RECORDS_AT_A_TIME:
            place = self._next()
            if place is None:
                break
            start, end, words = place
            content = self._data[start:end]
            found = (
                BadLine(*self._place, Refusal.NOT_AN_OBJECT, end - start, content[:KEPT_BYTES], "", words)
                if words
                else _record_of(content, self._form, self._place)
            )
            if isinstance(found, BadLine):
                bad.append(found)
            else:
                rows.append(found)
                numbers.append(self._place[0])
            self._go(end)
        if not rows and not bad:
            return None
        self.lines += len(rows) + len(bad)
        batch = station_json.batch_of(rows, 0)
        return Chunk(len(rows) + len(bad), batch, np.array(numbers, np.int64), tuple(bad))

    def _go(self, to: int) -> None:
        self._place = _moved(self._data[self._at : to], to - self._at, *self._place)
        self._at = to

    def _next(self) -> tuple[int, int, str] | None:
        """First byte, last byte + 1 and '' of the next record; or of what is no JSON, with words. None: needs more."""
        while True:
            self._go(_BLANK.match(self._data, self._at).end())  # type: ignore[union-attr]  # matches nothing, too
            if self._at == len(self._data):
                unfinished = self._ended and self._array and not self._closed
                return self._rest("the file ends before the document does") if unfinished else None
            byte = self._data[self._at : self._at + 1]
            if not self._begun:
                if self._data.startswith(_BOM, self._at):
                    self._go(self._at + len(_BOM))
                    continue
                self._begun, self._array = True, byte == b"["
                if self._array:
                    self._go(self._at + 1)
                    continue
            if self._array and not self._closed and byte in b",]":
                self._closed = byte == b"]"
                self._go(self._at + 1)
                continue
            if self._closed:
                return self._rest("something follows the end of the document")
            if byte != b"{":
                return self._rest("a record, which begins with {, should stand here")
            return self._object()

    def _object(self) -> tuple[int, int, str] | None:
        depth = 0
        for token in _TOKEN.finditer(self._data, self._at):
            if token.group() == b'"':
                break
            depth += _DEPTH.get(token.group(), 0)
            if depth == 0:
                return self._at, token.end(), ""
            if token.end() - self._at > MAX_RECORD_BYTES:
                break
        if len(self._data) - self._at > MAX_RECORD_BYTES:
            return self._rest(f"this record is longer than {MAX_RECORD_BYTES} bytes, or does not end")
        return self._rest("the file ends inside this record") if self._ended else None

    def _rest(self, words: str) -> tuple[int, int, str] | None:
        """Give the rest of the file up: after this nothing more is read."""
        self._closed = self._array = self._begun = True
        start = self._at
        if self._given_up:
            self._at = len(self._data)
            return None
        self._given_up = True
        return start, len(self._data), words


class StationFileDecoder:
    """Decodes either kind of file, whichever it turns out to be."""

    def __init__(self, form: StationFormat) -> None:
        self._form = form
        self._held = b""
        self._ended = False
        self._decoder: StationLineDecoder | StationDocumentDecoder | None = None

    @property
    def lines(self) -> int:
        return self._decoder.lines if self._decoder else 0

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        if self._decoder is not None:
            self._decoder.receive(data)
        else:
            self._held += bytes(data)

    def receive_end(self) -> None:
        self._ended = True
        if self._decoder is not None:
            self._decoder.receive_end()

    def next_chunk(self) -> Chunk | None:
        if self._decoder is None:
            self._decoder = self._chosen()
            if self._decoder is None:
                return None
            self._decoder.receive(self._held)
            self._held = b""
            if self._ended:
                self._decoder.receive_end()
        return self._decoder.next_chunk()

    def _chosen(self) -> StationLineDecoder | StationDocumentDecoder | None:
        beginning = self._held.removeprefix(_BOM)
        text = beginning.lstrip(b" \t\r\n")
        if text[:1] == b"[":
            return StationDocumentDecoder(self._form)
        line, found, _ = beginning.partition(b"\n")
        if not found and not self._ended and len(self._held) <= MAX_RECORD_BYTES:
            return None
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            if text[:1] == b"{" and b":" in text and not _closes(line):
                return StationDocumentDecoder(self._form)
        return StationLineDecoder(self._form)


def _closes(line: bytes) -> bool:
    """Whether the objects that a line opens are closed in it."""
    depth = 0
    for token in _TOKEN.finditer(line):
        depth += _DEPTH.get(token.group(), 0)
    return depth <= 0


class StationEncoder:
    """Passes as station records: one document, or with `lines` one record a line."""

    def __init__(self, form: StationFormat, *, lines: bool) -> None:
        self.kind = "jsonl" if lines else "json"
        self._form = form
        self._lines = lines
        self._first = True

    def begin(self) -> bytes:
        return b"" if self._lines else b"["

    def end(self) -> bytes:
        return b"" if self._lines else b"\n]\n"

    def encode(self, batch: PassBatch) -> Encoded:
        """The passes that fit, and why the others do not."""
        checks = Checks(batch)
        lanes(batch, checks, most=99)
        checks.between("gross_kg", batch.gross_kg, 1, station_json.MAX_GROSS_KG)
        checks.axles("axle_kg", batch.axle_kg, station_json.MAX_AXLE_KG)
        checks.axles("spacing_mm", batch.spacing_mm, station_json.MAX_SPACING_MM)
        checks.between("record", batch.record, 0, station_json.MAX_RECORD_NUMBER)
        checks.between("length_mm", batch.length_mm, 0, station_extras.MAX_LENGTH_MM)
        checks.between("occupancy_ms", batch.occupancy_ms, 0, station_extras.MAX_OCCUPANCY_MS)
        checks.between("camera_axles", batch.camera_axles, 0, station_extras.MAX_SIDE_AXLES)
        checks.axles("left_kg", batch.left_kg, station_json.MAX_AXLE_KG)
        hardest = np.ceil(np.abs(np.nan_to_num(batch.acceleration_mps2, nan=0.0)))
        checks.between("acceleration_mps2", hardest, 0, station_extras.MAX_ACCELERATION_MPS2)
        fastest = np.ceil(np.max(batch.axle_speed_mps, axis=1, initial=0.0) * station_json.KMH_PER_MPS)
        checks.between("axle_speed_mps", fastest, 0, station_json.MAX_SPEED_KMH)
        speed = np.nan_to_num(batch.speed_mps, nan=0.0) * station_json.KMH_PER_MPS
        checks.between("speed_mps", np.ceil(speed), 0, station_json.MAX_SPEED_KMH)
        for row, why in station_json.unfit(batch, self._form):
            checks.refuse(row, *why)
        kept = checks.kept()
        parts = []
        for record in station_json.records(batch.take(kept), self._form):
            if not self._lines:
                parts.append("\n" if self._first else ",\n")
            parts.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
            if self._lines:
                parts.append("\n")
            self._first = False
        return Encoded("".join(parts).encode(), checks.unfit())

    def rounded(self, batch: PassBatch) -> PassBatch:
        """What reading the written file gives, but for `digest` and `received_ns`: the law of this format."""
        kmh = [round(speed * station_json.KMH_PER_MPS, 6) for speed in batch.speed_mps.tolist()]
        celsius = [value if math.isnan(value) else round(value, 3) for value in batch.temperature_c.tolist()]
        values: dict[str, Any] = {
            "speed_mps": np.array([value / station_json.KMH_PER_MPS for value in kmh], np.float64),
            "plate": tuple(front or rear for front, rear in zip(batch.plate, batch.plate_rear, strict=True)),
            "record": batch.record,
            "temperature_c": np.array(celsius, np.float64),
            "vehicle_class": batch.vehicle_class,
            "plate_rear": batch.plate_rear,
            "plate_colour": batch.plate_colour,
            "status": batch.status,
            **station_extras.rounded(batch),
        }
        return carried(batch, **values)
