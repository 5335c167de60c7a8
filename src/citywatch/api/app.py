"""The application: parts in, routes out. Nothing is opened or read before the server starts it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from citywatch import __version__
from citywatch.api import (
    alerts,
    availability,
    cameras,
    commands,
    deliveries,
    devices,
    drills,
    exercises,
    findings,
    georeport,
    health,
    incidents,
    ingest,
    ingest_findings,
    objects,
    order,
    overview,
    pages,
    passes,
    problems,
    retire,
    shifts,
    sla,
    sources,
    statistics,
    stream,
    ticket_moves,
    tickets,
    vocabularies,
    windows,
    work,
)
from citywatch.api import (
    photos as ticket_photos,
)
from citywatch.api.access import PUBLIC, ROLES, GuardedRoute, Tokens
from citywatch.api.config import ApiConfig
from citywatch.api.findings_config import FindingsConfig, Open311Config
from citywatch.api.guards import BoundedBody, Watch
from citywatch.api.live import LiveHub, Pulse
from citywatch.api.problems import ProblemDocument
from citywatch.api.shared import Api
from citywatch.domain.responsibility import Register
from citywatch.ports import (
    CameraForms,
    Clock,
    Door,
    Meter,
    Objects,
    Passes,
    PatrolView,
    Photos,
    ServiceReports,
    Store,
    Wakeup,
)
from citywatch.rules.answers import LookAnswers
from citywatch.tickets.clocks import Contracts

_log = logging.getLogger(__name__)

_ABOUT = """
Watches a city's roadside cameras and weigh-in-motion scales.

* Every request but `/healthz` and `/readyz` carries `Authorization: Bearer <token>`. A token has one role.
* Errors are problem documents (RFC 9457): `type` is for programs, `detail` says what to do.
* Instants are RFC 3339 in UTC; those inside an alert's `subject` that end in `_ns` are nanoseconds since 1970.
* A command (acknowledge, accept, hold, handle, register, put, ...) is written to the log first. 200 carries the new
  state, 409 the reason why it was refused; 202 says that it is on disk but not decided yet, and where to look.
* Lists give a `next` cursor while there is more.
"""


def create_api(
    *,
    store: Store,
    passes: Passes,
    door: Door,
    objects: Objects,
    clock: Clock,
    meter: Meter,
    wakeup: Wakeup,
    health: Callable[[], Mapping[str, str]],
    known_until: Callable[[], int],
    config: ApiConfig,
    forms: CameraForms,
    patrol: PatrolView,
    answers: Callable[[str], LookAnswers | None],
    photos: Photos,
    reports: ServiceReports,
    findings_config: FindingsConfig | None = None,
    open311: Open311Config | None = None,
    contracts: Contracts | None = None,
    register: Register | None = None,
) -> FastAPI:
    """The API and the console. `health` says of each part "ok" or why not; `known_until` up to which instant (ns)
    every row has been stepped: behind it nobody can say that a device was up. `answers` gives the last ones about a
    camera. Run it with serve.ApiServer.
    """
    pulse = Pulse(wakeup, config.live_poll_seconds)
    hub = LiveHub(store, pulse, meter, kept=config.live_kept_changes, clients_max=config.live_clients_max)
    api = Api(
        store,
        passes,
        door,
        objects,
        clock,
        meter,
        health,
        known_until,
        config,
        pulse,
        hub,
        forms,
        patrol,
        answers,
        photos,
        findings_config or FindingsConfig(),
        open311,
        reports,
        contracts or Contracts(),
        register or Register(),
    )
    app = FastAPI(
        title="Citywatch",
        version=__version__,
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        openapi_tags=overview.TAGS,
        lifespan=_lifespan(api),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.tokens = Tokens(store, config.token_cache_seconds, config.token_cache_entries)
    app.state.hub = hub
    app.state.limits = config
    app.state.meter = meter
    app.router.route_class = GuardedRoute
    app.router.redirect_slashes = False
    problems.install(app, config.retry_after_seconds)
    _routes(app, api)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    app.add_middleware(
        BoundedBody,
        default_bytes=config.max_body_bytes,
        by_prefix={
            "/api/v1/ingest/": config.max_ingest_bytes,
            "/api/v2/alerts": config.max_ingest_bytes,
            "/api/v1/cameras/import": config.max_import_bytes,
        },
        by_suffix={"/photos": config.max_photo_bytes},
        timeout_s=config.body_timeout_seconds,
    )
    app.add_middleware(Watch, meter=meter)
    return app


def _routes(app: FastAPI, api: Api) -> None:
    for noun in (
        overview,
        alerts,
        windows,
        incidents,
        tickets,
        ticket_moves,
        ticket_photos,
        order,
        shifts,
        drills,
        exercises,
        sources,
        retire,
        devices,
        cameras,
        passes,
        availability,
        sla,
        statistics,
        ingest,
        ingest_findings,
        findings,
        georeport,
        stream,
        deliveries,
        objects,
        commands,
        work,
        vocabularies,
        health,
        pages,
    ):
        noun.routes(app, api)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        """This description. Any token opens it; the console shows it under API."""
        return app.openapi()


def _lifespan(api: Api) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(api.pulse.run(), name="pulse"), asyncio.create_task(api.hub.run(), name="live")]

        def ended(task: asyncio.Task[None]) -> None:
            # Neither ends by itself: clients shall not wait on a stream that nobody feeds, and /readyz says why.
            if not task.cancelled():
                _log.critical("the live stream has failed", exc_info=task.exception())
                api.hub.close()

        for task in tasks:
            task.add_done_callback(ended)
        try:
            yield
        finally:
            api.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
        )
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {})["ProblemDocument"] = ProblemDocument.model_json_schema()
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "`citywatch token create NAME --role ROLE`"}
        }
        schema["security"] = [{"token": []}]
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                _say_who(operation, method.upper(), path)
        app.openapi_schema = schema
    return app.openapi_schema


def _say_who(operation: dict[str, Any], method: str, path: str) -> None:
    """Name the roles of a route, out of the one table; FastAPI's own error model is ours here."""
    route = next((r for r in (*ROLES, *PUBLIC) if r[0] == method and r[1].replace(":path}", "}") == path), None)
    roles = ROLES.get(route, frozenset()) if route else frozenset()
    if roles:
        operation["x-roles"] = sorted(roles)
        operation["description"] = f"{operation.get('description', '')}\n\nRoles: {', '.join(sorted(roles))}.".strip()
