"""Reference trucks and other passes of lanes, drawn by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch

LANE = "K12/d1/l1"
START_NS = 1_767_225_600 * NS_PER_S
DEVIATION = math.sqrt(math.log1p(0.165**2))


def trucks(
    steering_kg: Sequence[float],
    *,
    device: str = LANE,
    first: int = 0,
    tandem_mm: int = 1_300,
    every_s: int = 60,
    left_share: float = 0.5,
) -> PassBatch:
    """One loaded six-axle semi for each steering load; the other axles carry 7 t each. Instants follow `first`."""
    count = len(steering_kg)
    steering = np.rint(np.asarray(steering_kg)).astype(np.int32)
    axle_kg = np.full((count, 6), 7_000, np.int32)
    axle_kg[:, 0] = steering
    number = np.arange(first, first + count)
    return PassBatch.of(
        device=(device,) * count,
        at_ns=(START_NS + number * every_s * NS_PER_S).astype(np.int64),
        received_ns=np.zeros(count, np.int64),
        digest=np.stack([number + 1, steering], axis=1).astype(np.uint64),
        axle_count=np.full(count, 6, np.int16),
        gross_kg=axle_kg.sum(axis=1).astype(np.int32),
        speed_mps=np.full(count, 20.0),
        length_mm=np.full(count, 16_500, np.int32),
        axle_kg=axle_kg,
        spacing_mm=np.tile(np.array([3_400, tandem_mm, 6_000, 1_300, 1_300, 0], np.int32), (count, 1)),
        plate=("",) * count,
        left_kg=np.rint(axle_kg * left_share).astype(np.int32),
    )


def loads(seed: int, count: int, mean_kg: float = 5_900.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return mean_kg * np.exp(DEVIATION * random.standard_normal(count))
