"""The store: what people work on, in SQLite or PostgreSQL. Fulfils ports.Store and ports.SegmentIndex.

Alerts, tickets, device states and events are written by the projector alone (project.py), tokens, audit, dead letters
and segments here. Every method is one transaction, and usable from any thread. Errors: OutsideError (`disk_full`,
`disk_error`, `locked`, `unavailable`, `overloaded`) when asking again can help, DataDirError when it cannot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from citywatch.adapters.store import alert_news, letters
from citywatch.adapters.store.database import Database, alone
from citywatch.adapters.store.deliveries import DeliveryReading
from citywatch.adapters.store.findings import FindingReading
from citywatch.adapters.store.migrate import migrate
from citywatch.adapters.store.people import PeopleReading
from citywatch.adapters.store.prune import prune
from citywatch.adapters.store.schema import (
    ALERT_CHANGES,
    ALERTS,
    ARCHIVE_POSITIONS,
    AUDIT,
    CAMERA_REFERENCES,
    CAMERAS,
    COMMANDS,
    CORRECTIONS,
    DEAD_LETTER_COUNTS,
    DEAD_LETTERS,
    DEVICE_STATES,
    DEVICES,
    DISAGREEMENTS,
    EVENTS,
    INCIDENT_CHILDREN,
    INCIDENTS,
    META,
    PASS_COUNTS,
    SEGMENTS,
    SILENCES,
    SOURCES,
    TICKET_NAMES,
    TICKET_STEPS,
    TICKETS,
    TOKENS,
    WINDOWS,
)
from citywatch.domain.alerts import AlertState
from citywatch.domain.devices import DeviceState
from citywatch.domain.events import Event, EventKind
from citywatch.domain.statistics import COLUMNS
from citywatch.domain.tickets import ClockState, TicketClock, TicketState
from citywatch.errors import ConfigurationError, DataDirError
from citywatch.ports import Position, Row, Segment

DEAD_LETTER_QUOTA_BYTES = 16 * 1024 * 1024
BUSY_TIMEOUT_S = 10.0
_WATCHED = tuple(state for state in DeviceState if state is not DeviceState.REMOVED)
_IN_ONE_QUESTION = 500
"""Values in one IN (...): far below every database's limit on parameters."""


class SqlStore(PeopleReading, FindingReading, DeliveryReading):
    """The store over one database. Make it with `open`."""

    def __init__(self, database: Database, dead_letter_quota_bytes: int) -> None:
        self._database = database
        self.dead_letter_quota_bytes = dead_letter_quota_bytes

    @classmethod
    def open(
        cls,
        url_or_path: str | Path,
        *,
        log_epoch: str | None = None,
        log_server: str | None = None,
        dead_letter_quota_bytes: int = DEAD_LETTER_QUOTA_BYTES,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> SqlStore:
        """Open the database, creating or upgrading its tables.

        `log_epoch` and `log_server` are those of the log at hand: stored at first, compared ever after, left alone
        when None. DataDirError for a newer schema, for another log and for a database that is not ours.
        """
        database = Database.connect(url_or_path, busy_timeout_s=busy_timeout_s)
        try:
            migrate(database)
            _belong_together(database, {"log_epoch": log_epoch, "log_server": log_server})
        except BaseException:
            database.close()
            raise
        return cls(database, dead_letter_quota_bytes)

    def close(self) -> None:
        self._database.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of everything and writes nothing."""
        return self._database.reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that writes; for the projector and for pruning."""
        return self._database.writing()

    # devices

    def devices(self, *, kind: str | None, after: str, limit: int) -> Sequence[Row]:
        c = DEVICES.c
        query = select(DEVICES).where(c.device > after).order_by(c.device).limit(limit)
        return self._rows(_filtered(query, {c.kind: kind}))

    def device(self, device: str) -> Row | None:
        return self._row(select(DEVICES).where(DEVICES.c.device == device))

    def device_states(self, devices: Sequence[str], from_ns: int, to_ns: int) -> Sequence[Row]:
        """By (device, seq): what holds in [from_ns, to_ns), with the last change that is surely before it."""
        c = DEVICE_STATES.c
        wanted = sorted(set(devices))
        found: list[Row] = []
        with self.reading() as connection:
            for start in range(0, len(wanted), _IN_ONE_QUESTION):
                these = c.device.in_(wanted[start : start + _IN_ONE_QUESTION])
                last = (
                    select(c.device, func.max(c.seq).label("seq"))
                    .where(these, c.worst_from_ns <= from_ns, c.best_from_ns <= from_ns)
                    .group_by(c.device)
                    .subquery()
                )
                query = (
                    select(DEVICE_STATES)
                    .outerjoin(last, last.c.device == c.device)
                    .where(these, c.seq >= func.coalesce(last.c.seq, 0))
                    .where(or_(c.worst_from_ns < to_ns, c.best_from_ns < to_ns, c.seq == last.c.seq))
                    .order_by(c.device, c.seq)
                )
                found += _plain(connection, query)
        return found

    def sources(self, device: str) -> Sequence[Row]:
        """What each source claims of a device, by (source, aspect, detail)."""
        c = SOURCES.c
        with self.reading() as connection:
            query = select(SOURCES).where(c.device == device).order_by(c.source, c.aspect, c.detail).limit(1000)
            return list(_plain(connection, query))

    def disagreements(self, *, device: str | None, lasting: bool, limit: int) -> Sequence[Row]:
        """Newest first; `lasting` leaves out those that have ended."""
        c = DISAGREEMENTS.c
        query = select(DISAGREEMENTS).order_by(c.told_at_ns.desc(), c.cause.desc()).limit(limit)
        if device is not None:
            query = query.where(c.device == device)
        if lasting:
            query = query.where(c.until_ns.is_(None))
        with self.reading() as connection:
            return list(_plain(connection, query))

    def camera_references(self, camera: str | None = None) -> Sequence[Row]:
        """By (camera, light, preset)."""
        c = CAMERA_REFERENCES.c
        query = select(CAMERA_REFERENCES).order_by(c.camera, c.light, c.preset)
        return self._rows(_filtered(query, {c.camera: camera}))

    def counts(self) -> Mapping[str, int]:
        """alerts_<state> and tickets_<state> of what is not over, devices, devices_<state>."""
        questions: tuple[tuple[str, Table, list[str]], ...] = (
            ("alerts", ALERTS, [s.value for s in AlertState if s is not AlertState.RESOLVED]),
            ("tickets", TICKETS, [s.value for s in TicketState if s is not TicketState.CLOSED]),
            ("devices", DEVICES, [s.value for s in _WATCHED]),
        )
        counts: dict[str, int] = {}
        with self.reading() as connection:
            for noun, table, states in questions:
                counts |= {f"{noun}_{state}": 0 for state in states}
                query = select(table.c.state, func.count()).where(table.c.state.in_(states)).group_by(table.c.state)
                for state, number in connection.execute(query):
                    counts[f"{noun}_{state}"] = number
        counts["devices"] = sum(counts[f"devices_{state}"] for state in _WATCHED)
        return counts

    # the fleet

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
        """By camera; each row with `state`, `state_since_ns` and `faults` of its device beside it.

        `text` is sought in id, name and site, whatever its case; `removed` takes in those that are watched no longer.
        """
        c, d = CAMERAS.c, DEVICES.c
        query = _with_device().where(c.camera > after).order_by(c.camera).limit(limit)
        wanted: dict[ColumnElement[Any], object] = {
            d.state: state,
            c.site: site,
            c.camera_class: camera_class,
            c.kind: kind,
        }
        query = _filtered(query, wanted)
        if not removed:
            query = query.where(c.removed_at_ns.is_(None))
        if fault is not None:
            # The column holds JSON as a text of ours: no blanks, so this is one of its faults and nothing else.
            query = query.where(cast(d.faults, Text).contains(f'"fault":"{fault}"', autoescape=True))
        if text is not None:
            query = query.where(
                or_(*(column.icontains(text, autoescape=True) for column in (c.camera, c.name, c.site)))
            )
        return self._rows(query)

    def camera(self, camera: str) -> Row | None:
        """One that is watched, as in `cameras`."""
        return self._row(_with_device().where(CAMERAS.c.camera == camera, CAMERAS.c.removed_at_ns.is_(None)))

    # alerts

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
        c = ALERTS.c
        query = _newest_first(select(ALERTS), c.opened_at_ns, c.id, before, limit)
        query = _labelled(query, c.labels, labels)
        return self._rows(_filtered(query, {c.state: state, c.device: device, c.kind: kind, c.severity: severity}))

    def alert(self, alert: str) -> Row | None:
        return self._row(select(ALERTS).where(ALERTS.c.id == alert))

    def alert_changes(self, *, after: int, limit: int) -> Sequence[Row]:
        with self.reading() as connection:
            return alert_news.read(connection, after=after, limit=limit)

    def last_alert_change(self) -> int:
        """The newest number of the live stream, 0 when it is empty."""
        return self._number(select(func.max(ALERT_CHANGES.c.seq)))

    def first_alert_change(self) -> int:
        """The oldest number that is kept, 0 when the stream is empty: who resumes below it has missed something."""
        return self._number(select(func.min(ALERT_CHANGES.c.seq)))

    # silences and windows

    def silences(
        self,
        *,
        active_at_ns: int | None = None,
        before: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Newest first by (set_at_ns, id); `active_at_ns`: only those that keep quiet at that instant."""
        c = SILENCES.c
        query = _newest_first(select(SILENCES), c.set_at_ns, c.id, before, limit)
        return self._rows(query if active_at_ns is None else query.where(_active(SILENCES, active_at_ns)))

    def silence(self, silence: str) -> Row | None:
        return self._row(select(SILENCES).where(SILENCES.c.id == silence))

    def windows(
        self,
        *,
        active_at_ns: int | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        before: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Newest first by (set_at_ns, id), those that were ended or withdrawn among them.

        `active_at_ns`: only those that stand at that instant (whether their rule holds says sla/windows.py);
        `from_ns`, `to_ns`: only those that may have times in [from_ns, to_ns).
        """
        c = WINDOWS.c
        query = _newest_first(select(WINDOWS), c.set_at_ns, c.id, before, limit)
        if active_at_ns is not None:
            query = query.where(_active(WINDOWS, active_at_ns))
        if from_ns is not None:
            query = query.where(c.to_ns > from_ns)
        if to_ns is not None:
            query = query.where(c.from_ns < to_ns)
        return self._rows(query)

    def window(self, window: str) -> Row | None:
        return self._row(select(WINDOWS).where(WINDOWS.c.id == window))

    # incidents

    def incidents(
        self, *, state: str | None, root: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[Row]:
        """Newest first by (opened_at_ns, id); `joined` counts the faults that ever joined, `away` those still in it."""
        c = INCIDENTS.c
        query = _newest_first(_counted(), c.opened_at_ns, c.id, before, limit)
        return self._rows(_filtered(query, {c.state: state, c.root: root}))

    def incident(self, incident: str) -> Row | None:
        return self._row(_counted().where(INCIDENTS.c.id == incident))

    def incident_children(self, incident: str, *, limit: int) -> Sequence[Row]:
        """In the order in which they joined."""
        c = INCIDENT_CHILDREN.c
        query = select(INCIDENT_CHILDREN).where(c.incident == incident)
        return self._rows(query.order_by(c.joined_at_ns, c.device, c.id).limit(limit))

    def incidents_of(self, causes: Sequence[str]) -> Mapping[str, str]:
        """The incident that each of these faults is part of at present, by cause."""
        c = INCIDENT_CHILDREN.c
        found: dict[str, str] = {}
        with self.reading() as connection:
            for start in range(0, len(causes), _IN_ONE_QUESTION):
                these = c.cause.in_(causes[start : start + _IN_ONE_QUESTION])
                for row in connection.execute(select(c.cause, c.incident).where(these, c.left_at_ns.is_(None))):
                    found[row.cause] = row.incident
        return found

    def inhibited(self, devices: Sequence[str], from_ns: int, to_ns: int) -> Sequence[Row]:
        """Times in which devices were away because of their parents, by (device, first_bad_ns); the roots' own not."""
        c, i = INCIDENT_CHILDREN.c, INCIDENTS.c
        wanted = sorted(set(devices))
        found: list[Row] = []
        with self.reading() as connection:
            for start in range(0, len(wanted), _IN_ONE_QUESTION):
                query = (
                    select(INCIDENT_CHILDREN, i.root)
                    .join(INCIDENTS, i.id == c.incident)
                    .where(c.device.in_(wanted[start : start + _IN_ONE_QUESTION]), c.device != i.root)
                    .where(c.last_good_ns < to_ns, or_(c.left_at_ns.is_(None), c.left_at_ns > from_ns))
                    .order_by(c.device, c.first_bad_ns, c.id)
                )
                found += _plain(connection, query)
        return found

    # tickets

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
        """Newest first by (filed_at_ns, id); `before` is the cursor.

        `overdue_at_ns`: a clock that still runs has run out by then, or has broken before; `due_before_ns`: one will
        have run out before then. Both are about open tickets.
        """
        c = TICKETS.c
        query = _newest_first(select(TICKETS), c.filed_at_ns, c.id, before, limit)
        if is_open or overdue_at_ns is not None or due_before_ns is not None:
            query = query.where(c.state != TicketState.CLOSED.value)
        if overdue_at_ns is not None:
            query = query.where(or_(*(_is_out(clock, overdue_at_ns) for clock in TicketClock)))
        if due_before_ns is not None:
            query = query.where(or_(*(_will_be_out(clock, due_before_ns) for clock in TicketClock)))
        wanted: dict[ColumnElement[Any], object] = {
            c.state: state,
            c.device: device,
            c.team: team,
            c.contractor: contractor,
        }
        return self._rows(_filtered(query, wanted))

    def merged_tickets(self, into: str, *, limit: int) -> Sequence[Row]:
        """Tickets that this one stands for, oldest first."""
        c = TICKETS.c
        query = select(TICKETS).where(c.merged_into == into).order_by(c.filed_at_ns, c.id).limit(limit)
        return self._rows(query)

    def open_tickets(self) -> Mapping[str, int]:
        """How many tickets are in each state that is not closed; exercises are left out."""
        c = TICKETS.c
        found = {state.value: 0 for state in TicketState if state is not TicketState.CLOSED}
        query = select(c.state, func.count().label("tickets")).where(c.state.in_(list(found)), c.exercise.is_(False))
        return found | {row["state"]: row["tickets"] for row in self._rows(query.group_by(c.state))}

    def overdue_tickets(self, at_ns: int) -> Mapping[str, int]:
        """Of how many open tickets each clock, which somebody waits for, is out at an instant."""
        c = TICKETS.c
        mine = (c.state != TicketState.CLOSED.value, c.exercise.is_(False))
        counts = {clock: select(func.count()).where(*mine, _is_out(clock, at_ns)) for clock in TicketClock}
        return {clock.value: self._number(query) for clock, query in counts.items()}

    def ticket_counts(self, from_ns: int, to_ns: int) -> Sequence[Row]:
        """How many tickets were filed in [from_ns, to_ns), by contractor, team, state, resolution, outcome and how
        their clocks stand; exercises are left out."""
        c = TICKETS.c
        by = (c.contractor, c.team, c.state, c.resolution, c.outcome, c.response_state, c.repair_state)
        query = select(*by, func.count().label("tickets"), func.sum(c.reopened).label("reopened"))
        mine = (c.filed_at_ns >= from_ns, c.filed_at_ns < to_ns, c.exercise.is_(False))
        return self._rows(query.where(*mine).group_by(*by).order_by(*by))

    def ticket(self, ticket: str) -> Row | None:
        """By its id, or by the one that a cause which has reopened it would have given it."""
        row = self._row(select(TICKETS).where(TICKETS.c.id == ticket))
        if row is not None:
            return row
        named = select(TICKET_NAMES.c.ticket).where(TICKET_NAMES.c.name == ticket).scalar_subquery()
        return self._row(select(TICKETS).where(TICKETS.c.id == named))

    def ticket_steps(self, ticket: str) -> Sequence[Row]:
        c = TICKET_STEPS.c
        return self._rows(select(TICKET_STEPS).where(c.ticket == ticket).order_by(c.seq))

    # scales

    def corrections(self, *, state: str | None, device: str | None, limit: int) -> Sequence[Row]:
        """Newest first by (proposed_at_ns, id)."""
        c = CORRECTIONS.c
        query = _newest_first(select(CORRECTIONS), c.proposed_at_ns, c.id, None, limit)
        return self._rows(_filtered(query, {c.state: state, c.device: device}))

    def correction(self, correction: str) -> Row | None:
        return self._row(select(CORRECTIONS).where(CORRECTIONS.c.id == correction))

    def pass_counts(
        self, first_day: str, last_day: str, road: str | None, by: Sequence[str], limit: int
    ) -> Sequence[Row]:
        """Sums from one local day to another, both included, for each of `by` (road, day, kind), in that order."""
        c = PASS_COUNTS.c
        keys = [c[name] for name in by]
        # A sum of whole numbers is a number of any length in PostgreSQL; counts are small.
        sums = [cast(func.coalesce(func.sum(c[name]), 0), BigInteger).label(name) for name in COLUMNS]
        query = select(*keys, *sums).where(c.day >= first_day, c.day <= last_day)
        grouped = query.group_by(*keys).order_by(*keys).limit(limit) if keys else query
        return self._rows(_filtered(grouped, {c.road: road}))

    # commands

    def verdict(self, command: str) -> Row | None:
        return self._row(select(COMMANDS).where(COMMANDS.c.command == command))

    def verdicts(self, commands: Sequence[str]) -> Mapping[str, Row]:
        """The verdicts there are of these commands, by command."""
        found: dict[str, Row] = {}
        for start in range(0, len(commands), _IN_ONE_QUESTION):
            these = COMMANDS.c.command.in_(commands[start : start + _IN_ONE_QUESTION])
            found |= {row["command"]: row for row in self._rows(select(COMMANDS).where(these))}
        return found

    # events

    def events(
        self, *, device: str | None = None, after: tuple[int, str] | None = None, limit: int = 1000
    ) -> Sequence[Event]:
        """Oldest first by (at_ns, id); `after` is the cursor."""
        c = EVENTS.c
        query = select(EVENTS).order_by(c.at_ns, c.id).limit(limit)
        if after is not None:
            query = query.where(tuple_(c.at_ns, c.id) > after)
        return [
            Event(row["id"], EventKind(row["kind"]), row["device"], row["at_ns"], row["cause"], row["body"])
            for row in self._rows(_filtered(query, {c.device: device}))
        ]

    # tokens and audit

    def token(self, digest: str) -> Row | None:
        """The token of this digest; None when it is unknown or revoked."""
        return self._row(select(TOKENS).where(TOKENS.c.digest == digest, TOKENS.c.revoked.is_(False)))

    def add_token(self, *, name: str, role: str, digest: str, at_ns: int, team: str = "") -> None:
        """ConfigurationError when the name was ever given: the audit must stay unambiguous."""
        row = {"name": name, "role": role, "digest": digest, "created_at_ns": at_ns, "revoked": False, "team": team}
        try:
            with self.writing() as connection:
                connection.execute(insert(TOKENS), row)
        except IntegrityError as error:
            raise ConfigurationError(f"token: the name {name!r} was given before; choose another") from error

    def revoke_token(self, name: str) -> bool:
        """False when there is no such token, or none that is still valid."""
        valid = (TOKENS.c.name == name) & TOKENS.c.revoked.is_(False)
        with self.writing() as connection:
            return connection.execute(update(TOKENS).where(valid).values(revoked=True)).rowcount == 1

    def tokens(self) -> Sequence[Row]:
        """All tokens ever given, by name, the revoked ones marked."""
        return self._rows(select(TOKENS).order_by(TOKENS.c.name))

    def audit(self, *, at_ns: int, actor: str, action: str, target: str) -> None:
        text = {"actor": actor, "action": action, "target": target}
        row = {key: letters.clean(value, letters.MESSAGE_KEPT_CHARACTERS) for key, value in text.items()}
        with self.writing() as connection:
            connection.execute(insert(AUDIT), {"at_ns": at_ns, **row})

    def audit_lines(self, *, after: int, limit: int) -> Sequence[Row]:
        """Audit lines with seq > after, oldest first."""
        return self._rows(select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(limit))

    # dead letters

    def dead_letter(self, *, at_ns: int, source: str, reason: str, message: str, content: bytes) -> None:
        letter = letters.Letter(at_ns, source, reason, message, content)
        with self.writing() as connection:
            letters.keep(connection, letter, self.dead_letter_quota_bytes)

    def dead_letters(self, *, source: str | None, after: int, limit: int) -> Sequence[Row]:
        c = DEAD_LETTERS.c
        query = select(DEAD_LETTERS).where(c.number > after).order_by(c.number).limit(limit)
        return self._rows(_filtered(query, {c.source: source}))

    def dead_letter_counts(self) -> Sequence[Row]:
        """Per source: what was received, is kept, gave way to the quota and was forgotten."""
        return self._rows(select(DEAD_LETTER_COUNTS).order_by(DEAD_LETTER_COUNTS.c.source))

    def forget_dead_letter(self, number: int) -> None:
        with self.writing() as connection:
            letters.forget(connection, number)

    # segments

    def archived(self) -> Mapping[int, Position]:
        return {row["partition"]: Position(row["ms"], row["seq"]) for row in self._rows(select(ARCHIVE_POSITIONS))}

    def record_segments(self, segments: Sequence[Segment], archived: Mapping[int, Position]) -> int:
        """ValueError when a path is recorded already or a position would go back: both are mistakes of ours."""
        with self.writing() as connection:
            seal = _next_seal(connection)
            try:
                if segments:
                    connection.execute(insert(SEGMENTS), [_segment_row(segment, seal) for segment in segments])
            except IntegrityError as error:
                paths = ", ".join(segment.path for segment in segments)
                raise ValueError(f"segments: one of these is recorded already: {paths}") from error
            for partition, position in archived.items():
                _advance_archive(connection, partition, position)
        return seal

    def replace_segments(self, gone: Sequence[str], made: Sequence[Segment]) -> None:
        """One transaction: these paths stand in the index no longer, and these segments do, under their seals."""
        with self.writing() as connection:
            for start in range(0, len(gone), _IN_ONE_QUESTION):
                these = SEGMENTS.c.path.in_(gone[start : start + _IN_ONE_QUESTION])
                connection.execute(delete(SEGMENTS).where(these))
            if made:
                connection.execute(insert(SEGMENTS), [_segment_row(segment, segment.seal) for segment in made])

    def segments(
        self, *, kind: str | None = None, from_ns: int | None = None, to_ns: int | None = None
    ) -> Sequence[Segment]:
        c = SEGMENTS.c
        query = _filtered(select(SEGMENTS).order_by(c.seal, c.kind, c.day, c.partition, c.path), {c.kind: kind})
        if from_ns is not None:
            query = query.where(c.to_ns >= from_ns)
        if to_ns is not None:
            query = query.where(c.from_ns < to_ns)
        return [_segment(row) for row in self._rows(query)]

    # keeping house

    def prune(self, before_ns: int, *, rows: int = 1000) -> Mapping[str, int]:
        """Forget what is over and older than `before_ns`; how many rows went, by table. See prune.py."""
        return prune(self.writing, before_ns, rows=rows)

    def _rows(self, query: Select[Any]) -> list[Row]:
        with self.reading() as connection:
            return list(_plain(connection, query))

    def _number(self, query: Select[Any]) -> int:
        with self.reading() as connection:
            return connection.scalar(query) or 0


def _with_device() -> Select[Any]:
    """Cameras, each with what is known of its device."""
    d = DEVICES.c
    known = (d.place, d.state, d.state_since_ns, d.faults)
    return select(CAMERAS, *known).outerjoin(DEVICES, d.device == CAMERAS.c.camera)


def _is_out(clock: TicketClock, at_ns: int) -> ColumnElement[bool]:
    """A clock that somebody still waits for was out at an instant."""
    due_ns, state = TICKETS.c[f"{clock}_due_ns"], TICKETS.c[f"{clock}_state"]
    late = or_(and_(state == ClockState.RUNNING.value, due_ns <= at_ns), state == ClockState.BROKEN.value)
    return and_(late, _waits(clock))


def _will_be_out(clock: TicketClock, before_ns: int) -> ColumnElement[bool]:
    return and_(TICKETS.c[f"{clock}_due_ns"] < before_ns, _waits(clock))


def _waits(clock: TicketClock) -> ColumnElement[bool]:
    """What the clock is for has not happened: nobody has accepted, nobody has verified."""
    return TICKETS.c.accepted_at_ns.is_(None) if clock is TicketClock.RESPONSE else TICKETS.c.verified_at_ns.is_(None)


def _plain(connection: Connection, query: Select[Any]) -> Iterator[Row]:
    for row in connection.execute(query).mappings():
        yield dict(row)


def _filtered(query: Select[Any], wanted: Mapping[ColumnElement[Any], object]) -> Select[Any]:
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    return query


def _counted() -> Select[Any]:
    """Incidents with how many faults joined them, and how many of those have not left."""
    c = INCIDENT_CHILDREN.c
    mine = c.incident == INCIDENTS.c.id
    joined = select(func.count()).where(mine).scalar_subquery()
    away = select(func.count()).where(mine, c.left_at_ns.is_(None)).scalar_subquery()
    return select(INCIDENTS, joined.label("joined"), away.label("away"))


def _labelled(query: Select[Any], column: ColumnElement[Any], labels: Mapping[str, str] | None) -> Select[Any]:
    """Only rows with these labels. The column holds JSON as a text of ours, without blanks: this is in it exactly."""
    for label, word in (labels or {}).items():
        pair = json.dumps({label: word}, ensure_ascii=False, separators=(",", ":"))[1:-1]
        # LIKE is blind to case in SQLite, and no function that seeks a text has one name in both databases.
        query = query.where(func.replace(cast(column, Text), pair, "") != cast(column, Text))
    return query


def _active(table: Table, at_ns: int) -> ColumnElement[bool]:
    c = table.c
    return and_(c.from_ns <= at_ns, c.to_ns > at_ns, or_(c.ended_at_ns.is_(None), c.ended_at_ns > at_ns))


def _newest_first(
    query: Select[Any],
    at: ColumnElement[Any],
    name: ColumnElement[Any],
    before: tuple[int, str] | None,
    limit: int | None,
) -> Select[Any]:
    if before is not None:
        query = query.where(tuple_(at, name) < before)
    return query.order_by(at.desc(), name.desc()).limit(limit)


_TOLD = {
    "log_epoch": (
        "store {name} belongs to another log (epoch {stored}; the log at hand is {given}): restore the log and the "
        "store from the same backup, or start with an empty data directory"
    ),
    "log_server": (
        "store {name} was written beside the log server {stored}; the one at hand is {given}: start {stored} again, "
        "or move the log as docs/operations.md says under 'Another log server'"
    ),
}


def _belong_together(database: Database, given: Mapping[str, str | None]) -> None:
    """Compare what is given with what is stored, and store what is not yet."""
    with database.reading() as connection:
        missing = _compare(database, connection, given)
    if missing:
        with database.writing() as connection:
            alone(connection, META)
            for key, value in _compare(database, connection, given).items():
                connection.execute(insert(META), {"key": key, "value": value})


def _compare(database: Database, connection: Connection, given: Mapping[str, str | None]) -> dict[str, str]:
    stored = {row.key: row.value for row in connection.execute(select(META))}
    missing = {}
    for key, value in given.items():
        if value is None:
            continue
        if key not in stored:
            missing[key] = value
        elif stored[key] != value:
            raise DataDirError(_TOLD[key].format(name=database.name, stored=stored[key], given=value))
    return missing


def _next_seal(connection: Connection) -> int:
    """The next number of a seal."""
    alone(connection, META)
    mine = META.c.key == "seal"
    last = connection.scalar(select(META.c.value).where(mine))
    if last is None:
        connection.execute(insert(META), {"key": "seal", "value": "1"})
        return 1
    seal = int(last) + 1
    connection.execute(update(META).where(mine).values(value=str(seal)))
    return seal


def _advance_archive(connection: Connection, partition: int, position: Position) -> None:
    c = ARCHIVE_POSITIONS.c
    values = {"ms": position.ms, "seq": position.seq}
    later = and_(c.partition == partition, tuple_(c.ms, c.seq) <= (position.ms, position.seq))
    if connection.execute(update(ARCHIVE_POSITIONS).where(later).values(values)).rowcount:
        return
    try:
        connection.execute(insert(ARCHIVE_POSITIONS), {"partition": partition, **values})
    except IntegrityError as error:
        raise ValueError(f"segments: the archive of partition {partition} would go back to {position}") from error


def _segment_row(segment: Segment, seal: int) -> dict[str, object]:
    return {
        "path": segment.path,
        "kind": segment.kind,
        "partition": segment.partition,
        "day": segment.day,
        "rows": segment.rows,
        "size_bytes": segment.size_bytes,
        "first_ms": segment.first.ms,
        "first_seq": segment.first.seq,
        "last_ms": segment.last.ms,
        "last_seq": segment.last.seq,
        "from_ns": segment.from_ns,
        "to_ns": segment.to_ns,
        "seal": seal,
    }


def _segment(row: Row) -> Segment:
    first = Position(row["first_ms"], row["first_seq"])
    last = Position(row["last_ms"], row["last_seq"])
    same = ("path", "kind", "partition", "day", "rows", "size_bytes", "from_ns", "to_ns", "seal")
    return Segment(first=first, last=last, **{key: row[key] for key in same})
