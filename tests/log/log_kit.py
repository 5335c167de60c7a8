"""Small parts that the tests of the log share."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.pulses import TickBatch

PARTITIONS = 4


def ticks(*at_ns):
    """A batch that can be told apart from others by its instants."""
    return TickBatch(("clock",) * len(at_ns), np.array(at_ns, np.int64))


def event(number, **data):
    identity = event_id("test", number)
    return Event(identity, EventKind.OVERLOADED, "station/d1/l1", number, identity, {"number": number, **data})


def until(condition, *, seconds=20.0, what="the condition"):
    """Poll with a deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(0.005)
    return answer


def needs(present, words):
    """Skip with the words, but fail on the machine that must have everything."""
    if not present:
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


def traced(pid):
    """Is some strace attached to the process?"""
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
