"""From the signals of strips to vehicles: how right, without noise and with a bouncing truck, and how fast.

The signals are those of citywatch.testing.strip_signals, which knows nothing of the estimator. The peer is OpenWIM's
pywim: its package on the index is empty, so name a checkout of github.com/OpenWIM/pywim (tried at 5d8b1ca) in
PYWIM_CHECKOUT and build its environment with `python -m benchmarks peers pywim`. What it is timed at are the steps of
its own notebook WeightEstimation on its own sample: baseline, speed by peaks, curves, areas, weights. One shim: its
peak finder gets arrays, because with today's pandas it fails on a Series.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._frame import SHARED_DATA, Goal, Row, Spread, one_thread, peer_absent, peer_python, row
from citywatch.app.kernels import use_cache, warm_imported
from citywatch.strips.estimator import Estimator
from citywatch.strips.station import Loop, Strip, StripStation
from citywatch.strips.vehicles import Vehicles
from citywatch.testing.strip_signals import LAYOUTS, Road, SignalStrip, SignalVehicle, lorry, swinging

SCENARIO = "scales"
SEED = 20_260_401
APART_M = 3.0
SPEEDS_MPS = (8.0, 14.0, 20.0, 26.0)
TRUCKS = 60
"""Of each layout at each speed and swing."""
PLATOONS = 100
PLATOON = 4
"""Vehicles one after the other."""
SAMPLE = SHARED_DATA / "wim" / "pywim-synthetic-3axle-signal.h5"
COPIES = 400
CHUNK = 20
"""Vehicles a chunk: nine seconds of signal."""
ROUNDS = 15
CALLS = 5
_PEER = "pywim @5d8b1ca, the steps of its notebook"
_PEER_CODE = """
import sys, time, json
sys.path.insert(0, sys.argv[1])
import numpy as np, pandas as pd, peakutils
from scipy import integrate
found = peakutils.indexes
peakutils.indexes = lambda y, **more: found(np.asarray(y), **more)
from pywim.estimation.speed import speed_by_peak
from pywim.utils import storage
from pywim.utils.dsp import wave_curve
from pywim.utils.stats import iqr
file = storage.open_file(sys.argv[2])
dataset = file[list(file.keys())[0]]
frame = storage.dataset_to_dataframe(dataset)
distance = np.array(dataset.attrs["sensors_distance"])
constant = np.array(dataset.attrs["calibration_constant"])
step = 1 / dataset.attrs["sample_rate"]

def steps():
    clean = frame.copy()
    for k in clean.keys():
        clean[k] -= clean[k].values[:10].mean()
    speed = speed_by_peak.sensors_estimation(clean, distance)
    areas = []
    for k in clean.keys():
        curves = wave_curve.select_curve_by_threshold(clean[k], threshold=1, delta_x=5)
        areas.append([integrate.trapezoid(curve, dx=step) for curve in curves])
    weights = np.array(areas) * np.array(speed) / 0.053 * constant[:, None]
    axles = [iqr.reject_outliers(pd.Series(weights[:, i])).mean() for i in range(weights.shape[1])]
    return areas, axles, sum(axles)

steps()
for line in sys.stdin:
    start = time.process_time()
    for _ in range(int(line)):
        areas, axles, gross = steps()
    print(json.dumps([(time.process_time() - start) / int(line), areas]), flush=True)
"""


def run() -> list[Row]:
    """Accuracy without noise, accuracy of bouncing trucks, speed beside the peer."""
    use_cache()
    warm_imported()
    return [*without_noise(), *hard_edged(), *bouncing(), *in_a_row(), *beside_the_peer()]


# ---- a lane


def _road(strips: int, rate_hz: int, **more: Any) -> Road:
    return Road(tuple(SignalStrip(APART_M * number) for number in range(strips)), rate_hz, **more)


def _station(road: Road, weighing: int) -> StripStation:
    """The first `weighing` strips weigh; a lonely one has a neighbour whose instants alone count."""
    used = road.strips[: max(weighing, 2)]
    return StripStation(
        tuple(
            Strip(strip.position_m, strip.width_m, strip.kg_per_v, weighs=number < weighing)
            for number, strip in enumerate(used)
        ),
        road.rate_hz,
    )


def _weighed(station: StripStation, signal: np.ndarray[Any, Any]) -> Vehicles:
    estimator = Estimator(station)
    return Vehicles.concat([estimator.feed(signal[: len(station.strips)]), estimator.finish()])


def _seconds(truck: SignalVehicle, strips: int) -> float:
    return truck.when_s(APART_M * strips + truck.axles[-1].behind_m) + 0.2


# ---- without noise


def without_noise() -> list[Row]:
    """Largest errors over all layouts, speeds and accelerations, by sample rate; four strips."""
    rows: list[Row] = []
    for rate_hz in (1_000, 2_000, 5_000, 10_000, 20_000):
        road = _road(4, rate_hz)
        rng = np.random.default_rng(SEED)
        gross, axle, spacing, speed = [0.0], [0.0], [0.0], [0.0]
        lost = 0
        for layout in LAYOUTS:
            for pace in (*SPEEDS_MPS, 32.0):
                truck = lorry(
                    layout, float(rng.uniform(8_000, 45_000)), at_s=0.2 + float(rng.uniform(0, 0.01)),
                    speed_mps=pace, acceleration_mps2=float(rng.uniform(-0.8, 0.8)),
                )  # fmt: skip
                found = _weighed(_station(road, 4), road.signals([truck], _seconds(truck, 4)))
                count = len(truck.axles)
                if len(found) != 1 or not found.accepted[0] or found.axle_count[0] != count:
                    lost += 1
                    continue
                true = np.array([one.load_kg for one in truck.axles])
                gross.append(abs(float(found.gross_kg[0]) / truck.gross_kg - 1))
                axle.append(float(np.abs(found.axle_kg[0, :count] / true - 1).max()))
                spacing.append(float(np.abs(found.spacing_m[0, : count - 1] - truck.spacings_m).max()))
                middle_s = found.at_sample[0] / rate_hz + float(np.nanmean(found.felt_s[0]))
                speed.append(abs(float(found.speed_mps[0]) / truck.speed_at(middle_s) - 1))
        weight = Goal(at_most=0.1 if rate_hz >= 5_000 else 0.5)
        name = f"strips, no noise, {rate_hz / 1000:g} kHz"
        note = "" if rate_hz >= 5_000 else _why(rate_hz)
        rows += [
            row(SCENARIO, f"{name}: largest error of an axle", 100 * max(axle), "%", goal=weight, note=note),
            row(SCENARIO, f"{name}: largest error of gross", 100 * max(gross), "%", goal=weight),
            row(SCENARIO, f"{name}: largest error of a spacing", 100 * max(spacing), "cm", goal=Goal(at_most=1)),
            row(SCENARIO, f"{name}: largest error of speed", 100 * max(speed), "%", goal=Goal(at_most=0.1)),
            row(SCENARIO, f"{name}: trucks not weighed", lost, "trucks", goal=Goal(at_most=0)),
        ]
    return rows


def hard_edged() -> list[Row]:
    """The same with tyres whose pressure ends within 2 % of their length: what a slow converter loses on them."""
    rows: list[Row] = []
    for rate_hz in (1_000, 2_000, 5_000):
        road = _road(4, rate_hz, taper=0.02)
        rng = np.random.default_rng(SEED)
        worst = 0.0
        for layout in LAYOUTS:
            for pace in (*SPEEDS_MPS, 32.0):
                truck = lorry(layout, 24_000, at_s=0.2 + float(rng.uniform(0, 0.01)), speed_mps=pace)
                found = _weighed(_station(road, 4), road.signals([truck], _seconds(truck, 4)))
                worst = max(worst, abs(float(found.gross_kg[0]) / truck.gross_kg - 1))
        name = f"strips, no noise, {rate_hz / 1000:g} kHz, hard-edged tyres: largest error of gross"
        rows.append(row(SCENARIO, name, 100 * worst, "%"))
    return rows


def _why(rate_hz: int) -> str:
    """What is left is physics: samples know nothing of what happens between them."""
    samples = 0.273 / 32.0 * rate_hz
    return (
        f"physics: at 32 m/s a pulse is {samples:.0f} samples; their sum differs from the integral by the pulse's "
        "spectrum at the sample rate, whatever is computed; an analog filter before the converter removes it"
    )


# ---- bouncing trucks


def bouncing() -> list[Row]:
    """Share of trucks whose gross is within 2.5 %, one to six strips 3 m apart, two strengths of swing.

    Noise of 2 mV and a wandering zero are on top. The middle of 95 % and the shares are printed by strips, and for four
    strips by axle count, layout and speed.
    """
    rows: list[Row] = []
    for bounce, hop in ((0.05, 0.03), (0.10, 0.05)):
        errors = _errors(bounce, hop)
        name = f"strips, bounce {100 * bounce:g} % + hop {100 * hop:g} %"
        for strips in range(1, 7):
            mine = [abs(error) for (_, _, n), many in errors.items() if n == strips for error in many]
            goal = Goal(at_least=95) if strips == 4 and bounce == 0.05 else None
            note = f"95 % of trucks within {100 * float(np.quantile(mine, 0.95)):.2f} %, {len(mine)} trucks"
            rows.append(
                row(SCENARIO, f"{name}: within 2.5 %, {strips} strips", _share(mine), "%", goal=goal, note=note)
            )
        for layout in LAYOUTS:
            for pace in SPEEDS_MPS:
                curve = [[abs(error) for error in errors[layout, pace, n]] for n in range(1, 7)]
                words = " ".join(f"{_share(mine):.0f}" for mine in curve)
                figure = f"{name}: within 2.5 %, 4 strips, {layout} axles at {pace * 3.6:.0f} km/h"
                rows.append(row(SCENARIO, figure, _share(curve[3]), "%", note=f"1 to 6 strips: {words}"))
        for axles in sorted({layout[0] for layout in LAYOUTS}):
            mine = [abs(e) for (layout, _, n), many in errors.items() if n == 4 and layout[0] == axles for e in many]
            rows.append(row(SCENARIO, f"{name}: within 2.5 %, 4 strips, {axles} axles", _share(mine), "%"))
    return rows


def _share(errors: list[float]) -> float:
    return 100.0 * sum(error <= 0.025 for error in errors) / len(errors)


def _errors(bounce: float, hop: float) -> dict[tuple[str, float, int], list[float]]:
    """Relative error of gross by (layout, speed, strips); a truck that is not weighed counts as wrong by everything."""
    rng = np.random.default_rng(SEED + round(1000 * bounce))
    errors: dict[tuple[str, float, int], list[float]] = {}
    for layout in LAYOUTS:
        for pace in SPEEDS_MPS:
            for number in range(TRUCKS):
                truck = lorry(
                    layout, float(rng.uniform(10_000, 45_000)), at_s=0.2, speed_mps=pace * float(rng.uniform(0.9, 1.1)),
                    acceleration_mps2=float(rng.uniform(-0.4, 0.4)),
                )  # fmt: skip
                truck = swinging(truck, rng, bounce, hop)
                road = _road(6, 5_000, noise_v=0.002, drift_v=0.05, seed=number)
                signal = road.signals([truck], _seconds(truck, 6))
                for strips in range(1, 7):
                    found = _weighed(_station(road, strips), signal)
                    known = len(found) == 1 and bool(found.accepted[0])
                    error = float(found.gross_kg[0]) / truck.gross_kg - 1 if known else math.inf
                    errors.setdefault((layout, pace, strips), []).append(error)
    return errors


# ---- one after the other


def in_a_row() -> list[Row]:
    """Vehicles parted by a loop (2.5 to 9 m behind each other) or by the gap alone (13 to 25 m), swinging a little.

    Weighed: the right number of axles, and a gross within 8 %. Wrong: accepted, and not such a vehicle.
    """
    rows: list[Row] = []
    for loop_m in (0.0, -2.0, -5.0, None):
        weighed = wrong = 0
        for number in range(PLATOONS):
            trucks, found = _platoon(number, loop_m)
            right = sum(_is_there(truck, found) for truck in trucks)
            weighed += right
            wrong += int(found.accepted.sum()) - right
        parted = "by the gap" if loop_m is None else f"by a loop {abs(loop_m):g} m before the strips"
        name = f"strips, vehicles in a row, parted {parted}"
        count = PLATOONS * PLATOON
        rows += [
            row(SCENARIO, f"{name}: weighed", 100 * weighed / count, "%", note=f"of {count}, four strips"),
            row(SCENARIO, f"{name}: accepted and wrong", wrong, "vehicles"),
        ]
    return rows


def _platoon(number: int, loop_m: float | None) -> tuple[list[SignalVehicle], Vehicles]:
    rng = np.random.default_rng([SEED, number])
    apart_m = float(rng.choice([1.0, 3.0, 4.5, 8.0]))
    strips = tuple(SignalStrip(apart_m * strip) for strip in range(4))
    over = None if loop_m is None else (loop_m - 1.0, loop_m + 1.0)
    road = Road(strips, 2_000, noise_v=0.002, loop=over, seed=number)
    pace, at_s = float(rng.uniform(5, 26)), 2.0
    gap_m = float(rng.uniform(13, 25) if loop_m is None else rng.uniform(2.5, 9))
    trucks = []
    for _ in range(PLATOON):
        layout = str(rng.choice(["2", "2", "2", *LAYOUTS]))
        truck = lorry(layout, float(rng.uniform(2_000, 40_000)), at_s=at_s, speed_mps=pace)
        axles = tuple(replace(axle, patch_m=float(rng.uniform(0.12, 0.30))) for axle in truck.axles)
        trucks.append(swinging(replace(truck, axles=axles), rng, 0.03, 0.02))
        at_s += (truck.axles[-1].behind_m + truck.rear_m + gap_m + truck.front_m) / pace
    seconds = trucks[-1].when_s(60.0) + 1.0
    station = StripStation(
        tuple(Strip(strip.position_m, strip.width_m, strip.kg_per_v) for strip in strips),
        road.rate_hz,
        None if loop_m is None else Loop(loop_m, 2.0),
    )
    estimator = Estimator(station)
    occupied = None if loop_m is None else road.occupied(trucks, seconds)
    return trucks, Vehicles.concat([estimator.feed(road.signals(trucks, seconds), occupied), estimator.finish()])


def _is_there(truck: SignalVehicle, found: Vehicles) -> bool:
    near = np.abs(found.gross_kg / truck.gross_kg - 1) < 0.08
    return bool((found.accepted & near & (found.axle_count == len(truck.axles))).any())


# ---- beside the peer


class _Peer:
    """pywim in a process of its own, which times itself when it is asked."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def steps(self, calls: int) -> tuple[float, list[list[float]]]:
        """Seconds of CPU a vehicle, and its areas, V s by strip and axle."""
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._child.stdin.write(f"{calls}\n")
        self._child.stdin.flush()
        seconds, areas = json.loads(self._child.stdout.readline())
        return seconds, areas


@contextmanager
def _peer() -> Iterator[_Peer | None]:
    python, checkout = peer_python("pywim"), os.environ.get("PYWIM_CHECKOUT", "")
    if python is None or not (Path(checkout) / "pywim" / "utils" / "storage.py").is_file() or not checkout:
        yield None
        return
    command = [str(python), "-c", _PEER_CODE, checkout, str(SAMPLE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one_thread()) as child:
        yield _Peer(child)
        if child.stdin is not None:
            child.stdin.close()


def sample() -> tuple[StripStation, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """pywim's sample as COPIES vehicles in one stream: station, (strips, n) V, (n,) whether the loop is occupied."""
    from citywatch.adapters.scales.hdf5 import read_runs

    runs = read_runs(SAMPLE)
    run = next(runs)
    samples, _ = run.read(0, run.count)
    runs.close()
    places = np.cumsum(run.distance_m)
    strips = tuple(
        Strip(float(place), 0.053, constant, on_v=0.07, off_v=0.035)
        for place, constant in zip(places, run.calibration, strict=True)
    )
    length = run.count
    occupied = np.zeros(length, np.bool_)
    occupied[30:600] = True  # a loop at the first strip; the datasets of such a file part the vehicles as it does
    station = StripStation(strips, int(run.sample_rate_hz or 0), Loop(0.0, 2.0))
    return station, np.tile(samples, (1, COPIES)), np.tile(occupied, COPIES)


def beside_the_peer() -> list[Row]:
    """Signal to vehicles on pywim's own sample, a round of theirs after a round of ours; and the areas of both.

    Seconds are of CPU, on both sides: each is one thread, and the machine may have other work.
    """
    figure = "strips to vehicles, pywim's sample, median"
    agree = "strips, largest difference of an area from the peer's, pywim's sample"
    if not SAMPLE.is_file():
        return [row(SCENARIO, figure, None, "vehicles/s", note=f"no sample: {SAMPLE} is missing")]
    station, signal, occupied = sample()

    step = signal.shape[1] // COPIES * CHUNK
    chunks = [
        (np.ascontiguousarray(signal[:, at : at + step]), occupied[at : at + step])
        for at in range(0, signal.shape[1], step)
    ]

    def ours() -> Vehicles:
        estimator = Estimator(station)
        return Vehicles.concat([*(estimator.feed(*chunk) for chunk in chunks), estimator.finish()])

    found = ours()
    if len(found) != COPIES or not found.accepted.all():
        raise RuntimeError(f"{int(found.accepted.sum())} of {len(found)} vehicles accepted, wanted {COPIES}")
    with _peer() as peer:
        mine: list[float] = []
        theirs: list[float] = []
        areas: list[list[float]] = []
        for _ in range(ROUNDS):
            start = time.process_time()
            for _ in range(CALLS):
                ours()
            mine.append((time.process_time() - start) / COPIES / CALLS)
            if peer is not None:
                seconds, areas = peer.steps(20)
                theirs.append(seconds)
    rate = Spread.of([1 / seconds for seconds in mine])
    if not theirs:
        return [
            row(SCENARIO, figure, rate.median, "vehicles/s", spread=rate),
            peer_absent(SCENARIO, figure, "vehicles/s", _PEER),
            peer_absent(SCENARIO, agree, "%", _PEER),
        ]
    ratio = Spread.of([b / a for a, b in zip(mine, theirs, strict=True)]).median
    peer_rate = Spread.of([1 / seconds for seconds in theirs])
    off = 100 * float(np.abs(found.area_vs[0, :3].T / np.array(areas) - 1).max())
    why = "its zero is the mean of ten samples, ours lies between those before and behind each pulse"
    return [
        row(SCENARIO, figure, rate.median, "vehicles/s", peer=_PEER, ratio=ratio, spread=rate,
            goal=Goal(at_least=100, of="ratio")),
        row(SCENARIO, "the peer's steps, pywim's sample, median", peer_rate.median, "vehicles/s", spread=peer_rate),
        row(SCENARIO, agree, off, "%", peer=_PEER, goal=Goal(at_most=0.1), note=why),
    ]  # fmt: skip
