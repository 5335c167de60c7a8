"""Reports on service levels, worked out by a process of its own: neither the API nor the steps wait for figures.

The process is started by the first question and ends when nobody has asked for a while. One question at a time; a few
wait; who comes then is asked to come again.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from citywatch.app.sla_files import MEDIA_TYPES
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import OutsideError, RecordRefused
from citywatch.ports import Meter, ReportFile, ReportQuestion, Row

if TYPE_CHECKING:
    from citywatch.adapters.store.kept_reports import KeptReports
    from citywatch.app.briefing import Briefing

MOST_WAITING = 4
WAIT_SECONDS = 60.0
ANSWER_SECONDS = 300.0
_LOOK_SECONDS = 0.2
_CLOSE_SECONDS = 5.0
_MINUTE_NS = 60 * NS_PER_S
SIZES_BYTES = 18
"""Before each answer: how long its head and its content are, as two hexadecimal numbers."""


class ReportRoom:
    """ports.ServiceReports. Thread-safe, blocking."""

    def __init__(
        self,
        briefing: Briefing,
        kept: KeptReports,
        meter: Meter,
        *,
        now_ns: Callable[[], int],
        stopped: Callable[[], bool] = lambda: False,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._briefing = briefing
        self._kept = kept
        self._meter = meter
        self._now_ns = now_ns
        self._stopped = stopped
        self._answer_seconds = answer_seconds
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_WAITING + 1)
        self._child: subprocess.Popen[bytes] | None = None

    def contracts(self) -> Sequence[Row]:
        """Those that can be named, by name."""
        head, _ = self._ask({"ask": "contracts"})
        return list(head["contracts"])

    def report(self, question: ReportQuestion, form: str) -> tuple[Row, ReportFile]:
        """A report in one of the formats, and what its headline is."""
        head, content = self._ask({"ask": "report", **self._asked(question), "format": form})
        return head, ReportFile(f"{head['contract']}.{form}", MEDIA_TYPES[form], content)

    def explain(self, question: ReportQuestion, selection: Mapping[str, str], most: int) -> Row:
        """The stretches of time that make a figure, at most so many."""
        asked = {"ask": "explain", **self._asked(question), "selection": dict(selection), "most": most}
        found: Row = json.loads(self._ask(asked)[1])
        return found

    def kept(self) -> Sequence[Row]:
        """The reports that were made by the schedule, newest first."""
        return self._kept.rows()

    def kept_file(self, contract: str, period: str, form: str) -> ReportFile | None:
        """One of them; None for what is not there."""
        content = self._kept.content(contract, period, form)
        if content is None:
            return None
        return ReportFile(f"{contract}-{period}.{form}", MEDIA_TYPES[form], content)

    def close(self) -> None:
        """End the process, whatever it is at."""
        child = self._child
        if child is None:
            return
        child.kill()
        if self._turn.acquire(timeout=_CLOSE_SECONDS):  # who waited for its answer has heard of it by now
            self._end(child)
            self._turn.release()

    def _asked(self, question: ReportQuestion) -> dict[str, Any]:
        # To the minute, so that several formats of one report are of one instant, and worked out once.
        return {"question": asdict(question), "now_ns": self._now_ns() // _MINUTE_NS * _MINUTE_NS}

    def _ask(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        if not self._places.acquire(blocking=False):
            raise _BUSY
        try:
            if not self._turn.acquire(timeout=WAIT_SECONDS):
                raise _BUSY
            try:
                began = time.monotonic()
                head, content = self._answered(json.dumps(asked).encode() + b"\n")
                self._meter.observe("report_seconds", time.monotonic() - began)
            finally:
                self._turn.release()
        finally:
            self._places.release()
        if "refused" in head:
            raise RecordRefused(head["refused"], head["detail"], field=head["field"])
        if "failed" in head:
            raise OutsideError("report_failed", head["detail"], retry=True)
        return head, content

    def _answered(self, line: bytes) -> tuple[dict[str, Any], bytes]:
        """One question and its answer. A process that went to rest at this very moment is started once more."""
        until = time.monotonic() + self._answer_seconds
        for _ in range(2):
            child = self._started()
            try:
                assert child.stdin is not None  # noqa: S101  (it was started with pipes)
                child.stdin.write(line)
                child.stdin.flush()
                sizes = self._bytes(child, SIZES_BYTES, until)
                head, content = (self._bytes(child, int(size, 16), until) for size in sizes.split())
                return json.loads(head), content
            except (BrokenPipeError, _Gone):
                if child.wait() != 0:
                    self._end(child)
                    self._meter.count("report_failures_total", reason="died")
                    raise OutsideError(
                        "report_failed", "the report could not be worked out; ask for a shorter time", retry=True
                    ) from None
                self._end(child)
        raise _BUSY

    def _bytes(self, child: subprocess.Popen[bytes], size: int, until: float) -> bytes:
        parts, left = [], size
        while left:
            parts.append(self._read(child, min(left, 1 << 20), until))
            left -= len(parts[-1])
        return b"".join(parts)

    def _read(self, child: subprocess.Popen[bytes], most: int, until: float) -> bytes:
        assert child.stdout is not None  # noqa: S101
        handle = child.stdout.fileno()
        while not select.select([handle], [], [], _LOOK_SECONDS)[0]:
            if self._stopped() or time.monotonic() > until:
                child.kill()
                self._end(child)
                self._meter.count("report_failures_total", reason="stopped" if self._stopped() else "too_long")
                raise OutsideError("report_failed", "the report took too long; ask for a shorter time", retry=True)
        found = os.read(handle, most)
        if not found:
            raise _Gone
        return found

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        if self._child is not None:
            self._end(self._child)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "citywatch.app.report_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._child.stdin is not None  # noqa: S101
        self._child.stdin.write(self._briefing.to_line().encode() + b"\n")
        return self._child

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        self._child = None


class _Gone(Exception):
    """The process has closed its output."""


_BUSY = OutsideError("busy", "other reports are being worked out; ask again later", retry=True)
