"""6,534 devices that register with the GB/T 28181 registrar and keep alive: SIPp plays them, half over UDP and half
over TCP with a connection each. Each registers with digest, says four times that it lives, 15 s apart (three may be
missing before that is claimed), answers what it is asked, and then falls silent.

The registrar runs in a process of its own, as in a city, and its claims are counted instead of going into the log.
SIPp shares the machine; the processor time is that of the registrar alone.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks._frame import ROOT, Goal, Row, row

SCENARIO = "registrar"
DEVICES = 6_534
ROUNDS = 4
KEEPALIVE_S = 15
MISSED = 3
RATE = 250  # registrations a second that each of the two SIPp begins
CODE = "34020000002000000001"
SCENARIOS = ROOT / "tests" / "registrar" / "scenarios"
_PASSWORD = "benchmark"
_NO_SIPP = "SIPp is not installed: apt-get install sip-tester"


def run() -> list[Row]:
    if shutil.which("sipp") is None:
        raise RuntimeError(_NO_SIPP)
    with tempfile.TemporaryDirectory(prefix="citywatch-registrar-") as name:
        return _rows(_measure(Path(name), DEVICES))


def _measure(folder: Path, devices: int) -> dict[str, Any]:
    """Start the registrar and both SIPp, wait for them, and hear what the registrar has to say."""
    (folder / "password").write_text(_PASSWORD)
    command = [sys.executable, "-m", "benchmarks.registrar", str(folder), str(devices)]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None  # noqa: PT018
    port = int(child.stdout.readline())
    half = devices // 2
    start = time.perf_counter()
    playing = [
        _sipp(folder, port, "u1", range(half)),
        _sipp(folder, port, "tn", range(half, devices)),
    ]
    codes = [sipp.wait() for sipp in playing]
    wall_s = time.perf_counter() - start
    child.stdin.write("silent\n")
    child.stdin.flush()
    found: dict[str, Any] = json.loads(child.stdout.readline())
    child.wait()
    failed = sum(code != 0 for code in codes)
    return found | {"devices": devices, "failed": failed, "wall_s": wall_s}


def _sipp(folder: Path, port: int, transport: str, numbers: range) -> subprocess.Popen[bytes]:
    rows = folder / f"{transport}.csv"
    codes = [f"3402000000132{number:07d}" for number in numbers]
    lines = [f"{code};[authentication username={code} password={_PASSWORD}]" for code in codes]
    rows.write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")
    words: list[str | Path] = [
        "sipp", f"127.0.0.1:{port}", "-sf", SCENARIOS / "keepalive.xml", "-oocsf", SCENARIOS / "answers.xml",
        "-inf", rows, "-m", str(len(codes)), "-l", str(2 * len(codes)), "-r", str(RATE), "-t", transport,
        "-max_socket", str(len(codes) + 500), "-i", "127.0.0.1", "-s", CODE, "-key", "realm", CODE[:10],
        "-key", "version", "2.0", "-set", "rounds", str(ROUNDS), "-d", str(1000 * KEEPALIVE_S), "-nostdin",
        "-timeout", "300s", "-timeout_error", "-buff_size", "4194304",
    ]  # fmt: skip
    with (folder / f"{transport}.out").open("wb") as out:
        return subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)


def _rows(found: dict[str, Any]) -> list[Row]:
    devices, requests = found["devices"], found["requests"]
    told = f"{devices} devices, half UDP, half TCP; a keepalive every {KEEPALIVE_S} s"
    rate = found["keepalives"] / max(found["wall_s"], 1e-9)
    return [
        row(SCENARIO, "devices registered", float(found["online"]), "devices", goal=Goal(at_least=devices), note=told),
        row(SCENARIO, "SIPp runs that failed a device", float(found["failed"]), "runs", goal=Goal(at_most=0)),
        row(SCENARIO, "keepalives answered", float(found["keepalives"]), "messages",
            goal=Goal(at_least=devices * ROUNDS)),
        row(SCENARIO, "claimed missing while they were not", float(found["false"]), "claims", goal=Goal(at_most=0)),
        row(SCENARIO, "claimed missing when they were", float(found["missing"]), "claims",
            goal=Goal(at_least=devices)),
        row(SCENARIO, "dropped or refused", float(found["dropped"]), "messages", goal=Goal(at_most=0)),
        row(SCENARIO, "all registered within", found["registered_s"], "s", note=f"offered at {2 * RATE} a second"),
        row(SCENARIO, "keepalives a second, mean", rate, "1/s"),
        row(SCENARIO, "processor time a request", 1e6 * found["cpu_s"] / max(requests, 1), "us",
            note="registrations with digest, queries and keepalives together"),
        row(SCENARIO, "processor share of one core", found["cpu_s"] / found["wall_s"], "cores", note=told),
        row(SCENARIO, "peak memory", found["peak_mb"], "MB"),
    ]  # fmt: skip


# the registrar's side


class _Counts:
    """ports.Meter that adds up."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counts[name, *labels.values()] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        pass

    def observe(self, name: str, value: float, **labels: str) -> None:
        pass


async def _serve(folder: Path, devices: int) -> None:
    from citywatch.adapters.gb28181.config import RegistrarConfig
    from citywatch.adapters.gb28181.server import RegistrarServer
    from citywatch.app.clock import SystemClock
    from citywatch.domain.claims import Claim, ClaimBatch
    from citywatch.domain.columns import Batch

    config = RegistrarConfig(
        code=CODE,
        port=0,
        password_file=folder / "password",
        keepalive_seconds=KEEPALIVE_S,
        keepalives_missed=MISSED,
        subscription_seconds=0,
        connections_per_source=devices,
        connections_max=devices + 100,
        requests_per_second=100_000,
        requests_burst=100_000,
    )
    meter, online, offline = _Counts(), set[str](), set[str]()
    times: dict[str, float] = {}

    async def on_rows(rows: Batch) -> None:
        if isinstance(rows, ClaimBatch):
            for device, claim in zip(rows.device, rows.claim, strict=True):
                (online if claim == Claim.ONLINE else offline).add(device)
            if len(online) == devices:
                times.setdefault("registered", time.perf_counter())

    start = 0.0
    async with RegistrarServer(config, folder / "registrar.json", SystemClock(), on_rows, meter) as server:
        ending = asyncio.Event()
        running = asyncio.create_task(server.run(ending))
        print(server.port, flush=True)
        start = time.perf_counter()
        begun = resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.to_thread(sys.stdin.readline)
        used = resource.getrusage(resource.RUSAGE_SELF)
        falsely = len(offline)
        patience_s = time.perf_counter() + 2 * KEEPALIVE_S * MISSED
        while len(offline) < devices and time.perf_counter() < patience_s:
            await asyncio.sleep(0.2)
        ending.set()
        await running
    counts = meter.counts
    found = {
        "online": len(online),
        "false": falsely,
        "missing": len(offline) - falsely,
        "keepalives": counts["registrar_requests_total", "MESSAGE", "200"],
        "requests": sum(n for key, n in counts.items() if key[0] == "registrar_requests_total"),
        "dropped": sum(
            n for key, n in counts.items() if key[0] in ("registrar_dropped_total", "registrar_refused_total")
        ),
        "registered_s": times.get("registered", float("nan")) - start,
        "cpu_s": used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime,
        "peak_mb": used.ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
