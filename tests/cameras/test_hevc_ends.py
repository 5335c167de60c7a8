"""A damage that H.265's decoder does not tell: bytes that never came, or came as others."""

import os

import numpy as np
import pytest

from citywatch.adapters.cameras import decode, hevc_ends
from citywatch.adapters.cameras.examiner import Examiner
from citywatch.adapters.cameras.pipe import Settings, Task
from citywatch.testing.coded import CameraEncoder, EncoderSetting, altered_bytes, lost_slices
from citywatch.testing.street_life import StreetLife

MOST = 1 << 22
HEVC = EncoderSetting("x265", "hevc", 150, between=0)


@pytest.fixture(scope="module")
def units():
    """Three key frames each of two sizes; 346 rows are coded as 352, of which six are out of sight."""
    found = []
    for width, height in ((320, 180), (256, 154)):
        life = StreetLife(7, width, height)
        with CameraEncoder(HEVC, width, height) as encoder:
            found += [encoder.encode(life.look(43_200.0 + 60.0 * number), key=True) for number in range(3)]
    return found


def damaged(content):
    return hevc_ends.is_damaged(content, decode.decode_key_frame("hevc", content, MOST), MOST)


def test_a_picture_whose_bytes_all_came_is_whole(units):
    assert not any(map(damaged, units))
    assert not any(damaged(unit + b"\x00\x00\x03\x00\x00\x03") for unit in units)  # zero words behind the last slice


@pytest.mark.parametrize(
    ("harm", "share"),
    [(lost_slices, 0.125), (lost_slices, 0.375), (lost_slices, 0.75), (altered_bytes, 0.75)],
)
def test_missing_and_altered_bytes_are_found_though_the_decoder_is_silent(units, harm, share):
    for number, unit in enumerate(units):
        content = harm(unit, "hevc", share, np.random.default_rng([3, number]))
        assert decode.decode_key_frame("hevc", content, MOST).decode_errors == 0
        assert damaged(content)


def test_content_without_a_slice_is_not_judged(units):
    decoded = decode.decode_key_frame("hevc", units[0], MOST)
    assert not hevc_ends.is_damaged(b"\x00\x00\x01\x40\x01", decoded, MOST)
    assert not hevc_ends.is_damaged(b"", decoded, MOST)


def test_a_visit_tells_the_damage_as_an_error_of_the_decoder(units, tmp_path):
    settings = Settings(
        objects_dir=str(tmp_path), unpinned_quota_bytes=1 << 24, pinned_quota_bytes=1 << 24, data_limit_bytes=1 << 30,
        most_pixels=MOST, search_seconds=1.0, niceness=0, parent=os.getpid(),
    )  # fmt: skip
    examiner = Examiner(settings)
    whole = examiner.visit(Task(media="hevc", previous="", references={}), units[0])
    cut = lost_slices(units[0], "hevc", 0.4, np.random.default_rng(1))
    torn = examiner.visit(Task(media="hevc", previous="", references={}), cut)
    assert (whole.measurement["decode_errors"], torn.measurement["decode_errors"]) == (0, 1)
