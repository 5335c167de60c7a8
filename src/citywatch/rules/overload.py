"""Overload: every pass is judged by a law: by its gross limits by axle count alone, or by all its rules.

Over is what exceeds the most lenient limit that could apply, lawful what does not exceed the strictest; between them
the scale alone cannot tell, and both limits are named. A law that names no limit for a vehicle leaves the pass
undecided, without limits. The gross of the record is judged, not the sum of its axles; a record whose axles do not add
up, or that contradicts itself otherwise, is suspect and decided all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.passes import Decision, PassBatch, Suspect, digest_text
from citywatch.kernels import passes
from citywatch.kernels.legality import LIMIT
from citywatch.laws import LawBook
from citywatch.laws.full import FullLaw
from citywatch.rules.enforcement import Instrument, enforcement
from citywatch.rules.full_law import FullAnswer, judge_full, outcome

if TYPE_CHECKING:
    from citywatch.laws import Law, OneLaw

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
    law_of         (n,) int64    number of the version that decided; None where there is but one
    full           what a law with all its rules adds
    """

    decision: np.ndarray[Any, np.dtype[np.uint8]]
    limit_low_kg: np.ndarray[Any, np.dtype[np.int32]]
    limit_high_kg: np.ndarray[Any, np.dtype[np.int32]]
    suspect: np.ndarray[Any, np.dtype[np.uint16]]
    law_of: np.ndarray[Any, np.dtype[np.int64]] | None = None
    full: FullAnswer | None = None

    def decided_by(self, law: Law, row: int) -> OneLaw:
        """The version that decided a pass, of the law that decided the batch."""
        if not isinstance(law, LawBook):
            return law
        return law.versions[0 if self.law_of is None else int(self.law_of[row])]


def judge(law: Law, batch: PassBatch, instruments: Mapping[str, Instrument] | None = None) -> Verdicts:
    """Decide every pass of a batch by the version in force at its instant; looks at each row alone.

    `instruments`: by device, what is known of the scales.
    """
    known = instruments or {}
    verdicts = _by_version(law, batch, known) if isinstance(law, LawBook) else _by_one(law, batch, known)
    verdicts.suspect[:] = suspects(batch)
    return verdicts


def suspects(batch: PassBatch) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Suspect flags (n,) of the records, whatever the law."""
    flags = np.zeros(len(batch), np.uint16)
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
        flags,
    )
    return flags


def _by_one(law: OneLaw, batch: PassBatch, instruments: Mapping[str, Instrument]) -> Verdicts:
    rows = len(batch)
    suspect = np.zeros(rows, np.uint16)
    if isinstance(law, FullLaw):
        decision, full = judge_full(law, batch, instruments)
        low, high = (np.ascontiguousarray(side[:, LIMIT]) for side in (full.strict, full.lenient))
        return Verdicts(decision, low, high, suspect, full=full)
    verdicts = Verdicts(np.zeros(rows, np.uint8), np.zeros(rows, np.int32), np.zeros(rows, np.int32), suspect)
    passes.judge_gross(
        batch.axle_count,
        batch.gross_kg,
        law.strictest_kg,
        law.most_lenient_kg,
        verdicts.decision,
        verdicts.limit_low_kg,
        verdicts.limit_high_kg,
    )
    return verdicts


def _by_version(book: LawBook, batch: PassBatch, instruments: Mapping[str, Instrument]) -> Verdicts:
    rows = len(batch)
    law_of = book.deciding(batch.at_ns)
    is_full = isinstance(book.versions[0], FullLaw)
    verdicts = Verdicts(
        np.zeros(rows, np.uint8),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.uint16),
        law_of,
        FullAnswer.empty(rows) if is_full else None,
    )
    for number in np.unique(law_of).tolist():
        these = np.flatnonzero(law_of == number)
        part = _by_one(book.versions[number], batch.take(these), instruments)
        verdicts.decision[these] = part.decision
        verdicts.limit_low_kg[these] = part.limit_low_kg
        verdicts.limit_high_kg[these] = part.limit_high_kg
        if verdicts.full is not None and part.full is not None:
            verdicts.full.put(these, part.full)
    return verdicts


def events(
    law: Law, batch: PassBatch, verdicts: Verdicts, instruments: Mapping[str, Instrument] | None = None
) -> Iterator[Event]:
    """What is worth an event, in the order of the rows: passes that are not lawful, and suspect records."""
    for row in np.flatnonzero((verdicts.decision != Decision.LAWFUL) | (verdicts.suspect != 0)).tolist():
        decided_by = verdicts.decided_by(law, row)
        decision = Decision(int(verdicts.decision[row]))
        reasons = Suspect(int(verdicts.suspect[row])).words()
        digest = digest_text(int(batch.digest[row, 0]), int(batch.digest[row, 1]))
        if decision is not Decision.LAWFUL:
            yield _weight_event(decided_by, batch, verdicts, row, decision, digest, reasons, instruments or {})
        if reasons:
            data = {
                "law": decided_by.ref,
                "pass": digest,
                "axles": int(batch.axle_count[row]),
                "gross_kg": int(batch.gross_kg[row]),
                "reasons": reasons,
                "decision": decision.name.lower(),
            }
            yield _event(EventKind.PASS_SUSPECT, batch, row, digest, data)


def _weight_event(
    law: OneLaw,
    batch: PassBatch,
    verdicts: Verdicts,
    row: int,
    decision: Decision,
    digest: str,
    suspect: list[str],
    instruments: Mapping[str, Instrument],
) -> Event:
    low, high = int(verdicts.limit_low_kg[row]), int(verdicts.limit_high_kg[row])
    limit = high if decision is Decision.OVER else low
    measured = int(batch.gross_kg[row])
    more: dict[str, Any] = {}
    if isinstance(law, FullLaw) and verdicts.full is not None:
        more = _evidence(law, batch, verdicts, verdicts.full, row, decision, instruments.get(batch.device[row]))
        measured = more["measured_kg"]
    speed = float(batch.speed_mps[row])
    data = {
        "law": law.ref,
        "pass": digest,
        "axles": int(batch.axle_count[row]),
        "gross_kg": int(batch.gross_kg[row]),
        "limit_kg": limit or None,
        "limits_kg": [low, high] if limit else [],
        "over_kg": measured - limit if limit else None,
        "over_percent": round(100 * (measured - limit) / limit, 2) if limit else None,
        "speed_kmh": round(speed * KMH_PER_MPS, 1) if np.isfinite(speed) else None,
        "length_mm": int(batch.length_mm[row]),
        "plate": batch.plate[row],
        "suspect": suspect,
        **more,
    }
    kind = EventKind.OVERLOADED if decision is Decision.OVER else EventKind.WEIGHT_UNDECIDED
    return _event(kind, batch, row, digest, data)


def axle_groups(law: FullLaw, batch: PassBatch, row: int) -> list[int]:
    """Axles of each group from front to rear, by the distance up to which the law takes axles for a group.

    Empty where the scale gives no distances.
    """
    gaps = batch.spacing_mm[row, : int(batch.axle_count[row]) - 1].tolist()
    if not any(gaps):
        return []
    groups = [1]
    for gap in gaps:
        if gap <= law.group_upto_mm:
            groups[-1] += 1
        else:
            groups.append(1)
    return groups


def full_words(batch: PassBatch, law: Law, verdicts: Verdicts, row: int) -> dict[str, Any]:
    """Kind and binding rule of a judged pass, for lists of passes; nothing under a law by axle count alone."""
    decided_by, full = verdicts.decided_by(law, row), verdicts.full
    if not isinstance(decided_by, FullLaw) or full is None:
        return {}
    side = full.lenient if verdicts.decision[row] == Decision.OVER else full.strict
    binding = outcome(decided_by, side[row])
    return {
        "kind": decided_by.kinds.word(int(full.kinds.best[row])),
        "kind_confidence": int(full.kinds.confidence[row]),
        "kind_runner_up": decided_by.kinds.word(int(full.kinds.second[row])),
        "axle_groups": axle_groups(decided_by, batch, row),
        "rule": binding["rule"] if binding else None,
        "margin_kg": binding["margin_kg"] if binding else None,
    }


def _evidence(
    law: FullLaw,
    batch: PassBatch,
    verdicts: Verdicts,
    full: FullAnswer,
    row: int,
    decision: Decision,
    instrument: Instrument | None,
) -> dict[str, Any]:
    """What a law with all its rules adds to an event: kind, binding rule, both outcomes, and how sure all that is.

    What binds is the most lenient outcome of what is over, else the strictest.
    """
    strict, lenient = outcome(law, full.strict[row]), outcome(law, full.lenient[row])
    binding = lenient if decision is Decision.OVER else strict
    at_ns = int(batch.at_ns[row])
    sure = enforcement(
        instrument,
        limit_kg=binding["limit_kg"] if binding else 0,
        measured_kg=binding["measured_kg"] if binding else 0,
        gross=binding is not None and binding["axles"] == int(batch.axle_count[row]),
        axles=binding["axles"] if binding else 0,
        of_group=binding is not None and _in_group(law, batch, row, binding["first_axle"] - 1),
        decision=decision,
        at_ns=at_ns,
        received_ns=int(batch.received_ns[row]),
        in_force=law.holds(at_ns),
        status=int(batch.status[row]),
        suspect=int(verdicts.suspect[row]),
    )
    return {
        "kind": law.kinds.word(int(full.kinds.best[row])),
        "kind_confidence": int(full.kinds.confidence[row]),
        "kind_runner_up": law.kinds.word(int(full.kinds.second[row])),
        "axle_groups": axle_groups(law, batch, row),
        "rule": binding["rule"] if binding else None,
        "measured_kg": binding["measured_kg"] if binding else int(batch.gross_kg[row]),
        "margin_kg": binding["margin_kg"] if binding else None,
        "outcomes": [strict, lenient],
        "conditions": law.condition_words,
        "probability_lawful": sure.probability_lawful,
        "over_reduced_kg": sure.over_reduced_kg,
        "instrument": instrument.at(at_ns).name if instrument else None,
        "enforceable": not sure.blocked,
        "blocked": list(sure.blocked),
    }


def _in_group(law: FullLaw, batch: PassBatch, row: int, axle: int) -> bool:
    """Whether the axle stands as near to another one as axles of a group do."""
    gaps = batch.spacing_mm[row, max(axle - 1, 0) : axle + 1]
    return bool(np.any((gaps > 0) & (gaps <= law.group_upto_mm)))


def _event(kind: EventKind, batch: PassBatch, row: int, digest: str, data: dict[str, Any]) -> Event:
    at_ns = int(batch.at_ns[row])
    name = event_id(kind, batch.device[row], at_ns, digest)
    return Event(name, kind, batch.device[row], at_ns, name, data)
