"""The supervisor itself is killed, and started again."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import httpx
from benchmarks._city import City
from kill_kit import PUSHES, configure, pids_of, push, story


def test_supervisor_killed_and_started_again(undisturbed: dict[str, list[tuple[object, ...]]], tmp_path: Path) -> None:
    """Parts never outlive their supervisor; a second start finds everything that the first one had."""
    folder = tmp_path / "city"
    folder.mkdir()
    config = folder / "city.yaml"
    configure(config)
    arguments = ("--config", str(config), "--data-dir", "data")
    token, number = "", 0
    for round_end in (7, 13, 29, 41, PUSHES):
        city = City([sys.executable, "-m", "citywatch"], folder, *arguments)
        city.until_ready(120)
        token = token or city.token()
        with httpx.Client(base_url=city.url, headers={"Authorization": f"Bearer {token}"}, timeout=10) as client:
            while number < round_end:
                push(client, number)
                number += 1
        if round_end < PUSHES:
            parts = pids_of(city)
            city.process.kill()
            city.process.wait()
            deadline = time.monotonic() + 30
            while any(Path(f"/proc/{pid}").exists() for part, pid in parts.items() if part != "log"):
                assert time.monotonic() < deadline, "a part outlived its supervisor"
    city.wait("all alerts", 60, lambda: len(story(folder / "data")["alerts"]) >= PUSHES)
    city.stop()
    assert story(folder / "data") == undisturbed
    assert json.loads((folder / "data" / "citywatch.json").read_text())["format"] == 1
