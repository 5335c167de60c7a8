"""Forget what is over and old. What is open stays, and so does the past that an open thing needs.

Rows go in small transactions, so that nobody waits long for the write lock, and a pruning that is cut short has
simply pruned less. No clock is read: whoever calls says what is old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import Column, Connection, Select, delete, exists, select

from citywatch.adapters.store.schema import (
    ALERT_CHANGES,
    ALERTS,
    AUDIT,
    CAMERAS,
    COMMANDS,
    CORRECTIONS,
    DELIVERIES,
    DEVICE_STATES,
    DISAGREEMENTS,
    EVENTS,
    EXERCISES,
    FINDINGS,
    INCIDENT_CHILDREN,
    INCIDENTS,
    SHIFT_LOG,
    SILENCES,
    SOURCES,
    TICKETS,
    WINDOWS,
)
from citywatch.domain.alerts import AlertState
from citywatch.domain.tickets import TicketState


def prune(
    writing: Callable[[], AbstractContextManager[Connection]], before_ns: int, *, rows: int = 1000
) -> dict[str, int]:
    """Delete what is over before `before_ns`, at most `rows` rows a transaction; how many rows went, by table.

    - alert_changes of alerts that are resolved; tickets that are closed, with their steps;
    - alerts that are resolved and whose ticket, if any, is closed;
    - device_states that a later change of the same device had replaced by then;
    - cameras that were removed, unless the configuration still names them;
    - what sources claim no longer, and disagreements that have ended;
    - incidents that are closed and that no child is still to come back from, with their children;
    - corrections that were never in force and are settled;
    - silences and maintenance windows that are over;
    - findings that are over and whose ticket, if any, is closed;
    - exercises that are over, and the log of shifts;
    - deliveries that are settled, with their attempts;
    - events whose alert or ticket is not open; verdicts of commands; audit lines.
    """
    gone: dict[str, int] = {}
    for key, old in _old(before_ns):
        table = key.table
        gone[table.name] = 0
        while True:
            with writing() as connection:
                done = connection.execute(delete(table).where(key.in_(old.limit(rows)))).rowcount
            gone[table.name] += done
            if done < rows:
                break
    return gone


def _old(before_ns: int) -> Iterator[tuple[Column[str] | Column[int], Select[str] | Select[int]]]:
    """Per table its key and the query for the keys that may go; tickets go before the alerts they belong to."""
    change, alert, ticket, event = ALERT_CHANGES.c, ALERTS.c, TICKETS.c, EVENTS.c
    alert_is_open = alert.state != AlertState.RESOLVED.value
    ticket_is_open = ticket.state != TicketState.CLOSED.value

    yield (
        change.seq,
        select(change.seq)
        .where(change.at_ns < before_ns, ~exists().where(alert.id == change.alert, alert_is_open))
        .order_by(change.seq),
    )
    yield ticket.id, select(ticket.id).where(ticket.closed_at_ns < before_ns, ~ticket_is_open)
    yield (
        alert.id,
        select(alert.id)
        .where(alert.resolved_at_ns < before_ns, ~alert_is_open)
        .where(~exists().where(ticket.alert == alert.id, ticket_is_open)),
    )
    earlier, later = DEVICE_STATES.c, DEVICE_STATES.alias("later").c
    yield (
        earlier.seq,
        select(earlier.seq).where(
            exists().where(
                later.device == earlier.device,
                later.seq > earlier.seq,
                later.worst_from_ns <= before_ns,
                later.best_from_ns <= before_ns,
            )
        ),
    )
    yield (
        event.id,
        select(event.id)
        .where(event.at_ns < before_ns)
        .where(~exists().where(alert.cause == event.cause, alert_is_open))
        .where(~exists().where(ticket.cause == event.cause, ticket_is_open)),
    )
    camera = CAMERAS.c
    yield camera.camera, select(camera.camera).where(camera.removed_at_ns < before_ns, camera.file == "")
    source, disagreement = SOURCES.c, DISAGREEMENTS.c
    yield source.id, select(source.id).where(source.since_ns < before_ns, source.claim.in_(("over", "lapsed")))
    yield disagreement.cause, select(disagreement.cause).where(disagreement.until_ns < before_ns)
    incident, child = INCIDENTS.c, INCIDENT_CHILDREN.c
    yield (
        incident.id,
        select(incident.id)
        .where(incident.closed_at_ns < before_ns)
        .where(~exists().where(child.incident == incident.id, child.left_at_ns.is_(None))),
    )
    for quiet in (SILENCES.c, WINDOWS.c):
        yield quiet.id, select(quiet.id).where(quiet.to_ns < before_ns)
    settled = CORRECTIONS.c
    yield (
        settled.id,
        select(settled.id).where(settled.settled_at_ns < before_ns, settled.state.in_(("superseded", "withdrawn"))),
    )
    played, shift = EXERCISES.c, SHIFT_LOG.c
    yield played.id, select(played.id).where(played.ended_at_ns < before_ns)
    yield shift.id, select(shift.id).where(shift.at_ns < before_ns)
    found = FINDINGS.c
    yield (
        found.id,
        select(found.id)
        .where(found.cleared_at_ns < before_ns)
        .where(~exists().where(ticket.cause == found.id, ticket_is_open)),
    )
    sent = DELIVERIES.c
    yield sent.seq, select(sent.seq).where(sent.settled_at_ns < before_ns).order_by(sent.seq)
    yield COMMANDS.c.command, select(COMMANDS.c.command).where(COMMANDS.c.at_ns < before_ns)
    yield AUDIT.c.seq, select(AUDIT.c.seq).where(AUDIT.c.at_ns < before_ns).order_by(AUDIT.c.seq)
