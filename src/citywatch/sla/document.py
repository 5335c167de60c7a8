"""A report for people: the headline, charts, groups, clocks, tickets and the excluded time with its reasons, as blocks.

What the figures are says sla.report; here is only what is shown, in the contract's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from citywatch.domain.documents import (
    Bar,
    Block,
    Column,
    Document,
    Heading,
    Ranking,
    Series,
    Stack,
    Table,
    Text,
    Tone,
    Verdict,
)
from citywatch.domain.instants import NS_PER_S, local_instant, local_offset, parse_instant
from citywatch.domain.service import ALWAYS_NS
from citywatch.domain.tickets import ClockState
from citywatch.sla.budgets import BURNS, DAY_NS, HOUR_NS
from citywatch.sla.cases import late_first
from citywatch.sla.figures import Window, sums
from citywatch.sla.readings import CLASSES, Class
from citywatch.sla.report import GROUPS, Report, seconds
from citywatch.sla.verdicts import percent
from citywatch.sla.words import WORDS

MOST_ROWS = 500
"""Of the lists of excluded time and of tickets; the machine-readable forms have all of it."""

_MOST_BARS = 400
_MOST_CAUSES = 15
_MOST_GROUPS = 100
_MOMENT = 90
"""Weight of a column of moments, in points of a page: none of them is broken."""
_COLOURS = {Class.UP: "#2e7d5b", Class.UNKNOWN: "#c9b458", Class.DOWN: "#b23b3b", Class.EXCLUDED: "#b8bcc2"}


def document(report: Report) -> Document:
    """All of it, from the figure that everybody reads to the last ticket."""
    return _Writer(report, report.figures_json(), WORDS[report.contract.language]).document()


@dataclass(frozen=True, slots=True)
class _Writer:
    report: Report
    shown: Mapping[str, Any]
    words: Mapping[str, str]

    def document(self) -> Document:
        shown, words = self.shown, self.words
        title = shown["title"] or shown["contract"]
        blocks: list[Block] = [
            Text(
                words["window"].format(
                    begin=self._moment(self.report.from_ns),
                    end=self._moment(self.report.to_ns),
                    known=self._known(),
                    devices=f"{shown['devices']:,}",
                )
            ),
            *self._headline(),
            *(Text(self._note(note), Tone.SMALL) for note in self.report.remarks()),
        ]
        blocks += [Heading(words["by_day"]), self._by_day()]
        blocks += [Heading(words["device_time"]), self._device_time()]
        blocks += [Heading(words["clocks"]), *self._clocks()]
        blocks += self._late_repairs()
        blocks += [Heading(words["by_cause"]), *self._causes()]
        for key in GROUPS:
            if key in shown["groups"]:
                blocks += [Heading(words[key]), *self._group(key, shown["groups"][key])]
        blocks += [Heading(words["lowest"]), self._lowest()]
        blocks += [Heading(words["budget"]), *self._budget()]
        blocks += [Heading(words["burns"]), *self._burns()]
        blocks += [Heading(words["excluded_time"]), *self._excluded()]
        blocks += [Heading(words["tickets"]), *self._tickets()]
        return Document(title, words["tag"], tuple(blocks), words["page"])

    def _known(self) -> str:
        at_ns = self.report.as_known_at_ns
        return self.words["now"] if at_ns is None else self.words["then"].format(at=self._moment(at_ns))

    def _note(self, note: tuple[str, Mapping[str, str]]) -> str:
        key, values = note
        told = dict(values)
        if "counts" in told:
            told["counts"] = self.words.get(told["counts"], told["counts"])
        if "at" in told:
            told["at"] = self._moment(parse_instant(told["at"]))
        return self.words[key].format(**told)

    def _headline(self) -> list[Block]:
        shown, words = self.shown, self.words
        if shown["worst"] is None:
            return [Text(words["nothing_required"])]
        figure = words["figure"].format(
            worst=percent(shown["worst_exact"], 4),
            best=percent(shown["best_exact"], 4),
            verdict=words[shown["verdict"]],
        )
        promise = words["promise"].format(target=f"{shown['target_percent']:g}")
        found: list[Block] = [Text(figure, Tone.FIGURE, Verdict(shown["verdict"])), Text(promise)]
        if (so_far := shown["so_far"]) is not None and so_far["verdict"] is not None:
            said = words["so_far"].format(
                at=self._moment(self.report.now_ns),
                worst=percent(so_far["worst_exact"], 4),
                best=percent(so_far["best_exact"], 4),
                verdict=words[so_far["verdict"]],
            )
            found.append(Text(said, verdict=Verdict(so_far["verdict"])))
        if (penalty := shown["penalty"]) is not None:
            best, worst = penalty["deduct_percent_best"], penalty["deduct_percent_worst"]
            found.append(Text(words["deducted"].format(best=f"{best:g}", worst=f"{worst:g}")))
        return found

    def _by_day(self) -> Stack:
        """Shares of device-time, a bar a day (or several days each), of the worst reading."""
        report = self.report
        days = max(1, -(-(report.to_ns - report.from_ns) // DAY_NS))
        step = DAY_NS * -(-days // _MOST_BARS)
        calendar = report.contract.calendar(report.contract.intact.calendar)
        zone = ZoneInfo(report.contract.time_zone)
        bars, shares = [], []
        for begin in range(report.from_ns, report.to_ns, step):
            window = Window.of(report.readings, calendar, begin, min(begin + step, report.to_ns))
            parts = sums(window.worst_spent, report.readings.worst.counts, CLASSES)
            total = sum(parts[kind] for kind in _COLOURS)
            shares.append([parts[kind] / total if total else 0.0 for kind in _COLOURS])
            bars.append(str(datetime.fromtimestamp(begin // NS_PER_S, zone).date()))
        series = tuple(
            Series(self.words[kind.name.lower()], colour, tuple(one[n] for one in shares))
            for n, (kind, colour) in enumerate(_COLOURS.items())
        )
        target = float(report.target)
        name = self.words["target_line"].format(target=f"{100 * target:g}")
        return Stack(self.words["by_day_chart"], tuple(bars), series, target, name)

    def _device_time(self) -> Table:
        words, shown = self.words, self.shown
        return Table(
            (Column(""), Column(words["hours"], True), Column(words["seconds"], True)),
            [
                (words[name], _hours(shown[f"{name}_seconds"]), f"{shown[f'{name}_seconds']:,}")
                for name in ("up", "down", "unknown", "excluded", "retired")
            ],
        )

    def _clocks(self) -> list[Block]:
        words, shown = self.words, self.shown
        failures = shown["failures"]["worst"]
        lines = [words["failures"].format(touching=f"{failures['touching']:,}", begun=f"{failures['begun']:,}")]
        for key, name in (("mean_down", "mean_down_seconds"), ("mean_between", "mean_seconds_between")):
            if failures[name] is not None:
                lines.append(words[key].format(hours=_hours(failures[name])))
        found: list[Block] = [Text(" ".join(lines))]
        for key in ("repair", "response"):
            if (clock := shown[key]) is not None:
                cases = clock["cases"]["worst"] if key == "repair" else clock["cases"]
                told = words[key].format(
                    hours=_hours(clock["within_seconds"]),
                    percent=f"{clock['target_percent']:g}",
                    verdict=words[clock["verdict"]],
                    **{name: f"{count:,}" for name, count in cases.items()},
                )
                found.append(Text(told, verdict=Verdict(clock["verdict"])))
                if (spread := clock["spread"]) is not None:
                    found.append(Text(words["spread"].format(**{name: _hours(s) for name, s in spread.items()})))
                if (penalty := clock["penalty"]) is not None:
                    best, worst = penalty["deduct_percent_best"], penalty["deduct_percent_worst"]
                    found.append(Text(words["clock_deducted"].format(best=f"{best:g}", worst=f"{worst:g}")))
        return found

    def _late_repairs(self) -> list[Block]:
        words = self.words
        if self.shown["repair"] is None:
            return []
        late, count = late_first(self.report, most=MOST_ROWS)
        if not late:
            return []
        rows = [
            (
                str(one["device"]), self._text_cell(one["from"]), self._text_cell(one["to"]) or words["lasts"],
                str(one["cause"]) or words["not_told"], _hours(one["repair_seconds"]),
            )
            for one in late
        ]  # fmt: skip
        columns = (
            Column(words["device"], weight=100), Column(words["since"], weight=_MOMENT),
            Column(words["until"], weight=_MOMENT), Column(words["cause"], weight=100),
            Column(words["clock_h"], True, 60),
        )  # fmt: skip
        return [Heading(words["late_repairs"]), Table(columns, rows), *self._more(count - MOST_ROWS)]

    def _causes(self) -> list[Block]:
        return self._ranking(self.shown["down_seconds_by_cause"], _COLOURS[Class.DOWN], self.words["by_cause"])

    def _ranking(self, parts: Mapping[str, float], colour: str, title: str) -> list[Block]:
        if not parts:
            return [Text(self.words["none"])]
        rows = [(name or self.words["not_told"], length) for name, length in parts.items()]
        bars = tuple(Bar(name, float(length), f"{_hours(length)} h") for name, length in rows[:_MOST_CAUSES])
        found: list[Block] = [Ranking(title, colour, bars)]
        if len(rows) > _MOST_CAUSES:
            found.append(Text(self.words["more"].format(count=len(rows) - _MOST_CAUSES), Tone.SMALL))
        return found

    def _group(self, key: str, groups: Sequence[Mapping[str, Any]]) -> list[Block]:
        words = self.words
        names = ("devices", "down_now", "worst", "best", "verdict", "down_h", "failed", "mean_down_h", "between_h")
        columns = (Column("", weight=2.2), *(Column(words[name], True) for name in names))
        rows = [
            (
                str(g[key] or words["not_told"]), f"{g['devices']:,}", f"{g['down_at_the_end']:,}",
                percent(g["worst_exact"]), percent(g["best_exact"]), words[g["verdict"]] if g["verdict"] else "-",
                _hours(g["down_seconds"]), f"{g['begun']:,}", _hours(g["mean_down_seconds"]),
                _hours(g["mean_seconds_between"]),
            )
            for g in sorted(groups, key=_lowest_first)[:_MOST_GROUPS]
        ]  # fmt: skip
        return [Table(columns, rows), *self._more(len(groups) - _MOST_GROUPS)]

    def _lowest(self) -> Block:
        words = self.words
        rows = [
            (str(d["device"]), percent(d["worst_exact"]), percent(d["best_exact"]), _hours(d["down_seconds"]),
             _hours(d["unknown_seconds"]))
            for d in self.shown["worst_devices"]
        ]  # fmt: skip
        if not rows:
            return Text(words["none"])
        columns = [Column(words[name], True) for name in ("worst", "best", "down_h", "unknown_h")]
        return Table((Column(words["device"], weight=2.5), *columns), rows)

    def _budget(self) -> list[Block]:
        words, budget = self.words, self.shown["budget"]
        rows = []
        for found in self.shown["forecast"]:
            if found["by"] == "cause":
                continue
            seen = found["worst"]
            mean, most = seen["mean_down_seconds"], seen["most_arrivals_per_day"]
            breaks = words["broken"] if seen["broken"] else self._text_cell(seen["breaks_at"]) or words["does_not"]
            rows.append(
                (
                    self._group_name(found["by"], found["group"]), f"{seen['arrivals_per_day']:.2f}",
                    "-" if mean is None else _hours(mean), f"{seen['expected_down']:.1f}",
                    "-" if most is None else f"{most:.1f}", breaks,
                )
            )  # fmt: skip
        names = ("arrivals", "mean_down_h", "down_at_a_time", "bearable", "breaks")
        left = words["budget_left"].format(
            allowed=_hours(budget["allowed_seconds"]),
            worst=_hours(budget["left_seconds_worst"]),
            best=_hours(budget["left_seconds_best"]),
        )
        table = Table((Column("", weight=1.6), *(Column(words[name], True, 1.2) for name in names)), rows)
        return [Text(left), table, Text(words["little"], Tone.SMALL)]

    def _burns(self) -> list[Block]:
        words = self.words
        limits = ", ".join(f"{float(rate):g} / {length // HOUR_NS} h" for rate, length in BURNS)
        found: list[Block] = [Text(words["burns_words"].format(limits=limits), Tone.SMALL)]
        high = [one for one in self.shown["burn_rates"] if one["verdict"] == "missed"]
        if not high:
            return [*found, Text(words["burns_none"])]
        rows = [
            (
                self._group_name(one["by"], one["group"]), f"{one['hours']}", f"{one['limit']:g}",
                f"{one['best']:.2f} - {one['worst']:.2f}", f"{one['down_at_the_end']:,} / {one['devices']:,}",
            )
            for one in sorted(high, key=lambda one: (-one["worst"] / one["limit"], one["by"], one["group"]))
        ]  # fmt: skip
        names = ("window_h", "limit", "rate", "down_now")
        columns = (Column(words["group"], weight=2.5), *(Column(words[name], True) for name in names))
        return [*found, Table(columns, rows[:_MOST_GROUPS]), *self._more(len(rows) - _MOST_GROUPS)]

    def _excluded(self) -> list[Block]:
        words, report = self.words, self.report
        reading, spent = report.readings.worst, report.window.worst_spent
        history = reading.history
        rows = np.flatnonzero((reading.counts == Class.EXCLUDED) & (spent > 0)).tolist()
        if not rows:
            return [Text(words["none"])]
        told = []
        for i in rows[:MOST_ROWS]:
            fact = int(reading.fact[i])
            known = int(history.known[fact]) if fact >= 0 else ALWAYS_NS
            told.append(
                (
                    history.devices[reading.device[i]],
                    self._cell(max(int(reading.begin[i]), report.from_ns)),
                    self._cell(min(int(reading.end[i]), report.to_ns)),
                    f"{seconds(int(spent[i])):,}",
                    (history.words[history.cause[fact]] if fact >= 0 else "") or words["not_told"],
                    "" if known == ALWAYS_NS else self._cell(known),
                )
            )
        columns = (
            Column(words["device"], weight=52), Column(words["from"], weight=_MOMENT),
            Column(words["to"], weight=_MOMENT), Column(words["seconds"], True, 50),
            Column(words["reason"], weight=139), Column(words["known_since"], weight=_MOMENT),
        )  # fmt: skip
        return [
            *self._ranking(self.shown["excluded_seconds_by_cause"], _COLOURS[Class.EXCLUDED], words["excluded_time"]),
            Table(columns, told),
            *self._more(len(rows) - MOST_ROWS),
        ]

    def _tickets(self) -> list[Block]:
        words = self.words
        tickets = self.report.tickets_json()
        if tickets is None:
            return [Text(words["no_tickets"])]
        if not tickets:
            return [Text(words["none"])]
        rows = [
            (
                one["ticket"][-8:], one["device"], one["fault"],
                *(self._text_cell(one[name]) for name in ("filed_at", "accepted_at", "closed_at")),
                self._answer(one), one["outcome"],
            )
            for one in tickets[:MOST_ROWS]
        ]  # fmt: skip
        columns = (
            Column(words["ticket"], weight=46), Column(words["device"], weight=52), Column(words["fault"], weight=48),
            *(Column(words[name], weight=_MOMENT) for name in ("filed", "accepted", "closed")),
            Column(words["answer"], weight=48), Column(words["outcome"], weight=47),
        )  # fmt: skip
        return [Table(columns, rows), *self._more(len(tickets) - MOST_ROWS)]

    def _answer(self, ticket: Mapping[str, Any]) -> str:
        """How its response clock stands, and what it has counted, in hours."""
        if ticket["response"] is None:
            return "-"
        word = "late" if ticket["response"] == ClockState.BROKEN else ticket["response"]
        return f"{self.words[word]} {_hours(ticket['response_seconds'])}"

    def _more(self, count: int) -> list[Block]:
        return [Text(self.words["more"].format(count=f"{count:,}"), Tone.SMALL)] if count > 0 else []

    def _group_name(self, by: str, name: str) -> str:
        return self.words["all"] if by == "all" else name or self.words["not_told"]

    def _moment(self, at_ns: int) -> str:
        """A moment of the contract's zone, to the second, with its offset."""
        return local_instant(at_ns, ZoneInfo(self.report.contract.time_zone))

    def _cell(self, at_ns: int | None) -> str:
        """The same in a table: with its offset only where the zone has several in the window."""
        if at_ns is None:
            return ""
        same = len({local_offset(self._local(one)) for one in (self.report.from_ns, self.report.to_ns, at_ns)}) == 1
        return f"{self._local(at_ns):%Y-%m-%d %H:%M:%S}" if same else self._moment(at_ns)

    def _text_cell(self, text: str | None) -> str:
        return self._cell(None if text is None else parse_instant(text))

    def _local(self, at_ns: int) -> datetime:
        return datetime.fromtimestamp(at_ns // NS_PER_S, ZoneInfo(self.report.contract.time_zone))


def _lowest_first(group: Mapping[str, Any]) -> tuple[bool, float]:
    return group["worst"] is None, group["worst"] or 0.0


def _hours(length_s: float | None) -> str:
    return "-" if length_s is None else f"{length_s / 3600:,.2f}"
