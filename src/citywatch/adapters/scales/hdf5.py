"""Raw strip signals from HDF5 files: datasets of records with `index` and one field a channel, described by attributes.

The layout is that of OpenWIM: one dataset a run, analog channels a0, a1, ... in volts, digital ones d0, d1, ...
`sensors_distance` gives each strip's distance to the one before it. Plates stay in the file. A run is read in blocks,
however long it is.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.adapters.scales.files import RecordFile
from citywatch.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from h5py import Dataset

_Samples = np.ndarray[Any, np.dtype[np.float64]]
_Occupied = np.ndarray[Any, np.dtype[np.bool_]]

INSTALL = "pip install 'citywatch[strips]'"
BLOCK_SAMPLES = 1 << 18
"""Of each channel: so many are in memory at a time."""


@dataclass(frozen=True, eq=False)
class StripRun:
    """One dataset, while its file is open. What an attribute does not give is None (of lists: empty).

    count      samples of each channel
    has_loop   whether there is a digital channel; the first one is the loop
    distance_m as the attribute gives it, calibration one value a channel
    sensor     what each channel's strip is made of, '' where it is not told
    """

    name: str
    channels: tuple[str, ...]
    count: int
    has_loop: bool
    sample_rate_hz: float | None
    distance_m: tuple[float, ...]
    calibration: tuple[float, ...]
    temperature_c: float | None
    sensor: tuple[str, ...]
    site: str
    lane: str
    date_time: str
    _dataset: Dataset = field(repr=False)
    _where: str = field(repr=False)

    def read(self, first: int, stop: int) -> tuple[_Samples, _Occupied | None]:
        """Samples first to stop (exclusive): (channels, n) float64, V; and (n,) bool, the loop, where there is one.

        DataError when the file is damaged there.
        """
        try:
            records = self._dataset[first:stop]
        except OSError as error:
            raise DataError(f"{self._where}: sample {first + 1} or one behind it cannot be read ({error})") from error
        loop = next((name for name in records.dtype.names if name.startswith("d")), None)
        volts = np.stack([records[name].astype(np.float64) for name in self.channels])
        return volts, None if loop is None else records[loop] != 0

    def blocks(self) -> Iterator[tuple[_Samples, _Occupied | None]]:
        """All of it, in pieces of at most BLOCK_SAMPLES."""
        for first in range(0, self.count, BLOCK_SAMPLES):
            yield self.read(first, min(first + BLOCK_SAMPLES, self.count))


def read_runs(path: Path) -> Generator[StripRun]:
    """The runs of a file, in the order of their names; each can be read until the next one is asked for.

    ConfigurationError when h5py is not installed or the file cannot be opened, DataError (naming dataset and attribute)
    when it is not such a file.
    """
    try:
        import h5py  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(f"{path}: reading HDF5 files needs h5py: {INSTALL}") from error
    RecordFile(path)  # a wrong path is told in the words of all files
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path}: this is no HDF5 file, or it is damaged ({error})") from error
    with file:
        found: list[Dataset] = []
        file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        if not found:
            raise DataError(f"{path}: there is no dataset in this file")
        for dataset in found:
            yield _run(f"{path}: dataset {dataset.name}", dataset)


def _run(where: str, dataset: Dataset) -> StripRun:
    names = dataset.dtype.names or ()
    analog = tuple(name for name in names if name.startswith("a"))
    digital = [name for name in names if name.startswith("d")]
    if dataset.ndim != 1 or not analog:
        raise DataError(f"{where}: wanted one row of records with fields a0, a1, ..., found {dataset.dtype}")
    for name in analog:
        if dataset.dtype[name].kind not in "fiu":
            raise DataError(f"{where}, field {name}: numbers are wanted, not {dataset.dtype[name]}")
    attributes = dataset.attrs
    return StripRun(
        name=str(dataset.name).lstrip("/"),
        channels=analog,
        count=int(dataset.shape[0]),
        has_loop=bool(digital),
        sample_rate_hz=_number(where, attributes, "sample_rate"),
        distance_m=_numbers(where, attributes, ("sensors_distance", "distance_between_sensors")),
        calibration=_numbers(where, attributes, ("calibration_constant", "sensor_calibration_factory")),
        temperature_c=_number(where, attributes, "temperature"),
        sensor=_sensors(where, attributes, analog),
        site=_text(attributes, "site_id"),
        lane=_text(attributes, "lane_id"),
        date_time=_text(attributes, "date_time"),
        _dataset=dataset,
        _where=where,
    )


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name, "")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _numbers(where: str, attributes: Mapping[str, Any], names: tuple[str, ...]) -> tuple[float, ...]:
    """The first of the attributes that is there, as numbers; empty when none is."""
    for name in names:
        if name in attributes:
            try:
                values = np.atleast_1d(np.asarray(attributes[name], np.float64))
            except (TypeError, ValueError) as error:
                raise DataError(f"{where}, attribute {name}: numbers are wanted, not {attributes[name]!r}") from error
            if values.ndim != 1 or not np.isfinite(values).all():
                raise DataError(f"{where}, attribute {name}: finite numbers in one row are wanted")
            return tuple(values.tolist())
    return ()


def _number(where: str, attributes: Mapping[str, Any], name: str) -> float | None:
    values = _numbers(where, attributes, (name,))
    if len(values) > 1:
        raise DataError(f"{where}, attribute {name}: one number is wanted, not {len(values)}")
    return values[0] if values else None


def _sensors(where: str, attributes: Mapping[str, Any], channels: tuple[str, ...]) -> tuple[str, ...]:
    """sensor_type, or for `mixed` what channel_configuration says of each channel."""
    kind = _text(attributes, "sensor_type")
    if kind != "mixed":
        return (kind,) * len(channels)
    name = "channel_configuration"
    try:
        told = json.loads(_text(attributes, name))
    except ValueError as error:
        raise DataError(f"{where}, attribute {name}: JSON of channels and sensors is wanted") from error
    if not isinstance(told, dict):
        raise DataError(f"{where}, attribute {name}: a JSON object of channels is wanted")
    return tuple(str(told.get(channel, "")) for channel in channels)
