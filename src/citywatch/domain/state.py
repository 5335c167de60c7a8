"""The state of one partition: small named rows that remember what changed, so that a commit writes only that."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, TypeVar, cast

from citywatch.domain.incidents import Onward
from citywatch.domain.texts import of_row

Row = Mapping[str, Any]
_Derived = TypeVar("_Derived")


class State:
    """Rows `room/name` -> JSON-able mapping. A row is replaced, never changed in place: that makes undo cheap.

    The owner calls `mark()` before a batch and `undo()` when the batch could not be digested; `changes()` gives
    what has changed since the last call, as bytes for the log. What a step hands on to the incident stage waits here,
    too (`hand_on`), until `handed_on()` takes it: it must be undone with the rest.

    What a rule derives from rows so as not to walk over all of them on every tick stands beside them (`derived`, kept
    up by `follow`). It is in no commit and says nothing that the rows do not say; `undo` drops it.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, Row]] = {}
        self._changed: dict[tuple[str, str], None] = {}
        self._undo: dict[tuple[str, str], Row | None] = {}
        self._undo_changed: dict[tuple[str, str], None] = {}
        self._onward: list[Onward] = []
        self._undo_onward = 0
        self._derived: dict[Hashable, Any] = {}
        self._followed: dict[str, list[set[str]]] = {}

    @classmethod
    def load(cls, rows: Mapping[str, bytes]) -> State:
        """The state that a log has stored."""
        state = cls()
        for key in sorted(rows):
            room, _, name = key.partition("/")
            state._rooms.setdefault(room, {})[name] = json.loads(rows[key])
        return state

    def get(self, room: str, name: str) -> Row | None:
        rows = self._rooms.get(room)
        return None if rows is None else rows.get(name)

    def put(self, room: str, name: str, row: Row) -> None:
        self._remember(room, name)
        rows = self._rooms.get(room)
        if rows is None:
            rows = self._rooms[room] = {}
        rows[name] = row

    def drop(self, room: str, name: str) -> None:
        self._remember(room, name)
        self._rooms.get(room, {}).pop(name, None)

    def room(self, room: str) -> Iterator[tuple[str, Row]]:
        """All rows of a room, by name: an order that does not depend on how the state came to be."""
        rows = self._rooms.get(room, {})
        return iter([(name, rows[name]) for name in sorted(rows)])

    def size(self, room: str) -> int:
        return len(self._rooms.get(room, {}))

    @property
    def changed_rows(self) -> int:
        """How many rows `changes` would give now."""
        return len(self._changed)

    def mark(self) -> None:
        """From here on `undo` leads back to here."""
        self._undo = {}
        self._undo_changed = dict(self._changed)
        self._undo_onward = len(self._onward)

    def undo(self) -> None:
        for (room, name), row in self._undo.items():
            if row is None:
                self._rooms.get(room, {}).pop(name, None)
            else:
                self._rooms.setdefault(room, {})[name] = row
        self._changed = self._undo_changed
        del self._onward[self._undo_onward :]
        self._derived, self._followed = {}, {}
        self.mark()

    def changes(self) -> dict[str, bytes | None]:
        """What has changed since the last call: `room/name` -> canonical JSON, or None for a dropped row."""
        changed: dict[str, bytes | None] = {}
        for room, name in self._changed:
            row = self.get(room, name)
            changed[f"{room}/{name}"] = None if row is None else of_row(row)
        self._changed = {}
        self.mark()
        return changed

    def derived(self, key: Hashable, make: Callable[[], _Derived]) -> _Derived:
        """What stands beside the rows under this key; made now where it is missing: at first, and after an `undo`."""
        if key not in self._derived:
            self._derived[key] = make()
        return cast(_Derived, self._derived[key])

    def follow(self, room: str) -> set[str]:
        """The names of all rows of a room; from now on every name that is put or dropped is added to the same set.
        Whoever reads it empties it. For what is `derived` only: an `undo` ends it.
        """
        names = set(self._rooms.get(room, ()))
        self._followed.setdefault(room, []).append(names)
        return names

    def hand_on(self, row: Onward) -> None:
        """One row for the incident stage."""
        self._onward.append(row)

    def handed_on(self) -> list[Onward]:
        """What was handed on since the last call, in order."""
        onward, self._onward, self._undo_onward = self._onward, [], 0
        return onward

    def snapshot(self) -> dict[str, bytes]:
        """The whole state as bytes, for comparison and export."""
        return {f"{room}/{name}": of_row(row) for room in sorted(self._rooms) for name, row in self.room(room)}

    def _remember(self, room: str, name: str) -> None:
        key = (room, name)
        if key not in self._undo:
            self._undo[key] = self.get(room, name)
        self._changed[key] = None
        if room in self._followed:
            for names in self._followed[room]:
                names.add(name)
