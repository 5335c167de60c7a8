"""Files of vehicle records in, the health of their scales out. Only what the review needs is held of each pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from citywatch.adapters.scales.files import RecordFile
from citywatch.adapters.scales.records import Terms, chunks
from citywatch.domain.passes import PassBatch
from citywatch.kernels.digests import Seen
from citywatch.rules.overload import suspects
from citywatch.rules.scale_health.reference import Readings, read
from citywatch.rules.scale_health.review import Review, review
from citywatch.rules.scale_health.watch import HealthPolicy


@dataclass(frozen=True, eq=False)
class Reviewed:
    """A review and what it is made of: lines = passes + refused + repeated."""

    files: tuple[str, ...]
    lines: int
    passes: int
    repeated: int
    refused: Mapping[str, int]
    review: Review

    def shown(self) -> dict[str, Any]:
        return {
            "files": list(self.files),
            "lines": self.lines,
            "passes": self.passes,
            "repeated": self.repeated,
            "refused": dict(self.refused),
            **self.review.shown(),
        }


def review_files(
    files: Sequence[tuple[Path, str]], terms: Terms, policy: HealthPolicy, advance: Callable[[int], None]
) -> Reviewed:
    """Read files, each with its format, and judge what they say of their scales; the order of lines does not matter.

    ConfigurationError for a file that cannot be read as what it is said to be, OutsideError when the disk fails.
    """
    parts: dict[str, list[Readings]] = {}
    refused: Counter[str] = Counter()
    seen = Seen()
    lines = passes = repeated = 0
    for path, kind in files:
        for chunk in chunks(RecordFile(path), kind, terms, advance):
            lines += chunk.lines
            refused.update(bad.reason.value for bad in chunk.bad)
            again = seen.mark(chunk.passes.digest)
            repeated += int(np.count_nonzero(again))
            batch = chunk.passes.take(np.flatnonzero(~again)) if again.any() else chunk.passes
            passes += len(batch)
            if len(batch):
                _sort_in(batch, policy, parts)
    found = review({device: Readings.concat(ones) for device, ones in parts.items()}, policy)
    return Reviewed(
        tuple(str(path) for path, _ in files), lines, passes, repeated, dict(sorted(refused.items())), found
    )


def _sort_in(batch: PassBatch, policy: HealthPolicy, parts: dict[str, list[Readings]]) -> None:
    readings = read(batch, suspects(batch), policy.population)
    names = sorted(set(batch.device))
    number = {device: i for i, device in enumerate(names)}
    lane = np.array([number[device] for device in batch.device], np.int64)
    for device in names:
        parts.setdefault(device, []).append(readings.take(np.flatnonzero(lane == number[device])))
