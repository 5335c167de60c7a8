"""Passes of every kind for the tests of formats, and files read in pieces."""

import math

import numpy as np
from hypothesis import strategies as st

from citywatch.domain.passes import NOT_GIVEN, PassBatch, ScaleStatus
from citywatch.wire.lines import Chunk

ALL_FLAGS = ScaleStatus(127)
STATION = "17018115"
DAY_NS = 86_400 * 10**9
TEXTS = ("", "", "湘A12345", "粤B-1;2", 'a "b", c', "9")
REALS = (math.nan, 0.0, 0.1, 1 / 3, 17.222222222222221, 33.3, 82.6)


def read(decoder, content, cuts=()):
    """Everything that comes out of the bytes, handed in pieces: (passes, refusals, line numbers)."""
    chunks: list[Chunk] = []
    for start, end in zip((0, *cuts), (*cuts, len(content)), strict=True):
        decoder.receive(content[start:end])
        while (chunk := decoder.next_chunk()) is not None:
            chunks.append(chunk)
    decoder.receive_end()
    while (chunk := decoder.next_chunk()) is not None:
        chunks.append(chunk)
    assert all(chunk.lines == len(chunk.passes) + len(chunk.bad) for chunk in chunks)
    numbers = [int(number) for chunk in chunks for number in chunk.numbers]
    return PassBatch.concat([c.passes for c in chunks]), [bad for c in chunks for bad in c.bad], numbers


def sample(rows, seed):
    """Passes of up to 17 axles, with everything that a pass can hold, some of it beyond what formats can."""
    rng = np.random.default_rng(seed)
    axles = np.where(rng.random(rows) < 0.2, rng.integers(1, 18, rows), rng.integers(2, 7, rows)).astype(np.int16)
    widest = int(axles.max(initial=0))
    there, gaps = (np.arange(widest) < (axles - less).reshape(rows, 1) for less in (0, 1))

    def choice(values, dtype):
        return rng.choice(np.array(values, dtype), rows)

    def whole(high, dtype=np.int32, low=0):
        return rng.integers(low, high, rows).astype(dtype)

    def texts(values=TEXTS):
        return tuple(rng.choice(np.array(values, object), rows).tolist())

    at_ns = 10**18 + rng.integers(0, 35 * 366 * DAY_NS, rows)
    return PassBatch.of(
        device=texts((f"{STATION}/d0/l1", f"{STATION}/d1/l9", f"{STATION}/d2/l0", "A.b/d12/l3")),
        at_ns=np.where(rng.random(rows) < 0.7, at_ns // 10**6 * 10**6, at_ns),
        received_ns=np.zeros(rows, np.int64),
        digest=rng.integers(0, 2**63, (rows, 2)).astype(np.uint64),
        axle_count=axles,
        gross_kg=np.where(rng.random(rows) < 0.9, whole(99_999, low=1), whole(1_200_000)).astype(np.int32),
        speed_mps=choice(REALS, np.float64),
        length_mm=choice([0, 1, 50, 12_345, 99_949, 99_999], np.int32),
        axle_kg=np.where(there, rng.integers(0, 40_000, (rows, widest)), 0).astype(np.int32),
        spacing_mm=np.where(gaps, rng.integers(0, 9_949, (rows, widest)), 0).astype(np.int32),
        plate=texts(),
        record=whole(999_999_999, np.int64),
        group_count=np.minimum(whole(6, np.int16), axles),
        transverse_mm=choice([NOT_GIVEN, 0, 1800, 4, 9_000, -20], np.int32),
        acceleration_mps2=choice(REALS, np.float64),
        temperature_c=choice(REALS, np.float64),
        occupancy_ms=whole(99_999),
        travel=whole(2, np.int8, -1),
        camera_axles=whole(10, np.int16),
        vehicle_class=texts(),
        plate_rear=texts(),
        plate_colour=texts(),
        status=whole(int(ALL_FLAGS) + 1, np.uint32),
        left_kg=np.where(there & (seed % 2 == 0), rng.integers(0, 20_000, (rows, widest)), 0).astype(np.int32),
        axle_speed_mps=np.where(there, rng.random((rows, widest)), 0).astype(np.float32),
        raw=texts(("", "ab12")),
    )


def passes(most=12):
    """Batches of up to `most` passes: any of them by two numbers, so that drawing them costs nothing."""
    return st.builds(sample, st.integers(0, most), st.integers(0, 2**32))
