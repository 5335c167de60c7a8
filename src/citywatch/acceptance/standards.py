"""The figures of the standards, read from standards.toml once and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any


class Criterion(StrEnum):
    """What is compared with its reference."""

    GROSS = "gross"
    GROUP = "group"
    SINGLE_AXLE = "single_axle"
    AXLE_OF_GROUP = "axle_of_group"
    WHEEL = "wheel"
    SPEED = "speed"
    SPACING = "spacing"


WEIGHTS = (
    Criterion.GROSS,
    Criterion.GROUP,
    Criterion.SINGLE_AXLE,
    Criterion.AXLE_OF_GROUP,
    Criterion.WHEEL,
)
"""In kg; their errors are relative, %."""

COST323_CRITERIA = (Criterion.GROSS, Criterion.GROUP, Criterion.SINGLE_AXLE, Criterion.AXLE_OF_GROUP)


@dataclass(frozen=True, slots=True)
class Named:
    """A class or type of a standard: tolerances by criterion (or by `initial`, `in_service` for R134), per cent.

    `check` lists those that have not been compared with the printed standard yet.
    """

    name: str
    tolerances: Mapping[str, float]
    check: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standard:
    """One standard: its words, its classes from the strictest on, and its other figures."""

    title: str
    citation: str
    classes: tuple[Named, ...]
    figures: Mapping[str, Any]


@cache
def standards() -> Mapping[str, Standard]:
    """`cost323`, `e1318` and `r134`."""
    text = resources.files("citywatch.acceptance").joinpath("standards.toml").read_text(encoding="utf-8")
    return {name: _standard(raw) for name, raw in tomllib.loads(text).items()}


def _standard(raw: dict[str, Any]) -> Standard:
    classes = tuple(
        _named(row.pop("name"), tuple(row.pop("check", ())), row) for row in raw.pop("class", None) or raw.pop("type")
    )
    return Standard(raw.pop("title"), raw.pop("citation"), classes, raw)


def _named(name: str, check: tuple[str, ...], tolerances: Mapping[str, float]) -> Named:
    return Named(name, {key: float(value) for key, value in tolerances.items()}, check)
