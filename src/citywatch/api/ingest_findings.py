"""The doors for what people and other systems have found. Accepted means on disk; refused, kept with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, idempotency_key
from citywatch.api.door import append, append_once
from citywatch.api.ingest import json_body, refuse_document
from citywatch.api.problems import Problem, responses
from citywatch.api.shared import Api
from citywatch.domain.events import event_id
from citywatch.errors import DataError, RepeatedWord
from citywatch.wire import alertmanager, finding_json
from citywatch.wire.finding_rows import DecodedFindings, RefusedFinding
from citywatch.wire.letters import letters

SOURCE_FINDINGS = "http:findings"
SOURCE_ALERTS = "http:alerts"
_MOST_TOLD = 50


class FindingRefused(BaseModel):
    """A record that was not accepted."""

    index: int = Field(description="0-based place in the document", examples=[0])
    field: str = Field(description="Field that is wrong", examples=["severity"])
    reason: str = Field(description="Why, in one word", examples=["out_of_range"])
    message: str = Field(
        description="Why, in a sentence", examples=["severity: must be one of critical, info, warning"]
    )


class FindingResults(BaseModel):
    """What became of the records of a document; each was decided on its own."""

    accepted: int = Field(examples=[1])
    refused: Annotated[list[FindingRefused], Field(description="Those that were not accepted")]


_FINDING = {
    "key": "2026-000815",
    "kind": "pothole",
    "severity": "warning",
    "title": "Hole in the road before house 12",
    "note": "about 40 cm wide",
    "at": "2026-01-31T08:00:00Z",
    "lat": 24.3255,
    "lon": 109.4155,
    "address": "Harbour Street 12",
    "labels": {"area": "north"},
    "verified_by": "person",
}
_TEXT = {"type": "string"}
_FINDING_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["key"],
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(finding_json.FIELDS, _TEXT),
        "key": {"type": "string", "description": "The sender's own word for it; the same word is the same finding"},
        "state": {"enum": ["found", "cleared"], "default": "found"},
        "severity": {"enum": ["info", "warning", "critical"], "default": "warning"},
        "until": {"type": "string", "description": "It will be said again by then, or it is over (RFC 3339)"},
        "device": {"type": "string", "description": "Id of the known device that it is about"},
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "lon": {"type": "number", "minimum": -180, "maximum": 180},
        "photos": {"type": "array", "items": _TEXT},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "verified_by": {"enum": ["source", "person"], "default": "source"},
        "source": {"type": "string", "description": "Which of several systems behind one token"},
    },
}
_FINDINGS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One record or an array of records",
        "content": {
            "application/json": {
                "schema": {"anyOf": [_FINDING_SCHEMA, {"type": "array", "items": _FINDING_SCHEMA}]},
                "examples": {
                    "one": {"summary": "One record", "value": _FINDING},
                    "over": {"summary": "It is over", "value": {"key": "2026-000815", "state": "cleared"}},
                },
            }
        },
    }
}
_LABELS: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}
_ALERTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Alertmanager's postableAlerts",
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["labels"],
                        "properties": {
                            "labels": _LABELS,
                            "annotations": _LABELS,
                            "startsAt": _TEXT,
                            "endsAt": _TEXT,
                            "generatorURL": _TEXT,
                        },
                    },
                },
                "example": [
                    {
                        "labels": {"alertname": "DiskFull", "instance": "nvr-7", "severity": "critical"},
                        "annotations": {"summary": "The disk of nvr-7 is full"},
                        "startsAt": "2026-01-31T08:00:00Z",
                        "endsAt": "2026-01-31T08:04:00Z",
                    }
                ],
            }
        },
    }
}


def routes(app: FastAPI, api: Api) -> None:
    sets = alertmanager.LabelSets()

    @app.post(
        "/api/v1/ingest/findings",
        tags=["ingest"],
        summary="Push findings",
        responses=responses(400, 408, 409, 413, 415, 429),
        openapi_extra={**_FINDINGS_BODY, **IDEMPOTENCY},
    )
    async def findings(request: Request) -> FindingResults:
        """What a person or another system has found: one record or an array, each decided on its own. 200 says that
        all accepted ones are on disk. One finding is open for each `key` of a sender: said again it only goes on.
        422 when every record is refused.
        """
        now_ns, token = api.clock.now_ns(), caller_of(request).name

        def decoded(content: bytes) -> DecodedFindings:
            most, known = api.config.max_ingest_records, api.store.known_devices
            return finding_json.decode(content, token=token, now_ns=now_ns, known=known, most=most)

        found = await _taken(api, request, SOURCE_FINDINGS, decoded, now_ns)
        if found.refused and not found.rows:
            raise _refused(422, found.refused)
        return FindingResults(
            accepted=len(found.rows),
            refused=[
                FindingRefused(index=one.index, field=one.field, reason=one.reason.value, message=one.message)
                for one in found.refused
            ],
        )

    @app.post(
        "/api/v2/alerts",
        tags=["ingest"],
        summary="Push alerts as to an Alertmanager",
        response_class=Response,
        responses={**responses(400, 408, 409, 413, 415, 429), 200: {"description": "All are on disk"}},
        openapi_extra=_ALERTS_BODY,
    )
    async def alerts(request: Request) -> Response:
        """The form of Alertmanager's API v2, so that any Prometheus may send here. Each alert is a finding of the
        token's name; what is resolved, or was not said again in time, is over. 400 when any was refused; the others
        are on disk all the same.
        """
        now_ns, token = api.clock.now_ns(), caller_of(request).name

        def decoded(content: bytes) -> DecodedFindings:
            return alertmanager.decode(
                content,
                token=token,
                now_ns=now_ns,
                resolve_s=api.findings.resolve_seconds,
                known=api.store.known_devices,
                most=api.config.max_ingest_records,
                sets=sets,
            )

        found = await _taken(api, request, SOURCE_ALERTS, decoded, now_ns)
        if found.refused:
            raise _refused(400, found.refused)
        return Response()


async def _taken(
    api: Api, request: Request, source: str, decode: Callable[[bytes], DecodedFindings], now_ns: int
) -> DecodedFindings:
    """A document read, its rows on disk, what is refused kept with its reason."""
    key = idempotency_key(request)
    content = await json_body(request)
    try:
        found = await run_in_threadpool(decode, content)
    except DataError as error:
        await refuse_document(api, source, error, content)
        raise Problem(400, "not_readable", str(error)) from error
    api.meter.count("records_read_total", found.records, source=source)
    is_new = True
    if found.rows and key is None:
        await append(api, found.batch(now_ns))
    elif found.rows and key is not None:
        word = event_id("ingest", source, caller_of(request).name, key)
        try:
            digest = hashlib.blake2b(content, digest_size=16).hexdigest()
            is_new = await append_once(api, found.batch(now_ns), word=word, content=digest)
        except RepeatedWord as error:
            words = "this Idempotency-Key was sent with another document before; give each document its own"
            raise Problem(409, "key_reused", words) from error
    if found.refused and is_new:
        await run_in_threadpool(_keep, api, source, found.refused)
    return found


def _keep(api: Api, source: str, refused: Sequence[RefusedFinding]) -> None:
    for reason, message, content, records in letters(refused):
        api.meter.count("records_refused_total", records, source=source, reason=reason)
        api.store.dead_letter(at_ns=api.clock.now_ns(), source=source, reason=reason, message=message, content=content)


def _refused(status: int, refused: Sequence[RefusedFinding]) -> Problem:
    return Problem(
        status,
        "refused",
        f"{len(refused)} refused; the first: {refused[0].message}",
        errors=[{"field": f"{one.index}.{one.field}", "message": one.message} for one in refused[:_MOST_TOLD]],
    )
