"""Reading law files: what all of them share, with errors that name the law and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from citywatch.domain.instants import NS_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Raw = dict[str, Any]


def package_text(name: str) -> str:
    """The text of a data file of this package."""
    return (resources.files("citywatch.laws") / name).read_text(encoding="utf-8")


def instant(ref: str, value: object) -> int:
    """A date of validity as nanoseconds."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{ref}: a date of validity is written as 2016-09-21T00:00:00+08:00")
    return (value - _EPOCH) // timedelta(seconds=1) * NS_PER_S


def validity(ref: str, raw: Raw) -> tuple[int, int | None]:
    """First instant in force, and first one no longer so (None: still in force)."""
    first, last = instant(ref, raw["valid_from"]), raw.get("valid_to")
    end = None if last is None else instant(ref, last)
    if end is not None and end <= first:
        raise ValueError(f"{ref}: valid_to is not behind valid_from")
    return first, end


def version(ref: str, raw: Raw) -> int:
    """The number of a version."""
    value = raw["version"]
    if type(value) is not int or value < 1:
        raise ValueError(f"{ref}: version is a whole number from 1 on")
    return value


def refuse_unknown(ref: str, raw: Raw, keys: Iterable[str]) -> None:
    """ValueError for a key that is not one of `keys`."""
    unknown = sorted(raw.keys() - set(keys))
    if unknown:
        raise ValueError(f"{ref}: unknown key {unknown[0]!r}")


def cited(ref: str, raw: Raw) -> str:
    """Where a number comes from; none stands without it."""
    citation = str(raw["citation"])
    if not citation.strip():
        raise ValueError(f"{ref}: a number has no citation")
    return citation


def whole(ref: str, name: str, value: object, least: int, most: int) -> int:
    """A whole number within its bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{ref}: {name} is {value!r}; it must be a whole number, {least:,} to {most:,}")
    return value


def one_of(ref: str, name: str, value: object, known: Iterable[str]) -> str:
    """One of the known words."""
    if value not in (words := tuple(known)):
        raise ValueError(f"{ref}: {name} is {value!r}; it must be one of {', '.join(words)}")
    return str(value)
