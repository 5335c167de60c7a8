"""The true steps and projections of a city, in one thread and a temporary database, with ticks as the script has them.

Nothing here decides anything: rows go into `CityStep`, what that hands on into `IncidentStep`, the events of both into
the projection, as in a city that runs with one partition. There is a tick for every second of the script. Where nobody
waits for what a single one of them gives, ten are shown to the step as one batch, which no event can tell (the law of
steps); our own doors say that they listen before each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Table, select

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.schema import METADATA
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.checks import rows
from citywatch.app.checks.looks import Patrol
from citywatch.app.checks.telling import Telling
from citywatch.app.contracts import read_contracts
from citywatch.app.register import read_register
from citywatch.app.steps import city_step, incident_step
from citywatch.domain.columns import Batch
from citywatch.domain.commands import Verb
from citywatch.domain.events import Event
from citywatch.domain.incidents import asked_after
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pulses import TickBatch
from citywatch.domain.state import State
from citywatch.flow import onward
from citywatch.ports import INCIDENTS, Position
from citywatch.settings import Settings

TICKS_AT_ONCE = 10
_PARTITION = 0
Stretch = tuple[int, int]
"""From (included) and to (not), seconds of the script."""


class City:
    """One city that lives through one script. `at_ns` is its last tick; `events` all that was told, with its tick,
    `register` who answers for which device.
    """

    def __init__(self, settings: Settings, beside: Path | None, store: SqlStore, start_ns: int) -> None:
        """`beside` is the directory of the configuration file; contracts are seen from there."""
        self.register = register = read_register(settings, beside)
        contracts = read_contracts(settings, beside or Path(), beside)
        self.store = store
        self.start_ns = start_ns
        self.patrol = Patrol()
        self.events: list[tuple[int, Event]] = []
        self.second = -1
        self.telling: Telling | None = None
        self._asked = 0
        self._step, self._state = city_step(settings, register=register, contracts=contracts), State()
        self._stage, self._joint = incident_step(settings, register, contracts), State()
        self._projector = Projector(store)
        self._observer = settings.server.observer
        self._told = 0
        self._deaf: list[tuple[str, Stretch]] = []
        self._stopped: list[Stretch] = []
        self._observers = {settings.server.observer: None}

    @property
    def at_ns(self) -> int:
        return self.start_ns + self.second * NS_PER_S

    @property
    def told(self) -> int:
        """How many events there are; what is looked at has not moved while this has not."""
        return self._told

    def hears_through(self, observer: str) -> str:
        """The observer of a heartbeat, the HTTP door where none is named; from now on it listens."""
        name = observer or self._observer
        self._observers[name] = None
        return name

    def deafen(self, observer: str, from_s: int, to_s: int) -> None:
        self._deaf.append((observer, (from_s, to_s)))

    def stop_clock(self, from_s: int, to_s: int) -> None:
        self._stopped.append((from_s, to_s))

    def feed(self, batch: Batch) -> None:
        """Rows into the step, and what comes of them into the tables."""
        if not len(batch):
            return
        self._state, events = self._step.step(self._state, batch)
        handed_on = onward.taken(self._state)
        self._state.changes()
        self._project(_PARTITION, events)
        if handed_on is not None:
            self._stage.take(self._joint, _PARTITION, handed_on)
            joint = self._stage.advance(self._joint, 1)
            verdicts = self._stage.verdicts(self._joint)
            if verdicts is not None:
                self._stage.heard(self._joint, verdicts)
            self._joint.changes()
            self._project(INCIDENTS, joint)
            if verdicts is not None:
                self.feed(verdicts)

    def tick_to(self, second: int, *, one_by_one: bool) -> Iterator[None]:
        """Every tick up to and with this second; stops after every batch of them."""
        edges = sorted({edge for stretch in [*self._stopped, *(s for _, s in self._deaf)] for edge in stretch})
        while self.second < second:
            first = self.second + 1
            beyond = min([second + 1, first + (1 if one_by_one else TICKS_AT_ONCE), *(e for e in edges if e > first)])
            self._tick(range(first, beyond))
            self.second = beyond - 1
            if self.telling is not None:
                self.telling.at(self.at_ns, moved=self._asked != self._told)
                self._asked = self._told
            yield

    def table(self, name: str) -> Table:
        return METADATA.tables[name]

    def rows_of(self, name: str) -> list[dict[str, Any]]:
        """All rows of a table as they are now."""
        table = self.table(name)
        with self.store.reading() as connection:
            query = select(table).order_by(*table.primary_key.columns)
            return [dict(row) for row in connection.execute(query).mappings()]

    def away_with(self, ticket: str) -> list[str]:
        """Children that are asked after the repair of an incident, by its ticket; none for another's."""
        causes = {row["cause"] for row in self.rows_of("tickets") if row["id"] == ticket}
        children = [row for row in self.rows_of("incident_children") if row["incident"] in causes]
        return asked_after(sorted({row["device"] for row in children if row["left_at_ns"] is None}))

    def _tick(self, seconds: range) -> None:
        listening = [
            (name, self.start_ns + second * NS_PER_S)
            for second in seconds
            for name in self._observers
            if not any(name == deaf and begin <= second < end for deaf, (begin, end) in self._deaf)
        ]
        self.feed(rows.listening(listening))
        if any(begin <= seconds[0] < end for begin, end in self._stopped):
            return
        at_ns = self.start_ns + np.arange(seconds.start, seconds.stop, dtype=np.int64) * NS_PER_S
        self.feed(TickBatch(("clock",) * len(seconds), at_ns))

    def _project(self, partition: int, events: Sequence[Event]) -> None:
        if not events:
            return
        placed = []
        for event in events:
            self._told += 1
            placed.append((Position(self._told, 0), event))
            self.events.append((self.second, event))
            self.patrol.on_event(event)
        self._projector.apply(partition, placed)


@contextmanager
def opened(template: Path, folder: Path) -> Iterator[SqlStore]:
    """A store of its own for one test: a copy of an empty one, so that its tables are made once a file."""
    database = folder / "city.sqlite"
    database.write_bytes(template.read_bytes())
    store = SqlStore.open(database)
    try:
        yield store
    finally:
        store.close()


def configured(settings: Settings, beside: Path | None, start_ns: int) -> Iterator[Batch]:
    """What the configuration and its fleet file say of devices, as a city's start tells it."""
    from citywatch.adapters.cameras.registry import describe  # noqa: PLC0415
    from citywatch.adapters.secrets import KEY_BYTES, Sealer  # noqa: PLC0415
    from citywatch.app.cameras import fleet_of  # noqa: PLC0415
    from citywatch.app.fleet import command_batch  # noqa: PLC0415
    from citywatch.app.parts import registrations  # noqa: PLC0415
    from citywatch.domain.cameras import Origin  # noqa: PLC0415

    sealer = Sealer([bytes(KEY_BYTES)])  # nobody opens what is sealed here
    cameras = [*settings.cameras, *fleet_of(beside, settings)]
    puts = [(c.camera, Verb.PUT_CAMERA, describe(c, sealer).args(Origin.CONFIGURATION)) for c in cameras]
    if puts:
        yield command_batch(puts, "configuration", start_ns)
    if settings.scales:
        yield registrations(settings, start_ns)
