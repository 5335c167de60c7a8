"""Typefaces of PDF: Latin from the library's own Vera, Chinese from Droid Sans Fallback, which lies in fonts/.

Both are embedded, cut down to the characters that are used, so that a page looks the same on a machine without any
font. A Chinese face is unpacked when the first of its characters is written. fonts/README.md says where they are from.
"""

from __future__ import annotations

import io
import lzma
import unicodedata
from functools import cache
from importlib import resources

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "Vera", "VeraBd"
_CHINESE = ("droid-common", "droid-rest", "droid-extension-a")
_MISSING = "□"

Run = tuple[str, str]
"""The name of a face, and text that is all in it."""


def runs(text: str, face: str = PLAIN) -> list[Run]:
    """A text, cut where the face changes. What no face has is written as its plain equal, or as an empty square."""
    found: list[list[str]] = []
    for character in text:
        for drawn in _drawable(character):
            name = face if ord(drawn) in _known(face) else _chinese(drawn) or face
            if found and found[-1][0] == name:
                found[-1][1] += drawn
            else:
                found.append([name, drawn])
    return [(name, part) for name, part in found]


def width(text: str, size: float, face: str = PLAIN) -> float:
    """How wide a text is, in points."""
    return sum(character_width(character, face) for character in text) * size


@cache
def character_width(character: str, face: str) -> float:
    """Of one character, at a size of one point."""
    return float(sum(pdfmetrics.stringWidth(part, name, 1) for name, part in runs(character, face)))


@cache
def _drawable(character: str) -> str:
    """The character itself, what it is made of, a blank for what controls, or the square."""
    if _has(character):
        return character
    if unicodedata.category(character) in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if unicodedata.category(character) == "Cf":
        return ""
    plain = unicodedata.normalize("NFKC", character)
    if plain != character and all(_has(part) for part in plain):
        return plain
    return _MISSING


def _has(character: str) -> bool:
    return ord(character) in _known(PLAIN) or bool(_chinese(character))


def _chinese(character: str) -> str:
    """The first Chinese face that has the character; '' for none."""
    if ord(character) < 0x2000:
        return ""
    return next((name for name in _CHINESE if ord(character) in _known(name)), "")


@cache
def _known(face: str) -> frozenset[int]:
    """The characters of a face, which is made known to the library by this."""
    if face in (PLAIN, BOLD):
        font = TTFont(face, f"{face}.ttf")
    else:
        packed = (resources.files("citywatch.adapters.reports") / "fonts" / f"{face}.ttf.xz").read_bytes()
        font = TTFont(face, io.BytesIO(lzma.decompress(packed)))
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)
