"""The first half of a visit, all in asyncio: ask the camera and bring back what the decoder needs, or why not.

Name lookup, connecting, authentication, waiting for a picture: whatever can be slow or dead is waited for here, so
that no decoder is ever held by a camera that does not answer. What each failure means for the camera:

| the camera...                                        | outcome     | reason           |
|------------------------------------------------------|-------------|------------------|
| has a name that cannot be resolved                   | unreachable | name_lookup      |
| refuses the connection                               | unreachable | refused          |
| does not answer the connection                       | unreachable | timed_out        |
| has no way to it                                     | unreachable | host_unreachable |
| wants another user or password                       | unreachable | authentication   |
| is a file that is missing or cannot be read          | unreachable | file_not_found   |
| knows no such path                                   | unreachable | path_unknown     |
| connects and stays silent, or plays nothing          | no_media    | no_frames        |
| plays, and stops before a key frame was there        | no_media    | stalled          |
| connects and speaks another protocol, or hangs up    | no_media    | protocol_error   |
| gives bytes that are no picture, or a damaged one    | no_media    | not_a_picture    |
| gives more bytes or pixels than allowed              | no_media    | too_large        |
| plays, but no key frame within the time-out          | unchecked   | no_key_frame     |
| plays a codec that we do not know                    | unchecked   | protocol_error   |
| has a password_file that we cannot read              | unchecked   | authentication   |
| is a file that has been seen to its end              | unchecked   | end_of_file      |
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from citywatch.adapters.cameras.addresses import Address, MediaKind, parse_address, redact
from citywatch.adapters.cameras.answers import Answer, FileRef, Reached, VisitFailure, unchecked
from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.cameras.credentials import user_and_password
from citywatch.adapters.cameras.dialling import Dialler
from citywatch.adapters.cameras.held import HeldStream
from citywatch.adapters.cameras.rtsp import RtspSession, fetch_key_frame
from citywatch.adapters.cameras.snapshot import SnapshotClient
from citywatch.adapters.onvif.eyes import OnvifEyes
from citywatch.domain.pictures import VisitReason
from citywatch.ports import Meter

__all__ = ["CameraConfig", "MediaKind", "Visitor", "redact"]


class Visitor:
    """Asks cameras. One for a whole patrol; an async context manager."""

    def __init__(self, eyes: OnvifEyes | None = None) -> None:
        self._eyes = eyes
        self._dialler = Dialler()
        self._snapshots = SnapshotClient(self._dialler)

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self._dialler.close()

    async def ask(
        self, camera: CameraConfig, *, media_timeout_s: float | None = None, report_wait_s: float = 0.0
    ) -> Answer:
        """What the decoder needs of this camera, and what was learned on the way. Raises VisitFailure.

        media_timeout_s  instead of the camera's own, for a stream whose key frames are far apart
        report_wait_s    how long to stay, at most, until the stream has told its clock
        """
        patience_s = camera.media_timeout_seconds if media_timeout_s is None else media_timeout_s
        try:
            return await self._ask(camera, await self._address(camera), patience_s, report_wait_s)
        except VisitFailure:
            if self._eyes is not None:
                self._eyes.forget(camera.camera)  # it may have moved its pictures
            raise

    async def _ask(self, camera: CameraConfig, address: Address, patience_s: float, report_wait_s: float) -> Answer:
        if address.kind is MediaKind.FILE:
            return Answer(FileRef(Path(address.path)))
        if address.kind is MediaKind.PROBE:
            timeout_s = camera.connect_timeout_seconds
            (await self._dialler.dial(address.host, address.port, timeout_s, camera.shown_url)).close()
            return Answer(Reached())
        credentials = Credentials(*user_and_password(camera, address))
        if address.kind is MediaKind.SNAPSHOT:
            still = await self._snapshots.fetch(
                address,
                credentials,
                tls_verify=camera.tls_verify,
                connect_timeout_s=camera.connect_timeout_seconds,
                media_timeout_s=camera.media_timeout_seconds,
                most_bytes=camera.most_bytes,
            )
            return Answer(still)
        return await fetch_key_frame(
            address,
            credentials,
            self._dialler,
            transport=camera.transport,
            connect_timeout_s=camera.connect_timeout_seconds,
            media_timeout_s=patience_s,
            stalled_s=camera.stalled_seconds,
            most_bytes=camera.most_bytes,
            report_wait_s=report_wait_s,
        )

    async def _address(self, camera: CameraConfig) -> Address:
        """Where the pictures are; a camera that is known by ONVIF alone is asked. Raises VisitFailure."""
        address = camera.address()
        if address.kind is not MediaKind.ONVIF:
            return address
        if self._eyes is None:
            raise unchecked(VisitReason.PROTOCOL, f"{camera.shown_url}: nobody here speaks ONVIF")
        return parse_address(await self._eyes.media_url(camera))

    def hold(self, camera: CameraConfig, meter: Meter, *, every_s: float) -> HeldStream:
        """The camera's stream, to be held open: an async context manager. ValueError for what is no stream."""
        return HeldStream(camera, lambda: self._connected(camera), meter, every_s=every_s)

    @contextlib.asynccontextmanager
    async def _connected(self, camera: CameraConfig) -> AsyncIterator[RtspSession]:
        """A session that plays. Raises VisitFailure, also for what goes wrong within."""
        address = await self._address(camera)
        credentials = Credentials(*user_and_password(camera, address))
        connected = await self._dialler.dial(
            address.host, address.port, camera.connect_timeout_seconds, camera.shown_url
        )
        session = RtspSession(
            connected, address, credentials, stalled_s=camera.stalled_seconds, most_bytes=camera.most_bytes
        )
        try:
            with session.failures():
                async with asyncio.timeout(camera.media_timeout_seconds):
                    await session.play(camera.transport)
                yield session
        finally:
            await session.goodbye()
