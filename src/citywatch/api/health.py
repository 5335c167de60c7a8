"""For the machinery around this programme: does it live, can it work, what are its figures."""

from __future__ import annotations

import os

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.problems import MEDIA_TYPE, Problem, responses
from citywatch.api.shared import Api

_OK = "ok"


class Health(BaseModel):
    """This process lives."""

    status: str = _OK


class Readiness(BaseModel):
    """Every part can work."""

    status: str = "ready"
    parts: dict[str, str] = Field(examples=[{"log": "ok", "store": "ok", "live": "ok"}])


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/healthz", tags=["health"], summary="Does the process live", openapi_extra={"security": []})
    async def healthz() -> Health:
        """Public. Says nothing about the parts: see /readyz."""
        return Health()

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Can every part work",
        openapi_extra={"security": []},
        responses={
            503: {
                "description": "Not ready; `parts` says which and why",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
            }
        },
    )
    async def readyz() -> Readiness:
        """Public. 200 when every part says ok, else 503 with the list."""
        parts = {**await run_in_threadpool(api.health), "live": _live(api)}
        waiting = sorted(name for name, word in parts.items() if word != _OK)
        if waiting:
            raise Problem(
                503, "not_ready", f"not ready: {', '.join(waiting)}", headers={"Retry-After": "1"}, parts=parts
            )
        return Readiness(parts=parts)

    @app.get(
        "/metrics",
        tags=["health"],
        summary="Figures for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "citywatch_live_clients 1.0\n"}}},
            **responses(),
        },
    )
    async def metrics() -> Response:
        """The text format of Prometheus, for tokens of the role metrics. One answer for all processes of the city."""
        return Response(await run_in_threadpool(_figures), media_type=CONTENT_TYPE_LATEST)


def _live(api: Api) -> str:
    return _OK if api.hub.last >= 0 and not api.hub.closing else "the live stream is not reading"


def _figures() -> bytes:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
