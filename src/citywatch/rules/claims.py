"""What other systems say of a device, held against what our own looks say. Claims are heard, never believed: they make
no fault and no state. Where they do not fit the looks, or each other, for long enough, that is told as what it is.

A row `claims/<device>`:
  said    voice -> [claim, reason, detail, since_ns, last_ns]; a voice is a source and what it speaks of (`presence`,
          `catalogue`, `alarm <detail>`); at most MOST_VOICES, the one heard least lately gives way
  open    kind of disagreement -> {since_ns, cause, told}
  asked_ns  when a look was asked for last
A claim counts until it changes, ends, or lapses: sources say what stands again and again, and one that was not said
again for `lapse_seconds` is nobody's any more. As with silence, only time in which the clock ran without a gap counts.

Disagreements are looked for every SWEEP_NS of ticks, in every row: that is the grain of `hold_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from citywatch.domain.claims import Claim, ClaimBatch
from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.domain.state import Row, State
from citywatch.rules import devices
from citywatch.rules.faults import CONFIRMED, NEVER

ROOM = "claims"
SWEEP = "sweep"
SWEEP_NS = 10 * NS_PER_S
MOST_VOICES = 24
LAPSED = "lapsed"
"""Stands for a claim that was not said again."""

_CAMERAS = "camera"
_CLOCK = "clock"
_ASK_AGAIN_NS = 300 * NS_PER_S
_MOST_SOURCE = 64
_MOST_DETAIL = 64


class Looks(StrEnum):
    """What our own looks say of a device's being there."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    """Nobody looked of late, or the looks have not decided yet."""


class Disagreement(StrEnum):
    """How sources and looks can differ; a bounded set."""

    KEEPALIVE_LOST_BUT_REACHABLE = "keepalive_lost_but_reachable"
    """A registrar misses it (keepalives, registration), and we reach it."""
    OFFLINE_CLAIMED_BUT_REACHABLE = "offline_claimed_but_reachable"
    """A recorder's or platform's catalogue calls it offline, and we reach it."""
    RECORDER_ONLINE_CHANNEL_DEAD = "recorder_online_channel_dead"
    """A recorder's or platform's catalogue calls it online, and we do not reach it."""
    ONLINE_BUT_UNREACHABLE = "online_but_unreachable"
    """It says itself that it lives, and we do not reach it."""
    ONLINE_BUT_NO_MEDIA = "online_but_no_media"
    """It is called online and we reach it, but no picture comes."""
    TAMPERING_CLAIMED_BUT_FINE = "tampering_claimed_but_fine"
    """It reports something wrong with its picture, and we have looked since and found that in order."""
    SOURCES_CONTRADICT = "sources_contradict"
    """One source calls it online and another offline, and our looks cannot tell."""


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """`hold_seconds`: so long a disagreement must last before it is told. `lapse_seconds`: a claim that was not said
    again for so long counts no more."""

    hold_seconds: int = 60
    lapse_seconds: int = 1800


@dataclass(frozen=True, slots=True)
class _Voice:
    source: str
    aspect: str
    claim: str
    reason: str
    detail: str
    since_ns: int

    def data(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "claim": self.claim,
            "reason": self.reason,
            "detail": self.detail,
            "since_ns": self.since_ns,
        }


def on_claims(state: State, batch: ClaimBatch, policy: ClaimPolicy) -> Iterator[Event]:
    """Every claim in turn."""
    del policy
    columns = (
        batch.device,
        batch.at_ns.tolist(),
        batch.source,
        batch.claim,
        batch.reason,
        batch.detail,
        batch.said_ns.tolist(),
    )
    for device, at_ns, source, claim, reason, detail, said_ns in zip(*columns, strict=True):
        yield from _on_claim(
            state, device, at_ns, source[:_MOST_SOURCE], Claim(claim), reason[:32], detail[:_MOST_DETAIL], said_ns
        )


def on_tick(state: State, now_ns: int, policy: ClaimPolicy) -> Iterator[Event]:
    """Claims that lapse, and disagreements that begin, hold and end."""
    last = state.get(SWEEP, SWEEP)
    if last is not None and 0 <= now_ns - last["last_ns"] < SWEEP_NS:
        return
    state.put(SWEEP, SWEEP, {"last_ns": now_ns})
    clock = state.get(_CLOCK, _CLOCK)
    ticking_since_ns = now_ns if clock is None else int(clock["since_ns"])
    for device, row in list(state.room(ROOM)):
        yield from _look_at(state, device, row, now_ns, ticking_since_ns, policy)


def _on_claim(
    state: State, device: str, at_ns: int, source: str, claim: Claim, reason: str, detail: str, said_ns: int
) -> Iterator[Event]:
    yield from devices.seen(state, device, DeviceKind.CAMERA, at_ns)
    row = state.get(ROOM, device) or {"said": {}, "open": {}, "asked_ns": NEVER}
    voice = f"{source} {_aspect(claim, reason, detail)}"
    said = dict(row["said"])
    known = said.pop(voice, None)
    if known is not None and known[4] > at_ns:
        return  # it came late: something newer was said
    if claim is Claim.OVER:
        if known is None:
            return
        row = {**row, "said": said}
    else:
        since_ns = known[3] if known is not None and known[0] == claim else at_ns
        said[voice] = [claim.value, reason, detail, since_ns, at_ns]
        while len(said) > MOST_VOICES:
            del said[min(said, key=lambda name: (said[name][4], name))]
        row = {**row, "said": said}
    is_news = known is None or known[0] != claim
    asks = _asks_for_a_look(state, device, claim, row, at_ns) if is_news else ""
    if asks:
        row = {**row, "asked_ns": at_ns}
    state.put(ROOM, device, row)
    if is_news:
        yield _heard(device, at_ns, voice, claim.value, reason, detail, said_ns)
    if asks:
        kind = EventKind.LOOK_ASKED
        data = {"reason": asks, "source": source, "detail": detail}
        yield Event(event_id(kind, device, voice, at_ns), kind, device, at_ns, "", data)


def _aspect(claim: Claim, reason: str, detail: str) -> str:
    """What a source speaks of: each has one claim at a time."""
    if claim in (Claim.ONLINE, Claim.OFFLINE):
        return "catalogue" if reason == "catalogue" else "presence"
    return f"alarm {detail}"


def _heard(device: str, at_ns: int, voice: str, claim: str, reason: str, detail: str, said_ns: int) -> Event:
    source, _, aspect = voice.partition(" ")
    kind = EventKind.CLAIM_HEARD
    data = {
        "source": source,
        "aspect": aspect.partition(" ")[0],
        "claim": claim,
        "reason": reason,
        "detail": detail,
        "said_ns": said_ns,
    }
    return Event(event_id(kind, device, voice, claim, at_ns), kind, device, at_ns, "", data)


def _asks_for_a_look(state: State, device: str, claim: Claim, row: Row, at_ns: int) -> str:
    """Why the patrol should look sooner; '' when it need not, was asked lately, or does not look there at all."""
    if state.get(_CAMERAS, device) is None:
        return ""
    if row["asked_ns"] != NEVER and 0 <= at_ns - row["asked_ns"] < _ASK_AGAIN_NS:
        return ""
    return {Claim.TAMPERED: "tampering_claimed", Claim.OFFLINE: "offline_claimed"}.get(claim, "")


# disagreement


def _look_at(
    state: State, device: str, row: Row, now_ns: int, ticking_since_ns: int, policy: ClaimPolicy
) -> Iterator[Event]:
    lapse_ns = policy.lapse_seconds * NS_PER_S
    said = {
        voice: claim for voice, claim in row["said"].items() if now_ns - max(claim[4], ticking_since_ns) <= lapse_ns
    }
    for voice, (_, _, detail, _, _) in row["said"].items():
        if voice not in said:
            yield _heard(device, now_ns, voice, LAPSED, "not_said_again", detail, NEVER)
    looks, found = _found(state, device, _voices(said))
    still: dict[str, Row] = {}
    for kind in Disagreement:
        voices, was = found.get(kind), row["open"].get(kind.value)
        if voices is None:
            if was is not None and was["told"]:
                yield _agree(device, now_ns, kind, was, looks)
            continue
        if was is None:
            was = {"since_ns": now_ns, "cause": event_id("claims", device, kind, now_ns), "told": False}
        if not was["told"] and now_ns - was["since_ns"] >= policy.hold_seconds * NS_PER_S:
            yield _disagree(device, now_ns, kind, was, looks, voices)
            was = {**was, "told": True}
        still[kind.value] = was
    if not said and not still:
        state.drop(ROOM, device)
    elif len(said) != len(row["said"]) or still != row["open"]:
        state.put(ROOM, device, {**row, "said": said, "open": still})


def _voices(said: Mapping[str, Any]) -> list[_Voice]:
    voices = []
    for voice in sorted(said):
        claim, reason, detail, since_ns, _ = said[voice]
        source, _, aspect = voice.partition(" ")
        voices.append(_Voice(source, aspect.partition(" ")[0], claim, reason, detail, since_ns))
    return voices


def _found(state: State, device: str, voices: list[_Voice]) -> tuple[Looks, dict[Disagreement, list[_Voice]]]:
    """What our looks say, and which disagreements there are now, each with the claims that make it."""
    camera = state.get(_CAMERAS, device)
    looks = _looks(state, device, camera)
    found: dict[Disagreement, list[_Voice]] = {}
    no_media = camera is not None and any(
        _is_confirmed(camera, fault) for fault in (Fault.NO_MEDIA.value, Fault.STALLED.value)
    )
    last_ns = NEVER if camera is None else int(camera["last_look_ns"])
    for voice in voices:
        # A look from before the claim says nothing about it.
        seen = looks if last_ns >= voice.since_ns else Looks.UNKNOWN
        kind = _kind(voice, seen, no_media)
        if voice.claim == Claim.TAMPERED and seen is Looks.REACHABLE and _is_fine(state, device, camera, voice):
            kind = Disagreement.TAMPERING_CLAIMED_BUT_FINE
        if kind is not None:
            found.setdefault(kind, []).append(voice)
    presence = [voice for voice in voices if voice.claim in (Claim.ONLINE, Claim.OFFLINE)]
    if looks is Looks.UNKNOWN and len({voice.claim for voice in presence}) > 1:
        found[Disagreement.SOURCES_CONTRADICT] = presence
    return looks, found


def _kind(voice: _Voice, looks: Looks, no_media: bool) -> Disagreement | None:
    by_catalogue = voice.aspect == "catalogue"
    match voice.claim, looks:
        case Claim.OFFLINE, Looks.REACHABLE:
            return (
                Disagreement.OFFLINE_CLAIMED_BUT_REACHABLE
                if by_catalogue
                else Disagreement.KEEPALIVE_LOST_BUT_REACHABLE
            )
        case Claim.ONLINE, Looks.UNREACHABLE:
            return Disagreement.RECORDER_ONLINE_CHANNEL_DEAD if by_catalogue else Disagreement.ONLINE_BUT_UNREACHABLE
        case Claim.ONLINE, Looks.REACHABLE if no_media:
            return Disagreement.ONLINE_BUT_NO_MEDIA
        case _:
            return None


def _looks(state: State, device: str, camera: Row | None) -> Looks:
    if camera is None or devices.known(state, device)["state"] == DeviceState.UNKNOWN:
        return Looks.UNKNOWN
    if Fault.UNREACHABLE.value not in camera["faults"]:
        return Looks.REACHABLE
    return Looks.UNREACHABLE if _is_confirmed(camera, Fault.UNREACHABLE.value) else Looks.UNKNOWN


def _is_confirmed(camera: Row, fault: str) -> bool:
    row = camera["faults"].get(fault)
    return row is not None and row["phase"] == CONFIRMED


def _is_fine(state: State, device: str, camera: Row | None, voice: _Voice) -> bool:
    """Whether a look since the claim has found in order what it speaks of; the whole picture where it does not say."""
    if camera is None:
        return False
    if voice.detail in _FAULTS:
        return voice.detail not in camera["faults"] and camera["good"].get(voice.detail, NEVER) >= voice.since_ns
    return not camera["faults"] and devices.known(state, device)["state"] == DeviceState.UP


_FAULTS = frozenset(fault.value for fault in Fault)


def _disagree(
    device: str, now_ns: int, disagreement: Disagreement, row: Row, looks: Looks, voices: list[_Voice]
) -> Event:
    data = {
        "kind": disagreement.value,
        "claims": [voice.data() for voice in voices],
        "looks": looks.value,
        "since_ns": row["since_ns"],
    }
    kind = EventKind.SOURCES_DISAGREE
    return Event(event_id(kind, row["cause"]), kind, device, now_ns, row["cause"], data)


def _agree(device: str, now_ns: int, disagreement: Disagreement, row: Row, looks: Looks) -> Event:
    data = {"kind": disagreement.value, "looks": looks.value, "since_ns": row["since_ns"]}
    kind = EventKind.SOURCES_AGREE
    return Event(event_id(kind, row["cause"]), kind, device, now_ns, row["cause"], data)
