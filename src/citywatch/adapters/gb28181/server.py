"""The registrar on its port, UDP and TCP: sockets, connections, the clock, the file, and the way to the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from citywatch.adapters.gb28181.book import Book, Peer, load, save
from citywatch.adapters.gb28181.config import RegistrarConfig
from citywatch.adapters.gb28181.outbox import Outbox
from citywatch.adapters.gb28181.registrar import Registrar
from citywatch.domain.columns import Batch
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import ConfigurationError, LogFull, LogUnavailable
from citywatch.ports import Clock, Meter
from citywatch.wire.sip import MalformedSip, Stream

_log = logging.getLogger(__name__)

_TICK_S = 1.0
_FLUSH_S = 0.2
_SAVE_S = 60.0
_RECEIVE_BYTES = 8 << 20
_MOST_UNSENT = 1 << 20
_MOST_LOCAL = 4096
_QUIET_NS = 3600 * NS_PER_S
_HALF_NS = 30 * NS_PER_S
_LOOK_EVERY_S = 10

OnRows = Callable[[Batch], Awaitable[None]]


class RegistrarServer:
    """`async with RegistrarServer(...) as server: await server.run(ending)`.

    on_rows   takes ClaimBatch and CommandBatch rows, on disk when it returns; LogFull and LogUnavailable are waited out
    file      where registrations are kept across a restart
    Raises ConfigurationError when the port cannot be listened on or a password file cannot be read.
    """

    def __init__(self, config: RegistrarConfig, file: Path, clock: Clock, on_rows: OnRows, meter: Meter) -> None:
        self._config = config
        self._file = file
        self._clock = clock
        self._on_rows = on_rows
        self._meter = meter
        self._book = Book(config.devices_max, config.channels_max)
        self._outbox = Outbox(meter)
        self._connections: dict[int, _Connection] = {}
        self._by_host: Counter[str] = Counter()
        self._number = 0
        self._local: OrderedDict[str, str] = OrderedDict()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self.port = 0
        self.is_full = False
        """The socket takes no more datagrams for the moment."""
        self.registrar: Registrar | None = None

    async def __aenter__(self) -> Self:
        now_ns = self._clock.now_ns()
        grace_ns = self._config.keepalive_seconds * self._config.keepalives_missed * NS_PER_S
        load(self._book, self._file, now_ns, grace_ns)
        self.registrar = Registrar(
            self._config, self._config.passwords(), self._book, self, self._outbox, self._meter, now_ns=now_ns
        )
        try:
            await self._listen()
        except OSError as error:
            await self._close()
            raise ConfigurationError(
                f"registrar: cannot listen on {self._config.host}:{self._config.port} ({error.strerror});"
                " choose another registrar.port"
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        config = self._config
        self._tcp = await loop.create_server(lambda: _Connection(self), config.host, config.port, backlog=1024)
        self.port = int(self._tcp.sockets[0].getsockname()[1])
        family = self._tcp.sockets[0].family
        listener = socket.socket(family, socket.SOCK_DGRAM)
        try:
            listener.setblocking(False)
            # A city that comes back from a power cut registers within seconds.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            listener.bind(self._tcp.sockets[0].getsockname())
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=listener)
        except OSError:
            listener.close()
            raise

    async def run(self, ending: asyncio.Event) -> None:
        """Until `ending` is set. What waits for the log is tried once more then, and the book is saved."""
        tasks = [asyncio.create_task(work()) for work in (self._tick, self._flush, self._keep)]
        stopped = asyncio.create_task(ending.wait())
        try:
            await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            results = await asyncio.gather(*tasks, stopped, return_exceptions=True)
            await self._save()
        for result in results:
            if isinstance(result, Exception):
                raise result
        with contextlib.suppress(LogFull, LogUnavailable):
            while await self._tell():
                pass

    async def _tick(self) -> None:
        assert self.registrar is not None  # noqa: S101
        seconds = 0
        while True:
            self.registrar.on_time(self._clock.now_ns())
            seconds += 1
            if seconds % _LOOK_EVERY_S == 0:
                self._close_quiet()
            await asyncio.sleep(_TICK_S)

    async def _flush(self) -> None:
        while True:
            try:
                while await self._tell():
                    pass
            except (LogFull, LogUnavailable) as error:
                _log.warning("claims wait for the log: %s", error)
                await asyncio.sleep(_TICK_S)
            await asyncio.sleep(_FLUSH_S)

    async def _tell(self) -> bool:
        """Hand one batch of each kind to the log; whether there was one."""
        commands = self._outbox.descriptions()
        if commands is not None:
            await self._on_rows(commands)
            self._outbox.told_descriptions(commands)
        claims = self._outbox.claims(self._clock.now_ns())
        if claims is not None:
            await self._on_rows(claims[0])
            self._outbox.told_claims(claims[1])
        return commands is not None or claims is not None

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_S)
            await self._save()

    async def _save(self) -> None:
        if not self._book.changed:
            return
        self._book.changed = False
        text = self._book.to_json()
        try:
            await asyncio.to_thread(save, text, self._file)
        except OSError as error:
            self._book.changed = True
            _log.error("registrations cannot be saved: %s", error)

    async def _close(self) -> None:
        if self._tcp is not None:
            self._tcp.close()
        for connection in list(self._connections.values()):
            connection.abort()
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            await self._tcp.wait_closed()
        self._tcp = self._udp = None

    # Wire

    def send(self, peer: Peer, data: bytes) -> bool:
        if peer.transport == "tcp":
            connection = self._connections.get(peer.connection)
            return connection is not None and connection.write(data)
        if self._udp is None or self.is_full:
            self._meter.count("registrar_dropped_total", reason="unsent")
            return False
        self._udp.sendto(data, (peer.host, peer.port))
        return True

    def local(self, peer: Peer) -> tuple[str, int]:
        host = self._config.advertised_host or self._local.get(peer.host, "")
        if not host:
            host = _local_address(peer.host, self._config.host)
            self._local[peer.host] = host
            if len(self._local) > _MOST_LOCAL:
                self._local.popitem(last=False)
        return host, self.port

    # what comes in

    def datagram(self, data: bytes, host: str, port: int) -> None:
        if self.registrar is not None:
            self.registrar.on_datagram(data, Peer("udp", host, port), self._clock.now_ns())

    def arrived(self, connection: _Connection, host: str) -> int:
        """The number of a new connection, 0 when it is one too many."""
        most = self._config
        if len(self._connections) >= most.connections_max or self._by_host[host] >= most.connections_per_source:
            self._meter.count("registrar_dropped_total", reason="connections")
            return 0
        self._number += 1
        self._connections[self._number] = connection
        self._by_host[host] += 1
        return self._number

    def left(self, number: int, host: str) -> None:
        if self._connections.pop(number, None) is not None:
            self._by_host[host] -= 1
            if self._by_host[host] <= 0:
                del self._by_host[host]

    def stream(self, connection: _Connection) -> None:
        """What a connection brought. It is closed when it is no SIP, or when its source speaks too much."""
        assert self.registrar is not None  # noqa: S101
        now_ns = self._clock.now_ns()
        try:
            for message in connection.stream.messages():
                if not self.registrar.may_speak(connection.peer, now_ns):
                    connection.abort()
                    return
                connection.heard_ns = now_ns
                self.registrar.on_message(message, connection.peer, now_ns)
        except MalformedSip:
            self._meter.count("registrar_dropped_total", reason="malformed")
            connection.abort()

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def _close_quiet(self) -> None:
        now_ns = self._clock.now_ns()
        for connection in list(self._connections.values()):
            quiet_ns = now_ns - connection.heard_ns
            if quiet_ns > _QUIET_NS or (connection.stream.waiting and quiet_ns > _HALF_NS):
                connection.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: RegistrarServer) -> None:
        self._server = server

    def pause_writing(self) -> None:
        self._server.is_full = True

    def resume_writing(self) -> None:
        self._server.is_full = False

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.datagram(data, addr[0], addr[1])


class _Connection(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, server: RegistrarServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self.stream = Stream()
        self.peer = Peer("tcp", "", 0)
        self.heard_ns = server.now_ns()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        host, port = transport.get_extra_info("peername")[:2]
        self._transport = transport
        number = self._server.arrived(self, host)
        if not number:
            transport.abort()
            return
        self.peer = Peer("tcp", host, port, number)

    def data_received(self, data: bytes) -> None:
        if self.peer.connection:
            self.stream.feed(data)
            self._server.stream(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left(self.peer.connection, self.peer.host)

    def write(self, data: bytes) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > _MOST_UNSENT:
            self.abort()  # it takes nothing any more
            return False
        self._transport.write(data)
        return True

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._server.left(self.peer.connection, self.peer.host)


def _local_address(host: str, bound: str) -> str:
    """Our address on the way to a host. No packet is sent for it."""
    if bound not in ("0.0.0.0", "::"):  # noqa: S104
        return bound
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1" if family == socket.AF_INET else "::1"
