"""How often strangers may ask: so much a minute of one address, and ten times so much of all together."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_TOGETHER = 10
_ALL = ""


class Rates:
    """Buckets that fill evenly and hold one minute's worth. Bounded: the address that has been quiet longest gives way.

    Not thread-safe: one event loop asks.
    """

    def __init__(
        self, per_minute: int, most_addresses: int = 10_000, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute = per_minute
        self._most = most_addresses
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """0 when the address may ask now, which is counted; else after how long it may."""
        now = self._monotonic()
        wanted = [(address or "unknown", self._per_minute), (_ALL, self._per_minute * _TOGETHER)]
        levels = [(key, most, self._level(key, most, now)) for key, most in wanted]
        waits = [(1.0 - level) * 60.0 / most for _, most, level in levels if level < 1.0]
        if waits:
            return max(waits)
        for key, _, level in levels:
            self._buckets[key] = (now, level - 1.0)
            self._buckets.move_to_end(key)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0

    def _level(self, key: str, most: int, now: float) -> float:
        at, level = self._buckets.get(key, (now, float(most)))
        return min(float(most), level + (now - at) * most / 60.0)
