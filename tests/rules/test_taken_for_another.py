"""What was called by another name, or by none: views into the sky, webs, cloths under clouds, shaking in noise.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders.
"""

import math

import pytest
from own_kit import BY_DAY, BY_INFRARED, Watch, visit

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules.comparison.light import is_lit_like_a_veil
from citywatch.rules.pictures import looks
from citywatch.rules.references import View

INTO_THE_NIGHT_SKY = {
    "contrast": 14.0, "texture_share": 0.3, "sharpness": 1.2, "match_share": 0.147, "lost_share": 0.45,
    "shift_certainty": 0.064, "shift_x": 1.5, "shift_y": -1.4, "contrast_ratio": 0.84, "steady_share": 1.0,
    "lost_cells": 0x3FFF,
}  # fmt: skip
INTO_THE_SKY = {
    "contrast": 53.0, "texture_share": 0.272, "sharpness": 1.2, "match_share": 0.026, "lost_share": 0.5,
    "shift_certainty": 0.0, "steady_share": 0.98, "lost_cells": 0x1FFFFF,
}  # fmt: skip
AT_ITS_PLACE_BY_CHANCE = {
    "mean": 111.6, "contrast": 66.0, "texture_share": 0.7, "match_share": 0.066, "lost_share": 0.219, "shift_x": -0.8,
    "shift_y": -0.3, "shift_certainty": 0.037, "contrast_ratio": 0.9, "steady_share": 0.98,
}  # fmt: skip
ZOOM_BY_NIGHT = {
    "mean": 71.0, "contrast": 80.0, "sharpness": 1.22, "match_share": 0.27, "lost_share": 0.05,
    "shift_certainty": 0.126, "shift_x": 4.04, "shift_y": -2.28, "steady_share": 0.95,
}  # fmt: skip
STICKER = {
    "contrast": 68.0, "texture_share": 0.19, "sharpness": 0.96, "match_share": 0.12, "lost_share": 0.605,
    "shift_certainty": 0.009, "contrast_ratio": 0.82, "steady_share": 1.0, "lost_cells": 0x3FFFFFF,
}  # fmt: skip
WEB_IN_THE_SUN = {
    "mean": 153.0, "contrast": 112.0, "sharpness": 1.23, "match_share": 0.44, "lost_share": 0.0,
    "shift_certainty": 0.3, "contrast_ratio": 1.06, "steady_share": 0.98,
}  # fmt: skip
WEB_OVER_WHAT_IS_FOUND = WEB_IN_THE_SUN | {
    "sharpness": 0.92, "match_share": 0.4, "shift_certainty": 0.18, "contrast_ratio": 0.61,
}  # fmt: skip
WEB_BY_NIGHT = {
    "mean": 90.0, "contrast": 128.0, "sharpness": 0.68, "match_share": 0.28, "lost_share": 0.003,
    "shift_certainty": 0.05, "shift_x": 1.4, "shift_y": -0.9, "contrast_ratio": 1.07, "steady_share": 0.9,
}  # fmt: skip
WEB_OVER_ALL = {
    "mean": 148.0, "contrast": 102.0, "sharpness": 1.05, "match_share": 0.375, "lost_share": 0.03, "shift_x": 0.1,
    "shift_certainty": 0.08, "contrast_ratio": 0.55, "steady_share": 0.99, "coarse_correlation": 0.22,
}  # fmt: skip
WEB_THAT_LEAVES_SHARP = {
    "mean": 155.0, "contrast": 92.0, "sharpness": 1.42, "match_share": 0.34, "lost_share": 0.015,
    "shift_certainty": 0.28, "contrast_ratio": 1.0, "steady_share": 0.79, "coarse_correlation": 0.37,
}  # fmt: skip
WEB_THAT_SWAYS_BY_NIGHT = {
    "mean": 92.0, "contrast": 108.0, "sharpness": 1.1, "match_share": 0.55, "lost_share": 0.01, "shift_y": 0.2,
    "shift_certainty": 0.02, "contrast_ratio": 1.0, "steady_share": 0.74, "coarse_correlation": 0.3,
    "detail_ratio": 1.7,
}  # fmt: skip
LEAF = STICKER | {"lost_share": 0.485, "match_share": 0.19, "texture_share": 0.44, "shift_certainty": 0.0}
CLOTH_UNDER_CLOUDS = {
    "contrast": 55.0, "texture_share": 0.57, "sharpness": 1.8, "match_share": 0.5, "lost_share": 0.24,
    "shift_certainty": 0.44, "contrast_ratio": 0.76, "steady_share": 0.88, "lost_cells": 0x7FF,
}  # fmt: skip
CASES = {
    "a view into the night sky": (BY_INFRARED, INTO_THE_NIGHT_SKY, Fault.MOVED),
    "a view into the sky": (BY_DAY, INTO_THE_SKY, Fault.MOVED),
    "another view that seems to lie at its place": (BY_DAY, AT_ITS_PLACE_BY_CHANCE, Fault.MOVED),
    "a lens that was drawn to a lit front a little": (BY_INFRARED, ZOOM_BY_NIGHT, Fault.MOVED),
    "a sticker that hides the sharpest, too": (BY_DAY, STICKER, Fault.PARTLY_COVERED),
    "a web in the sun that leaves the street sharp": (BY_DAY, WEB_IN_THE_SUN, Fault.PARTLY_COVERED),
    "a web in the sun, over what is found, too": (BY_DAY, WEB_OVER_WHAT_IS_FOUND, Fault.PARTLY_COVERED),
    "a web by night, hardly sure of its place": (BY_INFRARED, WEB_BY_NIGHT, Fault.PARTLY_COVERED),
    "a web in the sun, over all of it": (BY_DAY, WEB_OVER_ALL, Fault.PARTLY_COVERED),
    "a web in the sun that leaves nothing flat, and sways": (BY_DAY, WEB_THAT_LEAVES_SHARP, Fault.PARTLY_COVERED),
    "a web by night, of which each look finds something else": (
        BY_INFRARED,
        WEB_THAT_SWAYS_BY_NIGHT,
        Fault.PARTLY_COVERED,
    ),
    "a leaf beside which little is found, but most is lost": (BY_DAY, LEAF, Fault.PARTLY_COVERED),
    "a cloth before a street without shadows": (BY_DAY, CLOTH_UNDER_CLOUDS, Fault.PARTLY_COVERED),
}


def known(**usual) -> Watch:
    watch = Watch()
    watch.settle(40, **usual)
    return watch


@pytest.mark.parametrize("name", CASES)
def test_each_has_its_name_from_the_first_look_on(name):
    of, figures, fault = CASES[name]
    watch = known(of=of)
    watch.look(of=of, **figures)
    assert watch.suspected() == [fault]
    for _ in range(2):
        watch.look(420.0, of=of, **figures)
    assert watch.suspected() == watch.confirmed() == [fault]


@pytest.mark.parametrize(
    ("of", "figures"),
    [
        (BY_DAY, WEB_IN_THE_SUN | {"match_share": 0.64, "contrast_ratio": 1.2}),  # the sun
        (BY_DAY, CLOTH_UNDER_CLOUDS | {"texture_share": 0.66, "lost_cells": 0xFF}),  # shadows that are gone
        (BY_DAY, CLOTH_UNDER_CLOUDS | {"lost_cells": 0xFF}),
        (BY_INFRARED, WEB_BY_NIGHT | {"mean": 66.0, "shift_certainty": 0.12}),  # a bus with its lamps on
    ],
)
def test_what_is_like_them_and_passes_by_itself_is_no_fault(of, figures):
    watch = known(of=of)
    for _ in range(4):
        watch.look(420.0, of=of, **figures)
    assert Fault.PARTLY_COVERED not in watch.suspected()


def test_what_hides_most_of_a_night_and_leaves_its_lamps_is_no_other_view():
    watch = known(of=BY_INFRARED)
    for _ in range(4):
        watch.look(420.0, of=BY_INFRARED, **INTO_THE_NIGHT_SKY | {"contrast": 66.0, "lost_share": 0.2})
    assert watch.suspected() == []


def test_clouds_take_contrast_from_what_a_leaf_leaves_where_the_sun_makes_much_of_it():
    leaf = {"mean": 120.0, "contrast": 55.0, "texture_share": 0.4, "match_share": 0.42, "lost_share": 0.42,
            "shift_certainty": 0.38, "contrast_ratio": 0.58, "steady_share": 0.99, "lost_cells": 0xFFFF}  # fmt: skip
    sunny, even = Watch(), Watch()
    for number in range(40):
        sunny.look(contrast_ratio=0.68 + 0.4 * (number % 2))
        even.look(contrast_ratio=0.88)
    for watch in (sunny, even):
        watch.look(**leaf)
        watch.look(420.0, **leaf)
    assert sunny.confirmed() == [Fault.PARTLY_COVERED]
    assert even.suspected() == []
    hazy = Watch()
    for number in range(40):
        hazy.look(contrast_ratio=0.68 + 0.4 * (number % 2))
    hazy.look(**leaf | {"mean": 140.0})
    assert hazy.suspected() == []


NOISY = {"match_share": 0.59, "steady_share": 0.6, "texture_share": 0.98, "noise_sd": 9.4}
"""What 10 levels of noise leave of an infrared night."""


def test_a_web_in_a_noisy_night_is_as_steady_as_the_noise_lets_it_be():
    web = NOISY | {"mean": 83.0, "contrast": 118.0, "sharpness": 0.98, "match_share": 0.32, "shift_certainty": 0.12,
                   "contrast_ratio": 1.1, "steady_share": 0.78}  # fmt: skip
    watch, quiet = known(of=BY_INFRARED, **NOISY), known(of=BY_INFRARED)
    for one in (watch, quiet):
        for _ in range(3):
            one.look(420.0, of=BY_INFRARED, **web)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]
    assert quiet.confirmed() == []  # there snow that falls is as steady


def test_a_web_may_leave_a_little_more_at_the_next_look():
    web = WEB_BY_NIGHT | {"shift_certainty": 0.2, "steady_share": 0.9}
    watch, other = known(of=BY_INFRARED), known(of=BY_INFRARED)
    for share in (0.55, 0.62, 0.62):
        watch.look(420.0, of=BY_INFRARED, **web | {"match_share": share})
    assert watch.confirmed() == [Fault.PARTLY_COVERED]
    for _ in range(3):
        other.look(420.0, of=BY_INFRARED, **web | {"match_share": 0.62})
    assert other.suspected() == []


def test_a_camera_that_shakes_in_a_noisy_night_is_found_where_the_noise_lets_it_be():
    watch = known(of=BY_INFRARED, **NOISY)
    for place in ((-3.9, 17.4), (6.3, 19.8), (21.9, 2.1)):
        x, y = place
        watch.look(of=BY_INFRARED, **NOISY | {"shift_x": x, "shift_y": y, "shift_certainty": 0.25,
                                              "match_share": 0.47, "steady_share": 0.55})  # fmt: skip
    assert watch.confirmed() == [Fault.SHAKING]


def shaken(watch: Watch, *places: tuple[float, float]) -> list[Fault]:
    for x, y in places:
        watch.look(420.0, shift_x=x, shift_y=y, match_share=0.75)
    return watch.confirmed()


def test_a_short_step_does_not_say_that_a_camera_rests():
    assert shaken(known(), (-25.2, 6.3), (-25.1, 3.9), (-22.8, -6.1)) == [Fault.SHAKING]


def test_two_looks_near_one_another_are_not_enough_to_say_that_a_view_has_moved():
    medium = known()
    assert shaken(medium, (-10.7, 2.0), (-9.9, 0.4)) == []
    assert shaken(medium, (-9.7, -3.3), (3.7, 0.6), (1.8, -6.2), (-6.0, 3.0)) == [Fault.SHAKING]
    assert shaken(known(), (-10.7, 2.0), (-10.5, 1.6)) == [Fault.MOVED]
    assert shaken(known(), (-10.7, 2.0), (-9.9, 0.4), (-10.9, 1.0)) == [Fault.MOVED]  # a mast in the wind


@pytest.mark.parametrize(("lost", "told"), [(0.3, []), (0.5, [Fault.PARTLY_COVERED])])
def test_a_dusk_that_is_compared_with_the_night_says_little_of_what_lamps_do_not_light_yet(lost, told):
    camera = Watch()
    camera.settle(12)
    camera.settle(12, of=BY_INFRARED)
    dusk = {
        "mean": 74.0, "contrast": 110.0, "match_share": 0.48, "lost_share": lost, "shift_certainty": 0.22,
        "contrast_ratio": 0.85, "steady_share": 0.9, "lost_cells": 0x7FF, "sharpness_ratio": 1.0, "shift_x": 0.0,
        "shift_y": 0.0, "reference": camera.references["infrared", ""],
    }  # fmt: skip
    for _ in range(3):
        camera.look(after_s=420, of=BY_DAY, **dusk)
    assert camera.confirmed() == told


def test_a_web_that_was_missed_once_is_no_look_in_order():
    """The look at which it hangs before a bus, too, does not say that so little is usually found."""
    watch = known()
    watch.look(**WEB_THAT_LEAVES_SHARP, reference="")
    watch.look(**WEB_OVER_ALL | {"match_share": 0.69})  # in the wind: too much is found for a web, and it is one
    for _ in range(3):
        watch.look(420.0, **WEB_OVER_ALL | {"match_share": 0.62})
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


@pytest.mark.parametrize("passing", [{"steady_share": 0.3}, {"contrast_ratio": 1.1, "shift_certainty": 0.02}])
def test_what_hides_a_part_in_the_sun_takes_no_contrast_from_the_rest_and_is_gone(passing):
    watch = known()
    watch.look(**WEB_OVER_ALL | passing)
    watch.settle(2)
    assert watch.confirmed() == []


def test_compared_with_the_night_nothing_is_a_veil_unless_the_hour_is_dark():
    night = View("night/", "p", 0, 0.0, 0.0)
    bright = next(iter(looks(visit(**BY_DAY, outcome=Outcome.PICTURE, at_ns=5 * 3600 * NS_PER_S))))
    dark = [[0, 0] for _ in range(24)]
    assert is_lit_like_a_veil(bright, night, {}, dark)  # nothing is known of this hour
    dark[4] = [0, 3]
    assert not is_lit_like_a_veil(bright, night, {}, dark)  # the hour before it was dark, as far as is known
    dark[6] = [1, 0]
    assert is_lit_like_a_veil(bright, night, {}, dark)  # and the one after it was day
    dark[5] = [0, 3]
    assert not is_lit_like_a_veil(bright, night, {}, dark)


def test_a_cast_over_the_own_view_is_the_same_whatever_clouds_do():
    watch = known()
    for mean, contrast in ((130.0, 120.0), (105.0, 80.0)):
        watch.look(420.0, cast=25.0, mean=mean, contrast=contrast)
    assert watch.confirmed() == [Fault.COLOUR_CAST]


def test_a_frozen_source_that_stands_with_a_bus_before_the_lens_has_not_moved():
    watch = known()
    bus = {"match_share": 0.12, "lost_share": 0.12, "shift_certainty": 0.0, "texture_share": 0.75}
    watch.look(**bus, steady_share=0.1)
    for _ in range(3):
        watch.look(420.0, **bus, steady_share=1.0, stir=0.5, drift=0.08, changed_share=0.3, scene_changed=0.3)
    assert Fault.MOVED not in watch.confirmed()
    for _ in range(2):  # in a new view the light changes, if nothing else
        watch.look(420.0, **bus, steady_share=1.0, stir=1.5, drift=0.6)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_view_into_a_grey_sky_is_known_again_by_its_noise_alone():
    sky = {
        "mean": 158.0, "contrast": 19.0, "sharpness": 6.0, "texture_share": 0.5, "match_share": 0.01,
        "lost_share": 0.24, "shift_x": -43.0, "shift_certainty": 0.0, "contrast_ratio": math.nan,
        "coarse_correlation": 0.03,
    }  # fmt: skip
    watch = known()
    watch.look(**sky, steady_share=0.01)
    for _ in range(2):
        watch.look(420.0, **sky, steady_share=0.23)
    assert watch.confirmed() == [Fault.MOVED]
    watch = known()  # two buses that have edges
    for steady in (0.01, 0.23, 0.23):
        watch.look(420.0, **sky | {"sharpness": 2.0, "contrast": 60.0, "coarse_correlation": 0.1}, steady_share=steady)
    assert watch.confirmed() == []


def test_a_camera_that_shakes_in_haze_is_found_by_the_steps_between_its_pictures():
    shaken = {"match_share": 0.42, "lost_share": 0.05, "contrast_ratio": 0.9, "steady_share": 0.8}
    watch = known()
    places = ((-2.0, -22.0, 22.0), (20.0, 10.0, 38.0), (-13.0, 19.0, 34.0))
    for x, y, step in places:
        watch.look(420.0, **shaken, shift_x=x, shift_y=y, shift_certainty=0.06, step_x=step, step_y=0.0)
    assert watch.confirmed() == [Fault.SHAKING]


def test_a_first_look_at_something_else_and_a_displaced_view_are_no_two_looks_at_one():
    """Of a camera that shakes: no place is known of the first."""
    watch = known()
    watch.look(match_share=0.3, lost_share=0.09, shift_certainty=0.02, steady_share=0.3)
    watch.look(420.0, shift_x=-11.0, shift_y=-6.0, shift_certainty=0.33, steady_share=math.nan)
    assert watch.confirmed() == []


def test_a_dark_picture_is_judged_where_the_nights_are_hardly_brighter():
    night = BY_INFRARED | {"mean": 36.0, "contrast": 120.0, "texture_share": 0.7, "dark_share": 0.65}
    sky = {
        "mean": 29.0, "contrast": 20.0, "texture_share": 0.25, "dark_share": 0.83, "match_share": 0.09,
        "lost_share": 0.44, "shift_x": -0.3, "shift_y": 6.4, "shift_certainty": 0.0,
    }  # fmt: skip
    watch = known(of=night)
    for steady in (0.09, 0.99):
        watch.look(420.0, of=night, **sky, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]
    watch = known(of=night)  # the lamps of the street are out
    for steady in (0.09, 0.99, 0.99):
        watch.look(420.0, of=night, **sky | {"mean": 22.0, "texture_share": 0.08}, steady_share=steady)
    assert watch.confirmed() == []


def test_a_bus_at_the_look_before_does_not_say_that_little_is_usually_found():
    watch = known()
    watch.look(match_share=0.4, lost_share=0.05, shift_certainty=0.2)  # a bus beside which the street is seen
    for _ in range(3):
        watch.look(420.0, **WEB_IN_THE_SUN)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]
    watch = known()
    for found in (0.75, 0.66, 0.58, 0.5, 0.44):  # snow that lies, and is full of edges
        watch.look(420.0, **WEB_IN_THE_SUN | {"match_share": found})
    assert watch.confirmed() == []


def test_a_view_into_the_sky_in_which_nothing_moves_is_another_one_all_the_same():
    sky = {"match_share": 0.03, "lost_share": 0.48, "shift_certainty": 0.0, "texture_share": 0.45, "contrast": 63.0}
    watch = known(of=BY_INFRARED)
    watch.look(of=BY_INFRARED, **sky, steady_share=0.03)
    watch.look(420.0, of=BY_INFRARED, **sky, steady_share=1.0, stir=0.35, drift=0.08)
    assert watch.confirmed() == [Fault.MOVED]


def test_another_street_agrees_with_the_reference_now_here_now_there():
    street = {"match_share": 0.41, "lost_share": 0.13, "shift_certainty": 0.18, "contrast_ratio": 0.93}
    for steady, step, confirmed in ((0.87, 0.04, [Fault.MOVED]), (0.3, 24.0, [])):
        watch = known(of=BY_INFRARED)
        watch.look(of=BY_INFRARED, **street, shift_x=13.8, shift_y=-19.6, steady_share=0.4)
        watch.look(
            420.0, of=BY_INFRARED, **street, shift_x=9.3, shift_y=-22.0, steady_share=steady, step_x=step, step_y=0.0
        )
        assert [fault for fault in watch.confirmed() if fault is Fault.MOVED] == confirmed


BLACK_SKY = {
    "mean": 55.0, "contrast": 17.0, "texture_share": 0.09, "match_share": 0.12, "lost_share": 0.43, "shift_y": -17.0,
    "shift_certainty": 0.06, "coarse_correlation": 0.05, "contrast_ratio": 0.9,
}  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"lost_share": 0.66, "texture_share": 0.14, "contrast": 11.0},
        {"lost_share": 0.61, "contrast": 12.0, "match_share": 0.03, "shift_y": 28.0, "shift_certainty": 0.003},
    ],
)
def test_a_black_sky_with_a_few_lamps_is_another_view_whatever_is_lost(more):
    watch = known(of=BY_INFRARED)
    for steady in (0.13, 0.99):
        watch.look(420.0, of=BY_INFRARED, **BLACK_SKY | more, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_night_that_is_lighter_than_usual_and_has_lost_its_contrast_is_fog():
    watch = known(of=BY_INFRARED)
    for steady in (0.13, 0.99):
        watch.look(
            420.0,
            of=BY_INFRARED,
            **BLACK_SKY | {"mean": 75.0, "shift_y": 0.0, "contrast_ratio": math.nan},
            steady_share=steady,
        )
    assert watch.confirmed() == [Fault.LOW_CONTRAST]


def test_a_noisy_night_that_was_tilted_into_haze_agrees_with_itself_as_far_as_the_noise_lets_it():
    noisy = {"match_share": 0.48, "texture_share": 0.91, "noise_sd": 10.0}
    haze = {"match_share": 0.01, "lost_share": 0.23, "shift_certainty": 0.0, "texture_share": 0.82, "noise_sd": 10.0}
    watch = known(of=BY_INFRARED, **noisy)
    for steady in (0.01, 0.31):
        watch.look(420.0, of=BY_INFRARED, **haze, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]
