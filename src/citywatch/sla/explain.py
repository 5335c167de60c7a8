"""Why a figure is what it is: the stretches of time that make it, to the second, and what they add up to.

A figure is chosen by what it is about (a device, a group, a cause) and by what the time counts as; so every number of a
report has its list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.domain.instants import format_instant
from citywatch.sla.cases import failure_rows
from citywatch.sla.figures import Tally, sums
from citywatch.sla.readings import CLASSES, Class
from citywatch.sla.report import GROUPS, Report, seconds_of, share_json
from citywatch.sla.verdicts import Share

COUNTS = tuple(kind.name.lower() for kind in Class)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which time: every condition that is given must hold; '' for none.

    cause      the very words of a cause; `-` for none told
    counts_as  up, down, unknown, excluded or retired
    reading    `worst` or `best`
    """

    device: str = ""
    contractor: str = ""
    area: str = ""
    klass: str = ""
    department: str = ""
    site: str = ""
    parent: str = ""
    cause: str = ""
    counts_as: str = ""
    reading: str = "worst"


def explained(report: Report, chosen: Selection, *, most: int) -> dict[str, Any]:
    """The intervals (at most so many, the first by device and time), how many there are, and their exact sums.

    `failures` are those of the chosen devices (and cause) that touch the window: from when to when, and what the
    repair clock has counted of each.
    """
    worst = chosen.reading != "best"
    reading = report.readings.worst if worst else report.readings.best
    spent = report.window.worst_spent if worst else report.window.best_spent
    devices = _devices(report, chosen)
    wanted = devices[reading.device] & (reading.begin < report.to_ns) & (reading.end > report.from_ns)
    if chosen.cause:
        wanted &= reading.cause() == _word(report, chosen.cause)
    if chosen.counts_as:
        wanted &= reading.counts == COUNTS.index(chosen.counts_as)
    rows = np.flatnonzero(wanted)
    parts = sums(spent[rows], reading.counts[rows], CLASSES)
    whole = Tally(*parts)
    share = None
    if not chosen.cause and not chosen.counts_as:
        mine = report.window.figures(np.where(devices, 1, 0), 2)[1].share
        share = None if mine is None else Share(mine.worst, mine.best)
    return {
        "contract": report.contract.name,
        "from": format_instant(report.from_ns),
        "to": format_instant(report.to_ns),
        "as_known_at": None if report.as_known_at_ns is None else format_instant(report.as_known_at_ns),
        "reading": chosen.reading,
        "devices": int(devices.sum()),
        **share_json(share, report.target),
        **seconds_of(whole),
        "intervals_in_all": len(rows),
        "intervals": list(report.interval_rows(rows[:most], worst=worst)),
        "failures": _failures(report, devices, chosen, worst, most),
    }


def _devices(report: Report, chosen: Selection) -> Any:
    """(d,) whether a device is meant."""
    history = report.history
    found = np.ones(len(history.devices), bool)
    if chosen.device:
        found &= np.array(history.devices, object) == chosen.device
    for key in GROUPS:
        value = chosen.klass if key == "class" else getattr(chosen, key)
        if value:
            names, codes = report.codes(key)
            found &= codes == (names.index(value) if value in names else -1)
    return found


def _word(report: Report, cause: str) -> int:
    wanted = "" if cause == "-" else cause
    return report.history.words.index(wanted) if wanted in report.history.words else -1


def _failures(report: Report, devices: Any, chosen: Selection, worst: bool, most: int) -> list[Mapping[str, Any]]:
    failures = report.worst_failures if worst else report.best_failures
    wanted = devices[failures.device]
    if chosen.cause:
        wanted &= failures.cause == _word(report, chosen.cause)
    found: list[Mapping[str, Any]] = []
    found += failure_rows(report, np.flatnonzero(wanted)[:most], worst=worst)
    return found
