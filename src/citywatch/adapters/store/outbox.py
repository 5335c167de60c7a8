"""What the part `notify` reads and writes: news, groups, deliveries.

One turn of the planner is one transaction: how far the streams are read, the groups, and the deliveries that follow.
A delivery is claimed before it is sent (its next attempt is put off by the time that one may take) and settled
afterwards; when the process dies in between it is tried again, under the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, insert, select, update

from citywatch.adapters.store import alert_news
from citywatch.adapters.store.database import alone
from citywatch.adapters.store.schema import (
    ALERT_CHANGES,
    ALERTS,
    DELIVERIES,
    DELIVERY_ATTEMPTS,
    INCIDENT_CHILDREN,
    NOTIFICATION_GROUPS,
    NOTIFICATION_MEMBERS,
    NOTIFICATION_POSITIONS,
    TICKET_STEPS,
    TICKETS,
)
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.alerts import AlertState
from citywatch.ports import Row

_RECEIVER = "receiver/"
"""Before the name of a receiver that is known, in the table of positions."""
_STREAMS = {"alerts": ALERT_CHANGES, "tickets": TICKET_STEPS}
_IN_ONE_QUESTION = 400


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a receiver."""

    count: int
    oldest_ns: int


class Outbox:
    """Over a store that is open."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    # the planner

    def begin(self, since_ns: int) -> None:
        """At the very first start: read both streams from `since_ns` on. Later starts change nothing."""
        with self._store.writing() as connection:
            alone(connection, NOTIFICATION_POSITIONS)
            known = set(connection.scalars(select(NOTIFICATION_POSITIONS.c.stream)))
            for stream, table in _STREAMS.items():
                if stream not in known:
                    last = select(func.max(table.c.seq)).where(table.c.at_ns < since_ns)
                    seq = connection.scalar(last) or 0
                    connection.execute(insert(NOTIFICATION_POSITIONS), {"stream": stream, "seq": seq})

    def has_work(self, now_ns: int) -> bool:
        """Whether a turn would find anything; without a lock."""
        with self._store.reading() as connection:
            for stream, table in _STREAMS.items():
                at = select(NOTIFICATION_POSITIONS.c.seq).where(NOTIFICATION_POSITIONS.c.stream == stream)
                if connection.scalar(select(exists().where(table.c.seq > at.scalar_subquery()))):
                    return True
            c = NOTIFICATION_GROUPS.c
            return bool(connection.scalar(select(exists().where(c.due_ns >= 0, c.due_ns <= now_ns))))

    def first_due_ns(self) -> int | None:
        """When the first group is to be looked at; None where nothing waits for its time."""
        c = NOTIFICATION_GROUPS.c
        with self._store.reading() as connection:
            due_ns: int | None = connection.scalar(select(func.min(c.due_ns)).where(c.due_ns >= 0))
            return due_ns

    @contextmanager
    def turn(self) -> Iterator[OutboxTurn]:
        """One transaction; planners of several processes take turns."""
        with self._store.writing() as connection:
            alone(connection, NOTIFICATION_POSITIONS)
            yield OutboxTurn(connection)

    def leave(self, receivers: Collection[str], now_ns: int) -> Mapping[str, int]:
        """Drop what waits for receivers that are no longer there; how many, by receiver."""
        c = DELIVERIES.c
        lost = and_(c.state == "waiting", c.receiver.not_in(sorted(receivers)))
        with self._store.writing() as connection:
            query = select(c.receiver, func.count()).where(lost).group_by(c.receiver)
            found: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
            values = {"state": "dropped", "reason": "receiver_gone", "settled_at_ns": now_ns}
            connection.execute(update(DELIVERIES).where(lost).values(values))
        return found

    # the workers

    def next(self, receiver: str, now_ns: int) -> Row | None:
        """The delivery to try now: none before an earlier one of its group, so that an end never comes first."""
        c, earlier = DELIVERIES.c, DELIVERIES.alias("earlier").c
        first = ~exists().where(earlier.group == c.group, earlier.state == "waiting", earlier.seq < c.seq)
        query = select(DELIVERIES).where(c.receiver == receiver, c.state == "waiting", c.next_ns <= now_ns, first)
        with self._store.reading() as connection:
            row = connection.execute(query.order_by(c.next_ns, c.seq).limit(1)).mappings().first()
        return None if row is None else dict(row)

    def claim(self, row: Row, until_ns: int) -> bool:
        """Put the next attempt off, so that nobody else makes one meanwhile. False when somebody was faster."""
        c = DELIVERIES.c
        mine = and_(c.seq == row["seq"], c.state == "waiting", c.next_ns == row["next_ns"])
        with self._store.writing() as connection:
            values = {"next_ns": until_ns, "attempts": c.attempts + 1}
            return connection.execute(update(DELIVERIES).where(mine).values(values)).rowcount == 1

    def settle(self, row: Row, attempt: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """What became of an attempt: `attempt` into the log of attempts, `values` into the delivery."""
        with self._store.writing() as connection:
            connection.execute(insert(DELIVERY_ATTEMPTS), {"delivery": row["id"], **attempt})
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.seq == row["seq"]).values(dict(values)))

    def next_due_ns(self, receiver: str) -> int | None:
        """When the next attempt is due; None where nothing waits."""
        c = DELIVERIES.c
        with self._store.reading() as connection:
            query = select(func.min(c.next_ns)).where(c.receiver == receiver, c.state == "waiting")
            due_ns: int | None = connection.scalar(query)
            return due_ns

    def waiting(self) -> Mapping[str, Waiting]:
        """What waits, by receiver."""
        c = DELIVERIES.c
        query = select(c.receiver, func.count(), func.min(c.planned_at_ns)).where(c.state == "waiting")
        with self._store.reading() as connection:
            return {
                name: Waiting(count, oldest) for name, count, oldest in connection.execute(query.group_by(c.receiver))
            }

    def open_members(self, receiver: str) -> list[Mapping[str, Any]]:
        """Bodies of the alerts that a receiver knows as open, each once."""
        g, m = NOTIFICATION_GROUPS.c, NOTIFICATION_MEMBERS.c
        query = (
            select(m.subject, m.body)
            .join(NOTIFICATION_GROUPS, g.id == m.group)
            .where(g.receiver == receiver, m.is_open, m.told)
            .order_by(m.subject)
        )
        with self._store.reading() as connection:
            return list({row.subject: row.body for row in connection.execute(query)}.values())


class OutboxTurn:
    """Inside one transaction of the planner."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def alert_changes(self, most: int) -> Sequence[Row]:
        """What is behind the position, oldest first."""
        return alert_news.read(self._connection, after=self._position("alerts"), limit=most)

    def ticket_steps(self, most: int) -> Sequence[tuple[Row, Row]]:
        """Steps behind the position, each with its ticket as it is now."""
        c = TICKET_STEPS.c
        steps = self._rows(select(TICKET_STEPS).where(c.seq > self._position("tickets")).order_by(c.seq).limit(most))
        tickets = self._by(TICKETS.c.id, {step["ticket"] for step in steps})
        return [(step, tickets[step["ticket"]]) for step in steps]

    def advance(self, stream: str, seq: int) -> None:
        here = update(NOTIFICATION_POSITIONS).where(NOTIFICATION_POSITIONS.c.stream == stream)
        if self._connection.execute(here.values(seq=seq)).rowcount == 0:
            self._connection.execute(insert(NOTIFICATION_POSITIONS), {"stream": stream, "seq": seq})

    def newcomers(self, receivers: Collection[str]) -> set[str]:
        """Receivers that were not there at the last start; from now on they are known, and those that are gone are
        not. None at the first start: what began before it is nobody's news.
        """
        c = NOTIFICATION_POSITIONS.c
        known = set(self._connection.scalars(select(c.stream).where(c.stream.startswith(_RECEIVER))))
        wanted = {_RECEIVER + name for name in receivers}
        for these in _chunks(known - wanted):
            self._connection.execute(delete(NOTIFICATION_POSITIONS).where(c.stream.in_(these)))
        if wanted - known:
            rows = [{"stream": name, "seq": 0} for name in sorted(wanted - known)]
            self._connection.execute(insert(NOTIFICATION_POSITIONS), rows)
        return {name.removeprefix(_RECEIVER) for name in wanted - known} if known else set()

    def open_alerts(self, most: int) -> tuple[Sequence[Row], int]:
        """The newest alerts that are open, and how many more there are."""
        c = ALERTS.c
        is_open = c.state != AlertState.RESOLVED.value
        count = self._connection.scalar(select(func.count()).select_from(ALERTS).where(is_open)) or 0
        rows = self._rows(select(ALERTS).where(is_open).order_by(c.opened_at_ns.desc(), c.id).limit(most))
        return rows, count - len(rows)

    def groups(self, groups: Collection[str]) -> dict[str, Row]:
        return self._by(NOTIFICATION_GROUPS.c.id, groups)

    def all_groups(self) -> Sequence[Row]:
        return self._rows(select(NOTIFICATION_GROUPS).order_by(NOTIFICATION_GROUPS.c.id))

    def due(self, now_ns: int, most: int) -> Sequence[Row]:
        c = NOTIFICATION_GROUPS.c
        return self._rows(
            select(NOTIFICATION_GROUPS).where(c.due_ns >= 0, c.due_ns <= now_ns).order_by(c.due_ns, c.id).limit(most)
        )

    def members(self, groups: Collection[str]) -> dict[str, list[Mapping[str, Any]]]:
        """Bodies of the members of groups, by group."""
        return self._members(NOTIFICATION_MEMBERS.c.group, groups)

    def members_of(self, subjects: Collection[str]) -> dict[str, list[Mapping[str, Any]]]:
        """Bodies of these subjects wherever they are members, by group."""
        return self._members(NOTIFICATION_MEMBERS.c.subject, subjects)

    def _members(self, column: Any, values: Collection[str]) -> dict[str, list[Mapping[str, Any]]]:
        c = NOTIFICATION_MEMBERS.c
        found: dict[str, list[Mapping[str, Any]]] = {}
        for these in _chunks(values):
            query = select(c.group, c.body).where(column.in_(these)).order_by(c.group, c.subject)
            for group, body in self._connection.execute(query):
                found.setdefault(group, []).append(body)
        return found

    def put_groups(self, rows: Sequence[Mapping[str, Any]]) -> None:
        known = self.groups([row["id"] for row in rows])
        old = [{f"the_{name}": value for name, value in row.items()} for row in rows if row["id"] in known]
        new = [dict(row) for row in rows if row["id"] not in known]
        if old:
            c = NOTIFICATION_GROUPS.c
            here = update(NOTIFICATION_GROUPS).where(c.id == bindparam("the_id"))
            self._connection.execute(here.values(due_ns=bindparam("the_due_ns"), told_ns=bindparam("the_told_ns")), old)
        if new:
            self._connection.execute(insert(NOTIFICATION_GROUPS), new)

    def drop_groups(self, groups: Sequence[str]) -> None:
        """With their members."""
        for these in _chunks(groups):
            self._connection.execute(delete(NOTIFICATION_GROUPS).where(NOTIFICATION_GROUPS.c.id.in_(these)))

    def put_members(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Each with group, subject, cause, is_open, told, body."""
        if rows:
            c = NOTIFICATION_MEMBERS.c
            one = (c.group == bindparam("the_group")) & (c.subject == bindparam("the_subject"))
            keys = [{"the_group": row["group"], "the_subject": row["subject"]} for row in rows]
            self._connection.execute(delete(NOTIFICATION_MEMBERS).where(one), keys)
            self._connection.execute(insert(NOTIFICATION_MEMBERS), [dict(row) for row in rows])

    def drop_members(self, group: str, subjects: Sequence[str]) -> None:
        c = NOTIFICATION_MEMBERS.c
        for these in _chunks(subjects):
            self._connection.execute(delete(NOTIFICATION_MEMBERS).where(c.group == group, c.subject.in_(these)))

    def deliver(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Keep deliveries that are not known yet; how many were new."""
        known = self._by(DELIVERIES.c.id, {row["id"] for row in rows})
        new = [dict(row) for row in rows if row["id"] not in known]
        if new:
            self._connection.execute(insert(DELIVERIES), new)
        return len(new)

    def bound(self, receiver: str, most: int, now_ns: int) -> int:
        """Drop the oldest of what waits beyond `most`; how many."""
        c = DELIVERIES.c
        mine = and_(c.receiver == receiver, c.state == "waiting")
        over = (self._connection.scalar(select(func.count()).select_from(DELIVERIES).where(mine)) or 0) - most
        if over <= 0:
            return 0
        oldest = select(c.seq).where(mine).order_by(c.seq).limit(over)
        values = {"state": "dropped", "reason": "too_many", "settled_at_ns": now_ns}
        for these in _chunks(list(self._connection.scalars(oldest))):
            self._connection.execute(update(DELIVERIES).where(c.seq.in_(these)).values(values))
        return over

    def incidents_above(self, causes: Collection[str]) -> dict[str, Row]:
        """By the cause of a fault that is part of an incident: the alert of that incident, where it is open."""
        child = INCIDENT_CHILDREN.c
        found: dict[str, str] = {}
        for these in _chunks(causes):
            query = select(child.cause, child.incident).where(child.cause.in_(these), child.left_at_ns.is_(None))
            found |= {row.cause: row.incident for row in self._connection.execute(query)}
        alerts = self._by(ALERTS.c.cause, set(found.values()))
        return {
            cause: alerts[incident]
            for cause, incident in found.items()
            if incident in alerts and incident != cause and alerts[incident]["state"] != "resolved"
        }

    def _position(self, stream: str) -> int:
        c = NOTIFICATION_POSITIONS.c
        return self._connection.scalar(select(c.seq).where(c.stream == stream)) or 0

    def _rows(self, query: Any) -> list[Row]:
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def _by(self, column: Any, values: Collection[str]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for these in _chunks(values):
            query = select(column.table).where(column.in_(these))
            found |= {row[column.name]: row for row in self._rows(query)}
        return found


def _chunks(values: Collection[Any]) -> Iterator[list[Any]]:
    """As many as fit into one question."""
    wanted = sorted(values)
    for start in range(0, len(wanted), _IN_ONE_QUESTION):
        yield wanted[start : start + _IN_ONE_QUESTION]
