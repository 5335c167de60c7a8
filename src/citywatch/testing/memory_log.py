"""A log in memory that keeps every promise of ports.Log but one: it is gone with its process. For fast tests.

It is the plain model that the real log is compared with, so it is written in the plainest way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from citywatch.adapters.log.frames import FEW, spans
from citywatch.adapters.log.terms import (
    Depth,
    LogLimits,
    check_commit,
    check_joint_commit,
    check_partition,
    check_producer,
    check_sequence,
    check_stream,
    check_word,
)
from citywatch.domain.columns import Batch
from citywatch.domain.events import Event, EventKind
from citywatch.errors import Fenced, LogError, LogFull, RepeatedWord
from citywatch.ports import INCIDENTS, ORIGIN, Commit, Entry, JointCommit, Position
from citywatch.wire.blobs import encode


class _Entry(NamedTuple):
    """What stands at a place. Events of a large commit stand in frames: `frame` is the place of the last one in its."""

    position: Position
    blob: bytes
    frame: Position


@dataclass
class _Producer:
    epoch: int
    sequence: int = 0
    blob: bytes = b""


@dataclass
class _Incidents:
    positions: dict[int, Position]
    events: list[_Entry] = field(default_factory=list)
    state: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Partition:
    readings: list[_Entry] = field(default_factory=list)
    events: list[_Entry] = field(default_factory=list)
    onward: list[_Entry] = field(default_factory=list)
    state: dict[str, bytes] = field(default_factory=dict)
    position: Position = ORIGIN
    producers: dict[str, _Producer] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


class MemoryLog:
    """ports.Log in memory, for any number of threads. Positions count entries: 1-0, 2-0, ... over all streams."""

    def __init__(self, partitions: int, *, limits: LogLimits | None = None, epoch: str = "memory") -> None:
        self.partitions = partitions
        self._limits = limits or LogLimits()
        self._epoch = epoch
        self._epochs: dict[str, int] = {}
        self._partitions = [_Partition() for _ in range(partitions)]
        self._incidents = _Incidents(dict.fromkeys(range(partitions), ORIGIN))
        self._last = 0
        self._changed = threading.Condition()

    def epoch(self) -> str:
        return self._epoch

    def open_producer(self, producer: str) -> int:
        check_producer(producer)
        with self._changed:
            epoch = self._epochs[producer] = self._epochs.get(producer, 0) + 1
            for partition in self._partitions:
                partition.producers[producer] = _Producer(epoch)
            return epoch

    def append(self, partition: int, batch: Batch, *, producer: str, epoch: int, sequence: int) -> bool:
        check_partition(partition, self.partitions)
        check_producer(producer)
        check_sequence(sequence)
        blob = encode(batch)
        with self._changed:
            held = self._partitions[partition]
            known = held.producers.get(producer)
            if known is None or known.epoch != epoch:
                raise Fenced(f"producer {producer}: its epoch is over in partition {partition}")
            if sequence == known.sequence and blob != known.blob:
                raise LogError(f"producer {producer}: sequence {sequence} in partition {partition} holds another batch")
            if sequence <= known.sequence:
                return False
            _check_room(
                "readings", held.readings, len(blob), self._limits.readings_entries, self._limits.readings_bytes
            )
            held.readings.append(self._entry(blob))
            known.sequence, known.blob = sequence, blob
            self._changed.notify_all()
            return True

    def append_many(self, rows: Mapping[int, tuple[int, Batch]], *, producer: str, epoch: int) -> Mapping[int, bool]:
        """As RedisLog.append_many: every partition is tried, then the first error is raised."""
        answers: dict[int, bool] = {}
        errors: list[LogError] = []
        for partition, (sequence, batch) in rows.items():
            try:
                answers[partition] = self.append(partition, batch, producer=producer, epoch=epoch, sequence=sequence)
            except LogError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return answers

    def append_once(self, rows: Mapping[int, Batch], *, word: str, content: str) -> Mapping[int, bool]:
        """As RedisLog.append_once: every partition is tried, then the first error is raised."""
        check_word(word)
        answers: dict[int, bool] = {}
        errors: list[LogError] = []
        for partition, batch in rows.items():
            check_partition(partition, self.partitions)
            blob = encode(batch)
            with self._changed:
                held = self._partitions[partition]
                if word in held.words:
                    if held.words[word] != content:
                        errors.append(RepeatedWord(f"word {word} stood for other rows before in partition {partition}"))
                    answers[partition] = False
                    continue
                try:
                    _check_room(
                        "readings", held.readings, len(blob), self._limits.readings_entries, self._limits.readings_bytes
                    )
                except LogFull as error:
                    errors.append(error)
                    continue
                held.readings.append(self._entry(blob))
                held.words[word] = content
                if len(held.words) > self._limits.words:
                    del held.words[next(iter(held.words))]
                answers[partition] = True
                self._changed.notify_all()
        if errors:
            raise errors[0]
        return answers

    def read(self, positions: Mapping[int, Position], *, most: int, block_ms: int) -> Mapping[int, Sequence[Entry]]:
        found = self._read("readings", positions, most, block_ms)
        return {p: [Entry(entry.position, entry.blob) for entry in entries] for p, entries in found.items()}

    def read_events(
        self, positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, Sequence[tuple[Position, Event]]]:
        found = self._read("events", positions, most, block_ms)
        return {p: [(entry.position, Event.from_json(entry.blob)) for entry in entries] for p, entries in found.items()}

    def read_events_of(
        self, kinds: Collection[EventKind], positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, tuple[Position, Sequence[Event]]]:
        found = self.read_events(positions, most=most, block_ms=block_ms)
        return {
            p: (entries[-1][0], [event for _, event in entries if event.kind in kinds]) for p, entries in found.items()
        }

    def _read(
        self, stream: str, positions: Mapping[int, Position], most: int, block_ms: int
    ) -> dict[int, list[_Entry]]:
        if most < 1 or block_ms < 0:
            raise ValueError(f"most {most}, block_ms {block_ms}: at least 1 and 0 are wanted")
        for partition in positions:
            check_stream(stream, partition, self.partitions)
        until = time.monotonic() + block_ms / 1000
        with self._changed:
            while True:
                found = {}
                for partition, after in positions.items():
                    held = self._incidents if partition == INCIDENTS else self._partitions[partition]
                    entries = getattr(held, stream)
                    behind = [entry for entry in entries if entry.position > after][:most]
                    if behind:
                        found[partition] = behind
                left_s = until - time.monotonic()
                if found or not positions or left_s <= 0:
                    return found
                self._changed.wait(left_s)

    def load(self, partition: int) -> tuple[Position, Mapping[str, bytes]]:
        check_partition(partition, self.partitions)
        with self._changed:
            held = self._partitions[partition]
            return held.position, dict(held.state)

    def state_row(self, partition: int, key: str) -> bytes | None:
        check_partition(partition, self.partitions)
        with self._changed:
            return self._partitions[partition].state.get(key)

    def commit(self, partition: int, commit: Commit) -> None:
        check_partition(partition, self.partitions)
        check_commit(commit, self._limits)
        lines = [event.to_json().encode() for event in commit.events]
        with self._changed:
            held = self._partitions[partition]
            if held.position != commit.expected:
                raise Fenced(f"partition {partition} stands at {held.position}, not at {commit.expected}")
            if lines:
                size = sum(map(len, lines))
                _check_room("events", held.events, size, self._limits.events_entries, self._limits.events_bytes)
            if commit.onward:
                size = len(commit.onward)
                _check_room("onward", held.onward, size, self._limits.events_entries, self._limits.events_bytes)
            _change(held.state, commit.changed)
            held.events += self._told(lines)
            if commit.onward:
                held.onward.append(self._entry(commit.onward))
            held.position = commit.new
            self._changed.notify_all()

    def read_onward(
        self, positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, Sequence[Entry]]:
        found = self._read("onward", positions, most, block_ms)
        return {p: [Entry(entry.position, entry.blob) for entry in entries] for p, entries in found.items()}

    def load_incidents(self) -> tuple[Mapping[int, Position], Mapping[str, bytes]]:
        with self._changed:
            return dict(self._incidents.positions), dict(self._incidents.state)

    def incident_positions(self) -> Mapping[int, Position]:
        with self._changed:
            return dict(self._incidents.positions)

    def commit_incidents(self, commit: JointCommit) -> None:
        check_joint_commit(commit, self.partitions, self._limits)
        lines = [event.to_json().encode() for event in commit.events]
        with self._changed:
            held = self._incidents
            if held.positions != dict(commit.expected):
                raise Fenced(f"the incident stage stands at {held.positions}, not at {commit.expected}")
            if lines:
                size = sum(map(len, lines))
                _check_room("events", held.events, size, self._limits.events_entries, self._limits.events_bytes)
            _change(held.state, commit.changed)
            held.events += self._told(lines)
            held.positions = dict(commit.new)
            self._changed.notify_all()

    def trim(
        self, partition: int, *, readings_below: Position, events_below: Position, onward_below: Position = ORIGIN
    ) -> int:
        check_stream("events", partition, self.partitions)
        with self._changed:
            if partition == INCIDENTS:
                return _forget(self._incidents.events, events_below)
            held = self._partitions[partition]
            return (
                _forget(held.readings, min(readings_below, held.position))
                + _forget(held.events, events_below)
                + _forget(held.onward, onward_below)
            )

    def depth(self, partition: int) -> Depth:
        check_partition(partition, self.partitions)
        with self._changed:
            held = self._partitions[partition]
            return Depth(_count(held.readings), _bytes(held.readings), _count(held.events), _bytes(held.events))

    def close(self) -> None:
        """Nothing to close; what it holds stays until it is let go."""

    def _next(self) -> Position:
        self._last += 1
        return Position(self._last, 0)

    def _entry(self, blob: bytes) -> _Entry:
        position = self._next()
        return _Entry(position, blob, position)

    def _told(self, lines: Sequence[bytes]) -> list[_Entry]:
        if len(lines) <= FEW:
            return [self._entry(line) for line in lines]
        places = [self._next() for _ in lines]
        ends = [places[0], *(places[b - 1] for a, b in spans([len(line) for line in lines]) for _ in range(a, b))]
        return list(map(_Entry, places, lines, ends))


def _change(state: dict[str, bytes], changed: Mapping[str, bytes | None]) -> None:
    for key, value in changed.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def _forget(entries: list[_Entry], below: Position) -> int:
    before = _count(entries)
    entries[:] = [entry for entry in entries if entry.frame > below]
    return before - _count(entries)


def _count(entries: Sequence[_Entry]) -> int:
    return len({entry.frame for entry in entries})


def _bytes(entries: Sequence[_Entry]) -> int:
    return sum(len(entry.blob) for entry in entries)


def _check_room(stream: str, entries: Sequence[_Entry], size: int, most_entries: int, most_bytes: int) -> None:
    if entries and (_count(entries) >= most_entries or _bytes(entries) + size > most_bytes):
        raise LogFull(f"{stream} holds its bound; its readers must catch up first")
