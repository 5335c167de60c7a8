"""Snapshots over HTTP: one GET, answered directly with one still picture."""

from __future__ import annotations

import asyncio
import http.cookiejar
import logging
import ssl
from collections.abc import AsyncGenerator, Iterator

import httpx

from citywatch.adapters.cameras.addresses import Address, redact
from citywatch.adapters.cameras.answers import STILL_MAGIC, Still, VisitFailure, connect_failure, no_media, unreachable
from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.cameras.dialling import Dialler
from citywatch.domain.pictures import VisitReason


class _CameraAuth(httpx.Auth):
    """Basic or Digest, whichever the camera asks for; nothing is sent before it asks."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        response = yield request
        for again in (False, True):
            challenges = response.headers.get_list("www-authenticate")
            if response.status_code != 401 or not self._credentials.accept(challenges, again=again):
                return
            target = request.url.raw_path.decode("ascii")
            request.headers["Authorization"] = self._credentials.header(request.method, target) or ""
            response = yield request


class SnapshotClient:
    """Fetches snapshots for all cameras of a patrol. Keeps no cookies and no connections; follows no redirects."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        self._clients: dict[bool, httpx.AsyncClient] = {}
        # httpx logs whole URLs, httpcore whole headers: both may hold secrets.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)

    async def aclose(self) -> None:
        while self._clients:
            await self._clients.popitem()[1].aclose()

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

        unreachable (name_lookup, refused, timed_out, host_unreachable, authentication), no_media (path_unknown,
        not_a_picture, too_large; no_frames: no whole answer in time; protocol_error: no HTTP, or another status).
        """
        shown = redact(address.url)
        # Asked by hand first, because httpx has one and the same error for a name, a host and a port that fail.
        await self._dialler.resolve(address.host, address.port, connect_timeout_s, shown)
        try:
            async with asyncio.timeout(connect_timeout_s + media_timeout_s):
                timeout = httpx.Timeout(media_timeout_s, connect=connect_timeout_s)
                client = self._client(tls_verify)
                async with client.stream("GET", address.url, auth=_CameraAuth(credentials), timeout=timeout) as answer:
                    _check_status(answer.status_code, bool(credentials), shown)
                    return Still(await _body(answer, most_bytes, shown))
        except httpx.ConnectTimeout:
            raise connect_failure(TimeoutError(), shown) from None
        except httpx.ConnectError as error:
            raise _connect_failure(error, shown) from None
        except (httpx.TimeoutException, TimeoutError):
            raise no_media(VisitReason.NO_FRAMES, f"{shown}: connected, but no picture in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
            word = type(error).__name__  # never the message: it may quote the address
            raise no_media(VisitReason.PROTOCOL, f"{shown}: its answer is no sound HTTP ({word})") from None

    def _client(self, tls_verify: bool) -> httpx.AsyncClient:
        if tls_verify not in self._clients:
            nobody = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
            self._clients[tls_verify] = httpx.AsyncClient(
                verify=tls_verify,
                trust_env=False,
                follow_redirects=False,
                cookies=nobody,
                headers={"User-Agent": "Citywatch", "Accept": "image/*", "Accept-Encoding": "identity"},
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._clients[tls_verify]


def _check_status(status: int, has_credentials: bool, shown: str) -> None:
    if status == 200:
        return
    if status in (401, 403, 407):
        word = "was not accepted" if has_credentials else "is needed"
        raise unreachable(VisitReason.AUTHENTICATION, f"{shown}: user and password: {word}")
    if status in (404, 410):
        raise no_media(VisitReason.PATH_UNKNOWN, f"{shown}: the camera knows no such path")
    if 300 <= status < 400:
        raise no_media(VisitReason.PROTOCOL, f"{shown}: it sends us elsewhere; configure the address it points to")
    raise no_media(VisitReason.PROTOCOL, f"{shown}: answered with status {status}")


async def _body(answer: httpx.Response, most_bytes: int, shown: str) -> bytes:
    too_large = no_media(VisitReason.TOO_LARGE, f"{shown}: the answer has more than {most_bytes} bytes")
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) > most_bytes:
        raise too_large
    content = bytearray()
    # Raw: a compressed answer is not inflated here; no camera was asked for one.
    async for piece in answer.aiter_raw():
        content += piece
        if not content[:16].startswith(tuple(magic[: len(content)] for magic in STILL_MAGIC)):
            raise no_media(VisitReason.NOT_A_PICTURE, f"{shown}: the answer is no JPEG, PNG, BMP or WebP picture")
        if len(content) > most_bytes:
            raise too_large
    if len(content) < 16:
        raise no_media(VisitReason.NOT_A_PICTURE, f"{shown}: the answer is empty or no picture")
    return bytes(content)


def _connect_failure(error: httpx.ConnectError, shown: str) -> VisitFailure:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return no_media(
                VisitReason.PROTOCOL, f"{shown}: its certificate or TLS is not accepted; see the option tls_verify"
            )
        if isinstance(cause, OSError) and cause.errno:
            return connect_failure(cause, shown)
    return connect_failure(OSError(), shown)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that stands behind it, groups opened, outermost first."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.extend(cause for cause in (current.__cause__, current.__context__) if cause is not None)
