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
from citywatch.domain.state import Row, State
from citywatch.kernels import liveness
from citywatch.rules import devices, faults
from citywatch.rules.faults import CONFIRMED, NEVER, Confirmation, Evidence
from citywatch.rules.pictures import Look, LookHistory, conclude, looks

ROOM = "camera"

CAMERA_FAULTS = (
    Fault.UNREACHABLE,
    Fault.NO_MEDIA,
    Fault.BLACK,
    Fault.OVER_EXPOSED,
    Fault.FROZEN,
    Fault.COVERED,
    Fault.OUT_OF_FOCUS,
)


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
    row = state.get(ROOM, look.device) or {
        "history": None,
        "last_look_ns": look.at_ns,
        "looking_since_ns": look.at_ns,
        "confirmed_bad_ns": NEVER,
        "faults": {},
        "good": {},
    }
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
    row = {**row, "history": asdict(history), "faults": open_faults, "good": good}
    if looked:
        gap = look.at_ns - row["last_look_ns"] > policy.unknown_after_seconds * NS_PER_S
        row["looking_since_ns"] = look.at_ns if gap else row["looking_since_ns"]
        row["last_look_ns"] = max(look.at_ns, row["last_look_ns"])
    if any(open_faults[fault.value]["phase"] == CONFIRMED for fault in found):
        row["confirmed_bad_ns"] = max(look.at_ns, row["confirmed_bad_ns"])
    state.put(ROOM, look.device, row)
    yield from events
    if looked:
        yield from _device_state(state, look, bool(found), row, events)


def _device_state(state: State, look: Look, any_finding: bool, row: Row, events: list[Event]) -> Iterator[Event]:
    """Down with the first confirmed fault, up when the last is cleared or when a first look finds nothing.

    A bound never reaches back over a time in which nobody looked: that time stays unknown.
    """
    at_ns = look.at_ns
    confirmed = any(fault["phase"] == CONFIRMED for fault in row["faults"].values())
    before = devices.known(state, look.device)["state"]
    not_before_ns = row["looking_since_ns"] if before == DeviceState.UNKNOWN else NEVER
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
            state.put(ROOM, look.device, {**row, "confirmed_bad_ns": NEVER})
        yield from devices.change(
            state,
            look.device,
            DeviceState.UP,
            worst_from_ns=max(worst_ns, best_ns, not_before_ns),
            best_from_ns=max(best_ns, not_before_ns),
            reason="looked_in_order" if row["confirmed_bad_ns"] == NEVER else "fault_cleared",
            at_ns=at_ns,
        )
