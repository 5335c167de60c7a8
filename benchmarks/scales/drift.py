"""Drift of a scale: how soon a step is found, at which rate of false alarms, by simulation; the step in a real file.

The charts are those of the product (`rules.scale_health.chart`), weights are drawn and rounded to whole kilograms. A
delay is counted from the first truck of the new level to the one that gives the alarm; runs that gave a false alarm
before the step are left out of the delays, and are what the other figure counts. A run for that figure begins with a
chart that knows nothing, so that the time in which a chart learns is in it.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks._frame import SHARED_DATA, Goal, Row, row
from citywatch.domain.instants import format_instant

SCENARIO = "scales"
SEED = 20_120_903
CV = 0.165
STEP_PERCENT = 5.0
MEAN_KG = 5_900.0
RUNS_TO_ALARM = 4_000
RUNS_TO_STEP = 6_000
HISTORIES = (500, 1_000, 2_000, 5_000)
STATED_HISTORY = 1_000
"""The goals are held against this much: a lane with as many reference trucks before the step."""
REAL = SHARED_DATA / "wim" / "btls-garage-5000veh.MON.txt"
WEEK_36 = ("2012-08-27", "2012-09-10")
"""ISO week 36 of 2012 begins on 3 September; a step is dated within a week of its first day."""

_BLOCK = 10_000
_MOST_AFTER = 6_000


def _draw(random: np.random.Generator, count: int, law: str, factor: float = 1.0) -> np.ndarray:
    if law == "log-normal":
        deviation = math.sqrt(math.log1p(CV * CV))
        weights = factor * MEAN_KG * np.exp(deviation * random.standard_normal(count) - deviation**2 / 2)
    else:
        weights = factor * MEAN_KG * np.clip(1.0 + CV * random.standard_normal(count), 0.2, None)
    return np.rint(100_000 * np.log(np.rint(weights))).astype(np.int64)


def _to_false_alarm(random: np.random.Generator, law: str) -> int:
    from citywatch.rules.scale_health.chart import Chart

    chart, taken = Chart.fresh(CV), 0
    while True:
        values = _draw(random, _BLOCK, law)
        alarm = chart.follow(values, values, 0)
        if alarm < _BLOCK:
            return taken + alarm + 1
        taken += _BLOCK


def _to_step(random: np.random.Generator, history: int, factor: float, law: str) -> int | None:
    """Trucks from the step to the alarm; None where the alarm came before it."""
    from citywatch.rules.scale_health.chart import Chart

    values = np.concatenate([_draw(random, history, law), _draw(random, _MOST_AFTER, law, factor)])
    alarm = Chart.fresh(CV).follow(values, values, 0)
    return None if alarm < history else alarm - history + 1


def false_alarms(law: str, runs: int = RUNS_TO_ALARM, seed: int = SEED) -> tuple[float, float]:
    """Mean number of reference trucks to a false alarm, and its standard error."""
    random = np.random.default_rng(seed)
    lengths = np.array([_to_false_alarm(random, law) for _ in range(runs)], np.float64)
    return float(lengths.mean()), float(lengths.std(ddof=1) / math.sqrt(runs))


def delays(history: int, percent: float, law: str, runs: int = RUNS_TO_STEP, seed: int = SEED) -> np.ndarray:
    """Trucks to the alarm, of the runs without a false alarm before; half of them up, half of them down."""
    random = np.random.default_rng(seed + history)
    found = []
    for number in range(runs):
        factor = 1.0 + percent / 100
        delay = _to_step(random, history, factor if number % 2 == 0 else 1.0 / factor, law)
        if delay is not None:
            found.append(delay)
    return np.array(found)


def run() -> list[Row]:
    from citywatch.app.kernels import warm_imported
    from citywatch.kernels import digests, drift, mon, passes  # noqa: F401

    warm_imported()
    rows = []
    for law, goal in (("log-normal", Goal(at_least=25_000)), ("normal", None)):
        mean, error = false_alarms(law, RUNS_TO_ALARM if goal else RUNS_TO_ALARM // 4)
        note = f"weights {law}; standard error {error:.0f}; from a fresh chart"
        rows.append(row(SCENARIO, f"drift: trucks to a false alarm, {law}", mean, "trucks", goal=goal, note=note))
    for history in HISTORIES:
        found = delays(history, STEP_PERCENT, "log-normal")
        stated = history == STATED_HISTORY
        note = f"step {STEP_PERCENT:g} % at CV {100 * CV:g} %, {history} trucks before; {len(found)} runs"
        name = f"drift: trucks to the alarm after {history},"
        rows.append(
            row(
                SCENARIO,
                f"{name} median",
                float(np.median(found)),
                "trucks",
                goal=Goal(at_most=140) if stated else None,
                note=note,
            )
        )
        within = 100.0 * float(np.mean(found <= 300))
        rows.append(
            row(
                SCENARIO,
                f"{name} within 300",
                within,
                "%",
                goal=Goal(at_least=95) if stated else None,
                note=f"95 % within {np.quantile(found, 0.95):.0f}",
            )
        )
    for percent in (2.5, 10.0, 15.0):
        found = delays(2_000, percent, "log-normal", RUNS_TO_STEP // 4)
        note = f"95 % within {np.quantile(found, 0.95):.0f}, 2000 trucks before"
        rows.append(
            row(SCENARIO, f"drift: step of {percent:g} %, median", float(np.median(found)), "trucks", note=note)
        )
    return rows + _real()


def _real() -> list[Row]:
    from citywatch.adapters.scales.records import Terms
    from citywatch.flow.scale_review import review_files
    from citywatch.rules.scale_health.watch import HealthPolicy

    if not REAL.exists():
        return [row(SCENARIO, "drift: the step in the real file", None, "steps", note="data absent")]
    found = review_files([(REAL, "mon")], Terms(), HealthPolicy(), lambda _: None).review
    steps = [step for lane in (*found.lanes, *found.stations) for step in lane.steps]
    dated = [step for step in steps if WEEK_36[0] <= format_instant(step.at_ns) < WEEK_36[1]]
    before = [step for step in steps if format_instant(step.at_ns) < WEEK_36[0]]
    whole = "; ".join(
        f"all lanes: {format_instant(step.at_ns)[:16]} ({format_instant(step.from_ns)[:10]} to"
        f" {format_instant(step.to_ns)[:10]}), {100 * math.expm1(step.size / 100_000):+.1f} %"
        for station in found.stations
        for step in station.steps
    )
    return [
        row(SCENARIO, "drift: real file, steps at week 36", len(dated), "steps", goal=Goal(at_least=1), note=whole),
        row(SCENARIO, "drift: real file, steps before it", len(before), "steps", goal=Goal(at_most=0)),
    ]
