"""The archive, kept small: seals of closed months become few, and what is older than is kept goes.

A seal an hour, for each kind and partition, would be thousands of small files a month, and as many rows of the index,
for ever. Once a month is over, seals that follow each other become one, as long as it holds no more rows than a seal
may: rows keep their order and their place in the log, so who reads the archive reads the same (`read_seals`). Passes
stay in files of one day each, since people ask for them by time.

Crash-proof as a seal is: new files are on disk before the index takes them, in one transaction with those that they
replace. Replaced files are deleted a day later, since somebody may be reading them; after a restart the sweep does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from citywatch.adapters.store.disk import disk_words
from citywatch.adapters.store.segments import (
    merged_rows,
    pieces_of,
    sync_directories,
    sync_files,
    write_segment,
)
from citywatch.domain.instants import NS_PER_MS, NS_PER_S, day_of
from citywatch.domain.passes import PassBatch
from citywatch.ports import Segment

_DAY_NS = 86_400 * NS_PER_S
_GRACE_NS = _DAY_NS
_MONTH = len("2026-01")


class CompactIndex(Protocol):
    """The index of segments, as far as compaction needs it."""

    def segments(self) -> Sequence[Segment]:
        """All of them by (seal, kind, day, partition)."""
        ...

    def replace_segments(self, gone: Sequence[str], made: Sequence[Segment]) -> None:
        """One transaction: these paths stand in the index no longer, and these segments do, under their seals."""
        ...


class Compaction:
    """Of one data directory. One at a time, in the process that seals."""

    def __init__(self, data_dir: Path, index: CompactIndex, *, max_rows: int, keep_days: int = 0) -> None:
        """A seal gets at most `max_rows` rows; what is older than `keep_days` goes (0: nothing does)."""
        self._root, self._index = data_dir, index
        self._max_rows, self._keep_days = max_rows, keep_days
        self._replaced: list[tuple[int, str]] = []

    def turn(self, now_ns: int) -> tuple[int, int]:
        """One round; how many files were merged away, and how many have gone because of their age.

        OutsideError when disk or index fail, DataDirError or DataError for a file that is missing or cannot be read;
        what was done until then is done.
        """
        self._delete(now_ns)
        old = self._forget(now_ns)
        merged = 0
        for seals in self._groups(now_ns):
            merged += self._merge(seals, now_ns)
        return merged, old

    def _delete(self, now_ns: int) -> None:
        """Files that nobody can be reading any more."""
        due = [path for at_ns, path in self._replaced if at_ns <= now_ns]
        self._replaced = [one for one in self._replaced if one[0] > now_ns]
        with disk_words(self._root):
            for path in due:
                (self._root / path).unlink(missing_ok=True)

    def _forget(self, now_ns: int) -> int:
        if not self._keep_days:
            return 0
        before_ns = now_ns - self._keep_days * _DAY_NS
        old = [segment.path for segment in self._index.segments() if segment.to_ns < before_ns]
        if old:
            self._index.replace_segments(old, ())
            self._replaced += [(now_ns + _GRACE_NS, path) for path in old]
        return len(old)

    def _groups(self, now_ns: int) -> Iterator[list[list[Segment]]]:
        """Neighbouring seals of a closed month that fit into one. A seal is of the month of its last row."""
        this_month = day_of(now_ns)[:_MONTH]
        group: list[list[Segment]] = []
        month, rows = "", 0
        for _, one in groupby(self._index.segments(), key=lambda segment: segment.seal):
            seal = list(one)
            its_month = day_of(max(segment.last.ms for segment in seal) * NS_PER_MS)[:_MONTH]
            its_rows = sum(segment.rows for segment in seal)
            if its_month >= this_month or its_month != month or rows + its_rows > self._max_rows:
                if len(group) > 1:
                    yield group
                group, month, rows = [], its_month, 0
            if its_month < this_month:
                group.append(seal)
                rows += its_rows
        if len(group) > 1:
            yield group

    def _merge(self, seals: Sequence[Sequence[Segment]], now_ns: int) -> int:
        """Some seals become the first of them; how many files there are less."""
        before = [segment for seal in seals for segment in seal]
        number = min(segment.seal for segment in before)
        written: list[tuple[Path, Segment]] = []
        try:
            with disk_words(self._root):
                for kind in sorted({segment.kind for segment in before}):
                    table = merged_rows(self._root, kind, [segment for segment in before if segment.kind == kind])
                    for partition, day, rows in pieces_of(kind, [_with_day(table, kind)]):
                        written.append(write_segment(self._root, kind, partition, day, rows, seal=number))
                sync_files([path for path, _ in written])
                for path, segment in written:
                    path.replace(self._root / segment.path)
                sync_directories(self._root, [self._root / segment.path for _, segment in written])
        except BaseException:
            for path, _ in written:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            raise
        self._index.replace_segments([segment.path for segment in before], [segment for _, segment in written])
        stay = {segment.path for _, segment in written}
        gone = [segment.path for segment in before if segment.path not in stay]
        self._replaced += [(now_ns + _GRACE_NS, path) for path in gone]
        return len(before) - len(written)


def _with_day(table: Any, kind: str) -> Any:
    """With the day that names the file of each row: of a pass its own, else that of the partition's first row."""
    at_ns, partition = (table.column(name).to_numpy() for name in ("at_ns", "partition"))
    day = at_ns // _DAY_NS
    if kind != PassBatch.KIND:
        first = {int(one): day[partition == one].min() for one in np.unique(partition)}
        day = np.array([first[int(one)] for one in partition], np.int64)
    return table.append_column("day", pa.array(day.astype(np.int32)))
