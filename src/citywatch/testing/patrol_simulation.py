"""A fleet that costs no camera: the patrol's real scheduler on a manual clock, with visits whose costs are drawn.

Only the visits are made up: how long a camera takes to give a key frame, what decoding it costs, and the time-out of a
camera that is away. Decoders are a queue served in order, as the pool is. Everything is drawn from one seed, and the
same arguments give the same figures.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from citywatch.adapters.cameras.config import PatrolTerms
from citywatch.adapters.cameras.schedule import ClassAges, Found, Place, Scheduler, Turn

FLEET = 6534
"""Cameras of the fleet that this is sized by."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a visit takes.

    cpu_s      processor time in the decoder, median; drawn log-normally with `cpu_spread`
    answer_s   from the connection to the last byte of the key frame, uniform between the two: a server that begins
               with a key frame, and one whose next is a whole interval away
    timeout_s  of a camera that does not answer
    decoders   visits decoded side by side
    """

    cpu_s: float = 0.05
    cpu_spread: float = 0.25
    answer_s: tuple[float, float] = (0.05, 2.0)
    timeout_s: float = 5.0
    decoders: int = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """The fleet at one moment. `visits` begun since the sample before."""

    at_s: float
    visits: int
    most_in_a_second: int
    in_flight: int
    failing: int
    stretch: float
    ages: Mapping[str, ClassAges]
    failing_ages: ClassAges


@dataclass(slots=True)
class Course:
    """What a simulation saw. `broken`: how often a limit was broken, by kind; it must stay empty."""

    samples: list[Sample] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)
    looks: dict[str, list[float]] = field(default_factory=dict)
    """When visits began, by camera; kept when asked for."""
    found_away_s: dict[str, float] = field(default_factory=dict)
    """When a camera that went away was first seen to be away."""
    found_back_s: dict[str, float] = field(default_factory=dict)
    """When a camera that came back was first seen to be back."""
    broken: Counter[str] = field(default_factory=Counter)


def fleet(
    cameras: int = FLEET, *, per_site: int = 48, per_switch: int = 16, gates: float = 0.03, recorders: float = 0.1
) -> dict[str, Place]:
    """Places of a fleet: sites with a subnet each, switches as devices of their own, a share of gates, and a share of
    cameras that are channels of a recorder, sixteen on one address."""
    places: dict[str, Place] = {}
    gate_every = round(1 / gates) if gates else cameras + 1
    for number in range(cameras):
        site = number // per_site
        subnet = f"10.{site // 250}.{site % 250}"
        switch = f"site-{site}/switch-{number % per_site // per_switch}"
        if switch not in places:
            places[switch] = Place("standard", 300.0, site=f"site-{site}", host=f"{subnet}.{200 + len(places) % 50}")
        channel = site % round(1 / recorders) == 0 if recorders else False
        host = f"{subnet}.250" if channel and number % per_site < 16 else f"{subnet}.{1 + number % per_site}"
        gate = number % gate_every == 0
        kind, target_s = ("gate", 60.0) if gate else ("standard", 300.0)
        places[f"camera-{number}"] = Place(kind, target_s, site=f"site-{site}", parent=switch, host=host)
    return places


class Simulation:
    """One course of a fleet under the scheduler.

    away  says whether a camera is away at an instant (seconds from the start)
    """

    def __init__(
        self,
        places: Mapping[str, Place],
        terms: PatrolTerms,
        costs: Costs,
        *,
        seed: int,
        away: Callable[[str, float], bool] = lambda _camera, _at_s: False,
        keep_looks: bool = False,
    ) -> None:
        self.scheduler = Scheduler(terms)
        self.course = Course()
        self._places = places
        self._terms = terms
        self.costs = costs
        self._random = random.Random(seed)  # noqa: S311  (a simulation)
        self._away = away
        self._keep_looks = keep_looks
        self._now_s = 0.0
        self._number = 0
        self._happenings: list[tuple[float, int, Callable[[], None]]] = []
        self._to_decode: deque[Callable[[], None]] = deque()
        self._decoding = 0
        self._running: Counter[tuple[str, str]] = Counter()
        self._begun: dict[tuple[str, str], float] = {}
        self._seconds: Counter[int] = Counter()
        self._visits = 0
        self.scheduler.start(places, 0.0)

    @property
    def now_s(self) -> float:
        return self._now_s

    def at(self, when_s: float, happening: Callable[[], None]) -> None:
        """Let something happen at an instant."""
        self._number += 1
        heapq.heappush(self._happenings, (when_s, self._number, happening))

    def run(self, until_s: float, sample_every_s: float = 10.0) -> Course:
        """Go on until an instant; samples are taken at multiples of `sample_every_s`."""
        sample_s = self._now_s - self._now_s % sample_every_s + sample_every_s
        while True:
            while (turn := self.scheduler.next(self._now_s)) is not None:
                self._begin(turn)
            wake_s = self.scheduler.wake_s(self._now_s)
            happens_s = self._happenings[0][0] if self._happenings else until_s
            following_s = min(happens_s, sample_s, until_s, wake_s if wake_s is not None else until_s)
            self._now_s = max(self._now_s, following_s)
            while self._happenings and self._happenings[0][0] <= self._now_s:
                heapq.heappop(self._happenings)[2]()
            if self._now_s >= sample_s:
                self._sample()
                sample_s += sample_every_s
            if self._now_s >= until_s:
                return self.course

    # a visit -------------------------------------------------------------------------------------------------

    def _begin(self, turn: Turn) -> None:
        self._check_limits(turn)
        self._visits += 1
        self._seconds[int(self._now_s)] += 1
        self.course.visits[turn.camera] += 1
        if self._keep_looks:
            self.course.looks.setdefault(turn.camera, []).append(self._now_s)
        if self._away(turn.camera, self._now_s):
            self.at(self._now_s + self.costs.timeout_s, lambda: self._end(turn, Found.FAILED))
        else:
            answer_s = self._random.uniform(*self.costs.answer_s)
            self.at(self._now_s + answer_s, lambda: self._answered(turn))

    def _answered(self, turn: Turn) -> None:
        cpu_s = self.costs.cpu_s * self._random.lognormvariate(0.0, self.costs.cpu_spread)

        def decode() -> None:
            self._decoding += 1
            self.at(self._now_s + cpu_s, decoded)

        def decoded() -> None:
            self._decoding -= 1
            self._end(turn, Found.ANSWERED)
            if self._to_decode:
                self._to_decode.popleft()()

        if self._decoding < self.costs.decoders:
            decode()
        else:
            self._to_decode.append(decode)

    def _end(self, turn: Turn, found: Found) -> None:
        for key in self._keys(turn.camera):
            self._running[key] -= 1
        if found is Found.FAILED:
            self.course.found_away_s.setdefault(turn.camera, self._now_s)
        elif turn.camera in self.course.found_away_s:
            self.course.found_back_s.setdefault(turn.camera, self._now_s)
        self.scheduler.done(turn, found, self._now_s)

    # what is watched -----------------------------------------------------------------------------------------

    def _keys(self, camera: str) -> Sequence[tuple[str, str]]:
        """Counted here once more, by plainer means than the scheduler's."""
        place = self._places[camera]
        return (
            ("site", place.site),
            ("subnet", place.host.rpartition(".")[0]),
            ("host", place.host),
            ("camera", camera),
        )

    def _check_limits(self, turn: Turn) -> None:
        terms = self._terms
        most = {
            "site": terms.site_in_flight,
            "subnet": terms.subnet_in_flight,
            "host": terms.host_in_flight,
            "camera": 1,
        }
        pause_s = {"site": 1 / terms.site_visits_per_second, "subnet": 1 / terms.subnet_visits_per_second}
        for kind, key in self._keys(turn.camera):
            if not key:
                continue
            self._running[kind, key] += 1
            if self._running[kind, key] > most[kind]:
                self.course.broken[kind] += 1
            if kind in pause_s:
                if self._now_s - self._begun.get((kind, key), -1e9) < pause_s[kind] - 1e-6:
                    self.course.broken[f"{kind} a second"] += 1
                self._begun[kind, key] = self._now_s

    def _sample(self) -> None:
        snapshot = self.scheduler.snapshot(self._now_s)
        self.course.samples.append(
            Sample(
                self._now_s,
                self._visits,
                max(self._seconds.values(), default=0),
                snapshot.in_flight,
                snapshot.failing,
                snapshot.stretch,
                {ages.camera_class: ages for ages in snapshot.ages},
                snapshot.failing_ages,
            )
        )
        self._visits = 0
        self._seconds.clear()
