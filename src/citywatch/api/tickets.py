"""Repair tickets: list, look at with every step, accept, add a note."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.problems import missing, responses
from citywatch.api.shared import (
    EXAMPLE_ID,
    Api,
    Cursor,
    DeviceFilter,
    Id,
    Limit,
    Page,
    page,
    plain_text,
    read_cursor,
    shown,
)
from citywatch.domain.commands import Verb
from citywatch.domain.tickets import MAX_NOTE_CHARACTERS, TicketState
from citywatch.ports import Row


class TicketStep(BaseModel):
    """One step of a ticket; `actor` is empty for the system itself."""

    step: str = Field(description="filed, accepted, noted, verified or closed", examples=["accepted"])
    at: str | None = Field(examples=["2026-01-31T08:05:00.000Z"])
    actor: str = Field(examples=["crew-3"])
    note: str = Field(examples=[""])
    reason: str = Field(examples=[""])


class TicketView(BaseModel):
    """One repair ticket. The system itself verifies and closes it when the device is in order again."""

    id: str = Field(examples=[EXAMPLE_ID])
    alert: str = Field(examples=[EXAMPLE_ID])
    device: str = Field(examples=["camera/north-gate"])
    fault: str = Field(examples=["frozen"])
    state: TicketState
    reason: str = Field(examples=["frozen"])
    first_bad_at: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])
    filed_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    accepted_at: str | None = Field(examples=[None])
    accepted_by: str = Field(examples=[""])
    first_good_at: str | None = Field(examples=[None])
    verified_at: str | None = Field(examples=[None])
    closed_at: str | None = Field(examples=[None])
    resolution: str = Field(examples=[""])


class TicketDetail(TicketView):
    """A ticket with every step that was taken."""

    steps: list[TicketStep]


class Note(BaseModel):
    """A note for whoever reads the ticket next."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "Lens cleaned, waiting for dry weather"}]}
    )

    note: str = Field(min_length=1, max_length=MAX_NOTE_CHARACTERS)

    @field_validator("note")
    @classmethod
    def _readable(cls, note: str) -> str:
        if not note.strip():
            raise ValueError("must hold some text")
        return plain_text(note).strip()


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/tickets", tags=["tickets"], summary="List tickets, newest first", responses=responses())
    async def tickets(
        state: Annotated[TicketState | None, Query(description="Only tickets in this state")] = None,
        device: DeviceFilter = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[TicketView]:
        """Repair tickets by the instant of filing, newest first."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        rows = await run_in_threadpool(
            lambda: api.store.tickets(
                state=None if state is None else state.value, device=device, before=before, limit=most + 1
            )
        )
        return page(rows, most, "filed_at_ns", ticket_view)

    @app.get("/api/v1/tickets/{ticket}", tags=["tickets"], summary="Look at a ticket", responses=responses(404))
    async def ticket(ticket: Id) -> TicketDetail:
        """One ticket with every step, who took it and when."""
        return await run_in_threadpool(_detail, api, ticket)

    @app.post(
        "/api/v1/tickets/{ticket}/accept",
        tags=["tickets"],
        summary="Accept a ticket",
        response_model=TicketDetail,
        responses={**PENDING, **responses(404, 409, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def accept(request: Request, ticket: Id) -> TicketDetail | Response:
        """Take the repair on: the response clock stops. Of two people who accept at once, one gets 409."""
        return await _command(request, ticket, Verb.ACCEPT_TICKET, "{}")

    @app.post(
        "/api/v1/tickets/{ticket}/note",
        tags=["tickets"],
        summary="Add a note to a ticket",
        response_model=TicketDetail,
        responses={**PENDING, **responses(400, 404, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def note(request: Request, ticket: Id, wanted: Note) -> TicketDetail | Response:
        """Add a note; anybody who may repair can."""
        return await _command(request, ticket, Verb.NOTE_TICKET, json.dumps({"note": wanted.note}, ensure_ascii=False))

    async def _command(request: Request, ticket: str, verb: Verb, args: str) -> TicketDetail | Response:
        row = _found(await run_in_threadpool(api.store.ticket, ticket))
        pending = await give(
            api,
            command=command_id(request),
            device=row["device"],
            verb=verb,
            target=ticket,
            actor=caller_of(request).name,
            args=args,
        )
        return await run_in_threadpool(_detail, api, ticket) if pending is None else pending


def ticket_view(row: Row) -> TicketView:
    return TicketView(
        id=row["id"],
        alert=row["alert"],
        device=row["device"],
        fault=row["fault"],
        state=row["state"],
        reason=row["reason"],
        first_bad_at=shown(row["first_bad_ns"]),
        filed_at=shown(row["filed_at_ns"]),
        accepted_at=shown(row["accepted_at_ns"]),
        accepted_by=row["accepted_by"],
        first_good_at=shown(row["first_good_ns"]),
        verified_at=shown(row["verified_at_ns"]),
        closed_at=shown(row["closed_at_ns"]),
        resolution=row["resolution"],
    )


def _detail(api: Api, ticket: str) -> TicketDetail:
    row = _found(api.store.ticket(ticket))
    steps = [
        TicketStep(
            step=step["step"], at=shown(step["at_ns"]), actor=step["actor"], note=step["note"], reason=step["reason"]
        )
        for step in api.store.ticket_steps(ticket)
    ]
    return TicketDetail(**ticket_view(row).model_dump(), steps=steps)


def _found(row: Row | None) -> Row:
    if row is None:
        raise missing("ticket")
    return row
