"""A whole recording of a station, judged with hindsight: what the rule of the running city found, and when it was.

The steps are those that `watch.follow` finds in the order of time. Their place is then found anew with all trucks on
both sides, truck by truck. The lanes of a station are also judged together, each truck by its distance from the mean of
its lane: a cause that is common to all is found sooner than in any lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from citywatch.domain.devices import station_of
from citywatch.domain.events import EventKind
from citywatch.domain.instants import format_instant
from citywatch.domain.passes import Suspect
from citywatch.domain.state import State
from citywatch.rules.scale_health import silences, watch
from citywatch.rules.scale_health.chart import DROP, NORMAL_95, confidence
from citywatch.rules.scale_health.reference import UNITS, Gauge, Readings, from_log, histogram, peaks
from citywatch.rules.scale_health.silences import Silence
from citywatch.rules.scale_health.watch import HealthPolicy, percent

FEWEST_TO_COMPARE = 30
"""Trucks of a lane, and of the others of its station, before they are held against each other."""

Peaks = tuple[tuple[int, int] | None, tuple[int, int] | None]
_I64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """A step as hindsight sees it. `split` is the number of its first truck among those of the gauge."""

    gauge: Gauge
    split: int
    at_ns: int
    from_ns: int
    to_ns: int
    seen_ns: int
    size: float
    size_bound: float
    before: float
    after: float
    before_count: int
    after_count: int
    confidence: float
    delay: int = 0
    """Trucks of the new level until it was found."""
    peaks: Peaks = (None, None)
    """The two peaks of the gross weight before it and since, kg."""

    def shown(self) -> dict[str, Any]:
        digits = 4 if UNITS[self.gauge] == "ratio" else 1
        told: dict[str, Any] = {
            "gauge": self.gauge.value,
            "at": format_instant(self.at_ns),
            "from": format_instant(self.from_ns),
            "to": format_instant(self.to_ns),
            "found_at": format_instant(self.seen_ns),
            "size_percent": percent(self.size),
            "size_low_percent": percent(self.size - self.size_bound),
            "size_high_percent": percent(self.size + self.size_bound),
            "confidence": round(self.confidence, 6),
            "before": round(from_log(self.before), digits),
            "after": round(from_log(self.after), digits),
            "unit": UNITS[self.gauge],
            "before_count": self.before_count,
            "after_count": self.after_count,
            "delay_trucks": self.delay,
        }
        if self.gauge is Gauge.STEERING_AXLE:
            told["correction_factor"] = round(from_log(-self.size), 4)
            for name, both in zip(("before", "after"), self.peaks, strict=True):
                told[f"gross_peaks_{name}_kg"] = list(both) if both else None
        return told


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane, or a station as a whole: its passes in the order of time, its steps, its last row."""

    device: str
    readings: Readings
    steps: tuple[PlacedStep, ...]
    row: Mapping[str, Any]
    policy: HealthPolicy
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
            "gauges": watch.figures(self.row, self.policy),
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
            "faults": sorted(name for name, row in self.row["faults"].items() if row["phase"] == "confirmed"),
            "silences": [
                {"from": format_instant(start), "to": format_instant(end), "passes_of_the_station": others}
                for start, end, others in self.silences
            ],
            "steps": [step.shown() for step in self.steps],
        }


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
    found: dict[Gauge, list[tuple[int, int]]] = {gauge: [] for gauge in Gauge}
    for row, event in watch.follow(state, device, readings, policy):
        if event.kind is EventKind.SCALE_STEP_FOUND:
            gauge = Gauge(event.data["gauge"])
            # Counted among the gauge's own trucks: the alarm, and how many of the new level it had seen by then.
            alarm = int(np.count_nonzero(readings.given[gauge][: row + 1]))
            found[gauge].append((alarm, event.data["after_count"]))
    steps = [step for gauge in Gauge for step in _placed(readings, gauge, found[gauge])]
    steps.sort(key=lambda step: (step.at_ns, step.gauge))
    if len(readings):
        watch.look(state, device, int(readings.at_ns[-1]), policy)
    return Lane(device, readings, tuple(steps), watch.lane(state, device), policy)


def _placed(readings: Readings, gauge: Gauge, alarms: Sequence[tuple[int, int]]) -> Iterator[PlacedStep]:
    """Each step's place, between the one before it and the next, truck by truck."""
    rows = np.flatnonzero(readings.given[gauge])
    values, at_ns = readings.values[gauge][rows], readings.at_ns[rows]
    start = 0
    for number, (alarm, _) in enumerate(alarms):
        following = alarms[number + 1 :]
        end = following[0][0] - following[0][1] if following else len(values)
        # It was found at its alarm: what came behind that says how large it is, not that it was another one.
        step = place(values[start:end].tolist(), alarm - start)
        split = start + step.split
        both: Peaks = (None, None)
        if gauge is Gauge.STEERING_AXLE:
            ends = int(at_ns[start]), int(at_ns[split]), int(at_ns[end - 1]) + 1
            both = _peaks(readings, ends[0], ends[1]), _peaks(readings, ends[1], ends[2])
        yield PlacedStep(
            gauge=gauge,
            split=split,
            at_ns=int(at_ns[split]),
            from_ns=int(at_ns[start + step.first]),
            to_ns=int(at_ns[start + step.last]),
            seen_ns=int(at_ns[alarm - 1]),
            size=step.after - step.before,
            size_bound=step.size_bound,
            before=step.before,
            after=step.after,
            before_count=step.split,
            after_count=end - start - step.split,
            confidence=step.confidence,
            delay=alarm - split,
            peaks=both,
        )
        start = split


def _peaks(readings: Readings, from_ns: int, to_ns: int) -> tuple[int, int] | None:
    """The peaks of the semis of [from_ns, to_ns)."""
    these = readings.semis & (readings.at_ns >= from_ns) & (readings.at_ns < to_ns)
    return peaks(histogram(readings.gross_kg[these]))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row of values is best cut in two levels; the cut is with 95 % in front of one from `first` to `last`."""

    split: int
    first: int
    last: int
    before: float
    after: float
    size_bound: float
    confidence: float


def place(values: Sequence[int], most: int | None = None) -> Place:
    """The most likely cut of at least three values into two levels of one variance, in front of one of the first `most`
    (of all, without it)."""
    count, total = len(values), sum(values)
    passed, between = 0, []
    for number, value in enumerate(values[: count - 1 if most is None else max(min(most, count) - 1, 1)], 1):
        passed += value
        difference = (total - passed) / (count - number) - passed / number
        between.append(difference * difference * number * (count - number) / count)
    best = max(range(len(between)), key=lambda i: (between[i], i))
    mean = total / count
    rest = math.fsum((value - mean) ** 2 for value in values) - between[best]
    variance = max(rest / max(count - 2, 1), 1.0)
    near = [i for i, gain in enumerate(between) if gain >= between[best] - 2.0 * DROP * variance]
    split = best + 1
    before = sum(values[:split]) / split
    after = sum(values[split:]) / (count - split)
    return Place(
        split=split,
        first=near[0] + 1,
        last=near[-1] + 1,
        before=before,
        after=after,
        size_bound=NORMAL_95 * math.sqrt(variance * (1 / split + 1 / (count - split))),
        confidence=confidence(between[best] / (2.0 * variance), count - 1),
    )


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
