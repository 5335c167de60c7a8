"""Answers to WWW-Authenticate challenges: Basic (RFC 7617) and Digest (RFC 2617, RFC 7616), for RTSP and HTTP alike."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9_-]*)(?:\s+(?=[A-Za-z0-9_-]+\s*=)|\s*(?=$|,))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"MD5": _md5, "SHA-256": _sha256}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a device offers: `scheme` in lower case, parameters by lower-case name."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Every challenge of every WWW-Authenticate header, in order. What cannot be read is left out."""
    found = []
    for header in headers:
        marks = list(_SCHEME.finditer(_QUOTED.sub(lambda quoted: "x" * len(quoted.group()), header)))
        for number, mark in enumerate(marks):
            end = marks[number + 1].start() if number + 1 < len(marks) else len(header)
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
                for name, quoted, plain in _PARAMETER.findall(header[mark.end() : end])
            }
            found.append(Challenge(mark.group(1).lower(), parameters))
    return found


@dataclass(slots=True, eq=False)
class Way:
    """The challenge that a device let us in by, and how often it was answered: Digest counts. Holds no secret."""

    challenge: Challenge
    uses: int = 0

    @property
    def was_stale(self) -> bool:
        """The device asked for nothing but a younger nonce."""
        return self.challenge.parameters.get("stale", "").lower() == "true"


class Credentials:
    """User and password of one camera, and the state that Digest needs. Prints nothing of itself.

    way  by which to answer before being asked; None waits for a challenge
    """

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self.way: Way | None = None

    def __repr__(self) -> str:
        return "Credentials(***)"

    def __bool__(self) -> bool:
        return bool(self._username or self._password)

    def accept(self, headers: Iterable[str], *, again: bool = False) -> bool:
        """Choose the best challenge that can be answered: Digest SHA-256, Digest MD5, Basic. False when none can.

        `again`: this very request carried an answer already. Then only a Digest challenge marked stale is worth
        another one; anything else says that user or password is wrong.
        """
        best = max(parse_challenges(headers), key=_rank, default=None)
        if best is None or _rank(best) == 0 or not self:
            return False
        way = Way(best)
        if again and not way.was_stale:
            return False
        self.way = way
        return True

    def header(self, method: str, uri: str) -> str | None:
        """The Authorization header's value for a request; None without a way, or without user and password."""
        if self.way is None or not self:
            return None
        if self.way.challenge.scheme == "basic":
            token = base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
            return f"Basic {token}"
        self.way.uses += 1
        return self._digest(self.way.challenge.parameters, self.way.uses, method, uri)

    def _digest(self, parameters: dict[str, str], uses: int, method: str, uri: str) -> str:
        algorithm = parameters.get("algorithm", "MD5")
        digest = _HASHES[algorithm.upper().removesuffix("-SESS")]
        realm, nonce = parameters.get("realm", ""), parameters.get("nonce", "")
        count, client_nonce = f"{uses:08x}", secrets.token_hex(8)
        secret = digest(f"{self._username}:{realm}:{self._password}".encode())
        if algorithm.upper().endswith("-SESS"):
            secret = digest(f"{secret}:{nonce}:{client_nonce}".encode())
        request = digest(f"{method}:{uri}".encode())
        fields = [("username", self._username), ("realm", realm), ("nonce", nonce), ("uri", uri)]
        plain = []
        if "auth" in _qualities(parameters):
            answer = digest(f"{secret}:{nonce}:{count}:{client_nonce}:auth:{request}".encode())
            fields.append(("cnonce", client_nonce))
            plain = [f"qop=auth, nc={count}"]
        else:
            answer = digest(f"{secret}:{nonce}:{request}".encode())
        fields.append(("response", answer))
        if "opaque" in parameters:
            fields.append(("opaque", parameters["opaque"]))
        if "algorithm" in parameters:
            plain.append(f"algorithm={algorithm}")
        return "Digest " + ", ".join([*(f'{name}="{_quoted(value)}"' for name, value in fields), *plain])


def _qualities(parameters: dict[str, str]) -> list[str]:
    return [word.strip().lower() for word in parameters.get("qop", "").split(",") if word.strip()]


def _rank(challenge: Challenge) -> int:
    if challenge.scheme == "basic":
        return 1
    if challenge.scheme != "digest" or "nonce" not in challenge.parameters:
        return 0
    qualities = _qualities(challenge.parameters)
    if qualities and "auth" not in qualities:
        return 0  # auth-int would need the body's hash; no camera is known to insist on it
    algorithm = challenge.parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")
    return {"MD5": 2, "SHA-256": 3}.get(algorithm, 0)


def _quoted(text: str) -> str:
    """Header-safe: control characters cannot break out of the line."""
    return _CONTROL.sub("", text).replace("\\", "\\\\").replace('"', '\\"')
