"""RTSP (RFC 2326): ask a camera for its stream, take whole key frames, say good-bye.

All waiting happens here, in asyncio: for the connection, for the answers, for the first packet and for the next key
frame (seconds, at many cameras). The decoder gets the bytes of one frame and never a socket, an address or a password.

On the way, and without decoding, the stream's time is read: its rate from the RTP timestamps, its clock from the
sender reports (answers.Stream). A camera that sends a key frame at once leaves nothing to count; then a visit stays a
little longer: until RATE_INTERVALS are there, but not above RATE_WAIT_S. Sender reports come every five seconds or so;
a visit that is to bring one stays until one is there, which the patrol asks for now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping

from citywatch.adapters.cameras.addresses import Address, redact
from citywatch.adapters.cameras.answers import Answer, Stream, VisitFailure, no_media, unchecked, unreachable
from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.cameras.config import Transport
from citywatch.adapters.cameras.datagrams import Knock, udp_ports
from citywatch.adapters.cameras.dialling import Dialler
from citywatch.adapters.cameras.link import Ended, Link, Message, NotRtsp
from citywatch.adapters.cameras.rtp import (
    Depacketizer,
    FrameTooLarge,
    KeyFrame,
    Reorderer,
    depacketizer,
    parse_packet,
)
from citywatch.adapters.cameras.sdp import VideoTrack, control_url, parse_video_track
from citywatch.adapters.cameras.stream_time import FrameRate, date_offset_ns, sender_report_offset_ns
from citywatch.domain.pictures import NO_OFFSET, VisitReason

RATE_INTERVALS = 5
RATE_WAIT_S = 2.0
_GOODBYE_S = 0.5
_SESSION_S = 60.0
"""How long a session lives without a word from us, where the camera does not say (RFC 2326, section 12.37)."""
_KEEP_ALIVE_SHARE = 0.45
_KEEP_ALIVE_LEAST_S = 0.4


async def fetch_key_frame(
    address: Address,
    credentials: Credentials,
    dialler: Dialler,
    *,
    transport: Transport,
    connect_timeout_s: float,
    media_timeout_s: float,
    stalled_s: float,
    most_bytes: int,
    report_wait_s: float = 0.0,
) -> Answer:
    """One whole key frame of the camera's video, and what was learned of its stream.

    report_wait_s  how long to stay, at most, until a sender report has told the stream's clock

    Raises VisitFailure:

    unreachable (name_lookup, refused, timed_out, host_unreachable, authentication, path_unknown), no_media (
    protocol_error: it speaks no RTSP, or wrongly; no_frames: connected, but no answer or no picture in time; stalled:
    pictures came, then none for `stalled_s`, or it hung up; too_large), unchecked (no_key_frame: pictures come, but
    none in time that stands alone; protocol_error: a codec that is not supported).
    """
    connected = await dialler.dial(address.host, address.port, connect_timeout_s, redact(address.url))
    session = RtspSession(connected, address, credentials, stalled_s=stalled_s, most_bytes=most_bytes)
    try:
        with session.failures():
            async with asyncio.timeout(media_timeout_s):
                await session.play(transport)
                frame = await session.key_frame()
        await session.count_a_little()
        await session.hear_report(report_wait_s)
        return Answer(frame, session.stream())
    finally:
        await session.goodbye()


class RtspSession:
    """One conversation about one stream. `goodbye` must be called at the end; it closes the connection.

    First `play`; then `key_frame`, or `listen` and `take_key_frame`, as often as wanted. What they raise is turned into
    a VisitFailure by `failures`.
    """

    def __init__(
        self,
        connected: socket.socket,
        address: Address,
        credentials: Credentials,
        *,
        stalled_s: float,
        most_bytes: int,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = Link(connected, self._packet)
        self._url = address.url
        self._credentials = credentials
        self._shown = redact(address.url)
        self._stalled_s = stalled_s
        self._most_bytes = most_bytes
        self._now_ns = now_ns
        self._began = self._loop.time()
        """When the waiting for a key frame began."""
        self._sequence = 0
        self._session = ""
        self._base = address.url
        self._answered = False
        self._playing = False
        self._by_datagrams = False
        self._can_get_parameter = False
        self._keep_alive_s = _SESSION_S * _KEEP_ALIVE_SHARE
        self._spoke_at = self._began
        self._track: VideoTrack | None = None
        self._frames: Depacketizer | None = None
        self._media_channel, self._control_channel = 0, 1
        self._order = Reorderer()
        self._ready: KeyFrame | None = None
        self._trouble: FrameTooLarge | None = None
        self._flowed_at = 0.0
        self._offset_ns = self._date_offset_ns = NO_OFFSET
        self._open = contextlib.AsyncExitStack()

    # what the end of a visit means -------------------------------------------------------------------------

    @contextlib.contextmanager
    def failures(self) -> Iterator[None]:
        """Turns what `play` and `key_frame` raise into a VisitFailure, with what was learned of the stream."""
        try:
            yield
        except VisitFailure as failure:
            failure.stream = self.stream()
            raise
        except (TimeoutError, FrameTooLarge, Ended, NotRtsp, OSError) as error:
            meant = self._failure(error)
            meant.stream = self.stream()
            raise meant from None

    def _failure(self, error: Exception) -> VisitFailure:
        shown = self._shown
        if isinstance(error, FrameTooLarge):
            return no_media(VisitReason.TOO_LARGE, f"{shown}: a key frame has more than {self._most_bytes} bytes")
        if isinstance(error, NotRtsp):
            return self._protocol(str(error))
        if isinstance(error, Ended):
            return self._hung_up(error)
        if isinstance(error, TimeoutError) and error.errno is None:
            return self.silence()
        if isinstance(error, TimeoutError):
            return no_media(VisitReason.NO_FRAMES, f"{shown}: the connection timed out")
        strerror = error.strerror if isinstance(error, OSError) else error
        return no_media(VisitReason.PROTOCOL, f"{shown}: the connection failed ({strerror})")

    def silence(self) -> VisitFailure:
        """Time ran out: what was heard until then says what it means."""
        waited = f"{self._loop.time() - self._began:.1f} s"
        if not self._answered:
            return no_media(VisitReason.NO_FRAMES, f"{self._shown}: connected, but no answer in {waited}")
        if not self.has_pictures:
            return no_media(VisitReason.NO_FRAMES, f"{self._shown}: it answers, but no picture came in {waited}")
        if (quiet_s := self.quiet_s) >= self._stalled_s:
            return no_media(VisitReason.STALLED, f"{self._shown}: pictures came, and then none for {quiet_s:.1f} s")
        return unchecked(
            VisitReason.NO_KEY_FRAME,
            f"{self._shown}: pictures come, but no whole key frame in {waited};"
            " raise media_timeout_seconds above the camera's key frame interval",
        )

    def _hung_up(self, error: Ended) -> VisitFailure:
        if self.has_pictures:
            return no_media(VisitReason.STALLED, f"{self._shown}: pictures came, and then it {error}")
        if self._playing:
            return no_media(VisitReason.NO_FRAMES, f"{self._shown}: it {error} before a picture came")
        return no_media(VisitReason.PROTOCOL, f"{self._shown}: it {error} instead of an RTSP answer")

    def _protocol(self, what: str) -> VisitFailure:
        return no_media(VisitReason.PROTOCOL, f"{self._shown}: {what}")

    @property
    def has_pictures(self) -> bool:
        """Whether any piece of a picture came."""
        return self._frames is not None and self._frames.pictures

    @property
    def quiet_s(self) -> float:
        """Seconds since media came last."""
        return self._loop.time() - self._flowed_at

    @property
    def rate(self) -> FrameRate:
        """The stream's pictures as they are counted. Only after `play`."""
        if self._frames is None:
            raise RuntimeError("nothing is counted before the stream is asked for")
        return self._frames.rate

    def stream(self) -> Stream:
        """What is known of the stream by now."""
        return Stream(
            fps=self._frames.rate.fps if self._frames is not None else math.nan,
            fps_declared=self._track.fps if self._track is not None else math.nan,
            stream_offset_ns=self._offset_ns,
            date_offset_ns=self._date_offset_ns,
        )

    # the conversation --------------------------------------------------------------------------------------

    async def play(self, transport: Transport) -> None:
        """Ask for the stream, until it is promised to come."""
        # Some cameras answer 401, 404 or 501 to OPTIONS; that it was answered in RTSP is what counts.
        public = (await self._request("OPTIONS", self._url)).first("public")
        self._can_get_parameter = "GET_PARAMETER" in public.upper()
        answer = await self._request("DESCRIBE", self._url, {"Accept": "application/sdp"})
        self._expect(answer, "DESCRIBE")
        self._base = answer.first("content-base") or answer.first("content-location") or self._url
        track = parse_video_track(answer.body.decode("utf-8", "replace"))
        if track is None:
            raise no_media(VisitReason.NO_FRAMES, f"{self._shown}: the session describes no video")
        if track.session_control.lower().startswith("rtsp://"):
            self._base = track.session_control
        self._track = track
        self._frames = depacketizer(track.encoding, track.format_parameters, self._most_bytes, track.clock_hz)
        if self._frames is None:
            raise unchecked(
                VisitReason.PROTOCOL, f"{self._shown}: video in {track.encoding[:20]!r}, which is not supported"
            )
        await self._set_up(control_url(self._base, track.control), transport)
        self._playing = True
        self._flowed_at = self._loop.time()
        answer = await self._request("PLAY", self._base, {"Range": "npt=0.000-"})
        self._expect(answer, "PLAY")

    async def _set_up(self, target: str, transport: Transport) -> None:
        knock: Knock | None = None
        if transport == "tcp":
            wanted = "RTP/AVP/TCP;unicast;interleaved=0-1"
        else:
            port, knock = await self._open.enter_async_context(
                udp_ports(self._link.local_host, self._link.peer_host, self._datagram, self._report)
            )
            wanted = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
            self._by_datagrams = True
        answer = await self._request("SETUP", target, {"Transport": wanted})
        self._expect(answer, "SETUP")
        given = answer.first("transport")
        if match := re.search(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?", given):
            # Some number the channels anew, whatever they were asked for.
            self._media_channel = int(match.group(1))
            self._control_channel = int(match.group(2) or self._media_channel + 1)
        if knock is not None and (match := re.search(r"server_port=(\d{1,5})", given)):
            knock(int(match.group(1)))
        self._session, _, options = (word.strip() for word in answer.first("session").partition(";"))
        if (match := re.search(r"timeout=(\d{1,6})", options)) and int(match.group(1)) > 0:
            self._keep_alive_s = max(int(match.group(1)) * _KEEP_ALIVE_SHARE, _KEEP_ALIVE_LEAST_S)

    async def key_frame(self) -> KeyFrame:
        """The next whole key frame; one that was not fetched in time gives way to the next."""
        while (frame := self.take_key_frame()) is None:
            await self.listen(self._keep_alive_s)
        return frame

    def take_key_frame(self) -> KeyFrame | None:
        """The key frame that is there, if one is."""
        frame, self._ready = self._ready, None
        if frame is not None:
            self._began = self._loop.time()
        return frame

    async def listen(self, at_most_s: float) -> None:
        """Hear the stream until a key frame is there, or for so long."""
        await self._listen(self._has_something, at_most_s)

    async def count_a_little(self) -> None:
        """Stay until the pictures a second can be told, RATE_WAIT_S at most. Never raises for what the camera does."""
        rate, ends = self.rate, self._loop.time() + RATE_WAIT_S
        with contextlib.suppress(FrameTooLarge, Ended, NotRtsp, OSError, VisitFailure):
            while rate.intervals < RATE_INTERVALS and (rest_s := ends - self._loop.time()) > 0:
                await self._listen(lambda: rate.intervals >= RATE_INTERVALS, rest_s)

    async def hear_report(self, at_most_s: float) -> None:
        """Stay until a sender report has come, or for so long. Never raises for what the camera does."""
        ends = self._loop.time() + at_most_s
        with contextlib.suppress(FrameTooLarge, Ended, NotRtsp, OSError, VisitFailure):
            while self._offset_ns == NO_OFFSET and (rest_s := ends - self._loop.time()) > 0:
                await self._listen(lambda: self._offset_ns != NO_OFFSET, min(rest_s, self._keep_alive_s))

    async def keep_alive(self) -> None:
        """Say a word when the session would end without one. The answer is heard later, between the pictures."""
        if self._loop.time() - self._spoke_at >= self._keep_alive_s:
            await self._send("GET_PARAMETER" if self._can_get_parameter else "OPTIONS", self._base, {})

    async def goodbye(self) -> None:
        """Give the session back, so that the camera has room for others, and close. Never waits long."""
        try:
            async with asyncio.timeout(_GOODBYE_S):
                if self._session:
                    self._frames = None
                    await self._send("TEARDOWN", self._base, {})
                    while (answer := self._link.take()) is None or answer.first("cseq") != str(self._sequence):
                        await self._link.listen(lambda: False, _GOODBYE_S)
        except (Ended, NotRtsp, OSError, VisitFailure):  # TimeoutError is an OSError
            pass
        finally:
            self._link.close()
            await self._open.aclose()

    def _expect(self, answer: Message, method: str) -> None:
        if answer.status == 200:
            return
        if answer.status in (401, 403, 407):
            word = "was not accepted" if self._credentials else "is needed"
            raise unreachable(VisitReason.AUTHENTICATION, f"{self._shown}: user and password: {word}")
        if answer.status in (404, 410) and method != "PLAY":
            raise unreachable(VisitReason.PATH_UNKNOWN, f"{self._shown}: the camera knows no such path")
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
        await self._send(method, url, headers)
        while True:
            while (message := self._link.take()) is not None:
                self._answered = True
                if date := message.first("date"):
                    self._date_offset_ns = date_offset_ns(date, self._now_ns())
                if message.status and message.first("cseq") in ("", str(self._sequence)):
                    return message
                await self._hear(message)
            await self._link.fill()

    async def _send(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        self._sequence += 1
        self._spoke_at = self._loop.time()
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", "User-Agent: Citywatch"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self._session:
            lines.append(f"Session: {self._session}")
        if (authorization := self._credentials.header(method, url)) is not None:
            lines.append(f"Authorization: {authorization}")
        text = "\r\n".join(lines)
        if any(ord(letter) < 0x20 and letter not in "\r\n" for letter in text) or text.count("\n") != len(lines) - 1:
            raise self._protocol("its answers would break the next request in two")
        await self._link.send((text + "\r\n\r\n").encode())

    # listening ---------------------------------------------------------------------------------------------

    def _has_something(self) -> bool:
        return self._ready is not None or self._trouble is not None

    async def _listen(self, enough: Callable[[], bool], at_most_s: float) -> None:
        await self.keep_alive()
        if not enough():
            await self._link.listen(enough, at_most_s, always=self._by_datagrams)
            while (message := self._link.take()) is not None:
                await self._hear(message)
        if self._trouble is not None:
            raise self._trouble

    async def _hear(self, message: Message) -> None:
        """A request of the camera's own, or the answer to a word that kept the session alive."""
        if message.status == 0:
            known = message.method in ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE")
            number = message.first("cseq")
            lines = ["RTSP/1.0 200 OK" if known else "RTSP/1.0 501 Not Implemented"]
            lines += [f"CSeq: {number}"] if number.isascii() and number.isdigit() else []
            await self._link.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        elif message.first("cseq") != str(self._sequence) or not self._playing:
            pass  # an answer that nobody waits for any more
        elif message.status == 454:
            raise Ended("forgot the session")
        elif message.status == 401:
            # Its challenge has grown old; the next word answers the new one.
            if self._credentials.accept(message.headers.get("www-authenticate", []), again=False):
                self._spoke_at -= self._keep_alive_s
        elif message.status in (405, 501, 551) and self._can_get_parameter:
            self._can_get_parameter = False
            self._spoke_at -= self._keep_alive_s

    def _packet(self, channel: int, buffer: bytearray, start: int, end: int) -> None:
        if channel == self._media_channel:
            if self._frames is not None and self._track is not None and self._trouble is None:
                self._flowed_at = self._loop.time()
                try:
                    frame = self._frames.take(self._track.payload_type, buffer, start, end)
                except FrameTooLarge as trouble:  # told by the next `_listen`: here nobody hears it
                    self._trouble = trouble
                else:
                    self._ready = frame or self._ready
        elif channel == self._control_channel:
            self._report(bytes(buffer[start:end]))

    def _datagram(self, data: bytes) -> None:
        if self._frames is None or self._track is None or self._trouble is not None:
            return
        packet = parse_packet(data)
        if packet is None or packet.payload_type != self._track.payload_type:
            return
        self._flowed_at = self._loop.time()
        try:
            for ready in self._order.push(packet):
                self._ready = self._frames.feed(ready) or self._ready
        except FrameTooLarge as trouble:
            self._trouble = trouble

    def _report(self, data: bytes) -> None:
        offset_ns = sender_report_offset_ns(data, self._now_ns())
        if offset_ns != NO_OFFSET:
            self._offset_ns = offset_ns
