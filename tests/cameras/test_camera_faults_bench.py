"""A short, seeded part of benchmarks/camera_faults: the same code, a few faults and some clean visits.

The whole is a command: `python -m benchmarks camera_faults`, `python -m benchmarks.camera_faults --help`.
"""

import cv2
import numba
import numpy as np
import pytest
from benchmarks.camera_faults import clean, faults, report
from benchmarks.camera_faults.footage import NOON_S, StreetFootage
from benchmarks.camera_faults.pipeline import Bench, Patrolled, faults_in

from citywatch.domain.events import Event, EventKind
from citywatch.domain.pictures import Fault
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.testing.coded import CameraEncoder, EncoderSetting, altered_bytes, is_slice, lost_slices, units
from citywatch.testing.planes import Planes, split
from citywatch.testing.scene_faults import RECIPES, SEVERITIES, spoil
from citywatch.testing.street_life import StreetLife, scoring_seed, tuning_seed

SEED = 10_021
ENCODER = EncoderSetting("x264 300 kbit/s", "h264", 300)
LEARN_FROM_S = NOON_S - 4 * 3600.0
FEW = ("black", "low_contrast/dirt", "covered/plate", "partly_covered/cloth", "out_of_focus", "moved/pan", "snow/gain",
       "stripes/rows", "mosaic/blocks", "colour_cast/magenta")  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    if numba.config.DISABLE_JIT:
        pytest.skip("real pictures take hours without compiled kernels")
    return Bench(tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="module")
def camera(bench):
    """A camera that was visited in order for a morning, and its footage."""
    footage = StreetFootage("scoring", SEED, weather=False, buses=False)
    noon, _, accused = faults.learn(bench, footage, ENCODER, LEARN_FROM_S, nights=False)
    assert accused == []
    return noon, footage


@pytest.mark.parametrize("name", FEW)
def test_severe_faults_are_found_in_three_looks_and_named_rightly(camera, name):
    noon, footage = camera
    result = faults.suffer(noon, footage, ENCODER, RECIPES[name], "severe", NOON_S, "day")
    assert 0 < result.found <= 3, report._failure(result)
    assert result.named_as == ""


@pytest.mark.parametrize("look", [1, 2, 3])
@pytest.mark.parametrize("name", ["partly_covered/cloth", "moved/pan"])
def test_a_bus_at_any_of_three_looks_costs_none(camera, name, look):
    noon, quiet = camera
    footage = StreetFootage("scoring", SEED, weather=False)
    seconds = np.arange(NOON_S, NOON_S + 4 * 3600.0, 10.0)
    bus_s = next(float(at_s) for at_s in seconds if footage.life.bus(at_s) and footage.life.bus(at_s + 20.0)) + 5.0
    result = faults.suffer(noon, footage, ENCODER, RECIPES[name], "severe", bus_s - 420.0 * (look - 1), "day")
    assert quiet.life.bus(bus_s) == 0.0
    assert 0 < result.found <= 3, report._failure(result)
    assert result.named_as == ""


def test_a_copy_of_a_suspect_is_looked_at_as_one(bench):
    camera = Patrolled(bench, "suspect")
    kind, data = EventKind.SUSPICION_RAISED, {"fault": "moved", "again_seconds": 420.0}
    camera._learn(Event("e", kind, "suspect", 0, "e", data), 0.0)
    looks = camera.fork(1000.0).turns(2000.0)
    assert [next(looks) for _ in range(3)] == pytest.approx([1000.0, 1420.0, 1840.0], abs=0.2)


def test_the_same_camera_without_a_fault_is_not_accused(camera):
    """The same fork, the same looks; what is missing is the fault: the test above can fail."""
    noon, footage = camera
    healthy = noon.fork(NOON_S)
    with CameraEncoder(ENCODER, footage.width, footage.height) as encoder:
        for at_s in healthy.turns(NOON_S + 2 * 3600.0):
            unit = encoder.visit(footage.look(at_s), footage.after(at_s, ENCODER.between))
            assert faults_in(healthy.visit(at_s, ENCODER.codec, unit)) == []


@pytest.mark.parametrize("seed", [20_006, 20_010], ids=["infrared", "colour"])
def test_dusk_and_night_of_healthy_cameras_accuse_nobody(bench, seed):
    footage, setting = StreetFootage("scoring", seed), clean.encoder_of(seed)
    dusk_s = footage.life.sunset_h * 3600.0 - 1800.0
    camera = Patrolled(bench, f"clean-{seed}", dusk_s)
    with CameraEncoder(setting, footage.width, footage.height) as encoder:
        for at_s in camera.turns(dusk_s + 1.5 * 3600.0):
            unit = encoder.visit(footage.look(at_s), footage.after(at_s, setting.between))
            assert faults_in(camera.visit(at_s, setting.codec, unit)) == []


# ---- what it stands on


def test_no_seed_is_both_tuned_on_and_scored():
    assert scoring_seed(10_000) == 10_000
    assert tuning_seed(9_999) == 9_999
    for refuse, seed in ((scoring_seed, 9_999), (tuning_seed, 10_000), (StreetLife, -1)):
        with pytest.raises(ValueError, match="seed"):
            refuse(seed)
    with pytest.raises(ValueError, match="not scored"):
        StreetFootage("scoring", 3)
    assert StreetLife(3, 160, 90).habits != StreetLife(10_003, 160, 90).habits


def test_a_street_gives_the_same_bytes_in_any_order():
    one, other = StreetLife(7, 160, 90), StreetLife(7, 160, 90)
    late, early = one.look(80_000.0), one.look(30_000.0)
    assert (other.look(30_000.0) == early).all()
    assert (other.look(80_000.0) == late).all()
    assert (one.look(30_000.04) != early).mean() > 0.1


def test_every_fault_of_the_list_has_pictures_that_grow_worse():
    life = StreetLife(7, 160, 90, weather=False, buses=False, night="infrared")
    shown = {recipe.fault for recipe in RECIPES.values()}
    stream = {Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED, Fault.LOW_FRAME_RATE, Fault.CLOCK_WRONG}
    assert shown == set(CAMERA_FAULTS) - stream
    for recipe in RECIPES.values():
        if recipe.where not in ("lens", "signal") or recipe.name == "shaking":
            continue
        at_s = 12 * 3600.0 if recipe.hours != "night" else 1.0
        clear = life.look(at_s).astype(int)
        gaps = [np.abs(spoil(life, recipe, severity, at_s) - clear).mean() for severity in recipe.severities]
        assert gaps[0] > 0.1
        if recipe.fault is not Fault.MOVED:  # from one view to the next there is no more and less
            assert gaps == sorted(gaps), recipe.name
    assert set(SEVERITIES) == {severity for recipe in RECIPES.values() for severity in recipe.severities}


def test_a_frozen_picture_stands_but_for_its_clock():
    life = StreetLife(10_009, 320, 180, clock=True)
    whole, running = (
        [spoil(life, RECIPES[f"frozen/{way}"], "severe", 40_000.0 + n, since_s=40_000.0) for n in (0, 61)]
        for way in ("whole", "clock")
    )
    assert (whole[0] == whole[1]).all()
    changed = split(running[0])[0] != split(running[1])[0]
    assert 0 < changed.mean() < 0.01
    assert not changed[30:].any()


def test_planes_come_back_as_they_were():
    picture = StreetLife(8, 160, 90).look(43_200.0)
    again = Planes.from_i420(picture).i420()
    luma, _, _ = split(picture)
    np.clip(luma, 16, 235, out=luma)  # burnt-in text is whiter than white
    assert (again == picture).all()


def test_damage_spoils_slices_and_leaves_headers():
    life = StreetLife(7, 160, 96)
    setting = EncoderSetting("x264", "h264", 300, slices=6)
    with CameraEncoder(setting, 160, 96) as encoder:
        unit = encoder.visit(life.look(43_200.0), [])
    slices = [part for part in units(unit) if is_slice(part, "h264")]
    assert b"".join(units(unit)) == unit
    assert len(slices) == 6
    lost = units(lost_slices(unit, "h264", 0.5, np.random.default_rng(1)))
    assert sum(is_slice(part, "h264") for part in lost) == 3
    assert slices[0] in lost
    altered = units(altered_bytes(unit, "h264", 0.5, np.random.default_rng(1)))
    assert sum(a != b for a, b in zip(units(unit), altered, strict=True)) == 3
