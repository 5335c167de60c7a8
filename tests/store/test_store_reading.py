"""Reading: filters, cursors, windows; and the writes that are no projections."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.schema import ALERTS, AUDIT, DEVICE_STATES, TICKETS
from citywatch.domain.devices import DeviceState
from citywatch.domain.events import Event, EventKind
from citywatch.errors import ConfigurationError
from citywatch.ports import Position, Segment
from citywatch.testing.histories import placed, sample_events

slowly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVERYTHING = {"state": None, "device": None, "kind": None, "severity": None}


@pytest.fixture(scope="module")
def busy_store(new_store):
    store = new_store()
    Projector(store).apply(0, placed(sample_events(11, 400)))
    return store


def pages(read, size, key):
    """All rows, a page at a time."""
    rows, before = [], None
    while page := read(before=before, limit=size):
        assert len(page) <= size
        rows += page
        before = key(page[-1])
    return rows


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"state": "open"},
        {"state": "resolved", "severity": "critical"},
        {"device": "cam-1"},
        {"kind": "overloaded", "severity": "warning"},
        {"device": "nobody"},
    ],
)
def test_pages_of_alerts_are_the_whole_list_once(busy_store, size, wanted):
    with busy_store.reading() as connection:
        everything = [dict(row) for row in connection.execute(ALERTS.select()).mappings()]
    expected = [row for row in everything if all(row[key] == value for key, value in wanted.items())]
    expected.sort(key=lambda row: (row["opened_at_ns"], row["id"]), reverse=True)
    filters = {**EVERYTHING, **wanted}
    read = pages(
        lambda **page: busy_store.alerts(**filters, **page), size, lambda row: (row["opened_at_ns"], row["id"])
    )
    assert read == expected


@slowly
@given(instants=st.lists(st.integers(0, 5), max_size=25), size=st.integers(1, 30))
def test_the_cursor_neither_skips_nor_repeats_alerts_of_one_instant(new_store, instants, size):
    store = new_store()
    plain = {"cause": "", "device": "d", "kind": "black", "severity": "info", "state": "open", "subject": {}}
    plain |= {"acknowledged_by": "", "resolution": ""}
    rows = [{**plain, "id": f"a{n}", "cause": f"c{n}", "opened_at_ns": at} for n, at in enumerate(instants)]
    with store.writing() as connection:
        if rows:
            connection.execute(insert(ALERTS), rows)
    read = pages(lambda **page: store.alerts(**EVERYTHING, **page), size, lambda row: (row["opened_at_ns"], row["id"]))
    names = [(row["opened_at_ns"], row["id"]) for row in read]
    assert names == sorted(((row["opened_at_ns"], row["id"]) for row in rows), reverse=True)


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "wanted", [{}, {"state": "filed"}, {"device": "cam-2"}, {"state": "closed", "device": "cam-0"}]
)
def test_pages_of_tickets_are_the_whole_list_once(busy_store, size, wanted):
    with busy_store.reading() as connection:
        everything = [dict(row) for row in connection.execute(TICKETS.select()).mappings()]
    expected = [row for row in everything if all(row[key] == value for key, value in wanted.items())]
    expected.sort(key=lambda row: (row["filed_at_ns"], row["id"]), reverse=True)
    filters = {"state": None, "device": None, **wanted}
    read = pages(
        lambda **page: busy_store.tickets(**filters, **page), size, lambda row: (row["filed_at_ns"], row["id"])
    )
    assert read == expected


def test_lists_use_their_indexes(busy_store):
    """No list of alerts sorts or reads the whole table."""
    for wanted in ("", "state = 'open' AND", "device = 'cam-1' AND", "kind = 'x' AND", "severity = 'info' AND"):
        query = f"SELECT * FROM alerts WHERE {wanted} (opened_at_ns, id) < (9, 'x') ORDER BY opened_at_ns DESC, id DESC"
        with busy_store.reading() as connection:
            plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query} LIMIT 5"))
        assert "USING INDEX" in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_devices_are_read_in_the_order_of_their_names(busy_store):
    everything = busy_store.devices(kind=None, after="", limit=100)
    assert [row["device"] for row in everything] == ["S1/d1/l1", "S1/d1/l2", "cam-0", "cam-1", "cam-2"]
    assert busy_store.devices(kind=None, after="cam-0", limit=1) == everything[3:4]
    assert busy_store.devices(kind="scale", after="", limit=100) == everything[:2]


def test_the_live_stream_can_be_resumed_anywhere(busy_store):
    everything = busy_store.alert_changes(after=0, limit=10_000)
    assert busy_store.first_alert_change() == everything[0]["seq"]
    assert busy_store.last_alert_change() == everything[-1]["seq"]
    seen, after = [], 0
    while page := busy_store.alert_changes(after=after, limit=7):
        seen += page
        after = page[-1]["seq"]
    assert seen == everything
    assert [row["seq"] for row in seen] == sorted({row["seq"] for row in seen})


def test_events_are_read_in_the_order_of_time(busy_store):
    everything = busy_store.events(limit=10_000)
    assert [(e.at_ns, e.id) for e in everything] == sorted((e.at_ns, e.id) for e in everything)
    seen, after = [], None
    while page := busy_store.events(after=after, limit=33):
        seen += page
        after = (page[-1].at_ns, page[-1].id)
    assert seen == everything
    assert busy_store.events(device="cam-1", limit=9999) == [e for e in everything if e.device == "cam-1"]


def test_counts_are_those_of_the_lists(busy_store):
    counts = busy_store.counts()
    for state in ("open", "acknowledged"):
        found = busy_store.alerts(**{**EVERYTHING, "state": state}, before=None, limit=10_000)
        assert counts[f"alerts_{state}"] == len(found)
    for state in ("filed", "accepted", "verified"):
        found = busy_store.tickets(state=state, device=None, before=None, limit=10_000)
        assert counts[f"tickets_{state}"] == len(found)
    watched = [row for row in busy_store.devices(kind=None, after="", limit=99) if row["state"] != "removed"]
    of_states = counts["devices_up"] + counts["devices_down"] + counts["devices_unknown"]
    assert counts["devices"] == len(watched) == of_states


def test_a_new_store_counts_nothing(store):
    assert set(store.counts().values()) == {0}
    assert (store.last_alert_change(), store.first_alert_change()) == (0, 0)
    assert store.alert("x") is store.ticket("x") is store.device("x") is store.verdict("x") is store.token("x") is None


@slowly
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.integers(0, 20), st.sampled_from(list(DeviceState))),
        max_size=15,
    ),
    window=st.tuples(st.integers(-1, 22), st.integers(-1, 22)),
)
def test_a_window_of_states_holds_all_that_matters(new_store, rows, window):
    """Naive twin: play the changes in order, each overriding what was said before from its own instant on."""
    store = new_store()
    made = [
        {"device": d, "worst_from_ns": w, "best_from_ns": b, "state": s.value, "reason": "", "at_ns": 0, "event": ""}
        for d, w, b, s in rows
    ]
    with store.writing() as connection:
        if made:
            connection.execute(insert(DEVICE_STATES), made)
    from_ns, to_ns = min(window), max(window)
    found = store.device_states(["a", "b", "zz", "a"], from_ns, to_ns)
    assert [(row["device"], row["seq"]) for row in found] == sorted((row["device"], row["seq"]) for row in found)
    for device in "ab":
        mine = [row for row in found if row["device"] == device]
        for bound in ("worst_from_ns", "best_from_ns"):
            whole = play([row for row in made if row["device"] == device], bound, from_ns, to_ns)
            assert play(mine, bound, from_ns, to_ns) == whole
        surely_before = [r for r in mine if max(r["worst_from_ns"], r["best_from_ns"]) <= from_ns]
        assert len(surely_before) <= 1
    assert store.device_states([], from_ns, to_ns) == []


def play(rows, bound, from_ns, to_ns):
    states = {}
    for row in rows:
        states |= dict.fromkeys(range(max(row[bound], from_ns), to_ns), row["state"])
    return states


def test_states_of_a_large_fleet_are_read_together(new_store):
    store = new_store()
    with store.writing() as connection:
        rows = [
            {"device": f"cam-{n}", "worst_from_ns": at, "best_from_ns": at, "state": "up"}
            for n in range(1200)
            for at in (1, 5, 9)
        ]
        connection.execute(insert(DEVICE_STATES), [{**row, "reason": "", "at_ns": 0, "event": ""} for row in rows])
    found = store.device_states([f"cam-{n}" for n in range(1200)], 6, 8)
    assert len(found) == 1200
    assert {row["worst_from_ns"] for row in found} == {5}


def test_tokens(store):
    digest = hashlib.sha256(b"secret").hexdigest()
    store.add_token(name="desk", role="operator", digest=digest, at_ns=5)
    row = store.token(digest)
    assert (row["name"], row["role"], row["created_at_ns"], row["revoked"]) == ("desk", "operator", 5, False)
    with pytest.raises(ConfigurationError, match="'desk' was given before"):
        store.add_token(name="desk", role="viewer", digest="other", at_ns=6)
    assert store.revoke_token("desk")
    assert not store.revoke_token("desk")
    assert not store.revoke_token("nobody")
    assert store.token(digest) is None
    assert [(row["name"], row["revoked"]) for row in store.tokens()] == [("desk", True)]
    with pytest.raises(ConfigurationError, match="given before"):
        store.add_token(name="desk", role="viewer", digest="third", at_ns=7)


def test_the_audit_only_grows(store):
    for number in range(5):
        store.audit(at_ns=number, actor="wei", action="read_plates", target=f"S1/{number}")
    lines = store.audit_lines(after=0, limit=10)
    assert [line["target"] for line in lines] == [f"S1/{number}" for number in range(5)]
    assert store.audit_lines(after=lines[2]["seq"], limit=1) == lines[3:4]
    store.audit(at_ns=9, actor="x" * 10_000, action="a\0b", target="half \ud800")
    assert len(store.audit_lines(after=lines[-1]["seq"], limit=1)[0]["actor"]) == 1000


def segment(path, *, kind="passes", partition=0, from_ns=0, to_ns=10, day="1970-01-01"):
    return Segment(path, kind, partition, day, 5, 999, Position(1, 0), Position(2, 3), from_ns, to_ns)


def test_segments_are_numbered_by_their_seal(store):
    assert store.archived() == {}
    first = [segment("b", kind="passes"), segment("a", kind="frames")]
    assert store.record_segments(first, {0: Position(2, 3)}) == 1
    assert store.record_segments([segment("c", from_ns=10, to_ns=20)], {0: Position(2, 4), 1: Position(9, 0)}) == 2
    assert store.record_segments([], {1: Position(9, 0)}) == 3
    assert store.archived() == {0: Position(2, 4), 1: Position(9, 0)}
    assert [(s.path, s.seal) for s in store.segments()] == [("a", 1), ("b", 1), ("c", 2)]
    assert store.segments(kind="frames")[0] == Segment(**{**fields_of(first[1]), "seal": 1})
    assert [s.path for s in store.segments(from_ns=11)] == ["c"]
    assert [s.path for s in store.segments(to_ns=10)] == ["a", "b"]
    assert [s.path for s in store.segments(kind="passes", from_ns=0, to_ns=11)] == ["b", "c"]


def fields_of(one):
    return {name: getattr(one, name) for name in Segment.__slots__}


def test_a_seal_is_recorded_whole_or_not_at_all(store):
    store.record_segments([segment("a")], {0: Position(5, 0)})
    with pytest.raises(ValueError, match="recorded already"):
        store.record_segments([segment("b"), segment("a")], {0: Position(6, 0)})
    with pytest.raises(ValueError, match="partition 0 would go back to 4-9"):
        store.record_segments([segment("c")], {1: Position(1, 0), 0: Position(4, 9)})
    assert [s.path for s in store.segments()] == ["a"]
    assert store.archived() == {0: Position(5, 0)}
    assert store.record_segments([segment("d")], {0: Position(5, 0)}) == 2


def test_numbers_are_never_given_twice(store):
    """Who resumes by a number must not meet another row under it, even when everything was pruned in between."""
    store.audit(at_ns=1, actor="a", action="b", target="c")
    (line,) = store.audit_lines(after=0, limit=10)
    with store.writing() as connection:
        connection.execute(AUDIT.delete())
    store.audit(at_ns=1, actor="a", action="b", target="c")
    assert store.audit_lines(after=0, limit=10)[0]["seq"] > line["seq"]


def test_plain_rows_only(busy_store):
    """Rows are mappings of numbers, texts and lists: nothing of the database leaks through the port."""
    for row in (
        *busy_store.devices(kind=None, after="", limit=9),
        busy_store.alerts(**EVERYTHING, before=None, limit=1)[0],
    ):
        assert type(row) is dict
        assert {type(value) for value in row.values()} <= {str, int, bool, list, dict, type(None)}
    event = busy_store.events(limit=1)[0]
    assert isinstance(event, Event)
    assert isinstance(event.kind, EventKind)


def test_cameras_are_found_by_what_is_known_of_them(busy_store):
    every = busy_store.cameras(removed=True)
    watched = busy_store.cameras()
    assert [row["camera"] for row in watched] == sorted(r["camera"] for r in every if r["removed_at_ns"] is None)
    for row in watched:
        assert busy_store.camera(row["camera"]) == row
        for fault in {fault["fault"] for other in every for fault in other["faults"]}:
            found = row in busy_store.cameras(fault=fault)
            assert found == any(one["fault"] == fault for one in row["faults"])
        assert row in busy_store.cameras(state=row["state"], site=row["site"], camera_class=row["camera_class"])
    assert busy_store.cameras(text="nOrTh") == [row for row in watched if "north" in row["name"]]
    assert busy_store.cameras(text="_%") == busy_store.cameras(fault="no such") == []
    assert [row["camera"] for row in busy_store.cameras(after="cam-0", limit=1)] in (["cam-1"], ["cam-2"], [])
