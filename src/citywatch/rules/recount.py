"""Two halves of one vehicle were counted as two light ones: the count is put right.

Halves are known some seconds after they were counted. They wait for the next tick, so that what is told does not
depend on where a batch ended; then each half is counted off, and the whole is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from citywatch.domain.passes import PassBatch
from citywatch.domain.state import State
from citywatch.rules import statistics
from citywatch.rules.enforcement import Instrument
from citywatch.rules.evasion.merging import Merger, as_pass, merger_of, whole
from citywatch.rules.evasion.record import Record
from citywatch.rules.overload import judge
from citywatch.rules.statistics import StatisticsPolicy

if TYPE_CHECKING:
    from citywatch.laws import Law

HALVES = "halves"


def remembering(state: State, law: Law, instruments: Mapping[str, Instrument]) -> Merger:
    """A merger that also keeps the two halves until the next tick."""
    merge = merger_of(law, instruments)

    def merged(one: Record, other: Record) -> Mapping[str, Any]:
        state.put(HALVES, one["digest"], {"one": one, "other": other})
        return merge(one, other)

    return merged


def on_tick(state: State, law: Law, instruments: Mapping[str, Instrument], policy: StatisticsPolicy) -> None:
    """Count what waits."""
    for name, row in list(state.room(HALVES)):
        state.drop(HALVES, name)
        one, other = row["one"], row["other"]
        for batch, by in ((as_pass(one), -1), (as_pass(other), -1), (whole(one, other), 1)):
            _count(state, law, batch, by, instruments, policy)


def _count(
    state: State, law: Law, batch: PassBatch, by: int, instruments: Mapping[str, Instrument], policy: StatisticsPolicy
) -> None:
    counted = statistics.classified(law, batch, judge(law, batch, instruments), policy.zone)
    statistics.add(state, batch.device[0], counted, by)
