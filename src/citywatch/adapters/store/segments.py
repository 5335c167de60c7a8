"""Measured rows on disk: sealed Parquet files of one kind, one UTC day and one partition, with their index in SQL.

A seal is crash-proof in this order: every file is written under an unfinished name, all are fsynced, then renamed, then
the directories are fsynced, then the index takes all files and the new positions in one transaction. A file that is not
in the index does not exist: `sweep` removes it at the start. Files lie in `segments/<kind>/<month>/`.

What a file holds: `position_ms`, `position_seq`, `position_row` (where the row stood in its log: the entry, and the row
inside the entry's batch), then the batch's columns. A fixed row of values becomes one column each (`digest_0`,
`digest_1`). A row of free width becomes a list without its trailing zeros, and `<name>_width`, the width it had.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from citywatch.adapters.store.disk import UNFINISHED, disk_words, sync_directory
from citywatch.domain.columns import MAX_ROWS, TEXT, Batch, Column
from citywatch.domain.instants import NS_PER_S, day_of
from citywatch.domain.passes import PassBatch, digest_text
from citywatch.errors import DataDirError, DataError
from citywatch.ports import Position, Row, Segment, SegmentIndex
from citywatch.wire.blobs import KINDS

FOLDER = "segments"
_DAY_NS = 86_400 * NS_PER_S
_COMPACT_ROWS = 8192
"""Batches are turned into compact columns when so many rows of a kind have gathered."""
_ROW_GROUP_ROWS = 65_536
_SYNC_THREADS = 8
_ENTRY_COLUMNS = ("position_ms", "position_seq", "position_row")
_KINDS = {kind.KIND: kind for kind in KINDS.values()}

_Array = np.ndarray[Any, Any]


def _nothing(_step: str) -> None:
    """The probe of normal days."""


@dataclass(slots=True)
class _Held:
    """Rows of one kind that wait for the next seal."""

    batches: list[tuple[int, Position, Batch]]
    rows: int
    tables: list[Any]


class SegmentWriter:
    """Gathers batches and seals them. One writer per data directory; not thread-safe."""

    def __init__(
        self,
        data_dir: Path,
        index: SegmentIndex,
        *,
        max_rows: int,
        probe: Callable[[str], None] = _nothing,
    ) -> None:
        """Holds at most `max_rows` rows (or one batch, when that is larger), whatever their days and order.

        `probe` is called by name between the steps of a seal: segment_written for each file, segments_synced,
        segment_renamed for each file, segments_named (directories synced), segments_recorded; crash proofs end the
        process there.
        """
        if max_rows < 1:
            raise ValueError(f"max_rows is {max_rows}; it must be at least 1")
        self._root = data_dir
        self._index = index
        self._max_rows = max_rows
        self._probe = probe
        self._held: dict[str, _Held] = {}
        self._positions: dict[int, Position] = {}
        self._rows = 0

    @property
    def rows_held(self) -> int:
        return self._rows

    def add(self, partition: int, position: Position, batch: Batch) -> None:
        """Take the batch of one log entry; positions of a partition rise.

        When it no longer fits, what is held is sealed first; if that raises, the batch has not been taken.
        """
        last = self._positions.get(partition)
        if last is not None and position <= last:
            raise ValueError(f"partition {partition}: position {position} is not behind {last}")
        if self._rows and self._rows + len(batch) > self._max_rows:
            self.seal()
        if len(batch):
            held = self._held.setdefault(batch.KIND, _Held([], 0, []))
            if held.rows + len(batch) > MAX_ROWS:
                _compact(held)
            held.batches.append((partition, position, batch))
            held.rows += len(batch)
            if held.rows >= _COMPACT_ROWS:
                _compact(held)
            self._rows += len(batch)
        self._positions[partition] = position

    def seal(self) -> int | None:
        """Bring everything held to disk and into the index; the number of the seal, None when there was nothing.

        OutsideError when the disk or the index fails; what is held stays held, and sealing can be tried again.
        """
        if not self._positions:
            return None
        folder = self._root / FOLDER
        written: list[tuple[Path, Segment]] = []
        try:
            with disk_words(folder):
                for kind, held in self._held.items():
                    _compact(held)
                    for piece in pieces_of(kind, held.tables):
                        written.append(write_segment(self._root, kind, *piece))
                        self._probe("segment_written")
                sync_files([path for path, _ in written])
                self._probe("segments_synced")
                for path, segment in written:
                    path.replace(self._root / segment.path)
                    self._probe("segment_renamed")
                sync_directories(self._root, [self._root / segment.path for _, segment in written])
            self._probe("segments_named")
            number = self._index.record_segments([segment for _, segment in written], dict(self._positions))
        except BaseException:
            for path, _ in written:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            raise
        self._probe("segments_recorded")
        self._held.clear()
        self._positions.clear()
        self._rows = 0
        pa.default_memory_pool().release_unused()
        return number

    def sweep(self) -> int:
        """Remove every file that the index does not know; returns how many there were. Only when nobody writes."""
        folder = self._root / FOLDER
        known = {segment.path for segment in self._index.segments()}
        swept = 0
        with disk_words(folder):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.relative_to(self._root).as_posix() not in known:
                    path.unlink()
                    swept += 1
        return swept


def write_segment(
    root: Path, kind: str, partition: int, day: str, table: Any, *, seal: int = 0
) -> tuple[Path, Segment]:
    """Write rows, in log order, under an unfinished name; that, and what the index will say of it."""
    ms, seq = (table.column(name).to_numpy() for name in _ENTRY_COLUMNS[:2])
    at_ns = table.column("at_ns").to_numpy()
    first, last = Position(int(ms[0]), int(seq[0])), Position(int(ms[-1]), int(seq[-1]))
    name = f"{FOLDER}/{kind}/{day[:7]}/{day}.p{partition:04d}.{first}.{last}.parquet"
    path = root / (name + UNFINISHED)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # In memory first: one write a file instead of a hundred small ones.
        sink = pa.BufferOutputStream()
        pq.write_table(
            table,
            sink,
            row_group_size=_ROW_GROUP_ROWS,
            compression="zstd",
            compression_level=1,
            use_dictionary=_text_columns(kind),
            write_statistics=["device", "at_ns"],
        )
        content = sink.getvalue()
        with path.open("wb", buffering=0) as file:
            _write_all(file, memoryview(content))
        size = content.size
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    return path, Segment(
        path=name,
        kind=kind,
        partition=partition,
        day=day,
        rows=len(table),
        size_bytes=size,
        first=first,
        last=last,
        from_ns=int(at_ns.min()),
        to_ns=int(at_ns.max()),
        seal=seal,
    )


def _write_all(file: FileIO, content: memoryview) -> None:
    while len(content):
        content = content[file.write(content) or 0 :]


def sync_files(paths: list[Path]) -> None:
    """fsync many files. Several at once share the disk's work: a third of the time, measured on ext4."""
    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        for _ in pool.map(_sync_file, paths):
            pass


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directories(root: Path, files: Iterable[Path]) -> None:
    """Make new names last: fsync every directory from the files up to the root, deepest first."""
    directories = {parent for file in files for parent in file.parents if parent == root or root in parent.parents}
    for directory in sorted(directories, key=lambda path: -len(path.parts)):
        sync_directory(directory)


# Batches -> tables


def _text_columns(kind: str) -> list[str]:
    return [column.name for column in _KINDS[kind].COLUMNS if column.dtype == TEXT]


def _compact(held: _Held) -> None:
    """Turn the gathered batches into one table of packed columns, with partition and day of each row."""
    if not held.batches:
        return
    batches = [batch for _, _, batch in held.batches]
    sizes = [len(batch) for batch in batches]
    whole = batches[0] if len(batches) == 1 else type(batches[0]).concat(batches)
    columns: dict[str, Any] = {
        "partition": pa.array(np.repeat([partition for partition, _, _ in held.batches], sizes).astype(np.int32)),
        "day": pa.array((whole.at_ns // _DAY_NS).astype(np.int32)),  # type: ignore[attr-defined]  # every kind has it
        "position_ms": pa.array(np.repeat([position.ms for _, position, _ in held.batches], sizes).astype(np.int64)),
        "position_seq": pa.array(np.repeat([position.seq for _, position, _ in held.batches], sizes).astype(np.int64)),
        "position_row": pa.array(np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])),
    }
    for column in whole.COLUMNS:
        value = getattr(whole, column.name)
        if column.dtype == TEXT:
            columns[column.name] = pa.array(value, pa.string())
        elif column.width == 0:
            columns[column.name] = pa.array(value)
        elif column.width > 0:
            for part in range(column.width):
                columns[f"{column.name}_{part}"] = pa.array(np.ascontiguousarray(value[:, part]))
        else:
            columns[column.name] = _lists(value)
            widths = np.repeat([getattr(batch, column.name).shape[1] for batch in batches], sizes)
            columns[f"{column.name}_width"] = pa.array(widths.astype(np.int16))
    held.tables.append(pa.table(columns))
    held.batches = []
    held.rows = 0


def _lists(table: _Array) -> Any:
    """Rows of a (n, k) array as lists without their trailing zeros."""
    rows, width = table.shape
    there = table != 0
    lengths = np.zeros(rows, np.int64)
    if width:
        lengths = np.where(there.any(axis=1), width - np.argmax(there[:, ::-1], axis=1), 0)
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = table[np.arange(width) < lengths[:, None]]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))


def _empty(table: Any, kind: type[Batch]) -> list[str]:
    """Columns that came after the first schema version and hold nothing in any row: they need not be written."""
    names: list[str] = []
    for column in kind.COLUMNS:
        if column.since == 1 or column.name not in table.column_names:
            continue
        values = table.column(column.name)
        if column.width:
            if not pc.max(table.column(f"{column.name}_width")).as_py():
                names += [column.name, f"{column.name}_width"]
        elif column.dtype == TEXT:
            if not pc.max(pc.binary_length(values)).as_py() and not column.missing:
                names.append(column.name)
        elif _is_all(values, column.missing):
            names.append(column.name)
    return names


def _is_all(values: Any, missing: object) -> bool:
    if missing != missing:  # NaN  # noqa: PLR0124
        return bool(pc.all(pc.is_nan(values)).as_py())
    return bool(pc.all(pc.equal(values, missing)).as_py())


def pieces_of(kind: str, tables: list[Any]) -> Iterator[tuple[int, str, Any]]:
    """(partition, day, rows in log order), one for each file to write."""
    if not tables:
        return
    table = pa.concat_tables(tables)
    table = table.drop_columns(_empty(table, _KINDS[kind]))
    partition, day = table.column("partition").to_numpy(), table.column("day").to_numpy()
    wanted = table.drop_columns(["partition", "day"])
    order = np.lexsort((day, partition))  # stable: the log's order stays
    if np.any(np.diff(order) != 1):
        wanted, partition, day = wanted.combine_chunks().take(pa.array(order)), partition[order], day[order]
    edges = np.flatnonzero((np.diff(partition) != 0) | (np.diff(day) != 0)) + 1
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(table)], strict=True):
        yield int(partition[start]), day_of(int(day[start]) * _DAY_NS), wanted.slice(start, end - start)


# Tables -> batches


def read_seals(data_dir: Path, index: SegmentIndex) -> Iterator[tuple[int, Position, Batch]]:
    """Every recorded batch, as it stood in the log: in log order within each partition. One seal is held at a time.

    DataDirError when a recorded file is missing, DataError when it cannot be read. Entries without rows are not told.
    """
    for _, segments in groupby(index.segments(), key=lambda segment: segment.seal):
        kinds: dict[str, list[Segment]] = {}
        for segment in segments:
            kinds.setdefault(segment.kind, []).append(segment)
        yield from _read_seal(data_dir, kinds)


def _read_seal(data_dir: Path, kinds: Mapping[str, list[Segment]]) -> Iterator[tuple[int, Position, Batch]]:
    parts = [_Part(data_dir, kind, files) for kind, files in kinds.items()]
    entries = sorted((entry, number) for number, part in enumerate(parts) for entry in part.entries)
    for (partition, ms, seq, start, end), number in entries:
        yield partition, Position(ms, seq), parts[number].batch(start, end)


def merged_rows(data_dir: Path, kind: str, segments: Sequence[Segment]) -> Any:
    """The rows of these segments of one kind as one table, in log order, with the `partition` of each row; columns that
    some of them lack are filled in. DataDirError and DataError as of `read_seals`.
    """
    table, partition = _whole(data_dir, kind, segments)
    ms, seq, row = (table.column(name).to_numpy() for name in _ENTRY_COLUMNS)
    table = table.append_column("partition", pa.array(partition.astype(np.int32)))
    return table.take(pa.array(np.lexsort((row, seq, ms, partition))))


def _whole(data_dir: Path, kind: str, segments: Sequence[Segment]) -> tuple[Any, _Array]:
    """The rows of segments of one kind as they come, and the partition of each."""
    if kind not in _KINDS:
        raise DataDirError(f"{data_dir}: segments of kind {kind!r} are not known to this version; use a newer one")
    tables = [_read(data_dir, segment) for segment in segments]
    there = {name for table in tables for name in table.column_names}
    tables = [_completed(table, _KINDS[kind], there) for table in tables]
    partition = np.repeat([segment.partition for segment in segments], [len(table) for table in tables])
    # Each was written without the columns that held nothing in it, so they stand in any order.
    names = tables[0].column_names
    return pa.concat_tables([table.select(names) for table in tables]).combine_chunks(), partition


class _Part:
    """The rows of one kind in one seal, in log order."""

    def __init__(self, data_dir: Path, kind: str, segments: list[Segment]) -> None:
        table, partition = _whole(data_dir, kind, segments)
        self._kind = _KINDS[kind]
        ms, seq, row = (table.column(name).to_numpy() for name in _ENTRY_COLUMNS)
        order = np.lexsort((row, seq, ms, partition))
        partition, ms, seq = partition[order], ms[order], seq[order]
        edges = np.flatnonzero((np.diff(partition) != 0) | (np.diff(ms) != 0) | (np.diff(seq) != 0)) + 1
        starts = np.concatenate(([0], edges))
        ends = np.append(edges, len(order))
        self.entries: list[tuple[int, int, int, int, int]] = list(
            zip(
                partition[starts].tolist(),
                ms[starts].tolist(),
                seq[starts].tolist(),
                starts.tolist(),
                ends.tolist(),
                strict=True,
            )
        )
        self._values = {column.name: _values(table, column, order) for column in self._kind.COLUMNS}
        self._widths = {
            column.name: table.column(f"{column.name}_width").to_numpy()[order]
            for column in self._kind.COLUMNS
            if column.width == -1 and column.name in table.column_names
        }

    def batch(self, start: int, end: int) -> Batch:
        values: dict[str, Any] = {}
        for column in self._kind.COLUMNS:
            value = self._values[column.name][start:end]
            if column.name in self._widths:
                value = value[:, : int(self._widths[column.name][start])]
            values[column.name] = tuple(value) if column.dtype == TEXT else np.ascontiguousarray(value).copy()
        return self._kind(**values)


def _read(data_dir: Path, segment: Segment) -> Any:
    path = data_dir / segment.path
    try:
        table = pq.ParquetFile(path).read(use_threads=False)
    except FileNotFoundError as error:
        raise DataDirError(f"{path}: this recorded segment is missing; restore it from a backup") from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: this segment cannot be read ({error}); restore it from a backup") from error
    if len(table) != segment.rows:
        raise DataError(f"{path}: {len(table)} rows where {segment.rows} were recorded; restore it from a backup")
    return table


def _completed(table: Any, kind: type[Batch], wanted: Collection[str]) -> Any:
    """A table with the columns that it lacks, filled with what they hold where nobody gives them.

    A table lacks columns that came after its schema version, and those that held nothing when it was written; of these
    the `wanted` ones are filled in. Such columns are of one value a row or of free width.
    """
    for column in kind.COLUMNS:
        if column.since == 1 or column.name in table.column_names or column.name not in wanted:
            continue
        arrow = pa.string() if column.dtype == TEXT else pa.from_numpy_dtype(np.dtype(column.dtype))
        if column.width == 0:
            table = table.append_column(column.name, pa.repeat(pa.scalar(column.missing, arrow), len(table)))
        else:
            table = table.append_column(column.name, pa.repeat(pa.scalar([], pa.list_(arrow)), len(table)))
            table = table.append_column(f"{column.name}_width", pa.repeat(pa.scalar(0, pa.int16()), len(table)))
    return table


def _values(table: Any, column: Column, order: _Array) -> Any:
    """One column of a batch: a list of str or an array, in the given order."""
    if column.since > 1 and column.name not in table.column_names:
        return column.left_out(len(order))
    if column.dtype == TEXT:
        return _texts(table.column(column.name), order)
    if column.width == 0:
        return table.column(column.name).to_numpy()[order]
    if column.width > 0:
        parts = [table.column(f"{column.name}_{part}").to_numpy()[order] for part in range(column.width)]
        return np.stack(parts, axis=1)
    widest = pc.max(table.column(f"{column.name}_width")).as_py()
    return _padded(table.column(column.name), widest or 0, column.dtype)[order]


def _texts(chunked: Any, order: _Array) -> list[str]:
    encoded = chunked.combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    return [words[code] for code in encoded.indices.to_numpy()[order].tolist()]


def _padded(chunked: Any, width: int, dtype: str) -> _Array:
    """Lists as rows of a (n, width) array, padded with zeros."""
    lists = chunked.combine_chunks()
    lengths = np.diff(lists.offsets.to_numpy())
    out = np.zeros((len(lists), width), dtype)
    out[np.arange(width) < lengths[:, None]] = lists.flatten().to_numpy()
    return out


# Passes for people


def pass_row(batch: PassBatch, row: int) -> dict[str, Any]:
    """One pass as a plain mapping: the columns of PassBatch, `digest` as 32 hexadecimal digits, axles as lists.

    What came with schema version 2 is None (text: empty, lists: empty) where the scale gives none.
    """
    axles = int(batch.axle_count[row])
    later = {column.name: getattr(batch, column.name)[row] for column in _LATER}
    return {
        "device": batch.device[row],
        "at_ns": int(batch.at_ns[row]),
        "received_ns": int(batch.received_ns[row]),
        "digest": digest_text(int(batch.digest[row, 0]), int(batch.digest[row, 1])),
        "axle_count": axles,
        "gross_kg": int(batch.gross_kg[row]),
        "speed_mps": float(batch.speed_mps[row]),
        "length_mm": int(batch.length_mm[row]),
        "axle_kg": batch.axle_kg[row, :axles].tolist(),
        "spacing_mm": batch.spacing_mm[row, : max(axles - 1, 0)].tolist(),
        "plate": batch.plate[row],
        **_later(later, axles),
    }


_LATER = tuple(column for column in PassBatch.COLUMNS if column.since > 1)


def _later(values: Mapping[str, Any], axles: int) -> dict[str, Any]:
    """The columns that came after schema version 1, of one pass; those of an old segment are not there at all."""
    told: dict[str, Any] = {}
    for column in _LATER:
        value = values.get(column.name)
        if column.width:
            parts = [] if value is None else np.asarray(value, column.dtype).tolist()
            told[column.name] = _fill(parts, axles) if any(parts) else []
        elif column.dtype == TEXT:
            told[column.name] = value or ""
        else:
            plain = column.missing if value is None else np.asarray(value, column.dtype).item()
            nothing = plain == column.missing or plain != plain  # noqa: PLR0124  (NaN)
            told[column.name] = None if column.missing and nothing else plain
    return told


class ParquetPasses:
    """ports.Passes over the sealed segments. Holds the wanted rows and one record batch, never a whole day."""

    def __init__(self, data_dir: Path, index: SegmentIndex) -> None:
        self._root = data_dir
        self._index = index

    def passes(self, *, device: str | None, from_ns: int, to_ns: int, limit: int) -> Iterable[Row]:
        """Passes in [from_ns, to_ns) as pass_row gives them, newest first, then by device and digest.

        The same record of the same device is told once.
        """
        if limit < 1:
            return []
        segments = self._index.segments(kind=PassBatch.KIND, from_ns=from_ns, to_ns=to_ns)
        days: dict[str, list[Segment]] = {}
        for segment in segments:
            days.setdefault(segment.day, []).append(segment)
        found: list[Row] = []
        for day in sorted(days, reverse=True):
            found += self._newest(days[day], device, from_ns, to_ns, limit - len(found))
            if len(found) >= limit:
                break
        return found

    def _newest(self, segments: list[Segment], device: str | None, from_ns: int, to_ns: int, limit: int) -> list[Row]:
        wanted = (ds.field("at_ns") >= from_ns) & (ds.field("at_ns") < to_ns)
        if device is not None:
            wanted &= ds.field("device") == device
        best: dict[tuple[str, str], dict[str, Any]] = {}
        floor = from_ns
        for segment in segments:
            if segment.to_ns < floor:
                continue
            for rows in self._scan(segment, wanted & (ds.field("at_ns") >= floor)):
                for row in _newest_rows(rows, limit):
                    best.setdefault((row["device"], row["digest"]), row)
                if len(best) >= limit:
                    best = dict(sorted(best.items(), key=_newest_first)[:limit])
                    floor = min(row["at_ns"] for row in best.values())
        return [row for _, row in sorted(best.items(), key=_newest_first)]

    def _scan(self, segment: Segment, wanted: Any) -> Iterator[Any]:
        path = self._root / segment.path
        try:
            scanner = (
                ds.ParquetFileFormat()
                .make_fragment(str(path), LocalFileSystem())
                .scanner(filter=wanted, batch_size=_COMPACT_ROWS, batch_readahead=1, use_threads=False)
            )
            yield from scanner.to_batches()
        except FileNotFoundError as error:
            raise DataDirError(f"{path}: this recorded segment is missing; restore it from a backup") from error
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: this segment cannot be read ({error}); restore it from a backup") from error


def _newest_first(item: tuple[tuple[str, str], Mapping[str, Any]]) -> tuple[int, tuple[str, str]]:
    return -item[1]["at_ns"], item[0]


def _newest_rows(rows: Any, limit: int) -> list[dict[str, Any]]:
    """The newest rows of a record batch: `limit` distinct records and all that share the last one's instant."""
    if len(rows) == 0:
        return []
    at_ns, low, high = (rows.column(name).to_numpy() for name in ("at_ns", "digest_0", "digest_1"))
    order = np.lexsort((high, low, -at_ns))
    at_ns, low, high = at_ns[order], low[order], high[order]
    # Equal records stand side by side now. The same digest of two devices is left to the caller.
    fresh = np.flatnonzero(np.append(True, (np.diff(at_ns) != 0) | (low[1:] != low[:-1]) | (high[1:] != high[:-1])))
    cut = at_ns[fresh[limit - 1]] if len(fresh) >= limit else at_ns[-1]
    return [_told(row) for row in rows.take(pa.array(order[at_ns >= cut])).to_pylist()]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    axles = row["axle_count"]
    return {
        "device": row["device"],
        "at_ns": row["at_ns"],
        "received_ns": row["received_ns"],
        "digest": digest_text(row["digest_0"], row["digest_1"]),
        "axle_count": axles,
        "gross_kg": row["gross_kg"],
        "speed_mps": row["speed_mps"],
        "length_mm": row["length_mm"],
        "axle_kg": _fill(row["axle_kg"], axles),
        "spacing_mm": _fill(row["spacing_mm"], max(axles - 1, 0)),
        "plate": row["plate"],
        **_later(row, axles),
    }


def _fill(values: list[Any], length: int) -> list[Any]:
    return (values + [0] * length)[:length]
