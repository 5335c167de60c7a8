"""The way into the log: rows are spread over their partitions and are on disk when the door answers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np

from citywatch.domain.columns import Batch
from citywatch.domain.devices import partition_of
from citywatch.errors import LogUnavailable
from citywatch.ports import Log

_TRIES = 3


class LogDoor:
    """A producer of the log. Thread-safe; one append at a time per partition, so that sequences stay in order.

    An append whose answer was lost is tried again under the same sequence, which the log recognises. When the log
    stays away the sequence is given up for good, so that it can never stand for other rows; the sender is told
    that nothing was accepted, and what it sends again is recognised by its content.
    """

    def __init__(self, log: Log, producer: str) -> None:
        self._log = log
        self._producer = producer
        self._epoch = log.open_producer(producer)
        self._locks = [threading.Lock() for _ in range(log.partitions)]
        self._sequences = [0] * log.partitions

    def append(self, batch: Batch) -> None:
        """Rows by the partition of their device. Raises LogFull, LogUnavailable or Fenced."""
        self._append(self._by_partition(batch))

    def append_once(self, batch: Batch, *, word: str, content: str) -> bool:
        """As append, under a word that stands for these rows: False for a repeat, RepeatedWord for other rows.

        The word makes the repeat of a lost answer safe, so none of this producer's sequences is spent on it.
        """
        rows = self._by_partition(batch)
        attempt = 1
        while True:
            try:
                return any(self._log.append_once(rows, word=word, content=content).values())
            except LogUnavailable:
                if attempt == _TRIES:
                    raise
                attempt += 1

    def _by_partition(self, batch: Batch) -> dict[int, Batch]:
        owners = np.array([partition_of(device, self._log.partitions) for device in batch.device], np.int64)  # type: ignore[attr-defined]
        touched = np.unique(owners).tolist()
        return {p: batch if len(touched) == 1 else batch.take(np.flatnonzero(owners == p)) for p in touched}

    def broadcast(self, batch: Batch) -> None:
        """The same rows to every partition: ticks, and the heartbeats of observers."""
        self._append(dict.fromkeys(range(self._log.partitions), batch))

    def _append(self, pieces: Mapping[int, Batch]) -> None:
        with ExitStack() as held:
            for partition in sorted(pieces):
                held.enter_context(self._locks[partition])
                self._sequences[partition] += 1
            rows = {partition: (self._sequences[partition], piece) for partition, piece in pieces.items()}
            for attempt in range(_TRIES):
                try:
                    self._log.append_many(rows, producer=self._producer, epoch=self._epoch)
                    return
                except LogUnavailable:
                    if attempt == _TRIES - 1:
                        raise
