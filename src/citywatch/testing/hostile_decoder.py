"""A decoder process with a hole in it: a picture that says so makes it crash, hang, leak, swell or babble.

It is the real worker (adapters/cameras/worker.py) in all else; no coded picture is known that does these things to the
libraries of today, and tomorrow's will come without a notice. What a picture does stands in it as plain text: see
`spell`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from typing import Any, Literal

Harm = Literal["crash", "hang", "leak", "swell", "babble"]
"""End by SIGSEGV; go on for ever; keep some memory of every visit; take all at once; answer nonsense without an end."""

_SPELL = b"citywatch-harm:"
_LEAK_BYTES = 60_000_000
_SWELL_BYTES = 40_000_000
_kept: list[bytearray] = []


def spell(jpeg: bytes, harm: Harm) -> bytes:
    """The JPEG with a comment in it that does the harm."""
    comment = _SPELL + harm.encode() + b";"
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _suffer(content: bytes) -> None:
    _, found, rest = content[:200].partition(_SPELL)
    harm = rest.partition(b";")[0].decode() if found else ""
    if harm == "crash":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif harm == "hang":
        while True:
            pass
    elif harm == "leak":
        _kept.append(bytearray(os.urandom(1) * _LEAK_BYTES))
    elif harm == "swell":
        while True:
            _kept.append(bytearray(os.urandom(1) * _SWELL_BYTES))
    elif harm == "babble":
        pipes = [fd for fd in range(3, 64) if _is_pipe(fd)]
        while True:
            for pipe in pipes:
                with contextlib.suppress(OSError):  # the other end of one is what it is given
                    os.write(pipe, b"\xff" * 65_536)


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def main() -> None:
    """Run as `python -m citywatch.testing.hostile_decoder` in the place of the worker."""
    from citywatch.adapters.cameras import worker  # noqa: PLC0415
    from citywatch.adapters.cameras.examiner import Examiner  # noqa: PLC0415

    sound = Examiner.visit

    def visit(self: Examiner, task: Any, content: bytes) -> Any:
        _suffer(content)
        return sound(self, task, content)

    Examiner.visit = visit  # type: ignore[method-assign]
    worker.main()


if __name__ == "__main__":
    main()
