"""One worker for each receiver: one that is down, slow or hanging delays nobody else."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from citywatch.adapters.notify.outcome import Outcome, Sender
from citywatch.adapters.store.outbox import Outbox
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.notifications.config import ReceiverSettings
from citywatch.ports import Clock, Meter, Row

_log = logging.getLogger(__name__)

_LOOK_S = 1.0
_MOST_DOUBLINGS = 30
_LEASE_FACTOR = 6
"""So many times its patience may an attempt take, before another is made: libraries ask several times."""


class Worker:
    """Sends what waits for one receiver; `turn` makes one attempt, or waits a moment for something to do.

    After a failure that trying again can help, the receiver is left alone for a growing time with jitter; deliveries
    that have not been tried yet come first then, so that one which it cannot digest does not stand before the others.
    """

    def __init__(
        self,
        settings: ReceiverSettings,
        sender: Sender,
        outbox: Outbox,
        clock: Clock,
        meter: Meter,
        rng: random.Random,
        refresh: Callable[[list[Mapping[str, Any]]], Outcome] | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._sender = sender
        self._outbox = outbox
        self._clock = clock
        self._meter = meter
        self._rng = rng
        self._refresh = refresh
        self._news = threading.Event()
        self._failures = 0
        self._rest_until_ns = 0
        self._refresh_ns = 0

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    def close(self) -> None:
        self._sender.close()

    def turn(self) -> None:
        now_ns = self._clock.now_ns()
        row = self._outbox.next(self.name, now_ns) if now_ns >= self._rest_until_ns else None
        if row is not None:
            self._attempt(row, now_ns)
        elif self._refresh is not None and now_ns >= max(self._refresh_ns, self._rest_until_ns):
            self._send_again(now_ns)
        else:
            self._news.wait(_LOOK_S)
            self._news.clear()

    def _attempt(self, row: Row, now_ns: int) -> None:
        lease_ns = round(_LEASE_FACTOR * self._settings.timeout_seconds * NS_PER_S)
        if not self._outbox.claim(row, now_ns + lease_ns):
            return
        began = time.monotonic()
        outcome = self._sender.send(row["document"])
        took_ms = round((time.monotonic() - began) * 1000)
        now_ns = self._clock.now_ns()
        pause_ns = self._rest(outcome, now_ns)
        attempt = {
            "at_ns": now_ns - took_ms * NS_PER_MS,
            "took_ms": took_ms,
            "result": outcome.result,
            "reason": outcome.reason,
            "detail": outcome.detail,
        }
        self._outbox.settle(row, attempt, self._after(row, outcome, now_ns, pause_ns))
        self._meter.count("delivery_attempts_total", receiver=self.name, result=outcome.result, reason=outcome.reason)

    def _after(self, row: Row, outcome: Outcome, now_ns: int, pause_ns: int) -> dict[str, Any]:
        """What the delivery is after an attempt."""
        said = {"reason": outcome.reason, "detail": outcome.detail}
        if outcome.result == "delivered":
            self._meter.observe("delivery_seconds", max(0.0, (now_ns - row["planned_at_ns"]) / NS_PER_S))
            return {"state": "delivered", "reason": "", "detail": "", "settled_at_ns": now_ns}
        too_old = now_ns - row["planned_at_ns"] >= self._settings.give_up_hours * 3600 * NS_PER_S
        if outcome.result == "refused" or too_old:
            _log.error("receiver %s: delivery %s is given up: %s", self.name, row["id"], outcome.reason)
            dropped = "gave_up" if too_old else "refused"
            self._meter.count("deliveries_dropped_total", receiver=self.name, reason=dropped)
            return {"state": "failed", **said, "settled_at_ns": now_ns}
        doublings = min(row["attempts"], _MOST_DOUBLINGS)
        own_ns = self._jittered(self._settings.retry_seconds * 2**doublings)
        return {**said, "next_ns": now_ns + max(own_ns, pause_ns)}

    def _rest(self, outcome: Outcome, now_ns: int) -> int:
        """How long the receiver is left alone."""
        if outcome.result != "again":
            if self._failures:
                _log.info("receiver %s takes deliveries again", self.name)
            self._failures = 0
            self._rest_until_ns = 0
            return 0
        if not self._failures:
            _log.warning("receiver %s: %s; trying again", self.name, outcome.reason)
        pause_ns = self._jittered(self._settings.retry_seconds * 2 ** min(self._failures, _MOST_DOUBLINGS))
        asked_s = min(outcome.retry_after_s, self._settings.retry_seconds_max)
        pause_ns = max(pause_ns, round(asked_s * NS_PER_S))
        self._failures += 1
        self._rest_until_ns = now_ns + pause_ns
        return pause_ns

    def _jittered(self, seconds: float) -> int:
        """Between half of it and all of it, so that what failed together is not tried together."""
        return round(min(seconds, self._settings.retry_seconds_max) * self._rng.uniform(0.5, 1.0) * NS_PER_S)

    def _send_again(self, now_ns: int) -> None:
        """Tell of what is open once more, for a receiver that forgets."""
        assert self._refresh is not None  # noqa: S101
        views = [body["view"] for body in self._outbox.open_members(self.name)]
        self._refresh_ns = now_ns + round(self._settings.resend_seconds * NS_PER_S)
        if views:
            outcome = self._refresh(views)
            self._rest(outcome, self._clock.now_ns())
            self._meter.count("notification_resends_total", receiver=self.name, result=outcome.result)
