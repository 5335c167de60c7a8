"""Devices: list, look at, register, and the history of their states."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.alerts.desk import alert_id
from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.problems import missing, responses
from citywatch.api.shared import (
    Api,
    Cursor,
    DevicePattern,
    From,
    Kind,
    Limit,
    Page,
    To,
    plain_text,
    read_name_cursor,
    shown,
    window,
    write_cursor,
)
from citywatch.domain.commands import Verb
from citywatch.domain.devices import DeviceKind, DeviceState, check_device_id
from citywatch.ports import Row
from citywatch.tickets.desk import ticket_id

_PAGES = 20


class PresentFault(BaseModel):
    """A fault that is confirmed and not cleared yet."""

    fault: str = Field(examples=["frozen"])
    reason: str = Field(examples=["frozen"])
    first_bad_at: str | None = Field(
        description="The first bad look: it is down since then at the latest", examples=["2026-01-31T07:58:00.000Z"]
    )
    last_good_at: str | None = Field(
        None,
        description="The last good look before it: it is down since then at the earliest; null when it was never good",
        examples=["2026-01-31T07:53:00.000Z"],
    )
    incident: str | None = Field(description="Id of the incident that it is part of", examples=[None])
    alert: str = Field(description="Id of its alert, or of the incident's")
    ticket: str = Field(description="Id of its repair ticket, or of the incident's")


class DeviceView(BaseModel):
    """One device and what is known of it now."""

    device: str = Field(examples=["camera/north-gate"])
    kind: str = Field(description="Kind of device, or empty where nothing has told it yet", examples=["camera"])
    name: str = Field(examples=["North gate"])
    place: str = Field(examples=["Ring road, km 12"])
    heartbeat_s: int = Field(description="Seconds between promised heartbeats, 0 for none", examples=[0])
    parent: str = Field(description="Id of the device that it hangs on, empty for none", examples=["switch-7"])
    site: str = Field(examples=["station-street"])
    state: DeviceState
    state_since: str | None = Field(
        description="From when the state surely holds; null before the first", examples=["2026-01-31T07:58:30.000Z"]
    )
    faults: list[PresentFault]
    changed_at: str | None = Field(examples=["2026-01-31T07:58:30.000Z"])


class StateView(BaseModel):
    """One change of state. The instant of the change lies between the two bounds."""

    seq: int = Field(examples=[17])
    state: DeviceState
    worst_from: str | None = Field(
        description="Where the worst reading lets it begin (down: last good look, up: first good look)",
        examples=["2026-01-31T07:57:00.000Z"],
    )
    best_from: str | None = Field(
        description="Where the best reading lets it begin (down: first bad look, up: last bad look)",
        examples=["2026-01-31T07:58:00.000Z"],
    )
    reason: str = Field(examples=["frozen"])


class InhibitedView(BaseModel):
    """A time in which the device was away because of its parent: inhibited by the parent, not down by itself."""

    incident: str = Field(description="Id of the incident")
    parent: str = Field(description="The root of the incident", examples=["switch-7"])
    worst_from: str | None = Field(description="Last good look before it", examples=["2026-01-31T07:57:00.000Z"])
    best_from: str | None = Field(description="First bad look", examples=["2026-01-31T07:58:00.000Z"])
    to: str | None = Field(description="When it was over; null while it lasts", examples=[None])


class StateHistory(BaseModel):
    """States of one device that matter in a window, in the order in which they were decided."""

    device: str = Field(examples=["camera/north-gate"])
    states: list[StateView]
    inhibited: list[InhibitedView]


class Registration(BaseModel):
    """A device that is to be watched."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "device": "CS01/d1/l2",
                    "kind": "scale",
                    "name": "Station 1, northbound, lane 2",
                    "place": "G319, km 44",
                    "heartbeat_s": 30,
                }
            ]
        },
    )

    device: str = Field(pattern=DevicePattern, description="1 to 127 letters, digits and . _ : / -")
    kind: DeviceKind
    name: Annotated[str, Field(max_length=200)] = ""
    place: Annotated[str, Field(max_length=200)] = ""
    heartbeat_s: Annotated[
        int, Field(ge=0, le=86_400, description="Promised seconds between heartbeats; 0 for none")
    ] = 0
    parent: Annotated[
        str, Field(pattern=f"^$|{DevicePattern}", description="The device that it hangs on, empty for none")
    ] = ""
    site: Annotated[str, Field(max_length=100, description="What shares a line or a place")] = ""

    @field_validator("device")
    @classmethod
    def _lawful(cls, device: str) -> str:
        return check_device_id(device)

    @field_validator("name", "place", "site")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text)


DevicePath = Annotated[
    str,
    Path(pattern=DevicePattern, description="Id of the device; its slashes stay slashes", examples=["CS01/d1/l2"]),
]


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/devices", tags=["devices"], summary="List devices", responses=responses())
    async def devices(
        kind: Kind = None,
        state: Annotated[DeviceState | None, Query(description="Only devices in this state")] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[DeviceView]:
        """Devices by id, with their state and present faults. With `state`, a page may hold fewer than `limit`."""
        after = read_name_cursor(cursor)
        rows, following = await run_in_threadpool(
            _search, api, kind, state, after, min(limit, api.config.max_page_rows)
        )
        return Page(items=await run_in_threadpool(_views, api, rows), next=following)

    @app.post(
        "/api/v1/devices",
        tags=["devices"],
        summary="Register a device",
        response_model=DeviceView,
        responses={**PENDING, **responses(400, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def register(request: Request, wanted: Registration) -> DeviceView | Response:
        """Register a device, or change how it is described. A command: 200 with the new state, 409, or 202."""
        current = await run_in_threadpool(api.store.device, wanted.device)
        described = wanted.model_dump(mode="json", exclude={"device"})
        if current is not None and all(current[key] == value for key, value in described.items()):
            return await run_in_threadpool(one_device, api, wanted.device)
        pending = await give(
            api,
            command=command_id(request),
            device=wanted.device,
            verb=Verb.REGISTER_DEVICE,
            target=wanted.device,
            actor=caller_of(request).name,
            args=json.dumps(described, ensure_ascii=False),
        )
        return await run_in_threadpool(one_device, api, wanted.device) if pending is None else pending

    @app.get(
        "/api/v1/device-states",
        tags=["devices"],
        summary="History of a device's states",
        responses=responses(404),
    )
    async def states(
        device: Annotated[str, Query(pattern=DevicePattern, examples=["camera/north-gate"])], begin: From, end: To
    ) -> StateHistory:
        """Every change inside the window and the one that held at its begin."""
        from_ns, to_ns = window(begin, end)
        _found(await run_in_threadpool(api.store.device, device))
        rows = await run_in_threadpool(api.store.device_states, [device], from_ns, to_ns)
        inhibited = await run_in_threadpool(api.store.inhibited, [device], from_ns, to_ns)
        return StateHistory(
            device=device,
            states=[
                StateView(
                    seq=row["seq"],
                    state=row["state"],
                    worst_from=shown(row["worst_from_ns"]),
                    best_from=shown(row["best_from_ns"]),
                    reason=row["reason"],
                )
                for row in rows
            ],
            inhibited=[
                InhibitedView(
                    incident=row["incident"],
                    parent=row["root"],
                    worst_from=shown(row["last_good_ns"]) or shown(row["first_bad_ns"]),
                    best_from=shown(row["first_bad_ns"]),
                    to=shown(row["left_at_ns"]),
                )
                for row in inhibited
            ],
        )

    @app.get("/api/v1/devices/{device:path}", tags=["devices"], summary="Look at a device", responses=responses(404))
    async def device(device: DevicePath) -> DeviceView:
        """One device with its state and present faults."""
        return await run_in_threadpool(one_device, api, device)


def device_view(row: Row, incidents: Mapping[str, str]) -> DeviceView:
    """A device's row for people; `incidents` are those that its faults are part of, by the fault's cause."""
    return DeviceView(
        device=row["device"],
        kind=row["kind"],
        name=row["name"],
        place=row["place"],
        heartbeat_s=row["heartbeat_s"],
        parent=row["parent"],
        site=row["site"],
        state=row["state"],
        state_since=shown(row["state_since_ns"]),
        faults=[
            PresentFault(
                fault=fault["fault"],
                reason=fault["reason"],
                first_bad_at=shown(fault["first_bad_ns"]),
                last_good_at=shown(fault.get("last_good_ns", -1)),
                incident=incidents.get(fault["cause"]),
                alert=fault.get("alert") or alert_id(incidents.get(fault["cause"], fault["cause"])),
                ticket=ticket_id(incidents.get(fault["cause"], fault["cause"])),
            )
            for fault in row["faults"]
        ],
        changed_at=shown(row["changed_at_ns"]),
    )


def one_device(api: Api, device: str) -> DeviceView:
    """A device as it stands. Problem 404. Blocking."""
    return _views(api, [_found(api.store.device(device))])[0]


def _views(api: Api, rows: Sequence[Row]) -> list[DeviceView]:
    incidents = api.store.incidents_of([fault["cause"] for row in rows for fault in row["faults"]])
    return [device_view(row, incidents) for row in rows]


def _found(row: Row | None) -> Row:
    if row is None:
        raise missing("device")
    return row


def _search(
    api: Api, kind: DeviceKind | None, state: DeviceState | None, after: str, limit: int
) -> tuple[Sequence[Row], str | None]:
    """Up to `limit` devices; the store cannot filter by state, so a bounded number of its pages is looked through."""
    found: list[Row] = []
    for _ in range(_PAGES):
        rows = api.store.devices(kind=None if kind is None else kind.value, after=after, limit=limit + 1)
        for row in rows[:limit]:
            after = row["device"]
            if state is None or row["state"] == state.value:
                found.append(row)
                if len(found) == limit:
                    break
        if len(found) == limit or len(rows) <= limit:
            more = len(rows) > limit or (bool(rows) and after != rows[-1]["device"])
            return found, write_cursor(after) if more else None
    return found, write_cursor(after)
