"""A history of states as a table: device, state, from, to, cause, and optionally known_at and evidence.

One row is one fact: the device was in `state` in [from, to). An empty `to` has not ended; an empty `known_at` was known
all along. Where an instant is known within bounds alone, `from_worst`, `from_best`, `to_worst` and `to_best` give those
of the reading that is worst, and best, for who answers for the device; an empty one is the instant itself. Instants are
RFC 3339; one without an offset is a local time of the zone that the reader is told.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from citywatch.domain.devices import check_device_id
from citywatch.domain.instants import parse_instant
from citywatch.domain.service import ALWAYS_NS, NEVER_NS, ServiceState
from citywatch.errors import Mistake

NEEDED = ("device", "state", "from", "to", "cause")
BOUNDS = ("from_worst", "from_best", "to_worst", "to_best")
OPTIONAL = ("known_at", "evidence", *BOUNDS)
MOST_MISTAKES = 100

_OTHER_WORDS = {"disabled": ServiceState.DISABLED, "removed": ServiceState.RETIRED}
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One row of the table."""

    device: str
    state: ServiceState
    from_ns: int
    to_ns: int
    cause: str
    known_ns: int
    evidence: str
    from_worst_ns: int | None = None
    from_best_ns: int | None = None
    to_worst_ns: int | None = None
    to_best_ns: int | None = None


class ServiceRefused(ValueError):
    """A table that cannot be read; nothing of it is taken."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(str(mistake) for mistake in mistakes[:20]))
        self.mistakes = tuple(mistakes)


def read_history(lines: Iterable[str], zone: str) -> list[ServiceRow]:
    """All rows of the table. ServiceRefused lists every mistake (up to a hundred) with line and column."""
    table = csv.reader(lines, strict=True)
    mistakes: list[Mistake] = []
    rows: list[ServiceRow] = []
    try:
        header = [name.strip().lower() for name in next(table, [])]
        if header and header[0].startswith("\ufeff"):
            header[0] = header[0].removeprefix("\ufeff")
        _check_header(header)
        reader = _Reader(header, zone)
        for cells in table:
            if not cells or not any(cell.strip() for cell in cells):
                continue
            found, wrong = reader.row(cells, table.line_num)
            mistakes += wrong
            if found is not None:
                rows.append(found)
            if len(mistakes) >= MOST_MISTAKES:
                break
    except csv.Error as error:
        mistakes.append(Mistake("", f"no CSV: {error}", table.line_num))
    if mistakes:
        raise ServiceRefused(mistakes)
    return rows


def _check_header(header: list[str]) -> None:
    wrong = [Mistake(name, "this column is missing", 1) for name in NEEDED if name not in header]
    known = (*NEEDED, *OPTIONAL)
    for number, name in enumerate(header, 1):
        if name not in known:
            wrong.append(Mistake(name[:40], f"unknown column; known: {', '.join(known)}", 1, number))
        elif header.index(name) != number - 1:
            wrong.append(Mistake(name, "this column stands twice", 1, number))
    if wrong:
        raise ServiceRefused(wrong)


class _Reader:
    def __init__(self, header: list[str], zone: str) -> None:
        self._header = header
        self._place = {name: number for number, name in enumerate(header)}
        self._zone = ZoneInfo(zone)
        self._instants: dict[str, int] = {}
        self._devices: set[str] = set()

    def row(self, cells: list[str], line: int) -> tuple[ServiceRow | None, list[Mistake]]:
        if len(cells) != len(self._header):
            words = f"{len(cells)} cells where the header has {len(self._header)}"
            return None, [Mistake("", words, line, min(len(cells), len(self._header)) + 1)]
        wrong: list[Mistake] = []
        device, state = self._cell(cells, "device"), None
        try:
            if device not in self._devices:
                self._devices.add(check_device_id(device))
        except ValueError as error:
            wrong.append(self._mistake("device", str(error), line))
        word = self._cell(cells, "state").lower().replace(" ", "_").replace("-", "_")
        try:
            state = _OTHER_WORDS.get(word) or ServiceState(word)
        except ValueError:
            words = f"{word[:40]!r} is none of {', '.join(ServiceState)}"
            wrong.append(self._mistake("state", words, line))
        instants = {
            name: self._instant(cells, name, usual, line, wrong)
            for name, usual in (("from", None), ("to", NEVER_NS), ("known_at", ALWAYS_NS))
        }
        if not wrong and instants["to"] <= instants["from"]:
            wrong.append(self._mistake("to", "it must be behind `from`; leave it empty for what has not ended", line))
        bounds = self._bounds(cells, line, wrong)
        if not wrong and (worse := _ends_first(instants, bounds)):
            wrong.append(self._mistake(worse, "this reading would end before it begins", line))
        texts = {name: self._cell(cells, name) for name in ("cause", "evidence")}
        for name, text in texts.items():
            if len(text) > _LONGEST:
                wrong.append(self._mistake(name, f"more than {_LONGEST} characters", line))
        if wrong or state is None:
            return None, wrong
        found = ServiceRow(
            device,
            state,
            instants["from"],
            instants["to"],
            texts["cause"],
            instants["known_at"],
            texts["evidence"],
            **{f"{name}_ns": at_ns for name, at_ns in bounds.items()},
        )
        return found, wrong

    def _bounds(self, cells: list[str], line: int, wrong: list[Mistake]) -> dict[str, int | None]:
        told = [name for name in BOUNDS if self._cell(cells, name)]
        return {name: self._instant(cells, name, None, line, wrong) if name in told else None for name in BOUNDS}

    def _instant(self, cells: list[str], name: str, usual: int | None, line: int, wrong: list[Mistake]) -> int:
        text = self._cell(cells, name)
        if not text and usual is not None:
            return usual
        if text in self._instants:
            return self._instants[text]
        try:
            at_ns = _instant_ns(text, self._zone)
        except ValueError as error:
            wrong.append(self._mistake(name, str(error), line))
            return 0
        if len(self._instants) < 1_000_000:
            self._instants[text] = at_ns
        return at_ns

    def _cell(self, cells: list[str], name: str) -> str:
        place = self._place.get(name)
        return "" if place is None else cells[place].strip()

    def _mistake(self, name: str, words: str, line: int) -> Mistake:
        return Mistake(name, words, line, self._place[name] + 1)


def _ends_first(instants: Mapping[str, int], bounds: Mapping[str, int | None]) -> str:
    """The bound that lets a reading end before it begins; '' for none."""
    for reading in ("worst", "best"):
        begin, end = bounds[f"from_{reading}"], bounds[f"to_{reading}"]
        if (instants["from"] if begin is None else begin) > (instants["to"] if end is None else end):
            return f"from_{reading}" if end is None else f"to_{reading}"
    return ""


def _instant_ns(text: str, zone: ZoneInfo) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        try:
            local = datetime.fromisoformat(text) if text.isprintable() else None
        except ValueError:
            local = None
        if local is None or local.tzinfo is not None:
            raise ValueError(f"{text[:40]!r} is not an instant; write it as 2026-01-31T08:00:00Z") from error
        earlier, later = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if earlier != later:
            # An hour of somebody's money is not guessed.
            often = "twice" if earlier < later else "never"
            raise ValueError(f"{text[:40]!r} comes {often} in {zone.key}; write its offset, such as +01:00") from None
        return (earlier - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
