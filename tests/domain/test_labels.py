"""Matchers over labels, and who answers for a device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.labels import LABELS, MOST_PATTERNS, Matcher
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible, labels_of

words = st.text(alphabet="ab*-", max_size=4)


def test_every_condition_must_hold():
    matcher = Matcher.of({"site": ["north-*", "harbour"], "severity": "critical"})
    assert matcher.matches({"site": "north-3", "severity": "critical", "device": "c1"})
    assert matcher.matches({"site": "harbour", "severity": "critical"})
    assert not matcher.matches({"site": "harbour", "severity": "warning"})
    assert not matcher.matches({"severity": "critical"})
    assert Matcher.of({"site": "*"}).matches({})
    assert Matcher().matches({"device": "c1"})


@pytest.mark.parametrize(
    ("conditions", "word"),
    [
        ({"sight": "x"}, "sight"),
        ({"site": []}, "site"),
        ({"site": 3}, "site"),
        ({"site": [3]}, "site"),
        ({"site": "x" * 201}, "site"),
        ({"site": ["x"] * (MOST_PATTERNS + 1)}, "site"),
    ],
)
def test_what_no_matcher_says_is_named(conditions, word):
    with pytest.raises(ValueError, match=f"^{word}: "):
        Matcher.of(conditions)


@given(st.dictionaries(st.sampled_from(LABELS), st.lists(words, min_size=1, max_size=3)))
def test_what_is_written_is_read_again(conditions):
    matcher = Matcher.of(conditions)
    assert matcher.to_json() == dict(sorted(conditions.items()))
    assert Matcher.of(matcher.to_json()) == matcher


def test_single_devices_go_before_rules_and_rules_fill_what_is_empty():
    register = Register(
        {"c1": Responsible(contractor="Own Ltd")},
        [
            ResponsibilityRule(Matcher.of({"site": "north-*"}), Responsible(area="north", contractor="North Ltd")),
            ResponsibilityRule(Matcher.of({"contractor": "Own Ltd"}), Responsible(team="own")),
            ResponsibilityRule(Matcher.of({}), Responsible(area="city", team="desk")),
        ],
    )
    assert register.of("c1", "camera", "north-1") == Responsible(area="north", contractor="Own Ltd", team="own")
    assert register.of("c2", "camera", "north-1") == Responsible(area="north", contractor="North Ltd", team="desk")
    assert register.of("c3", "scale", "south") == Responsible(area="city", team="desk")
    assert Register().of("c1", "camera", "") == Responsible()
    assert set(labels_of("c1", "camera", "", Responsible())) < set(LABELS)
