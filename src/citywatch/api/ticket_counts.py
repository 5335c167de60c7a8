"""Tickets in numbers: what became of them, by contractor and team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, Field

from citywatch.domain.tickets import ClockState
from citywatch.ports import Row


class TicketGroup(BaseModel):
    """Tickets of one contractor and team."""

    contractor: str = Field(examples=["Camera Works Ltd"])
    team: str = Field(examples=["crew-north"])
    filed: int = Field(examples=[120])
    reopened: int = Field(description="How often one of them was opened again", examples=[4])
    states: dict[str, int] = Field(examples=[{"accepted": 3, "closed": 117}])
    resolutions: dict[str, int] = Field(description="Of those that are closed", examples=[{"verified": 117}])
    outcomes: dict[str, int] = Field(
        description="What crews said, of those that are handled or were",
        examples=[{"repaired": 100, "nothing_found": 9}],
    )
    response: dict[str, int] = Field(description="How response clocks stand", examples=[{"kept": 118, "broken": 2}])
    repair: dict[str, int] = Field(description="How repair clocks stand", examples=[{"kept": 110, "broken": 7}])


class TicketCounts(BaseModel):
    """All groups that had tickets, by name."""

    items: list[TicketGroup]


def count(rows: Iterable[Row]) -> TicketCounts:
    """Groups out of the rows of `Store.ticket_counts`."""
    groups: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    for row in rows:
        known = groups.setdefault(
            (row["contractor"], row["team"]),
            {name: Counter() for name in ("all", "states", "resolutions", "outcomes", "response", "repair")},
        )
        tickets = row["tickets"]
        known["all"] += Counter({"filed": tickets, "reopened": int(row["reopened"] or 0)})
        known["states"][row["state"]] += tickets
        for name, column, nothing in (
            ("resolutions", "resolution", ""),
            ("outcomes", "outcome", ""),
            ("response", "response_state", ClockState.NONE),
            ("repair", "repair_state", ClockState.NONE),
        ):
            if row[column] != nothing:
                known[name][row[column]] += tickets
    return TicketCounts(
        items=[
            TicketGroup(
                contractor=contractor,
                team=team,
                filed=found.pop("all")["filed"],
                reopened=reopened,
                **{name: dict(sorted(counts.items())) for name, counts in found.items() if name != "all"},
            )
            for (contractor, team), found in sorted(groups.items())
            for reopened in (found["all"]["reopened"],)
        ]
    )
