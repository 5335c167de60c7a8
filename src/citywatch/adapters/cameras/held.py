"""A stream that is held open: one connection, and a look at a key frame now and then.

Reading goes on in a task of its own, so that a decoder that is busy holds up no camera. A look that nobody has fetched
gives way to the next one (counted): what is held is one key frame, never a queue. What goes wrong is a look, too: a
stream that stops while it is open has stalled, and the next connection is tried after a pause that grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from citywatch.adapters.cameras.addresses import MediaKind
from citywatch.adapters.cameras.answers import Answer, VisitFailure
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.cameras.rtsp import RtspSession
from citywatch.ports import Meter

PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Before another connection is tried; the last one again and again. Each is drawn up to a fifth longer or shorter."""
_JITTER = 0.2
_STALL_INTERVALS = 4
"""A slow stream has not stalled before so many of its own intervals have passed."""
_LISTEN_S = 0.5

Connect = Callable[[], "contextlib.AbstractAsyncContextManager[RtspSession]"]


@dataclass(frozen=True, slots=True)
class HeldLook:
    """What a held stream has to show.

    at_ns     our clock when the key frame was whole, or when it was clear that there is none
    answer    the key frame with what was learned of the stream; or why there is none
    pictures  that came since the look before, all of them
    """

    at_ns: int
    answer: Answer | VisitFailure
    pictures: int = 0


class HeldStream:
    """One camera's stream, held open; an async context manager. Made by `Visitor.hold`.

    `next_look` gives the first key frame of each connection at once, then one every `every_s` at most. The rate of a
    look (`answer.stream.fps`) is that of the pictures since the look before with `all_frames`, and of those since the
    key frame before with `key_frames`.
    """

    def __init__(
        self,
        camera: CameraConfig,
        connect: Connect,
        meter: Meter,
        *,
        every_s: float,
        now_ns: Callable[[], int] = time.time_ns,
        seed: int = 0,
    ) -> None:
        if camera.address().kind is not MediaKind.RTSP:
            raise ValueError(f"camera {camera.camera}: only an rtsp:// stream can be held open")
        self._camera = camera
        self._connect = connect
        self._meter = meter
        self._every_s = every_s
        self._due = 0.0
        self._now_ns = now_ns
        self._random = random.Random(f"{camera.camera}/{seed}")  # noqa: S311  (when to ask again, no secret)
        self._failures = 0
        self._look: HeldLook | None = None
        self._has_look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> HeldStream:
        self._task = asyncio.create_task(self._run(), name=f"held {self._camera.camera}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def next_look(self) -> HeldLook:
        """The newest look that was not fetched yet; waits for one. Raises what ended the reading, if anything did."""
        if self._task is None:
            raise RuntimeError("a held stream is entered before it is asked")
        waiting = asyncio.create_task(self._has_look.wait())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._look is None:
            self._task.result()
            raise RuntimeError("a held stream was closed while it was asked")
        look, self._look = self._look, None
        self._has_look.clear()
        return look

    def look_every(self, every_s: float) -> None:
        """From now on at most so far apart."""
        self._every_s = every_s
        self._due = min(self._due, asyncio.get_running_loop().time() + every_s)

    # the reading -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                async with self._connect() as session:
                    await self._watch(session)
            except VisitFailure as failure:
                self._offer(HeldLook(self._now_ns(), failure))
                self._meter.count("held_streams_lost_total", reason=failure.reason.value)
            pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
            self._failures += 1
            await asyncio.sleep(pause_s * self._random.uniform(1 - _JITTER, 1 + _JITTER))

    async def _watch(self, session: RtspSession) -> None:
        """Look until the stream is lost; that is told by a VisitFailure."""
        loop = asyncio.get_running_loop()
        camera, rate = self._camera, session.rate
        self._due = last_key = loop.time()
        seen = 0
        while True:
            frame, now = session.take_key_frame(), loop.time()
            if frame is not None:
                last_key = now
                self._failures = 0
                if now >= self._due:
                    self._due = max(self._due + self._every_s, now)
                    self._offer(HeldLook(self._now_ns(), Answer(frame, session.stream()), rate.pictures - seen))
                    seen = rate.pictures
                    rate.restart()
                elif camera.look == "key_frames":
                    rate.restart()
            elif session.quiet_s >= self._patience_s(session):
                raise session.silence()
            elif now - last_key >= camera.media_timeout_seconds:
                self._offer(HeldLook(self._now_ns(), session.silence()))
                last_key = now
            await session.listen(_LISTEN_S)

    def _patience_s(self, session: RtspSession) -> float:
        """After so long without media there is none any more."""
        if not session.has_pictures:
            return self._camera.media_timeout_seconds
        return max(self._camera.stalled_seconds, _STALL_INTERVALS * session.rate.typical_s)

    def _offer(self, look: HeldLook) -> None:
        if self._look is not None:
            self._meter.count("held_looks_dropped_total")
        self._look = look
        self._has_look.set()
