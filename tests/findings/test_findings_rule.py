"""Findings in the step: one open for each device, source and key; what ends it; what does not fit in."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.events import EventKind
from citywatch.domain.findings import Said, Verifier
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.state import State
from citywatch.flow.desks import Desks
from citywatch.flow.lateness import CountingStep
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules import findings as rule
from citywatch.rules.findings import FindingPolicy
from citywatch.telemetry import METRICS, NullMeter
from citywatch.testing import rows as city
from citywatch.tickets.policy import TicketPolicy

LAW = load("cn-gross")
T0 = city.START_NS - city.START_NS % (60 * NS_PER_S)
MINUTE = 60 * NS_PER_S


class Desk:
    """A partition that is given rows and says what came of them."""

    def __init__(self, **policy):
        self.state = State()
        self.step = CityStep(LAW, findings=FindingPolicy(**policy))

    def give(self, batch):
        return self.step.step(self.state, batch)[1]

    def found(self, at_ns=T0, key="7", source="cityhall", **row):
        return self.give(city.findings([{"at_ns": at_ns, "key": key, "source": source, **row}]))

    def cleared(self, at_ns, key="7", source="cityhall", **row):
        return self.found(at_ns, key, source, said=Said.CLEARED, **row)

    def tick(self, at_ns):
        return self.give(city.tick(at_ns))


def kinds(events):
    return [event.kind for event in events]


def only(events, kind):
    (found,) = [event for event in events if event.kind is kind]
    return found


def test_what_the_city_wants_no_ticket_of_has_its_alert_alone():
    policy = TicketPolicy(alert_only=(Matcher.of({"source": "prom*", "severity": ["info", "warning"]}),))
    desk = Desk()
    desk.step = CityStep(LAW, desks=Desks(tickets=policy))
    alone = [EventKind.FINDING_RAISED, EventKind.ALERT_OPENED]
    assert kinds(desk.found(key="1", source="prometheus", severity="warning")) == alone
    assert EventKind.TICKET_FILED in kinds(desk.found(key="2", source="prometheus", severity="critical"))
    assert EventKind.TICKET_FILED in kinds(desk.found(key="3", source="cityhall", severity="info"))
    by_person = desk.found(key="4", source="prometheus", severity="info", verified_by=Verifier.PERSON)
    assert EventKind.TICKET_FILED in kinds(by_person), "it is at the ticket that a person says it is over"
    over = kinds(desk.cleared(T0 + MINUTE, key="1", source="prometheus"))
    assert over == [EventKind.FINDING_CLEARED, EventKind.ALERT_RESOLVED]
    assert kinds(desk.found(T0 + 2 * MINUTE, key="1", source="prometheus", severity="warning")) == alone


def test_a_finding_opens_an_alert_and_a_ticket_under_its_own_cause():
    desk = Desk()
    events = desk.found(title="Hole", note="deep", lat=24.5, lon=109.25, labels={"area": "north"}, photos="a b")
    assert kinds(events)[:3] == [EventKind.FINDING_RAISED, EventKind.ALERT_OPENED, EventKind.TICKET_FILED]
    raised, alert, ticket = events[:3]
    assert raised.device == "found/cityhall"
    assert raised.cause == alert.cause == ticket.cause == raised.data["finding"]
    assert raised.data["labels"] == {"area": "north"}
    assert raised.data["photos"] == ["a", "b"]
    assert (raised.data["lat"], raised.data["lon"]) == (24.5, 109.25)
    assert raised.data["device"] == ""
    assert alert.data["kind"] == "pothole"
    assert alert.data["labels"]["source"] == "cityhall"
    assert alert.data["labels"]["area"] == "north"
    assert json.loads(raised.to_json())["data"]["first_bad_ns"] == T0


def test_a_repeat_makes_no_event_and_changes_no_row():
    desk = Desk()
    desk.found(until_ns=T0 + MINUTE)
    desk.state.changes()
    for second in range(1, 60):
        assert desk.found(T0 + second, until_ns=T0 + second, title="other words") == []
    assert desk.state.changes() == {}


def test_a_repeat_puts_off_the_promised_end():
    desk = Desk()
    desk.tick(T0)
    desk.found(until_ns=T0 + MINUTE)
    assert desk.found(T0 + 1, until_ns=T0 + 3 * MINUTE) == []
    assert list(desk.state.changes()) >= ["finding/found/cityhall cityhall 7"]
    assert EventKind.FINDING_CLEARED not in kinds(desk.tick(T0 + MINUTE))
    over = only(desk.tick(T0 + 3 * MINUTE), EventKind.FINDING_CLEARED)
    assert over.data["reason"] == "timed_out"
    assert over.data["first_good_ns"] == T0 + 3 * MINUTE


def test_without_a_promise_it_stays_open():
    desk = Desk()
    desk.found()
    for minute in (1, 100, 10_000):
        assert EventKind.FINDING_CLEARED not in kinds(desk.tick(T0 + minute * MINUTE))


def test_its_source_clears_it_with_alert_and_ticket():
    desk = Desk()
    desk.found()
    events = desk.cleared(T0 + 5 * MINUTE, said_ns=T0 + 4 * MINUTE)
    over = events[0]
    assert over.kind is EventKind.FINDING_CLEARED
    assert over.data["first_good_ns"] == T0 + 4 * MINUTE
    assert EventKind.ALERT_RESOLVED in kinds(events)
    assert EventKind.TICKET_CLOSED in kinds(events)
    assert desk.cleared(T0 + 6 * MINUTE) == []


def test_what_is_found_again_is_another_finding_even_with_the_same_instant():
    desk = Desk()
    first = only(desk.found(said_ns=T0 - MINUTE), EventKind.FINDING_RAISED)
    desk.cleared(T0 + 1)
    again = only(desk.found(T0 + 2, said_ns=T0 - MINUTE), EventKind.FINDING_RAISED)
    assert again.id != first.id
    assert again.cause != first.cause
    assert again.data["first_bad_ns"] == first.data["first_bad_ns"] == T0 - MINUTE


def test_a_late_word_about_the_one_before_clears_nothing():
    desk = Desk()
    desk.found(said_ns=T0 - MINUTE)
    desk.cleared(T0 + 1)
    desk.found(T0 + 10 * MINUTE, said_ns=T0 + 9 * MINUTE)
    assert desk.cleared(T0 + 11 * MINUTE, said_ns=T0 + 2) == []
    assert desk.cleared(T0 + 12 * MINUTE, said_ns=T0 + 11 * MINUTE) != []


def test_a_clock_of_the_source_that_runs_ahead_is_not_believed():
    desk = Desk()
    raised = only(desk.found(said_ns=T0 + 3600 * NS_PER_S), EventKind.FINDING_RAISED)
    assert raised.data["first_bad_ns"] == T0
    assert only(desk.cleared(T0 + 5), EventKind.FINDING_CLEARED).data["first_good_ns"] == T0 + 5


def test_sources_keys_and_devices_are_told_apart():
    desk = Desk()
    raised = [
        only(desk.found(**row), EventKind.FINDING_RAISED).cause
        for row in ({}, {"key": "8"}, {"source": "prometheus"}, {"device": "cam-1"})
    ]
    assert len(set(raised)) == 4


def test_a_person_verifies_what_a_person_found_and_nothing_else():
    desk = Desk()
    theirs = only(desk.found(verified_by=Verifier.PERSON), EventKind.FINDING_RAISED).cause
    machine = only(desk.found(key="8"), EventKind.FINDING_RAISED).cause
    assert rule.is_verifiable(desk.state, theirs)
    assert not rule.is_verifiable(desk.state, machine)
    assert rule.verify(desk.state, machine, at_ns=T0, actor="ann", command="c") is None
    over = rule.verify(desk.state, theirs, at_ns=T0 + 9, actor="ann", command="c", note="filled in")
    assert over.data["reason"] == "verified"
    assert (over.data["actor"], over.data["command"], over.data["note"]) == ("ann", "c", "filled in")
    assert rule.verify(desk.state, theirs, at_ns=T0 + 9, actor="ann", command="d") is None


def test_verification_by_a_command_closes_the_loop():
    desk = Desk()
    events = desk.found(verified_by=Verifier.PERSON)
    ticket = only(events, EventKind.TICKET_FILED).data["ticket"]
    done = {"outcome": "repaired", "note": "filled in", "photos": [], "parts": []}
    desk.give(city.commands([("found/cityhall", T0 + 1, "c1", Verb.ACCEPT_TICKET, ticket, {})]))
    desk.give(city.commands([("found/cityhall", T0 + 2, "c2", Verb.HANDLE_TICKET, ticket, done)]))
    events = desk.give(city.commands([("found/cityhall", T0 + 3, "c3", Verb.VERIFY_TICKET, ticket, {"note": "seen"})]))
    assert only(events, EventKind.FINDING_CLEARED).data["reason"] == "verified"
    assert EventKind.ALERT_RESOLVED in kinds(events)
    assert only(events, EventKind.TICKET_CLOSED).data["reason"] == "verified"


def test_with_a_removed_camera_what_was_found_about_it_is_over():
    desk = Desk()
    put = {"origin": "api", "camera": {"kind": "camera", "url": "rtsp://192.0.2.1/a", "name": ""}, "sealed": ""}
    desk.give(city.commands([("cam-1", T0, "p", Verb.PUT_CAMERA, "cam-1", put)]))
    desk.found(device="cam-1")
    events = desk.give(city.commands([("cam-1", T0 + 1, "r", Verb.REMOVE_CAMERA, "cam-1", {"origin": "api"})]))
    assert only(events, EventKind.FINDING_CLEARED).data["reason"] == "device_removed"


def test_a_source_has_its_bound_and_what_is_beyond_is_told_and_counted():
    class Counter(NullMeter):
        unfit = 0

        def count(self, name, amount=1, **labels):
            super().count(name, amount, **labels)
            self.unfit += amount if name == "findings_unfit_total" else 0

    assert "findings_unfit_total" in METRICS
    desk, meter = Desk(most_open=2), Counter()
    desk.step = CountingStep(desk.step, meter)
    for key in ("1", "2"):
        assert EventKind.FINDING_RAISED in kinds(desk.found(key=key))
    told = only(desk.found(T0, key="3", title="Third"), EventKind.FINDINGS_REFUSED)
    assert told.data == {
        "source": "cityhall", "reason": "source_full", "refused": 1, "key": "3", "title": "Third",
    }  # fmt: skip
    assert desk.found(T0 + 1, key="4") == []
    again = only(desk.found(T0 + MINUTE, key="5"), EventKind.FINDINGS_REFUSED)
    assert again.data["refused"] == 2
    assert meter.unfit == 3
    assert EventKind.FINDING_RAISED in kinds(desk.found(key="6", source="other"))
    desk.cleared(T0 + MINUTE, key="1")
    assert EventKind.FINDING_RAISED in kinds(desk.found(T0 + MINUTE + 1, key="7"))


def test_so_many_sources_and_no_more(monkeypatch):
    monkeypatch.setattr(rule, "MOST_SOURCES", 2)
    desk = Desk()
    for source in ("a", "b"):
        desk.found(source=source)
    assert only(desk.found(source="c"), EventKind.FINDINGS_REFUSED).data["reason"] == "too_many_sources"


_ROW = st.tuples(
    st.sampled_from(["found", "cleared", "tick"]), st.sampled_from(["1", "2"]), st.integers(0, 200), st.integers(0, 3)
)


@given(st.lists(_ROW, max_size=30), st.data())
def test_any_batching_gives_the_same_events(rows, data):
    batches: list[Batch] = []
    now = T0
    for what, key, later, minutes in rows:
        now += later * NS_PER_S
        if what == "tick":
            batches.append(city.tick(now))
        else:
            until = now + minutes * MINUTE if minutes else 0
            said = Said.FOUND if what == "found" else Said.CLEARED
            row = {"at_ns": now, "source": "s", "key": key, "until_ns": until, "said": said}
            batches.append(city.findings([row]))
    one, other = Desk(), Desk()
    events = [event.to_json() for batch in batches for event in one.give(batch)]
    joined: list[Batch] = []
    for batch in batches:
        if joined and type(joined[-1]) is type(batch) and data.draw(st.booleans()):
            joined[-1] = type(batch).concat([joined[-1], batch])
        else:
            joined.append(batch)
    assert [event.to_json() for batch in joined for event in other.give(batch)] == events
    assert other.state.snapshot() == one.state.snapshot()


def test_a_state_that_was_stored_goes_on_as_if_nothing_had_been():
    desk = Desk()
    desk.found(until_ns=T0 + MINUTE)
    desk.found(key="8", until_ns=T0 + 2 * MINUTE)
    other = Desk()
    other.state = State.load(desk.state.snapshot())
    for at_ns in (T0 + MINUTE, T0 + 2 * MINUTE):
        assert [event.to_json() for event in desk.tick(at_ns)] == [event.to_json() for event in other.tick(at_ns)]
    assert desk.state.size("finding") == 0
    assert all(row["open"] == 0 for _, row in desk.state.room("finding_source"))
