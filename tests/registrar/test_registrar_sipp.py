"""Devices that are not ours: SIPp registers, keeps alive, answers for its catalogue and raises alarms."""

import asyncio

import pytest
from registrar_kit import (
    CHANNELS,
    RECORDER,
    SCENARIOS,
    CountingMeter,
    run_sipp,
    settings,
)

from citywatch.adapters.gb28181.server import RegistrarServer
from citywatch.app.clock import SystemClock
from citywatch.domain.claims import ClaimBatch
from citywatch.domain.commands import CommandBatch
from citywatch.errors import ConfigurationError, LogFull

CAMERAS = [f"3402000000132{n:07d}" for n in range(60)]


class Served:
    """A registrar on a port of its own; rows are taken as the log would."""

    def __init__(self, tmp_path, **options):
        self.folder = tmp_path
        self.meter = CountingMeter()
        self.rows = []
        self.full = 0
        self.server = RegistrarServer(
            settings(tmp_path, **options), tmp_path / "registrar.json", SystemClock(), self.on_rows, self.meter
        )

    async def on_rows(self, rows):
        if self.full:
            self.full -= 1
            raise LogFull("for a moment")
        self.rows.append(rows)

    async def __aenter__(self):
        await self.server.__aenter__()
        self.ending = asyncio.Event()
        self.task = asyncio.create_task(self.server.run(self.ending))
        return self

    async def __aexit__(self, *error):
        self.ending.set()
        await self.task
        await self.server.__aexit__(*error)

    def claims(self):
        return [
            row
            for batch in self.rows
            if isinstance(batch, ClaimBatch)
            for row in zip(batch.device, batch.claim, batch.reason, batch.detail, strict=True)
        ]

    async def sipp(self, scenario, codes, *options, **more):
        code, words = await run_sipp(scenario, self.folder, self.server.port, codes, *options, **more)
        assert code == 0, words


def test_sixty_devices_register_and_keep_alive(tmp_path):
    """A third of them over UDP, a third over one TCP connection, a third over a connection each; all at once."""

    async def run():
        # A keepalive every 0.25 s; after two seconds without one a device is missing.
        options = {"keepalive_seconds": 1, "keepalives_missed": 2, "subscription_seconds": 0}
        pace = ("-r", "100", "-d", "250", "-set", "rounds", "4")
        async with Served(tmp_path, **options) as served:
            served.full = 1
            async with asyncio.TaskGroup() as group:
                for number, transport in enumerate(("u1", "t1", "tn")):
                    codes = CAMERAS[20 * number : 20 * number + 20]
                    group.create_task(served.sipp("keepalive", codes, *pace, transport=transport))
            # Now they are silent: that is claimed, and of nobody before.
            told = served.claims()
            while len(told) < 120:
                await asyncio.sleep(0.05)
                told = served.claims()
        return served, told

    served, told = asyncio.run(asyncio.wait_for(run(), 60))
    assert {row[0] for row in told[:60]} == set(CAMERAS)
    assert {row[1:3] for row in told[:60]} == {("online", "register")}
    assert sorted(told[60:]) == [(code, "offline", "keepalive_missed", "") for code in CAMERAS]
    assert served.meter.counts["requests", "MESSAGE", "200"] == 240
    assert not any(key[0] in ("refused", "dropped") for key in served.meter.counts), served.meter.counts
    assert any(isinstance(rows, CommandBatch) for rows in served.rows)


def test_a_recorder_with_its_catalogue_and_an_alarm(tmp_path):
    async def run(transport):
        (tmp_path / transport).mkdir()
        async with Served(tmp_path / transport, subscription_seconds=0) as served:
            answers = ("-oocsf", SCENARIOS / "catalogue.xml", "-key", "recorder", RECORDER)
            await served.sipp("recorder", [RECORDER], *answers, transport=transport)
        return served

    async def both():
        return await asyncio.gather(run("u1"), run("t1"))

    for served in asyncio.run(asyncio.wait_for(both(), 60)):
        told = served.claims()
        assert told[0] == (RECORDER, "online", "register", "")
        assert set(told[1:3]) == {
            (CHANNELS[0], "online", "catalogue", ""),
            (CHANNELS[1], "offline", "catalogue", ""),
        }
        assert told[3:] == [(CHANNELS[0], "tampered", "alarm", "no_media"), (RECORDER, "offline", "unregister", "")]
        assert served.meter.counts["catalogues", "complete"] == 1


def test_strangers_are_refused_and_counted(tmp_path):
    async def run():
        async with Served(tmp_path) as served:
            await served.sipp("refused", CAMERAS[:3], password="wrong")
        return served

    served = asyncio.run(asyncio.wait_for(run(), 60))
    assert served.claims() == []
    assert served.meter.counts["refused", "wrong_password"] == 3


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path):
    async def run():
        async with Served(tmp_path) as served:
            taken = RegistrarServer(
                settings(tmp_path, port=served.server.port), tmp_path / "b", SystemClock(), served.on_rows, served.meter
            )
            with pytest.raises(ConfigurationError, match=r"choose another registrar\.port"):
                await taken.__aenter__()

    asyncio.run(run())


async def dial(port, data=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def is_closed(reader, writer):
    """Whether the other side closes without a word; leaves nothing open."""
    try:
        return await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        return True
    finally:
        writer.close()


def test_a_connection_that_speaks_no_sip_is_closed_and_others_live(tmp_path):
    async def run():
        async with Served(tmp_path, connections_per_source=2) as served:
            port = served.server.port
            assert await is_closed(*await dial(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
            kept = [await dial(port, b"\r\n\r\n") for _ in range(2)]
            while len(served.server._connections) < 2:
                await asyncio.sleep(0.01)
            assert await is_closed(*await dial(port))
            for _, writer in kept:
                assert not writer.is_closing()
                writer.close()
                await writer.wait_closed()
        return served.meter.counts

    counts = asyncio.run(asyncio.wait_for(run(), 30))
    assert (counts["dropped", "malformed"], counts["dropped", "connections"]) == (1, 1)
