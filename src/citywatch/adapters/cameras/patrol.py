"""The patrol: who is visited when, and what is remembered of each camera from one visit to the next.

Every camera has its own interval; the first visits are spread evenly over it. Visits run side by side up to a limit,
and each camera's next visit is due by the clock, not by the end of the last one, so a slow or dead camera costs its own
time-out and delays nobody. What a visit found becomes one row of a FrameBatch; rows go to `on_frames` in one queue, in
the order in which they were finished, as many at a time as have gathered.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import numpy as np

from citywatch.adapters.cameras.answers import FileRef, Media, Reached, Stream, VisitFailure
from citywatch.adapters.cameras.pipe import Report, Task
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.rtp import KeyFrame
from citywatch.adapters.cameras.visit import CameraConfig, Visitor
from citywatch.domain.columns import TEXT
from citywatch.domain.pictures import FrameBatch, Outcome, VisitReason
from citywatch.errors import ConfigurationError, LogFull, LogUnavailable
from citywatch.ports import Clock, Meter

_log = logging.getLogger(__name__)

_ROWS_WAITING = 1024
_ROWS_AT_A_TIME = 512
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_NOTHING: Mapping[str, Any] = {TEXT: "", "float64": math.nan}
_NOT_MEASURED: Mapping[str, Any] = {
    column.name: column.missing if column.since > 1 else _NOTHING.get(column.dtype, 0) for column in FrameBatch.COLUMNS
}
"""What a row holds in a column that a visit says nothing about."""

OnFrames = Callable[[FrameBatch], Awaitable[None]]


@dataclass(slots=True)
class _Memory:
    """What the patrol knows of a camera; about a hundred bytes. Lost at a restart, which costs one comparison."""

    visits: int = 0
    picture: str = ""
    picture_ns: int = -1
    after_ns: int | None = None
    after_keys: int = 0
    killer: bool = False
    reason: str = ""


class Patrol:
    """Visits cameras. An async context manager, because it holds connections' clients and threads for name lookups.

    cameras    each id once
    pool       entered already; the patrol does not close it
    on_frames  is awaited with the rows; when it raises LogFull or LogUnavailable the same rows are brought again
               until they are taken, and no new visit ends meanwhile
    in_flight  visits side by side
    """

    def __init__(
        self,
        cameras: Iterable[CameraConfig],
        pool: DecoderPool,
        clock: Clock,
        on_frames: OnFrames,
        meter: Meter,
        *,
        in_flight: int = 64,
    ) -> None:
        all_cameras = list(cameras)
        self._cameras = {camera.camera: camera for camera in all_cameras}
        if len(self._cameras) < len(all_cameras):
            raise ConfigurationError("cameras: an id is given twice; each camera needs its own")
        self._memories = {camera: _Memory() for camera in self._cameras}
        self._pool = pool
        self._clock = clock
        self._on_frames = on_frames
        self._meter = meter
        self._in_flight = in_flight
        self._visitor = Visitor()
        self._rows: asyncio.Queue[FrameBatch] = asyncio.Queue(_ROWS_WAITING)

    async def __aenter__(self) -> Patrol:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._visitor.aclose()

    async def visit_once(self, camera: str) -> FrameBatch:
        """One visit, now; a batch of one row. It is not handed to `on_frames`. KeyError for an unknown id.

        Visits of one and the same camera must follow each other.
        """
        config, memory = self._cameras[camera], self._memories[camera]
        memory.visits += 1
        at_ns = self._clock.now_ns()
        started = asyncio.get_running_loop().time()
        report = await self._look(config, memory)
        self._remember(config, memory, report, at_ns)
        self._tell(config, memory, report)
        outcome = Outcome(report.outcome)
        self._meter.count("visits_total", outcome=outcome.name.lower(), reason=report.reason)
        self._meter.count("visit_cpu_seconds_total", report.cpu_us / 1e6)
        self._meter.observe("visit_seconds", asyncio.get_running_loop().time() - started)
        return self._row(config, memory, report, at_ns)

    async def run(self, stop: asyncio.Event) -> None:
        """Visit all cameras in turn until `stop` is set; then visits in flight are given up and rows handed over."""
        deliverer = asyncio.create_task(self._deliver(stop))
        visits: set[asyncio.Task[None]] = set()
        stopping = asyncio.create_task(stop.wait())
        loop = asyncio.get_running_loop()
        due = self._first_round(loop.time())
        try:
            while not stop.is_set() and not deliverer.done():
                pause_s = due[0][0] - loop.time() if due else None
                if len(visits) < self._in_flight and due and pause_s is not None and pause_s <= 0:
                    _, _, camera = heapq.heappop(due)
                    visits.add(asyncio.create_task(self._visit_and_queue(camera, due, loop.time()), name=camera))
                    continue
                timeout_s = pause_s if len(visits) < self._in_flight else None
                await asyncio.wait(
                    {stopping, deliverer, *visits}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
                )
                for visit in [visit for visit in visits if visit.done()]:
                    visits.discard(visit)
                    visit.result()
        finally:
            stopping.cancel()
            for visit in visits:
                visit.cancel()
            await asyncio.gather(stopping, *visits, return_exceptions=True)
            if not deliverer.done():
                await self._rows.put(FrameBatch.empty())  # the end
            await deliverer

    # one visit ---------------------------------------------------------------------------------------------

    async def _look(self, config: CameraConfig, memory: _Memory) -> Report:
        try:
            answer = await self._visitor.ask(config)
        except VisitFailure as failure:
            report = Report(int(failure.outcome), failure.reason.value, note=str(failure))
            return _with_stream(report, failure.stream)
        if isinstance(answer.media, Reached):
            return Report(int(Outcome.REACHED), VisitReason.OK.value)
        task, content = _task(answer.media, memory)
        return _with_stream(await self._pool.examine(task, content, known=memory.killer), answer.stream)

    def _remember(self, config: CameraConfig, memory: _Memory, report: Report, at_ns: int) -> None:
        memory.killer = report.outcome == Outcome.NO_MEDIA and report.reason.startswith("decoder_")
        if report.after_ns is not None or report.after_keys:
            memory.after_ns, memory.after_keys = report.after_ns, report.after_keys

    def _tell(self, config: CameraConfig, memory: _Memory, report: Report) -> None:
        """One log line when a camera's answer changes, not one a visit."""
        if report.reason != memory.reason and (report.reason != VisitReason.OK or memory.reason):
            _log.info(
                "camera %s: %s",
                config.camera,
                report.note or report.reason,
                extra={"camera": config.camera, "reason": report.reason},
            )
        memory.reason = report.reason

    def _row(self, config: CameraConfig, memory: _Memory, report: Report, at_ns: int) -> FrameBatch:
        values: dict[str, Any] = {
            **_NOT_MEASURED,
            **(report.measurement or {}),
            "device": config.camera,
            "at_ns": at_ns,
            "received_ns": self._clock.now_ns(),
            "visit": memory.visits,
            "outcome": report.outcome,
            "reason": report.reason,
            "media_ns": report.media_ns,
            "picture": report.picture,
            "previous": report.previous,
            "previous_at_ns": memory.picture_ns if report.previous else -1,
            "cpu_us": report.cpu_us,
            "preset": config.preset_at(at_ns),
        }
        if report.outcome == Outcome.PICTURE:
            memory.picture = report.picture
            memory.picture_ns = report.media_ns if report.media_ns >= 0 else at_ns
        columns: dict[str, Any] = {
            column.name: (str(values[column.name]),)
            if column.dtype == TEXT
            else np.array([values[column.name]], column.dtype)
            for column in FrameBatch.COLUMNS
        }
        return FrameBatch.of(**columns)

    # the run mode ------------------------------------------------------------------------------------------

    def _first_round(self, now: float) -> list[tuple[float, int, str]]:
        """(due, tie breaker, camera), a heap: each camera's first visit at its own place in its interval."""
        due = [
            (now + (config.visit_seconds or 60.0) * number / len(self._cameras), number, camera)
            for number, (camera, config) in enumerate(self._cameras.items())
        ]
        heapq.heapify(due)
        return due

    async def _visit_and_queue(self, camera: str, due: list[tuple[float, int, str]], began: float) -> None:
        try:
            await self._rows.put(await self.visit_once(camera))
        finally:
            interval_s = self._cameras[camera].visit_seconds or 60.0
            late = max(asyncio.get_running_loop().time() - began, 0.0)
            # The next place in its own rhythm; places that have passed are left out, not made up for.
            next_due = began + interval_s * max(math.ceil(late / interval_s), 1)
            heapq.heappush(due, (next_due, self._memories[camera].visits, camera))

    async def _deliver(self, stop: asyncio.Event) -> None:
        while True:
            batches = [await self._rows.get()]
            while len(batches) < _ROWS_AT_A_TIME and not self._rows.empty():
                batches.append(self._rows.get_nowait())
            rows = FrameBatch.concat(batches)
            if len(rows):
                await self._hand_over(rows, stop)
            if any(len(batch) == 0 for batch in batches):
                return

    async def _hand_over(self, rows: FrameBatch, stop: asyncio.Event) -> None:
        attempt = 0
        while True:
            try:
                await self._on_frames(rows)
            except (LogFull, LogUnavailable) as error:
                reason = "log_full" if isinstance(error, LogFull) else "log_unavailable"
                self._meter.count("appends_refused_total", reason=reason)
                if stop.is_set():
                    _log.warning("%d visits are not recorded: %s", len(rows), error)
                    return
                try:
                    async with asyncio.timeout(_RETRY_S[min(attempt, len(_RETRY_S) - 1)]):
                        await stop.wait()
                except TimeoutError:
                    attempt += 1
            else:
                return


def _with_stream(report: Report, stream: Stream) -> Report:
    """The report and what was learned of the stream before any decoding, as columns of one row."""
    return replace(report, measurement={**(report.measurement or {}), **stream.columns()})


def _task(media: Media, memory: _Memory) -> tuple[Task, bytes]:
    if isinstance(media, FileRef):
        return Task("file", str(media.path), memory.after_ns, memory.after_keys, memory.picture), b""
    name = media.codec if isinstance(media, KeyFrame) else "still"
    return Task(name, previous=memory.picture), media.content
