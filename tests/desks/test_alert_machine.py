"""The alert desk, its holds and its dues against a slow model: random lives, stored and read back in between."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from slow_alerts import SlowDesk, Window

from citywatch.alerts import desk as alerts
from citywatch.alerts import windows
from citywatch.alerts.desk import alert_id
from citywatch.alerts.policy import AlertPolicy, Escalation, Flapping
from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.state import State
from citywatch.flow import holds
from citywatch.flow.desks import Desks, next_due

BEGIN_S = 1_750_000_000
DEVICES = ("cam-a1", "cam-a2", "cam-b1")
KINDS = ("black", "shaking")
STEPS = [(30, "shift leader"), (90, "head of department")]
POLICY = AlertPolicy(
    overload_hold_seconds=50,
    flapping=Flapping(3, 200 * NS_PER_S, 60 * NS_PER_S),
    escalations=(
        Escalation(Matcher.of({"severity": "critical"}), tuple((s * NS_PER_S, to) for s, to in STEPS)),
        Escalation(Matcher.of({"severity": "*"}), ()),
    ),
)
DESKS = Desks(alerts=POLICY)
TOLD = {
    EventKind.ALERT_OPENED: ("opened", lambda data: data["kind"]),
    EventKind.ALERT_ACKNOWLEDGED: ("acknowledged", lambda data: None),
    EventKind.ALERT_RESOLVED: ("resolved", lambda data: data["reason"]),
    EventKind.ALERT_FLAPPING: ("flapping", lambda data: data["openings"]),
    EventKind.ALERT_ESCALATED: ("escalated", lambda data: (data["level"], data["to"])),
}


def opening(device: str, kind: str, cause: str, at_s: int) -> Event:
    data = {"fault": kind, "reason": kind, "first_bad_ns": at_s * NS_PER_S, "last_good_ns": -1, "looks": 2}
    return Event(event_id("confirmed", cause), EventKind.FAULT_CONFIRMED, device, at_s * NS_PER_S, cause, data)


def ending(device: str, kind: str, cause: str, at_s: int) -> Event:
    data = {"fault": kind, "first_good_ns": at_s * NS_PER_S, "last_bad_ns": -1, "looks": 2}
    return Event(event_id("cleared", cause), EventKind.FAULT_CLEARED, device, at_s * NS_PER_S, cause, data)


class AlertLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.slow = SlowDesk(3, 200, 60, {"black": STEPS, "overloaded": []}, 50, BEGIN_S)
        self.open: dict[str, tuple[str, str]] = {}
        self.causes = 0
        self.commands = 0
        self.ids: set[str] = set()
        self.declared: list[tuple[str, Window]] = []
        self.compare(list(DESKS.on_tick(self.state, BEGIN_S * NS_PER_S)))

    @property
    def now_ns(self) -> int:
        return self.slow.now_s * NS_PER_S

    def compare(self, events: list[Event]) -> None:
        for event in events:
            assert event.id not in self.ids, "an event was told twice"
            self.ids.add(event.id)
        told = [
            (TOLD[event.kind][0], event.cause, TOLD[event.kind][1](event.data))
            for event in events
            if event.kind in TOLD
        ]
        assert sorted(told, key=str) == sorted(self.slow.told, key=str)
        self.slow.told.clear()

    def hear(self, event: Event) -> None:
        self.compare(list(DESKS.hear(self.state, event, self.now_ns)))

    @rule(device=st.sampled_from(DEVICES), kind=st.sampled_from(KINDS))
    def something_fails(self, device: str, kind: str) -> None:
        if (device, kind) in self.open.values():
            return
        self.causes += 1
        cause = f"{device}-{kind}-{self.causes}"
        self.open[cause] = (device, kind)
        self.slow.opens(device, kind, cause)
        self.hear(opening(device, kind, cause, self.slow.now_s))

    @rule(which=st.integers(0, 10))
    def the_same_is_said_twice(self, which: int) -> None:
        if self.open:
            cause = sorted(self.open)[which % len(self.open)]
            if cause in self.slow.held or any(cause in alert.open_causes for alert in self.slow._standing()):
                self.hear(opening(*self.open[cause], cause, self.slow.now_s))

    @rule(which=st.integers(0, 10))
    def something_is_well_again(self, which: int) -> None:
        if self.open:
            cause = sorted(self.open)[which % len(self.open)]
            device, kind = self.open.pop(cause)
            self.slow.clears(cause)
            self.hear(ending(device, kind, cause, self.slow.now_s))

    @rule(device=st.sampled_from(DEVICES), times=st.integers(1, 3), stays=st.booleans())
    def something_flickers(self, device: str, times: int, stays: bool) -> None:
        for _ in range(times):
            self.something_fails(device, "black")
            cause = next((cause for cause in sorted(self.open) if self.open[cause] == (device, "black")), None)
            if cause is not None and not stays:
                self.something_is_well_again(sorted(self.open).index(cause))

    @rule(over=st.sampled_from((5.0, 60.0)))
    def a_lorry_passes(self, over: float) -> None:
        self.causes += 1
        cause, device = f"pass-{self.causes}", "cam-a1"
        self.slow.steps["overloaded"] = STEPS if over >= POLICY.severe_over_percent else []
        self.slow.passes(device, cause)
        data = {"over_percent": over}
        self.hear(Event(event_id("over", cause), EventKind.OVERLOADED, device, self.now_ns, cause, data))

    @rule(which=st.integers(0, 50))
    def somebody_acknowledges(self, which: int) -> None:
        if self.slow.alerts:
            first_cause = self.slow.alerts[which % len(self.slow.alerts)].first_cause
            self.commands += 1
            answer = alerts.acknowledge(
                self.state, alert_id(first_cause), at_ns=self.now_ns, actor="a", command=str(self.commands)
            )
            assert isinstance(answer, Event) == self.slow.acknowledges(first_cause)
            self.compare([answer] if isinstance(answer, Event) else [])

    @rule(
        pattern=st.sampled_from(("cam-a*", "cam-b1", "cam-*")),
        ahead=st.integers(-100, 100),
        lasting=st.integers(1, 300),
    )
    def maintenance_is_declared(self, pattern: str, ahead: int, lasting: int) -> None:
        from_s = self.slow.now_s + ahead
        args = {
            "matcher": {"device": pattern},
            "from_ns": from_s * NS_PER_S,
            "to_ns": (from_s + lasting) * NS_PER_S,
            "rule": None,
            "reason": "work",
        }
        self.commands += 1
        command = event_id("window", self.commands)
        told = self.city(Verb.SET_WINDOW, "", args, command)
        assert isinstance(told, Event)
        assert self.city(Verb.SET_WINDOW, "", args, command) == "repeated"
        self.slow.windows.append(Window(pattern, from_s, from_s + lasting))
        self.declared.append((command, self.slow.windows[-1]))

    @precondition(lambda self: self.declared)
    @rule(which=st.integers(0, 10), withdraw=st.booleans())
    def maintenance_is_ended(self, which: int, withdraw: bool) -> None:
        window, known = self.declared[which % len(self.declared)]
        self.commands += 1
        answer = self.city(Verb.END_WINDOW, window, {"withdraw": withdraw}, event_id("end", self.commands))
        lawful = not known.ended and (withdraw or known.to_s > self.slow.now_s)
        assert isinstance(answer, Event) == lawful
        known.ended = known.ended or lawful

    def city(self, verb: Verb, target: str, args: dict[str, object], command: str) -> Event | str:
        given = {"at_ns": self.now_ns, "actor": "desk", "command": command}
        answer = DESKS.obey_for_the_city(self.state, verb, target, args, self.now_ns, **given)
        return answer if isinstance(answer, str) else answer[0]

    @precondition(lambda self: self.causes % 7 == 6)
    @rule(device=st.sampled_from(DEVICES))
    def a_camera_is_removed(self, device: str) -> None:
        self.slow.removes(device)
        self.open = {cause: about for cause, about in self.open.items() if about[0] != device}
        self.causes += 1
        self.hear(
            Event(
                event_id("removed", self.causes), EventKind.CAMERA_REMOVED, device, self.now_ns, "", {"origin": "api"}
            )
        )

    @rule(seconds=st.one_of(st.integers(1, 29), st.sampled_from((30, 60, 61, 90)), st.integers(100, 400)))
    def time_goes_on(self, seconds: int) -> None:
        now_s = self.slow.now_s + seconds
        self.slow.ticks(now_s)
        due = next_due(self.state)
        events = list(DESKS.on_tick(self.state, now_s * NS_PER_S))
        assert due is None or due > self.now_ns - seconds * NS_PER_S
        if events:
            assert due is not None, "something was told that was not due"
            assert due <= now_s * NS_PER_S
        self.compare(events)

    @rule()
    def the_programme_is_started_anew(self) -> None:
        self.state = State.load(self.state.snapshot())

    @rule()
    def a_batch_is_undone(self) -> None:
        before = self.state.snapshot()
        self.state.mark()
        event = opening("cam-b1", "frozen", "undone", self.slow.now_s)
        list(DESKS.hear(self.state, event, self.now_ns))
        list(DESKS.on_tick(self.state, self.now_ns + 10**6 * NS_PER_S))
        self.state.undo()
        assert self.state.snapshot() == before

    @invariant()
    def what_stands_is_what_stands(self) -> None:
        rows = dict(self.state.room(alerts.ROOM))
        standing = {alert_id(alert.first_cause): alert for alert in self.slow._standing()}
        assert rows.keys() == standing.keys()
        for name, row in rows.items():
            alert = standing[name]
            assert (row["state"], bool(row.get("flapping"))) == (alert.state, alert.flapping)
            if alert.flapping:
                assert (set(row["causes"]), row["count"]) == (alert.open_causes, alert.openings)
            assert len(json.dumps(row)) < 2_000
        assert {cause for cause, _ in self.state.room(holds.HELD)} == set(self.slow.held)

    @invariant()
    def nothing_is_left_lying_about(self) -> None:
        dues = [row["due_ns"] for _, row in self.state.room(alerts.ROOM) if row["due_ns"]]
        memories = [row for _, row in self.state.room(alerts.FLAP) if "until_ns" in row]
        assert self.state.size(alerts.DUE) == len(dues) + len(memories)
        assert self.state.size(holds.DUE) == self.state.size(holds.HELD)
        flapping = [alert for alert in self.slow._standing() if alert.flapping]
        assert self.state.size(alerts.FLAP) == len(memories) + len(flapping)
        folded = sum(len(alert.open_causes - {alert.first_cause}) for alert in flapping)
        assert self.state.size(alerts.FOLDED) == folded
        assert self.state.size(windows.DUE) == self.state.size(windows.WINDOW)


TestAlertLife = AlertLife.TestCase
TestAlertLife.settings = settings(max_examples=40, stateful_step_count=40)
