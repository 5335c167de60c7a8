"""Imported histories of states on disk: one Parquet file an import, written whole, never changed afterwards.

They lie in `sla/history/` of the data directory as `000001.parquet`, `000002.parquet`, ... A row that an earlier file
holds already is left out, so that an import may be repeated; a file that is wrong altogether is taken away by deleting
it. `number` of a row is the number of its file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from citywatch.adapters.store.disk import WholeFile, disk_words
from citywatch.errors import DataDirError
from citywatch.wire.service_csv import ServiceRow

FOLDER = Path("sla") / "history"
_NAME = re.compile(r"(\d{6})\.parquet")
_WORDS = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("device", _WORDS),
        ("state", _WORDS),
        ("from_ns", pa.int64()),
        ("to_ns", pa.int64()),
        ("cause", _WORDS),
        ("evidence", _WORDS),
        ("known_ns", pa.int64()),
        ("digest", pa.int64()),
        # Bounds of the two instants; files of before have none, and no row of a file that needs none.
        ("from_worst_ns", pa.int64()),
        ("from_best_ns", pa.int64()),
        ("to_worst_ns", pa.int64()),
        ("to_best_ns", pa.int64()),
    ]
)
_BOUNDS = ("from_worst", "from_best", "to_worst", "to_best")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of one import. `file` is None when all of them were there already."""

    added: int
    repeated: int
    file: Path | None


class ServiceHistory:
    """The imported facts of one data directory."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def add(self, rows: Sequence[ServiceRow]) -> Imported:
        """Take rows in, once: on disk when this returns. OutsideError when the disk fails."""
        with disk_words(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            digests = np.array([_digest(row) for row in rows], np.int64)
            _, first = np.unique(digests, return_index=True)
            known = [self._table(file, ["digest"])["digest"].to_numpy() for _, file in self._files()]
            fresh = np.zeros(len(rows), bool)
            fresh[first] = True
            if known:
                fresh &= ~np.isin(digests, np.concatenate(known))
            taken = np.flatnonzero(fresh).tolist()
            if not taken:
                return Imported(0, len(rows), None)
            number = max((number for number, _ in self._files()), default=0) + 1
            target = self._folder / f"{number:06d}.parquet"
            with WholeFile(target, "history") as file:
                pq.write_table(_table_of([rows[i] for i in taken], digests[fresh]), file.file, compression="zstd")
                file.commit()
            return Imported(len(taken), len(rows) - len(taken), target)

    def read(self) -> tuple[list[str], list[str], dict[str, Any]] | None:
        """Devices, words (each once, the first is '') and columns of all imported facts; None when nothing was.

        `device`, `cause` and `evidence` are indexes, `state` one into the texts `states`; `number` is that of the file.
        """
        parts = [(number, self._table(file)) for number, file in self._files()]
        if not parts:
            return None
        table = pa.concat_tables([part for _, part in parts]).unify_dictionaries().combine_chunks()
        devices, device = _coded(table["device"])
        words, (cause, evidence) = _coded_together(table["cause"], table["evidence"])
        states, state = _coded(table["state"])
        columns = {
            "device": device,
            "state": state,
            "states": states,
            **{name: _bound(table, name) for name in _BOUNDS},
            "known": table["known_ns"].to_numpy(),
            "number": np.repeat([number for number, _ in parts], [part.num_rows for _, part in parts]),
            "cause": cause,
            "evidence": evidence,
        }
        return devices, words, columns

    def _files(self) -> list[tuple[int, Path]]:
        if not self._folder.is_dir():
            return []
        found = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted((int(match[1]), path) for match, path in found if match)

    def _table(self, file: Path, columns: list[str] | None = None) -> pa.Table:
        try:
            return pq.read_table(file, columns=columns, schema=_SCHEMA)
        except (pa.ArrowException, OSError) as error:
            raise DataDirError(f"{file}: cannot be read ({error}); restore it from a backup, or delete it") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _bound(table: pa.Table, name: str) -> Any:
    """A bound where one is given, else the instant itself."""
    given = table[f"{name}_ns"]
    plain = table[f"{name.partition('_')[0]}_ns"]
    return (plain if given.null_count == len(given) else pc.coalesce(given, plain)).to_numpy()


def _table_of(rows: Sequence[ServiceRow], digests: Any) -> pa.Table:
    columns = [
        pa.array([row.device for row in rows]).dictionary_encode(),
        pa.array([row.state.value for row in rows]).dictionary_encode(),
        pa.array([row.from_ns for row in rows], pa.int64()),
        pa.array([row.to_ns for row in rows], pa.int64()),
        pa.array([row.cause for row in rows]).dictionary_encode(),
        pa.array([row.evidence for row in rows]).dictionary_encode(),
        pa.array([row.known_ns for row in rows], pa.int64()),
        pa.array(digests, pa.int64()),
        *(pa.array([getattr(row, f"{name}_ns") for row in rows], pa.int64()) for name in _BOUNDS),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Any]:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    return whole.dictionary.to_pylist(), whole.indices.to_numpy().astype(np.int32)


def _coded_together(*columns: pa.ChunkedArray) -> tuple[list[str], list[Any]]:
    """One list of words for several columns, '' first."""
    parts = [column.combine_chunks() for column in columns]
    parts = [part.chunk(0) if isinstance(part, pa.ChunkedArray) else part for part in parts]
    words = pc.unique(pa.concat_arrays([pa.array([""], pa.string()), *(part.dictionary for part in parts)]))
    places = [pc.index_in(part.dictionary, words).to_numpy().astype(np.int32) for part in parts]
    found = [place[part.indices.to_numpy()] for place, part in zip(places, parts, strict=True)]
    return words.to_pylist(), found


def _digest(row: ServiceRow) -> int:
    parts: tuple[str, ...] = (
        row.device,
        row.state.value,
        str(row.from_ns),
        str(row.to_ns),
        row.cause,
        row.evidence,
        str(row.known_ns),
    )
    bounds = tuple(getattr(row, f"{name}_ns") for name in _BOUNDS)
    if any(bound is not None for bound in bounds):
        parts += tuple(map(str, bounds))
    content = "\x1f".join(parts).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)
