"""Repair tickets as people see them: with the clocks of their contract at this moment."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from citywatch.api.shared import EXAMPLE_ID, Api, shown
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.ticket_words import words_of
from citywatch.domain.tickets import ClockState, TicketClock, TicketState
from citywatch.ports import Row

_MOST_MERGED = 100


class TicketStep(BaseModel):
    """One step of a ticket; `actor` is empty for the system itself. `detail` holds the rest of its event, such as the
    team, the outcome, photos, spare parts or the clock that ran out."""

    step: str = Field(
        description="filed, dispatched, accepted, held, resumed, clocks_stopped, clocks_resumed, handled, noted,"
        " warned, breached, verified, reopened or closed",
        examples=["accepted"],
    )
    at: str | None = Field(examples=["2026-01-31T08:05:00.000Z"])
    actor: str = Field(examples=["crew-3"])
    note: str = Field(examples=[""])
    reason: str = Field(examples=[""])
    detail: dict[str, Any] = Field(examples=[{"response": "kept"}])


class ClockView(BaseModel):
    """A clock of the contract, now. `left_s` is on the clock's calendar, below zero how long it has been out for; null
    when it waits for nothing any more."""

    within_s: int | None = Field(description="What the contract gives, null without one", examples=[86_400])
    due_at: str | None = Field(description="Null while it stands", examples=["2026-02-01T08:00:00.000Z"])
    left_s: int | None = Field(examples=[86_100])
    state: ClockState


class Part(BaseModel):
    """Spare parts of one kind."""

    part: str = Field(examples=["power supply 12 V"])
    count: int = Field(examples=[1])


class TicketView(BaseModel):
    """One repair ticket. The system itself verifies and closes it when the device is in order again."""

    id: str = Field(examples=[EXAMPLE_ID])
    alert: str = Field(examples=[EXAMPLE_ID])
    device: str = Field(examples=["camera/north-gate"])
    fault: str = Field(description="The fault, or the kind of a finding", examples=["frozen"])
    state: TicketState
    reason: str = Field(examples=["frozen"])
    team: str = Field(description="Who has it, empty for nobody", examples=["crew-north"])
    contractor: str = Field(examples=["Camera Works Ltd"])
    labels: dict[str, str] = Field(examples=[{"area": "north", "class": "gate"}])
    exercise: bool = Field(description="It is only played", examples=[False])
    verifiable: bool = Field(description="The system sees for itself whether it is repaired", examples=[True])
    first_bad_at: str | None = Field(examples=["2026-01-31T07:58:00.000Z"])
    filed_at: str | None = Field(examples=["2026-01-31T08:00:00.000Z"])
    accepted_at: str | None = Field(description="The first answer", examples=[None])
    accepted_by: str = Field(description="Who has it now", examples=[""])
    hold_reason: str = Field(description="Empty unless it is on hold", examples=[""])
    held_at: str | None = Field(examples=[None])
    hold_until: str | None = Field(description="It goes on by itself then", examples=[None])
    excused_by: str = Field(
        description="For what its clocks stand now: the id of a maintenance window or of declared work, or of"
        " the incident of its parent; empty for nothing. The step clocks_stopped gives the reason",
        examples=[""],
    )
    excused_until: str | None = Field(
        description="When they go on, as things stand; null where nobody knows", examples=[None]
    )
    handled_at: str | None = Field(examples=[None])
    outcome: str = Field(
        description="What the crew says: repaired, replaced, nothing_found, not_repairable", examples=[""]
    )
    first_good_at: str | None = Field(examples=[None])
    verified_at: str | None = Field(examples=[None])
    closed_at: str | None = Field(examples=[None])
    resolution: str = Field(description="verified, cancelled, merged or device_removed, once closed", examples=[""])
    merged_into: str | None = Field(description="The ticket that stands for it", examples=[None])
    reopened: int = Field(description="How often", examples=[0])
    contract: str = Field(description="Whose clocks it has, empty for none", examples=["north-2026"])
    response: ClockView
    repair: ClockView
    photos: list[str] = Field(description="Hashes of what crews have photographed", examples=[[]])
    parts: list[Part]


class TicketDetail(TicketView):
    """A ticket with every step that was taken."""

    steps: list[TicketStep]
    merged: list[str] = Field(description="Tickets that this one stands for, at most 100", examples=[[]])
    incident: str | None = Field(description="The incident that it is about, if it is about one", examples=[None])
    elsewhere: dict[str, str] = Field(
        description="Where it stands in the words of other desks, see /api/v1/vocabularies",
        examples=[{"gb30428": "handle", "itil": "in_progress", "open311": "open", "digitraffic": "4"}],
    )


def ticket_view(api: Api, row: Row, now_ns: int) -> TicketView:
    """A ticket's row for people, its clocks at an instant."""
    same = (
        "id",
        "alert",
        "device",
        "fault",
        "state",
        "reason",
        "team",
        "contractor",
        "labels",
        "exercise",
        "verifiable",
        "accepted_by",
        "hold_reason",
        "excused_by",
        "outcome",
        "resolution",
        "reopened",
        "contract",
        "photos",
        "parts",
    )
    instants = ("first_bad", "filed_at", "accepted_at", "held_at", "handled_at", "first_good", "verified_at")
    at: dict[str, Any] = {
        name.removesuffix("_at") + "_at": shown(row[f"{name}_ns"]) for name in (*instants, "closed_at")
    }
    return TicketView(
        **{name: row[name] for name in same},
        **at,
        hold_until=shown(row["hold_until_ns"]),
        excused_until=shown(row["excused_until_ns"]),
        merged_into=row["merged_into"] or None,
        response=clock_view(api, row, TicketClock.RESPONSE, now_ns),
        repair=clock_view(api, row, TicketClock.REPAIR, now_ns),
    )


def clock_view(api: Api, row: Row, clock: TicketClock, now_ns: int) -> ClockView:
    """One clock of a ticket at an instant: what has run out by then is out, whether or not it was told yet."""
    within_ns, due_ns, state = (row[f"{clock}_{name}"] for name in ("within_ns", "due_ns", "state"))
    over = row["closed_at_ns"] if row["closed_at_ns"] is not None else row["verified_at_ns"]
    if clock is TicketClock.RESPONSE:
        over = row["accepted_at_ns"] if row["accepted_at_ns"] is not None else over
    if state == ClockState.RUNNING and due_ns is not None and now_ns >= due_ns:
        state = ClockState.BROKEN
    left_ns = None
    if state == ClockState.HELD:
        left_ns = row[f"{clock}_left_ns"]
    elif over is None and due_ns is not None:
        left_ns = api.contracts.left_ns(row["contract"], clock, now_ns, due_ns)
    return ClockView(
        within_s=None if within_ns is None else within_ns // NS_PER_S,
        due_at=shown(due_ns),
        left_s=None if left_ns is None else left_ns // NS_PER_S,
        state=state,
    )


def ticket_detail(api: Api, row: Row, now_ns: int) -> TicketDetail:
    """A ticket with its steps. Blocking."""
    steps = [
        TicketStep(
            step=step["step"],
            at=shown(step["at_ns"]),
            actor=step["actor"],
            note=step["note"],
            reason=step["reason"],
            detail=step["detail"],
        )
        for step in api.store.ticket_steps(row["id"])
    ]
    incident = api.store.incident(row["cause"])
    elsewhere = words_of(row["state"], end=row["resolution"], outcome=row["outcome"])
    return TicketDetail(
        **ticket_view(api, row, now_ns).model_dump(),
        steps=steps,
        merged=[other["id"] for other in api.store.merged_tickets(row["id"], limit=_MOST_MERGED)],
        incident=None if incident is None else incident["id"],
        elsewhere={desk.value: word for desk, word in elsewhere.items()},
    )
