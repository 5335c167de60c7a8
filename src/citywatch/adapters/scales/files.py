"""Vehicle records from files of the scale's vendor, read from front to back."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from pathlib import Path

from citywatch.errors import ConfigurationError, OutsideError

BLOCK_BYTES = 4 * 1024 * 1024

_WHY = {
    errno.ENOENT: "there is no such file; check the path",
    errno.EISDIR: "this is a directory; name the files in it",
    errno.EACCES: "this user may not read it; change its permissions",
}


class RecordFile:
    """One file of records. ConfigurationError, in one sentence, when it cannot be opened or read."""

    def __init__(self, path: Path) -> None:
        """A regular file is opened and read at once, so that a wrong path is known before the work.

        A pipe is left alone until its blocks are asked for: it can be opened only once.
        """
        self.path = path
        self.size_bytes = 0
        """0 for a pipe, whose length nobody knows."""
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
                with path.open("rb", buffering=0) as file:
                    file.read(1)
                self.size_bytes = status.st_size
        except OSError as error:
            why = _WHY.get(error.errno or 0, f"it cannot be read ({error.strerror})")
            raise ConfigurationError(f"{path}: {why}") from error
        except ValueError as error:
            raise ConfigurationError(f"{str(path)!r}: this is no path of a file") from error

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[memoryview]:
        """The bytes, in blocks of at most `block_bytes`; a block is overwritten when the next is asked for."""
        buffer = memoryview(bytearray(block_bytes))
        try:
            with self.path.open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    yield buffer[:count]
        except OSError as error:
            raise OutsideError(
                "unreadable", f"{self.path}: reading failed ({error.strerror}); check the disk it is on", retry=True
            ) from error
