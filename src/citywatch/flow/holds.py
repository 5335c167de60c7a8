"""What waits in front of both desks for the end of a maintenance window.

A row `held/<cause>` is an opening that no desk has heard of. When the window is over and nothing has ended it
meanwhile, both desks hear of it; when it is over itself, neither ever does. Windows hold back creation, never endings.
A passing vehicle is a moment: within a window it makes no alert, and it does not wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from citywatch.alerts.desk import ENDINGS, MOMENTS
from citywatch.domain import by_device, dues
from citywatch.domain.events import Event, EventKind
from citywatch.domain.state import State

HELD = "held"
DUE = "held-due"
_MOST_CHILDREN = 20


def hold(state: State, event: Event, until_ns: int) -> None:
    """An opening waits."""
    if event.kind in MOMENTS:
        return
    data = dict(event.data)
    if event.kind is EventKind.INCIDENT_OPENED:
        # The incident itself is in the table with all of its children; here it must not grow with them.
        data["children"] = list(data["children"])[:_MOST_CHILDREN]
    row = {
        "id": event.id,
        "kind": event.kind.value,
        "device": event.device,
        "at_ns": event.at_ns,
        "data": data,
    }
    _wait(state, event.cause, row, until_ns)


def waits(state: State, cause: str) -> bool:
    """Whether an opening of this cause waits."""
    return state.get(HELD, cause) is not None


def ends(state: State, event: Event) -> bool:
    """Whether an event is the end of an opening that no desk has heard of; then they need not hear of it, either."""
    if event.kind in (EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED):
        for cause in by_device.of(state, HELD, event.device):
            _drop(state, cause)
        return False
    if event.kind not in ENDINGS or state.get(HELD, event.cause) is None:
        return False
    _drop(state, event.cause)
    return True


def due(state: State, now_ns: int) -> Iterator[Event]:
    """Openings whose window should be over: told again as of now."""
    by_device.keep_up(state, HELD)
    for _, cause in dues.taken(state, DUE, now_ns):
        row = state.get(HELD, cause)
        if row is not None:
            state.drop(HELD, cause)
            event = Event(row["id"], EventKind(row["kind"]), row["device"], row["at_ns"], cause, row["data"])
            yield replace(event, at_ns=now_ns, data={"held_from_ns": event.at_ns, **event.data}, body="")


def again(state: State, now_ns: int) -> None:
    """A window was ended: whatever waits is looked at anew at the next instant."""
    for cause, row in list(state.room(HELD)):
        dues.drop(state, DUE, row["until_ns"], cause)
        _wait(state, cause, dict(row), now_ns + 1)


def next_due(state: State) -> int | None:
    """The first instant at which something has waited long enough."""
    first = dues.first(state, DUE)
    return None if first is None else first[0]


def _wait(state: State, cause: str, row: dict[str, Any], until_ns: int) -> None:
    state.put(HELD, cause, {**row, "until_ns": until_ns})
    dues.put(state, DUE, until_ns, cause)


def _drop(state: State, cause: str) -> None:
    row = state.get(HELD, cause)
    if row is not None:
        dues.drop(state, DUE, row["until_ns"], cause)
        state.drop(HELD, cause)
