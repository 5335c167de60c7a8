"""What the parts of the patrol's benchmark share: processor time of our two sides, one visit, the row of a ratio."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from benchmarks._frame import Goal, Row, Spread, row
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.domain.pictures import FrameBatch, Light, Outcome

SCENARIO = "patrol"
CAMERAS = 6_534
ROUND_S = 330.0
_READY_S = 60.0
_BEGAN = time.monotonic()


class Clock:
    def now_ns(self) -> int:
        return time.time_ns()


class Costs:
    """Processor time of this process and of the decoder that a pool of one has just started; not of its spare, and not
    of asking for it.
    """

    def __init__(self, pool: DecoderPool) -> None:
        [self._decoder] = pool.process_ids()
        self._decoder_s = self._own_s = 0.0

    def begin(self) -> None:
        self._decoder_s = _of_process(self._decoder)
        self._own_s = time.process_time()

    def seconds(self) -> float:
        """Since the last `begin`."""
        own_s = time.process_time() - self._own_s
        return own_s + _of_process(self._decoder) - self._decoder_s


def _of_process(pid: int) -> float:
    """Seconds that all threads of a process were on a processor, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def of_server(pid: int) -> float:
    """Seconds of a process with threads that come and go, to a hundredth."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def ready(pool: DecoderPool) -> None:
    """The spare decoder is started while nothing is measured."""
    ends = time.monotonic() + _READY_S
    while len(pool.process_ids()) < 2:
        if time.monotonic() > ends:
            raise RuntimeError("the spare decoder was never ready")
        await asyncio.sleep(0.05)


async def seen(patrol: Patrol, camera: str) -> FrameBatch:
    """A visit that brought a picture; any other ends the benchmark."""
    row = await patrol.visit_once(camera)
    if row.outcome[0] not in (Outcome.PICTURE, Outcome.GLANCE):
        raise RuntimeError(f"a visit ended with {row.reason[0]}")
    return row


def learn(patrol: Patrol, row: FrameBatch) -> None:
    """What the rules do after some looks by a new light: its sketch becomes the reference."""
    if row.sketch[0] and not row.reference[0]:
        light = Light(int(row.light[0])).name.lower()
        known = {"camera": row.device[0], "light": light, "preset": "", "picture": row.sketch[0]}
        patrol.know_references([known])


async def nowhere(rows: FrameBatch) -> None:
    """What a visit costs ends with its row."""


def ratio_row(figure: str, ours: list[float], theirs: list[float], peer: str, goal: Goal | None, note: str) -> Row:
    """Ratio of the sums, ours and theirs in seconds a visit: visits differ from one to the next, all of them do not."""
    spread, bare = Spread.of(ours).scaled(1e3), Spread.of(theirs).scaled(1e3)
    return row(
        SCENARIO, figure, spread.median, "ms CPU", peer=peer, ratio=sum(ours) / sum(theirs), goal=goal, spread=spread,
        note=f"{note}, peer {bare.median:.1f} ms, sums of {len(ours)} samples each",
    )  # fmt: skip


def say(words: str) -> None:
    """What goes on, and when: a run that is cut off leaves what was said."""
    print(f"  {time.monotonic() - _BEGAN:5.0f} s  {words}", flush=True)
