"""What happens on roads: half a truck on the strips, the wrong way, nose to tail, a broken strip, heat and drift."""

from dataclasses import replace

import numpy as np
import pytest

from citywatch.domain.passes import NOT_GIVEN, ScaleStatus
from citywatch.errors import ConfigurationError, DataError
from citywatch.strips.passes import pack, to_passes, unpack, window
from citywatch.strips.station import Strip, StripStation, Tuning
from citywatch.strips.temperature import MODELS, Sensor
from citywatch.strips.vehicles import Rejection
from citywatch.testing.strip_signals import Axle, SignalVehicle, lorry, swinging
from strips.strip_kit import fed, halves, loads, road, seconds_for, station, weighed

TRUCK = lorry("5 semi", 32_000, at_s=0.3, speed_mps=18.0)


def one(found):
    """The only vehicle, which must be accepted."""
    assert [reason.word for reason in found.reasons()] == ["accepted"]
    return found


def test_halves_are_added_and_told_apart():
    axles = tuple(replace(axle, left_share=0.55) for axle in TRUCK.axles)
    found = one(weighed(halves(), [replace(TRUCK, axles=axles)], 2.5))
    assert found.axle_kg[0] == pytest.approx(loads(TRUCK), rel=1e-3)
    assert found.left_kg[0] == pytest.approx(0.55 * loads(TRUCK), rel=1e-3)
    assert found.left_kg[0] + found.right_kg[0] == pytest.approx(found.axle_kg[0])
    assert found.status[0] == 0
    assert np.isnan(found.transverse_m[0])
    assert np.isnan(found.axle_acceleration_mps2).all(), "two places tell of no axle alone whether it brakes"


@pytest.mark.parametrize("lateral_m", [1.4, -1.4, 1.95])
def test_straddling_is_told_with_what_is_there(lateral_m):
    """One side's wheels are beyond the lane: the other half's strips weigh them alone."""
    found = one(weighed(halves(), [replace(TRUCK, lateral_m=lateral_m)], 2.5))
    assert ScaleStatus.STRADDLING in ScaleStatus(int(found.status[0]))
    assert found.gross_kg[0] == pytest.approx(TRUCK.gross_kg / 2, rel=0.1)


def test_a_wheel_partly_beside_the_strip():
    found = one(weighed(halves(), [replace(TRUCK, lateral_m=0.85)], 2.5))
    assert ScaleStatus.PARTIAL_WHEEL in ScaleStatus(int(found.status[0]))
    assert found.left_kg[0].sum() < 0.36 * found.gross_kg[0]


def test_some_wheels_beside_the_strip():
    """The steering axle is broader: only its left wheel is off the strip."""
    axles = (replace(TRUCK.axles[0], left_share=0.0), *TRUCK.axles[1:])
    found = one(weighed(halves(), [replace(TRUCK, axles=axles)], 2.5))
    assert ScaleStatus.PARTIAL_WHEEL in ScaleStatus(int(found.status[0]))


@pytest.mark.parametrize("lateral_m", [-0.3, 0.0, 0.25])
@pytest.mark.parametrize("travel", [1, -1])
def test_slanted_strips_tell_where_in_the_lane(lateral_m, travel):
    found = one(weighed(halves(slant=0.3), [replace(TRUCK, lateral_m=lateral_m, travel=travel, at_s=0.8)], 3.5))
    assert found.transverse_m[0] == pytest.approx(lateral_m, abs=0.01)
    assert found.gross_kg[0] == pytest.approx(TRUCK.gross_kg, rel=2e-3)


def test_the_wrong_way_is_weighed_and_told():
    found = one(weighed(road(), [replace(TRUCK, travel=-1, at_s=1.0, acceleration_mps2=0.7)], 3.5))
    assert found.travel[0] == -1
    assert found.acceleration_mps2[0] == pytest.approx(0.7, abs=0.01)
    assert found.spacing_m[0, :4] == pytest.approx(TRUCK.spacings_m, abs=0.01)
    assert found.axle_kg[0] == pytest.approx(loads(TRUCK), rel=1e-3)


def test_nose_to_tail_is_parted_by_the_loop_and_joined_without():
    first = lorry("2", 12_000, at_s=0.3, speed_mps=12.0)
    second = lorry("3 rigid", 20_000, at_s=0.3 + 9.5 / 12.0, speed_mps=12.0)
    of = road(loop=(-0.8, 0.8))
    found = weighed(of, [first, second], 4.0)
    assert found.accepted.all()
    assert found.axle_count.tolist() == [2, 3]
    assert found.gross_kg == pytest.approx([12_000, 20_000], rel=1e-3)
    joined = one(weighed(replace(of, loop=None), [first, second], 4.0))
    assert joined.axle_count.tolist() == [5]


@pytest.mark.parametrize("loop", [(-8.0, -6.0), (-5.0, -3.0), (10.0, 12.0)])
@pytest.mark.parametrize("travel", [1, -1])
def test_a_loop_beside_the_strips_parts_vehicles_and_nothing_else(loop, travel):
    """An axle on the first strip is then felt before or after its own vehicle occupies the loop."""
    first = lorry("5 semi", 32_000, at_s=1.5, speed_mps=18.0, travel=travel)
    second = lorry("3 rigid", 20_000, at_s=1.5 + 17.7 / 18.0, speed_mps=18.0, travel=travel)
    found = weighed(road(rate_hz=2_000, loop=loop), [first, second], 5.0)
    assert found.accepted.all()
    assert found.axle_count.tolist() == [5, 3]
    assert found.gross_kg == pytest.approx([32_000, 20_000], rel=1e-3)


def test_the_gap_parts_what_drives_at_a_distance():
    trucks = [lorry("2", 12_000 + 1_000 * n, at_s=0.3 + 1.3 * n, speed_mps=20.0) for n in range(4)]
    found = weighed(road(), trucks, 7.0)
    assert found.accepted.all()
    assert found.gross_kg == pytest.approx([truck.gross_kg for truck in trucks], rel=1e-3)


def test_a_dead_strip_is_told_and_the_others_go_on():
    of = road()
    signal = of.signals([TRUCK], 3.0)
    signal[2] = 0.3
    found = one(fed(station(of), signal))
    assert ScaleStatus.SENSOR_FAULT in ScaleStatus(int(found.status[0]))
    assert found.gross_kg[0] == pytest.approx(TRUCK.gross_kg, rel=1e-3)


def test_a_strip_that_weighs_wrong_is_left_out():
    of = road()
    signal = of.signals([TRUCK], 3.0)
    signal[1] = 0.3 + 1.6 * (signal[1] - 0.3)
    found = one(fed(station(of), signal))
    assert found.outliers[0] == 5
    assert found.gross_kg[0] == pytest.approx(TRUCK.gross_kg, rel=1e-3)


def test_a_swinging_truck_leaves_no_strip_out():
    """Each axle on its own swings by a fifth on one of three strips: the truck as a whole does not."""
    of = road(3)
    swung = [replace(axle, load_kg=axle.load_kg * (1.2 if n % 2 else 0.8)) for n, axle in enumerate(TRUCK.axles)]
    signal = of.signals([TRUCK], 3.0)
    signal[1] = of.signals([replace(TRUCK, axles=tuple(swung))], 3.0)[1]
    found = one(fed(station(of), signal))
    assert found.outliers[0] == 0
    assert found.axle_kg[0] == pytest.approx((2 * loads(TRUCK) + [axle.load_kg for axle in swung]) / 3, rel=1e-3)


@pytest.mark.parametrize(("times", "told"), [(0.8, False), (0.7, True), (0.3, True)])
def test_of_two_strips_that_disagree_nobody_knows_which_is_wrong(times, told):
    of = road(2)
    signal = of.signals([TRUCK], 3.0)
    signal[1] = 0.3 + times * (signal[1] - 0.3)
    found = one(fed(station(of), signal))
    assert (ScaleStatus.SENSOR_FAULT in ScaleStatus(int(found.status[0]))) == told


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("strips", [2, 4])
def test_what_was_weighed_over_missing_samples_is_told(strips, bad):
    of = road(strips)
    trucks = [replace(TRUCK, at_s=0.3 + 2.0 * number) for number in range(3)]
    signal = of.signals(trucks, 7.0)
    under = np.flatnonzero(signal[1] > 1.0)
    middle = under[(under > 0.35 * len(signal[1])) & (under < 0.6 * len(signal[1]))][20]
    signal[1, middle : middle + 30] = bad
    whole = fed(station(of), signal)
    assert [ScaleStatus.SENSOR_FAULT in ScaleStatus(int(status)) for status in whole.status] == [False, True, False]
    assert fed(station(of), signal, cuts=range(1, signal.shape[1], 97)).to_bytes() == whole.to_bytes()


def test_a_bad_sample_between_vehicles_costs_nothing():
    of = road(2)
    signal = of.signals([TRUCK], 3.0)
    signal[:, 100] = np.nan
    assert one(fed(station(of), signal)).status[0] == 0


def test_another_number_of_axles_on_a_strip_is_refused():
    of = road()
    signal = of.signals([TRUCK], 3.0)
    third = of.signals([replace(TRUCK, axles=TRUCK.axles[2:3])], 3.0)
    signal[1] -= third[1] - 0.3
    assert [reason.word for reason in fed(station(of), signal).reasons()] == ["counts_differ"]


def test_noise_that_one_strip_alone_felt_is_refused():
    of = road(spikes=((2, 1.0, 5.0), (2, 1.0002, 5.0), (2, 1.0004, 5.0), (2, 1.0006, 5.0), (2, 1.0008, 5.0)))
    found = weighed(of, [replace(TRUCK, at_s=3.0)], 6.0)
    assert [reason.word for reason in found.reasons()] == ["unmatched", "accepted"]


def test_a_wheel_that_stands_is_refused():
    of = road(2)
    signal = of.signals([TRUCK], 12.0)
    signal[1, 4_000:40_000] += 1.5
    found = fed(station(of), signal)
    assert {reason.word for reason in found.reasons()} == {"stood"}
    assert ScaleStatus.STOPPED in ScaleStatus(int(found.status[0]))


def test_single_axles_and_lonely_strips_have_no_weight():
    alone = SignalVehicle((Axle(0.0, 5_000),), 0.3, 20.0)
    assert [reason.word for reason in weighed(road(), [alone], 2.0).reasons()] == ["single_axle"]
    assert {reason.word for reason in weighed(road(1), [TRUCK], 3.0).reasons()} == {"unmatched"}


@pytest.mark.parametrize("model", ["polymer-exponential", "polymer-offset"])
def test_heat_is_taken_out(model):
    """The strip answers by the formulas as published, written down here once more."""
    hot = {
        "polymer-exponential": 1.012860 * 10 ** (-0.005277 * (10 - 35.0)),
        "polymer-offset": 0.4659 * 10 ** (0.0098 * 35.0) + 0.4199,
    }[model]
    of = road()
    of = replace(of, strips=tuple(replace(strip, sensitivity=hot) for strip in of.strips))
    known = station(of)
    strips = tuple(replace(s, sensor=Sensor.POLYMER, temperature=MODELS[model]) for s in known.strips)
    signal = of.signals([TRUCK], 3.0)
    found = one(fed(replace(known, strips=strips), signal, temperature_c=35.0))
    assert found.gross_kg[0] == pytest.approx(TRUCK.gross_kg, rel=1e-3)
    untold = one(fed(replace(known, strips=strips), signal))
    assert untold.gross_kg[0] == pytest.approx(hot * TRUCK.gross_kg, rel=1e-3)


def test_noise_and_a_wandering_zero_cost_little():
    of = road(noise_v=0.004, drift_v=0.1, drift_hz=0.2, creep_v_per_s=0.02)
    found = one(weighed(of, [TRUCK], 3.0))
    assert found.gross_kg[0] == pytest.approx(TRUCK.gross_kg, rel=0.01)
    assert found.speed_mps[0] == pytest.approx(18.0, rel=1e-3)


def test_four_strips_hold_bouncing_trucks_within_bounds():
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(40):
        truck = swinging(lorry("5 semi", 30_000, at_s=0.2, speed_mps=float(rng.uniform(10, 25))), rng, 0.05, 0.03)
        found = one(weighed(road(rate_hz=2_000), [truck], seconds_for(truck)))
        errors.append(abs(found.gross_kg[0] / 30_000 - 1))
    assert np.quantile(errors, 0.95) < 0.025


def test_passes_carry_everything():
    of = halves(slant=0.3, loop=(-1.0, 1.0))
    signal, occupied = of.signals([TRUCK], 3.0), of.occupied([TRUCK], 3.0)
    known = station(of)
    found = one(fed(known, signal, occupied, temperature_c=21.0))
    first, stop = window(found, 0, known)
    content = pack(signal[:, first:stop], first, known, 21.0)
    batch = to_passes(found, known, device="s1/1/2", start_ns=10**18, raw=["ab"])
    assert batch.device == ("s1/1/2",)
    assert batch.raw == ("ab",)
    assert batch.at_ns[0] == pytest.approx(10**18 + 300_000_000, abs=1_000_000)
    assert batch.gross_kg[0] == batch.axle_kg[0].sum() == pytest.approx(32_000, rel=1e-3)
    assert batch.left_kg[0] == pytest.approx(loads(TRUCK) / 2, abs=20)
    assert batch.spacing_mm[0].tolist() == [3600, 6400, 1310, 1310, 0]
    assert batch.length_mm[0] == pytest.approx(1000 * (1.4 + 12.62 + 1.2), abs=20)
    assert batch.transverse_mm[0] == pytest.approx(0, abs=5)
    assert batch.travel[0] == 1
    header, samples = unpack(content)
    assert header["first_sample"] == first
    assert np.array_equal(samples, signal[:, first:stop])
    again = one(fed(known, samples, occupied[first:stop]))
    assert again.gross_kg[0] == pytest.approx(found.gross_kg[0], rel=1e-4)
    assert to_passes(found, known, device="s1/1/2", start_ns=10**18).digest.tolist() == batch.digest.tolist()
    plain = to_passes(weighed(road(), [TRUCK], 3.0), station(road()), device="s1/1/2", start_ns=0)
    assert plain.transverse_mm.tolist() == [NOT_GIVEN]


@pytest.mark.parametrize("spoil", [b"", b"CWSTRIP1", b"x" * 40, b"CWSTRIP1\xff\xff\xff\xff"])
def test_other_bytes_are_no_raw_strips(spoil):
    with pytest.raises(DataError, match="raw strips"):
        unpack(spoil)


def test_raw_strips_that_are_cut_are_refused():
    content = pack(np.ones((1, 5)), 0, StripStation((Strip(0, 0.05, 1.0),), 1_000), float("nan"))
    with pytest.raises(DataError, match="another number"):
        unpack(content[:-1])


@pytest.mark.parametrize(
    ("strips", "rate", "field"),
    [
        ((), 1_000, "strips"),
        ((Strip(0, 0.05, 1.0),), 10, "sample_rate_hz"),
        ((Strip(0, 0.0, 1.0),), 1_000, "width_m"),
        ((Strip(0, 0.05, 0.0),), 1_000, "calibration_kg_per_v"),
        ((Strip(0, 0.05, 1.0, on_v=0.1, off_v=0.2),), 1_000, "off_v < on_v"),
        ((Strip(float("nan"), 0.05, 1.0),), 1_000, "position_m"),
        ((Strip(0, 0.05, 1.0, slant_m_per_m=0.3),), 1_000, "slanted"),
    ],
)
def test_a_wrong_station_is_told_by_its_field(strips, rate, field):
    with pytest.raises(ConfigurationError, match=field):
        StripStation(strips, rate)


def test_wrong_shapes_are_told():
    known = station(road(2), tuning=Tuning())
    with pytest.raises(ValueError, match=r"wanted \(2, n\)"):
        fed(known, np.zeros((3, 10)))
    with pytest.raises(ValueError, match="loop"):
        fed(known, np.zeros((2, 10)), np.zeros(10, bool))


def test_every_reason_has_a_word():
    assert len({reason.word for reason in Rejection}) == len(Rejection)
