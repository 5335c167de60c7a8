"""Scales: the proofs and figures of records, strips, law, evasion and drift, each a module with `run() -> list[Row]`.

`python -m benchmarks scales` runs them all; `python -m benchmarks.scales NAME...` some of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from benchmarks._frame import Row

SCENARIO = "scales"

PARTS: tuple[str, ...] = ("reading", "evasion", "strips", "drift", "law")
"""The explicit table: each is a module of this package."""


def run(parts: Sequence[str] = PARTS) -> list[Row]:
    """The rows of the named parts, in their order."""
    rows: list[Row] = []
    for part in parts:
        rows += importlib.import_module(f"benchmarks.scales.{part}").run()
    return rows
