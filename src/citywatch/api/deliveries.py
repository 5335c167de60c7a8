"""The log of deliveries: who was told what and when, who was not, and why."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.problems import Problem, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Cursor, Id, Limit, Page, page, read_cursor, shown
from citywatch.ports import Row

DeliveryState = Literal["waiting", "delivered", "failed", "dropped", "quiet"]


class DeliveryView(BaseModel):
    """One delivery. Nothing in it is a secret of its receiver."""

    id: str = Field(description="The Idempotency-Key of a webhook", examples=[EXAMPLE_ID])
    receiver: str = Field(examples=["desk"])
    kind: str = Field(description="`changes`, or `repeat` of what is still open", examples=["changes"])
    state: DeliveryState = Field(
        description="`failed` was refused or given up, `dropped` found no room, `quiet` was kept back on purpose"
    )
    reason: str = Field(description="Why it was not delivered, as far as that is known", examples=["unreachable"])
    detail: str = Field(examples=["ConnectError"])
    attempts: int = Field(examples=[3])
    planned_at: str | None = Field(examples=["2026-01-31T08:00:30.000Z"])
    next_attempt_at: str | None = Field(description="While it waits", examples=["2026-01-31T08:01:10.000Z"])
    settled_at: str | None = Field(examples=[None])
    counts: dict[str, int] = Field(description="What it tells of, by kind of change", examples=[{"opened": 2}])


class AttemptView(BaseModel):
    """One attempt."""

    at: str | None = Field(examples=["2026-01-31T08:00:31.000Z"])
    took_ms: int = Field(examples=[184])
    result: str = Field(description="delivered, again or refused", examples=["again"])
    reason: str = Field(examples=["timed_out"])
    detail: str = Field(examples=["ReadTimeout"])


class DeliveryDetail(DeliveryView):
    """A delivery with its attempts, oldest first, and its document."""

    tries: list[AttemptView]
    document: dict[str, Any] = Field(description="What is told: the body that a webhook gets", examples=[{}])


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        "/api/v1/deliveries", tags=["notifications"], summary="List deliveries, newest first", responses=responses()
    )
    async def deliveries(
        receiver: Annotated[
            str | None, Query(pattern=r"^[A-Za-z0-9._-]{1,48}$", description="Only of this receiver", examples=["desk"])
        ] = None,
        state: Annotated[DeliveryState | None, Query(description="Only deliveries in this state")] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[DeliveryView]:
        """What was to be told to receivers, and what became of it."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        rows = await run_in_threadpool(
            lambda: api.store.deliveries(receiver=receiver, state=state, before=before, limit=most + 1)
        )
        return page(rows, most, "planned_at_ns", delivery_view)

    @app.get(
        "/api/v1/deliveries/{delivery}",
        tags=["notifications"],
        summary="Look at a delivery",
        responses=responses(404),
    )
    async def delivery(delivery: Id) -> DeliveryDetail:
        """One delivery with every attempt and what it tells."""
        return await run_in_threadpool(_detail, api, delivery)

    @app.post(
        "/api/v1/deliveries/{delivery}/retry",
        tags=["notifications"],
        summary="Try a delivery again",
        responses=responses(404, 409),
    )
    async def retry(request: Request, delivery: Id) -> DeliveryDetail:
        """Have a delivery that waits, failed or was dropped tried as soon as can be; one that is old has one attempt.
        409 for one that was delivered, or kept back on purpose."""
        name, now_ns = caller_of(request).name, api.clock.now_ns()

        def again() -> DeliveryDetail:
            found = _detail(api, delivery)
            if not api.store.retry_delivery(delivery, now_ns):
                raise Problem(409, "not_retried", f"this delivery is {found.state}: there is nothing to try again")
            api.store.audit(at_ns=now_ns, actor=name, action="retried", target=f"delivery/{delivery}")
            return _detail(api, delivery)

        return await run_in_threadpool(again)


def delivery_view(row: Row) -> DeliveryView:
    return DeliveryView(**_fields(row))


def _fields(row: Row) -> dict[str, Any]:
    waits = row["state"] == "waiting"
    same = ("id", "receiver", "kind", "state", "reason", "detail", "attempts")
    return {
        **{name: row[name] for name in same},
        "planned_at": shown(row["planned_at_ns"]),
        "next_attempt_at": shown(row["next_ns"]) if waits else None,
        "settled_at": shown(row["settled_at_ns"]),
        "counts": row["document"]["counts"],
    }


def _detail(api: Api, delivery: str) -> DeliveryDetail:
    row = api.store.delivery(delivery)
    if row is None:
        raise missing("delivery")
    tries = [
        AttemptView(
            at=shown(attempt["at_ns"]), **{name: attempt[name] for name in ("took_ms", "result", "reason", "detail")}
        )
        for attempt in api.store.delivery_attempts(delivery)
    ]
    return DeliveryDetail(**_fields(row), tries=tries, document=row["document"])
