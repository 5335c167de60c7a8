"""Which cameras are watched: put, put anew, removed. Whether a command is lawful is decided here.

A row `fleet/<camera>` stands for a camera that is watched, a row `removed/<camera>` for one that was: what is still
under way from it (looks, claims, heartbeats) must not bring it back to life. Descriptions themselves are in the
events and in the store; the state holds their digests.

Two may speak of the same camera: the API, and the city's configuration (with its fleet file). Whoever spoke last has
its way, and the configuration speaks only when what it says has changed: `file` is the digest of what it said last.
So a change through the API outlives a restart, and a change of the file outlives the API's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from citywatch.domain.cameras import DEVICE_REMOVED, Described, Origin
from citywatch.domain.columns import Batch
from citywatch.domain.devices import Device, DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import Row, State
from citywatch.rules import devices

ROOM = "fleet"
REMOVED = "removed"
REMOVED_KEPT_NS = 7 * 86_400 * NS_PER_S
"""So long what comes late from a removed camera is known to be nobody's."""

ROOMS_OF_A_DEVICE = (devices.ROOM, "camera", "usual", "reference", "work", "pulse", "claims")
"""Every room whose rows are named by a device: they go with it."""

_Rows = TypeVar("_Rows", bound=Batch)


def put(state: State, camera: str, args: str, *, at_ns: int, actor: str, command: str) -> list[Event] | str:
    """The events of a camera that is added or described anew, or why not: `repeated`, `other_kind`.

    KeyError, TypeError or ValueError for args that no door of ours has written.
    """
    told = json.loads(args)
    origin, described = Origin(told["origin"]), Described(camera, told["camera"], told["sealed"])
    digest = described.digest()
    row, gone, device = state.get(ROOM, camera), state.get(REMOVED, camera), state.get(devices.ROOM, camera)
    file = (row or gone or {"file": ""})["file"]
    if origin is Origin.CONFIGURATION:
        if file == digest:
            return "repeated"
        file = digest
    elif row is not None and row["command"] == command:
        return "repeated"
    if device is not None and device["kind"] == DeviceKind.SCALE and (device["name"] or device["heartbeat_s"]):
        return "other_kind"
    change = "added" if row is None else "unchanged" if row["digest"] == digest else "changed"
    state.put(ROOM, camera, {"digest": digest, "origin": origin.value, "file": file, "command": command})
    if gone is not None:
        state.drop(REMOVED, camera)
    data = {
        "camera": dict(described.fields),
        "sealed": described.sealed,
        "origin": origin.value,
        "file": file,
        "change": change,
        "actor": actor,
        "command": command,
    }
    kind = EventKind.CAMERA_PUT
    era = event_id(kind, camera, command, at_ns)
    events = [Event(era, kind, camera, at_ns, "", data)]
    events += _registered(state, camera, described.fields, at_ns, era[:8])
    if gone is not None:
        events.append(state_event(camera, DeviceState.UNKNOWN, "added", at_ns, era))
    return events


def remove(state: State, camera: str, args: str, *, at_ns: int, actor: str, command: str) -> list[Event] | str:
    """The events of a camera that is watched no longer, or why not: `not_watched`, `repeated`.

    The configuration takes back only what it has put; of the rest it forgets that it ever named it.
    """
    origin = Origin(json.loads(args)["origin"])
    row, gone = state.get(ROOM, camera), state.get(REMOVED, camera)
    if origin is Origin.CONFIGURATION and (row is None or row["origin"] != origin):
        return _released(state, camera, at_ns, actor, command)
    if row is None:
        return "repeated" if gone is not None and gone["command"] == command else "not_watched"
    file = "" if origin is Origin.CONFIGURATION else row["file"]
    kind = EventKind.CAMERA_REMOVED
    identity = event_id(kind, camera, command, at_ns)
    data = {"origin": origin.value, "file": file, "actor": actor, "command": command}
    state.drop(ROOM, camera)
    for room in ROOMS_OF_A_DEVICE:
        state.drop(room, camera)
    state.put(REMOVED, camera, {"at_ns": at_ns, "file": file, "command": command})
    return [
        Event(identity, kind, camera, at_ns, "", data),
        state_event(camera, DeviceState.REMOVED, DEVICE_REMOVED, at_ns, identity),
    ]


def _released(state: State, camera: str, at_ns: int, actor: str, command: str) -> list[Event] | str:
    """The configuration forgets a camera whose fate the API has decided."""
    room = ROOM if state.get(ROOM, camera) is not None else REMOVED
    known = state.get(room, camera)
    if known is None or not known["file"]:
        return "repeated"
    state.put(room, camera, {**known, "file": ""})
    kind = EventKind.CAMERA_RELEASED
    return [
        Event(event_id(kind, camera, command, at_ns), kind, camera, at_ns, "", {"actor": actor, "command": command})
    ]


def is_watched(state: State, camera: str) -> bool:
    """Whether somebody has put this camera, or what cameras hang on, and nobody has removed it since."""
    return state.get(ROOM, camera) is not None


def on_tick(state: State, now_ns: int) -> None:
    """Forget the oldest of the removed. One that the configuration still names is remembered as long as it does, and
    one that was retired until somebody registers it again.
    """
    for camera, row in state.room(REMOVED):
        if not row["file"] and not row.get("retired") and row["at_ns"] < now_ns - REMOVED_KEPT_NS:
            state.drop(REMOVED, camera)


def watched(state: State, batch: _Rows) -> _Rows:
    """The rows whose devices are not removed: what comes late from those is nobody's."""
    if not state.size(REMOVED):
        return batch
    devices_of: tuple[str, ...] = batch.device  # type: ignore[attr-defined]
    kept = [row for row, device in enumerate(devices_of) if state.get(REMOVED, device) is None]
    return batch if len(kept) == len(batch) else batch.take(np.array(kept, np.int64))


def _registered(state: State, camera: str, fields: Row, at_ns: int, era: str) -> Iterator[Event]:
    known: Any = state.get(devices.ROOM, camera) or {"heartbeat_s": 0}
    described = Device(
        camera,
        DeviceKind(fields.get("kind", DeviceKind.CAMERA)),
        name=fields.get("name", ""),
        place=fields.get("place", ""),
        heartbeat_s=known["heartbeat_s"],
        parent=fields.get("parent", ""),
        site=fields.get("site", ""),
    )
    event = devices.register(state, described, at_ns=at_ns, command="", era=era)
    if isinstance(event, Event):
        yield event


def state_event(camera: str, after: DeviceState, reason: str, at_ns: int, cause: str) -> Event:
    """A device's state that follows from its being added or removed."""
    kind = EventKind.DEVICE_STATE
    data = {"state": after.value, "worst_from_ns": at_ns, "best_from_ns": at_ns, "reason": reason}
    return Event(event_id(kind, camera, cause), kind, camera, at_ns, "", data)
