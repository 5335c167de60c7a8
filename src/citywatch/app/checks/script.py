"""The form of a file of scripted days: what happens when, and what must have come of it by when.

Every time is counted from the start of its test: `90s`, `10m`, `1h30m`, `2d`, or a number of seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from citywatch.app.checks.looks import SEES
from citywatch.domain.claims import Claim
from citywatch.domain.commands import Verb
from citywatch.domain.devices import DeviceKind, check_device_id
from citywatch.domain.events import EventKind, Severity
from citywatch.domain.findings import KIND_PATTERN, SOURCE_PATTERN, Verifier
from citywatch.domain.instants import NS_PER_S, parse_instant

_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,9})?)s?)?")
_RANGE = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")
_LONGEST_NS = 400 * 86_400 * NS_PER_S
_MOST_DEVICES = 20_000
_MOST_READINGS = 2_000_000
_READINGS = ("look", "heartbeat", "pass", "finding", "claim", "command", "deaf", "clock_stops")
_STATES = ("alert", "ticket", "incident", "device")


def moment_ns(value: object) -> int:
    """Nanoseconds of a time as people write it. ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a time is wanted, such as 90s, 10m, 1h30m or 2d")
    text = str(value).replace(" ", "")
    match = _PARTS.fullmatch(text)
    if not text or match is None:
        raise ValueError("a time is wanted, such as 90s, 10m, 1h30m or 2d")
    days, hours, minutes = (int(part or 0) for part in match.groups()[:3])
    seconds, _, rest = (match[4] or "0").partition(".")
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + int(seconds)
    found = whole * NS_PER_S + int(rest.ljust(9, "0") or 0)
    if found > _LONGEST_NS:
        raise ValueError("a test lasts 400 days at the longest")
    return found


def expanded(pattern: str) -> Iterator[str]:
    """`cam-{1..44}` is cam-1 to cam-44; `{01..44}` keeps the width."""
    match = _RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    first, last = int(match[1]), int(match[2])
    if not first <= last < first + _MOST_DEVICES:
        raise ValueError(f"{match[0]}: a range goes from the smaller number to the greater, {_MOST_DEVICES} at most")
    width = len(match[1]) if match[1].startswith("0") else 0
    for number in range(first, last + 1):
        yield from expanded(f"{pattern[: match.start()]}{number:0{width}d}{pattern[match.end() :]}")


def _devices(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("the id of a device is wanted, or a list of them; cam-{1..44} stands for many")
    return tuple(check_device_id(name) for text in texts for name in expanded(text))


def _instant(value: object) -> object:
    if isinstance(value, str):
        return parse_instant(value)
    raise ValueError("an instant is wanted, in quotes, such as '2026-05-04T08:00:00+08:00'")


Moment = Annotated[int, BeforeValidator(moment_ns), Field(ge=0)]
Length = Annotated[int, BeforeValidator(moment_ns), Field(gt=0)]
Devices = Annotated[tuple[str, ...], BeforeValidator(_devices), Field(min_length=1)]
DeviceId = Annotated[str, AfterValidator(check_device_id)]
Instant = Annotated[int, BeforeValidator(_instant)]
Fields = dict[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class DeviceSpec(_Part):
    """Devices that the test adds to those of the settings."""

    device: Devices = Field(description="Id, or ids: cam-{1..44}")
    kind: DeviceKind = Field(default=DeviceKind.CAMERA, description="camera, scale, switch, power, recorder")
    name: str = Field(default="", max_length=200, description="For people")
    place: str = Field(default="", max_length=200, description="For people")
    site: str = Field(default="", max_length=100, description="What shares a line or a place")
    parent: str = Field(default="", description="The device that it hangs on")
    heartbeat_seconds: int = Field(default=0, ge=0, description="0 for a device that promises none")


class Reading(_Part):
    """Something that happens at an instant, once or again and again."""

    at: Moment = Field(description="When, from the start of the test")
    every: Length | None = Field(default=None, description="Again so often ...")
    times: int | None = Field(default=None, ge=1, description="... so many times")
    until: Moment | None = Field(default=None, description="... or up to this moment")

    @model_validator(mode="after")
    def _again(self) -> Self:
        if self.every is None and (self.times is not None or self.until is not None):
            raise ValueError("times and until belong to `every`: how often?")
        if self.every is not None and (self.times is None) == (self.until is None):
            raise ValueError("with `every` say `times` or `until`")
        if self.until is not None and self.until < self.at:
            raise ValueError("`until` is before `at`")
        if self.count() > _MOST_READINGS:
            raise ValueError(f"that is more than {_MOST_READINGS:,} times")
        return self

    def count(self) -> int:
        """How many times it happens."""
        if self.every is None:
            return 1
        return self.times if self.times is not None else ((self.until or self.at) - self.at) // self.every + 1

    def moments_ns(self) -> Iterator[int]:
        return (self.at + number * (self.every or 0) for number in range(self.count()))


class LookReading(Reading):
    """The patrol looks at cameras (or asks a switch, power box or recorder)."""

    look: Devices = Field(description="At whom")
    sees: Literal[SEES] = Field(default="in_order", description="in_order, reached, unchecked, or a fault")  # type: ignore[valid-type]
    light: Literal["day", "night", "infrared"] = Field(default="day", description="By what light")
    preset: str = Field(default="", description="Of a camera that moves")
    measurements: dict[str, float] = Field(
        default_factory=dict, description="Figures of the look that stand instead of those of `sees`"
    )


class HeartbeatReading(Reading):
    heartbeat: Devices = Field(description="Who says that it lives")
    observer: str = Field(default="", description="Who hears it; without it the HTTP door")


class PassReading(Reading):
    """A vehicle passes a scale."""

    passes: DeviceId = Field(alias="pass", description="The lane")
    axles_kg: tuple[Annotated[int, Field(ge=0, le=100_000)], ...] = Field(min_length=2, max_length=30)
    spacings_mm: tuple[Annotated[int, Field(ge=1, le=50_000)], ...] = Field(
        default=(), description="From axle to axle; without it 3,300 each"
    )
    speed_kmh: float = Field(default=60.0, gt=0, le=250)
    length_mm: int | None = Field(default=None, gt=0, le=100_000)
    plate: str = Field(default="", max_length=16)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.spacings_mm and len(self.spacings_mm) != len(self.axles_kg) - 1:
            raise ValueError(f"{len(self.axles_kg)} axles have {len(self.axles_kg) - 1} spacings between them")
        return self


class FindingSpec(_Part):
    source: str = Field(pattern=f"^(?:{SOURCE_PATTERN})$", description="Who found it")
    key: str = Field(min_length=1, max_length=128, description="The source's own word for it")
    said: Literal["found", "cleared"] = "found"
    kind: str = Field(default="found", pattern=f"^(?:{KIND_PATTERN})$")
    severity: Severity = Severity.WARNING
    title: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=4_000)
    device: str = Field(default="", description="The known device that it is about, if any")
    address: str = Field(default="", max_length=300)
    labels: dict[str, str] = Field(default_factory=dict)
    verified_by: Verifier = Verifier.SOURCE


class FindingReading(Reading):
    """Somebody or another system has found something."""

    finding: FindingSpec


class ClaimReading(Reading):
    """Another system says something about a camera."""

    claim: Devices
    says: Claim
    source: str = Field(default="gb28181:1", min_length=1, max_length=64)
    reason: str = Field(default="", max_length=32)
    detail: str = Field(default="", max_length=64)


class CommandReading(Reading):
    """A person asks for something. `about` finds the alert or ticket that it is about, else `device` says whom."""

    command: Verb = Field(description="Such as accept_ticket")
    about: Fields = Field(default_factory=dict, description="Fields of the one alert or ticket that is meant")
    device: str = Field(default="", description="Where no alert or ticket is meant; without it the whole city")
    target: str = Field(default="", description="Where the command's target is another one, such as a silence's id")
    actor: str = Field(default="operator", min_length=1, max_length=100)
    args: Fields = Field(default_factory=dict, description="As docs/operations.md names them; *_at times are moments")


class DeafReading(_Part):
    """One of our own doors hears nothing for a while."""

    at: Moment
    deaf: str = Field(description="The observer, such as observer:http")
    lasts: Length = Field(alias="for")


class ClockReading(_Part):
    """The clock writer stops: the processor is away for so long."""

    at: Moment
    clock_stops: Length


def _which(value: object) -> str:
    if isinstance(value, Mapping):
        return next((name for name in _READINGS if name in value), "nothing")
    return "nothing"


AnyReading = Annotated[
    Annotated[LookReading, Tag("look")]
    | Annotated[HeartbeatReading, Tag("heartbeat")]
    | Annotated[PassReading, Tag("pass")]
    | Annotated[FindingReading, Tag("finding")]
    | Annotated[ClaimReading, Tag("claim")]
    | Annotated[CommandReading, Tag("command")]
    | Annotated[DeafReading, Tag("deaf")]
    | Annotated[ClockReading, Tag("clock_stops")],
    Discriminator(
        _which,
        custom_error_type="no_reading",
        custom_error_message=f"a reading has one of these keys: {', '.join(_READINGS)}",
    ),
]


class SlaSpec(_Part):
    """A figure of a contract over a stretch of the test, as known at the expectation's moment."""

    contract: str = Field(description="`reference`, or a file beside this one")
    begin: Moment = Field(alias="from", default=0)
    end: Moment = Field(alias="to")
    figures: Fields = Field(min_length=1, description="Such as {worst: 0.98, best: 1, verdict: met, down_seconds: 60}")
    within: float = Field(default=1e-6, ge=0, description="So far may a figure be off; a share for worst and best")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("`to` is not behind `from`")
        return self


class NotifiedSpec(_Part):
    """Who has been told of an alert or a ticket, as the part `notify` would have it."""

    alert: Fields | None = Field(default=None, description="Fields of the alert")
    ticket: Fields | None = Field(default=None, description="Fields of the ticket")
    receivers: tuple[str, ...] = Field(description="Exactly these, by name; an empty list: nobody")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.alert is None) == (self.ticket is None):
            raise ValueError("say of which alert, or of which ticket")
        return self


class Expectation(_Part):
    """What must be so. `at`: at that moment; `by`: at some moment up to then; `until`: at no moment up to then."""

    at: Moment | None = None
    by: Moment | None = None
    until: Moment | None = None
    after: Moment | None = Field(default=None, description="Of an event: not told before this")
    count: int | None = Field(default=None, ge=1, description="Exactly so many; without it at least one")
    alert: Fields | None = None
    no_alert: Fields | None = None
    ticket: Fields | None = None
    no_ticket: Fields | None = None
    incident: Fields | None = None
    no_incident: Fields | None = None
    device: Fields | None = None
    no_device: Fields | None = None
    event: Fields | None = None
    no_event: Fields | None = None
    sla: SlaSpec | None = None
    notified: NotifiedSpec | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        words = [*_STATES, *(f"no_{name}" for name in _STATES), "event", "no_event", "sla", "notified"]
        said = [name for name in words if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"an expectation is about one thing, of: {', '.join(words)}")
        (what,) = said
        lawful = {"sla": ("at",), "notified": ("at",), "event": ("by",), "no_event": ("until",)}.get(
            what, ("at", "until") if what.startswith("no_") else ("at", "by")
        )
        times = [name for name in ("at", "by", "until") if getattr(self, name) is not None]
        if len(times) != 1 or times[0] not in lawful:
            raise ValueError(f"say when {what} is looked at: {' or '.join(lawful)}")
        if self.count is not None and (what.startswith("no_") or what in ("sla", "notified")):
            raise ValueError(f"count does not belong to {what}")
        if self.after is not None and what not in ("event", "no_event"):
            raise ValueError("after belongs to event and no_event")
        return self

    @field_validator("event", "no_event")
    @classmethod
    def _known(cls, fields: Fields | None) -> Fields | None:
        if fields is not None and "kind" in fields and fields["kind"] not in set(EventKind):
            raise ValueError(f"there are no events {fields['kind']!r}; docs/events.md lists them")
        return fields

    @property
    def when_ns(self) -> int:
        """The moment at which it is settled at the latest."""
        return next(moment for moment in (self.at, self.by, self.until) if moment is not None)


class Test(_Part):
    """One scripted day."""

    __test__ = False

    name: str = Field(min_length=1, max_length=200)
    start: Instant | None = Field(default=None, description="Second 0; without it the file's `start`")
    devices: tuple[DeviceSpec, ...] = ()
    readings: tuple[AnyReading, ...] = ()
    expect: tuple[Expectation, ...] = Field(min_length=1)


class Script(_Part):
    """A file of tests."""

    settings: str = Field(default="", description="The configuration, beside this file; without it the defaults")
    start: Instant = Field(default=1_777_852_800 * NS_PER_S, description="Second 0; 2026-05-04T00:00:00Z if not given")
    tests: tuple[Test, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [test.name for test in self.tests]
        if double := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two tests are called {double[0]!r}; every name stands once")
        return self
