"""Margins of what only a reference tells: a finding is never said to be far from its fault."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_kit import ANOTHER_VIEW, BY_DAY, BY_INFRARED, COVER, FOUND_AGAIN, visit

from citywatch.domain.pictures import Fault, Outcome
from citywatch.rules import hours, normals
from citywatch.rules.comparison import Trace, against
from citywatch.rules.likeness import likeness
from citywatch.rules.own_margins import focus, margins, pale, ways
from citywatch.rules.pictures import looks
from citywatch.rules.references import View

OWN = (Fault.MOVED, Fault.PARTLY_COVERED, Fault.SHAKING)
VIEW = View("day/", "a" * 64, 0, 0.0, 0.0)
SHARES = st.floats(0.0, 1.0)
PIXELS = st.floats(-80.0, 80.0)


def look(**values):
    row = {**BY_DAY, **FOUND_AGAIN, "outcome": Outcome.PICTURE, "at_ns": 1, "reference": VIEW.picture, **values}
    return next(iter(looks(visit(**row))))


def known():
    rows = {}
    for _ in range(40):
        rows = normals.learned(rows, look())
    return rows


ROWS = known()


def test_a_look_in_order_is_far_from_all_of_them():
    told = margins(look(), VIEW, ROWS, Trace())
    assert set(told) == set(OWN)
    assert min(told.values()) > 0.4


def test_what_cannot_be_compared_has_none():
    assert margins(look(), None, ROWS, Trace()) == {}
    assert margins(look(match_share=math.nan), VIEW, ROWS, Trace()) == {}
    assert margins(look(outcome=Outcome.UNREACHABLE), VIEW, ROWS, Trace()) == {}


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        (Fault.MOVED, {"shift_x": 30.0}),
        (Fault.MOVED, ANOTHER_VIEW),
        (Fault.PARTLY_COVERED, COVER),
        (Fault.PARTLY_COVERED, {"match_share": 0.5, "sharpness": 1.0, "contrast": 110.0, "mean": 128.0}),
        (Fault.SHAKING, {"shift_x": 6.0}),
    ],
)
def test_what_is_found_is_at_its_fault_or_beyond(fault, changes):
    assert margins(look(**changes), VIEW, ROWS, Trace("day/"))[fault] <= 0


@given(
    st.fixed_dictionaries(
        {
            "shift_x": PIXELS, "shift_y": PIXELS, "shift_certainty": SHARES, "match_share": SHARES,
            "lost_share": SHARES, "steady_share": st.one_of(st.just(math.nan), SHARES),
            "contrast_ratio": st.floats(0.1, 1.3),
            "sharpness": st.floats(0.4, 2.5), "texture_share": SHARES, "mean": st.floats(60.0, 170.0),
            "contrast": st.floats(60.0, 120.0), "sharpness_ratio": st.floats(0.5, 1.2),
            "lost_cells": st.sampled_from([0, 0xFF00FF, 0x0000FF, 0xFFF000]),
            "coarse_correlation": SHARES, "coarse_transfer": SHARES, "detail_ratio": SHARES,
            "transfer_ratio": st.one_of(st.just(math.nan), st.floats(0.05, 1.5)),
        }
    ),
    st.builds(
        Trace, name=st.just("day/"), x=PIXELS, y=PIXELS, placed=st.booleans(), cells=st.sampled_from([0, 0xFF00FF]),
        passed=st.booleans(), like=st.sampled_from([[], likeness(look())]),
        strange=st.booleans(), veiled=st.booleans(), shaken=st.booleans(), light=st.just(1),
        sure=st.booleans(), lost=st.sampled_from([-1.0, 0.02, 0.2]), seen=SHARES,
    ),
)  # fmt: skip
def test_no_finding_is_said_to_be_far_from_its_fault(values, trace):
    one = look(**values)
    told = margins(one, VIEW, ROWS, trace)
    alone = ways(one, None, VIEW, ROWS, [trace])
    flat = pale(one, VIEW, ROWS, hours.nothing())
    for finding in against(one, VIEW, ROWS, hours.nothing(), trace, False).found:
        if finding.fault in OWN:
            assert told[finding.fault] <= 1e-9, finding
        if finding.fault in alone:
            assert min(reach.alone for reach in alone[finding.fault]) <= 1e-9, finding
        if finding.fault in (Fault.LOW_CONTRAST, Fault.COVERED):
            assert flat[finding.fault] <= 1e-9, finding
        if finding.fault is Fault.OUT_OF_FOCUS:
            assert focus(one, VIEW, ROWS, math.inf) <= 1e-9, finding


NIGHT = View("infrared/", "b" * 64, 0, 0.0, 0.0)


def of_night(**values):
    row = {**BY_INFRARED, **FOUND_AGAIN, "outcome": Outcome.PICTURE, "at_ns": 1, "reference": NIGHT.picture, **values}
    return next(iter(looks(visit(**row))))


def no_veil_is_said_to_be_far(one, before, view, rows, trace):
    """Whether there was one; the margins of each are asserted to be at it, or beyond."""
    found = [
        finding
        for finding in against(one, view, rows, hours.nothing(), trace, False).found
        if finding.fault is Fault.PARTLY_COVERED
    ]
    for finding in found:
        assert margins(one, view, rows, trace)[finding.fault] <= 1e-9, finding
        told = ways(one, before, view, rows, [trace])[finding.fault]
        assert min(reach.again if trace.veiled else reach.alone for reach in told) <= 1e-9, finding
    return bool(found)


NIGHTS = {}
for _ in range(40):
    NIGHTS = normals.learned(NIGHTS, of_night())


@given(
    st.fixed_dictionaries(
        {
            "shift_x": st.floats(-14.0, 14.0), "shift_certainty": st.floats(0.0, 0.3),
            "match_share": st.floats(0.2, 0.75), "lost_share": st.floats(0.0, 0.1),
            "steady_share": st.one_of(st.just(math.nan), st.floats(0.3, 1.0)), "contrast_ratio": st.floats(0.5, 1.3),
            "sharpness": st.floats(0.4, 1.6), "mean": st.floats(60.0, 130.0), "contrast": st.floats(50.0, 140.0),
            "coarse_correlation": st.one_of(st.just(math.nan), st.floats(0.0, 0.7)),
            "detail_ratio": st.one_of(st.just(math.nan), st.floats(0.6, 1.8)),
        }
    ),
    st.booleans(),
    st.sampled_from([-1.0, 0.02]),
)  # fmt: skip
def test_no_veil_of_a_night_is_said_to_be_far_either_nor_one_that_follows_another(values, veiled, lost):
    trace = Trace("infrared/", veiled=veiled, lost=lost, seen=0.8, lately=0.8, light=3)
    no_veil_is_said_to_be_far(of_night(**values), of_night(), NIGHT, NIGHTS, trace)


@given(
    st.fixed_dictionaries(
        {
            "shift_x": st.floats(-3.0, 3.0), "shift_certainty": st.floats(0.02, 0.3),
            "match_share": st.floats(0.2, 0.6), "lost_share": st.floats(0.0, 0.1),
            "steady_share": st.one_of(st.just(math.nan), st.floats(0.75, 1.0)), "contrast_ratio": st.floats(0.5, 1.1),
            "sharpness": st.floats(0.6, 1.4), "mean": st.floats(100.0, 160.0), "contrast": st.floats(85.0, 120.0),
            "coarse_correlation": st.one_of(st.just(math.nan), st.floats(-0.1, 0.6)),
            "detail_ratio": st.one_of(st.just(math.nan), st.floats(0.6, 1.8)),
        }
    ),
    st.booleans(),
    st.sampled_from([-1.0, 0.02]),
)  # fmt: skip
def test_no_veil_of_a_day_is_said_to_be_far_either(values, veiled, lost):
    trace = Trace("day/", veiled=veiled, lost=lost, seen=0.8, lately=0.8, light=1)
    no_veil_is_said_to_be_far(look(**values), look(), VIEW, ROWS, trace)


def test_the_laws_of_veils_meet_some():
    """Draws like theirs: what they say would be said of nothing otherwise."""
    by_night = {"match_share": 0.55, "mean": 80.0, "contrast": 95.0, "sharpness": 1.2, "shift_certainty": 0.2,
                "coarse_correlation": 0.4, "detail_ratio": 1.2, "steady_share": 0.9}  # fmt: skip
    by_day = {"match_share": 0.5, "mean": 140.0, "contrast": 105.0, "sharpness": 1.0, "shift_certainty": 0.2,
              "coarse_correlation": 0.4, "steady_share": 0.9}  # fmt: skip
    for veiled in (False, True):
        trace = Trace(veiled=veiled, lost=0.02, seen=0.8, lately=0.8)
        night, day = replace(trace, name="infrared/", light=3), replace(trace, name="day/", light=1)
        assert no_veil_is_said_to_be_far(of_night(**by_night), of_night(), NIGHT, NIGHTS, night)
        assert no_veil_is_said_to_be_far(look(**by_day), look(), VIEW, ROWS, day)


def test_a_view_that_is_hardly_found_at_its_place_again_behind_a_bus_is_at_its_fault():
    far = {"shift_x": 12.0, "shift_certainty": 0.2, "match_share": 0.45, "steady_share": 0.2}
    behind = Trace("day/", x=12.0, strange=True)
    assert Fault.MOVED in {
        finding.fault for finding in against(look(**far), VIEW, ROWS, hours.nothing(), behind, False).found
    }
    assert margins(look(**far), VIEW, ROWS, behind)[Fault.MOVED] <= 0


def test_what_traffic_must_pass_counts():
    unlike = ANOTHER_VIEW | {"steady_share": 0.15}
    assert margins(look(**unlike), VIEW, ROWS, Trace("day/"))[Fault.MOVED] <= 0
    assert margins(look(**unlike), VIEW, ROWS, Trace("day/", x=60.0, strange=True))[Fault.MOVED] == pytest.approx(0.75)
    surely_here = ANOTHER_VIEW | {"match_share": 0.3, "shift_certainty": 0.06}
    assert margins(look(**surely_here), VIEW, ROWS, Trace("day/"))[Fault.MOVED] == pytest.approx(1.0)  # 0.03 is enough
    elsewhere = Trace("day/", cells=0xF0F0F0)
    assert margins(look(**COVER), VIEW, ROWS, elsewhere)[Fault.PARTLY_COVERED] > 0.1


def test_the_reference_has_the_last_word_on_the_focus():
    assert focus(look(), None, ROWS, -0.2) == -0.2
    assert focus(look(), VIEW, ROWS, -0.2) > 0.2
    blurred = look(sharpness=0.5, sharpness_ratio=0.6)
    assert focus(blurred, VIEW, ROWS, math.inf) < 0
    assert focus(look(sharpness=0.5, sharpness_ratio=0.6, contrast=130.0), VIEW, ROWS, -0.2) > 0


@given(
    st.fixed_dictionaries({"match_share": SHARES, "lost_share": SHARES, "contrast_ratio": st.floats(0.02, 1.0),
        "contrast": st.floats(4.0, 100.0), "mean": st.floats(80.0, 200.0), "sharpness_ratio": st.floats(0.5, 1.2),
        "texture_share": SHARES, "shift_certainty": SHARES, "coarse_correlation": SHARES,
        "coarse_transfer": st.floats(0.0, 0.5), "transfer_ratio": st.one_of(st.just(math.nan), st.floats(0.05, 1.5))}),
)  # fmt: skip
def test_nothing_pale_or_covered_is_said_to_be_far_from_it(values):
    one = look(**values)
    flat = pale(one, VIEW, ROWS, hours.nothing())
    for finding in against(one, VIEW, ROWS, hours.nothing(), Trace("day/"), False).found:
        if finding.fault in (Fault.LOW_CONTRAST, Fault.COVERED):
            assert flat[finding.fault] <= 1e-9, finding


def test_a_look_after_another_must_show_the_same():
    def of(fault, way, after, **changes):
        return ways(look(**changes), after, VIEW, ROWS, [Trace("day/", lost=0.02, seen=0.85)])[fault][way]

    away = {"shift_x": 30.0, "steady_share": 0.1}
    assert of(Fault.MOVED, 0, look(shift_x=30.0), **away).again <= 0
    assert of(Fault.MOVED, 0, look(shift_x=-30.0), **away).alone <= 0
    assert of(Fault.MOVED, 0, look(shift_x=-30.0), **away).again > 0.5
    unlike = ANOTHER_VIEW | {"steady_share": 0.15}
    assert of(Fault.MOVED, 1, look(**ANOTHER_VIEW), **unlike).alone <= 0
    assert of(Fault.MOVED, 1, look(**ANOTHER_VIEW), **unlike).again == pytest.approx(0.2 / 0.35)
    brighter = ANOTHER_VIEW | {"mean": 180.0}
    assert of(Fault.MOVED, 1, look(**brighter), **unlike).again == pytest.approx(0.75)
    assert of(Fault.PARTLY_COVERED, 0, look(**COVER), **COVER).again <= 0
    assert of(Fault.PARTLY_COVERED, 0, look(**COVER | {"lost_cells": 0xF0F0F0}), **COVER).again > 0.1
    web = {"match_share": 0.5, "sharpness": 1.0, "contrast": 110.0, "mean": 128.0}
    assert of(Fault.PARTLY_COVERED, 1, look(**web), **web, steady_share=0.9).again <= 0
    assert of(Fault.PARTLY_COVERED, 1, look(**web), **web, steady_share=0.4).again == pytest.approx(0.5)
    # What the look before took for granted would not have been, had it been bad.
    crept = [Trace("day/", lost=0.02, seen=0.85), Trace("day/", lost=0.3, seen=0.6)]
    reach = ways(look(**COVER), look(**COVER), VIEW, ROWS, crept)[Fault.PARTLY_COVERED][0]
    assert reach.alone > 0 >= reach.again


def test_where_light_explains_a_veil_or_too_little_is_known_none_is_near():
    web = {"match_share": 0.5, "sharpness": 1.0, "contrast": 110.0, "mean": 128.0}
    assert margins(look(**web), VIEW, ROWS, Trace("day/"))[Fault.PARTLY_COVERED] <= 0
    assert margins(look(**web), VIEW, ROWS, Trace("day/"), by_light=True)[Fault.PARTLY_COVERED] > 0.5
    few = {}
    for _ in range(12):
        few = normals.learned(few, look())
    assert margins(look(**web), VIEW, few, Trace("day/"))[Fault.PARTLY_COVERED] > 0.5
