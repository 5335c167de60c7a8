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

    async def connect(
        self, host: str, port: int, timeout_s: float, shown: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection to the first address that answers. Raises VisitFailure with outcome UNREACHABLE."""
        failure: BaseException = TimeoutError()
        try:
            async with asyncio.timeout(timeout_s):
                for address in await self.resolve(host, port, timeout_s, shown):
                    try:
                        return await asyncio.open_connection(address, port)
                    except OSError as error:
                        failure = error
        except TimeoutError as error:
            failure = error
        raise connect_failure(failure, shown) from None
