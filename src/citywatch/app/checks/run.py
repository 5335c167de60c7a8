"""All tests of a file, one after the other, each in a city of its own."""

from __future__ import annotations

import heapq
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from citywatch.adapters.store.sql import SqlStore
from citywatch.app.checks import figures, rows
from citywatch.app.checks.city import City, configured, opened
from citywatch.app.checks.script import (
    ClaimReading,
    ClockReading,
    CommandReading,
    DeafReading,
    Expectation,
    FindingReading,
    HeartbeatReading,
    LookReading,
    PassReading,
    Script,
    Test,
)
from citywatch.app.checks.telling import Telling
from citywatch.app.checks.wanted import Answer, answer, matches, moment, told
from citywatch.domain.commands import CITY, Verb
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import ConfigurationError
from citywatch.settings import Settings, load_settings
from citywatch.yaml_files import line_of, parse_model, read_text

_CLOSED = {"alerts": "resolved", "tickets": "closed"}


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not hold, or one reading that could not happen; `line` is its line in the file."""

    line: int
    when: str
    expected: str
    found: str


@dataclass(slots=True)
class Outcome:
    """What became of one test. `simulated_s` seconds took `real_s`."""

    name: str
    line: int
    failures: list[Failure] = field(default_factory=list)
    simulated_s: int = 0
    real_s: float = 0.0


class _CannotHappen(Exception):
    """A reading that needs something which is not there: told as a failure of the test."""


def check_file(file: Path, config: Path | None) -> list[Outcome]:
    """Run every test of a file against `config`, or the settings that it names. ConfigurationError for a wrong file."""
    text = read_text(file)
    script = parse_model(text, str(file), Script)
    lines = _Lines(text)
    beside = file.absolute().parent
    if config is None and script.settings:
        config = beside / script.settings
    settings = Settings() if config is None else load_settings(config)
    with tempfile.TemporaryDirectory(prefix="citywatch-check-") as folder:
        template = Path(folder) / "empty.sqlite"
        SqlStore.open(template).close()
        outcomes = []
        for number, test in enumerate(script.tests):
            scene = Path(folder) / str(number)
            scene.mkdir()
            with opened(template, scene) as store:
                start_ns = script.start if test.start is None else test.start
                city = City(settings, None if config is None else config.absolute().parent, store, start_ns)
                if any(wanted.notified is not None for wanted in test.expect):
                    city.telling = Telling(settings.notifications, store, start_ns)
                day = _Day(file, lines, number, test, city, settings, beside, config)
                outcomes.append(day.live())
        return outcomes


class _Lines:
    """Where things stand in the file."""

    def __init__(self, text: str) -> None:
        self._tree = yaml.compose(text, Loader=yaml.SafeLoader)

    def of(self, *where: str | int) -> int:
        return line_of(self._tree, where)


class _Day:
    """One test in its city."""

    def __init__(
        self,
        file: Path,
        lines: _Lines,
        number: int,
        test: Test,
        city: City,
        settings: Settings,
        beside: Path,
        config: Path | None,
    ) -> None:
        self._file, self._lines, self._number, self._test = file, lines, number, test
        self._city, self._settings, self._beside, self._config = city, settings, beside, config
        self._outcome = Outcome(test.name, lines.of("tests", number))
        self._waiting: list[tuple[int, Expectation]] = []
        self._looked = -1
        self._passes = 0

    def live(self) -> Outcome:
        """The whole day, up to its last expectation."""
        begin = time.perf_counter()
        expected = sorted(enumerate(self._test.expect), key=lambda one: one[1].when_ns)
        self._waiting = [(n, one) for n, one in expected if one.at is None]
        self._prepare()
        readings = self._acts()
        act = next(readings, None)
        try:
            for number, wanted in expected:
                while act is not None and act[0] <= wanted.when_ns:
                    self._to((act[0] - 1) // NS_PER_S if act[0] else -1)
                    self._act(*act)
                    act = next(readings, None)
                self._to(wanted.when_ns // NS_PER_S)
                self._settle(number, wanted)
        except _CannotHappen:
            pass
        self._outcome.failures.sort(key=lambda failure: failure.line)
        self._outcome.simulated_s = max(self._city.second, 0)
        self._outcome.real_s = time.perf_counter() - begin
        return self._outcome

    # ---- what happens

    def _prepare(self) -> None:
        """Devices, doors and their silences, before the first tick."""
        city = self._city
        beside = None if self._config is None else self._config.absolute().parent
        for batch in configured(self._settings, beside, city.start_ns):
            city.feed(batch)
        city.feed(rows.registrations(self._test.devices, city.start_ns))
        for reading in self._test.readings:
            match reading:
                case HeartbeatReading():
                    city.hears_through(reading.observer)
                case DeafReading():
                    city.deafen(reading.deaf, reading.at // NS_PER_S, (reading.at + reading.lasts) // NS_PER_S)
                case ClockReading():
                    city.stop_clock(reading.at // NS_PER_S, (reading.at + reading.clock_stops) // NS_PER_S)

    def _acts(self) -> Iterator[tuple[int, int, int]]:
        """(moment, number of the reading, how often before), in order; of one moment in the file's order."""
        each = [
            zip(reading.moments_ns(), [number] * reading.count(), range(reading.count()), strict=True)
            for number, reading in enumerate(self._test.readings)
            if not isinstance(reading, DeafReading | ClockReading)
        ]
        return heapq.merge(*each)

    def _act(self, at: int, number: int, turn: int) -> None:
        reading, city = self._test.readings[number], self._city
        at_ns = city.start_ns + at
        match reading:
            case LookReading():
                looks = city.patrol.looks(
                    reading.look, at_ns, str(reading.sees), reading.light, reading.preset, reading.measurements
                )
                city.feed(looks)
            case HeartbeatReading():
                city.feed(rows.heartbeats(reading.heartbeat, at_ns, city.hears_through(reading.observer)))
            case PassReading():
                self._passes += 1
                city.feed(rows.vehicle(reading, at_ns, self._passes))
            case FindingReading():
                city.feed(rows.found(reading.finding, at_ns))
            case ClaimReading():
                city.feed(
                    rows.claims(reading.claim, at_ns, reading.source, reading.says, reading.reason, reading.detail)
                )
            case CommandReading():
                self._command(reading, at, number, turn)
        self._watch()

    def _command(self, reading: CommandReading, at: int, number: int, turn: int) -> None:
        city = self._city
        where = f"{self._file}, line {self._line('readings', number)}"
        target, device = reading.target, reading.device or CITY
        if reading.about:
            table = "alerts" if reading.command is Verb.ACKNOWLEDGE_ALERT else "tickets"
            known = city.rows_of(table)
            like = [row for row in known if matches(row, reading.about, city.start_ns)]
            like = [row for row in like if row["state"] != _CLOSED[table]] or like
            if len(like) != 1:
                expected = f"one of the {table} {told(reading.about)} for {reading.command.value}"
                self._fail(self._line("readings", number), f"at {moment(at / NS_PER_S)}", expected, f"{len(like)}")
                raise _CannotHappen
            target, device = like[0]["id"], like[0]["device"]
        args = rows.with_instants(reading.args, city.start_ns)
        key = f"{self._test.name}/{number}/{turn}"
        given = [(device, reading.command, target, args)]
        if reading.command is Verb.HANDLE_TICKET and (children := city.away_with(target)):
            given = [(device, reading.command, target, {**args, "children": children})]
            given += [(child, Verb.EXPECT_REPAIR, target, {}) for child in children]
        try:
            city.feed(rows.commands(given, city.start_ns + at, reading.actor, key))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{where}: {reading.command.value}: {type(error).__name__}: {error}; see its args in docs/operations.md"
            ) from error

    def _to(self, second: int) -> None:
        one_by_one = self._city.telling is not None or any(
            wanted.event is None and wanted.no_event is None for _, wanted in self._waiting
        )
        for _ in self._city.tick_to(second, one_by_one=one_by_one):
            self._watch()

    # ---- what must have come of it

    def _watch(self) -> None:
        """Ask again for what may come true, or be broken, at any moment."""
        if self._city.told == self._looked or not self._waiting:
            return
        self._looked = self._city.told
        for number, wanted in list(self._waiting):
            if wanted.event is None and wanted.no_event is None:
                found = self._answer(number, wanted)
                if found.holds == (wanted.by is not None):
                    self._waiting.remove((number, wanted))
                    if not found.holds:
                        self._broken(number, wanted, found)

    def _settle(self, number: int, wanted: Expectation) -> None:
        if wanted.at is None and (number, wanted) not in self._waiting:
            return
        found = self._answer(number, wanted)
        if wanted.at is None:
            self._waiting.remove((number, wanted))
        if not found.holds:
            self._broken(number, wanted, found)

    def _answer(self, number: int, wanted: Expectation) -> Answer:
        where = f"{self._file}, line {self._line('expect', number)}"
        if wanted.sla is not None:
            return figures.sla(self._city, wanted.sla, self._beside, where)
        if wanted.notified is not None:
            known = {receiver.name for receiver in self._settings.notifications.receivers}
            if unknown := sorted(set(wanted.notified.receivers) - known):
                names = ", ".join(sorted(known)) or "none at all"
                raise ConfigurationError(f"{where}: notified: no receiver is called {unknown[0]!r}; there are: {names}")
            return figures.notified(self._city, wanted.notified)
        return answer(self._city, wanted, where)

    def _broken(self, number: int, wanted: Expectation, found: Answer) -> None:
        word = next(name for name in ("at", "by", "until") if getattr(wanted, name) is not None)
        when = f"{word} {moment(wanted.when_ns / NS_PER_S)}"
        if word == "until":
            when += f", at {moment(max(self._city.second, 0))}"
        self._fail(self._line("expect", number), when, found.expected, found.found)

    def _fail(self, line: int, when: str, expected: str, found: str) -> None:
        self._outcome.failures.append(Failure(line, when, expected, found))

    def _line(self, part: str, number: int) -> int:
        return self._lines.of("tests", self._number, part, number)


def as_json(outcomes: list[Outcome], file: Path) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "file": str(file),
        "passed": sum(not one.failures for one in outcomes),
        "failed": sum(bool(one.failures) for one in outcomes),
        "tests": [
            {
                "name": one.name,
                "line": one.line,
                "passed": not one.failures,
                "simulated_seconds": one.simulated_s,
                "seconds": round(one.real_s, 3),
                "failures": [
                    {"line": f.line, "when": f.when, "expected": f.expected, "found": f.found} for f in one.failures
                ],
            }
            for one in outcomes
        ],
    }
