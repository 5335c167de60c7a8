"""Declared work, and the outage of a parent that somebody else answers for: clocks of open tickets stand meanwhile."""

import pytest
from test_ticket_steps import Street

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.pictures import Outcome
from citywatch.domain.pulses import TickBatch
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.domain.state import State
from citywatch.flow.desks import Desks
from citywatch.flow.door import LogDoor
from citywatch.flow.incident_stage import IncidentStage
from citywatch.flow.processor import Processor
from citywatch.ports import INCIDENTS, ORIGIN, Position
from citywatch.rules import incidents
from citywatch.sla.contracts import Contract
from citywatch.telemetry import NullMeter
from citywatch.testing import rows as city
from citywatch.testing.clocks import ManualClock
from citywatch.testing.memory_log import MemoryLog
from citywatch.tickets import disabled
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy

STOPPED, RESUMED = EventKind.TICKET_CLOCKS_STOPPED, EventKind.TICKET_CLOCKS_RESUMED
OTHERS = [{"cause": "parent", "only_if_others_answer": True}]
REGISTER = Register(
    {"sw": Responsible(contractor="Net")},
    [ResponsibilityRule(Matcher.of({"device_kind": ["camera"]}), Responsible(contractor="Works"))],
)


def street_of(register=REGISTER, **terms):
    contract = {
        "name": "cameras",
        "intact": {"target_percent": 95},
        "devices": {"contractors": ["Works"]},
        "response": {"within": "10m"},
        "repair": {"within": "1h"},
        **terms,
    }
    contracts = Contracts([(Contract.model_validate(contract), {})])
    return Street(desks=Desks(register, tickets=TicketPolicy(contracts)))


def look(street, device, outcome, level=110.0):
    street.now_ns += NS_PER_S
    street.visits += 1
    street.take(city.tick(street.now_ns))
    street.take(city.frames([(device, street.now_ns, street.visits, outcome, level, 0.5)]))


def black_behind_a_switch(**terms):
    """A camera with a ticket for its black picture, and a neighbour, both behind one switch; the ticket's id."""
    street = street_of(**terms)
    for device, kind, parent in (("sw", "switch", ""), ("cam-1", "camera", "sw"), ("cam-2", "camera", "sw")):
        fields = {"kind": kind, "name": "", "place": "", "heartbeat_s": 0, "parent": parent, "site": ""}
        street.ask(Verb.REGISTER_DEVICE, device, device, **fields)
    for device in ("cam-1", "cam-2"):
        look(street, device, Outcome.PICTURE)
    for _ in range(8):
        look(street, "cam-1", Outcome.PICTURE, 3.0)
    (filed,) = street.told(EventKind.TICKET_FILED)
    assert (filed.device, filed.data["fault"], filed.data["contract"]) == ("cam-1", "black", "cameras")
    return street, filed


def dark(street):
    for _ in range(6):
        for device in ("cam-1", "cam-2"):
            look(street, device, Outcome.UNREACHABLE)
    street.go(30)
    street.go(1)


def back(street):
    for _ in range(6):
        for device in ("cam-1", "cam-2"):
            look(street, device, Outcome.PICTURE, 3.0 if device == "cam-1" else 110.0)
    street.go(30)
    street.go(1)


@pytest.mark.parametrize(
    ("terms", "stands"),
    [
        ({}, True),
        ({"exclusions": OTHERS}, True),
        ({"exclusions": [{"cause": "parent", "declared_within": "1s"}]}, False),
        ({"exclusions": [{"cause": "maintenance"}]}, False),
        ({"exclusions": OTHERS, "contractor": "Net"}, False),
        ({"exclusions": OTHERS, "register": Register({}, [ResponsibilityRule(
            Matcher.of({"device_kind": ["camera"]}), Responsible(contractor="Works"))])}, False),
    ],
)  # fmt: skip
def test_the_outage_of_a_parent_stops_the_clocks_where_the_contract_leaves_it_out(terms, stands):
    street, filed = black_behind_a_switch(**terms)
    dark(street)
    (opened,) = street.told(EventKind.INCIDENT_OPENED)
    assert [event.data["ticket"] for event in street.told(STOPPED)] == [filed.data["ticket"]] * stands
    if not stands:
        return
    (stopped,) = street.told(STOPPED)
    assert stopped.at_ns == opened.at_ns
    told = (stopped.data["reason"], stopped.data["by"], stopped.data["window"], stopped.data["until_ns"])
    assert told == ("parent", opened.data["incident"], "", None)
    assert stopped.data["repair_left_ns"] == 3600 * NS_PER_S - (opened.at_ns - filed.at_ns)
    street.go(5 * 3600)
    assert filed.data["ticket"] not in {event.data["ticket"] for event in street.told(EventKind.TICKET_BREACHED)}
    back(street)
    (resumed,) = street.told(RESUMED)
    left_ns = stopped.data["repair_left_ns"]
    assert resumed.data["repair_due_ns"] == resumed.at_ns + left_ns
    assert not street.joint.size(incidents.BACK)
    assert not street.state.size(disabled.ROOM)


def test_a_verdict_that_is_told_again_changes_nothing():
    street, _ = black_behind_a_switch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(street.stage), "verdicts", lambda *_: None)
        dark(street)
    told = street.stage.verdicts(street.joint)
    made = [street.step.step(street.state, told)[1]]
    street.state = State.load(street.state.snapshot())
    made.append(street.step.step(street.state, told)[1])
    assert [[event.kind for event in events] for events in made] == [[STOPPED], []]
    assert len(disabled.of(street.state, "cam-1")) == 1


def test_nobody_is_told_where_no_ticket_asks():
    street = street_of()
    for device, kind, parent in (("sw", "switch", ""), ("cam-1", "camera", "sw"), ("cam-2", "camera", "sw")):
        fields = {"kind": kind, "name": "", "place": "", "heartbeat_s": 0, "parent": parent, "site": ""}
        street.ask(Verb.REGISTER_DEVICE, device, device, **fields)
    for device in ("cam-1", "cam-2"):
        look(street, device, Outcome.PICTURE)
    dark(street)
    back(street)
    assert street.told(EventKind.INCIDENT_OPENED)
    assert not street.verdicts
    assert "clocks_ask" not in "".join(event.to_json() for event in street.events)


def work(street, begin_s, end_s, device="cam-1", kind="maintenance"):
    begin_ns, end_ns = (street.now_ns + second * NS_PER_S for second in (begin_s, end_s))
    return street.ask(Verb.DECLARE_WORK, device, "", kind=kind, from_ns=begin_ns, to_ns=end_ns, note="")


def test_declared_work_stops_the_clocks_from_its_beginning_to_its_end():
    street = street_of()
    street.fault()
    (filed,) = street.told(EventKind.TICKET_FILED)
    begin_ns, end_ns = street.now_ns + 100 * NS_PER_S, street.now_ns + 400 * NS_PER_S
    (declared, *_) = work(street, 100, 400)
    street.go(2000)
    (stopped,), (resumed,) = street.told(STOPPED), street.told(RESUMED)
    assert (stopped.at_ns, resumed.at_ns) == (begin_ns, end_ns)
    assert (stopped.data["by"], stopped.data["until_ns"]) == (declared.data["work"], end_ns)
    assert resumed.data["repair_due_ns"] == filed.at_ns + 3900 * NS_PER_S


@pytest.mark.parametrize(
    ("kind", "exclusions", "stands"),
    [
        ("wiping", None, True),
        ("wiping", [{"cause": "maintenance"}], False),
        ("wiping", [{"cause": "wiping", "declared_within": "5m"}], False),
        ("wiping", [{"cause": "wip*", "declared_within": "20m"}], True),
    ],
)
def test_the_contract_says_which_work_counts_and_how_late_it_may_be_declared(kind, exclusions, stands):
    street = street_of(exclusions=exclusions)
    street.fault()
    street.go(1000)
    work(street, -600, 600, kind=kind)
    assert bool(street.told(STOPPED)) == stands
    work(street, -600, -10, kind=kind)
    assert len(street.told(STOPPED)) == stands, "what is over stops nothing"


def test_work_at_a_device_whose_ticket_is_with_the_incident_stage():
    street = street_of()
    fields = {"kind": "camera", "name": "", "place": "", "heartbeat_s": 0, "parent": "sw", "site": ""}
    street.ask(Verb.REGISTER_DEVICE, "cam-1", "cam-1", **fields)
    street.go(1, *[("cam-1", Outcome.PICTURE)] * 2, *[("cam-1", Outcome.UNREACHABLE)] * 6)
    street.go(30)
    street.go(1)
    (filed,) = street.told(EventKind.TICKET_FILED)
    assert street.joint.get("ticket", filed.data["ticket"]) is not None
    work(street, 50, 90)
    street.go(100)
    street.go(1)
    assert [event.data["ticket"] for event in street.told(STOPPED, RESUMED)] == [filed.data["ticket"]] * 2


def test_what_people_see_of_it(tmp_path):
    street, filed = black_behind_a_switch()
    dark(street)
    store = SqlStore.open(tmp_path / "city.db")
    try:
        projector = Projector(store)
        placed = [(Position(n + 1, 0), event) for n, event in enumerate(street.events)]
        projector.apply(0, [one for one in placed if one[1] not in street.of_stage])
        projector.apply(INCIDENTS, [one for one in placed if one[1] in street.of_stage])
        row = store.ticket(filed.data["ticket"])
        (opened,) = street.told(EventKind.INCIDENT_OPENED)
        assert (row["repair_state"], row["excused_by"], row["excused_until_ns"]) == ("held", opened.cause, None)
    finally:
        store.close()


def test_what_was_committed_and_not_told_when_the_stage_died_is_told_by_the_next_one():
    street, filed = black_behind_a_switch()
    dark(street)
    log = MemoryLog(1)
    door = LogDoor(log, "test")
    processor = Processor(log, street.step, NullMeter(), ManualClock())
    told = []

    def turns(stage, rows):
        for row in rows:
            if not (isinstance(row, CommandBatch) and row.verb[0] == Verb.PARENT_AWAY):
                door.append(row) if not isinstance(row, TickBatch) else door.broadcast(row)
            while processor.turn(0) + stage.turn(0):
                pass

    with pytest.raises(ZeroDivisionError):
        turns(IncidentStage(log, street.stage, NullMeter(), tell=lambda _: 1 / 0), street.fed)
    street.go(1)
    street.go(1)
    following = IncidentStage(
        log, street.stage, NullMeter(), tell=lambda batch: (told.append(batch), door.append(batch))
    )
    turns(following, street.fed[-2:])
    (verdict,) = told
    assert verdict.device == ("cam-1",)
    (events,) = log.read_events({0: ORIGIN}, most=1000, block_ms=0).values()
    stopped = [event.data["ticket"] for _, event in events if event.kind is STOPPED]
    assert stopped == [filed.data["ticket"]]
