"""The HTTP door for stations and devices. Accepted means on disk; refused means kept with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.acquaintances import Acquaintances
from citywatch.api.commands import IDEMPOTENCY, idempotency_key
from citywatch.api.door import append, append_once
from citywatch.api.problems import Problem, responses
from citywatch.api.shared import Api
from citywatch.domain.devices import check_device_id
from citywatch.domain.events import event_id
from citywatch.domain.passes import PassBatch, ScaleStatus
from citywatch.domain.pulses import PulseBatch
from citywatch.errors import DataError, RepeatedWord
from citywatch.wire.letters import letters
from citywatch.wire.station_json import Decoded, Refused, decode

SOURCE_PASSES = "http:passes"
SOURCE_HEARTBEATS = "http:heartbeats"


class PassResult(BaseModel):
    """What became of one record."""

    index: int = Field(description="0-based place in the document", examples=[0])
    status: Literal["accepted", "refused"]
    device: Annotated[str, Field(description="Lane that it was taken for", examples=["CS01/d1/l2"])] = ""
    field: Annotated[str, Field(description="Field that is wrong", examples=[""])] = ""
    reason: Annotated[str, Field(description="Why, in one word", examples=[""])] = ""
    message: Annotated[str, Field(description="Why, in a sentence", examples=[""])] = ""


class PassResults(BaseModel):
    """Every record of the document, decided on its own, in its order."""

    accepted: int = Field(examples=[1])
    refused: int = Field(examples=[0])
    unknown_keys: int = Field(description="Keys that were not understood and ignored", examples=[0])
    results: list[PassResult]


class HeartbeatResults(BaseModel):
    """Heartbeats that were taken down."""

    accepted: int = Field(examples=[2])


_RECORD = {
    "previewCode": "CS0120260131080000000123",
    "previewDate": "2026-01-31 08:00:00.250",
    "previewStationCode": "CS01",
    "licenseCodeFront": "湘A12345",
    "axisNum": 6,
    "speed": 71.5,
    "laneNo": 2,
    "direction": 1,
    "totalWeight": 52000,
    "axle1Weight": 6500,
    "axle2Weight": 9100,
    "axle3Weight": 9100,
    "axle4Weight": 9100,
    "axle5Weight": 9100,
    "axle6Weight": 9100,
    "axleDis": "3300,1350,6900,1310,1310",
}
_STATUS_WORDS = ", ".join(str(flag.name).lower() for flag in ScaleStatus)
_NUMBER: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_RECORD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["previewStationCode", "previewDate", "laneNo", "axisNum", "totalWeight"],
    "properties": {
        "previewCode": {"type": "string", "description": "The station's number of the record; part of its identity"},
        "previewDate": {
            "type": "string",
            "description": "yyyy-MM-dd HH:mm:ss[.fraction] in the station's zone, or yyyyMMddHHmmss[SSS]",
        },
        "previewStationCode": {"type": "string"},
        "licenseCodeFront": {"type": "string", "description": "Plate; personal data"},
        "licenseCodeBack": {"type": "string", "description": "Rear plate; stands for the front one that was not read"},
        "licensePlateColor": {"type": "string"},
        "vehicleType": {"type": "string", "description": "Class of the vehicle as the station calls it"},
        "temperature": {**_NUMBER, "description": "Degrees Celsius"},
        "crossLane": {"description": "1 or true: the vehicle straddled a lane line"},
        "vehicleLength": {**_NUMBER, "description": "In the unit of the spacings"},
        "leftWeights": {"type": "string", "description": "Loads of the left-hand wheels, axle by axle, with commas"},
        "axleSpeeds": {"type": "string", "description": "km/h of each axle, with commas"},
        "acceleration": {**_NUMBER, "description": "Over the scale, m/s2; braking is negative"},
        "occupancyTime": {**_NUMBER, "description": "How long the loop or scale was covered, ms"},
        "wrongWay": {"description": "1 or true: against its lane; 0: with it; missing: not told"},
        "sideAxisNum": {**_NUMBER, "description": "Axles that the side camera counted"},
        "scaleStatus": {"type": "string", "description": f"Words about the record, with commas: {_STATUS_WORDS}"},
        "axisNum": {**_NUMBER, "description": "Axles, 1 to 40"},
        "speed": {**_NUMBER, "description": "km/h"},
        "laneNo": {**_NUMBER, "description": "0 to 99"},
        "direction": {**_NUMBER, "description": "0 to 99"},
        "totalWeight": {**_NUMBER, "description": "Gross, kg (unit configurable)"},
        "axle1Weight": {**_NUMBER, "description": "kg; axle2Weight and so on for the others"},
        "axleDis": {"type": "string", "description": "Spacings from front to rear, mm, separated by commas"},
    },
    "additionalProperties": True,
}
_PASSES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One record or an array of records; numbers may be decimal strings",
        "content": {
            "application/json": {
                "schema": {"anyOf": [_RECORD_SCHEMA, {"type": "array", "items": _RECORD_SCHEMA}]},
                "examples": {
                    "one": {"summary": "One record", "value": _RECORD},
                    "several": {"summary": "An array", "value": [_RECORD]},
                },
            }
        },
    }
}
_HEARTBEATS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The devices that live, by id",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["devices"],
                    "additionalProperties": False,
                    "properties": {"devices": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
                },
                "example": {"devices": ["CS01/d1/l1", "CS01/d1/l2"]},
            }
        },
    }
}


def routes(app: FastAPI, api: Api) -> None:
    form = api.config.station.form()
    acquaintances = Acquaintances(api.store, api.config.max_devices)

    @app.post(
        "/api/v1/ingest/passes",
        tags=["ingest"],
        summary="Push vehicle passes",
        responses=responses(400, 408, 409, 413, 415, 429),
        openapi_extra={**_PASSES_BODY, **IDEMPOTENCY},
    )
    async def passes(request: Request) -> PassResults:
        """Station JSON: one record or an array, each decided on its own. 200 says that all accepted ones are on disk.

        Sent again after a lost answer, a record is recognised among the last 64 of its lane and changes nothing,
        a whole document by its Idempotency-Key. 422 when every record is refused.
        """
        key = idempotency_key(request)
        content = await json_body(request)
        received_ns = api.clock.now_ns()
        try:
            decoded = await run_in_threadpool(
                lambda: decode(
                    content,
                    form,
                    received_ns=received_ns,
                    most=api.config.max_ingest_records,
                    welcome=acquaintances.welcome,
                )
            )
        except DataError as error:
            await refuse_document(api, SOURCE_PASSES, error, content)
            raise Problem(400, "not_readable", str(error)) from error
        api.meter.count("records_read_total", decoded.records, source=SOURCE_PASSES)
        is_new = True
        if decoded.accepted and key is None:
            await append(api, decoded.batch)
        elif decoded.accepted and key is not None:
            is_new = await _append_document(
                api, decoded.batch, event_id("ingest", caller_of(request).name, key), content
            )
        if decoded.refused and is_new:
            await run_in_threadpool(_keep, api, decoded.refused)
        results = _results(decoded)
        if decoded.refused and not decoded.accepted:
            raise Problem(
                422,
                "refused",
                f"no record was accepted; the first: {decoded.refused[0].message}",
                errors=[{"field": f"{r.index}.{r.field}", "message": r.message} for r in decoded.refused[:50]],
                results=[result.model_dump() for result in results],
            )
        return PassResults(
            accepted=len(decoded.accepted),
            refused=len(decoded.refused),
            unknown_keys=decoded.unknown_keys,
            results=results,
        )

    @app.post(
        "/api/v1/ingest/heartbeats",
        tags=["ingest"],
        summary="Push signs of life",
        responses=responses(400, 408, 413, 415, 429),
        openapi_extra=_HEARTBEATS_BODY,
    )
    async def heartbeats(request: Request) -> HeartbeatResults:
        """Devices that live now. The instant is ours: a device's own clock says nothing about when we heard it."""
        content = await json_body(request)
        try:
            devices = await run_in_threadpool(_devices, content, api.config.max_ingest_records, acquaintances.welcome)
        except DataError as error:
            await refuse_document(api, SOURCE_HEARTBEATS, error, content)
            raise Problem(400, "not_readable", str(error)) from error
        at_ns = np.full(len(devices), api.clock.now_ns(), np.int64)
        api.meter.count("records_read_total", len(devices), source=SOURCE_HEARTBEATS)
        await append(api, PulseBatch(devices, at_ns, (api.config.observer,) * len(devices)))
        return HeartbeatResults(accepted=len(devices))


async def json_body(request: Request) -> bytes:
    """The body of a request that says it is JSON; Problem 415 for any other."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "content_type", "send the document with Content-Type: application/json, not compressed")
    return await request.body()


async def refuse_document(api: Api, source: str, error: DataError, content: bytes) -> None:
    """Keep a document that cannot be read at all."""
    api.meter.count("records_refused_total", source=source, reason="not_readable")
    await run_in_threadpool(
        lambda: api.store.dead_letter(
            at_ns=api.clock.now_ns(), source=source, reason="not_readable", message=str(error), content=content
        )
    )


def _keep(api: Api, refused: Sequence[Refused]) -> None:
    for reason, message, content, records in letters(refused):
        api.meter.count("records_refused_total", records, source=SOURCE_PASSES, reason=reason)
        api.store.dead_letter(
            at_ns=api.clock.now_ns(), source=SOURCE_PASSES, reason=reason, message=message, content=content
        )


def _results(decoded: Decoded) -> list[PassResult]:
    results = {
        index: PassResult(index=index, status="accepted", device=device)
        for index, device in zip(decoded.accepted, decoded.batch.device, strict=True)
    }
    for record in decoded.refused:
        results[record.index] = PassResult(
            index=record.index,
            status="refused",
            field=record.field,
            reason=record.reason.value,
            message=record.message,
        )
    return [results[index] for index in sorted(results)]


async def _append_document(api: Api, batch: PassBatch, word: str, content: bytes) -> bool:
    """Append the rows of a document once under its sender's word; False when they are there already."""
    try:
        return await append_once(api, batch, word=word, content=hashlib.blake2b(content, digest_size=16).hexdigest())
    except RepeatedWord as error:
        words = "this Idempotency-Key was sent with another document before; give each document its own"
        raise Problem(409, "key_reused", words) from error


def _devices(content: bytes, most: int, welcome: Callable[[str], bool]) -> tuple[str, ...]:
    """The devices of a heartbeat document, each once. DataError when it is anything else."""
    try:
        document = json.loads(content)
        devices = document["devices"] if isinstance(document, dict) and set(document) == {"devices"} else None
        if not isinstance(devices, list) or not devices or not all(isinstance(device, str) for device in devices):
            raise DataError('heartbeats: send {"devices": ["CS01/d1/l1"]} with at least one id')
        if len(devices) > most:
            raise DataError(f"heartbeats: more than {most} devices in one document; send them in smaller parts")
        heard = tuple(dict.fromkeys(check_device_id(device) for device in devices))
        stranger = next((device for device in heard if not welcome(device)), "")
        if stranger:
            raise DataError(f"heartbeats: {stranger} is not known, and no more fit in; have it registered")
        return heard
    except (ValueError, RecursionError) as error:
        raise DataError(f"heartbeats: {error}") from error
