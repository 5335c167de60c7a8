"""When each device was last seen, as columns beside the rows of the state: so that a tick finds who is late at once.

The rows are the truth; the columns are made of them, and made anew wherever they are missing. Between two ticks the
state notes which rows were touched: those alone are read again, everything else is one pass of a kernel over 25 bytes
a device. The sweep names only devices of which the verdict has changed (or whose rows were touched), so a district
that has been dark for days costs a tick nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from citywatch.domain.state import State
from citywatch.kernels import liveness

_NEVER_LATE_NS = np.iinfo(np.int64).max
_ROOM_FOR = 256


class Seen(NamedTuple):
    """What the sweep has to know of a device; instants and times in nanoseconds. `observer` may be empty."""

    last_ns: int
    timeout_ns: int
    observer: str = ""


class Late(NamedTuple):
    """A device and the verdict about it: HEARD, SILENT or NOT_KNOWN."""

    device: str
    verdict: int


class LastSeen:
    """The columns of the devices that have rows in `rooms`. Belongs to one State; get it by `of`.

    `read(device)` gives what its rows say, None when nothing is expected of it (any more).
    """

    def __init__(self, state: State, rooms: tuple[str, ...], read: Callable[[str], Seen | None]) -> None:
        self._read = read
        self._touched = [state.follow(room) for room in rooms]
        self._slots: dict[str, int] = {}
        self._names: list[str] = []
        self._free: list[int] = []
        self._observers: dict[str, int] = {}
        self._last_ns = np.zeros(0, np.int64)
        self._timeout_ns = np.zeros(0, np.int64)
        self._observer = np.zeros(0, np.int32)
        self._told = np.zeros(0, np.uint8)
        self._moved = np.zeros(0, np.int32)

    @classmethod
    def of(
        cls, state: State, key: tuple[object, ...], rooms: tuple[str, ...], read: Callable[[str], Seen | None]
    ) -> LastSeen:
        """The columns that stand beside this state under this key, made of its rows when there are none yet."""
        return state.derived(key, lambda: cls(state, rooms, read))

    def __len__(self) -> int:
        """How many devices are watched."""
        return len(self._slots)

    def changed(self, now_ns: int, covered_since_ns: Callable[[str], int]) -> Iterator[Late]:
        """Devices whose verdict is another one than at the tick before, and those whose rows were touched, by name.

        `covered_since_ns(observer)`: since when that observer has listened without a gap; above now_ns for not now.
        """
        for names in self._touched:
            for device in names:
                self._again(device)
            names.clear()
        count = len(self._names)
        covered = np.array([covered_since_ns(name) for name in self._observers], np.int64)
        arrays = (self._last_ns[:count], self._timeout_ns[:count], self._observer[:count])
        found = liveness.sweep(now_ns, *arrays, covered, self._told[:count], self._moved[:count])
        slots = self._moved[:found].tolist()
        late = [Late(self._names[slot], int(self._told[slot])) for slot in slots if self._names[slot]]
        return iter(sorted(late))

    def _again(self, device: str) -> None:
        """Read the rows of a device that were touched."""
        seen = self._read(device)
        slot = self._slots.get(device)
        if seen is None:
            if slot is not None:
                del self._slots[device]
                self._names[slot] = ""
                self._last_ns[slot], self._told[slot] = _NEVER_LATE_NS, liveness.HEARD
                self._free.append(slot)
            return
        if slot is None:
            slot = self._slots[device] = self._new_slot()
            self._names[slot] = device
        self._last_ns[slot], self._timeout_ns[slot] = seen.last_ns, seen.timeout_ns
        self._observer[slot] = self._observers.setdefault(seen.observer, len(self._observers))
        self._told[slot] = liveness.ASK

    def _new_slot(self) -> int:
        if self._free:
            return self._free.pop()
        self._names.append("")
        if len(self._names) > len(self._last_ns):
            size = max(_ROOM_FOR, 2 * len(self._last_ns))
            for name in ("_last_ns", "_timeout_ns", "_observer", "_told", "_moved"):
                column: np.ndarray[Any, Any] = getattr(self, name)
                grown = np.zeros(size, column.dtype)
                grown[: len(column)] = column
                setattr(self, name, grown)
        return len(self._names) - 1
