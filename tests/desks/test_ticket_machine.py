"""The ticket desk against a slow model (ticket_model.py): random histories, and the laws of the machine by name."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ticket_model import (
    ESCALATE_S,
    REOPEN_S,
    REPAIR_S,
    RESPONSE_S,
    STOPS,
    UNVERIFIED_S,
    WARN_PERCENT,
    Maintenance,
    S,
    Ticket,
    filed,
)

from citywatch.alerts import windows
from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import State
from citywatch.domain.tickets import TicketMove, TicketState
from citywatch.sla.contracts import Contract
from citywatch.tickets import desk as tickets
from citywatch.tickets import rows
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy
from citywatch.tickets.table import MOVES

HOURS = ["00:00-00:02", "00:03-00:05", "00:06-01:00"]
CONTRACT = Contract.model_validate(
    {
        "name": "test",
        "intact": {"target_percent": 95},
        "calendars": {
            "odd": {
                "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                "hours": [
                    f"{hour:02d}:{a[3:5]}-{hour + (a[6:8] == '01'):02d}:{a[9:11]}" for hour in range(24) for a in HOURS
                ],
            }
        },
        "response": {"within": f"{RESPONSE_S}s"},
        "repair": {"within": f"{REPAIR_S}s", "calendar": "odd"},
        "holds": dict.fromkeys(STOPS, "stops") | {"awaiting_network": "runs", "awaiting_permission": "runs"},
    }
)
POLICY = TicketPolicy(
    Contracts([(CONTRACT, {})]),
    WARN_PERCENT,
    tuple(seconds * S for seconds in ESCALATE_S),
    REOPEN_S * S,
    UNVERIFIED_S * S,
)
START_NS = 1_800_000_000 * S // (86_400 * S) * (86_400 * S)
CAMERAS = st.integers(0, 2)
LAPSES = st.one_of(st.integers(0, 5 * S), st.integers(0, 90 * S), st.integers(0, 700 * S))
HOLDS = st.sampled_from(["awaiting_power", "weather", "awaiting_parts", "awaiting_network"])


def short(event: Event) -> tuple[str, int, str]:
    """An event as the model tells it."""
    data, kind = event.data, event.kind.value.removeprefix("ticket_")
    match event.kind:
        case EventKind.TICKET_WARNED:
            more = data["clock"]
        case EventKind.TICKET_BREACHED:
            more = f"{data['clock']} {data['level']}"
        case EventKind.TICKET_VERIFIED:
            more = f"{data['response']} {data['repair']}"
        case EventKind.TICKET_CLOSED | EventKind.TICKET_REOPENED:
            more = data["reason"]
        case _:
            more = ""
    return kind, event.at_ns, more


def declared(state: State, verb: Verb, target: str, args: dict[str, Any], now: int, command: str) -> list[Event] | str:
    """What a command about a window makes of tickets."""
    given = {"at_ns": now, "actor": "ann", "command": command}
    answer = windows.obey(state, verb, target, args, **given)  # type: ignore[arg-type]
    if isinstance(answer, str):
        return answer
    return list(tickets.on_window(state, windows.matcher_of(state, answer.cause), now, POLICY))


class TicketDesk(RuleBasedStateMachine):
    """Three cameras and what befalls them."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.now = START_NS
        self.number = 0
        self.events: list[Event] = []
        self.causes: dict[int, str] = {}
        """The fault that is open of each camera."""
        self.known: dict[int, tuple[str, Ticket]] = {}
        """The last ticket of each camera, with its id."""
        self.windows: dict[int, list[Maintenance]] = {0: [], 1: [], 2: []}
        self.declared: list[tuple[str, int, Maintenance]] = []
        self.history: list[tuple[Any, ...]] = []

    # what the outside does

    def hear(self, kind: EventKind, camera: int, cause: str, **data: Any) -> list[Event]:
        event = Event(event_id(kind, cause, self.now), kind, f"cam-{camera}", self.now, cause, data)
        self.history.append(("hear", event, self.now))
        labels = {"device": event.device, "device_kind": "camera", "site": ""}
        return list(tickets.on_event(self.state, event, self.now, POLICY, labels, "crew"))

    def ask(self, verb: Verb, ticket: str, **args: Any) -> list[Event] | str:
        self.number += 1
        command = f"c{self.number}"
        self.history.append(("ask", verb, ticket, args, self.now, command))
        given = {"at_ns": self.now, "actor": "ann", "command": command}
        return tickets.obey(self.state, verb, ticket, args, POLICY, **given)  # type: ignore[arg-type]

    def declare(self, verb: Verb, target: str, args: dict[str, Any]) -> list[Event] | str:
        """A command about a window; its tickets' events."""
        self.number += 1
        command = f"w{self.number}"
        self.history.append(("declare", verb, target, args, self.now, command))
        return declared(self.state, verb, target, args, self.now, command)

    def same(self, events: list[Event], wanted: list[tuple[str, int, str]]) -> None:
        self.events += events
        assert [short(event) for event in events] == wanted

    def ticket(self, camera: int) -> tuple[str, Ticket] | None:
        """The open ticket of a camera."""
        known = self.known.get(camera)
        return known if known is not None and known[1].state != "closed" else None

    # rules

    @rule(lapse=LAPSES, tick=st.booleans())
    def pass_time(self, lapse: int, tick: bool) -> None:
        self.now += lapse
        if tick:
            self.history.append(("tick", self.now))
            made = list(tickets.on_tick(self.state, self.now, POLICY))
            self.events += made
            wanted = [told for _, one in self.known.values() for told in one.told(self.now)]
            assert sorted(map(short, made)) == sorted(wanted)

    @rule(camera=CAMERAS)
    def fault(self, camera: int) -> None:
        if camera in self.causes:
            return
        self.now += 1
        cause = self.causes[camera] = event_id("fault", camera, self.now)
        known = self.known.get(camera)
        data = {"fault": "black", "reason": "dark", "first_bad_ns": self.now}
        made = self.hear(EventKind.FAULT_CONFIRMED, camera, cause, **data)
        if known is not None and known[1].state != "closed":
            # A person has reopened a ticket of a fault that is over: the new fault is another case.
            _, wanted = filed(cause, self.now, self.windows[camera])
            self.same(made, wanted)
            self.events += self.ask(Verb.CANCEL_TICKET, rows.ticket_id(cause))
            self.same(list(tickets.on_tick(self.state, self.now, POLICY)), known[1].told(self.now))
            self.history.append(("tick", self.now))
            assert self.hear(EventKind.FAULT_CLEARED, camera, cause, first_good_ns=self.now, looks=2) == []
            del self.causes[camera]
        elif known is not None and known[1].end == "verified" and self.now < known[1].closed_ns + REOPEN_S * S:
            self.same(made, known[1].reopen(self.now, cause, "fault_returned"))
        else:
            one, wanted = filed(cause, self.now, self.windows[camera])
            self.known[camera] = rows.ticket_id(cause), one
            self.same(made, wanted)

    @rule(camera=CAMERAS, back_ns=st.integers(0, 120 * S))
    def repaired(self, camera: int, back_ns: int) -> None:
        cause = self.causes.pop(camera, None)
        if cause is None:
            return
        good_ns = max(self.now - back_ns, START_NS)
        made = self.hear(EventKind.FAULT_CLEARED, camera, cause, first_good_ns=good_ns, looks=2)
        known = self.ticket(camera)
        if known is None or known[1].cause != cause:
            self.same(made, [])
            if known is None and self.known[camera][1].end in ("cancelled", "merged"):
                del self.known[camera]
            return
        self.same(made, known[1].told(max(self.now, known[1].at_ns)) + known[1].verify(self.now, good_ns))

    @rule(camera=CAMERAS)
    def still_seen(self, camera: int) -> None:
        cause, known = self.causes.get(camera), self.ticket(camera)
        if cause is None:
            return
        made = self.hear(EventKind.FAULT_SEEN, camera, cause, fault="black", looks=2, last_bad_ns=self.now)
        goes = known is not None and known[1].cause == cause and known[1].state == "handled"
        if known is None or not goes or known[1].outcome == "not_repairable":
            self.same(made, [])
            return
        wanted = known[1].told(self.now)
        if known[1].state == "handled":
            wanted += known[1].send_back(self.now)
        self.same(made, wanted)

    @rule(camera=CAMERAS)
    def removed(self, camera: int) -> None:
        made = self.hear(EventKind.CAMERA_REMOVED, camera, "")
        known = self.ticket(camera)
        self.same(made, [] if known is None else known[1].told(self.now) + known[1].close(self.now, "device_removed"))
        self.known.pop(camera, None)
        self.causes.pop(camera, None)

    @rule(camera=CAMERAS)
    def accept(self, camera: int) -> None:
        self._command(camera, Verb.ACCEPT_TICKET, {}, self._accepted)

    @rule(camera=CAMERAS, reason=HOLDS, lasts=st.one_of(st.none(), st.integers(-5, 400)))
    def hold(self, camera: int, reason: str, lasts: int | None) -> None:
        until = None if lasts is None else self.now + lasts * S

        def held(one: Ticket, at: int) -> list[tuple[str, int, str]]:
            if reason in STOPS:
                one.repair.stand(at)
            one.state, one.hold = "on_hold", {"until": until, "stops": reason in STOPS}
            return [("held", at, "")]

        args = {"reason": reason, "until_ns": until}
        known = self.ticket(camera)
        lawful = known is not None and (until is None or until > max(self.now, known[1].at_ns))
        self._command(camera, Verb.HOLD_TICKET, args, held, lawful=lawful)

    @rule(camera=CAMERAS)
    def resume(self, camera: int) -> None:
        self._command(camera, Verb.RESUME_TICKET, {}, lambda one, at: one.resume(at))

    @rule(camera=CAMERAS, outcome=st.sampled_from(["repaired", "nothing_found", "not_repairable"]))
    def handle(self, camera: int, outcome: str) -> None:
        def handled(one: Ticket, at: int) -> list[tuple[str, int, str]]:
            one.state, one.handled_ns, one.outcome = "handled", at, outcome
            return [("handled", at, "")]

        self._command(camera, Verb.HANDLE_TICKET, {"outcome": outcome}, handled)

    @rule(camera=CAMERAS)
    def note(self, camera: int) -> None:
        self._command(camera, Verb.NOTE_TICKET, {"note": "x"}, lambda _, at: [("noted", at, "")])

    @rule(camera=CAMERAS, merge=st.booleans())
    def cancel_or_merge(self, camera: int, merge: bool) -> None:
        verb, args = (Verb.MERGE_TICKET, {"into": "0" * 32}) if merge else (Verb.CANCEL_TICKET, {})
        self._command(camera, verb, args, lambda one, at: one.close(at, "merged" if merge else "cancelled"))

    @rule(camera=CAMERAS)
    def verify(self, camera: int) -> None:
        """By a person: only what the system cannot see."""
        known = self.ticket(camera)
        self._command(
            camera,
            Verb.VERIFY_TICKET,
            {},
            lambda one, at: one.verify(at, at if one.handled_ns is None else one.handled_ns),
            lawful=known is not None and not known[1].verifiable,
        )

    @rule(camera=CAMERAS)
    def reopen(self, camera: int) -> None:
        """By a person."""
        known = self.known.get(camera)
        if known is None:
            return
        name, one = known
        if one.state == "closed":
            answer = self.ask(Verb.REOPEN_TICKET, name)
            kept = one.end in ("cancelled", "merged") or self.now < one.closed_ns + REOPEN_S * S
            assert isinstance(answer, list) == kept
            if isinstance(answer, list):
                self.same(answer, one.reopen(self.now, one.cause, "asked"))
            return
        self._command(camera, Verb.REOPEN_TICKET, {}, lambda one, at: one.reopen(at, one.cause, "asked"))

    @rule(cameras=st.sets(CAMERAS, min_size=1), ahead=st.integers(-300 * S, 300 * S), lasting=st.integers(1, 400 * S))
    def maintenance(self, cameras: set[int], ahead: int, lasting: int) -> None:
        """Of some cameras; it may have begun, or be over, before it is declared."""
        from_ns = self.now + ahead
        window = Maintenance(self.now, from_ns, from_ns + lasting)
        args = {
            "matcher": {"device": [f"cam-{camera}" for camera in sorted(cameras)]},
            "from_ns": from_ns,
            "to_ns": from_ns + lasting,
            "reason": "works",
        }
        made = self.declare(Verb.SET_WINDOW, "", args)
        before = self._told_before_a_window(cameras)
        for camera in cameras:
            self.windows[camera].append(window)
            self.declared.append((f"w{self.number}", camera, window))
        self._same_of_window(made, before, cameras)

    @precondition(lambda self: self.declared)
    @rule(which=st.integers(0, 20), withdraw=st.booleans())
    def maintenance_is_ended(self, which: int, withdraw: bool) -> None:
        name, _, window = self.declared[which % len(self.declared)]
        cameras = {camera for other, camera, _ in self.declared if other == name}
        made = self.declare(Verb.END_WINDOW, name, {"withdraw": withdraw})
        lawful = window.ended_ns is None and (withdraw or window.to_ns > self.now)
        assert isinstance(made, list) == lawful
        if lawful:
            before = self._told_before_a_window(cameras)
            window.ended_ns = self.now
            self._same_of_window(made, before, cameras)

    def _told_before_a_window(self, cameras: set[int]) -> dict[int, list[tuple[str, int, str]]]:
        return {camera: found[1].told(self.now) for camera in cameras if (found := self.ticket(camera)) is not None}

    def _same_of_window(
        self, made: list[Event] | str, before: dict[int, list[tuple[str, int, str]]], cameras: set[int]
    ) -> None:
        assert isinstance(made, list)
        for camera in cameras:
            mine = [short(event) for event in made if event.device == f"cam-{camera}"]
            known = self.ticket(camera)
            assert mine == ([] if known is None else before[camera] + known[1].told(self.now))
        self.events += made

    @staticmethod
    def _accepted(one: Ticket, at: int) -> list[tuple[str, int, str]]:
        if not one.response.over:
            one.response.end(at)
        one.state = "accepted"
        return [("accepted", at, "")]

    def _command(self, camera: int, verb: Verb, args: dict[str, Any], then: Any, *, lawful: bool = True) -> None:
        known = self.ticket(camera)
        if known is None:
            return
        name, one = known
        before = self.state.snapshot()
        answer = self.ask(verb, name, **args)
        at = max(self.now, one.at_ns)
        move = TicketMove(verb.removesuffix("_ticket"))
        told = one.told(at) if isinstance(answer, list) else []
        if isinstance(answer, str):
            assert self.state.snapshot() == before, "a refused command changes nothing"
            assert not lawful or (self._state_at(one, at), move) not in MOVES
            return
        assert lawful
        assert (TicketState(one.state), move) in MOVES
        self.same(answer, told + then(one, one.step(at)))

    @staticmethod
    def _state_at(one: Ticket, at: int) -> TicketState:
        """Its state when all that is due by then has been told, without telling it."""
        if one.hold is not None and one.hold["until"] is not None and one.hold["until"] <= at:
            return TicketState.ACCEPTED
        unseen = one.handled_ns is not None and one.verifiable and one.outcome != "not_repairable"
        if unseen and one.handled_ns + UNVERIFIED_S * S <= at:  # type: ignore[operator]
            return TicketState.DISPATCHED
        return TicketState(one.state)

    # laws

    @invariant()
    def open_tickets_are_those_of_the_model(self) -> None:
        real = {name: row["state"] for name, row in self.state.room(rows.ROOM)}
        assert real == {name: one.state for name, one in self.known.values() if one.state != "closed"}

    @invariant()
    def every_event_once_and_no_step_before_the_last(self) -> None:
        assert len({event.id for event in self.events}) == len(self.events)
        last: dict[str, tuple[int, EventKind]] = {}
        for event in self.events:
            at_ns, kind = last.get(event.data["ticket"], (0, EventKind.TICKET_NOTED))
            assert event.at_ns >= at_ns, "clocks never run backwards"
            if kind is EventKind.TICKET_CLOSED:
                assert event.kind is EventKind.TICKET_REOPENED, "a closed ticket moves by being reopened alone"
            last[event.data["ticket"]] = event.at_ns, event.kind

    def teardown(self) -> None:
        """The same history under other ticks tells the same events at the same instants."""
        state, made = State(), list[Event]()
        for what, *more in self.history:
            if what == "tick":
                continue
            if what == "hear":
                event, now = more
                labels = {"device": event.device, "device_kind": "camera", "site": ""}
                made += tickets.on_event(state, event, now, POLICY, labels, "crew")
            elif what == "declare":
                answer = declared(state, *more)
                made += answer if isinstance(answer, list) else []
            else:
                verb, ticket, args, now, command = more
                answer = tickets.obey(state, verb, ticket, args, POLICY, at_ns=now, actor="ann", command=command)
                made += answer if isinstance(answer, list) else []
            state = State.load(state.snapshot())
        for at in range(self.now, self.now + 3_000 * S, 1_000 * S):
            self.events += tickets.on_tick(self.state, at, POLICY)
        made += tickets.on_tick(state, self.now + 3_000 * S, POLICY)
        assert sorted(e.to_json() for e in made) == sorted(
            e.to_json() for e in self.events if e.at_ns <= self.now + 3_000 * S
        )


TicketDesk.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestTicketDesk = TicketDesk.TestCase
