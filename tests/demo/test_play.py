"""The programme that plays the demonstration city: what it serves, pushes and repairs, against real sockets."""

import asyncio
import contextlib
import itertools
import json

import cv2
import httpx
import numpy as np
import pytest
import uvicorn

from citywatch.demo import city, play
from citywatch.domain.instants import parse_instant
from citywatch.domain.pictures import Fault
from citywatch.errors import OutsideError
from citywatch.wire import station_json

SEED = 1
PLAN = {incident.fault: incident for incident in city.incidents(SEED, 0)}


def eye_of(device):
    return play.Eye(SEED, next(camera for camera in city.CAMERAS if camera.device == device))


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)


def middle(incident):
    return (incident.from_s + incident.to_s) / 2


def test_pictures_show_what_the_plan_says():
    black = PLAN[Fault.BLACK]
    eye = eye_of(black.device)
    before, during = decoded(eye.jpeg(black.from_s - 1)), decoded(eye.jpeg(middle(black)))
    assert before.shape == (city.PICTURE_HEIGHT, city.PICTURE_WIDTH)
    assert before.mean() > 60 > 30 > during.mean()


def test_a_frozen_camera_repeats_itself_and_a_healthy_one_does_not():
    frozen = PLAN[Fault.FROZEN]
    eye = eye_of(frozen.device)
    assert eye.jpeg(frozen.from_s + 3) == eye.jpeg(frozen.from_s + 9)
    assert eye.jpeg(frozen.from_s - 4) != eye.jpeg(frozen.from_s - 1)


def test_the_same_seed_shows_the_same_pictures():
    device = city.CAMERAS[0].device
    assert eye_of(device).jpeg(1.5) == eye_of(device).jpeg(1.5)


def test_records_are_what_stations_send():
    at_ns = parse_instant("2026-05-04T03:00:00.250Z")
    for lorry in itertools.islice(city.lorries(SEED, 0, 0.0), 40):
        found = station_json.decode(play.station_record(lorry, at_ns))
        assert found.refused == ()
        assert found.unknown_keys == 0
        batch = found.batch
        assert (batch.device, batch.at_ns.tolist(), batch.plate) == ((lorry.lane,), [at_ns], (lorry.plate,))
        assert batch.gross_kg.tolist() == [lorry.gross_kg]
        assert tuple(batch.axle_kg[0].tolist()) == lorry.axle_kg
        assert tuple(batch.spacing_mm[0, : len(lorry.spacing_mm)].tolist()) == lorry.spacing_mm


class Now:
    """Elapsed seconds, set by hand."""

    def __init__(self, at_s=0.0):
        self.at_s = at_s

    def __call__(self):
        return self.at_s


async def got(port, index, path=None, method="GET"):
    device = city.CAMERAS[index].device
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.request(method, f"http://{city.camera_host(index)}:{port}{path or f'/{device}.jpg'}")


def test_footage_is_served_and_a_dead_camera_refuses(unused_port):
    dead = PLAN[Fault.UNREACHABLE]
    index = [camera.device for camera in city.CAMERAS].index(dead.device)
    other = (index + 1) % len(city.CAMERAS)

    async def scene():
        now = Now()
        footage = play.Footage(SEED, unused_port, now)
        try:
            await footage.follow()
            answer = await got(unused_port, index)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
            assert decoded(answer.content).shape == (city.PICTURE_HEIGHT, city.PICTURE_WIDTH)
            assert (await got(unused_port, index, "/etc/passwd")).status_code == 404
            assert (await got(unused_port, index, method="POST")).status_code == 405
            now.at_s = middle(dead)
            await footage.follow()
            with pytest.raises(httpx.ConnectError):
                await got(unused_port, index)
            assert (await got(unused_port, other)).status_code == 200
            now.at_s = dead.to_s + 0.1
            await footage.follow()
            assert (await got(unused_port, index)).status_code == 200
        finally:
            await footage.close()

    asyncio.run(scene())


def test_closing_ends_what_is_being_answered(unused_port):
    async def scene():
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        footage = play.Footage(SEED, unused_port, Now())
        await footage.follow()
        reader, writer = await asyncio.open_connection(city.camera_host(0), unused_port)
        writer.write(b"GET /slow")
        async with asyncio.timeout(5):
            while not footage._answering:
                await asyncio.sleep(0.005)
            await footage.close()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        assert footage._answering == set()
        return complaints

    assert asyncio.run(scene()) == []


def test_garbage_does_not_hurt_the_camera(unused_port):
    async def scene():
        footage = play.Footage(SEED, unused_port, Now())
        try:
            await footage.follow()
            for garbage in (b"\r\n\r\n", b"\xff\xfe\r\n\r\n", b"GET /\r\n\r\n", b"x" * 20_000):
                reader, writer = await asyncio.open_connection(city.camera_host(0), unused_port)
                writer.write(garbage)
                writer.write_eof()
                answer = await reader.read()
                assert answer == b"" or answer.startswith((b"HTTP/1.1 405", b"HTTP/1.1 404"))
                writer.close()
            assert (await got(unused_port, 0)).status_code == 200
        finally:
            await footage.close()

    asyncio.run(scene())


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as probe:
        probe.bind((city.camera_host(0), 0))
        return probe.getsockname()[1]


def test_the_crew_accepts_repairs_and_notes_once():
    black = PLAN[Fault.BLACK]
    row = {"id": "t1", "state": "filed", "device": black.device, "fault": "black"}
    crew = play.Crew(SEED)
    seen_s = black.from_s + 5
    assert crew.turn(seen_s, [row]) == []
    assert crew.turn(seen_s + play.ACCEPT_AFTER_S - 0.1, [row]) == []
    assert crew.turn(seen_s + play.ACCEPT_AFTER_S, [row]) == [("t1", "accept", {})]
    accepted = {**row, "state": "accepted"}
    assert crew.turn(black.to_s - 0.1, [accepted]) == []
    assert crew.turn(black.to_s, [accepted]) == [("t1", "note", {"note": black.remedy})]
    assert crew.turn(black.to_s + 1, [accepted]) == []
    assert crew.turn(black.to_s + 2, []) == []
    assert (crew._first_seen_s, crew._noted) == ({}, set())


def test_the_crew_says_nothing_about_what_it_did_not_repair():
    row = {"id": "t1", "state": "accepted", "device": city.CAMERAS[0].device, "fault": "no_media"}
    assert play.Crew(SEED).turn(500.0, [row]) == []


def api(answers):
    """An Api whose other side answers from a list of statuses, and what it was asked."""
    asked = []

    def answer(request):
        asked.append((request.method, request.url.path, request.headers["authorization"]))
        status = answers.pop(0)
        if status is None:
            raise httpx.ConnectError("away", request=request)
        return httpx.Response(status, json={})

    return play.Api("http://city.invalid", "secret", httpx.MockTransport(answer)), asked


def test_a_refused_token_ends_the_play_at_once():
    client, asked = api([401])
    with pytest.raises(OutsideError, match="token") as caught:
        asyncio.run(client.ask("GET", "/api/v1/tickets"))
    assert caught.value.retry is False
    assert "secret" not in str(caught.value)
    assert asked == [("GET", "/api/v1/tickets", "Bearer secret")]


def test_what_passes_by_itself_is_tried_again(monkeypatch):
    pauses = []

    async def no_pause(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(play.asyncio, "sleep", no_pause)
    client, asked = api([None, 429, 503, 202])
    assert asyncio.run(client.ask("POST", "/api/v1/ingest/passes")).status_code == 202
    assert (len(asked), len(pauses)) == (4, 3)
    client, asked = api([503] * 5)
    assert asyncio.run(client.ask("POST", "/api/v1/ingest/passes")) is None
    assert pauses[-1] <= 4.0


def test_json_of_a_record_is_plain():
    lorry = city.lorry(SEED, 0, 0)
    record = json.loads(play.station_record(lorry, 1_777_863_600_000_000_000))[0]
    assert record["licenseCodeFront"] == lorry.plate
    assert record["totalWeight"] == lorry.gross_kg


class Side:
    """The other side of the API: takes everything down, over a real socket, and refuses when told to."""

    def __init__(self, status=200):
        self.status = status
        self.asked = []
        self.all_kinds = asyncio.Event()

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        token = dict(scope["headers"])[b"authorization"].decode()
        self.asked.append((scope["method"], scope["path"], token, body))
        answer = json.dumps({"items": []}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        if len({path for _, path, _, _ in self.asked}) == 3:
            self.all_kinds.set()


async def played(side, camera_port, stop):
    """play() against `side` behind uvicorn on a port of its own; returns what on_listening saw."""
    config = uvicorn.Config(side, port=0, log_config=None, lifespan="off", http="httptools")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    seen = []
    try:
        async with asyncio.timeout(30):
            await play.play(
                f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}",
                ingest_token="push",
                crew_token="mend",
                port=camera_port,
                seed=SEED,
                stop=stop,
                on_listening=lambda: seen.append(len(side.asked)),
            )
    finally:
        server.should_exit = True
        await serving
    return seen


def test_the_play_uses_the_doors_with_the_right_tokens_and_stops_when_told(unused_port):
    async def scene():
        side = Side()
        stop = asyncio.Event()
        playing = asyncio.create_task(played(side, unused_port, stop))
        async with asyncio.timeout(20):
            await side.all_kinds.wait()
        assert (await got(unused_port, 0)).status_code == 200
        stop.set()
        assert await playing == [0], "cameras answer before anything is pushed"
        with pytest.raises(httpx.ConnectError):
            await got(unused_port, 0)
        return side.asked

    asked = asyncio.run(scene())
    tokens = {path: token for _, path, token, _ in asked}
    assert tokens == {
        "/api/v1/ingest/passes": "Bearer push",
        "/api/v1/ingest/heartbeats": "Bearer push",
        "/api/v1/tickets": "Bearer mend",
    }
    passes = [body for _, path, _, body in asked if path.endswith("passes")]
    assert all(len(station_json.decode(body).batch) == 1 for body in passes)
    beats = [json.loads(body) for _, path, _, body in asked if path.endswith("heartbeats")]
    assert beats[0] == {"devices": [lane.device for lane in city.LANES]}


def test_the_play_ends_with_a_sentence_when_its_token_is_refused(unused_port):
    with pytest.raises(OutsideError, match="refused the demonstration's token"):
        asyncio.run(played(Side(status=401), unused_port, asyncio.Event()))
