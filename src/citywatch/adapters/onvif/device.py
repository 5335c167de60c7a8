"""One ONVIF device: what it is, what time it has, where its pictures are, what it has noticed."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import zeep.exceptions
from onvif.client import ONVIFService
from onvif.exceptions import ONVIFError

from citywatch.adapters.onvif.transport import open_service, open_session
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import DataError, OutsideError
from citywatch.ports import Clock
from citywatch.wire.onvif_events import OnvifEvent, read_event

_MOST_LETTERS = 200
_MOST_PROFILES = 256
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_EVENTS = "http://www.onvif.org/ver10/events/wsdl"
_PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
_MOST_PRESETS = 256
_AT_PRESET = 0.01
"""How far pan, tilt and zoom may each be off a preset's, in ONVIF's own range of -1 to 1 (zoom 0 to 1)."""


@dataclass(frozen=True, slots=True)
class DeviceInformation:
    """What the device says it is."""

    manufacturer: str
    model: str
    firmware: str
    serial: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to see through a device. Addresses without user and password; "" where there is none."""

    token: str
    name: str
    width: int
    height: int
    codec: str
    stream_url: str
    snapshot_url: str


class OnvifDevice:
    """Asks one device; an async context manager. Made by `open_device`.

    Every method raises OutsideError whose `reason` is one of `refused`, `timed_out`, `name_lookup`, `authentication`,
    `too_large`, `protocol_error`, `not_supported`; never with a secret in its words.

    Addresses that the device hands out are used with the host that was configured: devices behind a router name
    hosts that nobody can reach, and a hostile one could have our password sent elsewhere.
    """

    def __init__(
        self, url: str, username: str, password: str, session: aiohttp.ClientSession, timeout_s: float
    ) -> None:
        self._url = url
        self._username = username
        self._password = password
        self._session = session
        self._timeout_s = timeout_s
        self._services: dict[str, ONVIFService] = {}
        self._addresses: dict[str, str] | None = None

    async def clock_offset_ns(self, clock: Clock) -> int:
        """The device's UTC clock minus ours, nanoseconds. It tells whole seconds: good to about a second."""
        service = await self._service("devicemgmt", self._url)
        before_ns = clock.now_ns()
        try:
            answer = await self._call(service.authless_GetSystemDateAndTime())
        except OutsideError as error:
            if error.reason != "authentication":
                raise
            before_ns = clock.now_ns()
            answer = await self._ask(service, "GetSystemDateAndTime")
        after_ns = clock.now_ns()
        told = getattr(answer, "UTCDateTime", None)
        try:
            date, time = told.Date, told.Time  # type: ignore[union-attr]
            seconds = min(time.Second, 59)  # a leap second
            instant = datetime(date.Year, date.Month, date.Day, time.Hour, time.Minute, seconds, tzinfo=UTC)
        except (AttributeError, TypeError, ValueError):
            raise OutsideError("protocol_error", "the device tells no date and time", retry=False) from None
        # Cut to whole seconds by the device: half a second later in the mean.
        told_ns = int(instant.timestamp()) * NS_PER_S + NS_PER_S // 2
        return told_ns - (before_ns + after_ns) // 2

    async def information(self) -> DeviceInformation:
        service = await self._service("devicemgmt", self._url)
        answer = await self._ask(service, "GetDeviceInformation")
        words = (_word(answer, name) for name in ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber"))
        return DeviceInformation(*words)

    async def profiles(self, *, addresses: bool = True) -> tuple[Profile, ...]:
        """The device's media profiles; with `addresses` each with its stream and snapshot address."""
        media = await self._service("media", (await self._service_addresses()).get(_MEDIA, self._url))
        answer = await self._ask(media, "GetProfiles")
        found = []
        for profile in (answer or [])[:_MOST_PROFILES]:
            token = _word(profile, "token")
            encoder = getattr(profile, "VideoEncoderConfiguration", None)
            size = getattr(encoder, "Resolution", None)
            found.append(
                Profile(
                    token=token,
                    name=_word(profile, "Name"),
                    width=int(getattr(size, "Width", 0) or 0),
                    height=int(getattr(size, "Height", 0) or 0),
                    codec=_word(encoder, "Encoding"),
                    stream_url=await self._stream_url(media, token) if addresses else "",
                    snapshot_url=await self._snapshot_url(media, token) if addresses else "",
                )
            )
        return tuple(found)

    async def stream_url(self, token: str = "") -> str:
        """The RTSP address of a profile; of the first one without a token."""
        media = await self._service("media", (await self._service_addresses()).get(_MEDIA, self._url))
        return await self._stream_url(media, token or await self._first_profile(media))

    async def snapshot_url(self, token: str = "") -> str:
        """The HTTP address of a profile's snapshot; `not_supported` when the device has none."""
        media = await self._service("media", (await self._service_addresses()).get(_MEDIA, self._url))
        url = await self._snapshot_url(media, token or await self._first_profile(media))
        if not url:
            raise OutsideError("not_supported", "the device offers no snapshots", retry=False)
        return url

    async def preset(self, token: str = "") -> str:
        """The name of the preset at which a PTZ camera stands; "" while it moves or stands anywhere else.

        ONVIF tells positions, not presets: it is the one whose position this is.
        """
        addresses = await self._service_addresses()
        if _PTZ not in addresses:
            raise OutsideError("not_supported", "the device cannot be turned", retry=False)
        media = await self._service("media", addresses.get(_MEDIA, self._url))
        ptz = await self._service("ptz", addresses[_PTZ])
        profile = {"ProfileToken": token or await self._first_profile(media)}
        status = await self._ask(ptz, "GetStatus", profile)
        moving = getattr(status, "MoveStatus", None)
        if "MOVING" in (_word(moving, "PanTilt"), _word(moving, "Zoom")):
            return ""
        position = _position(getattr(status, "Position", None))
        presets = await self._ask(ptz, "GetPresets", profile) or []
        return next(
            (
                _word(preset, "Name")
                for preset in presets[:_MOST_PRESETS]
                if _same(_position(getattr(preset, "PTZPosition", None)), position)
            ),
            "",
        )

    @asynccontextmanager
    async def pull_point(self, *, lifetime_s: int = 600) -> AsyncIterator[PullPoint]:
        """A subscription to the device's events, given back at the end. It must be renewed within `lifetime_s`."""
        address = (await self._service_addresses()).get(_EVENTS)
        if address is None:
            raise OutsideError("not_supported", "the device offers no events", retry=False)
        events = await self._service("events", address)
        wanted = {"InitialTerminationTime": timedelta(seconds=lifetime_s)}
        answer = await self._ask(events, "CreatePullPointSubscription", wanted)
        reference = _word(getattr(answer, "SubscriptionReference", None), "Address")
        if not reference:
            raise OutsideError("protocol_error", "the device gives no address for its events", retry=False)
        place = self._ours(reference)
        pull = await self._service("pullpoint", place)
        manage = await self._service("subscription", place)
        point = PullPoint(self, pull, manage, lifetime_s)
        try:
            yield point
        finally:
            for name in ("pullpoint", "subscription"):
                self._services.pop(name, None)
            with contextlib.suppress(OutsideError):  # it ends by itself when nobody renews it
                await self._ask(manage, "Unsubscribe")

    async def _first_profile(self, media: ONVIFService) -> str:
        profiles = await self._ask(media, "GetProfiles")
        if not profiles:
            raise OutsideError("not_supported", "the device has no media profile", retry=False)
        return _word(profiles[0], "token")

    async def _stream_url(self, media: ONVIFService, token: str) -> str:
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        answer = await self._ask(media, "GetStreamUri", {"StreamSetup": setup, "ProfileToken": token})
        return self._ours(_word(answer, "Uri", letters=2048), "rtsp")

    async def _snapshot_url(self, media: ONVIFService, token: str) -> str:
        try:
            answer = await self._ask(media, "GetSnapshotUri", {"ProfileToken": token})
        except OutsideError as error:
            if error.reason != "not_supported":
                raise
            return ""
        url = _word(answer, "Uri", letters=2048)
        return self._ours(url) if url else ""

    async def _service_addresses(self) -> dict[str, str]:
        """Namespace -> address of each service, asked once."""
        if self._addresses is None:
            service = await self._service("devicemgmt", self._url)
            found: dict[str, str] = {}
            try:
                for item in await self._ask(service, "GetServices", {"IncludeCapability": False}) or []:
                    found[_word(item, "Namespace")] = self._ours(_word(item, "XAddr"))
            except OutsideError as error:
                if error.reason != "not_supported":
                    raise
                answer = await self._ask(service, "GetCapabilities", {"Category": "All"})
                for name, namespace in (("Media", _MEDIA), ("Events", _EVENTS)):
                    address = _word(getattr(answer, name, None), "XAddr")
                    if address:
                        found[namespace] = self._ours(address)
            self._addresses = found
        return self._addresses

    async def _service(self, name: str, address: str) -> ONVIFService:
        if name not in self._services:
            self._services[name] = await open_service(self._session, name, address, self._username, self._password)
        return self._services[name]

    def _ours(self, address: str, *schemes: str) -> str:
        """An address that the device handed out, with the configured host in it and without user and password."""
        try:
            parts, own = urlsplit(address), urlsplit(self._url)
            port = parts.port
        except ValueError:
            raise OutsideError("protocol_error", "the device hands out an address that is none", retry=False) from None
        if parts.scheme not in (schemes or ("http", "https")):
            raise OutsideError("protocol_error", "the device hands out an address of another kind", retry=False)
        if own.scheme == "https" and parts.scheme == "http":
            port = None if port in (None, 80) else port
            parts = parts._replace(scheme="https") if port is None else parts
            port = own.port if port is None else port
        host = own.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        netloc = shown if port is None else f"{shown}:{port}"
        return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))

    async def _ask(self, service: ONVIFService, name: str, params: dict[str, Any] | None = None) -> Any:
        """Call an operation: with WS-Security where we have a user, without it where we have none."""
        operation = getattr(service, name if self._username else f"authless_{name}")
        return await self._call(operation(params))

    async def _call(self, answer: Awaitable[Any]) -> Any:
        """Await a call of the library; its many errors in our few words."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except zeep.exceptions.Fault as fault:
            raise _of_fault(fault) from None
        except aiohttp.ClientConnectorDNSError:
            raise OutsideError("name_lookup", "the host name cannot be resolved", retry=True) from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError):
            words = "its certificate is not accepted; see the option tls_verify"
            raise OutsideError("protocol_error", words, retry=False) from None
        except TimeoutError:
            raise OutsideError("timed_out", "no answer in time", retry=True) from None
        except aiohttp.ClientConnectorError:
            raise OutsideError("refused", "the connection was refused", retry=True) from None
        except aiohttp.ClientPayloadError as error:
            raise OutsideError("too_large", str(error)[:_MOST_LETTERS], retry=False) from None
        except zeep.exceptions.TransportError as error:
            if error.status_code in (401, 403):
                raise OutsideError("authentication", "user or password are not accepted", retry=False) from None
            raise OutsideError("protocol_error", f"answered with status {error.status_code}", retry=True) from None
        except (aiohttp.ClientError, zeep.exceptions.Error, ONVIFError, OSError, DataError) as error:
            raise OutsideError("protocol_error", f"no sound answer ({type(error).__name__})", retry=True) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # What the library does with XML that is well formed and means nothing.
            raise OutsideError("protocol_error", f"no sound answer ({type(error).__name__})", retry=False) from None


class PullPoint:
    """A subscription that is asked for what is new."""

    def __init__(self, device: OnvifDevice, pull: ONVIFService, manage: ONVIFService, lifetime_s: int) -> None:
        self._device = device
        self._pull = pull
        self._manage = manage
        self._lifetime_s = lifetime_s

    async def events(self, *, wait_s: float, most: int = 100) -> tuple[OnvifEvent, ...]:
        """What the device noticed since the last call; waits up to `wait_s` for it. Unreadable ones are left out."""
        wanted = {"Timeout": timedelta(seconds=wait_s), "MessageLimit": most}
        answer = await self._device._ask(self._pull, "PullMessages", wanted)
        found = []
        for message in (getattr(answer, "NotificationMessage", None) or [])[:most]:
            try:
                found.append(_read(message))
            except (AttributeError, TypeError, DataError):
                continue
        return tuple(found)

    async def renew(self) -> None:
        """Another lifetime from now on."""
        await self._device._ask(self._manage, "Renew", {"TerminationTime": timedelta(seconds=self._lifetime_s)})


@asynccontextmanager
async def open_device(
    url: str, username: str = "", password: str = "", *, tls_verify: bool = True, timeout_s: float = 10.0
) -> AsyncIterator[OnvifDevice]:
    """A device at the address of its device service, such as http://10.0.0.5/onvif/device_service."""
    async with open_session(username, password, tls_verify=tls_verify, timeout_s=timeout_s) as session:
        yield OnvifDevice(url, username, password, session, timeout_s)


def _of_fault(fault: zeep.exceptions.Fault) -> OutsideError:
    """Devices name the same trouble in many ways: by subcode, by text, by both."""
    codes = " ".join(str(getattr(code, "localname", code)) for code in [fault.code, *(fault.subcodes or [])])
    text = f"{codes} {fault.message}".lower()
    if any(word in text for word in ("notauthorized", "not authorized", "unauthorized", "failedauthentication")):
        return OutsideError("authentication", "user or password are not accepted", retry=False)
    if any(word in text for word in ("actionnotsupported", "not supported", "notsupported", "not implemented")):
        return OutsideError("not_supported", "the device does not offer this", retry=False)
    return OutsideError("protocol_error", "the device refuses the request", retry=False)


def _position(place: Any) -> tuple[float | None, ...]:
    """Pan, tilt and zoom; None for what a device does not tell."""
    turned, zoomed = getattr(place, "PanTilt", None), getattr(place, "Zoom", None)
    told = (getattr(turned, "x", None), getattr(turned, "y", None), getattr(zoomed, "x", None))
    return tuple(None if value is None else float(value) for value in told)


def _same(one: tuple[float | None, ...], other: tuple[float | None, ...]) -> bool:
    """Whether two positions are one: at least one axis is told by both, and none of those differs."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    return bool(pairs) and all(abs(a - b) <= _AT_PRESET for a, b in pairs)


def _read(message: Any) -> OnvifEvent:
    """A notification as the library hands it over; what it could not make sense of lacks the attributes."""
    content = message.Message._value_1
    items = content.Data.SimpleItem if content.Data is not None else []
    said = content.UtcTime if isinstance(content.UtcTime, datetime) else None
    data = [(str(item.Name), str(item.Value)) for item in items]
    return read_event(str(message.Topic._value_1), str(content.PropertyOperation or ""), data, said)


def _word(thing: Any, name: str, *, letters: int = _MOST_LETTERS) -> str:
    """An attribute as text; "" where it is missing. Addresses come wrapped by WS-Addressing."""
    value = getattr(thing, name, None)
    value = getattr(value, "_value_1", value)
    text = "" if value is None else str(value)
    return "".join(letter for letter in text if letter.isprintable()).strip()[:letters]
