"""News, groups and deliveries in the store, here over SQLite; test_store_postgresql.py has the other."""

from __future__ import annotations

from test_store_alerts import LABELS, opened, tell

from citywatch.adapters.store.outbox import Outbox
from citywatch.adapters.store.project import Projector
from citywatch.app.notify_planner import Planner, Plans
from citywatch.domain.labels import Matcher
from citywatch.notifications.news import USUAL
from citywatch.notifications.routes import Route, Timing
from citywatch.telemetry import NullMeter
from citywatch.testing.clocks import ManualClock

S = 1_000_000_000


def planner(store, clock, receivers=("desk",), most=10):
    root = Route(Matcher(), tuple(receivers), frozenset(USUAL), ("each",), Timing(0, S, 0))
    plans = Plans(root, dict.fromkeys(receivers, most), lambda _names, _now: -1)
    one = Planner(Outbox(store), plans, lambda _: [], clock, NullMeter())
    one.begin(3600 * S)
    return one


def listed(store, **wanted):
    filters = {"receiver": None, "state": None, "before": None, **wanted}
    return store.deliveries(**filters, limit=100)[::-1]


def check_outbox(store):
    """From events to deliveries that are sent, fail, are tried again, and end with their receiver."""
    clock, outbox = ManualClock(1000 * S), Outbox(store)
    one = planner(store, clock)
    tell(Projector(store), *(opened(cause, at_ns=999 * S, device=f"cam-{cause}", labels=LABELS) for cause in "abc"))
    assert one.turn()
    assert not one.turn(), "told once"
    assert not planner(store, clock).turn(), "a restart changes nothing"
    assert [row["state"] for row in listed(store)] == ["waiting"] * 3
    first = outbox.next("desk", clock.now_ns())
    assert outbox.claim(first, clock.now_ns() + S)
    assert not outbox.claim(first, clock.now_ns() + S), "somebody else has it"
    attempt = {"at_ns": clock.now_ns(), "took_ms": 3, "result": "refused", "reason": "not_accepted", "detail": ""}
    outbox.settle(first, attempt, {"state": "failed", "reason": "not_accepted", "settled_at_ns": clock.now_ns()})
    assert [tried["reason"] for tried in store.delivery_attempts(first["id"])] == ["not_accepted"]
    assert outbox.waiting()["desk"].count == 2
    assert store.retry_delivery(first["id"], clock.now_ns())
    assert outbox.waiting()["desk"].count == 3
    assert outbox.next_due_ns("desk") == clock.now_ns()
    assert len(outbox.open_members("desk")) == 3
    assert [row["id"] for row in listed(store, before=(2000 * S, ""))] == [row["id"] for row in listed(store)]
    with outbox.turn() as turn:
        assert turn.bound("desk", 2, clock.now_ns()) == 1
    planner(store, clock, ("other",))
    assert [row["reason"] for row in listed(store, state="dropped")].count("receiver_gone") == 2
    assert store.prune(clock.now_ns() + S)["deliveries"] == 3
    assert listed(store) == []


def test_from_events_to_deliveries(store):
    check_outbox(store)


def test_news_is_read_in_order_and_only_once_however_much_there_is(store):
    clock = ManualClock(1000 * S)
    one = planner(store, clock, most=5000)
    tell(Projector(store), *(opened(str(n), at_ns=999 * S, device=f"cam-{n}") for n in range(620)))
    turns = 0
    while one.turn():
        turns += 1
    assert turns >= 2
    subjects = [
        row["document"]["items"][0]["subject"]
        for row in store.deliveries(receiver=None, state="waiting", before=None, limit=5000)
    ]
    assert len(subjects) == len(set(subjects)) == 620
