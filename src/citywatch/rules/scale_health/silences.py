"""Times in which a lane, or a whole station, should have had passes and had none: in a recording, with hindsight.

A lane is held against the others of its station: each pass of the station is one of this lane with a chance, and that
chance is its share at that hour of the day, because at night most keep to one lane. A whole station can be held against
its own rhythm only, and that only by days: nights are quiet, and how quiet is not known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from citywatch.domain.instants import NS_PER_S

SILENT_CHANCE = 1e-6
"""A gap is a silence when a lane, or station, in order would have it by no more than this chance."""
LEAST_NS = 1_800 * NS_PER_S
"""Of a lane. Shorter ones come by chance alone where there are millions of passes."""
LEAST_OF_A_STATION_NS = 86_400 * NS_PER_S

_HOUR_NS = 3_600 * NS_PER_S
_HOURS = 24
_MOST = -math.log(SILENT_CHANCE)

_I64 = np.ndarray[Any, np.dtype[np.int64]]
Silence = tuple[int, int, int]
"""(from_ns, to_ns, passes of the station meanwhile)"""


def of_lane(lane_ns: _I64, station_ns: _I64) -> Iterator[Silence]:
    """Gaps of a lane while its station had passes. Both (n,) int64 in order of time; those of the lane are in both."""
    if len(lane_ns) == len(station_ns):
        return
    hours = station_ns // _HOUR_NS % _HOURS
    own = np.bincount(lane_ns // _HOUR_NS % _HOURS, minlength=_HOURS)
    share = own / (np.bincount(hours, minlength=_HOURS) + 1.0)
    against = np.concatenate([[0.0], np.cumsum(-np.log1p(-share[hours]))])
    edges = np.concatenate([station_ns[:1], lane_ns, station_ns[-1:]])
    behind = np.searchsorted(station_ns, edges[:-1], side="right")
    ahead = np.maximum(np.searchsorted(station_ns, edges[1:], side="left"), behind)
    is_silent = (against[ahead] - against[behind] > _MOST) & (np.diff(edges) >= LEAST_NS)
    for gap in np.flatnonzero(is_silent).tolist():
        yield int(edges[gap]), int(edges[gap + 1]), int(ahead[gap] - behind[gap])


def of_station(station_ns: _I64) -> Iterator[Silence]:
    """Gaps of a day and more in which a station, by its mean rate outside of them, should have had passes."""
    gaps = np.diff(station_ns)
    long = gaps >= LEAST_OF_A_STATION_NS
    rest_ns = int(gaps[~long].sum())
    if rest_ns <= 0:
        return
    for gap in np.flatnonzero(long & (gaps * (len(gaps) / rest_ns) > _MOST)).tolist():
        yield int(station_ns[gap]), int(station_ns[gap + 1]), 0
