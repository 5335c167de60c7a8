"""The planner of the part `notify`: what is new goes to groups, groups that are due become deliveries.

Decided by the package notifications; here its rows are read and written, one turn in one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from citywatch.adapters.store.outbox import Outbox, OutboxTurn
from citywatch.domain.labels import Matcher
from citywatch.notifications.documents import document_of
from citywatch.notifications.groups import Flush, Head, Member, Plan, flush
from citywatch.notifications.ledger import Key, Ledger
from citywatch.notifications.news import ALERTS, TICKETS, Change, of_alert, of_ticket
from citywatch.notifications.quiet import quiet_for
from citywatch.notifications.routes import Route, Timing, group_id, takers
from citywatch.ports import Clock, Meter

_NEWS_AT_A_TIME = 500
_GROUPS_AT_A_TIME = 200
_MOST_WELCOMED = 1_000
"""So many open alerts, the newest, a receiver hears of that was added later."""

_Counted = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""Amounts by the name of a metric and its labels."""


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
        with self._outbox.turn() as turn:
            self._move_house(turn, now_ns)
            too_many = self._welcome(turn, now_ns)
        for receiver in too_many:
            self._meter.count("deliveries_dropped_total", too_many[receiver], receiver=receiver, reason="newcomer")
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

    def _move_house(self, turn: OutboxTurn, now_ns: int) -> None:
        """Members that the tree leads elsewhere now go there."""
        heads = {row["id"]: _head(row) for row in turn.all_groups()}
        ledger = Ledger(self._plans.root, heads, _keyed(turn.members(heads)))
        ledger.move_house(now_ns)
        self._write(turn, ledger)

    def _welcome(self, turn: OutboxTurn, now_ns: int) -> dict[str, int]:
        """Receivers that were added since the last start are told what is open, as much of it as one may be; how much
        more there is, by receiver."""
        newcomers = turn.newcomers(self._plans.waiting_max)
        if not newcomers:
            return {}
        alerts, more = turn.open_alerts(_MOST_WELCOMED)
        changes = [
            of_alert({"seq": 0, "change": "opened", "at_ns": alert["opened_at_ns"], "body": alert}) for alert in alerts
        ]
        leads = {
            group_id(route, receiver, change)
            for change in changes
            for route, receiver in takers(self._plans.root, change)
            if receiver in newcomers
        }
        heads = {group: _head(row) for group, row in turn.groups(leads).items()}
        ledger = Ledger(self._plans.root, heads, _keyed(turn.members(heads)))
        for change in changes:
            ledger.welcome(change, newcomers, now_ns)
        self._write(turn, ledger)
        return dict.fromkeys(sorted(newcomers), more) if more else {}

    # --- news into groups

    def _take_news(self, turn: OutboxTurn, now_ns: int) -> None:
        alerts = turn.alert_changes(_NEWS_AT_A_TIME)
        steps = turn.ticket_steps(_NEWS_AT_A_TIME)
        news = [*(of_alert(row) for row in alerts), *(of_ticket(step, ticket) for step, ticket in steps)]
        members = _keyed(turn.members_of({change.subject for change in news}))
        groups = {group for group, _ in members}
        groups |= {group_id(route, name, change) for change in news for route, name in takers(self._plans.root, change)}
        heads = {group: _head(row) for group, row in turn.groups(groups).items()}
        ledger = Ledger(self._plans.root, heads, members)
        for change in news:
            ledger.take(change, now_ns)
        self._write(turn, ledger)
        if alerts:
            turn.advance(ALERTS, alerts[-1]["seq"])
        if steps:
            turn.advance(TICKETS, steps[-1][0]["seq"])

    def _write(self, turn: OutboxTurn, ledger: Ledger) -> None:
        for group, subject in ledger.members_gone:
            turn.drop_members(group, [subject])
        turn.put_groups([_group_row(ledger.heads[group]) for group in ledger.heads_changed])
        turn.put_members([_member_row(key[0], ledger.members[key]) for key in ledger.members_changed])

    # --- groups into deliveries

    def _look_at_due(self, turn: OutboxTurn, silences: Sequence[Matcher], now_ns: int) -> tuple[set[str], _Counted]:
        """Receivers with something new, and what is to be counted once the transaction has ended."""
        counted: _Counted = defaultdict(float)
        heads = [_head(row) for row in turn.due(now_ns, _GROUPS_AT_A_TIME)]
        bodies = turn.members([head.group for head in heads])
        members = {head.group: [_member(body) for body in bodies.get(head.group, ())] for head in heads}
        above = self._above(turn, {one.cause for some in members.values() for one in some})
        quiet = {
            receiver: quiet_for(receiver, silences, above, self._plans.root)
            for receiver in {head.receiver for head in heads}
        }
        done = [(head, self._looked_at(head, members[head.group], quiet[head.receiver], now_ns)) for head in heads]
        turn.drop_groups([head.group for head, after in done if after.head is None])
        turn.put_groups([_group_row(after.head) for _, after in done if after.head is not None])
        changed = []
        for head, after in done:
            if after.head is not None:
                before = {one.subject: one for one in members[head.group]}
                turn.drop_members(head.group, after.gone)
                changed += [(head.group, one) for one in after.members if one != before[one.subject]]
        turn.put_members([_member_row(group, one) for group, one in changed])
        turn.deliver([self._delivery_row(head, plan, now_ns) for head, after in done for plan in after.plans])
        for plan in (plan for _, after in done for plan in after.plans):
            folded = sum(item.folded for item in plan.items)
            if plan.quiet:
                changes = sum(len(item.changes) for item in plan.items) + folded
                counted["notifications_quiet_total", (("reason", plan.quiet),)] += changes
            if folded:
                counted["notifications_folded_total", ()] += folded
        made = {head.receiver for head, after in done if after.plans} & set(self._plans.waiting_max)
        for receiver in sorted(made):
            over = turn.bound(receiver, self._plans.waiting_max[receiver], now_ns)
            if over:
                counted["deliveries_dropped_total", (("reason", "too_many"), ("receiver", receiver))] += over
        return made, counted

    def _above(self, turn: OutboxTurn, causes: Collection[str]) -> dict[str, Change]:
        return {
            cause: of_alert({"seq": 0, "change": "opened", "at_ns": alert["opened_at_ns"], "body": alert})
            for cause, alert in turn.incidents_above(causes).items()
        }

    def _looked_at(self, head: Head, members: Sequence[Member], quiet: Callable[[Member], str], now_ns: int) -> Flush:
        route = self._routes.get(head.route)
        is_over = route is None or head.receiver not in self._plans.waiting_max
        timing = Timing() if route is None else route.timing
        until_ns = self._plans.muted_until(route.mute, now_ns) if route is not None and route.mute else -1
        return flush(head, members, timing, now_ns, quiet, muted_until_ns=until_ns, is_over=is_over)

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


def _keyed(bodies: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[Key, Member]:
    return {(group, body["subject"]): _member(body) for group, some in bodies.items() for body in some}


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


def _member_row(group: str, member: Member) -> dict[str, Any]:
    return {
        "group": group,
        "subject": member.subject,
        "cause": member.cause,
        "is_open": member.is_open,
        "told": member.told,
        "body": {one.name: getattr(member, one.name) for one in fields(member)},
    }
