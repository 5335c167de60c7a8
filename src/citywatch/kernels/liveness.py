"""The liveness sweep: which of many devices are heard, silent, or not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

HEARD = 0
SILENT = 1
NOT_KNOWN = 2

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_U8 = np.ndarray[Any, np.dtype[np.uint8]]


@kernel("int64(int64, int64[::1], int64[::1], int64[::1], uint8[::1])")
def sweep(now_ns: int, last_seen_ns: _I64, timeout_ns: _I64, covered_since_ns: _I64, out: _U8) -> int:
    """Judge every device at one instant.

    now_ns             the instant of the tick
    last_seen_ns       (n,) int64   last sign of life, ns
    timeout_ns         (n,) int64   how long a device may keep quiet, ns
    covered_since_ns   (n,) int64   since when its observer (and the clock) have listened without a gap up to now;
                                    a value above now_ns means: not listening now
    out                (n,) uint8   HEARD, SILENT or NOT_KNOWN

    A device is silent only when its observer's own rows cover the whole time-out; otherwise nobody can say.
    Returns how many are not heard.
    """
    quiet = 0
    for i in range(last_seen_ns.shape[0]):
        if now_ns - last_seen_ns[i] <= timeout_ns[i]:
            out[i] = HEARD
        elif covered_since_ns[i] <= now_ns - timeout_ns[i]:
            out[i] = SILENT
            quiet += 1
        else:
            out[i] = NOT_KNOWN
            quiet += 1
    return quiet
