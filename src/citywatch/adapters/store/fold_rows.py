"""What every room of the fold needs: rows of a table in memory, and an event's fields read with care."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from citywatch.adapters.store.bulk import insert_rows, known_among
from citywatch.domain.events import Event

_IN_ONE_QUESTION = 500


class Rows:
    """Rows of one table by their key: those read, those made and those changed since."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._key = table.primary_key.columns.values()[0]
        self._rows: dict[str, dict[str, Any]] = {}
        self._made: dict[str, None] = {}
        self._changed: dict[str, None] = {}

    def read(self, connection: Connection, keys: Collection[str]) -> None:
        wanted = sorted(known_among(connection, self._key, keys))
        for start in range(0, len(wanted), _IN_ONE_QUESTION):
            these = self._key.in_(wanted[start : start + _IN_ONE_QUESTION])
            for row in connection.execute(select(self._table).where(these)).mappings():
                self._rows[row[self._key.name]] = dict(row)

    def read_of(self, connection: Connection, devices: Collection[str]) -> None:
        """All rows of these devices."""
        for device in sorted(devices):
            for row in connection.execute(select(self._table).where(self._table.c.device == device)).mappings():
                self._rows[row[self._key.name]] = dict(row)

    def of(self, device: str) -> list[Mapping[str, Any]]:
        """Those in memory of one device."""
        return [row for row in self._rows.values() if row["device"] == device]

    def get(self, key: str) -> Mapping[str, Any] | None:
        return self._rows.get(key)

    def make(self, row: dict[str, Any]) -> None:
        key = row[self._key.name]
        self._rows[key] = row
        self._made[key] = None

    def change(self, key: str, **values: Any) -> Mapping[str, Any]:
        """The row after the change."""
        self._rows[key] = {**self._rows[key], **values}
        if key not in self._made:
            self._changed[key] = None
        return self._rows[key]

    def write(self, connection: Connection) -> None:
        if self._made:
            # By their keys, so that neighbours in the index come one after the other.
            insert_rows(connection, self._table, [self._rows[key] for key in sorted(self._made)])
        if self._changed:
            this = self._key == bindparam("this_row")
            connection.execute(
                update(self._table).where(this), [{**self._rows[key], "this_row": key} for key in self._changed]
            )


def text(event: Event, field: str) -> str:
    return storable(event.data[field])


def whole(event: Event, field: str) -> int:
    return int64(event.data[field])


def storable(value: object) -> str:
    """A text that every database takes. TypeError, ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError("a text with a NUL in it cannot be stored")
    if not value.isascii():
        value.encode()
    return value


def storables(values: Sequence[object]) -> Sequence[str]:
    """Texts that every database takes, looked at together. TypeError, ValueError."""
    try:
        storable("".join(values))  # type: ignore[arg-type]  # a TypeError is the question
    except (TypeError, ValueError):
        for value in values:  # which one it was, in our words
            storable(value)
        raise
    return values  # type: ignore[return-value]


def texts(value: object) -> dict[str, str]:
    """A mapping of texts that every database takes. TypeError, ValueError."""
    if not isinstance(value, Mapping):
        raise TypeError(f"a mapping is wanted, not {type(value).__name__}")
    found = dict(value)
    storable("".join((*found, *found.values())))
    return found


def int64(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number is wanted, not {type(value).__name__}")
    if not -(2**63) <= value < 2**63:
        raise ValueError("a number does not fit into 64 bits")
    return value


def verdict(commands: Rows, event: Event, word: str, reason: str) -> None:
    """The first verdict of a command stands: a repeat of it changes nothing."""
    command = text(event, "command")
    if commands.get(command) is None:
        commands.make(
            {
                "command": command,
                "verdict": word,
                "reason": reason,
                "device": event.device,
                "at_ns": event.at_ns,
                "event": event.id,
            }
        )


def accepted(commands: Rows, event: Event) -> None:
    """The command that an event answers, if there is one, was lawful."""
    if event.data.get("command"):
        verdict(commands, event, "accepted", "")
