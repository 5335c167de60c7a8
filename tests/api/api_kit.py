"""A small city behind the real API: real store, real steps, a log in memory, a real server on a free port."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import uvicorn

from citywatch.adapters.cameras.registry import CameraRegistry
from citywatch.adapters.photos import PhotoRoom
from citywatch.adapters.secrets import Sealer
from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.segments import pass_row
from citywatch.adapters.store.sql import SqlStore
from citywatch.api.app import create_api
from citywatch.api.config import ApiConfig
from citywatch.api.connection import BoundedConnection
from citywatch.api.serve import ApiServer
from citywatch.app.answers import StatedAnswers
from citywatch.domain.instants import NS_PER_S, parse_instant
from citywatch.domain.passes import PassBatch
from citywatch.domain.pictures import Outcome
from citywatch.domain.pulses import TickBatch
from citywatch.errors import LogFull, LogUnavailable
from citywatch.flow.desks import Desks
from citywatch.flow.door import LogDoor
from citywatch.flow.incident_stage import IncidentStage
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.processor import Processor
from citywatch.flow.projection import Projection
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.ports import ORIGIN
from citywatch.telemetry import NullMeter
from citywatch.testing.memory_log import MemoryLog
from citywatch.testing.rows import frames
from citywatch.wire.blobs import decode

NOW = parse_instant("2026-01-31T00:10:00Z")
ROLES = ("viewer", "operator", "crew", "ingest", "metrics", "admin")
PNG = base64.b64decode(b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")

LORRY = {
    "previewCode": "CS0120260131080000000123",
    "previewDate": "2026-01-31 08:00:00.250",
    "previewStationCode": "CS01",
    "licenseCodeFront": "湘A12345",
    "axisNum": 6,
    "speed": 71.5,
    "laneNo": 2,
    "direction": 1,
    "totalWeight": 55_300,
    "axle1Weight": 6_300,
    "axle2Weight": 9_800,
    "axle3Weight": 9_800,
    "axle4Weight": 9_800,
    "axle5Weight": 9_800,
    "axle6Weight": 9_800,
    "axleDis": "3300,1350,6900,1310,1310",
}


def lorry(number, **changes):
    return {**LORRY, "previewCode": f"CS0120260131080000{number:06d}", **changes}


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self, now_ns=NOW):
        self._now_ns = now_ns

    def now_ns(self):
        return self._now_ns

    def forward(self, seconds):
        self._now_ns += int(seconds * NS_PER_S)


class Hints:
    """Publishes from any thread, wakes tasks of one loop. Can be made deaf, to see that polls are enough."""

    def __init__(self):
        self._loop = None
        self._event = asyncio.Event()
        self.deaf = False

    def publish(self):
        if self._loop is not None and not self.deaf and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout_s):
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


class FussyDoor:
    """The real door, with a switch for a log that is full or away."""

    def __init__(self, door):
        self._door = door
        self.refuse = None

    def append(self, batch):
        self._fuss()
        self._door.append(batch)

    def broadcast(self, batch):
        self._fuss()
        self._door.broadcast(batch)

    def append_once(self, batch, *, word, content):
        self._fuss()
        return self._door.append_once(batch, word=word, content=content)

    def _fuss(self):
        if self.refuse == "full":
            raise LogFull("the log is full")
        if self.refuse == "away":
            raise LogUnavailable("the log is away")


class MemoryObjects:
    """ports.Objects in memory."""

    def __init__(self):
        self.kept, self.pinned = {}, set()

    def put(self, content):
        name = hashlib.blake2b(content, digest_size=32).hexdigest()
        self.kept[name] = content
        return name

    def get(self, name):
        return self.kept.get(name)

    def pin(self, name):
        self.pinned.add(name)
        return name in self.kept


class Board:
    """ports.PatrolView: what a patrol would have said."""

    def __init__(self):
        self.told, self.seen = None, {}

    def report(self):
        return self.told

    def looks(self, cameras):
        return {camera: self.seen[camera] for camera in cameras if camera in self.seen}


class Reports:
    """ports.ServiceReports: notes what it is asked, answers what it was given, or raises it."""

    def __init__(self):
        self.asked, self.answers, self.rows, self.files = [], {"contracts": ()}, [], {}

    def _answer(self, *asked):
        self.asked.append(asked)
        answer = self.answers[asked[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def contracts(self):
        return self._answer("contracts")

    def report(self, question, form):
        return self._answer("report", question, form)

    def explain(self, question, selection, most):
        return self._answer("explain", question, selection, most)

    def kept(self):
        return self.rows

    def kept_file(self, contract, period, form):
        return self.files.get((contract, period, form))


class LoggedPasses:
    """ports.Passes over the log in memory: each pass once, newest first."""

    def __init__(self, log):
        self._log = log

    def passes(self, *, device, from_ns, to_ns, limit):
        found = {}
        origin = dict.fromkeys(range(self._log.partitions), ORIGIN)
        for entries in self._log.read(origin, most=10_000, block_ms=0).values():
            for entry in entries:
                batch = decode(entry.blob)
                if isinstance(batch, PassBatch):
                    for row in (pass_row(batch, number) for number in range(len(batch))):
                        if device in (None, row["device"]) and from_ns <= row["at_ns"] < to_ns:
                            found[row["digest"]] = row
        return sorted(found.values(), key=lambda row: -row["at_ns"])[:limit]


class City:
    """Everything behind the API. `pump` is what the processor's process does, in a thread."""

    def __init__(self, directory: Path, *, open311=None, desks=None, **config):
        desks = desks or Desks()
        self.store = SqlStore.open(directory / "city.db")
        self.log = MemoryLog(2)
        self.clock = HandClock()
        self.hints = Hints()
        self.door = FussyDoor(LogDoor(self.log, "serve"))
        self.objects = MemoryObjects()
        self.parts = {"log": "ok", "process": "ok"}
        self.meter = NullMeter()
        self.sealer = Sealer([bytes(range(64))])
        self.board = Board()
        self.reports = Reports()
        self._processor = Processor(self.log, CityStep(load("cn-gross"), desks=desks), self.meter, self.clock)
        self._incidents = IncidentStage(self.log, IncidentStep(desks=desks), self.meter)
        self._projection = Projection(
            self.log, Projector(self.store, pin=self.objects.pin), self.hints.publish, self.meter
        )
        self._ticks = LogDoor(self.log, "clock")
        self._stop = threading.Event()
        self._turn = threading.Lock()
        self._pump = threading.Thread(target=self._run, daemon=True)
        self.tokens = {}
        for role in ROLES:
            self.tokens[role] = self.give_token(f"{role}-1", role)
        self.known_until_ns = None
        self.app = create_api(
            store=self.store,
            passes=LoggedPasses(self.log),
            door=self.door,
            objects=self.objects,
            clock=self.clock,
            meter=self.meter,
            wakeup=self.hints,
            health=lambda: dict(self.parts),
            known_until=lambda: self.known_until_ns if self.known_until_ns is not None else self.clock.now_ns(),
            forms=CameraRegistry(self.sealer),
            patrol=self.board,
            answers=StatedAnswers(self.log),
            photos=PhotoRoom(self.meter),
            reports=self.reports,
            open311=open311,
            contracts=desks.tickets.contracts,
            register=desks.register,
            config=ApiConfig(**{"live_heartbeat_seconds": 0.3, "token_cache_seconds": 0.2, **config}),
        )

    def give_token(self, name, role):
        token = f"cw_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        self.store.add_token(name=name, role=role, digest=digest, at_ns=NOW)
        return token

    def tick(self):
        self._ticks.broadcast(TickBatch(("clock",), np.array([self.clock.now_ns()], np.int64)))

    def broadcast(self, batch):
        """The same rows to every partition, as an observer does."""
        self._ticks.broadcast(batch)

    @contextmanager
    def paused(self):
        """Nothing is stepped inside: what is appended waits."""
        with self._turn:
            yield

    def _run(self):
        while not self._stop.is_set():
            with self._turn:
                self._processor.turn(20)
                self._incidents.turn(0)
                self._projection.turn(0)
            self._stop.wait(0.0005)

    def __enter__(self):
        self._pump.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._pump.join(10)
        self.store.close()


class Served:
    """A running server and clients for it."""

    def __init__(self, city, server, thread, port):
        self.city, self.server, self.thread = city, server, thread
        self.url = f"http://127.0.0.1:{port}"
        self._station = self.client("ingest")

    def client(self, role=None, **headers):
        if role is not None:
            headers["Authorization"] = f"Bearer {self.city.tokens[role]}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)

    def push(self, *records):
        answer = self._station.post("/api/v1/ingest/passes", json=list(records))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self):
        self._station.close()
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive(), "the server did not stop"


@contextmanager
def serving(directory, **config):
    """A city with a real uvicorn on a free port. Its commands have time for a verdict on a busy machine, too."""
    with City(directory, **{"command_wait_seconds": 15.0, **config}) as city:
        server = ApiServer(
            uvicorn.Config(
                city.app,
                host="127.0.0.1",
                port=0,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=5,
                http=BoundedConnection,
                ws="none",
            )
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until(lambda: server.started or not thread.is_alive())
        served = Served(city, server, thread, server.servers[0].sockets[0].getsockname()[1])
        try:
            yield served
        finally:
            served.stop()


def until(condition, seconds=30.0):
    """The first true value of `condition`, asked again and again; AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)
    return value


def placed(admin, device, **fields):
    """Register a device. Where a parent is named, its verdict comes when every partition's clock has gone on."""
    return admin.post("/api/v1/devices", json={"device": device, "kind": "camera", **fields})


def later(city, seconds=1):
    """Time goes on for the city."""
    city.clock.forward(seconds)
    city.tick()


def outage(served, cameras, looks=6):
    """Cameras behind a switch that nobody visits fall away together, in plain sight of the patrol."""
    city = served.city
    with served.client("admin") as admin:
        assert placed(admin, "sw", kind="switch", site="harbour", name="Harbour switch").status_code == 200
        for camera in cameras:
            assert placed(admin, camera, parent="sw", site="harbour").status_code == 202
    later(city)
    later(city)
    until(lambda: all((city.store.device(camera) or {}).get("parent") == "sw" for camera in cameras))
    for number in range(1, 2 * looks + 1):
        outcome = Outcome.PICTURE if number <= looks else Outcome.UNREACHABLE
        at_ns = city.clock.now_ns()
        city.door.append(frames([(camera, at_ns, number, outcome, 110.0, 0.5) for camera in cameras]))
        later(city, 10)
    later(city)
    until(lambda: city.store.incidents(state=None, root=None, before=None, limit=1))
