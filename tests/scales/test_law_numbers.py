"""A law never changes under its version: whoever changes a number here changes old decisions, and sees it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import Any

import pytest

from citywatch.laws import FILES
from citywatch.laws.reading import package_text

WORDS = {"title", "authority", "instrument", "note", "citation", "meaning", "vehicle"}
"""What decides nothing."""

DECIDED = {
    "cn-gross@1": "4f88cec1ca7d8481",
    "cn-full@1": "28c712ea0551a8b2",
    "eu-full@1": "f7ee1074aed4d284",
    "us-full@1": "f8bd94a6d3e8597c",
}


def numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: numbers(one) for key, one in sorted(value.items()) if key not in WORDS}
    return [numbers(one) for one in value] if isinstance(value, list) else str(value)


def laws() -> dict[str, str]:
    found = {}
    for name in FILES:
        for entries in tomllib.loads(package_text(name)).values():
            for law in entries:
                content = json.dumps(numbers(law), ensure_ascii=False).encode()
                found[f"{law['id']}@{law['version']}"] = hashlib.sha256(content).hexdigest()[:16]
    return found


@pytest.mark.parametrize(("law", "digest"), laws().items())
def test_what_has_been_decided_by_stays(law: str, digest: str) -> None:
    """A correction is a new version with a date of its own; then its line is added here, and no other one changes."""
    assert DECIDED.get(law) == digest


def test_no_law_is_taken_away() -> None:
    assert DECIDED.keys() <= laws().keys()
