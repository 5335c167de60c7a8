"""The part `registrar`: GB/T 28181 on its port, its claims into the log."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import threading
from collections.abc import Callable

from citywatch.adapters.gb28181.config import RegistrarConfig
from citywatch.adapters.gb28181.server import RegistrarServer
from citywatch.app.clock import SystemClock
from citywatch.app.data_dir import DataDir
from citywatch.domain.columns import Batch
from citywatch.ports import Door, Meter

_FILE = "registrar.json"
_SPARE_FILES = 256


async def register_until(
    config: RegistrarConfig,
    directory: DataDir,
    door: Door,
    meter: Meter,
    stop: threading.Event,
    on_listening: Callable[[], None],
) -> None:
    """Serve registrations until `stop` is set. ConfigurationError when the port or a password file is not to be had."""
    _allow_files(config.connections_max + _SPARE_FILES)
    ending = asyncio.Event()

    async def on_rows(rows: Batch) -> None:
        await asyncio.to_thread(door.append, rows)

    async with RegistrarServer(config, directory.root / _FILE, SystemClock(), on_rows, meter) as server:
        on_listening()
        waiting = asyncio.create_task(asyncio.to_thread(stop.wait))
        waiting.add_done_callback(lambda _: ending.set())
        try:
            await server.run(ending)
        finally:
            stop.set()
            await waiting


def _allow_files(wanted: int) -> None:
    """Each connection is a file; what the system allows at most stays its own affair."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
