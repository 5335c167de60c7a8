"""Hints that projections moved, over publish and subscribe. Losing one costs latency, never truth."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from citywatch.adapters.log.client import connect, connection_options

CHANNEL = "citywatch:projected"
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_LISTEN_S = 5.0


class RedisHint:
    """Says "projections moved" to every RedisWakeup of the channel. Blocking; never raises for an absent server."""

    def __init__(self, url: str, channel: str = CHANNEL, *, timeout_s: float = 2.0) -> None:
        self._client = connect(url, timeout_s)
        self._channel = channel
        self.lost = 0
        """Hints that could not be given, since the start."""

    def __call__(self) -> None:
        try:
            self._client.publish(self._channel, b"")
        except redis.exceptions.RedisError:
            self.lost += 1

    def close(self) -> None:
        self._client.close()


class RedisWakeup:
    """ports.Wakeup on a channel, for any number of waiting tasks of one event loop; one connection for all.

    `wait` remembers per task what that task has seen: a hint that comes while a task is busy ends its next wait at
    once, so a loop of "look, then wait" misses nothing (call `wait` in the task that looks). The connection is made
    by the first wait and again whenever it breaks; after each break every waiter is woken, because a hint may have
    been lost. `aclose` ends it.
    """

    def __init__(self, url: str, channel: str = CHANNEL) -> None:
        self._url = url
        self._channel = channel
        self._hints = 0
        self._seen: weakref.WeakKeyDictionary[asyncio.Task[Any], int] = weakref.WeakKeyDictionary()
        self._changed = asyncio.Condition()
        self._listener: asyncio.Task[None] | None = None
        self.reconnects = 0
        """How often the subscription broke, since the start."""

    async def wait(self, timeout_s: float) -> None:
        """Return when something may have changed, at the latest after `timeout_s`."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="log-hints")
        task = asyncio.current_task()
        assert task is not None, "a coroutine always runs in a task"  # noqa: S101
        seen = self._seen.setdefault(task, self._hints)
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self._hints != seen)
        except TimeoutError:
            pass
        self._seen[task] = self._hints

    async def aclose(self) -> None:
        """End the subscription; waiting tasks run into their time-out."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    async def _wake(self) -> None:
        async with self._changed:
            self._hints += 1
            self._changed.notify_all()

    async def _listen(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            client = redis.asyncio.Redis.from_url(
                self._url, retry=Retry(NoBackoff(), 0), health_check_interval=15, **connection_options(2 * _LISTEN_S)
            )
            try:
                async with client, client.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    while True:
                        message = await subscription.get_message(timeout=_LISTEN_S)
                        if message is None:
                            continue
                        # The subscription's own confirmation wakes too: what came before it was not heard.
                        pause_s = _FIRST_PAUSE_S
                        await self._wake()
            except (redis.exceptions.RedisError, OSError):
                self.reconnects += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
