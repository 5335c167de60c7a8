"""Acknowledged means on disk: seen in a trace of the server's system calls."""

import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest
import redis
from log_kit import event, needs, ticks, traced, until

from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.ports import ORIGIN, Commit

_CALL = re.compile(r"^\d+ +(\w+)\(\d+<(.*?)>")
_READS = ("read", "recvfrom", "recvmsg")
_WRITES = ("write", "writev", "pwrite64", "sendto", "sendmsg")
_SYNCS = ("fsync", "fdatasync")


@contextmanager
def trace_of(pid, path):
    """Follow the server's reads, writes and syncs."""
    strace = shutil.which("strace")
    needs(strace, "strace is missing: apt-get install strace")
    calls = "trace=" + ",".join(_READS + _WRITES + _SYNCS)
    command = [strace, "-f", "-qq", "-y", "-s", "64", "-p", str(pid), "-e", calls, "-o", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        until(lambda: tracer.poll() is not None or traced(pid), what="strace")
        if tracer.poll() is not None:
            needs(False, f"strace cannot attach here: {tracer.stderr.read()[:200]}")
        try:
            yield
        finally:
            tracer.terminate()
            tracer.wait(10)


def replies(path):
    """For each script that was asked for, in order: had its effects been synced when its answer was written?"""
    asked, written, synced = False, False, False
    found = []
    for line in path.read_text().splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        call, file = match.groups()
        is_aof = file.endswith(".aof")
        if call in _READS and "EVALSHA" in line:
            asked, written, synced = True, False, False
        elif call in _WRITES and is_aof:
            written, synced = True, False
        elif call in _SYNCS and is_aof and line.endswith(" = 0"):
            synced = written
        elif call in _WRITES and asked:
            found.append(synced)
            asked = False
    return found


@pytest.mark.parametrize(("setting", "kept"), [("always", True), ("everysec", False)])
def test_an_answer_is_written_after_the_sync(own_server, tmp_path, setting, kept):
    """`everysec` is the check of the check: there the trace must show answers ahead of the disk."""
    log = RedisLog(own_server.url, 2)
    epoch = log.open_producer("door")
    # Whole rounds first, so that the server holds the scripts and the connection stands.
    log.append(0, ticks(1), producer="door", epoch=epoch, sequence=1)
    at = log.read({0: ORIGIN}, most=1, block_ms=0)[0][0].position
    log.commit(0, Commit(ORIGIN, at))
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("appendfsync", setting)
    with trace_of(own_server.pid, tmp_path / "trace"):
        for number in range(2, 12):
            log.append(0, ticks(*range(number * 100)), producer="door", epoch=epoch, sequence=number)
        appends = 10
        for position in [entry.position for entry in log.read({0: at}, most=10, block_ms=0)[0]]:
            log.commit(0, Commit(at, position, {"a": b"1"}, [event(1)]))
            at = position
    seen = replies(tmp_path / "trace")
    assert len(seen) == appends + 10, (tmp_path / "trace").read_text()[:3000]
    if kept:
        assert all(seen[:appends]), "an append was answered before it was on disk"
        assert all(seen[appends:]), "a commit was answered before it was on disk"
    else:
        assert not all(seen)
    log.close()
