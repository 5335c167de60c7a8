"""The lane behind a file of raw strip signals: what its attributes tell, and what the command line tells instead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.adapters.scales.hdf5 import StripRun
from citywatch.errors import ConfigurationError, DataError
from citywatch.strips.station import Loop, Side, Strip, StripStation, Tuning
from citywatch.strips.temperature import MODELS, Sensor

_SUGGESTED = {
    "rate_hz": "--rate-hz",
    "distances": "--positions-m",
    "calibration": "--calibration",
    "sides": "--sides",
    "slants": "--slants",
}
"""What asks for what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneOptions:
    """The options of the command as they stand there: lists are texts such as `0,1,3`, a value a strip."""

    rate_hz: float | None
    positions_m: str | None
    calibration: str | None
    load_unit: str
    width_m: float
    temperature_model: str | None
    threshold_v: float | None
    longest_spacing_m: float
    sides: str | None
    slants: str | None
    lane_width_m: float
    track_m: float
    loop_at_m: float | None
    loop_length_m: float


def station_of(where: str, run: StripRun, options: LaneOptions) -> StripStation:
    """The lane of a run; `where` names it in errors.

    ConfigurationError for options that do not fit the run, DataError for what it does not tell.
    """
    count = len(run.channels)
    rate = options.rate_hz or run.sample_rate_hz
    if rate is None:
        raise DataError(f"{where}: the file does not tell the sample rate; give {_SUGGESTED['rate_hz']}")
    if rate != int(rate):
        raise DataError(f"{where}: a sample rate of {rate} Hz; whole numbers of samples a second are wanted")
    places = _places(where, run, options.positions_m)
    factors = _listed(where, "calibration", options.calibration, count) or run.calibration
    if len(factors) != count:
        raise DataError(f"{where}: {len(factors)} calibration constants for {count} strips; give --calibration")
    kg = 1000.0 if options.load_unit == "t" else 1.0
    sides = _words(where, "sides", options.sides, [side.name.lower() for side in Side], count)
    slants = _listed(where, "slants", options.slants, count) or (0.0,) * count
    on_v = [options.threshold_v or 1.0] * count
    if options.threshold_v is None and run.count:
        on_v = quiet_thresholds(volts for volts, _ in run.blocks())
    strips = tuple(
        Strip(
            place,
            options.width_m,
            factors[number] * kg,
            side=Side[sides[number].upper()],
            sensor=Sensor(run.sensor[number]) if run.sensor[number] in set(Sensor) else Sensor.QUARTZ,
            on_v=on_v[number],
            off_v=on_v[number] / 2,
            slant_m_per_m=slants[number],
            temperature=MODELS[options.temperature_model] if options.temperature_model else None,
        )
        for number, place in enumerate(places)
    )
    at_m = places[0] if options.loop_at_m is None else options.loop_at_m
    loop = Loop(at_m, options.loop_length_m) if run.has_loop else None
    tuning = Tuning(longest_spacing_m=options.longest_spacing_m)
    return StripStation(strips, int(rate), loop, options.lane_width_m, options.track_m, tuning)


def quiet_thresholds(blocks: Iterable[np.ndarray[Any, np.dtype[np.float64]]]) -> list[float]:
    """A threshold a strip, V, for signals of which nothing is known: above noise and a fiftieth of the highest pulse.

    blocks  at least one, (strips, n) V

    The noise is the median step between samples, scaled to a standard deviation; it takes no notice of pulses. Of
    several blocks it is the median of theirs, as is the level that heights are measured from.
    """
    steps, levels, highest = [], [], []
    for volts in blocks:
        with np.errstate(invalid="ignore"):
            finite = np.where(np.isfinite(volts), volts, np.nan)
            step = np.abs(np.diff(finite, axis=1))
        steps.append([_median(row) for row in step])
        levels.append([_median(row) for row in finite])
        highest.append([float(np.nanmax(row)) if np.isfinite(row).any() else math.nan for row in finite])
    out = []
    for strip in range(len(steps[0])):
        noise = 1.4826 * _median(np.array([one[strip] for one in steps])) / math.sqrt(2.0)
        tops = [one[strip] for one in highest if math.isfinite(one[strip])]
        height = max(tops, default=math.nan) - _median(np.array([one[strip] for one in levels]))
        out.append(max(10.0 * noise, height / 50.0, 1e-6) if math.isfinite(noise + height) else 1.0)
    return out


def _median(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of the finite ones; NaN when there are none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else math.nan


def _listed(where: str, name: str, text: str | None, wanted: int) -> tuple[float, ...]:
    """Numbers separated by commas, one a strip; empty for None."""
    if text is None:
        return ()
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise ConfigurationError(f"{_SUGGESTED[name]}: {text!r} is no list of numbers such as 0,1,3") from error
    if len(values) != wanted:
        raise ConfigurationError(f"{_SUGGESTED[name]}: {len(values)} values, and {where} has {wanted} strips")
    return values


def _words(where: str, name: str, text: str | None, known: Sequence[str], wanted: int) -> list[str]:
    """Words separated by commas, one a strip; the first of the known ones for None."""
    if text is None:
        return [known[0]] * wanted
    words = [word.strip().lower() for word in text.split(",")]
    wrong = next((word for word in words if word not in known), None)
    if wrong is not None:
        raise ConfigurationError(f"{_SUGGESTED[name]}: {wrong[:40]!r} is none of {', '.join(known)}")
    if len(words) != wanted:
        raise ConfigurationError(f"{_SUGGESTED[name]}: {len(words)} words, and {where} has {wanted} strips")
    return words


def _places(where: str, run: StripRun, positions_m: str | None) -> tuple[float, ...]:
    """Places of the strips: as given, or each the file's distance behind the one before."""
    count = len(run.channels)
    given = _listed(where, "distances", positions_m, count)
    if given:
        return given
    if len(run.distance_m) not in (count, count - 1):
        raise DataError(f"{where}: {len(run.distance_m)} distances for {count} strips; give {_SUGGESTED['distances']}")
    apart = run.distance_m if len(run.distance_m) == count else (0.0, *run.distance_m)
    return tuple(float(place) for place in np.cumsum(apart) - apart[0])
