"""Seeded rows of every kind, as a small city would write them: for tests of laws that hold for any rows."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from citywatch.domain.claims import Claim, ClaimBatch
from citywatch.domain.columns import Batch
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.findings import FOUND, FindingBatch, Said, Verifier
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch, ScaleStatus
from citywatch.domain.pictures import FrameBatch, Outcome, VisitReason
from citywatch.domain.pulses import PulseBatch, TickBatch

SCALES = ("st/d1/l1", "st/d1/l2")
CAMERAS = ("cam-1", "cam-2")
OBSERVER = "observer:http"
START_NS = 1_767_225_600 * NS_PER_S
CLAIMS = (
    ("gb28181:1", Claim.ONLINE, "register", ""),
    ("gb28181:1", Claim.OFFLINE, "keepalive_missed", ""),
    ("gb28181:2", Claim.ONLINE, "catalogue", ""),
    ("gb28181:2", Claim.OFFLINE, "catalogue", ""),
    ("gb28181:2", Claim.TAMPERED, "alarm", "black"),
    ("onvif:1", Claim.TAMPERED, "event", "black"),
    ("onvif:1", Claim.OVER, "event", "black"),
    ("onvif:1", Claim.ALARM, "event", "motion"),
)
"""(source, claim, reason, detail): what a day's systems say."""


def passes(rows: list[tuple[str, int, int, list[int]]]) -> PassBatch:
    """(device, at_ns, number, axle weights in kg) -> passes; the same number is the same record. Every seventh has its
    plate covered."""
    count, widest = len(rows), max((len(row[3]) for row in rows), default=0)
    axle_kg = np.zeros((count, widest), np.int32)
    spacing_mm = np.zeros((count, widest), np.int32)
    for i, (_, _, _, axles) in enumerate(rows):
        axle_kg[i, : len(axles)] = axles
        spacing_mm[i, : len(axles) - 1] = 3300
    return PassBatch.of(
        device=tuple(row[0] for row in rows),
        at_ns=np.array([row[1] for row in rows], np.int64),
        received_ns=np.array([row[1] + 1 for row in rows], np.int64),
        digest=np.array([[7, row[2]] for row in rows], np.uint64).reshape(count, 2),
        axle_count=np.array([len(row[3]) for row in rows], np.int16),
        gross_kg=np.array([sum(row[3]) for row in rows], np.int32),
        speed_mps=np.full(count, 20.0),
        length_mm=np.array([3300 * len(row[3]) + 2000 for row in rows], np.int32),
        axle_kg=axle_kg,
        spacing_mm=spacing_mm,
        plate=("",) * count,
        status=np.array([ScaleStatus.PLATE_COVERED if row[2] % 7 == 0 else 0 for row in rows], np.uint32),
    )


def frames(rows: list[tuple[str, int, int, Outcome, float, float]]) -> FrameBatch:
    """(device, at_ns, visit, outcome, mean, changed share) -> visits."""
    count = len(rows)
    seen = np.array([row[3] is Outcome.PICTURE for row in rows])

    def column(values: list[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.where(seen, np.array(values, np.float64), np.nan)

    mean = [row[4] for row in rows]
    return FrameBatch.of(
        device=tuple(row[0] for row in rows),
        at_ns=np.array([row[1] for row in rows], np.int64),
        received_ns=np.array([row[1] + 5 for row in rows], np.int64),
        visit=np.array([row[2] for row in rows], np.int64),
        outcome=np.array([row[3] for row in rows], np.uint8),
        reason=tuple(_reason(row[3]) for row in rows),
        media_ns=np.full(count, -1, np.int64),
        width=np.where(seen, 640, 0).astype(np.int32),
        height=np.where(seen, 360, 0).astype(np.int32),
        mean=column(mean),
        sd=column([50.0 if 20 < value < 230 else 1.0 for value in mean]),
        dark_share=column([0.05 if value > 20 else 0.999 for value in mean]),
        bright_share=column([0.05 if value < 230 else 0.999 for value in mean]),
        laplacian_var=column([900.0] * count),
        sharpness=column([2.5] * count),
        texture_share=column([0.8] * count),
        blockiness=column([1.0] * count),
        changed_share=column([row[5] for row in rows]),
        picture=tuple(f"{row[2]:064x}" if row[3] is Outcome.PICTURE else "" for row in rows),
        previous=tuple(f"{row[2] - 1:064x}" if row[3] is Outcome.PICTURE else "" for row in rows),
        previous_at_ns=np.array([row[1] - 60 * NS_PER_S for row in rows], np.int64),
        cpu_us=np.full(count, 20_000, np.int64),
    )


def _reason(outcome: Outcome) -> str:
    reasons = {
        Outcome.PICTURE: VisitReason.OK,
        Outcome.UNREACHABLE: VisitReason.TIMED_OUT,
        Outcome.NO_MEDIA: VisitReason.NO_FRAMES,
        Outcome.UNCHECKED: VisitReason.DECODER_DIED,
        Outcome.REACHED: VisitReason.OK,
    }
    return reasons[outcome].value


def commands(rows: list[tuple[str, int, str, Verb, str, dict[str, Any]]]) -> CommandBatch:
    """(device, at_ns, command, verb, target, args) -> commands of one operator."""
    return CommandBatch(
        device=tuple(row[0] for row in rows),
        at_ns=np.array([row[1] for row in rows], np.int64),
        command=tuple(row[2] for row in rows),
        verb=tuple(row[3].value for row in rows),
        target=tuple(row[4] for row in rows),
        actor=("operator",) * len(rows),
        args=tuple(json.dumps(row[5]) for row in rows),
    )


def claims(rows: list[tuple[str, int, str, Claim, str, str]]) -> ClaimBatch:
    """(device, at_ns, source, claim, reason, detail) -> claims."""
    return ClaimBatch(
        device=tuple(row[0] for row in rows),
        at_ns=np.array([row[1] for row in rows], np.int64),
        received_ns=np.array([row[1] + 1 for row in rows], np.int64),
        source=tuple(row[2] for row in rows),
        claim=tuple(row[3].value for row in rows),
        reason=tuple(row[4] for row in rows),
        detail=tuple(row[5] for row in rows),
        said_ns=np.full(len(rows), -1, np.int64),
    )


def findings(rows: list[dict[str, Any]]) -> FindingBatch:
    """Findings: `at_ns`, `source` and `key`, and whatever differs from a pothole that a person has reported."""

    def texts(name: str, usual: str) -> tuple[str, ...]:
        return tuple(row.get(name, usual) for row in rows)

    def numbers(name: str, usual: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([row.get(name, usual) for row in rows], np.int64)

    return FindingBatch(
        device=tuple(row.get("device", FOUND + row["source"]) for row in rows),
        at_ns=numbers("at_ns", START_NS),
        received_ns=numbers("at_ns", START_NS) + 1,
        source=texts("source", ""),
        key=texts("key", ""),
        said=np.array([row.get("said", Said.FOUND) for row in rows], np.uint8),
        said_ns=numbers("said_ns", -1),
        until_ns=numbers("until_ns", 0),
        kind=texts("kind", "pothole"),
        severity=texts("severity", "warning"),
        title=texts("title", "Hole in the road"),
        note=texts("note", ""),
        lat=np.array([row.get("lat", float("nan")) for row in rows], np.float64),
        lon=np.array([row.get("lon", float("nan")) for row in rows], np.float64),
        address=texts("address", ""),
        photos=texts("photos", ""),
        labels=tuple(json.dumps(row.get("labels", {})) for row in rows),
        verified_by=tuple(row.get("verified_by", Verifier.SOURCE).value for row in rows),
    )


def pulse(device: str, at_ns: int) -> PulseBatch:
    return PulseBatch((device,), np.array([at_ns], np.int64), (OBSERVER,))


def tick(at_ns: int) -> TickBatch:
    return TickBatch(("clock",), np.array([at_ns], np.int64))


def city_day(seed: int, seconds: int) -> list[Batch]:
    """Batches of one row each: scales with heartbeats and lorries (some over, some repeated), cameras with faults
    that come and go, what other systems claim of them, an observer with gaps, ticks, and registrations.
    Every 53 seconds a camera is removed, wherever
    it stands, put back 5 seconds later, and then API and configuration disagree about it.
    """
    rng = random.Random(seed)  # noqa: S311  (seeded rows, no secret)
    rows: list[Batch] = []
    for scale in SCALES:
        described = {"kind": "scale", "name": scale, "place": "", "heartbeat_s": 2}
        rows.append(commands([(scale, START_NS, f"r-{scale}", Verb.REGISTER_DEVICE, scale, described)]))
    number, last_pass = 0, None
    faulty = dict.fromkeys(CAMERAS, 0)
    visits = dict.fromkeys(CAMERAS, 0)
    deaf_until = silent_until = 0
    for second in range(1, seconds + 1):
        now_ns = START_NS + second * NS_PER_S
        rows.append(tick(now_ns))
        deaf_until = second + rng.randint(6, 12) if rng.random() < 0.02 else deaf_until
        silent_until = second + rng.randint(8, 30) if rng.random() < 0.03 else silent_until
        if second >= deaf_until:
            rows.append(pulse(OBSERVER, now_ns + 1))
        if second >= silent_until and second % 2 == 0:
            rows += [pulse(scale, now_ns + 2) for scale in SCALES]
        if rng.random() < 0.4:
            number += 1
            heaviest = 25_000 if rng.random() < 0.1 else 12_000
            axles = [rng.randint(5_000, heaviest) for _ in range(rng.randint(2, 6))]
            last_pass = passes([(rng.choice(SCALES), now_ns - rng.randint(0, 3) * NS_PER_S, number, axles)])
            rows.append(last_pass)
        if last_pass is not None and rng.random() < 0.1:
            rows.append(last_pass)
        for number_of, camera in enumerate(CAMERAS):
            if second % 53 - number_of in _FLEET_PLAN:
                rows.append(_fleet_command(camera, now_ns, _FLEET_PLAN[second % 53 - number_of]))
            if rng.random() < 0.05:
                source, claim, reason, detail = rng.choice(CLAIMS)
                rows.append(claims([(camera, now_ns + 2, source, claim, reason, detail)]))
            if rng.random() < 0.3:
                faulty[camera] = second + rng.randint(3, 12) if rng.random() < 0.15 else faulty[camera]
                visits[camera] += 1
                bad = second < faulty[camera]
                outcome = rng.choice([Outcome.UNREACHABLE, Outcome.PICTURE]) if bad else Outcome.PICTURE
                mean = 3.0 if bad else 110.0
                rows.append(frames([(camera, now_ns + 3, visits[camera], outcome, mean, rng.random())]))
    return rows


_FLEET_PLAN = {0: "-api", 5: "+api", 8: "+configuration", 11: "+api", 14: "-configuration"}
"""Second of 53 -> who puts (+) or removes (-) the first camera; the second one has its turn a second later."""


def _fleet_command(camera: str, at_ns: int, plan: str) -> CommandBatch:
    args: dict[str, Any] = {"origin": plan[1:]}
    name = f"{plan[0]}-{camera}-{at_ns}"
    if plan[0] == "-":
        return commands([(camera, at_ns, name, Verb.REMOVE_CAMERA, camera, args)])
    args |= {"camera": {"kind": "camera", "url": f"rtsp://192.0.2.1/{camera}", "name": plan}, "sealed": ""}
    return commands([(camera, at_ns, name, Verb.PUT_CAMERA, camera, args)])
