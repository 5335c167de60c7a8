"""Every camera of a city once, as fast as it goes, by the patrol as it runs there; the RTSP server on the same cores.

The cameras are so many addresses of one server with one running stream, 2 s from key frame to key frame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks._frame import Goal, Row, row
from benchmarks.patrol.kit import CAMERAS, ROUND_S, SCENARIO, Clock, of_server, say
from benchmarks.patrol.visits import SEED, clip
from citywatch.adapters.cameras.config import CameraClass, CameraConfig, PatrolTerms
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.telemetry import NullMeter
from citywatch.testing.rtsp import RtspServer

_MOST_S = 2 * ROUND_S
"""Then the round is given up, and its rows tell of the cameras that were seen."""
_SAY_S = 15.0
# One server plays all cameras, so what protects a real site from us is taken away here.
_TERMS = PatrolTerms(
    classes={"standard": CameraClass(freshness_seconds=ROUND_S)},
    visits_in_flight=128,
    site_in_flight=4096,
    site_visits_per_second=1000,
    subnet_in_flight=4096,
    subnet_visits_per_second=1000,
    host_in_flight=4096,
    first_visits_per_second=1000,
)


def rows(folder: Path) -> Iterator[Row]:
    yield from asyncio.run(_round(folder))


async def _round(folder: Path) -> list[Row]:
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

    with RtspServer(clip(folder, 2), seed=SEED, shared=True) as server:
        cameras = [CameraConfig(camera=f"c{n}", url=server.url(), media_timeout_seconds=60) for n in range(CAMERAS)]
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(DecoderPool(2, folder / "objects", meter=NullMeter()))
            patrol = await stack.enter_async_context(Patrol(cameras, pool, Clock(), take, NullMeter(), terms=_TERMS))
            stop = asyncio.Event()
            began, used = time.perf_counter(), time.process_time()
            running = asyncio.create_task(patrol.run(stop))
            told_s = 0.0
            while len(seen) < CAMERAS and not running.done() and time.perf_counter() - began < _MOST_S:
                await asyncio.sleep(0.1)
                if (took_s := time.perf_counter() - began) >= told_s + _SAY_S:
                    told_s = took_s
                    rate = len(seen) / took_s
                    say(f"{len(seen)} of {CAMERAS} cameras seen in {took_s:.0f} s: {rate:.1f} visits a second")
            took_s, used_s = time.perf_counter() - began, time.process_time() - used
            served_s = of_server(server.process_id)
            stop.set()
            await running
    shares = (("patrol", used_s), ("decoders", sum(decoded_s)), ("server", served_s))
    note = ", ".join(f"{who} {1e3 * seconds / max(len(seen), 1):.1f}" for who, seconds in shares) + " ms CPU a visit"
    rate_row = row(SCENARIO, "visits a second, sustained", len(seen) / took_s, "1/s", goal=Goal(at_least=20), note=note)
    note = f"{len(seen)} of them visited, key frames 2 s apart, server on the same cores"
    if failed:
        note += f"; {len(failed)} had to be visited again, as {next(iter(failed.items()))}"
    whole_s = took_s if len(seen) == CAMERAS else None
    whole = row(SCENARIO, f"round of {CAMERAS} cameras", whole_s, "s", goal=Goal(at_most=ROUND_S), note=note)
    return [rate_row, whole]
