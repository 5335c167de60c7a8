"""One field of a station's JSON record, read with a sentence about what is wrong with it. Sans-I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, cast

from citywatch.errors import RecordRefused

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,15})?(?:[eE][+-]?[0-9]{1,2})?")
_SEPARATORS = re.compile(r"[,;|，；]")
_YES: Final = frozenset({"1", "true", "yes", "y", "是"})
_NO: Final = frozenset({"", "0", "false", "no", "n", "否"})


class Refusal(StrEnum):
    """Why a record is refused; a bounded set, used as a metric label."""

    NOT_AN_OBJECT = "not_an_object"
    REPEATED_KEY = "repeated_key"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    NOT_A_NUMBER = "not_a_number"
    NOT_WHOLE = "not_whole"
    OUT_OF_RANGE = "out_of_range"
    BAD_TEXT = "bad_text"
    BAD_INSTANT = "bad_instant"
    AXLES_CONTRADICT = "axles_contradict"
    UNKNOWN_DEVICE = "unknown_device"


class NumberText(str):
    """A JSON number as it was written, so that huge and odd ones are judged before they are converted."""

    __slots__ = ()


@dataclass(slots=True)
class Record:
    values: dict[str, Any]
    repeated: str = ""


def flag(record: Mapping[str, Any], name: str) -> bool:
    value = record.get(name)
    word = str(value).lower() if isinstance(value, bool) else text_of(record, name).lower()
    if word not in _YES | _NO:
        raise RecordRefused(Refusal.BAD_TEXT, f"{name}: {shown(word)} is neither 1 nor 0", field=name)
    return word in _YES


def text_of(record: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    """The field as text without blanks at its ends; a number counts as its digits."""
    value = record.get(name)
    if value is None:
        text = ""
    elif isinstance(value, str):
        text = str(value).strip()
    else:
        raise RecordRefused(Refusal.WRONG_TYPE, f"{name} must be text, not {type_name(value)}", field=name)
    if required and not text:
        raise RecordRefused(Refusal.MISSING, f"{name} is missing or empty", field=name)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RecordRefused(Refusal.BAD_TEXT, f"{name} holds half of a character (a lone surrogate)", field=name)
    return text


def number_of(record: Mapping[str, Any], name: str) -> Decimal | None:
    """The field as an exact number, None where it is missing, null or blank."""
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordRefused(Refusal.WRONG_TYPE, f"{name} must be a number, not {type_name(value)}", field=name)
    text = str(value).strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise RecordRefused(Refusal.NOT_A_NUMBER, f"{name}: {shown(text)} is not a plain decimal number", field=name)
    return Decimal(text)


def whole_of(
    record: Mapping[str, Any],
    name: str,
    least: int,
    most: int,
    *,
    scale: Decimal = Decimal(1),
    unit: str = "",
    required: bool = False,
    default: int = 0,
) -> int:
    number = number_of(record, name)
    if number is None:
        if required:
            raise RecordRefused(Refusal.MISSING, f"{name} is missing or empty", field=name)
        return default
    number *= scale
    if not least <= number <= most:
        raise out_of_range(name, number, least, most, unit)
    if number != int(number):
        hint = f" {unit}; is the station's unit another one?" if unit else ""
        raise RecordRefused(
            Refusal.NOT_WHOLE, f"{name}: {number} is not a whole number of{hint or ' anything'}", field=name
        )
    return int(number)


def out_of_range(name: str, number: Decimal, least: int, most: int, unit: str) -> RecordRefused:
    return RecordRefused(
        Refusal.OUT_OF_RANGE, f"{name}: {number:.12g} is outside {least} to {most} {unit}".rstrip(), field=name
    )


def shown(text: str) -> str:
    """At most 40 characters of foreign text, safe to print and to encode."""
    return ascii(text[:40])


def type_name(value: object) -> str:
    names: dict[type, str] = {bool: "true or false", Record: "an object", list: "an array"}
    return names.get(cast(type, type(value)), type(value).__name__)


def parts_of(
    record: Mapping[str, Any], name: str, count: int, words: str, such_as: str, axles: int
) -> Sequence[object]:
    """The parts of a list, written as text with separators or as an array: `count` of them, or none at all."""
    value = record.get(name)
    if isinstance(value, NumberText):
        parts: Sequence[object] = [value]
    elif isinstance(value, str):
        parts = [part for part in _SEPARATORS.split(value) if part.strip()]
    elif isinstance(value, list):
        parts = value
    elif value is None:
        parts = []
    else:
        raise RecordRefused(Refusal.WRONG_TYPE, f"{name}: write the {words} as text such as {such_as}", field=name)
    if parts and len(parts) != count:
        raise RecordRefused(
            Refusal.AXLES_CONTRADICT, f"{name} has {len(parts)} {words}; {axles} axles have {count}", field=name
        )
    return parts
