"""A running city that takes overloads while its processes are killed, and what became of them."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import httpx
from benchmarks._city import City

from citywatch.testing.scenes import Street

VICTIMS = ("process", "project", "serve", "log", "patrol")
PUSHES = 60


def record(number: int) -> dict[str, object]:
    """An overloaded six-axle train; its number is its second."""
    axles = [10_000] * 6
    return {
        "previewStationCode": "KILL",
        "previewCode": f"K{number:06d}",
        "previewDate": f"2026-01-31 08:{number // 60:02d}:{number % 60:02d}.000",
        "direction": 1,
        "laneNo": number % 3,
        "axisNum": 6,
        "totalWeight": 60_000,
        **{f"axle{i}Weight": kg for i, kg in enumerate(axles, start=1)},
        "axleDis": "3300,1350,6700,1310,1310",
        "speed": 62,
    }


def pids_of(city: City) -> dict[str, int]:
    """Process ids of the supervisor's children, by part; the log server is named `log`."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = folder.joinpath("cmdline").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if parent == city.process.pid:
            found["log" if b"part" not in command else command[command.index(b"part") + 1].decode()] = int(folder.name)
    return found


def configure(config: Path) -> None:
    """Three lanes, and a camera that shows one good picture and then no more: a patrol at work that raises nothing."""
    picture = config.with_name("street.jpg")
    cv2.imwrite(str(picture), Street(3, 640, 360).picture(0.0))
    lanes = "".join(f"  - {{station: KILL, direction: 1, lane: {n}}}\n" for n in range(3))
    config.write_text(f"scales:\n{lanes}cameras:\n  - {{camera: street, url: {picture}, visit_seconds: 1}}\n")


def killed(city: City, part: str) -> Callable[[], bool]:
    """Kill the process of a part; false when there is none, because it is on its way back from the last kill, or has
    just ended itself for that of another.
    """

    def kill() -> bool:
        pid = pids_of(city).get(part)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    return kill


def push(client: httpx.Client, number: int) -> None:
    """As a station does it: again and again until it is told that the record is on disk."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if client.post("/api/v1/ingest/passes", json=record(number)).status_code == 200:
                return
        except httpx.TransportError:
            continue
    raise AssertionError(f"record {number} was not accepted within a minute")


def story(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    """What became of the passes. Device states depend on when somebody looked; these do not."""
    with sqlite3.connect(f"file:{data_dir / 'citywatch.sqlite'}?mode=ro", uri=True) as store:
        return {
            "events": store.execute(
                "SELECT id, at_ns, device FROM events WHERE kind = 'overloaded' ORDER BY id"
            ).fetchall(),
            "alerts": store.execute(
                "SELECT id, cause, device, kind, severity, state FROM alerts ORDER BY id"
            ).fetchall(),
            "tickets": store.execute("SELECT id, device, fault, state FROM tickets ORDER BY id").fetchall(),
        }


def lived(folder: Path, kills: dict[int, str]) -> dict[str, list[tuple[object, ...]]]:
    """A city that takes PUSHES overloads, with a process killed before each of the named ones."""
    folder.mkdir()
    config = folder / "city.yaml"
    configure(config)
    city = City([sys.executable, "-m", "citywatch"], folder, "--config", str(config), "--data-dir", "data")
    city.until_ready(120)
    try:
        with httpx.Client(base_url=city.url, headers={"Authorization": f"Bearer {city.token()}"}, timeout=10) as client:
            for number in range(PUSHES):
                if number in kills:
                    city.wait(f"a {kills[number]} to kill", 60, killed(city, kills[number]))
                push(client, number)

            def all_projected() -> bool:
                return len(story(folder / "data")["alerts"]) >= PUSHES

            city.wait("all alerts", 60, all_projected)
        city.stop()
    except BaseException:
        city.failure("test failed")
        raise
    return story(folder / "data")
