"""Photos of repairs end with their tickets; the people side is forgotten when it is over and old."""

from __future__ import annotations

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.events import Event, EventKind
from citywatch.ports import Position

HASHES = ("a" * 64, "b" * 64, "c" * 64)


def photo(number, ticket, name, at_ns):
    told = {"width": 4, "height": 3, "size_bytes": 99, "actor": "crew", "command": f"c{number}"}
    return Event(f"e{number}", EventKind.PHOTO_ADDED, "cam", at_ns, "", {"ticket": ticket, "photo": name, **told})


def exercise(kind, at_ns, **more):
    about = {"exercise": "x", "fault": "black", "reason": "exercise", "looks": 0, "actor": "desk", "command": ""}
    return Event(f"{kind}", kind, "cam", at_ns, "x", {**about, **more})


def test_photos_are_released_when_nobody_shows_them_any_more(tmp_path):
    store = SqlStore.open(tmp_path / "city.db")
    pinned, released = [], []
    projector = Projector(store, pin=pinned.append)
    events = [
        photo(1, "old", HASHES[0], 100),
        photo(2, "old", HASHES[1], 110),
        photo(3, "young", HASHES[1], 900),  # the same picture, of a ticket that stays
        photo(4, "old", HASHES[0], 120),  # sent once more
    ]
    projector.apply(0, [(Position(1, n), event) for n, event in enumerate(events)])
    assert set(pinned) == set(HASHES[:2])
    assert [row["photo"] for row in store.ticket_photos("old")] == [HASHES[0], HASHES[1]]
    assert store.verdict("c4")["verdict"] == "accepted"
    assert store.end_photos(50, released.append) == 0
    assert store.end_photos(500, released.append) == 2
    assert released == [HASHES[0]]
    assert [row["photo"] for row in store.ticket_photos("young")] == [HASHES[1]]
    assert store.end_photos(1000, released.append) == 1
    assert released == [HASHES[0], HASHES[1]]
    store.close()


def test_exercises_and_shifts_are_forgotten_when_they_are_over_and_old(tmp_path):
    store = SqlStore.open(tmp_path / "city.db")
    counts = {"alerts_open": 2}
    shift = {"entry": "s", "kind": "entry", "note": "quiet", "to": "", "counts": counts, "actor": "a", "command": "k"}
    events = [
        exercise(EventKind.EXERCISE_STARTED, 100, first_bad_ns=100, last_good_ns=-1, until_ns=900, note="drill"),
        Event("shift", EventKind.SHIFT_LOGGED, "city", 150, "", shift),
    ]
    projector = Projector(store)
    projector.apply(0, [(Position(1, n), event) for n, event in enumerate(events)])
    assert store.device("city") is None
    assert store.device("cam") is None  # a fault that is played says nothing of the device
    assert store.shift_log(before=None, limit=9)[0]["counts"] == counts
    store.prune(200)
    assert [row["id"] for row in store.exercises(lasting=True, before=None, limit=9)] == ["x"]
    assert store.shift_log(before=None, limit=9) == []
    ended = exercise(EventKind.EXERCISE_ENDED, 300, first_good_ns=300, how="expired")
    projector.apply(0, [(Position(2, 0), ended)])
    assert store.exercises(lasting=True, before=None, limit=9) == []
    assert store.exercise("x")["how"] == "expired"
    store.prune(301)
    assert store.exercise("x") is None
    store.close()
