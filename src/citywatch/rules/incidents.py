"""Incidents: a parent that is gone, or most of its children at once, is one cause and not many faults.

The state holds the topology and the open faults of reachability of its devices. Everything is decided instant by
instant (`Moment`): first the rows of the instant, in their order, then `decide`. What waits, waits for an instant that
stands in the state, so the decisions do not depend on which other instants were looked at.

A device without children is *gone* while a fault of reachability of it is open. A parent is gone while such a fault of
its own is open, or since most of its children fell away within the window; it is back when most of those are back.
An incident stands at the highest parent that is gone. Faults below it join it; a fault that meets no parent gone
within its waiting time is released: it is the device's own.

A verdict that tickets of the device ask for (they have clocks) waits in `back/<cause>` until it has been told to the
device's partition: {device, incident, root, at_ns, late_ns}, `root` '' when the device has left the incident.

Rooms: `node/<device>` a device and its parent; `under-<digest of parent>/<child>`; `fault/<cause>` open faults;
`wait/<cause>` those neither joined nor released; `joined-<digest of root>/<cause>`; `gone/<device>` parents that are
gone; `incident/<root>`, with what was `reported` of its repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.faults import Fault
from citywatch.domain.incidents import (
    CLOCKS_ASK,
    MOST_ASKED,
    MOST_NAMED,
    IncidentEnd,
    IncidentReason,
    Onward,
    ReleaseReason,
)
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import Row, State
from citywatch.domain.topology import MOST_LEVELS, PARENT_IS_CHILD, TOO_DEEP

NODE = "node"
FAULT = "fault"
WAIT = "wait"
GONE = "gone"
INCIDENT = "incident"
BACK = "back"
NEVER = -1

LEAST_VANISHED = 2
"""One child alone is never "most of them"."""


@dataclass(frozen=True, slots=True)
class IncidentPolicy:
    """When many faults are one incident.

    `share_percent`: "most" children are at least this share of those that were there before; at least two of them.
    `window_seconds`: so near together they must have fallen away. `wait_seconds`: so long the alert and ticket of a
    child wait for its parent and siblings to be asked; a parent that has a parent waits as long before its incident.
    `settle_seconds`: so long after an incident a child may take to come back before its fault is its own.
    """

    share_percent: int = 60
    window_seconds: int = 300
    wait_seconds: int = 30
    settle_seconds: int = 300


@dataclass(slots=True)
class Moment:
    """One instant being decided: what its rows have touched."""

    at_ns: int
    dirty: set[str] = field(default_factory=set)
    """Devices whose being there has to be asked anew."""
    left: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    """(root, incident) -> children that came back."""
    removed: set[str] = field(default_factory=set)


def on_row(state: State, row: Onward, data: Mapping[str, Any], moment: Moment, policy: IncidentPolicy) -> list[Event]:
    """One handed-on event; `data` is its data. The events of the row itself, a verdict about a place."""
    match row.kind:
        case EventKind.DEVICE_REGISTERED:
            return _registered(state, row, data, moment)
        case EventKind.FAULT_CONFIRMED:
            _confirmed(state, row, data, moment, policy)
        case EventKind.FAULT_CLEARED:
            _cleared(state, row, data, moment)
        case EventKind.FAULT_SEEN:
            return _seen(state, row, policy)
        case EventKind.CAMERA_REMOVED | EventKind.DEVICE_RETIRED:
            return _removed(state, row, moment)
    return []


def repair_reported(state: State, root: str, incident: str, asked: Sequence[str], at_ns: int) -> None:
    """Somebody says that an incident is repaired: what looks at these of its children see is held against that."""
    known = state.get(INCIDENT, root)
    if known is not None and known["incident"] == incident:
        reported = {"at_ns": at_ns, "asked": len(asked[:MOST_ASKED]), "dark": []}
        state.put(INCIDENT, root, {**known, "reported": reported})


def decide(state: State, moment: Moment, policy: IncidentPolicy) -> Iterator[Event]:
    """What the instant comes to, after all of its rows."""
    _ask(state, moment, policy)
    closed = _closed(state, moment, policy)
    opened = _opened(state, moment)
    closed += _absorbed(state, moment)
    joined, released = _waited(state, moment)
    for root in opened:
        yield from _tell_opened(state, root, joined.pop(root, []), moment)
    yield from closed
    for root in sorted(joined):
        incident = _incident(state, root)["incident"]
        yield from _tell_changed(root, incident, joined[root], moment.left.pop((root, incident), []), moment)
    for (root, incident), left in sorted(moment.left.items()):
        yield from _tell_changed(root, incident, [], left, moment)
    yield from released


def next_due(state: State, after_ns: int) -> int | None:
    """The first instant after `after_ns` at which something will have waited long enough."""
    dues = [row["due_ns"] for room in (WAIT, GONE) for _, row in state.room(room)]
    return min((due_ns for due_ns in dues if due_ns > after_ns), default=None)


def below(state: State, parent: str) -> list[str]:
    """The children of a device, by name."""
    return [child for child, _ in state.room(_under(parent))]


# rows


def _registered(state: State, row: Onward, data: Mapping[str, Any], moment: Moment) -> list[Event]:
    """A device has its place, or asks for one that it cannot have; then it stays where it was."""
    node = _node(state, row.device)
    parent, command = data["parent"], data["command"]
    node = {**node, "kind": data["kind"], "site": data["site"]}
    refusal = _refusal(state, row.device, parent) if parent not in ("", node["parent"]) else ""
    if refusal:
        state.put(NODE, row.device, node)
        kind = EventKind.COMMAND_REFUSED
        told = {
            "command": command,
            "verb": "register_device",
            "target": row.device,
            "actor": data.get("actor", ""),
            "reason": refusal,
        }
        identity = event_id(kind, command) if command else event_id(kind, row.device, parent, row.at_ns)
        return [Event(identity, kind, row.device, row.at_ns, "", told)]
    before = node["parent"]
    state.put(NODE, row.device, {**node, "parent": parent})
    if before == parent and not command:
        return []
    if before != parent:
        if before:
            state.drop(_under(before), row.device)
        if parent:
            state.put(_under(parent), row.device, {})
            _keep(state, parent)
        moment.dirty |= {device for device in (row.device, before, parent) if device}
    kind = EventKind.TOPOLOGY_CHANGED
    identity = event_id(kind, row.device, command) if command else event_id(kind, row.device, parent, row.at_ns)
    told = {"parent": parent, "site": data["site"], "command": command}
    return [Event(identity, kind, row.device, row.at_ns, "", told)]


def _refusal(state: State, device: str, parent: str) -> str:
    """Why the device cannot hang on this parent; empty when it can."""
    above = [parent, *_ancestors(state, parent)]
    if device in above:
        return PARENT_IS_CHILD
    levels, heads = len(above), [device]
    while heads:
        levels += 1
        if levels > MOST_LEVELS:
            return TOO_DEEP
        heads = [child for head in heads for child in below(state, head)]
    return ""


def _confirmed(state: State, row: Onward, data: Mapping[str, Any], moment: Moment, policy: IncidentPolicy) -> None:
    if state.get(FAULT, row.cause) is not None:
        return
    node = _node(state, row.device)
    state.put(NODE, row.device, {**node, "faults": [*node["faults"], row.cause]})
    told = {name: value for name, value in data.items() if name != CLOCKS_ASK}
    asks = {"asks": True} if data.get(CLOCKS_ASK) else {}
    fault = {"device": row.device, "fault": data["fault"], "data": told, **asks}
    # `root` while it has joined an incident; `incident` and `was_under` tell which one even when that is over.
    state.put(FAULT, row.cause, {**fault, "root": "", "incident": "", "was_under": ""})
    wait_s = policy.wait_seconds if node["parent"] else 0
    state.put(WAIT, row.cause, {"due_ns": moment.at_ns + wait_s * NS_PER_S})
    moment.dirty.add(row.device)


def _cleared(state: State, row: Onward, data: Mapping[str, Any], moment: Moment) -> None:
    fault = state.get(FAULT, row.cause)
    if fault is None:
        return
    _forget(state, row.cause, fault, moment, data["first_good_ns"], data["looks"])


def _seen(state: State, row: Onward, policy: IncidentPolicy) -> list[Event]:
    """A device is away yet, behind a repair that was reported: the root says it for all, its children when they are as
    many of those asked as make an incident.
    """
    fault = state.get(FAULT, row.cause)
    root = "" if fault is None else fault["root"]
    known = state.get(INCIDENT, root) if root else None
    reported = None if known is None else known.get("reported")
    if known is None or reported is None:
        return []
    dark = sorted({*reported["dark"], row.device})
    if row.device != root and len(dark) * 100 < policy.share_percent * reported["asked"]:
        state.put(INCIDENT, root, {**known, "reported": {**reported, "dark": dark}})
        return []
    state.put(INCIDENT, root, {**known, "reported": None})
    kind, incident = EventKind.FAULT_SEEN, known["incident"]
    data = {"fault": Fault.UNREACHABLE.value, "looks": len(dark), "last_bad_ns": row.at_ns}
    return [Event(event_id(kind, incident, reported["at_ns"]), kind, root, row.at_ns, incident, data)]


def _removed(state: State, row: Onward, moment: Moment) -> list[Event]:
    """The device is watched no longer, and hangs on nothing. Its children keep the name of their parent."""
    node = state.get(NODE, row.device)
    if node is None:
        return []
    for cause in node["faults"]:
        fault = state.get(FAULT, cause)
        if fault is not None:
            _forget(state, cause, fault, moment, row.at_ns, 0)
    if node["parent"]:
        state.drop(_under(node["parent"]), row.device)
        moment.dirty.add(node["parent"])
    if below(state, row.device):
        state.put(NODE, row.device, _blank())
        moment.dirty.add(row.device)
    else:
        state.drop(NODE, row.device)
        state.drop(GONE, row.device)
        moment.dirty.discard(row.device)
    moment.removed.add(row.device)
    if not node["parent"]:
        return []
    kind = EventKind.TOPOLOGY_CHANGED
    told = {"parent": "", "site": "", "command": ""}
    return [Event(event_id(kind, row.device, "", row.at_ns), kind, row.device, row.at_ns, "", told)]


def _forget(state: State, cause: str, fault: Row, moment: Moment, first_good_ns: int, looks: int) -> None:
    """The fault is over."""
    state.drop(FAULT, cause)
    state.drop(WAIT, cause)
    if fault["root"]:
        state.drop(_joined(fault["root"]), cause)
    _tell_back(state, cause, fault, moment, fault["incident"])
    if fault["incident"]:
        left = {"device": fault["device"], "cause": cause, "first_good_ns": first_good_ns, "looks": looks}
        moment.left.setdefault((fault["was_under"], fault["incident"]), []).append(left)
    node = _node(state, fault["device"])
    state.put(NODE, fault["device"], {**node, "faults": [other for other in node["faults"] if other != cause]})
    moment.dirty.add(fault["device"])


# who is gone


def _ask(state: State, moment: Moment, policy: IncidentPolicy) -> None:
    """Ask every touched device whether it is gone, children before their parents."""
    asked = [(-len(_ancestors(state, device)), device) for device in moment.dirty]
    heapify(asked)
    last = None
    while asked:
        turn = heappop(asked)
        if turn == last:
            continue
        last = turn
        depth, device = turn
        node = _node(state, device)
        children = below(state, device)
        why = _why_gone(state, node, children, moment.at_ns, policy)
        was_gone = node["since_ns"] != NEVER
        if bool(why) != was_gone:
            state.put(NODE, device, {**node, "since_ns": moment.at_ns if why else NEVER, "why": why})
            if node["parent"]:
                heappush(asked, (depth + 1, node["parent"]))
        known = state.get(GONE, device) is not None
        if why and children and not known:
            wait_s = policy.wait_seconds if node["parent"] else 0
            state.put(GONE, device, {"due_ns": moment.at_ns + wait_s * NS_PER_S})
        elif known and not (why and children):
            state.drop(GONE, device)


def _why_gone(state: State, node: Row, children: Sequence[str], now_ns: int, policy: IncidentPolicy) -> str:
    """Why a device is gone; empty when it is there."""
    if node["faults"]:
        return IncidentReason.PARENT_UNREACHABLE.value
    gone = node["since_ns"] != NEVER
    from_ns = (node["since_ns"] if gone else now_ns) - policy.window_seconds * NS_PER_S
    since = [_since_ns(state, child) for child in children]
    # Who had been away for long before is neither a sign of it nor of its end.
    members = [ns for ns in since if ns == NEVER or ns >= from_ns]
    away = sum(ns != NEVER for ns in members)
    if gone:
        back = len(members) - away
        return "" if back * 100 >= policy.share_percent * len(members) else node["why"]
    most = away >= LEAST_VANISHED and away * 100 >= policy.share_percent * len(members)
    return IncidentReason.CHILDREN_VANISHED.value if most else ""


# incidents


def _opened(state: State, moment: Moment) -> list[str]:
    """Roots of the incidents that begin now: parents that are gone, with none gone above them, and waited for that."""
    opened = []
    for root, gone in state.room(GONE):
        if state.get(INCIDENT, root) is not None or gone["due_ns"] > moment.at_ns:
            continue
        if any(state.get(GONE, above) is not None for above in _ancestors(state, root)):
            continue
        identity = event_id("incident", root, moment.at_ns)
        state.put(INCIDENT, root, {"incident": identity, "opened_ns": moment.at_ns})
        opened.append(root)
    return opened


def _closed(state: State, moment: Moment, policy: IncidentPolicy) -> list[Event]:
    """Incidents whose root is back, or is no device any more; who is still away has time to settle."""
    events = []
    for root, row in state.room(INCIDENT):
        removed = root in moment.removed
        if state.get(GONE, root) is not None and not removed:
            continue
        for cause, _ in state.room(_joined(root)):
            state.put(WAIT, cause, {"due_ns": moment.at_ns + policy.settle_seconds * NS_PER_S})
            _part(state, cause)
        end = IncidentEnd.REMOVED if removed else IncidentEnd.RESTORED
        events.append(_close(state, root, row, moment, end, ""))
    return events


def _absorbed(state: State, moment: Moment) -> list[Event]:
    """Incidents below another one; what had joined them joins that one."""
    events = []
    for root, row in state.room(INCIDENT):
        above = [device for device in _ancestors(state, root) if state.get(INCIDENT, device) is not None]
        if not above:
            continue
        for cause, _ in state.room(_joined(root)):
            state.put(WAIT, cause, {"due_ns": moment.at_ns})
            _part(state, cause)
        into = _incident(state, above[-1])["incident"]
        events.append(_close(state, root, row, moment, IncidentEnd.ABSORBED, into))
    return events


def _close(state: State, root: str, row: Row, moment: Moment, end: IncidentEnd, into: str) -> Event:
    state.drop(INCIDENT, root)
    back = [(child["first_good_ns"], child["looks"]) for child in moment.left.get((root, row["incident"]), [])]
    first_good_ns, looks = max(back, default=(moment.at_ns, 0))
    data = {
        "incident": row["incident"],
        "root": root,
        "reason": end.value,
        "into": into,
        "first_good_ns": first_good_ns,
        "looks": looks,
    }
    kind = EventKind.INCIDENT_CLOSED
    return Event(event_id(kind, row["incident"]), kind, root, moment.at_ns, row["incident"], data)


def _waited(state: State, moment: Moment) -> tuple[dict[str, list[dict[str, Any]]], list[Event]]:
    """What waits joins an incident above it, waits on below a parent that is gone, or is released when it is time."""
    joined: dict[str, list[dict[str, Any]]] = {}
    released = []
    waits = [(_fault(state, cause)["device"], cause, wait["due_ns"]) for cause, wait in state.room(WAIT)]
    for device, cause, due_ns in sorted(waits):
        line = [device, *_ancestors(state, device)]
        root = next((above for above in reversed(line) if state.get(INCIDENT, above) is not None), None)
        if root is not None:
            joined.setdefault(root, []).append(_join(state, root, cause, moment))
        elif due_ns <= moment.at_ns and not any(state.get(GONE, above) is not None for above in line):
            released.append(_release(state, cause, moment))
    return joined, released


def _join(state: State, root: str, cause: str, moment: Moment) -> dict[str, Any]:
    fault = _fault(state, cause)
    if fault["incident"]:
        # It had not come back from that one: it goes over to another.
        gone_over = {"device": fault["device"], "cause": cause, "first_good_ns": NEVER, "looks": 0}
        moment.left.setdefault((fault["was_under"], fault["incident"]), []).append(gone_over)
    incident = _incident(state, root)["incident"]
    state.put(FAULT, cause, {**fault, "incident": incident, "root": root, "was_under": root})
    state.put(_joined(root), cause, {})
    state.drop(WAIT, cause)
    told = fault["data"]
    if root != fault["device"]:
        _tell_back(state, cause, fault, moment, incident, root, moment.at_ns - told["first_bad_ns"])
    return {
        "device": fault["device"],
        "cause": cause,
        "fault": fault["fault"],
        "first_bad_ns": told["first_bad_ns"],
        "last_good_ns": told["last_good_ns"],
    }


def _tell_back(
    state: State, cause: str, fault: Row, moment: Moment, incident: str, root: str = "", late_ns: int = 0
) -> None:
    """Where tickets of the device ask for it: it hangs on this incident from now on, or on none."""
    if fault.get("asks") and incident:
        row = {"device": fault["device"], "incident": incident, "root": root, "at_ns": moment.at_ns, "late_ns": late_ns}
        state.put(BACK, cause, row)


def _part(state: State, cause: str) -> None:
    """The fault has joined nothing now; the incident that it was in is remembered."""
    fault = _fault(state, cause)
    state.drop(_joined(fault["root"]), cause)
    state.put(FAULT, cause, {**fault, "root": ""})


def _release(state: State, cause: str, moment: Moment) -> Event:
    fault = _fault(state, cause)
    why = ReleaseReason.OUTLIVED if fault["incident"] else ReleaseReason.ALONE
    data = {**fault["data"], "why": why.value, "incident": fault["incident"]}
    state.drop(WAIT, cause)
    _tell_back(state, cause, fault, moment, fault["incident"])
    state.put(FAULT, cause, {**fault, "incident": "", "data": {}})
    kind = EventKind.FAULT_RELEASED
    return Event(event_id(kind, cause), kind, fault["device"], moment.at_ns, cause, data)


def _tell_opened(state: State, root: str, children: list[dict[str, Any]], moment: Moment) -> Iterator[Event]:
    incident, node = _incident(state, root)["incident"], _node(state, root)
    data = {
        "incident": incident,
        "root": root,
        "site": node["site"],
        "reason": node["why"],
        "below": _count_below(state, root),
        "away": len(children),
        "first_bad_ns": min((child["first_bad_ns"] for child in children), default=moment.at_ns),
        "children": children[:MOST_NAMED],
    }
    kind = EventKind.INCIDENT_OPENED
    yield Event(event_id(kind, incident), kind, root, moment.at_ns, incident, data)
    yield from _tell_changed(root, incident, children[MOST_NAMED:], [], moment)


def _tell_changed(
    root: str, incident: str, joined: list[dict[str, Any]], left: list[dict[str, Any]], moment: Moment
) -> Iterator[Event]:
    kind = EventKind.INCIDENT_CHANGED
    for number, start in enumerate(range(0, max(len(joined), len(left)), MOST_NAMED)):
        data = {
            "incident": incident,
            "root": root,
            "joined": joined[start : start + MOST_NAMED],
            "left": left[start : start + MOST_NAMED],
        }
        yield Event(event_id(kind, incident, moment.at_ns, number), kind, root, moment.at_ns, incident, data)


# the topology


def _blank() -> dict[str, Any]:
    return {"kind": "", "site": "", "parent": "", "faults": [], "since_ns": NEVER, "why": ""}


def _node(state: State, device: str) -> Row:
    return state.get(NODE, device) or _blank()


def _keep(state: State, device: str) -> None:
    """A parent that nobody has registered yet."""
    if state.get(NODE, device) is None:
        state.put(NODE, device, _blank())


def _since_ns(state: State, device: str) -> int:
    node = state.get(NODE, device)
    return NEVER if node is None else int(node["since_ns"])


def _ancestors(state: State, device: str) -> list[str]:
    """From the parent up. Never longer than MOST_LEVELS: a place that would make it so is refused."""
    line = []
    node = state.get(NODE, device)
    while node is not None and node["parent"]:
        line.append(node["parent"])
        node = state.get(NODE, node["parent"])
    return line


def _count_below(state: State, device: str) -> int:
    count, heads = 0, [device]
    while heads:
        heads = [child for head in heads for child in below(state, head)]
        count += len(heads)
    return count


def _under(parent: str) -> str:
    return f"under-{event_id('under', parent)[:16]}"


def _joined(root: str) -> str:
    return f"joined-{event_id('under', root)[:16]}"


def _fault(state: State, cause: str) -> Row:
    row = state.get(FAULT, cause)
    if row is None:
        raise KeyError(cause)
    return row


def _incident(state: State, root: str) -> Row:
    row = state.get(INCIDENT, root)
    if row is None:
        raise KeyError(root)
    return row
