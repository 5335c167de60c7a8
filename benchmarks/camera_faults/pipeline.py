"""One camera on the product's own road: coded bytes -> decode, measure, compare -> row -> step -> events.

Nothing here decides anything. A visit is `Examiner.visit` (what a decoder process runs), its report becomes a
FrameBatch row as in the patrol, the row passes through the log's own blob form, and `CityStep` (with the default
settings) makes events of it. What the patrol learns from events goes the same way: references are handed to the next
visit, suspicions bring it forward by the patrol's own Scheduler. What is left out: sockets and processes; the part
over RTSP (live.py) has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from citywatch.adapters.cameras.config import STANDARD, PatrolTerms
from citywatch.adapters.cameras.examiner import Examiner
from citywatch.adapters.cameras.pipe import Report, Settings, Task
from citywatch.adapters.cameras.schedule import Found, Place, Scheduler
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.app.steps import city_step
from citywatch.domain.columns import TEXT
from citywatch.domain.events import Event, EventKind
from citywatch.domain.pictures import NO_OFFSET, Fault, FrameBatch, Outcome
from citywatch.domain.pulses import TickBatch
from citywatch.domain.state import State
from citywatch.flow.step import CityStep
from citywatch.rules import references
from citywatch.rules.cameras import ROOM, USUAL
from citywatch.rules.comparison import Trace
from citywatch.rules.pictures import looks
from citywatch.rules.references import View
from citywatch.settings import Settings as CitySettings
from citywatch.wire import blobs

EVERY_S = 300.0
"""A visit every five minutes, as the issue counts them."""
EPOCH_NS = 1_777_852_800_000_000_000
"""4 May 2026, 00:00 UTC: what the generated streets' clocks show at 0 s."""
_NS = 1_000_000_000
_OBJECT_QUOTA = 64 << 20
_MOST_PIXELS = 3840 * 2160


class Bench:
    """What all cameras of one process share: the examiner, its objects, the step."""

    def __init__(self, directory: Path, step: CityStep | None = None) -> None:
        settings = Settings(
            objects_dir=str(directory),
            unpinned_quota_bytes=_OBJECT_QUOTA,
            pinned_quota_bytes=_OBJECT_QUOTA,
            data_limit_bytes=1 << 30,
            most_pixels=_MOST_PIXELS,
            search_seconds=10.0,
            niceness=0,
            parent=0,
        )
        self.examiner = Examiner(settings)
        self.objects = DirectoryObjects(directory, _OBJECT_QUOTA, _OBJECT_QUOTA, _NoMeter())
        self.step = step or city_step(CitySettings())


class _NoMeter:
    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...
    def gauge(self, name: str, value: float, **labels: str) -> None: ...
    def observe(self, name: str, value: float, **labels: str) -> None: ...


@dataclass(slots=True)
class _Memory:
    """What the patrol remembers of a camera."""

    visits: int = 0
    picture: str = ""
    picture_ns: int = -1
    references: dict[str, str] = field(default_factory=dict)


class Patrolled:
    """One camera under patrol. Instants are seconds since EPOCH_NS."""

    def __init__(self, bench: Bench, device: str, begin_s: float = 0.0, every_s: float = EVERY_S) -> None:
        self._bench, self.device, self._every_s = bench, device, every_s
        self._state, self._memory = State(), _Memory()
        self._clock_s = begin_s
        self._schedule = self._new_schedule(begin_s)
        self._suspected: dict[str, float] = {}
        """What it is suspected of -> how soon to look again, seconds; a fork's patrol is told at its first visit."""
        self.row: FrameBatch | None = None
        """The last visit's row."""
        self.before: tuple[Any, Any, Trace, View | None] = (None, None, Trace(), None)
        """Before that visit, as the rules keep them: the chain of pictures, what was usual, the trace of the look
        before, and the reference that it was compared with.
        """

    def last_good_s(self, fault: Fault) -> float:
        """When a look last found this fault absent; minus infinity when none did."""
        row = self._state.get(ROOM, self.device)
        at_ns = -1 if row is None else row["good"].get(fault.value, -1)
        return (at_ns - EPOCH_NS) / _NS if at_ns >= 0 else -math.inf

    @property
    def knows_clock(self) -> bool:
        """Whether the last visit learned what the stream's wall clock says."""
        return self.row is not None and int(self.row.stream_offset_ns[0]) != NO_OFFSET

    def _new_schedule(self, now_s: float) -> Scheduler:
        schedule = Scheduler(PatrolTerms())
        schedule.put(self.device, Place("standard", STANDARD.freshness_seconds, self._every_s), now_s)
        return schedule

    def fork(self, at_s: float) -> Patrolled:
        """Another future of this camera, from `at_s` on: what it knows is copied, what it is suspected of among it; its
        next visit is due at once, and the ones after it are EVERY_S apart.
        """
        other = Patrolled(self._bench, self.device, at_s)
        other._suspected = dict(self._suspected)
        other._state = State.load(self._state.snapshot())
        other._memory = replace(self._memory, references=dict(self._memory.references))
        return other

    def turns(self, until_s: float) -> Iterator[float]:
        """When the patrol visits it: each instant is to be answered by `visit` before the next is asked for."""
        while True:
            due = self._schedule.wake_s(self._clock_s)
            if due is None or due >= until_s:
                return
            self._clock_s = due
            turn = self._schedule.next(due)
            if turn is None:
                # A limit, or an entry that is no longer valid: a little later.
                self._clock_s += 0.05
                continue
            for fault, again_s in self._suspected.items():
                self._schedule.suspect(self.device, fault, due, again_s)
            yield due
            found = self._found()
            self._schedule.done(turn, found, due + 0.05)
            self._clock_s = due + 0.05

    def _found(self) -> Found:
        outcome = Outcome(int(self.row.outcome[0])) if self.row is not None else Outcome.UNCHECKED
        if outcome is Outcome.UNCHECKED:
            return Found.UNKNOWN
        return Found.ANSWERED if outcome is Outcome.PICTURE else Found.FAILED

    def visit(self, at_s: float, codec: str, content: bytes, *, stream: Mapping[str, Any] | None = None) -> list[Event]:
        """Look at a coded key frame (codec as decode names it; "mjpeg" is a JPEG). All events that came of it."""
        task = self.task("still" if codec == "mjpeg" else codec)
        report = self._bench.examiner.visit(task, content)
        return self.tell(at_s, report, len(content), stream or {})

    def task(self, media: str) -> Task:
        """What a decoder process is told of the next visit."""
        return Task(media=media, previous=self._memory.picture, references=dict(self._memory.references))

    def tell(self, at_s: float, report: Report, coded_bytes: int, stream: Mapping[str, Any]) -> list[Event]:
        """A visit's report as a row, and the row through the step."""
        at_ns = EPOCH_NS + round(at_s * _NS)
        self._memory.visits += 1
        values: dict[str, Any] = {
            **{column.name: _missing(column.dtype, column.missing, column.since) for column in FrameBatch.COLUMNS},
            "coded_bytes": coded_bytes,
            **(report.measurement or {}),
            **stream,
            "device": self.device,
            "at_ns": at_ns,
            "received_ns": at_ns,
            "visit": self._memory.visits,
            "outcome": report.outcome,
            "reason": report.reason,
            "media_ns": -1,
            "picture": report.picture,
            "previous": report.previous,
            "previous_at_ns": self._memory.picture_ns if report.previous else -1,
            "cpu_us": report.cpu_us,
        }
        if report.outcome == Outcome.PICTURE:
            self._memory.picture, self._memory.picture_ns = report.picture, at_ns
        columns: dict[str, Any] = {
            column.name: (str(values[column.name]),)
            if column.dtype == TEXT
            else np.array([values[column.name]], column.dtype)
            for column in FrameBatch.COLUMNS
        }
        batch = blobs.decode(blobs.encode(FrameBatch.of(**columns)))
        if not isinstance(batch, FrameBatch):
            raise AssertionError(f"a blob of visits came back as {batch.KIND}")
        self.row = batch
        known = self._state.get(ROOM, self.device)
        trace = Trace() if known is None or known["trace"] is None else Trace(**known["trace"])
        view = references.view(self._state, next(iter(looks(batch))))
        self.before = (None if known is None else known["history"], self._state.get(USUAL, self.device), trace, view)
        tick = TickBatch(device=("clock",), at_ns=np.array([at_ns], np.int64))
        events = self._take(tick, at_s) + self._take(batch, at_s)
        self._state.changes()
        return events

    def _take(self, batch: FrameBatch | TickBatch, at_s: float) -> list[Event]:
        self._state, events = self._bench.step.step(self._state, batch)
        for event in events:
            self._learn(event, at_s)
        return events

    def _learn(self, event: Event, at_s: float) -> None:
        """What the patrol takes from an event, and the projector: a reference's picture is pinned."""
        match event.kind:
            case EventKind.REFERENCE_ADOPTED:
                self._memory.references[str(event.data["light"])] = str(event.data["picture"])
                self._bench.objects.pin(str(event.data["picture"]))
            case EventKind.REFERENCE_DROPPED:
                self._memory.references.pop(str(event.data["light"]), None)
            case EventKind.SUSPICION_RAISED:
                self._suspected[str(event.data["fault"])] = float(event.data["again_seconds"])
                self._schedule.suspect(self.device, str(event.data["fault"]), at_s, float(event.data["again_seconds"]))
            case EventKind.SUSPICION_DROPPED | EventKind.FAULT_CONFIRMED | EventKind.FAULT_CLEARED:
                self._suspected.pop(str(event.data["fault"]), None)
                self._schedule.settle(self.device, str(event.data["fault"]))
            case _:
                pass


def _missing(dtype: str, missing: Any, since: int) -> Any:
    if since > 1:
        return missing
    if dtype == TEXT:
        return ""
    return math.nan if dtype.startswith("float") else 0


def faults_in(events: list[Event]) -> list[str]:
    """Faults that were confirmed, in order."""
    return [str(event.data["fault"]) for event in events if event.kind is EventKind.FAULT_CONFIRMED]


def columns_of(batch: FrameBatch) -> dict[str, float]:
    """The figures of a one-row batch, by column."""
    return {
        column.name: float(getattr(batch, column.name)[0])
        for column in FrameBatch.COLUMNS
        if column.dtype != TEXT and column.name not in ("at_ns", "received_ns", "previous_at_ns")
    }
