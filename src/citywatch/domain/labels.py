"""Labels of what people are told of, and matchers over them: one way to say "these" in silences, windows and routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

LABELS = (
    "alert",
    "severity",
    "device",
    "device_kind",
    "site",
    "area",
    "department",
    "contractor",
    "class",
    "source",
    "exercise",
)
"""What an alert, a ticket or a notification can be told apart by. `alert` is the alert's kind, such as `frozen`;
`source` who found it where no camera or scale of ours did; `exercise` is `yes` or ''."""

_WILD = re.compile(r"[*?\[]")
MOST_PATTERNS = 200
MOST_CHARACTERS = 200

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Every condition must hold: the label is like one of its patterns (`*`, `?`). Without conditions all match.

    A label that is not there counts as empty, and only `*` and '' are like that.
    """

    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    _asked: tuple[tuple[str, frozenset[str], tuple[str, ...]], ...] = field(init=False, repr=False, compare=False)
    """The same for `matches`: words that stand for themselves, and patterns."""

    def __post_init__(self) -> None:
        asked = []
        for label, patterns in self.conditions:
            plain = frozenset(pattern for pattern in patterns if not _WILD.search(pattern))
            asked.append((label, plain, tuple(pattern for pattern in patterns if pattern not in plain)))
        object.__setattr__(self, "_asked", tuple(asked))

    @classmethod
    def of(cls, conditions: Mapping[str, Any]) -> Matcher:
        """From `{label: pattern or [patterns]}`. ValueError names the label that is wrong, and what is lawful."""
        found = []
        for label in sorted(conditions):
            if label not in LABELS:
                raise ValueError(f"{label}: no such label; there are {', '.join(LABELS)}")
            patterns = conditions[label]
            patterns = (patterns,) if isinstance(patterns, str) else patterns
            if not isinstance(patterns, (list, tuple)) or not 1 <= len(patterns) <= MOST_PATTERNS:
                raise ValueError(f"{label}: give a pattern, or a list of 1 to {MOST_PATTERNS} of them")
            if not all(isinstance(one, str) and len(one) <= MOST_CHARACTERS for one in patterns):
                raise ValueError(f"{label}: a pattern is a text of at most {MOST_CHARACTERS} characters")
            found.append((label, tuple(patterns)))
        return cls(tuple(found))

    def to_json(self) -> dict[str, list[str]]:
        """What `of` reads."""
        return {label: list(patterns) for label, patterns in self.conditions}

    def matches(self, labels: Labels) -> bool:
        """Whether these labels are meant."""
        for label, plain, patterns in self._asked:
            word = labels.get(label, "")
            if word not in plain and not any(fnmatchcase(word, pattern) for pattern in patterns):
                return False
        return True
