"""The laws of the incident stage: no order of reading, no size of commit, no reload and no rerun changes an event."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from incident_kit import PARTITIONS, POLICY, Town, at, cleared, confirmed, instant, placed, shuffled, spread, ticked

from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.devices import partition_of
from citywatch.domain.events import Event, EventKind
from citywatch.domain.pulses import TickBatch
from citywatch.errors import LogFull
from citywatch.flow.door import LogDoor
from citywatch.flow.incident_stage import IncidentStage
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.processor import Processor
from citywatch.flow.rerun import rerun_log
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.ports import INCIDENTS, ORIGIN
from citywatch.telemetry import NullMeter
from citywatch.testing import rows as city
from citywatch.testing.clocks import ManualClock
from citywatch.testing.memory_log import LogLimits, MemoryLog

DEVICES = ["box", "sw-a", "sw-b", *(f"cam-{n}" for n in range(7)), "lone"]
PARENTS = {"sw-a": "box", "sw-b": "box", **{f"cam-{n}": "sw-a" if n < 4 else "sw-b" for n in range(7)}}
FAULTS = ("unreachable", "no_media", "silent", "black")
SECONDS = 240


def history(seed: int) -> list:
    """Faults that come and go, alone and together, devices that move, commands; with a tick (or none) a second."""
    rng = random.Random(seed)
    items: list = []
    for device in DEVICES:
        kind = {"box": "power", "sw-a": "switch", "sw-b": "switch"}.get(device, "camera")
        items.append(placed(device, PARENTS.get(device, ""), kind, second=rng.random()))
    open_faults: dict[tuple[str, str], int] = {}
    turns: dict[tuple[str, str], int] = {}
    for second in range(2, SECONDS):
        happening: list[tuple[str, str, bool]] = []
        if rng.random() < 0.2:
            happening = [(rng.choice(DEVICES), rng.choice(FAULTS), rng.random() < 0.5)]
        if rng.random() < 0.06:
            parent, falling = rng.choice(["box", "sw-a", "sw-b"]), rng.random() < 0.4
            family = [d for d in DEVICES if parent in (d, PARENTS.get(d), PARENTS.get(PARENTS.get(d, ""), ""))]
            happening += [(d, fault, falling) for d in family for fault in FAULTS[: 1 if falling else 3]]
        for device, fault, falling in happening:
            key, moment = (device, fault), second + round(rng.random(), 3)
            if falling and key not in open_faults and rng.random() < 0.9:
                turns[key] = open_faults[key] = turns.get(key, 0) + 1
                items.append(confirmed(device, moment, fault, turns[key]))
            elif not falling and key in open_faults and rng.random() < 0.9:
                items.append(cleared(device, moment, fault, open_faults.pop(key)))
        if rng.random() < 0.02:
            device, parent = rng.choice(DEVICES), rng.choice([*DEVICES, ""])
            items.append(placed(device, parent, second=second + 0.5, command=f"place-{second}"))
        if rng.random() < 0.05:
            device = rng.choice(DEVICES)
            verb = rng.choice([Verb.ACCEPT_TICKET, Verb.ACKNOWLEDGE_ALERT])
            items.append(city.commands([(device, at(second + 0.7), f"c-{second}", verb, "0" * 32, {})]))
    rows = ticked(items, SECONDS)
    return [
        row for row in rows if not isinstance(row, TickBatch) or rng.random() < 0.9 or instant(row) > at(SECONDS - 2)
    ]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_neither_interleaving_nor_batching_changes_an_event(seed: int, cut: int) -> None:
    rows = history(seed)
    assert shuffled(rows, cut).told() == shuffled(rows, 0).told()


@settings(max_examples=8)
@given(st.integers(0, 2**32))
def test_the_state_survives_its_stored_form(seed: int) -> None:
    rows = history(seed)
    assert shuffled(rows, seed, reload=True).told() == shuffled(rows, 0).told()


def test_a_partition_without_some_ticks_changes_nothing_but_when_it_is_said() -> None:
    """Only the instants of rows and of waiting count, not which ticks a partition was given."""
    rows = [*(placed(f"cam-{n}", "sw") for n in range(4)), *(confirmed(f"cam-{n}", 20 + n) for n in range(3))]
    every = Town().live(rows, 60)
    town, queues = Town(), spread(ticked(rows, 60))
    for p, queue in enumerate(queues):
        kept = [item for item in queue if not isinstance(item, TickBatch) or instant(item) not in _left_out(p)]
        town.feed(p, kept)
    assert [event.to_json() for event in town.of(*INCIDENT_KINDS)] == [e.to_json() for e in every.of(*INCIDENT_KINDS)]


INCIDENT_KINDS = (EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CHANGED, EventKind.FAULT_RELEASED)


def _left_out(partition: int) -> set[int]:
    return {at(second) for second in range(30, 50) if second % PARTITIONS == partition}


def test_the_histories_hold_what_the_laws_are_about() -> None:
    kinds = {event.kind for seed in range(3) for event in shuffled(history(seed), 1).events}
    wanted = {*INCIDENT_KINDS, EventKind.INCIDENT_CLOSED, EventKind.TOPOLOGY_CHANGED, EventKind.COMMAND_REFUSED}
    assert wanted <= kinds
    ends = {e.data["reason"] for seed in range(6) for e in shuffled(history(seed), 1).of(EventKind.INCIDENT_CLOSED)}
    assert ends >= {"restored", "absorbed"}


def test_every_alert_has_its_fault_or_incident_and_ids_are_given_once() -> None:
    for seed in range(4):
        town = shuffled(history(seed), 5)
        assert len({event.id for event in town.events}) == len(town.events)
        opened, resolved = town.of(EventKind.ALERT_OPENED), town.of(EventKind.ALERT_RESOLVED)
        assert {event.cause for event in resolved} <= {event.cause for event in opened}
        tickets = {event.cause for event in town.of(EventKind.TICKET_FILED, EventKind.TICKET_REOPENED)}
        assert tickets == {event.cause for event in opened}
        joined = {
            child["cause"]
            for event in town.of(EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CHANGED)
            for child in event.data.get("children", event.data.get("joined"))
        }
        left = town.of(EventKind.FAULT_RELEASED)
        outlived = {event.cause for event in left if event.data["why"] == "outlived"}
        assert joined & tickets == outlived, "a child has a ticket of its own only when it outlived the incident"


# through the log


class Looks:
    """The real step, and rows of a made-up kind beside it: an acknowledgement that stands for a rule's event."""

    def __init__(self) -> None:
        self._inner = CityStep(load("cn-gross"))
        self.events: dict[str, Event] = {}

    def step(self, state, batch: Batch):
        if batch.KIND == "commands" and batch.verb[0] == "event":  # type: ignore[attr-defined]
            events = [self.events[command] for command in batch.command]  # type: ignore[attr-defined]
            return state, list(self._inner._judged(state, events))
        return self._inner.step(state, batch)

    def row(self, event: Event) -> Batch:
        self.events[event.id] = event
        row = city.commands([(event.device, event.at_ns, event.id, Verb.NOTE_TICKET, "", {})])
        object.__setattr__(row, "verb", ("event",))
        return row


def filled(log: MemoryLog, step: Looks, rows: list) -> None:
    door = LogDoor(log, "test")
    for item in rows:
        if isinstance(item, TickBatch):
            door.broadcast(item)
        else:
            door.append(step.row(item) if isinstance(item, Event) else item)


def logged(log: MemoryLog) -> list[str]:
    streams = dict.fromkeys((*range(log.partitions), INCIDENTS), ORIGIN)
    found = log.read_events(streams, most=100_000, block_ms=0)
    return sorted(event.to_json() for events in found.values() for _, event in events)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rerun_gives_the_same_events_byte_for_byte(seed: int) -> None:
    rows, step = history(seed), Looks()
    log = MemoryLog(PARTITIONS)
    filled(log, step, rows)
    processor = Processor(log, step, NullMeter(), ManualClock())
    stage = IncidentStage(log, IncidentStep(POLICY), NullMeter())
    while processor.turn(0) + stage.turn(0):
        pass
    again = sorted(event.to_json() for event in rerun_log([], {}, log, step, IncidentStep(POLICY)))
    assert again == logged(log) == shuffled(rows, 0).told()


def test_two_owners_and_lost_answers_change_nothing() -> None:
    rows, step = history(3), Looks()
    log = MemoryLog(PARTITIONS)
    filled(log, step, rows)
    processors = [Processor(log, step, NullMeter(), ManualClock()) for _ in range(2)]
    stages = [IncidentStage(log, IncidentStep(POLICY), NullMeter()) for _ in range(2)]
    rng = random.Random(4)
    idle = 0
    while idle < 12:
        owner = rng.choice([*processors, *stages])
        idle = 0 if owner.turn(0) else idle + 1
    assert logged(log) == shuffled(rows, 0).told()


def test_a_partition_that_is_full_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed on fills up as long as another partition has no ticks: that one must go on, or none ever would."""
    monkeypatch.setattr("citywatch.flow.processor.MAX_ENTRIES", 1)
    log = MemoryLog(2, limits=LogLimits(events_entries=3))
    door = LogDoor(log, "test")
    mine, other = (next(n for n in "abcdefgh" if partition_of(n, 2) == p) for p in (0, 1))
    processor = Processor(log, CityStep(load("cn-gross")), NullMeter(), ManualClock())
    for number in range(5):
        door.append(placed(mine, f"p{number}", second=number))
    for _ in range(3):
        assert processor.turn(0) == 1
    door.append(placed(other, "q"))
    with pytest.raises(LogFull):
        processor.turn(0)
    assert log.load(1)[0] > ORIGIN
    last = log.read_onward({0: ORIGIN}, most=9, block_ms=0)[0][-1].position
    log.trim(0, readings_below=ORIGIN, events_below=last, onward_below=last)
    assert processor.turn(0) == 1
