"""Proofs by killing: a child script runs, and kills itself with SIGKILL at the n-th call of a named probe.

A *probe* is a function that product code calls at the places where a crash would be worst, with the name of the
place (`segment_renamed`, `sql_committed`, ...); in the product it does nothing. A script under proof builds its
parts with `probe_of_child()` and otherwise does its real work on real files and real servers:

    points = rehearse([script, "work"]).counts        how often each place is passed when nothing happens
    for point in kill_points(points, seed=7, times=5):
        run_child([script, "work"], kill=point)        dies there, with whatever it had open
        run_child([script, "work"])                    the same work again must end as if nothing had happened

The child dies in the very call of the probe: no `finally`, no flush, no exit handler runs. Nothing here waits for a
moment by the clock, so a proof fails again where it failed before.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Probe = Callable[[str], None]

_KILL = "CITYWATCH_TEST_KILL_AT"
_COUNTS = "CITYWATCH_TEST_COUNTS_TO"


def no_probe(place: str) -> None:
    """What the product calls: nothing."""


@dataclass(frozen=True, slots=True)
class KillAt:
    """SIGKILL at the `call`-th call (from 1) of the probe named `place`."""

    place: str
    call: int

    def __str__(self) -> str:
        return f"{self.place}#{self.call}"


@dataclass(frozen=True, slots=True)
class ChildRun:
    """How a child ended, and how often it had passed each place by then."""

    killed: bool
    counts: Mapping[str, int]
    stdout: str
    stderr: str


class ChildFailed(AssertionError):
    """A child ended in a way that no proof foresees: by an error, a foreign signal, or out of time."""


class _ChildProbe:
    """Counts calls by place, for any number of threads; kills its own process at the chosen one."""

    def __init__(self, kill: KillAt | None, counts: Path | None) -> None:
        self._kill = kill
        self._file = open(counts, "ab", buffering=0) if counts is not None else None  # noqa: SIM115  (until death)
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, place: str) -> None:
        with self._lock:
            self._passed[place] += 1
            if self._file is not None:
                # One unbuffered write a call: what was written outlives the process.
                self._file.write(json.dumps(place).encode() + b"\n")
            if self._kill is not None and self._kill.place == place and self._kill.call == self._passed[place]:
                os.kill(os.getpid(), signal.SIGKILL)


def probe_of_child() -> Probe:
    """The probe of this process, as run_child has ordered it; without an order it does nothing."""
    kill, counts = os.environ.get(_KILL, ""), os.environ.get(_COUNTS, "")
    if not kill and not counts:
        return no_probe
    place, _, call = kill.rpartition("#")
    return _ChildProbe(KillAt(place, int(call)) if kill else None, Path(counts) if counts else None)


def run_child(arguments: Sequence[str | Path], *, kill: KillAt | None = None, timeout_s: float = 60.0) -> ChildRun:
    """Run a Python script (path, then its arguments) to its end or to its death at `kill`.

    A run without `kill` must end with 0. One with `kill` may also end with 0: the place was not passed so often
    this time (`killed` says which). Anything else raises ChildFailed with what the child wrote.
    """
    with tempfile.TemporaryDirectory(prefix="citywatch-proof-") as folder:
        counts = Path(folder, "counts")
        environment = os.environ | {_COUNTS: str(counts), _KILL: str(kill) if kill else ""}
        command = [sys.executable, *map(str, arguments)]
        said, cried = Path(folder, "stdout"), Path(folder, "stderr")
        # Files, not pipes: a process that the child leaves behind must not keep us waiting for its end.
        with said.open("wb") as stdout, cried.open("wb") as stderr:
            try:
                code = subprocess.run(  # noqa: S603
                    command, env=environment, stdout=stdout, stderr=stderr, timeout=timeout_s, check=False
                ).returncode
            except subprocess.TimeoutExpired as error:
                words = cried.read_text("utf-8", "replace")[-4000:]
                raise ChildFailed(f"{arguments[0]} did not end within {timeout_s} s:\n{words}") from error
        lines = counts.read_text("utf-8").splitlines() if counts.exists() else []
        output, errors = (file.read_text("utf-8", "replace") for file in (said, cried))
    killed = code == -signal.SIGKILL
    passed = Counter(json.loads(line) for line in lines)
    if (killed and (kill is None or passed[kill.place] != kill.call)) or (not killed and code):
        raise ChildFailed(f"{arguments[0]} ended with {code}, kill was {kill}:\n{errors[-4000:]}")
    return ChildRun(killed, passed, output, errors)


def rehearse(arguments: Sequence[str | Path], *, timeout_s: float = 60.0) -> ChildRun:
    """One undisturbed run: its counts say where one can kill, and what it leaves is what every proof must leave."""
    return run_child(arguments, timeout_s=timeout_s)


def kill_points(counts: Mapping[str, int], *, seed: int, times: int) -> list[KillAt]:
    """`times` different calls of every place, chosen by the seed, in a fixed order; all calls where there are fewer."""
    chance = random.Random(seed)  # noqa: S311  (a choice that can be repeated, no secret)
    return [
        KillAt(place, call)
        for place in sorted(counts)
        for call in sorted(chance.sample(range(1, counts[place] + 1), min(times, counts[place])))
    ]
