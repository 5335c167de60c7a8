"""A live stream that cannot go on says so: its clients are let go and /readyz turns to 503."""

import asyncio
import logging
from types import SimpleNamespace

from fastapi import FastAPI

from citywatch.api.app import _lifespan
from citywatch.api.health import _live
from citywatch.api.live import LiveHub, Pulse


class Broken:
    """A store with a mistake in it, and hints that never come."""

    def last_alert_change(self):
        raise RuntimeError("a mistake of ours")

    async def wait(self, timeout_s):
        await asyncio.Event().wait()

    def gauge(self, name, value, **labels):
        pass


def test_a_failed_reader_closes_the_stream(caplog):
    async def story():
        broken = Broken()
        pulse = Pulse(broken, 60.0)
        hub = LiveHub(broken, pulse, broken, kept=8, clients_max=8)
        async with asyncio.timeout(10), _lifespan(SimpleNamespace(pulse=pulse, hub=hub))(FastAPI()):
            assert hub.enter()
            assert [rows async for rows in hub.changes(0, 60.0)] == []
            assert not hub.enter()
            return _live(SimpleNamespace(hub=hub))

    with caplog.at_level(logging.CRITICAL):
        assert asyncio.run(story()) == "the live stream is not reading"
    assert "a mistake of ours" in caplog.text
