"""The bytes of one HTTP connection, one after the other: over a plain socket, or over TLS.

Plain is how nearly all cameras speak, and a snapshot is a few hundred kilobytes that come in dozens of packets. Woken
for each of them, and copying what it brought, a patrol spends as much on the fetch as on the glance. So the system is
told how much is awaited (SO_RCVLOWAT, Linux), and the body of an answer comes in one reading, into the bytes that the
decoder is given. TLS is asyncio's own.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from typing import Protocol

BUFFER_BYTES = 1 << 20
MOST_LINE_BYTES = 65_536
_PIECE_BYTES = 1 << 16
"""What is read at once while it is not known how much will come..."""
_HEAD_BYTES = 4096
"""... and while it is lines: behind those of a head stands its body, for which there is a better place."""


class EndlessLine(Exception):
    """More than MOST_LINE_BYTES came without an end of line."""


class ByteStream(Protocol):
    """What both are; for one reader, who closes it."""

    async def send(self, data: bytes) -> None:
        """Raises OSError."""
        ...

    async def line(self) -> bytes:
        """One line with its end. Raises EndlessLine, asyncio.IncompleteReadError, OSError."""
        ...

    async def exactly(self, size: int) -> bytes:
        """Raises asyncio.IncompleteReadError, OSError."""
        ...

    async def some(self) -> bytes:
        """What comes next; empty at the end. Raises OSError."""
        ...

    def close(self) -> None: ...


class PlainStream:
    """Owns a connected, non-blocking socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._ahead = b""
        """Read already, and not yet asked for."""
        self._awaited = 1

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def line(self) -> bytes:
        while (end := self._ahead.find(b"\n") + 1) == 0:
            if len(self._ahead) > MOST_LINE_BYTES:
                raise EndlessLine
            piece = await self._read(_HEAD_BYTES)
            if not piece:
                raise asyncio.IncompleteReadError(self._ahead, None)
            self._ahead += piece
        if end > MOST_LINE_BYTES:
            raise EndlessLine
        return self._taken(end)

    async def exactly(self, size: int) -> bytes:
        pieces = [self._taken(min(size, len(self._ahead)))]
        rest = size - len(pieces[0])
        while rest > 0:
            piece = await self._read(rest, whole=True)
            if not piece:
                raise asyncio.IncompleteReadError(b"".join(pieces), size)
            pieces.append(piece)
            rest -= len(piece)
        return b"".join(pieces)

    async def some(self) -> bytes:
        return self._taken(len(self._ahead)) or await self._read(_PIECE_BYTES)

    def close(self) -> None:
        self._socket.close()

    def _taken(self, size: int) -> bytes:
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    async def _read(self, most: int, *, whole: bool = False) -> bytes:
        """At most so many bytes, empty at the end; `whole`: wait until all of them are there, or a buffer full."""
        self._await_bytes(min(most, BUFFER_BYTES) if whole else 1)
        while True:
            readable = self._loop.create_future()
            self._loop.add_reader(self._socket.fileno(), _resolve, readable)
            try:
                await readable
            finally:
                self._loop.remove_reader(self._socket.fileno())
            try:
                return self._socket.recv(min(most, BUFFER_BYTES))
            except (BlockingIOError, InterruptedError):
                continue

    def _await_bytes(self, number: int) -> None:
        """Be woken when so many bytes have come, or no more will. The system caps it at what it can hold for us."""
        if sys.platform == "linux" and number != self._awaited:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, number)
            self._awaited = number


class TlsStream:
    """The same over TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, connected: socket.socket, tls: ssl.SSLContext, host: str, timeout_s: float) -> TlsStream:
        """Owns the socket from here on, also when it fails. Raises OSError; TimeoutError."""
        try:
            async with asyncio.timeout(timeout_s):
                return cls(
                    *await asyncio.open_connection(sock=connected, limit=BUFFER_BYTES, ssl=tls, server_hostname=host)
                )
        except BaseException:
            connected.close()
            raise

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise EndlessLine from None
        if len(line) > MOST_LINE_BYTES:
            raise EndlessLine
        return line

    async def exactly(self, size: int) -> bytes:
        return await self._reader.readexactly(size)

    async def some(self) -> bytes:
        return await self._reader.read(BUFFER_BYTES)

    def close(self) -> None:
        self._writer.transport.abort()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
