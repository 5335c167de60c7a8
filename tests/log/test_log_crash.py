"""SIGKILL of the server at seeded times: every acknowledged append is there afterwards, none twice, in order."""

import os
import random
import signal
import threading
import time

import pytest
import redis
from log_kit import event, ticks, until

from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.errors import Fenced, LogUnavailable
from citywatch.ports import ORIGIN, Commit
from citywatch.wire.blobs import decode

SEEDS = [11, 23, 37, 41, 59, 67]
APPENDS = 400


class Killer(threading.Thread):
    """Kills the server when seeded counts of calls are reached, a seeded moment into the call, and guards it."""

    def __init__(self, server, seed, kills=3, during_rewrite=False):
        super().__init__(daemon=True)
        chance = random.Random(seed)
        self.moments = [
            (count, chance.uniform(0, 0.004)) for count in sorted(chance.sample(range(20, APPENDS - 20), kills))
        ]
        self.server, self.during_rewrite = server, during_rewrite
        self.done, self.ended = 0, threading.Event()
        self.rewriting = 0

    def run(self):
        for count, delay_s in self.moments:
            while self.done < count and not self.ended.wait(0.0002):
                pass
            if self.during_rewrite:
                with redis.Redis.from_url(self.server.url) as client:
                    until(lambda: rewrites(client))
                    self.rewriting += 1
            self.ended.wait(delay_s)
            os.kill(self.server.pid, signal.SIGKILL)
            until(lambda: self.server.pid is None)
            until(self.server.ensure)


def rewrites(client):
    """Whether a rewrite runs; one is begun where none does. On a busy machine it may be over before anybody asks."""
    if not client.info("persistence")["aof_rewrite_in_progress"]:
        client.bgrewriteaof()
    return client.info("persistence")["aof_rewrite_in_progress"]


def again(call):
    """Repeat a call until a server answers it."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return call()
        except LogUnavailable:
            assert time.monotonic() < deadline, "no server came back"


@pytest.mark.parametrize("during_rewrite", [False, True], ids=["steady", "rewriting"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_acknowledged_append_is_lost_and_none_stands_twice(own_server, seed, during_rewrite):
    log = RedisLog(own_server.url, 2)
    if during_rewrite:  # enough to rewrite that the server can be killed in the middle
        ballast = RedisLog(own_server.url, 2)
        epoch = ballast.open_producer("ballast")
        for number in range(1, 41):
            ballast.append(1, ticks(*range(30_000)), producer="ballast", epoch=epoch, sequence=number)
        ballast.close()
    killer = Killer(own_server, seed, during_rewrite=during_rewrite)
    epoch = log.open_producer("door")
    killer.start()
    taken_before = 0
    for number in range(1, APPENDS + 1):

        def append(number=number):
            return log.append(0, ticks(number), producer="door", epoch=epoch, sequence=number)

        taken_before += not again(append)
        killer.done = number
    killer.join(60)
    assert own_server.restarts == len(killer.moments)
    entries = again(lambda: log.read({0: ORIGIN}, most=10 * APPENDS, block_ms=0))[0]
    assert [int(decode(entry.blob).at_ns[0]) for entry in entries] == list(range(1, APPENDS + 1))
    assert taken_before <= len(killer.moments), "only an answer that was lost makes a repeat"
    if during_rewrite:
        assert killer.rewriting == len(killer.moments), "every kill met a rewrite"
        assert len(log.read({1: ORIGIN}, most=99, block_ms=0)[1]) == 40
    log.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_commits_are_whole_or_not_at_all(own_server, seed):
    """An owner that loads again after every lost answer makes each event once, and state agrees with position."""
    log = RedisLog(own_server.url, 1)
    epoch = log.open_producer("door")
    for number in range(1, APPENDS + 1):
        log.append(0, ticks(number), producer="door", epoch=epoch, sequence=number)
    killer = Killer(own_server, seed)
    killer.start()
    position, state = log.load(0)
    done = 0
    while done < APPENDS:
        try:
            entry = log.read({0: position}, most=1, block_ms=0)[0][0]
            number = int(decode(entry.blob).at_ns[0])
            changed = {"done": b"%d" % number, f"row-{number % 7}": b"x" * (number % 5) or None}
            log.commit(0, Commit(position, entry.position, changed, [event(number), event(-number)]))
            position = entry.position
        except LogUnavailable:
            position, state = again(lambda: log.load(0))
        except Fenced:  # cannot be: there is one owner
            pytest.fail("an owner was fenced by itself")
        done = number if position == entry.position else int(state.get("done", b"0"))
        killer.done = done
    killer.join(60)
    position, state = again(lambda: log.load(0))
    assert state["done"] == b"%d" % APPENDS
    events = [e.data["number"] for _, e in log.read_events({0: ORIGIN}, most=10 * APPENDS, block_ms=0)[0]]
    assert events == [sign * number for number in range(1, APPENDS + 1) for sign in (1, -1)]
    log.close()
