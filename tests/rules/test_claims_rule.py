"""Claims against looks: heard, never believed; a disagreement is told when it lasts, and when it ends."""

from __future__ import annotations

import pytest

from citywatch.domain.claims import Claim
from citywatch.domain.commands import Verb
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Outcome
from citywatch.domain.state import State
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.claims import MOST_VOICES, ClaimPolicy, Disagreement
from citywatch.testing import rows as city

STEP = CityStep(load("cn-gross"), claims=ClaimPolicy(hold_seconds=60, lapse_seconds=1800))
CAMERA = "cam-1"
REGISTRAR, RECORDER, ITSELF = "gb28181:1", "gb28181:2", "onvif:cam-1"
TELLING = {EventKind.SOURCES_DISAGREE, EventKind.SOURCES_AGREE, EventKind.CLAIM_HEARD, EventKind.LOOK_ASKED}


class Street:
    """One camera, its looks and what is claimed of it, second by second; a tick and, by default, a look every ten."""

    def __init__(self):
        self.state = State()
        self.now_ns = city.START_NS
        self.looks = self.visit = 0
        self.outcome = Outcome.PICTURE
        self.events = []

    def take(self, batch):
        self.state, events = STEP.step(self.state, batch)
        self.events += events

    def look(self, *, mean=110.0):
        self.visit += 1
        self.take(city.frames([(CAMERA, self.now_ns, self.visit, self.outcome, mean, 0.5)]))

    def claim(self, source, claim, reason="catalogue", detail="", *, late_s=0):
        self.take(city.claims([(CAMERA, self.now_ns - late_s * NS_PER_S, source, claim, reason, detail)]))

    def pass_s(self, seconds, *, looking=True, mean=110.0):
        for _ in range(seconds):
            self.now_ns += NS_PER_S
            self.take(city.tick(self.now_ns))
            if looking and self.now_ns // NS_PER_S % 10 == 3:
                self.look(mean=mean)

    def told(self, *kinds):
        kinds = kinds or TELLING
        taken, self.events = (
            [e for e in self.events if e.kind in kinds],
            [e for e in self.events if e.kind not in kinds],
        )
        return taken

    def disagreements(self):
        kinds = (EventKind.SOURCES_DISAGREE, EventKind.SOURCES_AGREE)
        return [(event.kind.value.removeprefix("sources_"), event.data["kind"]) for event in self.told(*kinds)]


@pytest.fixture
def street():
    street = Street()
    street.pass_s(60)
    return street


def test_missed_keepalives_never_make_a_reachable_camera_offline(street):
    street.claim(REGISTRAR, Claim.ONLINE, "register")
    street.pass_s(30)
    street.claim(REGISTRAR, Claim.OFFLINE, "keepalive_missed")
    street.pass_s(55)
    assert street.disagreements() == []
    street.pass_s(30)
    (event,) = street.told(EventKind.SOURCES_DISAGREE)
    assert event.data["kind"] == "keepalive_lost_but_reachable"
    assert event.data["looks"] == "reachable"
    assert [(c["source"], c["claim"], c["reason"]) for c in event.data["claims"]] == [
        (REGISTRAR, "offline", "keepalive_missed")
    ]
    street.pass_s(600)
    assert street.disagreements() == [], "told once"
    street.claim(REGISTRAR, Claim.ONLINE, "keepalive")
    street.pass_s(11)
    (over,) = street.told(EventKind.SOURCES_AGREE)
    assert (over.cause, over.data["kind"]) == (event.cause, event.data["kind"])
    assert street.state.get("device", CAMERA)["state"] == "up"
    assert {e.kind for e in street.events}.isdisjoint(
        {EventKind.FAULT_CONFIRMED, EventKind.ALERT_OPENED, EventKind.TICKET_FILED}
    )


@pytest.mark.parametrize(
    ("source", "claim", "reason", "outcome", "kind"),
    [
        (RECORDER, Claim.OFFLINE, "catalogue", Outcome.PICTURE, Disagreement.OFFLINE_CLAIMED_BUT_REACHABLE),
        (REGISTRAR, Claim.OFFLINE, "expired", Outcome.PICTURE, Disagreement.KEEPALIVE_LOST_BUT_REACHABLE),
        (RECORDER, Claim.ONLINE, "catalogue", Outcome.UNREACHABLE, Disagreement.RECORDER_ONLINE_CHANNEL_DEAD),
        (REGISTRAR, Claim.ONLINE, "keepalive", Outcome.UNREACHABLE, Disagreement.ONLINE_BUT_UNREACHABLE),
        (REGISTRAR, Claim.ONLINE, "register", Outcome.NO_MEDIA, Disagreement.ONLINE_BUT_NO_MEDIA),
        (RECORDER, Claim.ONLINE, "catalogue", Outcome.NO_MEDIA, Disagreement.ONLINE_BUT_NO_MEDIA),
        (RECORDER, Claim.ONLINE, "catalogue", Outcome.PICTURE, None),
        (RECORDER, Claim.OFFLINE, "catalogue", Outcome.UNREACHABLE, None),
        (REGISTRAR, Claim.OFFLINE, "unregister", Outcome.UNREACHABLE, None),
    ],
)
def test_each_disagreement_has_its_word(street, source, claim, reason, outcome, kind):
    street.claim(source, claim, reason)
    street.outcome = outcome
    street.pass_s(400)
    wanted = [] if kind is None else [("disagree", kind.value)]
    assert street.disagreements() == wanted


def test_what_does_not_last_is_not_told(street):
    for _ in range(10):
        street.claim(RECORDER, Claim.OFFLINE)
        street.pass_s(40)
        street.claim(RECORDER, Claim.ONLINE)
        street.pass_s(20)
    assert street.disagreements() == []


def test_tampering_that_a_look_does_not_find(street):
    street.claim(ITSELF, Claim.TAMPERED, "event", "black")
    asked = street.told(EventKind.LOOK_ASKED)
    assert [event.data["reason"] for event in asked] == ["tampering_claimed"]
    street.pass_s(100)
    assert street.disagreements() == [("disagree", "tampering_claimed_but_fine")]
    street.claim(ITSELF, Claim.OVER, "event", "black")
    street.pass_s(11)
    assert street.disagreements() == [("agree", "tampering_claimed_but_fine")]


def test_tampering_that_a_look_finds_is_no_disagreement(street):
    street.claim(ITSELF, Claim.TAMPERED, "event", "black")
    street.pass_s(200, mean=3.0)
    assert street.disagreements() == []


def test_a_look_from_before_the_claim_says_nothing_about_it(street):
    street.claim(RECORDER, Claim.OFFLINE)
    street.claim(ITSELF, Claim.TAMPERED, "event", "black")
    street.pass_s(300, looking=False)
    assert street.disagreements() == []


def test_sources_that_contradict_each_other_where_nobody_looks():
    street = Street()
    street.pass_s(10, looking=False)
    street.claim(REGISTRAR, Claim.ONLINE, "register")
    street.claim(RECORDER, Claim.OFFLINE)
    street.pass_s(75, looking=False)
    (event,) = street.told(EventKind.SOURCES_DISAGREE)
    assert (event.data["kind"], event.data["looks"]) == ("sources_contradict", "unknown")
    assert len(event.data["claims"]) == 2
    assert street.state.get("device", CAMERA)["state"] == "unknown"
    assert street.told(EventKind.LOOK_ASKED) == [], "the patrol does not look there"


def test_a_claim_that_is_not_said_again_lapses(street):
    street.claim(REGISTRAR, Claim.OFFLINE, "keepalive_missed")
    street.pass_s(100)
    assert street.disagreements() == [("disagree", "keepalive_lost_but_reachable")]
    for _ in range(4):
        street.pass_s(600)
        street.claim(REGISTRAR, Claim.OFFLINE, "keepalive_missed")
    assert street.disagreements() == [], "said again and again it stands"
    street.told()
    street.pass_s(1811)
    assert [(e.kind.value, e.data.get("claim")) for e in street.told()] == [
        ("claim_heard", "lapsed"),
        ("sources_agree", None),
    ]
    assert street.state.get("claims", CAMERA) is None


def test_a_time_without_ticks_lapses_nothing(street):
    street.claim(REGISTRAR, Claim.ONLINE, "register")
    street.told()
    street.now_ns += 86_400 * NS_PER_S
    street.pass_s(1700)
    assert street.told() == []


def test_only_changes_are_events_and_late_ones_are_none(street):
    for _ in range(5):
        street.claim(RECORDER, Claim.ONLINE)
        street.pass_s(5)
    street.claim(RECORDER, Claim.OFFLINE, late_s=10)
    street.claim(RECORDER, Claim.OVER, "event", "never said")
    assert [event.data["claim"] for event in street.told(EventKind.CLAIM_HEARD)] == ["online"]


def test_a_look_is_asked_for_at_most_every_five_minutes(street):
    for _ in range(12):
        street.claim(RECORDER, Claim.OFFLINE)
        street.claim(RECORDER, Claim.ONLINE)
        street.pass_s(30)
    assert len(street.told(EventKind.LOOK_ASKED)) == 2


def test_what_one_device_is_told_of_is_bounded(street):
    for n in range(100):
        street.claim(f"gb28181:{n}", Claim.ALARM, "alarm", "x" * 200)
    row = street.state.get("claims", CAMERA)
    assert len(row["said"]) == MOST_VOICES
    assert len(street.state.snapshot()[f"claims/{CAMERA}"]) < 6_000


def test_nothing_is_left_of_a_removed_camera(street):
    described = {"origin": "api", "camera": {"kind": "camera", "url": "rtsp://192.0.2.1/x"}, "sealed": ""}
    street.take(city.commands([(CAMERA, street.now_ns, "p", Verb.PUT_CAMERA, CAMERA, described)]))
    street.claim(RECORDER, Claim.OFFLINE)
    street.take(city.commands([(CAMERA, street.now_ns, "x", Verb.REMOVE_CAMERA, CAMERA, {"origin": "api"})]))
    street.claim(RECORDER, Claim.OFFLINE)
    assert street.state.get("claims", CAMERA) is None
    street.pass_s(200, looking=False)
    assert street.disagreements() == []
