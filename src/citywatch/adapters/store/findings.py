"""Reading of findings, and the people who reported some of them: the only table with their names and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, tuple_

from citywatch.adapters.store.schema import ALERTS, FINDING_REPORTERS, FINDINGS, TICKETS
from citywatch.ports import Row

REPORTER = ("first_name", "last_name", "email", "phone", "account", "client")


def listed(
    *,
    wanted: Mapping[str, object],
    from_ns: int | None = None,
    to_ns: int | None = None,
    before: tuple[int, str] | None = None,
    limit: int,
) -> Select[Any]:
    """Newest first by (raised_at_ns, id), each with its alert and ticket; `wanted` filters by columns: a value, or a
    list of them. From `from_ns` on, before `to_ns`."""
    c = FINDINGS.c
    query = _with_work()
    for name, value in wanted.items():
        if isinstance(value, list | tuple):
            query = query.where(c[name].in_(value))
        elif value is not None:
            query = query.where(c[name] == value)
    if from_ns is not None:
        query = query.where(c.raised_at_ns >= from_ns)
    if to_ns is not None:
        query = query.where(c.raised_at_ns < to_ns)
    if before is not None:
        query = query.where(tuple_(c.raised_at_ns, c.id) < before)
    return query.order_by(c.raised_at_ns.desc(), c.id.desc()).limit(limit)


def single(finding: str) -> Select[Any]:
    """One finding with its alert and ticket."""
    return _with_work().where(FINDINGS.c.id == finding)


def open_of(source: str) -> Select[Any]:
    """How many findings of a source are open."""
    c = FINDINGS.c
    return select(func.count()).where(c.source == source, c.state == "open")


def keep_reporter(connection: Connection, key: str, at_ns: int, told: Mapping[str, str]) -> None:
    """Who has reported the finding of this key."""
    row = {name: told.get(name, "") for name in REPORTER}
    connection.execute(insert(FINDING_REPORTERS), {"key": key, "at_ns": at_ns, **row})


def forget_reporter(connection: Connection, key: str) -> None:
    """What was never filed has no reporter."""
    connection.execute(delete(FINDING_REPORTERS).where(FINDING_REPORTERS.c.key == key))


def reporter(key: str) -> Select[Any]:
    return select(FINDING_REPORTERS).where(FINDING_REPORTERS.c.key == key)


def forget_reporters(connection: Connection, before_ns: int, rows: int) -> int:
    """Forget who reported before an instant, at most so many; how many went."""
    c = FINDING_REPORTERS.c
    old: Select[Any] = select(c.key).where(c.at_ns < before_ns).limit(rows)
    return connection.execute(delete(FINDING_REPORTERS).where(c.key.in_(old))).rowcount


def answers(connection: Connection, query: Select[Any]) -> Sequence[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _with_work() -> Select[Any]:
    a, t = ALERTS.c, TICKETS.c
    more = (a.id.label("alert"), t.id.label("ticket"))
    return (
        select(FINDINGS, *more).outerjoin(ALERTS, a.cause == FINDINGS.c.id).outerjoin(TICKETS, t.cause == FINDINGS.c.id)
    )
