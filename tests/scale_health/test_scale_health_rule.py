"""A lane's life: a step, its fault and ticket, a correction that is proposed and accepted, a repair."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from health_kit import DEVIATION, LANE, loads, trucks
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.commands import CommandBatch
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch
from citywatch.domain.pulses import TickBatch
from citywatch.domain.state import State
from citywatch.flow.step import CityStep
from citywatch.laws import gross_law
from citywatch.rules.scale_health.reference import Gauge
from citywatch.rules.scale_health.watch import HealthPolicy
from citywatch.rules.scales import ScalePolicy

BEFORE, AFTER = 1_200, 250
STEPPED = trucks(np.concatenate([loads(3, BEFORE), loads(4, AFTER, 5_900 * 1.12)]))


class City:
    """The step of a city with one lane."""

    def __init__(self, policy: HealthPolicy | None = None) -> None:
        self.state = State()
        self.step = CityStep(gross_law(), scales=ScalePolicy(health=policy or HealthPolicy()))
        self.events: list[Event] = []

    def take(self, batch: PassBatch, rows: int = 500) -> list[Event]:
        new = [event for part in batch.split(rows) for event in self.step.step(self.state, part)[1]]
        self.events += new
        return new

    def tick(self, at_ns: int) -> list[Event]:
        new = self.step.step(self.state, TickBatch(("clock",), np.array([at_ns])))[1]
        self.events += new
        return new

    def command(self, verb: str, target: str, at_ns: int, command: str = "c1") -> list[Event]:
        args = json.dumps({"note": "seen"})
        batch = CommandBatch((LANE,), np.array([at_ns]), (command,), (verb,), (target,), ("ops",), (args,))
        new = self.step.step(self.state, batch)[1]
        self.events += new
        return new

    def of(self, kind: EventKind, gauge: str = "steering_axle") -> list[Event]:
        """Of steps those of one gauge: here the gross moves with the steering axle, the rest of the load does not."""
        return [event for event in self.events if event.kind is kind and event.data.get("gauge", gauge) == gauge]


@pytest.fixture(scope="module")
def stepped() -> City:
    city = City()
    city.take(STEPPED)
    return city


def again() -> City:
    city = City()
    city.take(STEPPED)
    return city


def test_a_step_is_told_with_its_place_and_size(stepped: City) -> None:
    (step,) = stepped.of(EventKind.SCALE_STEP_FOUND)
    assert step.data["gauge"] == "steering_axle"
    assert step.data["size_low_percent"] < 12 < step.data["size_high_percent"]
    assert step.data["from_ns"] <= int(STEPPED.at_ns[BEFORE]) <= step.data["to_ns"]
    assert step.at_ns < int(STEPPED.at_ns[BEFORE + 120])
    assert step.data["confidence"] > 0.999


def test_a_step_beyond_the_tolerance_is_a_fault_with_alert_ticket_and_proposal(stepped: City) -> None:
    (fault,) = stepped.of(EventKind.FAULT_CONFIRMED)
    (alert,) = [event for event in stepped.of(EventKind.ALERT_OPENED) if event.data["kind"] == "weight_drift"]
    (ticket,) = stepped.of(EventKind.TICKET_FILED)
    (proposal,) = stepped.of(EventKind.CORRECTION_PROPOSED)
    assert fault.cause == alert.cause == ticket.cause == proposal.cause
    assert proposal.data["factor_low"] < 1 / 1.12 < proposal.data["factor_high"]


@settings(max_examples=3, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=8))
def test_batches_do_not_matter(stepped: City, cuts: list[int]) -> None:
    whole, pieces, start = stepped, City(), 0
    for cut in [*cuts, len(STEPPED)]:
        if start < len(STEPPED):
            pieces.take(STEPPED.take(slice(start, start + cut)), len(STEPPED))
            start += cut
    assert [event.to_json() for event in pieces.events] == [event.to_json() for event in whole.events]
    assert pieces.state.snapshot() == whole.state.snapshot()


def test_the_row_of_a_lane_stays_small(stepped: City) -> None:
    assert max(len(row) for row in stepped.state.snapshot().values()) < 6_000


def test_an_accepted_correction_counts_from_then_on() -> None:
    city = again()
    (proposal,) = city.of(EventKind.CORRECTION_PROPOSED)
    end_ns = int(STEPPED.at_ns[-1]) + NS_PER_S
    told = city.command("accept_correction", proposal.data["proposal"], end_ns)
    assert [event.kind for event in told] == [
        EventKind.CORRECTION_ACCEPTED,
        EventKind.FAULT_CLEARED,
        EventKind.ALERT_RESOLVED,
        EventKind.TICKET_VERIFIED,
        EventKind.TICKET_CLOSED,
    ]
    assert told[0].data["actor"] == "ops"
    heavy = trucks([30_000.0], first=BEFORE + AFTER + 1)
    (over,) = [event for event in city.take(heavy) if event.kind is EventKind.OVERLOADED]
    factor = proposal.data["factor"]
    assert over.data["gross_kg"] == pytest.approx(65_000 * factor, abs=1)
    assert over.data["correction"] == {"factor": factor, "proposal": proposal.data["proposal"]}
    # A pass from before the acceptance that comes late is weighed as it was then.
    late = trucks([30_001.0], first=BEFORE + AFTER - 1)
    (over,) = [event for event in city.take(late) if event.kind is EventKind.OVERLOADED]
    assert over.data["gross_kg"] == 65_001
    assert "correction" not in over.data


def test_a_correction_is_settled_once() -> None:
    city = again()
    (proposal,) = city.of(EventKind.CORRECTION_PROPOSED)
    end_ns = int(STEPPED.at_ns[-1]) + NS_PER_S
    (refused,) = city.command("accept_correction", "another", end_ns, "c0")
    assert (refused.kind, refused.data["reason"]) == (EventKind.COMMAND_REFUSED, "not_open")
    city.command("accept_correction", proposal.data["proposal"], end_ns, "c1")
    assert city.command("accept_correction", proposal.data["proposal"], end_ns, "c1") == []
    (refused,) = city.command("decline_correction", proposal.data["proposal"], end_ns, "c2")
    assert refused.data["reason"] == "not_open"


def test_a_declined_correction_makes_the_new_level_right() -> None:
    city = again()
    (proposal,) = city.of(EventKind.CORRECTION_PROPOSED)
    end_ns = int(STEPPED.at_ns[-1]) + NS_PER_S
    told = city.command("decline_correction", proposal.data["proposal"], end_ns)
    assert [event.kind for event in told][:2] == [EventKind.CORRECTION_DECLINED, EventKind.FAULT_CLEARED]
    more = trucks(loads(5, 400, 5_900 * 1.12), first=BEFORE + AFTER + 1)
    assert not [event for event in city.take(more) if event.kind is EventKind.FAULT_CONFIRMED]
    heavy = trucks([30_000.0], first=5_000)
    (over,) = [event for event in city.take(heavy) if event.kind is EventKind.OVERLOADED]
    assert over.data["gross_kg"] == 65_000


def test_a_repair_is_seen_by_the_system_itself() -> None:
    city = again()
    back = city.take(trucks(loads(6, 600), first=BEFORE + AFTER + 1))
    (step,) = [event for event in back if event.data.get("gauge") == "steering_axle"]
    (proposal,) = city.of(EventKind.CORRECTION_PROPOSED)
    assert step.data["withdraws"] == proposal.data["proposal"]
    assert abs(step.data["deviation_percent"]) < 5
    if abs(step.data["deviation_percent"]) <= 2.5:
        assert EventKind.TICKET_CLOSED in [event.kind for event in back]


@pytest.mark.parametrize(
    ("gauge", "fault", "after"),
    [
        ("tandem_spacing", "speed_drift", {"tandem_mm": 1_360}),
        ("left_right", "sides_unequal", {"left_share": 0.56}),
    ],
)
def test_speed_and_sides_are_watched_too(gauge: str, fault: str, after: dict[str, float]) -> None:
    city = City()
    city.take(trucks(loads(7, 300)))
    city.take(trucks(loads(8, 300), first=300, **after))
    (step,) = city.of(EventKind.SCALE_STEP_FOUND, gauge)
    (confirmed,) = city.of(EventKind.FAULT_CONFIRMED)
    assert confirmed.data["fault"] == fault
    assert step.cause == step.id
    assert not city.of(EventKind.CORRECTION_PROPOSED)


def test_many_bad_records_are_a_fault_until_there_are_few() -> None:
    bad = trucks(loads(9, 400))
    columns = {column.name: getattr(bad, column.name) for column in PassBatch.COLUMNS}
    lengths = bad.length_mm.copy()
    lengths[::5] = 9_000
    city = City()
    city.take(PassBatch(**{**columns, "length_mm": lengths}), 37)
    (confirmed,) = city.of(EventKind.FAULT_CONFIRMED)
    assert confirmed.data["fault"] == "bad_records"
    assert confirmed.data["evidence"]["value"] == 20.0
    assert confirmed.data["evidence"]["measurements"] == {"spacings_exceed_length": 40.0}
    city.take(trucks(loads(10, 400), first=400), 37)
    assert len(city.of(EventKind.FAULT_CLEARED)) == 1


def test_health_is_told_once_a_day() -> None:
    city = City()
    batch = trucks(loads(11, 250))
    city.take(batch)
    day_ns = 86_400 * NS_PER_S
    first_ns = int(batch.at_ns[-1])
    assert len([e for e in city.tick(first_ns) if e.kind is EventKind.SCALE_HEALTH]) == 1
    assert not [e for e in city.tick(first_ns + NS_PER_S) if e.kind is EventKind.SCALE_HEALTH]
    assert not [e for e in city.tick(first_ns + day_ns) if e.kind is EventKind.SCALE_HEALTH]
    (told,) = city.of(EventKind.SCALE_HEALTH)
    assert (told.data["passes"], told.data["population"], told.data["factor"]) == (250, 250, 1.0)
    assert told.data["gauges"]["steering_axle"]["count"] == 250


KNOWN = HealthPolicy(right={Gauge.STEERING_AXLE: 5_900.0 * math.exp(DEVIATION**2 / 2)})
"""`loads` are drawn around a mean of logarithms."""


@pytest.mark.parametrize(("factor", "faulty"), [(1.2, True), (0.85, True), (1.0, False), (1.02, False)])
def test_a_scale_that_was_wrong_from_the_beginning(factor: float, faulty: bool) -> None:
    city, blind = City(KNOWN), City()
    for one in (city, blind):
        one.take(trucks(loads(28, 900, 5_900 * factor)), 61)
    assert not blind.of(EventKind.FAULT_CONFIRMED)
    assert not city.of(EventKind.SCALE_STEP_FOUND)
    assert len(city.of(EventKind.FAULT_CONFIRMED)) == len(city.of(EventKind.CORRECTION_PROPOSED)) == int(faulty)
    if faulty:
        (fault,), (proposal,) = city.of(EventKind.FAULT_CONFIRMED), city.of(EventKind.CORRECTION_PROPOSED)
        assert fault.data["reason"] == "level_differs"
        assert proposal.data["step"] == fault.id
        assert proposal.data["factor_low"] < 1 / factor < proposal.data["factor_high"]


@settings(max_examples=3, deadline=None)
@given(st.lists(st.integers(1, 300), max_size=8))
def test_batches_do_not_matter_where_the_level_is_looked_at(cuts: list[int]) -> None:
    batch, whole, pieces, start = trucks(loads(22, 420, 6_900)), City(KNOWN), City(KNOWN), 0
    whole.take(batch, 420)
    for cut in [*cuts, len(batch)]:
        pieces.take(batch.take(slice(start, start + cut)), 420)
        start += cut
    assert [event.to_json() for event in pieces.events] == [event.to_json() for event in whole.events]
    assert pieces.state.snapshot() == whole.state.snapshot()


def test_what_a_person_has_said_is_right_stands_above_what_is_configured() -> None:
    city = City(KNOWN)
    city.take(trucks(loads(23, 300, 7_000)))
    (proposal,) = city.of(EventKind.CORRECTION_PROPOSED)
    at_ns = int(trucks([1.0], first=300).at_ns[0])
    told = city.command("decline_correction", proposal.data["proposal"], at_ns)
    assert [event.kind for event in told][:2] == [EventKind.CORRECTION_DECLINED, EventKind.FAULT_CLEARED]
    city.take(trucks(loads(24, 900, 7_000), first=301))
    assert len(city.of(EventKind.FAULT_CONFIRMED)) == 1


def test_an_accepted_correction_makes_a_wrong_scale_right() -> None:
    city = City(KNOWN)
    city.take(trucks(loads(25, 300, 7_000)))
    (proposal,) = city.of(EventKind.CORRECTION_PROPOSED)
    at_ns = int(trucks([1.0], first=300).at_ns[0])
    city.command("accept_correction", proposal.data["proposal"], at_ns)
    city.take(trucks(loads(26, 900, 7_000), first=301))
    assert len(city.of(EventKind.FAULT_CONFIRMED)) == 1


def test_the_gross_peaks_are_followed_and_make_no_fault() -> None:
    """Empty semis become heavier, their steering axles do not."""
    city = City()
    for number, gross_kg in enumerate((20_000, 22_500)):
        empty = trucks(loads(27 + number, 400), first=400 * number)
        columns = {column.name: getattr(empty, column.name) for column in PassBatch.COLUMNS}
        random = np.random.default_rng(number)
        axle_kg = np.full((400, 6), 2_500, np.int32)
        axle_kg[:, 5] += (gross_kg * (1 + 0.1 * random.standard_normal(400))).astype(np.int32) - 15_000
        weights = {"axle_kg": axle_kg, "gross_kg": axle_kg.sum(axis=1).astype(np.int32), "left_kg": axle_kg // 2}
        city.take(PassBatch(**{**columns, **weights}), 37)
    (step,) = city.of(EventKind.SCALE_STEP_FOUND, "gross_empty")
    assert step.data["size_low_percent"] < 12.5 < step.data["size_high_percent"]
    assert not city.of(EventKind.FAULT_CONFIRMED)
    assert max(len(row) for row in city.state.snapshot().values()) < 6_000
