"""Lanes that have no passes while those beside them have: a dead strip behind a controller that lives.

A row `scale_absence/<station>/d<direction>` of the state holds, for each hour of the day (UTC), how many passes each
lane of one direction had and all of them together. Each pass of another lane speaks against a lane by
-log(1 - its share at that hour), because at night most keep to one lane; its own next pass ends it. Only passes that
came live count against anybody: what a station sends later comes lane by lane. Where the whole direction is empty
nothing is said: that may be an accident, and a station that is gone is `silent`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from citywatch.domain.events import Event
from citywatch.domain.faults import Fault
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import Row, State
from citywatch.rules import faults
from citywatch.rules.evasion.record import lane_of
from citywatch.rules.faults import Evidence
from citywatch.rules.scale_health.watch import cleared

ROOM = "scale_absence"
MOST_LANES = 16
CHANCE = 1e-9
"""That a lane in order is left out for so long."""
LEAST_NS = 3_600 * NS_PER_S
LEARN_NS = 7 * 86_400 * NS_PER_S
LIVE_NS = 600 * NS_PER_S

_HOUR_NS = 3_600 * NS_PER_S
_HOURS = 24
_FEWEST = 50
"""Passes of an hour of the day before its shares are gone by."""
_MEMORY = 4_096
"""... at which all that is known of the hour is halved: newer weeks count more."""
_UNIT = 1_000_000
_LIMIT = round(-_UNIT * math.log(CHANCE))


def on_pass(state: State, device: str, at_ns: int, received_ns: int) -> Iterator[Event]:
    """A pass of one lane, which also speaks against those that had none. `received_ns` is 0 for a replay."""
    name = _of(device)
    if name is None:
        return
    row = state.get(ROOM, name) or {"since_ns": at_ns, "all": [0] * _HOURS, "lanes": {}}
    hour, lanes = at_ns // _HOUR_NS % _HOURS, dict(row["lanes"])
    own = lanes.get(device)
    if own is None:
        if len(lanes) >= MOST_LANES:
            return
        own = {"hours": [0] * _HOURS, "last_ns": at_ns, "standing": None}
    if own["standing"] is not None:
        yield cleared(device, Fault.NO_PASSES.value, own["standing"], at_ns, at_ns, 1)
    lanes[device] = {
        "hours": _more(own["hours"], hour),
        "last_ns": max(at_ns, own["last_ns"]),
        "against": 0,
        "missed": 0,
        "first_ns": 0,
        "standing": None,
    }
    counted = _more(row["all"], hour)
    is_live = received_ns > 0 and received_ns - at_ns <= LIVE_NS
    if is_live and at_ns - row["since_ns"] >= LEARN_NS and counted[hour] >= _FEWEST:
        for other in sorted(lanes):
            if other != device and lanes[other]["standing"] is None and lanes[other]["hours"][hour]:
                lanes[other] = _against(lanes[other], lanes[other]["hours"][hour] / (counted[hour] + 1), at_ns)
                if lanes[other]["against"] > _LIMIT and at_ns - lanes[other]["last_ns"] >= LEAST_NS:
                    lanes[other], confirmed = _confirmed(other, lanes[other], at_ns)
                    yield confirmed
    if counted[hour] >= _MEMORY:
        counted = _halved(counted, hour)
        lanes = {lane: {**one, "hours": _halved(one["hours"], hour)} for lane, one in lanes.items()}
    state.put(ROOM, name, {"since_ns": min(row["since_ns"], at_ns), "all": counted, "lanes": lanes})


def forget(state: State, device: str) -> None:
    """The lane is no more: nobody waits for its passes."""
    name = _of(device)
    row = None if name is None else state.get(ROOM, name)
    if name is not None and row is not None and device in row["lanes"]:
        lanes = {lane: one for lane, one in row["lanes"].items() if lane != device}
        state.put(ROOM, name, {**row, "lanes": lanes})


def _of(device: str) -> str | None:
    place = lane_of(device)
    return None if place is None else f"{place[0]}/d{place[1]}"


def _against(one: Row, share: float, at_ns: int) -> dict[str, Any]:
    return {
        **one,
        "against": one["against"] + round(-_UNIT * math.log1p(-share)),
        "missed": one["missed"] + 1,
        "first_ns": one["first_ns"] or at_ns,
    }


def _confirmed(device: str, one: Row, at_ns: int) -> tuple[dict[str, Any], Event]:
    seconds = (at_ns - one["last_ns"]) // NS_PER_S
    limit, value = round(_LIMIT / _UNIT, 3), round(one["against"] / _UNIT, 3)
    figures = {"passes_of_the_others": float(one["missed"]), "seconds": float(seconds)}
    evidence = Evidence("lane_empty", "against", value, limit, round(value - limit, 3), measurements=figures)
    begun = faults.begin(device, Fault.NO_PASSES.value, one["first_ns"], one["last_ns"])
    begun = {**begun, "bad": one["missed"], "last_bad_ns": at_ns, "good": 0}
    standing, event = faults.confirm(begun, device, Fault.NO_PASSES.value, at_ns, evidence)
    return {**one, "standing": standing}, event


def _more(hours: list[int], hour: int) -> list[int]:
    return [*hours[:hour], hours[hour] + 1, *hours[hour + 1 :]]


def _halved(hours: list[int], hour: int) -> list[int]:
    return [*hours[:hour], hours[hour] // 2, *hours[hour + 1 :]]
