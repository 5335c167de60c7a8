"""Figures of a contract, and who was told, for a scripted city."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from citywatch.app import sla_sources as sources
from citywatch.app.checks.city import City
from citywatch.app.checks.script import NotifiedSpec, SlaSpec
from citywatch.app.checks.wanted import Answer, is_like, matches, told
from citywatch.app.sla_city import City as SeenByCity
from citywatch.app.sla_work import joined
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import ConfigurationError
from citywatch.sla.budgets import BURNS
from citywatch.sla.history import History
from citywatch.sla.report import Report

_SHARES = ("worst", "best")


def sla(city: City, wanted: SlaSpec, beside: Path, where: str) -> Answer:
    """The figure of a contract as `citywatch sla report` would work it out at this moment."""
    shown = _report(city, wanted, beside)
    expected, found = [], []
    for name, value in wanted.figures.items():
        if name not in shown:
            known = sorted(key for key, one in shown.items() if not isinstance(one, dict | list))
            raise ConfigurationError(f"{where}: sla: {name}: no such figure; known here: {', '.join(known)}")
        want = _share(value) if name in _SHARES else value
        if not is_like(shown[name], want, city.start_ns, wanted.within):
            expected.append(f"{name} {told(value)}")
            found.append(f"{name} {told(shown[name])}")
    return Answer(not expected, ", ".join(expected), ", ".join(found))


def notified(city: City, wanted: NotifiedSpec) -> Answer:
    """Who has been told of an alert or a ticket up to now, as the part `notify` would have it."""
    kind, fields = ("ticket", wanted.ticket) if wanted.ticket is not None else ("alert", wanted.alert or {})
    subjects = [row for row in city.rows_of(f"{kind}s") if matches(row, fields, city.start_ns)]
    expected = f"told to {told(sorted(wanted.receivers)) if wanted.receivers else 'nobody'}"
    if not subjects or city.telling is None:
        return Answer(False, expected, "there is no such alert or ticket")
    receivers = city.telling.receivers({f"{kind}/{row['id']}" for row in subjects})
    found = f"told to {told(sorted(receivers)) if receivers else 'nobody'}"
    return Answer(receivers == set(wanted.receivers), expected, found)


def _share(value: Any) -> Any:
    """98.5 % as a share."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip().removesuffix("%")) / 100
        except ValueError:
            return value
    return value


def _report(city: City, wanted: SlaSpec, beside: Path) -> Mapping[str, Any]:
    name = wanted.contract
    terms, file = sources.find_contract(beside, str(beside / name) if name.endswith((".yaml", ".yml")) else name)
    listed = sources.read_register(terms, file)
    from_ns, to_ns = city.start_ns + wanted.begin, city.start_ns + wanted.end
    seen = SeenByCity(city.store, city.at_ns + NS_PER_S, city.register)
    told_by_city = seen.history(min(from_ns, to_ns - max(length for _, length in BURNS)), to_ns, seen.known_until_ns)
    listed = joined(seen.register(), listed)
    found = Report.of(
        told_by_city.joined([History.of_facts(sources.in_service(listed))]),
        terms,
        listed,
        from_ns,
        to_ns,
        as_known_at_ns=None,
        known_until_ns=seen.known_until_ns,
        tickets=list(seen.tickets(from_ns, seen.known_until_ns)),
    )
    if not found.history.devices:
        raise ConfigurationError(f"contract {terms.name}: no device of the test is under it; see its `devices`")
    return found.as_json()
