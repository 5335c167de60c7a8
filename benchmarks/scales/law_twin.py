"""The plainest reading of the law files: every condition tried both ways, in the law's own units, in whole numbers.

Shares nothing with citywatch.laws, kernels.legality and kernels.vehicles but the TOML files themselves.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from typing import Any

Entry = dict[str, Any]
Bound = tuple[str, int, int, int, int]
"""(rule, limit kg, measured kg, first axle, axles)."""

LB = 45_359_237  # 1e-8 kg
PLACES = ("first", "motor", "trailer")


def _files() -> Iterator[Entry]:
    for name in ("cn.toml", "eu.toml", "us.toml"):
        text = (resources.files("citywatch.laws") / name).read_text(encoding="utf-8")
        yield from tomllib.loads(text).get("full", ())


@cache
def _kinds() -> Entry:
    return tomllib.loads((resources.files("citywatch.laws") / "kinds.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Vehicle:
    """`facts`: condition -> True, False or None; `best`, `second`: rows of the table of kinds, or None."""

    loads: list[int]
    gaps: list[int]
    gross: int
    tolerance: int
    facts: dict[str, bool | None]
    best: Entry | None
    second: Entry | None
    confidence: int


class TwinLaw:
    """One law, by its entries."""

    def __init__(self, name: str) -> None:
        (self.raw,) = [entry for entry in _files() if entry["id"] == name]
        self.conditions = [entry["name"] for entry in self.raw.get("conditions", ())]
        self.presumed = {
            entry["name"]: {"yes": True, "no": False, "unknown": None}[entry["presumed"]]
            for entry in self.raw.get("conditions", ())
        }
        self.sure = _kinds()["tolerance"]["sure_percent"]
        self.table = next(table for table in _kinds()["table"] if table["name"] == self.raw["kinds"])
        self.parts = bool({"groups", "runs"} & set(self.raw["judged"]))

    def judge(self, v: Vehicle) -> tuple[str, int | None, int | None, set[Bound], set[Bound]]:
        """(decision, strictest margin, most lenient one, what may bind in the one, in the other)."""
        n = len(v.loads)
        spaced = _given(v.gaps)
        longest = max(v.gaps.index(max(v.gaps)) + 1 if v.gaps else 1, 2)
        spared = False
        worlds: list[tuple[int, Bound]] = []
        if v.best is None:
            splits = [longest] if spaced else range(2, n)
            whats = [
                (False, n, "", False),
                *((True, motor, how, False) for motor in splits for how in ("semi", "full")),
            ]
        else:
            rows = [v.best] if v.second is None or v.confidence >= self.sure else [v.best, v.second]
            whats = []
            for row in rows:
                if not row.get("goods", True):
                    spared = True
                    continue
                train = row.get("train", False)
                motor = (row.get("motor_axles", 0) or longest) if train else n
                whats.append((train, motor, row.get("coupling", ""), row.get("single_drive", False)))
        for (train, motor, coupling, single), shift in product(
            whats, (0, -v.tolerance, v.tolerance) if spaced and v.tolerance else (0,)
        ):
            facts = {**v.facts, "single_drive_axle": True} if single and "single_drive_axle" in v.facts else v.facts
            names = self.conditions
            choices = [(True, False) if facts[name] is None else (facts[name],) for name in names]
            for values in product(*choices):
                world = dict(zip(names, values, strict=True))
                checks = list(self._checks(v, n, spaced, shift, train, motor, coupling, world))
                if checks:
                    margin = min(limit - measured for _, limit, measured, _, _ in checks)
                    worlds += [(margin, check) for check in checks if check[1] - check[2] == margin]
        if not worlds:
            return ("lawful" if spared else "undecided"), None, None, set(), set()
        low, high = min(margin for margin, _ in worlds), max(margin for margin, _ in worlds)
        whole = not self.parts or (_given(v.loads) and (spaced or n == 1))
        if high < 0 and not spared:
            decision = "over"
        elif low >= 0 and whole:
            decision = "lawful"
        else:
            decision = "undecided"
        return (
            decision, low, high,
            {check for margin, check in worlds if margin == low}, {check for margin, check in worlds if margin == high},
        )  # fmt: skip

    def _checks(
        self, v: Vehicle, n: int, spaced: bool, shift: int, train: bool, motor: int, coupling: str, world: Entry
    ) -> Iterator[Bound]:
        raw = self.raw
        gross = [
            (_kg(entry), entry["rule"])
            for entry in raw.get("gross", ())
            if (entry["axles"] == n or (entry.get("or_more") and n > entry["axles"]))
            and entry.get("train", train) == train
            and (motor in entry["motor_axles"] if "motor_axles" in entry else True)
            and entry.get("coupling", coupling) == coupling
            and _holds(entry, world)
        ]
        groups = list(self._groups(v, n, shift, motor)) if spaced else []
        limits = [self._group_limit(v, group, shift, world) for group in groups]
        if gross:
            limit = max(limit for limit, _ in gross)
            rule = next(rule for kg, rule in gross if kg == limit)
            limit = max(limit + sum(self._adjust(v, n, spaced, shift, train, motor, world)), 0)
            if raw["capped_by_axles"] and groups and all(one for one in limits):
                total = sum(kg for one in limits for kg, *_ in one)
                if 0 < total < limit:
                    limit, rule = total, "gross.sum_of_axles"
            if limit > 0:
                yield rule, limit, v.gross, 0, n
        if "groups" in raw["judged"]:
            for group, one in zip(groups, limits, strict=True):
                for kg, rule, first, count in one or self._singles(v, group, world):
                    yield rule, kg, sum(v.loads[first : first + count]), first, count
        if "runs" in raw["judged"] and (spaced or n == 1):
            yield from self._runs(v, n, shift)

    def _groups(self, v: Vehicle, n: int, shift: int, motor: int) -> Iterator[tuple[int, int, str]]:
        near = self.raw["group_upto_mm"]
        farther = self.raw.get("pair_upto_mm", near)
        apart = [gap + shift for gap in v.gaps]
        within_trailer = range(motor, n - 1)  # numbers of distances
        first = 0
        for i in range(n):
            if i < n - 1 and apart[i] <= near:
                continue
            alone = first == i and i in within_trailer and apart[i] <= farther
            if alone and all(apart[k] > farther for k in (i - 1, i + 1) if k in within_trailer):
                continue
            yield first, i - first + 1, "first" if first == 0 else "motor" if first < motor else "trailer"
            first = i + 1

    def _group_limit(
        self, v: Vehicle, group: tuple[int, int, str], shift: int, world: Entry
    ) -> list[tuple[int, str, int, int]]:
        """[(limit, rule, first, axles)]: of the group, else of each axle; empty when the law names none of it."""
        first, count, place = group
        apart = max((gap + shift for gap in v.gaps[first : first + count - 1]), default=0)
        found = [
            (entry["limit_kg"], entry["rule"], first, count)
            for entry in self.raw.get("groups", ())
            if entry["axles"] == count
            and place in entry.get("place", PLACES)
            and entry.get("from_mm", -(10**6)) <= (max(apart, 0) if count > 1 else 0) <= entry.get("upto_mm", 10**6)
            and _holds(entry, world)
            and all(load <= entry.get("each_axle_upto_kg", 10**9) for load in v.loads[first : first + count])
        ]
        if found:
            return [max(found, key=lambda one: one[0])]
        if count == 1:
            return []
        singles = self._singles(v, group, world)
        return singles if len(singles) == count else []

    def _singles(self, v: Vehicle, group: tuple[int, int, str], world: Entry) -> list[tuple[int, str, int, int]]:
        first, count, place = group
        if count == 1:
            return []
        where = "motor" if place == "first" else place
        found = []
        for axle in range(first, first + count):
            found += self._group_limit(v, (axle, 1, "first" if axle == 0 else where), 0, world)
        return found

    def _adjust(
        self, v: Vehicle, n: int, spaced: bool, shift: int, train: bool, motor: int, world: Entry
    ) -> Iterator[int]:
        for entry in self.raw.get("adjust", ()):
            if n not in entry.get("axles", [n]) or entry.get("train", train) != train:
                continue
            if not _holds(entry, world) or any(_true(word, world) for word in entry.get("unless", ())):
                continue
            if entry["per"] == "vehicle":
                yield entry["add_kg"]
            elif entry["per"] == "trailer_axle":
                yield entry["add_kg"] * (max(n - motor, 0) if train else 0)
            else:
                near = [v.gaps[i] + shift <= self.raw["group_upto_mm"] for i in range(1, min(motor, n) - 1)]
                yield entry["add_kg"] * (sum(near) if spaced else 0)

    def _runs(self, v: Vehicle, n: int, shift: int) -> Iterator[Bound]:
        tandem = next(entry for entry in self.raw["runs"] if entry["rule"] == "tandem")
        for first in range(n):
            for last in range(first, n):
                count = last - first + 1
                load = sum(v.loads[first : last + 1])
                length = max(sum(v.gaps[first:last]) + shift, 0) if count > 1 else 0
                for entry in self.raw["runs"]:
                    enough = count == entry["axles"] or (entry.get("or_more") and count > entry["axles"])
                    if enough and _between(length, entry):
                        yield entry["rule"], _kg(entry), load, first, count
                if count > 1:
                    bridge = self.raw["bridge"]
                    feet = (2 * 10 * length + 3048) // (2 * 3048)
                    limit = _bridge_lb(count, feet, bridge["factor_lb"], bridge["per_axle"], bridge["constant"])
                    rule = bridge["rule"]
                    exception = bridge["exception"]
                    if (
                        count == 4
                        and feet >= exception["from_ft"]
                        and _between(v.gaps[first] + shift, tandem)
                        and _between(v.gaps[first + 2] + shift, tandem)
                        and exception["limit_lb"] > limit
                    ):
                        limit, rule = exception["limit_lb"], exception["rule"]
                    yield rule, limit * LB // 10**8, load, first, count

    def kind(self, v: Vehicle) -> tuple[Entry | None, Entry | None, int]:
        """(kind, runner-up, confidence in percent) by its own table of the normal law."""
        tolerance = _kinds()["tolerance"]
        z = 1.959963984540054
        sigma_mm, permille = round(tolerance["spacing_mm"] / z), round(10 * tolerance["weight_percent"] / z)
        length = {"mm": (1, 1), "ft": (3048, 10)}[self.table["unit_length"]]
        weight = {"kg": (1, 1), "kip": (45_359_237, 100_000)}[self.table["unit_weight"]]
        n = len(v.loads)
        if not _given(v.gaps):
            return None, None, 0
        scored: list[tuple[int, bool, Entry]] = []
        for row in self.table["rows"]:
            if row["axles"] != n:
                continue
            ranges = [tuple(_units(end, length) for end in span) for span in row["spacings"]]
            gross = tuple(_units(end, weight) for end in row["gross"])
            least = _units(row.get("first_axle", 0), weight)
            fits = gross[0] <= v.gross <= gross[1] and v.loads[0] >= least
            fits = fits and all(a <= gap <= b for gap, (a, b) in zip(v.gaps, ranges, strict=True))
            score = _chance(v.gross, *gross, max(v.gross * permille // 1000, 1))
            if least > 0:
                score = score * _chance(v.loads[0], least, 1 << 30, max(v.loads[0] * permille // 1000, 1)) // 1024
            for gap, (a, b) in zip(v.gaps, ranges, strict=True):
                score = score * _chance(gap, a, b, sigma_mm) // 1024
            scored.append((max(score, 1) if fits else score, fits, row))
        fitting = [row for _, fits, row in scored if fits]
        best = max(scored, key=lambda one: one[0], default=None)
        if not fitting and (best is None or best[0] == 0):
            return None, None, 0
        kind = fitting[0] if fitting else best[2]  # type: ignore[index]
        of_kind: dict[str, tuple[int, int]] = {}
        for number, (score, _, row) in enumerate(scored):
            if row["kind"] not in of_kind or score > of_kind[row["kind"]][0]:
                of_kind[row["kind"]] = (score, number)
        others = [one for word, one in of_kind.items() if word != kind["kind"] and one[0] > 0]
        second = max(others, key=lambda one: (one[0], -one[1]), default=None)
        share = 100 * of_kind[kind["kind"]][0] // sum(score for score, _ in of_kind.values())
        return kind, None if second is None else scored[second[1]][2], share


def _given(numbers: list[int]) -> bool:
    """Zero is a number that the scale did not give."""
    return bool(numbers) and all(number > 0 for number in numbers)


def _holds(entry: Entry, world: Entry) -> bool:
    return all(_true(word, world) for word in entry.get("needs", ()))


def _true(word: str, world: Entry) -> bool:
    return not world[word[4:]] if word.startswith("not ") else world[word]


def _kg(entry: Entry) -> int:
    return entry["limit_lb"] * LB // 10**8 if "limit_lb" in entry else entry["limit_kg"]


def _between(mm: int, entry: Entry) -> bool:
    """Compared in tenths of a millimetre: an inch is 254 of them."""
    return entry.get("over_in", -1) * 254 < 10 * mm and 10 * mm <= entry.get("upto_in", 10**6) * 254


@cache
def _bridge_lb(n: int, feet: int, factor: int, per_axle: int, constant: int) -> int:
    """The formula in pounds; between two multiples of 500 the nearer, in the middle the lower."""
    top, bottom = factor * (feet * n + (per_axle * n + constant) * (n - 1)), n - 1
    below = top // bottom // 500 * 500
    return below + 500 if 2 * (top - below * bottom) > 500 * bottom else below


def _units(value: float, unit: tuple[int, int]) -> int:
    return round(round(100 * value) * unit[0] / (100 * unit[1]))


@cache
def _phi(step: int) -> int:
    if step <= -128:
        return 0
    return 1024 if step >= 128 else round(1024 * (1 + math.erf(step / 32 / math.sqrt(2))) / 2)


def _chance(value: int, low: int, high: int, sigma: int) -> int:
    return _phi((high - value) * 32 // sigma) - _phi((low - 1 - value) * 32 // sigma)
