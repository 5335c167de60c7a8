"""`citywatch run --only ...`: parts with supervisors of their own, around one log server and one data directory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
from benchmarks._city import City

from citywatch.adapters.log.embedded import EmbeddedServer

RECORD = {
    "previewStationCode": "ONLY",
    "previewDate": "2026-01-31 08:00:00.000",
    "laneNo": 1,
    "direction": 1,
    "axisNum": 2,
    "totalWeight": 30_000,
    "axle1Weight": 12_000,
    "axle2Weight": 18_000,
}
COMMAND = [sys.executable, "-m", "citywatch"]


def test_parts_apart_work_together(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "the-citys-own") as server:
        config = tmp_path / "city.yaml"
        config.write_text(
            f"log: {{url: {json.dumps(server.url)}}}\nscales:\n  - {{station: ONLY, direction: 1, lane: 1}}\n"
        )
        shared = ("--config", str(config), "--data-dir", "data")
        processing = City(COMMAND, tmp_path, *shared, "--only", "process")
        serving = City(COMMAND, tmp_path, *shared, "--only", "serve")
        try:
            serving.until_ready(120)
            twin = [*COMMAND, "run", *shared, "--only", "serve", "--port", "0"]
            refused = subprocess.run(twin, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert refused.returncode == 2
            assert "its part serve" in refused.stderr
            client = httpx.Client(base_url=serving.url, headers={"Authorization": f"Bearer {serving.token()}"})
            with client:
                assert client.post("/api/v1/ingest/passes", json=RECORD).status_code == 200
                alerts = "/api/v1/alerts?kind=overloaded"
                serving.wait("the alert", 30, lambda: client.get(alerts).json()["items"])
                figures = client.get("/metrics").text
            assert "citywatch_entries_processed_total" in figures, "what the other container counts is scraped here"
        finally:
            for city in (serving, processing):
                if city.process.poll() is None:
                    city.stop()
