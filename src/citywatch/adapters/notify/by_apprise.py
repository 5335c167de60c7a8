"""Everything that Apprise reaches: mail, SMS gateways, WeCom, DingTalk, Feishu and many more (decision 0046).

Apprise answers with yes or no. Some services refuse with status 200 and a number in the body, which its plugins do not
read; so we look at every HTTP answer ourselves, in the thread that sends. What Apprise logs goes nowhere but, bounded
and without secrets, into the log of attempts.
"""

from __future__ import annotations

import json
import logging
import threading
import warnings
from collections.abc import Callable, Mapping
from email.utils import make_msgid
from typing import Any

from citywatch.adapters.notify.outcome import DELIVERED, Outcome, Redactor, of_status, parts_of
from citywatch.errors import ConfigurationError

_NUMBERED = {
    "wecombot": "errcode",
    "wechat": "errcode",
    "dingtalk": "errcode",
    "feishu": "code",
    "lark": "code",
}
"""Services that answer with a number in the body, and its name; 0 is success."""
_BUSY = frozenset({-1, 45009, 130101, 11232, 230020})
"""Numbers that mean `later`: WeCom busy and over its limit, DingTalk over its limit, Feishu over its limits."""
_MOST_BYTES = {"wecombot": 2048, "wechat": 2048}
"""What a service takes at most, in bytes of UTF-8 with the title (WeCom, group robots); Apprise counts characters."""
_MOST_ANSWER = 65_536
_BETWEEN_BYTES = 8
_MOST_SAID = 5
_MAIL = frozenset({"mailto", "mailtos"})
_MAIL_DOMAIN = "citywatch.invalid"
"""Right of the @ of a mail's Message-ID; ids of deliveries are unique by themselves (RFC 2606: nobody's domain)."""


class _Heard(threading.local):
    """What this thread has heard during an attempt."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.said: list[str] = []
        self.message_id = ""
        """What a mail that this thread sends is known by; '' for Apprise's own choice."""


_heard = _Heard()


class _Listener(logging.Handler):
    """Apprise's own words, kept for the attempt they belong to."""

    def emit(self, record: logging.LogRecord) -> None:
        if len(_heard.said) < _MOST_SAID:
            _heard.said.append(record.getMessage())


class ByApprise:
    """One Apprise address. ConfigurationError, which does not repeat it, when Apprise cannot use it."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        title: Callable[[Mapping[str, Any]], str],
        text: Callable[[Mapping[str, Any]], str],
        is_brief: bool,
        timeout_s: float,
    ) -> None:
        import apprise  # noqa: PLC0415  (0.5 s and 30 MB: only who uses it)

        _listen()
        self._kinds = apprise.NotifyType
        self._plain = apprise.NotifyFormat.TEXT
        self._title = title
        self._text = text
        self._is_brief = is_brief
        self._schema = url.partition("://")[0].lower()
        self._redact = Redactor(parts_of(url))
        with warnings.catch_warnings():
            # It loads all its plugins at the first address; what they use of old is no news to our users.
            warnings.simplefilter("ignore", DeprecationWarning)
            plugin = apprise.Apprise.instantiate(url, asset=apprise.AppriseAsset(app_id="Citywatch"))
            if self._schema in _MAIL:
                _name_mails()
        said, _heard.said = _heard.said, []
        if plugin is None:
            why = self._redact("; ".join(said)) or "it is no address of Apprise"
            raise ConfigurationError(f"receiver {name}: {why}; see docs/operations.md, Notifications")
        plugin.socket_connect_timeout = timeout_s
        plugin.socket_read_timeout = timeout_s
        self._plugin = plugin

    def send(self, document: Mapping[str, Any]) -> Outcome:
        title = self._title(document)
        body = title if self._is_brief else self._text(document)
        if self._schema in _MOST_BYTES:
            body = fitted(body, _MOST_BYTES[self._schema] - len(title.encode()) - _BETWEEN_BYTES)
        _heard.answers, _heard.said = [], []
        # A mail that is sent again after a crash is the same mail: servers and readers may drop the second one.
        _heard.message_id = f"<{document['delivery']}@{_MAIL_DOMAIN}>" if self._schema in _MAIL else ""
        try:
            told = self._plugin.notify(
                title="" if self._is_brief else title,
                body=body,
                notify_type=self._kind(document),
                body_format=self._plain,
            )
        except Exception as error:  # noqa: BLE001  (a hundred plugins: none of them may end the others' deliveries)
            return Outcome("again", "failed", type(error).__name__)
        return self._judged(bool(told))

    def close(self) -> None:
        """Apprise keeps nothing open."""

    def _kind(self, document: Mapping[str, Any]) -> Any:
        ends = set(document["counts"]) == {"resolved"}
        return self._kinds.SUCCESS if ends else self._kinds.WARNING if document["items"] else self._kinds.INFO

    def _judged(self, told: bool) -> Outcome:
        answers, said = _heard.answers, "; ".join(_heard.said)
        _heard.answers, _heard.said = [], []
        for answer in answers:
            outcome = self._of_answer(answer)
            if outcome.result != "delivered":
                return outcome
        return DELIVERED if told else Outcome("again", "failed", self._redact(said))

    def _of_answer(self, answer: Any) -> Outcome:
        import requests  # noqa: PLC0415

        if isinstance(answer, requests.RequestException):
            late = isinstance(answer, requests.Timeout)
            away = isinstance(answer, requests.ConnectionError)
            return Outcome(
                "again", "timed_out" if late else "unreachable" if away else "broken_off", type(answer).__name__
            )
        outcome = of_status(answer.status_code, answer.headers.get("Retry-After", ""))
        number = self._number(answer.content) if outcome.result == "delivered" else None
        if not number:
            return outcome
        detail = f"{_NUMBERED[self._schema]} {number}"
        return (
            Outcome("again", "rate_limited", detail) if number in _BUSY else Outcome("refused", "not_accepted", detail)
        )

    def _number(self, content: bytes) -> int | None:
        """The number by which a service refuses; None or 0 where it has accepted."""
        key = _NUMBERED.get(self._schema)
        if key is None or len(content) > _MOST_ANSWER:
            return None
        try:
            said = json.loads(content)
        except ValueError:
            return None
        number = said.get(key) if isinstance(said, dict) else None
        return number if isinstance(number, int) else None


def fitted(text: str, most_bytes: int) -> str:
    """The first lines and the last two, which sum up and name the message, as far as they fit."""
    if len(text.encode()) <= most_bytes:
        return text
    every = text.split("\n")
    lines, last = every[:-2], "\n".join(every[-2:])
    left = most_bytes - len(f"\n…\n{last}".encode())
    kept = []
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join([*kept, "…", last]) if kept else text.encode()[: most_bytes - 3].decode(errors="ignore") + "…"


def _listen() -> None:
    """Once a process: Apprise's log and the answers to its requests come to us, and to nobody else."""
    log = logging.getLogger("apprise")
    if any(isinstance(handler, _Listener) for handler in log.handlers):
        return
    log.handlers = [_Listener()]
    log.setLevel(logging.WARNING)
    log.propagate = False
    for name in ("urllib3", "requests", "requests_oauthlib"):
        # What they warn of holds whole addresses.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _watch_requests()


def _name_mails() -> None:
    """Apprise gives each mail a new Message-ID, whatever headers it is told."""
    from apprise.plugins.email import base  # noqa: PLC0415

    vars(base)["make_msgid"] = _message_id


def _message_id(*args: Any, **how: Any) -> str:
    return _heard.message_id or make_msgid(*args, **how)


def _watch_requests() -> None:
    import requests  # noqa: PLC0415

    original = requests.Session.send

    def send(self: Any, request: Any, **how: Any) -> Any:
        try:
            answer = original(self, request, **how)
        except requests.RequestException as error:
            _heard.answers.append(error)
            raise
        _heard.answers.append(answer)
        return answer

    requests.Session.send = send
