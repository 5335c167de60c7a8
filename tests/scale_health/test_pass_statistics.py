"""Counts of passes: bands at their bounds, days by the clocks of the road, and a store that adds each event once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from health_kit import trucks
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.schema import PASS_COUNTS
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S, parse_instant
from citywatch.domain.passes import PassBatch
from citywatch.domain.pulses import TickBatch
from citywatch.domain.state import State
from citywatch.domain.statistics import COLUMNS, Counts
from citywatch.flow.step import CityStep
from citywatch.laws import gross_law
from citywatch.ports import Position
from citywatch.rules import statistics
from citywatch.rules.overload import judge
from citywatch.rules.statistics import StatisticsPolicy

LAW = gross_law()


def weighing(gross_kg: list[int], device: str = "K12/d1/l1", axles: int = 2, first: int = 0) -> PassBatch:
    batch = trucks([6_000.0] * len(gross_kg), device=device, first=first)
    columns = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS}
    digest = np.stack([np.arange(first, first + len(gross_kg)), np.array(gross_kg)], axis=1).astype(np.uint64)
    more = {"gross_kg": np.array(gross_kg, np.int32), "axle_count": np.full(len(gross_kg), axles, np.int16)}
    return PassBatch(**{**columns, **more, "digest": digest})


def total(batch: PassBatch, policy: StatisticsPolicy | None = None) -> Counts:
    found = statistics.totals(LAW, batch, judge(LAW, batch), policy or StatisticsPolicy())
    return sum(found.values(), Counts())


@pytest.mark.parametrize(
    ("gross_kg", "column"),
    [
        (18_001, "over_below_10"),
        (19_799, "over_below_10"),
        (19_800, "over_10_to_30"),
        (23_399, "over_10_to_30"),
        (23_400, "over_30_to_50"),
        (27_000, "over_30_to_50"),
        (27_001, "over_above_50"),
    ],
)
def test_bands_at_their_bounds(gross_kg: int, column: str) -> None:
    """The limit of two axles is 18,000 kg."""
    assert total(weighing([gross_kg])) == Counts(checked=1, over=1, **{column: 1})


def test_only_who_was_judged_is_checked() -> None:
    assert total(weighing([18_000])) == Counts(checked=1)
    assert total(weighing([48_000], axles=6)) == Counts(undecided=1)
    assert total(weighing([5_000], axles=1)) == Counts(unknown=1)
    assert total(weighing([])) == Counts()


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-05-03T15:59:59.999Z", "Asia/Shanghai", "2026-05-03"),
        ("2026-05-03T16:00:00Z", "Asia/Shanghai", "2026-05-04"),
        ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"),
        ("2026-03-28T22:59:59Z", "Europe/Berlin", "2026-03-28"),
        ("2026-01-01T18:14:00Z", "Asia/Kathmandu", "2026-01-01"),
        ("2026-01-01T18:15:00Z", "Asia/Kathmandu", "2026-01-02"),
        ("1969-12-31T23:59:59Z", "UTC", "1969-12-31"),
    ],
)
def test_days_are_those_of_the_road(instant: str, zone: str, day: str) -> None:
    (found,) = statistics.local_days(np.array([parse_instant(instant)]), ZoneInfo(zone)).tolist()
    assert statistics.day_text(found) == day


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1_000, 90_000), st.booleans()), max_size=60))
def test_replay_counts_what_the_city_counts(passes: list[tuple[int, int, bool]]) -> None:
    policy = StatisticsPolicy(ZoneInfo("Asia/Shanghai"), {"K12/d1/l1": "G319"})
    state, whole, told = State(), Counter[tuple[str, str, str, str]](), Counter[tuple[str, str, str, str]]()
    for number, (axles, gross_kg, other) in enumerate(passes):
        batch = weighing([gross_kg], "K13/d1/l1" if other else "K12/d1/l1", axles, first=number * 100)
        verdicts = judge(LAW, batch)
        for key, counts in statistics.totals(LAW, batch, verdicts, policy).items():
            whole.update({(*key, name): n for name, n in zip(COLUMNS, counts.figures(), strict=True) if n})
        counted = statistics.classified(LAW, batch, verdicts, policy.zone)
        add(told, [event for events in statistics.take(state, batch, counted, policy).values() for event in events])
    add(told, list(statistics.on_tick(state, int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S, policy)))
    assert told == whole


def add(told: Counter[tuple[str, str, str, str]], events: list[Event]) -> None:
    for event in events:
        for one in event.data["counts"]:
            for name in COLUMNS:
                if one.get(name):
                    told[event.data["road"], one["day"], one["kind"], name] += one[name]


def test_many_days_at_once_are_told_in_parts() -> None:
    """A station that sends a year at once: no row of the state grows with it."""
    state, policy = State(), StatisticsPolicy()
    batch = weighing([17_000] * 400, first=0)
    columns = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS}
    days = PassBatch(**{**columns, "at_ns": np.arange(400, dtype=np.int64) * 86_400 * NS_PER_S})
    counted = statistics.classified(LAW, days, judge(LAW, days), policy.zone)
    told = [event for events in statistics.take(state, days, counted, policy).values() for event in events]
    assert len(told) > 5
    assert max(len(row) for row in state.snapshot().values()) < 6_000
    rest = list(statistics.on_tick(state, 500 * 86_400 * NS_PER_S, policy))
    assert sum(one["checked"] for event in [*told, *rest] for one in event.data["counts"]) == 400
    assert len({event.id for event in [*told, *rest]}) == len(told) + 1
    assert list(statistics.on_tick(state, 500 * 86_400 * NS_PER_S, policy)) == []


def test_the_store_adds_each_event_once(tmp_path: Path) -> None:
    state, step = State(), CityStep(LAW)
    events = step.step(state, weighing([17_000, 19_000, 30_000]))[1]
    for number in (1, 2):
        tick = TickBatch(("clock",), np.array([int(2e18) + number * 100 * NS_PER_S]))
        events += step.step(state, tick)[1]
        events += step.step(state, weighing([17_500], first=10 * number))[1]
    told = [(Position(1, n), event) for n, event in enumerate(events) if event.kind is EventKind.PASSES_COUNTED]
    store = SqlStore.open(f"sqlite:///{tmp_path}/city.sqlite")
    try:
        projector = Projector(store)
        projector.apply(0, told)
        projector.apply(0, told)
        with store.reading() as connection:
            (row,) = connection.execute(select(PASS_COUNTS)).mappings().all()
    finally:
        store.close()
    assert (row["road"], row["kind"]) == ("K12", "2_axles")
    assert Counts(*(row[name] for name in COLUMNS)) == Counts(4, 2, 1, 0, 0, 1)
