"""From passes of a scale to its events: repeats recognised, every pass decided, the scale known to live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from citywatch.domain.devices import DeviceKind
from citywatch.domain.events import Event
from citywatch.domain.passes import PassBatch, digest_text
from citywatch.domain.state import State
from citywatch.rules import detours, devices, evasion, liveness, recount, statistics
from citywatch.rules.detours import DetourPolicy
from citywatch.rules.enforcement import Instrument
from citywatch.rules.evasion import EvasionPolicy
from citywatch.rules.overload import events, judge
from citywatch.rules.scale_health import absence, corrections
from citywatch.rules.scale_health import watch as health
from citywatch.rules.scale_health.watch import HealthPolicy
from citywatch.rules.statistics import StatisticsPolicy

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
    detours: DetourPolicy = field(default_factory=DetourPolicy)
    health: HealthPolicy = field(default_factory=HealthPolicy)
    statistics: StatisticsPolicy = field(default_factory=StatisticsPolicy)


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
    # The scale's health is told by what it weighed; everything else by what that counts for.
    weighed = batch.take(fresh)
    batch, factors = corrections.corrected(state, weighed)
    verdicts = judge(law, batch, policy.instruments)
    corrected = {digests[row]: correction for row, correction in factors.items()}
    decided: dict[str, list[Event]] = {}
    for event in events(law, batch, verdicts, policy.instruments):
        digest = event.data["pass"]
        noted = corrections.noted(event, corrected[digest]) if digest in corrected else event
        decided.setdefault(digest, []).append(noted)
    counted = statistics.classified(law, batch, verdicts, policy.statistics.zone)
    told = statistics.take(state, batch, counted, policy.statistics)
    found = health.on_passes(state, weighed, verdicts.suspect, policy.health)
    merger = recount.remembering(state, law, policy.instruments)
    columns = zip(batch.device, digests, batch.at_ns.tolist(), batch.received_ns.tolist(), strict=True)
    for row, (device, digest, at_ns, received_ns) in enumerate(columns):
        yield from devices.seen(state, device, DeviceKind.SCALE, at_ns)
        if received_ns > 0:
            yield from liveness.heard(state, device, received_ns, batch.observer[row] or observer)
        yield from decided.get(digest, ())
        yield from evasion.on_pass(state, batch, row, policy.evasion, merger)
        detours.on_pass(state, batch, row, policy.detours)
        yield from absence.on_pass(state, device, at_ns, received_ns)
        yield from found.get(row, ())
        yield from told.get(row, ())


def on_tick(state: State, now_ns: int, law: Law, policy: ScalePolicy) -> Iterator[Event]:
    """What passes have waited for."""
    merger = recount.remembering(state, law, policy.instruments)
    yield from evasion.on_tick(state, now_ns, policy.evasion, merger)
    yield from health.on_tick(state, now_ns, policy.health)
    recount.on_tick(state, law, policy.instruments, policy.statistics)
    yield from statistics.on_tick(state, now_ns, policy.statistics)


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
