"""Objects by content: whole or not there, bounded, safe among processes, and never wrong."""

import errno
import fcntl
import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from citywatch.adapters.store.objects import DirectoryObjects, object_name
from citywatch.errors import DataError, OutsideError


class Counts:
    def __init__(self):
        self.dropped = {}

    def count(self, name, amount=1, **labels):
        assert name == "objects_dropped_total"
        self.dropped[labels["area"]] = self.dropped.get(labels["area"], 0) + amount


@pytest.fixture
def meter():
    return Counts()


@pytest.fixture
def objects(tmp_path, meter):
    return DirectoryObjects(tmp_path / "objects", 1_000_000, 100_000, meter)


def files(objects, area):
    return sorted(path.name for path in objects._areas[area].rglob("*") if path.is_file())


def age(objects, name, seconds, area="unpinned"):
    """Make an object look older."""
    path = objects._path(area, name)
    when = path.stat().st_mtime_ns - seconds * 1_000_000_000
    os.utime(path, ns=(when, when))


def test_what_is_put_can_be_got(objects):
    for content in (b"", b"a", bytes(range(256)) * 1000):
        name = objects.put(content)
        assert name == hashlib.blake2b(content, digest_size=32).hexdigest()
        assert objects.get(name) == content
        assert objects.put(content) == name
    assert objects.usage_bytes() == {"unpinned": 256_001, "pinned": 0}
    assert list(objects._tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a" * 64 + "0", "A" * 64, "../" * 20 + "etc/passwd", "g" * 64, "0" * 64])
def test_names_that_are_none(objects, name):
    assert objects.get(name) is None
    assert objects.pin(name) is False


def test_the_oldest_give_way(objects, meter):
    names = [objects.put(bytes([n]) * 90_000) for n in range(11)]
    for n, name in enumerate(names):
        age(objects, name, 100 - n)
    objects.put(bytes([0]) * 90_000)  # put again: young
    last = objects.put(b"x" * 90_000)
    assert objects.usage_bytes()["unpinned"] <= 1_000_000
    assert objects.get(names[0]) is not None
    assert objects.get(last) is not None
    assert objects.get(names[1]) is objects.get(names[2]) is None
    assert meter.dropped == {"unpinned": 2}
    assert objects.usage_bytes()["unpinned"] == sum(
        path.stat().st_size for path in objects._areas["unpinned"].rglob("*") if path.is_file()
    )


def test_an_object_above_the_quota_is_refused(objects):
    with pytest.raises(DataError, match="larger than"):
        objects.put(bytes(1_000_001))


def test_evidence_is_kept_apart(objects, meter):
    name = objects.put(b"evidence" * 1000)
    assert objects.pin(name)
    assert objects.pin(name)
    assert (files(objects, "unpinned"), files(objects, "pinned")) == ([], [name])
    for n in range(30):
        objects.put(bytes([n]) * 90_000)
    assert objects.get(name) == b"evidence" * 1000
    assert objects.put(b"evidence" * 1000) == name
    assert files(objects, "pinned") == [name]
    assert name not in files(objects, "unpinned")
    assert objects.usage_bytes()["pinned"] == 8000
    assert "pinned" not in meter.dropped


def test_the_quota_of_evidence(objects, meter):
    names = []
    for n in range(5):
        names.append(objects.put(bytes([n]) * 30_000))
        assert objects.pin(names[-1])
        age(objects, names[-1], 100 - n, "pinned")
    assert [objects.get(name) is not None for name in names] == [False, False, True, True, True]
    assert meter.dropped == {"pinned": 2}
    large = objects.put(bytes(200_000))
    assert objects.pin(large) is False
    assert meter.dropped == {"pinned": 3}


@pytest.mark.parametrize("area", ["unpinned", "pinned"])
@pytest.mark.parametrize("damage", [b"", b"something else", bytes(5000)])
def test_damaged_objects_are_never_handed_on(objects, meter, area, damage):
    name = objects.put(b"picture" * 100)
    if area == "pinned":
        objects.pin(name)
    objects._path(area, name).write_bytes(damage)
    objects.sweep()
    assert objects.get(name) is None
    assert meter.dropped == {"damaged": 1}
    assert objects.usage_bytes() == {"unpinned": 0, "pinned": 0}
    assert objects.put(b"picture" * 100) == name  # and it can be put anew
    assert objects.get(name) == b"picture" * 100


def test_a_damaged_object_cannot_become_evidence(objects, meter):
    name = objects.put(b"picture" * 100)
    objects._path("unpinned", name).write_bytes(b"picture" * 99)
    assert objects.pin(name) is False
    assert meter.dropped == {"damaged": 1}
    assert objects.get(name) is None


def test_leftovers_of_dead_writers_are_swept_and_live_ones_left(objects):
    (objects._tmp / "1-dead").write_bytes(b"half a pict")
    with open(objects._tmp / "2-alive", "wb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        assert objects.sweep() == 1
        assert [path.name for path in objects._tmp.iterdir()] == ["2-alive"]
    assert objects.sweep() == 1


def test_lost_sums_are_counted_anew(objects, tmp_path, meter):
    objects.put(b"a" * 1000)
    objects.pin(objects.put(b"b" * 500))
    objects._usage_path.unlink()
    assert DirectoryObjects(tmp_path / "objects", 1_000_000, 100_000, meter).usage_bytes() == {
        "unpinned": 1000,
        "pinned": 500,
    }


def test_a_smaller_quota_takes_hold_at_the_sweep(objects, tmp_path, meter):
    for n in range(10):
        objects.put(bytes([n]) * 50_000)
    smaller = DirectoryObjects(tmp_path / "objects", 200_000, 100_000, meter)
    smaller.sweep()
    assert smaller.usage_bytes()["unpinned"] <= 200_000


def test_pinning_is_on_disk_when_it_returns(objects, tmp_path):
    """Seen in the system calls: the file is synced before the rename, its directory after it."""
    strace = subprocess.run(["which", "strace"], capture_output=True, text=True, check=False).stdout.strip()
    if not strace:
        if os.environ.get("CI"):
            raise AssertionError("strace is missing: apt-get install -y strace")
        pytest.skip("strace is missing: apt-get install -y strace")
    name = objects.put(b"evidence")
    code = (
        "import sys; from pathlib import Path; from citywatch.adapters.store.objects import DirectoryObjects\n"
        f"print(DirectoryObjects(Path({str(tmp_path / 'objects')!r}), 10**6, 10**6, None).pin({name!r}))"
    )
    trace = tmp_path / "trace"
    command = [strace, "-y", "-e", "trace=fsync,rename", "-o", str(trace), sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "True" not in done.stdout and "ptrace" in done.stderr:
        pytest.skip("system calls cannot be traced here")
    assert done.stdout == "True\n", done.stderr
    calls = [line for line in trace.read_text().splitlines() if "objects/" in line]
    assert [line.split("(")[0] for line in calls] == ["fsync", "rename", "fsync", "fsync", "fsync"]
    assert name in calls[0]


def test_a_full_disk_says_so(objects, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("citywatch.adapters.store.objects.os.write", full)
    with pytest.raises(OutsideError, match="free space") as refused:
        objects.put(b"picture")
    assert (refused.value.reason, refused.value.retry) == ("disk_full", True)
    assert list(objects._tmp.iterdir()) == []


def test_threads_do_not_lose_count(objects):
    def work(seed):
        rng = random.Random(seed)
        for _ in range(60):
            name = objects.put(bytes([rng.randrange(30)]) * 1000)
            if rng.random() < 0.2:
                objects.pin(name)
            objects.get(name)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_sums_are_right(objects)


def assert_sums_are_right(objects):
    usage = objects.usage_bytes()
    for area in ("unpinned", "pinned"):
        paths = [path for path in objects._areas[area].rglob("*") if path.is_file()]
        assert usage[area] == sum(path.stat().st_size for path in paths)
        assert all(object_name(path.read_bytes()) == path.name for path in paths)


def churn(root, seed, rounds):
    objects = DirectoryObjects(root, 400_000, 100_000, Counts())
    rng = random.Random(seed)
    for _ in range(rounds):
        content = random.Random(rng.randrange(60)).randbytes(rng.choice((100, 9_000, 20_000)))
        name = objects.put(content)
        if rng.random() < 0.1:
            objects.pin(name)
        got = objects.get(name)
        assert got is None or got == content


def test_processes_share_a_store(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=churn, args=(tmp_path / "objects", seed, 150)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    objects = DirectoryObjects(tmp_path / "objects", 400_000, 100_000, Counts())
    assert_sums_are_right(objects)
    assert objects.usage_bytes()["unpinned"] <= 400_000
    assert objects.usage_bytes()["pinned"] <= 100_000
    assert list(objects._tmp.iterdir()) == []


def test_writers_that_are_killed_leave_nothing_half(tmp_path):
    context = multiprocessing.get_context("spawn")
    root = tmp_path / "objects"
    for seed in range(4):
        worker = context.Process(target=churn, args=(root, seed, 10**6))
        worker.start()
        deadline = time.monotonic() + 30
        before = count_files(root)
        while count_files(root) < before + 3 + seed and time.monotonic() < deadline:
            pass
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    objects = DirectoryObjects(root, 400_000, 100_000, Counts())
    objects.sweep()
    assert list(objects._tmp.iterdir()) == []
    assert_sums_are_right(objects)


def count_files(root):
    return sum(1 for path in root.glob("*pinned/*/*"))
