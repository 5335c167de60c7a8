"""A run of events, by their kinds: in a storm of one kind nobody walks over all of them for the sake of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from citywatch.adapters.store.fold_rows import text
from citywatch.domain.events import Event, EventKind


class Run:
    """Events of one transaction, in the log's order."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._places: dict[EventKind, list[int]] = {}
        for place, event in enumerate(events):
            self._places.setdefault(event.kind, []).append(place)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def of(self, *kinds: EventKind) -> Sequence[Event]:
        """Those of these kinds, in the log's order."""
        places = sorted(place for kind in kinds for place in self._places.get(kind, ()))
        return [self._events[place] for place in places]

    def named(self, field: str) -> set[str]:
        """The texts of a field, of all events that have it. TypeError, ValueError."""
        return {text(event, field) for event in self._events if field in event.data}
