"""A camera's encoder, held open: pictures in, access units out, as they would travel over RTP.

`CameraEncoder` is told which picture is a key frame. Visits that lie minutes apart are key frames of one running
encoder with a few pictures after each, so that rate control lives and quantisers follow the scene; what a real camera
encodes in the minutes between is left out. A bit rate is meant for 25 pictures a second and a key frame every 2 s, of
whose bits cameras give the key frame about KEY_SHARE; with `between` pictures after each key frame the encoder is told
the rate that leaves a key frame as much.

`lost_slices` and `altered_bytes` spoil access units as a bad network or a failing encoder does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from citywatch.testing.planes import Image

Codec = Literal["h264", "hevc", "mpeg4", "mjpeg"]
"""As adapters.cameras.decode names them."""

KEY_SHARE = 0.4
_FPS = 5
_START_CODE = re.compile(rb"\x00\x00\x01")


@dataclass(frozen=True, slots=True)
class EncoderSetting:
    """How a camera encodes.

    name      for tables
    codec     what travels
    kbit_s    bit rate at 640x360, scaled with the picture's area; MJPEG has a quantiser instead
    quantiser 1 (best) to 31: MJPEG, and MPEG-4 without a bit rate
    quiet     pixel-freezing: no adaptive quantisation, wide dead zones and a floor under the quantiser, as cheap
              camera chips encode (h264)
    cbr       a buffer of two groups bounds the rate: quantisers waver from key frame to key frame (h264, hevc)
    between   pictures after each key frame
    slices    of each picture (h264); for damage
    """

    name: str
    codec: Codec
    kbit_s: int = 0
    quantiser: int = 0
    quiet: bool = False
    cbr: bool = False
    between: int = 2
    slices: int = 1


class CameraEncoder:
    """One camera's encoder. Pictures are (h * 3 / 2, w) uint8, planar 4:2:0. Close it, or use it as a context."""

    def __init__(self, setting: EncoderSetting, width: int, height: int) -> None:
        import av  # noqa: PLC0415  (heavy: not before it is needed)

        self.setting = setting
        self._av = av
        self._count = 0
        name = {"h264": "libx264", "hevc": "libx265", "mpeg4": "mpeg4", "mjpeg": "mjpeg"}[setting.codec]
        context: Any = av.CodecContext.create(name, "w")
        context.width, context.height = width, height
        context.pix_fmt = "yuvj420p" if setting.codec == "mjpeg" else "yuv420p"
        context.time_base, context.framerate = Fraction(1, _FPS), Fraction(_FPS)
        context.gop_size = 10_000
        context.thread_count = 1
        options: dict[str, str] = {}
        if setting.kbit_s:
            area = width * height / (640 * 360)
            key_bits = setting.kbit_s * 1000 * area * 2.0 * KEY_SHARE
            # A group of one key frame and `between` others, which take a quarter of it each.
            group_bits = key_bits * (1.0 + setting.between / 4.0)
            context.bit_rate = round(group_bits * _FPS / (1 + setting.between))
            if setting.cbr:
                options |= {"maxrate": str(context.bit_rate), "bufsize": str(round(2 * group_bits))}
        elif setting.quantiser:
            context.qmin = context.qmax = setting.quantiser
        if setting.codec == "h264":
            options |= {"preset": "superfast", "tune": "zerolatency", "forced-idr": "1"}
            params = f"scenecut=0:threads=1:sliced-threads=0:keyint=infinite:slices={setting.slices}"
            if setting.quiet:
                params += ":aq-mode=0:deadzone-inter=32:deadzone-intra=32:psy=0:cabac=0:qpmin=22"
            options["x264-params"] = params
        elif setting.codec == "hevc":
            options |= {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
            if setting.slices != 1:
                raise ValueError(f"{setting.name}: x265 cuts slices only together with threads, which delay pictures")
            options["x265-params"] = (
                "scenecut=0:pools=none:frame-threads=1:wpp=0:ctu=16:keyint=-1:repeat-headers=1:log-level=none"
            )
        context.options = options
        self._context = context

    def __enter__(self) -> CameraEncoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def encode(self, picture: Image, *, key: bool) -> bytes:
        """The access unit of one picture."""
        av = self._av
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        if self.setting.codec == "mjpeg":
            frame = frame.reformat(format="yuvj420p", src_color_range="MPEG", dst_color_range="JPEG")
        frame.pts, frame.time_base = self._count, Fraction(1, _FPS)
        frame.pict_type = av.video.frame.PictureType.I if key else av.video.frame.PictureType.NONE
        self._count += 1
        packets = self._context.encode(frame)
        if len(packets) != 1:
            raise RuntimeError(f"{self.setting.name}: {len(packets)} packets for one picture")
        return bytes(packets[0])

    def visit(self, key: Image, after: list[Image]) -> bytes:
        """The key frame's access unit; the pictures after it are encoded and thrown away."""
        unit = self.encode(key, key=True)
        if self.setting.codec != "mjpeg":
            for picture in after:
                self.encode(picture, key=False)
        return unit

    def close(self) -> None:
        """Drain it; afterwards it takes no more pictures."""
        if self._count:
            self._context.encode(None)
            self._count = 0


# ---- damage


def units(content: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit, each with its start code."""
    starts = [match.start() for match in _START_CODE.finditer(content)]
    starts = [at - 1 if at and content[at - 1] == 0 else at for at in starts]
    return [content[at:end] for at, end in zip(starts, [*starts[1:], len(content)], strict=True)]


def is_slice(unit: bytes, codec: Codec) -> bool:
    """Whether a NAL unit carries picture content."""
    head = unit[unit.index(b"\x01") + 1]
    return 1 <= head & 0x1F <= 5 if codec == "h264" else head >> 1 & 0x3F < 32


def _slices(content: bytes, codec: Codec) -> Iterator[tuple[bytes, int]]:
    """(NAL unit, number of the slice or -1)."""
    number = 0
    for unit in units(content):
        if is_slice(unit, codec):
            yield unit, number
            number += 1
        else:
            yield unit, -1


def lost_slices(content: bytes, codec: Codec, share: float, dice: np.random.Generator) -> bytes:
    """The access unit without `share` of its slices, drawn at random (h264, hevc). The first one always stays:
    without it decoders give no picture at all. A picture of one slice loses the end of it, as when the packets of a
    fragmented unit are lost.
    """
    every = sum(number >= 0 for _, number in _slices(content, codec))
    if every == 1:
        return b"".join(
            unit if number < 0 else unit[: max(len(unit) - round(share * len(unit)), 64)]
            for unit, number in _slices(content, codec)
        )
    lost = set((1 + dice.permutation(max(every - 1, 0)))[: round(share * every)].tolist())
    return b"".join(unit for unit, number in _slices(content, codec) if number not in lost)


def altered_bytes(content: bytes, codec: Codec, share: float, dice: np.random.Generator) -> bytes:
    """The access unit with four bytes altered in each of `share` of its slices, behind their headers.

    Of a picture of one slice, four of its last bytes, so that about `share` of the picture comes behind the first.
    Of a JPEG, and of MPEG-4, which have no slices of their own here: in `share` of eight parts of the coded picture.
    """
    out = bytearray()
    if codec in ("mjpeg", "mpeg4"):
        out += content
        parts = 8
        for part in dice.permutation(parts)[: max(round(share * parts), 1)]:
            begin, end = (len(content) * (step + 1) // (parts + 2) for step in (int(part), int(part) + 1))
            _alter(out, max(begin, 700 if codec == "mjpeg" else 64), end, dice)
        return bytes(out)
    every = sum(number >= 0 for _, number in _slices(content, codec))
    hit = set(dice.permutation(every)[: max(round(share * every), 1)].tolist())
    for unit, number in _slices(content, codec):
        begin = len(out) + 24
        if every == 1:
            begin = max(begin, len(out) + round((1.0 - share) * len(unit)))
        out += unit
        if number in hit:
            _alter(out, begin, len(out) - 4, dice)
    return bytes(out)


def _alter(content: bytearray, begin: int, end: int, dice: np.random.Generator) -> None:
    if end <= begin:
        return
    for at in dice.integers(begin, end, 4):
        # Never 0, 1, 3 or 255: no start codes and no markers come into being.
        content[int(at)] = int(dice.integers(4, 250))
