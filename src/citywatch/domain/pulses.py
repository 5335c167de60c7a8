"""Signs of life, and time itself, as rows of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column


@dataclass(frozen=True, eq=False)
class PulseBatch(Batch):
    """Heartbeats, one row each.

    device       str           the device that lives; `observer:NAME` for a door of ours that says "I was listening"
    at_ns        (n,) int64    when the heartbeat arrived at its observer (an observer's own clock, one for all)
    observer     str           who heard it: `observer:NAME`
    """

    KIND: ClassVar[str] = "pulses"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("observer", TEXT),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    observer: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TickBatch(Batch):
    """The clock, one row a tick, written to every partition by one writer; "now" is the last tick.

    device    str           always "clock"
    at_ns     (n,) int64
    """

    KIND: ClassVar[str] = "ticks"
    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("device", TEXT), Column("at_ns", "int64"))

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
