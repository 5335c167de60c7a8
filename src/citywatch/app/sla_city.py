"""The facts that a city has concluded itself, out of its store, as they were known at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from citywatch.app.data_dir import DataDir
from citywatch.domain.instants import NS_PER_MS
from citywatch.domain.labels import Labels, Matcher
from citywatch.domain.responsibility import Register, labels_of
from citywatch.domain.service import ALWAYS_NS, NEVER_NS, ServiceFact, ServiceState, Standing, fact
from citywatch.settings import Settings
from citywatch.sla.contracts import Listed
from citywatch.sla.history import History
from citywatch.sla.responses import Answered, Hold
from citywatch.sla.windows import occurrences

if TYPE_CHECKING:
    from citywatch.adapters.store.sql import SqlStore

_PAGE = 500
_OTHER_WORDS = {"removed": ServiceState.RETIRED}
_MOST_REASON = 200


class City:
    """One store, and up to when its states are decided."""

    def __init__(self, store: SqlStore, known_until_ns: int, register: Register | None = None) -> None:
        from citywatch.adapters.store.service_events import ServiceEvents  # noqa: PLC0415

        self._store = store
        self._events = ServiceEvents(store)
        self._register = register or Register()
        self.known_until_ns = known_until_ns

    @classmethod
    @contextmanager
    def open(
        cls, directory: DataDir, settings: Settings, now_ns: int, *, log: str | None, register: Register
    ) -> Iterator[City | None]:
        """None where no city has run in this data directory. Its log (`log`: where it runs) says up to when states
        are decided.
        """
        if not (settings.store.url or directory.database.exists()):
            yield None
            return
        from contextlib import nullcontext  # noqa: PLC0415

        from citywatch.adapters.log.redis_streams import RedisLog  # noqa: PLC0415
        from citywatch.adapters.store.sql import SqlStore  # noqa: PLC0415
        from citywatch.app.offline import log_url  # noqa: PLC0415

        store = SqlStore.open(directory.existing().database_url(settings.store.url))
        try:
            with nullcontext(log) if log else log_url(directory, settings) as url:
                found = RedisLog(url, settings.log.partitions)
                try:
                    decided = min((position.ms for position in found.committed().values()), default=0) * NS_PER_MS
                finally:
                    found.close()
            yield cls(store, min(decided, now_ns), register)
        finally:
            store.close()

    def register(self) -> dict[str, Listed]:
        """What the city knows of its devices, and who answers for them."""
        found = {}
        for row in self._devices():
            name, kind, site = row["device"], row["kind"], row["site"]
            who = self._register.of(name, kind, site)
            found[name] = Listed(
                name, who.area, who.klass, who.department, who.contractor, kind=kind, site=site, parent=row["parent"]
            )
        for row in self._cameras():
            listed = found.get(row["camera"])
            if listed is not None and not listed.klass:
                found[row["camera"]] = replace(listed, klass=row["camera_class"])
        return found

    def history(self, from_ns: int, to_ns: int, known_ns: int) -> History:
        """The facts of a window that were known by then: states, times inhibited by a parent, declared work and
        maintenance windows as externally disabled, cameras that were not there yet.

        Time that is disabled is told from the beginning of a failure that was there at `from_ns`, or from the filing of
        a ticket that was open then, so that their clocks can leave it out.
        """
        devices = {row["device"]: (row["kind"], row["site"]) for row in self._devices()}
        facts = [
            fact(row["camera"], ServiceState.RETIRED, ALWAYS_NS, row["put_at_ns"], "not added yet",
                 standing=Standing.PRESUMED)
            for row in self._cameras()
        ]  # fmt: skip
        states = list(self._states(list(devices), from_ns, to_ns, known_ns))
        begins = _begins(states, from_ns)
        for device, filed_ns in self._events.waiting(from_ns, known_ns):
            begins[device] = min(begins.get(device, from_ns), filed_ns)
        earliest = min(begins.values(), default=from_ns)
        facts += states
        facts += self._inhibited(earliest, to_ns, known_ns, states)
        facts += self._worked(earliest, to_ns, known_ns)
        facts += self._windows(devices, begins, from_ns, to_ns, known_ns)
        return History.of_facts(facts, devices=devices)

    def tickets(self, from_ns: int, known_ns: int) -> Iterator[Answered]:
        """Tickets as they were known then, by their steps; not those that were over before `from_ns`."""
        for row, steps in self._events.tickets(from_ns, known_ns):
            yield answered(row, steps)

    def _states(self, devices: list[str], from_ns: int, to_ns: int, known_ns: int) -> Iterator[ServiceFact]:
        device, known = "", ALWAYS_NS
        for row in self._events.states(devices, from_ns, to_ns, known_ns):
            # What was decided later stands over what was decided before, whatever a clock said meanwhile.
            known = max(known, row["at_ns"]) if row["device"] == device else row["at_ns"]
            device = row["device"]
            yield ServiceFact(
                device,
                _OTHER_WORDS.get(row["state"]) or ServiceState(row["state"]),
                row["worst_from_ns"],
                row["best_from_ns"],
                cause=row["reason"],
                evidence=row["event"],
                known_ns=known,
                number=row["seq"],
            )

    def _inhibited(
        self, from_ns: int, to_ns: int, known_ns: int, states: Iterable[ServiceFact]
    ) -> Iterator[ServiceFact]:
        """A device that fell with its parent fell when that did, whenever that was: in the worst reading, in which it
        is down from the last look that found it in order, the parent's outage begins as early.
        """
        fell = {(one.device, one.best_from_ns): one.worst_from_ns for one in states if one.state is ServiceState.DOWN}
        for row in self._events.inhibited(from_ns, to_ns, known_ns):
            first_bad: int = row["first_bad_ns"]
            end = NEVER_NS if row["left_at_ns"] is None else row["left_at_ns"]
            last_good = row["last_good_ns"] if row["last_good_ns"] >= 0 else first_bad
            yield ServiceFact(
                row["device"],
                ServiceState.DISABLED,
                fell.get((row["device"], first_bad), first_bad),
                min(last_good, first_bad),
                max(end, first_bad),
                max(end, first_bad),
                f"parent:{row['root']}",
                row["incident"],
                row["joined_at_ns"],
                Standing.INHIBITED,
            )

    def _worked(self, from_ns: int, to_ns: int, known_ns: int) -> Iterator[ServiceFact]:
        for row in self._events.work(from_ns, to_ns, known_ns):
            yield fact(
                row["device"],
                ServiceState.DISABLED,
                row["from_ns"],
                row["to_ns"],
                _because(row["kind"], row["note"]),
                evidence=row["work"],
                known_ns=row["at_ns"],
                standing=Standing.STATED,
            )

    def _windows(
        self,
        devices: Mapping[str, tuple[str, str]],
        begins: Mapping[str, int],
        from_ns: int,
        to_ns: int,
        known_ns: int,
    ) -> Iterator[ServiceFact]:
        earliest = min(begins.values(), default=from_ns)
        rows = [row for row in self._store.windows(from_ns=earliest, to_ns=to_ns) if row["set_at_ns"] <= known_ns]
        if not rows:
            return
        labels: dict[str, Labels] = {
            name: labels_of(name, kind, site, self._register.of(name, kind, site))
            for name, (kind, site) in devices.items()
        }
        for row in rows:
            matcher = Matcher.of(row["matcher"])
            because = _because(row["kind"], row["reason"])
            times: dict[int, list[tuple[int, int]]] = {}
            for name, told in labels.items():
                if not matcher.matches(told):
                    continue
                begin_ns = begins.get(name, from_ns)
                if begin_ns not in times:
                    times[begin_ns] = _times(row, begin_ns, to_ns, known_ns)
                for begin, end in times[begin_ns]:
                    yield fact(
                        name,
                        ServiceState.DISABLED,
                        begin,
                        end,
                        because,
                        evidence=row["id"],
                        known_ns=row["set_at_ns"],
                        standing=Standing.STATED,
                    )

    def _devices(self) -> Iterator[Mapping[str, Any]]:
        after = ""
        while rows := self._store.devices(kind=None, after=after, limit=_PAGE):
            yield from rows
            after = rows[-1]["device"]

    def _cameras(self) -> Iterator[Mapping[str, Any]]:
        after = ""
        while rows := self._store.cameras(removed=True, after=after, limit=_PAGE):
            yield from rows
            after = rows[-1]["camera"]


def answered(row: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> Answered:
    """A ticket by its steps, in their order: the first answer, the last end, and the times on hold."""
    accepted = closed = None
    outcome, reopened = "", 0
    holds: list[Hold] = []
    for step in steps:
        at_ns, what = step["at_ns"], step["step"]
        if holds and holds[-1].to_ns is None and what in ("resumed", "handled", "verified", "closed", "dispatched"):
            holds[-1] = replace(holds[-1], to_ns=at_ns)
        if what == "accepted" and accepted is None:
            accepted = at_ns
        elif what == "held":
            holds.append(Hold(step["reason"], at_ns, None))
        elif what == "handled":
            outcome = step["reason"] or outcome
        elif what == "closed":
            closed, outcome = at_ns, outcome or step["reason"]
        elif what == "reopened":
            closed, outcome, reopened = None, "", reopened + 1
    return Answered(
        row["device"],
        row["filed_at_ns"],
        accepted,
        closed,
        ticket=row["id"],
        fault=row["fault"],
        outcome=outcome,
        exercise=bool(row.get("exercise", False)),
        reopened=reopened,
        holds=tuple(holds),
    )


def _begins(states: list[ServiceFact], from_ns: int) -> dict[str, int]:
    """Of devices that were not up at the beginning: since when they were not."""
    found: dict[str, int] = {}
    for one in states:
        if one.device not in found:
            up = one.state in (ServiceState.UP, ServiceState.RETIRED)
            found[one.device] = from_ns if up else min(one.worst_from_ns, one.best_from_ns, from_ns)
    return {device: begin_ns for device, begin_ns in found.items() if begin_ns < from_ns}


def _times(row: Mapping[str, Any], from_ns: int, to_ns: int, known_ns: int) -> list[tuple[int, int]]:
    """The times of a window that touch [from_ns, to_ns), the first from its own beginning: contracts ask how late it
    was declared."""
    times = occurrences(row, from_ns, to_ns, known_ns=known_ns)
    if times and times[0][0] == from_ns and row["from_ns"] < from_ns:
        begin_ns = occurrences(row, row["from_ns"], from_ns + 1, known_ns=known_ns)[-1][0]
        times[0] = (begin_ns, times[0][1])
    return times


def _because(kind: str, words: str) -> str:
    text = " ".join(words.split())[:_MOST_REASON]
    return f"{kind}:{text}" if text else kind
