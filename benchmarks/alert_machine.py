"""Alerts through the HTTP door, everything persisted, beside Prometheus' Alertmanager, which persists nothing.

A city as `citywatch run` starts it (log with appendfsync always, steps, projection to SQLite) and Debian's
prometheus-alertmanager take the same posts of 1,000 alerts in Alertmanager's own format, in turn, round by round.
New alerts are counted until the last one is seen in each one's API. Alertmanager has no tickets, so these are of a kind
that the city wants none of (`tickets.alert_only`); alerts that have a ticket each are counted beside them, until the
last ticket is seen. Repeats are alerts that both know already, sent again as Prometheus does it, with an endsAt that
lies later each time; they count until a new alert that was sent behind them is seen, so nothing of them is still on its
way.

In process: 20,000 alerts raised and said again through the step alone, with both desks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

import httpx

from benchmarks._city import City, free_port
from benchmarks._frame import Goal, Row, Spread, peer_absent, row
from citywatch.app.interpreter import share_the_interpreter
from citywatch.wire.alertmanager import LabelSets

SCENARIO = "alert_machine"
PEER = "alertmanager"
ALERT_ONLY, TICKETED = "DeviceDown", "DeviceBroken"
POST, NEW_POSTS, NEW_ROUNDS = 1_000, {ALERT_ONLY: 20, TICKETED: 5}, 5
REPEAT_POSTS, REPEAT_ROUNDS = 20, 7
IN_PROCESS, IN_PROCESS_ROUNDS = 20_000, 5
_HEADERS = {"Content-Type": "application/json"}
_WAIT_S = 60.0
_LOOK_EVERY_S = 0.1
"""Looking costs something of the two cores that are measured, both sides alike. Ours is seen a twentieth of a second
late on the average; Alertmanager, which knows what it has answered for, at the first look.
"""
_COMPILED_S = 40.0
_SETTLED_S = 15.0
"""Behind ready each part loads what nobody waits for."""


_CONFIG = f"tickets: {{alert_only: [{{alert: {ALERT_ONLY}}}]}}\nfindings: {{most_open: 200000}}\n"


def _labels(number: int, kind: str) -> dict[str, str]:
    return {
        "alertname": kind,
        "instance": f"device-{number:07d}",
        "job": "city",
        "severity": "warning",
        "site": f"site-{number % 300}",
    }


def _body(names: range, ends: datetime, kind: str = ALERT_ONLY) -> bytes:
    """A post as a Prometheus of the city would send it."""
    alerts = [
        {
            "labels": _labels(number, kind),
            "annotations": {
                "summary": f"device-{number:07d} is out of order",
                "description": "It has not answered for five minutes; its neighbours do.",
            },
            "startsAt": "2026-01-31T08:00:00.000Z",
            "endsAt": ends.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "generatorURL": "http://prometheus.city.example/graph?g0.expr=up",
        }
        for number in names
    ]
    return json.dumps(alerts).encode()


class _Ours:
    """The city, and how an alert is seen in it."""

    def __init__(self, city: City, token: str) -> None:
        self.client = httpx.Client(
            base_url=city.url, headers={"Authorization": f"Bearer {token}"}, timeout=_WAIT_S, trust_env=False
        )
        self._sets = LabelSets()

    def post(self, body: bytes) -> None:
        answer = self.client.post("/api/v2/alerts", content=body, headers=_HEADERS)
        if answer.status_code != 200:
            raise RuntimeError(f"citywatch: {answer.status_code} {answer.text[:300]}")

    def has(self, number: int, kind: str = ALERT_ONLY) -> bool:
        """Whether the finding stands with its alert, and the ticket that it ought to have."""
        wanted = {"key": self._sets.of(_labels(number, kind))[1]}
        found = self.client.get("/api/v1/findings", params=wanted).json()["items"]
        return len(found) == 1 and bool(found[0]["alert"]) and bool(found[0]["ticket"]) == (kind == TICKETED)


class _Theirs:
    """Alertmanager, and how an alert is seen in it."""

    def __init__(self, port: int) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_WAIT_S, trust_env=False)

    def ready(self) -> bool:
        try:
            return self.client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, body: bytes) -> None:
        self.client.post("/api/v2/alerts", content=body, headers=_HEADERS).raise_for_status()

    def has(self, number: int, kind: str = ALERT_ONLY) -> bool:
        wanted = {"filter": f'instance="device-{number:07d}"'}
        return len(self.client.get("/api/v2/alerts", params=wanted).json()) == 1


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.perf_counter() + _WAIT_S
    while not condition():
        if time.perf_counter() > end:
            raise RuntimeError(f"{what}: not seen within {_WAIT_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)


class _Rounds:
    """What both are asked to do, in turn; the names of new alerts rise and are never used twice."""

    def __init__(self, sides: list[_Ours | _Theirs]) -> None:
        self._sides = sides
        self._next = 0
        self._known: list[range] = []
        self._ends = datetime.now(UTC) + timedelta(hours=2)

    def _names(self, count: int) -> range:
        self._next += count
        return range(self._next - count, self._next)

    def _per_second(self, side: _Ours | _Theirs, bodies: list[bytes], last: int, count: int, kind: str) -> float:
        begin = time.perf_counter()
        for body in bodies:
            side.post(body)
        _until(lambda: side.has(last, kind), type(side).__name__)
        return count / (time.perf_counter() - begin)

    def _in_turn(self, number: int, bodies: list[bytes], last: int, count: int, kind: str) -> list[float]:
        order = range(len(self._sides)) if number % 2 else reversed(range(len(self._sides)))
        found = {index: self._per_second(self._sides[index], bodies, last, count, kind) for index in order}
        return [found[index] for index in range(len(self._sides))]

    def new(self, number: int, kind: str) -> list[float]:
        """New alerts a second, by side."""
        names = [self._names(POST) for _ in range(NEW_POSTS[kind])]
        if kind == ALERT_ONLY:
            self._known += names
        bodies = [_body(these, self._ends, kind) for these in names]
        return self._in_turn(number, bodies, names[-1][-1], sum(map(len, names)), kind)

    def repeats(self, number: int) -> list[float]:
        """Repeats a second, by side; of the alerts that are there already, the first ones."""
        ends = self._ends + timedelta(minutes=number + 1)
        bodies = [_body(names, ends) for names in self._known[:REPEAT_POSTS]]
        behind = self._names(1)
        return self._in_turn(number, [*bodies, _body(behind, ends)], behind[0], REPEAT_POSTS * POST, ALERT_ONLY)


@dataclass(frozen=True, slots=True)
class _Found:
    """Alerts a second: a list a round, ours first."""

    new: list[list[float]]
    ticketed: list[list[float]]
    repeats: list[list[float]]


def _measured(directory: Path) -> _Found:
    peer = which("prometheus-alertmanager")
    config = directory / "citywatch.yaml"
    config.write_text(_CONFIG)
    command = [sys.executable, "-m", "citywatch"]
    arguments = ["--config", str(config), "--data-dir", str(directory / "data")]
    first = City(command, directory, *arguments)
    first.until_ready(300.0)
    token = first.token()
    time.sleep(_COMPILED_S)  # decoders, too, have found or compiled their kernels: the next start has them all
    first.stop()
    city = City(command, directory, *arguments)
    alertmanager = None
    try:
        city.until_ready(300.0)
        time.sleep(_SETTLED_S)
        sides: list[_Ours | _Theirs] = [_Ours(city, token)]
        if peer is not None:
            port = free_port()
            settings = directory / "alertmanager.yml"
            settings.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
            called = [peer, f"--config.file={settings}", f"--storage.path={directory / 'alertmanager'}",
                       f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
            alertmanager = subprocess.Popen(called, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            theirs = _Theirs(port)
            _until(theirs.ready, "alertmanager")
            sides.append(theirs)
        rounds = _Rounds(sides)
        found = _Found([], [], [])
        for number in range(-1, NEW_ROUNDS):  # the first of each is the way there, and counts for nothing
            found.new.append(rounds.new(number, ALERT_ONLY))
            found.ticketed.append(rounds.new(number, TICKETED))
        found.repeats.extend(rounds.repeats(number) for number in range(REPEAT_ROUNDS + 1))
        city.stop()
    finally:
        if alertmanager is not None:
            alertmanager.terminate()
            alertmanager.wait(10.0)
        if city.process.poll() is None:
            city.process.kill()
    return found


def _in_process(kind: str) -> list[float]:
    """Seconds for IN_PROCESS alerts, each raised and said again, by the step with both desks."""
    from citywatch.domain.labels import Matcher
    from citywatch.domain.state import State
    from citywatch.flow.desks import Desks
    from citywatch.flow.step import CityStep
    from citywatch.laws import load
    from citywatch.tickets.policy import TicketPolicy
    from citywatch.wire import alertmanager

    share_the_interpreter()
    desks = Desks(tickets=TicketPolicy(alert_only=(Matcher.of({"alert": ALERT_ONLY}),)))
    each = 2 + (kind == TICKETED)
    now_ns = time.time_ns()
    ends = datetime.now(UTC) + timedelta(hours=2)
    batches = [
        alertmanager.decode(
            _body(range(start, start + POST), ends, kind), token="bench", now_ns=now_ns, resolve_s=300,
            known=lambda _: (), most=POST,
        ).batch(now_ns)
        for start in range(0, IN_PROCESS, POST)
    ]  # fmt: skip
    seconds = []
    for _ in range(IN_PROCESS_ROUNDS + 1):
        state, step = State(), CityStep(load("cn-gross"), desks=desks)
        begin = time.perf_counter()
        events = sum(len(step.step(state, batch)[1]) for batch in [*batches, *batches])
        seconds.append(time.perf_counter() - begin)
        if events != each * IN_PROCESS or state.size("finding") != IN_PROCESS:
            raise RuntimeError(f"{events} events, {state.size('finding')} findings")
    return seconds[1:]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="citywatch-alerts-") as name:
        found = _measured(Path(name))
    rows = []
    for kind, figure, in_process_goal in (
        (ALERT_ONLY, f"{IN_PROCESS:,} alerts raised and said again, in process", Goal(at_most=1.0)),
        (TICKETED, f"{IN_PROCESS:,} alerts, each with a repair ticket, and said again, in process", None),
    ):
        spread = Spread.of(_in_process(kind))
        rows.append(row(SCENARIO, figure, spread.median, "s", goal=in_process_goal, spread=spread))
    for figure, (_, *rounds), goal in (
        ("new alerts a second, until seen", found.new, Goal(at_least=0.25, of="ratio")),
        ("new alerts a second, each with a repair ticket (theirs have none)", found.ticketed, None),
        ("repeats a second, until nothing is on its way", found.repeats, Goal(at_least=1.0, of="ratio")),
    ):
        ours = Spread.of([one[0] for one in rounds])
        if len(rounds[0]) < 2:
            rows += [row(SCENARIO, figure, ours.median, "1/s", spread=ours), peer_absent(SCENARIO, figure, "1/s", PEER)]
            continue
        ratio = Spread.of([one[0] / one[1] for one in rounds])
        theirs = Spread.of([one[1] for one in rounds])
        rows.append(
            row(SCENARIO, figure, ours.median, "1/s", peer=PEER, ratio=ratio.median,
                goal=goal, spread=ours, note=f"theirs {theirs.median:,.0f}")
        )  # fmt: skip
    return rows
