"""Evasion: each kind by its measurements, what explains it away, and the laws of steps that look at lanes together."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from citywatch.domain.evasion import Evasion
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.domain.passes import PassBatch, ScaleStatus, digest_text
from citywatch.domain.state import State
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.evasion import memory, too_late
from citywatch.rules.evasion.limits import EvasionPolicy
from citywatch.rules.evasion.plates import contradicting, mark, unlike
from citywatch.testing import rows as city
from citywatch.testing.evasion_traffic import SCORED, TUNED, Scene, scene

STEP = CityStep(load("cn-gross"))
START = 1_767_225_600
ONE, TWO, OTHER_WAY = "S1/d1/l1", "S1/d1/l2", "S1/d2/l1"
TRUCK = (6_000, 8_000, 8_000)
SPACINGS = (3_400, 5_600)


def one(
    at_s: float,
    device: str = ONE,
    axle_kg: tuple[int, ...] = TRUCK,
    spacing_mm: tuple[int, ...] = SPACINGS,
    *,
    speed: float = 20.0,
    left: tuple[int, ...] = (),
    plate: str = "",
    number: int | None = None,
    length: int = 0,
    **columns: Any,
) -> PassBatch:
    """One pass; `columns` are further columns by name, each a single value."""
    given = {
        name: (value,) if isinstance(value, str) else np.array([value], _DTYPES[name])
        for name, value in columns.items()
    }
    if left:
        given["left_kg"] = np.array([left], np.int32)
    at_ns = START * NS_PER_S + round(at_s * 1000) * NS_PER_MS + 7
    return PassBatch.of(
        device=(device,),
        at_ns=np.array([at_ns], np.int64),
        received_ns=np.zeros(1, np.int64),
        digest=np.array([[at_ns if number is None else number, crc32(device.encode())]], np.uint64),
        axle_count=np.array([len(axle_kg)], np.int16),
        gross_kg=np.array([sum(axle_kg)], np.int32),
        speed_mps=np.array([speed]),
        length_mm=np.array([length or sum(spacing_mm) + 3_000], np.int32),
        axle_kg=np.array([axle_kg], np.int32),
        spacing_mm=np.array([(*spacing_mm, 0)], np.int32),
        plate=(plate,),
        **given,
    )


_DTYPES = {column.name: column.dtype for column in PassBatch.COLUMNS if column.width == 0 and column.dtype != "text"}


def told(*passes: PassBatch, until_s: int = 120) -> list[Event]:
    """What a city tells of these passes: each comes a second after its instant, with a tick every second."""
    state, events = State(), []
    waiting = sorted(passes, key=lambda batch: int(batch.at_ns[0]))
    for second in range(until_s):
        now_ns = (START + second) * NS_PER_S
        events += STEP.step(state, city.tick(now_ns))[1]
        while waiting and int(waiting[0].at_ns[0]) + NS_PER_S <= now_ns:
            events += STEP.step(state, waiting.pop(0))[1]
    return events


def suspected(*passes: PassBatch) -> list[tuple[str, list[str]]]:
    return [
        (event.data["evasion"], event.data["signs"])
        for event in told(*passes)
        if event.kind is EventKind.EVASION_SUSPECTED
    ]


def halves(left_kg: tuple[int, ...] = (), right_kg: tuple[int, ...] = (), **columns: Any) -> list[PassBatch]:
    """A three-axle truck of 31 t over two lanes."""
    half = (4_500, 5_500, 5_500)
    return [one(10, ONE, half, left=left_kg, **columns), one(10.03, TWO, half, left=right_kg, **columns)]


# ---- kinds


def test_halves_in_neighbouring_lanes_are_one_vehicle_and_the_law_judges_it() -> None:
    events = told(*halves(left_kg=(10, 20, 20), right_kg=(4_450, 5_400, 5_480)))
    (event,) = [event for event in events if event.kind is EventKind.EVASION_SUSPECTED]
    assert event.data["evasion"] == Evasion.STRADDLING
    assert event.data["signs"] == ["one_sided"]
    assert len(event.data["passes"]) == 2
    assert event.data["devices"] == [ONE, TWO]
    merged = event.data["merged"]
    assert (merged["decision"], merged["gross_kg"], merged["axle_kg"]) == ("over", 31_000, [9_000, 11_000, 11_000])
    assert merged["over_kg"] == 31_000 - 27_000
    assert not [event for event in events if event.kind is EventKind.OVERLOADED], "it is no pass of its own"
    (alert,) = [event for event in events if event.kind is EventKind.ALERT_OPENED]
    assert alert.data["severity"] == "critical"


@pytest.mark.parametrize(
    ("passes", "why"),
    [
        (halves(left_kg=(2_200, 2_700, 2_700), right_kg=(2_300, 2_750, 2_750)), "both are balanced"),
        (halves(), "gap"),
    ],
)
def test_two_alike_side_by_side_are_two(passes: list[PassBatch], why: str) -> None:
    if why == "gap":
        passes = [passes[0], one(10.4, TWO, (4_500, 5_500, 5_500))]
    assert suspected(*passes) == []


def test_two_plates_are_two_vehicles_and_one_plate_is_one() -> None:
    half = (4_500, 5_500, 5_500)
    assert suspected(one(10, ONE, half, plate="湘A12345"), one(10.02, TWO, half, plate="粤B98761")) == []
    assert suspected(one(10, ONE, half, plate="湘A12345"), one(10.02, TWO, half, plate="湘A12345")) == [
        ("straddling", ["same_plate"])
    ]
    assert suspected(one(10, ONE, half), one(10.02, "S1/d1/l3", half)) == [], "they are no neighbours"


def test_a_light_side_is_told_against_what_is_usual_in_the_lane() -> None:
    worn = [one(3 * i, left=(3_600, 4_800, 4_800), number=i) for i in range(1, 30)]
    assert suspected(*worn) == []
    assert suspected(*worn, one(95, left=(1_500, 1_900, 1_800))) == [("partial_wheel", ["side"])]
    assert suspected(one(10, status=int(ScaleStatus.PARTIAL_WHEEL))) == [("partial_wheel", ["flag"])]


def test_who_brakes_or_rushes_on_a_free_road() -> None:
    assert suspected(one(10, acceleration_mps2=-3.5)) == [("speed_change", ["brakes"])]
    assert suspected(one(10, acceleration_mps2=1.6)) == [("speed_change", ["rushes"])]
    assert suspected(one(8, speed=12.0), one(11, acceleration_mps2=-3.5)) == [], "the one ahead is slower"
    braked = one(10, speed=15.0, acceleration_mps2=-2.1)
    assert suspected(braked, one(16, speed=6.0)) == [], "it was the end of a queue"
    assert suspected(braked, one(16, speed=20.0)) == [("speed_change", ["brakes"])]
    assert suspected(braked) == [("speed_change", ["brakes"])]


def test_axle_speeds_tell_an_acceleration() -> None:
    speeds = np.array([[20.0, 19.6, 18.9]], np.float32)
    braked = one(10)
    columns = {column.name: getattr(braked, column.name) for column in PassBatch.COLUMNS}
    slower = PassBatch(**{**columns, "axle_speed_mps": speeds})
    assert suspected(slower) == [("speed_change", ["brakes"])]


def test_who_stands_on_a_free_road_and_who_waits_in_a_queue() -> None:
    assert suspected(one(10, speed=0.8)) == [("stop_and_go", ["slow"])]
    assert suspected(one(10, speed=3.0, occupancy_ms=40_000)) == [("stop_and_go", ["occupancy"])]
    assert suspected(one(5, speed=4.0, length=4_500), one(20, speed=0.8)) == []
    assert suspected(one(5, TWO, speed=4.0), one(20, speed=0.8)) == [], "the lane beside it crept, too"


def test_wrong_way_unless_it_overtakes() -> None:
    assert suspected(one(10, OTHER_WAY, travel=-1)) == [("wrong_way", ["direction"])]
    assert suspected(one(10, OTHER_WAY, travel=-1), one(11, ONE, speed=15.0, travel=1)) == []
    assert suspected(one(10, OTHER_WAY, travel=-1), one(11, ONE, speed=25.0, travel=1)) == [
        ("wrong_way", ["direction"])
    ]


def test_nose_to_tail() -> None:
    behind = 10 + (12_000 + 1_500) / 20_000
    assert suspected(one(10), one(behind)) == [("nose_to_tail", ["bumper_gap"])]
    assert suspected(one(10), one(behind + 0.5)) == [], "a platoon"
    both = (*TRUCK, *TRUCK)
    assert suspected(one(10, ONE, both, (*SPACINGS, 6_000, *SPACINGS), camera_axles=3)) == [
        ("nose_to_tail", ["too_long", "camera_axles"])
    ]
    module = (3_400, 1_400, 6_200, *(1_360,) * 9)
    assert suspected(one(10, ONE, (7_000,) * 13, module)) == [], "a heavy transport"


def test_reversed_and_lifted() -> None:
    six = (5_000, 6_000, 6_000, 6_000, 6_000, 6_000)
    spacings = (3_400, 1_300, 6_000, 1_300, 1_300)
    assert suspected(one(10, ONE, six, spacings, speed=2.0, camera_axles=4)) == [("reversed", ["more_axles"])]
    assert suspected(one(10, ONE, six, spacings, speed=2.0, camera_axles=5)) == [], "a slip of the camera"
    assert suspected(one(10, camera_axles=5)) == [], "two axles are lifted"
    assert suspected(one(10, speed=2.0, camera_axles=5)) == [("reversed", ["fewer_axles"])]


def test_plates() -> None:
    rigid = {"axle_kg": (5_000, 9_000), "spacing_mm": (4_400,)}
    assert suspected(one(10, **rigid, plate="湘A12345", plate_rear="湘AX79KU")) == [
        ("plate_mismatch", ["front_not_rear"])
    ]
    assert suspected(one(10, **rigid, plate="湘A12345", plate_rear="湘A12354")) == [], "misread"
    assert suspected(one(10, **rigid, plate="湘A12345", plate_rear="湘BX790挂")) == [], "a trailer's own"
    assert suspected(one(10, plate="湘A12345", plate_rear="湘BX79KU")) == [], "a train's rear plate is its trailer's"
    neighbour = one(11, TWO, (1_000, 800), (2_700,), plate="湘AX79KU")
    assert suspected(one(10, **rigid, plate="湘A12345", plate_rear="湘AX79KU"), neighbour) == []
    twin = one(25, plate="湘A12345")
    assert suspected(one(10, **rigid, plate="湘A12345"), twin) == [("plate_mismatch", ["plate_twice"])]
    assert suspected(one(10, **rigid, plate="湘A12345"), one(90, plate="湘A12345")) == []
    assert suspected(one(10, plate="湘A12345"), one(12, TWO, plate="湘A12345")) == [], "one that changes lanes"


def test_covered() -> None:
    covered = int(ScaleStatus.PLATE_COVERED)
    assert suspected(one(10, status=covered)) == [("plate_covered", ["flag"])]
    assert suspected(one(10, status=covered, plate_rear="湘A12345")) == []
    assert suspected(one(10, ONE, (900, 800), (2_700,), status=covered)) == [], "a car has no load to hide"


def test_signs_of_one_vehicle_have_one_alert() -> None:
    events = told(one(10, speed=0.8, status=int(ScaleStatus.PLATE_COVERED)))
    causes = {event.cause for event in events if event.kind is EventKind.EVASION_SUSPECTED}
    alerts = [event for event in events if event.kind is EventKind.ALERT_OPENED]
    assert len([event for event in events if event.kind is EventKind.EVASION_SUSPECTED]) == 2
    assert len(causes) == len(alerts) == 1


# ---- plates are personal data


def test_plates_are_hashed_with_a_key() -> None:
    assert mark("湘A12345", b"k") == mark("湘A12345", b"k") != mark("湘A12345", b"another")
    assert mark("", b"k") == ""
    state = State()
    STEP.step(state, one(10, plate="湘A12345"))
    for second in range(11, 25):
        STEP.step(state, city.tick((START + second) * NS_PER_S))
    kept = b"".join(state.snapshot().values()).decode()
    assert state.get(memory.LANES, ONE) is not None
    assert "湘A12345" not in kept


def test_unlike_counts_changes() -> None:
    assert unlike("ABC", "ABC") == 0
    assert unlike("ABCD", "ABD") == 1
    assert unlike("", "AB") == 2
    assert contradicting("湘A12345", "", EvasionPolicy()) == 0


@given(st.text("ABC1", max_size=8), st.text("ABC1", max_size=8))
def test_unlike_is_a_distance(one_: str, other: str) -> None:
    assert unlike(one_, other) == unlike(other, one_)
    assert (unlike(one_, other) == 0) == (one_ == other)
    assert abs(len(one_) - len(other)) <= unlike(one_, other) <= max(len(one_), len(other))


# ---- laws


@cache
def small_scene(seed: int) -> Scene:
    return scene(seed, TUNED, passes=70, evaders=8)


def feed(of: Scene, order: list[int], cuts: random.Random | None = None, *, reload: bool = False) -> list[str]:
    """Evasion of a scene whose rows come in this order, each at the place of its arrival, cut anyhow."""
    state, lines = State(), []
    now = of.arrives_ns[0] // NS_PER_S

    def step(batch: Any) -> None:
        nonlocal state
        lines.extend(
            event.to_json() for event in STEP.step(state, batch)[1] if event.kind is EventKind.EVASION_SUSPECTED
        )
        if reload:
            state = State.load(state.snapshot())

    run: list[int] = []
    for place, row in enumerate(order):
        due = of.arrives_ns[place] // NS_PER_S
        if due > now or (cuts is not None and cuts.random() < 0.3):
            if run:
                step(of.passes.take(run))
            run = []
        while now < due:
            now += 1
            step(city.tick(now * NS_PER_S))
        run.append(row)
    step(of.passes.take(run))
    for _ in range(90):
        now += 1
        step(city.tick(now * NS_PER_S))
    return lines


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 4), st.integers(0, 2**32))
def test_batching_changes_nothing(seed: int, cut: int) -> None:
    of = small_scene(seed)
    rows = list(range(len(of.passes)))
    whole = feed(of, rows)
    assert whole
    assert feed(of, rows, random.Random(cut)) == whole


def test_the_stored_form_of_the_state_changes_nothing() -> None:
    of = small_scene(5)
    rows = list(range(len(of.passes)))
    assert feed(of, rows, reload=True) == feed(of, rows)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 4), st.integers(0, 2**32))
def test_lanes_may_come_in_any_order(seed: int, shuffle: int) -> None:
    """Rows of different lanes that arrive within three seconds may change places: the same events."""
    of, rng = small_scene(seed), random.Random(shuffle)
    rows = list(range(len(of.passes)))
    key = [at + rng.uniform(0, 3) * NS_PER_S for at in of.arrives_ns]
    newest: dict[str, float] = {}
    for row in rows:  # rows of one lane stay in order
        device = of.passes.device[row]
        key[row] = newest[device] = max(key[row], newest.get(device, 0.0) + 1)
    order = sorted(rows, key=lambda row: key[row])
    assume(order != rows)
    assert sorted(feed(of, order)) == sorted(feed(of, rows))


def test_most_are_found_and_hardly_anybody_is_accused() -> None:
    """The bench is the proof (python -m benchmarks.scales evasion); this is its smallest piece."""
    of = scene(99, SCORED, passes=350, evaders=12)
    digests = {digest_text(int(a), int(b)): i for i, (a, b) in enumerate(of.passes.digest.tolist())}
    found, accused = set(), set()
    for line in feed(of, list(range(len(of.passes)))):
        data = json.loads(line)["data"]
        rows = [digests[digest] for digest in data["passes"]]
        found |= {of.vehicle[row] for row in rows if of.evasion[row] == data["evasion"]}
        accused |= {row for row in rows if not of.evasion[row]}
    evaders = {vehicle for vehicle, kind in zip(of.vehicle, of.evasion, strict=True) if kind}
    assert len(found) >= 0.8 * len(evaders) > 0
    assert len(accused) <= 1


def test_a_lane_keeps_little_whatever_comes() -> None:
    state, rng = State(), random.Random(1)
    for i in range(200):
        axles = tuple([9_999] * rng.choice((2, 16, 40)))
        batch = one(
            i / 4,
            rng.choice((ONE, TWO)),
            axles,
            (1_300,) * (len(axles) - 1),
            plate=f"湘A{i:05d}",
            plate_rear=f"湘B{i:05d}",
            left=(4_999,) * len(axles),
            status=127,
            occupancy_ms=99_999,
        )
        STEP.step(state, batch)
        if i % 40 == 0:
            STEP.step(state, city.tick((START + i // 4) * NS_PER_S))
    sizes = {name: len(row) for name, row in state.snapshot().items() if name.startswith("evasion")}
    assert max(sizes.values()) < 6_144
    assert len(sizes) <= 8


def test_a_clock_that_was_put_back_closes_the_window_for_a_while_only() -> None:
    state = State()
    STEP.step(state, one(86_400, number=1))
    for second in range(20):
        STEP.step(state, city.tick((START + 86_400 + second) * NS_PER_S))
    for i in range(20):
        STEP.step(state, one(10 + 5 * i, number=100 + i))
    assert too_late(state) == EvasionPolicy().reopen_passes
    events = STEP.step(state, one(200, speed=0.8, number=300))[1]
    for second in range(40):
        events += STEP.step(state, city.tick((START + 86_430 + second) * NS_PER_S))[1]
    assert [event.data["evasion"] for event in events if event.kind is EventKind.EVASION_SUSPECTED] == ["stop_and_go"]


def test_halves_are_counted_as_one_vehicle_that_was_over() -> None:
    events = told(*halves(left_kg=(10, 20, 20), right_kg=(4_450, 5_400, 5_480)), one(20), until_s=200)
    sums: dict[str, int] = {}
    for event in events:
        if event.kind is EventKind.PASSES_COUNTED:
            for counts in event.data["counts"]:
                for name, figure in counts.items():
                    if isinstance(figure, int):
                        sums[name] = sums.get(name, 0) + figure
    assert (sums["checked"], sums["over"]) == (2, 1)
