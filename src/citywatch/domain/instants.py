"""Instants are integer nanoseconds since 1970-01-01T00:00:00Z (int64), never floats, never local."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_zone(name: str) -> str:
    """`name` itself when it is that of a time zone, else ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no known time zone; write an IANA name such as Asia/Shanghai") from error
    return name


def format_instant(at_ns: int) -> str:
    """`at_ns` as RFC 3339 in UTC with exactly the digits needed: milliseconds, or nanoseconds when finer.

    The year 1 to 9999 is the range of the calendar; outside it ValueError.
    """
    seconds, rest = divmod(at_ns, NS_PER_S)
    try:
        day = _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"instant {at_ns} ns is outside the years 1 to 9999") from error
    head = day.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if rest % NS_PER_MS == 0:
        return f"{head}.{rest // NS_PER_MS:03d}Z"
    return f"{head}.{rest:09d}Z"


def parse_instant(text: str) -> int:
    """RFC 3339 text with an offset -> nanoseconds. ValueError names what is missing."""
    body = text.strip()
    fraction_ns = 0
    if "." in body:
        head, _, tail = body.partition(".")
        digits = len(tail) - len(tail.lstrip("0123456789"))
        if digits == 0 or digits > 9:
            raise ValueError(f"{text!r}: the fraction of a second takes 1 to 9 digits")
        fraction_ns = int(tail[:digits].ljust(9, "0"))
        body = head + tail[digits:]
    try:
        if not body.isprintable():  # fromisoformat stops at a NUL and is content with what stands before
            raise ValueError("a control character")
        moment = datetime.fromisoformat(body)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an instant; write it as 2026-01-31T08:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; end it with Z or with one such as +08:00")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * 1_000 + fraction_ns


def day_of(at_ns: int) -> str:
    """The UTC day of an instant, `YYYY-MM-DD`."""
    return format_instant(at_ns)[:10]


def local_instant(at_ns: int, zone: ZoneInfo) -> str:
    """For people: the local time to the second with its offset, such as `2026-01-31 08:00:00+08`."""
    at = datetime.fromtimestamp(at_ns // NS_PER_S, zone)
    return f"{at:%Y-%m-%d %H:%M:%S}{local_offset(at)}"


def local_offset(at: datetime) -> str:
    """`Z`, `+08` or `+05:30`."""
    shown = f"{at:%z}"
    return "Z" if shown == "+0000" else f"{shown[:3]}:{shown[3:]}" if shown[3:] != "00" else shown[:3]
