"""The planner: changes into groups, groups into deliveries. A function of its rows and `now`, which is handed in.

A group is what one receiver is told together. It has a head, and one member for each alert or ticket that is still
open or still to be told of. Restarting between any two calls changes nothing: all that is known is in head and members.

What is kept quiet (a silence, an incident above it) is planned too, as a delivery that is never sent: the log of
deliveries says why nobody was told. The end of what was told as open is never kept quiet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from citywatch.notifications.news import Change
from citywatch.notifications.routes import Timing

MOST_ITEMS = 100
"""Subjects in one delivery; more are told in several."""
MOST_CHANGES = 30
"""Changes of one subject that wait to be told. The newest stay, how many went is told."""

NOTIFY = "changes"
REPEAT = "repeat"
SILENCED = "silenced"
INHIBITED = "inhibited"
NEWCOMER = "newcomer"
"""Why a receiver that was added later has not heard of a member yet: it is told that it is open, when it is due."""

Told = tuple[str, int, str, int, str]
"""A change that waits or is told: stream, seq, what, at_ns, note."""


@dataclass(frozen=True, slots=True)
class Head:
    """`due_ns` is when it is to be looked at again; `told_ns` when something of it was planned last; -1 for never."""

    group: str
    route: str
    receiver: str
    labels: tuple[tuple[str, str], ...]
    due_ns: int
    told_ns: int = -1


@dataclass(frozen=True, slots=True)
class Member:
    """A subject of a group. `told` says whether its receiver knows of it; `quiet` why it does not hear more."""

    subject: str
    cause: str
    is_open: bool
    is_acknowledged: bool
    level: int
    labels: dict[str, str]
    view: dict[str, Any]
    waiting: tuple[Told, ...] = ()
    folded: int = 0
    told: bool = False
    quiet: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """What one delivery says of one subject; without changes: it is still open."""

    member: Member
    changes: tuple[Told, ...]
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """One delivery to be. `quiet` is '' for one that is sent. `open_count` counts what stays open in the group."""

    id: str
    kind: str
    quiet: str
    items: tuple[Item, ...]
    open_count: int


@dataclass(frozen=True, slots=True)
class Flush:
    """What becomes of a group. `head` is None when it is over; of `members` those that go are in `gone`."""

    head: Head | None
    members: tuple[Member, ...] = ()
    gone: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = field(default=())


def accept(member: Member | None, change: Change, tells: bool) -> Member | None:
    """The member after a change; None where nobody needs to know of it. `due_after` says when its group is due."""
    if member is None and not tells:
        return None
    waiting, folded = (member.waiting, member.folded) if member is not None else ((), 0)
    if tells:
        waiting = (*waiting, (change.stream, change.seq, change.what, change.at_ns, change.note))
        if len(waiting) > MOST_CHANGES:
            folded += len(waiting) - MOST_CHANGES
            waiting = waiting[-MOST_CHANGES:]
    return Member(
        change.subject,
        change.cause,
        change.is_open,
        change.is_acknowledged,
        change.level,
        dict(change.labels),
        dict(change.view),
        waiting,
        folded,
        member is not None and member.told,
        "" if member is None else member.quiet,
    )


def due_after(head: Head, timing: Timing, now_ns: int) -> Head:
    """The head of a group that has something new to tell."""
    due_ns = now_ns + timing.wait_ns if head.told_ns < 0 else max(now_ns, head.told_ns + timing.interval_ns)
    return replace(head, due_ns=due_ns if head.due_ns < 0 else min(head.due_ns, due_ns))


def flush(
    head: Head,
    members: Sequence[Member],
    timing: Timing,
    now_ns: int,
    quiet: Callable[[Member], str],
    *,
    muted_until_ns: int = -1,
    is_over: bool = False,
) -> Flush:
    """Look at a group that is due. `quiet` says why a member is not told of at present, '' where it is.

    While it is muted everything waits. `is_over`: its route is no longer there; what waits is told, the rest forgotten.
    """
    if muted_until_ns > now_ns and not is_over:
        return Flush(replace(head, due_ns=muted_until_ns), tuple(members))
    if not members:
        return Flush(None)
    said: list[Item] = []
    hidden: dict[str, list[Item]] = {}
    after: list[Member] = []
    for member in sorted(members, key=lambda one: one.subject):
        reason = quiet(member)
        kept = _look(member, reason, said, hidden)
        after.append(kept)
    stay = [one for one in after if one.is_open and not is_over]
    open_count = sum(1 for one in stay if one.told and not one.quiet)
    plans = [
        *(_plan(head, NOTIFY, "", some, open_count) for some in _chunks(said)),
        *(_plan(head, NOTIFY, why, some, open_count) for why in sorted(hidden) for some in _chunks(hidden[why])),
    ]
    told_ns = now_ns if said else head.told_ns
    asking = [one for one in stay if one.told and not one.quiet and not one.is_acknowledged]
    if not said and asking and timing.repeat_ns and head.told_ns >= 0 and now_ns >= head.told_ns + timing.repeat_ns:
        items = [Item(one, ()) for one in asking[:MOST_ITEMS]]
        plans.append(_plan(head, REPEAT, "", items, open_count))
        told_ns = now_ns
    gone = tuple(one.subject for one in after if is_over or not one.is_open)
    if is_over:
        return Flush(None, (), gone, tuple(plans))
    following = _next(replace(head, told_ns=told_ns), stay, bool(asking), timing, now_ns)
    return Flush(following, tuple(stay), gone, tuple(plans))


def _look(member: Member, reason: str, said: list[Item], hidden: dict[str, list[Item]]) -> Member:
    """One member; what is said of it, aloud or not, goes into the lists."""
    ends = member.told and not member.is_open
    if member.waiting and (not reason or ends):
        said.append(Item(member, member.waiting, member.folded))
        return replace(member, waiting=(), folded=0, told=True, quiet=reason)
    if member.waiting:
        hidden.setdefault(reason, []).append(Item(member, member.waiting, member.folded))
        return replace(member, waiting=(), folded=0, quiet=reason)
    if not reason and member.quiet and member.is_open and not member.told:
        said.append(Item(member, ()))
        return replace(member, told=True, quiet="")
    return replace(member, quiet=reason)


def _next(head: Head, stay: Sequence[Member], asks: bool, timing: Timing, now_ns: int) -> Head:
    """When to look again. A group without members is kept for one interval: what comes then does not come at once."""
    times = []
    if not stay or any(one.quiet for one in stay):
        times.append(now_ns + timing.interval_ns)
    if asks and timing.repeat_ns:
        times.append(max(now_ns + 1, head.told_ns + timing.repeat_ns))
    return replace(head, due_ns=min(times, default=-1))


def _chunks(items: Sequence[Item]) -> list[Sequence[Item]]:
    return [items[start : start + MOST_ITEMS] for start in range(0, len(items), MOST_ITEMS)]


def _plan(head: Head, kind: str, quiet: str, items: Sequence[Item], open_count: int) -> Plan:
    return Plan(delivery_id(head, kind, quiet, items), kind, quiet, tuple(items), open_count)


def delivery_id(head: Head, kind: str, quiet: str, items: Sequence[Item]) -> str:
    """Made of the group, its receiver and what changed, so that a second plan of the same is the same delivery."""
    parts = [head.group, head.receiver, kind, quiet, str(head.told_ns) if kind == REPEAT else ""]
    for item in items:
        parts.append(item.member.subject)
        parts += [f"{stream}:{seq}" for stream, seq, *_ in item.changes]
        if not item.changes:
            # A receiver that was taken away and comes back is told of the same anew: at another instant.
            parts.append(f"again:{head.told_ns}:{head.due_ns if item.member.quiet == NEWCOMER else ''}")
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
