"""A report as one page that stands by itself: no script, nothing loaded, a chart drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.domain.service import ALWAYS_NS
from citywatch.sla.budgets import DAY_NS
from citywatch.sla.figures import Window, sums
from citywatch.sla.readings import CLASSES, Class
from citywatch.sla.report import GROUPS, Report, seconds

MOST_ROWS = 500
"""Of the list of excluded time; the machine-readable forms have all of it."""

_MOST_BARS = 400
_WIDTH, _HEIGHT, _LEFT = 960, 220, 48
_COLOURS = {Class.UP: "#2e7d5b", Class.UNKNOWN: "#c9b458", Class.DOWN: "#b23b3b", Class.EXCLUDED: "#b8bcc2"}
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c2024;max-width:1000px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin-bottom:.2em}h2{font-size:1.15em;margin-top:2em}
table{border-collapse:collapse;width:100%;font-size:.92em}th,td{text-align:left;padding:.25em .6em;
border-bottom:1px solid #dde1e5;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.figure{font-size:1.7em;font-weight:600}.met{color:#2e7d5b}.missed{color:#b23b3b}.undecided{color:#8a6d00}
.small{color:#5b636b;font-size:.9em}svg{width:100%;height:auto}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}
"""


def page(report: Report) -> str:
    """The page. Everything that comes from histories, registers and contracts is escaped."""
    shown = report.figures_json()
    parts = [
        f"<h1>{escape(shown['title'] or shown['contract'])}</h1>",
        f"<p>{escape(shown['from'])} to {escape(shown['to'])}, as known {_known(shown['as_known_at'])};"
        f" {shown['devices']:,} devices.</p>",
        _headline(shown),
        "".join(f'<p class="small">{escape(note)}</p>' for note in shown["notes"]),
        "<h2>Time by day</h2>",
        _chart(report),
        "<h2>Device-time</h2>",
        _table(
            ("", "hours", "seconds"),
            [
                (name, _hours(shown[f"{name}_seconds"]), f"{shown[f'{name}_seconds']:,}")
                for name in ("up", "down", "unknown", "excluded", "retired")
            ],
        ),
        _clocks(shown),
        "<h2>Down time by cause</h2>",
        _causes(shown["down_seconds_by_cause"]),
        *(_group(key, shown["groups"][key]) for key in GROUPS if key in shown["groups"]),
        "<h2>Devices with the lowest figure</h2>",
        _table(
            ("device", "worst %", "best %", "down, h", "unknown, h"),
            [
                (d["device"], _percent(d["worst"]), _percent(d["best"]), _hours(d["down_seconds"]),
                 _hours(d["unknown_seconds"]))
                for d in shown["worst_devices"]
            ],
        ),
        "<h2>Budget and forecast</h2>",
        _forecast(shown),
        "<h2>Excluded time</h2>",
        _excluded(report, shown),
    ]  # fmt: skip
    title = escape(shown["title"] or shown["contract"])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(part for part in parts if part) + "\n</body></html>\n"
    )


def _headline(shown: dict[str, Any]) -> str:
    if shown["worst"] is None:
        return "<p>No time was required.</p>"
    penalty = shown["penalty"]
    deducted = (
        ""
        if penalty is None
        else f" Deducted by the contract: {penalty['deduct_percent_best']:g} to {penalty['deduct_percent_worst']:g} %."
    )
    return (
        f'<p class="figure {shown["verdict"]}">{_percent(shown["worst"], 4)} % to {_percent(shown["best"], 4)} %'
        f" intact: {shown['verdict']}</p><p>Promised: {shown['target_percent']:g} %. The truth lies between the two"
        f" figures: time that nobody knows anything of is not up in the first, and as if up in the second.{deducted}"
        "</p>"
    )


def _chart(report: Report) -> str:
    """Stacked shares of device-time, a bar a day (or several days each), of the worst reading."""
    days = max(1, -(-(report.to_ns - report.from_ns) // DAY_NS))
    step = DAY_NS * -(-days // _MOST_BARS)
    calendar = report.contract.calendar(report.contract.intact.calendar)
    zone = ZoneInfo(report.contract.time_zone)
    begins = list(range(report.from_ns, report.to_ns, step))
    width = (_WIDTH - _LEFT) / len(begins)
    drawn = []
    for number, begin in enumerate(begins):
        window = Window.of(report.readings, calendar, begin, min(begin + step, report.to_ns))
        parts = sums(window.worst_spent, report.readings.worst.counts, CLASSES)
        total = sum(parts[kind] for kind in _COLOURS)
        below = float(_HEIGHT)
        for kind, colour in _COLOURS.items():
            height = _HEIGHT * parts[kind] / total if total else 0.0
            if height:
                below -= height
                day = datetime.fromtimestamp(begin // NS_PER_S, zone).date()
                title = f"{day}: {kind.name.lower()} {100 * parts[kind] / total:.2f} %"
                drawn.append(
                    f'<rect x="{_LEFT + number * width:.2f}" y="{below:.3f}" width="{max(width - 1, 0.5):.2f}"'
                    f' height="{height:.3f}" fill="{colour}"><title>{title}</title></rect>'
                )
    line = _HEIGHT * (1 - float(report.target))
    legend = "".join(
        f'<rect x="{_LEFT + 130 * n}" y="{_HEIGHT + 14}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{_LEFT + 130 * n + 18}" y="{_HEIGHT + 25}">{kind.name.lower()}</text>'
        for n, (kind, colour) in enumerate(_COLOURS.items())
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 34}" role="img" aria-label="Share of device-time by day"'
        f' font-size="12" font-family="system-ui,sans-serif">{"".join(drawn)}'
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{line:.2f}" y2="{line:.2f}" stroke="#1c2024" stroke-dasharray="5 4"/>'
        f'<text x="0" y="{max(line + 4, 10):.1f}">{100 * float(report.target):g} %</text>'
        f'<text x="0" y="{_HEIGHT}">0 %</text>{legend}</svg>'
    )


def _clocks(shown: dict[str, Any]) -> str:
    failures = shown["failures"]["worst"]
    lines = [f"Failures: {failures['touching']:,}, of which {failures['begun']:,} began in this time"]
    if failures["mean_down_seconds"] is not None:
        lines.append(f"mean down time {_hours(failures['mean_down_seconds'])} h")
    if failures["mean_seconds_between"] is not None:
        lines.append(f"mean time between failures {_hours(failures['mean_seconds_between'])} h of a device")
    found = f"<p>{'; '.join(lines)}.</p>"
    if (repair := shown["repair"]) is not None:
        cases = repair["cases"]["worst"]
        found += (
            f"<p>Repair within {_hours(repair['within_seconds'])} h in {repair['target_percent']:g} % of cases:"
            f' <span class="{repair["verdict"]}">{repair["verdict"]}</span> ({cases["kept"]:,} kept,'
            f" {cases['broken']:,} broken, {cases['running']:,} still running).</p>"
        )
    if (response := shown["response"]) is not None:
        cases = response["cases"]
        found += (
            f"<p>Response within {_hours(response['within_seconds'])} h in {response['target_percent']:g} % of cases:"
            f' <span class="{response["verdict"]}">{response["verdict"]}</span> ({cases["kept"]:,} kept,'
            f" {cases['broken']:,} broken, {cases['running']:,} still waiting).</p>"
        )
    return "<h2>Failures, response and repair</h2>" + found


def _causes(causes: dict[str, int | float]) -> str:
    return _table(("cause", "hours"), [(cause or "not told", _hours(length)) for cause, length in causes.items()])


def _group(key: str, groups: Sequence[dict[str, Any]]) -> str:
    return f"<h2>By {key}</h2>" + _table(
        (key, "devices", "down at the end", "worst %", "best %", "verdict", "down, h"),
        [
            (g[key] or "not told", f"{g['devices']:,}", f"{g['down_at_the_end']:,}", _percent(g["worst"]),
             _percent(g["best"]), g["verdict"] or "-", _hours(g["down_seconds"]))
            for g in groups
        ],
    )  # fmt: skip


def _forecast(shown: dict[str, Any]) -> str:
    budget = shown["budget"]
    rows = []
    for found in shown["forecast"]:
        if found["by"] == "cause":
            continue
        seen = found["worst"]
        mean, most = seen["mean_down_seconds"], seen["most_arrivals_per_day"]
        rows.append(
            (
                found["group"] or found["by"],
                f"{seen['arrivals_per_day']:.2f}",
                "-" if mean is None else _hours(mean),
                f"{seen['expected_down']:.1f}",
                "-" if most is None else f"{most:.1f}",
                "broken" if seen["broken"] else seen["breaks_at"] or "does not",
            )
        )
    left = _hours(budget["left_seconds_worst"]), _hours(budget["left_seconds_best"])
    return (
        f"<p>Down time allowed: {_hours(budget['allowed_seconds'])} device-hours; left: {left[0]} to {left[1]}.</p>"
        + _table(
            ("", "failures a day", "mean down, h", "down at a time", "bearable a day", "figure breaks"),
            rows,
        )
        + '<p class="small">If failures go on as in this time (Little: down at a time = failures a day x mean down'
        " time).</p>"
    )


def _excluded(report: Report, shown: dict[str, Any]) -> str:
    reading, spent = report.readings.worst, report.window.worst_spent
    history = reading.history
    rows = np.flatnonzero((reading.counts == Class.EXCLUDED) & (spent > 0)).tolist()
    if not rows:
        return "<p>None.</p>"
    told = []
    for i in rows[:MOST_ROWS]:
        fact = int(reading.fact[i])
        known = int(history.known[fact]) if fact >= 0 else ALWAYS_NS
        told.append(
            (
                history.devices[reading.device[i]],
                format_instant(max(int(reading.begin[i]), report.from_ns)),
                format_instant(min(int(reading.end[i]), report.to_ns)),
                f"{seconds(int(spent[i])):,}",
                (history.words[history.cause[fact]] if fact >= 0 else "") or "not told",
                "" if known == ALWAYS_NS else format_instant(known),
            )
        )
    more = f'<p class="small">{len(rows) - MOST_ROWS:,} more: see CSV or JSON.</p>' if len(rows) > MOST_ROWS else ""
    return (
        _causes(shown["excluded_seconds_by_cause"])
        + _table(("device", "from", "to", "seconds", "reason", "known since"), told)
        + more
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(_cell("td", cell, n) for n, cell in enumerate(row)) + "</tr>" for row in rows)
    if not body:
        return "<p>None.</p>"
    return f"<table><tr>{''.join(_cell('th', cell, n) for n, cell in enumerate(head))}</tr>{body}</table>"


def _cell(tag: str, text: str, number: int) -> str:
    return f'<{tag} class="n">{escape(text)}</{tag}>' if number else f"<{tag}>{escape(text)}</{tag}>"


def _known(at: str | None) -> str:
    return "now" if at is None else f"at {escape(at)}"


def _percent(share: float | None, digits: int = 3) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f}"


def _hours(length_s: float) -> str:
    return f"{length_s / 3600:,.2f}"
