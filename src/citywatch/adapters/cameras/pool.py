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
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from citywatch.adapters.cameras.pipe import (
    BEGUN,
    HEAD,
    MOST_BLOB_BYTES,
    MOST_JSON_BYTES,
    Report,
    Settings,
    Task,
    pack,
    unpack_json,
)
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.domain.pictures import Outcome, VisitReason
from citywatch.errors import OutsideError
from citywatch.ports import Meter

_log = logging.getLogger(__name__)

_WATCH_S = 0.05
_GOODBYE_S = 2.0
_BEGINNINGS = 4
_RESTART_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_LAST_WORDS = 2048
_PIPE_BYTES = 1 << 20
_WORKER = "citywatch.adapters.cameras.worker"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_BLAMED = frozenset({VisitReason.DECODER_DIED, VisitReason.DECODER_TIME, VisitReason.DECODER_MEMORY})
# The rest of our environment (tokens, passwords) is none of a decoder's business.
_HANDED_DOWN = frozenset(["PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT"])
_HANDED_DOWN_PREFIXES = ("LC_", "PYTHON", "NUMBA_", "COVERAGE_")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
# glibc would give the planes of every picture back to the system and fetch them anew, page by page, for the next one:
# a quarter of a snapshot's visit. So it keeps some memory at hand; resident memory is watched from outside as before.
_MEMORY_AT_HAND = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
}


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


class _Lost(Exception):
    """A process that is no more (or may not go on), and the reason to give for it.

    `begun`: it had a visit in hand, so the visit may be to blame.
    """

    def __init__(self, reason: VisitReason, note: str) -> None:
        super().__init__(note)
        self.reason = reason
        self.begun = False


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
        self._spare: asyncio.Task[_Process] | None = None
        self._runners: list[asyncio.Task[None]] = []
        self._processes: set[_Process] = set()
        self._closed = False

    async def __aenter__(self) -> DecoderPool:
        try:
            first = await self._start()
        except _Lost as failure:
            raise OutsideError("decoder", f"no decoder process can be started: {failure}", retry=False) from None
        try:
            await asyncio.to_thread(self._sweep)
        except BaseException:
            await self.aclose()
            raise
        spare: asyncio.Future[_Process] = asyncio.get_running_loop().create_future()
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
        process: _Process | None = None
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
            except _Lost as failure:  # no process can be had at all
                _answer(job, Report(int(Outcome.UNCHECKED), failure.reason.value, note=str(failure)))
            finally:
                _answer(job, _stopped())  # when cancelled in between

    async def _visit(self, job: _Job, process: _Process | None) -> tuple[Report, _Process | None]:
        """One attempt, and the process to go on with. Raises _Lost only when no process can be had."""
        for _ in range(_BEGINNINGS):
            if process is None or not process.alive:
                process = await self._take_spare()
            try:
                report = await process.ask(job.task, job.content, self._limits)
                break
            except _Lost as failure:
                await self._replace(process, failure.reason.value)
                _log.warning("decoder %d is replaced: %s", process.pid, failure)
                if failure.begun:
                    return Report(int(Outcome.UNCHECKED), failure.reason.value, note=str(failure)), None
                process, last = None, failure  # it was dead, stopped or swollen already: not this visit's doing
            except asyncio.CancelledError:
                await process.kill()
                raise
        else:
            raise _Lost(last.reason, f"{_BEGINNINGS} decoders in a row failed before the visit began: {last}")
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

    async def _replace(self, process: _Process, reason: str) -> None:
        self._processes.discard(process)
        self._meter.count("decoders_replaced_total", reason=reason)
        if reason == "recycled":
            await process.retire()
        else:
            await process.kill()

    # starting ----------------------------------------------------------------------------------------------

    async def _take_spare(self) -> _Process:
        async with self._starting:
            for pause_s in (*_RESTART_S, None):
                if self._spare is None:
                    self._spare = asyncio.create_task(self._start())
                try:
                    process = await asyncio.shield(self._spare)
                except _Lost as failure:
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
        raise _Lost(VisitReason.DECODER_DIED, "every decoder process died before its first visit")

    async def _start(self) -> _Process:
        process = await _Process.start(self._settings)
        self._processes.add(process)
        try:
            await process.ready(self._limits.start_seconds)
        except BaseException:
            self._processes.discard(process)
            await process.kill()
            raise
        return process


class _Process:
    """One decoder process and the pipes to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("a decoder process without pipes")
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._last_words: deque[int] = deque(maxlen=_LAST_WORDS)
        self._listener = asyncio.create_task(self._listen(process.stderr))
        self.pid = process.pid
        self._statm = -1
        with contextlib.suppress(OSError):  # looked at several times a visit, so it stays open
            self._statm = os.open(f"/proc/{self.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        self.visits = 0
        self.busy = False
        """A visit has begun in it and is not over."""

    @classmethod
    async def start(cls, settings: Settings) -> _Process:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _HANDED_DOWN or name.startswith(_HANDED_DOWN_PREFIXES)
        }
        environment |= _ONE_THREAD | _MEMORY_AT_HAND | {"OPENCV_IO_MAX_IMAGE_PIXELS": str(settings.most_pixels)}
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _WORKER,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # Ctrl-C at the terminal is ours to handle
            )
        except OSError as error:
            raise _Lost(VisitReason.DECODER_DIED, f"{error.strerror}") from None
        self = cls(process)
        _widen(self._stdin)
        self._stdin.write(pack(settings))
        return self

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ready(self, timeout_s: float) -> None:
        """Wait for its first word. Raises _Lost."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._report()
        except TimeoutError:
            raise _Lost(VisitReason.DECODER_TIME, f"not ready after {timeout_s:g} s") from None

    async def ask(self, task: Task, content: bytes, limits: DecoderLimits) -> Report:
        """One visit under the limits. Raises _Lost; then the process must be killed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limits.visit_seconds
        self.visits += 1
        exchange = asyncio.create_task(self._exchange(task, content))
        try:
            while not exchange.done():
                rest_s = deadline - loop.time()
                if rest_s <= 0:
                    raise _Lost(VisitReason.DECODER_TIME, f"no answer in {limits.visit_seconds:g} s")
                if self._resident_bytes() > limits.resident_limit_bytes:
                    raise _Lost(VisitReason.DECODER_MEMORY, f"more than {limits.resident_limit_bytes} bytes of memory")
                await asyncio.wait({exchange}, timeout=min(_WATCH_S, rest_s))
            return exchange.result()
        except _Lost as failure:
            failure.begun = self.busy
            raise
        finally:
            self.busy = False
            exchange.cancel()
            with contextlib.suppress(asyncio.CancelledError, _Lost):
                await exchange

    async def _exchange(self, task: Task, content: bytes) -> Report:
        try:
            self._stdin.write(pack(task, len(content)))
            self._stdin.write(content)
            await self._stdin.drain()
        except ConnectionError:
            raise await self._death() from None
        try:
            if await self._stdout.readexactly(len(BEGUN)) != BEGUN:
                raise _Lost(VisitReason.DECODER_DIED, "its answer makes no sense")
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None
        self.busy = True
        return await self._report()

    async def _report(self) -> Report:
        try:
            json_length, blob_length = HEAD.unpack(await self._stdout.readexactly(HEAD.size))
            if json_length > MOST_JSON_BYTES or blob_length:
                raise _Lost(VisitReason.DECODER_DIED, "its answer makes no sense")
            return Report(**unpack_json(await self._stdout.readexactly(json_length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None
        except (ValueError, TypeError):
            raise _Lost(VisitReason.DECODER_DIED, "its answer makes no sense") from None

    async def _death(self) -> _Lost:
        """Why it ended; it has closed its pipe, so it is gone or about to."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._process.wait()
                await asyncio.shield(self._listener)
        code = self._process.returncode
        if code is not None and code < 0:
            how = f"killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"
        else:
            how = f"exit code {code}"
        words = bytes(self._last_words).decode("utf-8", "replace").strip()
        memory = "MemoryError" in words or "bad_alloc" in words
        reason = VisitReason.DECODER_MEMORY if memory else VisitReason.DECODER_DIED
        return _Lost(reason, f"the process ended ({how}){': ' + words if words else ''}")

    def _resident_bytes(self) -> int:
        try:
            return int(os.pread(self._statm, 256, 0).split()[1]) * _PAGE_BYTES
        except (OSError, IndexError, ValueError):
            return 0  # gone, or no /proc here: RLIMIT_DATA still holds

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        """Its standard error must be emptied, or it would wait for us; the end of it is kept for the log."""
        while piece := await stderr.read(4096):
            self._last_words.extend(piece)

    async def retire(self) -> None:
        """Let it end by itself, for a moment."""
        self._stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1
        await self._process.wait()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)


def _answer(job: _Job, report: Report) -> None:
    if not job.answer.done():
        job.answer.set_result(report)


def _stopped() -> Report:
    return Report(int(Outcome.UNCHECKED), VisitReason.STOPPED.value, note="the pool was stopped")


def _widen(pipe: asyncio.StreamWriter) -> None:
    """Room for a whole key frame in the pipe, so that it goes over at once instead of in turns of 64 kB."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # an ordinary user has a limit on all his pipes together
            fcntl.fcntl(pipe.get_extra_info("pipe").fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


async def _as_it_is(process: asyncio.Future[_Process]) -> _Process:
    return await process
