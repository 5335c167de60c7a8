"""Findings: list and look at. Who reported one is for operators alone, and every such look is audited."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import UNMASKED, caller_of
from citywatch.api.problems import Problem, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Cursor, DeviceFilter, Id, Limit, Page, page, read_cursor, shown
from citywatch.domain.events import Severity
from citywatch.domain.findings import FOUND
from citywatch.ports import Row


class FindingView(BaseModel):
    """One finding. Its alert and ticket have the same cause."""

    id: str = Field(examples=[EXAMPLE_ID])
    source: str = Field(description="Who found it", examples=["cityhall"])
    key: str = Field(description="The source's own word for it", examples=["2026-000815"])
    device: str = Field(description="Device that it is about, empty for none of ours", examples=[""])
    kind: str = Field(examples=["pothole"])
    severity: Severity
    state: Literal["open", "cleared"]
    title: str = Field(examples=["Hole in the road before house 12"])
    note: str = Field(examples=["about 40 cm wide"])
    raised_at: str | None = Field(description="When we heard of it", examples=["2026-01-31T08:00:00.250Z"])
    since: str | None = Field(description="Since when it is so, as the source says", examples=["2026-01-31T07:30:00Z"])
    cleared_at: str | None = Field(examples=[None])
    resolution: str = Field(
        description="source_cleared, timed_out, verified or device_removed, once it is over", examples=[""]
    )
    cleared_by: str = Field(description="Who has verified it", examples=[""])
    verified_by: Literal["source", "person"] = Field(description="Who says that it is over")
    lat: float | None = Field(examples=[24.3255])
    lon: float | None = Field(examples=[109.4155])
    address: str = Field(examples=["Harbour Street 12"])
    photos: list[str] = Field(description="Names of objects")
    labels: dict[str, str] = Field(description="The source's own", examples=[{"area": "north"}])
    alert: str | None = Field(examples=[EXAMPLE_ID])
    ticket: str | None = Field(examples=[EXAMPLE_ID])


class Reporter(BaseModel):
    """Who reported it; personal data."""

    first_name: str
    last_name: str
    email: str
    phone: str
    account: str
    client: str = Field(description="The reporter's device, as its programme calls it")


class FindingDetail(FindingView):
    """A finding with who reported it, if that was asked for and is still known."""

    reporter: Reporter | None = None


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/findings", tags=["findings"], summary="List findings, newest first", responses=responses())
    async def findings(
        state: Annotated[Literal["open", "cleared"] | None, Query(description="Only findings in this state")] = None,
        source: Annotated[str | None, Query(max_length=100, description="Only those of this source")] = None,
        key: Annotated[str | None, Query(max_length=128, description="Only those with this word of the source")] = None,
        kind: Annotated[str | None, Query(max_length=64, description="Only findings of this kind")] = None,
        severity: Annotated[Severity | None, Query(description="Only findings of this severity")] = None,
        device: DeviceFilter = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[FindingView]:
        """What people and other systems have found, by the instant at which we heard of it, newest first."""
        most = min(limit, api.config.max_page_rows)
        before = read_cursor(cursor)
        wanted = {
            "state": state,
            "source": source,
            "key": key,
            "kind": kind,
            "severity": None if severity is None else severity.value,
            "device": device,
        }
        rows = await run_in_threadpool(lambda: api.store.findings(wanted=wanted, before=before, limit=most + 1))
        return page(rows, most, "raised_at_ns", lambda row: FindingView(**finding_fields(row)))

    @app.get("/api/v1/findings/{finding}", tags=["findings"], summary="Look at a finding", responses=responses(404))
    async def finding(
        request: Request,
        finding: Id,
        reporter: Annotated[
            Literal["hidden", "full"],
            Query(description="`full` shows who reported it to operators and administrators; each look is audited"),
        ] = "hidden",
    ) -> FindingDetail:
        """One finding."""
        caller = caller_of(request)
        if reporter == "full" and caller.role not in UNMASKED:
            words = f"your token's role is {caller.role}; who reported it is for operators and administrators"
            raise Problem(403, "role", words)
        row = await run_in_threadpool(api.store.finding, finding)
        if row is None:
            raise missing("finding")
        known = None
        if reporter == "full":
            await run_in_threadpool(
                lambda: api.store.audit(
                    at_ns=api.clock.now_ns(), actor=caller.name, action="saw_reporter", target=f"finding/{finding}"
                )
            )
            told = await run_in_threadpool(api.store.reporter, row["key"])
            known = None if told is None else Reporter(**{name: told[name] for name in Reporter.model_fields})
        return FindingDetail(**finding_fields(row), reporter=known)


def finding_fields(row: Row) -> dict[str, Any]:
    """A finding's row for people."""
    same = ("id", "source", "key", "kind", "severity", "state", "title", "note", "resolution", "cleared_by")
    more = ("verified_by", "lat", "lon", "address", "photos", "labels", "alert", "ticket")
    return {
        **{name: row[name] for name in (*same, *more)},
        "device": "" if row["device"].startswith(FOUND) else row["device"],
        "raised_at": shown(row["raised_at_ns"]),
        "since": shown(row["first_bad_ns"]),
        "cleared_at": shown(row["cleared_at_ns"]),
    }
