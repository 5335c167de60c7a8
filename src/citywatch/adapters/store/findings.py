"""Reading of findings, and the people who reported some of them: the only table with their names and numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, Text, cast, delete, insert, or_, select, tuple_

from citywatch.adapters.store.bulk import known_among
from citywatch.adapters.store.questions import Questions
from citywatch.adapters.store.schema import ALERTS, DEVICES, FINDING_REPORTERS, FINDINGS, TICKET_NAMES, TICKETS
from citywatch.domain.events import event_id
from citywatch.ports import Row

REPORTER = ("first_name", "last_name", "email", "phone", "account", "client")
_IN_ONE_QUESTION = 500


class FindingReading(Questions):
    """The part of the store that findings need. Mixed into SqlStore."""

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
        """Newest first by (raised_at_ns, id), each with its `alert` and `ticket`."""
        c = FINDINGS.c
        query = _with_alert()
        for name, value in wanted.items():
            if isinstance(value, str):
                query = query.where(c[name] == value)
            elif value is not None:
                query = query.where(c[name].in_(value))
        if label is not None:
            # The column holds JSON as a text of ours: no blanks, so this is the label and nothing else.
            text = cast(c.labels, Text)
            told = [text.contains(f'"{label[0]}":"{value}"', autoescape=True) for value in label[1]]
            query = query.where(or_(*told))
        if from_ns is not None:
            query = query.where(c.raised_at_ns >= from_ns)
        if to_ns is not None:
            query = query.where(c.raised_at_ns < to_ns)
        if before is not None:
            query = query.where(tuple_(c.raised_at_ns, c.id) < before)
        return self._with_tickets(self._rows(query.order_by(c.raised_at_ns.desc(), c.id.desc()).limit(limit)))

    def finding(self, finding: str) -> Row | None:
        """One finding with its `alert` and `ticket`."""
        rows = self._with_tickets(self._rows(_with_alert().where(FINDINGS.c.id == finding)))
        return rows[0] if rows else None

    def _with_tickets(self, rows: Sequence[Row]) -> list[Row]:
        """Each with its `ticket`: the one of its cause, or the one that its cause has reopened; None for none."""
        names = {row["id"]: event_id("ticket", row["id"]) for row in rows}
        with self.reading() as connection:
            tickets = {name: name for name in known_among(connection, TICKETS.c.id, names.values())}
            n = TICKET_NAMES.c
            others = sorted(name for name in names.values() if name not in tickets)
            for start in range(0, len(others), _IN_ONE_QUESTION):
                these = n.name.in_(others[start : start + _IN_ONE_QUESTION])
                tickets |= {row.name: row.ticket for row in connection.execute(select(n.name, n.ticket).where(these))}
        return [{**row, "ticket": tickets.get(names[row["id"]])} for row in rows]

    def tickets_of(self, tickets: Sequence[str]) -> Mapping[str, Row]:
        """The rows of these tickets, by id."""
        found: dict[str, Row] = {}
        for start in range(0, len(tickets), _IN_ONE_QUESTION):
            these = TICKETS.c.id.in_(tickets[start : start + _IN_ONE_QUESTION])
            found |= {row["id"]: row for row in self._rows(select(TICKETS).where(these))}
        return found

    def known_devices(self, devices: Collection[str]) -> set[str]:
        """Those of these ids that are known."""
        wanted, found = sorted(devices), set[str]()
        with self.reading() as connection:
            for start in range(0, len(wanted), _IN_ONE_QUESTION):
                these = DEVICES.c.device.in_(wanted[start : start + _IN_ONE_QUESTION])
                found.update(connection.scalars(select(DEVICES.c.device).where(these)))
        return found

    def keep_reporter(self, key: str, at_ns: int, told: Mapping[str, str]) -> None:
        """Who reports the finding of this key; a repeat says nothing new."""
        row = {name: told.get(name, "") for name in REPORTER}
        c = FINDING_REPORTERS.c
        with self.writing() as connection:
            if connection.execute(select(c.key).where(c.key == key)).first() is None:
                connection.execute(insert(FINDING_REPORTERS), {"key": key, "at_ns": at_ns, **row})

    def forget_reporter(self, key: str) -> None:
        """What was not accepted has no reporter."""
        with self.writing() as connection:
            connection.execute(delete(FINDING_REPORTERS).where(FINDING_REPORTERS.c.key == key))

    def reporter(self, key: str) -> Row | None:
        """Who reported the finding of this key; None when nobody has said, or it is forgotten."""
        return self._row(select(FINDING_REPORTERS).where(FINDING_REPORTERS.c.key == key))

    def forget_reporters(self, before_ns: int) -> int:
        """Forget who reported before an instant; how many rows went."""
        with self.writing() as connection:
            return connection.execute(delete(FINDING_REPORTERS).where(FINDING_REPORTERS.c.at_ns < before_ns)).rowcount


def _with_alert() -> Select[Any]:
    return select(FINDINGS, ALERTS.c.id.label("alert")).outerjoin(ALERTS, ALERTS.c.cause == FINDINGS.c.id)
