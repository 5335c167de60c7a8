"""Which parts are alive, and what troubles them: a word of each part in the log server that fades by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import redis

from citywatch.adapters.log.client import connect, log_errors, shown

_FADES_AFTER_S = 6


class Presence:
    """`say` once a second or so; `heard` by whoever answers for the health of the whole. Blocking."""

    def __init__(self, url: str) -> None:
        self._client = connect(url, 2.0)
        self._where = shown(url)

    def say(self, part: str, trouble: str) -> None:
        """The part lives; `trouble` is empty when it does what it should. Raises LogUnavailable."""
        with log_errors(self._where):
            self._client.set(f"presence:{part}", trouble or "ok", ex=_FADES_AFTER_S)

    def heard(self, parts: Sequence[str]) -> Mapping[str, str]:
        """`ok`, or why not, for the log server and each of the parts."""
        try:
            words = self._client.mget([f"presence:{part}" for part in parts]) if parts else []
        except redis.exceptions.RedisError:
            return {"log": "the log server does not answer", **dict.fromkeys(parts, "not heard of")}
        found = {
            part: str(word, "utf-8") if isinstance(word, bytes) else "not heard of"
            for part, word in zip(parts, words, strict=True)
        }
        return {"log": "ok", **found}

    def close(self) -> None:
        self._client.close()
