"""How we speak SOAP with devices: bounded answers, our own TLS rules, HTTP digest beside WS-Security, no proxies.

The client library brings WSDLs, types and WS-Security. It would read answers of any length and accept any
certificate; so each service is given this transport and session instead of its own.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import aiohttp
import onvif
from onvif.client import ONVIFService
from onvif.definition import SERVICES
from onvif.zeep_aiohttp import AIOHTTPTransport

from citywatch.errors import OutsideError

MOST_BYTES = 1 << 20
"""The longest answer that is read; a list of profiles of a 64 channel recorder has about 300 kB."""


_WSDLS = Path(onvif.__file__).parent / "wsdl"


class _BoundedResponse(aiohttp.ClientResponse):
    """An answer that is never read further than the bound."""

    async def read(self) -> bytes:
        if self._body is None:
            if self.content_length is not None and self.content_length > MOST_BYTES:
                self.close()
                raise _too_long()
            content = bytearray()
            async for piece in self.content.iter_any():
                content += piece
                if len(content) > MOST_BYTES:
                    self.close()
                    raise _too_long()
            self._body = bytes(content)
        return self._body


def _too_long() -> aiohttp.ClientPayloadError:
    return aiohttp.ClientPayloadError(f"the answer has more than {MOST_BYTES} bytes")


def open_session(username: str, password: str, *, tls_verify: bool, timeout_s: float) -> aiohttp.ClientSession:
    """A session for one device. `timeout_s` holds for a whole call, connecting included."""
    # The library asks for log output of its own at import; whole envelopes are in it.
    for name in ("onvif", "zeep", "aiohttp"):
        logging.getLogger(name).setLevel(logging.ERROR)
    context: ssl.SSLContext | bool = True
    if not tls_verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    digest = (aiohttp.DigestAuthMiddleware(username, password),) if username else ()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=4),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        response_class=_BoundedResponse,
        middlewares=digest,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        # What a small answer inflates to cannot be bounded before it is there.
        headers={"Accept-Encoding": "identity", "User-Agent": "Citywatch"},
        auto_decompress=False,
    )


class _Transport(AIOHTTPTransport):  # type: ignore[misc]  # the library is not typed
    """The library's transport; a redirect is an answer, not an order."""

    async def _post_internal(
        self, address: str, message: str | bytes, headers: dict[str, str]
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        data = message.encode() if isinstance(message, str) else message
        async with self.session.post(address, data=data, headers=headers, allow_redirects=False) as answer:
            if 300 <= answer.status < 400:
                raise OutsideError("protocol_error", "the device sends us elsewhere; give that address", retry=False)
            return answer, await answer.read()


async def open_service(
    session: aiohttp.ClientSession, name: str, address: str, username: str, password: str
) -> ONVIFService:
    """A service of a device at an address: `devicemgmt`, `media`, `events`, `pullpoint`, `subscription`."""
    definition = SERVICES[name]
    service = ONVIFService(
        address,
        username or None,
        password or None,
        str(_WSDLS / definition["wsdl"]),
        no_cache=True,
        binding_name=f"{{{definition['ns']}}}{definition['binding']}",
    )
    # Its own session has never been used: nothing is lost by closing it unopened.
    await service.close()
    service.transport = _Transport(session=session)
    await service.setup()
    return service
