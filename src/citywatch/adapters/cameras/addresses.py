"""Camera addresses: which kind they are, what is secret in them, and how they look when they are shown.

Nothing outside this module prints an address as it was given. What is shown has passed `redact`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

HIDDEN = "***"

_ONVIF_PATH = "/onvif/device_service"

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):(//)?")
# user:password@host, 192.0.2.7/stream, camera.example:554: somebody has left rtsp:// away
_NO_FILE = re.compile(r"[^/\s]*@|(?:\d{1,3}\.){3}\d{1,3}(?:[:/]|$)|\[|[^/\s]+:\d{1,5}(?:/|$)")
_HIDDEN_KEYS = (
    r"user(?:name)?|usr|login|pass(?:word|wd)?|pwd|pw|token|auth|key|apikey|sig(?:nature)?|secret|sid|session"
)
# Some makers carry the password in the path: /user=admin_password=secret_channel=1_stream=0.sdp
_SECRET_PAIR = re.compile(rf"(?i)((?:^|[/_&;?])(?:{_HIDDEN_KEYS})=)(.*?)(?=_[A-Za-z]+=|[&;/?]|$)")
_HARMLESS_KEYS = frozenset(
    [
        "camera",
        "cam",
        "ch",
        "chn",
        "channel",
        "channelid",
        "id",
        "stream",
        "streamid",
        "subtype",
        "profile",
        "resolution",
        "width",
        "height",
        "quality",
        "fps",
        "compression",
        "codec",
        "video",
        "audio",
        "unicast",
        "proto",
        "transport",
        "rotation",
        "snapchannel",
    ]
)


class MediaKind(StrEnum):
    """How a camera is visited."""

    FILE = "file"
    RTSP = "rtsp"
    SNAPSHOT = "snapshot"
    PROBE = "probe"
    """tcp://: whether it answers, and nothing more (switches, power boxes, recorders)."""
    ONVIF = "onvif"
    """onvif:// or onvif+https://: the device is asked where its stream is, or with ?look=snapshot its snapshot."""


_KINDS = {
    "rtsp": (MediaKind.RTSP, 554),
    "http": (MediaKind.SNAPSHOT, 80),
    "https": (MediaKind.SNAPSHOT, 443),
    "tcp": (MediaKind.PROBE, 0),
    "onvif": (MediaKind.ONVIF, 80),
    "onvif+https": (MediaKind.ONVIF, 443),
}


def redact(url: str) -> str:
    """The address without user, password and query values that may be secret; safe to log, print and store.

    It errs on the hiding side: a query value is kept only under a key known to be harmless, and with an `@` behind the
    host (which may be inside a password that nobody escaped, or end one) nothing but the scheme is left.
    """
    match = _SCHEME.match(url)
    if match is None or not match.group(2) or match.group(1).lower() == "file":
        return HIDDEN if "@" in url and _is_no_file(url) else url
    scheme, rest = match.group(0), url[match.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        return scheme + HIDDEN
    if "@" in authority:
        rest = f"{HIDDEN}@{rest.rpartition('@')[2]}"
    rest = rest.partition("#")[0]
    path, mark, query = rest.partition("?")
    path = _SECRET_PAIR.sub(rf"\1{HIDDEN}", path)
    if mark:
        path += "?" + re.sub(r"[^&;]+", _redact_pair, query)
    return scheme + path


def _redact_pair(match: re.Match[str]) -> str:
    key, mark, _ = match.group(0).partition("=")
    if key.lower() in _HARMLESS_KEYS:
        return match.group(0)
    return f"{key}={HIDDEN}" if mark else HIDDEN


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart. `url` (requests go there) and `target` hold no user and no password.

    `path` is the file's path for a file, else empty; `repr` shows what `redact` shows.
    """

    kind: MediaKind
    url: str
    host: str
    port: int
    username: str
    password: str
    path: str

    def __repr__(self) -> str:
        return f"Address({redact(self.url)!r})"


def parse_address(url: str) -> Address:
    """Take a URL or a file's path apart. ValueError, in words without secrets, for anything else."""
    match = _SCHEME.match(url)
    scheme = match.group(1).lower() if match else ""
    if scheme == "file":
        return _file(unquote(urlsplit(url).path))
    if match is None or not match.group(2):
        if _is_no_file(url):  # it may begin with a password, and is not repeated
            raise ValueError(
                "an address begins with rtsp://, http://, https://, onvif:// or tcp://; a file of such a name with ./"
            )
        return _file(url)
    if scheme not in _KINDS:
        raise ValueError(
            f"{redact(url)}: {scheme}:// is not supported; use rtsp://, http://, https://, onvif://, tcp:// or a file"
        )
    kind, default_port = _KINDS[scheme]
    shown = redact(url)
    if any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in url):
        raise ValueError(f"{shown}: an address holds no spaces or control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or default_port
    except ValueError:
        raise ValueError(
            f"{shown}: host or port cannot be read; write / @ : # ? inside a password as %2F %40 %3A %23 %3F"
        ) from None
    if not host:
        raise ValueError(f"{shown}: the host is missing")
    if kind is MediaKind.PROBE and (not port or parts.path not in ("", "/") or parts.query):
        raise ValueError(f"{shown}: a tcp:// address is a host and a port, tcp://host:port, and nothing more")
    path = parts.path or "/"
    if kind is MediaKind.ONVIF:
        scheme = "https" if scheme == "onvif+https" else "http"
        path = _ONVIF_PATH if path == "/" else path
        wrong = set(parse_qs(parts.query, keep_blank_values=True)) - {"look", "profile"}
        if wrong or parse_qs(parts.query).get("look", ["stream"])[-1] not in ("stream", "snapshot"):
            raise ValueError(
                f"{shown}: behind the ? of an onvif:// address stand profile=NAME and look=stream|snapshot"
            )
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if parts.port is None else f"{shown_host}:{port}"
    return Address(
        kind=kind,
        url=urlunsplit((scheme, netloc, path, parts.query, "")),
        host=host,
        port=port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        path="",
    )


def _is_no_file(url: str) -> bool:
    """Whether a text without scheme:// is rather an address whose scheme was forgotten than the path of a file."""
    match = _SCHEME.match(url)
    scheme = match.group(1).lower() if match else ""
    return (len(scheme) > 1 and scheme != "file") or _NO_FILE.match(url) is not None


def _file(path: str) -> Address:
    if not path or "\0" in path:
        raise ValueError("a camera's file path cannot be empty")
    return Address(MediaKind.FILE, path, "", 0, "", "", path)
