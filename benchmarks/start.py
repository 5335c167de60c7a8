"""How long a start takes: `citywatch run` to ready, cold and warm, and `citywatch --help` to its end.

Cold is the first start ever in a new data directory: no compiled kernels, no store, no log. Warm is a start of a
directory that has all of that. Ready is the first 200 of GET /readyz, counted from the spawn of the process.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks._city import City
from benchmarks._frame import Goal, Row, Spread, row, whole_process

SCENARIO = "start"
COLD_STARTS, WARM_STARTS, HELP_ROUNDS = 3, 7, 21
_CONFIG = "scales:\n  - {station: BENCH, direction: 1, lane: 1}\n"


def _one(directory: Path, config: Path, data: Path, limit_s: float) -> tuple[float, float]:
    """Seconds to ready and to stop."""
    environment = {"XDG_CACHE_HOME": str(data.parent / "cache")}
    arguments = ("--config", str(config), "--data-dir", str(data))
    city = City([sys.executable, "-m", "citywatch"], directory, *arguments, environment=environment)
    return city.until_ready(limit_s), city.stop()


def run() -> list[Row]:
    os.environ.pop("NUMBA_CACHE_DIR", None)  # a cold start finds no kernels that somebody else compiled
    cold, warm, stops = [], [], []
    with tempfile.TemporaryDirectory(prefix="citywatch-start-") as name:
        directory = Path(name)
        config = directory / "citywatch.yaml"
        config.write_text(_CONFIG)
        for number in range(COLD_STARTS):
            home = directory / f"cold-{number}"
            home.mkdir()
            cold.append(_one(directory, config, home / "data", 120.0)[0])
        data = directory / f"cold-{COLD_STARTS - 1}" / "data"
        for _ in range(WARM_STARTS):
            ready_s, stop_s = _one(directory, config, data, 60.0)
            warm.append(ready_s)
            stops.append(stop_s)
    words = [sys.executable, "-m", "citywatch", "--help"]
    bare = [sys.executable, "-c", "pass"]
    whole_process(words)
    ours, theirs, ratios = [], [], []
    for _ in range(HELP_ROUNDS):
        ours.append(whole_process(words).seconds)
        theirs.append(whole_process(bare).seconds)
        ratios.append(ours[-1] / theirs[-1])
    spreads = {name: Spread.of(samples) for name, samples in {"cold": cold, "warm": warm, "stop": stops}.items()}
    shown = Spread.of(ours)
    return [
        row(SCENARIO, "cold start to ready, slowest", spreads["cold"].largest, "s", goal=Goal(at_most=60.0),
            spread=spreads["cold"], state="cold"),
        row(SCENARIO, "warm start to ready, slowest", spreads["warm"].largest, "s", goal=Goal(at_most=5.0),
            spread=spreads["warm"]),
        row(SCENARIO, "Ctrl-C to the end, median", spreads["stop"].median, "s", spread=spreads["stop"]),
        row(SCENARIO, "citywatch --help, median", shown.median, "s", peer="python -c pass",
            ratio=Spread.of(ratios).median, goal=Goal(at_most=0.25), spread=shown),
    ]  # fmt: skip
