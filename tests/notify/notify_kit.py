"""Real receivers on loopback, and a small city whose events come from the fold."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import httpx
import pytest
from benchmarks._city import free_port

from citywatch.adapters.store.outbox import Outbox
from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.notify import NotifyPart
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import parse_instant
from citywatch.domain.labels import Matcher
from citywatch.ports import Position
from citywatch.settings import parse_settings
from citywatch.testing.clocks import ManualClock

S = 1_000_000_000
NOW = parse_instant("2026-03-01T08:00:00Z")
ALERTMANAGER = "apt-get install prometheus-alertmanager"


def until(what, seconds=30.0):
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        threading.Event().wait(0.01)
    raise AssertionError("it did not come in time")


class Hooks:
    """An HTTP server. `answers` are taken one after the other, then 200: a status, (status, headers, body), `hang` or
    `close`. What hangs goes on when the server ends.
    """

    def __init__(self):
        hooks = self
        self.requests, self.answers, self.released = [], [], threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hooks.requests.append((self.path, dict(self.headers), body))
                answer = hooks.answers.pop(0) if hooks.answers else 200
                if answer == "hang":
                    hooks.released.wait(60)
                    answer = "close"
                if answer == "close":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, said = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def documents(self):
        return [json.loads(body) for _, _, body in self.requests]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Mailbox:
    """An SMTP server (RFC 5321 as far as a client asks) that keeps what it is given. `refuse` answers RCPT."""

    def __init__(self):
        box = self
        self.mails, self.refuse = [], ""

        class Session(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                self.say("220 mailbox")
                rcpt = []
                while line := self.rfile.readline(4096):
                    word = line.decode("ascii", "replace").strip()
                    verb = word[:4].upper()
                    if verb == "EHLO":
                        self.say("250-mailbox")
                        self.say("250 AUTH PLAIN LOGIN")
                    elif verb == "AUTH":
                        if word.upper().startswith("AUTH LOGIN"):
                            for _ in range(2 - (len(word.split()) - 2)):
                                self.say("334 VXNlcm5hbWU6")
                                self.rfile.readline(4096)
                        self.say("235 welcome")
                    elif verb == "RCPT" and box.refuse:
                        self.say(box.refuse)
                    elif verb == "RCPT":
                        rcpt.append(word)
                        self.say("250 ok")
                    elif verb == "DATA":
                        self.say("354 go on")
                        lines = []
                        while (one := self.rfile.readline(1 << 16)) not in (b".\r\n", b""):
                            lines.append(one)
                        box.mails.append((rcpt, b"".join(lines)))
                        self.say("250 kept")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Manager:
    """Debian's Alertmanager."""

    def __init__(self, folder):
        program = shutil.which("prometheus-alertmanager")
        if program is None:
            if os.environ.get("CI"):
                pytest.fail(f"prometheus-alertmanager is missing: {ALERTMANAGER}")
            pytest.skip(f"prometheus-alertmanager is missing: {ALERTMANAGER}")
        folder.mkdir()
        (folder / "config.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
        self.url = f"http://127.0.0.1:{free_port()}"
        listen = f"--web.listen-address={self.url.removeprefix('http://')}"
        files = (f"--config.file={folder}/config.yml", f"--storage.path={folder}/data", "--cluster.listen-address=")
        self._process = subprocess.Popen(
            [program, listen, *files], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self):
        until(self._answers)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)

    def alerts(self):
        return httpx.get(f"{self.url}/api/v2/alerts").raise_for_status().json()

    def _answers(self):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/-/ready").is_success
        return False


class Meter:
    def __init__(self):
        self.counts, self.gauges, self.observed = {}, {}, []

    def count(self, name, amount=1, **labels):
        key = (name, *(value for _, value in sorted(labels.items())))
        self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, name, value, **labels):
        self.gauges[(name, *labels.values())] = value

    def observe(self, name, value, **labels):
        self.observed.append((name, value))


class City:
    """A store that the fold writes, and the part `notify` over it, turned by hand."""

    def __init__(self, folder, migrated, text):
        number = next(_NUMBERS)
        self.folder = folder
        self.path = folder / f"city-{number}.db"
        shutil.copyfile(migrated, self.path)
        self.store = SqlStore.open(self.path)
        self.projector = Projector(self.store)
        self.clock = ManualClock(NOW)
        self.meter = Meter()
        self.silences = []
        self._at = 0
        self.part = None
        self.start(text)

    def start(self, text=None):
        """The part anew, as after a restart, with another configuration where there is one."""
        if text is not None:
            self.settings = parse_settings(text, "city.yaml").notifications
        if self.part is not None:
            self.part.close()
        self.part = NotifyPart(
            self.settings,
            lambda path: self.folder / path,
            Outbox(self.store),
            lambda _: [Matcher.of(one) for one in self.silences],
            self.clock,
            self.meter,
        )
        self.part.begin()

    def close(self):
        self.part.close()
        self.store.close()

    def tell(self, *events):
        """Through the projector, as the processor does."""
        for event in events:
            self._at += 1
            self.projector.apply(0, [(Position(self._at, 0), event)])
        while self.part.plan():
            pass

    def after(self, seconds, *receivers):
        """Some seconds later: what is due is planned and, for these receivers, sent."""
        self.clock.advance_s(seconds)
        while self.part.plan():
            pass
        for name in receivers:
            self.part.workers[name].wake()
            self.part.workers[name].turn()

    def deliveries(self, **wanted):
        filters = dict.fromkeys(("receiver", "state", "before"))
        return self.store.deliveries(**{**filters, **wanted}, limit=1000)[::-1]


_NUMBERS = count()


def _event(what, alert, at_ns, **data):
    said = {"alert": alert, **data}
    return Event(f"{what}-{alert}-{at_ns}", what, f"cam-{alert}", at_ns, f"cause-{alert}", said)


def opened(alert, at_ns=NOW, severity="critical", exercise=False, area="north", kind="frozen"):
    labels = {"alert": kind, "severity": severity, "device": f"cam-{alert}", "area": area}
    more = {"labels": labels, "exercise": exercise, "subject": {"fault": kind}}
    return _event(EventKind.ALERT_OPENED, alert, at_ns, kind=kind, severity=severity, **more)


def acknowledged(alert, at_ns=NOW):
    return _event(EventKind.ALERT_ACKNOWLEDGED, alert, at_ns, actor="wang", command="")


def resolved(alert, at_ns=NOW):
    return _event(EventKind.ALERT_RESOLVED, alert, at_ns, reason="cleared")


def escalated(alert, level, at_ns=NOW):
    return _event(EventKind.ALERT_ESCALATED, alert, at_ns, level=level, to="duty")


def incident(alert, children, at_ns=NOW):
    """A switch and its alert: what INCIDENT_OPENED and the desk behind it say."""
    cause = f"cause-{alert}"
    said = [
        {"device": f"cam-{child}", "cause": f"cause-{child}", "fault": "frozen", "first_bad_ns": 1, "last_good_ns": 0}
        for child in children
    ]
    more = {"site": "", "reason": "children_vanished", "below": len(said), "first_bad_ns": 1, "children": said}
    yield Event(f"incident-{alert}", EventKind.INCIDENT_OPENED, f"cam-{alert}", at_ns, cause, more)
    yield opened(alert, at_ns, kind="incident")


def left(alert, child, at_ns=NOW):
    """A child is no longer part of it, and not back."""
    gone = {"device": f"cam-{child}", "cause": f"cause-{child}", "first_good_ns": -1}
    data = {"joined": [], "left": [gone]}
    return Event(f"left-{child}", EventKind.INCIDENT_CHANGED, f"cam-{alert}", at_ns, f"cause-{alert}", data)


def filed(ticket, at_ns=NOW):
    said = {"alert": "a", "fault": "frozen", "reason": "frozen", "first_bad_ns": 1, "team": "crew-2"}
    labels = {"alert": "frozen", "device": f"cam-{ticket}", "area": "north", "contractor": "Hua"}
    return _ticket(EventKind.TICKET_FILED, ticket, at_ns, **said, labels=labels, exercise=False)


def breached(ticket, level, due_ns, at_ns=NOW):
    return _ticket(EventKind.TICKET_BREACHED, ticket, at_ns, clock="repair", due_ns=due_ns, level=level)


def _ticket(what, ticket, at_ns, **data):
    said = {"ticket": ticket, **data}
    return Event(f"{what}-{ticket}-{at_ns}", what, f"cam-{ticket}", at_ns, f"cause-{ticket}", said)
