"""Claims on their way to the log: only changes, and what has not changed once in a while.

Rows wait here while the log takes none. When too many wait the oldest give way, counted; the refresh says them again.
"""

from __future__ import annotations

import json
from collections import deque

import numpy as np

from citywatch.domain.claims import Claim, ClaimBatch
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.devices import Device
from citywatch.ports import Meter

MOST_ROWS = 65_536
MOST_IN_BATCH = 4_096
MOST_DETAIL = 200

_Row = tuple[str, int, str, str, str, str, int]


class Outbox:
    """Rows that wait for the log, oldest first."""

    def __init__(self, meter: Meter, most: int = MOST_ROWS) -> None:
        self._meter = meter
        self._claims: deque[_Row] = deque()
        self._gone = 0
        self._described: dict[str, tuple[int, Device]] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._claims) + len(self._described)

    def say(
        self, device: str, at_ns: int, source: str, claim: Claim, reason: str, detail: str = "", said_ns: int = -1
    ) -> None:
        """One claim. Counted by its word."""
        self._claims.append((device, at_ns, source, claim.value, reason, detail[:MOST_DETAIL], said_ns))
        self._meter.count("registrar_claims_total", claim=claim.value)
        if len(self._claims) > self._most:
            self._claims.popleft()
            self._gone += 1
            self._meter.count("registrar_dropped_total", reason="claims_waiting")

    def describe(self, device: Device, at_ns: int) -> None:
        """What a catalogue calls a device; the newest word of each counts."""
        if device.device in self._described or len(self._described) < self._most:
            self._described[device.device] = (at_ns, device)

    def descriptions(self) -> CommandBatch | None:
        """Up to MOST_IN_BATCH descriptions as commands, without taking them out."""
        rows = list(self._described.values())[:MOST_IN_BATCH]
        if not rows:
            return None
        count = len(rows)
        return CommandBatch.of(
            device=tuple(device.device for _, device in rows),
            at_ns=np.array([at_ns for at_ns, _ in rows], np.int64),
            command=("",) * count,
            verb=(Verb.REGISTER_DEVICE.value,) * count,
            target=tuple(device.device for _, device in rows),
            actor=("registrar",) * count,
            args=tuple(_described(device) for _, device in rows),
        )

    def claims(self, now_ns: int) -> tuple[ClaimBatch, int] | None:
        """Up to MOST_IN_BATCH claims, oldest first, without taking them out; and what told_claims wants to hear."""
        rows = [self._claims[i] for i in range(min(len(self._claims), MOST_IN_BATCH))]
        if not rows:
            return None
        device, at_ns, source, claim, reason, detail, said_ns = zip(*rows, strict=True)
        batch = ClaimBatch(
            device=device,
            at_ns=np.array(at_ns, np.int64),
            received_ns=np.full(len(rows), now_ns, np.int64),
            source=source,
            claim=claim,
            reason=reason,
            detail=detail,
            said_ns=np.array(said_ns, np.int64),
        )
        return batch, self._gone + len(rows)

    def told_claims(self, until: int) -> None:
        """Those of a batch are in the log. Some may have given way in the meantime."""
        while self._gone < until:
            self._claims.popleft()
            self._gone += 1

    def told_descriptions(self, batch: CommandBatch) -> None:
        for name, at_ns in zip(batch.device, batch.at_ns.tolist(), strict=True):
            known = self._described.get(name)
            if known is not None and known[0] == at_ns:
                del self._described[name]


def _described(device: Device) -> str:
    fields = {
        "kind": device.kind.value,
        "name": device.name,
        "place": device.place,
        "heartbeat_s": device.heartbeat_s,
        "parent": device.parent,
        "site": device.site,
    }
    return json.dumps(fields, ensure_ascii=False)
