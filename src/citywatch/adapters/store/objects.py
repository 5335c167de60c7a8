"""Content-addressed objects in a directory: pictures now, clips and raw strips later.

    ROOT/unpinned/ab/ab12...   what may be needed; the oldest give way when the quota is full
    ROOT/pinned/ab/ab12...     evidence; fsynced, with a quota of its own
    ROOT/tmp/                  files being written; each is locked by its writer
    ROOT/usage, ROOT/lock      bytes in both areas, and the lock over whatever changes them

The name of an object is its BLAKE2b-256 in hexadecimal digits. Any number of processes may put, get and pin at
once: a file appears whole by a rename, the sums are kept under one file lock, and a file that was cut by a crash or
changed on disk is found out by its name and never handed on.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from citywatch.errors import DataError, OutsideError
from citywatch.ports import Meter

_NAME = re.compile(r"[0-9a-f]{64}")
_USAGE = struct.Struct("<qq")
_SLACK = 16
"""An area over its quota is emptied by a sixteenth more, so that not every put has to look for the oldest."""


def object_name(content: bytes) -> str:
    """BLAKE2b-256 of the content, 64 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=32).hexdigest()


@dataclass(slots=True)
class _Usage:
    unpinned: int
    pinned: int


class DirectoryObjects:
    """ports.Objects in a directory. Thread-safe and process-safe.

    `unpinned_quota_bytes`, `pinned_quota_bytes`: the most that each area holds; above it the objects that were put
    (or pinned) longest ago are dropped and counted in `objects_dropped_total` by area. An object whose bytes no
    longer match its name is dropped too, as area "damaged".
    Raises OutsideError when the file system fails (reason disk_full when it is full).
    """

    def __init__(self, root: Path, unpinned_quota_bytes: int, pinned_quota_bytes: int, meter: Meter) -> None:
        if min(unpinned_quota_bytes, pinned_quota_bytes) <= 0:
            raise ValueError("object store: both quotas must be above 0 bytes")
        self._areas = {"unpinned": root / "unpinned", "pinned": root / "pinned"}
        self._quotas = {"unpinned": unpinned_quota_bytes, "pinned": pinned_quota_bytes}
        self._tmp = root / "tmp"
        self._lock_path = root / "lock"
        self._usage_path = root / "usage"
        self._meter = meter
        with _failures():
            for directory in (*self._areas.values(), self._tmp):
                directory.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes) -> str:
        """Keep the bytes; returns their name. Not fsynced: after a power failure a young object may be gone."""
        if len(content) > self._quotas["unpinned"]:
            raise DataError(f"object of {len(content)} bytes is larger than the store's quota")
        name = object_name(content)
        with _failures():
            if self._touch(name):
                return name
            with self._temporary() as (tmp, descriptor):
                _write(descriptor, content)
                with self._locked() as usage:
                    target = self._path("unpinned", name)
                    if not target.exists():
                        target.parent.mkdir(exist_ok=True)
                        usage.unpinned += len(content)
                        tmp.rename(target)
                        if usage.unpinned > self._quotas["unpinned"]:
                            self._evict("unpinned", usage, keep=name)
        return name

    def get(self, name: str) -> bytes | None:
        """The bytes, or None when there is no such object (or only a damaged one)."""
        if not _NAME.fullmatch(name):
            return None
        # Twice, because a pin may move the file between the two looks.
        for area in ("unpinned", "pinned", "unpinned", "pinned"):
            path = self._path(area, name)
            with _failures():
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    continue
                if object_name(content) == name:
                    return content
                self._drop_damaged(area, name)
        return None

    def pin(self, name: str) -> bool:
        """Move the object to the evidence, on disk when this returns. False when it is gone."""
        if not _NAME.fullmatch(name):
            return False
        source, target = self._path("unpinned", name), self._path("pinned", name)
        with _failures(), self._locked() as usage:
            if target.exists():
                return True
            try:
                descriptor = os.open(source, os.O_RDONLY)
            except FileNotFoundError:
                return False
            try:
                size = os.fstat(descriptor).st_size
                if size > self._quotas["pinned"]:
                    self._meter.count("objects_dropped_total", area="pinned")
                    return False
                with open(descriptor, "rb", closefd=False) as file:
                    sound = object_name(file.read()) == name
                if not sound:
                    source.unlink()
                    usage.unpinned -= size
                    self._meter.count("objects_dropped_total", area="damaged")
                    return False
                os.utime(descriptor)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            target.parent.mkdir(exist_ok=True)
            source.rename(target)
            for directory in (target.parent, target.parent.parent, source.parent):
                _fsync_directory(directory)
            usage.unpinned -= size
            usage.pinned += size
            if usage.pinned > self._quotas["pinned"]:
                self._evict("pinned", usage, keep=name)
        return True

    def release(self, name: str) -> bool:
        """Take the object back among the unpinned, where it is the youngest. False when it is not pinned."""
        if not _NAME.fullmatch(name):
            return False
        source, target = self._path("pinned", name), self._path("unpinned", name)
        with _failures(), self._locked() as usage:
            try:
                size = source.stat().st_size
            except FileNotFoundError:
                return False
            os.utime(source)
            target.parent.mkdir(exist_ok=True)
            source.rename(target)
            usage.pinned -= size
            usage.unpinned += size
            if usage.unpinned > self._quotas["unpinned"]:
                self._evict("unpinned", usage, keep="")
        return True

    def sweep(self) -> int:
        """Remove what writers that died left behind and count both areas anew. Returns how many files went."""
        swept = 0
        with _failures():
            for tmp in self._tmp.iterdir():
                try:
                    descriptor = os.open(tmp, os.O_RDONLY)
                except FileNotFoundError:
                    continue
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    tmp.unlink(missing_ok=True)
                    swept += 1
                except BlockingIOError:
                    continue  # its writer lives
                finally:
                    os.close(descriptor)
            with self._locked() as usage:
                usage.unpinned = sum(size for _, _, size in self._files("unpinned"))
                usage.pinned = sum(size for _, _, size in self._files("pinned"))
                for area in self._areas:
                    if self._used(usage, area) > self._quotas[area]:
                        self._evict(area, usage, keep="")
        return swept

    def usage_bytes(self) -> dict[str, int]:
        """Bytes held, by area."""
        with _failures(), self._locked() as usage:
            return {"unpinned": usage.unpinned, "pinned": usage.pinned}

    def _path(self, area: str, name: str) -> Path:
        return self._areas[area] / name[:2] / name

    def _touch(self, name: str) -> bool:
        """True when the object is there already; an unpinned one becomes young again."""
        if self._path("pinned", name).exists():
            return True
        try:
            os.utime(self._path("unpinned", name))
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[tuple[Path, int]]:
        """A locked, empty file in tmp/; removed at the end if it is still there."""
        while True:
            path = self._tmp / f"{os.getpid()}-{secrets.token_hex(8)}"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                break
            os.close(descriptor)  # a sweep took it between the two calls
        try:
            yield path, descriptor
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_Usage]:
        """The sums, alone. A new descriptor each time, so that threads exclude each other as processes do."""
        lock = os.open(self._lock_path, os.O_CREAT | os.O_RDWR, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            usage = self._read_usage()
            try:
                yield usage
            finally:
                with open(self._usage_path, "r+b" if self._usage_path.exists() else "w+b") as file:
                    file.write(_USAGE.pack(usage.unpinned, usage.pinned))
        finally:
            os.close(lock)

    def _read_usage(self) -> _Usage:
        try:
            return _Usage(*_USAGE.unpack(self._usage_path.read_bytes()))
        except (FileNotFoundError, struct.error):
            return _Usage(*(sum(size for _, _, size in self._files(area)) for area in ("unpinned", "pinned")))

    @staticmethod
    def _used(usage: _Usage, area: str) -> int:
        return usage.unpinned if area == "unpinned" else usage.pinned

    def _files(self, area: str) -> Iterator[tuple[int, str, int]]:
        """(modified_ns, name, bytes) of every object of an area."""
        for directory in self._areas[area].iterdir():
            with os.scandir(directory) as entries:
                for entry in entries:
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        continue
                    yield status.st_mtime_ns, entry.name, status.st_size

    def _evict(self, area: str, usage: _Usage, keep: str) -> None:
        """Drop the oldest until the area is a slack below its quota. The sums are taken from the files themselves."""
        files = sorted(self._files(area))
        held = sum(size for _, _, size in files)
        goal = self._quotas[area] - self._quotas[area] // _SLACK
        for _, name, size in files:
            if held <= goal:
                break
            if name == keep:
                continue
            self._path(area, name).unlink(missing_ok=True)
            held -= size
            self._meter.count("objects_dropped_total", area=area)
        if area == "unpinned":
            usage.unpinned = held
        else:
            usage.pinned = held

    def _drop_damaged(self, area: str, name: str) -> None:
        path = self._path(area, name)
        with self._locked() as usage:
            try:
                content = path.read_bytes()
                if object_name(content) == name:
                    return  # written again in the meantime
                path.unlink()
            except FileNotFoundError:
                return
            if area == "unpinned":
                usage.unpinned -= len(content)
            else:
                usage.pinned -= len(content)
            self._meter.count("objects_dropped_total", area="damaged")


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        raise OutsideError(
            "disk_full" if full else "object_store",
            f"object store: {error.strerror or error}" + ("; free space on its disk" if full else ""),
            retry=True,
        ) from error


_FULL = frozenset({28, 122})  # ENOSPC, EDQUOT
