"""Plays the demonstration city from outside: serves its cameras, pushes its lorries and heartbeats, repairs its faults.

Everything goes through the doors that a real city would use: snapshots over HTTP on loopback addresses, and the
public API with an ingest and a crew token. What happens when is city.py's plan; this module only carries it out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from citywatch.demo import city
from citywatch.demo.city import Camera, Lorry
from citywatch.domain.passes import PassBatch
from citywatch.domain.pictures import Fault
from citywatch.errors import OutsideError
from citywatch.testing.scenes import SceneFault, Street
from citywatch.wire import station_json
from citywatch.wire.station_json import StationFormat

_log = logging.getLogger(__name__)

_JPEG_QUALITY = 88
_REQUEST_BYTES = 8192
_REQUEST_S = 5.0
_LISTEN_LOOK_S = 0.25

_CREW_LOOK_S = 1.0
ACCEPT_AFTER_S = 6.0
"""How long a filed ticket lies before the crew takes it."""

AS_USUAL = StationFormat()

_TRIES = 5
_BACKLOG_S = 30.0

DRAWN: Mapping[Fault, SceneFault] = {
    Fault.BLACK: "black",
    Fault.OVER_EXPOSED: "over_exposed",
    Fault.COVERED: "covered",
    Fault.OUT_OF_FOCUS: "out_of_focus",
    Fault.FROZEN: "frozen",
}


async def play(
    api_url: str,
    *,
    ingest_token: str,
    crew_token: str,
    port: int,
    seed: int,
    stop: asyncio.Event,
    form: StationFormat = AS_USUAL,
    now_ns: Callable[[], int] = time.time_ns,
    on_listening: Callable[[], None] = lambda: None,
) -> None:
    """Play until `stop` is set. `port`: where the cameras answer, one loopback address each (city.cameras).
    `on_listening` is called once, when they do; the API may still be away then.

    Raises OutsideError when the API refuses a token; what passes by itself (a restart, a full log) is waited for.
    """
    # every request would be a line of the log otherwise
    logging.getLogger("httpx").setLevel(logging.WARNING)
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    def elapsed() -> float:
        return loop.time() - start_s

    pusher = Api(api_url, ingest_token)
    crew = Api(api_url, crew_token)
    footage = Footage(seed, port, elapsed)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(pusher.close)
        stack.push_async_callback(crew.close)
        stack.push_async_callback(footage.close)
        await footage.follow()
        on_listening()
        work = [
            footage.keep(),
            *(_lane(pusher, seed, index, elapsed, form, now_ns) for index in range(len(city.LANES))),
            _heartbeats(pusher, seed, elapsed),
            _crew(crew, seed, elapsed),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(each) for each in work]
                await stop.wait()
                for task in running:
                    task.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed


# ---- the API from outside


class Api:
    """A client of the public API that outlives its restarts."""

    def __init__(self, url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10.0,
            transport=transport,
            trust_env=False,
        )

    async def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response | None:
        """The answer; None when the other side was away or busy for all of our tries.

        Raises OutsideError when it does not take our token: trying again would not help.
        """
        for attempt in range(_TRIES):
            try:
                answer = await self._client.request(method, path, **arguments)
            except httpx.TransportError as error:
                _log.info("%s %s: %s", method, path, type(error).__name__)
            else:
                if answer.status_code in (401, 403):
                    raise OutsideError(
                        "token", f"the API refused the demonstration's token for {method} {path}", retry=False
                    )
                if answer.status_code not in (429, 503):
                    return answer
            await asyncio.sleep(min(0.5 * 2**attempt, 4.0))
        return None

    async def close(self) -> None:
        await self._client.aclose()


# ---- scales


def station_record(lorry: Lorry, at_ns: int, form: StationFormat = AS_USUAL) -> bytes:
    """The station's JSON of one pass at `at_ns` (whole milliseconds, as stations write them)."""
    axles = len(lorry.axle_kg)
    batch = PassBatch.of(
        device=(lorry.lane,),
        at_ns=np.array([at_ns // 1_000_000 * 1_000_000], np.int64),
        received_ns=np.zeros(1, np.int64),
        digest=np.array([[lorry.number, 0]], np.uint64),
        axle_count=np.array([axles], np.int16),
        gross_kg=np.array([lorry.gross_kg], np.int32),
        speed_mps=np.array([round(lorry.speed_mps, 2)], np.float64),
        length_mm=np.zeros(1, np.int32),
        axle_kg=np.array([lorry.axle_kg], np.int32),
        spacing_mm=np.array([[*lorry.spacing_mm, 0]], np.int32),
        plate=(lorry.plate,),
    )
    return station_json.encode(batch, form)


async def _lane(
    api: Api, seed: int, index: int, elapsed: Callable[[], float], form: StationFormat, now_ns: Callable[[], int]
) -> None:
    """One lane's controller: every lorry as it comes. What could not be pushed in time is given up, and said."""
    for lorry in city.lorries(seed, index, elapsed()):
        behind_s = elapsed() - lorry.at_s
        if behind_s > _BACKLOG_S:
            _log.warning("lane %s: the API was away; lorry %d is given up", lorry.lane, lorry.number)
            continue
        await asyncio.sleep(max(-behind_s, 0.0))
        content = station_record(lorry, now_ns() - round(max(behind_s, 0.0) * 1e9), form)
        answer = await api.ask(
            "POST", "/api/v1/ingest/passes", content=content, headers={"Content-Type": "application/json"}
        )
        if answer is not None and answer.is_error:
            _log.warning("lane %s: a pass was refused with %d", lorry.lane, answer.status_code)


async def _heartbeats(api: Api, seed: int, elapsed: Callable[[], float]) -> None:
    """The signs of life of every lane that is not silent by the plan."""
    while True:
        alive = [lane.device for lane in city.LANES if city.incident(seed, lane.device, elapsed()) is None]
        answer = await api.ask("POST", "/api/v1/ingest/heartbeats", json={"devices": alive})
        if answer is not None and answer.is_error:
            _log.warning("a heartbeat was refused with %d", answer.status_code)
        await asyncio.sleep(city.HEARTBEAT_S)


# ---- the maintenance crew


@dataclass
class Crew:
    """What the crew does next, from the tickets it sees; it remembers only tickets that are still listed.

    A filed ticket is accepted after ACCEPT_AFTER_S; when the plan says that the fault is repaired, the crew writes
    once what it did. That the repair worked is for the system to see.
    """

    seed: int
    _first_seen_s: dict[str, float] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)

    def turn(self, at_s: float, tickets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, dict[str, str]]]:
        """(ticket, verb, body) of every step that is due. `tickets`: rows with id, state, device and fault."""
        listed = {str(ticket["id"]) for ticket in tickets}
        self._noted &= listed
        self._first_seen_s = {key: seen for key, seen in self._first_seen_s.items() if key in listed}
        due: list[tuple[str, str, dict[str, str]]] = []
        for ticket in tickets:
            key = str(ticket["id"])
            seen_s = self._first_seen_s.setdefault(key, at_s)
            incident = city.last_incident(self.seed, str(ticket["device"]), str(ticket["fault"]), at_s)
            if ticket["state"] == "filed" and at_s - seen_s >= ACCEPT_AFTER_S:
                due.append((key, "accept", {}))
            repaired = incident is not None and incident.to_s <= at_s
            if ticket["state"] == "accepted" and repaired and key not in self._noted:
                self._noted.add(key)
                due.append((key, "note", {"note": incident.remedy if incident else ""}))
        return due


async def _crew(api: Api, seed: int, elapsed: Callable[[], float]) -> None:
    crew = Crew(seed)
    while True:
        tickets: list[Mapping[str, Any]] = []
        for state in ("filed", "accepted"):
            answer = await api.ask("GET", "/api/v1/tickets", params={"state": state, "limit": 100})
            if answer is not None and not answer.is_error:
                tickets += answer.json()["items"]
        for ticket, verb, body in crew.turn(elapsed(), tickets):
            answer = await api.ask("POST", f"/api/v1/tickets/{ticket}/{verb}", json=body)
            # 409: somebody at the desk, or the system itself, was faster
            if answer is not None and answer.is_error and answer.status_code != 409:
                _log.warning("ticket %s: %s was refused with %d", ticket, verb, answer.status_code)
        await asyncio.sleep(_CREW_LOOK_S)


# ---- cameras


class Eye:
    """One camera: its street, drawn when it is first asked for."""

    def __init__(self, seed: int, camera: Camera) -> None:
        self._seed = seed
        self._camera = camera
        self._street: Street | None = None

    def jpeg(self, at_s: float) -> bytes:
        """What the camera shows at `at_s`, planned faults included, as JPEG."""
        import cv2  # noqa: PLC0415  (a city that nobody looks at costs nothing)

        if self._street is None:
            self._street = Street(
                self._seed * 1000 + self._camera.seed,
                city.PICTURE_WIDTH,
                city.PICTURE_HEIGHT,
                start_hour=self._camera.start_hour,
                caption=self._camera.device.upper(),
            )
        wrong = city.incident(self._seed, self._camera.device, at_s)
        fault = DRAWN.get(wrong.fault) if wrong else None
        if wrong is None or fault is None:
            picture = self._street.picture(at_s)
        else:
            picture = self._street.picture(at_s, fault, wrong.severity, frozen_at_s=wrong.from_s)
        made, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        if not made:
            raise OutsideError("encoder", "OpenCV could not encode a picture as JPEG", retry=True)
        return bytes(jpeg)


class Footage:
    """The cameras' snapshots over HTTP, one listening socket a camera; a camera without power does not listen."""

    def __init__(self, seed: int, port: int, elapsed: Callable[[], float]) -> None:
        self._seed = seed
        self._port = port
        self._elapsed = elapsed
        self._eyes = [Eye(seed, camera) for camera in city.CAMERAS]
        self._servers: list[asyncio.Server | None] = [None] * len(city.CAMERAS)
        self._answering: set[asyncio.Task[None]] = set()
        self._drawing = asyncio.Lock()

    async def keep(self) -> None:
        """Open and close each camera's socket as the plan says, for ever."""
        while True:
            await self.follow()
            await asyncio.sleep(_LISTEN_LOOK_S)

    async def follow(self) -> None:
        """Bring every socket to what the plan says for this moment."""
        for index, camera in enumerate(city.CAMERAS):
            wrong = city.incident(self._seed, camera.device, self._elapsed())
            dark = wrong is not None and wrong.fault is Fault.UNREACHABLE
            server = self._servers[index]
            if dark and server is not None:
                server.close()
                self._servers[index] = None
            elif not dark and server is None:
                await self._listen(index)

    async def _listen(self, index: int) -> None:
        def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A task of ours, so that `close` can end it; asyncio's own would complain when it is cancelled.
            task = asyncio.get_running_loop().create_task(self._answer(index, reader, writer))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

        try:
            self._servers[index] = await asyncio.start_server(
                answer, city.camera_host(index), self._port, limit=_REQUEST_BYTES
            )
        except OSError as error:
            # somebody else holds the address for a moment: the camera stays dark until the next look
            _log.warning("camera %s cannot listen: %s", city.CAMERAS[index].device, error.strerror)

    async def close(self) -> None:
        """Stop listening, and end what is being answered."""
        for server in self._servers:
            if server is not None:
                server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _answer(self, index: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer, and the connection is closed."""
        try:
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                words = head.split(b"\r\n", 1)[0].split(b" ")
                wanted = f"/{city.CAMERAS[index].device}.jpg".encode()
                if len(words) != 3 or words[0] not in (b"GET", b"HEAD"):
                    writer.write(_answer_head("405 Method Not Allowed", 0))
                elif words[1] != wanted:
                    writer.write(_answer_head("404 Not Found", 0))
                else:
                    async with self._drawing:
                        jpeg = await asyncio.to_thread(self._eyes[index].jpeg, self._elapsed())
                    writer.write(_answer_head("200 OK", len(jpeg)))
                    if words[0] == b"GET":
                        writer.write(jpeg)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _log.info("camera %s: a visitor went away: %s", city.CAMERAS[index].device, type(error).__name__)
        finally:
            writer.close()


def _answer_head(status: str, length: int) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()
