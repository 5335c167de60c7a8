"""Silences and maintenance windows: what people say, checked.

A silence keeps notifications quiet; alerts and tickets go on. A window is declared maintenance of devices: while it
lasts no alert and no ticket of them is opened, and its time is in no figure; it may be declared afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from citywatch.domain.instants import NS_PER_S, check_zone
from citywatch.domain.labels import Matcher

MAINTENANCE = "maintenance"
DEVICE_LABELS = frozenset({"device", "device_kind", "site", "area", "department", "contractor", "class"})
"""What a window may match: it is about devices, so that figures know whose time it is."""

MOST_SILENCE_NS = 31 * 86_400 * NS_PER_S
"""The longest silence: nothing must be kept quiet for ever."""
MOST_WINDOW_NS = 2 * 366 * 86_400 * NS_PER_S
MOST_BACK_NS = 400 * 86_400 * NS_PER_S
"""So far back a window may be declared afterwards: as long as the store keeps what is settled."""
MOST_TIMES = 150
"""The most times of one window, as an iCalendar file gives them."""
MOST_BYTES = 5_500
"""The most that matcher and rule may take as JSON."""
MOST_REASON_CHARACTERS = 500

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_MOST_HOURS = 10
_DAY_S = 86_400


class Refused(StrEnum):
    """Why a lawful-looking silence or window is not taken."""

    OVER_ALREADY = "over_already"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Silence:
    """Notifications about alerts that match are quiet in [from_ns, to_ns)."""

    matcher: Matcher
    from_ns: int
    to_ns: int
    reason: str

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Silence:
        """From JSON. ValueError, TypeError or KeyError names what is wrong."""
        found = cls(_matcher(fields), int(fields["from_ns"]), int(fields["to_ns"]), _reason(fields))
        if not 0 <= found.from_ns < found.to_ns <= found.from_ns + MOST_SILENCE_NS:
            raise ValueError("to: must be after `from`, by 31 days at most")
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "matcher": self.matcher.to_json(),
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Window:
    """Maintenance of devices that match, in [from_ns, to_ns) or at the times of its rule inside of that.

    rule   None: all of it; {"weekly": {"days": [mon...], "hours": ["22:00-06:00"], "zone": IANA}}: hours of days of
           the week, by the local clock, counted to the day on which they begin; {"times_s": [[from, to], ...]}: these,
           seconds since 1970, in their order and apart from each other
    """

    matcher: Matcher
    from_ns: int
    to_ns: int
    rule: Mapping[str, Any] | None
    reason: str

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Window:
        """From JSON. ValueError, TypeError or KeyError names what is wrong."""
        matcher = _matcher(fields)
        if other := sorted({label for label, _ in matcher.conditions} - DEVICE_LABELS):
            raise ValueError(f"matcher: {other[0]}: a window is about devices; use {', '.join(sorted(DEVICE_LABELS))}")
        rule = _rule(fields.get("rule"))
        found = cls(matcher, int(fields["from_ns"]), int(fields["to_ns"]), rule, _reason(fields))
        if not 0 <= found.from_ns < found.to_ns <= found.from_ns + MOST_WINDOW_NS:
            raise ValueError("to: must be after `from`, by two years at most")
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "matcher": self.matcher.to_json(),
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "rule": None if self.rule is None else dict(self.rule),
            "reason": self.reason,
        }


def parse_hours(text: str) -> tuple[int, int]:
    """`22:00-06:00` as seconds of the local day, the end behind the beginning. ValueError."""
    match = _HOURS.fullmatch(text)
    if match is not None:
        a, b, c, d = (int(part) for part in match.groups())
        begin, end = a * 3600 + b * 60, c * 3600 + d * 60
        if b < 60 and d < 60 and begin < _DAY_S and end <= _DAY_S and begin != end:
            return begin, end if end > begin else end + _DAY_S
    raise ValueError(f"{text[:20]!r}: write 08:30-17:30, 00:00-24:00, or 22:00-06:00 over midnight")


def _matcher(fields: Mapping[str, Any]) -> Matcher:
    try:
        matcher = Matcher.of(fields["matcher"])
    except ValueError as error:
        raise ValueError(f"matcher: {error}") from error
    if not matcher.conditions:
        raise ValueError('matcher: name at least one label; {"device": "*"} means every device')
    if _bytes(matcher.to_json()) > MOST_BYTES:
        raise ValueError(f"matcher: longer than {MOST_BYTES} bytes; use patterns")
    return matcher


def _rule(rule: object) -> Mapping[str, Any] | None:
    if rule is None:
        return None
    if not isinstance(rule, Mapping) or len(rule) != 1:
        raise ValueError("rule: give `weekly` or `times_s`")
    if "weekly" in rule:
        checked: Mapping[str, Any] = {"weekly": _weekly(rule["weekly"])}
    elif "times_s" in rule:
        checked = {"times_s": _times(rule["times_s"])}
    else:
        raise ValueError("rule: give `weekly` or `times_s`")
    if _bytes(checked) > MOST_BYTES:
        raise ValueError(f"rule: longer than {MOST_BYTES} bytes")
    return checked


def _weekly(weekly: Mapping[str, Any]) -> dict[str, Any]:
    days = [day for day in WEEKDAYS if day in weekly["days"]]
    if not days or len(days) != len(weekly["days"]):
        raise ValueError(f"rule.weekly.days: some of {', '.join(WEEKDAYS)}, each once")
    hours = list(weekly["hours"])
    if not 1 <= len(hours) <= _MOST_HOURS:
        raise ValueError(f"rule.weekly.hours: 1 to {_MOST_HOURS} of them, such as 22:00-06:00")
    field = "hours: "
    try:
        for text in hours:
            parse_hours(text)
        field = "zone: "
        zone = check_zone(weekly["zone"])
    except ValueError as error:
        raise ValueError(f"rule.weekly.{field}{error}") from error
    return {"days": days, "hours": hours, "zone": zone}


def _times(times: Any) -> list[list[int]]:
    found = sorted([int(begin), int(end)] for begin, end in times)
    if not 1 <= len(found) <= MOST_TIMES:
        raise ValueError(f"rule.times_s: 1 to {MOST_TIMES} of them; there are {len(found)}")
    apart: list[list[int]] = []
    for begin, end in found:
        if not 0 <= begin < end:
            raise ValueError("rule.times_s: each ends after it begins")
        if apart and begin <= apart[-1][1]:
            apart[-1][1] = max(apart[-1][1], end)
        else:
            apart.append([begin, end])
    return apart


def _reason(fields: Mapping[str, Any]) -> str:
    reason = str(fields["reason"]).strip()
    if not 1 <= len(reason) <= MOST_REASON_CHARACTERS:
        raise ValueError(f"reason: say why, in at most {MOST_REASON_CHARACTERS} characters")
    return reason


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
