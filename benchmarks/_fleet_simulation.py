"""6,534 cameras under the patrol's own scheduler on a manual clock: freshness, an outage of half of them, limits.

Visits are drawn, not made (citywatch.testing.patrol_simulation): their processor time about a measured figure, which
`rows` takes, the camera's answer between at once and one key frame interval of two seconds, the time-out of a camera
that is away. The last two rows are measured here: what a decision costs, and what a camera costs at rest.

`python -m benchmarks._fleet_simulation` prints the rows; the scenario `patrol` has them beside its own.
"""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

from pydantic import SecretStr

from benchmarks._frame import Goal, Row, Spread, row
from citywatch.adapters.cameras.config import CameraConfig, PatrolTerms
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.schedule import Found, Place, Scheduler
from citywatch.domain.events import Event, EventKind
from citywatch.telemetry import NullMeter
from citywatch.testing.clocks import ManualClock
from citywatch.testing.patrol_simulation import FLEET, Costs, Course, Simulation, fleet

SCENARIO = "patrol"
SEED = 20260713
CPU_S = 0.05
"""Of a visit at 1080p in the decoder (measured by the scenario `patrol`; here a figure on the safe side)."""
SETTLED_S, AWAY_S, BACK_S, END_S = 600, 1800, 3600, 5400
OVERLOADED_UNTIL_S = 3000
DECISIONS = 200_000
_NOTE = f"simulated, seed {SEED}"


def rows(cpu_s: float = CPU_S) -> list[Row]:
    """All rows. `cpu_s`: processor time of a visit in the decoder, seconds."""
    return [*_steady_and_away(cpu_s), *_overloaded(), _decision(), _memory()]


def _steady_and_away(cpu_s: float) -> list[Row]:
    terms = PatrolTerms()
    away = {name for name in fleet() if name.startswith("camera-") and int(name[7:]) % 96 < 48}
    simulation = Simulation(
        fleet(), terms, Costs(cpu_s=cpu_s), seed=SEED, away=lambda name, at_s: AWAY_S <= at_s < BACK_S and name in away
    )
    course = simulation.run(END_S)
    steady = [sample for sample in course.samples if SETTLED_S <= sample.at_s < AWAY_S]
    found = [
        _row("visits a second that the targets ask for", simulation.scheduler.snapshot(END_S).demand_per_s, "1/s"),
        _row("most visits in one second, first minute", _most(course, 0, 60), "visits"),
        _row("most visits in one second, steady", _most(course, SETTLED_S, AWAY_S), "visits"),
    ]
    for kind, target_s in (("standard", 300.0), ("gate", 60.0)):
        for name in ("p50_s", "p90_s", "p99_s", "max_s"):
            spread = Spread.of([getattr(sample.ages[kind], name) for sample in steady])
            goal = Goal(at_most=target_s) if name == "max_s" else None
            value = spread.largest if name == "max_s" else spread.median
            found.append(_row(f"age of the last look, {kind}, {name[:-2]}", value, "s", goal=goal, spread=spread))
    outage = [sample for sample in course.samples if AWAY_S <= sample.at_s < BACK_S]
    well = max(sample.ages["standard"].max_s for sample in outage)
    gone_s = sorted(at_s - AWAY_S for at_s in course.found_away_s.values())
    back_s = sorted(at_s - BACK_S for at_s in course.found_back_s.values())
    cap_s = terms.failing_seconds_max + 10  # and the visit itself
    found += [
        _row("cameras that vanished and came back", float(len(back_s)), "cameras", goal=Goal(at_least=len(away))),
        _row("until found away, median", Spread.of(gone_s).median, "s", spread=Spread.of(gone_s)),
        _row("until found away, max", gone_s[-1], "s", goal=Goal(at_most=cap_s)),
        _row("age of the last look at the others meanwhile, max", well, "s", goal=Goal(at_most=305.0)),
        _row("until found back, median", Spread.of(back_s).median, "s", spread=Spread.of(back_s)),
        _row("until found back, max", back_s[-1], "s", goal=Goal(at_most=cap_s)),
        _row("most visits in one second after the return", _most(course, BACK_S, BACK_S + 300), "visits"),
        _row("back to every target after", _over_until(course) - BACK_S, "s"),
        _row("limits of site, subnet or host broken", float(course.broken.total()), "times", goal=Goal(at_most=0)),
        _row("visits made", float(course.visits.total()), "visits"),
    ]
    return found


def _most(course: Course, from_s: float, to_s: float) -> float:
    return float(max(sample.most_in_a_second for sample in course.samples if from_s < sample.at_s <= to_s))


def _over_until(course: Course) -> float:
    """The last moment at which a look was older than its target."""
    over = [s.at_s for s in course.samples if s.at_s > BACK_S and any(ages.over_target for ages in s.ages.values())]
    return over[-1] if over else float(BACK_S)


def _overloaded() -> list[Row]:
    """Decoders for half of what the targets ask for: everybody waits longer by the same factor."""
    places = fleet()
    scheduler = Scheduler(PatrolTerms())
    scheduler.start(places, 0.0)
    demand = scheduler.snapshot(0.0).demand_per_s
    costs = Costs(cpu_s=2 / demand, cpu_spread=0.0, decoders=1)
    course = (simulation := Simulation(places, PatrolTerms(), costs, seed=SEED)).run(OVERLOADED_UNTIL_S)
    stretch = simulation.scheduler.snapshot(simulation.now_s).stretch
    last = course.samples[-1].ages
    gates, standard = last["gate"].p50_s / 60, last["standard"].p50_s / 300
    return [
        _row("half the capacity: stretch told", stretch, "times", goal=Goal(at_least=1.8)),
        _row("half the capacity: gates' share of their target over the others'", gates / standard, "ratio"),
    ]


def _decision() -> Row:
    """Real processor time of `next` and `done` together, the whole fleet in the queues."""
    scheduler = Scheduler(PatrolTerms())
    scheduler.start(fleet(), 0.0)
    now_s = 0.0
    started = time.process_time()
    made = 0
    while made < DECISIONS:
        turn = scheduler.next(now_s)
        if turn is None:
            now_s = scheduler.wake_s(now_s) or now_s
            continue
        scheduler.done(turn, Found.ANSWERED, now_s)
        made += 1
    cost_us = (time.process_time() - started) / made * 1e6
    return row(SCENARIO, "a scheduling decision, 6,534 cameras", cost_us, "us", note=f"{DECISIONS} of them")


def _memory() -> Row:
    """What the patrol holds of a camera at rest: its description, its memory with four references, its place."""
    pool = DecoderPool(1, Path("unused"), meter=NullMeter())  # it is never entered
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    cameras = [
        CameraConfig(
            camera=f"district-3/camera-{number}",
            url=SecretStr(f"rtsp://viewer:secret-{number}@10.0.{number // 250}.{number % 250}:554/stream1"),
            site=f"site-{number // 48}",
            parent=f"site-{number // 48}/switch-{number % 48 // 16}",
        )
        for number in range(FLEET)
    ]
    patrol = Patrol(cameras, pool, ManualClock(), _nowhere, NullMeter())
    for number, camera in enumerate(cameras):
        for light in ("day", "night", "infrared", "unknown"):
            data = {"light": light, "preset": "", "picture": f"{number:064x}"}
            patrol.on_event(Event("", EventKind.REFERENCE_ADOPTED, camera.camera, 0, "", data))
    scheduler = Scheduler(PatrolTerms())
    scheduler.start(
        {c.camera: Place("standard", 300.0, None, c.site, c.parent, c.address().host) for c in cameras}, 0.0
    )
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kb = (after - before) / len(scheduler) / 1000
    return row(
        SCENARIO, "memory of a camera at rest, in the patrol", kb, "kB", goal=Goal(at_most=64), note="tracemalloc"
    )


async def _nowhere(rows: object) -> None:
    """Nobody wants them."""


def _row(figure: str, value: float, unit: str, *, goal: Goal | None = None, spread: Spread | None = None) -> Row:
    return row(SCENARIO, figure, value, unit, goal=goal, spread=spread, note=_NOTE)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table([item.as_json() for item in rows()]))
