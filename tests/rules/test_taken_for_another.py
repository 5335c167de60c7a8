"""What was called by another name, or by none: views into the sky, webs, cloths under clouds, shaking in noise.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders.
"""

import pytest
from own_kit import BY_DAY, BY_INFRARED, Watch

from citywatch.domain.pictures import Fault

INTO_THE_NIGHT_SKY = {
    "contrast": 14.0, "texture_share": 0.3, "sharpness": 1.2, "match_share": 0.147, "lost_share": 0.45,
    "shift_certainty": 0.064, "shift_x": 1.5, "shift_y": -1.4, "contrast_ratio": 0.84, "steady_share": 1.0,
    "lost_cells": 0x3FFF,
}  # fmt: skip
INTO_THE_SKY = {
    "contrast": 53.0, "texture_share": 0.272, "sharpness": 1.2, "match_share": 0.026, "lost_share": 0.5,
    "shift_certainty": 0.0, "steady_share": 0.98, "lost_cells": 0x1FFFFF,
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
CLOTH_UNDER_CLOUDS = {
    "contrast": 55.0, "texture_share": 0.57, "sharpness": 1.8, "match_share": 0.5, "lost_share": 0.24,
    "shift_certainty": 0.44, "contrast_ratio": 0.76, "steady_share": 0.88, "lost_cells": 0x7FF,
}  # fmt: skip
CASES = {
    "a view into the night sky": (BY_INFRARED, INTO_THE_NIGHT_SKY, Fault.MOVED),
    "a view into the sky": (BY_DAY, INTO_THE_SKY, Fault.MOVED),
    "a lens that was drawn to a lit front a little": (BY_INFRARED, ZOOM_BY_NIGHT, Fault.MOVED),
    "a sticker that hides the sharpest, too": (BY_DAY, STICKER, Fault.PARTLY_COVERED),
    "a web in the sun that leaves the street sharp": (BY_DAY, WEB_IN_THE_SUN, Fault.PARTLY_COVERED),
    "a web in the sun, over what is found, too": (BY_DAY, WEB_OVER_WHAT_IS_FOUND, Fault.PARTLY_COVERED),
    "a web by night, hardly sure of its place": (BY_INFRARED, WEB_BY_NIGHT, Fault.PARTLY_COVERED),
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
