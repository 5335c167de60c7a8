import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import mon_twin as twin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.errors import CitywatchError, ConfigurationError, DataDirError, DataError, OutsideError
from citywatch.flow import recordings
from citywatch.flow import replay as replay_module
from citywatch.flow.event_file import EventFile
from citywatch.flow.replay import replay, rerun
from citywatch.laws import load
from citywatch.testing.trucks import Disorder, write_mon
from citywatch.wire.local_time import Fold

LAW = load("cn-gross")
GARAGE = "wim/btls-garage-5000veh.MON.txt"
SIMULATED = "wim/btls-simulated-day-9427veh.MON.txt"


def run(tmp_path, *files, **options):
    """(summary, bytes of the events file); recordings go to tmp_path/data."""
    events = tmp_path / "events.jsonl"
    summary = replay(
        files, LAW, data_dir=tmp_path / "data", now_ns=0, events=events, summary=tmp_path / "s.json", **options
    )
    shown = json.loads((tmp_path / "s.json").read_text())
    assert shown["passes"] + shown["refused"] + shown["repeated"] == shown["lines"] == summary.lines
    assert shown["lawful"] + shown["over"] + shown["undecided"] == shown["passes"]
    assert shown["refused"] == sum(shown["refused_by_reason"].values())
    assert (tmp_path / "s.json").read_text() == summary.to_json()
    return summary, events.read_bytes()


def naive(data, zone="UTC", fold="earlier"):
    """The counts of a file and its events as {(at_ns, device, kind): ...}, read the plainest way."""
    counts, seen, events = Counter(), set(), Counter()
    for line in twin.split_lines(data):
        counts["lines"] += 1
        fields = twin.read_line(line)
        if not isinstance(fields, dict):
            counts["refused"] += 1
            continue
        at_ns = twin.to_utc_ns(fields["local"], zone, fold)
        if isinstance(at_ns, str):
            counts["refused"] += 1
            continue
        if line in seen:
            counts["repeated"] += 1
            continue
        seen.add(line)
        counts["passes"] += 1
        decision = twin.decide(fields["axle_count"], fields["gross_kg"])
        counts[decision] += 1
        device = f"station/d{fields['direction']}/l{fields['lane']}"
        if decision != "lawful":
            kind = "overloaded" if decision == "over" else "weight_undecided"
            events[at_ns, device, kind, fields["gross_kg"]] += 1
        if twin.suspect(fields):
            counts["suspect"] += 1
            events[at_ns, device, "pass_suspect", fields["gross_kg"]] += 1
    return counts, events


def counts_of(summary):
    names = ("lines", "passes", "lawful", "over", "undecided", "refused", "repeated", "suspect")
    return Counter({name: getattr(summary, name) for name in names})


def check_events(content):
    """Sorted, each once, in the fixed form; (at_ns, device, kind, gross) of each, counted."""
    rows = [json.loads(line) for line in content.splitlines()]
    keys = [(row["at_ns"], row["device"], row["kind"], row["id"]) for row in rows]
    assert keys == sorted(set(keys))
    for row in rows:
        assert list(row) == ["at", "at_ns", "device", "kind", "id", "cause", "data"]
        assert row["data"]["law"] == "cn-gross@1"
    return Counter((row["at_ns"], row["device"], row["kind"], row["data"]["gross_kg"]) for row in rows)


@pytest.mark.parametrize(
    ("name", "zone", "known"),
    [
        (GARAGE, "Europe/Dublin", {"lines": 5000, "passes": 4971, "repeated": 29}),
        (SIMULATED, "UTC", {"lines": 9427, "passes": 9427, "suspect": 162}),
    ],
)
def test_real_files_against_a_plain_reader(tmp_path, shared_data, name, zone, known):
    summary, content = run(tmp_path, shared_data / name, time_zone=zone)
    expected, events = naive((shared_data / name).read_bytes(), zone)
    assert counts_of(summary) == expected
    assert check_events(content) == events
    assert {key: expected[key] for key in known} == known
    assert summary.outside_validity == summary.passes  # measured before the order of 2016


def test_order_and_repetition_change_nothing(tmp_path, shared_data):
    """The same files again, their lines shuffled, the files named in another order, in one file: the same bytes."""
    garage, simulated = shared_data / GARAGE, shared_data / SIMULATED
    first_summary, first = run(tmp_path, garage, simulated)
    again_summary, again = run(tmp_path, simulated, garage)
    assert again == first
    assert again_summary.to_json() == first_summary.to_json()
    lines = twin.split_lines(garage.read_bytes() + simulated.read_bytes())
    random.Random(1).shuffle(lines)
    shuffled = tmp_path / "shuffled.txt"
    shuffled.write_bytes(b"\r\n".join(lines))
    shuffled_summary, content = run(tmp_path, shuffled)
    assert content == first
    assert counts_of(shuffled_summary) == counts_of(first_summary)
    assert [path.name[:6] for path in sorted((tmp_path / "data/recordings").iterdir())] == [
        "000001",
        "000002",
        "000003",
    ]


def test_a_rerun_gives_the_same_bytes(tmp_path, shared_data):
    summary, content = run(tmp_path, shared_data / GARAGE)
    (tmp_path / "junk.txt").write_text("junk\n")
    run(tmp_path, tmp_path / "junk.txt")
    events, counts = tmp_path / "again.jsonl", tmp_path / "again.json"
    for name in (summary.recording, "1", "000001"):
        again = rerun(tmp_path / "data", LAW, recording=name, events=events, summary=counts)
        assert again == summary
        assert events.read_bytes() == content
        assert counts.read_text() == summary.to_json()
    latest = rerun(tmp_path / "data", LAW, events=events)
    assert (latest.lines, latest.refused, events.read_bytes()) == (1, 1, b"")


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    disorder=st.sampled_from(list(Disorder)),
    passes=st.integers(1, 400),
    repeats=st.sampled_from([0.0, 0.1, 1.0]),
    damaged=st.sampled_from([0.0, 0.1]),
)
def test_generated_files_against_a_plain_reader(tmp_path_factory, seed, disorder, passes, repeats, damaged):
    tmp_path = tmp_path_factory.mktemp("replay")
    file = tmp_path / "x.mon"
    written = write_mon(
        file,
        passes,
        seed=seed,
        days=3,
        disorder=disorder,
        repeat_share=repeats,
        damaged_share=damaged,
        over_share=0.1,
        undecided_share=0.1,
        suspect_share=0.1,
    )
    summary, content = run(tmp_path, file)
    expected, events = naive(file.read_bytes())
    assert counts_of(summary) == expected
    assert check_events(content) == events
    assert (written.lines, written.passes, written.over, written.undecided) == (
        summary.lines, summary.passes, summary.over, summary.undecided,
    )  # fmt: skip
    assert (written.suspect, written.repeated, written.damaged) == (summary.suspect, summary.repeated, summary.refused)
    assert written.bytes == file.stat().st_size


def test_many_small_seals_and_runs_give_the_same(tmp_path, monkeypatch):
    file = tmp_path / "x.mon"
    write_mon(file, 70_000, seed=3, days=40, disorder=Disorder.WHOLE, repeat_share=0.01)
    summary, content = run(tmp_path, file)
    monkeypatch.setattr(replay_module, "SEAL_ROWS", 30_000)
    monkeypatch.setattr(replay_module, "EventFile", partial(EventFile, held_events=100))
    again, same = run(tmp_path, file)
    assert (counts_of(again), same) == (counts_of(summary), content)
    assert rerun(tmp_path / "data", LAW, events=tmp_path / "e").over == summary.over
    assert (tmp_path / "e").read_bytes() == content


def test_refused_lines_are_kept_with_their_reason(tmp_path, monkeypatch, shared_data):
    monkeypatch.setattr(replay_module, "MOST_LETTERS", 3)
    good = (shared_data / GARAGE).read_bytes().split(b"\n")[:2]
    file = tmp_path / "bad.mon"
    file.write_bytes(b"\n".join([good[0], b"\xff\0garbage", b"", good[1], good[1][:44], b"x" * 9000, b"7", b""]))
    summary, _ = run(tmp_path, file)
    assert (summary.lines, summary.passes, summary.refused, summary.letters) == (7, 2, 5, 3)
    root, intake = recordings.find(tmp_path / "data")
    assert intake.letters == 3
    store = recordings.open_index(root)
    letters = store.dead_letters(source="replay", after=0, limit=10)
    store.close()
    assert [(letter["reason"], bytes(letter["content"])) for letter in letters] == [
        ("not_a_number", b"\xff\0garbage"),
        ("empty_line", b""),
        ("truncated", good[1][:44]),
    ]
    assert "bad.mon: line 2, column 1 (record)" in letters[0]["message"]


def test_repeats_are_found_across_files_and_line_ends(tmp_path, shared_data):
    lines = (shared_data / GARAGE).read_bytes().split(b"\n")[:10]
    (tmp_path / "a").write_bytes(b"\n".join(lines))
    (tmp_path / "b").write_bytes(b"\r\n".join(lines[5:]) + b"\r\n")
    summary, _ = run(tmp_path, tmp_path / "a", tmp_path / "b")
    assert (summary.lines, summary.passes, summary.repeated) == (15, 10, 5)


def test_zone_and_fold(tmp_path, shared_data):
    _, plain = run(tmp_path, shared_data / GARAGE)
    _, east = run(tmp_path, shared_data / GARAGE, time_zone="+08:00", fold=Fold.REFUSE)
    shift = 8 * 3600 * 10**9
    assert check_events(east) == Counter(
        {(at - shift, *rest): count for (at, *rest), count in check_events(plain).items()}
    )


def test_an_empty_file(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    summary, content = run(tmp_path, tmp_path / "empty")
    assert (summary.lines, content) == (0, b"")
    assert rerun(tmp_path / "data", LAW).lines == 0


def test_a_pipe(tmp_path, shared_data):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"cat '{shared_data / SIMULATED}' > '{pipe}'"]) as writer:
        summary, _ = run(tmp_path, pipe)
        assert writer.wait(timeout=30) == 0
    assert summary.passes == 9427


# what is wrong outside


@pytest.fixture
def small(tmp_path, shared_data):
    file = tmp_path / "small.mon"
    file.write_bytes(b"\n".join((shared_data / GARAGE).read_bytes().split(b"\n")[:500]))
    return file


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"file": "missing"}, "missing: there is no such file"),
        ({"file": "."}, "directory"),
        ({"file": "nul\0"}, "no path"),
        ({"time_zone": "Mars/Olympus"}, "time zone 'Mars/Olympus'"),
        ({"station": "no good"}, "station 'no good'"),
        ({"station": ""}, "station ''"),
        ({"events": "no/such/e.jsonl"}, "events file"),
        ({"summary": "."}, "summary file"),
        ({"events": "small.mon"}, "this file is read"),
        ({"events": "same", "summary": "same"}, "a file each"),
        ({"data_dir": "small.mon"}, "--data-dir"),
    ],
)
def test_one_clear_sentence(tmp_path, small, options, words):
    given = {"file": "small.mon", "data_dir": "data", **options}
    paths = {key: tmp_path / given[key] for key in ("file", "data_dir", "events", "summary") if key in given}
    others = {key: value for key, value in given.items() if key not in paths}
    before = small.read_bytes()
    with pytest.raises(ConfigurationError, match=words) as raised:
        replay([paths.pop("file")], LAW, now_ns=0, **paths, **others)
    assert "\n" not in str(raised.value)
    assert small.read_bytes() == before
    assert not list(tmp_path.glob("data/recordings/*"))
    assert not list(tmp_path.glob("*.unfinished"))


def test_an_unreadable_file(tmp_path, small, monkeypatch):
    if os.geteuid() == 0:
        # root may read everything: let the system refuse it instead.
        def refuse(self, *_args, **_more):
            raise PermissionError(13, os.strerror(13))

        monkeypatch.setattr(Path, "open", refuse)
    small.chmod(0)
    with pytest.raises(ConfigurationError, match="may not read"):
        replay([small], LAW, data_dir=tmp_path / "data", now_ns=0)


def test_no_file_at_all(tmp_path):
    with pytest.raises(ConfigurationError, match="no file"):
        replay([], LAW, data_dir=tmp_path, now_ns=0)


def test_reruns_of_what_is_not_there(tmp_path, small):
    with pytest.raises(ConfigurationError, match="none yet"):
        rerun(tmp_path, LAW)
    summary, _ = run(tmp_path, small)
    with pytest.raises(ConfigurationError, match=summary.recording):
        rerun(tmp_path / "data", LAW, recording="7")
    root = tmp_path / "data/recordings" / summary.recording
    label = (root / "recording.json").read_text()
    for content, error, words in (
        (label.replace('"format": 1', '"format": 2'), DataDirError, "newer version"),
        ("{", DataDirError, "cannot be read"),
        ("{}", DataDirError, "lacks"),
        (label.replace('"passes": ', '"passes": 1'), DataError, "were recorded"),
    ):
        (root / "recording.json").write_text(content)
        with pytest.raises(error, match=words):
            rerun(tmp_path / "data", LAW)
    (root / "recording.json").unlink()
    with pytest.raises(ConfigurationError, match="not finished"):
        rerun(tmp_path / "data", LAW)


@contextmanager
def no_file_larger_than(limit_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


@pytest.mark.parametrize("limit_bytes", [100, 20_000, 500_000])
def test_a_full_disk(tmp_path, limit_bytes):
    """Wherever the disk ends (the index, the events, a segment): one sentence, and nothing half stays."""
    file = tmp_path / "x.mon"
    write_mon(file, 20_000, seed=1, days=1, over_share=0.9)
    events = tmp_path / "events.jsonl"
    with no_file_larger_than(limit_bytes), pytest.raises(CitywatchError, match="disk") as raised:
        replay([file], LAW, data_dir=tmp_path / "data", now_ns=0, events=events)
    assert isinstance(raised.value, OutsideError | ConfigurationError)
    assert "\n" not in str(raised.value)
    assert not events.exists()
    assert list(tmp_path.glob("*.unfinished")) == []
    assert list((tmp_path / "data/recordings").iterdir()) == []
    assert replay([file], LAW, data_dir=tmp_path / "data", now_ns=0, events=events).passes == 20_000


KILLED = """
import sys
from pathlib import Path
from citywatch.flow.replay import replay
from citywatch.laws import load

folder = Path(sys.argv[1])
print("begun", flush=True)
replay([folder / "pipe"], load("cn-gross"), data_dir=folder / "data", now_ns=0, events=folder / "e.jsonl")
"""


def test_a_killed_replay_leaves_no_half_file_and_is_swept(tmp_path):
    """Killed in the middle of reading, with a live neighbour whose recording is left alone."""
    file = tmp_path / "x.mon"
    write_mon(file, 5_000, seed=1)
    content = file.read_bytes()
    for name in ("dies", "lives"):
        (tmp_path / name).mkdir()
        os.mkfifo(tmp_path / name / "pipe")
    (tmp_path / "lives" / "data").symlink_to(tmp_path / "dies")
    (tmp_path / "dies" / "recordings").mkdir()
    (tmp_path / "dies" / "data").symlink_to(tmp_path / "dies")
    (tmp_path / "dies" / "e.jsonl").write_text("old\n")

    def start(name):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / name)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"begun\n"
        pipe = open(tmp_path / name / "pipe", "wb", buffering=0)  # noqa: SIM115
        pipe.write(content[:60_000])
        return process, pipe

    def recordings_there():
        return sorted(path.name for path in (tmp_path / "dies/recordings").iterdir())

    def wait_for(count):
        deadline = time.monotonic() + 60
        while sum((tmp_path / "dies/recordings" / n / "index.sqlite").exists() for n in recordings_there()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)  # polls, with a deadline

    dies, dead_pipe = start("dies")
    wait_for(1)
    lives, pipe = start("lives")
    wait_for(2)
    os.kill(dies.pid, signal.SIGKILL)
    dies.wait()
    dies.stdout.close()
    dead_pipe.close()
    assert (tmp_path / "dies" / "e.jsonl").read_text() == "old\n"
    assert recordings_there() == ["000001-pipe", "000002-pipe"]

    summary = replay([file], LAW, data_dir=tmp_path / "dies", now_ns=0)
    assert summary.recording == "000003-x.mon"
    assert recordings_there() == ["000002-pipe", "000003-x.mon"]
    pipe.write(content[60_000:])
    pipe.close()
    assert lives.wait(timeout=60) == 0
    lives.stdout.close()
    assert rerun(tmp_path / "dies", LAW, recording="2").passes == 5_000
