"""Faults against a camera's own: what is one, what passes by, how it is confirmed and cleared, what excuses it."""

import json
import math
from pathlib import Path

import pytest
from own_kit import ANOTHER_VIEW, BUS, BY_DAY, BY_INFRARED, CAMERA, COVER, Watch, coloured_nights

from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import UNKNOWN_PRESET, Fault, Light, Outcome
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.domain.work import WorkKind
from citywatch.rules import cameras, faults, hours, references
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.comparison import Own
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.pictures import Why
from citywatch.rules.references import MOST_VIEWS

MOVED = {"shift_x": 30.0, "shift_y": -5.0, "shift_certainty": 0.4}


@pytest.fixture
def watch():
    known = Watch()
    known.settle(12)
    return known


# ---- references


def test_the_first_looks_that_agree_give_the_reference_and_until_then_nothing_is_said():
    watch = Watch()
    watch.look(steady_share=math.nan)
    watch.look()
    assert not watch.of(EventKind.REFERENCE_ADOPTED)
    watch.look()
    (adopted,) = watch.of(EventKind.REFERENCE_ADOPTED)
    assert adopted.data["light"] == "day"
    assert adopted.data["reason"] == "first"
    assert adopted.data["replaced"] == ""
    assert watch.events[-1].kind is not EventKind.FAULT_CONFIRMED


def test_looks_that_do_not_agree_or_left_no_sketch_are_not_adopted():
    watch = Watch()
    for number in range(6):
        watch.look(steady_share=0.2 if number % 2 else 0.9)
    assert not watch.references
    watch.settle(4, sketch=False)
    assert not watch.references
    watch.look()
    assert watch.references


def test_a_reference_is_never_adopted_while_a_fault_is_suspected():
    watch = Watch()
    for _ in range(6):
        watch.look(dark_share=0.99, mean=8.0, contrast=2.0, layout=1.0, texture_share=0.0)
    assert not watch.references


def test_each_light_and_preset_has_its_own_and_there_is_a_bound():
    watch = Watch()
    for number in range(MOST_VIEWS + 3):
        watch.settle(4, preset=f"p{number}")
    watch.settle(4, of=BY_INFRARED, preset="p26")
    assert len(watch.references) == MOST_VIEWS
    dropped = watch.of(EventKind.REFERENCE_DROPPED)
    assert [(event.data["preset"], event.data["reason"]) for event in dropped] == [
        (f"p{number}", "too_many") for number in range(4)
    ]
    rows = [watch.state.get(room, CAMERA) for room in cameras.ROOMS]
    assert sum(len(json.dumps(row)) for row in rows if row is not None) < 12_000


def test_what_is_kept_of_a_camera_is_small(watch):
    watch.settle(20, of=BY_INFRARED)
    watch.settle(20, of=BY_DAY | {"light": Light.NIGHT, "mean": 45.0})
    for bad in (MOVED, COVER, ANOTHER_VIEW):
        watch.look(**bad)
    rows = [watch.state.get(room, CAMERA) for room in cameras.ROOMS]
    assert sum(len(json.dumps(row)) for row in rows if row is not None) < 6_000


def test_slow_drift_is_followed_and_adds_up():
    watch = Watch()
    watch.settle(10)
    for _ in range(6):
        watch.look(after_s=5 * 3600, shift_x=2.0)
    adopted = watch.of(EventKind.REFERENCE_ADOPTED)
    assert [event.data["reason"] for event in adopted[:3]] == ["first", "followed", "followed"]
    assert adopted[2].data["replaced"] == adopted[1].data["picture"]
    # 2 pixels each time: nothing by itself, and a camera that has turned away all the same
    assert Fault.MOVED in watch.suspected()


def test_a_reference_that_is_gone_is_learned_anew(watch):
    for _ in range(10):
        watch.look(reference="", match_share=math.nan, steady_share=0.9)
    assert watch.of(EventKind.REFERENCE_ADOPTED)[-1].data["reason"] == "lost"


# ---- moved


def test_a_displaced_view_is_confirmed_over_time_with_its_evidence(watch):
    for _ in range(3):
        watch.look(after_s=210, **MOVED)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert fault.data["fault"] == "moved"
    assert fault.data["reason"] == "view_displaced"
    assert fault.data["reference"] == watch.references["day", ""]
    assert fault.data["light"] == "day"
    assert (
        fault.data["rule"]
        == "confirmed by 3 bad looks in a row over at least 420 s (2 if they show the same picture), "
        "cleared by 2 good looks in a row"
    )
    evidence = fault.data["evidence"]
    assert evidence["value"] == pytest.approx(math.hypot(30, 5), abs=1e-5)
    assert evidence["margin"] == pytest.approx(evidence["value"] - evidence["threshold"], abs=1e-5)
    assert evidence["measurements"]["match_share"] == 0.85
    assert fault.data["picture"] == f"{15:064x}"
    assert fault.data["previous"] == f"{12:064x}"
    assert fault.data["last_good_ns"] < fault.data["first_bad_ns"] < fault.at_ns


def test_the_first_bad_look_raises_a_suspicion_that_says_when_to_look_again(watch):
    (raised,) = [event for event in watch.look(**ANOTHER_VIEW | {"steady_share": 0.1}) if "suspicion" in event.kind]
    assert raised.data["fault"] == "moved"
    assert raised.data["again_seconds"] == 420.0
    (dropped,) = [event for event in watch.look() if "suspicion" in event.kind]
    assert (dropped.kind, dropped.cause) == (EventKind.SUSPICION_DROPPED, raised.cause)


def test_another_view_that_stays_is_moved_and_buses_are_not(watch):
    for _ in range(6):
        watch.look(**BUS)
    watch.settle(1)
    assert watch.confirmed() == []
    watch.look(**ANOTHER_VIEW | {"steady_share": 0.1})
    for _ in range(2):
        watch.look(**ANOTHER_VIEW)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_view_that_is_hardly_found_far_away_counts_from_its_first_look(watch):
    far = {"shift_x": -88.0, "shift_y": 1.0, "shift_certainty": 0.08, "match_share": 0.42, "steady_share": 0.86}
    watch.look(**far | {"steady_share": 0.4})
    watch.settle(3)  # it was a bus
    assert watch.open() == {}
    for steady in (0.4, 0.86, 0.86):
        watch.look(**far | {"steady_share": steady})
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["looks"]) == ("moved", 3)


def test_what_is_too_bright_for_the_night_is_told_by_where_it_lies_alone():
    watch = Watch()
    by_night = BY_DAY | {"mean": 45.0, "light": Light.NIGHT}
    for _ in range(3):
        for of in (BY_DAY, by_night):
            for _ in range(12):
                watch.look(3600.0, of=of)
    watch.now_ns += 14 * 3600 * NS_PER_S
    lit = {"mean": 75.0, "match_share": 0.3, "shift_certainty": 0.1}
    for x, steady in ((0.0, 0.9), (0.0, 0.9), (36.0, 0.3), (-60.0, 0.3), (0.0, 0.3)):
        watch.look(**lit, shift_x=x, steady_share=steady)
    assert watch.suspected() == [Fault.MOVED]
    assert watch.confirmed() == []
    for steady in (0.3, 0.9, 0.9):
        watch.look(**lit, shift_x=36.0, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]


def test_what_is_like_neither_day_nor_night_and_stays_is_another_view():
    lit = {"mean": 67.0, "sharpness": 0.9, "match_share": 0.19, "lost_share": 0.16, "shift_x": 66.0, "shift_y": -57.0,
           "shift_certainty": 0.03}  # fmt: skip
    watch = coloured_nights()
    for steady in (0.2, 0.3, 0.2):
        watch.look(**lit, steady_share=steady)  # one bus after the other
    watch.settle(2)
    assert watch.confirmed() == []
    for steady in (0.2, 0.85, 0.8):
        watch.look(**lit, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]


def test_threads_in_the_lamp_of_a_camera_are_a_cover_however_little_is_found_between_them():
    web = {"mean": 83.0, "sharpness": 0.5, "match_share": 0.21, "lost_share": 0.03, "shift_x": 4.0, "shift_y": -2.5,
           "shift_certainty": 0.0, "contrast_ratio": 0.95}  # fmt: skip
    watch = coloured_nights()
    night = {"light": Light.DAY, "reference": watch.references["night", ""]}
    for steady in (0.3, 0.97, 0.95, 0.95):
        watch.look(**web | night, steady_share=steady)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]
    assert watch.suspected() == [Fault.PARTLY_COVERED]
    # Two buses, one after the other, are gone by then.
    watch = coloured_nights()
    for after_s, mean, steady in ((300, 83.0, 0.3), (420, 100.0, 0.3), (180, 100.0, 0.95)):
        watch.look(after_s, **web | night | {"mean": mean}, steady_share=steady)
    watch.settle(2)
    assert watch.confirmed() == []
    zoomed = web | night | {"mean": 62.0, "sharpness": 0.77, "shift_x": 2.1, "shift_y": -6.0, "shift_certainty": 0.12}
    watch = coloured_nights()
    night["reference"] = watch.references["night", ""]
    for steady in (0.3, 0.94, 0.92):
        watch.look(**zoomed | night, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_web_before_a_scene_full_of_contrast_is_a_cover_where_little_is_left_but_in_its_place():
    web = {"match_share": 0.32, "lost_share": 0.01, "shift_certainty": 0.25, "contrast_ratio": 0.95, "sharpness": 1.2}
    watch = Watch()
    watch.settle(40)
    for steady in (0.3, 0.9, 0.9):
        watch.look(**web, steady_share=steady)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]
    for weather in ({"match_share": 0.47}, {"shift_certainty": 0.12}, {"sharpness": 1.4}):
        watch = Watch()
        watch.settle(40)
        for steady in (0.3, 0.9, 0.9):
            watch.look(**web | weather, steady_share=steady)
        assert Fault.PARTLY_COVERED not in watch.suspected()


def test_a_camera_that_hangs_into_the_night_sky_is_moved():
    watch = Watch()
    by_night = BY_DAY | {"mean": 45.0, "contrast": 105.0, "texture_share": 0.6, "light": Light.NIGHT}
    watch.settle(10, of=by_night)
    sky = {"mean": 42.0, "contrast": 23.0, "texture_share": 0.24, "match_share": 0.13, "lost_share": 0.42,
           "shift_x": -3.0, "shift_y": 23.0, "shift_certainty": 0.04, "contrast_ratio": math.nan,
           "sharpness_ratio": math.nan}  # fmt: skip
    for steady in (0.13, 0.55, 0.98):
        watch.look(of=by_night, **sky, steady_share=steady)
    assert watch.confirmed() == [Fault.MOVED]
    assert watch.suspected() == [Fault.MOVED]


def test_a_mast_in_the_wind_is_neither_moved_nor_shaking(watch):
    for number in range(8):
        watch.look(shift_x=1.4 * (-1) ** number, shift_y=0.5)
    assert watch.suspected() == []


def test_to_and_fro_is_shaking_not_moved(watch):
    for x, y in ((12.0, 3.0), (-9.0, 6.0), (4.0, -14.0), (11.0, 9.0)):
        watch.look(shift_x=x, shift_y=y)
    assert watch.confirmed() == [Fault.SHAKING]
    assert watch.open() == {"shaking": "confirmed"}
    for _ in range(6):
        watch.look()
    assert watch.open() == {}


def test_a_view_that_the_wind_sways_is_no_other_view_however_little_is_found_of_it(watch):
    for certainty, told in ((0.2, []), (0.1, [Fault.MOVED])):
        for _ in range(3):
            watch.look(420, match_share=0.2, shift_x=3.0, shift_y=2.0, shift_certainty=certainty, steady_share=0.7)
        assert watch.confirmed() == told


def test_a_camera_that_was_tilted_on_a_mast_in_the_wind_does_not_shake(watch):
    for x, y in ((0.5, 65.1), (-0.9, 64.1), (0.4, 66.2)):
        watch.look(420, shift_x=x, shift_y=y)
    assert watch.confirmed() == [Fault.MOVED]


def test_a_bus_that_pulls_a_few_edges_along_shakes_nothing(watch):
    bus = {"match_share": 0.31, "shift_certainty": 0.1, "lost_share": 0.18, "lost_cells": 0x94, "mean": 90.0,
           "contrast_ratio": 0.695, "texture_share": 0.5}  # fmt: skip
    watch.look(shift_x=-1.2, shift_y=0.2)
    watch.look(shift_x=0.1, shift_y=4.5, steady_share=0.3, **bus)
    watch.look(shift_x=1.5, shift_y=4.0, steady_share=0.98, **bus)
    watch.look(shift_x=-0.1, shift_y=0.3)
    assert Fault.SHAKING not in watch.suspected()
    assert watch.open() == {}


def test_snow_in_the_light_of_a_lamp_and_a_dusk_are_not_out_of_focus():
    flat = {"sharpness": 0.4, "sharpness_ratio": 0.75, "contrast_ratio": 0.8}
    for of, otherwise in (
        (BY_INFRARED, {"mean": 80.0}),
        (BY_INFRARED, {"contrast": 110.0}),
        (BY_DAY, {"mean": 60.0}),
        (BY_DAY, {"contrast": 140.0}),
    ):
        watch = Watch()
        watch.settle(40, of=of)
        for _ in range(3):
            watch.look(of=of, **flat | otherwise)
        assert watch.suspected() == []
        for _ in range(4):
            watch.look(of=of, **flat)
        for _ in range(4):
            watch.look(of=of, **flat | otherwise)
        assert watch.open() == {"out_of_focus": "confirmed"}  # and no dusk clears it


def test_at_dawn_edges_are_not_judged_by_those_of_the_day():
    watch = Watch()
    flat = {"sharpness": 0.5, "sharpness_ratio": 0.75}
    for _ in range(3):
        watch.settle(12, of=BY_INFRARED)
        watch.settle(24)
        watch.now_ns += 21 * 3600 * NS_PER_S
    watch.settle(12, of=BY_INFRARED)
    for _ in range(4):
        watch.look(**flat)
    assert watch.suspected() == []
    watch.now_ns += 2 * 3600 * NS_PER_S
    for _ in range(4):
        watch.look(**flat)
    assert watch.confirmed() == [Fault.OUT_OF_FOCUS]


@pytest.mark.parametrize(("of", "light", "told"), [(BY_INFRARED, Light.INFRARED, True), (BY_DAY, Light.NIGHT, False)])
def test_at_dusk_edges_are_judged_by_those_of_the_night_only_where_a_lamp_outshines_the_sky(of, light, told):
    watch = Watch()
    by_night = of | {"mean": 50.0, "light": light}
    for _ in range(3):
        watch.settle(24)
        watch.settle(24, of=by_night)
        watch.now_ns += 20 * 3600 * NS_PER_S
    watch.settle(24)
    for _ in range(4):
        watch.look(of=by_night, sharpness=0.4, sharpness_ratio=0.7, contrast_ratio=0.8)
    assert (watch.confirmed() == [Fault.OUT_OF_FOCUS]) == told
    assert watch.suspected() == [Fault.OUT_OF_FOCUS] * told


def test_a_camera_brought_back_near_its_old_view_is_repaired_and_learned_anew(watch):
    for _ in range(3):
        watch.look(**ANOTHER_VIEW)
    for _ in range(2):
        watch.look(shift_x=15.0, shift_y=4.0)
    assert [event.data["fault"] for event in watch.of(EventKind.FAULT_CLEARED)] == ["moved"]
    assert watch.of(EventKind.REFERENCE_ADOPTED)[-1].data["reason"] == "repaired"
    watch.settle(4)
    assert watch.open() == {}


def test_what_a_preset_explains_is_no_fault_and_an_unknown_one_is_not_judged():
    watch = Watch()
    watch.settle(5, preset="north")
    watch.settle(5, preset="south")
    watch.look(preset="north")
    for _ in range(4):
        watch.look(preset=UNKNOWN_PRESET)
    assert watch.suspected() == []
    row = watch.state.get(references.ROOM, CAMERA)
    assert set(row["views"]) == {"day/north", "day/south"}


# ---- covered in part, traffic, parked cars


def test_a_cover_that_stays_in_its_place_is_found(watch):
    for _ in range(3):
        watch.look(**COVER)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_lorries_that_hide_another_part_each_time_are_no_cover(watch):
    for number in range(8):
        watch.look(**COVER | {"lost_cells": 0xFF << 8 * (number % 5)})
    assert watch.confirmed() == []


def test_snow_that_comes_to_lie_is_no_cover(watch):
    white = COVER | {"match_share": 0.63, "contrast_ratio": 0.9}
    for lost in (0.05, 0.1, 0.15):
        watch.look(**white | {"lost_share": lost})
    for lost in (0.22, 0.23, 0.23, 0.23):
        watch.look(**white | {"lost_share": lost})
    assert watch.suspected() == []
    for _ in range(3):
        watch.look(**white | {"lost_share": 0.4})
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_what_a_snowfall_leaves_behind_is_no_cover_unless_it_is_much(watch):
    for lost, expected in ((0.25, []), (0.4, [Fault.PARTLY_COVERED])):
        watch.look(match_share=0.5, lost_share=0.02, steady_share=0.55)  # flakes
        for _ in range(4):
            watch.look(**COVER | {"match_share": 0.55, "contrast_ratio": 0.95, "lost_share": lost})
        assert watch.confirmed() == expected


def test_parked_cars_that_leave_are_no_fault(watch):
    for _ in range(5):
        watch.look(match_share=0.74, lost_share=0.12, lost_cells=0x3)
    assert watch.suspected() == []


def test_a_lorry_that_stands_for_minutes_is_no_cover(watch):
    for after_s in (60, 120, 120):
        watch.look(after_s=after_s, **COVER)
    watch.look()
    assert watch.confirmed() == []


# ---- light, contrast, focus, frame rate


def test_dusk_is_no_low_contrast_and_fog_is(watch):
    for mean in (95.0, 70.0, 50.0):
        watch.look(mean=mean, contrast=mean * 0.3, contrast_ratio=0.8)
    watch.settle(1)
    assert watch.confirmed() == []
    for _ in range(3):
        watch.look(mean=160.0, contrast=40.0, contrast_ratio=0.42, match_share=0.45, lost_share=0.47)
    assert watch.confirmed() == [Fault.LOW_CONTRAST]


def test_flat_edges_are_out_of_focus_and_rain_is_not(watch):
    for _ in range(4):
        watch.look(sharpness=0.4, sharpness_ratio=0.97)
    assert watch.suspected() == []
    for _ in range(3):
        watch.look(sharpness=0.4, sharpness_ratio=0.6)
    assert watch.confirmed() == [Fault.OUT_OF_FOCUS]


GREY = {"light": Light.INFRARED, "chroma_sd": 0.0, "u_mean": 0.0, "v_mean": 0.0, "contrast": 60.0}


def test_no_colour_by_day_is_stuck_infrared_and_a_camera_that_never_switches_is_fine():
    watch = Watch()
    watch.settle(6 * 25, after_s=600.0)  # a day and an hour: its hours are known
    for _ in range(3):
        watch.look(**GREY)
    assert watch.confirmed() == [Fault.INFRARED_STUCK]
    grey = Watch()
    grey.settle(30, of=BY_INFRARED)
    assert grey.suspected() == []


def test_a_look_that_is_missing_makes_an_hour_of_the_day_no_less_sure():
    watch = Watch()
    watch.settle(13, after_s=600.0)
    watch.miss(Outcome.UNREACHABLE, "connect_timeout", after_s=600.0)
    watch.settle(6 * 25 - 14, after_s=600.0)
    for _ in range(3):
        watch.look(**GREY)
    assert watch.confirmed() == [Fault.INFRARED_STUCK]


@pytest.mark.parametrize(
    ("beside", "sure"),
    [
        ([[8, 0], [6, 0], [4, 0]], True),
        ([[6, 0], [6, 0], [5, 0]], False),
        ([[20, 0], [6, 0], [2, 0]], False),
        ([[8, 0], [6, 1], [4, 0]], False),
    ],
)
def test_hours_are_sure_together_where_each_is_known(beside, sure):
    known = [[0, 0]] * 11 + beside + [[0, 0]] * 10
    assert hours.is_surely_day(known, 12 * 3600 * NS_PER_S) is sure
    by_night = [[dark, day] for day, dark in known]
    assert hours.is_surely_dark(by_night, 12 * 3600 * NS_PER_S) is sure


def test_what_is_bright_in_the_noise_of_an_infrared_night_is_no_stuck_filter():
    """A web in the lamp's light, at an hour of dusk that was day more often than night."""
    watch = Watch()
    watch.settle(75, after_s=600.0)
    watch.settle(69, after_s=600.0, of=BY_INFRARED, noise_sd=9.5)
    watch.settle(75, after_s=600.0)
    web = {"of": BY_INFRARED, "mean": 101.0, "contrast": 128.0, "texture_share": 0.98}
    for _ in range(3):
        watch.look(**web, noise_sd=9.2)
    assert Fault.INFRARED_STUCK not in watch.suspected()
    watch.look(**web, noise_sd=1.4)  # of the noise of a day
    assert Fault.INFRARED_STUCK in watch.suspected()


def test_the_first_infrared_night_of_a_camera_that_was_first_seen_at_dusk_is_no_fault():
    watch = Watch()
    watch.settle(8, mean=70.0, contrast=60.0)  # twilight, no brighter than its own lamp
    for _ in range(24):
        watch.look(of=BY_INFRARED, mean=75.0)
    assert watch.suspected() == []
    # From its second evening on it is known what its nights look like.
    watch.settle(6 * 12, after_s=600.0)
    for _ in range(3):
        watch.look(**GREY, mean=115.0)
    assert watch.confirmed() == [Fault.INFRARED_STUCK]


def test_a_filter_that_sticks_before_a_night_is_known_makes_no_night_of_the_hour():
    watch = Watch()
    watch.settle(6)
    for _ in range(5):
        watch.look(**GREY)
    assert watch.suspected() == []
    known = watch.state.get(cameras.USUAL, CAMERA)
    assert "infrared" not in known["usual"]
    assert all(dark == 0 for _, dark in known["hours"])


def test_far_fewer_pictures_than_usual(watch):
    for _ in range(3):
        watch.look(fps=6.0)
    assert watch.confirmed() == [Fault.LOW_FRAME_RATE]


def test_a_cover_that_leaves_next_to_nothing_is_partly_covered_and_haze_is_not(watch):
    gone = {"lost_share": 0.64, "match_share": 0.12, "shift_certainty": 0.0, "lost_cells": 0xFF00FF}
    gone |= {"steady_share": 0.95, "sharpness": 1.6, "contrast": 60.0, "texture_share": 0.2}
    for _ in range(3):
        watch.look(**COVER | {"mean": 150.0, "contrast_ratio": 0.6, "sharpness": 0.8})
    assert Fault.PARTLY_COVERED not in watch.suspected()
    for _ in range(3):
        watch.look(**gone)
    assert watch.confirmed() == [Fault.PARTLY_COVERED]


def test_what_is_found_by_chance_says_nothing_of_contrast(watch):
    for _ in range(3):
        watch.look(match_share=0.05, lost_share=0.7, shift_x=-76.0, shift_y=-36.0, shift_certainty=0.03,
                   contrast_ratio=0.18, contrast=30.0, mean=115.0, texture_share=0.2, steady_share=0.3)  # fmt: skip
    assert Fault.LOW_CONTRAST not in watch.suspected()


def test_a_shaking_camera_is_not_out_of_focus_for_being_blurred(watch):
    for number in range(3):
        watch.look(shift_x=20.0 * (-1) ** number, sharpness=0.5, sharpness_ratio=0.7)
    assert watch.confirmed() == [Fault.SHAKING]


def test_a_bus_before_another_view_delays_it_and_does_not_end_it(watch):
    there = ANOTHER_VIEW | {"shift_x": 60.0, "shift_y": -6.0, "shift_certainty": 0.08}
    watch.look(**there)
    watch.look(**BUS | {"shift_x": -20.0})
    watch.look(**there | {"steady_share": 0.2, "shift_x": 63.0})
    watch.look(**there)
    assert watch.confirmed() == [Fault.MOVED]


def test_colour_in_the_dark_where_infrared_should_be_on_is_a_stuck_filter():
    watch = Watch()
    for _ in range(2):
        watch.settle(6 * 12, after_s=600.0)
        watch.settle(6 * 12, after_s=600.0, of=BY_INFRARED)
    watch.settle(6 * 12, after_s=600.0)
    watch.settle(6 * 4, after_s=600.0, of=BY_INFRARED)
    for _ in range(3):
        watch.look(of=BY_DAY, light=Light.NIGHT, mean=40.0, chroma_sd=5.0, noise_sd=1.0)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["reason"]) == ("infrared_stuck", "dark_in_colour")


def test_colours_are_noise_where_a_slow_encoder_has_worn_it_out_of_the_brightness():
    """At an hour beside those of the day, at which a dark picture alone may be of twilight."""
    watch = Watch()
    for _ in range(2):
        watch.settle(6 * 12, after_s=600.0)
        watch.settle(6 * 12, after_s=600.0, of=BY_INFRARED)
    watch.settle(6 * 12, after_s=600.0)
    watch.settle(2, after_s=600.0, of=BY_INFRARED)
    twilight = {"of": BY_DAY, "light": Light.NIGHT, "mean": 40.0, "noise_sd": 0.4}
    watch.look(**twilight, chroma_sd=9.0)
    assert watch.suspected() == []
    for _ in range(3):
        watch.look(**twilight, chroma_sd=22.5)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["evidence"]["measure"]) == ("infrared_stuck", "chroma_sd")


# ---- torn pictures


@pytest.mark.parametrize(
    "changes",
    [
        MOVED, COVER, ANOTHER_VIEW, GREY,
        {"texture_share": 0.0, "contrast": 5.0},
        {"bright_share": 0.95, "mean": 240.0},
        {"dark_share": 0.99, "mean": 5.0, "layout": 1.0},
        {"sharpness": 0.2, "sharpness_ratio": 0.5},
        {"stripe_rows": 2.0}, {"speckle_share": 0.05}, {"cast": 30.0}, {"shift_x": 6.0},
        {"scene_changed": 0.0, "stir": 0.0, "drift": 0.0, "changed_share": 0.0},
    ],
)  # fmt: skip
def test_a_picture_that_the_decoder_had_to_mend_is_called_torn_and_nothing_else(watch, changes):
    for _ in range(4):
        watch.look(decode_errors=3, **changes)
    assert watch.suspected() == [Fault.MOSAIC]
    watch.settle(5)
    assert watch.open() == {}


# ---- pictures, and no key frame


def test_a_stream_that_never_sends_a_key_frame_gives_no_media_after_a_while(watch):
    for _ in range(4):
        watch.miss(Outcome.UNCHECKED, "no_key_frame")
    assert watch.suspected() == []
    for _ in range(2):
        watch.miss(Outcome.UNCHECKED, "no_key_frame")
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["reason"]) == ("no_media", "no_key_frame")
    assert fault.data["evidence"]["measure"] == "looks_without_key_frame"
    (down,) = [event for event in watch.of(EventKind.DEVICE_STATE) if event.data["state"] == "down"]
    assert down.data["reason"] == "fault_confirmed"
    watch.settle(2)
    assert watch.open() == {}


@pytest.mark.parametrize(("looks", "after_s", "between"), [(0, 300.0, 0), (5, 100.0, 0), (5, 300.0, 4)])
def test_key_frames_that_are_far_apart_are_no_fault(looks, after_s, between):
    watch = Watch(CameraPolicy(no_key_frame_looks=looks))
    watch.settle(12)
    for number in range(1, 7):
        watch.miss(Outcome.UNCHECKED, "no_key_frame", after_s)
        if between and number % between == 0:
            watch.look()  # one came, after all
    assert watch.suspected() == []
    assert watch.state.get(cameras.ROOM, CAMERA)["keyless"][0] <= 6


# ---- white has no colour


def test_a_picture_that_is_blown_out_is_over_exposed_at_an_hour_not_yet_known_as_day():
    """It has no colour, as one by infrared: but a camera that settles after a switch is no longer white in a minute."""
    watch = Watch()
    for _ in range(5):
        watch.look(600.0, of=BY_DAY)
    for _ in range(3):
        watch.look(210.0, of=BY_INFRARED, bright_share=0.996, mean=254.4, contrast=0.0, texture_share=0.0)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["looks"]) == ("over_exposed", 3)


# ---- seen only in the dark, cleared only in the dark


def test_a_fault_of_the_night_is_verified_at_night():
    watch = Watch()
    for _ in range(3):
        for _ in range(12):
            watch.look(3600.0, of=BY_DAY)
        for _ in range(12):
            watch.look(3600.0, of=BY_INFRARED)
    for _ in range(12):
        watch.look(3600.0, of=BY_DAY)
    watch.look(5400.0, of=BY_INFRARED)
    for _ in range(3):
        watch.look(600.0, of=BY_INFRARED, bright_share=0.9, mean=240.0)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert (fault.data["fault"], fault.data["dark"]) == ("over_exposed", True)
    watch.now_ns += 12 * 3600 * NS_PER_S
    for _ in range(4):
        watch.look(600.0, of=BY_DAY)
    assert watch.open() == {"over_exposed": "confirmed"}
    watch.now_ns += 11 * 3600 * NS_PER_S
    for _ in range(3):
        watch.look(600.0, of=BY_INFRARED)
    assert watch.open() == {}


def test_in_a_first_night_looks_at_hours_that_nobody_knows_yet_say_that_it_is_in_order():
    """Each time a bus stands there, and each time it is gone at the next look."""
    watch = Watch()
    watch.settle(12)
    watch.now_ns += 6 * 3600 * NS_PER_S
    watch.settle(8, of=BY_INFRARED)
    watch.look(of=BY_INFRARED, **ANOTHER_VIEW)
    assert watch.state.get("camera", "cam-1")["faults"]["moved"]["dark"]
    watch.look(2000.0, of=BY_INFRARED)
    assert watch.open() == {}


# ---- known causes


def test_while_work_is_declared_its_faults_are_held_and_count_afterwards(watch):
    assert watch.declare(WorkKind.WIPING, 0, 2000).kind is EventKind.WORK_DECLARED
    for _ in range(6):
        watch.look(**COVER)
    assert watch.confirmed() == []
    assert watch.open() == {"partly_covered": "suspect"}
    watch.look(**COVER)
    (fault,) = watch.of(EventKind.FAULT_CONFIRMED)
    assert fault.data["held"] is True
    assert fault.data["looks"] == 7


def test_work_holds_only_what_it_explains(watch):
    watch.declare(WorkKind.WIPING, 0, 5000)
    for _ in range(3):
        watch.miss(Outcome.UNREACHABLE, "timed_out")
    assert watch.confirmed() == [Fault.UNREACHABLE]


def test_after_a_planned_re_aiming_the_view_is_learned_anew(watch):
    watch.declare(WorkKind.RE_AIMING, 0, 1000)
    for _ in range(3):
        watch.look(**ANOTHER_VIEW)
    watch.look()
    (dropped,) = watch.of(EventKind.REFERENCE_DROPPED)
    assert dropped.data["reason"] == "planned"
    watch.settle(4)
    assert watch.of(EventKind.REFERENCE_ADOPTED)[-1].data["reason"] == "planned"
    assert watch.open() == {}
    assert watch.confirmed() == []


def test_work_is_declared_once_within_bounds(watch):
    assert watch.declare(WorkKind.WIPING, 0, 60) != "repeated"
    assert watch.declare(WorkKind.WIPING, 0, 60) == "repeated"
    assert watch.declare(WorkKind.WIPING, 60, 0, "w2") == "bad_times"
    assert watch.declare(WorkKind.WIPING, 0, 40 * 86_400, "w3") == "bad_times"
    for number in range(7):
        watch.declare(WorkKind.MAINTENANCE, 0, 60, f"m{number}")
    assert watch.declare(WorkKind.WIPING, 0, 60, "w4") == "too_much_work"


# ---- rules in words


def test_every_fault_of_a_camera_has_its_rule():
    assert set(CONFIRMATIONS) == set(CAMERA_FAULTS)
    assert all(rule.confirm_looks <= 3 for rule in CONFIRMATIONS.values())
    assert CONFIRMATIONS[Fault.UNREACHABLE].words() == (
        "confirmed by 2 bad looks in a row, cleared by 2 good looks in a row"
    )
    assert CONFIRMATIONS[Fault.PARTLY_COVERED].again_seconds == 420.0


def test_a_fault_is_cleared_only_after_its_time():
    rule = faults.Confirmation(1, 0, 2, 100.0)
    evidence = faults.Evidence("r", "m", 1.0, 0.5, 0.5)
    row, event = faults.bad_look(None, CAMERA, "shaking", 0, -1, evidence, rule)
    assert event.kind is EventKind.FAULT_CONFIRMED
    for at_s in (10, 20, 60):
        row, event = faults.good_look(row, CAMERA, "shaking", at_s * NS_PER_S, rule)
        assert event is None
    assert faults.good_look(row, CAMERA, "shaking", 110 * NS_PER_S, rule)[0] is None


def test_the_documents_say_the_rules_and_the_reasons():
    docs = Path(__file__).parents[2] / "docs"
    operations, events = ((docs / name).read_text() for name in ("operations.md", "events.md"))
    for fault, rule in CONFIRMATIONS.items():
        assert f"| `{fault}` | {rule.words()} |" in operations
    for why in (*Why, *Own):
        assert f"\n| `{why}` | " in events


@pytest.mark.parametrize(
    ("noise", "agree", "looks", "adopted"),
    [(6.0, 0.3, 6, True), (6.0, 0.3, 5, False), (6.0, 0.5, 3, True), (11.0, 0.2, 12, False), (3.0, 0.42, 12, False)],
)
def test_a_night_of_extreme_noise_has_a_reference_although_its_looks_agree_in_little(noise, agree, looks, adopted):
    watch = Watch()
    for _ in range(looks):
        watch.look(of=BY_INFRARED, noise_sd=noise, steady_share=agree)
    assert bool(watch.references) is adopted
