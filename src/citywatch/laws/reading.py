"""Reading law files: what all of them share, with errors that name the law, the entry, the field and the fix."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN_SO = "2016-09-21T00:00:00+08:00"
_SHOWN = 60
_NS_PER_US = 1_000
_WORDS = {"title", "authority", "instrument", "note", "citation", "meaning", "vehicle", "valid_to"}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Raw = dict[str, Any]


def package_text(name: str) -> str:
    """The text of a data file of this package."""
    return (resources.files("citywatch.laws") / name).read_text(encoding="utf-8")


def instant(what: str, value: object) -> int:
    """A date of validity as nanoseconds, to the microsecond that a date can hold. ValueError begins with `what`."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        shown = "missing" if value is None else _show(value)
        raise ValueError(f"{what} is {shown}; write an instant with its offset, such as {_WRITTEN_SO}")
    return (value - _EPOCH) // timedelta(microseconds=1) * _NS_PER_US


class Table:
    """One table of a file: values are taken by name and kind. ValueError says where it stands and what is wanted."""

    def __init__(self, where: str, raw: object, keys: Iterable[str]) -> None:
        if not isinstance(raw, dict):
            raise ValueError(f"{where} is {_show(raw)}; a table of {', '.join(keys)} is wanted")
        refuse_unknown(where, raw, keys)
        self.where = where
        self._raw: Mapping[str, object] = raw

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def text(self, name: str) -> str:
        """Words, at least one."""
        value = self._needed(name)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(name, value, "words are wanted")
        return value

    def cited(self) -> str:
        """Where a number comes from; none stands without it."""
        value = self._raw.get("citation", "")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f'{self.where}: the number has no citation; add citation = "where it is written"')
        return value

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number within its bounds."""
        return whole(self.where, name, self._needed(name, default), least, most)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """true or false."""
        value = self._needed(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "it must be true or false, without quotes")
        return value

    def one_of(self, name: str, known: Iterable[str], default: str | None = None) -> str:
        """One of the known words."""
        return one_of(self.where, name, self._needed(name, default), known)

    def words(self, name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of words."""
        value = self._needed(name, tuple(default))
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
            raise self._wrong(name, value, 'a list of words is wanted, such as ["gross"]')
        return tuple(value)

    def wholes(self, name: str, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers, none when it is not given."""
        value = self._raw.get(name, [])
        if not isinstance(value, list) or (name in self._raw and not value):
            raise self._wrong(name, value, "a list of whole numbers is wanted, such as [3, 4]")
        return tuple(whole(self.where, name, number, least, most) for number in value)

    def tables(self, name: str, keys: Iterable[str]) -> list[Table]:
        """The tables of an array, none when it is not given. They are called by their number and `rule` or `name`."""
        value = self._raw.get(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, value, f"write each entry under [[...{name}]]")
        return [Table(_entry(self.where, name, number, one), one, keys) for number, one in enumerate(value, 1)]

    def table(self, name: str, keys: Iterable[str]) -> Table | None:
        """A table within, None when it is not given."""
        value = self._raw.get(name)
        return None if value is None else Table(f"{self.where}, {name}", value, keys)

    def described(self) -> None:
        """Who made the law is told; a note may be."""
        self.text("authority")
        if "note" in self:
            self.text("note")

    def validity(self) -> tuple[int, int | None]:
        """First instant in force, and first one no longer so (None: still in force)."""
        first = instant(f"{self.where}: valid_from", self._raw.get("valid_from"))
        if "valid_to" not in self._raw:
            return first, None
        end = instant(f"{self.where}: valid_to", self._raw["valid_to"])
        if end <= first:
            raise ValueError(f"{self.where}: valid_to is not behind valid_from; leave it out while the law is in force")
        return first, end

    def _needed(self, name: str, default: object = None) -> object:
        value = self._raw.get(name, default)
        if value is None:
            raise ValueError(f"{self.where}: {name} is missing")
        return value

    def _wrong(self, name: str, value: object, wanted: str) -> ValueError:
        return ValueError(f"{self.where}: {name} is {_show(value)}; {wanted}")


def digest(raw: object) -> str:
    """What tells two contents of one version apart: every number of a law, not its words, nor when it has ended."""
    content = json.dumps(_numbers(raw), ensure_ascii=False).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _numbers(value: object) -> object:
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in sorted(value.items()) if key not in _WORDS}
    return [_numbers(one) for one in value] if isinstance(value, list) else str(value)


def law_ref(law: Table) -> str:
    """A law as errors name it: `cn-full@1`."""
    name = law.text("id")
    if not _ID.fullmatch(name):
        raise ValueError(f"{law.where}: id is {_show(name)}; lower-case letters, digits and - are wanted")
    return f"{name}@{version(law)}"


def version(law: Table) -> int:
    """The number of a version."""
    return law.whole("version", 1, 1_000_000)


def refuse_unknown(ref: str, raw: Raw, keys: Iterable[str]) -> None:
    """ValueError for a key that is not one of `keys`."""
    known = tuple(keys)
    unknown = sorted(raw.keys() - set(known))
    if unknown:
        raise ValueError(f"{ref}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")


def cited(ref: str, raw: Raw) -> str:
    """Where a number comes from; none stands without it."""
    citation = str(raw["citation"])
    if not citation.strip():
        raise ValueError(f"{ref}: a number has no citation")
    return citation


def whole(ref: str, name: str, value: object, least: int, most: int) -> int:
    """A whole number within its bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{ref}: {name} is {_show(value)}; it must be a whole number, {least:,} to {most:,}")
    return value


def one_of(ref: str, name: str, value: object, known: Iterable[str]) -> str:
    """One of the known words."""
    words = tuple(known)
    if not isinstance(value, str) or value not in words:
        shown = ", ".join(word or '""' for word in words) or "none that is declared"
        raise ValueError(f"{ref}: {name} is {_show(value)}; it must be one of {shown}")
    return value


def _entry(where: str, name: str, number: int, raw: object) -> str:
    called = (raw.get("rule") or raw.get("name")) if isinstance(raw, dict) else None
    return f"{where}, {name} {number}" + (f" ({called[:_SHOWN]})" if isinstance(called, str) else "")


def _show(value: object) -> str:
    shown = value.isoformat() if hasattr(value, "isoformat") else repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
