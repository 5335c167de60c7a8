"""The part `notify` over a real store: planned once whatever happens, sent in order, tried again, bounded, redacted."""

from __future__ import annotations

import logging
import random

import pytest
from notify_kit import NOW, S, acknowledged, breached, escalated, filed, incident, left, opened, resolved, until

from citywatch.errors import ConfigurationError
from citywatch.flow.runner import Turns
from citywatch.notifications.signing import SignatureRefused, verify

SECRET = "0123456789abcdef-of-the-hub"


def config(hooks, more="", name="hub", extra=""):
    return (
        f"notifications:\n  receivers:\n    - {{name: {name}, kind: webhook, url: '{hooks.url}/{name}'{extra}}}\n"
        f"  default: [{name}]\n{more}"
    )


QUICK = "  routes: [{group_wait_seconds: 0, group_interval_seconds: 1, repeat_seconds: 0, group_by: [each]}]\n"


def test_a_change_becomes_a_signed_delivery_with_its_id(new_city, hooks, tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    city = new_city(config(hooks, extra=", secret_file: secret"))
    city.tell(opened("a"), opened("b"))
    city.after(30, "hub")
    [(path, headers, body)] = hooks.requests
    [document] = hooks.documents()
    verify([SECRET], headers, body, now_s=(NOW // S) + 30)
    with pytest.raises(SignatureRefused):
        verify([SECRET], headers, body + b" ", now_s=(NOW // S) + 30)
    assert path == "/hub"
    assert headers["Idempotency-Key"] == document["delivery"] == city.deliveries()[0]["id"]
    assert (document["counts"], document["open"], document["kind"]) == ({"opened": 2}, 2, "changes")
    assert [item["alert"]["device"] for item in document["items"]] == ["cam-a", "cam-b"]
    [row] = city.deliveries()
    assert (row["state"], row["attempts"]) == ("delivered", 1)
    [attempt] = city.store.delivery_attempts(row["id"])
    assert (attempt["result"], attempt["reason"]) == ("delivered", "ok")


def test_a_restart_between_any_two_steps_tells_nothing_twice_and_forgets_nothing(new_city, hooks):
    """Events, restarts and the passing of time in a random order; each change is told exactly once."""
    rng = random.Random(7)
    city = new_city(
        config(hooks, "  routes: [{group_wait_seconds: 2, group_interval_seconds: 3, repeat_seconds: 0}]\n")
    )
    waiting = [make(str(number)) for number in range(5) for make in (opened, acknowledged, resolved)]
    for event in waiting:
        city.tell(event)
        if rng.random() < 0.4:
            city.start()
        city.after(rng.choice((0, 1, 4)))
    city.after(10)
    told = [
        (item["subject"], change["what"])
        for row in city.deliveries()
        for item in row["document"]["items"]
        for change in item["changes"]
    ]
    assert sorted(told) == sorted(
        (f"alert/{number}", what) for number in range(5) for what in ("opened", "acknowledged", "resolved")
    )


def test_a_turn_that_dies_leaves_nothing_behind(new_city, hooks, monkeypatch):
    city = new_city(config(hooks, QUICK))
    from citywatch.adapters.store.outbox import OutboxTurn

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(OutboxTurn, "deliver", die)
    with pytest.raises(KeyboardInterrupt):
        city.tell(opened("a"))
    assert city.deliveries() == []
    monkeypatch.undo()
    city.start()
    city.after(0)
    assert [row["document"]["counts"] for row in city.deliveries()] == [{"opened": 1}]


def test_an_attempt_that_nobody_wrote_down_is_made_again_under_the_same_id(new_city, hooks, monkeypatch):
    city = new_city(config(hooks, QUICK))
    city.tell(opened("a"))
    from citywatch.adapters.store.outbox import Outbox

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Outbox, "settle", die)
    with pytest.raises(KeyboardInterrupt):
        city.after(0, "hub")
    monkeypatch.undo()
    city.start()
    city.after(59)
    assert city.part._outbox.next("hub", city.clock.now_ns()) is None, "somebody may be at it"
    city.after(2, "hub")
    first, second = hooks.requests
    assert first[1]["Idempotency-Key"] == second[1]["Idempotency-Key"]
    assert first[2] == second[2]


@pytest.mark.parametrize("answer", [500, "close", 503, (429, {"Retry-After": "40"}, b"")])
def test_what_fails_is_tried_again_later_and_later(new_city, hooks, answer):
    city = new_city(config(hooks, QUICK))
    hooks.answers = [answer] * 3
    city.tell(opened("a"))
    pauses = []
    for _ in range(3):
        city.after(0, "hub")
        [row] = city.deliveries()
        assert row["state"] == "waiting"
        pauses.append((row["next_ns"] - city.clock.now_ns()) / S)
        city.after(pauses[-1] + 0.001)
    city.after(0, "hub")
    [row] = city.deliveries()
    assert (row["state"], row["attempts"]) == ("delivered", 4)
    reasons = {attempt["reason"] for attempt in city.store.delivery_attempts(row["id"])}
    if isinstance(answer, tuple):
        assert pauses == [40, 40, 40]
        assert reasons == {"rate_limited", "ok"}
    else:
        assert all(
            low <= pause <= high for pause, (low, high) in zip(pauses, ((2.5, 5), (5, 10), (10, 20)), strict=True)
        )
        assert reasons == ({"broken_off", "ok"} if answer == "close" else {"server_error", "ok"})


def test_nobody_there_is_a_reason_and_a_refusal_is_final(new_city, hooks):
    city = new_city(config(hooks, QUICK))
    hooks.answers = [404]
    city.tell(opened("a"))
    city.after(0, "hub")
    [row] = city.deliveries()
    assert (row["state"], row["reason"], row["detail"]) == ("failed", "not_accepted", "HTTP 404")
    assert city.meter.counts["deliveries_dropped_total", "refused", "hub"] == 1
    assert city.store.retry_delivery(row["id"], city.clock.now_ns())
    city.after(0, "hub")
    assert city.deliveries()[0]["state"] == "delivered"
    assert not city.store.retry_delivery(row["id"], city.clock.now_ns())


def test_what_is_too_old_is_given_up_and_can_be_tried_once_more(new_city, hooks):
    city = new_city(config(hooks, QUICK, extra=", give_up_hours: 0.001, retry_seconds: 3, retry_seconds_max: 3"))
    hooks.answers = [500, 500, 500, 500]
    city.tell(opened("a"))
    for _ in range(3):
        city.after(3.1, "hub")
    [row] = city.deliveries()
    assert (row["state"], row["reason"]) == ("failed", "server_error")
    assert city.meter.counts["deliveries_dropped_total", "gave_up", "hub"] == 1


def test_the_end_is_never_told_before_the_beginning(new_city, hooks):
    city = new_city(config(hooks, QUICK))
    hooks.answers = [500]
    city.tell(opened("a"))
    city.after(0, "hub")
    city.tell(resolved("a"))
    city.after(2)
    assert len(city.deliveries(state="waiting")) == 2
    for _ in range(4):
        city.after(6, "hub")
    assert [document["counts"] for document in hooks.documents()] == [{"opened": 1}, {"opened": 1}, {"resolved": 1}]


def test_one_that_cannot_be_digested_does_not_stand_before_the_others(new_city, hooks):
    city = new_city(config(hooks, QUICK))
    hooks.answers = [500]
    city.tell(opened("a"), opened("b"), opened("c"))
    city.after(0, "hub")
    city.after(5, "hub")
    first, second = (document["items"][0]["subject"] for document in hooks.documents())
    assert first != second


def test_what_waits_is_bounded_the_oldest_goes_and_is_counted(new_city, hooks):
    city = new_city(config(hooks, QUICK, extra=", waiting_max: 3"))
    for number in range(8):
        city.tell(opened(str(number)))
        city.after(0.001)
    assert [row["document"]["items"][0]["subject"] for row in city.deliveries(state="waiting")] == [
        f"alert/{number}" for number in (5, 6, 7)
    ]
    assert [row["reason"] for row in city.deliveries(state="dropped")] == ["too_many"] * 5
    assert city.meter.counts["deliveries_dropped_total", "too_many", "hub"] == 5
    city.part.tell_figures()
    assert city.meter.gauges["deliveries_waiting", "hub"] == 3


def test_silences_are_on_record_and_a_new_configuration_takes_over(new_city, hooks):
    city = new_city(config(hooks, QUICK))
    city.silences = [{"device": "cam-a"}]
    city.tell(opened("a"), opened("b"))
    city.after(1, "hub")
    assert [(row["state"], row["reason"]) for row in city.deliveries()] in (
        [("quiet", "silenced"), ("delivered", "")],
        [("delivered", ""), ("quiet", "silenced")],
    )
    assert city.meter.counts["notifications_quiet_total", "silenced"] == 1
    city.tell(opened("c"))
    city.start(config(hooks, name="other"))
    assert [row["reason"] for row in city.deliveries(state="dropped")] == ["receiver_gone"]
    city.tell(resolved("b"))
    city.after(30, "other")
    assert hooks.documents()[-1]["counts"] == {"resolved": 1}


def test_a_receiver_that_is_added_later_is_told_what_is_open(new_city, hooks):
    routes = "  routes: [{group_wait_seconds: 5, group_interval_seconds: 60, repeat_seconds: 0, group_by: [area]}]\n"
    alone = config(hooks, routes)
    late = f"    - {{name: late, kind: webhook, url: '{hooks.url}/late'}}\n  default: [hub, late]\n"
    both = alone.replace("  default: [hub]\n", late)

    def said():
        """What was said since the last time: receiver, what has changed, how much is open."""
        while city.deliveries(state="waiting"):
            city.after(1, *city.part.workers)
        new = hooks.documents()[len(heard) :]
        heard.extend(new)
        return [(one["receiver"], one["counts"], one["open"]) for one in new]

    heard = []
    city = new_city(alone)
    city.tell(opened("a"), opened("b"), opened("c"))
    city.tell(resolved("b"))
    city.after(5)
    assert said() == [("hub", {"opened": 3, "resolved": 1}, 2)]
    city.start(both)
    city.after(5)
    assert said() == [("late", {}, 2)]
    assert {item["alert"]["device"] for item in heard[-1]["items"]} == {"cam-a", "cam-c"}
    city.start(both)
    city.after(300)
    assert said() == [], "it is known from then on"
    city.tell(resolved("a"))
    city.after(300)
    assert sorted(said()) == [("hub", {"resolved": 1}, 1), ("late", {"resolved": 1}, 1)]
    city.start(alone)
    city.after(300)
    city.start(both)
    city.after(5)
    assert said() == [("late", {}, 1)], "it was away, and hears it again"


def test_other_routes_take_over_what_is_open_and_what_waits(new_city, hooks):
    city = new_city(config(hooks, "  routes: [{group_wait_seconds: 5, repeat_seconds: 600}]\n"))
    city.tell(opened("told"))
    city.after(5, "hub")
    city.tell(opened("waits", area="south"))
    city.start(config(hooks, "  routes: [{group_wait_seconds: 7, repeat_seconds: 600, group_by: [site]}]\n"))
    city.after(300, "hub")
    assert [document["counts"] for document in hooks.documents()] == [{"opened": 1}, {"opened": 1}]
    assert len(city.part._outbox.open_members("hub")) == 2
    city.after(600, "hub")
    assert (hooks.documents()[-1]["kind"], hooks.documents()[-1]["open"]) == ("repeat", 2)
    city.tell(resolved("told"), resolved("waits"))
    city.after(300, "hub")
    assert hooks.documents()[-1]["counts"] == {"resolved": 2}
    assert len(hooks.requests) == 4


def test_escalations_and_tickets_find_their_route(new_city, hooks):
    text = config(hooks).replace(
        "  default:",
        f"    - {{name: duty, kind: webhook, url: '{hooks.url}/duty'}}\n  default:",
    )
    city = new_city(text + "  routes: [{escalation: 1, receivers: [duty], group_wait_seconds: 0, continue: true}]\n")
    city.tell(opened("a"))
    city.after(30, "hub", "duty")
    assert [path for path, _, _ in hooks.requests] == ["/hub"]
    city.tell(escalated("a", 1))
    city.after(0, "duty")
    assert [
        (path, document["counts"]) for (path, _, _), document in zip(hooks.requests, hooks.documents(), strict=True)
    ][1:] == [("/duty", {"escalated": 1})]


def test_children_of_an_incident_are_not_told_beside_it_and_told_when_they_leave_it(new_city, hooks):
    city = new_city(config(hooks, "  routes: [{group_wait_seconds: 5, group_interval_seconds: 5, group_by: [each]}]\n"))
    city.tell(opened("a"), *incident("switch", ["a", "b"]), opened("c"))
    city.after(5)
    assert {row["document"]["items"][0]["subject"]: (row["state"], row["reason"]) for row in city.deliveries()} == {
        "alert/a": ("quiet", "inhibited"),
        "alert/switch": ("waiting", ""),
        "alert/c": ("waiting", ""),
    }
    city.tell(left("switch", "a", NOW + 9 * S))
    city.after(5)
    assert [row["document"]["items"][0]["changes"] for row in city.deliveries(state="waiting")][2:] == [[]]


def test_clocks_of_tickets_are_told_and_escalate(new_city, hooks):
    text = config(hooks).replace(
        "  default:", f"    - {{name: chief, kind: webhook, url: '{hooks.url}/chief'}}\n  default:"
    )
    city = new_city(text + "  routes: [{escalation: 1, receivers: [chief], group_wait_seconds: 0, continue: true}]\n")
    city.tell(filed("t"), breached("t", 0, NOW))
    city.after(30, "hub", "chief")
    city.tell(breached("t", 1, NOW, NOW + 24 * 3600 * S))
    city.after(0, "chief")
    [first, second] = hooks.documents()
    assert [path for path, _, _ in hooks.requests] == ["/hub", "/chief"]
    assert (first["counts"], second["counts"]) == ({"ticket_breached": 1}, {"ticket_breached": 1})
    ticket = second["items"][0]["ticket"]
    assert [ticket[name] for name in ("team", "contractor", "clock", "due_at")] == [
        "crew-2",
        "Hua",
        "repair",
        "2026-03-01T08:00:00.000Z",
    ]


def test_the_first_start_does_not_tell_old_news(new_city, hooks):
    city = new_city("notifications: {}\n")
    city.projector.apply(0, [(_position(1), opened("old", NOW - 3600 * S)), (_position(2), opened("new", NOW - S))])
    with city.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM notification_positions")
    city._at = 2
    city.start(config(hooks, QUICK))
    city.after(1, "hub")
    assert [document["items"][0]["subject"] for document in hooks.documents()] == ["alert/new"]


def test_one_that_hangs_delays_nobody_else(new_city, hooks):
    """In threads, as in a city; what hangs does so until the test is over."""
    city = new_city(
        config(hooks, QUICK, extra=", timeout_seconds: 60").replace(
            "  default: [hub]", f"    - {{name: well, kind: webhook, url: '{hooks.url}/well'}}\n  default: [hub, well]"
        )
    )
    hooks.answers = ["hang"]
    failures = []
    turns = [Turns("hub", city.part.workers["hub"].turn, city.meter, failures.append)]
    city.tell(opened("a"))
    turns[0].start()
    until(lambda: hooks.requests)
    turns.append(Turns("well", city.part.workers["well"].turn, city.meter, failures.append))
    turns[1].start()
    for number in range(5):
        city.tell(opened(f"more-{number}"))
    until(lambda: sum(path == "/well" for path, _, _ in hooks.requests) == 6)
    assert sum(path == "/hub" for path, _, _ in hooks.requests) == 1
    assert len(city.deliveries(receiver="hub", state="waiting")) == 6
    hooks.released.set()
    for turn in turns:
        turn.end()
    for worker in city.part.workers.values():
        worker.wake()
    for turn in turns:
        turn.stop()
    assert not failures


def test_a_receiver_s_secret_is_nowhere(new_city, hooks, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "url").write_text(f"{hooks.url}/geheim-path?key=geheim-1234\n")
    (tmp_path / "token").write_text("geheim-5678\n")
    text = config(hooks, QUICK).replace(f"url: '{hooks.url}/hub'", "url_file: url, token_file: token")
    city = new_city(text)
    hooks.answers = [500, "close", 404]
    city.tell(opened("a"))
    for _ in range(3):
        city.after(20, "hub")
    assert hooks.requests[0][1]["Authorization"] == "Bearer geheim-5678"
    kept = str(city.deliveries()) + str(city.store.delivery_attempts(city.deliveries()[0]["id"]))
    said = caplog.text + str(city.meter.counts) + repr(city.settings) + city.settings.model_dump_json()
    assert "geheim" not in kept + said


def test_secrets_that_are_too_short_are_refused(new_city, hooks, tmp_path):
    (tmp_path / "secret").write_text("short\n")
    with pytest.raises(ConfigurationError, match="at least 16 characters"):
        new_city(config(hooks, extra=", secret_file: secret"))


def _position(number):
    from citywatch.ports import Position

    return Position(number, 0)
