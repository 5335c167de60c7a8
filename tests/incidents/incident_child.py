"""The owner of a log's steps and incidents, until all is done: python incident_child.py LOG_URL, to be killed."""

from __future__ import annotations

import sys

from incident_kit import PARTITIONS, POLICY

from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.flow import incident_stage, processor
from citywatch.flow.incident_stage import IncidentStage
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.processor import Processor
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.ports import INCIDENTS, ORIGIN
from citywatch.telemetry import NullMeter
from citywatch.testing.clocks import ManualClock
from citywatch.testing.crash import probe_of_child


def main(url: str) -> None:
    processor.MAX_ENTRIES = incident_stage.MAX_ENTRIES = 7
    probe = probe_of_child()
    log = RedisLog(url, PARTITIONS)
    steps = Processor(log, CityStep(load("cn-gross")), NullMeter(), ManualClock(), probe)
    stage = IncidentStage(log, IncidentStep(POLICY), NullMeter(), probe)
    while steps.turn(1) + stage.turn(1):
        # Trimming what every reader has is part of what must survive.
        for partition, position in log.incident_positions().items():
            log.trim(partition, readings_below=ORIGIN, events_below=ORIGIN, onward_below=position)
        log.trim(INCIDENTS, readings_below=ORIGIN, events_below=ORIGIN)
    log.close()


if __name__ == "__main__":
    main(sys.argv[1])
