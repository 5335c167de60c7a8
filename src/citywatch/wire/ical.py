"""iCalendar files (RFC 5545): the times of their events, repeated ones among them.

Read with the library icalendar; rules of repetition are followed with dateutil. A file says what a city's own calendar
says of maintenance: RRULE, RDATE, EXDATE, single occurrences that were moved (RECURRENCE-ID) or cancelled, whole days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from citywatch.errors import DataError

MOST_EVENTS = 500
_MOST_STEPS = 20_000
"""The most occurrences of one rule that are looked at: one that repeats every second must end."""
_MOST_LASTING = dt.timedelta(days=31)


def occurrences(text: str, from_s: int, to_s: int, zone: str, most: int) -> list[tuple[int, int]]:
    """The times of all events inside [from_s, to_s), seconds since 1970, sorted; at most `most` of them.

    `zone` (IANA) is that of times which name none, and of whole days. DataError says what is wrong with the file.
    """
    from icalendar import Calendar  # noqa: PLC0415  (only who brings a calendar needs it)

    try:
        calendar: Any = Calendar.from_ical(text)
        if calendar.name != "VCALENDAR":
            raise ValueError("it is no VCALENDAR")
        events = calendar.walk("VEVENT")
        if not 1 <= len(events) <= MOST_EVENTS:
            raise ValueError(f"it holds {len(events)} events; 1 to {MOST_EVENTS} are taken")
        found = sorted(_times(events, from_s, to_s, ZoneInfo(zone)))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise DataError(f"iCalendar: {' '.join(str(error).split())[:200]}") from error
    if len(found) > most:
        raise DataError(f"iCalendar: {len(found)} times between from and to; at most {most} are taken")
    return found


def _times(events: list[Any], from_s: int, to_s: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    moved: dict[str, set[int]] = {}
    for event in events:
        if (instead := event.get("RECURRENCE-ID")) is not None:
            moved.setdefault(str(event.get("UID", "")), set()).add(_second(_aware(instead.dt, zone)))
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begin, lasting = _span(event, zone)
        if event.get("RECURRENCE-ID") is not None:
            starts: Iterator[dt.datetime] = iter((begin,))
            gone: set[int] = set()
        else:
            starts = _starts(event, begin, from_s - int(lasting.total_seconds()), to_s, zone)
            gone = moved.get(str(event.get("UID", "")), set())
        for start in starts:
            a, b = _second(start), _second(_later(start, lasting))
            if a not in gone and a < to_s and b > from_s:
                yield a, b


def _span(event: Any, zone: ZoneInfo) -> tuple[dt.datetime, dt.timedelta]:
    """The first beginning, and how long it lasts."""
    if event.get("DTSTART") is None:
        raise ValueError("an event has no DTSTART")
    start = event["DTSTART"].dt
    whole_day = not isinstance(start, dt.datetime)
    begin = _aware(start, zone)
    if event.get("DTEND") is not None:
        lasting = _aware(event["DTEND"].dt, zone) - begin
    elif event.get("DURATION") is not None:
        lasting = event["DURATION"].dt
    else:
        lasting = dt.timedelta(days=1) if whole_day else dt.timedelta(0)
    if not dt.timedelta(0) < lasting <= _MOST_LASTING:
        raise ValueError(f"the event that begins at {begin.isoformat()} lasts {lasting}; up to 31 days are taken")
    return begin, lasting


def _starts(event: Any, begin: dt.datetime, from_s: int, to_s: int, zone: ZoneInfo) -> Iterator[dt.datetime]:
    from dateutil.rrule import rruleset, rrulestr  # noqa: PLC0415

    if event.get("RRULE") is None and event.get("RDATE") is None:
        yield begin
        return
    whole: Any = rruleset()
    whole.rdate(begin)
    for rule in _many(event.get("RRULE")):
        for until in rule.get("UNTIL", ())[:1]:
            # dateutil wants it in UTC; a day is meant with all of its hours.
            more = dt.timedelta(0) if isinstance(until, dt.datetime) else dt.timedelta(days=1, seconds=-1)
            rule["UNTIL"] = [(_aware(until, zone) + more).astimezone(dt.UTC)]
        whole.rrule(rrulestr(rule.to_ical().decode(), dtstart=begin))
    for dates in _many(event.get("RDATE")):
        for one in dates.dts:
            whole.rdate(_aware(one.dt, zone))
    for dates in _many(event.get("EXDATE")):
        for one in dates.dts:
            whole.exdate(_aware(one.dt, zone))
    for start in islice(whole, _MOST_STEPS):
        if _second(start) >= to_s:
            return
        if _second(start) >= from_s:
            yield start
    if next(islice(whole, _MOST_STEPS, None), None) is not None:
        raise ValueError(f"an event repeats more than {_MOST_STEPS} times before `to`")


def _many(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _aware(moment: dt.date | dt.datetime, zone: ZoneInfo) -> dt.datetime:
    if not isinstance(moment, dt.datetime):
        return dt.datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _later(start: dt.datetime, lasting: dt.timedelta) -> dt.datetime:
    """Exactly so much later, whatever the clocks do meanwhile."""
    return start.astimezone(dt.UTC) + lasting


def _second(moment: dt.datetime) -> int:
    return int(moment.timestamp())
