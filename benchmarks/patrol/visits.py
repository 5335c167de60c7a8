"""CPU of a visit by RTSP against PyAV's own reader, which decodes one key frame and nothing else.

Visits wait for a key frame, up to a whole interval; what they cost meanwhile is the point. So some are made at once:
ours as the patrol makes them, the peer's in a thread each, batch by batch in turn. Whoever comes is given a stream of
his own that begins at a random place of the clip.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import av

from benchmarks._frame import Goal, Row
from benchmarks.patrol.kit import Clock, Costs, learn, nowhere, ratio_row, ready, say, seen
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.telemetry import NullMeter
from citywatch.testing.planes import Image
from citywatch.testing.rtsp import RtspServer
from citywatch.testing.scenes import Street, write_clip

SEED = 7
WIDTH, HEIGHT = 1920, 1080
FPS = 25
BIT_RATE = 4_000_000
BATCHES = {2: 10, 10: 4}
"""Seconds from key frame to key frame, and how many batches each of ours and the peer's."""
AT_ONCE = 6
BARE_VISIT = "PyAV, one key frame"
_GOAL = Goal(at_most=1.25, of="ratio")


def clip(folder: Path, seconds: int) -> Path:
    """A clip of one key frame interval."""
    path = folder / f"every-{seconds}.mp4"
    if not path.exists():
        say(f"a clip of {seconds} s is encoded")
        there_and_back = _pictures()
        frames = (there_and_back[at % len(there_and_back)] for at in range(seconds * FPS))
        write_clip(path, frames, fps=FPS, gop=seconds * FPS, bit_rate=BIT_RATE)
    return path


@functools.cache
def _pictures() -> list[Image]:
    """Two seconds of a street, there and back."""
    street = Street(SEED, WIDTH, HEIGHT)
    pictures = [street.picture(at / FPS) for at in range(2 * FPS)]
    return [*pictures, *reversed(pictures)]


def rows(folder: Path) -> Iterator[Row]:
    for seconds, batches in BATCHES.items():
        with RtspServer(clip(folder, seconds), seed=SEED) as server:
            ours, theirs, key_bytes = asyncio.run(_compared(folder, server.url(), seconds, batches))
        note = f"key frame {key_bytes / 1e3:.0f} kB, {AT_ONCE} visits a sample"
        yield ratio_row(f"visit, a key frame every {seconds} s", ours, theirs, BARE_VISIT, _GOAL, note)


async def _compared(folder: Path, url: str, seconds: int, batches: int) -> tuple[list[float], list[float], int]:
    """(processor seconds of a visit of ours, of the peer's, bytes of a key frame); of each batch the mean."""
    cameras = [CameraConfig(camera=f"c{n}", url=url, media_timeout_seconds=60) for n in range(AT_ONCE)]
    ours: list[float] = []
    theirs: list[float] = []
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(DecoderPool(1, folder / "objects", meter=NullMeter()))
        costs = Costs(pool)
        patrol = await stack.enter_async_context(Patrol(cameras, pool, Clock(), nowhere, NullMeter()))
        threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        for first in await asyncio.gather(*(seen(patrol, camera.camera) for camera in cameras)):
            learn(patrol, first)
        await asyncio.gather(*(seen(patrol, camera.camera) for camera in cameras))
        await ready(pool)
        key_bytes = 0
        for number in range(batches):
            costs.begin()
            looks = await asyncio.gather(*(seen(patrol, camera.camera) for camera in cameras))
            ours.append(costs.seconds() / AT_ONCE)
            key_bytes = int(looks[-1].coded_bytes[0])
            before = time.process_time()
            list(threads.map(bare_visit, [url] * AT_ONCE))
            theirs.append((time.process_time() - before) / AT_ONCE)
            say(
                f"key frames {seconds} s apart, batch {number + 1} of {batches}: {1e3 * ours[-1]:.1f} ms a visit, bare "
                f"{1e3 * theirs[-1]:.1f} ms; of all so far {sum(ours) / sum(theirs):.3f} times"
            )
    return ours, theirs, key_bytes


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
