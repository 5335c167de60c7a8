"""Plausible vehicles over a weigh-in-motion scale, from a seed: files of millions of lines, or one truck at a time.

The mix of axle counts, loads and speeds is made up to look like a goods road; only the share over the limit is set to
the reference city's own (0.43 %, domain sheet, section 1). Loads lie on a raster of 100 kg, as in real files, and every
limit lies on it too, so the class of each vehicle is certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from citywatch.kernels import mon
from citywatch.laws import GrossLaw, gross_law
from citywatch.wire.mon import encode

CHUNK_ROWS = 65_536
RASTER_KG = 100
OVER_SHARE = 0.0043
_DAY_MS = 86_400_000
_START_MS = 1_735_689_600_000
"""2025-01-01T00:00 on the scale's clock."""

_Array = np.ndarray[Any, Any]


class Load(StrEnum):
    """What the law by axle count alone says of a vehicle."""

    LAWFUL = "lawful"
    UNDECIDED = "undecided"
    OVER = "over"


class Disorder(StrEnum):
    """How the lines of a file lie in time."""

    NONE = "none"
    JITTER = "jitter"
    """Neighbours change places, as when lanes report with different delays."""
    WHOLE = "whole"
    """No order at all."""


@dataclass(frozen=True, slots=True)
class _Kind:
    axles: int
    share: float
    empty_kg: int
    axle_shares: tuple[float, ...]
    spacings_mm: tuple[int, ...]


_KINDS = (
    _Kind(2, 0.38, 5_000, (0.38, 0.62), (4_400,)),
    _Kind(3, 0.14, 9_000, (0.26, 0.37, 0.37), (4_300, 1_350)),
    _Kind(4, 0.12, 12_000, (0.20, 0.20, 0.30, 0.30), (1_850, 3_400, 1_350)),
    _Kind(5, 0.06, 14_000, (0.15, 0.25, 0.20, 0.20, 0.20), (3_600, 6_400, 1_310, 1_310)),
    _Kind(6, 0.30, 15_000, (0.125, 0.175, 0.175, 0.175, 0.175, 0.175), (3_300, 1_350, 6_900, 1_310, 1_310)),
)
_MOST_AXLES = max(kind.axles for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class Truck:
    """One vehicle as a scale measures it: kg, mm, km/h."""

    axles: int
    gross_kg: int
    speed_kmh: int
    length_mm: int
    axle_kg: tuple[int, ...]
    spacing_mm: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What a file of write_mon holds: lines = passes + repeated + damaged, and what the law says of the passes."""

    lines: int
    passes: int
    over: int
    undecided: int
    suspect: int
    repeated: int
    damaged: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Drawn:
    """n vehicles: a head table and axles as wire.mon.encode takes them; `over` and `undecided` (n,) bool."""

    head: _Array
    axle_kg: _Array
    spacing_mm: _Array
    over: _Array
    undecided: _Array


class Trucks:
    """Draws single trucks: the same seed gives the same trucks in the same order."""

    def __init__(self, seed: int, law: GrossLaw | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._law = law or gross_law()

    def draw(self, load: Load, axles: int | None = None) -> Truck:
        """A truck of a class; `axles` 2 to 6, drawn when None. Two-axle trucks are never undecided: ValueError."""
        fitting = [
            number
            for number, kind in enumerate(_KINDS)
            if axles in (None, kind.axles) and not (load is Load.UNDECIDED and kind.axles == 2)
        ]
        if not fitting:
            raise ValueError(
                f"no truck of {axles} axles is {load.value}; 2 to 6 axles are known, undecided ones from 3"
            )
        kind = self._rng.choice(fitting, 1)
        classes = np.array([list(Load).index(load)])
        drawn = _draw(self._rng, self._law, kind, classes)
        count = int(drawn.head[0, mon.AXLES])
        return Truck(
            axles=count,
            gross_kg=int(drawn.head[0, mon.GROSS_KG]),
            speed_kmh=int(drawn.head[0, mon.SPEED_KMH]),
            length_mm=int(drawn.head[0, mon.LENGTH_MM]),
            axle_kg=tuple(drawn.axle_kg[0, :count].tolist()),
            spacing_mm=tuple(drawn.spacing_mm[0, : count - 1].tolist()),
        )


def write_mon(
    path: Path,
    passes: int,
    *,
    seed: int,
    days: int = 365,
    lanes: int = 2,
    directions: int = 2,
    over_share: float = OVER_SHARE,
    undecided_share: float = 0.004,
    suspect_share: float = 0.001,
    repeat_share: float = 0.0,
    damaged_share: float = 0.0,
    disorder: Disorder = Disorder.NONE,
    law: GrossLaw | None = None,
) -> Written:
    """Write a MON file of `passes` different passes over `days` days, plus repeats and damaged lines.

    Repeats stand within CHUNK_ROWS passes of their first; each damaged line is one that must be refused.
    A file of a million lines takes about a second.
    """
    rng = np.random.default_rng(seed)
    law = law or gross_law()
    shares = np.array([1.0 - over_share - undecided_share, undecided_share, over_share])
    totals = dict.fromkeys(("over", "undecided", "suspect", "repeated", "damaged"), 0)
    with path.open("wb") as file:
        for start in range(0, passes, CHUNK_ROWS):
            rows = min(CHUNK_ROWS, passes - start)
            kind = rng.choice(len(_KINDS), rows, p=[kind.share for kind in _KINDS])
            drawn = _draw(rng, law, kind, rng.choice(len(Load), rows, p=shares))
            head = drawn.head
            head[:, mon.RECORD] = (np.arange(start, start + rows) + 1) % 1_000_000_000
            head[:, mon.LANE] = rng.integers(1, lanes + 1, rows)
            head[:, mon.DIRECTION] = rng.integers(1, directions + 1, rows)
            head[:, mon.LOCAL_MS] = _times(rng, start, rows, passes, days * _DAY_MS, disorder)
            suspect = rng.random(rows) < suspect_share
            _spoil(rng, drawn, np.flatnonzero(suspect))
            lines = np.frombuffer(encode(head, drawn.axle_kg, drawn.spacing_mm), np.uint8).reshape(rows, -1)
            again = rng.random(rows) < repeat_share
            order = np.argsort(np.concatenate((np.arange(rows), rng.uniform(0, rows, int(again.sum())))), kind="stable")
            if again.any():
                # A copy that is sorted before its original is the first, and the original the repeat.
                lines = lines[np.concatenate((np.arange(rows), np.flatnonzero(again)))[order]]
            damaged = np.flatnonzero(rng.random(len(lines)) < damaged_share)
            file.write(_with_damage(rng, lines, damaged))
            totals["over"] += int(drawn.over.sum())
            totals["undecided"] += int(drawn.undecided.sum())
            totals["suspect"] += int(suspect.sum())
            totals["repeated"] += int(again.sum())
            totals["damaged"] += len(damaged)
        size = file.tell()
    return Written(lines=passes + totals["repeated"] + totals["damaged"], passes=passes, bytes=size, **totals)


def _draw(rng: np.random.Generator, law: GrossLaw, kind: _Array, classes: _Array) -> _Drawn:
    """Vehicles of the given kinds and classes (numbers of _KINDS and Load); what cannot be undecided is lawful."""
    rows = len(kind)
    axles = np.array([k.axles for k in _KINDS])[kind]
    low, high = law.strictest_kg[axles].astype(np.int64), law.most_lenient_kg[axles].astype(np.int64)
    over = classes == list(Load).index(Load.OVER)
    undecided = (classes == list(Load).index(Load.UNDECIDED)) & (low < high)
    empty = np.array([k.empty_kg for k in _KINDS])[kind]
    gross = empty + (low - empty) * rng.beta(1.6, 1.1, rows)
    gross = np.where(undecided, low + RASTER_KG + (high - low - RASTER_KG) * rng.random(rows), gross)
    gross = np.where(over, high * (1 + np.minimum(rng.exponential(0.15, rows), 0.6)) + RASTER_KG, gross)
    gross = gross.astype(np.int64) // RASTER_KG * RASTER_KG

    shares = np.zeros((rows, _MOST_AXLES))
    spacing = np.zeros((rows, _MOST_AXLES), np.int32)
    for number, k in enumerate(_KINDS):
        these = kind == number
        shares[these, : k.axles] = k.axle_shares
        spacing[these, : k.axles - 1] = k.spacings_mm
    there = np.arange(_MOST_AXLES) < axles[:, None]
    shares *= rng.normal(1.0, 0.05, shares.shape).clip(0.8, 1.2)
    shares /= shares.sum(axis=1, keepdims=True)
    axle_kg = (shares * gross[:, None] / RASTER_KG).astype(np.int32) * RASTER_KG
    axle_kg[:, 0] += (gross - axle_kg.sum(axis=1)).astype(np.int32)
    gaps = there & (np.arange(_MOST_AXLES) < axles[:, None] - 1)
    spacing = np.where(gaps, spacing * rng.normal(1.0, 0.02, spacing.shape).clip(0.94, 1.06), 0).astype(np.int32)

    head = np.zeros((rows, mon.HEAD_COLUMNS), np.int64)
    head[:, mon.AXLES] = axles
    head[:, mon.GROUPS] = np.array([2, 2, 2, 3, 3])[kind]
    head[:, mon.GROSS_KG] = gross
    head[:, mon.SPEED_KMH] = rng.normal(72, 9, rows).clip(20, 130).astype(np.int64)
    head[:, mon.LENGTH_MM] = spacing.sum(axis=1) + rng.integers(1_800, 3_600, rows)
    head[:, mon.TRANSVERSE_MM] = 1_800
    return _Drawn(head, axle_kg, spacing, over, undecided)


def _times(rng: np.random.Generator, start: int, rows: int, passes: int, span_ms: int, disorder: Disorder) -> _Array:
    """Local milliseconds of rows start to start + rows out of `passes`, spread evenly over the span."""
    if disorder is Disorder.WHOLE:
        return _START_MS + rng.integers(0, span_ms, rows)
    first, last = span_ms * start // passes, span_ms * (start + rows) // passes
    times = np.sort(rng.integers(first, max(last, first + 1), rows))
    if disorder is Disorder.JITTER:
        mean_gap = max(span_ms // passes, 1)
        times = times[np.argsort(times + rng.integers(0, 8 * mean_gap, rows), kind="stable")]
    return _START_MS + times


def _spoil(rng: np.random.Generator, drawn: _Drawn, rows: _Array) -> None:
    """Make records contradict themselves, without touching their gross."""
    way = rng.integers(0, 3, len(rows))
    long, slow, light = (rows[way == number] for number in range(3))
    drawn.head[long, mon.LENGTH_MM] = drawn.spacing_mm[long].sum(axis=1) - 500
    drawn.head[slow, mon.SPEED_KMH] = 9
    drawn.axle_kg[light, 1] += drawn.axle_kg[light, 0]
    drawn.axle_kg[light, 0] = 0


def _with_damage(rng: np.random.Generator, lines: _Array, before: _Array) -> bytes:
    """The lines, with a damaged copy put before each of the named ones."""
    if not len(before):
        return lines.tobytes()
    parts = []
    last = 0
    for row in before.tolist():
        parts += [lines[last:row].tobytes(), _damage(rng, lines[row].tobytes())]
        last = row
    return b"".join([*parts, lines[last:].tobytes()])


def _damage(rng: np.random.Generator, line: bytes) -> bytes:
    """A line that no reader may accept."""
    ways = (
        lambda: line[: int(rng.integers(1, 60))] + b"\n",
        lambda: line[:31] + b"x" + line[32:],
        lambda: line[:11] + b"13" + line[13:],
        lambda: line[:30] + b"\0" * 6 + line[36:],
        lambda: b"\n",
        lambda: b"9" * 10_000 + b"\n",
        lambda: rng.integers(128, 256, 200, np.uint8).tobytes() + b"\n",
    )
    return ways[int(rng.integers(len(ways)))]()
