"""A city of a few devices and what happens to them second by second, through the real steps."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.devices import partition_of
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Outcome
from citywatch.domain.pulses import TickBatch
from citywatch.domain.state import State
from citywatch.flow import onward
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.ports import INCIDENTS
from citywatch.rules.incidents import IncidentPolicy
from citywatch.testing import rows as city

PARTITIONS = 3
LAW = load("cn-gross")
POLICY = IncidentPolicy(wait_seconds=10, settle_seconds=20, window_seconds=60)


Item = Batch | Event
"""A row of any kind, or an event of a rule: what a rule has decided is not what is tested here."""


def at(second: float) -> int:
    return city.START_NS + int(second * NS_PER_S)


def placed(device: str, parent: str = "", kind: str = "camera", *, second: float = 0, command: str = "") -> Batch:
    args = {"kind": kind, "name": device, "place": "", "heartbeat_s": 0, "parent": parent, "site": "s"}
    return city.commands([(device, at(second), command, Verb.REGISTER_DEVICE, device, args)])


def look(device: str, second: float, outcome: Outcome) -> Batch:
    return city.frames([(device, at(second), int(second * 10) + 1, outcome, 110.0, 0.5)])


def confirmed(device: str, second: float, fault: str = "unreachable", turn: int = 1) -> Event:
    cause = event_id("fault", device, fault, turn)
    data = {
        "fault": fault,
        "reason": "timed_out",
        "first_bad_ns": at(second - 2),
        "last_good_ns": at(second - 10),
        "looks": 2,
        "evidence": {"measure": "outcome", "value": 1.0, "threshold": 1.0, "margin": 0.25},
        "picture": "",
        "previous": "",
    }
    kind = EventKind.FAULT_CONFIRMED
    return Event(event_id(kind, cause), kind, device, at(second), cause, data)


def cleared(device: str, second: float, fault: str = "unreachable", turn: int = 1) -> Event:
    cause = event_id("fault", device, fault, turn)
    data = {"fault": fault, "first_good_ns": at(second - 1), "last_bad_ns": at(second - 3), "looks": 2}
    kind = EventKind.FAULT_CLEARED
    return Event(event_id(kind, cause), kind, device, at(second), cause, data)


def instant(item: Item) -> int:
    return item.at_ns if isinstance(item, Event) else int(item.at_ns[0])  # type: ignore[attr-defined]


def device(item: Item) -> str:
    return item.device if isinstance(item, Event) else item.device[0]  # type: ignore[attr-defined,no-any-return]


def ticked(items: Iterable[Item], until: float) -> list[Item]:
    """The items in the order of their instants, with a tick every second."""
    ticks = [city.tick(at(second)) for second in range(int(until) + 1)]
    return sorted([*items, *ticks], key=lambda item: (instant(item), not isinstance(item, TickBatch)))


def spread(items: Sequence[Item], partitions: int = PARTITIONS) -> list[list[Item]]:
    """What each partition gets: its devices' items, and every tick."""
    return [
        [item for item in items if isinstance(item, TickBatch) or partition_of(device(item), partitions) == p]
        for p in range(partitions)
    ]


class Town:
    """Partitions and incident stage, fed piece by piece."""

    def __init__(self, policy: IncidentPolicy = POLICY, partitions: int = PARTITIONS, step: CityStep | None = None):
        self.step = step or CityStep(LAW)
        self.incidents = IncidentStep(policy)
        self.states = [State() for _ in range(partitions)]
        self.stage = State()
        self.streams: dict[int, list[Event]] = {p: [] for p in (*range(partitions), INCIDENTS)}

    @property
    def events(self) -> list[Event]:
        """Partition by partition, then what the incident stage told."""
        return [event for events in self.streams.values() for event in events]

    def feed(self, partition: int, items: Iterable[Item]) -> None:
        """Some items of one partition, as one commit; the stage takes at once what is handed on."""
        for item in items:
            state = self.states[partition]
            told = self.step._judged(state, [item]) if isinstance(item, Event) else self.step.step(state, item)[1]
            self.streams[partition] += told
        batch = onward.taken(self.states[partition])
        if batch is not None:
            self.incidents.take(self.stage, partition, batch)
            self.streams[INCIDENTS] += self.incidents.advance(self.stage, len(self.states))

    def live(self, items: Iterable[Item], until: float) -> Town:
        """Item by item, everybody in step."""
        for item in ticked(items, until):
            for p in range(len(self.states)):
                if isinstance(item, TickBatch) or partition_of(device(item), len(self.states)) == p:
                    self.feed(p, [item])
        return self

    def of(self, *kinds: EventKind) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    def told(self) -> list[str]:
        return sorted(event.to_json() for event in self.events)


def shuffled(items: Sequence[Item], seed: int, policy: IncidentPolicy = POLICY, *, reload: bool = False) -> Town:
    """The same items with partitions running ahead of each other, in commits of any size."""
    rng, town = random.Random(seed), Town(policy)
    queues = spread(items)
    while any(queues):
        p = rng.choice([p for p, queue in enumerate(queues) if queue])
        size = min(rng.choice([1, 1, 2, 5, 40]), len(queues[p]))
        town.feed(p, queues[p][:size])
        del queues[p][:size]
        if reload:
            town.stage = State.load(town.stage.snapshot())
            town.states[p] = State.load(town.states[p].snapshot())
    return town
