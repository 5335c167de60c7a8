"""Evasion: what a driver does so that a scale or a camera does not tell the truth about the vehicle.

Most signs need the passes beside, ahead and behind to be told from honest traffic, and the lanes of one station are
devices of their own. All lanes of a station live in one partition (domain.devices.partition_of). A pass waits here
`hold_seconds` of ticks, so that those of the other lanes are there, whatever order they came in; then the passes of
the station are decided in the order of (when it left the scale, device, digest): who stands on a scale is told late.
A pass from before what is decided already came too late for its window: it is counted, and judged by what one record
alone says. Nothing here holds up the law's own decision on a pass.

Signs are told as `evasion_suspected` with their measurements. None of them is a finding of guilt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from citywatch.domain.evasion import Evasion
from citywatch.domain.events import Event
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import PassBatch
from citywatch.domain.state import State
from citywatch.rules.evasion import axles, memory, motion, shown, wheels
from citywatch.rules.evasion.limits import EvasionPolicy
from citywatch.rules.evasion.memory import MOST_AHEAD, MOST_LANES, MOST_SIDES, MOST_WAITING, Lane
from citywatch.rules.evasion.merging import Merger
from citywatch.rules.evasion.record import Record, lane_of, left_permille, of_row
from citywatch.rules.evasion.telling import suspected
from citywatch.rules.liveness import CLOCK

__all__ = ["EvasionPolicy", "on_pass", "on_tick", "too_late"]


def on_pass(state: State, batch: PassBatch, row: int, policy: EvasionPolicy, merger: Merger) -> Iterator[Event]:
    """A pass comes in; it is decided later, unless too many of its lane wait already. `merger`: the law for halves."""
    clock = state.get(CLOCK, CLOCK)
    record = of_row(batch, row, 0 if clock is None else int(clock["last_ns"]), policy)
    place = lane_of(record["device"])
    if place is None:
        yield from _alone(state, record, policy)
        return
    known = memory.station(state, place[0])
    if record["leaves_ns"] < known["closed_ns"]:
        in_a_row = known["in_a_row"] + 1
        reopened = {"closed_ns": record["leaves_ns"], "in_a_row": 0} if in_a_row >= policy.reopen_passes else {}
        late = {"too_late": known["too_late"] + 1, "in_a_row": in_a_row}
        state.put(memory.STATIONS, place[0], {**known, **late, **reopened})
        yield from _alone(state, record, policy)
        return
    if record["device"] not in known["lanes"]:
        if len(known["lanes"]) >= MOST_LANES:
            yield from _alone(state, record, policy)
            return
        state.put(memory.STATIONS, place[0], {**known, "lanes": sorted([*known["lanes"], record["device"]])})
    waiting = [*memory.waiting(state, record["device"]), record]
    memory.keep_waiting(state, record["device"], waiting)
    if len(waiting) > MOST_WAITING:
        yield from _decide_up_to(state, place[0], min(one["leaves_ns"] for one in waiting), policy, merger)


def on_tick(state: State, now_ns: int, policy: EvasionPolicy, merger: Merger) -> Iterator[Event]:
    """Decide what has waited long enough, and what is older than that."""
    ripe_ns = now_ns - policy.hold_seconds * NS_PER_S
    yield from _nobody_followed(state, now_ns, policy)
    for name in memory.stations_waiting(state):
        waiting = [one for device in memory.station(state, name)["lanes"] for one in memory.waiting(state, device)]
        ripe = [one["leaves_ns"] for one in waiting if one["tick_ns"] <= ripe_ns]
        if ripe:
            yield from _decide_up_to(state, name, max(ripe), policy, merger)


def too_late(state: State) -> int:
    """How many passes came too late for the window of their station, since the beginning."""
    return sum(int(row["too_late"]) for _, row in state.room(memory.STATIONS))


def _decide_up_to(state: State, name: str, until_ns: int, policy: EvasionPolicy, merger: Merger) -> Iterator[Event]:
    """Decide the passes of a station that left up to an instant, in the order in which they left."""
    known = memory.station(state, name)
    waiting = {device: memory.waiting(state, device) for device in known["lanes"]}
    every = sorted((one for some in waiting.values() for one in some), key=_order)
    lanes = {device: memory.lane(state, device) for device in known["lanes"]}
    halves = {one["digest"]: one["half_of"] for one in every if one["half_of"]}
    changed = set()
    for number, record in enumerate(every):
        if record["leaves_ns"] > until_ns:
            break
        changed.add(record["device"])
        is_half = record["digest"] in halves
        yield from _followed(state, record, policy)
        if not is_half:
            yield from _decide(state, record, every[number + 1 :], lanes, halves, policy, merger)
        lanes[record["device"]] = _after(record, lanes[record["device"]], record["digest"] in halves, policy)
    for device in sorted(changed):
        state.put(memory.LANES, device, lanes[device])
    for device, some in waiting.items():
        if some:
            left = [_half(one, halves) for one in some if one["leaves_ns"] > until_ns]
            memory.keep_waiting(state, device, left)
    closed_ns = max(until_ns, known["closed_ns"])
    state.put(memory.STATIONS, name, {**known, "closed_ns": closed_ns, "in_a_row": 0})


def _half(record: Record, halves: Mapping[str, str]) -> Record:
    whole = halves.get(record["digest"], "")
    return Record(**{**record, "half_of": whole}) if whole else record


def _decide(
    state: State,
    record: Record,
    later: Sequence[Record],
    lanes: Mapping[str, Lane],
    halves: dict[str, str],
    policy: EvasionPolicy,
    merger: Merger,
) -> Iterator[Event]:
    """All signs of one pass.

    What came before it stands in `lanes`, what came after it in `later`, however much is decided in one go.
    """
    behind = [one for one in later if abs(one["at_ns"] - record["at_ns"]) <= _AROUND_NS]
    half = wheels.other_half(record, [one for one in behind if one["digest"] not in halves], policy)
    if half is not None:
        other, measured = half
        halves[other["digest"]] = halves[record["digest"]] = record["digest"]
        yield suspected(Evasion.STRADDLING, record, measured, [other], merger(record, other))
        return
    before = [
        one for lane in lanes.values() for one in lane["ahead"] if abs(one["at_ns"] - record["at_ns"]) <= _AROUND_NS
    ]
    around = [*before, *(memory.passed(one, lanes[one["device"]]["usual_left"]) for one in behind)]
    own, same_way = lanes[record["device"]], _same_way(record, lanes)
    queue = motion.is_queue(record, same_way, policy)
    speed_change = motion.speed_change(record, own, queue=queue, policy=policy)
    mismatch = shown.mismatch(record, lanes.values(), behind, policy) or shown.twice(record, same_way, policy)
    signs = (
        (Evasion.PARTIAL_WHEEL, wheels.partial_wheel(record, own, around, policy)),
        (Evasion.SPEED_CHANGE, _unless_pending(state, record, speed_change, policy)),
        (Evasion.STOP_AND_GO, motion.stop_and_go(record, own, queue=queue, policy=policy)),
        (Evasion.WRONG_WAY, motion.wrong_way(record, around, policy)),
        (Evasion.NOSE_TO_TAIL, axles.nose_to_tail(record, own, policy)),
        (Evasion.REVERSED, axles.reversed_over(record, queue=queue, policy=policy)),
        (Evasion.PLATE_COVERED, shown.covered(record, policy)),
        (Evasion.PLATE_MISMATCH, mismatch),
    )
    yield from (suspected(evasion, record, found) for evasion, found in signs if found is not None)


def _unless_pending(
    state: State, record: Record, found: dict[str, Any] | None, policy: EvasionPolicy
) -> dict[str, Any] | None:
    """Who brakes may be the first of a queue, which only those behind will show: that sign waits for them."""
    if found is None or found["signs"] != [motion.BRAKES] or motion.is_hard(found, policy):
        return found
    clock = state.get(CLOCK, CLOCK)
    told_ns = 0 if clock is None else int(clock["last_ns"])
    state.put(memory.PENDING, record["device"], {"record": record, "found": found, "tick_ns": told_ns})
    return None


def _followed(state: State, record: Record, policy: EvasionPolicy) -> Iterator[Event]:
    """Somebody comes behind one who braked: slow as well, it was the traffic; else it was he."""
    row = state.get(memory.PENDING, record["device"])
    if row is None:
        return
    before: Record = row["record"]
    answer = motion.explains_braking(before, record, policy)
    if answer is None:
        return
    state.drop(memory.PENDING, record["device"])
    if not answer:
        yield suspected(Evasion.SPEED_CHANGE, before, row["found"])


def _nobody_followed(state: State, now_ns: int, policy: EvasionPolicy) -> Iterator[Event]:
    until_ns = now_ns - (policy.behind_seconds + 2 * policy.hold_seconds) * NS_PER_S
    for device, row in state.room(memory.PENDING):
        if row["tick_ns"] <= until_ns:
            state.drop(memory.PENDING, device)
            yield suspected(Evasion.SPEED_CHANGE, row["record"], row["found"])


def _alone(state: State, record: Record, policy: EvasionPolicy) -> Iterator[Event]:
    """What one record says without those around it."""
    known = memory.lane(state, record["device"])
    empty = Lane(ahead=[], plates=[], usual_left=known["usual_left"], passes=known["passes"], sides=known["sides"])
    signs = [
        (Evasion.PARTIAL_WHEEL, wheels.partial_wheel(record, empty, (), policy)),
        (Evasion.NOSE_TO_TAIL, axles.nose_to_tail(record, empty, policy)),
        (Evasion.PLATE_COVERED, shown.covered(record, policy)),
    ]
    for evasion, measured in signs:
        if measured is not None:
            yield suspected(evasion, record, measured)


def _after(record: Record, lane: Lane, is_half: bool, policy: EvasionPolicy) -> Lane:
    """What a lane remembers after a pass."""
    left = left_permille(record)
    weighs = left >= 0 and not is_half
    return Lane(
        ahead=[*lane["ahead"], memory.passed(record, lane["usual_left"])][-MOST_AHEAD:],
        plates=memory.recent([*lane["plates"], *shown.plated(record, policy)], record["at_ns"], policy.twice_seconds),
        usual_left=wheels.usual_after(lane, left, policy) if weighs else lane["usual_left"],
        passes=min(lane["passes"] + weighs, policy.lane_known_passes),
        sides=[*lane["sides"], int(wheels.is_off(record, lane, policy))][-MOST_SIDES:] if weighs else lane["sides"],
    )


def _same_way(record: Record, lanes: Mapping[str, Lane]) -> list[Lane]:
    """The lanes of its direction, its own among them."""
    mine = lane_of(record["device"])
    found = []
    for device in sorted(lanes):
        its = lane_of(device)
        if mine is not None and its is not None and mine[1] == its[1]:
            found.append(lanes[device])
    return found


def _order(record: Record) -> tuple[int, str, str]:
    return record["leaves_ns"], record["device"], record["digest"]


_AROUND_NS = 3 * NS_PER_S
