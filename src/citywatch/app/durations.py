"""Times as people write them on a command line."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?)(?P<unit>s|m|h|d|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> float:
    """The seconds of 90s, 10m, 2h, 1d or a bare number. ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not float(match["number"]):
        raise ValueError("a time is wanted, such as 90s, 10m or 2h")
    return float(match["number"]) * _SECONDS[match["unit"]]
