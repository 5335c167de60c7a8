"""Tables of passes in CSV with a declared mapping, sans-I/O (docs/scale-formats.md says how a mapping is written).

A record is a line: a cell may be quoted, but a line end inside quotes is refused. Cells become columns, and a column is
read at once; only a column with something wrong in it is looked at cell by cell. Without a mapping, EXCHANGE is meant:
every column of a pass under a name with its unit, which reads back equal to the last bit.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np

from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.devices import check_device_id, scale_device
from citywatch.domain.instants import NS_PER_MS, NS_PER_S, format_instant
from citywatch.domain.passes import MAX_AXLES, NOT_GIVEN, PassBatch, ScaleStatus
from citywatch.errors import ConfigurationError
from citywatch.kernels import digests
from citywatch.wire import local_time
from citywatch.wire.csv_units import UNITS, Unit
from citywatch.wire.lines import KEPT_BYTES, MAX_LINE_BYTES, Array, BadLine, Chunk, LineDecoder, LineReason
from citywatch.wire.local_time import Fold, LocalTime
from citywatch.wire.raster import Checks, Encoded, carried, place_of

__all__ = ["EXCHANGE", "FIELDS", "CsvColumn", "CsvDecoder", "CsvEncoder", "CsvMapping"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_LINES: Final = 16_384
_DAY_NS: Final = 86_400 * NS_PER_S
_FIRST_NS, _LAST_NS = 0, 7_289_654_400 * NS_PER_S
"""Instants of 1970 to 2200, as in every other format."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A field of ours: its column of PassBatch, what it measures ('' for none) and the range of its values."""

    column: str
    measures: str = ""
    lowest: float = 0
    highest: float = 0


FIELDS: Final[Mapping[str, _Kind]] = {
    "device": _Kind("device", "text"),
    "station": _Kind("device", "text"),
    "direction": _Kind("device", "", 0, 99),
    "lane": _Kind("device", "", 0, 99),
    "at": _Kind("at_ns", "instant"),
    "gross": _Kind("gross_kg", "weight", 0, 999_999),
    "axle_count": _Kind("axle_count", "", 1, MAX_AXLES),
    "axle_weights": _Kind("axle_kg", "weight", 0, 99_999),
    "spacings": _Kind("spacing_mm", "length", 0, 99_999),
    "left_weights": _Kind("left_kg", "weight", 0, 99_999),
    "axle_speeds": _Kind("axle_speed_mps", "speed", 0, 200),
    "speed": _Kind("speed_mps", "speed", 0, 1000),
    "length": _Kind("length_mm", "length", 0, 999_999),
    "plate": _Kind("plate", "text"),
    "plate_rear": _Kind("plate_rear", "text"),
    "plate_colour": _Kind("plate_colour", "text"),
    "vehicle_class": _Kind("vehicle_class", "text"),
    "raw": _Kind("raw", "text"),
    "record": _Kind("record", "", 0, 10**18),
    "group_count": _Kind("group_count", "", 0, MAX_AXLES),
    "transverse": _Kind("transverse_mm", "length", -99_999, 99_999),
    "acceleration": _Kind("acceleration_mps2", "acceleration", -1000, 1000),
    "temperature": _Kind("temperature_c", "temperature", -100, 150),
    "occupancy": _Kind("occupancy_ms", "duration", 0, 2_000_000_000),
    "travel": _Kind("travel", "", -1, 1),
    "camera_axles": _Kind("camera_axles", "", 0, 999),
    "status": _Kind("status", "words"),
}
_LISTS: Final = ("axle_weights", "spacings", "left_weights", "axle_speeds")
_FLOATS: Final = frozenset({"speed", "acceleration", "temperature", "axle_speeds"})
_DTYPES: Final = {"axle_speeds": np.float32}
_FLAGS: Final = {str(flag.name).lower(): int(flag) for flag in ScaleStatus}


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """One column of the table. For the fields of axles `name` may hold {n}: then it names one column an axle."""

    name: str
    unit: str = ""


@dataclass(frozen=True)
class CsvMapping:
    """How a table is written. `columns` maps our fields (FIELDS) to its columns; `station` stands where none is."""

    columns: Mapping[str, CsvColumn]
    separator: str = ","
    list_separator: str = " "
    decimal: str = "."
    encoding: str = "utf-8-sig"
    header: bool = True
    time_format: str = "iso"
    zone: str = "UTC"
    fold: Fold = Fold.EARLIER
    station: str = ""
    axles_written: int = 10
    missing: tuple[str, ...] = ("",)
    clock: LocalTime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """ConfigurationError for a field or unit that is not known, or fields that are missing."""
        object.__setattr__(self, "clock", LocalTime(self.zone, self.fold))
        for name, column in self.columns.items():
            if name not in FIELDS:
                raise ConfigurationError(f"columns.{name}: no such field; known: {', '.join(FIELDS)}")
            measures = FIELDS[name].measures
            fitting = [word for word, unit in UNITS.items() if unit.measures == measures]
            if fitting and column.unit not in fitting:
                raise ConfigurationError(f"columns.{name}: unit {column.unit!r}; use one of {', '.join(fitting)}")
            if not fitting and column.unit:
                raise ConfigurationError(f"columns.{name}: this field has no unit; leave it out")
        for name in ("at", "gross", "axle_weights"):
            if name not in self.columns:
                raise ConfigurationError(f"columns.{name}: this field is needed; say in which column it stands")
        if "device" not in self.columns and "lane" not in self.columns:
            raise ConfigurationError("columns: name `device`, or `lane` (and `station`, `direction`)")

    def unit(self, name: str) -> Unit:
        return UNITS[self.columns[name].unit] if self.columns[name].unit else UNITS["-"]


def _exchange() -> CsvMapping:
    named = {
        "at": CsvColumn("at"),
        "gross": CsvColumn("gross_kg", "kg"),
        "speed": CsvColumn("speed_mps", "m/s"),
        "length": CsvColumn("length_mm", "mm"),
        "axle_weights": CsvColumn("axle_kg", "kg"),
        "spacings": CsvColumn("spacing_mm", "mm"),
        "transverse": CsvColumn("transverse_mm", "mm"),
        "acceleration": CsvColumn("acceleration_mps2", "m/s2"),
        "temperature": CsvColumn("temperature_c", "C"),
        "occupancy": CsvColumn("occupancy_ms", "ms"),
        "left_weights": CsvColumn("left_kg", "kg"),
        "axle_speeds": CsvColumn("axle_speed_mps", "m/s"),
    }
    plain = ("device", "axle_count", "plate", "record", "group_count", "travel", "camera_axles", "vehicle_class")
    named |= {name: CsvColumn(name) for name in (*plain, "plate_rear", "plate_colour", "status", "raw")}
    order = ["device", "at", "axle_count", "gross", "speed", "length", "axle_weights", "spacings", "plate"]
    return CsvMapping({name: named[name] for name in [*order, *(name for name in named if name not in order)]})


EXCHANGE: Final = _exchange()


class _Refuse(ValueError):
    """A cell that cannot be read: `reason`, and the words."""

    def __init__(self, reason: LineReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


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
                    raise _Refuse(LineReason.WRONG_CELLS, f"{len(cells)} cells where there should be {self._cells}")
            except _Refuse as error:
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

    def _bad(self, span: tuple[int, int], place: tuple[int, int], error: _Refuse, name: str) -> BadLine:
        content = self._data[span[0] : min(span[1], span[0] + KEPT_BYTES)]
        return BadLine(*place, error.reason, span[1] - span[0], content, name, str(error))

    def _split(self, line: bytes) -> list[str]:
        if not line:
            raise _Refuse(LineReason.EMPTY_LINE, "the line is empty")
        if len(line) > MAX_LINE_BYTES:
            raise _Refuse(LineReason.LINE_TOO_LONG, f"the line is longer than {MAX_LINE_BYTES} bytes")
        try:
            text = line.decode(self._mapping.encoding)
        except UnicodeDecodeError as error:
            words = f"byte {error.start + 1} is not {self._mapping.encoding}; name the encoding in the mapping"
            raise _Refuse(LineReason.BAD_TEXT, words) from error
        if '"' not in text:
            return text.split(self._mapping.separator)
        try:
            return next(csv.reader([text], delimiter=self._mapping.separator, strict=True))
        except csv.Error as error:
            raise _Refuse(LineReason.BAD_TEXT, f"quotation marks that do not fit: {error}") from error

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
                    f"CSV table: it has no column {column.name!r} for {field_name}; it has: {', '.join(names)[:300]}"
                )
        return places

    def _read(self, rows: list[list[str]]) -> tuple[PassBatch, dict[int, tuple[str, int, _Refuse]]]:
        """The passes, and row -> (field, column, why) of those that cannot be read."""
        wrong: dict[int, tuple[str, int, _Refuse]] = {}
        if not rows or self._places is None:
            return PassBatch.empty(), wrong
        columns = list(zip(*rows, strict=True))
        values: dict[str, Any] = {}
        for name, places in self._places.items():
            kind = FIELDS[name]
            if name in _LISTS:
                values[name] = self._lists(name, [columns[place] for place in places], places, wrong)
                continue
            cells, place = columns[places[0]], places[0]
            if kind.measures == "instant":
                values[name] = self._instants(cells, place, wrong)
            elif kind.measures == "text":
                values[name] = [cell.strip() for cell in cells]
            elif kind.measures == "words":
                values[name] = _each(cells, _status, name, place, wrong, 0)
            else:
                values[name] = self._numbers(name, cells, place, wrong)
        self._axles(values, wrong)
        devices = self._devices(values, len(rows), wrong)
        good = [row for row in range(len(rows)) if row not in wrong]
        return _batch(values, devices, good), wrong

    def _numbers(
        self, name: str, cells: Sequence[str], place: int, wrong: dict[int, tuple[str, int, _Refuse]]
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
                raise _Refuse(LineReason.NOT_A_NUMBER, "this is no plain number")
            if name == "record":
                value: float | int = int(text) if text.isdigit() else -1
            else:
                value = unit.ours(float(text))
                value = value if name in _FLOATS else math.floor(value + 0.5)
            if not kind.lowest <= value <= kind.highest:
                raise _Refuse(LineReason.OUT_OF_RANGE, f"{value:.12g} is outside {kind.lowest} to {kind.highest}")
            return value

        return _each(cells, read, name, place, wrong, None)

    def _lists(
        self,
        name: str,
        columns: list[tuple[str, ...]],
        places: list[int],
        wrong: dict[int, tuple[str, int, _Refuse]],
    ) -> list[list[Any]]:
        """A field of axles: one list a row, without what stands behind the last number that is there."""
        if len(places) > 1 or "{n}" in self._mapping.columns[name].name:
            numbers = [self._numbers(name, cells, place, wrong) for cells, place in zip(columns, places, strict=True)]
            return [_trimmed(row) for row in zip(*numbers, strict=True)]
        split = [cell.split(self._mapping.list_separator) if cell.strip() else [] for cell in columns[0]]
        flat = [part for parts in split for part in parts]
        found: dict[int, tuple[str, int, _Refuse]] = {}
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

    def _instants(self, cells: Sequence[str], place: int, wrong: dict[int, tuple[str, int, _Refuse]]) -> list[int]:
        """(at_ns) of every cell. Those without an offset are local times of the mapping's zone."""
        reader = _instant_reader(self._mapping.time_format)
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
                wrong.setdefault(row, ("at", place + 1, _Refuse(reason, f"{words} in {self._mapping.zone}")))
        for row in np.flatnonzero((instants < _FIRST_NS) | (instants >= _LAST_NS)).tolist():
            why = _Refuse(LineReason.OUT_OF_RANGE, "outside the years 1970 to 2200")
            wrong.setdefault(row, ("at", place + 1, why))
        found: list[int] = instants.tolist()
        return found

    def _axles(self, values: dict[str, Any], wrong: dict[int, tuple[str, int, _Refuse]]) -> None:
        """Make the axle count where the table has none, and hold the lists against it."""
        loads, places = values["axle_weights"], self._places or {}
        counts = values.setdefault("axle_count", [None] * len(loads))
        for row, load in enumerate(loads):
            if counts[row] is None:
                counts[row] = len(load)
            if not counts[row]:
                why = _Refuse(LineReason.BLANK_FIELD, "there is no axle")
                wrong.setdefault(row, ("axle_weights", places["axle_weights"][0] + 1, why))
        for name in _LISTS:
            for row, found in enumerate(values.get(name, ())):
                most = (counts[row] or 0) - (name == "spacings")
                if any(found[most:]):
                    why = _Refuse(LineReason.AXLES_CONTRADICT, f"{len(found)} values; {counts[row]} axles have {most}")
                    wrong.setdefault(row, (name, places[name][0] + 1, why))

    def _devices(self, values: dict[str, Any], rows: int, wrong: dict[int, tuple[str, int, _Refuse]]) -> list[str]:
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
                wrong.setdefault(row, (name, place, _Refuse(LineReason.BAD_TEXT, words)))
        return list(devices)


def _each(
    cells: Sequence[str],
    read: Callable[[str], Any],
    name: str,
    place: int,
    wrong: dict[int, tuple[str, int, _Refuse]],
    instead: Any,
) -> list[Any]:
    """Every cell read; what cannot be is noted in `wrong` and stands as `instead`."""
    try:
        return [read(cell) for cell in cells]
    except _Refuse:
        values = []
        for row, cell in enumerate(cells):
            try:
                values.append(read(cell))
            except _Refuse as error:
                wrong.setdefault(row, (name, place + 1, error))
                values.append(instead)
        return values


def _trimmed(row: Iterable[Any]) -> list[Any]:
    """Numbers up to the last one that is there; those missing in between are 0."""
    values = list(row)
    while values and values[-1] is None:
        values.pop()
    return [value or 0 for value in values]


def _status(cell: str) -> int:
    status = 0
    for word in cell.split():
        if word not in _FLAGS:
            raise _Refuse(LineReason.BAD_TEXT, f"unknown word; known: {' '.join(_FLAGS)}")
        status |= _FLAGS[word]
    return status


def _is_device(device: str) -> bool:
    try:
        check_device_id(device)
    except ValueError:
        return False
    return True


def _instant_reader(time_format: str) -> Callable[[str], tuple[int, bool]]:
    """Cell -> (ns since 1970-01-01T00:00, whether of UTC; else of the local clock)."""
    units = {"unix_s": NS_PER_S, "unix_ms": NS_PER_MS, "unix_us": 1000, "unix_ns": 1}

    def unix(cell: str) -> tuple[int, bool]:
        whole, _, fraction = cell.strip().partition(".")
        if not whole.isdigit() or not (fraction + "0").isdigit() or len(whole) + len(fraction) > 25:
            raise _Refuse(LineReason.BAD_INSTANT, f"no instant as {time_format}")
        unit = units[time_format]
        return int(whole) * unit + int((fraction + "0" * 9)[:9]) * unit // NS_PER_S, True

    def iso(cell: str) -> tuple[int, bool]:
        found = _ISO.fullmatch(cell.strip())
        try:
            if found is None:
                raise ValueError
            year, month, day, hour, minute, second = (int(found[i] or 0) for i in range(1, 7))
            if hour > 23 or minute > 59 or second > 59:
                raise ValueError
            days = date(year, month, day).toordinal() - _EPOCH_DAY
        except ValueError as error:
            raise _Refuse(LineReason.BAD_INSTANT, "no instant such as 2026-01-31T08:00:00.250Z") from error
        at_ns = days * _DAY_NS + (hour * 3600 + minute * 60 + second) * NS_PER_S
        at_ns += int(((found[7] or "") + "0" * 9)[:9])
        return _shifted(at_ns, found[8])

    def pattern(cell: str) -> tuple[int, bool]:
        try:
            moment = datetime.strptime(cell.strip(), time_format)  # noqa: DTZ007  (local time on purpose)
        except ValueError as error:
            raise _Refuse(LineReason.BAD_INSTANT, f"no instant written as {time_format}") from error
        absolute = moment.tzinfo is not None
        plain = moment.astimezone(UTC) if absolute else moment.replace(tzinfo=UTC)
        return (plain - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000, absolute

    return unix if time_format in units else iso if time_format == "iso" else pattern


def _shifted(at_ns: int, offset: str | None) -> tuple[int, bool]:
    if offset is None or offset == "Z":
        return at_ns, offset == "Z"
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    shift = (hours * 3600 + minutes * 60) * NS_PER_S
    return (at_ns - shift if offset[0] == "+" else at_ns + shift), True


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
        if name in _LISTS:
            columns[column.name] = _table([found[row] for row in good], widest, column.dtype)
        elif FIELDS[name].measures == "text":
            columns[column.name] = tuple(found[row] for row in good)
        else:
            empty = math.nan if name in _FLOATS else NOT_GIVEN if name == "transverse" else 0
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


class CsvEncoder:
    """Passes as a table, by a mapping."""

    kind = "csv"

    def __init__(self, mapping: CsvMapping) -> None:
        self._mapping = mapping

    def begin(self) -> bytes:
        if not self._mapping.header:
            return b""
        names = []
        for name, column in self._mapping.columns.items():
            if name in _LISTS and "{n}" in column.name:
                names += [column.name.replace("{n}", str(n)) for n in range(1, self._columns_of(name) + 1)]
            else:
                names.append(column.name)
        return self._lines([names])

    def end(self) -> bytes:
        return b""

    def encode(self, batch: PassBatch) -> Encoded:
        """The passes that fit, one line each, and why the others do not."""
        checks = Checks(batch)
        mapping = self._mapping
        cells = [self._cells(name, batch) for name in mapping.columns]
        back = self._instants(batch)
        for row, (at_ns, read) in enumerate(zip(batch.at_ns.tolist(), back, strict=True)):
            if read is None or not 0 <= at_ns - read < 60 * NS_PER_S:
                checks.refuse(row, "at", f"would be read back as another instant in {mapping.zone}")
        self._check(batch, checks)
        kept = checks.kept()
        rows = [[text for column in cells for text in column[row]] for row in kept.tolist()]
        return Encoded(self._lines(rows), checks.unfit())

    def rounded(self, batch: PassBatch) -> PassBatch:
        """What reading the written file gives, but for `digest` and `received_ns`: the law of this format."""
        held: dict[str, Any] = {}
        at_ns = [
            old if new is None else new for old, new in zip(batch.at_ns.tolist(), self._instants(batch), strict=True)
        ]
        held["at_ns"] = np.array(at_ns, np.int64)
        types = {column.name: column for column in PassBatch.COLUMNS}
        for name in self._mapping.columns:
            column = types[FIELDS[name].column]
            if column.name in ("device", "at_ns"):
                continue
            values = getattr(batch, column.name)
            measured = FIELDS[name].measures not in ("text", "words", "")
            held[column.name] = self._through(name, values) if measured else values
        if "device" not in self._mapping.columns:
            held["device"] = tuple(self._device(device) for device in batch.device)
        held.setdefault("spacing_mm", np.zeros_like(batch.spacing_mm))
        return carried(batch, **held)

    def _through(self, name: str, values: Array) -> Array:
        unit = self._mapping.unit(name)
        flat = values.ravel().tolist()
        if name in _FLOATS:
            through = [v if math.isnan(v) else unit.ours(float(unit.text(v))) for v in flat]
        else:
            through = [v if v == NOT_GIVEN else math.floor(unit.ours(float(unit.text(v))) + 0.5) for v in flat]
        return np.array(through, values.dtype).reshape(values.shape)

    def _device(self, device: str) -> str:
        place = place_of(device)
        if place is None:
            return device
        columns, station = self._mapping.columns, self._mapping.station or place[0]
        return scale_device(
            place[0] if "station" in columns else station, place[1] if "direction" in columns else 0, place[2]
        )

    def _check(self, batch: PassBatch, checks: Checks) -> None:
        for name in self._mapping.columns:
            kind = FIELDS[name]
            if kind.measures in ("text", "words", "instant") or kind.column == "device":
                continue
            values = getattr(batch, kind.column)
            if name in _LISTS:
                checks.axles(kind.column, np.nan_to_num(values, nan=0.0), int(kind.highest))
            else:
                given = np.nan_to_num(np.where(values == NOT_GIVEN, 0, values), nan=0.0)
                checks.between(kind.column, given, kind.lowest, kind.highest)
        for name in ("plate", "plate_rear", "plate_colour", "vehicle_class", "raw"):
            for row, text in enumerate(getattr(batch, name)):
                if text and (text != text.strip() or not text.isprintable()):
                    checks.refuse(row, name, "other than printable characters")
        if "device" not in self._mapping.columns:
            for row, device in enumerate(batch.device):
                if place_of(device) is None:
                    checks.refuse(row, "device", f"{device} is no scale lane; its id is STATION/dDIRECTION/lLANE")
        for name in _LISTS:
            column = self._mapping.columns.get(name)
            if column is not None and "{n}" in column.name:
                checks.between("axle_count", batch.axle_count, 1, self._mapping.axles_written)

    def _columns_of(self, name: str) -> int:
        return self._mapping.axles_written - (name == "spacings")

    def _cells(self, name: str, batch: PassBatch) -> list[list[str]]:
        """The cells of a field, row by row: one, or for {n} one an axle."""
        mapping, kind = self._mapping, FIELDS[name]
        column = mapping.columns[name]
        values = getattr(batch, kind.column)
        if kind.column == "device":
            places = [place_of(device) or ("", 0, 0) for device in batch.device]
            which = {"station": 0, "direction": 1, "lane": 2}.get(name)
            return [[device if which is None else str(p[which])] for device, p in zip(values, places, strict=True)]
        if kind.measures == "instant":
            return [[text] for text in _instant_texts(values, mapping)]
        if kind.measures == "text":
            return [[text] for text in values]
        if kind.measures == "words":
            return [[" ".join(ScaleStatus(status).words())] for status in values.tolist()]
        unit = mapping.unit(name)
        if name not in _LISTS:
            return [[self._text(name, unit, value)] for value in values.tolist()]
        rows = []
        for axles, row in zip(batch.axle_count.tolist(), values.tolist(), strict=True):
            there = axles - (name == "spacings")
            parts = (
                [self._text(name, unit, value) for value in row[:there]] if any(row) or name == "axle_weights" else []
            )
            if "{n}" not in column.name:
                rows.append([mapping.list_separator.join(parts)])
            else:
                width = self._columns_of(name)
                rows.append((parts + [""] * width)[:width])
        return rows

    def _text(self, name: str, unit: Unit, value: float) -> str:
        missing = math.isnan(value) or (name == "transverse" and value == NOT_GIVEN)
        text = "" if missing else unit.text(value)
        return text.replace(".", ",") if self._mapping.decimal == "," else text

    def _instants(self, batch: PassBatch) -> list[int | None]:
        """What reading the written instants would give; None where that is none."""
        reader = _instant_reader(self._mapping.time_format)
        read = [reader(text) for text in _instant_texts(batch.at_ns, self._mapping)]
        local = np.array([at_ns for at_ns, _ in read], np.int64)
        at_ns, status = self._mapping.clock.to_utc(local // NS_PER_MS)
        resolved = (at_ns + local % NS_PER_MS).tolist()
        return [
            at if absolute else (resolved[row] if status[row] == local_time.OK else None)
            for row, (at, absolute) in enumerate(read)
        ]

    def _lines(self, rows: list[list[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=self._mapping.separator, lineterminator="\n").writerows(rows)
        return text.getvalue().encode("utf-8" if self._mapping.encoding == "utf-8-sig" else self._mapping.encoding)


def _instant_texts(at_ns: Array, mapping: CsvMapping) -> list[str]:
    units = {"unix_s": NS_PER_S, "unix_ms": NS_PER_MS, "unix_us": 1000, "unix_ns": 1}
    if mapping.time_format in units:
        unit = units[mapping.time_format]
        return [str(at // unit) for at in at_ns.tolist()]
    if mapping.time_format == "iso":
        return [format_instant(at) for at in at_ns.tolist()]
    local_ms = mapping.clock.to_local(at_ns // NS_PER_MS).tolist()
    below_us = (at_ns % NS_PER_MS // 1000).tolist()
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001  (local time on purpose)
    zoned = "%z" in mapping.time_format
    if zoned:
        utc = datetime(1970, 1, 1, tzinfo=UTC)
        moments = [utc + timedelta(microseconds=int(at) // 1000) for at in at_ns.tolist()]
        return [moment.strftime(mapping.time_format) for moment in moments]
    moments = [epoch + timedelta(milliseconds=ms, microseconds=us) for ms, us in zip(local_ms, below_us, strict=True)]
    return [moment.strftime(mapping.time_format) for moment in moments]
