"""Tables of kinds of vehicles (kinds.toml): rows of distances and weights, as kernels.vehicles takes them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

from citywatch.domain.passes import MAX_AXLES
from citywatch.errors import ConfigurationError
from citywatch.kernels import vehicles
from citywatch.kernels.legality import ANY, FULL, SEMI, TRAIN, TRUCK
from citywatch.laws.reading import Raw, cited, one_of, package_text, refuse_unknown, whole

UNKNOWN_KIND = "unknown"
COUPLINGS = {"": ANY, "semi": SEMI, "full": FULL}

_ROW_KEYS = (
    "kind", "name", "goods", "train", "motor_axles", "coupling", "single_drive", "axles", "spacings", "gross",
    "first_axle",
)  # fmt: skip
_TABLE_KEYS = ("name", "title", "unit_length", "unit_weight", "citation", "rows")
_LENGTHS = {"mm": (1, 1), "ft": (3048, 10)}
"""Millimetres: numerator and denominator."""
_WEIGHTS = {"kg": (1, 1), "kip": (45_359_237, 100_000)}

_Int32s = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: what a vehicle is called, and what the law asks of it. `goods`: truck limits are for it."""

    kind: str
    name: str
    goods: bool
    train: bool
    motor_axles: int
    coupling: str
    single_drive: bool
    axles: int


@dataclass(frozen=True, eq=False)
class KindTable:
    """A table of kinds, and its numbers as kernels.vehicles.classify and kernels.legality.judge take them."""

    name: str
    title: str
    citation: str
    kinds: tuple[Kind, ...]
    sure_percent: int
    tolerance_mm: int
    sigma_mm: int
    sigma_permille: int
    starts: _Int32s
    rows: _Int32s
    low_mm: _Int32s
    high_mm: _Int32s
    attributes: _Int32s

    def word(self, row: int) -> str:
        """The kind of a row, as events name it."""
        return self.kinds[row].kind if row >= 0 else UNKNOWN_KIND


@cache
def normal_table() -> _Int32s:
    """The normal law in vehicles.SCALE parts, from -REACH to REACH standard deviations, STEPS entries each."""
    reach = vehicles.REACH * vehicles.STEPS
    law = NormalDist()
    table = np.array([round(vehicles.SCALE * law.cdf(i / vehicles.STEPS)) for i in range(-reach, reach + 1)], np.int32)
    table[0], table[-1] = 0, vehicles.SCALE
    table.flags.writeable = False
    return table


@cache
def not_goods_words() -> frozenset[str]:
    """What scales and cameras call vehicles that truck limits are not made for: lower case, without blanks."""
    words: list[str] = tomllib.loads(package_text("kinds.toml"))["words"]["not_goods"]
    return frozenset(words)


@cache
def goods_words() -> tuple[str, ...]:
    """Parts of what they call vehicles that truck limits are made for, in the same letters."""
    words: list[str] = tomllib.loads(package_text("kinds.toml"))["words"]["goods"]
    return tuple(words)


@cache
def tables() -> dict[str, KindTable]:
    """Every table of the package by name."""
    return parse_kinds(package_text("kinds.toml"), "kinds.toml")


def parse_kinds(text: str, name: str) -> dict[str, KindTable]:
    """The tables in the text of a TOML file; ConfigurationError names what is wrong in it."""
    try:
        raw = tomllib.loads(text)
        refuse_unknown("the file", raw, ("tolerance", "words", "table"))
        tolerance = raw["tolerance"]
        cited("tolerance", tolerance)
        z = NormalDist().inv_cdf((1 + tolerance["confidence_percent"] / 100) / 2)
        sigmas = (
            tolerance["spacing_mm"],
            round(tolerance["spacing_mm"] / z),
            round(10 * tolerance["weight_percent"] / z),
        )
        sure = whole("tolerance", "sure_percent", tolerance["sure_percent"], 1, 100)
        return {table["name"]: _table(table, sure, *sigmas) for table in raw["table"]}
    except (tomllib.TOMLDecodeError, ValueError, TypeError, KeyError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigurationError(f"kinds file {name}: {what}") from error


def _table(raw: Raw, sure_percent: int, tolerance_mm: int, sigma_mm: int, sigma_permille: int) -> KindTable:
    ref = f"table {raw['name']}"
    refuse_unknown(ref, raw, _TABLE_KEYS)
    length = _LENGTHS[one_of(ref, "unit_length", raw["unit_length"], _LENGTHS)]
    weight = _WEIGHTS[one_of(ref, "unit_weight", raw["unit_weight"], _WEIGHTS)]
    kinds = [_kind(ref, row) for row in raw["rows"]]
    if any(a.axles > b.axles for a, b in pairwise(kinds)):
        raise ValueError(f"{ref}: rows stand in the order of their number of axles")
    widest = max(kind.axles for kind in kinds)
    codes = {word: code for code, word in enumerate(dict.fromkeys(kind.kind for kind in kinds))}
    rows = np.zeros((len(kinds), 4), np.int32)
    low, high = (np.zeros((len(kinds), widest), np.int32) for _ in range(2))
    attributes = np.zeros((len(kinds), 5), np.int32)
    for i, (kind, row) in enumerate(zip(kinds, raw["rows"], strict=True)):
        gross = [_whole_units(value, weight) for value in row["gross"]]
        rows[i] = codes[kind.kind], *gross, _whole_units(row.get("first_axle", 0), weight)
        for gap, (shortest, longest) in enumerate(row["spacings"]):
            low[i, gap], high[i, gap] = _whole_units(shortest, length), _whole_units(longest, length)
        attributes[i] = (
            kind.goods, TRAIN if kind.train else TRUCK, kind.motor_axles, COUPLINGS[kind.coupling], kind.single_drive,
        )  # fmt: skip
    counts = np.bincount([kind.axles for kind in kinds], minlength=MAX_AXLES + 1)
    if counts.max() > vehicles.MOST_ROWS:
        raise ValueError(f"{ref}: more than {vehicles.MOST_ROWS} rows for one number of axles")
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return KindTable(
        str(raw["name"]), str(raw["title"]), cited(ref, raw), tuple(kinds), sure_percent, tolerance_mm, sigma_mm,
        sigma_permille, starts, rows, low, high, attributes,
    )  # fmt: skip


def _kind(ref: str, row: Raw) -> Kind:
    refuse_unknown(ref, row, _ROW_KEYS)
    axles = whole(ref, "axles", row["axles"], 2, MAX_AXLES)
    if len(row["spacings"]) != axles - 1 or any(low > high for low, high in row["spacings"]):
        raise ValueError(f"{ref}: {row['kind']}: {axles} axles have {axles - 1} spacings, each from its shortest on")
    return Kind(
        str(row["kind"]),
        str(row.get("name", row["kind"])),
        bool(row.get("goods", True)),
        bool(row.get("train", False)),
        whole(ref, "motor_axles", row.get("motor_axles", 0), 0, axles),
        one_of(ref, "coupling", row.get("coupling", ""), COUPLINGS),
        bool(row.get("single_drive", False)),
        axles,
    )


def _whole_units(value: float, unit: tuple[int, int]) -> int:
    """In whole millimetres or kilograms. Tables give two decimals: reckoned in hundredths, nothing is lost."""
    return round(round(100 * value) * unit[0] / (100 * unit[1]))
