"""By which challenge each HTTP camera lets us in, kept from visit to visit: its answer goes with the first request.

A camera that asks for a password answers the bare request with 401, and most close the connection with it, so every
visit would be two. RFC 7616 (3.3, 3.6) and RFC 7617 (2.2) let a client answer ahead. A nonce that has grown too old is
refused as stale, and costs what it did before.

Some devices give a nonce for one request alone and do not say so. There an answer ahead is a wrong one, and wrong ones
are counted by devices that lock a user out: where two in a row were refused without being called stale, each let in by
a fresh challenge thereafter, none is given ahead again. (One is what a camera that was restarted refuses.)
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from citywatch.adapters.cameras.challenge import Way

MOST_DEVICES = 16_384
"""Half a kilobyte each; who was asked longest ago is forgotten, and asked for a challenge again."""
_REFUSED = 2


@dataclass(slots=True)
class _Known:
    way: Way
    refused: int = 0
    """Answers ahead in a row that were refused, and not as stale."""


class WaysIn:
    """By host and port: cameras of one recorder share it."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()

    def way(self, host: str, port: int) -> Way | None:
        """To answer ahead by; None to wait for a challenge."""
        known = self._known.get((host, port))
        if known is None:
            return None
        self._known.move_to_end((host, port))
        return known.way if known.refused < _REFUSED else None

    def let_in(self, host: str, port: int, ahead: Way | None, way: Way | None) -> None:
        """A request was answered. `ahead`: the way that was tried first; `way`: the one that led in."""
        if way is None:
            return  # no password was asked for
        known = self._known.setdefault((host, port), _Known(way))
        if ahead is way:
            known.refused = 0
        elif ahead is not None and not way.was_stale:
            known.refused += 1
        known.way = way
        if len(self._known) > MOST_DEVICES:
            self._known.popitem(last=False)

    def kept_out(self, host: str, port: int) -> None:
        """User and password were not accepted: the next visit waits to be asked."""
        self._known.pop((host, port), None)
