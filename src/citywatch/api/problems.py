"""Errors as RFC 9457 problem documents: every answer from 400 up is one, and none repeats what was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from citywatch.api.headers import DATA_HEADERS
from citywatch.errors import CitywatchError, Fenced, LogError, LogFull, LogUnavailable, OutsideError

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One field that is wrong, and what it should be."""

    field: str = Field(description="Where it stands: query.limit, body.note, ...", examples=["query.limit"])
    message: str = Field(description="What it should be.", examples=["Input should be less than or equal to 500"])


class ProblemDocument(BaseModel):
    """RFC 9457. `type` is stable and for programs, `detail` is for people and says what to do."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:citywatch:problem:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no alert with this id"])
    instance: str = Field(examples=["/api/v1/alerts/0123"])


class Problem(HTTPException):
    """An answer that is a problem. `code` is a word from a bounded set, `detail` names the thing and the fix."""

    headers: Mapping[str, str]

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.more = more


class ProblemResponse(Response):
    """A problem document on the wire."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, instance: str) -> None:
        document = {
            "type": f"urn:citywatch:problem:{problem.code}",
            "title": HTTPStatus(problem.status_code).phrase,
            "status": problem.status_code,
            "detail": problem.detail,
            "instance": instance,
            **problem.more,
        }
        headers = {**DATA_HEADERS, **(problem.headers or {})}
        super().__init__(json.dumps(document, separators=(",", ":")).encode(), problem.status_code, headers)


def missing(noun: str) -> Problem:
    return Problem(404, "not_found", f"there is no {noun} with this id")


def invalid(field: str, message: str) -> Problem:
    """One wrong field that the schema could not see."""
    return Problem(422, "invalid", f"{field}: {message}", errors=[{"field": field, "message": message}])


def of_error(error: CitywatchError, retry_after_seconds: int) -> Problem:
    """What of our own errors the caller can do something about; the rest is ours and stays a 500."""
    retry = {"Retry-After": str(retry_after_seconds)}
    if isinstance(error, LogFull):
        return Problem(429, "log_full", "nothing was accepted: the log is full; send it again later", headers=retry)
    if isinstance(error, LogUnavailable | Fenced):
        return Problem(
            503, "log_unavailable", "nothing was accepted: the log is away; send it again later", headers=retry
        )
    if isinstance(error, OutsideError | LogError):
        return Problem(503, "store_unavailable", "the store is busy or away; ask again later", headers=retry)
    return Problem(500, "internal", "this is our fault and is in the log; nothing you sent caused harm")


def install(app: FastAPI, retry_after_seconds: int) -> None:
    """Answer every kind of failure with a problem document."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101  (the handler's key)
        return ProblemResponse(error, request.url.path)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return ProblemResponse(_of_validation(error.errors()), request.url.path)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = HTTPStatus(error.status_code).name.lower()
        details = {404: "there is nothing at this address", 405: "this address does not take this method; see Allow"}
        detail = details.get(error.status_code, str(error.detail))
        return ProblemResponse(Problem(error.status_code, code, detail, headers=error.headers), request.url.path)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, CitywatchError)  # noqa: S101
        found = of_error(error, retry_after_seconds)
        if found.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise error
        return ProblemResponse(found, request.url.path)

    async def unexpected(request: Request, error: Exception) -> Response:
        return ProblemResponse(of_error(CitywatchError(), retry_after_seconds), request.url.path)

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(CitywatchError, ours)
    app.add_exception_handler(Exception, unexpected)


def _of_validation(errors: Sequence[Any]) -> Problem:
    found = [{"field": ".".join(str(part) for part in error["loc"]), "message": str(error["msg"])} for error in errors]
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(400, "not_json", "the body is not JSON; send one JSON document in UTF-8")
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in found[:5])
    return Problem(422, "invalid", detail, errors=found[:50])


_WORDS = {
    400: "The body is not what it claims to be",
    401: "No valid token",
    403: "The token's role may not do this",
    404: "There is no such thing",
    408: "The body took too long",
    409: "Refused, with the reason",
    413: "The body is too large",
    415: "The body has another content type",
    422: "A field is wrong; `errors` names it and the fix",
    429: "The log takes no more for now; nothing was accepted",
    503: "The log or the store is away; ask again later",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, for OpenAPI."""
    return {
        status: {
            "description": _WORDS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in sorted({401, 403, 422, 503, *statuses})
    }
