"""Signals of strips in the road, drawn from a seed: what an estimator is measured against.

Written from the physics and not from the estimator, which it does not import. A wheel presses with a patch whose
pressure tapers at both ends; a strip feels the part of the patch that lies on it, along the lane and across it. The
body bounces (1 to 5 Hz) and each axle hops (8 to 15 Hz), every axle with phases of its own. Each sample is the exact
value at its instant: no filter stands before the converter, as the harder case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

_Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class SignalStrip:
    """One strip: place along the lane, width along it, and from where to where across (m, left of the middle is +)."""

    position_m: float
    width_m: float = 0.053
    kg_per_v: float = 2_000.0
    left_m: float = 10.0
    right_m: float = -10.0
    slant_m_per_m: float = 0.0
    sensitivity: float = 1.0
    zero_v: float = 0.3


@dataclass(frozen=True, slots=True)
class Axle:
    """behind_m from the first axle; patch_m the contact's length, tyre_m its width; left_share of the load."""

    behind_m: float
    load_kg: float
    patch_m: float = 0.22
    tyre_m: float = 0.3
    left_share: float = 0.5


@dataclass(frozen=True, slots=True)
class Swing:
    """Load times 1 + amplitude sin(2 pi hz t + phase), for each axle its own frequency and phase."""

    amplitude: float
    hz: tuple[float, ...]
    phase: tuple[float, ...]

    def at(self, axle: int, t_s: _Array) -> _Array:
        return self.amplitude * np.sin(2 * math.pi * self.hz[axle] * t_s + self.phase[axle])


@dataclass(frozen=True, slots=True)
class SignalVehicle:
    """at_s: when the first axle is over position 0; speed then, and a constant acceleration; travel -1 is wrong way.

    lateral_m: its middle to the left of the lane's.
    """

    axles: tuple[Axle, ...]
    at_s: float
    speed_mps: float
    acceleration_mps2: float = 0.0
    travel: int = 1
    lateral_m: float = 0.0
    track_m: float = 2.05
    front_m: float = 1.4
    rear_m: float = 1.2
    swings: tuple[Swing, ...] = ()

    @property
    def gross_kg(self) -> float:
        return sum(axle.load_kg for axle in self.axles)

    @property
    def spacings_m(self) -> list[float]:
        return [b.behind_m - a.behind_m for a, b in zip(self.axles, self.axles[1:], strict=False)]

    def when_s(self, way_m: float) -> float:
        """When its first axle has gone way_m beyond position 0 (in its own direction)."""
        v, a = self.speed_mps, self.acceleration_mps2
        under = v * v + 2 * a * way_m
        if under < 0:
            raise ValueError(f"it stands before it has gone {way_m} m; brake less or be faster")
        return self.at_s + 2 * way_m / (v + math.sqrt(under))

    def speed_at(self, t_s: float) -> float:
        return self.speed_mps + self.acceleration_mps2 * (t_s - self.at_s)


LAYOUTS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "2": ((4.4,), (0.38, 0.62)),
    "3 rigid": ((4.3, 1.35), (0.26, 0.37, 0.37)),
    "3 semi": ((3.6, 7.2), (0.30, 0.38, 0.32)),
    "4 rigid": ((1.85, 3.4, 1.35), (0.20, 0.20, 0.30, 0.30)),
    "4 semi": ((3.5, 7.0, 1.35), (0.22, 0.30, 0.24, 0.24)),
    "5 semi": ((3.6, 6.4, 1.31, 1.31), (0.15, 0.25, 0.20, 0.20, 0.20)),
    "6 semi": ((3.3, 1.35, 6.9, 1.31, 1.31), (0.125, 0.175, 0.175, 0.175, 0.175, 0.175)),
}
"""Spacings (m) and shares of the gross, made up to look like a goods road; the first figure is the axle count."""


def lorry(layout: str, gross_kg: float, *, at_s: float, speed_mps: float, **more: Any) -> SignalVehicle:
    """A vehicle of LAYOUTS."""
    spacings, shares = LAYOUTS[layout]
    places = [0.0, *np.cumsum(spacings).tolist()]
    axles = tuple(Axle(place, share * gross_kg) for place, share in zip(places, shares, strict=True))
    return SignalVehicle(axles, at_s, speed_mps, **more)


def swinging(vehicle: SignalVehicle, rng: np.random.Generator, bounce: float, hop: float) -> SignalVehicle:
    """The vehicle with body bounce and axle hop of these amplitudes, all phases independent."""
    count = len(vehicle.axles)
    body_hz = float(rng.uniform(1, 5))
    swings = (
        Swing(bounce, (body_hz,) * count, tuple(rng.uniform(0, 2 * math.pi, count).tolist())),
        Swing(hop, tuple(rng.uniform(8, 15, count).tolist()), tuple(rng.uniform(0, 2 * math.pi, count).tolist())),
    )
    return replace(vehicle, swings=swings)


def pressed(x: _Array, patch_m: float, taper: float) -> _Array:
    """Share of a patch's load in front of x, x measured from the patch's middle.

    The pressure is even in the middle and falls as a cosine over `taper` of the length at both ends (0 < taper <= 0.5).
    """
    ramp = taper * patch_m
    flat = patch_m - 2 * ramp
    total = flat + ramp
    y = np.clip(x + patch_m / 2, 0.0, patch_m)
    rising = np.minimum(y, ramp)
    falling = np.clip(y - ramp - flat, 0.0, ramp)
    up = (rising - ramp / math.pi * np.sin(math.pi * rising / ramp)) / 2
    down = (falling + ramp / math.pi * np.sin(math.pi * falling / ramp)) / 2
    return np.asarray((up + np.clip(y - ramp, 0.0, flat) + down) / total)


@dataclass(frozen=True, slots=True)
class Road:
    """Strips and their acquisition.

    noise_v   standard deviation of white noise; drift_v, drift_hz: the zero wanders as a sine; creep_v_per_s: and
    straight on. taper: of every tyre's patch. loop: (from, to) m along the lane, or None.
    """

    strips: tuple[SignalStrip, ...]
    rate_hz: int
    noise_v: float = 0.0
    drift_v: float = 0.0
    drift_hz: float = 0.1
    creep_v_per_s: float = 0.0
    taper: float = 0.25
    loop: tuple[float, float] | None = None
    seed: int = 0
    spikes: tuple[tuple[int, float, float], ...] = field(default=())
    """Single samples that are off: (strip, s, V)."""

    def signals(self, vehicles: Sequence[SignalVehicle], seconds: float) -> _Array:
        """(strips, n) V: what the converter gives in the first `seconds`."""
        count = math.ceil(seconds * self.rate_hz)
        t = np.arange(count) / self.rate_hz
        rng = np.random.default_rng(self.seed)
        volts = np.empty((len(self.strips), count))
        for number, strip in enumerate(self.strips):
            volts[number] = strip.zero_v + self.creep_v_per_s * t
            if self.drift_v:
                volts[number] += self.drift_v * np.sin(2 * math.pi * self.drift_hz * t + rng.uniform(0, 2 * math.pi))
            if self.noise_v:
                volts[number] += rng.normal(0.0, self.noise_v, count)
            for vehicle in vehicles:
                for axle in range(len(vehicle.axles)):
                    self._axle(volts[number], strip, vehicle, axle)
        for number, at_s, by_v in self.spikes:
            volts[number, round(at_s * self.rate_hz)] += by_v
        return volts

    def occupied(self, vehicles: Sequence[SignalVehicle], seconds: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n,) bool: the loop, while any part of a vehicle is over it."""
        if self.loop is None:
            raise ValueError("this road has no loop")
        there = np.zeros(math.ceil(seconds * self.rate_hz), np.bool_)
        for vehicle in vehicles:
            near, far = self.loop if vehicle.travel > 0 else (-self.loop[1], -self.loop[0])
            start = vehicle.when_s(near - vehicle.front_m)
            stop = vehicle.when_s(far + vehicle.axles[-1].behind_m + vehicle.rear_m)
            there[max(0, math.ceil(start * self.rate_hz)) : max(0, math.ceil(stop * self.rate_hz))] = True
        return there

    def _axle(self, volts: _Array, strip: SignalStrip, vehicle: SignalVehicle, number: int) -> None:
        axle = vehicle.axles[number]
        half = axle.tyre_m / 2
        for sign, share in ((1.0, axle.left_share), (-1.0, 1.0 - axle.left_share)):
            y = vehicle.lateral_m + sign * vehicle.track_m / 2
            across = min(y + half, strip.left_m) - max(y - half, strip.right_m)
            if across <= 0 or share <= 0:
                continue
            middle_m = strip.position_m + strip.slant_m_per_m * y
            long_m = strip.width_m * math.hypot(1.0, strip.slant_m_per_m)
            way_m = vehicle.travel * middle_m + axle.behind_m
            reach = (axle.patch_m + long_m) / 2
            first = max(0, math.ceil(vehicle.when_s(way_m - reach) * self.rate_hz))
            stop = min(len(volts), math.floor(vehicle.when_s(way_m + reach) * self.rate_hz) + 1)
            if stop <= first:
                continue
            t = np.arange(first, stop) / self.rate_hz
            tau = t - vehicle.at_s
            x = vehicle.speed_mps * tau + vehicle.acceleration_mps2 * tau * tau / 2 - way_m
            on_strip = pressed(long_m / 2 - x, axle.patch_m, self.taper) - pressed(
                -long_m / 2 - x, axle.patch_m, self.taper
            )
            load = np.ones_like(t)
            for swing in vehicle.swings:
                load += swing.at(number, t)
            by_v = axle.load_kg * share * across / axle.tyre_m / strip.kg_per_v * strip.sensitivity
            volts[first:stop] += by_v * load * on_strip
