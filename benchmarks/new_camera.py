"""A new camera to its first look, by the API and by the fleet file, in a city that runs.

The city watches CAMERAS cameras already. A camera is added through the API, the next one as a line that is appended to
the fleet file, and so on; the clock runs from before the request or the write until the API tells its first picture.
Between two the city rests for a seeded, uneven while, so that no figure profits from being in step with a timer. All
are snapshots of one small server on the same machine.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import httpx

from benchmarks._city import City
from benchmarks._frame import Goal, Row, Spread, row
from citywatch.testing.cameras import SnapshotServer
from citywatch.testing.scenes import Street

SCENARIO = "new_camera"
CAMERAS, NEW, SEED = 20, 8, 2026
LIVE_S = 5.0
_READY_S, _LOOK_S, _GIVE_UP_S = 180.0, 0.02, 60.0
_CONFIG = "fleet_file: fleet.csv\n"
_HEAD = "camera,url\n"


@contextmanager
def _camera_server() -> Iterator[int]:
    """The port of an HTTP camera that runs in a thread of its own."""
    jpeg = cv2.imencode(".jpg", Street(SEED, 640, 360).picture(0.0))[1].tobytes()
    ports: list[int] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with SnapshotServer({"s.jpg": jpeg}) as server:
            ports.append(server.port)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    if not ready.wait(_READY_S):
        raise RuntimeError("no camera server")
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def _seen(client: httpx.Client, camera: str) -> bool:
    answer = client.get(f"/api/v1/cameras/{camera}")
    look = answer.json().get("last_look") if answer.status_code == 200 else None
    return look is not None and look["outcome"] == "picture"


def _until_seen(client: httpx.Client, camera: str, began: float) -> float:
    """Seconds from `began` to the first picture."""
    while not _seen(client, camera):
        if time.perf_counter() - began > _GIVE_UP_S:
            raise RuntimeError(f"{camera} was never seen")
        time.sleep(_LOOK_S)
    return time.perf_counter() - began


def _measured(city: City, url: str, fleet: Path) -> tuple[list[float], list[float]]:
    """Seconds of each camera that was added by the API, and of each by the file."""
    by_api: list[float] = []
    by_file: list[float] = []
    rest = random.Random(SEED)
    city.wait("a token", _READY_S, lambda: "cw_" in city.text())  # a first start compiles
    token = city.token()
    city.until_ready(_READY_S)
    with httpx.Client(base_url=city.url, headers={"Authorization": f"Bearer {token}"}) as client:
        began = time.perf_counter()
        for number in range(CAMERAS):
            _until_seen(client, f"old-{number}", began)
        for number in range(NEW):
            time.sleep(rest.uniform(0.5, 1.5))
            began = time.perf_counter()
            client.put(f"/api/v1/cameras/api-{number}", json={"url": url}).raise_for_status()
            by_api.append(_until_seen(client, f"api-{number}", began))
            time.sleep(rest.uniform(0.5, 1.5))
            began = time.perf_counter()
            with fleet.open("a") as file:
                file.write(f"file-{number},{url}\n")
            by_file.append(_until_seen(client, f"file-{number}", began))
    return by_api, by_file


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="citywatch-new-") as name, _camera_server() as port:
        folder = Path(name)
        url = f"http://127.0.0.1:{port}/s.jpg"
        (folder / "city.yaml").write_text(_CONFIG)
        fleet = folder / "fleet.csv"
        fleet.write_text(_HEAD + "".join(f"old-{number},{url}\n" for number in range(CAMERAS)))
        city = City([sys.executable, "-m", "citywatch"], folder, "--config", "city.yaml", "--data-dir", "data")
        try:
            by_api, by_file = _measured(city, url, fleet)
        except BaseException:
            city.failure("given up")  # and nothing of it is left
            raise
        city.stop()
    rows = []
    for figure, seconds in (("by the API", by_api), ("by the fleet file", by_file)):
        spread = Spread.of(seconds)
        goal = Goal(at_most=LIVE_S)
        rows.append(
            row(SCENARIO, f"new camera to its first look, {figure}, slowest", spread.largest, "s", goal=goal,
                spread=spread, note=f"median {spread.median:.2f} s")
        )  # fmt: skip
    return rows
