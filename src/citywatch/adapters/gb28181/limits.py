"""How much one source may send: a bucket of tokens for each, in a bounded table."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from citywatch.domain.instants import NS_PER_S

MOST_SOURCES = 10_000


class Buckets:
    """Tokens by source: `rate_per_s` flow in, up to `burst`. Time is handed in.

    When there are more than `most` sources the one heard least lately is forgotten, and begins with a full bucket.
    """

    def __init__(self, rate_per_s: float, burst: float, most: int = MOST_SOURCES) -> None:
        self._rate = rate_per_s / NS_PER_S
        self._burst = burst
        self._most = most
        self._levels: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, source: Hashable, now_ns: int) -> bool:
        """One token; False when there is none."""
        level = self.level(source, now_ns)
        enough = level >= 1.0
        self._levels[source] = (level - 1.0 if enough else level, now_ns)
        self._levels.move_to_end(source)
        while len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return enough

    def level(self, source: Hashable, now_ns: int) -> float:
        """Tokens that are there now."""
        level, then_ns = self._levels.get(source, (self._burst, now_ns))
        return min(level + max(now_ns - then_ns, 0) * self._rate, self._burst)
