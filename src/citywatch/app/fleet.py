"""The fleet on its one road: what the configuration says goes into the log, what the log says goes to the patrol.

`FleetKeeper` (part `process`) tells the log what the configuration and the fleet file say, as far as it is news.
`FleetFollower` (part `patrol`) keeps a patrol at what is watched: read from the store at the start, then from the
event log behind the position that the store had come to, so that nothing is missed in between.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.registry import args_of, describe, described_by, differences, read
from citywatch.adapters.secrets import CannotOpen, Sealer
from citywatch.domain.cameras import Described, Origin
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.devices import partition_of
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.errors import DescriptionRefused, LogUnavailable, Mistake, OutsideError
from citywatch.ports import ORIGIN, Clock, Door, Log, Meter, Position, Row, Store

_log = logging.getLogger(__name__)

CONFIGURATION = "configuration"
SEALING = "sealing"
LOOK_AGAIN_S = 0.25
"""The fleet file is taken when two looks at it find the same: a file that is being written is not half taken."""
MOST_FILE_BYTES = 32 << 20
_AT_A_TIME = 200
"""Cameras in one append."""
_MISTAKES_TOLD = 20
_SETTLED_TURNS = 40

Parse = Callable[[bytes], Sequence[CameraSettings]]


class FleetKeeper:
    """Tells the log what the configuration says of cameras. Its `turn` waits until the next look at the file.

    cameras   those of the configuration itself
    file      the fleet file, None without one
    parse     of its content; DescriptionRefused for one that is wrong anywhere
    taken     ids that a fleet file may not use: the scales
    """

    def __init__(
        self,
        cameras: Sequence[CameraSettings],
        file: Path | None,
        parse: Parse,
        taken: Sequence[str],
        *,
        sealer: Sealer,
        store: Store,
        door: Door,
        clock: Clock,
        meter: Meter,
        stop: threading.Event,
    ) -> None:
        self._told = {camera.camera: describe(camera, sealer) for camera in cameras}
        self._file = file
        self._parse = parse
        self._taken = frozenset(taken)
        self._sealer = sealer
        self._store = store
        self._door = door
        self._clock = clock
        self._meter = meter
        self._stop = stop
        self._said: dict[str, str] = {}
        """Digest of what the configuration said last of each camera."""
        self._turns = 0
        self._stat: tuple[int, ...] | None = None
        """Of the fleet file at the last look."""
        self._taken_in: tuple[int, ...] | str | None = None
        """Of the fleet file that was read last, or the trouble with it."""

    def turn(self) -> None:
        if self._turns in (0, _SETTLED_TURNS):
            self._begin()
        elif self._file is not None:
            self._look()
        self._turns += 1
        idle = self._file is None and self._turns > _SETTLED_TURNS
        self._stop.wait(None if idle else LOOK_AGAIN_S)

    def _begin(self) -> None:
        """Against the store, twice: what an earlier life has told last may still have been under way to it."""
        self._said = {row["camera"]: row["file"] for row in self._store.cameras(removed=True) if row["file"]}
        self._seal_anew()
        if self._file is None:
            self._tell({}, removals=True)
            return
        self._taken_in = None if self._turns == 0 else self._taken_in
        found = self._stat_file()
        if found is None or not self._take_in(found):
            # What the file said before stands; what the configuration itself says is told.
            self._tell({}, removals=False)

    def _look(self) -> None:
        """Take the file in when it has changed and stands still."""
        before, found = self._stat, self._stat_file()
        if found is not None and found == before and found != self._taken_in:
            self._take_in(found)

    def _stat_file(self) -> tuple[int, ...] | None:
        assert self._file is not None  # noqa: S101
        try:
            found = self._file.stat()
        except OSError as error:
            self._unreadable(error)
            return None
        self._stat = (found.st_mtime_ns, found.st_size, found.st_ino)
        return self._stat

    def _take_in(self, found: tuple[int, ...]) -> bool:
        """Tell what the file says; False when it cannot be taken, which is said once."""
        assert self._file is not None  # noqa: S101
        try:
            with self._file.open("rb") as file:
                content = file.read(MOST_FILE_BYTES + 1)
        except OSError as error:
            self._unreadable(error)
            return False
        try:
            told = self._of_file(content)
        except DescriptionRefused as refused:
            if self._taken_in != found:
                self._refuse(refused.mistakes)
            self._taken_in = found
            return False
        self._tell(told, removals=True)
        self._taken_in = found
        return True

    def _of_file(self, content: bytes) -> dict[str, Described]:
        if len(content) > MOST_FILE_BYTES:
            raise DescriptionRefused([Mistake("", f"is larger than {MOST_FILE_BYTES >> 20} MB")])
        cameras = self._parse(content)
        double = [c.camera for c in cameras if c.camera in self._told or c.camera in self._taken]
        if double:
            raise DescriptionRefused([Mistake("camera", f"{name} is in the configuration, too") for name in double])
        return {camera.camera: describe(camera, self._sealer) for camera in cameras}

    def _unreadable(self, error: OSError) -> None:
        trouble = str(error.strerror)
        if self._taken_in != trouble:
            self._refuse([Mistake("", f"it cannot be read: {trouble}")])
        self._taken_in = trouble

    def _refuse(self, mistakes: Sequence[Mistake]) -> None:
        self._meter.count("fleet_file_refused_total")
        more = f"; and {len(mistakes) - _MISTAKES_TOLD} more" if len(mistakes) > _MISTAKES_TOLD else ""
        told = "; ".join(str(mistake) for mistake in mistakes[:_MISTAKES_TOLD])
        _log.error("fleet file %s changes nothing: %s%s", self._file, told, more)

    def _tell(self, of_file: Mapping[str, Described], *, removals: bool) -> None:
        changes = list(differences({**self._told, **of_file}, self._said, removals=removals).items())
        at_ns = self._clock.now_ns()
        for start in range(0, len(changes), _AT_A_TIME):
            some = changes[start : start + _AT_A_TIME]
            self._append(
                [
                    (camera, Verb.REMOVE_CAMERA if change is None else Verb.PUT_CAMERA, args_of(change))
                    for camera, change in some
                ],
                CONFIGURATION,
                at_ns,
            )
            for camera, change in some:
                if change is None:
                    self._said.pop(camera, None)
                else:
                    self._said[camera] = change.digest()
        if changes:
            _log.info("the configuration puts or removes %d cameras", len(changes))

    def _seal_anew(self) -> None:
        """What people have put and an older key has sealed; what the configuration says is sealed anew by itself."""
        rows = []
        for row in self._store.cameras():
            if row["origin"] == Origin.API and not self._sealer.is_current(row["sealed"]):
                try:
                    secret = self._sealer.open(row["sealed"], row["camera"])
                except CannotOpen as error:
                    _log.error("%s", error)
                    continue
                described = described_by(row)
                sealed = Described(described.camera, described.fields, self._sealer.seal(secret, described.camera))
                rows.append((row["camera"], Verb.PUT_CAMERA, sealed.args(Origin.API)))
        self._append(rows, SEALING, self._clock.now_ns())

    def _append(self, rows: Sequence[tuple[str, Verb, str]], actor: str, at_ns: int) -> None:
        for start in range(0, len(rows), _AT_A_TIME):
            self._door.append(command_batch(rows[start : start + _AT_A_TIME], actor, at_ns))


def command_batch(rows: Sequence[tuple[str, Verb, str]], actor: str, at_ns: int, key: str = "") -> CommandBatch:
    """(camera, verb, args) as commands; their ids are made of what they say, when, and of `key`."""
    return CommandBatch(
        device=tuple(camera for camera, _, _ in rows),
        at_ns=np.full(len(rows), at_ns, np.int64),
        command=tuple(event_id("command", actor, key, camera, verb, at_ns) for camera, verb, _ in rows),
        verb=tuple(verb.value for _, verb, _ in rows),
        target=tuple(camera for camera, _, _ in rows),
        actor=(actor,) * len(rows),
        args=tuple(args for _, _, args in rows),
    )


# ---- the patrol's side


_OF_THE_FLEET = frozenset({EventKind.CAMERA_PUT, EventKind.CAMERA_REMOVED})


class Patrols(Protocol):
    """What is told to a patrol. `concerns` are the kinds of events that it acts on."""

    @property
    def concerns(self) -> frozenset[EventKind]: ...

    def put(self, camera: CameraSettings) -> None: ...

    def remove(self, camera: str) -> None: ...

    def on_event(self, event: Event) -> None: ...

    def know_references(self, rows: Sequence[Row]) -> None: ...


class FleetFollower:
    """Keeps a patrol at what the city watches.

    `projected` says up to where the events of each partition stand in the store. The event log is trimmed as soon as
    the store has it, so a patrol that was held up may miss events: what stands in the store is looked at again at the
    start, after every trouble and every `LOOK_AT_STORE_S` seconds.
    """

    LOOK_AT_STORE_S = 60.0
    BLOCK_MS = 500

    def __init__(
        self, store: Store, projected: Callable[[], Mapping[int, Position]], log: Log, sealer: Sealer, meter: Meter
    ) -> None:
        self._store = store
        self._projected = projected
        self._log = log
        self._sealer = sealer
        self._meter = meter
        self._positions: dict[int, Position] = dict.fromkeys(range(log.partitions), ORIGIN)
        self._digests: dict[str, str] = {}

    def begin(self) -> list[CameraSettings]:
        """What is watched at this moment. Blocking."""
        # The positions first: what is projected in between is then told twice, never missed.
        self._positions |= self._known_positions()
        return [camera for camera in map(self._taken, map(described_by, self._store.cameras())) if camera is not None]

    async def follow(self, patrol: Patrols, stop: asyncio.Event) -> None:
        """Tell the patrol what changes, until `stop` is set."""
        kinds = patrol.concerns | _OF_THE_FLEET
        loop = asyncio.get_running_loop()
        looked = -math.inf  # since `begin`, decoders were started: the log may have been trimmed
        waited = False
        while not stop.is_set():
            try:
                found = await asyncio.to_thread(
                    self._log.read_events_of, kinds, dict(self._positions), most=1000, block_ms=self.BLOCK_MS
                )
                for partition, (position, events) in found.items():
                    for event in events:
                        self._tell(patrol, event)
                    self._positions[partition] = position
                if loop.time() - looked >= self.LOOK_AT_STORE_S:
                    await self._compare(patrol)
                    looked, waited = loop.time(), False
            except (LogUnavailable, OutsideError) as error:
                if not waited:
                    _log.warning("changes of the fleet are waited for: %s", error)
                looked, waited = -math.inf, True
                try:
                    async with asyncio.timeout(1.0):
                        await stop.wait()
                except TimeoutError:
                    continue

    def _tell(self, patrol: Patrols, event: Event) -> None:
        if event.kind is EventKind.CAMERA_PUT:
            self._put(patrol, Described(event.device, event.data["camera"], event.data["sealed"]))
        elif event.kind is EventKind.CAMERA_REMOVED:
            self._remove(patrol, event.device)
        else:
            patrol.on_event(event)

    def _put(self, patrol: Patrols, described: Described) -> None:
        if self._digests.get(described.camera) == described.digest():
            return
        camera = self._taken(described)
        if camera is None:
            patrol.remove(described.camera)
        else:
            patrol.put(camera)

    def _remove(self, patrol: Patrols, camera: str) -> None:
        if self._digests.pop(camera, None) is not None:
            patrol.remove(camera)

    def _taken(self, described: Described) -> CameraSettings | None:
        """The camera; None when its secrets cannot be opened: nobody looks at it, and it becomes unknown."""
        self._digests[described.camera] = described.digest()
        try:
            return read(described, self._sealer)
        except CannotOpen as error:
            self._meter.count("cameras_not_opened_total")
            _log.error("a camera is not visited: %s", error)
            return None

    async def _compare(self, patrol: Patrols) -> None:
        """Where the store has come as far as we have, it is right."""
        positions, rows, references = await asyncio.to_thread(self._as_stored)
        ahead = {p for p, position in self._positions.items() if positions.get(p, ORIGIN) >= position}
        stored = {row["camera"]: row for row in rows}
        for camera in [*stored, *(camera for camera in self._digests if camera not in stored)]:
            if partition_of(camera, self._log.partitions) not in ahead:
                continue
            if camera in stored:
                self._put(patrol, described_by(stored[camera]))
            else:
                self._remove(patrol, camera)
        patrol.know_references(
            [row for row in references if partition_of(row["camera"], self._log.partitions) in ahead]
        )
        self._positions |= {p: positions[p] for p in ahead if p in positions}

    def _as_stored(self) -> tuple[dict[int, Position], Sequence[Row], Sequence[Row]]:
        return self._known_positions(), self._store.cameras(), self._store.camera_references()

    def _known_positions(self) -> dict[int, Position]:
        return {p: position for p, position in self._projected().items() if p in range(self._log.partitions)}
