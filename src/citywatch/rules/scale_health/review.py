"""A whole recording of a station, judged with hindsight: what the rule of the running city found, and when it was.

The steps are those that `watch.follow` finds in the order of time. Their place is then found anew with all trucks on
both sides, truck by truck, and those that all trucks contradict are left out (placing.py). The lanes of a station are
also judged together, each truck by its distance from the mean of its lane: a cause that is common to all is found
sooner than in any lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from citywatch.domain.devices import station_of
from citywatch.domain.events import EventKind
from citywatch.domain.faults import Fault
from citywatch.domain.instants import format_instant
from citywatch.domain.passes import Suspect
from citywatch.domain.state import State
from citywatch.rules import faults
from citywatch.rules.scale_health import placing, silences, watch
from citywatch.rules.scale_health.chart import NORMAL_95
from citywatch.rules.scale_health.placing import Alarm, PlacedStep
from citywatch.rules.scale_health.reference import FAULTS, Gauge, Readings, histogram, peaks
from citywatch.rules.scale_health.silences import Silence
from citywatch.rules.scale_health.watch import HealthPolicy, percent

FEWEST_TO_COMPARE = 30
"""Trucks of a lane, and of the others of its station, before they are held against each other."""

_I64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Level:
    """The level of a gauge at the end, as JSON tells it, and whether it is too far from what is right."""

    gauge: Gauge
    figure: Mapping[str, Any]
    is_fault: bool


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane, or a station as a whole: its passes in the order of time, its steps, its levels at the end."""

    device: str
    readings: Readings
    steps: tuple[PlacedStep, ...]
    refuted: int
    """Alarms of the running rule that all trucks together contradict."""
    levels: tuple[Level, ...]
    has_bad_records: bool
    silences: tuple[Silence, ...] = field(default=())
    against: Mapping[Gauge, tuple[float, float, int]] = field(default_factory=dict)
    """By gauge: how far from the other lanes of its station, known to +- what, by how many trucks of theirs."""

    def shown(self) -> dict[str, Any]:
        """As JSON tells it."""
        readings = self.readings
        bad = int(np.count_nonzero(readings.suspect))
        both = peaks(histogram(readings.gross_kg[readings.semis]))
        return {
            "device": self.device,
            "passes": len(readings),
            "from": format_instant(int(readings.at_ns[0])),
            "to": format_instant(int(readings.at_ns[-1])),
            "population": int(np.count_nonzero(readings.loaded)),
            "gauges": {level.gauge.value: level.figure for level in self.levels},
            "against_other_lanes": {
                gauge.value: {
                    "percent": percent(apart),
                    "low_percent": percent(apart - bound),
                    "high_percent": percent(apart + bound),
                    "trucks": trucks,
                }
                for gauge, (apart, bound, trucks) in self.against.items()
            },
            "gross_peaks_kg": list(both) if both else None,
            "bad_records": {
                "count": bad,
                "share_percent": round(100 * bad / len(readings), 2),
                "by_reason": {
                    str(reason.name).lower(): count
                    for reason in Suspect
                    if (count := int(np.count_nonzero(readings.suspect & reason)))
                },
            },
            "faults": sorted(self.faults()),
            "silences": [
                {"from": format_instant(start), "to": format_instant(end), "passes_of_the_station": others}
                for start, end, others in self.silences
            ],
            "steps": [step.shown() for step in self.steps],
            "refuted_alarms": self.refuted,
        }

    def faults(self) -> Iterator[str]:
        """What is at fault at the end."""
        yield from (FAULTS[level.gauge].value for level in self.levels if level.is_fault)
        if self.has_bad_records:
            yield Fault.BAD_RECORDS.value


@dataclass(frozen=True, eq=False)
class Review:
    """All lanes by name, and the stations that have more than one."""

    lanes: tuple[Lane, ...]
    stations: tuple[Lane, ...]

    def shown(self) -> dict[str, Any]:
        return {
            "lanes": [lane.shown() for lane in self.lanes],
            "stations": [self._station(station) for station in self.stations],
        }

    def _station(self, station: Lane) -> dict[str, Any]:
        members = [lane for lane in self.lanes if station_of(lane.device) == station.device]
        told = station.shown()
        return {
            "station": station.device,
            "lanes": [lane.device for lane in members],
            "passes": told["passes"],
            "population": told["population"],
            "gross_peaks_kg": told["gross_peaks_kg"],
            "silences": told["silences"],
            "refuted_alarms": station.refuted,
            "steps": [
                {**shown, "lanes": [_at_step(lane, step) for lane in members]}
                for shown, step in zip(told["steps"], station.steps, strict=True)
            ],
        }


def review(by_device: Mapping[str, Readings], policy: HealthPolicy) -> Review:
    """Judge recordings; the order of their rows does not matter. Lanes without a pass are left out."""
    ordered = {device: _by_time(readings) for device, readings in sorted(by_device.items()) if len(readings)}
    stations: dict[str, list[str]] = {}
    for device in ordered:
        stations.setdefault(station_of(device), []).append(device)
    lanes, wholes = [], []
    for station, devices in stations.items():
        members = Readings.concat([ordered[device] for device in devices])
        common = {gauge: _mean(members, gauge) for gauge in Gauge}
        together = _by_time(Readings.concat([_centred(ordered[device], common) for device in devices]))
        quiet = tuple(silences.of_station(together.at_ns))
        for device in devices:
            gaps = tuple(silences.of_lane(ordered[device].at_ns, together.at_ns)) if len(devices) > 1 else quiet
            others = [ordered[other] for other in devices if other != device]
            against = _against(ordered[device], Readings.concat(others)) if others else {}
            lanes.append(replace(_judged(device, ordered[device], policy), silences=gaps, against=against))
        if len(devices) > 1:
            # Levels of lanes are their own; what is common to all is a change.
            whole = _judged(station, together, replace(policy, right={}))
            wholes.append(replace(whole, silences=quiet))
    return Review(tuple(lanes), tuple(wholes))


def _judged(device: str, readings: Readings, policy: HealthPolicy) -> Lane:
    state = State()
    found: dict[Gauge, list[Alarm]] = {gauge: [] for gauge in Gauge}
    for row, event in watch.follow(state, device, readings, policy):
        if event.kind is EventKind.SCALE_STEP_FOUND:
            gauge = Gauge(event.data["gauge"])
            # Counted among the gauge's own trucks: the alarm, and how many of the new level it had seen by then.
            alarm = int(np.count_nonzero(readings.given[gauge][: row + 1]))
            found[gauge].append((alarm, event.data["after_count"]))
    steps: list[PlacedStep] = []
    refuted, levels = 0, []
    for gauge in Gauge:
        placed, none = placing.placed(readings, gauge, found[gauge])
        steps += placed
        refuted += none
        values = readings.values[gauge][readings.given[gauge]]
        if len(values):
            before = placed[0].before if placed else None
            levels.append(_level(gauge, values[placed[-1].split if placed else 0 :], before, policy))
    steps.sort(key=lambda step: (step.at_ns, step.gauge))
    row = watch.lane(state, device)["faults"].get(Fault.BAD_RECORDS)
    is_bad = row is not None and row["phase"] == faults.CONFIRMED
    return Lane(device, readings, tuple(steps), refuted, tuple(levels), is_bad)


def _level(gauge: Gauge, values: _I64, before: float | None, policy: HealthPolicy) -> Level:
    """The level that holds at the end, against what is right: as configured, or as it was before the first step."""
    mean, known = float(values.mean()), gauge in policy.right
    deviation = math.sqrt(float(np.square(values - mean).sum()) / max(len(values) - 1, 1))
    bound = NORMAL_95 * deviation / math.sqrt(len(values))
    right = watch.known_right(gauge, policy) if known else before
    # A step was sure; a level that was wrong from the beginning has to be.
    sure = bound if before is None else 0.0
    apart = 0.0 if right is None else max(abs(mean - right) - sure, 0.0)
    enough = before is not None or len(values) >= FEWEST_TO_COMPARE
    is_fault = gauge in FAULTS and enough and abs(percent(apart)) > policy.tolerance_percent[gauge]
    return Level(gauge, watch.figure(gauge, len(values), mean, deviation, right, policy), is_fault)


def _at_step(lane: Lane, step: PlacedStep) -> dict[str, Any]:
    """What a lane says of a step that its station has."""
    rows = np.flatnonzero(lane.readings.given[step.gauge])
    values, at_ns = lane.readings.values[step.gauge][rows], lane.readings.at_ns[rows]
    before, after = values[at_ns < step.at_ns], values[at_ns >= step.at_ns]
    known = len(before) > 0 and len(after) > 0
    size = percent(int(after.sum()) / len(after) - int(before.sum()) / len(before)) if known else None
    return {
        "device": lane.device,
        "size_percent": size,
        "before_count": len(before),
        "after_count": len(after),
    }


def _by_time(readings: Readings) -> Readings:
    return readings.take(np.argsort(readings.at_ns, kind="stable"))


def _centred(readings: Readings, common: Mapping[Gauge, int]) -> Readings:
    """Every gauge of a lane around the mean of all lanes: lanes differ, and their shares of the traffic change."""
    values = {
        gauge: np.where(given, readings.values[gauge] - _mean(readings, gauge) + common[gauge], 0)
        for gauge, given in readings.given.items()
    }
    return replace(readings, values=values)


def _mean(readings: Readings, gauge: Gauge) -> int:
    given = readings.given[gauge]
    return round(int(readings.values[gauge][given].sum()) / max(int(np.count_nonzero(given)), 1))


def _against(own: Readings, others: Readings) -> dict[Gauge, tuple[float, float, int]]:
    """How far the gauges of a lane are from those of the other lanes, over all the time: lanes have traffic of their
    own, so that this is a reason to look and no fault."""
    found: dict[Gauge, tuple[float, float, int]] = {}
    for gauge in Gauge:
        mine, theirs = (readings.values[gauge][readings.given[gauge]] for readings in (own, others))
        if min(len(mine), len(theirs)) >= FEWEST_TO_COMPARE:
            bound = NORMAL_95 * math.sqrt(float(mine.var()) / len(mine) + float(theirs.var()) / len(theirs))
            found[gauge] = (float(mine.mean() - theirs.mean()), bound, len(theirs))
    return found
