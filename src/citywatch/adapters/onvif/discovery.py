"""WS-Discovery on demand: one probe, and whoever answers within a few seconds."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Sequence

from citywatch.errors import ConfigurationError, DataError, OutsideError
from citywatch.wire import ws_discovery
from citywatch.wire.ws_discovery import Discovered

MOST_DEVICES = 4096
_REPEATS = (0.0, 0.5, 1.0)
"""Seconds after which the probe is sent (again): datagrams get lost, and devices that know the id answer once."""


async def discover(
    *,
    wait_s: float = 3.0,
    interface: str = "",
    targets: Sequence[str] = (),
    port: int = ws_discovery.PORT,
) -> tuple[Discovered, ...]:
    """Devices that answer within `wait_s`, each once, by endpoint.

    interface  IPv4 address of the network interface to ask on; the system's choice without one
    targets    hosts to ask directly instead of all: a multicast does not cross routers
    Raises ConfigurationError for an interface that is not ours, OutsideError when nothing can be sent.
    """
    message = f"urn:uuid:{uuid.uuid4()}"
    loop = asyncio.get_running_loop()
    ear = _Ear(message)
    transport, _ = await loop.create_datagram_endpoint(lambda: ear, sock=_socket(interface))
    try:
        for pause_s in _REPEATS:
            await asyncio.sleep(min(pause_s, wait_s))
            for target in targets or (ws_discovery.GROUP,):
                transport.sendto(ws_discovery.probe(message), (target, port))
        await asyncio.sleep(max(wait_s - sum(_REPEATS), 0.0))
    finally:
        transport.close()
    if ear.error is not None and not ear.found:
        raise OutsideError("host_unreachable", f"discovery: {ear.error.strerror}", retry=True)
    return tuple(sorted(ear.found.values(), key=lambda device: (device.endpoint, device.addresses)))


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, message: str) -> None:
        self.found: dict[tuple[str, tuple[str, ...]], Discovered] = {}
        self.error: OSError | None = None
        self._message = message

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self.found) >= MOST_DEVICES:
            return
        try:
            devices = ws_discovery.read_matches(data, self._message)
        except DataError:
            return  # anybody may send anything to an open port
        for device in devices:
            self.found.setdefault((device.endpoint, device.addresses), device)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self.error = exc


def _socket(interface: str) -> socket.socket:
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.setblocking(False)
    try:
        if interface:
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        own.bind((interface, 0))
    except OSError as error:
        own.close()
        raise ConfigurationError(
            f"discovery: {interface or 'this machine'}: {error.strerror or error}; name an IPv4 address of this machine"
        ) from None
    return own
