"""Service levels: contracts, their reports over any window, why a figure is what it is, and the monthly reports."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from citywatch.api.problems import Problem, invalid, missing, responses
from citywatch.api.shared import Api
from citywatch.errors import OutsideError, RecordRefused
from citywatch.ports import ReportFile, ReportQuestion

ContractName = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
_RETRY_AFTER_S = 5
_BLANK_FOR_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}$)")

Contract = Annotated[str, Query(pattern=ContractName, description="Name of a contract", examples=["reference"])]
Begin = Annotated[
    str,
    Query(
        alias="from",
        max_length=40,
        description="Begin: RFC 3339, or a day or time of the contract's zone; included",
        examples=["2026-01-01"],
    ),
]
End = Annotated[
    str, Query(alias="to", max_length=40, description="End, written likewise; excluded", examples=["2026-02-01"])
]
KnownAt = Annotated[
    str,
    Query(max_length=40, description="The figure as it was known then; without it as known now", examples=[""]),
]
Format = Literal["json", "html", "pdf", "csv", "parquet"]
Text = Annotated[str, Query(max_length=500)]


class Interval(BaseModel):
    """A stretch of a device's time, and what it counts as."""

    model_config = {"extra": "allow"}

    device: str = Field(examples=["camera/north-gate"])
    state: str = Field(examples=["down"])
    begin: str = Field(alias="from", examples=["2026-01-10T00:00:00.000Z"])
    end: str = Field(alias="to", examples=["2026-01-11T00:00:00.000Z"])


class SlaReport(BaseModel):
    """The figures of a contract over a window; more keys hold budgets, groups, causes, tickets and the forecast."""

    model_config = {"extra": "allow"}

    contract: str = Field(examples=["reference"])
    worst: float | None = Field(description="Share of required time surely in working order", examples=[0.9613])
    best: float | None = Field(description="... and the share that may have been", examples=[0.9701])
    verdict: str | None = Field(description="met, missed or undecided", examples=["met"])
    up_seconds: int = Field(examples=[2_574_000])
    down_seconds: int = Field(examples=[86_400])
    unknown_seconds: int = Field(examples=[18_000])
    excluded_seconds: int = Field(examples=[0])
    intervals: list[Interval]


_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": SlaReport,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("text/html", "application/pdf", "text/csv", "application/vnd.apache.parquet")
        },
    }
}


class Explanation(BaseModel):
    """Intervals that make a figure, with the sums of all of them."""

    model_config = {"extra": "allow"}

    intervals: list[Interval]


class ContractView(BaseModel):
    """A contract as its file says; keys that are not named here are there as they stand in it."""

    model_config = {"extra": "allow"}

    name: str = Field(examples=["reference"])
    title: str = Field(examples=["Reference contract"])
    contractor: str = Field(examples=[""])
    time_zone: str = Field(examples=["UTC"])
    comes_with_citywatch: bool = Field(description="Not of this city's own data directory", examples=[True])


class Contracts(BaseModel):
    """Contracts by name."""

    items: list[ContractView]


class KeptReport(BaseModel):
    """A report that was made by the schedule (settings: `reports`)."""

    contract: str = Field(examples=["reference"])
    period: str = Field(description="The month, in the contract's zone", examples=["2026-01"])
    begin: str = Field(serialization_alias="from", validation_alias="from", examples=["2026-01-01T00:00:00.000Z"])
    end: str = Field(serialization_alias="to", validation_alias="to", examples=["2026-02-01T00:00:00.000Z"])
    as_known_at: str = Field(
        description="When it was made; with this, the same figures can be had again",
        examples=["2026-02-01T00:10:00.000Z"],
    )
    worst: float | None = Field(examples=[0.9613])
    best: float | None = Field(examples=[0.9701])
    verdict: str | None = Field(examples=["met"])
    bytes: dict[str, int] = Field(description="Its formats, each with its size", examples=[{"pdf": 48211}])


class KeptReports(BaseModel):
    """Monthly reports, newest first."""

    items: list[KeptReport]


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/sla/contracts", tags=["sla"], summary="Contracts that can be reported on", responses=responses())
    async def contracts() -> Contracts:
        """Those in sla/contracts/ of the data directory, and the reference contract."""
        rows = await _asked(api.reports.contracts)
        return Contracts.model_validate({"items": rows})

    @app.get(
        "/api/v1/sla/report",
        tags=["sla"],
        summary="The figures of a contract over a window",
        response_class=JSONResponse,
        responses={**_FILE, **responses(404)},
    )
    async def report(
        contract: Contract,
        begin: Begin,
        end: End,
        as_known_at: KnownAt = "",
        form: Annotated[Format, Query(alias="format", description="json holds everything")] = "json",
    ) -> Response:
        """Worked out by a process of its own; 503 when too many others wait for theirs.

        The JSON holds `worst`, `best`, `verdict`, `up_seconds`, `down_seconds`, `unknown_seconds`, `excluded_seconds`,
        the intervals and the tickets; HTML and PDF are for people, CSV and Parquet hold the intervals.
        """
        question = _question(contract, begin, end, as_known_at)
        _, file = await _asked(lambda: api.reports.report(question, form))
        return _file(file)

    @app.get(
        "/api/v1/sla/explain",
        tags=["sla"],
        summary="The intervals that make a figure, to the second",
        response_class=JSONResponse,
        responses={200: {"model": Explanation}, **responses(404)},
    )
    async def explain(
        contract: Contract,
        begin: Begin,
        end: End,
        as_known_at: KnownAt = "",
        device: Text = "",
        contractor: Text = "",
        area: Text = "",
        device_class: Annotated[str, Query(alias="class", max_length=500)] = "",
        department: Text = "",
        site: Text = "",
        parent: Text = "",
        cause: Annotated[str, Query(max_length=500, description="The words of a cause; `-` for none told")] = "",
        counts_as: Annotated[
            Literal["", "up", "down", "unknown", "excluded", "retired"], Query(description="What the time counts as")
        ] = "",
        reading: Literal["worst", "best"] = "worst",
        limit: Annotated[int, Query(ge=1, le=10_000, description="Most intervals in the answer")] = 1000,
    ) -> Response:
        """What is chosen adds up: the sums are of all intervals, also of those that `limit` leaves out."""
        question = _question(contract, begin, end, as_known_at)
        selection = {
            "device": device, "contractor": contractor, "area": area, "klass": device_class, "department": department,
            "site": site, "parent": parent, "cause": cause, "counts_as": counts_as, "reading": reading,
        }  # fmt: skip
        told = await _asked(lambda: api.reports.explain(question, selection, limit))
        return JSONResponse(told)

    @app.get("/api/v1/sla/reports", tags=["sla"], summary="The monthly reports that are kept", responses=responses())
    async def kept() -> KeptReports:
        """Made by the schedule of the settings (`reports`), newest month first."""
        rows = await run_in_threadpool(api.reports.kept)
        return KeptReports.model_validate({"items": rows})

    @app.get(
        "/api/v1/sla/reports/{contract}/{period}",
        tags=["sla"],
        summary="One monthly report",
        response_class=JSONResponse,
        responses={**_FILE, **responses(404)},
    )
    async def kept_file(
        contract: Annotated[str, Path(pattern=ContractName, examples=["reference"])],
        period: Annotated[str, Path(pattern=r"^\d{4}-\d{2}$", examples=["2026-01"])],
        form: Annotated[Format, Query(alias="format", description="One of those that it is kept as")] = "pdf",
    ) -> Response:
        """The file as it was made; it never changes."""
        file = await run_in_threadpool(api.reports.kept_file, contract, period, form)
        if file is None:
            raise missing("report")
        return _file(file)


def _question(contract: str, begin: str, end: str, as_known_at: str) -> ReportQuestion:
    # A query string turns the plus sign of an offset into a blank.
    texts = (_BLANK_FOR_PLUS.sub("+", text.strip()) for text in (begin, end, as_known_at))
    return ReportQuestion(contract, *texts)


async def _asked(call: Any) -> Any:
    """In a thread; what is wrong about the question becomes a problem that names its field."""
    try:
        return await run_in_threadpool(call)
    except RecordRefused as error:
        if error.reason == "no_contract":
            raise Problem(404, "no_contract", str(error)) from error
        if error.reason in ("no_history", "no_devices"):
            raise Problem(404, error.reason, str(error)) from error
        if error.reason == "configuration":
            raise Problem(500, "contract_is_wrong", str(error)) from error
        raise invalid(f"query.{error.field}", str(error).removeprefix(f"{error.field}: ")) from error
    except OutsideError as error:
        code = "busy" if error.reason == "busy" else "report_failed"
        raise Problem(503, code, str(error), headers={"Retry-After": str(_RETRY_AFTER_S)}) from error


def _file(file: ReportFile) -> Response:
    return Response(
        file.content,
        media_type=file.media_type,
        headers={
            "Content-Disposition": f'inline; filename="{file.name}"',
            # A page of a report has its own style, and nothing else that could run or load.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        },
    )
