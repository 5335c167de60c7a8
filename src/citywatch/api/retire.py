"""Devices that are no more."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.devices import DevicePath, DeviceView, one_device
from citywatch.api.problems import missing, responses
from citywatch.api.shared import Api, plain_text
from citywatch.domain.commands import Verb
from citywatch.domain.tickets import MAX_NOTE_CHARACTERS


class Retirement(BaseModel):
    """Why a device is no more; it may be left out."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=MAX_NOTE_CHARACTERS, examples=["the mast was taken down"])] = ""

    @field_validator("note")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text).strip()


def routes(app: FastAPI, api: Api) -> None:
    @app.post(
        "/api/v1/devices/{device:path}/retire",
        tags=["devices"],
        summary="Retire a device",
        response_model=DeviceView,
        responses={**PENDING, **responses(400, 404, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def retire(request: Request, device: DevicePath, wanted: Retirement | None = None) -> DeviceView | Response:
        """A device of any kind is no more: its alerts and tickets end, nothing is required of it from this instant on,
        and what still comes from it is left out. Its history stays. Registering it brings it back."""
        if await run_in_threadpool(api.store.device, device) is None:
            raise missing("device")
        pending = await give(
            api,
            command=command_id(request),
            device=device,
            verb=Verb.RETIRE_DEVICE,
            target=device,
            actor=caller_of(request).name,
            args=json.dumps({"note": "" if wanted is None else wanted.note}, ensure_ascii=False),
        )
        return await run_in_threadpool(one_device, api, device) if pending is None else pending
