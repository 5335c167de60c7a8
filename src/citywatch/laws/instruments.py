"""Accuracy classes of weigh-in-motion scales (instruments.toml), each number with its citation."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

from citywatch.errors import ConfigurationError
from citywatch.laws.reading import cited, package_text, refuse_unknown

STANDARDS = {"r134": "r134", "jjg907": "r134", "cost323": "cost323", "e1318": "e1318"}
"""Names of standards, and under which name their classes stand: JJG 907 has those of OIML R 134."""

_KEYS = (
    "standard", "name", "gross_percent", "initial_percent", "group_percent", "axle_percent", "axle_of_group_percent",
    "confidence_percent", "citation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors of a class, percent of the weight, each met by `confidence_percent` of the weighings.

    `group_percent` and those of axles are None where the class states none; an axle of a group has that of a single
    one where the standard does not tell them apart.
    """

    standard: str
    name: str
    gross_percent: float
    group_percent: float | None
    axle_percent: float | None
    axle_of_group_percent: float | None
    confidence_percent: float
    citation: str


def accuracy(standard: str, name: str) -> Accuracy:
    """The class of a standard; ConfigurationError, naming those there are, if there is none."""
    known = _classes()
    found = known.get((STANDARDS.get(standard, standard), name))
    if found is None:
        there = ", ".join(f"{a} {b}" for a, b in known)
        raise ConfigurationError(f"class {name[:20]!r} of {standard[:20]!r} is not known; there are: {there}")
    return found


@cache
def _classes() -> dict[tuple[str, str], Accuracy]:
    found = {}
    for raw in tomllib.loads(package_text("instruments.toml"))["class"]:
        ref = f"{raw['standard']} {raw['name']}"
        refuse_unknown(ref, raw, _KEYS)
        found[raw["standard"], raw["name"]] = Accuracy(
            raw["standard"], raw["name"], raw["gross_percent"], raw.get("group_percent"), raw.get("axle_percent"),
            raw.get("axle_of_group_percent", raw.get("axle_percent")),
            raw["confidence_percent"], cited(ref, raw),
        )  # fmt: skip
    return found
