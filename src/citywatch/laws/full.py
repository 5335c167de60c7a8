"""A law with all its rules: gross, axle groups, runs of axles and the bridge formula, under conditions nobody sees.

Read from TOML, checked, and turned into the tables of numbers that kernels.legality judges by. A condition may be
asked for in one sense only: so its worst value for the truck is the same in every rule, and the strictest and the most
lenient outcome are found by trying the two ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from citywatch.domain.passes import MAX_AXLES
from citywatch.kernels import legality
from citywatch.laws.kinds import COUPLINGS, KindTable, tables
from citywatch.laws.reading import Table, digest, law_ref, one_of, version

_Int32s = np.ndarray[Any, np.dtype[np.int32]]

CAP_RULE = "gross.sum_of_axles"
_NOT = "not "
_LB_PER_KG = (45_359_237, 100_000_000)
_LONGEST_MM = 1_000_000
_HEAVIEST = 1_000_000
_LONGEST_FT = 400
"""The bridge formula is tabled up to here: longer than anything that a scale tells apart from two vehicles."""

_KEYS = (
    "id", "version", "title", "authority", "instrument", "valid_from", "valid_to", "note", "kinds", "group_upto_mm",
    "pair_upto_mm", "judged", "capped_by_axles", "conditions", "gross", "adjust", "groups", "runs", "bridge",
)  # fmt: skip
_CONDITION_KEYS = ("name", "presumed", "meaning", "citation")
_AXLES_KEYS = ("rule", "axles", "or_more", "citation")
_LIMIT_KEYS = ("limit_kg", "limit_lb")
_GROSS_KEYS = (*_AXLES_KEYS, *_LIMIT_KEYS, "train", "motor_axles", "coupling", "needs")
_ADJUST_KEYS = ("rule", "per", "axles", "train", "needs", "unless", "add_kg", "citation")
_GROUP_KEYS = ("rule", "axles", "place", "from_mm", "upto_mm", "needs", "each_axle_upto_kg", "citation", *_LIMIT_KEYS)
_RUN_KEYS = (*_AXLES_KEYS, *_LIMIT_KEYS, "over_in", "upto_in", "over_mm", "upto_mm")
_BRIDGE_KEYS = ("rule", "factor_lb", "per_axle", "constant", "round_to_lb", "citation", "exception")
_EXCEPTION_KEYS = ("rule", "from_ft", "limit_lb", "citation")

_PRESUMED = {"yes": True, "no": False, "unknown": None}
_WORDS = {value: word for word, value in _PRESUMED.items()}
_PLACES = {"first": legality.FIRST, "motor": legality.MOTOR, "trailer": legality.TRAILER}
_PER = {
    "vehicle": legality.PER_VEHICLE,
    "trailer_axle": legality.PER_TRAILER_AXLE,
    "motor_group_axle_not_driven": legality.PER_MOTOR_GROUP_AXLE,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a scale cannot see. `good`: the value that never lowers a limit; `presumed`: None for unknown."""

    name: str
    presumed: bool | None
    good: bool
    meaning: str
    citation: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One number of the law, as events name it."""

    name: str
    citation: str


@dataclass(frozen=True, eq=False)
class FullLaw:
    """A law with all its rules; tables as kernels.legality.judge takes them."""

    id: str
    version: int
    title: str
    instrument: str
    valid_from_ns: int
    valid_to_ns: int | None
    kinds: KindTable
    conditions: tuple[Condition, ...]
    rules: tuple[Rule, ...]
    gross: _Int32s
    gross_starts: _Int32s
    adjust: _Int32s
    groups: _Int32s
    group_starts: _Int32s
    runs: _Int32s
    bridge: _Int32s
    terms: _Int32s
    digest: str = ""
    """Of all that decides in it; see laws.reading."""

    @property
    def ref(self) -> str:
        """As events name it: `cn-full@1`."""
        return f"{self.id}@{self.version}"

    def in_force(self, at_ns: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each instant (n,) int64 whether the law was in force."""
        inside = at_ns >= self.valid_from_ns
        return inside if self.valid_to_ns is None else inside & (at_ns < self.valid_to_ns)

    def holds(self, at_ns: int) -> bool:
        """Whether the law was in force at an instant."""
        return at_ns >= self.valid_from_ns and (self.valid_to_ns is None or at_ns < self.valid_to_ns)

    @property
    def group_upto_mm(self) -> int:
        """Axles as near as this are one group."""
        return int(self.terms[legality.GROUP_UPTO_MM])

    @cached_property
    def condition_words(self) -> dict[str, str]:
        """What the law presumes of each condition: yes, no or unknown."""
        return {condition.name: _WORDS[condition.presumed] for condition in self.conditions}

    def assuming(self, facts: Mapping[str, bool | None]) -> FullLaw:
        """The law with other presumptions: what a city knows, or does not want to presume."""
        self.bits(facts)
        conditions = tuple(replace(one, presumed=facts.get(one.name, one.presumed)) for one in self.conditions)
        return replace(self, conditions=conditions)

    def bits(self, facts: Mapping[str, bool | None]) -> tuple[int, int]:
        """Bits of the conditions at their worst and at their best: as `facts` says, else as the law presumes.

        ValueError for a fact that is no condition of this law.
        """
        unknown = sorted(facts.keys() - {condition.name for condition in self.conditions})
        if unknown:
            known = ", ".join(condition.name for condition in self.conditions) or "none"
            raise ValueError(f"{self.ref}: {unknown[0]!r} is no condition of this law; known: {known}")
        worst = best = 0
        for bit, condition in enumerate(self.conditions):
            value = facts.get(condition.name, condition.presumed)
            worst |= (value == condition.good) << bit
            best |= (value is None or value == condition.good) << bit
        return worst, best


def read_full(raw: object, where: str) -> FullLaw:
    """The law of one [[full]] entry; ValueError says where, what is wrong and what is wanted."""
    table = Table(where, raw, _KEYS)
    ref = table.where = law_ref(table)
    reader = _Reader(table)
    table.described()
    valid_from, valid_to = table.validity()
    kinds = tables()[table.one_of("kinds", tables())]
    gross, gross_starts = _by_axles(reader.table(7, reader.gross()))
    adjust = reader.table(7, reader.adjust())
    groups, group_starts = _by_axles(reader.table(8, reader.groups()))
    runs = reader.table(6, reader.runs())
    bridge, terms = reader.bridge(), reader.terms(kinds)
    if not len(gross) and not len(groups) and not len(runs):
        raise ValueError(f"{ref}: a law without limits; give gross, groups or runs")
    return FullLaw(
        table.text("id"), version(table), table.text("title"), table.text("instrument"), valid_from, valid_to, kinds,
        reader.conditions(), tuple(reader.rules), gross, gross_starts, adjust, groups, group_starts,
        runs, bridge, terms, digest(raw),
    )  # fmt: skip


class _Reader:
    """Turns the entries of one law into rows of numbers; remembers its rules and in which sense conditions are used."""

    def __init__(self, law: Table) -> None:
        self.rules: list[Rule] = []
        self._law = law
        self._ref = law.where
        self._runs = law.tables("runs", _RUN_KEYS)
        self._entries = law.tables("conditions", _CONDITION_KEYS)
        self._names = [entry.text("name") for entry in self._entries]
        if len(set(self._names)) < len(self._names) or len(self._names) > 16:
            raise ValueError(f"{self._ref}: conditions need a name each, at most sixteen")
        self._good: dict[str, bool] = {}

    def gross(self) -> Iterator[tuple[int, ...]]:
        for entry in self._law.tables("gross", _GROSS_KEYS):
            motor = 0
            for axles in entry.wholes("motor_axles", 1, 30):
                motor |= 1 << axles
            terms = (
                _train(entry), motor, COUPLINGS[entry.one_of("coupling", COUPLINGS, "")],
                self._literals(entry, "needs"), _limit_kg(entry), self._rule(entry),
            )  # fmt: skip
            fewest, most = _axles(entry)
            for axles in range(fewest, most + 1):
                yield axles, *terms

    def adjust(self) -> Iterator[tuple[int, ...]]:
        for entry in self._law.tables("adjust", _ADJUST_KEYS):
            entry.cited()
            rule = entry.text("rule")
            add = entry.whole("add_kg", -_HEAVIEST, _HEAVIEST)
            if ("unless" if add > 0 else "needs") in entry:
                raise ValueError(f"{self._ref}: {rule}: what is added has `needs`, what is taken off `unless`")
            axles = entry.wholes("axles", 1, MAX_AXLES) or (1, MAX_AXLES)
            if "axles" in entry and axles != tuple(range(axles[0], axles[0] + len(axles))):
                raise ValueError(f"{entry.where}: axles is {list(axles)}; numbers that follow each other are wanted")
            needs, unless = self._literals(entry, "needs"), self._literals(entry, "unless")
            yield axles[0], axles[-1], _train(entry), _PER[entry.one_of("per", _PER)], needs, unless, add

    def groups(self) -> Iterator[tuple[int, ...]]:
        for entry in self._law.tables("groups", _GROUP_KEYS):
            places = 0
            for place in entry.words("place") or _PLACES:
                places |= _PLACES[one_of(entry.where, "place", place, _PLACES)]
            from_mm = entry.whole("from_mm", 0, _LONGEST_MM) if "from_mm" in entry else -_LONGEST_MM
            upto_mm = entry.whole("upto_mm", max(from_mm, 0), _LONGEST_MM, _LONGEST_MM)
            axles = entry.whole("axles", 1, MAX_AXLES)
            heaviest = entry.whole("each_axle_upto_kg", 0, _HEAVIEST, 0)
            yield (
                axles, places, from_mm, upto_mm, self._literals(entry, "needs"), heaviest, _limit_kg(entry),
                self._rule(entry),
            )  # fmt: skip

    def runs(self) -> Iterator[tuple[int, ...]]:
        for entry in self._runs:
            yield *_axles(entry), *_span(entry), _limit_kg(entry), self._rule(entry)

    def bridge(self) -> _Int32s:
        """(axles, feet) -> kg; no columns without a formula. In whole pounds, rounded as the law says, halves down."""
        raw = self._law.table("bridge", _BRIDGE_KEYS)
        if raw is None:
            return np.zeros((0, 0), np.int32)
        factor, per_axle, constant, step = (
            raw.whole(key, 1, 10_000) for key in ("factor_lb", "per_axle", "constant", "round_to_lb")
        )
        table = np.zeros((MAX_AXLES + 1, _LONGEST_FT + 1), np.int32)
        for n in range(2, MAX_AXLES + 1):
            for feet in range(_LONGEST_FT + 1):
                # factor * (L n / (n - 1) + per_axle * n + constant), over (n - 1) steps
                numerator = factor * (feet * n + (per_axle * n + constant) * (n - 1))
                denominator = step * (n - 1)
                steps = -((denominator - 2 * numerator) // (2 * denominator))  # nearest, halves down
                kg = _kg_of(steps * step)
                if kg >= legality.NOTHING:
                    raise ValueError(f"{raw.where}: {n} axles over {feet} ft may weigh {kg:,} kg; correct the formula")
                table[n, feet] = kg
        return table

    def terms(self, kinds: KindTable) -> _Int32s:
        terms = np.full(legality.TERMS, legality.ANY, np.int32)
        law = self._law
        upto = law.whole("group_upto_mm", 0, _LONGEST_MM)
        terms[legality.GROUP_UPTO_MM] = upto
        terms[legality.PAIR_UPTO_MM] = law.whole("pair_upto_mm", upto, _LONGEST_MM, upto)
        terms[legality.JUDGES_GROUPS] = "groups" in self._judged()
        terms[legality.CAPPED] = law.flag("capped_by_axles")
        terms[legality.CAP_RULE] = len(self.rules)
        self.rules.append(Rule(CAP_RULE, law.text("instrument")))
        terms[legality.SURE_PERCENT] = kinds.sure_percent
        terms[legality.SINGLE_DRIVE_BIT] = (
            1 << self._names.index("single_drive_axle") if "single_drive_axle" in self._names else 0
        )
        terms[legality.JOINED_BIT] = 1 << self._names.index("joined_axles") if "joined_axles" in self._names else 0
        bridge = law.table("bridge", _BRIDGE_KEYS)
        if bridge is not None:
            if not self._runs:
                raise ValueError(f"{bridge.where}: the bridge formula is about runs of axles; give runs, too")
            terms[legality.BRIDGE_RULE] = self._rule(bridge)
            exception = bridge.table("exception", _EXCEPTION_KEYS)
            if exception is not None:
                terms[legality.EXCEPTION_RULE] = self._rule(exception)
                terms[legality.EXCEPTION_FROM_FT] = exception.whole("from_ft", 1, _LONGEST_FT)
                terms[legality.EXCEPTION_KG] = _limit_kg(exception)
                tandem = next((entry for entry in self._runs if entry.text("rule") == "tandem"), None)
                if tandem is None:
                    raise ValueError(f'{exception.where}: the exception needs a run whose rule is "tandem"')
                terms[legality.TANDEM_OVER_MM], terms[legality.TANDEM_UPTO_MM] = _span(tandem)
        return terms

    def conditions(self) -> tuple[Condition, ...]:
        found = []
        for entry, name in zip(self._entries, self._names, strict=True):
            if name not in self._good:
                raise ValueError(f"{self._ref}: no rule asks for the condition {name!r}; leave it out")
            presumed = _PRESUMED[entry.one_of("presumed", _PRESUMED)]
            found.append(Condition(name, presumed, self._good[name], entry.text("meaning"), entry.cited()))
        return tuple(found)

    @staticmethod
    def table(width: int, rows: Iterator[tuple[int, ...]]) -> _Int32s:
        return np.array(list(rows), np.int32).reshape(-1, width)

    def _judged(self) -> tuple[str, ...]:
        """What the law judges: gross and runs wherever they are given, groups also for their sum alone."""
        judged = self._law.words("judged")
        for word in judged:
            one_of(self._ref, "judged", word, ("gross", "groups", "runs"))
            if word not in self._law:
                raise ValueError(f"{self._ref}: judged names {word}, of which there are none; give [[full.{word}]]")
        for word in ("gross", "runs"):
            if word in self._law and word not in judged:
                raise ValueError(f"{self._ref}: {word} are given but not judged; name them in judged")
        return judged

    def _literals(self, entry: Table, key: str) -> int:
        bits = 0
        for word in entry.words(key):
            good, name = not word.startswith(_NOT), word.removeprefix(_NOT)
            bits |= 1 << self._names.index(one_of(entry.where, key, name, self._names))
            if self._good.setdefault(name, good) != good:
                raise ValueError(f"{entry.where}: {name!r} is asked for in both senses; say it with another condition")
        return bits

    def _rule(self, entry: Table) -> int:
        name = entry.text("rule")
        if any(rule.name == name for rule in self.rules):
            raise ValueError(f"{entry.where}: a second rule of that name; events tell rules by their names")
        self.rules.append(Rule(name, entry.cited()))
        return len(self.rules) - 1


def _axles(entry: Table) -> tuple[int, int]:
    axles = entry.whole("axles", 1, MAX_AXLES)
    return axles, MAX_AXLES if entry.flag("or_more", False) else axles


def _train(entry: Table) -> int:
    if "train" not in entry:
        return legality.ANY
    return legality.TRAIN if entry.flag("train") else legality.TRUCK


def _span(entry: Table) -> tuple[int, int]:
    """(over, upto) in mm; what is given in inches is cut off, which changes no comparison of whole millimetres."""
    ends = []
    for end, default in (("over", -1), ("upto", _LONGEST_MM)):
        inches, mm = f"{end}_in", f"{end}_mm"
        if inches in entry and mm in entry:
            raise ValueError(f"{entry.where}: both {inches} and {mm}; give one")
        if inches in entry:
            ends.append(entry.whole(inches, 0, _LONGEST_MM // 26) * 254 // 10)
        else:
            ends.append(entry.whole(mm, 0, _LONGEST_MM) if mm in entry else default)
    if ends[0] >= ends[1]:
        raise ValueError(f"{entry.where}: from over {ends[0]} mm up to {ends[1]} mm there is nothing")
    return ends[0], ends[1]


def _limit_kg(entry: Table) -> int:
    if "limit_lb" in entry and "limit_kg" in entry:
        raise ValueError(f"{entry.where}: both limit_kg and limit_lb; give one")
    if "limit_lb" in entry:
        return _kg_of(entry.whole("limit_lb", 1, 2 * _HEAVIEST))
    return entry.whole("limit_kg", 1, _HEAVIEST)


def _by_axles(table: _Int32s) -> tuple[_Int32s, _Int32s]:
    """Rows in the order of their first column, a number of axles, without it; and where each number begins."""
    table = table[np.argsort(table[:, 0], kind="stable")]
    counts = np.bincount(table[:, 0], minlength=MAX_AXLES + 1)
    return np.ascontiguousarray(table[:, 1:]), np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _kg_of(pounds: int) -> int:
    """Whole kilograms, cut off: a weight in whole kilograms is above one exactly when it is above the other."""
    return pounds * _LB_PER_KG[0] // _LB_PER_KG[1]
