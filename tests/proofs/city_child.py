"""One owner of everything behind the doors: steps, projections and archive of a log, until all is done.

python city_child.py LOG_URL DATA_DIR: reads what the log holds, commits, projects and seals, in small turns so that
there are many places to die in. Started again it goes on from what is on disk.
"""

from __future__ import annotations

import sys
from pathlib import Path

from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.segments import SegmentWriter
from citywatch.adapters.store.sql import SqlStore
from citywatch.flow import archive, processor, projection
from citywatch.flow.archive import Archive, SealPolicy
from citywatch.flow.incident_stage import IncidentStage
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.processor import Processor
from citywatch.flow.projection import Projection
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.confirmations import alike
from citywatch.rules.faults import Confirmation
from citywatch.telemetry import NullMeter
from citywatch.testing.clocks import ManualClock
from citywatch.testing.crash import probe_of_child

PARTITIONS = 2


def main(url: str, data_dir: Path) -> None:
    processor.MAX_ENTRIES = projection.MAX_EVENTS = archive.MAX_ENTRIES = 9
    probe, meter, clock = probe_of_child(), NullMeter(), ManualClock()
    log = RedisLog(url, PARTITIONS)
    store = SqlStore.open(data_dir / "citywatch.sqlite", log_epoch=log.epoch())
    step = CityStep(load("cn-gross"), cameras=CameraPolicy(alike(Confirmation()), unknown_after_seconds=30))
    steps = Processor(log, step, meter, clock, probe)
    incidents = IncidentStage(log, IncidentStep(), meter)
    projector = Projector(store, probe=probe)
    projecting = Projection(log, projector, lambda: None, meter)
    writer = SegmentWriter(data_dir, store, max_rows=200, probe=probe)
    writer.sweep()
    sealing = Archive(log, writer, store.archived(), projector.positions, clock, meter, SealPolicy(rows=40))
    # A turn that trims comes after its clock has moved on: trimming is part of what must survive.
    while steps.turn(1) + incidents.turn(1) + projecting.turn(1) + sealing.turn(1):
        clock.advance_s(1)
    sealing.seal()
    store.close()
    log.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
