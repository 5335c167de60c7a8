"""What is left of a view's coarser and finer detail tells blurs, films, fog and dirt apart where edges tell nothing."""

import pytest
from own_kit import BY_DAY, BY_INFRARED, Watch

from citywatch.domain.pictures import Fault

SEEN = {"coarse_correlation": 0.8, "coarse_transfer": 0.9, "transfer_ratio": 1.0, "detail_ratio": 1.0}


@pytest.fixture
def by_day():
    known = Watch()
    known.settle(12, **SEEN)
    return known


@pytest.fixture
def by_night():
    """A night of 11 levels of noise, known for hours."""
    known = Watch()
    known.settle(40, of=BY_INFRARED, match_share=0.59, noise_sd=9.4, texture_share=0.98, **SEEN)
    return known


BLURRED_NIGHT = {
    "noise_sd": 10.1, "texture_share": 0.95, "sharpness": 1.2, "contrast": 72.0, "match_share": 0.085,
    "lost_share": 0.035, "sharpness_ratio": 0.95, "contrast_ratio": 0.82, "shift_certainty": 0.2, "shift_x": 5.3,
    "steady_share": 0.13, "coarse_correlation": 0.44, "coarse_transfer": 0.18, "transfer_ratio": 0.12,
    "detail_ratio": 0.44,
}  # fmt: skip
"""Severely out of focus: its noise is as sharp as ever, and next to nothing is found of it."""
FILM = {
    "mean": 150.0, "contrast": 7.0, "sharpness": 3.3, "texture_share": 0.0, "match_share": 0.23, "lost_share": 0.74,
    "sharpness_ratio": 1.08, "contrast_ratio": 0.27, "shift_certainty": 0.1, "chroma_sd": 1.0,
    "coarse_correlation": 0.4, "coarse_transfer": 0.022, "transfer_ratio": 0.4,
}  # fmt: skip
"""A bag before the lens, as bright as fog."""
DIRT = FILM | {
    "mean": 130.0, "contrast": 10.0, "texture_share": 0.08, "match_share": 0.56, "lost_share": 0.35,
    "contrast_ratio": 0.24, "coarse_correlation": 0.75, "coarse_transfer": 0.08, "transfer_ratio": 0.9,
}  # fmt: skip
FOG = FILM | {
    "mean": 175.0, "match_share": 0.05, "lost_share": 0.87, "contrast_ratio": 0.48, "shift_certainty": 0.03,
    "coarse_correlation": 0.08, "coarse_transfer": float("nan"), "transfer_ratio": float("nan"),
}  # fmt: skip
"""At 12 m, under a noise of 1.6 levels."""


def twice(watch, of, **changes):
    for _ in range(2):
        watch.look(after_s=420, of=of, **changes)
    return watch.confirmed()


def test_a_blur_in_a_noisy_night_is_no_other_view(by_night):
    assert twice(by_night, BY_INFRARED, **BLURRED_NIGHT) == [Fault.OUT_OF_FOCUS]
    assert Fault.MOVED not in by_night.suspected()


def test_a_view_that_is_not_there_is_not_blurred(by_night):
    by_night.look(after_s=420, of=BY_INFRARED, **BLURRED_NIGHT | {"coarse_correlation": 0.2})
    by_night.look(after_s=420, of=BY_INFRARED, **BLURRED_NIGHT | {"detail_ratio": 0.9})
    assert Fault.OUT_OF_FOCUS not in by_night.suspected()


def test_dusk_or_lamps_take_coarse_and_fine_alike_and_hide_no_blur(by_day):
    """Darker than its days: whether edges are flatter could not be checked. A view without finer detail is."""
    assert twice(by_day, BY_DAY, mean=70.0, sharpness=0.5, sharpness_ratio=0.6, **SEEN) == []
    blurred = {"coarse_correlation": 0.5, "coarse_transfer": 0.4, "transfer_ratio": 0.2, "detail_ratio": 0.2}
    assert twice(by_day, BY_DAY, mean=70.0, sharpness=0.5, sharpness_ratio=0.6, **blurred) == [Fault.OUT_OF_FOCUS]


def test_a_slight_blur_counts_where_nothing_else_is_sharp(by_day):
    slight = {"coarse_correlation": 0.7, "coarse_transfer": 0.7, "transfer_ratio": 0.55, "sharpness_ratio": 0.82,
              "detail_ratio": 0.6}  # fmt: skip
    assert twice(by_day, BY_DAY, **slight) == []
    assert twice(by_day, BY_DAY, **slight, sharpness=0.6) == [Fault.OUT_OF_FOCUS]


def test_a_film_as_bright_as_fog_is_a_film(by_day):
    assert twice(by_day, BY_DAY, **FILM) == [Fault.COVERED]


@pytest.mark.parametrize("pale", [DIRT, FOG], ids=["dirt", "fog"])
def test_what_is_seen_through_however_pale_is_not_covered(by_day, pale):
    assert twice(by_day, BY_DAY, **pale) == [Fault.LOW_CONTRAST]


HAZE = {
    "mean": 170.0, "contrast": 50.0, "match_share": 0.35, "lost_share": 0.55, "sharpness_ratio": 1.0,
    "coarse_correlation": 0.42, "transfer_ratio": 1.0, "detail_ratio": 0.2,
}  # fmt: skip
"""As bright as fog, and half of the view is gone."""


@pytest.mark.parametrize(
    ("left", "of_all", "told"),
    [(0.68, 0.11, [Fault.LOW_CONTRAST]), (0.68, 0.3, []), (0.9, 0.11, [])],
    ids=["fog", "haze", "a bright cloth"],
)
def test_fog_that_leaves_the_near_is_told_by_all_of_the_view(by_day, left, of_all, told):
    found = twice(by_day, BY_DAY, **HAZE, contrast_ratio=left, coarse_transfer=of_all)
    assert [fault for fault in found if fault is Fault.LOW_CONTRAST] == told


def test_a_tilted_night_with_detail_of_its_own_is_not_pale(by_night):
    sky = {
        "mean": 41.0, "contrast": 19.0, "texture_share": 0.22, "match_share": 0.1, "lost_share": 0.45,
        "contrast_ratio": float("nan"), "shift_certainty": 0.02, "steady_share": 0.9, "coarse_correlation": 0.25,
        "coarse_transfer": 0.26, "transfer_ratio": 0.43, "detail_ratio": 0.85,
    }  # fmt: skip
    twice(by_night, BY_INFRARED, **sky)
    assert Fault.LOW_CONTRAST not in by_night.suspected()


def test_a_film_that_hides_all_colour_by_day_is_not_compared_with_the_night():
    """It is as bright as no night, and as fog would be then; of the days it is darker."""
    camera = Watch()
    camera.settle(12, **SEEN)
    camera.settle(12, of=BY_INFRARED, after_s=3600.0, **SEEN)
    film = FILM | {"mean": 92.0, "contrast": 2.0, "match_share": 0.05, "lost_share": 0.9, "light": 3, "chroma_sd": 0.0,
                   "contrast_ratio": 0.6, "coarse_correlation": 0.11, "coarse_transfer": float("nan"),
                   "transfer_ratio": float("nan"), "u_mean": 0.0, "v_mean": 0.0}  # fmt: skip
    assert twice(camera, BY_INFRARED, **film) == [Fault.COVERED]


@pytest.mark.parametrize(("of_the_finer", "told"), [(1.0, []), (0.7, [Fault.OUT_OF_FOCUS])])
def test_flat_edges_of_a_view_that_has_its_finer_detail_are_no_blur(by_day, of_the_finer, told):
    """Rain and snow flatten edges, too."""
    flat = {"sharpness": 0.5, "sharpness_ratio": 0.6, "coarse_correlation": 0.5, "coarse_transfer": 0.6}
    assert twice(by_day, BY_DAY, **flat, transfer_ratio=of_the_finer, detail_ratio=0.9) == told


@pytest.mark.parametrize(("agrees", "told"), [(0.4, [Fault.PARTLY_COVERED]), (0.7, [])])
def test_what_agrees_with_the_view_is_no_veil_before_it(agrees, told):
    camera = Watch()
    camera.settle(40, **SEEN)
    web = {"match_share": 0.5, "sharpness": 1.0, "contrast": 110.0, "mean": 128.0, "steady_share": 0.95}
    assert twice(camera, BY_DAY, **web, coarse_correlation=agrees) == told


def test_fog_that_lifts_is_gone_and_a_look_in_order_is_no_open_question(by_day):
    """What stands out as ever says that nothing is pale: it is an answer, by which the fault clears."""
    twice(by_day, BY_DAY, **FOG)
    assert by_day.open() == {"low_contrast": "confirmed"}
    by_day.settle(4, **SEEN)
    assert by_day.open() == {}


GONE = BLURRED_NIGHT | {
    "noise_sd": 1.0, "sharpness": 0.12, "match_share": 0.3, "lost_share": 0.38, "contrast": 110.0, "steady_share": 0.7,
    "shift_certainty": 0.15, "coarse_correlation": 0.18, "coarse_transfer": 0.09, "transfer_ratio": 0.13,
    "detail_ratio": 0.22,
}  # fmt: skip
"""So blurred that its lamps are disks: hardly anything agrees with the reference, and nothing else has detail."""


def test_a_blur_that_leaves_the_reference_next_to_nothing_is_told_by_what_no_other_view_lacks(by_night):
    assert twice(by_night, BY_INFRARED, **GONE) == [Fault.OUT_OF_FOCUS]


@pytest.mark.parametrize("detail", [{"detail_ratio": 0.6}, {"sharpness": 1.5}])
def test_another_view_has_detail_of_its_own_or_is_sharp(by_night, detail):
    assert Fault.OUT_OF_FOCUS not in twice(by_night, BY_INFRARED, **GONE | detail | {"match_share": 0.05})


ZOOMED = {
    "sharpness": 0.72, "match_share": 0.14, "lost_share": 0.03, "sharpness_ratio": 0.6, "shift_x": -82.0,
    "shift_y": -54.0, "shift_certainty": 0.002, "steady_share": 0.14, "coarse_correlation": 0.13,
}  # fmt: skip


def test_edges_of_a_view_that_is_found_by_chance_are_nobodys(by_day):
    by_day.look(**ZOOMED)
    assert by_day.suspected() == [Fault.MOVED]


def test_no_fog_leaves_so_little_as_a_film(by_day):
    for film in (FILM | {"contrast": 4.0, "transfer_ratio": 0.56}, FILM | BARE):
        assert twice(by_day, BY_DAY, **film)[-1] is Fault.COVERED
    assert Fault.LOW_CONTRAST not in by_day.suspected()


BARE = {
    "contrast": 4.0, "match_share": 0.045, "lost_share": 0.94, "contrast_ratio": float("nan"), "coarse_transfer": 0.01,
    "shift_certainty": 0.0, "coarse_correlation": 0.09, "transfer_ratio": float("nan"),
}  # fmt: skip
LIT_PLATE = FILM | {
    "mean": 165.0, "contrast": 20.0, "sharpness": 0.48, "texture_share": 0.008, "match_share": 0.006, "shift_x": -62.0,
    "lost_share": 0.97, "contrast_ratio": float("nan"), "shift_certainty": 0.003, "coarse_correlation": 0.03,
    "coarse_transfer": float("nan"), "transfer_ratio": float("nan"),
}  # fmt: skip


def test_light_that_falls_on_a_plate_is_no_fog_although_nothing_is_found_again(by_day):
    assert twice(by_day, BY_DAY, **LIT_PLATE) == [Fault.COVERED]


def test_behind_a_film_only_noise_is_sharp_and_in_fog_what_is_near(by_day):
    film = FILM | {"contrast": 8.0, "sharpness": 5.0, "transfer_ratio": 0.6, "match_share": 0.04, "lost_share": 0.9}
    assert twice(by_day, BY_DAY, **film) == [Fault.COVERED]


def test_fog_leaves_as_much_of_the_finer_detail_where_it_has_edges(by_day):
    fog = FILM | {"contrast": 8.0, "sharpness": 1.4, "transfer_ratio": 0.6, "match_share": 0.16, "lost_share": 0.8}
    assert twice(by_day, BY_DAY, **fog | {"mean": 175.0, "shift_certainty": 0.12}) == [Fault.LOW_CONTRAST]
