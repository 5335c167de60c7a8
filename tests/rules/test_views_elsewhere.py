"""Views that are elsewhere, or shake, told in time: skies, snow, roads that are like themselves, and what passes.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders. Each has a
neighbour that is none: what passes by itself, or another fault.
"""

import math

import pytest
from own_kit import BY_INFRARED, coloured_nights, in_the_dark, known

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Light

IN_FALLING_SNOW = {
    "mean": 70.0, "contrast": 95.0, "texture_share": 0.63, "match_share": 0.045, "lost_share": 0.4, "shift_x": 18.0,
    "shift_y": 20.0, "shift_certainty": 0.006, "contrast_ratio": math.nan, "coarse_correlation": 0.051,
}  # fmt: skip

INTO_THE_SKY = {
    "mean": 120.0, "contrast": 59.0, "texture_share": 0.22, "match_share": 0.024, "lost_share": 0.57, "shift_x": 86.0,
    "shift_y": 12.0, "shift_certainty": 0.007, "contrast_ratio": math.nan, "coarse_correlation": 0.04,
}  # fmt: skip

ZOOMED_IN = {
    "mean": 62.0, "contrast": 100.0, "texture_share": 0.71, "match_share": 0.4, "lost_share": 0.052, "shift_x": 83.6,
    "shift_y": -62.2, "contrast_ratio": 1.16, "coarse_correlation": 0.07, "sharpness": 1.4,
}  # fmt: skip


@pytest.mark.parametrize(("drift", "told"), [(0.6, [Fault.MOVED]), (5.0, [])])
def test_a_road_in_falling_snow_is_known_again_by_its_light(drift, told):
    """Of two looks at it hardly anything agrees; two buses are lit each by its own lamps."""
    watch = known(of=BY_INFRARED)
    for steady, changed in ((0.02, 40.0), (0.22, drift)):
        watch.look(420.0, of=BY_INFRARED, **IN_FALLING_SNOW, steady_share=steady, drift=changed)
    assert watch.confirmed() == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, [Fault.MOVED]), ({"match_share": 0.08}, []), ({"texture_share": 0.08}, [])],
    ids=["a sky", "beside a cover something is found", "a cover has no structure"],
)
def test_little_structure_is_another_view_where_nothing_of_the_own_one_is_seen(changes, told):
    watch = known()
    for steady in (0.02, 1.0):
        watch.look(420.0, **INTO_THE_SKY | changes, steady_share=steady, drift=4.0)
    assert [fault for fault in watch.confirmed() if fault is Fault.MOVED] == told


@pytest.mark.parametrize(("x", "told"), [(82.0, [Fault.MOVED]), (50.0, [])])
def test_a_view_lies_away_if_it_lies_there_again_however_sure_one_look_is_of_it(x, told):
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, **ZOOMED_IN, shift_certainty=0.035, steady_share=0.4)
    watch.look(420.0, of=BY_INFRARED, **ZOOMED_IN | {"shift_x": x}, shift_certainty=0.013, steady_share=0.87)
    assert watch.confirmed() == told


OTHER = {"match_share": 0.016, "lost_share": 0.06, "shift_certainty": 0.0, "coarse_correlation": 0.1}


@pytest.mark.parametrize(("steady", "told"), [(0.44, [Fault.MOVED]), (0.2, [])])
def test_what_is_the_look_before_in_part_and_by_its_figures_is_the_new_view(steady, told):
    """A bus passes at the first look at it, and noise leaves little of two looks."""
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, **OTHER, mean=43.0, contrast=74.0, steady_share=0.01)
    watch.look(420.0, of=BY_INFRARED, **OTHER, mean=62.0, contrast=109.0, steady_share=0.08, drift=13.0)
    watch.look(420.0, of=BY_INFRARED, **OTHER, mean=61.5, contrast=117.0, steady_share=steady, drift=2.0)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("mean", "told"), [(60.0, [Fault.MOVED]), (52.0, [])])
def test_of_two_pictures_with_the_same_figures_the_nearer_one_is_the_view(mean, told):
    """In the dark a bus in the new view has nearly its figures."""
    watch = known(of=BY_INFRARED)
    for value, texture, steady in ((60.0, 0.8, 0.04), (52.5, 0.72, 0.27), (mean, 0.74, 0.3)):
        watch.look(420.0, of=BY_INFRARED, **OTHER, mean=value, texture_share=texture, steady_share=steady, drift=4.0)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("step", "told"), [(11.8, [Fault.SHAKING]), (30.0, [])])
def test_a_shaking_camera_is_followed_by_the_steps_between_its_pictures(step, told):
    """Of the second look less than half is found; but the two pictures say the same of the way between them."""
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, match_share=0.65, shift_x=-14.0, shift_y=6.0, shift_certainty=0.15)
    watch.look(420.0, of=BY_INFRARED, match_share=0.44, shift_x=-21.9, shift_y=18.4, shift_certainty=0.07,
               steady_share=0.54, step_x=-7.5, step_y=step)  # fmt: skip
    assert [fault for fault in watch.confirmed() if fault is Fault.SHAKING] == told


@pytest.mark.parametrize(("x", "told"), [(82.0, [Fault.MOVED]), (20.0, [])])
def test_another_view_lies_where_it_did_though_less_surely(x, told):
    """Through a lens that zoomed in, with a lorry at the look between."""
    zoomed = {"mean": 111.0, "match_share": 0.15, "lost_share": 0.16, "shift_y": -42.0, "contrast_ratio": 0.6}
    watch = known()
    watch.look(420.0, **zoomed, shift_x=82.0, shift_certainty=0.11, steady_share=0.2)
    watch.look(420.0, **OTHER | {"match_share": 0.03, "mean": 80.0, "steady_share": 0.08})
    watch.look(420.0, **zoomed, shift_x=x, shift_certainty=0.078, steady_share=0.08)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("steady", "told"), [(0.53, [Fault.MOVED]), (0.45, [])])
def test_in_the_dark_half_of_the_look_before_says_that_it_is_the_same_view(steady, told):
    """Headlights pass in it, and its figures are not those of the look before."""
    watch = known(of=BY_INFRARED)
    for mean, share in ((60.0, 0.05), (75.0, steady)):
        watch.look(420.0, of=BY_INFRARED, **OTHER, mean=mean, steady_share=share, drift=6.0)
    assert watch.confirmed() == told


def test_another_view_is_the_same_whether_its_place_is_sure_or_not():
    zoomed = {"mean": 80.0, "match_share": 0.3, "lost_share": 0.05, "shift_x": 83.0, "shift_y": -58.0}
    watch = known(of=BY_INFRARED)
    for certainty, steady in ((0.05, 0.24), (0.11, 0.8)):
        watch.look(420.0, of=BY_INFRARED, **zoomed, shift_certainty=certainty, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_look_that_could_not_be_checked_is_held_by_where_the_view_lay():
    """Of a new view that a bus hid at the first look, and that is hardly found at the second."""
    new = {"mean": 47.0, "lost_share": 0.11, "shift_x": 8.4, "shift_y": 24.2, "shift_certainty": 0.2}
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, **OTHER, mean=60.0, contrast=130.0, steady_share=0.1)
    watch.look(420.0, of=BY_INFRARED, **new, match_share=0.39, steady_share=0.45)
    assert watch.confirmed() == []
    watch.look(420.0, of=BY_INFRARED, **new, match_share=0.45, steady_share=0.93)
    assert watch.confirmed() == [Fault.MOVED]


@pytest.mark.parametrize(("texture", "told"), [(0.63, [Fault.MOVED]), (0.6, [])])
def test_the_sun_goes_and_takes_a_little_structure(texture, told):
    watch = known()
    watch.look(420.0, **OTHER, texture_share=0.79, mean=119.0, steady_share=0.05)
    watch.look(420.0, **OTHER, texture_share=0.5, mean=90.0, u_mean=9.0, steady_share=0.2)
    watch.look(420.0, **OTHER, texture_share=texture, mean=114.0, steady_share=0.2)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("changed", "told"), [(0.47, [Fault.MOVED]), (0.001, [])])
def test_in_an_empty_street_by_night_nothing_moves_but_its_noise_lives(changed, told):
    watch = known(60, of=BY_INFRARED, scene_changed=0.45, drift=0.1)
    for steady, stir, drift in ((0.04, 40.0, 20.0), (1.0, 0.38, 0.09)):
        watch.look(420.0, of=BY_INFRARED, **OTHER, steady_share=steady, stir=stir, drift=drift,
                   scene_changed=changed if stir < 1.0 else 0.9)  # fmt: skip
    assert watch.confirmed() == told


@pytest.mark.parametrize(("steady", "told"), [(0.86, [Fault.MOVED]), (0.6, [])])
def test_a_view_whose_place_was_not_sure_at_first_stands(steady, told):
    zoomed = {"mean": 75.0, "lost_share": 0.03, "shift_y": -3.0}
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, **OTHER, mean=95.0, steady_share=0.18)
    watch.look(420.0, of=BY_INFRARED, **zoomed, match_share=0.41, shift_x=-90.0, shift_certainty=0.079,
               steady_share=0.33)  # fmt: skip
    watch.look(420.0, of=BY_INFRARED, **zoomed, match_share=0.43, shift_x=-92.0, shift_certainty=0.081,
               steady_share=steady, step_x=-2.4, step_y=2.2)  # fmt: skip
    assert watch.confirmed() == told


def test_beside_a_bus_the_two_pictures_say_the_same_as_the_reference_whatever_it_is():
    watch = known()
    bus = {"match_share": 0.42, "shift_x": 12.0, "shift_y": 3.0, "shift_certainty": 0.04, "steady_share": 0.42,
           "step_x": 12.0, "step_y": 3.0}  # fmt: skip
    for figures in (bus, {}, bus):
        watch.look(**figures)
    assert watch.suspected() == []


def test_nobody_aims_a_lens_back_that_was_drawn_to_a_lit_front():
    zoomed = {"mean": 90.0, "match_share": 0.45, "lost_share": 0.05, "shift_certainty": 0.1, "steady_share": 0.9}
    watch = known(of=BY_INFRARED)
    for x in (7.0, 7.0, 3.0, 3.0):
        watch.look(420.0, of=BY_INFRARED, **zoomed, shift_x=x)
    assert watch.open()["moved"] == "confirmed"


def test_a_bus_in_the_dark_that_is_compared_with_the_day_is_two_buses_still():
    watch = in_the_dark(
        mean=93.0, contrast=90.0, sharpness=1.3, match_share=0.35, lost_share=0.47, shift_certainty=0.12,
        contrast_ratio=0.9, lost_cells=0xFFFF, texture_share=0.4, light=Light.NIGHT,
    )  # fmt: skip
    assert watch.confirmed() == []


NOTHING_OF_IT = {
    "mean": 104.0, "contrast": 75.0, "sharpness": 1.25, "texture_share": 0.7, "match_share": 0.03, "lost_share": 0.2,
    "shift_x": 33.0, "shift_y": -50.0, "shift_certainty": 0.01, "contrast_ratio": math.nan,
    "coarse_correlation": 0.025,
}  # fmt: skip


@pytest.mark.parametrize(
    ("third", "told"),
    [({}, [Fault.MOVED]), ({"match_share": 0.2}, []), ({"coarse_correlation": 0.15}, [])],
    ids=["nothing", "some of it is found", "some of it is seen"],
)
def test_three_looks_in_a_row_that_show_nothing_of_the_view_show_another(third, told):
    """Something passes at each, so that no two of them are alike: no three buses hide all of a view."""
    watch = known()
    watch.look(420.0, **NOTHING_OF_IT, steady_share=0.02)
    watch.look(420.0, **NOTHING_OF_IT | {"mean": 80.0, "contrast": 96.0}, steady_share=0.21)
    assert watch.confirmed() == []
    watch.look(420.0, **NOTHING_OF_IT | {"mean": 60.0, "texture_share": 0.5} | third, steady_share=0.23)
    assert watch.confirmed() == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, [Fault.MOVED]), ({"mean": 63.0}, [Fault.LOW_CONTRAST]), ({"mean": 40.0}, [Fault.LOW_CONTRAST])],
    ids=["as dark as ever", "fog lightens", "darker"],
)
def test_a_night_sky_in_which_hardly_anything_agrees_is_no_fog(changes, told):
    watch = known(of=BY_INFRARED)
    sky = {"mean": 55.0, "contrast": 10.0, "texture_share": 0.06, "match_share": 0.056, "lost_share": 0.56,
           "shift_x": 36.0, "shift_y": 5.0, "shift_certainty": 0.002, "contrast_ratio": 1.0,
           "coarse_correlation": 0.087}  # fmt: skip
    for steady in (0.05, 1.0):
        watch.look(420.0, of=BY_INFRARED, **sky | changes, steady_share=steady)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("step", "told"), [(3.1, [Fault.MOVED]), (9.0, [])], ids=["the wind", "elsewhere"])
def test_a_view_that_surely_lay_away_and_is_the_same_picture_still_does(step, told):
    """Through a lens that zoomed in the wind draws what agrees by chance to another place."""
    zoomed = {"mean": 75.0, "contrast": 130.0, "lost_share": 0.04, "coarse_correlation": 0.03, "shift_x": -16.0}
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, **zoomed, match_share=0.4, shift_y=-64.0, shift_certainty=0.11,
               steady_share=0.38)  # fmt: skip
    watch.look(420.0, of=BY_INFRARED, **zoomed, match_share=0.22, shift_y=-55.0, shift_certainty=0.048,
               steady_share=0.83, step_x=0.0, step_y=-step)  # fmt: skip
    assert watch.confirmed() == told


@pytest.mark.parametrize(("second", "told"), [(0.49, [Fault.MOVED]), (0.99, [])], ids=["it lives", "one picture"])
def test_a_source_that_showed_two_pictures_of_another_view_did_not_stop_behind_a_bus(second, told):
    watch = known()
    watch.look(420.0, **NOTHING_OF_IT | {"texture_share": 0.8, "mean": 98.0}, steady_share=0.05)
    alive = {"stir": 22.0, "drift": 10.0} if second < 0.9 else {"stir": 0.1, "drift": 0.0}
    watch.look(420.0, **NOTHING_OF_IT | {"mean": 60.0, "u_mean": 9.0}, **alive, steady_share=second)
    watch.look(420.0, **NOTHING_OF_IT | {"mean": 60.0, "u_mean": 9.0}, stir=0.7, drift=0.1, steady_share=0.99)
    assert watch.confirmed() == told


@pytest.mark.parametrize(
    "looks",
    [
        [({}, 0.02), ({"mean": 80.0, "contrast": 96.0}, 0.1), ({"mean": 80.0, "contrast": 96.0}, 0.95)],
        [({}, 0.02), ({"mean": 80.0}, 0.1),
         ({"match_share": 0.2, "coarse_correlation": 0.15, "mean": 130.0, "u_mean": 30.0}, 0.1),
         ({"mean": 60.0, "u_mean": 9.0}, 0.1), ({"mean": 150.0, "u_mean": -9.0}, 0.1)],
    ],
    ids=["the second stands", "something is seen in between"],
)  # fmt: skip
def test_two_buses_in_a_row_are_no_other_view(looks):
    watch = known()
    for changes, steady in looks:
        watch.look(300.0, **NOTHING_OF_IT | changes, steady_share=steady)
    assert watch.confirmed() == []


def test_a_bus_that_stood_for_two_looks_and_is_what_the_source_stopped_at_is_one_picture():
    watch = known()
    watch.look(420.0, **NOTHING_OF_IT, steady_share=0.05)
    watch.look(200.0, **NOTHING_OF_IT, stir=40.0, drift=3.0, steady_share=0.9)
    for _ in range(4):
        watch.look(**NOTHING_OF_IT, stir=0.0, drift=0.0, scene_changed=0.0, changed_share=0.0, steady_share=1.0)
    assert watch.confirmed() == [Fault.FROZEN]


def test_mud_on_a_dark_night_is_no_sky():
    watch = known(of=BY_INFRARED)
    for steady in (0.05, 1.0):
        watch.look(420.0, of=BY_INFRARED, mean=51.0, contrast=13.0, texture_share=0.06, match_share=0.056,
                   lost_share=0.56, shift_certainty=0.002, contrast_ratio=1.0, coarse_correlation=0.12,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [Fault.LOW_CONTRAST]


def test_nothing_of_a_view_is_nothing_of_it_whichever_reference_is_tried():
    """Where nothing agrees, now the day's agrees best by chance, and now the night's."""
    watch = coloured_nights(days=7)
    watch.now_ns += 16 * 3600 * NS_PER_S
    for light, changes in (("day", {}), ("night", {"mean": 80.0, "contrast": 96.0}), ("night", {"mean": 60.0})):
        watch.look(420.0, reference=watch.references[light, ""], **NOTHING_OF_IT | changes, steady_share=0.2)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_look_in_order_ends_what_was_nothing_of_the_view():
    watch = known()
    for changes in ({}, {"mean": 80.0, "u_mean": 9.0}, None, {"mean": 60.0}, {"mean": 150.0, "u_mean": -9.0}):
        watch.look(420.0, **{} if changes is None else NOTHING_OF_IT | changes | {"steady_share": 0.1})
    assert watch.confirmed() == []


SKY_WITH_ROOFS = {
    "mean": 148.0, "contrast": 74.0, "sharpness": 1.1, "texture_share": 0.325, "match_share": 0.096,
    "lost_share": 0.556, "lost_cells": 0x0F0F0F, "shift_y": -60.0, "shift_certainty": 0.015, "contrast_ratio": 1.04,
    "coarse_correlation": 0.065,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, [Fault.MOVED]),
        ({"coarse_correlation": 0.081}, [Fault.PARTLY_COVERED]),
        ({"texture_share": 0.2}, [Fault.PARTLY_COVERED]),
        ({"steady_share": 0.8}, [Fault.PARTLY_COVERED]),
        ({"lost_share": 0.65}, [Fault.PARTLY_COVERED]),
    ],
    ids=["a sky", "something of the view", "a sticker", "something passes beside a cover", "more is lost"],
)
def test_a_sky_in_which_half_of_the_view_is_lost_stands_and_has_structure(changes, told):
    watch = known()
    for steady in (0.06, 1.0, 1.0):
        watch.look(420.0, **SKY_WITH_ROOFS | {"steady_share": steady} | changes)
    assert watch.confirmed() == told
