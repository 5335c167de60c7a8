"""Blobs: every batch comes back equal, no bytes do harm, and what an earlier release wrote is still read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.claims import Claim
from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.incidents import MARK, Onward, OnwardBatch
from citywatch.domain.passes import NOT_GIVEN, PassBatch, ScaleStatus
from citywatch.domain.pictures import NO_OFFSET, Outcome
from citywatch.errors import DataError
from citywatch.testing import rows as city
from citywatch.wire.blobs import KINDS, decode, encode

GOLDEN = Path(__file__).with_name("golden")


def samples() -> dict[str, Batch]:
    """One batch of each kind, fixed for ever: what `golden/` holds in the bytes of each release."""
    at_ns = city.START_NS
    return {
        "passes": replace(
            city.passes([("st/d1/l1", at_ns, 1, [6000, 9000]), ("st/d1/l2", at_ns + 1, 2, [7000, 9000, 9500])]),
            plate_rear=("", "湘A12345"),
            transverse_mm=np.array([NOT_GIVEN, -300], np.int32),
            status=np.array([ScaleStatus.CLOCK_UNSYNCHRONISED, 0], np.uint32),
            left_kg=np.array([[0, 0, 0], [3400, 4600, 4800]], np.int32),
        ),
        "frames": city.frames(
            [("cam-1", at_ns, 1, Outcome.PICTURE, 110.5, 0.25), ("站-1", at_ns, 2, Outcome.UNREACHABLE, 0.0, 0.0)]
        ),
        "pulses": city.pulse("st/d1/l1", at_ns),
        "ticks": city.tick(at_ns),
        "claims": city.claims([("cam-1", at_ns, "gb28181:nvr-1", Claim.OFFLINE, "catalogue", "")]),
        "onward": OnwardBatch.of_rows(
            [
                Onward("cam-1", at_ns + 7, at_ns, "fault_confirmed", "c", '{"fault":"unreachable"}'),
                Onward("", at_ns + 9, at_ns + 9, MARK, "", ""),
            ]
        ),
        "findings": city.findings(
            [
                {"at_ns": at_ns, "source": "311", "key": "7", "note": "井盖缺失", "lat": 24.3255, "lon": 109.4155},
                {
                    "at_ns": at_ns + 1,
                    "source": "prometheus",
                    "key": "a1",
                    "said": 2,
                    "said_ns": at_ns,
                    "device": "cam-1",
                },
            ]
        ),
        "commands": city.commands([("cam-1", at_ns, "c1", Verb.NOTE_TICKET, "t1", {"note": "镜头已清洁"})]),
    }


def test_every_kind_has_a_sample() -> None:
    assert set(samples()) == {kind.KIND for kind in KINDS.values()}


@pytest.mark.parametrize("kind", sorted(samples()))
def test_what_a_release_wrote_is_still_read(kind: str) -> None:
    files = sorted(GOLDEN.glob(f"{kind}-v*.blob"))
    assert files, "each schema version leaves its blob here; it is never changed"
    for file in files:
        batch = decode(file.read_bytes())
        sample = samples()[kind]
        assert len(batch) == len(sample)
        assert np.array_equal(batch.at_ns, sample.at_ns)  # type: ignore[attr-defined]
    assert batch == sample
    assert files[-1].read_bytes() == encode(sample), "the layout changed: count SCHEMA_VERSION up and add its blob"


def test_rows_of_an_older_schema_say_that_they_hold_nothing_new() -> None:
    batch = decode((GOLDEN / "frames-v1.blob").read_bytes())
    assert np.isnan(batch.fps).all()  # type: ignore[attr-defined]
    assert batch.reference == ("", "")  # type: ignore[attr-defined]
    assert (batch.stream_offset_ns == NO_OFFSET).all()  # type: ignore[attr-defined]


def test_passes_of_the_first_schema_hold_nothing_new() -> None:
    batch = decode((GOLDEN / "passes-v1.blob").read_bytes())
    assert isinstance(batch, PassBatch)
    assert (batch.transverse_mm == NOT_GIVEN).all()
    assert np.isnan(batch.acceleration_mps2).all()
    assert batch.left_kg.shape == (2, 0)
    assert batch.plate_rear == ("", "")


@pytest.mark.parametrize("kind", sorted(samples()))
def test_round_trip_and_empty(kind: str) -> None:
    batch = samples()[kind]
    assert decode(encode(batch)) == batch
    assert decode(encode(type(batch).empty())) == type(batch).empty()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_batch_or_an_error(blob: bytes) -> None:
    with pytest.raises(DataError):
        decode(blob)


@given(st.sampled_from(sorted(samples())), st.data())
def test_a_spoiled_blob_is_refused(kind: str, data: st.DataObject) -> None:
    blob = bytearray(encode(samples()[kind]))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DataError):
        decode(bytes(blob))
    with pytest.raises(DataError):
        decode(encode(samples()[kind])[:at])


def test_newer_schema_says_so() -> None:
    blob = encode(samples()["ticks"])
    forged = bytearray(blob)
    forged[5] = 9
    forged[16:20] = google_crc32c.value(bytes(forged[:16] + forged[20:])).to_bytes(4, "little")
    with pytest.raises(DataError, match="schema 9; this version reads up to 1"):
        decode(bytes(forged))
