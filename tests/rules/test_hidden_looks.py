"""Two looks that show the same fault in the same picture confirm it: whichever of three looks a bus takes, the others
are enough. `again_seconds` after a suspicion, 420, is when the patrol looks.
"""

import math
from dataclasses import replace

import pytest
from own_kit import ANOTHER_VIEW, BUS, BY_DAY, BY_INFRARED, COVER, Watch

from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Fault, Light
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.confirmations import alike
from citywatch.rules.faults import Confirmation

MOVED = {"shift_x": 30.0, "shift_y": -5.0, "shift_certainty": 0.4}
OF_ITS_OWN = {"mean": 100.0, "u_mean": 3.0}
PASSING_BUS = BUS | {"mean": 80.0, "u_mean": 12.0}


@pytest.fixture
def watch():
    known = Watch()
    known.settle(12)
    return known


STICKER = COVER | {"steady_share": 0.2}
"""A cover behind which the look before showed something else."""
FAULTS = {
    "partly_covered": (COVER, STICKER),
    "another view": (ANOTHER_VIEW | OF_ITS_OWN, ANOTHER_VIEW | OF_ITS_OWN | {"steady_share": 0.2}),
    "displaced": (MOVED, MOVED | {"steady_share": 0.2}),
    "colour cast": ({"cast": 25.0}, {"cast": 25.0}),
}
"""Of each fault a look after one that showed the same, and one after a bus."""


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("bus_at", [None, 1, 2])
def test_a_bus_at_any_one_of_three_looks_costs_nothing(watch, kind, bus_at):
    """Where it comes at the third, the second has confirmed the fault."""
    again, after_bus = FAULTS[kind]
    looks = 0
    for number in (1, 2, 3):
        if number == bus_at:
            watch.look(after_s=420, **PASSING_BUS)
            continue
        fresh = number == 1 or number - 1 == bus_at
        watch.look(after_s=420, **(after_bus if fresh else again))
        looks += 1
        if watch.confirmed():
            break
    name = {"another view": "moved", "displaced": "moved", "colour cast": "colour_cast"}.get(kind, kind)
    assert [fault.value for fault in watch.confirmed()] == [name]
    assert looks == 2


def test_a_bus_that_is_a_cover_itself_costs_nothing_either(watch):
    bus = COVER | {"lost_cells": 0xF0F0F0, "mean": 80.0, "u_mean": 12.0}
    watch.look(**bus)
    assert [fault.value for fault in watch.suspected()] == ["partly_covered"]
    watch.look(after_s=420, **STICKER)
    assert watch.confirmed() == []
    watch.look(after_s=420, **COVER)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


@pytest.mark.parametrize(
    ("after_s", "changes"),
    [(410.0, {}), (420.0, {"mean": 150.0}), (420.0, {"u_mean": 9.0}), (420.0, {"contrast": 40.0})],
    ids=["too soon", "brighter", "of another colour", "with less contrast"],
)
def test_two_looks_are_not_enough_when_it_may_be_something_else_or_what_still_passes(watch, after_s, changes):
    changed = STICKER | {"contrast_ratio": math.nan} | changes
    watch.look(**COVER)
    watch.look(after_s=after_s, **changed)
    assert watch.confirmed() == []
    watch.look(after_s=420, **changed)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_what_is_found_again_in_the_look_before_is_the_same_in_any_light(watch):
    watch.look(**COVER)
    watch.look(after_s=420, **COVER | {"mean": 150.0})
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_what_comes_again_after_long_without_an_answer_takes_three_looks(watch):
    watch.look(**COVER)
    for _ in range(3):
        watch.look(after_s=420, match_share=math.nan)
    watch.look(after_s=420, **STICKER)
    assert watch.confirmed() == []


def test_a_bus_that_stands_and_a_view_that_shakes_are_not_moved(watch):
    for _ in range(2):
        watch.look(after_s=300, **PASSING_BUS | {"steady_share": 0.9})
    for x in (30.0, -20.0):
        watch.look(after_s=420, **MOVED | {"shift_x": x, "steady_share": 0.3})
    assert watch.confirmed() == [Fault.SHAKING]


def test_one_good_look_in_between_ends_it(watch):
    watch.look(**COVER)
    watch.settle(1)
    watch.look(**COVER)
    assert watch.confirmed() == []


def test_a_bus_in_the_new_view_that_seems_to_lie_at_its_place_is_not_taken_for_the_view(watch):
    view = ANOTHER_VIEW | OF_ITS_OWN | {"shift_x": -48.0, "steady_share": 0.2}
    watch.look(**view)
    watch.look(after_s=420, **view | {"shift_certainty": 0.035, "v_mean": 9.0, "mean": 80.0})
    assert watch.confirmed() == []
    watch.look(after_s=420, **view)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_jolt_and_the_way_back_are_no_shaking(watch):
    watch.look(after_s=420, **MOVED | {"steady_share": 0.3})
    assert Fault.SHAKING in watch.suspected()
    watch.look(after_s=420, steady_share=0.3)
    assert watch.confirmed() == []
    watch.look(after_s=420, steady_share=0.9)
    assert watch.open() == {}


def test_a_view_that_lies_elsewhere_each_time_shakes(watch):
    watch.look(after_s=420, **MOVED | {"steady_share": 0.3})
    watch.look(after_s=420, **PASSING_BUS)
    watch.look(after_s=420, **MOVED | {"shift_x": -20.0, "steady_share": 0.3})
    assert Fault.MOVED not in watch.confirmed()
    watch.look(after_s=420, **MOVED | {"shift_x": 9.0, "steady_share": 0.3})
    assert watch.confirmed() == [Fault.SHAKING]


def test_three_buses_of_which_two_are_alike_side_by_side_are_no_view(watch):
    for bus in (BUS, BUS, PASSING_BUS, BUS, BUS):
        watch.look(after_s=210, **bus)
    watch.settle(1)
    assert watch.confirmed() == []


def test_a_bus_says_nothing_of_the_colours_of_the_street(watch):
    watch.look(cast=25.0)
    watch.look(after_s=210, **PASSING_BUS)
    assert Fault.COLOUR_CAST in watch.open()


def test_a_cover_in_the_shadows_of_the_sun_is_told_by_what_was_found_lately(watch):
    """A sticker over half of a view of which, a look ago, seven tenths were found."""
    sticker = COVER | {
        "match_share": 0.14,
        "lost_share": 0.53,
        "sharpness": 0.9,
        "contrast": 45.0,
        "shift_certainty": 0.02,
        "texture_share": 0.26,
    }
    watch.look(**sticker)
    assert watch.open() == {}
    for _ in range(2):
        watch.look(match_share=0.7)
    for _ in range(3):
        watch.look(after_s=210, **sticker)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_hidden_looks_may_count_for_nothing_and_the_words_say_so():
    rule = Confirmation(confirm_looks=3, confirm_seconds=420.0)
    assert "same picture" not in rule.words()
    assert (rule.least_looks, replace(rule, hidden_looks=1).least_looks, replace(rule, hidden_looks=9).least_looks) == (
        3, 2, 2,
    )  # fmt: skip
    assert (rule.again_seconds, replace(rule, hidden_looks=1).again_seconds) == (210.0, 420.0)
    watch = Watch(CameraPolicy(confirmations=alike(rule)))
    watch.settle(14)
    for _ in range(2):
        watch.look(after_s=420, **COVER)
    assert watch.confirmed() == []
    watch.look(after_s=420, **COVER)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_a_suspicion_of_the_last_release_goes_on(watch):
    """Its row knows neither a place nor what has changed since, and counts hidden looks."""
    watch.look(**MOVED)
    row = watch.state.get("camera", "cam-1")
    fault = {name: value for name, value in row["faults"]["moved"].items() if name != "place"} | {"hidden": 1}
    watch.state.put("camera", "cam-1", {**row, "faults": {"moved": fault}})
    watch.look(after_s=420, **MOVED)
    assert watch.confirmed() == [Fault.MOVED]


def test_torn_bands_that_look_striped_at_one_look_are_torn(watch):
    torn, striped = {"tear": 0.4}, {"stripe_rows": 6.0, "stripe_change": 0.9}
    for changes in (torn, striped, torn):
        watch.look(after_s=420, **changes)
    assert watch.suspected() == [Fault.MOSAIC, Fault.STRIPES]
    assert watch.confirmed() == [Fault.MOSAIC]


def test_no_two_torn_pictures_are_alike_and_two_are_enough(watch):
    """Bytes that are altered leave another picture each time."""
    watch.look(tear=0.4, mean=190.0, contrast=250.0, v_mean=-37.0)
    watch.look(after_s=410, tear=0.3, mean=45.0, contrast=110.0, v_mean=-65.0, steady_share=0.2)
    assert watch.confirmed() == []
    watch.settle(3)
    watch.look(tear=0.4, mean=190.0, contrast=250.0, v_mean=-37.0)
    watch.look(after_s=420, tear=0.3, mean=45.0, contrast=110.0, v_mean=-65.0, steady_share=0.2)
    assert watch.confirmed() == [Fault.MOSAIC]


def test_a_suspicion_that_nobody_could_check_for_two_hours_is_dropped(watch):
    for _ in range(3):
        watch.look(**COVER)
        for _ in range(11):
            watch.look(after_s=600, match_share=math.nan)
        assert watch.open() == {"partly_covered": "suspect"}
        watch.look(after_s=600, match_share=math.nan)
        assert watch.open() == {}
    assert watch.confirmed() == []
    assert len(watch.of(EventKind.SUSPICION_DROPPED)) == 3


def test_looks_that_are_rare_still_confirm(watch):
    """Hours between two looks are the patrol's doing; nothing says that it was fine."""
    for _ in range(3):
        watch.look(after_s=3 * 3600, **STICKER)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


BY_NIGHT = BY_DAY | {"mean": 45.0, "contrast": 105.0, "texture_share": 0.65, "light": Light.NIGHT}


@pytest.mark.parametrize(
    ("changes", "told"), [({}, True), ({"u_mean": 6.0}, False), ({"steady_share": 0.3}, False)],
    ids=["the same street", "another colour", "another bus"],
)  # fmt: skip
def test_what_passes_in_another_view_by_night_hides_a_half_of_it(changes, told):
    watch = Watch()
    watch.settle(12, of=BY_NIGHT)
    elsewhere = {"match_share": 0.09, "lost_share": 0.17, "shift_certainty": 0.02, "shift_x": 19.0}
    watch.look(of=BY_NIGHT, **elsewhere, steady_share=0.08)
    watch.look(420.0, of=BY_NIGHT, **elsewhere | {"steady_share": 0.44} | changes)
    assert (watch.confirmed() == [Fault.MOVED]) == told


def test_a_blur_that_leaves_no_place_to_be_sure_of_is_no_shaking():
    blurred = {"sharpness": 0.17, "sharpness_ratio": 0.5, "match_share": 0.53, "lost_share": 0.24,
               "shift_certainty": 0.35, "contrast_ratio": 0.5}  # fmt: skip
    for step, told in (({"step_x": 0.5, "step_y": -0.5}, Fault.OUT_OF_FOCUS), ({"step_x": 14.0}, Fault.SHAKING)):
        watch = Watch()
        watch.settle(12, of=BY_INFRARED)
        for x in (-6.5, 8.0, -8.0):
            watch.look(420.0, of=BY_INFRARED, **blurred | step, shift_x=x, steady_share=0.98)
        assert watch.confirmed()[:1] == [told]


def test_a_web_that_stays_need_not_be_placed_as_surely_again():
    """By night, in the light of the camera's own lamp."""
    for steady, told in ((0.95, [Fault.PARTLY_COVERED]), (0.5, [])):
        watch = Watch()
        watch.settle(60, of=BY_INFRARED)
        web = {"mean": 97.0, "sharpness": 0.7, "contrast": 131.0, "match_share": 0.36, "lost_share": 0.0}
        watch.look(of=BY_INFRARED, **web, shift_certainty=0.061, steady_share=0.39)
        for certainty in (0.045, 0.055):
            watch.look(420.0, of=BY_INFRARED, **web, shift_certainty=certainty, steady_share=steady)
        assert watch.confirmed() == told


BROKEN = {"decoder": {"decode_errors": 1}, "colours": {"void_share": 0.2}}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_stream_that_shows_a_whole_picture_once_is_broken_still(watch, kind):
    watch.look(after_s=420, **BROKEN[kind])
    watch.look(after_s=420)
    assert watch.confirmed() == []
    watch.look(after_s=420, **BROKEN[kind])
    assert watch.confirmed() == [Fault.MOSAIC]


def test_two_whole_pictures_or_one_after_a_picture_that_is_hardly_torn_end_a_suspicion(watch):
    hardly = {"tear": 0.06, "noise_sd": 3.0}
    for changes, whole in ((BROKEN["decoder"], 2), ({"tear": 0.3}, 2), (hardly, 1)):
        watch.look(after_s=420, **changes)
        assert watch.open() == {"mosaic": "suspect"}
        watch.settle(whole, after_s=300)
        assert watch.open() == {}
        watch.look(after_s=420, **changes)
        assert watch.confirmed() == []
        watch.settle(2)


CLOUDED = {"match_share": 0.62, "lost_share": 0.24, "shift_certainty": 0.4, "lost_cells": 0x7, "contrast_ratio": 0.75,
           "texture_share": 0.75, "steady_share": 0.2}  # fmt: skip
"""A look of which the light may be what changed."""


@pytest.mark.parametrize(("mean", "confirmed"), [(100.0, [Fault.MOVED]), (140.0, [])])
def test_what_light_may_explain_is_the_fault_if_it_stays(watch, mean, confirmed):
    """A bus passes at the first look after the camera was moved, and the second one could not be checked."""
    watch.look(after_s=420, **ANOTHER_VIEW | {"mean": 60.0, "u_mean": 8.0})
    watch.look(after_s=420, **CLOUDED | OF_ITS_OWN)
    assert watch.open() == {"moved": "suspect"}
    watch.look(after_s=420, **ANOTHER_VIEW | OF_ITS_OWN | {"mean": mean, "texture_share": 0.75, "steady_share": 0.55})
    assert watch.confirmed() == confirmed


@pytest.mark.parametrize(("x", "confirmed"), [(43.0, [Fault.MOVED]), (46.0, [])])
def test_wind_at_a_lens_that_zoomed_in_is_no_shaking(watch, x, confirmed):
    """What lies 39 pixels away may lie 4 pixels elsewhere at the next look."""
    watch.look(after_s=420, **MOVED | {"shift_x": 39.0, "shift_y": 0.0, "steady_share": 0.3})
    watch.look(after_s=420, **MOVED | {"shift_x": x, "shift_y": 0.0, "step_x": x - 39.0, "step_y": 0.0,
                                       "steady_share": 0.98})  # fmt: skip
    assert [fault for fault in watch.confirmed() if fault is Fault.MOVED] == confirmed
