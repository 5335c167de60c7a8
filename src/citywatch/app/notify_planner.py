"""The planner of the part `notify`: what is new goes to groups, groups that are due become deliveries.

Decided by the package notifications; here its rows are read and written, one turn in one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from citywatch.adapters.store.outbox import Outbox, OutboxTurn
from citywatch.domain.labels import Matcher
from citywatch.notifications.documents import document_of
from citywatch.notifications.groups import Flush, Head, Member, Plan, accept, due_after, flush
from citywatch.notifications.news import ALERTS, TICKETS, Change, of_alert, of_ticket
from citywatch.notifications.quiet import quiet_for
from citywatch.notifications.routes import Route, Timing, group_id, group_labels, takers
from citywatch.ports import Clock, Meter

_NEWS_AT_A_TIME = 500
_GROUPS_AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class Plans:
    """What the configuration says: the tree of routes, most waiting deliveries by receiver, hours by calendar.

    `muted_until` answers, for names of calendars and an instant, until when one of them holds; -1 where none does.
    """

    root: Route
    waiting_max: Mapping[str, int]
    muted_until: Callable[[Collection[str], int], int]


class Planner:
    """Turns news into deliveries. `silences` are the matchers in force at an instant; `planned` is called with the
    receivers that have something new to be sent.
    """

    def __init__(
        self,
        outbox: Outbox,
        plans: Plans,
        silences: Callable[[int], Sequence[Matcher]],
        clock: Clock,
        meter: Meter,
        planned: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        self._outbox = outbox
        self._plans = plans
        self._routes = {route.key: route for route in plans.root.all()}
        self._silences = silences
        self._clock = clock
        self._meter = meter
        self._planned = planned

    def begin(self, catch_up_ns: int) -> None:
        """Before the first turn: take over what an earlier configuration has left."""
        now_ns = self._clock.now_ns()
        self._outbox.begin(now_ns - catch_up_ns)
        self._outbox.wake(self._routes, now_ns)
        for receiver, count in self._outbox.leave(self._plans.waiting_max, now_ns).items():
            del receiver  # a name that nobody configures any more is no label
            self._meter.count("deliveries_dropped_total", count, receiver="", reason="receiver_gone")

    def turn(self) -> bool:
        """One transaction; False when there was nothing to do."""
        now_ns = self._clock.now_ns()
        if not self._outbox.has_work(now_ns):
            return False
        silences = self._silences(now_ns)
        with self._outbox.turn() as turn:
            self._take_news(turn, now_ns)
            made, counted = self._look_at_due(turn, silences, now_ns)
        for (name, labels), amount in counted.items():
            self._meter.count(name, amount, **dict(labels))
        self._planned(made)
        return True

    # --- news into groups

    def _take_news(self, turn: OutboxTurn, now_ns: int) -> None:
        alerts = turn.alert_changes(_NEWS_AT_A_TIME)
        steps = turn.ticket_steps(_NEWS_AT_A_TIME)
        news = [*(of_alert(row) for row in alerts), *(of_ticket(step, ticket) for step, ticket in steps)]
        by_group: dict[str, list[tuple[Route, Change]]] = defaultdict(list)
        heads: dict[str, Head] = {}
        for change in news:
            for route, receiver in takers(self._plans.root, change):
                group = group_id(route, receiver, change)
                labels = tuple(sorted(group_labels(route, change).items()))
                heads.setdefault(group, Head(group, route.key, receiver, labels, -1))
                by_group[group].append((route, change))
        heads |= {group: _head(row) for group, row in turn.groups(by_group).items()}
        for group, some in by_group.items():
            self._join(turn, heads[group], some, now_ns)
        if alerts:
            turn.advance(ALERTS, alerts[-1]["seq"])
        if steps:
            turn.advance(TICKETS, steps[-1][0]["seq"])

    def _join(self, turn: OutboxTurn, head: Head, some: Sequence[tuple[Route, Change]], now_ns: int) -> None:
        bodies = turn.members(head.group, {change.subject for _, change in some})
        members = {body["subject"]: _member(body) for body in bodies}
        changed: dict[str, Member] = {}
        for route, change in some:
            after = accept(members.get(change.subject), change, route.tells(change))
            if after is None:
                continue
            members[change.subject] = changed[change.subject] = after
            if after.waiting or not after.is_open:
                head = due_after(head, route.timing, now_ns)
        if changed:
            turn.put_group(_group_row(head))
            turn.put_members(head.group, [_member_row(member) for member in changed.values()])

    # --- groups into deliveries

    def _look_at_due(
        self, turn: OutboxTurn, silences: Sequence[Matcher], now_ns: int
    ) -> tuple[set[str], dict[tuple[str, tuple[tuple[str, str], ...]], float]]:
        """Receivers with something new, and what is to be counted once the transaction has ended."""
        made: set[str] = set()
        counted: dict[tuple[str, tuple[tuple[str, str], ...]], float] = defaultdict(float)
        for row in turn.due(now_ns, _GROUPS_AT_A_TIME):
            head = _head(row)
            members = [_member(body) for body in turn.members(head.group)]
            done = self._looked_at(turn, head, members, silences, now_ns)
            self._keep(turn, head, members, done)
            new = turn.deliver([self._delivery_row(head, plan, now_ns) for plan in done.plans])
            for plan in done.plans:
                changes = sum(len(item.changes) + item.folded for item in plan.items)
                folded = sum(item.folded for item in plan.items)
                if plan.quiet:
                    counted["notifications_quiet_total", (("reason", plan.quiet),)] += changes
                if folded:
                    counted["notifications_folded_total", ()] += folded
            most = self._plans.waiting_max.get(head.receiver)
            if new and most is not None:
                made.add(head.receiver)
                over = turn.bound(head.receiver, most, now_ns)
                if over:
                    labels = (("reason", "too_many"), ("receiver", head.receiver))
                    counted["deliveries_dropped_total", labels] += over
        return made, counted

    def _looked_at(
        self, turn: OutboxTurn, head: Head, members: Sequence[Member], silences: Sequence[Matcher], now_ns: int
    ) -> Flush:
        route = self._routes.get(head.route)
        is_over = route is None or head.receiver not in self._plans.waiting_max
        timing = Timing() if route is None else route.timing
        muted = () if route is None else route.mute
        above = {
            cause: of_alert({"seq": 0, "change": "opened", "at_ns": alert["opened_at_ns"], "body": alert})
            for cause, alert in turn.incidents_above({member.cause for member in members}).items()
        }
        quiet = quiet_for(head.receiver, silences, above, self._plans.root)
        until_ns = self._plans.muted_until(muted, now_ns) if muted else -1
        return flush(head, members, timing, now_ns, quiet, muted_until_ns=until_ns, is_over=is_over)

    def _keep(self, turn: OutboxTurn, head: Head, before: Sequence[Member], done: Flush) -> None:
        if done.head is None:
            turn.drop_group(head.group)
            return
        known = {member.subject: member for member in before}
        turn.put_group(_group_row(done.head))
        turn.drop_members(head.group, done.gone)
        turn.put_members(head.group, [_member_row(one) for one in done.members if one != known[one.subject]])

    def _delivery_row(self, head: Head, plan: Plan, now_ns: int) -> dict[str, Any]:
        gone = head.receiver not in self._plans.waiting_max
        state = "quiet" if plan.quiet else "dropped" if gone else "waiting"
        return {
            "id": plan.id,
            "group": head.group,
            "receiver": head.receiver,
            "kind": plan.kind,
            "state": state,
            "reason": plan.quiet or ("receiver_gone" if gone else ""),
            "detail": "",
            "attempts": 0,
            "planned_at_ns": now_ns,
            "next_ns": now_ns,
            "settled_at_ns": None if state == "waiting" else now_ns,
            "document": document_of(head, plan, now_ns),
        }


def _head(row: Mapping[str, Any]) -> Head:
    labels = tuple(sorted((name, value) for name, value in row["labels"].items()))
    return Head(row["id"], row["route"], row["receiver"], labels, row["due_ns"], row["told_ns"])


def _group_row(head: Head) -> dict[str, Any]:
    return {
        "id": head.group,
        "route": head.route,
        "receiver": head.receiver,
        "labels": dict(head.labels),
        "due_ns": head.due_ns,
        "told_ns": head.told_ns,
    }


def _member(body: Mapping[str, Any]) -> Member:
    return Member(**{**body, "waiting": tuple(tuple(change) for change in body["waiting"])})


def _member_row(member: Member) -> dict[str, Any]:
    return {
        "subject": member.subject,
        "cause": member.cause,
        "is_open": member.is_open,
        "told": member.told,
        "body": asdict(member),
    }
