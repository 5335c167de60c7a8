"""Who is visited next: a scheduler for thousands of cameras. It knows no clock, no event loop and no chance.

Time is handed in as seconds of any clock that never goes back. Whoever visits asks `next` until it answers None, then
waits until `wake_s` (or until a visit ends, or something is put or told), and brings each visit's end to `done`.

**Places.** A camera has a freshness target; its visits have places a bit closer than that (`OF_TARGET`), all cameras'
places spread evenly (the fractional parts of multiples of the golden ratio: evenly for any number of cameras). A place
that has passed is left out, not made up for.

**Overload.** Places stand on a clock of our own that goes as fast as the visits can: when the visit that has waited
longest begins too late, the clock is set back by that much. So every distance is stretched by the same factor, gates
and side streets alike, whatever it was that was too slow; no queue grows, and after a standstill (a full log, a network
that was away) there is nothing to catch up. `Snapshot.stretch` is that factor.

**Three queues**, served in turn so that none starves another: the places above; what is wanted now (first visits,
suspects, repairs to be verified, questions about a family); and cameras that do not answer. The last have visits in
flight of their own, since each of them takes a time-out, not work. They are asked again soon (their fault's
confirmation waits for nobody), then at growing distances with jitter, never further apart than a stated cap: within it
a recovery is seen.

**Limits** of a site, a subnet and a single address, side by side and a second: a camera whose turn it is waits at the
limit that held it back, first come first served, and the others go on.

A decision costs O(log n); a camera costs a few hundred bytes.
"""

from __future__ import annotations

import heapq
import ipaddress
import math
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from citywatch.adapters.cameras.config import PatrolTerms

_GOLDEN = (math.sqrt(5) - 1) / 2
OF_TARGET = 0.9
"""A camera's places are this share of its target apart: the rest is for waiting and for the visit itself."""
_SLACK_S = 0.5
"""A place may be so late before the clock of places is set back."""
_SUSPECT_GROWTH = 1.5
_SUSPECT_OF_TARGET = 1.5
"""A suspicion that says how soon to look again leaves out the places before, up to this share of the target: a look
that comes too soon to confirm anything is a look lost."""
_RETURN_VISITS = 2
"""A camera that answers again is visited so many times as if it were a suspect: its faults are to be cleared soon."""
_JITTER = 0.2
_FAMILY_PAUSE_S = 30.0
"""Questions to one family are counted together for so long."""
_JUST_ASKED_S = 2.0
_MARK_S = 5.0
_MARKS = 13
_MOST_STRETCH = 1000.0
_STALE_ENTRIES = 64


class Found(IntEnum):
    """What a visit came to, as far as the schedule is concerned."""

    ANSWERED = 0
    FAILED = 1
    """It could not be reached, or gave no picture."""
    REFUSED = 2
    """It would not let us in: asked seldom, since many cameras lock out who knocks often with a wrong password."""
    UNKNOWN = 3
    """The visit says nothing about the camera."""


class Limit(StrEnum):
    """What can hold a visit back."""

    SITE = "site"
    SUBNET = "subnet"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Place:
    """What the schedule needs to know of a camera.

    target_s  its freshness target
    every_s   a rhythm of its own instead of the target's, or None
    host      of its address; empty for a file
    """

    camera_class: str
    target_s: float
    every_s: float | None = None
    site: str = ""
    parent: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A camera that stands in no schedule, because its stream is held open."""

    place: Place
    looked_s: float
    failing: bool
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class ClassAges:
    """Ages of the last look at the cameras of a class, seconds, against its target. NaN without cameras.

    `cameras` are those in the distribution; those that do not answer stand in a class of their own.
    """

    camera_class: str
    target_s: float
    cameras: int
    p50_s: float
    p90_s: float
    p99_s: float
    max_s: float
    over_target: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The schedule at one moment.

    `demand_per_s`: visits that all targets together ask for. `stretch`: by how much distances were stretched in the
    last minute; 1 when every target is met. `held_back`: visits that a limit has held back, since the start.
    """

    cameras: int
    failing: int
    suspects: int
    in_flight: int
    demand_per_s: float
    stretch: float
    held_back: Mapping[Limit, int]
    ages: tuple[ClassAges, ...]
    failing_ages: ClassAges


class _Queue(IntEnum):
    PLACES = 0
    WANTED = 1
    FAILING = 2


class _Group:
    """Cameras that share a limit."""

    __slots__ = ("key", "kind", "members", "most", "next_s", "running", "spacing_s", "waiting", "waking")

    def __init__(self, kind: Limit, key: str, most: int, spacing_s: float) -> None:
        self.kind = kind
        self.key = key
        self.most = most
        self.spacing_s = spacing_s
        self.running = 0
        self.next_s = -math.inf
        self.members = 0
        self.waiting: dict[_Queue, list[tuple[float, int, _Camera, int]]] = {}
        """By queue, a heap of (when it first was held back, tie breaker, camera, its entry's number)."""
        self.waking = False


class _Family:
    """Cameras behind one parent, or of one site; asked together when one of them falls away or returns."""

    __slots__ = ("asked", "cursor", "members", "until_s")

    def __init__(self) -> None:
        self.members: list[_Camera] = []
        self.cursor = 0
        self.asked = 0
        self.until_s = -math.inf


class _Series:
    """Visits closer together than the places, for a while."""

    __slots__ = ("growth", "left", "pause_s")

    def __init__(self, left: int, pause_s: float, growth: float) -> None:
        self.left = left
        self.pause_s = pause_s
        self.growth = growth

    @property
    def fixed(self) -> bool:
        """Whether all its visits are equally far apart."""
        return self.growth == 1.0


class _Camera:
    __slots__ = (
        "again",
        "begun_s",
        "due",
        "entry",
        "failures",
        "family",
        "flying",
        "groups",
        "held_s",
        "left_out_s",
        "looked_s",
        "name",
        "period_s",
        "place",
        "place_due",
        "position",
        "queue",
        "series",
        "suspicions",
        "verify",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.place: Place
        self.period_s = 0.0
        self.groups: tuple[_Group, ...] = ()
        self.family: tuple[Limit | None, str] | None = None
        self.position = -1
        self.queue: _Queue | None = None
        """Where it waits; None while it is visited. Who is in WANTED stands in PLACES, too."""
        self.due = 0.0
        """When its turn in that queue comes; for PLACES by the clock of places."""
        self.entry = 0
        """Number of its valid entry in queues and at limits; older ones are stale."""
        self.place_due = 0.0
        self.left_out_s = 0.0
        """What a suspicion has moved its place by: so many seconds of places before the look that it asks for."""
        self.held_s: float | None = None
        self.flying: Turn | None = None
        self.again = False
        self.begun_s = -math.inf
        self.looked_s = 0.0
        self.failures = 0
        self.series: _Series | None = None
        self.verify: _Series | None = None
        self.suspicions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One visit to be made; to be handed back to `done`."""

    camera: str
    queue: _Queue
    begun_s: float
    groups: tuple[_Group, ...]


class Scheduler:
    """The schedule of a patrol. Not for several threads."""

    def __init__(self, terms: PatrolTerms) -> None:
        self._terms = terms
        self._cameras: dict[str, _Camera] = {}
        self._queues: dict[_Queue, list[tuple[float, int, _Camera]]] = {queue: [] for queue in _Queue}
        self._groups: dict[tuple[Limit, str], _Group] = {}
        self._families: dict[tuple[Limit | None, str], _Family] = {}
        self._wakes: list[tuple[float, int, _Group]] = []
        self._entries = 0
        self._served = _Queue.FAILING
        self._running = {False: 0, True: 0}
        """Visits in flight: to cameras that answered, and to failing ones."""
        self._set_back_s = 0.0
        """The clock of places is this much behind."""
        self._marks: deque[tuple[float, float]] = deque(maxlen=_MARKS)
        self._first_s = -math.inf
        self._return_s = -math.inf
        self._spread: dict[str, int] = {}
        self._held_back = dict.fromkeys(Limit, 0)

    # cameras come, change and go ------------------------------------------------------------------------------

    def start(self, places: Mapping[str, Place], now_s: float) -> None:
        """Take all the cameras that there are at the start, without a herd of first visits.

        Where the first look at all of them, at the rate of the terms, takes less than half the distance of a camera's
        visits, it gets one in that time; else it waits for its place.
        """
        spread_s = len(places) / self._terms.first_visits_per_second
        for camera, place in places.items():
            added = self._add(camera, place, now_s)
            if 2 * spread_s < added.period_s:
                self._place_first(added, now_s)
            else:
                self._place(added, _Queue.PLACES, added.place_due)

    def put(self, camera: str, place: Place, now_s: float) -> None:
        """Add a camera, or change it: then it is treated as a new one. It is visited at once, or, when many are put
        at once, as soon as the rate of first visits allows."""
        known = self._cameras.get(camera)
        if known is None:
            self._place_first(self._add(camera, place, now_s), now_s)
            return
        self._leave(known, now_s)
        self._settle_in(known, place, now_s)
        known.failures, known.series, known.verify, known.suspicions = 0, None, None, frozenset()
        if known.flying:
            known.again = True
        else:
            self._place_first(known, now_s)

    def remove(self, camera: str, now_s: float) -> None:
        """Forget a camera; nothing happens for an unknown one. A visit in flight is still to be brought to `done`."""
        known = self._cameras.pop(camera, None)
        if known is not None:
            self._leave(known, now_s)

    def __len__(self) -> int:
        return len(self._cameras)

    def __contains__(self, camera: str) -> bool:
        return camera in self._cameras

    # the visits -----------------------------------------------------------------------------------------------

    def next(self, now_s: float) -> Turn | None:
        """The next visit to begin now; None when there is none at this moment."""
        self._mark(now_s)
        while self._wakes and self._wakes[0][0] <= now_s:
            _, _, group = heapq.heappop(self._wakes)
            group.waking = False
            self._stir(group, now_s)
        for step in (1, 2, 3):
            queue = _Queue((self._served + step) % 3)
            camera = self._take(queue, now_s)
            if camera is not None:
                self._served = queue
                return self._begin(camera, queue, now_s)
        return None

    def wake_s(self, now_s: float) -> float | None:
        """When to call `next` again if nothing else happens; None: when something happens."""
        times = []
        for queue, heap in self._queues.items():
            if self._full(queue):
                continue
            while heap and heap[0][1] != heap[0][2].entry:
                heapq.heappop(heap)
            if heap:
                times.append(heap[0][0] + (self._set_back_s if queue is _Queue.PLACES else 0.0))
        if self._wakes:
            times.append(self._wakes[0][0])
        return max(min(times), now_s) if times else None

    def done(self, turn: Turn, found: Found, now_s: float) -> None:
        """A visit has ended."""
        self._running[turn.queue is _Queue.FAILING] -= 1
        for group in turn.groups:
            group.running -= 1
            self._drop_empty(group)
            self._stir(group, now_s)
        camera = self._cameras.get(turn.camera)
        if camera is None or camera.flying is not turn:
            return  # it was removed in the meantime
        camera.flying = None
        if camera.again:  # changed in the meantime: what this visit found is of another camera, as it were
            camera.again = False
            self._place_first(camera, now_s)
            return
        if found is not Found.UNKNOWN:
            camera.looked_s = turn.begun_s
        self._count_series(camera)
        before = camera.failures
        if found is Found.ANSWERED:
            camera.failures = 0
            if before:
                camera.series = _Series(_RETURN_VISITS, self._terms.suspect_seconds, _SUSPECT_GROWTH)
        elif found is not Found.UNKNOWN:
            camera.failures += 1
        self._place_next(camera, found, now_s)
        if (before == 0) != (camera.failures == 0):
            self._ask_family(camera, now_s)

    # what is told from outside ---------------------------------------------------------------------------------

    def suspect(self, camera: str, fault: str, now_s: float, pause_s: float | None = None) -> None:
        """A fault is suspected: look again soon, and every `pause_s`; without it at growing distances."""
        known = self._cameras.get(camera)
        if known is None or fault in known.suspicions:
            return
        known.suspicions |= {fault}
        if known.failures:
            return  # one that does not answer is asked again soon by itself
        terms = self._terms
        if pause_s is None:
            series = _Series(terms.suspect_visits, terms.suspect_seconds, _SUSPECT_GROWTH)
        else:
            series = _Series(terms.suspect_visits, max(pause_s, terms.suspect_seconds), 1.0)
        if known.series is not None and known.series.pause_s < series.pause_s:
            known.series.left = max(known.series.left, series.left)
            return
        known.series = series
        if known.queue is _Queue.PLACES and known.held_s is None and self._waits_for(known, series):
            self._place_suspect(known, series, now_s)
        else:
            self._hurry(known, series, now_s)

    def settle(self, camera: str, fault: str) -> None:
        """A suspicion is over, one way or the other: back to the places, after the visit that stands next; or to the
        place that was left out for it.
        """
        known = self._cameras.get(camera)
        if known is None or fault not in known.suspicions:
            return
        known.suspicions -= {fault}
        if known.suspicions:
            return
        known.series = None
        if known.left_out_s and known.queue is _Queue.WANTED and known.held_s is None:
            known.place_due -= known.left_out_s
            known.left_out_s = 0.0
            self._place(known, _Queue.PLACES, known.place_due)

    def verify(self, camera: str, now_s: float) -> None:
        """A repair is under way, or told: look sooner for a while."""
        known = self._cameras.get(camera)
        if known is None:
            return
        known.verify = _Series(self._terms.verify_visits, self._terms.verify_seconds, 1.0)
        self._hurry(known, known.verify, now_s)

    def ask_now(self, cameras: Iterable[str], now_s: float) -> int:
        """Visit these at once; how many will be. Those that are being visited, or just were, are left out."""
        return sum(self._ask(self._cameras[name], now_s, now_s) for name in cameras if name in self._cameras)

    # the moment ------------------------------------------------------------------------------------------------

    def snapshot(self, now_s: float, others: Iterable[Other] = ()) -> Snapshot:
        """`others`: cameras that are looked at without the schedule. O(n log n)."""
        well: dict[str, list[tuple[float, float]]] = {name: [] for name in self._terms.classes}
        failing: list[tuple[float, float]] = []
        suspects = count = 0
        for other in others:
            count += 1
            suspects += other.suspect
            age = (now_s - other.looked_s, other.place.target_s)
            (failing if other.failing else well.setdefault(other.place.camera_class, [])).append(age)
        for camera in self._cameras.values():
            age = (now_s - camera.looked_s, camera.place.target_s)
            (failing if camera.failures else well.setdefault(camera.place.camera_class, [])).append(age)
            suspects += bool(camera.suspicions)
        return Snapshot(
            cameras=len(self._cameras) + count,
            failing=len(failing),
            suspects=suspects,
            in_flight=self._running[False] + self._running[True],
            demand_per_s=sum(1 / camera.period_s for camera in self._cameras.values()),
            stretch=self._stretch(now_s),
            held_back=dict(self._held_back),
            ages=tuple(_ages(name, self._terms.freshness_seconds(name), pairs) for name, pairs in well.items()),
            failing_ages=_ages("failing", self._terms.failing_seconds_max, failing),
        )

    def waiting(self) -> Iterator[tuple[str, bool]]:
        """Each camera and whether a visit to it stands in some queue; for tests of the promise that it does."""
        for name, camera in self._cameras.items():
            yield name, camera.flying is not None or camera.queue is not None

    # placing ---------------------------------------------------------------------------------------------------

    def _add(self, name: str, place: Place, now_s: float) -> _Camera:
        camera = _Camera(name)
        camera.looked_s = now_s
        self._cameras[name] = camera
        self._settle_in(camera, place, now_s)
        return camera

    def _settle_in(self, camera: _Camera, place: Place, now_s: float) -> None:
        camera.place = place
        camera.period_s = place.every_s if place.every_s is not None else place.target_s * OF_TARGET
        number = self._spread[place.camera_class] = self._spread.get(place.camera_class, -1) + 1
        camera.place_due = now_s - self._set_back_s + number * _GOLDEN % 1.0 * camera.period_s
        camera.groups = tuple(self._group(limit, key) for limit, key in _groups(place))
        for group in camera.groups:
            group.members += 1
        camera.family = (None, place.parent) if place.parent else (Limit.SITE, place.site) if place.site else None
        if camera.family is not None:
            family = self._families.setdefault(camera.family, _Family())
            camera.position = len(family.members)
            family.members.append(camera)

    def _leave(self, camera: _Camera, now_s: float) -> None:
        """Take a camera out of its queue, its groups and its family."""
        self._forget_entry(camera, now_s)
        for limit, key in _groups(camera.place):
            group = self._groups[limit, key]
            group.members -= 1
            self._drop_empty(group)
        camera.groups = ()
        if camera.family is not None:
            family = self._families[camera.family]
            last = family.members.pop()
            if last is not camera:
                family.members[camera.position] = last
                last.position = camera.position
            if not family.members:
                del self._families[camera.family]

    def _group(self, limit: Limit, key: str) -> _Group:
        group = self._groups.get((limit, key))
        if group is None:
            terms = self._terms
            most, rate = {
                Limit.SITE: (terms.site_in_flight, terms.site_visits_per_second),
                Limit.SUBNET: (terms.subnet_in_flight, terms.subnet_visits_per_second),
                Limit.HOST: (terms.host_in_flight, math.inf),
            }[limit]
            group = self._groups[limit, key] = _Group(limit, key, most, 1 / rate)
        return group

    def _drop_empty(self, group: _Group) -> None:
        """Forget a group that nobody is in: not while a visit is in flight, or its limit would begin anew."""
        if group.members == 0 and group.running == 0:
            self._groups.pop((group.kind, group.key), None)

    def _place(self, camera: _Camera, queue: _Queue, due: float) -> None:
        self._entries += 1
        camera.queue, camera.due, camera.entry, camera.held_s = queue, due, self._entries, None
        self._push(camera, queue)
        if queue is _Queue.WANTED:  # it keeps its place, too: many that are wanted must not make any of them older
            self._push(camera, _Queue.PLACES)

    def _push(self, camera: _Camera, queue: _Queue) -> None:
        heap = self._queues[queue]
        due = camera.place_due if queue is _Queue.PLACES else camera.due
        heapq.heappush(heap, (due, camera.entry, camera))
        if len(heap) > _STALE_ENTRIES + 2 * len(self._cameras):
            heap[:] = {item[1]: item for item in heap if item[1] == item[2].entry}.values()
            heapq.heapify(heap)

    def _forget_entry(self, camera: _Camera, now_s: float) -> None:
        self._entries += 1
        camera.queue, camera.entry, camera.held_s = None, self._entries, None
        for group in camera.groups:  # it may have been the one that was let through
            self._stir(group, now_s)

    def _place_first(self, camera: _Camera, now_s: float) -> None:
        self._first_s = max(self._first_s, now_s)
        self._wanted(camera, self._first_s)
        if camera.queue is _Queue.WANTED:
            self._first_s += 1 / self._terms.first_visits_per_second

    def _wanted(self, camera: _Camera, due_s: float) -> None:
        """In the queue of what is wanted, unless its place comes sooner anyway."""
        if camera.place_due + self._set_back_s <= due_s:
            self._place(camera, _Queue.PLACES, camera.place_due)
        else:
            self._place(camera, _Queue.WANTED, due_s)

    def _place_next(self, camera: _Camera, found: Found, now_s: float) -> None:
        if camera.place_due + self._set_back_s <= now_s:
            passed = (now_s - self._set_back_s - camera.place_due) // camera.period_s
            camera.place_due += max(passed + 1, 1) * camera.period_s
        if camera.failures:
            pause_s = self._back_off_s(camera, found)
            if camera.verify is not None and found is not Found.REFUSED:
                pause_s = min(pause_s, camera.verify.pause_s)
            self._place(camera, _Queue.FAILING, now_s + pause_s)
            return
        camera.left_out_s = 0.0
        series = camera.series
        if series is not None and self._waits_for(camera, series):
            self._place_suspect(camera, series, now_s)
            return
        pauses = [series.pause_s for series in (camera.series, camera.verify) if series is not None]
        self._wanted(camera, now_s + min(pauses, default=math.inf))

    def _waits_for(self, camera: _Camera, series: _Series) -> bool:
        """Whether a suspicion that says how soon is looked at then, and no sooner: its looks have a time to span."""
        most_s = _SUSPECT_OF_TARGET * camera.place.target_s
        return series.fixed and series.left > 0 and series.pause_s <= most_s and camera.verify is None

    def _place_suspect(self, camera: _Camera, series: _Series, now_s: float) -> None:
        """The places that come before the look which a suspicion asks for are left out."""
        due_s = now_s + series.pause_s
        while camera.place_due + self._set_back_s < due_s:
            camera.place_due += camera.period_s
            camera.left_out_s += camera.period_s
        self._place(camera, _Queue.WANTED, due_s)

    def _back_off_s(self, camera: _Camera, found: Found) -> float:
        cap_s = max(self._terms.failing_seconds_max, camera.period_s)
        if found is Found.REFUSED:
            pause_s = cap_s if camera.failures > 1 else cap_s / 4
        else:
            pause_s = min(self._terms.suspect_seconds * 2.0 ** min(camera.failures - 1, 32), cap_s)
        return pause_s * (1 - _JITTER * _chance(camera.name, camera.failures))

    def _hurry(self, camera: _Camera, series: _Series, now_s: float) -> None:
        """Bring the next visit forward."""
        if camera.flying or series.left == 0:
            return
        due_s = now_s + series.pause_s
        waits_until_s = camera.due + (self._set_back_s if camera.queue is _Queue.PLACES else 0.0)
        if due_s < waits_until_s:
            self._forget_entry(camera, now_s)
            self._place(camera, _Queue.FAILING if camera.failures else _Queue.WANTED, due_s)

    def _count_series(self, camera: _Camera) -> None:
        for name in ("series", "verify"):
            series: _Series | None = getattr(camera, name)
            if series is None:
                continue
            series.left -= 1
            if not series.fixed:
                series.pause_s = min(series.pause_s * series.growth, camera.period_s)
            if series.left <= 0:
                setattr(camera, name, None)

    # families --------------------------------------------------------------------------------------------------

    def _ask_family(self, camera: _Camera, now_s: float) -> None:
        """It fell away or came back: ask those who hang together with it, at most so many per family and while.

        Who fell away may be the first of many, so the others are asked at once. Who may have come back has time: a
        network that returns with a thousand cameras would make a herd of them.
        """
        keys: list[tuple[Limit | None, str]] = [(None, camera.name)]  # those behind it
        if camera.family is not None:
            keys.append(camera.family)
        for key in keys:
            family = self._families.get(key)
            if family is None:
                continue
            if now_s >= family.until_s:
                family.until_s, family.asked = now_s + _FAMILY_PAUSE_S, 0
            parent = self._cameras.get(camera.place.parent)
            kin = [parent] if parent is not None else []
            kin += self._members(family, alike=camera.failures == 0)
            for member in kin:
                if family.asked >= self._terms.family_asked:
                    break
                if camera.failures:
                    family.asked += self._ask(member, now_s, now_s)
                else:
                    self._return_s = max(self._return_s, now_s)
                    if self._ask(member, self._return_s, now_s):
                        family.asked += 1
                        self._return_s += 1 / self._terms.first_visits_per_second

    def _members(self, family: _Family, *, alike: bool) -> list[_Camera]:
        """Up to `family_asked` members (another time others) that fail, `alike`, or do not."""
        found: list[_Camera] = []
        for _ in range(min(len(family.members), 4 * self._terms.family_asked)):
            if len(found) == self._terms.family_asked - family.asked:
                break
            family.cursor = (family.cursor + 1) % len(family.members)
            member = family.members[family.cursor]
            if bool(member.failures) is alike and member.flying is None:
                found.append(member)
        return found

    def _ask(self, camera: _Camera, due_s: float, now_s: float) -> bool:
        if camera.flying or now_s - camera.begun_s < _JUST_ASKED_S:
            return False
        if camera.queue is not _Queue.PLACES and camera.due <= due_s:
            return False  # its turn comes as soon
        self._forget_entry(camera, now_s)
        self._place(camera, _Queue.FAILING if camera.failures else _Queue.WANTED, due_s)
        return True

    # taking ----------------------------------------------------------------------------------------------------

    def _full(self, queue: _Queue) -> bool:
        failing = queue is _Queue.FAILING
        most = self._terms.failing_in_flight if failing else self._terms.visits_in_flight
        return self._running[failing] >= most

    def _take(self, queue: _Queue, now_s: float) -> _Camera | None:
        """The camera whose turn it is in a queue, out of its queue; those that a limit holds back wait there."""
        heap = self._queues[queue]
        behind_s = self._set_back_s if queue is _Queue.PLACES else 0.0
        while heap and not self._full(queue) and heap[0][0] + behind_s <= now_s:  # as in wake_s, to the last bit
            _, entry, camera = heapq.heappop(heap)
            if entry != camera.entry:
                continue
            closed = [group for group in camera.groups if group.running >= group.most or now_s < group.next_s]
            if not closed:
                return camera
            if camera.held_s is None:
                camera.held_s = now_s
                self._held_back[closed[0].kind] += 1
            line = closed[0].waiting.setdefault(queue, [])
            heapq.heappush(line, (camera.held_s, entry, camera, entry))
            for group in camera.groups:
                self._stir(group, now_s)
        return None

    def _begin(self, camera: _Camera, queue: _Queue, now_s: float) -> Turn:
        if queue is _Queue.PLACES and camera.held_s is None:
            late_s = now_s - self._set_back_s - camera.place_due - _SLACK_S
            self._set_back_s += max(late_s, 0.0)
        self._entries += 1
        camera.queue, camera.entry, camera.held_s = None, self._entries, None
        camera.begun_s = now_s
        camera.flying = turn = Turn(camera.name, queue, now_s, camera.groups)
        self._running[queue is _Queue.FAILING] += 1
        for group in camera.groups:
            group.running += 1
            group.next_s = now_s + group.spacing_s
            self._stir(group, now_s)
        return turn

    def _stir(self, group: _Group, now_s: float) -> None:
        """Let the first of each line of a group through when its limits allow, or see to it that it is woken."""
        if not group.waiting or group.running >= group.most:
            return
        if now_s < group.next_s:
            if not group.waking:
                group.waking = True
                self._entries += 1
                heapq.heappush(self._wakes, (group.next_s, self._entries, group))
            return
        for queue, line in list(group.waiting.items()):
            while line:
                _, _, camera, entry = heapq.heappop(line)
                if entry == camera.entry:
                    self._push(camera, queue)
                    break
            if not line:
                del group.waiting[queue]

    # overload --------------------------------------------------------------------------------------------------

    def _mark(self, now_s: float) -> None:
        if not self._marks or now_s - self._marks[-1][0] >= _MARK_S:
            self._marks.append((now_s, self._set_back_s))

    def _stretch(self, now_s: float) -> float:
        if not self._marks or now_s <= self._marks[0][0]:
            return 1.0
        passed_s = now_s - self._marks[0][0]
        gone_s = passed_s - (self._set_back_s - self._marks[0][1])
        return min(passed_s / gone_s, _MOST_STRETCH) if gone_s > 0 else _MOST_STRETCH


def _groups(place: Place) -> list[tuple[Limit, str]]:
    groups = [(Limit.SITE, place.site)] if place.site else []
    host = place.host.lower()
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return groups if host in ("", "localhost") else [*groups, (Limit.HOST, host)]
    if address.is_loopback:
        return groups  # ourselves: there is no line to spare
    prefix = 24 if address.version == 4 else 64
    subnet = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    return [*groups, (Limit.SUBNET, str(subnet)), (Limit.HOST, str(address))]


def _chance(name: str, number: int) -> float:
    """0 to 1, the same wherever and whenever it is asked."""
    return zlib.crc32(f"{name}/{number}".encode()) / 2**32


def _ages(name: str, target_s: float, pairs: list[tuple[float, float]]) -> ClassAges:
    """`pairs`: of each camera the age of its last look and its target, seconds."""
    ages = sorted(age for age, _ in pairs)
    over = sum(age > target for age, target in pairs)

    def quantile(share: float) -> float:
        return ages[min(int(share * len(ages)), len(ages) - 1)] if ages else math.nan

    return ClassAges(name, target_s, len(ages), quantile(0.5), quantile(0.9), quantile(0.99), quantile(1.0), over)
