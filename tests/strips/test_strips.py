"""Vehicles out of simulated strips: what is weighed, what is refused and why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.strips.vehicles import Rejection
from citywatch.testing.strip_signals import LAYOUTS, lorry, swinging
from strips.strip_kit import fed, loads, road, seconds_for, station, weighed


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("rate_hz", "most"), [(1_000, 0.005), (2_000, 0.005), (5_000, 0.001), (20_000, 0.001)])
def test_without_noise_every_figure_is_right(layout, rate_hz, most):
    truck = lorry(layout, 24_000, at_s=0.2, speed_mps=19.3, acceleration_mps2=-0.8)
    found = weighed(road(rate_hz=rate_hz), [truck], seconds_for(truck))
    assert list(found.reasons()) == [Rejection.ACCEPTED]
    axles = len(truck.axles)
    assert found.axle_count[0] == axles
    assert found.gross_kg[0] == pytest.approx(truck.gross_kg, rel=most)
    assert found.axle_kg[0, :axles] == pytest.approx(loads(truck), rel=most)
    assert found.spacing_m[0, : axles - 1] == pytest.approx(truck.spacings_m, abs=0.01)
    middle_s = found.at_sample[0] / rate_hz + np.nanmean(found.felt_s[0])
    assert found.speed_mps[0] == pytest.approx(truck.speed_at(middle_s), rel=0.001)
    assert found.acceleration_mps2[0] == pytest.approx(-0.8, abs=0.01)
    assert found.travel[0] == 1
    assert found.status[0] == 0


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), pieces=st.lists(st.integers(0, 9_000), max_size=30))
def test_chunked_equals_whole(seed, pieces):
    rng = np.random.default_rng(seed)
    of = road(3, rate_hz=1_500, noise_v=0.01, drift_v=0.2, seed=seed, spikes=((1, 0.9, 3.0),), loop=(-1.0, 1.0))
    trucks = []
    at_s = 0.3
    for _ in range(3):
        layout = str(rng.choice(list(LAYOUTS)))
        truck = lorry(layout, 20_000, at_s=at_s, speed_mps=float(rng.uniform(12, 25)))
        trucks.append(swinging(truck, rng, 0.05, 0.03))
        at_s += 1.9
    signal, occupied = of.signals(trucks, 6.0), of.occupied(trucks, 6.0)
    signal[2, 4_000:4_003] = np.nan
    whole = fed(station(of), signal, occupied)
    assert len(whole) >= 3
    assert fed(station(of), signal, occupied, cuts=pieces).to_bytes() == whole.to_bytes()
