"""Rows that are due at an instant, found without walking over all rows on every tick."""

from __future__ import annotations

import heapq

from citywatch.domain.state import Row, State

_SLACK = 1_000


class Due:
    """The rows of one room by their `due_ns` (0: never). Make it by `due_of`; it says nothing that the rows do not."""

    def __init__(self, state: State, room: str) -> None:
        self._room = room
        self._names = state.follow(room)
        self._heap: list[tuple[int, str]] = []

    def by(self, state: State, now_ns: int) -> list[tuple[str, Row]]:
        """The rows that are due now, by (due_ns, name). Whoever takes them drops each or puts it off."""
        self._catch_up(state)
        found: dict[str, Row] = {}
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, name = heapq.heappop(self._heap)
            row = state.get(self._room, name)
            if row is not None and row["due_ns"] == due_ns:
                found[name] = row
        return list(found.items())

    def _catch_up(self, state: State) -> None:
        if len(self._heap) > 4 * state.size(self._room) + _SLACK:
            self._heap = []
            self._names.update(name for name, _ in state.room(self._room))
        for name in self._names:
            row = state.get(self._room, name)
            if row is not None and row["due_ns"]:
                heapq.heappush(self._heap, (row["due_ns"], name))
        self._names.clear()


def due_of(state: State, room: str) -> Due:
    """The one index of a room."""
    return state.derived(("due", room), lambda: Due(state, room))
