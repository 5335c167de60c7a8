"""A MON file to events and segments on disk: whole processes of `citywatch replay`, from spawn to exit.

The file is a year of the reference city (5.25 million passes, 0.43 % over the limit) from the project's seeded
generator; a quarter of it shows whether memory grows with the length. The peer reads the same quarter and does nothing
else with it: BTLS is the C++ programme that the layout comes from.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

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

SCENARIO = "replay"
YEAR = 5_250_000
QUARTER = YEAR // 4
ROUNDS = 3
SEED = 20_250_101
_PEER = "pybtls 1.0.1, reading only"
_PEER_CODE = """
import sys
from pybtls.garage.read import read_garage_file
print(len(read_garage_file(sys.argv[1], 4)))
"""


class _Bench:
    """Replays files in one directory, each into a data directory of its own that is removed again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def generate(self, name: str, passes: int, disorder: str) -> Path:
        path = self._directory / name
        code = (
            "import sys; from pathlib import Path; from citywatch.testing.trucks import Disorder, write_mon;"
            "write_mon(Path(sys.argv[1]), int(sys.argv[2]), seed=int(sys.argv[3]), disorder=Disorder(sys.argv[4]))"
        )
        whole_process([sys.executable, "-c", code, path, str(passes), str(SEED), disorder], environment=one_thread())
        return path

    def replay(self, file: Path, passes: int, *, rerun: bool = False) -> tuple[ProcessRun, ProcessRun | None]:
        """The run, and when wanted the rerun of its recording; both are checked for what they should have found."""
        data, summary, events = (self._directory / name for name in ("data", "summary.json", "events.jsonl"))
        outputs = ["--data-dir", data, "--summary", summary, "--events", events]
        words = [sys.executable, "-m", "citywatch"]
        run = whole_process([*words, "replay", file, "--law", "cn-gross", *outputs], environment=one_thread())
        counted = json.loads(summary.read_text())
        if counted["passes"] != passes or not list(data.rglob("*.parquet")):
            raise RuntimeError(f"{file.name}: {counted['passes']} passes where {passes} were written")
        again = None
        if rerun:
            told = events.read_bytes()
            again = whole_process([*words, "rerun", "--law", "cn-gross", *outputs], environment=one_thread())
            if events.read_bytes() != told:
                raise RuntimeError("the rerun gave other events than the replay")
        shutil.rmtree(data)
        return run, again


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="citywatch-replay-") as name:
        bench = _Bench(Path(name))
        quarter = bench.generate("quarter.mon", QUARTER, "none")
        bench.replay(quarter, QUARTER)  # compiles the kernels, and warms the disk
        rows, quarter_rss = _against_peer(bench, quarter)
        quarter.unlink()
        whole = bench.generate("whole.mon", QUARTER, "whole")
        disordered = Spread.of([QUARTER / bench.replay(whole, QUARTER)[0].seconds for _ in range(ROUNDS)])
        whole.unlink()
        year = bench.generate("year.mon", YEAR, "none")
        runs, reruns = zip(*[bench.replay(year, YEAR, rerun=True) for _ in range(ROUNDS)], strict=True)
    seconds = Spread.of([one.seconds for one in runs])
    year_rss = Spread.of([one.peak_rss_mb for one in runs])
    rerun_rate = Spread.of([YEAR / one.seconds for one in reruns])
    rerun_rss = Spread.of([one.peak_rss_mb for one in reruns])
    rate = Spread.of([YEAR / one.seconds for one in runs])
    growth = year_rss.largest / quarter_rss
    return [
        row(SCENARIO, "a year's file to events and segments, median", rate.median, "passes/s",
            goal=Goal(at_least=100_000), spread=rate),
        row(SCENARIO, "a year's file, slowest", seconds.largest, "s", goal=Goal(at_most=60), spread=seconds),
        row(SCENARIO, "peak memory on a year's file", year_rss.largest, "MB", goal=Goal(at_most=600), spread=year_rss),
        row(SCENARIO, "peak memory, a year's over a quarter's file", growth, "x", goal=Goal(at_most=1.15)),
        row(SCENARIO, "wholly disordered quarter, median", disordered.median, "passes/s",
            goal=Goal(at_least=100_000), spread=disordered),
        row(SCENARIO, "rerun of the year's recording, median", rerun_rate.median, "passes/s", spread=rerun_rate),
        row(SCENARIO, "peak memory of the rerun", rerun_rss.largest, "MB", goal=Goal(at_most=600), spread=rerun_rss),
        *rows,
    ]  # fmt: skip


def _against_peer(bench: _Bench, quarter: Path) -> tuple[list[Row], float]:
    """The quarter's rate, next to the peer where it is there; and our peak memory in MB."""
    figure = "a quarter's file to events and segments, median"
    python = peer_python("pybtls")
    ours: list[ProcessRun] = []
    theirs: list[ProcessRun] = []
    for _ in range(ROUNDS):
        ours.append(bench.replay(quarter, QUARTER)[0])
        if python is not None:
            theirs.append(whole_process([python, "-c", _PEER_CODE, quarter], environment=one_thread()))
    rate = Spread.of([QUARTER / one.seconds for one in ours])
    rss = max(one.peak_rss_mb for one in ours)
    if not theirs:
        return [row(SCENARIO, figure, rate.median, "passes/s", spread=rate),
                peer_absent(SCENARIO, figure, "passes/s", _PEER)], rss  # fmt: skip
    ratio = Spread.of([b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]).median
    peer_rate = Spread.of([QUARTER / one.seconds for one in theirs])
    peer_rss = max(one.peak_rss_mb for one in theirs)
    return [
        row(SCENARIO, figure, rate.median, "passes/s", peer=_PEER, ratio=ratio, spread=rate),
        row(SCENARIO, "the peer's reading of the quarter, median", peer_rate.median, "passes/s", spread=peer_rate,
            note=f"its peak memory {peer_rss:.0f} MB, ours {rss:.0f} MB"),
    ], rss  # fmt: skip
