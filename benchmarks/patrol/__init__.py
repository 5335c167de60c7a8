"""What a visit costs and how many there are: the patrol against the barest visits that can be written.

Processor time is that of the asyncio side and of the decoder processes together, read from the kernel; the servers run
in processes of their own and are not counted. The bare visit is PyAV's own RTSP reader with analyzeduration 0,
probesize 32 and one thread, which decodes one key frame and nothing else; the bare snapshot is a fetch and a reduced
grey decode by OpenCV. Ours connects, waits, hands the key frame to a guarded process, measures it, compares it with the
picture before and with a reference, and stores it. Of snapshots it does so where a glance finds something new, and else
at one visit in twelve; the snapshots are of a street's day, so both come about as they would.

The streams are 1080p H.264 at 25 pictures and 4 Mbit a second, from gst-rtsp-server; joined at a random phase of their
key frame interval.

`python -m benchmarks patrol` runs all parts, some seven minutes on two idle cores, of which the round of a whole city
is three and a half; `python -m benchmarks.patrol NAME...` some of them. What is found is printed as it comes. The
part `glances` runs when it is named, three minutes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import av.logging
import cv2

from benchmarks._frame import Row
from benchmarks.patrol import glances, memory, round, snapshots, visits
from benchmarks.patrol.kit import SCENARIO, say

__all__ = ["ALONE", "PARTS", "SCENARIO", "run"]

PARTS = {"visits": visits.rows, "snapshots": snapshots.rows, "round": round.rows, "memory": memory.rows}
ALONE = {"glances": glances.rows}
"""What is run when it is named: it tells what a glance sees, not what it costs."""


def run(parts: Sequence[str] = tuple(PARTS)) -> Iterator[Row]:
    """The rows of the named parts, one by one as they are found."""
    cv2.setNumThreads(1)
    av.logging.set_level(None)
    with tempfile.TemporaryDirectory(prefix="citywatch-patrol-") as name:
        for part in parts:
            say(f"part {part}")
            yield from (PARTS | ALONE)[part](Path(name))
