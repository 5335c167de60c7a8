"""Statistics of weigh stations: passes counted by day and kind of vehicle, and told every few minutes.

A row `counted/<device>` of the state holds what was not told yet: `pending`, by "day kind" the numbers of
domain.statistics, and `told`, how often it was told. What is told is the difference since the last time, so that
whoever adds all of it up, each event once, has the sum. A row stays small: a pass that would add one day and kind too
many to what is pending has the rest told first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.domain.devices import station_of
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import Decision, PassBatch
from citywatch.domain.state import State
from citywatch.domain.statistics import COLUMNS, Counts
from citywatch.kernels.legality import MEASURED
from citywatch.laws.full import FullLaw
from citywatch.rules.overload import Verdicts

if TYPE_CHECKING:
    from citywatch.laws import Law

ROOM = "counted"
CLOCK = "counted_clock"
_MOST_PENDING = 48
_QUARTER_S = 900
"""Offsets of zones are whole quarters of an hour."""

_CHECKED, _OVER, _FIRST_BAND, _UNDECIDED, _UNKNOWN, _NOT_JUDGED = (
    COLUMNS.index(name) for name in ("checked", "over", "over_below_10", "undecided", "unknown", "not_judged")
)
_NO_COUNTS = [0] * len(COLUMNS)

_I64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class StatisticsPolicy:
    """zone: whose midnight divides the days; roads: by device, the road that it is on (else its station);
    tell_seconds: how often counts are told."""

    zone: tzinfo = UTC
    roads: Mapping[str, str] = field(default_factory=dict)
    tell_seconds: int = 60

    def road(self, device: str) -> str:
        return self.roads.get(device) or station_of(device)


@dataclass(frozen=True, eq=False)
class Counted:
    """What a batch counts for, row by row.

    day   (n,) int64   number of the local day since 1970-01-01
    kind  n texts      kind of vehicle as the law calls it; by its axles where the law knows no kinds
    what  (n,) int64   the numbers that the row adds one to, as in `_WHAT`
    """

    day: _I64
    kind: tuple[str, ...]
    what: _I64


_WHAT: tuple[tuple[int, ...], ...] = (
    (_CHECKED,),
    *((_CHECKED, _OVER, _FIRST_BAND + band) for band in range(4)),
    (_UNDECIDED,),
    (_UNKNOWN,),
    (_NOT_JUDGED,),
)
_BY_CODE = {"lawful": 0, "over": 1, "undecided": 5, "unknown": 6, "not_judged": 7}


def classified(law: Law, batch: PassBatch, verdicts: Verdicts, zone: tzinfo) -> Counted:
    """What every row of a judged batch counts for."""
    full = verdicts.full
    measured = batch.gross_kg if full is None else full.lenient[:, MEASURED]
    limit = verdicts.limit_high_kg.astype(np.int64)
    over_hundredths = 100 * (measured.astype(np.int64) - limit)
    # Whole numbers: the band begins at its first per cent exactly, the last one behind 50.
    band = (
        (over_hundredths >= 10 * limit).astype(np.int64)
        + (over_hundredths >= 30 * limit)
        + (over_hundredths > 50 * limit)
    )
    what = np.zeros(len(batch), np.int64)
    what[(verdicts.decision == Decision.LAWFUL) & (limit == 0)] = _BY_CODE["not_judged"]
    over = verdicts.decision == Decision.OVER
    what[over] = _BY_CODE["over"] + band[over]
    undecided = verdicts.decision == Decision.UNDECIDED
    what[undecided] = np.where(verdicts.limit_low_kg[undecided] == 0, _BY_CODE["unknown"], _BY_CODE["undecided"])
    return Counted(local_days(batch.at_ns, zone), _kinds(law, batch, verdicts), what)


def local_days(at_ns: _I64, zone: tzinfo) -> _I64:
    """The day of each instant (n,) by the clocks of a zone, counted from 1970-01-01."""
    quarters, which = np.unique(at_ns // (_QUARTER_S * NS_PER_S), return_inverse=True)
    days = [datetime.fromtimestamp(q * _QUARTER_S, zone).toordinal() - _EPOCH for q in quarters.tolist()]
    return np.array(days, np.int64)[which]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


def day_text(day: int) -> str:
    """`2026-05-04` of the number of a day."""
    return datetime.fromordinal(day + _EPOCH).date().isoformat()


def take(state: State, batch: PassBatch, counted: Counted, policy: StatisticsPolicy) -> dict[int, list[Event]]:
    """Add the passes of a batch; by row, what had to be told at once."""
    told: dict[int, list[Event]] = {}
    rows: dict[str, dict[str, Any]] = {}
    days = {day: day_text(day) for day in set(counted.day.tolist())}
    columns = zip(batch.device, counted.day.tolist(), counted.kind, counted.what.tolist(), strict=True)
    for number, (device, day, kind, what) in enumerate(columns):
        row = rows.get(device)
        if row is None:
            kept = state.get(ROOM, device) or {"pending": {}, "told": 0}
            pending = {key: list(figures) for key, figures in kept["pending"].items()}
            row = rows[device] = {"pending": pending, "told": kept["told"]}
        key = f"{days[day]} {kind}"
        pending = row["pending"]
        if key not in pending and len(pending) >= _MOST_PENDING:
            told[number] = [_told(device, row, int(batch.at_ns[number]), policy)]
            pending = row["pending"] = {}
            row["told"] += 1
        figures = pending.setdefault(key, list(_NO_COUNTS))
        for column in _WHAT[what]:
            figures[column] += 1
    for device, row in rows.items():
        state.put(ROOM, device, row)
    return told


def on_tick(state: State, now_ns: int, policy: StatisticsPolicy) -> Iterator[Event]:
    """Tell what was counted, when it is time."""
    turn = now_ns // (policy.tell_seconds * NS_PER_S)
    clock = state.get(CLOCK, CLOCK)
    if clock is not None and clock["turn"] == turn:
        return
    state.put(CLOCK, CLOCK, {"turn": turn})
    for device, row in state.room(ROOM):
        if row["pending"]:
            yield _told(device, row, now_ns, policy)
            state.put(ROOM, device, {"pending": {}, "told": row["told"] + 1})


def totals(
    law: Law, batch: PassBatch, verdicts: Verdicts, policy: StatisticsPolicy
) -> dict[tuple[str, str, str], Counts]:
    """The counts of a batch by (road, day, kind), at once: for replays, which keep no state."""
    if not len(batch):
        return {}
    counted = classified(law, batch, verdicts, policy.zone)
    roads = {device: policy.road(device) for device in set(batch.device)}
    kinds = sorted(set(counted.kind))
    names = sorted(set(roads.values()))
    by_road, by_kind = {name: i for i, name in enumerate(names)}, {kind: i for i, kind in enumerate(kinds)}
    road = np.array([by_road[roads[device]] for device in batch.device], np.int64)
    kind = np.array([by_kind[kind] for kind in counted.kind], np.int64)
    first = int(counted.day.min())
    days = int(counted.day.max()) - first + 1
    code = ((road * len(kinds) + kind) * len(_WHAT) + counted.what) * days + counted.day - first
    values, numbers = np.unique(code, return_counts=True)
    found: dict[tuple[str, str, str], list[int]] = {}
    for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
        rest, day = divmod(value, days)
        rest, what = divmod(rest, len(_WHAT))
        of_road, of_kind = divmod(rest, len(kinds))
        figures = found.setdefault((names[of_road], day_text(first + day), kinds[of_kind]), list(_NO_COUNTS))
        for column in _WHAT[what]:
            figures[column] += number
    return {key: Counts(*figures) for key, figures in found.items()}


def _kinds(law: Law, batch: PassBatch, verdicts: Verdicts) -> tuple[str, ...]:
    if verdicts.full is None:
        return tuple(f"{axles}_axles" for axles in batch.axle_count.tolist())
    decided = verdicts.decided_by(law, 0) if len(batch) else None
    if not isinstance(decided, FullLaw):
        return ("",) * len(batch)
    return tuple(decided.kinds.word(best) for best in verdicts.full.kinds.best.tolist())


def _told(device: str, row: Mapping[str, Any], at_ns: int, policy: StatisticsPolicy) -> Event:
    kind = EventKind.PASSES_COUNTED
    counts = []
    for key, figures in sorted(row["pending"].items()):
        day, _, vehicle = key.partition(" ")
        named = {name: figure for name, figure in zip(COLUMNS, figures, strict=True) if figure}
        counts.append({"day": day, "kind": vehicle, **named})
    data = {"road": policy.road(device), "number": row["told"] + 1, "counts": counts}
    return Event(event_id(kind, device, row["told"] + 1), kind, device, at_ns, "", data)
