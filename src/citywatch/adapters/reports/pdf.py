"""A document as PDF: A4 pages with vector charts and embedded faces, the same bytes for the same document.

Only the canvas of the library is used; lines are broken and rows laid here, in one pass from top to bottom, so that a
report of many pages takes a moment and a few megabytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from citywatch.adapters.reports.typefaces import BOLD, PLAIN, character_width, runs, width
from citywatch.domain.documents import Block, Document, Heading, Ranking, Stack, Table, Text, Tone, Verdict

_PAGE_WIDTH, _PAGE_HEIGHT = A4
_MARGIN, _FOOT = 42.0, 46.0
_ROOM = _PAGE_WIDTH - 2 * _MARGIN
_INK, _GREY, _RULE = "#1c2024", "#5b636b", "#dde1e5"
_VERDICTS = {Verdict.MET: "#2e7d5b", Verdict.MISSED: "#b23b3b", Verdict.UNDECIDED: "#8a6d00", Verdict.NONE: _INK}
_TONES = {Tone.PLAIN: (9.0, PLAIN), Tone.SMALL: (7.5, PLAIN), Tone.FIGURE: (15.0, BOLD)}
_CELL, _CELL_GAP = 7.5, 6.0
_LEADING = 1.38
_MOST_LINES = 40
"""Of one cell: a text that needs more is cut, so that a row always fits a page."""


def pdf(document: Document) -> bytes:
    """The whole file."""
    paper = _Paper(document)
    paper.paragraph(document.title, 17, BOLD, _INK)
    paper.gap(4)
    for block in document.blocks:
        _DRAWN[type(block)](paper, block)
    return paper.finish()


class _Paper:
    """Where the next thing goes; a page is begun when there is no room."""

    def __init__(self, document: Document) -> None:
        self._file = io.BytesIO()
        self._pages = 0
        self._words = document.page_words
        self._canvas = _NumberedCanvas(self._file, document.page_words)
        self._canvas.setTitle(document.title)
        self._canvas.setCreator("Citywatch")
        self._canvas.setProducer("Citywatch")
        self.y = _PAGE_HEIGHT - _MARGIN

    def finish(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._file.getvalue()

    def need(self, height: float) -> bool:
        """Begin a page when there is not so much room; whether one was begun."""
        if self.y - height >= _FOOT:
            return False
        self._canvas.showPage()
        self.y = _PAGE_HEIGHT - _MARGIN
        return True

    def gap(self, height: float) -> None:
        self.y -= height

    def write(self, x: float, y: float, text: str, size: float, face: str = PLAIN, colour: str = _INK) -> None:
        self._canvas.setFillColor(colour)
        line = self._canvas.beginText(x, y)
        for name, part in runs(text, face):
            line.setFont(name, size)
            line.textOut(part)
        self._canvas.drawText(line)

    def write_right(self, x: float, y: float, text: str, size: float, face: str = PLAIN, colour: str = _INK) -> None:
        self.write(x - width(text, size, face), y, text, size, face, colour)

    def paragraph(self, text: str, size: float, face: str, colour: str) -> None:
        for line in broken(text, _ROOM, size, face):
            self.need(size * _LEADING)
            self.y -= size * _LEADING
            self.write(_MARGIN, self.y, line, size, face, colour)

    def box(self, x: float, y: float, wide: float, high: float, colour: str) -> None:
        self._canvas.setFillColor(colour)
        self._canvas.rect(x, y, wide, high, stroke=0, fill=1)

    def rule(self, from_x: float, to_x: float, y: float, colour: str = _RULE, dash: tuple[float, ...] = ()) -> None:
        self._canvas.setStrokeColor(colour)
        self._canvas.setLineWidth(0.6)
        self._canvas.setDash(list(dash))
        self._canvas.line(from_x, y, to_x, y)
        self._canvas.setDash([])


class _NumberedCanvas(Canvas):
    """Pages are numbered when their count is known: each is kept until the end."""

    def __init__(self, file: io.BytesIO, words: str) -> None:
        super().__init__(file, pagesize=A4, invariant=1, pageCompression=1)
        self._words = words
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._kept.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # the library's own examples do so

    def save(self) -> None:
        for number, page in enumerate(self._kept, 1):
            self.__dict__.update(page)
            text = self._words.format(page=number, pages=len(self._kept))
            line = self.beginText(_PAGE_WIDTH - _MARGIN - width(text, 7), 26)
            line.setFillColor(_GREY)
            for name, part in runs(text):
                line.setFont(name, 7)
                line.textOut(part)
            self.drawText(line)
            super().showPage()
        super().save()


def broken(text: str, room: float, size: float, face: str = PLAIN, most: int = 1000) -> list[str]:
    """Lines that fit into `room` points: at blanks, between Chinese characters, else where the room ends."""
    lines: list[str] = []
    begin, used, last = 0, 0.0, -1
    for place, character in enumerate(text):
        if place > begin and _may_break(text[place - 1], character):
            last = place
        used += character_width(character, face) * size
        if used > room and place > begin:
            cut = last if last > begin else place
            lines.append(text[begin:cut].rstrip())
            begin, last = cut, -1
            while begin < place and text[begin] == " ":
                begin += 1
            used = sum(character_width(one, face) for one in text[begin : place + 1]) * size
            if len(lines) == most:
                lines[-1] = lines[-1][:-1] + "…"
                return lines
    return [*lines, text[begin:].rstrip()]


def _may_break(before: str, behind: str) -> bool:
    if before in " -/:;,":
        return before == " " or not behind.isdigit()  # no date, time or number is torn
    return (_is_chinese(behind) and behind not in "，。；：！？、）》】”’％") or (
        _is_chinese(before) and behind.isalnum()
    )


def _is_chinese(character: str) -> bool:
    return ord(character) >= 0x2E80


def _heading(paper: _Paper, block: Heading) -> None:
    paper.need(70)  # no heading at the foot of a page
    paper.gap(12)
    paper.paragraph(block.text, 11.5, BOLD, _INK)
    paper.gap(4)


def _text(paper: _Paper, block: Text) -> None:
    size, face = _TONES[block.tone]
    colour = _GREY if block.tone is Tone.SMALL else _VERDICTS[block.verdict]
    paper.paragraph(block.text, size, face, colour)
    paper.gap(3)


def _table(paper: _Paper, block: Table) -> None:
    whole = sum(column.weight for column in block.columns)
    widths = [_ROOM * column.weight / whole for column in block.columns]
    numbers = [column.is_number for column in block.columns]
    head = tuple(column.title for column in block.columns)
    _row(paper, head, widths, numbers, BOLD)
    for row in block.rows:
        if _needs_page(paper, row, widths):
            _row(paper, head, widths, numbers, BOLD)
        _row(paper, row, widths, numbers, PLAIN)
    paper.gap(4)


def _needs_page(paper: _Paper, row: Sequence[str], widths: Sequence[float]) -> bool:
    lines = max(len(_lines(cell, wide)) for cell, wide in zip(row, widths, strict=True))
    return paper.need(lines * _CELL * _LEADING + 5)


def _lines(cell: str, wide: float, face: str = PLAIN) -> list[str]:
    room = wide - _CELL_GAP
    if width(cell, _CELL, face) <= room:
        return [cell]
    return broken(cell, room, _CELL, face, _MOST_LINES)


def _row(paper: _Paper, row: Sequence[str], widths: Sequence[float], numbers: Sequence[bool], face: str) -> None:
    cells = [_lines(cell, wide, face) for cell, wide in zip(row, widths, strict=True)]
    high = max(len(lines) for lines in cells) * _CELL * _LEADING + 4
    paper.need(high)
    x = _MARGIN
    for lines, wide, is_number in zip(cells, widths, numbers, strict=True):
        y = paper.y - _CELL * _LEADING
        for line in lines:
            if is_number:
                paper.write_right(x + wide - _CELL_GAP, y, line, _CELL, face)
            else:
                paper.write(x, y, line, _CELL, face)
            y -= _CELL * _LEADING
        x += wide
    paper.gap(high)
    paper.rule(_MARGIN, _MARGIN + _ROOM, paper.y)


def _stack(paper: _Paper, block: Stack) -> None:
    high, left, foot = 130.0, 34.0, 34.0
    paper.need(high + foot)
    ground = paper.y - high
    wide = (_ROOM - left) / max(len(block.bars), 1)
    for number in range(len(block.bars)):
        below = ground
        for series in block.series:
            part = high * series.shares[number]
            if part:
                x = _MARGIN + left + number * wide
                paper.box(x, below, max(wide - min(1.0, wide / 4), 0.3), part, series.colour)
                below += part
    line = ground + high * block.line
    paper.rule(_MARGIN + left, _MARGIN + _ROOM, line, _INK, (4, 3))
    paper.write(_MARGIN, line - 2.5, block.line_name, 7)
    paper.write(_MARGIN, ground, "0 %", 7)
    if block.bars:
        paper.write(_MARGIN + left, ground - 10, block.bars[0], 7, colour=_GREY)
        paper.write_right(_MARGIN + _ROOM, ground - 10, block.bars[-1], 7, colour=_GREY)
    x = _MARGIN + left
    for series in block.series:
        paper.box(x, ground - 25, 7, 7, series.colour)
        paper.write(x + 10, ground - 24.5, series.name, 7)
        x += 26 + width(series.name, 7)
    paper.gap(high + foot)


def _ranking(paper: _Paper, block: Ranking) -> None:
    longest = max((bar.length for bar in block.bars), default=0) or 1
    name_room, text_room, high = 150.0, 80.0, 12.0
    for bar in block.bars:
        paper.need(high)
        paper.gap(high)
        name = broken(bar.name, name_room - 6, _CELL, most=1)[0]
        paper.write_right(_MARGIN + name_room - 6, paper.y + 3, name, _CELL)
        wide = (_ROOM - name_room - text_room) * bar.length / longest
        paper.box(_MARGIN + name_room, paper.y + 1, max(wide, 0.4), high - 4, block.colour)
        paper.write(_MARGIN + name_room + wide + 5, paper.y + 3, bar.text, _CELL)
    paper.gap(6)


_DRAWN: Mapping[type[Block], Callable[[_Paper, Any], None]] = {
    Heading: _heading,
    Text: _text,
    Table: _table,
    Stack: _stack,
    Ranking: _ranking,
}
