"""A law never changes under its version: whoever changes a number here changes old decisions, and sees it."""

from __future__ import annotations

import pytest

from citywatch.laws import FILES, parse
from citywatch.laws.reading import package_text

DECIDED = {
    "cn-gross@1": "4f88cec1ca7d8481",
    "cn-full@1": "28c712ea0551a8b2",
    "eu-full@1": "51552ca226202915",
    "us-full@1": "f8bd94a6d3e8597c",
}


def laws() -> dict[str, str]:
    return {law.ref: law.digest for name in FILES for law in parse(package_text(name), name)}


@pytest.mark.parametrize(("law", "digest"), laws().items())
def test_what_has_been_decided_by_stays(law: str, digest: str) -> None:
    """A correction is a new version with a date of its own; then its line is added here, and no other one changes."""
    assert DECIDED.get(law) == digest


def test_no_law_is_taken_away() -> None:
    assert DECIDED.keys() <= laws().keys()
