"""Texts of deliveries in English and Chinese, by templates of `{field}` alone: no attributes, no code, no formats.

What a city words otherwise it writes into files of its own (docs/operations.md); the rest stays as it is here.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from citywatch.domain.instants import NS_PER_S, parse_instant
from citywatch.notifications.documents import TEST
from citywatch.notifications.groups import REPEAT

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
MOST_LINES = 20
MOST_TITLE = 120
_MOST_TEMPLATE = 2000

_PLACE = frozenset(("device", "site", "area", "department", "contractor", "class"))
_ALERT = _PLACE | {"mark", "what", "kind", "severity", "at", "since", "level", "by", "resolution", "link"}
_TICKET = _PLACE | {
    "mark",
    "what",
    "clock",
    "kind",
    "at",
    "since",
    "by",
    "resolution",
    "link",
    "team",
    "due",
    "term",
    "note",
}

FIELDS: Mapping[str, frozenset[str]] = {
    "mark": frozenset(),
    "title_alert": _ALERT,
    "title_ticket": _TICKET,
    "title_many": frozenset(("mark", "summary", "group", "count")),
    "title_repeat": frozenset(("mark", "count", "group")),
    "title_test": frozenset(("receiver",)),
    "text_test": frozenset(("receiver", "at")),
    "line_alert": _ALERT,
    "line_ticket": _TICKET,
    "line_open": _ALERT,
    "more": frozenset(("count",)),
    "still_open": frozenset(("count",)),
    "counted": frozenset(("what", "count")),
    "between": frozenset(),
    "reference": frozenset(("delivery",)),
}
"""Templates, and the fields that each may use."""

_EN: Mapping[str, str] = {
    "mark": "[EXERCISE] ",
    "title_alert": "{mark}{severity}: {kind}, {what} – {device} {site}",
    "title_ticket": "{mark}{kind}, {clock} {what} – {device} {site} {term}",
    "title_many": "{mark}{summary} – {group}",
    "title_repeat": "{mark}Still open and not acknowledged: {count} – {group}",
    "title_test": "Test of receiver {receiver}",
    "text_test": "This is a test of Citywatch's notifications ({at}). Nothing has happened.",
    "line_alert": "{mark}{at} {what}: {kind} ({severity}) – {device} {site} {area} {by} {link}",
    "line_ticket": "{mark}{at} {clock} {what}: {kind} – {device} {site} {area} {contractor} {team} {term} {note}"
    " {link}",
    "line_open": "{mark}open since {since}: {kind} ({severity}) – {device} {site} {area} {link}",
    "more": "... and {count} more",
    "still_open": "Still open in this group: {count}",
    "counted": "{count} {what}",
    "between": ", ",
    "reference": "Ref. {delivery}",
}
_ZH: Mapping[str, str] = {
    "mark": "【演练】",
    "title_alert": "{mark}【{severity}】{kind}（{what}）：{device} {site}",
    "title_ticket": "{mark}【工单】{kind}（{clock}{what}）：{device} {site} {term}",
    "title_many": "{mark}{summary}：{group}",
    "title_repeat": "{mark}仍有 {count} 条告警未恢复且未确认：{group}",
    "title_test": "接收方 {receiver} 测试",
    "text_test": "这是城市设施监测平台的通知测试（{at}），未发生任何事件。",
    "line_alert": "{mark}{at} {what}：{kind}（{severity}） {device} {site} {area} {by} {link}",
    "line_ticket": "{mark}{at} {clock}{what}：{kind} {device} {site} {area} {contractor} {team} {term} {note} {link}",
    "line_open": "{mark}自 {since} 起未恢复：{kind}（{severity}） {device} {site} {area} {link}",
    "more": "……另有 {count} 条",
    "still_open": "本组仍未恢复：{count} 条",
    "counted": "{what} {count} 条",
    "between": "，",
    "reference": "编号 {delivery}",
}
TEMPLATES: Mapping[Language, Mapping[str, str]] = {"en": _EN, "zh": _ZH}

_WHAT: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "opened": "opened",
        "acknowledged": "acknowledged",
        "escalated": "escalated",
        "flapping": "comes and goes",
        "resolved": "resolved",
        "open": "still open",
        "ticket_filed": "ticket filed",
        "ticket_dispatched": "ticket dispatched",
        "ticket_accepted": "ticket accepted",
        "ticket_held": "ticket on hold",
        "ticket_resumed": "ticket resumed",
        "ticket_clocks_stopped": "terms stand",
        "ticket_clocks_resumed": "terms run again",
        "ticket_handled": "ticket handled",
        "ticket_verified": "repair verified",
        "ticket_closed": "ticket closed",
        "ticket_reopened": "ticket reopened",
        "ticket_noted": "ticket noted",
        "ticket_warned": "term is near",
        "ticket_breached": "term is over",
    },
    "zh": {
        "opened": "发生",
        "acknowledged": "已确认",
        "escalated": "已升级",
        "flapping": "反复出现",
        "resolved": "已恢复",
        "open": "未恢复",
        "ticket_filed": "已立案",
        "ticket_dispatched": "已派单",
        "ticket_accepted": "已接单",
        "ticket_held": "已挂起",
        "ticket_resumed": "已恢复处置",
        "ticket_clocks_stopped": "暂停计时",
        "ticket_clocks_resumed": "恢复计时",
        "ticket_handled": "已处置",
        "ticket_verified": "已核查",
        "ticket_closed": "已结案",
        "ticket_reopened": "已重新立案",
        "ticket_noted": "有新备注",
        "ticket_warned": "临近时限",
        "ticket_breached": "已超时限",
    },
}


_CLOCKS: Mapping[Language, Mapping[str, str]] = {
    "en": {"response": "response", "repair": "repair"},
    "zh": {"response": "响应", "repair": "修复"},
}


_TERMS: Mapping[Language, Mapping[str, str]] = {
    "en": {"": "due {due}", "response": "response due {due}", "repair": "repair due {due}"},
    "zh": {"": "时限 {due}", "response": "响应时限 {due}", "repair": "修复时限 {due}"},
}
"""Until when, and for which clock."""
_SHOWN_OF_ID = 12


class TemplateRefused(ValueError):
    """A template that cannot be used; the message names it and what it may hold."""


class _Plain(string.Formatter):
    """`{field}` and nothing else."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return str(value)


_PLAIN = _Plain()


def check_templates(given: Mapping[str, Any]) -> dict[str, str]:
    """Templates of a user. TemplateRefused for one that is unknown, too long, or has a field that it may not have."""
    for name, text in given.items():
        if name not in FIELDS:
            raise TemplateRefused(f"{name}: no such template; there are {', '.join(FIELDS)}")
        if not isinstance(text, str) or len(text) > _MOST_TEMPLATE:
            raise TemplateRefused(f"{name}: a text of at most {_MOST_TEMPLATE} characters is wanted")
        known = ", ".join(f"{{{one}}}" for one in sorted(FIELDS[name])) or "none"
        try:
            parts = list(_PLAIN.parse(text))
        except ValueError as error:
            raise TemplateRefused(f"{name}: {error}; write braces that are meant as such twice") from error
        for _, one, spec, conversion in parts:
            if one is not None and (one not in FIELDS[name] or spec or conversion):
                raise TemplateRefused(f"{name}: {{{one}}} is no field of it; there are {known}")
    return {str(name): str(text) for name, text in given.items()}


@dataclass(frozen=True, slots=True)
class Words:
    """How one language says things. `kinds` are names of alerts (and faults), `severities` of severities."""

    language: Language
    templates: Mapping[str, str]
    kinds: Mapping[str, str]
    severities: Mapping[str, str]
    zone: str = "UTC"
    public_url: str = ""

    def title(self, document: Mapping[str, Any]) -> str:
        """One line."""
        if document["kind"] == TEST:
            return self._say("title_test", {"receiver": document["receiver"]})
        group = " ".join(self._label(name, value) for name, value in document["group"].items() if value)
        mark = self._mark(document)
        if document["kind"] == REPEAT:
            return self._say("title_repeat", {"mark": mark, "count": document["open"], "group": group})
        items = document["items"]
        if len(items) == 1:
            name = "title_ticket" if "ticket" in items[0] else "title_alert"
            return self._say(name, self._fields(items[0], _last(items[0])))
        counts: dict[str, int] = dict(document["counts"])
        again = sum(1 for item in items if not item["changes"])
        if again:
            counts["open"] = again
        said = [
            self._say("counted", {"what": self._what(what), "count": number}) for what, number in sorted(counts.items())
        ]
        summary = self.templates["between"].join(said)
        return self._say("title_many", {"mark": mark, "summary": summary, "group": group, "count": len(items)})

    def text(self, document: Mapping[str, Any]) -> str:
        """Some lines."""
        if document["kind"] == TEST:
            known = {"receiver": document["receiver"], "at": self._local(document["planned_at"])}
            return self._say("text_test", known)
        lines = list(self._lines(document["items"]))
        shown = lines[:MOST_LINES]
        if len(lines) > MOST_LINES:
            shown.append(self._say("more", {"count": len(lines) - MOST_LINES}))
        if document["open"] and document["kind"] != REPEAT:
            shown.append(self._say("still_open", {"count": document["open"]}))
        # Mail and chats cannot tell a repeat (one that was sent just before a crash) by its key, as webhooks can.
        if said := self._say("reference", {"delivery": document["delivery"][:_SHOWN_OF_ID]}):
            shown.append(said)
        return "\n".join(shown)

    def title_of_alert(self, view: Mapping[str, Any]) -> str:
        """One line about an alert as it is."""
        what = "resolved" if view["state"] == "resolved" else "open"
        return self._say("title_alert", self._fields({"alert": view}, {"what": what}))

    def link_of_alert(self, view: Mapping[str, Any]) -> str:
        """Its address in the console, '' where that is not known."""
        return f"{self.public_url}/#/alerts/{view['id']}" if self.public_url else ""

    def _lines(self, items: Iterable[Mapping[str, Any]]) -> Iterable[str]:
        for item in items:
            if not item["changes"]:
                yield self._say("line_open", self._fields(item, {}))
            name = "line_ticket" if "ticket" in item else "line_alert"
            for change in item["changes"]:
                yield self._say(name, self._fields(item, change))

    def _fields(self, item: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
        noun = "ticket" if "ticket" in item else "alert"
        view = item[noun]
        labels = view["labels"]
        since = view.get("opened_at") or view.get("filed_at")
        clock = "repair" if view.get("accepted_by") else "response"
        due = self._local(view.get("due_at") or view.get(f"{clock}_due_at"))
        term = _TERMS[self.language]["" if view.get("due_at") else clock].format(due=due) if due else ""
        return {
            "mark": self._mark(view),
            "what": self._what(change.get("what", "open")) + _to(view, change),
            "kind": self.kinds.get(view["kind"], view["kind"]),
            "severity": self.severities.get(labels["severity"], labels["severity"]),
            "device": view["device"],
            "site": labels["site"],
            "area": labels["area"],
            "department": labels["department"],
            "contractor": view.get("contractor") or labels["contractor"],
            "class": labels["class"],
            "at": self._local(change.get("at")),
            "since": self._local(since),
            "level": view.get("escalation", 0),
            "by": view.get("acknowledged_by") or view.get("accepted_by") or "",
            "resolution": view["resolution"],
            "team": view.get("team", ""),
            "due": due,
            "term": term,
            "clock": _CLOCKS[self.language].get(view.get("clock", ""), ""),
            "note": change.get("note", ""),
            "link": f"{self.public_url}/#/{noun}s/{view['id']}" if self.public_url else "",
        }

    def _what(self, what: str) -> str:
        return _WHAT[self.language].get(what, what.replace("_", " "))

    def _mark(self, of: Mapping[str, Any]) -> str:
        return self.templates["mark"] if of["exercise"] else ""

    def _label(self, name: str, value: str) -> str:
        if name == "alert":
            return self.kinds.get(value, value)
        return self.severities.get(value, value) if name == "severity" else value

    def _local(self, at: str | None) -> str:
        if not at:
            return ""
        local = dt.datetime.fromtimestamp(parse_instant(at) // NS_PER_S, ZoneInfo(self.zone))
        return local.strftime("%Y-%m-%d %H:%M:%S") + (" UTC" if self.zone == "UTC" else "")

    def _say(self, name: str, fields: Mapping[str, Any]) -> str:
        """One line without gaps where a field was empty; a title is bounded."""
        said = " ".join(_PLAIN.vformat(self.templates[name], (), fields).split())
        for end in (" –", "：", " –:"):
            said = said.removesuffix(end)
        if name.startswith("title") and len(said) > MOST_TITLE:
            return said[: MOST_TITLE - 1] + "…"
        return said


def words(
    language: Language,
    given: Mapping[str, str],
    kinds: Mapping[str, str],
    severities: Mapping[str, str],
    *,
    zone: str = "UTC",
    public_url: str = "",
) -> Words:
    """With a user's templates over ours. An exercise is marked whatever they say."""
    templates = {**TEMPLATES[language], **check_templates(given)}
    if not templates["mark"].strip():
        templates["mark"] = TEMPLATES[language]["mark"]
    for name in ("title_alert", "title_ticket", "title_many", "title_repeat", "line_alert", "line_ticket", "line_open"):
        if "{mark}" not in templates[name]:
            templates[name] = "{mark}" + templates[name]
    return Words(language, templates, kinds, severities, zone, public_url)


def _to(view: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    """Who is called by an escalation."""
    called = view.get("escalated_to", "")
    return f" → {called}" if called and change.get("what") == "escalated" else ""


def _last(item: Mapping[str, Any]) -> Mapping[str, Any]:
    changes = item["changes"]
    return changes[-1] if changes else {}
