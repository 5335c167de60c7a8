"""What a visit costs and how many there are: the patrol against the barest visits that can be written.

Processor time is that of the asyncio side and of the decoder processes together, read from the kernel; the servers run
in processes of their own and are not counted. The bare visit is PyAV's own RTSP reader with analyzeduration 0,
probesize 32 and one thread, which decodes one key frame and nothing else; the bare snapshot is a fetch and a reduced
grey decode by OpenCV. Ours connects, waits, hands the key frame to a guarded process, measures it, compares it with the
picture before and with a reference, and stores it. Of snapshots it does so where a glance finds something new, and else
at one visit in twelve; the snapshots are of a street's day, so both come about as they would.

The streams are 1080p H.264 at 25 pictures and 4 Mbit a second, from gst-rtsp-server; joined at a random phase of their
key frame interval. The round of 6,534 cameras is a round over 6,534 addresses of one server with one running stream
(2 s from key frame to key frame), which shares the two cores.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import av
import av.logging
import cv2
import httpx
import numpy as np

from benchmarks._frame import ROOT, Goal, Row, Spread, row
from citywatch.adapters.cameras.config import CameraClass, CameraConfig, PatrolTerms
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.domain.pictures import FrameBatch, Light, Outcome
from citywatch.telemetry import NullMeter
from citywatch.testing.rtsp import RtspServer
from citywatch.testing.scenes import Street, write_clip
from citywatch.testing.street_life import StreetLife

SCENARIO = "patrol"
SEED = 7
WIDTH, HEIGHT = 1920, 1080
FPS = 25
BIT_RATE = 4_000_000
INTERVALS_S = {2: 60, 10: 24}
"""Seconds from key frame to key frame, and how many visits each of ours and the peer's."""
SNAPSHOTS = 64
JPEG_QUALITY = 85
STREET, FROM_S, APART_S = 10_007, 10 * 3600.0, 300.0
"""The snapshots are of this street, from ten in the morning, five minutes apart."""
CAMERAS = 6_534
ROUND_S = 330.0
FEW = 34
BARE_VISIT = "PyAV, one key frame"
BARE_SNAPSHOT = "httpx with digest, and IMREAD_REDUCED_GRAYSCALE_2"
BARER_SNAPSHOT = "http.client without a password, and IMREAD_REDUCED_GRAYSCALE_2"
_USER, _PASSWORD = "viewer", "benchmark"
_READY_S = 60.0


class _Clock:
    def now_ns(self) -> int:
        return time.time_ns()


class _Costs:
    """Processor time of this process and of the decoder that a pool of one has just started; not of its spare."""

    def __init__(self, pool: DecoderPool) -> None:
        [self._decoder] = pool.process_ids()

    def seconds(self) -> float:
        return time.process_time() + _of_process(self._decoder)


def _of_process(pid: int) -> float:
    """Seconds that all threads of a process were on a processor, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _of_server(pid: int) -> float:
    """Seconds of a process with threads that come and go, to a hundredth."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def run() -> list[Row]:
    cv2.setNumThreads(1)
    av.logging.set_level(None)
    with tempfile.TemporaryDirectory(prefix="citywatch-patrol-") as name:
        folder = Path(name)
        clips = {seconds: _clip(folder, seconds) for seconds in INTERVALS_S}
        rows = [
            found
            for seconds, visits in INTERVALS_S.items()
            for found in _visits(folder, clips[seconds], seconds, visits)
        ]
        rows += _snapshots(folder, SNAPSHOTS)
        rows += asyncio.run(_round(folder, clips[2], CAMERAS))
        return [*rows, _memory()]


def _clip(folder: Path, seconds: int) -> Path:
    street = Street(SEED, WIDTH, HEIGHT)
    pictures = [street.picture(at / FPS) for at in range(2 * FPS)]
    there_and_back = [*pictures, *reversed(pictures)]
    path = folder / f"every-{seconds}.mp4"
    frames = (there_and_back[at % len(there_and_back)] for at in range(seconds * FPS))
    write_clip(path, frames, fps=FPS, gop=seconds * FPS, bit_rate=BIT_RATE)
    return path


# ---- one visit


async def _compared(
    folder: Path, camera: CameraConfig, visits: int, peers: Sequence[Callable[[], object]]
) -> tuple[list[float], list[list[float]], list[FrameBatch]]:
    """Processor seconds of our visits and of each peer's, taken in turn; and our rows."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(DecoderPool(1, folder / "objects", meter=NullMeter()))
        costs = _Costs(pool)
        patrol = await stack.enter_async_context(Patrol([camera], pool, _Clock(), _nowhere, NullMeter()))
        _learn(patrol, await _seen(patrol, camera.camera))
        await _seen(patrol, camera.camera)
        await _until(lambda: len(pool.process_ids()) > 1)  # the spare is started while nothing is measured
        ours: list[float] = []
        rows: list[FrameBatch] = []
        theirs: list[list[float]] = [[] for _ in peers]
        for _ in range(visits):
            before = costs.seconds()
            rows.append(await _seen(patrol, camera.camera))
            ours.append(costs.seconds() - before)
            _learn(patrol, rows[-1])
            for peer, seconds in zip(peers, theirs, strict=True):
                began = time.process_time()
                peer()
                seconds.append(time.process_time() - began)
        return ours, theirs, rows


def _learn(patrol: Patrol, row: FrameBatch) -> None:
    """What the rules do after some looks by a new light: its sketch becomes the reference."""
    if row.sketch[0] and not row.reference[0]:
        light = Light(int(row.light[0])).name.lower()
        known = {"camera": row.device[0], "light": light, "preset": "", "picture": row.sketch[0]}
        patrol.know_references([known])


async def _seen(patrol: Patrol, camera: str) -> FrameBatch:
    seen = await patrol.visit_once(camera)
    if seen.outcome[0] not in (Outcome.PICTURE, Outcome.GLANCE):
        raise RuntimeError(f"a visit ended with {seen.reason[0]}")
    return seen


async def _nowhere(rows: FrameBatch) -> None:
    """What a visit costs ends with its row."""


async def _until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _READY_S
    while not condition():
        if time.monotonic() > ends:
            raise RuntimeError("it was never ready")
        await asyncio.sleep(0.05)


def bare_visit(url: str) -> int:
    """The fastest visit that we know how to write in PyAV: the width of one key frame."""
    options = {"rtsp_transport": "tcp", "analyzeduration": "0", "probesize": "32"}
    with av.open(url, options=options) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        context.thread_count, context.skip_frame = 1, "NONKEY"
        for packet in container.demux(stream):
            if packet.is_keyframe:
                for frame in context.decode(packet) or context.decode(None):
                    return int(frame.width)
    raise RuntimeError("no key frame")


def _visits(folder: Path, clip: Path, seconds: int, visits: int) -> Iterator[Row]:
    with RtspServer(clip, seed=SEED) as server:
        camera = CameraConfig(camera="c", url=server.url(), media_timeout_seconds=60)
        ours, [theirs], seen = asyncio.run(_compared(folder, camera, visits, [lambda: bare_visit(server.url())]))
    yield _ratio_row(
        f"visit, a key frame every {seconds} s",
        ours,
        theirs,
        BARE_VISIT,
        Goal(at_most=1.25, of="ratio"),
        f"key frame {seen[-1].coded_bytes[0] / 1e3:.0f} kB",
    )


def _ratio_row(figure: str, ours: list[float], theirs: list[float], peer: str, goal: Goal | None, note: str) -> Row:
    """Ratio of the sums: phases differ from visit to visit, and over all of them they are alike."""
    spread, bare = Spread.of(ours).scaled(1e3), Spread.of(theirs).scaled(1e3)
    return row(
        SCENARIO, figure, spread.median, "ms CPU", peer=peer, ratio=sum(ours) / sum(theirs), goal=goal, spread=spread,
        note=f"{note}, peer {bare.median:.1f} ms, sums of {len(ours)} visits each",
    )  # fmt: skip


# ---- snapshots

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


@contextmanager
def _snapshot_servers(pictures: Path) -> Iterator[tuple[int, int]]:
    """Two HTTP cameras in a process of their own: one asks for a password, the other does not."""
    command = [sys.executable, "-c", _SERVER, str(pictures), _USER, _PASSWORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        if server.stdin is None or server.stdout is None:
            raise AssertionError("a server without pipes")
        guarded, open_to_all = (int(word) for word in server.stdout.readline().split())
        yield guarded, open_to_all
        server.stdin.close()


def _snapshots(folder: Path, visits: int) -> list[Row]:
    life = StreetLife(STREET, WIDTH, HEIGHT)
    sizes = []
    for number in range(visits):
        picture = life.look_bgr(FROM_S + number * APART_S)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
        (folder / f"{number:03}.jpg").write_bytes(jpeg)
        sizes.append(len(jpeg))
    rows = []
    with _snapshot_servers(folder) as (guarded, open_to_all), _bare_client() as client:

        def bare() -> object:
            return _reduced(client.get(f"http://127.0.0.1:{guarded}/s.jpg").raise_for_status().content)

        for figure, port, who, peer, name, goal in (
            ("snapshot visit", guarded, f"{_USER}:{_PASSWORD}@", bare, BARE_SNAPSHOT, Goal(at_most=1.5, of="ratio")),
            (
                "snapshot visit, no password",
                open_to_all,
                "",
                lambda: _reduced(_barely(open_to_all)),
                BARER_SNAPSHOT,
                None,
            ),
        ):
            camera = CameraConfig(camera="c", url=f"http://{who}127.0.0.1:{port}/s.jpg")
            ours, [theirs], seen = asyncio.run(_compared(folder, camera, visits, [peer]))
            glances = sum(int(look.outcome[0] == Outcome.GLANCE) for look in seen)
            note = f"1080p JPEG of {sum(sizes) / visits / 1e3:.0f} kB, {glances} of {visits} a glance"
            rows.append(_ratio_row(figure, ours, theirs, name, goal, note))
    return rows


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


def _reduced(content: bytes) -> object:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2)


# ---- a whole round


async def _round(folder: Path, clip: Path, cameras: int) -> list[Row]:
    """Every camera once, as fast as it goes, by the patrol as it runs in a city."""
    seen: set[str] = set()
    failed: dict[str, str] = {}
    decoded_s: list[float] = []

    async def take(rows: FrameBatch) -> None:
        decoded_s.append(int(rows.cpu_us.sum()) / 1e6)
        for camera, outcome, reason in zip(rows.device, rows.outcome, rows.reason, strict=True):
            if outcome == Outcome.PICTURE:
                seen.add(camera)
            else:
                failed[camera] = reason

    # One server plays all cameras, so what protects a real site from us is taken away here.
    terms = PatrolTerms(
        classes={"standard": CameraClass(freshness_seconds=ROUND_S)},
        visits_in_flight=128,
        site_in_flight=4096,
        site_visits_per_second=1000,
        subnet_in_flight=4096,
        subnet_visits_per_second=1000,
        host_in_flight=4096,
        first_visits_per_second=1000,
    )
    with RtspServer(clip, seed=SEED, shared=True) as server:
        configs = [CameraConfig(camera=f"c{n}", url=server.url(), media_timeout_seconds=60) for n in range(cameras)]
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(DecoderPool(2, folder / "objects", meter=NullMeter()))
            patrol = await stack.enter_async_context(Patrol(configs, pool, _Clock(), take, NullMeter(), terms=terms))
            stop = asyncio.Event()
            began, used = time.perf_counter(), time.process_time()
            running = asyncio.create_task(patrol.run(stop))
            while len(seen) < cameras and not running.done() and time.perf_counter() - began < 4 * ROUND_S:
                await asyncio.sleep(0.1)
            took_s, used_s = time.perf_counter() - began, time.process_time() - used
            served_s = _of_server(server.process_id)
            stop.set()
            await running
    if len(seen) < cameras:
        raise RuntimeError(f"{len(seen)} of {cameras} cameras were seen in {took_s:.0f} s; {list(failed.items())[:3]}")
    shares = (("patrol", used_s), ("decoders", sum(decoded_s)), ("server", served_s))
    note = ", ".join(f"{who} {1e3 * seconds / cameras:.1f}" for who, seconds in shares) + " ms CPU a visit"
    rate = row(SCENARIO, "visits a second, sustained", cameras / took_s, "1/s", goal=Goal(at_least=20), note=note)
    whole_s = took_s * CAMERAS / cameras
    note = f"{cameras} of them visited, key frames 2 s apart, server on the same cores"
    return [rate, row(SCENARIO, f"round of {CAMERAS} cameras", whole_s, "s", goal=Goal(at_most=ROUND_S), note=note)]


# ---- memory


def _memory() -> Row:
    """What a camera takes in the patrol's process once it was visited and has its references."""
    few, many = (_resident_bytes(cameras) for cameras in (FEW, CAMERAS))
    each = (many - few) / (CAMERAS - FEW)
    note = f"{few / 1e6:.0f} MB with {FEW} cameras, {many / 1e6:.0f} MB with {CAMERAS}"
    return row(SCENARIO, "memory of a camera at rest", each / 1024, "KiB", goal=Goal(at_most=64), note=note)


def _resident_bytes(cameras: int) -> int:
    command = [sys.executable, "-m", "benchmarks.patrol", str(cameras)]
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
            patrol = await stack.enter_async_context(Patrol(configs, pool, _Clock(), take, NullMeter(), terms=terms))
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
