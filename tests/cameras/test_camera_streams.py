"""What is learned of a stream on the way, and the habits of cameras that it must be learned in spite of."""

import asyncio
import math
import socket

import pytest
from camera_kit import ask
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras import rtsp
from citywatch.adapters.cameras.answers import Stream, VisitFailure
from citywatch.adapters.cameras.clocks import SUSPECT_ASKS, ClockWatch
from citywatch.adapters.cameras.link import Link, NotRtsp
from citywatch.adapters.cameras.pipe import Report
from citywatch.adapters.cameras.remembered import Memory
from citywatch.adapters.cameras.sdp import control_url, parse_video_track
from citywatch.adapters.cameras.stream_time import FrameRate, date_offset_ns, sender_report_offset_ns
from citywatch.domain.pictures import NO_OFFSET, Outcome, VisitReason
from citywatch.testing import cameras
from citywatch.testing.scripted_rtsp import Script, ScriptedCamera, sender_report

# ---- counting pictures


def rate_of(timestamps, gaps=(), clock_hz=90_000):
    rate = FrameRate(clock_hz)
    for number, timestamp in enumerate(timestamps):
        rate.see(timestamp & 0xFFFF_FFFF, number not in gaps)
    return rate


def test_the_rate_is_intervals_over_the_time_of_the_stream():
    assert rate_of(range(0, 36_000, 3600)).fps == pytest.approx(25)
    assert rate_of(range(2**32 - 9000, 2**32 + 9000, 3600)).fps == pytest.approx(25)  # the timestamp wraps around
    assert rate_of([0, 10_800, 3600, 7200, 21_600, 14_400, 18_000]).fps == pytest.approx(25)  # pictures out of order
    assert rate_of([0, 3600, 7200, 10_800, 50_000_000, 50_003_600, 50_007_200]).fps == pytest.approx(25)  # a jump
    assert rate_of([0, 3600, 7200, 90_000, 93_600, 97_200], gaps=[3]).fps == pytest.approx(25)  # packets were lost


def test_too_few_pictures_tell_nothing():
    assert math.isnan(rate_of([]).fps)
    assert math.isnan(rate_of([0, 3600, 7200]).fps)  # two intervals
    assert rate_of([0, 3600, 7200, 10_800]).fps == pytest.approx(25)
    assert rate_of([0, 180_000]).fps == pytest.approx(0.5)  # one interval, but of two seconds
    assert math.isnan(rate_of([5, 5, 5, 5]).fps)  # a stream without a time


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5, 12, 25, 30, 60]), st.integers(5, 60))
def test_any_beginning_gives_the_same_rate(first, fps, pictures):
    assert rate_of([first + 90_000 * n // fps for n in range(pictures)]).fps == pytest.approx(fps, rel=0.01)


def test_counting_anew_begins_with_the_last_picture():
    rate = rate_of(range(0, 36_000, 3600))
    rate.restart()
    assert math.isnan(rate.fps)
    for timestamp in range(39_600, 90_000, 7200):
        rate.see(timestamp, True)
    assert rate.fps == pytest.approx(12.5, rel=0.1)
    assert rate.pictures == 17


# ---- the stream's clock


def test_asender_report_tells_the_clock():
    report = sender_report(1_800_000_000.25, 0)
    assert sender_report_offset_ns(report, 1_800_000_000_000_000_000) == pytest.approx(250_000_000, abs=2)
    description = b"\x81\xca\x00\x01" + bytes(4)
    assert sender_report_offset_ns(description + report, 0) > 0  # behind another packet
    for nothing in (b"", report[:12], description, bytes(28), sender_report(-2_208_988_000, 0)):
        assert sender_report_offset_ns(nothing, 0) == NO_OFFSET  # the last one: seconds since it was switched on


@given(st.binary(max_size=80))
def test_any_bytes_are_a_report_or_none(data):
    assert isinstance(sender_report_offset_ns(data, 0), int)


NOON_NS = 1_800_000_000_000_000_000  # 15 January 2027, 08:00 UTC


@pytest.mark.parametrize(
    ("told", "offset_s"),
    [
        ("Fri, 15 Jan 2027 08:00:00 GMT", 0.5),
        ("Fri, Jan 15 2027 07:59:00 GMT", -59.5),  # the month first, as some libraries have it
        ("Friday, 15-Jan-2027 08:00:20 GMT", 20.5),
        ("Fri, 15 Jan 2027 16:00:04 GMT", 4.5),  # Beijing, called GMT
        ("Fri, 15 Jan 2027 13:45:00 GMT", 0.5),  # Kathmandu
        ("Fri, 15 Jan 2027 08:20:00 GMT", 1200.5),  # no zone
        ("Thu, 01 Jan 1970 00:00:10 GMT", -1_799_999_989.5),
    ],
)
def test_the_date_of_an_answer_tells_the_device_clock_but_for_its_zone(told, offset_s):
    assert date_offset_ns(told, NOON_NS) / 1e9 == pytest.approx(offset_s)


@given(st.text(max_size=60))
def test_what_is_no_date_is_no_clock(text):
    assert isinstance(date_offset_ns(text, NOON_NS), int)
    assert date_offset_ns("Fri, 32 Foo 2027 08:00:00 GMT", NOON_NS) == NO_OFFSET


def test_a_date_is_believed_when_it_runs_and_no_other_clock_speaks_against_it():
    watch = ClockWatch()
    assert watch.heard(Stream(date_offset_ns=-100_000_000_000)) == NO_OFFSET
    assert watch.heard(Stream(date_offset_ns=-101_000_000_000)) == -101_000_000_000
    assert watch.heard(Stream(date_offset_ns=-401_000_000_000)) == NO_OFFSET  # it stands still
    assert watch.heard(Stream()) == NO_OFFSET
    for _ in range(3):  # the stream has told another clock
        told = watch.heard(Stream(date_offset_ns=-100_000_000_000, stream_offset_ns=0))
    assert told == NO_OFFSET


def test_a_visit_now_and_then_stays_for_the_clock_and_suspects_do():
    watch = ClockWatch()
    due = [visit for visit in range(1, 300) if watch.is_due(visit, 7, 100, frozenset())]
    assert due == [93, 193, 293]
    assert not watch.is_due(1, 99, 100, frozenset())  # a new camera is looked at first
    watch.asks = SUSPECT_ASKS
    for visit in range(1, 1 + SUSPECT_ASKS):
        assert watch.is_due(visit, 7, 100, frozenset())
        watch.heard(Stream())
    assert not watch.is_due(5, 7, 100, frozenset())
    assert [v for v in range(1, 40) if watch.is_due(v, 7, 100, frozenset({"clock_wrong"}))] == [12, 24, 36]


def test_a_clock_that_is_right_does_not_acquit_the_other():
    watch, suspected = ClockWatch(), frozenset({"clock_wrong"})
    asked = [visit for visit in range(1, 30) if watch.asks_device(visit, 12, frozenset())]
    assert asked == [1, 13, 25]
    for visits in range(1, 50):
        assert watch.asks_device(visits, 12, suspected) == watch.is_due(visits, 7, 100, suspected)
    watch.asks = SUSPECT_ASKS
    assert watch.asks_device(5, 12, suspected)
    assert watch.asks_device(5, 12, frozenset())


def test_patience_doubles_with_visits_that_see_no_key_frame():
    memory = Memory("c")
    waits = []
    for reason in ("no_key_frame",) * 4 + ("decoder_died", "ok"):
        waits.append(memory.patience_s(10.0, 60.0))
        outcome = Outcome.PICTURE if reason == "ok" else Outcome.UNCHECKED
        memory.remember(Report(int(outcome), reason), "")
    assert waits == [10, 20, 40, 60, 60, 60]
    assert memory.patience_s(10.0, 60.0) == 10
    assert memory.patience_s(90.0, 60.0) == 90


def test_the_declared_rate_stands_in_the_description():
    text = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=framerate:{}\r\n"
    assert parse_video_track(text.format("12.5")).fps == 12.5
    assert math.isnan(parse_video_track(text.format("0")).fps)
    assert math.isnan(parse_video_track(text.format("fast")).fps)
    assert parse_video_track("m=video 0 RTP/AVP 97\na=rtpmap:97 H265/8000\n").clock_hz == 8000
    assert control_url("rtsp://h/cam?channel=1&subtype=0", "trackID=0") == "rtsp://h/cam?channel=1&subtype=0/trackID=0"


# ---- visits


@pytest.fixture
def visit(runner, clips):
    """Ask a scripted camera; (answer or failure, camera)."""

    def visit(script, **options):
        async def within():
            async with ScriptedCamera(clips / "libx264.mp4", script) as camera:
                try:
                    return await ask(camera.url(), **options), camera
                except VisitFailure as failure:
                    return failure, camera

        return runner.run(within())

    return visit


def test_a_visit_tells_rate_declared_rate_and_clock(visit):
    answer, _ = visit(Script(fps=20, pace_s=0.01, first=1, declared_fps=25, clock_offset_s=-3600))
    assert answer.media.codec == "h264"
    assert answer.stream.fps == pytest.approx(20, rel=0.01)
    assert answer.stream.fps_declared == 25
    assert answer.stream.stream_offset_ns / 1e9 == pytest.approx(-3600, abs=1)


def test_a_visit_may_stay_until_the_stream_has_told_its_clock(visit, monkeypatch):
    monkeypatch.setattr(rtsp, "RATE_WAIT_S", 0.0)
    late = Script(pace_s=0.01, clock_offset_s=60, reports_from=20, date_offset_s=60)
    answer, _ = visit(late)
    assert answer.stream.stream_offset_ns == NO_OFFSET
    assert answer.stream.date_offset_ns / 1e9 == pytest.approx(60, abs=1)
    answer, camera = visit(late, report_wait_s=5.0)
    assert answer.stream.stream_offset_ns / 1e9 == pytest.approx(60, abs=1)
    assert camera.sent < 100
    answer, _ = visit(Script(pace_s=0.01, stops_after=2), report_wait_s=0.05)
    assert answer.stream.stream_offset_ns == NO_OFFSET


def test_what_a_stream_does_not_say_is_not_known(visit, monkeypatch):
    monkeypatch.setattr(rtsp, "RATE_WAIT_S", 0.3)
    answer, _ = visit(Script(stops_after=1))
    assert math.isnan(answer.stream.fps)  # a key frame at once, and nothing after it
    assert math.isnan(answer.stream.fps_declared)
    assert answer.stream.stream_offset_ns == NO_OFFSET
    assert answer.stream.columns() == {}


def test_a_key_frame_at_once_is_followed_by_a_little_counting(visit):
    answer, camera = visit(Script(fps=25))
    assert answer.stream.fps == pytest.approx(25, rel=0.01)
    assert camera.sent < 25 * rtsp.RATE_WAIT_S


QUIRKS = {
    "channels numbered anew": Script(pace_s=0.005, channels=(4, 9), first=3, clock_offset_s=5),
    "no parameter sets in the description": Script(pace_s=0.005, sprop=False, first=3),
    "parameter sets in the description alone": Script(pace_s=0.005, in_band=False, first=3),
    "no base of the controls": Script(pace_s=0.005, content_base=False),
    "padding": Script(pace_s=0.005, padding=7),
    "requests of its own": Script(pace_s=0.05, asks=True, first=1),
}


@pytest.mark.parametrize("habit", QUIRKS)
def test_habits_of_cameras(visit, habit):
    script = QUIRKS[habit]
    answer, camera = visit(script)
    assert answer.media.codec == "h264", answer
    assert (answer.stream.stream_offset_ns != NO_OFFSET) == (script.clock_offset_s is not None)
    assert camera.requests[-1] == "TEARDOWN"


STALLED = {
    "silence": (Script(first=1, stops_after=3, pace_s=0.01), Outcome.NO_MEDIA, VisitReason.STALLED),
    "the end": (Script(first=1, hangs_up_after=3, pace_s=0.01), Outcome.NO_MEDIA, VisitReason.STALLED),
    "the end before a picture": (Script(hangs_up_after=0), Outcome.NO_MEDIA, VisitReason.NO_FRAMES),
    "nothing at all": (Script(stops_after=0), Outcome.NO_MEDIA, VisitReason.NO_FRAMES),
    "no end of deltas": (Script(fps=4, first=1, pace_s=0.2), Outcome.UNCHECKED, VisitReason.NO_KEY_FRAME),
}


@pytest.mark.parametrize("way", STALLED)
def test_media_that_flowed_and_stopped_has_stalled(visit, way):
    script, outcome, reason = STALLED[way]
    failure, _ = visit(script, media_timeout_seconds=0.8, stalled_seconds=0.4)
    assert (failure.outcome, failure.reason) == (outcome, reason)
    assert math.isnan(failure.stream.fps) or failure.stream.fps == pytest.approx(script.fps, rel=0.01)


# ---- the link


def test_packets_and_messages_may_be_cut_anywhere(runner):
    packet = b"$\x00\x00\x05hello"
    content = packet + b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc\r\n" + packet

    async def at_once(size):
        got = []

        async def handle(reader, writer):
            for at in range(0, len(content), size):
                writer.write(content[at : at + size])
                await writer.drain()
                await asyncio.sleep(0)

        async with cameras.TcpServer(handle) as server:
            connected = socket.create_connection(("127.0.0.1", server.port))
            connected.setblocking(False)
            link = Link(connected, lambda channel, buffer, start, end: got.append(bytes(buffer[start:end])))
            messages = []
            while len(got) < 2:
                while (message := link.take()) is not None:
                    messages.append(message)
                if len(got) < 2:
                    await link.fill()
            link.close()
        return got, messages

    for size in (1, 7, 1000):
        got, messages = runner.run(at_once(size))
        assert got == [b"hello", b"hello"]
        assert [(message.status, message.body, message.first("cseq")) for message in messages] == [(200, b"abc", "1")]


def test_what_is_no_rtsp_is_refused_without_waiting_for_more(runner):
    async def refuse(content):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            link = Link(ours, lambda *packet: None)
            theirs.sendall(content)
            await link.fill()
            with pytest.raises(NotRtsp):
                link.take()

    for content in (b"SSH-2.0-x\r\n", b"y" * 20_000, b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n"):
        runner.run(refuse(content))
