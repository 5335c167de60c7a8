"""Routes out of settings, texts in two languages, templates of users, signatures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_notify_laws import S, change

from citywatch import console
from citywatch.alerts.desk import _FAULT_SEVERITY
from citywatch.domain.events import EventKind
from citywatch.errors import ConfigurationError
from citywatch.notifications.documents import document_of
from citywatch.notifications.groups import Head, accept, flush
from citywatch.notifications.news import CHANGES, figures, of_ticket
from citywatch.notifications.routes import Timing, takers
from citywatch.notifications.signing import Seen, SignatureRefused, sign, verify
from citywatch.notifications.texts import _WHAT, FIELDS, LANGUAGES, TEMPLATES, TemplateRefused, words
from citywatch.settings import parse_settings

KINDS = {"frozen": "画面冻结"}
SEVERITIES = {"critical": "严重"}


def document(*news, receiver="desk", labels=(("area", "north"),)):
    members = {}
    for one in news:
        members[one.subject] = accept(members.get(one.subject), one, True)
    head = Head("g", "r", receiver, labels, 0)
    [plan] = flush(head, list(members.values()), Timing(), 10, lambda _: "").plans
    return document_of(head, plan, 10)


def seen(seq, alert, what, at_ns, exercise=False):
    one = change(seq, alert, what, at_ns)
    opened = "2026-01-31T08:00:00.000Z"
    resolved = opened if what == "resolved" else None
    view = {
        **one.view,
        "device": one.labels["device"],
        "kind": "frozen",
        "severity": "critical",
        "opened_at": opened,
        "resolved_at": resolved,
        "resolution": "",
        "acknowledged_by": "",
        "exercise": exercise,
        "labels": {**dict.fromkeys(("site", "department", "contractor", "class"), ""), **one.labels},
    }
    fields = {name: getattr(one, name) for name in one.__slots__}
    return type(one)(**{**fields, "view": view})


def test_texts_in_two_languages():
    one = document(seen(1, 7, "opened", 0))
    zh = words("zh", {}, KINDS, SEVERITIES, zone="Asia/Shanghai", public_url="https://city.example")
    en = words("en", {}, {"frozen": "Picture is frozen"}, {})
    assert zh.title(one) == "【严重】画面冻结（发生）：cam-7"
    assert zh.text(one).splitlines() == [
        "1970-01-01 08:00:00 发生：画面冻结（严重） cam-7 north https://city.example/#/alerts/7",
        "本组仍未恢复：1 条",
        f"编号 {one['delivery'][:12]}",
    ]
    assert words("zh", {"reference": ""}, KINDS, SEVERITIES).text(one).splitlines()[-1] == "本组仍未恢复：1 条"
    assert en.title(one) == "critical: Picture is frozen, opened – cam-7"
    assert en.text(one).splitlines()[0] == "1970-01-01 00:00:00 UTC opened: Picture is frozen (critical) – cam-7 north"


def test_many_changes_are_counted_in_the_title_and_bounded_in_the_text():
    one = document(*(seen(seq, seq, "opened" if seq % 3 else "resolved", 0) for seq in range(1, 31)))
    en = words("en", {}, {}, {})
    assert en.title(one) == "20 opened, 10 resolved – north"
    lines = en.text(one).splitlines()
    assert (len(lines), lines[20], lines[21]) == (23, "... and 10 more", "Still open in this group: 20")


@pytest.mark.parametrize(("language", "mark"), [("en", "[EXERCISE]"), ("zh", "【演练】")])
def test_an_exercise_is_marked_whatever_a_template_says(language, mark):
    one = document(seen(1, 7, "opened", 0, exercise=True), labels=(("exercise", "yes"),))
    mine = {"mark": " ", "title_alert": "{device}", "line_alert": "{device}"}
    said = words(language, mine, {}, {})
    assert said.title(one).startswith(mark)
    assert all(line.startswith(mark) for line in said.text(one).splitlines()[:1])


def test_a_template_of_the_city_replaces_ours():
    said = words("en", {"title_alert": "{{{device}}} {what}"}, {}, {})
    assert said.title(document(seen(1, 7, "opened", 0))) == "{cam-7} opened"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"title": "x"}, "no such template"),
        ({"line_alert": "{password}"}, "{password} is no field"),
        ({"line_alert": "{device.__class__}"}, "is no field"),
        ({"line_alert": "{device[0]}"}, "is no field"),
        ({"line_alert": "{device!r}"}, "is no field"),
        ({"line_alert": "{device:>999999999}"}, "is no field"),
        ({"line_alert": "{}"}, "is no field"),
        ({"line_alert": "{device"}, "braces"),
        ({"line_alert": 7}, "a text"),
        ({"line_alert": "x" * 2001}, "at most"),
    ],
)
def test_templates_hold_fields_and_nothing_else(given, why):
    with pytest.raises(TemplateRefused, match=why.replace("{", r"\{").replace("}", r"\}")):
        words("en", given, {}, {})


def test_both_languages_say_everything():
    assert {language: set(said) for language, said in TEMPLATES.items()} == {key: set(FIELDS) for key in LANGUAGES}
    for language in LANGUAGES:
        assert set(CHANGES) <= set(_WHAT[language])
        words(language, TEMPLATES[language], {}, {})
    said = json.loads((Path(console.__file__).parent / "words.json").read_text())
    missing = [fault for fault in _FAULT_SEVERITY if set(LANGUAGES) - set(said.get(f"kind_{fault}", {}))]
    assert not missing, "texts name alerts by the console's words"


def test_everything_that_can_happen_to_alerts_and_tickets_can_be_told():
    happens = {kind.value.removeprefix("alert_") for kind in EventKind if kind.value.startswith(("alert_", "ticket_"))}
    assert set(CHANGES) == happens


def test_figures_are_bounded_and_plates_masked():
    shown = figures({"plate": "湘A12345", "gross_kg": 52_000, "axles": [1, 2], "note": "x" * 999, "suspect": True})
    assert shown == {"plate": "湘A*****", "gross_kg": 52_000, "note": "x" * 199 + "…", "suspect": True}
    assert len(figures({str(number): number for number in range(99)})) == 24


def test_a_ticket_of_an_earlier_version_can_be_told():
    ticket = {
        "id": "t1",
        "alert": "a1",
        "device": "cam-1",
        "fault": "frozen",
        "state": "filed",
        "cause": "c",
        "filed_at_ns": 0,
        "accepted_by": "",
        "resolution": "",
    }
    step = {"seq": 3, "step": "breached", "at_ns": 5 * S, "reason": "", "note": ""}
    told = of_ticket(step, ticket)
    assert (told.what, told.labels["alert"], told.is_open) == ("ticket_breached", "frozen", False)
    en = words("en", {}, {}, {})
    assert en.title(document(told)) == "frozen, term is over – cam-1"
    assert en.text(document(told)).splitlines()[0] == "1970-01-01 00:00:05 UTC term is over: frozen – cam-1"

    step["detail"] = {"clock": "repair", "due_ns": 4 * S, "level": 2}
    told = of_ticket(step, ticket)
    assert told.level == 2
    zh = words("zh", {}, KINDS, {}, zone="Asia/Shanghai")
    assert zh.title(document(told)) == "【工单】画面冻结（修复已超时限）：cam-1 时限 1970-01-01 08:00:04"


# routes

ROUTES = """
notifications:
  receivers:
    - {name: desk, kind: webhook, url: "http://127.0.0.1:1/"}
    - {name: duty, kind: webhook, url: "http://127.0.0.1:1/"}
    - {name: north, kind: webhook, url: "http://127.0.0.1:1/"}
    - {name: board, kind: webhook, url: "http://127.0.0.1:1/"}
  default: [desk]
  routes:
    - {receivers: [board], group_by: [each], group_wait_seconds: 0, continue: true}
    - {escalation: 2, receivers: [duty], continue: true}
    - match: {area: "north*"}
      receivers: [north]
      group_wait_seconds: 7
      routes:
        - {match: {severity: critical}, receivers: [north, duty], repeat_seconds: 60}
"""


@pytest.mark.parametrize(
    ("labels", "level", "told"),
    [
        ({"area": "south"}, 0, ["board"]),
        ({"area": "south"}, 2, ["board", "duty"]),
        ({"area": "north-1", "severity": "warning"}, 0, ["board", "north"]),
        ({"area": "north-1"}, 0, ["board", "duty", "north"]),
        ({"area": "north-1", "severity": "warning"}, 3, ["board", "duty", "north"]),
    ],
)
def test_routes_lead_by_labels_and_escalation(labels, level, told):
    root = parse_settings(ROUTES, "x.yaml").notifications.root()
    one = change(1, 1, "opened", 0, level=level)
    one.labels.update(labels)
    found = takers(root, one)
    assert sorted(receiver for _, receiver in found) == told
    if labels["area"] == "north-1":
        [route] = [route for route, receiver in found if receiver == "north"]
        assert route.timing.wait_ns == 7 * S
        assert route.timing.interval_ns == 300 * S


def test_without_a_route_that_fits_the_default_is_told():
    text = ROUTES.replace("- {receivers: [board], group_by: [each], group_wait_seconds: 0, continue: true}", "")
    root = parse_settings(text, "x.yaml").notifications.root()
    assert [receiver for _, receiver in takers(root, change(1, 1, "opened", 0, area="south"))] == ["desk"]


def test_a_route_keeps_its_key_wherever_it_stands():
    keys = [route.key for route in parse_settings(ROUTES, "x.yaml").notifications.root().all()]
    assert len(set(keys)) == len(keys)
    lines = ROUTES.splitlines(keepends=True)
    swapped = "".join([*lines[:9], lines[10], lines[9], *lines[11:]])
    assert set(keys) == {route.key for route in parse_settings(swapped, "x.yaml").notifications.root().all()}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("receivers: [{name: a, kind: webhook}]", "give either url or url_file"),
        ("receivers: [{name: a, kind: webhook, url: 'ftp://x/'}]", "http:// or https://"),
        ("receivers: [{name: a, kind: webhook, url: 'http://u:geheim@x/'}]", "do not belong into the address"),
        ("receivers: [{name: a, kind: mqtt, url: 'mqtt://x'}]", "needs `topic`"),
        ("receivers: [{name: a, kind: mqtt, url: 'mqtt://x', topic: 'a/#'}]", "holds no"),
        ("receivers: [{name: a, kind: webhook, url: 'http://x/', topic: t}]", "is for kind mqtt"),
        ("receivers: [{name: a, kind: apprise, url: geheim}]", "address of Apprise"),
        ("default: [b]", "there is no receiver 'b'"),
        ("routes: [{receivers: []}]", "routes need receivers"),
        ("receivers: [{name: a, kind: webhook, url: 'http://x/'}]\n  routes: [{group_by: [colour]}]", "no such label"),
        ("receivers: [{name: a, kind: webhook, url: 'http://x/'}]\n  routes: [{match: {colour: x}}]", "no such label"),
        (
            "receivers: [{name: a, kind: webhook, url: 'http://x/'}]\n  routes: [{changes: [gone]}]",
            "nothing of that name",
        ),
        ("receivers: [{name: a, kind: webhook, url: 'http://x/'}]\n  routes: [{mute: [night]}]", "no calendar 'night'"),
        ("calendars: {night: {hours: ['8-9']}}", "hours"),
        ("time_zone: Mars", "Mars"),
        ("public_url: city.example", "http:// or https://"),
    ],
)
def test_mistakes_in_settings_are_told_and_never_repeat_a_secret(text, why):
    with pytest.raises(ConfigurationError) as caught:
        parse_settings(f"notifications:\n  {text}\n", "x.yaml")
    assert why in str(caught.value)
    assert "geheim" not in str(caught.value)


# signatures

SECRET = "a secret of some length"


def test_what_was_signed_is_verified_once():
    body, known = b'{"a":1}', Seen()
    headers = sign([SECRET], 1000, body)
    verify([SECRET], headers, body, now_s=1100, seen=known)
    with pytest.raises(SignatureRefused, match="replayed"):
        verify([SECRET], headers, body, now_s=1100, seen=known)
    verify([SECRET], sign([SECRET], 1101, body), body, now_s=1101, seen=known)


def test_while_a_secret_changes_both_are_good():
    headers = sign(["the old secret", "the new secret"], 1000, b"x")
    for one in ("the old secret", "the new secret"):
        verify([one], headers, b"x", now_s=1000)
    verify(["another", "the new secret"], headers, b"x", now_s=1000)


@pytest.mark.parametrize(
    ("headers", "body", "now_s", "reason"),
    [
        ({}, b"x", 1000, "missing"),
        ({"citywatch-timestamp": "1000"}, b"x", 1000, "missing"),
        ({**sign([SECRET], 1000, b"x"), "Citywatch-Timestamp": "1001"}, b"x", 1000, "wrong"),
        ({**sign([SECRET], 1000, b"x"), "Citywatch-Timestamp": "soon"}, b"x", 1000, "malformed"),
        ({**sign([SECRET], 1000, b"x"), "Citywatch-Signature": "v0=aa"}, b"x", 1000, "malformed"),
        ({**sign([SECRET], 1000, b"x"), "Citywatch-Signature": "v1=é"}, b"x", 1000, "malformed"),
        (sign([SECRET], 1000, b"x"), b"y", 1000, "wrong"),
        (sign(["somebody else's"], 1000, b"x"), b"x", 1000, "wrong"),
        (sign([SECRET], 1000, b"x"), b"x", 1301, "too_old"),
        (sign([SECRET], 1000, b"x"), b"x", 699, "too_old"),
    ],
)
def test_what_must_not_be_believed_is_refused(headers, body, now_s, reason):
    with pytest.raises(SignatureRefused) as caught:
        verify([SECRET], headers, body, now_s=now_s)
    assert caught.value.reason == reason


def test_what_is_remembered_of_signatures_is_bounded():
    known = Seen(most=10)
    for second in range(100):
        verify([SECRET], sign([SECRET], second, b"x"), b"x", now_s=second, seen=known)
    assert len(known._seen) <= 10


def test_a_term_says_whose_it_is():
    view = {"kind": "frozen", "device": "cam-1", "labels": dict.fromkeys(("severity", "site", "area", "department",
            "contractor", "class"), ""), "resolution": "", "exercise": False, "response_due_at": "1970-01-02T00:00:00Z",
            "repair_due_at": "1970-01-04T00:00:00Z", "id": "1"}  # fmt: skip
    en, zh = words("en", {}, {}, {}), words("zh", {}, {}, {})
    one = {
        "kind": "changes",
        "exercise": False,
        "group": {},
        "items": [{"ticket": view, "changes": [{"what": "ticket_filed"}]}],
    }
    assert en.title(one) == "frozen, ticket filed – cam-1 response due 1970-01-02 00:00:00 UTC"
    view["accepted_by"] = "wei"
    assert zh.title(one).endswith("cam-1 修复时限 1970-01-04 00:00:00 UTC")
    view["due_at"] = "1970-01-03T00:00:00Z"
    assert en.title(one).endswith("cam-1 due 1970-01-03 00:00:00 UTC")
