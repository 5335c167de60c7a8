"""The log of shifts: what one shift tells the next, with what was open at that moment."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.problems import responses
from citywatch.api.shared import EXAMPLE_ID, Api, Cursor, Limit, Page, page, plain_text, read_cursor, shown
from citywatch.domain.commands import CITY, Verb
from citywatch.domain.events import event_id
from citywatch.domain.field import MAX_NAME_CHARACTERS, MAX_SHIFT_NOTE_CHARACTERS, ShiftEntry
from citywatch.ports import Row


class ShiftView(BaseModel):
    """One line of the log."""

    id: str = Field(examples=[EXAMPLE_ID])
    at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    actor: str = Field(examples=["desk-1"])
    kind: ShiftEntry
    to: str = Field(description="Who takes over, of a handover", examples=["desk-2"])
    note: str = Field(examples=["Switch 7 is waiting for power; the supplier comes at ten."])
    counts: dict[str, int] = Field(
        description="What was open at that moment: alerts and tickets by state, devices by state, exercises",
        examples=[{"alerts_open": 3, "tickets_filed": 1, "devices_down": 4}],
    )


class WantedShift(BaseModel):
    """A line for the log: something that the next one should know, or the handing over itself."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "handover", "to": "desk-2", "note": "All quiet."}]}
    )

    kind: ShiftEntry = ShiftEntry.ENTRY
    note: str = Field(min_length=1, max_length=MAX_SHIFT_NOTE_CHARACTERS)
    to: str = Field("", max_length=MAX_NAME_CHARACTERS, description="Who takes over; of a handover alone")

    @field_validator("note", "to")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text).strip()

    @model_validator(mode="after")
    def _complete(self) -> WantedShift:
        if not self.note:
            raise ValueError("note: must hold some text")
        if bool(self.to) != (self.kind is ShiftEntry.HANDOVER):
            raise ValueError("to: name who takes over, of a handover and of nothing else")
        return self


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/shift-log", tags=["shifts"], summary="Read the log of shifts", responses=responses())
    async def shift_log(cursor: Cursor = None, limit: Limit = 50) -> Page[ShiftView]:
        """Newest first."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        rows = await run_in_threadpool(lambda: api.store.shift_log(before=before, limit=most + 1))
        return page(rows, most, "at_ns", _view)

    @app.post(
        "/api/v1/shift-log",
        tags=["shifts"],
        summary="Write into the log of shifts",
        response_model=ShiftView,
        responses={**PENDING, **responses(400, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def log_shift(request: Request, wanted: WantedShift) -> ShiftView | Response:
        """A line with what is open now. Nothing in the log is ever changed; a mistake is put right by another line."""
        counts = await run_in_threadpool(_counts, api)
        command = command_id(request)
        args = {"kind": wanted.kind.value, "note": wanted.note, "to": wanted.to, "counts": counts}
        pending = await give(
            api,
            command=command,
            device=CITY,
            verb=Verb.LOG_SHIFT,
            target="",
            actor=caller_of(request).name,
            args=json.dumps(args, ensure_ascii=False),
        )
        return await run_in_threadpool(_written, api, command) if pending is None else pending


def _counts(api: Api) -> dict[str, int]:
    counts = {name: count for name, count in api.store.counts().items() if count}
    exercises = len(api.store.exercises(lasting=True, before=None, limit=1000))
    return {**counts, "exercises": exercises} if exercises else counts


def _written(api: Api, command: str) -> ShiftView:
    entry = event_id("shift", command)
    row = api.store.shift_entry(entry)
    if row is None:
        raise RuntimeError(f"the line {entry} was accepted and is not in the store")
    return _view(row)


def _view(row: Row) -> ShiftView:
    told = {name: row[name] for name in ("id", "actor", "kind", "to", "note", "counts")}
    return ShiftView(**told, at=shown(row["at_ns"]))
