"""Repair tickets: list, and look at with every step and the clocks of its contract. What people do: ticket_moves.py."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.concurrency import run_in_threadpool

from citywatch.api.problems import missing, responses
from citywatch.api.shared import (
    Api,
    Cursor,
    DeviceFilter,
    From,
    Id,
    Limit,
    Page,
    To,
    instant,
    page,
    read_cursor,
    window,
)
from citywatch.api.ticket_counts import TicketCounts, count
from citywatch.api.ticket_views import TicketDetail, TicketView, ticket_detail, ticket_view
from citywatch.domain.tickets import TicketState


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/tickets", tags=["tickets"], summary="List tickets, newest first", responses=responses())
    async def tickets(
        state: Annotated[TicketState | None, Query(description="Only tickets in this state")] = None,
        device: DeviceFilter = None,
        team: Annotated[str | None, Query(max_length=100, description="Only tickets of this team")] = None,
        contractor: Annotated[str | None, Query(max_length=100, description="... of this contractor")] = None,
        overdue: Annotated[
            bool | None, Query(description="`true`: only open tickets of which a clock that is waited for is out")
        ] = None,
        due_before: Annotated[
            str | None,
            Query(max_length=40, description="Only open tickets of which a clock will be out before; RFC 3339"),
        ] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[TicketView]:
        """Repair tickets by the instant of filing, newest first."""
        most = min(limit, api.config.max_page_rows)
        before, now_ns = read_cursor(cursor), api.clock.now_ns()
        due_ns = None if due_before is None else instant("due_before", due_before)
        rows = await run_in_threadpool(
            lambda: api.store.tickets(
                state=None if state is None else state.value,
                device=device,
                team=team,
                contractor=contractor,
                overdue_at_ns=now_ns if overdue else None,
                due_before_ns=due_ns,
                before=before,
                limit=most + 1,
            )
        )
        return await run_in_threadpool(page, rows, most, "filed_at_ns", lambda row: ticket_view(api, row, now_ns))

    @app.get(
        "/api/v1/statistics/tickets", tags=["statistics"], summary="Count tickets by what became of them",
        responses=responses(),
    )  # fmt: skip
    async def counts(begin: From, end: To) -> TicketCounts:
        """Tickets that were filed in a window, by contractor and team: their states, ends and outcomes (`nothing_found`
        among them), how often they came back, and how their clocks stand. Exercises are in none of it."""
        from_ns, to_ns = window(begin, end)
        return count(await run_in_threadpool(api.store.ticket_counts, from_ns, to_ns))

    @app.get("/api/v1/tickets/{ticket}", tags=["tickets"], summary="Look at a ticket", responses=responses(404))
    async def ticket(ticket: Id) -> TicketDetail:
        """One ticket with every step, who took it and when, and what is left of its clocks."""
        row = await run_in_threadpool(api.store.ticket, ticket)
        if row is None:
            raise missing("ticket")
        return await run_in_threadpool(ticket_detail, api, row, api.clock.now_ns())
