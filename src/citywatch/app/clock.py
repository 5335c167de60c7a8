"""The one clock of a process: handed to sources, doors and the clock writer, and to nobody else."""

from __future__ import annotations

import time


class SystemClock:
    """ports.Clock."""

    def now_ns(self) -> int:
        return time.time_ns()
