"""Alerts: list, look at, acknowledge."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
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
    Plates,
    page,
    read_cursor,
    see_plates,
    shown,
)
from citywatch.domain.alerts import AlertState
from citywatch.domain.commands import Verb
from citywatch.domain.events import Severity
from citywatch.domain.findings import KIND_PATTERN
from citywatch.domain.plates import mask
from citywatch.ports import Row
from citywatch.tickets.desk import ticket_id

_MOMENTS = frozenset({"overloaded", "evasion_suspected"})
"""A passing vehicle is nothing to repair."""

Word = Annotated[str | None, Query(max_length=100, description="Only alerts with this label")]


class AlertView(BaseModel):
    """One alert. `subject` holds the figures of its cause: weights and limits, a fault's evidence, or an
    incident with the first of its children (`GET /api/v1/incidents/{incident}` has them all)."""

    id: str = Field(examples=[EXAMPLE_ID])
    device: str = Field(examples=["CS01/d1/l2"])
    kind: str = Field(
        description="overloaded, evasion_suspected, incident, the fault, or the kind of a finding",
        examples=["overloaded"],
    )
    severity: Severity
    state: AlertState
    opened_at: str | None = Field(examples=["2026-01-31T08:00:00.250Z"])
    acknowledged_at: str | None = Field(examples=[None])
    acknowledged_by: str = Field(examples=[""])
    resolved_at: str | None = Field(examples=[None])
    resolution: str = Field(description="Why it ended, such as cleared, expired or quiet", examples=[""])
    ticket: str | None = Field(
        description="Id of the repair ticket of a fault or incident, null for an overload", examples=[None]
    )
    labels: dict[str, str] = Field(
        description="What the alert can be told apart by; what is not known is empty",
        examples=[{"alert": "overloaded", "severity": "warning", "site": "G319", "department": "road-police"}],
    )
    exercise: bool = Field(description="It is played: it counts nowhere")
    escalation: int = Field(description="The last step of its escalation that was taken, 0 for none", examples=[0])
    escalated_to: str = Field(description="Who was called by it", examples=[""])
    flapping: bool = Field(description="It stands for what opens again and again")
    openings: int = Field(description="How often that has opened", examples=[1])
    subject: dict[str, Any] = Field(
        examples=[
            {
                "law": "cn-gross@1",
                "pass": "00112233445566778899aabbccddeeff",
                "axles": 6,
                "gross_kg": 52000,
                "limit_kg": 49000,
                "limits_kg": [46000, 49000],
                "over_kg": 3000,
                "over_percent": 6.12,
                "speed_kmh": 71.5,
                "length_mm": 0,
                "plate": "湘A*****",
                "suspect": [],
            }
        ]
    )


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/alerts", tags=["alerts"], summary="List alerts, newest first", responses=responses())
    async def alerts(
        state: Annotated[AlertState | None, Query(description="Only alerts in this state")] = None,
        device: DeviceFilter = None,
        kind: Annotated[
            str | None,
            Query(
                pattern=f"^{KIND_PATTERN}$",
                description="Only alerts of this kind: a fault, overloaded, incident, ..., or a finding's kind",
            ),
        ] = None,
        severity: Annotated[Severity | None, Query(description="Only alerts of this severity")] = None,
        site: Word = None,
        area: Word = None,
        department: Word = None,
        contractor: Word = None,
        klass: Annotated[str | None, Query(alias="class", max_length=100, description="Class of the device")] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[AlertView]:
        """Alerts by the instant of their cause, newest first. Plates are masked in lists, whoever asks."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        labels = {"site": site, "area": area, "department": department, "contractor": contractor, "class": klass}
        rows = await run_in_threadpool(
            lambda: api.store.alerts(
                state=None if state is None else state.value,
                device=device,
                kind=kind,
                severity=None if severity is None else severity.value,
                before=before,
                limit=most + 1,
                labels={label: word for label, word in labels.items() if word is not None},
            )
        )
        return page(rows, most, "opened_at_ns", alert_view)

    @app.get("/api/v1/alerts/{alert}", tags=["alerts"], summary="Look at an alert", responses=responses(404))
    async def alert(request: Request, alert: Id, plates: Plates = "masked") -> AlertView:
        """One alert with its evidence."""
        caller = caller_of(request)
        full = see_plates(caller, plates)
        row = _found(await run_in_threadpool(api.store.alert, alert))
        if full and row["subject"].get("plate"):
            await run_in_threadpool(
                lambda: api.store.audit(
                    at_ns=api.clock.now_ns(), actor=caller.name, action="saw_plate", target=f"alert/{alert}"
                )
            )
        return alert_view(row, full=full)

    @app.post(
        "/api/v1/alerts/{alert}/acknowledge",
        tags=["alerts"],
        summary="Acknowledge an alert",
        response_model=AlertView,
        responses={**PENDING, **responses(404, 409, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def acknowledge(request: Request, alert: Id) -> AlertView | Response:
        """Say that somebody looks after it. Of two people who acknowledge at once, one gets 409."""
        row = _found(await run_in_threadpool(api.store.alert, alert))
        pending = await give(
            api,
            command=command_id(request),
            device=row["device"],
            verb=Verb.ACKNOWLEDGE_ALERT,
            target=alert,
            actor=caller_of(request).name,
        )
        return pending or alert_view(_found(await run_in_threadpool(api.store.alert, alert)))


def alert_view(row: Row, *, full: bool = False) -> AlertView:
    """An alert's row for people, the plate masked unless `full`."""
    subject = dict(row["subject"])
    if not full and subject.get("plate"):
        subject["plate"] = mask(subject["plate"])
    return AlertView(
        id=row["id"],
        device=row["device"],
        kind=row["kind"],
        severity=row["severity"],
        state=row["state"],
        opened_at=shown(row["opened_at_ns"]),
        acknowledged_at=shown(row["acknowledged_at_ns"]),
        acknowledged_by=row["acknowledged_by"],
        resolved_at=shown(row["resolved_at_ns"]),
        resolution=row["resolution"],
        ticket=None if row["kind"] in _MOMENTS else ticket_id(row["cause"]),
        labels=row.get("labels") or {},
        exercise=row.get("exercise", False),
        escalation=row.get("escalation", 0),
        escalated_to=row.get("escalated_to", ""),
        flapping=row.get("flapping", False),
        openings=row.get("openings", 1),
        subject=subject,
    )


def _found(row: Row | None) -> Row:
    if row is None:
        raise missing("alert")
    return row
