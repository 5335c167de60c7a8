"""What every log holds its callers to: bounds, and lawful arguments. Shared with testing.memory_log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from citywatch.errors import LogError
from citywatch.ports import INCIDENTS, Commit, JointCommit

_PRODUCER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How much one partition may hold between two trims, and how much one commit may change.

    A stream that holds its bound takes no more (LogFull) until `trim` has made room: what was accepted is never
    dropped. One entry larger than the whole bound is still taken by an empty stream, so nothing waits for ever.
    """

    readings_entries: int = 100_000
    readings_bytes: int = 64 * MIB
    events_entries: int = 100_000
    events_bytes: int = 64 * MIB
    """Bounds of `events:{p}`; they hold for `onward:{p}`, too."""
    words: int = 20_000
    """How many words of `append_once` a partition remembers; the oldest are forgotten."""
    state_change_bytes: int = 32 * MIB
    """Keys and values of the changed rows of one commit together. A step aims at 1 MiB; this stops a runaway one."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")


@dataclass(frozen=True, slots=True)
class Depth:
    """What one partition holds at this moment."""

    readings_entries: int
    readings_bytes: int
    events_entries: int
    events_bytes: int


def check_partition(partition: int, partitions: int) -> None:
    if not 0 <= partition < partitions:
        raise ValueError(f"partition {partition}: this log has partitions 0 to {partitions - 1}")


def check_stream(stream: str, partition: int, partitions: int) -> None:
    """Of events there are those of the incident stage, too."""
    if not (stream == "events" and partition == INCIDENTS):
        check_partition(partition, partitions)


def check_producer(producer: str) -> None:
    if not _PRODUCER.fullmatch(producer):
        raise ValueError(
            f"producer {producer[:40]!r}: use 1 to 64 letters, digits and . _ : -, first a letter or digit"
        )


def check_word(word: str) -> None:
    if not 1 <= len(word) <= 128:
        raise ValueError(f"a word of {len(word)} characters: 1 to 128 are wanted")


def check_sequence(sequence: int) -> None:
    if not 1 <= sequence < 1 << 53:
        raise ValueError(f"sequence {sequence}: sequences begin at 1 and stay below 2**53")


def check_commit(commit: Commit, limits: LogLimits) -> None:
    """ValueError for a commit that does not move forward, LogError for one that changes too much state at once."""
    if commit.new <= commit.expected:
        raise ValueError(f"a commit moves forward: {commit.new} does not come after {commit.expected}")
    _check_changed(commit.changed, limits)


def check_joint_commit(commit: JointCommit, partitions: int, limits: LogLimits) -> None:
    """As check_commit, for the positions of every partition."""
    if not set(commit.expected) == set(commit.new) == set(range(partitions)):
        raise ValueError(f"a joint commit names every partition from 0 to {partitions - 1}")
    steps = [(commit.expected[p], commit.new[p]) for p in range(partitions)]
    if any(new < expected for expected, new in steps) or all(new == expected for expected, new in steps):
        raise ValueError(f"a joint commit moves forward: {commit.new} does not come after {commit.expected}")
    _check_changed(commit.changed, limits)


def _check_changed(changed: Mapping[str, bytes | None], limits: LogLimits) -> None:
    if "" in changed:
        raise ValueError("a state key cannot be empty")
    size = sum(len(key.encode()) + len(value or b"") for key, value in changed.items())
    if size > limits.state_change_bytes:
        raise LogError(
            f"one commit changes {size} bytes of state where {limits.state_change_bytes} are allowed: commit fewer rows"
        )
