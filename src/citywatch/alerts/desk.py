"""The alert desk of one partition, or of the incident stage: events and commands in, alert events out.

A row `alert/<id>` of the state exists as long as the alert is not resolved; its history is in the event log.

What opens again and again is folded. Alerts are *alike* when they are about the same device and kind (of findings: the
same key of the same source, too). A row `flap/<digest>` remembers when alike alerts have opened of late, as long as
none of them is open; once enough have opened within the time, the alert that did is *flapping*: it takes in every
further cause (`folded/<cause>`), and ends when none of them has been open for a while.

What waits for its time (the end of a moment, of a quiet while, the next step of an escalation) is due in the room
`alert-due`: an alert stands there at most once, so no tick walks over alerts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from citywatch.alerts.policy import AlertPolicy
from citywatch.alerts.table import MOVES
from citywatch.domain import by_device, dues
from citywatch.domain.alerts import AlertMove, AlertState
from citywatch.domain.cameras import DEVICE_REMOVED
from citywatch.domain.evasion import Evasion
from citywatch.domain.events import Event, EventKind, Severity, event_id, text_with
from citywatch.domain.incidents import INCIDENT, IncidentEnd
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Labels
from citywatch.domain.pictures import Fault
from citywatch.domain.state import Row, State

__all__ = ["ROOM", "AlertPolicy", "acknowledge", "alert_id", "kind_of", "on_event", "on_tick", "severity_of"]

ROOM = "alert"
FLAP = "flap"
FOLDED = "folded"
DUE = "alert-due"
_DESK = "alert-desk"
_MOST_AHEAD_NS = 86_400 * NS_PER_S
"""So far ahead of the last tick a pass may be real: nobody ticks while the processor is away. More is a wrong clock."""

_MOST_CHILDREN = 20
_MOST_FOLDED = 50
"""Causes of one flapping alert that are open at a time; there is hardly ever more than one."""

MOMENTS = frozenset({EventKind.OVERLOADED, EventKind.EVASION_SUSPECTED})
"""A passing vehicle is a moment, no state."""
OPENINGS = MOMENTS | {
    EventKind.FAULT_CONFIRMED,
    EventKind.FAULT_RELEASED,
    EventKind.INCIDENT_OPENED,
    EventKind.FINDING_RAISED,
    EventKind.EXERCISE_STARTED,
}
ENDINGS = frozenset(
    {EventKind.FAULT_CLEARED, EventKind.INCIDENT_CLOSED, EventKind.FINDING_CLEARED, EventKind.EXERCISE_ENDED}
)

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
    Fault.NO_PASSES: Severity.WARNING,
}
_FAULT_NAMES = {fault.value: fault.value for fault in Fault}


_DANGEROUS = frozenset({Evasion.WRONG_WAY})
_OVER = "over"

CLEARED, EXPIRED, QUIET = "cleared", "expired", "quiet"
"""Why alerts end, beside the ends of incidents and the removal of a device."""


def kind_of(event: Event) -> str:
    """What an alert about an opening is called: its label `alert`."""
    match event.kind:
        case EventKind.OVERLOADED | EventKind.EVASION_SUSPECTED:
            return event.kind.value
        case EventKind.INCIDENT_OPENED:
            return INCIDENT
        case EventKind.EXERCISE_STARTED if event.data.get("below"):
            return INCIDENT
        case EventKind.FINDING_RAISED:
            return str(event.data["kind"])
        case _:
            return _FAULT_NAMES[event.data["fault"]]


def severity_of(event: Event, policy: AlertPolicy) -> Severity:
    """How bad an opening is."""
    match event.kind:
        case EventKind.OVERLOADED:
            return _severity(event.data["over_percent"] >= policy.severe_over_percent)
        case EventKind.EVASION_SUSPECTED:
            merged = event.data["merged"]
            over = merged is not None and merged["decision"] == _OVER
            return _severity(event.data["evasion"] in _DANGEROUS or over)
        case EventKind.INCIDENT_OPENED:
            return Severity.CRITICAL
        case EventKind.EXERCISE_STARTED if event.data.get("below"):
            return Severity.CRITICAL
        case EventKind.FINDING_RAISED:
            return Severity(event.data["severity"])
        case _:
            return _FAULT_SEVERITY[event.data["fault"]]


def on_event(state: State, event: Event, now_ns: int, policy: AlertPolicy, labels: Labels) -> Iterator[Event]:
    """Open an alert for an opening; resolve it when that is over, or the device removed. Several signs of evasion of
    one vehicle have one cause, so one alert. `labels` are all labels of an opening; of other events they are not read.
    """
    if event.kind in OPENINGS:
        yield from _open(state, event, now_ns, policy, labels)
    elif event.kind in ENDINGS:
        alert = alert_of(state, event.cause)
        row = state.get(ROOM, alert)
        if row is not None:
            absorbed = event.data.get("reason") == IncidentEnd.ABSORBED
            if row.get("flapping") and not absorbed:
                _quieten(state, alert, row, event, now_ns, policy)
            else:
                yield _resolve(state, alert, row, event.at_ns, IncidentEnd.ABSORBED.value if absorbed else CLEARED)
                if not absorbed:
                    _remember(state, row, now_ns, policy)
    elif event.kind in (EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED):
        for alert in by_device.of(state, ROOM, event.device):
            row = state.get(ROOM, alert)
            if row is not None:
                yield _resolve(state, alert, row, event.at_ns, DEVICE_REMOVED)


def on_tick(state: State, now_ns: int) -> Iterator[Event]:
    """What has waited for its time: moments leave the desk, flapping ends, the next in line is called."""
    _settle_in(state)
    by_device.keep_up(state, ROOM)
    for _, what in dues.taken(state, DUE, now_ns):
        which, _, name = what.partition(".")
        if which == FLAP:
            state.drop(FLAP, name)
            continue
        row = state.get(ROOM, name)
        if row is not None:
            yield from _due(state, name, {**row, "due_ns": 0}, now_ns)


def next_due(state: State) -> int | None:
    """The first instant at which on_tick would do something."""
    _settle_in(state)
    due = dues.first(state, DUE)
    return None if due is None else due[0]


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
    _put(state, alert, {**row, "state": after.value, "command": command, "steps": []})
    data = {"alert": alert, "actor": actor, "command": command}
    kind = EventKind.ALERT_ACKNOWLEDGED
    return Event(event_id(kind, alert), kind, row["device"], at_ns, row["cause"], data)


@lru_cache(maxsize=1024)  # asked for again and again while one event goes from desk to desk
def alert_id(cause: str) -> str:
    """The one alert of a cause, unless another has taken it in (`alert_of`)."""
    return event_id("alert", cause)


def alert_of(state: State, cause: str) -> str:
    """The alert that stands for a cause: a flapping one that has taken it in, else its own."""
    folded = state.get(FOLDED, cause)
    return alert_id(cause) if folded is None else str(folded["alert"])


def stands(state: State, cause: str) -> bool:
    """Whether an alert stands for a cause, so that its opening would change nothing."""
    return _is_of(state.get(ROOM, alert_of(state, cause)), cause)


def _is_of(row: Row | None, cause: str) -> bool:
    return row is not None and (not row.get("flapping") or cause in row["causes"])


# opening


def _open(state: State, event: Event, now_ns: int, policy: AlertPolicy, labels: Labels) -> Iterator[Event]:
    alert = alert_of(state, event.cause)
    if _is_of(state.get(ROOM, alert), event.cause):
        return
    at_ns = now_ns or event.at_ns
    like = "" if event.kind in MOMENTS or event.kind is EventKind.EXERCISE_STARTED else _like(event)
    alike = state.get(FLAP, like) if like else None
    if alike is not None and alike.get("alert"):
        yield from _fold(state, event, str(alike["alert"]), at_ns)
        return
    opened = [] if alike is None else [ns for ns in alike["opened"] if ns > at_ns - policy.flapping.within_ns]
    if alike is not None:
        _forget(state, like, alike)
    if like and policy.flapping.openings:
        opened = [*opened, at_ns][-policy.flapping.openings :]
    flapping = bool(like) and 0 < policy.flapping.openings <= len(opened)
    row = {
        "cause": event.cause,
        "device": event.device,
        "state": AlertState.OPEN.value,
        "expires_ns": _expires_ns(event, now_ns, policy) if event.kind in MOMENTS else 0,
        "command": "",
        "like": like,
        "opened": opened,
        "steps": [[at_ns + after_ns, to] for after_ns, to in policy.steps_for(labels)],
        "level": 0,
        "due_ns": 0,
    }
    if flapping:
        row |= {"flapping": True, "count": len(opened), "causes": [event.cause], "quiet_until_ns": 0}
        state.put(FLAP, like, {"alert": alert})
    _put(state, alert, row)
    subject = dict(event.data)
    if event.kind is EventKind.INCIDENT_OPENED:
        # The incident itself has them all, with what became of each.
        subject["children"] = [child["device"] for child in subject["children"]][:_MOST_CHILDREN]
    data = {
        "alert": alert,
        "kind": labels.get("alert") or kind_of(event),
        "severity": labels.get("severity") or severity_of(event, policy).value,
        "subject": subject,
        "labels": dict(labels),
        "exercise": event.kind is EventKind.EXERCISE_STARTED,
    }
    # What was found is told twice, and made a text once.
    body = "" if event.kind is EventKind.INCIDENT_OPENED else text_with(data, "subject", event.text())
    told = EventKind.ALERT_OPENED
    yield Event(event_id(told, alert), told, event.device, event.at_ns, event.cause, data, body)
    if flapping:
        yield _flapping(alert, row, event, opened[0])


def _expires_ns(event: Event, now_ns: int, policy: AlertPolicy) -> int:
    """When the alert about a passing vehicle leaves the desk. A clock years ahead leaves none that never goes."""
    from_ns = max(now_ns, min(event.at_ns, now_ns + _MOST_AHEAD_NS)) if now_ns else event.at_ns
    return from_ns + policy.overload_hold_seconds * NS_PER_S


def _like(event: Event) -> str:
    """What alike openings have in common."""
    if event.kind is EventKind.FINDING_RAISED:
        return event_id(FLAP, event.device, kind_of(event), event.data["source"], event.data.get("key", event.cause))
    return event_id(FLAP, event.device, kind_of(event))


# flapping


def _fold(state: State, event: Event, alert: str, at_ns: int) -> Iterator[Event]:
    """A flapping alert takes in one more cause."""
    row = state.get(ROOM, alert)
    if row is None:
        raise ValueError(f"alert {alert} is flapping and is not open")
    after = _moved(row, alert, AlertMove.FLAP)
    causes = [*row["causes"], event.cause][-_MOST_FOLDED:]
    # The steps that came due while it was quiet were not taken: whoever is next is called from here on.
    steps = [[max(due_ns, at_ns + 1), to] for due_ns, to in row["steps"]]
    row = {**after, "count": row["count"] + 1, "causes": causes, "quiet_until_ns": 0, "steps": steps}
    state.put(FOLDED, event.cause, {"alert": alert})
    _put(state, alert, row)
    yield _flapping(alert, row, event, row["opened"][0])


def _flapping(alert: str, row: Row, event: Event, since_ns: int) -> Event:
    kind = EventKind.ALERT_FLAPPING
    folded = event.cause if event.cause != row["cause"] else ""
    data = {"alert": alert, "openings": row["count"], "since_ns": since_ns, "folded": folded}
    return Event(event_id(kind, alert, row["count"]), kind, row["device"], event.at_ns, row["cause"], data)


def _quieten(state: State, alert: str, row: Row, event: Event, now_ns: int, policy: AlertPolicy) -> None:
    """A cause of a flapping alert is over; when it was the last one the quiet while begins."""
    state.drop(FOLDED, event.cause)
    causes = [cause for cause in row["causes"] if cause != event.cause]
    quiet_until_ns = 0 if causes else (now_ns or event.at_ns) + policy.flapping.quiet_ns
    _put(state, alert, {**row, "causes": causes, "quiet_until_ns": quiet_until_ns})


def _remember(state: State, row: Row, now_ns: int, policy: AlertPolicy) -> None:
    """An alert is over; if it has opened of late, the next one like it may be flapping."""
    like, opened = row.get("like", ""), row.get("opened", [])
    if not like or not opened or not policy.flapping.openings:
        return
    alike = state.get(FLAP, like)
    if alike is not None:
        if alike.get("alert"):
            return
        opened = sorted([*alike["opened"], *opened])[-policy.flapping.openings :]
        _forget(state, like, alike)
    until_ns = opened[-1] + policy.flapping.within_ns
    if until_ns > now_ns:
        state.put(FLAP, like, {"opened": opened, "until_ns": until_ns})
        dues.put(state, DUE, until_ns, f"{FLAP}.{like}")


def _forget(state: State, like: str, alike: Row) -> None:
    state.drop(FLAP, like)
    dues.drop(state, DUE, alike["until_ns"], f"{FLAP}.{like}")


# what is due


def _due(state: State, alert: str, row: Row, now_ns: int) -> Iterator[Event]:
    if row["expires_ns"] and row["expires_ns"] <= now_ns:
        yield _resolve(state, alert, row, now_ns, EXPIRED)
    elif row.get("quiet_until_ns", 0) and row["quiet_until_ns"] <= now_ns:
        yield _resolve(state, alert, row, now_ns, QUIET)
    else:
        while _next_step_ns(row) and _next_step_ns(row) <= now_ns:
            (_, to), *left = row["steps"]
            row = {**_moved(row, alert, AlertMove.ESCALATE), "steps": left, "level": row["level"] + 1}
            kind = EventKind.ALERT_ESCALATED
            data = {"alert": alert, "level": row["level"], "to": to}
            yield Event(event_id(kind, alert, row["level"]), kind, row["device"], now_ns, row["cause"], data)
        _put(state, alert, row)


def _next_step_ns(row: Row) -> int:
    """When the next in line is called, 0 for never: nobody is while a flapping alert is quiet."""
    steps = row.get("steps")
    return int(steps[0][0]) if steps and not row.get("quiet_until_ns", 0) else 0


def _put(state: State, alert: str, row: Row) -> None:
    """The row, due when it next has something to do."""
    waits = (row["expires_ns"], row.get("quiet_until_ns", 0), _next_step_ns(row))
    due_ns = min(filter(None, waits), default=0)
    before_ns = row.get("due_ns", 0)
    if due_ns != before_ns:
        if before_ns:
            dues.drop(state, DUE, before_ns, f"{ROOM}.{alert}")
        if due_ns:
            dues.put(state, DUE, due_ns, f"{ROOM}.{alert}")
    state.put(ROOM, alert, {**row, "due_ns": due_ns})


def _settle_in(state: State) -> None:
    """Rows from before there were dues are given theirs, once."""
    if state.get(_DESK, _DESK) is None:
        for alert, row in list(state.room(ROOM)):
            if "due_ns" not in row:
                _put(state, alert, dict(row))
        state.put(_DESK, _DESK, {"dues": 1})


# ending


def _resolve(state: State, alert: str, row: Row, at_ns: int, reason: str) -> Event:
    _moved(row, alert, AlertMove.RESOLVE)
    if row.get("due_ns"):
        dues.drop(state, DUE, row["due_ns"], f"{ROOM}.{alert}")
    if row.get("flapping"):
        state.drop(FLAP, row["like"])
        for cause in row["causes"]:
            state.drop(FOLDED, cause)
    state.drop(ROOM, alert)
    kind = EventKind.ALERT_RESOLVED
    return Event(event_id(kind, alert), kind, row["device"], at_ns, row["cause"], {"alert": alert, "reason": reason})


def _moved(row: Row, alert: str, move: AlertMove) -> dict[str, Any]:
    """The row after a move of the table."""
    after = MOVES.get((AlertState(row["state"]), move))
    if after is None:
        raise ValueError(f"alert {alert} is {row['state']}: it cannot {move}")
    return {**row, "state": after.value}


def _severity(severe: bool) -> Severity:
    return Severity.CRITICAL if severe else Severity.WARNING
