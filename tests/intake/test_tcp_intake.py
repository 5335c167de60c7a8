"""Lines of a controller over TCP: read as they come, acknowledged when on disk, connected again for ever."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from intake_kit import Running, until
from test_mqtt_intake import NOW_NS, record

from citywatch.domain.passes import PassBatch
from citywatch.domain.pulses import PulseBatch


class Controller:
    """A scale's controller that serves one connection at a time."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._server.settimeout(20)

    def accept(self):
        connection, _ = self._server.accept()
        connection.settimeout(20)
        return connection

    def close(self):
        self._server.close()


@pytest.fixture
def controller():
    serving = Controller()
    yield serving
    serving.close()


def settings(controller, **more):
    line = {"name": "gate", "host": "127.0.0.1", "port": controller.port, "retry_seconds": 1, **more}
    scales = [{"station": "CS01", "direction": 1, "lane": lane} for lane in (1, 2)]
    return json.dumps({"intake": {"tcp": [line]}, "scales": scales})


def line(number):
    return json.dumps(record(number)).encode() + b"\r\n"


def test_lines_in_any_pieces_are_taken_and_acknowledged(controller, tmp_path):
    text = settings(controller, acknowledge="OK\n", station="CS01", heartbeat="PING")
    with Running(tmp_path / "city", text, NOW_NS) as city, controller.accept() as connection:
        data = line(1) + b"PING\r\n" + line(2) + b"not JSON\n"
        for at in range(0, len(data), 97):
            connection.sendall(data[at : at + 97])
        answer = b""
        while len(answer) < 12:
            answer += connection.recv(100)
        assert answer == b"OK\n" * 4
        passes = city.rows(PassBatch)
        assert (len(passes), set(passes.observer)) == (2, {"observer:tcp-gate"})
        assert sorted(city.rows(PulseBatch).device) == ["CS01/d1/l1", "CS01/d1/l2"]
        assert [(source, reason) for source, reason, _ in city.letters()] == [("tcp:gate", "not_readable")]


def test_it_connects_again_and_a_line_without_an_end_is_refused(controller, tmp_path):
    with Running(tmp_path / "city", settings(controller), NOW_NS) as city:
        with controller.accept() as connection:
            connection.sendall(line(1) + line(2)[:50])
            until(lambda: len(city.rows(PassBatch)) == 1)
        with controller.accept() as connection:
            connection.sendall(b"x" * 200_000 + b"\n" + line(2))
            until(lambda: len(city.rows(PassBatch)) == 2)
            assert [reason for _, reason, _ in city.letters()] == ["line_too_long"]
            assert city.part.ears[0].is_listening()
        until(lambda: not city.part.ears[0].is_listening())


def test_a_full_log_stops_the_reading(controller, tmp_path):
    with Running(tmp_path / "city", settings(controller), NOW_NS) as city, controller.accept() as connection:
        city.door.full = True
        sent = threading.Event()

        def send():
            # More than the buffers on the way hold.
            connection.sendall(b"".join(line(number) for number in range(60)) + b"\n" * 20_000_000)
            sent.set()

        threading.Thread(target=send, daemon=True).start()
        until(lambda: city.meter.total("appends_refused_total") > 0)
        assert not sent.is_set()
        city.door.full = False
        assert sent.wait(20)
        until(lambda: len(city.rows(PassBatch)) == 60)


def test_a_vendors_lines(controller, tmp_path):
    # record, date, time, axles, groups, gross, speed, length, lane and direction, transverse, two axles
    fields = [
        f"{1:9d}", "31", " 1", "2026", " 8", " 0", f"{0:5d}", " 2", " 2", f"{17000:6d}", " 60", f"{8000:5d}", "1", "1",
        "   0", " 6000", " 4500", "11000", "    0",
    ]  # fmt: skip
    text = settings(controller, format="mon", station="CS01", time_zone="Asia/Shanghai")
    with Running(tmp_path / "city", text, NOW_NS) as city, controller.accept() as connection:
        connection.sendall("".join(fields).encode() + b"\n" + b"short\n")
        passes = until(lambda: city.rows(PassBatch) if len(city.rows(PassBatch)) else None)
        assert (passes.gross_kg.tolist(), passes.received_ns.tolist()) == ([17000], [NOW_NS])
        until(lambda: [(source, reason) for source, reason, _ in city.letters()] == [("tcp:gate", "truncated")])
