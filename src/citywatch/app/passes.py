"""Passes as people ask for them: the sealed ones and those still in the log, each with what the law says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.domain.columns import TEXT
from citywatch.domain.passes import Decision, PassBatch, Suspect
from citywatch.errors import DataError
from citywatch.ports import ORIGIN, Log, Row, SegmentIndex
from citywatch.wire import blobs

if TYPE_CHECKING:
    from citywatch.laws import Law
    from citywatch.rules.enforcement import Instrument
    from citywatch.settings import Settings

_ENTRIES_AT_A_TIME = 500


class _Newest:
    """The newest `limit` of the rows that are added, each record once, however many come."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._found: dict[tuple[str, str], Row] = {}
        self.oldest_ns = 0
        """What is older than this would not be among them."""

    def add(self, row: Row) -> None:
        self._found.setdefault((row["device"], row["digest"]), row)
        if len(self._found) >= 2 * self._limit:
            kept = self.rows()
            self._found = {(one["device"], one["digest"]): one for one in kept}
            self.oldest_ns = kept[-1]["at_ns"]

    def rows(self) -> list[Row]:
        newest = sorted(self._found.values(), key=lambda row: (-row["at_ns"], row["device"], row["digest"]))
        return newest[: self._limit]


class JudgedPasses:
    """ports.Passes, with `decision`, `limits_kg`, `law` and `suspect` beside what was measured.

    A law with all its rules adds what `rules.overload.full_words` says: kind, runner-up, groups, rule, margin.
    `settings`: what the city presumes and knows of its scales.

    What it needs for that is heavy, so it is loaded by `warm`, in a thread, or by the first question.
    """

    def __init__(
        self, root: Path, index: SegmentIndex, log: Log, law_id: str, settings: Settings | None = None
    ) -> None:
        self._settings = settings
        self._judging: tuple[Law, Mapping[str, Instrument]] | None = None
        self._root = root
        self._index = index
        self._log = log
        self._law_id = law_id

    def warm(self) -> None:
        """Load what the first question would have to wait for."""
        from citywatch.app.kernels import warm  # noqa: PLC0415

        warm()
        list(self.passes(device=None, from_ns=0, to_ns=0, limit=1))

    def passes(self, *, device: str | None, from_ns: int, to_ns: int, limit: int) -> Iterable[Row]:
        """Newest first; each repeated record once. What is sealed is read from segments, the rest from the log."""
        from citywatch.adapters.store.segments import ParquetPasses  # noqa: PLC0415

        # The log first: what is sealed in between is then found twice, never missed.
        found = _Newest(limit)
        for row in self._unsealed(device, from_ns, to_ns, found):
            found.add(row)
        sealed = ParquetPasses(self._root, self._index)
        for row in sealed.passes(device=device, from_ns=max(from_ns, found.oldest_ns), to_ns=to_ns, limit=limit):
            found.add(row)
        return self._judged(found.rows())

    def _unsealed(self, device: str | None, from_ns: int, to_ns: int, found: _Newest) -> Iterator[Row]:
        """Rows of the log's tail: bounded by what the archive lets wait before it seals."""
        archived = self._index.archived()
        positions = {p: archived.get(p, ORIGIN) for p in range(self._log.partitions)}
        while entries := self._log.read(positions, most=_ENTRIES_AT_A_TIME, block_ms=0):
            for partition, some in entries.items():
                positions[partition] = some[-1].position
                for entry in some:
                    yield from _rows(entry.blob, device, max(from_ns, found.oldest_ns), to_ns)

    def _judged(self, rows: list[Row]) -> list[Row]:
        if not rows:
            return []
        from citywatch.rules.overload import full_words, judge  # noqa: PLC0415

        law, instruments = self._law_and_scales()
        batch = _batch(rows)
        verdicts = judge(law, batch, instruments)
        judged: list[Row] = []
        for i, row in enumerate(rows):
            low, high = int(verdicts.limit_low_kg[i]), int(verdicts.limit_high_kg[i])
            judged.append(
                {
                    **row,
                    "decision": Decision(int(verdicts.decision[i])).name.lower(),
                    "limits_kg": [low, high] if high else [],
                    "law": verdicts.decided_by(law, i).ref,
                    "suspect": Suspect(int(verdicts.suspect[i])).words(),
                    **full_words(batch, law, verdicts, i),
                }
            )
        return judged

    def _law_and_scales(self) -> tuple[Law, Mapping[str, Instrument]]:
        if self._judging is None:
            from citywatch.app.steps import instruments, law_of  # noqa: PLC0415
            from citywatch.laws import load  # noqa: PLC0415

            if self._settings is None:
                self._judging = load(self._law_id), {}
            else:
                self._judging = law_of(self._settings), instruments(self._settings)
        return self._judging


def _rows(blob: bytes, device: str | None, from_ns: int, to_ns: int) -> Iterator[Row]:
    from citywatch.adapters.store.segments import pass_row  # noqa: PLC0415

    try:
        batch = blobs.decode(blob)
    except DataError:
        return  # it is among the dead letters
    if isinstance(batch, PassBatch):
        for row in np.flatnonzero((batch.at_ns >= from_ns) & (batch.at_ns < to_ns)).tolist():
            if device in (None, batch.device[row]):
                yield pass_row(batch, row)


def _batch(rows: list[Row]) -> PassBatch:
    widest = max(row["axle_count"] for row in rows)
    values: dict[str, Any] = {
        "digest": np.array([[int(row["digest"][:16], 16), int(row["digest"][16:], 16)] for row in rows], np.uint64)
    }
    for column in PassBatch.COLUMNS:
        if column.name == "digest":
            continue
        cells = [row[column.name] for row in rows]
        if column.dtype == TEXT:
            values[column.name] = tuple(cells)
        elif column.width:
            values[column.name] = _padded(cells, widest if column.since == 1 else 0, column.dtype)
        else:
            plain = [column.missing if cell is None else cell for cell in cells]
            values[column.name] = np.array(plain, column.dtype)
    return PassBatch(**values)


def _padded(cells: list[list[Any]], least: int, dtype: str) -> np.ndarray[Any, Any]:
    out = np.zeros((len(cells), max(least, *(len(cell) for cell in cells))), dtype)
    for i, cell in enumerate(cells):
        out[i, : len(cell)] = cell
    return out
