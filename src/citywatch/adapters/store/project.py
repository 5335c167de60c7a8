"""The projector: events into the tables that people work on.

The rows of a run of events and the position behind it are written in one transaction. An event that is known already
changes nothing, nor does an entry at or below the stored position: a second delivery is harmless. The events say what
was decided; nothing is decided here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

from sqlalchemy import Connection, insert, select, tuple_, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from citywatch.adapters.store import fold_field, fold_findings, letters, references
from citywatch.adapters.store.bulk import Written, insert_rows, known_among
from citywatch.adapters.store.database import alone
from citywatch.adapters.store.fold import HANDLERS, PASSING, Tables
from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import EVENTS, POSITIONS
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.events import Event, EventKind
from citywatch.ports import ORIGIN, Position

DEAD_SOURCE = "events"
"""Events that fit no table are dead letters of this source, reason `event_unreadable`; content is the event's line."""
_STREAM = "events:"
_strict = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""The data of an event that came with no line, as its line would have it: ValueError for a number that is none."""


def _nothing(_where: str) -> None:
    """The probe outside of crash tests."""


class Projector:
    """Applies events to a store. One per process; projectors of several processes take turns.

    `pin` is called with the content hash of every picture that a confirmed fault rests on, before the transaction
    ends: evidence must not give way while its ticket is open; so are references, and photos of repairs. `release` is
    called behind the transaction for a reference's picture that nothing needs any more. `probe` is called with
    `projected_rows` inside the transaction and with `projected_committed` behind it, for tests that kill the process
    there.
    `unmatched` counts, by kind, events about an alert or ticket that the tables do not hold; they change nothing else.
    """

    def __init__(
        self,
        store: SqlStore,
        *,
        pin: Callable[[str], object] | None = None,
        release: Callable[[str], object] | None = None,
        probe: Callable[[str], None] = _nothing,
    ) -> None:
        self._store = store
        self._pin = pin
        self._release = release
        self._probe = probe
        self.unmatched: Counter[str] = Counter()

    def positions(self) -> Mapping[int, Position]:
        """How far the events of each partition are projected; a partition never projected is missing."""
        with self._store.reading() as connection:
            rows = connection.execute(select(POSITIONS).where(POSITIONS.c.stream.startswith(_STREAM))).all()
        return {int(row.stream.removeprefix(_STREAM)): Position(row.ms, row.seq) for row in rows}

    def apply(self, partition: int, events: Sequence[tuple[Position, Event]]) -> int:
        """Project the events of one partition, in the log's order; returns how many alert changes they made.

        An event that no table can take becomes a dead letter: the run is halved until it stands alone, each piece
        with its own transaction and position.
        """
        if not events:
            return 0
        try:
            return self._project(partition, events)
        except (KeyError, TypeError, ValueError, OverflowError, StatementError) as error:
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError):
                raise  # the statement or the database, not the event
            if len(events) == 1:
                self._bury(partition, *events[0], error)
                return 0
        half = len(events) // 2
        return self.apply(partition, events[:half]) + self.apply(partition, events[half:])

    def _project(self, partition: int, events: Sequence[tuple[Position, Event]]) -> int:
        with self._store.writing() as connection:
            stored = _take_turn(connection, partition)
            fresh = [(position, event) for position, event in events if position > stored]
            if not fresh:
                return 0
            new = _unknown(connection, [event for _, event in fresh])
            run = Run(new)
            tables = Tables.load(connection, run)
            for event in new:
                HANDLERS[event.kind](tables, event)
            _keep_events(connection, partition, [event for event in new if event.kind not in PASSING])
            referred, released = references.project(connection, run)
            self._pin_pictures(run, referred)
            tables.write(connection, self._store.dead_letter_quota_bytes)
            _advance(connection, partition, stored, fresh[-1][0])
            self._probe("projected_rows")
        self._probe("projected_committed")
        if self._release is not None:
            for picture in released:
                self._release(picture)
        self.unmatched += tables.unmatched
        return len(tables.alert_changes)

    def _pin_pictures(self, run: Run, referred: Sequence[str]) -> None:
        if self._pin is None:
            return
        for picture in (*referred, *fold_field.pictures(run), *fold_findings.pictures(run)):
            self._pin(picture)
        for event in run.of(EventKind.FAULT_CONFIRMED):
            for name in ("picture", "previous", "reference"):
                if event.data.get(name):
                    self._pin(event.data[name])

    def _bury(self, partition: int, position: Position, event: Event, error: Exception) -> None:
        why = error.orig if isinstance(error, StatementError) and error.orig is not None else error
        where = f"{_STREAM}{partition} {position}"
        message = f"{event.kind} {event.id} at {where}: {type(why).__name__}: {str(why)[:200]}"
        at_ns = event.at_ns if isinstance(event.at_ns, int) and abs(event.at_ns) < 2**63 else 0
        letter = letters.Letter(at_ns, DEAD_SOURCE, "event_unreadable", message, _line(event))
        with self._store.writing() as connection:
            stored = _take_turn(connection, partition)
            if position <= stored:
                return
            letters.keep(connection, letter, self._store.dead_letter_quota_bytes)
            _advance(connection, partition, stored, position)


def _take_turn(connection: Connection, partition: int) -> Position:
    """The stored position; from here to the end of the transaction no other projector writes."""
    alone(connection, POSITIONS)
    mine = POSITIONS.c.stream == f"{_STREAM}{partition}"
    row = connection.execute(select(POSITIONS.c.ms, POSITIONS.c.seq).where(mine)).first()
    return ORIGIN if row is None else Position(row.ms, row.seq)


def _advance(connection: Connection, partition: int, stored: Position, new: Position) -> None:
    values = {"ms": new.ms, "seq": new.seq}
    stream = f"{_STREAM}{partition}"
    c = POSITIONS.c
    here = (c.stream == stream) & (tuple_(c.ms, c.seq) == (stored.ms, stored.seq))
    if connection.execute(update(POSITIONS).where(here).values(values)).rowcount == 0:
        connection.execute(insert(POSITIONS), {"stream": stream, **values})


def _unknown(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """Those not yet in the table, each once, in order."""
    known = known_among(connection, EVENTS.c.id, {event.id for event in events})
    new = []
    for event in events:
        if event.id not in known:
            known.add(event.id)
            new.append(event)
    return new


def _keep_events(connection: Connection, partition: int, events: Sequence[Event]) -> None:
    rows = [
        {
            "id": event.id,
            "at_ns": event.at_ns,
            "device": event.device,
            "kind": event.kind.value,
            "cause": event.cause,
            "partition": partition,
            "body": Written(event.body or _strict(dict(event.data))),
        }
        for event in sorted(events, key=attrgetter("id"))  # neighbours in the index come one after the other
    ]
    insert_rows(connection, EVENTS, rows)


def _line(event: Event) -> bytes:
    """The event as its line; as Python shows it when even that cannot be made."""
    try:
        return event.to_json().encode()
    except (TypeError, ValueError, OverflowError):
        return repr(event).encode("utf-8", "replace")
