"""What people read on paper or on a page: blocks of text, tables and charts, told once and drawn as HTML and as PDF.

Nothing here knows of pages, fonts or tags. Texts are plain: whoever draws them escapes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a text is to be taken."""

    PLAIN = "plain"
    SMALL = "small"
    """A remark."""
    FIGURE = "figure"
    """The one thing that everybody reads."""


class Verdict(StrEnum):
    """The colour of a text that says how something came out."""

    NONE = ""
    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Heading:
    """The beginning of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN
    verdict: Verdict = Verdict.NONE


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `weight` is its share of the width."""

    title: str
    is_number: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts, one for each column; ValueError for a row of another length."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"each row has {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart: its name, the colour as `#rrggbb`, and a share from 0 to 1 for each bar."""

    name: str
    colour: str
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """Bars side by side, each divided into shares; `line` is drawn across them at a share."""

    title: str
    bars: tuple[str, ...]
    series: tuple[Series, ...]
    line: float
    line_name: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a ranking: how long (at least nought), and what stands beside it."""

    name: str
    length: float
    text: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Bars above each other, the longest first."""

    title: str
    colour: str
    bars: tuple[Bar, ...]


Block = Heading | Text | Table | Stack | Ranking


@dataclass(frozen=True, slots=True)
class Document:
    """Blocks from top to bottom. `language` is a tag such as `en` or `zh-Hans`."""

    title: str
    language: str
    blocks: tuple[Block, ...]
    page_words: str = "{page} / {pages}"
    """What stands at the foot of each page."""
