"""Closed months of the archive become few files that read the same; what is too old goes; a kill loses nothing."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_segments import BATCHES, DAY_NS, MemoryIndex, few_devices, passes, random_batch

from citywatch.adapters.store.compaction import Compaction
from citywatch.adapters.store.segments import ParquetPasses, SegmentWriter, read_seals
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.instants import parse_instant
from citywatch.ports import Position
from citywatch.wire.blobs import KINDS

START_MS = parse_instant("2026-01-01T00:00:00Z") // 1_000_000
MAY_NS = parse_instant("2026-05-01T00:00:00Z")
DAY_MS = 86_400_000


class Index(MemoryIndex):
    def replace_segments(self, gone, made):
        self.rows = [row for row in self.rows if row.path not in gone] + list(made)


def read(folder, index):
    found = {}
    for partition, position, batch in read_seals(folder, index):
        found.setdefault(partition, []).append((position, batch))
    return found


@settings(max_examples=12)
@given(batches=BATCHES, days=st.integers(1, 40), max_rows=st.integers(1, 60))
def test_a_closed_month_reads_the_same_out_of_fewer_files(batches, days, max_rows):
    index = Index()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = SegmentWriter(folder, index, max_rows=20)
        for number, (partition, code, rows, seed, _) in enumerate(batches):
            ms = START_MS + number * days * DAY_MS
            writer.add(partition, Position(ms, 1), random_batch(KINDS[code], rows, seed))
            writer.seal()
        before, files = read(folder, index), len(index.rows)
        most = max([20, max_rows])
        compaction = Compaction(folder, index, max_rows=most)
        merged, old = compaction.turn(MAY_NS)
        assert (len(index.rows), old) == (files - merged, 0)
        assert read(folder, index) == before
        for seal in {segment.seal for segment in index.rows}:
            assert sum(segment.rows for segment in index.rows if segment.seal == seal) <= most
        assert compaction.turn(MAY_NS) == (0, 0), "once is enough"
        assert read(folder, index) == before
        compaction.turn(MAY_NS + DAY_NS)
        assert writer.sweep() == 0, "what was replaced is gone by then"
        assert read(folder, index) == before


def keys(rows):
    """Of records that are repeated any one is told."""
    return [(row["at_ns"], row["device"], row["digest"]) for row in rows]


@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 20), min_size=2, max_size=6), limit=st.integers(1, 30))
def test_passes_are_found_as_before(sizes, limit):
    index = Index()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = SegmentWriter(folder, index, max_rows=50)
        for number, size in enumerate(sizes):
            writer.add(number % 2, Position(START_MS + number, 0), few_devices(size, number))
            writer.seal()
        asked = {"device": None, "from_ns": 0, "to_ns": 2**62, "limit": limit}
        before = keys(ParquetPasses(folder, index).passes(**asked))
        Compaction(folder, index, max_rows=1000).turn(MAY_NS)
        assert len({segment.seal for segment in index.rows}) == 1
        assert keys(ParquetPasses(folder, index).passes(**asked)) == before


@pytest.fixture
def store(tmp_path):
    found = SqlStore.open(tmp_path / "city.db")
    yield found
    found.close()


def days_of_passes(tmp_path, store, days):
    writer = SegmentWriter(tmp_path, store, max_rows=1000)
    for day in range(days):
        writer.add(0, Position(START_MS + day * DAY_MS, 1), passes(3, day))
        writer.seal()
    return writer


def test_this_months_seals_are_left_alone(tmp_path, store):
    days_of_passes(tmp_path, store, 40)  # January, and nine days of February
    now_ns = parse_instant("2026-02-10T00:00:00Z")
    Compaction(tmp_path, store, max_rows=1000).turn(now_ns)
    seals = [segment.seal for segment in store.segments()]
    assert set(seals) == {1, *range(32, 41)}


def test_what_is_older_than_is_kept_goes_from_index_and_disk(tmp_path, store):
    days_of_passes(tmp_path, store, 3)
    newest_ns = max(segment.to_ns for segment in store.segments())
    compaction = Compaction(tmp_path, store, max_rows=1, keep_days=10)
    assert compaction.turn(newest_ns) == (0, 0)
    merged, old = compaction.turn(newest_ns + 11 * DAY_NS)
    assert (merged, len(store.segments())) == (0, 0)
    assert old > 0
    assert len(list((tmp_path / "segments").rglob("*.parquet"))) == old, "somebody may be reading"
    compaction.turn(newest_ns + 12 * DAY_NS)
    assert list((tmp_path / "segments").rglob("*.parquet")) == []
    assert list(read_seals(tmp_path, store)) == []


def test_killed_before_the_index_knows_the_old_files_stand(tmp_path, store, monkeypatch):
    writer = days_of_passes(tmp_path, store, 5)
    before = list(read_seals(tmp_path, store))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "replace_segments", killed)
    with pytest.raises(KeyboardInterrupt):
        Compaction(tmp_path, store, max_rows=1000).turn(MAY_NS)
    assert writer.sweep() > 0, "the new files are nobody's"
    assert list(read_seals(tmp_path, store)) == before
