"""The liveness sweep: which of many devices have become late, or are late no longer, since the sweep before."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

HEARD = 0
SILENT = 1
NOT_KNOWN = 2
ASK = 255
"""In `told`: something about the device has moved, so it is named whatever the verdict."""

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_I32 = np.ndarray[Any, np.dtype[np.int32]]
_U8 = np.ndarray[Any, np.dtype[np.uint8]]


@kernel("int64(int64, int64[::1], int64[::1], int32[::1], int64[::1], uint8[::1], int32[::1])")
def sweep(
    now_ns: int, last_seen_ns: _I64, timeout_ns: _I64, observer: _I32, covered_since_ns: _I64, told: _U8, moved: _I32
) -> int:
    """Judge every device at one instant, and name those of which the verdict is another one than last time.

    now_ns             the instant of the tick, ns, not negative
    last_seen_ns       (n,) int64   last sign of life, ns, not negative
    timeout_ns         (n,) int64   how long a device may keep quiet, ns, not negative
    observer           (n,) int32   who hears it: a row of covered_since_ns
    covered_since_ns   (m,) int64   since when each observer (and the clock) has listened without a gap up to now;
                                    a value above now_ns means: not listening now
    told               (n,) uint8   HEARD, SILENT or NOT_KNOWN: the verdict of the last sweep, replaced by this one's;
                                    ASK: named in any case
    moved              (n,) int32   out: the devices whose verdict has changed, ascending

    A device is silent only when its observer's own rows cover the whole time-out; otherwise nobody can say.
    Returns how many have changed. 25 bytes a device, read once from end to end; what has not changed is not written.
    """
    changed = 0
    for i in range(last_seen_ns.shape[0]):
        verdict = HEARD
        if now_ns - last_seen_ns[i] > timeout_ns[i]:
            verdict = SILENT if covered_since_ns[observer[i]] <= now_ns - timeout_ns[i] else NOT_KNOWN
        if told[i] != verdict:
            told[i] = verdict
            moved[changed] = i
            changed += 1
    return changed
