"""The part `patrol`: visits to what is watched, kept at what the log says of it, told on the board.

What a camera tells over ONVIF goes with it: its clock and preset at visits, its own tampering events as claims.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack

from citywatch.adapters.cameras.answers import VisitFailure
from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.patrol import CONCERNS, Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.log.board import PatrolBoard
from citywatch.adapters.onvif.eyes import OnvifEyes, access_of
from citywatch.adapters.onvif.listener import Listeners
from citywatch.adapters.secrets import Sealer
from citywatch.app.data_dir import DataDir
from citywatch.app.fleet import FleetFollower
from citywatch.domain.claims import ClaimBatch
from citywatch.domain.events import Event
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.errors import CitywatchError, LogError, LogFull
from citywatch.ports import Clock, Door, Log, Meter, Position, Row, Store
from citywatch.settings import Settings

_log = logging.getLogger(__name__)

_TELL_S = 1.0
_TRY_AGAIN_S = 1.0
_TARGETS_S = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""What these freshness targets for every camera would need is told with each report."""


async def watch_until(
    stop: threading.Event,
    settings: Settings,
    directory: DataDir,
    log: Log,
    log_url: str,
    store: Store,
    projected: Callable[[], Mapping[int, Position]],
    door: Door,
    sealer: Sealer,
    clock: Clock,
    meter: Meter,
    on_ready: Callable[[], None],
) -> None:
    """Visit what is watched until `stop` is set."""
    ending = asyncio.Event()
    waiting = asyncio.create_task(asyncio.to_thread(stop.wait))
    waiting.add_done_callback(lambda _: ending.set())
    follower = FleetFollower(store, projected, log, sealer, meter)
    board = _Board(PatrolBoard(log_url), clock)
    tampering = _Tampering(door, clock, meter)

    async def on_frames(batch: FrameBatch) -> None:
        await asyncio.to_thread(door.append, batch)
        board.note(batch, patrol.note_of)

    pool = DecoderPool(
        settings.patrol.decoders,
        directory.objects,
        meter=meter,
        unpinned_quota_bytes=settings.patrol.pictures_mb << 20,
        pinned_quota_bytes=settings.patrol.evidence_mb << 20,
    )
    try:
        async with AsyncExitStack() as stack:
            cameras = await asyncio.to_thread(follower.begin)
            awaited = bool(cameras or settings.cameras or settings.fleet_file)
            if not awaited:
                on_ready()  # nobody waits for decoders that have nothing to decode yet
            await stack.enter_async_context(pool)
            patrol = await stack.enter_async_context(
                Patrol(cameras, pool, clock, on_frames, meter, terms=settings.patrol, eyes=OnvifEyes(clock, meter))
            )
            stack.push_async_callback(tampering.aclose)
            for camera in cameras:
                tampering.put(camera)
            if awaited:
                on_ready()
            async with asyncio.TaskGroup() as group:
                group.create_task(follower.follow(_Told(patrol, tampering, board), ending))
                group.create_task(board.tell(patrol, ending))
                await patrol.run(ending)
                ending.set()
    finally:
        stop.set()
        board.close()
        await waiting


class _Told:
    """app.fleet.Patrols: everybody who is concerned with a camera."""

    concerns = CONCERNS

    def __init__(self, patrol: Patrol, tampering: _Tampering, board: _Board) -> None:
        self._patrol = patrol
        self._tampering = tampering
        self._board = board

    def put(self, camera: CameraSettings) -> None:
        self._patrol.put(camera)
        self._tampering.put(camera)

    def remove(self, camera: str) -> None:
        self._patrol.remove(camera)
        self._tampering.remove(camera)
        self._board.forget(camera)

    def on_event(self, event: Event) -> None:
        self._patrol.on_event(event)

    def know_references(self, rows: Sequence[Row]) -> None:
        self._patrol.know_references(rows)


class _Board:
    """Gathers looks, and tells them with the report once a second. Holds one look a camera."""

    def __init__(self, board: PatrolBoard, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._looks: dict[str, Row] = {}
        self._gone: dict[str, None] = {}

    def note(self, batch: FrameBatch, note_of: Callable[[str], str]) -> None:
        columns = (batch.device, batch.at_ns.tolist(), batch.outcome.tolist(), batch.reason, batch.picture)
        for camera, at_ns, outcome, reason, picture in zip(*columns, strict=True):
            outcome_word = Outcome(outcome).name.lower()
            told = {"at_ns": at_ns, "outcome": outcome_word, "reason": reason, "picture": picture}
            self._looks[camera] = told | ({"note": note} if (note := note_of(camera)) else {})
            self._gone.pop(camera, None)

    def forget(self, camera: str) -> None:
        self._looks.pop(camera, None)
        self._gone[camera] = None

    async def tell(self, patrol: Patrol, stop: asyncio.Event) -> None:
        while not stop.is_set():
            told = patrol.report()
            needs = [told.needed(target_s).to_json() for target_s in _TARGETS_S]
            report = {**told.to_json(), "needs_of_targets": needs}
            looks, self._looks = self._looks, {}
            gone, self._gone = self._gone, {}
            try:
                await asyncio.to_thread(self._board.say, report, looks, list(gone))
            except CitywatchError:
                # The log server is away: those who need it say so. What came since is newer.
                self._looks = looks | self._looks
                self._gone = gone | self._gone
            await _pause(stop, _TELL_S)

    def close(self) -> None:
        self._board.close()


class _Tampering:
    """What cameras with an ONVIF address notice themselves, told to the log as claims."""

    def __init__(self, door: Door, clock: Clock, meter: Meter) -> None:
        self._door = door
        self._meter = meter
        self._listeners = Listeners(clock, self._on_claims, meter)

    def put(self, camera: CameraSettings) -> None:
        if camera.onvif_address() is None:
            self.remove(camera.camera)
            return
        try:
            self._listeners.put(access_of(camera))
        except VisitFailure as failure:
            _log.warning("%s; nobody listens to its own alarms", failure)

    def remove(self, camera: str) -> None:
        self._listeners.remove(camera)

    async def _on_claims(self, batch: ClaimBatch) -> None:
        """Until the log has taken them: only this device's listener waits."""
        while True:
            try:
                await asyncio.to_thread(self._door.append, batch)
            except LogError as error:
                reason = "log_full" if isinstance(error, LogFull) else "log_unavailable"
                self._meter.count("appends_refused_total", reason=reason)
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                return

    async def aclose(self) -> None:
        await self._listeners.aclose()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
