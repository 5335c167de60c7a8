"""Late rows are counted, never dropped: a step in front of the step that compares each device's instants. Rows of
removed devices, which no rule will see, are counted here, too, and findings that did not fit in.
"""

from __future__ import annotations

from citywatch.domain.claims import ClaimBatch
from citywatch.domain.columns import Batch
from citywatch.domain.events import Event
from citywatch.domain.findings import FindingBatch
from citywatch.domain.passes import PassBatch
from citywatch.domain.pictures import FrameBatch
from citywatch.domain.pulses import PulseBatch
from citywatch.domain.state import State
from citywatch.flow.poison import Step
from citywatch.ports import Meter
from citywatch.rules import evasion, findings
from citywatch.rules.fleet import watched

MAX_DEVICES = 100_000


class CountingStep:
    """A step that also counts rows which come behind a newer row of their device, or that are nobody's any more. It
    decides nothing.
    """

    def __init__(self, step: Step, meter: Meter) -> None:
        self._step = step
        self._meter = meter
        self._newest_ns: dict[str, int] = {}

    def step(self, state: State, batch: Batch) -> tuple[State, list[Event]]:
        if isinstance(batch, PassBatch | FrameBatch | PulseBatch | ClaimBatch):
            left_out = len(batch) - len(watched(state, batch))
            if left_out:
                self._meter.count("rows_of_removed_total", left_out, kind=batch.KIND)
        before = evasion.too_late(state) if isinstance(batch, PassBatch) else 0
        unfit = findings.refused(state) if isinstance(batch, FindingBatch) else 0
        result = self._step.step(state, batch)
        if isinstance(batch, PassBatch | FrameBatch):
            self._count(batch)
        if isinstance(batch, PassBatch) and (late := evasion.too_late(state) - before):
            self._meter.count("evasion_late_total", late)
        if isinstance(batch, FindingBatch) and (more := findings.refused(state) - unfit):
            self._meter.count("findings_unfit_total", more)
        return result

    def _count(self, batch: PassBatch | FrameBatch) -> None:
        if len(self._newest_ns) > MAX_DEVICES:
            self._newest_ns.clear()
        late = 0
        for device, at_ns in zip(batch.device, batch.at_ns.tolist(), strict=True):
            newest_ns = self._newest_ns.get(device, at_ns)
            late += at_ns < newest_ns
            self._newest_ns[device] = max(at_ns, newest_ns)
        if late:
            self._meter.count("late_rows_total", late, kind=batch.KIND)
