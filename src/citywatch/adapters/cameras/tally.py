"""What the patrol can say of itself at any moment: how fresh its looks are, what they cost, what a target needs."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from citywatch.adapters.cameras.schedule import OF_TARGET, ClassAges, Snapshot

_MARK_S = 5.0
_MARKS = 13
"""So the last minute."""
USABLE = 0.8
"""A processor, or a decoder, is full at this share of its time: visits do not come evenly."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a freshness target would take, from what visits have cost. NaN and -1 before anything was measured.

    target_s          of every camera; 0 for the targets of their classes
    visits_per_s      that all cameras together then need
    processors        kept busy by them, decoders and patrol together, with the reserve of USABLE
    decoders          processes, with the same reserve
    in_flight         visits side by side
    possible_s        the shortest target for every camera that this machine and these decoders allow
    """

    target_s: float
    visits_per_s: float
    processors: float
    decoders: int
    in_flight: int
    possible_s: float

    def to_json(self) -> dict[str, Any]:
        """As JSON values; None for a figure that does not exist."""
        fields: dict[str, Any] = finite(asdict(self))
        return fields


@dataclass(frozen=True, slots=True)
class PatrolReport:
    """The patrol at one moment. Rates and shares are of the last minute (`over_s`), NaN before any visit.

    decoder_cpu_s, patrol_cpu_s   processor time of a visit, in the decoder and in the patrol's own process
    visit_s                       from the beginning of a visit to its row
    failing_share                 share of visits that reached no camera or brought no picture
    demand_per_s, stretch, ages, held_back   see schedule.Snapshot
    needs                         of the targets of the classes
    """

    at_ns: int
    over_s: float
    cameras: int
    held_open: int
    failing: int
    suspects: int
    in_flight: int
    visits: int
    visits_per_s: float
    failing_share: float
    decoder_cpu_s: float
    patrol_cpu_s: float
    visit_s: float
    demand_per_s: float
    stretch: float
    held_back: Mapping[str, int]
    decoders: int
    most_in_flight: int
    ages: tuple[ClassAges, ...]
    failing_ages: ClassAges
    needs: Needs

    def needed(self, target_s: float) -> Needs:
        """What a target for every camera would need, instead of those of the classes."""
        return needed(
            self.cameras,
            self.cameras / (target_s * OF_TARGET),
            self.decoder_cpu_s,
            self.patrol_cpu_s,
            self.visit_s,
            decoders=self.decoders,
            most_in_flight=self.most_in_flight,
            target_s=target_s,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values; None for a figure that does not exist."""
        fields: dict[str, Any] = finite(asdict(self))
        return fields


@dataclass(slots=True)
class Totals:
    """What has happened since the start."""

    at_s: float = 0.0
    visits: int = 0
    failing: int = 0
    decoder_cpu_s: float = 0.0
    patrol_cpu_s: float = 0.0
    visit_s: float = 0.0


class Tally:
    """Sums of visits, with marks every few seconds so that the last minute can be told."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._marks: deque[Totals] = deque(maxlen=_MARKS)

    def visit(self, *, failing: bool, decoder_cpu_s: float, visit_s: float) -> None:
        totals = self.totals
        totals.visits += 1
        totals.failing += failing
        totals.decoder_cpu_s += decoder_cpu_s
        totals.visit_s += visit_s

    def mark(self, now_s: float, patrol_cpu_s: float) -> bool:
        """Whether a mark was due. `patrol_cpu_s`: processor time of this process since it began."""
        self.totals.at_s, self.totals.patrol_cpu_s = now_s, patrol_cpu_s
        if self._marks and now_s - self._marks[-1].at_s < _MARK_S:
            return False
        self._marks.append(Totals(**asdict(self.totals)))
        return True

    def report(
        self, snapshot: Snapshot, *, at_ns: int, decoders: int, most_in_flight: int, held_open: int
    ) -> PatrolReport:
        """Of the last minute. `most_in_flight`: visits that may be under way side by side."""
        totals, since = self.totals, self._marks[0] if self._marks else Totals()
        visits, over_s = totals.visits - since.visits, totals.at_s - since.at_s

        def of_visits(name: str) -> float:
            return float(getattr(totals, name) - getattr(since, name)) / visits if visits else math.nan

        decoder_cpu_s, patrol_cpu_s, visit_s = map(of_visits, ("decoder_cpu_s", "patrol_cpu_s", "visit_s"))
        needs = needed(
            snapshot.cameras,
            snapshot.demand_per_s,
            decoder_cpu_s,
            patrol_cpu_s,
            visit_s,
            decoders=decoders,
            most_in_flight=most_in_flight,
        )
        return PatrolReport(
            at_ns=at_ns,
            over_s=over_s,
            cameras=snapshot.cameras,
            held_open=held_open,
            failing=snapshot.failing,
            suspects=snapshot.suspects,
            in_flight=snapshot.in_flight,
            visits=totals.visits,
            visits_per_s=visits / over_s if over_s > 0 else math.nan,
            failing_share=of_visits("failing"),
            decoder_cpu_s=decoder_cpu_s,
            patrol_cpu_s=patrol_cpu_s,
            visit_s=visit_s,
            demand_per_s=snapshot.demand_per_s,
            stretch=snapshot.stretch,
            held_back={limit.value: count for limit, count in snapshot.held_back.items()},
            decoders=decoders,
            most_in_flight=most_in_flight,
            ages=snapshot.ages,
            failing_ages=snapshot.failing_ages,
            needs=needs,
        )


def needed(
    cameras: int,
    visits_per_s: float,
    decoder_cpu_s: float,
    patrol_cpu_s: float,
    visit_s: float,
    *,
    decoders: int,
    most_in_flight: int,
    target_s: float = 0.0,
    processors: int | None = None,
) -> Needs:
    """What so many visits a second take; costs are those of one. `processors`: of this machine, that we may use."""
    cpu_s = decoder_cpu_s + patrol_cpu_s
    if math.isnan(cpu_s):
        return Needs(target_s, visits_per_s, math.nan, -1, -1, math.nan)
    ours = len(os.sched_getaffinity(0)) if processors is None else processors
    limits = (
        _rate(ours * USABLE, cpu_s),
        _rate(decoders * USABLE, decoder_cpu_s),
        _rate(most_in_flight, visit_s),
    )
    return Needs(
        target_s=target_s,
        visits_per_s=visits_per_s,
        processors=visits_per_s * cpu_s / USABLE,
        decoders=max(math.ceil(visits_per_s * decoder_cpu_s / USABLE), 1),
        in_flight=max(math.ceil(visits_per_s * visit_s), 1),
        possible_s=cameras / min(limits) / OF_TARGET if cameras else 0.0,
    )


def _rate(capacity: float, cost: float) -> float:
    return capacity / cost if cost > 0 else math.inf


def finite(value: Any) -> Any:
    """JSON values, None for what is no number."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): finite(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [finite(item) for item in value]
    return value
