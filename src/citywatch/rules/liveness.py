"""Silence: a device that promised heartbeats and sends none, as far as anybody was listening.

A device is silent only if its observer's own heartbeat rows, and the clock's ticks, cover the whole time-out without
a gap. A gap in either makes *unknown*, never *down*.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from citywatch.domain.devices import OBSERVER_PREFIX, DeviceKind, DeviceState
from citywatch.domain.events import Event
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.domain.pulses import PulseBatch
from citywatch.domain.state import Row, State
from citywatch.kernels import liveness
from citywatch.rules import cameras, devices, faults
from citywatch.rules.faults import NEVER, Confirmation, Evidence

ROOM = "pulse"
OBSERVERS = "observer"
CLOCK = "clock"

_AT_ONCE = Confirmation(confirm_looks=1, clear_looks=1)


@dataclass(frozen=True, slots=True)
class LivenessPolicy:
    """`missed_heartbeats`: how many promised heartbeats may fail to come before a device is silent.
    `gap_seconds`: an observer or a clock that is quiet for longer was not listening in between.
    """

    missed_heartbeats: int = 3
    gap_seconds: int = 5


def on_pulses(state: State, batch: PulseBatch, policy: LivenessPolicy) -> Iterator[Event]:
    """Heartbeats of devices and of the observers that hear them."""
    for device, at_ns, observer in zip(batch.device, batch.at_ns.tolist(), batch.observer, strict=True):
        if device.startswith(OBSERVER_PREFIX):
            _listened(state, OBSERVERS, device, at_ns, policy)
        else:
            yield from heard(state, device, at_ns, observer)


def heard(state: State, device: str, at_ns: int, observer: str) -> Iterator[Event]:
    """A sign of life of a device; it ends a silence."""
    yield from devices.seen(state, device, DeviceKind.SCALE, at_ns)
    row = state.get(ROOM, device)
    last_ns = at_ns if row is None else max(at_ns, row["last_ns"])
    fault = None if row is None else row["fault"]
    cleared = None
    if fault is not None:
        fault, cleared = faults.good_look(fault, device, Fault.SILENT.value, at_ns, _AT_ONCE)
    state.put(ROOM, device, {"last_ns": last_ns, "observer": observer, "fault": fault})
    if cleared is not None:
        yield cleared
    if fault is None and not _is_looked_at(state, device):
        was_down = devices.known(state, device)["state"] == DeviceState.DOWN
        yield from devices.change(
            state,
            device,
            DeviceState.UP,
            worst_from_ns=at_ns,
            # A silence that ends after a time in which nobody listened: that time stays unknown.
            best_from_ns=cleared.data["last_bad_ns"] if cleared is not None and was_down else at_ns,
            reason="heard",
            at_ns=at_ns,
        )


def on_tick(state: State, now_ns: int, policy: LivenessPolicy) -> Iterator[Event]:
    """Sweep every device that promised heartbeats."""
    ticking_since_ns = _listened(state, CLOCK, CLOCK, now_ns, policy)
    promised = [(name, row) for name, row in state.room(devices.ROOM) if row["heartbeat_s"] > 0]
    rows = [state.get(ROOM, name) for name, _ in promised]
    last_seen = np.array(
        [
            device["registered_ns"] if row is None else row["last_ns"]
            for (_, device), row in zip(promised, rows, strict=True)
        ],
        np.int64,
    )
    timeout = np.array([row["heartbeat_s"] * policy.missed_heartbeats * NS_PER_S for _, row in promised], np.int64)
    covered = np.array([max(ticking_since_ns, _covered_since(state, row, now_ns, policy)) for row in rows], np.int64)
    verdict = np.zeros(len(promised), np.uint8)
    if not liveness.sweep(now_ns, last_seen, timeout, covered, verdict):
        return
    for i in np.flatnonzero(verdict != liveness.HEARD).tolist():
        device, described = promised[i]
        row = rows[i]
        if verdict[i] == liveness.NOT_KNOWN:
            if _is_looked_at(state, device):
                continue
            fault = None if row is None else row["fault"]
            since_ns = max(int(last_seen[i]), NEVER if fault is None else fault["last_bad_ns"])
            yield from devices.change(
                state,
                device,
                DeviceState.UNKNOWN,
                worst_from_ns=since_ns,
                best_from_ns=since_ns,
                reason="observer_was_not_listening",
                at_ns=now_ns,
            )
        else:
            heartbeat_ns = described["heartbeat_s"] * NS_PER_S
            yield from _silent(state, device, int(last_seen[i]), int(covered[i]), heartbeat_ns, now_ns, policy)


def _silent(
    state: State, device: str, last_ns: int, covered_ns: int, heartbeat_ns: int, now_ns: int, policy: LivenessPolicy
) -> Iterator[Event]:
    """A silence is confirmed, or goes on. What happened before `covered_ns`, while nobody listened, stays unknown."""
    row = state.get(ROOM, device) or {"last_ns": last_ns, "observer": "", "fault": None}
    quiet_from_ns = max(last_ns, covered_ns)
    first_missed_ns = quiet_from_ns + heartbeat_ns
    if row["fault"] is None:
        fault, confirmed = _confirmed(device, last_ns, first_missed_ns, heartbeat_ns, now_ns, policy)
        state.put(ROOM, device, {**row, "fault": fault})
        yield confirmed
    else:
        state.put(ROOM, device, {**row, "fault": {**row["fault"], "last_bad_ns": now_ns}})
    if _is_looked_at(state, device):
        return
    yield from devices.change(
        state,
        device,
        DeviceState.DOWN,
        worst_from_ns=quiet_from_ns,
        best_from_ns=first_missed_ns,
        reason="silent",
        at_ns=now_ns,
    )


def _confirmed(
    device: str, last_ns: int, first_missed_ns: int, heartbeat_ns: int, now_ns: int, policy: LivenessPolicy
) -> tuple[faults.FaultRow, Event]:
    quiet_s = (now_ns - last_ns) / NS_PER_S
    allowed_s = policy.missed_heartbeats * heartbeat_ns / NS_PER_S
    evidence = Evidence("no_heartbeat", "seconds_without_heartbeat", quiet_s, allowed_s, quiet_s - allowed_s)
    begun = faults.begin(device, Fault.SILENT.value, first_missed_ns, last_ns)
    begun = {**begun, "bad": 1, "last_bad_ns": now_ns, "good": 0}
    return faults.confirm(begun, device, Fault.SILENT.value, now_ns, evidence)


def _is_looked_at(state: State, device: str) -> bool:
    """A camera may live and be black: its state is what the looks say, whoever sends heartbeats for it."""
    return state.get(cameras.ROOM, device) is not None


def _listened(state: State, room: str, name: str, at_ns: int, policy: LivenessPolicy) -> int:
    """Note that an observer (or the clock) was there at an instant; since when it has been without a gap."""
    row = state.get(room, name)
    if row is None or not 0 <= at_ns - row["last_ns"] <= policy.gap_seconds * NS_PER_S:
        row = {"since_ns": at_ns, "last_ns": at_ns}
    else:
        row = {"since_ns": row["since_ns"], "last_ns": at_ns}
    state.put(room, name, row)
    return int(row["since_ns"])


def _covered_since(state: State, pulse: Row | None, now_ns: int, policy: LivenessPolicy) -> int:
    """Since when the observer of a device listens without a gap; after now when it does not listen now."""
    name = pulse["observer"] if pulse is not None else ""
    row = state.get(OBSERVERS, name) if name else None
    if row is None:
        return _any_observer(state, now_ns, policy)
    if now_ns - row["last_ns"] > policy.gap_seconds * NS_PER_S:
        return now_ns + 1
    return int(row["since_ns"])


def _any_observer(state: State, now_ns: int, policy: LivenessPolicy) -> int:
    """A device never heard could have come through any door: all of them must have been listening."""
    since = [NEVER]
    for _, row in state.room(OBSERVERS):
        since.append(now_ns + 1 if now_ns - row["last_ns"] > policy.gap_seconds * NS_PER_S else row["since_ns"])
    return now_ns + 1 if len(since) == 1 else max(since)
