import os
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.adapters.store.segments import ParquetPasses, SegmentWriter, pass_row, read_seals
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.columns import TEXT
from citywatch.domain.passes import PassBatch
from citywatch.errors import DataDirError, DataError, OutsideError
from citywatch.ports import Position
from citywatch.wire.blobs import KINDS

DAY_NS = 86_400 * 10**9
T0 = 20_000 * DAY_NS


class MemoryIndex:
    """ports.SegmentIndex in a list."""

    def __init__(self):
        self.rows, self.positions, self.seals = [], {}, 0

    def archived(self):
        return dict(self.positions)

    def record_segments(self, segments, archived):
        from dataclasses import replace

        assert not {s.path for s in segments} & {s.path for s in self.rows}
        self.seals += 1
        self.rows += [replace(segment, seal=self.seals) for segment in segments]
        self.positions.update(archived)
        return self.seals

    def segments(self, *, kind=None, from_ns=None, to_ns=None):
        fitting = [
            s
            for s in self.rows
            if kind in (None, s.kind)
            and (from_ns is None or s.to_ns >= from_ns)
            and (to_ns is None or s.from_ns < to_ns)
        ]
        return sorted(fitting, key=lambda s: (s.seal, s.kind, s.day, s.partition))


def random_batch(kind, rows, seed, days=3):
    """Any batch: values all over the range, zeros at the ends of free rows, odd texts."""
    rng = np.random.default_rng(seed)
    values = {}
    for column in kind.COLUMNS:
        if column.dtype == TEXT:
            values[column.name] = tuple(rng.choice(["", "a", "湘A12345", "x/d1/l2", "\t\n\0"], rows).tolist())
        elif column.name == "at_ns":
            values[column.name] = T0 + rng.integers(-days * DAY_NS, days * DAY_NS, rows)
        else:
            shape = (rows, column.width if column.width > 0 else int(rng.integers(0, 5))) if column.width else (rows,)
            if column.dtype.startswith("float"):
                values[column.name] = rng.choice(np.array([0.0, 1.5, np.nan, -1e30], column.dtype), shape)
            else:
                info = np.iinfo(column.dtype)
                values[column.name] = rng.choice(np.array([0, 0, 1, info.max, info.min], column.dtype), shape)
    return kind(**values)


BATCHES = st.lists(
    st.tuples(
        st.integers(0, 2),  # partition
        st.sampled_from(sorted(KINDS)),
        st.integers(0, 6),  # rows
        st.integers(0, 2**32),  # seed
        st.booleans(),  # seal afterwards
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(batches=BATCHES, max_rows=st.integers(1, 20))
def test_what_was_added_is_read_in_log_order(batches, max_rows):
    index = MemoryIndex()
    with tempfile.TemporaryDirectory() as folder:
        writer = SegmentWriter(Path(folder), index, max_rows=max_rows)
        expected = {}
        for number, (partition, code, rows, seed, seal) in enumerate(batches):
            batch = random_batch(KINDS[code], rows, seed)
            position = Position(number // 3, number % 3 + 1)
            writer.add(partition, position, batch)
            assert writer.rows_held <= max(max_rows, rows)
            if rows:
                expected.setdefault(partition, []).append((position, batch))
            if seal:
                writer.seal()
        writer.seal()
        assert writer.rows_held == 0
        assert writer.seal() is None
        found = {}
        for partition, position, batch in read_seals(Path(folder), index):
            found.setdefault(partition, []).append((position, batch))
        assert found == expected
        assert index.archived() == {
            partition: Position(number // 3, number % 3 + 1)
            for number, (partition, *_) in enumerate(batches)
        }  # fmt: skip
        assert writer.sweep() == 0
        for segment in index.segments():
            table = pq.read_table(Path(folder) / segment.path)
            at_ns = table.column("at_ns").to_numpy()
            assert (len(table), at_ns.min(), at_ns.max()) == (segment.rows, segment.from_ns, segment.to_ns)
            assert len({*(at_ns // DAY_NS).tolist()}) == 1
            assert (Path(folder) / segment.path).stat().st_size == segment.size_bytes


@pytest.fixture
def store(tmp_path):
    store = SqlStore.open(tmp_path / "index.sqlite")
    yield store
    store.close()


def passes(rows, seed=1, **more):
    return random_batch(PassBatch, rows, seed, **more)


def test_with_the_real_index(tmp_path, store):
    writer = SegmentWriter(tmp_path, store, max_rows=100)
    batches = [passes(40, seed) for seed in range(5)]
    for number, batch in enumerate(batches):
        writer.add(3, Position(7, number + 1), batch)
    assert writer.rows_held == 40
    writer.seal()
    assert [batch for _, _, batch in read_seals(tmp_path, store)] == batches
    assert store.archived() == {3: Position(7, 5)}
    assert {segment.seal for segment in store.segments()} == {1, 2, 3}


def test_positions_must_rise(tmp_path):
    writer = SegmentWriter(tmp_path, MemoryIndex(), max_rows=10)
    writer.add(0, Position(5, 1), passes(1))
    for position in (Position(5, 1), Position(4, 9)):
        with pytest.raises(ValueError, match="not behind"):
            writer.add(0, position, passes(1))
    with pytest.raises(ValueError, match="max_rows"):
        SegmentWriter(tmp_path, MemoryIndex(), max_rows=0)


def write_four(root, probe):
    """A writer that begins where the index says; a seal after every second batch."""
    store = SqlStore.open(root / "index.sqlite")
    writer = SegmentWriter(root, store, max_rows=1000, probe=probe)
    writer.sweep()
    archived = store.archived().get(0, Position(0, 0))
    for number in range(1, 5):
        if Position(number, 0) > archived:
            writer.add(0, Position(number, 0), passes(20, number, days=1))
            if number % 2 == 0:
                writer.seal()
    store.close()


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_segments import write_four

left = int(sys.argv[2])
def probe(step):
    global left
    left -= 1
    if left == 0:
        print(step, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

write_four(Path(sys.argv[1]), probe)
"""


@pytest.mark.parametrize(
    ("at", "step"),
    [
        (1, "segment_written"),
        (3, "segments_synced"),
        (4, "segment_renamed"),
        (6, "segments_named"),
        (7, "segments_recorded"),
        (11, "segment_renamed"),
    ],
)
def test_killed_inside_a_seal_nothing_is_lost_or_doubled(tmp_path, at, step):
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(at), str(Path(__file__).parent)]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (killed.returncode, killed.stdout.strip()) == (-signal.SIGKILL, step), killed.stderr
    write_four(tmp_path, lambda _: None)
    store = SqlStore.open(tmp_path / "index.sqlite")
    found = [(position.ms, batch) for _, position, batch in read_seals(tmp_path, store)]
    known = {segment.path for segment in store.segments()}
    store.close()
    assert found == [(number, passes(20, number, days=1)) for number in range(1, 5)]
    on_disk = {p.relative_to(tmp_path).as_posix() for p in (tmp_path / "segments").rglob("*") if p.is_file()}
    assert on_disk == known


def test_leftovers_are_swept(tmp_path, store):
    writer = SegmentWriter(tmp_path, store, max_rows=10)
    writer.add(0, Position(1, 0), passes(5))
    writer.seal()
    kept = {path for path in (tmp_path / "segments").rglob("*") if path.is_file()}
    folder = next(iter(kept)).parent
    (folder / "2026-01-01.p0000.9-0.9-0.parquet").write_bytes(b"orphan")
    (folder / "x.parquet.unfinished").write_bytes(b"half")
    assert writer.sweep() == 2
    assert {path for path in (tmp_path / "segments").rglob("*") if path.is_file()} == kept


@contextmanager
def no_file_larger_than(limit_bytes):
    """A disk that is full: writing beyond the limit fails with an error of the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def test_a_full_disk_is_said_plainly_and_the_rows_stay_held(tmp_path):
    index = MemoryIndex()
    writer = SegmentWriter(tmp_path, index, max_rows=5000)
    batch = passes(4000, days=1)
    writer.add(0, Position(1, 0), batch)
    with no_file_larger_than(2000), pytest.raises(OutsideError, match="disk is full") as raised:
        writer.seal()
    assert raised.value.reason == "disk_full"
    assert raised.value.retry
    assert [path for path in (tmp_path / "segments").rglob("*") if path.is_file()] == []
    assert writer.rows_held == 4000
    with no_file_larger_than(2000), pytest.raises(OutsideError):
        writer.add(0, Position(2, 0), passes(4000, 2))
    writer.add(0, Position(2, 0), passes(4000, 2))  # it had not been taken
    writer.seal()
    assert [b for _, _, b in read_seals(tmp_path, index)] == [batch, passes(4000, 2)]


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "segments").write_text("in the way")
    writer = SegmentWriter(tmp_path, MemoryIndex(), max_rows=10)
    writer.add(0, Position(1, 0), passes(1))
    with pytest.raises(OutsideError, match="segments"):
        writer.seal()


def test_a_missing_and_a_damaged_segment(tmp_path, store):
    writer = SegmentWriter(tmp_path, store, max_rows=100)
    writer.add(0, Position(1, 0), passes(50, days=1))
    writer.seal()
    path = tmp_path / store.segments()[0].path
    whole = path.read_bytes()
    window = {"device": None, "from_ns": 0, "to_ns": 2**62, "limit": 1000}
    for content in (whole[:-20], b"", b"garbage" * 100):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"restore it from a backup"):
            list(read_seals(tmp_path, store))
        with pytest.raises(DataError, match=r"restore it from a backup"):
            ParquetPasses(tmp_path, store).passes(**window)
    path.unlink()
    with pytest.raises(DataDirError, match="missing"):
        list(read_seals(tmp_path, store))
    with pytest.raises(DataDirError, match="missing"):
        ParquetPasses(tmp_path, store).passes(**window)


# passes for people


def few_devices(rows, seed):
    """Passes of two devices at few instants, many of them the same record twice."""
    rng = np.random.default_rng(seed)
    batch = passes(rows, seed)
    values = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS}
    axles = rng.integers(1, 5, rows).astype(np.int16)
    table = np.where(np.arange(4) < axles[:, None], rng.integers(0, 3, (rows, 4)), 0).astype(np.int32)
    step = rng.integers(0, 8, rows)
    values |= {
        "device": tuple(rng.choice(["a", "b"], rows).tolist()),
        "at_ns": T0 + step * (DAY_NS // 4),
        "digest": np.stack([rng.integers(0, 6, rows), step], axis=1).astype(np.uint64),
        "axle_count": axles,
        "axle_kg": table,
        "spacing_mm": np.where(np.arange(4) < axles[:, None] - 1, table, 0).astype(np.int32),
        "gross_kg": np.zeros(rows, np.int32),
        "received_ns": np.zeros(rows, np.int64),
        "speed_mps": np.zeros(rows, np.float64),
        "length_mm": np.zeros(rows, np.int32),
        "plate": ("",) * rows,
        "axle_speed_mps": np.zeros((rows, 0), np.float32),
    }
    return PassBatch.of(**values)


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    device=st.sampled_from([None, "a", "b", "c"]),
    window=st.tuples(st.integers(-1, 9), st.integers(-1, 9)),
    limit=st.integers(0, 30),
)
def test_newest_first_and_repeated_records_once(sizes, device, window, limit):
    index = MemoryIndex()
    from_ns, to_ns = (T0 + step * (DAY_NS // 4) for step in window)
    with tempfile.TemporaryDirectory() as folder:
        writer = SegmentWriter(Path(folder), index, max_rows=50)
        rows = []
        for number, size in enumerate(sizes):
            batch = few_devices(size, number)
            writer.add(number % 2, Position(number + 1, 0), batch)
            rows += [pass_row(batch, row) for row in range(size)]
        writer.seal()
        found = list(
            ParquetPasses(Path(folder), index).passes(device=device, from_ns=from_ns, to_ns=to_ns, limit=limit)
        )
    fitting = [r for r in rows if from_ns <= r["at_ns"] < to_ns and device in (None, r["device"])]
    keys = sorted({(-r["at_ns"], r["device"], r["digest"]) for r in fitting})
    assert [(-r["at_ns"], r["device"], r["digest"]) for r in found] == keys[:limit]
    assert all(row in fitting for row in found)


def test_what_scales_say_beside_the_weight_is_told_and_segments_of_before_lack_it(tmp_path, store):
    batch = few_devices(1, 3)
    values = {column.name: getattr(batch, column.name) for column in PassBatch.COLUMNS if column.since == 1}
    told = {"camera_axles": np.array([6], np.int16), "plate_rear": ("B",), "left_kg": np.array([[7, 0]], np.int32)}
    writer = SegmentWriter(tmp_path, store, max_rows=5)
    writer.add(0, Position(1, 0), PassBatch.of(**{**values, **told, "axle_count": np.array([2], np.int16)}))
    writer.seal()
    (row,) = ParquetPasses(tmp_path, store).passes(device=None, from_ns=0, to_ns=2**62, limit=5)
    assert (row["camera_axles"], row["plate_rear"], row["left_kg"]) == (6, "B", [7, 0])
    assert (row["transverse_mm"], row["acceleration_mps2"], row["axle_speed_mps"]) == (None, None, [])

    (segment,) = store.segments()
    table = pq.ParquetFile(tmp_path / segment.path).read()
    later = {column.name for column in PassBatch.COLUMNS if column.since > 1}
    of_before = [name for name in table.column_names if name.removesuffix("_width") not in later]
    pq.write_table(table.select(of_before), tmp_path / segment.path)
    (old,) = ParquetPasses(tmp_path, store).passes(device=None, from_ns=0, to_ns=2**62, limit=5)
    assert (old["camera_axles"], old["plate_rear"], old["left_kg"], old["transverse_mm"]) == (0, "", [], None)
    ((_, _, again),) = read_seals(tmp_path, store)
    assert again == PassBatch.of(**{**values, "axle_count": np.array([2], np.int16)})


def test_processes_that_only_read_do_not_need_the_writer(tmp_path, store):
    assert list(read_seals(tmp_path, store)) == []
    assert ParquetPasses(tmp_path, store).passes(device=None, from_ns=0, to_ns=2**62, limit=5) == []
    assert SegmentWriter(tmp_path, store, max_rows=5).sweep() == 0
    assert os.listdir(tmp_path)
