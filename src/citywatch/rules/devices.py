"""What is known of each device: registration and the sequence of its states."""

from __future__ import annotations

from collections.abc import Iterator

from citywatch.domain.devices import Device, DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import Row, State

ROOM = "device"


def register(state: State, device: Device, *, at_ns: int, command: str) -> Event | str:
    """The event, or `repeated` when the device stands there just so and nobody waits for an answer (no command)."""
    row = state.get(ROOM, device.device)
    described = {
        "kind": device.kind.value,
        "name": device.name,
        "place": device.place,
        "heartbeat_s": device.heartbeat_s,
    }
    if row is not None and not command and all(row[key] == value for key, value in described.items()):
        return "repeated"
    known = row or {"state": DeviceState.UNKNOWN.value, "changes": 0, "registered_ns": at_ns}
    state.put(ROOM, device.device, {**known, **described, "changes": known["changes"] + 1})
    kind = EventKind.DEVICE_REGISTERED
    identity = event_id(kind, device.device, command or known["changes"])
    return Event(identity, kind, device.device, at_ns, "", {**described, "command": command})


def seen(state: State, device: str, kind: DeviceKind, at_ns: int) -> Iterator[Event]:
    """Register a device that speaks before anybody has named it: what is accepted is never nameless."""
    if state.get(ROOM, device) is None:
        event = register(state, Device(device, kind), at_ns=at_ns, command="")
        if isinstance(event, Event):
            yield event


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
    yield Event(event_id(kind, device, row["changes"]), kind, device, at_ns, "", data)
