"""Dead letters: what was refused, kept within a quota of bytes per source. The oldest give way, and are counted."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from citywatch.adapters.store.database import alone
from citywatch.adapters.store.schema import DEAD_LETTER_COUNTS, DEAD_LETTERS

CONTENT_KEPT_BYTES = 64 * 1024
MESSAGE_KEPT_CHARACTERS = 1000
WORD_KEPT_CHARACTERS = 100
ROW_BYTES = 256
"""What a letter costs beside its content and message, so that a flood of empty ones is bounded too."""
SOURCES = 256
OTHER_SOURCES = "(others)"
"""A source beyond the first SOURCES is filed under this name: whoever names sources cannot fill the disk with names."""
_GIVE_WAY_ROWS = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One refused thing. `reason` is a word from a bounded set; `message` says it in a sentence."""

    at_ns: int
    source: str
    reason: str
    message: str
    content: bytes


def keep(connection: Connection, letter: Letter, quota_bytes: int) -> None:
    """Write the letter; older ones of its source give way until the source is within its quota."""
    content = letter.content[: min(CONTENT_KEPT_BYTES, max(quota_bytes - ROW_BYTES, 0))]
    alone(connection, DEAD_LETTER_COUNTS)
    message = clean(letter.message, MESSAGE_KEPT_CHARACTERS)
    source = _source(connection, clean(letter.source, WORD_KEPT_CHARACTERS))
    row = {
        "at_ns": letter.at_ns,
        "source": source,
        "reason": clean(letter.reason, WORD_KEPT_CHARACTERS),
        "message": message,
        "content": content,
        "size": len(letter.content),
        "truncated": len(content) < len(letter.content),
    }
    connection.execute(insert(DEAD_LETTERS), row)
    counts = DEAD_LETTER_COUNTS.c
    cost = ROW_BYTES + len(content) + len(message)
    connection.execute(
        update(DEAD_LETTER_COUNTS)
        .where(counts.source == source)
        .values(kept=counts.kept + 1, received=counts.received + 1, kept_bytes=counts.kept_bytes + cost)
    )
    _give_way(connection, source, quota_bytes)


def forget(connection: Connection, number: int) -> bool:
    """Take one letter away. False when there is none of this number."""
    alone(connection, DEAD_LETTER_COUNTS)
    source = connection.scalar(select(DEAD_LETTERS.c.source).where(DEAD_LETTERS.c.number == number))
    if source is None:
        return False
    _remove(connection, source, [number], "forgotten")
    return True


def clean(text: str, characters: int) -> str:
    """Text that every database takes (no NUL, no lone surrogates), cut to so many characters."""
    return text[:characters].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _source(connection: Connection, source: str) -> str:
    """The name to file under; makes its line of counts."""
    if _has_source(connection, source):
        return source
    if (connection.scalar(select(func.count()).select_from(DEAD_LETTER_COUNTS)) or 0) >= SOURCES:
        source = OTHER_SOURCES
        if _has_source(connection, source):
            return source
    zeros = {"kept": 0, "kept_bytes": 0, "received": 0, "gave_way": 0, "forgotten": 0}
    connection.execute(insert(DEAD_LETTER_COUNTS), {"source": source, **zeros})
    return source


def _has_source(connection: Connection, source: str) -> bool:
    found = select(DEAD_LETTER_COUNTS.c.source).where(DEAD_LETTER_COUNTS.c.source == source)
    return connection.scalar(found) is not None


_COST = ROW_BYTES + func.length(DEAD_LETTERS.c.content) + func.length(DEAD_LETTERS.c.message)


def _give_way(connection: Connection, source: str, quota_bytes: int) -> None:
    letters, counts = DEAD_LETTERS.c, DEAD_LETTER_COUNTS.c
    while True:
        over = (connection.scalar(select(counts.kept_bytes).where(counts.source == source)) or 0) - quota_bytes
        if over <= 0:
            return
        oldest = connection.execute(
            select(letters.number, _COST).where(letters.source == source).order_by(letters.number).limit(_GIVE_WAY_ROWS)
        )
        numbers = []
        for number, cost in oldest:
            numbers.append(number)
            over -= cost
            if over <= 0:
                break
        if not numbers:
            return
        _remove(connection, source, numbers, "gave_way")


def _remove(connection: Connection, source: str, numbers: list[int], why: str) -> None:
    letters, counts = DEAD_LETTERS.c, DEAD_LETTER_COUNTS.c
    these = letters.number.in_(numbers)
    freed = connection.scalar(select(func.sum(_COST)).where(these)) or 0
    connection.execute(delete(DEAD_LETTERS).where(these))
    connection.execute(
        update(DEAD_LETTER_COUNTS)
        .where(counts.source == source)
        .values(
            kept=counts.kept - len(numbers), kept_bytes=counts.kept_bytes - freed, **{why: counts[why] + len(numbers)}
        )
    )
