"""Tickets through the real steps: who gets them, looks that verify or send back, incidents, retired devices."""

import json

import pytest

from citywatch.domain.commands import Verb
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.pictures import Outcome
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.domain.state import State
from citywatch.domain.tickets import HoldReason, TicketClock
from citywatch.flow import onward
from citywatch.flow.desks import Desks
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.incidents import IncidentPolicy
from citywatch.sla.contracts import Contract
from citywatch.testing import rows as city
from citywatch.tickets import desk as tickets
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy

CONTRACT = Contract.model_validate(
    {
        "name": "cameras",
        "intact": {"target_percent": 95},
        "devices": {"contractors": ["Works"]},
        "response": {"within": "10m"},
        "repair": {"within": "1h"},
    }
)
REGISTER = Register(
    {"cam-9": Responsible(contractor="Others")},
    [
        ResponsibilityRule(
            Matcher.of({"device_kind": ["camera", "switch"]}), Responsible(contractor="Works", team="crew-north")
        )
    ],
)
DESKS = Desks(REGISTER, tickets=TicketPolicy(Contracts([(CONTRACT, {})])))


class Street:
    """One partition and the incident stage, second by second."""

    def __init__(self, state=None, desks=DESKS):
        self.step = CityStep(load("cn-gross"), desks=desks)
        self.stage = IncidentStep(IncidentPolicy(wait_seconds=5), desks)
        self.state, self.joint = state or State(), State()
        self.now_ns, self.visits, self.asked = city.START_NS, 0, 0
        self.events = []
        self.fed, self.handed_on, self.of_stage, self.verdicts = [], [], [], 0

    def take(self, batch):
        self.fed.append(batch)
        made = self.step.step(self.state, batch)[1]
        if (rows := onward.taken(self.state)) is not None:
            self.handed_on.append(rows)
            self.stage.take(self.joint, 0, rows)
            joint = self.stage.advance(self.joint, 1)
            self.of_stage += joint
            made += joint
        self.events += made
        if (verdicts := self.stage.verdicts(self.joint)) is not None:
            self.stage.heard(self.joint, verdicts)
            self.verdicts += 1
            made = [*made, *self.take(verdicts)]
        return made

    def go(self, seconds, *looks):
        """Time passes in one go; then looks, each a second later."""
        self.now_ns += seconds * NS_PER_S
        self.take(city.tick(self.now_ns))
        for device, outcome in looks:
            self.now_ns += NS_PER_S
            self.visits += 1
            self.take(city.tick(self.now_ns))
            self.take(city.frames([(device, self.now_ns, self.visits, outcome, 110.0, 0.5)]))

    def ask(self, verb, device, target, **args):
        self.asked += 1
        before = len(self.events)
        self.take(city.commands([(device, self.now_ns, f"c{self.asked}", verb, target, args)]))
        self.go(1)
        self.go(1)
        return self.events[before:]

    def told(self, *kinds):
        return [event for event in self.events if event.kind in kinds]

    def last(self, kind):
        return self.told(kind)[-1].data

    def fault(self, device="cam-1"):
        """A camera that cannot be reached; the id of its ticket."""
        self.go(1, *[(device, Outcome.PICTURE)] * 2, *[(device, Outcome.UNREACHABLE)] * 6)
        return self.last(EventKind.TICKET_FILED)["ticket"]


BAD, GOOD = [("cam-1", Outcome.UNREACHABLE)] * 6, [("cam-1", Outcome.PICTURE)] * 6


def test_a_ticket_goes_to_its_team_with_the_clocks_of_its_contract():
    street = Street()
    street.fault()
    filed, dispatched = street.told(EventKind.TICKET_FILED, EventKind.TICKET_DISPATCHED)
    assert (filed.data["team"], filed.data["labels"]["contractor"]) == ("crew-north", "Works")
    assert (filed.data["contract"], filed.data["verifiable"], filed.data["exercise"]) == ("cameras", True, False)
    assert filed.data["response_due_ns"] == filed.at_ns + 600 * NS_PER_S
    assert filed.data["repair_due_ns"] == filed.at_ns + 3600 * NS_PER_S
    assert (dispatched.data["team"], dispatched.at_ns) == ("crew-north", filed.at_ns)
    street.fault("cam-9")
    other = street.last(EventKind.TICKET_FILED)
    assert (other["contract"], other["repair_due_ns"]) == ("", None), "somebody else answers for it"


def test_a_repair_that_did_not_help_goes_back_and_one_that_did_is_verified_by_looks():
    street = Street()
    ticket = street.fault()
    assert street.ask(Verb.HANDLE_TICKET, "cam-1", ticket, outcome="repaired")[0].data["reason"] == "not_accepted"
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    handled, asked = street.ask(
        Verb.HANDLE_TICKET, "cam-1", ticket, outcome="repaired", parts=[{"part": "x", "count": 2}]
    )
    assert (handled.kind, handled.data["parts"]) == (EventKind.TICKET_HANDLED, [{"part": "x", "count": 2}])
    assert (asked.kind, asked.data["reason"]) == (EventKind.LOOK_ASKED, "repair_reported")
    street.go(1, *BAD)
    (seen,) = street.told(EventKind.FAULT_SEEN)
    (reopened,) = street.told(EventKind.TICKET_REOPENED)
    assert (reopened.data["reason"], reopened.at_ns) == ("not_verified", seen.at_ns)
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    street.ask(Verb.HANDLE_TICKET, "cam-1", ticket, outcome="nothing_found")
    street.go(1, *GOOD)
    (verified,), (closed,) = street.told(EventKind.TICKET_VERIFIED), street.told(EventKind.TICKET_CLOSED)
    assert (verified.data["repair"], verified.data["actor"], closed.data["reason"]) == ("kept", "", "verified")
    assert len(street.told(EventKind.TICKET_WARNED, EventKind.TICKET_BREACHED)) == 0


def test_warning_breach_and_escalation_have_exact_instants_however_seldom_it_ticks():
    street = Street()
    street.fault()
    filed_ns = street.told(EventKind.TICKET_FILED)[0].at_ns
    street.go(100 * 3600)
    told = [
        (event.kind.value, event.data["clock"], event.data.get("level"), (event.at_ns - filed_ns) // NS_PER_S)
        for event in street.told(EventKind.TICKET_WARNED, EventKind.TICKET_BREACHED)
    ]
    hour = 3600
    assert told == [
        ("ticket_warned", "response", None, 450),
        ("ticket_breached", "response", 0, 600),
        ("ticket_warned", "repair", None, 2700),
        ("ticket_breached", "repair", 0, hour),
        ("ticket_breached", "response", 1, 600 + 24 * hour),
        ("ticket_breached", "repair", 1, 25 * hour),
        ("ticket_breached", "response", 2, 600 + 72 * hour),
        ("ticket_breached", "repair", 2, 73 * hour),
    ]


def test_a_good_look_before_the_breach_counts_although_it_was_known_later():
    street = Street()
    ticket = street.fault()
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    due_ns = street.last(EventKind.TICKET_FILED)["repair_due_ns"]
    street.go((due_ns - street.now_ns) // NS_PER_S - 3, ("cam-1", Outcome.PICTURE))
    street.go(60, *GOOD)
    assert len(street.told(EventKind.TICKET_BREACHED)) == 1
    assert street.last(EventKind.TICKET_VERIFIED)["repair"] == "kept"


@pytest.mark.parametrize(("reason", "stops"), [("awaiting_power", True), ("weather", True), ("awaiting_parts", False)])
def test_time_on_hold_is_left_out_to_the_nanosecond_where_the_contract_says_so(reason, stops):
    assert CONTRACT.stops(HoldReason(reason)) == stops
    street = Street()
    ticket = street.fault()
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    due_ns = street.last(EventKind.TICKET_FILED)["repair_due_ns"]
    held = street.ask(
        Verb.HOLD_TICKET, "cam-1", ticket, reason=reason, note="", until_ns=street.now_ns + 777_000_000_001
    )[0]
    street.go(2000)
    (resumed,) = street.told(EventKind.TICKET_RESUMED)
    assert resumed.at_ns - held.at_ns == 777_000_000_001
    assert resumed.data["repair_due_ns"] - due_ns == (777_000_000_001 if stops else 0)
    assert (held.data["repair_due_ns"] is None) == stops


def test_a_cancelled_ticket_does_not_come_again_for_the_same_cause():
    street = Street()
    ticket = street.fault()
    street.ask(Verb.CANCEL_TICKET, "cam-1", ticket, note="works")
    cause = street.told(EventKind.TICKET_FILED)[0].cause
    street.go(3600, *BAD)
    assert len(street.told(EventKind.TICKET_FILED)) == 1
    street.go(1, *GOOD)
    street.go(1, *BAD)
    assert len(street.told(EventKind.TICKET_FILED)) == 2, "this is another cause"
    assert street.told(EventKind.TICKET_FILED)[1].cause != cause


def test_a_fault_that_returns_has_its_old_ticket_under_its_new_cause():
    street = Street()
    ticket = street.fault()
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    street.go(1, *GOOD)
    street.go(1800, *BAD)
    (reopened,) = street.told(EventKind.TICKET_REOPENED)
    assert (reopened.data["ticket"], reopened.data["reason"]) == (ticket, "fault_returned")
    assert reopened.cause == street.told(EventKind.FAULT_CONFIRMED)[1].cause
    street.go(1, *GOOD)
    assert len(street.told(EventKind.TICKET_VERIFIED)) == 2
    street.go(25 * 3600, *BAD)
    assert len(street.told(EventKind.TICKET_FILED)) == 2, "that is too late"


def outage():
    street = Street()
    for device, kind, parent in (("sw", "switch", ""), ("cam-1", "camera", "sw"), ("cam-2", "camera", "sw")):
        fields = {"kind": kind, "name": "", "place": "", "heartbeat_s": 0, "parent": parent, "site": ""}
        street.ask(Verb.REGISTER_DEVICE, device, device, **fields)
    both = [(f"cam-{n}", outcome) for outcome in [Outcome.PICTURE] * 2 + [Outcome.UNREACHABLE] * 6 for n in (1, 2)]
    street.go(1, *both)
    street.go(30)
    street.go(30)
    return street, street.last(EventKind.TICKET_FILED)


def test_the_ticket_of_an_incident_walks_the_whole_machine_at_its_own_stage():
    street, filed = outage()
    assert (filed["team"], filed["contract"]) == ("crew-north", "cameras")
    ticket = filed["ticket"]
    assert street.joint.get(tickets.ROOM, ticket) is not None
    street.ask(Verb.ACCEPT_TICKET, "sw", ticket)
    street.ask(Verb.HOLD_TICKET, "sw", ticket, reason="awaiting_power", note="", until_ns=street.now_ns + 60 * NS_PER_S)
    street.go(100)
    street.go(100)
    (resumed,) = street.told(EventKind.TICKET_RESUMED)
    assert resumed.data["reason"] == "time_is_over"
    street.ask(Verb.HANDLE_TICKET, "sw", ticket, outcome="replaced")
    street.go(3 * 3600)
    street.go(10)
    assert street.last(EventKind.TICKET_REOPENED)["reason"] == "not_verified", "nobody could say in time"
    clocks = {event.data["clock"] for event in street.told(EventKind.TICKET_BREACHED)}
    assert clocks == {TicketClock.REPAIR}
    refused = street.ask(Verb.RESUME_TICKET, "sw", ticket)
    assert [event.data["reason"] for event in refused if event.kind is EventKind.COMMAND_REFUSED] == ["not_on_hold"]
    street.go(1, *[(f"cam-{n}", Outcome.PICTURE) for _ in range(6) for n in (1, 2)])
    street.go(30)
    street.go(30)
    assert street.last(EventKind.TICKET_VERIFIED)["repair"] == "broken"


def handle(street, ticket, children):
    """A crew reports the repair of an incident, as the API writes it down."""
    street.asked += 1
    rows = [("sw", Verb.HANDLE_TICKET, {"outcome": "repaired", "children": children})]
    rows += [(child, Verb.EXPECT_REPAIR, {}) for child in children]
    commands = [
        (device, street.now_ns, f"h{street.asked}.{n}", verb, ticket, args)
        for n, (device, verb, args) in enumerate(rows)
    ]
    street.take(city.commands(commands))
    street.go(1)
    street.go(1)


def test_looks_at_the_children_of_an_incident_send_its_ticket_back_or_verify_it():
    street, filed = outage()
    ticket, children = filed["ticket"], ["cam-1", "cam-2"]
    street.ask(Verb.ACCEPT_TICKET, "sw", ticket)
    handle(street, ticket, children)
    asked = {event.device for event in street.told(EventKind.LOOK_ASKED)}
    assert asked == set(children)
    street.go(1, *[("cam-1", Outcome.UNREACHABLE)] * 6)
    street.go(1)
    street.go(1)
    assert not street.told(EventKind.TICKET_REOPENED), "one of two may have a fault of its own"
    street.go(1, *[("cam-2", Outcome.UNREACHABLE)] * 6)
    street.go(1)
    street.go(1)
    seen = street.told(EventKind.FAULT_SEEN)[-1]
    assert (seen.device, seen.cause, seen.data["looks"]) == ("sw", filed_cause(street), 2)
    (back,) = street.told(EventKind.TICKET_REOPENED)
    assert back.data["reason"] == "not_verified"
    assert back.at_ns - street.told(EventKind.TICKET_HANDLED)[-1].at_ns < 60 * NS_PER_S, "not by the time-out"
    street.ask(Verb.ACCEPT_TICKET, "sw", ticket)
    handle(street, ticket, children)
    street.go(1, *[(child, Outcome.PICTURE) for _ in range(6) for child in children])
    street.go(30)
    street.go(30)
    verified = street.told(EventKind.TICKET_VERIFIED)[-1]
    assert verified.data["looks"] > 0
    assert len(street.told(EventKind.TICKET_REOPENED)) == 1


def filed_cause(street):
    return street.told(EventKind.INCIDENT_OPENED)[-1].cause


def silent():
    """A gauge that promised a heartbeat each ten seconds and has gone silent; its ticket."""
    street = Street()
    fields = {"kind": "scale", "name": "", "place": "", "heartbeat_s": 10, "parent": "", "site": ""}
    street.ask(Verb.REGISTER_DEVICE, "gauge", "gauge", **fields)
    listen(street, 5)
    street.take(city.pulse("gauge", street.now_ns))
    listen(street, 40)
    return street, street.last(EventKind.TICKET_FILED)["ticket"]


def listen(street, seconds, observer=True):
    for _ in range(seconds):
        street.now_ns += NS_PER_S
        if observer:
            street.take(city.pulse("observer:http", street.now_ns))
        street.take(city.tick(street.now_ns))


def test_a_device_that_stays_silent_behind_its_repair_sends_the_ticket_back():
    street, ticket = silent()
    street.ask(Verb.ACCEPT_TICKET, "gauge", ticket)
    street.ask(Verb.HANDLE_TICKET, "gauge", ticket, outcome="repaired")
    handled_ns = street.told(EventKind.TICKET_HANDLED)[-1].at_ns
    listen(street, 25)
    assert not street.told(EventKind.FAULT_SEEN)
    listen(street, 40)
    (seen,) = street.told(EventKind.FAULT_SEEN)
    assert 30 * NS_PER_S <= seen.at_ns - handled_ns <= 45 * NS_PER_S
    assert street.last(EventKind.TICKET_REOPENED)["reason"] == "not_verified"
    street.ask(Verb.ACCEPT_TICKET, "gauge", ticket)
    street.ask(Verb.HANDLE_TICKET, "gauge", ticket, outcome="repaired")
    listen(street, 5)
    street.take(city.pulse("gauge", street.now_ns))
    assert street.last(EventKind.TICKET_VERIFIED)["repair"] == "none", "a gauge of no contract"
    listen(street, 25)
    assert len(street.told(EventKind.FAULT_SEEN)) == 1


def test_while_nobody_listens_nobody_says_that_a_device_is_silent_yet():
    street, ticket = silent()
    street.ask(Verb.ACCEPT_TICKET, "gauge", ticket)
    street.ask(Verb.HANDLE_TICKET, "gauge", ticket, outcome="repaired")
    listen(street, 100, observer=False)
    assert not street.told(EventKind.FAULT_SEEN)
    listen(street, 25)
    assert not street.told(EventKind.FAULT_SEEN), "not for the whole time-out yet"
    listen(street, 10)
    assert street.told(EventKind.FAULT_SEEN)


def test_a_stage_that_reads_late_tells_the_same_tickets():
    street, filed = outage()
    street.ask(Verb.ACCEPT_TICKET, "sw", filed["ticket"])
    street.ask(Verb.HANDLE_TICKET, "sw", filed["ticket"], outcome="repaired")
    for _ in range(30):
        street.go(3600)
    kinds = {event.kind for event in street.of_stage}
    assert {EventKind.TICKET_WARNED, EventKind.TICKET_BREACHED, EventKind.TICKET_REOPENED} <= kinds
    late = State()
    for rows in street.handed_on:
        street.stage.take(late, 0, rows)
    told = street.stage.advance(late, 1)
    assert [event.to_json() for event in told] == [event.to_json() for event in street.of_stage]
    assert late.snapshot() == street.joint.snapshot()


def test_a_scale_that_is_retired_ends_with_all_that_was_open_and_stays_so():
    street = Street()
    scale = "S1/d0/l1"
    fields = {"kind": "scale", "name": "", "place": "", "heartbeat_s": 10}
    street.ask(Verb.REGISTER_DEVICE, scale, scale, **fields)
    street.take(city.pulse(scale, street.now_ns))
    for _ in range(30):
        street.take(city.pulse("observer:http", street.now_ns))
        street.go(2)
    assert street.last(EventKind.TICKET_FILED)["fault"] == "silent"
    made = street.ask(Verb.RETIRE_DEVICE, scale, scale, note="taken away")
    kinds = [event.kind for event in made]
    assert EventKind.DEVICE_RETIRED in kinds
    assert {event.data["reason"] for event in made if event.kind is EventKind.TICKET_CLOSED} == {"device_removed"}
    assert {event.data["reason"] for event in made if event.kind is EventKind.ALERT_RESOLVED} == {"device_removed"}
    assert [event.data["state"] for event in made if event.kind is EventKind.DEVICE_STATE] == ["removed"]
    assert not [key for key in street.state.snapshot() if key.endswith(f"/{scale}") and not key.startswith("removed/")]
    before = len(street.events)
    street.take(city.pulse(scale, street.now_ns))
    street.take(city.commands([(scale, street.now_ns, "", Verb.REGISTER_DEVICE, scale, fields)]))
    for _ in range(20):
        street.go(10)
    assert street.events[before:] == [], "neither late rows nor the configuration bring it back"
    refused = street.ask(Verb.RETIRE_DEVICE, scale, scale)
    assert refused[0].data["reason"] == "not_watched"
    made = street.ask(Verb.REGISTER_DEVICE, scale, scale, **fields)
    assert [event.kind for event in made] == [EventKind.DEVICE_REGISTERED, EventKind.DEVICE_STATE]
    assert len({event.id for event in street.events}) == len(street.events)


def test_rows_of_the_last_release_are_still_read():
    """Of before there were teams and clocks: four keys."""
    street = Street()
    ticket = street.fault()
    row = street.state.get(tickets.ROOM, ticket)
    old = {key: row[key] for key in ("cause", "device", "commands")} | {"state": "filed"}
    kept = street.state.snapshot()
    state = State.load({key: value for key, value in kept.items() if not key.startswith("ticket")})
    state.put(tickets.ROOM, ticket, old)
    street.state = State.load(state.snapshot())
    street.go(7200)
    assert street.told(EventKind.TICKET_WARNED) == []
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    assert street.last(EventKind.TICKET_ACCEPTED)["response"] == "none"
    street.ask(Verb.HANDLE_TICKET, "cam-1", ticket, outcome="repaired")
    street.go(1, *GOOD)
    assert street.last(EventKind.TICKET_VERIFIED)["repair"] == "none"
    assert street.last(EventKind.TICKET_CLOSED)["reason"] == "verified"


def test_rows_stay_small():
    street = Street()
    ticket = street.fault()
    for _ in range(60):
        street.ask(
            Verb.NOTE_TICKET, "cam-1", ticket, note="x" * 5000, parts=[{"part": "y" * 500, "count": 10**9}] * 100
        )
    assert len(json.dumps(dict(street.state.get(tickets.ROOM, ticket)))) < 6_000
    noted = street.last(EventKind.TICKET_NOTED)
    assert (len(noted["note"]), len(noted["parts"]), noted["parts"][0]["count"]) == (2000, 30, 10_000)
