"""What happens to a fleet in a year, drawn from one seed: faults, dark switches, repairs, holes in the patrol.

All instants are whole seconds, so that a walk second by second can say exactly what a sum of intervals says.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from citywatch.domain.pictures import Fault

DAY_S = 86_400
LOOK_EVERY_S = 12 * DAY_S
"""A routine look at every camera. A true patrol looks every five minutes: that would be 690 million looks a year."""
UNKNOWN_AFTER_S = 18 * DAY_S
"""After one routine look that is left out nobody has looked for too long."""

_KINDS = (
    (Fault.UNREACHABLE, 0.35), (Fault.NO_MEDIA, 0.12), (Fault.BLACK, 0.12), (Fault.FROZEN, 0.08),
    (Fault.OUT_OF_FOCUS, 0.1), (Fault.COVERED, 0.1), (Fault.SNOW, 0.06), (Fault.COLOUR_CAST, 0.07),
)  # fmt: skip
_PASSING = frozenset({Fault.OUT_OF_FOCUS, Fault.COVERED, Fault.COLOUR_CAST})
"""Confirmed by looks over seven minutes."""

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Model:
    """The drawn year's figures: mean days between faults of a camera and between dark hours of a switch, the median
    repair in hours and its spread (log-normal), and how often a routine look is left out, a camera is added late or
    taken away early.
    """

    cameras: int = 6_534
    switches: int = 300
    days: int = 365
    seed: int = 20_260_101
    fault_days: float = 75.0
    dark_days: float = 150.0
    repair_h: float = 14.0
    repair_spread: float = 1.1
    missed: float = 0.02
    added_late: float = 0.02
    removed: float = 0.01


@dataclass(slots=True)
class Camera:
    name: str
    switch: str
    from_s: int
    to_s: int
    faults: list[tuple[int, int, Fault]] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """The whole year. `dark`: when each switch is dark; `switch_looks`: when it is asked."""

    model: Model
    cameras: list[Camera]
    dark: dict[str, list[Stretch]]
    switch_looks: dict[str, list[int]]

    @classmethod
    def of(cls, model: Model) -> Plan:
        rng = np.random.default_rng(model.seed)
        end_s = model.days * DAY_S
        dark = {
            f"switch-{n:03d}": _stretches(rng, end_s, model.dark_days * DAY_S, 1.5, 0.8) for n in range(model.switches)
        }
        cameras = [_camera(rng, n, model, end_s, dark) for n in range(model.cameras)]
        looks = {switch: _switch_looks(rng, end_s, stretches) for switch, stretches in dark.items()}
        return cls(model, cameras, dark, looks)

    def sees(self, camera: Camera, at_s: int) -> str:
        """What a look at this second sees."""
        if _inside(self.dark[camera.switch], at_s):
            return Fault.UNREACHABLE.value
        for begin, end, fault in camera.faults:
            if begin <= at_s < end:
                return fault.value
        return "in_order"

    def switch_sees(self, switch: str, at_s: int) -> str:
        return Fault.UNREACHABLE.value if _inside(self.dark[switch], at_s) else "reached"

    def visits(self) -> Iterator[tuple[int, str, str]]:
        """(second, device, what is seen), in order."""
        cameras = (self._visits_of(camera) for camera in self.cameras)
        return heapq.merge(*cameras, *(self._asked(switch) for switch in self.switch_looks))

    def _visits_of(self, camera: Camera) -> Iterator[tuple[int, str, str]]:
        return ((at_s, camera.name, self.sees(camera, at_s)) for at_s in camera.looks)

    def _asked(self, switch: str) -> Iterator[tuple[int, str, str]]:
        return ((at_s, switch, self.switch_sees(switch, at_s)) for at_s in self.switch_looks[switch])


def _camera(rng: np.random.Generator, number: int, model: Model, end_s: int, dark: dict[str, list[Stretch]]) -> Camera:
    from_s = int(rng.integers(1, end_s)) if rng.random() < model.added_late else 0
    to_s = int(rng.integers(from_s + 1, end_s + 1)) if rng.random() < model.removed else end_s + 1
    camera = Camera(f"camera-{number:05d}", f"switch-{number % model.switches:03d}", from_s, to_s)
    kinds, weights = zip(*_KINDS, strict=True)
    looks: set[int] = set()
    for begin, end in _stretches(rng, end_s, model.fault_days * DAY_S, model.repair_h, model.repair_spread):
        fault = kinds[int(rng.choice(len(kinds), p=weights))]
        camera.faults.append((begin, end, fault))
        looks |= _found_out(rng, begin, 215 if fault in _PASSING else 40)
        looks |= _found_out(rng, end, 60)
    for begin, end in dark[camera.switch]:
        looks |= _found_out(rng, begin, 10) | _found_out(rng, end, 60)
    place = int(rng.integers(1, LOOK_EVERY_S))
    looks |= {from_s + 1, *(at_s for at_s in range(place, end_s, LOOK_EVERY_S) if rng.random() >= model.missed)}
    camera.looks = sorted(at_s for at_s in looks if from_s < at_s < min(to_s, end_s))
    return camera


def _switch_looks(rng: np.random.Generator, end_s: int, dark: list[Stretch]) -> list[int]:
    looks = set(range(int(rng.integers(1, LOOK_EVERY_S)), end_s, LOOK_EVERY_S)) | {1}
    for begin, end in dark:
        looks |= _found_out(rng, begin, 10, slowest_s=20) | _found_out(rng, end, 60)
    return sorted(at_s for at_s in looks if at_s < end_s)


def _found_out(rng: np.random.Generator, change_s: int, apart_s: int, slowest_s: int = 60) -> set[int]:
    """Three looks behind a change, so far apart: the patrol asks suspects again."""
    first = change_s + int(rng.integers(2, slowest_s))
    return {first + turn * apart_s for turn in range(3)}


def _stretches(rng: np.random.Generator, end_s: int, mean_s: float, median_h: float, spread: float) -> list[Stretch]:
    """Times between which a thing fails by itself, at random, and is repaired again."""
    found, at_s = [], 0.0
    while True:
        at_s += rng.exponential(mean_s)
        if at_s >= end_s:
            return found
        length_s = max(1800.0, 3600 * median_h * rng.lognormal(0.0, spread))
        found.append((int(at_s), int(at_s + length_s)))
        at_s += length_s


def _inside(stretches: list[Stretch], at_s: int) -> bool:
    return any(begin <= at_s < end for begin, end in stretches)
