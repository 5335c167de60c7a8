"""The message of a roadside sign: plate, kilograms over, and the nearest unloading place on the driver's own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S

Side = Literal["right", "left"]

_SHOWN_OF_PLATE = 3
_M_PER_KM = 1000
_AHEAD_NS = 5 * NS_PER_S
"""So far a station's clock may be ahead of ours: a pass that is yet to come is one of now."""


@dataclass(frozen=True, slots=True)
class Place:
    """An unloading place: reached by those who travel in `direction`, `distance_m` behind the sign, on `side`."""

    name: str
    direction: int
    distance_m: int
    side: Side = "right"


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign behind a station, seen in one direction of travel. Traffic keeps to `drive_side`.

    A message stays for `hold_s`, or gives way to the next one after `least_s`. `late_s` behind its pass none is shown.
    """

    name: str
    station: str
    direction: int
    hold_s: float
    late_s: float
    places: tuple[Place, ...] = ()
    hide_plate: bool = False
    language: Literal["zh", "en"] = "zh"
    drive_side: Side = "right"
    enforceable_only: bool = True
    least_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Message:
    """What a sign shows until `until_ns`. `event` is the id of the overload that it tells of."""

    sign: str
    event: str
    at_ns: int
    until_ns: int
    plate: str
    over_kg: int
    place: Place | None
    lines: tuple[str, ...]


SHOWN = frozenset({EventKind.OVERLOADED})
"""Kinds of events that a sign may show."""


def concerns(sign: Sign, event: Event) -> bool:
    """Whether an event is one for this sign.

    Only a pass that is over by its law is shown, never an undecided one, and none without a plate: nobody would know
    who is meant. With `enforceable_only` nobody is named whose weight would not stand before a court.
    """
    if event.kind not in SHOWN or not event.data.get("plate"):
        return False
    if sign.enforceable_only and event.data.get("enforceable") is False:
        return False
    return event.device.startswith(f"{sign.station}/d{sign.direction}/")


def message_for(sign: Sign, event: Event, now_ns: int) -> Message | None:
    """The message about an event that concerns the sign; None when its vehicle is gone since `late_s`.

    It stays for `hold_s` from when it is shown, and never longer than `late_s` + `hold_s` behind the pass. A pass that
    is yet to come by more than clocks differ is from a clock that nobody can go by: it is not shown either.
    """
    if not -_AHEAD_NS <= now_ns - event.at_ns <= round(sign.late_s * NS_PER_S):
        return None
    place = nearest(sign)
    plate = str(event.data["plate"])
    shown = f"…{plate[-_SHOWN_OF_PLATE:]}" if sign.hide_plate else plate
    over_kg = int(event.data["over_kg"])
    return Message(
        sign.name,
        event.id,
        event.at_ns,
        now_ns + round(sign.hold_s * NS_PER_S),
        shown,
        over_kg,
        place,
        _lines(sign, shown, over_kg, place),
    )


def nearest(sign: Sign) -> Place | None:
    """The nearest place for those who see the sign: on their own side of the road before any on the other."""
    reached = [place for place in sign.places if place.direction == sign.direction]
    return min(reached, key=lambda one: (one.side != sign.drive_side, one.distance_m, one.name), default=None)


def _lines(sign: Sign, plate: str, over_kg: int, place: Place | None) -> tuple[str, ...]:
    if sign.language == "zh":
        lines = [plate, f"超限 {over_kg} 公斤"]
        if place is not None:
            side = "右侧" if place.side == "right" else "左侧"
            lines.append(f"请到前方 {_distance(place, ' 米', ' 公里')} {side} {place.name} 卸货")
    else:
        lines = [plate, f"{over_kg} kg OVER"]
        if place is not None:
            lines.append(f"UNLOAD AT {place.name}, {_distance(place, ' m', ' km')}, {place.side}")
    return tuple(lines)


def _distance(place: Place, metres: str, kilometres: str) -> str:
    if place.distance_m < _M_PER_KM:
        return f"{place.distance_m}{metres}"
    return f"{place.distance_m / _M_PER_KM:.1f}{kilometres}"
