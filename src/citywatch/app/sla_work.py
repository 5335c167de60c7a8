"""From a question about a contract to its report: the same for the command line, the API and the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from citywatch.app import sla_sources as sources
from citywatch.app.data_dir import DataDir
from citywatch.app.register import read_register
from citywatch.app.sla_city import City
from citywatch.domain.instants import NS_PER_S, parse_instant
from citywatch.domain.service import NEVER_NS, Standing
from citywatch.errors import RecordRefused
from citywatch.ports import ReportQuestion
from citywatch.settings import Settings
from citywatch.sla.budgets import BURNS
from citywatch.sla.contracts import Listed
from citywatch.sla.history import History
from citywatch.sla.report import Report

LONGEST_NS = 5 * 366 * 86_400 * NS_PER_S
"""The longest window of a report."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a city lives: its data directory, its settings, what paths in them are seen from, and its running log."""

    directory: DataDir
    settings: Settings
    beside: Path | None = None
    log_url: str | None = None

    def contract_files(self) -> list[Path]:
        """The contracts that the settings name by their files."""
        files = [Path(name) for name in self.settings.contracts if Path(name).suffix in (".yaml", ".yml")]
        return [(self.beside or Path()) / file for file in files]


def work_out(place: Place, question: ReportQuestion, now_ns: int) -> Report:
    """The report. RecordRefused names the field that is wrong (`contract`, `from`, `to`, `as_known_at`), with the
    reason `no_contract`, `invalid`, `no_history` or `no_devices`; ConfigurationError: the contract's own file is.
    """
    try:
        terms, file = sources.named(place.directory.root, question.contract, place.contract_files())
    except sources.NoSuchContract as error:
        raise RecordRefused("no_contract", str(error), field="contract") from error
    from_ns, to_ns, known_ns = _times(question, ZoneInfo(terms.time_zone))
    listed = sources.read_register(terms, file)
    begin_ns = min(from_ns, to_ns - max(length for _, length in BURNS))
    known_until_ns, parts, tickets = NEVER_NS, [], None
    who = read_register(place.settings, place.beside)
    with City.open(place.directory, place.settings, now_ns, log=place.log_url, register=who) as city:
        if city is not None and question.source != "import":
            known_until_ns = city.known_until_ns
            at_ns = known_until_ns if known_ns is None else known_ns
            parts.append(city.history(begin_ns, to_ns, at_ns))
            listed = joined(city.register(), listed)
            tickets = list(city.tickets(from_ns, at_ns))
    if question.source != "city":
        told = sources.imported(place.directory.root, Standing.STATED if parts else Standing.SEEN)
        parts += [] if told is None else [told]
    if not parts:
        raise RecordRefused(
            "no_history",
            f"{place.directory.root} holds no history; bring one with `citywatch sla import FILE.csv`,"
            " or name the data directory of a city: --data-dir",
        )
    parts.append(History.of_facts(sources.in_service(listed)))
    found = Report.of(
        parts[0].joined(parts[1:]),
        terms,
        listed,
        from_ns,
        to_ns,
        as_known_at_ns=known_ns,
        known_until_ns=known_until_ns,
        tickets=tickets,
    )
    if not found.history.devices:
        raise RecordRefused(
            "no_devices", f"contract {terms.name}: no device of the history is under it; see its `devices`"
        )
    return found


def joined(city: Mapping[str, Listed], contract: Mapping[str, Listed]) -> dict[str, Listed]:
    """What the contract's register says of a device goes before what the city's says, cell by cell."""
    found = dict(city)
    for name, own in contract.items():
        known = city.get(name)
        found[name] = own if known is None else own.over(known)
    return found


def _times(question: ReportQuestion, zone: ZoneInfo) -> tuple[int, int, int | None]:
    from_ns, to_ns = instant(question.begin, "from", zone), instant(question.end, "to", zone)
    known_ns = instant(question.as_known_at, "as_known_at", zone) if question.as_known_at else None
    if from_ns >= to_ns:
        raise RecordRefused("invalid", f"to: {question.end} must be behind from: {question.begin}", field="to")
    if to_ns - from_ns > LONGEST_NS:
        raise RecordRefused("invalid", "to: a report is about five years at most", field="to")
    return from_ns, to_ns, known_ns


def instant(text: str, field: str, zone: ZoneInfo) -> int:
    """RFC 3339, or a day or local time of the contract's zone."""
    try:
        at_ns = parse_instant(text)
    except ValueError as error:
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            local = None
        if local is None or local.tzinfo is not None:
            raise RecordRefused(
                "invalid",
                f"{field}: {text[:40]!r} is no instant; write 2026-01-31T08:00:00Z, or a day of the contract's time"
                " zone",
                field=field,
            ) from error
        at_ns = int(local.replace(tzinfo=zone).timestamp()) * NS_PER_S
    if not 0 <= at_ns < NEVER_NS:
        raise RecordRefused("invalid", f"{field}: must lie in the years 1970 to 2100", field=field)
    return at_ns
