"""The projection of references: rows, and which pictures are pinned and released."""

import pytest
from test_store_projector import make, tell

from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.adapters.store.project import Projector
from citywatch.domain.events import EventKind


def adopted(picture, *, light="day", preset="", device="cam-1", at_ns=100, replaced=""):
    return make(
        EventKind.REFERENCE_ADOPTED, "", device, at_ns,
        light=light, preset=preset, picture=picture, replaced=replaced, reason="first",
    )  # fmt: skip


def dropped(picture, *, light="day", preset="", device="cam-1", at_ns=200):
    data = {"light": light, "preset": preset, "picture": picture, "reason": "planned"}
    return make(EventKind.REFERENCE_DROPPED, "", device, at_ns, **data)


def fault(reference, *, device="cam-1", at_ns=150):
    return make(
        EventKind.FAULT_CONFIRMED, f"f{reference}", device, at_ns, fault="moved", reason="another_view",
        first_bad_ns=140, last_good_ns=130, looks=3, evidence={}, picture="now", previous="before", reference=reference,
    )  # fmt: skip


@pytest.fixture
def told(store):
    pinned, released = [], []
    projector = Projector(store, pin=pinned.append, release=released.append)
    return store, projector, pinned, released


def rows(store, camera=None):
    return [(row["camera"], row["light"], row["preset"], row["picture"]) for row in store.camera_references(camera)]


def test_the_newest_of_each_light_and_preset_stands_and_the_one_before_is_released(told):
    store, projector, pinned, released = told
    tell(projector, adopted("a"), adopted("b", light="infrared"), adopted("c", preset="north"))
    tell(projector, adopted("d", at_ns=300, replaced="a"), adopted("e", device="cam-2"))
    assert rows(store, "cam-1") == [
        ("cam-1", "day", "", "d"),
        ("cam-1", "day", "north", "c"),
        ("cam-1", "infrared", "", "b"),
    ]
    assert rows(store)[-1] == ("cam-2", "day", "", "e")
    assert pinned == ["a", "b", "c", "d", "e"]
    assert released == ["a"]


def test_what_is_dropped_goes_and_so_does_all_of_a_camera_that_is_removed(told):
    store, projector, _, released = told
    tell(projector, adopted("a"), adopted("b", light="night"), adopted("c", device="cam-2"), dropped("a"))
    assert rows(store, "cam-1") == [("cam-1", "night", "", "b")]
    tell(projector, make(EventKind.CAMERA_REMOVED, at_ns=400, origin="api", file="", actor="admin", command="r1"))
    assert rows(store) == [("cam-2", "day", "", "c")]
    assert released == ["a", "b"]


def test_a_picture_that_a_fault_was_told_by_stays_evidence_even_when_both_come_together(told):
    _, projector, pinned, released = told
    tell(projector, adopted("a"), adopted("x", light="night"))
    tell(projector, fault("a"), adopted("b", at_ns=300, replaced="a"))
    assert released == []
    assert pinned.count("a") == 2
    tell(projector, adopted("c", at_ns=400, replaced="b"))
    assert released == ["b"]


def test_two_cameras_may_be_compared_with_the_same_picture(told):
    _, projector, _, released = told
    tell(projector, adopted("a"), adopted("a", device="cam-2", at_ns=101), adopted("b", at_ns=300))
    assert released == []
    tell(projector, dropped("a", device="cam-2", at_ns=400))
    assert released == ["a"]


def test_a_second_delivery_changes_nothing(told):
    store, projector, pinned, _ = told
    event = adopted("a")
    tell(projector, event)
    tell(projector, adopted("b", at_ns=300, replaced="a"))
    tell(projector, event)
    assert rows(store) == [("cam-1", "day", "", "b")]
    assert pinned == ["a", "b"]


def test_a_released_object_is_unpinned_and_the_youngest_there(tmp_path):
    class Nobody:
        def count(self, name, amount=1, **labels):
            pass

    objects = DirectoryObjects(tmp_path, 1_000, 1_000, Nobody())
    kept, other = objects.put(b"k" * 400), objects.put(b"o" * 400)
    assert objects.pin(kept)
    assert objects.usage_bytes() == {"unpinned": 400, "pinned": 400}
    assert objects.release(kept)
    assert not objects.release(kept)
    assert not objects.release("nothing")
    assert objects.usage_bytes() == {"unpinned": 800, "pinned": 0}
    assert objects.get(kept) == b"k" * 400
    objects.put(b"n" * 400)
    assert objects.get(other) is None
    assert objects.get(kept) is not None
