"""The two halves of one vehicle, put together for the law: an additional decision, marked as such.

Each half stays what its scale measured, and is decided as it stands; the law's word on the whole rides on the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.domain.events import EventKind
from citywatch.domain.passes import PassBatch
from citywatch.rules.enforcement import Instrument
from citywatch.rules.evasion.record import Record
from citywatch.rules.overload import events, judge

if TYPE_CHECKING:
    from citywatch.laws import Law

Merger = Callable[[Record, Record], Mapping[str, Any]]
"""Two halves -> what the law says of the whole."""


_DECISIONS = {EventKind.OVERLOADED: "over", EventKind.WEIGHT_UNDECIDED: "undecided"}
_NOT_OF_THE_WHOLE = frozenset({"pass", "plate"})


def merger_of(law: Law, instruments: Mapping[str, Instrument] | None = None) -> Merger:
    """A merger that asks this law."""
    instruments = instruments or {}

    def merge(one: Record, other: Record) -> Mapping[str, Any]:
        batch = whole(one, other)
        word = {"law": law.ref, "axles": one["axles"], "gross_kg": int(batch.gross_kg[0]), "decision": "lawful"}
        for event in events(law, batch, judge(law, batch, instruments), instruments):
            if event.kind in _DECISIONS:
                word |= {name: value for name, value in event.data.items() if name not in _NOT_OF_THE_WHOLE}
                word["decision"] = _DECISIONS[event.kind]
        return {**word, "axle_kg": batch.axle_kg[0].tolist()}

    return merge


def whole(one: Record, other: Record) -> PassBatch:
    """The vehicle whose halves these are, as a batch of one: loads added axle by axle, the rest of the heavier half."""
    heavy, light = (one, other) if one["gross_kg"] >= other["gross_kg"] else (other, one)
    axle_kg = [a + b for a, b in zip(one["axle_kg"], other["axle_kg"], strict=True)]
    speed = heavy["speed_mmps"]
    words = [int(half["digest"][i : i + 16], 16) for half in (one, other) for i in (0, 16)]
    return PassBatch.of(
        device=(heavy["device"],),
        at_ns=np.array([min(one["at_ns"], other["at_ns"])], np.int64),
        received_ns=np.zeros(1, np.int64),
        digest=np.array([[words[0] ^ words[2], words[1] ^ words[3]]], np.uint64),
        axle_count=np.array([one["axles"]], np.int16),
        gross_kg=np.array([one["gross_kg"] + other["gross_kg"]], np.int32),
        speed_mps=np.array([speed / 1000 if speed >= 0 else np.nan], np.float64),
        length_mm=np.array([max(one["length_mm"], other["length_mm"])], np.int32),
        axle_kg=np.array([axle_kg], np.int32),
        spacing_mm=np.array([[*heavy["spacing_mm"], 0]], np.int32),
        plate=(heavy["plate"] or light["plate"],),
    )
