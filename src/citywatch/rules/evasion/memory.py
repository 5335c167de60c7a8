"""What the rules of evasion remember: passes that wait, and of those decided the little that later ones need.

Four rooms of the state. WAITING: by lane, the passes not decided yet (at most MOST_WAITING, seconds). LANES: by lane,
what went ahead, hashes of plates for a minute, and what is usual for the lane. STATIONS: by station, its lanes and up
to which instant everything is decided. A lane has at most about 6 kB in them together, whatever comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict, cast

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.rules.evasion.record import Record, left_permille

WAITING = "evasion_waiting"
LANES = "evasion_lane"
STATIONS = "evasion_station"
PENDING = "evasion_pending"
MOST_WAITING = 8
MOST_AHEAD = 4
MOST_PLATES = 32
MOST_SIDES = 16
MOST_LANES = 32
"""Lanes of one station that are looked at together; more are judged alone."""


class Passed(TypedDict):
    """A pass as those around it see it. `lean`: its left-hand share less what is usual in its lane, per mille; 0 where
    the scale does not tell."""

    device: str
    at_ns: int
    leaves_ns: int
    speed_mmps: int
    acceleration_mmps2: int
    length_mm: int
    travel: int
    lean: int


class Plated(TypedDict):
    """A plate that was read, hashed, and on what."""

    at_ns: int
    mark: str
    axles: int
    wheelbase_mm: int


class Lane(TypedDict):
    """`usual_left` per mille, a running median over `passes`; `sides`: which of the last were far off (1)."""

    ahead: list[Passed]
    plates: list[Plated]
    usual_left: int
    passes: int
    sides: list[int]


def passed(record: Record, usual_left: int) -> Passed:
    """The little of a pass that others need."""
    left = left_permille(record)
    return Passed(
        device=record["device"],
        at_ns=record["at_ns"],
        leaves_ns=record["leaves_ns"],
        speed_mmps=record["speed_mmps"],
        acceleration_mmps2=record["acceleration_mmps2"],
        length_mm=record["length_mm"],
        travel=record["travel"],
        lean=left - usual_left if left >= 0 else 0,
    )


def lane(state: State, device: str) -> Lane:
    """What a lane remembers; of a new one, nothing."""
    row = state.get(LANES, device)
    return Lane(ahead=[], plates=[], usual_left=500, passes=0, sides=[]) if row is None else cast(Lane, row)


def waiting(state: State, device: str) -> list[Record]:
    """The passes of a lane that are not decided yet, as they came."""
    row = state.get(WAITING, device)
    return [] if row is None else list(row["passes"])


def keep_waiting(state: State, device: str, passes: list[Record]) -> None:
    """These wait from now on; no row where none does."""
    if passes:
        state.put(WAITING, device, {"passes": passes})
    elif state.get(WAITING, device) is not None:
        state.drop(WAITING, device)


def station(state: State, name: str) -> dict[str, Any]:
    """Its lanes, up to when it is decided, and how many came too late."""
    row = state.get(STATIONS, name)
    return {"lanes": [], "closed_ns": 0, "too_late": 0, "in_a_row": 0} if row is None else dict(row)


def stations_waiting(state: State) -> Iterator[str]:
    """Stations that have a pass waiting, by name."""
    names = {device.rpartition("/d")[0] for device, _ in state.room(WAITING)}
    return iter(sorted(names))


def recent(plates: list[Plated], now_ns: int, seconds: int) -> list[Plated]:
    """Those of the last `seconds`, at most MOST_PLATES."""
    return [plate for plate in plates if 0 <= now_ns - plate["at_ns"] <= seconds * NS_PER_S][-MOST_PLATES:]
