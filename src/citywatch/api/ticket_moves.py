"""What people do with repair tickets: take on, hand to a team, hold, report, verify, cancel, merge, reopen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, Order, command_id, give
from citywatch.api.photos import their_ticket
from citywatch.api.problems import Problem, invalid, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Id, body_instant, plain_text
from citywatch.api.ticket_views import TicketDetail, ticket_detail
from citywatch.domain.commands import Verb
from citywatch.domain.events import event_id
from citywatch.domain.incidents import asked_after
from citywatch.domain.tickets import (
    MAX_NOTE_CHARACTERS,
    MAX_PART_CHARACTERS,
    MAX_TEAM_CHARACTERS,
    MOST_OF_A_PART,
    MOST_PARTS,
    MOST_PHOTOS,
    HoldReason,
    RepairOutcome,
    TicketState,
)
from citywatch.ports import Row

_MOST_CHILDREN = 2_000
_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["0" * 64])]
_ANSWERS = {**PENDING, **responses(400, 404, 408, 409, 413, 429)}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        is_text = isinstance(value, str) and not isinstance(value, StrEnum)
        return plain_text(value).strip() if is_text else value


class Remark(_Body):
    """A word for whoever reads the ticket next; it may be left out."""

    note: str = Field("", max_length=MAX_NOTE_CHARACTERS, examples=["not ours: the shop's own camera"])


class UsedPart(_Body):
    """Spare parts of one kind."""

    part: str = Field(min_length=1, max_length=MAX_PART_CHARACTERS, examples=["power supply 12 V"])
    count: int = Field(1, ge=1, le=MOST_OF_A_PART, examples=[1])


class _Brought(_Body):
    photos: list[_Hash] = Field([], max_length=MOST_PHOTOS, description="Hashes that the upload of photos has given")
    parts: list[UsedPart] = Field([], max_length=MOST_PARTS, description="Spare parts that were used")


class Note(_Brought):
    """A note for whoever reads the ticket next."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "Lens cleaned, waiting for dry weather"}]}
    )

    note: str = Field(min_length=1, max_length=MAX_NOTE_CHARACTERS)

    @field_validator("note")
    @classmethod
    def _some_text(cls, note: str) -> str:
        if not note.strip():
            raise ValueError("must hold some text")
        return note


class Handled(_Brought):
    """What came of the work."""

    outcome: RepairOutcome
    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)


class Hold(_Body):
    """Why nobody can go on."""

    reason: HoldReason
    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)
    until: str | None = Field(
        None, max_length=40, description="It goes on by itself then, RFC 3339; without it a person resumes it"
    )


class Team(_Body):
    """Whose it shall be."""

    team: str = Field(min_length=1, max_length=MAX_TEAM_CHARACTERS, examples=["crew-north"])


class Merge(Remark):
    """The ticket that stands for this one from now on."""

    into: str = Field(pattern="^[0-9a-f]{32}$", examples=[EXAMPLE_ID])


def routes(app: FastAPI, api: Api) -> None:
    def move(path: str, summary: str) -> Callable[[_Handler], _Handler]:
        return app.post(
            f"/api/v1/tickets/{{ticket}}/{path}",
            tags=["tickets"],
            summary=summary,
            response_model=TicketDetail,
            responses=_ANSWERS,
            openapi_extra=IDEMPOTENCY,
        )

    @move("accept", "Accept a ticket")
    async def accept(request: Request, ticket: Id) -> TicketDetail | Response:
        """Take the repair on: the response clock stops. Of two people who accept at once, one gets 409."""
        return await _command(request, ticket, Verb.ACCEPT_TICKET, {})

    @move("note", "Add a note to a ticket")
    async def note(request: Request, ticket: Id, wanted: Note) -> TicketDetail | Response:
        """Add a note, photos and spare parts; anybody who may repair can."""
        return await _command(request, ticket, Verb.NOTE_TICKET, wanted.model_dump(mode="json"))

    @move("dispatch", "Hand a ticket to a team")
    async def dispatch(request: Request, ticket: Id, wanted: Team) -> TicketDetail | Response:
        """Give it to a team, or to another one: somebody of it accepts it anew."""
        return await _command(request, ticket, Verb.DISPATCH_TICKET, {"team": wanted.team})

    @move("hold", "Put a ticket on hold")
    async def hold(request: Request, ticket: Id, wanted: Hold) -> TicketDetail | Response:
        """Say why nobody can go on. Whether the repair clock stops for this reason is the contract's word."""
        until_ns = None if wanted.until is None else body_instant("until", wanted.until)
        args = {"reason": wanted.reason.value, "note": wanted.note, "until_ns": until_ns}
        return await _command(request, ticket, Verb.HOLD_TICKET, args)

    @move("resume", "Go on with a ticket")
    async def resume(request: Request, ticket: Id, wanted: Remark | None = None) -> TicketDetail | Response:
        """The hold is over; a clock that stood runs on."""
        return await _command(request, ticket, Verb.RESUME_TICKET, _said(wanted))

    @move("handle", "Report a repair")
    async def handle(request: Request, ticket: Id, wanted: Handled) -> TicketDetail | Response:
        """Say what came of the work. The patrol looks soon: good looks verify and close the ticket, looks that still
        show the fault send it back; of an incident those at some of its children. `not_repairable` waits for the desk.
        """
        return await _command(request, ticket, Verb.HANDLE_TICKET, wanted.model_dump(mode="json"))

    @move("verify", "Verify a repair that the system cannot see")
    async def verify(request: Request, ticket: Id, wanted: Remark | None = None) -> TicketDetail | Response:
        """Only of a ticket that is not `verifiable`: what people found, an exercise, what a person has reopened."""
        return await _command(request, ticket, Verb.VERIFY_TICKET, _said(wanted))

    @move("reopen", "Open a ticket again")
    async def reopen(request: Request, ticket: Id, wanted: Remark | None = None) -> TicketDetail | Response:
        """A repair that was reported and is none, or a ticket that was closed a short while ago."""
        return await _command(request, ticket, Verb.REOPEN_TICKET, _said(wanted))

    @move("cancel", "Cancel a ticket")
    async def cancel(request: Request, ticket: Id, wanted: Remark | None = None) -> TicketDetail | Response:
        """There is nothing to repair. It does not come again for the same cause."""
        return await _command(request, ticket, Verb.CANCEL_TICKET, _said(wanted))

    @move("merge", "Merge a ticket into another")
    async def merge(request: Request, ticket: Id, wanted: Merge) -> TicketDetail | Response:
        """The other ticket stands for this one, which is closed. It does not come again for the same cause."""
        other = await run_in_threadpool(api.store.ticket, wanted.into)
        if other is None:
            raise invalid("body.into", "there is no such ticket")
        if other["state"] == TicketState.CLOSED:
            raise Problem(409, "refused", "refused: the other ticket is closed; it can stand for none", reason="closed")
        return await _command(request, ticket, Verb.MERGE_TICKET, {"into": other["id"], "note": wanted.note})

    async def _command(request: Request, ticket: str, verb: Verb, args: Mapping[str, Any]) -> TicketDetail | Response:
        row = await run_in_threadpool(their_ticket, api, caller_of(request), ticket)
        command, beside = command_id(request), list[Order]()
        if verb == Verb.HANDLE_TICKET and (children := await run_in_threadpool(_away, api, row["cause"])):
            args = {**args, "children": children}
            beside = [
                Order(event_id("command", command, child), child, Verb.EXPECT_REPAIR, row["id"]) for child in children
            ]
        pending = await give(
            api,
            command=command,
            device=row["device"],
            verb=verb,
            target=row["id"],
            actor=caller_of(request).name,
            args=to_json(args).decode(),
            beside=beside,
        )
        if pending is not None:
            return pending
        row = _found(await run_in_threadpool(api.store.ticket, ticket))
        return await run_in_threadpool(ticket_detail, api, row, api.clock.now_ns())


def _away(api: Api, incident: str) -> list[str]:
    """Of an incident the children that say whether its repair has helped; none of what is no incident. Blocking."""
    children = api.store.incident_children(incident, limit=_MOST_CHILDREN)
    return asked_after(sorted({row["device"] for row in children if row["left_at_ns"] is None}))


def _said(wanted: Remark | None) -> dict[str, str]:
    return {"note": "" if wanted is None else wanted.note}


def _found(row: Row | None) -> Row:
    if row is None:
        raise missing("ticket")
    return row
