"""From passes of a scale to its events: repeats recognised, every pass decided, the scale known to live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from citywatch.domain.devices import DeviceKind
from citywatch.domain.events import Event, EventKind
from citywatch.domain.passes import PassBatch
from citywatch.domain.state import State
from citywatch.kernels.digests import digest_text
from citywatch.rules import devices, evasion, liveness
from citywatch.rules.enforcement import Instrument
from citywatch.rules.evasion import EvasionPolicy
from citywatch.rules.evasion.merging import Merger, whole
from citywatch.rules.evasion.record import Record
from citywatch.rules.overload import events, judge

if TYPE_CHECKING:
    from citywatch.laws import Law

ROOM = "scale"
REPEATS_REMEMBERED = 64
"""Per scale: a sender that lost our answer sends its last few records again, not its last thousand."""


@dataclass(frozen=True, slots=True)
class ScalePolicy:
    """What the city has settled about its scales. `instruments`: by device, what is known of the scale itself."""

    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    evasion: EvasionPolicy = field(default_factory=EvasionPolicy)


def on_passes(
    state: State, batch: PassBatch, law: Law, observer: str, policy: ScalePolicy | None = None
) -> Iterator[Event]:
    """Every pass in turn: decided by the law, then looked at by the rules that remember passes.

    A record that its scale sent a moment ago changes nothing.
    """
    policy = policy or ScalePolicy()
    fresh, digests = _fresh(state, batch)
    if not fresh:
        return
    batch = batch.take(fresh)
    decided: dict[str, list[Event]] = {}
    for event in events(law, batch, judge(law, batch, policy.instruments), policy.instruments):
        decided.setdefault(event.data["pass"], []).append(event)
    merger = _merger(law)
    columns = zip(batch.device, digests, batch.at_ns.tolist(), batch.received_ns.tolist(), strict=True)
    for row, (device, digest, at_ns, received_ns) in enumerate(columns):
        yield from devices.seen(state, device, DeviceKind.SCALE, at_ns)
        if received_ns > 0:
            yield from liveness.heard(state, device, received_ns, batch.observer[row] or observer)
        yield from decided.get(digest, ())
        yield from evasion.on_pass(state, batch, row, policy.evasion, merger)


def on_tick(state: State, now_ns: int, law: Law, policy: ScalePolicy) -> Iterator[Event]:
    """What passes have waited for."""
    yield from evasion.on_tick(state, now_ns, policy.evasion, _merger(law))


def _merger(law: Law) -> Merger:
    """The law's word on a vehicle of which two scales have weighed a half each."""

    def merge(one: Record, other: Record) -> Mapping[str, Any]:
        batch = whole(one, other)
        word = {"law": law.ref, "axles": one["axles"], "gross_kg": int(batch.gross_kg[0]), "decision": "lawful"}
        for event in events(law, batch, judge(law, batch)):
            if event.kind in _DECISIONS:
                word |= {name: value for name, value in event.data.items() if name not in _NOT_OF_THE_WHOLE}
                word["decision"] = _DECISIONS[event.kind]
        return {**word, "axle_kg": batch.axle_kg[0].tolist()}

    return merge


_DECISIONS = {EventKind.OVERLOADED: "over", EventKind.WEIGHT_UNDECIDED: "undecided"}
_NOT_OF_THE_WHOLE = frozenset({"pass", "plate"})


def _fresh(state: State, batch: PassBatch) -> tuple[list[int], list[str]]:
    """The rows that are no repeats, and their digests."""
    rows: list[int] = []
    digests: list[str] = []
    for row, (device, (first, second)) in enumerate(zip(batch.device, batch.digest.tolist(), strict=True)):
        digest = digest_text(first, second)
        scale = state.get(ROOM, device)
        recent = [] if scale is None else scale["recent"]
        if digest not in recent:
            state.put(ROOM, device, {"recent": [*recent[1 - REPEATS_REMEMBERED :], digest]})
            rows.append(row)
            digests.append(digest)
    return rows, digests
