"""XML from outside: small, shallow, without a document type and without entities, or refused."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from citywatch.errors import DataError

MOST_DEPTH = 64
MOST_ELEMENTS = 50_000


def parse_xml(content: bytes, *, most_bytes: int, encoding: str | None = None) -> Element:
    """The root element; tags and attributes as `{namespace}name`. DataError for anything but sound, tame XML.

    encoding   overrides what the document says of itself; it must be one that expat knows (UTF-8, UTF-16, Latin-1,
               ASCII) - a text in another one is decoded first and handed over as UTF-8
    """
    if len(content) > most_bytes:
        raise DataError(f"XML: {len(content)} bytes; the limit is {most_bytes}")
    reader = _Reader(encoding)
    try:
        reader.parser.Parse(content, True)
        return reader.tree.close()
    except expat.ExpatError as error:
        raise DataError(f"XML: not well formed ({expat.errors.messages.get(error.code, 'damaged')})") from None
    except (LookupError, ValueError, AssertionError) as error:
        raise DataError(f"XML: cannot be read ({type(error).__name__})") from None


class _Reader:
    """expat into a tree, counting as it goes."""

    def __init__(self, encoding: str | None) -> None:
        self.tree = TreeBuilder()
        self.parser = expat.ParserCreate(encoding, "}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.tree.data
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._depth = self._elements = 0

    def _doctype(self, *_: Any) -> None:
        raise DataError("XML: a document type is not accepted; leave it out")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MOST_DEPTH or self._elements > MOST_ELEMENTS:
            raise DataError(f"XML: deeper than {MOST_DEPTH} or more than {MOST_ELEMENTS} elements")
        self.tree.start(_name(tag), {_name(key): value for key, value in attributes.items()})

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self.tree.end(_name(tag))


def _name(name: str) -> str:
    return "{" + name if "}" in name else name
