"""Roadside signs: one worker each, so that a sign that is slow or away delays nobody else.

A sign shows one message at a time. Lorries that come one behind the other are named one after the other, in the order
of their passes; the next message takes the place of the one before by itself, the last one is withdrawn when its time
is over. What could not be shown in time is not shown at all.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import httpx

from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.errors import CitywatchError
from citywatch.ports import Clock, Meter, Store
from citywatch.signs.messages import Message, Sign

_log = logging.getLogger(__name__)

_PATIENCE_S = 3.0
_TRY_AGAIN_S = 1.0
_LOOK_S = 0.5
_MOST_WAITING = 16
"""Of one sign. The oldest gives way: its lorry is nearest to being gone."""
_MOST_TOLD = 1000
"""Audit lines that wait for a store that is away."""


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
        latest_s = time.monotonic() + _PATIENCE_S
        try:
            with self._client.stream("POST", self._url, json=document) as answer:
                # Read to its end, so that the connection is kept; but nobody waits for one that trickles.
                for _ in answer.iter_raw():
                    if time.monotonic() > latest_s:
                        break
                return answer.is_success
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
    """Shows and withdraws the messages of one sign, from `start` to `stop`.

    Three things are kept apart: what waits, what the sign has said that it shows, and until when something may stand
    on it, said or not: a sign that took a document and did not answer in time shows it all the same.
    """

    def __init__(self, sign: Sign, face: Face, store: Store, clock: Clock, meter: Meter) -> None:
        self.sign = sign
        self._face = face
        self._store = store
        self._clock = clock
        self._meter = meter
        self._news = threading.Condition()
        self._waiting: list[Message] = []
        self._shown: Message | None = None
        self._shown_ns = 0
        # Whoever was here before us may have left something on it.
        self._clear_ns: int | None = 0
        self._failed = ""
        """The event of the message that was tried last and not taken; '' when the last one was."""
        self._told: deque[dict[str, Any]] = deque(maxlen=_MOST_TOLD)
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
        """Show this when those that passed before it have had their time, `least_s` each."""
        with self._news:
            self._waiting.append(message)
            self._waiting.sort(key=lambda one: (one.at_ns, one.event))
            if len(self._waiting) > _MOST_WAITING:
                del self._waiting[0]
                self._meter.count("sign_messages_total", result="replaced")
            self._news.notify()

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(self._has_to_do, timeout=_LOOK_S)
                self._forget_late()
                wanted = self._waiting.pop(0) if self._has_one_to_show() else None
                stopping = self._stopping
            if wanted is not None and not stopping:
                self._show(wanted)
            elif stopping or self._is_over():
                self._withdraw()
            self._write_down()
            if stopping:
                return

    def _has_to_do(self) -> bool:
        return self._stopping or self._is_over() or self._has_one_to_show()

    def _has_one_to_show(self) -> bool:
        # A sign that refuses the next one has to be rid of the last one first.
        return bool(self._waiting) and self._has_its_turn() and not (self._failed and self._is_over())

    def _is_over(self) -> bool:
        return self._clear_ns is not None and self._clock.now_ns() >= self._clear_ns

    def _has_its_turn(self) -> bool:
        """Whether what is shown has been shown long enough for the next one."""
        return self._shown is None or self._clock.now_ns() - self._shown_ns >= round(self.sign.least_s * NS_PER_S)

    def _forget_late(self) -> None:
        earliest_ns = self._clock.now_ns() - round(self.sign.late_s * NS_PER_S)
        timely = [message for message in self._waiting if message.at_ns >= earliest_ns]
        for _ in range(len(self._waiting) - len(timely)):
            self._meter.count("sign_messages_total", result="late")
        self._waiting = timely

    def _show(self, message: Message) -> None:
        now_ns = self._clock.now_ns()
        until_ns = now_ns + round(self.sign.hold_s * NS_PER_S)
        message = replace(message, until_ns=until_ns)
        if self._face.put(_document(message), max(1, round((until_ns - now_ns) / NS_PER_S))):
            shown_ns = self._clock.now_ns()
            if self._shown is not None:
                self._tell("sign_withdrawn", self._shown, shown_ns)
            self._shown, self._shown_ns, self._clear_ns, self._failed = message, shown_ns, until_ns, ""
            self._meter.count("sign_messages_total", result="shown")
            self._meter.observe("pass_to_sign_seconds", max(0, shown_ns - message.at_ns) / NS_PER_S)
            self._tell("sign_shown", message, shown_ns)
            return
        self._meter.count("sign_messages_total", result="failed")
        self._clear_ns = until_ns if self._clear_ns is None else self._clear_ns
        if self._failed != message.event:
            self._failed = message.event
            self._tell("sign_unanswered", message, now_ns)
        with self._news:
            # Tried again for as long as its lorry is near.
            self._waiting.insert(0, message)
            self._news.wait_for(lambda: self._stopping, _TRY_AGAIN_S)

    def _withdraw(self) -> None:
        if self._clear_ns is None:
            return
        shown = self._shown
        empty = {"sign": self.sign.name, "event": "" if shown is None else shown.event, "lines": []}
        if self._face.put(empty, 1):
            self._clear_ns = self._shown = None
            if shown is not None:
                self._meter.count("sign_messages_total", result="withdrawn")
                self._tell("sign_withdrawn", shown, self._clock.now_ns())
            return
        if shown is not None:
            self._meter.count("sign_messages_total", result="failed")
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._has_one_to_show(), _TRY_AGAIN_S)

    def _tell(self, action: str, message: Message, at_ns: int) -> None:
        """A plate was shown to the public: when, where and for which event is written down."""
        line = {"at_ns": at_ns, "actor": f"sign:{message.sign}", "action": action, "target": message.event}
        if len(self._told) == _MOST_TOLD:
            _log.error("sign %s: the audit took nothing for long: %s is not in it", self.sign.name, self._told[0])
        self._told.append(line)

    def _write_down(self) -> None:
        """What was shown goes to the audit; a store that is away is asked again with the next look."""
        while self._told:
            try:
                self._store.audit(**self._told[0])
            except CitywatchError as error:
                _log.warning("sign %s: the audit takes nothing: %s", self.sign.name, error)
                return
            self._told.popleft()


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
