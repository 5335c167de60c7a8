"""What the rules last answered about a camera, out of the committed state of its partition."""

from __future__ import annotations

import json

from citywatch.domain.devices import partition_of
from citywatch.errors import LogUnavailable
from citywatch.ports import Log
from citywatch.rules.answers import ROOM, LookAnswers, last_answers


class StatedAnswers:
    """For the API. Blocking; None for a camera without a look, and while the log cannot be asked."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __call__(self, camera: str) -> LookAnswers | None:
        try:
            row = self._log.state_row(partition_of(camera, self._log.partitions), f"{ROOM}/{camera}")
        except LogUnavailable:
            return None
        return None if row is None else last_answers(json.loads(row))
