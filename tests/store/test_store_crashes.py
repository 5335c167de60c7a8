"""Killed anywhere, two at once, no room on the disk: rows and position stay together, and the next run completes."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from store_child import PIECE

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.ports import ORIGIN
from citywatch.testing.histories import placed, sample_events, tables

CHILD = Path(__file__).with_name("store_child.py")


def child(store, seed, *how):
    command = [sys.executable, str(CHILD), str(store.path), str(seed), *map(str, how)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=120)
    assert err == ""
    return out


def undisturbed(new_store, events):
    store = new_store()
    Projector(store).apply(0, events)
    return tables(store)


POINTS = [
    *[("projected_rows", seed) for seed in range(6)],
    *[("projected_committed", seed) for seed in range(5)],
    *[("statement", seed) for seed in range(8)],
]


@pytest.mark.parametrize(("point", "seed"), POINTS)
def test_killed_at_a_seeded_point(new_store, point, seed):
    store = new_store()
    store.close()
    events = placed(sample_events(seed, 150))
    pieces = -(-len(events) // PIECE)
    nth = random.Random(f"{point} {seed}").randint(1, pieces if point != "statement" else 12 * pieces)
    killed = child(store, seed, "kill", point, nth)
    assert killed.wait(timeout=120) == -signal.SIGKILL
    killed.communicate()

    left = SqlStore.open(store.path)
    position = Projector(left).positions().get(0, ORIGIN)
    done = [one for one in events if one[0] <= position]
    assert len(done) % PIECE == 0 or done == events
    if point != "statement":
        whole = nth if point == "projected_committed" else nth - 1
        assert len(done) == min(PIECE * whole, len(events))
    assert tables(left) == undisturbed(new_store, done)
    with left.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"

    finish(child(store, seed))
    assert tables(left) == undisturbed(new_store, events)
    left.close()


def test_two_projectors_at_once_project_once(new_store):
    store = new_store()
    runs = [child(store, 3) for _ in range(2)]
    for run in runs:
        finish(run)
        assert run.returncode == 0
    assert tables(store) == undisturbed(new_store, placed(sample_events(3, 150)))


def test_one_process_projects_while_another_writes_its_own(new_store):
    store, seed = new_store(), 4
    process = child(store, seed)
    written = 0
    while process.poll() is None or written < 50:
        store.audit(at_ns=written, actor="wei", action="read", target=str(written))
        store.dead_letter(at_ns=written, source="http", reason="r", message="m", content=b"x")
        store.add_token(name=f"t{written}", role="viewer", digest=str(written), at_ns=written)
        assert len(store.audit_lines(after=0, limit=100_000)) == written + 1
        written += 1
    finish(process)
    assert process.returncode == 0
    assert [line["target"] for line in store.audit_lines(after=0, limit=100_000)] == [str(n) for n in range(written)]
    assert {row["source"]: row["kept"] for row in store.dead_letter_counts()}["http"] == written
    assert len(store.tokens()) == written
    mine, wanted = tables(store), undisturbed(new_store, placed(sample_events(seed, 150)))
    for name in (
        "events",
        "alerts",
        "alert_changes",
        "tickets",
        "ticket_steps",
        "devices",
        "device_states",
        "positions",
    ):
        assert mine[name] == wanted[name], name


def test_many_threads_share_one_store(new_store):
    from concurrent.futures import ThreadPoolExecutor

    store = new_store()
    Projector(store).apply(0, placed(sample_events(5, 100)))
    everything, counts = store.alert_changes(after=0, limit=10_000), store.counts()

    def work(number):
        store.audit(at_ns=number, actor="a", action="b", target=str(number))
        return store.alert_changes(after=0, limit=10_000) == everything and store.counts() == counts

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(200)))
    assert len(store.audit_lines(after=0, limit=1000)) == 200


@pytest.mark.parametrize("spare_bytes", [0, 4096, 30_000, 100_001])
def test_a_full_disk_is_told_and_nothing_is_lost(new_store, spare_bytes):
    store, seed = new_store(), 6
    store.close()
    # Everything new goes into the write-ahead log first; the limit is for each file.
    out = finish(child(store, seed, "limit", spare_bytes))
    kind, reason, retry, message = out.strip().split("|")
    assert (kind, retry) == ("OutsideError", "True")
    assert reason in ("disk_full", "disk_error")
    assert store.path.name in message
    assert "full" in message
    left = SqlStore.open(store.path)
    assert tables(left) == undisturbed(new_store, placed(sample_events(seed, 150)))
    left.close()
