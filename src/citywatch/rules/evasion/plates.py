"""Plates without the plates: keyed hashes to compare, and how unlike two readings are."""

from __future__ import annotations

import hashlib

from citywatch.rules.evasion.limits import EvasionPolicy

_BYTES = 8
"""Two of a hundred thousand plates share a hash once in some billion."""


def mark(plate: str, key: bytes) -> str:
    """16 hexadecimal digits that stand for a plate: equal for equal plates, worth nothing without the key."""
    if not plate:
        return ""
    return hashlib.blake2b(plate.encode(), digest_size=_BYTES, key=key[:64]).hexdigest()


def unlike(front: str, rear: str) -> int:
    """How many characters must be changed, left out or put in to make one plate of the other (Levenshtein)."""
    row = list(range(len(rear) + 1))
    for i, left in enumerate(front, 1):
        last, row[0] = row[0], i
        for j, right in enumerate(rear, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (left != right))
    return row[-1]


def contradicting(front: str, rear: str, policy: EvasionPolicy) -> int:
    """In how many characters front and rear contradict each other; 0 where misreading or a trailer explains it."""
    if not front or not rear or rear.endswith(policy.trailer_marks):
        return 0
    differing = unlike(front, rear)
    return differing if differing >= policy.unlike_characters else 0
