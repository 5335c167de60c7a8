"""Weighed vehicles of `citywatch scale strips` as a file of passes, and their raw strips in an object store."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from citywatch.adapters.scales.hdf5 import StripRun
from citywatch.adapters.scales.records import Terms, encoder, kind_of
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.domain.devices import check_device_id, scale_device
from citywatch.domain.instants import parse_instant
from citywatch.errors import ConfigurationError, OutsideError
from citywatch.strips.passes import pack, to_passes, window
from citywatch.strips.station import StripStation
from citywatch.strips.vehicles import Vehicles
from citywatch.telemetry import NullMeter

_QUOTA_BYTES = 1 << 40
"""The store of raw strips grows as the user asks for it; nothing that was just put gives way."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the passes of a file go. `start`: instant of its first sample, RFC 3339."""

    file: Path
    start: str | None
    station: str
    direction: int
    lane: int
    raw: Path | None

    def write(self, run: StripRun, station: StripStation, found: Vehicles, celsius: float) -> int:
        """Write the accepted vehicles of a run; returns how many. What a format cannot hold is told on standard error.

        ConfigurationError for an option that is missing or wrong, OutsideError when the disk fails.
        """
        if self.start is None:
            raise ConfigurationError("--passes needs --start, the instant of the first sample: 2026-01-31T08:00:00Z")
        try:
            start_ns = parse_instant(self.start)
            device = check_device_id(scale_device(self.station, self.direction, self.lane))
        except ValueError as error:
            raise ConfigurationError(f"--start or --station: {error}") from error
        kind = kind_of(self.file, None, "another ending")
        hashes: list[str] = []
        if self.raw is not None:
            store = DirectoryObjects(self.raw, _QUOTA_BYTES, _QUOTA_BYTES, NullMeter())
            for row in np.flatnonzero(found.accepted).tolist():
                first, stop = window(found, row, station)
                hashes.append(store.put(pack(run.read(first, stop)[0], first, station, celsius)))
        batch = to_passes(found, station, device=device, start_ns=start_ns, raw=hashes)
        to = encoder(kind, Terms(station=self.station))
        encoded = to.encode(batch)
        content = to.begin() + encoded.content + to.end()
        try:
            self.file.write_bytes(content)
        except OSError as error:
            raise OutsideError("unwritable", f"{self.file}: writing failed ({error.strerror})", retry=False) from error
        for unfit in encoded.unfit:
            print(f"vehicle {unfit.row + 1}: {unfit.field}: {unfit.text}", file=sys.stderr)
        return len(batch) - len(encoded.unfit)
