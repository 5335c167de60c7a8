"""Transactions of SIP that are not INVITEs (RFC 3261, 17), without I/O: repeated requests get the answer they had,
and our own requests are sent again until somebody answers. Time is handed in, nanoseconds.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T1_NS = 500_000_000
T2_NS = 4_000_000_000
LIFETIME_NS = 64 * T1_NS
"""Timers F and J: so long a transaction lives."""

T = TypeVar("T")


class Answers:
    """The answers given lately, by transaction: a retransmission gets the same one and is not decided again.

    At most `most` are kept, each for LIFETIME_NS; `gave_way` counts those that went early because there were more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, str], tuple[int, bytes]] = OrderedDict()
        self.gave_way = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, source: str, transaction: str, now_ns: int) -> bytes | None:
        """The answer that this transaction of this source had."""
        self._expire(now_ns)
        kept = self._kept.get((source, transaction))
        return None if kept is None else kept[1]

    def keep(self, source: str, transaction: str, answer: bytes, now_ns: int) -> None:
        self._kept[source, transaction] = (now_ns + LIFETIME_NS, answer)
        self._expire(now_ns)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
            self.gave_way += 1

    def _expire(self, now_ns: int) -> None:
        while self._kept:
            key, (until_ns, _) = next(iter(self._kept.items()))
            if until_ns > now_ns:
                return
            del self._kept[key]


@dataclass(slots=True)
class Asked(Generic[T]):
    """A request of ours that waits for its final answer. `what` is the owner's own note of what it was about."""

    branch: str
    data: bytes
    what: T
    reliable: bool
    until_ns: int
    next_ns: int
    pause_ns: int = T1_NS
    is_over: bool = field(default=False)


class Questions(Generic[T]):
    """Our own requests: sent again after T1, 2 T1, ... up to T2 apart over UDP, given up after 64 T1.

    `most` bounds them; `full` says when no more can be asked now.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[str, Asked[T]] = {}
        self._due: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._most

    def ask(self, branch: str, data: bytes, what: T, *, reliable: bool, now_ns: int) -> Asked[T]:
        """Note a request that was just sent. ValueError when there are too many already."""
        if self.full:
            raise ValueError("too many requests wait for their answers")
        first_ns = now_ns + (LIFETIME_NS if reliable else T1_NS)
        asked = Asked(branch, data, what, reliable, now_ns + LIFETIME_NS, first_ns)
        self._waiting[branch] = asked
        heapq.heappush(self._due, (first_ns, branch))
        return asked

    def answered(self, branch: str, status: int) -> Asked[T] | None:
        """The request that a response belongs to, when this is its final answer; a provisional one slows repeats."""
        asked = self._waiting.get(branch)
        if asked is None:
            return None
        if status < 200:
            asked.pause_ns = T2_NS
            return None
        del self._waiting[branch]
        asked.is_over = True
        return asked

    def drop(self, branch: str) -> None:
        """Nobody waits for this answer any more."""
        asked = self._waiting.pop(branch, None)
        if asked is not None:
            asked.is_over = True

    def due(self, now_ns: int) -> Iterator[tuple[Asked[T], bool]]:
        """Requests whose time has come: (request, True) to be sent again, (request, False) given up."""
        while self._due and self._due[0][0] <= now_ns:
            _, branch = heapq.heappop(self._due)
            asked = self._waiting.get(branch)
            if asked is None:
                continue
            if now_ns >= asked.until_ns:
                self.drop(branch)
                yield asked, False
                continue
            asked.pause_ns = min(2 * asked.pause_ns, T2_NS)
            asked.next_ns = min(now_ns + asked.pause_ns, asked.until_ns)
            heapq.heappush(self._due, (asked.next_ns, branch))
            yield asked, True
