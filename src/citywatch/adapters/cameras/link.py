"""One RTSP connection: requests out, answers and interleaved packets in, read in gulps (RFC 2326, section 10.12).

A camera sends a few hundred packets a second, and a visit waits for up to a whole key frame interval. Woken for every
packet, a patrol would spend more on waiting than on decoding; so while media flows a timer empties the socket a few
times a second, and packets are handed on where they lie in the buffer.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_MOST_HEAD_BYTES = 16_384
_MOST_BODY_BYTES = 65_536
_MOST_HEADERS = 64
_BUFFER_BYTES = 1 << 17
"""Holds the largest message and the largest interleaved packet (65,539 bytes)."""
GULP_S = 0.25
"""A connection over which media flows is emptied at least so often."""
_SHORTEST_GULP_S = 0.05
_GULP_BYTES = 1 << 16
"""What a gulp should bring: half the buffer, and well below what the system holds for us."""
_RECEIVE_BYTES = 1 << 20
_FIRST_LINE = re.compile(rb"RTSP/1\.\d \d{3}[^\r\n]*|[A-Z_]+ [^\s]+ RTSP/1\.\d")

OnPacket = Callable[[int, bytearray, int, int], None]
"""Channel, buffer, and where in it the packet begins and ends; the bytes are gone when it returns."""


@dataclass(frozen=True, slots=True)
class Message:
    """An answer (status above 0) or a request of the server's own (status 0, `method` says which)."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes
    method: str = ""

    def first(self, name: str) -> str:
        values = self.headers.get(name)
        return values[0] if values else ""


class NotRtsp(Exception):
    """What came is no RTSP; the message says in which way, without quoting it."""


class Ended(Exception):
    """The camera closed or reset the connection."""


class Link:
    """Owns a connected, non-blocking socket; `close` must be called.

    on_packet  is handed every interleaved packet; what it raises, other than by mistake, nobody would hear
    """

    def __init__(self, connected: socket.socket, on_packet: OnPacket) -> None:
        self._socket = connected
        self._on_packet = on_packet
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._was_full = False
        self._gulp_s = _SHORTEST_GULP_S
        self._next: Message | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)

    @property
    def local_host(self) -> str:
        return str(self._socket.getsockname()[0])

    @property
    def peer_host(self) -> str:
        return str(self._socket.getpeername()[0])

    async def send(self, data: bytes) -> None:
        """Raises Ended, OSError."""
        try:
            await self._loop.sock_sendall(self._socket, data)
        except ConnectionError as error:
            raise Ended("reset the connection") from error

    def take(self) -> Message | None:
        """The next whole message; packets before it are handed on. None when more bytes are needed. NotRtsp."""
        if self._next is not None:
            heard, self._next = self._next, None
            return heard
        buffer, at, end = self._buffer, self._start, self._end
        try:
            while at < end:
                mark = buffer[at]
                if mark == 0x24:
                    if end - at < 4:
                        break
                    following = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                    if following > end:
                        break
                    self._on_packet(buffer[at + 1], buffer, at + 4, following)
                    at = following
                elif mark in (0x0D, 0x0A):  # some send an empty line behind a body
                    at += 1
                else:
                    message, at = self._message(at)
                    return message
        finally:
            self._start = at
        return None

    async def fill(self) -> None:
        """Wait for more bytes. Raises Ended, OSError."""
        while not self._poll():
            readable = self._loop.create_future()
            self._loop.add_reader(self._socket.fileno(), _resolve, readable)
            try:
                await readable
            finally:
                self._loop.remove_reader(self._socket.fileno())

    async def listen(self, enough: Callable[[], bool], at_most_s: float, *, always: bool = False) -> None:
        """Hand packets on until `enough` says so, a message has come (`take` has it), or the time is over.

        enough  is asked after every gulp
        always  gulp by the clock even when nothing comes, because `enough` depends on something else, too
        Raises Ended, NotRtsp, OSError.
        """
        over = self._loop.create_future()
        ending = self._loop.call_later(at_most_s, _resolve, over)
        try:
            self._gulp(over, enough, always)
            await over
        finally:
            ending.cancel()
            if self._timer is not None:
                self._timer.cancel()
            self._loop.remove_reader(self._socket.fileno())

    def close(self) -> None:
        self._socket.close()

    # within ------------------------------------------------------------------------------------------------

    def _gulp(self, over: asyncio.Future[None], enough: Callable[[], bool], always: bool) -> None:
        """Empty the socket, then see to it that this is done again. No task is woken for it."""
        if over.done():
            return
        held = self._end - self._start
        try:
            came = self._poll()
            size = self._end - self._start - held
            self._next = self.take()
        except (Ended, NotRtsp, OSError) as error:
            over.set_exception(error)
            return
        if self._next is not None or enough():
            over.set_result(None)
        elif came or always:
            if came:
                wanted_s = self._gulp_s * _GULP_BYTES / size
                self._gulp_s = min(max(wanted_s, _SHORTEST_GULP_S), GULP_S)
            self._again(0.0 if self._was_full else self._gulp_s, over, enough, always)
        else:
            self._loop.add_reader(self._socket.fileno(), self._begun, over, enough, always)

    def _begun(self, over: asyncio.Future[None], enough: Callable[[], bool], always: bool) -> None:
        """Something comes, and more of it will."""
        self._loop.remove_reader(self._socket.fileno())
        self._again(_SHORTEST_GULP_S, over, enough, always)

    def _again(self, after_s: float, over: asyncio.Future[None], enough: Callable[[], bool], always: bool) -> None:
        self._timer = self._loop.call_later(after_s, self._gulp, over, enough, always)

    def _poll(self) -> bool:
        """Take what has come; whether there was anything. Raises Ended, OSError."""
        if self._start > 0:
            rest = self._end - self._start
            self._buffer[:rest] = self._buffer[self._start : self._end]
            self._start, self._end = 0, rest
        space = len(self._buffer) - self._end
        try:
            size = self._socket.recv_into(self._view[self._end :])
        except (BlockingIOError, InterruptedError):
            self._was_full = False
            return False
        except ConnectionError as error:
            raise Ended("reset the connection") from error
        if size == 0:
            raise Ended("closed the connection")
        self._end += size
        self._was_full = size == space
        return True

    def _message(self, start: int) -> tuple[Message | None, int]:
        """The message that begins at `start`, and where the next thing begins; None while it is not whole."""
        lines: list[bytes] = []
        at = start
        while True:
            line_end = self._buffer.find(b"\n", at, self._end)
            if line_end < 0:
                if self._end - start > _MOST_HEAD_BYTES:
                    raise NotRtsp("its answer is no RTSP" if not lines else "its answer has too many headers")
                return None, start
            line = bytes(self._view[at:line_end]).rstrip(b"\r")
            at = line_end + 1
            if not lines and _FIRST_LINE.fullmatch(line) is None:
                raise NotRtsp("its answer is no RTSP")
            if not line:
                break
            lines.append(line)
            if at - start > _MOST_HEAD_BYTES or len(lines) > _MOST_HEADERS:
                raise NotRtsp("its answer has too many headers")
        headers: dict[str, list[str]] = {}
        for header in lines[1:]:
            name, _, value = header.decode("latin-1").partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        length = headers.get("content-length", ["0"])[0]
        if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > _MOST_BODY_BYTES:
            raise NotRtsp("the length of its answer is unbelievable")
        if at + int(length) > self._end:
            return None, start
        body = bytes(self._view[at : at + int(length)])
        words = lines[0].split()
        answer = lines[0].startswith(b"RTSP/")
        status, method = (int(words[1]), "") if answer else (0, words[0].decode("latin-1"))
        return Message(status, headers, body, method), at + int(length)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
