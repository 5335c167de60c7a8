"""`citywatch run` as somebody outside starts, asks and stops it. Standard library only: .ci/smoke.py uses it too."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

STOP_S = 20.0
_LOOK_S = 0.02
_TOKEN = re.compile(r"\bcw_[A-Za-z0-9_-]{20,}")


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class City:
    """One `citywatch run`, its output in a file. `started` is perf_counter's second of the spawn."""

    def __init__(
        self,
        citywatch: Sequence[str],
        directory: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = directory / f"output-{self.port}.txt"
        self.started = time.perf_counter()
        with self.output.open("wb") as sink:
            self.process = subprocess.Popen(
                [*citywatch, "run", "--port", str(self.port), *arguments],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def text(self) -> str:
        """What it has said so far."""
        return self.output.read_text(errors="replace")

    def get(self, path: str, token: str = "") -> tuple[int, Any]:
        """Status and decoded JSON (None when there is none); status 0 while nobody listens."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=5) as answer:
                body = answer.read()
                status: int = answer.status
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None
        return status, json.loads(body) if body[:1] in (b"{", b"[") else None

    def wait(self, what: str, seconds: float, condition: Callable[[], Any]) -> Any:
        """The first true answer of `condition`; SystemExit with the output when none comes in time."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if self.process.poll() is not None:
                raise self.failure(f"ended by itself with {self.process.returncode} while waiting for {what}")
            answer = condition()
            if answer:
                return answer
            time.sleep(_LOOK_S)
        raise self.failure(f"no {what} within {seconds:.0f} s")

    def until_ready(self, seconds: float) -> float:
        """Wait for /readyz; seconds from the spawn to the first answer of 200."""
        self.wait("readiness", seconds, lambda: self.get("/readyz")[0] == 200)
        return time.perf_counter() - self.started

    def token(self) -> str:
        """The access token that a first start prints."""
        found: re.Match[str] = self.wait("printed access token", 30.0, lambda: _TOKEN.search(self.text()))
        return found[0]

    def failure(self, why: str) -> SystemExit:
        """Kill everything that was started here; an error to raise, with what it said last."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return SystemExit(f"citywatch run: {why}\n--- its output ---\n{self.text()[-6000:]}")

    def stop(self) -> float:
        """Ctrl-C: the whole foreground group gets the signal. Seconds until it has ended, with exit code 0."""
        start = time.perf_counter()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired as late:
            raise self.failure(f"still running {STOP_S:.0f} s after Ctrl-C") from late
        if code != 0:
            raise self.failure(f"ended with {code} after Ctrl-C")
        if "Traceback" in self.text():
            raise self.failure("printed a traceback")
        return time.perf_counter() - start
