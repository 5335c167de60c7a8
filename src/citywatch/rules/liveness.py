"""Silence: a device that promised heartbeats and sends none, as far as anybody was listening.

A device is silent only if its observer's own heartbeat rows, and the clock's ticks, cover the whole time-out without
a gap. A gap in either makes *unknown*, never *down*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from citywatch.domain import dues
from citywatch.domain.devices import OBSERVER_PREFIX, DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.domain.pulses import PulseBatch
from citywatch.domain.state import Row, State
from citywatch.kernels import liveness
from citywatch.rules import cameras, devices, faults
from citywatch.rules.faults import NEVER, Confirmation, Evidence
from citywatch.rules.last_seen import LastSeen, Seen

ROOM = "pulse"
OBSERVERS = "observer"
CLOCK = "clock"
STANDS = "stands"
"""In a row of ROOM, true from the tick that finds a device silent up to the last one that does: meanwhile no tick
writes anything about it, and the last look that was bad is the last tick."""
EXPECTED = "pulse-expected"
"""What is due: devices whose repair was reported, when they must have been heard again."""
_NO_LIMIT_NS = 2**62

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
    fault = None if row is None else _as_at(row, _ticked_ns(state))
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
    """Every device that promised heartbeats and is late since this tick, or is no longer."""
    ticked_ns = _ticked_ns(state)
    ticking_since_ns = _listened(state, CLOCK, CLOCK, now_ns, policy)

    def covered_since_ns(observer: str) -> int:
        return max(ticking_since_ns, _covered_since(state, observer, now_ns, policy))

    for device, verdict in _promised(state, policy).changed(now_ns, covered_since_ns):
        if verdict == liveness.SILENT:
            yield from _silent(state, device, covered_since_ns(_observer(state, device)), now_ns, policy)
            continue
        _silent_no_longer(state, device, ticked_ns)
        if verdict == liveness.NOT_KNOWN and not _is_looked_at(state, device):
            row = state.get(ROOM, device)
            fault = None if row is None else row["fault"]
            since_ns = max(_last_ns(state, device), NEVER if fault is None else fault["last_bad_ns"])
            yield from devices.change(
                state,
                device,
                DeviceState.UNKNOWN,
                worst_from_ns=since_ns,
                best_from_ns=since_ns,
                reason="observer_was_not_listening",
                at_ns=now_ns,
            )

    yield from _still_silent(state, now_ns, covered_since_ns, policy)


def repair_reported(state: State, device: str, at_ns: int, policy: LivenessPolicy) -> None:
    """Somebody says that a silence is repaired: as many heartbeats must not fail to come again."""
    row = state.get(ROOM, device)
    if row is not None and row["fault"] is not None:
        state.put(ROOM, device, {**row, "fault": faults.repair_reported(row["fault"], at_ns)})
        dues.put(state, EXPECTED, at_ns + _timeout_ns(state, device, policy), device)


def _still_silent(
    state: State, now_ns: int, covered_since_ns: Callable[[str], int], policy: LivenessPolicy
) -> Iterator[Event]:
    """Devices that nobody has heard since their repair was reported, as long as somebody was listening throughout."""
    for _, device in list(dues.taken(state, EXPECTED, now_ns)):
        row = state.get(ROOM, device)
        fault = None if row is None else row["fault"]
        if row is None or fault is None or fault.get("reported") is None or state.get(devices.ROOM, device) is None:
            continue
        reported_ns, timeout_ns = fault["reported"]["at_ns"], _timeout_ns(state, device, policy)
        due_ns = max(reported_ns, covered_since_ns(_observer(state, device))) + timeout_ns
        if due_ns > now_ns:
            dues.put(state, EXPECTED, due_ns, device)
            continue
        state.put(ROOM, device, {**row, "fault": {**fault, "reported": None}})
        kind = EventKind.FAULT_SEEN
        data = {"fault": Fault.SILENT.value, "looks": policy.missed_heartbeats, "last_bad_ns": now_ns}
        yield Event(event_id(kind, fault["cause"], reported_ns), kind, device, now_ns, fault["cause"], data)


def _timeout_ns(state: State, device: str, policy: LivenessPolicy) -> int:
    return int(devices.known(state, device)["heartbeat_s"]) * policy.missed_heartbeats * NS_PER_S


def _promised(state: State, policy: LivenessPolicy) -> LastSeen:
    """When those that promised heartbeats were last heard."""

    def read(device: str) -> Seen | None:
        described, pulse = state.get(devices.ROOM, device), state.get(ROOM, device)
        if described is None:
            return None
        if described["heartbeat_s"] <= 0:
            # It promises none any more: a silence that stands is over with the tick.
            return Seen(0, _NO_LIMIT_NS) if pulse is not None and pulse.get(STANDS) else None
        timeout_ns = described["heartbeat_s"] * policy.missed_heartbeats * NS_PER_S
        return Seen(_last_ns(state, device), timeout_ns, _observer(state, device))

    return LastSeen.of(state, (ROOM, policy.missed_heartbeats), (devices.ROOM, ROOM), read)


def _ticked_ns(state: State) -> int:
    """The last tick; NEVER before the first."""
    clock = state.get(CLOCK, CLOCK)
    return NEVER if clock is None else int(clock["last_ns"])


def _last_ns(state: State, device: str) -> int:
    row = state.get(ROOM, device)
    return int(devices.known(state, device)["registered_ns"] if row is None else row["last_ns"])


def _observer(state: State, device: str) -> str:
    row = state.get(ROOM, device)
    return "" if row is None else str(row["observer"])


def _silent(state: State, device: str, covered_ns: int, now_ns: int, policy: LivenessPolicy) -> Iterator[Event]:
    """A silence is confirmed, or goes on. What happened before `covered_ns`, while nobody listened, stays unknown."""
    last_ns, heartbeat_ns = _last_ns(state, device), devices.known(state, device)["heartbeat_s"] * NS_PER_S
    row = state.get(ROOM, device) or {"last_ns": last_ns, "observer": "", "fault": None}
    quiet_from_ns = max(last_ns, covered_ns)
    first_missed_ns = quiet_from_ns + heartbeat_ns
    if row["fault"] is None:
        fault, confirmed = _confirmed(device, last_ns, first_missed_ns, heartbeat_ns, now_ns, policy)
        state.put(ROOM, device, {**row, "fault": fault, STANDS: True})
        yield confirmed
    elif not row.get(STANDS):
        state.put(ROOM, device, {**row, STANDS: True})
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


def _silent_no_longer(state: State, device: str, ticked_ns: int) -> None:
    """The silence stood up to the tick before; now it is over, or nobody can say."""
    row = state.get(ROOM, device)
    if row is not None and row.get(STANDS):
        state.put(ROOM, device, {**row, "fault": _as_at(row, ticked_ns), STANDS: False})


def _as_at(row: Row, ticked_ns: int) -> faults.FaultRow | None:
    """The open fault; a silence that stands is as bad as ever up to the last tick."""
    fault: faults.FaultRow | None = row["fault"]
    return {**fault, "last_bad_ns": ticked_ns} if fault is not None and row.get(STANDS) else fault


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


def _covered_since(state: State, observer: str, now_ns: int, policy: LivenessPolicy) -> int:
    """Since when an observer listens without a gap; after now when it does not listen now."""
    row = state.get(OBSERVERS, observer) if observer else None
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
