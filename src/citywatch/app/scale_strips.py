"""`citywatch scale strips`: raw signals of strips to vehicles, as a report for people or as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from citywatch.adapters.scales.hdf5 import StripRun, read_runs
from citywatch.app.kernels import use_cache, warm_imported
from citywatch.errors import ConfigurationError

UNITS = {
    "areas": "V s, by strip and axle",
    "weights": "kg, by axle",
    "gross": "kg",
    "speed": "m/s",
    "spacings": "m",
    "acceleration": "m/s2",
}


def weigh(
    file: Path,
    *,
    as_json: bool,
    temperature_c: float | None,
    passes: Path | None,
    start: str | None,
    station_code: str,
    direction: int,
    lane: int,
    raw: Path | None,
    **told: Any,
) -> int:
    """Weigh every run of a file and print what was found; returns the exit code: 0, or 3 when nothing was accepted.

    passes, raw  where the accepted vehicles go as records, and their raw strips as objects; of a file with one run
    told         what the file does not tell of the lane, or tells otherwise: app/strip_station.LaneOptions

    ConfigurationError for options that do not fit the file, DataError for a file that cannot be read.
    """
    if passes is None and raw is not None:
        raise ConfigurationError("--raw keeps the raw strips of records: say where those go with --passes")
    use_cache()
    from citywatch.app.strip_records import Destination  # noqa: PLC0415
    from citywatch.app.strip_station import LaneOptions, station_of  # noqa: PLC0415
    from citywatch.strips.estimator import Estimator  # noqa: PLC0415
    from citywatch.strips.vehicles import Vehicles  # noqa: PLC0415

    warm_imported()
    options = LaneOptions(**told)
    runs: list[dict[str, Any]] = []
    vehicles: list[dict[str, Any]] = []
    for run in read_runs(file):
        station = station_of(f"{file}: run {run.name}", run, options)
        degrees = temperature_c if temperature_c is not None else run.temperature_c
        celsius = math.nan if degrees is None else degrees
        estimator = Estimator(station, temperature_c=celsius)
        found = Vehicles.concat([*(estimator.feed(*block) for block in run.blocks()), estimator.finish()])
        if passes is not None:
            if runs:
                raise ConfigurationError(f"{file}: --passes takes files of one run, whose first sample has one instant")
            Destination(passes, start, station_code, direction, lane, raw).write(run, station, found, celsius)
        vehicles += [_vehicle(run, station, found, row) for row in range(len(found))]
        runs.append(
            {
                "run": run.name,
                "site": run.site,
                "lane": run.lane,
                "date_time": run.date_time,
                "sample_rate_hz": station.sample_rate_hz,
                "samples": run.count,
                "temperature_c": None if math.isnan(celsius) else celsius,
                "strips": [
                    {
                        "channel": channel,
                        "position_m": strip.position_m,
                        "width_m": strip.width_m,
                        "calibration_kg_per_v": strip.calibration_kg_per_v,
                        "side": strip.side.name.lower(),
                        "slant_m_per_m": strip.slant_m_per_m,
                        "sensor": run.sensor[number] or None,
                        "temperature_model": strip.model.name,
                        "sensitivity": strip.model.factor(celsius),
                        "threshold_v": strip.on_v,
                    }
                    for number, (channel, strip) in enumerate(zip(run.channels, station.strips, strict=True))
                ],
                "counts": estimator.tallies,
            }
        )
    accepted = [vehicle for vehicle in vehicles if vehicle["accepted"]]
    if as_json:
        refused = [vehicle for vehicle in vehicles if not vehicle["accepted"]]
        answer = {"file": str(file), "units": UNITS, "runs": runs, "vehicles": accepted, "rejected": refused}
        print(json.dumps(answer, allow_nan=False))
    else:
        _print(runs, vehicles)
    return 0 if accepted else 3


def _vehicle(run: StripRun, station: Any, found: Any, row: int) -> dict[str, Any]:
    """One vehicle for scripts; numbers that are not known are null."""
    from citywatch.domain.passes import ScaleStatus  # noqa: PLC0415
    from citywatch.strips.vehicles import Rejection  # noqa: PLC0415

    axles = int(found.axle_count[row])
    reason = Rejection(int(found.reason[row]))
    weighed = reason is Rejection.ACCEPTED

    def listed(values: Any) -> list[Any]:
        return [listed(value) if np.ndim(value) else _known(float(value)) for value in values]

    at = int(found.at_sample[row]) + float(found.at_part[row])
    moving = axles if math.isfinite(found.speed_mps[row]) else 0
    return {
        "run": run.name,
        "accepted": weighed,
        "reason": None if weighed else reason.word,
        "at_s": at / station.sample_rate_hz,
        "axles": axles,
        "areas": listed(found.area_vs[row, :axles].T),
        "weights": listed(found.axle_kg[row, :axles]) if weighed else [],
        "gross": _known(float(found.gross_kg[row])) if weighed else None,
        "speed": _known(float(found.speed_mps[row])),
        "spacings": listed(found.spacing_m[row, : max(moving - 1, 0)]),
        "acceleration": _known(float(found.acceleration_mps2[row])),
        "travel": int(found.travel[row]),
        "status": ScaleStatus(int(found.status[row])).words(),
        "axle_speeds": listed(found.axle_speed_mps[row, :moving]),
        "axle_accelerations": listed(found.axle_acceleration_mps2[row, :moving]),
        "left": listed(found.left_kg[row, :moving]),
        "right": listed(found.right_kg[row, :moving]),
        "transverse": _known(float(found.transverse_m[row])),
        "residual_m": _known(float(found.residual_m[row])),
        "outliers": int(found.outliers[row]),
        "strips": [
            {
                "channel": channel,
                "areas": listed(found.area_vs[row, :axles, number]),
                "weights": listed(found.load_kg[row, :axles, number]),
                "at_s": listed(found.felt_s[row, :axles, number] + int(found.at_sample[row]) / station.sample_rate_hz),
            }
            for number, channel in enumerate(run.channels)
        ],
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _print(runs: list[dict[str, Any]], vehicles: list[dict[str, Any]]) -> None:
    for run in runs:
        print(f"{run['run']}: {run['samples']} samples at {run['sample_rate_hz']} Hz")
        for strip in run["strips"]:
            print(
                f"  strip {strip['channel']} at {strip['position_m']:g} m, {strip['width_m']:g} m wide, "
                f"{strip['sensor'] or 'sensor not told'}, sensitivity {strip['sensitivity']:.4f} "
                f"({strip['temperature_model']}), threshold {strip['threshold_v']:.4f} V"
            )
        mine = [vehicle for vehicle in vehicles if vehicle["run"] == run["run"]]
        for vehicle in mine:
            if not vehicle["accepted"]:
                print(f"  at {vehicle['at_s']:.3f} s: {vehicle['axles']} axles refused, {vehicle['reason']}")
                continue
            print(
                f"  at {vehicle['at_s']:.3f} s: {vehicle['axles']} axles, {vehicle['gross']:.0f} kg, "
                f"{vehicle['speed'] * 3.6:.1f} km/h, {vehicle['acceleration']:+.2f} m/s2"
                + "".join(f", {word}" for word in vehicle["status"])
            )
            print("    axles kg:   " + " ".join(f"{weight:.0f}" for weight in vehicle["weights"]))
            print("    spacings m: " + " ".join(f"{spacing:.3f}" for spacing in vehicle["spacings"]))
        if not mine:
            print("  no vehicle")
