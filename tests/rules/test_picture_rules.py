"""The picture rules on looks made by hand: three answers, what hides what, the chains of a frozen picture."""

import dataclasses
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.pictures import NO_OFFSET, Fault, FrameBatch, Light, Outcome, VisitReason
from citywatch.rules.pictures import (
    DEFAULT,
    MOST_PAIRS,
    SHOWN,
    Look,
    LookHistory,
    PictureThresholds,
    Why,
    conclude,
    looks,
    margins,
)

S = 1_000_000_000
START = 1_767_225_600 * S
NETWORK = {Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED}
ANSWERED = {*SHOWN, *NETWORK, Fault.LOW_FRAME_RATE, Fault.CLOCK_WRONG}
VIEW = (Fault.COVERED, Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST)
REST = SHOWN[2:]
STILL = {"changed_share": 0.001, "scene_changed": 0.0, "stir": 0.1, "drift": 0.0}
QUIET = {"changed_share": 0.3, "scene_changed": 0.3, "stir": 0.6, "drift": 0.1}
GOOD = {
    "outcome": Outcome.PICTURE, "reason": "ok", "media_ns": -1, "width": 1280, "height": 720, "mean": 120.0,
    "sd": 45.0, "dark_share": 0.02, "bright_share": 0.01, "laplacian_var": 900.0, "sharpness": 1.4,
    "texture_share": 0.7, "blockiness": 1.1, "contrast": 100.0, "u_mean": 0.5, "v_mean": -1.0, "chroma_sd": 8.0,
    "noise_sd": 0.5, "speckle_share": 0.0, "stripe_rows": 0.01, "stripe_columns": 0.02, "torn_share": 0.0, "tear": 0.01,
    "raster_share": 0.43, "layout": 100.0, "cast": 0.0, "void_share": 0.0, "light": Light.DAY, "decode_errors": 0,
    "fps": 25.0, "fps_declared": 25.0, "stream_offset_ns": S // 10, "device_offset_ns": NO_OFFSET,
}  # fmt: skip


def look(at_s=0.0, since_s=None, **changes):
    """A good street picture at `at_s`, compared with the one of `since_s`."""
    nan = since_s is None
    fields = GOOD | {
        "device": "cam",
        "at_ns": START + round(at_s * S),
        "visit": 1,
        "changed_share": math.nan if nan else 0.5,
        "scene_changed": math.nan if nan else 0.5,
        "caption_changed": math.nan if nan else 0.3,
        "stripe_change": math.nan if nan else 0.003,
        "stir": math.nan if nan else 30.0,
        "drift": math.nan if nan else 1.0,
        "picture": "a",
        "previous": "" if nan else "b",
        "previous_at_ns": -1 if nan else START + round(since_s * S),
    }
    return Look(**(fields | changes))


def answers(row, history=None, limits=DEFAULT, **known):
    after, findings, unchecked = conclude(history, row, limits, **known)
    found, open_ends = {item.fault for item in findings}, {item.fault: item.why for item in unchecked}
    assert not found & set(open_ends)
    assert found | set(open_ends) <= ANSWERED
    told = margins(history, row, limits, **known)
    assert all((told[item.fault] <= 0) for item in findings if item.fault in told)
    assert all(margin >= 0 for fault, margin in told.items() if fault not in found and fault not in open_ends)
    return after, found, open_ends


def run(*rows, history=None, limits=DEFAULT):
    """The answers about `frozen` of looks in turn: True, None for fine, or why not."""
    told = []
    for row in rows:
        history, found, open_ends = answers(row, history, limits)
        told.append(True if Fault.FROZEN in found else open_ends.get(Fault.FROZEN))
    return told


def every(seconds, count, first=0.0, **changes):
    """Looks in turn, each compared with the one before."""
    at = [first + seconds * n for n in range(count + 1)]
    return [look(at[n + 1], at[n], **changes) for n in range(count)]


NAN_ROW = {name: math.nan for name, value in GOOD.items() if isinstance(value, float)} | {
    "width": 0, "height": 0, "changed_share": math.nan, "scene_changed": math.nan, "stir": math.nan,
    "drift": math.nan, "stripe_change": math.nan, "picture": "", "previous": "", "previous_at_ns": -1,
    "light": Light.UNKNOWN, "stream_offset_ns": NO_OFFSET,
}  # fmt: skip


def test_a_good_street_is_fine():
    history, findings, unchecked = conclude(None, look())
    assert findings == ()
    assert [(item.fault, item.why) for item in unchecked] == [(Fault.FROZEN, Why.TOO_FEW_KEY_FRAMES)]
    assert (history.unchanged, history.last_ns) == (0, START)
    assert answers(look(5, 0), history)[1:] == (set(), {})
    assert min(margins(history, look(5, 0)).values()) > 0.45


# ---- without a picture


@pytest.mark.parametrize(
    ("outcome", "reason", "found", "unsure"),
    [
        (Outcome.UNREACHABLE, VisitReason.REFUSED, Fault.UNREACHABLE, {Fault.NO_MEDIA, Fault.STALLED}),
        (Outcome.NO_MEDIA, VisitReason.NO_FRAMES, Fault.NO_MEDIA, {Fault.STALLED}),
        (Outcome.NO_MEDIA, VisitReason.STALLED, Fault.STALLED, set()),
        (Outcome.REACHED, VisitReason.OK, None, {Fault.NO_MEDIA, Fault.STALLED}),
        (Outcome.UNCHECKED, VisitReason.END_OF_FILE, None, NETWORK),
        (Outcome.UNCHECKED, VisitReason.DECODER_DIED, None, NETWORK),
    ],
)
def test_without_a_picture_the_outcome_speaks(outcome, reason, found, unsure):
    before = LookHistory(3, START, START + S)
    row = look(5, outcome=outcome, reason=reason.value, **NAN_ROW)
    history, findings, unchecked = conclude(before, row)
    assert history == before
    assert [(item.fault, item.reason) for item in findings] == ([] if found is None else [(found, reason.value)])
    whys = {item.fault: item.why for item in unchecked}
    assert set(whys) == {*SHOWN, *unsure, Fault.LOW_FRAME_RATE, Fault.CLOCK_WRONG}
    assert {whys[fault] for fault in SHOWN} == {reason.value if outcome is Outcome.UNCHECKED else Why.NO_PICTURE}
    assert margins(before, row) == {}


# ---- the clocks and the rate


@pytest.mark.parametrize(
    ("stream_s", "device_s", "answer"),
    [
        (None, None, Why.NO_CLOCK),
        (9, None, "fine"),
        (-10, None, "stream_offset_seconds"),
        (0, 3600, "device_offset_seconds"),
        (86_400, -30, "stream_offset_seconds"),
        (-(56 * 365 + 126 * 365) * 86_400, None, Why.NO_CLOCK),
        (-126 * 365 * 86_400, 2, "fine"),
        (-26 * 365 * 86_400, None, "stream_offset_seconds"),
    ],
    ids=str,
)
def test_a_clock_is_wrong_right_or_not_told(stream_s, device_s, answer):
    """A stream that counts from its beginning lies before 1970; a camera that woke up in the year 2000 is wrong."""
    offsets = [NO_OFFSET if seconds is None else seconds * S for seconds in (stream_s, device_s)]
    for changes in ({}, {"outcome": Outcome.NO_MEDIA, "reason": "no_frames", **NAN_ROW}):
        row = look(0, **(changes | {"stream_offset_ns": offsets[0], "device_offset_ns": offsets[1]}))
        _, findings, unchecked = conclude(None, row)
        told = [item.measure for item in findings if item.fault is Fault.CLOCK_WRONG]
        told += [item.why for item in unchecked if item.fault is Fault.CLOCK_WRONG]
        assert (told or ["fine"]) == [answer]


@pytest.mark.parametrize(
    ("fps", "declared", "answer"),
    [
        (25.0, 25.0, "fine"),
        (20.0, 25.0, "fine"),
        (25.0, 50.0, Why.NO_RATE),
        (8.0, 25.0, "fps"),
        (math.nan, 25.0, Why.NO_RATE),
        (25.0, math.nan, Why.NO_RATE),
        (25.0, 0.0, Why.NO_RATE),
    ],
)
def test_a_frame_rate_is_low_against_what_the_stream_declares(fps, declared, answer):
    _, findings, unchecked = conclude(None, look(fps=fps, fps_declared=declared))
    told = [item.measure for item in findings] + [i.why for i in unchecked if i.fault is Fault.LOW_FRAME_RATE]
    assert (told or ["fine"]) == [answer]


# ---- light, size, signal


@pytest.mark.parametrize(
    ("changes", "found", "why", "unsure"),
    [
        ({"dark_share": 0.99, "mean": 17.0, "texture_share": 0.0, "layout": 1.0}, Fault.BLACK, Why.TOO_DARK, REST),
        ({"dark_share": 0.97, "mean": 2.0, "layout": 2.2}, Fault.BLACK, Why.TOO_DARK, REST),
        ({"dark_share": 0.99, "mean": 9.0, "layout": math.nan}, Fault.BLACK, Why.TOO_DARK, REST),
        ({"dark_share": 0.99, "mean": 9.0, "layout": 4.4}, None, Why.TOO_DARK, (Fault.BLACK, *REST)),
        ({"bright_share": 0.9, "mean": 231.0, "texture_share": 0.0}, Fault.OVER_EXPOSED, Why.TOO_BRIGHT, REST),
        ({"width": 80, "height": 60}, None, Why.TOO_SMALL, REST),
        ({"texture_share": math.nan, "sharpness": math.nan}, None, Why.TOO_SMALL, REST),
        ({"dark_share": 0.7, "mean": 40.0, "texture_share": 0.29}, None, Why.TOO_DARK, VIEW),
        ({"dark_share": 0.1, "mean": 31.0, "contrast": 49.0}, None, Why.TOO_DARK, VIEW),
        ({"dark_share": 0.7, "mean": 28.0, "texture_share": 0.5, "contrast": 90.0}, None, "", ()),
    ],
)
def test_light_and_size_come_before_the_rest(changes, found, why, unsure):
    _, seen, open_ends = answers(look(10, 0, **changes))
    assert seen == ({found} if found else set())
    assert open_ends == dict.fromkeys(unsure, why)


def test_by_day_even_a_dim_rest_of_the_scene_is_black():
    row = look(dark_share=0.85, mean=22.0, layout=6.0, light=Light.NIGHT)
    assert Fault.BLACK not in answers(row)[1]
    assert Fault.BLACK in answers(row, daylight=True)[1]
    assert answers(look(), daylight=True)[1] == set()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"speckle_share": 0.006}, {Fault.SNOW}),
        ({"speckle_share": 0.0034, "noise_sd": 15.0}, set()),
        ({"stripe_rows": 0.6}, {Fault.STRIPES}),
        ({"stripe_columns": 0.5}, {Fault.STRIPES}),
        ({"stripe_change": 0.45}, {Fault.STRIPES}),
        ({"stripe_rows": 0.31, "stripe_columns": 0.12, "stripe_change": 0.27}, set()),
        ({"torn_share": 0.03}, {Fault.MOSAIC}),
        ({"tear": 0.085}, {Fault.MOSAIC}),
        ({"tear": 0.045, "noise_sd": 2.0}, {Fault.MOSAIC}),
        ({"tear": 0.077, "noise_sd": 0.3}, set()),
        ({"tear": 0.036, "noise_sd": 5.0}, set()),
        ({"tear": 0.2, "torn_share": 0.2, "stripe_rows": 4.0}, {Fault.STRIPES}),
        ({"tear": 0.2, "stripe_change": 4.0}, {Fault.STRIPES}),
        ({"tear": 0.052, "noise_sd": 2.4, "stripe_columns": 4.6}, {Fault.STRIPES}),
        ({"tear": 0.161, "stripe_rows": 0.9, "stripe_change": 0.4}, {Fault.STRIPES}),
        ({"tear": 0.35, "stripe_rows": 0.68, "stripe_change": 0.62}, {Fault.MOSAIC}),  # torn in bands
        ({"tear": 0.2, "stripe_rows": 0.13, "stripe_change": 0.54}, {Fault.MOSAIC}),
        ({"decode_errors": 1}, {Fault.MOSAIC}),
        ({"void_share": 0.02}, {Fault.MOSAIC}),
        ({"void_share": 0.026, "chroma_sd": 76.3, "noise_sd": 12.7}, set()),  # the gain of a night without infrared
        ({"void_share": 0.1, "chroma_sd": 76.3, "noise_sd": 12.7}, {Fault.MOSAIC}),
        ({"raster_share": 0.95}, {Fault.MOSAIC}),
        ({"raster_share": 0.95, "texture_share": 0.2}, set()),
        ({"raster_share": 0.95, "sharpness": 0.49}, set()),
        ({"speckle_share": 0.1, "stripe_rows": 2.0}, {Fault.SNOW, Fault.STRIPES}),
    ],
)
def test_what_is_spoiled_behind_the_lens_hides_the_view(changes, found):
    _, seen, open_ends = answers(look(10, 0, **changes))
    assert seen == found
    hidden = (*VIEW, Fault.FROZEN, Fault.COLOUR_CAST, Fault.INFRARED_STUCK) if found else ()
    torn = {"decode_errors", "void_share", "tear"} & changes.keys() and found == {Fault.MOSAIC}
    hidden += (Fault.SNOW, Fault.STRIPES) if torn else ()
    hidden += (Fault.BLACK, Fault.OVER_EXPOSED) if "decode_errors" in changes else ()
    assert open_ends == dict.fromkeys(hidden, Why.SPOILED)


@pytest.mark.parametrize(
    "made_up",
    [
        {"dark_share": 1.0, "layout": 0.5}, {"bright_share": 1.0}, {"width": 16, "height": 16},
        {"speckle_share": 0.1, "stripe_rows": 3.0}, {"texture_share": 0.0, "sharpness": 0.1, "contrast": 2.0}, STILL,
    ],
)  # fmt: skip
def test_what_a_decoder_made_up_is_called_nothing_but_torn(made_up):
    _, found, open_ends = answers(look(10, 0, decode_errors=3, **made_up), daylight=True)
    assert found == {Fault.MOSAIC}
    assert open_ends.keys() >= {
        Fault.BLACK, Fault.OVER_EXPOSED, Fault.SNOW, Fault.STRIPES, *VIEW, Fault.FROZEN, Fault.COLOUR_CAST,
    }  # fmt: skip


# ---- the view


def test_covered_hides_focus_and_motion_and_blur_hides_motion():
    _, found, open_ends = answers(look(10, 0, texture_share=0.0, sharpness=0.2, contrast=5.0, **STILL))
    assert found == {Fault.COVERED}
    hidden = (Fault.FROZEN, Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST, Fault.COLOUR_CAST)
    assert open_ends == dict.fromkeys(hidden, Why.TOO_LITTLE_STRUCTURE)
    _, found, open_ends = answers(look(10, 0, sharpness=0.3, contrast=5.0, **STILL))
    assert found == {Fault.OUT_OF_FOCUS}
    assert open_ends == dict.fromkeys((Fault.FROZEN, Fault.LOW_CONTRAST), Why.NOTHING_SHARP)
    _, found, open_ends = answers(look(10, 0, contrast=12.0, **STILL))
    assert found == {Fault.LOW_CONTRAST}
    assert open_ends == {Fault.FROZEN: Why.TOO_LITTLE_STRUCTURE}
    for changes in ({"sharpness": 0.3}, {"contrast": 12.0}):  # something moved: whatever the lens sees, it is live
        assert Fault.FROZEN not in answers(look(10, 0, **changes))[2]


def test_next_to_no_structure_neither_confirms_nor_clears_a_cover():
    plain = {"cast": 0.0}
    _, found, open_ends = answers(look(10, 0, texture_share=0.007, **plain))
    assert found == set()
    assert open_ends == dict.fromkeys((Fault.COVERED, Fault.COLOUR_CAST), Why.TOO_LITTLE_STRUCTURE)
    _, found, open_ends = answers(look(10, 0, texture_share=0.007, sharpness=0.3, contrast=9.0, **plain))
    assert found == set()
    assert [open_ends[fault] for fault in VIEW] == [Why.TOO_LITTLE_STRUCTURE] * 2 + [Why.NOTHING_SHARP]
    _, found, open_ends = answers(look(10, 0, texture_share=0.007, contrast=9.0, **plain))
    assert found == set()
    assert [open_ends.get(fault) for fault in VIEW] == [Why.TOO_LITTLE_STRUCTURE, None, Why.TOO_LITTLE_STRUCTURE]
    _, found, open_ends = answers(look(10, 0, texture_share=0.05, sharpness=0.3, contrast=25.0, **plain))
    assert found == set()
    assert Fault.OUT_OF_FOCUS in open_ends  # the rim of a cover, or asphalt out of focus
    assert Fault.COVERED not in open_ends
    assert Fault.COVERED not in answers(look(10, 0, texture_share=0.02, **plain))[2]


@pytest.mark.parametrize("light", [Light.NIGHT, Light.INFRARED])
def test_by_night_what_is_not_sharp_may_be_rain_on_the_glass(light):
    _, found, open_ends = answers(look(10, 0, sharpness=0.2, light=light))
    assert found == set()
    assert {open_ends[fault] for fault in (Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST)} == {Why.NOTHING_SHARP}


def test_a_camera_over_bare_asphalt_is_not_called_covered_when_it_may_be_out_of_focus():
    history = None
    for n in range(12):
        history, *_ = conclude(history, look(300 * n + 300, 300 * n, texture_share=0.06, contrast=21.0))
    assert history.texture == [12, 0.06]
    _, found, open_ends = answers(look(3900, 3600, texture_share=0.0, sharpness=0.2), history)
    assert found == set()
    assert {open_ends[fault] for fault in VIEW} == {Why.TOO_LITTLE_STRUCTURE}
    for n in range(12, 40):
        history, *_ = conclude(history, look(300 * n + 300, 300 * n, texture_share=0.7))
    assert answers(look(12300, 12000, texture_share=0.0), history)[1] == {Fault.COVERED}


@pytest.mark.parametrize(
    ("changes", "measure", "value", "threshold", "margin", "far"),
    [
        ({"dark_share": 0.99, "layout": 1.5}, "dark_share", 0.99, 0.97, 0.02, -0.02 / 0.97),
        ({"bright_share": 0.8}, "bright_share", 0.8, 0.75, 0.05, -0.05 / 0.75),
        ({"texture_share": 0.001}, "texture_share", 0.001, 0.004, 0.003, -0.75),
        ({"sharpness": 0.195}, "sharpness", 0.195, 0.39, 0.195, -0.5),
        ({"speckle_share": 0.012}, "speckle_share", 0.012, 0.006, 0.006, -1.0),
        ({"contrast": 12.0}, "contrast", 12.0, 16.0, 4.0, -0.25),
        ({"cast": 27.0}, "cast", 27.0, 18.0, 9.0, -0.5),
    ],
)
def test_the_evidence_names_measure_value_threshold_and_margin(changes, measure, value, threshold, margin, far):
    _, (finding,), _ = conclude(None, look(**changes))
    assert (finding.measure, finding.value, finding.threshold) == (measure, value, threshold)
    assert finding.margin == pytest.approx(margin)
    assert margins(None, look(**changes))[finding.fault] == pytest.approx(far)


def test_margins_are_told_of_fine_looks_too():
    told = margins(None, look())
    assert told[Fault.SNOW] == 1.0
    assert told[Fault.LOW_CONTRAST] == pytest.approx((100 - 16) / 16)
    assert told[Fault.BLACK] == pytest.approx(
        (100 - 2.2) / 2.2
    )  # the farther of its two checks: what is left of the scene
    assert Fault.FROZEN not in told
    assert margins(None, look(5, 0))[Fault.FROZEN] == pytest.approx((0.5 - 0.03) / 0.03)


# ---- colour


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"cast": 17.9}, "fine"),
        ({"cast": 18.0}, "found"),
        ({"cast": 8.0, "u_mean": 9.0, "v_mean": 6.0}, "found"),
        ({"cast": 8.0, "u_mean": -9.0, "v_mean": -6.0}, "fine"),
        ({"cast": 30.0, "light": Light.NIGHT}, Why.NO_COLOUR),
        ({"cast": 30.0, "texture_share": 0.1}, Why.TOO_LITTLE_STRUCTURE),
        ({"cast": math.nan, "u_mean": math.nan, "v_mean": math.nan, "chroma_sd": math.nan}, Why.NO_COLOUR),
    ],
)
def test_a_cast_is_told_by_day_only(changes, answer):
    _, found, open_ends = answers(look(**changes))
    assert ("found" if Fault.COLOUR_CAST in found else open_ends.get(Fault.COLOUR_CAST, "fine")) == answer


def test_a_cast_against_the_usual_colour():
    history = None
    green = {"cast": 12.0, "u_mean": -12.0, "v_mean": -9.0}
    for n in range(20):
        history, found, _ = answers(look(300 * n + 300, 300 * n, **green), history)
        assert found == set()  # a park
    assert history.colour[0] == 20
    assert answers(look(6300, 6000, cast=10.0, u_mean=-3.0, v_mean=-3.0), history)[1] == {Fault.COLOUR_CAST}
    assert answers(look(6300, 6000, cast=6.0, u_mean=-3.0, v_mean=-3.0), history)[1] == set()
    after, found, _ = answers(look(6300, 6000, cast=30.0, u_mean=-30.0, v_mean=-9.0), history)
    assert found == {Fault.COLOUR_CAST}
    assert after.colour == history.colour  # nothing is learned from a cast


def test_a_coloured_cloth_over_half_the_picture_is_no_cast():
    history = None
    for n in range(12):
        history, *_ = conclude(history, look(300 * n + 300, 300 * n))
    cast = {"cast": 9.0, "u_mean": -2.0, "v_mean": -10.0}
    assert answers(look(3900, 3600, **cast), history)[1] == {Fault.COLOUR_CAST}
    _, found, open_ends = answers(look(3900, 3600, texture_share=0.32, **cast), history)
    assert found == set()
    assert open_ends == {Fault.COLOUR_CAST: Why.TOO_LITTLE_STRUCTURE}


def test_a_picture_without_colour_may_be_of_the_night():
    assert answers(look(light=Light.INFRARED, chroma_sd=0.0))[2][Fault.INFRARED_STUCK] == Why.NO_COLOUR
    assert Fault.INFRARED_STUCK not in answers(look(light=Light.NIGHT, mean=45.0))[2]


# ---- frozen


def test_two_still_pairs_over_two_seconds_are_frozen_and_one_pair_is_not():
    assert run(look(0), *every(1, 3, **STILL)) == [Why.TOO_FEW_KEY_FRAMES, Why.TOO_FEW_KEY_FRAMES, True, True]


def test_steps_that_a_camera_always_shows_are_its_own_and_more_of_them_are_torn():
    """A front with straight ledges makes 0.047 of it: with a little more noise that was torn at every other look."""
    for usual, tear, torn in ((0.047, 0.055, False), (0.047, 0.08, True), (0.01, 0.055, True)):
        history = None
        for number in range(20):
            row = look(300.0 * (number + 1), 300.0 * number, tear=usual, noise_sd=1.9, changed_share=0.6, stir=40.0)
            history, findings, _ = conclude(history, row)
            assert findings == ()
        _, findings, _ = conclude(history, look(6300.0, 6000.0, tear=tear, noise_sd=2.1, changed_share=0.6, stir=40.0))
        assert (Fault.MOSAIC in {finding.fault for finding in findings}) == torn


def test_three_pairs_that_hardly_differ_over_twenty_seconds_are_frozen():
    hardly = {**STILL, "scene_changed": 0.02}
    assert run(look(0), *every(10, 4, **hardly))[1:] == [
        Why.TOO_FEW_KEY_FRAMES,
        Why.TOO_FEW_KEY_FRAMES,
        True,
        True,
    ]
    assert run(look(0), *every(4, 4, **hardly))[1:] == [Why.TOO_FEW_KEY_FRAMES] * 2 + [Why.KEY_FRAMES_TOO_CLOSE] * 2


@pytest.mark.parametrize(
    ("anew", "answer"),
    [({}, True), ({"stir": 1.2}, Why.CHANGE_TOO_SMALL), ({"light": Light.NIGHT}, Why.CHANGE_TOO_SMALL)],
    ids=["a day that stands", "something moves", "a night"],
)
def test_a_still_day_that_the_encoder_codes_anew_is_still_frozen(anew, answer):
    """x265 at 50 kbit/s: the same bits for a minute, and then two pictures by turns that differ by their quantiser."""
    flips = {**STILL, "scene_changed": 0.16, "changed_share": 0.16, "stir": 0.33, "drift": 0.074} | anew
    assert run(look(0), *every(30, 3, **STILL), *every(30, 2, 90, **flips))[-2:] == [answer] * 2
    assert (
        run(look(0), *every(30, 1, **STILL), *every(30, 4, 30, **flips))[-1] is Why.CHANGE_TOO_SMALL
    )  # after one pair


@pytest.mark.parametrize(("light", "answer"), [(Light.DAY, True), (Light.NIGHT, Why.CHANGE_TOO_SMALL)])
def test_a_day_that_hardly_differs_now_a_little_less_and_now_a_little_more_is_frozen(light, answer):
    """x265 at 450 kbit/s while a clock runs: 0.026 to 0.032 of the picture from key frame to key frame."""
    hardly = {**STILL, "scene_changed": 0.029, "changed_share": 0.029, "stir": 0.15, "drift": 0.035, "light": light}
    more = {**hardly, "scene_changed": 0.032, "changed_share": 0.032}
    assert run(look(0), *every(30, 3, **hardly), *every(30, 2, 90, **more))[-2:] == [answer] * 2


def test_a_tunnel_that_stands_for_two_pairs_is_alive_when_as_much_changes_as_ever():
    history, at_s = known_street(least=0.35)
    lives = {**STILL, "changed_share": 0.7, "scene_changed": 0.7, "stir": 0.4, "drift": 0.05}
    small = Why.CHANGE_TOO_SMALL
    rows = (*every(300, 2, at_s, **STILL), *every(300, 1, at_s + 600, **lives))
    assert run(*rows, history=history)[1:] == [True, small]
    dark = {**STILL, "scene_changed": 0.16, "changed_share": 0.16, "dark_share": 0.9}
    rows = (*every(300, 2, at_s, **STILL), *every(300, 1, at_s + 600, **dark))
    assert run(*rows, history=history)[-1] is Why.TOO_DARK


def test_a_clock_that_runs_over_a_still_scene_is_no_sign_of_life():
    clock = {**STILL, "caption_changed": 0.05, "changed_share": 0.02}
    assert run(look(0), *every(300, 3, **clock))[-1] is True


def test_key_frames_that_are_neighbours_prove_nothing():
    near = [look(0), *every(0.04, 48, **STILL)]
    assert set(run(*near)[2:]) == {Why.KEY_FRAMES_TOO_CLOSE}
    assert run(*near, look(2.0, 1.92, **STILL))[-1] is True


def test_a_files_own_time_counts_where_there_is_one():
    """Visits of a file follow one another within milliseconds; its key frames are seconds apart."""
    rows = [
        look(n * 0.01, 0, **STILL | {"media_ns": n * 5 * S, "previous_at_ns": (n - 1) * 5 * S})
        if n
        else look(0, media_ns=0)
        for n in range(3)
    ]
    assert run(*rows)[-1] is True


def test_the_chain_breaks_where_the_picture_moved_or_was_compared_with_another_one():
    few = Why.TOO_FEW_KEY_FRAMES
    assert run(look(0), look(5, 0, **STILL), look(10, 5), look(15, 10, **STILL))[-1] is few
    assert run(look(0), look(5, 0, **STILL), look(15, 10, **STILL))[-1] is few
    spoiled = look(10, 5, stripe_rows=5.0, **STILL)
    assert run(look(0), look(5, 0, **STILL), spoiled, look(15, 10, **STILL))[-1] is few
    assert run(look(20), look(5, 20, **STILL))[-1] is few  # a clock that was set back
    gone = look(10, outcome=Outcome.UNREACHABLE, reason="timed_out", **NAN_ROW)
    assert run(look(0), look(5, 0, **STILL), gone, look(15, 5, **STILL))[-1] is True


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, True),
        ({"scene_changed": 0.03}, True),
        ({"scene_changed": 0.031}, Why.CHANGE_TOO_SMALL),
        ({"scene_changed": 0.65, "stir": 4.0}, Why.CHANGE_TOO_SMALL),
        ({"scene_changed": 0.02, "stir": 6.0}, None),
        ({"scene_changed": 0.9, "drift": 2.5}, None),
        ({"scene_changed": 0.004, "blockiness": 3.0}, True),
        ({"scene_changed": 0.02, "blockiness": 3.0}, Why.CHANGE_TOO_SMALL),
        ({"scene_changed": 0.02, "texture_share": 0.13}, Why.CHANGE_TOO_SMALL),
        ({"blockiness": 6.0}, Why.TOO_COMPRESSED),
        ({"dark_share": 0.85, "mean": 40.0}, Why.TOO_DARK),
        ({"dark_share": 0.7, "mean": 40.0}, True),
        ({"scene_changed": math.nan, "stir": math.nan, "drift": math.nan}, True),
        ({"scene_changed": math.nan, "stir": math.nan, "drift": math.nan, "changed_share": 0.3}, None),
    ],
    ids=str,
)
def test_between_frozen_and_live_nothing_is_said(changes, answer):
    assert run(look(0), *every(30, 4, **(STILL | changes)))[-1] is answer


def known_street(quiet_pairs=0, least=0.35):
    """The history of a camera that was seen alive for a day, with one quiet of so many pairs of five minutes."""
    history = None
    at_s = 0.0
    for row in every(300, 60, scene_changed=least):
        history, *_ = conclude(history, row)
        at_s += 300.0
    for row in every(300, quiet_pairs, at_s, **QUIET):
        history, *_ = conclude(history, row)
        at_s += 300.0
    history, *_ = conclude(history, look(at_s + 300, at_s, scene_changed=least))
    return history, at_s + 300


def test_a_street_that_is_never_quiet_and_is_so_for_long_is_frozen():
    """x265 over a frozen rest with a running clock: pixels change everywhere, nothing moves."""
    small = Why.CHANGE_TOO_SMALL
    assert run(look(0), *every(300, 20, **QUIET))[2:] == [small] * 19  # nothing is known of this camera
    history, at_s = known_street()
    assert run(*every(300, 6, at_s, **QUIET), history=history) == [small] * 3 + [True] * 3
    _, findings, _ = conclude(history, look(at_s + 300, at_s, **QUIET))
    assert findings == ()
    assert run(*every(60, 25, at_s, **QUIET), history=history).index(True) == 19  # time counts, not visits
    history, at_s = known_street(quiet_pairs=4)  # 20 minutes of quiet were lived through
    assert run(*every(300, 12, at_s, **QUIET), history=history).index(True) == 8
    history, at_s = known_street(least=0.2)  # it changes less than this alive: the noise of the night is no proof
    assert True not in run(*every(300, 12, at_s, **QUIET), history=history)
    history, at_s = known_street()
    assert True not in run(*every(300, 12, at_s, light=Light.NIGHT, **QUIET), history=history)
    for covered in (0.1, 0.4):  # nothing moves behind a cover
        assert True not in run(*every(300, 12, at_s, texture_share=covered, **QUIET), history=history)


def test_a_day_whose_light_moves_is_alive_however_quiet_the_street_is():
    """Clouds before the sun: the mean of each picture is another one, by less than a level."""
    history, at_s = known_street()
    assert True not in run(*every(300, 12, at_s, **QUIET | {"drift": 0.8}), history=history)


def test_the_first_pair_of_a_frozen_day_may_still_differ():
    """An encoder comes to terms with what stands: the calm began before that pair, if nothing moved in it."""
    history, at_s = known_street(quiet_pairs=2)  # it must last for 25 minutes
    share = {"scene_changed": 0.9, "changed_share": 0.9}  # more than it ever changed alive
    first = look(at_s + 300, at_s, **QUIET | share)
    rest = every(300, 8, at_s + 300, **QUIET)
    assert run(first, *rest, history=history).index(True) == 4
    first = look(at_s + 300, at_s, **QUIET | share | {"stir": 2.0})
    assert run(first, *rest, history=history).index(True) == 5


def test_noise_that_stands_still_is_a_frozen_night():
    """A night in colour with noise of five levels, of whose pixels 0.82 change alive, frozen under a little noise."""
    night = {"light": Light.NIGHT, "mean": 45.0, "noise_sd": 5.0, "drift": 0.11}
    history = None
    for row in every(300, 60, **night, scene_changed=0.82, stir=40.0):
        history, *_ = conclude(history, row)
    at_s = 60 * 300.0
    still = night | {"scene_changed": 0.33, "stir": 0.3, "drift": 0.1}
    small = Why.CHANGE_TOO_SMALL
    assert run(*every(300, 4, at_s, **still), history=history) == [small] * 2 + [True] * 2
    assert run(*every(300, 4, at_s, **still | {"scene_changed": 0.66}), history=history) == [small] * 2 + [True] * 2
    assert True not in run(*every(300, 3, at_s, **still | {"scene_changed": 0.69}), history=history)
    # An encoder that makes the noise anew leaves the means of the blocks alone.
    anew = still | {"scene_changed": 0.8, "drift": 0.09}
    assert run(*every(300, 4, at_s, **anew), history=history) == [small] * 2 + [True] * 2
    assert True not in run(*every(300, 3, at_s, **anew | {"scene_changed": 0.83}), history=history)
    assert True not in run(*every(300, 3, at_s, **anew | {"drift": 0.095}), history=history)
    alone = still | {"scene_changed": 0.95, "drift": 0.07}
    assert run(*every(300, 4, at_s, **alone), history=history) == [small] * 2 + [True] * 2
    assert True not in run(*every(300, 3, at_s, **alone | {"drift": 0.073}), history=history)
    of_old = {name: known for name, known in history.own.items() if "drift" not in name}
    assert True not in run(*every(300, 3, at_s, **anew), history=replace(history, own=of_old))
    coded_away = still | {"noise_sd": 0.5}
    assert run(*every(300, 4, at_s, **coded_away), history=history) == [small] * 3 + [True]  # as long as a quiet
    dim = coded_away | {"scene_changed": 0.55}
    assert run(*every(300, 4, at_s, **dim), history=history) == [small] * 3 + [True]  # that is a quiet too long
    lived_through = {**history.own, "night": [60, 1800 * S, 0.82]}  # for half an hour nothing moved, once
    quieter = dataclasses.replace(history, own=lived_through)
    assert run(*every(300, 8, at_s, **coded_away), history=quieter).index(True) == 6
    assert True not in run(*every(300, 8, at_s, **dim), history=quieter)
    too_dark = still | {"dark_share": 0.7, "texture_share": 0.2}
    assert True not in run(*every(300, 3, at_s, **too_dark), history=history)
    history, *_ = conclude(history, look(at_s + 300, at_s, **still))
    _, findings, _ = conclude(history, look(at_s + 600, at_s + 300, **night, scene_changed=0.82, stir=2.0))
    assert findings == ()


def test_the_last_living_picture_against_the_one_that_stands_does_not_hide_it():
    """No car passes as it stops, and the encoder takes a look or two: those pairs end the chain, and no more."""
    night = {"light": Light.INFRARED, "mean": 60.0, "noise_sd": 1.5, "drift": 0.22}
    history = None
    for row in every(300, 60, **night, scene_changed=0.46, stir=40.0):
        history, *_ = conclude(history, row)
    at_s = 60 * 300.0
    quiet = night | {"stir": 0.8, "drift": 0.2}
    changes = (0.59, 0.45, 0.3, 0.2, 0.1)
    pairs = [
        look(at_s + 300 * n + 300, at_s + 300 * n, **quiet, scene_changed=share) for n, share in enumerate(changes)
    ]
    assert run(*pairs, history=history) == [Why.CHANGE_TOO_SMALL] * 4 + [True]
    almost = [0.59, *[0.43] * 8]  # of live noise, but for too long a quiet
    pairs = [look(at_s + 300 * n + 300, at_s + 300 * n, **quiet, scene_changed=share) for n, share in enumerate(almost)]
    assert run(*pairs, history=history).index(True) == 4
    pairs[4] = dataclasses.replace(pairs[4], scene_changed=0.5)
    assert True not in run(*pairs[:8], history=history)


def test_a_night_of_rain_makes_the_dry_street_after_it_no_standing_picture():
    night = {"light": Light.INFRARED, "mean": 60.0, "noise_sd": 1.5, "stir": 40.0, "drift": 0.11}
    history = None
    for row in every(300, 60, **night, scene_changed=0.46):
        history, *_ = conclude(history, row)
    for row in every(300, 150, 60 * 300.0, **night, scene_changed=0.9):
        history, *_ = conclude(history, row)
    dry = every(300, 3, 210 * 300.0, **night | {"stir": 1.0, "drift": 0.1}, scene_changed=0.45)
    assert True not in run(*dry, history=history)


def test_a_long_quiet_whose_noise_lives_is_a_night_without_traffic():
    night = {"light": Light.NIGHT, "mean": 45.0, "noise_sd": 1.5, "drift": 0.11}
    history = None
    for row in every(300, 60, **night, scene_changed=0.6, stir=40.0):
        history, *_ = conclude(history, row)
    for changed, frozen in ((0.59, False), (0.5, True)):
        quiet = night | {"scene_changed": changed, "stir": 1.0, "drift": 0.1}
        assert (True in run(*every(300, 8, 60 * 300.0, **quiet), history=history)) is frozen


def test_a_quiet_fades_and_is_learned_again():
    history, at_s = known_street(quiet_pairs=6)
    longest = history.own["day"][1]
    assert longest == 1800 * S
    for row in every(300, 400, at_s):
        history, *_ = conclude(history, row)
    assert history.own["day"][1] < longest // 10
    assert history.own["day"][0] == 461


def test_the_history_is_small_and_survives_json():
    history, at_s = known_street(3)
    for row in every(300, MOST_PAIRS + 50, at_s, **STILL):
        history, *_ = conclude(history, row)
        text = json.dumps(dataclasses.asdict(history))
        assert LookHistory(**json.loads(text)) == history
        assert len(text) < 500, text
    assert history.unchanged == history.still == history.quiet == MOST_PAIRS
    end = at_s + 300 * (MOST_PAIRS + 50)
    assert Fault.FROZEN in answers(look(end + 300, end, **STILL), history)[1]


def test_the_history_of_an_earlier_release_is_read():
    assert LookHistory(unchanged=2, since_ns=1, last_ns=2).own == {}


shares = st.floats(0, 1) | st.just(math.nan)
figures = st.floats(0, 60) | st.just(math.nan)


SHARES = ("texture_share", "changed_share", "scene_changed", "speckle_share", "torn_share", "raster_share")
FIGURES = (
    "sharpness", "blockiness", "contrast", "layout", "stripe_rows", "stripe_columns", "stripe_change", "tear", "stir",
    "drift", "cast", "u_mean", "v_mean", "chroma_sd", "fps",
)  # fmt: skip


@given(
    values=st.fixed_dictionaries(
        dict.fromkeys(("dark_share", "bright_share"), st.floats(0, 1))
        | dict.fromkeys(SHARES, shares)
        | dict.fromkeys(FIGURES, figures)
        | {"mean": st.floats(0, 255), "light": st.sampled_from(Light), "decode_errors": st.integers(0, 1)}
    ),
    before=st.none()
    | st.builds(LookHistory, st.integers(0, 9), st.integers(-1, 2 * START), st.integers(-1, 2 * START)),
    daylight=st.booleans(),
)
def test_any_measurement_gives_finite_evidence_and_one_answer_for_each_fault(values, before, daylight):
    row = look(10, 0, **values)
    history, findings, unchecked = conclude(before, row, daylight=daylight)
    assert all(item.margin >= 0 and math.isfinite(item.value) for item in findings)
    answered = [item.fault for item in (*findings, *unchecked)]
    assert len(answered) == len(set(answered))
    assert conclude(before, row, daylight=daylight) == (history, findings, unchecked)
    assert all(math.isfinite(margin) for margin in margins(before, row, daylight=daylight).values())
    json.dumps(dataclasses.asdict(history), allow_nan=False)


def test_rows_of_a_batch_become_looks():
    columns = {}
    for column in FrameBatch.COLUMNS:
        columns[column.name] = ("x", "y") if column.dtype == "text" else np.arange(2).astype(column.dtype)
    found = list(looks(FrameBatch(**columns)))
    assert [row.device for row in found] == ["x", "y"]
    assert [row.outcome for row in found] == [Outcome.PICTURE, Outcome.UNREACHABLE]
    assert found[1].changed_share == 1.0
    assert found[1].light is Light.DAY
    assert isinstance(found[1].at_ns, int)


def test_thresholds_are_pinned():
    assert dataclasses.asdict(PictureThresholds()) == {
        "black_dark_share": 0.97,
        "black_layout": 2.2,
        "black_by_day_share": 0.70,
        "black_bright_share": 0.05,
        "over_exposed_bright_share": 0.75,
        "dark_mean": 32.0,
        "dark_share": 0.6,
        "lit_texture_share": 0.3,
        "lit_contrast": 50.0,
        "snow_speckle_share": 0.006,
        "stripe_rows": 0.6,
        "stripe_columns": 0.5,
        "stripe_change": 0.45,
        "torn_share": 0.03,
        "tear": 0.085,
        "tear_in_noise": 0.045,
        "tear_noise_sd": 2.0,
        "most_usual_tear": 0.05,
        "usual_tear": 0.02,
        "tear_stripe_rows": 0.6,
        "tear_surely": 0.17,
        "tear_surely_stripes": 1.0,
        "torn_stripe_rows": 0.3,
        "raster_share": 0.85,
        "raster_texture_share": 0.3,
        "raster_sharpness": 0.5,
        "void_share": 0.02,
        "void_chroma_sd": 65.0,
        "void_in_noise": 0.1,
        "decode_errors": 1.0,
        "covered_texture_share": 0.004,
        "open_texture_share": 0.01,
        "covered_usual_texture_share": 0.12,
        "usual_looks": 12,
        "thinned": 0.6,
        "out_of_focus_sharpness": 0.39,
        "out_of_focus_texture_share": 0.12,
        "low_contrast": 16.0,
        "low_contrast_texture_share": 0.015,
        "cast": 18.0,
        "cast_magenta": 8.0,
        "cast_magenta_each": 3.0,
        "cast_own": 6.5,
        "cast_texture_share": 0.12,
        "frozen_exact_share": 0.004,
        "frozen_changed_share": 0.03,
        "strict_blockiness": 2.0,
        "strict_texture_share": 0.15,
        "most_blockiness": 6.0,
        "frozen_dark_share": 0.8,
        "frozen_pairs": 2,
        "frozen_span_ns": 2 * S,
        "hardly_pairs": 3,
        "hardly_span_ns": 20 * S,
        "live_changed_share": 0.30,
        "live_stir": 6.0,
        "live_drift": 2.5,
        "quiet_stir": 3.0,
        "quiet_drift": 0.3,
        "stands_stir": 1.0,
        "stands_drift": 0.2,
        "once_more_stir": 0.7,
        "once_more_drift": 0.1,
        "quiet_pairs": 4,
        "quiet_span_ns": 1200 * S,
        "quiet_more_ns": 600 * S,
        "quiet_more_by_day_ns": 300 * S,
        "quiet_known_pairs": 50,
        "noise_stands_sd": 1.0,
        "noise_of_least": 0.82,
        "drift_of_least": 0.85,
        "drift_alone_of_least": 0.65,
        "faint_of_least": 0.65,
        "quiet_of_least": 0.95,
        "noise_pairs": 3,
        "noise_span_ns": 480 * S,
        "min_width": 96,
        "min_height": 64,
        "frame_rate_of_declared": 0.35,
        "frame_rate_as_declared": 0.8,
        "clock_off_ns": 10 * S,
    }
