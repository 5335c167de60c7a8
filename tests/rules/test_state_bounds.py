"""The bounds of a device's states, and the pictures beside a fault: what people are shown and paid by."""

from __future__ import annotations

import numpy as np

from citywatch.domain.devices import Device, DeviceKind, DeviceState
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Outcome
from citywatch.domain.pulses import PulseBatch
from citywatch.domain.state import State
from citywatch.rules import cameras, devices, liveness
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.confirmations import alike
from citywatch.rules.faults import Confirmation
from citywatch.rules.liveness import LivenessPolicy
from citywatch.sla.availability import StateChange, availability
from citywatch.testing.rows import frames

CAMERA, SCALE, DOOR = "cam-1", "st/d1/l1", "observer:http"
GOOD, BLACK, WHITE = 120.0, 5.0, 250.0
UNKNOWN_AFTER_S = 100
POLICY = CameraPolicy(alike(Confirmation()), unknown_after_seconds=UNKNOWN_AFTER_S)


class City:
    """One camera and one scale with a heartbeat every 10 s; seconds in, events out."""

    def __init__(self) -> None:
        self.state = State()
        self.events = []
        devices.register(self.state, Device(SCALE, DeviceKind.SCALE, heartbeat_s=10), at_ns=0, command="")

    def look(self, second: int, mean: float, outcome: Outcome = Outcome.PICTURE) -> None:
        batch = frames([(CAMERA, second * NS_PER_S, second, outcome, mean, 0.5)])
        self.events += cameras.on_looks(self.state, batch, POLICY)

    def pulse(self, second: int, device: str = SCALE) -> None:
        batch = PulseBatch((device,), np.array([second * NS_PER_S], np.int64), (DOOR,))
        self.events += liveness.on_pulses(self.state, batch, LivenessPolicy())

    def tick(self, second: int) -> None:
        self.pulse(second, DOOR)
        self.events += liveness.on_tick(self.state, second * NS_PER_S, LivenessPolicy())
        self.events += cameras.on_tick(self.state, second * NS_PER_S, POLICY)

    def states(self, device: str) -> list[tuple[str, int, int]]:
        """(state, worst bound, best bound), bounds in seconds."""
        return [
            (event.data["state"], event.data["worst_from_ns"] // NS_PER_S, event.data["best_from_ns"] // NS_PER_S)
            for event in self.events
            if event.kind is EventKind.DEVICE_STATE and event.device == device
        ]

    def figure(self, device: str, from_s: int, to_s: int):
        changes = [
            StateChange(DeviceState(state), worst_s * NS_PER_S, best_s * NS_PER_S)
            for state, worst_s, best_s in self.states(device)
        ]
        return availability(changes, from_s * NS_PER_S, to_s * NS_PER_S, known_until_ns=to_s * NS_PER_S)

    def only(self, kind: EventKind):
        (event,) = [event for event in self.events if event.kind is kind]
        return event


def test_the_picture_beside_a_fault_is_the_last_from_before_it():
    city = City()
    for second, mean in ((1, GOOD), (2, GOOD), (3, BLACK), (4, BLACK)):
        city.look(second, mean)
    fault = city.only(EventKind.FAULT_CONFIRMED)
    assert fault.data["picture"] == f"{4:064x}"
    assert fault.data["previous"] == f"{2:064x}"


def test_a_repaired_camera_was_down_between_its_looks():
    city = City()
    for second, mean in ((10, GOOD), (20, BLACK), (30, BLACK), (40, GOOD), (50, GOOD)):
        city.look(second, mean)
    assert city.states(CAMERA) == [("up", 10, 10), ("down", 10, 20), ("up", 40, 30)]


def test_a_suspicion_that_came_to_nothing_does_not_lengthen_the_fault():
    city = City()
    # the second good look after the repair is white by a headlight, once
    for second, mean in ((10, GOOD), (20, BLACK), (30, BLACK), (40, GOOD), (50, WHITE), (60, GOOD)):
        city.look(second, mean)
    assert city.only(EventKind.FAULT_CLEARED).at_ns == 50 * NS_PER_S
    assert city.states(CAMERA)[-1] == ("up", 60, 30)


def test_a_fault_that_follows_another_keeps_the_camera_down_all_along():
    city = City()
    for second, mean in ((10, GOOD), (20, BLACK), (30, BLACK), (40, WHITE), (50, WHITE), (60, GOOD), (70, GOOD)):
        city.look(second, mean)
    assert city.states(CAMERA) == [("up", 10, 10), ("down", 10, 20), ("up", 60, 50)]


def test_nobody_looked_for_a_while_and_that_while_stays_unknown():
    city = City()
    for second, mean in ((10, GOOD), (20, BLACK), (30, BLACK)):
        city.look(second, mean)
    city.tick(200)
    for second in (1000, 1010):
        city.look(second, GOOD)
    assert city.states(CAMERA) == [("up", 10, 10), ("down", 10, 20), ("unknown", 30, 30), ("up", 1000, 1000)]
    figure = city.figure(CAMERA, 30, 1030)
    assert figure.worst == figure.best
    assert figure.best.unknown_ns == 970 * NS_PER_S


def test_a_fault_found_after_a_while_without_looks_is_not_dated_into_it():
    city = City()
    city.look(10, GOOD)
    city.tick(200)
    for second in (1000, 1010):
        city.look(second, BLACK)
    assert city.states(CAMERA) == [("up", 10, 10), ("unknown", 10, 10), ("down", 1000, 1000)]
    assert city.only(EventKind.FAULT_CONFIRMED).data["last_good_ns"] == 10 * NS_PER_S


def test_a_silence_that_outlasts_a_restart_is_down_before_and_after_it():
    city = City()
    city.pulse(5)
    for second in (*range(1, 61), *range(600, 701)):
        city.tick(second)
    # down until the last tick that saw it silent, unknown while we were away, down again after a whole time-out
    assert city.states(SCALE) == [("up", 5, 5), ("down", 5, 15), ("unknown", 60, 60), ("down", 600, 610)]
    city.only(EventKind.FAULT_CONFIRMED)
    city.pulse(701)
    assert city.states(SCALE)[-1] == ("up", 701, 700)
    assert city.figure(SCALE, 15, 60).best.down_ns == 45 * NS_PER_S


def test_a_silence_that_began_while_nobody_listened_is_not_dated_into_that_time():
    city = City()
    city.pulse(5)
    for second in (*range(1, 10), *range(600, 640)):
        city.tick(second)
    assert city.states(SCALE) == [("up", 5, 5), ("unknown", 5, 5), ("down", 600, 610)]
    fault = city.only(EventKind.FAULT_CONFIRMED)
    assert (fault.data["last_good_ns"], fault.data["first_bad_ns"]) == (5 * NS_PER_S, 610 * NS_PER_S)


def test_a_silence_that_ends_while_nobody_knows_leaves_that_time_unknown():
    city = City()
    city.pulse(5)
    for second in (*range(1, 61), *range(600, 610)):
        city.tick(second)
    city.pulse(610)
    assert city.states(SCALE)[-2:] == [("unknown", 60, 60), ("up", 610, 610)]


def test_heartbeats_say_nothing_about_the_state_of_a_camera_that_is_looked_at():
    city = City()
    devices.register(city.state, Device(CAMERA, DeviceKind.CAMERA, heartbeat_s=10), at_ns=0, command="")
    for second in (1, 2):
        city.look(second, BLACK)
    city.pulse(5, CAMERA)
    for second in (*range(6, 60), *range(200, 260)):
        city.tick(second)
    assert [state for state, _, _ in city.states(CAMERA)] == ["down", "unknown"]
    faults = [event for event in city.events if event.kind is EventKind.FAULT_CONFIRMED and event.device == CAMERA]
    assert [event.data["fault"] for event in faults] == ["black", "silent"]
