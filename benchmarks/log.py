"""The log: passes appended in blobs of a thousand, each answered after fsync; reading them back; commits.

Ours is the embedded server as Citywatch starts it (`appendfsync always`). The peer is the same server, started the
same way and then told `everysec`, which answers before the disk has anything: the ratio is the price of "acknowledged
means on disk". Both run throughout and are asked in turn, round by round. Encoding a batch and decoding an entry
are part of what is timed. The streams are trimmed between the rounds, outside the timing.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import redis

from benchmarks._frame import Row, Spread, row
from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.passes import PassBatch
from citywatch.ports import ORIGIN, Commit, Position
from citywatch.wire.blobs import decode

SCENARIO = "log"
PEER = "the same server, appendfsync everysec"
SEED = 20260131
PARTITIONS, ROWS = 4, 1000
ROUNDS, CALLS = 15, 24
COMMITS = 1500
_FAR = Position(1 << 50, 0)


def passes(seed: int) -> PassBatch:
    """A thousand six-axle passes of one lane, about 150 bytes each."""
    chance = np.random.default_rng(seed)
    axle_kg = chance.integers(4_000, 9_000, (ROWS, 6), np.int32)
    return PassBatch.of(
        device=("station-1/d1/l1",) * ROWS,
        at_ns=1_767_225_600_000_000_000 + np.arange(ROWS, dtype=np.int64) * 3_000_000_000,
        received_ns=np.zeros(ROWS, np.int64),
        digest=chance.integers(0, 1 << 63, (ROWS, 2)).astype(np.uint64),
        axle_count=np.full(ROWS, 6, np.int16),
        gross_kg=axle_kg.sum(axis=1).astype(np.int32),
        speed_mps=chance.uniform(15, 25, ROWS),
        length_mm=np.full(ROWS, 16_140, np.int32),
        axle_kg=axle_kg,
        spacing_mm=np.full((ROWS, 6), 1_300, np.int32),
        plate=("",) * ROWS,
    )


class _Side:
    """One log with its producer, and the samples taken of it."""

    def __init__(self, log: RedisLog) -> None:
        self.log = log
        self.epoch = log.open_producer("bench")
        self.sequence = 0
        self.singly: list[float] = []
        self.spread: list[float] = []
        self.reads: list[float] = []
        self.commits: list[float] = []

    def append_singly(self, batch: PassBatch) -> None:
        """One blob an answer."""
        begin = time.perf_counter()
        for _ in range(CALLS):
            self.sequence += 1
            self.log.append(0, batch, producer="bench", epoch=self.epoch, sequence=self.sequence)
        self.singly.append(CALLS * ROWS / (time.perf_counter() - begin))

    def append_spread(self, batch: PassBatch) -> None:
        """One blob to each partition an answer, as the door does with a push for many lanes."""
        begin = time.perf_counter()
        for _ in range(CALLS):
            self.sequence += 1
            rows = dict.fromkeys(range(PARTITIONS), (self.sequence, batch))
            self.log.append_many(rows, producer="bench", epoch=self.epoch)
        self.spread.append(CALLS * PARTITIONS * ROWS / (time.perf_counter() - begin))

    def read_back(self) -> None:
        """All partitions at once, decoded; then everything is committed and trimmed."""
        positions = {p: self.log.load(p)[0] for p in range(PARTITIONS)}
        rows, begin = 0, time.perf_counter()
        after = dict(positions)
        while found := self.log.read(after, most=16, block_ms=0):
            for p, entries in found.items():
                rows += sum(len(decode(entry.blob)) for entry in entries)
                after[p] = entries[-1].position
        self.reads.append(rows / (time.perf_counter() - begin))
        for p, last in after.items():
            if last > positions[p]:
                self.log.commit(p, Commit(positions[p], last))
            self.log.trim(p, readings_below=last, events_below=_FAR)

    def commit(self, number: int) -> None:
        """Ten changed rows of 200 bytes and two events, the size of a small step."""
        at = self.log.load(1)[0]
        changed = {f"device-{(number * 7 + i) % 400}": bytes([number % 256]) * 200 for i in range(10)}
        events = [_event(2 * number), _event(2 * number + 1)]
        commit = Commit(at, Position(at.ms, at.seq + 1) if at > ORIGIN else Position(1, 0), changed, events)
        begin = time.perf_counter()
        self.log.commit(1, commit)
        self.commits.append((time.perf_counter() - begin) * 1e3)


def _event(number: int) -> Event:
    identity = event_id("bench", number)
    data = {"law": "cn-gross@1", "pass": identity, "axles": 6, "gross_kg": 52_000, "limit_kg": 49_000}
    return Event(identity, EventKind.OVERLOADED, "station-1/d1/l1", number, identity, data)


def run() -> list[Row]:
    batch = passes(SEED)
    with tempfile.TemporaryDirectory(prefix="citywatch-log-") as name, ExitStack() as stack:
        sides = []
        for setting in ("always", "everysec"):
            server = stack.enter_context(EmbeddedServer(Path(name, setting)))
            with redis.Redis.from_url(server.url) as client:
                client.config_set("appendfsync", setting)
            log = RedisLog(server.url, PARTITIONS)
            stack.callback(log.close)
            sides.append(_Side(log))
        for number in range(ROUNDS + 1):
            for side in sides if number % 2 else reversed(sides):
                side.append_singly(batch)
                side.append_spread(batch)
                side.read_back()
        for number in range(COMMITS):
            for side in sides if number % 2 else reversed(sides):
                side.commit(number)
    for side in sides:  # the first round warmed the scripts, the connections and the files
        del side.singly[0], side.spread[0], side.reads[0], side.commits[:50]
    ours, peer = sides
    return [
        _against("appended, one blob of 1000 passes an answer", "readings/s", ours.singly, peer.singly),
        _against("appended, four blobs of 1000 passes an answer", "readings/s", ours.spread, peer.spread),
        _alone("read back and decoded", "readings/s", ours.reads),
        _against("commit of 10 rows and 2 events, median", "ms", ours.commits, peer.commits),
        _against("commit of 10 rows and 2 events, p99", "ms", ours.commits, peer.commits, p99=True),
    ]


def _against(figure: str, unit: str, ours: list[float], peer: list[float], *, p99: bool = False) -> Row:
    mine, theirs = Spread.of(ours), Spread.of(peer)
    value, other = (mine.p99, theirs.p99) if p99 else (mine.median, theirs.median)
    return row(SCENARIO, figure, value, unit, peer=PEER, ratio=value / other, spread=mine)


def _alone(figure: str, unit: str, samples: list[float]) -> Row:
    spread = Spread.of(samples)
    return row(SCENARIO, figure, spread.median, unit, spread=spread)
