"""From a camera's faults to its state: up, degraded, down or unknown, with the bounds of the instant of each change.

Faults that leave a usable picture (`mild`) make a camera degraded; any other one makes it down.

A bound never reaches back over a time in which nobody looked: that time stays unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from citywatch.domain.devices import DeviceState
from citywatch.domain.events import Event, EventKind
from citywatch.domain.faults import Fault
from citywatch.domain.state import Row, State
from citywatch.rules import devices
from citywatch.rules.faults import CONFIRMED, NEVER
from citywatch.rules.pictures import Look


def after_look(
    state: State,
    room: str,
    look: Look,
    bad: Collection[Fault],
    row: Row,
    events: list[Event],
    mild: Collection[Fault] = (),
) -> Iterator[Event]:
    """Down with the first confirmed fault (degraded, if it is a mild one), up when the last is cleared or when a first
    look finds nothing.

    room, row  where the camera's row is kept, and the row as it is after the look
    bad        the open faults that this look shows
    events     what the look's faults gave
    """
    at_ns = look.at_ns
    faults = {name for name, fault in row["faults"].items() if fault["phase"] == CONFIRMED}
    confirmed, any_finding = bool(faults), bool(bad)
    if mild and faults and faults <= set(mild):
        if any_finding and set(bad) <= set(mild):
            yield from _degraded(state, look, row, events, mild)
        return
    before = devices.known(state, look.device)["state"]
    not_before_ns = row["looking_since_ns"] if before == DeviceState.UNKNOWN else NEVER
    if confirmed and any_finding:
        news = [
            event.data
            for event in events
            if event.kind is EventKind.FAULT_CONFIRMED and event.data["fault"] not in mild
        ]
        first = min(news, key=lambda data: int(data["first_bad_ns"]), default=None)
        # Without news the fault is an old one: nobody had looked for a while, and it is still there.
        best_ns = at_ns if first is None else first["first_bad_ns"]
        worst_ns = best_ns if first is None or first["last_good_ns"] == NEVER else first["last_good_ns"]
        yield from devices.change(
            state,
            look.device,
            DeviceState.DOWN,
            worst_from_ns=max(min(worst_ns, best_ns), not_before_ns),
            best_from_ns=max(best_ns, not_before_ns),
            reason="fault_confirmed",
            at_ns=at_ns,
        )
    elif not confirmed and not any_finding:
        cleared = [event.data for event in events if event.kind is EventKind.FAULT_CLEARED]
        first_good_ns = max((int(data["first_good_ns"]) for data in cleared), default=at_ns)
        # A second fault may have outlived the good looks that cleared the first.
        worst_ns = first_good_ns if first_good_ns > row["confirmed_bad_ns"] else at_ns
        best_ns = at_ns if row["confirmed_bad_ns"] == NEVER else row["confirmed_bad_ns"]
        if row["confirmed_bad_ns"] != NEVER:
            state.put(room, look.device, {**row, "confirmed_bad_ns": NEVER})
        yield from devices.change(
            state,
            look.device,
            DeviceState.UP,
            worst_from_ns=max(worst_ns, best_ns, not_before_ns),
            best_from_ns=max(best_ns, not_before_ns),
            reason="looked_in_order" if row["confirmed_bad_ns"] == NEVER else "fault_cleared",
            at_ns=at_ns,
        )


def _degraded(state: State, look: Look, row: Row, events: list[Event], mild: Collection[Fault]) -> Iterator[Event]:
    """Only mild faults are left. Who was down is better since the last serious fault was seen last; who was not, is
    worse since the first mild one.
    """
    at_ns = look.at_ns
    before = devices.known(state, look.device)["state"]
    worst_ns = best_ns = at_ns
    if before == DeviceState.DOWN:
        cleared = [
            event.data for event in events if event.kind is EventKind.FAULT_CLEARED and event.data["fault"] not in mild
        ]
        if cleared:
            worst_ns = max(int(data["first_good_ns"]) for data in cleared)
            best_ns = min(max(int(data["last_bad_ns"]) for data in cleared), worst_ns)
    else:
        news = [event.data for event in events if event.kind is EventKind.FAULT_CONFIRMED]
        first = min(news, key=lambda data: int(data["first_bad_ns"]), default=None)
        if first is not None:
            best_ns = int(first["first_bad_ns"])
            worst_ns = best_ns if first["last_good_ns"] == NEVER else min(int(first["last_good_ns"]), best_ns)
    not_before_ns = row["looking_since_ns"] if before == DeviceState.UNKNOWN else NEVER
    yield from devices.change(
        state,
        look.device,
        DeviceState.DEGRADED,
        worst_from_ns=max(worst_ns, not_before_ns),
        best_from_ns=max(best_ns, not_before_ns),
        reason="fault_confirmed" if before != DeviceState.DOWN else "fault_cleared",
        at_ns=at_ns,
    )
