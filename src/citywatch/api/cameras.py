"""Cameras: list, look at, put, remove, import a table of them; and how fresh the patrol's looks are.

What is secret of a camera goes in and never comes out: it is sealed before it reaches the log, and addresses are
answered as they may be shown.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import FastAPI, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from citywatch.alerts.desk import alert_id
from citywatch.api.access import UNMASKED, Caller, caller_of
from citywatch.api.commands import IDEMPOTENCY, PENDING, command_id, give
from citywatch.api.devices import PresentFault
from citywatch.api.door import append
from citywatch.api.problems import Problem, invalid, missing, responses
from citywatch.api.shared import Api, Cursor, DevicePattern, Limit, Page, read_name_cursor, shown, write_cursor
from citywatch.domain.cameras import Described, Origin
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import event_id
from citywatch.domain.pictures import Fault
from citywatch.domain.topology import IN_WORDS, misplaced
from citywatch.errors import DescriptionRefused, Mistake
from citywatch.ports import Row
from citywatch.rules.answers import Answer, LookAnswers, Phase
from citywatch.tickets.desk import ticket_id

_AT_A_TIME = 200
"""Cameras in one append."""
_MISTAKES_TOLD = 200
_URL = "rtsp://***@192.0.2.10:554/stream1"


class LastLook(BaseModel):
    """The last look at a camera."""

    at: str | None = Field(examples=["2026-01-31T08:00:00.250Z"])
    age_s: float = Field(description="How long ago, seconds", examples=[41.2])
    outcome: str = Field(
        description="picture, glance, unreachable, no_media, unchecked or reached", examples=["picture"]
    )
    reason: str = Field(examples=["ok"])
    note: str = Field("", description="Why there is no picture, in words; empty when there is one", examples=[""])
    picture: str | None = Field(
        description="Where the picture is, for operators and administrators; each look is audited", examples=[None]
    )


class CameraFault(PresentFault):
    """A present fault with what it was decided on."""

    evidence: dict[str, Any] | None = Field(
        description="What was measured, the threshold, and by how much it was missed",
        examples=[{"measure": "sharpness", "value": 0.31, "threshold": 0.8, "margin": 0.49}],
    )
    picture: str | None = Field(description="The picture that confirmed it, as for `last_look`", examples=[None])
    previous: str | None = Field(description="The picture from before the first bad look", examples=[None])


class ReferenceView(BaseModel):
    """What the camera's pictures are compared with, by light and preset."""

    light: str = Field(examples=["day"])
    preset: str = Field(description="Empty for a camera that does not turn", examples=[""])
    adopted_at: str | None = Field(examples=["2026-01-30T03:12:00.000Z"])
    picture: str | None = Field(description="As for `last_look`", examples=[None])


class CheckView(BaseModel):
    """What the last full look says of one fault."""

    fault: str = Field(examples=["moved"])
    answer: Answer = Field(description="fault, fine, or could_not_be_checked", examples=["could_not_be_checked"])
    why: str = Field(description="Why it could not be checked; else empty", examples=["no_reference"])
    phase: Phase = Field(
        description="suspect or confirmed while the fault stands, whatever this look says; else empty", examples=[""]
    )
    last_fine_at: str | None = Field(description="The last look that found it fine", examples=[None])


class Checks(BaseModel):
    """The answers of the last look that was more than a glance, one for each fault."""

    at: str | None = Field(examples=["2026-01-31T08:00:00.250Z"])
    answers: list[CheckView]


class _Camera(BaseModel):
    """What a list and a single look have in common."""

    camera: str = Field(examples=["north-gate"])
    kind: str = Field(examples=["camera"])
    name: str = Field(examples=["North gate, outbound"])
    place: str = Field(examples=["Ring Road / Station Street"])
    site: str = Field(examples=["ring-road"])
    parent: str = Field(examples=["ring-road/switch-1"])
    camera_class: str = Field(examples=["standard"])
    look: str = Field(examples=["visit"])
    url: str = Field(description="The address as it may be shown", examples=[_URL])
    has_secrets: bool = Field(description="Whether user, password or the like are kept of it, sealed", examples=[True])
    origin: Origin
    state: DeviceState
    state_since: str | None = Field(examples=["2026-01-31T07:58:30.000Z"])
    last_look: LastLook | None = Field(description="null before the first, and while nobody knows")
    added_at: str | None = Field(examples=["2026-01-30T03:00:00.000Z"])
    changed_at: str | None = Field(examples=["2026-01-30T03:00:00.000Z"])


class CameraView(_Camera):
    """One camera, or what cameras hang on, and what is known of it now."""

    faults: list[PresentFault]


class CameraDetail(_Camera):
    """A camera with every setting, the evidence of its faults, and its references."""

    settings: dict[str, Any] = Field(
        description="Settings that differ from their defaults, without what is secret",
        examples=[{"url": _URL, "name": "North gate, outbound", "site": "ring-road"}],
    )
    actor: str = Field(description="Who has described it last", examples=["admin-1"])
    faults: list[CameraFault]
    checks: Checks | None = Field(description="null before the first look, and while nobody knows")
    references: list[ReferenceView]


class CameraBody(BaseModel):
    """A camera as it shall be from now on: what is left out has its default. See configs/example.yaml for the keys."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "url": "rtsp://192.0.2.10:554/stream1",
                    "username": "watcher",
                    "password": "as-you-like-it",
                    "name": "North gate, outbound",
                    "place": "Ring Road / Station Street",
                    "site": "ring-road",
                    "camera_class": "gate",
                }
            ]
        },
    )

    url: SecretStr = Field(
        description="rtsp://, http:// or https:// (a snapshot), tcp:// (reachability alone), onvif://, or a file in a "
        "directory that the server's settings name. "
        "Given back as it was shown, the secrets in it stay as they are"
    )
    username: SecretStr | None = None
    password: SecretStr | None = Field(None, description="Sealed before it is stored; no answer ever holds it")
    password_file: str | None = Field(None, description="A file of the server, in a directory that its settings name")
    kind: DeviceKind | None = Field(None, description="camera; or switch, power or recorder for what cameras hang on")
    name: str | None = Field(None, max_length=200)
    place: str | None = Field(None, max_length=200)
    site: str | None = Field(None, max_length=100)
    parent: str | None = Field(None, max_length=127)
    camera_class: str | None = Field(None, max_length=32)
    look: Literal["visit", "key_frames", "all_frames"] | None = None
    visit_seconds: float | None = None
    onvif_url: SecretStr | None = None
    presets: list[str] | None = Field(None, max_length=64)
    transport: Literal["tcp", "udp"] | None = None
    connect_timeout_seconds: float | None = None
    media_timeout_seconds: float | None = None
    stalled_seconds: float | None = None
    tls_verify: bool | None = None
    most_bytes: int | None = None

    def fields(self) -> dict[str, Any]:
        """What was given, secrets in the clear: for the registry alone."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()
        }


class RefusedCamera(BaseModel):
    """A camera of a table that the city would not take."""

    camera: str = Field(examples=["CS01/d1/l1"])
    reason: str = Field(examples=["other_kind"])


class Imported(BaseModel):
    """What became of a table of cameras."""

    dry_run: bool = Field(examples=[False])
    cameras: int = Field(description="In the table", examples=[6534])
    added: int = Field(examples=[12])
    changed: int = Field(examples=[3])
    unchanged: int = Field(description="They stand there just so; nothing was written for them", examples=[6519])
    refused: list[RefusedCamera]
    pending: int = Field(description="Written down, not decided yet; 202 when there are any", examples=[0])


CameraPath = Annotated[
    str,
    Path(pattern=DevicePattern, description="Id of the camera; its slashes stay slashes", examples=["north-gate"]),
]
_TABLE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A table with a line of names first; the columns are those of a camera's settings",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "camera,url,name,site\nnorth-gate,rtsp://192.0.2.10:554/stream1,North gate,ring-road\n",
            }
        },
    }
}


def routes(app: FastAPI, api: Api) -> None:
    _reading(app, api)
    _writing(app, api)

    @app.get("/api/v1/patrol", tags=["cameras"], summary="How fresh the looks are", responses=responses())
    async def patrol(
        target_seconds: Annotated[
            float | None,
            Query(ge=1, le=86_400, description="Also tell, as `needs_of_target`, what this one would need"),
        ] = None,
    ) -> PatrolView:
        """The patrol's report of now: freshness by class, visits a second, cost, and what a stated target would need.

        503 while no patrol speaks.
        """
        report = await run_in_threadpool(api.patrol.report)
        if report is None:
            raise Problem(503, "no_patrol", "no patrol has spoken lately; is the part `patrol` running?")
        if target_seconds is not None:
            report = {**report, "needs_of_target": _needs_of(report, target_seconds)}
        return PatrolView.model_validate(report)


class PatrolView(BaseModel):
    """The patrol at one moment. Rates and shares are of the last `over_s` seconds; null before any visit."""

    model_config = ConfigDict(extra="allow")

    at_ns: int = Field(examples=[1_769_846_400_000_000_000], description="When it was told, nanoseconds since 1970")
    over_s: float
    cameras: int = Field(examples=[6534])
    failing: int = Field(description="Cameras that gave no picture when last asked")
    suspects: int = Field(description="Cameras that are visited sooner because of a suspicion")
    visits_per_s: float | None = Field(examples=[21.8])
    failing_share: float | None
    decoder_cpu_s: float | None = Field(examples=[0.031], description="Processor time of a visit in the decoder")
    patrol_cpu_s: float | None = Field(description="Processor time of a visit in the patrol's own process")
    stretch: float = Field(description="Above 1 the machine cannot meet the targets; ages are stretched by it")
    ages: list[dict[str, Any]] = Field(description="Age of the last look by class: p50, p90, p99 and max, seconds")
    needs: dict[str, Any] = Field(description="What the targets of the classes need: decoders, visits side by side")
    needs_of_targets: list[dict[str, Any]] = Field([], description="What one target for every camera would need")


def _needs_of(report: Mapping[str, Any], target_s: float) -> dict[str, Any] | None:
    """What a target for every camera would need, by what the patrol has told of another one: all but what is possible
    grows with visits a second. None before anything was measured.
    """
    known = next(iter(report.get("needs_of_targets") or ()), None)
    if known is None or known["processors"] is None:
        return None
    more = known["target_s"] / target_s
    visits_per_s, processors = known["visits_per_s"] * more, known["processors"] * more
    costs = report["decoder_cpu_s"] + report["patrol_cpu_s"]
    of_decoders = report["decoder_cpu_s"] / costs if costs else 0.0
    return {
        "target_s": target_s,
        "visits_per_s": round(visits_per_s, 6),
        "processors": round(processors, 6),
        "decoders": max(math.ceil(processors * of_decoders), 1),
        "in_flight": max(math.ceil(visits_per_s * report["visit_s"]), 1),
        "possible_s": known["possible_s"],
    }


def _reading(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/cameras", tags=["cameras"], summary="List cameras", responses=responses())
    async def cameras(
        request: Request,
        state: Annotated[DeviceState | None, Query(description="Only cameras in this state")] = None,
        fault: Annotated[Fault | None, Query(description="Only cameras with this fault")] = None,
        site: Annotated[str | None, Query(max_length=100, description="Only cameras of this site")] = None,
        camera_class: Annotated[
            str | None, Query(alias="class", max_length=32, description="Only cameras of this class")
        ] = None,
        kind: Annotated[DeviceKind | None, Query(description="Only cameras, or what they hang on")] = None,
        q: Annotated[str | None, Query(max_length=100, description="Sought in id, name and site")] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[CameraView]:
        """What is watched, by id, with state, present faults and the last look."""
        after = read_name_cursor(cursor)
        most = min(limit, api.config.max_page_rows)
        rows = await run_in_threadpool(
            lambda: api.store.cameras(
                state=None if state is None else state.value,
                fault=None if fault is None else fault.value,
                site=site,
                camera_class=camera_class,
                kind=None if kind is None else kind.value,
                text=q or None,
                after=after,
                limit=most + 1,
            )
        )
        kept = rows[:most]
        items = [CameraView(**view) for view in await run_in_threadpool(_views, api, kept, caller_of(request))]
        return Page(items=items, next=write_cursor(kept[-1]["camera"]) if len(rows) > most else None)

    @app.get("/api/v1/cameras/{camera:path}", tags=["cameras"], summary="Look at a camera", responses=responses(404))
    async def camera(request: Request, camera: CameraPath) -> CameraDetail:
        """One camera: its settings without what is secret, state, faults with evidence, last look, references."""
        return await run_in_threadpool(_detail, api, camera, caller_of(request))


def _writing(app: FastAPI, api: Api) -> None:
    @app.put(
        "/api/v1/cameras/{camera:path}",
        tags=["cameras"],
        summary="Add a camera, or describe it anew",
        response_model=CameraDetail,
        responses={**PENDING, **responses(400, 408, 409, 413, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def put(request: Request, camera: CameraPath, wanted: CameraBody) -> CameraDetail | Response:
        """A command: 200 with the camera, 409 with the reason, or 202. The patrol visits it within seconds."""
        known = await run_in_threadpool(api.store.camera, camera)
        try:
            described = await run_in_threadpool(api.cameras.described, camera, wanted.fields(), known)
            args = described.args(Origin.API)
        except DescriptionRefused as refused:
            raise _refused(refused.mistakes, "body") from None
        except ValueError as error:
            raise invalid("body", str(error)) from None
        for why in (await run_in_threadpool(_misplaced, api, [described])).values():
            raise Problem(409, "refused", f"refused: {IN_WORDS[why]}", reason=why)
        caller = caller_of(request)
        pending = await give(
            api,
            command=command_id(request),
            device=camera,
            verb=Verb.PUT_CAMERA,
            target=camera,
            actor=caller.name,
            args=args,
        )
        return await run_in_threadpool(_detail, api, camera, caller) if pending is None else pending

    @app.delete(
        "/api/v1/cameras/{camera:path}",
        tags=["cameras"],
        summary="Remove a camera",
        status_code=204,
        response_class=Response,
        responses={**PENDING, **responses(404, 409, 429)},
        openapi_extra=IDEMPOTENCY,
    )
    async def remove(request: Request, camera: CameraPath) -> Response:
        """A command: from now on nobody looks at it. What is open about it ends (`device_removed`), history stays."""
        command = command_id(request)
        if await run_in_threadpool(api.store.camera, camera) is None and (
            await run_in_threadpool(api.store.verdict, command) is None
        ):
            raise missing("camera")
        args = json.dumps({"origin": Origin.API.value})
        pending = await give(
            api,
            command=command,
            device=camera,
            verb=Verb.REMOVE_CAMERA,
            target=camera,
            actor=caller_of(request).name,
            args=args,
        )
        return pending or Response(status_code=204)

    @app.post(
        "/api/v1/cameras/import",
        tags=["cameras"],
        summary="Import a table of cameras",
        response_model=Imported,
        responses={
            202: {"model": Imported, "description": "Some are not decided yet"},
            **responses(408, 413, 415, 429),
        },
        openapi_extra={**_TABLE, **IDEMPOTENCY},
    )
    async def table(
        request: Request,
        dry_run: Annotated[bool, Query(description="Check it and say what would change; nothing is written")] = False,
    ) -> Imported | Response:
        """A CSV table, checked as a whole: with any mistake nothing is taken, and 422 names all of them.

        Cameras that the table does not name stay as they are.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
            raise Problem(415, "content_type", "send the table with Content-Type: text/csv")
        content = await request.body()
        known = {row["camera"]: row for row in await run_in_threadpool(api.store.cameras)}
        try:
            described = await run_in_threadpool(api.cameras.table, content, known)
            args = {one.camera: one.args(Origin.API) for one in described}
        except DescriptionRefused as refused:
            raise _refused(refused.mistakes, "table") from None
        except ValueError as error:
            raise invalid("table", str(error)) from None
        misplaced = await run_in_threadpool(_misplaced, api, described)
        if misplaced:
            raise _refused([Mistake(f"{one}.parent", IN_WORDS[why]) for one, why in misplaced.items()], "table")
        added = [one for one in described if one.camera not in known]
        changed = [one for one in described if one.camera in known and _differs(one, known[one.camera])]
        result = Imported(
            dry_run=dry_run,
            cameras=len(described),
            added=len(added),
            changed=len(changed),
            unchanged=len(described) - len(added) - len(changed),
            refused=[],
            pending=0,
        )
        if dry_run or not added + changed:
            return result
        commands = await _give_all(api, request, {one.camera: args[one.camera] for one in [*added, *changed]})
        return await _verdicts(api, result, commands, {one.camera for one in added})


def _misplaced(api: Api, described: Sequence[Described]) -> dict[str, str]:
    """Cameras that cannot hang where they are to hang, as far as is told already: domain.topology. The incident stage
    has the last word.
    """

    @functools.cache
    def parent_of(device: str) -> str:
        told = api.store.camera(device)
        if told is not None:
            return str(told["description"].get("parent", ""))
        row = api.store.device(device)
        return "" if row is None else str(row["parent"])

    return misplaced({one.camera: str(one.fields.get("parent", "")) for one in described}, parent_of)


async def _give_all(api: Api, request: Request, args: Mapping[str, str]) -> dict[str, str]:
    """Append a command for each camera; {command: camera}. On disk when this returns."""
    given, actor, at_ns = command_id(request), caller_of(request).name, api.clock.now_ns()
    commands = {event_id("import", given, camera): camera for camera in args}
    rows = list(commands.items())
    for start in range(0, len(rows), _AT_A_TIME):
        some = rows[start : start + _AT_A_TIME]
        cameras = tuple(camera for _, camera in some)
        batch = CommandBatch(
            device=cameras,
            at_ns=np.full(len(some), at_ns, np.int64),
            command=tuple(command for command, _ in some),
            verb=(Verb.PUT_CAMERA.value,) * len(some),
            target=cameras,
            actor=(actor,) * len(some),
            args=tuple(args[camera] for camera in cameras),
        )
        await append(api, batch)
    return commands


async def _verdicts(api: Api, result: Imported, commands: Mapping[str, str], new: set[str]) -> Imported | Response:
    """Wait a moment for all verdicts, and count what was refused out."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + api.config.command_wait_seconds
    beats, waiting, refused = api.pulse.beats, list(commands), list[Row]()
    while True:
        found = await run_in_threadpool(api.store.verdicts, waiting)
        refused += [row for row in found.values() if row["verdict"] != "accepted"]
        waiting = [command for command in waiting if command not in found]
        left = deadline - loop.time()
        if not waiting or left <= 0:
            break
        beats = await api.pulse.wait(beats, max(0.0, min(left, api.config.command_poll_seconds)))
    of_new = sum(row["device"] in new for row in refused)
    told = result.model_copy(
        update={
            "added": result.added - of_new,
            "changed": result.changed - (len(refused) - of_new),
            "refused": [RefusedCamera(camera=row["device"], reason=row["reason"]) for row in refused],
            "pending": len(waiting),
        }
    )
    return JSONResponse(told.model_dump(), 202) if waiting else told


def _differs(one: Described, row: Row) -> bool:
    return one.digest() != Described(row["camera"], row["description"], row["sealed"]).digest()


def _refused(mistakes: Sequence[Mistake], where: str) -> Problem:
    """All mistakes at once; none repeats a value."""
    errors = []
    for mistake in mistakes[:_MISTAKES_TOLD]:
        error: dict[str, Any] = {"field": f"{where}.{mistake.field}".rstrip("."), "message": mistake.message}
        if mistake.line:
            error |= {"line": mistake.line, "column": mistake.column}
        errors.append(error)
    more = f" and {len(mistakes) - 1} more" if len(mistakes) > 1 else ""
    return Problem(422, "invalid", f"{mistakes[0]}{more}", errors=errors, mistakes=len(mistakes))


def _detail(api: Api, camera: str, caller: Caller) -> CameraDetail:
    row = api.store.camera(camera)
    if row is None:
        raise missing("camera")
    (view,) = _views(api, [row], caller)
    view["faults"] = [_with_evidence(api, fault, caller) for fault in view["faults"]]
    references = [
        ReferenceView(
            light=reference["light"],
            preset=reference["preset"],
            adopted_at=shown(reference["adopted_at_ns"]),
            picture=_picture(reference["picture"], caller),
        )
        for reference in api.store.camera_references(camera)
    ]
    return CameraDetail(
        **view,
        settings=dict(row["description"]),
        actor=row["actor"],
        checks=_checks(api.answers(camera)),
        references=references,
    )


def _checks(told: LookAnswers | None) -> Checks | None:
    if told is None:
        return None
    return Checks(
        at=shown(told.at_ns),
        answers=[
            CheckView(
                fault=one.fault,
                answer=one.answer,
                why=one.why,
                phase=one.phase,
                last_fine_at=shown(one.last_fine_ns),
            )
            for one in told.answers
        ],
    )


def _views(api: Api, rows: Sequence[Row], caller: Caller) -> list[dict[str, Any]]:
    looks = api.patrol.looks([row["camera"] for row in rows])
    incidents = api.store.incidents_of([fault["cause"] for row in rows for fault in row["faults"] or ()])
    return [_view(api, row, looks.get(row["camera"]), incidents, caller) for row in rows]


def _view(api: Api, row: Row, look: Row | None, incidents: Mapping[str, str], caller: Caller) -> dict[str, Any]:
    told = row["description"]
    return {
        "camera": row["camera"],
        "kind": row["kind"],
        "name": row["name"],
        "place": told.get("place", ""),
        "site": row["site"],
        "parent": told.get("parent", ""),
        "camera_class": row["camera_class"],
        "look": told.get("look", "visit"),
        "url": told.get("url", ""),
        "has_secrets": bool(row["sealed"]),
        "origin": row["origin"],
        "state": row["state"] or DeviceState.UNKNOWN,
        "state_since": shown(row["state_since_ns"]),
        "faults": [
            PresentFault(
                fault=fault["fault"],
                reason=fault["reason"],
                first_bad_at=shown(fault["first_bad_ns"]),
                last_good_at=shown(fault.get("last_good_ns", -1)),
                incident=incidents.get(fault["cause"]),
                alert=fault.get("alert") or alert_id(incidents.get(fault["cause"], fault["cause"])),
                ticket=ticket_id(incidents.get(fault["cause"], fault["cause"])),
            )
            for fault in row["faults"] or ()
        ],
        "last_look": None if look is None else _look(api, look, caller),
        "added_at": shown(row["put_at_ns"]),
        "changed_at": shown(row["changed_at_ns"]),
    }


def _look(api: Api, look: Row, caller: Caller) -> LastLook:
    at_ns = int(look["at_ns"])
    return LastLook(
        at=shown(at_ns),
        age_s=round(max(0, api.clock.now_ns() - at_ns) / 1e9, 3),
        outcome=look["outcome"],
        reason=look["reason"],
        note=look.get("note", ""),
        picture=_picture(look.get("picture", ""), caller),
    )


def _with_evidence(api: Api, fault: PresentFault, caller: Caller) -> CameraFault:
    """The alert holds what the fault was decided on."""
    alert = api.store.alert(fault.alert)
    subject = {} if alert is None else alert["subject"]
    return CameraFault(
        **fault.model_dump(),
        evidence=subject.get("evidence"),
        picture=_picture(subject.get("picture", ""), caller),
        previous=_picture(subject.get("previous", ""), caller),
    )


def _picture(name: str, caller: Caller) -> str | None:
    """Where a picture is, for who may see it."""
    return f"/api/v1/objects/{name}" if name and caller.role in UNMASKED else None
