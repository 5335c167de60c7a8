"""A lane of simulated strips, and an estimator that knows only what a station's papers say."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from citywatch.strips.estimator import Estimator
from citywatch.strips.station import Loop, Side, Strip, StripStation, Tuning
from citywatch.strips.vehicles import Vehicles
from citywatch.testing.strip_signals import Road, SignalStrip


def road(count=4, apart_m=3.0, rate_hz=5_000, **more):
    return Road(tuple(SignalStrip(apart_m * number) for number in range(count)), rate_hz, **more)


def halves(count=2, apart_m=3.0, rate_hz=5_000, slant=0.0, **more):
    """Pairs of half-lane strips; with a slant a third pair that is slanted, behind the others."""
    left = {"left_m": 1.875, "right_m": 0.0}
    right = {"left_m": 0.0, "right_m": -1.875}
    strips = [SignalStrip(apart_m * number, **side) for number in range(count) for side in (left, right)]
    if slant:
        strips += [SignalStrip(apart_m * count, slant_m_per_m=slant, **side) for side in (left, right)]
    return Road(tuple(strips), rate_hz, **more)


def side_of(strip):
    if strip.left_m > 3:
        return Side.FULL
    return Side.LEFT if strip.left_m > 0 else Side.RIGHT


def station(of, **more):
    """What is known of a road: not its noise, not its zero, not the tyres."""
    strips = tuple(
        Strip(s.position_m, s.width_m, s.kg_per_v, side=side_of(s), slant_m_per_m=s.slant_m_per_m) for s in of.strips
    )
    loop = None if of.loop is None else Loop(sum(of.loop) / 2, of.loop[1] - of.loop[0])
    more.setdefault("tuning", Tuning())
    return StripStation(strips, of.rate_hz, loop, **more)


def weighed(of, vehicles, seconds, *, known=None, temperature_c=float("nan"), cuts=()):
    """Everything that an estimator finds in the signals, fed in pieces that end at the cuts."""
    signal = of.signals(vehicles, seconds)
    occupied = of.occupied(vehicles, seconds) if of.loop else None
    return fed(known or station(of), signal, occupied, temperature_c=temperature_c, cuts=cuts)


def fed(known, signal, occupied=None, *, temperature_c=float("nan"), cuts=()):
    estimator = Estimator(known, temperature_c=temperature_c)
    edges = [0, *sorted(cuts), signal.shape[1]]
    found = [
        estimator.feed(signal[:, a:b], None if occupied is None else occupied[a:b])
        for a, b in itertools.pairwise(edges)
    ]
    return Vehicles.concat([*found, estimator.finish()])


def seconds_for(vehicle, reach_m=12.0):
    return vehicle.when_s(reach_m + vehicle.axles[-1].behind_m) + 0.2


def moved(vehicle, at_s):
    return replace(vehicle, at_s=at_s)


def loads(vehicle):
    return np.array([axle.load_kg for axle in vehicle.axles])
