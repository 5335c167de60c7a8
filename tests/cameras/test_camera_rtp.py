"""RTP packets to key frames: packets come from libav's own packetiser, loss and disorder from us."""

import base64
import random
import socket
from dataclasses import replace

import av
import av.bitstream
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras.rtp import (
    H264,
    H265,
    FrameTooLarge,
    Jpeg,
    Mpeg4,
    Reorderer,
    depacketizer,
    parse_packet,
)

FILES = {"h264": "libx264.mp4", "hevc": "libx265.mp4", "mpeg4": "mpeg4.avi", "mjpeg": "mjpeg.avi"}
MOST = 1 << 20


def packets_of(clip, frames=25):
    """The RTP packets that libav makes of a clip's first frames, by way of a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, av.open(str(clip)) as source:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.2)
        port = receiver.getsockname()[1]
        received = []
        with av.open(f"rtp://127.0.0.1:{port}?pkt_size=1200", "w", format="rtp") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for number, packet in enumerate(source.demux(source.streams.video[0])):
                if number == frames or packet.size == 0:
                    break
                packet.stream = stream
                target.mux(packet)
                while True:  # between two frames, so that the socket's buffer never fills
                    try:
                        received.append(receiver.recv(65_536))
                    except TimeoutError:
                        break
                    if received[-1][1] & 0x80:
                        break
        return [packet for packet in map(parse_packet, received) if packet.payload_type != 72]  # 72: RTCP


@pytest.fixture(scope="module")
def streams(clips):
    # Packetisers take JPEGs with the standard's own Huffman tables only.
    with av.open(str(clips / "libx264.mp4")) as source, av.open(str(clips / "mjpeg.avi"), "w") as target:
        stream = target.add_stream("mjpeg", rate=10, options={"huffman": "default"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuvj420p"
        stream.codec_context.thread_count = 1
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="yuvj420p")))
        target.mux(stream.encode(None))
    return {codec: packets_of(clips / name) for codec, name in FILES.items()}


def extradata(clips, codec):
    with av.open(str(clips / FILES[codec])) as container:
        return container.streams.video[0].codec_context.extradata or b""


def make(codec, clips, most=MOST):
    if codec == "mpeg4":
        return Mpeg4(most, extradata(clips, codec))
    if codec == "mjpeg":
        return Jpeg(most)
    # An MP4 keeps its parameter sets in its head; a camera tells them in the description of the session.
    with av.open(str(clips / FILES[codec])) as container:
        stream = container.streams.video[0]
        annex_b = av.bitstream.BitStreamFilterContext(f"{codec}_mp4toannexb", in_stream=stream)
        first = next(iter(annex_b.filter(next(container.demux(stream)))))
    units = [unit for unit in bytes(first).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    if codec == "h264":
        sets = [unit for unit in units if unit[0] & 0x1F in (7, 8)]
        parameters = {"sprop-parameter-sets": ",".join(base64.b64encode(unit).decode() for unit in sets)}
        return depacketizer("H264", parameters, most)
    names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
    parameters = {
        names[unit[0] >> 1 & 0x3F]: base64.b64encode(unit).decode() for unit in units if unit[0] >> 1 & 0x3F in names
    }
    return depacketizer("H265", parameters, most)


def slices(frame):
    """The coded picture alone: H.264 says things beside it (SEI) that a visit may well miss."""
    if frame.codec != "h264":
        return frame.content
    return [unit for unit in frame.content.split(b"\0\0\0\1") if unit and unit[0] & 0x1F in (1, 5)]


def key_frames(machine, packets):
    return [frame for packet in packets if (frame := machine.feed(packet)) is not None]


def decode(frame):
    if frame.codec == "mjpeg":
        return cv2.imdecode(np.frombuffer(frame.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    context = av.CodecContext.create(frame.codec, "r")
    pictures = context.decode(av.Packet(frame.content)) + context.decode(None)
    assert len(pictures) == 1
    return pictures[0].to_ndarray()[: pictures[0].height]


def reference(clip):
    """The luma of a clip's first key frame, decoded the usual way."""
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        return frame.to_ndarray()[: frame.height]


@pytest.mark.parametrize("codec", FILES)
def test_key_frames_come_out_as_they_went_in(codec, clips, streams):
    frames = key_frames(make(codec, clips), streams[codec])
    assert len(frames) == (25 if codec == "mjpeg" else 3)
    picture, expected = decode(frames[0]), reference(clips / FILES[codec])
    assert picture.shape[1] == 320
    difference = np.abs(picture[:240].astype(int) - expected[:240].astype(int))
    assert difference.max() <= (2 if codec == "mjpeg" else 0)  # two JPEG decoders may round differently


@pytest.mark.parametrize("codec", FILES)
def test_a_key_frame_with_a_packet_missing_is_never_handed_on(codec, clips, streams):
    whole = [slices(frame) for frame in key_frames(make(codec, clips), streams[codec])]
    rng = random.Random(11)
    for _ in range(40):
        kept = [packet for packet in streams[codec] if rng.random() > 0.05]
        assert all(slices(frame) in whole for frame in key_frames(make(codec, clips), kept))


@pytest.mark.parametrize("codec", FILES)
def test_joining_in_the_middle_of_a_frame_waits_for_the_next_whole_one(codec, clips, streams):
    whole = [slices(frame) for frame in key_frames(make(codec, clips), streams[codec])]
    for start in range(1, 40):
        frames = key_frames(make(codec, clips), streams[codec][start:])
        assert [slices(frame) for frame in frames] == whole[len(whole) - len(frames) :]


@pytest.mark.parametrize("codec", FILES)
def test_disorder_within_the_window_changes_nothing(codec, clips, streams):
    rng = random.Random(5)
    mixed = list(streams[codec])
    for at in range(2, len(mixed) - 8, 8):
        piece = mixed[at : at + 8]
        rng.shuffle(piece)
        mixed[at : at + 8] = piece
    order = Reorderer()
    ordered = [ready for packet in mixed for ready in order.push(packet)]
    assert ordered == streams[codec]


def test_the_reorderer_gives_up_what_is_missing_and_drops_what_is_late(streams):
    packets = streams["h264"]
    order = Reorderer(window=4)
    got = [ready for packet in packets[:3] + packets[4:] for ready in order.push(packet)]
    assert got == packets[:3] + packets[4:]
    assert order.push(packets[3]) == []


def as_bytes(packet):
    head = bytes([0x80, packet.payload_type | packet.marker << 7])
    return head + packet.sequence.to_bytes(2, "big") + packet.timestamp.to_bytes(4, "big") + bytes(4) + packet.payload


def taken(machine, packets):
    """What a machine makes of packets where they lie in a buffer, one behind the other."""
    frames = []
    for packet in packets:
        buffer = bytearray(b"before" + as_bytes(packet) + b"behind")
        frame = machine.take(packet.payload_type, buffer, 6, len(buffer) - 6)
        assert machine.take(packet.payload_type ^ 1, buffer, 6, len(buffer) - 6) is None
        frames += [] if frame is None else [frame]
    return frames


@pytest.mark.parametrize("delimiters", [False, True])
@pytest.mark.parametrize("codec", FILES)
def test_a_look_at_the_head_is_enough_for_most_packets(codec, clips, streams, delimiters):
    """The short way through gives what the long one gives: whole, with losses, joined anywhere."""
    packets = streams[codec]
    if delimiters and codec in ("h264", "hevc"):
        unit = b"\x09\xf0" if codec == "h264" else b"\x46\x01\x50"
        packets = with_delimiters(packets, unit)
    rng = random.Random(23)
    for loss in (0, 0.02, 0.1):
        for start in range(0, 60, 7):
            kept = [packet for packet in packets[start:] if rng.random() >= loss]
            short, long = make(codec, clips), make(codec, clips)
            assert taken(short, kept) == key_frames(long, kept)
            assert (short.packets, short.pictures) == (long.packets, long.pictures)
            assert (short.rate.pictures, short.rate.intervals) == (long.rate.pictures, long.rate.intervals)


def with_delimiters(packets, unit):
    """A delimiter before each picture."""
    found, last = [], None
    for packet in packets:
        if packet.timestamp != last:
            found.append(replace(packet, payload=unit, marker=False))
        found.append(packet)
        last = packet.timestamp
    return [replace(packet, sequence=number & 0xFFFF) for number, packet in enumerate(found)]


def test_sequence_numbers_wrap_around(clips, streams):
    first = streams["h264"][0].sequence
    moved = [replace(packet, sequence=(packet.sequence - first + 65_530) & 0xFFFF) for packet in streams["h264"]]
    order = Reorderer()
    ordered = [ready for packet in moved for ready in order.push(packet)]
    assert len(key_frames(make("h264", clips), ordered)) == 3


def test_a_stream_without_markers_still_has_frames(clips, streams):
    packets = [replace(packet, marker=False) for packet in streams["h264"]]
    assert len(key_frames(make("h264", clips), packets)) == 3


def test_a_jpeg_with_restart_markers_is_put_together_again():
    picture = np.add.outer(np.arange(96), np.arange(160)).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_RST_INTERVAL, 4, cv2.IMWRITE_JPEG_QUALITY, 60]
    jpeg = cv2.imencode(".jpg", cv2.merge([picture] * 3), options)[1].tobytes()
    scan = jpeg[jpeg.index(b"\xff\xda") + 14 :]
    machine, frame = Jpeg(MOST), None
    for offset in range(0, len(scan), 500):
        piece = scan[offset : offset + 500]
        head = bytes([0, *offset.to_bytes(3, "big"), 0x40 | 1, 60, 160 // 8, 96 // 8]) + b"\x00\x04\xff\xff"
        marker = 0x80 if offset + 500 >= len(scan) else 0
        data = bytes([0x80, 26 | marker, 0, offset // 500, *bytes(8)]) + head + piece
        frame = machine.feed(parse_packet(data))
    assert np.array_equal(decode(frame), cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize("codec", FILES)
def test_a_frame_above_the_limit_says_so(codec, clips, streams):
    with pytest.raises(FrameTooLarge):
        key_frames(make(codec, clips, most=2000), streams[codec])


PACKET = st.builds(
    lambda head, sequence, stamp, payload: (
        bytes(
            [0x80 | head & 0x3F, 96 | head & 0x80, *sequence.to_bytes(2, "big"), *stamp.to_bytes(4, "big"), 0, 0, 0, 0]
        )
        + payload
    ),
    st.integers(0, 255),
    st.integers(0, 8),
    st.integers(0, 2),
    st.binary(max_size=64),
)


@given(st.lists(PACKET, max_size=30), st.sampled_from([H264, H265, Jpeg, Mpeg4]))
def test_any_packets_give_a_frame_or_none(packets, kind):
    machine = kind(1 << 16)
    for data in packets:
        if (packet := parse_packet(data)) is not None:
            machine.feed(packet)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_none(data):
    packet = parse_packet(data)
    assert packet is None or len(packet.payload) <= len(data) - 12


@given(st.sampled_from(["h264", "H265", "HEVC", "MP4V-ES", "JPEG", "VP8", ""]), st.text(max_size=40))
def test_any_format_parameters_are_taken_or_passed_over(name, text):
    depacketizer(name, {"sprop-parameter-sets": text, "sprop-sps": text, "config": text}, MOST)
