"""Which groups know of which subjects, and what a change does to all of them. Of the groups at hand, no others.

A change goes where the routes lead it, and to everybody who was told of its subject before: an alert that escalates may
take other routes than it came by, and its end is told to all who know of its beginning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from citywatch.notifications.groups import NEWCOMER, Head, Member, accept, due_after
from citywatch.notifications.news import TICKET, Change
from citywatch.notifications.routes import Route, Timing, group_id, group_labels, takers

Key = tuple[str, str]
"""A member: group and subject."""


class Ledger:
    """Heads and members by their keys, and which of them are no longer as they were given."""

    def __init__(self, root: Route, heads: Mapping[str, Head], members: Mapping[Key, Member]) -> None:
        self.heads = dict(heads)
        self.members = dict(members)
        self.heads_changed: dict[str, None] = {}
        self.members_changed: dict[Key, None] = {}
        self.members_gone: dict[Key, None] = {}
        self._root = root
        self._timings = {route.key: route.timing for route in root.all()}
        self._homes: dict[str, set[str]] = defaultdict(set)
        for group, subject in self.members:
            self._homes[subject].add(group)

    def take(self, change: Change, now_ns: int) -> None:
        """One change, later than all that were taken before."""
        leads = {receiver: (route, group_id(route, receiver, change)) for route, receiver in takers(self._root, change)}
        reached = {group for _, group in leads.values()}
        for group in sorted(self._homes[change.subject] - reached):
            head = self.heads[group]
            if head.receiver in leads:
                self._move((group, change.subject), *leads[head.receiver], change, now_ns)
            else:
                timing = self._timings.get(head.route, Timing())
                self._accept((group, change.subject), change, timing, not change.is_open, now_ns)
        for receiver, (route, group) in leads.items():
            self._head(group, route, receiver, change)
            self._accept((group, change.subject), change, route.timing, route.tells(change), now_ns)

    def welcome(self, change: Change, receivers: Collection[str], now_ns: int) -> None:
        """Something that is open, for receivers that were not there when it began: those that the routes lead it to
        and that hear of beginnings are told soon that it is open.
        """
        for route, receiver in takers(self._root, change):
            key = (group_id(route, receiver, change), change.subject)
            if receiver not in receivers or key in self.members or not route.tells(change):
                continue
            head = self._head(key[0], route, receiver, change)
            member = accept(None, change, tells=True)
            if member is not None:
                self._put(key, replace(member, waiting=(), quiet=NEWCOMER))
                self.heads[key[0]] = due_after(head, route.timing, now_ns)

    def move_house(self, now_ns: int) -> None:
        """After a change of the routes: members that these lead elsewhere go there, with all that is known of them.
        Where nothing leads to their receiver any more, it is told what waits, and the rest is forgotten.
        """
        for key, member in list(self.members.items()):
            head, change = self.heads[key[0]], _as_change(member)
            leads = {receiver: route for route, receiver in takers(self._root, change)}
            route = leads.get(head.receiver)
            if route is None:
                self._due(head, now_ns)
                if member.waiting:
                    self._put(key, replace(member, is_open=False))
                else:
                    self._drop(key)
            elif group_id(route, head.receiver, change) != key[0]:
                self._move(key, route, group_id(route, head.receiver, change), change, now_ns)

    def _accept(self, key: Key, change: Change, timing: Timing, tells: bool, now_ns: int) -> None:
        after = accept(self.members.get(key), change, tells)
        if after is None:
            return
        self._put(key, after)
        if after.waiting or not after.is_open:
            self.heads[key[0]] = due_after(self.heads[key[0]], timing, now_ns)
            self.heads_changed[key[0]] = None

    def _move(self, key: Key, route: Route, group: str, change: Change, now_ns: int) -> None:
        """To another group of the same receiver, which is looked at soon, as is the one that it leaves."""
        old, member = self.heads[key[0]], self.members[key]
        self._due(old, now_ns)
        self._drop(key)
        head = self._head(group, route, old.receiver, change)
        self._due(replace(head, told_ns=max(head.told_ns, old.told_ns)), now_ns)
        if (group, key[1]) not in self.members:
            self._put((group, key[1]), member)

    def _head(self, group: str, route: Route, receiver: str, change: Change) -> Head:
        if group not in self.heads:
            labels = tuple(sorted(group_labels(route, change).items()))
            self.heads[group] = Head(group, route.key, receiver, labels, -1)
        return self.heads[group]

    def _due(self, head: Head, now_ns: int) -> None:
        self.heads[head.group] = replace(head, due_ns=now_ns if head.due_ns < 0 else min(head.due_ns, now_ns))
        self.heads_changed[head.group] = None

    def _put(self, key: Key, member: Member) -> None:
        self.members[key] = member
        self.members_changed[key] = None
        self.members_gone.pop(key, None)
        self._homes[key[1]].add(key[0])
        self.heads_changed[key[0]] = None

    def _drop(self, key: Key) -> None:
        del self.members[key]
        self.members_changed.pop(key, None)
        self.members_gone[key] = None
        self._homes[key[1]].discard(key[0])


def _as_change(member: Member) -> Change:
    """What routes ask of a change."""
    is_ticket = member.subject.startswith("ticket/")
    return Change(
        "",
        0,
        member.subject,
        TICKET if is_ticket else "opened",
        0,
        member.labels,
        member.level,
        member.is_open,
        member.is_acknowledged,
        member.cause,
        member.view,
    )
