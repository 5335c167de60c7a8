"""A report: every figure of a contract over a window, with the stretches of time that make it.

`Report.of` works it out; `as_json` is the form that scripts read. Shares are numbers from 0 to 1, with the exact
fraction beside; seconds are whole numbers wherever the time is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.domain.service import ALWAYS_NS, NEVER_NS, STANDINGS, STATES
from citywatch.domain.tickets import ClockState, HoldReason
from citywatch.sla.budgets import BURNS, DAY_NS, HOUR_NS, budget, burn, deducted, outlook
from citywatch.sla.cases import failure_rows, spread
from citywatch.sla.contracts import ClockTerms, Contract, Counts, Listed, under
from citywatch.sla.figures import Cases, Failures, Figure, Tally, Window, repair_cases, share_of
from citywatch.sla.history import History
from citywatch.sla.readings import Class, Readings, read
from citywatch.sla.responses import Answered, Stretches, response_time, response_times
from citywatch.sla.verdicts import Share
from citywatch.sla.words import ENGLISH

GROUPS = ("contractor", "area", "class", "department", "site", "parent")
WORST_DEVICES = 20


@dataclass(frozen=True, eq=False)
class Report:
    """All that is needed to say and to explain the figures of one contract over one window."""

    contract: Contract
    register: Mapping[str, Listed]
    from_ns: int
    to_ns: int
    as_known_at_ns: int | None
    window: Window
    worst_failures: Failures
    best_failures: Failures
    tickets: tuple[Answered, ...] | None
    known_until_ns: int

    @classmethod
    def of(
        cls,
        history: History,
        contract: Contract,
        register: Mapping[str, Listed],
        from_ns: int,
        to_ns: int,
        *,
        as_known_at_ns: int | None = None,
        known_until_ns: int = NEVER_NS,
        tickets: Iterable[Answered] | None = None,
    ) -> Report:
        """As known at an instant, nothing behind it has happened yet. `tickets` may be of any devices; None where
        nobody keeps any. ValueError for an empty window."""
        chosen = under(contract, register, history.devices)
        known = history.of_devices(chosen).as_known_at(as_known_at_ns)
        until = known_until_ns if as_known_at_ns is None else min(known_until_ns, as_known_at_ns)
        readings = read(known, contract, register, known_until_ns=until)
        window = Window.of(readings, contract.calendar(contract.intact.calendar), from_ns, to_ns)
        worst = Failures.of(readings.worst, from_ns, to_ns)
        best = worst if window.is_one else Failures.of(readings.best, from_ns, to_ns)
        ours = frozenset(chosen)
        mine = None if tickets is None else tuple(_told(tickets, ours, as_known_at_ns))
        return cls(contract, register, from_ns, to_ns, as_known_at_ns, window, worst, best, mine, until)

    @property
    def readings(self) -> Readings:
        return self.window.readings

    @property
    def history(self) -> History:
        return self.readings.worst.history

    @property
    def now_ns(self) -> int:
        """The end of the window; where it is not over, up to when things are known."""
        return self.known_until_ns if self.from_ns < self.known_until_ns < self.to_ns else self.to_ns

    @cached_property
    def so_far(self) -> Window:
        """The part of the window that has been: all of it when it is over."""
        if self.now_ns == self.to_ns:
            return self.window
        calendar = self.contract.calendar(self.contract.intact.calendar)
        return Window.of(self.readings, calendar, self.from_ns, self.now_ns)

    @property
    def target(self) -> Fraction:
        return self.contract.intact.target

    def as_json(self) -> dict[str, Any]:
        """Everything, intervals included."""
        return {
            **self.figures_json(),
            "tickets": self.tickets_json(),
            "repairs": self.repairs_json(),
            "intervals": list(self.intervals()),
            "intervals_best": None if self.window.is_one else list(self.intervals(worst=False)),
        }

    def figures_json(self) -> dict[str, Any]:
        """Every number of the report."""
        figure = self.window.figure()
        share = figure.share
        return {
            "contract": self.contract.name,
            "title": self.contract.title,
            "contractor": self.contract.contractor,
            "from": format_instant(self.from_ns),
            "to": format_instant(self.to_ns),
            "as_known_at": _instant(self.as_known_at_ns),
            "devices": figure.devices,
            "devices_under_contract": len(self.history.devices),
            "target_percent": float(self.contract.intact.target_percent),
            **share_json(share, self.target),
            **seconds_of(figure.worst),
            "readings": {"worst": seconds_of(figure.worst), "best": seconds_of(figure.best)},
            "so_far": self._so_far(),
            "penalty": self._penalty(share),
            "budget": self._budget(figure),
            "failures": self._failures(figure),
            "response": self._response(),
            "repair": self._repair(),
            "down_seconds_by_cause": _in_seconds(self.window.down_by_cause()),
            "excluded_seconds_by_cause": _in_seconds(self.window.excluded_by_cause()),
            "worst_devices": self.worst_devices(),
            "groups": {key: groups for key in GROUPS if (groups := self.groups(key))},
            "burn_rates": self.burn_rates(),
            "forecast": self._forecasts(self.so_far.figure()),
            "notes": self.notes(),
        }

    # parts

    def per_device(self) -> list[Figure]:
        """A figure for each device, in the history's order."""
        count = len(self.history.devices)
        return self.window.figures(np.arange(count), count)

    def worst_devices(self, most: int = WORST_DEVICES) -> list[dict[str, Any]]:
        """Devices with the lowest surely intact rate, those with the most down time first among equals."""
        low = self.window.low_devices(most)
        place = np.full(len(self.history.devices), len(low), np.int64)
        place[low] = np.arange(len(low))
        figures = self.window.figures(place, len(low) + 1)
        return [
            {
                "device": self.history.devices[device],
                **share_json(figure.share, self.target),
                **seconds_of(figure.worst),
            }
            for device, figure in zip(low, figures, strict=False)
        ]

    def groups(self, key: str) -> list[dict[str, Any]]:
        """A figure for each value of a property of the devices, in the order of its name; [] where nothing is known."""
        names, codes = self.codes(key)
        if names in ([], [""]):
            return []
        figures = self.window.figures(codes, len(names))
        down = self.so_far.counts_now(Class.DOWN, codes, len(names))
        failures = self.worst_failures
        mine = codes[failures.device]
        touching = np.bincount(mine, minlength=len(names)).tolist()
        begun = np.bincount(mine[failures.begun], minlength=len(names)).tolist()
        return [
            {
                key: name,
                "devices": figure.devices,
                "down_at_the_end": now,
                **share_json(figure.share, self.target),
                **seconds_of(figure.worst),
                **_failed(figure.worst, touched, began),
            }
            for name, figure, now, touched, began in zip(names, figures, down, touching, begun, strict=True)
        ]

    def tickets_json(self) -> list[dict[str, Any]] | None:
        """The tickets that were open in the window, by filing; None where nobody keeps any."""
        if self.tickets is None:
            return None
        terms = self.contract.response
        calendar = self.contract.calendar(terms.calendar) if terms is not None else None
        found = []
        for one in sorted(self.tickets, key=lambda one: (one.filed_ns, one.ticket)):
            if one.filed_ns >= self.to_ns or (one.closed_ns is not None and one.closed_ns < self.from_ns):
                continue
            response, counted_ns = None, None
            if terms is not None and calendar is not None:
                stood = self._left_out(one.device, worst=True)
                state, counted_ns = response_time(
                    one, terms, calendar, self.from_ns, self.to_ns, self.known_until_ns, stood
                )
                response = None if state is ClockState.NONE else state.value
            found.append(
                {
                    "ticket": one.ticket,
                    "device": one.device,
                    "fault": one.fault,
                    "filed_at": format_instant(one.filed_ns),
                    "accepted_at": _instant(one.accepted_ns),
                    "closed_at": _instant(one.closed_ns),
                    "outcome": one.outcome,
                    "reopened": one.reopened,
                    "response": response,
                    "response_seconds": None if response is None or counted_ns is None else seconds(counted_ns),
                }
            )
        return found

    def repairs_json(self) -> list[dict[str, Any]]:
        """The failures that touch the window (worst reading), each with what the repair clock has counted."""
        return failure_rows(self, np.arange(len(self.worst_failures.begin)), worst=True)

    def burn_rates(self) -> list[dict[str, Any]]:
        """For the fleet and each group: how fast the budget burns at the end of the window, or now where it lasts."""
        found: list[dict[str, Any]] = []
        calendar = self.contract.calendar(self.contract.intact.calendar)
        keyed = [("all", [""], np.zeros(len(self.history.devices), np.int64))]
        keyed += [(key, *self.codes(key)) for key in GROUPS]
        for rate, length_ns in BURNS:
            window = Window.of(self.readings, calendar, self.now_ns - length_ns, self.now_ns)
            for key, names, codes in keyed:
                if key != "all" and names in ([], [""]):
                    continue
                figures = window.figures(codes, len(names))
                down = window.counts_now(Class.DOWN, codes, len(names))
                for name, figure, now in zip(names, figures, down, strict=True):
                    burns = burn(figure, self.target)
                    verdict = burns.above(rate)
                    found.append(
                        {
                            "by": key,
                            "group": name,
                            "hours": length_ns // HOUR_NS,
                            "limit": float(rate),
                            "worst": _number(burns.worst),
                            "best": _number(burns.best),
                            "verdict": None if verdict is None else verdict.value,
                            "devices": figure.devices,
                            "down_at_the_end": now,
                        }
                    )
        return found

    def intervals(self, *, worst: bool = True) -> Iterator[dict[str, Any]]:
        """The stretches that make the figure, clipped to the window, by device and time."""
        reading = self.readings.worst if worst else self.readings.best
        rows = np.flatnonzero((reading.begin < self.to_ns) & (reading.end > self.from_ns))
        return self.interval_rows(rows, worst=worst)

    def interval_rows(self, rows: Any, *, worst: bool) -> Iterator[dict[str, Any]]:
        """Some of them, by their index in the reading."""
        reading = self.readings.worst if worst else self.readings.best
        spent = self.window.worst_spent if worst else self.window.best_spent
        history = reading.history
        for i in rows.tolist():
            fact = int(reading.fact[i])
            begin, end = max(int(reading.begin[i]), self.from_ns), min(int(reading.end[i]), self.to_ns)
            known = int(history.known[fact]) if fact >= 0 else ALWAYS_NS
            yield {
                "device": history.devices[reading.device[i]],
                "state": STATES[reading.state[i]].value,
                "from": format_instant(begin),
                "to": format_instant(end),
                "seconds": seconds(end - begin),
                "required_seconds": seconds(int(spent[i])),
                "counts_as": Class(int(reading.counts[i])).name.lower(),
                "cause": history.words[history.cause[fact]] if fact >= 0 else "",
                "evidence": history.words[history.evidence[fact]] if fact >= 0 else "",
                "known_at": None if known == ALWAYS_NS else format_instant(known),
                "told_as": STANDINGS[history.standing[fact]].value if fact >= 0 else None,
            }

    def interval_columns(self, *, worst: bool = True) -> dict[str, Any]:
        """The same stretches as columns, (n,) each: texts as (index, names) with -1 for none, instants and lengths in
        ns; `known_at` is masked where it was known all along: (ns, (n,) bool).
        """
        reading = self.readings.worst if worst else self.readings.best
        spent = self.window.worst_spent if worst else self.window.best_spent
        history = reading.history
        rows = np.flatnonzero((reading.begin < self.to_ns) & (reading.end > self.from_ns))
        fact = reading.fact[rows]
        told = fact >= 0
        begin, end = np.maximum(reading.begin[rows], self.from_ns), np.minimum(reading.end[rows], self.to_ns)

        def of_fact(column: Any, none: int) -> Any:
            return np.where(told, np.append(column, none)[fact], none)

        known = of_fact(history.known, ALWAYS_NS)
        return {
            "device": (reading.device[rows], history.devices),
            "state": (reading.state[rows], [state.value for state in STATES]),
            "from": (begin, np.zeros(len(rows), bool)),
            "to": (end, np.zeros(len(rows), bool)),
            "length_ns": end - begin,
            "required_ns": spent[rows],
            "counts_as": (reading.counts[rows].astype(np.int32), [kind.name.lower() for kind in Class]),
            "cause": (of_fact(history.cause, -1), history.words),
            "evidence": (of_fact(history.evidence, -1), history.words),
            "known_at": (known, known == ALWAYS_NS),
            "told_as": (of_fact(history.standing, -1), [standing.value for standing in STANDINGS]),
        }

    def notes(self) -> list[str]:
        """What a reader of the figures must know, in English."""
        return [ENGLISH[key].format(**values) for key, values in self.remarks()]

    def remarks(self) -> list[tuple[str, Mapping[str, str]]]:
        """The same as keys of sla.words and what is put into them."""
        found: list[tuple[str, Mapping[str, str]]] = []
        terms = self.contract.intact
        if self.as_known_at_ns is not None and self.as_known_at_ns < self.to_ns:
            found.append(("note_window_open", {}))
        elif self.known_until_ns < self.to_ns:
            found.append(("note_not_over", {"at": format_instant(self.known_until_ns)}))
        for name in sorted({terms.calendar, self.contract.repair.calendar if self.contract.repair else terms.calendar}):
            years = self.contract.calendar(name).provisional_years(self.from_ns, self.to_ns)
            if years:
                found.append(("note_make_up_days", {"calendar": name, "years": ", ".join(map(str, years))}))
        if terms.unknown is not Counts.BETWEEN:
            found.append(("note_unknown_counts", {"counts": terms.unknown.value}))
        if terms.degraded is not Counts.UP:
            found.append(("note_degraded_counts", {"counts": terms.degraded.value}))
        if self.contract.response is not None and self.tickets is None:
            found.append(("note_no_tickets", {}))
        return found

    def _penalty(self, share: Share | None) -> dict[str, Any] | None:
        steps = self.contract.intact.penalties
        if not steps or share is None:
            return None
        return {
            "deduct_percent_worst": float(deducted(share.worst, steps)),
            "deduct_percent_best": float(deducted(share.best, steps)),
        }

    def _budget(self, figure: Figure) -> dict[str, Any]:
        found = budget(figure, self.target, self.so_far.figure())
        return {
            "allowed_seconds": float(found.allowed_ns / NS_PER_S),
            "used_seconds_worst": seconds(found.used_worst_ns),
            "used_seconds_best": seconds(found.used_best_ns),
            "left_seconds_worst": float(found.left_worst_ns / NS_PER_S),
            "left_seconds_best": float(found.left_best_ns / NS_PER_S),
        }

    def _so_far(self) -> dict[str, Any] | None:
        """The figure of the part of the window that has been; None when it is over."""
        if self.so_far is self.window:
            return None
        figure = self.so_far.figure()
        return {
            "to": format_instant(self.now_ns),
            **share_json(figure.share, self.target),
            **seconds_of(figure.worst),
        }

    def _failures(self, figure: Figure) -> dict[str, Any]:
        """Of each reading: how many, how long on average, and how much up time lies between two of them."""
        found = {}
        for name, failures, tally in (
            ("worst", self.worst_failures, figure.worst),
            ("best", self.best_failures, figure.best),
        ):
            found[name] = _failed(tally, len(failures.begin), int(failures.begun.sum()))
        return found

    def _response(self) -> dict[str, Any] | None:
        terms = self.contract.response
        if terms is None or self.tickets is None:
            return None
        worst, lengths = self._response_times(terms, worst=True)
        best = worst if self.window.is_one else self._response_times(terms, worst=False)[0]
        return {**_clock_json(terms, worst, best), "cases": _cases(worst), "spread": spread(lengths)}

    def _response_times(self, terms: ClockTerms, *, worst: bool) -> tuple[Cases, list[int]]:
        return response_times(
            self.tickets or (),
            terms,
            self.contract.calendar(terms.calendar),
            self.from_ns,
            self.to_ns,
            known_until_ns=self.known_until_ns,
            left_out=lambda device: self._left_out(device, worst=worst),
        )

    def _left_out(self, device: str, *, worst: bool) -> Stretches:
        """When the time of a device is excluded, in one reading."""
        reading = self.readings.worst if worst else self.readings.best
        number = self._places.get(device, -1)
        first, behind = np.searchsorted(reading.device, (number, number + 1)).tolist()
        rows = first + np.flatnonzero(reading.counts[first:behind] == Class.EXCLUDED)
        return list(zip(reading.begin[rows].tolist(), reading.end[rows].tolist(), strict=True))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.history.devices)}

    def _repair(self) -> dict[str, Any] | None:
        terms = self.contract.repair
        if terms is None:
            return None
        elapsed = self.repair_elapsed(worst=True)
        worst = repair_cases(self.worst_failures, elapsed, terms)
        best = worst
        if not self.window.is_one:
            best = repair_cases(self.best_failures, self.repair_elapsed(worst=False), terms)
        return {
            **_clock_json(terms, worst, best),
            "cases": {"worst": _cases(worst), "best": _cases(best)},
            "spread": spread(elapsed.tolist()),
        }

    def repair_elapsed(self, *, worst: bool) -> Any:
        """(f,) ns that the repair clock has counted of each failure; None without such a clock.

        Excluded time does not run, nor does time in which a ticket of the device was on hold for a reason that stops
        the clock by contract.
        """
        terms = self.contract.repair
        if terms is None:
            return None
        failures = self.worst_failures if worst else self.best_failures
        return failures.elapsed(self.contract.calendar(terms.calendar), self.to_ns, self._stood())

    def _stood(self) -> list[tuple[int, int, int]]:
        """(device, from, to) of holds that stop the clock."""
        found = []
        for ticket in self.tickets or ():
            for hold in ticket.holds:
                if self.contract.stops(HoldReason(hold.reason)):
                    to_ns = self.to_ns if hold.to_ns is None else min(hold.to_ns, self.to_ns)
                    found.append((self._places[ticket.device], hold.from_ns, min(to_ns, self.known_until_ns)))
        return found

    def _forecasts(self, figure: Figure) -> list[dict[str, Any]]:
        """For all, for each contractor, and the arrivals for each cause."""
        names, codes = self.codes("contractor")
        found = [self._forecast("all", "", figure, None)]
        if names not in ([], [""]):
            for number, (name, part) in enumerate(zip(names, self.so_far.figures(codes, len(names)), strict=True)):
                found.append(self._forecast("contractor", name, part, codes == number))
        failures = self._failures_so_far[0]
        spent = self.so_far.worst_spent
        down = self.readings.worst.counts == Class.DOWN
        total = np.zeros(len(spent) + 1, np.int64)
        np.cumsum(np.where(down, spent, 0), out=total[1:])
        each = total[failures.behind] - total[failures.first]
        for cause in np.unique(failures.cause).tolist():
            these = failures.cause == cause
            arrivals = Fraction(int(failures.begun[these].sum()) * DAY_NS, self.now_ns - self.from_ns)
            mean = Fraction(sum(each[these].tolist()), int(these.sum()))
            found.append(
                {
                    "by": "cause",
                    "group": self.history.words[cause],
                    "arrivals_per_day": float(arrivals),
                    "mean_down_seconds": float(mean / NS_PER_S),
                    "expected_down": float(arrivals * mean / DAY_NS),
                }
            )
        return found

    def _forecast(self, by: str, group: str, figure: Figure, devices: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"by": by, "group": group, "devices": figure.devices}
        for name, tally, failures in (
            ("worst", figure.worst, self._failures_so_far[0]),
            ("best", figure.best, self._failures_so_far[1]),
        ):
            mine = np.ones(len(failures.begin), bool) if devices is None else devices[failures.device]
            seen = outlook(
                tally,
                devices=figure.devices,
                begun=int((failures.begun & mine).sum()),
                touched=int(mine.sum()),
                target=self.target,
                from_ns=self.from_ns,
                to_ns=self.now_ns,
                unknown_is_up=name == "best",
            )
            found[name] = {
                "arrivals_per_day": float(seen.arrivals_per_day),
                "mean_down_seconds": None if seen.mean_down_ns is None else float(seen.mean_down_ns / NS_PER_S),
                "expected_down": float(seen.expected_down),
                "most_arrivals_per_day": _number(seen.most_arrivals_per_day),
                "broken": seen.broken,
                "breaks_at": _late(seen.breaks_at_ns),
            }
        return found

    @cached_property
    def _failures_so_far(self) -> tuple[Failures, Failures]:
        """Of both readings, those of the part of the window that has been."""
        if self.so_far is self.window:
            return self.worst_failures, self.best_failures
        worst = Failures.of(self.readings.worst, self.from_ns, self.now_ns)
        return worst, worst if self.window.is_one else Failures.of(self.readings.best, self.from_ns, self.now_ns)

    def codes(self, key: str) -> tuple[list[str], Any]:
        """The values of a property, sorted, and each device's index among them."""
        return self._all_codes[key]

    @cached_property
    def _all_codes(self) -> dict[str, tuple[list[str], Any]]:
        rows = [self.register.get(name, Listed(name)) for name in self.history.devices]
        found = {}
        for key in GROUPS:
            values = [getattr(listed, "klass" if key == "class" else key) for listed in rows]
            names = sorted(set(values))
            place = {name: number for number, name in enumerate(names)}
            found[key] = names, np.array([place[value] for value in values], np.int64)
        return found


def _told(tickets: Iterable[Answered], devices: frozenset[str], as_known_at_ns: int | None) -> Iterator[Answered]:
    """Tickets of these devices as they were known; exercises leave no trace."""
    for ticket in tickets:
        if ticket.device in devices and not ticket.exercise:
            then = ticket if as_known_at_ns is None else ticket.as_known_at(as_known_at_ns)
            if then is not None:
                yield then


def seconds(length_ns: int) -> int | float:
    """A whole number where the time is whole."""
    whole, rest = divmod(length_ns, NS_PER_S)
    return whole if rest == 0 else length_ns / NS_PER_S


def seconds_of(tally: Tally) -> dict[str, int | float]:
    """A tally in seconds."""
    return {
        "up_seconds": seconds(tally.up_ns),
        "down_seconds": seconds(tally.down_ns),
        "unknown_seconds": seconds(tally.unknown_ns),
        "excluded_seconds": seconds(tally.excluded_ns),
        "retired_seconds": seconds(tally.retired_ns),
        "degraded_seconds": seconds(tally.degraded_ns),
    }


def share_json(share: Share | None, target: Fraction) -> dict[str, Any]:
    """As numbers, exactly beside, with the verdict."""
    if share is None:
        return {"worst": None, "best": None, "verdict": None, "worst_exact": None, "best_exact": None}
    return {
        "worst": float(share.worst),
        "best": float(share.best),
        "verdict": share.verdict(target).value,
        "worst_exact": str(share.worst),
        "best_exact": str(share.best),
    }


def _failed(tally: Tally, touching: int, begun: int) -> dict[str, Any]:
    """How often, how long on average, and how much up time lies between two beginnings."""
    return {
        "touching": touching,
        "begun": begun,
        "mean_down_seconds": float(Fraction(tally.down_ns, touching * NS_PER_S)) if touching else None,
        "mean_seconds_between": float(Fraction(tally.up_ns, begun * NS_PER_S)) if begun else None,
    }


def _clock_json(terms: ClockTerms, worst: Cases, best: Cases) -> dict[str, Any]:
    """What is promised of a clock, and what became of it in both readings."""
    share = share_of(worst, best)
    penalty = None
    if terms.penalties:
        penalty = {
            "deduct_percent_worst": float(deducted(share.worst, terms.penalties)),
            "deduct_percent_best": float(deducted(share.best, terms.penalties)),
        }
    return {
        "within_seconds": seconds(terms.within),
        "target_percent": float(terms.share_percent),
        **share_json(share, Fraction(terms.share_percent) / 100),
        "penalty": penalty,
    }


def _cases(cases: Cases) -> dict[str, int]:
    return {"kept": cases.kept, "broken": cases.broken, "running": cases.running}


def _in_seconds(parts: Mapping[str, int]) -> dict[str, int | float]:
    return {name: seconds(length) for name, length in parts.items()}


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _instant(at_ns: int | None) -> str | None:
    return None if at_ns is None else format_instant(at_ns)


def _late(at_ns: int | None) -> str | None:
    """None also for an instant so far away that no calendar has it: the figure does not break."""
    return None if at_ns is None or at_ns > NEVER_NS else format_instant(at_ns)
