"""The times of maintenance windows: the same for the desks, which hold alerts back, and for figures, which leave them
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.windows import parse_hours
from citywatch.sla.calendars import Calendar

_WEEK_NS = 7 * 86_400 * NS_PER_S
_NEVER = -1


def occurrences(
    window: Mapping[str, Any], from_ns: int, to_ns: int, *, known_ns: int | None = None
) -> list[tuple[int, int]]:
    """The times of a window inside [from_ns, to_ns): (from, to) in nanoseconds, sorted and apart from each other.

    `window` is a row of the table `windows`: from_ns, to_ns, rule, set_at_ns, ended_at_ns (None while it was not
    ended) and withdrawn. As known at `known_ns` a window that was declared later is not there, and one that was ended
    or withdrawn later still stands. Without it: as known now.
    """
    begin_ns, end_ns = window["from_ns"], window["to_ns"]
    if known_ns is not None and window.get("set_at_ns", _NEVER) > known_ns:
        return []
    ended_ns = window.get("ended_at_ns")
    if ended_ns is not None and (known_ns is None or ended_ns <= known_ns):
        if window.get("withdrawn"):
            return []
        end_ns = min(end_ns, ended_ns)
    begin_ns, end_ns = max(begin_ns, from_ns), min(end_ns, to_ns)
    if begin_ns >= end_ns:
        return []
    rule = window.get("rule")
    if rule is None:
        return [(begin_ns, end_ns)]
    if "weekly" in rule:
        found = _weekly(rule["weekly"], begin_ns, end_ns)
    else:
        found = [(begin * NS_PER_S, end * NS_PER_S) for begin, end in rule["times_s"]]
    return [(max(a, begin_ns), min(b, end_ns)) for a, b in found if a < end_ns and b > begin_ns]


def in_force(window: Mapping[str, Any], now_ns: int, *, known_ns: int | None = None) -> tuple[int, int | None]:
    """Until when the window is in force, 0 when it is not; and when it should be asked again at the latest, None for
    never more. A time that lasts more than a week is given in pieces of weeks. `known_ns`: as of `occurrences`.
    """
    following = occurrences(window, now_ns, now_ns + _WEEK_NS, known_ns=known_ns)
    if following:
        begin, end = following[0]
        return (end, end) if begin == now_ns else (0, begin)
    later = now_ns + _WEEK_NS
    return 0, later if later < window["to_ns"] else None


def _weekly(weekly: Mapping[str, Any], from_ns: int, to_ns: int) -> list[tuple[int, int]]:
    days, hours, zone = tuple(weekly["days"]), tuple(weekly["hours"]), weekly["zone"]
    found: list[tuple[int, int]] = []
    for week in range(from_ns // _WEEK_NS, (to_ns - 1) // _WEEK_NS + 1):
        for begin, end in _week(days, hours, zone, week):
            if found and found[-1][1] == begin:
                found[-1] = (found[-1][0], end)
            else:
                found.append((begin, end))
    return found


@lru_cache(maxsize=4096)
def _week(days: tuple[str, ...], hours: tuple[str, ...], zone: str, week: int) -> tuple[tuple[int, int], ...]:
    """The times inside one week since 1970; they are the same whoever asks, and asked for again and again."""
    calendar = Calendar(zone, frozenset(days), tuple(sorted(parse_hours(text) for text in hours)))
    times = calendar.within(week * _WEEK_NS, (week + 1) * _WEEK_NS)
    return tuple(zip(times.opens.tolist(), times.closes.tolist(), strict=True))
