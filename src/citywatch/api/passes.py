"""Measured passes, sealed or still in the log. Plates are personal data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.problems import responses
from citywatch.api.shared import Api, DeviceFilter, From, Plates, To, mask, see_plates, shown, window
from citywatch.ports import Row

_KMH_PER_MPS = 3.6


class PassView(BaseModel):
    """One vehicle over one scale lane, as it was measured."""

    id: str = Field(
        description="Identity of the record; an alert's subject names it as `pass`",
        examples=["00112233445566778899aabbccddeeff"],
    )
    device: str = Field(examples=["CS01/d1/l2"])
    at: str | None = Field(examples=["2026-01-31T08:00:00.250Z"])
    axles: int = Field(examples=[6])
    gross_kg: int = Field(examples=[52000])
    speed_kmh: float | None = Field(description="null where the scale gave none", examples=[71.5])
    length_mm: int | None = Field(description="null where the scale gave none", examples=[16140])
    axle_kg: list[int] = Field(examples=[[6500, 9100, 9100, 9100, 9100, 9100]])
    spacing_mm: list[int] = Field(examples=[[3300, 1350, 6900, 1310, 1310]])
    plate: str = Field(description="masked unless plates=full", examples=["湘A*****"])
    decision: Annotated[
        str | None, Field(description="lawful, over or undecided by the law in force", examples=["over"])
    ] = None
    limits_kg: Annotated[
        list[int], Field(description="Strictest and most lenient limit", examples=[[46000, 49000]])
    ] = []
    law: Annotated[str | None, Field(description="By which law", examples=["cn-gross@1"])] = None
    suspect: Annotated[
        list[str], Field(description="Why the record is not to be trusted as it stands", examples=[[]])
    ] = []


class PassList(BaseModel):
    """Passes, newest first. `more` says that the window holds others, before the last one shown."""

    items: list[PassView]
    more: bool = Field(examples=[False])


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/passes", tags=["passes"], summary="List passes, newest first", responses=responses())
    async def passes(
        request: Request,
        begin: From,
        end: To,
        device: DeviceFilter = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Most passes", examples=[100])] = 100,
        plates: Plates = "masked",
    ) -> PassList:
        """Passes of one lane or of all, in [from, to). Page on lane by lane: the last instant is the next `to`."""
        caller = caller_of(request)
        full = see_plates(caller, plates)
        from_ns, to_ns = window(begin, end)
        most = min(limit, api.config.max_page_rows)
        rows = await run_in_threadpool(
            lambda: _listed(api.passes.passes(device=device, from_ns=from_ns, to_ns=to_ns, limit=most + 1))
        )
        kept = rows[:most]
        seen = sum(1 for row in kept if row["plate"])
        if full and seen:
            target = f"passes/{device or '*'} {shown(from_ns)} to {shown(to_ns)}: {seen} plates"
            await run_in_threadpool(
                lambda: api.store.audit(at_ns=api.clock.now_ns(), actor=caller.name, action="saw_plates", target=target)
            )
        return PassList(items=[_view(row, full) for row in kept], more=len(rows) > most)


def _listed(rows: Iterable[Row]) -> list[Row]:
    return list(rows)


def _view(row: Row, full: bool) -> PassView:
    axles = int(row["axle_count"])
    speed = float(row["speed_mps"])
    return PassView(
        id=row["digest"],
        device=row["device"],
        at=shown(int(row["at_ns"])),
        axles=axles,
        gross_kg=int(row["gross_kg"]),
        speed_kmh=round(speed * _KMH_PER_MPS, 3) if not math.isnan(speed) else None,
        length_mm=int(row["length_mm"]) or None,
        axle_kg=[int(kg) for kg in row["axle_kg"][:axles]],
        spacing_mm=[int(mm) for mm in row["spacing_mm"][: axles - 1]],
        plate=row["plate"] if full else mask(row["plate"]),
        decision=row.get("decision"),
        limits_kg=list(row.get("limits_kg", ())),
        law=row.get("law"),
        suspect=list(row.get("suspect", ())),
    )
