"""Many events in one entry of a stream: what a commit of many events is written as, and how it is read.

An entry holds one event (`e` = its line) or a frame (`f` = lines of events, one below the other, `k` = their kinds,
each once, with blanks between). Every event has a place of its own, frame or not: an entry is named after its *last*
event, and those before it have the sequences before it. So a reader may stop within a frame and go on there; a frame
is forgotten when its last event is.

The server's work for an entry (parsing, a place in the stream, a command in its file, the same again for each reader)
is then that of a hundred events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from citywatch.domain.events import kind_in
from citywatch.ports import Position

FEW = 8
"""Commits of so many events or fewer have an entry for each."""
MOST_EVENTS = 256
MOST_BYTES = 128 << 10
"""Of one frame; a line that is longer is a frame by itself."""

_END = b"\n"  # which JSON on one line has nowhere


class Frame(NamedTuple):
    """Lines joined, how many, their bytes without the joints, and the kinds among them."""

    text: bytes
    events: int
    size: int
    kinds: bytes


def framed(lines: Sequence[bytes]) -> tuple[Sequence[bytes], list[Frame]]:
    """The lines that have an entry each, and the frames behind them: the place of the first event is the server's word,
    those of the frames are told after it.
    """
    if len(lines) <= FEW:
        return lines, []
    return lines[:1], [_frame(lines[a:b]) for a, b in spans([len(line) for line in lines])]


def spans(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Which events of many stand in one frame, as [from, to); the first event stands alone before them."""
    begin, held = 1, 0
    for number in range(1, len(sizes)):
        if number > begin and (number - begin >= MOST_EVENTS or held + sizes[number] > MOST_BYTES):
            yield begin, number
            begin, held = number, 0
        held += sizes[number]
    yield begin, len(sizes)


def _frame(lines: Sequence[bytes]) -> Frame:
    text = _END.join(lines)
    kinds = b" ".join(dict.fromkeys(map(kind_in, lines)))
    return Frame(text, len(lines), len(text) - len(lines) + 1, kinds)


class Piece(NamedTuple):
    """Events of one entry, one after the other: `taken` of `of`, behind the first `skipped`. `last` names the entry."""

    fields: Mapping[bytes, bytes]
    last: Position
    of: int
    skipped: int
    taken: int

    @property
    def kinds(self) -> Sequence[bytes]:
        """The kinds of all events of its entry."""
        kinds = self.fields.get(b"k")
        return (kind_in(self.fields[b"e"]),) if kinds is None else kinds.split(b" ")

    @property
    def end(self) -> Position:
        """The place of its last event."""
        return Position(self.last.ms, self.last.seq - self.of + self.skipped + self.taken)

    def events(self) -> Iterator[tuple[Position, bytes]]:
        """Place and line of each."""
        if self.of == 1:
            yield self.last, self.fields.get(b"e") or self.fields[b"f"]
            return
        ms, first = self.last.ms, self.last.seq - self.of + 1
        lines = self.fields[b"f"].split(_END)
        for number in range(self.skipped, self.skipped + self.taken):
            yield Position(ms, first + number), lines[number]


def piece(fields: Mapping[bytes, bytes], last: Position, after: Position, most: int) -> Piece:
    """The first events of an entry that stand behind a place; the entry's name does."""
    text = fields.get(b"f")
    of = 1 if text is None else text.count(_END) + 1
    skipped = max(0, after.seq - (last.seq - of)) if after.ms == last.ms else 0
    return Piece(fields, last, of, skipped, min(most, of - skipped))
