"""The log server of our own: started, guarded and stopped by the supervisor, reached by a private unix socket.

Inside `directory` (one server, one directory):

    server.json   name and version of the server that writes the files (another one is refused)
    server.conf   the whole configuration, written by us at every start
    server.log    what the server said; bounded, the part before in server.log.1
    running.json  pid and socket of the server while one runs
    lock          held by the supervisor: a second start on the directory is refused
    server.lock   handed down to the server: held as long as it, or a rewriting child of it, lives
    files/        the server's append-only files
    log.sock      its socket, unless this path is too long for the system; then a private temporary directory holds it

**A server may outlive its supervisor.** When the supervisor is killed the server goes on, holding only what is on
disk already; nobody new can reach its data but through the socket in this private directory. The next start finds
it by `server.lock` (no pid is trusted alone), stops it cleanly and starts its own child, so that there is one way
to run. Tying the server's life to its parent's is not done: Linux ties it to the parent's *thread*, other systems
not at all, and a log that is killed with its readers helps nobody.

A record that a crash cut short is left out, as a whole, and is reported; it was never acknowledged (see tail.py).

Disk full: under `appendfsync always` the server ends itself rather than acknowledge what it could not write.
`ensure` starts it again when it can; until then appends answer LogUnavailable and `why` says what is wrong.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis

from citywatch.adapters.log.binary import ServerBinary, check_record, find_server, replace_file, write_record
from citywatch.adapters.log.client import connect
from citywatch.adapters.log.tail import cut_open_transaction
from citywatch.errors import CitywatchError, ConfigurationError, DataDirError, LogUnavailable

_log = logging.getLogger(__name__)

# sun_path holds 108 bytes on Linux, 104 elsewhere, the closing zero included.
_LONGEST_SOCKET_PATH = 103
_LOG_BYTES = 1 << 20
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0
_STEADY_S = 60.0

_SETTINGS = """\
# Written by Citywatch at every start; changes made here are lost.
port 0
bind 127.0.0.1
protected-mode yes
unixsocket {socket}
unixsocketperm 700
dir {files}
daemonize no
set-proc-title no
databases 1
loglevel notice
logfile ""
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-use-rdb-preamble yes
aof-load-truncated yes
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
save ""
maxmemory {memory_bytes}
maxmemory-policy noeviction
"""

# What the server says before it gives up, and what that means to the one who reads our message.
_LAST_WORDS = (
    ("No space left on device", LogUnavailable, "the disk that holds {directory} is full: free space there"),
    ("Disk quota exceeded", LogUnavailable, "the disk quota for {directory} is used up: free space there"),
    ("Read-only file system", LogUnavailable, "the disk that holds {directory} is read-only"),
    ("Permission denied", ConfigurationError, "{directory} is not writable: give it to the user who runs Citywatch"),
    ("Can't handle RDB format", DataDirError, "{directory} was written by a newer server: start with that one"),
    (
        "Bad file format reading the append only file",
        DataDirError,
        "the log's files in {directory} are damaged before their end, beyond what a crash can do: "
        "restore them from a backup, or start with an empty data directory",
    ),
    ("Cannot allocate memory", LogUnavailable, "the machine has no memory left for it"),
)


class EmbeddedServer:
    """Starts, guards and stops a log server in `directory`, which is made when missing.

    `memory_bytes` bounds what the log may hold (appends answer LogFull beyond it; nothing is evicted).
    Not for several threads at once, `url`, `pid` and `why` excepted.
    """

    def __init__(
        self,
        directory: Path,
        *,
        binary: ServerBinary | None = None,
        memory_bytes: int = 1 << 30,
        start_seconds: float = 20.0,
        load_seconds: float = 900.0,
        stop_seconds: float = 20.0,
    ) -> None:
        self._directory = Path(os.path.abspath(directory))
        self._binary = binary
        self._memory_bytes = memory_bytes
        self._start_seconds = start_seconds
        self._load_seconds = load_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._locks: list[int] = []
        self._socket = ""
        self._pause_s = _FIRST_PAUSE_S
        self._next_try = 0.0
        self._started_at = 0.0
        self._begin = 0
        self.restarts = 0
        """How often the server died and was started again."""
        self.why = ""
        """Why the server is not running, in words; empty while it is."""

    @property
    def url(self) -> str:
        """For RedisLog; the same after a restart."""
        if not self._socket:
            raise RuntimeError("the log server has not been started")
        return f"unix://{quote(self._socket)}?db=0"

    @property
    def pid(self) -> int | None:
        """The server's process id while it lives."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def server(self) -> ServerBinary:
        """What is run; found on first use. ConfigurationError when there is none."""
        if self._binary is None:
            self._binary = find_server()
        return self._binary

    # --- starting

    def start(self) -> Self:
        """Start the server and wait until it answers.

        Raises ConfigurationError (no server, directory not writable or in use), DataDirError (another server's
        files), LogUnavailable (it would not start: disk full, no answer in time).
        """
        if self._locks:
            raise RuntimeError("the log server has been started already")
        binary = self.server
        try:
            with self._filesystem():
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._directory.chmod(0o700)
                self._take_lock("lock", "another Citywatch is running on {directory}: stop it, or name another one")
                if self._has_data():
                    check_record(self._path("server.json"), binary, self._directory)
                self._stop_stray()
                self._sweep()
                write_record(self._path("server.json"), binary)
                self._socket = self._choose_socket()
            self._launch()
        except BaseException:
            self._kill()
            self._forget()
            raise
        return self

    def ensure(self) -> bool:
        """True when the server runs. When it died it is started again, at growing intervals; `why` says what failed.

        Call it every second or so. A restart blocks until the server has read its files.
        """
        if not self._locks:
            raise RuntimeError("the log server has not been started")
        now = time.monotonic()
        if self.pid is not None:
            if now - self._started_at > _STEADY_S:
                self._pause_s = _FIRST_PAUSE_S
            self._bound_log()
            return True
        if not self.why:
            self.why = self._last_words("it died")[1]
            _log.error("log server died: %s", self.why)
        if now < self._next_try:
            return False
        self._next_try = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        try:
            self._launch()
        except CitywatchError as error:
            self._kill()
            self.why = str(error)
            self._next_try = time.monotonic() + self._pause_s
            _log.error("log server was not restarted: %s", error)
            return False
        self.restarts += 1
        _log.warning("log server was restarted")
        return True

    def _launch(self) -> None:
        with self._filesystem():
            self._bound_log()
            files = self._path("files")
            files.mkdir(mode=0o700, exist_ok=True)
            cut = cut_open_transaction(files)
            if cut:
                _log.warning("the log's last record had been cut off in a crash and was left out (%d bytes)", cut)
            conf = self._path("server.conf")
            replace_file(
                conf,
                _SETTINGS.format(
                    socket=_quoted(self._socket), files=_quoted(str(files)), memory_bytes=self._memory_bytes
                ),
            )
            self._begin = self._log_size()
            # Written before there is a pid: whoever comes after us must find the socket in any case.
            self._note_running(0)
            with open(self._path("server.log"), "ab", opener=_private) as output:
                # A session of its own: Ctrl-C in a terminal reaches us, and we stop it last.
                self._process = subprocess.Popen(  # noqa: S603
                    [self.server.path, str(conf)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self._directory,
                    env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                    pass_fds=self._locks[1:],
                    start_new_session=True,
                )
            self._note_running(self._process.pid)
        self._await_answer(self._process)
        self._started_at = time.monotonic()
        self.why = ""

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        start = time.monotonic()
        limit = self._start_seconds
        while time.monotonic() - start < limit:
            if process.poll() is not None:
                kind, words = self._last_words("it ended at once")
                raise kind(f"log server: {words}")
            try:
                with connect(self.url, 2.0) as client:
                    client.ping()
                return
            except redis.exceptions.BusyLoadingError:
                limit = self._load_seconds
            except redis.exceptions.RedisError:
                pass
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
        raise LogUnavailable(f"log server: no answer within {limit:.0f} s; see {self._path('server.log')}")

    def _choose_socket(self) -> str:
        """A path the system can take, in a directory that only we can enter."""
        near = self._path("log.sock")
        if len(os.fsencode(near)) <= _LONGEST_SOCKET_PATH:
            return str(near)
        for parent in (None, "/tmp"):  # noqa: S108  (mkdtemp makes a directory of our own in it, mode 0700)
            folder = tempfile.mkdtemp(prefix="citywatch-", dir=parent)
            if len(os.fsencode(folder)) + len("/log.sock") <= _LONGEST_SOCKET_PATH:
                return str(Path(folder, "log.sock"))
            os.rmdir(folder)
        raise ConfigurationError(
            f"{self._directory} and TMPDIR are too long for a socket: use a shorter data directory"
        )

    # --- stopping

    def stop(self) -> None:
        """Stop the server: asked first, then told, then killed, each with its deadline. May be called twice."""
        process = self._process
        if process is not None and process.poll() is None:
            _shut_down(self._socket)
            try:
                process.wait(self._stop_seconds / 2)
            except subprocess.TimeoutExpired:
                process.terminate()
                try:
                    process.wait(self._stop_seconds / 2)
                except subprocess.TimeoutExpired:
                    _log.error("log server %d did not stop and was killed", process.pid)
        self._kill()
        self._forget()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _forget(self) -> None:
        if self._locks and self._socket:
            self._path("running.json").unlink(missing_ok=True)
            _remove_socket(self._socket, self._directory)
        for lock in self._locks:
            os.close(lock)
        self._locks = []
        self._socket = ""

    # --- what a start finds

    def _take_lock(self, name: str, refusal: str) -> None:
        lock = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigurationError(refusal.format(directory=self._directory)) from None
        self._locks.append(lock)

    def _stop_stray(self) -> None:
        """Stop a server that outlived its supervisor, then hold `server.lock` ourselves."""
        pid, path = self._running()
        steps = iter(
            (
                lambda: _shut_down(path),
                lambda: self._signal(pid, signal.SIGTERM),
                lambda: self._signal(pid, signal.SIGKILL),
            )
        )
        now = time.monotonic()
        deadline, next_step, asked = now + self._stop_seconds, now, False
        while True:
            try:
                self._take_lock("server.lock", "{directory} is held by a log server that does not stop: end it first")
                break
            except ConfigurationError:
                now = time.monotonic()
                if now > deadline:
                    raise
                if path and now >= next_step:
                    next_step = now + self._stop_seconds / 4
                    asked = True
                    next(steps, lambda: None)()
            time.sleep(0.01)
        if asked:
            _log.warning("stopped log server %d, which had outlived its supervisor", pid)
        if path:
            _remove_socket(path, self._directory)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        """Only to a process that was started with our configuration file: a pid may have passed to another one."""
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if os.fsencode(self._path("server.conf")) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                os.kill(pid, number)

    def _note_running(self, pid: int) -> None:
        replace_file(self._path("running.json"), json.dumps({"pid": pid, "socket": self._socket}) + "\n")

    def _running(self) -> tuple[int, str]:
        try:
            running = json.loads(self._path("running.json").read_text("utf-8"))
            return int(running["pid"]), str(running["socket"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0, ""

    def _has_data(self) -> bool:
        try:
            return any(self._path("files").iterdir())
        except FileNotFoundError:
            return False

    def _sweep(self) -> None:
        """Remove what a killed rewrite left behind; no server runs here now."""
        for pattern in ("temp-*.aof", "temp-*.rdb", "*/temp-*.aof", "*/temp-*.rdb"):
            for path in self._path("files").glob(pattern):
                path.unlink()

    # --- small parts

    def _path(self, name: str) -> Path:
        return self._directory / name

    def _log_size(self) -> int:
        try:
            return self._path("server.log").stat().st_size
        except FileNotFoundError:
            return 0

    def _bound_log(self) -> None:
        """Keep at most two parts. The server appends, so emptying the file under it is safe."""
        if self._log_size() > _LOG_BYTES:
            with suppress(OSError):  # On a full disk the old words give way.
                shutil.copyfile(self._path("server.log"), self._path("server.log.1"))
            os.truncate(self._path("server.log"), 0)
            self._begin = 0

    def _said(self) -> str:
        """What the server of this launch said, its last 64 KiB."""
        try:
            with open(self._path("server.log"), "rb") as file:
                file.seek(max(self._begin, self._log_size() - 65_536))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def _last_words(self, otherwise: str) -> tuple[type[CitywatchError], str]:
        lines = self._said().splitlines()[-40:]
        for line in reversed(lines):
            for words, kind, meaning in _LAST_WORDS:
                if words in line:
                    return kind, meaning.format(directory=self._directory)
        return LogUnavailable, f"{otherwise} ({lines[-1][:200] if lines else 'without a word'})"

    @contextmanager
    def _filesystem(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise LogUnavailable(f"the disk that holds {self._directory} is full: free space there") from error
            raise ConfigurationError(
                f"log directory {self._directory} cannot be used: {error.strerror or error}; "
                "give it to the user who runs Citywatch, or name another one"
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _quoted(text: str) -> str:
    """A value of the server's configuration file: in quotes, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _shut_down(path: str) -> None:
    """Ask the server at `path` to end. Its files are complete at every moment, so there is nothing to save."""
    # When it does not listen, the next and harder step follows.
    with suppress(redis.exceptions.RedisError), connect(f"unix://{quote(path)}", 2.0) as client:
        client.shutdown(nosave=True)


def _remove_socket(path: str, directory: Path) -> None:
    """Remove a socket of ours, and the temporary directory made for it."""
    folder = Path(path).parent
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    if folder != directory and folder.name.startswith("citywatch-"):
        with suppress(OSError):  # It is gone, or holds what is not ours.
            folder.rmdir()
