"""Incidents: one cause above many devices, with what became of each of them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.alerts.desk import alert_id
from citywatch.api.problems import missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Cursor, DevicePattern, Id, Limit, Page, page, read_cursor, shown
from citywatch.domain.incidents import IncidentReason
from citywatch.ports import Row
from citywatch.tickets.desk import ticket_id

_MOST_CHILDREN = 10_000

IncidentState = Literal["open", "closed"]


class IncidentView(BaseModel):
    """One incident: a parent that is gone, or most of its children at once. It has one alert and one repair ticket."""

    id: str = Field(examples=[EXAMPLE_ID])
    root: str = Field(description="The highest parent that is gone", examples=["station-street/switch"])
    site: str = Field(examples=["station-street"])
    state: IncidentState = Field(examples=["open"])
    reason: IncidentReason
    below: int = Field(description="Devices below the root when it was opened", examples=[22])
    joined: int = Field(description="Faults that have ever joined it, the root's own among them", examples=[21])
    away: int = Field(description="Those of which the device is not back", examples=[19])
    first_bad_at: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])
    opened_at: str | None = Field(examples=["2026-01-31T07:58:30.000Z"])
    first_good_at: str | None = Field(examples=[None])
    closed_at: str | None = Field(examples=[None])
    resolution: str = Field(description="restored, absorbed or removed, once closed", examples=[""])
    absorbed_by: str = Field(description="Id of the greater incident that covers it", examples=[""])
    alert: str = Field(description="Id of its alert", examples=[EXAMPLE_ID])
    ticket: str = Field(description="Id of its repair ticket", examples=[EXAMPLE_ID])


class IncidentChild(BaseModel):
    """A device that was away because of the incident, or the root itself."""

    device: str = Field(examples=["camera/north-gate"])
    fault: str = Field(examples=["unreachable"])
    first_bad_at: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])
    last_good_at: str | None = Field(examples=["2026-01-31T07:56:00.000Z"])
    joined_at: str | None = Field(examples=["2026-01-31T07:58:30.000Z"])
    left_at: str | None = Field(examples=[None])
    how: str = Field(
        description="How it left: `back`, `released` (its fault is its own), `moved` (to another one); empty before",
        examples=[""],
    )


class IncidentDetail(IncidentView):
    """An incident with everything that joined it, in that order, at most 10,000."""

    children: list[IncidentChild]


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/incidents", tags=["incidents"], summary="List incidents, newest first", responses=responses())
    async def incidents(
        state: Annotated[IncidentState | None, Query(description="Only incidents in this state")] = None,
        root: Annotated[
            str | None, Query(pattern=DevicePattern, description="Only incidents of this parent", examples=["switch-7"])
        ] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[IncidentView]:
        """Incidents by the instant of opening, newest first."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        rows = await run_in_threadpool(
            lambda: api.store.incidents(state=state, root=root, before=before, limit=most + 1)
        )
        return page(rows, most, "opened_at_ns", incident_view)

    @app.get(
        "/api/v1/incidents/{incident}", tags=["incidents"], summary="Look at an incident", responses=responses(404)
    )
    async def incident(incident: Id) -> IncidentDetail:
        """One incident with its devices: who is away because of it, and who is back."""
        return await run_in_threadpool(_detail, api, incident)


def incident_view(row: Row) -> IncidentView:
    return IncidentView(
        id=row["id"],
        root=row["root"],
        site=row["site"],
        state=row["state"],
        reason=row["reason"],
        below=row["below"],
        joined=row["joined"],
        away=row["away"],
        first_bad_at=shown(row["first_bad_ns"]),
        opened_at=shown(row["opened_at_ns"]),
        first_good_at=shown(row["first_good_ns"]),
        closed_at=shown(row["closed_at_ns"]),
        resolution=row["resolution"],
        absorbed_by=row["absorbed_by"],
        alert=alert_id(row["id"]),
        ticket=ticket_id(row["id"]),
    )


def _detail(api: Api, incident: str) -> IncidentDetail:
    row = api.store.incident(incident)
    if row is None:
        raise missing("incident")
    children = [
        IncidentChild(
            device=child["device"],
            fault=child["fault"],
            first_bad_at=shown(child["first_bad_ns"]),
            last_good_at=shown(child["last_good_ns"]),
            joined_at=shown(child["joined_at_ns"]),
            left_at=shown(child["left_at_ns"]),
            how=child["how"],
        )
        for child in api.store.incident_children(incident, limit=_MOST_CHILDREN)
    ]
    return IncidentDetail(**incident_view(row).model_dump(), children=children)
