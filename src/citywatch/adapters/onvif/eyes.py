"""What the patrol asks of cameras over ONVIF: their clock, their preset, and where their pictures are.

Devices are asked one by one and let go: a fleet of thousands keeps no connection for it. Addresses are remembered for
an hour, and forgotten when a visit there fails.
"""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import parse_qs, urlsplit, urlunsplit

from citywatch.adapters.cameras.answers import VisitFailure, no_media, unchecked, unreachable
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.cameras.credentials import user_and_password
from citywatch.adapters.onvif.access import OnvifAccess
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import VisitReason
from citywatch.errors import OutsideError
from citywatch.ports import Clock, Meter

MOST_REMEMBERED = 20_000
_REMEMBERED_NS = 3600 * NS_PER_S

_UNREACHABLE = {
    "refused": VisitReason.REFUSED,
    "timed_out": VisitReason.TIMED_OUT,
    "name_lookup": VisitReason.NAME_LOOKUP,
    "authentication": VisitReason.AUTHENTICATION,
    "not_supported": VisitReason.PATH_UNKNOWN,
}


class OnvifEyes:
    """Asks devices. Holds the addresses of at most MOST_REMEMBERED cameras; the oldest give way."""

    def __init__(self, clock: Clock, meter: Meter) -> None:
        self._clock = clock
        self._meter = meter
        self._addresses: OrderedDict[str, tuple[int, str, str]] = OrderedDict()
        """Of each camera: when it was asked, its own address then, and what it said."""

    async def device_offset_ns(self, camera: CameraConfig) -> int | None:
        """The device's clock minus ours, nanoseconds; None when it does not tell (counted)."""
        try:
            async with access_of(camera).open() as device:
                return await device.clock_offset_ns(self._clock)
        except (OutsideError, VisitFailure) as error:
            self._count(error)
            return None

    async def preset(self, camera: CameraConfig) -> str | None:
        """The preset at which it stands, "" while it stands at none; None when it does not tell (counted)."""
        try:
            async with access_of(camera).open() as device:
                return await device.preset()
        except (OutsideError, VisitFailure) as error:
            self._count(error)
            return None

    async def media_url(self, camera: CameraConfig) -> str:
        """The address of its stream or snapshot, free of user and password. Raises VisitFailure."""
        own = camera.address().url
        known = self._addresses.get(camera.camera)
        now_ns = self._clock.now_ns()
        if known is not None and known[1] == own and 0 <= now_ns - known[0] < _REMEMBERED_NS:
            return known[2]
        wanted = parse_qs(urlsplit(own).query)
        profile = wanted.get("profile", [""])[-1]
        try:
            async with access_of(camera).open() as device:
                snapshot = wanted.get("look", ["stream"])[-1] == "snapshot"
                url = await (device.snapshot_url(profile) if snapshot else device.stream_url(profile))
        except OutsideError as error:
            self._count(error)
            raise _failure(error, camera.shown_url) from None
        self._addresses[camera.camera] = now_ns, own, url
        self._addresses.move_to_end(camera.camera)
        while len(self._addresses) > MOST_REMEMBERED:
            self._addresses.popitem(last=False)
        return url

    def forget(self, camera: str) -> None:
        """The next visit asks anew: a device may have moved its pictures."""
        self._addresses.pop(camera, None)

    def _count(self, error: OutsideError | VisitFailure) -> None:
        self._meter.count("onvif_failures_total", reason=str(error.reason))


def access_of(camera: CameraConfig) -> OnvifAccess:
    """How to reach a camera's ONVIF side; it has an ONVIF address. Raises VisitFailure for an unreadable secret file.

    The user and password of its pictures hold for both its sides, unless the ONVIF address has its own.
    """
    address = camera.onvif_address()
    if address is None:
        raise ValueError(f"camera {camera.camera} has no ONVIF address")
    username, password = address.username, address.password
    if camera.onvif_url is None or not username:
        username, password = user_and_password(camera, camera.address())
    parts = urlsplit(address.url)
    return OnvifAccess(
        camera=camera.camera,
        url=urlunsplit(parts._replace(query="")),
        username=username,
        password=password,
        tls_verify=camera.tls_verify,
        timeout_s=camera.connect_timeout_seconds,
    )


def _failure(error: OutsideError, shown: str) -> VisitFailure:
    """The word that a visit has for it."""
    words = f"{shown}: ONVIF: {error}"
    if error.reason in _UNREACHABLE:
        return unreachable(_UNREACHABLE[error.reason], words)
    if error.reason == "too_large":
        return no_media(VisitReason.TOO_LARGE, words)
    return unchecked(VisitReason.PROTOCOL, words)
