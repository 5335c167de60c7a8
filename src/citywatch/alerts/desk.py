"""The alert desk of one partition: events and commands in, alert events out.

A row `alert/<id>` of the state exists as long as the alert is not resolved; its history is in the event log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from citywatch.alerts.table import MOVES
from citywatch.domain.alerts import AlertMove, AlertState
from citywatch.domain.cameras import DEVICE_REMOVED
from citywatch.domain.evasion import Evasion
from citywatch.domain.events import Event, EventKind, Severity, event_id
from citywatch.domain.incidents import INCIDENT, IncidentEnd
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.domain.state import Row, State

ROOM = "alert"
_MOST_AHEAD_NS = 86_400 * NS_PER_S
"""So far ahead of the last tick a pass may be real: nobody ticks while the processor is away. More is a wrong clock."""

_MOST_CHILDREN = 20

_FAULT_SEVERITY = {
    Fault.UNREACHABLE: Severity.CRITICAL,
    Fault.NO_MEDIA: Severity.CRITICAL,
    Fault.STALLED: Severity.CRITICAL,
    Fault.BLACK: Severity.CRITICAL,
    Fault.FROZEN: Severity.CRITICAL,
    Fault.COVERED: Severity.CRITICAL,
    Fault.OVER_EXPOSED: Severity.WARNING,
    Fault.PARTLY_COVERED: Severity.WARNING,
    Fault.OUT_OF_FOCUS: Severity.WARNING,
    Fault.MOVED: Severity.CRITICAL,
    Fault.SHAKING: Severity.WARNING,
    Fault.COLOUR_CAST: Severity.WARNING,
    Fault.SNOW: Severity.WARNING,
    Fault.STRIPES: Severity.WARNING,
    Fault.MOSAIC: Severity.WARNING,
    Fault.LOW_CONTRAST: Severity.WARNING,
    Fault.INFRARED_STUCK: Severity.WARNING,
    Fault.LOW_FRAME_RATE: Severity.WARNING,
    Fault.CLOCK_WRONG: Severity.WARNING,
    Fault.SILENT: Severity.CRITICAL,
    Fault.WEIGHT_DRIFT: Severity.WARNING,
    Fault.SPEED_DRIFT: Severity.WARNING,
    Fault.SIDES_UNEQUAL: Severity.WARNING,
    Fault.BAD_RECORDS: Severity.WARNING,
}


_DANGEROUS = frozenset({Evasion.WRONG_WAY})
_OVER = "over"


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """`overload_hold_seconds`: a passing vehicle is a moment, no state; its alert leaves the desk after this long.
    `severe_over_percent`: from here on an overload is critical (the band that the reference city reports apart).
    """

    overload_hold_seconds: int = 1800
    severe_over_percent: float = 30.0


def on_event(state: State, event: Event, now_ns: int, policy: AlertPolicy) -> Iterator[Event]:
    """Open an alert for an overload, an evasion or a confirmed fault; resolve it when that is cleared, or the device
    removed. Several signs of evasion of one vehicle have one cause, so one alert.
    """
    if event.kind is EventKind.OVERLOADED:
        severe = event.data["over_percent"] >= policy.severe_over_percent
        yield from _open(
            state, event, EventKind.OVERLOADED.value, _severity(severe), _expires_ns(event, now_ns, policy)
        )
    elif event.kind is EventKind.EVASION_SUSPECTED:
        merged = event.data["merged"]
        severe = event.data["evasion"] in _DANGEROUS or (merged is not None and merged["decision"] == _OVER)
        kind = EventKind.EVASION_SUSPECTED.value
        yield from _open(state, event, kind, _severity(severe), _expires_ns(event, now_ns, policy))
    elif event.kind in (EventKind.FAULT_CONFIRMED, EventKind.FAULT_RELEASED):
        fault = Fault(event.data["fault"])
        yield from _open(state, event, fault.value, _FAULT_SEVERITY[fault], 0)
    elif event.kind is EventKind.INCIDENT_OPENED:
        yield from _open(state, event, INCIDENT, Severity.CRITICAL, 0)
    elif event.kind in (EventKind.FAULT_CLEARED, EventKind.INCIDENT_CLOSED):
        alert = alert_id(event.cause)
        row = state.get(ROOM, alert)
        if row is not None:
            absorbed = event.data.get("reason") == IncidentEnd.ABSORBED
            yield _resolve(state, alert, row, event.at_ns, IncidentEnd.ABSORBED.value if absorbed else "cleared")
    elif event.kind is EventKind.CAMERA_REMOVED:
        for alert, row in state.room(ROOM):
            if row["device"] == event.device:
                yield _resolve(state, alert, row, event.at_ns, DEVICE_REMOVED)


def on_tick(state: State, now_ns: int) -> Iterator[Event]:
    """Take alerts about moments from the desk when their time is over."""
    for alert, row in state.room(ROOM):
        if row["expires_ns"] and row["expires_ns"] <= now_ns:
            yield _resolve(state, alert, row, now_ns, "expired")


def acknowledge(state: State, alert: str, *, at_ns: int, actor: str, command: str) -> Event | str:
    """The event, or the reason why not: `not_open`, `already_acknowledged`, or `repeated` for the same command."""
    row = state.get(ROOM, alert)
    if row is None:
        return "not_open"
    if row["command"] == command:
        return "repeated"
    after = MOVES.get((AlertState(row["state"]), AlertMove.ACKNOWLEDGE))
    if after is None:
        return "already_acknowledged"
    state.put(ROOM, alert, {**row, "state": after.value, "command": command})
    data = {"alert": alert, "actor": actor, "command": command}
    kind = EventKind.ALERT_ACKNOWLEDGED
    return Event(event_id(kind, alert), kind, row["device"], at_ns, row["cause"], data)


def alert_id(cause: str) -> str:
    """The one alert of a cause."""
    return event_id("alert", cause)


def _expires_ns(event: Event, now_ns: int, policy: AlertPolicy) -> int:
    """When the alert about a passing vehicle leaves the desk. A clock years ahead leaves none that never goes."""
    from_ns = max(now_ns, min(event.at_ns, now_ns + _MOST_AHEAD_NS)) if now_ns else event.at_ns
    return from_ns + policy.overload_hold_seconds * NS_PER_S


def _open(state: State, event: Event, kind: str, severity: Severity, expires_ns: int) -> Iterator[Event]:
    alert = alert_id(event.cause)
    if state.get(ROOM, alert) is not None:
        return
    row = {
        "cause": event.cause,
        "device": event.device,
        "state": AlertState.OPEN.value,
        "expires_ns": expires_ns,
        "command": "",
    }
    state.put(ROOM, alert, row)
    subject = dict(event.data)
    if event.kind is EventKind.INCIDENT_OPENED:
        # The incident itself has them all, with what became of each.
        subject["children"] = [child["device"] for child in subject["children"]][:_MOST_CHILDREN]
    data = {"alert": alert, "kind": kind, "severity": severity.value, "subject": subject}
    opened = EventKind.ALERT_OPENED
    yield Event(event_id(opened, alert), opened, event.device, event.at_ns, event.cause, data)


def _resolve(state: State, alert: str, row: Row, at_ns: int, reason: str) -> Event:
    if (AlertState(row["state"]), AlertMove.RESOLVE) not in MOVES:
        raise ValueError(f"alert {alert} is {row['state']}: it cannot be resolved")
    state.drop(ROOM, alert)
    kind = EventKind.ALERT_RESOLVED
    return Event(event_id(kind, alert), kind, row["device"], at_ns, row["cause"], {"alert": alert, "reason": reason})


def _severity(severe: bool) -> Severity:
    return Severity.CRITICAL if severe else Severity.WARNING
