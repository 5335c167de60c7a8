"""Tables of passes in CSV with a declared mapping, sans-I/O (docs/scale-formats.md says how a mapping is written).

A record is a line: a cell may be quoted, but a line end inside quotes is refused. Cells become columns, and a column is
read at once; only a column with something wrong in it is looked at cell by cell. Without a mapping, EXCHANGE is meant:
every column of a pass under a name with its unit, which reads back equal to the last bit.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.devices import check_device_id, scale_device
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.domain.passes import MAX_AXLES, NOT_GIVEN, PassBatch, ScaleStatus
from citywatch.errors import ConfigurationError
from citywatch.kernels import digests
from citywatch.wire import local_time
from citywatch.wire.csv_instants import RefusedCell, instant_reader
from citywatch.wire.csv_mapping import EXCHANGE, FIELDS, FLOATS, LISTS, LONGEST_TEXT, CsvColumn, CsvMapping
from citywatch.wire.csv_units import OURS
from citywatch.wire.csv_writer import CsvEncoder
from citywatch.wire.lines import KEPT_BYTES, MAX_LINE_BYTES, Array, BadLine, Chunk, LineDecoder, LineReason

__all__ = ["EXCHANGE", "FIELDS", "CsvColumn", "CsvDecoder", "CsvEncoder", "CsvMapping"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_LINES: Final = 16_384
_FIRST_NS, _LAST_NS = 0, 7_289_654_400 * NS_PER_S
"""Instants of 1970 to 2200, as in every other format."""
_FLAGS: Final = {str(flag.name).lower(): int(flag) for flag in ScaleStatus}


class CsvDecoder(LineDecoder):
    """Decodes one table. ConfigurationError when its header lacks a column of the mapping."""

    def __init__(self, mapping: CsvMapping, station: str, *, most_lines: int = _LINES) -> None:
        """`station` stands where neither the table nor the mapping names one."""
        super().__init__(most_lines=min(most_lines, MAX_ROWS))
        self._mapping = mapping
        self._station = mapping.station or station
        self._places: dict[str, list[int]] | None = None
        self._cells = 0

    def _decode(self, data: Array, starts: Array, ends: Array) -> Chunk:
        spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
        first = self.lines + 1
        bad: list[BadLine] = []
        rows: list[list[str]] = []
        kept: list[int] = []
        for number, (start, end) in enumerate(spans):
            try:
                cells = self._split(self._data[start:end])
                if self._places is None:
                    self._places = self._find(cells)
                    if self._mapping.header:
                        continue
                if len(cells) != self._cells:
                    raise RefusedCell(LineReason.WRONG_CELLS, f"{len(cells)} cells where there should be {self._cells}")
            except RefusedCell as error:
                bad.append(self._bad(spans[number], (first + number, 1), error, ""))
                continue
            rows.append(cells)
            kept.append(number)
        header = len(spans) - len(rows) - len(bad)
        passes, wrong = self._read(rows)
        for row, (name, column, why) in sorted(wrong.items()):
            number = kept[row]
            bad.append(self._bad(spans[number], (first + number, column), why, name))
        good = np.array([number for row, number in enumerate(kept) if row not in wrong], np.int64)
        at = (starts[good], ends[good]) if len(good) else (starts[:0], ends[:0])
        if len(good):
            values = {column.name: getattr(passes, column.name) for column in PassBatch.COLUMNS}
            passes = PassBatch(**{**values, "digest": digests.digest_rows(data, *map(np.ascontiguousarray, at))})
        return Chunk(len(spans) - header, passes, good + first, tuple(sorted(bad, key=lambda one: one.line)))

    def _bad(self, span: tuple[int, int], place: tuple[int, int], error: RefusedCell, name: str) -> BadLine:
        content = self._data[span[0] : min(span[1], span[0] + KEPT_BYTES)]
        return BadLine(*place, error.reason, span[1] - span[0], content, name, str(error))

    def _split(self, line: bytes) -> list[str]:
        if not line:
            raise RefusedCell(LineReason.EMPTY_LINE, "the line is empty")
        if len(line) > MAX_LINE_BYTES:
            raise RefusedCell(LineReason.LINE_TOO_LONG, f"the line is longer than {MAX_LINE_BYTES} bytes")
        try:
            text = line.decode(self._mapping.encoding)
        except UnicodeDecodeError as error:
            encoding = self._mapping.encoding.removesuffix("-sig")
            words = f"byte {error.start + 1} is not {encoding}; name the encoding in the mapping"
            raise RefusedCell(LineReason.BAD_TEXT, words) from error
        if '"' not in text:
            return text.split(self._mapping.separator)
        try:
            return next(csv.reader([text], delimiter=self._mapping.separator, strict=True))
        except csv.Error as error:
            raise RefusedCell(LineReason.BAD_TEXT, f"quotation marks that do not fit: {error}") from error

    def _find(self, header: list[str]) -> dict[str, list[int]]:
        """Where the columns of each field stand; a field of axles may have several."""
        self._cells = len(header)
        names = [name.strip() for name in header]
        if not self._mapping.header:
            names = [str(number) for number in range(1, len(header) + 1)]
        places: dict[str, list[int]] = {}
        for field_name, column in self._mapping.columns.items():
            if "{n}" in column.name:
                wanted = [column.name.replace("{n}", str(axle)) for axle in range(1, MAX_AXLES + 1)]
                places[field_name] = [names.index(name) for name in wanted if name in names]
            else:
                places[field_name] = [names.index(column.name)] if column.name in names else []
            if not places[field_name]:
                raise ConfigurationError(
                    f"CSV table, line 1: there is no column {column.name!r} for {field_name}; there are: "
                    f"{', '.join(names)[:300]} (separator {self._mapping.separator!r})"
                )
            twice = next((names[place] for place in places[field_name] if names.count(names[place]) > 1), None)
            if twice is not None:
                first, second = [place + 1 for place, name in enumerate(names) if name == twice][:2]
                raise ConfigurationError(
                    f"CSV table, line 1: columns {first} and {second} are both called {twice!r}; nobody can say which "
                    f"one holds {field_name}, so rename one of them"
                )
        return places

    def _read(self, rows: list[list[str]]) -> tuple[PassBatch, dict[int, tuple[str, int, RefusedCell]]]:
        """The passes, and row -> (field, column, why) of those that cannot be read."""
        wrong: dict[int, tuple[str, int, RefusedCell]] = {}
        if not rows or self._places is None:
            return PassBatch.empty(), wrong
        columns = list(zip(*rows, strict=True))
        values: dict[str, Any] = {}
        for name, places in self._places.items():
            kind = FIELDS[name]
            if name in LISTS:
                values[name] = self._lists(name, [columns[place] for place in places], places, wrong)
                continue
            cells, place = columns[places[0]], places[0]
            if kind.measures == "instant":
                values[name] = self._instants(cells, place, wrong)
            elif kind.measures == "text":
                values[name] = _each(cells, _text, name, place, wrong, "")
            elif kind.measures == "words":
                values[name] = _each(cells, _status, name, place, wrong, 0)
            else:
                values[name] = self._numbers(name, cells, place, wrong)
        self._axles(values, wrong)
        devices = self._devices(values, len(rows), wrong)
        good = [row for row in range(len(rows)) if row not in wrong]
        return _batch(values, devices, good), wrong

    def _numbers(
        self, name: str, cells: Sequence[str], place: int, wrong: dict[int, tuple[str, int, RefusedCell]]
    ) -> list[Any]:
        """A column of numbers in our unit: whole ones for what we keep whole; None where there is none."""
        kind, unit = FIELDS[name], self._mapping.unit(name)
        comma, missing = self._mapping.decimal == ",", self._mapping.missing

        def read(cell: str) -> Any:
            text = cell.strip()
            if text in missing:
                return None
            if comma:
                text = text.replace(",", ".")
            if not _NUMBER.fullmatch(text):
                raise RefusedCell(LineReason.NOT_A_NUMBER, "this is no plain number")
            if name == "record":
                value: float | int = int(text) if text.isdigit() else -1
            else:
                value = unit.ours(float(text))
                value = value if name in FLOATS else math.floor(value + 0.5)
            if not kind.lowest <= value <= kind.highest:
                words = (
                    f"{value:.12g} is outside {kind.lowest} to {kind.highest} {OURS.get(kind.measures, '')}".rstrip()
                )
                raise RefusedCell(LineReason.OUT_OF_RANGE, words)
            return value

        return _each(cells, read, name, place, wrong, None)

    def _lists(
        self,
        name: str,
        columns: list[tuple[str, ...]],
        places: list[int],
        wrong: dict[int, tuple[str, int, RefusedCell]],
    ) -> list[list[Any]]:
        """A field of axles: one list a row, without what stands behind the last number that is there."""
        if len(places) > 1 or "{n}" in self._mapping.columns[name].name:
            numbers = [self._numbers(name, cells, place, wrong) for cells, place in zip(columns, places, strict=True)]
            return [_trimmed(row) for row in zip(*numbers, strict=True)]
        split = [cell.split(self._mapping.list_separator) if cell.strip() else [] for cell in columns[0]]
        flat = [part for parts in split for part in parts]
        found: dict[int, tuple[str, int, RefusedCell]] = {}
        values = self._numbers(name, flat, places[0], found)
        owner = np.repeat(np.arange(len(split)), [len(parts) for parts in split])
        for number, why in found.items():
            wrong.setdefault(int(owner[number]), why)
        at = 0
        lists = []
        for parts in split:
            lists.append(_trimmed(values[at : at + len(parts)]))
            at += len(parts)
        return lists

    def _instants(self, cells: Sequence[str], place: int, wrong: dict[int, tuple[str, int, RefusedCell]]) -> list[int]:
        """(at_ns) of every cell. Those without an offset are local times of the mapping's zone."""
        reader = instant_reader(self._mapping.time_format)
        read = _each(cells, reader, "at", place, wrong, (0, True))
        instants = np.array([at_ns for at_ns, _ in read], np.int64)
        local = np.flatnonzero([not absolute for _, absolute in read])
        if len(local):
            at_ns, status = self._mapping.clock.to_utc(instants[local] // NS_PER_MS)
            instants[local] = at_ns + instants[local] % NS_PER_MS
            for row, code in zip(local[status != local_time.OK].tolist(), status[status != 0].tolist(), strict=True):
                skipped = code == local_time.MISSING
                reason = LineReason.TIME_MISSING if skipped else LineReason.TIME_AMBIGUOUS
                words = "the clocks skip this local time" if skipped else "this local time occurs twice"
                wrong.setdefault(row, ("at", place + 1, RefusedCell(reason, f"{words} in {self._mapping.zone}")))
        for row in np.flatnonzero((instants < _FIRST_NS) | (instants >= _LAST_NS)).tolist():
            why = RefusedCell(LineReason.OUT_OF_RANGE, "outside the years 1970 to 2200")
            wrong.setdefault(row, ("at", place + 1, why))
        found: list[int] = instants.tolist()
        return found

    def _axles(self, values: dict[str, Any], wrong: dict[int, tuple[str, int, RefusedCell]]) -> None:
        """Make the axle count where the table has none, and hold the lists against it."""
        loads, places = values["axle_weights"], self._places or {}
        counts = values.setdefault("axle_count", [None] * len(loads))
        for row, load in enumerate(loads):
            if counts[row] is None:
                counts[row] = len(load)
            if not counts[row]:
                why = RefusedCell(LineReason.BLANK_FIELD, "there is no axle")
                wrong.setdefault(row, ("axle_weights", places["axle_weights"][0] + 1, why))
        for name in LISTS:
            for row, found in enumerate(values.get(name, ())):
                most = (counts[row] or 0) - (name == "spacings")
                if any(found[most:]):
                    why = RefusedCell(
                        LineReason.AXLES_CONTRADICT, f"{len(found)} values; {counts[row]} axles have {most}"
                    )
                    wrong.setdefault(row, (name, places[name][0] + 1, why))

    def _devices(self, values: dict[str, Any], rows: int, wrong: dict[int, tuple[str, int, RefusedCell]]) -> list[str]:
        if "device" in values:
            devices = values["device"]
            name = "device"
        else:
            stations = values.get("station", [self._station] * rows)
            directions = [number or 0 for number in values.get("direction", [0] * rows)]
            lanes = [number or 0 for number in values["lane"]]
            devices = [scale_device(*place) for place in zip(stations, directions, lanes, strict=True)]
            name = "station" if "station" in values else "lane"
        place = (self._places or {})[name][0] + 1
        lawful: dict[str, bool] = {}
        for row, device in enumerate(devices):
            if device not in lawful:
                lawful[device] = _is_device(device)
            if not lawful[device]:
                words = "no id of a device: letters, digits and . _ : / - are lawful"
                wrong.setdefault(row, (name, place, RefusedCell(LineReason.BAD_TEXT, words)))
        return list(devices)


def _each(
    cells: Sequence[str],
    read: Callable[[str], Any],
    name: str,
    place: int,
    wrong: dict[int, tuple[str, int, RefusedCell]],
    instead: Any,
) -> list[Any]:
    """Every cell read; what cannot be is noted in `wrong` and stands as `instead`."""
    try:
        return [read(cell) for cell in cells]
    except RefusedCell:
        values = []
        for row, cell in enumerate(cells):
            try:
                values.append(read(cell))
            except RefusedCell as error:
                wrong.setdefault(row, (name, place + 1, error))
                values.append(instead)
        return values


def _trimmed(row: Iterable[Any]) -> list[Any]:
    """Numbers up to the last one that is there; those missing in between are 0."""
    values = list(row)
    while values and values[-1] is None:
        values.pop()
    return [value or 0 for value in values]


def _text(cell: str) -> str:
    text = cell.strip()
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise RefusedCell(LineReason.BAD_TEXT, f"no text of at most {LONGEST_TEXT} printable characters")
    return text


def _status(cell: str) -> int:
    status = 0
    for word in cell.split():
        if word not in _FLAGS:
            raise RefusedCell(LineReason.BAD_TEXT, f"unknown word; known: {' '.join(_FLAGS)}")
        status |= _FLAGS[word]
    return status


def _is_device(device: str) -> bool:
    try:
        check_device_id(device)
    except ValueError:
        return False
    return True


def _batch(values: dict[str, Any], devices: list[str], good: list[int]) -> PassBatch:
    rows = len(good)
    columns: dict[str, Any] = {
        "device": tuple(devices[row] for row in good),
        "received_ns": np.zeros(rows, np.int64),
        "digest": np.zeros((rows, 2), np.uint64),
        "speed_mps": np.full(rows, np.nan),
        "length_mm": np.zeros(rows, np.int32),
        "plate": ("",) * rows,
    }
    widest = max((values["axle_count"][row] for row in good), default=0)
    types = {column.name: column for column in PassBatch.COLUMNS}
    for name, found in values.items():
        column = types[FIELDS[name].column]
        if column.name == "device":
            continue
        if name in LISTS:
            columns[column.name] = _table([found[row] for row in good], widest, column.dtype)
        elif FIELDS[name].measures == "text":
            columns[column.name] = tuple(found[row] for row in good)
        else:
            empty = math.nan if name in FLOATS else NOT_GIVEN if name == "transverse" else 0
            plain = [empty if found[row] is None else found[row] for row in good]
            columns[column.name] = np.array(plain, column.dtype)
    columns.setdefault("spacing_mm", np.zeros((rows, widest), np.int32))
    return PassBatch.of(**columns)


def _table(lists: list[list[Any]], width: int, dtype: str) -> Array:
    out = np.zeros((len(lists), width), dtype)
    for row, values in enumerate(lists):
        kept = values[:width]
        out[row, : len(kept)] = kept
    return out
