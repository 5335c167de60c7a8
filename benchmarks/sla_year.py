"""A year of 6,534 cameras behind 300 switches: figures against two plain references, and what it leaves behind.

What is simulated. Faults of cameras and dark switches are drawn by a seeded model (benchmarks/_year_plan.py), with what
a patrol would look at because of them, a routine look at every camera each twelve days (a true patrol's 690 million are
too many), holes in the patrol, cameras that are added and removed, and crews that accept most tickets. Looks, commands
and ticks (one each five minutes, behind the rows of those) are rows of a log in memory; from there on everything is the
product: the processor with the rules, the incident stage, the desks, the projection into SQLite, the archive that trims
the streams, pruning at the end of every month with 60 days kept, compaction of the archive, and the service levels of
every month out of the store.

What is compared. Each month, for each camera and in both readings, the seconds up, down, unknown, excluded and retired
as the product sums them equal those of an array with one byte a second; and for 60 cameras, the same ones throughout
the year, those of a walk second by second in plain Python. The walk is done beside the rest by a process of its own, at
the lowest priority: at 0.1 to 0.2 microseconds a second it is some ten minutes of a core.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from benchmarks._frame import Goal, Row, row
from benchmarks._year_plan import DAY_S, UNKNOWN_AFTER_S, Camera, Model, Plan
from benchmarks._year_reference import COUNTS, Fact, facts_of, painted, walked
from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S, parse_instant
from citywatch.ports import ORIGIN

SCENARIO = "sla_year"
START_NS = parse_instant("2026-01-01T00:00:00+08:00")
MONTH_DAYS = 30
KEPT_DAYS = 60
TICK_S = 300
WALKED = 60
CONTRACT = {
    "name": "year",
    "time_zone": "Asia/Shanghai",
    "devices": {"devices": ["camera-*"]},
    "intact": {"target_percent": 95},
}


@dataclass(slots=True)
class Month:
    """What a month's comparison found, and what stood in every store at its end."""

    devices: int
    walked: int
    differences: list[str]
    seconds: dict[str, int]
    held: dict[str, float]
    took_s: float


class Walkers:
    """Who walks second by second, and what became of it: in this process, or `apart` in another one."""

    def __init__(self, names: Sequence[str], *, apart: bool) -> None:
        self.names = frozenset(random.Random(0).sample(sorted(names), min(WALKED, len(names))))
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, initializer=_stand_back) if apart else None
        self._walks: list[tuple[str, tuple[float, ...], Future[tuple[int, ...]] | tuple[int, ...]]] = []

    def walk(self, what: str, wanted: tuple[float, ...], facts: list[Fact], from_ns: int, to_ns: int) -> None:
        """What a walk over these facts must give."""
        if self._pool is None:
            self._walks.append((what, wanted, walked(facts, from_ns, to_ns)))
        else:
            self._walks.append((what, wanted, self._pool.submit(walked, facts, from_ns, to_ns)))

    def differences(self) -> Iterator[str]:
        """What is otherwise; waits until all is walked."""
        for what, wanted, walk in self._walks:
            found = walk.result() if isinstance(walk, Future) else walk
            if found != wanted:
                yield f"{what}: {wanted}, walked {found}"
        if self._pool is not None:
            self._pool.shutdown()


def _stand_back() -> None:
    os.nice(19)


@dataclass(slots=True)
class Year:
    months: list[Month] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    took_s: float = 0.0
    walked_s: float = 0.0
    """How much longer the walks took than all the rest."""
    differences: list[str] = field(default_factory=list)


def lived(model: Model, folder: Path, *, months: int = 12, month_days: int = MONTH_DAYS, apart: bool = False) -> Year:
    """The year; `months` of 30 days each, if nothing else is said. `apart`: walks are another process's."""
    city, plan, year = _City(folder), Plan.of(model), Year()
    walkers = Walkers([camera.name for camera in plan.cameras], apart=apart)
    begin = time.perf_counter()
    city.add(plan)
    visits = groupby(plan.visits(), key=lambda visit: visit[0] // DAY_S)
    day, group = next(visits)
    for number in range(months):
        started = time.perf_counter()
        for today in range(number * month_days, (number + 1) * month_days):
            rows: list[tuple[int, str, str]] = []
            if day == today:
                rows = list(group)
                day, group = next(visits, (-1, iter(())))
            year.looks += len(rows)
            city.live(today, rows)
        year.months.append(_closed(city, walkers, number, month_days, started))
    year.kinds, year.took_s = city.kinds, time.perf_counter() - begin
    city.close()
    year.differences = [line for month in year.months for line in month.differences] + list(walkers.differences())
    year.walked_s = time.perf_counter() - begin - year.took_s
    return year


class _City:
    """A log in memory, the product's own parts around it, and crews that answer tickets."""

    def __init__(self, folder: Path) -> None:
        from citywatch.adapters.store.compaction import Compaction
        from citywatch.adapters.store.project import Projector
        from citywatch.adapters.store.segments import SegmentWriter
        from citywatch.adapters.store.sql import SqlStore
        from citywatch.app.checks.looks import Patrol
        from citywatch.app.steps import city_step, incident_step
        from citywatch.flow.archive import Archive, SealPolicy
        from citywatch.flow.incident_stage import IncidentStage
        from citywatch.flow.processor import Processor
        from citywatch.flow.projection import Projection
        from citywatch.settings import Settings
        from citywatch.telemetry import NullMeter
        from citywatch.testing.clocks import ManualClock
        from citywatch.testing.memory_log import MemoryLog

        settings = Settings()
        step = city_step(settings)
        # Longer than the settings allow: nobody could be looked at so seldom.
        step = replace(step, cameras=replace(step.cameras, unknown_after_seconds=UNKNOWN_AFTER_S))
        meter, self.clock, self.log = NullMeter(), ManualClock(START_NS), MemoryLog(1)
        self.store = SqlStore.open(folder / "city.sqlite")
        self.database = folder / "city.sqlite"
        projector = Projector(self.store)
        self.turns = (
            Processor(self.log, step, meter, self.clock),
            IncidentStage(self.log, incident_step(settings), meter),
            Projection(self.log, projector, lambda: None, meter),
        )
        segments = SegmentWriter(folder, self.store, max_rows=50_000)
        policy = SealPolicy(50_000, DAY_S, entries=2_000)
        self.compaction = Compaction(folder, self.store, max_rows=250_000)
        self.archive = Archive(self.log, segments, {}, projector.positions, self.clock, meter, policy)
        self.patrol, self.kinds = Patrol(), Counter[str]()
        self.epoch, self.number = self.log.open_producer("year"), 0
        self.crews, self.waiting = random.Random(7), list[tuple[int, str, str]]()
        self.told = dict.fromkeys((0, -1), ORIGIN)

    def close(self) -> None:
        self.store.close()

    def add(self, plan: Plan) -> None:
        """Switches first, then every camera when it is added; what is removed later is planned now."""
        from citywatch.app.checks.rows import registrations
        from citywatch.app.checks.script import DeviceSpec

        specs = [DeviceSpec.model_validate({"device": [switch], "kind": "switch"}) for switch in plan.dark]
        self.append(registrations(specs, START_NS))
        self.commands: list[tuple[int, str, Verb, str]] = []
        for camera in plan.cameras:
            self.commands.append((camera.from_s, camera.name, Verb.PUT_CAMERA, _description(camera)))
            if camera.to_s < plan.model.days * DAY_S:
                self.commands.append((camera.to_s, camera.name, Verb.REMOVE_CAMERA, '{"origin":"api"}'))
        self.commands.sort(reverse=True)

    def append(self, batch: Batch) -> None:
        self.number += 1
        self.log.append(0, batch, producer="year", epoch=self.epoch, sequence=self.number)

    def live(self, day: int, visits: list[tuple[int, str, str]]) -> None:
        """One day: the rows of five minutes, then their tick; at the end every part has its turns."""
        from citywatch.domain.pulses import TickBatch

        by_slot: dict[int, list[tuple[str, int, str]]] = {}
        for at_s, device, seen in visits:
            by_slot.setdefault(at_s // TICK_S, []).append((device, START_NS + at_s * NS_PER_S, seen))
        for slot in range(day * DAY_S // TICK_S, (day + 1) * DAY_S // TICK_S):
            self._commands((slot + 1) * TICK_S)
            if slot in by_slot:
                self.append(self.patrol.visits(by_slot[slot]))
            self.append(TickBatch(("clock",), np.array([START_NS + (slot + 1) * TICK_S * NS_PER_S])))
        self._turn()
        self.clock.advance_s(DAY_S)
        self.archive.turn(0)

    def rows(self) -> dict[str, int]:
        """Rows of every table."""
        from citywatch.adapters.store.schema import METADATA

        with self.store.reading() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in METADATA.sorted_tables
            }

    def state(self) -> tuple[int, int, int]:
        """Rows and bytes of the step's state and the incident stage's, and the largest row, bytes."""
        rows = [*self.log.load(0)[1].items(), *self.log.load_incidents()[1].items()]
        sizes = [len(key) + len(value) for key, value in rows]
        return len(rows), sum(sizes), max(sizes)

    def _turn(self) -> None:
        while sum([part.turn(0) for part in self.turns]):
            self._listen()
            while self.archive.turn(0):
                pass

    def _listen(self) -> None:
        for partition, events in self.log.read_events(self.told, most=10**9, block_ms=0).items():
            for position, event in events:
                self.told[partition] = position
                self._hear(event)

    def _hear(self, event: Event) -> None:
        self.kinds[event.kind.value] += 1
        self.patrol.on_event(event)
        if event.kind is EventKind.TICKET_FILED and self.crews.random() < 0.85:
            at_s = (event.at_ns - START_NS) // NS_PER_S + int(3600 * self.crews.lognormvariate(1.0, 0.8)) + DAY_S
            self.waiting.append((at_s, event.device, event.data["ticket"]))

    def _commands(self, until_s: int) -> None:
        """What people and the configuration ask for up to a second."""
        from citywatch.app.checks.rows import commands

        while self.commands and self.commands[-1][0] < until_s:
            at_s, device, verb, args = self.commands.pop()
            batch = commands([(device, verb, device, {})], START_NS + at_s * NS_PER_S, "fleet", f"{verb}/{device}")
            self.append(_with_args(batch, args))
        due = [item for item in self.waiting if item[0] < until_s]
        self.waiting = [item for item in self.waiting if item[0] >= until_s]
        for at_s, device, ticket in sorted(due):
            at_ns = START_NS + at_s * NS_PER_S
            self.append(commands([(device, Verb.ACCEPT_TICKET, ticket, {})], at_ns, "crew", f"accept/{ticket}"))


def _closed(city: _City, walkers: Walkers, number: int, days: int, started: float) -> Month:
    """The month's figures against both references; then it is pruned, and what is left is counted."""
    from citywatch.app.sla_city import City
    from citywatch.sla.contracts import Contract
    from citywatch.sla.figures import Window
    from citywatch.sla.readings import read

    from_ns = START_NS + number * days * DAY_S * NS_PER_S
    to_ns = from_ns + days * DAY_S * NS_PER_S
    history = City(city.store, to_ns).history(from_ns, to_ns, to_ns)
    history = history.of_devices([name for name in history.devices if name.startswith("camera-")])
    contract = Contract.model_validate(CONTRACT)
    readings = read(history, contract, {}, known_until_ns=to_ns)
    count = len(history.devices)
    figures = Window.of(readings, contract.calendar("24x7"), from_ns, to_ns).figures(np.arange(count), count)
    seconds = np.empty((to_ns - from_ns) // NS_PER_S, np.uint8)
    chosen = [device for device, name in enumerate(history.devices) if name in walkers.names]
    differences: list[str] = []
    total = Counter[str]()
    for worst in (True, False):
        facts = facts_of(history, to_ns, worst=worst)
        for device, figure in enumerate(figures):
            tally = figure.worst if worst else figure.best
            ours = tuple(getattr(tally, f"{name}_ns") / NS_PER_S for name in COUNTS)
            plain = painted(facts[device], from_ns, to_ns, seconds)
            if ours != plain:
                differences.append(f"{history.devices[device]} month {number}: {ours}, by the second {plain}")
            if history.devices[device] in walkers.names:
                what = f"{history.devices[device]} month {number} {'worst' if worst else 'best'}"
                walkers.walk(what, ours, facts[device], from_ns, to_ns)
            for name, spent in zip(COUNTS, plain, strict=True):
                total[f"{'worst' if worst else 'best'} {name}"] += spent
    city.store.prune(to_ns - KEPT_DAYS * DAY_S * NS_PER_S)
    city.compaction.turn(to_ns)
    rows, (state_rows, state_bytes, largest) = city.rows(), city.state()
    depth = city.log.depth(0)
    held = {
        "rows of state": state_rows,
        "state (MB)": state_bytes / 1e6,
        "largest row of state (B)": largest,
        "log entries behind the archive": depth.readings_entries,
        "events behind the projection": depth.events_entries,
        "database (MB)": os.path.getsize(city.database) / 1e6,
        "memory (MB)": _resident_mb(),
        **{f"rows of {name}": count for name, count in rows.items() if count},
    }
    return Month(count, len(chosen), differences, dict(total), held, time.perf_counter() - started)


def _description(camera: Camera) -> str:
    from citywatch.domain.cameras import Described, Origin

    fields = {"url": f"rtsp://192.0.2.1/{camera.name}", "parent": camera.switch}
    return Described(camera.name, fields).args(Origin.API)


def _with_args(batch: Any, args: str) -> Batch:
    found: Batch = replace(batch, args=(args,) * len(batch))
    return found


def _resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(model: Model | None = None, months: int = 12) -> list[Row]:
    """CITYWATCH_YEAR_MONTHS shortens it, for a look at whether it works."""
    from citywatch.app.kernels import warm

    months = int(os.environ.get("CITYWATCH_YEAR_MONTHS", months))
    warm()
    with tempfile.TemporaryDirectory(prefix="citywatch-year-") as folder:
        year = lived(model or Model(), Path(folder), months=months, apart=True)
    compared = sum(month.devices for month in year.months)
    for line in year.differences[:20]:
        print(f"  {line}", flush=True)
    note = f"{year.looks:,} looks, {sum(year.kinds.values()):,} events"
    rows = [
        row(SCENARIO, "months of cameras that differ from a byte a second", len(year.differences), "",
            goal=Goal(at_most=0), note=f"{compared:,} compared, in both readings"),
        row(SCENARIO, "of them walked second by second", sum(month.walked for month in year.months), "months",
            goal=Goal(at_least=0.95 * WALKED * months),
            note=f"{WALKED} cameras, the same all the time; done {year.walked_s / 60:.1f} min after the rest"),
        row(SCENARIO, f"{months} months took", year.took_s / 60, "min", goal=Goal(at_most=20), note=note),
    ]  # fmt: skip
    settled = max(KEPT_DAYS // MONTH_DAYS, 1)
    for name in sorted({name for month in year.months for name in month.held}):
        course = [month.held.get(name, 0) for month in year.months]
        later = course[settled:] or course
        rows.append(
            row(
                SCENARIO,
                f"{name}, last month over the third" if len(course) > settled else name,
                course[-1] if len(course) <= settled else course[-1] / max(later[0], 1),
                "" if len(course) <= settled else "x",
                note="by month: " + " ".join(f"{value:,.0f}" for value in course),
            )
        )
    return rows
