"""`citywatch scale strips`: OpenWIM's own sample, files that are something else, and what the options change."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from citywatch.adapters.scales import hdf5
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.cli import app
from citywatch.errors import CitywatchError
from citywatch.strips.passes import unpack
from citywatch.telemetry import NullMeter
from citywatch.testing.strip_signals import lorry
from strips.strip_kit import halves, road

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install 'citywatch[strips]'")

PEER_AREAS = [
    [0.022763645524943973, 0.022756955104362531, 0.022764238944630106],
    [0.022737690086881611, 0.022724775631087657, 0.022731572497871701],
    [0.02274340714467794, 0.022763309778475037, 0.02276563032674082],
]
"""V s by strip and axle, as pywim's notebook WeightEstimation prints them for its sample."""


@pytest.fixture
def sample(shared_data):
    file = shared_data / "wim" / "pywim-synthetic-3axle-signal.h5"
    if not file.is_file():
        pytest.skip(f"pywim's sample is not here: {file}")
    return file


def _called(*words, code=0):
    done = CliRunner().invoke(app, ["scale", "strips", *map(str, words)])
    if isinstance(done.exception, CitywatchError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def test_the_sample_of_pywim(sample):
    told = json.loads(_called(sample, "--json"))
    (vehicle,) = told["vehicles"]
    assert told["rejected"] == []
    assert vehicle["axles"] == 3
    assert vehicle["areas"] == [pytest.approx(areas, rel=1e-3) for areas in PEER_AREAS]
    assert vehicle["speed"] == pytest.approx(20.0, rel=1e-3)
    assert vehicle["spacings"] == pytest.approx([1.5, 3.5], abs=0.01)
    assert vehicle["acceleration"] == pytest.approx(0.0, abs=0.05)
    assert sum(vehicle["weights"]) == pytest.approx(vehicle["gross"])
    (run,) = told["runs"]
    assert [strip["position_m"] for strip in run["strips"]] == [0.0, 1.0, 3.0]
    assert run["sample_rate_hz"] == 2000
    assert run["temperature_c"] == 28.5
    assert "AAA9999" not in json.dumps(told), "plates stay in the file"


def test_temperature_and_unit_change_the_loads(sample):
    plain = json.loads(_called(sample, "--json", "--temperature-model", "none"))["vehicles"][0]
    in_kg = json.loads(_called(sample, "--json", "--temperature-model", "none", "--load-unit", "kg"))["vehicles"][0]
    assert in_kg["gross"] == pytest.approx(plain["gross"] / 1000)
    # W = C (v / L) x area, strip by strip.
    by_hand = [c * 20.0 / 0.053 * area * 1000 for c, (area, *_) in zip((0.98, 0.99, 0.75), PEER_AREAS, strict=True)]
    assert [strip["weights"][0] for strip in plain["strips"]] == pytest.approx(by_hand, rel=2e-3)
    warm = json.loads(_called(sample, "--json"))["vehicles"][0]
    factor = 1.012860 * 10 ** (-0.005277 * (10 - 28.5))
    assert warm["strips"][0]["weights"][0] == pytest.approx(by_hand[0] / factor, rel=2e-3)
    assert warm["strips"][1]["weights"][0] == pytest.approx(by_hand[1], rel=2e-3)


def test_the_report_for_people(sample):
    told = _called(sample)
    assert "3 axles" in told
    assert "spacings m: 1.500 3.500" in told


def test_a_strip_at_another_place_is_told(sample):
    """The third strip lies 2 m behind the second. Told to be 1 m behind, it agrees with no other one."""
    told = json.loads(_called(sample, "--json", "--positions-m", "0,1,2"))
    (vehicle,) = told["vehicles"]
    assert vehicle["status"] == ["sensor_fault"]
    assert vehicle["strips"][2]["areas"] == [None] * 3
    assert vehicle["speed"] == pytest.approx(20.0, rel=1e-3)
    assert [refused["reason"] for refused in told["rejected"]] == ["unmatched"]


def test_vehicles_become_records_that_can_be_replayed(sample, tmp_path):
    out, raw = tmp_path / "passes.parquet", tmp_path / "raw"
    words = ("--passes", out, "--raw", raw, "--start", "2026-05-04T08:00:00Z", "--station", "S7", "--lane", "2")
    _called(sample, *words)
    (record,) = pq.read_table(out).drop_columns(["at"]).to_pylist()
    assert record["device"] == "S7/d1/l2"
    assert record["axle_count"] == 3
    assert record["speed_mps"] == pytest.approx(20.0, rel=1e-3)
    assert record["spacing_mm"][:2] == [pytest.approx(1_500, abs=10), pytest.approx(3_500, abs=10)]
    store = DirectoryObjects(raw, 1 << 30, 1 << 30, NullMeter())
    header, samples = unpack(store.get(record["raw"]))
    assert header["sample_rate_hz"] == 2_000
    assert samples.shape[0] == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--raw", "x"), "--passes"), (("--passes", "x.parquet"), "--start"),
     (("--passes", "x.parquet", "--start", "today"), "not an instant"),
     (("--passes", "x.what", "--start", "2026-05-04T08:00:00Z"), "format")],
)  # fmt: skip
def test_records_need_to_be_told_where_and_when(sample, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CitywatchError, match=told):
        _called(sample, *words)


def _recorded(path, of, vehicles, seconds):
    """A simulated lane as a file of OpenWIM's layout; its loop is the digital channel."""
    signal = of.signals(vehicles, seconds)
    names = [f"a{number}" for number in range(len(of.strips))] + (["d0"] if of.loop else [])
    records = np.zeros(signal.shape[1], [("index", float), *((name, float) for name in names)])
    for name, volts in zip(names, signal, strict=False):
        records[name] = volts
    if of.loop:
        records["d0"] = of.occupied(vehicles, seconds)
    places = [strip.position_m for strip in of.strips]
    with h5py.File(path, "w") as file:
        file.create_dataset("run", data=records).attrs.update(
            {
                "sample_rate": of.rate_hz,
                "sensors_distance": np.diff(places, prepend=0.0),
                "calibration_constant": [strip.kg_per_v / 1000 for strip in of.strips],
            }
        )
    return path


@pytest.mark.parametrize(("lateral_m", "status"), [(0.1, []), (0.85, ["partial_wheel"]), (1.4, ["straddling"])])
def test_strips_of_half_a_lane_tell_which_wheels_they_felt(tmp_path, lateral_m, status):
    of = halves(slant=0.3, rate_hz=2_000)
    truck = replace(lorry("5 semi", 32_000, at_s=0.3, speed_mps=18.0), lateral_m=lateral_m)
    file = _recorded(tmp_path / "x.h5", of, [truck], 2.5)
    words = ("--sides", "left,right,left,right,left,right", "--slants", "0,0,0,0,0.3,0.3")
    (vehicle,) = json.loads(_called(file, "--json", *words))["vehicles"]
    assert vehicle["status"] == status
    assert vehicle["left"] == pytest.approx(np.subtract(vehicle["weights"], vehicle["right"]))
    if lateral_m == 0.1:
        assert vehicle["transverse"] == pytest.approx(0.1, abs=0.02)
        assert vehicle["gross"] == pytest.approx(32_000, rel=5e-3)
    for wrong in (("--sides", "left"), ("--sides", "left,right,left,right,left,middle"), ("--slants", "1")):
        with pytest.raises(CitywatchError, match=wrong[0]):
            _called(file, *wrong)


def test_the_loop_of_a_file_lies_where_it_is_told(tmp_path):
    first = lorry("2", 12_000, at_s=0.6, speed_mps=12.0)
    second = lorry("3 rigid", 20_000, at_s=0.6 + 9.5 / 12.0, speed_mps=12.0)
    file = _recorded(tmp_path / "x.h5", road(rate_hz=2_000, loop=(-3.0, -1.0)), [first, second], 4.0)
    out = tmp_path / "p.parquet"
    words = ("--loop-at-m", "-2", "--loop-length-m", "2", "--passes", out, "--start", "2026-05-04T08:00:00Z")
    told = json.loads(_called(file, "--json", *words))
    assert [vehicle["axles"] for vehicle in told["vehicles"]] == [2, 3]
    assert pq.read_table(out)["length_mm"].to_pylist() == pytest.approx([7_000, 8_250], abs=100)


def test_a_long_run_is_read_in_blocks_with_the_same_result(tmp_path, monkeypatch):
    of = road(rate_hz=2_000, noise_v=0.002)
    trucks = [lorry("5 semi", 30_000 + 1_000 * n, at_s=0.3 + 2.0 * n, speed_mps=18.0) for n in range(3)]
    file = _recorded(tmp_path / "x.h5", of, trucks, 8.0)
    words = ("--json", "--threshold-v", "0.05")
    whole = _called(file, *words)
    by_noise = json.loads(_called(file, "--json"))
    monkeypatch.setattr(hdf5, "BLOCK_SAMPLES", 777)
    assert _called(file, *words) == whole
    assert len(json.loads(whole)["vehicles"]) == 3
    blocks = json.loads(_called(file, "--json"))
    for one, other in zip(by_noise["vehicles"], blocks["vehicles"], strict=True):
        assert one["gross"] == pytest.approx(other["gross"], rel=1e-3)


def test_an_empty_run_and_a_dead_strip(tmp_path):
    assert "no vehicle" in _called(_write(tmp_path / "empty.h5", count=0), code=3)
    of = road(3, rate_hz=2_000)
    file = _recorded(tmp_path / "x.h5", of, [lorry("2", 12_000, at_s=0.3, speed_mps=18.0)], 3.0)
    with h5py.File(file, "a") as opened:
        records = opened["run"][:]
        records["a1"] = np.nan
        opened["run"][:] = records
    (vehicle,) = json.loads(_called(file, "--json"))["vehicles"]
    assert vehicle["status"] == ["sensor_fault"]
    assert vehicle["gross"] == pytest.approx(12_000, rel=5e-3)


def _write(path, *, fields=("index", "a0", "a1"), attributes=None, count=2_000):
    records = np.zeros(count, [(name, float) for name in fields])
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("run", data=records)
        dataset.attrs.update(
            {"sample_rate": 2_000, "sensors_distance": [0, 1], "calibration_constant": [1.0, 1.0]} | (attributes or {})
        )
    return path


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"attributes": {"sample_rate": [1, 2]}}, "sample_rate"),
        ({"attributes": {"sample_rate": "fast"}}, "sample_rate"),
        ({"attributes": {"sample_rate": 1999.5}}, "whole numbers"),
        ({"attributes": {"sensors_distance": [0, 1, 2, 3]}}, "--positions-m"),
        ({"attributes": {"sensors_distance": [0, float("nan")]}}, "sensors_distance"),
        ({"attributes": {"calibration_constant": [1.0]}}, "--calibration"),
        ({"attributes": {"sensor_type": "mixed", "channel_configuration": "{"}}, "channel_configuration"),
        ({"attributes": {"sensor_type": "mixed", "channel_configuration": "[]"}}, "channel_configuration"),
        ({"fields": ("index", "volts")}, "a0"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_its_field(tmp_path, change, word):
    with pytest.raises(CitywatchError, match=word):
        _called(_write(tmp_path / "x.h5", **change))


def test_what_a_file_does_not_tell_can_be_given(tmp_path):
    path = _write(tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        for name in ("sample_rate", "sensors_distance", "calibration_constant"):
            del file["run"].attrs[name]
    with pytest.raises(CitywatchError, match="--rate-hz"):
        _called(path)
    words = ("--rate-hz", "1000", "--positions-m", "0,2", "--calibration", "3,4")
    assert "no vehicle" in _called(path, *words, code=3)
    with pytest.raises(CitywatchError, match="no list of numbers"):
        _called(path, "--rate-hz", "1000", "--positions-m", "0;2")


def test_other_files_are_told(tmp_path):
    other = tmp_path / "x.h5"
    with pytest.raises(CitywatchError, match="no such file"):
        _called(other)
    other.write_bytes(b"not at all")
    with pytest.raises(CitywatchError, match="no HDF5 file"):
        _called(other)
    with h5py.File(other, "w"):
        pass
    with pytest.raises(CitywatchError, match="no dataset"):
        _called(other)
    cut = _write(tmp_path / "cut.h5").read_bytes()
    other.write_bytes(cut[: len(cut) // 2])
    with pytest.raises(CitywatchError, match=r"HDF5|cannot be read"):
        _called(other)


def test_without_h5py_the_install_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(CitywatchError, match=r"pip install 'citywatch\[strips\]'"):
        _called(_touched(tmp_path / "x.h5"))


def _touched(path):
    path.touch()
    return path
