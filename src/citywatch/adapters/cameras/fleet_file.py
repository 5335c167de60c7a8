"""A fleet as a table: CSV, UTF-8, a header, one camera a line.

| column                                                        | what stands in it                                   |
|---------------------------------------------------------------|-----------------------------------------------------|
| `camera`, `url`                                               | wanted in every line                                |
| `class`                                                       | a key of `patrol.classes`                           |
| `kind`                                                        | camera, switch, power or recorder                   |
| `site`, `parent`, `name`, `place`                             | as in the configuration                             |
| `username`, `password_file`, `tls_verify`                     | as in the configuration                             |
| `visit_seconds`, `look`, `transport`, `onvif_url`             | as in the configuration                             |
| `presets`                                                     | separated by `;`                                    |
| `connect_timeout_seconds`, `media_timeout_seconds`, `stalled_seconds`, `most_bytes` | as in the configuration       |

Columns stand in any order. An empty cell is as good as none; empty lines and lines that begin with `#` are skipped.
Every mistake of a file is told at once, each with its line and column, and none repeats a value that may be secret.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from citywatch.adapters.cameras.addresses import HIDDEN
from citywatch.adapters.cameras.config import STANDARD_CLASS, CameraSettings
from citywatch.domain.topology import IN_WORDS, misplaced
from citywatch.errors import DescriptionRefused, Mistake

_FIELDS = {"class": "camera_class"} | {name: name for name in CameraSettings.model_fields if name != "camera_class"}
"""Field of CameraSettings by column."""
COLUMNS = tuple(sorted(_FIELDS))
_COLUMN_OF = {field: column for column, field in _FIELDS.items()}
_NEEDED = ("camera", "url")
_TEXTS = ("name", "place")
_LISTS = ("presets",)
ADDRESSES = ("url", "onvif_url")
IS_HIDDEN = f"{HIDDEN} stands for something secret: write the address with it, or without"
_NAME = re.compile(r"[a-z_]{1,40}")


def parse_fleet(
    content: bytes,
    classes: Collection[str] = (STANDARD_CLASS,),
    *,
    beside: Path | None = None,
    may_be_hidden: bool = False,
) -> Sequence[CameraSettings]:
    """The cameras of a table, in its order. DescriptionRefused for one that is wrong anywhere.

    classes  that there are: the keys of `patrol.classes`
    beside   the directory that a relative `password_file` is meant from; without it, as it stands
    may_be_hidden  addresses may be as they are shown, without what is secret: the caller knows what to do with them
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DescriptionRefused([Mistake("", "is not UTF-8 text; save it as CSV in UTF-8", line)]) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    table = _Table(frozenset(classes), beside, may_be_hidden)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                table.take(begins, [cell.strip() for cell in cells])
            if table.columns is None and table.mistakes:
                break  # without a header nothing behind it can be read
            begins = reader.line_num + 1
    except csv.Error as error:
        table.mistakes.append(Mistake("", f"cannot be read as CSV: {error}", begins))
    table.end()
    if table.columns is None and not table.mistakes:
        table.mistakes.append(Mistake("", "a header is wanted: camera,url and further columns", 1))
    if table.mistakes:
        raise DescriptionRefused(table.mistakes)
    return table.cameras


class _Table:
    """What has been read of a table."""

    def __init__(self, classes: Collection[str], beside: Path | None, may_be_hidden: bool) -> None:
        self.columns: list[str] | None = None
        self.cameras: list[CameraSettings] = []
        self.mistakes: list[Mistake] = []
        self._lines: dict[str, int] = {}
        """In which line each camera stands."""
        self._classes = classes
        self._beside = beside
        self._may_be_hidden = may_be_hidden

    def take(self, line: int, cells: list[str]) -> None:
        if self.columns is None:
            self._take_header(line, cells)
        else:
            self._take_camera(line, cells, self.columns)

    def end(self) -> None:
        """What can be wrong only of all lines together."""
        for camera, why in misplaced({camera.camera: camera.parent for camera in self.cameras}).items():
            number = (self.columns or []).index("parent") + 1
            self.mistakes.append(Mistake("parent", IN_WORDS[why], self._lines[camera], number))

    def _take_header(self, line: int, cells: list[str]) -> None:
        while cells and not cells[-1]:
            cells.pop()  # a spreadsheet's empty columns
        names = [cell.lower() for cell in cells]
        for column, name in enumerate(names, 1):
            if name not in _FIELDS:
                words = f"unknown column; known: {', '.join(COLUMNS)}"
                # Without a header the first line is a camera: what stands in it may be secret.
                if len(names) == 1 and (other := re.search(r"[;\t]", cells[0])):
                    said = "a tab" if other[0] == "\t" else other[0]
                    words = f"the columns are separated by {said}; save the table with commas between them"
                self.mistakes.append(Mistake(name if _NAME.fullmatch(name) else "", words, line, column))
            elif name in names[: column - 1]:
                self.mistakes.append(Mistake(name, "this column stands twice", line, column))
        self.mistakes += [Mistake(name, "this column is missing", line) for name in _NEEDED if name not in names]
        if not self.mistakes:
            self.columns = names

    def _take_camera(self, line: int, cells: list[str], columns: list[str]) -> None:
        before = len(self.mistakes)
        values: dict[str, Any] = {}
        for number, cell in enumerate(cells, 1):
            if not cell:
                continue
            if number > len(columns):
                self.mistakes.append(Mistake("", "a value beyond the last column", line, number))
                break
            self._take_cell(values, columns[number - 1], cell, line, number)
        try:
            camera = CameraSettings.model_validate(values)
        except ValidationError as error:
            self._tell(error, line, columns)
            return
        known = self._lines.setdefault(camera.camera, line)
        if known != line:
            words = f"this camera stands in line {known} already"
            self.mistakes.append(Mistake("camera", words, line, columns.index("camera") + 1))
        if len(self.mistakes) == before:
            self.cameras.append(camera)

    def _take_cell(self, values: dict[str, Any], column: str, cell: str, line: int, number: int) -> None:
        if column in _TEXTS and not cell.isprintable():
            self.mistakes.append(Mistake(column, "plain text without control characters is wanted", line, number))
        elif column == "class" and cell not in self._classes:
            words = f"no class of the patrol; known: {', '.join(sorted(self._classes))}"
            self.mistakes.append(Mistake(column, words, line, number))
        elif column in ADDRESSES and HIDDEN in cell and not self._may_be_hidden:
            self.mistakes.append(Mistake(column, IS_HIDDEN, line, number))
        elif column in _LISTS:
            values[_FIELDS[column]] = [item.strip() for item in cell.split(";") if item.strip()]
        elif column == "password_file" and self._beside is not None:
            values[column] = self._beside / cell
        else:
            values[_FIELDS[column]] = cell

    def _tell(self, error: ValidationError, line: int, columns: list[str]) -> None:
        for item in error.errors(include_input=False, include_url=False, include_context=False):
            field = str(item["loc"][0]) if item["loc"] else ""
            column = _COLUMN_OF.get(field, "")
            number = columns.index(column) + 1 if column in columns else 0
            words = "is missing" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
            self.mistakes.append(Mistake(column, words, line, number))
