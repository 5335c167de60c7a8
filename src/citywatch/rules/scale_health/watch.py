"""What a lane's passes say about its scale, pass by pass: steps of its gauges, faults, a correction that is proposed.

A row `scale_health/<device>` of the state holds the charts, the level before the first step, the one that a person has
said is right, what stands at fault, and counts since the day was last told; a row `scale_gross/<device>` the charts of
the two gross peaks. Each is below 6 kB. Rows are taken in the order in which they come.

A step is told whenever it is found. It is a fault when the level, as corrected, is farther from what is right than the
tolerance; the fault ends when a later step leads back, or when a person accepts the correction that is proposed with
it, or says that the new level is right. What is right: what a person has said, else what is configured of the reference
population, else the level before the first step.

Where it is configured, a scale that weighs wrong from its first truck on is found, too: when LOOKED_AT trucks of a
level are known, and each time there are four times as many, the level is held against it. It is a fault when it is
beyond the tolerance by more than the level's own 95 % bound: at 200 trucks that is four standard deviations.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.faults import Fault
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch, Suspect
from citywatch.domain.state import Row, State
from citywatch.domain.tickets import MAX_NOTE_CHARACTERS
from citywatch.rules import faults
from citywatch.rules.faults import NEVER, Confirmation, Evidence
from citywatch.rules.scale_health import corrections
from citywatch.rules.scale_health.chart import FALSE_ALARM_ONE_IN, NORMAL_95, Chart, Step
from citywatch.rules.scale_health.reference import (
    FAULTS,
    GROSS,
    LOG_UNIT,
    UNITS,
    Gauge,
    Population,
    Readings,
    from_log,
    histogram,
    peaks,
    read,
)

ROOM = "scale_health"
GROSS_ROOM = "scale_gross"
LOOKED_AT = 200
_AGAIN = 4
CLOCK = "scale_health_clock"
_DAY_NS = 86_400 * NS_PER_S
_TWO_BLOCKS = Confirmation(confirm_looks=2, clear_looks=2)


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """Who is the reference, how much its gauges vary, and what is too much.

    expected_cv         coefficient of variation that a gauge is taken to have until its own is known. Steering axle: of
                        505 loaded semis 0.165; tandem spacing: of the same 0.025; gross: of the same file 0.14, 0.17;
                        left and right: the figure of an axle's wheels on an even road is unknown, 0.1 is a guess that
                        own values soon outweigh
    tolerance_percent   a deviation beyond it is a fault, but for gross weights, which are freight's, too. Weight: half
                        of class 5's 5 % in service (OIML R134)
    right               what the reference population is known to weigh and measure in the mean by a scale that is
                        right: kg, mm or a ratio; gauges that are not named have no such level
    bad_share_percent   of the records of a block that contradict themselves; two blocks in a row are a fault
    bad_block           passes of a block
    """

    population: Population = field(default_factory=Population)
    expected_cv: Mapping[Gauge, float] = field(
        default_factory=lambda: {
            Gauge.STEERING_AXLE: 0.165,
            Gauge.TANDEM_SPACING: 0.025,
            Gauge.LEFT_RIGHT: 0.1,
            Gauge.GROSS_EMPTY: 0.14,
            Gauge.GROSS_LOADED: 0.17,
        }
    )
    tolerance_percent: Mapping[Gauge, float] = field(
        default_factory=lambda: {
            Gauge.STEERING_AXLE: 2.5,
            Gauge.TANDEM_SPACING: 1.0,
            Gauge.LEFT_RIGHT: 5.0,
            Gauge.GROSS_EMPTY: 2.5,
            Gauge.GROSS_LOADED: 2.5,
        }
    )
    right: Mapping[Gauge, float] = field(default_factory=dict)
    bad_share_percent: float = 10.0
    bad_block: int = 200


def on_passes(
    state: State, batch: PassBatch, suspect: np.ndarray[Any, np.dtype[np.uint16]], policy: HealthPolicy
) -> dict[int, list[Event]]:
    """What a batch says of its scales, by the number of the pass. Lanes do not depend on each other."""
    readings = read(batch, suspect, policy.population)
    rows_of: dict[str, list[int]] = {}
    for row, device in enumerate(batch.device):
        rows_of.setdefault(device, []).append(row)
    found: dict[int, list[Event]] = {}
    for device, rows in rows_of.items():
        for number, event in follow(state, device, readings.take(np.array(rows, np.int64)), policy):
            found.setdefault(rows[number], []).append(event)
    return found


def on_tick(state: State, now_ns: int, policy: HealthPolicy) -> Iterator[Event]:
    """Once a day (UTC), for each scale that had passes: what its gauges and records are like."""
    day = now_ns // _DAY_NS
    known = state.get(CLOCK, CLOCK)
    if known is not None and known["day"] == day:
        return
    state.put(CLOCK, CLOCK, {"day": day})
    for device, row in state.room(ROOM):
        before = row["told"]
        if row["passes"] > before["passes"]:
            kind = EventKind.SCALE_HEALTH
            both = peaks(row["peaks"])
            data = {
                "passes": row["passes"] - before["passes"],
                "population": row["loaded"] - before["loaded"],
                "bad_records": row["bad"] - before["bad"],
                "gauges": figures(lane(state, device), policy),
                "gross_peaks_kg": list(both) if both else [],
                "factor": corrections.in_force(state, device, now_ns).factor,
                "faults": sorted(name for name, fault in row["faults"].items() if fault["phase"] == faults.CONFIRMED),
            }
            state.put(ROOM, device, {**row, "told": {name: row[name] for name in before}})
            yield Event(event_id(kind, device, day), kind, device, now_ns, "", data)


def settle(
    state: State, device: str, target: str, args: str, *, accept: bool, at_ns: int, actor: str, command: str
) -> list[Event] | str:
    """A person's answer to a proposed correction: its event and the end of the fault, or why not.

    Who declines says that the scale is right as it weighs now: the level of today is what later ones are held against.
    """
    note = str(json.loads(args).get("note", ""))[:MAX_NOTE_CHARACTERS]
    answer = corrections.settle(
        state, device, target, accept=accept, at_ns=at_ns, actor=actor, command=command, note=note
    )
    row = state.get(ROOM, device)
    if isinstance(answer, str) or row is None:
        return answer if isinstance(answer, str) else [answer]
    if not accept:
        gauge = Gauge.STEERING_AXLE
        level = Chart.from_row(row["charts"][gauge]).mean + corrections.in_force(state, device, at_ns).log
        row = {**row, "settled": {**row.get("settled", {}), gauge.value: round(level)}}
    standing = row["faults"].get(Fault.WEIGHT_DRIFT)
    state.put(ROOM, device, {**row, "faults": _with(row["faults"], Fault.WEIGHT_DRIFT, None)})
    if standing is None:
        return [answer]
    return [answer, cleared(device, Fault.WEIGHT_DRIFT.value, standing, answer.at_ns, answer.at_ns, 1)]


def follow(state: State, device: str, readings: Readings, policy: HealthPolicy) -> Iterator[tuple[int, Event]]:
    """Take the passes of one lane; (number of the pass, event) of what they say, in order."""
    found: list[tuple[int, Event]] = []
    row = {**lane(state, device), "counted": 0}
    for gauge in Gauge:
        rows = np.flatnonzero(readings.given[gauge])
        if len(rows):
            found += _follow_gauge(state, row, device, gauge, readings, rows, policy)
    found += _follow_records(row, device, readings, policy)
    _count_peaks(row, readings, len(readings))
    del row["counted"]
    row["passes"] += len(readings)
    row["loaded"] += int(np.count_nonzero(readings.loaded))
    gross = {gauge: chart for gauge, chart in row["charts"].items() if gauge in GROSS}
    state.put(ROOM, device, {**row, "charts": {name: c for name, c in row["charts"].items() if name not in GROSS}})
    if gross:
        state.put(GROSS_ROOM, device, {"charts": gross})
    # Gauges are followed one after the other; what they say is told pass by pass.
    return iter(sorted(found, key=lambda one: one[0]))


def lane(state: State, device: str) -> dict[str, Any]:
    """What is known of a lane, with all of its charts."""
    row, gross = state.get(ROOM, device) or _fresh(), state.get(GROSS_ROOM, device)
    return dict(row) if gross is None else {**row, "charts": {**row["charts"], **gross["charts"]}}


def figures(row: Row, policy: HealthPolicy) -> dict[str, Any]:
    """The gauges of a lane for people: count, level, variation, and how far from what is right."""
    shown: dict[str, Any] = {}
    for gauge in Gauge:
        if gauge in row["charts"]:
            chart, right = Chart.from_row(row["charts"][gauge]), _right(row, gauge, policy)
            shown[gauge.value] = figure(gauge, chart.count, chart.mean, chart.deviation, right, policy)
    return shown


def figure(
    gauge: Gauge, count: int, mean: float, deviation: float, right: float | None, policy: HealthPolicy
) -> dict[str, Any]:
    """One gauge: its level of `count` trucks, and how far it is from what is right (None where nobody knows)."""
    known = {}
    if gauge in policy.right and right is not None:
        apart, bound = mean - right, NORMAL_95 * deviation / math.sqrt(max(count, 1))
        known = {
            "right": policy.right[gauge],
            "low_percent": percent(apart - bound),
            "high_percent": percent(apart + bound),
        }
        if gauge is Gauge.STEERING_AXLE:
            known["correction_factor"] = round(from_log(-apart), 4)
    return {
        "count": count,
        "level": _shown(gauge, mean),
        "unit": UNITS[gauge],
        "cv_percent": round(100 * math.sqrt(math.expm1((deviation / LOG_UNIT) ** 2)), 2),
        "deviation_percent": None if right is None else percent(mean - right),
        **known,
    }


def percent(difference: float) -> float:
    """A difference of levels as per cent."""
    return round(100 * math.expm1(difference / LOG_UNIT), 2)


def _fresh() -> dict[str, Any]:
    return {
        "passes": 0,
        "loaded": 0,
        "charts": {},
        "right": {},
        "settled": {},
        "steps": 0,
        "faults": {},
        "block": {"passes": 0, "bad": 0, "reasons": {}},
        "bad": 0,
        "peaks": [],
        "told": {"passes": 0, "loaded": 0, "bad": 0},
    }


def _follow_gauge(
    state: State,
    row: dict[str, Any],
    device: str,
    gauge: Gauge,
    readings: Readings,
    rows: np.ndarray[Any, np.dtype[np.int64]],
    policy: HealthPolicy,
) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    values = np.ascontiguousarray(readings.values[gauge][rows])
    at_ns = np.ascontiguousarray(readings.at_ns[rows])
    kept = row["charts"].get(gauge)
    chart = Chart.fresh(policy.expected_cv[gauge]) if kept is None else Chart.from_row(kept)
    start = 0
    while start < len(values):
        # Cut where the level is looked at, so that batches do not matter.
        end = min(start + _until_looked_at(chart.count), len(values))
        alarm = chart.follow(values[:end], at_ns[:end], start)
        if alarm == end:
            if chart.count == _looked_at(chart.count):
                looked = _look(state, row, device, gauge, chart, int(at_ns[end - 1]), policy)
                found += [(int(rows[end - 1]), event) for event in looked]
            start = end
            continue
        step, chart = chart.step(int(at_ns[alarm]))
        if gauge is Gauge.STEERING_AXLE:
            _count_peaks(row, readings, int(rows[alarm]) + 1)
        events = _stepped(state, row, device, gauge, step, policy)
        found += [(int(rows[alarm]), event) for event in events]
        start = alarm + 1
    row["charts"] = {**row["charts"], gauge.value: chart.to_row()}
    return found


def _stepped(
    state: State, row: dict[str, Any], device: str, gauge: Gauge, step: Step, policy: HealthPolicy
) -> Iterator[Event]:
    """A step is told; then what it means for the gauge's fault and for the correction."""
    row["right"] = {gauge.value: round(step.before), **row["right"]}
    row["steps"] += 1
    weighs = gauge is Gauge.STEERING_AXLE
    corrected = corrections.in_force(state, device, step.seen_ns).log if weighs else 0
    right = _right(row, gauge, policy)
    assert right is not None  # noqa: S101  (just set)
    deviation = step.after + corrected - right
    tolerance = policy.tolerance_percent[gauge]
    beyond = abs(math.expm1(deviation / LOG_UNIT)) * 100 > tolerance
    kind = EventKind.SCALE_STEP_FOUND
    name = event_id(kind, device, gauge, row["steps"], step.seen_ns)
    both = peaks(row["peaks"]) if weighs else None
    data = {
        "gauge": gauge.value,
        "unit": UNITS[gauge],
        "size_percent": percent(step.size),
        "size_low_percent": percent(step.size - step.size_bound),
        "size_high_percent": percent(step.size + step.size_bound),
        "confidence": round(step.confidence, 6),
        "step_at_ns": step.at_ns,
        "from_ns": step.from_ns,
        "to_ns": step.to_ns,
        "before": _shown(gauge, step.before),
        "after": _shown(gauge, step.after),
        "before_count": step.before_count,
        "after_count": step.after_count,
        "false_alarm_one_in": FALSE_ALARM_ONE_IN,
        "deviation_percent": percent(deviation),
        "tolerance_percent": tolerance,
        "gross_peaks_kg": list(both) if both else [],
        "withdraws": corrections.waiting(state, device) if weighs and not beyond else "",
    }
    yield Event(name, kind, device, step.seen_ns, name, data)
    if weighs:
        # The peaks of the level that begins now are counted anew.
        row["peaks"] = []
    if gauge in GROSS:
        return
    fault = FAULTS[gauge]
    standing = row["faults"].get(fault)
    if beyond and standing is None:
        standing, confirmed = _confirmed(device, fault, step, percent(deviation), tolerance, data)
        yield confirmed
    elif not beyond and standing is not None:
        yield cleared(device, fault, standing, step.at_ns, step.seen_ns, step.after_count)
        standing = None
    row["faults"] = _with(row["faults"], fault, standing)
    if weighs and standing is not None:
        factor, at_ns = right - step.after, step.seen_ns
        cause = standing["cause"]
        yield corrections.propose(state, device, at_ns, factor, step.size_bound, cause=cause, step_event=name)
    elif weighs:
        corrections.withdraw(state, device)


def _look(
    state: State, row: dict[str, Any], device: str, gauge: Gauge, chart: Chart, at_ns: int, policy: HealthPolicy
) -> Iterator[Event]:
    """The level against what the population is known to weigh: a fault when it was wrong from its first truck on."""
    right = _right(row, gauge, policy)
    if gauge in GROSS or gauge not in policy.right or right is None or row["faults"].get(FAULTS[gauge]) is not None:
        return
    weighs, fault = gauge is Gauge.STEERING_AXLE, FAULTS[gauge]
    corrected = corrections.in_force(state, device, at_ns).log if weighs else 0
    deviation = chart.mean + corrected - right
    tolerance = policy.tolerance_percent[gauge]
    surely = math.copysign(max(abs(deviation) - chart.bound, 0.0), deviation)
    if abs(percent(surely)) <= tolerance:
        return
    figures = {"right": _shown(gauge, right), "level": _shown(gauge, chart.mean), "trucks": float(chart.count)}
    figures |= {"low_percent": percent(deviation - chart.bound), "high_percent": percent(deviation + chart.bound)}
    over, value = abs(percent(deviation)) - tolerance, percent(deviation)
    evidence = Evidence("level_differs", "deviation_percent", value, tolerance, over, measurements=figures)
    begun = {**faults.begin(device, fault.value, at_ns, NEVER), "bad": chart.count, "last_bad_ns": at_ns, "good": 0}
    standing, confirmed = faults.confirm(begun, device, fault.value, at_ns, evidence)
    yield confirmed
    row["faults"] = _with(row["faults"], fault, standing)
    if weighs:
        factor, cause = right - chart.mean, standing["cause"]
        yield corrections.propose(state, device, at_ns, factor, chart.bound, cause=cause, step_event=confirmed.id)


def _right(row: Row, gauge: Gauge, policy: HealthPolicy) -> float | None:
    """What is right: as a person has said, as it is configured, or as it was before the first step."""
    settled = row.get("settled", {}).get(gauge)
    if settled is not None:
        return float(settled)
    if gauge in policy.right:
        return known_right(gauge, policy)
    before = row["right"].get(gauge)
    return None if before is None else float(before)


def known_right(gauge: Gauge, policy: HealthPolicy) -> float:
    """What is configured is a mean, as tables give it; a level is one of logarithms, lower by half their variance."""
    cv = policy.expected_cv[gauge]
    return LOG_UNIT * (math.log(policy.right[gauge]) - math.log1p(cv * cv) / 2)


def _looked_at(count: int) -> int:
    """The number of trucks at which a level is looked at next; `count` itself where it is one."""
    at = LOOKED_AT
    while at < count:
        at *= _AGAIN
    return at


def _until_looked_at(count: int) -> int:
    return _looked_at(count + 1) - count


def _confirmed(
    device: str, fault: Fault, step: Step, deviation: float, tolerance: float, data: Mapping[str, Any]
) -> tuple[Row, Event]:
    figures = {name: float(data[name]) for name in ("before", "after", "size_percent", "confidence", "after_count")}
    over = abs(deviation) - tolerance
    evidence = Evidence("level_changed", "deviation_percent", deviation, tolerance, over, measurements=figures)
    begun = faults.begin(device, fault.value, step.at_ns, step.from_ns if step.from_ns < step.at_ns else NEVER)
    begun = {**begun, "bad": step.after_count, "last_bad_ns": step.seen_ns, "good": 0}
    return faults.confirm(begun, device, fault.value, step.seen_ns, evidence)


def cleared(device: str, fault: str, standing: Row, first_good_ns: int, at_ns: int, looks: int) -> Event:
    """The fault is over: from `first_good_ns` on, as `looks` trucks (or a person's word) say."""
    data = {
        "fault": str(fault),
        "first_good_ns": first_good_ns,
        "last_bad_ns": min(standing["last_bad_ns"], first_good_ns),
        "looks": looks,
    }
    kind = EventKind.FAULT_CLEARED
    return Event(event_id(kind, standing["cause"]), kind, device, at_ns, standing["cause"], data)


def _follow_records(
    row: dict[str, Any], device: str, readings: Readings, policy: HealthPolicy
) -> list[tuple[int, Event]]:
    """Shares of records that contradict themselves, block by block."""
    found: list[tuple[int, Event]] = []
    start = 0
    row["bad"] += int(np.count_nonzero(readings.suspect))
    while start < len(readings):
        block = row["block"]
        end = min(start + policy.bad_block - block["passes"], len(readings))
        flags = readings.suspect[start:end]
        bad = int(np.count_nonzero(flags))
        row["block"] = block = {
            "passes": block["passes"] + end - start,
            "bad": block["bad"] + bad,
            "reasons": _reasons(block["reasons"], flags) if bad else block["reasons"],
        }
        if block["passes"] == policy.bad_block:
            at_ns = int(readings.at_ns[end - 1])
            found += [(end - 1, event) for event in _block_ended(row, device, block, at_ns, policy)]
            row["block"] = {"passes": 0, "bad": 0, "reasons": {}}
        start = end
    return found


def _block_ended(
    row: dict[str, Any], device: str, block: Mapping[str, Any], at_ns: int, policy: HealthPolicy
) -> Iterator[Event]:
    share, limit = 100 * block["bad"] / block["passes"], policy.bad_share_percent
    fault = Fault.BAD_RECORDS
    standing = row["faults"].get(fault)
    event = None
    if share >= limit:
        counts = {name: float(count) for name, count in sorted(block["reasons"].items())}
        evidence = Evidence("records_contradict", "bad_percent", share, limit, share - limit, measurements=counts)
        standing, event = faults.bad_look(standing, device, fault.value, at_ns, NEVER, evidence, _TWO_BLOCKS)
    elif standing is not None:
        standing, event = faults.good_look(standing, device, fault.value, at_ns, _TWO_BLOCKS)
    row["faults"] = _with(row["faults"], fault, standing)
    # Suspicions are for the patrol, and nobody visits a scale.
    if event is not None and event.kind in (EventKind.FAULT_CONFIRMED, EventKind.FAULT_CLEARED):
        yield event


def _reasons(counted: Mapping[str, int], flags: np.ndarray[Any, np.dtype[np.uint16]]) -> dict[str, int]:
    after = dict(counted)
    for reason in Suspect:
        count = int(np.count_nonzero(flags & reason))
        if count:
            name = str(reason.name).lower()
            after[name] = after.get(name, 0) + count
    return after


def _count_peaks(row: dict[str, Any], readings: Readings, end: int) -> None:
    """Add the gross weights of the semis up to a pass to those of the level that holds."""
    these = slice(row["counted"], end)
    row["peaks"] = _added(row["peaks"], histogram(readings.gross_kg[these][readings.semis[these]]))
    row["counted"] = end


def _added(before: list[int], more: list[int]) -> list[int]:
    return [a + b for a, b in zip(before, more, strict=True)] if before else more


def _with(standing: Mapping[str, Any], fault: Fault, row: Row | None) -> dict[str, Any]:
    others = {name: kept for name, kept in standing.items() if name != fault}
    return others if row is None else {**others, fault.value: row}


def _shown(gauge: Gauge, level: float) -> float:
    return round(from_log(level), 4 if UNITS[gauge] == "ratio" else 1)
