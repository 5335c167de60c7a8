"""Who may speak: devices become known by speaking, up to a number.

Each costs memory in the log, in the step and in the store for as long as the city lives. A station that makes up a
new lane for every record, by mistake or not, must not be able to fill them.
"""

from __future__ import annotations

import threading

from citywatch.ports import Store

_PAGE = 500


class Acquaintances:
    """The names that are known, read from the store when the first is asked for. For any number of threads."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most
        self._names: set[str] = set()
        self._read = False
        self._turn = threading.Lock()

    def welcome(self, device: str) -> bool:
        """Whether a device may speak: a known one, a registered one, or one of those that still fit in."""
        if device in self._names:
            return True
        with self._turn:
            if not self._read:
                self._names.update(self._stored())
                self._read = True
            if device in self._names or len(self._names) < self._most or self._store.device(device) is not None:
                self._names.add(device)
                return True
            return False

    def _stored(self) -> list[str]:
        names: list[str] = []
        while rows := self._store.devices(kind=None, after=names[-1] if names else "", limit=_PAGE):
            names += [row["device"] for row in rows]
        return names
