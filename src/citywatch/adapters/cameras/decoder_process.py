"""One decoder process as its pool sees it: started, asked, watched and killed.

A visit costs the loop three short calls and one awakening: the task is written, BEGUN and the report are taken apart
where they arrive, and only the report wakes who waits for it. Time and memory are looked at by a timer, so what is
done within it, as nearly all is, pays for none.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections import deque
from dataclasses import dataclass
from typing import cast

from citywatch.adapters.cameras.pipe import BEGUN, HEAD, MOST_JSON_BYTES, Report, Settings, Task, pack, unpack_json
from citywatch.domain.pictures import VisitReason

WATCH_S = 0.05
_GOODBYE_S = 2.0
_LAST_WORDS = 2048
_PIPE_BYTES = 1 << 20
_WORKER = "citywatch.adapters.cameras.worker"
_MOST_HEARD_BYTES = len(BEGUN) + HEAD.size + MOST_JSON_BYTES
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
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


class Lost(Exception):
    """A process that is no more (or may not go on), and the reason to give for it.

    `begun`: it had a visit in hand, so the visit may be to blame.
    """

    def __init__(self, reason: VisitReason, note: str) -> None:
        super().__init__(note)
        self.reason = reason
        self.begun = False


class _HungUp(Exception):
    """It has closed its end of the pipe, so it is gone or about to."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """Of one visit; `deadline_s` is by the loop's clock."""

    deadline_s: float
    visit_seconds: float
    resident_bytes: int


class DecoderProcess(asyncio.SubprocessProtocol):
    """Made by `start`; `kill` or `retire` must be called in the end."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._words_ended: asyncio.Future[None] = self._loop.create_future()
        self._last_words: deque[int] = deque(maxlen=_LAST_WORDS)
        self._heard = bytearray()
        self._answer: asyncio.Future[Report] | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._hung_up = False
        self._statm = -1
        self.pid = 0
        self.visits = 0
        self.busy = False
        """A visit has begun in it and is not over."""

    @classmethod
    async def start(cls, settings: Settings) -> DecoderProcess:
        """Raises Lost. It is of use once `ready` has returned."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _HANDED_DOWN or name.startswith(_HANDED_DOWN_PREFIXES)
        }
        environment |= _ONE_THREAD | _MEMORY_AT_HAND | {"OPENCV_IO_MAX_IMAGE_PIXELS": str(settings.most_pixels)}
        try:
            _, self = await asyncio.get_running_loop().subprocess_exec(
                cls,
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
            raise Lost(VisitReason.DECODER_DIED, f"{error.strerror}") from None
        self._stdin.write(pack(settings))
        return self

    @property
    def alive(self) -> bool:
        return not self._exited.done()

    async def ready(self, timeout_s: float) -> None:
        """Wait for its first word. Raises Lost."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._report(self._expected())
        except TimeoutError:
            raise Lost(VisitReason.DECODER_TIME, f"not ready after {timeout_s:g} s") from None

    async def ask(self, task: Task, content: bytes, visit_seconds: float, resident_limit_bytes: int) -> Report:
        """One visit under these limits. Raises Lost; then the process must be killed."""
        self.visits += 1
        if (swollen := self._too_large(resident_limit_bytes)) is not None:
            raise swollen
        limits = _Limits(self._loop.time() + visit_seconds, visit_seconds, resident_limit_bytes)
        answer = self._expected()
        self._watching = self._loop.call_later(min(WATCH_S, visit_seconds), self._watch, answer, limits)
        self._stdin.write(pack(task, len(content)) + content)  # at once: it is woken once
        try:
            return await self._report(answer)
        except Lost as failure:
            failure.begun = self.busy
            raise
        finally:
            self.busy = False
            self._watching.cancel()

    def _expected(self) -> asyncio.Future[Report]:
        """The report that comes next."""
        self._answer = self._loop.create_future()
        if self._hung_up:
            self._answer.set_exception(_HungUp())
        self._listen()
        return self._answer

    async def _report(self, answer: asyncio.Future[Report]) -> Report:
        """Raises Lost."""
        try:
            return await answer
        except _HungUp:
            raise await self._death() from None
        finally:
            self._answer = None

    def _watch(self, answer: asyncio.Future[Report], limits: _Limits) -> None:
        """Time and memory of the visit in hand."""
        if answer.done():
            return
        rest_s = limits.deadline_s - self._loop.time()
        if rest_s <= 0:
            answer.set_exception(Lost(VisitReason.DECODER_TIME, f"no answer in {limits.visit_seconds:g} s"))
        elif (failure := self._too_large(limits.resident_bytes)) is not None:
            answer.set_exception(failure)
        else:
            self._watching = self._loop.call_later(min(WATCH_S, rest_s), self._watch, answer, limits)

    def _too_large(self, limit_bytes: int) -> Lost | None:
        if self._resident_bytes() <= limit_bytes:
            return None
        return Lost(VisitReason.DECODER_MEMORY, f"more than {limit_bytes} bytes of memory")

    def _resident_bytes(self) -> int:
        try:
            return int(os.pread(self._statm, 256, 0).split()[1]) * _PAGE_BYTES
        except (OSError, IndexError, ValueError):
            return 0  # gone, or no /proc here: RLIMIT_DATA still holds

    async def _death(self) -> Lost:
        """Why it ended; it has closed its pipe, so it is gone or about to."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await asyncio.shield(self._exited)
                await asyncio.shield(self._words_ended)
        code = self._transport.get_returncode()
        if code is not None and code < 0:
            how = f"killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"
        else:
            how = f"exit code {code}"
        words = bytes(self._last_words).decode("utf-8", "replace").strip()
        memory = "MemoryError" in words or "bad_alloc" in words
        reason = VisitReason.DECODER_MEMORY if memory else VisitReason.DECODER_DIED
        return Lost(reason, f"the process ended ({how}){': ' + words if words else ''}")

    async def retire(self) -> None:
        """Let it end by itself, for a moment."""
        self._stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await asyncio.shield(self._exited)
        await self.kill()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._transport.kill()
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1
        await asyncio.shield(self._exited)
        self._transport.close()

    # what the loop tells -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self.pid = self._transport.get_pid()
        with contextlib.suppress(OSError):  # looked at at every visit, so it stays open
            self._statm = os.open(f"/proc/{self.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        if sys.platform == "linux":
            # Room for a whole key frame in the pipe, so that it goes over at once instead of in turns of 64 kB.
            # An ordinary user has a limit on all his pipes together; and a patrol that is over before it began, as of
            # one file that is not there, has closed this one already.
            with contextlib.suppress(OSError, ValueError):
                fcntl.fcntl(self._stdin.get_extra_info("pipe").fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._last_words.extend(data)  # the end of it is kept for the log
            return
        self._heard += data
        if len(self._heard) > _MOST_HEARD_BYTES:  # nobody asked for so much; it is not waited for either
            self._heard.clear()
            self._transport.kill()
        self._listen()

    def _listen(self) -> None:
        """Answer who waits, once there is a report."""
        if self._answer is None or self._answer.done():
            return
        try:
            report = self._understood()
        except (ValueError, TypeError):
            self._answer.set_exception(Lost(VisitReason.DECODER_DIED, "its answer makes no sense"))
        else:
            if report is not None:
                self._answer.set_result(report)

    def _understood(self) -> Report | None:
        """The report, once all of it is there; notes when a visit has begun. ValueError, TypeError."""
        if self.visits > 0 and not self.busy and self._heard:
            if not self._heard.startswith(BEGUN):
                raise ValueError("no beginning")
            del self._heard[: len(BEGUN)]
            self.busy = True
        if len(self._heard) < HEAD.size:
            return None
        json_length, blob_length = HEAD.unpack_from(self._heard)
        if json_length > MOST_JSON_BYTES or blob_length:
            raise ValueError("not a report")
        if len(self._heard) < HEAD.size + json_length:
            return None
        body = bytes(self._heard[HEAD.size : HEAD.size + json_length])
        del self._heard[: HEAD.size + json_length]
        return Report(**unpack_json(body))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 2:
            if not self._words_ended.done():
                self._words_ended.set_result(None)
            return
        self._hung_up = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(_HungUp())

    def process_exited(self) -> None:
        if not self._exited.done():
            self._exited.set_result(None)
