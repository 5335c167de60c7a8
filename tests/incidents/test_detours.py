"""Detours: joined over the partitions of several stations, told when they repeat, forgotten in time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from citywatch.alerts.policy import AlertPolicy
from citywatch.domain.commands import Verb
from citywatch.domain.devices import partition_of
from citywatch.domain.events import Event, EventKind
from citywatch.domain.incidents import SIGHTING, Onward
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch
from citywatch.domain.state import State
from citywatch.flow import onward
from citywatch.flow.desks import Desks
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules import detours
from citywatch.rules.detours import DetourPolicy, Route
from citywatch.rules.scales import ScalePolicy
from citywatch.testing import rows as city

POLICY = DetourPolicy((Route("W", ("A",), ("B", "C")),), b"key")
PARTITIONS = 3
START, MINUTE, DAY = 1_767_225_600, 60, 86_400
PLATE = "湘A12345"


class Road:
    """Stations A (before), W (the scale), B and C (behind) in partitions of their own, and the incident stage."""

    def __init__(self, policy: DetourPolicy = POLICY) -> None:
        self.step = CityStep(load("cn-gross"), scales=ScalePolicy(detours=policy))
        self.stage_step = IncidentStep(desks=Desks(alerts=AlertPolicy(overload_hold_seconds=600)), detours=policy)
        self.states = [State() for _ in range(PARTITIONS)]
        self.stage = State()
        self.events: list[Event] = []
        self.now = 0
        self.number = 0

    def at(self, second: int, station: str = "", plate: str = PLATE, gross_kg: int = 20_000) -> None:
        """Time goes on to `second`, with a tick; somebody is seen at a station, and there is another tick."""
        self.now = max(second, self.now)
        self.tick()
        if station:
            self.number += 1
            device = f"{station}/d1/l1"
            self.feed(partition_of(device, PARTITIONS), _sighting(device, second, plate, gross_kg, self.number))
            self.now += 1
            self.tick()

    def tick(self) -> None:
        for partition in range(PARTITIONS):
            self.feed(partition, city.tick((START + self.now) * NS_PER_S))

    def feed(self, partition: int, batch: Any) -> None:
        self.step.step(self.states[partition], batch)
        handed_on = onward.taken(self.states[partition])
        if handed_on is not None:
            self.stage_step.take(self.stage, partition, handed_on)
            self.events += self.stage_step.advance(self.stage, PARTITIONS)

    def trip(self, day: int, *stations: str, plate: str = PLATE, others: int = 5) -> None:
        """A way over these stations, ten minutes apart, while `others` are seen at the scale."""
        begin = day * DAY
        sights = [(begin + 10 * MINUTE * i, station, plate) for i, station in enumerate(stations)]
        sights += [(begin + (2 + i) * MINUTE, "W", f"鄂X0000{i}") for i in range(others)]
        for second, station, seen in sorted(sights, key=lambda sight: sight[0]):
            self.at(second, station, seen)
        self.at(begin + 60 * MINUTE)

    def told(self) -> list[Event]:
        return [event for event in self.events if event.kind is EventKind.EVASION_SUSPECTED]


def _sighting(device: str, second: int, plate: str, gross_kg: int, number: int) -> PassBatch:
    weighs = gross_kg > 0
    return PassBatch.of(
        device=(device,),
        at_ns=np.array([(START + second) * NS_PER_S], np.int64),
        received_ns=np.zeros(1, np.int64),
        digest=np.array([[3, number]], np.uint64),
        axle_count=np.array([2], np.int16),
        gross_kg=np.array([gross_kg], np.int32),
        speed_mps=np.array([20.0]),
        length_mm=np.array([7_000], np.int32),
        axle_kg=np.array([[gross_kg // 2, gross_kg // 2] if weighs else [0, 0]], np.int32),
        spacing_mm=np.array([[4_400, 0]], np.int32),
        plate=(plate,),
    )


def test_four_detours_are_told_once_with_all_there_is_to_know() -> None:
    road = Road()
    for day in range(6):
        road.trip(day, "A", "B" if day % 2 else "C")
    (event,) = road.told()
    assert event.data["evasion"] == "detour"
    assert event.data["plate"] == PLATE
    assert event.data["measurements"]["scale"] == "W"
    assert (event.data["measurements"]["detours"], event.data["measurements"]["trips"]) == (4, 4)
    (opened,) = [event for event in road.events if event.kind is EventKind.ALERT_OPENED]
    (resolved,) = [event for event in road.events if event.kind is EventKind.ALERT_RESOLVED]
    assert resolved.data["reason"] == "expired"
    assert resolved.at_ns - opened.at_ns <= 601 * NS_PER_S
    for day in range(6, 8):
        road.trip(day, "A", "B")
    assert len(road.told()) == 2, "four more"


def test_the_alert_can_be_acknowledged_where_its_lane_is() -> None:
    road = Road()
    for day in range(4):
        begin = day * DAY
        for second, station, plate in ((0, "A", PLATE), (120, "W", "鄂X1"), (130, "W", "鄂X2"), (140, "W", "鄂X3")):
            road.at(begin + second, station, plate)
        road.at(begin + 600, "B")
    road.at(road.now + 2)
    (opened,) = [event for event in road.events if event.kind is EventKind.ALERT_OPENED]
    at_ns = (START + road.now + 1) * NS_PER_S
    command = city.commands([(opened.device, at_ns, "c1", Verb.ACKNOWLEDGE_ALERT, opened.data["alert"], {})])
    road.feed(partition_of(opened.device, PARTITIONS), command)
    road.at(road.now + 2)
    road.at(road.now + 2)
    assert EventKind.ALERT_ACKNOWLEDGED in {event.kind for event in road.events}


@pytest.mark.parametrize(
    ("stations", "others"),
    [
        (("A", "W", "B"), 5),  # weighed
        (("A", "B"), 0),  # the scale has read nothing: nobody knows
        (("B", "A"), 5),  # the other way
        (("A",), 5),
    ],
)
def test_what_is_no_detour(stations: tuple[str, ...], others: int) -> None:
    road = Road()
    for day in range(8):
        road.trip(day, *stations, others=others)
    assert road.told() == []


def test_a_lane_of_the_scale_that_was_cut_off_makes_no_detours() -> None:
    """Its records come at last, and then nobody has gone around."""
    road = Road()
    for day in range(8):
        road.trip(day, "A", "B")
        if day == 2:
            for earlier in range(3):
                road.at(earlier * DAY + 5 * MINUTE, "W")
        elif day > 2:
            road.at(day * DAY + 5 * MINUTE, "W")
    assert road.told() == []


def test_rows_of_an_earlier_version_are_read() -> None:
    road = Road()
    road.trip(0, "A", "B")
    ((name, row),) = [one for one in road.stage.room(detours.PLATES) if one[1]["trips"]]
    row = {**row, "scale_ns": 0, "trips": [trip[:2] for trip in row["trips"]]}
    road.stage.put(detours.PLATES, name, {key: value for key, value in row.items() if key != "scales_ns"})
    for day in range(1, 4):
        road.trip(day, "A", "B")
    assert len(road.told()) == 1


def test_a_plate_misread_now_and_then_is_no_detour() -> None:
    road = Road()
    for day in range(20):
        road.trip(day, "A", *(() if day % 4 == 0 else ("W",)), "B")
    assert road.told() == []


def test_cars_and_roads_without_routes_hand_nothing_on() -> None:
    road = Road()
    road.at(10, "A", gross_kg=1_500)
    road.at(20, "Z")
    assert not list(road.stage.room(detours.PLATES))
    road.at(30, "A", gross_kg=0)
    road.at(40)
    assert len(list(road.stage.room(detours.PLATES))) == 1


def test_plates_are_hashes_and_are_forgotten() -> None:
    road = Road()
    road.trip(0, "A", "B")
    kept = b"".join(road.stage.snapshot().values()).decode() + " ".join(road.stage.snapshot())
    assert PLATE not in kept
    road.trip(40, "A", plate="湘B00001", others=0)
    names = [name for name, _ in road.stage.room(detours.PLATES)]
    assert len(names) == 1


def test_memory_is_bounded_and_says_what_it_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detours, "MOST_PLATES", 50)
    monkeypatch.setattr(detours, "_FORGET_AT_ONCE", 10)
    state = State()
    for i in range(200):
        told = {"station": "A", "plate": f"P{i}", "mark": f"{i:016x}", "axles": 2, "gross_kg": 9_000}
        row = Onward("A/d1/l1", i, i, SIGHTING, f"{i}", json.dumps(told))
        assert list(detours.on_sighting(state, row, told, POLICY)) == []
    assert state.size(detours.PLATES) <= 50
    assert detours.forgotten(state) == 150
    assert max(map(len, state.snapshot().values())) < 6_144
