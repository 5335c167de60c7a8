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
from citywatch.laws.reading import Raw, cited, one_of, refuse_unknown, validity, version, whole

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
    "judged", "capped_by_axles", "conditions", "gross", "adjust", "groups", "runs", "bridge",
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

    @property
    def ref(self) -> str:
        """As events name it: `cn-full@1`."""
        return f"{self.id}@{self.version}"

    def in_force(self, at_ns: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each instant (n,) int64 whether the law was in force."""
        inside = at_ns >= self.valid_from_ns
        return inside if self.valid_to_ns is None else inside & (at_ns < self.valid_to_ns)

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


def read_full(raw: Raw) -> FullLaw:
    """The law of one [[full]] entry; ValueError, TypeError or KeyError for what is wrong in it."""
    ref = f"{raw['id']}@{raw['version']}"
    refuse_unknown(ref, raw, _KEYS)
    reader = _Reader(ref, raw)
    valid_from, valid_to = validity(ref, raw)
    kinds = tables()[one_of(ref, "kinds", raw["kinds"], tables())]
    gross, gross_starts = _by_axles(reader.table(7, reader.gross()))
    adjust = reader.table(7, reader.adjust())
    groups, group_starts = _by_axles(reader.table(8, reader.groups()))
    runs = reader.table(6, reader.runs())
    bridge, terms = reader.bridge(), reader.terms(kinds)
    if not len(gross) and not len(groups) and not len(runs):
        raise ValueError(f"{ref}: a law without limits")
    return FullLaw(
        str(raw["id"]), version(ref, raw), str(raw["title"]), str(raw["instrument"]), valid_from, valid_to, kinds,
        reader.conditions(), tuple(reader.rules), gross, gross_starts, adjust, groups, group_starts,
        runs, bridge, terms,
    )  # fmt: skip


class _Reader:
    """Turns the entries of one law into rows of numbers; remembers its rules and in which sense conditions are used."""

    def __init__(self, ref: str, raw: Raw) -> None:
        self.rules: list[Rule] = []
        self._ref = ref
        self._raw = raw
        self._entries: list[Raw] = list(raw.get("conditions", ()))
        self._names = [entry["name"] for entry in self._entries]
        if len(set(self._names)) < len(self._names) or len(self._names) > 16:
            raise ValueError(f"{ref}: conditions need a name each, at most sixteen")
        self._good: dict[str, bool] = {}

    def gross(self) -> Iterator[tuple[int, ...]]:
        for entry in self._raw.get("gross", ()):
            refuse_unknown(self._ref, entry, _GROSS_KEYS)
            motor = 0
            for axles in entry.get("motor_axles", ()):
                motor |= 1 << whole(self._ref, "motor_axles", axles, 1, 30)
            coupling = one_of(self._ref, "coupling", entry.get("coupling", ""), COUPLINGS)
            terms = (
                self._train(entry), motor, COUPLINGS[coupling], self._literals(entry, "needs"), self._limit_kg(entry),
                self._rule(entry),
            )  # fmt: skip
            fewest, most = self._axles(entry)
            for axles in range(fewest, most + 1):
                yield axles, *terms

    def adjust(self) -> Iterator[tuple[int, ...]]:
        for entry in self._raw.get("adjust", ()):
            refuse_unknown(self._ref, entry, _ADJUST_KEYS)
            cited(self._ref, entry)
            add = whole(self._ref, "add_kg", entry["add_kg"], -_HEAVIEST, _HEAVIEST)
            if ("unless" if add > 0 else "needs") in entry:
                raise ValueError(f"{self._ref}: {entry['rule']}: what is added has `needs`, what is taken off `unless`")
            axles = entry.get("axles", [1, MAX_AXLES])
            needs, unless = self._literals(entry, "needs"), self._literals(entry, "unless")
            per = _PER[one_of(self._ref, "per", entry["per"], _PER)]
            yield min(axles), max(axles), self._train(entry), per, needs, unless, add

    def groups(self) -> Iterator[tuple[int, ...]]:
        for entry in self._raw.get("groups", ()):
            refuse_unknown(self._ref, entry, _GROUP_KEYS)
            places = 0
            for place in entry.get("place", _PLACES):
                places |= _PLACES[one_of(self._ref, "place", place, _PLACES)]
            from_mm = whole(self._ref, "from_mm", entry.get("from_mm", -_LONGEST_MM), -_LONGEST_MM, _LONGEST_MM)
            upto_mm = whole(self._ref, "upto_mm", entry.get("upto_mm", _LONGEST_MM), from_mm, _LONGEST_MM)
            axles = whole(self._ref, "axles", entry["axles"], 1, MAX_AXLES)
            heaviest = whole(self._ref, "each_axle_upto_kg", entry.get("each_axle_upto_kg", 0), 0, _HEAVIEST)
            yield (
                axles, places, from_mm, upto_mm, self._literals(entry, "needs"), heaviest, self._limit_kg(entry),
                self._rule(entry),
            )  # fmt: skip

    def runs(self) -> Iterator[tuple[int, ...]]:
        for entry in self._raw.get("runs", ()):
            refuse_unknown(self._ref, entry, _RUN_KEYS)
            yield *self._axles(entry), *self._span(entry), self._limit_kg(entry), self._rule(entry)

    def bridge(self) -> _Int32s:
        """(axles, feet) -> kg; no columns without a formula. In whole pounds, rounded as the law says, halves down."""
        raw = self._raw.get("bridge")
        if raw is None:
            return np.zeros((0, 0), np.int32)
        refuse_unknown(self._ref, raw, _BRIDGE_KEYS)
        factor, per_axle, constant, step = (
            whole(self._ref, key, raw[key], 1, 10_000) for key in ("factor_lb", "per_axle", "constant", "round_to_lb")
        )
        table = np.zeros((MAX_AXLES + 1, _LONGEST_FT + 1), np.int32)
        for n in range(2, MAX_AXLES + 1):
            for feet in range(_LONGEST_FT + 1):
                # factor * (L n / (n - 1) + per_axle * n + constant), over (n - 1) steps
                numerator = factor * (feet * n + (per_axle * n + constant) * (n - 1))
                denominator = step * (n - 1)
                steps = -((denominator - 2 * numerator) // (2 * denominator))  # nearest, halves down
                table[n, feet] = _kg_of(steps * step)
        return table

    def terms(self, kinds: KindTable) -> _Int32s:
        terms = np.full(legality.TERMS, legality.ANY, np.int32)
        judged = self._raw["judged"]
        for word in judged:
            one_of(self._ref, "judged", word, ("gross", "groups", "runs"))
        terms[legality.GROUP_UPTO_MM] = whole(self._ref, "group_upto_mm", self._raw["group_upto_mm"], 0, _LONGEST_MM)
        terms[legality.JUDGES_GROUPS] = "groups" in judged
        terms[legality.CAPPED] = bool(self._raw["capped_by_axles"])
        terms[legality.CAP_RULE] = len(self.rules)
        self.rules.append(Rule(CAP_RULE, str(self._raw["instrument"])))
        terms[legality.SURE_PERCENT] = kinds.sure_percent
        terms[legality.SINGLE_DRIVE_BIT] = (
            1 << self._names.index("single_drive_axle") if "single_drive_axle" in self._names else 0
        )
        bridge = self._raw.get("bridge")
        if bridge is not None:
            terms[legality.BRIDGE_RULE] = self._rule(bridge)
            exception = bridge["exception"]
            refuse_unknown(self._ref, exception, _EXCEPTION_KEYS)
            terms[legality.EXCEPTION_RULE] = self._rule(exception)
            terms[legality.EXCEPTION_FROM_FT] = whole(self._ref, "from_ft", exception["from_ft"], 1, _LONGEST_FT)
            terms[legality.EXCEPTION_KG] = self._limit_kg(exception)
            tandem = next((entry for entry in self._raw.get("runs", ()) if entry["rule"] == "tandem"), None)
            if tandem is None:
                raise ValueError(f"{self._ref}: the exception of the bridge formula needs a run named tandem")
            terms[legality.TANDEM_OVER_MM], terms[legality.TANDEM_UPTO_MM] = self._span(tandem)
        return terms

    def conditions(self) -> tuple[Condition, ...]:
        found = []
        for entry in self._entries:
            refuse_unknown(self._ref, entry, _CONDITION_KEYS)
            name = str(entry["name"])
            if name not in self._good:
                raise ValueError(f"{self._ref}: no rule asks for the condition {name!r}")
            presumed = _PRESUMED[one_of(self._ref, "presumed", entry["presumed"], _PRESUMED)]
            meaning = str(entry["meaning"])
            found.append(Condition(name, presumed, self._good[name], meaning, cited(self._ref, entry)))
        return tuple(found)

    @staticmethod
    def table(width: int, rows: Iterator[tuple[int, ...]]) -> _Int32s:
        return np.array(list(rows), np.int32).reshape(-1, width)

    def _literals(self, entry: Raw, key: str) -> int:
        bits = 0
        for word in entry.get(key, ()):
            good, name = not word.startswith(_NOT), word.removeprefix(_NOT)
            bits |= 1 << self._names.index(one_of(self._ref, key, name, self._names))
            if self._good.setdefault(name, good) != good:
                raise ValueError(f"{self._ref}: {name!r} is asked for in both senses; say it with another condition")
        return bits

    def _axles(self, entry: Raw) -> tuple[int, int]:
        axles = whole(self._ref, "axles", entry["axles"], 1, MAX_AXLES)
        return axles, MAX_AXLES if entry.get("or_more", False) else axles

    @staticmethod
    def _train(entry: Raw) -> int:
        train = entry.get("train")
        return legality.ANY if train is None else legality.TRAIN if train else legality.TRUCK

    def _span(self, entry: Raw) -> tuple[int, int]:
        """(over, upto) in mm; what is given in inches is cut off, which changes no comparison of whole millimetres."""
        over = entry["over_in"] * 254 // 10 if "over_in" in entry else entry.get("over_mm", -1)
        upto = entry["upto_in"] * 254 // 10 if "upto_in" in entry else entry.get("upto_mm", _LONGEST_MM)
        return whole(self._ref, "over", over, -1, _LONGEST_MM), whole(self._ref, "upto", upto, 0, _LONGEST_MM)

    def _limit_kg(self, entry: Raw) -> int:
        if "limit_lb" in entry:
            return _kg_of(whole(self._ref, "limit_lb", entry["limit_lb"], 1, 2 * _HEAVIEST))
        return whole(self._ref, "limit_kg", entry["limit_kg"], 1, _HEAVIEST)

    def _rule(self, entry: Raw) -> int:
        self.rules.append(Rule(str(entry["rule"]), cited(self._ref, entry)))
        return len(self.rules) - 1


def _by_axles(table: _Int32s) -> tuple[_Int32s, _Int32s]:
    """Rows in the order of their first column, a number of axles, without it; and where each number begins."""
    table = table[np.argsort(table[:, 0], kind="stable")]
    counts = np.bincount(table[:, 0], minlength=MAX_AXLES + 1)
    return np.ascontiguousarray(table[:, 1:]), np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _kg_of(pounds: int) -> int:
    """Whole kilograms, cut off: a weight in whole kilograms is above one exactly when it is above the other."""
    return pounds * _LB_PER_KG[0] // _LB_PER_KG[1]
