"""Files that are whole or not there: written under another name, fsynced, renamed. The disk's errors in our words."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from citywatch.errors import ConfigurationError, OutsideError

UNFINISHED = ".unfinished"
"""What a file's name ends with until it is whole."""


@contextmanager
def disk_words(path: Path) -> Iterator[None]:
    """OSError of writing near `path` as OutsideError: `disk_full` or `disk_error`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutsideError(
                "disk_full", f"{path}: the disk is full; free some space or choose another place", retry=True
            ) from error
        raise OutsideError("disk_error", f"{path}: cannot be written: {error.strerror or error}", retry=True) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory last."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class WholeFile:
    """One file that a user asked for. `commit` puts it in its place; without that nothing of it stays.

    Something other than a regular file (a terminal, a pipe, /dev/null) is written straight on.
    """

    def __init__(self, target: Path, what: str) -> None:
        """Opens at once, so that a wrong path is known before the work: ConfigurationError. `what` names its use."""
        self.target = target.resolve()
        self._direct = is_special(self.target)
        self._path = self.target if self._direct else self.target.with_name(self.target.name + UNFINISHED)
        try:
            if self.target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self.file: BinaryIO = self._path.open("wb", buffering=1 << 20)
        except OSError as error:
            raise ConfigurationError(
                f"{what} {target}: cannot be written ({error.strerror}); name a file in a directory of yours"
            ) from error

    def commit(self) -> None:
        """The file is whole: on disk, under its name. OutsideError when the disk fails."""
        with disk_words(self.target):
            self.file.flush()
            if not self._direct:
                os.fsync(self.file.fileno())
            self.file.close()
            if not self._direct:
                self._path.replace(self.target)
                sync_directory(self.target.parent)

    def discard(self) -> None:
        """Leave nothing behind; after `commit` this does nothing."""
        with suppress(OSError):
            self.file.close()
        if not self._direct:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.discard()


def is_special(path: Path) -> bool:
    """Something there that is neither a regular file nor a directory: it cannot be replaced by renaming."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
