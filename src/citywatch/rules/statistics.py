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
_GRAIN_S = 900
"""Offsets of zones in use are whole quarters of an hour."""

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
    kind  (n,) int64   kind of vehicle, a number of `kinds`: as the law calls it, by axles where it knows no kinds
    what  (n,) int64   the numbers that the row adds one to, as in `_WHAT`
    """

    day: _I64
    kind: _I64
    kinds: tuple[str, ...]
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
    free = (limit == 0) | ~_is_goods(law, verdicts, len(batch))
    what[(verdicts.decision == Decision.LAWFUL) & free] = _BY_CODE["not_judged"]
    over = verdicts.decision == Decision.OVER
    what[over] = _BY_CODE["over"] + band[over]
    undecided = verdicts.decision == Decision.UNDECIDED
    what[undecided] = np.where(verdicts.limit_low_kg[undecided] == 0, _BY_CODE["unknown"], _BY_CODE["undecided"])
    return Counted(local_days(batch.at_ns, zone), *_kinds(law, batch, verdicts), what)


def local_days(at_ns: _I64, zone: tzinfo) -> _I64:
    """The day of each instant (n,) by the clocks of a zone, counted from 1970-01-01."""
    minutes, which = np.unique(at_ns // (_GRAIN_S * NS_PER_S), return_inverse=True)
    days = [datetime.fromtimestamp(q * _GRAIN_S, zone).toordinal() - _EPOCH for q in minutes.tolist()]
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
    columns = zip(batch.device, counted.day.tolist(), counted.kind.tolist(), counted.what.tolist(), strict=True)
    for number, (device, day, kind, what) in enumerate(columns):
        row = rows.get(device)
        if row is None:
            kept = state.get(ROOM, device) or {"pending": {}, "told": 0}
            pending = {key: list(figures) for key, figures in kept["pending"].items()}
            row = rows[device] = {"pending": pending, "told": kept["told"]}
        key = f"{days[day]} {counted.kinds[kind]}"
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


def add(state: State, device: str, counted: Counted, by: int) -> None:
    """Count one pass more (`by` 1), or one less (-1): what is told are differences, which may be negative."""
    kept = state.get(ROOM, device) or {"pending": {}, "told": 0}
    key = f"{day_text(int(counted.day[0]))} {counted.kinds[int(counted.kind[0])]}"
    figures = list(kept["pending"].get(key, _NO_COUNTS))
    for column in _WHAT[int(counted.what[0])]:
        figures[column] += by
    state.put(ROOM, device, {**kept, "pending": {**kept["pending"], key: figures}})


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
    kinds, names = counted.kinds, sorted(set(roads.values()))
    number_of = {device: names.index(road) for device, road in roads.items()}
    road = np.array([number_of[device] for device in batch.device], np.int64)
    first = int(counted.day.min())
    days = int(counted.day.max()) - first + 1
    code = ((road * len(kinds) + counted.kind) * len(_WHAT) + counted.what) * days + counted.day - first
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


def _kinds(law: Law, batch: PassBatch, verdicts: Verdicts) -> tuple[_I64, tuple[str, ...]]:
    """The kind of each row as a number, and their names, each once."""
    if verdicts.full is None or not len(batch):
        axles, kind = np.unique(batch.axle_count, return_inverse=True)
        return kind.astype(np.int64), tuple(f"{count}_axles" for count in axles.tolist())
    rows, kind = np.unique(verdicts.full.kinds.best, return_inverse=True)
    decided = verdicts.decided_by(law, 0)
    words = [decided.kinds.word(row) if isinstance(decided, FullLaw) else "" for row in rows.tolist()]
    # Several rows of the table may be one kind.
    names = sorted(set(words))
    return np.array([names.index(word) for word in words], np.int64)[kind], tuple(names)


def _is_goods(law: Law, verdicts: Verdicts, rows: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether truck limits are made for a vehicle; what is of no kind may be a truck."""
    decided = verdicts.decided_by(law, 0) if rows else None
    if verdicts.full is None or not isinstance(decided, FullLaw):
        return np.ones(rows, np.bool_)
    goods = np.array([*(kind.goods for kind in decided.kinds.kinds), True], np.bool_)
    known: np.ndarray[Any, np.dtype[np.bool_]] = goods[verdicts.full.kinds.best]
    return known


def _told(device: str, row: Mapping[str, Any], at_ns: int, policy: StatisticsPolicy) -> Event:
    kind = EventKind.PASSES_COUNTED
    counts = []
    for key, figures in sorted(row["pending"].items()):
        day, _, vehicle = key.partition(" ")
        named = {name: figure for name, figure in zip(COLUMNS, figures, strict=True) if figure}
        counts.append({"day": day, "kind": vehicle, **named})
    data = {"road": policy.road(device), "number": row["told"] + 1, "counts": counts}
    return Event(event_id(kind, device, row["told"] + 1), kind, device, at_ns, "", data)
