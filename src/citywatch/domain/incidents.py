"""Incidents: one cause above many devices; and the rows that a partition hands on so that they can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column
from citywatch.domain.pictures import Fault

REACHABILITY = frozenset({Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED, Fault.SILENT})
"""Faults whose cause may lie above the device: in its switch, power box or recorder."""

INCIDENT = "incident"
"""The kind of an incident's alert."""

MOST_NAMED = 500
"""Children named in one event; more come in further events of the same instant."""


MOST_ASKED = 20
"""Children that are looked at again when somebody has reported the repair of an incident."""


def asked_after(children: Sequence[str]) -> list[str]:
    """Which of those that are away say whether a repair has helped: some from everywhere among them."""
    step = -(-len(children) // MOST_ASKED) or 1
    return list(children[::step])


class IncidentReason(StrEnum):
    """Why an incident was opened."""

    PARENT_UNREACHABLE = "parent_unreachable"
    """The parent itself does not answer."""
    CHILDREN_VANISHED = "children_vanished"
    """Most of its children fell away within a short time."""


class IncidentEnd(StrEnum):
    """Why an incident is over."""

    RESTORED = "restored"
    """The parent answers, if it is visited itself, and most of its children are back."""
    ABSORBED = "absorbed"
    """A higher parent has fallen away: its incident covers this one."""
    REMOVED = "removed"
    """The parent is watched no longer."""


class ReleaseReason(StrEnum):
    """Why a fault of reachability is the device's own after all."""

    ALONE = "alone"
    """Neither its parent nor most of its siblings fell away while it waited."""
    OUTLIVED = "outlived"
    """The incident is over, and the device is still away."""


class Onward(NamedTuple):
    """One row that a partition hands on to the incident stage; see OnwardBatch."""

    device: str
    at_ns: int
    tick_ns: int
    kind: str
    cause: str
    data: str


MARK = "mark"
COMMAND = "command"
SIGHTING = "sighting"
"""A plate was read at a station of a route: for who goes around a scale."""

CLOCKS_ASK = "clocks_ask"
"""In the data of a fault that is handed on: true where a ticket of the device has clocks that ask for the verdict."""

ONWARD_ROOM = "onward"
ONWARD_CLOCK = "clock"
"""The row of the state that holds the greatest tick which the partition has handed on."""


@dataclass(frozen=True, eq=False)
class OnwardBatch(Batch):
    """What one partition hands on to the incident stage, in its own order.

    device       str           the device that the row is about; '' in a mark
    at_ns        (n,) int64    the instant of the event or command
    tick_ns      (n,) int64    the greatest tick that the partition had seen before the row; in a mark, has seen now
    kind         str           EventKind of a handed-on event, or COMMAND, SIGHTING or MARK
    cause        str           the event's cause; the command's id
    data         str           JSON object: the event's data, or the command's verb, target, actor and args
    """

    KIND: ClassVar[str] = "onward"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("tick_ns", "int64"),
        Column("kind", TEXT),
        Column("cause", TEXT),
        Column("data", TEXT),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    tick_ns: np.ndarray[Any, np.dtype[np.int64]]
    kind: tuple[str, ...]
    cause: tuple[str, ...]
    data: tuple[str, ...]

    @classmethod
    def of_rows(cls, rows: Sequence[Onward]) -> Self:
        return cls(
            device=tuple(row.device for row in rows),
            at_ns=np.array([row.at_ns for row in rows], np.int64),
            tick_ns=np.array([row.tick_ns for row in rows], np.int64),
            kind=tuple(row.kind for row in rows),
            cause=tuple(row.cause for row in rows),
            data=tuple(row.data for row in rows),
        )

    def rows(self) -> list[Onward]:
        """Its rows, in order."""
        columns = (self.device, self.at_ns.tolist(), self.tick_ns.tolist(), self.kind, self.cause, self.data)
        return [Onward(*row) for row in zip(*columns, strict=True)]
