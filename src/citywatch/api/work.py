"""Declared work: what is done to a device or to a whole site, and when. Its faults are held meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.door import append
from citywatch.api.problems import invalid, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, body_instant, plain_text
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.events import event_id
from citywatch.domain.instants import format_instant
from citywatch.domain.work import EXPLAINS, MAX_WORK_NOTE_CHARACTERS, MOST_WORK_NS, WorkKind

MOST_DEVICES = 2_000
"""The most devices of a site that one declaration is about."""


class Work(BaseModel):
    """What is done, to what, and when. Either a device or a site is named."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "device": "camera/north-gate",
                    "kind": "re_aiming",
                    "from": "2026-01-31T08:00:00Z",
                    "to": "2026-01-31T10:00:00Z",
                    "note": "turned to the new lane",
                }
            ]
        },
    )

    device: str = Field("", max_length=127)
    site: str = Field("", max_length=100, description="Every camera of this site")
    kind: WorkKind
    begin: str = Field(alias="from", max_length=40, description="RFC 3339, included")
    end: str = Field(alias="to", max_length=40, description="RFC 3339, excluded; at most 31 days later")
    note: str = Field("", max_length=MAX_WORK_NOTE_CHARACTERS)

    @field_validator("device", "site", "note")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text).strip()

    @model_validator(mode="after")
    def _of_one(self) -> Work:
        if bool(self.device) == bool(self.site):
            raise ValueError("name either a device or a site")
        return self


class Declared(BaseModel):
    """Work as it was taken down: one command for each device."""

    kind: WorkKind
    begin: str = Field(serialization_alias="from", examples=["2026-01-31T08:00:00.000Z"])
    end: str = Field(serialization_alias="to", examples=["2026-01-31T10:00:00.000Z"])
    explains: list[str] = Field(description="The faults that are held meanwhile", examples=[["moved", "shaking"]])
    devices: list[str] = Field(examples=[["camera/north-gate"]])
    commands: list[str] = Field(description="Where to ask for each verdict", examples=[[EXAMPLE_ID]])


def routes(app: FastAPI, api: Api) -> None:
    @app.post(
        "/api/v1/work",
        tags=["devices"],
        summary="Declare work",
        response_model=Declared,
        responses={**PENDING, **responses(400, 404, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def declare(request: Request, wanted: Work) -> Declared | Response:
        """Say what is done to a camera, and when: the faults that it explains are held, and count afterwards if they
        are still there. After a `re_aiming` the camera's references are learned anew. Of a whole site the answer is
        202 at once; ask `/api/v1/commands/{command}` for each device's verdict.
        """
        from_ns, to_ns = body_instant("from", wanted.begin), body_instant("to", wanted.end)
        if not from_ns < to_ns <= from_ns + MOST_WORK_NS:
            raise invalid("body.to", "must be after `from`, by 31 days at most")
        args = json.dumps(
            {"kind": wanted.kind.value, "from_ns": from_ns, "to_ns": to_ns, "note": wanted.note}, ensure_ascii=False
        )
        devices = await run_in_threadpool(_devices, api, wanted)
        key = command_id(request)
        commands = [key] if wanted.device else [event_id("command", key, device) for device in devices]
        told = Declared(
            kind=wanted.kind,
            begin=format_instant(from_ns),
            end=format_instant(to_ns),
            explains=sorted(EXPLAINS[wanted.kind]),
            devices=list(devices),
            commands=commands,
        )
        actor = caller_of(request).name
        if wanted.device:
            (device,) = devices
            pending = await give(
                api, command=key, device=device, verb=Verb.DECLARE_WORK, target=device, actor=actor, args=args
            )
            return told if pending is None else pending
        await append(api, _batch(api, devices, commands, actor, args))
        return JSONResponse(told.model_dump(mode="json", by_alias=True), 202)


def _devices(api: Api, wanted: Work) -> Sequence[str]:
    """The devices that are meant; Problem 404 when there is none."""
    if wanted.device:
        if api.store.device(wanted.device) is None:
            raise missing("device")
        return [wanted.device]
    cameras = [row["camera"] for row in api.store.cameras(site=wanted.site, limit=MOST_DEVICES + 1)]
    if not cameras:
        raise missing("site")
    if len(cameras) > MOST_DEVICES:
        raise invalid("body.site", f"has more than {MOST_DEVICES} cameras; name them one by one")
    return cameras


def _batch(api: Api, devices: Sequence[str], commands: Sequence[str], actor: str, args: str) -> CommandBatch:
    count = len(devices)
    return CommandBatch(
        tuple(devices),
        np.full(count, api.clock.now_ns(), np.int64),
        tuple(commands),
        (Verb.DECLARE_WORK.value,) * count,
        tuple(devices),
        (actor,) * count,
        (args,) * count,
    )
