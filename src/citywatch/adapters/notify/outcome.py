"""What became of one attempt to tell somebody something. No secret is in it: reasons are words from a bounded set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import unquote

import httpx

from citywatch.telemetry import redact_text

Result = Literal["delivered", "again", "refused"]
REASONS = (
    "ok",
    "unreachable",
    "timed_out",
    "broken_off",
    "server_error",
    "rate_limited",
    "not_accepted",
    "failed",
    "no_address",
)
"""`not_accepted` says that the receiver will never take this; `failed` that a library knows no more; `no_address` that
the receiver's settings are of no use."""

MOST_DETAIL = 300
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """`retry_after_s` is what the receiver itself has asked for, 0 for nothing."""

    result: Result
    reason: str
    detail: str = ""
    retry_after_s: float = 0.0


DELIVERED = Outcome("delivered", "ok")


class Sender(Protocol):
    """One receiver. `send` makes one attempt and takes about as long as its patience at most. Not for two threads."""

    def send(self, document: Mapping[str, Any]) -> Outcome: ...

    def close(self) -> None: ...


def of_status(status: int, retry_after: str = "") -> Outcome:
    """What an HTTP status means."""
    detail = f"HTTP {status}"
    after = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    if 200 <= status < 300:
        return DELIVERED
    if status == 429:
        return Outcome("again", "rate_limited", detail, after)
    if status >= 500 or status in (408, 425):
        return Outcome("again", "server_error", detail, after)
    return Outcome("refused", "not_accepted", detail)


def of_error(error: httpx.HTTPError) -> Outcome:
    """What a failure on the way means; nothing of it is repeated but its kind."""
    detail = type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return Outcome("again", "timed_out", detail)
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Outcome("again", "unreachable", detail)
    return Outcome("again", "broken_off", detail)


class Redactor:
    """Takes a receiver's secrets out of texts that libraries made."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {one for secret in secrets for one in (secret, unquote(secret)) if len(one) >= _SHORTEST_SECRET}
        longest_first = sorted(known, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(one) for one in longest_first)) if longest_first else None

    def __call__(self, text: str) -> str:
        """Bounded, without the secrets."""
        if self._pattern is not None:
            text = self._pattern.sub("***", text)
        return redact_text(" ".join(text.split()))[:MOST_DETAIL]


def parts_of(url: str) -> list[str]:
    """Everything in an address that may be a secret: all but its scheme."""
    return [url, *(part for part in re.split(r"[:/@?&=#,;]+", url.partition("://")[2]) if part)]
