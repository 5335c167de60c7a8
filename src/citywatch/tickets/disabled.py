"""What keeps a device from working and is told of it alone: declared work, and the outage of its parent.

Rows of the room `disabled`, one a device: {"items": [{id, by, word, about, contractor, from_ns, to_ns, late_ns}]}, at
most MOST_ITEMS of them. `by` is the work or the incident; `word` what contracts call the cause (`parent`, a kind of
work), `about` what it names behind its colon (the root of an incident), with the `contractor` who answers for that, ''
for what is not known; `to_ns` is None while nobody knows when it ends; `late_ns` how long after its beginning it became
known. What is over goes when something new is told of the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from citywatch.domain.state import State

ROOM = "disabled"
MOST_ITEMS = 12

Item = Mapping[str, Any]


def tell(state: State, device: str, item: Item, at_ns: int) -> None:
    """Keep it, in place of what was told under the same id."""
    kept = [one for one in of(state, device) if one["id"] != item["id"] and _lasts(one, at_ns)]
    state.put(ROOM, device, {"items": [*kept, dict(item)][-MOST_ITEMS:]})


def take_back(state: State, device: str, identity: str) -> bool:
    """It is over; False when nothing was told under that id."""
    items = of(state, device)
    kept = [one for one in items if one["id"] != identity]
    if len(kept) == len(items):
        return False
    if kept:
        state.put(ROOM, device, {"items": kept})
    else:
        state.drop(ROOM, device)
    return True


def forget(state: State, device: str) -> None:
    """The device is no more."""
    if state.get(ROOM, device) is not None:
        state.drop(ROOM, device)


def of(state: State, device: str) -> Sequence[Item]:
    """What is kept of a device, in the order in which it was told."""
    row = state.get(ROOM, device)
    return () if row is None else row["items"]


def _lasts(item: Item, at_ns: int) -> bool:
    return item["to_ns"] is None or item["to_ns"] > at_ns
