"""The figure of a city as it was known then is the figure that was given then: the store as it stood at an instant,
asked at that instant, and the store of later, asked for what was known then, say the same to the nanosecond.
"""

from __future__ import annotations

import pytest

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.schema import IS_WORK
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.sla_city import City, answered
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.sla.contracts import Contract
from citywatch.sla.report import Report
from citywatch.sla.responses import Answered, Hold
from citywatch.testing.histories import START_NS, placed

HOUR = 3600 * NS_PER_S
CONTRACT = Contract.model_validate(
    {
        "name": "c",
        "intact": {"target_percent": 95},
        "response": {"within": "1h"},
        "repair": {"within": "2h"},
    }
)


def at(hours):
    return START_NS + round(hours * HOUR)


def tell(what, hours, device, cause="", /, **data):
    name = event_id(what, device, cause, str(hours), *map(str, data.values()))
    return Event(name, what, device, at(hours), cause, data)


def state(hours, device, word, worst, best):
    return tell(EventKind.DEVICE_STATE, hours, device, state=word, worst_from_ns=at(worst), best_from_ns=at(best),
                reason="looked")  # fmt: skip


def child(device, first_bad):
    return {"device": device, "cause": event_id("fault", device), "fault": "unreachable",
            "first_bad_ns": at(first_bad), "last_good_ns": at(first_bad - 0.1)}  # fmt: skip


def ticket(hours, kind, name, **data):
    data = {"ticket": event_id("ticket", name), "actor": "wei", "command": event_id(kind, name, str(hours)), **data}
    return tell(kind, hours, "cam-1", event_id("cause", name), **data)


def life():
    """Events in the order in which they were told."""
    kind = EventKind
    filed = {
        "fault": "black", "alert": event_id("alert", "a"), "first_bad_ns": at(3), "reason": "ok", "labels": {},
        "team": "", "verifiable": True, "contract": "", "response_due_ns": None, "repair_due_ns": None,
    }  # fmt: skip
    window = {"kind": "maintenance", "matcher": {"device": ["cam-*"]}, "rule": None, "reason": "擦拭", "actor": "wei"}
    incident = {"incident": event_id("incident", "1"), "root": "sw"}
    cause = incident["incident"]
    return [
        *(tell(kind.DEVICE_REGISTERED, 0, name, kind="camera", name="", place="", heartbeat_s=0, command=name)
          for name in ("cam-1", "cam-2")),
        state(0.1, "cam-1", "up", 0.1, 0.1),
        state(0.1, "cam-2", "up", 0.1, 0.1),
        tell(kind.WORK_DECLARED, 1, "cam-2", work="w1", kind="wiping", from_ns=at(2), to_ns=at(2.5), explains=[],
             note="", actor="wei", command="k1"),
        state(3.2, "cam-1", "down", 2.9, 3),
        ticket(3.2, kind.TICKET_FILED, "a", **filed, exercise=False),
        ticket(3.3, kind.TICKET_FILED, "x", **{**filed, "alert": event_id("alert", "x")}, exercise=True),
        tell(kind.INCIDENT_OPENED, 4, "sw", cause, **incident, site="", reason="parent_unreachable", below=2, away=1,
             first_bad_ns=at(3.9), children=[child("cam-2", 3.9)]),
        ticket(4.5, kind.TICKET_ACCEPTED, "a", response="broken"),
        ticket(4.6, kind.TICKET_HELD, "a", reason="weather", note="", until_ns=None, clock="stops",
               repair_due_ns=None, repair_left_ns=None),
        state(5, "cam-2", "down", 3.9, 3.95),
        ticket(6, kind.TICKET_RESUMED, "a", reason="asked", note="", repair_due_ns=None),
        tell(kind.INCIDENT_CHANGED, 6.5, "sw", cause, **incident, joined=[], left=[
            {"device": "cam-2", "cause": event_id("fault", "cam-2"), "first_good_ns": at(6), "looks": 2}]),
        state(6.5, "cam-2", "up", 6, 5.9),
        state(7, "cam-1", "up", 6.9, 6.8),
        ticket(7, kind.TICKET_VERIFIED, "a", first_good_ns=at(6.9), looks=2, response="broken", repair="kept", note=""),
        ticket(7, kind.TICKET_CLOSED, "a", reason="verified", into="", note=""),
        tell(kind.WINDOW_SET, 8, "city", event_id("window", "1"), window=event_id("window", "1"), **window,
             from_ns=at(3), to_ns=at(4), command="k2"),  # afterwards
        tell(kind.WINDOW_SET, 8.1, "city", event_id("window", "2"), window=event_id("window", "2"), **window,
             from_ns=at(8.5), to_ns=at(10), command="k3"),
        tell(kind.WINDOW_ENDED, 9, "city", event_id("window", "2"), window=event_id("window", "2"), withdraw=False,
             actor="wei", command="k4"),
        tell(kind.WINDOW_ENDED, 9.5, "city", event_id("window", "1"), window=event_id("window", "1"), withdraw=True,
             actor="wei", command="k5"),
        tell(kind.WINDOW_SET, 11, "city", event_id("window", "3"), window=event_id("window", "3"),
             **{**window, "matcher": {"device": ["cam-1"]}, "reason": "换杆"}, from_ns=at(3.2), to_ns=at(4.4),
             command="k6"),  # afterwards: the ticket had waited for it
    ]  # fmt: skip


def report(store, known_ns, as_known_at=None):
    city = City(store, known_ns if as_known_at is None else at(12))
    history = city.history(at(0), at(12), known_ns)
    tickets = list(city.tickets(at(0), known_ns))
    return Report.of(
        history, CONTRACT, city.register(), at(0), at(12), as_known_at_ns=as_known_at,
        known_until_ns=city.known_until_ns, tickets=tickets,
    )  # fmt: skip


def told(report):
    shown = report.as_json()
    return {name: value for name, value in shown.items() if name not in ("as_known_at", "notes")}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """The store at the end, and what was said of it at each instant on the way."""
    events = placed(life())
    store = SqlStore.open(tmp_path_factory.mktemp("store") / "city.db")
    projector, said = Projector(store), {}
    for instant in sorted({event.at_ns for _, event in events}):
        projector.apply(0, [one for one in events if one[1].at_ns == instant])
        said[instant] = told(report(store, instant))
    yield store, said
    store.close()


def test_as_known_then_is_what_was_said_then(lived):
    store, said = lived
    for instant, then in said.items():
        assert told(report(store, instant, as_known_at=instant)) == then, instant
    assert len({repr(then) for then in said.values()}) > 10


def test_what_the_figures_are_at_last(lived):
    whole, _ = lived
    shown = report(whole, at(12)).as_json()
    causes = {cause: round(length / 3600, 2) for cause, length in shown["excluded_seconds_by_cause"].items()}
    # The window that was withdrawn is in no figure; the other ended early.
    assert causes == {"wiping": 0.5, "maintenance:擦拭": 1.0, "maintenance:换杆": 1.2, "parent:sw": 2.1}
    assert [row["device"] for row in shown["tickets"]] == ["cam-1"]  # not the exercise
    # Before the window was declared afterwards, the answer had come too late, and the repair, too: four hours from 2.9
    # to 6.9, less what the ticket was on hold for the weather (4.6 to 6).
    then = report(whole, at(10), as_known_at=at(10)).as_json()
    assert then["response"]["cases"] == then["repair"]["cases"]["worst"] == {"kept": 0, "broken": 1, "running": 0}
    assert shown["response"]["cases"] == shown["repair"]["cases"]["worst"] == {"kept": 1, "broken": 0, "running": 0}
    assert [row["response"] for row in shown["tickets"]] == ["kept"]


def test_a_hold_stops_the_repair_clock(lived):
    whole, _ = lived
    found = report(whole, at(12))
    clock = found.repair_elapsed(worst=True)
    mine = [n for n, device in enumerate(found.worst_failures.device) if found.history.devices[device] == "cam-1"]
    assert [int(clock[n]) for n in mine] == [at(6.9) - at(2.9) - (at(6) - at(4.6)) - (at(4.4) - at(3.2))]


def test_a_ticket_by_its_steps():
    steps = [("filed", 1, ""), ("accepted", 2, ""), ("held", 3, "weather"), ("handled", 4, "nothing_found"),
             ("closed", 5, "verified"), ("reopened", 6, "fault_returned"), ("accepted", 7, ""),
             ("held", 8, "awaiting_parts")]  # fmt: skip
    rows = [{"step": step, "at_ns": at(hours), "reason": reason} for step, hours, reason in steps]
    row = {"id": "t", "device": "cam-1", "fault": "black", "filed_at_ns": at(1), "exercise": False}
    found = answered(row, rows)
    assert found == Answered(
        "cam-1", at(1), at(2), None, ticket="t", fault="black", reopened=1,
        holds=(Hold("weather", at(3), at(4)), Hold("awaiting_parts", at(8), None)),
    )  # fmt: skip
    assert answered(row, rows[:5]).outcome == "nothing_found"
    assert answered(row, rows[:5]).closed_ns == at(5)


def test_declared_work_is_found_by_an_index_of_its_own(lived):
    whole, _ = lived
    wanted = f"EXPLAIN QUERY PLAN SELECT id FROM events WHERE {IS_WORK} AND at_ns <= 5 ORDER BY at_ns, id"
    with whole.reading() as connection:
        plan = " ".join(row[-1] for row in connection.exec_driver_sql(wanted))
    assert "ix_events_work_declared" in plan
    assert "TEMP B-TREE" not in plan, "in its order"
