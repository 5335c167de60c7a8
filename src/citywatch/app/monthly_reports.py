"""Monthly reports by schedule: made when their day has come and everything up to it is decided, also those that were
missed while the city was down. The work is done by another process; this only asks and keeps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from citywatch.adapters.store.kept_reports import KeptReports
from citywatch.domain.instants import format_instant
from citywatch.errors import CitywatchError
from citywatch.ports import Meter, ReportQuestion, ServiceReports
from citywatch.sla.months import Month, due

if TYPE_CHECKING:
    from citywatch.settings import ReportSettings

_log = logging.getLogger(__name__)


class MonthlyReports:
    """The schedule of one city. `turn` makes what is due, one month after the other, and forgets what is too old."""

    def __init__(
        self,
        wanted: Sequence[ReportSettings],
        reports: ServiceReports,
        kept: KeptReports,
        decided_ns: Callable[[], int],
        meter: Meter,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._wanted = wanted
        self._reports = reports
        self._kept = kept
        self._decided_ns = decided_ns
        self._meter = meter
        self._stopped = stopped
        self._nothing_known: set[tuple[str, str]] = set()
        self._told: set[str] = set()

    def turn(self) -> None:
        """What fails is told once, counted, and tried again at the next turn; the other contracts go on. Before the
        first row nothing is decided, and nothing due.
        """
        if self._decided_ns() <= 0:
            return
        for one in self._wanted:
            try:
                self._make(one)
                self._told.discard(one.contract)
            except CitywatchError as error:
                self._meter.count("monthly_reports_total", result="failed")
                if one.contract not in self._told:
                    self._told.add(one.contract)
                    _log.warning("no monthly report of contract %s: %s", one.contract, error)

    def _make(self, one: ReportSettings) -> None:
        zone = next((row["time_zone"] for row in self._reports.contracts() if row["name"] == one.contract), "UTC")
        for month in due(
            ZoneInfo(zone), one.day, self._decided_ns(), self._kept.periods(one.contract), one.keep_months
        ):
            if self._stopped():
                return
            if (one.contract, month.period) not in self._nothing_known:
                self._keep(one, month)
        self._kept.forget(one.contract, one.keep_months)

    def _keep(self, one: ReportSettings, month: Month) -> None:
        known = format_instant(self._decided_ns())
        question = ReportQuestion(one.contract, format_instant(month.from_ns), format_instant(month.to_ns), known)
        files: dict[str, bytes] = {}
        for form in one.formats:
            head, file = self._reports.report(question, form)
            if not head["has_history"]:
                # A month before there was anything to be seen: no report of it, and no second look at it.
                self._nothing_known.add((one.contract, month.period))
                return
            files[form] = file.content
        about = {
            "from": format_instant(month.from_ns),
            "to": format_instant(month.to_ns),
            "as_known_at": known,
            **{name: head[name] for name in ("worst", "best", "verdict")},
        }
        self._kept.put(one.contract, month.period, files, about)
        self._meter.count("monthly_reports_total", result="made")
        _log.info("made the report of %s, contract %s", month.period, one.contract)
