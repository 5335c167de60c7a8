"""Settings of findings and of Open311. Every key has a default, a range and its unit in its name."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from citywatch.domain.events import Severity
from citywatch.domain.findings import KIND_PATTERN

_CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class FindingsConfig(_Part):
    """What people and other systems have found."""

    most_open: Annotated[
        int,
        Field(ge=1, le=200_000, description="Findings of one source that may be open at a time in one partition"),
    ] = 50_000
    resolve_seconds: Annotated[
        int,
        Field(
            ge=10,
            le=604_800,
            description="An alert over /api/v2/alerts without endsAt is over when it was not said again for so long",
        ),
    ] = 300


class AttributeValue(_Part):
    """One of the values of a list."""

    key: Annotated[str, Field(min_length=1, max_length=100, description="What is sent")]
    name: Annotated[str, Field(min_length=1, max_length=200, description="What people see")]


class AttributeConfig(_Part):
    """What a service asks for beside the place and the description."""

    code: Annotated[str, Field(pattern=_CODE, description="The name that it is sent under")]
    description: Annotated[str, Field(max_length=500, description="The question, for people")]
    datatype: Annotated[
        Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"],
        Field(description="As the specification names them"),
    ] = "string"
    datatype_description: Annotated[str, Field(max_length=500, description="How to write it")] = ""
    required: Annotated[bool, Field(description="Whether a request without it is refused")] = False
    variable: Annotated[bool, Field(description="False: it only tells people something")] = True
    values: Annotated[tuple[AttributeValue, ...], Field(max_length=200, description="Of a list")] = ()

    @model_validator(mode="after")
    def _lists_have_values(self) -> AttributeConfig:
        if self.datatype.endswith("valuelist") != bool(self.values):
            raise ValueError(f"attribute {self.code}: lists have values, and nothing else has")
        return self


class ServiceConfig(_Part):
    """What can be asked for over Open311, and what finding that makes."""

    code: Annotated[str, Field(pattern=_CODE, description="Code of the service")]
    name: Annotated[str, Field(min_length=1, max_length=200, description="Name for people")]
    description: Annotated[str, Field(max_length=1000, description="What it is for")] = ""
    group: Annotated[str, Field(max_length=100, description="Services of one group stand together")] = ""
    keywords: Annotated[tuple[str, ...], Field(max_length=20, description="Other words for it")] = ()
    kind: Annotated[str, Field(description="Kind of the finding: letters, digits and _ . : -")]
    severity: Annotated[Severity, Field(description="Severity of the finding")] = Severity.WARNING
    department: Annotated[str, Field(max_length=100, description="Who answers for it, where no rule says it")] = ""
    notice: Annotated[str, Field(max_length=1000, description="What is done about it, told to who reports it")] = ""
    attributes: Annotated[tuple[AttributeConfig, ...], Field(max_length=20, description="What else is asked")] = ()

    @field_validator("kind")
    @classmethod
    def _lawful(cls, kind: str) -> str:
        if not re.fullmatch(KIND_PATTERN, kind):
            raise ValueError("use 1 to 64 letters, digits and _ . : - and begin with a letter")
        return kind

    @field_validator("attributes")
    @classmethod
    def _codes_differ(cls, attributes: tuple[AttributeConfig, ...]) -> tuple[AttributeConfig, ...]:
        if len({attribute.code for attribute in attributes}) < len(attributes):
            raise ValueError("two attributes have the same code; give each its own")
        return attributes


class Open311Config(_Part):
    """The GeoReport v2 server under /open311/v2. Without this section there is none."""

    jurisdiction_id: Annotated[
        str, Field(max_length=100, description="The city's, by custom its web address; empty: it is never asked for")
    ] = ""
    url: Annotated[
        str, Field(max_length=300, description="Where the public finds it; empty: as the request has found it")
    ] = ""
    contact: Annotated[str, Field(max_length=300, description="How to reach who runs it, for the discovery file")] = ""
    key_service: Annotated[str, Field(max_length=300, description="How to get a key, for the discovery file")] = ""
    language: Annotated[Literal["en", "zh"], Field(description="Of what is told of a request's status")] = "en"
    test: Annotated[bool, Field(description="True: what is sent in will not be acted upon")] = False
    public_reading: Annotated[
        bool, Field(description="Everybody may see the requests; else a token of role viewer or ingest may")
    ] = False
    public_reporting: Annotated[
        bool, Field(description="Everybody may make requests; else a token of role ingest may, as api_key")
    ] = False
    reads_per_minute: Annotated[
        int, Field(ge=1, le=100_000, description="Of one address without a token; ten times so many of all together")
    ] = 120
    reports_per_minute: Annotated[
        int, Field(ge=1, le=10_000, description="Of one address without a token; ten times so many of all together")
    ] = 6
    reporters_days: Annotated[
        int, Field(ge=1, le=3650, description="Names and numbers of those who report are forgotten after so long")
    ] = 90
    services: Annotated[tuple[ServiceConfig, ...], Field(min_length=1, max_length=500, description="What there is")]

    @field_validator("services")
    @classmethod
    def _codes_differ(cls, services: tuple[ServiceConfig, ...]) -> tuple[ServiceConfig, ...]:
        codes = [service.code for service in services]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"service {twice[0]!r} is described twice; give each its own code")
        return services
