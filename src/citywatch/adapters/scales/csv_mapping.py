"""The file that says how a vendor's table of passes is written (configs/scale-csv.yaml is an example)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citywatch.errors import ConfigurationError
from citywatch.wire.local_time import Fold
from citywatch.wire.pass_csv import CsvColumn, CsvMapping


class ColumnConfig(BaseModel):
    """One column of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = Field(
        min_length=1,
        description="Its name in the header, or its number from 1 where there is none; {n} for one column an axle",
    )
    unit: str = Field(default="", description="Such as kg, t, lb, mm, cm, m, ft, km/h, mph, m/s, C, F, ms, s")


class CsvMappingConfig(BaseModel):
    """A table of passes: which column holds what, in which unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, ColumnConfig] = Field(description="Our fields and the columns that hold them")
    separator: str = Field(default=",", min_length=1, max_length=1, description="Between cells")
    list_separator: str = Field(
        default=" ", min_length=1, max_length=1, description="Within a cell that holds a number an axle"
    )
    decimal: Literal[".", ","] = Field(default=".", description="The decimal point or comma")
    encoding: Literal["utf-8", "gb18030", "latin-1"] = Field(default="utf-8", description="Of the file's text")
    header: bool = Field(default=True, description="Whether the first line names the columns")
    time_format: str = Field(
        default="iso",
        min_length=2,
        description="iso, unix_s, unix_ms, unix_us, unix_ns, or a pattern such as %d.%m.%Y %H:%M:%S.%f",
    )
    zone: str = Field(default="UTC", description="Zone of local times: IANA name or an offset such as +08:00")
    fold: Fold = Field(default=Fold.EARLIER, description="Which instant a local time means that the clock shows twice")
    station: str = Field(default="", description="Code of the station where no column holds it")
    axles_written: int = Field(default=10, ge=1, le=40, description="Columns an axle when writing, where {n} is used")
    missing: list[str] = Field(default_factory=list, description="Words for a number that is not there, beside nothing")

    def mapping(self) -> CsvMapping:
        """The mapping itself. ConfigurationError for a field, unit or zone that is not known."""
        return CsvMapping(
            columns={name: CsvColumn(column.column, column.unit) for name, column in self.columns.items()},
            separator=self.separator,
            list_separator=self.list_separator,
            decimal=self.decimal,
            encoding="utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            header=self.header,
            time_format=self.time_format,
            zone=self.zone,
            fold=self.fold,
            station=self.station,
            axles_written=self.axles_written,
            missing=("", *self.missing),
        )


def load_mapping(path: Path) -> CsvMapping:
    """The mapping of a YAML file. ConfigurationError tells every mistake in it."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"mapping {path}: {error.strerror}; name a readable YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"mapping {path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return CsvMappingConfig.model_validate(raw if raw is not None else {}).mapping()
    except ValidationError as error:
        lines = [
            f"mapping {path}: {'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("\n".join(lines)) from error
    except ConfigurationError as error:
        raise ConfigurationError(f"mapping {path}: {error}") from error
