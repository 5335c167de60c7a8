"""What the driver sees: the right words, on the right sign, in time, and gone in time."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from intake_kit import Meter, Running, Station, until
from test_mqtt_intake import NOW_NS

from citywatch.adapters.notify.roadside_sign import HttpFace, SignWorker
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.ports import ORIGIN, Commit, Position
from citywatch.signs.messages import Place, Sign, message_for, nearest
from citywatch.testing.clocks import ManualClock

NEAR = Place("Lijia", 1, 2_100)
SIGN = Sign(
    "s1", "CS01", 1, hold_s=20.0, late_s=30.0, places=(NEAR, Place("Xihu", 1, 900, "left"), Place("Back", 2, 10))
)


def overload(event="e1", device="CS01/d1/l2", at_ns=NOW_NS, **data):
    told = {"plate": "湘A12345", "over_kg": 8_230, "gross_kg": 57_230, "limits_kg": [46_000, 49_000], **data}
    return Event(event, EventKind.OVERLOADED, device, at_ns, event, told)


def test_the_words():
    message = message_for(SIGN, overload(), NOW_NS + 5 * NS_PER_S)
    assert message.lines == ("湘A12345", "超限 8.2 吨", "请到前方 2.1 公里 右侧 Lijia 卸货")
    assert (message.over_kg, message.until_ns) == (8_230, NOW_NS + 25 * NS_PER_S)
    english = message_for(replace(SIGN, language="en", hide_plate=True), overload(), NOW_NS)
    assert english.lines == ("…345", "8.2 t OVER", "UNLOAD AT Lijia, 2.1 km, right")
    assert message_for(replace(SIGN, enforceable_only=False), overload(enforceable=False), NOW_NS) is not None
    assert message_for(replace(SIGN, places=()), overload(), NOW_NS).lines == ("湘A12345", "超限 8.2 吨")


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        (overload(device="CS01/d2/l1"), 1),
        (overload(device="CS012/d1/l1"), 1),
        (overload(plate=""), 1),
        (overload(enforceable=False), 1),
        (replace(overload(), kind=EventKind.WEIGHT_UNDECIDED), 1),
        (overload(), 31),
        (overload(), -1),
    ],
)
def test_nobody_else_is_named(event, seconds):
    assert message_for(SIGN, event, NOW_NS + seconds * NS_PER_S) is None


def test_the_nearest_place_is_on_the_drivers_own_side():
    assert nearest(SIGN) == NEAR
    assert nearest(replace(SIGN, drive_side="left")).name == "Xihu"
    assert nearest(replace(SIGN, places=(Place("Back", 2, 10),))) is None


class Controller(BaseHTTPRequestHandler):
    """A sign's controller: keeps what it is told, and refuses when asked to."""

    def do_POST(self):
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told.append((document, self.headers.get("Authorization")))
        self.send_response(503 if self.server.refuses else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def controller():
    server = HTTPServer(("127.0.0.1", 0), Controller)
    server.told, server.refuses = [], False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


class Audit:
    def __init__(self):
        self.lines = []

    def audit(self, **line):
        self.lines.append(line)


def url(controller):
    return f"http://127.0.0.1:{controller.server_port}/sign"


@pytest.fixture
def worker(controller):
    clock, audit, meter = ManualClock(NOW_NS), Audit(), Meter()
    running = SignWorker(SIGN, HttpFace(url(controller), "secret"), audit, clock, meter)
    running.start()
    yield running, clock, audit, meter
    running.stop()


def test_shown_measured_withdrawn_and_written_down(controller, worker):
    running, clock, audit, meter = worker
    clock.advance_s(2)
    running.show(message_for(SIGN, overload(), clock.now_ns()))
    until(lambda: audit.lines)
    (document, authorization), *_ = controller.told
    assert (document["plate"], document["over_kg"], document["place"]["name"]) == ("湘A12345", 8_230, "Lijia")
    assert authorization == "Bearer secret"
    assert meter.observed == [("pass_to_sign_seconds", 2.0)]
    clock.advance_s(20)
    until(lambda: len(audit.lines) == 2)
    assert controller.told[-1][0]["lines"] == []
    assert [(line["action"], line["actor"], line["target"]) for line in audit.lines] == [
        ("sign_shown", "sign:s1", "e1"),
        ("sign_withdrawn", "sign:s1", "e1"),
    ]


def test_a_sign_that_is_away_is_tried_until_the_lorry_is_gone(controller, worker):
    running, clock, audit, meter = worker
    controller.refuses = True
    running.show(message_for(SIGN, overload(), clock.now_ns()))
    until(lambda: len(controller.told) >= 2)
    clock.advance_s(31)
    until(lambda: meter.counts.get(("sign_messages_total", ("result", "late"))))
    assert audit.lines == []


def test_what_is_shown_at_the_end_is_withdrawn(controller):
    audit = Audit()
    running = SignWorker(SIGN, HttpFace(url(controller), None), audit, ManualClock(NOW_NS), Meter())
    running.start()
    running.show(message_for(SIGN, overload(), NOW_NS))
    until(lambda: audit.lines)
    running.stop()
    assert controller.told[-1][0]["lines"] == []


def test_from_the_log_to_a_topic(broker, tmp_path):
    text = (
        f"intake: {{mqtt: {{url: 'mqtt://127.0.0.1:{broker.port}'}}}}\n"
        "signs:\n  - {name: s1, station: CS01, direction: 1, topic: signs/s1, language: en}\n"
    )
    told = []
    listener = Station(broker.port, "sign")
    listener.client.on_message = lambda client, data, message: told.append(json.loads(message.payload))
    listener.client.subscribe("signs/#", qos=1)
    with Running(tmp_path / "city", text, NOW_NS) as city:
        until(lambda: city.part.mqtt.is_listening)
        city.log.commit(0, Commit(ORIGIN, Position(1, 0), events=[overload(), overload("e2", "CS01/d2/l1")]))
        # The log in memory counts positions from 1: everything in it would be long ago.
        city.part._positions = {0: ORIGIN, 1: ORIGIN}
        city.part.follow()
        assert until(lambda: told)[0]["lines"] == ["湘A12345", "8.2 t OVER"]
    until(lambda: told[-1]["lines"] == [])
    listener.close()
