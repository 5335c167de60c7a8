"""A crew has reported a repair: the patrol is asked for a look, and looks that still show a fault are told.

A confirmed fault of the device remembers since when it should be gone (`reported`, see rules/faults.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import State
from citywatch.rules import cameras, faults

REPAIR_REPORTED = "repair_reported"
"""`reason` of the look that is asked for."""


def reported(state: State, device: str, *, at_ns: int, ticket: str, command: str) -> Iterator[Event]:
    """From here on looks at this device say whether the repair has helped. Nobody looks at what is no camera."""
    row = state.get(cameras.ROOM, device)
    if row is None:
        return
    after = {name: faults.repair_reported(fault, at_ns) for name, fault in row["faults"].items()}
    state.put(cameras.ROOM, device, {**row, "faults": after})
    kind = EventKind.LOOK_ASKED
    data = {"reason": REPAIR_REPORTED, "source": "ticket", "detail": ticket}
    yield Event(event_id(kind, device, command), kind, device, at_ns, "", data)
