"""How to reach the ONVIF side of a camera."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from citywatch.adapters.onvif.device import OnvifDevice


@dataclass(frozen=True, slots=True)
class OnvifAccess:
    """How to reach a device. Prints nothing of itself but its camera."""

    camera: str
    url: str
    username: str
    password: str
    tls_verify: bool = True
    timeout_s: float = 5.0

    def __repr__(self) -> str:
        return f"OnvifAccess({self.camera!r})"

    def open(self) -> AbstractAsyncContextManager[OnvifDevice]:
        """The device, to be asked and let go. The client library is heavy: it is imported when the first is."""
        from citywatch.adapters.onvif.device import open_device  # noqa: PLC0415

        return open_device(self.url, self.username, self.password, tls_verify=self.tls_verify, timeout_s=self.timeout_s)
