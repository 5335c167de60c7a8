"""What a command line says of files of vehicle records, checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from citywatch.adapters.scales.csv_mapping import load_mapping
from citywatch.adapters.scales.records import Terms, decoder
from citywatch.domain.devices import check_device_id, scale_device
from citywatch.errors import ConfigurationError
from citywatch.wire.local_time import Fold


def record_terms(station: str, zone: str, fold: str, mapping: Path | None) -> Terms:
    """Terms of files. ConfigurationError for a station, zone or mapping that is not one."""
    check_station(station)
    return Terms(station, zone, Fold(fold), load_mapping(mapping) if mapping is not None else None)


def load_formats(kinds: Iterable[str], terms: Terms) -> None:
    """Import what reads and writes these formats, so that their kernels are known before they are warmed."""
    for kind in kinds:
        if kind != "parquet":
            decoder(kind, terms)


def check_station(station: str) -> None:
    """ConfigurationError when the code cannot be part of a device's id."""
    try:
        check_device_id(scale_device(station, 0, 0))
    except ValueError as error:
        raise ConfigurationError(
            f"station {station[:40]!r}: use letters, digits and . _ : / - and begin with a letter or digit"
        ) from error
