"""What the alert desk promises, case by case: folding, acknowledgement, escalation, labels, old rows."""

from __future__ import annotations

from citywatch.alerts import desk as alerts
from citywatch.alerts.policy import AlertPolicy, Escalation, Flapping
from citywatch.domain.devices import DeviceKind
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import LABELS, Matcher
from citywatch.domain.responsibility import Register, Responsible
from citywatch.domain.state import State
from citywatch.flow.desks import Desks
from citywatch.rules import devices

POLICY = AlertPolicy(
    flapping=Flapping(3, 600 * NS_PER_S, 120 * NS_PER_S),
    escalations=(Escalation(Matcher.of({"severity": "critical"}), ((60 * NS_PER_S, "a"), (300 * NS_PER_S, "b"))),),
)
CRITICAL = {"severity": "critical", "alert": "black"}


def opening(kind: EventKind, cause: str, second: int, /, **data: object) -> Event:
    told = {"first_bad_ns": second, "last_good_ns": -1, "looks": 2, "reason": "r", **data}
    return Event(event_id(kind, cause), kind, "cam", second * NS_PER_S, cause, told)


def fault(cause: str, second: int) -> Event:
    return opening(EventKind.FAULT_CONFIRMED, cause, second, fault="black")


def over(cause: str, second: int, kind: EventKind = EventKind.FAULT_CLEARED) -> Event:
    return opening(kind, cause, second, fault="black", first_good_ns=second)


def finding(cause: str, second: int, key: str) -> Event:
    about = {"kind": "pothole", "severity": "warning", "source": "citizens", "key": key, "verified_by": "person"}
    return opening(EventKind.FINDING_RAISED, cause, second, **about)


def hear(state: State, event: Event, labels: dict[str, str] | None = None) -> list[tuple[str, object]]:
    told = alerts.on_event(state, event, event.at_ns, POLICY, labels or {})
    return [(one.kind.removeprefix("alert_"), one.data.get("reason") or one.data.get("openings")) for one in told]


def tick(state: State, second: int) -> list[tuple[str, object]]:
    told = alerts.on_tick(state, second * NS_PER_S)
    return [(one.kind.removeprefix("alert_"), one.data.get("reason") or one.data.get("to")) for one in told]


def test_the_third_opening_of_ten_minutes_flaps_and_ends_when_it_was_quiet_for_two() -> None:
    state = State()
    for cause, second in (("1", 10), ("2", 100)):
        assert hear(state, fault(cause, second)) == [("opened", None)]
        assert hear(state, over(cause, second + 5)) == [("resolved", "cleared")]
    assert hear(state, fault("3", 200)) == [("opened", None), ("flapping", 3)]
    assert hear(state, over("3", 210)) == []
    assert hear(state, fault("4", 220)) == [("flapping", 4)]
    assert alerts.alert_of(state, "4") == alerts.alert_id("3")
    assert hear(state, over("4", 230)) == []
    assert tick(state, 349) == []
    assert tick(state, 350) == [("resolved", "quiet")]
    assert hear(state, fault("5", 360)) == [("opened", None)], "a new count"
    assert hear(state, over("5", 361)) == [("resolved", "cleared")]
    assert tick(state, 10_000) == []
    assert {key.partition("/")[0] for key in state.snapshot()} == {"alert-desk"}, "nothing is left lying about"


def test_what_is_not_alike_is_not_folded() -> None:
    state = State()
    for number in range(6):
        assert hear(state, finding(f"f{number}", 10 + number, key=f"hole-{number}")) == [("opened", None)]
        assert hear(state, over(f"f{number}", 10 + number, EventKind.FINDING_CLEARED)) == [("resolved", "cleared")]
        played = opening(EventKind.EXERCISE_STARTED, f"x{number}", 20 + number, fault="black", exercise="x")
        assert hear(state, played) == [("opened", None)]
        assert hear(state, over(f"x{number}", 20 + number, EventKind.EXERCISE_ENDED)) == [("resolved", "cleared")]
    for number in range(2):
        hear(state, finding(f"s{number}", 40 + number, key="same"))
        hear(state, over(f"s{number}", 40 + number, EventKind.FINDING_CLEARED))
    assert hear(state, finding("s3", 50, key="same")) == [("opened", None), ("flapping", 3)]


def test_an_acknowledgement_ends_with_its_alert() -> None:
    state = State()
    hear(state, fault("1", 10), CRITICAL)
    assert isinstance(alerts.acknowledge(state, alerts.alert_id("1"), at_ns=1, actor="a", command="c"), Event)
    assert tick(state, 1_000) == [], "nobody is called for what somebody looks after"
    hear(state, over("1", 1_010))
    hear(state, fault("2", 1_020), CRITICAL)
    assert state.get(alerts.ROOM, alerts.alert_id("2"))["state"] == "open"  # type: ignore[index]
    assert tick(state, 1_080) == [("escalated", "a")]


def test_steps_are_taken_once_each_in_their_order_however_late_the_tick() -> None:
    state = State()
    hear(state, fault("1", 10), CRITICAL)
    assert tick(state, 69) == []
    assert tick(state, 5_000) == [("escalated", "a"), ("escalated", "b")]
    assert tick(state, 9_000) == []
    assert state.size(alerts.DUE) == 0


def test_rows_of_the_last_release_expire_clear_and_are_acknowledged() -> None:
    state, kept = State(), {"device": "cam", "state": "open", "command": ""}
    for cause, expires_s in (("moment", 50), ("fault", 0), ("other", 0)):
        row = {"cause": cause, **kept, "expires_ns": expires_s * NS_PER_S}
        state.put(alerts.ROOM, alerts.alert_id(cause), row)
    state = State.load(state.snapshot())
    assert alerts.next_due(state) == 50 * NS_PER_S
    assert tick(state, 49) == []
    assert tick(state, 50) == [("resolved", "expired")]
    assert hear(state, over("fault", 60)) == [("resolved", "cleared")]
    alert = alerts.alert_id("other")
    assert isinstance(alerts.acknowledge(state, alert, at_ns=70 * NS_PER_S, actor="a", command="c"), Event)


def test_an_alert_says_all_that_it_can_be_told_apart_by() -> None:
    state = State()
    register = Register({"cam": Responsible("north", "traffic", "First Ltd", "gate", "crew-1")})
    desks = Desks(register, POLICY)
    known = {"kind": DeviceKind.CAMERA.value, "site": "harbour"}
    state.put(devices.ROOM, "cam", known)
    opened = next(iter(desks.hear(state, fault("1", 10), 10)))
    assert opened.data["labels"] == {
        "device": "cam", "device_kind": "camera", "site": "harbour", "area": "north", "department": "traffic",
        "contractor": "First Ltd", "class": "gate", "alert": "black", "severity": "critical", "source": "",
        "exercise": "",
    }  # fmt: skip
    assert set(opened.data["labels"]) == set(LABELS)
    assert opened.data["exercise"] is False
    played = opening(EventKind.EXERCISE_STARTED, "x", 20, fault="frozen", exercise="x")
    opened = next(iter(desks.hear(state, played, 20)))
    assert (opened.data["labels"]["exercise"], opened.data["exercise"]) == ("yes", True)
    told = {"area": "harbour", "class": "other", "severity": "critical", "unknown": "word"}
    found = opening(EventKind.FINDING_RAISED, "f", 30, kind="pothole", severity="warning", source="prom",
                    key="k", labels=told, verified_by="source")  # fmt: skip
    opened = next(iter(Desks().hear(State(), found, 30)))
    assert opened.data["labels"]["area"] == "harbour", "what the source says fills what nobody else knows"
    assert (opened.data["labels"]["severity"], "unknown" in opened.data["labels"]) == ("warning", False)
