"""Around every request: bounded bodies, headers for browsers, the access log and the figures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citywatch.api.headers import DATA_HEADERS
from citywatch.api.problems import Problem, ProblemResponse
from citywatch.ports import Meter

_access = logging.getLogger("citywatch.api.access")
_LOGGED_PATH = 200


class Watch:
    """The outermost guard: headers, one line in the access log, one count per request.

    The line holds neither the query nor any header, so neither a token nor a search for a plate; the figures are
    labelled by route template, never by path.
    """

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self.app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        sent = 0

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in DATA_HEADERS.items():
                    headers.setdefault(name, value)
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", "") or "none"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._meter.count("http_requests_total", method=method, route=route, status=str(status))
            if route not in _STREAMS:
                self._meter.observe("http_request_seconds", seconds, route=route)
            _access.info(
                "request",
                extra={
                    "method": method,
                    "route": route,
                    "path": scope["path"][:_LOGGED_PATH],
                    "status": status,
                    "milliseconds": round(seconds * 1000, 1),
                    "bytes": sent,
                    "caller": scope.get("citywatch.caller", ""),
                },
            )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STREAMS = frozenset({"/api/v1/live/alerts"})


class BoundedBody:
    """No body is longer or slower than allowed, whatever its Content-Length says."""

    def __init__(
        self,
        app: ASGIApp,
        default_bytes: int,
        by_prefix: Mapping[str, int],
        timeout_s: float,
        by_suffix: Mapping[str, int] | None = None,
    ) -> None:
        self.app = app
        self._default_bytes = default_bytes
        self._by_prefix = dict(by_prefix)
        self._by_suffix = dict(by_suffix or {})
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        most = next((n for prefix, n in self._by_prefix.items() if path.startswith(prefix)), self._default_bytes)
        most = next((n for suffix, n in self._by_suffix.items() if path.endswith(suffix)), most)
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if told.isdigit() and int(told[:20]) > most:
            await ProblemResponse(_too_large(most), path)(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        read = 0
        complete = False

        async def bounded() -> Message:
            nonlocal read, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise _TOO_SLOW from error
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            complete = not message.get("more_body", False)
            return message

        await self.app(scope, bounded, send)


_TOO_SLOW = Problem(408, "too_slow", "the body took too long; send it in one go", headers={"Connection": "close"})


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "too_large",
        f"the body is larger than {most} bytes; send it in smaller parts",
        headers={"Connection": "close"},
    )
