"""Every way in which a visit can end, with real files, a real RTSP server, and servers that misbehave."""

import itertools
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from camera_kit import ask, serve
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras.answers import VisitFailure
from citywatch.adapters.cameras.decode import claimed_size
from citywatch.domain.pictures import VisitReason
from citywatch.testing import cameras
from citywatch.testing.cameras import SnapshotServer, deaf_port, rtsp_script
from citywatch.testing.scenes import Street

# ---- files


@pytest.mark.parametrize("name", ["libx264.mp4", "libx265.mp4", "mpeg4.avi", "mjpeg.avi"])
def test_a_file_gives_its_next_key_frame_at_each_visit_and_then_ends(visits, clips, name):
    pictures = 40 if name == "mjpeg.avi" else 4
    rows = visits(clips / name, visits=pictures + 2)
    assert [row.verdict for row in rows[:pictures]] == [("picture", "ok")] * pictures
    assert [row.verdict for row in rows[pictures:]] == [("unchecked", "end_of_file")] * 2
    shown = [row.media_ns for row in rows[:pictures]]
    step = 100_000_000 if name == "mjpeg.avi" else 1_000_000_000
    assert np.diff(shown).tolist() == [step] * (pictures - 1)
    assert (rows[0].width, rows[0].height) == (320, 240)
    assert rows[0].previous == ""
    assert rows[0].previous_at_ns == -1
    for before, row in itertools.pairwise(rows[:pictures]):
        assert (row.previous, row.previous_at_ns) == (before.picture, before.media_ns)
        assert row.changed_share >= 0
    assert all(row.cpu_us > 0 for row in rows[:pictures])
    assert [row.visit for row in rows] == list(range(1, pictures + 3))


def test_a_stream_without_times_is_followed_by_counting(visits, clips, tmp_path):
    """A bare H.264 file: its packets carry no times of their own."""
    with av.open(str(clips / "libx264.mp4")) as source, av.open(str(tmp_path / "bare.h264"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    rows = visits(tmp_path / "bare.h264", visits=5)
    assert [row.reason for row in rows] == ["ok"] * 4 + ["end_of_file"]
    assert len({row.picture for row in rows[:4]}) == 4


def test_real_footage(visits, shared_data):
    rows = visits(shared_data / "video" / "car-detection.mp4", visits=3)
    assert [(row.reason, row.width, row.height) for row in rows] == [("ok", 768, 432)] * 3
    rows = visits(shared_data / "video" / "bgslibrary_video02_highway_osd.avi", visits=4)
    assert [row.reason for row in rows] == ["ok"] * 3 + [
        "end_of_file"
    ]  # 3 key frames, and empty packets marked as such
    rows = visits(shared_data / "video" / "ccpd_demo_1.jpg", visits=2)
    assert [(row.reason, row.width) for row in rows] == [("ok", 720), ("end_of_file", 0)]


def test_a_file_that_is_missing_or_no_file(visits, tmp_path):
    fifo = tmp_path / "fifo.mp4"
    os.mkfifo(fifo)  # opening it would wait for a writer, for ever
    for path in (tmp_path / "nothing.mp4", tmp_path, fifo, f"file://{tmp_path}/nothing.mp4"):
        assert visits(path)[0].verdict == ("unreachable", "file_not_found")


def hostile_files(folder, clips):
    whole = (clips / "libx264.mp4").read_bytes()
    rng = random.Random(3)
    (folder / "text.txt").write_text("This is no picture.\n" * 50)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "noise.mp4").write_bytes(rng.randbytes(200_000))
    (folder / "head.mp4").write_bytes(whole[:64] + rng.randbytes(50_000))
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])  # its index stands at the end
    (folder / "cut.jpg").write_bytes(cv2.imencode(".jpg", Street(7, 320, 240).picture(0))[1].tobytes()[:4000])
    (folder / "noise.jpg").write_bytes(b"\xff\xd8\xff\xe0" + rng.randbytes(5000) + b"\xff\xd9")
    # A playlist would make libav open what it names: other files, other hosts.
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{clips}/libx264.mp4\n#EXT-X-ENDLIST\n"
    (folder / "list.m3u8").write_text(playlist)
    (folder / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile '{clips}/libx264.mp4'\n")
    (folder / "session.sdp").write_text("v=0\nm=video 40000 RTP/AVP 96\na=rtpmap:96 H264/90000\n")
    (folder / "sound.wav").write_bytes(
        b"RIFF" + struct.pack("<I", 36 + 8000) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
        + b"data" + struct.pack("<I", 8000) + bytes(8000)
    )  # fmt: skip
    return sorted(folder.iterdir())


def test_hostile_files_are_no_pictures(visits, clips, tmp_path):
    for path in hostile_files(tmp_path, clips):
        assert visits(path)[0].verdict == ("no_media", "not_a_picture"), path.name


def test_a_video_with_a_damaged_key_frame_goes_on_behind_it(visits, clips, tmp_path):
    with av.open(str(clips / "libx264.mp4")) as container:
        second = [packet for packet in container.demux(video=0) if packet.is_keyframe][1]
        at, size = second.pos, second.size
    content = bytearray((clips / "libx264.mp4").read_bytes())
    content[at + 6 : at + size] = bytes(size - 6)  # all but the first unit's length and head
    (tmp_path / "damaged.mp4").write_bytes(content)
    rows = visits(tmp_path / "damaged.mp4", visits=5)
    assert [row.reason for row in rows] == ["ok", "not_a_picture", "ok", "ok", "end_of_file"]


def test_a_file_without_a_key_frame(visits, clips, tmp_path):
    with av.open(str(clips / "libx264.mp4")) as source, av.open(str(tmp_path / "deltas.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size and not packet.is_keyframe:
                packet.stream = stream
                target.mux(packet)
    assert visits(tmp_path / "deltas.mkv")[0].verdict == ("no_media", "no_frames")


def test_mutilated_files_end_in_an_answer_and_kill_nobody(visits, clips, tmp_path):
    pids = visits.pool.process_ids().keys()
    rng = random.Random(17)
    for name in ("libx264.mp4", "libx265.mp4", "mpeg4.avi", "mjpeg.avi"):
        whole = (clips / name).read_bytes()
        for _ in range(12):
            content = bytearray(whole)
            for _ in range(rng.randrange(1, 200)):
                content[rng.randrange(len(content))] = rng.randrange(256)
            path = tmp_path / name
            path.write_bytes(content[: rng.randrange(len(content) // 4, len(content))])
            for row in visits(path, visits=2):
                assert row.reason in list(VisitReason)
                assert not row.reason.startswith("decoder_")
    assert visits.pool.process_ids().keys() == pids


# ---- sizes


def huge_png(width, height):
    """A PNG that claims a size without holding its pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def test_pictures_that_claim_to_be_huge(visits, tmp_path):
    for number, (width, height) in enumerate([(60_000, 60_000), (1_000_000, 100), (20_000, 20)]):
        path = tmp_path / f"{number}.png"
        path.write_bytes(huge_png(width, height))
        assert visits(path)[0].verdict == ("no_media", "too_large")


def test_a_video_that_claims_to_be_huge(visits, clips, tmp_path):
    content = (clips / "mjpeg.avi").read_bytes()
    size, huge = struct.pack(">HH", 240, 320), struct.pack(">HH", 65_000, 65_000)
    path = tmp_path / "huge.avi"
    path.write_bytes(content.replace(b"\xff\xc0\x00\x11\x08" + size, b"\xff\xc0\x00\x11\x08" + huge))
    assert visits(path)[0].verdict == ("no_media", "too_large")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_sizes_are_read_from_the_heads_of_pictures(suffix):
    picture = np.zeros((37, 53, 3), np.uint8)
    assert claimed_size(cv2.imencode(suffix, picture)[1].tobytes()) == (53, 37)
    if suffix == ".webp":
        lossless = cv2.imencode(suffix, picture, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
        assert claimed_size(lossless) == (53, 37)


@given(st.sampled_from([b"\xff\xd8", b"\x89PNG", b"BM", b"RIFF"]), st.binary(max_size=80))
def test_any_head_has_a_size_or_none(magic, rest):
    assert min(claimed_size(magic + rest)) >= 0


# ---- RTSP


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_gives_key_frames(visits, rtsp, transport):
    rows = visits(rtsp.url(), visits=3, transport=transport)
    assert [row.verdict for row in rows] == [("picture", "ok")] * 3
    assert [(row.width, row.height, row.media_ns) for row in rows] == [(320, 240, -1)] * 3
    assert rows[1].previous == rows[0].picture
    assert rows[1].previous_at_ns == rows[0].at_ns
    assert rows[2].changed_share >= 0


def test_rtsp_pictures_are_the_files_own(visits, rtsp, clips):
    """What comes over the network measures as what is in the file, to the bit."""
    on_disk = {row.picture for row in visits(clips / "libx264.mp4", visits=4)}
    assert {row.picture for row in visits(rtsp.url(), visits=2)} <= on_disk


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_h265(visits, clips, transport):
    with serve(clips / "libx265.mp4") as server:
        assert visits(server.url(), transport=transport)[0].verdict == ("picture", "ok")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_paths_without_pictures(visits, rtsp, transport):
    expected = {
        "silent": ("no_media", "no_frames"),
        "deltas": ("unchecked", "no_key_frame"),
        "nowhere": ("unreachable", "path_unknown"),
    }
    for path, verdict in expected.items():
        row = visits(rtsp.url(path), transport=transport, media_timeout_seconds=1.5)[0]
        assert row.verdict == verdict
        assert row.cpu_us == 0  # no decoder was held


@pytest.mark.parametrize("authentication", ["basic", "digest"])
def test_rtsp_with_authentication(visits, clips, authentication, tmp_path):
    password = "S3CR3T: p@ss/w#?"
    (tmp_path / "password").write_text(password + "\n")
    with serve(clips / "libx264.mp4", username="viewer", password=password, authentication=authentication) as server:
        assert visits(server.url())[0].verdict == ("unreachable", "authentication")
        wrong = server.url(username="viewer", password="wrong")
        assert visits(wrong)[0].verdict == ("unreachable", "authentication")
        assert visits(server.url(username="viewer", password=password))[0].verdict == ("picture", "ok")
        from_file = visits(server.url(), username="viewer", password_file=tmp_path / "password")
        assert from_file[0].verdict == ("picture", "ok")
        lost = visits(server.url(), username="viewer", password_file=tmp_path / "lost")
        assert lost[0].verdict == ("unchecked", "authentication")


SDP = b"v=0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 %s/90000\r\na=control:track1\r\n"


def answer(status=200, head=b"", body=b""):
    return b"RTSP/1.0 %d OK\r\nCSeq: {cseq}\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


@pytest.mark.parametrize(
    ("make", "verdict"),
    [
        (cameras.silent, ("no_media", "no_frames")),
        (cameras.hanging_up, ("no_media", "protocol_error")),
        (lambda: cameras.saying(os.urandom(65_536)), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"x" * 1_000_000), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"SSH-2.0-OpenSSH_9.2\r\n"), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 10_000), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"RTSP/1.0 200 OK\r\nContent-Length: 9999999999\r\n\r\n"),
         ("no_media", "protocol_error")),
        (lambda: rtsp_script(answer(), answer(500)), ("no_media", "protocol_error")),
        (lambda: rtsp_script(answer(), answer(403)), ("unreachable", "authentication")),
        (lambda: rtsp_script(answer(), answer(404)), ("unreachable", "path_unknown")),
        (lambda: rtsp_script(answer(501), answer(body=b"v=0\r\n")), ("no_media", "no_frames")),
        (lambda: rtsp_script(answer(), answer(body=SDP % b"VP8")), ("unchecked", "protocol_error")),
        (lambda: rtsp_script(answer(), answer(body=SDP % b"H264"), answer(461)), ("no_media", "protocol_error")),
        (lambda: rtsp_script(answer(), answer(body=SDP % b"H264"), answer(head=b"Session: 1\r\n"), answer()),
         ("no_media", "no_frames")),
        # A session id that would smuggle in a second request is cut off with its line.
        (lambda: rtsp_script(answer(), answer(body=SDP % b"H264"), answer(head=b"Session: a\tb\r\n"), answer()),
         ("no_media", "protocol_error")),
    ],
)  # fmt: skip
def test_servers_that_misbehave(visits, make, verdict):
    async def visit():
        async with make() as server:
            return (await visits.within(server.url(), media_timeout_seconds=0.8))[0]

    row = visits.runner.run(visit())
    assert row.verdict == verdict
    assert row.cpu_us == 0


def test_an_rtsp_key_frame_above_the_limit(visits, rtsp):
    assert visits(rtsp.url(), most_bytes=1024)[0].verdict == ("no_media", "too_large")


# ---- reachability


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_hosts_that_cannot_be_reached(visits, scheme):
    assert visits(f"{scheme}://no-such-host.invalid/x")[0].verdict == ("unreachable", "name_lookup")
    assert visits(f"{scheme}://127.0.0.1:1/x")[0].verdict == ("unreachable", "refused")
    with deaf_port() as port:
        row = visits(f"{scheme}://127.0.0.1:{port}/x", connect_timeout_seconds=0.5)[0]
    assert row.verdict == ("unreachable", "timed_out")


def test_a_tcp_address_is_reached_or_not_and_nothing_more(visits):
    async def visit():
        async with cameras.silent("tcp") as switch:
            return (await visits.within(switch.url("")))[0]

    row = visits.runner.run(visit())
    assert row.verdict == ("reached", "ok")
    assert (row.cpu_us, row.width, row.picture) == (0, 0, "")
    assert visits("tcp://127.0.0.1:1")[0].verdict == ("unreachable", "refused")
    assert visits("tcp://no-such-host.invalid:22")[0].verdict == ("unreachable", "name_lookup")
    with deaf_port() as port:
        row = visits(f"tcp://127.0.0.1:{port}", connect_timeout_seconds=0.5)[0]
    assert row.verdict == ("unreachable", "timed_out")


CHILD = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from hypothesis import given
from hypothesis import strategies as st
from camera_kit import ask
from citywatch.adapters.cameras.decode import claimed_size
from citywatch.adapters.cameras.answers import VisitFailure
for scheme in ("rtsp", "http"):
    try:
        asyncio.run(ask(f"{scheme}://127.0.0.1:9/x"))
    except VisitFailure as failure:
        print(failure.outcome.name, failure.reason.value)
"""


def test_a_host_without_a_way_to_it():
    """In a network namespace of its own, where not even the loopback device is up."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is missing: apt-get install -y util-linux")
    child = subprocess.run(
        [unshare, "-rn", sys.executable, "-c", CHILD, os.path.dirname(__file__)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "unshare" in child.stderr:
        pytest.skip(f"no network namespaces here: {child.stderr.strip()}")
    assert child.stdout.split("\n")[:2] == ["UNREACHABLE host_unreachable"] * 2, child.stderr


# ---- snapshots


def snapshot(visits, path, pictures, url_options=None, visits_made=1, server_options=None, **options):
    async def visit():
        async with SnapshotServer(pictures, **(server_options or {})) as server:
            url = server.url(path, **(url_options or {}))
            rows = await visits.within(url, visits_made, media_timeout_seconds=0.8, **options)
            return rows, server.requests

    return visits.runner.run(visit())


def test_snapshots_give_pictures(visits, jpeg):
    png = cv2.imencode(".png", Street(7, 320, 240).picture(0.0))[1].tobytes()
    for content in (jpeg, png):
        rows, requests = snapshot(visits, "s.jpg?ch=1", {"s.jpg": content}, visits_made=2)
        assert [(row.verdict, row.width) for row in rows] == [(("picture", "ok"), 320)] * 2
        assert rows[1].changed_share == 0
        assert rows[1].picture == rows[0].picture
        assert requests[0].startswith("GET /s.jpg?ch=1 HTTP/1.1")


@pytest.mark.parametrize("authentication", ["basic", "digest", "digest-sha-256"])
def test_snapshots_with_authentication(visits, jpeg, authentication):
    asked = {"username": "viewer", "password": "S3CR3T", "authentication": authentication}
    for credentials, verdict in (
        ("", ("unreachable", "authentication")),
        ("viewer:wrong@", ("unreachable", "authentication")),
        ("viewer:S3CR3T@", ("picture", "ok")),
    ):
        rows, requests = snapshot(
            visits, "s.jpg", {"s.jpg": jpeg}, url_options={"credentials": credentials}, server_options=asked
        )
        assert rows[0].verdict == verdict
        assert "authorization" not in requests[0].lower()  # nothing is sent before it is asked for


def test_snapshots_without_a_picture(visits, jpeg):
    pictures = {
        "page": b"<html><body>Log in</body></html>",
        "cut": jpeg[: len(jpeg) // 2],
        "empty": b"",
        "noise": b"\xff\xd8\xff" + random.Random(1).randbytes(3000) + b"\xff\xd9",
        "pixels": huge_png(50_000, 50_000),
    }
    expected = {
        "page": ("no_media", "not_a_picture"),
        "cut": ("no_media", "not_a_picture"),
        "empty": ("no_media", "not_a_picture"),
        "noise": ("no_media", "not_a_picture"),
        "pixels": ("no_media", "too_large"),
        "huge": ("no_media", "too_large"),
        "endless": ("no_media", "too_large"),
        "slow": ("no_media", "no_frames"),
        "nowhere": ("unreachable", "path_unknown"),
        "moved": ("no_media", "protocol_error"),
        "error": ("no_media", "protocol_error"),
    }
    for path, verdict in expected.items():
        rows, _ = snapshot(visits, path, pictures)
        assert rows[0].verdict == verdict, path


@pytest.mark.parametrize(
    ("make", "verdict"),
    [
        (lambda: cameras.silent("http"), ("no_media", "no_frames")),
        (lambda: cameras.hanging_up("http"), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"\x00\x01 noise\r\n\r\n" * 99, "http"), ("no_media", "protocol_error")),
        (lambda: cameras.saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, "http"),
         ("no_media", "protocol_error")),
        (lambda: cameras.silent("https"), ("unreachable", "timed_out")),
        (lambda: cameras.saying(b"no TLS at all\r\n", "https"), ("no_media", "protocol_error")),
    ],
)  # fmt: skip
def test_http_servers_that_misbehave(visits, make, verdict):
    async def visit():
        async with make() as server:
            return (await visits.within(server.url(), media_timeout_seconds=2, connect_timeout_seconds=1))[0]

    row = visits.runner.run(visit())
    assert row.verdict == verdict
    assert row.cpu_us == 0


# ---- secrets


def test_no_failure_names_a_secret(runner, rtsp):
    urls = [
        "rtsp://viewer:S3CR3T@no-such-host.invalid/x?token=S3CR3T",
        "http://viewer:S3CR3T@127.0.0.1:1/x?pwd=S3CR3T",
        "https://viewer:S3CR3T@127.0.0.1:1/x?pwd=S3CR3T",
        rtsp.url("nowhere?pwd=S3CR3T", username="viewer", password="S3CR3T"),
        rtsp.url("silent?key=S3CR3T", username="viewer", password="S3CR3T"),
    ]
    for url in urls:
        with pytest.raises(VisitFailure) as failure:
            runner.run(ask(url, media_timeout_seconds=0.5))
        chain = [failure.value, failure.value.__cause__]
        assert "S3CR3T" not in json.dumps([str(error) for error in chain])


def test_every_reason_has_its_test():
    """The reasons in the tests of visits, streams and decoders, against the list of all."""
    folder = Path(__file__).parent
    text = "".join((folder / f"test_camera_{part}.py").read_text() for part in ("visits", "streams", "decoders"))
    assert [reason for reason in VisitReason if reason.value not in text and reason.name not in text] == []
