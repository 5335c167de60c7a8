"""Detours: a plate that is seen before and behind a scale again and again, and not on it.

A route says which stations lie before a scale, which behind it, and how long the way may take. Its stations hand on
their sightings of goods vehicles (a gate that weighs nothing gives passes of zero weight), and the incident stage joins
them: a trip begins with a sighting before the scale and ends with one behind it. It is a detour when the scale has not
seen the plate although it has read others meanwhile; when it read none, nothing is known of that trip. Told when there
are `least` detours within `days` and they are most of the trips; a plate misread now and then is not.

Plates are remembered as keyed hashes, at most MOST_PLATES of them, and `days` long.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from citywatch.domain.evasion import Evasion
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.incidents import ONWARD_CLOCK, ONWARD_ROOM, SIGHTING, Onward
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch, digest_text
from citywatch.domain.state import Row, State
from citywatch.rules.evasion.plates import mark
from citywatch.rules.evasion.record import lane_of

LANES = "detour_lane"
"""In a partition: lanes whose alerts may be with the incident stage."""
PLATES = "detour_plate"
READS = "detour_reads"
COUNTS = "detour_count"
MOST_PLATES = 20_000
_FORGET_AT_ONCE = 1_000
_MOST_TRIPS = 16
_BEGAN = 2
"""Of a trip: [arrived, went around, began], instants in ns; the last is missing in rows of an earlier version."""
_MOST_ON_THE_SCALE = 4
_MOST_MINUTES = 120
_MINUTE_NS = 60 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Route:
    """Stations around the station `scale`. From one before it to one behind it takes `within_minutes` at most."""

    scale: str
    before: tuple[str, ...]
    behind: tuple[str, ...]
    within_minutes: int = 60

    @property
    def stations(self) -> frozenset[str]:
        return frozenset((self.scale, *self.before, *self.behind))


@dataclass(frozen=True, slots=True)
class DetourPolicy:
    """`least` detours within `days`, and at least `share_percent` of the trips; a scale that has read fewer than
    `least_reads` other plates during a trip says nothing of it.
    """

    routes: tuple[Route, ...] = ()
    plate_key: bytes = b""
    least: int = 4
    days: int = 30
    share_percent: int = 60
    least_reads: int = 3
    least_gross_kg: int = 3_500

    def concerns(self, station: str) -> bool:
        return any(station in route.stations for route in self.routes)


def on_pass(state: State, batch: PassBatch, row: int, policy: DetourPolicy) -> None:
    """Hand on a sighting, where the station lies on a route."""
    plate, gross_kg = batch.plate[row] or batch.plate_rear[row], int(batch.gross_kg[row])
    if not policy.routes or not plate or 0 < gross_kg < policy.least_gross_kg:
        return
    place = lane_of(batch.device[row])
    if place is None or not policy.concerns(place[0]):
        return
    if state.get(LANES, batch.device[row]) is None:
        state.put(LANES, batch.device[row], {})
    clock = state.get(ONWARD_ROOM, ONWARD_CLOCK)
    told = {
        "station": place[0],
        "plate": plate,
        "mark": mark(plate, policy.plate_key),
        "axles": int(batch.axle_count[row]),
        "gross_kg": gross_kg,
    }
    state.hand_on(
        Onward(
            batch.device[row],
            int(batch.at_ns[row]),
            0 if clock is None else int(clock["tick_ns"]),
            SIGHTING,
            digest_text(int(batch.digest[row, 0]), int(batch.digest[row, 1])),
            json.dumps(told, separators=(",", ":"), ensure_ascii=False),
        )
    )


def has_handed_on(state: State, device: str) -> bool:
    """Whether the incident stage may hold something about a lane."""
    return state.get(LANES, device) is not None


def on_sighting(state: State, row: Onward, told: Mapping[str, Any], policy: DetourPolicy) -> Iterator[Event]:
    """One sighting at the incident stage, for every route that its station lies on."""
    _forget(state, row.tick_ns, policy)
    station = told["station"]
    for route in policy.routes:
        if station not in route.stations:
            continue
        if station == route.scale:
            _count_read(state, station, row.at_ns)
        name = f"{route.scale}|{told['mark']}"
        known = state.get(PLATES, name) or {"last_ns": 0, "before_ns": 0, "told_ns": 0, "trips": []}
        known = {**known, "last_ns": max(row.tick_ns, known["last_ns"])}
        if station in route.before:
            known = {**known, "before_ns": max(row.at_ns, known["before_ns"])}
        elif station == route.scale:
            known = _weighed(known, row.at_ns)
        else:
            known = _arrived(state, known, route, row.at_ns, policy)
            detours = [trip[0] for trip in known["trips"] if trip[1]]
            if known["before_ns"] == 0 and _is_repeated(known, detours, policy):
                known = {**known, "told_ns": detours[-1]}
                yield _event(row, told, route, known, detours)
        state.put(PLATES, name, known)


def forgotten(state: State) -> int:
    """How many plates were forgotten for want of room, since the beginning."""
    row = state.get(COUNTS, COUNTS)
    return 0 if row is None else int(row["forgotten"])


def _arrived(state: State, known: Row, route: Route, at_ns: int, policy: DetourPolicy) -> Row:
    """Behind the scale: if a trip began before it, it ends here."""
    began_ns = known["before_ns"]
    if began_ns == 0 or not 0 < at_ns - began_ns <= route.within_minutes * _MINUTE_NS:
        return known
    weighed = any(began_ns <= scale_ns <= at_ns for scale_ns in _on_the_scale(known))
    trips = [trip for trip in known["trips"] if at_ns - trip[0] <= policy.days * _DAY_NS]
    if weighed or _reads_between(state, route.scale, began_ns, at_ns) >= policy.least_reads:
        trips = [*trips, [at_ns, int(not weighed), began_ns]][-_MOST_TRIPS:]
    return {**known, "before_ns": 0, "trips": trips}


def _weighed(known: Row, at_ns: int) -> Row:
    """On the scale. A record that comes late, as that of a lane which was cut off, takes the detour back."""
    trips = [
        [trip[0], 0, *trip[2:]] if trip[1] and len(trip) > _BEGAN and trip[_BEGAN] <= at_ns <= trip[0] else trip
        for trip in known["trips"]
    ]
    return {**known, "scales_ns": [*_on_the_scale(known), at_ns][-_MOST_ON_THE_SCALE:], "trips": trips}


def _on_the_scale(known: Row) -> list[int]:
    """When it was weighed last; of a row of an earlier version the last time alone."""
    before: list[int] = [known["scale_ns"]] if "scale_ns" in known else []
    weighed: list[int] = known.get("scales_ns", before)
    return weighed


def _is_repeated(known: Row, detours: list[int], policy: DetourPolicy) -> bool:
    new = [at_ns for at_ns in detours if at_ns > known["told_ns"]]
    is_last = bool(known["trips"]) and bool(known["trips"][-1][1])
    return is_last and len(new) >= policy.least and 100 * len(detours) >= policy.share_percent * len(known["trips"])


def _event(row: Onward, told: Mapping[str, Any], route: Route, known: Row, detours: list[int]) -> Event:
    kind, cause = EventKind.EVASION_SUSPECTED, event_id("evasion", Evasion.DETOUR, route.scale, row.cause)
    measurements = {
        "scale": route.scale,
        "detours": len(detours),
        "trips": len(known["trips"]),
        "since_ns": known["trips"][0][0],
        "detours_ns": detours[-8:],
    }
    data = {
        "evasion": Evasion.DETOUR.value,
        "pass": row.cause,
        "passes": [row.cause],
        "devices": [row.device],
        "plate": told["plate"],
        "axles": told["axles"],
        "gross_kg": told["gross_kg"],
        "signs": ["trips"],
        "measurements": measurements,
        "merged": None,
    }
    return Event(event_id(kind, Evasion.DETOUR, cause), kind, row.device, row.at_ns, cause, data)


def _count_read(state: State, station: str, at_ns: int) -> None:
    """One plate more that the scale has read in this minute. Of the last two hours alone."""
    minute = at_ns // _MINUTE_NS
    reads = dict((state.get(READS, station) or {"minutes": []})["minutes"])
    reads[minute] = reads.get(minute, 0) + 1
    state.put(READS, station, {"minutes": sorted([at, count] for at, count in reads.items())[-_MOST_MINUTES:]})


def _reads_between(state: State, station: str, from_ns: int, to_ns: int) -> int:
    """Plates that the scale has read in the minutes wholly inside."""
    row = state.get(READS, station)
    first, last = from_ns // _MINUTE_NS + 1, to_ns // _MINUTE_NS
    return 0 if row is None else sum(count for minute, count in row["minutes"] if first <= minute < last)


def _forget(state: State, now_ns: int, policy: DetourPolicy) -> None:
    """Once a day who was not seen for long; and the longest unseen when there are too many."""
    counts = state.get(COUNTS, COUNTS) or {"day": 0, "forgotten": 0}
    day = now_ns // _DAY_NS
    if day != counts["day"]:
        state.put(COUNTS, COUNTS, {**counts, "day": day})
        for name, row in list(state.room(PLATES)):
            if now_ns - row["last_ns"] > policy.days * _DAY_NS:
                state.drop(PLATES, name)
    if state.size(PLATES) >= MOST_PLATES:
        oldest = sorted((row["last_ns"], name) for name, row in state.room(PLATES))[:_FORGET_AT_ONCE]
        for _, name in oldest:
            state.drop(PLATES, name)
        counts = state.get(COUNTS, COUNTS) or counts
        state.put(COUNTS, COUNTS, {**counts, "forgotten": counts["forgotten"] + len(oldest)})
