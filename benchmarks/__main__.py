"""`python -m benchmarks [SCENARIO...] --json FILE`, `--list`, and `python -m benchmarks peers [NAME...]`.

Exit code: 0 when every stated goal is met, 1 when one is not (or could not be measured, or a scenario failed),
2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import _frame, _peers

SCENARIOS = {
    "pictures": "picture statistics against cv2.meanStdDev; all measurements against decoding and two peers",
    "camera_faults": "every fault of a camera's picture, found or named wrongly, and false alarms of healthy cameras",
    "patrol": "CPU of a visit against the barest one, a round of 6,534 cameras, memory of a camera at rest",
    "new_camera": "a camera added by the API or the fleet file to its first look, in a city that runs",
    "replay": "a MON file to events and segments on disk, end to end",
    "scales": "records, strips, law, evasion and drift: accuracy proofs, and speed against peers",
    "log": "appends answered after fsync and reads, through the embedded log server",
    "push_to_alert": "a pass pushed over HTTP to its alert out of the live stream, idle system",
    "incidents": "6,534 cameras behind 300 switches, half of them dead: alerts, tickets, time a tick of the stage",
    "liveness": "who of 30 million devices is late against a copy of the same bytes, and a tick of a city",
    "registrar": "6,534 devices that register with the GB/T 28181 registrar and keep alive, played by SIPp",
    "sla": "figures of a month of 6,534 devices with 200,000 intervals, and the numbers of the whole report",
    "alerts": "20,000 alerts raised and said again in process, ticks while they are open, a window over all of them",
    "alert_machine": "alerts through the HTTP door beside Alertmanager: new ones and repeats a second, and in process",
    "sla_year": "a year of 6,534 cameras: figures against a byte a second and a walk, and what is left behind",
    "start": "warm and cold start of `citywatch run` to ready, and `citywatch --help`",
}
"""The explicit table: scenario and module have the same name; a name never changes its meaning."""

_COLUMNS = ("scenario", "figure", "value", "unit", "min..max", "n", "state", "peer", "ratio", "goal", "met")


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as aligned text for people."""
    lines: list[tuple[str, ...]] = [_COLUMNS]
    for r in rows:
        spread = "-" if r["n"] < 2 else f"{_number(r['min'])}..{_number(r['max'])}"
        met = "-" if r["goal"] is None else {True: "yes", False: "NO", None: "not measured"}[r["met"]]
        figure = r["figure"] + (f" ({r['note']})" if r["note"] else "")
        lines.append(
            (r["scenario"], figure, _number(r["value"]), r["unit"], spread, str(r["n"]), r["state"],
             r["peer"] or "-", _number(r["ratio"]), r["goal"] or "-", met)
        )  # fmt: skip
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def row_line(r: dict[str, Any]) -> str:
    """A row as it is told as soon as it is known."""
    ratio = "" if r["ratio"] is None else f", {_number(r['ratio'])} times {r['peer']}"
    goal = "" if r["goal"] is None else f"; goal {r['goal']}: {'met' if r['met'] else 'NOT MET'}"
    return f"{r['scenario']}: {r['figure']}: {_number(r['value'])} {r['unit']}{ratio}{goal}"


def run_scenario(name: str) -> tuple[list[dict[str, Any]], bool]:
    """(the rows of one scenario, from a process of its own; whether it came to its end: else its error is told)."""
    with tempfile.TemporaryDirectory(prefix="citywatch-bench-") as directory:
        result = Path(directory) / "rows.json"
        command = [sys.executable, "-m", "benchmarks", "--only-here", name, "--json", str(result)]
        done = subprocess.run(command, cwd=_frame.ROOT, env=_frame.one_thread(), check=False)
        rows: list[dict[str, Any]] = json.loads(result.read_text()) if result.exists() else []
        return rows, done.returncode == 0


def _run_here(name: str, result: Path) -> int:
    """The child's side of run_scenario."""
    module = importlib.import_module(f"benchmarks.{name}")
    if name != module.SCENARIO:
        raise RuntimeError(f"benchmarks/{name}.py says SCENARIO = {module.SCENARIO!r}")
    rows: list[dict[str, Any]] = []
    for item in module.run():  # a list, or one after the other: then each is told at once, and kept
        rows.append(item.as_json() if isinstance(item, _frame.Row) else _frame.Row(**item).as_json())
        print(row_line(rows[-1]), flush=True)
        result.write_text(json.dumps(rows))
    return 0


def main(arguments: list[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["peers"]:
        return _peers.build(words[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenario", nargs="*", help="which scenarios; all when none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and rows as JSON")
    parser.add_argument("--list", action="store_true", help="say which scenarios there are")
    parser.add_argument("--only-here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario is called {unknown[0]!r}; there are: {', '.join(SCENARIOS)}")
    if options.list:
        print("\n".join(f"{name:14} {what}" for name, what in SCENARIOS.items()))
        return 0
    if options.only_here:
        return _run_here(options.scenario[0], options.json)

    where = machine()
    print("machine: " + ", ".join(f"{key} {value}" for key, value in where.items()), flush=True)
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for name in options.scenario or SCENARIOS:
        print(f"{name}: {SCENARIOS[name]} ...", flush=True)
        got, whole = run_scenario(name)
        rows += got
        if not whole:
            failed.append(name)
        if options.json:
            options.json.write_text(json.dumps({"machine": where, "failed": failed, "rows": rows}, indent=1) + "\n")
    print("\n" + table(rows))
    missed = [f"{r['scenario']}: {r['figure']}" for r in rows if r["goal"] is not None and r["met"] is not True]
    for name in failed:
        print(f"FAILED {name}: the scenario ended with an error, see above")
    for name in missed:
        print(f"NOT MET {name}")
    return 1 if failed or missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
