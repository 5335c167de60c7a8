"""Rows of a room by their device, beside the state: so that nobody walks over all of them for one device's."""

from __future__ import annotations

from citywatch.domain.state import State


def of(state: State, room: str, device: str) -> list[str]:
    """The names of the rows of a room whose `device` this is, sorted. A row keeps its device as long as it exists."""
    return _index(state, room).of(device)


def keep_up(state: State, room: str) -> None:
    """Take in what has moved since; to be called on ticks, so that what is to be taken in stays little."""
    _index(state, room).keep_up()


def _index(state: State, room: str) -> _ByDevice:
    return state.derived(("by device", room), lambda: _ByDevice(state, room))


class _ByDevice:
    def __init__(self, state: State, room: str) -> None:
        self._state = state
        self._room = room
        self._moved = state.follow(room)
        self._names: dict[str, set[str]] = {}
        self._devices: dict[str, str] = {}

    def keep_up(self) -> None:
        for name in self._moved:
            row = self._state.get(self._room, name)
            if row is not None:
                self._devices[name] = row["device"]
                self._names.setdefault(row["device"], set()).add(name)
            elif (device := self._devices.pop(name, None)) is not None:
                self._names[device].discard(name)
                if not self._names[device]:
                    del self._names[device]
        self._moved.clear()

    def of(self, device: str) -> list[str]:
        self.keep_up()
        return sorted(self._names.get(device, ()))
