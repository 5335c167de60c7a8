"""A real log server for the whole session, and both logs (the real one and the model) for one test each.

CITYWATCH_TEST_LOG_SERVER=/path/to/redis-server runs the same tests on another server than the bundled one.
"""

import os
from pathlib import Path

import pytest
import redis
from log_kit import PARTITIONS

from citywatch.adapters.log import embedded
from citywatch.adapters.log.binary import identify
from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.testing.memory_log import MemoryLog


@pytest.fixture(scope="session", autouse=True)
def other_server():
    """Run on the server that the environment names."""
    path = os.environ.get("CITYWATCH_TEST_LOG_SERVER")
    with pytest.MonkeyPatch.context() as patch:
        if path:
            patch.setattr(embedded, "find_server", lambda: identify(Path(path)))
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with EmbeddedServer(tmp_path_factory.mktemp("log") / "log") as running:
        yield running


@pytest.fixture
def raw(server):
    """A plain client of an empty server."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def open_log(raw, server):
    """RedisLog on the emptied session server, with the arguments given."""
    opened = []

    def open_one(partitions=PARTITIONS, **options):
        opened.append(RedisLog(server.url, partitions, **options))
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture(params=["memory", "server"])
def make_log(request):
    """A function of limits that opens an empty log of either kind."""
    if request.param == "memory":
        return lambda limits=None: MemoryLog(PARTITIONS, limits=limits)
    open_log = request.getfixturevalue("open_log")
    return lambda limits=None: open_log(limits=limits)


@pytest.fixture
def log(make_log):
    return make_log()


@pytest.fixture
def own_server(tmp_path):
    """A server that a test may kill, on a directory of its own."""
    with EmbeddedServer(Path(tmp_path, "log")) as running:
        yield running
