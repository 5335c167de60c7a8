"""The table of changes of alerts: what of an alert's row a change keeps, and how it is read.

What an alert is about stands once, in its own row: it never changes, and is most of it. Of the rest a change keeps what
is other than at the alert's opening, so the opening itself keeps nothing. Rows of before have more, and are read as
they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from citywatch.adapters.store.schema import ALERT_CHANGES, ALERTS
from citywatch.domain.alerts import AlertState
from citywatch.ports import Row

AT_OPENING: dict[str, Any] = {
    "state": AlertState.OPEN.value,
    "acknowledged_at_ns": None,
    "acknowledged_by": "",
    "resolved_at_ns": None,
    "resolution": "",
    "escalation": 0,
    "escalated_to": "",
    "flapping": False,
    "openings": 1,
}
"""What may change of an alert, as it is when it opens. It holds of every later version: changes are told by it."""
_COLUMNS = tuple(column.name for column in ALERTS.columns)
_STANDS = tuple(name for name in _COLUMNS if name not in AT_OPENING)


def kept(alert: Mapping[str, Any]) -> dict[str, Any]:
    """What a change says of its alert: what is other than at its opening."""
    return {name: alert[name] for name, value in AT_OPENING.items() if alert[name] != value}


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
    body = {name: row.pop(f"alert_{name}") for name in _STANDS} | AT_OPENING | row["body"]
    return {**row, "body": {name: body[name] for name in _COLUMNS}}
