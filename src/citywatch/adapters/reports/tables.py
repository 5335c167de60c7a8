"""Columns as a Parquet file: for machines, a month of a large fleet in a few megabytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

METADATA_KEY = b"citywatch"
"""Under it the file's own metadata hold what the rows belong to, as JSON."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of few different texts: `names[index]`; -1 is none at all."""

    index: Any
    names: Sequence[str]


def parquet(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """The whole file, compressed. A column is Coded, or an array; one called `*_at`, `from` or `to` is instants, ns.

    about  goes into the file's metadata: the figures that the rows make
    """
    arrays = {name: _array(name, column) for name, column in columns.items()}
    table = pa.table(arrays).replace_schema_metadata({METADATA_KEY: json.dumps(about, ensure_ascii=False).encode()})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _array(name: str, column: Any) -> Any:
    if isinstance(column, Coded):
        absent = column.index < 0
        index = pa.array(column.index, pa.int32(), mask=absent)
        return pa.DictionaryArray.from_arrays(index, pa.array(list(column.names), pa.string()))
    if name in ("from", "to") or name.endswith("_at"):
        values, absent = column
        return pa.array(values, pa.int64(), mask=absent).cast(pa.timestamp("ns", tz="UTC"))
    return pa.array(column)
