"""The one event of evasion: what is suspected, of which passes, by which measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from citywatch.domain.evasion import Evasion
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.rules.evasion.record import Record


def suspected(
    evasion: Evasion,
    record: Record,
    measurements: Mapping[str, Any],
    others: Sequence[Record] = (),
    merged: Mapping[str, Any] | None = None,
) -> Event:
    """`record` is the pass that it is told of, `others` belong to it; its cause is the vehicle's, whatever the sign."""
    kind = EventKind.EVASION_SUSPECTED
    signs = [*measurements["signs"]]
    data: dict[str, Any] = {
        "evasion": evasion.value,
        "pass": record["digest"],
        "passes": sorted([record["digest"], *(other["digest"] for other in others)]),
        "devices": sorted({record["device"], *(other["device"] for other in others)}),
        "plate": record["plate"] or next((other["plate"] for other in others if other["plate"]), ""),
        "axles": record["axles"],
        "gross_kg": record["gross_kg"],
        "signs": signs,
        "measurements": {name: value for name, value in measurements.items() if name != "signs"},
        "merged": None if merged is None else dict(merged),
    }
    cause = event_id("evasion", *data["passes"])
    return Event(event_id(kind, evasion, cause), kind, record["device"], record["at_ns"], cause, data)
