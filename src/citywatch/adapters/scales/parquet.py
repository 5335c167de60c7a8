"""Passes as a Parquet file for exchange: every column of a pass, with its unit in its name, read back bit for bit.

`at` is a timestamp in UTC with nanoseconds; what the scale does not give is null. The metadata of the file holds
`citywatch.kind` = passes and `citywatch.schema_version`. A file of others is read when it has at least the columns
that a pass needs, by these names; further columns are left alone. What is wrong with a row costs that row alone.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from citywatch.adapters.scales.parquet_values import FIRST_NS, LAST_NS, RANGES, Found, instants, lists, numbers, texts
from citywatch.domain.columns import TEXT, Column
from citywatch.domain.devices import check_device_id
from citywatch.domain.passes import MAX_AXLES, PassBatch, digest_text
from citywatch.errors import ConfigurationError, DataError
from citywatch.kernels import digests
from citywatch.wire.csv_mapping import LONGEST_TEXT
from citywatch.wire.lines import BadLine, Chunk, LineReason
from citywatch.wire.raster import Checks, Encoded

KIND: Final = b"citywatch.kind"
VERSION: Final = b"citywatch.schema_version"
NEEDED: Final = ("device", "at", "axle_count", "gross_kg", "axle_kg")
_ROWS: Final = 65_536
_INSTANT: Final = pa.timestamp("ns", tz="UTC")
_Array = np.ndarray[Any, Any]


def _arrow(column: Column) -> Any:
    if column.name == "at_ns":
        return _INSTANT
    if column.dtype == TEXT or column.name == "digest":
        return pa.string()
    plain = pa.from_numpy_dtype(np.dtype(column.dtype))
    return pa.list_(plain) if column.width else plain


def _name(column: Column) -> str:
    return "at" if column.name == "at_ns" else column.name


SCHEMA: Final = pa.schema(
    [pa.field(_name(column), _arrow(column)) for column in PassBatch.COLUMNS],
    metadata={KIND: b"passes", VERSION: str(PassBatch.SCHEMA_VERSION).encode()},
)


class ParquetEncoder:
    """Passes as the bytes of one Parquet file; a batch is a row group."""

    kind = "parquet"

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), SCHEMA, compression="zstd")

    def begin(self) -> bytes:
        return self._sink.drain()

    def end(self) -> bytes:
        """The footer; nothing can be written afterwards."""
        self._writer.close()
        return self._sink.drain()

    def encode(self, batch: PassBatch) -> Encoded:
        """The passes that fit, and why the others do not."""
        checks = Checks(batch)
        checks.between("axle_count", batch.axle_count, 1, MAX_AXLES)
        for column in PassBatch.COLUMNS:
            self._check(column, batch, checks)
        batch = batch.take(checks.kept())
        self._writer.write_table(pa.table([_column(column, batch) for column in PassBatch.COLUMNS], schema=SCHEMA))
        return Encoded(self._sink.drain(), checks.unfit())

    @staticmethod
    def _check(column: Column, batch: PassBatch, checks: Checks) -> None:
        """What would not be read is not written."""
        values = getattr(batch, column.name)
        if column.name == "at_ns":
            checks.between("at", values, FIRST_NS, LAST_NS)
        elif column.dtype == TEXT and column.name != "device":
            for row, text in enumerate(values):
                if len(text) > LONGEST_TEXT or not text.isprintable():
                    checks.refuse(row, column.name, f"no text of at most {LONGEST_TEXT} printable characters")
        elif column.name in RANGES and column.width == 0:
            low, high = RANGES[column.name]
            checks.between(column.name, np.where(values == column.missing, low, np.nan_to_num(values)), low, high)
        elif column.name in RANGES:
            checks.axles(column.name, values, int(RANGES[column.name][1]))

    def rounded(self, batch: PassBatch) -> PassBatch:
        """The batch itself: nothing is lost, not even `digest` and `received_ns`."""
        return batch


class _Sink(io.RawIOBase):
    """Where a Parquet writer writes to; `drain` gives what came since the last time."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def drain(self) -> bytes:
        content = b"".join(self._parts)
        self._parts.clear()
        return content


def _column(column: Column, batch: PassBatch) -> Any:
    values = getattr(batch, column.name)
    if column.name == "digest":
        return pa.array([digest_text(int(h1), int(h2)) for h1, h2 in values.tolist()], pa.string())
    if column.name == "at_ns":
        return pa.array(values).cast(_INSTANT)
    if column.dtype == TEXT:
        return pa.array(values, pa.string())
    if column.width:
        width = values.shape[1]
        lengths = np.minimum(batch.axle_count.astype(np.int64), width)
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        flat = values[np.arange(width) < lengths[:, None]]
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))
    missing = np.isnan(values) if values.dtype.kind == "f" else values == column.missing
    return pa.array(values, mask=missing if column.missing or column.name == "speed_mps" else None)


def parquet_chunks(path: Path, advance: Callable[[int], None]) -> Iterator[Chunk]:
    """The passes of a file. `advance` is told the bytes that are done.

    ConfigurationError when the file or a column is not what it must be, DataError when it is damaged.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ConfigurationError(f"{path}: no Parquet file that can be read ({error})") from error
    with file:
        names = file.schema_arrow.names
        missing = [name for name in NEEDED if name not in names]
        if missing:
            raise ConfigurationError(f"{path}: it has no column {missing[0]!r}; a pass needs {', '.join(NEEDED)}")
        version = (file.schema_arrow.metadata or {}).get(VERSION, b"0")
        if version.isdigit() and int(version) > PassBatch.SCHEMA_VERSION:
            raise ConfigurationError(
                f"{path}: schema {int(version)}; this version reads up to {PassBatch.SCHEMA_VERSION}"
            )
        wanted = [field.name for field in SCHEMA if field.name in names]
        places = {name: number for number, name in enumerate(names, start=1)}
        total, size, done = max(file.metadata.num_rows, 1), path.stat().st_size, 0
        try:
            for piece in file.iter_batches(_ROWS, columns=wanted, use_threads=False):
                yield _chunk(piece, done, path, places)
                advance(size * len(piece) // total)
                done += len(piece)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: row {done + 1} or one behind it cannot be read ({error})") from error


def _chunk(piece: Any, before: int, path: Path, places: Mapping[str, int]) -> Chunk:
    rows, where, found = len(piece), str(path), Found()
    columns: dict[str, Any] = {"digest": np.zeros((rows, 2), np.uint64), "received_ns": np.zeros(rows, np.int64)}
    columns |= {"speed_mps": np.full(rows, math.nan), "length_mm": np.zeros(rows, np.int32), "plate": ("",) * rows}
    counted = next(column for column in PassBatch.COLUMNS if column.name == "axle_count")
    counts = numbers(piece.column("axle_count"), counted, where, found, needed=True)
    widest = int(counts.max(initial=0))
    columns["spacing_mm"] = np.zeros((rows, widest), np.int32)
    for column in PassBatch.COLUMNS:
        if _name(column) in piece.schema.names:
            columns[column.name] = _read(piece.column(_name(column)), column, (counts, widest), where, found)
    for row, device in enumerate(columns["device"]):
        try:
            check_device_id(device)
        except ValueError as error:
            found.note(row, "device", LineReason.BAD_TEXT, str(error))
    good = np.array([row for row in range(rows) if row not in found.wrong], np.int64)
    bad = tuple(
        BadLine(before + row + 1, places.get(name, 0), reason, 0, b"", name, text)
        for row, (name, reason, text) in sorted(found.wrong.items())
    )
    batch = PassBatch.of(**columns)
    if found.wrong:
        batch = batch.take(good)
    if "digest" not in piece.schema.names:
        batch = _with_digests(batch)
    return Chunk(rows, batch, good + before + 1, bad)


def _read(values: Any, column: Column, axles: tuple[_Array, int], where: str, found: Found) -> Any:
    """One column of the batch; rows in which it is nothing that it may be are noted."""
    if column.name == "digest":
        return _digests(values, found)
    if column.name == "at_ns":
        return instants(values, where, found)
    if column.dtype == TEXT:
        return texts(values, column.name, where, found)
    if column.width:
        return lists(values, column, axles, where, found)
    return numbers(values, column, where, found, needed=column.name in NEEDED)


def _digests(values: Any, found: Found) -> _Array:
    out = np.zeros((len(values), 2), np.uint64)
    for row, text in enumerate(texts(values, "digest", "", Found())):
        try:
            if len(text) != 32:
                raise ValueError
            out[row] = int(text[:16], 16), int(text[16:], 16)
        except ValueError:
            found.note(row, "digest", LineReason.BAD_TEXT, "no 32 hexadecimal digits; leave the column out")
    return out


def _with_digests(batch: PassBatch) -> PassBatch:
    """The identity of rows whose file holds none: a hash of instant, lane and weights."""
    parts = [
        f"{device}|{at}|{gross}|{axles}".encode()
        for device, at, gross, axles in zip(
            batch.device, batch.at_ns.tolist(), batch.gross_kg.tolist(), batch.axle_kg.tolist(), strict=True
        )
    ]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    starts = np.concatenate(([0], ends[:-1])).astype(np.int64) if parts else ends
    data = np.frombuffer(b"".join(parts), np.uint8)
    values = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS}
    return PassBatch(**{**values, "digest": digests.digest_rows(data, starts, ends)})
