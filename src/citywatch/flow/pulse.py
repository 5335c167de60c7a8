"""Time as rows: the one clock writer, and the observers that say "I was listening"."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pulses import PulseBatch, TickBatch
from citywatch.flow.door import LogDoor
from citywatch.ports import Clock


class Ticker:
    """Writes one tick a second to every partition. Time never goes back: a clock that jumps back waits."""

    def __init__(self, door: LogDoor, clock: Clock, period_s: float = 1.0) -> None:
        self._door = door
        self._clock = clock
        self._period_s = period_s
        self._last_ns = 0
        self._pace = threading.Event()

    def turn(self) -> None:
        now_ns = self._clock.now_ns()
        if now_ns > self._last_ns:
            self._door.broadcast(TickBatch(("clock",), np.array([now_ns], np.int64)))
            self._last_ns = now_ns
        self._pace.wait(self._period_s - (now_ns % NS_PER_S) / NS_PER_S % self._period_s)


class Observer:
    """Says once a second, to every partition, that a door was open: for as long as `is_listening` says so."""

    def __init__(
        self,
        name: str,
        door: LogDoor,
        clock: Clock,
        period_s: float = 1.0,
        is_listening: Callable[[], bool] = lambda: True,
    ) -> None:
        self._name = name
        self._door = door
        self._clock = clock
        self._period_s = period_s
        self._is_listening = is_listening
        self._pace = threading.Event()

    def turn(self) -> None:
        if self._is_listening():
            at_ns = np.array([self._clock.now_ns()], np.int64)
            self._door.broadcast(PulseBatch((self._name,), at_ns, (self._name,)))
        self._pace.wait(self._period_s)
