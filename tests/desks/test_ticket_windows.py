"""Maintenance of a device whose ticket is open already: its clocks stand where the contract leaves that time out."""

import pytest
from test_ticket_steps import BAD, CONTRACT, GOOD, REGISTER, Street, outage

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.commands import CITY, Verb
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.flow.desks import Desks
from citywatch.ports import INCIDENTS, Position
from citywatch.sla.contracts import Contract
from citywatch.tickets import desk as tickets
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy


def street_of(**terms):
    """A street whose contract says this, too."""
    contract = Contract.model_validate({**CONTRACT.model_dump(mode="json", exclude_unset=True), **ON_PAPER, **terms})
    return Street(desks=Desks(REGISTER, tickets=TicketPolicy(Contracts([(contract, {})]))))


ON_PAPER = {"response": {"within": "10m"}, "repair": {"within": "1h"}}


def declare(street, begin_s, end_s, **matcher):
    window = {
        "matcher": matcher or {"device": "cam-*"},
        "from_ns": street.now_ns + begin_s * NS_PER_S,
        "to_ns": street.now_ns + end_s * NS_PER_S,
        "rule": None,
        "reason": "the mast is painted",
    }
    return street.ask(Verb.SET_WINDOW, CITY, "", **window)


def steps(street, *kinds):
    return [(event.kind, event.at_ns) for event in street.told(*kinds)]


STOPPED, RESUMED = EventKind.TICKET_CLOCKS_STOPPED, EventKind.TICKET_CLOCKS_RESUMED


def test_both_clocks_stand_while_a_window_runs_and_their_ends_move():
    street = Street()
    street.fault()
    filed = street.told(EventKind.TICKET_FILED)[0]
    declare(street, 100, 400)
    begin_ns = street.now_ns + 98 * NS_PER_S  # two ticks went by while it was declared
    street.go(2000)
    (stopped,) = street.told(STOPPED)
    (resumed,) = street.told(RESUMED)
    assert (stopped.at_ns, resumed.at_ns) == (begin_ns, begin_ns + 300 * NS_PER_S)
    used_ns = begin_ns - filed.at_ns
    assert stopped.data["response_left_ns"] == 600 * NS_PER_S - used_ns
    assert stopped.data["repair_left_ns"] == 3600 * NS_PER_S - used_ns
    assert (stopped.data["reason"], stopped.data["until_ns"]) == ("maintenance", resumed.at_ns)
    assert resumed.data["response_due_ns"] == filed.at_ns + 900 * NS_PER_S
    assert resumed.data["repair_due_ns"] == filed.at_ns + 3900 * NS_PER_S
    assert steps(street, EventKind.TICKET_BREACHED) == [(EventKind.TICKET_BREACHED, filed.at_ns + 900 * NS_PER_S)]


def test_a_window_that_is_declared_afterwards_stops_from_then_on_and_a_withdrawn_one_no_more():
    street = Street()
    street.fault()
    filed_ns = street.told(EventKind.TICKET_FILED)[0].at_ns
    street.go(500)  # the response was warned of
    told = street.now_ns
    (window,) = [event.data["window"] for event in declare(street, -400, 1000) if event.kind is EventKind.WINDOW_SET]
    (stopped,) = street.told(STOPPED)
    assert stopped.at_ns == told
    assert stopped.data["response_left_ns"] == 600 * NS_PER_S - (told - filed_ns), "what was counted was counted"
    ended_ns = street.now_ns
    street.ask(Verb.END_WINDOW, CITY, window, withdraw=True)
    (resumed,) = street.told(RESUMED)
    assert resumed.at_ns == ended_ns
    assert resumed.data["response_due_ns"] == filed_ns + (600 * NS_PER_S + ended_ns - told)


@pytest.mark.parametrize(
    ("exclusions", "stands"),
    [
        (None, True),
        ([], False),
        ([{"cause": "parent"}], False),
        ([{"cause": "maint*"}], True),
        ([{"cause": "maintenance", "declared_within": "1h"}], True),
        ([{"cause": "maintenance", "declared_within": "5m"}], False),
        ([{"cause": "maintenance", "only_if_others_answer": True}], False),
    ],
)
def test_the_contract_says_whether_maintenance_counts(exclusions, stands):
    street = street_of(exclusions=exclusions)
    street.fault()
    declare(street, -600, 1000)  # ten minutes after it began
    assert bool(street.told(STOPPED)) == stands


def test_others_windows_and_tickets_without_a_contract_stop_nothing():
    street = Street()
    street.fault()
    street.fault("cam-9")  # under no contract
    declare(street, 0, 1000, device=["cam-2", "cam-9"])
    declare(street, 0, 1000, contractor="Others")
    assert not street.told(STOPPED)
    declare(street, 0, 1000, contractor="Works", device_kind="camera")
    assert [event.device for event in street.told(STOPPED)] == ["cam-1"]


def test_a_hold_and_a_window_stop_the_clock_together_and_only_what_is_over_lets_it_go_on():
    street = Street()
    ticket = street.fault()
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    declare(street, 10, 1000)
    street.go(20)
    left = street.last(STOPPED)["repair_left_ns"]
    assert street.last(STOPPED)["response_left_ns"] is None, "it was answered"
    street.ask(Verb.HOLD_TICKET, "cam-1", ticket, reason="weather", until_ns=street.now_ns + 2000 * NS_PER_S)
    assert street.last(EventKind.TICKET_HELD)["repair_left_ns"] == left
    street.go(1100)
    assert (street.last(RESUMED)["repair_due_ns"], street.last(RESUMED)["repair_left_ns"]) == (None, left)
    street.go(1000)
    resumed = street.told(EventKind.TICKET_RESUMED)[0]
    assert resumed.data["repair_due_ns"] == resumed.at_ns + left


def test_what_is_resumed_within_a_window_stands_on():
    street = Street()
    ticket = street.fault()
    street.ask(Verb.ACCEPT_TICKET, "cam-1", ticket)
    street.ask(Verb.HOLD_TICKET, "cam-1", ticket, reason="weather")
    declare(street, 10, 1000)
    street.go(20)
    street.ask(Verb.RESUME_TICKET, "cam-1", ticket)
    assert street.last(EventKind.TICKET_RESUMED)["repair_due_ns"] is None
    assert street.last(EventKind.TICKET_RESUMED)["repair_left_ns"] == street.last(STOPPED)["repair_left_ns"]
    street.go(1000)
    assert street.last(RESUMED)["repair_due_ns"] is not None
    street.go(1, *GOOD)
    assert street.last(EventKind.TICKET_VERIFIED)["repair"] == "kept"


def test_the_ticket_of_an_incident_stands_for_maintenance_of_its_root():
    street, filed = outage()
    declare(street, 10, 100, device="sw")
    street.go(5000)
    street.go(1)
    assert [event.data["ticket"] for event in street.told(STOPPED, RESUMED)] == [filed["ticket"]] * 2
    assert street.joint.get(tickets.ROOM, filed["ticket"])["excused"] is None


def test_a_row_of_the_release_before_has_no_labels_and_is_known_by_its_device():
    street = Street()
    ticket = street.fault()
    row = dict(street.state.get(tickets.ROOM, ticket))
    for name in ("labels", "excused", "excuses", "ask_ns"):
        del row[name]
    street.state.put(tickets.ROOM, ticket, row)
    street.state = State.load(street.state.snapshot())
    declare(street, 0, 100, device="cam-1")
    street.go(200)
    assert [kind for kind, _ in steps(street, STOPPED, RESUMED)] == [STOPPED, RESUMED]


def test_how_often_one_looks_changes_nothing():
    told = []
    for every_s in (1, 7, 3600):
        street = Street()
        street.fault()
        declare(street, 30, 90)
        declare(street, 80, 200)
        declare(street, 500, 520)
        end_ns = street.now_ns + 1000 * NS_PER_S
        while street.now_ns < end_ns:
            street.go(min(every_s, (end_ns - street.now_ns) // NS_PER_S))
        told.append(sorted(event.to_json() for event in street.told(STOPPED, RESUMED, EventKind.TICKET_BREACHED)))
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 5, "windows that overlap are one; the answer came too late"


def test_what_people_see_of_it(tmp_path):
    street = Street()
    ticket = street.fault()
    declare(street, 10, 100)
    store = SqlStore.open(tmp_path / "city.db")
    projector, number = Projector(store), 0
    try:
        for seconds, state in ((20, "held"), (200, "running")):
            street.go(seconds)
            placed = [(Position(number + n + 1, 0), event) for n, event in enumerate(street.events[number:])]
            number += len(placed)
            projector.apply(0, [one for one in placed if one[1] not in street.of_stage])
            projector.apply(INCIDENTS, [one for one in placed if one[1] in street.of_stage])
            row = store.ticket(ticket)
            assert (row["response_state"], row["repair_state"]) == (state, state)
            assert (row["response_due_ns"] is None) == (row["response_left_ns"] is not None) == (state == "held")
            assert bool(row["excused_by"]) == (row["excused_until_ns"] is not None) == (state == "held")
        street.go(1, *BAD)
    finally:
        store.close()
