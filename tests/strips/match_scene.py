"""Made-up queues of pulses, as several vehicles leave them, and the arrays that the kernels want of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from citywatch.kernels import strip_match, strips
from strips.match_twin import FULL, LEFT, RIGHT, Bounds, Felt, Laid

QUEUE = 64


@dataclass(frozen=True, slots=True)
class Scene:
    strips: list[Laid]
    dt_s: float
    bounds: Bounds
    loop: list[tuple[int, int]]
    speeds: list[float]
    """Signed, of each vehicle at its beginning."""


class Arrays:
    """The queues of a scene as the kernels hold them."""

    def __init__(self, scene: Scene) -> None:
        laid = scene.strips
        self.pulse_at = np.zeros((len(laid), QUEUE), np.int64)
        self.pulse = np.zeros((len(laid), QUEUE, strips.PULSE_FIELDS))
        self.queued = np.zeros(len(laid), np.int64)
        for k, strip in enumerate(laid):
            for felt in strip.queue:
                self.put(k, felt)
        self.position_m = np.array([s.position_m for s in laid], np.float64)
        self.slant = np.array([s.slant for s in laid], np.float64)
        self.side = np.array([s.side for s in laid], np.int64)
        self.timed = self.slant == 0.0
        self.weighs = np.array([s.weighs for s in laid])
        self.factor = np.array([s.factor for s in laid], np.float64)
        self.mark = np.zeros((len(laid), strips.MARKS), np.int64)
        self.mark[:, strips.STUCK_AT] = [s.stuck_at for s in laid]
        self.limit = np.zeros(strip_match.LIMITS)
        for one in fields(Bounds):
            self.limit[getattr(strip_match, one.name.upper())] = getattr(scene.bounds, one.name)
        self.loop = np.zeros((64, 2), np.int64)
        self.loop[: len(scene.loop)] = np.array(scene.loop, np.int64).reshape(-1, 2)
        self.loop_mark = np.array([0, 0, len(scene.loop)], np.int64)

    def put(self, strip: int, felt: Felt) -> None:
        n = self.queued[strip]
        self.pulse_at[strip, n] = felt.at
        self.pulse[strip, n] = (felt.centroid, felt.area, felt.extent_s, 1.0)
        self.queued[strip] += 1

    def queues(self) -> list[list[Felt]]:
        return [
            [
                Felt(
                    int(self.pulse_at[k, n]),
                    *self.pulse[k, n, [strips.CENTROID, strips.AREA, strips.EXTENT_S]].tolist(),
                )
                for n in range(self.queued[k])
            ]
            for k in range(len(self.queued))
        ]


def _laid(rng: np.random.Generator) -> list[Laid]:
    """Full strips, pairs of halves, both; some slanted, some only timed, some two at one place."""
    found: list[Laid] = []
    place = 0.0
    for _ in range(int(rng.integers(1, 5))):
        sides = (LEFT, RIGHT) if rng.random() < 0.4 else (FULL,)
        slant = float(rng.choice([0.25, -0.25])) if found and rng.random() < 0.25 else 0.0
        found += [Laid(place, side, slant, bool(rng.random() > 0.1), float(rng.uniform(50, 150))) for side in sides]
        place += float(rng.choice([0.0, 0.25, 1.0, 1.5, 3.0, 3.0]))
    rng.shuffle(found)  # type: ignore[arg-type]
    return found


def scene(seed: int, *, clean: bool = False) -> Scene:
    """One to four vehicles one behind the other; some brake, some come the wrong way, pulses lack and come too many.

    Every other scene lies on a grid of eighths of a sample with samples that are powers of two, so that instants are
    exact and ties are ties.
    """
    rng = np.random.default_rng(seed)
    grid = seed % 2 == 0
    dt_s = 1 / 1024 if grid else 1 / 1000
    laid = _laid(rng)
    with_loop = rng.random() < 0.5
    at_m, half_m = float(rng.choice([0.0, 1.0, -4.0, 9.0])), 1.0
    bounds = Bounds(loop_at_m=at_m if with_loop else 0.0, loop_half_m=half_m if with_loop else 0.0)
    loop: list[tuple[int, int]] = []
    speeds: list[float] = []
    start_s = float(rng.uniform(3.0, 4.0))
    for _ in range(int(rng.integers(1, 5))):
        travel = -1 if rng.random() < 0.25 else 1
        speed = float(rng.choice([8.0, 16.0])) if grid and rng.random() < 0.5 else float(rng.uniform(5, 28))
        slower = float(rng.uniform(-0.03, 0.03)) * speed**2 / 2 if rng.random() < 0.5 else 0.0
        behind = [0.0, *np.cumsum(rng.choice([1.25, 1.5, 3.5, 5.0, 7.0], int(rng.integers(0, 6)))).tolist()]
        share = float(rng.uniform(0.3, 0.7)) if rng.random() < 0.7 else float(rng.choice([0.0, 0.02, 1.0]))
        lateral_m = float(rng.uniform(-0.4, 0.4))
        extent_s = 0.16 / speed * float(rng.uniform(0.7, 1.6))

        def when_s(way_m: float, v: float = speed, a: float = slower, begun_s: float = start_s) -> float:
            return begun_s + 2 * way_m / (v + math.sqrt(max(0.0, v * v + 2 * a * way_m)))

        for strip in laid:
            middle_m = lateral_m + {FULL: 0.0, LEFT: 1.025, RIGHT: -1.025}[strip.side]
            part = {FULL: 1.0, LEFT: share, RIGHT: 1 - share}[strip.side]
            for axle_m in behind:
                odd = rng.random()
                if (odd < 0.03 and not clean) or part < 0.01:
                    continue
                samples = when_s(travel * (strip.position_m + strip.slant * middle_m) + axle_m) / dt_s
                if grid:
                    samples = round(samples * 8) / 8
                begun = math.floor(samples) - 3
                area = 50.0 * part / speed * float(rng.normal(1, 0.06))
                strip.queue.append(Felt(begun, samples - begun, area, extent_s))
                if odd > 0.98 and not clean:
                    strip.queue.append(Felt(begun + int(rng.integers(1, 9)), samples - begun, area, extent_s))
        if with_loop and rng.random() < 0.9:
            near, far = sorted((travel * (at_m - half_m), travel * (at_m + half_m)))
            entered, left = round(when_s(near - 1.4) / dt_s), round(when_s(far + behind[-1] + 1.2) / dt_s)
            if not loop or entered > loop[-1][1]:
                loop.append((entered, left))
        speeds.append(travel * speed)
        start_s = when_s(behind[-1] + float(rng.choice([3.0, 8.0, 30.0])))
    for strip in laid:
        strip.queue.sort(key=lambda felt: felt.at + felt.centroid)
        strip.queue[QUEUE:] = []
        if rng.random() < 0.04:
            strip.queue.clear()
        if rng.random() < 0.03:
            strip.stuck_at = int(4 / dt_s)
    return Scene(laid, dt_s, bounds, loop, speeds)
