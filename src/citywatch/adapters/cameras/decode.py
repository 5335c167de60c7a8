"""From coded bytes to the planes of one picture, in a decoder process: video and JPEG by PyAV, other stills by OpenCV.

What reaches this module is hostile until shown otherwise. Containers and codecs come from short lists, so that a file
cannot be a playlist, a device or a rare and fragile codec; pixels are limited before anything is allocated for them.

A damaged picture is a picture as long as one comes out, with `decode_errors` beside it: macroblocks that the decoder
made up (H.264, MPEG-4 tell how many), else the number of its complaints. H.265's decoder notices little of a damage:
hevc_ends.py finds it out.

A JPEG that is measured is decoded at its full size, although libjpeg could leave half of the transform out: what it
leaves out is the sensor's noise, which tells a quiet live street from a frozen one (glance.py decides which pictures
need not be measured). Measured on an empty street with noise of 0.6 grey
levels, JPEG quality 90: a minute changes 26 % of the grid's pixels at full size, 7 % at a half and 0.1 % at a quarter.
PyAV gives luma and chroma as they were coded; OpenCV would turn them into another colour space first.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import stat
import struct
import time
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import av
import av.logging
import cv2
import numpy as np

from citywatch.adapters.cameras.answers import STILL_MAGIC
from citywatch.adapters.cameras.pipe import MOST_BLOB_BYTES
from citywatch.adapters.cameras.rtp import is_mpeg4_key
from citywatch.domain.pictures import Outcome, VisitReason
from citywatch.kernels import pictures

Luma = np.ndarray[Any, np.dtype[np.uint8]]

_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,h264,hevc,m4v,ivf,flv,asf,ogg,dhav"
_CODECS = "h264,hevc,mpeg4,mpeg2video,mpeg1video,mjpeg,vp8,vp9,libdav1d,av1"
_PROBE_BYTES = 1 << 20
JPEG = b"\xff\xd8"
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # DHT, JPG and DAC are none
_PLANAR = frozenset(
    [
        *("yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv411p", "yuv440p"),
        *("yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p"),
    ]
)
_INTERLEAVED = {"nv12": (0, 1), "nv21": (1, 0)}
"""Where in a pair of chroma bytes U and V stand."""
_CHROMA_WIDTH, _CHROMA_HEIGHT = 640, 360
"""Of a still that is no JPEG so much chroma is taken at least; all of a large one would be memory for nothing."""
_CONCEALED = re.compile(r"concealing (\d{1,9}) DC")
_MOST_ERRORS = 2**31 - 1


class Undecodable(Exception):
    """There is no picture to measure. `after_ns`, `after_keys` say where a file's next visit goes on."""

    def __init__(
        self,
        outcome: Outcome,
        reason: VisitReason,
        note: str,
        after_ns: int | None = None,
        after_keys: int = 0,
    ) -> None:
        super().__init__(note)
        self.outcome = outcome
        self.reason = reason
        self.after_ns = after_ns
        self.after_keys = after_keys


@dataclass(frozen=True, slots=True)
class Decoded:
    """One picture.

    luma              uint8 (h, w); rows may be padded
    chroma_u, chroma_v  uint8, each as large as the subsampling leaves it (half of either side for 4:2:0), any strides;
                      None for a picture without colour
    width, height     of the picture as it was coded, pixels
    media_ns          time inside the file, -1 for anything else
    coded_bytes       size of the coded picture
    decode_errors     what the decoder reported and hid, see above
    fps_declared      pictures a second as the coded stream says itself; NaN where it says nothing
    """

    luma: Luma
    chroma_u: Luma | None = None
    chroma_v: Luma | None = None
    width: int = 0
    height: int = 0
    media_ns: int = -1
    after_ns: int | None = None
    after_keys: int = 0
    coded_bytes: int = 0
    decode_errors: int = 0
    fps_declared: float = math.nan


@dataclass(slots=True)
class _Complaints:
    """What a decoder said while it was at one picture."""

    messages: list[tuple[int, str, str]] = field(default_factory=list)

    def count(self, corrupt: bool) -> int:
        concealed = said = 0
        for level, _, message in self.messages:
            if match := _CONCEALED.match(message):
                concealed += int(match.group(1))
            elif level <= av.logging.ERROR:
                said += 1
        return min(concealed or said or int(corrupt), _MOST_ERRORS)


def quiet() -> None:
    """One thread each, and nothing of the libraries on our streams."""
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    av.logging.set_level(av.logging.INFO)  # for those who listen, see _Complaints; the others get nothing:
    logging.getLogger("libav").propagate = False
    logging.getLogger("libav").addHandler(logging.NullHandler())


def decode_still(content: bytes, most_pixels: int) -> Decoded:
    """A JPEG, PNG, BMP or WebP picture. Raises Undecodable, MemoryError."""
    check_still(content, most_pixels)
    if content.startswith(JPEG):
        context = av.CodecContext.create("mjpeg", "r")
        _tame(context, most_pixels)
        with contextlib.suppress(Undecodable):  # OpenCV knows rare kinds of JPEG, too
            return _decode_one(context, av.Packet(content), most_pixels)
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        picture = None
    if picture is None:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "the picture is damaged")
    height, width = picture.shape[:2]
    luma: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    step = max(min(width // _CHROMA_WIDTH, height // _CHROMA_HEIGHT), 1)
    _, chroma_v, chroma_u = cv2.split(cv2.cvtColor(picture[::step, ::step], cv2.COLOR_BGR2YCrCb))
    return Decoded(luma, chroma_u, chroma_v, width, height, coded_bytes=len(content))


def check_still(content: bytes, most_pixels: int) -> None:
    """What is clear before any decoding. Raises Undecodable."""
    if content.startswith(JPEG) and b"\xff\xd9" not in content[-64:]:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "the JPEG is cut short")
    width, height = claimed_size(content)
    if width * height > most_pixels or max(width, height) > pictures.MAX_SIDE:
        raise _too_many_pixels(most_pixels)


def claimed_size(content: bytes) -> tuple[int, int]:
    """(width, height) as the head of a JPEG, PNG, BMP or WebP says; (0, 0) where it cannot be read."""
    if content.startswith(b"\x89PNG") and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if content.startswith(b"BM") and len(content) >= 26:
        width, height = struct.unpack_from("<ii", content, 18)
        return abs(width), abs(height)
    if content.startswith(b"RIFF"):
        return _webp_size(content)
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _START_OF_FRAME:
            return int.from_bytes(content[at + 7 : at + 9], "big"), int.from_bytes(content[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big") if marker != 0xFF else 1
    return 0, 0


def _webp_size(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if len(content) < 30:
        return 0, 0
    if kind == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def decode_key_frame(codec: str, content: bytes, most_pixels: int) -> Decoded:
    """One key frame of a live stream, by a decoder made for it alone. Raises Undecodable, MemoryError."""
    if codec == "mjpeg":
        return decode_still(content, most_pixels)
    context = av.CodecContext.create(codec, "r")
    _tame(context, most_pixels)
    return _decode_one(context, av.Packet(content), most_pixels)


def decode_file(
    path: str, *, after_ns: int | None, after_keys: int, most_pixels: int, search_seconds: float
) -> Decoded:
    """The first key frame of a file behind a position. Raises Undecodable, MemoryError.

    Where packets carry times the position is the time of the last key frame seen (`after_ns`), else their number
    from the beginning (`after_keys`).
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe or a device could hold us for ever
            raise Undecodable(Outcome.UNREACHABLE, VisitReason.NOT_FOUND, "not a regular file")
        file = open(path, "rb")  # noqa: SIM115  (closed below, after the container that reads from it)
    except OSError as error:
        raise Undecodable(Outcome.UNREACHABLE, VisitReason.NOT_FOUND, str(error.strerror)) from None
    # Handed over as an open file: a path would let the content name other files and addresses to be opened.
    with file:
        try:
            if (head := file.read(16)).startswith(STILL_MAGIC) and head[8:12] != b"AVI ":
                return _still_file(file, after_keys, most_pixels)
            file.seek(0)
            options = {"format_whitelist": _CONTAINERS, "codec_whitelist": _CODECS, "probesize": str(_PROBE_BYTES)}
            options |= {"analyzeduration": "0", "fpsprobesize": "0", "max_pixels": str(most_pixels)}
            with av.open(file, metadata_errors="replace", container_options=options) as container:
                return _next_key_frame(container, after_ns, after_keys, most_pixels, search_seconds)
        except av.error.MemoryError:
            raise MemoryError from None
        except (av.error.FFmpegError, OSError, ValueError, OverflowError):  # OSError: it pointed beyond the file
            raise Undecodable(
                Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "no video or picture file, or a damaged one"
            ) from None


def _still_file(file: BinaryIO, after_keys: int, most_pixels: int) -> Decoded:
    """A picture file: one key frame, then its end."""
    if after_keys:
        raise Undecodable(Outcome.UNCHECKED, VisitReason.END_OF_FILE, "the picture was seen already", None, after_keys)
    file.seek(0)
    content = file.read(MOST_BLOB_BYTES + 1)
    if len(content) > MOST_BLOB_BYTES:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.TOO_LARGE, f"more than {MOST_BLOB_BYTES} bytes", None, 1)
    try:
        return replace(decode_still(content, most_pixels), after_keys=1)
    except Undecodable as failure:
        raise Undecodable(failure.outcome, failure.reason, str(failure), None, 1) from None


def _next_key_frame(  # noqa: PLR0912  (one walk through the packets; its cases read best side by side)
    container: Any, after_ns: int | None, after_keys: int, most_pixels: int, search_seconds: float
) -> Decoded:
    streams = [stream for stream in container.streams.video if stream.codec_context is not None]
    if not streams:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "no video that can be decoded in this file")
    stream = streams[0]
    context = stream.codec_context
    if context.codec.name not in _CODECS.split(","):
        raise Undecodable(Outcome.UNCHECKED, VisitReason.PROTOCOL, f"video in {context.codec.name}: not supported")
    _tame(context, most_pixels)
    if context.width * context.height > most_pixels:
        raise _too_many_pixels(most_pixels)
    base = stream.time_base
    seen_before = after_ns is not None or after_keys > 0
    if after_ns is not None and base:
        try:
            container.seek(after_ns * base.denominator // (base.numerator * 1_000_000_000), stream=stream)
        except av.error.FFmpegError:
            container.seek(0)
    give_up = time.monotonic() + search_seconds
    keys = packets = 0
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        packets += 1
        if not _is_key(context, packet):
            if packets % 256 == 0 and time.monotonic() > give_up:
                raise Undecodable(
                    Outcome.UNCHECKED, VisitReason.NO_KEY_FRAME, "no key frame in reach", after_ns, after_keys
                )
            continue
        keys += 1
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is not None and base:
            at_ns = ticks * base.numerator * 1_000_000_000 // base.denominator
            if after_ns is not None and at_ns <= after_ns:
                continue
            position = (at_ns, after_keys + 1)
        else:
            if keys <= after_keys:
                continue
            position = (None, keys)
        try:
            decoded = _decode_one(context, packet, most_pixels)
        except Undecodable as damage:
            raise Undecodable(damage.outcome, damage.reason, str(damage), *position) from None
        media_ns = position[0] if position[0] is not None and position[0] >= 0 else -1
        return replace(decoded, media_ns=media_ns, after_ns=position[0], after_keys=position[1])
    if seen_before:
        raise Undecodable(
            Outcome.UNCHECKED, VisitReason.END_OF_FILE, "the file has no further key frame", after_ns, after_keys
        )
    raise Undecodable(Outcome.NO_MEDIA, VisitReason.NO_FRAMES, "the file holds no key frame")


def _is_key(context: Any, packet: Any) -> bool:
    # AVI files mark the empty packets between their pictures as key frames.
    return bool(packet.is_keyframe) and (context.codec.name != "mpeg4" or is_mpeg4_key(bytes(packet)))


def _tame(context: Any, most_pixels: int) -> None:
    context.thread_count = 1
    context.flags |= int(av.codec.context.Flags.output_corrupt)
    context.options = {"max_pixels": str(most_pixels)}


def _decode_one(context: Any, packet: Any, most_pixels: int) -> Decoded:
    if context.codec.name == "mjpeg" and math.prod(claimed_size(bytes(packet))) > most_pixels:
        raise _too_many_pixels(most_pixels)
    complaints = _Complaints()
    try:
        with av.logging.Capture() as complaints.messages:
            frames = context.decode(packet) or context.decode(None)
    except av.error.MemoryError:
        raise MemoryError from None
    except (av.error.FFmpegError, ValueError):
        frames = []
    if not frames:
        if context.width * context.height > most_pixels:
            raise _too_many_pixels(most_pixels)
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "the key frame cannot be decoded")
    frame = frames[0]
    if frame.width * frame.height > most_pixels or max(frame.width, frame.height) > pictures.MAX_SIDE:
        raise _too_many_pixels(most_pixels)
    luma, chroma_u, chroma_v = _planes(frame)
    return Decoded(
        luma,
        chroma_u,
        chroma_v,
        frame.width,
        frame.height,
        coded_bytes=packet.size,
        decode_errors=complaints.count(frame.is_corrupt),
        fps_declared=float(context.framerate or math.nan),
    )


def _planes(frame: Any) -> tuple[Luma, Luma | None, Luma | None]:
    """Luma, U and V as the stream has them (see measure: the range flag is not believed), without padding."""
    name = frame.format.name
    if name not in _PLANAR and name not in _INTERLEAVED and name != "gray":
        frame, name = frame.reformat(format="yuv420p"), "yuv420p"
    luma = _plane(frame.planes[0], frame.height, frame.width)
    if name == "gray":
        return luma, None, None
    if name in _INTERLEAVED:
        pairs = _plane(frame.planes[1], (frame.height + 1) // 2, (frame.width + 1) // 2 * 2)
        at_u, at_v = _INTERLEAVED[name]
        return luma, pairs[:, at_u::2], pairs[:, at_v::2]
    u, v = frame.planes[1], frame.planes[2]
    return luma, _plane(u, u.height, u.width), _plane(v, v.height, v.width)


def _plane(plane: Any, height: int, width: int) -> Luma:
    rows: Luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[:height, :width]


def _too_many_pixels(most_pixels: int) -> Undecodable:
    return Undecodable(
        Outcome.NO_MEDIA,
        VisitReason.TOO_LARGE,
        f"the picture has more than {most_pixels} pixels, or a side above the limit",
    )
