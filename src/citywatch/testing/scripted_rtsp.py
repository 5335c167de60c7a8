"""An RTSP camera made of a script, for the habits of cameras that no real server in reach has.

It plays the access units of an H.264 clip over the RTSP connection, round and round, as a `Script` says. What cameras
do differently from each other, and from the standard, is a field of the script.
"""

from __future__ import annotations

import asyncio
import base64
import re
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

from citywatch.testing.cameras import TcpServer

_PAYLOAD_TYPE = 96
_CLOCK_HZ = 90_000
_FRAGMENT_BYTES = 1200
_NTP_TO_UNIX_S = 2_208_988_800
_UNANSWERED = 4
_SEQUENCE_PARAMETERS, _PICTURE_PARAMETERS = 7, 8


@dataclass(frozen=True, slots=True)
class Script:
    """How the camera behaves.

    fps               by its RTP timestamps
    pace_s            time between two pictures on the wire; 1 / fps when None
    first             number of the picture at which each connection begins
    declared_fps      in its description; None for a description that is silent about it
    channels          what it makes of the channels that it is asked for
    sprop, in_band    whether parameter sets stand in the description, and before each key frame
    content_base      whether the answer to DESCRIBE says where controls are relative to
    padding           bytes of padding in each RTP packet
    stops_after, hangs_up_after   pictures, then silence or the end; None for never
    clock_offset_s    sender reports, one a picture, with a wall clock so far from ours; None for no reports
    reports_from      number of the picture, since it plays, with which sender reports begin
    date_offset_s     Date in its answers, with a clock so far from ours; None for no Date
    session_s         how long a session lives without a request; it is told, and kept to
    get_parameter     whether it knows GET_PARAMETER; else it answers 405 and wants OPTIONS
    asks              whether it sends a request of its own before each picture, and hangs up when five stay unanswered
    """

    fps: float = 25.0
    pace_s: float | None = None
    first: int = 0
    declared_fps: float | None = None
    channels: tuple[int, int] = (0, 1)
    sprop: bool = True
    in_band: bool = True
    content_base: bool = True
    padding: int = 0
    stops_after: int | None = None
    hangs_up_after: int | None = None
    clock_offset_s: float | None = None
    reports_from: int = 0
    date_offset_s: float | None = None
    session_s: int | None = None
    get_parameter: bool = True
    asks: bool = False


@dataclass(slots=True)
class _Conversation:
    writer: asyncio.StreamWriter
    sequence: int = 0
    heard_at: float = 0.0
    answers: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class ScriptedCamera(TcpServer):
    """An async context manager. `requests` holds the methods that came; `sent` the pictures that were played."""

    def __init__(self, clip: Path, script: Script) -> None:
        super().__init__(self._serve)
        self._script = script
        self._pictures = read_pictures(clip)
        self.requests: list[str] = []
        self.sent = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = _Conversation(writer)
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                talk.heard_at = time.monotonic()
                if request.startswith("RTSP/"):
                    talk.answers += 1
                    continue
                method, url, _ = request.split(" ", 2)
                self.requests.append(method)
                found = re.search(r"(?i)cseq: (\d+)", request)
                writer.write(self._answer(method, url, found.group(1) if found else "0"))
                await writer.drain()
                if method == "PLAY":
                    talk.tasks.append(asyncio.create_task(self._play(talk)))
                elif method == "TEARDOWN":
                    return
        finally:
            for task in talk.tasks:
                task.cancel()
            await asyncio.gather(*talk.tasks, return_exceptions=True)

    def _answer(self, method: str, url: str, number: str) -> bytes:
        script, status, body = self._script, "200 OK", ""
        lines = [f"CSeq: {number}"]
        if script.date_offset_s is not None:
            lines.append(
                time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + script.date_offset_s))
            )
        if method == "OPTIONS":
            lines.append("Public: DESCRIBE, SETUP, PLAY, TEARDOWN" + ", GET_PARAMETER" * script.get_parameter)
        elif method == "DESCRIBE":
            body = self._description()
            lines += ["Content-Type: application/sdp"]
            lines += [f"Content-Base: {url}/"] if script.content_base else []
        elif method == "SETUP":
            first, second = script.channels
            lines.append(f"Transport: RTP/AVP/TCP;unicast;interleaved={first}-{second};ssrc=1234")
            lines.append("Session: 4711" + (f";timeout={script.session_s}" if script.session_s else ""))
        elif method == "GET_PARAMETER" and not script.get_parameter:
            status = "405 Method Not Allowed"
        head = "\r\n".join([f"RTSP/1.0 {status}", *lines, f"Content-Length: {len(body)}"])
        return f"{head}\r\n\r\n{body}".encode()

    def _description(self) -> str:
        lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "t=0 0", f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}"]
        lines += [f"a=rtpmap:{_PAYLOAD_TYPE} H264/{_CLOCK_HZ}", "a=control:trackID=1"]
        if self._script.declared_fps is not None:
            lines.append(f"a=framerate:{self._script.declared_fps}")
        if self._script.sprop:
            sets = [unit for unit in self._pictures[0][1] if unit[0] & 0x1F in (7, 8)]
            text = ",".join(base64.b64encode(unit).decode() for unit in sets)
            lines.append(f"a=fmtp:{_PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={text}")
        return "\r\n".join(lines) + "\r\n"

    async def _play(self, talk: _Conversation) -> None:
        script, number = self._script, 0
        while script.stops_after is None or number < script.stops_after:
            if number == script.hangs_up_after:
                talk.writer.close()
                return
            if script.session_s is not None and time.monotonic() - talk.heard_at > script.session_s:
                talk.writer.close()
                return
            if script.asks:
                if number - talk.answers > _UNANSWERED:
                    talk.writer.close()
                    return
                talk.writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number)
            _, units = self._pictures[(script.first + number) % len(self._pictures)]
            timestamp = int(number * _CLOCK_HZ / script.fps) & 0xFFFF_FFFF
            if script.clock_offset_s is not None and number >= script.reports_from:
                self._frame(talk, script.channels[1], sender_report(time.time() + script.clock_offset_s, timestamp))
            if not script.in_band:
                units = [unit for unit in units if unit[0] & 0x1F not in (_SEQUENCE_PARAMETERS, _PICTURE_PARAMETERS)]
            payloads = [payload for unit in units for payload in fragments(unit)]
            for at, payload in enumerate(payloads, 1):
                first = 0x80 | (0x20 if script.padding else 0)
                kind = _PAYLOAD_TYPE | (0x80 if at == len(payloads) else 0)
                head = struct.pack(">BBHII", first, kind, talk.sequence & 0xFFFF, timestamp, 1234)
                tail = bytes(max(script.padding - 1, 0)) + bytes([script.padding] * (script.padding > 0))
                self._frame(talk, script.channels[0], head + payload + tail)
                talk.sequence += 1
            await talk.writer.drain()
            number += 1
            self.sent += 1
            await asyncio.sleep(1 / script.fps if script.pace_s is None else script.pace_s)

    @staticmethod
    def _frame(talk: _Conversation, channel: int, packet: bytes) -> None:
        talk.writer.write(b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet)


def read_pictures(clip: Path) -> list[tuple[bool, list[bytes]]]:
    """(is a key frame, NAL units) of every picture of an H.264 clip; key frames begin with their parameter sets."""
    import av  # noqa: PLC0415
    import av.bitstream  # noqa: PLC0415

    pictures = []
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        annex_b = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", in_stream=stream)
        for packet in container.demux(stream):
            for unit in annex_b.filter(packet if packet.size else None):
                units = [piece for piece in re.split(rb"\x00?\x00\x00\x01", bytes(unit)) if piece]
                pictures.append((bool(unit.is_keyframe), units))
    return pictures


def fragments(unit: bytes) -> list[bytes]:
    """The RTP payloads of one NAL unit (RFC 6184: single, or FU-A)."""
    if len(unit) <= _FRAGMENT_BYTES:
        return [unit]
    head, body = unit[0], unit[1:]
    pieces = [body[at : at + _FRAGMENT_BYTES] for at in range(0, len(body), _FRAGMENT_BYTES)]
    marks = [0x80 if at == 0 else 0x40 if at == len(pieces) - 1 else 0 for at in range(len(pieces))]
    return [bytes([head & 0xE0 | 28, mark | head & 0x1F]) + piece for mark, piece in zip(marks, pieces, strict=True)]


def sender_report(at_s: float, timestamp: int) -> bytes:
    """An RTCP sender report (RFC 3550) of a camera whose clock shows `at_s`, in seconds since 1970."""
    seconds, fraction = int(at_s), int(at_s % 1 * 2**32)
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, 1234, seconds + _NTP_TO_UNIX_S, fraction, timestamp, 0, 0)
