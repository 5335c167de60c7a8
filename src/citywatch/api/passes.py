"""Measured passes, sealed or still in the log. Plates are personal data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.problems import responses
from citywatch.api.shared import Api, DeviceFilter, From, Plates, To, see_plates, shown, window
from citywatch.domain.passes import ScaleStatus
from citywatch.domain.plates import mask
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
    plate_rear: Annotated[str, Field(description="As the rear camera read it; masked likewise", examples=[""])] = ""
    plate_colour: Annotated[str, Field(description="As the camera calls it", examples=["yellow"])] = ""
    record: Annotated[int | None, Field(description="The vendor's number of the record", examples=[227185])] = None
    vehicle_class: Annotated[str, Field(description="As the vendor calls it", examples=["9"])] = ""
    groups: Annotated[int | None, Field(description="Axle groups as the vendor counts them", examples=[3])] = None
    camera_axles: Annotated[int | None, Field(description="Axles that the side camera counted", examples=[6])] = None
    transverse_mm: Annotated[
        int | None, Field(description="Lateral position in the lane, as the vendor defines it", examples=[1800])
    ] = None
    acceleration_mps2: Annotated[float | None, Field(description="Over the scale", examples=[-0.4])] = None
    temperature_c: Annotated[float | None, Field(description="Of pavement or sensor", examples=[31.5])] = None
    occupancy_ms: Annotated[
        int | None, Field(description="How long the vehicle covered the loop or the scale", examples=[860])
    ] = None
    travel: Annotated[
        int | None, Field(description="1 with the lane, -1 against it; null where not told", examples=[1])
    ] = None
    status: Annotated[
        list[str], Field(description="What the scale says of this record itself", examples=[["straddling"]])
    ] = []
    left_kg: Annotated[list[int], Field(description="Left-hand wheel loads, where given", examples=[[]])] = []
    axle_speed_kmh: Annotated[list[float], Field(description="Speed of each axle, where given", examples=[[]])] = []
    raw: Annotated[str, Field(description="Object of the raw strips; empty for none", examples=[""])] = ""
    decision: Annotated[
        str | None, Field(description="lawful, over or undecided by the law in force", examples=["over"])
    ] = None
    limits_kg: Annotated[
        list[int], Field(description="Strictest and most lenient limit", examples=[[46000, 49000]])
    ] = []
    law: Annotated[str | None, Field(description="By which law", examples=["cn-gross@1"])] = None
    kind: Annotated[
        str | None, Field(description="Kind of vehicle, where the law goes by it", examples=["train_3_3"])
    ] = None
    kind_confidence: Annotated[int | None, Field(description="Percent", examples=[100])] = None
    kind_runner_up: Annotated[
        str | None, Field(description="What else it could be; unknown: nothing", examples=["unknown"])
    ] = None
    axle_groups: Annotated[
        list[int],
        Field(description="Axles of each group from front to rear, by the law's distance", examples=[[1, 2, 3]]),
    ] = []
    rule: Annotated[str | None, Field(description="The rule that binds", examples=["gross.train_6"])] = None
    margin_kg: Annotated[int | None, Field(description="What it leaves; below zero: over", examples=[-4900])] = None
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
        seen = sum(1 for row in kept if row["plate"] or row.get("plate_rear"))
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
        **_later(row, full),
        decision=row.get("decision"),
        limits_kg=list(row.get("limits_kg", ())),
        law=row.get("law"),
        kind=row.get("kind"),
        kind_confidence=row.get("kind_confidence"),
        kind_runner_up=row.get("kind_runner_up"),
        axle_groups=row.get("axle_groups", []),
        rule=row.get("rule"),
        margin_kg=row.get("margin_kg"),
        suspect=list(row.get("suspect", ())),
    )


def _later(row: Row, full: bool) -> dict[str, Any]:
    """What scales and cameras say since schema version 2."""
    rear = row.get("plate_rear", "")
    return {
        "plate_rear": rear if full else mask(rear),
        "plate_colour": row.get("plate_colour", ""),
        "record": row.get("record") or None,
        "vehicle_class": row.get("vehicle_class", ""),
        "groups": row.get("group_count") or None,
        "camera_axles": row.get("camera_axles") or None,
        "transverse_mm": row.get("transverse_mm"),
        "acceleration_mps2": row.get("acceleration_mps2"),
        "temperature_c": row.get("temperature_c"),
        "occupancy_ms": row.get("occupancy_ms") or None,
        "travel": row.get("travel") or None,
        "status": ScaleStatus(row.get("status", 0)).words(),
        "left_kg": list(row.get("left_kg", ())),
        "axle_speed_kmh": [round(speed * _KMH_PER_MPS, 3) for speed in row.get("axle_speed_mps", ())],
        "raw": row.get("raw", ""),
    }
