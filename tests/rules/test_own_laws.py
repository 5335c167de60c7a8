"""Laws of what is learned of a camera: the same events however batched, a bounded state, each kind told once."""

import itertools
import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from own_kit import ANOTHER_VIEW, BUS, BY_DAY, BY_INFRARED, CAMERA, COVER, Watch

from citywatch.domain.commands import Verb
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import FrameBatch, Light, Outcome
from citywatch.domain.state import State
from citywatch.domain.work import WorkKind
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules import cameras
from citywatch.testing import rows as city

STEP = CityStep(load("cn-gross"))
WAYS = (
    {}, {}, {}, {}, {}, {}, {}, {}, BUS, ANOTHER_VIEW, ANOTHER_VIEW, COVER, COVER, {"shift_x": 30.0},
    {"shift_x": -11.0, "shift_y": 8.0}, {"steady_share": 0.2}, {"sharpness": 0.3, "sharpness_ratio": 0.5},
    {"contrast": 20.0, "contrast_ratio": 0.3}, {"light": Light.INFRARED, "chroma_sd": 0.0}, {"fps": 5.0},
    {"reference": ""}, {"dark_share": 0.99, "mean": 8.0, "layout": 1.0, "texture_share": 0.0},
)  # fmt: skip


def days(seed: int, looks: int) -> list[FrameBatch]:
    """The rows of a camera's life, one a batch: spells of every way, by day and by night, at two presets."""
    rng = random.Random(seed)
    watch = Watch()
    while watch.number < looks:
        way, preset = rng.choice(WAYS), rng.choice(("", "", "", "north", "?"))
        light = rng.choice((BY_DAY, BY_DAY, BY_INFRARED))
        for _ in range(rng.randint(1, 8)):
            if rng.random() < 0.05:
                watch.miss(rng.choice((Outcome.UNREACHABLE, Outcome.UNCHECKED)), "timed_out")
            noise = {"mean": light["mean"] + rng.uniform(-5, 5), "match_share": rng.uniform(0.7, 0.95)}
            if not watch.references:
                noise.pop("match_share")
            changes = {**noise, **way}
            watch.look(rng.choice((60, 210, 300, 1800, 6 * 3600)), of=light, preset=preset, **changes)
    return watch.rows


def told(batches: list, *, reload_every: int = 0) -> list[str]:
    state, lines = State(), []
    for number, batch in enumerate(batches, 1):
        state, events = STEP.step(state, batch)
        lines += [event.to_json() for event in events]
        if reload_every and number % reload_every == 0:
            state = State.load(state.snapshot())
    return lines


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_batching_changes_nothing_and_nothing_is_told_twice(seed, rng):
    rows = days(seed, 50)
    whole, batches = FrameBatch.concat(rows), []
    while len(whole):
        size = rng.randint(1, len(whole))
        batches.append(whole.take(slice(0, size)))
        whole = whole.take(slice(size, len(whole)))
    lines = told(rows)
    assert told(batches) == lines
    assert told(rows, reload_every=7) == lines
    ids = [json.loads(line)["id"] for line in lines]
    assert len(set(ids)) == len(ids)


@settings(max_examples=4)
@given(st.integers(0, 2**32))
def test_the_state_of_a_camera_stays_small(seed):
    state = State()
    for batch in days(seed, 150):
        state, _ = STEP.step(state, batch)
    rows = [state.get(room, CAMERA) for room in cameras.ROOMS]
    assert sum(len(json.dumps(row)) for row in rows if row is not None) < 8_000


def test_the_lives_hold_what_the_laws_are_about():
    lines = "".join(itertools.chain.from_iterable(told(days(seed, 150)) for seed in range(4)))
    wanted = (
        EventKind.REFERENCE_ADOPTED, EventKind.SUSPICION_RAISED, EventKind.SUSPICION_DROPPED,
        EventKind.FAULT_CONFIRMED, EventKind.FAULT_CLEARED,
    )  # fmt: skip
    assert [kind for kind in wanted if f'"kind":"{kind}"' not in lines] == []
    for fault in ("moved", "partly_covered", "out_of_focus", "low_contrast", "low_frame_rate", "black"):
        assert f'"fault":"{fault}"' in lines


def test_work_is_declared_by_command_and_refused_with_a_reason():
    times = {"from_ns": city.START_NS, "to_ns": city.START_NS + 10**9}
    good = {"kind": WorkKind.RE_AIMING.value, "note": "turned to the bridge", **times}
    bad = {**good, "to_ns": city.START_NS - 1}
    commands = city.commands(
        [
            (CAMERA, city.START_NS, "w1", Verb.DECLARE_WORK, CAMERA, good),
            (CAMERA, city.START_NS, "w1", Verb.DECLARE_WORK, CAMERA, good),
            (CAMERA, city.START_NS, "w2", Verb.DECLARE_WORK, CAMERA, bad),
        ]
    )
    declared, refused = STEP.step(State(), commands)[1]
    assert declared.kind is EventKind.WORK_DECLARED
    assert declared.data["note"] == "turned to the bridge"
    assert "moved" in declared.data["explains"]
    assert (refused.kind, refused.data["reason"]) == (EventKind.COMMAND_REFUSED, "bad_times")


def test_a_glance_neither_accuses_nor_acquits_and_leaves_everything_as_it_was():
    watch = Watch()
    watch.settle()
    watch.look(sharpness=0.1, sharpness_ratio=0.3)
    open_before, row = watch.open(), dict(watch.state.get(cameras.ROOM, CAMERA))
    usual, reference = (watch.state.get(room, CAMERA) for room in (cameras.USUAL, "reference"))
    for _ in range(6):
        assert watch.miss(Outcome.GLANCE, "ok") == []
    after = watch.state.get(cameras.ROOM, CAMERA)
    assert watch.open() == open_before
    assert after["last_look_ns"] == watch.now_ns
    assert {name: after[name] for name in ("history", "trace", "faults")} == {
        name: row[name] for name in ("history", "trace", "faults")
    }
    assert (usual, reference) == tuple(watch.state.get(room, CAMERA) for room in (cameras.USUAL, "reference"))
    good = {name for name, at_ns in after["good"].items() if at_ns == watch.now_ns}
    assert good == {"unreachable", "no_media", "stalled"}
