"""iCalendar files: the times of their events, repeated, moved, cancelled, over whole days and clock changes."""

from __future__ import annotations

import datetime as dt

import pytest

from citywatch.errors import DataError
from citywatch.wire.ical import occurrences

FROM, TO = (int(dt.datetime(2026, month, 1, tzinfo=dt.UTC).timestamp()) for month in (3, 5))


def times(*events: str, zone: str = "Asia/Shanghai", most: int = 100) -> list[str]:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//a//b//EN"]
    for number, event in enumerate(events):
        uid = [] if "UID:" in event else [f"UID:{number}"]
        lines += ["BEGIN:VEVENT", *uid, *event.split(), "END:VEVENT"]
    found = occurrences("\r\n".join([*lines, "END:VCALENDAR", ""]), FROM, TO, zone, most)
    return [f"{dt.datetime.fromtimestamp(a, dt.UTC):%m-%dT%H:%M}+{(b - a) // 60}" for a, b in found]


def test_one_event_in_each_way_of_saying_when():
    assert times("DTSTART:20260310T080000Z DTEND:20260310T093000Z") == ["03-10T08:00+90"]
    assert times("DTSTART:20260310T080000 DURATION:PT1H") == ["03-10T00:00+60"], "times without a zone are the city's"
    assert times("DTSTART;TZID=Europe/Berlin:20260310T080000 DURATION:PT1H") == ["03-10T07:00+60"]
    assert times("DTSTART;VALUE=DATE:20260310") == ["03-09T16:00+1440"]
    assert times("DTSTART;VALUE=DATE:20260310 DTEND;VALUE=DATE:20260312") == ["03-09T16:00+2880"]


def test_a_rule_goes_by_the_local_clock_and_leaves_out_what_is_excepted():
    rule = "DTSTART;TZID=Europe/Berlin:20260327T220000 DURATION:PT4H RRULE:FREQ=DAILY;COUNT=4"
    assert times(rule) == ["03-27T21:00+240", "03-28T21:00+240", "03-29T20:00+240", "03-30T20:00+240"]
    but = f"{rule} EXDATE;TZID=Europe/Berlin:20260329T220000 RDATE;TZID=Europe/Berlin:20260401T090000"
    assert times(but) == ["03-27T21:00+240", "03-28T21:00+240", "03-30T20:00+240", "04-01T07:00+240"]


@pytest.mark.parametrize("until", ["20260312T080000Z", "20260312", "20260312T160000"])
def test_a_rule_may_end_at_an_instant_a_day_or_a_local_time(until):
    assert len(times(f"DTSTART:20260310T080000Z DURATION:PT1H RRULE:FREQ=DAILY;UNTIL={until}")) == 3


def test_a_single_occurrence_may_be_moved_or_cancelled():
    rule = "UID:a DTSTART:20260310T080000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=3"
    moved = "UID:a RECURRENCE-ID:20260311T080000Z DTSTART:20260311T200000Z DURATION:PT2H"
    assert times(rule, moved) == ["03-10T08:00+60", "03-11T20:00+120", "03-12T08:00+60"]
    assert times(rule, f"{moved} STATUS:CANCELLED") == ["03-10T08:00+60", "03-12T08:00+60"]


def test_only_what_lies_in_the_window_is_given():
    assert times("DTSTART:20260228T233000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=2") == [
        "02-28T23:30+60",
        "03-01T23:30+60",
    ]
    assert times("DTSTART:20260601T000000Z DURATION:PT1H") == []


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "0 events"),
        (["SUMMARY:nothing"], "no DTSTART"),
        (["DTSTART:20260310T080000Z"], "lasts 0:00:00"),
        (["DTSTART:20260310T080000Z DTEND:20260310T070000Z"], "lasts -1 day"),
        (["DTSTART:20260101T000000Z DURATION:P40D"], "lasts 40 days"),
        (["DTSTART:20260310T080000Z DURATION:PT1S RRULE:FREQ=SECONDLY"], "more than 20000 times"),
        (["DTSTART:20260310T080000Z DURATION:PT1H RRULE:FREQ=HOURLY"], "at most 100"),
        (["DTSTART:20260310T080000Z DURATION:PT1H RRULE:FREQ=SOMETIMES"], "iCalendar"),
    ],
)
def test_what_cannot_be_taken_is_said(events, words):
    with pytest.raises(DataError) as caught:
        times(*events)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VEVENT\r\nEND:VEVENT\r\n", "BEGIN:VCALENDAR\r\n", "\0"])
def test_what_is_no_calendar_is_refused(text):
    with pytest.raises(DataError, match="iCalendar"):
        occurrences(text, FROM, TO, "UTC", 100)
