"""The projection of references: which picture each camera is compared with, by light and preset.

Pictures of references are pinned as evidence is, and released when nothing needs them any more: no camera is compared
with them, and no fault of the camera whose events are kept was told by them.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import CAMERA_REFERENCES, EVENTS
from citywatch.domain.events import Event, EventKind

KINDS = frozenset({EventKind.REFERENCE_ADOPTED, EventKind.REFERENCE_DROPPED, EventKind.CAMERA_REMOVED})
_MOST_FAULTS = 500
"""Faults of one camera that are asked whether they were told by a reference, the newest first."""


def project(connection: Connection, run: Run) -> tuple[list[str], list[str]]:
    """Write what these events say; (pictures to pin, pictures to release). KeyError, TypeError for a bad one."""
    pinned: list[str] = []
    left: list[tuple[str, str]] = []
    c = CAMERA_REFERENCES.c
    for event in run.of(*KINDS):
        mine = c.camera == event.device
        if event.kind is not EventKind.CAMERA_REMOVED:
            mine &= (c.light == _text(event, "light")) & (c.preset == _text(event, "preset"))
        left += [(event.device, picture) for picture in connection.scalars(select(c.picture).where(mine))]
        connection.execute(delete(CAMERA_REFERENCES).where(mine))
        if event.kind is EventKind.REFERENCE_ADOPTED:
            row = {name: _text(event, name) for name in ("light", "preset", "picture", "reason")}
            connection.execute(insert(CAMERA_REFERENCES), {"camera": event.device, "adopted_at_ns": event.at_ns, **row})
            pinned.append(row["picture"])
    return pinned, [picture for camera, picture in left if not _needed(connection, camera, picture)]


def _needed(connection: Connection, camera: str, picture: str) -> bool:
    in_use = select(CAMERA_REFERENCES.c.camera).where(CAMERA_REFERENCES.c.picture == picture).limit(1)
    if connection.execute(in_use).first() is not None:
        return True
    c = EVENTS.c
    faults = (
        select(c.body)
        .where(c.device == camera, c.kind == EventKind.FAULT_CONFIRMED.value)
        .order_by(c.at_ns.desc())
        .limit(_MOST_FAULTS)
    )
    return any(body.get("reference") == picture for body in connection.scalars(faults))


def _text(event: Event, field: str) -> str:
    value = event.data[field]
    if not isinstance(value, str):
        raise TypeError(f"{field}: a text is wanted")
    return value
