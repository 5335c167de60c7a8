"""Work orders: everything that a crew needs of one ticket, in one answer; and how to get to a device."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import ROLES, Caller, caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.devices import DevicePath
from citywatch.api.photos import PhotoView, PictureView, evidence_of, photos_of, sees_evidence, their_ticket
from citywatch.api.problems import Problem, missing, responses
from citywatch.api.roles import Role
from citywatch.api.shared import Api, Id, plain_text, shown
from citywatch.api.ticket_views import TicketDetail, ticket_detail
from citywatch.domain.commands import Verb
from citywatch.domain.field import MAX_ACCESS_CHARACTERS
from citywatch.domain.tickets import TicketMove, TicketState
from citywatch.ports import Row
from citywatch.tickets.table import MOVES

_BY_PEOPLE = (
    TicketMove.ACCEPT,
    TicketMove.HANDLE,
    TicketMove.HOLD,
    TicketMove.RESUME,
    TicketMove.NOTE,
    TicketMove.DISPATCH,
    TicketMove.VERIFY,
    TicketMove.REOPEN,
    TicketMove.MERGE,
    TicketMove.CANCEL,
)
"""Moves that people make, those first that are made most."""

_Text = Annotated[str, Field(max_length=MAX_ACCESS_CHARACTERS)]


class Place(BaseModel):
    """Where the device is, and what it is."""

    device: str = Field(examples=["camera/north-gate"])
    kind: str = Field(examples=["camera"])
    name: str = Field(examples=["North gate"])
    place: str = Field(examples=["Ring road, km 12"])
    site: str = Field(examples=["north"])
    parent: str = Field(description="What it hangs on, empty for nothing", examples=["switch-7"])
    state: str = Field(examples=["down"])


class Reported(BaseModel):
    """What somebody has found, in his own words."""

    title: str = Field(examples=["Hole in the road"])
    note: str = Field(examples=["As deep as a hand, right lane"])
    address: str = Field(examples=["Wuyi Road 12"])
    lat: float | None = Field(examples=[28.194])
    lon: float | None = Field(examples=[112.982])
    source: str = Field(examples=["open311"])


class Way(BaseModel):
    """How to get to a device. The note about the key is asked for by itself: that look is audited."""

    access: str = Field(description="The way: gate, pole, ladder, which side", examples=["Pole 7, by the bus stop"])
    contact: str = Field(description="Who opens", examples=["Caretaker Wang, 0731 0000 0000"])
    has_key: bool = Field(description="Whether there is a note about the key", examples=[True])
    changed_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    changed_by: str = Field(examples=["crew-3"])


class Access(BaseModel):
    """How to get to a device, with the key."""

    access: str = Field(examples=["Pole 7, by the bus stop"])
    contact: str = Field(examples=["Caretaker Wang, 0731 0000 0000"])
    key: str = Field(examples=["Key 14 of the box at the depot"])
    changed_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    changed_by: str = Field(examples=["crew-3"])


class WantedAccess(BaseModel):
    """How to get to a device, from now on; what is left out is emptied."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"access": "Pole 7, by the bus stop", "key": "Key 14 of the box at the depot"}]
        },
    )

    access: _Text = ""
    contact: _Text = ""
    key: _Text = ""

    @field_validator("access", "contact", "key")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text).strip()


class Order(BaseModel):
    """A work order: the ticket, and what the one who goes there needs."""

    ticket: TicketDetail
    moves: list[str] = Field(
        description="What the caller may do now: POST /api/v1/tickets/{ticket}/{move}", examples=[["accept", "note"]]
    )
    place: Place
    found: Reported | None = Field(description="Of a finding: what was said of it; else null")
    way: Way
    pictures: list[PictureView] = Field(
        description="What was seen before, at the fault and last; none for a crew once the ticket is closed"
    )
    photos: list[PhotoView] = Field(description="Photos of the repair")
    coarse: bool = Field(description="Whether the pictures are shown coarsely to this caller", examples=[False])


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        "/api/v1/tickets/{ticket}/order",
        tags=["tickets"],
        summary="The work order of a ticket",
        responses=responses(404),
    )
    async def order(request: Request, ticket: Id) -> Order:
        """Place and way, pictures and photos, and what may be done now. A crew reads those of its own team."""
        return await run_in_threadpool(_order, api, caller_of(request), ticket)

    @app.get(
        "/api/v1/devices/{device:path}/access",
        tags=["devices"],
        summary="How to get to a device",
        responses=responses(404),
    )
    async def access(request: Request, device: DevicePath) -> Access:
        """The way, who opens, and where the key is. A crew reads it while its team has an open ticket of the device.
        Each look is audited.
        """
        caller = caller_of(request)
        row = await run_in_threadpool(_their_device, api, caller, device)
        await run_in_threadpool(
            lambda: api.store.audit(
                at_ns=api.clock.now_ns(), actor=caller.name, action="saw_access", target=f"device/{device}"
            )
        )
        return _access(row)

    @app.put(
        "/api/v1/devices/{device:path}/access",
        tags=["devices"],
        summary="Say how to get to a device",
        response_model=Access,
        responses={**PENDING, **responses(400, 404, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def put_access(request: Request, device: DevicePath, wanted: WantedAccess) -> Access | Response:
        """Whoever was there knows best. Write where a key is; a code, which opens by itself, belongs elsewhere."""
        caller = caller_of(request)
        await run_in_threadpool(_their_device, api, caller, device)
        pending = await give(
            api,
            command=command_id(request),
            device=device,
            verb=Verb.NOTE_DEVICE,
            target=device,
            actor=caller.name,
            args=wanted.model_dump_json(),
        )
        return _access(await run_in_threadpool(api.store.device_access, device)) if pending is None else pending


def moves_of(caller: Caller, row: Row) -> list[str]:
    """What this caller may do with a ticket now, the usual first."""
    state = TicketState(row["state"])
    lawful = [move for move in _BY_PEOPLE if (state, move) in MOVES]
    if row.get("verifiable", True):
        lawful = [move for move in lawful if move is not TicketMove.VERIFY]
    return [
        move.value
        for move in lawful
        if caller.role in ROLES.get(("POST", f"/api/v1/tickets/{{ticket}}/{move}"), frozenset())
    ]


def _order(api: Api, caller: Caller, ticket: str) -> Order:
    row = their_ticket(api, caller, ticket)
    device = api.store.device(row["device"]) or {}
    way = api.store.device_access(row["device"])
    return Order(
        ticket=ticket_detail(api, row, api.clock.now_ns()),
        moves=moves_of(caller, row),
        place=Place(
            device=row["device"], **{name: device.get(name, "") for name in Place.model_fields if name != "device"}
        ),
        found=_found(api, row),
        way=Way(
            access="" if way is None else way["access"],
            contact="" if way is None else way["contact"],
            has_key=way is not None and bool(way["key"]),
            changed_at=None if way is None else shown(way["changed_at_ns"]),
            changed_by="" if way is None else way["changed_by"],
        ),
        pictures=evidence_of(api, row) if sees_evidence(caller, row) else [],
        photos=photos_of(api, ticket),
        coarse=caller.role is Role.CREW,
    )


def _found(api: Api, row: Row) -> Reported | None:
    """What was said of a finding; None for what the city has seen itself."""
    subject = (api.store.alert(row["alert"]) or {"subject": {}})["subject"]
    if "finding" not in subject:
        return None
    texts = {name: str(subject.get(name) or "") for name in ("title", "note", "address", "source")}
    return Reported(**texts, lat=subject.get("lat"), lon=subject.get("lon"))


def _their_device(api: Api, caller: Caller, device: str) -> Row | None:
    """What is written of the device; Problem 404 for an unknown one, 403 for a crew that has nothing to do there."""
    if api.store.device(device) is None:
        raise missing("device")
    if caller.role is Role.CREW:
        tickets = api.store.tickets(state=None, device=device, before=None, limit=50)
        if not any(row["state"] != TicketState.CLOSED and caller.repairs(row.get("team", "")) for row in tickets):
            raise Problem(403, "team", "your team has no open ticket of this device")
    return api.store.device_access(device)


def _access(row: Row | None) -> Access:
    if row is None:
        return Access(access="", contact="", key="", changed_at=None, changed_by="")
    notes = {name: row[name] for name in ("access", "contact", "key", "changed_by")}
    return Access(**notes, changed_at=shown(row["changed_at_ns"]))
