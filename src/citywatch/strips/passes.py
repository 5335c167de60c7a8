"""From vehicles to the rows of the house, and raw strips to bytes that anybody can weigh again."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import MAX_AXLES, NOT_GIVEN, PassBatch
from citywatch.errors import DataError
from citywatch.strips.station import StripStation
from citywatch.strips.vehicles import Vehicles

MAGIC = b"CWSTRIP1"
_HEAD = struct.Struct("<8sI")
_MOST_HEADER = 65_536
_AROUND_S = 0.25
"""Kept before the first and after the last pulse of a vehicle: enough for every baseline."""

_Array = np.ndarray[Any, Any]


def to_passes(
    vehicles: Vehicles, station: StripStation, *, device: str, start_ns: int, raw: Sequence[str] = ()
) -> PassBatch:
    """The accepted vehicles as a PassBatch (schema 2).

    device    of the lane: station/direction/lane
    start_ns  instant of sample 0, ns UTC
    raw       for each accepted vehicle the hash of its raw strips in the object store; empty: not stored
    ValueError for another number of hashes.
    """
    chosen = vehicles.take(vehicles.accepted)
    rows = len(chosen)
    if len(raw) not in (0, rows):
        raise ValueError(f"raw: {len(raw)} hashes for {rows} accepted vehicles")
    rate = station.sample_rate_hz
    # In whole numbers as far as they go: a month of samples is more than a float's nanoseconds.
    at_ns = start_ns + chosen.at_sample * NS_PER_S // rate + np.rint(chosen.at_part * NS_PER_S / rate).astype(np.int64)
    axle_kg = np.rint(chosen.axle_kg).astype(np.int32)
    spacing_mm = np.rint(chosen.spacing_m * 1000).astype(np.int32)
    left_kg = np.rint(chosen.left_kg).astype(np.int32)
    gross_kg = axle_kg.sum(axis=1, dtype=np.int32)
    length_mm = np.zeros(rows, np.int32)
    loop_s = np.nan_to_num(chosen.loop_s)
    if station.loop is not None:
        over_m = chosen.speed_mps * loop_s - station.loop.length_m
        length_mm = np.where(over_m > 0, np.rint(over_m * 1000), 0).astype(np.int32)
    across = chosen.transverse_m
    transverse = np.where(np.isnan(across), NOT_GIVEN, np.rint(np.nan_to_num(across) * 1000)).astype(np.int32)
    digest = np.zeros((rows, 2), np.uint64)
    for row in range(rows):
        content = json.dumps(
            [device, int(at_ns[row]), axle_kg[row].tolist(), spacing_mm[row].tolist(), float(chosen.speed_mps[row])]
        )
        digest[row] = np.frombuffer(hashlib.blake2b(content.encode(), digest_size=16).digest(), np.uint64)
    return PassBatch.of(
        device=(device,) * rows,
        at_ns=at_ns,
        received_ns=np.zeros(rows, np.int64),
        digest=digest,
        axle_count=np.minimum(chosen.axle_count, MAX_AXLES).astype(np.int16),
        gross_kg=gross_kg,
        speed_mps=chosen.speed_mps.copy(),
        length_mm=length_mm,
        axle_kg=axle_kg,
        spacing_mm=spacing_mm,
        plate=("",) * rows,
        transverse_mm=transverse,
        acceleration_mps2=chosen.acceleration_mps2.copy(),
        temperature_c=chosen.temperature_c.copy(),
        occupancy_ms=np.rint(loop_s * 1000).astype(np.int32),
        travel=chosen.travel.astype(np.int8),
        status=chosen.status.astype(np.uint32),
        left_kg=left_kg,
        axle_speed_mps=chosen.axle_speed_mps.astype(np.float32),
        raw=tuple(raw) or ("",) * rows,
    )


def window(vehicles: Vehicles, row: int, station: StripStation) -> tuple[int, int]:
    """The samples that a vehicle left on the strips, with some quiet around: first and stop (exclusive) index."""
    rate = station.sample_rate_hz
    felt = vehicles.felt_s[row]
    first = int(vehicles.at_sample[row]) + int(np.floor((np.nanmin(felt) - _AROUND_S) * rate))
    stop = int(vehicles.at_sample[row]) + int(np.ceil((np.nanmax(felt) + _AROUND_S) * rate))
    return max(0, first), stop


def pack(samples: _Array, first_sample: int, station: StripStation, celsius: float) -> bytes:
    """Raw strips for the object store: the same samples give the same bytes.

    samples (strips, n) V; kept as float32 where that loses nothing, else as float64, behind a header that says what
    they are.
    """
    small = samples.astype(np.float32)
    kept = small if np.array_equal(small.astype(np.float64), samples, equal_nan=True) else samples.astype(np.float64)
    kept = np.ascontiguousarray(kept.astype(kept.dtype.newbyteorder("<")))
    header = json.dumps(
        {
            "calibration_kg_per_v": [strip.calibration_kg_per_v for strip in station.strips],
            "dtype": kept.dtype.str,
            "first_sample": first_sample,
            "position_m": [strip.position_m for strip in station.strips],
            "sample_rate_hz": station.sample_rate_hz,
            "sensor": [strip.sensor.value for strip in station.strips],
            "shape": list(kept.shape),
            "side": [strip.side.name.lower() for strip in station.strips],
            "slant_m_per_m": [strip.slant_m_per_m for strip in station.strips],
            "temperature_c": None if np.isnan(celsius) else celsius,
            "temperature_model": [strip.model.name for strip in station.strips],
            "width_m": [strip.width_m for strip in station.strips],
        },
        sort_keys=True,
    ).encode()
    return _HEAD.pack(MAGIC, len(header)) + header + kept.tobytes()


def unpack(content: bytes) -> tuple[dict[str, Any], _Array]:
    """Header and samples (strips, n) float64 of packed raw strips. DataError when they are something else."""
    if len(content) < _HEAD.size or not content.startswith(MAGIC):
        raise DataError("raw strips: the content does not begin as packed strips do")
    _, length = _HEAD.unpack_from(content)
    if length > _MOST_HEADER or len(content) < _HEAD.size + length:
        raise DataError("raw strips: the header is cut off")
    try:
        header = json.loads(content[_HEAD.size : _HEAD.size + length])
        shape, dtype = tuple(int(size) for size in header["shape"]), str(header["dtype"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"raw strips: the header cannot be read ({error})") from error
    body = content[_HEAD.size + length :]
    if dtype not in ("<f4", "<f8") or len(shape) != 2 or min(shape) < 0:
        raise DataError(f"raw strips: samples of {dtype} in shape {shape} are not known")
    if len(body) != shape[0] * shape[1] * np.dtype(dtype).itemsize:
        raise DataError(f"raw strips: {len(body)} bytes of samples, the header tells another number")
    return header, np.frombuffer(body, dtype).reshape(shape).astype(np.float64)
