"""A document as one HTML page that stands by itself: no script, nothing loaded, charts as SVG, every text escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from citywatch.domain.documents import Block, Document, Heading, Ranking, Stack, Table, Text, Tone

_WIDTH, _HEIGHT, _LEFT = 960, 220, 48
_ROW, _NAME, _VALUE = 22, 260, 110
_STYLE = """
body{font:15px/1.45 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;color:#1c2024;
max-width:1000px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin-bottom:.2em}h2{font-size:1.15em;margin-top:2em}
table{border-collapse:collapse;width:100%;font-size:.92em}th,td{text-align:left;padding:.25em .6em;
border-bottom:1px solid #dde1e5;vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.figure{font-size:1.7em;font-weight:600;margin:.3em 0}.met{color:#2e7d5b}.missed{color:#b23b3b}
.undecided{color:#8a6d00}.small{color:#5b636b;font-size:.9em}svg{width:100%;height:auto;display:block;margin:.6em 0}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr,svg{break-inside:avoid}}
"""


def page(document: Document) -> str:
    """The page, in UTF-8 when it is encoded."""
    title = escape(document.title)
    body = "\n".join(_DRAWN[type(block)](block) for block in document.blocks)
    return (
        f'<!doctype html>\n<html lang="{escape(document.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _heading(block: Heading) -> str:
    return f"<h2>{escape(block.text)}</h2>"


def _text(block: Text) -> str:
    names = [name for name in ("" if block.tone is Tone.PLAIN else block.tone.value, block.verdict.value) if name]
    together = " ".join(names)
    kind = f' class="{together}"' if names else ""
    return f"<p{kind}>{escape(block.text)}</p>"


def _table(block: Table) -> str:
    numbers = [column.is_number for column in block.columns]
    head = "".join(_cell("th", column.title, column.is_number) for column in block.columns)
    rows = "".join(
        f"<tr>{''.join(_cell('td', cell, number) for cell, number in zip(row, numbers, strict=True))}</tr>"
        for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(tag: str, text: str, is_number: bool) -> str:
    kind = ' class="n"' if is_number else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def _stack(block: Stack) -> str:
    width = (_WIDTH - _LEFT) / max(len(block.bars), 1)
    drawn = []
    for number, name in enumerate(block.bars):
        below = float(_HEIGHT)
        for series in block.series:
            height = _HEIGHT * series.shares[number]
            if height:
                below -= height
                title = escape(f"{name}: {series.name} {100 * series.shares[number]:.2f} %")
                drawn.append(
                    f'<rect x="{_LEFT + number * width:.2f}" y="{below:.3f}" width="{max(width - 1, 0.5):.2f}"'
                    f' height="{height:.3f}" fill="{series.colour}"><title>{title}</title></rect>'
                )
    line = _HEIGHT * (1 - block.line)
    legend = "".join(
        f'<rect x="{_LEFT + 130 * n}" y="{_HEIGHT + 32}" width="12" height="12" fill="{series.colour}"/>'
        f'<text x="{_LEFT + 130 * n + 18}" y="{_HEIGHT + 43}">{escape(series.name)}</text>'
        for n, series in enumerate(block.series)
    )
    ends = ""
    if block.bars:
        ends = (
            f'<text x="{_LEFT}" y="{_HEIGHT + 16}">{escape(block.bars[0])}</text>'
            f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" text-anchor="end">{escape(block.bars[-1])}</text>'
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 52}" role="img" aria-label="{escape(block.title)}" font-size="12"'
        f' font-family="system-ui,sans-serif">{"".join(drawn)}'
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{line:.2f}" y2="{line:.2f}" stroke="#1c2024" stroke-dasharray="5 4"/>'
        f'<text x="0" y="{max(line + 4, 10):.1f}">{escape(block.line_name)}</text>'
        f'<text x="0" y="{_HEIGHT}">0 %</text>{ends}{legend}</svg>'
    )


def _ranking(block: Ranking) -> str:
    longest = max((bar.length for bar in block.bars), default=0) or 1
    room = _WIDTH - _NAME - _VALUE
    drawn = []
    for number, bar in enumerate(block.bars):
        top, width = _ROW * number, room * bar.length / longest
        name = bar.name if len(bar.name) <= 36 else bar.name[:35] + "…"
        drawn.append(
            f'<text x="{_NAME - 8}" y="{top + 15}" text-anchor="end">{escape(name)}<title>{escape(bar.name)}</title>'
            f'</text><rect x="{_NAME}" y="{top + 3}" width="{max(width, 0.5):.2f}" height="{_ROW - 7}"'
            f' fill="{block.colour}"/><text x="{_NAME + width + 6:.2f}" y="{top + 15}">{escape(bar.text)}</text>'
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_ROW * len(block.bars)}" role="img" aria-label="{escape(block.title)}"'
        f' font-size="12" font-family="system-ui,sans-serif">{"".join(drawn)}</svg>'
    )


_DRAWN: Mapping[type[Block], Callable[[Any], str]] = {
    Heading: _heading,
    Text: _text,
    Table: _table,
    Stack: _stack,
    Ranking: _ranking,
}
