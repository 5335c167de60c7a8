"""Statistics of weigh stations, and the corrections of their scales that wait for a person or are in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.problems import invalid, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Id, plain_text, shown
from citywatch.domain.commands import Verb
from citywatch.domain.statistics import COLUMNS, Counts
from citywatch.domain.tickets import MAX_NOTE_CHARACTERS
from citywatch.ports import Row, Store

_MOST_DAYS = 3_660
_MOST_ROWS = 20_000
_By = Literal["road", "day", "kind"]
_State = Literal["open", "accepted", "declined", "superseded", "withdrawn"]


class CountView(BaseModel):
    """Passes of one road, day or kind, as asked for; what was not asked for is empty.

    checked = lawful + over; over = the bands, per cent above the limit. `change_percent` compares the share with that
    of the base period, and is null where nobody was over then; `change_points` is the plain difference. A road or kind
    of the base period that has no passes now is a row of zeros.
    """

    road: str = Field(examples=["G319"])
    day: str = Field(description="Local day", examples=["2026-05-04"])
    kind: str = Field(examples=["train_3_3"])
    checked: int = Field(examples=[14_380])
    over: int = Field(examples=[62])
    over_below_10: int = Field(examples=[40])
    over_10_to_30: int = Field(examples=[15])
    over_30_to_50: int = Field(examples=[5])
    over_above_50: int = Field(examples=[2])
    undecided: int = Field(description="The scale alone cannot tell", examples=[120])
    unknown: int = Field(description="The law names no limit", examples=[0])
    not_judged: int = Field(description="Cars and buses", examples=[3_000])
    over_percent: float | None = Field(description="Share of the checked", examples=[0.4312])
    base_over_percent: float | None = Field(description="The same in the base period", examples=[1.3])
    change_percent: float | None = Field(description="Of the share, against the base period", examples=[-66.8])
    change_points: float | None = Field(description="Share less that of the base period", examples=[-0.8688])


class PassStatistics(BaseModel):
    """The counts of a period, and of all of it together."""

    rows: list[CountView]
    total: CountView


class CorrectionView(BaseModel):
    """A correction factor of a scale. Weights are multiplied with an accepted one from `settled_at` on."""

    id: str = Field(examples=[EXAMPLE_ID])
    device: str = Field(examples=["CS01/d1/l2"])
    state: _State
    factor: float = Field(examples=[0.8797])
    factor_low: float = Field(examples=[0.853])
    factor_high: float = Field(examples=[0.906])
    step: str = Field(description="The event that it follows from", examples=[EXAMPLE_ID])
    proposed_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    settled_at: str | None = Field(examples=[None])
    settled_by: str = Field(examples=[""])
    note: str = Field(examples=[""])


class Corrections(BaseModel):
    """Corrections, newest first."""

    items: list[CorrectionView]


class Settlement(BaseModel):
    """Why it is accepted or declined."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "Test truck agrees"}]})

    note: str = Field(default="", max_length=MAX_NOTE_CHARACTERS)


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/statistics/passes", tags=["statistics"], summary="Passes counted", responses=responses(422))
    async def passes(
        from_day: Annotated[date, Query(alias="from", description="First local day")],
        to_day: Annotated[date, Query(alias="to", description="Last local day")],
        by: Annotated[list[_By] | None, Query(description="What the rows tell apart")] = None,
        road: Annotated[str | None, Query(max_length=100, description="Only this road")] = None,
        base_from: Annotated[date | None, Query(description="First day of the base period")] = None,
        base_to: Annotated[date | None, Query(description="Last day of the base period")] = None,
    ) -> PassStatistics:
        """Checked, over and the bands of overload by road, day and kind of vehicle; the trend against a base period."""
        _check_period("to", from_day, to_day)
        if (base_from is None) != (base_to is None):
            raise invalid("query.base_from", "give both ends of the base period, or none")
        if base_from is not None and base_to is not None:
            _check_period("base_to", base_from, base_to)
        keys = tuple(name for name in ("road", "day", "kind") if name in (by or ["road"]))

        def read() -> PassStatistics:
            now = _Period(api.store, from_day, to_day, road)
            base = None if base_from is None or base_to is None else _Period(api.store, base_from, base_to, road)
            return _statistics(now, base, keys)

        return await run_in_threadpool(read)

    @app.get("/api/v1/corrections", tags=["statistics"], summary="Corrections of scales", responses=responses())
    async def corrections(
        state: Annotated[_State | None, Query(description="Only those in this state")] = None,
        device: Annotated[str | None, Query(max_length=127, description="Only those of this scale")] = None,
    ) -> Corrections:
        """Proposed, accepted and settled correction factors, newest first, at most as many as a page holds."""
        most = api.config.max_page_rows
        rows = await run_in_threadpool(lambda: api.store.corrections(state=state, device=device, limit=most))
        return Corrections(items=[_view(row) for row in rows])

    def _settling(verb: Verb, word: str, summary: str, told: str) -> None:
        async def settle(request: Request, correction: Id, wanted: Settlement) -> CorrectionView | Response:
            row = await run_in_threadpool(api.store.correction, correction)
            if row is None:
                raise missing("correction")
            pending = await give(
                api,
                command=command_id(request),
                device=row["device"],
                verb=verb,
                target=correction,
                actor=caller_of(request).name,
                args=json.dumps({"note": plain_text(wanted.note).strip()}, ensure_ascii=False),
            )
            if pending is not None:
                return pending
            after = await run_in_threadpool(api.store.correction, correction)
            return _view(after or row)

        app.post(
            f"/api/v1/corrections/{{correction}}/{word}",
            tags=["statistics"],
            summary=summary,
            description=told,
            response_model=CorrectionView,
            responses={**PENDING, **responses(400, 404, 408, 409, 413, 429)},
            openapi_extra=IDEMPOTENCY,
        )(settle)

    _settling(
        Verb.ACCEPT_CORRECTION,
        "accept",
        "Accept a correction",
        "Weights count with it from now on; what was decided before stays as it is.",
    )
    _settling(
        Verb.DECLINE_CORRECTION,
        "decline",
        "Decline a correction",
        "The scale is right as it weighs now: later levels are held against this one.",
    )


@dataclass(frozen=True, slots=True)
class _Period:
    """From one local day to another, both included, of one road or all."""

    store: Store
    first: date
    last: date
    road: str | None

    def by(self, keys: tuple[str, ...]) -> dict[tuple[str, ...], Counts]:
        """Counts for each key; Problem 422 where that is more than an answer holds."""
        days = self.first.isoformat(), self.last.isoformat()
        rows = self.store.pass_counts(*days, self.road, keys, _MOST_ROWS + 1)
        if len(rows) > _MOST_ROWS:
            raise invalid("query.by", f"more than {_MOST_ROWS} rows; ask for a shorter period, or tell apart less")
        return {tuple(row[name] for name in keys): Counts(*(row[name] for name in COLUMNS)) for row in rows}


def _statistics(period: _Period, base: _Period | None, keys: tuple[str, ...]) -> PassStatistics:
    now, before = period.by(keys), None if base is None else base.by(tuple(k for k in keys if k != "day"))
    if before is not None and "day" not in keys:
        now = dict.fromkeys(before, Counts()) | now
    views = []
    for key, counts in sorted(now.items()):
        named = dict(zip(keys, key, strict=True))
        without_day = tuple(value for name, value in named.items() if name != "day")
        views.append(_count_view(named, counts, None if before is None else before.get(without_day, Counts())))
    total = _count_view({}, sum(now.values(), Counts()), None if before is None else sum(before.values(), Counts()))
    return PassStatistics(rows=views, total=total)


def _count_view(named: dict[str, str], counts: Counts, base: Counts | None) -> CountView:
    share, before = counts.over_percent, None if base is None else base.over_percent
    change = None if share is None or not before else round(100 * (share - before) / before, 2)
    figures: dict[str, Any] = dict(zip(COLUMNS, counts.figures(), strict=True))
    return CountView(
        road=named.get("road", ""),
        day=named.get("day", ""),
        kind=named.get("kind", ""),
        **figures,
        over_percent=share,
        base_over_percent=before,
        change_percent=change,
        change_points=None if share is None or before is None else round(share - before, 4),
    )


def _check_period(field: str, first: date, last: date) -> None:
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise invalid(f"query.{field}", f"it is a day from the first on, at most {_MOST_DAYS} days later")


def _view(row: Row) -> CorrectionView:
    return CorrectionView(
        id=row["id"],
        device=row["device"],
        state=row["state"],
        factor=row["factor"],
        factor_low=row["factor_low"],
        factor_high=row["factor_high"],
        step=row["step"],
        proposed_at=shown(row["proposed_at_ns"]),
        settled_at=shown(row["settled_at_ns"]),
        settled_by=row["settled_by"],
        note=row["note"],
    )
