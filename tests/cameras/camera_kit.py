"""What the tests of cameras share: a counting meter, a clock, visits as rows, and cameras that may be missing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

import numpy as np
import pytest

from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.visit import Visitor
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.telemetry import METRICS
from citywatch.testing.rtsp import RtspServer, SystemPackageMissing


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


async def ask(*args, report_wait_s=0.0, **options):
    """What a Visitor brings back of one camera."""
    async with Visitor() as visitor:
        return await visitor.ask(config(*args, **options), report_wait_s=report_wait_s)


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


@contextlib.contextmanager
def serve(clip, **options):
    """An RtspServer; skips (in CI: fails) when the system lacks it."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(RtspServer(clip, **options))
        except SystemPackageMissing as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))
        yield server
