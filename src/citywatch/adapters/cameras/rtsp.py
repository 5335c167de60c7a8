"""RTSP (RFC 2326): ask a camera for its stream, take one whole key frame, say good-bye.

All waiting happens here, in asyncio: for the connection, for the answers, for the first packet and for the next key
frame (seconds, at many cameras). The decoder gets the bytes of one frame and never a socket, an address or a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from citywatch.adapters.cameras.addresses import Address, redact
from citywatch.adapters.cameras.answers import VisitFailure, no_media, unchecked, unreachable
from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.cameras.config import Transport
from citywatch.adapters.cameras.dialling import Dialler
from citywatch.adapters.cameras.rtp import (
    Depacketizer,
    FrameTooLarge,
    KeyFrame,
    Reorderer,
    depacketizer,
    parse_packet,
)
from citywatch.domain.pictures import VisitReason

_MOST_HEAD_BYTES = 16_384
_MOST_BODY_BYTES = 65_536
_MOST_HEADERS = 64
_DATAGRAMS_QUEUED = 2048
_GOODBYE_S = 0.5
_UDP_PORT_TRIES = 32
_UDP_BUFFER_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """An answer (status above 0) or a request of the server's own (status 0)."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes

    def first(self, name: str) -> str:
        values = self.headers.get(name)
        return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The first video of a session description."""

    payload_type: int
    encoding: str
    control: str
    session_control: str = ""
    format_parameters: dict[str, str] = field(default_factory=dict)


_STATIC_ENCODINGS = {26: "JPEG"}


def parse_video_track(description: str) -> VideoTrack | None:
    """The first video of an SDP (RFC 8866), or None. Lines that cannot be read are passed over."""
    payload_type, encoding, control, session_control = -1, "", "", ""
    parameters: dict[str, str] = {}
    in_session = True
    for raw in description.splitlines():
        line = raw.strip()
        if line.startswith("m="):
            in_session = False
            if payload_type >= 0:
                break
            words = line[2:].split()
            if len(words) >= 4 and words[0] == "video" and words[3].isdigit() and int(words[3]) < 128:
                payload_type = int(words[3])
                encoding = _STATIC_ENCODINGS.get(payload_type, "")
        elif in_session and line.startswith("a=control:"):
            session_control = line[10:].strip()
        elif payload_type < 0:
            continue
        elif line.startswith("a=control:"):
            control = line[10:].strip()
        elif match := re.fullmatch(r"a=rtpmap:\s*(\d+)\s+([^/\s]+)/.*", line):
            if int(match.group(1)) == payload_type:
                encoding = match.group(2)
        elif match := re.fullmatch(r"a=fmtp:\s*(\d+)\s+(.*)", line):
            for pair in match.group(2).split(";"):
                key, _, value = pair.strip().partition("=")
                parameters[key.strip().lower()] = value.strip()
    if payload_type < 0:
        return None
    return VideoTrack(payload_type, encoding, control, session_control, parameters)


def control_url(base: str, control: str) -> str:
    """The URL of a track. Makers disagree with RFC 3986 here: a relative control is appended to the base."""
    if not control or control == "*":
        return base
    if control.lower().startswith(("rtsp://", "rtspu://")):
        return control
    if control.startswith("/"):
        return urljoin(base, control)
    return base + control if base.endswith("/") else f"{base}/{control}"


async def fetch_key_frame(
    address: Address,
    credentials: Credentials,
    dialler: Dialler,
    *,
    transport: Transport,
    connect_timeout_s: float,
    media_timeout_s: float,
    most_bytes: int,
) -> KeyFrame:
    """One whole key frame of the camera's video. Raises VisitFailure:

    unreachable (name_lookup, refused, timed_out, host_unreachable, authentication), no_media (path_unknown;
    protocol_error: it speaks no RTSP, or wrongly; no_frames: connected, but no answer or no picture in time;
    too_large), unchecked (no_key_frame: pictures come, but none in time that stands alone; protocol_error: a codec
    that is not supported).
    """
    shown = redact(address.url)
    reader, writer = await dialler.connect(address.host, address.port, connect_timeout_s, shown)
    session = _Session(reader, writer, address, credentials, shown)
    try:
        async with asyncio.timeout(media_timeout_s) as deadline:
            return await session.key_frame(transport, most_bytes)
    except TimeoutError:
        if not deadline.expired():
            raise no_media(VisitReason.NO_FRAMES, f"{shown}: the connection timed out") from None
        raise session.silence(media_timeout_s) from None
    except FrameTooLarge:
        raise no_media(VisitReason.TOO_LARGE, f"{shown}: a key frame has more than {most_bytes} bytes") from None
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise session.hung_up(error) from None
    except OSError as error:
        raise no_media(VisitReason.PROTOCOL, f"{shown}: the connection failed ({error.strerror})") from None
    finally:
        await session.goodbye()


class _Session:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: Address,
        credentials: Credentials,
        shown: str,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._url = address.url
        self._credentials = credentials
        self._shown = shown
        self._sequence = 0
        self._session = ""
        self._base = address.url
        self._answered = False
        self._playing = False
        self._depacketizer: Depacketizer | None = None
        self._payload_type = -1
        self._early: list[bytes] = []
        self._channel = 0

    # what the end of a visit means -------------------------------------------------------------------------

    def silence(self, waited_s: float) -> VisitFailure:
        """Time ran out: what was heard until then says what it means."""
        if not self._answered:
            return no_media(VisitReason.NO_FRAMES, f"{self._shown}: connected, but no answer in {waited_s:g} s")
        if self._depacketizer is not None and self._depacketizer.pictures:
            return unchecked(
                VisitReason.NO_KEY_FRAME,
                f"{self._shown}: pictures come, but no whole key frame in {waited_s:g} s;"
                " raise media_timeout_seconds above the camera's key frame interval",
            )
        return no_media(VisitReason.NO_FRAMES, f"{self._shown}: it answers, but no picture came in {waited_s:g} s")

    def hung_up(self, error: Exception) -> VisitFailure:
        if self._playing:
            return no_media(VisitReason.NO_FRAMES, f"{self._shown}: the stream ended before a key frame")
        what = "closed the connection" if isinstance(error, asyncio.IncompleteReadError) else "reset the connection"
        return no_media(VisitReason.PROTOCOL, f"{self._shown}: it {what} instead of an RTSP answer")

    def _protocol(self, what: str) -> VisitFailure:
        return no_media(VisitReason.PROTOCOL, f"{self._shown}: {what}")

    # the conversation --------------------------------------------------------------------------------------

    async def key_frame(self, transport: Transport, most_bytes: int) -> KeyFrame:
        # Some cameras answer 401, 404 or 501 to OPTIONS; that it was answered in RTSP is what counts.
        await self._request("OPTIONS", self._url)
        answer = await self._request("DESCRIBE", self._url, {"Accept": "application/sdp"})
        self._expect(answer, "DESCRIBE")
        self._base = answer.first("content-base") or answer.first("content-location") or self._url
        track = parse_video_track(answer.body.decode("utf-8", "replace"))
        if track is None:
            raise no_media(VisitReason.NO_FRAMES, f"{self._shown}: the session describes no video")
        if track.session_control.lower().startswith("rtsp://"):
            self._base = track.session_control
        self._payload_type = track.payload_type
        self._depacketizer = depacketizer(track.encoding, track.format_parameters, most_bytes)
        if self._depacketizer is None:
            raise unchecked(
                VisitReason.PROTOCOL, f"{self._shown}: video in {track.encoding[:20]!r}, which is not supported"
            )
        target = control_url(self._base, track.control)
        if transport == "tcp":
            return await self._play_tcp(target, self._depacketizer)
        return await self._play_udp(target, self._depacketizer)

    async def _play_tcp(self, target: str, frames: Depacketizer) -> KeyFrame:
        answer = await self._setup(target, "RTP/AVP/TCP;unicast;interleaved=0-1")
        if match := re.search(r"interleaved=(\d+)", answer.first("transport")):
            self._channel = int(match.group(1))
        await self._play()
        for packet in self._early:
            if (frame := self._feed(frames, packet)) is not None:
                return frame
        while True:
            item = await self._next()
            if isinstance(item, bytes) and (frame := self._feed(frames, item)) is not None:
                return frame

    async def _play_udp(self, target: str, frames: Depacketizer) -> KeyFrame:
        async with _udp_ports(self._writer) as (port, datagrams, knock):
            answer = await self._setup(target, f"RTP/AVP;unicast;client_port={port}-{port + 1}")
            if match := re.search(r"server_port=(\d+)", answer.first("transport")):
                knock(int(match.group(1)))
            await self._play()
            listener = asyncio.create_task(self._listen())
            order = Reorderer()
            try:
                while True:
                    packet = parse_packet(await _first_of(datagrams, listener))
                    if packet is None or packet.payload_type != self._payload_type:
                        continue
                    for ready in order.push(packet):
                        if (frame := frames.feed(ready)) is not None:
                            return frame
            finally:
                listener.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError, VisitFailure):
                    await listener

    async def _listen(self) -> None:
        """Over UDP the connection stays open beside the media; read it, so that its end is noticed."""
        while True:
            await self._next()

    def _feed(self, frames: Depacketizer, data: bytes) -> KeyFrame | None:
        packet = parse_packet(data)
        if packet is None or packet.payload_type != self._payload_type:
            return None
        return frames.feed(packet)

    async def _setup(self, target: str, transport: str) -> Message:
        answer = await self._request("SETUP", target, {"Transport": transport})
        self._expect(answer, "SETUP")
        self._session = answer.first("session").partition(";")[0].strip()
        return answer

    async def _play(self) -> None:
        self._playing = True
        answer = await self._request("PLAY", self._base, {"Range": "npt=0.000-"})
        self._expect(answer, "PLAY")

    def _expect(self, answer: Message, method: str) -> None:
        if answer.status == 200:
            return
        if answer.status in (401, 403, 407):
            word = "was not accepted" if self._credentials else "is needed"
            raise unreachable(VisitReason.AUTHENTICATION, f"{self._shown}: user and password: {word}")
        if answer.status in (404, 410) and method != "PLAY":
            raise no_media(VisitReason.PATH_UNKNOWN, f"{self._shown}: the camera knows no such path")
        raise self._protocol(f"{method} was answered with status {answer.status}")

    async def _request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Message:
        """One request; asked once more when the answer is a challenge that can be met."""
        answer = await self._ask(method, url, headers or {})
        for again in (False, True):
            challenges = answer.headers.get("www-authenticate", [])
            if answer.status != 401 or not self._credentials.accept(challenges, again=again):
                break
            answer = await self._ask(method, url, headers or {})
        return answer

    async def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> Message:
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", "User-Agent: Citywatch"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self._session:
            lines.append(f"Session: {self._session}")
        if (authorization := self._credentials.header(method, url)) is not None:
            lines.append(f"Authorization: {authorization}")
        text = "\r\n".join(lines)
        if any(ord(letter) < 0x20 and letter not in "\r\n" for letter in text) or text.count("\n") != len(lines) - 1:
            raise self._protocol("its answers would break the next request in two")
        self._writer.write((text + "\r\n\r\n").encode())
        await self._writer.drain()
        while True:
            item = await self._next()
            if isinstance(item, bytes):
                if len(self._early) < _DATAGRAMS_QUEUED:
                    self._early.append(item)
            elif item.status and item.first("cseq") in ("", str(self._sequence)):
                return item

    # reading -----------------------------------------------------------------------------------------------

    async def _next(self) -> Message | bytes:
        """The next message, or the next packet of our channel out of the interleaved ones."""
        while True:
            mark = await self._reader.readexactly(1)
            if mark == b"$":
                head = await self._reader.readexactly(3)
                data = await self._reader.readexactly(int.from_bytes(head[1:], "big"))
                if head[0] == self._channel:
                    return data
            elif mark not in (b"\r", b"\n"):  # some send an empty line behind a body
                return await self._message(mark)

    async def _message(self, mark: bytes) -> Message:
        lines: list[str] = []
        size = 0
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                raise self._protocol("its answer is no RTSP") from None
            text = (mark + line).decode("latin-1").rstrip("\r\n")
            mark = b""
            size += len(line)
            if not lines and not re.match(r"RTSP/1\.\d \d{3}|[A-Z_]+ \S+ RTSP/1\.\d$", text):
                raise self._protocol("its answer is no RTSP")
            if not text:
                break
            lines.append(text)
            if size > _MOST_HEAD_BYTES or len(lines) > _MOST_HEADERS:
                raise self._protocol("its answer has too many headers")
        self._answered = True
        headers: dict[str, list[str]] = {}
        for header in lines[1:]:
            name, _, value = header.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        length = headers.get("content-length", ["0"])[0]
        if not length.isdigit() or int(length) > _MOST_BODY_BYTES:
            raise self._protocol("the length of its answer is unbelievable")
        body = await self._reader.readexactly(int(length))
        status = int(lines[0].split()[1]) if lines[0].startswith("RTSP/") else 0
        return Message(status, headers, body)

    async def goodbye(self) -> None:
        """Give the session back and close. Never raises, never waits long."""
        try:
            async with asyncio.timeout(_GOODBYE_S):
                if self._session and not self._writer.is_closing():
                    self._sequence += 1
                    lines = [
                        f"TEARDOWN {self._base} RTSP/1.0",
                        f"CSeq: {self._sequence}",
                        "User-Agent: Citywatch",
                        f"Session: {self._session}",
                    ]
                    if (authorization := self._credentials.header("TEARDOWN", self._base)) is not None:
                        lines.append(f"Authorization: {authorization}")
                    self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
                    await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        except OSError:  # TimeoutError is one
            self._writer.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    """Datagrams of one sender into a bounded queue; those that find it full are lost, as on any network."""

    def __init__(self, sender: str, queue: asyncio.Queue[bytes]) -> None:
        self._sender = sender
        self._queue = queue

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] == self._sender and not self._queue.full():
            self._queue.put_nowait(data)


@contextlib.asynccontextmanager
async def _udp_ports(
    writer: asyncio.StreamWriter,
) -> AsyncIterator[tuple[int, asyncio.Queue[bytes], _Knock]]:
    """An even port for RTP and the next one for RTCP, bound to the address that the camera is reached from."""
    local, peer = writer.get_extra_info("sockname")[0], writer.get_extra_info("peername")[0]
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue(_DATAGRAMS_QUEUED)
    with contextlib.ExitStack() as opened:
        for _ in range(_UDP_PORT_TRIES):
            media, _protocol = await loop.create_datagram_endpoint(
                lambda: _Datagrams(peer, queue), local_addr=(local, 0)
            )
            port = int(media.get_extra_info("sockname")[1])
            if port % 2 == 0:
                try:
                    control, _protocol2 = await loop.create_datagram_endpoint(
                        asyncio.DatagramProtocol, local_addr=(local, port + 1)
                    )
                except OSError:
                    media.close()
                    continue
                opened.callback(media.close)
                opened.callback(control.close)
                break
            media.close()
        else:
            raise OSError(0, "no pair of UDP ports is free")
        yield port, queue, _Knock(media, peer)


class _Knock:
    """A datagram from our port to the camera's opens the way back through an address translation."""

    def __init__(self, media: asyncio.DatagramTransport, peer: str) -> None:
        self._media = media
        self._peer = peer

    def __call__(self, port: int) -> None:
        if 0 < port < 65_536:
            self._media.sendto(b"\x80\x00" + bytes(10), (self._peer, port))


async def _first_of(datagrams: asyncio.Queue[bytes], listener: asyncio.Task[None]) -> bytes:
    """The next datagram; the listener's error when the connection ends before one comes."""
    if not datagrams.empty():
        return datagrams.get_nowait()
    waiting = asyncio.ensure_future(datagrams.get())
    try:
        await asyncio.wait({waiting, listener}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        listener.result()  # raises: it never ends otherwise
        raise AssertionError("the listener ended without a reason")
    finally:
        waiting.cancel()
