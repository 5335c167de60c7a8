"""Correction factors of scales: proposed by the rules, accepted by a person, in force from then on.

A row `scale_correction/<device>` of the state: `open`, the proposal that waits for a person, or None; `accepted`, the
corrections that were ever in force, newest last, as [from_ns, parts per million, proposal]. A pass is weighed with the
factor in force at its own instant: what was decided before keeps the factor that it was decided with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.passes import PassBatch
from citywatch.domain.state import State
from citywatch.rules.scale_health.reference import LOG_UNIT

ROOM = "scale_correction"
NONE_PPM = 1_000_000
_REMEMBERED = 32
"""Corrections of one lane. The oldest is forgotten: a pass from before it would have to be that old, and late."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What weights are multiplied with: `ppm` / 1,000,000; `proposal` names where it was accepted, '' for none."""

    ppm: int = NONE_PPM
    proposal: str = ""

    @property
    def factor(self) -> float:
        return self.ppm / NONE_PPM

    @property
    def log(self) -> float:
        """The same in the unit of the charts."""
        return LOG_UNIT * math.log(self.ppm / NONE_PPM)


def in_force(state: State, device: str, at_ns: int) -> Correction:
    """The correction of a lane at an instant."""
    row = state.get(ROOM, device)
    for from_ns, ppm, proposal in reversed([] if row is None else row["accepted"]):
        if at_ns >= from_ns:
            return Correction(ppm, proposal)
    return Correction()


def corrected(state: State, batch: PassBatch) -> tuple[PassBatch, Mapping[int, Correction]]:
    """The batch with the weights that count, and which rows were corrected. Weights are rounded to whole kg."""
    rows: dict[int, Correction] = {}
    if state.size(ROOM) == 0:
        return batch, rows
    for row, (device, at_ns) in enumerate(zip(batch.device, batch.at_ns.tolist(), strict=True)):
        correction = in_force(state, device, at_ns)
        if correction.ppm != NONE_PPM:
            rows[row] = correction
    if not rows:
        return batch, rows
    ppm = np.full(len(batch), NONE_PPM, np.int64)
    ppm[list(rows)] = [correction.ppm for correction in rows.values()]
    weighed = replace(
        batch,
        gross_kg=_times(batch.gross_kg, ppm),
        axle_kg=_times(batch.axle_kg, ppm[:, None]),
        left_kg=_times(batch.left_kg, ppm[:, None]),
    )
    return weighed, rows


def noted(event: Event, correction: Correction) -> Event:
    """An event about a weight, with the correction that it was weighed with."""
    data = {**event.data, "correction": {"factor": correction.factor, "proposal": correction.proposal}}
    return replace(event, data=data, body="")


def propose(
    state: State, device: str, at_ns: int, factor_log: float, bound_log: float, *, cause: str, step_event: str
) -> Event:
    """A factor, known to +- `bound_log`, that would make the level right. It takes the place of an older proposal."""
    kind = EventKind.CORRECTION_PROPOSED
    proposal = event_id(kind, step_event)
    row = state.get(ROOM, device) or {"open": None, "accepted": []}
    ppm = _ppm(factor_log)
    state.put(ROOM, device, {**row, "open": {"proposal": proposal, "ppm": ppm, "cause": cause}})
    data = {
        "proposal": proposal,
        "step": step_event,
        "factor": ppm / NONE_PPM,
        "factor_low": _ppm(factor_log - bound_log) / NONE_PPM,
        "factor_high": _ppm(factor_log + bound_log) / NONE_PPM,
        "factor_in_force": in_force(state, device, at_ns).factor,
        "supersedes": row["open"]["proposal"] if row["open"] else "",
    }
    return Event(proposal, kind, device, at_ns, cause, data)


def waiting(state: State, device: str) -> str:
    """The proposal that waits for a person, '' for none."""
    row = state.get(ROOM, device)
    return "" if row is None or row["open"] is None else str(row["open"]["proposal"])


def withdraw(state: State, device: str) -> None:
    """Nothing is proposed any more: the level is right as it is."""
    row = state.get(ROOM, device)
    if row is not None and row["open"] is not None:
        state.put(ROOM, device, {**row, "open": None})


def settle(
    state: State, device: str, proposal: str, *, accept: bool, at_ns: int, actor: str, command: str, note: str
) -> Event | str:
    """A person's answer to a proposal: the event, or `not_open`, or `repeated` for the same command.

    A correction is in force from `at_ns` on, and never earlier than one that is in force already.
    """
    row = state.get(ROOM, device)
    if row is not None and row.get("command") == command:
        return "repeated"
    if row is None or row["open"] is None or row["open"]["proposal"] != proposal:
        return "not_open"
    waiting = row["open"]
    accepted = row["accepted"]
    if accept:
        at_ns = max(at_ns, accepted[-1][0] if accepted else at_ns)
        accepted = [*accepted, [at_ns, waiting["ppm"], proposal]][-_REMEMBERED:]
    state.put(ROOM, device, {"open": None, "accepted": accepted, "command": command})
    kind = EventKind.CORRECTION_ACCEPTED if accept else EventKind.CORRECTION_DECLINED
    data: dict[str, Any] = {
        "proposal": proposal,
        "factor": waiting["ppm"] / NONE_PPM,
        "actor": actor,
        "note": note,
        "command": command,
    }
    return Event(event_id(kind, proposal), kind, device, at_ns, waiting["cause"], data)


def _times(kg: np.ndarray[Any, np.dtype[np.int32]], ppm: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Rounded half up, in whole numbers."""
    scaled: np.ndarray[Any, np.dtype[np.int32]] = ((kg.astype(np.int64) * ppm + NONE_PPM // 2) // NONE_PPM).astype(
        np.int32
    )
    return scaled


def _ppm(factor_log: float) -> int:
    return round(NONE_PPM * math.exp(factor_log / LOG_UNIT))
