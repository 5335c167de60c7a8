"""How far a figure is from a threshold, in units of it: 0 or less is there. What is not known hinders nothing."""

from __future__ import annotations

import math


def up_to(value: float, threshold: float) -> float:
    """How far a value is from reaching a threshold."""
    return (threshold - value) / threshold if threshold > 0 and not math.isnan(value) else -math.inf


def down_to(value: float, threshold: float) -> float:
    """How far a value is from falling to a threshold."""
    return (value - threshold) / threshold if threshold > 0 and not math.isnan(value) else -math.inf
