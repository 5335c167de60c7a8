"""The answers of a camera's last look, one for each fault, out of the row of state that the rules keep of it.

Three answers: found, fine, or could not be checked, and why. They are what the rules decided on, not a second opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from citywatch.domain.state import Row
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.rules.comparison import Own
from citywatch.rules.faults import NEVER

ROOM = "camera"
"""Where the rules keep that row, by camera."""


Phase = Literal["", "suspect", "confirmed"]


class Answer(StrEnum):
    """What one look says of one fault."""

    FAULT = "fault"
    FINE = "fine"
    COULD_NOT_BE_CHECKED = "could_not_be_checked"


@dataclass(frozen=True, slots=True)
class FaultAnswer:
    """`why`: why it could not be checked; empty for the others. `phase`: "suspect" or "confirmed" while the fault is
    not fine, else empty. `last_fine_ns`, `last_bad_ns`: the last looks that said so; -1 for never, and `last_bad_ns`
    when the fault is over. Nanoseconds since 1970.
    """

    fault: str
    answer: Answer
    why: str
    phase: Phase
    last_fine_ns: int
    last_bad_ns: int


@dataclass(frozen=True, slots=True)
class LookAnswers:
    """All answers of the look at `at_ns`."""

    at_ns: int
    answers: tuple[FaultAnswer, ...]


def last_answers(row: Row) -> LookAnswers | None:
    """`row`: of `ROOM`. None for one that was written before answers were kept."""
    if "judged_ns" not in row:
        return None
    return LookAnswers(row["judged_ns"], tuple(_answer(row, fault.value) for fault in CAMERA_FAULTS))


def _answer(row: Row, fault: str) -> FaultAnswer:
    at_ns, open_row = row["judged_ns"], row["faults"].get(fault)
    fine_ns = row["good"].get(fault, NEVER)
    bad_ns = NEVER if open_row is None else open_row["last_bad_ns"]
    why = ""
    if max(bad_ns, fine_ns) >= at_ns:
        # Later than the look: a glance tells whether the camera answers.
        answer = Answer.FAULT if bad_ns > fine_ns else Answer.FINE
    else:
        # What was found, but not as it was at the look before, counts for neither side.
        answer, why = Answer.COULD_NOT_BE_CHECKED, row["unchecked"].get(fault, Own.VIEW_CHANGES.value)
    return FaultAnswer(fault, answer, why, "" if open_row is None else open_row["phase"], fine_ns, bad_ns)
