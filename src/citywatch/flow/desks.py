"""The two desks behind one counter: what a rule has said becomes an alert and a ticket, with who answers for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from citywatch.alerts import desk as alerts
from citywatch.alerts import windows
from citywatch.alerts.policy import AlertPolicy
from citywatch.domain.devices import DeviceKind
from citywatch.domain.events import Event, EventKind
from citywatch.domain.labels import Labels
from citywatch.domain.responsibility import Register, Responsible, labels_of
from citywatch.domain.state import State
from citywatch.flow import holds
from citywatch.rules import devices, incidents
from citywatch.tickets import desk as tickets
from citywatch.tickets.policy import TicketPolicy

_OF_SCALES = frozenset({EventKind.OVERLOADED, EventKind.EVASION_SUSPECTED})


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks of a partition, or of the incident stage, bound to their policies."""

    register: Register = field(default_factory=Register)
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    tickets: TicketPolicy = field(default_factory=TicketPolicy)

    def hear(self, state: State, event: Event, now_ns: int) -> Iterator[Event]:
        """What both desks make of an event of a rule. Within a maintenance window they do not hear of an opening."""
        if event.kind in alerts.OPENINGS:
            yield from self._opening(state, event, now_ns)
        elif not holds.ends(state, event):
            yield from alerts.on_event(state, event, now_ns, self.alerts, {})
            yield from tickets.on_event(state, event, now_ns, self.tickets)

    def on_tick(self, state: State, now_ns: int) -> Iterator[Event]:
        """What has waited for its time."""
        for event in holds.due(state, now_ns):
            yield from self.hear(state, event, now_ns)
        yield from alerts.on_tick(state, now_ns)
        yield from tickets.on_tick(state, now_ns, self.tickets)
        # Behind all that may have to know yet what they were.
        windows.on_tick(state, now_ns)

    def obey(
        self,
        state: State,
        verb: str,
        ticket: str,
        args: Mapping[str, Any],
        *,
        at_ns: int,
        actor: str,
        command: str,
    ) -> list[Event] | str:
        """What the desk makes of a command about a ticket, or in one word why it is refused."""
        return tickets.obey(state, verb, ticket, args, self.tickets, at_ns=at_ns, actor=actor, command=command)

    def obey_for_the_city(
        self,
        state: State,
        verb: str,
        target: str,
        args: Mapping[str, Any],
        now_ns: int,
        *,
        at_ns: int,
        actor: str,
        command: str,
    ) -> list[Event] | str:
        """What becomes of a command about a silence or a window: its event, then those of tickets whose clocks stand
        or go on by it; or in one word why it is refused.
        """
        answer = windows.obey(state, verb, target, args, at_ns=at_ns, actor=actor, command=command)
        if isinstance(answer, str):
            return answer
        if answer.kind is EventKind.WINDOW_ENDED:
            holds.again(state, now_ns)
        if verb not in windows.OF_ALL_PARTITIONS:
            return [answer]
        matcher = windows.matcher_of(state, answer.cause)
        return [answer, *tickets.on_window(state, matcher, at_ns, self.tickets)]

    def work_declared(self, state: State, event: Event) -> Iterator[Event]:
        """What tickets make of work at their device: clocks stand meanwhile where the contract leaves it out."""
        told = event.data
        to_ns = int(told["to_ns"])
        if to_ns <= event.at_ns:
            return
        item = {
            "id": str(told["work"]),
            "by": str(told["work"]),
            "word": str(told["kind"]),
            "about": "",
            "contractor": "",
            "from_ns": int(told["from_ns"]),
            "to_ns": to_ns,
            "late_ns": event.at_ns - int(told["from_ns"]),
        }
        yield from tickets.on_disabled(state, event.device, item, event.at_ns, self.tickets)

    def parent_away(self, state: State, device: str, cause: str, args: Mapping[str, Any], at_ns: int) -> list[Event]:
        """What tickets make of the incident stage's verdict: a device hangs on an incident from now on, or on none."""
        if not args["root"]:
            return list(tickets.on_enabled(state, device, cause, at_ns, self.tickets))
        item = {
            "id": cause,
            "by": args["incident"],
            "word": "parent",
            "about": args["root"],
            "contractor": args["contractor"],
            "from_ns": at_ns,
            "to_ns": None,
            "late_ns": args["late_ns"],
        }
        return list(tickets.on_disabled(state, device, item, at_ns, self.tickets))

    def _opening(self, state: State, event: Event, now_ns: int) -> Iterator[Event]:
        stands = alerts.stands(state, event.cause)
        if holds.waits(state, event.cause) or (stands and tickets.stands(state, event.cause)):
            return
        known, labels = self._about(state, event)
        at_ns = now_ns or event.at_ns
        # What stands already is not held back: its end must find it.
        until_ns = 0 if stands else windows.until_ns(state, labels, at_ns)
        if until_ns > at_ns:
            holds.hold(state, event, until_ns)
            return
        yield from alerts.on_event(state, event, now_ns, self.alerts, labels)
        yield from tickets.on_event(state, event, now_ns, self.tickets, labels, known.team)

    def _about(self, state: State, event: Event) -> tuple[Responsible, Labels]:
        """Who answers for the device of an opening, and all of its labels."""
        row = state.get(devices.ROOM, event.device) or state.get(incidents.NODE, event.device) or {}
        kind = row.get("kind", "") or (DeviceKind.SCALE.value if event.kind in _OF_SCALES else "")
        known = self.register.of(event.device, kind, row.get("site", ""))
        severity = alerts.severity_of(event, self.alerts)
        found = {
            **labels_of(event.device, kind, row.get("site", ""), known),
            "alert": alerts.kind_of(event),
            "severity": severity.value,
            "source": str(event.data.get("source", "")),
            "exercise": "yes" if event.kind is EventKind.EXERCISE_STARTED else "",
        }
        told: Mapping[str, str] | None = event.data.get("labels")
        if told:
            found |= {label: text for label, text in told.items() if not found.get(label, "x")}
        return known, found


def next_due(state: State) -> int | None:
    """The first instant at which on_tick would do something."""
    dues = (alerts.next_due(state), tickets.next_due(state), holds.next_due(state))
    ahead = [due_ns for due_ns in dues if due_ns is not None]
    return min(ahead, default=None)
