"""Months of a contract's zone, and which of them are due for a report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from citywatch.domain.instants import NS_PER_S


@dataclass(frozen=True, slots=True)
class Month:
    """A month of local time: [from_ns, to_ns). `due_ns` is when its report may be made."""

    period: str
    from_ns: int
    to_ns: int
    due_ns: int


def month(zone: ZoneInfo, year: int, number: int, day: int) -> Month:
    """A month whose report is due at the beginning of a day of the next one. `number` may leave 1 to 12."""
    begin, end, due = (_local(zone, year, number + later, one) for later, one in ((0, 1), (1, 1), (1, day)))
    at = datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=zone)
    return Month(f"{at:%Y-%m}", begin, end, due)


def due(zone: ZoneInfo, day: int, decided_ns: int, have: Collection[str], most: int) -> list[Month]:
    """The months that are over, whose day has come and that there is no report of, the oldest first.

    decided_ns  up to which everything is decided: what lies behind it has not happened yet
    most        only the newest so many months; older ones are not made up for
    """
    now = datetime.fromtimestamp(decided_ns // NS_PER_S, zone)
    months = [month(zone, now.year, now.month - back, day) for back in range(most + 1, 0, -1)]
    ready = [one for one in months if one.due_ns <= decided_ns][-most:]
    return [one for one in ready if one.period not in have]


def _local(zone: ZoneInfo, year: int, number: int, day: int) -> int:
    at = datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, day, tzinfo=zone)
    return int(at.timestamp()) * NS_PER_S
