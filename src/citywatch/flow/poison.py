"""One row that a step cannot digest must not stop the others: the batch is halved until the row stands alone."""

from __future__ import annotations

import base64
from typing import Protocol

from citywatch.domain.columns import Batch
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import State
from citywatch.errors import DataError
from citywatch.flow.step import STEP_VERSION
from citywatch.ports import Entry
from citywatch.wire import blobs

MAX_CONTENT_BYTES = 48_000


class Step(Protocol):
    def step(self, state: State, batch: Batch) -> tuple[State, list[Event]]: ...


def digest(step: Step, state: State, entry: Entry, partition: int) -> list[Event]:
    """The events of one log entry; what could not be digested is among them as `row_dead`."""
    try:
        batch = blobs.decode(entry.blob)
    except DataError as error:
        return [_dead(partition, entry, 0, "unreadable", str(error), 0, entry.blob)]
    return _halved(step, state, batch, partition, entry, 0)


def _halved(step: Step, state: State, batch: Batch, partition: int, entry: Entry, offset: int) -> list[Event]:
    state.mark()
    try:
        return step.step(state, batch)[1]
    # A rule that fails on a row fails in any way it likes; whatever it is, the row is kept with it.
    except Exception as error:  # noqa: BLE001
        state.undo()
        if len(batch) == 1:
            reason = f"{type(error).__name__}: {error}"
            at_ns = int(batch.at_ns[0])  # type: ignore[attr-defined]
            return [_dead(partition, entry, offset, batch.KIND, reason, at_ns, blobs.encode(batch))]
    half = len(batch) // 2
    return [
        *_halved(step, state, batch.take(slice(0, half)), partition, entry, offset),
        *_halved(step, state, batch.take(slice(half, len(batch))), partition, entry, offset + half),
    ]


def _dead(partition: int, entry: Entry, row: int, kind: str, reason: str, at_ns: int, content: bytes) -> Event:
    data = {
        "partition": partition,
        "position": str(entry.position),
        "row": row,
        "kind": kind,
        "step": STEP_VERSION,
        "reason": reason[:500],
        "content": base64.b64encode(content[:MAX_CONTENT_BYTES]).decode(),
    }
    dead = EventKind.ROW_DEAD
    return Event(event_id(dead, partition, str(entry.position), row), dead, "", at_ns, "", data)
