"""Veils that the sun or the camera's own lamp lights up, and what the sun, snow and lamps do by themselves.

Each is a look at a generated street of the tuning seeds, as shares of what is usual there; its neighbour does what a
veil does by each sign, or by all but one.
"""

import math

import pytest
from own_kit import BY_DAY, BY_INFRARED, FOUND_AGAIN, Watch, visit

from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules import normals
from citywatch.rules.comparison import DEFAULT, Trace
from citywatch.rules.comparison.veils import glare, is_surely_veiled, is_veiled
from citywatch.rules.own_margins import ways
from citywatch.rules.own_margins.veils import veiled_in_the_dark, veiled_part
from citywatch.rules.pictures import looks
from citywatch.rules.references import View

DAY, NIGHT = View("day/", "a" * 64, 0, 0.0, 0.0), View("infrared/", "b" * 64, 0, 0.0, 0.0)


def shares(of=BY_DAY, *, bright=1.0, full=1.0, sharp=1.0, found=1.0, **changes):
    """A look's figures, as shares of what is usual."""
    return {
        "mean": bright * of["mean"], "contrast": full * of["contrast"], "sharpness": sharp * of["sharpness"],
        "match_share": found * FOUND_AGAIN["match_share"], "lost_share": 0.01, **changes,
    }  # fmt: skip


THREADS_IN_THE_SUN = shares(bright=1.21, full=1.23, sharp=0.71, found=0.63, coarse_correlation=0.42,
                            shift_certainty=0.22, contrast_ratio=1.0, detail_ratio=1.4)  # fmt: skip
A_LOW_SUN = shares(bright=1.12, full=1.28, sharp=0.8, found=0.64, coarse_correlation=0.55, shift_certainty=0.35,
                   contrast_ratio=1.0, detail_ratio=1.06)  # fmt: skip
A_BRIGHT_WEB = shares(bright=1.26, full=1.1, sharp=0.81, found=0.55, coarse_correlation=0.42, shift_certainty=0.24,
                      contrast_ratio=1.0, detail_ratio=1.1)  # fmt: skip
A_STREET_IN_THE_SUN = A_BRIGHT_WEB | shares(bright=1.25, full=1.25, sharp=0.88, found=0.6, coarse_correlation=0.49)
A_WEB_IN_HAZE = shares(bright=1.37, full=0.94, sharp=0.88, found=0.513, coarse_correlation=0.37, shift_certainty=0.22,
                       contrast_ratio=0.9, detail_ratio=0.76)  # fmt: skip
HAZE_IN_THE_SUN = A_WEB_IN_HAZE | shares(bright=1.29, full=0.95, sharp=1.09, found=0.65, coarse_correlation=0.49)
THREADS_IN_THE_LAMP = shares(BY_INFRARED, bright=1.3, full=1.18, sharp=0.84, found=0.66, coarse_correlation=0.41,
                             shift_certainty=0.2, contrast_ratio=1.0, detail_ratio=1.08)  # fmt: skip
SNOW_IN_THE_LAMP = THREADS_IN_THE_LAMP | {"detail_ratio": 0.88}


def known(of=BY_DAY):
    watch = Watch()
    watch.settle(of=of)
    for _ in range(40):
        watch.look(3600.0 if of is BY_INFRARED else 300.0, of=of, steady_share=0.75)
    return watch


def look(of=BY_DAY, **changes):
    row = {**of, **FOUND_AGAIN, "outcome": Outcome.PICTURE, "at_ns": 1, "steady_share": 0.95, **changes}
    return next(iter(looks(visit(**row))))


def usual(of=BY_DAY):
    rows = {}
    for _ in range(40):
        rows = normals.learned(rows, look(of))
    return rows


@pytest.mark.parametrize(
    ("of", "figures", "told"),
    [
        (BY_DAY, THREADS_IN_THE_SUN, [Fault.PARTLY_COVERED]),
        (BY_DAY, A_LOW_SUN, []),
        (BY_DAY, A_BRIGHT_WEB, [Fault.PARTLY_COVERED]),
        (BY_DAY, A_STREET_IN_THE_SUN, []),
        (BY_DAY, A_WEB_IN_HAZE, [Fault.PARTLY_COVERED]),
        (BY_DAY, A_WEB_IN_HAZE | {"contrast": 0.89 * BY_DAY["contrast"]}, []),
        (BY_DAY, A_WEB_IN_HAZE | {"shift_certainty": 0.055}, []),
        (BY_DAY, HAZE_IN_THE_SUN, []),
        (BY_INFRARED, THREADS_IN_THE_LAMP, [Fault.PARTLY_COVERED]),
        (BY_INFRARED, SNOW_IN_THE_LAMP, []),
        (BY_INFRARED, THREADS_IN_THE_LAMP | {"detail_ratio": math.nan}, [Fault.PARTLY_COVERED]),
    ],
    ids=[
        "threads",
        "a low sun",
        "a web",
        "a street in the sun",
        "a web in haze",
        "pale haze",
        "haze without a place",
        "haze in the sun",
        "threads by night",
        "snow by night",
        "no detail known",
    ],
)
def test_a_veil_does_all_of_it_and_the_sun_only_some(of, figures, told):
    watch = known(of)
    for steady in (0.4, 0.97, 0.97):
        watch.look(420.0, of=of, **figures, steady_share=steady)
    assert watch.confirmed() == told


def test_what_a_veil_does_is_weighed_together():
    one = look(**shares(bright=1.2, full=1.3, sharp=0.6, found=0.5))
    assert glare(one, DAY, usual()) == pytest.approx(1.2 * 1.3 / (0.6 * 0.5))
    assert math.isnan(glare(one, DAY, {}))
    dark = look(**shares(bright=0.85, full=1.15, sharp=0.7, found=0.65), contrast_ratio=1.0, coarse_correlation=0.5)
    dim = look(**shares(bright=0.9, full=1.15, sharp=0.7, found=0.65), contrast_ratio=1.0, coarse_correlation=0.5)
    assert is_veiled(dark, DAY, usual(), DEFAULT, again=False)
    assert not is_veiled(dim, DAY, usual(), DEFAULT, again=False)


@pytest.mark.parametrize(
    ("of", "figures", "less", "told"),
    [
        (BY_DAY, shares(bright=1.2, full=1.3, sharp=0.75, found=0.69), {"sharp": 0.78, "found": 0.72}, True),
        (BY_DAY, shares(bright=1.2, full=1.3, sharp=0.75, found=0.69), {"sharp": 0.79, "found": 0.75}, False),
        (BY_INFRARED, THREADS_IN_THE_LAMP, {"detail_ratio": 0.9}, True),
        (BY_INFRARED, THREADS_IN_THE_LAMP, {"detail_ratio": 0.84}, False),
    ],
    ids=["threads", "the sun comes out", "threads by night", "snow by night"],
)
def test_what_stays_need_not_do_as_much_again(of, figures, less, told):
    again = dict(figures)
    again["sharpness"] = less.pop("sharp", again["sharpness"] / of["sharpness"]) * of["sharpness"]
    again["match_share"] = (
        less.pop("found", again["match_share"] / FOUND_AGAIN["match_share"]) * FOUND_AGAIN["match_share"]
    )
    seen = {"coarse_correlation": 0.45, "shift_certainty": 0.2, "contrast_ratio": 0.95}
    watch = known(of)
    watch.look(420.0, of=of, **figures | seen, steady_share=0.4)
    for _ in range(2):
        watch.look(420.0, of=of, **again | seen | less, steady_share=0.95)
    assert (watch.confirmed() == [Fault.PARTLY_COVERED]) is told


SNOW_OF_WHICH_LITTLE_IS_FOUND = shares(BY_INFRARED, bright=1.25, sharp=0.8, found=0.44, shift_x=2.7,
    shift_certainty=0.1, coarse_correlation=0.45, contrast_ratio=0.95, detail_ratio=0.8)  # fmt: skip
A_CLOUD_OF_WHICH_LITTLE_IS_FOUND = shares(bright=0.9, full=1.115, sharp=0.785, found=0.445, shift_x=2.7,
    shift_certainty=0.1, coarse_correlation=0.65, contrast_ratio=0.95)  # fmt: skip


@pytest.mark.parametrize(
    ("of", "figures"), [(BY_INFRARED, SNOW_OF_WHICH_LITTLE_IS_FOUND), (BY_DAY, A_CLOUD_OF_WHICH_LITTLE_IS_FOUND)]
)
def test_what_looks_like_a_veil_is_no_other_view_though_it_does_too_little(of, figures):
    watch = known(of)
    for steady in (0.3, 0.55, 0.65):
        watch.look(420.0, of=of, **figures, steady_share=steady)
    assert watch.confirmed() == []


def test_where_nothing_is_ever_found_there_is_no_veil():
    rows = {}
    for _ in range(40):
        rows = normals.learned(rows, look(match_share=0.0))
    one = look(**THREADS_IN_THE_SUN)
    assert math.isnan(glare(one, DAY, rows))
    assert not is_veiled(one, DAY, rows, DEFAULT, again=False)
    assert math.isfinite(veiled_part(one, DAY, rows, Trace("day/"), DEFAULT, False, True))  # near, rather than far


def test_the_more_agrees_the_more_light_there_must_be():
    def surely(agrees):
        figures = shares(bright=1.27, full=1.2, sharp=0.8, found=0.6, coarse_correlation=agrees, shift_certainty=0.2)
        return is_surely_veiled(look(**figures, contrast_ratio=1.0), DAY, usual(), DEFAULT)

    assert surely(0.5)
    assert not surely(0.51)
    assert is_surely_veiled(look(**A_STREET_IN_THE_SUN), DAY, usual(), DEFAULT, weighed=False)
    assert not is_surely_veiled(look(**A_STREET_IN_THE_SUN), DAY, usual(), DEFAULT)


def test_a_margin_takes_nothing_for_steady_that_was_not_measured():
    one = look(BY_INFRARED, **THREADS_IN_THE_LAMP)
    rows, trace = usual(BY_INFRARED), Trace("infrared/", lost=0.02, seen=0.85, lately=0.85)

    def again(steady):
        after = look(BY_INFRARED, **THREADS_IN_THE_LAMP, steady_share=steady)
        return ways(after, one, NIGHT, rows, [trace])[Fault.PARTLY_COVERED][1].again

    assert again(0.9) <= 0
    assert again(math.nan) > 0.03


def test_a_margin_by_night_asks_for_a_place_but_of_what_only_the_lamp_makes():
    rows = usual(BY_INFRARED)

    def margin(**changes):
        one = look(BY_INFRARED, **THREADS_IN_THE_LAMP | changes)
        return veiled_part(one, NIGHT, rows, Trace("infrared/"), DEFAULT, False, True)

    assert margin() <= 0
    assert margin(shift_certainty=0.015) == pytest.approx(0.038, abs=0.01)  # as far from being surely a veil
    assert margin(shift_certainty=0.015, mean=1.7 * BY_INFRARED["mean"], sharpness=0.9) <= 0


def test_a_margin_asks_less_of_what_stays_as_the_rule_does():
    rows = usual()
    one = look(**shares(bright=1.2, full=1.3, sharp=0.78, found=0.72), coarse_correlation=0.45, contrast_ratio=0.95)

    def margin(veiled):
        trace = Trace("day/", veiled=veiled, lost=0.02, seen=0.85, lately=0.85)
        return veiled_part(one, DAY, rows, trace, DEFAULT, False, not veiled)

    assert margin(True) <= 0 < margin(False)


def test_a_margin_in_the_dark_knows_that_a_dawn_is_sharp():
    nights = usual(BY_INFRARED)["infrared"]
    rows = {"night": nights, **usual()}
    bright = {"mean": 110.0, "contrast": 110.0, "match_share": 0.5, "lost_share": 0.1, "coarse_correlation": 0.2}
    assert veiled_in_the_dark(look(**bright, sharpness=0.9), DAY, rows, DEFAULT) <= 0
    assert veiled_in_the_dark(look(**bright, sharpness=1.65), DAY, rows, DEFAULT) == pytest.approx(1.65 / 1.125 - 1)
    assert veiled_in_the_dark(look(**bright, sharpness=0.9, steady_share=math.nan), DAY, rows, DEFAULT) == math.inf
