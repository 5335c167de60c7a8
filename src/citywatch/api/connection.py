"""One HTTP connection: uvicorn's, with bounds for those who connect and then say little or nothing.

uvicorn waits for ever for the head of a first request, and takes as many connections as the system has handles: a
few hundred idle sockets from anybody, without a token, would shut the door for everybody else.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from citywatch.api.config import ApiConfig
from citywatch.api.problems import Problem, ProblemResponse
from citywatch.ports import Meter

_log = logging.getLogger(__name__)

_UNREADABLE = Problem(400, "not_http", "this is no HTTP/1.1 request that can be read; send a well-formed one")


class BoundedConnection(HttpToolsProtocol):
    """For a configuration whose app is the one of create_api."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections_max:
            self._meter.count("http_connections_dropped_total", reason="too_many")
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            _log.debug("a wish for another protocol is not heard")
        except httptools.HttpParserError:
            # Anybody can send this: it is counted, and logged where somebody asked for that much.
            _log.info("not an HTTP request")
            self._meter.count("http_requests_total", method="other", route="none", status="400")
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # From here on the body has its own time (guards.BoundedBody).
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            # Answered before the body had come: whoever goes on sending must come to an end.
            self._wait()

    def send_400_response(self, msg: str) -> None:
        response = ProblemResponse(_UNREADABLE, "")
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        body = bytes(response.body)
        self.transport.write(STATUS_LINE[400] + head + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    @property
    def _limits(self) -> ApiConfig:
        limits: ApiConfig = self._state.limits
        return limits

    @property
    def _meter(self) -> Meter:
        meter: Meter = self._state.meter
        return meter

    @property
    def _state(self) -> Any:
        return self.config.app.state  # type: ignore[union-attr]

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(self._limits.head_timeout_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._meter.count("http_connections_dropped_total", reason="too_slow")
        self.transport.abort()
