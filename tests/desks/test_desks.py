"""The alert and ticket machines: what is in their tables can happen, and nothing else."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from citywatch.alerts import desk as alerts
from citywatch.alerts.desk import AlertPolicy, alert_id
from citywatch.alerts.policy import Flapping
from citywatch.alerts.table import MOVES as ALERT_MOVES
from citywatch.domain.alerts import AlertMove, AlertState
from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.domain.tickets import TicketMove, TicketState
from citywatch.tickets import desk as tickets
from citywatch.tickets.desk import TicketPolicy, ticket_id
from citywatch.tickets.table import MOVES as TICKET_MOVES

NO_FLAPPING = AlertPolicy(flapping=Flapping(openings=0))
NO_RETURN = TicketPolicy(reopen_ns=0)
CAUSES = [event_id("fault", f"cam-{i}", "black", i) for i in range(3)]


def confirmed(cause: str, at_ns: int) -> Event:
    data = {"fault": "black", "reason": "dark", "first_bad_ns": at_ns, "last_good_ns": -1, "looks": 2}
    return Event(event_id("fault_confirmed", cause), EventKind.FAULT_CONFIRMED, "cam", at_ns, cause, data)


def cleared(cause: str, at_ns: int) -> Event:
    data = {"fault": "black", "first_good_ns": at_ns, "last_bad_ns": at_ns - 1, "looks": 2}
    return Event(event_id("fault_cleared", cause), EventKind.FAULT_CLEARED, "cam", at_ns, cause, data)


def overloaded(cause: str, at_ns: int, over_percent: float) -> Event:
    return Event(cause, EventKind.OVERLOADED, "scale", at_ns, cause, {"over_percent": over_percent})


def test_final_states_have_no_way_out() -> None:
    assert not [move for (state, move) in ALERT_MOVES if state is AlertState.RESOLVED]
    assert [move for (state, move) in TICKET_MOVES if state is TicketState.CLOSED] == [TicketMove.REOPEN]


def test_every_state_can_be_reached_and_every_move_is_used() -> None:
    assert {state for state, _ in ALERT_MOVES} | set(ALERT_MOVES.values()) == set(AlertState)
    assert {move for _, move in ALERT_MOVES} == set(AlertMove)
    assert {state for state, _ in TICKET_MOVES} | set(TICKET_MOVES.values()) == set(TicketState)
    assert {move for _, move in TICKET_MOVES} == set(TicketMove)


def test_overload_alert_leaves_the_desk_by_ticks_alone() -> None:
    state, policy = State(), AlertPolicy(overload_hold_seconds=10)
    (opened,) = alerts.on_event(state, overloaded("c", 1_000, 12.5), 5 * NS_PER_S, policy, {})
    assert opened.data["severity"] == "warning"
    assert list(alerts.on_tick(state, 15 * NS_PER_S - 1)) == []
    (resolved,) = alerts.on_tick(state, 15 * NS_PER_S)
    assert (resolved.kind, resolved.data["reason"]) == (EventKind.ALERT_RESOLVED, "expired")
    assert list(alerts.on_tick(state, 99 * NS_PER_S)) == []


def test_a_clock_that_is_years_ahead_leaves_no_alert_for_ever() -> None:
    state, policy, now_ns = State(), AlertPolicy(overload_hold_seconds=10), 5 * NS_PER_S
    list(alerts.on_event(state, overloaded("c", 70 * 366 * 86_400 * NS_PER_S, 12.5), now_ns, policy, {}))
    assert list(alerts.on_tick(state, now_ns + 86_410 * NS_PER_S - 1)) == []
    assert [event.data["reason"] for event in alerts.on_tick(state, now_ns + 86_410 * NS_PER_S)] == ["expired"]


def test_severe_overload_is_critical() -> None:
    (opened,) = alerts.on_event(State(), overloaded("c", 1, 30.0), 0, AlertPolicy(), {})
    assert opened.data["severity"] == "critical"


def test_two_operators_cannot_both_win() -> None:
    state = State()
    list(alerts.on_event(state, confirmed(CAUSES[0], 5), 5, AlertPolicy(), {}))
    alert = alert_id(CAUSES[0])
    first = alerts.acknowledge(state, alert, at_ns=6, actor="ann", command="c1")
    assert isinstance(first, Event)
    assert alerts.acknowledge(state, alert, at_ns=6, actor="bob", command="c2") == "already_acknowledged"
    assert alerts.acknowledge(state, alert, at_ns=6, actor="ann", command="c1") == "repeated"
    assert alerts.acknowledge(state, "no-such-alert", at_ns=6, actor="ann", command="c3") == "not_open"


class Desks(RuleBasedStateMachine):
    """Random histories against the plainest model: a dict of what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.now = 1
        self.open: dict[str, str] = {}
        self.filed: dict[str, str] = {}
        self.ids: list[str] = []

    def _take(self, events: list[Event]) -> list[EventKind]:
        self.now += 1
        self.ids += [event.id for event in events]
        return [event.kind for event in events]

    def _judge(self, event: Event) -> list[EventKind]:
        told = list(alerts.on_event(self.state, event, self.now, NO_FLAPPING, {}))
        return self._take([*told, *tickets.on_event(self.state, event, self.now, NO_RETURN)])

    def _asked(self, verb: Verb, cause: str, command: str) -> list[Event] | str:
        ticket, args = ticket_id(cause), {"note": "x"}
        return tickets.obey(self.state, verb, ticket, args, NO_RETURN, at_ns=self.now, actor="c", command=command)

    @rule(cause=st.sampled_from(CAUSES))
    def fault(self, cause: str) -> None:
        kinds = self._judge(confirmed(cause, self.now))
        if cause in self.open:
            assert kinds == []
        else:
            assert kinds == [EventKind.ALERT_OPENED, EventKind.TICKET_FILED]
            self.open[cause], self.filed[cause] = "open", "filed"

    @rule(cause=st.sampled_from(CAUSES))
    def repair(self, cause: str) -> None:
        kinds = self._judge(cleared(cause, self.now))
        if cause in self.open:
            assert kinds == [EventKind.ALERT_RESOLVED, EventKind.TICKET_VERIFIED, EventKind.TICKET_CLOSED]
            del self.open[cause], self.filed[cause]
        else:
            assert kinds == []

    @rule(cause=st.sampled_from(CAUSES), command=st.integers(0, 10**9))
    def acknowledge(self, cause: str, command: int) -> None:
        answer = alerts.acknowledge(self.state, alert_id(cause), at_ns=self.now, actor="a", command=f"a{command}")
        assert isinstance(answer, Event) == (self.open.get(cause) == "open")
        if isinstance(answer, Event):
            self.open[cause] = "acknowledged"

    @rule(cause=st.sampled_from(CAUSES), command=st.integers(0, 10**9))
    def accept(self, cause: str, command: int) -> None:
        answer = self._asked(Verb.ACCEPT_TICKET, cause, f"t{command}")
        assert isinstance(answer, list) == (self.filed.get(cause) == "filed")
        if isinstance(answer, list):
            self.filed[cause] = "accepted"

    @rule(cause=st.sampled_from(CAUSES), command=st.integers(0, 10**9))
    def note(self, cause: str, command: int) -> None:
        before = self.state.snapshot()
        answer = self._asked(Verb.NOTE_TICKET, cause, f"n{command}")
        if cause not in self.filed:
            assert answer == "not_open"
            assert self.state.snapshot() == before

    @invariant()
    def desk_holds_what_is_open(self) -> None:
        assert {row["cause"]: row["state"] for _, row in self.state.room(alerts.ROOM)} == self.open
        assert {row["cause"]: row["state"] for _, row in self.state.room(tickets.ROOM)} == self.filed


TestDesks = Desks.TestCase
