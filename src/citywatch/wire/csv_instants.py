"""Instants in the cells of a table: read in the declared format, and written in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from citywatch.domain.instants import NS_PER_MS, NS_PER_S, format_instant
from citywatch.wire.csv_mapping import CsvMapping
from citywatch.wire.lines import Array, LineReason

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_NS: Final = 86_400 * NS_PER_S


class RefusedCell(ValueError):
    """A cell that cannot be read: `reason`, and the words."""

    def __init__(self, reason: LineReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def instant_reader(time_format: str) -> Callable[[str], tuple[int, bool]]:
    """Cell -> (ns since 1970-01-01T00:00, whether of UTC; else of the local clock)."""
    units = {"unix_s": NS_PER_S, "unix_ms": NS_PER_MS, "unix_us": 1000, "unix_ns": 1}

    def unix(cell: str) -> tuple[int, bool]:
        whole, _, fraction = cell.strip().partition(".")
        if not whole.isdigit() or not (fraction + "0").isdigit() or len(whole) + len(fraction) > 25:
            raise RefusedCell(LineReason.BAD_INSTANT, f"no instant as {time_format}")
        unit = units[time_format]
        return int(whole) * unit + int((fraction + "0" * 9)[:9]) * unit // NS_PER_S, True

    def iso(cell: str) -> tuple[int, bool]:
        found = _ISO.fullmatch(cell.strip())
        try:
            if found is None:
                raise ValueError
            year, month, day, hour, minute, second = (int(found[i] or 0) for i in range(1, 7))
            if hour > 23 or minute > 59 or second > 59:
                raise ValueError
            days = date(year, month, day).toordinal() - _EPOCH_DAY
        except ValueError as error:
            raise RefusedCell(LineReason.BAD_INSTANT, "no instant such as 2026-01-31T08:00:00.250Z") from error
        at_ns = days * _DAY_NS + (hour * 3600 + minute * 60 + second) * NS_PER_S
        at_ns += int(((found[7] or "") + "0" * 9)[:9])
        return _shifted(at_ns, found[8])

    def pattern(cell: str) -> tuple[int, bool]:
        try:
            moment = datetime.strptime(cell.strip(), time_format)  # noqa: DTZ007  (local time on purpose)
        except ValueError as error:
            raise RefusedCell(LineReason.BAD_INSTANT, f"no instant written as {time_format}") from error
        absolute = moment.tzinfo is not None
        plain = moment.astimezone(UTC) if absolute else moment.replace(tzinfo=UTC)
        return (plain - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000, absolute

    return unix if time_format in units else iso if time_format == "iso" else pattern


def _shifted(at_ns: int, offset: str | None) -> tuple[int, bool]:
    if offset is None or offset == "Z":
        return at_ns, offset == "Z"
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    shift = (hours * 3600 + minutes * 60) * NS_PER_S
    return (at_ns - shift if offset[0] == "+" else at_ns + shift), True


def instant_texts(at_ns: Array, mapping: CsvMapping) -> list[str]:
    units = {"unix_s": NS_PER_S, "unix_ms": NS_PER_MS, "unix_us": 1000, "unix_ns": 1}
    if mapping.time_format in units:
        unit = units[mapping.time_format]
        return [str(at // unit) for at in at_ns.tolist()]
    if mapping.time_format == "iso":
        return [format_instant(at) for at in at_ns.tolist()]
    local_ms = mapping.clock.to_local(at_ns // NS_PER_MS).tolist()
    below_us = (at_ns % NS_PER_MS // 1000).tolist()
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001  (local time on purpose)
    zoned = "%z" in mapping.time_format
    if zoned:
        utc = datetime(1970, 1, 1, tzinfo=UTC)
        moments = [utc + timedelta(microseconds=int(at) // 1000) for at in at_ns.tolist()]
        return [moment.strftime(mapping.time_format) for moment in moments]
    moments = [epoch + timedelta(milliseconds=ms, microseconds=us) for ms, us in zip(local_ms, below_us, strict=True)]
    return [moment.strftime(mapping.time_format) for moment in moments]
