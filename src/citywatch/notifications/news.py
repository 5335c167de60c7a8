"""What happened to an alert or a ticket, in the form that routes and texts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from citywatch.domain.instants import format_instant
from citywatch.domain.labels import LABELS, Labels
from citywatch.domain.plates import mask

ALERTS = "alerts"
TICKETS = "tickets"
"""The two streams, by the tables `alert_changes` and `ticket_steps`."""

TICKET = "ticket_"
"""Changes of tickets are their steps behind this word: `ticket_warned`, `ticket_breached`."""

STEPS = (
    "filed",
    "dispatched",
    "accepted",
    "held",
    "resumed",
    "clocks_stopped",
    "clocks_resumed",
    "handled",
    "verified",
    "closed",
    "reopened",
    "noted",
    "warned",
    "breached",
)
CHANGES = ("opened", "acknowledged", "escalated", "flapping", "resolved", *(TICKET + step for step in STEPS))
"""Everything that can be told of."""

USUAL = ("opened", "acknowledged", "escalated", "flapping", "resolved", "ticket_warned", "ticket_breached")
"""What is told of where a route does not say otherwise."""

_MOST_FIGURES = 24
_MOST_CHARACTERS = 200
_PLATES = frozenset({"plate", "rear_plate"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one subject (`alert/ID` or `ticket/ID`).

    `level` is the alert's step of escalation, 0 before the first; of a ticket's clock that is out, how often that was
    told before. `cause` is what it belongs to (an alert's cause is
    the id of its fault or incident). `view` is what receivers are told of the subject as it is after the change.
    """

    stream: str
    seq: int
    subject: str
    what: str
    at_ns: int
    labels: Labels
    level: int
    is_open: bool
    is_acknowledged: bool
    cause: str
    view: Mapping[str, Any]
    note: str = ""


def of_alert(row: Row) -> Change:
    """From a row of `alert_changes`, whose `body` is the alert's row. Rows of earlier versions have no labels."""
    alert = row["body"]
    state = alert["state"]
    labels = _labels(alert.get("labels"), alert["device"], alert["kind"], alert["severity"], alert.get("exercise"))
    return Change(
        ALERTS,
        row["seq"],
        f"alert/{alert['id']}",
        row["change"],
        row["at_ns"],
        labels,
        int(alert.get("escalation") or 0),
        state != "resolved",
        state == "acknowledged",
        alert["cause"],
        {
            "id": alert["id"],
            "device": alert["device"],
            "kind": alert["kind"],
            "severity": alert["severity"],
            "state": state,
            "opened_at": format_instant(alert["opened_at_ns"]),
            "acknowledged_by": alert["acknowledged_by"],
            "resolved_at": _shown(alert["resolved_at_ns"]),
            "resolution": alert["resolution"],
            "escalation": int(alert.get("escalation") or 0),
            "escalated_to": str(alert.get("escalated_to") or ""),
            "flapping": bool(alert.get("flapping")),
            "openings": int(alert.get("openings") or 1),
            "exercise": bool(alert.get("exercise")),
            "labels": labels,
            "figures": figures(alert["subject"]),
        },
    )


def of_ticket(step: Row, ticket: Row) -> Change:
    """From a row of `ticket_steps` and the ticket's row. A ticket's change is a moment: nothing of it stays open.

    A clock that has run out is told again at growing distances: `level` counts these.
    """
    detail = step.get("detail") or {}
    labels = _labels(
        ticket.get("labels"), ticket["device"], ticket["fault"], ticket.get("severity"), ticket.get("exercise")
    )
    return Change(
        TICKETS,
        step["seq"],
        f"ticket/{ticket['id']}",
        TICKET + step["step"],
        step["at_ns"],
        labels,
        int(detail.get("level") or 0),
        False,
        False,
        ticket["cause"],
        {
            "id": ticket["id"],
            "alert": ticket["alert"],
            "device": ticket["device"],
            "kind": ticket["fault"],
            "state": ticket["state"],
            "filed_at": format_instant(ticket["filed_at_ns"]),
            "accepted_by": ticket["accepted_by"],
            "team": str(ticket.get("team") or ""),
            "contractor": str(ticket.get("contractor") or ""),
            "response_due_at": _shown(ticket.get("response_due_ns")),
            "repair_due_at": _shown(ticket.get("repair_due_ns")),
            "clock": str(detail.get("clock") or ""),
            "due_at": _shown(detail.get("due_ns")),
            "resolution": ticket["resolution"],
            "exercise": bool(ticket.get("exercise")),
            "labels": labels,
        },
        _cut(step["reason"] or step["note"]),
    )


def figures(subject: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of an alert's subject, bounded, its plates masked."""
    found: dict[str, Any] = {}
    for name, value in subject.items():
        if len(found) >= _MOST_FIGURES:
            break
        if isinstance(value, str):
            found[name] = mask(value) if name in _PLATES else _cut(value)
        elif isinstance(value, bool | int | float):
            found[name] = value
    return found


def _labels(known: object, device: str, kind: str, severity: object, exercise: object) -> dict[str, str]:
    labels = dict.fromkeys(LABELS, "")
    if isinstance(known, Mapping):
        labels |= {name: value for name, value in known.items() if name in LABELS and isinstance(value, str)}
    labels["device"] = labels["device"] or device
    labels["alert"] = labels["alert"] or kind
    labels["severity"] = labels["severity"] or str(severity or "")
    labels["exercise"] = "yes" if exercise else labels["exercise"]
    return labels


def _shown(at_ns: int | None) -> str | None:
    return None if at_ns is None or at_ns < 0 else format_instant(at_ns)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
