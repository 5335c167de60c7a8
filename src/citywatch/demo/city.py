"""What the demonstration city is and what happens in it, as pure functions of a seed and of the seconds elapsed.

Five cameras, two weigh-in-motion lanes of one station. Things go wrong in cycles of CYCLE_S seconds: each camera
fault in turn, on a camera that the seed draws (the first cycle begins with a black picture, so that a newcomer sees
something at once), and once a cycle the second lane falls silent. Every fault ends within its cycle: the crew has
been there. Lorries come for ever. Nothing here reads a clock or draws from a global generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.domain.devices import scale_device
from citywatch.domain.pictures import Fault

if TYPE_CHECKING:
    from citywatch.settings import Settings

PICTURE_WIDTH, PICTURE_HEIGHT = 960, 540

VISIT_EVERY_S = 3.0
OVERLOAD_HOLD_S = 300
HEARTBEAT_S = 3
"""How often a healthy lane reports."""


@dataclass(frozen=True, slots=True)
class Camera:
    """`start_hour`: the hour of the day in this camera's street; one of them looks at the night."""

    device: str
    name: str
    place: str
    seed: int
    start_hour: float


STATION = "G319-K12"


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane of the station. `gap_s`: seconds between two lorries, on average."""

    direction: int
    lane: int
    name: str
    place: str
    gap_s: float

    @property
    def device(self) -> str:
        return scale_device(STATION, self.direction, self.lane)


CAMERAS = (
    Camera("cam-001", "Jiefang Road / Wuyi Road", "解放路五一路口", 11, 11.0),
    Camera("cam-002", "Railway Station, east square", "火车站东广场", 23, 15.5),
    Camera("cam-003", "Xiangjiang Bridge, west ramp", "湘江大桥西匝道", 37, 9.0),
    Camera("cam-004", "Market Street, north gate", "集市街北门", 41, 13.0),
    Camera("cam-005", "G319 weigh station, outlook", "G319 超限检测站", 59, 21.5),
)

LANES = (
    Lane(1, 1, "G319 km 12, lane 1", "G319 国道 K12 往城区 一车道", 3.0),
    Lane(1, 2, "G319 km 12, lane 2", "G319 国道 K12 往城区 二车道", 5.0),
)


def camera_host(index: int) -> str:
    """Each camera has a loopback address of its own (all of 127/8 is loopback on Linux), so that one of them can
    refuse connections while the others answer on the same port.
    """
    return f"127.0.0.{11 + index}"


def cameras(port: int) -> list[dict[str, Any]]:
    """The cameras as the configuration has them."""
    return [
        {
            "camera": camera.device,
            "url": f"http://{camera_host(index)}:{port}/{camera.device}.jpg",
            "name": camera.name,
            "place": camera.place,
            "visit_seconds": VISIT_EVERY_S,
        }
        for index, camera in enumerate(CAMERAS)
    ]


def scales() -> list[dict[str, Any]]:
    """The lanes as the configuration has them."""
    return [
        {
            "station": STATION,
            "direction": lane.direction,
            "lane": lane.lane,
            "name": lane.name,
            "place": lane.place,
            "heartbeat_seconds": HEARTBEAT_S,
            "instrument": {
                "standard": "jjg907",
                "accuracy_class": "5",
                "certified_from": "2026-01-01T00:00:00+08:00",
                "certified_to": "2036-01-01T00:00:00+08:00",
                "spacing_tolerance_mm": 30,
            },
        }
        for lane in LANES
    ]


def demonstration(settings: Settings, port: int) -> Settings:
    """`settings` with this city's cameras and lanes added, decided by the full law where none is asked for. Where no
    camera of the user's own is configured, overloads leave the desk, and faults come and go, while one is watching.
    """
    from citywatch.settings import CameraSettings, ScaleSettings  # noqa: PLC0415  (play.py needs none of it)

    changed: dict[str, Any] = {
        "cameras": (*settings.cameras, *(CameraSettings.model_validate(camera) for camera in cameras(port))),
        "scales": (*settings.scales, *(ScaleSettings.model_validate(scale) for scale in scales())),
    }
    if "law" not in settings.model_fields_set:
        changed["law"] = "cn-full"
    if not settings.cameras:
        changed["rules"] = settings.rules.model_copy(
            update={
                "overload_hold_seconds": OVERLOAD_HOLD_S,
                "confirm_looks": 2,
                "confirm_seconds": 0.0,
                "clear_looks": 2,
                "clear_seconds": 0.0,
            }
        )
    return settings.model_copy(update=changed)


# ---- faults

CYCLE_S = 150.0


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault of one device in [from_s, to_s) seconds since the start. `remedy` is what the crew writes afterwards."""

    device: str
    fault: Fault
    from_s: float
    to_s: float
    severity: float
    remedy: str


_REMEDIES = {
    Fault.BLACK: "Power supply of the sensor board replaced.",
    Fault.COVERED: "Plastic sheet taken off the housing.",
    Fault.FROZEN: "Encoder restarted, firmware brought up to date.",
    Fault.OUT_OF_FOCUS: "Lens refocused and locked.",
    Fault.UNREACHABLE: "Fuse in the street cabinet replaced.",
    Fault.OVER_EXPOSED: "Iris motor freed.",
    Fault.SILENT: "Controller of the lane restarted.",
}
_ORDER = (Fault.BLACK, Fault.COVERED, Fault.UNREACHABLE, Fault.FROZEN, Fault.OUT_OF_FOCUS, Fault.OVER_EXPOSED)
_FIRST_S, _EVERY_S, _LASTS_S = 4.0, 20.0, 32.0
_DUSK_HOUR = 18.0
_SILENCE_FROM_S, _SILENCE_TO_S = 48.0, 78.0


def incidents(seed: int, cycle: int) -> tuple[Incident, ...]:
    """What goes wrong in one cycle (0, 1, ...), by its beginning. No device has two faults at a time."""
    rng = np.random.default_rng([seed, 7, cycle])
    start_s = cycle * CYCLE_S
    faults = [_ORDER[i] for i in rng.permutation(len(_ORDER))] if cycle else list(_ORDER)
    free_from_s = dict.fromkeys((camera.device for camera in CAMERAS), start_s)
    found = []
    for number, fault in enumerate(faults):
        from_s = start_s + _FIRST_S + number * _EVERY_S + float(rng.uniform(0.0, 2.0))
        to_s = from_s + _LASTS_S + float(rng.uniform(0.0, 4.0))
        free = [device for device, since_s in free_from_s.items() if since_s <= from_s]
        if fault is Fault.FROZEN:
            # In a night street too little moves to tell a frozen picture from a quiet one: "could not be checked".
            free = [camera.device for camera in CAMERAS if camera.device in free and camera.start_hour < _DUSK_HOUR]
        device = free[int(rng.integers(len(free)))]
        free_from_s[device] = to_s + 15.0
        severity = 1.0 if fault is not Fault.COVERED else float(rng.uniform(0.9, 1.0))
        found.append(Incident(device, fault, from_s, to_s, severity, _REMEDIES[fault]))
    silence = Incident(
        LANES[1].device, Fault.SILENT, start_s + _SILENCE_FROM_S, start_s + _SILENCE_TO_S, 1.0, _REMEDIES[Fault.SILENT]
    )
    return tuple(sorted((*found, silence), key=lambda incident: incident.from_s))


def incident(seed: int, device: str, at_s: float) -> Incident | None:
    """What is wrong with a device at `at_s`, if anything."""
    for found in incidents(seed, max(int(at_s // CYCLE_S), 0)):
        if found.device == device and found.from_s <= at_s < found.to_s:
            return found
    return None


def last_incident(seed: int, device: str, fault: str, at_s: float) -> Incident | None:
    """The newest incident of that kind that has begun by `at_s`, over or not; it is sought one cycle back."""
    cycle = max(int(at_s // CYCLE_S), 0)
    begun = [
        found
        for number in range(max(cycle - 1, 0), cycle + 1)
        for found in incidents(seed, number)
        if found.device == device and found.fault == fault and found.from_s <= at_s
    ]
    return begun[-1] if begun else None


# ---- lorries


class Load(StrEnum):
    """What the generator means a lorry to be; the law decides for itself."""

    LAWFUL = "lawful"
    UNDECIDED = "undecided"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Lorry:
    """One pass as it will be pushed: kilograms, millimetres, metres a second; `at_s` since the start."""

    lane: str
    number: int
    at_s: float
    load: Load
    plate: str
    speed_mps: float
    axle_kg: tuple[int, ...]
    spacing_mm: tuple[int, ...]

    @property
    def gross_kg(self) -> int:
        return sum(self.axle_kg)


@dataclass(frozen=True, slots=True)
class _Model:
    """A kind of lorry: how it is built, what share of its gross each axle bears, and what it weighs when it is meant
    to be lawful, undecided (None where one limit holds for all of its kind) or over: kg, from and to.
    """

    often: float
    spacing_mm: tuple[int, ...]
    share: tuple[float, ...]
    lawful_kg: tuple[int, int]
    undecided_kg: tuple[int, int] | None
    over_kg: tuple[int, int]


_MODELS = (
    _Model(0.22, (4500,), (0.36, 0.64), (7_000, 17_000), None, (19_000, 24_000)),
    _Model(0.12, (4300, 1350), (0.26, 0.37, 0.37), (11_000, 24_000), (25_000, 26_000), (28_000, 34_000)),
    _Model(0.14, (1850, 4600, 1350), (0.19, 0.19, 0.31, 0.31), (14_000, 30_000), (31_000, 32_000), (37_000, 45_000)),
    _Model(
        0.10,
        (3500, 6300, 1310, 1310),
        (0.16, 0.24, 0.20, 0.20, 0.20),
        (18_000, 39_000),
        None,
        (44_000, 52_000),
    ),
    _Model(
        0.42,
        (3300, 1350, 6700, 1310, 1310),
        (0.12, 0.185, 0.185, 0.17, 0.17, 0.17),
        (20_000, 45_000),
        (46_300, 48_700),
        (50_500, 68_000),
    ),
)
_OVER_SHARE, _UNDECIDED_SHARE = 0.06, 0.05
_PROVINCES = "湘鄂赣粤桂黔渝皖"
_LETTERS = "ABCDEFGHJK"
_SIGNS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_FIRST_LOADS = {(0, 1): Load.OVER, (1, 1): Load.UNDECIDED}
"""(lane, number) -> load: an overloaded and an undecided lorry within the first ten seconds."""


def lorry(seed: int, lane_index: int, number: int) -> Lorry:
    """The lorry with that number (0, 1, ...) in a lane. It comes within its own stretch of `gap_s` seconds."""
    lane = LANES[lane_index]
    rng = np.random.default_rng([seed, 13, lane_index, number])
    at_s = (number + float(rng.uniform(0.15, 0.85))) * lane.gap_s
    draw = float(rng.random())
    load = Load.OVER if draw < _OVER_SHARE else Load.UNDECIDED if draw < _OVER_SHARE + _UNDECIDED_SHARE else Load.LAWFUL
    load = _FIRST_LOADS.get((lane_index, number), load)
    able = [model for model in _MODELS if load is not Load.UNDECIDED or model.undecided_kg is not None]
    often = np.array([model.often for model in able])
    model = able[int(rng.choice(len(able), p=often / often.sum()))]
    low_kg, high_kg = {
        Load.LAWFUL: model.lawful_kg,
        Load.UNDECIDED: model.undecided_kg or model.lawful_kg,
        Load.OVER: model.over_kg,
    }[load]
    axle_kg = _spread(float(rng.uniform(low_kg + 200, high_kg - 200)), model.share, rng)
    spacing_mm = tuple(round(mm * float(rng.uniform(0.99, 1.01))) for mm in model.spacing_mm)
    plate = (
        _PROVINCES[int(rng.choice(len(_PROVINCES), p=_home_first(len(_PROVINCES))))]
        + _LETTERS[int(rng.integers(len(_LETTERS)))]
        + "".join(_SIGNS[int(i)] for i in rng.integers(0, len(_SIGNS), 5))
    )
    speed_mps = float(np.clip(rng.normal(16.0 if lane_index == 0 else 20.0, 2.0), 8.0, 27.0))
    return Lorry(lane.device, number, at_s, load, plate, speed_mps, axle_kg, spacing_mm)


def lorries(seed: int, lane_index: int, from_s: float) -> Iterator[Lorry]:
    """Every lorry of a lane that comes at `from_s` or later, in order, for ever. A silent lane reports none."""
    number = max(math.floor(from_s / LANES[lane_index].gap_s), 0)
    while True:
        found = lorry(seed, lane_index, number)
        number += 1
        if found.at_s >= from_s and incident(seed, found.lane, found.at_s) is None:
            yield found


def _spread(gross_kg: float, share: tuple[float, ...], rng: np.random.Generator) -> tuple[int, ...]:
    """The gross over the axles, each a little off its share, in the 10 kg steps of the instrument."""
    parts = np.array(share) * rng.uniform(0.97, 1.03, len(share))
    return tuple(int(round(kg / 10.0) * 10) for kg in parts / parts.sum() * gross_kg)


def _home_first(count: int) -> list[float]:
    """Six of ten lorries are from the home province, which stands first."""
    return [0.6, *([0.4 / (count - 1)] * (count - 1))]
