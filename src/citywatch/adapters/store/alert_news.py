"""The table of changes of alerts: what of an alert's row a change keeps, and how it is read.

What an alert is about stands once, in its own row: it never changes, and is most of it. Rows of before have it, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from citywatch.adapters.store.schema import ALERT_CHANGES, ALERTS
from citywatch.ports import Row

_STANDS = ("subject", "labels")
_COLUMNS = tuple(column.name for column in ALERTS.columns)


def kept(alert: Mapping[str, Any]) -> dict[str, Any]:
    """What a change says of its alert: the row without what never changes."""
    return {name: value for name, value in alert.items() if name not in _STANDS}


def read(connection: Connection, *, after: int, limit: int | None) -> list[Row]:
    """Changes behind a number, oldest first. `body` is the alert's whole row, as it was after the change."""
    change, alert = ALERT_CHANGES.c, ALERTS.c
    query = (
        select(ALERT_CHANGES, *(alert[name].label(f"alert_{name}") for name in _STANDS))
        .join(ALERTS, alert.id == change.alert)
        .where(change.seq > after)
        .order_by(change.seq)
        .limit(limit)
    )
    return [_whole(dict(row)) for row in connection.execute(query).mappings()]


def _whole(row: dict[str, Any]) -> Row:
    body = {name: row.pop(f"alert_{name}") for name in _STANDS} | row["body"]
    return {**row, "body": {name: body[name] for name in _COLUMNS if name in body}}
