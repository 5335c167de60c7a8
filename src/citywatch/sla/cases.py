"""The cases of a contract's clocks, one by one: what of the time each has used, and how the times are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.domain.tickets import ClockState
from citywatch.kernels import intervals

if TYPE_CHECKING:
    from citywatch.sla.report import Report

_SPREAD = (("median_seconds", 50), ("p90_seconds", 90), ("p95_seconds", 95), ("longest_seconds", 100))


def spread(lengths_ns: Sequence[int]) -> dict[str, int | float] | None:
    """Within which time half, 90 %, 95 % and all of the cases were done (the nearest rank); None without a case."""
    if not lengths_ns:
        return None
    ordered = sorted(lengths_ns)
    found = {name: ordered[-(-len(ordered) * percent // 100) - 1] for name, percent in _SPREAD}
    return {name: length // NS_PER_S if length % NS_PER_S == 0 else length / NS_PER_S for name, length in found.items()}


def failure_rows(report: Report, rows: Any, *, worst: bool) -> list[dict[str, Any]]:
    """Some failures of a reading, by their index: from when to when, and what the repair clock has counted of each;
    `repair` is how it stands: kept, broken or running, None without such a clock.
    """
    failures = report.worst_failures if worst else report.best_failures
    clock, terms = report.repair_elapsed(worst=worst), report.contract.repair
    found: list[dict[str, Any]] = []
    for i in rows.tolist():
        lasts = int(failures.end[i]) == intervals.END
        row: dict[str, Any] = {
            "device": report.history.devices[failures.device[i]],
            "from": format_instant(int(failures.begin[i])),
            "to": None if lasts else format_instant(int(failures.end[i])),
            "cause": report.history.words[failures.cause[i]],
            "begun_in_the_window": bool(failures.begun[i]),
            "repair_seconds": None,
            "repair": None,
        }
        if clock is not None and terms is not None:
            counted = int(clock[i])
            row["repair_seconds"] = counted // NS_PER_S if counted % NS_PER_S == 0 else counted / NS_PER_S
            state = ClockState.BROKEN if counted > terms.within else ClockState.RUNNING if lasts else ClockState.KEPT
            row["repair"] = state.value
        found.append(row)
    return found


def late_first(report: Report, *, most: int) -> tuple[list[dict[str, Any]], int]:
    """The repairs that were too late, the longest first, at most so many; and how many there are."""
    clock, terms = report.repair_elapsed(worst=True), report.contract.repair
    if clock is None or terms is None:
        return [], 0
    late = np.flatnonzero(clock > terms.within)
    order = late[np.argsort(-clock[late], kind="stable")]
    return failure_rows(report, order[:most], worst=True), len(late)
