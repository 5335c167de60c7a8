"""Alerts in the tables: opened, moved, resolved; silences and maintenance windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from citywatch.adapters.store.alert_news import AT_OPENING, kept
from citywatch.adapters.store.fold_rows import Rows, accepted, storables, text, texts, whole
from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import SILENCES, WINDOWS
from citywatch.domain.alerts import AlertState
from citywatch.domain.events import Event, EventKind, Severity

if TYPE_CHECKING:
    from citywatch.adapters.store.fold import Tables

_named = itemgetter("alert", "kind")
_SILENCES = frozenset({EventKind.SILENCE_SET, EventKind.SILENCE_ENDED})
_WINDOWS = frozenset({EventKind.WINDOW_SET, EventKind.WINDOW_ENDED})


class WindowRows:
    """The tables of silences and windows, as far as a run of events touches them."""

    def __init__(self) -> None:
        self.silences = Rows(SILENCES)
        self.windows = Rows(WINDOWS)

    def read(self, connection: Connection, run: Run) -> None:
        self.silences.read(connection, {text(event, "silence") for event in run.of(*_SILENCES)})
        self.windows.read(connection, {text(event, "window") for event in run.of(*_WINDOWS)})

    def write(self, connection: Connection) -> None:
        self.silences.write(connection)
        self.windows.write(connection)


def _opened(tables: Tables, event: Event) -> None:
    alert, kind = storables(_named(event.data))
    if tables.alerts.get(alert) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.alerts.make(
        {
            "id": alert,
            "cause": event.cause,
            "device": event.device,
            "kind": kind,
            "severity": Severity(event.data["severity"]).value,
            "opened_at_ns": event.at_ns,
            "subject": _mapping(event, "subject"),
            # Alerts of before there were labels have none.
            "labels": texts(event.data.get("labels", {})),
            "exercise": bool(event.data.get("exercise", False)),
            **AT_OPENING,
        }
    )
    tables.alert_changes.append({"alert": alert, "change": "opened", "at_ns": event.at_ns, "body": {}})


def _acknowledged(tables: Tables, event: Event) -> None:
    values = {
        "state": AlertState.ACKNOWLEDGED.value,
        "acknowledged_at_ns": event.at_ns,
        "acknowledged_by": text(event, "actor"),
    }
    _changed(tables, event, "acknowledged", values)
    accepted(tables.commands, event)


def _resolved(tables: Tables, event: Event) -> None:
    values = {
        "state": AlertState.RESOLVED.value,
        "resolved_at_ns": event.at_ns,
        "resolution": text(event, "reason"),
    }
    _changed(tables, event, "resolved", values)


def _flapping(tables: Tables, event: Event) -> None:
    _changed(tables, event, "flapping", {"flapping": True, "openings": whole(event, "openings")})
    device = tables.devices.get(event.device)
    if device is not None and event.data.get("folded"):
        # The fault has no alert of its own: whoever looks at the device is led to the one that stands for it.
        here = {"alert": text(event, "alert")}
        faults = [fault | here if fault["cause"] == event.data["folded"] else fault for fault in device["faults"]]
        tables.devices.change(event.device, faults=faults)


def _escalated(tables: Tables, event: Event) -> None:
    _changed(tables, event, "escalated", {"escalation": whole(event, "level"), "escalated_to": text(event, "to")})


def _changed(tables: Tables, event: Event, change: str, values: dict[str, Any]) -> None:
    alert = text(event, "alert")
    row = tables.alerts.get(alert)
    if row is None or row["state"] == AlertState.RESOLVED.value:
        tables.unmatched[event.kind.value] += 1
        return
    _news(tables, event, change, kept(tables.alerts.change(alert, **values)))


def _news(tables: Tables, event: Event, change: str, body: dict[str, Any]) -> None:
    tables.alert_changes.append({"alert": text(event, "alert"), "change": change, "at_ns": event.at_ns, "body": body})


def _silence_set(tables: Tables, event: Event) -> None:
    silence = text(event, "silence")
    if tables.quiet.silences.get(silence) is None:
        tables.quiet.silences.make({"id": silence, **_declared(event)})
    accepted(tables.commands, event)


def _window_set(tables: Tables, event: Event) -> None:
    window = text(event, "window")
    if tables.quiet.windows.get(window) is None:
        rule = None if event.data["rule"] is None else _mapping(event, "rule")
        more = {"kind": text(event, "kind"), "rule": rule, "withdrawn": False}
        tables.quiet.windows.make({"id": window, **_declared(event), **more})
    accepted(tables.commands, event)


def _declared(event: Event) -> dict[str, Any]:
    return {
        "matcher": _mapping(event, "matcher"),
        "from_ns": whole(event, "from_ns"),
        "to_ns": whole(event, "to_ns"),
        "reason": text(event, "reason"),
        "actor": text(event, "actor"),
        "set_at_ns": event.at_ns,
        "ended_at_ns": None,
        "ended_by": "",
    }


def _silence_ended(tables: Tables, event: Event) -> None:
    _ended(tables, event, tables.quiet.silences, text(event, "silence"), {})


def _window_ended(tables: Tables, event: Event) -> None:
    more = {"withdrawn": bool(event.data["withdraw"])}
    _ended(tables, event, tables.quiet.windows, text(event, "window"), more)


def _ended(tables: Tables, event: Event, rows: Rows, key: str, more: Mapping[str, Any]) -> None:
    if rows.get(key) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        rows.change(key, ended_at_ns=event.at_ns, ended_by=text(event, "actor"), **more)
    accepted(tables.commands, event)


def _mapping(event: Event, field: str) -> dict[str, Any]:
    value = event.data.get(field, {})
    if not isinstance(value, Mapping):
        raise TypeError(f"{field}: a mapping is wanted")
    return dict(value)


HANDLERS: Mapping[EventKind, Callable[[Tables, Event], None]] = {
    EventKind.ALERT_OPENED: _opened,
    EventKind.ALERT_ACKNOWLEDGED: _acknowledged,
    EventKind.ALERT_RESOLVED: _resolved,
    EventKind.ALERT_FLAPPING: _flapping,
    EventKind.ALERT_ESCALATED: _escalated,
    EventKind.SILENCE_SET: _silence_set,
    EventKind.SILENCE_ENDED: _silence_ended,
    EventKind.WINDOW_SET: _window_set,
    EventKind.WINDOW_ENDED: _window_ended,
}
