"""SIP messages (RFC 3261) as bytes and back, without I/O: what a registrar of cameras needs of it, and no more.

A datagram holds one message; a stream holds them one behind another, each with its Content-Length. Whatever comes
in is a message, an error, or "need more". Texts of headers keep bytes that are not UTF-8 as lone surrogates, so
that Via, From and To can be sent back exactly as they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from citywatch.errors import DataError

VERSION = "SIP/2.0"
MAGIC_COOKIE = "z9hG4bK"
DEFAULT_PORT = 5060

_COMPACT = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
    "o": "event",
    "u": "allow-events",
}
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LINES = re.compile(rb"\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?", re.I)
_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,32}) (\S{1,1024}) SIP/2\.0", re.I)
_CSEQ = re.compile(r"(\d{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]{1,32})")
_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z]{1,16})\s+(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?:\s*:\s*(\d{1,5}))?"
)
_URI = re.compile(
    r"(sips?):(?:([^@\s<>\";?]{0,255})@)?(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?::(\d{1,5}))?((?:;[^\s?<>\"]*)?)"
    r"(?:\?\S*)?",
    re.I,
)
_PARAMETER = re.compile(r";\s*([A-Za-z0-9\-.!%*_+`'~]{1,64})(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")


class MalformedSip(DataError):
    """Bytes that are no SIP message. `reason` is a word from a bounded set (it becomes a metric label)."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest message that is taken, by its parts. A datagram cannot be longer than 65,507 bytes anyway."""

    head_bytes: int = 16_384
    headers: int = 96
    body_bytes: int = 262_144


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Uri:
    """A sip: or sips: address; `host` without brackets, `port` None where none is named."""

    user: str
    host: str
    port: int | None = None
    scheme: str = "sip"
    parameters: str = ""

    @classmethod
    def parse(cls, text: str) -> Uri:
        """MalformedSip for anything that is no SIP address."""
        match = _URI.fullmatch(text.strip())
        if match is None:
            raise MalformedSip("uri", f"no SIP address: {_shown(text)}")
        port = int(match[4]) if match[4] else None
        if port is not None and port > 65_535:
            raise MalformedSip("uri", f"no SIP address: port {port}")
        user = (match[2] or "").partition(":")[0]
        return cls(user, match[3].strip("[]"), port, match[1].lower(), match[5] or "")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        at = f"{self.user}@" if self.user else ""
        return f"{self.scheme}:{at}{host}{'' if self.port is None else f':{self.port}'}{self.parameters}"


@dataclass(frozen=True, slots=True)
class Party:
    """The value of From, To or Contact: an address and the parameters behind it (names in lower case)."""

    uri: Uri
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return self.parameters.get("tag", "")

    @classmethod
    def parse(cls, text: str) -> Party:
        """With or without a display name and angle brackets. MalformedSip."""
        rest = text.strip()
        if rest.startswith('"'):
            end = _end_of_quote(rest)
            rest = rest[end:].lstrip()
        start = rest.find("<")
        if start < 0:
            # Without brackets every parameter belongs to the header, not to the address.
            address, _, tail = rest.partition(";")
            return cls(Uri.parse(address), parameters(f";{tail}" if tail else ""))
        stop = rest.find(">", start)
        if stop < 0:
            raise MalformedSip("address", f"an address without its closing bracket: {_shown(text)}")
        return cls(Uri.parse(rest[start + 1 : stop]), parameters(rest[stop + 1 :]))


@dataclass(frozen=True, slots=True)
class Via:
    """One hop: who sent the request, and where the response goes."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str]

    @property
    def branch(self) -> str:
        return self.parameters.get("branch", "")

    @classmethod
    def parse(cls, text: str) -> Via:
        match = _VIA.match(text.strip())
        if match is None or (match[3] and int(match[3]) > 65_535):
            raise MalformedSip("via", f"no Via: {_shown(text)}")
        port = int(match[3]) if match[3] else None
        return cls(match[1].upper(), match[2].strip("[]"), port, parameters(text.strip()[match.end() :]))


@dataclass(frozen=True)
class Message:
    """What requests and responses share. Header names are in lower case and never in their compact form."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name (lower case), None without one."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of a header that may stand several times, and several times in one line."""
        return [part for key, value in self.headers if key == name for part in split_list(value)]

    def need(self, name: str) -> str:
        value = self.header(name)
        if not value:
            raise MalformedSip("header_missing", f"the header {name} is missing")
        return value

    @cached_property
    def via(self) -> Via:
        """The topmost Via."""
        return Via.parse(split_list(self.need("via"))[0])

    @cached_property
    def sender(self) -> Party:
        return Party.parse(self.need("from"))

    @cached_property
    def recipient(self) -> Party:
        return Party.parse(self.need("to"))

    @cached_property
    def cseq(self) -> tuple[int, str]:
        """Number and method."""
        match = _CSEQ.fullmatch(self.need("cseq").strip())
        if match is None or int(match[1]) >= 2**32:
            raise MalformedSip("cseq", "CSeq is not a number and a method")
        return int(match[1]), match[2].upper()

    @property
    def call_id(self) -> str:
        return self.need("call-id")


@dataclass(frozen=True)
class Request(Message):
    method: str
    uri: str
    """The Request-URI as it stands there."""

    def check(self) -> None:
        """MalformedSip when a header that every request must have is missing or cannot be read."""
        _ = (self.via, self.sender, self.recipient, self.call_id)
        if self.cseq[1] != self.method:
            raise MalformedSip("cseq", "the method of CSeq is not that of the request")

    def transaction(self) -> str:
        """What a retransmission shares with the first one (RFC 3261, 17.2.3): ACK counts as its INVITE.

        Call-ID and CSeq belong to it besides: some senders use a branch again for their next request.
        """
        via = self.via
        method = "INVITE" if self.method == "ACK" else self.method
        parts = [via.branch, f"{via.host.lower()}:{via.port or DEFAULT_PORT}", method, self.call_id, str(self.cseq[0])]
        if not via.branch.startswith(MAGIC_COOKIE):
            parts += [self.uri, self.sender.tag]
        return "|".join(parts)


@dataclass(frozen=True)
class Response(Message):
    status: int
    reason: str

    def check(self) -> None:
        _ = (self.via, self.sender, self.recipient, self.call_id, self.cseq)


def parse_datagram(data: bytes, limits: Limits = LIMITS) -> Request | Response | None:
    """The message of a datagram; None for one that only keeps a hole in a firewall open. MalformedSip.

    Without Content-Length the body is what is left; what stands behind a stated length is left out (RFC 3261, 18.3).
    """
    data = data.lstrip(b"\r\n\x00")
    if not data:
        return None
    end = _HEAD_END.search(data, 0, limits.head_bytes + 4)
    if end is None:
        # A request without a body may lack its empty line in the wild; a message without any line end is none.
        raise MalformedSip("head", "no end of the headers within the limit")
    message_type, headers = _head(data[: end.start()], limits)
    rest = data[end.end() :]
    length = _content_length(headers, limits)
    if length is not None and length > len(rest):
        raise MalformedSip("truncated", f"a body of {length} bytes was said, {len(rest)} came")
    body = rest if length is None else rest[:length]
    if len(body) > limits.body_bytes:
        raise MalformedSip("too_large", f"a body of {len(body)} bytes; the limit is {limits.body_bytes}")
    return _message(message_type, headers, body)


class Stream:
    """Messages out of a byte stream. `feed` what came, then take `messages` until it gives no more.

    After MalformedSip the stream is lost: nobody can tell where the next message begins. Close the connection.
    Holds at most one message and what one read brought behind it.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._data = bytearray()
        self._searched = 0
        self._needed = 0
        """So long must the data be to be looked at again: what drips in costs no more than what comes at once."""

    def feed(self, data: bytes) -> None:
        self._data += data

    @property
    def waiting(self) -> int:
        """Bytes of a message that has begun and is not whole yet."""
        return len(self._data)

    def messages(self) -> Iterator[Request | Response]:
        """Whole messages, in order. MalformedSip."""
        while True:
            message = self._next()
            if message is None:
                return
            yield message

    def _next(self) -> Request | Response | None:
        data = self._data
        if len(data) < self._needed:
            return None
        blank = 0
        while blank < len(data) and data[blank] in b"\r\n":
            blank += 1
        if blank:
            del data[:blank]
            self._searched = 0
        end = _HEAD_END.search(data, max(self._searched - 3, 0))
        if end is None:
            self._searched = len(data)
            if len(data) > self._limits.head_bytes:
                raise MalformedSip("head", "no end of the headers within the limit")
            return None
        if end.start() > self._limits.head_bytes:
            raise MalformedSip("head", "the headers are longer than the limit")
        message_type, headers = _head(bytes(data[: end.start()]), self._limits)
        length = _content_length(headers, self._limits)
        if length is None:
            raise MalformedSip("length_missing", "a message on a stream without Content-Length")
        if len(data) < end.end() + length:
            self._searched = end.start()
            self._needed = end.end() + length
            return None
        body = bytes(data[end.end() : end.end() + length])
        del data[: end.end() + length]
        self._searched = self._needed = 0
        return _message(message_type, headers, body)


def write_request(
    method: str, uri: str, headers: Iterable[tuple[str, str]], body: bytes = b"", content_type: str = ""
) -> bytes:
    """A request as bytes; Content-Type and Content-Length are added. ValueError for a line that would break out."""
    return _write(f"{method} {uri} {VERSION}", headers, body, content_type)


def write_response(
    request: Request,
    status: int,
    *,
    to_tag: str = "",
    received: tuple[str, int] | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str = "",
) -> bytes:
    """The response to a request, with its Via, From, To, Call-ID and CSeq as they came.

    to_tag     set on To when the request had none there
    received   where the request really came from: noted in the topmost Via (RFC 3261, 18.2.1; RFC 3581)
    """
    copied: list[tuple[str, str]] = []
    vias = request.all("via")
    if received is not None and vias:
        vias[0] = _received(vias[0], received)
    copied += [("Via", via) for via in vias]
    copied.append(("From", request.need("from")))
    to = request.need("to")
    copied.append(("To", f"{to};tag={to_tag}" if to_tag and not request.recipient.tag else to))
    copied += [("Call-ID", request.need("call-id")), ("CSeq", request.need("cseq"))]
    line = f"{VERSION} {status} {REASONS.get(status, 'Answer')}"
    return _write(line, [*copied, *headers], body, content_type)


REASONS = {
    100: "Trying",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    423: "Interval Too Brief",
    481: "Call/Transaction Does Not Exist",
    489: "Bad Event",
    500: "Server Internal Error",
    503: "Service Unavailable",
}


def parameters(text: str) -> dict[str, str]:
    """`;name=value;flag` -> names in lower case; the first of a name counts, a flag is ''. MalformedSip."""
    found: dict[str, str] = {}
    rest = text.strip()
    at = 0
    while at < len(rest):
        match = _PARAMETER.match(rest, at)
        if match is None:
            raise MalformedSip("parameter", f"no parameter: {_shown(rest[at:])}")
        value = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else (match[3] or "")
        found.setdefault(match[1].lower(), value)
        at = match.end()
        while at < len(rest) and rest[at] in " \t":
            at += 1
    return found


def split_list(value: str) -> list[str]:
    """The parts between commas that stand neither in quotes nor in angle brackets, without empty ones."""
    if "," not in value:
        return [value.strip()] if value.strip() else [""]
    parts, start, quoted, bracket, escaped = [], 0, False, False, False
    for at, character in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character == "<":
            bracket = True
        elif character == ">":
            bracket = False
        elif character == "," and not bracket:
            parts.append(value[start:at].strip())
            start = at + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part] or [""]


def _write(line: str, headers: Iterable[tuple[str, str]], body: bytes, content_type: str) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Type: {content_type or 'application/octet-stream'}")
    lines.append(f"Content-Length: {len(body)}")
    for text in lines:
        if _CONTROL.search(text):
            raise ValueError("a control character in a SIP header")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def _head(data: bytes, limits: Limits) -> tuple[re.Match[str], tuple[tuple[str, str], ...]]:
    """The first line, matched, and the headers, unfolded."""
    if len(data) > limits.head_bytes:
        raise MalformedSip("head", "the headers are longer than the limit")
    lines = _LINES.split(data)
    first = lines[0].decode("utf-8", "surrogateescape").rstrip()
    match = _REQUEST_LINE.fullmatch(first) or _STATUS_LINE.fullmatch(first)
    if match is None or _CONTROL.search(first):
        raise MalformedSip("first_line", f"neither a request nor a response: {_shown(first)}")
    if len(lines) - 1 > limits.headers:
        raise MalformedSip("headers", f"{len(lines) - 1} header lines; the limit is {limits.headers}")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        text = line.decode("utf-8", "surrogateescape")
        if _CONTROL.search(text):
            raise MalformedSip("control_character", "a control character in a header")
        if text[:1] in (" ", "\t"):
            if not headers:
                raise MalformedSip("folding", "a folded line without a header before it")
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {text.strip()}".strip())
            continue
        name, colon, value = text.partition(":")
        name = name.rstrip().lower()
        if not colon or not _TOKEN.fullmatch(name):
            raise MalformedSip("header", f"no header: {_shown(text)}")
        headers.append((_COMPACT.get(name, name), value.strip()))
    return match, tuple(headers)


def _message(first: re.Match[str], headers: tuple[tuple[str, str], ...], body: bytes) -> Request | Response:
    message: Request | Response
    if first.re is _REQUEST_LINE:
        message = Request(headers, body, first[1].upper(), first[2])
    else:
        message = Response(headers, body, int(first[1]), first[2] or "")
    message.check()
    return message


def _content_length(headers: tuple[tuple[str, str], ...], limits: Limits) -> int | None:
    said = {value for name, value in headers if name == "content-length"}
    if not said:
        return None
    if len(said) > 1:
        raise MalformedSip("length", "two different lengths of one body")
    text = said.pop()
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise MalformedSip("length", "Content-Length is no number")
    if int(text) > limits.body_bytes:
        raise MalformedSip("too_large", f"a body of {text} bytes; the limit is {limits.body_bytes}")
    return int(text)


def _received(via: str, source: tuple[str, int]) -> str:
    """The Via with `received`, and `rport` filled in where it was asked for."""
    host, port = source
    kept = re.sub(r";\s*received\s*=[^;]*", "", via)
    kept, asked = re.subn(r";\s*rport(?:\s*=[^;]*)?(?=;|\s*$)", f";rport={port}", kept)
    return f"{kept};received={host}" if asked or Via.parse(via).host.lower() != host.lower() else kept


def _end_of_quote(text: str) -> int:
    at = 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at + 1
        at += 1
    raise MalformedSip("address", "a quoted name without its end")


def _shown(text: str) -> str:
    return repr(text[:60].encode("ascii", "backslashreplace").decode())
