"""The main job, as a newcomer meets it: `citywatch run` from an empty directory, in an installed environment.

Usage: python smoke.py PATH_TO_CITYWATCH. Standard library only. Starts the demonstration city, waits until ready,
reads an alert with the printed token, interrupts it like Ctrl-C, and starts it again: the alert must still be there.
Prints one line a step; exit code 0 when all of it held.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

READY_S = 90.0
ALERT_S = 60.0
STOP_S = 20.0
_TOKEN = re.compile(r"\b[Tt]oken\b[^\n]*?(\S{16,})\s*$", re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str, token: str = "") -> tuple[int, Any]:
    """Status and decoded JSON (None when there is none); status 0 while nobody listens."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            body = answer.read()
            status: int = answer.status
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:
        return 0, None
    return status, json.loads(body) if body[:1] in (b"{", b"[") else None


class Job:
    """One `citywatch run` in a directory, its output in a file."""

    def __init__(self, citywatch: str, directory: Path, number: int) -> None:
        self.port = free_port()
        self.output = directory / f"output-{number}.txt"
        with self.output.open("wb") as sink:
            self.process = subprocess.Popen(
                [citywatch, "run", "--port", str(self.port)],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        self.url = f"http://127.0.0.1:{self.port}"

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait(self, what: str, seconds: float, condition: Callable[[], Any]) -> Any:
        """The first true answer of `condition`, or an end of the whole smoke test."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if self.process.poll() is not None:
                raise self.failure(f"ended by itself with {self.process.returncode} while waiting for {what}")
            answer = condition()
            if answer:
                print(f"{what}: {time.monotonic() - start:.1f} s", flush=True)
                return answer
            time.sleep(0.1)
        raise self.failure(f"no {what} within {seconds:.0f} s")

    def failure(self, why: str) -> SystemExit:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        return SystemExit(f"smoke: {why}\n--- output of citywatch run ---\n{self.text()[-6000:]}")

    def stop(self) -> None:
        """Ctrl-C: the whole foreground group gets the signal; the exit code must be 0 and nothing may stay behind."""
        start = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired as late:
            raise self.failure(f"still running {STOP_S:.0f} s after Ctrl-C") from late
        if code != 0:
            raise self.failure(f"ended with {code} after Ctrl-C")
        if "Traceback" in self.text():
            raise self.failure("printed a traceback")
        print(f"stopped: {time.monotonic() - start:.1f} s", flush=True)


def main() -> None:
    citywatch = str(Path(sys.argv[1]).absolute())
    with tempfile.TemporaryDirectory(prefix="citywatch-smoke-") as name:
        directory = Path(name)
        job = Job(citywatch, directory, 1)
        job.wait("ready", READY_S, lambda: get(f"{job.url}/readyz")[0] == 200)
        token = job.wait("access token printed", 5.0, lambda: _TOKEN.search(job.text())).group(1)
        if get(f"{job.url}/api/v1/alerts")[0] != 401:
            raise job.failure("alerts can be read without a token")
        alerts = job.wait(
            "first alert", ALERT_S, lambda: (get(f"{job.url}/api/v1/alerts", token)[1] or {}).get("items")
        )
        job.stop()

        again = Job(citywatch, directory, 2)
        again.wait("ready a second time", READY_S, lambda: get(f"{again.url}/readyz")[0] == 200)
        status, found = get(f"{again.url}/api/v1/alerts/{alerts[-1]['id']}", token)
        if status != 200 or found["id"] != alerts[-1]["id"]:
            raise again.failure(f"the second start does not know alert {alerts[-1]['id']} any more (status {status})")
        again.stop()
    print("smoke: all of it held")


if __name__ == "__main__":
    main()
