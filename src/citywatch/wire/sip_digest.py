"""Digest authentication as the one who asks (RFC 2617, RFC 7616; SIP: RFC 3261 22.4, RFC 8760), without I/O.

A nonce names the instant when it was made and is sealed with our own key, so that none needs to be remembered before
it is used. Used ones are remembered until they expire, each with the highest count that came with it: an answer is
taken once. When too many are in use the oldest gives way, and with it every nonce that is as old: they are stale
then, never good a second time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_PARAMETER = re.compile(r'([A-Za-z0-9_-]{1,32})\s*=\s*(?:"((?:[^"\\]|\\.){0,1024})"|([^\s",]{1,1024}))\s*(?:,\s*|$)')
_NONCE = re.compile(r"([0-9a-f]{16})([0-9a-f]{16})([0-9a-f]{32})")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_SEAL_CHARACTERS = 32


class Algorithm(StrEnum):
    """Hashes that are asked for; the strongest is named first."""

    SHA256 = "SHA-256"
    MD5 = "MD5"


class Verdict(StrEnum):
    """What an answer is worth."""

    GOOD = "good"
    MISSING = "missing"
    """No answer to a challenge of ours: challenge."""
    STALE = "stale"
    """The nonce is too old or not ours: challenge again, the password may be right."""
    REPLAYED = "replayed"
    """This very answer was taken before: challenge again."""
    WRONG = "wrong"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Answer:
    """The fields of an Authorization header that count."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: Algorithm
    session: bool
    qop: str
    count: str
    client_nonce: str


def parse_answer(header: str) -> Answer | None:
    """An Authorization header of the scheme Digest; None for anything else or anything damaged."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    fields: dict[str, str] = {}
    at, rest = 0, rest.strip()
    while at < len(rest):
        match = _PARAMETER.match(rest, at)
        if match is None or match[1].lower() in fields:
            return None
        fields[match[1].lower()] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        at = match.end()
    name = fields.get("algorithm", "MD5").upper()
    session = name.endswith("-SESS")
    qop = fields.get("qop", "").lower()
    try:
        algorithm = Algorithm(name.removesuffix("-SESS"))
        answer = Answer(
            fields["username"],
            fields["realm"],
            fields["nonce"],
            fields["uri"],
            fields["response"].lower(),
            algorithm,
            session,
            qop,
            fields.get("nc", ""),
            fields.get("cnonce", ""),
        )
    except (KeyError, ValueError):
        return None
    if qop not in ("", "auth") or (qop and not (_COUNT.fullmatch(answer.count) and answer.client_nonce)):
        return None
    return None if session and not answer.client_nonce else answer


def expected_response(answer: Answer, method: str, password: str) -> str:
    """What the response must be, in lower-case hexadecimal."""

    def digest(text: str) -> str:
        data = text.encode("utf-8", "surrogateescape")
        if answer.algorithm is Algorithm.MD5:
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
        return hashlib.sha256(data).hexdigest()

    secret = digest(f"{answer.username}:{answer.realm}:{password}")
    if answer.session:
        secret = digest(f"{secret}:{answer.nonce}:{answer.client_nonce}")
    request = digest(f"{method}:{answer.uri}")
    if answer.qop:
        return digest(f"{secret}:{answer.nonce}:{answer.count}:{answer.client_nonce}:{answer.qop}:{request}")
    return digest(f"{secret}:{answer.nonce}:{request}")


class Challenger:
    """Makes challenges of one realm and judges the answers. Time is handed in, nanoseconds."""

    def __init__(
        self,
        realm: str,
        *,
        lifetime_ns: int,
        most_nonces: int,
        key: bytes | None = None,
        random_hex: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self.realm = realm
        self._lifetime_ns = lifetime_ns
        self._most = most_nonces
        self._key = key if key is not None else secrets.token_bytes(32)
        self._random_hex = random_hex
        self._used: OrderedDict[str, int] = OrderedDict()
        self._stale_until_ns = -1

    def challenge(self, now_ns: int, algorithms: Sequence[Algorithm], *, stale: bool = False) -> list[str]:
        """The values of WWW-Authenticate, one for each algorithm, all with the same new nonce."""
        body = f"{now_ns:016x}{self._random_hex(8)}"
        nonce = body + self._seal(body)
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={algorithm.value}, qop="auth"{tail}'
            for algorithm in algorithms
        ]

    def judge(
        self, header: str | None, method: str, password_of: Callable[[str], str | None], now_ns: int
    ) -> tuple[Verdict, Answer | None]:
        """Whether the Authorization header answers a challenge of ours with the right password.

        `password_of` gives the password of a username, None for one that may not come in; both are answered alike.
        An answer without qop has no count: its nonce is good for one request.
        """
        if header is None:
            return Verdict.MISSING, None
        answer = parse_answer(header)
        if answer is None:
            return Verdict.MALFORMED, None
        if answer.realm != self.realm:
            return Verdict.MISSING, answer  # an answer to somebody else's challenge
        password = password_of(answer.username)
        right = hmac.compare_digest(
            expected_response(answer, method, password or "").encode(), answer.response.encode()
        )
        if password is None or not right:
            return Verdict.WRONG, answer
        return self._take(answer, now_ns), answer

    def _take(self, answer: Answer, now_ns: int) -> Verdict:
        """GOOD the first time that a right answer with this nonce and count comes."""
        made_ns = self._made(answer.nonce)
        if made_ns is None or not 0 <= now_ns - made_ns <= self._lifetime_ns:
            return Verdict.STALE
        count = int(answer.count, 16) if answer.qop else 2**32
        last = self._used.get(answer.nonce)
        if last is None and made_ns <= self._stale_until_ns:
            return Verdict.STALE
        if last is not None and count <= last:
            return Verdict.REPLAYED
        self._used[answer.nonce] = count
        self._forget(now_ns)
        return Verdict.GOOD

    def _forget(self, now_ns: int) -> None:
        while self._used:
            oldest = next(iter(self._used))
            made_ns = int(oldest[:16], 16)
            if now_ns - made_ns <= self._lifetime_ns and len(self._used) <= self._most:
                return
            del self._used[oldest]
            self._stale_until_ns = max(self._stale_until_ns, made_ns)

    def _made(self, nonce: str) -> int | None:
        match = _NONCE.fullmatch(nonce)
        if match is None or not hmac.compare_digest(self._seal(match[1] + match[2]), match[3]):
            return None
        return int(match[1], 16)

    def _seal(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()[:_SEAL_CHARACTERS]
