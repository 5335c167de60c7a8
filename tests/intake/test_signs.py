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
from citywatch.errors import OutsideError
from citywatch.ports import ORIGIN, Commit, Position
from citywatch.signs.messages import Place, Sign, concerns, message_for, nearest
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
    assert message.lines == ("湘A12345", "超限 8230 公斤", "请到前方 2.1 公里 右侧 Lijia 卸货")
    assert (message.over_kg, message.until_ns) == (8_230, NOW_NS + 25 * NS_PER_S)
    english = message_for(replace(SIGN, language="en", hide_plate=True), overload(), NOW_NS)
    assert english.lines == ("…345", "8230 kg OVER", "UNLOAD AT Lijia, 2.1 km, right")
    assert concerns(replace(SIGN, enforceable_only=False), overload(enforceable=False))
    assert message_for(replace(SIGN, places=()), overload(), NOW_NS).lines == ("湘A12345", "超限 8230 公斤")


@pytest.mark.parametrize(
    "event",
    [
        overload(device="CS01/d2/l1"),
        overload(device="CS012/d1/l1"),
        overload(plate=""),
        overload(enforceable=False),
        replace(overload(), kind=EventKind.WEIGHT_UNDECIDED),
    ],
)
def test_nobody_else_is_named(event):
    assert concerns(SIGN, overload())
    assert not concerns(SIGN, event)


@pytest.mark.parametrize(("seconds", "is_shown"), [(0, True), (30, True), (31, False), (-5, True), (-6, False)])
def test_nobody_is_named_who_is_gone_and_clocks_may_differ(seconds, is_shown):
    assert (message_for(SIGN, overload(), NOW_NS + seconds * NS_PER_S) is not None) is is_shown


def test_the_nearest_place_is_on_the_drivers_own_side():
    assert nearest(SIGN) == NEAR
    assert nearest(replace(SIGN, drive_side="left")).name == "Xihu"
    assert nearest(replace(SIGN, places=(Place("Back", 2, 10),))) is None


class Controller(BaseHTTPRequestHandler):
    """A sign's controller: keeps what it is told, refuses when asked to, and may take it without an answer."""

    def do_POST(self):
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told.append((document, self.headers.get("Authorization")))
        if self.server.says_nothing and document["lines"]:
            self.close_connection = True
            return
        self.send_response(503 if self.server.refuses else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def controller():
    server = HTTPServer(("127.0.0.1", 0), Controller)
    server.told, server.refuses, server.says_nothing = [], False, False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


class Audit:
    def __init__(self):
        self.lines = []
        self.is_away = False

    def audit(self, **line):
        if self.is_away:
            raise OutsideError("store", "the store is away", retry=True)
        self.lines.append(line)

    @property
    def said(self):
        return [(line["action"], line["target"]) for line in self.lines]


def url(controller):
    return f"http://127.0.0.1:{controller.server_port}/sign"


def plates(controller):
    """What the sign was told to show, in order; '' where it was cleared."""
    return [document.get("plate", "") for document, _ in controller.told]


@pytest.fixture
def worker(controller):
    clock, audit, meter = ManualClock(NOW_NS), Audit(), Meter()
    running = SignWorker(SIGN, HttpFace(url(controller), "secret"), audit, clock, meter)
    running.start()
    until(lambda: controller.told)
    yield running, clock, audit, meter
    running.stop()


def test_shown_measured_withdrawn_and_written_down(controller, worker):
    running, clock, audit, meter = worker
    clock.advance_s(2)
    running.show(message_for(SIGN, overload(), clock.now_ns()))
    until(lambda: audit.lines)
    document, authorization = controller.told[1]
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


def test_what_was_left_on_a_sign_is_taken_off_at_the_start(controller, worker):
    assert controller.told[0][0] == {"sign": "s1", "event": "", "lines": []}


def test_a_sign_that_is_away_is_tried_until_the_lorry_is_gone(controller, worker):
    running, clock, audit, meter = worker
    controller.refuses = True
    running.show(message_for(SIGN, overload(), clock.now_ns()))
    until(lambda: len(controller.told) >= 3)
    clock.advance_s(31)
    until(lambda: meter.counts.get(("sign_messages_total", ("result", "late"))))
    assert ("sign_shown", "e1") not in audit.said
    assert ("sign_unanswered", "e1") in audit.said


def test_what_a_sign_took_without_an_answer_is_withdrawn(controller, worker):
    running, clock, _, meter = worker
    controller.says_nothing = True
    running.show(message_for(SIGN, overload(), clock.now_ns()))
    until(lambda: "湘A12345" in plates(controller))
    clock.advance_s(31)
    until(lambda: controller.told[-1][0]["lines"] == [])
    assert meter.counts[("sign_messages_total", ("result", "late"))] == 1


def test_who_comes_one_behind_the_other_is_shown_in_that_order(controller, worker):
    """Told in the wrong order, as lanes do; each is shown for so long at least."""
    running, clock, audit, _ = worker
    first, second, third = (
        overload(f"e{number}", at_ns=NOW_NS + number * NS_PER_S, plate=f"P{number}") for number in (1, 2, 3)
    )
    clock.advance_s(4)
    for event in (second, first, third):
        running.show(message_for(SIGN, event, clock.now_ns()))
    until(lambda: len(audit.lines) == 1)
    shown_first = plates(controller)[1]
    for lines in (3, 5):
        clock.advance_s(3)
        until(lambda wanted=lines: len(audit.lines) == wanted)
    assert shown_first in ("P1", "P2")
    assert sorted(plates(controller)[1:]) == ["P1", "P2", "P3"]
    assert plates(controller)[-1] == "P3"
    clock.advance_s(20)
    until(lambda: len(audit.lines) == 6)
    assert sum(action == "sign_withdrawn" for action, _ in audit.said) == 3


def test_only_so_many_wait(controller, worker):
    running, clock, _, meter = worker
    controller.refuses = True
    for number in range(20):
        running.show(message_for(SIGN, overload(f"e{number}", at_ns=NOW_NS - number), clock.now_ns()))
    assert meter.counts[("sign_messages_total", ("result", "replaced"))] in (3, 4)


def test_the_audit_is_written_when_the_store_comes_back(controller, worker):
    running, clock, audit, meter = worker
    audit.is_away = True
    running.show(message_for(SIGN, overload(), clock.now_ns()))
    until(lambda: meter.observed)
    clock.advance_s(20)
    until(lambda: controller.told[-1][0]["lines"] == [])
    audit.is_away = False
    until(lambda: audit.said == [("sign_shown", "e1"), ("sign_withdrawn", "e1")])


def test_what_is_shown_at_the_end_is_withdrawn(controller):
    audit = Audit()
    running = SignWorker(SIGN, HttpFace(url(controller), None), audit, ManualClock(NOW_NS), Meter())
    running.start()
    running.show(message_for(SIGN, overload(), NOW_NS))
    until(lambda: audit.lines)
    running.stop()
    assert controller.told[-1][0]["lines"] == []


def test_a_wrong_clock_is_counted(tmp_path):
    text = "signs:\n  - {name: s1, station: CS01, direction: 1, url: 'http://127.0.0.1:9/'}\n"
    with Running(tmp_path / "city", text, NOW_NS) as city:
        for hours in (-1, 1):
            event = overload(f"e{hours}", at_ns=NOW_NS + hours * 3_600 * NS_PER_S)
            city.log.commit(0, Commit(ORIGIN if hours < 0 else Position(1, 0), Position(2 + hours, 0), events=[event]))
        city.part._positions = {0: ORIGIN, 1: ORIGIN}
        city.part.follow()
    assert city.meter.counts[("sign_messages_total", ("result", "late"))] == 2


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
        until(lambda: ["湘A12345", "8230 kg OVER"] in [document["lines"] for document in told])
    until(lambda: told[-1]["lines"] == [])
    listener.close()
