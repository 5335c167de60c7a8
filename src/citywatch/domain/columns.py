"""The unit that travels: a batch of rows of one kind, held as parallel columns, checked at birth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

TEXT = "text"
MAX_ROWS = 65_536
_NATIVE = {
    dtype.name: dtype
    for dtype in map(np.dtype, ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                                "float32", "float64"))
}  # fmt: skip
"""The types of nearly all arrays, which numpy keeps one of each: a look at which one it is costs least."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a batch holds.

    `dtype` is a numpy dtype name, or TEXT for a tuple of str. `width` is 0 for one value a row (shape (n,)),
    a positive number for a fixed row of values (shape (n, width)), and -1 for a row as wide as the batch's
    widest record (shape (n, k)), padded with zeros. `since` is the schema version that brought the column; in rows
    of older versions it holds `missing`.
    """

    name: str
    dtype: str
    width: int = 0
    since: int = 1
    missing: float | int | str = 0

    def left_out(self, rows: int) -> Any:
        """The column where nobody gives it: a row of free width is then no value wide."""
        if self.dtype == TEXT:
            return (str(self.missing),) * rows
        return np.full((rows, max(self.width, 0)) if self.width else rows, self.missing, self.dtype)


@dataclass(frozen=True, eq=False)
class Batch:
    """Base of every batch. A subclass declares COLUMNS, in the order of its fields.

    The first two columns are always `device` (TEXT: the device's id) and `at_ns` (int64: the device's own time).
    A batch holds 0 to MAX_ROWS rows; arrays are made read-only, so a batch can be shared.
    """

    KIND: ClassVar[str] = ""
    SCHEMA_VERSION: ClassVar[int] = 1
    COLUMNS: ClassVar[tuple[Column, ...]] = ()

    def __post_init__(self) -> None:
        rows = -1
        for column in self.COLUMNS:
            value = getattr(self, column.name)
            if column.dtype == TEXT:
                if not isinstance(value, tuple):
                    raise TypeError(f"{self.KIND}.{column.name}: a tuple of str is wanted, not {type(value).__name__}")
            else:
                self._check_array(column, value)
                value.flags.writeable = False
            if rows not in (-1, len(value)):
                raise ValueError(f"{self.KIND}.{column.name}: {len(value)} rows where the others have {rows}")
            rows = len(value)
        if rows > MAX_ROWS:
            raise ValueError(f"{self.KIND}: {rows} rows in one batch; the limit is {MAX_ROWS}")

    def _check_array(self, column: Column, value: object) -> None:
        if (
            isinstance(value, np.ndarray)
            and value.ndim == 1
            and not column.width
            and value.dtype is _NATIVE.get(column.dtype)
        ):
            return  # as nearly all are
        name = f"{self.KIND}.{column.name}"
        if not isinstance(value, np.ndarray) or value.dtype != np.dtype(column.dtype):
            raise TypeError(f"{name}: an array of {column.dtype} is wanted, not {getattr(value, 'dtype', type(value))}")
        if value.ndim != (2 if column.width else 1):
            raise ValueError(f"{name}: shape {value.shape} has {value.ndim} dimensions")
        if column.width > 0 and value.shape[1] != column.width:
            raise ValueError(f"{name}: shape {value.shape}, wanted (n, {column.width})")

    def __len__(self) -> int:
        return len(getattr(self, self.COLUMNS[0].name))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name), equal_nan=_is_float(getattr(self, f.name)))
            if isinstance(getattr(self, f.name), np.ndarray)
            else getattr(self, f.name) == getattr(other, f.name)
            for f in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: slice | Sequence[int] | np.ndarray[Any, Any]) -> Self:
        """The named rows, in that order, as a batch of their own."""
        indices = range(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        values = {}
        for column in self.COLUMNS:
            value = getattr(self, column.name)
            if column.dtype == TEXT:
                values[column.name] = value[rows] if isinstance(rows, slice) else tuple(value[i] for i in indices)
            else:
                values[column.name] = value[rows].copy()
        return type(self)(**values)

    def split(self, rows: int) -> Iterator[Self]:
        """Pieces of at most `rows` rows, in order."""
        for start in range(0, len(self), rows):
            yield self.take(slice(start, start + rows))

    @classmethod
    def concat(cls, batches: Sequence[Self]) -> Self:
        """All rows of all batches, in order; rows of free width are padded to the widest."""
        if not batches:
            return cls.empty()
        values: dict[str, Any] = {}
        for column in cls.COLUMNS:
            parts = [getattr(batch, column.name) for batch in batches]
            if column.dtype == TEXT:
                values[column.name] = tuple(item for part in parts for item in part)
                continue
            if column.width == -1:
                widest = max(part.shape[1] for part in parts)
                parts = [np.pad(part, ((0, 0), (0, widest - part.shape[1]))) for part in parts]
            values[column.name] = np.concatenate(parts)
        return cls(**values)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A batch from columns by name. Those that came after schema version 1 may be left out."""
        rows = len(values[cls.COLUMNS[0].name])
        for column in cls.COLUMNS:
            if column.since > 1 and column.name not in values:
                values[column.name] = column.left_out(rows)
        return cls(**values)

    @classmethod
    def columns_of(cls, version: int) -> tuple[Column, ...]:
        """The columns of a schema version."""
        return tuple(column for column in cls.COLUMNS if column.since <= version)

    @classmethod
    def empty(cls) -> Self:
        """A batch of no rows."""
        values: dict[str, Any] = {}
        for column in cls.COLUMNS:
            if column.dtype == TEXT:
                values[column.name] = ()
            else:
                shape = (0, max(column.width, 0)) if column.width else (0,)
                values[column.name] = np.zeros(shape, column.dtype)
        return cls(**values)


def _is_float(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
