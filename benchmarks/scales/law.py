"""The law engine: against a brute-force twin on a million random vehicles per country, and how fast it is.

The twin (law_twin.py) reads the law files by itself and tries every value of every condition that is not known. The
random vehicles lie around everything that decides: half of them in the ranges of a kind, distances at the ends of the
laws' ranges, weights at limits, conditions known and unknown, distances sharp and uncertain.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._frame import SHARED_DATA, Goal, Row, Spread, row
from benchmarks.scales.law_twin import TwinLaw, Vehicle
from citywatch import laws
from citywatch.domain.passes import Decision, PassBatch
from citywatch.kernels import legality
from citywatch.kernels._jit import warm
from citywatch.laws.full import FullLaw
from citywatch.rules import overload
from citywatch.rules.full_law import classify, judge_full, judge_under
from citywatch.wire.local_time import Fold, LocalTime
from citywatch.wire.mon import MonDecoder

SCENARIO = "scales"
COUNTRIES = {"cn-full": 1_000_000.0, "eu-full": None, "us-full": 500_000.0}
"""Law, and how many full decisions a second are promised."""
VEHICLES = 1_000_000
SEED = 20_160_921
ROUNDS = 5
_TIMED = 60_000
_PART = 25_000
_MOST_AXLES = 9
_Array = np.ndarray[Any, Any]


def run() -> list[Row]:
    warm()
    rows: list[Row] = []
    for name, goal in COUNTRIES.items():
        checked, differ = against_twin(name, VEHICLES)
        rows.append(
            row(SCENARIO, f"{name}: random vehicles that differ from the brute-force twin", differ, "vehicles",
                goal=Goal(at_most=0), note=f"of {checked:,}")
        )  # fmt: skip
        law = full_law(name)
        batch = _timed_batch(law)
        spread = _rate(lambda law=law, batch=batch: judge_full(law, batch, {}), len(batch))  # type: ignore[misc]
        promised = None if goal is None else Goal(at_least=goal)
        rows.append(row(SCENARIO, f"{name}: kind and full decision, one core", spread.median, "vehicles/s",
                        goal=promised, spread=spread))  # fmt: skip
    law = full_law("us-full")
    batch = _timed_batch(law)
    spread = _rate(lambda: classify(law.kinds, batch), len(batch))
    rows.append(row(SCENARIO, "FHWA class, confidence and runner-up, one core", spread.median, "vehicles/s",
                    goal=Goal(at_least=1_000_000), spread=spread))  # fmt: skip
    by_count = _rate(lambda: overload.judge(laws.load("cn-gross@1"), batch), len(batch))
    rows.append(row(SCENARIO, "cn-gross, for comparison", by_count.median, "vehicles/s", spread=by_count))
    return rows


def full_law(name: str) -> FullLaw:
    law = laws.load(f"{name}@1")
    if not isinstance(law, FullLaw):
        raise TypeError(f"{name} is no full law")
    return law


def against_twin(name: str, count: int, seed: int = SEED) -> tuple[int, int]:
    """(vehicles compared, vehicles that differ): in parts, on every core there is."""
    parts = [(name, min(_PART, count - start), seed + start) for start in range(0, count, _PART)]
    workers = min(len(os.sched_getaffinity(0)), len(parts))
    if workers == 1:
        return count, sum(differing(*part) for part in parts)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return count, sum(pool.map(differing, *zip(*parts, strict=True)))


def differing(name: str, count: int, seed: int) -> int:
    """How many of `count` random vehicles the engine and its twin do not agree on, in anything."""
    law, twin = full_law(name), TwinLaw(name)
    rng = np.random.default_rng(seed)
    batch = random_vehicles(law, count, rng)
    facts = rng.integers(0, 3, (count, len(law.conditions)))  # no, yes, unknown
    tolerance = rng.choice([0, 0, 30, 150], count).astype(np.int32)
    least, most = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
    for bit, condition in enumerate(law.conditions):
        good = facts[:, bit] == int(condition.good)
        least |= good.astype(np.uint32) << np.uint32(bit)
        most |= (good | (facts[:, bit] == 2)).astype(np.uint32) << np.uint32(bit)
    decision, answer = judge_under(law, batch, least, most, tolerance)
    wrong = 0
    names = [condition.name for condition in law.conditions]
    rows = twin.table["rows"]
    for v in range(count):
        n = int(batch.axle_count[v])
        known = {key: (False, True, None)[value] for key, value in zip(names, facts[v].tolist(), strict=True)}
        vehicle = Vehicle(
            batch.axle_kg[v, :n].tolist(), batch.spacing_mm[v, : n - 1].tolist(), int(batch.gross_kg[v]),
            int(tolerance[v]), known, None, None, 0,
        )  # fmt: skip
        best, second, share = twin.kind(vehicle)
        kinds = answer.kinds
        there = [None if int(r) < 0 else rows[int(r)] for r in (kinds.best[v], kinds.second[v])]
        same = there[0] is best and there[1] is second and int(kinds.confidence[v]) == share
        vehicle = Vehicle(
            vehicle.loads, vehicle.gaps, vehicle.gross, vehicle.tolerance, known, best, second, share
        )  # fmt: skip
        word, low, high, strict, lenient = twin.judge(vehicle)
        same = same and Decision(int(decision[v])).name.lower() == word
        same = same and _agrees(law, answer.strict[v], low, strict) and _agrees(law, answer.lenient[v], high, lenient)
        wrong += not same
    return wrong


def _agrees(law: FullLaw, found: _Array, margin: int | None, binding: set[Any]) -> bool:
    if margin is None:
        return bool(found[legality.RULE] == legality.ANY)
    bound = (
        law.rules[int(found[legality.RULE])].name, int(found[legality.LIMIT]), int(found[legality.MEASURED]),
        int(found[legality.FIRST_AXLE]), int(found[legality.AXLES]),
    )  # fmt: skip
    return int(found[legality.MARGIN]) == margin and bound in binding


def random_vehicles(law: FullLaw, count: int, rng: np.random.Generator) -> PassBatch:
    """Vehicles of 1 to 9 axles around everything that decides."""
    table = law.kinds
    row = rng.integers(0, len(table.kinds), count)
    of_kind = rng.random(count) < 0.6
    axles = np.where(of_kind, np.array([k.axles for k in table.kinds])[row], rng.integers(1, _MOST_AXLES + 1, count))
    ends = np.array(
        [1000, 1016, 1017, 1300, 1301, 1400, 1401, 1799, 1800, 2438, 2439, 3000, 3001, 10_820, 10_821, 15_390]
    )
    anyhow = np.where(
        rng.random((count, _MOST_AXLES)) < 0.4,
        rng.choice(ends, (count, _MOST_AXLES)) + rng.integers(-2, 3, (count, _MOST_AXLES)),
        np.where(
            rng.random((count, _MOST_AXLES)) < 0.5,
            rng.integers(600, 2600, (count, _MOST_AXLES)),
            rng.integers(1800, 16_000, (count, _MOST_AXLES)),
        ),
    )
    width = table.low_mm.shape[1]
    low, high = (np.pad(side[row], ((0, 0), (0, _MOST_AXLES - width))) for side in (table.low_mm, table.high_mm))
    gaps = np.where(of_kind[:, None], rng.integers(low, high + 1), anyhow)
    near = (rng.random(gaps.shape) < 0.5) & (low < 1900) & (high > 900)
    gaps = np.where(of_kind[:, None] & near, np.clip(anyhow, low, np.maximum(high, low)), gaps)
    there = np.arange(_MOST_AXLES)
    gaps = np.where(there < axles[:, None] - 1, gaps, 0)
    gaps[rng.random(count) < 0.02] = 0  # not given
    gaps = np.where(rng.random(gaps.shape) < 0.005, 0, gaps)  # one of them not given
    limits = np.array([7000, 9071, 9500, 10_000, 11_500, 15_422, 16_000, 18_000, 21_000, 24_000])
    loads = np.where(
        rng.random((count, _MOST_AXLES)) < 0.5,
        rng.choice(limits, (count, _MOST_AXLES)) // rng.integers(1, 4, (count, _MOST_AXLES)) + rng.integers(-1, 2),
        rng.integers(500, 12_000, (count, _MOST_AXLES)),
    )
    loads = np.where(there < axles[:, None], loads, 0)
    loads[rng.random(count) < 0.01] = 0
    loads = np.where(rng.random(loads.shape) < 0.005, 0, loads)
    gross = loads.sum(axis=1)
    at_limits = np.array([18_000, 25_000, 27_000, 31_000, 36_000, 36_287, 40_000, 42_000, 43_000, 46_000, 49_000])
    gross = np.where(rng.random(count) < 0.3, rng.choice(at_limits, count) + rng.integers(-1, 2, count), gross)
    return _batch(axles, gross, loads, gaps)


def _batch(axles: _Array, gross: _Array, loads: _Array, gaps: _Array) -> PassBatch:
    count = len(axles)
    return PassBatch.of(
        device=("S/d1/l1",) * count,
        at_ns=np.full(count, 1_700_000_000 * 10**9, np.int64),
        received_ns=np.zeros(count, np.int64),
        digest=np.stack([np.arange(count, dtype=np.uint64), np.zeros(count, np.uint64)], axis=1),
        axle_count=axles.astype(np.int16),
        gross_kg=gross.astype(np.int32),
        speed_mps=np.full(count, 20.0),
        length_mm=(gaps.sum(axis=1) + 3000).astype(np.int32),
        axle_kg=np.ascontiguousarray(loads, np.int32),
        spacing_mm=np.ascontiguousarray(gaps, np.int32),
        plate=("",) * count,
    )


def _timed_batch(law: FullLaw) -> PassBatch:
    """Real vehicles over and over where the data is at hand, else random ones."""
    file = SHARED_DATA / "wim" / "btls-garage-5000veh.MON.txt"
    if not file.exists():
        return random_vehicles(law, _TIMED, np.random.default_rng(SEED))
    real = PassBatch.concat(list(_read(file)))
    return real.take(np.arange(_TIMED) % len(real))


def _read(file: Path) -> Iterator[PassBatch]:
    decoder = MonDecoder("S", LocalTime("UTC", Fold.EARLIER))
    decoder.receive(file.read_bytes())
    decoder.receive_end()
    while (chunk := decoder.next_chunk()) is not None:
        yield chunk.passes


def _rate(work: Any, count: int) -> Spread:
    """Vehicles a second of processor time: one thread, so of one core."""
    work()
    rates = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        rates.append(count / (time.process_time() - begun))
    return Spread.of(rates)
