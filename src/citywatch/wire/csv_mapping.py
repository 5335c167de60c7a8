"""How a table of passes is written: which of its columns holds which of our fields, in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from citywatch.domain.passes import MAX_AXLES
from citywatch.errors import ConfigurationError
from citywatch.wire.csv_units import UNITS, Unit
from citywatch.wire.local_time import Fold, LocalTime


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A field of ours: its column of PassBatch, what it measures ('' for none) and the range of its values."""

    column: str
    measures: str = ""
    lowest: float = 0
    highest: float = 0


FIELDS: Final[Mapping[str, FieldKind]] = {
    "device": FieldKind("device", "text"),
    "station": FieldKind("device", "text"),
    "direction": FieldKind("device", "", 0, 99),
    "lane": FieldKind("device", "", 0, 99),
    "at": FieldKind("at_ns", "instant"),
    "gross": FieldKind("gross_kg", "weight", 0, 999_999),
    "axle_count": FieldKind("axle_count", "", 1, MAX_AXLES),
    "axle_weights": FieldKind("axle_kg", "weight", 0, 99_999),
    "spacings": FieldKind("spacing_mm", "length", 0, 99_999),
    "left_weights": FieldKind("left_kg", "weight", 0, 99_999),
    "axle_speeds": FieldKind("axle_speed_mps", "speed", 0, 200),
    "speed": FieldKind("speed_mps", "speed", 0, 1000),
    "length": FieldKind("length_mm", "length", 0, 999_999),
    "plate": FieldKind("plate", "text"),
    "plate_rear": FieldKind("plate_rear", "text"),
    "plate_colour": FieldKind("plate_colour", "text"),
    "vehicle_class": FieldKind("vehicle_class", "text"),
    "raw": FieldKind("raw", "text"),
    "record": FieldKind("record", "", 0, 10**18),
    "group_count": FieldKind("group_count", "", 0, MAX_AXLES),
    "transverse": FieldKind("transverse_mm", "length", -99_999, 99_999),
    "acceleration": FieldKind("acceleration_mps2", "acceleration", -1000, 1000),
    "temperature": FieldKind("temperature_c", "temperature", -100, 150),
    "occupancy": FieldKind("occupancy_ms", "duration", 0, 2_000_000_000),
    "travel": FieldKind("travel", "", -1, 1),
    "camera_axles": FieldKind("camera_axles", "", 0, 999),
    "status": FieldKind("status", "words"),
}
LONGEST_TEXT: Final = 128
"""Characters of a plate, a class or any other text."""
LISTS: Final = ("axle_weights", "spacings", "left_weights", "axle_speeds")
FLOATS: Final = frozenset({"speed", "acceleration", "temperature", "axle_speeds"})


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
