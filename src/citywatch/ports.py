"""The seams: what the inner rooms need of the outside, as Protocols. Adapters fulfil them; app.py joins them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from citywatch.domain.cameras import Described
from citywatch.domain.columns import Batch
from citywatch.domain.events import Event, EventKind


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in one stream: the entry last read. ORIGIN is before the first."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        ms, _, seq = text.partition("-")
        return cls(int(ms), int(seq))


ORIGIN = Position(0, 0)

INCIDENTS = -1
"""The number under which the events of the incident stage are read and trimmed, beside those of the partitions."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a `readings` stream: a blob and where it stands."""

    position: Position
    blob: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """What one step hands back to the log, all or nothing.

    `changed` maps state keys to their new bytes; None removes the key. `events` are appended in order. `onward` is what
    the partition hands on to the incident stage, as one blob; empty for nothing.
    """

    expected: Position
    new: Position
    changed: Mapping[str, bytes | None] = field(default_factory=dict)
    events: Sequence[Event] = ()
    onward: bytes = b""


@dataclass(frozen=True, slots=True)
class JointCommit:
    """What the incident stage hands back, all or nothing: how far it has read every partition's `onward`.

    `expected` and `new` name every partition; `new` is nowhere behind `expected`, and somewhere ahead.
    """

    expected: Mapping[int, Position]
    new: Mapping[int, Position]
    changed: Mapping[str, bytes | None] = field(default_factory=dict)
    events: Sequence[Event] = ()


class Log(Protocol):
    """The log: streams `readings:{p}`, `events:{p}` and `onward:{p}`, step state and positions. Blocking calls.

    The incident stage has a state and a stream of events of its own, and one position in each `onward:{p}`.
    """

    partitions: int

    def epoch(self) -> str:
        """The identity of this log, made when it was first opened; a restored or foreign log has another."""
        ...

    def append(self, partition: int, batch: Batch, *, producer: str, epoch: int, sequence: int) -> bool:
        """Append one blob; it is on disk when this returns. False when `sequence` was already taken (a repeat).

        Raises Fenced when a newer `epoch` of the producer is known, LogFull, LogUnavailable.
        """
        ...

    def append_many(self, rows: Mapping[int, tuple[int, Batch]], *, producer: str, epoch: int) -> Mapping[int, bool]:
        """One batch each to several partitions, {partition: (sequence, batch)}, as one call; answers as `append`.

        When some are refused the others were taken all the same: repeat the call with the same sequences.
        """
        ...

    def append_once(self, rows: Mapping[int, Batch], *, word: str, content: str) -> Mapping[int, bool]:
        """One batch each to several partitions under a word: False for partitions that have them already.

        Raises RepeatedWord when other `content` stood under the word, LogFull, LogUnavailable: repeat the call.
        """
        ...

    def open_producer(self, producer: str) -> int:
        """A new epoch for a producer name: older ones are fenced from now on. Its sequences begin at 1."""
        ...

    def read(self, positions: Mapping[int, Position], *, most: int, block_ms: int) -> Mapping[int, Sequence[Entry]]:
        """Entries of `readings:{p}` behind each position, at most `most` a partition; waits up to `block_ms`."""
        ...

    def read_events(
        self, positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, Sequence[tuple[Position, Event]]]:
        """Events of `events:{p}` behind each position; INCIDENTS stands for those of the incident stage."""
        ...

    def read_events_of(
        self, kinds: Collection[EventKind], positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, tuple[Position, Sequence[Event]]]:
        """Like read_events, for whom few kinds concern: how far each partition was read, and events of these kinds."""
        ...

    def load(self, partition: int) -> tuple[Position, Mapping[str, bytes]]:
        """The committed position and state of a partition."""
        ...

    def state_row(self, partition: int, key: str) -> bytes | None:
        """One row of a partition's committed state, `room/name`; None when there is none."""
        ...

    def commit(self, partition: int, commit: Commit) -> None:
        """Position, state and outputs in one fenced step; on disk when this returns. Raises Fenced."""
        ...

    def read_onward(
        self, positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, Sequence[Entry]]:
        """Entries of `onward:{p}` behind each position."""
        ...

    def load_incidents(self) -> tuple[Mapping[int, Position], Mapping[str, bytes]]:
        """The committed positions of the incident stage, of every partition, and its state."""
        ...

    def incident_positions(self) -> Mapping[int, Position]:
        """The committed positions of the incident stage alone."""
        ...

    def commit_incidents(self, commit: JointCommit) -> None:
        """Positions, state and outputs of the incident stage in one fenced step. Raises Fenced, LogFull."""
        ...

    def trim(
        self, partition: int, *, readings_below: Position, events_below: Position, onward_below: Position = ORIGIN
    ) -> int:
        """Forget entries at or below the positions; of the readings never above the committed one. Returns how many.

        Of INCIDENTS there are events alone. `onward_below` is nowhere above the incident stage's own position.
        """
        ...

    def close(self) -> None: ...


class Door(Protocol):
    """The way into the log for sources: rows are spread over their partitions; on disk when this returns."""

    def append(self, batch: Batch) -> None:
        """Blocking. Raises LogFull (ask again later) or LogUnavailable; then nothing may be taken as accepted."""
        ...

    def broadcast(self, batch: Batch) -> None:
        """The same rows to every partition; answers as `append`."""
        ...

    def append_once(self, batch: Batch, *, word: str, content: str) -> bool:
        """As append, but rows that were appended under this word before are not appended again: then False.

        RepeatedWord when other `content` stood under it.
        """
        ...


class Wakeup(Protocol):
    """A hint that projections moved; losing one costs latency, never truth."""

    async def wait(self, timeout_s: float) -> None:
        """Return when something may have changed, at the latest after `timeout_s`."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed Parquet file: rows of one kind, one UTC day and one partition. `path` is relative to the data dir."""

    path: str
    kind: str
    partition: int
    day: str
    rows: int
    size_bytes: int
    first: Position
    last: Position
    from_ns: int
    to_ns: int
    seal: int = 0


class SegmentIndex(Protocol):
    """The index of segments in SQL. A file that is not in it does not exist (and is swept at the start)."""

    def archived(self) -> Mapping[int, Position]:
        """Per partition, the last position whose rows are all in recorded segments."""
        ...

    def record_segments(self, segments: Sequence[Segment], archived: Mapping[int, Position]) -> int:
        """One transaction: the segments under a new seal number (1, 2, ...) and the positions. Returns the number."""
        ...

    def segments(
        self, *, kind: str | None = None, from_ns: int | None = None, to_ns: int | None = None
    ) -> Sequence[Segment]:
        """By (seal, kind, day, partition); only those that may hold rows in [from_ns, to_ns)."""
        ...


class Clock(Protocol):
    """Wall time. Only sources, doors and the clock writer hold one."""

    def now_ns(self) -> int: ...


class Objects(Protocol):
    """Content-addressed bytes."""

    def put(self, content: bytes) -> str:
        """Keep the bytes; returns their hash (hexadecimal BLAKE2b-256)."""
        ...

    def get(self, name: str) -> bytes | None: ...

    def pin(self, name: str) -> bool:
        """Keep these bytes as evidence, outside the quota of the unpinned. False when they are gone."""
        ...

    def release(self, name: str) -> bool:
        """Take back a pin. False when the object is not pinned."""
        ...


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as we keep it: JPEG without anything but pixels; its size in pixels."""

    content: bytes
    width: int
    height: int


class Photos(Protocol):
    """Pictures from outside, made ours. Blocking."""

    def recoded(self, content: bytes, most_side: int) -> Photo:
        """Decoded within limits, made small and written anew. RecordRefused with its reason, OutsideError `busy`."""
        ...


class Meter(Protocol):
    """Counters and gauges with bounded labels; see telemetry.METRICS for the names."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """What a report on service levels shall be about: a contract by its name, from when to when.

    Instants are RFC 3339, or days and times of the contract's zone; `as_known_at` is '' for as known now. `source` is
    `all`, or only what was `import`ed, or only what the `city` has seen.
    """

    contract: str
    begin: str
    end: str
    as_known_at: str = ""
    source: str = "all"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report as people or machines take it away: a name for it, its type on the web, the bytes."""

    name: str
    media_type: str
    content: bytes


class ServiceReports(Protocol):
    """Figures of contracts. Blocking; a report of a large fleet takes seconds, which are not the caller's own.

    RecordRefused for a question that is wrong (`field` is `contract`, `from`, `to`, `as_known_at` or ''); OutsideError
    `busy` when too many others wait, `report_failed` when the report did not come about.
    """

    def contracts(self) -> Sequence[Row]:
        """The contracts that can be named, by name."""
        ...

    def report(self, question: ReportQuestion, form: str) -> tuple[Row, ReportFile]:
        """The headline (worst, best, verdict), and the file: json, html, pdf, csv or parquet."""
        ...

    def explain(self, question: ReportQuestion, selection: Mapping[str, str], most: int) -> Row:
        """The stretches of time that make one figure, at most so many, with their sums."""
        ...

    def kept(self) -> Sequence[Row]:
        """The reports that were made by the schedule, newest first."""
        ...

    def kept_file(self, contract: str, period: str, form: str) -> ReportFile | None:
        """One of them; None for what is not there."""
        ...


class CameraForms(Protocol):
    """From what people write about cameras to descriptions that may travel: checked, and what is secret sealed."""

    def described(self, camera: str, fields: Mapping[str, Any], known: Row | None) -> Described:
        """One camera. `known` is its row in the store: addresses given back as they are shown keep their secrets.

        DescriptionRefused names every field that is wrong, and repeats none of its values.
        """
        ...

    def table(self, content: bytes, known: Mapping[str, Row]) -> Sequence[Described]:
        """A table of cameras (CSV), checked as a whole. `known` are the store's rows by camera: addresses given back as
        they are shown keep their secrets. DescriptionRefused names every mistake with line and column.
        """
        ...


class PatrolView(Protocol):
    """What the patrol says of itself: fresh or not there, never on disk. Blocking."""

    def report(self) -> Row | None:
        """The freshness report; None when no patrol has spoken for some seconds."""
        ...

    def looks(self, cameras: Sequence[str]) -> Mapping[str, Row]:
        """The last look at each of these cameras, as far as it is known: at_ns, outcome, reason, picture."""
        ...


class Store(Protocol):
    """What people work on: reading for the API, and the few writes that are not projections. Blocking calls.

    Rows are plain mappings whose keys are the columns of adapters/store/schema.py. Every write that matters
    to others (alerts, tickets, device states) comes from the event log through the projector instead.
    """

    def devices(self, *, kind: str | None, after: str, limit: int) -> Sequence[Row]: ...

    def device(self, device: str) -> Row | None: ...

    def cameras(
        self,
        *,
        state: str | None = None,
        fault: str | None = None,
        site: str | None = None,
        camera_class: str | None = None,
        kind: str | None = None,
        text: str | None = None,
        removed: bool = False,
        after: str = "",
        limit: int | None = None,
    ) -> Sequence[Row]:
        """What is watched, by id, with state and faults of its device; `removed` takes in what no longer is."""
        ...

    def camera(self, camera: str) -> Row | None:
        """One that is watched."""
        ...

    def alerts(
        self,
        *,
        state: str | None,
        device: str | None,
        kind: str | None,
        severity: str | None,
        before: tuple[int, str] | None,
        limit: int,
        labels: Mapping[str, str] | None = None,
    ) -> Sequence[Row]:
        """Newest first by (opened_at_ns, id); `before` is the cursor. `labels`: only those that have all of these."""
        ...

    def alert(self, alert: str) -> Row | None: ...

    def alert_changes(self, *, after: int, limit: int) -> Sequence[Row]:
        """The live stream: changes with seq > after, oldest first."""
        ...

    def last_alert_change(self) -> int: ...

    def first_alert_change(self) -> int:
        """The oldest change that is kept, 0 when there is none: who resumes below it has missed something."""
        ...

    def silences(
        self,
        *,
        active_at_ns: int | None = None,
        before: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Newest first by (set_at_ns, id); `active_at_ns`: only those that keep quiet at that instant."""
        ...

    def silence(self, silence: str) -> Row | None: ...

    def windows(
        self,
        *,
        active_at_ns: int | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        before: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Maintenance windows, newest first by (set_at_ns, id); their times: sla/windows.py."""
        ...

    def window(self, window: str) -> Row | None: ...

    def tickets(
        self,
        *,
        state: str | None,
        device: str | None,
        before: tuple[int, str] | None,
        limit: int,
        team: str | None = None,
        contractor: str | None = None,
        overdue_at_ns: int | None = None,
        due_before_ns: int | None = None,
        is_open: bool = False,
    ) -> Sequence[Row]:
        """Newest first by (filed_at_ns, id). `overdue_at_ns`: a clock that somebody waits for was out by then;
        `due_before_ns`: one will be out before then."""
        ...

    def merged_tickets(self, into: str, *, limit: int) -> Sequence[Row]:
        """Tickets that this one stands for, oldest first."""
        ...

    def ticket_counts(self, from_ns: int, to_ns: int) -> Sequence[Row]:
        """How many tickets were filed in [from_ns, to_ns), by contractor, team, state, resolution, outcome and how
        their clocks stand; exercises are left out."""
        ...

    def ticket(self, ticket: str) -> Row | None: ...

    def ticket_steps(self, ticket: str) -> Sequence[Row]: ...

    def corrections(self, *, state: str | None, device: str | None, limit: int) -> Sequence[Row]:
        """Corrections of scales, newest first by (proposed_at_ns, id)."""
        ...

    def correction(self, correction: str) -> Row | None: ...

    def pass_counts(
        self, first_day: str, last_day: str, road: str | None, by: Sequence[str], limit: int
    ) -> Sequence[Row]:
        """Counts of passes from one local day to another, both included, added up for each of `by` (of road, day, kind;
        the names that rows are ordered by), at most `limit` rows. By nothing: one row."""
        ...

    def incidents(
        self, *, state: str | None, root: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[Row]:
        """Newest first by (opened_at_ns, id), each with the counts `joined` and `away`."""
        ...

    def incident(self, incident: str) -> Row | None: ...

    def incident_children(self, incident: str, *, limit: int) -> Sequence[Row]:
        """Faults that joined an incident, in that order."""
        ...

    def incidents_of(self, causes: Sequence[str]) -> Mapping[str, str]:
        """The incident that each of these faults is part of at present, by cause."""
        ...

    def inhibited(self, devices: Sequence[str], from_ns: int, to_ns: int) -> Sequence[Row]:
        """Times in which devices were away because of their parents."""
        ...

    def verdict(self, command: str) -> Row | None:
        """The projected verdict of a command: accepted or refused, with its reason; None while under way."""
        ...

    def verdicts(self, commands: Sequence[str]) -> Mapping[str, Row]:
        """The verdicts there are of these commands, by command."""
        ...

    def device_states(self, devices: Sequence[str], from_ns: int, to_ns: int) -> Sequence[Row]:
        """State changes that matter inside the window, by (device, seq), each device's last one before it included."""
        ...

    def sources(self, device: str) -> Sequence[Row]:
        """What each source claims of a device, by (source, aspect, detail)."""
        ...

    def disagreements(self, *, device: str | None, lasting: bool, limit: int) -> Sequence[Row]:
        """Where sources and looks did not fit, newest first; `lasting` leaves out those that have ended."""
        ...

    def camera_references(self, camera: str | None = None) -> Sequence[Row]:
        """What pictures are compared with, by (camera, light, preset): of one camera, or of all."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Open alerts, open tickets, devices by state: for the overview."""
        ...

    def token(self, digest: str) -> Row | None: ...

    def add_token(self, *, name: str, role: str, digest: str, at_ns: int, team: str = "") -> None: ...

    def revoke_token(self, name: str) -> bool: ...

    def tokens(self) -> Sequence[Row]: ...

    def device_access(self, device: str) -> Row | None:
        """How to get to a device; None where nobody has written anything."""
        ...

    def ticket_photos(self, ticket: str) -> Sequence[Row]:
        """Photos of a ticket, in the order in which they were taken in."""
        ...

    def shift_log(self, *, before: tuple[int, str] | None, limit: int) -> Sequence[Row]:
        """Newest first by (at_ns, id)."""
        ...

    def shift_entry(self, entry: str) -> Row | None: ...

    def exercises(self, *, lasting: bool, before: tuple[int, str] | None, limit: int) -> Sequence[Row]:
        """Newest first by (started_at_ns, id); `lasting` leaves out those that are over."""
        ...

    def exercise(self, exercise: str) -> Row | None: ...

    def drill(self, drill: str) -> Sequence[Row]:
        """The exercises of a drill, by device."""
        ...

    def findings(
        self,
        *,
        wanted: Mapping[str, str | Sequence[str] | None],
        label: tuple[str, Sequence[str]] | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        before: tuple[int, str] | None = None,
        limit: int,
    ) -> Sequence[Row]:
        """Newest first by (raised_at_ns, id), each with its `alert` and `ticket` (None: it has none). `wanted` names
        columns: one value, or any of several; `label` one of the source's own labels with the values it may have.
        """
        ...

    def finding(self, finding: str) -> Row | None:
        """One finding with its `alert` and `ticket`."""
        ...

    def tickets_of(self, tickets: Sequence[str]) -> Mapping[str, Row]:
        """The rows of these tickets, by id."""
        ...

    def known_devices(self, devices: Collection[str]) -> Collection[str]:
        """Those of these ids that are known."""
        ...

    def keep_reporter(self, key: str, at_ns: int, told: Mapping[str, str]) -> None:
        """Who reports the finding of this key: personal data, kept here alone, and not for long."""
        ...

    def forget_reporter(self, key: str) -> None: ...

    def reporter(self, key: str) -> Row | None: ...

    def deliveries(
        self,
        *,
        receiver: str | None,
        state: str | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[Row]:
        """What was to be told, newest first by (planned_at_ns, id); `before` is the cursor."""
        ...

    def delivery(self, delivery: str) -> Row | None: ...

    def delivery_attempts(self, delivery: str) -> Sequence[Row]:
        """Oldest first."""
        ...

    def retry_delivery(self, delivery: str, at_ns: int) -> bool:
        """Have it tried once more. False for one that was delivered, or kept quiet on purpose."""
        ...

    def audit(self, *, at_ns: int, actor: str, action: str, target: str) -> None:
        """One line of who looked at or asked for what; on disk when this returns."""
        ...

    def dead_letter(self, *, at_ns: int, source: str, reason: str, message: str, content: bytes) -> None:
        """Keep what was refused; the oldest of the same source give way when its quota is full (counted)."""
        ...

    def dead_letters(self, *, source: str | None, after: int, limit: int) -> Sequence[Row]: ...

    def forget_dead_letter(self, number: int) -> None: ...


class Passes(Protocol):
    """Measured passes on disk."""

    def passes(self, *, device: str | None, from_ns: int, to_ns: int, limit: int) -> Iterable[Row]:
        """Newest first; each repeated record once."""
        ...
