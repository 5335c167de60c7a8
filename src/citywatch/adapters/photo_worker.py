"""One foreign picture decoded, made small and written anew: `python -m citywatch.adapters.photo_worker`.

Started by photos.PhotoRoom for one picture each, which it survives or not: whatever a crafted file does to a decoder is
done to this process. Standard input: one line of JSON (`most_side`, `reduce`, `quality`, `data_limit_bytes`,
`cpu_seconds`), then the picture. Standard output: one line of JSON (`width`, `height`, or `refused`), then the new
picture as JPEG. Only pixels go across: no place, no name, no serial number of a phone.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    told = json.loads(sys.stdin.buffer.readline())
    _confine(told["data_limit_bytes"], told["cpu_seconds"])
    content = sys.stdin.buffer.read()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to standard error
    head, picture = _recoded(content, told["most_side"], told["reduce"], told["quality"])
    answers.write(json.dumps(head).encode() + b"\n" + picture)
    answers.flush()


def _recoded(content: bytes, most_side: int, reduce: int, quality: int) -> tuple[dict[str, object], bytes]:
    # Heavy, and only now: it sees the limits.
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    cv2.setNumThreads(1)
    flags = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), flags[reduce])
        if picture is None or not picture.size:
            return {"refused": "not_a_picture"}, b""
        height, width = picture.shape[:2]
        share = most_side / max(height, width)
        if share < 1:
            size = (max(round(width * share), 1), max(round(height * share), 1))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        _, written = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:
        return {"refused": "not_a_picture"}, b""
    return {"width": picture.shape[1], "height": picture.shape[0]}, written.tobytes()


def _confine(data_limit_bytes: int, cpu_seconds: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (data_limit_bytes, data_limit_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.nice(5)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main()
