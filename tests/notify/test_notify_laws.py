"""Laws of the planner: every change is told to each of its receivers once, or is on record as kept quiet."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.labels import Matcher
from citywatch.notifications.documents import document_of
from citywatch.notifications.groups import Head, Member, accept, flush
from citywatch.notifications.ledger import Ledger
from citywatch.notifications.news import Change
from citywatch.notifications.quiet import quiet_for
from citywatch.notifications.routes import Route, Timing, takers

S = 1_000_000_000
ALL = frozenset(("opened", "acknowledged", "escalated", "flapping", "resolved"))
TREE = Route(
    Matcher(),
    ("desk",),
    ALL,
    ("alert",),
    Timing(5 * S, 20 * S, 300 * S),
    branches=(
        Route(Matcher(), ("duty",), ALL, ("alert",), Timing(S, 5 * S, 0), level=2),
        Route(Matcher.of({"area": "north"}), ("desk",), ALL, ("each",), Timing(S, 9 * S, 0), level=1),
        Route(Matcher(), ("all",), ALL, ("each",), Timing(0, S, 0), goes_on=True),
        Route(Matcher.of({"severity": "critical"}), ("north", "desk"), ALL, ("area",), Timing(10 * S, 30 * S, 200 * S)),
    ),
)


def change(seq, alert, what, at_ns, *, severity="critical", level=0, area="north"):
    labels = {"alert": "frozen", "severity": severity, "device": f"cam-{alert}", "area": area, "exercise": ""}
    state = {"resolved": "resolved", "acknowledged": "acknowledged"}.get(what, "open")
    view = {"id": str(alert), "state": state, "labels": labels}
    open_, acknowledged = state != "resolved", state == "acknowledged"
    return Change("alerts", seq, f"alert/{alert}", what, at_ns, labels, level, open_, acknowledged, f"c{alert}", view)


class Desk:
    """The planner over plain dicts. With `forgetful` all is written down and read again between any two calls."""

    def __init__(self, tree=TREE, forgetful=False):
        self.tree, self.forgetful = tree, forgetful
        self.routes = {route.key: route for route in tree.all()}
        self.heads, self.members, self.plans = {}, {}, []

    def take(self, news, now_ns):
        members = {(group, one.subject): one for group, some in self.members.items() for one in some.values()}
        ledger = Ledger(self.tree, self.heads, members)
        ledger.take(news, now_ns)
        self.heads = {group: ledger.heads[group] for group in {**self.heads, **ledger.heads_changed}}
        self.members = {group: {} for group in self.heads}
        for (group, subject), one in ledger.members.items():
            self.members[group][subject] = one
        self._sleep()

    def look(self, now_ns, silences=(), above=None):
        due = [(group, head) for group, head in sorted(self.heads.items()) if 0 <= head.due_ns <= now_ns]
        for group, head in due:
            quiet = quiet_for(head.receiver, silences, above or {}, self.tree)
            timing = self.routes[head.route].timing
            done = flush(head, list(self.members[group].values()), timing, now_ns, quiet)
            self.plans += [(head.receiver, plan, document_of(head, plan, now_ns)) for plan in done.plans]
            if done.head is None:
                del self.heads[group], self.members[group]
            else:
                self.heads[group] = done.head
                self.members[group] = {one.subject: one for one in done.members}
        if due:
            self._sleep()

    def _sleep(self):
        if not self.forgetful:
            return
        heads = json.loads(json.dumps({group: asdict(head) for group, head in self.heads.items()}))
        self.heads = {
            group: Head(**{**head, "labels": tuple(map(tuple, head["labels"]))}) for group, head in heads.items()
        }
        kept = json.loads(json.dumps({g: [asdict(one) for one in some.values()] for g, some in self.members.items()}))
        self.members = {
            group: {body["subject"]: Member(**{**body, "waiting": tuple(map(tuple, body["waiting"]))}) for body in some}
            for group, some in kept.items()
        }

    def told(self, receiver=None, quiet=""):
        return [
            (told, plan, document)
            for told, plan, document in self.plans
            if (receiver is None or told == receiver) and plan.quiet == quiet
        ]


lives = st.lists(
    st.tuples(
        st.integers(0, 4),  # which alert
        st.sampled_from(("opened", "acknowledged", "escalated", "flapping", "resolved")),
        st.integers(0, 40),  # seconds since the one before
        st.booleans(),  # is there a silence over its device when it is looked at
        st.sampled_from(("critical", "warning")),
    ),
    max_size=25,
)


def play(desk, life):
    """Changes one after the other, looked at every second of a busy day."""
    now_ns, over, news, severities, levels = 0, set(), [], {}, Counter()
    for seq, (alert, what, seconds, silent, severity) in enumerate(life, 1):
        severities.setdefault(alert, severity)
        if alert in over:
            continue
        if what == "resolved":
            over.add(alert)
        silences = [Matcher.of({"device": f"cam-{alert}"})] if silent else []
        for _ in range(seconds):
            now_ns += S
            desk.look(now_ns, silences)
        levels[alert] += what == "escalated"
        one = change(seq, alert, what, now_ns, severity=severities[alert], level=levels[alert])
        news.append(one)
        desk.take(one, now_ns)
    for _ in range(120):
        now_ns += 10 * S
        desk.look(now_ns)
    return news


@settings(max_examples=60, deadline=None)
@given(lives)
def test_every_change_is_told_to_each_of_its_receivers_once_or_kept_quiet_on_record(life):
    desk = Desk()
    news = play(desk, life)
    wanted = Counter((receiver, one.seq) for one in news for _, receiver in takers(TREE, one))
    told = Counter(
        (receiver, seq) for receiver, plan, _ in desk.plans for item in plan.items for _, seq, *_ in item.changes
    )
    assert wanted <= told
    ends = {one.seq for one in news if one.what == "resolved"}
    assert {seq for _, seq in told - wanted} <= ends, "who knows of the beginning hears of the end"
    assert not told or max(told.values()) == 1
    ids = [plan.id for _, plan, _ in desk.plans]
    assert len(set(ids)) == len(ids)


@settings(max_examples=20, deadline=None)
@given(lives)
def test_a_restart_at_any_point_changes_nothing(life):
    one, other = Desk(), Desk(forgetful=True)
    play(one, life)
    play(other, life)
    assert [(receiver, document) for receiver, _, document in one.plans] == [
        (receiver, json.loads(json.dumps(document))) for receiver, _, document in other.plans
    ]


@settings(max_examples=40, deadline=None)
@given(lives)
def test_the_end_of_what_was_told_is_told(life):
    desk = Desk()
    news = play(desk, life)
    over = {one.subject for one in news if one.what == "resolved"}
    for receiver in ("all", "desk", "north", "duty"):
        knows = {}
        for _, plan, _ in desk.told(receiver):
            for item in plan.items:
                knows[item.member.subject] = item.member.is_open
        assert not [subject for subject, is_open in knows.items() if is_open and subject in over]


def test_a_group_waits_then_tells_all_at_once():
    desk = Desk()
    for alert in range(3):
        desk.take(change(alert + 1, alert, "opened", alert * S), alert * S)
    desk.look(9 * S)
    assert not desk.told("north")
    desk.look(10 * S)
    [(_, plan, document)] = desk.told("north")
    assert [item.member.subject for item in plan.items] == ["alert/0", "alert/1", "alert/2"]
    assert document["counts"] == {"opened": 3}
    assert document["open"] == 3
    desk.take(change(9, 0, "resolved", 12 * S), 12 * S)
    desk.look(39 * S)
    assert len(desk.told("north")) == 1, "the interval between two messages has not passed"
    desk.look(40 * S)
    assert desk.told("north")[1][2]["counts"] == {"resolved": 1}


def test_what_is_open_and_not_acknowledged_is_told_again():
    desk = Desk()
    desk.take(change(1, 0, "opened", 0), 0)
    for second in range(0, 450):
        desk.look(second * S)
    kinds = [plan.kind for _, plan, _ in desk.told("north")]
    assert kinds == ["changes", "repeat", "repeat"]
    desk.take(change(2, 0, "acknowledged", 450 * S), 450 * S)
    for second in range(450, 1200):
        desk.look(second * S)
    assert [plan.kind for _, plan, _ in desk.told("north")] == [*kinds, "changes"]


def test_when_a_silence_ends_what_is_still_open_is_told():
    desk, silence = Desk(), [Matcher.of({"device": "cam-0"})]
    desk.take(change(1, 0, "opened", 0), 0)
    for second in range(0, 100):
        desk.look(second * S, silence)
    assert not desk.told("north")
    [(_, plan, _)] = desk.told("north", "silenced")
    assert [seq for item in plan.items for _, seq, *_ in item.changes] == [1]
    for second in range(100, 140):
        desk.look(second * S)
    [(_, plan, document)] = desk.told("north")
    assert document["items"][0]["changes"] == []
    assert plan.items[0].member.is_open


def test_the_end_of_what_was_told_pierces_a_silence():
    desk, silence = Desk(), [Matcher.of({"device": "cam-0"})]
    desk.take(change(1, 0, "opened", 0), 0)
    desk.look(10 * S)
    desk.take(change(2, 0, "acknowledged", 11 * S), 11 * S)
    desk.look(41 * S, silence)
    desk.take(change(3, 0, "resolved", 50 * S), 50 * S)
    desk.look(100 * S, silence)
    assert [document["counts"] for _, _, document in desk.told("north")] == [{"opened": 1}, {"resolved": 1}]
    assert [document["counts"] for _, _, document in desk.told("north", "silenced")] == [{"acknowledged": 1}]


def test_a_child_is_not_told_beside_its_incident():
    incident = change(5, 9, "opened", 0)
    desk = Desk()
    desk.take(change(1, 0, "opened", 0), 0)
    desk.look(10 * S, (), {"c0": incident})
    assert not desk.told("north")
    assert [plan.quiet for _, plan, _ in desk.told("north", "inhibited")] == ["inhibited"]
    desk.look(60 * S)
    assert len(desk.told("north")) == 1, "it left the incident and is open still"


def test_a_receiver_that_is_not_told_of_the_incident_is_told_of_the_child():
    desk = Desk()
    desk.take(change(1, 0, "opened", 0), 0)
    desk.look(10 * S, (), {"c0": change(5, 9, "opened", 0, severity="warning")})
    assert len(desk.told("north")) == 1


def test_exercises_stand_apart_and_are_marked():
    desk = Desk()
    real, drill = change(1, 0, "opened", 0), change(2, 1, "opened", 0)
    drill = Change(**{**asdict(drill), "labels": {**drill.labels, "exercise": "yes"}})
    desk.take(real, 0)
    desk.take(drill, 0)
    desk.look(10 * S)
    documents = [document for _, _, document in desk.told("north")]
    assert sorted(document["exercise"] for document in documents) == [False, True]


def test_muted_groups_wait_and_lose_nothing():
    head = Head("g", "r", "north", (), 5)
    member = accept(None, change(1, 0, "opened", 0), True)
    done = flush(head, [member], Timing(), 10, lambda _: "", muted_until_ns=100)
    assert (done.head.due_ns, done.members, done.plans) == (100, (member,), ())


def test_many_subjects_are_told_in_several_deliveries():
    members = [accept(None, change(seq, seq, "opened", 0), True) for seq in range(1, 251)]
    done = flush(Head("g", "r", "north", (), 0), members, Timing(), 10, lambda _: "")
    assert [len(plan.items) for plan in done.plans] == [100, 100, 50]
    assert len({plan.id for plan in done.plans}) == 3


def test_a_subject_that_never_rests_is_folded_and_the_count_told():
    member = None
    for seq in range(1, 51):
        member = accept(member, change(seq, 0, "escalated", seq), True)
    done = flush(Head("g", "r", "north", (), 0), [member], Timing(), 10, lambda _: "")
    [item] = document_of(Head("g", "r", "north", (), 0), done.plans[0], 10)["items"]
    assert (len(item["changes"]), item["earlier_changes"]) == (30, 20)
