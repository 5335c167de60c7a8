"""What every scenario shares: rows, spreads, paired timing, whole-process timing, peers.

A scenario is a module `benchmarks/NAME.py` with `SCENARIO = "NAME"` and `run() -> list[Row]`, listed in
`benchmarks/__main__.py`. It runs in a fresh process of its own, so that neither its imports nor its memory
colour the next one. Figures against a peer are taken in one run, interleaved round by round: what disturbs the
machine disturbs both. Every row carries its spread; a figure without one says so with n = 1.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHARED_DATA = ROOT / ".." / "shared" / "data"

PEER_ABSENT = "peer absent"
"""Note of a row whose peer's virtual environment has not been built (`python -m benchmarks peers`)."""

State = Literal["cold", "warm"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit that a figure must keep: `at_most` or `at_least` in the row's unit, of its value or of its ratio."""

    at_most: float | None = None
    at_least: float | None = None
    of: Literal["value", "ratio"] = "value"

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a goal has exactly one of at_most and at_least")

    def text(self, unit: str) -> str:
        sign, limit = ("<=", self.at_most) if self.at_most is not None else (">=", self.at_least)
        return f"{sign} {limit:g} {'x peer' if self.of == 'ratio' else unit}"

    def met(self, value: float | None, ratio: float | None) -> bool | None:
        """None when the figure that the goal speaks of was not measured."""
        figure = value if self.of == "value" else ratio
        if figure is None or math.isnan(figure):
            return None
        return figure <= self.at_most if self.at_most is not None else figure >= (self.at_least or 0.0)


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of n samples, and the 99th percentile (nearest rank)."""

    smallest: float
    median: float
    p99: float
    largest: float
    n: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        if not samples:
            raise ValueError("a spread needs at least one sample")
        ordered = sorted(samples)
        rank = max(math.ceil(0.99 * len(ordered)), 1)
        return cls(ordered[0], statistics.median(ordered), ordered[rank - 1], ordered[-1], len(ordered))

    def scaled(self, factor: float) -> Spread:
        return Spread(self.smallest * factor, self.median * factor, self.p99 * factor, self.largest * factor, self.n)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result. `value` is the figure (the median unless the figure's name says p99 or peak).

    `ratio` is our figure over the peer's, taken in the same run; `goal` and `met` are None where nothing is promised;
    `met` is None too where a promised figure could not be measured, which counts as not met.
    `min`, `median`, `max` and `n` are the spread of the samples behind `value`, in the same unit.
    """

    scenario: str
    figure: str
    value: float | None
    unit: str
    peer: str | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None
    min: float | None = None
    median: float | None = None
    max: float | None = None
    n: int = 1
    state: State = "warm"
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def row(
    scenario: str,
    figure: str,
    value: float | None,
    unit: str,
    *,
    peer: str | None = None,
    ratio: float | None = None,
    goal: Goal | None = None,
    spread: Spread | None = None,
    state: State = "warm",
    note: str = "",
) -> Row:
    """A Row with its goal judged."""
    return Row(
        scenario,
        figure,
        value,
        unit,
        peer=peer,
        ratio=ratio,
        goal=goal.text(unit) if goal else None,
        met=goal.met(value, ratio) if goal else None,
        min=spread.smallest if spread else value,
        median=spread.median if spread else value,
        max=spread.largest if spread else value,
        n=spread.n if spread else 1,
        state=state,
        note=note,
    )


def peer_absent(scenario: str, figure: str, unit: str, peer: str) -> Row:
    """The row of a comparison that could not be made."""
    return Row(scenario, figure, None, unit, peer=peer, note=PEER_ABSENT, n=0)


@dataclass(frozen=True, slots=True)
class Paired:
    """Two things timed in turn in one run. Seconds a call; `ratio` is the spread of ours over the peer's, per round."""

    ours: Spread
    peer: Spread
    ratio: Spread


def paired(ours: Callable[[], object], peer: Callable[[], object], *, rounds: int = 31, calls: int = 1) -> Paired:
    """Time `ours` and `peer` in turn, `calls` calls each a round, after one untimed round; who is first alternates."""
    _seconds(ours, calls)
    _seconds(peer, calls)
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        if number % 2:
            theirs.append(_seconds(peer, calls))
            mine.append(_seconds(ours, calls))
        else:
            mine.append(_seconds(ours, calls))
            theirs.append(_seconds(peer, calls))
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return Paired(Spread.of(mine), Spread.of(theirs), Spread.of(ratios))


def repeated(function: Callable[[], object], *, rounds: int = 31, calls: int = 1) -> Spread:
    """Seconds a call of one function, after one untimed round."""
    _seconds(function, calls)
    return Spread.of([_seconds(function, calls) for _ in range(rounds)])


def _seconds(function: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """One whole process: wall seconds from spawn to exit, its peak resident memory, and how it ended.

    `peak_rss_mb` is the largest of the process and those of its children that it waited for (10^6 bytes), as
    the kernel counts it; `cpu_s` is their user and system time together.
    """

    seconds: float
    cpu_s: float
    peak_rss_mb: float
    exit_code: int


_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - start
figures = [seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]
os.write(int(sys.argv[1]), json.dumps(figures).encode())
"""


def whole_process(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    output: Path | None = None,
    wanted_exit: int | None = 0,
) -> ProcessRun:
    """Run a command to its end and measure it with wait4. RuntimeError when it ends otherwise than wanted.

    A bare interpreter of some 10 MB starts it: the peak memory that the system tells of a child is never below what
    its parent held when it was started, and we may hold a lot.
    """
    words = [str(word) for word in command]
    told, tell = os.pipe()
    with open(output or os.devnull, "wb") as sink, os.fdopen(told, "rb") as figures:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(tell), *words],
            cwd=directory,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink if output else None,
            pass_fds=(tell,),
            check=True,
        )
        os.close(tell)
        seconds, cpu_s, peak, exit_code = json.loads(figures.read())
    if wanted_exit is not None and exit_code != wanted_exit:
        raise RuntimeError(f"{' '.join(words)} ended with {exit_code}, {wanted_exit} was wanted")
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    return ProcessRun(seconds, cpu_s, peak * (1 if sys.platform == "darwin" else 1024) / 1e6, exit_code)


def peer_python(name: str) -> Path | None:
    """The interpreter of a peer's own virtual environment, or None when it has not been built."""
    python = HERE / "peers" / name / "venv" / "bin" / "python"
    return python if python.exists() else None


def one_thread() -> dict[str, str]:
    """The environment of this process with one thread for every numeric library."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(threads, "1")}
