"""Maintenance windows and escalation with partitions and incident stage together: commands that go to everybody, what
is held back on both sides, and that no order of reading changes an event.
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from incident_kit import LAW, PARTITIONS, POLICY, Item, Town, at, cleared, confirmed, instant, placed, spread
from test_incident_laws import SECONDS, history

from citywatch.alerts.policy import AlertPolicy, Escalation, Flapping
from citywatch.domain.columns import Batch
from citywatch.domain.commands import CITY, Verb
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.domain.state import State
from citywatch.flow.desks import Desks
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.step import CityStep
from citywatch.testing import rows as city

NORTH = ResponsibilityRule(Matcher.of({"device": ["cam-0", "cam-1", "sw-a"]}), Responsible(area="north", team="n"))
DESKS = Desks(
    Register(rules=[NORTH]),
    AlertPolicy(
        flapping=Flapping(2, 90 * NS_PER_S, 25 * NS_PER_S),
        escalations=(Escalation(Matcher.of({"severity": "critical"}), ((15 * NS_PER_S, "a"), (40 * NS_PER_S, "b"))),),
    ),
)


def town(partitions: int = PARTITIONS) -> Town:
    made = Town(step=CityStep(LAW, desks=DESKS), partitions=partitions)
    made.incidents = IncidentStep(POLICY, desks=DESKS)
    return made


def window(second: float, begin: float, end: float, matcher: dict[str, str], number: int = 0) -> Batch:
    args = {"matcher": matcher, "from_ns": at(begin), "to_ns": at(end), "rule": None, "reason": "work"}
    return city.commands([(CITY, at(second), f"window-{number}", Verb.SET_WINDOW, "", args)])


def ended(second: float, number: int = 0, *, withdraw: bool = False) -> Batch:
    args = {"withdraw": withdraw}
    return city.commands([(CITY, at(second), f"end-{number}", Verb.END_WINDOW, f"window-{number}", args)])


def everywhere(items: list[Item]) -> list[list[Item]]:
    """What each partition gets: commands for the city go to all of them."""
    of_the_city = [item for item in items if getattr(item, "device", None) == (CITY,)]
    rest = [item for item in items if item not in of_the_city]
    return [sorted([*queue, *of_the_city], key=instant) for queue in spread(rest)]


def run(items: list[Item], seed: int | None = None, *, reload: bool = False) -> Town:
    """In step when there is no seed; else partitions run ahead of each other, in commits of any size."""
    made, queues, rng = town(), everywhere(items), random.Random(seed)
    if seed is None:
        order = [(instant(item), p, n) for p, queue in enumerate(queues) for n, item in enumerate(queue)]
        for _, p, n in sorted(order):
            made.feed(p, [queues[p][n]])
        return made
    while any(queues):
        p = rng.choice([p for p, queue in enumerate(queues) if queue])
        size = min(rng.choice([1, 3, 40]), len(queues[p]))
        made.feed(p, queues[p][:size])
        del queues[p][:size]
        if reload:
            made.stage = State.load(made.stage.snapshot())
            made.states[p] = State.load(made.states[p].snapshot())
    return made


def ticks(until: int) -> list[Item]:
    return [city.tick(at(second)) for second in range(until + 1)]


def alerts(made: Town, *kinds: EventKind) -> list[tuple[int, str, str]]:
    found = [((event.at_ns - at(0)) // NS_PER_S, event.device, event.kind.value) for event in made.of(*kinds)]
    return sorted(found)


OPENED = (EventKind.ALERT_OPENED, EventKind.TICKET_FILED)


def test_an_incident_inside_a_window_opens_at_its_end_if_it_is_still_there() -> None:
    family = [placed(f"cam-{n}", "sw-a") for n in range(3)]
    gone = [confirmed(f"cam-{n}", 20 + n / 10) for n in range(3)]
    made = run([*ticks(120), *family, *gone, window(5, 10, 60, {"device": "sw-a"})])
    assert alerts(made, EventKind.INCIDENT_OPENED)[0][1] == "sw-a"
    assert alerts(made, *OPENED) == [(60, "sw-a", "alert_opened"), (60, "sw-a", "ticket_filed")]
    (alert,) = made.of(EventKind.ALERT_OPENED)
    assert (alert.data["labels"]["area"], alert.data["subject"]["held_from_ns"]) == ("north", made.of(
        EventKind.INCIDENT_OPENED)[0].at_ns)  # fmt: skip

    back = [cleared(f"cam-{n}", 40 + n / 10) for n in range(3)]
    made = run([*ticks(120), *family, *gone, *back, window(5, 10, 60, {"device": "sw-a"})])
    assert len(made.of(EventKind.INCIDENT_CLOSED)) == 1
    assert alerts(made, *OPENED, EventKind.ALERT_RESOLVED, EventKind.TICKET_CLOSED) == []


def test_a_window_that_is_ended_early_lets_everything_out_at_once() -> None:
    faults = [confirmed("cam-0", 20, "black"), confirmed("lone", 21, "black")]
    rows = [placed("cam-0", "sw-a"), placed("lone"), *faults, window(5, 10, 500, {"device": "*"}), ended(30)]
    made = run([*ticks(60), *rows])
    assert alerts(made, *OPENED) == [
        (31, device, kind) for device in ("cam-0", "lone") for kind in ("alert_opened", "ticket_filed")
    ]
    assert len({event.id for event in made.of(EventKind.WINDOW_SET)}) == 1
    assert len(made.of(EventKind.WINDOW_ENDED)) == PARTITIONS, "every partition tells it, under one id"


def test_a_window_never_hides_the_end_of_what_was_open() -> None:
    rows = [confirmed("lone", 5, "black"), window(10, 12, 60, {"device": "lone"}), cleared("lone", 20, "black")]
    made = run([*ticks(40), placed("lone"), *rows])
    assert alerts(made, EventKind.ALERT_RESOLVED, EventKind.TICKET_CLOSED) == [
        (20, "lone", "alert_resolved"),
        (20, "lone", "ticket_closed"),
    ]


def test_an_incident_that_nobody_acknowledges_is_escalated() -> None:
    rows = [*(placed(f"cam-{n}", "sw-a") for n in range(3)), *(confirmed(f"cam-{n}", 20 + n / 10) for n in range(3))]
    made = run([*ticks(120), *rows])
    (opened,) = made.of(EventKind.INCIDENT_OPENED)
    told = made.of(EventKind.ALERT_ESCALATED)
    assert [(event.data["level"], event.data["to"]) for event in told] == [(1, "a"), (2, "b")]
    assert [event.at_ns - opened.at_ns for event in told] == [15 * NS_PER_S, 40 * NS_PER_S]


def declared(seed: int) -> list[Item]:
    """Windows at random, some of them ended or withdrawn."""
    rng = random.Random(seed)
    items: list[Item] = []
    for number in range(6):
        second = rng.uniform(1, SECONDS - 40)
        begin = second + rng.uniform(-20, 40)
        matcher = rng.choice(({"area": "north"}, {"device": "cam-*"}, {"device_kind": ["switch", "power"]}))
        items.append(window(second, begin, begin + rng.uniform(5, 90), matcher, number))
        if rng.random() < 0.5:
            items.append(ended(second + rng.uniform(1, 30), number, withdraw=rng.random() < 0.3))
    return items


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_neither_interleaving_nor_batching_nor_a_restart_changes_an_event(seed: int, cut: int) -> None:
    rows = sorted([*history(seed), *declared(seed)], key=instant)
    assert run(rows, cut, reload=cut % 2 == 0).told() == run(rows, 0).told()


def test_the_histories_hold_what_the_laws_are_about() -> None:
    kinds = {
        event.kind
        for seed in range(4)
        for event in run(sorted([*history(seed), *declared(seed)], key=instant), 1).events
    }
    assert kinds >= {
        EventKind.WINDOW_SET,
        EventKind.WINDOW_ENDED,
        EventKind.ALERT_FLAPPING,
        EventKind.ALERT_ESCALATED,
        EventKind.INCIDENT_OPENED,
    }
