from itertools import pairwise

import numpy as np
import pytest

from citywatch.laws import load
from citywatch.testing.trucks import Disorder, Load, Trucks, write_mon


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    files = [tmp_path / name for name in ("a", "b", "c")]
    options = {"disorder": Disorder.JITTER, "repeat_share": 0.01, "damaged_share": 0.01}
    written = [write_mon(file, 2000, seed=seed, **options) for file, seed in zip(files, (1, 1, 2), strict=True)]
    assert written[0] == written[1]
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_shares_are_near_what_was_asked(tmp_path):
    written = write_mon(tmp_path / "x", 200_000, seed=1)
    assert written.over / written.passes == pytest.approx(0.0043, rel=0.15)
    assert (written.repeated, written.damaged) == (0, 0)


@pytest.mark.parametrize("disorder", Disorder)
def test_order_in_time(tmp_path, disorder):
    write_mon(tmp_path / "x", 3000, seed=1, days=2, disorder=disorder)
    times = [(line[13:17], line[11:13], line[9:11], line[17:19], line[19:21], line[21:26]) for line in
             (tmp_path / "x").read_bytes().splitlines()]  # fmt: skip
    later = np.mean([a <= b for a, b in pairwise(times)])
    assert {Disorder.NONE: later == 1, Disorder.JITTER: 0.5 < later < 1, Disorder.WHOLE: later < 0.6}[disorder]


@pytest.mark.parametrize("load_class", Load)
def test_single_trucks_are_what_they_are_said_to_be(load_class):
    law, trucks = load("cn-gross"), Trucks(7)
    for _ in range(200):
        truck = trucks.draw(load_class)
        low, high = law.strictest_kg[truck.axles], law.most_lenient_kg[truck.axles]
        found = Load.OVER if truck.gross_kg > high else Load.LAWFUL if truck.gross_kg <= low else Load.UNDECIDED
        assert found is load_class
        assert sum(truck.axle_kg) == truck.gross_kg
        assert len(truck.axle_kg) == len(truck.spacing_mm) + 1 == truck.axles
        assert sum(truck.spacing_mm) < truck.length_mm
        assert 16 <= truck.speed_kmh <= 160
    assert Trucks(3).draw(load_class, 4) == Trucks(3).draw(load_class, 4)


def test_there_is_no_undecided_truck_of_two_axles():
    with pytest.raises(ValueError, match="2 axles"):
        Trucks(1).draw(Load.UNDECIDED, 2)
