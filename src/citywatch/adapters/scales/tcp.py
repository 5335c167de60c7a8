"""Records of a scale's controller as lines over TCP: we connect, read, and connect again for as long as we run.

Lines are acknowledged, where a text for that is configured, when they are on disk (or kept as refused). While the log
takes nothing we stop reading, and the controller feels it as any receiver that is slow.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

from citywatch.adapters.scales.config import LineConfig
from citywatch.adapters.scales.intake import Decoding, Intake
from citywatch.errors import LogError, LogFull
from citywatch.ports import Meter
from citywatch.wire.lines import KEPT_BYTES

_log = logging.getLogger(__name__)

MOST_LINE_BYTES = 64 * 1024
_READ_BYTES = 256 * 1024
_FIRST_PAUSE_S = 0.5
_TRY_AGAIN_S = 1.0


class LineIntake:
    """Reads one controller until told to stop. `is_listening` says whether a record given now is heard."""

    def __init__(
        self,
        config: LineConfig,
        intake: Intake,
        decoder: Decoding,
        lanes: Sequence[str],
        meter: Meter,
        jitter: random.Random,
    ) -> None:
        """`lanes`: the devices that a heartbeat speaks for."""
        self._config = config
        self._intake = intake
        self._decoder = decoder
        self._lanes = tuple(lanes)
        self._is_json = config.format == "station_json"
        self._meter = meter
        self._jitter = jitter
        self._acknowledge = config.acknowledge.encode()
        self.is_listening = False

    async def run(self, ending: asyncio.Event) -> None:
        """Connect, read, and again. Whatever the controller does is its own trouble, told and counted."""
        pause_s = _FIRST_PAUSE_S
        while not ending.is_set():
            try:
                async with asyncio.timeout(self._config.connect_seconds):
                    reader, writer = await asyncio.open_connection(self._config.host, self._config.port)
            except (OSError, TimeoutError) as error:
                self._lost(f"cannot be reached ({error.__class__.__name__})")
                await _either(ending, pause_s * self._jitter.uniform(0.5, 1.0))
                pause_s = min(2 * pause_s, self._config.retry_seconds)
                continue
            pause_s = _FIRST_PAUSE_S
            self.is_listening = True
            try:
                await self._read(reader, writer, ending)
            except (OSError, TimeoutError) as error:
                self._lost(str(error) or "nothing came for too long")
            finally:
                self.is_listening = False
                writer.close()
            await _either(ending, pause_s * self._jitter.uniform(0.5, 1.0))

    def _lost(self, why: str) -> None:
        self._meter.count("intake_connections_lost_total", source=self._intake.source)
        _log.warning("line %s (%s:%d): %s; trying again", self._config.name, self._config.host, self._config.port, why)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ending: asyncio.Event) -> None:
        rest, skipping = b"", False
        end = asyncio.create_task(ending.wait())
        try:
            while True:
                read = asyncio.create_task(reader.read(_READ_BYTES))
                await asyncio.wait((read, end), timeout=self._config.idle_seconds, return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                    if ending.is_set():
                        return
                    raise TimeoutError
                data = read.result()
                if not data:
                    raise ConnectionResetError("the controller closed the connection")
                *lines, rest = (rest + data).split(b"\n")
                if skipping and lines:
                    lines, skipping = lines[1:], False
                if len(rest) > MOST_LINE_BYTES:
                    if not skipping:
                        await asyncio.to_thread(self._refuse_long, rest)
                    rest, skipping = b"", True
                if lines and not await self._until_taken([line.rstrip(b"\r") for line in lines], ending):
                    return
                if lines and self._acknowledge:
                    writer.write(self._acknowledge * len(lines))
                    await writer.drain()
        finally:
            end.cancel()

    def _refuse_long(self, line: bytes) -> None:
        why = f"more than {MOST_LINE_BYTES} bytes without an end of line"
        self._intake.refuse("line_too_long", why, line[:KEPT_BYTES])

    async def _until_taken(self, lines: list[bytes], ending: asyncio.Event) -> bool:
        while True:
            try:
                await asyncio.to_thread(self._take, lines)
                return True
            except LogError as error:
                reason = "full" if isinstance(error, LogFull) else "unavailable"
                self._meter.count("appends_refused_total", reason=reason)
                if await _either(ending, _TRY_AGAIN_S):
                    return False

    def _take(self, lines: list[bytes]) -> None:
        heartbeat = self._config.heartbeat.encode()
        records = [line for line in lines if line.strip() and line != heartbeat]
        # The sign of life first: when the log refuses what follows, all is handed in again, and that one may be twice.
        if heartbeat and heartbeat in lines:
            self._intake.alive(self._lanes)
        if records:
            self._intake.take(records if self._is_json else [b"\n".join(records) + b"\n"], self._decoder)


async def _either(ending: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until the end; True at the end."""
    try:
        async with asyncio.timeout(seconds):
            await ending.wait()
    except TimeoutError:
        return False
    return True
