"""Who may do what: one table from route to roles. A route that is not in it is shut."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.problems import Problem
from citywatch.api.roles import Role, digest_of
from citywatch.ports import Store

_MAX_TOKEN_CHARACTERS = 512


_READ = frozenset({Role.VIEWER, Role.OPERATOR, Role.CREW, Role.ADMIN})
_DESK = frozenset({Role.OPERATOR, Role.ADMIN})
_REPAIR = frozenset({Role.OPERATOR, Role.CREW, Role.ADMIN})
_PUSH = frozenset({Role.INGEST, Role.ADMIN})
_ADMIN = frozenset({Role.ADMIN})

UNMASKED = _DESK
"""Roles that may see plates and pictures."""

ROLES: Mapping[tuple[str, str], frozenset[Role]] = {
    ("GET", "/api/v1/overview"): _READ,
    ("GET", "/api/v1/devices"): _READ,
    ("POST", "/api/v1/devices"): _ADMIN,
    ("GET", "/api/v1/devices/{device:path}"): _READ,
    ("GET", "/api/v1/device-states"): _READ,
    ("GET", "/api/v1/cameras"): _READ,
    ("GET", "/api/v1/cameras/{camera:path}"): _READ,
    ("PUT", "/api/v1/cameras/{camera:path}"): _ADMIN,
    ("DELETE", "/api/v1/cameras/{camera:path}"): _ADMIN,
    ("POST", "/api/v1/cameras/import"): _ADMIN,
    ("GET", "/api/v1/patrol"): _READ,
    ("GET", "/api/v1/devices/{device:path}/sources"): _READ,
    ("GET", "/api/v1/disagreements"): _READ,
    ("GET", "/api/v1/vocabularies"): _READ,
    ("GET", "/api/v1/alerts"): _READ,
    ("GET", "/api/v1/alerts/{alert}"): _READ,
    ("POST", "/api/v1/alerts/{alert}/acknowledge"): _DESK,
    ("GET", "/api/v1/incidents"): _READ,
    ("GET", "/api/v1/incidents/{incident}"): _READ,
    ("GET", "/api/v1/tickets"): _READ,
    ("GET", "/api/v1/tickets/{ticket}"): _READ,
    ("POST", "/api/v1/tickets/{ticket}/accept"): _REPAIR,
    ("POST", "/api/v1/tickets/{ticket}/note"): _REPAIR,
    ("POST", "/api/v1/tickets/{ticket}/hold"): _REPAIR,
    ("POST", "/api/v1/tickets/{ticket}/resume"): _REPAIR,
    ("POST", "/api/v1/tickets/{ticket}/handle"): _REPAIR,
    ("POST", "/api/v1/tickets/{ticket}/dispatch"): _DESK,
    ("POST", "/api/v1/tickets/{ticket}/verify"): _DESK,
    ("POST", "/api/v1/tickets/{ticket}/reopen"): _DESK,
    ("POST", "/api/v1/tickets/{ticket}/cancel"): _DESK,
    ("POST", "/api/v1/tickets/{ticket}/merge"): _DESK,
    ("GET", "/api/v1/statistics/tickets"): _READ,
    ("POST", "/api/v1/devices/{device:path}/retire"): _ADMIN,
    ("POST", "/api/v1/tickets/{ticket}/photos"): _REPAIR,
    ("GET", "/api/v1/tickets/{ticket}/pictures/{name}"): _REPAIR,
    ("GET", "/api/v1/tickets/{ticket}/order"): _REPAIR,
    ("GET", "/api/v1/devices/{device:path}/access"): _REPAIR,
    ("PUT", "/api/v1/devices/{device:path}/access"): _REPAIR,
    ("GET", "/api/v1/shift-log"): _DESK | {Role.VIEWER},
    ("POST", "/api/v1/shift-log"): _DESK,
    ("GET", "/api/v1/exercises"): _READ,
    ("POST", "/api/v1/exercises"): _DESK,
    ("DELETE", "/api/v1/exercises/{exercise}"): _DESK,
    ("GET", "/api/v1/drills/{drill}"): _READ,
    ("POST", "/api/v1/drills"): _DESK,
    ("DELETE", "/api/v1/drills/{drill}"): _DESK,
    ("POST", "/api/v1/work"): _REPAIR,
    ("GET", "/api/v1/silences"): _READ,
    ("POST", "/api/v1/silences"): _DESK,
    ("DELETE", "/api/v1/silences/{silence}"): _DESK,
    ("GET", "/api/v1/windows"): _READ,
    ("POST", "/api/v1/windows"): _DESK,
    ("DELETE", "/api/v1/windows/{window}"): _DESK,
    ("GET", "/api/v1/commands/{command}"): _READ,
    ("GET", "/api/v1/passes"): _READ,
    ("GET", "/api/v1/availability"): _READ,
    ("GET", "/api/v1/sla/contracts"): _READ,
    ("GET", "/api/v1/sla/report"): _READ,
    ("GET", "/api/v1/sla/explain"): _READ,
    ("GET", "/api/v1/sla/reports"): _READ,
    ("GET", "/api/v1/sla/reports/{contract}/{period}"): _READ,
    ("GET", "/api/v1/statistics/passes"): _READ,
    ("GET", "/api/v1/corrections"): _READ,
    ("POST", "/api/v1/corrections/{correction}/accept"): _ADMIN,
    ("POST", "/api/v1/corrections/{correction}/decline"): _ADMIN,
    ("POST", "/api/v1/ingest/passes"): _PUSH,
    ("POST", "/api/v1/ingest/heartbeats"): _PUSH,
    ("POST", "/api/v1/ingest/findings"): _PUSH,
    ("POST", "/api/v2/alerts"): _PUSH,
    ("GET", "/api/v1/findings"): _READ,
    ("GET", "/api/v1/findings/{finding}"): _READ,
    ("GET", "/api/v1/live/alerts"): _READ,
    ("GET", "/api/v1/deliveries"): _READ,
    ("GET", "/api/v1/deliveries/{delivery}"): _READ,
    ("POST", "/api/v1/deliveries/{delivery}/retry"): _DESK,
    ("GET", "/api/v1/objects/{name}"): _DESK,
    ("GET", "/api/v1/whoami"): frozenset(Role),
    ("GET", "/api/v1/openapi.json"): frozenset(Role),
    ("GET", "/metrics"): frozenset({Role.METRICS, Role.OPERATOR, Role.ADMIN}),
}

GEOREPORT = frozenset(
    {
        ("GET", "/open311/v2/discovery.{form}"),
        ("GET", "/open311/v2/services.{form}"),
        ("GET", "/open311/v2/services/{code}.{form}"),
        ("POST", "/open311/v2/requests.{form}"),
        ("GET", "/open311/v2/requests.{form}"),
        ("GET", "/open311/v2/requests/{name}.{form}"),
        ("GET", "/open311/v2/tokens/{name}.{form}"),
    }
)
"""These ask for a key themselves, unless the settings make them public, and answer as their specification says."""

PUBLIC = frozenset({("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/"), ("GET", "/console/{name}")}) | GEOREPORT
"""Health, the console's own files, which hold no data, and the GeoReport server."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the token's name and role; of a crew its team, '' for one that repairs everywhere."""

    name: str
    role: Role
    team: str = ""

    def repairs(self, team: str) -> bool:
        """Whether a ticket of this team ('' for nobody's yet) is for this caller to work on."""
        return self.role is not Role.CREW or not self.team or team in ("", self.team)


class Tokens:
    """Tokens by digest, remembered for a moment so that not every request asks the store.

    The digest is looked up as a whole, so nothing about a stored one can be learned from how long a wrong one takes.
    """

    def __init__(self, store: Store, keep_s: float, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._keep_s = keep_s
        self._most = most
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()

    async def caller(self, token: str) -> Caller | None:
        """Who holds this token; None for an unknown or revoked one."""
        digest = digest_of(token)
        now = self._monotonic()
        remembered = self._known.get(digest)
        if remembered is not None and now - remembered[0] < self._keep_s:
            return remembered[1]
        row = await run_in_threadpool(self._store.token, digest)
        caller = (
            None if row is None or row["role"] not in set(Role) else Caller(row["name"], Role(row["role"]), row["team"])
        )
        self._known[digest] = (now, caller)
        self._known.move_to_end(digest)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return caller


def bearer(request: Request) -> str:
    """The token of a request; Problem 401 where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_CHARACTERS:
        raise Problem(
            401,
            "no_token",
            "send a token: Authorization: Bearer <token>",
            headers={"WWW-Authenticate": 'Bearer realm="citywatch"'},
        )
    return token


async def authorise(request: Request, path: str, tokens: Tokens) -> Caller:
    """The caller, when the table lets its role in; Problem 401 or 403 otherwise."""
    caller = await tokens.caller(bearer(request))
    if caller is None:
        raise Problem(
            401,
            "wrong_token",
            "this token is unknown or was revoked; ask your administrator for another",
            headers={"WWW-Authenticate": 'Bearer realm="citywatch", error="invalid_token"'},
        )
    request.scope["citywatch.caller"] = caller.name
    allowed = ROLES.get((request.method, path), frozenset())
    if caller.role not in allowed:
        names = ", ".join(sorted(allowed)) or "no role"
        raise Problem(403, "role", f"your token's role is {caller.role}; this takes {names}")
    return caller


class GuardedRoute(APIRoute):
    """A route that asks the table before anything of the request is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        path = self.path

        async def guarded(request: Request) -> Response:
            if (request.method, path) not in PUBLIC:
                request.state.caller = await authorise(request, path, request.app.state.tokens)
            return await handler(request)

        return guarded


def caller_of(request: Request) -> Caller:
    """The caller of a guarded request."""
    caller = request.state.caller
    assert isinstance(caller, Caller)  # noqa: S101  (GuardedRoute has put it there)
    return caller
