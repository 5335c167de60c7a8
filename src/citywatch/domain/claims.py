"""What other systems say about a device: registrars, recorders, the device itself. Claims are heard, never believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column


class Claim(StrEnum):
    """What can be claimed; a bounded set. Each source's own words are mapped to these (domain.vocabularies)."""

    ONLINE = "online"
    OFFLINE = "offline"
    TAMPERED = "tampered"
    """The device itself reports something wrong with its picture; `detail` names the fault (domain.pictures.Fault), or
    is the source's own word where that does not say which."""
    ALARM = "alarm"
    """Any other alarm; `detail` is the source's own word for it."""
    OVER = "over"
    """A TAMPERED or ALARM of the same `detail` has ended."""


@dataclass(frozen=True, eq=False)
class ClaimBatch(Batch):
    """Claims, one row each.

    device        str            the device that the claim is about (a camera behind a recorder is a device of its own)
    at_ns         (n,) int64     when the claim reached its adapter (our own clock, one for all sources)
    received_ns   (n,) int64     when it was appended; never inside an event
    source        str            who says so: `gb28181:<platform or device code>`, `onvif:<camera>`
    claim         str            Claim
    reason        str            how the source knows: `register`, `unregister`, `expired`, `keepalive`,
                                 `keepalive_missed`, `catalogue`, `alarm`, `event`
    detail        str            see Claim; at most 200 characters
    said_ns       (n,) int64     the source's own time of the claim; -1 where it gives none
    """

    KIND: ClassVar[str] = "claims"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("received_ns", "int64"),
        Column("source", TEXT),
        Column("claim", TEXT),
        Column("reason", TEXT),
        Column("detail", TEXT),
        Column("said_ns", "int64"),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    received_ns: np.ndarray[Any, np.dtype[np.int64]]
    source: tuple[str, ...]
    claim: tuple[str, ...]
    reason: tuple[str, ...]
    detail: tuple[str, ...]
    said_ns: np.ndarray[Any, np.dtype[np.int64]]
