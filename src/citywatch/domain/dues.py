"""What is due when: a room of the state whose rows are sought by their instants, not walked over.

A row `<due_ns, 19 digits>.<what>` of such a room says that something is due then. The least one is found with a heap
that stands beside the rows (State.derived), so a tick at which nothing is due costs the same whatever waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from citywatch.domain.state import State

_DIGITS = 19


def put(state: State, room: str, due_ns: int, what: str) -> None:
    """Something is due at this instant (0 or later)."""
    state.put(room, f"{due_ns:0{_DIGITS}d}.{what}", {})


def drop(state: State, room: str, due_ns: int, what: str) -> None:
    """It is due no longer."""
    state.drop(room, f"{due_ns:0{_DIGITS}d}.{what}")


def first(state: State, room: str) -> tuple[int, str] | None:
    """What is due first, and when; None for nothing. Of one instant the least `what`."""
    name = state.derived(("dues", room), lambda: _Least(state, room)).name()
    if name is None:
        return None
    return int(name[:_DIGITS]), name[_DIGITS + 1 :]


def taken(state: State, room: str, now_ns: int) -> Iterator[tuple[int, str]]:
    """What is due by now, in its order; each is taken from the room before it is given."""
    while (due := first(state, room)) is not None and due[0] <= now_ns:
        drop(state, room, *due)
        yield due


class _Least:
    """The names of a room as a heap; those that are gone give way when they come up."""

    def __init__(self, state: State, room: str) -> None:
        self._state = state
        self._room = room
        self._fresh = state.follow(room)
        self._heap = list(self._fresh)
        heapify(self._heap)
        self._fresh.clear()

    def name(self) -> str | None:
        while self._fresh:
            heappush(self._heap, self._fresh.pop())
        while self._heap and self._state.get(self._room, self._heap[0]) is None:
            heappop(self._heap)
        return self._heap[0] if self._heap else None
