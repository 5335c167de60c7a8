"""Settings of repair tickets."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from citywatch.alerts.config import Match

MOST_ESCALATIONS = 5
MOST_ALERT_ONLY = 100

_Hours = Annotated[int, Field(ge=1, le=8_760)]


class TicketSettings(BaseModel):
    """When a contract's clock is warned of and escalated, how long a fault may not come back, how long a repair may go
    unseen."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    warn_percent: Annotated[
        int, Field(ge=1, le=99, description="A warning is told when this share of a clock's time has passed")
    ] = 75
    escalate_hours: Annotated[
        tuple[_Hours, ...],
        Field(max_length=MOST_ESCALATIONS, description="So long after a clock has run out it is told again, each time"),
    ] = (24, 72)
    reopen_hours: Annotated[
        int,
        Field(ge=0, le=8_760, description="The same fault within so long of the closing reopens its ticket; 0: never"),
    ] = 24
    unverified_minutes: Annotated[
        int,
        Field(
            ge=0,
            le=43_200,
            description="A repair that was reported and that no look has verified within so long goes back; 0: never",
        ),
    ] = 120
    alert_only: Annotated[
        tuple[Match, ...],
        Field(max_length=MOST_ALERT_ONLY, description="What has labels like one of these has an alert and no ticket"),
    ] = ()

    @field_validator("escalate_hours")
    @classmethod
    def _later_and_later(cls, hours: tuple[int, ...]) -> tuple[int, ...]:
        if any(following <= one for one, following in pairwise(hours)):
            raise ValueError("each comes later than the one before it: the hours rise")
        return hours
