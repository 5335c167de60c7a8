"""The plainest reader of MON lines: slices, regular expressions and datetime. The twin of kernels/mon.py."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

FIELDS = (
    ("record", 9),
    ("day", 2),
    ("month", 2),
    ("year", 4),
    ("hour", 2),
    ("minute", 2),
    ("millisecond", 5),
    ("axle_count", 2),
    ("group_count", 2),
    ("gross_kg", 6),
    ("speed_kmh", 3),
    ("length_mm", 5),
    ("lane", 1),
    ("direction", 1),
    ("transverse_mm", 4),
)
RANGES = {
    "day": (1, 31),
    "month": (1, 12),
    "year": (1970, 2200),
    "hour": (0, 23),
    "minute": (0, 59),
    "millisecond": (0, 59_999),
    "axle_count": (1, 40),
    "transverse_mm": (-999, 9999),
}
MAX_LINE = 4096


def read_number(text, signed=False):
    """An int, or the reason why not."""
    if not text.strip(b" "):
        return "blank_field"
    if not re.fullmatch(rb" *-?[0-9]+" if signed else rb" *[0-9]+", text):
        return "not_a_number"
    return int(text)


def read_line(line):
    """A dict of fields, or (reason, column)."""
    if not line:
        return "empty_line", 1
    if len(line) > MAX_LINE:
        return "line_too_long", MAX_LINE + 1
    fields = {}
    at = 0
    for name, width in FIELDS:
        if at + width > len(line):
            return "truncated", at + 1
        value = read_number(line[at : at + width], name == "transverse_mm")
        if isinstance(value, str):
            return value, at + 1
        low, high = RANGES.get(name, (0, 10**9))
        if name == "group_count":
            high = fields["axle_count"]
        if not low <= value <= high:
            return "out_of_range", at + 1
        fields[name] = value
        at += width
    try:
        start = datetime(fields["year"], fields["month"], fields["day"], fields["hour"], fields["minute"])  # noqa: DTZ001
    except ValueError:
        return "no_such_date", 10
    fields["local"] = start + timedelta(milliseconds=fields["millisecond"])
    numbers = []
    for _ in range(2 * fields["axle_count"] - 1):
        if at + 5 > len(line):
            return "truncated", at + 1
        value = read_number(line[at : at + 5])
        if isinstance(value, str):
            return value, at + 1
        numbers.append(value)
        at += 5
    for i, byte in enumerate(line[at:]):
        if byte not in b" 0":
            return "beyond_axles", at + i + 1
    fields["axle_kg"] = numbers[0::2]
    fields["spacing_mm"] = numbers[1::2]
    return fields


def split_lines(data):
    """Lines without their endings."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def to_utc_ns(local, zone, fold="earlier"):
    """Nanoseconds, or the reason why there are none."""
    tz = UTC if zone == "UTC" else ZoneInfo(zone)
    first, second = (local.replace(tzinfo=tz, fold=f) for f in (0, 1))
    if first.utcoffset() < second.utcoffset():
        return "local_time_missing"
    if first.utcoffset() > second.utcoffset() and fold == "refuse":
        return "local_time_ambiguous"
    moment = second if fold == "later" else first
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def suspect(fields):
    """The words of Suspect that fit, straight from the domain sheet."""
    words = set()
    loads, gaps = fields["axle_kg"], fields["spacing_mm"]
    if fields["length_mm"] and sum(gaps) > fields["length_mm"]:
        words.add("spacings_exceed_length")
    if max(loads) > 22_700:
        words.add("axle_too_heavy")
    if min(loads) == 0:
        words.add("axle_without_load")
    if not 16 <= fields["speed_kmh"] <= 160:
        words.add("speed_implausible")
    if fields["length_mm"] > 61_000:
        words.add("length_implausible")
    if any(gaps) and gaps[0] < 1500:
        words.add("first_spacing_too_short")
    if abs(sum(loads) - fields["gross_kg"]) > 50 * (len(loads) + 1):
        words.add("axles_do_not_add_up")
    if len(loads) == 1:
        words.add("single_axle")
    return words


LIMITS = {2: (18_000, 18_000), 3: (25_000, 27_000), 4: (31_000, 36_000), 5: (42_000, 43_000)}


def decide(axles, gross):
    """lawful, over or undecided."""
    if axles < 2:
        return "undecided"
    low, high = LIMITS.get(axles, (46_000, 49_000))
    return "over" if gross > high else "lawful" if gross <= low else "undecided"
