"""How things stand, in numbers; and who is asking."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.problems import responses
from citywatch.api.roles import Role
from citywatch.api.shared import Api, shown


class Overview(BaseModel):
    """Numbers for the top of a page."""

    at: str = Field(examples=["2026-01-31T08:00:00.000Z"])
    alerts: dict[str, int] = Field(description="Alerts that are not over, by state", examples=[{"open": 3}])
    tickets: dict[str, int] = Field(description="Tickets that are not closed, by state", examples=[{"filed": 2}])
    devices: dict[str, int] = Field(description="Devices by state", examples=[{"up": 4, "down": 1, "unknown": 0}])


class Whoami(BaseModel):
    """The token's name and role."""

    name: str = Field(examples=["desk-1"])
    role: Role
    team: str = Field(description="Of a crew: whose tickets it repairs, empty for all", examples=[""])


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        "/api/v1/overview", tags=["overview"], summary="Numbers of alerts, tickets and devices", responses=responses()
    )
    async def overview() -> Overview:
        """Counts of open and acknowledged alerts, of tickets that are not closed, and of devices by state."""
        counts = await run_in_threadpool(api.store.counts)
        grouped: dict[str, dict[str, int]] = {"alerts": {}, "tickets": {}, "devices": {}}
        for key, number in counts.items():
            noun, _, state = key.partition("_")
            if state and noun in grouped:
                grouped[noun][state] = number
        return Overview(at=shown(api.clock.now_ns()) or "", **grouped)

    @app.get("/api/v1/whoami", tags=["overview"], summary="Name and role of the token", responses=responses())
    async def whoami(request: Request) -> Whoami:
        """For a client that wants to know what it may do."""
        caller = caller_of(request)
        return Whoami(name=caller.name, role=caller.role, team=caller.team)


TAGS: list[dict[str, Any]] = [
    {"name": "overview", "description": "How things stand"},
    {"name": "cameras", "description": "What is watched: added, changed and removed while the city runs"},
    {"name": "devices", "description": "Cameras and scale lanes, and their states"},
    {"name": "alerts", "description": "Overloads, confirmed faults and incidents"},
    {"name": "incidents", "description": "A switch, power box or recorder that is gone, and what hangs on it"},
    {"name": "tickets", "description": "Repair tickets of camera faults and silent devices"},
    {"name": "exercises", "description": "Faults that are played, marked as such and counted nowhere"},
    {"name": "shifts", "description": "What one shift tells the next"},
    {"name": "passes", "description": "Measured vehicle passes"},
    {"name": "availability", "description": "Share of time in working order, as an interval"},
    {"name": "sla", "description": "Contracts on service levels, their figures, and why they are what they are"},
    {"name": "statistics", "description": "What weigh stations counted, and the corrections of their scales"},
    {"name": "findings", "description": "What people and other systems have found"},
    {"name": "ingest", "description": "The door for stations and devices"},
    {"name": "live", "description": "What happens, as it happens"},
    {"name": "notifications", "description": "Who was told what, and what became of it"},
    {"name": "objects", "description": "Evidence pictures"},
    {"name": "health", "description": "For the machinery around this programme"},
]
