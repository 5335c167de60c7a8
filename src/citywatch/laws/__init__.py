"""Limits as data: one TOML file per country in this package, each number with its citation, each law with its dates.

Parsed at start and handed in; rules read no files. A law is named by its id, or by id and version (`cn-gross@1`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import MAX_AXLES
from citywatch.errors import ConfigurationError

_Int32s = np.ndarray[Any, np.dtype[np.int32]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAW_KEYS = {"id", "version", "title", "authority", "instrument", "valid_from", "valid_to", "note", "limits"}
_LIMIT_KEYS = {"axles", "or_more", "limit_kg", "vehicle", "citation"}


@dataclass(frozen=True, slots=True)
class GrossLimit:
    """One number of the law: the gross limit of a vehicle with `axles` axles (`or_more`: and of all with more)."""

    axles: int
    or_more: bool
    limit_kg: int
    vehicle: str
    citation: str


@dataclass(frozen=True)
class GrossLaw:
    """Gross limits by axle count.

    `valid_from_ns` is the first instant in force, `valid_to_ns` the first one no longer so (None: still in force).
    """

    id: str
    version: int
    title: str
    instrument: str
    valid_from_ns: int
    valid_to_ns: int | None
    limits: tuple[GrossLimit, ...]

    @property
    def ref(self) -> str:
        """As events name it: `cn-gross@1`."""
        return f"{self.id}@{self.version}"

    @cached_property
    def strictest_kg(self) -> _Int32s:
        """The strictest limit by axle count, (MAX_AXLES + 1,) int32, kg; 0 where the law names none."""
        return self._by_axles(min)

    @cached_property
    def most_lenient_kg(self) -> _Int32s:
        """The most lenient limit by axle count, likewise."""
        return self._by_axles(max)

    def in_force(self, at_ns: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each instant (n,) int64 whether the law was in force."""
        inside = at_ns >= self.valid_from_ns
        return inside if self.valid_to_ns is None else inside & (at_ns < self.valid_to_ns)

    def _by_axles(self, choose: Callable[[list[int]], int]) -> _Int32s:
        table = np.zeros(MAX_AXLES + 1, np.int32)
        for axles in range(1, MAX_AXLES + 1):
            fitting = [x.limit_kg for x in self.limits if x.axles == axles or (x.or_more and x.axles < axles)]
            if fitting:
                table[axles] = choose(fitting)
        table.flags.writeable = False
        return table


def known() -> tuple[str, ...]:
    """Every law there is, as `id@version`, in order."""
    return tuple(sorted(law.ref for law in _laws()))


def load(law_id: str) -> GrossLaw:
    """The law named `id` (its newest version) or `id@version`; ConfigurationError, naming those there are, if none."""
    fitting = [law for law in _laws() if law_id in (law.id, law.ref)]
    if not fitting:
        raise ConfigurationError(f"law {law_id[:60]!r} is not known; there are: {', '.join(known())}")
    return max(fitting, key=lambda law: law.version)


def parse(text: str, name: str) -> tuple[GrossLaw, ...]:
    """The laws in the text of one TOML file; ConfigurationError names the file and what is wrong in it."""
    try:
        raw = tomllib.loads(text)
        laws = tuple(_law(entry) for entry in raw.pop("gross", ()))
        if raw:
            raise ValueError(f"unknown key {sorted(raw)[0]!r}")
    except (tomllib.TOMLDecodeError, ValueError, TypeError, KeyError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigurationError(f"law file {name}: {what}") from error
    return laws


def _laws() -> Sequence[GrossLaw]:
    laws: list[GrossLaw] = []
    for file in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            laws.extend(parse(file.read_text(encoding="utf-8"), file.name))
    refs = [law.ref for law in laws]
    twice = sorted({ref for ref in refs if refs.count(ref) > 1})
    if twice:
        raise ConfigurationError(f"law {twice[0]} stands twice in the package's law files")
    return laws


def _law(raw: dict[str, Any]) -> GrossLaw:
    ref = f"{raw['id']}@{raw['version']}"
    _refuse_unknown(ref, raw, _LAW_KEYS)
    limits = tuple(_limit(ref, entry) for entry in raw["limits"])
    if not limits:
        raise ValueError(f"{ref}: a law without limits")
    valid_from, valid_to = _instant(ref, raw["valid_from"]), raw.get("valid_to")
    valid_to_ns = None if valid_to is None else _instant(ref, valid_to)
    if valid_to_ns is not None and valid_to_ns <= valid_from:
        raise ValueError(f"{ref}: valid_to is not behind valid_from")
    if not isinstance(raw["version"], int) or raw["version"] < 1:
        raise ValueError(f"{ref}: version is a whole number from 1 on")
    return GrossLaw(
        str(raw["id"]), raw["version"], str(raw["title"]), str(raw["instrument"]), valid_from, valid_to_ns, limits
    )


def _limit(ref: str, raw: dict[str, Any]) -> GrossLimit:
    _refuse_unknown(ref, raw, _LIMIT_KEYS)
    limit = GrossLimit(
        raw["axles"], raw.get("or_more", False), raw["limit_kg"], str(raw["vehicle"]), str(raw["citation"])
    )
    if type(limit.axles) is not int or not 1 <= limit.axles <= MAX_AXLES:
        raise ValueError(f"{ref}: axles is {limit.axles!r}; it must be 1 to {MAX_AXLES}")
    if type(limit.limit_kg) is not int or not 0 < limit.limit_kg <= 1_000_000:
        raise ValueError(f"{ref}: limit_kg is {limit.limit_kg!r}; it must be whole kilograms, 1 to 1,000,000")
    if not limit.citation.strip():
        raise ValueError(f"{ref}: the limit of {limit.limit_kg} kg has no citation")
    return limit


def _instant(ref: str, value: object) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{ref}: a date of validity is written as 2016-09-21T00:00:00+08:00")
    return (value - _EPOCH) // timedelta(seconds=1) * NS_PER_S


def _refuse_unknown(ref: str, raw: dict[str, Any], keys: set[str]) -> None:
    unknown = sorted(raw.keys() - keys)
    if unknown:
        raise ValueError(f"{ref}: unknown key {unknown[0]!r}")
