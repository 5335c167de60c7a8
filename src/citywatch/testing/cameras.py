"""Cameras for tests, on free ports of this machine: an HTTP camera with snapshots, and servers that misbehave."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class TcpServer:
    """Serves one handler; an async context manager. Its handlers are cancelled at the end."""

    def __init__(self, handler: Handler, scheme: str = "rtsp") -> None:
        self._handler = handler
        self._scheme = scheme
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> TcpServer:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, path: str = "live", credentials: str = "") -> str:
        return f"{self._scheme}://{credentials}127.0.0.1:{self.port}/{path}"

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()  # ours or theirs: nobody listens any more
        finally:
            writer.close()
            if task is not None:
                self._tasks.discard(task)


def silent(scheme: str = "rtsp") -> TcpServer:
    """Accepts and never says a word."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass

    return TcpServer(handle, scheme)


def hanging_up(scheme: str = "rtsp") -> TcpServer:
    """Accepts and closes at once."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return None

    return TcpServer(handle, scheme)


def saying(content: bytes, scheme: str = "rtsp") -> TcpServer:
    """Answers the first words of anybody with the same bytes, then waits."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(content)
        await writer.drain()
        while await reader.read(4096):
            pass

    return TcpServer(handle, scheme)


def rtsp_script(*answers: bytes) -> TcpServer:
    """Answers the requests of a connection one by one, `{cseq}` filled in, then waits."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            request = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"CSeq: (\d+)", request)
            writer.write(answer.replace(b"{cseq}", found.group(1) if found else b"0"))
            await writer.drain()
        while await reader.read(4096):
            pass

    return TcpServer(handle)


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port on which a connection is never completed: its queue of waiting connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        try:
            while True:
                caller = socket.socket()
                waiting.append(caller)
                caller.settimeout(0.3)
                caller.connect(("127.0.0.1", port))
        except TimeoutError:
            yield port
        finally:
            for caller in waiting:
                caller.close()


class SnapshotServer(TcpServer):
    """An HTTP camera. `pictures` by path are sent as they are; other paths:

    /slow      headers, and then nothing more
    /huge      claims and sends more bytes than anybody wants
    /endless   sends without a length and without an end
    /error     status 500; /moved redirects to /picture.jpg of another host name
    With `username`, every path asks for user and password: Basic, Digest (MD5 or SHA-256); a nonce is good for
    `nonce_uses` requests, and `says_stale` of one that was good.
    `requests` holds the request heads that came.
    """

    def __init__(
        self,
        pictures: dict[str, bytes],
        *,
        username: str = "",
        password: str = "",
        authentication: Literal["basic", "digest", "digest-sha-256"] = "basic",
        nonce_uses: int = 1_000_000,
        says_stale: bool = True,
    ) -> None:
        super().__init__(self._answer, "http")
        self._pictures = pictures
        self._username, self._password = username, password
        self._authentication = authentication
        self._nonce = secrets.token_hex(8)
        self._nonce_uses, self._says_stale = nonce_uses, says_stale
        self._used = 0
        self.requests: list[str] = []

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.requests.append(request)
        method, target, _ = request.split(" ", 2)
        if self._username and not self._may(method, request):
            old = self._used >= self._nonce_uses
            if old:
                self._nonce, self._used = secrets.token_hex(8), 0
            stale = ', stale="true"' if old and self._says_stale else ""
            _send(writer, 401, b"", f"WWW-Authenticate: {self._challenge()}{stale}")
            return
        path = target.partition("?")[0].lstrip("/")
        if path in self._pictures:
            _send(writer, 200, self._pictures[path], "Content-Type: image/jpeg")
        elif path == "slow":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\xff\xd8\xff")
            while await reader.read(4096):
                pass
        elif path in ("huge", "endless"):
            length = b"Content-Length: 4000000000\r\n" if path == "huge" else b""
            writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"Connection: close\r\n\r\n\xff\xd8\xff\xe0")
            while True:
                writer.write(bytes(65_536))
                await writer.drain()
        elif path == "moved":
            _send(writer, 302, b"", f"Location: http://localhost:{self.port}/picture.jpg")
        elif path == "error":
            _send(writer, 500, b"")
        else:
            _send(writer, 404, b"no such page")
        await writer.drain()

    def _challenge(self) -> str:
        if self._authentication == "basic":
            return 'Basic realm="camera"'
        algorithm = ', algorithm="SHA-256"' if self._authentication.endswith("256") else ""
        return f'Digest realm="camera", nonce="{self._nonce}", qop="auth", opaque="x"{algorithm}'

    def _may(self, method: str, request: str) -> bool:
        given = re.search(r"(?im)^authorization: (.*?)\r?$", request)
        if given is None:
            return False
        if self._authentication == "basic":
            expected = base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
            return given.group(1) == f"Basic {expected}"
        parts = dict(re.findall(r'(\w+)="?([^",]*)"?', given.group(1)))
        hashed = hashlib.sha256 if self._authentication.endswith("256") else hashlib.md5

        def digest(text: str) -> str:
            return hashed(text.encode(), usedforsecurity=False).hexdigest()

        secret = digest(f"{self._username}:camera:{self._password}")
        question = digest(f"{method}:{request.split(' ', 2)[1]}")
        expected = digest(f"{secret}:{self._nonce}:{parts['nc']}:{parts['cnonce']}:auth:{question}")
        if parts.get("response") != expected or self._used >= self._nonce_uses:
            return False
        self._used += 1
        return True


def _send(writer: asyncio.StreamWriter, status: int, content: bytes, header: str = "") -> None:
    head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n"
    writer.write((head + (header + "\r\n" if header else "") + "\r\n").encode() + content)
