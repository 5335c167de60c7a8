"""Silence: only as far as somebody was listening."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.devices import Device, DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pulses import PulseBatch
from citywatch.domain.state import State
from citywatch.kernels import liveness as kernel
from citywatch.rules import cameras, devices, liveness
from citywatch.rules.liveness import LivenessPolicy

DOOR = "observer:http"
SCALE = "st/d1/l1"
POLICY = LivenessPolicy(missed_heartbeats=3, gap_seconds=5)
Device_ = tuple[int, int, int]
"""Last seen, time-out, observer."""


def naive_sweep(now: int, rows: list[Device_], covered: list[int], told: list[int]) -> list[int]:
    out = []
    for (last, allowed, observer), before in zip(rows, told, strict=True):
        verdict = kernel.HEARD
        if now - last > allowed:
            verdict = kernel.SILENT if covered[observer] <= now - allowed else kernel.NOT_KNOWN
        out.append(verdict if verdict != before else -1)
    return out


@given(
    st.lists(st.integers(0, 10**18), min_size=2, max_size=3),
    st.lists(st.tuples(st.integers(0, 10**18), st.integers(0, 10**12), st.integers(0, 2)), max_size=20),
    st.lists(st.integers(0, 10**18), min_size=3, max_size=3),
)
def test_sweep_equals_its_naive_twin(instants: list[int], rows: list[Device_], covered: list[int]) -> None:
    last, allowed = (np.array([row[i] for row in rows], np.int64) for i in range(2))
    observer = np.array([row[2] for row in rows], np.int32)
    told, moved = np.full(len(rows), kernel.ASK, np.uint8), np.zeros(len(rows), np.int32)
    for now in instants:
        before = told.tolist()
        count = kernel.sweep(now, last, allowed, observer, np.array(covered, np.int64), told, moved)
        expected = naive_sweep(now, rows, covered, before)
        assert moved[:count].tolist() == [i for i, verdict in enumerate(expected) if verdict >= 0]
        assert told.tolist() == [b if e < 0 else e for b, e in zip(before, expected, strict=True)]


class Station:
    """One scale that promises a heartbeat every 10 s; seconds in, kinds of events out."""

    def __init__(self) -> None:
        self.state = State()
        self.events: list[Event] = []
        devices.register(self.state, Device(SCALE, DeviceKind.SCALE, heartbeat_s=10), at_ns=0, command="")

    def pulse(self, second: int, device: str = SCALE) -> None:
        batch = PulseBatch((device,), np.array([second * NS_PER_S], np.int64), (DOOR,))
        self.events += liveness.on_pulses(self.state, batch, POLICY)

    def second(self, second: int, *, door: bool = True) -> None:
        if door:
            self.pulse(second, DOOR)
        self.events += liveness.on_tick(self.state, second * NS_PER_S, POLICY)

    def story(self) -> list[tuple[str, str]]:
        return [
            (event.kind.value, event.data.get("fault") or event.data.get("state", ""))
            for event in self.events
            if event.kind is not EventKind.DEVICE_REGISTERED
        ]


def test_silent_after_three_missed_heartbeats_and_up_again() -> None:
    city = Station()
    for second in range(1, 60):
        if second == 5:
            city.pulse(5)
        city.second(second)
    assert city.story() == [("device_state", "up"), ("fault_confirmed", "silent"), ("device_state", "down")]
    fault, down = city.events[-2:]
    assert fault.at_ns == 36 * NS_PER_S
    assert (fault.data["last_good_ns"], fault.data["first_bad_ns"]) == (5 * NS_PER_S, 15 * NS_PER_S)
    assert (down.data["worst_from_ns"], down.data["best_from_ns"]) == (5 * NS_PER_S, 15 * NS_PER_S)
    city.pulse(60)
    assert city.story()[3:] == [("fault_cleared", "silent"), ("device_state", "up")]
    assert city.events[-1].data["best_from_ns"] == 59 * NS_PER_S


def test_a_deaf_observer_makes_unknown_never_down() -> None:
    city = Station()
    for second in range(1, 100):
        if second == 5:
            city.pulse(5)
        city.second(second, door=not 20 <= second <= 70)
    assert ("device_state", "unknown") in city.story()
    # Only when the door has listened through a whole time-out again may anything be called silent.
    confirmed = [event for event in city.events if event.kind is EventKind.FAULT_CONFIRMED]
    assert all(event.at_ns >= (71 + 30) * NS_PER_S for event in confirmed)


def test_a_gap_in_the_ticks_makes_unknown_never_down() -> None:
    city = Station()
    city.pulse(5)
    for second in [*range(1, 20), *range(60, 80)]:
        city.second(second)
    assert [kind for kind, _ in city.story()] == ["device_state", "device_state"]
    assert city.story()[-1] == ("device_state", "unknown")


def test_a_heartbeat_does_not_make_a_camera_that_is_looked_at_see() -> None:
    city = Station()
    devices.register(city.state, Device("camera/x", DeviceKind.CAMERA), at_ns=0, command="")
    look = {"history": None, "last_look_ns": 1, "faults": {}, "good": {}}
    city.state.put(cameras.ROOM, "camera/x", look)
    list(devices.change(city.state, "camera/x", DeviceState.DOWN, worst_from_ns=1, best_from_ns=1, reason="", at_ns=1))
    city.pulse(5, "camera/x")
    assert city.story() == []
    row = city.state.get(devices.ROOM, "camera/x")
    assert row is not None
    assert row["state"] == "down"


@pytest.mark.parametrize("late_ns", [0, 1, 4 * NS_PER_S])
def test_a_late_heartbeat_never_turns_time_back(late_ns: int) -> None:
    city = Station()
    city.pulse(50)
    batch = PulseBatch((SCALE,), np.array([50 * NS_PER_S - late_ns], np.int64), (DOOR,))
    city.events += liveness.on_pulses(city.state, batch, POLICY)
    row = city.state.get(liveness.ROOM, SCALE)
    assert row is not None
    assert row["last_ns"] == 50 * NS_PER_S


def test_a_tick_reads_and_writes_only_what_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand scales of which ten have been silent for long: no tick walks over them, or writes a row of them."""
    city = Station()
    for number in range(1000):
        devices.register(city.state, Device(f"st{number}/d1/l1", DeviceKind.SCALE, heartbeat_s=10), at_ns=0, command="")
    for second in range(1, 80):
        city.pulse(second, DOOR)
        if second % 8 == 0:
            for number in range(10, 1000):
                city.pulse(second, f"st{number}/d1/l1")
        city.events += liveness.on_tick(city.state, second * NS_PER_S, POLICY)
    assert sum(event.kind is EventKind.FAULT_CONFIRMED for event in city.events) == 11
    city.state.changes()
    walked: list[str] = []
    room = city.state.room
    monkeypatch.setattr(city.state, "room", lambda name: (walked.append(name), room(name))[1])
    for second in range(80, 83):
        city.second(second)
    assert set(walked) <= {liveness.OBSERVERS}
    assert set(city.state.changes()) == {f"observer/{DOOR}", "clock/clock"}


@pytest.mark.parametrize("how", ["undone", "loaded"])
def test_the_columns_are_made_anew_of_the_rows(how: str) -> None:
    """After an undo, or from the log's rows, the same silences begin and end, back-dated to the same instants."""

    def lived(*, disturbed: bool) -> list[Event]:
        city = Station()
        for second in range(1, 120):
            if disturbed and second % 7 == 0 and how == "undone":
                city.state.mark()
                list(liveness.on_tick(city.state, second * NS_PER_S, POLICY))
                city.state.undo()
            elif disturbed and second % 7 == 0:
                city.state = State.load(city.state.snapshot())
            if second in (5, 50):
                city.pulse(second)
            city.second(second, door=not 90 <= second < 110)
        city.pulse(120)
        return city.events

    assert lived(disturbed=True) == lived(disturbed=False)


def test_who_promises_heartbeats_no_longer_was_silent_up_to_the_last_tick_that_said_so() -> None:
    city = Station()
    city.pulse(5)
    for second in range(1, 60):
        city.second(second)
    devices.register(city.state, Device(SCALE, DeviceKind.SCALE, heartbeat_s=0), at_ns=0, command="")
    for second in range(60, 70):
        city.second(second)
    city.pulse(70)
    cleared = next(event for event in city.events if event.kind is EventKind.FAULT_CLEARED)
    assert cleared.data["last_bad_ns"] == 59 * NS_PER_S


def test_rows_of_the_release_before_go_on_as_they_would_have() -> None:
    """They do not say that a silence stands; the first tick finds it again."""

    def lived(*, upgraded: bool) -> list[Event]:
        city = Station()
        for second in range(1, 80):
            if second == 5:
                city.pulse(5)
            if upgraded and second == 50:
                city.state = State.load(city.state.snapshot())
                row = dict(city.state.get(liveness.ROOM, SCALE) or {})
                assert row.pop(liveness.STANDS)
                city.state.put(liveness.ROOM, SCALE, {**row, "fault": {**row["fault"], "last_bad_ns": 49 * NS_PER_S}})
            city.second(second)
        city.pulse(80)
        return city.events

    assert lived(upgraded=True) == lived(upgraded=False)
