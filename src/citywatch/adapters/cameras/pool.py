"""The pool of guarded decoder processes: each visit in one, one visit at a time in each.

Guarded from outside: wall time, resident memory, age; from inside (worker.py): data, pixels, core files. A process
that breaks a limit is killed and replaced by the spare that was started ahead, and the watch goes on.

Blame. One visit is in flight per process, and a process says when it has begun with it, so it is clear which visit a
process died of, if of any; but not why: a kernel short of memory or an operator's kill looks the same. So the visit is
made again, alone in a fresh process. If that dies of it too the picture is to blame: NO_MEDIA with decoder_died,
decoder_out_of_time or decoder_out_of_memory. If it does not, its own answer counts. UNCHECKED with one of these reasons
means that no decoder could be had.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from citywatch.adapters.cameras.decoder_process import DecoderProcess, Lost
from citywatch.adapters.cameras.pipe import MOST_BLOB_BYTES, Report, Settings, Task
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.domain.pictures import Outcome, VisitReason
from citywatch.errors import OutsideError
from citywatch.ports import Meter

_log = logging.getLogger(__name__)

_BEGINNINGS = 4
_RESTART_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_BLAMED = frozenset({VisitReason.DECODER_DIED, VisitReason.DECODER_TIME, VisitReason.DECODER_MEMORY})


class DecoderLimits(BaseModel):
    """What one decoder process may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visit_seconds: Annotated[float, Field(gt=0, le=600)] = 15.0
    """Wall time of one visit in the decoder (it never waits for a camera)."""
    start_seconds: Annotated[float, Field(gt=0, le=600)] = 180.0
    """Until a new process is ready; the very first one compiles the kernels."""
    data_limit_bytes: Annotated[int, Field(ge=400_000_000)] = 1_000_000_000
    """RLIMIT_DATA: less than 400 MB does not carry the libraries."""
    resident_limit_bytes: Annotated[int, Field(ge=1_000_000)] = 1_000_000_000
    """Resident memory, watched from outside."""
    most_pixels: Annotated[int, Field(ge=4096, le=1 << 28)] = 1 << 26
    """The largest picture that is decoded; 67 million pixels by default."""
    visits_per_process: Annotated[int, Field(ge=1)] = 1000
    """Then the process is replaced, so that a slow leak stays small."""
    niceness: Annotated[int, Field(ge=0, le=19)] = 10
    queue_length: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Visits that may wait for a decoder; whoever brings one more waits with it in hand."""


@dataclass(slots=True)
class _Job:
    task: Task
    content: bytes
    known: bool
    answer: asyncio.Future[Report]


class DecoderPool:
    """`workers` decoders and one spare. An async context manager; ready when entered.

    objects_dir, unpinned_quota_bytes, pinned_quota_bytes: the object store that pictures go to. Entering raises
    OutsideError when no decoder can be started or the object store cannot be read; it sweeps the store.
    """

    def __init__(
        self,
        workers: int,
        objects_dir: Path,
        *,
        meter: Meter,
        unpinned_quota_bytes: int = 2 << 30,
        pinned_quota_bytes: int = 8 << 30,
        limits: DecoderLimits | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"a pool of {workers} decoders: at least 1 is needed")
        self._limits = limits or DecoderLimits()
        self._settings = Settings(
            objects_dir=str(objects_dir.absolute()),
            unpinned_quota_bytes=unpinned_quota_bytes,
            pinned_quota_bytes=pinned_quota_bytes,
            data_limit_bytes=self._limits.data_limit_bytes,
            most_pixels=self._limits.most_pixels,
            search_seconds=self._limits.visit_seconds / 2,
            niceness=self._limits.niceness,
            parent=os.getpid(),
        )
        self._workers = workers
        self._meter = meter
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(self._limits.queue_length)
        self._starting = asyncio.Lock()
        self._alone = asyncio.Lock()
        self._spare: asyncio.Task[DecoderProcess] | None = None
        self._runners: list[asyncio.Task[None]] = []
        self._processes: set[DecoderProcess] = set()
        self._closed = False

    async def __aenter__(self) -> DecoderPool:
        try:
            first = await self._start()
        except Lost as failure:
            raise OutsideError("decoder", f"no decoder process can be started: {failure}", retry=False) from None
        try:
            await asyncio.to_thread(self._sweep)
        except BaseException:
            await self.aclose()
            raise
        spare: asyncio.Future[DecoderProcess] = asyncio.get_running_loop().create_future()
        spare.set_result(first)
        self._spare = asyncio.create_task(_as_it_is(spare))
        self._runners = [asyncio.create_task(self._run(), name=f"decoder-{n}") for n in range(self._workers)]
        return self

    def _sweep(self) -> None:
        """What decoders that were killed left in the object store, and what smaller quotas leave no room for."""
        settings = self._settings
        DirectoryObjects(
            Path(settings.objects_dir), settings.unpinned_quota_bytes, settings.pinned_quota_bytes, self._meter
        ).sweep()

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop every process. Visits that are not finished end as UNCHECKED, stopped. Can be called again."""
        self._closed = True
        tasks = [*self._runners, *([self._spare] if self._spare is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._runners, self._spare = [], None
        while not self._jobs.empty():
            _answer(self._jobs.get_nowait(), _stopped())
        await asyncio.gather(*(process.kill() for process in list(self._processes)))
        self._processes.clear()

    async def examine(self, task: Task, content: bytes = b"", *, known: bool = False) -> Report:
        """Decode and measure. `known`: this camera's picture was confirmed to kill decoders at its last visit.

        Never raises for what a picture does. Waits while the queue is full.
        """
        if self._closed:
            return _stopped()
        if len(content) > MOST_BLOB_BYTES:
            raise ValueError(f"{len(content)} bytes for one visit; the limit is {MOST_BLOB_BYTES}")
        job = _Job(task, content, known, asyncio.get_running_loop().create_future())
        await self._jobs.put(job)
        if self._closed:
            _answer(job, _stopped())
        return await job.answer

    @property
    def workers(self) -> int:
        """Visits that can be decoded side by side."""
        return self._workers

    def process_ids(self) -> dict[int, bool]:
        """The processes that run now, and whether each is at a visit."""
        return {process.pid: process.busy for process in self._processes}

    # the runners -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        process: DecoderProcess | None = None
        while True:
            job = await self._jobs.get()
            if job.answer.done():  # whoever asked has gone
                continue
            try:
                report, process = await self._visit(job, process)
                if report.reason in _BLAMED and not job.known:
                    async with self._alone:
                        report, process = await self._visit(job, process)
                    confirmed = report.reason in _BLAMED
                else:
                    confirmed = report.reason in _BLAMED
                _answer(job, replace(report, outcome=int(Outcome.NO_MEDIA)) if confirmed else report)
            except Lost as failure:  # no process can be had at all
                _answer(job, Report(int(Outcome.UNCHECKED), failure.reason.value, note=str(failure)))
            finally:
                _answer(job, _stopped())  # when cancelled in between

    async def _visit(self, job: _Job, process: DecoderProcess | None) -> tuple[Report, DecoderProcess | None]:
        """One attempt, and the process to go on with. Raises Lost only when no process can be had."""
        for _ in range(_BEGINNINGS):
            if process is None or not process.alive:
                process = await self._take_spare()
            try:
                report = await process.ask(
                    job.task, job.content, self._limits.visit_seconds, self._limits.resident_limit_bytes
                )
                break
            except Lost as failure:
                await self._replace(process, failure.reason.value)
                _log.warning("decoder %d is replaced: %s", process.pid, failure)
                if failure.begun:
                    return Report(int(Outcome.UNCHECKED), failure.reason.value, note=str(failure)), None
                process, last = None, failure  # it was dead, stopped or swollen already: not this visit's doing
            except asyncio.CancelledError:
                await process.kill()
                raise
        else:
            raise Lost(last.reason, f"{_BEGINNINGS} decoders in a row failed before the visit began: {last}")
        for name, amount in (report.dropped or {}).items():
            metric, _, area = name.partition("/")
            self._meter.count(metric, amount, area=area)
        if report.reason in _BLAMED:  # it noticed by itself, but its memory is in pieces now
            await self._replace(process, report.reason)
            return report, None
        if process.visits >= self._limits.visits_per_process:
            await self._replace(process, "recycled")
            return report, None
        return report, process

    async def _replace(self, process: DecoderProcess, reason: str) -> None:
        self._processes.discard(process)
        self._meter.count("decoders_replaced_total", reason=reason)
        if reason == "recycled":
            await process.retire()
        else:
            await process.kill()

    # starting ----------------------------------------------------------------------------------------------

    async def _take_spare(self) -> DecoderProcess:
        async with self._starting:
            for pause_s in (*_RESTART_S, None):
                if self._spare is None:
                    self._spare = asyncio.create_task(self._start())
                try:
                    process = await asyncio.shield(self._spare)
                except Lost as failure:
                    self._spare = None
                    _log.error("a decoder process cannot be started: %s", failure)
                    if pause_s is None:
                        raise
                    await asyncio.sleep(pause_s)
                    continue
                self._spare = asyncio.create_task(self._start())
                if process.alive:
                    return process
                await self._replace(process, VisitReason.DECODER_DIED.value)
        raise Lost(VisitReason.DECODER_DIED, "every decoder process died before its first visit")

    async def _start(self) -> DecoderProcess:
        process = await DecoderProcess.start(self._settings)
        self._processes.add(process)
        try:
            await process.ready(self._limits.start_seconds)
        except BaseException:
            self._processes.discard(process)
            await process.kill()
            raise
        return process


def _answer(job: _Job, report: Report) -> None:
    if not job.answer.done():
        job.answer.set_result(report)


def _stopped() -> Report:
    return Report(int(Outcome.UNCHECKED), VisitReason.STOPPED.value, note="the pool was stopped")


async def _as_it_is(process: asyncio.Future[DecoderProcess]) -> DecoderProcess:
    return await process
