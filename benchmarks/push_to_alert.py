"""A pass pushed over HTTP to its alert out of the live stream, on an idle system.

One overloaded lorry at a time, as station JSON over one kept connection; the clock runs from before the request is
sent until the server-sent event that names this very pass has been read. Between two pushes the system rests for a
seeded, uneven while, so that no figure profits from being in step with a timer. The peer is GET /healthz on the
same server, over the same client, right before each push: what the machine and HTTP alone cost at that moment.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from queue import Empty, Queue

import httpx

from benchmarks._city import City
from benchmarks._frame import Goal, Row, Spread, row

SCENARIO = "push_to_alert"
PUSHES, WARM_UP, SEED = 400, 20, 2026
_STATION = "BENCH"
_CONFIG = f"scales:\n  - {{station: {_STATION}, direction: 1, lane: 1}}\n"
_CHINA = timezone(timedelta(hours=8))


def _record(number: int) -> dict[str, object]:
    """A six-axle train of at least 60 t; its gross is its name."""
    now = datetime.now(UTC).astimezone(_CHINA)
    axles = [10_000 + number, *[10_000] * 5]
    return {
        "previewStationCode": _STATION,
        "previewCode": f"{_STATION}{number:06d}",
        "previewDate": now.strftime("%Y-%m-%d %H:%M:%S.") + f"{now.microsecond // 1000:03d}",
        "direction": 1,
        "laneNo": 1,
        "axisNum": 6,
        "totalWeight": sum(axles),
        **{f"axle{i}Weight": kg for i, kg in enumerate(axles, start=1)},
        "axleDis": "3300,1350,6700,1310,1310",
        "speed": 62,
    }


def _listen(city: City, token: str, arrivals: Queue[tuple[float, str]], connected: threading.Event) -> None:
    """Read the live stream until the server ends it; each event's data with the instant it was read."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    with httpx.Client(timeout=httpx.Timeout(10.0, read=None)) as client:
        try:
            with client.stream("GET", city.url + "/api/v1/live/alerts", headers=headers) as stream:
                stream.raise_for_status()
                connected.set()
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        arrivals.put((time.perf_counter(), line[5:]))
        except httpx.RemoteProtocolError:
            return  # the server has been stopped


def _measure(city: City, token: str) -> tuple[list[float], list[float], list[float]]:
    """Seconds: push to alert, push to answer, and GET /healthz."""
    arrivals: Queue[tuple[float, str]] = Queue(maxsize=1000)
    connected = threading.Event()
    threading.Thread(target=_listen, args=(city, token, arrivals, connected), daemon=True).start()
    if not connected.wait(10.0):
        raise city.failure("the live stream did not open")
    rest = random.Random(SEED)
    to_alert, to_answer, bare = [], [], []
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=city.url, headers=headers, timeout=10.0) as client:
        for number in range(WARM_UP + PUSHES):
            time.sleep(rest.uniform(0.02, 0.08))
            begin = time.perf_counter()
            client.get("/healthz").raise_for_status()
            healthz_s = time.perf_counter() - begin
            record = _record(number)
            body = json.dumps([record]).encode()
            begin = time.perf_counter()
            answer = client.post("/api/v1/ingest/passes", content=body, headers={"Content-Type": "application/json"})
            answered_s = time.perf_counter() - begin
            if answer.status_code >= 300:
                raise city.failure(f"push {number} was answered with {answer.status_code}: {answer.text[:500]}")
            arrived = _arrival(city, arrivals, f'"gross_kg":{record["totalWeight"]}')
            if number >= WARM_UP:
                to_alert.append(arrived - begin)
                to_answer.append(answered_s)
                bare.append(healthz_s)
    return to_alert, to_answer, bare


def _arrival(city: City, arrivals: Queue[tuple[float, str]], mark: str) -> float:
    """When the event that holds `mark` was read."""
    end = time.perf_counter() + 5.0
    while (left := end - time.perf_counter()) > 0:
        try:
            at, data = arrivals.get(timeout=left)
        except Empty:
            break
        if mark in data.replace(" ", ""):
            return at
    raise city.failure(f"no alert with {mark} came out of the live stream within 5 s")


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="citywatch-push-") as name:
        directory = Path(name)
        config = directory / "citywatch.yaml"
        config.write_text(_CONFIG)
        arguments = ("--config", str(config), "--data-dir", str(directory / "data"))
        city = City([sys.executable, "-m", "citywatch"], directory, *arguments)
        city.until_ready(120.0)
        to_alert, to_answer, bare = _measure(city, city.token())
        city.stop()
    alert, answer, healthz = (Spread.of(samples).scaled(1000.0) for samples in (to_alert, to_answer, bare))
    peer = "GET /healthz"
    return [
        row(SCENARIO, "push to alert, p50", alert.median, "ms", peer=peer, ratio=alert.median / healthz.median,
            spread=alert),
        row(SCENARIO, "push to alert, p99", alert.p99, "ms", peer=peer, ratio=alert.p99 / healthz.p99,
            goal=Goal(at_most=50.0), spread=alert),
        row(SCENARIO, "push to answer (on disk), p50", answer.median, "ms", peer=peer,
            ratio=answer.median / healthz.median, spread=answer),
        row(SCENARIO, "push to answer (on disk), p99", answer.p99, "ms", peer=peer, ratio=answer.p99 / healthz.p99,
            spread=answer),
    ]  # fmt: skip
