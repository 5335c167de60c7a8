"""Who is told in a scripted city: the planner of the part `notify` itself, with the script's seconds for its clock.

Groups wait, silences and incidents keep quiet, calendars mute, as in a city that runs; what would be sent is on record
in the log of deliveries, and nothing is sent. A script that asks who was told is ticked second by second.
"""

from __future__ import annotations

from collections.abc import Collection

from citywatch.adapters.store.outbox import Outbox
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.notify import muted
from citywatch.app.notify_planner import Planner, Plans
from citywatch.domain.labels import Matcher
from citywatch.notifications.config import NotificationSettings
from citywatch.telemetry import NullMeter

_NO_LIMIT = 2**62
_NOT_SAID = frozenset({"quiet", "dropped"})


class _Clock:
    """The second of the script."""

    def __init__(self, now_ns: int) -> None:
        self.at_ns = now_ns

    def now_ns(self) -> int:
        return self.at_ns


class Telling:
    """The planner over the store of one scripted city."""

    def __init__(self, settings: NotificationSettings, store: SqlStore, start_ns: int) -> None:
        self._store, self._outbox, self._clock = store, Outbox(store), _Clock(start_ns)
        plans = Plans(
            settings.root(), dict.fromkeys((one.name for one in settings.receivers), _NO_LIMIT), muted(settings)
        )
        self._planner = Planner(self._outbox, plans, self._silences, self._clock, NullMeter())
        self._planner.begin(0)
        self._due_ns: int | None = None

    def at(self, now_ns: int, *, moved: bool) -> None:
        """A second has passed; `moved`: something was told in it."""
        if not moved and (self._due_ns is None or now_ns < self._due_ns):
            return
        self._clock.at_ns = now_ns
        while self._planner.turn():
            pass
        self._due_ns = self._outbox.first_due_ns()

    def receivers(self, subjects: Collection[str]) -> set[str]:
        """Who was told of any of these (`alert/ID`, `ticket/ID`) up to now."""
        rows = self._store.deliveries(receiver=None, state=None, before=None, limit=_NO_LIMIT)
        return {
            row["receiver"]
            for row in rows
            if row["state"] not in _NOT_SAID and any(item["subject"] in subjects for item in row["document"]["items"])
        }

    def _silences(self, now_ns: int) -> list[Matcher]:
        return [Matcher.of(silence["matcher"]) for silence in self._store.silences(active_at_ns=now_ns)]
