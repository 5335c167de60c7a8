"""What the nouns have in common: the parts they read through, cursors, instants, masked plates."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, Field

from citywatch.api.access import UNMASKED, Caller
from citywatch.api.config import ApiConfig
from citywatch.api.findings_config import FindingsConfig, Open311Config
from citywatch.api.live import LiveHub, Pulse
from citywatch.api.problems import Problem, invalid
from citywatch.domain.devices import DeviceKind
from citywatch.domain.instants import format_instant, parse_instant
from citywatch.domain.responsibility import Register
from citywatch.ports import (
    CameraForms,
    Clock,
    Door,
    Meter,
    Objects,
    Passes,
    PatrolView,
    Photos,
    Row,
    ServiceReports,
    Store,
)
from citywatch.rules.answers import LookAnswers
from citywatch.tickets.clocks import Contracts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Api:
    """The parts that the routes read through."""

    store: Store
    passes: Passes
    door: Door
    objects: Objects
    clock: Clock
    meter: Meter
    health: Callable[[], Mapping[str, str]]
    known_until: Callable[[], int]
    config: ApiConfig
    pulse: Pulse
    hub: LiveHub
    cameras: CameraForms
    patrol: PatrolView
    answers: Callable[[str], LookAnswers | None]
    """What the rules last answered about a camera, fault by fault; None while nobody knows. Blocking."""
    photos: Photos
    findings: FindingsConfig
    open311: Open311Config | None
    reports: ServiceReports
    contracts: Contracts
    register: Register
    """Who answers for which device."""


class Page(BaseModel, Generic[T]):
    """One page of a list. `next` is the cursor of the next page, null on the last one."""

    items: list[T]
    next: str | None = Field(description="Pass it as ?cursor= with the same filters.", examples=[None])


EXAMPLE_ID = "6f1d1b1d3c8e4f5a9b7c2d4e6f8a0b1c"
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="32 hexadecimal digits", examples=[EXAMPLE_ID])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows in the page", examples=[50])]
Cursor = Annotated[str | None, Query(max_length=300, description="`next` of the page before")]
DevicePattern = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,126}$"
DeviceFilter = Annotated[
    str | None, Query(pattern=DevicePattern, description="Id of one device", examples=["camera/north-gate"])
]
Kind = Annotated[DeviceKind | None, Query(description="Only devices of this kind")]
From = Annotated[
    str, Query(alias="from", max_length=40, description="Begin, RFC 3339, included", examples=["2026-01-31T00:00:00Z"])
]
To = Annotated[
    str, Query(alias="to", max_length=40, description="End, RFC 3339, excluded", examples=["2026-02-01T00:00:00Z"])
]
Plates = Annotated[
    Literal["masked", "full"],
    Query(description="`full` shows plates to operators and administrators; each such look is audited"),
]

_SPACE_FOR_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}$)")
_LAST_NS = parse_instant("2200-01-01T00:00:00Z")


def window(begin: str, end: str) -> tuple[int, int]:
    """`from` and `to` as nanoseconds; Problem 422 when one is no instant or they stand the wrong way round."""
    from_ns, to_ns = instant("from", begin), instant("to", end)
    if from_ns >= to_ns:
        raise invalid("query.to", "must be after `from`")
    return from_ns, to_ns


def instant(name: str, text: str) -> int:
    """One instant of a query, with the plus sign that a query string turns into a blank."""
    try:
        at_ns = parse_instant(_SPACE_FOR_PLUS.sub("+", text))
    except ValueError as error:
        raise invalid(f"query.{name}", "write an instant with an offset, such as 2026-01-31T08:00:00Z") from error
    if not 0 <= at_ns <= _LAST_NS:
        raise invalid(f"query.{name}", "must lie in the years 1970 to 2199")
    return at_ns


def body_instant(name: str, text: str) -> int:
    """One instant of a body."""
    try:
        at_ns = parse_instant(text)
    except ValueError as error:
        raise invalid(f"body.{name}", "write an instant with an offset, such as 2026-01-31T08:00:00Z") from error
    if not 0 <= at_ns < _LAST_NS:
        raise invalid(f"body.{name}", "must lie in the years 1970 to 2199")
    return at_ns


def shown(at_ns: int | None) -> str | None:
    """An instant of the store for people; None where there is none (NULL or -1)."""
    return None if at_ns is None or at_ns < 0 else format_instant(at_ns)


def write_cursor(*place: str | int) -> str:
    """An opaque cursor: where the next page begins."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[int, str] | None:
    """The place of a (nanoseconds, id) cursor; Problem 422 for anything that write_cursor has not made."""
    if cursor is None:
        return None
    match _opened(cursor):
        case [int(at_ns), str(name)] if 0 <= at_ns < 2**63:
            return at_ns, name
    raise _WRONG_CURSOR


def read_name_cursor(cursor: str | None) -> str:
    """The place of a (name,) cursor, '' for the first page."""
    if cursor is None:
        return ""
    match _opened(cursor):
        case [str(name)]:
            return name
    raise _WRONG_CURSOR


_WRONG_CURSOR = invalid("query.cursor", "is not one of ours; leave it out to begin at the first page")


def _opened(cursor: str) -> Any:
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8"))
        # JSON can spell half of a character; no database takes that (UnicodeEncodeError is a ValueError).
        json.dumps(place, ensure_ascii=False).encode()
        return place
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _WRONG_CURSOR from error


def page(rows: Sequence[Row], limit: int, key: str, convert: Callable[[Row], T]) -> Page[T]:
    """A page out of up to `limit + 1` rows: the one too many says that there is a next page."""
    kept = rows[:limit]
    following = write_cursor(kept[-1][key], kept[-1]["id"]) if len(rows) > limit else None
    return Page(items=[convert(row) for row in kept], next=following)


def plain_text(text: str) -> str:
    """`text` itself when every database and every log takes it, else ValueError."""
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in text):
        raise ValueError("must be plain text without NUL")
    return text


def see_plates(caller: Caller, plates: str) -> bool:
    """Whether plates are shown; Problem 403 when they are asked for by a role that may not."""
    if plates == "masked":
        return False
    if caller.role not in UNMASKED:
        raise Problem(403, "role", f"your token's role is {caller.role}; plates are for operators and administrators")
    return True
