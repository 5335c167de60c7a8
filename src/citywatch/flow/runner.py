"""Turns in a thread: again and again until stopped, with patience for an outside that is away for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from citywatch.errors import LogFull, LogUnavailable, OutsideError
from citywatch.ports import Meter

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Turns:
    """Calls `turn` until stopped. What is away is waited for with growing pauses; any other error ends the
    thread and is handed to `failed`, whose process then stops and is started again by its supervisor.
    """

    def __init__(self, name: str, turn: Callable[[], object], meter: Meter, failed: Callable[[BaseException], None]):
        self._name = name
        self._turn = turn
        self._meter = meter
        self._failed = failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.trouble = ""

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Make no further turn; `stop` waits for the one under way."""
        self._stop.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._turn()
                self.trouble = ""
                pause_s = _FIRST_PAUSE_S
            except (LogUnavailable, LogFull, OutsideError) as error:
                if not self.trouble:
                    _log.warning("%s waits: %s", self._name, error)
                self.trouble = str(error)
                self._meter.count("turns_waited_total", part=self._name)
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except BaseException as error:
                self.trouble = f"{type(error).__name__}: {error}"
                self._failed(error)
                raise
