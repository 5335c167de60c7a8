"""A report as one page that stands by itself."""

from __future__ import annotations

from citywatch.sla.report import Report


def page(report: Report) -> str:
    return str(report.contract.name)
