"""What a script expects against what is found, in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from citywatch.app.checks.city import City
from citywatch.app.checks.script import Expectation, Fields, moment_ns
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import ConfigurationError

TABLES = {"alert": "alerts", "ticket": "tickets", "incident": "incidents", "device": "devices"}
_SHOWN = {
    "alert": ("kind", "device", "state", "severity", "opened_at_ns"),
    "ticket": ("fault", "device", "state", "filed_at_ns"),
    "incident": ("root", "state", "reason", "opened_at_ns"),
    "device": ("device", "kind", "state"),
}
_OF_EVENTS = ("kind", "device", "at_ns", "id", "cause", "data")
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it is so; else what was expected and what was found."""

    holds: bool
    expected: str = ""
    found: str = ""


def answer(city: City, wanted: Expectation, where: str) -> Answer:
    """What the city says now. ConfigurationError, with `where`, for fields that do not exist."""
    for name, table in TABLES.items():
        for word in (name, f"no_{name}"):
            fields = getattr(wanted, word)
            if fields is not None:
                _check(fields, [column.name for column in city.table(table).columns], f"{where}: {word}")
                rows = city.rows_of(table)
                like = [row for row in rows if matches(row, fields, city.start_ns)]
                shown = [_row(name, row, fields, city.start_ns) for row in rows]
                return _counted(f"{name} {told(fields)}", len(like), shown, wanted, none=word != name)
    if wanted.event is not None:
        return _of_events(city, wanted, wanted.event, where, none=False)
    if wanted.no_event is not None:
        return _of_events(city, wanted, wanted.no_event, where, none=True)
    raise ValueError("an expectation about nothing")


def matches(row: Mapping[str, Any], fields: Fields, start_ns: int) -> bool:
    """Whether every field is as wanted: texts may hold * and ?, mappings are looked into, times are moments."""
    return all(_is_like(row, name, value, start_ns) for name, value in fields.items())


def told(value: Any) -> str:
    """A value on one line, as a script would write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {told(one)}" for name, one in value.items()) + "}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def moment(second: float) -> str:
    """Seconds from the start as a script would write them."""
    whole = int(second)
    parts = [(whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _of_events(city: City, wanted: Expectation, fields: Fields, where: str, *, none: bool) -> Answer:
    _check(fields, _OF_EVENTS, f"{where}: event")
    after_s = -1 if wanted.after is None else wanted.after // NS_PER_S
    events: list[dict[str, Any]] = [
        {"kind": event.kind.value, "device": event.device, "at_ns": event.at_ns, "id": event.id,
         "cause": event.cause, "data": event.data}
        for second, event in city.events
        if second + 1 > after_s
    ]  # fmt: skip
    like = [event for event in events if matches(event, fields, city.start_ns)]
    wanted_kind, wanted_device = fields.get("kind"), fields.get("device")
    near = [e for e in events if e["kind"] == wanted_kind] or [e for e in events if e["device"] == wanted_device]
    shown = [
        f"{event['kind']} of {event['device']} at {moment((event['at_ns'] - city.start_ns) / NS_PER_S)}"
        f" {told(_only(event['data'], fields.get('data', {})))}"
        for event in near
    ]
    return _counted(f"event {told(fields)}", len(like), shown, wanted, none=none)


def _only(data: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: data.get(name) for name in wanted} or dict(list(data.items())[:3])


def _counted(what: str, count: int, shown: Sequence[str], wanted: Expectation, *, none: bool) -> Answer:
    if none:
        holds, expected = count == 0, f"no {what}"
    elif wanted.count is not None:
        holds, expected = count == wanted.count, f"{wanted.count} times {what}"
    else:
        holds, expected = count > 0, what
    if holds:
        return Answer(True)
    listed = "; ".join(shown[-_MOST_SHOWN:]) or "nothing of the kind"
    more = f" and {len(shown) - _MOST_SHOWN} before" if len(shown) > _MOST_SHOWN else ""
    return Answer(False, expected, f"{count} of them; there is: {listed}{more}")


def _row(name: str, row: Mapping[str, Any], fields: Fields, start_ns: int) -> str:
    """What there is, with every field that was asked for."""
    asked = [field if field in row else f"{field}_ns" for field in fields]
    words = []
    for column in dict.fromkeys((*_SHOWN[name], *asked)):
        value = row.get(column)
        if column.endswith("_ns"):
            when = "never" if value is None else moment((value - start_ns) / NS_PER_S)
            words.append(f"{column.removesuffix('_ns').removesuffix('_at')} {when}")
        elif column in _SHOWN[name]:
            words.append(str(value))
        else:
            words.append(f"{column} {told(value)}")
    return " ".join(words)


def _check(fields: Fields, known: Sequence[str], where: str) -> None:
    unknown = [name for name in fields if name not in known and f"{name}_ns" not in known]
    if unknown:
        names = ", ".join(sorted(name.removesuffix("_ns") for name in known))
        raise ConfigurationError(f"{where}: {unknown[0]}: no such field; known here: {names}")


def _is_like(row: Mapping[str, Any], name: str, wanted: Any, start_ns: int) -> bool:
    if name not in row and f"{name}_ns" in row:
        value = row[f"{name}_ns"]
        return value is None if wanted is None else value is not None and value == start_ns + moment_ns(wanted)
    return name in row and is_like(row[name], wanted, start_ns)


def is_like(value: Any, wanted: Any, start_ns: int = 0, within: float = 0.0) -> bool:
    """Whether one value is as wanted; numbers may be off by `within`."""
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(value, dict(wanted), start_ns)
    if isinstance(wanted, str) and isinstance(value, str):
        return fnmatchcase(value, wanted)
    if isinstance(wanted, list) and isinstance(value, list | tuple):
        return len(wanted) == len(value) and all(
            is_like(one, other, start_ns, within) for one, other in zip(value, wanted, strict=True)
        )
    numbers = isinstance(value, int | float) and isinstance(wanted, int | float)
    if numbers and not isinstance(value, bool) and not isinstance(wanted, bool):
        return abs(float(value) - float(wanted)) <= within
    return bool(value == wanted)
