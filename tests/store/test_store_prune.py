"""Pruning: what is over and old goes, what is open stays, and what is left still makes sense."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citywatch.adapters.store.project import Projector
from citywatch.testing.histories import placed, sample_events, tables

slowly = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FOREVER = 2**62


def lived(store, seed, steps=150):
    events = sample_events(seed, steps)
    Projector(store).apply(0, placed(events))
    for event in events[::10]:
        store.audit(at_ns=event.at_ns, actor="a", action="b", target=event.id)
    return events


@slowly
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1.1), rows=st.integers(1, 50))
def test_exactly_what_is_over_and_old_goes(new_store, seed, share, rows):
    store = new_store()
    events = lived(store, seed)
    start_ns, end_ns = events[0].at_ns, events[-1].at_ns
    before_ns = start_ns + int((end_ns - start_ns) * share)
    old = tables(store)
    gone = store.prune(before_ns, rows=rows)
    new = tables(store)

    open_alerts = {row["id"]: row["cause"] for row in old["alerts"] if row["state"] != "resolved"}
    open_tickets = {row["id"]: row["cause"] for row in old["tickets"] if row["state"] != "closed"}
    needed = {*open_alerts.values(), *open_tickets.values()}
    expected = {
        "alerts": lambda row: row["id"] in open_alerts or row["resolved_at_ns"] >= before_ns,
        "tickets": lambda row: row["id"] in open_tickets or row["closed_at_ns"] >= before_ns,
        "events": lambda row: row["cause"] in needed or row["at_ns"] >= before_ns,
        "audit": lambda row: row["at_ns"] >= before_ns,
        "commands": lambda row: row["at_ns"] >= before_ns,
        "alert_changes": lambda row: row["alert"] in open_alerts or row["at_ns"] >= before_ns,
        "cameras": lambda row: row["removed_at_ns"] is None or row["file"] or row["removed_at_ns"] >= before_ns,
        "device_states": lambda row: not replaced(row, old["device_states"], before_ns),
    }
    for name, stays in expected.items():
        assert new[name] == [row for row in old[name] if stays(row)], name
        assert gone[name] == len(old[name]) - len(new[name])
    left = {row["id"] for row in new["tickets"]}
    assert new["ticket_steps"] == [row for row in old["ticket_steps"] if row["ticket"] in left]
    for name in ("devices", "dead_letters", "dead_letter_counts", "positions", "meta", "tokens"):
        assert new[name] == old[name], name


def replaced(row, rows, before_ns):
    return any(
        other["device"] == row["device"]
        and other["seq"] > row["seq"]
        and max(other["worst_from_ns"], other["best_from_ns"]) <= before_ns
        for other in rows
    )


@pytest.mark.parametrize("seed", range(3))
def test_figures_behind_the_line_do_not_change(new_store, seed):
    store = new_store()
    events = lived(store, seed)
    devices = sorted({event.device for event in events})
    before_ns, end_ns = events[len(events) // 2].at_ns, events[-1].at_ns
    window = store.device_states(devices, before_ns, end_ns)
    store.prune(before_ns)
    assert store.device_states(devices, before_ns, end_ns) == window


@pytest.mark.parametrize("seed", range(3))
def test_life_goes_on_after_pruning(new_store, seed):
    """Pruned in the middle, then the rest: what is open at the end is the same as without pruning."""
    pruned, whole = new_store(), new_store()
    events = placed(sample_events(seed, 150))
    Projector(whole).apply(0, events)
    half = len(events) // 2
    Projector(pruned).apply(0, events[:half])
    pruned.prune(FOREVER)
    projector = Projector(pruned)
    projector.apply(0, events[half:])
    assert not projector.unmatched
    mine, wanted = tables(pruned), tables(whole)
    assert mine["devices"] == wanted["devices"]
    for name, over in (("alerts", "resolved"), ("tickets", "closed")):
        assert [r for r in mine[name] if r["state"] != over] == [r for r in wanted[name] if r["state"] != over]
    seqs = [row["seq"] for row in wanted["alert_changes"]]
    assert [row["seq"] for row in mine["alert_changes"]] == [
        s for s in seqs if s in {r["seq"] for r in mine["alert_changes"]}
    ]
    assert mine["alert_changes"][-1] == wanted["alert_changes"][-1]


def test_nothing_to_prune_is_nothing(store):
    assert set(store.prune(FOREVER).values()) == {0}
