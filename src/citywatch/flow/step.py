"""The step: rows in, events out, for one partition. A pure function of its rows, whatever batches they come in.

Each event of a rule is followed at once by what the alert and ticket desks make of it, so that the order of events
does not depend on where a batch ends. "Now" is the last tick.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from citywatch.alerts import desk as alerts
from citywatch.alerts import windows
from citywatch.domain.claims import ClaimBatch
from citywatch.domain.columns import Batch
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.devices import Device, DeviceKind
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.findings import FindingBatch
from citywatch.domain.passes import PassBatch
from citywatch.domain.pictures import FrameBatch
from citywatch.domain.pulses import PulseBatch, TickBatch
from citywatch.domain.state import State
from citywatch.flow import onward
from citywatch.flow.desks import Desks
from citywatch.rules import (
    cameras,
    claims,
    devices,
    exercises,
    findings,
    fleet,
    liveness,
    people,
    repairs,
    retirement,
    scales,
    work,
)
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.claims import ClaimPolicy
from citywatch.rules.findings import FindingPolicy
from citywatch.rules.liveness import CLOCK, LivenessPolicy
from citywatch.rules.scale_health import watch as health
from citywatch.rules.scales import ScalePolicy
from citywatch.tickets import desk as tickets

if TYPE_CHECKING:
    from citywatch.laws import Law

STEP_VERSION = "1"
DOOR_OBSERVER = "observer:http"
_REMOVALS = frozenset({EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED})


@dataclass(frozen=True, slots=True)
class CityStep:
    """The rules of a city, bound to its law and policies. `observer` is the door that passes come through."""

    law: Law
    cameras: CameraPolicy = field(default_factory=CameraPolicy)
    liveness: LivenessPolicy = field(default_factory=LivenessPolicy)
    desks: Desks = field(default_factory=Desks)
    claims: ClaimPolicy = field(default_factory=ClaimPolicy)
    observer: str = DOOR_OBSERVER
    scales: ScalePolicy = field(default_factory=ScalePolicy)
    findings: FindingPolicy = field(default_factory=FindingPolicy)

    def step(self, state: State, batch: Batch) -> tuple[State, list[Event]]:
        """All events of a batch, in the order of its rows."""
        return state, list(self._events(state, batch))

    def _events(self, state: State, batch: Batch) -> Iterator[Event]:
        match batch:
            case PassBatch():
                passes = fleet.watched(state, batch)
                yield from self._judged(state, scales.on_passes(state, passes, self.law, self.observer, self.scales))
            case FrameBatch():
                yield from self._judged(state, cameras.on_looks(state, fleet.watched(state, batch), self.cameras))
            case PulseBatch():
                yield from self._judged(state, liveness.on_pulses(state, fleet.watched(state, batch), self.liveness))
            case ClaimBatch():
                yield from self._judged(state, claims.on_claims(state, fleet.watched(state, batch), self.claims))
            case FindingBatch():
                yield from self._judged(state, findings.on_findings(state, batch, self.findings))
            case TickBatch():
                yield from self._ticks(state, batch.at_ns.tolist())
            case CommandBatch():
                yield from self._commands(state, batch)
            case _:
                raise TypeError(f"no rule takes {batch.KIND}")

    def _judged(self, state: State, events: Iterable[Event]) -> Iterator[Event]:
        """Each event of a rule, then what the desks make of it."""
        for event in events:
            yield event
            onward.on_event(state, event)
            if onward.waits(state, event):
                continue
            if event.kind is EventKind.WORK_DECLARED:
                yield from self.desks.work_declared(state, event)
                continue
            yield from self.desks.hear(state, event, _now_ns(state))
            if event.kind in _REMOVALS:
                yield from self._judged(state, exercises.on_event(state, event))
                yield from self._judged(state, findings.on_event(state, event))

    def _ticks(self, state: State, ticks: list[int]) -> Iterator[Event]:
        for now_ns in ticks:
            onward.on_tick(state, now_ns)
            yield from self._judged(state, liveness.on_tick(state, now_ns, self.liveness))
            yield from self._judged(state, cameras.on_tick(state, now_ns, self.cameras))
            yield from self._judged(state, claims.on_tick(state, now_ns, self.claims))
            yield from self._judged(state, scales.on_tick(state, now_ns, self.law, self.scales))
            yield from self._judged(state, exercises.on_tick(state, now_ns))
            yield from self._judged(state, findings.on_tick(state, now_ns))
            yield from self.desks.on_tick(state, now_ns)
            fleet.on_tick(state, now_ns)

    def _commands(self, state: State, batch: CommandBatch) -> Iterator[Event]:
        columns = (batch.device, batch.at_ns.tolist(), batch.command, batch.verb, batch.target, batch.actor, batch.args)
        for device, at_ns, command, verb, target, actor, args in zip(*columns, strict=True):
            if verb in people.VERBS:
                answer = people.obey(state, device, verb, target, args, at_ns=at_ns, actor=actor, command=command)
            elif verb in _ABOUT_TICKETS:
                asked = {"at_ns": at_ns, "actor": actor, "command": command}
                answer = self._ticket_command(state, device, verb, target, json.loads(args), asked)
            elif verb in windows.VERBS:
                asked = {"at_ns": at_ns, "actor": actor, "command": command}
                answer = self.desks.obey_for_the_city(state, verb, target, json.loads(args), _now_ns(state), **asked)
                if verb in windows.OF_ALL_PARTITIONS:
                    onward.of_all_partitions(state, at_ns, command, verb, target, actor, args)
            else:
                answer = _obey(state, device, at_ns, command, verb, target, actor, args)
            if isinstance(answer, Event):
                is_place = answer.kind is EventKind.DEVICE_REGISTERED
                yield onward.registered(state, answer, actor) if is_place else answer
                if is_place:
                    yield from retirement.returned(state, answer)
            elif isinstance(answer, list):
                yield from self._judged(state, answer)
            elif answer == "not_open" and onward.passed_on(state, device, at_ns, command, verb, target, actor, args):
                if verb == Verb.HANDLE_TICKET:
                    yield from self._expected(state, device, at_ns, target, command)
            elif answer != "repeated":
                data = {"command": command, "verb": verb, "target": target, "actor": actor, "reason": answer}
                kind = EventKind.COMMAND_REFUSED
                yield Event(event_id(kind, command), kind, device, at_ns, "", data)

    def _ticket_command(
        self, state: State, device: str, verb: str, ticket: str, args: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> list[Event] | str:
        """What the desk makes of a command about a ticket; of a repair that is reported the rules hear, too."""
        if verb == Verb.EXPECT_REPAIR:
            return list(self._expected(state, device, asked["at_ns"], ticket, asked["command"]))
        if verb == Verb.PARENT_AWAY:
            return self.desks.parent_away(state, device, ticket, args, asked["at_ns"])
        cause = tickets.cause_of(state, ticket)
        if verb == Verb.VERIFY_TICKET and findings.is_verifiable(state, cause):
            # A person says that what was found is over: the finding ends, and its ticket with it.
            over = findings.verify(state, cause, **asked, note=str(args.get("note") or ""))
            return [] if over is None else [over]
        answer = self.desks.obey(state, verb, ticket, args, **asked)
        if verb == Verb.HANDLE_TICKET and not isinstance(answer, str):
            answer = [*answer, *self._expected(state, device, asked["at_ns"], ticket, asked["command"])]
        return answer

    def _expected(self, state: State, device: str, at_ns: int, ticket: str, command: str) -> Iterator[Event]:
        """A repair was reported: from here on looks and heartbeats say whether it has helped."""
        liveness.repair_reported(state, device, at_ns, self.liveness)
        yield from repairs.reported(state, device, at_ns=at_ns, ticket=ticket, command=command)


def _now_ns(state: State) -> int:
    row = state.get(CLOCK, CLOCK)
    return 0 if row is None else int(row["last_ns"])


_ABOUT_TICKETS = tickets.VERBS | {Verb.EXPECT_REPAIR, Verb.PARENT_AWAY}
_ABOUT_A_CAMERA: Mapping[Verb, Callable[..., Event | list[Event] | str]] = {
    Verb.PUT_CAMERA: fleet.put,
    Verb.REMOVE_CAMERA: fleet.remove,
    Verb.DECLARE_WORK: work.declare,
}


def _obey(
    state: State, device: str, at_ns: int, command: str, verb: str, target: str, actor: str, args: str
) -> Event | list[Event] | str:
    """The event of a lawful command, or the events that the desks shall hear of, or the reason why it is refused."""
    match verb:
        case Verb.ACKNOWLEDGE_ALERT:
            return alerts.acknowledge(state, target, at_ns=at_ns, actor=actor, command=command)
        case Verb.PUT_CAMERA | Verb.REMOVE_CAMERA | Verb.DECLARE_WORK:
            done = _ABOUT_A_CAMERA[Verb(verb)](state, device, args, at_ns=at_ns, actor=actor, command=command)
            return [done] if isinstance(done, Event) else done
        case Verb.ACCEPT_CORRECTION | Verb.DECLINE_CORRECTION:
            accept = verb == Verb.ACCEPT_CORRECTION
            return health.settle(state, device, target, args, accept=accept, at_ns=at_ns, actor=actor, command=command)
        case Verb.RETIRE_DEVICE:
            return retirement.retire(state, device, args, at_ns=at_ns, actor=actor, command=command)
        case Verb.REGISTER_DEVICE:
            return _register(state, device, json.loads(args), at_ns, command)
        case _:
            return "unknown_verb"


def _register(state: State, device: str, fields: Mapping[str, Any], at_ns: int, command: str) -> Event | str:
    """A device is named, or described anew. One that was retired comes back by a person's word alone, and a camera of
    the fleet is what the fleet says of it: a platform that lists it, too, does not hang it elsewhere.
    """
    if not command and (retirement.is_retired(state, device) or fleet.is_watched(state, device)):
        return "repeated"
    described = Device(
        device,
        DeviceKind(fields["kind"]),
        fields["name"],
        fields["place"],
        fields["heartbeat_s"],
        fields.get("parent", ""),
        fields.get("site", ""),
    )
    return devices.register(state, described, at_ns=at_ns, command=command, era=retirement.era(state, device))
