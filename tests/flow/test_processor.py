"""The processor on a log in memory: poison, lost answers, other owners, late rows."""

from __future__ import annotations

from collections import Counter

import pytest

from citywatch.domain.columns import Batch
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.errors import LogUnavailable
from citywatch.flow.door import LogDoor
from citywatch.flow.lateness import CountingStep
from citywatch.flow.processor import Processor
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.ports import ORIGIN, Commit
from citywatch.telemetry import METRICS
from citywatch.testing import rows as city
from citywatch.testing.clocks import ManualClock
from citywatch.testing.memory_log import MemoryLog

LAW = load("cn-gross")
HEAVY, LAWFUL = [20_000] * 3, [5_000, 6_000]


class CountingMeter:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        assert set(labels) == set(METRICS[name].labels)
        self.counts[name] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        assert name in METRICS

    observe = gauge


class Poisoned:
    """A step with a rule that cannot bear one record; it changes state before it fails, as a real one would."""

    def __init__(self, number: int) -> None:
        self._inner = CityStep(LAW)
        self._number = number

    def step(self, state: State, batch: Batch) -> tuple[State, list[Event]]:
        state.put("half", "done", {"rows": len(batch)})
        if batch.KIND == "passes" and self._number in batch.digest[:, 1].tolist():  # type: ignore[attr-defined]
            raise ZeroDivisionError("a rule with a mistake in it")
        state.drop("half", "done")
        return self._inner.step(state, batch)


def drained(log: MemoryLog, step: object, meter: CountingMeter | None = None) -> list[Event]:
    processor = Processor(log, step, meter or CountingMeter(), ManualClock())  # type: ignore[arg-type]
    while processor.turn(0):
        pass
    return [event for _, event in log.read_events({0: ORIGIN}, most=10_000, block_ms=0).get(0, ())]


def heavy(numbers: range) -> Batch:
    return city.passes([("st/d1/l1", city.START_NS + n * NS_PER_S, n, HEAVY) for n in numbers])


@pytest.mark.parametrize("poisoned", [0, 3, 6])
def test_a_poisoned_row_stands_alone_and_nothing_else_is_disturbed(poisoned: int) -> None:
    log = MemoryLog(1)
    LogDoor(log, "test").append(heavy(range(7)))
    events = drained(log, Poisoned(poisoned))
    (dead,) = [event for event in events if event.kind is EventKind.ROW_DEAD]
    assert (dead.data["row"], dead.data["kind"]) == (poisoned, "passes")
    assert "ZeroDivisionError" in dead.data["reason"]
    assert sum(event.kind is EventKind.OVERLOADED for event in events) == 6
    assert not [key for key in log.load(0)[1] if key.startswith("half/")]


def test_what_cannot_be_decoded_is_a_dead_letter_and_the_rest_goes_on() -> None:
    log = MemoryLog(1)
    door = LogDoor(log, "test")
    door.append(heavy(range(1)))
    log._partitions[0].readings[0] = log._partitions[0].readings[0]._replace(blob=b"CWB1 no blob at all")
    door.append(heavy(range(1, 2)))
    kinds = [event.kind for event in drained(log, CityStep(LAW))]
    assert kinds.count(EventKind.ROW_DEAD) == 1
    assert kinds.count(EventKind.OVERLOADED) == 1


def test_a_lost_answer_is_settled_by_what_the_log_holds() -> None:
    """The commit counted, its answer did not come: nothing is done twice, nothing is left out."""

    class Forgetful(MemoryLog):
        lose = True

        def commit(self, partition: int, commit: Commit) -> None:
            super().commit(partition, commit)
            if self.lose:
                self.lose = False
                raise LogUnavailable("the answer was lost")

    log = Forgetful(1)
    LogDoor(log, "test").append(heavy(range(3)))
    processor = Processor(log, CityStep(LAW), CountingMeter(), ManualClock())
    with pytest.raises(LogUnavailable):
        processor.turn(0)
    while processor.turn(0):
        pass
    twin = MemoryLog(1)
    LogDoor(twin, "test").append(heavy(range(3)))
    assert drained(log, CityStep(LAW)) == drained(twin, CityStep(LAW))


def test_of_two_owners_only_one_is_heard() -> None:
    log, meter = MemoryLog(1), CountingMeter()
    door = LogDoor(log, "test")
    one, other = (Processor(log, CityStep(LAW), meter, ManualClock()) for _ in range(2))
    for n in range(8):
        door.append(heavy(range(n, n + 1)))
        one.turn(0)
        other.turn(0)
        if n % 3 == 0:
            one, other = other, one
    while one.turn(0) + other.turn(0):
        pass
    events = drained(log, CityStep(LAW))
    assert sum(event.kind is EventKind.OVERLOADED for event in events) == 8
    assert len({event.id for event in events}) == len(events)
    assert meter.counts["processor_fenced_total"] > 0


def test_late_rows_are_counted_and_decided() -> None:
    log, meter = MemoryLog(1), CountingMeter()
    late = [("st/d1/l1", city.START_NS + second * NS_PER_S, second, HEAVY) for second in (5, 1, 3, 9)]
    LogDoor(log, "test").append(city.passes(late))
    events = drained(log, CountingStep(CityStep(LAW), meter), meter)
    assert sum(event.kind is EventKind.OVERLOADED for event in events) == 4
    assert meter.counts["late_rows_total"] == 2


def test_lawful_traffic_makes_no_events() -> None:
    log = MemoryLog(1)
    LogDoor(log, "test").append(city.passes([("st/d1/l1", city.START_NS, 1, LAWFUL)]))
    kinds = {event.kind for event in drained(log, CityStep(LAW))}
    assert kinds == {EventKind.DEVICE_REGISTERED, EventKind.DEVICE_STATE}
