"""The end of a server's append-only file after a crash.

What one script wrote stands in the file as one transaction, `MULTI ... EXEC`. When a crash cuts it short, every
server of the family leaves it out when it reads the file. But Redis 7.0 (and others of its age) then cuts the file
behind the last whole command *inside* the transaction: its MULTI stays open, the next transaction is written behind
it, and its EXEC brings to life, at the following start, what nobody was told had counted. So we cut the open
transaction off ourselves, before any server reads the file.
"""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path

_MULTI = b"*1\r\n$5\r\nMULTI\r\n"
_EXEC = b"*1\r\n$4\r\nEXEC\r\n"
_PART = re.compile(r"\.(\d+)\.incr\.aof$")


def cut_open_transaction(files: Path) -> int:
    """Cut a transaction without end off the file that was written last. Returns how many bytes were cut.

    Only the increments of Redis 7 and Valkey, which hold nothing but commands: there each MULTI is followed by its
    EXEC, except for one that was being written. (Text inside a reading that looks like a MULTI is followed by the EXEC
    of the reading's own transaction.)
    """
    parts = [(int(match[1]), path) for path in files.glob("*/*.incr.aof") if (match := _PART.search(path.name))]
    if not parts:
        return 0
    with open(max(parts)[1], "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            begin, end = content.rfind(_MULTI), content.rfind(_EXEC)
        if begin <= end:
            return 0
        file.truncate(begin)
        os.fsync(file.fileno())
    return size - begin
