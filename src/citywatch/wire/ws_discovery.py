"""WS-Discovery as ONVIF devices speak it (ONVIF Core Specification, chapter 7): the probe, and what answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from citywatch.errors import DataError
from citywatch.wire.xml import parse_xml

GROUP = "239.255.255.250"
PORT = 3702
MOST_BYTES = 65_535
_MOST_ADDRESSES = 8
_MOST_LETTERS = 200
_UUID = re.compile(r"[0-9a-fA-F-]{8,64}")

_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" \
xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" \
xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">\
<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>\
<a:MessageID>{message}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>\
<s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"""


@dataclass(frozen=True, slots=True)
class Discovered:
    """A device that answered. `addresses`: of its device service; `scopes` by name, such as name and hardware."""

    endpoint: str
    addresses: tuple[str, ...]
    name: str = ""
    hardware: str = ""
    location: str = ""


def probe(message_id: str) -> bytes:
    """The datagram that asks video devices to show themselves. `message_id`: `urn:uuid:...`, new for each probe."""
    return _PROBE.format(message=escape(message_id)).encode()


def read_matches(datagram: bytes, message_id: str) -> tuple[Discovered, ...]:
    """The devices in an answer to our probe. DataError for anything that is no answer, or one to somebody else."""
    root = parse_xml(datagram, most_bytes=MOST_BYTES)
    relates = _text(_find(root, "RelatesTo"))
    if relates != message_id:
        raise DataError("discovery: an answer to another probe")
    found = []
    for match in _all(root, "ProbeMatch"):
        addresses = tuple(
            address
            for address in _text(_find(match, "XAddrs")).split()
            if address.startswith(("http://", "https://")) and len(address) <= _MOST_LETTERS
        )
        if not addresses:
            continue
        scopes = _scopes(_text(_find(match, "Scopes")))
        endpoint = _UUID.search(_text(_find(match, "Address")).rpartition(":")[2])
        found.append(
            Discovered(
                endpoint=endpoint.group(0).lower() if endpoint else "",
                addresses=addresses[:_MOST_ADDRESSES],
                name=scopes.get("name", ""),
                hardware=scopes.get("hardware", ""),
                location=scopes.get("location", ""),
            )
        )
    if not found:
        raise DataError("discovery: an answer without a device")
    return tuple(found)


def _scopes(text: str) -> dict[str, str]:
    """`onvif://www.onvif.org/name/Gate%203` -> {"name": "Gate 3"}; of several the first."""
    scopes: dict[str, str] = {}
    for scope in text.split():
        _, mark, rest = scope.partition("onvif://www.onvif.org/")
        key, _, value = rest.partition("/")
        if mark and value:
            plain = "".join(letter for letter in unquote(value) if letter.isprintable())
            scopes.setdefault(key.lower(), plain[:_MOST_LETTERS])
    return scopes


def _all(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == name]


def _find(root: Element, name: str) -> Element | None:
    return next(iter(_all(root, name)), None)


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()
