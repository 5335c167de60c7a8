"""Silences and maintenance windows: what is declared, and by whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.problems import invalid, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Cursor, Id, Limit, Page, page, plain_text, read_cursor, shown
from citywatch.domain.commands import CITY, Verb
from citywatch.domain.instants import NS_PER_S, format_instant, parse_instant
from citywatch.domain.windows import (
    MOST_BACK_NS,
    MOST_REASON_CHARACTERS,
    MOST_TIMES,
    Silence,
    Window,
)
from citywatch.errors import DataError
from citywatch.ports import Row
from citywatch.sla.windows import in_force, occurrences
from citywatch.wire import ical

_LAST_NS = parse_instant("2200-01-01T00:00:00Z")
_MOST_ICAL_CHARACTERS = 200_000
_NEXT_SHOWN = 5
_MATCHER = "Labels and patterns (`*`, `?`): all of them must fit; of a list, one"

_View = TypeVar("_View", bound=BaseModel)

Active = Annotated[bool, Query(description="Only what stands now")]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    matcher: dict[str, str | list[str]] = Field(description=_MATCHER, examples=[{"site": "harbour"}])
    begin: str = Field("", alias="from", max_length=40, description="RFC 3339, included; without one: now")
    end: str = Field(alias="to", max_length=40, description="RFC 3339, excluded")
    reason: str = Field(min_length=1, max_length=MOST_REASON_CHARACTERS)

    @field_validator("reason")
    @classmethod
    def _readable(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must hold some text")
        return plain_text(text).strip()


class SilenceWanted(_Declared):
    """A silence: notifications about alerts that match are quiet; alerts and tickets go on."""


class Weekly(BaseModel):
    """Hours of days of the week, by the clock of a time zone; hours past midnight count to the day they begin on."""

    model_config = ConfigDict(extra="forbid")

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(min_length=1, max_length=7)
    hours: list[str] = Field(min_length=1, max_length=10, examples=[["22:00-06:00"]])
    zone: str = Field(max_length=64, examples=["Asia/Shanghai"])


class WindowWanted(_Declared):
    """A maintenance window of devices: all the time from `from` to `to`, or within it the times of a rule: `weekly`, or
    those of an iCalendar file. `from` may lie up to 400 days back: figures leave that time out afterwards.
    """

    weekly: Weekly | None = None
    ical: str | None = Field(
        None, max_length=_MOST_ICAL_CHARACTERS, description=f"Text of an iCalendar file; up to {MOST_TIMES} times of it"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> WindowWanted:
        if self.weekly is not None and self.ical is not None:
            raise ValueError("give either weekly or ical")
        return self


class SilenceView(BaseModel):
    """One silence."""

    id: str = Field(examples=[EXAMPLE_ID])
    matcher: dict[str, list[str]] = Field(description=_MATCHER, examples=[{"site": ["harbour"]}])
    begin: str | None = Field(serialization_alias="from", examples=["2026-01-31T08:00:00.000Z"])
    end: str | None = Field(serialization_alias="to", examples=["2026-01-31T10:00:00.000Z"])
    reason: str = Field(examples=["known, the crew is on its way"])
    actor: str = Field(examples=["lin"])
    set_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    ended_at: str | None = Field(description="When it was ended before its time", examples=[None])
    ended_by: str = Field(examples=[""])
    active: bool = Field(description="Whether it stands now")


class Time(BaseModel):
    """One time of a window."""

    begin: str | None = Field(serialization_alias="from", examples=["2026-01-31T22:00:00.000Z"])
    end: str | None = Field(serialization_alias="to", examples=["2026-02-01T06:00:00.000Z"])


class WindowView(SilenceView):
    """One maintenance window."""

    kind: str = Field(examples=["maintenance"])
    weekly: Weekly | None = Field(description="Its rule, or null", examples=[None])
    times: int | None = Field(description="How many times an iCalendar file gave it, or null", examples=[None])
    withdrawn: bool = Field(description="It never held, as is known since `ended_at`")
    in_force: bool = Field(description="Whether alerts and tickets of what matches wait now")
    next: list[Time] = Field(description="Its next times, the one under way among them")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_View]):
    """Silences or windows: how they are listed, set and ended. Of both a command says what it does, and its id is that
    of what it sets.
    """

    api: Api
    noun: str
    set_by: Verb
    ended_by: Verb
    everywhere: bool
    one: Callable[[str], Row | None]
    some: Callable[..., Sequence[Row]]
    view: Callable[[Row, int], _View]

    async def listed(self, active: bool, cursor: str | None, limit: int) -> Page[_View]:
        """Newest first."""
        api = self.api
        most, before, now_ns = min(limit, api.config.max_page_rows), read_cursor(cursor), api.clock.now_ns()
        rows = await run_in_threadpool(
            lambda: self.some(active_at_ns=now_ns if active else None, before=before, limit=most + 1)
        )
        return page(rows, most, "set_at_ns", lambda row: self.view(row, now_ns))

    async def set(self, request: Request, args: Mapping[str, Any]) -> _View | Response:
        """A new one."""
        command = command_id(request)
        return await self._given(request, self.set_by, command, command, args)

    async def ended(self, request: Request, identity: str, args: Mapping[str, Any]) -> _View | Response:
        """One before its time."""
        if await run_in_threadpool(self.one, identity) is None:
            raise missing(self.noun)
        return await self._given(request, self.ended_by, identity, command_id(request), args)

    async def _given(
        self, request: Request, verb: Verb, identity: str, command: str, args: Mapping[str, Any]
    ) -> _View | Response:
        pending = await give(
            self.api,
            command=command,
            device=CITY,
            verb=verb,
            target=identity,
            actor=caller_of(request).name,
            args=json.dumps(args, ensure_ascii=False),
            everywhere=self.everywhere,
        )
        if pending is not None:
            return pending
        row = await run_in_threadpool(self.one, identity)
        if row is None:
            raise missing(self.noun)
        return self.view(row, self.api.clock.now_ns())


def routes(app: FastAPI, api: Api) -> None:
    _silences(app, api)
    _windows(app, api)


def _silences(app: FastAPI, api: Api) -> None:
    store = api.store
    kept = _Kept(
        api, "silence", Verb.SET_SILENCE, Verb.END_SILENCE, False, store.silence, store.silences, _silence_view
    )

    @app.get("/api/v1/silences", tags=["alerts"], summary="List silences, newest first", responses=responses())
    async def silences(active: Active = False, cursor: Cursor = None, limit: Limit = 50) -> Page[SilenceView]:
        """Who keeps which notifications quiet, why, and until when."""
        return await kept.listed(active, cursor, limit)

    @app.post(
        "/api/v1/silences",
        tags=["alerts"],
        summary="Keep notifications quiet",
        response_model=SilenceView,
        responses={**PENDING, **responses(400, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def silence(request: Request, wanted: SilenceWanted) -> SilenceView | Response:
        """Notifications about alerts that match are quiet, for 31 days at most. Alerts and tickets go on."""
        return await kept.set(request, _args(Silence, api, wanted, None))

    @app.delete(
        "/api/v1/silences/{silence}",
        tags=["alerts"],
        summary="End a silence",
        response_model=SilenceView,
        responses={**PENDING, **responses(404, 409, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def ended(request: Request, silence: Id) -> SilenceView | Response:
        """End a silence before its time."""
        return await kept.ended(request, silence, {})


def _windows(app: FastAPI, api: Api) -> None:
    store = api.store
    kept = _Kept(api, "window", Verb.SET_WINDOW, Verb.END_WINDOW, True, store.window, store.windows, _window_view)

    @app.get("/api/v1/windows", tags=["alerts"], summary="List maintenance windows", responses=responses())
    async def windows(active: Active = False, cursor: Cursor = None, limit: Limit = 50) -> Page[WindowView]:
        """Declared maintenance, newest first, what was withdrawn among it."""
        return await kept.listed(active, cursor, limit)

    @app.post(
        "/api/v1/windows",
        tags=["alerts"],
        summary="Declare maintenance",
        response_model=WindowView,
        responses={**PENDING, **responses(400, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def window(request: Request, wanted: WindowWanted) -> WindowView | Response:
        """While the window lasts no alert and no ticket of these devices is opened; what is still wrong at its end has
        both then. Watching goes on, and what was open before ends as ever; the clocks of its tickets stand meanwhile,
        where their contract leaves maintenance out. The time is in no figure of a contract.
        """
        rule: dict[str, Any] | None = None
        if wanted.weekly is not None:
            rule = {"weekly": wanted.weekly.model_dump()}
        return await kept.set(request, await run_in_threadpool(_args, Window, api, wanted, rule))

    @app.delete(
        "/api/v1/windows/{window}",
        tags=["alerts"],
        summary="End or withdraw a maintenance window",
        response_model=WindowView,
        responses={**PENDING, **responses(404, 409, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def ended(
        request: Request,
        window: Id,
        withdraw: Annotated[bool, Query(description="It was a mistake: as if it had never been declared")] = False,
    ) -> WindowView | Response:
        """End it now: what it held back opens at once. Withdrawn, figures count its time again, too; that can be done
        up to 31 days behind its end.
        """
        return await kept.ended(request, window, {"withdraw": withdraw})


def _args(
    kind: type[Silence] | type[Window], api: Api, wanted: SilenceWanted | WindowWanted, rule: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the command carries; Problem 422 names the field that is wrong."""
    now_ns = api.clock.now_ns()
    from_ns = _instant("from", wanted.begin) if wanted.begin else now_ns
    to_ns = _instant("to", wanted.end)
    if kind is Silence and to_ns <= now_ns:
        raise invalid("body.to", "is over already; a silence cannot be set afterwards")
    if from_ns < now_ns - MOST_BACK_NS:
        raise invalid("body.from", "lies more than 400 days back")
    if isinstance(wanted, WindowWanted) and wanted.ical is not None:
        try:
            zone = api.config.station.time_zone
            times = ical.occurrences(wanted.ical, from_ns // NS_PER_S, to_ns // NS_PER_S, zone, MOST_TIMES)
        except DataError as error:
            raise invalid("body.ical", str(error)) from error
        rule = {"times_s": times}
    fields = {
        "matcher": wanted.matcher,
        "from_ns": from_ns,
        "to_ns": to_ns,
        "rule": rule,
        "reason": wanted.reason,
    }
    try:
        return kind.of(fields).to_json()
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        raise invalid(f"body.{field}", message) from error


def _instant(name: str, text: str) -> int:
    try:
        at_ns = parse_instant(text)
    except ValueError as error:
        raise invalid(f"body.{name}", "write an instant with an offset, such as 2026-01-31T08:00:00Z") from error
    if not 0 <= at_ns < _LAST_NS:
        raise invalid(f"body.{name}", "must lie in the years 1970 to 2199")
    return at_ns


def _common(row: Row, now_ns: int) -> dict[str, Any]:
    until_ns = row["to_ns"] if row["ended_at_ns"] is None else min(row["to_ns"], row["ended_at_ns"])
    return {
        "id": row["id"],
        "matcher": row["matcher"],
        "begin": format_instant(row["from_ns"]),
        "end": format_instant(row["to_ns"]),
        "reason": row["reason"],
        "actor": row["actor"],
        "set_at": shown(row["set_at_ns"]),
        "ended_at": shown(row["ended_at_ns"]),
        "ended_by": row["ended_by"],
        "active": row["from_ns"] <= now_ns < until_ns,
    }


def _silence_view(row: Row, now_ns: int) -> SilenceView:
    return SilenceView(**_common(row, now_ns))


def _window_view(row: Row, now_ns: int) -> WindowView:
    rule = row["rule"] or {}
    ahead = occurrences(row, now_ns, row["to_ns"])[:_NEXT_SHOWN] if row["to_ns"] > now_ns else []
    return WindowView(
        **_common(row, now_ns),
        kind=row["kind"],
        weekly=rule.get("weekly"),
        times=len(rule["times_s"]) if "times_s" in rule else None,
        withdrawn=row["withdrawn"],
        in_force=in_force(row, now_ns)[0] > 0,
        next=[Time(begin=format_instant(begin), end=format_instant(end)) for begin, end in ahead],
    )
