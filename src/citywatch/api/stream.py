"""The live stream as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import FastAPI, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from citywatch.api.access import authorise
from citywatch.api.alerts import alert_view
from citywatch.api.live import COMMENT, encode_event
from citywatch.api.problems import Problem, responses
from citywatch.api.shared import Api
from citywatch.errors import CitywatchError

PATH = "/api/v1/live/alerts"
_RETRY_MS = 1000

_EXAMPLE = (
    "retry: 1000\n\nid: 41\nevent: position\ndata: {}\n\n"
    'id: 42\nevent: alert\ndata: {"change":"opened","alert":{"id":"6f1d...","kind":"overloaded","...":"..."}}\n\n'
)


class LiveResponse(StreamingResponse):
    """A stream that gives its place back however it ends."""

    def __init__(self, api: Api, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._api.hub.leave()


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        PATH,
        tags=["live"],
        summary="Alerts as they happen (server-sent events)",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "A stream that does not end: events `position`, `alert` and `reset`",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
            },
            **responses(),
        },
    )
    async def live(
        request: Request,
        after: Annotated[
            int | None, Query(ge=0, le=2**63 - 1, description="Resume behind this event; as Last-Event-ID does")
        ] = None,
        last_event_id: Annotated[str | None, Header(max_length=20, pattern="^[0-9]+$")] = None,
    ) -> StreamingResponse:
        """Every change of an alert once, in order.

        Each event's id is its number in the store: come back with it in Last-Event-ID (or ?after=) and nothing is
        missed. Without one, the stream begins now and says where now is (`position`). `reset` says that what was
        asked for is not kept any more: load the lists again. A comment comes when nothing else does.
        """
        wanted = int(last_event_id) if last_event_id is not None else after
        if not api.hub.enter():
            raise Problem(
                503,
                "too_many_clients",
                "all places of the live stream are taken; come back later",
                headers={"Retry-After": "5"},
            )
        try:
            begin, event = await _begin(api, wanted)
        except BaseException:
            api.hub.leave()
            raise
        return LiveResponse(api, _events(request, api, begin, event))


async def _begin(api: Api, wanted: int | None) -> tuple[int, str]:
    """Behind which number the stream begins, and how that is called."""
    last = await run_in_threadpool(api.store.last_alert_change)
    if wanted is None:
        return last, "position"
    first = await run_in_threadpool(api.store.first_alert_change)
    if wanted > last or wanted + 1 < first:
        return last, "reset"
    return wanted, "position"


async def _events(request: Request, api: Api, begin: int, event: str) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % _RETRY_MS + encode_event(event, {}, begin)
    now = asyncio.get_running_loop().time
    asked = now()
    async for rows in api.hub.changes(begin, api.config.live_heartbeat_seconds):
        # Before anything is told, and however much there is to tell: a revoked token must not hear on.
        if not rows or now() - asked >= api.config.token_cache_seconds:
            if not await _still_welcome(request):
                return
            asked = now()
        if rows:
            yield b"".join(
                encode_event(
                    "alert",
                    {"change": row["change"], "alert": alert_view(row["body"]).model_dump(mode="json")},
                    row["seq"],
                )
                for row in rows
            )
        else:
            yield COMMENT


async def _still_welcome(request: Request) -> bool:
    """Whether the token would still open the stream. A store that is away is no reason to throw anybody out."""
    try:
        await authorise(request, PATH, request.app.state.tokens)
    except Problem:
        return False
    except CitywatchError:
        return True
    return True
