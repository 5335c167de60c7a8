"""Drills: exercises of several devices, and of parents' outages, that are started together and end together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.commands import IDEMPOTENCY, Order, command_id, give_all, refused_because
from citywatch.api.exercises import ExerciseView, exercise_view
from citywatch.api.problems import Problem, invalid, missing, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Id, plain_text
from citywatch.domain.commands import Verb
from citywatch.domain.events import event_id
from citywatch.domain.faults import Fault
from citywatch.domain.field import (
    MAX_EXERCISE_NOTE_CHARACTERS,
    MOST_CHILDREN_NAMED,
    MOST_EXERCISE_NS,
    MOST_OF_A_DRILL,
)
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.responsibility import Register, labels_of
from citywatch.domain.windows import DEVICE_LABELS
from citywatch.ports import Row

_PAGE = 500


class WantedDrill(BaseModel):
    """What is played: a fault of each of some devices (by name, or by a matcher), and outages of parents."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "matcher": {"site": "harbour", "device_kind": "camera"},
                    "fault": "covered",
                    "outages": ["switch/harbour"],
                    "minutes": 120,
                    "note": "Night drill of the northern team",
                }
            ]
        },
    )

    devices: list[str] = Field(default_factory=list, max_length=MOST_OF_A_DRILL)
    matcher: dict[str, str | list[str]] | None = Field(
        None, description="Devices by their labels, as of maintenance windows, with `*` and `?`; at most fifty may fit"
    )
    fault: Fault = Field(Fault.UNREACHABLE, description="What is played of each of these devices")
    outages: list[str] = Field(
        default_factory=list,
        max_length=MOST_OF_A_DRILL,
        description="Parents that fall away with all that hangs on them: one incident each",
    )
    minutes: int = Field(
        120,
        ge=1,
        le=MOST_EXERCISE_NS // (60 * NS_PER_S),
        description="All of it ends by itself after so many; two days at most",
    )
    note: str = Field("", max_length=MAX_EXERCISE_NOTE_CHARACTERS)

    @field_validator("note")
    @classmethod
    def _readable(cls, text: str) -> str:
        return plain_text(text).strip()

    @model_validator(mode="after")
    def _something(self) -> WantedDrill:
        if not self.devices and self.matcher is None and not self.outages:
            raise ValueError("name devices, a matcher, or outages")
        return self


class DrillView(BaseModel):
    """Exercises that end together."""

    id: str = Field(examples=[EXAMPLE_ID])
    exercises: list[ExerciseView] = Field(description="By device")
    refused: dict[str, str] = Field(description="Devices that did not take part, and why", examples=[{}])
    pending: list[str] = Field(description="Devices of which nobody knows yet; ask again", examples=[[]])


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/drills/{drill}", tags=["exercises"], summary="One drill", responses=responses(404))
    async def one(drill: Id) -> DrillView:
        """Its exercises, those that are over among them."""
        rows = await run_in_threadpool(api.store.drill, drill)
        if not rows:
            raise missing("drill")
        return _view(drill, rows)

    @app.post(
        "/api/v1/drills",
        tags=["exercises"],
        summary="Start a drill",
        responses=responses(400, 404, 408, 409, 413, 429),
        openapi_extra=IDEMPOTENCY,
    )
    async def start(request: Request, wanted: WantedDrill) -> DrillView:
        """Play several faults, and whole outages, that end together. An outage makes one alert (`incident`) and one
        ticket at the parent, with the names of what it takes along. All of it is marked, and in no figure.
        """
        given = command_id(request)
        drill = event_id("drill", given)
        cast = await run_in_threadpool(_cast, api, wanted)
        until_ns = api.clock.now_ns() + wanted.minutes * 60 * NS_PER_S
        same = {"until_ns": until_ns, "note": wanted.note, "drill": drill}
        orders = [
            Order(
                event_id("command", drill, device),
                device,
                Verb.START_EXERCISE,
                device,
                json.dumps({**same, **played}, ensure_ascii=False),
            )
            for device, played in cast.items()
        ]
        return await _given(drill, orders, caller_of(request).name)

    @app.delete(
        "/api/v1/drills/{drill}",
        tags=["exercises"],
        summary="End a drill",
        responses=responses(404, 409, 429),
        openapi_extra=IDEMPOTENCY,
    )
    async def end(request: Request, drill: Id) -> DrillView:
        """All of its alerts and tickets end as after a repair."""
        rows = await run_in_threadpool(api.store.drill, drill)
        if not rows:
            raise missing("drill")
        lasting = [row for row in rows if row["ended_at_ns"] is None]
        if not lasting:
            raise Problem(409, "refused", f"refused: {refused_because('not_open')}", reason="not_open")
        given = command_id(request)
        orders = [
            Order(event_id("command", given, row["id"]), row["device"], Verb.END_EXERCISE, row["id"]) for row in lasting
        ]
        return await _given(drill, orders, caller_of(request).name)

    async def _given(drill: str, orders: Sequence[Order], actor: str) -> DrillView:
        verdicts = await give_all(api, orders, actor)
        refused: dict[str, str] = {}
        pending = []
        for order in orders:
            verdict = verdicts.get(order.command)
            if verdict is None:
                pending.append(order.device)
            elif verdict["verdict"] != "accepted":
                refused[order.device] = str(verdict["reason"])
        if len(refused) == len(orders):
            reason = next(iter(refused.values()))
            raise Problem(409, "refused", f"refused: {refused_because(reason)}", reason=reason)
        return _view(drill, await run_in_threadpool(api.store.drill, drill), refused, pending)


def _cast(api: Api, wanted: WantedDrill) -> dict[str, dict[str, Any]]:
    """What is played of which device. Problem 422 for too many or none, 404 for one that is not known. Blocking."""
    devices = {row["device"]: row for row in _all_devices(api)}
    named = list(dict.fromkeys(wanted.devices))
    if wanted.matcher is not None:
        named += [name for name in _matching(wanted.matcher, devices, api.register) if name not in named]
        if not named:
            raise invalid("body.matcher", "no device is like that")
    for device in (*named, *wanted.outages):
        if device not in devices:
            raise missing("device")
    cast: dict[str, dict[str, Any]] = {device: {"fault": wanted.fault.value} for device in named}
    for parent in wanted.outages:
        below = _below(parent, devices)
        if not below:
            raise invalid("body.outages", f"nothing hangs on {parent}; name it under `devices`")
        children = below[:MOST_CHILDREN_NAMED]
        cast[parent] = {"fault": Fault.UNREACHABLE.value, "children": children, "below": len(below)}
    if len(cast) > MOST_OF_A_DRILL:
        raise invalid("body", f"{len(cast)} exercises; a drill has at most {MOST_OF_A_DRILL}")
    return cast


def _matching(
    conditions: Mapping[str, str | list[str]], devices: Mapping[str, Row], register: Register
) -> Iterator[str]:
    try:
        matcher = Matcher.of(conditions)
    except ValueError as error:
        raise invalid("body.matcher", str(error)) from error
    labels = {label for label, _ in matcher.conditions}
    if not labels or labels - DEVICE_LABELS:
        raise invalid("body.matcher", f"name some of {', '.join(sorted(DEVICE_LABELS))}, and nothing else")
    for name, row in devices.items():
        kind, site = row["kind"], row["site"]
        if matcher.matches(labels_of(name, kind, site, register.of(name, kind, site))):
            yield name


def _below(parent: str, devices: Mapping[str, Row]) -> list[str]:
    """All that hangs on a device, the nearest first, then by name."""
    children: dict[str, list[str]] = {}
    for name, row in devices.items():
        children.setdefault(row["parent"], []).append(name)
    found, level = list[str](), [parent]
    while level:
        level = sorted(child for one in level for child in children.get(one, ()) if child not in found)
        found += level
    return found


def _all_devices(api: Api) -> Iterator[Row]:
    after = ""
    while rows := api.store.devices(kind=None, after=after, limit=_PAGE):
        yield from rows
        after = rows[-1]["device"]


def _view(
    drill: str, rows: Sequence[Row], refused: Mapping[str, str] | None = None, pending: Sequence[str] = ()
) -> DrillView:
    return DrillView(
        id=drill, exercises=[exercise_view(row) for row in rows], refused=dict(refused or {}), pending=list(pending)
    )
