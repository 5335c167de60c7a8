"""What a partition's step hands on to the incident stage, and when a fault waits for its verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from citywatch.domain.commands import CITY, Verb
from citywatch.domain.events import Event, EventKind
from citywatch.domain.incidents import (
    CLOCKS_ASK,
    COMMAND,
    MARK,
    ONWARD_CLOCK,
    ONWARD_ROOM,
    REACHABILITY,
    Onward,
    OnwardBatch,
)
from citywatch.domain.state import State
from citywatch.rules import detours, devices, fleet
from citywatch.tickets import desk as tickets

_OF_DESKS = tickets.VERBS | {Verb.ACKNOWLEDGE_ALERT}


def on_tick(state: State, now_ns: int) -> None:
    """From here on the partition hands on nothing about earlier ticks. A clock that was put back waits."""
    tick_ns = max(now_ns, _tick_ns(state))
    state.put(ONWARD_ROOM, ONWARD_CLOCK, {"tick_ns": tick_ns})
    state.hand_on(Onward("", tick_ns, tick_ns, MARK, "", ""))


def waits(state: State, event: Event) -> bool:
    """Whether the desks must not hear of an event before the incident stage has given its verdict."""
    return _is_about_reaching(event, EventKind.FAULT_CONFIRMED) and devices.is_waited_for(state, event.device)


def on_event(state: State, event: Event) -> None:
    """Hand on what concerns the neighbours of the device."""
    match event.kind:
        case EventKind.FAULT_CONFIRMED if waits(state, event):
            # Whether anything here asks for the verdict, too: a ticket whose clocks may stand for a parent's outage.
            asks = {CLOCKS_ASK: True} if tickets.has_clocks(state, event.device) else {}
            _hand_on(state, event.device, event.at_ns, event.kind.value, event.cause, {**event.data, **asks})
            return
        case EventKind.FAULT_CLEARED | EventKind.FAULT_SEEN:
            concerns = _is_about_reaching(event, event.kind) and devices.is_placed(state, event.device)
        case EventKind.DEVICE_REGISTERED | EventKind.WORK_DECLARED:
            concerns = devices.is_placed(state, event.device)
        case EventKind.CAMERA_REMOVED | EventKind.DEVICE_RETIRED:
            concerns = True
        case _:
            concerns = False
    if concerns:
        _hand_on(state, event.device, event.at_ns, event.kind.value, event.cause, event.data)


def registered(state: State, event: Event, actor: str) -> Event:
    """Hand on a registration; the event as it is told. Where a parent is named the verdict is the incident stage's."""
    if not devices.is_placed(state, event.device):
        return event
    command = event.data["command"] if event.data["parent"] else ""
    told = {**event.data, "command": command, "actor": actor}
    _hand_on(state, event.device, event.at_ns, event.kind.value, event.cause, told)
    return replace(event, data={**event.data, "command": ""}, body="") if command else event


def passed_on(
    state: State, device: str, at_ns: int, command: str, verb: str, target: str, actor: str, args: str
) -> bool:
    """Hand on a command about an alert or a ticket that is not here but may be with the incident stage."""
    if verb not in _OF_DESKS:
        return False
    unknown = state.get(devices.ROOM, device) is None and state.get(fleet.REMOVED, device) is None
    if not unknown and not devices.is_placed(state, device) and not detours.has_handed_on(state, device):
        return False
    told = {"verb": verb, "target": target, "actor": actor, "args": json.loads(args)}
    _hand_on(state, device, at_ns, COMMAND, command, told)
    return True


def of_all_partitions(state: State, at_ns: int, command: str, verb: str, target: str, actor: str, args: str) -> None:
    """Hand on a command that every partition is given. The incident stage obeys the first of them and tells nothing:
    what becomes of it every partition has told.
    """
    told = {"verb": verb, "target": target, "actor": actor, "args": json.loads(args)}
    _hand_on(state, CITY, at_ns, COMMAND, command, told)


def taken(state: State) -> OnwardBatch | None:
    """What was handed on since the last call; of marks without a row between them the last stands for all."""
    rows: list[Onward] = []
    for row in state.handed_on():
        if rows and row.kind == rows[-1].kind == MARK:
            rows.pop()
        rows.append(row)
    return OnwardBatch.of_rows(rows) if rows else None


def _is_about_reaching(event: Event, kind: EventKind) -> bool:
    return event.kind is kind and event.data["fault"] in REACHABILITY


def _tick_ns(state: State) -> int:
    row = state.get(ONWARD_ROOM, ONWARD_CLOCK)
    return 0 if row is None else int(row["tick_ns"])


def _hand_on(state: State, device: str, at_ns: int, kind: str, cause: str, data: Mapping[str, Any]) -> None:
    text = json.dumps(dict(data), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    state.hand_on(Onward(device, at_ns, _tick_ns(state), kind, cause, text))
