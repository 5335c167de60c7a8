"""The picture rules on looks made by hand: three answers, their order, the chain of a frozen picture."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.pictures import Fault, FrameBatch, Outcome, VisitReason
from citywatch.rules.pictures import (
    DEFAULT,
    MOST_PAIRS,
    Look,
    LookHistory,
    PictureThresholds,
    Why,
    conclude,
    looks,
)

S = 1_000_000_000
START = 1_767_225_600 * S
PICTURE_FAULTS = {Fault.BLACK, Fault.OVER_EXPOSED, Fault.FROZEN, Fault.COVERED, Fault.OUT_OF_FOCUS}
CAMERA_FAULTS = PICTURE_FAULTS | {Fault.UNREACHABLE, Fault.NO_MEDIA}


def look(at_s=0.0, since_s=None, **changes):
    """A good street picture at `at_s`, compared with the one of `since_s`."""
    fields = {
        "device": "cam",
        "at_ns": START + round(at_s * S),
        "visit": 1,
        "outcome": Outcome.PICTURE,
        "reason": "ok",
        "media_ns": -1,
        "width": 1280,
        "height": 720,
        "mean": 120.0,
        "sd": 45.0,
        "dark_share": 0.02,
        "bright_share": 0.01,
        "laplacian_var": 900.0,
        "sharpness": 2.5,
        "texture_share": 0.7,
        "blockiness": 1.1,
        "changed_share": math.nan if since_s is None else 0.5,
        "picture": "a",
        "previous": "" if since_s is None else "b",
        "previous_at_ns": -1 if since_s is None else START + round(since_s * S),
    }
    return Look(**(fields | changes))


def answers(row, history=None, limits=DEFAULT):
    after, findings, unchecked = conclude(history, row, limits)
    found, open_ends = {item.fault for item in findings}, {item.fault: item.why for item in unchecked}
    assert not found & set(open_ends)
    assert found | set(open_ends) <= CAMERA_FAULTS
    return after, found, open_ends


def run(*rows):
    """The answers about `frozen` of looks in turn: True, None for fine, or why not."""
    history, told = None, []
    for row in rows:
        history, found, open_ends = answers(row, history)
        told.append(True if Fault.FROZEN in found else open_ends.get(Fault.FROZEN))
    return told


def test_a_first_good_picture_is_fine_but_frozen_is_open():
    _, found, open_ends = answers(look())
    assert found == set()
    assert open_ends == {Fault.FROZEN: Why.TOO_FEW_KEY_FRAMES}


def test_a_second_good_picture_is_fine_in_every_respect():
    assert answers(look(10, 0))[1:] == (set(), {})


MEASURES = "mean sd dark_share bright_share laplacian_var sharpness texture_share blockiness changed_share"
NAN_ROW = dict.fromkeys(MEASURES.split(), math.nan)


@pytest.mark.parametrize(
    ("outcome", "reason", "found", "why"),
    [
        (Outcome.UNREACHABLE, VisitReason.REFUSED, Fault.UNREACHABLE, Why.NO_PICTURE),
        (Outcome.NO_MEDIA, VisitReason.NO_FRAMES, Fault.NO_MEDIA, Why.NO_PICTURE),
        (Outcome.UNCHECKED, VisitReason.END_OF_FILE, None, "end_of_file"),
        (Outcome.UNCHECKED, VisitReason.DECODER_DIED, None, "decoder_died"),
    ],
)
def test_without_a_picture_the_outcome_speaks(outcome, reason, found, why):
    before = LookHistory(1, START, START + S)
    row = look(5, width=0, height=0, outcome=outcome, reason=reason.value, **NAN_ROW)
    after, findings, unchecked = conclude(before, row)
    assert after == before
    assert [(item.fault, item.reason) for item in findings] == ([] if found is None else [(found, reason.value)])
    whys = {item.fault: item.why for item in unchecked}
    assert {whys[fault] for fault in PICTURE_FAULTS} == {why}
    assert set(whys) | {item.fault for item in findings} == CAMERA_FAULTS - (
        {Fault.UNREACHABLE} if outcome is Outcome.NO_MEDIA else set()
    )


@pytest.mark.parametrize(
    ("changes", "found", "why"),
    [
        ({"dark_share": 0.99, "mean": 17.0, "texture_share": 0.0}, Fault.BLACK, Why.TOO_DARK),
        ({"dark_share": 0.97, "mean": 2.0}, Fault.BLACK, Why.TOO_DARK),
        ({"bright_share": 0.9, "mean": 231.0, "texture_share": 0.0}, Fault.OVER_EXPOSED, Why.TOO_BRIGHT),
        ({"dark_share": 0.9, "mean": 25.0, "texture_share": 0.0, "sharpness": 0.1}, None, Why.TOO_DARK),
        ({"dark_share": 0.1, "mean": 31.0}, None, Why.TOO_DARK),
        ({"width": 80, "height": 60}, None, Why.TOO_SMALL),
        ({"texture_share": math.nan, "sharpness": math.nan}, None, Why.TOO_SMALL),
    ],
)
def test_light_and_size_come_before_the_rest(changes, found, why):
    row = look(10, 0, **({"changed_share": 0.0} | changes))
    history, seen, open_ends = answers(row, LookHistory(5, START - 50 * S, START))
    assert seen == ({found} if found else set())
    assert open_ends == dict.fromkeys((Fault.FROZEN, Fault.COVERED, Fault.OUT_OF_FOCUS), why)
    assert history.unchanged == 0


def test_covered_hides_focus_and_motion_and_blur_hides_motion():
    _, found, open_ends = answers(look(10, 0, texture_share=0.0, sharpness=0.2, changed_share=0.0))
    assert found == {Fault.COVERED}
    assert open_ends == dict.fromkeys((Fault.FROZEN, Fault.OUT_OF_FOCUS), Why.TOO_LITTLE_STRUCTURE)
    _, found, open_ends = answers(look(10, 0, sharpness=0.4, changed_share=0.0))
    assert found == {Fault.OUT_OF_FOCUS}
    assert open_ends == {Fault.FROZEN: Why.NOTHING_SHARP}


def test_next_to_no_structure_neither_confirms_nor_clears_a_cover():
    _, found, open_ends = answers(look(10, 0, texture_share=0.007, changed_share=0.8))
    assert found == set()
    assert open_ends == {Fault.COVERED: Why.TOO_LITTLE_STRUCTURE}
    _, found, open_ends = answers(look(10, 0, texture_share=0.007, sharpness=0.4, changed_share=0.8))
    assert found == {Fault.OUT_OF_FOCUS}
    assert open_ends == {Fault.COVERED: Why.TOO_LITTLE_STRUCTURE, Fault.FROZEN: Why.NOTHING_SHARP}
    assert answers(look(10, 0, texture_share=0.02, changed_share=0.8))[1:] == (set(), {})


@pytest.mark.parametrize(
    ("changes", "measure", "value", "threshold", "margin"),
    [
        ({"dark_share": 0.99}, "dark_share", 0.99, 0.97, 0.02),
        ({"bright_share": 0.8}, "bright_share", 0.8, 0.75, 0.05),
        ({"texture_share": 0.001}, "texture_share", 0.001, 0.004, 0.003),
        ({"sharpness": 0.5}, "sharpness", 0.5, 0.6, 0.1),
    ],
)
def test_the_evidence_names_measure_value_threshold_and_margin(changes, measure, value, threshold, margin):
    _, (finding,), _ = conclude(None, look(**changes))
    assert (finding.measure, finding.value, finding.threshold) == (measure, value, threshold)
    assert finding.margin == pytest.approx(margin)


def test_two_pairs_over_two_seconds_are_frozen_and_one_pair_is_not():
    still = {"changed_share": 0.001}
    assert run(look(0), look(1, 0, **still), look(2, 1, **still), look(3, 2, **still)) == [
        Why.TOO_FEW_KEY_FRAMES,
        Why.TOO_FEW_KEY_FRAMES,
        True,
        True,
    ]


def test_key_frames_that_are_neighbours_prove_nothing():
    still = {"changed_share": 0.0}
    near = [look(0)] + [look(n * 0.04, (n - 1) * 0.04, **still) for n in range(1, 49)]
    assert set(run(*near)[2:]) == {Why.KEY_FRAMES_TOO_CLOSE}
    assert run(*near, look(2.0, 1.92, **still))[-1] is True


def test_a_files_own_time_counts_where_there_is_one():
    """Visits of a file follow one another within milliseconds; its key frames are seconds apart."""
    rows = [
        look(n * 0.01, changed_share=math.nan if n == 0 else 0.0, media_ns=n * 5 * S,
             previous_at_ns=-1 if n == 0 else (n - 1) * 5 * S)
        for n in range(3)
    ]  # fmt: skip
    assert run(*rows)[-1] is True


def test_the_chain_breaks_where_the_picture_moved_or_was_compared_with_another_one():
    still = {"changed_share": 0.0}
    assert run(look(0), look(5, 0, **still), look(10, 5), look(15, 10, **still))[-1] is Why.TOO_FEW_KEY_FRAMES
    assert run(look(0), look(5, 0, **still), look(15, 10, **still))[-1] is Why.TOO_FEW_KEY_FRAMES
    assert run(look(0), look(5, 0, **still), look(10, 5, mean=10.0, **still), look(15, 10, **still))[-1] is (
        Why.TOO_FEW_KEY_FRAMES
    )
    assert run(look(20), look(5, 20, **still))[-1] is Why.TOO_FEW_KEY_FRAMES  # a clock that was set back
    assert run(look(0), look(5, 0, **still), look(10, outcome=Outcome.UNREACHABLE, reason="timed_out", **NAN_ROW),
               look(15, 5, **still))[-1] is True  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"changed_share": 0.06}, True),
        ({"changed_share": 0.061}, Why.CHANGE_TOO_SMALL),
        ({"changed_share": 0.29}, Why.CHANGE_TOO_SMALL),
        ({"changed_share": 0.30}, None),
        ({"changed_share": 0.01, "blockiness": 3.0}, True),
        ({"changed_share": 0.02, "blockiness": 3.0}, Why.CHANGE_TOO_SMALL),
        ({"changed_share": 0.02, "texture_share": 0.05}, Why.CHANGE_TOO_SMALL),
        ({"changed_share": 0.0, "blockiness": 6.0}, Why.TOO_COMPRESSED),
        ({"changed_share": 0.9, "blockiness": 6.0}, None),
    ],
)
def test_between_frozen_and_live_nothing_is_said(changes, answer):
    rows = [look(0), *(look(5 * n, 5 * n - 5, **changes) for n in range(1, 4))]
    assert run(*rows)[-1] is answer


def test_the_history_is_small_and_survives_json():
    history, row = None, None
    for n in range(MOST_PAIRS + 50):
        row = look(n, n - 1, changed_share=0.0)
        history, *_ = conclude(history, row)
        again = LookHistory(**json.loads(json.dumps(dataclasses.asdict(history))))
        assert again == history
    assert history.unchanged == MOST_PAIRS
    assert Fault.FROZEN in answers(look(2000, MOST_PAIRS + 49, changed_share=0.0), history)[1]


shares = st.floats(0, 1)


@given(
    dark=shares,
    bright=shares,
    texture=shares | st.just(math.nan),
    sharpness=st.floats(0, 50) | st.just(math.nan),
    changed=shares | st.just(math.nan),
    blockiness=st.floats(0, 20) | st.just(math.nan),
    mean=st.floats(0, 255),
    before=st.none()
    | st.builds(LookHistory, st.integers(0, 9), st.integers(-1, 2 * START), st.integers(-1, 2 * START)),
)
def test_any_measurement_gives_at_most_one_fault_and_finite_evidence(
    dark, bright, texture, sharpness, changed, blockiness, mean, before
):
    row = look(10, 0, dark_share=dark, bright_share=bright, texture_share=texture, sharpness=sharpness,
               changed_share=changed, blockiness=blockiness, mean=mean)  # fmt: skip
    history, findings, unchecked = conclude(before, row)
    assert len(findings) <= 1
    assert all(item.margin >= 0 and math.isfinite(item.value) for item in findings)
    assert not {item.fault for item in findings} & {item.fault for item in unchecked}
    assert conclude(before, row) == (history, findings, unchecked)
    assert history.unchanged <= MOST_PAIRS


def test_rows_of_a_batch_become_looks():
    columns = {}
    for column in FrameBatch.COLUMNS:
        columns[column.name] = ("x", "y") if column.dtype == "text" else np.arange(2).astype(column.dtype)
    found = list(looks(FrameBatch(**columns)))
    assert [row.device for row in found] == ["x", "y"]
    assert [row.outcome for row in found] == [Outcome.PICTURE, Outcome.UNREACHABLE]
    assert found[1].changed_share == 1.0
    assert isinstance(found[1].at_ns, int)


def test_thresholds_are_pinned():
    assert dataclasses.asdict(PictureThresholds()) == {
        "black_dark_share": 0.97,
        "over_exposed_bright_share": 0.75,
        "dark_mean": 32.0,
        "dark_share": 0.6,
        "covered_texture_share": 0.004,
        "open_texture_share": 0.01,
        "out_of_focus_sharpness": 0.6,
        "frozen_changed_share": 0.06,
        "live_changed_share": 0.30,
        "strict_frozen_changed_share": 0.01,
        "strict_blockiness": 2.0,
        "strict_texture_share": 0.15,
        "most_blockiness": 6.0,
        "frozen_pairs": 2,
        "frozen_span_ns": 2 * S,
        "min_width": 96,
        "min_height": 64,
    }
