"""Plates as everybody may see them."""

from __future__ import annotations


def mask(plate: str) -> str:
    """Where it is registered, not whose it is."""
    return plate[:2] + "*" * max(len(plate) - 2, 0) if len(plate) > 2 else "*" * len(plate)
