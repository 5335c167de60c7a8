"""Limits as data: one TOML file per country in this package, each number with its citation, each law with its dates.

Parsed at start and handed in; rules read no files. A law is named by its id, or by id and version (`cn-gross@1`). By
its id it is all its versions: each pass is decided by the one in force at its instant. A correction is a new version
with a date of its own: it never changes an old decision.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from citywatch.domain.instants import format_instant
from citywatch.domain.passes import MAX_AXLES
from citywatch.errors import ConfigurationError
from citywatch.laws.reading import Table, digest, law_ref, package_text, refuse_unknown, version

if TYPE_CHECKING:
    from citywatch.laws.full import FullLaw

_Int32s = np.ndarray[Any, np.dtype[np.int32]]
_Int64s = np.ndarray[Any, np.dtype[np.int64]]
_Bools = np.ndarray[Any, np.dtype[np.bool_]]

FILES = ("cn.toml", "eu.toml", "us.toml")
_LAW_KEYS = ("id", "version", "title", "authority", "instrument", "valid_from", "valid_to", "note", "limits")
_LIMIT_KEYS = ("axles", "or_more", "limit_kg", "vehicle", "citation")


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
    digest: str = ""
    """Of all that decides in it; see laws.reading."""

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

    def in_force(self, at_ns: _Int64s) -> _Bools:
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


if TYPE_CHECKING:
    OneLaw: TypeAlias = GrossLaw | FullLaw


@dataclass(frozen=True, slots=True)
class LawBook:
    """All versions of a law, oldest first. Before the first one was in force the first one decides."""

    versions: tuple[OneLaw, ...]

    @property
    def ref(self) -> str:
        """The id alone: all its versions. Events name the one that decided."""
        return self.versions[-1].id

    def in_force(self, at_ns: _Int64s) -> _Bools:
        """For each instant (n,) int64 whether the version that decides was in force."""
        deciding = self.deciding(at_ns)
        inside = np.zeros(len(at_ns), np.bool_)
        for number, law in enumerate(self.versions):
            inside |= (deciding == number) & law.in_force(at_ns)
        return inside

    def deciding(self, at_ns: _Int64s) -> _Int64s:
        """For each instant the number of the version that decides: the newest that had come into force."""
        starts = np.array([law.valid_from_ns for law in self.versions], np.int64)
        return np.maximum(np.searchsorted(starts, at_ns, side="right") - 1, 0)


if TYPE_CHECKING:
    Law: TypeAlias = GrossLaw | FullLaw | LawBook


def contents(law: Law) -> dict[str, str]:
    """What each version of a law says, as a digest of its numbers, by its `id@version`."""
    return {one.ref: one.digest for one in (law.versions if isinstance(law, LawBook) else (law,))}


def known(own: Sequence[OneLaw] = ()) -> tuple[str, ...]:
    """Every law there is, as `id@version`, in order."""
    return tuple(sorted(law.ref for law in _laws(own)))


def load(law_id: str, own: Sequence[OneLaw] = ()) -> Law:
    """The law named `id` (all its versions) or `id@version`; ConfigurationError, naming those there are, if none.

    `own`: laws of a city's own files, and its later versions of ours.
    """
    fitting = [law for law in _laws(own) if law_id in (law.id, law.ref)]
    if not fitting:
        raise ConfigurationError(f"law {law_id[:60]!r} is not known; there are: {', '.join(known(own))}")
    return book(fitting)


def book(laws: Sequence[OneLaw]) -> Law:
    """Versions of one law as one: itself, where there is but one."""
    if len(laws) == 1:
        return laws[0]
    ordered = tuple(sorted(laws, key=lambda law: law.version))
    starts = [law.valid_from_ns for law in ordered]
    if sorted(set(starts)) != starts:
        raise ConfigurationError(
            f"law {ordered[0].id}: a later version comes into force later; correct valid_from of one of them"
        )
    for one, following in pairwise(ordered):
        if one.valid_to_ns is not None and one.valid_to_ns > following.valid_from_ns:
            raise ConfigurationError(
                f"law {one.ref}: its valid_to, {format_instant(one.valid_to_ns)}, lies behind valid_from of "
                f"{following.ref}, {format_instant(following.valid_from_ns)}; end it there, or leave valid_to out"
            )
    if len({type(law) for law in ordered}) > 1:
        raise ConfigurationError(f"law {ordered[0].id}: its versions stand under [[gross]] and [[full]]; use one")
    return LawBook(ordered)


def gross_law(law_id: str = "cn-gross") -> GrossLaw:
    """A law by axle count; ConfigurationError when the one named is none."""
    law = load(law_id)
    if not isinstance(law, GrossLaw):
        raise ConfigurationError(f"law {law_id!r} is not one by axle count alone")
    return law


def parse(text: str, name: str) -> tuple[OneLaw, ...]:
    """The laws in the text of one TOML file; ConfigurationError names the file and what is wrong in it."""
    from citywatch.laws.full import read_full  # noqa: PLC0415  (numba is behind it; names of laws do not need it)

    try:
        raw = tomllib.loads(text)
        refuse_unknown("the file", raw, ("gross", "full"))
        laws: list[OneLaw] = []
        for kind, read in (("gross", _law), ("full", read_full)):
            entries = raw.get(kind, [])
            if not isinstance(entries, list):
                raise ValueError(f"write each law under [[{kind}]], in two brackets")
            laws += [read(entry, f"{kind} {number}") for number, entry in enumerate(entries, 1)]
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise ConfigurationError(f"law file {name}: {error}") from error
    return tuple(laws)


def _laws(own: Sequence[OneLaw]) -> Sequence[OneLaw]:
    laws: list[OneLaw] = []
    for name in FILES:
        laws.extend(parse(package_text(name), name))
    laws.extend(own)
    refs = [law.ref for law in laws]
    twice = sorted({ref for ref in refs if refs.count(ref) > 1})
    if twice:
        raise ConfigurationError(f"law {twice[0]} stands twice; what has been decided by needs a version of its own")
    return laws


def _law(raw: object, where: str) -> GrossLaw:
    table = Table(where, raw, _LAW_KEYS)
    ref = table.where = law_ref(table)
    limits = tuple(_limit(entry) for entry in table.tables("limits", _LIMIT_KEYS))
    if not limits:
        raise ValueError(f"{ref}: a law without limits; give [[gross.limits]]")
    table.described()
    valid_from, valid_to = table.validity()
    return GrossLaw(
        table.text("id"),
        version(table),
        table.text("title"),
        table.text("instrument"),
        valid_from,
        valid_to,
        limits,
        digest(raw),
    )


def _limit(entry: Table) -> GrossLimit:
    return GrossLimit(
        entry.whole("axles", 1, MAX_AXLES),
        entry.flag("or_more", False),
        entry.whole("limit_kg", 1, 1_000_000),
        entry.text("vehicle"),
        entry.cited(),
    )
