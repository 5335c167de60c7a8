"""Labelled traffic over weigh stations: honest, with what makes honest traffic look guilty, and drivers who evade.

Written from how vehicles drive and how scales and cameras err, and knows nothing of the rules that look for evasion.
The same seed gives the same passes. All figures are made up to be plausible; only the share of misread and unread
plates, of slips of the side camera and of worn sensors matter for the proof, and they stand in `Ranges`.

A scene is some hundred or thousand passes of one station. Honest hard cases have a name in `case`: queue, platoon,
overtaking, lane_change, lifted, bus, towing, heavy_transport, behind_evader, wrong_plate, fleet. Evaders have their
kind in `evasion`; records of one vehicle share a number in `vehicle`.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise

import numpy as np

from citywatch.domain.devices import scale_device
from citywatch.domain.evasion import Evasion
from citywatch.domain.passes import PassBatch, ScaleStatus

START_NS = 1_767_225_600_000_000_000
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_ALPHANUMERIC = _LETTERS + "0123456789"
_PROVINCES = "湘粤鄂赣桂黔渝川豫皖"
_LOOP_M = 2.0


@dataclass(frozen=True, slots=True)
class Ranges:
    """From where to where things are drawn: (least, greatest). One set to tune by, another to score by."""

    name: str
    headway_s: tuple[float, float] = (4.0, 20.0)
    """Mean time between vehicles of a lane."""
    lane_bias: tuple[float, float] = (-0.10, 0.10)
    """Worn sensors: how far the left-hand share of a lane is off."""
    misread: float = 0.02
    unread: float = 0.03
    wrong_plate: float = 0.0005
    camera_slip: float = 0.015
    """Side camera off by one; a fifteenth of that, by two."""
    straddle_left: tuple[float, float] = (0.42, 0.58)
    partial_lost: tuple[float, float] = (0.55, 0.85)
    brake_mps2: tuple[float, float] = (2.2, 4.0)
    rush_mps2: tuple[float, float] = (1.4, 1.9)
    crawl_mps: tuple[float, float] = (0.4, 1.2)
    stand_s: tuple[float, float] = (10.0, 30.0)
    bumper_gap_m: tuple[float, float] = (0.5, 2.0)
    axle_gap_m: tuple[float, float] = (3.5, 8.0)
    reversing_mps: tuple[float, float] = (0.8, 2.5)
    twice_apart_s: tuple[float, float] = (6.0, 40.0)


TUNED = Ranges("tuned")
SCORED = Ranges(
    "scored",
    headway_s=(3.0, 30.0),
    lane_bias=(-0.13, 0.13),
    misread=0.025,
    unread=0.04,
    wrong_plate=0.0006,
    camera_slip=0.018,
    straddle_left=(0.36, 0.64),
    partial_lost=(0.45, 1.0),
    brake_mps2=(1.95, 5.0),
    rush_mps2=(1.25, 2.2),
    crawl_mps=(0.25, 1.3),
    stand_s=(7.5, 60.0),
    bumper_gap_m=(0.3, 2.3),
    axle_gap_m=(3.0, 9.0),
    reversing_mps=(0.5, 3.2),
    twice_apart_s=(4.5, 55.0),
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A kind of vehicle: axle shares, spacings in m, empty and full weight in t, length beyond its wheelbase in m."""

    name: str
    share: float
    shares: tuple[float, ...]
    spacings: tuple[float, ...]
    empty_t: float
    full_t: float
    overhang: float
    train: bool = False
    lifted: int = 0


_LAYOUTS = (
    _Layout("car", 0.42, (0.55, 0.45), (2.7,), 1.2, 2.1, 1.8),
    _Layout("van", 0.08, (0.45, 0.55), (3.4,), 2.2, 3.4, 2.2),
    _Layout("towing", 0.008, (0.35, 0.35, 0.30), (2.8, 4.6), 2.4, 3.4, 3.5, train=True),
    _Layout("towing", 0.004, (0.3, 0.3, 0.2, 0.2), (2.8, 4.8, 0.9), 2.8, 3.9, 4.0, train=True),
    _Layout("bus", 0.025, (0.36, 0.64), (6.1,), 11.0, 18.0, 5.9),
    _Layout("bus", 0.006, (0.30, 0.43, 0.27), (6.6, 1.4), 15.0, 23.0, 5.5),
    _Layout("truck", 0.10, (0.38, 0.62), (4.4,), 5.0, 17.5, 2.6),
    _Layout("truck", 0.04, (0.26, 0.37, 0.37), (4.3, 1.35), 9.0, 24.5, 2.8),
    _Layout("truck", 0.04, (0.2, 0.2, 0.3, 0.3), (1.85, 3.4, 1.35), 12.0, 30.5, 2.8),
    _Layout("truck", 0.02, (0.28, 0.27, 0.22, 0.23), (4.6, 5.4, 4.9), 12.0, 35.0, 3.0, train=True),
    _Layout("truck", 0.03, (0.15, 0.25, 0.2, 0.2, 0.2), (3.6, 6.4, 1.31, 1.31), 14.0, 42.0, 3.2, train=True),
    _Layout("truck", 0.16, (0.125, *(0.175,) * 5), (3.3, 1.35, 6.9, 1.31, 1.31), 15.0, 48.5, 3.2, train=True),
    _Layout("lifted", 0.04, (0.33, 0.33, 0.34), (3.6, 6.4), 13.0, 15.5, 5.8, train=True, lifted=2),
    _Layout("lifted", 0.02, (0.28, 0.32, 0.2, 0.2), (3.6, 7.7, 1.31), 13.5, 17.0, 4.5, train=True, lifted=1),
    _Layout("truck", 0.006, (0.16, 0.22, 0.22, 0.2, 0.2), (4.9, 1.35, 7.1, 5.2), 16.0, 40.0, 4.5, train=True),
    _Layout(
        "heavy_transport",
        0.0015,
        (0.07, 0.12, 0.12, *(0.69 / 7,) * 7),
        (3.4, 1.4, 6.2, *(1.36,) * 6),
        40.0,
        96.0,
        4.0,
        train=True,
    ),
)


@dataclass(slots=True)
class Vehicle:
    """One record as it will be told; distances in m, m/s, kg, and s from the scene's begin."""

    at: float
    direction: int
    lane: int
    number: int
    layout: _Layout
    speed: float
    axle_kg: list[float]
    left_kg: list[float]
    spacings: list[float]
    length: float
    plate: str
    rear: str
    acceleration: float = 0.0
    occupancy: float = 0.0
    travel: int = 1
    camera_axles: int = 0
    status: int = 0
    case: str = ""
    evasion: str = ""
    seen_front: str = ""
    seen_rear: str = ""
    keep_plates: bool = False
    aliases: dict[str, str] = field(default_factory=dict)

    @property
    def gross(self) -> float:
        return sum(self.axle_kg)

    @property
    def is_goods(self) -> bool:
        return self.gross > 4_500 and self.layout.name in ("truck", "lifted")


@dataclass(frozen=True)
class Scene:
    """Passes in the order of their arrival, and of each: `arrives_ns`, what it is, and whose.

    `evasion` is '' for honest passes, `case` the name of a hard case or ''.
    """

    passes: PassBatch
    arrives_ns: tuple[int, ...]
    evasion: tuple[str, ...]
    case: tuple[str, ...]
    vehicle: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Station:
    """What this station has."""

    lanes: int
    wheels: bool
    axle_speeds: bool
    rear_camera: bool
    side_camera: bool
    bias: dict[tuple[int, int], float]


def scenes(seed: int, count: int, ranges: Ranges, *, passes: int = 2_500, evaders: int = 24) -> Iterator[Scene]:
    """`count` scenes of about `passes` passes, each with about `evaders` evaders of changing kinds."""
    for number in range(count):
        yield scene(seed * 1_000_003 + number, ranges, passes=passes, evaders=evaders)


def scene(seed: int, ranges: Ranges, *, passes: int, evaders: int, kinds: Sequence[Evasion] = ()) -> Scene:
    """One station for some hours. `kinds`: only these evasions, all there are when empty."""
    return _Maker(seed, ranges).make(passes, evaders, kinds or tuple(_EVADING))


class _Maker:
    def __init__(self, seed: int, ranges: Ranges) -> None:
        self.rng = random.Random(seed)  # noqa: S311  (traffic, no secret)
        self.ranges = ranges
        self.seed = seed
        self.number = 0
        rural = self.rng.random() < 0.4
        lanes = 1 if rural else self.rng.choice((2, 2, 3))
        places = [(direction, lane) for direction in (1, 2) for lane in range(1, lanes + 1)]
        worn = self.rng.random() < 0.5
        self.station = _Station(
            lanes=lanes,
            wheels=self.rng.random() < 0.75,
            axle_speeds=self.rng.random() < 0.3,
            rear_camera=self.rng.random() < 0.7,
            side_camera=self.rng.random() < 0.7,
            bias={place: self.rng.uniform(*ranges.lane_bias) if worn else 0.0 for place in places},
        )
        self.traffic: dict[tuple[int, int], list[Vehicle]] = {place: [] for place in places}

    def make(self, passes: int, evaders: int, kinds: Sequence[Evasion]) -> Scene:
        mean = self.rng.uniform(*self.ranges.headway_s)
        span = passes * mean / len(self.traffic)
        for place in self.traffic:
            self._fill(place, span, mean)
        if self.station.lanes == 1:
            self._overtake(span)
        else:
            self._change_lanes()
        self._wrong_plates()
        for _ in range(evaders):
            _EVADING[self.rng.choice(list(kinds))](self)
        return self._told()

    # ---- honest traffic

    def _fill(self, place: tuple[int, int], span: float, mean: float) -> None:
        rng, lane = self.rng, self.traffic[place]
        now, jam_until, jam_speed = rng.expovariate(1 / mean), -1.0, 30.0
        free = rng.uniform(17.0, 25.0) - 1.5 * (place[1] - 1)
        platoon = 0
        while now < span:
            vehicle = self._vehicle(now, place, max(rng.gauss(free, 2.0), 9.0))
            if jam_until < now and rng.random() < 0.001:
                jam_until, jam_speed = now + rng.uniform(60, 400), vehicle.speed
            if now < jam_until:
                # The queue comes from ahead: everybody is slower than the one before, down to a walk and a stop.
                target = 0.4 + abs(rng.gauss(0, 2.5)) if now < jam_until - 40 else free
                after = jam_speed + max(-6.0, min(3.0, target - jam_speed))
                # What a goods vehicle can do is bounded by its engine, some 12 W a kg.
                most = 12 / jam_speed if vehicle.gross > 4_500 else 4.0
                vehicle.acceleration = min(rng.gauss((after - jam_speed) / 4, 0.5), most)
                vehicle.speed = jam_speed = max(after, 0.4)
                vehicle.case = "queue"
                vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed
                if vehicle.speed < 1.5 and rng.random() < 0.4:
                    vehicle.occupancy += rng.uniform(3, 60)
                    vehicle.status |= ScaleStatus.STOPPED
            lane.append(vehicle)
            if platoon == 0 and vehicle.is_goods and rng.random() < 0.04 and now >= jam_until:
                platoon = rng.randint(1, 4)
            elif platoon:
                platoon -= 1
                vehicle.case = vehicle.case or "platoon"
                vehicle.speed = max(lane[-2].speed + rng.gauss(0, 0.15), 0.4)
                vehicle.occupancy = max(vehicle.occupancy, (vehicle.length + _LOOP_M) / vehicle.speed)
            gap_s = rng.uniform(0.45, 1.2) if platoon else 0.5 + rng.expovariate(1 / mean)
            if now < jam_until:
                gap_s = rng.uniform(1.0, 2.5) + 2.5 / vehicle.speed
            now += max(vehicle.length / vehicle.speed, vehicle.occupancy - _LOOP_M / vehicle.speed) + gap_s
        self._brake_behind(lane)

    def _brake_behind(self, lane: list[Vehicle]) -> None:
        """Who comes close behind a slower one brakes."""
        for ahead, behind in pairwise(lane):
            if behind.at - ahead.at < 3 and behind.speed > ahead.speed + 2 and behind.case != "queue":
                behind.acceleration = -self.rng.uniform(0.3, 2.6)

    def _vehicle(self, at: float, place: tuple[int, int], speed: float) -> Vehicle:
        rng = self.rng
        self.number += 1
        layout = rng.choices(_LAYOUTS, _SHARES)[0]
        load = rng.betavariate(1.6, 1.1)
        gross = 1000 * (layout.empty_t + (layout.full_t - layout.empty_t) * load)
        axle_kg = [gross * share * min(max(rng.gauss(1, 0.05), 0.82), 1.18) for share in layout.shares]
        lean = rng.gauss(0.5, 0.018)
        bias = self.station.bias[place]
        left = [kg * min(max(lean + bias + rng.gauss(0, 0.025), 0.05), 0.95) for kg in axle_kg]
        spacings = [mm * min(max(rng.gauss(1, 0.02), 0.94), 1.06) for mm in layout.spacings]
        speed = min(speed, 25.0 if layout.full_t > 4 else 36.0)
        length = sum(spacings) + layout.overhang * rng.uniform(0.8, 1.1)
        axles = len(axle_kg) + (layout.lifted if rng.random() < 0.6 else 0)
        slip = rng.random()
        if slip < self.ranges.camera_slip / 15:
            axles += rng.choice((-2, 2))
        elif slip < self.ranges.camera_slip:
            axles += rng.choice((-1, 1))
        plate = self._plate(goods=layout.full_t > 4)
        has_trailer_plate = layout.train and layout.full_t > 4
        pull = min(rng.gauss(0.8, 0.25), 1.35) if layout.name == "bus" and speed < 13 else rng.gauss(0.0, 0.18)
        return Vehicle(
            at,
            *place,
            self.number,
            layout,
            speed,
            axle_kg,
            left,
            spacings,
            length,
            plate,
            plate[:2] + "".join(rng.choices(_ALPHANUMERIC, k=4)) + "挂" if has_trailer_plate else plate,
            acceleration=pull,
            occupancy=(length + _LOOP_M) / speed,
            camera_axles=max(axles, 1),
            case={"lifted": "lifted", "bus": "bus", "towing": "towing", "heavy_transport": "heavy_transport"}.get(
                layout.name, ""
            ),
        )

    def _plate(self, *, goods: bool) -> str:
        """A plate of its own; goods vehicles of one company have numbers that follow each other."""
        rng = self.rng
        if goods and rng.random() < 0.1:
            return f"湘A{10_000 + self.number}"
        return rng.choice(_PROVINCES) + rng.choice(_LETTERS) + "".join(rng.choices(_ALPHANUMERIC, k=5))

    def _overtake(self, span: float) -> None:
        """On a road with one lane each way some cross the scale of the other direction while they overtake."""
        for direction in (1, 2):
            own, other = self.traffic[direction, 1], self.traffic[3 - direction, 1]
            for slow in self.rng.sample(own, max(len(own) // 60, 1)):
                quick = self._vehicle(
                    slow.at + self.rng.uniform(-1.3, 1.3), (3 - direction, 1), slow.speed + self.rng.uniform(2.5, 7)
                )
                if slow.case == "queue" or quick.speed < slow.speed + 2 or not 0 < quick.at < span:
                    continue
                if any(abs(one.at - quick.at) < 8 for one in other):
                    continue
                quick.travel, quick.case = -1, "overtaking"
                slow.case = slow.case or "overtaken"
                other.append(quick)
            other.sort(key=lambda one: one.at)

    def _change_lanes(self) -> None:
        """A vehicle that changes lanes over the scale: its front axles in one lane, the others in the next."""
        for (direction, lane), vehicles in list(self.traffic.items()):
            beside = self.traffic.get((direction, lane + 1))
            if beside is None:
                continue
            for vehicle in self.rng.sample(vehicles, len(vehicles) // 150):
                if len(vehicle.axle_kg) < 2 or vehicle.case == "queue" or not self._is_free(beside, vehicle.at, 3):
                    continue
                cut = self.rng.randint(1, len(vehicle.axle_kg) - 1)
                behind = vehicle.at + sum(vehicle.spacings[:cut]) / vehicle.speed
                bias = self.station.bias[direction, lane + 1]
                second = replace(
                    vehicle,
                    at=behind,
                    lane=lane + 1,
                    axle_kg=vehicle.axle_kg[cut:],
                    left_kg=[kg * max(0.05, 0.25 + bias + self.rng.gauss(0, 0.1)) for kg in vehicle.axle_kg[cut:]],
                    spacings=vehicle.spacings[cut:],
                    case="lane_change",
                )
                vehicle.axle_kg, vehicle.spacings = vehicle.axle_kg[:cut], vehicle.spacings[: cut - 1]
                vehicle.left_kg = [min(0.95 * kg, kg * (0.75 + self.rng.gauss(0, 0.1))) for kg in vehicle.axle_kg]
                vehicle.case = "lane_change"
                beside.append(second)
            beside.sort(key=lambda one: one.at)

    def _wrong_plates(self) -> None:
        """Now and then a camera gives a vehicle the plate of the one before or beside it."""
        every = sorted((one for some in self.traffic.values() for one in some), key=lambda one: one.at)
        for before, vehicle in pairwise(every):
            if self.rng.random() < self.ranges.wrong_plate and vehicle.at - before.at < 2.5:
                vehicle.aliases["front" if self.rng.random() < 0.5 else "rear"] = before.plate
                vehicle.case = "wrong_plate"

    # ---- evaders

    def pick(self, fits: Callable[[Vehicle], bool] = lambda _: True, *, free_s: float = 0.0) -> Vehicle | None:
        """An honest goods vehicle, with nobody else in its lane for so long on both sides."""
        for _ in range(200):
            lane = self.traffic[self.rng.choice(list(self.traffic))]
            if not lane:
                continue
            vehicle = self.rng.choice(lane)
            plain = vehicle.is_goods and not vehicle.evasion and vehicle.case in ("", "lifted", "platoon")
            if plain and fits(vehicle) and self._is_free(lane, vehicle.at, free_s, vehicle) and self._no_queue(vehicle):
                return vehicle
        return None

    def _is_free(self, lane: Sequence[Vehicle], at: float, seconds: float, but: Vehicle | None = None) -> bool:
        return not any(abs(one.at - at) < seconds for one in lane if one is not but)

    def _no_queue(self, vehicle: Vehicle) -> bool:
        return not any(
            one.case == "queue" or one.evasion
            for (direction, _), lane in self.traffic.items()
            if direction == vehicle.direction
            for one in lane
            if -150 < vehicle.at - one.at < 150
        )

    def lane(self, vehicle: Vehicle) -> list[Vehicle]:
        return self.traffic[vehicle.direction, vehicle.lane]

    def straddle(self) -> None:
        vehicle = self.pick()
        if vehicle is None or self.station.lanes < 2:
            return
        other = vehicle.lane + 1 if vehicle.lane < self.station.lanes else vehicle.lane - 1
        beside = self.traffic[vehicle.direction, other]
        beside[:] = [one for one in beside if abs(one.at - vehicle.at) > 2 or one.evasion]
        rng = self.rng
        split = rng.uniform(*self.ranges.straddle_left)
        sides = (split, 1 - split)
        keep, far = (0, 1) if rng.random() < 0.5 else (1, 0)
        half = replace(
            vehicle,
            at=vehicle.at + rng.gauss(0, 0.02),
            lane=other,
            axle_kg=[kg * sides[far] * rng.gauss(1, 0.03) for kg in vehicle.axle_kg],
            evasion=Evasion.STRADDLING,
            aliases={},
        )
        vehicle.axle_kg = [kg * sides[keep] * rng.gauss(1, 0.03) for kg in vehicle.axle_kg]
        vehicle.evasion = Evasion.STRADDLING
        # The half in the one lane is all on its right-hand sensors, that in the other on its left-hand ones.
        for one, is_left in ((vehicle, keep == 1), (half, far == 1)):
            share = 1 - abs(rng.gauss(0, 0.05)) if is_left else abs(rng.gauss(0, 0.05))
            one.left_kg = [kg * min(max(share + rng.gauss(0, 0.02), 0), 1) for kg in one.axle_kg]
            one.camera_axles = 0
            if rng.random() < 0.3:
                one.status |= ScaleStatus.STRADDLING
        if not self.station.wheels and rng.random() < 0.5:
            half.plate = half.rear = ""
        beside.append(half)
        beside.sort(key=lambda one: one.at)

    def partial(self) -> None:
        vehicle = self.pick()
        if vehicle is None or not self.station.wheels:
            return
        rng, lost = self.rng, self.rng.uniform(*self.ranges.partial_lost)
        is_left = rng.random() < 0.5
        for i, kg in enumerate(vehicle.axle_kg):
            left, right = vehicle.left_kg[i], kg - vehicle.left_kg[i]
            left, right = (left * (1 - lost), right) if is_left else (left, right * (1 - lost))
            vehicle.axle_kg[i], vehicle.left_kg[i] = left + right, left
        if rng.random() < 0.5:
            vehicle.status |= ScaleStatus.PARTIAL_WHEEL
        vehicle.evasion = Evasion.PARTIAL_WHEEL

    def change_speed(self) -> None:
        rng = self.rng
        vehicle = self.pick(free_s=2.5)
        if vehicle is None:
            return
        if rng.random() < 0.5:
            vehicle.acceleration = -rng.uniform(*self.ranges.brake_mps2)
            vehicle.speed = min(vehicle.speed, rng.uniform(8, 16))
        else:
            vehicle.acceleration = rng.uniform(*self.ranges.rush_mps2)
            vehicle.speed = rng.uniform(14.5, 20) if vehicle.acceleration < 1.6 else rng.uniform(9, 16)
        vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed
        vehicle.evasion = Evasion.SPEED_CHANGE

    def stop(self) -> None:
        rng = self.rng
        vehicle = self.pick(free_s=3)
        if vehicle is None:
            return
        vehicle.speed = rng.uniform(*self.ranges.crawl_mps)
        vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed
        if rng.random() < 0.5:
            vehicle.speed = rng.uniform(1.5, 4)
            stand = rng.uniform(*self.ranges.stand_s)
            vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed + max(
                stand, 2.6 * (vehicle.length + _LOOP_M) / vehicle.speed
            )
            if rng.random() < 0.7:
                vehicle.status |= ScaleStatus.STOPPED
        vehicle.acceleration = rng.gauss(0, 0.3)
        vehicle.evasion = Evasion.STOP_AND_GO
        self._hold_up(vehicle)

    def _hold_up(self, vehicle: Vehicle) -> None:
        """Those behind have to wait, honest as they are."""
        lane = self.lane(vehicle)
        lane[:] = [one for one in lane if one.case != "lane_change" or abs(one.at - vehicle.at) > 150]
        behind = [one for one in lane if vehicle.at < one.at < vehicle.at + vehicle.occupancy + 12]
        now = vehicle.at + vehicle.occupancy
        for one in behind:
            now += self.rng.uniform(2.5, 4)
            one.at, one.speed = now, self.rng.uniform(2, 7)
            one.acceleration = self.rng.uniform(-1.5, 1.2)
            one.occupancy = (one.length + _LOOP_M) / one.speed
            now += one.occupancy
            if not one.evasion:
                one.case = "behind_evader"
        if behind:
            lane[:] = [one for one in lane if one in behind or not vehicle.at < one.at < now + 2 or one.evasion]
        lane.sort(key=lambda one: one.at)

    def wrong_way(self) -> None:
        """In the other direction's lane, when nobody is beside it."""
        vehicle = self.pick(free_s=2.5)
        if vehicle is None:
            return
        old = self.lane(vehicle)
        new = self.traffic[3 - vehicle.direction, vehicle.lane]
        same_way = [
            one for (d, _), some in self.traffic.items() if d == vehicle.direction for one in some if one is not vehicle
        ]
        if not self._is_free(same_way, vehicle.at, 2.5):
            return
        old[:] = [one for one in old if one is not vehicle]
        new[:] = [one for one in new if abs(one.at - vehicle.at) > 6 or one.evasion]
        vehicle.direction, vehicle.travel, vehicle.evasion = 3 - vehicle.direction, -1, Evasion.WRONG_WAY
        if self.station.bias[vehicle.direction, vehicle.lane]:
            vehicle.left_kg = [kg * 0.5 for kg in vehicle.axle_kg]
        new.append(vehicle)
        new.sort(key=lambda one: one.at)

    def tailgate(self) -> None:
        rng = self.rng
        vehicle = self.pick(free_s=1.0)
        other = self.pick(lambda one: one is not vehicle)
        if vehicle is None or other is None:
            return
        gone = self.lane(other)
        gap = rng.uniform(*self.ranges.axle_gap_m)
        long = sum(vehicle.spacings) + gap + sum(other.spacings) > 23.5
        if rng.random() < 0.5 and (long or (self.station.side_camera and len(vehicle.axle_kg) >= 2)):
            gone[:] = [one for one in gone if one is not other]
            vehicle.camera_axles = len(vehicle.axle_kg)
            vehicle.axle_kg = vehicle.axle_kg + other.axle_kg
            vehicle.left_kg = vehicle.left_kg + other.left_kg
            vehicle.spacings = [*vehicle.spacings, gap, *other.spacings]
            vehicle.length += other.length + max(gap - 3, 0.5)
            vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed
        else:
            gone[:] = [one for one in gone if one is not other]
            lane = self.lane(vehicle)
            vehicle.speed = max(vehicle.speed, 9.0)
            other.at = vehicle.at + (vehicle.length + rng.uniform(*self.ranges.bumper_gap_m)) / vehicle.speed
            lane[:] = [one for one in lane if one is vehicle or not -1.5 < one.at - other.at < 3 or one.evasion]
            other.direction, other.lane, other.speed = vehicle.direction, vehicle.lane, vehicle.speed
            other.acceleration, other.evasion, other.number = 0.0, Evasion.NOSE_TO_TAIL, vehicle.number
            other.plate = other.rear = ""
            vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed
            other.occupancy = (other.length + _LOOP_M) / other.speed
            lane.append(other)
            lane.sort(key=lambda one: one.at)
        vehicle.evasion = Evasion.NOSE_TO_TAIL

    def reverse(self) -> None:
        rng = self.rng
        vehicle = self.pick(lambda one: len(one.axle_kg) >= 3, free_s=3)
        if vehicle is None or not self.station.side_camera:
            return
        vehicle.camera_axles = len(vehicle.axle_kg)
        vehicle.speed = rng.uniform(*self.ranges.reversing_mps)
        vehicle.occupancy = (vehicle.length + _LOOP_M) / vehicle.speed * rng.uniform(2.0, 5.0)
        vehicle.acceleration = rng.gauss(0, 0.4)
        count = len(vehicle.axle_kg)
        if rng.random() < 0.7 or count < 4:
            at, back = rng.randint(1, count), rng.randint(1, 3)
            back = min(back, at)
            gap = rng.uniform(0.5, 1.5)
            told = [*range(at), *range(at - 1, at - back - 1, -1), *range(at - back, count)]
            places = [sum(vehicle.spacings[:i]) for i in range(count)]
            vehicle.spacings = [abs(places[b] - places[a]) or gap for a, b in pairwise(told)]
            vehicle.axle_kg, vehicle.left_kg = (
                [side[i] * rng.gauss(1, 0.03) for i in told] for side in (vehicle.axle_kg, vehicle.left_kg)
            )
        else:
            kept = rng.randint(1, count - 2)
            vehicle.axle_kg, vehicle.left_kg = vehicle.axle_kg[:kept], vehicle.left_kg[:kept]
            vehicle.spacings = vehicle.spacings[: kept - 1]
        if vehicle.gross < 3_600:
            vehicle.axle_kg[0] += 4_000
            vehicle.left_kg[0] += 2_000
        vehicle.evasion = Evasion.REVERSED
        self._hold_up(vehicle)

    def swap_plates(self) -> None:
        rng = self.rng
        vehicle = self.pick(lambda one: not one.layout.train and not one.aliases)
        if vehicle is None:
            return
        if self.station.rear_camera and rng.random() < 0.5:
            fake = vehicle.plate[:2] + "".join(rng.choices(_ALPHANUMERIC, k=5))
            if sum(a != b for a, b in zip(fake, vehicle.plate, strict=True)) < 5:
                return
            vehicle.plate = fake
        else:
            apart = rng.uniform(*self.ranges.twice_apart_s)
            length = len(vehicle.axle_kg)
            twin = self.pick(
                lambda one: (
                    one.direction == vehicle.direction
                    and abs(abs(one.at - vehicle.at) - apart) < 8
                    and 4.2 < abs(one.at - vehicle.at) < 58
                    and len(one.axle_kg) != length
                )
            )
            if twin is None:
                return
            twin.plate = vehicle.plate
            if not twin.layout.train:
                twin.rear = vehicle.plate
            twin.evasion, twin.number, twin.keep_plates = Evasion.PLATE_MISMATCH, vehicle.number, True
        vehicle.evasion, vehicle.keep_plates = Evasion.PLATE_MISMATCH, True

    def cover_plates(self) -> None:
        vehicle = self.pick()
        if vehicle is None:
            return
        vehicle.plate = vehicle.rear = ""
        vehicle.evasion = Evasion.PLATE_COVERED
        if self.rng.random() < 0.99:
            vehicle.status |= ScaleStatus.PLATE_COVERED

    # ---- what scale and cameras say

    def _told(self) -> Scene:
        every = [one for lane in self.traffic.values() for one in lane]
        parts = Counter(one.number for one in every)
        # Who had to make room for an evader took the other part of a change of lanes along.
        every = [one for one in every if one.case != "lane_change" or parts[one.number] > 1]
        for vehicle in every:
            self._read(vehicle)
        delay = {place: self.rng.uniform(0.1, 2.0) for place in self.traffic}
        arrives = [one.at + one.occupancy + delay[one.direction, one.lane] + self.rng.uniform(0, 0.3) for one in every]
        order = sorted(range(len(every)), key=lambda i: (arrives[i], i))
        told, later = [every[i] for i in order], [arrives[i] for i in order]
        return Scene(
            self._batch(told),
            tuple(START_NS + int(at * 1e9) for at in later),
            tuple(str(one.evasion) for one in told),
            tuple(one.case for one in told),
            tuple(one.number for one in told),
        )

    def _read(self, vehicle: Vehicle) -> None:
        front, rear = vehicle.aliases.get("front", vehicle.plate), vehicle.aliases.get("rear", vehicle.rear)
        seen = [self._reading(front, vehicle), self._reading(rear, vehicle) if self.station.rear_camera else ""]
        vehicle.seen_front, vehicle.seen_rear = seen
        if not any(seen) and not vehicle.evasion and self.rng.random() < 0.005:
            vehicle.status |= ScaleStatus.PLATE_COVERED

    def _reading(self, plate: str, vehicle: Vehicle) -> str:
        rng = self.rng
        if not plate or (rng.random() < self.ranges.unread and not vehicle.keep_plates):
            return ""
        if rng.random() >= self.ranges.misread:
            return plate
        wrong = rng.choices((1, 2, 3), (0.86, 0.13, 0.01))[0]
        characters = list(plate)
        for at in rng.sample(range(len(plate)), wrong):
            characters[at] = rng.choice(_PROVINCES if at == 0 else _ALPHANUMERIC)
        if rng.random() < 0.1:
            del characters[rng.randrange(len(characters))]
        return "".join(characters)

    def _batch(self, told: Sequence[Vehicle]) -> PassBatch:
        rng, count = self.rng, len(told)
        widest = max(len(one.axle_kg) for one in told)
        axle_kg = np.zeros((count, widest), np.int32)
        left_kg = np.zeros((count, widest if self.station.wheels else 0), np.int32)
        spacing = np.zeros((count, widest), np.int32)
        axle_speed = np.zeros((count, widest if self.station.axle_speeds else 0), np.float32)
        at_ns = np.zeros(count, np.int64)
        speeds = np.zeros(count)
        for i, one in enumerate(told):
            n = len(one.axle_kg)
            factor = rng.gauss(1, 0.012)
            axle_kg[i, :n] = [max(10, round(kg * factor / 10) * 10) for kg in one.axle_kg]
            spacing[i, : n - 1] = [max(1, round(1000 * m * rng.gauss(1, 0.004))) for m in one.spacings]
            speeds[i] = one.speed * rng.gauss(1, 0.006)
            at_ns[i] = START_NS + round(one.at * 1000 + rng.gauss(0, 2)) * 1_000_000 + 137
            if self.station.wheels:
                left_kg[i, :n] = [max(0, round(kg * factor / 10) * 10) for kg in one.left_kg]
            if self.station.axle_speeds:
                axle_speed[i, :n] = self._axle_speeds(one)
        column: Callable[[Callable[[Vehicle], float]], list[float]] = lambda of: [of(one) for one in told]  # noqa: E731
        accelerations = [
            math.nan if self.station.axle_speeds else one.acceleration + rng.gauss(0, 0.08) for one in told
        ]
        return PassBatch.of(
            device=tuple(scale_device(f"S{self.seed % 97}", one.direction, one.lane) for one in told),
            at_ns=at_ns,
            received_ns=np.zeros(count, np.int64),
            digest=np.array([_digest(self.seed, i) for i in range(count)], np.uint64).reshape(count, 2),
            axle_count=np.array([len(one.axle_kg) for one in told], np.int16),
            gross_kg=axle_kg.sum(axis=1).astype(np.int32),
            speed_mps=speeds,
            length_mm=np.array([round(1000 * one.length + rng.gauss(0, 150)) for one in told], np.int32),
            axle_kg=axle_kg,
            spacing_mm=spacing,
            plate=tuple(one.seen_front for one in told),
            acceleration_mps2=np.array(accelerations, np.float64),
            occupancy_ms=np.array(column(lambda one: 1000 * one.occupancy), np.int32),
            travel=np.array([one.travel for one in told], np.int8),
            camera_axles=np.array([one.camera_axles if self.station.side_camera else 0 for one in told], np.int16),
            plate_rear=tuple(one.seen_rear for one in told),
            status=np.array([one.status for one in told], np.uint32),
            left_kg=left_kg,
            axle_speed_mps=axle_speed,
        )

    def _axle_speeds(self, one: Vehicle) -> list[float]:
        speed, told = one.speed, []
        for spacing in (0.0, *one.spacings):
            speed = math.sqrt(max(speed * speed + 2 * one.acceleration * spacing, 0.04))
            told.append(speed * self.rng.gauss(1, 0.002))
        return told


@dataclass(frozen=True, slots=True)
class Sight:
    """A plate as it was read at a station, and whose it is. `evades`: its driver goes around the scale."""

    at_ns: int
    station: str
    plate: str
    number: int
    evades: bool


def sights(seed: int, plates: int, evaders: int, ranges: Ranges, *, days: int = 30) -> list[Sight]:
    """Sightings of goods vehicles at A (before), W (the scale) and B (behind), in the order of their instants.

    Honest ones pass all three once or twice a day, now and then with business on another road instead of the scale;
    W is out of order for hours. Evaders go around it on most of their ways.
    """
    rng = random.Random(seed)  # noqa: S311  (traffic, no secret)
    outages = [(rng.uniform(0, days * 86_400), rng.uniform(1_800, 14_400)) for _ in range(days // 3)]
    told: list[Sight] = []
    for number in range(plates + evaders):
        evades = number >= plates
        around = rng.uniform(0.75, 1.0) if evades else 0.02
        plate = rng.choice(_PROVINCES) + rng.choice(_LETTERS) + "".join(rng.choices(_ALPHANUMERIC, k=5))
        trips = rng.randint(8, 40) if evades else rng.randint(1, 45)
        for _ in range(trips):
            begin = rng.uniform(0, days * 86_400)
            places = [("A", begin), ("W", begin + rng.uniform(500, 900)), ("B", begin + rng.uniform(1_200, 2_400))]
            if rng.random() < around:
                del places[1]
            for station, at in places:
                is_out = station == "W" and any(from_s <= at < from_s + for_s for from_s, for_s in outages)
                if is_out or rng.random() < ranges.unread:
                    continue
                seen = plate[:-1] + rng.choice(_ALPHANUMERIC) if rng.random() < ranges.misread else plate
                told.append(Sight(START_NS + int(at * 1e9), station, seen, number, evades))
    return sorted(told, key=lambda sight: (sight.at_ns, sight.number))


_SHARES = [layout.share for layout in _LAYOUTS]

_EVADING: dict[Evasion, Callable[[_Maker], None]] = {
    Evasion.STRADDLING: _Maker.straddle,
    Evasion.PARTIAL_WHEEL: _Maker.partial,
    Evasion.SPEED_CHANGE: _Maker.change_speed,
    Evasion.STOP_AND_GO: _Maker.stop,
    Evasion.WRONG_WAY: _Maker.wrong_way,
    Evasion.NOSE_TO_TAIL: _Maker.tailgate,
    Evasion.REVERSED: _Maker.reverse,
    Evasion.PLATE_MISMATCH: _Maker.swap_plates,
    Evasion.PLATE_COVERED: _Maker.cover_plates,
}


def _digest(seed: int, number: int) -> tuple[int, int]:
    words = blake2b(f"{seed}/{number}".encode(), digest_size=16).digest()
    return int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little")
