"""Many rows at a time, as cheaply as SQLite takes them: plain tuples, no row built twice, one statement for all.

Other databases go the way of SQLAlchemy. What is written is the same, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import JSON, Column, Connection, Table, insert, select

_FEW = 4
_IN_ONE_QUESTION = 500


def dump(value: object) -> str:
    """How JSON columns are written. TypeError for what is no JSON."""
    return orjson.dumps(value).decode()


class Written(str):
    """A JSON text that is written as it stands."""

    __slots__ = ()


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns; KeyError for one that does not."""
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(insert(table), [_read(row) for row in rows])
        return
    statement, values, jsons = _plan(table, tuple(rows[0]))
    found = []
    for row in rows:
        cells = list(values(row))
        for place in jsons:
            cell = cells[place]
            cells[place] = str(cell) if type(cell) is Written else dump(cell)
        found.append(tuple(cells))
    connection.exec_driver_sql(statement, found)


def known_among(connection: Connection, column: Column[str], keys: Collection[str]) -> set[str]:
    """Those of the keys that stand in a column of texts."""
    wanted = sorted(keys)
    if connection.dialect.name == "sqlite" and len(wanted) > _FEW:
        statement = f'SELECT "{column.name}" FROM "{column.table.name}" WHERE "{column.name}" IN (SELECT value FROM json_each(?))'  # noqa: S608, E501  (names of our own tables)
        return set(connection.exec_driver_sql(statement, (dump(wanted),)).scalars())
    known: set[str] = set()
    for start in range(0, len(wanted), _IN_ONE_QUESTION):
        known.update(connection.scalars(select(column).where(column.in_(wanted[start : start + _IN_ONE_QUESTION]))))
    return known


@cache
def _plan(table: Table, names: tuple[str, ...]) -> tuple[str, Any, tuple[int, ...]]:
    """The statement, what takes the cells out of one, the places of JSON columns."""
    columns = ", ".join(f'"{name}"' for name in names)
    marks = f"({', '.join('?' * len(names))})"
    statement = f'INSERT INTO "{table.name}" ({columns}) VALUES {marks}'  # noqa: S608  (names of our own tables)
    jsons = tuple(place for place, name in enumerate(names) if isinstance(table.c[name].type, JSON))
    return statement, itemgetter(*names), jsons


def _read(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if not any(type(cell) is Written for cell in row.values()):
        return row
    return {name: json.loads(cell) if type(cell) is Written else cell for name, cell in row.items()}
