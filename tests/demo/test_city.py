"""The plan of the demonstration city: pure, lively, and never impossible."""

import itertools
import re

import pytest

from citywatch.demo import city
from citywatch.domain.devices import check_device_id
from citywatch.domain.pictures import Fault

SEEDS = (0, 1, 20260504)


def test_it_is_a_city_worth_looking_at():
    assert len(city.CAMERAS) >= 4
    assert len(city.LANES) == 2
    ids = [device.device for device in (*city.CAMERAS, *city.LANES)]
    assert len(set(ids)) == len(ids)
    for name in ids:
        check_device_id(name)
    assert all(device.name and device.place for device in (*city.CAMERAS, *city.LANES))


def test_cameras_have_a_loopback_address_each():
    urls = [camera["url"] for camera in city.cameras(50001)]
    assert urls[0] == "http://127.0.0.11:50001/cam-001.jpg"
    assert len({url.split("/")[2] for url in urls}) == len(city.CAMERAS)


def test_the_last_incident_is_found_while_it_lasts_and_afterwards():
    black = city.incidents(1, 0)[0]
    assert city.last_incident(1, black.device, black.fault, black.from_s - 0.1) is None
    for at_s in (black.from_s, black.to_s + 1, city.CYCLE_S + 1):
        assert city.last_incident(1, black.device, black.fault, at_s) == black


PLAYED = {
    Fault.UNREACHABLE, Fault.BLACK, Fault.OVER_EXPOSED, Fault.FROZEN, Fault.COVERED, Fault.OUT_OF_FOCUS, Fault.SILENT,
}  # fmt: skip
"""The faults that the demonstration shows."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cycle", [0, 1, 2, 9])
def test_every_fault_of_a_cycle_begins_and_ends_in_it(seed, cycle):
    found = city.incidents(seed, cycle)
    assert found == city.incidents(seed, cycle)
    assert {incident.fault for incident in found} == PLAYED
    start, end = cycle * city.CYCLE_S, (cycle + 1) * city.CYCLE_S
    for incident in found:
        assert start < incident.from_s < incident.to_s < end
        assert incident.to_s - incident.from_s >= 20
        assert incident.remedy
    for device, of_one in itertools.groupby(sorted(found, key=lambda i: (i.device, i.from_s)), lambda i: i.device):
        spans = [(i.from_s, i.to_s) for i in of_one]
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans)), device


def test_something_is_wrong_within_the_first_seconds():
    first = city.incidents(SEEDS[0], 0)[0]
    assert (first.fault, first.from_s < 7) == (Fault.BLACK, True)


def test_seeds_and_cycles_differ():
    assert city.incidents(1, 0) != city.incidents(2, 0)
    orders = {tuple(i.fault for i in city.incidents(1, cycle)) for cycle in range(1, 6)}
    assert len(orders) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_asking_at_an_instant_agrees_with_the_plan(seed):
    for cycle in (0, 3):
        for planned in city.incidents(seed, cycle):
            middle = (planned.from_s + planned.to_s) / 2
            assert city.incident(seed, planned.device, middle) == planned
            assert city.incident(seed, planned.device, planned.from_s) == planned
            assert city.incident(seed, planned.device, planned.to_s) != planned
    assert city.incident(seed, city.CAMERAS[0].device, 0.0) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lane", [0, 1])
def test_lorries_come_in_order_and_can_be_taken_up_anywhere(seed, lane):
    some = list(itertools.islice(city.lorries(seed, lane, 0.0), 200))
    assert all(a.at_s < b.at_s for a, b in itertools.pairwise(some))
    assert list(itertools.islice(city.lorries(seed, lane, some[50].at_s), 100)) == some[50:150]
    assert all(re.fullmatch(r"[\u4e00-\u9fff][A-Z][0-9A-Z]{5}", lorry.plate) for lorry in some)
    assert all(len(lorry.spacing_mm) == len(lorry.axle_kg) - 1 for lorry in some)
    assert all(lorry.gross_kg == sum(lorry.axle_kg) > 0 for lorry in some)
    assert all(5 < lorry.speed_mps < 30 for lorry in some)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_load_is_seen_soon(seed):
    both = [lorry for lane in (0, 1) for lorry in itertools.islice(city.lorries(seed, lane, 0.0), 20)]
    soon = {lorry.load for lorry in both if lorry.at_s < 12}
    assert soon == set(city.Load)
    many = list(itertools.islice(city.lorries(seed, 0, 0.0), 2000))
    over = sum(lorry.load is city.Load.OVER for lorry in many) / len(many)
    assert 0.04 < over < 0.09


def test_a_silent_lane_reports_no_lorry():
    silence = next(i for i in city.incidents(1, 0) if i.fault is Fault.SILENT)
    lane = [lane.device for lane in city.LANES].index(silence.device)
    seen = itertools.takewhile(lambda lorry: lorry.at_s < 200, city.lorries(1, lane, 0.0))
    assert [lorry for lorry in seen if silence.from_s <= lorry.at_s < silence.to_s] == []


def test_no_frozen_picture_is_asked_of_the_night_camera():
    """It could not be told from a quiet night; the demonstration shows what can be told."""
    night = {camera.device for camera in city.CAMERAS if camera.start_hour >= 18}
    frozen = [
        i.device for seed in range(8) for cycle in range(25) for i in city.incidents(seed, cycle) if i.fault == "frozen"
    ]
    assert night
    assert frozen
    assert not night & set(frozen)
