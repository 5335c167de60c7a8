"""Pictures of a repair ticket: photos that crews send, and the evidence of the fault as far as crews may see it.

Operators see everything as it is. A crew sees its team's photos as they are, and the evidence of open tickets of its
team coarsely (docs/decisions/0044): enough to see what is wrong, too little to read a plate. Each look is audited.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from citywatch.api.access import UNMASKED, Caller, caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, Pending, command_id, give
from citywatch.api.objects import as_shown
from citywatch.api.problems import Problem, missing, responses
from citywatch.api.shared import Api, Id, shown
from citywatch.domain.commands import Verb
from citywatch.domain.field import MOST_PHOTOS_OF_A_TICKET
from citywatch.domain.tickets import TicketState
from citywatch.errors import OutsideError, RecordRefused
from citywatch.ports import Photo, Row

PHOTO_SIDE = 2048
"""Pixels of the longer side of a photo that is kept."""
CREW_SIDE = 192
"""Pixels of the longer side of evidence as crews see it. A plate that fills a tenth of the picture's width has then
less than three pixels a character."""
_COARSE_KEPT = 64
_KINDS = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _KINDS[:3]},
    }
}

Name = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Hash of the picture", examples=["00" * 32])]


class PhotoView(BaseModel):
    """A photo of a ticket, as it is kept: JPEG without place, time, name or number of the phone."""

    photo: str = Field(description="Hash of its content: its name in notes and in `pictures`", examples=["00" * 32])
    width: int = Field(examples=[2048])
    height: int = Field(examples=[1536])
    size_bytes: int = Field(examples=[412_000])
    at: str | None = Field(examples=["2026-01-31T09:20:00.000Z"])
    actor: str = Field(examples=["crew-3"])


class PendingPhoto(Pending):
    """A photo that is kept, while its ticket does not know of it yet."""

    photo: str = Field(examples=["00" * 32])


class PictureView(BaseModel):
    """A picture of what was seen."""

    what: str = Field(
        description="before (last look in order), at_fault, reference, newest, or reported (with a finding)",
        examples=["at_fault"],
    )
    name: str = Field(description="Its name under /api/v1/tickets/{ticket}/pictures/", examples=["00" * 32])
    at: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])


def routes(app: FastAPI, api: Api) -> None:
    coarse = _Coarse(lambda content: api.photos.recoded(content, CREW_SIDE).content)

    @app.post(
        "/api/v1/tickets/{ticket}/photos",
        tags=["tickets"],
        summary="Send a photo of a repair",
        response_model=PhotoView,
        responses={**PENDING, 202: {**PENDING[202], "model": PendingPhoto}, **responses(404, 408, 409, 413, 415, 429)},
        openapi_extra={**IDEMPOTENCY, **_BODY},
    )
    async def photo(request: Request, ticket: Id) -> PhotoView | Response:
        """The bytes of a JPEG, PNG or WebP. It is decoded within limits and written anew, at most 2,048 pixels on its
        longer side: nothing but pixels is kept. Name the answer's `photo` in a note, or when the repair is reported.
        """
        kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
        if kind not in _KINDS:
            raise Problem(415, "content_type", f"send the bytes of a photo, as one of {', '.join(_KINDS)}")
        caller = caller_of(request)
        row = await run_in_threadpool(_room_for_another, api, caller, ticket)
        content = await request.body()
        kept, name = await run_in_threadpool(_kept, api, content)
        told = {"photo": name, "width": kept.width, "height": kept.height, "size_bytes": len(kept.content)}
        pending = await give(
            api,
            command=command_id(request),
            device=row["device"],
            verb=Verb.ADD_PHOTO,
            target=ticket,
            actor=caller.name,
            args=json.dumps(told),
        )
        if isinstance(pending, JSONResponse):
            headers = {"Location": pending.headers["location"]}
            return JSONResponse({**json.loads(bytes(pending.body)), "photo": name}, 202, headers)
        photos = {one.photo: one for one in await run_in_threadpool(photos_of, api, ticket)}
        return photos[name]

    @app.get(
        "/api/v1/tickets/{ticket}/pictures/{name}",
        tags=["tickets"],
        summary="Look at a picture of a ticket",
        response_class=Response,
        responses={
            200: {
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")
                }
            },
            **responses(404),
        },
    )
    async def picture(request: Request, ticket: Id, name: Name) -> Response:
        """A photo of the ticket, or a picture of its evidence as `GET .../order` lists them. Crews see the evidence of
        their team's open tickets, coarsely. Each look is audited.
        """
        caller = caller_of(request)
        found = await run_in_threadpool(_picture, api, caller, ticket, name, coarse)
        await run_in_threadpool(
            lambda: api.store.audit(
                at_ns=api.clock.now_ns(),
                actor=caller.name,
                action="saw_picture",
                target=f"ticket/{ticket}/object/{name}",
            )
        )
        return Response(found, media_type="image/jpeg" if found.startswith(b"\xff\xd8\xff") else "image/png")


def their_ticket(api: Api, caller: Caller, ticket: str) -> Row:
    """The ticket's row; Problem 404 when there is none, 403 when it is another team's."""
    row = api.store.ticket(ticket)
    if row is None:
        raise missing("ticket")
    if not caller.repairs(row.get("team", "")):
        raise Problem(403, "team", f"this ticket is not for your team, {caller.team}")
    return row


def photos_of(api: Api, ticket: str) -> list[PhotoView]:
    """The photos of a ticket."""
    return [
        PhotoView(
            photo=row["photo"],
            width=row["width"],
            height=row["height"],
            size_bytes=row["size_bytes"],
            at=shown(row["at_ns"]),
            actor=row["actor"],
        )
        for row in api.store.ticket_photos(ticket)
    ]


def evidence_of(api: Api, row: Row) -> list[PictureView]:
    """What was seen of a ticket's fault, and the newest look at its device; each picture once."""
    alert = api.store.alert(row["alert"]) or {"subject": {}, "opened_at_ns": None}
    subject = alert["subject"]
    found = [
        ("before", subject.get("previous"), subject.get("last_good_ns")),
        ("at_fault", subject.get("picture"), alert["opened_at_ns"]),
        ("reference", subject.get("reference"), None),
        *(("reported", name, alert["opened_at_ns"]) for name in subject.get("photos", ())),
    ]
    look = api.patrol.looks([row["device"]]).get(row["device"])
    if look is not None:
        found.append(("newest", look.get("picture"), look["at_ns"]))
    once: dict[str, PictureView] = {}
    for what, name, at_ns in found:
        if name:
            once.setdefault(name, PictureView(what=what, name=name, at=shown(at_ns)))
    return list(once.values())


def sees_evidence(caller: Caller, row: Row) -> bool:
    """Operators always; a crew as long as the ticket is open."""
    return caller.role in UNMASKED or row["state"] != TicketState.CLOSED


class _Coarse:
    """Coarse copies of evidence, the last _COARSE_KEPT of them remembered. Thread-safe."""

    def __init__(self, make: Callable[[bytes], bytes]) -> None:
        self._make = make
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, name: str, picture: bytes) -> bytes:
        with self._lock:
            known = self._known.get(name)
        if known is None:
            known = self._make(picture)
            with self._lock:
                self._known[name] = known
                while len(self._known) > _COARSE_KEPT:
                    self._known.popitem(last=False)
        return known


def _room_for_another(api: Api, caller: Caller, ticket: str) -> Row:
    row = their_ticket(api, caller, ticket)
    if row["state"] == TicketState.CLOSED:
        raise Problem(409, "refused", "refused: it is over already", reason="not_open")
    if len(api.store.ticket_photos(ticket)) >= MOST_PHOTOS_OF_A_TICKET:
        raise Problem(
            409,
            "refused",
            f"refused: the ticket has {MOST_PHOTOS_OF_A_TICKET} photos already",
            reason="too_many_photos",
        )
    return row


def _kept(api: Api, content: bytes) -> tuple[Photo, str]:
    try:
        photo = api.photos.recoded(content, PHOTO_SIDE)
    except RecordRefused as error:
        raise Problem(422, "photo", str(error), reason=error.reason) from error
    except OutsideError as error:
        if error.reason != "busy":
            raise
        raise Problem(429, "busy", str(error), headers={"Retry-After": "5"}) from error
    # Pinned as evidence when the event is projected: a photo whose command never gets there gives way to newer ones.
    return photo, api.objects.put(photo.content)


def _picture(api: Api, caller: Caller, ticket: str, name: str, coarse: _Coarse) -> bytes:
    row = their_ticket(api, caller, ticket)
    is_photo = any(one.photo == name for one in photos_of(api, ticket))
    if not is_photo:
        if not any(one.name == name for one in evidence_of(api, row)):
            raise Problem(404, "not_found", "this picture is none of the ticket's")
        if not sees_evidence(caller, row):
            raise Problem(403, "over", "the repair is over; its evidence is for operators and administrators")
    content = api.objects.get(name)
    picture = None if content is None else as_shown(content)
    if picture is None:
        raise Problem(404, "not_found", "there is no such picture, or it gave way to newer ones")
    return picture if is_photo or caller.role in UNMASKED else coarse.of(name, picture)
