"""The alert desk in process: 20,000 alerts raised and said again, ticks while they are open, and a window over all.

Seconds are those of the processor: one thread computes, nothing waits; the interpreter is set as that of the part
`process`. Every alert has its labels, its rule of escalation and its row as bytes for the log. Ticks are measured
beside those of a desk that holds ten: what waits must cost a tick nothing. `alert_machine` has the way through the
HTTP door.
"""

from __future__ import annotations

import time

from benchmarks._frame import Goal, Row, Spread, row
from citywatch.alerts import desk as alerts
from citywatch.alerts.policy import AlertPolicy, Escalation
from citywatch.app.interpreter import share_the_interpreter
from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.domain.state import State
from citywatch.flow.desks import Desks

SCENARIO = "alerts"
ALERTS, FEW = 20_000, 10
ROUNDS = 5
TICKS = 2_000
BEGIN_NS = 1_767_225_600 * NS_PER_S
_AREAS = 10


def _device(number: int) -> str:
    return f"a{number % _AREAS:02d}-cam-{number}"


DESKS = Desks(
    Register(
        {_device(number): Responsible(area=f"a{number % _AREAS}", contractor="works") for number in range(ALERTS)},
        [
            ResponsibilityRule(Matcher.of({"area": f"a{area}"}), Responsible(department=f"d{area}", team=f"t{area}"))
            for area in range(_AREAS)
        ],
    ),
    AlertPolicy(
        escalations=(
            Escalation(Matcher.of({"area": "a7", "severity": "critical"}), ((300 * NS_PER_S, "head"),)),
            Escalation(Matcher.of({"severity": "critical"}), ((900 * NS_PER_S, "shift"), (3600 * NS_PER_S, "head"))),
        )
    ),
)


def openings(count: int) -> list[Event]:
    """One confirmed fault of each of so many cameras, in ten areas."""
    found = []
    for number in range(count):
        device = _device(number)
        cause = event_id("fault", device)
        data = {
            "fault": "frozen", "reason": "frozen", "first_bad_ns": BEGIN_NS, "last_good_ns": BEGIN_NS - NS_PER_S,
            "looks": 3, "evidence": {"measure": "changed", "value": 0.1, "threshold": 0.2, "margin": 0.1},
            "picture": "f" * 64, "previous": "e" * 64,
        }  # fmt: skip
        found.append(Event(event_id("c", cause), EventKind.FAULT_CONFIRMED, device, BEGIN_NS, cause, data))
    return found


def raised(events: list[Event], *, both: bool = False) -> tuple[float, State]:
    """Seconds to hear all of them, hear all of them again, and make the bytes of what changed."""
    state, opened = State(), 0
    begin = time.process_time()
    for _ in range(2):
        for event in events:
            if both:
                told = DESKS.hear(state, event, BEGIN_NS)
            else:
                stands = alerts.stands(state, event.cause)
                labels = {} if stands else DESKS._about(state, event)[1]
                told = alerts.on_event(state, event, BEGIN_NS, DESKS.alerts, labels)
            opened += sum(one.kind is EventKind.ALERT_OPENED for one in told)
    state.changes()
    taken = time.process_time() - begin
    if opened != len(events):
        raise AssertionError(f"{opened} alerts of {len(events)} causes")
    return taken, state


def ticked(state: State) -> float:
    """Microseconds of a tick of both desks, windows and holds, at which nothing is due; the median."""
    list(DESKS.on_tick(state, BEGIN_NS + 1))
    samples = []
    for number in range(TICKS):
        begin = time.perf_counter()
        told = list(DESKS.on_tick(state, BEGIN_NS + 2 + number))
        samples.append(time.perf_counter() - begin)
        if told:
            raise AssertionError("something was due")
    return Spread.of(samples).median * 1e6


def held(events: list[Event]) -> tuple[float, float]:
    """Seconds to hold all of them back in a window, and to open their alerts and tickets at its end."""
    state = State()
    end_ns = BEGIN_NS + 60 * NS_PER_S
    args = {"matcher": {"device": "*"}, "from_ns": BEGIN_NS, "to_ns": end_ns, "rule": None, "reason": "measured"}
    command = event_id("window")
    DESKS.obey_for_the_city(
        state, Verb.SET_WINDOW, "", args, BEGIN_NS, at_ns=BEGIN_NS, actor="benchmark", command=command
    )
    begin = time.process_time()
    told = sum(len(list(DESKS.hear(state, event, BEGIN_NS))) for event in events)
    middle = time.process_time()
    opened = sum(one.kind is EventKind.ALERT_OPENED for one in DESKS.on_tick(state, end_ns))
    end = time.process_time()
    if told or opened != len(events):
        raise AssertionError(f"{told} events inside the window, {opened} alerts at its end")
    return middle - begin, end - middle


def run() -> list[Row]:
    share_the_interpreter()
    events = openings(ALERTS)
    alone: list[float] = []
    together: list[float] = []
    many_us: list[float] = []
    few_us: list[float] = []
    holding: list[float] = []
    letting: list[float] = []
    for _ in range(ROUNDS):
        alone.append(raised(events)[0])
        taken, state = raised(events, both=True)
        together.append(taken)
        few = raised(events[:FEW], both=True)[1]
        many_us.append(ticked(state))
        few_us.append(ticked(few))
        hold_s, let_s = held(events)
        holding.append(hold_s)
        letting.append(let_s)
    one, both, many, little = (Spread.of(samples) for samples in (alone, together, many_us, few_us))
    return [
        row(SCENARIO, f"{ALERTS:,} alerts raised and said again", one.median, "CPU s",
            spread=one, goal=Goal(at_most=1.0)),
        row(SCENARIO, f"{ALERTS:,} alerts and tickets raised and said again", both.median, "CPU s", spread=both),
        row(SCENARIO, f"a tick over {ALERTS:,} open alerts and tickets, against one over {FEW}",
            many.median / little.median, "x", goal=Goal(at_most=2.0),
            note=f"{many.median:.2f} us and {little.median:.2f} us"),
        row(SCENARIO, f"{ALERTS:,} faults held back by a window", Spread.of(holding).median, "CPU s",
            spread=Spread.of(holding)),
        row(SCENARIO, "... and their alerts and tickets at its end", Spread.of(letting).median, "CPU s",
            spread=Spread.of(letting)),
    ]  # fmt: skip
