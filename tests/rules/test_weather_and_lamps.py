"""What snow, a noisy night and the lamps of dawn and dusk leave of a view: the nearest that clean streets came to a
fault (docs/decisions/0060).
"""

import pytest
from own_kit import ANOTHER_VIEW, BY_DAY, BY_INFRARED, FOUND_AGAIN, Watch, visit

from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules import hours, normals
from citywatch.rules.comparison import Own, Trace, against
from citywatch.rules.pictures import looks
from citywatch.rules.references import View

NOON_NS = 12 * 3600 * 10**9
DAY = View("day/", "a" * 64, 0, 0.0, 0.0)
NIGHT = View("infrared/", "b" * 64, 0, 0.0, 0.0)
WEB = {"match_share": 0.55, "sharpness": 0.8, "contrast": 116.0}
LITTLE = {"match_share": 0.3, "steady_share": 0.3, "texture_share": 0.9}


def look(of, view, at_ns=0, **changes):
    at_ns = at_ns or (NOON_NS if view is DAY else 1)
    row = {**of, **FOUND_AGAIN, "outcome": Outcome.PICTURE, "at_ns": at_ns, "reference": view.picture, **changes}
    return next(iter(looks(visit(**row))))


def usual():
    rows = {}
    for _ in range(40):
        rows = normals.learned(rows, look(BY_DAY, DAY))
        rows = normals.learned(rows, look(BY_INFRARED, NIGHT))
    return rows


ROWS = usual()
DAYLIGHT = [[0, 9]] * 6 + [[9, 0]] * 12 + [[0, 9]] * 6


def answers(one, view, trace=None, dark_hours=None):
    told = against(one, view, ROWS, dark_hours or DAYLIGHT, trace or Trace(view.name, lost=0.02, seen=0.85), False)
    return {finding.fault for finding in told.found}, {item.fault: item.why for item in told.unchecked}, told.trace


@pytest.mark.parametrize("view", [DAY, NIGHT])
def test_what_lies_where_it_always_was_is_no_other_view_however_little_is_found(view):
    of = BY_DAY if view is DAY else BY_INFRARED
    found, unsure, after = answers(look(of, view, shift_certainty=0.04, **LITTLE), view)
    assert Fault.MOVED not in found
    assert unsure[Fault.MOVED] == Own.VIEW_CHANGES
    assert not after.strange
    assert (after.lost, after.seen) == (0.02, 0.85)  # nor does it say what is usually found
    elsewhere = look(of, view, shift_x=30.0, shift_certainty=0.04, **LITTLE)
    assert Fault.MOVED in answers(elsewhere, view)[0]


def test_another_view_is_known_again_by_its_place_only_elsewhere():
    strange = Trace("day/", strange=True, x=0.2, y=0.1)
    at_home = look(BY_DAY, DAY, shift_x=0.3, shift_certainty=0.04, **LITTLE)
    assert Fault.MOVED not in answers(at_home, DAY, strange)[0]
    away = look(BY_DAY, DAY, shift_x=12.3, shift_certainty=0.04, **LITTLE)
    assert Fault.MOVED in answers(away, DAY, Trace("day/", strange=True, x=12.0, y=0.1))[0]
    stays = look(BY_DAY, DAY, shift_certainty=0.02, **{**LITTLE, "steady_share": 0.9})
    assert Fault.MOVED in answers(stays, DAY, strange)[0]


def test_in_the_light_of_lamps_nothing_is_a_veil():
    assert Fault.PARTLY_COVERED in answers(look(BY_DAY, DAY, mean=128.0, **WEB), DAY)[0]
    found, unsure, after = answers(look(BY_DAY, DAY, mean=80.0, **WEB), DAY)
    assert found == set()
    assert unsure[Fault.PARTLY_COVERED] == Own.LIGHT_CHANGES
    assert (after.lost, after.seen, after.veiled) == (0.02, 0.85, False)  # so that it is told when it is light
    dawn = look(BY_DAY, DAY, at_ns=6 * 3600 * 10**9, mean=128.0, **WEB)
    assert answers(dawn, DAY)[1][Fault.PARTLY_COVERED] == Own.LIGHT_CHANGES


def test_edges_that_are_not_so_flat_are_out_of_focus_only_where_little_is_found():
    blurred = {"sharpness": 0.5, "sharpness_ratio": 0.84}
    assert Fault.OUT_OF_FOCUS in answers(look(BY_INFRARED, NIGHT, match_share=0.4, **blurred), NIGHT)[0]
    snow = look(BY_INFRARED, NIGHT, match_share=0.75, **blurred)
    assert answers(snow, NIGHT)[0] == set()
    assert Fault.OUT_OF_FOCUS in answers(look(BY_INFRARED, NIGHT, sharpness=0.5, sharpness_ratio=0.77), NIGHT)[0]


def test_the_first_dusk_of_a_camera_is_not_out_of_focus():
    flat = {"sharpness": 0.6, "sharpness_ratio": 0.7, "mean": 98.0}
    new = hours.nothing()
    assert hours.is_new(new, NOON_NS)
    assert not hours.is_new(DAYLIGHT, NOON_NS)
    assert answers(look(BY_DAY, DAY, **flat), DAY, dark_hours=new)[1][Fault.OUT_OF_FOCUS] == Own.LIGHT_CHANGES
    assert Fault.OUT_OF_FOCUS in answers(look(BY_DAY, DAY, **flat), DAY)[0]
    assert Fault.OUT_OF_FOCUS in answers(look(BY_DAY, DAY, **{**flat, "mean": 110.0}), DAY, dark_hours=new)[0]


def test_a_view_that_is_elsewhere_is_still_confirmed():
    watch = Watch()
    watch.settle(40)
    for _ in range(4):
        watch.look(**ANOTHER_VIEW)
    assert watch.confirmed() == [Fault.MOVED]
