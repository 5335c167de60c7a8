"""Settings of alerts: when one is flapping, and who is called when nobody acknowledges it."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

from citywatch.domain.labels import Matcher

MOST_STEPS = 10
MOST_ESCALATIONS = 200


def _matcher(value: object) -> Matcher:
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, dict):
        raise ValueError("a mapping of labels and patterns is wanted, such as {severity: critical, area: north*}")
    conditions: dict[str, Any] = {str(label): patterns for label, patterns in value.items()}
    return Matcher.of(conditions)


Match = Annotated[
    Matcher,
    BeforeValidator(_matcher),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}),
]
"""A matcher as people write it: `{label: pattern or [patterns]}`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


class FlappingSettings(_Part):
    """When the alerts of one device and kind are one flapping alert."""

    openings: Annotated[
        int, Field(ge=0, le=20, description="So many within `within_minutes` are flapping; 0 for never, else 2 or more")
    ] = 4
    within_minutes: Annotated[int, Field(ge=1, le=10_080, description="The time in which they are counted")] = 60
    quiet_minutes: Annotated[
        int, Field(ge=1, le=10_080, description="A flapping alert ends when nothing has opened for so long")
    ] = 30

    @field_validator("openings")
    @classmethod
    def _more_than_one(cls, openings: int) -> int:
        if openings == 1:
            raise ValueError("one opening is no flapping; write 2 or more, or 0 for never")
        return openings


class EscalationStepSettings(_Part):
    """Who is called after how long."""

    after_minutes: Annotated[int, Field(ge=1, le=43_200, description="Unacknowledged for so long")]
    to: Annotated[str, Field(min_length=1, max_length=100, description="Name of the step: who is called")]


class EscalationSettings(_Part):
    """The steps of the alerts that match."""

    match: Annotated[Match, Field(description="Labels and patterns, such as {severity: critical}")] = Matcher()
    steps: Annotated[
        tuple[EscalationStepSettings, ...], Field(max_length=MOST_STEPS, description="In their order; none: nobody")
    ]

    @field_validator("steps")
    @classmethod
    def _later_and_later(cls, steps: tuple[EscalationStepSettings, ...]) -> tuple[EscalationStepSettings, ...]:
        for one, following in pairwise(steps):
            if following.after_minutes <= one.after_minutes:
                raise ValueError("each step comes later than the one before it: after_minutes rises")
        return steps


class AlertSettings(_Part):
    """Alerts: flapping and escalation."""

    flapping: FlappingSettings = FlappingSettings()
    escalations: Annotated[
        tuple[EscalationSettings, ...],
        Field(max_length=MOST_ESCALATIONS, description="The first that matches holds"),
    ] = ()
