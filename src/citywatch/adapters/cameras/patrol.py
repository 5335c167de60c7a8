"""The patrol: makes the visits that the schedule asks for, and hands their rows over.

`schedule.Scheduler` says who is next; here is what needs an event loop. A visit asks the camera (visit.py), has the
picture examined by a guarded decoder (pool.py) and becomes one row of a FrameBatch; rows go to `on_frames` in one
queue, in the order in which they were finished, as many at a time as have gathered. A camera whose stream is held open
stands in no schedule: its looks come by themselves (held.py).

Cameras come, change and go while it runs (`put`, `remove`), and `on_event` tells it what the rules have decided: which
pictures are references, who is a suspect, where a repair is awaited.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from citywatch.adapters.cameras.answers import Answer, Reached, VisitFailure
from citywatch.adapters.cameras.clocks import SUSPECT_ASKS
from citywatch.adapters.cameras.config import STANDARD_CLASS, PatrolTerms
from citywatch.adapters.cameras.held import HeldStream
from citywatch.adapters.cameras.pipe import Report
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.remembered import Memory, failed, makes_sense
from citywatch.adapters.cameras.schedule import OF_TARGET, Found, Other, Place, Scheduler, Turn
from citywatch.adapters.cameras.tally import PatrolReport, Tally
from citywatch.adapters.cameras.visit import CameraConfig, Visitor
from citywatch.adapters.onvif.eyes import OnvifEyes
from citywatch.domain.events import Event, EventKind
from citywatch.domain.pictures import NO_OFFSET, UNKNOWN_PRESET, Fault, FrameBatch, Outcome, VisitReason
from citywatch.errors import ConfigurationError, LogFull, LogUnavailable
from citywatch.ports import Clock, Meter

_log = logging.getLogger(__name__)

_ROWS_WAITING = 1024
_ROWS_AT_A_TIME = 512
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_TELL_OVERLOAD_S = 60.0
_OVERLOAD = 1.05
"""A stretch above this is told."""
_FOR_PEOPLE = {"kind", "name", "place"}
"""Fields of a description that no visit depends on."""
REPAIR_REPORTED = "repair_reported"
"""`reason` of the look that is asked for when a crew says that it is done."""
_REPAIR = frozenset({EventKind.TICKET_ACCEPTED, EventKind.TICKET_NOTED})
CONCERNS = _REPAIR | {
    EventKind.REFERENCE_ADOPTED,
    EventKind.REFERENCE_DROPPED,
    EventKind.SUSPICION_RAISED,
    EventKind.SUSPICION_DROPPED,
    EventKind.FAULT_CONFIRMED,
    EventKind.FAULT_CLEARED,
    EventKind.LOOK_ASKED,
}
"""Kinds of events that a patrol acts on."""

_T = TypeVar("_T")

OnFrames = Callable[[FrameBatch], Awaitable[None]]


@dataclass(slots=True)
class _Held:
    """A camera whose stream is held open."""

    task: asyncio.Task[None]
    place: Place
    looked_s: float
    failing: bool = False
    stream: HeldStream | None = None
    suspicions: frozenset[str] = frozenset()


class Patrol:
    """Visits cameras. An async context manager, because it holds connections' clients and threads for name lookups.

    cameras    each id once
    pool       entered already; the patrol does not close it
    on_frames  is awaited with the rows; when it raises LogFull or LogUnavailable the same rows are brought again
               until they are taken, and no new visit ends meanwhile
    terms      classes, limits and rhythms
    eyes       asks cameras with an ONVIF address for their clock and preset; without it nobody does
    """

    def __init__(
        self,
        cameras: Iterable[CameraConfig],
        pool: DecoderPool,
        clock: Clock,
        on_frames: OnFrames,
        meter: Meter,
        *,
        terms: PatrolTerms | None = None,
        eyes: OnvifEyes | None = None,
    ) -> None:
        all_cameras = list(cameras)
        self._cameras = {camera.camera: camera for camera in all_cameras}
        if len(self._cameras) < len(all_cameras):
            raise ConfigurationError("cameras: an id is given twice; each camera needs its own")
        self._memories = {camera: Memory(camera) for camera in self._cameras}
        self._pool = pool
        self._clock = clock
        self._on_frames = on_frames
        self._meter = meter
        self._terms = terms or PatrolTerms()
        self._eyes = eyes
        self._visitor = Visitor(eyes)
        self._rows: asyncio.Queue[FrameBatch] = asyncio.Queue(_ROWS_WAITING)
        self._schedule = Scheduler(self._terms)
        self._tally = Tally()
        self._visits: dict[asyncio.Task[Found], Turn] = {}
        self._flying: dict[str, asyncio.Task[Found]] = {}
        self._held: dict[str, _Held] = {}
        self._next_hold_s = 0.0
        self._wake = asyncio.Event()
        self._running = False
        self._error: BaseException | None = None
        self._held_back_told: dict[str, int] = {}
        self._overload_told_s = float("-inf")

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
        row, _ = await self._visit(self._cameras[camera], self._memories[camera])
        return row

    async def run(self, stop: asyncio.Event) -> None:
        """Visit all cameras by the schedule until `stop` is set; then visits in flight are given up and rows handed
        over."""
        loop = asyncio.get_running_loop()
        deliverer = asyncio.create_task(self._deliver(stop))
        stopping = asyncio.create_task(stop.wait())
        for task in (deliverer, stopping):
            task.add_done_callback(lambda _: self._wake.set())
        self._running = True
        visited = {}
        for name, config in self._cameras.items():
            if config.look == "visit":
                visited[name] = self._place(config)
            else:
                self._hold(config)
        self._schedule.start(visited, loop.time())
        try:
            while not stop.is_set() and not deliverer.done():
                self._wake.clear()
                if self._error is not None:
                    raise self._error
                now_s = loop.time()
                while (turn := self._schedule.next(now_s)) is not None:
                    self._fly(turn)
                if self._tally.mark(now_s, time.process_time()):
                    self._publish()
                wake_s = self._schedule.wake_s(now_s)
                timer = None if wake_s is None else loop.call_at(wake_s, self._wake.set)
                await self._wake.wait()
                if timer is not None:
                    timer.cancel()
        finally:
            self._running = False
            stopping.cancel()
            tasks: list[asyncio.Task[Any]] = [*self._visits, *(held.task for held in self._held.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(stopping, *tasks, return_exceptions=True)
            if not deliverer.done():
                await self._rows.put(FrameBatch.empty())  # the end
            await deliverer

    # cameras come, change and go -----------------------------------------------------------------------------

    def put(self, camera: CameraConfig) -> None:
        """Add a camera, or change it. While the patrol runs it is visited at once."""
        known = self._cameras.get(camera.camera)
        self._cameras[camera.camera] = camera
        if known is None:
            self._memories[camera.camera] = Memory(camera.camera)
        elif known.model_dump(exclude=_FOR_PEOPLE) == camera.model_dump(exclude=_FOR_PEOPLE):
            return
        else:
            self._memories[camera.camera].forget()
        if not self._running:
            return
        now_s = asyncio.get_running_loop().time()
        self._let_go(camera.camera)
        if camera.look == "visit":
            self._schedule.put(camera.camera, self._place(camera), now_s)
        else:
            self._schedule.remove(camera.camera, now_s)
            self._hold(camera)
        self._wake.set()

    def remove(self, camera: str) -> None:
        """Forget a camera; nothing happens for an unknown one. A visit in flight is given up."""
        if self._cameras.pop(camera, None) is None:
            return
        del self._memories[camera]
        if not self._running:
            return
        self._let_go(camera)
        self._schedule.remove(camera, asyncio.get_running_loop().time())
        flying = self._flying.get(camera)
        if flying is not None:
            flying.cancel()
        self._wake.set()

    def know_references(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """What the store knows at the start: rows with `camera`, `light`, `preset` and `picture`."""
        for row in rows:
            memory = self._memories.get(row["camera"])
            if memory is not None:
                memory.adopt(row["light"], row["preset"], row["picture"])

    def on_event(self, event: Event) -> None:
        """What was decided, for the patrol to act on. Events of devices that it does not visit are none of its own."""
        memory = self._memories.get(event.device)
        if memory is None:
            return
        kind, data = event.kind, event.data
        if kind is EventKind.REFERENCE_ADOPTED:
            memory.adopt(data["light"], data["preset"], data["picture"])
        elif kind is EventKind.REFERENCE_DROPPED:
            memory.adopt(data["light"], data["preset"], "")
        elif kind is EventKind.SUSPICION_RAISED:
            memory.suspect(data["fault"], holds=True)
            if data["fault"] == Fault.CLOCK_WRONG.value:
                memory.clocks.asks = SUSPECT_ASKS
            self._suspect(event.device, data["fault"], data.get("again_seconds"))
        elif kind in (EventKind.SUSPICION_DROPPED, EventKind.FAULT_CONFIRMED, EventKind.FAULT_CLEARED):
            memory.suspect(data["fault"], holds=kind is EventKind.FAULT_CONFIRMED)
            self._settle(event.device, data["fault"])
        elif not self._running:
            return
        elif kind in _REPAIR:
            if Fault.CLOCK_WRONG.value in memory.suspicions:
                memory.clocks.asks = SUSPECT_ASKS
            self._schedule.verify(event.device, asyncio.get_running_loop().time())
        elif kind is EventKind.LOOK_ASKED:
            if data["reason"] == REPAIR_REPORTED:
                self._schedule.verify(event.device, asyncio.get_running_loop().time())
            self.ask_now([event.device])
        self._wake.set()

    def ask_now(self, cameras: Iterable[str]) -> int:
        """Visit these at once, as far as limits allow; how many will be."""
        if not self._running:
            return 0
        self._wake.set()
        return self._schedule.ask_now(cameras, asyncio.get_running_loop().time())

    def note_of(self, camera: str) -> str:
        """Why the last visit gave no picture, in words for people; empty when it gave one."""
        memory = self._memories.get(camera)
        return "" if memory is None else memory.note

    def report(self) -> PatrolReport:
        """The patrol at this moment."""
        now_s = asyncio.get_running_loop().time()
        self._tally.mark(now_s, time.process_time())
        others = [Other(held.place, held.looked_s, held.failing, bool(held.suspicions)) for held in self._held.values()]
        return self._tally.report(
            self._schedule.snapshot(now_s, others),
            at_ns=self._clock.now_ns(),
            decoders=self._pool.workers,
            most_in_flight=self._terms.visits_in_flight,
            held_open=len(others),
        )

    def _place(self, config: CameraConfig) -> Place:
        known = config.camera_class in self._terms.classes
        return Place(
            camera_class=config.camera_class if known else STANDARD_CLASS,
            target_s=self._terms.freshness_seconds(config.camera_class),
            every_s=config.visit_seconds,
            site=config.site,
            parent=config.parent,
            host=config.address().host,
        )

    def _suspect(self, camera: str, fault: str, again_s: float | None) -> None:
        held = self._held.get(camera)
        if held is not None:
            held.suspicions |= {fault}
            if held.stream is not None:
                held.stream.look_every(max(_evenly(again_s or 0.0, held.place), self._terms.suspect_seconds))
        elif self._running:
            self._schedule.suspect(camera, fault, asyncio.get_running_loop().time(), again_s)

    def _settle(self, camera: str, fault: str) -> None:
        held = self._held.get(camera)
        if held is not None:
            held.suspicions -= {fault}
            if held.stream is not None and not held.suspicions:
                held.stream.look_every(_every_s(held.place))
        else:
            self._schedule.settle(camera, fault)

    # one visit ---------------------------------------------------------------------------------------------

    async def _visit(self, config: CameraConfig, memory: Memory) -> tuple[FrameBatch, Report]:
        loop = asyncio.get_running_loop()
        memory.visits += 1
        at_ns, began_s = self._clock.now_ns(), loop.time()
        asks = self._tells_preset(config) and memory.reason in ("", VisitReason.OK.value)
        preset = await self._preset(config, at_ns) if asks else config.preset_at(at_ns)
        try:
            answer: Answer | VisitFailure = await self._visitor.ask(
                config,
                media_timeout_s=memory.patience_s(config.media_timeout_seconds, self._terms.key_frame_seconds_max),
                report_wait_s=self._terms.stream_clock_seconds if self._hears_clock(memory) else 0.0,
            )
        except VisitFailure as failure:
            answer = failure
        else:
            if asks and await self._preset(config, at_ns) != preset:
                preset = UNKNOWN_PRESET  # it moved while it gave the picture
        report = await self._examine(answer, memory, preset)
        offset_ns = await self._device_offset_ns(config, memory, report, answer)
        row = self._told(config, memory, report, at_ns, preset, loop.time() - began_s, offset_ns)
        self._meter.observe("visit_seconds", loop.time() - began_s)
        return row, report

    async def _examine(self, answer: Answer | VisitFailure, memory: Memory, preset: str) -> Report:
        """What the decoder says of what the camera gave, with what was learned of the stream on the way."""
        if isinstance(answer, VisitFailure):
            report = failed(answer.outcome, answer.reason, str(answer))
        elif isinstance(answer.media, Reached):
            return Report(int(Outcome.REACHED), VisitReason.OK.value)
        else:
            task, content = memory.task(answer.media, preset, self._terms.snapshot_full_visits)
            report = await self._pool.examine(task, content, known=memory.killer)
            if not makes_sense(report):
                report = failed(Outcome.UNCHECKED, VisitReason.DECODER_DIED, "its answer makes no sense")
        return replace(report, measurement={**(report.measurement or {}), **answer.stream.columns()})

    def _told(
        self,
        config: CameraConfig,
        memory: Memory,
        report: Report,
        at_ns: int,
        preset: str,
        took_s: float,
        device_offset_ns: int = NO_OFFSET,
    ) -> FrameBatch:
        """Remember, log and count a look; its row."""
        row = memory.row(
            config.camera,
            report,
            at_ns=at_ns,
            received_ns=self._clock.now_ns(),
            preset=preset,
            device_offset_ns=device_offset_ns,
        )
        memory.remember(report, preset)
        # One log line when a camera's answer changes, not one a visit.
        if report.reason != memory.reason and (report.reason != VisitReason.OK or memory.reason):
            _log.info(
                "camera %s: %s",
                config.camera,
                report.note or report.reason,
                extra={"camera": config.camera, "reason": report.reason},
            )
        memory.reason = report.reason
        self._meter.count("visits_total", outcome=Outcome(report.outcome).name.lower(), reason=report.reason)
        self._meter.count("visit_cpu_seconds_total", report.cpu_us / 1e6)
        failing = report.outcome in (Outcome.UNREACHABLE, Outcome.NO_MEDIA)
        self._tally.visit(failing=failing, decoder_cpu_s=report.cpu_us / 1e6, visit_s=took_s)
        return row

    def _tells_preset(self, config: CameraConfig) -> bool:
        return self._eyes is not None and config.onvif_address() is not None and bool(config.presets)

    async def _preset(self, config: CameraConfig, at_ns: int) -> str:
        """Where the camera says that it stands; else what its plan says."""
        if self._eyes is None or not self._tells_preset(config):
            return config.preset_at(at_ns)
        said = await self._eyes.preset(config)
        return config.preset_at(at_ns) if said is None else said or UNKNOWN_PRESET

    def _hears_clock(self, memory: Memory) -> bool:
        return memory.clocks.is_due(memory.visits, memory.phase, self._terms.stream_clock_visits, memory.suspicions)

    async def _device_offset_ns(
        self, config: CameraConfig, memory: Memory, report: Report, answer: Answer | VisitFailure
    ) -> int:
        """The device's clock: by ONVIF where it has it, else by the Date of its RTSP server."""
        wanted = memory.clocks.asks_device(memory.visits, self._terms.device_clock_visits, memory.suspicions)
        date_ns = memory.clocks.heard(answer.stream)
        if self._eyes is None or config.onvif_address() is None:
            return date_ns
        if not wanted or report.outcome == Outcome.UNREACHABLE:
            return NO_OFFSET
        offset_ns = await self._eyes.device_offset_ns(config)
        return NO_OFFSET if offset_ns is None else offset_ns

    # the run mode ------------------------------------------------------------------------------------------

    def _fly(self, turn: Turn) -> None:
        task = asyncio.create_task(self._visit_turn(turn), name=turn.camera)
        self._visits[task] = turn
        self._flying[turn.camera] = task
        task.add_done_callback(self._landed)

    async def _visit_turn(self, turn: Turn) -> Found:
        config, memory = self._cameras[turn.camera], self._memories[turn.camera]
        generation = memory.generation
        row, report = await self._visit(config, memory)
        if memory.generation != generation:  # it was changed meanwhile: this is what its old address showed
            memory.forget()
            self._meter.count("visits_void_total")
            return Found.UNKNOWN
        await self._rows.put(row)
        return _found(report)

    def _landed(self, task: asyncio.Task[Found]) -> None:
        """A visit is over, has failed, or was cancelled, perhaps before it began."""
        turn = self._visits.pop(task)
        found = self._result(task)
        self._schedule.done(turn, Found.UNKNOWN if found is None else found, asyncio.get_running_loop().time())
        if self._flying.get(turn.camera) is task:
            del self._flying[turn.camera]

    def _result(self, task: asyncio.Task[_T]) -> _T | None:
        """What a task has come to; its error ends the patrol."""
        self._wake.set()
        if task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return task.result()
        self._error = self._error or error
        return None

    def _hold(self, config: CameraConfig) -> None:
        """Open a stream and look at it from now on; one after the other at the rate of first visits."""
        loop = asyncio.get_running_loop()
        self._next_hold_s = max(self._next_hold_s, loop.time())
        task = asyncio.create_task(self._watch(config, self._next_hold_s), name=f"held {config.camera}")
        self._next_hold_s += 1 / self._terms.first_visits_per_second
        self._held[config.camera] = _Held(task, self._place(config), loop.time())
        task.add_done_callback(self._result)

    def _let_go(self, camera: str) -> None:
        held = self._held.pop(camera, None)
        if held is not None:
            held.task.cancel()

    async def _watch(self, config: CameraConfig, from_s: float) -> None:
        loop = asyncio.get_running_loop()
        memory = self._memories[config.camera]
        await asyncio.sleep(max(from_s - loop.time(), 0.0))
        held = self._held[config.camera]
        async with self._visitor.hold(config, self._meter, every_s=_every_s(held.place)) as stream:
            held.stream = stream
            while True:
                look = await stream.next_look()
                memory.visits += 1
                at_ns, began_s = self._clock.now_ns(), loop.time()
                preset = await self._preset(config, at_ns)
                report = await self._examine(look.answer, memory, preset)
                offset_ns = await self._device_offset_ns(config, memory, report, look.answer)
                row = self._told(config, memory, report, at_ns, preset, loop.time() - began_s, offset_ns)
                found = _found(report)
                if found is not Found.UNKNOWN:
                    held.looked_s, held.failing = began_s, found is not Found.ANSWERED
                await self._rows.put(row)

    def _publish(self) -> None:
        report = self.report()
        gauge = self._meter.gauge
        states = {"failing": report.failing, "suspect": report.suspects, "held_open": report.held_open}
        for state, count in ({"all": report.cameras} | states).items():
            gauge("cameras_watched", count, state=state)
        gauge("visits_in_flight", report.in_flight)
        gauge("visits_demanded_per_second", report.demand_per_s)
        gauge("visits_stretch", report.stretch)
        for ages in (*report.ages, report.failing_ages):
            for quantile, age_s in (("0.5", ages.p50_s), ("0.9", ages.p90_s), ("0.99", ages.p99_s), ("1", ages.max_s)):
                gauge("look_age_seconds", age_s, cameras=ages.camera_class, quantile=quantile)
            gauge("looks_over_target", ages.over_target, cameras=ages.camera_class)
        for limit, count in report.held_back.items():
            self._meter.count("visits_held_back_total", count - self._held_back_told.get(limit, 0), limit=limit)
            self._held_back_told[limit] = count
        now_s = asyncio.get_running_loop().time()
        if report.stretch > _OVERLOAD and now_s - self._overload_told_s >= _TELL_OVERLOAD_S:
            self._overload_told_s = now_s
            _log.warning(
                "the patrol cannot keep its targets: every pause is %.2f times as long; the targets need %d decoders "
                "and %.1f processors, these can do one look at every camera in %.0f s",
                report.stretch,
                report.needs.decoders,
                report.needs.processors,
                report.needs.possible_s,
            )

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
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_S[min(attempt, len(_RETRY_S) - 1)]):
                        await stop.wait()
                attempt += 1
            else:
                return


def _every_s(place: Place) -> float:
    return place.every_s if place.every_s is not None else place.target_s * OF_TARGET


def _evenly(again_s: float, place: Place) -> float:
    """How far apart the looks at a suspect are whose stream is held: no farther than usual, and one when it is due."""
    return again_s / max(math.ceil(again_s / _every_s(place)), 1)


def _found(report: Report) -> Found:
    if report.outcome == Outcome.UNCHECKED:
        return Found.UNKNOWN
    if report.outcome in (Outcome.PICTURE, Outcome.GLANCE, Outcome.REACHED):
        return Found.ANSWERED
    return Found.REFUSED if report.reason == VisitReason.AUTHENTICATION else Found.FAILED
