"""What the patrol asks of cameras over ONVIF: their clock, their preset, and where their pictures are.

Devices are asked one by one and let go: a fleet of thousands keeps no connection for it. Addresses are remembered for
an hour, and forgotten when a visit there fails.
"""

from __future__ import annotations

from collections import OrderedDict

from citywatch.adapters.onvif.access import OnvifAccess
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import OutsideError
from citywatch.ports import Clock, Meter

MOST_REMEMBERED = 20_000
_REMEMBERED_NS = 3600 * NS_PER_S


class OnvifEyes:
    """Asks devices. Holds the addresses of at most MOST_REMEMBERED cameras; the oldest give way."""

    def __init__(self, clock: Clock, meter: Meter) -> None:
        self._clock = clock
        self._meter = meter
        self._addresses: OrderedDict[tuple[str, str, str], tuple[int, str]] = OrderedDict()

    async def device_offset_ns(self, access: OnvifAccess) -> int | None:
        """The device's clock minus ours, nanoseconds; None when it does not tell (counted)."""
        try:
            async with access.open() as device:
                return await device.clock_offset_ns(self._clock)
        except OutsideError as error:
            self._meter.count("onvif_failures_total", reason=error.reason)
            return None

    async def preset(self, access: OnvifAccess) -> str | None:
        """The preset at which it stands, "" while it stands at none; None when it does not tell (counted)."""
        try:
            async with access.open() as device:
                return await device.preset()
        except OutsideError as error:
            self._meter.count("onvif_failures_total", reason=error.reason)
            return None

    async def media_url(self, access: OnvifAccess, *, snapshot: bool, profile: str = "") -> str:
        """The address of a profile's stream or snapshot, free of user and password. Raises OutsideError."""
        key = (access.url, "snapshot" if snapshot else "stream", profile)
        known = self._addresses.get(key)
        now_ns = self._clock.now_ns()
        if known is not None and now_ns - known[0] < _REMEMBERED_NS:
            return known[1]
        async with access.open() as device:
            url = await (device.snapshot_url(profile) if snapshot else device.stream_url(profile))
        self._addresses[key] = now_ns, url
        self._addresses.move_to_end(key)
        while len(self._addresses) > MOST_REMEMBERED:
            self._addresses.popitem(last=False)
        return url

    def forget(self, access: OnvifAccess) -> None:
        """The next visit asks anew: a device may have moved its pictures."""
        for key in [key for key in self._addresses if key[0] == access.url]:
            del self._addresses[key]
