"""A decoder process: `python -m citywatch.adapters.cameras.worker`, started and guarded by pool.DecoderPool.

It reads tasks from its standard input, one at a time, and answers each on its standard output. It holds no truth
(positions and previous pictures are handed in), no password and no socket. What it guards itself against: more data
than RLIMIT_DATA, more pixels than allowed, core files, and outliving the process that started it. Time, resident
memory and age are watched from outside.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import sys
from typing import BinaryIO

from citywatch.adapters.cameras.pipe import BEGUN, HEAD, Report, Settings, Task, pack, unpack_json

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    tasks, answers = _take_streams()
    head = _read(tasks, HEAD.size)
    if not head:
        return
    settings = Settings(**unpack_json(_read(tasks, HEAD.unpack(head)[0])))
    _confine(settings)
    # The heavy libraries come only now: they see the limits and the number of threads that was set for them.
    from citywatch.adapters.cameras.examiner import Examiner  # noqa: PLC0415

    examiner = Examiner(settings)
    answers.write(pack(Report(0, "ready")))
    answers.flush()
    while head := _read(tasks, HEAD.size):
        json_length, blob_length = HEAD.unpack(head)
        task = Task(**unpack_json(_read(tasks, json_length)))
        content = _read(tasks, blob_length)
        answers.write(BEGUN)  # from here on it is the picture that we may die of
        answers.flush()
        answers.write(pack(examiner.visit(task, content)))
        answers.flush()


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes for us alone: what a library prints goes to standard error and cannot break a message."""
    tasks = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return tasks, answers


def _confine(settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pool's to answer
    faulthandler.enable(sys.stderr)
    resource.setrlimit(resource.RLIMIT_DATA, (settings.data_limit_bytes, settings.data_limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(settings.niceness)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != settings.parent:
            os._exit(1)  # it died before the signal was ordered


def _read(tasks: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes; empty when the pool has closed the pipe."""
    data = tasks.read(size)
    if len(data) < size:
        return b""
    return data


if __name__ == "__main__":
    main()
