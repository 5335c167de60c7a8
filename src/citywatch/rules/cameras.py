"""From looks at a camera to its faults and its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, FrameBatch, Outcome
from citywatch.domain.state import State
from citywatch.kernels import liveness
from citywatch.rules import devices, faults
from citywatch.rules.faults import CONFIRMED, NEVER, Confirmation, Evidence
from citywatch.rules.pictures import Look, LookHistory, conclude, looks

ROOM = "camera"

CAMERA_FAULTS = tuple(fault for fault in Fault if fault is not Fault.SILENT)


@dataclass(frozen=True, slots=True)
class CameraPolicy:
    """`unknown_after_seconds`: a camera that nobody has looked at for longer is unknown, never silently up."""

    confirmation: Confirmation = field(default_factory=Confirmation)
    unknown_after_seconds: int = 1800


def on_looks(state: State, batch: FrameBatch, policy: CameraPolicy) -> Iterator[Event]:
    """Every look in turn."""
    for look in looks(batch):
        yield from _on_look(state, look, policy)


def on_tick(state: State, now_ns: int, policy: CameraPolicy) -> Iterator[Event]:
    """Cameras that nobody has looked at for too long become unknown, from their last look on."""
    rows = list(state.room(ROOM))
    last_look = np.array([row["last_look_ns"] for _, row in rows], np.int64)
    timeout = np.full(len(rows), policy.unknown_after_seconds * NS_PER_S, np.int64)
    verdict = np.zeros(len(rows), np.uint8)
    if not liveness.sweep(now_ns, last_look, timeout, np.zeros(len(rows), np.int64), verdict):
        return
    for i in np.flatnonzero(verdict != liveness.HEARD):
        camera, row = rows[int(i)]
        since_ns = row["last_look_ns"]
        yield from devices.change(
            state,
            camera,
            DeviceState.UNKNOWN,
            worst_from_ns=since_ns,
            best_from_ns=since_ns,
            reason="not_looked_at",
            at_ns=now_ns,
        )


def _on_look(state: State, look: Look, policy: CameraPolicy) -> Iterator[Event]:
    yield from devices.seen(state, look.device, DeviceKind.CAMERA, look.at_ns)
    row = state.get(ROOM, look.device) or {"history": None, "last_look_ns": look.at_ns, "faults": {}, "good": {}}
    before = None if row["history"] is None else LookHistory(**row["history"])
    history, findings, unchecked = conclude(before, look)
    found = {finding.fault: finding for finding in findings}
    skipped = {item.fault for item in unchecked}
    open_faults: dict[str, Any] = dict(row["faults"])
    good: dict[str, int] = dict(row["good"])
    events: list[Event] = []
    for fault in CAMERA_FAULTS:
        finding = found.get(fault)
        fault_row, event = open_faults.get(fault.value), None
        if finding is not None:
            evidence = Evidence(
                finding.reason,
                finding.measure,
                finding.value,
                finding.threshold,
                finding.margin,
                look.picture,
                look.previous,
            )
            last_good_ns = good.get(fault.value, NEVER)
            open_faults[fault.value], event = faults.bad_look(
                fault_row, look.device, fault.value, look.at_ns, last_good_ns, evidence, policy.confirmation
            )
        elif fault not in skipped:
            good[fault.value] = look.at_ns
            if fault_row is not None:
                left, event = faults.good_look(fault_row, look.device, fault.value, look.at_ns, policy.confirmation)
                if left is None:
                    del open_faults[fault.value]
                else:
                    open_faults[fault.value] = left
        if event is not None:
            events.append(event)
    looked = look.outcome is not Outcome.UNCHECKED
    state.put(
        ROOM,
        look.device,
        {
            "history": asdict(history),
            "last_look_ns": max(look.at_ns, row["last_look_ns"]) if looked else row["last_look_ns"],
            "faults": open_faults,
            "good": good,
        },
    )
    yield from events
    if looked:
        yield from _device_state(state, look, bool(found), open_faults, events)


def _device_state(
    state: State, look: Look, any_finding: bool, open_faults: dict[str, Any], events: list[Event]
) -> Iterator[Event]:
    """Down with the first confirmed fault, up when the last is cleared or when a first look finds nothing."""
    at_ns = look.at_ns
    confirmed = any(row["phase"] == CONFIRMED for row in open_faults.values())
    if confirmed and any_finding:
        news = [event.data for event in events if event.kind is EventKind.FAULT_CONFIRMED]
        first = min(news, key=lambda data: int(data["first_bad_ns"]), default=None)
        # Without news the fault is an old one: nobody had looked for a while, and it is still there.
        best_ns = at_ns if first is None else first["first_bad_ns"]
        worst_ns = best_ns if first is None or first["last_good_ns"] == NEVER else first["last_good_ns"]
        yield from devices.change(
            state,
            look.device,
            DeviceState.DOWN,
            worst_from_ns=worst_ns,
            best_from_ns=best_ns,
            reason="fault_confirmed",
            at_ns=at_ns,
        )
    elif not confirmed and not any_finding:
        cleared = [event.data for event in events if event.kind is EventKind.FAULT_CLEARED]
        last = max(cleared, key=lambda data: int(data["last_bad_ns"]), default=None)
        yield from devices.change(
            state,
            look.device,
            DeviceState.UP,
            worst_from_ns=at_ns if last is None else last["first_good_ns"],
            best_from_ns=at_ns if last is None else last["last_bad_ns"],
            reason="looked_in_order" if last is None else "fault_cleared",
            at_ns=at_ns,
        )
