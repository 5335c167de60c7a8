"""The people side in the tables: exercises, ways to devices, photos of repairs, the log of shifts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from citywatch.adapters.store.fold_rows import Rows, accepted, int64, storable, text, whole
from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import DEVICE_ACCESS, EXERCISES, SHIFT_LOG, TICKET_PHOTOS
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.faults import Fault
from citywatch.domain.field import ExerciseEnd, ShiftEntry

if TYPE_CHECKING:
    from citywatch.adapters.store.fold import Tables


class FieldRows:
    """The tables of the people side, as far as a run of events touches them."""

    def __init__(self) -> None:
        self.exercises = Rows(EXERCISES)
        self.access = Rows(DEVICE_ACCESS)
        self.photos = Rows(TICKET_PHOTOS)
        self.shifts = Rows(SHIFT_LOG)

    def read(self, connection: Connection, run: Run) -> None:
        exercises = run.of(EventKind.EXERCISE_STARTED, EventKind.EXERCISE_ENDED)
        self.exercises.read(connection, {text(event, "exercise") for event in exercises})
        self.access.read(connection, {event.device for event in run.of(EventKind.DEVICE_NOTED)})
        self.photos.read(connection, {_photo(event) for event in run.of(EventKind.PHOTO_ADDED)})
        self.shifts.read(connection, {text(event, "entry") for event in run.of(EventKind.SHIFT_LOGGED)})

    def write(self, connection: Connection) -> None:
        for rows in (self.exercises, self.access, self.photos, self.shifts):
            rows.write(connection)


def pictures(run: Run) -> list[str]:
    """Photos that must not give way from now on."""
    return [text(event, "photo") for event in run.of(EventKind.PHOTO_ADDED)]


def _photo(event: Event) -> str:
    return event_id("photo", text(event, "ticket"), text(event, "photo"))


def _photo_added(tables: Tables, event: Event) -> None:
    if tables.field.photos.get(_photo(event)) is None:
        tables.field.photos.make(
            {
                "id": _photo(event),
                "ticket": text(event, "ticket"),
                "photo": text(event, "photo"),
                "width": whole(event, "width"),
                "height": whole(event, "height"),
                "size_bytes": whole(event, "size_bytes"),
                "actor": text(event, "actor"),
                "at_ns": event.at_ns,
            }
        )
    accepted(tables.commands, event)


def _device_noted(tables: Tables, event: Event) -> None:
    notes = {name: text(event, name) for name in ("access", "contact", "key")}
    values = {**notes, "changed_by": text(event, "actor"), "changed_at_ns": event.at_ns}
    if tables.field.access.get(event.device) is None:
        tables.field.access.make({"device": event.device, **values})
    else:
        tables.field.access.change(event.device, **values)
    accepted(tables.commands, event)


def _shift_logged(tables: Tables, event: Event) -> None:
    if tables.field.shifts.get(text(event, "entry")) is None:
        tables.field.shifts.make(
            {
                "id": text(event, "entry"),
                "at_ns": event.at_ns,
                "actor": text(event, "actor"),
                "kind": ShiftEntry(text(event, "kind")).value,
                "to": text(event, "to"),
                "note": text(event, "note"),
                "counts": {storable(name): int64(count) for name, count in event.data["counts"].items()},
            }
        )
    accepted(tables.commands, event)


def _exercise_started(tables: Tables, event: Event) -> None:
    exercise = text(event, "exercise")
    if tables.field.exercises.get(exercise) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    tables.field.exercises.make(
        {
            "id": exercise,
            "device": event.device,
            "fault": Fault(text(event, "fault")).value,
            "note": text(event, "note"),
            "started_by": text(event, "actor"),
            "started_at_ns": event.at_ns,
            "until_ns": whole(event, "until_ns"),
            "ended_by": "",
            "ended_at_ns": None,
            "how": "",
            # Exercises of the release before this one are of one device each.
            "drill": storable(event.data.get("drill", "")),
            "children": [storable(name) for name in event.data.get("children", ())],
            "below": int64(event.data.get("below", 0)),
        }
    )
    accepted(tables.commands, event)


def _exercise_ended(tables: Tables, event: Event) -> None:
    exercise = text(event, "exercise")
    if tables.field.exercises.get(exercise) is None:
        tables.unmatched[event.kind.value] += 1
    else:
        how = ExerciseEnd(text(event, "how")).value
        tables.field.exercises.change(exercise, ended_by=text(event, "actor"), ended_at_ns=event.at_ns, how=how)
    accepted(tables.commands, event)


HANDLERS: Mapping[EventKind, Callable[[Tables, Event], None]] = {
    EventKind.PHOTO_ADDED: _photo_added,
    EventKind.DEVICE_NOTED: _device_noted,
    EventKind.SHIFT_LOGGED: _shift_logged,
    EventKind.EXERCISE_STARTED: _exercise_started,
    EventKind.EXERCISE_ENDED: _exercise_ended,
}
