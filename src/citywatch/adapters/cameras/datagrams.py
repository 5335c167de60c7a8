"""A pair of UDP ports for RTP and RTCP, open to one camera alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

_PORT_TRIES = 32
_BUFFER_BYTES = 2 << 20
"""A key frame comes in one burst; the system may grant less."""

OnDatagram = Callable[[bytes], None]


class _Receiver(asyncio.DatagramProtocol):
    """Hands on the datagrams of one sender, at once: nothing is queued."""

    def __init__(self, sender: str, on_datagram: OnDatagram) -> None:
        self._sender = sender
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] == self._sender:
            self._on_datagram(data)


class Knock:
    """A datagram from our port to the camera's opens the way back through an address translation."""

    def __init__(self, media: asyncio.DatagramTransport, peer: str) -> None:
        self._media = media
        self._peer = peer

    def __call__(self, port: int) -> None:
        if 0 < port < 65_536:
            self._media.sendto(b"\x80\x00" + bytes(10), (self._peer, port))


@contextlib.asynccontextmanager
async def udp_ports(
    local: str, peer: str, on_media: OnDatagram, on_control: OnDatagram
) -> AsyncIterator[tuple[int, Knock]]:
    """An even port for RTP and the next one for RTCP, on the address that the camera is reached from. OSError."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as opened:
        for _ in range(_PORT_TRIES):
            media, _protocol = await loop.create_datagram_endpoint(
                lambda: _Receiver(peer, on_media), local_addr=(local, 0)
            )
            port = int(media.get_extra_info("sockname")[1])
            if port % 2 == 0:
                try:
                    control, _protocol2 = await loop.create_datagram_endpoint(
                        lambda: _Receiver(peer, on_control), local_addr=(local, port + 1)
                    )
                except OSError:
                    media.close()
                    continue
                opened.callback(media.close)
                opened.callback(control.close)
                break
            media.close()
        else:
            raise OSError(0, "no pair of UDP ports is free")
        media.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        yield port, Knock(media, peer)
