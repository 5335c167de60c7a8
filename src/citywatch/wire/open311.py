"""Open311 GeoReport v2 on the wire, without I/O: documents as XML and JSON, and the form of a request.

JSON follows the XML by the Spark convention: a container of like elements is an array, the outermost one has no name.
Specification: http://wiki.open311.org/GeoReport_v2 and /Service_Discovery (frozen).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from citywatch.errors import DataError

SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
MEDIA_TYPES: Final = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}

_ITEMS: Final = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
"""What the elements of a container are called."""
_NOT_IN_XML: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE: Final = re.compile(r"attribute\[([^\]]{1,40})\](?:\[[0-9]*\])?")
MOST_FIELDS: Final = 200


def document(root: str, value: Any, form: str) -> bytes:
    """A document in one of MEDIA_TYPES; `root` names its outermost element."""
    if form == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n']
    _element(parts, root, value)
    return "".join(parts).encode()


def _element(parts: list[str], name: str, value: Any) -> None:
    if value is None or value == "":
        parts.append(f"<{name}/>")
        return
    parts.append(f"<{name}>")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _element(parts, key, inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            _element(parts, _ITEMS[name], inner)
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    else:
        parts.append(escape(_NOT_IN_XML.sub("", str(value))))
    parts.append(f"</{name}>")


def read_form(content: bytes) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Fields and attributes of an application/x-www-form-urlencoded body; what is empty is not there.

    Of a field that stands twice the last one counts; an attribute may have several values. DataError.
    """
    try:
        pairs = parse_qsl(content.decode(), keep_blank_values=False, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise DataError(f"the form cannot be read: at most {MOST_FIELDS} fields in UTF-8 are wanted") from error
    fields: dict[str, str] = {}
    attributes: dict[str, list[str]] = {}
    for name, value in pairs:
        text = value.strip()
        if "\0" in text:
            raise DataError(f"{name[:40]}: must be plain text without NUL")
        found = _ATTRIBUTE.fullmatch(name)
        if found and text:
            attributes.setdefault(found[1], []).append(text)
        elif text:
            fields[name] = text
    return fields, attributes
