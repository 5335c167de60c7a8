"""What the second opinion on H.265 pictures costs a fleet (docs/decisions/0038), as a ratio of one run.

Healthy generated streets over a day, dawn, night and weather among it, through x265 and the product's own road: decode,
measure, compare with the camera's own references, judge. Counted is the processor time of the decoder's part of all
visits after the first third of the day, in which a camera is learned, and in it that of `hevc_ends.is_damaged`.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from benchmarks._frame import Goal, Row, row
from benchmarks.camera_faults.faults import fast_directory
from benchmarks.camera_faults.footage import StreetFootage, quiet_libraries
from benchmarks.camera_faults.pipeline import Bench, Patrolled
from citywatch.adapters.cameras import hevc_ends
from citywatch.adapters.cameras.decode import Decoded
from citywatch.testing.coded import CameraEncoder, EncoderSetting

SEEDS = (10_021, 10_022, 10_023, 10_024)
WIDTH, HEIGHT = 1280, 720
EVERY_S, DAY_S = 1200.0, 86_400.0
SETTING = EncoderSetting("x265 150 kbit/s", "hevc", 150, between=1)
_is_damaged = hevc_ends.is_damaged


@dataclass(slots=True)
class _Bill:
    """Processor seconds of visits, and of second opinions among them."""

    visits: int = 0
    opinions: int = 0
    visits_s: float = 0.0
    opinions_s: float = 0.0

    def is_damaged(self, content: bytes, decoded: Decoded, most_pixels: int) -> bool:
        started = time.process_time()
        found = _is_damaged(content, decoded, most_pixels)
        self.opinions_s += time.process_time() - started
        self.opinions += 1
        return found


def _day(seed: int, bill: _Bill) -> None:
    footage = StreetFootage("scoring", seed, WIDTH, HEIGHT)
    with (
        tempfile.TemporaryDirectory(prefix="citywatch-opinions-", dir=fast_directory()) as directory,
        CameraEncoder(SETTING, WIDTH, HEIGHT) as encoder,
    ):
        bench = Bench(Path(directory))
        camera = Patrolled(bench, f"street-{seed}", 0.0, EVERY_S)
        for at_s in camera.turns(DAY_S):
            unit = encoder.visit(footage.look(at_s), footage.after(at_s, SETTING.between))
            before = bill.opinions_s, bill.opinions
            report = bench.examiner.visit(camera.task(SETTING.codec), unit)
            camera.tell(at_s, report, len(unit), {})
            if at_s < DAY_S / 3:
                bill.opinions_s, bill.opinions = before
            else:
                bill.visits += 1
                bill.visits_s += report.cpu_us / 1e6


def of_a_fleet(scenario: str) -> Row:
    """How much more a visit costs for them, over all visits."""
    quiet_libraries()
    bill = _Bill()
    with patch.object(hevc_ends, "is_damaged", bill.is_damaged):
        for seed in SEEDS:
            _day(seed, bill)
    without_s = bill.visits_s - bill.opinions_s
    return row(
        scenario,
        "H.265 visits with second opinions",
        1e3 * bill.visits_s / bill.visits,
        "ms",
        peer="the same visits without",
        ratio=bill.visits_s / without_s,
        goal=Goal(at_most=1.25, of="ratio"),
        note=f"{bill.opinions} of {bill.visits} looks at {len(SEEDS)} healthy streets asked again, {HEIGHT}p, a day",
    )
