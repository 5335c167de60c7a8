"""The clean proof: healthy cameras, day and night, a visit every five minutes, and no fault may be confirmed.

One camera a seed. Its street lives through DAYS days (testing.street_life); one encoder runs all the time, of a codec
and a bit rate that the seed draws. Each visit takes the key frame of that encoder; after it `between` pictures of the
same scene with noise of their own go through the encoder and are thrown away, so that rate control and quantisers live
between visits. What a real camera encodes in the minutes between is left out. Suspects are visited sooner, as the
patrol does; those visits count too.

A seed's result is a file of its own (`seed-N.npz`: every column of every visit and the margins; `seed-N.json`: what was
confirmed and suspected). A seed whose file is there is not done again, so a run can be stopped and resumed.

False alarms per camera-day at the goal of 0.001 cannot be counted in 300 camera-days. They are extrapolated from the
stored margins; see `extrapolate`.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.camera_faults import margins
from benchmarks.camera_faults.faults import fast_directory
from benchmarks.camera_faults.footage import Set, StreetFootage, quiet_libraries
from benchmarks.camera_faults.pipeline import EVERY_S, Bench, Patrolled, columns_of
from benchmarks.camera_faults.work import in_processes
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Fault
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.testing.coded import CameraEncoder, EncoderSetting
from citywatch.testing.street_life import DAY_S

FIRST_SEEDS: Mapping[Set, int] = {"scoring": 71_000, "tuning": 100}
"""Other seeds than those of the faults. Streets of 20,000, 40,000, 50,000, 60,000, 65,000 and 70,000 and more have been
looked at, so they score no more."""
AT_DUSK = -1.0
DUSK_H = -0.75
"""So many hours from sunset on a camera that is first seen at dusk is looked at for the first time: its first looks
are of twilight, and its first infrared night follows within the hour.
"""

Floats = np.ndarray[Any, np.dtype[np.float64]]
Survival = Callable[[Floats], Floats]
"""The chance that a fitted distribution exceeds each value."""


@dataclass(slots=True)
class CleanResult:
    """What a healthy camera was accused of.

    confirmed  (fault, seconds, reason, measure, value, threshold) of every false alarm
    suspected  how often each fault was suspected
    unchecked  visits without a picture
    """

    seed: int
    days: int
    encoder: str
    visits: int = 0
    confirmed: list[tuple[str, float, str, str, float | None, float | None]] = field(default_factory=list)
    suspected: dict[str, int] = field(default_factory=dict)
    unchecked: int = 0
    references: int = 0
    wall_s: float = 0.0
    key_bytes: int = 0
    """Median size of a key frame."""
    begin_h: float = 0.0
    """Hour of the first look; AT_DUSK: in the camera's own twilight."""


def encoder_of(seed: int) -> EncoderSetting:
    """The encoder that a seed draws: in six of ten cameras x264 (every fourth of them pixel-freezing), in two x265,
    in one MPEG-4, in one MJPEG."""
    dice = np.random.default_rng([seed, 61])
    kind, rate = dice.uniform(), int(dice.integers(4))
    if kind < 0.6:
        kbit_s = (100, 200, 350, 600)[rate]
        quiet = bool(dice.uniform() < 0.25)
        name = f"x264 {kbit_s} kbit/s" + (" pixel-freezing" if quiet else "")
        return EncoderSetting(name, "h264", kbit_s, quiet=quiet, between=1 + rate % 2)
    if kind < 0.8:
        kbit_s = (50, 80, 120, 160)[rate]
        return EncoderSetting(f"x265 {kbit_s} kbit/s", "hevc", kbit_s, between=1)
    if kind < 0.9:
        quantiser = (3, 5, 8, 12)[rate]
        return EncoderSetting(f"MPEG-4 q{quantiser}", "mpeg4", quantiser=quantiser)
    quantiser = (3, 5, 8, 12)[rate]
    return EncoderSetting(f"MJPEG q{quantiser}", "mjpeg", quantiser=quantiser)


def run_seed(task: tuple[int, int, str, Set, float]) -> CleanResult:
    """One camera over its days; its two files are written when it is done."""
    seed, days, out, which, begin_h = task
    done = _done(Path(out), seed, days, begin_h)
    if done is not None:
        return done
    quiet_libraries()
    began = time.perf_counter()
    footage, setting = StreetFootage(which, seed), encoder_of(seed)
    result = CleanResult(seed, days, setting.name, begin_h=begin_h)
    columns: dict[str, list[float]] = {}
    sizes: list[int] = []
    suspected: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="citywatch-clean-", dir=fast_directory()) as directory,
        CameraEncoder(setting, footage.width, footage.height) as encoder,
    ):
        begin_s = 3600.0 * (footage.life.sunset_h + DUSK_H if begin_h == AT_DUSK else begin_h)
        camera = Patrolled(Bench(Path(directory)), f"clean-{seed}", begin_s, EVERY_S)
        for at_s in camera.turns(begin_s + days * DAY_S):
            unit = encoder.visit(footage.look(at_s), footage.after(at_s, setting.between))
            sizes.append(len(unit))
            for event in camera.visit(at_s, setting.codec, unit):
                match event.kind:
                    case EventKind.FAULT_CONFIRMED:
                        told = event.data["evidence"]
                        result.confirmed.append(
                            (event.data["fault"], at_s, event.data["reason"], told["measure"], told["value"],
                             told["threshold"])
                        )  # fmt: skip
                    case EventKind.SUSPICION_RAISED:
                        suspected[str(event.data["fault"])] += 1
                    case EventKind.REFERENCE_ADOPTED:
                        result.references += 1
                    case _:
                        pass
            if camera.row is None:
                raise AssertionError("a visit without a row")
            result.visits += 1
            result.unchecked += int(camera.row.outcome[0]) != 0
            figures = {"at_s": at_s, **columns_of(camera.row), **margins.of(camera)}
            for name, value in figures.items():
                columns.setdefault(name, [math.nan] * (result.visits - 1)).append(value)
            for values in columns.values():
                if len(values) < result.visits:
                    values.append(math.nan)
    result.suspected, result.key_bytes = dict(suspected), int(np.median(sizes))
    result.wall_s = round(time.perf_counter() - began, 1)
    _store(Path(out), result, columns)
    return result


def _store(out: Path, result: CleanResult, columns: Mapping[str, Sequence[float]]) -> None:
    """Both files appear whole; the JSON last, since it says that the seed is done."""
    arrays = {name: np.array(values, np.float64 if name == "at_s" else np.float32) for name, values in columns.items()}
    for name, write in (
        ("npz", lambda path: np.savez_compressed(path, allow_pickle=False, **arrays)),
        ("json", lambda path: path.write_text(json.dumps(asdict(result)) + "\n")),
    ):
        unfinished = out / f"unfinished-{result.seed}.{name}"
        write(unfinished)
        os.replace(unfinished, out / f"seed-{result.seed}.{name}")


def _done(out: Path, seed: int, days: int, begin_h: float) -> CleanResult | None:
    file = out / f"seed-{seed}.json"
    if not file.exists():
        return None
    values = json.loads(file.read_text())
    if values["days"] != days or values.get("begin_h", 0.0) != begin_h:
        raise SystemExit(f"{file} is of a run over {values['days']} days or from another hour: take another directory")
    values["confirmed"] = [tuple(item) for item in values["confirmed"]]
    return CleanResult(**values)


def run(
    out: Path,
    *,
    seeds: int,
    days: int,
    processes: int = 2,
    which: Set = "scoring",
    first_seed: int | None = None,
    begin_h: float = 0.0,
) -> list[CleanResult]:
    """Results of `seeds` cameras over `days` days each; what is in `out` already is not done again.

    begin_h  hour of the first look, of the camera's first day; AT_DUSK: in each camera's own twilight
    """
    first = FIRST_SEEDS[which] if first_seed is None else first_seed
    out.mkdir(parents=True, exist_ok=True)
    tasks = [(first + number, days, str(out), which, begin_h) for number in range(seeds)]
    return in_processes(run_seed, tasks, processes, lambda task: f"seed {task[0]}")


def stored(out: Path) -> list[CleanResult]:
    """All seeds that are done in a directory."""
    found = []
    for file in sorted(out.glob("seed-*.json")):
        values = json.loads(file.read_text())
        values["confirmed"] = [tuple(item) for item in values["confirmed"]]
        found.append(CleanResult(**values))
    return found


# ---- extrapolation


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """What the upper tail of a fault's margins says of looks that would be bad.

    worst         the largest margin of a look in order, 0 or more: bad
    looks         how many looks had a margin
    per_day       looks with a margin of 0 or more, expected per camera-day: the larger of two fits
    upper         the same, 95th percentile over cameras drawn anew
    """

    fault: str
    worst: float
    looks: int
    per_day: float
    upper: float


TAILS = (0.005, 0.002, 0.001, 0.0005)
"""The shares of looks whose margins a tail is fitted to."""
_DRAWS = 200
_LEAST_RUNS = 10
"""With fewer runs above the quantile no tail is fitted: what was seen is all there is."""
_REFUTED_EXPONENTIAL, _REFUTED = 1.094, 1.358
"""Kolmogorov's distance, in its own units, that 5 in 100 true fits exceed: of an exponential whose mean is estimated
(Stephens 1974), and of a distribution that is known. The second keeps a fit with two estimated parameters too often."""


def extrapolate(out: Path, looks: int | None = None) -> list[Extrapolation]:
    """False alarms that the stored margins let expect, per fault. It is an extrapolation.

    A fault is confirmed by so many bad looks in a row as the rules say (`looks` instead of it); so the figure that
    counts is the smallest margin of that many looks in a row of one camera (negative: in order). Of each run of looks
    above a high quantile u only the largest counts (looks in a row are not independent). The excesses over u are
    fitted by an exponential distribution, and by a generalised Pareto distribution, for each quantile of TAILS. The
    rate at which they reach 0 is the number of runs per camera-day times the fitted chance of an excess of -u or more.
    The largest rate of all fits that the excesses themselves do not refute (Kolmogorov's distance, 5 percent) is
    given, of all fits where none is left, and never less than what was seen: where a margin mixes two causes, a tail
    that begins among the common one says nothing of the rare one. The upper bound is the 95th percentile over 200 sets
    of cameras drawn anew with replacement, since cameras differ more than looks do.

    Not counted is that two looks confirm a fault which something else hid at the look between them: in the clean proof
    no suspicion has come so far.

    A margin is what the picture alone says; where the reference has the last word (the focus, colour), a look may be
    in order for the rules whose margin here is not.
    """
    cameras: dict[str, list[tuple[Floats, float]]] = {}
    for file in sorted(out.glob("seed-*.npz")):
        with np.load(file) as arrays:
            days = float(arrays["at_s"][-1] - arrays["at_s"][0]) / DAY_S
            for name in arrays.files:
                if name.startswith(margins.PREFIX):
                    fault = name.removeprefix(margins.PREFIX)
                    row = looks or CONFIRMATIONS[Fault(fault)].confirm_looks
                    cameras.setdefault(fault, []).append((_in_a_row(arrays[name].astype(np.float64), row), days))
    dice = np.random.default_rng(71)
    found = []
    for fault, parts in sorted(cameras.items()):
        every = np.concatenate([values for values, _ in parts])
        every = every[np.isfinite(every)]
        if len(every) < 1000:
            continue
        drawn = [
            _rate([parts[int(number)] for number in dice.integers(0, len(parts), len(parts))]) for _ in range(_DRAWS)
        ]
        found.append(
            Extrapolation(fault, float(every.max()), len(every), _rate(parts), float(np.percentile(drawn, 95)))
        )
    return found


def _in_a_row(values: Floats, looks: int) -> Floats:
    """The smallest of each `looks` values in a row; NaN where one of them is."""
    if len(values) < looks:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, looks).min(axis=1))


def _rate(parts: Sequence[tuple[Floats, float]]) -> float:
    """Runs of looks that reach a margin of 0, per camera-day."""
    apart = np.array([math.nan])
    cameras = np.concatenate([part for values, _ in parts for part in (values, apart)])
    days = sum(part_days for _, part_days in parts)
    seen = len(_peaks(cameras, 0.0)) / days
    limits = np.quantile(cameras[np.isfinite(cameras)], [1.0 - tail for tail in TAILS])
    rates = [rate for limit in limits for rate in _tail_rates(cameras, float(limit), days)]
    stand = [rate for rate, refuted in rates if not refuted]
    return max([seen, *(stand or [rate for rate, _ in rates])])


def _tail_rates(cameras: Floats, limit: float, days: float) -> list[tuple[float, bool]]:
    """(rate by a fit, whether the excesses refute it) of both fits over a limit; none where there are too few runs."""
    if limit >= 0:
        return []
    excesses = np.sort(_peaks(cameras, limit) - limit)
    if len(excesses) < _LEAST_RUNS:
        return []
    found = []
    for survival, most in ((_exponential(excesses), _REFUTED_EXPONENTIAL), (_pareto(excesses), _REFUTED)):
        rate = len(excesses) / days * float(survival(np.array([-limit]))[0])
        found.append((rate, _distance(excesses, survival) > most))
    return found


def _distance(ordered: Floats, survival: Survival) -> float:
    """Kolmogorov's distance between excesses and what was fitted to them, in Stephens' form for small numbers."""
    n, below = len(ordered), 1.0 - survival(ordered)
    steps = np.arange(n)
    distance = float(max((below - steps / n).max(), ((steps + 1) / n - below).max()))
    return (distance - 0.2 / n) * (math.sqrt(n) + 0.26 + 0.5 / math.sqrt(n))


def _peaks(values: Floats, limit: float) -> Floats:
    """The largest value of each run above the limit, or at it where it is 0; NaN parts runs."""
    above = np.concatenate([[False], values >= limit if limit == 0.0 else values > limit])
    starts = np.flatnonzero(above[1:] & ~above[:-1])
    if not len(starts):
        return np.zeros(0)
    return np.asarray(np.maximum.reduceat(np.where(above[1:], values, -np.inf), starts))


def _exponential(excesses: Floats) -> Survival:
    mean = float(excesses.mean())
    return lambda reach: np.exp(-reach / mean)


def _pareto(ordered: Floats) -> Survival:
    """Survival of a generalised Pareto distribution by probability-weighted moments (Hosking and Wallis 1987)."""
    n = len(ordered)
    first = float(ordered.mean())
    second = float(((n - np.arange(1, n + 1)) / (n - 1) * ordered).mean())
    if first <= 2 * second:
        return _exponential(ordered)
    shape = 2.0 - first / (first - 2 * second)
    scale = 2.0 * first * second / (first - 2 * second)
    if abs(shape) < 1e-6:
        return lambda reach: np.exp(-reach / scale)

    def survival(reach: Floats) -> Floats:
        base = 1.0 + shape * reach / scale
        return np.where(base > 0, np.maximum(base, 1e-300) ** (-1.0 / shape), 0.0)

    return survival


def clock_of(at_s: float) -> str:
    """An instant of a run as people read it: day and time."""
    day, rest = divmod(at_s, DAY_S)
    return f"day {int(day) + 1} {int(rest // 3600):02d}:{int(rest % 3600 // 60):02d}"
