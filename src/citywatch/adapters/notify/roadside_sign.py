"""Roadside signs: one worker each, so that a sign that is slow or away delays nobody else.

A sign shows one message at a time and the newest wins: its lorry comes by now. A message is withdrawn when its time is
over, and a new one takes the place of an old one by itself. What could not be shown in time is not shown at all.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.ports import Clock, Meter, Store
from citywatch.signs.messages import Message, Sign

_log = logging.getLogger(__name__)

_PATIENCE_S = 3.0
_TRY_AGAIN_S = 1.0
_LOOK_S = 0.5


class Face(Protocol):
    """How a sign is reached. True when it has taken the document."""

    def put(self, document: dict[str, Any], expires_s: int) -> bool: ...

    def close(self) -> None: ...


class HttpFace:
    """A sign controller that takes its messages as JSON by POST."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url
        self._client = httpx.Client(timeout=_PATIENCE_S, headers=headers, follow_redirects=False)

    def put(self, document: dict[str, Any], expires_s: int) -> bool:
        del expires_s
        try:
            return self._client.post(self._url, json=document).is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self._client.close()


class TopicFace:
    """A sign that listens to a retained topic of an MQTT broker; messages expire there by themselves, too."""

    def __init__(self, topic: str, publish: Callable[..., bool]) -> None:
        self._topic = topic
        self._publish = publish

    def put(self, document: dict[str, Any], expires_s: int) -> bool:
        return self._publish(self._topic, json.dumps(document, ensure_ascii=False).encode(), expires_s=expires_s)

    def close(self) -> None:
        """The broker's connection is somebody else's."""


class SignWorker:
    """Shows and withdraws the messages of one sign, from `start` to `stop`."""

    def __init__(self, sign: Sign, face: Face, store: Store, clock: Clock, meter: Meter) -> None:
        self.sign = sign
        self._face = face
        self._store = store
        self._clock = clock
        self._meter = meter
        self._news = threading.Condition()
        self._wanted: Message | None = None
        self._shown: Message | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name=f"sign-{sign.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Withdraws what is shown, once, and ends."""
        with self._news:
            self._stopping = True
            self._news.notify()
        self._thread.join(2 * _PATIENCE_S)
        self._face.close()

    def show(self, message: Message) -> None:
        """Show this as soon as can be, instead of whatever is shown or waits."""
        with self._news:
            if self._wanted is not None:
                self._meter.count("sign_messages_total", result="replaced")
            self._wanted = message
            self._news.notify()

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(self._has_to_do, timeout=_LOOK_S)
                wanted, stopping = self._wanted, self._stopping
                self._wanted = None
            if wanted is not None and not stopping:
                self._show(wanted)
            elif self._shown is not None and (stopping or self._clock.now_ns() >= self._shown.until_ns):
                self._withdraw()
            if stopping:
                return

    def _has_to_do(self) -> bool:
        over = self._shown is not None and self._clock.now_ns() >= self._shown.until_ns
        return self._wanted is not None or self._stopping or over

    def _show(self, message: Message) -> None:
        latest_ns = message.at_ns + round(self.sign.late_s * NS_PER_S)
        now_ns = self._clock.now_ns()
        if now_ns > latest_ns:
            self._meter.count("sign_messages_total", result="late")
            return
        expires_s = max(1, round((message.until_ns - now_ns) / NS_PER_S))
        if self._face.put(_document(message), expires_s):
            self._shown = message
            shown_ns = self._clock.now_ns()
            self._meter.count("sign_messages_total", result="shown")
            self._meter.observe("pass_to_sign_seconds", (shown_ns - message.at_ns) / NS_PER_S)
            self._audit("sign_shown", message, shown_ns)
            return
        self._meter.count("sign_messages_total", result="failed")
        with self._news:
            # A newer one goes first; without one this is tried again for as long as its lorry is near.
            if self._wanted is None and not self._stopping:
                self._news.wait(_TRY_AGAIN_S)
                if self._wanted is None:
                    self._wanted = message

    def _withdraw(self) -> None:
        assert self._shown is not None  # noqa: S101  (asked by the caller)
        message = self._shown
        empty = {"sign": message.sign, "event": message.event, "lines": []}
        if self._face.put(empty, 1):
            self._shown = None
            self._meter.count("sign_messages_total", result="withdrawn")
            self._audit("sign_withdrawn", message, self._clock.now_ns())
        elif not self._stopping:
            self._meter.count("sign_messages_total", result="failed")
            with self._news:
                self._news.wait(_TRY_AGAIN_S)

    def _audit(self, action: str, message: Message, at_ns: int) -> None:
        """A plate was shown to the public: when, where and for which event is written down."""
        self._store.audit(at_ns=at_ns, actor=f"sign:{message.sign}", action=action, target=message.event)


def _document(message: Message) -> dict[str, Any]:
    place = message.place
    return {
        "sign": message.sign,
        "event": message.event,
        "at": format_instant(message.at_ns),
        "until": format_instant(message.until_ns),
        "plate": message.plate,
        "over_kg": message.over_kg,
        "place": None
        if place is None
        else {"name": place.name, "distance_m": place.distance_m, "side": place.side, "direction": place.direction},
        "lines": list(message.lines),
    }
