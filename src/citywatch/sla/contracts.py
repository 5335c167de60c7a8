"""Contracts as data: for whom, what is promised, on which calendar, what is excluded, what a miss costs.

A contract file is checked by these models like every configuration: unknown keys are refused, all mistakes are told
together. Several contracts may speak of one device; each has figures of its own.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from citywatch.domain.instants import NS_PER_S, check_zone
from citywatch.domain.tickets import NAMES_OTHERS, HoldReason
from citywatch.sla.calendars import WEEKDAYS, Calendar, check_holidays

ALWAYS = "24x7"
_DAY_S = 86_400
_HOURS = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)")
_TIME = re.compile(r"(\d{1,9})(s|m|h|d)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": _DAY_S}


def _percent(value: object) -> object:
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def _duration_ns(value: object) -> object:
    if isinstance(value, str) and (match := _TIME.fullmatch(value.strip())):
        return int(match[1]) * _UNIT_S[match[2]] * NS_PER_S
    raise ValueError("a time is wanted, such as 90s, 30m, 24h or 3d")


def _as_duration(value: int) -> str:
    """As it is written: the largest unit that divides it."""
    whole_s = value // NS_PER_S
    unit = next(unit for unit in ("d", "h", "m", "s") if whole_s % _UNIT_S[unit] == 0)
    return f"{whole_s // _UNIT_S[unit]}{unit}"


def _hours(value: object) -> object:
    if isinstance(value, str) and (match := _HOURS.fullmatch(value.strip())):
        a, b, c, d = (int(part) for part in match.groups())
        begin, end = a * 3600 + b * 60, c * 3600 + d * 60
        if b < 60 and d < 60 and begin < _DAY_S and end <= _DAY_S and begin != end:
            return begin, end if end > begin else end + _DAY_S
    raise ValueError("hours are wanted, such as 08:30-17:30, 00:00-24:00, or 22:00-06:00 over midnight")


def _as_hours(value: tuple[int, int]) -> str:
    begin, end = value
    end = end if end <= _DAY_S else end - _DAY_S
    return f"{begin // 3600:02}:{begin % 3600 // 60:02}-{end // 3600:02}:{end % 3600 // 60:02}"


Percent = Annotated[Decimal, BeforeValidator(_percent), Field(ge=0, le=100, max_digits=12)]
Duration = Annotated[
    int, BeforeValidator(_duration_ns), Field(gt=0), PlainSerializer(_as_duration, return_type=str, when_used="json")
]
Zone = Annotated[str, AfterValidator(check_zone)]
DayHours = Annotated[
    tuple[int, int], BeforeValidator(_hours), PlainSerializer(_as_hours, return_type=str, when_used="json")
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Counts(StrEnum):
    """What time counts as."""

    UP = "up"
    DOWN = "down"
    BETWEEN = "between"
    """Down in the worst reading, up in the best one."""
    EXCLUDED = "excluded"


class Whom(_Part):
    """Every condition that is given must hold; patterns use * and ?. Nothing given: every device."""

    devices: tuple[str, ...] = Field(default=(), description="Ids or patterns")
    areas: tuple[str, ...] = Field(default=(), description="Areas, as the register says")
    classes: tuple[str, ...] = Field(default=(), description="Classes, as the register or the city says")
    departments: tuple[str, ...] = Field(default=(), description="Departments")
    contractors: tuple[str, ...] = Field(default=(), description="Who answers for the device")
    kinds: tuple[str, ...] = Field(default=(), description="camera, scale, switch, ...")
    sites: tuple[str, ...] = Field(default=(), description="Sites")
    but: tuple[str, ...] = Field(default=(), description="Ids or patterns that are left out all the same")


class CalendarTerms(_Part):
    """Working hours. Without `days` Monday to Friday, without `hours` the whole day."""

    days: frozenset[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default=frozenset(("mon", "tue", "wed", "thu", "fri")), description="Days of the week"
    )
    hours: tuple[DayHours, ...] = Field(default=((0, _DAY_S),), min_length=1, description="Such as 08:30-12:00")
    holidays: Annotated[str, AfterValidator(lambda name: check_holidays(name) if name else name)] = Field(
        default="", description="Public holidays of this country (CN) or part of it (DE-BY) are no working days"
    )
    make_up_days: bool = Field(default=True, description="Days of a weekend worked instead of others are working days")
    closed: frozenset[dt.date] = Field(default=frozenset(), description="Single days without hours")
    open: frozenset[dt.date] = Field(default=frozenset(), description="Single days with hours, whatever else is said")

    @model_validator(mode="after")
    def _one_word(self) -> Self:
        if both := sorted(self.closed & self.open):
            raise ValueError(f"{both[0]} stands under closed and under open; keep one")
        return self


class Penalty(_Part):
    """A step: what is deducted when the figure is below."""

    below_percent: Percent = Field(description="The step holds for figures below this")
    deduct_percent: Percent = Field(description="What of the payment is deducted")


def _steps_fall(penalties: tuple[Penalty, ...]) -> tuple[Penalty, ...]:
    for milder, harder in pairwise(penalties):
        if harder.below_percent >= milder.below_percent or harder.deduct_percent <= milder.deduct_percent:
            raise ValueError("they go from the mildest to the hardest: below_percent falls, deduct_percent rises")
    return penalties


Penalties = Annotated[tuple[Penalty, ...], AfterValidator(_steps_fall)]


class IntactTerms(_Part):
    """The share of required time in working order."""

    target_percent: Percent = Field(description="What is promised")
    calendar: str = Field(default=ALWAYS, description="Required time")
    unknown: Counts = Field(default=Counts.BETWEEN, description="What time counts as that nobody knows anything of")
    degraded: Literal[Counts.UP, Counts.DOWN, Counts.BETWEEN] = Field(
        default=Counts.UP, description="What degraded time counts as"
    )
    penalties: Penalties = Field(default=(), description="Steps, from the mildest to the hardest")

    @property
    def target(self) -> Fraction:
        return Fraction(self.target_percent) / 100


class ClockTerms(_Part):
    """Within which time something must have happened, for which share of the cases."""

    within: Duration = Field(description="Such as 24h; counted on the calendar")
    share_percent: Percent = Field(default=Decimal(100), description="Share of cases; 100 is every single one")
    calendar: str = Field(default=ALWAYS, description="Hours in which the clock runs")
    penalties: Penalties = Field(default=(), description="Steps by the share of cases kept, as those of `intact`")


class Exclusion(_Part):
    """Externally disabled time of these causes is in no figure. `cause` is compared with the word before a colon."""

    cause: str = Field(min_length=1, description="Such as parent, maintenance, power, or a pattern")
    only_if_others_answer: bool = Field(
        default=False, description="Only where somebody else answers for what the cause names behind its colon"
    )
    declared_within: Duration | None = Field(
        default=None, description="Only when it was known at most so long after its beginning; without: whenever"
    )


_Terms = TypeVar("_Terms", IntactTerms, ClockTerms | None)


class Contract(_Part):
    """One contract."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", description="Its name in commands and reports")
    title: str = Field(default="", description="For people")
    contractor: str = Field(default="", description="Who answers")
    time_zone: Zone = Field(default="UTC", description="IANA name; of calendars and dates")
    language: Literal["en", "zh"] = Field(default="en", description="Of its reports for people")
    register_file: str = Field(
        default="", alias="register", description="CSV of the devices' areas, classes, ..., beside this file"
    )
    devices: Whom = Field(default=Whom(), description="Whom it is about")
    calendars: dict[str, CalendarTerms] = Field(default_factory=dict, description="Calendars by name; 24x7 is known")
    intact: IntactTerms = Field(description="The intact rate")
    response: ClockTerms | None = Field(default=None, description="From confirmed to accepted")
    repair: ClockTerms | None = Field(default=None, description="From the beginning of a failure to good again")
    holds: dict[HoldReason, Literal["stops", "runs"]] = Field(
        default_factory=dict,
        description="Whether the repair clock stops or runs while a ticket is on hold, by reason; without: it stops for"
        " awaiting_power, awaiting_network, awaiting_permission and weather",
    )
    exclusions: tuple[Exclusion, ...] | None = Field(
        default=None, description="What is excluded; without this key everything that was externally disabled"
    )

    @field_validator("calendars")
    @classmethod
    def _always_is_known(cls, calendars: dict[str, CalendarTerms]) -> dict[str, CalendarTerms]:
        if ALWAYS in calendars:
            raise ValueError(f"{ALWAYS} is always known; name yours otherwise")
        return calendars

    @field_validator("intact", "response", "repair")
    @classmethod
    def _calendar_is_there(cls, terms: _Terms, info: ValidationInfo) -> _Terms:
        known = (ALWAYS, *info.data.get("calendars", ()))
        if terms is not None and terms.calendar not in known and "calendars" in info.data:
            raise ValueError(f"calendar {terms.calendar!r} is none of {', '.join(known)}")
        return terms

    def stops(self, reason: HoldReason) -> bool:
        """Whether the repair clock stands while a ticket is on hold for this reason."""
        told = self.holds.get(reason)
        return reason in NAMES_OTHERS if told is None else told == "stops"

    def leaves_out(self, word: str, late_ns: int, others_answer: bool | None = None) -> bool:
        """Whether externally disabled time of this cause, known so long after its beginning, is surely in no figure.

        `others_answer`: whether somebody else answers for what the cause names; None where that is not known, or where
        it names nothing: then what depends on it is not sure.
        """
        if self.exclusions is None:
            return True
        return any(
            fnmatchcase(word, one.cause)
            and (others_answer is True or not one.only_if_others_answer)
            and (one.declared_within is None or late_ns <= one.declared_within)
            for one in self.exclusions
        )

    def calendar(self, name: str) -> Calendar:
        """A calendar by its name."""
        if name == ALWAYS:
            return Calendar(self.time_zone, frozenset(WEEKDAYS), ((0, _DAY_S),))
        terms = self.calendars[name]
        return Calendar(
            self.time_zone,
            terms.days,
            tuple(sorted(terms.hours)),
            terms.holidays,
            terms.make_up_days,
            terms.closed,
            terms.open,
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a device beside its states; '' for what is not told.

    In service is [from, to), for a device that was added or retired at a known instant.
    """

    device: str
    area: str = ""
    klass: str = ""
    department: str = ""
    contractor: str = ""
    kind: str = ""
    site: str = ""
    parent: str = ""
    from_ns: int | None = None
    to_ns: int | None = None

    def over(self, known: Listed) -> Listed:
        """This, with what another register knows where this one says nothing."""
        told = {one.name: getattr(self, one.name) or getattr(known, one.name) for one in fields(Listed)[:-2]}
        return replace(self, **told)


def under(contract: Contract, register: Mapping[str, Listed], devices: Iterable[str]) -> list[str]:
    """The devices that a contract is about, sorted, of those that are known by states or in the register."""
    return [name for name in sorted({*devices, *register}) if speaks_of(contract, register.get(name, Listed(name)))]


def speaks_of(contract: Contract, listed: Listed) -> bool:
    """Whether a contract is about one device."""
    return _meant(contract.devices, listed) and not _matches(listed.device, contract.devices.but)


def _meant(whom: Whom, listed: Listed) -> bool:
    conditions = (
        (whom.devices, listed.device),
        (whom.areas, listed.area),
        (whom.classes, listed.klass),
        (whom.departments, listed.department),
        (whom.contractors, listed.contractor),
        (whom.kinds, listed.kind),
        (whom.sites, listed.site),
    )
    return all(not patterns or _matches(value, patterns) for patterns, value in conditions)


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
