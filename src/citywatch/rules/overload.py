"""Overload: every pass is judged by the gross limits of a law, by axle count alone.

Over is what exceeds the most lenient limit that could apply, lawful what does not exceed the strictest; between them
the scale alone cannot tell, and both limits are named. A law that names no limit for an axle count leaves the pass
undecided, without limits. The gross of the record is judged, not the sum of its axles; a record whose axles do not add
up, or that contradicts itself otherwise, is suspect and decided all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.passes import Decision, PassBatch, Suspect
from citywatch.kernels import passes
from citywatch.kernels.digests import digest_text
from citywatch.laws import GrossLaw

# Domain sheet, section 4, "Record checks".
HEAVIEST_AXLE_KG = 22_700
SLOWEST_MPS = 16 / 3.6
FASTEST_MPS = 160 / 3.6
LONGEST_MM = 61_000
SHORTEST_FIRST_SPACING_MM = 1_500
RASTER_KG = 100
"""Records come on a raster of up to about 100 kg (seen in real files). Gross and axles may each have been rounded to
it on their own, so n axles may miss the gross by (n + 1) / 2 steps before the record contradicts itself."""

KMH_PER_MPS = 3.6


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The law's answers for a batch, row by row.

    decision       (n,) uint8    Decision
    limit_low_kg   (n,) int32    strictest limit that could apply, kg; 0 where the law names none
    limit_high_kg  (n,) int32    most lenient one
    suspect        (n,) uint16   Suspect flags
    """

    decision: np.ndarray[Any, np.dtype[np.uint8]]
    limit_low_kg: np.ndarray[Any, np.dtype[np.int32]]
    limit_high_kg: np.ndarray[Any, np.dtype[np.int32]]
    suspect: np.ndarray[Any, np.dtype[np.uint16]]


def judge(law: GrossLaw, batch: PassBatch) -> Verdicts:
    """Decide every pass of a batch; looks at each row alone."""
    rows = len(batch)
    verdicts = Verdicts(
        np.zeros(rows, np.uint8), np.zeros(rows, np.int32), np.zeros(rows, np.int32), np.zeros(rows, np.uint16)
    )
    passes.judge_gross(
        batch.axle_count,
        batch.gross_kg,
        law.strictest_kg,
        law.most_lenient_kg,
        verdicts.decision,
        verdicts.limit_low_kg,
        verdicts.limit_high_kg,
    )
    passes.suspect_flags(
        batch.axle_count,
        batch.gross_kg,
        batch.speed_mps,
        batch.length_mm,
        batch.axle_kg,
        batch.spacing_mm,
        HEAVIEST_AXLE_KG,
        SLOWEST_MPS,
        FASTEST_MPS,
        LONGEST_MM,
        SHORTEST_FIRST_SPACING_MM,
        RASTER_KG,
        verdicts.suspect,
    )
    return verdicts


def events(law: GrossLaw, batch: PassBatch, verdicts: Verdicts) -> Iterator[Event]:
    """What is worth an event, in the order of the rows: passes that are not lawful, and suspect records."""
    for row in np.flatnonzero((verdicts.decision != Decision.LAWFUL) | (verdicts.suspect != 0)).tolist():
        decision = Decision(int(verdicts.decision[row]))
        reasons = Suspect(int(verdicts.suspect[row])).words()
        digest = digest_text(int(batch.digest[row, 0]), int(batch.digest[row, 1]))
        if decision is not Decision.LAWFUL:
            yield _weight_event(law, batch, verdicts, row, decision, digest, reasons)
        if reasons:
            data = {
                "law": law.ref,
                "pass": digest,
                "axles": int(batch.axle_count[row]),
                "gross_kg": int(batch.gross_kg[row]),
                "reasons": reasons,
                "decision": decision.name.lower(),
            }
            yield _event(EventKind.PASS_SUSPECT, batch, row, digest, data)


def _weight_event(
    law: GrossLaw,
    batch: PassBatch,
    verdicts: Verdicts,
    row: int,
    decision: Decision,
    digest: str,
    suspect: list[str],
) -> Event:
    low, high = int(verdicts.limit_low_kg[row]), int(verdicts.limit_high_kg[row])
    limit = high if decision is Decision.OVER else low
    gross = int(batch.gross_kg[row])
    speed = float(batch.speed_mps[row])
    data = {
        "law": law.ref,
        "pass": digest,
        "axles": int(batch.axle_count[row]),
        "gross_kg": gross,
        "limit_kg": limit or None,
        "limits_kg": [low, high] if limit else [],
        "over_kg": gross - limit if limit else None,
        "over_percent": round(100 * (gross - limit) / limit, 2) if limit else None,
        "speed_kmh": round(speed * KMH_PER_MPS, 1) if np.isfinite(speed) else None,
        "length_mm": int(batch.length_mm[row]),
        "plate": batch.plate[row],
        "suspect": suspect,
    }
    kind = EventKind.OVERLOADED if decision is Decision.OVER else EventKind.WEIGHT_UNDECIDED
    return _event(kind, batch, row, digest, data)


def _event(kind: EventKind, batch: PassBatch, row: int, digest: str, data: dict[str, Any]) -> Event:
    at_ns = int(batch.at_ns[row])
    name = event_id(kind, batch.device[row], at_ns, digest)
    return Event(name, kind, batch.device[row], at_ns, name, data)
