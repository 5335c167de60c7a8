"""The live stream of alerts: one reader of the store for all clients, resumable by the numbers of the store.

`Pulse` turns the hint that projections moved into something that any number of tasks can wait for. `LiveHub` reads
new changes once and keeps the newest in memory; a client that is further behind reads the store itself, so a slow
client costs nobody anything and there is no queue per client.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence

from starlette.concurrency import run_in_threadpool

from citywatch.errors import CitywatchError
from citywatch.ports import Meter, Row, Store, Wakeup

_log = logging.getLogger(__name__)
_PAGE = 500


class Bell:
    """A counter that can be waited for. Take `beats` before looking: then no beat is missed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.beats = 0

    def beat(self) -> None:
        """Wake everybody who waits."""
        self.beats += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, beats: int, timeout_s: float) -> int:
        """The number of beats, as soon as it is not `beats` any more, at the latest after `timeout_s`."""
        if self.beats == beats:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return self.beats


class Pulse(Bell):
    """Hints that projections moved, from one wake-up to any number of waiting tasks."""

    def __init__(self, wakeup: Wakeup, poll_s: float) -> None:
        super().__init__()
        self._wakeup = wakeup
        self._poll_s = poll_s

    async def run(self) -> None:
        """Pass hints on for ever; where none come, beat at intervals."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self._wakeup.wait(self._poll_s)
            except (CitywatchError, OSError) as error:
                _log.warning("no hints from the log; looking at intervals", extra={"reason": type(error).__name__})
                await asyncio.sleep(max(0.0, begun + self._poll_s - loop.time()))
            self.beat()


class LiveHub:
    """The newest changes of alerts, and who waits for the next."""

    def __init__(self, store: Store, pulse: Pulse, meter: Meter, *, kept: int, clients_max: int) -> None:
        self._store = store
        self._pulse = pulse
        self._meter = meter
        self._changes: deque[Row] = deque(maxlen=kept)
        self._moved = Bell()
        self._clients_max = clients_max
        self.last = -1
        """Number of the newest change known here; -1 before the store was first reached."""
        self.clients = 0
        self.closing = False
        meter.gauge("live_clients", 0)

    async def run(self) -> None:
        """Read what is new at every beat, for ever. A store that is away is asked again at the next."""
        failing = False
        while True:
            beats = self._pulse.beats
            try:
                if self.last < 0:
                    self.last = await run_in_threadpool(self._store.last_alert_change)
                await self._read()
                failing = False
            except CitywatchError as error:
                if not failing:
                    _log.warning("the live stream cannot reach the store", extra={"reason": type(error).__name__})
                failing = True
            await self._pulse.wait(beats, 60.0)

    async def _read(self) -> None:
        if not self.clients:
            # Nobody listens: who comes begins at the newest, or reads what it has missed from the store.
            newest = await run_in_threadpool(self._store.last_alert_change)
            if newest > self.last:
                self._changes.clear()
                self.last = newest
            return
        while True:
            rows = await run_in_threadpool(self._store_changes, self.last)
            if rows:
                self._changes.extend(rows)
                self.last = rows[-1]["seq"]
                self._moved.beat()
            if len(rows) < _PAGE:
                return

    def _store_changes(self, after: int) -> Sequence[Row]:
        return self._store.alert_changes(after=after, limit=_PAGE)

    def enter(self) -> bool:
        """Take a place; False when all are taken or the house is closing."""
        if self.closing or self.clients >= self._clients_max:
            return False
        self.clients += 1
        self._meter.gauge("live_clients", self.clients)
        return True

    def leave(self) -> None:
        self.clients -= 1
        self._meter.gauge("live_clients", self.clients)

    def close(self) -> None:
        """End every stream: their clients come back to whoever runs next, and resume."""
        self.closing = True
        self._moved.beat()

    async def changes(self, after: int, idle_s: float) -> AsyncIterator[Sequence[Row]]:
        """Changes behind `after`, in order, as they come; an empty batch after `idle_s` of silence. Ends at close."""
        at = after
        while not self.closing:
            beats = self._moved.beats
            rows = await self._behind(at)
            if rows:
                at = rows[-1]["seq"]
                yield rows
                continue
            if await self._moved.wait(beats, idle_s) == beats:
                yield ()

    async def _behind(self, at: int) -> Sequence[Row]:
        if at >= self.last:
            return ()
        if self._changes and self._changes[0]["seq"] <= at + 1:
            return [row for row in self._changes if row["seq"] > at]
        return await run_in_threadpool(self._store_changes, at)


def encode_event(name: str, data: object, number: int | None = None) -> bytes:
    """One server-sent event."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


COMMENT = b": still here\n\n"
