"""Tables of passes written in CSV, by a mapping."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import numpy as np

from citywatch.domain.devices import scale_device
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.domain.passes import NOT_GIVEN, PassBatch, ScaleStatus
from citywatch.wire import local_time
from citywatch.wire.csv_instants import instant_reader, instant_texts
from citywatch.wire.csv_mapping import FIELDS, FLOATS, LISTS, LONGEST_TEXT, CsvMapping
from citywatch.wire.csv_units import Unit
from citywatch.wire.lines import Array
from citywatch.wire.raster import Checks, Encoded, carried, place_of


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
            if name in LISTS and "{n}" in column.name:
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
        if name in FLOATS:
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
            if name in LISTS:
                checks.axles(kind.column, np.nan_to_num(values, nan=0.0), int(kind.highest))
            else:
                given = np.nan_to_num(np.where(values == NOT_GIVEN, 0, values), nan=0.0)
                checks.between(kind.column, given, kind.lowest, kind.highest)
        for name in ("plate", "plate_rear", "plate_colour", "vehicle_class", "raw"):
            for row, text in enumerate(getattr(batch, name)):
                if text != text.strip() or not text.isprintable() or len(text) > LONGEST_TEXT:
                    checks.refuse(row, name, f"no text of at most {LONGEST_TEXT} printable characters")
        if "device" not in self._mapping.columns:
            for row, device in enumerate(batch.device):
                if place_of(device) is None:
                    checks.refuse(row, "device", f"{device} is no scale lane; its id is STATION/dDIRECTION/lLANE")
        for name in LISTS:
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
            return [[text] for text in instant_texts(values, mapping)]
        if kind.measures == "text":
            return [[text] for text in values]
        if kind.measures == "words":
            return [[" ".join(ScaleStatus(status).words())] for status in values.tolist()]
        unit = mapping.unit(name)
        if name not in LISTS:
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
        reader = instant_reader(self._mapping.time_format)
        read = [reader(text) for text in instant_texts(batch.at_ns, self._mapping)]
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
