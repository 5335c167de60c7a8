"""Lawful random histories of events, and the whole content of a store, for tests that compare the two."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from sqlalchemy import select

from citywatch.adapters.store.schema import METADATA
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.cameras import DEVICE_REMOVED
from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, Severity, event_id
from citywatch.domain.faults import NOT_OF_CAMERAS
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.ports import Position, Row

START_NS = 1_750_000_000 * NS_PER_S
_PICTURE_FAULTS = tuple(fault for fault in Fault if fault not in NOT_OF_CAMERAS)


def sample_events(seed: int, steps: int = 60) -> list[Event]:
    """A history as the steps of one partition could have written it, every kind of event in it, time going forward.

    Each step is one thing that happens (a truck passes, a fault is confirmed, an operator asks) with all its events;
    the history begins by one of each. Faults that are open at the end stay open.
    """
    return _City(Random(seed)).live(steps)  # noqa: S311  (a seeded history, no secret)


def placed(events: Sequence[Event], *, first_ms: int = 1) -> list[tuple[Position, Event]]:
    """The events at increasing positions of one stream."""
    return [(Position(first_ms + number // 3, number % 3), event) for number, event in enumerate(events)]


def tables(store: SqlStore) -> dict[str, list[Row]]:
    """Every row of every table, by primary key: two stores with equal tables are equal."""
    content: dict[str, list[Row]] = {}
    with store.reading() as connection:
        for table in METADATA.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            content[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    return content


class _City:
    """Three cameras and two lanes, and what happens to them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._now_ns = START_NS
        self._cameras = [f"cam-{number}" for number in range(3)]
        self._scales = [f"S1/d1/l{number}" for number in range(1, 3)]
        self._faults: dict[tuple[str, Fault], str] = {}
        self._open_alerts: dict[str, tuple[str, str, bool]] = {}
        self._open_tickets: dict[str, tuple[str, str, bool]] = {}
        self._events: list[Event] = []
        self._watched: set[str] = set()
        self._commands = 0

    def live(self, steps: int) -> list[Event]:
        happenings = (
            self._register,
            self._overload,
            self._undecided,
            self._confirm,
            self._acknowledge,
            self._accept,
            self._note,
            self._clear,
            self._unknown,
            self._refuse,
            self._bury,
            self._put,
            self._remove,
            self._release,
        )
        for number in range(steps):
            self._now_ns += self._random.randint(1, 600 * NS_PER_S)
            happening = happenings[number] if number < len(happenings) else self._random.choice(happenings)
            happening()
        return self._events

    def _tell(self, kind: EventKind, device: str, cause: str, data: Mapping[str, Any], *identity: str | int) -> None:
        name = event_id(kind, *(identity or (cause,)))
        self._events.append(Event(name, kind, device, self._now_ns, cause, data))

    def _command(self) -> str:
        self._commands += 1
        return event_id("command", self._commands)

    def _register(self) -> None:
        camera = self._random.random() < 0.5
        device = self._random.choice(self._cameras if camera else self._scales)
        command = self._command()
        data = {
            "kind": (DeviceKind.CAMERA if camera else DeviceKind.SCALE).value,
            "name": f"Gate {self._random.randint(1, 9)}",
            "place": "桥头 · river bank",
            "heartbeat_s": 60 * self._random.randint(0, 2),
            "command": command,
        }
        self._tell(EventKind.DEVICE_REGISTERED, device, "", data, device, command)

    def _pass(self, kind: EventKind, over_kg: int) -> str:
        device = self._random.choice(self._scales)
        digest = event_id("pass", self._now_ns, device)
        cause = event_id(kind, device, self._now_ns, digest)
        data = {
            "law": "cn-gross@1",
            "pass": digest,
            "axles": 6,
            "gross_kg": 49_000 + over_kg,
            "limit_kg": 49_000,
            "limits_kg": [46_000, 49_000],
            "over_kg": over_kg,
            "over_percent": round(over_kg / 490, 2),
            "speed_kmh": self._random.choice([None, 71.0, 64.5]),
            "length_mm": 16_140,
            "plate": "",
            "suspect": [],
        }
        self._events.append(Event(cause, kind, device, self._now_ns, cause, data))
        return cause

    def _overload(self) -> None:
        cause = self._pass(EventKind.OVERLOADED, self._random.randint(1, 20_000))
        self._open_alert(EventKind.OVERLOADED.value, cause)

    def _undecided(self) -> None:
        self._pass(EventKind.WEIGHT_UNDECIDED, -self._random.randint(0, 2_999))
        odd = self._events[-1]
        data = {
            "law": "cn-gross@1",
            "pass": odd.data["pass"],
            "axles": 6,
            "gross_kg": odd.data["gross_kg"],
            "reasons": ["speed_implausible"],
            "decision": "undecided",
        }
        cause = event_id(EventKind.PASS_SUSPECT, odd.device, odd.at_ns, odd.data["pass"])
        self._events.append(Event(cause, EventKind.PASS_SUSPECT, odd.device, odd.at_ns, cause, data))

    def _open_alert(self, kind: str, cause: str) -> None:
        subject = self._events[-1]
        alert = event_id("alert", cause)
        severity = self._random.choice([Severity.WARNING, Severity.CRITICAL]).value
        data = {"alert": alert, "kind": kind, "severity": severity, "subject": dict(subject.data)}
        self._tell(EventKind.ALERT_OPENED, subject.device, cause, data, alert)
        self._open_alerts[alert] = (subject.device, cause, False)

    def _confirm(self) -> None:
        device = self._random.choice(self._cameras + self._scales)
        fault = self._random.choice(_PICTURE_FAULTS) if device in self._cameras else Fault.SILENT
        if (device, fault) in self._faults:
            return
        first_bad_ns = self._now_ns - 90 * NS_PER_S
        last_good_ns = self._random.choice([-1, first_bad_ns - 60 * NS_PER_S])
        cause = event_id("fault", device, fault, first_bad_ns)
        self._faults[device, fault] = cause
        data = {
            "fault": fault.value,
            "reason": "ok",
            "first_bad_ns": first_bad_ns,
            "last_good_ns": last_good_ns,
            "looks": 3,
            "evidence": {"measure": "mean", "value": 3.25, "threshold": 16.0, "margin": 12.75},
            "picture": event_id("picture", cause) * 2 if device in self._cameras else "",
            "previous": "",
        }
        self._tell(EventKind.FAULT_CONFIRMED, device, cause, data)
        self._open_alert(fault.value, cause)
        ticket = event_id("ticket", cause)
        filed = {
            "ticket": ticket,
            "fault": fault.value,
            "alert": event_id("alert", cause),
            "first_bad_ns": first_bad_ns,
            "reason": "ok",
        }
        self._tell(EventKind.TICKET_FILED, device, cause, filed, ticket)
        self._open_tickets[ticket] = (device, cause, False)
        self._state(device, DeviceState.DOWN, last_good_ns, first_bad_ns)

    def _clear(self) -> None:
        if not self._faults:
            return
        device, fault = self._random.choice(list(self._faults))
        cause = self._faults.pop((device, fault))
        good_ns, bad_ns = self._now_ns - 30 * NS_PER_S, self._now_ns - 40 * NS_PER_S
        data = {"fault": fault.value, "first_good_ns": good_ns, "last_bad_ns": bad_ns, "looks": 2}
        self._tell(EventKind.FAULT_CLEARED, device, cause, data)
        alert, ticket = event_id("alert", cause), event_id("ticket", cause)
        self._open_alerts.pop(alert)
        self._open_tickets.pop(ticket)
        self._tell(EventKind.ALERT_RESOLVED, device, cause, {"alert": alert, "reason": "cleared"}, alert)
        verified = {"ticket": ticket, "first_good_ns": good_ns, "looks": 2}
        self._tell(EventKind.TICKET_VERIFIED, device, cause, verified, ticket)
        self._tell(EventKind.TICKET_CLOSED, device, cause, {"ticket": ticket, "reason": "verified"}, ticket)
        if all(other != device for other, _ in self._faults):
            self._state(device, DeviceState.UP, good_ns, bad_ns)

    def _unknown(self) -> None:
        self._state(self._random.choice(self._cameras + self._scales), DeviceState.UNKNOWN, self._now_ns, self._now_ns)

    def _state(self, device: str, state: DeviceState, worst_from_ns: int, best_from_ns: int) -> None:
        data = {"state": state.value, "worst_from_ns": worst_from_ns, "best_from_ns": best_from_ns, "reason": "looked"}
        self._tell(EventKind.DEVICE_STATE, device, "", data, device, state, self._now_ns)

    def _acknowledge(self) -> None:
        waiting = [alert for alert, (_, _, taken) in self._open_alerts.items() if not taken]
        if not waiting:
            return
        alert = self._random.choice(waiting)
        device, cause, _ = self._open_alerts[alert]
        self._open_alerts[alert] = (device, cause, True)
        data = {"alert": alert, "actor": "wei", "command": self._command()}
        self._tell(EventKind.ALERT_ACKNOWLEDGED, device, cause, data, alert)

    def _accept(self) -> None:
        waiting = [ticket for ticket, (_, _, taken) in self._open_tickets.items() if not taken]
        if not waiting:
            return
        ticket = self._random.choice(waiting)
        device, cause, _ = self._open_tickets[ticket]
        self._open_tickets[ticket] = (device, cause, True)
        data = {"ticket": ticket, "actor": "crew 7", "command": self._command()}
        self._tell(EventKind.TICKET_ACCEPTED, device, cause, data, ticket)

    def _note(self) -> None:
        if not self._open_tickets:
            return
        ticket = self._random.choice(list(self._open_tickets))
        device, cause, _ = self._open_tickets[ticket]
        command = self._command()
        data = {"ticket": ticket, "actor": "crew 7", "note": "梯子在路上", "command": command}
        self._tell(EventKind.TICKET_NOTED, device, cause, data, ticket, command)

    def _refuse(self) -> None:
        device = self._random.choice(self._cameras)
        command = self._command()
        data = {
            "command": command,
            "verb": "acknowledge_alert",
            "target": event_id("alert", "of nobody"),
            "actor": "wei",
            "reason": "not_open",
        }
        self._tell(EventKind.COMMAND_REFUSED, device, "", data, command)

    def _put(self) -> None:
        device, command = self._random.choice(self._cameras), self._command()
        data = {
            "camera": {"kind": "camera", "name": "河堤 north", "site": "S7", "url": "rtsp://***@192.0.2.7/1"},
            "sealed": f"cw1:{self._random.randbytes(16).hex()}",
            "origin": self._random.choice(["api", "configuration"]),
            "file": "",
            "change": "added",
            "actor": "wei",
            "command": command,
        }
        self._tell(EventKind.CAMERA_PUT, device, "", data, device, command)
        if device not in self._watched:
            self._watched.add(device)
            self._state(device, DeviceState.UNKNOWN, self._now_ns, self._now_ns)

    def _remove(self) -> None:
        """What is open about the camera ends with it."""
        if not self._watched:
            return
        device, command = self._random.choice(sorted(self._watched)), self._command()
        self._watched.discard(device)
        data = {"origin": "api", "file": "", "actor": "wei", "command": command}
        self._tell(EventKind.CAMERA_REMOVED, device, "", data, device, command)
        for (camera, fault), cause in list(self._faults.items()):
            if camera == device:
                del self._faults[camera, fault]
                alert, ticket = event_id("alert", cause), event_id("ticket", cause)
                self._open_alerts.pop(alert)
                self._open_tickets.pop(ticket)
                resolved = {"alert": alert, "reason": DEVICE_REMOVED}
                self._tell(EventKind.ALERT_RESOLVED, device, cause, resolved, alert)
                self._tell(EventKind.TICKET_CLOSED, device, cause, {"ticket": ticket, "reason": DEVICE_REMOVED}, ticket)
        self._state(device, DeviceState.REMOVED, self._now_ns, self._now_ns)

    def _release(self) -> None:
        if self._watched:
            device, command = self._random.choice(sorted(self._watched)), self._command()
            data = {"actor": "configuration", "command": command}
            self._tell(EventKind.CAMERA_RELEASED, device, "", data, device, command)

    def _bury(self) -> None:
        content = self._random.randbytes(self._random.randint(0, 200))
        data = {
            "partition": 0,
            "position": f"{self._now_ns}-0",
            "row": 0,
            "kind": "passes",
            "step": "1",
            "reason": "ValueError: a row that fits nothing",
            "content": base64.b64encode(content).decode(),
        }
        self._tell(EventKind.ROW_DEAD, "", "", data, 0, self._now_ns, 0)
