"""From coded bytes to one luma plane, in a decoder process: video through PyAV, still pictures through OpenCV.

What reaches this module is hostile until shown otherwise. Containers and codecs come from short lists, so that a file
cannot be a playlist, a device or a rare and fragile codec; pixels are limited before anything is allocated for them.
"""

from __future__ import annotations

import math
import os
import stat
import struct
import time
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

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
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # DHT, JPG and DAC are none
_PLANAR_LUMA = frozenset(
    [
        "gray",
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv410p",
        "yuv411p",
        "yuv440p",
        "nv12",
        "nv21",
        "yuvj420p",
        "yuvj422p",
        "yuvj444p",
        "yuvj440p",
        "yuvj411p",
    ]
)


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
    """`luma`: uint8 (h, w), rows may be padded. `media_ns`: time inside the file, -1 for anything else.

    `chroma_u`, `chroma_v`: uint8 of the size that the stream gives them, 128 is grey; None for a grey picture.
    """

    luma: Luma
    media_ns: int = -1
    after_ns: int | None = None
    after_keys: int = 0
    chroma_u: Luma | None = None
    chroma_v: Luma | None = None


def quiet() -> None:
    """One thread each, and nothing of the libraries on our streams."""
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    av.logging.set_level(None)
    av.logging.set_libav_level(av.logging.PANIC)


def decode_still(content: bytes, most_pixels: int) -> Decoded:
    """A JPEG, PNG, BMP or WebP picture. Raises Undecodable, MemoryError."""
    if content.startswith(b"\xff\xd8") and b"\xff\xd9" not in content[-64:]:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "the JPEG is cut short")
    width, height = claimed_size(content)
    if width * height > most_pixels or max(width, height) > pictures.MAX_SIDE:
        raise _too_many_pixels(most_pixels)
    try:
        luma = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        luma = None
    if luma is None:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "the picture is damaged")
    return Decoded(cast(Luma, luma))


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
    return Decoded(_decode_one(context, av.Packet(content), most_pixels))


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
            luma = _decode_one(context, packet, most_pixels)
        except Undecodable as damage:
            raise Undecodable(damage.outcome, damage.reason, str(damage), *position) from None
        return Decoded(luma, position[0] if position[0] is not None and position[0] >= 0 else -1, *position)
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
    context.options = {"max_pixels": str(most_pixels)}


def _decode_one(context: Any, packet: Any, most_pixels: int) -> Luma:
    if context.codec.name == "mjpeg" and math.prod(claimed_size(bytes(packet))) > most_pixels:
        raise _too_many_pixels(most_pixels)
    try:
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
    if frame.is_corrupt:
        raise Undecodable(Outcome.NO_MEDIA, VisitReason.NOT_A_PICTURE, "the key frame is damaged")
    return _luma(frame)


def _luma(frame: Any) -> Luma:
    """The luma plane as the stream has it (see measure: the range flag is not believed), without its padding."""
    if frame.format.name not in _PLANAR_LUMA:
        return cast(Luma, frame.to_ndarray(format="gray"))
    plane = frame.planes[0]
    rows: Luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _too_many_pixels(most_pixels: int) -> Undecodable:
    return Undecodable(
        Outcome.NO_MEDIA,
        VisitReason.TOO_LARGE,
        f"the picture has more than {most_pixels} pixels, or a side above the limit",
    )
