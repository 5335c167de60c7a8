"""What is known of each device: registration and the sequence of its states."""

from __future__ import annotations

from collections.abc import Iterator

from citywatch.domain.devices import PARENT_KINDS, Device, DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import Row, State

ROOM = "device"


def register(state: State, device: Device, *, at_ns: int, command: str, era: str = "") -> Event | str:
    """The event, or `repeated` when the device stands there just so and nobody waits for an answer (no command).

    `era` tells the lives of a device apart that is removed and comes back: its events must not have the ids of those
    of its earlier life. It holds for a device that is not known at this moment.
    """
    row = state.get(ROOM, device.device)
    described = {
        "kind": device.kind.value,
        "name": device.name,
        "place": device.place,
        "heartbeat_s": device.heartbeat_s,
        "parent": device.parent,
        "site": device.site,
    }
    # Rows from before there were parents and sites have neither.
    if row is not None and not command and all(row.get(key, "") == value for key, value in described.items()):
        return "repeated"
    known = row or {
        "state": DeviceState.UNKNOWN.value,
        "changes": 0,
        "registered_ns": at_ns,
        **({"era": era} if era else {}),
    }
    placed = {"placed": True} if device.parent or device.kind in PARENT_KINDS else {}
    state.put(ROOM, device.device, {**known, **described, **placed, "changes": known["changes"] + 1})
    kind = EventKind.DEVICE_REGISTERED
    identity = event_id(kind, device.device, command) if command else _identity(kind, device.device, known)
    return Event(identity, kind, device.device, at_ns, "", {**described, "command": command})


def seen(state: State, device: str, kind: DeviceKind, at_ns: int) -> Iterator[Event]:
    """Register a device that speaks before anybody has named it: what is accepted is never nameless."""
    if state.get(ROOM, device) is None:
        event = register(state, Device(device, kind), at_ns=at_ns, command="")
        if isinstance(event, Event):
            yield event


def is_placed(state: State, device: str) -> bool:
    """Whether the device has, or ever had, a place among parents and children: the incident stage may know of it."""
    row = state.get(ROOM, device)
    return row is not None and row.get("placed", False)


def is_waited_for(state: State, device: str) -> bool:
    """Whether others may be the cause of this device's silence, or it of theirs: the incident stage must be heard."""
    row = state.get(ROOM, device)
    return row is not None and bool(row.get("parent", "") or row["kind"] in PARENT_KINDS)


def known(state: State, device: str) -> Row:
    """The row of a registered device. KeyError when it is not."""
    row = state.get(ROOM, device)
    if row is None:
        raise KeyError(device)
    return row


def change(
    state: State, device: str, after: DeviceState, *, worst_from_ns: int, best_from_ns: int, reason: str, at_ns: int
) -> Iterator[Event]:
    """A device's new state, unless it is in it already.

    `worst_from_ns` and `best_from_ns` bound the instant of the change: for DOWN the last good and the first bad
    look, for UP the first good and the last bad look; both the same where it is known exactly.
    """
    row = known(state, device)
    if row["state"] == after.value:
        return
    state.put(ROOM, device, {**row, "state": after.value, "changes": row["changes"] + 1})
    data = {
        "state": after.value,
        "worst_from_ns": worst_from_ns,
        "best_from_ns": best_from_ns,
        "reason": reason,
    }
    kind = EventKind.DEVICE_STATE
    yield Event(_identity(kind, device, row), kind, device, at_ns, "", data)


def _identity(kind: EventKind, device: str, row: Row) -> str:
    """The id of the device's next change."""
    era = row.get("era", "")
    return event_id(kind, device, era, row["changes"]) if era else event_id(kind, device, row["changes"])
