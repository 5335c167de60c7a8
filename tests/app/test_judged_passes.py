"""Lists of passes out of the log's tail and the sealed segments: the newest, each once, in bounded memory."""

import pytest

from citywatch.adapters.store.segments import SegmentWriter
from citywatch.adapters.store.sql import SqlStore
from citywatch.app import passes as module
from citywatch.app.passes import JudgedPasses
from citywatch.flow.door import LogDoor
from citywatch.ports import ORIGIN
from citywatch.testing.memory_log import MemoryLog
from citywatch.testing.rows import SCALES, START_NS, passes
from citywatch.wire import blobs

LORRY = [6_000, 12_000]
S = 10**9


@pytest.fixture
def street(tmp_path):
    """(log, list of newest passes) with 40 passes sealed and 60 more in the log, a repeat among them."""
    log = MemoryLog(partitions=2)
    door = LogDoor(log, "test")
    store = SqlStore.open(tmp_path / "city.sqlite")
    writer = SegmentWriter(tmp_path, store, max_rows=1000)

    def push(numbers):
        for number in numbers:
            door.append(passes([(SCALES[number % 2], START_NS + number * S, number, LORRY)]))

    push(range(40))
    for partition, entries in log.read({0: ORIGIN, 1: ORIGIN}, most=1000, block_ms=0).items():
        for entry in entries:
            writer.add(partition, entry.position, blobs.decode(entry.blob))
    writer.seal()
    push([*reversed(range(40, 100)), 99, 3])
    judged = JudgedPasses(tmp_path, store, log, "cn-gross")
    yield lambda device=None, limit=10: list(
        judged.passes(device=device, from_ns=START_NS, to_ns=START_NS + 1000 * S, limit=limit)
    )
    store.close()


def seconds(rows):
    return [(row["at_ns"] - START_NS) // S for row in rows]


@pytest.mark.parametrize("limit", [1, 2, 7, 59, 61, 99, 100, 500])
def test_the_newest_come_first_and_each_once(street, limit):
    assert seconds(street(limit=limit)) == list(range(99, -1, -1))[:limit]


def test_one_lane_alone(street):
    assert seconds(street(device=SCALES[1], limit=35)) == list(range(99, 29, -2))


def test_each_is_judged_by_the_law(street):
    (row,) = street(limit=1)
    assert (row["decision"], row["limits_kg"], row["law"]) == ("lawful", [18_000, 18_000], "cn-gross@1")


def test_no_more_rows_are_held_than_twice_what_is_asked_for(street, monkeypatch):
    held = []
    add = module._Newest.add

    def watched(self, row):
        add(self, row)
        held.append(len(self._found))

    monkeypatch.setattr(module._Newest, "add", watched)
    street(limit=5)
    assert 5 <= max(held) < 10
