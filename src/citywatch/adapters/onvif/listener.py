"""Tampering that devices notice themselves, by pull point, as claims.

One task per device that is to be listened to. A device that fails is asked again with growing pauses, and its claims
stay as they were: nobody claims anything by being silent.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from citywatch.adapters.onvif.access import OnvifAccess
from citywatch.domain.claims import Claim, ClaimBatch
from citywatch.domain.vocabularies import fault_of_onvif_topic
from citywatch.errors import OutsideError
from citywatch.ports import Clock, Meter
from citywatch.wire.onvif_events import OnvifEvent

if TYPE_CHECKING:
    from citywatch.adapters.onvif.device import OnvifDevice

_log = logging.getLogger(__name__)

MOST_DEVICES = 8192
_LIFETIME_S = 600
_WAIT_S = 30.0
_CALL_S = 45.0
_PAUSES_S = (5.0, 15.0, 60.0, 300.0)

OnClaims = Callable[[ClaimBatch], Awaitable[None]]


class Listeners:
    """Listens to devices, until closed. `on_claims` takes the rows and does not fail."""

    def __init__(self, clock: Clock, on_claims: OnClaims, meter: Meter) -> None:
        self._clock = clock
        self._on_claims = on_claims
        self._meter = meter
        self._tasks: dict[str, tuple[OnvifAccess, asyncio.Task[None]]] = {}

    def put(self, device: OnvifAccess) -> None:
        """Listen to this device from now on; anew when it has changed."""
        known = self._tasks.get(device.camera)
        if known is not None and known[0] == device:
            return
        self.remove(device.camera)
        if len(self._tasks) >= MOST_DEVICES:
            self._meter.count("onvif_listeners_refused_total")
            return
        self._tasks[device.camera] = device, asyncio.create_task(self._listen(device), name=f"onvif {device.camera}")

    def remove(self, camera: str) -> None:
        known = self._tasks.pop(camera, None)
        if known is not None:
            known[1].cancel()

    async def aclose(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, device: OnvifAccess) -> None:
        failures = 0
        while True:
            try:
                async with replace(device, timeout_s=_CALL_S).open() as opened:
                    async for events in _events(opened):
                        failures = 0
                        await self._tell(device.camera, events)
            except OutsideError as error:
                self._meter.count("onvif_failures_total", reason=error.reason)
                if failures == 0:
                    _log.info("camera %s: its ONVIF events: %s", device.camera, error, extra={"camera": device.camera})
            pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
            failures += 1
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (spreads calls, keeps no secret)

    async def _tell(self, camera: str, events: tuple[OnvifEvent, ...]) -> None:
        claims = [claim for event in events if (claim := claim_of(event)) is not None]
        if not claims:
            return
        now_ns, count = self._clock.now_ns(), len(claims)
        await self._on_claims(
            ClaimBatch(
                device=(camera,) * count,
                at_ns=np.full(count, now_ns, np.int64),
                received_ns=np.full(count, now_ns, np.int64),
                source=(f"onvif:{camera}",) * count,
                claim=tuple(claim.value for claim, _, _ in claims),
                reason=("event",) * count,
                detail=tuple(detail for _, detail, _ in claims),
                said_ns=np.array([said_ns for _, _, said_ns in claims], np.int64),
            )
        )


def claim_of(event: OnvifEvent) -> tuple[Claim, str, int] | None:
    """(claim, detail, said_ns) of a notification about the picture; None for all others."""
    fault = fault_of_onvif_topic(event.topic)
    if fault is None or event.active is None:
        return None
    over = not event.active or event.operation == "Deleted"
    return Claim.OVER if over else Claim.TAMPERED, fault.value, event.said_ns


async def _events(device: OnvifDevice) -> AsyncIterator[tuple[OnvifEvent, ...]]:
    """What the device notices, as it notices it, for as long as the subscription holds."""
    loop = asyncio.get_running_loop()
    async with device.pull_point(lifetime_s=_LIFETIME_S) as point:
        renew_at = loop.time() + _LIFETIME_S / 2
        while True:
            yield await point.events(wait_s=_WAIT_S)
            if loop.time() >= renew_at:
                await point.renew()
                renew_at = loop.time() + _LIFETIME_S / 2
