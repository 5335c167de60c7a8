"""What service levels are worked out from, read out of the store as it was known at an instant.

Rows of the store are projections: they say how things stand now. Each question here takes the instant `known_ns` and
answers from what had been told by then: by steps and events, which are never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, or_, select

from citywatch.adapters.store.schema import (
    DEVICE_STATES,
    EVENTS,
    INCIDENT_CHILDREN,
    INCIDENTS,
    IS_CHANGE,
    IS_WORK,
    TICKET_STEPS,
    TICKETS,
)
from citywatch.adapters.store.sql import SqlStore
from citywatch.ports import Row

_AT_ONCE = 500


class ServiceEvents:
    """Questions to one store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def states(self, devices: Sequence[str], from_ns: int, to_ns: int, known_ns: int) -> Iterator[Row]:
        """Changes of state by (device, seq): what holds in [from_ns, to_ns), with the last that is surely before it."""
        c = DEVICE_STATES.c
        with self._store.reading() as connection:
            for some in batched(sorted(set(devices))):
                these = (c.device.in_(some), c.at_ns <= known_ns)
                last = (
                    select(c.device, func.max(c.seq).label("seq"))
                    .where(*these, c.worst_from_ns <= from_ns, c.best_from_ns <= from_ns)
                    .group_by(c.device)
                    .subquery()
                )
                query = (
                    select(DEVICE_STATES)
                    .outerjoin(last, last.c.device == c.device)
                    .where(*these, c.seq >= func.coalesce(last.c.seq, 0))
                    .where(or_(c.worst_from_ns < to_ns, c.best_from_ns < to_ns, c.seq == last.c.seq))
                    .order_by(c.device, c.seq)
                )
                for row in connection.execute(query).mappings():
                    yield dict(row)

    def inhibited(self, from_ns: int, to_ns: int, known_ns: int) -> Sequence[Row]:
        """Times in which devices were away because of a parent, with `root`; the roots' own not. `left_at_ns` is None
        where nobody knew yet that it was over.
        """
        c, i = INCIDENT_CHILDREN.c, INCIDENTS.c
        query = (
            select(INCIDENT_CHILDREN, i.root)
            .join(INCIDENTS, i.id == c.incident)
            .where(c.device != i.root, c.joined_at_ns <= known_ns, c.last_good_ns < to_ns)
            .where(or_(c.left_at_ns.is_(None), c.left_at_ns > from_ns))
            .order_by(c.device, c.first_bad_ns, c.id)
        )
        with self._store.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
            over = {row["incident"] for row in rows if row["left_at_ns"] is not None}
            told = self._told_to_be_back(connection, sorted(over))
        for row in rows:
            # Who went over to another incident, or was released, is told so at that very instant.
            at_ns = told.get((row["incident"], row["cause"]), row["left_at_ns"])
            if at_ns is not None and at_ns > known_ns:
                row["left_at_ns"] = None
        return rows

    def work(self, from_ns: int, to_ns: int, known_ns: int) -> Iterator[Row]:
        """Declared work inside [from_ns, to_ns), by (at_ns, id): `device`, `at_ns`, and the event's data."""
        c = EVENTS.c
        query = select(c.id, c.device, c.at_ns, c.body).where(IS_WORK, c.at_ns <= known_ns).order_by(c.at_ns, c.id)
        with self._store.reading() as connection:
            for row in connection.execute(query).mappings():
                body = row["body"]
                if body["from_ns"] < to_ns and body["to_ns"] > from_ns:
                    yield {"device": row["device"], "at_ns": row["at_ns"], **body}

    def tickets(self, from_ns: int, known_ns: int) -> Iterator[tuple[Row, list[Row]]]:
        """Tickets that were not over before `from_ns`, by filing, each with its steps up to `known_ns`."""
        c, s = TICKETS.c, TICKET_STEPS.c
        query = (
            select(TICKETS)
            .where(c.filed_at_ns <= known_ns, or_(c.closed_at_ns.is_(None), c.closed_at_ns >= from_ns))
            .order_by(c.filed_at_ns, c.id)
        )
        with self._store.reading() as connection:
            for some in batched(connection.execute(query).mappings().all()):
                steps: dict[str, list[Row]] = {row["id"]: [] for row in some}
                which = select(TICKET_STEPS).where(s.ticket.in_(list(steps)), s.at_ns <= known_ns).order_by(s.seq)
                for step in connection.execute(which).mappings():
                    steps[step["ticket"]].append(dict(step))
                for row in some:
                    yield dict(row), steps[row["id"]]

    def waiting(self, from_ns: int, known_ns: int) -> list[tuple[str, int]]:
        """Devices with a ticket that was open at `from_ns`, each with the filing of the first of them."""
        c = TICKETS.c
        query = (
            select(c.device, func.min(c.filed_at_ns))
            .where(c.filed_at_ns < from_ns, c.filed_at_ns <= known_ns)
            .where(or_(c.closed_at_ns.is_(None), c.closed_at_ns >= from_ns))
            .group_by(c.device)
        )
        with self._store.reading() as connection:
            return [(device, filed_ns) for device, filed_ns in connection.execute(query)]

    def _told_to_be_back(self, connection: Connection, incidents: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """(incident, cause of the child) -> when it was told that the child is back."""
        c = EVENTS.c
        found = {}
        for some in batched(incidents):
            query = select(c.cause, c.at_ns, c.body).where(IS_CHANGE, c.cause.in_(some))
            for row in connection.execute(query).mappings():
                for child in row["body"]["left"]:
                    found[row["cause"], child["cause"]] = row["at_ns"]
        return found


def batched(items: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Parts small enough for one question."""
    rest = list(items)
    for start in range(0, len(rest), _AT_ONCE):
        yield tuple(rest[start : start + _AT_ONCE])
