"""A look that a bus takes from the looks which confirm a fault: two others, far enough apart and alike, are enough."""

import math
from dataclasses import replace

import pytest
from own_kit import ANOTHER_VIEW, BUS, COVER, Watch

from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.confirmations import alike
from citywatch.rules.faults import Confirmation

MOVED = {"shift_x": 30.0, "shift_y": -5.0, "shift_certainty": 0.4}


PASSING_BUS = BUS | {"mean": 80.0, "u_mean": 12.0}


@pytest.fixture
def watch():
    known = Watch()
    known.settle(12)
    return known


def test_a_fault_that_a_bus_hid_at_one_look_needs_one_bad_look_less(watch):
    watch.look(**COVER)
    assert [event.data["fault"] for event in watch.look(after_s=210, **PASSING_BUS)] == ["moved"]
    watch.look(after_s=210, **COVER | {"steady_share": 0.2})
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["looks"]) == ("partly_covered", 2)


@pytest.mark.parametrize(
    ("after_s", "changes"),
    [(150.0, {}), (210.0, {"mean": 150.0}), (210.0, {"u_mean": 9.0}), (210.0, {"contrast": 40.0})],
    ids=["too soon", "brighter", "of another colour", "with less contrast"],
)
def test_not_so_when_it_may_be_something_else_or_what_still_passes(watch, after_s, changes):
    watch.look(**COVER)
    watch.look(after_s=210, **PASSING_BUS)
    watch.look(after_s=after_s, **COVER | {"contrast_ratio": math.nan} | changes)
    assert watch.confirmed() == []


def test_a_look_without_a_picture_hides_nothing(watch):
    watch.look(**COVER)
    watch.miss(Outcome.UNCHECKED, "end_of_file", after_s=210)
    watch.look(after_s=210, **COVER)
    assert watch.confirmed() == []
    watch.look(after_s=210, **COVER)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_another_view_that_a_bus_hid_is_known_again_by_its_figures(watch):
    view = ANOTHER_VIEW | {"mean": 100.0, "u_mean": 3.0, "steady_share": 0.2}
    watch.look(**view)
    watch.look(after_s=210, **PASSING_BUS)
    watch.look(after_s=210, **view)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["looks"]) == ("moved", 2)


def test_three_buses_of_which_two_are_alike_side_by_side_are_no_view(watch):
    for bus in (BUS, BUS, PASSING_BUS, BUS, BUS):
        watch.look(after_s=210, **bus)
    watch.settle(1)
    assert watch.confirmed() == []


def test_a_displaced_view_is_found_at_its_place_again_behind_a_bus(watch):
    watch.look(**MOVED)
    watch.look(after_s=210, **PASSING_BUS)
    watch.look(after_s=210, **MOVED | {"steady_share": 0.2})
    assert watch.confirmed() == [Fault.MOVED]


def test_a_bus_says_nothing_of_the_colours_of_the_street(watch):
    watch.look(cast=25.0)
    watch.look(after_s=210, **PASSING_BUS)
    assert Fault.COLOUR_CAST in watch.open()
    watch.look(after_s=210, cast=25.0)
    assert watch.confirmed() == [Fault.COLOUR_CAST]


def test_a_cover_in_the_shadows_of_the_sun_is_told_by_what_was_found_lately(watch):
    """A sticker over half of a view of which, a look ago, seven tenths were found."""
    sticker = COVER | {"match_share": 0.14, "lost_share": 0.53, "shift_certainty": 0.02, "texture_share": 0.26}
    watch.look(**sticker)
    assert watch.open() == {}
    for _ in range(2):
        watch.look(match_share=0.7)
    for _ in range(3):
        watch.look(after_s=210, **sticker)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_hidden_looks_may_count_for_nothing_and_the_words_say_so():
    rule = Confirmation(confirm_looks=3, confirm_seconds=420.0)
    assert "alike" not in rule.words()
    assert (rule.least_looks, replace(rule, hidden_looks=1).least_looks, replace(rule, hidden_looks=9).least_looks) == (
        3, 2, 2,
    )  # fmt: skip
    policy = CameraPolicy(confirmations=alike(rule))
    watch = Watch(policy)
    watch.settle(14)
    for look in (COVER, PASSING_BUS, COVER):
        watch.look(after_s=210, **look)
    assert watch.confirmed() == []
