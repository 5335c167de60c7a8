"""A report on service levels as a file: for people HTML and PDF, for machines JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citywatch.sla.report import Report

MEDIA_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
"""The formats, each with its type on the web."""


def written(found: Report, kind: str) -> bytes:
    """The whole file in one of the formats."""
    return _WRITERS[kind](found)


def _json(found: Report) -> bytes:
    """What `Report.as_json` holds, an interval a line: that is written ten times as fast as with all of it indented."""
    figures = {**found.figures_json(), "tickets": found.tickets_json()}
    parts = [json.dumps(figures, indent=1, ensure_ascii=False).removesuffix("\n}")]
    lists: list[tuple[str, Iterable[Mapping[str, Any]] | None]] = [
        ("repairs", found.repairs_json()),
        ("intervals", found.intervals()),
        ("intervals_best", None if found.window.is_one else found.intervals(worst=False)),
    ]
    for name, rows in lists:
        told = "null"
        if rows is not None:
            told = "[\n  " + ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n ]"
        parts.append(f',\n "{name}": {told}')
    return ("".join(parts) + "\n}\n").encode()


def _html(found: Report) -> bytes:
    from citywatch.sla.document import document  # noqa: PLC0415
    from citywatch.wire.page_html import page  # noqa: PLC0415

    return page(document(found)).encode()


def _pdf(found: Report) -> bytes:
    from citywatch.adapters.reports.pdf import pdf  # noqa: PLC0415
    from citywatch.sla.document import document  # noqa: PLC0415

    return pdf(document(found))


def _csv(found: Report) -> bytes:
    """The stretches of time, one a row; `reading` is both where the readings do not differ."""
    out = io.StringIO()
    writer: Any = None
    for name, is_worst in _readings(found):
        for row in found.intervals(worst=is_worst):
            if writer is None:
                writer = csv.DictWriter(out, ["reading", *row])
                writer.writeheader()
            writer.writerow({"reading": name, **row})
    return out.getvalue().encode()


def _parquet(found: Report) -> bytes:
    """The same rows as columns; every figure of the report stands in the file's metadata."""
    import numpy as np  # noqa: PLC0415

    from citywatch.adapters.reports.tables import Coded, parquet  # noqa: PLC0415

    readings = _readings(found)
    parts = [found.interval_columns(worst=is_worst) for _, is_worst in readings]
    sizes = [len(part["length_ns"]) for part in parts]
    columns: dict[str, Any] = {
        "reading": Coded(np.repeat(np.arange(len(parts), dtype=np.int32), sizes), [name for name, _ in readings])
    }
    for name in parts[0]:
        several = [part[name] for part in parts]
        if name in ("from", "to", "known_at"):
            columns[name] = tuple(np.concatenate([one[side] for one in several]) for side in (0, 1))
        elif isinstance(several[0], tuple):
            columns[name] = Coded(np.concatenate([index for index, _ in several]), several[0][1])
        else:
            columns[name] = np.concatenate(several)
    return parquet(columns, {**found.figures_json(), "tickets": found.tickets_json()})


def _readings(found: Report) -> list[tuple[str, bool]]:
    return [("both", True)] if found.window.is_one else [("worst", True), ("best", False)]


_WRITERS: Mapping[str, Callable[[Report], bytes]] = {
    "json": _json,
    "html": _html,
    "pdf": _pdf,
    "csv": _csv,
    "parquet": _parquet,
}
