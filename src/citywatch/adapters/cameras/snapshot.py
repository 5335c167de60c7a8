"""Snapshots over HTTP/1.1 (RFC 9112): one GET, answered directly with one still picture.

A visit is one connection and one picture, so a general client's pools, cookies, redirects and proxies are only in the
way, and cost more than the rest of the visit. A camera that answers with an endless row of pictures
(multipart/x-mixed-replace) is asked for the first of them.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from citywatch.adapters.cameras.addresses import Address, redact
from citywatch.adapters.cameras.answers import STILL_MAGIC, Still, VisitFailure, connect_failure, no_media, unreachable
from citywatch.adapters.cameras.byte_streams import ByteStream, EndlessLine, PlainStream, TlsStream
from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.cameras.dialling import Dialler
from citywatch.adapters.cameras.ways_in import WaysIn
from citywatch.domain.pictures import VisitReason

_MOST_HEAD_BYTES = 65_536
_MOST_HEADERS = 100
_MOST_REFUSAL_BYTES = 65_536
"""So much of a 401 is read, so that the answer to it can go over the same connection."""
_MAGIC_BYTES = 16
_AT_ONCE_BYTES = 1 << 20
"""A body of no more is read whole and then looked at; of a larger one the beginning is seen first."""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_UNRESERVED = "%/:=&?~#+!$,;'@()*[]"


class _NotHttp(Exception):
    """What came is no sound HTTP; the message says in which way, without quoting it."""


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    headers: Mapping[str, list[str]]

    def first(self, name: str) -> str:
        values = self.headers.get(name)
        return values[0].strip() if values else ""

    @property
    def length(self) -> int | None:
        """Bytes of the body as they are told; None where they are not. Raises _NotHttp."""
        told = self.first("content-length")
        if not told or "chunked" in self.first("transfer-encoding").lower():
            return None
        if not (told.isascii() and told.isdigit() and len(told) < 16):
            raise _NotHttp("its length is unbelievable")
        return int(told)


class SnapshotClient:
    """Fetches snapshots for all cameras of a patrol. Keeps no cookies and no connections, but how it was let
    in; follows no redirects."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        self._tls: dict[bool, ssl.SSLContext] = {}
        self._ways = WaysIn()

    async def fetch(
        self,
        address: Address,
        credentials: Credentials,
        *,
        tls_verify: bool,
        connect_timeout_s: float,
        media_timeout_s: float,
        most_bytes: int,
    ) -> Still:
        """One picture's bytes. Raises VisitFailure:

        unreachable (name_lookup, refused, timed_out, host_unreachable, authentication, path_unknown), no_media (
        not_a_picture, too_large; no_frames: no whole answer in time; protocol_error: no HTTP, or another status).
        """
        shown = redact(address.url)
        tls = self._context(tls_verify) if address.url.startswith("https:") else None
        connection: _Connection | None = None
        try:
            connection = await self._connected(address, tls, connect_timeout_s, shown)
            async with asyncio.timeout(media_timeout_s):
                credentials.way = ahead = self._ways.way(address.host, address.port)
                head = await connection.get(credentials.header("GET", connection.target))
                for again in (False, True):
                    challenges = head.headers.get("www-authenticate", [])
                    if head.status != 401 or not credentials.accept(challenges, again=again):
                        break
                    if not await connection.skip_body(head):
                        connection.close()
                        connection = await self._connected(address, tls, connect_timeout_s, shown)
                    head = await connection.get(credentials.header("GET", connection.target))
                if head.status == 401:
                    self._ways.kept_out(address.host, address.port)
                elif credentials:
                    self._ways.let_in(address.host, address.port, ahead, credentials.way)
                _check_status(head.status, bool(credentials), shown)
                return Still(await _picture(connection, head, most_bytes, shown))
        except TimeoutError:
            raise no_media(VisitReason.NO_FRAMES, f"{shown}: connected, but no picture in time") from None
        except _NotHttp as error:
            raise no_media(VisitReason.PROTOCOL, f"{shown}: its answer is no sound HTTP ({error})") from None
        except (asyncio.IncompleteReadError, OSError):  # OSError: TLS and connections that break
            raise no_media(VisitReason.PROTOCOL, f"{shown}: it hung up within its answer") from None
        finally:
            if connection is not None:
                connection.close()

    async def _connected(
        self, address: Address, tls: ssl.SSLContext | None, timeout_s: float, shown: str
    ) -> _Connection:
        """Raises VisitFailure."""
        dialled = await self._dialler.dial(address.host, address.port, timeout_s, shown)
        try:
            if tls is None:
                return _Connection(PlainStream(dialled), address)
            return _Connection(await TlsStream.open(dialled, tls, address.host, timeout_s), address)
        except TimeoutError as error:
            raise connect_failure(error, shown) from None
        except (ssl.SSLError, ssl.CertificateError, ConnectionError):
            raise no_media(
                VisitReason.PROTOCOL, f"{shown}: its certificate or TLS is not accepted; see the option tls_verify"
            ) from None
        except OSError as error:
            raise connect_failure(error, shown) from None

    def _context(self, verify: bool) -> ssl.SSLContext:
        if verify not in self._tls:
            context = ssl.create_default_context()
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._tls[verify] = context
        return self._tls[verify]


class _Connection:
    """One connection, asked for one address."""

    def __init__(self, stream: ByteStream, address: Address) -> None:
        parts = urlsplit(address.url)
        self._stream = stream
        self._host = quote(parts.netloc, safe=":[]%") if parts.netloc.isascii() else _idna(address)
        self.target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_UNRESERVED)
        """What is asked for, as it stands in the request."""

    async def get(self, authorization: str | None = None) -> _Head:
        lines = [f"GET {self.target} HTTP/1.1", f"Host: {self._host}", "User-Agent: Citywatch", "Accept: image/*"]
        lines.append("Accept-Encoding: identity")
        if authorization is not None:
            lines.append(f"Authorization: {authorization}")
        await self._stream.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        while True:
            head = await self._head()
            if head.status >= 200:
                return head

    async def _head(self) -> _Head:
        status = _STATUS.fullmatch(await self.line())
        if status is None:
            raise _NotHttp("no status")
        return _Head(int(status.group(1)), await self.headers())

    async def headers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        size = 0
        for _ in range(_MOST_HEADERS):
            line = await self.line()
            size += len(line)
            if size > _MOST_HEAD_BYTES:
                break
            text = line.decode("latin-1").rstrip("\r\n")
            if not text:
                return found
            name, _, value = text.partition(":")
            found.setdefault(name.strip().lower(), []).append(value.strip())
        raise _NotHttp("too many headers")

    async def line(self) -> bytes:
        """One line with its end. Raises _NotHttp, IncompleteReadError."""
        try:
            return await self._stream.line()
        except EndlessLine:
            raise _NotHttp("a line without an end") from None

    async def skip_body(self, head: _Head) -> bool:
        """Read over a short body; False when the connection cannot be used again."""
        length = head.length
        if length is None or length > _MOST_REFUSAL_BYTES or "close" in head.first("connection").lower():
            return False
        await self._stream.exactly(length)
        return True

    async def exactly(self, size: int) -> bytes:
        """Raises IncompleteReadError."""
        return await self._stream.exactly(size)

    async def some(self) -> bytes:
        """What comes next; empty at the end."""
        return await self._stream.some()

    def close(self) -> None:
        self._stream.close()


def _idna(address: Address) -> str:
    try:
        return f"{address.host.encode('idna').decode()}:{address.port}"
    except UnicodeError:
        return quote(address.host)


def _check_status(status: int, has_credentials: bool, shown: str) -> None:
    if status == 200:
        return
    if status in (401, 403, 407):
        word = "was not accepted" if has_credentials else "is needed"
        raise unreachable(VisitReason.AUTHENTICATION, f"{shown}: user and password: {word}")
    if status in (404, 410):
        raise unreachable(VisitReason.PATH_UNKNOWN, f"{shown}: the camera knows no such path")
    if 300 <= status < 400:
        raise no_media(VisitReason.PROTOCOL, f"{shown}: it sends us elsewhere; configure the address it points to")
    raise no_media(VisitReason.PROTOCOL, f"{shown}: answered with status {status}")


async def _picture(connection: _Connection, head: _Head, most_bytes: int, shown: str) -> bytes:
    """The picture in the body of an answer. No body is inflated here: no camera was asked for a compressed one."""
    content = _Content(most_bytes, shown)
    kind = head.first("content-type")
    if kind.lower().startswith("multipart/"):
        head = await _first_part(connection)
        if head.length is None:
            raise _NotHttp("a part without a length")
    if "chunked" in head.first("transfer-encoding").lower():
        await _chunks(connection, content)
    elif (length := head.length) is not None:
        content.expect(length)
        if length <= _AT_ONCE_BYTES:
            content.add(await connection.exactly(length))
        else:
            first = min(length, _MAGIC_BYTES)
            content.add(await connection.exactly(first))
            content.add(await connection.exactly(length - first))
    else:
        while piece := await connection.some():
            content.add(piece)
    return content.whole()


async def _first_part(connection: _Connection) -> _Head:
    """The head of the first part of a multipart body; what stands before it is passed over."""
    for _ in range(_MOST_HEADERS):
        if (await connection.line()).startswith(b"--"):
            return _Head(200, await connection.headers())
    raise _NotHttp("no part in many parts")


async def _chunks(connection: _Connection, content: _Content) -> None:
    while True:
        digits = (await connection.line()).partition(b";")[0].strip()
        if not digits.isalnum() or len(digits) > 8:
            raise _NotHttp("no length of a chunk")
        try:
            size = int(digits, 16)
        except ValueError:
            raise _NotHttp("no length of a chunk") from None
        if size == 0:
            return
        content.expect(size)
        content.add(await connection.exactly(size))
        await connection.line()


class _Content:
    """A picture as it grows: refused as soon as it is clear that it is none, or too large."""

    def __init__(self, most_bytes: int, shown: str) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._most_bytes = most_bytes
        self._shown = shown

    def expect(self, more: int) -> None:
        """So many bytes more are said to come. Raises VisitFailure."""
        if self._size + more > self._most_bytes:
            raise no_media(VisitReason.TOO_LARGE, f"{self._shown}: the answer has more than {self._most_bytes} bytes")

    def add(self, piece: bytes) -> None:
        """Raises VisitFailure."""
        self.expect(len(piece))
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size - len(piece) < _MAGIC_BYTES:
            begin = b"".join(self._pieces)[:_MAGIC_BYTES]
            if begin and not begin.startswith(tuple(magic[: len(begin)] for magic in STILL_MAGIC)):
                raise self._no_picture("no JPEG, PNG, BMP or WebP picture")

    def whole(self) -> bytes:
        """Raises VisitFailure."""
        if self._size < _MAGIC_BYTES:
            raise self._no_picture("empty or no picture")
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def _no_picture(self, what: str) -> VisitFailure:
        return no_media(VisitReason.NOT_A_PICTURE, f"{self._shown}: the answer is {what}")
