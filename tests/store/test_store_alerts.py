"""Alerts with their labels, flapping and escalation in the tables; silences and windows; what older events lack."""

import json

from citywatch.adapters.store.project import Projector
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.ports import ORIGIN, Position
from citywatch.sla.windows import occurrences

LABELS = {
    "alert": "black", "severity": "critical", "device": "cam-1", "device_kind": "camera", "site": "harbour",
    "area": "Nord \"7\"", "department": "交警", "contractor": "", "class": "", "source": "", "exercise": "",
}  # fmt: skip


def tell(projector, *events):
    ms = projector.positions().get(0, ORIGIN).ms + 1
    return projector.apply(0, [(Position(ms, number), event) for number, event in enumerate(events)])


def make(kind, /, cause="c", device="cam-1", at_ns=100, **data):
    return Event(event_id(kind, cause, at_ns, json.dumps(data, sort_keys=True)), kind, device, at_ns, cause, data)


def opened(cause="c", at_ns=100, device="cam-1", **more):
    data = {"alert": event_id("alert", cause), "kind": "black", "severity": "critical", "subject": {"fault": "black"}}
    return make(EventKind.ALERT_OPENED, cause, device, at_ns, **data, **more)


def quiet_events():
    """A silence and three windows: one that stands, one that was ended, one that was withdrawn."""
    given = {"matcher": {"site": ["harbour"]}, "reason": "known", "actor": "wei"}
    silence = {"silence": "s" * 32, **given, "from_ns": 100, "to_ns": 900, "command": "s" * 32}
    yield make(EventKind.SILENCE_SET, "s" * 32, "city", 100, **silence)
    for name, rule in (("a", None), ("b", {"times_s": [[1, 2], [5, 6]]}), ("c", None)):
        window = {"window": name * 32, "kind": "maintenance", **given, "rule": rule, "command": name * 32}
        yield make(EventKind.WINDOW_SET, name * 32, "city", 200, **window, from_ns=NS_PER_S, to_ns=9 * NS_PER_S)
    ended = {"window": "b" * 32, "withdraw": False, "actor": "li", "command": "e1"}
    yield make(EventKind.WINDOW_ENDED, "b" * 32, "city", 4 * NS_PER_S, **ended)
    ended = {"window": "c" * 32, "withdraw": True, "actor": "li", "command": "e2"}
    yield make(EventKind.WINDOW_ENDED, "c" * 32, "city", 5 * NS_PER_S, **ended)


def check_quiet(store):
    assert [row["id"][0] for row in store.windows()] == ["c", "b", "a"]
    assert [row["id"][0] for row in store.windows(active_at_ns=6 * NS_PER_S)] == ["a"]
    assert [row["id"][0] for row in store.windows(from_ns=9 * NS_PER_S)] == []
    assert [row["id"][0] for row in store.windows(to_ns=NS_PER_S)] == []
    assert [row["id"][0] for row in store.windows(before=(200, "c" * 32), limit=1)] == ["b"]
    plain, ended, withdrawn = (store.window(name * 32) for name in "abc")
    assert (plain["rule"], plain["ended_at_ns"], plain["withdrawn"]) == (None, None, False)
    assert (ended["ended_by"], withdrawn["withdrawn"]) == ("li", True)
    whole = (0, 20 * NS_PER_S)
    assert occurrences(plain, *whole) == [(NS_PER_S, 9 * NS_PER_S)]
    assert occurrences(ended, *whole) == [(NS_PER_S, 2 * NS_PER_S)]
    assert occurrences(ended, *whole, known_ns=3 * NS_PER_S) == [
        (NS_PER_S, 2 * NS_PER_S),
        (5 * NS_PER_S, 6 * NS_PER_S),
    ]
    assert occurrences(withdrawn, *whole) == []
    assert occurrences(withdrawn, *whole, known_ns=3 * NS_PER_S) == [(NS_PER_S, 9 * NS_PER_S)]
    assert occurrences(plain, *whole, known_ns=199) == []
    assert [row["id"][0] for row in store.silences(active_at_ns=500)] == ["s"]
    assert store.silences(active_at_ns=900) == []
    assert store.verdict("e2")["verdict"] == "accepted"


def test_silences_and_windows_are_kept_with_who_and_why(store):
    projector = Projector(store)
    tell(projector, *quiet_events())
    assert not projector.unmatched
    check_quiet(store)
    assert store.devices(kind=None, after="", limit=10) == [], "the city is no device"


def test_an_alert_of_the_last_release_has_no_labels(store):
    tell(Projector(store), opened())
    (row,) = store.alerts(state=None, device=None, kind=None, severity=None, before=None, limit=10)
    wanted = {"labels": {}, "exercise": False, "escalation": 0, "escalated_to": "", "flapping": False, "openings": 1}
    assert wanted.items() <= row.items()


def check_labels(store):
    def found(**labels):
        query = {"state": None, "device": None, "kind": None, "severity": None, "before": None, "limit": 10}
        return [row["device"] for row in store.alerts(**query, labels=labels)]

    assert set(found()) == set(found(site="harbour")) == {"cam-1", "cam-2"}
    assert found(area='Nord "7"') == ["cam-1"]
    assert found(area="Nord", department="交警") == ["cam-2"]
    assert found(area="nord") == found(area="Nord%") == found(area="N_rd") == found(contractor="x") == []


def labelled_events():
    yield opened("c", labels=LABELS, exercise=False)
    yield opened("d", device="cam-2", labels={**LABELS, "area": "Nord"}, exercise=True)


def test_alerts_are_found_by_their_labels(store):
    tell(Projector(store), *labelled_events())
    check_labels(store)


def test_flapping_and_escalation_change_the_alert_and_are_told(store):
    alert = event_id("alert", "c")
    fault = {"fault": "black", "reason": "dark", "first_bad_ns": 500, "last_good_ns": 400, "looks": 2}
    tell(
        Projector(store),
        opened(labels=LABELS, exercise=False),
        make(EventKind.ALERT_ESCALATED, at_ns=200, alert=alert, level=1, to="shift leader"),
        make(EventKind.ALERT_FLAPPING, at_ns=300, alert=alert, openings=4, since_ns=50, folded=""),
        make(EventKind.FAULT_CONFIRMED, "later", at_ns=600, **fault),
        make(EventKind.ALERT_FLAPPING, at_ns=600, alert=alert, openings=5, since_ns=50, folded="later"),
    )
    row = store.alert(alert)
    assert (row["escalation"], row["escalated_to"], row["flapping"], row["openings"]) == (1, "shift leader", True, 5)
    changes = store.alert_changes(after=0, limit=10)
    assert [change["change"] for change in changes] == ["opened", "escalated", "flapping", "flapping"]
    assert changes[-1]["body"] == row
    (present,) = store.device("cam-1")["faults"]
    assert (present["cause"], present["alert"]) == ("later", alert)
