"""Events as a file: sorted by (at_ns, device, kind, id), each id once, whatever the order they came in.

An external merge sort with bounded memory: sorted runs go to nameless temporary files beside the target, so a crash
leaves nothing behind, and are merged into the target, which appears under its name only when it is whole.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from citywatch.adapters.store.disk import WholeFile, disk_words
from citywatch.domain.events import Event

HELD_EVENTS = 50_000
MOST_RUNS = 64
_RUN_BUFFER_BYTES = 256 * 1024
_SHIFT = 1 << 63
"""Makes every instant a number of 20 digits without a sign, so that text sorts like numbers."""


class EventFile:
    """Collects events and writes them in order. Use as a context; without `finish` nothing stays behind."""

    def __init__(self, target: Path, *, held_events: int = HELD_EVENTS, most_runs: int = MOST_RUNS) -> None:
        """ConfigurationError at once when `target` cannot be written."""
        self._file = WholeFile(target, "events file")
        self._held_events = held_events
        self._most_runs = most_runs
        self._lines: list[bytes] = []
        self._runs: list[IO[bytes]] = []

    def add(self, event: Event) -> None:
        # Tabs are below every character of a device id, and JSON has none unescaped: lines sort like sort_key.
        at_ns, device, kind, name = event.sort_key()
        self._lines.append(f"{at_ns + _SHIFT:020d}\t{device}\t{kind}\t{name}\t{event.to_json()}\n".encode())
        if len(self._lines) >= self._held_events:
            with disk_words(self._file.target):
                self._spill()

    def finish(self) -> int:
        """Write the file; returns how many events are in it. OutsideError when the disk is full."""
        count = 0
        with disk_words(self._file.target):
            for line in _once(heapq.merge(sorted(self._lines), *self._runs)):
                self._file.file.write(line.split(b"\t", 4)[4])
                count += 1
        self._file.commit()
        return count

    def _spill(self) -> None:
        """Sort what is held into a run; when there are too many runs, merge them into one."""
        self._runs.append(self._run(sorted(self._lines)))
        self._lines = []
        if len(self._runs) >= self._most_runs:
            merged = self._run(heapq.merge(*self._runs))
            for run in self._runs:
                run.close()
            self._runs = [merged]

    def _run(self, lines: Iterable[bytes]) -> IO[bytes]:
        run = tempfile.TemporaryFile(dir=self._file.target.parent, buffering=_RUN_BUFFER_BYTES)  # noqa: SIM115  (closed by us)
        run.writelines(_once(lines))
        run.seek(0)
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for run in self._runs:
            run.close()
        self._file.discard()


def _once(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Sorted lines without those whose key (all but the JSON) was just there."""
    last: list[bytes] = []
    for line in lines:
        key = line.split(b"\t", 4)[:4]
        if key != last:
            last = key
            yield line
