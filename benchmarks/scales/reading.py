"""Records: how fast files of scales are read and checked, against BTLS, and a year from file to events and statistics.

The peer is BTLS (its Python package, C++ inside), from which the MON layout comes. Both read the same file in
interpreters of their own, taking turns: from the name of the file to all its vehicles in memory. Ours checks every
column of every line on the way; theirs takes any text for a number. The year is the whole command, on one core.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._frame import (
    Goal,
    ProcessRun,
    Row,
    Spread,
    one_thread,
    peer_absent,
    peer_python,
    row,
    whole_process,
)

SCENARIO = "scales"
SEED = 20_260_501
LINES = 200_000
TURNS = 5
ROUNDS = 3
"""Of each in one turn; the best of them counts, so that what else the machine does weighs on neither."""
YEAR = 5_250_000
QUARTER = YEAR // 4
FORMATS = ("mon", "castor", "bedit", "ditis", "tmg", "jsonl", "csv", "parquet")
"""The first is MON itself, written and read once more."""
_PEER = "pybtls 1.0.1"
_PEER_CODE = """
import json, sys, time
from pybtls.garage.read import read_garage_file
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    count = len(read_garage_file(sys.argv[1], 4))
    times.append(time.perf_counter() - start)
print()
print(json.dumps([count, min(times)]))
"""
_OUR_CODE = """
import json, sys, time
from pathlib import Path
from citywatch.adapters.scales.files import RecordFile
from citywatch.adapters.scales.records import Terms, chunks
from citywatch.app.kernels import use_cache, warm_imported
use_cache()
path, kind, terms = Path(sys.argv[1]), sys.argv[3], Terms("17018115")
def read():
    found = [chunk.passes for chunk in chunks(RecordFile(path), kind, terms, lambda _: None)]
    return sum(len(passes) for passes in found)
read()
warm_imported()
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    count = read()
    times.append(time.perf_counter() - start)
print(json.dumps([count, min(times)]))
"""
_ONE_CORE = """
import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.execv(sys.argv[1], sys.argv[1:])
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="citywatch-reading-") as name:
        folder = Path(name)
        mon = _generated(folder / "records.mon", LINES)
        return [*_against_peer(mon), *_formats(mon, folder), *_year(folder)]


def _generated(path: Path, passes: int) -> Path:
    code = (
        "import sys; from pathlib import Path; from citywatch.testing.trucks import write_mon;"
        "write_mon(Path(sys.argv[1]), int(sys.argv[2]), seed=int(sys.argv[3]))"
    )
    whole_process([sys.executable, "-c", code, path, str(passes), str(SEED)], environment=one_thread())
    return path


def _timed(python: Path | str, code: str, file: Path, *more: str) -> float:
    """Seconds of the best reading of a file in an interpreter of its own; RuntimeError when it read fewer lines."""
    command: list[Any] = [python, "-c", code, file, str(ROUNDS), *more]
    done = subprocess.run(command, env=one_thread(), check=True, capture_output=True, text=True)
    count, seconds = json.loads(done.stdout.splitlines()[-1])
    if count != LINES:
        raise RuntimeError(f"{file.name}: {count} passes where {LINES} were written")
    return float(seconds)


def _against_peer(mon: Path) -> list[Row]:
    figure = "MON reading, every column checked"
    goal = Goal(at_least=3.0, of="ratio")
    python = peer_python("pybtls")
    ours, theirs = [], []
    _timed(sys.executable, _OUR_CODE, mon, "mon")  # compiles
    for _ in range(TURNS):
        ours.append(_timed(sys.executable, _OUR_CODE, mon, "mon"))
        if python is not None:
            theirs.append(_timed(python, _PEER_CODE, mon))
    rate = Spread.of([LINES / seconds for seconds in ours])
    if not theirs:
        return [row(SCENARIO, figure, rate.median, "records/s", spread=rate),
                peer_absent(SCENARIO, figure, "records/s", _PEER)]  # fmt: skip
    peer = Spread.of([LINES / seconds for seconds in theirs])
    ratio = Spread.of([b / a for a, b in zip(ours, theirs, strict=True)])
    return [
        row(SCENARIO, figure, rate.median, "records/s", peer=_PEER, ratio=ratio.median, goal=goal, spread=rate,
            note=f"the peer {peer.median:,.0f}, unchecked; ratio {ratio.smallest:.1f} to {ratio.largest:.1f}"),
    ]  # fmt: skip


def _formats(mon: Path, folder: Path) -> list[Row]:
    """The other formats, from the same vehicles."""
    rows = []
    for kind in FORMATS:
        file = folder / f"converted.{kind}"
        words: list[str | Path] = [sys.executable, "-m", "citywatch", "scale", "convert", mon, file, "--to", kind]
        made = whole_process([*words, "--station", "17018115"], environment=one_thread())
        rate = Spread.of([LINES / _timed(sys.executable, _OUR_CODE, file, kind) for _ in range(2)])
        rows.append(row(SCENARIO, f"reading {kind}, checked", rate.median, "records/s", spread=rate))
        rows.append(row(SCENARIO, f"scale convert, MON to {kind}", LINES / made.seconds, "records/s", state="cold"))
        file.unlink()
    return rows


def _year(folder: Path) -> list[Row]:
    """The reference city's year and a quarter of it, each as one command on one core."""
    quarter = _generated(folder / "quarter.mon", QUARTER)
    quarter_mb = _replayed(folder, quarter, QUARTER).peak_rss_mb
    quarter.unlink()
    year = _generated(folder / "year.mon", YEAR)
    runs = [_replayed(folder, year, YEAR) for _ in range(ROUNDS)]
    year.unlink()
    seconds = Spread.of([one.seconds for one in runs])
    peak = Spread.of([one.peak_rss_mb for one in runs])
    return [
        row(SCENARIO, "a year from file to events and statistics, one core", seconds.median, "s",
            goal=Goal(at_most=45), spread=seconds, note=f"{YEAR / seconds.median:,.0f} passes/s"),
        row(SCENARIO, "its peak memory", peak.largest, "MB", spread=peak),
        row(SCENARIO, "its peak memory over that of a quarter", peak.largest / quarter_mb, "x",
            goal=Goal(at_most=1.15)),
    ]  # fmt: skip


def _replayed(folder: Path, file: Path, passes: int) -> ProcessRun:
    data, summary, events = (folder / name for name in ("data", "summary.json", "events.jsonl"))
    words: list[str | Path] = [sys.executable, "-c", _ONE_CORE, sys.executable, "-m", "citywatch", "replay", file]
    outputs: list[str | Path] = ["--law", "cn-gross", "--data-dir", data, "--summary", summary, "--events", events]
    run = whole_process([*words, *outputs], environment=one_thread())
    counted = json.loads(summary.read_text())
    if counted["passes"] != passes:
        raise RuntimeError(f"{file.name}: {counted['passes']} passes where {passes} were written")
    if "statistics" not in counted:
        raise RuntimeError("the summary of the replay holds no statistics")
    shutil.rmtree(data)
    return run
