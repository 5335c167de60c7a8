"""Photos from outside made ours: bounded, decoded in a process of their own, written anew without what phones add.

Fulfils ports.Photos.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

from citywatch.errors import OutsideError, RecordRefused
from citywatch.ports import Meter, Photo
from citywatch.wire.photo_head import photo_head

MOST_MEGAPIXELS = 64
"""Phones of today take 12 to 50 million pixels; a few take more, and can be told to take less."""
_QUALITY = 85
_DATA_LIMIT_BYTES = 800 << 20
"""A progressive JPEG of MOST_MEGAPIXELS holds its coefficients (about 200 MB) and its pixels (192 MB) at once."""
_CPU_SECONDS = 20
_WALL_SECONDS = 60.0
_AT_ONCE = 2
_WAIT_SECONDS = 15.0


class PhotoRoom:
    """Decodes photos, at most two at a time. Thread-safe; each costs about half a second, most of it the start."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def recoded(self, content: bytes, most_side: int) -> Photo:
        """The picture as JPEG of at most `most_side` pixels on its longer side, turned the right way up.

        RecordRefused: `not_a_picture`, `heif`, `cut_short`, `too_many_pixels`, `too_hard` (its decoder died or took
        too long). OutsideError `busy` when too many are waiting.
        """
        try:
            head = photo_head(content)
            if head.width * head.height > MOST_MEGAPIXELS * 1_000_000:
                raise RecordRefused(
                    "too_many_pixels",
                    f"the photo has more than {MOST_MEGAPIXELS} million pixels; let the phone send a smaller one",
                    field="body",
                )
            reduce = 1
            if head.kind == "jpeg":
                while reduce < 8 and max(head.width, head.height) >= 4 * reduce * most_side:
                    reduce *= 2
            if not self._turns.acquire(timeout=_WAIT_SECONDS):
                raise OutsideError("busy", "too many photos at once; send it again in a moment", retry=True)
            try:
                return _run(content, most_side, reduce)
            finally:
                self._turns.release()
        except RecordRefused as error:
            self._meter.count("photos_refused_total", reason=error.reason)
            raise


def _run(content: bytes, most_side: int, reduce: int) -> Photo:
    told = {
        "most_side": most_side,
        "reduce": reduce,
        "quality": _QUALITY,
        "data_limit_bytes": _DATA_LIMIT_BYTES,
        "cpu_seconds": _CPU_SECONDS,
    }
    keep = ("PATH", "LD_LIBRARY_PATH", "LANG")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "citywatch.adapters.photo_worker"],
            input=json.dumps(told).encode() + b"\n" + content,
            capture_output=True,
            timeout=_WALL_SECONDS,
            check=False,
            env={name: os.environ[name] for name in keep if name in os.environ}
            | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise _TOO_HARD from error
    line, _, picture = done.stdout.partition(b"\n")
    if done.returncode or not line:
        raise _TOO_HARD
    answer = json.loads(line)
    if "refused" in answer:
        raise RecordRefused(str(answer["refused"]), "the photo cannot be decoded; take it again", field="body")
    return Photo(picture, int(answer["width"]), int(answer["height"]))


_TOO_HARD = RecordRefused("too_hard", "the photo could not be decoded within its limits; take it again", field="body")
