"""The log on Redis Streams: ports.Log for Redis 6.2 to 8 and Valkey 7.2 to 9, embedded or the city's own.

Keys, where {p} is the partition and also the hash tag that keeps its keys together:

    readings:{p}        stream   b = blob, n = bytes so far
    events:{p}          stream   e = event as JSON, or f = many and k = their kinds (frames.py); n = bytes so far
    onward:{p}          stream   b = blob for the incident stage, n = bytes so far
    state:{p}           hash     the step's rows
    position:{p}        hash     at = the position committed by the step
    producer:{p}:NAME   hash     epoch, sequence and check of the last append of a producer
    once:{p}            hash     content of each word that an append was made under once
    once_order:{p}      list     those words, oldest first
    held:{p}            hash     what the two streams hold, in bytes (see scripts.py)
    producers           hash     the last epoch of each producer
    log                 hash     epoch of the log, number of partitions, layout

events, state, position and held stand once more under the tag {incidents}: those of the incident stage, whose `at` is
the list of its positions in every onward:{p}.

Every answer "done" comes after the server's fsync, provided that the server is set so (`durability_gap` asks).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import google_crc32c
import orjson
import redis

from citywatch.adapters.log import scripts
from citywatch.adapters.log.client import ScriptForgotten, connect, log_errors, shown
from citywatch.adapters.log.frames import MOST_EVENTS, Piece, framed, piece
from citywatch.adapters.log.hints import RedisHint, RedisWakeup
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
from citywatch.domain.events import Event, EventKind, kind_in
from citywatch.errors import DataDirError, DataError, Fenced, LogError, LogFull, RepeatedWord
from citywatch.ports import INCIDENTS, ORIGIN, Commit, Entry, JointCommit, Position
from citywatch.wire.blobs import encode

__all__ = ["RedisHint", "RedisLog", "RedisWakeup"]

LAYOUT = "2"
_OLDER = "1"
"""Without frames of events; read as it is."""
_LONGEST_BLOCK_MS = 4_000
_T = TypeVar("_T")


class _Script:
    def __init__(self, text: str) -> None:
        self.text = text
        # The name under which every server of the family keeps a script.
        self.name = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_OPEN_PRODUCER = _Script(scripts.OPEN_PRODUCER)
_APPEND = _Script(scripts.APPEND)
_APPEND_ONCE = _Script(scripts.APPEND_ONCE)
_COMMIT = _Script(scripts.COMMIT)
_TRIM = _Script(scripts.TRIM)


class RedisLog:
    """ports.Log. Blocking; may be shared by threads. Connects on first use, and again after the server restarted.

    After LogUnavailable it is not known whether the server acted:

    - an append is repeated with the same sequence and the same batch (a repeat is recognised and answered False);
      a sequence that once went out with one batch is never used for another one;
    - a commit is *not* repeated: the owner calls `load` and goes on from what it finds there. Either the commit
      counted, then its position and state stand there, or it did not. Repeated blindly, a commit that counted
      would be answered Fenced.

    A producer sends the appends of one partition one at a time, with rising sequences; gaps are lawful.
    `commit` raises LogFull when `events:{p}` holds its bound: trim it behind its reader and commit again.
    """

    def __init__(self, url: str, partitions: int, *, limits: LogLimits | None = None, timeout_s: float = 10.0) -> None:
        if partitions < 1:
            raise ValueError(f"partitions is {partitions}; a log has at least one")
        self.partitions = partitions
        self._limits = limits or LogLimits()
        self._where = shown(url)
        self._client = connect(url, timeout_s)
        # The server ends a blocking read well before our socket gives up on it.
        self._block_ms = max(1, min(_LONGEST_BLOCK_MS, int(timeout_s * 400)))
        self._epoch = ""

    # --- identity

    def epoch(self) -> str:
        """The identity of this log, made when it was first opened. DataDirError when it has other partitions."""
        *_, identity = self._ask_all(
            ("HSETNX", "log", "epoch", secrets.token_hex(16)),
            ("HSETNX", "log", "partitions", self.partitions),
            ("HSETNX", "log", "layout", LAYOUT),
            ("HMGET", "log", "epoch", "partitions", "layout"),
        )
        epoch, partitions, layout = (value.decode() for value in identity)
        if layout not in (LAYOUT, _OLDER):
            raise DataDirError(
                f"log {self._where} has layout {layout}, this version reads {LAYOUT}: use the version that wrote it"
            )
        if partitions != str(self.partitions):
            raise DataDirError(
                f"log {self._where} was made with {partitions} partitions and {self.partitions} are configured: "
                f"set partitions to {partitions}, or begin with an empty data directory"
            )
        if layout == _OLDER:
            self._ask("HSET", "log", "layout", LAYOUT)
        self._epoch = str(epoch)
        return self._epoch

    def server(self) -> tuple[str, str]:
        """Name (`redis` or `valkey`) and version of the server."""
        with log_errors(self._where):
            info: dict[str, Any] = self._client.info("server")
        if "valkey_version" in info:
            return "valkey", str(info["valkey_version"])
        return "redis", str(info["redis_version"])

    def durability_gap(self) -> str:
        """Empty when an answer of this server means "on disk" and it never evicts; else what to set, in words.

        A hosted server that hides its settings gives a gap too: it cannot be checked.
        """
        wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
        with log_errors(self._where):
            try:
                found = {name: self._client.config_get(name).get(name, "hidden") for name in wanted}
            except redis.exceptions.ResponseError:
                return f"log server {self._where} hides its settings: make sure that it has " + _settings(wanted)
        wrong = {name: value for name, value in wanted.items() if found[name] != value}
        return f"log server {self._where} may lose what it has accepted: set {_settings(wrong)}" if wrong else ""

    # --- producers

    def open_producer(self, producer: str) -> int:
        """A new epoch for a producer name: older ones are fenced, in every partition, when this returns."""
        check_producer(producer)
        self._opened()
        epoch = int(self._ask("HINCRBY", "producers", producer, 1))
        self._run_all(
            _OPEN_PRODUCER, [([_key("producer", p) + ":" + producer], [epoch]) for p in range(self.partitions)]
        )
        return epoch

    def append(self, partition: int, batch: Batch, *, producer: str, epoch: int, sequence: int) -> bool:
        """Append one blob; it is on disk when this returns. False when `sequence` was already taken (a repeat)."""
        self._opened()
        keys, args = self._append_call(partition, batch, producer, epoch, sequence)
        return self._appended(partition, producer, sequence, self._run(_APPEND, keys, args))

    def append_many(self, rows: Mapping[int, tuple[int, Batch]], *, producer: str, epoch: int) -> Mapping[int, bool]:
        """Append one batch each to several partitions for the price of one fsync: {partition: (sequence, batch)}.

        Answers as `append` for every partition. When some are refused (LogFull, Fenced), the others were taken all
        the same: repeat the whole call with the same sequences, and those are recognised.
        """
        self._opened()
        calls = [self._append_call(p, batch, producer, epoch, sequence) for p, (sequence, batch) in rows.items()]
        answers = zip(rows.items(), self._run_all(_APPEND, calls), strict=True)
        return {p: self._appended(p, producer, sequence, code) for (p, (sequence, _)), code in answers}

    def append_once(self, rows: Mapping[int, Batch], *, word: str, content: str) -> Mapping[int, bool]:
        """Append one batch each under a word that stands for these rows for ever: {partition: False for a repeat}.

        `content` tells the rows apart from others under the same word (RepeatedWord). When some partitions are full the
        others were taken all the same: repeat the call. Each partition remembers its last `limits.words` words.
        """
        check_word(word)
        self._opened()
        calls = []
        for partition, batch in rows.items():
            check_partition(partition, self.partitions)
            keys = [_key(name, partition) for name in ("once", "once_order", "readings", "held")]
            limits = self._limits
            args = [word, content, encode(batch), limits.words, limits.readings_entries, limits.readings_bytes]
            calls.append((keys, args))
        answers = dict(zip(rows, self._run_all(_APPEND_ONCE, calls), strict=True))
        for partition, code in answers.items():
            if code in (scripts.FULL_ENTRIES, scripts.FULL_BYTES):
                raise self._full("readings", partition, code)
            if code == scripts.OTHER_CONTENT:
                raise RepeatedWord(f"word {word} stood for other rows before in partition {partition}")
        return {partition: code == scripts.DONE for partition, code in answers.items()}

    def _append_call(
        self, partition: int, batch: Batch, producer: str, epoch: int, sequence: int
    ) -> tuple[list[str], list[Any]]:
        check_partition(partition, self.partitions)
        check_producer(producer)
        check_sequence(sequence)
        blob = encode(batch)
        keys = [_key("producer", partition) + ":" + producer, _key("readings", partition), _key("held", partition)]
        check = google_crc32c.value(blob)
        return keys, [
            epoch, sequence, check, blob, self._limits.readings_entries, self._limits.readings_bytes,
        ]  # fmt: skip

    def _appended(self, partition: int, producer: str, sequence: int, code: int) -> bool:
        if code == scripts.FENCED:
            raise Fenced(f"producer {producer}: its epoch is over in partition {partition}; another one has opened it")
        if code in (scripts.FULL_ENTRIES, scripts.FULL_BYTES):
            raise self._full("readings", partition, code)
        if code == scripts.OTHER_CONTENT:
            raise LogError(f"producer {producer}: sequence {sequence} in partition {partition} holds another batch")
        return code == scripts.DONE

    # --- readers

    def read(self, positions: Mapping[int, Position], *, most: int, block_ms: int) -> Mapping[int, Sequence[Entry]]:
        """Entries of `readings:{p}` behind each position, at most `most` a partition; waits up to `block_ms`.

        Partitions without new entries are not in the answer.
        """
        return self._read(
            "readings", positions, most, block_ms, lambda _, position, fields: Entry(position, fields[b"b"])
        )

    def read_events(
        self, positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, Sequence[tuple[Position, Event]]]:
        """Events of `events:{p}` behind each position, INCIDENTS among them. DataError for an event that is newer."""

        return {
            partition: [(place, _event(partition, place, line)) for one in pieces for place, line in one.events()]
            for partition, pieces in self._pieces(positions, most, block_ms).items()
        }

    def read_events_of(
        self, kinds: Collection[EventKind], positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, tuple[Position, Sequence[Event]]]:
        """How far each partition was read, and the events of these kinds; of the others nothing is parsed."""
        wanted = frozenset(kind.value.encode() for kind in kinds)
        return {
            partition: (
                pieces[-1].end,
                [
                    _event(partition, place, line)
                    for one in pieces
                    if not wanted.isdisjoint(one.kinds)
                    for place, line in one.events()
                    if kind_in(line) in wanted
                ],
            )
            for partition, pieces in self._pieces(positions, most, block_ms).items()
        }

    def _pieces(self, positions: Mapping[int, Position], most: int, block_ms: int) -> dict[int, list[Piece]]:
        """Events behind each position, at most `most` a partition, as they stand together in entries."""
        if most < 1:
            raise ValueError(f"most is {most}; at least 1 is wanted")

        def decoded(
            _: int, position: Position, fields: Mapping[bytes, bytes]
        ) -> tuple[Position, Mapping[bytes, bytes]]:
            return position, fields

        found = {}
        # How many events an entry holds is known when it is there: few entries at first, more while there are more.
        at_first = max(1, most // MOST_EVENTS)
        for partition, first in self._read("events", positions, at_first, block_ms, decoded).items():
            pieces: list[Piece] = []
            entries, after, left, asked = first, positions[partition], most, at_first
            while True:
                for last, fields in entries:
                    pieces.append(piece(fields, last, after, left))
                    after, left = last, left - pieces[-1].taken
                    if left == 0:
                        break
                if left == 0 or len(entries) < asked:
                    break
                asked = min(2 * asked, left)
                entries = self._read("events", {partition: after}, asked, 0, decoded).get(partition, [])
            found[partition] = pieces
        return found

    def _read(
        self,
        stream: str,
        positions: Mapping[int, Position],
        most: int,
        block_ms: int,
        decode: Callable[[int, Position, Mapping[bytes, bytes]], _T],
    ) -> dict[int, list[_T]]:
        if most < 1 or block_ms < 0:
            raise ValueError(f"most {most}, block_ms {block_ms}: at least 1 and 0 are wanted")
        for partition in positions:
            check_stream(stream, partition, self.partitions)
        if not positions:
            return {}
        self._opened()
        partition_of = {_key(stream, p).encode(): p for p in positions}
        places = [*partition_of, *(str(position) for position in positions.values())]
        until = time.monotonic() + block_ms / 1000
        while True:
            left_ms = int((until - time.monotonic()) * 1000)
            # BLOCK 0 would wait for ever.
            block = ["BLOCK", min(left_ms, self._block_ms)] if left_ms > 0 else []
            answer = self._ask("XREAD", "COUNT", most, *block, "STREAMS", *places)
            if answer or not block:
                break
        return {
            partition_of[key]: [
                decode(
                    partition_of[key],
                    Position.parse(place.decode()),
                    dict(zip(fields[::2], fields[1::2], strict=True)),
                )
                for place, fields in entries
            ]
            for key, entries in answer or ()
        }

    # --- the owner of a partition

    def load(self, partition: int) -> tuple[Position, Mapping[str, bytes]]:
        """The committed position and state of a partition, as they stood together."""
        check_partition(partition, self.partitions)
        self._opened()
        at, rows = self._ask_all(("HGET", _key("position", partition), "at"), ("HGETALL", _key("state", partition)))
        position = Position.parse(at.decode()) if at else ORIGIN
        return position, {key.decode(): value for key, value in zip(rows[::2], rows[1::2], strict=True)}

    def state_row(self, partition: int, key: str) -> bytes | None:
        """One row of a partition's committed state."""
        check_partition(partition, self.partitions)
        self._opened()
        row = self._ask("HGET", _key("state", partition), key)
        return None if row is None else bytes(row)

    def commit(self, partition: int, commit: Commit) -> None:
        """Position, state and outputs in one fenced step; on disk when this returns. Raises Fenced, LogFull."""
        check_partition(partition, self.partitions)
        check_commit(commit, self._limits)
        self._opened()
        self._commit(partition, str(commit.expected), str(commit.new), commit.changed, commit.events, commit.onward)

    def _commit(
        self,
        partition: int,
        expected: str,
        new: str,
        changed: Mapping[str, bytes | None],
        events: Sequence[Event],
        onward: bytes,
    ) -> None:
        sets = [(key, value) for key, value in changed.items() if value is not None]
        removals = [key for key, value in changed.items() if value is None]
        keys = [_key(name, partition) for name in ("position", "state", "events", "held", "onward")]
        single, frames = framed([event.to_json().encode() for event in events])
        args: list[Any] = [expected, new, self._limits.events_entries, self._limits.events_bytes]
        args += [len(sets), len(removals), len(single), onward, len(frames)]
        for row in sets:
            args += row
        args += removals
        args += single
        for frame in frames:
            args += frame
        code, at = self._run(_COMMIT, keys, args)
        if code == scripts.FENCED:
            raise Fenced(
                f"partition {_tag(partition)} stands at {at.decode()}, not at {expected}: another owner has committed"
            )
        if code in (scripts.FULL_ENTRIES, scripts.FULL_BYTES):
            raise self._full("events", partition, code)
        if code in (scripts.ONWARD_FULL_ENTRIES, scripts.ONWARD_FULL_BYTES):
            raise self._full("onward", partition, code)

    def trim(
        self, partition: int, *, readings_below: Position, events_below: Position, onward_below: Position = ORIGIN
    ) -> int:
        """Forget entries at or below the positions, readings never above the committed one. Returns how many."""
        check_stream("events", partition, self.partitions)
        self._opened()
        keys = [_key(name, partition) for name in ("position", "readings", "events", "held", "onward")]
        # What has no readings has no position to keep them by.
        below = ORIGIN if partition == INCIDENTS else readings_below
        return int(self._run(_TRIM, keys, [str(below), str(events_below), str(onward_below)]))

    # --- the incident stage

    def read_onward(
        self, positions: Mapping[int, Position], *, most: int, block_ms: int
    ) -> Mapping[int, Sequence[Entry]]:
        """Entries of `onward:{p}` behind each position, at most `most` a partition; waits up to `block_ms`."""
        return self._read(
            "onward", positions, most, block_ms, lambda _, position, fields: Entry(position, fields[b"b"])
        )

    def load_incidents(self) -> tuple[Mapping[int, Position], Mapping[str, bytes]]:
        """The committed positions of the incident stage and its state, as they stood together."""
        self._opened()
        at, rows = self._ask_all(("HGET", _key("position", INCIDENTS), "at"), ("HGETALL", _key("state", INCIDENTS)))
        state = {key.decode(): value for key, value in zip(rows[::2], rows[1::2], strict=True)}
        return self._vector(at), state

    def incident_positions(self) -> Mapping[int, Position]:
        """The committed positions of the incident stage alone."""
        self._opened()
        return self._vector(self._ask("HGET", _key("position", INCIDENTS), "at"))

    def commit_incidents(self, commit: JointCommit) -> None:
        """Positions, state and outputs of the incident stage in one fenced step. Raises Fenced, LogFull."""
        check_joint_commit(commit, self.partitions, self._limits)
        self._opened()
        expected, new = _shown_vector(commit.expected), _shown_vector(commit.new)
        self._commit(INCIDENTS, expected, new, commit.changed, commit.events, b"")

    def _vector(self, at: bytes | None) -> dict[int, Position]:
        places = at.decode().split(",") if at else [str(ORIGIN)] * self.partitions
        return {p: Position.parse(place) for p, place in enumerate(places)}

    def committed(self) -> Mapping[int, Position]:
        """How far the step has come in each partition; ORIGIN where it has not begun."""
        found = self._ask_all(*(("HGET", _key("position", p), "at") for p in range(self.partitions)))
        return {p: Position.parse(at.decode()) if at else ORIGIN for p, at in enumerate(found)}

    def depth(self, partition: int) -> Depth:
        """What the partition's streams hold at this moment: for gauges."""
        check_partition(partition, self.partitions)
        readings, events, held = self._ask_all(
            ("XLEN", _key("readings", partition)),
            ("XLEN", _key("events", partition)),
            ("HMGET", _key("held", partition), "readings", "readings_gone", "events", "events_gone"),
        )
        total, gone, events_total, events_gone = (int(value or 0) for value in held)
        return Depth(readings, total - gone, events, events_total - events_gone)

    def close(self) -> None:
        """Close the connections. May be called twice."""
        self._client.close()

    # --- the wire

    def _opened(self) -> None:
        if not self._epoch:
            self.epoch()

    def _full(self, stream: str, partition: int, code: int) -> LogFull:
        unit = "entries" if code in (scripts.FULL_ENTRIES, scripts.ONWARD_FULL_ENTRIES) else "bytes"
        bound = getattr(self._limits, f"{'events' if stream == 'onward' else stream}_{unit}")
        return LogFull(f"{_key(stream, partition)} holds its bound of {bound} {unit}; its readers must catch up first")

    def _ask(self, *command: Any) -> Any:
        with log_errors(self._where):
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def _ask_all(self, *commands: Sequence[Any], together: bool = True) -> list[Any]:
        """One round trip; `together` as one transaction. Raises the first error after all have run."""
        with log_errors(self._where):
            pipe = self._client.pipeline(transaction=together)
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipe.execute())

    def _run(self, script: _Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return self._ask("EVALSHA", script.name, len(keys), *keys, *args)
        except ScriptForgotten:
            # A server forgets its scripts when it restarts. Nothing has run, so sending it whole repeats nothing.
            return self._ask("EVAL", script.text, len(keys), *keys, *args)

    def _run_all(self, script: _Script, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Every call in one round trip; each is a step of its own."""
        commands = [("EVALSHA", script.name, len(keys), *keys, *args) for keys, args in calls]
        return self._ask_all(("SCRIPT LOAD", script.text), *commands, together=False)[1:]


def _event(partition: int, position: Position, line: bytes) -> Event:
    try:
        return Event.parsed(line.decode(), orjson.loads(line))
    except (ValueError, KeyError) as error:
        where = f"events:{{{partition}}} {position}"
        raise DataError(f"{where} is not an event this version knows: {error}") from error


def _key(name: str, partition: int) -> str:
    return f"{name}:{{{_tag(partition)}}}"


def _tag(partition: int) -> str:
    return "incidents" if partition == INCIDENTS else str(partition)


def _shown_vector(positions: Mapping[int, Position]) -> str:
    """The positions of every partition as the text that a commit is fenced by; that of a fresh log for the origins."""
    if all(position == ORIGIN for position in positions.values()):
        return str(ORIGIN)
    return ",".join(str(positions[p]) for p in range(len(positions)))


def _settings(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
