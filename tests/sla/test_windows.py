"""The times of windows against a walk minute by minute along the local clock."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.windows import WEEKDAYS, Window, parse_hours
from citywatch.sla.windows import in_force, occurrences

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = int(dt.datetime(2026, 3, 24, tzinfo=dt.UTC).timestamp()) * NS_PER_S
"""Days before clocks change in Europe; Lord Howe changes by half an hour eleven days later."""
ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/St_Johns", "Australia/Lord_Howe")


def window(from_ns: int, to_ns: int, weekly: dict[str, object] | None) -> dict[str, object]:
    rule = None if weekly is None else {"weekly": weekly}
    told = {"matcher": {"device": "*"}, "from_ns": from_ns, "to_ns": to_ns, "rule": rule, "reason": "x"}
    return Window.of(told).to_json()


def is_inside(weekly: dict[str, list[str]], zone: ZoneInfo, at_ns: int) -> bool:
    """Whether the local clock at this minute shows hours that belong to one of the days."""
    local = dt.datetime.fromtimestamp(at_ns // NS_PER_S, zone)
    second = local.hour * 3600 + local.minute * 60
    for begin, end in map(parse_hours, weekly["hours"]):
        for back in (0, 1):
            day = WEEKDAYS[(local.weekday() - back) % 7]
            if day in weekly["days"] and begin <= second + back * 86_400 < end:
                return True
    return False


@settings(max_examples=25)
@given(
    zone=st.sampled_from(ZONES),
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True),
    hours=st.lists(
        st.sampled_from(("22:00-06:00", "02:15-02:45", "00:00-24:00", "13:30-14:00")), min_size=1, max_size=2
    ),
    begin=st.integers(0, 12 * 1440),
    length=st.integers(1, 3 * 1440),
)
def test_weekly_hours_are_those_that_the_local_clock_shows(zone, days, hours, begin, length) -> None:
    weekly = {"days": days, "hours": hours, "zone": zone}
    from_ns = BEGIN_NS + begin * MINUTE_NS
    to_ns = from_ns + length * MINUTE_NS
    told = window(BEGIN_NS, BEGIN_NS + 40 * 1440 * MINUTE_NS, weekly)
    found = occurrences(told, from_ns, to_ns)
    assert all(a < b for a, b in found)
    assert all(one[1] < two[0] for one, two in pairwise(found))
    at_ns, place = from_ns, ZoneInfo(zone)
    for a, b in [*found, (to_ns, to_ns)]:
        for inside, until_ns in ((False, a), (True, b)):
            while at_ns < until_ns:
                assert is_inside(weekly, place, at_ns) == inside
                at_ns += 7 * MINUTE_NS if until_ns - at_ns > 20 * MINUTE_NS else MINUTE_NS
            at_ns = until_ns


def test_who_asks_whether_it_is_in_force_is_told_when_to_ask_again() -> None:
    weekly = {"days": ["sat"], "hours": ["10:00-11:00"], "zone": "UTC"}
    told = window(BEGIN_NS, BEGIN_NS + 9 * 86_400 * NS_PER_S, weekly)
    saturday_ns = BEGIN_NS + (4 * 86_400 + 10 * 3600) * NS_PER_S
    assert in_force(told, BEGIN_NS) == (0, saturday_ns)
    assert in_force(told, saturday_ns) == (saturday_ns + 3600 * NS_PER_S, saturday_ns + 3600 * NS_PER_S)
    behind_ns = saturday_ns + 3600 * NS_PER_S
    assert in_force(told, behind_ns) == (0, None), "never again"
    assert in_force(window(BEGIN_NS, BEGIN_NS + 10, None), BEGIN_NS - 5) == (0, BEGIN_NS)
    long = window(BEGIN_NS, BEGIN_NS + 300 * 86_400 * NS_PER_S, None)
    until_ns, again_ns = in_force(long, BEGIN_NS + 5)
    assert until_ns == again_ns == BEGIN_NS + 5 + 7 * 86_400 * NS_PER_S, "in pieces of weeks"
