"""What was told a look or two too late, or not at all: views into skies and snow, zooms, webs, a blur in haze.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders. Each has a
neighbour that is none: what passes by itself, or another fault.
"""

import math

import pytest
from own_kit import BY_DAY, BY_INFRARED, Watch, coloured_nights, visit

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.rules.comparison.light import is_lit_like_a_veil
from citywatch.rules.pictures import looks
from citywatch.rules.references import View

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
WEB_IN_A_DIM_SUN = {
    "mean": 145.0, "contrast": 93.0, "sharpness": 1.06, "match_share": 0.51, "lost_share": 0.0, "shift_y": 1.4,
    "shift_certainty": 0.235, "contrast_ratio": 0.9, "coarse_correlation": 0.37,
}  # fmt: skip
WEB_IN_NOISE = {
    "mean": 124.0, "contrast": 151.0, "sharpness": 0.85, "match_share": 0.21, "lost_share": 0.012, "noise_sd": 9.2,
    "shift_certainty": 0.075, "contrast_ratio": 0.98, "coarse_correlation": 0.24, "detail_ratio": 2.0,
}  # fmt: skip


def known(looks_before: int = 40, **usual) -> Watch:
    watch = Watch()
    watch.settle(looks_before, **usual)
    return watch


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


@pytest.mark.parametrize(("mean", "told"), [(145.0, [Fault.PARTLY_COVERED]), (140.0, [])])
def test_a_web_in_a_dim_sun_has_its_name_from_the_first_look_on(mean, told):
    watch = known()
    watch.look(**WEB_IN_A_DIM_SUN | {"mean": mean}, steady_share=0.54)
    assert watch.suspected() == told


@pytest.mark.parametrize(("detail", "told"), [(2.0, [Fault.PARTLY_COVERED]), (1.0, [])])
def test_a_web_in_the_lamps_light_need_not_hide_much_of_a_noisy_night(detail, told):
    """Of which 0.3 are found, and 0.29 at the look before."""
    watch = known(of=BY_INFRARED, match_share=0.29, noise_sd=9.0)
    for steady in (0.2, 0.73):
        watch.look(420.0, of=BY_INFRARED, **WEB_IN_NOISE | {"detail_ratio": detail}, steady_share=steady)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("steady", "by_light"), [(0.9, False), (0.4, True)])
def test_what_stays_in_the_dark_and_is_as_bright_as_a_day_is_no_dusk(steady, by_light):
    dark = [[0, 0] for _ in range(24)]
    dark[4], dark[5] = [3, 0], [0, 3]
    row = visit(**BY_DAY, steady_share=steady, outcome=Outcome.PICTURE, at_ns=5 * 3600 * NS_PER_S)
    day = View("day/", "p", 0, 0.0, 0.0)
    assert is_lit_like_a_veil(next(iter(looks(row))), day, {}, dark) is by_light


HAZE = {"mean": 135.0, "contrast": 48.0, "contrast_ratio": 0.6, "match_share": 0.6, "lost_share": 0.2}
BLUR_IN_HAZE = {
    "mean": 141.0, "contrast": 24.0, "sharpness": 0.5, "texture_share": 0.28, "match_share": 0.42, "lost_share": 0.4,
    "shift_certainty": 0.24, "contrast_ratio": 0.27, "coarse_correlation": 0.35, "coarse_transfer": 0.1,
    "transfer_ratio": 0.16, "detail_ratio": 0.1, "steady_share": 0.9,
}  # fmt: skip


@pytest.mark.parametrize(
    ("haze", "changes", "told"),
    [(HAZE, {}, Fault.OUT_OF_FOCUS), ({}, {}, Fault.COVERED), (HAZE, {"contrast": 8.0}, Fault.COVERED)],
    ids=["the haze was there", "a film came", "a film came in haze"],
)
def test_a_blur_keeps_what_haze_has_left_of_the_contrast(haze, changes, told):
    watch = known()
    watch.look(**haze)
    for _ in range(2):
        watch.look(420.0, **BLUR_IN_HAZE | changes)
    assert watch.confirmed() == [told]


def test_a_bus_at_the_look_before_does_not_say_that_a_cover_leaves_as_little():
    """A camera that hangs down by night: half of its view is gone, and by chance a little of the rest is found."""
    down = {
        "mean": 60.0, "contrast": 70.0, "texture_share": 0.58, "match_share": 0.07, "lost_share": 0.5,
        "shift_certainty": 0.0, "lost_cells": 0xFFFFFF, "coarse_correlation": 0.023,
    }  # fmt: skip
    watch = known(of=BY_INFRARED)
    watch.look(of=BY_INFRARED, match_share=0.3, lost_share=0.05, shift_certainty=0.2)
    for steady in (0.1, 1.0):
        watch.look(420.0, of=BY_INFRARED, **down, steady_share=steady)
    assert watch.suspected() == watch.confirmed() == [Fault.MOVED]


@pytest.mark.parametrize(("bright", "told"), [(0.0, [Fault.BLACK]), (0.11, [])])
def test_a_dark_picture_by_day_with_white_in_it_is_torn_and_not_black(bright, told):
    watch = known(300)
    watch.look(mean=23.0, contrast=60.0, dark_share=0.74, bright_share=bright, layout=100.0, texture_share=0.1,
               light=Light.NIGHT)  # fmt: skip
    assert watch.suspected() == told


LIT_FRONT = {
    "mean": 106.0, "contrast": 106.0, "sharpness": 0.66, "match_share": 0.16, "shift_x": 0.0, "shift_certainty": 0.0,
    "contrast_ratio": 0.95, "coarse_correlation": 0.09, "lost_cells": 0xFF,
}  # fmt: skip


@pytest.mark.parametrize(("lost", "told"), [(0.2, [Fault.MOVED]), (0.05, [Fault.PARTLY_COVERED])])
def test_a_lit_front_that_the_lens_was_drawn_to_is_no_web(lost, told):
    """Threads in the lamp's light are as bright, and leave edges everywhere."""
    watch = known(of=BY_INFRARED)
    for steady in (0.13, 0.8):
        watch.look(420.0, of=BY_INFRARED, **LIT_FRONT, lost_share=lost, steady_share=steady)
    assert watch.suspected() == watch.confirmed() == told


@pytest.mark.parametrize(("detail", "told"), [(0.33, Fault.PARTLY_COVERED), (0.12, Fault.LOW_CONTRAST)])
def test_a_bright_cloth_is_no_fog_where_detail_is_left(detail, told):
    watch = known()
    cloth = {
        "mean": 156.0, "contrast": 47.0, "sharpness": 2.5, "texture_share": 0.29, "match_share": 0.19,
        "lost_share": 0.54, "shift_certainty": 0.2, "contrast_ratio": 0.67, "coarse_correlation": 0.33,
        "coarse_transfer": 0.09, "transfer_ratio": 0.97, "detail_ratio": detail, "lost_cells": 0xFFFFFF,
    }  # fmt: skip
    for steady in (0.13, 0.4):
        watch.look(420.0, **cloth, steady_share=steady)
    assert watch.confirmed() == [told]


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


LEAF = {
    "mean": 113.0, "contrast": 66.0, "sharpness": 1.7, "texture_share": 0.41, "match_share": 0.194, "lost_share": 0.42,
    "shift_x": 0.5, "contrast_ratio": 0.95, "coarse_correlation": 0.35, "lost_cells": 0xFFFF,
}  # fmt: skip


@pytest.mark.parametrize(("certainty", "told"), [(0.13, [Fault.PARTLY_COVERED]), (0.04, [])])
def test_little_of_the_rest_is_enough_where_it_surely_lies_in_its_place(certainty, told):
    watch = known()
    watch.look(**LEAF, shift_certainty=certainty, steady_share=0.4)
    assert watch.suspected() == told


@pytest.mark.parametrize(("lost", "told"), [(0.41, [Fault.PARTLY_COVERED]), (0.33, [])])
def test_a_leaf_that_darkens_a_day_is_compared_with_the_night(lost, told):
    watch = known(12)
    watch.settle(12, of=BY_INFRARED)
    dim = LEAF | {"mean": 74.0, "match_share": 0.28, "lost_share": lost, "shift_certainty": 0.07,
                  "reference": watch.references["infrared", ""]}  # fmt: skip
    watch.look(**dim, steady_share=0.4)
    assert watch.suspected() == told


@pytest.mark.parametrize(("x", "told"), [(21.0, Fault.MOVED), (1.0, Fault.COVERED)])
def test_behind_a_film_the_view_lies_in_its_place(x, told):
    watch = known(of=BY_INFRARED)
    sky = {
        "mean": 42.0, "contrast": 20.0, "sharpness": 1.0, "texture_share": 0.2, "match_share": 0.12, "lost_share": 0.46,
        "shift_x": x, "shift_certainty": 0.08, "contrast_ratio": math.nan, "coarse_correlation": 0.16,
        "coarse_transfer": 0.148, "transfer_ratio": 0.26, "detail_ratio": 0.77, "steady_share": 0.99,
    }  # fmt: skip
    watch.look(of=BY_INFRARED, **sky)
    assert watch.suspected() == [told]


@pytest.mark.parametrize(("step", "told"), [(11.8, [Fault.SHAKING]), (30.0, [])])
def test_a_shaking_camera_is_followed_by_the_steps_between_its_pictures(step, told):
    """Of the second look less than half is found; but the two pictures say the same of the way between them."""
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, match_share=0.65, shift_x=-14.0, shift_y=6.0, shift_certainty=0.15)
    watch.look(420.0, of=BY_INFRARED, match_share=0.44, shift_x=-21.9, shift_y=18.4, shift_certainty=0.07,
               steady_share=0.54, step_x=-7.5, step_y=step)  # fmt: skip
    assert [fault for fault in watch.confirmed() if fault is Fault.SHAKING] == told


@pytest.mark.parametrize(("steady", "told"), [(0.96, [Fault.PARTLY_COVERED]), (0.3, [])])
def test_a_bus_before_the_web_at_the_first_look_costs_no_look(steady, told):
    web = {
        "mean": 90.0, "contrast": 120.0, "sharpness": 0.55, "lost_share": 0.01, "shift_certainty": 0.09,
        "contrast_ratio": 0.95, "coarse_correlation": 0.14,
    }  # fmt: skip
    watch = known(of=BY_INFRARED)
    watch.look(420.0, of=BY_INFRARED, **web, match_share=0.09, steady_share=0.1, u_mean=6.0)
    watch.look(420.0, of=BY_INFRARED, **web, match_share=0.4, steady_share=0.5)
    assert watch.open() == {"partly_covered": "suspect"}
    watch.look(420.0, of=BY_INFRARED, **web, match_share=0.4, steady_share=steady, u_mean=8.0 * (steady < 0.5))
    assert watch.confirmed() == told


@pytest.mark.parametrize(("x", "told"), [(82.0, [Fault.MOVED]), (20.0, [])])
def test_another_view_lies_where_it_did_though_less_surely(x, told):
    """Through a lens that zoomed in, with a lorry at the look between."""
    zoomed = {"mean": 111.0, "match_share": 0.15, "lost_share": 0.16, "shift_y": -42.0, "contrast_ratio": 0.6}
    watch = known()
    watch.look(420.0, **zoomed, shift_x=82.0, shift_certainty=0.11, steady_share=0.2)
    watch.look(420.0, **OTHER | {"match_share": 0.03, "mean": 80.0, "steady_share": 0.08})
    watch.look(420.0, **zoomed, shift_x=x, shift_certainty=0.078, steady_share=0.08)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("hazy", "told"), [(0.5, [Fault.PARTLY_COVERED]), (0.95, [])])
def test_a_cover_in_haze_takes_nothing_from_what_it_leaves(hazy, told):
    haze = {"mean": 140.0, "contrast": 60.0, "match_share": 0.6, "lost_share": 0.1, "contrast_ratio": hazy}
    watch = known()
    watch.look(**haze)
    watch.look(420.0, **COVER_IN_HAZE)
    assert [fault for fault in watch.suspected() if fault is Fault.PARTLY_COVERED] == told


COVER_IN_HAZE = {
    "mean": 140.0, "contrast": 45.0, "texture_share": 0.35, "match_share": 0.3, "lost_share": 0.5, "lost_cells": 0xFFFF,
    "shift_certainty": 0.3, "contrast_ratio": 0.45, "steady_share": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(("detail", "told"), [(0.27, [Fault.OUT_OF_FOCUS]), (0.7, [])])
def test_a_blur_that_finds_the_view_a_little_beside_its_place_is_no_jolt(detail, told):
    """Lamps become disks. Motion leaves the detail across it."""
    watch = known(of=BY_INFRARED)
    watch.look(of=BY_INFRARED, sharpness=0.2, match_share=0.52, lost_share=0.1, shift_x=-8.0, shift_certainty=0.17,
               coarse_correlation=0.63, coarse_transfer=0.33, transfer_ratio=0.2, detail_ratio=detail,
               sharpness_ratio=0.7)  # fmt: skip
    assert [fault for fault in watch.suspected() if fault is Fault.OUT_OF_FOCUS] == told


@pytest.mark.parametrize(("mean", "told"), [(121.0, Fault.MOVED), (131.0, Fault.PARTLY_COVERED)])
def test_a_road_that_the_lens_was_drawn_to_is_like_itself_and_no_brighter(mean, told):
    watch = known()
    watch.look(mean=mean, contrast=103.0, sharpness=0.99, match_share=0.216, lost_share=0.01, shift_x=1.7,
               shift_y=-2.5, shift_certainty=0.116, contrast_ratio=0.75, coarse_correlation=0.155)  # fmt: skip
    assert watch.suspected() == [told]


def in_the_dark(**figures) -> Watch:
    """A camera whose nights are in colour, at night, which looks at something as bright as a day."""
    watch = coloured_nights()
    watch.now_ns += 3600 * NS_PER_S
    for steady in (0.4, 0.99):
        watch.look(420.0, reference=watch.references["day", ""], **figures, steady_share=steady)
    return watch


def test_a_web_that_makes_a_night_as_bright_as_a_day_is_no_two_buses():
    watch = in_the_dark(
        mean=93.0, contrast=130.0, sharpness=0.5, match_share=0.3, lost_share=0.05, shift_certainty=0.12,
        contrast_ratio=0.83, coarse_correlation=0.28,
    )  # fmt: skip
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


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


@pytest.mark.parametrize(("coarse", "told"), [(0.2, [Fault.PARTLY_COVERED]), (0.136, [])])
def test_a_web_of_whose_place_nothing_is_sure_still_shows_something_of_the_view(coarse, told):
    watch = known()
    web = {"mean": 150.0, "contrast": 105.0, "sharpness": 0.9, "match_share": 0.35, "lost_share": 0.03,
           "shift_certainty": 0.02, "contrast_ratio": 0.75, "coarse_correlation": coarse}  # fmt: skip
    for steady in (0.5, 0.9, 0.98):
        watch.look(420.0, **web, steady_share=steady)
    assert [fault for fault in watch.confirmed() if fault is Fault.PARTLY_COVERED] == told


@pytest.mark.parametrize(("x", "told"), [(-8.5, [Fault.PARTLY_COVERED]), (-14.0, [Fault.MOVED])])
def test_threads_in_the_lamps_light_may_draw_the_view_a_little(x, told):
    watch = known(of=BY_INFRARED)
    watch.look(of=BY_INFRARED, mean=120.0, contrast=140.0, sharpness=0.6, match_share=0.28, lost_share=0.0, shift_x=x,
               shift_certainty=0.03, coarse_correlation=0.11, steady_share=0.25)  # fmt: skip
    assert watch.suspected() == told


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


def test_what_covers_most_of_a_view_says_nothing_of_its_colours():
    watch = known()
    watch.look(420.0, cast=25.0)
    watch.look(420.0, **LEAF | {"texture_share": 0.6}, shift_certainty=0.13, steady_share=0.2)
    assert watch.open() == {"colour_cast": "suspect", "partly_covered": "suspect"}


@pytest.mark.parametrize(("before", "told"), [(0.43, []), (0.9, [Fault.LOW_CONTRAST])])
def test_haze_over_snow_creeps_and_dirt_comes_at_once(before, told):
    pale = {"mean": 142.0, "contrast": 26.0, "lost_share": 0.09, "detail_ratio": 0.32}
    watch = known()
    watch.look(mean=140.0, contrast=40.0, contrast_ratio=before)
    for _ in range(3):
        watch.look(420.0, **pale, contrast_ratio=0.39)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("changed", "told"), [(0.47, [Fault.MOVED]), (0.001, [])])
def test_in_an_empty_street_by_night_nothing_moves_but_its_noise_lives(changed, told):
    watch = known(60, of=BY_INFRARED, scene_changed=0.45, drift=0.1)
    for steady, stir, drift in ((0.04, 40.0, 20.0), (1.0, 0.38, 0.09)):
        watch.look(420.0, of=BY_INFRARED, **OTHER, steady_share=steady, stir=stir, drift=drift,
                   scene_changed=changed if stir < 1.0 else 0.9)  # fmt: skip
    assert watch.confirmed() == told


@pytest.mark.parametrize(("y", "told"), [(-2.8, Fault.MOVED), (-1.0, Fault.PARTLY_COVERED)])
def test_a_lens_that_was_drawn_to_a_lit_road_is_no_web(y, told):
    """What is found of it lies beside its place, and surely."""
    watch = known(of=BY_INFRARED)
    watch.look(of=BY_INFRARED, mean=90.0, contrast=134.0, sharpness=0.83, match_share=0.25, lost_share=0.02,
               shift_x=1.8, shift_y=y, shift_certainty=0.13, coarse_correlation=0.16,
               detail_ratio=1.3, steady_share=0.3)  # fmt: skip
    assert watch.suspected() == [told]


@pytest.mark.parametrize(("mean", "told"), [(25.0, [Fault.INFRARED_STUCK]), (40.0, [])])
def test_beside_a_twilight_only_what_is_far_darker_lacks_its_infrared(mean, told):
    watch = Watch()
    watch.settle(23, of=BY_DAY)
    watch.settle(24, of=BY_INFRARED)
    watch.now_ns += 22 * 3600 * NS_PER_S  # the first hour of infrared, once more
    watch.look(of=BY_INFRARED, light=Light.NIGHT, mean=mean, contrast=17.0, texture_share=0.11, chroma_sd=1.0)
    assert watch.suspected() == told


@pytest.mark.parametrize(("mean", "told"), [(175.0, Fault.LOW_CONTRAST), (157.0, Fault.COVERED)])
def test_fog_of_which_next_to_nothing_is_seen_is_brighter_than_any_film(mean, told):
    watch = known()
    thick = {"contrast": 8.0, "sharpness": 2.7, "texture_share": 0.0, "match_share": 0.02, "lost_share": 0.89,
             "shift_certainty": 0.0, "contrast_ratio": math.nan, "coarse_correlation": 0.038}  # fmt: skip
    for _ in range(2):
        watch.look(420.0, **thick, mean=mean)
    assert watch.confirmed() == [told]


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


@pytest.mark.parametrize(("mean", "told"), [(93.0, Fault.MOVED), (126.0, Fault.PARTLY_COVERED), (66.0, None)])
def test_a_lens_that_was_drawn_to_a_lit_front_lies_where_no_web_does(mean, told):
    """Half of the usual is found, seven pixels aside. Lit up it would be a web, no brighter than usual the wind."""
    watch = known(of=BY_INFRARED)
    for steady in (0.55, 0.88):
        watch.look(420.0, of=BY_INFRARED, mean=mean, contrast=125.0, sharpness=0.6, match_share=0.45, lost_share=0.06,
                   shift_x=5.8, shift_y=-4.0, shift_certainty=0.084, coarse_correlation=0.25,
                   steady_share=steady)  # fmt: skip
    assert [fault for fault in watch.confirmed() if fault is not Fault.SHAKING] == ([told] if told else [])


@pytest.mark.parametrize(("match", "told"), [(0.07, Fault.MOVED), (0.26, Fault.LOW_CONTRAST)])
def test_fog_leaves_what_it_does_not_hide_and_a_pale_sky_something_else(match, told):
    watch = known()
    for steady in (0.07, 0.99):
        watch.look(420.0, mean=127.0, contrast=30.0, sharpness=0.8, texture_share=0.5, match_share=match,
                   lost_share=0.38, shift_x=3.0, shift_y=3.0, shift_certainty=0.01, contrast_ratio=0.5,
                   coarse_correlation=0.11, steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [told]


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


def test_one_look_that_agrees_well_does_not_make_a_reference_of_what_agreed_in_noise():
    watch = Watch()
    for share in (0.1, 0.28, 0.55, 0.55, 0.55):
        watch.look(of=BY_INFRARED, noise_sd=6.0, steady_share=share)
    assert watch.references == {}
    watch.look(of=BY_INFRARED, noise_sd=6.0, steady_share=0.55)
    assert watch.references != {}


def test_veils_that_are_another_at_each_look_are_none():
    """And what is learned goes on."""
    watch = known()
    for _ in range(3):
        watch.look(match_share=0.5, sharpness=1.0, contrast=110.0, mean=128.0, steady_share=0.5)
    assert watch.open() == {}


def test_a_bus_in_the_dark_that_is_compared_with_the_day_is_two_buses_still():
    watch = in_the_dark(
        mean=93.0, contrast=90.0, sharpness=1.3, match_share=0.35, lost_share=0.47, shift_certainty=0.12,
        contrast_ratio=0.9, lost_cells=0xFFFF, texture_share=0.4, light=Light.NIGHT,
    )  # fmt: skip
    assert watch.confirmed() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, Fault.LOW_CONTRAST), ({"contrast": 16.0}, None), ({"mean": 135.0}, None)],
    ids=["thick fog", "beside a cover there is contrast", "fog lightens"],
)
def test_blocks_that_are_alike_by_chance_keep_no_contrast_in_thick_fog(changes, told):
    """The few that are found have three quarters of theirs: neither pale, nor all that a cover has left."""
    watch = known()
    thick = {"mean": 178.0, "contrast": 10.0, "sharpness": 3.0, "texture_share": 0.01, "match_share": 0.128,
             "lost_share": 0.77, "shift_certainty": 0.07, "contrast_ratio": 0.74, "coarse_correlation": 0.06,
             "detail_ratio": 0.3}  # fmt: skip
    for steady in (0.07, 0.99):
        watch.look(420.0, **thick | changes, steady_share=steady)
    assert (watch.confirmed() == [Fault.LOW_CONTRAST]) == (told is Fault.LOW_CONTRAST)
    if told is not None:
        assert Fault.PARTLY_COVERED not in watch.suspected()


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


@pytest.mark.parametrize(("stir", "told"), [(0.0, [Fault.FROZEN]), (40.0, [Fault.MOSAIC])])
def test_a_source_that_stops_at_a_bus_with_a_straight_edge_is_frozen_and_not_torn(stir, told):
    """No picture is torn twice by the same bit."""
    watch = known(of=BY_INFRARED)
    edge = {"match_share": 0.12, "shift_certainty": 0.0, "tear": 0.2, "coarse_correlation": 0.07}
    watch.look(420.0, of=BY_INFRARED, **edge, steady_share=0.12)
    assert watch.suspected() == [Fault.MOSAIC]
    still = {"stir": stir, "drift": stir / 10.0, "scene_changed": 0.9 if stir else 0.0,
             "changed_share": 0.9 if stir else 0.0}  # fmt: skip
    for _ in range(4):
        watch.look(of=BY_INFRARED, **edge, **still, steady_share=1.0)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("hours_on", "told"), [(16, [Fault.PARTLY_COVERED]), (22, [])], ids=["at noon", "at dusk"])
def test_what_darkens_a_noon_is_no_dusk_although_it_is_most_like_the_night(hours_on, told):
    """A dark cloth before a street that is known by day and by night: the night's reference agrees better."""
    watch = coloured_nights(days=7)
    watch.now_ns += hours_on * 3600 * NS_PER_S
    night = watch.references["night", ""]
    for steady in (0.44, 0.85):
        watch.look(420.0, reference=night, mean=76.0, contrast=80.0, texture_share=0.35, match_share=0.5,
                   lost_share=0.34, lost_cells=0x0F0F0F, shift_certainty=0.06, contrast_ratio=1.2,
                   coarse_correlation=0.23, steady_share=steady)  # fmt: skip
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


@pytest.mark.parametrize(("transfer", "told"), [(0.12, [Fault.OUT_OF_FOCUS]), (0.23, [])], ids=["noise", "detail"])
def test_in_much_noise_a_blurred_picture_is_hardly_less_sharp(transfer, told):
    blurred = {"sharpness": 1.37, "match_share": 0.08, "lost_share": 0.035, "shift_x": -5.0, "shift_certainty": 0.36,
               "contrast_ratio": 0.74, "coarse_correlation": 0.38, "coarse_transfer": 0.17, "transfer_ratio": transfer,
               "detail_ratio": 0.49, "noise_sd": 12.0}  # fmt: skip
    watch = known(of=BY_INFRARED, noise_sd=12.0)
    for steady in (0.09, 0.15):
        watch.look(420.0, of=BY_INFRARED, **blurred, steady_share=steady)
    assert [fault for fault in watch.confirmed() if fault is Fault.OUT_OF_FOCUS] == told


@pytest.mark.parametrize(("match", "followed"), [(0.79, False), (0.85, True)], ids=["headlights", "nothing passes"])
def test_by_night_no_picture_becomes_the_reference_in_which_headlights_pass(match, followed):
    """What they light up would be missed when they are gone."""
    watch = known(of=BY_INFRARED)
    before = dict(watch.references)
    watch.look(5 * 3600.0, of=BY_INFRARED, match_share=match)
    assert (watch.references != before) == followed


def test_what_the_line_of_references_was_displaced_by_was_drawn_by_nobody():
    """A web by night, in its place against a reference that lies two pixels beside the first one."""
    watch = known(of=BY_INFRARED)
    before = dict(watch.references)
    watch.look(5 * 3600.0, of=BY_INFRARED, shift_y=-2.0)
    assert watch.references != before
    watch.look(420.0, of=BY_INFRARED, mean=92.0, contrast=129.0, sharpness=0.7, match_share=0.29, lost_share=0.04,
               shift_y=-1.2, shift_certainty=0.1, coarse_correlation=0.19, detail_ratio=1.7,
               steady_share=0.3)  # fmt: skip
    assert watch.suspected() == [Fault.PARTLY_COVERED]


CLOTH_IN_HAZE = {
    "mean": 130.0, "contrast": 34.0, "sharpness": 1.6, "texture_share": 0.2, "match_share": 0.15, "lost_share": 0.66,
    "shift_certainty": 0.1, "contrast_ratio": 0.5, "coarse_correlation": 0.3, "coarse_transfer": 0.09,
    "transfer_ratio": 1.2, "detail_ratio": 0.3, "lost_cells": 0xFFFFFFFF,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, Fault.PARTLY_COVERED),
        ({"mean": 158.0}, Fault.PARTLY_COVERED),
        ({"mean": 158.0, "match_share": 0.28}, Fault.LOW_CONTRAST),
        ({"mean": 165.0}, Fault.LOW_CONTRAST),
        ({"detail_ratio": 0.19}, Fault.LOW_CONTRAST),
    ],
    ids=["a cloth", "a bright one", "fog leaves the near", "fog is brighter", "dirt leaves less detail"],
)
def test_what_hides_so_much_and_is_neither_as_bright_as_fog_nor_as_blank_as_dirt_is_a_cover(changes, told):
    """Whatever it leaves of the contrast of the rest, and although two looks at it have little in common."""
    watch = known()
    for steady in (0.1, 0.3):
        watch.look(420.0, **CLOTH_IN_HAZE | changes, steady_share=steady)
    assert watch.confirmed() == [told]


def test_of_a_cover_that_was_seen_an_encoder_may_leave_less_detail():
    watch = known()
    for detail in (0.25, 0.18):
        watch.look(420.0, **CLOTH_IN_HAZE | {"detail_ratio": detail}, steady_share=0.3)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


@pytest.mark.parametrize(("second", "told"), [(0.49, [Fault.MOVED]), (0.99, [])], ids=["it lives", "one picture"])
def test_a_source_that_showed_two_pictures_of_another_view_did_not_stop_behind_a_bus(second, told):
    watch = known()
    watch.look(420.0, **NOTHING_OF_IT | {"texture_share": 0.8, "mean": 98.0}, steady_share=0.05)
    alive = {"stir": 22.0, "drift": 10.0} if second < 0.9 else {"stir": 0.1, "drift": 0.0}
    watch.look(420.0, **NOTHING_OF_IT | {"mean": 60.0, "u_mean": 9.0}, **alive, steady_share=second)
    watch.look(420.0, **NOTHING_OF_IT | {"mean": 60.0, "u_mean": 9.0}, stir=0.7, drift=0.1, steady_share=0.99)
    assert watch.confirmed() == told


@pytest.mark.parametrize(("contrast", "told"), [(5.0, Fault.LOW_CONTRAST), (4.0, Fault.COVERED)])
def test_the_thickest_fog_leaves_a_little_more_contrast_than_a_film(contrast, told):
    watch = known()
    for steady in (0.01, 0.67):
        watch.look(420.0, mean=175.0, contrast=contrast, sharpness=3.6, texture_share=0.0, match_share=0.027,
                   lost_share=0.85, shift_certainty=0.0, contrast_ratio=0.5, coarse_correlation=0.045,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [told]


@pytest.mark.parametrize(("tear", "told"), [(0.1, [Fault.MOSAIC]), (0.06, [])])
def test_bands_that_fit_by_chance_at_one_look_are_torn_at_the_next(tear, told):
    """By night, in noise: what is torn so much as no healthy picture is may be whole once."""
    watch = known(of=BY_INFRARED)
    for torn in (tear, 0.03, 0.13):
        watch.look(420.0, of=BY_INFRARED, tear=torn, noise_sd=8.0, match_share=0.3)
    assert watch.confirmed() == told


SPOTS = {
    "contrast": 30.0, "contrast_ratio": 0.4, "match_share": 0.35, "lost_share": 0.5, "shift_certainty": 0.2,
    "coarse_correlation": 0.4, "detail_ratio": 0.3, "texture_share": 0.5, "steady_share": 0.9,
}  # fmt: skip


@pytest.mark.parametrize("changes", [{"lost_cells": 0}, {"lost_cells": 0x0F0F0F, "noise_sd": 4.0, "mean": 140.0}],
                         ids=["in spots", "fog in noise"])  # fmt: skip
def test_what_is_no_cover_after_all_keeps_the_name_of_fog_or_dirt(changes):
    watch = known()
    for _ in range(3):
        watch.look(420.0, **SPOTS | changes)
    assert watch.confirmed() == [Fault.LOW_CONTRAST]


def test_dirt_that_creeps_is_no_cover_and_is_told():
    watch = known()
    for lost, contrast, ratio in ((0.1, 75, 0.8), (0.2, 65, 0.7), (0.3, 55, 0.6), (0.38, 48, 0.5), (0.43, 42, 0.46)):
        for _ in range(3):
            watch.look(lost_share=lost, contrast=float(contrast), contrast_ratio=ratio, match_share=0.9 - lost,
                       detail_ratio=0.5, coarse_correlation=0.5)  # fmt: skip
    for _ in range(10):
        watch.look(**SPOTS, lost_cells=0x0F0F0F)
    assert Fault.LOW_CONTRAST in watch.confirmed()


@pytest.mark.parametrize("tears", [[min(0.3, 0.0002 * n) for n in range(1500)], [0.08] * 300 + [0.14] * 10],
                         ids=["slowly", "from the first look on"])  # fmt: skip
def test_no_camera_teaches_that_it_is_torn(tears):
    watch = known()
    for tear in tears:
        watch.look(tear=tear)
    assert watch.open().get("mosaic") == "confirmed"


def test_buses_with_straight_edges_are_no_torn_stream():
    watch = known()
    for tear in (0.1, 0.0, 0.1, 0.0, 0.12):
        watch.look(420.0, tear=tear)
    assert watch.confirmed() == []


def test_a_stream_that_is_cut_off_at_the_same_slice_each_time_is_torn_however_it_stands():
    watch = known(300, of=BY_INFRARED)
    for _ in range(4):
        watch.look(of=BY_INFRARED, tear=0.2, void_share=0.3, chroma_sd=30.0, steady_share=0.9, stir=0.5, drift=0.05,
                   scene_changed=0.3, changed_share=0.3)  # fmt: skip
    assert watch.confirmed() == [Fault.MOSAIC]


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


def test_a_night_is_followed_after_a_day_though_less_of_it_is_found_than_was():
    watch = known(100, of=BY_INFRARED)
    before = dict(watch.references)
    for _ in range(30):
        watch.look(3600.0, of=BY_INFRARED, match_share=0.65, steady_share=0.75)
    assert watch.references != before


def test_a_storm_at_noon_that_lights_the_lamps_is_no_cover():
    watch = coloured_nights(days=7)
    watch.now_ns += 16 * 3600 * NS_PER_S
    for steady in (0.6, 0.9):
        watch.look(420.0, reference=watch.references["night", ""], mean=70.0, lost_share=0.25, match_share=0.55,
                   lost_cells=0x0F0F, shift_certainty=0.2, contrast_ratio=0.9, coarse_correlation=0.5,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == []


@pytest.mark.parametrize(("agrees", "told"), [(0.35, [Fault.PARTLY_COVERED]), (0.43, [])], ids=["a web", "low sun"])
def test_a_veil_behind_which_the_view_has_no_place_is_one_at_the_next_look_if_hardly_anything_agrees(agrees, told):
    watch = known()
    glare = {"mean": 140.0, "contrast": 118.0, "match_share": 0.51, "lost_share": 0.005, "shift_certainty": 0.0,
             "contrast_ratio": 0.95, "coarse_correlation": agrees}  # fmt: skip
    for sharpness, steady in ((1.1, 0.5), (1.12, 0.99)):
        watch.look(420.0, **glare, sharpness=sharpness, steady_share=steady)
    assert watch.suspected() == told


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


def test_what_lay_there_in_the_morning_is_no_cover_that_came():
    """Snow over night: of the first look of a day nobody knows what was lost before."""
    watch = known()
    watch.look(420.0, of=BY_INFRARED)
    for steady in (0.1, 0.3, 0.3):
        watch.look(420.0, **CLOTH_IN_HAZE, steady_share=steady)
    assert watch.confirmed() == [Fault.LOW_CONTRAST]


def test_a_view_that_is_back_at_the_first_place_of_its_line_was_not_drawn():
    """The reference itself was taken in the wind."""
    watch = known(of=BY_INFRARED)
    watch.look(5 * 3600.0, of=BY_INFRARED, shift_y=-1.5)
    for steady in (0.3, 0.9):
        watch.look(420.0, of=BY_INFRARED, mean=92.0, contrast=129.0, sharpness=0.7, match_share=0.29, lost_share=0.04,
                   shift_y=2.8, shift_certainty=0.1, coarse_correlation=0.19, detail_ratio=1.7,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_a_picture_that_stands_teaches_nothing_of_steps():
    watch = known()
    still = {"stir": 0.0, "drift": 0.0, "scene_changed": 0.0, "changed_share": 0.0}
    for _ in range(250):
        watch.look(tear=0.2, **still)
    for tear in (0.0, 0.0, 0.1, 0.1, 0.1):
        watch.look(420.0, tear=tear)
    assert watch.open().get("mosaic") == "confirmed"


def test_a_torn_stream_in_a_scene_where_nothing_moves_is_torn_all_the_same():
    watch = known(300, of=BY_INFRARED)
    for _ in range(4):
        watch.look(of=BY_INFRARED, tear=0.2, steady_share=0.9, stir=0.5, drift=0.05, scene_changed=0.3,
                   changed_share=0.3)  # fmt: skip
    assert watch.confirmed() == [Fault.MOSAIC]


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
