"""Signatures of webhooks: who sends them, and whoever receives them.

    Citywatch-Timestamp: 1769846400
    Citywatch-Signature: v1=<64 hexadecimal digits>[,v1=<another>]

A signature is HMAC-SHA256 under the shared secret over the timestamp, a dot, and the body byte by byte. While a secret
is being changed there is one for each. A receiver calls `verify` before it reads the body:

    from citywatch.notifications.signing import Seen, verify
    verify([secret], request.headers, request.body, now_s=time.time(), seen=seen)

Only the standard library is needed; the module may be copied.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Literal

TIMESTAMP = "Citywatch-Timestamp"
SIGNATURE = "Citywatch-Signature"
TOLERANCE_S = 300
_SCHEME = "v1="
_MOST_SIGNATURES = 8

Refusal = Literal["missing", "malformed", "too_old", "wrong", "replayed"]


class SignatureRefused(Exception):
    """The message must not be believed; `reason` says why. Answer 401 and do nothing else."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(f"the signature is refused: {reason}")
        self.reason: Refusal = reason


class Seen:
    """Signatures seen before, so that a message cannot be sent again by somebody who has read it.

    Bounded: it keeps what is within the tolerance, at most `most` of them; beyond, the oldest go.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()

    def add(self, signature: str, now_s: float, keep_s: float) -> bool:
        """False when it is known."""
        while self._seen and (len(self._seen) >= self._most or next(iter(self._seen.values())) < now_s - keep_s):
            self._seen.popitem(last=False)
        if signature in self._seen:
            return False
        self._seen[signature] = now_s
        return True


def sign(secrets: Sequence[str], timestamp: int, body: bytes) -> dict[str, str]:
    """The two headers."""
    made = [_SCHEME + _digest(secret, str(timestamp), body) for secret in secrets]
    return {TIMESTAMP: str(timestamp), SIGNATURE: ",".join(made)}


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
    seen: Seen | None = None,
) -> None:
    """Return when the body was signed under one of the secrets within the tolerance; else SignatureRefused.

    With `seen`, a message that was accepted before is refused. A delivery that is tried again by us is signed anew: it
    is accepted, and its `Idempotency-Key` (also in the body, as `delivery`) says that it was there already.
    """
    held = {name.lower(): value for name, value in headers.items()}
    timestamp, signatures = held.get(TIMESTAMP.lower()), held.get(SIGNATURE.lower())
    if timestamp is None or signatures is None:
        raise SignatureRefused("missing")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise SignatureRefused("malformed")
    given = [one.strip().removeprefix(_SCHEME) for one in signatures.split(",") if one.strip().startswith(_SCHEME)]
    if not 1 <= len(given) <= _MOST_SIGNATURES or not all(one.isascii() for one in given):
        raise SignatureRefused("malformed")
    expected = [_digest(secret, timestamp, body) for secret in secrets]
    # All are compared, whatever the first says: how long it takes tells nothing.
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]
    if not any(matches):
        raise SignatureRefused("wrong")
    if abs(now_s - int(timestamp)) > tolerance_s:
        raise SignatureRefused("too_old")
    if seen is not None and not seen.add(f"{timestamp}:{expected[0]}", now_s, 2 * tolerance_s):
        raise SignatureRefused("replayed")


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
