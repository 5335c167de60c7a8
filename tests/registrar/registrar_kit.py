"""What the tests of the registrar share: a registrar without sockets, devices that speak to it, and SIPp."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.gb28181.book import Book, Peer
from citywatch.adapters.gb28181.config import Passwords, RegistrarConfig
from citywatch.adapters.gb28181.outbox import Outbox
from citywatch.adapters.gb28181.registrar import Registrar
from citywatch.telemetry import METRICS
from citywatch.testing.clocks import ManualClock
from citywatch.wire.sip import Request, Response, parse_datagram, write_request, write_response

SCENARIOS = Path(__file__).parent / "scenarios"
CODE = "34020000002000000001"
REALM = CODE[:10]
CAMERA = "34020000001320000001"
RECORDER = "34020000001180000001"
CHANNELS = [f"3402000000131000000{n}" for n in range(1, 6)]
PASSWORD = "secret-1"


class CountingMeter:
    """Keeps what was counted, by name and labels, and gauges apart; names and labels must exist."""

    def __init__(self):
        self.counts = {}
        self.gauges = {}

    def count(self, name, amount=1, **labels):
        assert set(METRICS[name].labels) == set(labels)
        key = (name.removeprefix("registrar_").removesuffix("_total"), *labels.values())
        self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, name, value, **labels):
        assert set(METRICS[name].labels) == set(labels)
        self.gauges[name] = value


def settings(tmp_path=None, **options):
    password = Path("/nonexistent")
    if tmp_path is not None:
        password = tmp_path / "password"
        password.write_text(PASSWORD + "\n")
    return RegistrarConfig.model_validate({"code": CODE, "port": 0, "password_file": password} | options)


_CALLS = itertools.count(1)


class Rig:
    """A registrar on a manual clock. What it sends is in `sent`, per peer, until it is taken."""

    def __init__(self, *, saved="", at_s=0, own=None, others=PASSWORD, **options):
        self.config = settings(**{"subscription_seconds": 0} | options)
        self.clock = ManualClock()
        self.clock.advance_s(at_s)
        self.meter = CountingMeter()
        self.book = Book(self.config.devices_max, self.config.channels_max)
        self.outbox = Outbox(self.meter)
        self.passwords = Passwords(
            {code: (code, SecretStr(text)) for code, text in (own or {}).items()}, others and SecretStr(others)
        )
        self.sent = []
        self.reachable = True
        self.start(saved)

    def start(self, saved=""):
        if saved:
            grace_ns = self.config.keepalive_seconds * self.config.keepalives_missed * 10**9
            self.book.take(saved, self.clock.now_ns(), grace_ns)
        self.registrar = Registrar(
            self.config, self.passwords, self.book, self, self.outbox, self.meter, now_ns=self.clock.now_ns()
        )

    def send(self, peer, data):
        if self.reachable:
            self.sent.append((peer, data))
        return self.reachable

    def local(self, peer):
        return "192.0.2.1", 5060

    def hear(self, data, peer):
        self.registrar.on_datagram(data, peer, self.clock.now_ns())

    def take(self):
        """(peer, message) of all that was sent since."""
        taken, self.sent = self.sent, []
        return [(peer, parse_datagram(data)) for peer, data in taken]

    def pass_s(self, seconds, step_s=1.0):
        """Time goes by, and the registrar looks at it."""
        left = seconds
        while left > 0:
            self.clock.advance_s(min(step_s, left))
            left -= step_s
            self.registrar.on_time(self.clock.now_ns())

    def claims(self):
        """(device, claim, reason, detail) said since."""
        told = self.outbox.claims(self.clock.now_ns())
        if told is None:
            return []
        batch, until = told
        self.outbox.told_claims(until)
        return list(zip(batch.device, batch.claim, batch.reason, batch.detail, strict=True))

    def descriptions(self):
        batch = self.outbox.descriptions()
        if batch is None:
            return {}
        self.outbox.told_descriptions(batch)
        return dict(zip(batch.device, batch.args, strict=True))


class Device:
    """One device as seen from the wire."""

    def __init__(self, rig, code=CAMERA, *, password=PASSWORD, host="192.0.2.50", port=5060, version="2.0"):
        self.rig, self.code, self.version = rig, code, version
        self.peer = Peer("udp", host, port)
        self.credentials = Credentials(code, password)
        self.call_id = f"call-{next(_CALLS)}"
        self.cseq = 0
        self.asked = []

    def request(self, method, *, body=b"", extra=(), branch=None, call_id=None, to=None):
        self.cseq += 1
        uri = f"sip:{CODE}@{REALM}"
        headers = [
            ("Via", f"SIP/2.0/UDP {self.peer.host}:{self.peer.port};rport;branch={branch or f'z9hG4bK-{self.cseq}'}"),
            ("From", f"<sip:{self.code}@{REALM}>;tag=1"),
            ("To", f"<sip:{to or (self.code if method == 'REGISTER' else CODE)}@{REALM}>"),
            ("Call-ID", call_id or self.call_id),
            ("CSeq", f"{self.cseq} {method}"),
            ("Contact", f"<sip:{self.code}@{self.peer.host}:{self.peer.port}>"),
            ("Max-Forwards", "70"),
            *([("X-GB-Ver", self.version)] if self.version else []),
            *extra,
        ]
        return write_request(method, uri, headers, body, "Application/MANSCDP+xml")

    def say(self, data):
        """Send, and take the answer; what is asked of us besides is kept in `asked`."""
        self.rig.hear(data, self.peer)
        answer = None
        for peer, message in self.rig.take():
            if isinstance(message, Response) and peer == self.peer:
                answer = message
            elif isinstance(message, Request):
                self.asked.append((peer, message))
        return answer

    def register(self, expires=3600, **options):
        first = self.say(self.request("REGISTER", extra=[("Expires", str(expires))], **options))
        if first is None or first.status != 401:
            return first
        assert self.credentials.accept([v for k, v in first.headers if k == "www-authenticate"])
        proof = self.credentials.header("REGISTER", f"sip:{CODE}@{REALM}")
        extra = [("Expires", str(expires)), ("Authorization", proof)]
        return self.say(self.request("REGISTER", extra=extra, **options))

    def message(self, body, **options):
        return self.say(self.request("MESSAGE", body=body.encode("gb18030"), **options))

    def keepalive(self, status="OK", faulty=()):
        info = "".join(f"<DeviceID>{code}</DeviceID>" for code in faulty)
        return self.message(
            f"<?xml version='1.0' encoding='GB2312'?><Notify><CmdType>Keepalive</CmdType><SN>1</SN>"
            f"<DeviceID>{self.code}</DeviceID><Status>{status}</Status><Info>{info}</Info></Notify>"
        )

    def answer(self, request, status=200, extra=()):
        """Answer a request of the registrar."""
        data = write_response(request, status, to_tag="dev", headers=extra)
        self.rig.hear(data, self.peer)

    def asked_for(self, method, text=""):
        """The requests of a kind that were asked of us since, repeats left out."""
        self.take()
        found = [m for _, m in self.asked if m.method == method and text.encode() in m.body]
        self.asked = [(p, m) for p, m in self.asked if m not in found]
        return list({m.via.branch: m for m in found}.values())

    def take(self):
        for peer, message in self.rig.take():
            if isinstance(message, Request):
                self.asked.append((peer, message))


def catalogue(sn, items, *, total=None, device=RECORDER, root="Response"):
    """A body with entries (code, name, status[, event])."""
    entries = "".join(
        f"<Item><DeviceID>{code}</DeviceID><Name>{name}</Name><ParentID>{device}</ParentID>"
        f"<Status>{status}</Status>{''.join(f'<Event>{e}</Event>' for e in event)}</Item>"
        for code, name, status, *event in items
    )
    return (
        f"<?xml version='1.0' encoding='GB2312'?><{root}><CmdType>Catalog</CmdType><SN>{sn}</SN>"
        f"<DeviceID>{device}</DeviceID><SumNum>{len(items) if total is None else total}</SumNum>"
        f"<DeviceList Num='{len(items)}'>{entries}</DeviceList></{root}>"
    )


def alarm(device, method, kind=None, sn=9):
    info = "" if kind is None else f"<Info><AlarmType>{kind}</AlarmType></Info>"
    return (
        f"<?xml version='1.0'?><Notify><CmdType>Alarm</CmdType><SN>{sn}</SN><DeviceID>{device}</DeviceID>"
        f"<AlarmPriority>1</AlarmPriority><AlarmMethod>{method}</AlarmMethod>"
        f"<AlarmTime>2026-05-04T11:00:00</AlarmTime>{info}</Notify>"
    )


def sn_of(request):
    return int(re.search(rb"<SN>(\d+)</SN>", request.body)[1])


def sipp():
    found = shutil.which("sipp")
    if found is None:
        words = "SIPp is not installed: apt-get install sip-tester"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found


async def run_sipp(scenario, folder, port, codes, *options, password=PASSWORD, transport="u1"):
    """Run a scenario once for each code; (exit code, what it complained of)."""
    program = sipp()
    rows = folder / f"{scenario}-{transport}.csv"
    lines = [f"{code};[authentication username={code} password={password}]" for code in codes]
    rows.write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")
    errors = folder / f"{scenario}-{transport}.errors"
    process = await asyncio.create_subprocess_exec(
        program, f"127.0.0.1:{port}", "-sf", SCENARIOS / f"{scenario}.xml", "-inf", rows, "-m", str(len(codes)),
        "-t", transport, "-i", "127.0.0.1", "-s", CODE, "-key", "realm", REALM, "-key", "version", "2.0", "-nostdin",
        "-max_socket", "1000", "-trace_err", "-error_file", errors, "-timeout", "30s", "-timeout_error",
        *(str(option) for option in options),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )  # fmt: skip
    code = await process.wait()
    return code, errors.read_text()[-2000:] if code and errors.exists() else f"{sys.platform} {code}"
