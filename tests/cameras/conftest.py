"""Cameras, files and a decoder pool for these tests; everything real."""

from __future__ import annotations

import asyncio
import os
import time

import cv2
import numpy as np
import pytest

from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.visit import CameraConfig, Visitor
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.telemetry import METRICS
from citywatch.testing.rtsp import RtspServer, SystemPackageMissing
from citywatch.testing.scenes import Street, write_clip


class CountingMeter:
    """Keeps what was counted, by name and labels; names and labels must exist."""

    def __init__(self):
        self.counts = {}

    def count(self, name, amount=1, **labels):
        assert set(METRICS[name].labels) == set(labels)
        key = (name, *labels.values())
        self.counts[key] = self.counts.get(key, 0) + amount

    gauge = count
    observe = count


class StepClock:
    """A wall clock of the test's own: one second further at every look."""

    def __init__(self):
        self.now = 1_000_000_000_000

    def now_ns(self):
        self.now += 1_000_000_000
        return self.now


def config(url, camera="gate", **options):
    return CameraConfig(
        **{"camera": camera, "url": str(url), "connect_timeout_seconds": 2, "media_timeout_seconds": 3} | options
    )


async def until(condition, timeout_s=20.0):
    """Poll until the condition holds; its value."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.01)
    return value


async def ask(*args, **options):
    """What a Visitor brings back of one camera."""
    async with Visitor() as visitor:
        return await visitor.ask(config(*args, **options))


class Row:
    """The one row of a batch, by attribute."""

    def __init__(self, batch):
        assert len(batch) == 1
        for column in FrameBatch.COLUMNS:
            value = getattr(batch, column.name)[0]
            setattr(self, column.name, value.item() if isinstance(value, np.generic) else value)

    @property
    def verdict(self):
        return (Outcome(self.outcome).name.lower(), self.reason)


class Visits:
    """Visits through a real pool, in one event loop for the whole session."""

    def __init__(self, runner, pool, meter):
        self.runner, self.pool, self.meter = runner, pool, meter

    def __call__(self, url, visits=1, **options):
        """The rows of `visits` visits of a camera that was never seen before."""
        return self.runner.run(self.within(url, visits, **options))

    async def within(self, url, visits=1, **options):
        async with Patrol([config(url, **options)], self.pool, StepClock(), None, self.meter) as patrol:
            return [Row(await patrol.visit_once("gate")) for _ in range(visits)]


@pytest.fixture(scope="session")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def visits(runner, tmp_path_factory):
    meter = CountingMeter()
    pool = DecoderPool(1, tmp_path_factory.mktemp("objects"), meter=meter)
    runner.run(pool.__aenter__())
    yield Visits(runner, pool, meter)
    runner.run(pool.aclose())


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Four seconds of a street by codec, a key frame each second, and a frozen one."""
    folder = tmp_path_factory.mktemp("clips")
    street = Street(7, 320, 240)
    pictures = [street.picture(at / 10) for at in range(40)]
    for codec in ("libx264", "libx265", "mpeg4", "mjpeg"):
        suffix = ".avi" if codec in ("mpeg4", "mjpeg") else ".mp4"
        write_clip(folder / (codec + suffix), pictures, codec, fps=10, gop=10)
    write_clip(folder / "frozen.mp4", [pictures[0]] * 40, "libx264", fps=10, gop=10)
    return folder


@pytest.fixture(scope="session")
def jpeg():
    return cv2.imencode(".jpg", Street(7, 320, 240).picture(0.0))[1].tobytes()


def serve(clip, **options):
    """An RtspServer, entered; skips (in CI: fails) when the system lacks it."""
    server = RtspServer(clip, **options)
    try:
        return server.__enter__()
    except SystemPackageMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def rtsp(clips):
    server = serve(clips / "libx264.mp4")
    yield server
    server.__exit__(None, None, None)
