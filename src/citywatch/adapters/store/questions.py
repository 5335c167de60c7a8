"""What the parts of the store ask through: each noun's questions are a class of their own, mixed into SqlStore."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Select

from citywatch.ports import Row


class Questions(ABC):
    """A database that can be asked."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of everything and writes nothing."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that writes."""

    @abstractmethod
    def _rows(self, query: Select[Any]) -> list[Row]:
        """All rows of a question."""

    def _row(self, query: Select[Any]) -> Row | None:
        """Its first row."""
        rows = self._rows(query)
        return rows[0] if rows else None
