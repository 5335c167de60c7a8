"""What was told a look or two too late, or not at all: torn, frozen, dark and noisy pictures, and references.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders. Each has a
neighbour that is none: what passes by itself, or another fault.
"""

import pytest
from own_kit import BY_DAY, BY_INFRARED, Watch, known

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Light


@pytest.mark.parametrize(("bright", "told"), [(0.0, [Fault.BLACK]), (0.11, [])])
def test_a_dark_picture_by_day_with_white_in_it_is_torn_and_not_black(bright, told):
    watch = known(300)
    watch.look(mean=23.0, contrast=60.0, dark_share=0.74, bright_share=bright, layout=100.0, texture_share=0.1,
               light=Light.NIGHT)  # fmt: skip
    assert watch.suspected() == told


@pytest.mark.parametrize(("mean", "told"), [(25.0, [Fault.INFRARED_STUCK]), (40.0, [])])
def test_beside_a_twilight_only_what_is_far_darker_lacks_its_infrared(mean, told):
    watch = Watch()
    watch.settle(23, of=BY_DAY)
    watch.settle(24, of=BY_INFRARED)
    watch.now_ns += 22 * 3600 * NS_PER_S  # the first hour of infrared, once more
    watch.look(of=BY_INFRARED, light=Light.NIGHT, mean=mean, contrast=17.0, texture_share=0.11, chroma_sd=1.0)
    assert watch.suspected() == told


def test_one_look_that_agrees_well_does_not_make_a_reference_of_what_agreed_in_noise():
    watch = Watch()
    for share in (0.1, 0.28, 0.55, 0.55, 0.55):
        watch.look(of=BY_INFRARED, noise_sd=6.0, steady_share=share)
    assert watch.references == {}
    watch.look(of=BY_INFRARED, noise_sd=6.0, steady_share=0.55)
    assert watch.references != {}


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


@pytest.mark.parametrize(("match", "followed"), [(0.79, False), (0.85, True)], ids=["headlights", "nothing passes"])
def test_by_night_no_picture_becomes_the_reference_in_which_headlights_pass(match, followed):
    """What they light up would be missed when they are gone."""
    watch = known(of=BY_INFRARED)
    before = dict(watch.references)
    watch.look(5 * 3600.0, of=BY_INFRARED, match_share=match)
    assert (watch.references != before) == followed


@pytest.mark.parametrize(("tear", "told"), [(0.1, [Fault.MOSAIC]), (0.06, [])])
def test_bands_that_fit_by_chance_at_one_look_are_torn_at_the_next(tear, told):
    """By night, in noise: what is torn so much as no healthy picture is may be whole once."""
    watch = known(of=BY_INFRARED)
    for torn in (tear, 0.03, 0.13):
        watch.look(420.0, of=BY_INFRARED, tear=torn, noise_sd=8.0, match_share=0.3)
    assert watch.confirmed() == told


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


def test_a_night_is_followed_after_a_day_though_less_of_it_is_found_than_was():
    watch = known(100, of=BY_INFRARED)
    before = dict(watch.references)
    for _ in range(30):
        watch.look(3600.0, of=BY_INFRARED, match_share=0.65, steady_share=0.75)
    assert watch.references != before


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
