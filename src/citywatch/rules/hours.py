"""Which hours of the day are dark where a camera stands: learned from its own looks in order.

A row is 24 pairs [looks by day, looks in the dark], one for each hour of the UTC day. A pair is halved when it is
full, so that the seasons are followed.
"""

from __future__ import annotations

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Light

MOST_LOOKS = 60
KNOWN_AFTER = 3
SURE_AFTER = 6
_DARK = (Light.NIGHT, Light.INFRARED)

Hours = list[list[int]]


def nothing() -> Hours:
    """Before the first look."""
    return [[0, 0] for _ in range(24)]


def with_look(hours: Hours, at_ns: int, light: Light) -> Hours:
    """The hours with one more look in order."""
    if light is Light.UNKNOWN:
        return hours
    hour = _hour(at_ns)
    day, dark = hours[hour]
    day, dark = (day, dark + 1) if light in _DARK else (day + 1, dark)
    if day + dark > MOST_LOOKS:
        day, dark = day // 2, dark // 2
    return [[day, dark] if number == hour else pair for number, pair in enumerate(hours)]


def is_dark(hours: Hours, at_ns: int) -> bool:
    """Whether most looks of this hour were made in the dark; False where too few are known."""
    day, dark = hours[_hour(at_ns)]
    return day + dark >= KNOWN_AFTER and dark > day


def may_only_be_dark(hours: Hours, at_ns: int) -> bool:
    """Whether it is dark at this hour, as far as is known: most looks say so, or the few of it and of the hours beside
    it all do.
    """
    beside = _beside(hours, at_ns)
    seen = sum(dark for _, dark in beside) >= KNOWN_AFTER and not any(day for day, _ in beside)
    return seen or is_dark(hours, at_ns)


def is_twilight(hours: Hours, at_ns: int) -> bool:
    """Whether looks of this hour, or of the hours beside it, were made by day and in the dark."""
    beside = _beside(hours, at_ns)
    return any(day for day, _ in beside) and any(dark for _, dark in beside)


def is_new(hours: Hours, at_ns: int) -> bool:
    """Whether this hour, or one of those beside it, was never looked at: nobody knows how light it is then."""
    return any(not any(pair) for pair in _beside(hours, at_ns))


def is_mostly_day(hours: Hours, at_ns: int) -> bool:
    """Whether most looks of this hour were made by day, and enough are known."""
    day, dark = hours[_hour(at_ns)]
    return day >= SURE_AFTER and day > dark


def is_surely_day(hours: Hours, at_ns: int) -> bool:
    """Whether no look of this hour, nor of the hours beside it, was ever made in the dark."""
    beside = _beside(hours, at_ns)
    return all(dark == 0 for _, dark in beside) and _are_enough([day for day, _ in beside])


def is_surely_dark(hours: Hours, at_ns: int) -> bool:
    """Whether no look of this hour, nor of the hours beside it, was ever made by day."""
    beside = _beside(hours, at_ns)
    return all(day == 0 for day, _ in beside) and _are_enough([dark for _, dark in beside])


def was_never_day(hours: Hours, at_ns: int) -> bool:
    """Whether no look of this hour was ever made by day, and enough were in the dark; of those beside it some may."""
    day, dark = hours[_hour(at_ns)]
    return day == 0 and dark >= KNOWN_AFTER


def _beside(hours: Hours, at_ns: int) -> Hours:
    """This hour between the two beside it."""
    hour = _hour(at_ns)
    return [hours[(hour + step) % 24] for step in (-1, 0, 1)]


def _are_enough(looks: list[int]) -> bool:
    """Whether so many looks of three hours in a row are sure of them: each is known, and together they are as many as
    make each sure. One of which a bus took a look is no less sure for it.
    """
    return min(looks) >= KNOWN_AFTER and sum(looks) >= len(looks) * SURE_AFTER


def _hour(at_ns: int) -> int:
    return at_ns // (3600 * NS_PER_S) % 24
