"""The rows of a scripted day, but for looks (looks.py): what doors, scales, people and other systems write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from citywatch.app.checks.script import DeviceSpec, Fields, FindingSpec, PassReading, moment_ns
from citywatch.domain.claims import Claim, ClaimBatch
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.events import event_id
from citywatch.domain.findings import FOUND, FindingBatch, Said
from citywatch.domain.passes import PassBatch
from citywatch.domain.pulses import PulseBatch

_USUAL_SPACING_MM = 3_300
_OVERHANG_MM = 2_000


def heartbeats(devices: Sequence[str], at_ns: int, observer: str) -> PulseBatch:
    return PulseBatch(tuple(devices), np.full(len(devices), at_ns, np.int64), (observer,) * len(devices))


def listening(observer_seconds: Sequence[tuple[str, int]]) -> PulseBatch:
    """(observer, instant in ns): the heartbeats of our own doors."""
    names = tuple(name for name, _ in observer_seconds)
    return PulseBatch(names, np.array([at_ns for _, at_ns in observer_seconds], np.int64), names)


def vehicle(reading: PassReading, at_ns: int, number: int) -> PassBatch:
    """One pass; `number` tells equal ones apart."""
    axles = reading.axles_kg
    spacings = reading.spacings_mm or (_USUAL_SPACING_MM,) * (len(axles) - 1)
    digest = int(event_id("scripted pass", reading.passes, at_ns, number), 16)
    return PassBatch.of(
        device=(reading.passes,),
        at_ns=np.array([at_ns], np.int64),
        received_ns=np.array([at_ns], np.int64),
        digest=np.array([[digest >> 64, digest & (2**64 - 1)]], np.uint64),
        axle_count=np.array([len(axles)], np.int16),
        gross_kg=np.array([sum(axles)], np.int32),
        speed_mps=np.array([reading.speed_kmh / 3.6]),
        length_mm=np.array([reading.length_mm or sum(spacings) + _OVERHANG_MM], np.int32),
        axle_kg=np.array([axles], np.int32),
        spacing_mm=np.array([[*spacings, 0]], np.int32),
        plate=(reading.plate,),
    )


def found(said: FindingSpec, at_ns: int) -> FindingBatch:
    return FindingBatch.of(
        device=(said.device or f"{FOUND}{said.source}",),
        at_ns=np.array([at_ns], np.int64),
        received_ns=np.array([at_ns], np.int64),
        source=(said.source,),
        key=(said.key,),
        said=np.array([Said[said.said.upper()]], np.uint8),
        said_ns=np.array([-1], np.int64),
        until_ns=np.array([0], np.int64),
        kind=(said.kind,),
        severity=(said.severity.value,),
        title=(said.title,),
        note=(said.note,),
        lat=np.array([math.nan]),
        lon=np.array([math.nan]),
        address=(said.address,),
        photos=("",),
        labels=(json.dumps(said.labels, ensure_ascii=False),),
        verified_by=(said.verified_by.value,),
    )


def claims(devices: Sequence[str], at_ns: int, source: str, says: Claim, reason: str, detail: str) -> ClaimBatch:
    count = len(devices)
    return ClaimBatch(
        device=tuple(devices),
        at_ns=np.full(count, at_ns, np.int64),
        received_ns=np.full(count, at_ns, np.int64),
        source=(source,) * count,
        claim=(says.value,) * count,
        reason=(reason,) * count,
        detail=(detail,) * count,
        said_ns=np.full(count, -1, np.int64),
    )


def commands(
    rows: Sequence[tuple[str, Verb, str, Mapping[str, Any]]], at_ns: int, actor: str, key: str
) -> CommandBatch:
    """(device, verb, target, args) of one person at one instant; an empty `key` asks for no answer."""
    return CommandBatch(
        device=tuple(device for device, _, _, _ in rows),
        at_ns=np.full(len(rows), at_ns, np.int64),
        command=tuple(event_id("scripted command", key, number) if key else "" for number in range(len(rows))),
        verb=tuple(verb.value for _, verb, _, _ in rows),
        target=tuple(target for _, _, target, _ in rows),
        actor=(actor,) * len(rows),
        args=tuple(json.dumps(args, ensure_ascii=False) for _, _, _, args in rows),
    )


def registrations(specs: Sequence[DeviceSpec], at_ns: int) -> CommandBatch:
    """The devices of a test."""
    rows = [
        (
            name,
            Verb.REGISTER_DEVICE,
            name,
            {
                "kind": spec.kind.value,
                "name": spec.name,
                "place": spec.place,
                "heartbeat_s": spec.heartbeat_seconds,
                "parent": spec.parent,
                "site": spec.site,
            },
        )
        for spec in specs
        for name in spec.device
    ]
    return commands(rows, at_ns, "script", "")


def with_instants(args: Fields, start_ns: int) -> Fields:
    """Moments of the test under keys that end with `_at` become instants under keys that end with `_ns`."""
    found: Fields = {}
    for name, value in args.items():
        if name.endswith("_at"):
            found[f"{name.removesuffix('_at')}_ns"] = start_ns + moment_ns(value)
        else:
            found[name] = with_instants(value, start_ns) if isinstance(value, dict) else value
    return found
