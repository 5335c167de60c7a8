"""What every part of the camera-fault benchmark shares when it reports: names, limits, tables as Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from citywatch.domain.pictures import Fault

SCENARIO = "camera_faults"
WITHIN_LOOKS: Mapping[str, int] = defaultdict(lambda: 3, {Fault.FROZEN.value: 8})
"""Looks within which a severe fault is to be found."""


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [list(head), ["---"] * len(head), *(list(line) for line in lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in rows)


def percent(part: int, of: int) -> str:
    """A share in words; "-" of nothing."""
    return "-" if not of else f"{100 * part / of:.0f} %" if part * 100 % of == 0 else f"{100 * part / of:.1f} %"
