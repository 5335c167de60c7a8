"""The GeoReport v2 server: services, requests of people, and what becomes of them, as XML and JSON.

A request is a finding of the source `open311`, so it runs the same loop as every other: an alert, a ticket, a crew, and
a person who verifies. Its id is given at once (`realtime`). Errors are told as the specification says, not as problem
documents. Names and numbers of those who report stand in a table of their own and nowhere else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api import georeport_views as views
from citywatch.api.access import Caller, bearer
from citywatch.api.commands import idempotency_key
from citywatch.api.door import append
from citywatch.api.findings_config import Open311Config
from citywatch.api.georeport_request import Asked, asked_of
from citywatch.api.problems import Problem
from citywatch.api.rates import Rates
from citywatch.api.roles import Role
from citywatch.api.shared import Api
from citywatch.domain.events import event_id
from citywatch.domain.instants import NS_PER_S, format_instant, parse_instant
from citywatch.errors import DataError, LogError, LogFull, OutsideError
from citywatch.ports import Row
from citywatch.wire.finding_rows import DecodedFindings
from citywatch.wire.open311 import MEDIA_TYPES, document, read_form

_ROOT = "/open311/v2"
_READERS = frozenset({Role.VIEWER, Role.OPERATOR, Role.CREW, Role.INGEST, Role.ADMIN})
_REPORTERS = frozenset({Role.INGEST, Role.OPERATOR, Role.ADMIN})
_MOST_REQUESTS = 1_000
_LONGEST_NS = 90 * 86_400 * NS_PER_S
_ACCOUNT = "account_id"


class Refusal(Exception):
    """An answer in the words of the specification: a status, and descriptions for people."""

    def __init__(self, status: int, *descriptions: str, retry_after_s: float = 0.0) -> None:
        super().__init__("; ".join(descriptions))
        self.status = status
        self.descriptions = descriptions
        self.retry_after_s = retry_after_s


def routes(app: FastAPI, api: Api) -> None:
    desk = _Desk(api, app)

    def answer(path: str, method: str, handler: Callable[[Request], Awaitable[tuple[str, Any]]]) -> None:
        async def answered(request: Request) -> Response:
            form = request.path_params["form"]
            if form not in MEDIA_TYPES or api.open311 is None:
                raise Problem(404, "not_found", "there is nothing at this address")
            status, headers = 200, {}
            try:
                root, value = await handler(request)
            except Refusal as refusal:
                root, status = "errors", refusal.status
                value = [{"code": status, "description": one} for one in refusal.descriptions]
                headers = {"Retry-After": str(int(refusal.retry_after_s) + 1)} if refusal.retry_after_s else {}
            return Response(document(root, value, form), status, headers, MEDIA_TYPES[form])

        answered.__doc__ = handler.__doc__
        app.add_api_route(_ROOT + path, answered, methods=[method], include_in_schema=False, response_class=Response)

    answer("/discovery.{form}", "GET", desk.discovery)
    answer("/services.{form}", "GET", desk.services)
    answer("/services/{code}.{form}", "GET", desk.definition)
    answer("/requests.{form}", "POST", desk.report)
    answer("/requests.{form}", "GET", desk.requests)
    answer("/requests/{name}.{form}", "GET", desk.request)
    answer("/tokens/{name}.{form}", "GET", desk.token)


class _Desk:
    """What the routes answer."""

    def __init__(self, api: Api, app: FastAPI) -> None:
        self._api = api
        self._app = app
        self._begun_ns = api.clock.now_ns()
        config = api.open311
        self._services = {one.code: one for one in config.services} if config else {}
        self._reads = Rates(config.reads_per_minute if config else 1)
        self._reports = Rates(config.reports_per_minute if config else 1)

    @property
    def _config(self) -> Open311Config:
        assert self._api.open311 is not None  # noqa: S101  (the routes have asked)
        return self._api.open311

    async def discovery(self, request: Request) -> tuple[str, Any]:
        """Where the endpoint is and what it speaks."""
        await self._may_ask(request, self._config.public_reading or self._config.public_reporting)
        url = self._config.url or str(request.url.replace(path=_ROOT, query="", fragment=""))
        return "discovery", views.discovery(self._config, url, format_instant(self._begun_ns)[:19].replace("T", " "))

    async def services(self, request: Request) -> tuple[str, Any]:
        """What can be reported."""
        await self._may_ask(request, self._config.public_reading or self._config.public_reporting)
        self._jurisdiction(request.query_params)
        return "services", [views.service(one) for one in self._config.services]

    async def definition(self, request: Request) -> tuple[str, Any]:
        """What a service asks for beside place and description."""
        await self._may_ask(request, self._config.public_reading or self._config.public_reporting)
        self._jurisdiction(request.query_params)
        config = self._services.get(request.path_params["code"])
        if config is None:
            raise Refusal(404, "service_code was not found")
        return "service_definition", views.definition(config)

    async def report(self, request: Request) -> tuple[str, Any]:
        """Take a request down. The answer is given when it is on disk."""
        fields, attributes = await _form(request)
        caller = await self._may_report(request, fields.get("api_key", ""))
        self._jurisdiction(fields)
        asked = asked_of(fields, attributes, self._services)
        if not isinstance(asked, Asked):
            raise Refusal(404 if asked.not_found else 400, *asked.descriptions)
        await self._file(asked, self._name(request, caller))
        return "service_requests", [
            {
                "service_request_id": asked.row.key,
                "service_notice": self._services[asked.service].notice or None,
                _ACCOUNT: asked.reporter.get("account") or None,
            }
        ]

    async def requests(self, request: Request) -> tuple[str, Any]:
        """Requests by id, or those of a span of at most 90 days."""
        await self._may_ask(request, self._config.public_reading)
        query = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
        self._jurisdiction(query)
        names = _listed(query.get("service_request_id", ""))
        if names:
            return "service_requests", await self._found({"key": names}, None, None, None, frozenset())
        begin_ns, end_ns = self._span(query)
        states = frozenset(_listed(query.get("status", "")))
        if not states <= {views.OPEN, views.CLOSED}:
            raise Refusal(400, "status must be open or closed, or both with a comma between")
        codes = _listed(query.get("service_code", ""))
        label = ("service_code", codes) if codes else None
        return "service_requests", await self._found({}, label, begin_ns, end_ns, states)

    async def request(self, request: Request) -> tuple[str, Any]:
        """One request."""
        await self._may_ask(request, self._config.public_reading)
        self._jurisdiction(request.query_params)
        found = await self._found({"key": [request.path_params["name"]]}, None, None, None, frozenset())
        if not found:
            raise Refusal(404, "service_request_id was not found")
        return "service_requests", found

    async def token(self, request: Request) -> tuple[str, Any]:
        """For clients that ask for an id by a token: ours give the id at once, and it is its own token."""
        await self._may_ask(request, self._config.public_reading or self._config.public_reporting)
        self._jurisdiction(request.query_params)
        name = request.path_params["name"]
        if not await self._rows({"key": [name]}, limit=1):
            raise Refusal(404, "token was not found")
        return "service_requests", [{"service_request_id": name, "token": name}]

    # who asks

    async def _caller(self, request: Request, key: str) -> Caller | None:
        if not key and "authorization" in request.headers:
            try:
                key = bearer(request)
            except Problem as problem:
                raise Refusal(403, "the api_key is missing or wrong") from problem
        if not key:
            return None
        caller: Caller | None = await self._app.state.tokens.caller(key[:512])
        if caller is None:
            raise Refusal(403, "the api_key is unknown or was revoked")
        request.scope["citywatch.caller"] = caller.name
        return caller

    async def _may_ask(self, request: Request, public: bool) -> None:
        caller = await self._caller(request, request.query_params.get("api_key", ""))
        if caller is not None and caller.role not in _READERS:
            raise Refusal(403, f"an api_key of the role {caller.role} does not open this")
        if caller is None:
            if not public:
                raise Refusal(403, "the api_key is missing")
            _not_too_often(self._reads, request)

    async def _may_report(self, request: Request, key: str) -> Caller | None:
        caller = await self._caller(request, key or request.query_params.get("api_key", ""))
        if caller is not None and caller.role not in _REPORTERS:
            raise Refusal(403, f"an api_key of the role {caller.role} cannot report anything")
        if caller is None:
            if not self._config.public_reporting:
                raise Refusal(403, "the api_key is missing")
            _not_too_often(self._reports, request)
        return caller

    def _jurisdiction(self, query: Mapping[str, str]) -> None:
        """Only one is served here, so it may be left out."""
        told = query.get("jurisdiction_id", "").strip()
        if told and self._config.jurisdiction_id and told != self._config.jurisdiction_id:
            raise Refusal(404, "jurisdiction_id was not found")

    # what they ask for

    def _name(self, request: Request, caller: Caller | None) -> str:
        try:
            word = idempotency_key(request)
        except Problem as problem:
            raise Refusal(400, str(problem.detail)) from problem
        if caller is None or word is None:
            return secrets.token_hex(8)
        return event_id("open311", caller.name, word)[:16]

    async def _file(self, asked: Asked, name: str) -> None:
        """Reporter and finding on disk, and where the projection is quick, in the lists, too."""
        api = self._api
        asked.row = asked.row._replace(key=name)
        now_ns, beats = api.clock.now_ns(), api.pulse.beats
        try:
            if asked.reporter:
                await run_in_threadpool(api.store.keep_reporter, name, now_ns, asked.reporter)
            try:
                await append(api, DecodedFindings(1, [asked.row]).batch(now_ns))
            except LogError:
                if asked.reporter:
                    await run_in_threadpool(api.store.forget_reporter, name)
                raise
        except LogFull as error:
            raise Refusal(429, "too much is waiting; send it again later", retry_after_s=1.0) from error
        except (LogError, OutsideError) as error:
            raise Refusal(503, "nothing was taken down; send it again later", retry_after_s=1.0) from error
        api.meter.count("records_read_total", source="http:open311")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + api.config.command_wait_seconds
        while not await self._rows({"key": [name]}, limit=1) and (left := deadline - loop.time()) > 0:
            beats = await api.pulse.wait(beats, min(left, api.config.command_poll_seconds))

    def _span(self, query: Mapping[str, str]) -> tuple[int, int]:
        try:
            begin, end = query.get("start_date", ""), query.get("end_date", "")
            end_ns = parse_instant(end.replace(" ", "+")) if end else None
            begin_ns = parse_instant(begin.replace(" ", "+")) if begin else None
        except ValueError as error:
            raise Refusal(400, "write start_date and end_date as 2010-01-01T00:00:00Z") from error
        if end_ns is None:
            end_ns = self._api.clock.now_ns() + NS_PER_S if begin_ns is None else begin_ns + _LONGEST_NS
        if begin_ns is None:
            begin_ns = end_ns - _LONGEST_NS
        if not 0 <= end_ns - begin_ns <= _LONGEST_NS:
            raise Refusal(400, "start_date must lie before end_date, by 90 days at most")
        return begin_ns, end_ns + 1

    async def _rows(
        self,
        wanted: Mapping[str, list[str]],
        label: tuple[str, list[str]] | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        *,
        limit: int,
    ) -> list[Row]:
        store = self._api.store
        return list(
            await run_in_threadpool(
                lambda: store.findings(
                    wanted={"source": views.SOURCE, **wanted}, label=label, from_ns=from_ns, to_ns=to_ns, limit=limit
                )
            )
        )

    async def _found(
        self,
        wanted: Mapping[str, list[str]],
        label: tuple[str, list[str]] | None,
        from_ns: int | None,
        to_ns: int | None,
        states: frozenset[str],
    ) -> list[dict[str, Any]]:
        rows = await self._rows(wanted, label, from_ns, to_ns, limit=_MOST_REQUESTS)
        names = [row["ticket"] for row in rows if row["ticket"]]
        tickets = await run_in_threadpool(self._api.store.tickets_of, names)
        pairs = [(row, tickets.get(row["ticket"] or "")) for row in rows]
        return [
            views.request(row, ticket, self._services, self._config.language)
            for row, ticket in pairs
            if not states or views.status_of(row, ticket) in states
        ]


async def _form(request: Request) -> tuple[dict[str, str], dict[str, list[str]]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refusal(400, "send the request with Content-Type: application/x-www-form-urlencoded; charset=utf-8")
    try:
        return read_form(await request.body())
    except DataError as error:
        raise Refusal(400, str(error)) from error


def _not_too_often(rates: Rates, request: Request) -> None:
    wait_s = rates.wait_s(request.client.host if request.client else "")
    if wait_s:
        raise Refusal(429, "too many requests; ask again later, or with an api_key", retry_after_s=wait_s)


def _listed(text: str) -> list[str]:
    """Values with commas between, at most as many as are answered."""
    return [word for part in text.split(",")[:_MOST_REQUESTS] if (word := part.strip())]
