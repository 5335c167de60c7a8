"""Name lookup and TCP connect with a deadline, so that each failure has its own word."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

from citywatch.adapters.cameras.answers import connect_failure

_ADDRESSES_TRIED = 4


class Dialler:
    """Resolves and connects. Lookups have threads of their own: a name server that hangs holds up nobody else."""

    def __init__(self, lookups: int = 8) -> None:
        self._lookups = ThreadPoolExecutor(lookups, thread_name_prefix="name-lookup")

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def resolve(self, host: str, port: int, timeout_s: float, shown: str) -> list[str]:
        """Numeric addresses of the host, at least one. Raises VisitFailure name_lookup, also out of time."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                found = await loop.run_in_executor(
                    self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                )
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError; a lookup without an answer failed
            raise connect_failure(socket.gaierror(str(error)), shown) from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_ADDRESSES_TRIED]

    async def dial(self, host: str, port: int, timeout_s: float, shown: str) -> socket.socket:
        """A TCP connection to the first address that answers; a non-blocking socket, the caller's to close.

        Raises VisitFailure with outcome UNREACHABLE.
        """
        failure: BaseException = TimeoutError()
        try:
            async with asyncio.timeout(timeout_s):
                for address in await self.resolve(host, port, timeout_s, shown):
                    try:
                        return await _connected(address, port)
                    except OSError as error:
                        failure = error
        except TimeoutError as error:
            failure = error
        raise connect_failure(failure, shown) from None


async def _connected(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    dialled = socket.socket(family, socket.SOCK_STREAM)
    try:
        dialled.setblocking(False)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Numeric, so that the loop looks nothing up; a zone (fe80::1%eth0) needs the long form.
        where = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)[0][4]
        await asyncio.get_running_loop().sock_connect(dialled, where)
    except BaseException:
        dialled.close()
        raise
    return dialled
