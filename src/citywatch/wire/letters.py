"""Refused records as dead letters: one for each reason, an array of the records as they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol


class Refused(Protocol):
    """A record that was refused."""

    @property
    def reason(self) -> StrEnum: ...

    @property
    def message(self) -> str: ...

    @property
    def content(self) -> bytes: ...


def letters(refused: Iterable[Refused]) -> Iterator[tuple[str, str, bytes, int]]:
    """(reason, message of the first, JSON array ready to be sent again, records), by reason."""
    by_reason: dict[str, list[Refused]] = defaultdict(list)
    for record in refused:
        by_reason[record.reason.value].append(record)
    for reason, records in sorted(by_reason.items()):
        content = b"[" + b",".join(record.content for record in records) + b"]"
        yield reason, records[0].message, content, len(records)
