"""One row that a step cannot digest must not stop the others: the batch is halved until the row stands alone."""

from __future__ import annotations

import base64
from typing import Protocol

from citywatch.domain.columns import Batch
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import State
from citywatch.errors import DataError
from citywatch.flow.step import STEP_VERSION
from citywatch.ports import Entry, Position
from citywatch.wire import blobs

MAX_CONTENT_BYTES = 48_000


class Step(Protocol):
    def step(self, state: State, batch: Batch) -> tuple[State, list[Event]]: ...


def digest(step: Step, state: State, entry: Entry, partition: int) -> list[Event]:
    """The events of one log entry; what could not be digested is among them as `row_dead`."""
    try:
        batch = blobs.decode(entry.blob)
    except DataError as error:
        return [unreadable(partition, entry.position, str(error), entry.blob)]
    return digest_batch(step, state, batch, partition, entry.position)


def digest_batch(
    step: Step, state: State, batch: Batch, partition: int, position: Position, offset: int = 0
) -> list[Event]:
    """The events of a batch that stands at a position of the log; `offset` is the number of its first row there."""
    state.mark()
    try:
        return step.step(state, batch)[1]
    # A rule that fails on a row fails in any way it likes; whatever it is, the row is kept with it.
    except Exception as error:  # noqa: BLE001
        state.undo()
        if len(batch) == 1:
            reason = f"{type(error).__name__}: {error}"
            at_ns = int(batch.at_ns[0])  # type: ignore[attr-defined]
            return [_dead(partition, position, offset, batch.KIND, reason, at_ns, blobs.encode(batch))]
    half = len(batch) // 2
    return [
        *digest_batch(step, state, batch.take(slice(0, half)), partition, position, offset),
        *digest_batch(step, state, batch.take(slice(half, len(batch))), partition, position, offset + half),
    ]


def unreadable(partition: int, position: Position, why: str, blob: bytes) -> Event:
    """The `row_dead` of an entry that cannot be decoded at all."""
    return _dead(partition, position, 0, "unreadable", why, 0, blob)


def _dead(partition: int, position: Position, row: int, kind: str, reason: str, at_ns: int, content: bytes) -> Event:
    data = {
        "partition": partition,
        "position": str(position),
        "row": row,
        "kind": kind,
        "step": STEP_VERSION,
        "reason": reason[:500],
        "content": base64.b64encode(content[:MAX_CONTENT_BYTES]).decode(),
    }
    dead = EventKind.ROW_DEAD
    return Event(event_id(dead, partition, str(position), row), dead, "", at_ns, "", data)
