"""What other systems claim of a device, and where that does not fit what our own looks say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.devices import DevicePath
from citywatch.api.problems import missing, responses
from citywatch.api.shared import Api, DeviceFilter, Limit, shown
from citywatch.ports import Row

_MOST = 100


class ClaimView(BaseModel):
    """What one source says of the device. A claim is heard, not believed: it makes no fault."""

    source: str = Field(description="gb28181:<code>, onvif:<camera>", examples=["gb28181:34020000001180000001"])
    aspect: str = Field(description="presence, catalogue or alarm", examples=["catalogue"])
    claim: str = Field(
        description="online, offline, tampered, alarm; over or lapsed for what counts no more", examples=["online"]
    )
    reason: str = Field(description="How the source knows", examples=["catalogue"])
    detail: str = Field(description="The fault or alarm that is claimed", examples=[""])
    said_at: str | None = Field(description="The source's own instant, where it gives one")
    since: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])


class SaidView(BaseModel):
    """One of the claims that made a disagreement."""

    source: str
    claim: str
    reason: str
    detail: str
    since: str | None


class DisagreementView(BaseModel):
    """Claims that do not fit our looks, or each other."""

    device: str = Field(examples=["camera/north-gate"])
    kind: str = Field(examples=["keepalive_lost_but_reachable"])
    looks: str = Field(description="What our own looks say: reachable, unreachable or unknown", examples=["reachable"])
    claims: list[SaidView]
    since: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])
    until: str | None = Field(description="Null while it lasts")


class Sources(BaseModel):
    """What is claimed of a device, and its last disagreements, newest first."""

    device: str = Field(examples=["camera/north-gate"])
    sources: list[ClaimView]
    disagreements: list[DisagreementView]


class Disagreements(BaseModel):
    """Disagreements, newest first."""

    items: list[DisagreementView]


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        "/api/v1/devices/{device:path}/sources",
        tags=["devices"],
        summary="What other systems claim of a device",
        responses=responses(404),
    )
    async def sources(device: DevicePath) -> Sources:
        """Claims of registrars, recorders and the device itself, beside what our looks say."""
        row = await run_in_threadpool(api.store.device, device)
        if row is None:
            raise missing("device")
        said = await run_in_threadpool(api.store.sources, device)
        found = await run_in_threadpool(lambda: api.store.disagreements(device=device, lasting=False, limit=_MOST))
        return Sources(
            device=device, sources=[_claim(one) for one in said], disagreements=[_disagreement(one) for one in found]
        )

    @app.get(
        "/api/v1/disagreements",
        tags=["devices"],
        summary="Where sources and looks do not fit",
        responses=responses(),
    )
    async def disagreements(
        device: DeviceFilter = None,
        lasting: Annotated[bool, Query(description="Only those that have not ended")] = True,
        limit: Limit = 100,
    ) -> Disagreements:
        """Disagreements of all devices, or of one, newest first."""
        most = min(limit, api.config.max_page_rows)
        found = await run_in_threadpool(lambda: api.store.disagreements(device=device, lasting=lasting, limit=most))
        return Disagreements(items=[_disagreement(one) for one in found])


def _claim(row: Row) -> ClaimView:
    return ClaimView(
        source=row["source"],
        aspect=row["aspect"],
        claim=row["claim"],
        reason=row["reason"],
        detail=row["detail"],
        said_at=shown(row["said_ns"]),
        since=shown(row["since_ns"]),
    )


def _disagreement(row: Row) -> DisagreementView:
    return DisagreementView(
        device=row["device"],
        kind=row["kind"],
        looks=row["looks"],
        claims=[_said(claim) for claim in row["claims"]],
        since=shown(row["since_ns"]),
        until=shown(row["until_ns"]),
    )


def _said(claim: Mapping[str, Any]) -> SaidView:
    return SaidView(
        source=claim["source"],
        claim=claim["claim"],
        reason=claim["reason"],
        detail=claim["detail"],
        since=shown(claim["since_ns"]),
    )
