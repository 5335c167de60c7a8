"""Webs and threads told in time, and lenses that were drawn to a lit front.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders. Each has a
neighbour that is none: what passes by itself, or another fault.
"""

import pytest
from own_kit import BY_DAY, BY_INFRARED, coloured_nights, in_the_dark, known, visit

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules.comparison.light import is_lit_like_a_veil
from citywatch.rules.pictures import looks
from citywatch.rules.references import View

WEB_IN_A_DIM_SUN = {
    "mean": 145.0, "contrast": 93.0, "sharpness": 1.06, "match_share": 0.51, "lost_share": 0.0, "shift_y": 1.4,
    "shift_certainty": 0.235, "contrast_ratio": 0.9, "coarse_correlation": 0.37,
}  # fmt: skip

WEB_IN_NOISE = {
    "mean": 124.0, "contrast": 151.0, "sharpness": 0.85, "match_share": 0.21, "lost_share": 0.012, "noise_sd": 9.2,
    "shift_certainty": 0.075, "contrast_ratio": 0.98, "coarse_correlation": 0.24, "detail_ratio": 2.0,
}  # fmt: skip


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


@pytest.mark.parametrize(("mean", "told"), [(121.0, Fault.MOVED), (131.0, Fault.PARTLY_COVERED)])
def test_a_road_that_the_lens_was_drawn_to_is_like_itself_and_no_brighter(mean, told):
    watch = known()
    watch.look(mean=mean, contrast=103.0, sharpness=0.99, match_share=0.216, lost_share=0.01, shift_x=1.7,
               shift_y=-2.5, shift_certainty=0.116, contrast_ratio=0.75, coarse_correlation=0.155)  # fmt: skip
    assert watch.suspected() == [told]


def test_a_web_that_makes_a_night_as_bright_as_a_day_is_no_two_buses():
    watch = in_the_dark(
        mean=93.0, contrast=130.0, sharpness=0.5, match_share=0.3, lost_share=0.05, shift_certainty=0.12,
        contrast_ratio=0.83, coarse_correlation=0.28,
    )  # fmt: skip
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


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


@pytest.mark.parametrize(("y", "told"), [(-2.8, Fault.MOVED), (-1.0, Fault.PARTLY_COVERED)])
def test_a_lens_that_was_drawn_to_a_lit_road_is_no_web(y, told):
    """What is found of it lies beside its place, and surely."""
    watch = known(of=BY_INFRARED)
    watch.look(of=BY_INFRARED, mean=90.0, contrast=134.0, sharpness=0.83, match_share=0.25, lost_share=0.02,
               shift_x=1.8, shift_y=y, shift_certainty=0.13, coarse_correlation=0.16,
               detail_ratio=1.3, steady_share=0.3)  # fmt: skip
    assert watch.suspected() == [told]


@pytest.mark.parametrize(("mean", "told"), [(93.0, Fault.MOVED), (126.0, Fault.PARTLY_COVERED), (66.0, None)])
def test_a_lens_that_was_drawn_to_a_lit_front_lies_where_no_web_does(mean, told):
    """Half of the usual is found, seven pixels aside. Lit up it would be a web, no brighter than usual the wind."""
    watch = known(of=BY_INFRARED)
    for steady in (0.55, 0.88):
        watch.look(420.0, of=BY_INFRARED, mean=mean, contrast=125.0, sharpness=0.6, match_share=0.45, lost_share=0.06,
                   shift_x=5.8, shift_y=-4.0, shift_certainty=0.084, coarse_correlation=0.25,
                   steady_share=steady)  # fmt: skip
    assert [fault for fault in watch.confirmed() if fault is not Fault.SHAKING] == ([told] if told else [])


def test_veils_that_are_another_at_each_look_are_none():
    """And what is learned goes on."""
    watch = known()
    for _ in range(3):
        watch.look(match_share=0.5, sharpness=1.0, contrast=110.0, mean=128.0, steady_share=0.5)
    assert watch.open() == {}


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


@pytest.mark.parametrize(("agrees", "told"), [(0.35, [Fault.PARTLY_COVERED]), (0.43, [])], ids=["a web", "low sun"])
def test_a_veil_behind_which_the_view_has_no_place_is_one_at_the_next_look_if_hardly_anything_agrees(agrees, told):
    watch = known()
    glare = {"mean": 140.0, "contrast": 118.0, "match_share": 0.51, "lost_share": 0.005, "shift_certainty": 0.0,
             "contrast_ratio": 0.95, "coarse_correlation": agrees}  # fmt: skip
    for sharpness, steady in ((1.1, 0.5), (1.12, 0.99)):
        watch.look(420.0, **glare, sharpness=sharpness, steady_share=steady)
    assert watch.suspected() == told


def test_a_view_that_is_back_at_the_first_place_of_its_line_was_not_drawn():
    """The reference itself was taken in the wind."""
    watch = known(of=BY_INFRARED)
    watch.look(5 * 3600.0, of=BY_INFRARED, shift_y=-1.5)
    for steady in (0.3, 0.9):
        watch.look(420.0, of=BY_INFRARED, mean=92.0, contrast=129.0, sharpness=0.7, match_share=0.29, lost_share=0.04,
                   shift_y=2.8, shift_certainty=0.1, coarse_correlation=0.19, detail_ratio=1.7,
                   steady_share=steady)  # fmt: skip
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


THREADS_AS_BRIGHT_AS_A_DAY = {
    "mean": 81.0, "contrast": 110.0, "sharpness": 0.8, "match_share": 0.5, "lost_share": 0.1, "shift_x": 0.3,
    "shift_certainty": 0.025, "contrast_ratio": 0.6, "coarse_correlation": 0.11,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, [Fault.PARTLY_COVERED]),
        ({"shift_x": 4.3, "shift_certainty": 0.06}, []),  # a lens that was drawn to a lit front
        ({"shift_certainty": 0.019}, []),
        ({"sharpness": 1.54}, []),  # dawn, at an hour that is dark
        ({"lost_share": 0.16}, []),
        ({"contrast": 104.0}, []),
        ({"match_share": 0.7}, []),
        ({"coarse_correlation": 0.07}, []),
        ({"coarse_correlation": 0.26}, []),  # headlights that stand, or a floodlight
        ({"match_share": 0.11}, []),
    ],
    ids=[
        "threads",
        "a lit front",
        "no place",
        "a dawn",
        "a front",
        "little contrast",
        "much is found",
        "unseen",
        "floodlight",
        "found by chance",
    ],
)
def test_threads_that_make_a_night_as_bright_as_a_day_stay(changes, told):
    watch = coloured_nights()
    watch.now_ns += 3600 * NS_PER_S
    for steady in (0.14, 0.67, 0.68):
        watch.look(
            420.0, reference=watch.references["day", ""], **THREADS_AS_BRIGHT_AS_A_DAY | changes, steady_share=steady
        )
    assert watch.confirmed() == told


@pytest.mark.parametrize(
    ("days", "shares"), [(5, (0.14, 0.3, 0.2)), (2, (0.14, 0.67, 0.68))], ids=["buses", "few nights are known"]
)
def test_buses_whose_lamps_are_as_bright_are_no_threads(days, shares):
    watch = coloured_nights(days)
    watch.now_ns += 3600 * NS_PER_S
    for steady in shares:
        watch.look(420.0, reference=watch.references["day", ""], **THREADS_AS_BRIGHT_AS_A_DAY, steady_share=steady)
    assert watch.confirmed() == []
