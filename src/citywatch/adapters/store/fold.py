"""What each kind of event does to the tables: one handler a kind.

The rows that a run of events touches are read at once, changed in memory by the handlers, and written at once.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from citywatch.adapters.store import fold_alerts, fold_field, fold_findings, fold_tickets, letters
from citywatch.adapters.store.bulk import insert_rows
from citywatch.adapters.store.fold_rows import Rows, accepted, storables, verdict
from citywatch.adapters.store.fold_rows import int64 as _int64
from citywatch.adapters.store.fold_rows import storable as _storable
from citywatch.adapters.store.fold_rows import text as _text
from citywatch.adapters.store.fold_rows import whole as _whole
from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import (
    ALERT_CHANGES,
    ALERTS,
    CAMERAS,
    COMMANDS,
    CORRECTIONS,
    DEVICE_STATES,
    DEVICES,
    DISAGREEMENTS,
    INCIDENT_CHILDREN,
    INCIDENTS,
    PASS_COUNTS,
    SOURCES,
    TICKET_STEPS,
    TICKETS,
)
from citywatch.domain.cameras import Origin
from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.faults import SCALE_FAULTS
from citywatch.domain.incidents import IncidentEnd, IncidentReason
from citywatch.domain.pictures import Fault
from citywatch.domain.statistics import COLUMNS as COUNTS


class Tables:
    """The part of the store that a run of events touches."""

    def __init__(self) -> None:
        self.devices = Rows(DEVICES)
        self.cameras = Rows(CAMERAS)
        self.alerts = Rows(ALERTS)
        self.tickets = Rows(TICKETS)
        self.commands = Rows(COMMANDS)
        self.incidents = Rows(INCIDENTS)
        self.incident_children = Rows(INCIDENT_CHILDREN)
        self.sources = Rows(SOURCES)
        self.disagreements = Rows(DISAGREEMENTS)
        self.corrections = Rows(CORRECTIONS)
        self.pass_counts = Rows(PASS_COUNTS)
        self.device_states: list[dict[str, Any]] = []
        self.alert_changes: list[dict[str, Any]] = []
        self.ticket_steps: list[dict[str, Any]] = []
        self.quiet = fold_alerts.WindowRows()
        self.field = fold_field.FieldRows()
        self.found = fold_findings.FindingRows()
        self.ticket_names = fold_tickets.NameRows()
        self.letters: list[letters.Letter] = []
        self.unmatched: Counter[str] = Counter()

    @classmethod
    def load(cls, connection: Connection, run: Run) -> Tables:
        """With the rows that these events may read. TypeError or ValueError for an event that no row can hold."""
        tables = cls()
        for event in run:
            _check(event)
        tables.devices.read(connection, {event.device for event in run})
        tables.cameras.read(connection, {event.device for event in run.of(*_ABOUT_THE_FLEET)})
        tables.alerts.read(connection, run.named("alert"))
        tables.tickets.read(connection, run.named("ticket"))
        tables.commands.read(connection, run.named("command"))
        tables.incidents.read(connection, {event.cause for event in run.of(*_ABOUT_INCIDENTS)})
        tables.incident_children.read(connection, {key for event in run.of(*_OF_CHILDREN) for key in _leaving(event)})
        tables.sources.read(connection, {_voice(event) for event in run.of(EventKind.CLAIM_HEARD)})
        tables.disagreements.read(connection, {event.cause for event in run.of(*_DISAGREEMENT)})
        proposals = {key for event in run.of(*_OF_CORRECTIONS) for key in _proposals(event)}
        tables.corrections.read(connection, proposals)
        counted = run.of(EventKind.PASSES_COUNTED)
        tables.pass_counts.read(connection, {key for event in counted for key, _ in _counted(event)})
        removed = {event.device for event in run.of(*_REMOVALS)}
        for rows in (tables.sources, tables.disagreements):
            rows.read_of(connection, removed)
        tables.quiet.read(connection, run)
        tables.found.read(connection, run)
        tables.field.read(connection, run)
        tables.ticket_names.read(connection, run)
        return tables

    def write(self, connection: Connection, dead_letter_quota_bytes: int) -> None:
        for rows in (
            self.devices,
            self.cameras,
            self.alerts,
            self.tickets,
            self.commands,
            self.incidents,
            self.incident_children,
        ):
            rows.write(connection)
        for rows in (self.sources, self.disagreements, self.corrections, self.pass_counts):
            rows.write(connection)
        for table, made in (
            (DEVICE_STATES, self.device_states),
            (ALERT_CHANGES, self.alert_changes),
            (TICKET_STEPS, self.ticket_steps),
        ):
            insert_rows(connection, table, made)
        self.quiet.write(connection)
        self.field.write(connection)
        self.found.write(connection)
        self.ticket_names.write(connection)
        for letter in self.letters:
            letters.keep(connection, letter, dead_letter_quota_bytes)


# what a scale found


def _about_scale(tables: Tables, event: Event) -> None:
    _know_device(tables, event, DeviceKind.SCALE.value)


_OF_CORRECTIONS = (
    EventKind.CORRECTION_PROPOSED,
    EventKind.CORRECTION_ACCEPTED,
    EventKind.CORRECTION_DECLINED,
    EventKind.SCALE_STEP_FOUND,
)


def _proposals(event: Event) -> Iterable[str]:
    """Keys of the rows of corrections that an event may touch."""
    match event.kind:
        case EventKind.CORRECTION_PROPOSED:
            return [key for key in (_text(event, "proposal"), _text(event, "supersedes")) if key]
        case EventKind.CORRECTION_ACCEPTED | EventKind.CORRECTION_DECLINED:
            return [_text(event, "proposal")]
        case EventKind.SCALE_STEP_FOUND:
            return [key for key in (_text(event, "withdraws"),) if key]
        case _:
            return ()


def _step_found(tables: Tables, event: Event) -> None:
    _know_device(tables, event, DeviceKind.SCALE.value)
    if event.data["withdraws"]:
        _settled(tables, event, _text(event, "withdraws"), "withdrawn")


def _correction_proposed(tables: Tables, event: Event) -> None:
    _know_device(tables, event, DeviceKind.SCALE.value)
    if event.data["supersedes"]:
        _settled(tables, event, _text(event, "supersedes"), "superseded")
    if tables.corrections.get(_text(event, "proposal")) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.corrections.make(
        {
            "id": _text(event, "proposal"),
            "device": event.device,
            "cause": event.cause,
            "step": _text(event, "step"),
            "state": "open",
            **{name: float(event.data[name]) for name in ("factor", "factor_low", "factor_high")},
            "proposed_at_ns": event.at_ns,
            "settled_at_ns": None,
            "settled_by": "",
            "note": "",
        }
    )


def _correction_settled(tables: Tables, event: Event) -> None:
    _know_device(tables, event, DeviceKind.SCALE.value)
    state = "accepted" if event.kind is EventKind.CORRECTION_ACCEPTED else "declined"
    by = {"settled_by": _text(event, "actor"), "note": _text(event, "note")}
    _settled(tables, event, _text(event, "proposal"), state, **by)
    _accepted(tables, event)


def _settled(tables: Tables, event: Event, proposal: str, state: str, **by: str) -> None:
    if tables.corrections.get(proposal) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        tables.corrections.change(proposal, state=state, settled_at_ns=event.at_ns, **by)


def _counted(event: Event) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The rows of counts that an event adds to, by their key."""
    if event.kind is not EventKind.PASSES_COUNTED:
        return ()
    road = _text(event, "road")
    return [(event_id("pass_counts", road, one["day"], one["kind"]), one) for one in event.data["counts"]]


def _passes_counted(tables: Tables, event: Event) -> None:
    """What is told is added: each event once, as the position of its partition says."""
    for key, one in _counted(event):
        row = tables.pass_counts.get(key)
        added = {name: _int64(one.get(name, 0)) for name in COUNTS}
        if row is None:
            named = {"road": _text(event, "road"), "day": _storable(one["day"]), "kind": _storable(one["kind"])}
            tables.pass_counts.make({"id": key, **named, **added})
        else:
            tables.pass_counts.change(key, **{name: row[name] + figure for name, figure in added.items()})


# devices


def _know_device(tables: Tables, event: Event, kind: str) -> Mapping[str, Any]:
    """The device's row, made when this is the first that is heard of it; a kind once known is not forgotten."""
    row = tables.devices.get(event.device)
    if row is None:
        tables.devices.make(
            {
                "device": event.device,
                "kind": kind,
                "name": "",
                "place": "",
                "heartbeat_s": 0,
                "state": DeviceState.UNKNOWN.value,
                "state_since_ns": None,
                "faults": [],
                "changed_at_ns": event.at_ns,
                "parent": "",
                "site": "",
            }
        )
        return tables.devices.change(event.device)
    changed_at_ns = max(row["changed_at_ns"], event.at_ns)
    return tables.devices.change(event.device, kind=row["kind"] or kind, changed_at_ns=changed_at_ns)


def _device_registered(tables: Tables, event: Event) -> None:
    values = {
        "kind": _text(event, "kind"),
        "name": _text(event, "name"),
        "place": _text(event, "place"),
        "heartbeat_s": _whole(event, "heartbeat_s"),
        "site": _storable(event.data.get("site", "")),
    }
    _know_device(tables, event, "")
    tables.devices.change(event.device, **values)
    _accepted(tables, event)


def _device_state(tables: Tables, event: Event) -> None:
    state = DeviceState(_text(event, "state")).value
    worst, best = _whole(event, "worst_from_ns"), _whole(event, "best_from_ns")
    _know_device(tables, event, "")
    tables.devices.change(event.device, state=state, state_since_ns=max(worst, best))
    tables.device_states.append(
        {
            "device": event.device,
            "state": state,
            "worst_from_ns": worst,
            "best_from_ns": best,
            "reason": _text(event, "reason"),
            "at_ns": event.at_ns,
            "event": event.id,
        }
    )


def _fault_confirmed(tables: Tables, event: Event) -> None:
    fault = Fault(_text(event, "fault")).value
    present = {
        "fault": fault,
        "cause": event.cause,
        "first_bad_ns": _whole(event, "first_bad_ns"),
        "last_good_ns": _int64(event.data.get("last_good_ns", -1)),
        "reason": _text(event, "reason"),
    }
    # Silence is the fault that every kind of device can have.
    kind = DeviceKind.SCALE if fault in SCALE_FAULTS else DeviceKind.CAMERA
    row = _know_device(tables, event, "" if fault == Fault.SILENT else kind.value)
    others = [other for other in row["faults"] if other["fault"] != fault]
    tables.devices.change(event.device, faults=sorted([*others, present], key=lambda one: str(one["fault"])))


def _fault_cleared(tables: Tables, event: Event) -> None:
    row = _know_device(tables, event, "")
    left = [fault for fault in row["faults"] if fault["cause"] != event.cause]
    if len(left) == len(row["faults"]):
        tables.unmatched[event.kind.value] += 1
    tables.devices.change(event.device, faults=left)


# the fleet

_REMOVALS = frozenset({EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED})
_ABOUT_THE_FLEET = frozenset({EventKind.CAMERA_PUT, EventKind.CAMERA_REMOVED, EventKind.CAMERA_RELEASED})


def _camera_put(tables: Tables, event: Event) -> None:
    fields = event.data["camera"]
    if not isinstance(fields, Mapping):
        raise TypeError("camera: a mapping is wanted")
    row = tables.cameras.get(event.device)
    values = {
        "kind": DeviceKind(fields.get("kind", DeviceKind.CAMERA)).value,
        "name": _storable(fields.get("name", "")),
        "site": _storable(fields.get("site", "")),
        "camera_class": _storable(fields.get("camera_class", "standard")),
        "description": dict(fields),
        "sealed": _text(event, "sealed"),
        "origin": Origin(_text(event, "origin")).value,
        "file": _text(event, "file"),
        "actor": _text(event, "actor"),
        "put_at_ns": event.at_ns if row is None or row["removed_at_ns"] is not None else row["put_at_ns"],
        "changed_at_ns": event.at_ns,
        "removed_at_ns": None,
    }
    if row is None:
        tables.cameras.make({"camera": event.device, **values})
    else:
        tables.cameras.change(event.device, **values)
    _accepted(tables, event)


def _camera_removed(tables: Tables, event: Event) -> None:
    """The sealed part goes at once: nobody needs the password of a camera that is watched no longer."""
    if tables.cameras.get(event.device) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        values = {"file": _text(event, "file"), "actor": _text(event, "actor"), "sealed": ""}
        tables.cameras.change(event.device, **values, changed_at_ns=event.at_ns, removed_at_ns=event.at_ns)
    _know_device(tables, event, DeviceKind.CAMERA.value)
    tables.devices.change(event.device, faults=[])
    _nobody_speaks_of(tables, event)
    _accepted(tables, event)


def _device_retired(tables: Tables, event: Event) -> None:
    _know_device(tables, event, "")
    tables.devices.change(event.device, faults=[])
    _nobody_speaks_of(tables, event)
    _accepted(tables, event)


def _about_camera(tables: Tables, event: Event) -> None:
    """Its reference is another now (references.py)."""
    _know_device(tables, event, DeviceKind.CAMERA.value)


def _work_declared(tables: Tables, event: Event) -> None:
    _know_device(tables, event, "")
    _accepted(tables, event)


# other systems

_DISAGREEMENT = frozenset({EventKind.SOURCES_DISAGREE, EventKind.SOURCES_AGREE})


def _voice(event: Event) -> str:
    """The id of a source and what it speaks of."""
    about = (_text(event, "source"), _text(event, "aspect"))
    alarm = _text(event, "detail") if about[1] == "alarm" else ""
    return event_id("source", event.device, *about, alarm)


def _claim_heard(tables: Tables, event: Event) -> None:
    values = {
        "claim": _text(event, "claim"),
        "reason": _text(event, "reason"),
        "detail": _text(event, "detail"),
        "said_ns": _whole(event, "said_ns"),
        "since_ns": event.at_ns,
    }
    _know_device(tables, event, "")
    key = _voice(event)
    if tables.sources.get(key) is None:
        named = {"device": event.device, "source": _text(event, "source"), "aspect": _text(event, "aspect")}
        tables.sources.make({"id": key, **named, **values})
    else:
        tables.sources.change(key, **values)


def _sources_disagree(tables: Tables, event: Event) -> None:
    if tables.disagreements.get(event.cause) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.disagreements.make(
        {
            "cause": event.cause,
            "device": event.device,
            "kind": _text(event, "kind"),
            "looks": _text(event, "looks"),
            "claims": [dict(claim) for claim in event.data["claims"]],
            "since_ns": _whole(event, "since_ns"),
            "told_at_ns": event.at_ns,
            "until_ns": None,
        }
    )
    _know_device(tables, event, "")


def _sources_agree(tables: Tables, event: Event) -> None:
    if tables.disagreements.get(event.cause) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        tables.disagreements.change(event.cause, until_ns=event.at_ns)
    _know_device(tables, event, "")


def _nobody_speaks_of(tables: Tables, event: Event) -> None:
    """What was claimed of a device that is watched no longer counts no more."""
    for row in tables.sources.of(event.device):
        tables.sources.change(row["id"], claim="lapsed", reason="device_removed", since_ns=event.at_ns)
    for row in tables.disagreements.of(event.device):
        if row["until_ns"] is None:
            tables.disagreements.change(row["cause"], until_ns=event.at_ns)


def _passing(tables: Tables, event: Event) -> None:
    """For the patrol alone: the log has it, the store does not keep it."""


PASSING = frozenset(
    {
        EventKind.SUSPICION_RAISED,
        EventKind.SUSPICION_DROPPED,
        EventKind.LOOK_ASKED,
        EventKind.PASSES_COUNTED,
        EventKind.FAULT_SEEN,
    }
)
"""Kinds that are not kept in the table of events: those for the patrol, and counts, of which the sum is kept."""


# incidents

_ABOUT_INCIDENTS = frozenset({EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CHANGED, EventKind.INCIDENT_CLOSED})


def _topology_changed(tables: Tables, event: Event) -> None:
    """Where a device hangs is told by the incident stage alone: what a registration asks for may be refused."""
    _know_device(tables, event, "")
    tables.devices.change(event.device, parent=_text(event, "parent"))
    _accepted(tables, event)


def _incident_opened(tables: Tables, event: Event) -> None:
    if tables.incidents.get(event.cause) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.incidents.make(
        {
            "id": event.cause,
            "root": event.device,
            "site": _text(event, "site"),
            "state": "open",
            "reason": IncidentReason(_text(event, "reason")).value,
            "below": _whole(event, "below"),
            "first_bad_ns": _whole(event, "first_bad_ns"),
            "opened_at_ns": event.at_ns,
            "first_good_ns": None,
            "closed_at_ns": None,
            "resolution": "",
            "absorbed_by": "",
        }
    )
    _joined(tables, event, event.data["children"])


def _incident_changed(tables: Tables, event: Event) -> None:
    if tables.incidents.get(event.cause) is None:
        tables.unmatched[event.kind.value] += 1
        return
    _joined(tables, event, event.data["joined"])
    for child in event.data["left"]:
        back_ns = _int64(child["first_good_ns"])
        how = ("back", back_ns) if back_ns >= 0 else ("moved", event.at_ns)
        _left(tables, event, _child(event.cause, _storable(child["cause"])), *how)


def _incident_closed(tables: Tables, event: Event) -> None:
    if tables.incidents.get(event.cause) is None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.incidents.change(
        event.cause,
        state="closed",
        first_good_ns=_whole(event, "first_good_ns"),
        closed_at_ns=event.at_ns,
        resolution=IncidentEnd(_text(event, "reason")).value,
        absorbed_by=_text(event, "into"),
    )


def _fault_released(tables: Tables, event: Event) -> None:
    if event.data["incident"]:
        _left(tables, event, _child(_text(event, "incident"), event.cause), "released", event.at_ns)


def _joined(tables: Tables, event: Event, children: Iterable[Mapping[str, Any]]) -> None:
    for child in children:
        key = _child(event.cause, _storable(child["cause"]))
        if tables.incident_children.get(key) is None:
            tables.incident_children.make(
                {
                    "id": key,
                    "incident": event.cause,
                    "device": _storable(child["device"]),
                    "cause": child["cause"],
                    "fault": Fault(child["fault"]).value,
                    "first_bad_ns": _int64(child["first_bad_ns"]),
                    "last_good_ns": _int64(child["last_good_ns"]),
                    "joined_at_ns": event.at_ns,
                    "left_at_ns": None,
                    "how": "",
                }
            )


def _left(tables: Tables, event: Event, key: str, how: str, at_ns: int) -> None:
    if tables.incident_children.get(key) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        tables.incident_children.change(key, left_at_ns=at_ns, how=how)


def _child(incident: str, cause: str) -> str:
    return event_id("incident_child", incident, cause)


_OF_CHILDREN = (EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CHANGED, EventKind.FAULT_RELEASED)


def _leaving(event: Event) -> Iterable[str]:
    """Keys of the rows of children that an event may touch."""
    match event.kind:
        case EventKind.INCIDENT_OPENED:
            return [_child(event.cause, child["cause"]) for child in event.data["children"]]
        case EventKind.INCIDENT_CHANGED:
            children = (*event.data["joined"], *event.data["left"])
            return [_child(event.cause, child["cause"]) for child in children]
        case EventKind.FAULT_RELEASED:
            return [_child(event.data["incident"], event.cause)]
        case _:
            return ()


def _camera_released(tables: Tables, event: Event) -> None:
    if tables.cameras.get(event.device) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        tables.cameras.change(event.device, file="")
    _accepted(tables, event)


# commands and rows


def _accepted(tables: Tables, event: Event) -> None:
    accepted(tables.commands, event)


def _command_refused(tables: Tables, event: Event) -> None:
    if event.data["command"]:  # the configuration waits for no verdict
        verdict(tables.commands, event, "refused", _text(event, "reason"))


def _row_dead(tables: Tables, event: Event) -> None:
    data = event.data
    where = f"readings:{data['partition']} {data['position']} row {data['row']}, step {data['step']}"
    tables.letters.append(
        letters.Letter(
            at_ns=event.at_ns,
            source=f"step:{_text(event, 'kind')}",
            reason="row_dead",
            message=f"{where}: {_text(event, 'reason')}",
            content=base64.b64decode(_text(event, "content"), validate=True),
        )
    )


HANDLERS: Mapping[EventKind, Callable[[Tables, Event], None]] = {
    EventKind.OVERLOADED: _about_scale,
    EventKind.WEIGHT_UNDECIDED: _about_scale,
    EventKind.PASS_SUSPECT: _about_scale,
    EventKind.EVASION_SUSPECTED: _about_scale,
    EventKind.SCALE_STEP_FOUND: _step_found,
    EventKind.SCALE_HEALTH: _about_scale,
    EventKind.CORRECTION_PROPOSED: _correction_proposed,
    EventKind.CORRECTION_ACCEPTED: _correction_settled,
    EventKind.CORRECTION_DECLINED: _correction_settled,
    EventKind.PASSES_COUNTED: _passes_counted,
    EventKind.FAULT_CONFIRMED: _fault_confirmed,
    EventKind.FAULT_CLEARED: _fault_cleared,
    EventKind.REFERENCE_ADOPTED: _about_camera,
    EventKind.REFERENCE_DROPPED: _about_camera,
    EventKind.WORK_DECLARED: _work_declared,
    EventKind.DEVICE_STATE: _device_state,
    EventKind.DEVICE_REGISTERED: _device_registered,
    EventKind.CAMERA_PUT: _camera_put,
    EventKind.CAMERA_REMOVED: _camera_removed,
    EventKind.CAMERA_RELEASED: _camera_released,
    EventKind.CLAIM_HEARD: _claim_heard,
    EventKind.SOURCES_DISAGREE: _sources_disagree,
    EventKind.SOURCES_AGREE: _sources_agree,
    EventKind.LOOK_ASKED: _passing,
    EventKind.SUSPICION_RAISED: _passing,
    EventKind.SUSPICION_DROPPED: _passing,
    EventKind.TOPOLOGY_CHANGED: _topology_changed,
    EventKind.INCIDENT_OPENED: _incident_opened,
    EventKind.INCIDENT_CHANGED: _incident_changed,
    EventKind.INCIDENT_CLOSED: _incident_closed,
    EventKind.FAULT_RELEASED: _fault_released,
    EventKind.DEVICE_RETIRED: _device_retired,
    EventKind.FAULT_SEEN: _passing,
    **fold_alerts.HANDLERS,
    **fold_field.HANDLERS,
    **fold_findings.HANDLERS,
    **fold_tickets.HANDLERS,
    EventKind.COMMAND_REFUSED: _command_refused,
    EventKind.ROW_DEAD: _row_dead,
}


# reading an event's fields


def _check(event: Event) -> None:
    if not isinstance(event.data, Mapping):
        raise TypeError("data: a mapping is wanted")
    storables((event.id, event.device, event.cause))
    _int64(event.at_ns)
