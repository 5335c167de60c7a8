"""What a camera takes in the patrol's process once it was visited and has its references.

As a program (`python -m benchmarks.patrol.memory CAMERAS`) it measures one patrol and prints it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import cv2
import numpy as np

from benchmarks._frame import ROOT, Goal, Row, row
from benchmarks.patrol.kit import CAMERAS, ROUND_S, SCENARIO, Clock, say
from citywatch.adapters.cameras.config import CameraConfig, PatrolTerms
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.domain.pictures import FrameBatch
from citywatch.telemetry import NullMeter

FEW = 34


def rows(folder: Path) -> Iterator[Row]:
    del folder  # the patrols have processes and folders of their own
    found = {}
    for cameras in (FEW, CAMERAS):
        say(f"a patrol of {cameras} cameras, each visited once")
        found[cameras] = _resident_bytes(cameras)
    each = (found[CAMERAS] - found[FEW]) / (CAMERAS - FEW)
    note = f"{found[FEW] / 1e6:.0f} MB with {FEW} cameras, {found[CAMERAS] / 1e6:.0f} MB with {CAMERAS}"
    yield row(SCENARIO, "memory of a camera at rest", each / 1024, "KiB", goal=Goal(at_most=64), note=note)


def _resident_bytes(cameras: int) -> int:
    command = [sys.executable, "-m", "benchmarks.patrol.memory", str(cameras)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(json.loads(done.stdout)["resident_bytes"])


async def _at_rest(cameras: int) -> int:
    """Resident bytes of a patrol whose cameras were all visited: each has a picture, a reference for each light, and
    its place in the schedule. The pictures are tiny ones, since pixels never enter the patrol's process."""
    jpeg = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg)
        await writer.drain()
        writer.close()

    seen: set[str] = set()

    async def take(rows: FrameBatch) -> None:
        seen.update(rows.device)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    terms = PatrolTerms(site_in_flight=4096, site_visits_per_second=1000, subnet_in_flight=4096,
                        subnet_visits_per_second=1000, host_in_flight=4096, first_visits_per_second=1000)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="citywatch-rest-") as name:
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(DecoderPool(1, Path(name), meter=NullMeter()))
            configs = [
                CameraConfig(camera=f"district-{n % 12}/camera-{n}", url=f"http://viewer:S3cret-{n}@127.0.0.1:{port}/{n}.jpg",
                             site=f"site-{n // 20}", parent=f"switch-{n // 20}")
                for n in range(cameras)
            ]  # fmt: skip
            patrol = await stack.enter_async_context(Patrol(configs, pool, Clock(), take, NullMeter(), terms=terms))
            for config in configs:
                for number, light in enumerate(("day", "night", "infrared")):
                    picture = f"{hash((config.camera, light)) & (1 << 63) - 1:063x}{number}"
                    patrol.know_references(
                        [{"camera": config.camera, "light": light, "preset": "", "picture": picture}]
                    )
            stop = asyncio.Event()
            running = asyncio.create_task(patrol.run(stop))
            ends = time.monotonic() + 4 * ROUND_S
            while len(seen) < cameras and time.monotonic() < ends:
                await asyncio.sleep(0.1)
            if len(seen) < cameras:
                raise RuntimeError(f"{len(seen)} of {cameras} cameras were visited")
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            stop.set()
            await running
    server.close()
    return resident


if __name__ == "__main__":
    print(json.dumps({"resident_bytes": asyncio.run(_at_rest(int(sys.argv[1])))}))
