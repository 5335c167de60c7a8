"""What the patrol says of itself, in the log server: its report, which fades by itself, and each camera's last look.

A board, not a record: nothing is decided by it, and what is lost comes again with the next look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from citywatch.adapters.log.client import connect, log_errors, shown
from citywatch.ports import Row

_REPORT = "patrol:report"
_LOOKS = "patrol:looks"
_FADES_AFTER_S = 10
_IN_ONE_QUESTION = 500


class PatrolBoard:
    """ports.PatrolView, and the writing side for the one patrol. Blocking."""

    def __init__(self, url: str) -> None:
        self._client = connect(url, 2.0)
        self._where = shown(url)

    def say(self, report: Mapping[str, Any], looks: Mapping[str, Row], gone: Sequence[str]) -> None:
        """The report of now, the looks since the last call, and cameras whose looks nobody needs. LogUnavailable."""
        with log_errors(self._where):
            pipe = self._client.pipeline(transaction=False)
            pipe.set(_REPORT, json.dumps(report, ensure_ascii=False), ex=_FADES_AFTER_S)
            if gone:
                pipe.hdel(_LOOKS, *gone)
            if looks:
                pipe.hset(_LOOKS, mapping={name: json.dumps(look) for name, look in looks.items()})
            pipe.execute()

    def report(self) -> Row | None:
        try:
            return _row(self._client.get(_REPORT))
        except redis.exceptions.RedisError:
            return None

    def looks(self, cameras: Sequence[str]) -> Mapping[str, Row]:
        found: dict[str, Row] = {}
        try:
            for start in range(0, len(cameras), _IN_ONE_QUESTION):
                these = list(cameras[start : start + _IN_ONE_QUESTION])
                for camera, text in zip(these, self._client.hmget(_LOOKS, these), strict=True):
                    look = _row(text)
                    if look is not None:
                        found[camera] = look
        except redis.exceptions.RedisError:
            return found
        return found

    def close(self) -> None:
        self._client.close()


def _row(text: Any) -> Row | None:
    """What a newer or older patrol has written in another way is as good as nothing."""
    try:
        row = json.loads(text) if text is not None else None
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
