"""A law with all its rules, applied to a batch: what each vehicle is, and what binds it at the strictest and the most
lenient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.domain.passes import Decision, PassBatch
from citywatch.kernels import legality, vehicles
from citywatch.kernels.legality import AXLES, FIRST_AXLE, LIMIT, MARGIN, MEASURED, NOTHING, RULE
from citywatch.laws.full import FullLaw
from citywatch.laws.kinds import KindTable, goods_words, normal_table, not_goods_words
from citywatch.rules.enforcement import Instrument

_Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Kinds:
    """What each vehicle of a batch is: rows of a table of kinds (-1: none), and percent of confidence.

    best, second  (n,) int16
    confidence    (n,) uint8
    """

    best: _Array
    second: _Array
    confidence: _Array


@dataclass(frozen=True, eq=False)
class FullAnswer:
    """What a full law says of a batch, beside its decision.

    kinds            the vehicles
    strict, lenient  (n, OUTCOME_WIDTH) int32, see kernels.legality
    """

    kinds: Kinds
    strict: _Array
    lenient: _Array

    @classmethod
    def empty(cls, rows: int) -> FullAnswer:
        kinds = Kinds(np.full(rows, -1, np.int16), np.full(rows, -1, np.int16), np.zeros(rows, np.uint8))
        return cls(kinds, *(np.zeros((rows, legality.OUTCOME_WIDTH), np.int32) for _ in range(2)))

    def put(self, rows: _Array, other: FullAnswer) -> None:
        """Take over the answers about some of the rows."""
        for mine, theirs in (
            (self.kinds.best, other.kinds.best),
            (self.kinds.second, other.kinds.second),
            (self.kinds.confidence, other.kinds.confidence),
            (self.strict, other.strict),
            (self.lenient, other.lenient),
        ):
            mine[rows] = theirs


def classify(table: KindTable, batch: PassBatch) -> Kinds:
    """The kind of every vehicle of a batch."""
    rows = len(batch)
    kinds = Kinds(np.empty(rows, np.int16), np.empty(rows, np.int16), np.empty(rows, np.uint8))
    vehicles.classify(
        batch.axle_count,
        batch.gross_kg,
        batch.axle_kg,
        batch.spacing_mm,
        table.starts,
        table.rows,
        table.low_mm,
        table.high_mm,
        normal_table(),
        table.sigma_mm,
        table.sigma_permille,
        kinds.best,
        kinds.second,
        kinds.confidence,
    )
    return kinds


def judge_full(law: FullLaw, batch: PassBatch, instruments: Mapping[str, Instrument]) -> tuple[_Array, FullAnswer]:
    """(decision, answer) for every pass of a batch under what the law presumes; looks at each row alone."""
    rows = len(batch)
    least, most = law.bits({})
    decision, answer = judge_under(
        law,
        batch,
        np.full(rows, least, np.uint32),
        np.full(rows, most, np.uint32),
        _tolerances(law, batch, instruments),
    )
    if any(batch.vehicle_class):
        _heed_goods(law, batch, instruments, decision, answer)
        _heed_words(law, batch, answer, decision)
    return decision, answer


def judge_under(
    law: FullLaw, batch: PassBatch, least_good: _Array, most_good: _Array, tolerance_mm: _Array
) -> tuple[_Array, FullAnswer]:
    """The same under conditions told row by row: (n,) uint32 as FullLaw.bits gives them; tolerance (n,) int32."""
    return _judge_as(law, batch, classify(law.kinds, batch), least_good, most_good, tolerance_mm)


def _judge_as(
    law: FullLaw, batch: PassBatch, kinds: Kinds, least_good: _Array, most_good: _Array, tolerance_mm: _Array
) -> tuple[_Array, FullAnswer]:
    rows = len(batch)
    answer = FullAnswer(kinds, *(np.empty((rows, legality.OUTCOME_WIDTH), np.int32) for _ in range(2)))
    decision = np.empty(rows, np.uint8)
    legality.judge(
        batch.axle_count,
        batch.gross_kg,
        batch.axle_kg,
        batch.spacing_mm,
        answer.kinds.best,
        answer.kinds.second,
        answer.kinds.confidence,
        tolerance_mm,
        least_good,
        most_good,
        law.kinds.attributes,
        law.gross,
        law.gross_starts,
        law.adjust,
        law.groups,
        law.group_starts,
        law.runs,
        law.bridge,
        law.terms,
        decision,
        answer.strict,
        answer.lenient,
    )
    return decision, answer


def outcome(law: FullLaw, row: _Array) -> dict[str, Any] | None:
    """One outcome as events tell it; None where no rule says anything."""
    if row[RULE] == legality.ANY or abs(int(row[MARGIN])) >= NOTHING:
        return None
    return {
        "rule": law.rules[int(row[RULE])].name,
        "limit_kg": int(row[LIMIT]),
        "measured_kg": int(row[MEASURED]),
        "margin_kg": int(row[MARGIN]),
        "first_axle": int(row[FIRST_AXLE]) + 1,
        "axles": int(row[AXLES]),
    }


def _tolerances(law: FullLaw, batch: PassBatch, instruments: Mapping[str, Instrument]) -> _Array:
    """By how much distances may be off, row by row: as the scale's own description says, else as the table of kinds."""
    if not instruments:
        return np.full(len(batch), law.kinds.tolerance_mm, np.int32)
    by_device = {
        device: instruments[device].spacing_tolerance_mm if device in instruments else law.kinds.tolerance_mm
        for device in set(batch.device)
    }
    found = np.array([by_device[device] for device in batch.device], np.int32)
    for row, device in enumerate(batch.device):
        if device in instruments and instruments[device].followed_by is not None:
            found[row] = instruments[device].at(int(batch.at_ns[row])).spacing_tolerance_mm
    return found


def _heed_goods(
    law: FullLaw, batch: PassBatch, instruments: Mapping[str, Instrument], decision: _Array, answer: FullAnswer
) -> None:
    """A vehicle that the scale or camera calls a lorry is judged as one, though its axles look like those of a bus or
    car. Where they look like nothing else its kind is unknown; the runner-up says what they look like."""
    goods = law.kinds.attributes[:, 0] != 0
    spared = np.zeros(len(batch), np.bool_)
    for rows in (answer.kinds.best, answer.kinds.second):
        spared |= (rows >= 0) & ~goods[rows]
    words = goods_words()
    called = [row for row in np.flatnonzero(spared).tolist() if any(word in _word(batch, row) for word in words)]
    if not called:
        return
    these = np.array(called)
    part, best, second = batch.take(these), answer.kinds.best[these], answer.kinds.second[these]
    fits = goods[best]
    least, most = law.bits({})
    nothing = np.full(len(these), -1, np.int16)
    confidence = np.where(fits, answer.kinds.confidence[these], 0).astype(np.uint8)
    kinds = Kinds(np.where(fits, best, nothing).astype(np.int16), nothing, confidence)
    decision[these], again = _judge_as(
        law, part, kinds, np.full(len(these), least, np.uint32), np.full(len(these), most, np.uint32),
        _tolerances(law, part, instruments),
    )  # fmt: skip
    answer.put(these, again)
    answer.kinds.second[these] = np.where(fits, second, best)


def _word(batch: PassBatch, row: int) -> str:
    return "".join(batch.vehicle_class[row].split()).lower()


def _heed_words(law: FullLaw, batch: PassBatch, answer: FullAnswer, decision: _Array) -> None:
    """A vehicle that the scale or camera calls a car or bus is not judged by truck limits.

    Where its axles say that it is a train, the two contradict each other: undecided.
    """
    words = not_goods_words()
    for row in np.flatnonzero(decision != Decision.LAWFUL).tolist():
        if _word(batch, row) in words:
            best = int(answer.kinds.best[row])
            is_train = best >= 0 and law.kinds.kinds[best].train
            decision[row] = Decision.UNDECIDED if is_train else Decision.LAWFUL
