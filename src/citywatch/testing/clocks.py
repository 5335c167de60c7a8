"""A clock that moves only when it is told to."""

from __future__ import annotations

from citywatch.domain.instants import NS_PER_S


class ManualClock:
    """ports.Clock for tests: nothing ever has to wait."""

    def __init__(self, now_ns: int = 1_767_225_600 * NS_PER_S) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def advance_s(self, seconds: float) -> None:
        self._now_ns += round(seconds * NS_PER_S)
