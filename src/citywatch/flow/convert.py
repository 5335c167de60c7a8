"""One file of vehicle records into another format: every record once, in order; what cannot go over is told.

A record of the source that cannot be read, and a pass that the target cannot hold, are refused: with line, column,
field and reason. What the target holds less finely, or not at all, is counted by column (wire/raster.py).
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from citywatch.adapters.scales.files import RecordFile
from citywatch.adapters.scales.records import Encoder, Terms, chunks, encoder
from citywatch.adapters.store.disk import WholeFile, disk_words, is_special
from citywatch.domain.columns import MAX_ROWS
from citywatch.domain.devices import scale_device
from citywatch.domain.passes import PassBatch
from citywatch.errors import ConfigurationError
from citywatch.flow.progress import bar
from citywatch.wire.lines import Chunk
from citywatch.wire.raster import losses, place_of

UNFIT = "does_not_fit"
"""Reason of a pass that was read, but that the target format cannot hold."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """What did not go over. `line` and `column` count from 1 (column 0: of no column); `content` as it stood."""

    line: int
    column: int
    field: str
    reason: str
    message: str
    content: bytes = b""

    def to_json(self) -> str:
        """One line of JSON. Bytes that are no UTF-8 are given in base64, as `content_base64`."""
        shown: dict[str, Any] = {
            "line": self.line,
            "column": self.column,
            "field": self.field,
            "reason": self.reason,
            "message": self.message,
        }
        try:
            shown["content"] = self.content.decode()
        except UnicodeDecodeError:
            shown["content_base64"] = base64.b64encode(self.content).decode()
        return json.dumps(shown, ensure_ascii=False)


@dataclass
class Converted:
    """Counts of one conversion: written + refused = records. `lossy`: column -> rows that are not wholly told."""

    source: str
    target: str
    records: int = 0
    written: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lossy: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> str:
        shown: dict[str, Any] = {
            "from": self.source,
            "to": self.target,
            "records": self.records,
            "written": self.written,
            "refused": self.refused.total(),
            "refused_by_reason": dict(sorted(self.refused.items())),
            "lossy": dict(sorted(self.lossy.items())),
        }
        return json.dumps(shown, indent=2) + "\n"


class _Conversion:
    """Gathers passes to batches of MAX_ROWS, so that small pieces of the source do not show in the target."""

    def __init__(
        self,
        target: Encoder,
        write: Callable[[bytes], None],
        refuse: Callable[[RefusedRecord], None],
        directions: Mapping[int, int],
        result: Converted,
    ) -> None:
        self._target = target
        self._write = write
        self._refuse = refuse
        self._directions = directions
        self._renamed: dict[str, str] = {}
        self._result = result
        self._held: list[Chunk] = []
        self._rows = 0

    def take(self, chunk: Chunk) -> None:
        self._result.records += chunk.lines
        for bad in chunk.bad:
            self._told(RefusedRecord(bad.line, bad.column, bad.field, bad.reason.value, bad.message(), bad.content))
        if self._rows and self._rows + len(chunk.passes) > MAX_ROWS:
            self.flush()
        self._held.append(chunk)
        self._rows += len(chunk.passes)

    def flush(self) -> None:
        """Write what is held."""
        if not self._rows:
            return
        numbers = np.concatenate([chunk.numbers for chunk in self._held])
        batch = PassBatch.concat([chunk.passes for chunk in self._held])
        self._held, self._rows = [], 0
        batch = self._turned(batch)
        encoded = self._target.encode(batch)
        with_reason = {unfit.row: unfit for unfit in encoded.unfit}
        for row, unfit in with_reason.items():
            line = int(numbers[row])
            message = f"line {line} ({unfit.field}): {unfit.text}"
            self._told(RefusedRecord(line, 0, unfit.field, UNFIT, message))
        kept = batch.take([row for row in range(len(batch)) if row not in with_reason]) if with_reason else batch
        self._result.lossy.update(losses(kept, self._target.rounded(kept)))
        self._result.written += len(kept)
        self._write(encoded.content)

    def _turned(self, batch: PassBatch) -> PassBatch:
        """The batch with its directions renamed as the user wishes."""
        if not self._directions:
            return batch
        for device in set(batch.device) - self._renamed.keys():
            place = place_of(device)
            renamed = self._directions.get(place[1]) if place else None
            self._renamed[device] = (
                scale_device(place[0], renamed, place[2]) if place and renamed is not None else device
            )
        values = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS}
        return PassBatch(**{**values, "device": tuple(self._renamed[device] for device in batch.device)})

    def _told(self, record: RefusedRecord) -> None:
        self._result.refused[record.reason] += 1
        self._refuse(record)


def convert(
    source: tuple[Path, str, Terms],
    target: tuple[Path, str, Terms],
    *,
    refuse: Callable[[RefusedRecord], None],
    directions: Mapping[int, int] | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Converted:
    """Read one file and write the other: each is (path, kind, terms). The target is whole or not there.

    `refuse` is told each record that does not go over, as it is found; `directions` renames directions of lanes.
    ConfigurationError when a file cannot be read or written as what it shall be, or the target is there already and
    `overwrite` is not said; OutsideError when a disk fails.
    """
    (source_path, source_kind, source_terms), (target_path, target_kind, target_terms) = source, target
    file = RecordFile(source_path)
    if target_path.exists() and not is_special(target_path):
        if source_path.resolve() == target_path.resolve():
            raise ConfigurationError(f"{target_path}: this file is read; name another one to write to")
        if not overwrite:
            raise ConfigurationError(f"{target_path}: it is there already; name another file, or say --force")
    result = Converted(source_kind, target_kind)
    with WholeFile(target_path, "target file") as out, bar("convert", file.size_bytes, shown=progress) as advance:

        def write(content: bytes) -> None:
            with disk_words(out.target):
                out.file.write(content)

        encode = encoder(target_kind, target_terms)
        write(encode.begin())
        conversion = _Conversion(encode, write, refuse, directions or {}, result)
        for chunk in chunks(file, source_kind, source_terms, advance):
            conversion.take(chunk)
        conversion.flush()
        write(encode.end())
        out.commit()
    return result
