"""One attempt at receivers of every kind, all of them real."""

from __future__ import annotations

import email
import json
import logging
import threading
import time
from email.policy import default as modern

import pytest
from intake_kit import Station
from notify_kit import NOW, S, acknowledged, opened, resolved, until

from citywatch.adapters.notify.by_apprise import fitted
from citywatch.app.notify import send_test
from citywatch.errors import ConfigurationError

QUICK = "  routes: [{group_wait_seconds: 0, group_interval_seconds: 1, repeat_seconds: 0, group_by: [each]}]\n"


def config(kind, url, more="", routes=QUICK, top=""):
    return (
        f"notifications:\n  receivers:\n    - {{name: one, kind: {kind}, url: '{url}'{more}}}\n"
        f"  default: [one]\n{top}{routes}"
    )


def attempts(city):
    return [
        (attempt["result"], attempt["reason"], attempt["detail"])
        for row in city.deliveries()
        for attempt in city.store.delivery_attempts(row["id"])
    ]


@pytest.fixture
def at_once(monkeypatch):
    """Without the pause of some seconds that Apprise keeps between two requests of one address."""
    from apprise.url import URLBase

    monkeypatch.setattr(URLBase, "throttle", lambda *_, **__: None)


# mail, through Apprise


def mail_url(mailbox, password="geheim-9876"):
    return f"mailto://desk:{password}@127.0.0.1:{mailbox.port}/?from=city@example.org&to=duty@example.org&mode=insecure"


def test_mail_in_chinese(new_city, mailbox, caplog):
    city = new_city(config("apprise", mail_url(mailbox), ", language: zh", top="  time_zone: Asia/Shanghai\n"))
    city.tell(opened("a", exercise=True))
    city.after(0, "one")
    [(rcpt, content)] = mailbox.mails
    mail = email.message_from_bytes(content, policy=modern)
    assert "duty@example.org" in rcpt[0]
    assert mail["Subject"] == "【演练】【严重】画面冻结（发生）：cam-a"
    assert "【演练】2026-03-01 16:00:00 发生：画面冻结（严重） cam-a north" in mail.get_content()
    (delivery,) = city.deliveries()
    assert mail["Message-ID"] == f"<{delivery['id']}@citywatch.invalid>", "sent again, it is the same mail"
    assert f"编号 {delivery['id'][:12]}" in mail.get_content()
    assert attempts(city) == [("delivered", "ok", "")]
    assert "geheim" not in caplog.text + str(city.deliveries())


def test_mail_that_is_refused_is_tried_again_and_no_secret_is_told(new_city, mailbox, at_once, caplog):
    caplog.set_level(logging.DEBUG)
    city = new_city(config("apprise", mail_url(mailbox)))
    mailbox.refuse = "550 no such user geheim-9876"
    city.tell(opened("a"))
    city.after(0, "one")
    [(result, reason, detail)] = attempts(city)
    assert (result, reason) == ("again", "failed")
    assert detail
    assert "geheim" not in caplog.text + detail
    mailbox.refuse = ""
    city.after(10, "one")
    assert len(mailbox.mails) == 1


def test_nobody_answers_for_mail(new_city, mailbox):
    city = new_city(config("apprise", "mailto://a:geheim-1111@127.0.0.1:1/?from=a@b.org&to=c@d.org&mode=insecure"))
    city.tell(opened("a"))
    city.after(0, "one")
    [(result, _, detail)] = attempts(city)
    assert result == "again"
    assert "geheim" not in detail


# chat, through Apprise

CHATS = {
    "wecombot": ("wecombot", "NotifyWeComBot", "wecombot://geheim-key-of-the-bot", "errcode"),
    "dingtalk": ("dingtalk", "NotifyDingTalk", "dingtalk://geheimtokenofthebot/", "errcode"),
    "feishu": ("feishu", "NotifyFeishu", "feishu://geheim-key-of-the-bot", "code"),
}


@pytest.fixture
def chat(request, hooks, at_once, monkeypatch):
    """A service's plugin, with its address moved to our server."""
    import importlib

    module, name, url, key = CHATS[request.param]
    plugin = getattr(importlib.import_module(f"apprise.plugins.{module}"), name)
    moved = hooks.url + "/bot/" + "".join(f"{{{field}}}" for field in ("key",) if module == "wecombot")
    monkeypatch.setattr(plugin, "notify_url", moved + ("{token}" if module == "dingtalk" else ""))
    return url, key


def said(status, key, number):
    return (status, {"Content-Type": "application/json"}, json.dumps({key: number, "errmsg": "geheim"}).encode())


@pytest.mark.parametrize("chat", sorted(CHATS), indirect=True)
def test_a_chat_that_refuses_with_status_200_has_refused(new_city, hooks, chat, caplog):
    url, key = chat
    city = new_city(config("apprise", url))
    busy = 45009
    hooks.answers = [said(200, key, busy), said(200, key, 310_000)]
    city.tell(opened("a"))
    city.after(0, "one")
    city.after(10, "one")
    assert attempts(city) == [
        ("again", "rate_limited", f"{key} {busy}"),
        ("refused", "not_accepted", f"{key} 310000"),
    ]
    assert city.deliveries()[0]["state"] == "failed"
    city.store.retry_delivery(city.deliveries()[0]["id"], city.clock.now_ns())
    hooks.answers = [said(200, key, 0)]
    city.after(0, "one")
    assert city.deliveries()[0]["state"] == "delivered"
    assert "cam-a" in hooks.requests[-1][2].decode()
    assert "geheim" not in caplog.text + str(attempts(city)) + str(city.deliveries())


@pytest.mark.parametrize("chat", ["wecombot"], indirect=True)
@pytest.mark.parametrize(("answer", "outcome"), [(500, ("again", "server_error")), (403, ("refused", "not_accepted"))])
def test_the_status_of_a_chat_counts(new_city, hooks, chat, answer, outcome):
    city = new_city(config("apprise", chat[0]))
    hooks.answers = [answer]
    city.tell(opened("a"))
    city.after(0, "one")
    assert attempts(city)[0][:2] == outcome


@pytest.mark.parametrize("chat", ["wecombot"], indirect=True)
def test_wecom_gets_no_more_bytes_than_it_takes(new_city, hooks, chat):
    routes = QUICK.replace("group_by: [each]", "group_by: [area]")
    city = new_city(config("apprise", chat[0], ", language: zh", routes))
    city.tell(*(opened(f"{number:040d}", area="北" * 20) for number in range(40)))
    city.after(0)
    for _ in range(40):
        city.after(1, "one")
    contents = [json.loads(body)["text"]["content"] for _, _, body in hooks.requests]
    assert max(len(one.encode()) for one in contents) <= 2048
    assert any("…\n本组仍未恢复" in one and one.splitlines()[-1].startswith("编号 ") for one in contents)


def test_what_has_no_lines_is_cut():
    assert fitted("告" * 100, 50).encode() == ("告" * 15 + "…").encode()
    assert fitted("a\nb", 50) == "a\nb"


@pytest.mark.parametrize("chat", ["wecombot"], indirect=True)
def test_a_chat_that_hangs_is_left_after_its_patience(new_city, hooks, chat):
    city = new_city(config("apprise", chat[0], ", timeout_seconds: 0.2"))
    hooks.answers = ["hang"]
    city.tell(opened("a"))
    city.after(0, "one")
    assert attempts(city)[0][:2] == ("again", "timed_out")


def test_one_line_for_sms(new_city, hooks):
    url = hooks.url.replace("http://", "json://")
    city = new_city(config("apprise", url, ", form: title"))
    city.tell(opened("a"))
    city.after(0, "one")
    [document] = hooks.documents()
    assert (document["title"], document["message"]) == ("", "critical: Picture is frozen, opened – cam-a")


def test_an_address_that_apprise_does_not_know_is_refused_without_repeating_it(new_city):
    with pytest.raises(ConfigurationError) as caught:
        new_city(config("apprise", "nosuchservice://geheim-1234"))
    assert "receiver one" in str(caught.value)
    assert "geheim" not in str(caught.value)


# webhook


def test_a_webhook_that_hangs_is_left_after_its_patience(new_city, hooks):
    city = new_city(config("webhook", hooks.url, ", timeout_seconds: 0.2"))
    hooks.answers = ["hang"]
    city.tell(opened("a"))
    city.after(0, "one")
    assert attempts(city) == [("again", "timed_out", "ReadTimeout")]


def test_redirects_are_not_followed(new_city, hooks):
    city = new_city(config("webhook", hooks.url))
    hooks.answers = [(307, {"Location": hooks.url + "/elsewhere"}, b"")]
    city.tell(opened("a"))
    city.after(0, "one")
    assert attempts(city) == [("refused", "not_accepted", "HTTP 307")]
    assert len(hooks.requests) == 1


def test_a_test_is_sent_now_and_says_that_it_is_one(new_city, hooks):
    city = new_city(config("webhook", hooks.url))
    assert send_test(city.settings, "one", lambda path: path, city.clock) == ""
    assert hooks.documents()[0]["kind"] == "test"
    hooks.answers = [500]
    assert send_test(city.settings, "one", lambda path: path, city.clock) == "server_error HTTP 500"
    with pytest.raises(ConfigurationError, match="there are one"):
        send_test(city.settings, "two", lambda path: path, city.clock)


# MQTT


def test_deliveries_and_states_over_mqtt(new_city, broker):
    heard, news = {}, threading.Condition()

    def hear(_client, _data, message):
        with news:
            heard.setdefault(message.topic, []).append((message.payload, message.retain, message.qos))
            news.notify()

    station = Station(broker.port, "reader")
    station.client.on_message = hear
    station.client.subscribe([("city/told", 1), ("city/alerts/#", 1)])
    city = new_city(config("mqtt", f"mqtt://127.0.0.1:{broker.port}", ", topic: city/told, state_topic: city/alerts"))
    city.tell(opened("a"))
    city.after(0, "one")
    city.tell(acknowledged("a"))
    city.after(2, "one")
    until(lambda: len(heard.get("city/told", ())) == 2)
    assert json.loads(heard["city/told"][0][0])["counts"] == {"opened": 1}
    late = Station(broker.port, "late")
    late.client.on_message = hear
    late.client.subscribe("city/alerts/a", 1)
    until(lambda: any(retained for _, retained, _ in heard.get("city/alerts/a", ())))
    state, _, qos = next(one for one in heard["city/alerts/a"] if one[1])
    assert (json.loads(state)["state"], qos) == ("acknowledged", 1)
    city.tell(resolved("a"))
    city.after(2, "one")
    until(lambda: heard["city/alerts/a"][-1][0] == b"")
    assert [row["state"] for row in city.deliveries()] == ["delivered"] * 3
    for one in (station, late):
        one.close()


def test_a_broker_that_is_away_is_waited_for(new_city, broker):
    broker.stop()
    city = new_city(config("mqtt", f"mqtt://127.0.0.1:{broker.port}", ", topic: city/told, timeout_seconds: 0.3"))
    city.tell(opened("a"))
    city.after(0, "one")
    assert attempts(city)[0][:2] == ("again", "unreachable")
    broker.start()

    def delivered():
        city.after(700, "one")
        return city.deliveries()[0]["state"] == "delivered"

    until(delivered)


# Alertmanager


def test_alertmanager_knows_what_is_open_and_what_is_over(new_city, manager):
    city = new_city(
        config("alertmanager", manager.url, ", resend_seconds: 60", top="  public_url: https://city.example\n")
    )
    now_ns = time.time_ns()  # Alertmanager reads its own clock
    city.clock._now_ns = now_ns
    city.tell(opened("a", now_ns), opened("b", now_ns, severity="warning"))
    city.after(0, "one", "one")
    found = until(lambda: {one["labels"]["citywatch_alert"]: one for one in manager.alerts()})
    assert set(found) == {"a", "b"}
    one = found["a"]
    assert one["labels"] == {
        "alertname": "frozen",
        "citywatch_alert": "a",
        "severity": "critical",
        "device": "cam-a",
        "area": "north",
    }
    assert one["generatorURL"] == "https://city.example/#/alerts/a"
    ends = one["endsAt"]
    city.after(61, "one")
    until(lambda: next(one for one in manager.alerts() if one["labels"]["citywatch_alert"] == "a")["endsAt"] > ends)
    city.tell(resolved("a", now_ns), resolved("b", now_ns))
    for _ in range(3):
        city.after(1, "one")
    until(lambda: not manager.alerts())
    assert city.meter.counts["notification_resends_total", "one", "delivered"] >= 1


def test_alertmanager_is_told_again_after_it_forgot(new_city, hooks):
    city = new_city(config("alertmanager", hooks.url, ", resend_seconds: 10"))
    city.tell(opened("a"))
    city.after(0, "one")
    city.after(1, "one")
    city.after(5, "one")
    city.after(6, "one")
    sent = [json.loads(body)[0] for _, _, body in hooks.requests]
    assert [path for path, _, _ in hooks.requests] == ["/api/v2/alerts"] * 3
    assert [one["endsAt"] for one in sent] == [
        "2026-03-01T08:00:40.000Z",
        "2026-03-01T08:00:41.000Z",
        "2026-03-01T08:00:52.000Z",
    ]
    assert {one["startsAt"] for one in sent} == {"2026-03-01T08:00:00.000Z"}
    assert NOW % S == 0
