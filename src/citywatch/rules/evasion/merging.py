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


def as_pass(record: Record) -> PassBatch:
    """A remembered pass as the law looks at it, as a batch of one."""
    first, second = (int(record["digest"][i : i + 16], 16) for i in (0, 16))
    speed = record["speed_mmps"]
    return PassBatch.of(
        device=(record["device"],),
        at_ns=np.array([record["at_ns"]], np.int64),
        received_ns=np.zeros(1, np.int64),
        digest=np.array([[first, second]], np.uint64),
        axle_count=np.array([record["axles"]], np.int16),
        gross_kg=np.array([record["gross_kg"]], np.int32),
        speed_mps=np.array([speed / 1000 if speed >= 0 else np.nan], np.float64),
        length_mm=np.array([record["length_mm"]], np.int32),
        axle_kg=np.array([record["axle_kg"]], np.int32),
        spacing_mm=np.array([[*record["spacing_mm"], 0]], np.int32),
        plate=(record["plate"],),
        vehicle_class=(record["vehicle_class"],),
    )


def whole(one: Record, other: Record) -> PassBatch:
    """The vehicle whose halves these are, as a batch of one: loads added axle by axle, the rest of the heavier half."""
    heavy, light = (one, other) if one["gross_kg"] >= other["gross_kg"] else (other, one)
    first, second = (int(half["digest"], 16) for half in (one, other))
    together: Record = {
        **heavy,
        "at_ns": min(one["at_ns"], other["at_ns"]),
        "digest": f"{first ^ second:032x}",
        "gross_kg": one["gross_kg"] + other["gross_kg"],
        "length_mm": max(one["length_mm"], other["length_mm"]),
        "axle_kg": [a + b for a, b in zip(one["axle_kg"], other["axle_kg"], strict=True)],
        "plate": heavy["plate"] or light["plate"],
    }
    return as_pass(together)
