"""The incident stage over 6,534 cameras behind 300 switches, half of which die: time a tick, and what is told.

Rows come to the stage as partitions hand them on; its state goes through the stored form as at a commit. Two ways to
fall: found out by a patrol, twenty cameras a second and their siblings at once, and all in one tick.

And the whole city behind one core switch, 6,000 cameras: the looks that confirm it go through the rules, both stages,
the desks and the projection of a city (benchmarks/_dark_city.py), and so do those that find everything in order again.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import dataclass

from benchmarks._frame import Goal, Row, Spread, row
from citywatch.domain.devices import partition_of
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.incidents import MARK, Onward, OnwardBatch
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.flow.incident_step import IncidentStep

SCENARIO = "incidents"
CAMERAS, SWITCHES, PARTITIONS = 6_534, 300, 4
START_NS = 1_767_225_600 * NS_PER_S
FALL_S, BACK_S, END_S = 10, 300, 700
PER_SECOND = 20


@dataclass(slots=True)
class Outcome:
    """What one run told, how long each tick took (seconds), and the largest state and commit (bytes)."""

    kinds: Counter[str]
    ticks_s: list[float]
    state_bytes: int
    commit_bytes: int
    events: list[Event]


def fleet(cameras: int = CAMERAS, switches: int = SWITCHES) -> dict[str, list[str]]:
    """Cameras by switch, spread evenly."""
    return {f"sw-{s}": [f"cam-{n}" for n in range(s, cameras, switches)] for s in range(switches)}


def outage(family: dict[str, list[str]], *, at_once: bool, seed: int = 7) -> dict[int, list[Onward]]:
    """Second -> rows: registrations, then half of the switches fall silent with all their cameras, and come back."""
    rng = random.Random(seed)
    seconds: dict[int, list[Onward]] = {}
    for switch, cameras in family.items():
        for device, parent in [(switch, ""), *((camera, switch) for camera in cameras)]:
            kind = "camera" if parent else "switch"
            data = {
                "kind": kind,
                "name": "",
                "place": "",
                "heartbeat_s": 0,
                "parent": parent,
                "site": "",
                "command": "",
            }
            _add(seconds, 1, device, EventKind.DEVICE_REGISTERED, "", data)
    dead = rng.sample(sorted(family), len(family) // 2)
    found = {camera: number // PER_SECOND for number, camera in enumerate(c for switch in dead for c in family[switch])}
    for switch in dead:
        # The patrol asks the siblings of the first that does not answer at once: they follow within seconds.
        first = min(found[camera] for camera in family[switch])
        for camera in family[switch]:
            after_s = 0 if at_once else first + rng.randint(0, 5)
            _fault(seconds, camera, FALL_S + after_s)
            _over(seconds, camera, BACK_S + (0 if at_once else after_s))
    return seconds


def lived(seconds: dict[int, list[Onward]], until_s: int = END_S) -> Outcome:
    """Every second a tick in every partition; the stage decides and commits."""
    step, state = IncidentStep(), State()
    outcome = Outcome(Counter(), [], 0, 0, [])
    for second in range(until_s):
        rows = seconds.get(second, [])
        mark = Onward("", START_NS, START_NS + second * NS_PER_S, MARK, "", "")
        batches = []
        for partition in range(PARTITIONS):
            mine = [item for item in rows if partition_of(item.device, PARTITIONS) == partition]
            batches.append(OnwardBatch.of_rows([*mine, mark]))
        begin = time.perf_counter()
        for partition, batch in enumerate(batches):
            step.take(state, partition, batch)
        events = step.advance(state, PARTITIONS)
        changed = state.changes()
        outcome.ticks_s.append(time.perf_counter() - begin)
        outcome.commit_bytes = max(
            outcome.commit_bytes, sum(len(key) + len(row or b"") for key, row in changed.items())
        )
        outcome.kinds.update(event.kind.value for event in events)
        outcome.events += events
        if second == BACK_S - 1:
            outcome.state_bytes = sum(len(key) + len(value) for key, value in state.snapshot().items())
    return outcome


VANISHED, PER_SWITCH = 6_000, 44


def vanished(cameras: int = VANISHED) -> list[Row]:
    """All cameras behind one core switch stop to answer, and come back. What is timed is processing: the rows of the
    looks are made before. The root alert is told by the last look at the core switch, whatever of the 6,000 is
    processed behind it, and by the stage alone, when all faults are handed on in one tick.
    """
    import tempfile
    from pathlib import Path

    from benchmarks._dark_city import START_NS as BEGIN_NS
    from benchmarks._dark_city import contractor, opened_s
    from citywatch.adapters.store.sql import SqlStore
    from citywatch.app.checks.city import City
    from citywatch.app.checks.rows import registrations
    from citywatch.app.checks.script import DeviceSpec
    from citywatch.settings import Settings

    switches = [f"switch-{n}" for n in range(-(-cameras // PER_SWITCH))]
    names = [f"camera-{n}" for n in range(cameras)]
    with tempfile.TemporaryDirectory(prefix="citywatch-dark-") as folder:
        store = SqlStore.open(Path(folder) / "city.sqlite")
        city = City(Settings(), None, store, BEGIN_NS)
        city.feed(registrations([DeviceSpec.model_validate({"device": ["core"], "kind": "switch"})], BEGIN_NS))
        for switch in switches:
            spec = {"device": [switch], "kind": "switch", "parent": "core"}
            city.feed(registrations([DeviceSpec.model_validate(spec)], BEGIN_NS))
        for number, switch in enumerate(switches):
            spec = {"device": names[number :: len(switches)], "parent": switch}
            city.feed(registrations([DeviceSpec.model_validate(spec)], BEGIN_NS))

        def look(second: int, sees: str, switch_sees: str) -> float:
            """Everybody is looked at in this second, the core first; seconds until all is projected."""
            batches = [
                city.patrol.looks(devices, BEGIN_NS + second * NS_PER_S, seen, "day", "", {})
                for devices, seen in ((["core"], switch_sees), (switches, switch_sees), (names, sees))
            ]
            begin = time.perf_counter()
            for batch in batches:
                city.feed(batch)
            for _ in city.tick_to(second + 1, one_by_one=True):
                pass
            return time.perf_counter() - begin

        def until(second: int) -> None:
            for _ in city.tick_to(second, one_by_one=False):
                pass

        for second in (300, 360):
            look(second, "in_order", "reached")
            until(second + 50)
        look(600, "unreachable", "unreachable")
        core = city.patrol.looks(["core"], BEGIN_NS + 610 * NS_PER_S, "unreachable", "day", "", {})
        until(609)
        begin = time.perf_counter()
        city.feed(core)
        for _ in city.tick_to(611, one_by_one=True):
            pass
        alone_s = time.perf_counter() - begin
        all_s = look(612, "unreachable", "unreachable")
        until(700)
        told = opened_s(city)
        look(900, "in_order", "reached")
        back_s = look(910, "in_order", "reached")
        until(1_400)
        alerts, tickets = city.rows_of("alerts"), city.rows_of("tickets")
        left = sum(row["state"] != "resolved" for row in alerts) + sum(row["state"] != "closed" for row in tickets)
        left += sum(row["state"] != "up" for row in city.rows_of("devices"))
        untouched = contractor(city, Path(folder), 1_400)
        store.close()
    stage = lived(_one_root(cameras, len(switches)), 60)
    return [
        row(SCENARIO, f"{cameras:,} cameras vanish: alerts and tickets", sum(map(len, told.values())), "",
            goal=Goal(at_most=2), note=", ".join(sorted(told))),
        row(SCENARIO, f"{cameras:,} cameras vanish: from the core's last look to the root alert", alone_s, "s",
            goal=Goal(at_most=1.0)),
        row(SCENARIO, f"{cameras:,} cameras vanish: all faults handed on in one tick to one root alert",
            max(stage.ticks_s[2:]), "s", goal=Goal(at_most=1.0),
            note=f"{stage.kinds['incident_opened']} incident, {stage.kinds['alert_opened']} alert"),
        row(SCENARIO, f"{cameras:,} cameras vanish: the looks that confirm all of them, to the tables", all_s, "s"),
        row(SCENARIO, f"{cameras:,} cameras are back: the looks that clear all of them, to the tables", back_s, "s"),
        row(SCENARIO, f"{cameras:,} cameras are back: what is still open or not up", left, "", goal=Goal(at_most=0)),
        row(SCENARIO, f"{cameras:,} cameras are back: the contractor's figures that are touched",
            int(not untouched.holds), "", goal=Goal(at_most=0), note=untouched.found),
    ]  # fmt: skip


def _one_root(cameras: int, switches: int) -> dict[int, list[Onward]]:
    """Second -> rows: everything hangs on one core, and every camera falls in one tick."""
    seconds: dict[int, list[Onward]] = {}
    parents = {f"switch-{n}": "core" for n in range(switches)}
    parents |= {f"camera-{n}": f"switch-{n % switches}" for n in range(cameras)}
    for device, parent in {"core": "", **parents}.items():
        data = {"kind": "camera" if device.startswith("camera") else "switch", "name": "", "place": "",
                "heartbeat_s": 0, "parent": parent, "site": "", "command": ""}  # fmt: skip
        _add(seconds, 1, device, EventKind.DEVICE_REGISTERED, "", data)
    for number in range(cameras):
        _fault(seconds, f"camera-{number}", FALL_S)
    return seconds


def _add(seconds: dict[int, list[Onward]], second: int, device: str, kind: EventKind, cause: str, data: object) -> None:
    tick_ns = START_NS + (second - 1) * NS_PER_S
    row_ = Onward(device, START_NS + second * NS_PER_S, tick_ns, kind.value, cause, json.dumps(data))
    seconds.setdefault(second, []).append(row_)


def _fault(seconds: dict[int, list[Onward]], camera: str, second: int) -> None:
    now_ns = START_NS + second * NS_PER_S
    evidence = {"measure": "outcome", "value": 1.0, "threshold": 1.0, "margin": 0.0}
    data = {
        "fault": "unreachable", "reason": "timed_out", "first_bad_ns": now_ns - 10 * NS_PER_S,
        "last_good_ns": now_ns - 200 * NS_PER_S, "looks": 2, "evidence": evidence, "picture": "", "previous": "f" * 64,
    }  # fmt: skip
    _add(seconds, second, camera, EventKind.FAULT_CONFIRMED, event_id("fault", camera), data)


def _over(seconds: dict[int, list[Onward]], camera: str, second: int) -> None:
    now_ns = START_NS + second * NS_PER_S
    data = {"fault": "unreachable", "first_good_ns": now_ns, "last_bad_ns": now_ns - 1, "looks": 2}
    _add(seconds, second, camera, EventKind.FAULT_CLEARED, event_id("fault", camera), data)


def run() -> list[Row]:
    from citywatch.app.kernels import warm

    warm()
    rows = vanished()
    for name, at_once in (("found out by the patrol", False), ("in one tick", True)):
        outcome = lived(outage(fleet(), at_once=at_once))
        busy = Spread.of(outcome.ticks_s[2:]).scaled(1e3)
        incidents, alerts = outcome.kinds["incident_opened"], outcome.kinds["alert_opened"]
        per_incident = max(alerts, outcome.kinds["ticket_filed"]) / incidents
        rows += [
            row(SCENARIO, f"half of {SWITCHES} switches dead, {name}: alerts and tickets an incident", per_incident, "",
                goal=Goal(at_most=1.0), note=f"{incidents} incidents"),
            row(SCENARIO, f"a tick of the stage, {name}, slowest", busy.largest, "ms",
                goal=None if at_once else Goal(at_most=200.0), spread=busy),
            row(SCENARIO, f"a tick of the stage, {name}, median", busy.median, "ms", spread=busy),
            row(SCENARIO, f"state a device while half are away, {name}",
                outcome.state_bytes / (CAMERAS + SWITCHES), "B", goal=Goal(at_most=6_000)),
            row(SCENARIO, f"largest commit, {name}", outcome.commit_bytes / 1e6, "MB"),
        ]  # fmt: skip
    return rows
