"""The whole running city: each of its processes is killed, and what was accepted is all there, once."""

from __future__ import annotations

import random
from pathlib import Path

from kill_kit import PUSHES, VICTIMS, lived


def test_each_process_killed_five_times(undisturbed: dict[str, list[tuple[object, ...]]], tmp_path: Path) -> None:
    rng = random.Random(20260131)
    moments = rng.sample(range(2, PUSHES), 5 * len(VICTIMS))
    kills = {moment: VICTIMS[i % len(VICTIMS)] for i, moment in enumerate(moments)}
    assert len(undisturbed["events"]) == PUSHES
    assert lived(tmp_path / "city", kills) == undisturbed
