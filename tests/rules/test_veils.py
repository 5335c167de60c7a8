"""What lies between the lens and the street: fog, dirt, a film, a plate; and a torn picture, which may look like any.

The figures are those of single looks at generated streets of the tuning seeds, through several encoders.
"""

import math

import pytest
from own_kit import BY_DAY, BY_INFRARED, Watch

from citywatch.domain.pictures import Fault

FOG = {"mean": 177.0, "contrast": 12.0, "texture_share": 0.023, "sharpness": 1.2, "match_share": 0.12,
       "lost_share": 0.84, "contrast_ratio": 0.1, "sharpness_ratio": 1.0, "chroma_sd": 0.6}  # fmt: skip
VEILS = {
    "fog that hides all but the near": (FOG, Fault.LOW_CONTRAST),
    "fog whose last blocks are flat": (
        FOG | {"sharpness_ratio": 0.86, "texture_share": 0.01, "contrast_ratio": 0.14}, Fault.LOW_CONTRAST),
    "fog at 35 m": (
        FOG | {"mean": 165.0, "contrast": 44.0, "texture_share": 0.26, "match_share": 0.28, "lost_share": 0.55,
               "contrast_ratio": 0.6}, Fault.LOW_CONTRAST),
    "fog that hides everything": (
        FOG | {"texture_share": 0.005, "match_share": 0.01, "lost_share": 0.92, "contrast_ratio": math.nan,
               "sharpness_ratio": math.nan}, Fault.LOW_CONTRAST),
    "fog without a block of structure": (
        FOG | {"mean": 178.0, "contrast": 8.0, "texture_share": 0.001, "match_share": 0.1, "lost_share": 0.86,
               "shift_certainty": 0.14, "contrast_ratio": 0.06}, Fault.LOW_CONTRAST),
    "fog before a camera whose days are bright": (
        FOG | {"mean": 150.0, "contrast": 10.0, "texture_share": 0.003, "match_share": 0.15, "lost_share": 0.77,
               "shift_certainty": 0.14, "contrast_ratio": 0.26, "chroma_sd": 3.0}, Fault.LOW_CONTRAST),
    "fog of 10 m, in which the little that is left is hardly sure of its place": (
        FOG | {"contrast": 8.0, "texture_share": 0.0, "sharpness": 1.9, "match_share": 0.07, "lost_share": 0.89,
               "shift_certainty": 0.045, "contrast_ratio": 0.08, "sharpness_ratio": 0.87}, Fault.LOW_CONTRAST),
    "a bright film behind which only noise is left": (
        FOG | {"mean": 160.0, "contrast": 5.0, "texture_share": 0.0, "sharpness": 3.8, "match_share": 0.24,
               "lost_share": 0.75, "shift_certainty": 0.05, "contrast_ratio": 0.04, "sharpness_ratio": 0.83},
        Fault.COVERED),
    "a film that is bright and leaves no structure": (
        FOG | {"mean": 170.0, "contrast": 8.0, "texture_share": 0.003, "match_share": 0.38, "lost_share": 0.55,
               "shift_certainty": 0.39, "contrast_ratio": 0.15, "sharpness_ratio": 0.96}, Fault.COVERED),
    "a bright plate, where a few blocks are alike by chance": (
        FOG | {"mean": 178.0, "contrast": 8.0, "texture_share": 0.001, "match_share": 0.06, "lost_share": 0.92,
               "shift_certainty": 0.01, "contrast_ratio": 0.3}, Fault.COVERED),
    "dirt": (
        FOG | {"mean": 133.0, "texture_share": 0.19, "match_share": 0.61, "lost_share": 0.39, "contrast_ratio": 0.12},
        Fault.LOW_CONTRAST),
    "a film": (
        FOG | {"mean": 88.0, "texture_share": 0.095, "match_share": 0.67, "lost_share": 0.27, "contrast_ratio": 0.12,
               "contrast": 17.0, "sharpness_ratio": 0.56}, Fault.COVERED),
    "a film under coarse blocks": (
        FOG | {"mean": 107.0, "texture_share": 0.012, "match_share": 0.49, "lost_share": 0.47, "contrast_ratio": 0.14,
               "sharpness_ratio": 1.06}, Fault.COVERED),
    "a plate with light on it": (
        FOG | {"mean": 162.0, "contrast": 44.0, "texture_share": 0.01, "match_share": 0.04, "lost_share": 0.93,
               "contrast_ratio": 0.35, "chroma_sd": 6.0}, Fault.COVERED),
    "a darker plate": (
        FOG | {"mean": 138.0, "contrast": 43.0, "texture_share": 0.058, "match_share": 0.09, "lost_share": 0.89,
               "contrast_ratio": 0.41}, Fault.COVERED),
}  # fmt: skip


@pytest.fixture
def watch():
    """A camera that is known."""
    watch = Watch()
    watch.settle(40)
    return watch


@pytest.mark.parametrize("name", VEILS)
def test_each_veil_has_its_name_and_no_other(watch, name):
    figures, fault = VEILS[name]
    for _ in range(4):
        watch.look(**figures)
    assert watch.confirmed() == [fault]
    assert watch.suspected() == [fault]


def test_snow_on_the_ground_is_no_fog(watch):
    for _ in range(4):
        watch.look(mean=160.0, contrast=95.0, match_share=0.5, lost_share=0.45, contrast_ratio=0.8)
    assert Fault.LOW_CONTRAST not in watch.suspected()


@pytest.mark.parametrize("name", VEILS)
def test_a_picture_with_missing_bytes_is_torn_whatever_it_looks_like(watch, name):
    for _ in range(4):
        watch.look(**VEILS[name][0], decode_errors=1, speckle_share=0.2, stripe_rows=2.0)
    assert watch.confirmed() == [Fault.MOSAIC]
    assert watch.suspected() == [Fault.MOSAIC]


def test_the_colours_and_the_noise_of_a_torn_picture_are_nobodys():
    watch = Watch()
    watch.settle(20)
    watch.settle(10, of=BY_INFRARED)
    for _ in range(4):
        watch.look(of=BY_DAY, mean=70.0, chroma_sd=60.0, noise_sd=30.0, void_share=0.3)
    assert watch.confirmed() == [Fault.MOSAIC]
    assert Fault.INFRARED_STUCK not in watch.suspected()


def test_a_picture_that_was_fog_is_no_plate_at_the_next_look(watch):
    fog = FOG | {"contrast": 9.0, "texture_share": 0.007, "match_share": 0.1, "shift_certainty": 0.1}
    blurred = fog | {"sharpness": 2.1, "shift_certainty": 0.05, "contrast_ratio": 0.45, "steady_share": 0.95}
    plate = Watch()
    plate.settle(12)
    for _ in range(2):
        plate.look(420.0, **blurred)
    assert plate.confirmed() == [Fault.COVERED]
    watch.look(420.0, **fog)
    assert watch.suspected() == [Fault.LOW_CONTRAST]
    watch.look(420.0, **blurred)
    assert watch.confirmed() == [Fault.LOW_CONTRAST]
    watch.look(420.0, **blurred)
    assert watch.suspected() == watch.confirmed() == [Fault.LOW_CONTRAST]


def test_a_plate_that_comes_in_the_fog_is_a_plate(watch):
    watch.look(420.0, **FOG)
    for steady in (0.1, 1.0):
        watch.look(420.0, **FOG | {"mean": 138.0, "contrast": 43.0, "texture_share": 0.058, "match_share": 0.09,
                                   "lost_share": 0.89, "contrast_ratio": 0.41, "steady_share": steady})  # fmt: skip
    assert watch.confirmed() == [Fault.COVERED]
