"""Rerun of a city's own log: archive, then tail, through the same step; the same rows give the same events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from citywatch.domain.columns import Batch
from citywatch.domain.events import Event
from citywatch.domain.state import State
from citywatch.flow import onward
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.poison import Step, digest, digest_batch
from citywatch.ports import ORIGIN, Log, Position

_ENTRIES_AT_A_TIME = 500


def rerun_log(
    sealed: Iterable[tuple[int, Position, Batch]],
    archived: Mapping[int, Position],
    log: Log,
    step: Step,
    incidents: IncidentStep,
) -> Iterator[Event]:
    """Every event of the log's rows, in the log's order per partition, those of the incident stage among them.

    `sealed` gives the archived rows (partition, position, batch), in order per partition; `archived` says up to where.
    What is sealed beyond that in the meantime is read from the log. An entry that was damaged when it was written is
    in no archive: its `row_dead` event is not told again once it has been trimmed.
    """
    states = [State() for _ in range(log.partitions)]
    stage = State()

    def handed_on(partition: int) -> Iterator[Event]:
        rows = onward.taken(states[partition])
        if rows is not None:
            incidents.take(stage, partition, rows)
            yield from incidents.advance(stage, log.partitions)

    for partition, position, batch in sealed:
        if position <= archived.get(partition, ORIGIN):
            yield from digest_batch(step, states[partition], batch, partition, position)
            yield from handed_on(partition)
    positions = {partition: archived.get(partition, ORIGIN) for partition in range(log.partitions)}
    while entries := log.read(positions, most=_ENTRIES_AT_A_TIME, block_ms=0):
        for partition, some in entries.items():
            positions[partition] = some[-1].position
            for entry in some:
                yield from digest(step, states[partition], entry, partition)
                yield from handed_on(partition)
