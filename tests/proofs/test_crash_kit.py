"""The kit of the crash proofs, proved on a script small enough to see through."""

import textwrap
from pathlib import Path

import pytest

from citywatch.testing.crash import ChildFailed, KillAt, kill_points, no_probe, probe_of_child, rehearse, run_child

SCRIPT = textwrap.dedent("""
    import sys, threading
    from pathlib import Path
    from citywatch.testing.crash import probe_of_child

    probe = probe_of_child()
    file = Path(sys.argv[1])
    try:
        for number in range(int(file.read_text() or 0), 5):
            probe("before")
            file.write_text(str(number + 1))
            probe("after")
        threads = [threading.Thread(target=probe, args=("thread",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("done", flush=True)
    finally:
        file.with_suffix(".cleaned").write_text("")
""")


@pytest.fixture
def work(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "file").write_text("")
    return [tmp_path / "script.py", tmp_path / "file"]


def test_a_rehearsal_counts_and_disturbs_nothing(work):
    run = rehearse(work)
    assert not run.killed
    assert run.counts == {"before": 5, "after": 5, "thread": 3}
    assert run.stdout == "done\n"
    assert work[1].read_text() == "5"


@pytest.mark.parametrize(
    ("point", "left"), [(KillAt("before", 1), ""), (KillAt("after", 3), "3"), (KillAt("thread", 2), "5")]
)
def test_a_kill_comes_at_its_call_and_nothing_runs_after_it(work, point, left):
    run = run_child(work, kill=point)
    assert run.killed
    assert run.counts[point.place] == point.call
    assert work[1].read_text() == left
    assert not Path(work[1]).with_suffix(".cleaned").exists()
    assert run.stdout == ""


def test_work_goes_on_after_a_kill(work):
    run_child(work, kill=KillAt("after", 2))
    assert rehearse(work).counts["before"] == 3


def test_a_place_that_is_not_passed_so_often_is_no_failure(work):
    assert not run_child(work, kill=KillAt("before", 6)).killed
    assert not run_child(work, kill=KillAt("elsewhere", 1)).killed


@pytest.mark.parametrize(
    "line", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)", "1 / 0", "import time; time.sleep(60)"]
)
def test_any_other_end_fails_the_proof(tmp_path, line):
    (tmp_path / "script.py").write_text(line)
    with pytest.raises(ChildFailed, match=r"script\.py"):
        run_child([tmp_path / "script.py"], kill=KillAt("before", 1), timeout_s=2)


def test_points_are_seeded_different_and_in_order():
    counts = {"b": 100, "a": 3, "never": 0}
    points = kill_points(counts, seed=7, times=5)
    assert points == kill_points(counts, seed=7, times=5)
    assert points != kill_points(counts, seed=8, times=5)
    assert points[:3] == [KillAt("a", 1), KillAt("a", 2), KillAt("a", 3)]
    calls = [point.call for point in points[3:]]
    assert len(set(calls)) == 5
    assert calls == sorted(calls)
    assert all(1 <= call <= 100 for call in calls)


def test_without_an_order_there_is_no_probe(monkeypatch):
    monkeypatch.delenv("CITYWATCH_TEST_KILL_AT", raising=False)
    monkeypatch.delenv("CITYWATCH_TEST_COUNTS_TO", raising=False)
    assert probe_of_child() is no_probe
