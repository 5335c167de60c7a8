"""Devices that are no more: a scale, a switch, a recorder taken away. What is visited is removed by rules/fleet.py.

Its rows go; a row `removed/<device>` with `retired` stays, so that what comes late from it is nobody's, and that the
configuration does not bring it back at the next start: only a person does, by registering it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from citywatch.domain.cameras import DEVICE_REMOVED, Origin
from citywatch.domain.devices import DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import State
from citywatch.domain.tickets import MAX_NOTE_CHARACTERS
from citywatch.rules import devices, fleet, scales
from citywatch.rules.scale_health import absence, corrections, watch

_ROOMS = (*fleet.ROOMS_OF_A_DEVICE, scales.ROOM, watch.ROOM, watch.GROSS_ROOM, corrections.ROOM)


def retire(state: State, device: str, args: str, *, at_ns: int, actor: str, command: str) -> list[Event] | str:
    """The events of a device that is no more, or why not: `not_watched`, `repeated`."""
    if state.get(fleet.ROOM, device) is not None:
        told = json.dumps({"origin": Origin.API.value})
        return fleet.remove(state, device, told, at_ns=at_ns, actor=actor, command=command)
    gone = state.get(fleet.REMOVED, device)
    if state.get(devices.ROOM, device) is None:
        return "repeated" if gone is not None and gone["command"] == command else "not_watched"
    for room in _ROOMS:
        state.drop(room, device)
    absence.forget(state, device)
    state.put(fleet.REMOVED, device, {"at_ns": at_ns, "file": "", "command": command, "retired": True})
    kind = EventKind.DEVICE_RETIRED
    identity = event_id(kind, device, command)
    note = str(json.loads(args).get("note") or "")[:MAX_NOTE_CHARACTERS]
    return [
        Event(identity, kind, device, at_ns, "", {"note": note, "actor": actor, "command": command}),
        fleet.state_event(device, DeviceState.REMOVED, DEVICE_REMOVED, at_ns, identity),
    ]


def is_retired(state: State, device: str) -> bool:
    """Whether it was retired and nobody has registered it since."""
    gone = state.get(fleet.REMOVED, device)
    return gone is not None and bool(gone.get("retired"))


def era(state: State, device: str) -> str:
    """What tells the next life of a retired device from its last one; '' for one that was never retired."""
    gone = state.get(fleet.REMOVED, device)
    return event_id("era", device, gone["command"])[:8] if gone is not None and gone.get("retired") else ""


def returned(state: State, event: Event) -> Iterator[Event]:
    """A registered device that was retired is there again."""
    if is_retired(state, event.device):
        state.drop(fleet.REMOVED, event.device)
        yield fleet.state_event(event.device, DeviceState.UNKNOWN, "added", event.at_ns, event.id)
