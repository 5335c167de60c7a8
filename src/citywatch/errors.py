"""The error tree. A message names the thing and the fix; it never holds a secret.

CitywatchError
├── ConfigurationError   our user's mistake: a key, a unit, a file, a port      (exit code 2)
├── DataError            a record, picture or file that cannot be read as what it claims to be
│   ├── RecordRefused    one record of a stream, with its field and column
│   └── DescriptionRefused  what was told of cameras, with every mistake in it
├── DataDirError         a data directory that this version or this log server must not open
├── LogError             the log
│   ├── LogFull          the log takes no more until its readers catch up: ask again later
│   ├── LogUnavailable   the log server cannot be reached
│   ├── RepeatedWord     a word that stood for other rows before
│   └── Fenced           another producer or owner has taken over; this one must stop
└── OutsideError         a device or service that failed; `retry` says whether asking again can help
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CitywatchError(Exception):
    """Every error that Citywatch raises on purpose."""

    exit_code = 1


class ConfigurationError(CitywatchError):
    """The user's configuration or command line is wrong."""

    exit_code = 2


class DataError(CitywatchError):
    """Input that cannot be read as what it claims to be."""


class RecordRefused(DataError):
    """One record of a stream cannot be decoded.

    `reason` is a word from a bounded set (it becomes a metric label), `field` the field's name,
    `column` the 1-based position in the line where there is one.
    """

    def __init__(self, reason: str, message: str, *, field: str = "", column: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.column = column


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake of a description: in which field, in words without the value.

    Line and column of a table count from 1; 0 for none.
    """

    field: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        place = f"line {self.line}{column}: " if self.line else ""
        return f"{place}{self.field}: {self.message}" if self.field else f"{place}{self.message}"


class DescriptionRefused(DataError):
    """What was told of cameras is refused as a whole."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(str(mistake) for mistake in mistakes[:20]))
        self.mistakes = tuple(mistakes)


class DataDirError(CitywatchError):
    """The data directory was written by a newer version, another log server or another log."""

    exit_code = 2


class LogError(CitywatchError):
    """The log failed."""


class LogFull(LogError):
    """The log takes no more until its readers catch up."""


class LogUnavailable(LogError):
    """The log server cannot be reached."""


class RepeatedWord(LogError):
    """Rows were appended under this word before, and they were other ones."""


class Fenced(LogError):
    """Another producer or owner has taken over; this one must stop."""


class OutsideError(CitywatchError):
    """A device or a service failed."""

    def __init__(self, reason: str, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry = retry
