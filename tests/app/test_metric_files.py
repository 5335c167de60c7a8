"""Figures in files: bounded however often a part is started, and no page of them is missing when the disk is full."""

from __future__ import annotations

import subprocess
import sys

_PART = """
import sys
from pathlib import Path
from citywatch.telemetry import PrometheusMeter

meter = PrometheusMeter(Path(sys.argv[1]), "serve")
meter.count("records_read_total", source="x")
meter.observe("visit_seconds", 0.1)
meter.gauge("live_clients", 3)
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def part(directory):
    done = subprocess.run(
        [sys.executable, "-c", _PART, str(directory)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_a_part_that_is_started_again_goes_on_in_the_same_files(tmp_path):
    directory = tmp_path / "metrics"
    for start in range(1, 4):
        said = part(directory)
        assert f'citywatch_records_read_total{{source="x"}} {start}.0' in said
        assert "citywatch_live_clients 3.0" in said
    files = sorted(path.name for path in directory.iterdir())
    assert files == ["counter_serve.db", "gauge_livemax_serve.db", "gauge_livesum_serve.db", "histogram_serve.db"]


def test_the_space_of_the_figures_is_taken_before_the_first(tmp_path):
    part(tmp_path)
    for path in tmp_path.iterdir():
        found = path.stat()
        assert found.st_size == 1 << 18
        assert found.st_blocks * 512 >= found.st_size
        assert found.st_mode & 0o077 == 0
