"""What other systems claim, and where it does not fit: as rows to read."""

import pytest

from citywatch.adapters.store.project import Projector
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.ports import ORIGIN, Position

SAID = {
    "source": "gb28181:1",
    "aspect": "presence",
    "claim": "online",
    "reason": "register",
    "detail": "",
    "said_ns": -1,
}


@pytest.fixture
def projector(store):
    return Projector(store)


def tell(projector, *told):
    """(kind, device, at_ns, cause, data) in turn."""
    ms = projector.positions().get(0, ORIGIN).ms + 1
    events = [
        Event(event_id(kind, device, at_ns, number), kind, device, at_ns, cause, data)
        for number, (kind, device, at_ns, cause, data) in enumerate(told)
    ]
    return projector.apply(0, [(Position(ms, number), event) for number, event in enumerate(events)])


def heard(at_ns, device="cam-1", **changes):
    return EventKind.CLAIM_HEARD, device, at_ns, "", SAID | changes


def test_the_newest_claim_of_each_voice_stands(store, projector):
    tell(projector, heard(1), heard(2, claim="offline", reason="keepalive_missed"))
    tell(projector, heard(3, source="gb28181:2", aspect="catalogue"), heard(4, device="cam-2"))
    tell(projector, heard(5, aspect="alarm", claim="tampered", detail="black"))
    tell(projector, heard(6, aspect="alarm", claim="tampered", detail="moved"))
    tell(projector, heard(7, aspect="alarm", claim="over", detail="black"))
    shown = [
        (row["source"], row["aspect"], row["detail"], row["claim"], row["since_ns"]) for row in store.sources("cam-1")
    ]
    assert shown == [
        ("gb28181:1", "alarm", "black", "over", 7),
        ("gb28181:1", "alarm", "moved", "tampered", 6),
        ("gb28181:1", "presence", "", "offline", 2),
        ("gb28181:2", "catalogue", "", "online", 3),
    ]
    assert store.device("cam-2") is not None


def disagree(at_ns, cause, kind="online_but_unreachable", device="cam-1"):
    data = {"kind": kind, "claims": [{"source": "gb28181:1"}], "looks": "unreachable", "since_ns": at_ns - 60}
    return EventKind.SOURCES_DISAGREE, device, at_ns, cause, data


def agree(at_ns, cause, device="cam-1"):
    return EventKind.SOURCES_AGREE, device, at_ns, cause, {"kind": "x", "looks": "reachable", "since_ns": 0}


def test_disagreements_begin_and_end(store, projector):
    tell(projector, disagree(100, "a"), disagree(101, "b"), disagree(102, "c", device="cam-2"), agree(200, "a"))
    tell(projector, disagree(100, "a"), agree(300, "never told"))
    shown = [(row["cause"], row["until_ns"]) for row in store.disagreements(device="cam-1", lasting=False, limit=10)]
    assert shown == [("b", None), ("a", 200)]
    assert [row["cause"] for row in store.disagreements(device=None, lasting=True, limit=10)] == ["c", "b"]
    assert dict(projector.unmatched) == {"sources_agree": 1}


def test_of_a_removed_camera_nobody_speaks(store, projector):
    tell(projector, heard(1), disagree(2, "a"))
    removed = {"origin": "api", "file": "", "actor": "x", "command": "c"}
    tell(projector, (EventKind.CAMERA_REMOVED, "cam-1", 9, "", removed))
    assert [row["claim"] for row in store.sources("cam-1")] == ["lapsed"]
    assert [row["until_ns"] for row in store.disagreements(device="cam-1", lasting=False, limit=1)] == [9]


def test_what_is_for_the_patrol_alone_is_not_kept(store, projector):
    ask = {"reason": "tampering_claimed", "source": "onvif:cam-1", "detail": "black"}
    assert tell(projector, (EventKind.LOOK_ASKED, "cam-1", 1, "", ask)) == 0
    assert store.device("cam-1") is None
    assert projector.positions()[0] == Position(1, 0)


def test_what_is_over_and_old_goes(store, projector):
    tell(projector, heard(1), heard(2, source="gb28181:2", claim="lapsed"), disagree(3, "a"), disagree(4, "b"))
    tell(projector, agree(5, "a"))
    gone = store.prune(1000)
    assert (gone["sources"], gone["disagreements"]) == (1, 1)
    assert [row["source"] for row in store.sources("cam-1")] == ["gb28181:1"]
