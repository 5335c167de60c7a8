"""Commands: append, wait a moment for the verdict of the step, and say where to look otherwise."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from citywatch.api.access import caller_of
from citywatch.api.door import append, broadcast
from citywatch.api.problems import Problem, invalid, responses
from citywatch.api.shared import EXAMPLE_ID, Api, Id
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.events import event_id
from citywatch.domain.topology import IN_WORDS
from citywatch.ports import Row

_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_REASONS = {
    "not_open": "it is over already",
    "already_acknowledged": "somebody has acknowledged it before",
    "already_accepted": "somebody has accepted it before",
    "not_accepted": "nobody has accepted it yet; accept it first",
    "on_hold": "it is on hold; resume it first",
    "not_on_hold": "it is not on hold",
    "already_handled": "the repair was reported already; the system looks for itself",
    "already_dispatched": "it is this team's already",
    "still_open": "it is open; there is nothing to reopen",
    "seen_by_system": "the system sees for itself whether it is repaired; report the repair, and it looks soon",
    "same_ticket": "a ticket cannot stand for itself",
    "bad_until": "a hold ends later than now, and within 366 days",
    "not_watched": "it is watched no longer",
    "bad_times": "the work ended too long ago, or lasts longer than 31 days",
    "too_many_exercises": "fifty exercises are under way beside it; end some of them",
    "too_much_work": "eight pieces of work lie ahead of this device already",
    "other_kind": "this id is that of a scale; give the camera another",
    "over_already": "its times are over, or lie too far back",
    "too_many": "a thousand are kept already; end some",
    "already_ended": "somebody has ended it before",
    **IN_WORDS,
}


class Pending(BaseModel):
    """A command that was written down but has no verdict yet. `Location` says where to look."""

    command: str = Field(examples=[EXAMPLE_ID])
    state: Literal["pending"] = "pending"


class CommandView(BaseModel):
    """What became of a command."""

    command: str = Field(examples=[EXAMPLE_ID])
    state: Literal["pending", "accepted", "refused"] = Field(
        description="`pending` also for a command that nobody has given", examples=["accepted"]
    )
    reason: str = Field(description="Why it was refused, in one word", examples=[""])


PENDING: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Pending,
        "description": "Written down, no verdict yet: look at Location",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Where the verdict will be"}},
    }
}
IDEMPOTENCY: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "A word of yours for this command: sent again with the same word, it is done once",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        }
    ]
}


def routes(app: FastAPI, api: Api) -> None:
    @app.get("/api/v1/commands/{command}", tags=["overview"], summary="What became of a command", responses=responses())
    async def command(command: Id) -> CommandView:
        """The verdict of a command that was answered with 202."""
        row = await run_in_threadpool(api.store.verdict, command)
        if row is None:
            return CommandView(command=command, state="pending", reason="")
        return CommandView(command=command, state=row["verdict"], reason=row["reason"])


def idempotency_key(request: Request) -> str | None:
    """The sender's own word for this request, if there is one. Problem 422 for an unlawful one."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid("header.Idempotency-Key", "use 1 to 128 letters, digits and . _ : -")
    return key


def command_id(request: Request) -> str:
    """The command's id: random, or made of the caller and its Idempotency-Key, so that a repeat is recognised."""
    key = idempotency_key(request)
    if key is None:
        return secrets.token_hex(16)
    method = () if request.method == "POST" else (request.method,)
    return event_id("command", caller_of(request).name, *method, request.url.path, key)


class Order(NamedTuple):
    """One of several commands that are given together."""

    command: str
    device: str
    verb: Verb
    target: str
    args: str = "{}"


async def give(
    api: Api,
    *,
    command: str,
    device: str,
    verb: Verb,
    target: str,
    actor: str,
    args: str = "{}",
    everywhere: bool = False,
    beside: Sequence[Order] = (),
) -> Response | None:
    """Append a command and wait for its verdict: None when it was accepted, Problem 409 when refused, else a 202.

    Nothing is said before the log has it on disk. `everywhere`: every partition is given it. `beside`: rows that go
    with it, and have no verdict.
    """
    beats = api.pulse.beats
    verdict = await run_in_threadpool(api.store.verdict, command)
    if verdict is None:
        orders = [Order(command, device, verb, target, args), *beside]
        await (broadcast if everywhere else append)(api, _rows(orders, actor, api.clock.now_ns()))
        verdict = await _verdict(api, command, beats)
    if verdict is None:
        where = {"Location": f"/api/v1/commands/{command}"}
        return JSONResponse(Pending(command=command).model_dump(), 202, where)
    if verdict["verdict"] != "accepted":
        reason = str(verdict["reason"])
        raise Problem(409, "refused", f"refused: {_REASONS.get(reason, reason)}", reason=reason, command=command)
    return None


async def give_all(api: Api, orders: Sequence[Order], actor: str) -> Mapping[str, Row]:
    """Append commands and wait for their verdicts: by command, of those that have one within the waiting time. What
    was given before is not given again.
    """
    beats, names = api.pulse.beats, [order.command for order in orders]
    known = await run_in_threadpool(api.store.verdicts, names)
    fresh = [order for order in orders if order.command not in known]
    if fresh:
        await append(api, _rows(fresh, actor, api.clock.now_ns()))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + api.config.command_wait_seconds
        while len(known) < len(names) and (left := deadline - loop.time()) > 0:
            beats = await api.pulse.wait(beats, min(left, api.config.command_poll_seconds))
            known = await run_in_threadpool(api.store.verdicts, names)
    return known


def _rows(orders: Sequence[Order], actor: str, at_ns: int) -> CommandBatch:
    """Commands of one person at one instant."""
    return CommandBatch(
        device=tuple(order.device for order in orders),
        at_ns=np.full(len(orders), at_ns, np.int64),
        command=tuple(order.command for order in orders),
        verb=tuple(order.verb.value for order in orders),
        target=tuple(order.target for order in orders),
        actor=(actor,) * len(orders),
        args=tuple(order.args for order in orders),
    )


def refused_because(reason: str) -> str:
    """Why a command was refused, in words."""
    return _REASONS.get(reason, reason)


async def _verdict(api: Api, command: str, beats: int) -> Row | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + api.config.command_wait_seconds
    while True:
        left = deadline - loop.time()
        beats = await api.pulse.wait(beats, max(0.0, min(left, api.config.command_poll_seconds)))
        verdict = await run_in_threadpool(api.store.verdict, command)
        if verdict is not None or left <= 0:
            return verdict
