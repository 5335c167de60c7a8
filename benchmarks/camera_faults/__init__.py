"""Every fault of the list at three severities, and days of healthy cameras, through the product's own road.

`python -m benchmarks camera_faults` runs a part of it that takes some minutes on two cores: two scoring streets and the
highway clip, two encoders, frozen against live, peers, the RTSP server, and one clean day of a few cameras. Where the
directory CAMERA_FAULTS_DIR names holds results of the long runs (`python -m benchmarks.camera_faults ...`), those
are shown instead and nothing that is there is run again.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks._frame import Row

SCENARIO = "camera_faults"
CLEAN_SEEDS, CLEAN_DAYS = 6, 1


def run() -> list[Row]:
    named = os.environ.get("CAMERA_FAULTS_DIR")
    if named:
        return _rows(Path(named))
    with tempfile.TemporaryDirectory(prefix="citywatch-camera-faults-") as directory:
        return _rows(Path(directory))


def _rows(out: Path) -> list[Row]:
    """Rows of what is in a directory; what is not there is made."""
    from benchmarks.camera_faults import clean, faults, frozen, live, peers, report
    from citywatch.testing.rtsp import SystemPackageMissing

    stored = sorted(out.glob("faults-scoring-*.jsonl"))
    results = [result for file in stored for result in faults.read(file)] or faults.run(out, few=True)
    rows = report.rows_of_faults(results)
    healthy = clean.stored(out) or clean.run(out, seeds=CLEAN_SEEDS, days=CLEAN_DAYS)
    rows += report.rows_of_clean(healthy, clean.extrapolate(out))
    rows += report.rows_of_frozen(frozen.run(out))
    rows += peers.rows_of_peers(peers.read(out) or peers.run(out, few=True))
    try:
        rows += live.rows_of_live(live.read(out) or live.run(out))
    except SystemPackageMissing as missing:
        print(f"  the part over RTSP is left out: {missing}")
    (out / "report.md").write_text(report.everything(out) + "\n")
    print(report.everything(out))
    return rows
