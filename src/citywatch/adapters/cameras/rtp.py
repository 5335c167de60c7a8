"""From RTP packets to one whole key frame, without I/O and without a decoder.

Payloads: H.264 (RFC 6184, modes 0 and 1), H.265 (RFC 7798 without DONL), MPEG-4 part 2 (RFC 6416), JPEG (RFC 2435).
A key frame is handed on only when every packet of it arrived: a picture torn on the way says nothing about the camera.
"""

from __future__ import annotations

import base64
import binascii
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from citywatch.adapters.cameras.stream_time import FrameRate

_START = b"\x00\x00\x00\x01"
_VOP = b"\x00\x00\x01\xb6"
_PARAMETER_SETS_KEPT = 16
_REORDER_WINDOW = 64
_HEAD = struct.Struct(">BBHI")
_HEAD_BYTES = 12
_PLAIN = 0x80
"""First byte of an RTP packet of version 2 without padding, extension and contributors."""
_VIDEO_CLOCK_HZ = 90_000


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """One coded key frame with all that a fresh decoder needs.

    Annex B for `h264` and `hevc`, an elementary stream for `mpeg4`, a whole JPEG for `mjpeg`.
    """

    codec: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """What matters of one RTP packet (RFC 3550, section 5.1)."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    payload: bytes


def parse_packet(data: bytes) -> Packet | None:
    """None for anything that is no RTP packet of version 2."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    sequence, timestamp = struct.unpack_from(">HI", data, 2)
    start = 12 + 4 * (data[0] & 0x0F)
    end = len(data)
    if data[0] & 0x10:  # header extension
        if start + 4 > end:
            return None
        start += 4 + 4 * int(struct.unpack_from(">H", data, start + 2)[0])
    if data[0] & 0x20:  # padding
        end -= data[-1] or len(data)  # it counts itself, so 0 is no length
    if start > end:
        return None
    return Packet(data[1] & 0x7F, bool(data[1] & 0x80), sequence, timestamp, data[start:end])


class Reorderer:
    """Puts datagrams back in order; what is missing is given up when a window of later ones is there."""

    def __init__(self, window: int = _REORDER_WINDOW) -> None:
        self._window = window
        self._next: int | None = None
        self._held: dict[int, Packet] = {}

    def push(self, packet: Packet) -> list[Packet]:
        """The packets that can be handed on now, in order. A late or repeated one is left out."""
        if self._next is None:
            self._next = packet.sequence
        if (packet.sequence - self._next) & 0xFFFF >= 0x8000:
            return []
        self._held[packet.sequence] = packet
        ready = self._take()
        if len(self._held) > self._window:
            expected = self._next
            self._next = min(self._held, key=lambda sequence: (sequence - expected) & 0xFFFF)
            ready += self._take()
        return ready

    def _take(self) -> list[Packet]:
        ready = []
        while self._next in self._held:
            ready.append(self._held.pop(self._next))
            self._next = (self._next + 1) & 0xFFFF
        return ready


class FrameTooLarge(Exception):
    """A key frame above the limit."""


class Depacketizer(ABC):
    """Base: frames are the packets of one timestamp; a frame counts when none of its packets is missing."""

    codec = ""

    def __init__(self, most_bytes: int, clock_hz: int = _VIDEO_CLOCK_HZ) -> None:
        self._most_bytes = most_bytes
        self._next: int | None = None
        self._timestamp: int | None = None
        self._whole = False
        self._size = 0
        self._dull = -1
        """Timestamp of a picture that is known not to become a whole key frame: the rest of it is only counted."""
        self._fresh = False
        """Of the picture at hand only a delimiter has come, which no decoder needs."""
        self.packets = 0
        """Packets taken so far."""
        self.pictures = False
        """Whether any piece of a picture came, torn or whole."""
        self.rate = FrameRate(clock_hz)

    def take(self, payload_type: int, buffer: bytearray, start: int, end: int) -> KeyFrame | None:
        """The RTP packet that lies in a buffer, as `feed`; what is not of this payload type is passed over.

        Most packets belong to pictures that are no key frames; they cost no more than a look at their head.
        """
        if end - start < _HEAD_BYTES:
            return None
        first, kind, sequence, timestamp = _HEAD.unpack_from(buffer, start)
        if sequence == self._next and kind & 0x7F == payload_type:
            if timestamp != self._dull and first == _PLAIN and (not self._whole or self._fresh):
                self._look_ahead(buffer, start, end, timestamp)
            if timestamp == self._dull or self._fresh:
                self._next = (sequence + 1) & 0xFFFF
                self.packets += 1
                return None
        packet = parse_packet(bytes(memoryview(buffer)[start:end]))
        if packet is None or packet.payload_type != payload_type:
            return None
        return self.feed(packet)

    def _look_ahead(self, buffer: bytearray, start: int, end: int, timestamp: int) -> None:
        """Whether the plain packet that lies there, at the beginning of a picture, decides that it is no key frame."""
        self._fresh = False
        if self._begins_dull(buffer, start, end):
            self.rate.see(timestamp, True)
            self._timestamp = self._dull = timestamp
            self._whole = False
            self.pictures = True
        elif timestamp != self._timestamp and self._is_delimiter(buffer, start, end):
            self.rate.see(timestamp, True)
            self._begin()
            self._timestamp, self._size, self._dull = timestamp, 0, -1
            self._whole = self._fresh = True

    def feed(self, packet: Packet) -> KeyFrame | None:
        """The key frame that this packet completes, if it does. Raises FrameTooLarge."""
        self.packets += 1
        self._fresh = False
        in_order = packet.sequence == self._next
        self._next = (packet.sequence + 1) & 0xFFFF
        if not in_order or packet.timestamp != self._timestamp:
            self.rate.see(packet.timestamp, in_order)
        finished = None
        if packet.timestamp != self._timestamp:
            if in_order and self._whole and self._timestamp is not None:
                finished = self._finish()  # a sender that sets no markers
            self._begin()
            self._timestamp, self._size, self._dull = packet.timestamp, 0, -1
            self._whole = in_order or self._starts_frame(packet.payload)
        elif not in_order:
            self._whole = False
        self.pictures = self.pictures or self._is_picture(packet.payload)
        if self._whole:
            finished = self._add_payload(packet) or finished
        if not self._whole:
            self._dull = packet.timestamp
        return finished

    def _add_payload(self, packet: Packet) -> KeyFrame | None:
        self._whole = self._take(packet.payload)
        self._size += len(packet.payload)
        if self._size > self._most_bytes:
            if self._is_key():
                raise FrameTooLarge
            self._whole = False
        if not packet.marker or not self._whole:
            return None
        finished = self._finish()
        self._whole = finished is None  # once is enough
        return finished

    def _begins_dull(self, buffer: bytearray, start: int, end: int) -> bool:
        """Whether the plain RTP packet that lies there, the first of its picture, says that it is no key frame."""
        return False

    def _is_delimiter(self, buffer: bytearray, start: int, end: int) -> bool:
        """Whether the plain RTP packet that lies there holds an access unit delimiter and nothing else."""
        return False

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _starts_frame(self, payload: bytes) -> bool: ...

    def _is_picture(self, payload: bytes) -> bool:
        """Whether a payload holds a piece of a picture, and not only parameters."""
        return bool(payload)

    @abstractmethod
    def _take(self, payload: bytes) -> bool:
        """Add one payload to the frame; False when it does not fit."""

    @abstractmethod
    def _is_key(self) -> bool: ...

    @abstractmethod
    def _finish(self) -> KeyFrame | None: ...


class _AnnexB(Depacketizer):
    """What H.264 and H.265 share: NAL units, parameter sets, fragments. Delimiters are left out."""

    _DELIMITER = -1

    def __init__(self, most_bytes: int, parameter_sets: Iterable[bytes] = (), clock_hz: int = _VIDEO_CLOCK_HZ) -> None:
        super().__init__(most_bytes, clock_hz)
        self._parameter_sets = [unit for unit in parameter_sets if unit][:_PARAMETER_SETS_KEPT]
        self._units: list[bytes] = []
        self._fragment: list[bytes] | None = None
        self._key = False

    def _begin(self) -> None:
        self._units, self._fragment, self._key = [], None, False

    def _is_key(self) -> bool:
        return self._key or self._fragment is not None

    def _add(self, unit: bytes) -> bool:
        if not unit:
            return False
        if self._is_parameter_set(unit):
            if unit not in self._parameter_sets:
                self._parameter_sets = [*self._parameter_sets, unit][-_PARAMETER_SETS_KEPT:]
            return True
        if self._kind(unit) == self._DELIMITER:
            return True
        if self._is_key_slice(unit):
            self._key = True
        elif not self._key and self._is_slice(unit):
            return False  # no key frame: nothing of it is needed
        self._units.append(unit)
        return True

    def _add_all(self, payload: bytes, at: int) -> bool:
        """An aggregation packet: units behind 16-bit lengths."""
        while at + 2 <= len(payload):
            length = int(struct.unpack_from(">H", payload, at)[0])
            at += 2
            if length == 0 or at + length > len(payload) or not self._add(payload[at : at + length]):
                return False
            at += length
        return at == len(payload)

    def _add_fragment(self, header: bytes, first: bool, last: bool, data: bytes) -> bool:
        if first:
            if not self._key and self._is_slice(header) and not self._is_key_slice(header):
                return False
            self._fragment = [header]
        if self._fragment is None:
            return False
        self._fragment.append(data)
        if last:
            unit, self._fragment = b"".join(self._fragment), None
            return self._add(unit)
        return True

    def _finish(self) -> KeyFrame | None:
        if not self._key or self._fragment is not None:
            return None
        units = [*self._parameter_sets, *self._units]
        return KeyFrame(self.codec, b"".join(_START + unit for unit in units))

    @abstractmethod
    def _kind(self, unit: bytes) -> int:
        """nal_unit_type."""

    @abstractmethod
    def _is_parameter_set(self, unit: bytes) -> bool: ...

    @abstractmethod
    def _is_slice(self, unit: bytes) -> bool:
        """Whether a unit, or the head of one, is a piece of a picture."""

    @abstractmethod
    def _is_key_slice(self, unit: bytes) -> bool:
        """Whether a unit, or the head of one, is a piece of a key frame."""


class H264(_AnnexB):
    codec = "h264"
    _AGGREGATE, _FRAGMENT, _DELIMITER = 24, 28, 9

    def __init__(self, most_bytes: int, parameter_sets: Iterable[bytes] = (), clock_hz: int = _VIDEO_CLOCK_HZ) -> None:
        super().__init__(most_bytes, parameter_sets, clock_hz)
        self._recovery = False

    def _begin(self) -> None:
        super()._begin()
        self._recovery = False

    def _begins_dull(self, buffer: bytearray, start: int, end: int) -> bool:
        if end - start < _HEAD_BYTES + 2:
            return False
        kind, second = buffer[start + _HEAD_BYTES] & 0x1F, buffer[start + _HEAD_BYTES + 1]
        # A slice of type 1, whole or its first fragment; without parameters before it, it is no point of recovery.
        return kind == 1 or (kind == self._FRAGMENT and second & 0x9F == 0x81)

    def _is_delimiter(self, buffer: bytearray, start: int, end: int) -> bool:
        return end - start == _HEAD_BYTES + 2 and buffer[start + _HEAD_BYTES] & 0x1F == self._DELIMITER

    def _starts_frame(self, payload: bytes) -> bool:
        if not payload:
            return False
        kind = payload[0] & 0x1F
        if kind == self._FRAGMENT:
            if len(payload) < 3 or not payload[1] & 0x80:
                return False
            kind, first = payload[1] & 0x1F, payload[2]
        else:
            first = payload[1] if len(payload) > 1 else 0
        # A slice whose first bit is set begins at macroblock 0.
        return kind in (6, 7, 8, 9, self._AGGREGATE) or (kind in (1, 5) and bool(first & 0x80))

    def _is_picture(self, payload: bytes) -> bool:
        return bool(payload) and payload[0] & 0x1F in (1, 2, 3, 4, 5, self._FRAGMENT)

    def _take(self, payload: bytes) -> bool:
        if not payload:
            return True
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23:
            return self._add(payload)
        if kind == self._AGGREGATE:
            return self._add_all(payload, 1)
        if kind == self._FRAGMENT and len(payload) > 2:
            header = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            return self._add_fragment(header, bool(payload[1] & 0x80), bool(payload[1] & 0x40), payload[2:])
        return False

    def _kind(self, unit: bytes) -> int:
        return unit[0] & 0x1F

    def _is_parameter_set(self, unit: bytes) -> bool:
        kind = unit[0] & 0x1F
        self._recovery = self._recovery or kind == 7
        return kind in (7, 8)

    def _is_slice(self, unit: bytes) -> bool:
        return 1 <= unit[0] & 0x1F <= 5

    def _is_key_slice(self, unit: bytes) -> bool:
        # Encoders that never send IDR pictures repeat the sequence parameters before each point of recovery; some
        # repeat them before every picture, so the slice must be an intra one, too (of a mere head it is not known).
        kind = unit[0] & 0x1F
        return kind == 5 or (kind == 1 and self._recovery and (len(unit) == 1 or _is_intra_slice(unit)))


def _is_intra_slice(unit: bytes) -> bool:
    """Whether the head of an H.264 slice names type I or SI (ITU-T H.264, 7.3.3: first_mb_in_slice, slice_type)."""
    head = int.from_bytes(unit[1:9].ljust(8, b"\0"), "big")
    at, value = 64, -1
    for _ in range(2):  # two Exp-Golomb codes
        zeros = at - (head & (1 << at) - 1).bit_length()
        at -= 2 * zeros + 1
        if at < 0:
            return False
        value = (head >> at & (1 << zeros + 1) - 1) - 1
    return value % 5 in (2, 4)


class H265(_AnnexB):
    codec = "hevc"
    _AGGREGATE, _FRAGMENT, _DELIMITER = 48, 49, 35

    def _begins_dull(self, buffer: bytearray, start: int, end: int) -> bool:
        if end - start < _HEAD_BYTES + 3:
            return False
        kind, third = buffer[start + _HEAD_BYTES] >> 1 & 0x3F, buffer[start + _HEAD_BYTES + 2]
        return kind < 16 or (kind == self._FRAGMENT and third & 0x80 > 0 and third & 0x3F < 16)

    def _is_delimiter(self, buffer: bytearray, start: int, end: int) -> bool:
        return end - start == _HEAD_BYTES + 3 and buffer[start + _HEAD_BYTES] >> 1 & 0x3F == self._DELIMITER

    def _starts_frame(self, payload: bytes) -> bool:
        if len(payload) < 4:
            return False
        kind, first = payload[0] >> 1 & 0x3F, payload[2]
        if kind == self._FRAGMENT:
            if not payload[2] & 0x80:
                return False
            kind, first = payload[2] & 0x3F, payload[3]
        return kind in (32, 33, 34, 35, 39, self._AGGREGATE) or (kind < 32 and bool(first & 0x80))

    def _is_picture(self, payload: bytes) -> bool:
        return bool(payload) and (payload[0] >> 1 & 0x3F < 32 or payload[0] >> 1 & 0x3F == self._FRAGMENT)

    def _take(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        kind = payload[0] >> 1 & 0x3F
        if kind < self._AGGREGATE:
            return self._add(payload)
        if kind == self._AGGREGATE:
            return self._add_all(payload, 2)
        if kind == self._FRAGMENT and len(payload) > 3:
            header = bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]])
            return self._add_fragment(header, bool(payload[2] & 0x80), bool(payload[2] & 0x40), payload[3:])
        return False

    def _kind(self, unit: bytes) -> int:
        return unit[0] >> 1 & 0x3F

    def _is_parameter_set(self, unit: bytes) -> bool:
        return self._kind(unit) in (32, 33, 34)

    def _is_slice(self, unit: bytes) -> bool:
        return unit[0] >> 1 & 0x3F < 32

    def _is_key_slice(self, unit: bytes) -> bool:
        return 16 <= unit[0] >> 1 & 0x3F <= 21


class Jpeg(Depacketizer):
    """RFC 2435: every frame is a key frame; the JPEG's head is made again from the payload's own."""

    codec = "mjpeg"

    def __init__(self, most_bytes: int, clock_hz: int = _VIDEO_CLOCK_HZ) -> None:
        super().__init__(most_bytes, clock_hz)
        self._parts: list[bytes] = []
        self._length = 0

    def _begin(self) -> None:
        self._parts, self._length = [], 0

    def _is_key(self) -> bool:
        return True

    def _starts_frame(self, payload: bytes) -> bool:
        return payload[1:4] == b"\x00\x00\x00"

    def _take(self, payload: bytes) -> bool:  # noqa: PLR0911  (each check of the header has its own way out)
        if len(payload) < 8:
            return False
        offset = int.from_bytes(payload[1:4], "big")
        kind, quality, width, height = payload[4], payload[5], payload[6] * 8, payload[7] * 8
        at, restart = 8, 0
        if kind & 0x40:
            if len(payload) < 12:
                return False
            restart, at = int.from_bytes(payload[8:10], "big"), 12
        if offset == 0:
            tables = b""
            if quality >= 128:
                if len(payload) < at + 4:
                    return False
                precision, length = payload[at + 1], int.from_bytes(payload[at + 2 : at + 4], "big")
                tables = payload[at + 4 : at + 4 + length]
                at += 4 + length
                if precision or len(tables) != length:
                    return False  # 16-bit tables: no camera is known to send them
            else:
                tables = _scaled_tables(quality)
            if kind & 0x3F > 1 or len(tables) not in (64, 128) or not width or not height:
                return False
            self._parts, self._length = [_jpeg_head(kind & 0x3F, width, height, tables, restart)], 0
        elif offset != self._length or not self._parts:
            return False
        self._parts.append(payload[at:])
        self._length += len(payload) - at
        return True

    def _finish(self) -> KeyFrame | None:
        if not self._parts:
            return None
        content = b"".join(self._parts)
        return KeyFrame(self.codec, content if content.endswith(b"\xff\xd9") else content + b"\xff\xd9")


def is_mpeg4_key(content: bytes) -> bool:
    """Whether the first picture in a piece of MPEG-4 part 2 stands alone (a VOP of type I)."""
    at = content.find(_VOP)
    return at >= 0 and at + 4 < len(content) and content[at + 4] >> 6 == 0


class Mpeg4(Depacketizer):
    """MPEG-4 part 2: payloads are pieces of the elementary stream; its head may be told by the session alone."""

    codec = "mpeg4"

    def __init__(self, most_bytes: int, head: bytes = b"", clock_hz: int = _VIDEO_CLOCK_HZ) -> None:
        super().__init__(most_bytes, clock_hz)
        self._head = head
        self._parts: list[bytes] = []

    def _begin(self) -> None:
        self._parts = []

    def _is_key(self) -> bool:
        return True

    def _starts_frame(self, payload: bytes) -> bool:
        return payload.startswith(b"\x00\x00\x01")

    def _take(self, payload: bytes) -> bool:
        if not self._parts and payload.startswith(_VOP) and not is_mpeg4_key(payload):
            return False
        self._parts.append(payload)
        return True

    def _finish(self) -> KeyFrame | None:
        content = b"".join(self._parts)
        return KeyFrame(self.codec, self._head + content) if is_mpeg4_key(content) else None


def depacketizer(
    encoding: str, format_parameters: dict[str, str], most_bytes: int, clock_hz: int = _VIDEO_CLOCK_HZ
) -> Depacketizer | None:
    """The depacketizer of an SDP encoding name, primed with the parameter sets of its fmtp line; None if unknown."""
    name = encoding.upper()
    if name == "H264":
        return H264(most_bytes, _decode_sets(format_parameters, "sprop-parameter-sets"), clock_hz)
    if name in ("H265", "HEVC"):
        return H265(most_bytes, _decode_sets(format_parameters, "sprop-vps", "sprop-sps", "sprop-pps"), clock_hz)
    if name == "MP4V-ES":
        try:
            return Mpeg4(most_bytes, bytes.fromhex(format_parameters.get("config", "")), clock_hz)
        except ValueError:
            return Mpeg4(most_bytes, b"", clock_hz)
    if name == "JPEG":
        return Jpeg(most_bytes, clock_hz)
    return None


def _decode_sets(format_parameters: dict[str, str], *keys: str) -> list[bytes]:
    units = []
    for key in keys:
        for text in format_parameters.get(key, "").split(","):
            try:
                units.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue  # the stream itself repeats them, as a rule
    return units


# Quantisers of the JPEG standard's annex K in zigzag order, as RFC 2435 appendix A gives them.
_LUMA_QUANTISER = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA_QUANTISER = bytes.fromhex(
    "1112121815182f1a1a2f63423842636363636363636363636363636363636363"
    "6363636363636363636363636363636363636363636363636363636363636363"
)
_DC_LUMA = bytes.fromhex("00010501010101010100000000000000") + bytes(range(12))
_DC_CHROMA = bytes.fromhex("00030101010101010101010000000000") + bytes(range(12))
_AC_LUMA = bytes.fromhex(
    "0002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
    "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
    "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
    "e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_CHROMA = bytes.fromhex(
    "00020102040403040705040400010277"
    "0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a262728"
    "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92"
    "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7"
    "e8e9eaf2f3f4f5f6f7f8f9fa"
)


def _scaled_tables(quality: int) -> bytes:
    factor = min(max(quality, 1), 99)
    scale = 5000 // factor if factor < 50 else 200 - factor * 2
    return bytes(min(max((value * scale + 50) // 100, 1), 255) for value in _LUMA_QUANTISER + _CHROMA_QUANTISER)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _jpeg_head(kind: int, width: int, height: int, tables: bytes, restart: int) -> bytes:
    """SOI up to the scan. `kind` 0 is 4:2:2, 1 is 4:2:0."""
    last = 1 if len(tables) == 128 else 0
    parts = [b"\xff\xd8", _segment(0xDB, b"\x00" + tables[:64])]
    if last:
        parts.append(_segment(0xDB, b"\x01" + tables[64:]))
    if restart:
        parts.append(_segment(0xDD, struct.pack(">H", restart)))
    sampling = 0x22 if kind else 0x21
    components = bytes([1, sampling, 0, 2, 0x11, last, 3, 0x11, last])
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components))
    for slot, table in ((0x00, _DC_LUMA), (0x10, _AC_LUMA), (0x01, _DC_CHROMA), (0x11, _AC_CHROMA)):
        parts.append(_segment(0xC4, bytes([slot]) + table))
    parts.append(_segment(0xDA, bytes([3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0])))
    return b"".join(parts)
