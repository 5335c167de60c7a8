"""CPU of a visit by snapshot against a fetch and a reduced grey decode, over a street's day, in turn."""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import cv2
import httpx
import numpy as np

from benchmarks._frame import ROOT, Goal, Row
from benchmarks.patrol.kit import Clock, Costs, learn, nowhere, ratio_row, ready, say, seen
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.domain.pictures import Outcome
from citywatch.telemetry import NullMeter
from citywatch.testing.street_life import StreetLife

WIDTH, HEIGHT = 1920, 1080
SNAPSHOTS = 64
JPEG_QUALITY = 85
STREET, FROM_S, APART_S = 10_007, 10 * 3600.0, 300.0
"""The snapshots are of this street, from ten in the morning, five minutes apart."""
_FIRST_VISITS = 3
"""They are given the first two pictures; from then on we and our peer are given each of the others, in their order."""
BARE_SNAPSHOT = "httpx with digest, and IMREAD_REDUCED_GRAYSCALE_2"
BARER_SNAPSHOT = "http.client without a password, and IMREAD_REDUCED_GRAYSCALE_2"
_GOAL = Goal(at_most=1.5, of="ratio")
_USER, _PASSWORD = "viewer", "benchmark"
_SAY_EVERY = 16

_SERVER = """
import asyncio, sys
from pathlib import Path
from citywatch.testing.cameras import SnapshotServer

class Turns(dict):  # who comes twice, as we and our peer do, gets the next picture
    def __init__(self):
        self.pictures = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.jpg"))]
        self.given = 0
        super().__init__({"s.jpg": b""})

    def __getitem__(self, path):
        self.given += 1
        return self.pictures[self.given // 2 % len(self.pictures)]

async def main():
    async with (SnapshotServer(Turns(), username=sys.argv[2], password=sys.argv[3], authentication="digest")
                as guarded, SnapshotServer(Turns()) as open_to_all):
        print(guarded.port, open_to_all.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def rows(folder: Path) -> Iterator[Row]:
    say(f"{SNAPSHOTS + 2} pictures of a street's day are drawn")
    life = StreetLife(STREET, WIDTH, HEIGHT)
    pictures = folder / "snapshots"
    pictures.mkdir()
    sizes = []
    for number in range(SNAPSHOTS + 2):
        picture = life.look_bgr(FROM_S + number * APART_S)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
        (pictures / f"{number:03}.jpg").write_bytes(jpeg)
        sizes.append(len(jpeg))
    with _servers(pictures) as (guarded, open_to_all), _bare_client() as client:

        def bare() -> None:
            _reduced(client.get(f"http://127.0.0.1:{guarded}/s.jpg").raise_for_status().content)

        def barer() -> None:
            _reduced(_barely(open_to_all))

        for figure, port, who, peer, name, goal in (
            ("snapshot visit", guarded, f"{_USER}:{_PASSWORD}@", bare, BARE_SNAPSHOT, _GOAL),
            ("snapshot visit, no password", open_to_all, "", barer, BARER_SNAPSHOT, None),
        ):
            camera = CameraConfig(camera="c", url=f"http://{who}127.0.0.1:{port}/s.jpg")
            ours, theirs, glances = asyncio.run(_compared(folder, figure, camera, peer))
            note = f"1080p JPEG of {sum(sizes) / len(sizes) / 1e3:.0f} kB, {sum(glances)} of {SNAPSHOTS} a glance"
            yield ratio_row(figure, ours, theirs, name, goal, note)


async def _compared(
    folder: Path, figure: str, camera: CameraConfig, peer: Callable[[], None]
) -> tuple[list[float], list[float], list[bool]]:
    """(processor seconds of our visits, of the peer's, which of ours ended with a glance), taken in turn."""
    ours: list[float] = []
    theirs: list[float] = []
    glances: list[bool] = []
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(DecoderPool(1, folder / "objects", meter=NullMeter()))
        costs = Costs(pool)
        patrol = await stack.enter_async_context(Patrol([camera], pool, Clock(), nowhere, NullMeter()))
        for _ in range(_FIRST_VISITS):
            learn(patrol, await seen(patrol, camera.camera))
        await ready(pool)
        for number in range(SNAPSHOTS):
            costs.begin()
            look = await seen(patrol, camera.camera)
            ours.append(costs.seconds())
            glances.append(bool(look.outcome[0] == Outcome.GLANCE))
            learn(patrol, look)
            before = time.process_time()
            peer()
            theirs.append(time.process_time() - before)
            if (number + 1) % _SAY_EVERY == 0:
                _say(f"{figure}, {number + 1} of {SNAPSHOTS}", ours, theirs, glances)
    return ours, theirs, glances


def _say(what: str, ours: list[float], theirs: list[float], glances: list[bool]) -> None:
    """The ratio so far, of all visits and of either kind."""
    words = [f"{sum(ours) / sum(theirs):.2f} times the bare one"]
    for kind, is_glance in (("a glance", True), ("a full look", False)):
        chosen = [number for number, glance in enumerate(glances) if glance is is_glance]
        if chosen:
            ratio = sum(ours[number] for number in chosen) / sum(theirs[number] for number in chosen)
            words.append(f"{len(chosen)} ended with {kind} ({ratio:.2f} times)")
    say(f"{what}: {', '.join(words)}")


@contextmanager
def _servers(pictures: Path) -> Iterator[tuple[int, int]]:
    """Two HTTP cameras in a process of their own: one asks for a password, the other does not."""
    command = [sys.executable, "-c", _SERVER, str(pictures), _USER, _PASSWORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        if server.stdin is None or server.stdout is None:
            raise AssertionError("a server without pipes")
        guarded, open_to_all = (int(word) for word in server.stdout.readline().split())
        yield guarded, open_to_all
        server.stdin.close()


def _bare_client() -> httpx.Client:
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(auth=httpx.DigestAuth(_USER, _PASSWORD), limits=limits, trust_env=False)


def _barely(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/s.jpg")
        return connection.getresponse().read()
    finally:
        connection.close()


def _reduced(content: bytes) -> None:
    if cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2) is None:
        raise RuntimeError("a picture that OpenCV does not decode")
