"""Hints wake those who wait, survive the server's death, and never hold anybody longer than told."""

import asyncio
import os
import signal
import time

from log_kit import until

from citywatch.adapters.log.hints import RedisHint, RedisWakeup


async def woken(wakeup, timeout_s=20.0):
    """How long a wait took."""
    begin = time.monotonic()
    await wakeup.wait(timeout_s)
    return time.monotonic() - begin


def test_a_hint_wakes_every_waiter(raw, server):
    async def scene():
        hint, wakeup = RedisHint(server.url), RedisWakeup(server.url)
        await wakeup.wait(20)  # the subscription stands
        waiting = [asyncio.create_task(woken(wakeup)) for _ in range(5)]
        while len(wakeup._changed._waiters) < 5:
            await asyncio.sleep(0)
        await asyncio.to_thread(hint)
        assert max(await asyncio.gather(*waiting)) < 5
        await wakeup.aclose()
        hint.close()

    asyncio.run(scene())


def test_a_hint_that_comes_while_one_is_busy_ends_the_next_wait(raw, server):
    async def scene():
        hint, wakeup = RedisHint(server.url), RedisWakeup(server.url)
        await wakeup.wait(20)
        heard = wakeup._hints
        await asyncio.to_thread(hint)
        while wakeup._hints == heard:
            await asyncio.sleep(0.001)
        assert await woken(wakeup) < 5
        assert await woken(wakeup, 0.05) >= 0.04, "and only that one"
        await wakeup.aclose()
        hint.close()

    asyncio.run(scene())


def test_channels_are_apart(raw, server):
    async def scene():
        hint, wakeup = RedisHint(server.url, "one"), RedisWakeup(server.url, "two")
        await wakeup.wait(20)
        await asyncio.to_thread(hint)
        assert 0.04 <= await woken(wakeup, 0.05) < 5
        await wakeup.aclose()
        hint.close()

    asyncio.run(scene())


def test_without_a_server_a_wait_ends_in_time_and_a_hint_is_counted(tmp_path):
    url = f"unix://{tmp_path}/none.sock"

    async def scene():
        wakeup = RedisWakeup(url)
        assert 0.04 <= await woken(wakeup, 0.05) < 5
        await wakeup.aclose()
        await wakeup.aclose()

    asyncio.run(scene())
    hint = RedisHint(url)
    hint()
    assert hint.lost == 1
    hint.close()


def test_the_subscription_survives_a_restart_of_the_server(own_server):
    async def scene():
        hint, wakeup = RedisHint(own_server.url), RedisWakeup(own_server.url)
        await wakeup.wait(20)
        os.kill(own_server.pid, signal.SIGKILL)
        await asyncio.to_thread(until, lambda: own_server.pid is None)
        await asyncio.to_thread(hint)
        assert hint.lost == 1
        await asyncio.to_thread(until, own_server.ensure)
        assert await woken(wakeup) < 15, "the new subscription wakes, since a hint may have been lost"
        assert wakeup.reconnects >= 1
        waiting = asyncio.create_task(woken(wakeup))
        while not wakeup._changed._waiters:
            await asyncio.sleep(0)
        await asyncio.to_thread(hint)
        assert await waiting < 5
        await wakeup.aclose()
        hint.close()

    asyncio.run(scene())
