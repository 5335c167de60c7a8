"""Batches as bytes: packed columns behind a versioned header.

Layout, little-endian: magic `CWB1` (4), kind (1), schema version (1), header length (2), rows (4),
payload length (4), CRC32C over everything else (4); then one entry per column: free width (2);
then the columns in order. A text column is n+1 uint32 offsets and then UTF-8.
Readers accept the current schema version and the two before it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import google_crc32c
import numpy as np

from citywatch.domain.claims import ClaimBatch
from citywatch.domain.columns import TEXT, Batch, Column
from citywatch.domain.commands import CommandBatch
from citywatch.domain.findings import FindingBatch
from citywatch.domain.incidents import OnwardBatch
from citywatch.domain.passes import PassBatch
from citywatch.domain.pictures import FrameBatch
from citywatch.domain.pulses import PulseBatch, TickBatch
from citywatch.errors import DataError

MAGIC = b"CWB1"
_HEAD = struct.Struct("<4sBBHIII")
_CRC_AT = _HEAD.size - 4

KINDS: dict[int, type[Batch]] = {
    1: PassBatch,
    2: FrameBatch,
    3: PulseBatch,
    4: TickBatch,
    5: CommandBatch,
    6: ClaimBatch,
    7: OnwardBatch,
    8: FindingBatch,
}
_CODES = {kind: code for code, kind in KINDS.items()}


def encode(batch: Batch) -> bytes:
    """The batch as one blob."""
    widths = bytearray()
    parts: list[bytes] = []
    for column in batch.COLUMNS:
        value = getattr(batch, column.name)
        if column.dtype == TEXT:
            texts = [text.encode() for text in value]
            offsets = np.zeros(len(texts) + 1, "<u4")
            np.cumsum([len(text) for text in texts], out=offsets[1:])
            parts += [offsets.tobytes(), *texts]
            widths += struct.pack("<H", 0)
        else:
            parts.append(
                np.ascontiguousarray(value).astype(np.dtype(column.dtype).newbyteorder("<"), copy=False).tobytes()
            )
            widths += struct.pack("<H", value.shape[1] if column.width else 0)
    payload = b"".join(parts)
    length = _HEAD.size + len(widths)
    head = _HEAD.pack(MAGIC, _CODES[type(batch)], batch.SCHEMA_VERSION, length, len(batch), len(payload), 0)
    body = bytes(widths) + payload
    return head[:_CRC_AT] + struct.pack("<I", google_crc32c.value(head[:_CRC_AT] + body)) + body


def decode(blob: bytes) -> Batch:
    """The batch in a blob. DataError, naming what is wrong, for anything else."""
    if len(blob) < _HEAD.size or blob[:4] != MAGIC:
        raise DataError("blob: not a Citywatch blob (its first four bytes are not CWB1)")
    _, code, version, length, rows, payload_length, crc = _HEAD.unpack_from(blob)
    if google_crc32c.value(blob[:_CRC_AT] + blob[_HEAD.size :]) != crc:
        raise DataError("blob: checksum does not match; the bytes were damaged or cut")
    kind = KINDS.get(code)
    if kind is None:
        raise DataError(f"blob: kind {code} is not known to this version")
    if not 1 <= version <= kind.SCHEMA_VERSION:
        raise DataError(f"blob: {kind.KIND} schema {version}; this version reads up to {kind.SCHEMA_VERSION}")
    columns = kind.columns_of(version)
    if length != _HEAD.size + 2 * len(columns) or len(blob) != length + payload_length:
        raise DataError("blob: its lengths contradict each other")
    return _read(kind, columns, blob, rows, length)


@lru_cache
def _little(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


def _read(kind: type[Batch], columns: tuple[Column, ...], blob: bytes, rows: int, at: int) -> Batch:
    values: dict[str, Any] = {}
    try:
        for number, column in enumerate(columns):
            if column.dtype == TEXT:
                offsets = np.frombuffer(blob, "<u4", rows + 1, at)
                at += 4 * (rows + 1)
                text = memoryview(blob)[at : at + int(offsets[-1])]
                values[column.name] = tuple(
                    str(text[a:b], "utf-8") for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
                )
                at += int(offsets[-1])
                continue
            width = struct.unpack_from("<H", blob, _HEAD.size + 2 * number)[0]
            dtype = _little(column.dtype)
            count = rows * (width if column.width else 1)
            array = np.frombuffer(blob, dtype, count, at).astype(column.dtype)
            values[column.name] = array.reshape(rows, width) if column.width else array
            at += count * dtype.itemsize
        return kind.of(**values)
    except (ValueError, TypeError, struct.error) as error:
        raise DataError(f"blob: {kind.KIND} rows do not fit their header: {error}") from error
