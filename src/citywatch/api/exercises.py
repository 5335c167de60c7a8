"""Exercises: a fault is played on a real device; its alert and ticket are marked and count nowhere."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.alerts.desk import alert_id
from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.problems import missing, responses
from citywatch.api.shared import (
    EXAMPLE_ID,
    Api,
    Cursor,
    DevicePattern,
    Id,
    Limit,
    Page,
    page,
    plain_text,
    read_cursor,
    shown,
)
from citywatch.domain.commands import Verb
from citywatch.domain.faults import Fault
from citywatch.domain.field import MAX_EXERCISE_NOTE_CHARACTERS, MOST_EXERCISE_NS
from citywatch.domain.instants import NS_PER_S
from citywatch.ports import Row
from citywatch.rules.exercises import exercise_id
from citywatch.tickets.desk import ticket_id


class ExerciseView(BaseModel):
    """One exercise."""

    id: str = Field(examples=[EXAMPLE_ID])
    device: str = Field(examples=["camera/north-gate"])
    fault: str = Field(examples=["unreachable"])
    note: str = Field(examples=["Night drill of the northern team"])
    started_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    started_by: str = Field(examples=["desk-1"])
    until: str | None = Field(description="It ends by itself then", examples=["2026-01-31T10:00:00.000Z"])
    ended_at: str | None = Field(examples=[None])
    ended_by: str = Field(examples=[""])
    how: str = Field(description="ended, expired or device_removed; empty while it lasts", examples=[""])
    drill: str | None = Field(description="What was started with it, /api/v1/drills", examples=[None])
    below: int = Field(description="Of a parent's outage: how many devices it takes along", examples=[0])
    children: list[str] = Field(description="The first twenty of them", examples=[[]])
    alert: str = Field(description="Id of its alert, marked as an exercise", examples=[EXAMPLE_ID])
    ticket: str = Field(description="Id of its ticket, marked as an exercise", examples=[EXAMPLE_ID])


class WantedExercise(BaseModel):
    """A fault to be played."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "device": "camera/north-gate",
                    "fault": "unreachable",
                    "minutes": 120,
                    "note": "Night drill of the northern team",
                }
            ]
        },
    )

    device: str = Field(pattern=DevicePattern)
    fault: Fault
    minutes: int = Field(
        120,
        ge=1,
        le=MOST_EXERCISE_NS // (60 * NS_PER_S),
        description="It ends by itself after so many; two days at most",
    )
    note: str = Field("", max_length=MAX_EXERCISE_NOTE_CHARACTERS)

    @field_validator("note")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text).strip()


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/exercises", tags=["exercises"], summary="List exercises, newest first", responses=responses())
    async def exercises(
        lasting: Annotated[bool, Query(description="Only those that are under way")] = False,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[ExerciseView]:
        """What is played, and what was."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        rows = await run_in_threadpool(lambda: api.store.exercises(lasting=lasting, before=before, limit=most + 1))
        return page(rows, most, "started_at_ns", exercise_view)

    @app.post(
        "/api/v1/exercises",
        tags=["exercises"],
        summary="Start an exercise",
        response_model=ExerciseView,
        responses={**PENDING, **responses(400, 404, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def start(request: Request, wanted: WantedExercise) -> ExerciseView | Response:
        """Play a fault of a device: an alert is opened and a ticket filed, both marked as an exercise. The device's
        state and every figure of contracts stay as they are, and its real faults go on being found.
        """
        if await run_in_threadpool(api.store.device, wanted.device) is None:
            raise missing("device")
        command = command_id(request)
        until_ns = api.clock.now_ns() + wanted.minutes * 60 * NS_PER_S
        args = {"fault": wanted.fault.value, "until_ns": until_ns, "note": wanted.note}
        pending = await give(
            api,
            command=command,
            device=wanted.device,
            verb=Verb.START_EXERCISE,
            target=wanted.device,
            actor=caller_of(request).name,
            args=json.dumps(args, ensure_ascii=False),
        )
        return await run_in_threadpool(_one, api, exercise_id(wanted.device, command)) if pending is None else pending

    @app.delete(
        "/api/v1/exercises/{exercise}",
        tags=["exercises"],
        summary="End an exercise",
        response_model=ExerciseView,
        responses={**PENDING, **responses(404, 409, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def end(request: Request, exercise: Id) -> ExerciseView | Response:
        """Its alert and ticket end as after a repair."""
        row = await run_in_threadpool(api.store.exercise, exercise)
        if row is None:
            raise missing("exercise")
        pending = await give(
            api,
            command=command_id(request),
            device=row["device"],
            verb=Verb.END_EXERCISE,
            target=exercise,
            actor=caller_of(request).name,
        )
        return await run_in_threadpool(_one, api, exercise) if pending is None else pending


def _one(api: Api, exercise: str) -> ExerciseView:
    row = api.store.exercise(exercise)
    if row is None:
        raise missing("exercise")
    return exercise_view(row)


def exercise_view(row: Row) -> ExerciseView:
    told = {name: row[name] for name in ("id", "device", "fault", "note", "started_by", "ended_by", "how")}
    return ExerciseView(
        **told,
        drill=row["drill"] or None,
        below=row["below"],
        children=row["children"],
        started_at=shown(row["started_at_ns"]),
        until=shown(row["until_ns"]),
        ended_at=shown(row["ended_at_ns"]),
        alert=alert_id(row["id"]),
        ticket=ticket_id(row["id"]),
    )
