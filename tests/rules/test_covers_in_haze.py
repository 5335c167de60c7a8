"""Covers of a part, films, fog, dirt and blurs that look like one another, in haze above all.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders. Each has a
neighbour that is none: what passes by itself, or another fault.
"""

import math

import pytest
from own_kit import BY_INFRARED, coloured_nights, known

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault

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


@pytest.mark.parametrize(("mean", "told"), [(175.0, Fault.LOW_CONTRAST), (157.0, Fault.COVERED)])
def test_fog_of_which_next_to_nothing_is_seen_is_brighter_than_any_film(mean, told):
    watch = known()
    thick = {"contrast": 8.0, "sharpness": 2.7, "texture_share": 0.0, "match_share": 0.02, "lost_share": 0.89,
             "shift_certainty": 0.0, "contrast_ratio": math.nan, "coarse_correlation": 0.038}  # fmt: skip
    for _ in range(2):
        watch.look(420.0, **thick, mean=mean)
    assert watch.confirmed() == [told]


@pytest.mark.parametrize(("match", "told"), [(0.07, Fault.MOVED), (0.26, Fault.LOW_CONTRAST)])
def test_fog_leaves_what_it_does_not_hide_and_a_pale_sky_something_else(match, told):
    watch = known()
    for steady in (0.07, 0.99):
        watch.look(420.0, mean=127.0, contrast=30.0, sharpness=0.8, texture_share=0.5, match_share=match,
                   lost_share=0.38, shift_x=3.0, shift_y=3.0, shift_certainty=0.01, contrast_ratio=0.5,
                   coarse_correlation=0.11, steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [told]


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


@pytest.mark.parametrize(("transfer", "told"), [(0.12, [Fault.OUT_OF_FOCUS]), (0.23, [])], ids=["noise", "detail"])
def test_in_much_noise_a_blurred_picture_is_hardly_less_sharp(transfer, told):
    blurred = {"sharpness": 1.37, "match_share": 0.08, "lost_share": 0.035, "shift_x": -5.0, "shift_certainty": 0.36,
               "contrast_ratio": 0.74, "coarse_correlation": 0.38, "coarse_transfer": 0.17, "transfer_ratio": transfer,
               "detail_ratio": 0.49, "noise_sd": 12.0}  # fmt: skip
    watch = known(of=BY_INFRARED, noise_sd=12.0)
    for steady in (0.09, 0.15):
        watch.look(420.0, of=BY_INFRARED, **blurred, steady_share=steady)
    assert [fault for fault in watch.confirmed() if fault is Fault.OUT_OF_FOCUS] == told


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


@pytest.mark.parametrize(("contrast", "told"), [(5.0, Fault.LOW_CONTRAST), (4.0, Fault.COVERED)])
def test_the_thickest_fog_leaves_a_little_more_contrast_than_a_film(contrast, told):
    watch = known()
    for steady in (0.01, 0.67):
        watch.look(420.0, mean=175.0, contrast=contrast, sharpness=3.6, texture_share=0.0, match_share=0.027,
                   lost_share=0.85, shift_certainty=0.0, contrast_ratio=0.5, coarse_correlation=0.045,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [told]


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


def test_a_storm_at_noon_that_lights_the_lamps_is_no_cover():
    watch = coloured_nights(days=7)
    watch.now_ns += 16 * 3600 * NS_PER_S
    for steady in (0.6, 0.9):
        watch.look(420.0, reference=watch.references["night", ""], mean=70.0, lost_share=0.25, match_share=0.55,
                   lost_cells=0x0F0F, shift_certainty=0.2, contrast_ratio=0.9, coarse_correlation=0.5,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == []


def test_what_lay_there_in_the_morning_is_no_cover_that_came():
    """Snow over night: of the first look of a day nobody knows what was lost before."""
    watch = known()
    watch.look(420.0, of=BY_INFRARED)
    for steady in (0.1, 0.3, 0.3):
        watch.look(420.0, **CLOTH_IN_HAZE, steady_share=steady)
    assert watch.confirmed() == [Fault.LOW_CONTRAST]


DARK_STICKER = {
    "mean": 117.0, "contrast": 41.0, "sharpness": 0.7, "texture_share": 0.22, "match_share": 0.115,
    "lost_share": 0.64, "lost_cells": 0x0F0F0F, "shift_certainty": 0.0, "contrast_ratio": 0.9,
    "coarse_correlation": 0.12,
}  # fmt: skip


@pytest.mark.parametrize(
    "haze",
    [{"mean": 145.0}, {"contrast_ratio": 0.84}, {"contrast": 38.0}],
    ids=["as bright as haze", "paler", "of less contrast"],
)
def test_a_dark_cover_takes_the_contrast_of_what_it_hides_and_leaves_that_of_the_rest(haze):
    def told(**changes):
        watch = known()
        for steady in (0.16, 0.95, 0.99):
            watch.look(420.0, **DARK_STICKER | changes, steady_share=steady)
        return watch.confirmed()

    assert told() == [Fault.PARTLY_COVERED]
    assert told(**haze) == []


def test_by_night_what_takes_so_much_contrast_may_be_a_view_into_the_dark():
    watch = known(of=BY_INFRARED)
    for steady in (0.16, 0.95, 0.99):
        watch.look(420.0, of=BY_INFRARED, **DARK_STICKER | {"mean": 60.0, "contrast": 39.0}, steady_share=steady)
    assert watch.confirmed() == []
