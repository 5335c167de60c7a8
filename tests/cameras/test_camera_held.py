"""Streams that are held open: looks now and then, every end of a stream, and sessions that must be kept alive."""

import asyncio
import itertools

import pytest
from camera_kit import CountingMeter, config, until

from citywatch.adapters.cameras import held
from citywatch.adapters.cameras.answers import Answer, VisitFailure
from citywatch.adapters.cameras.visit import Visitor
from citywatch.domain.pictures import Outcome, VisitReason
from citywatch.testing.scripted_rtsp import Script, ScriptedCamera


@pytest.fixture
def meter():
    return CountingMeter()


@pytest.fixture
def hold(runner, clips, meter, monkeypatch):
    """Run a test against a held stream of a scripted camera."""
    monkeypatch.setattr(held, "PAUSES_S", (0.05, 0.1))

    def hold(script, test, every_s=0.0, **options):
        async def within():
            async with ScriptedCamera(clips / "libx264.mp4", script) as camera, Visitor() as visitor:
                described = config(camera.url(), **{"look": "key_frames"} | options)
                async with visitor.hold(described, meter, every_s=every_s) as stream:
                    return await asyncio.wait_for(test(stream, camera), 20)

        return runner.run(within())

    return hold


def test_key_frames_come_one_after_the_other_over_one_connection(hold, meter):
    async def test(stream, camera):
        looks = [await stream.next_look() for _ in range(4)]
        assert all(isinstance(look.answer, Answer) for look in looks)
        assert {look.answer.media.codec for look in looks} == {"h264"}
        assert sum(look.pictures for look in looks[1:]) == pytest.approx(30, abs=8)  # a key frame every ten pictures
        assert looks[1].at_ns < looks[2].at_ns
        assert looks[2].answer.stream.fps == pytest.approx(25, rel=0.01)
        assert camera.connections == 1

    hold(Script(pace_s=0.04), test)
    assert meter.counts == {}


def test_looks_are_no_closer_than_asked_for(hold):
    async def test(stream, camera):
        await stream.next_look()
        sent = camera.sent
        look = await stream.next_look()
        assert camera.sent - sent >= 30
        assert look.pictures >= 25

    hold(Script(pace_s=0.01), test, every_s=0.5, look="all_frames")


@pytest.mark.parametrize("look", ["all_frames", "key_frames"])
def test_the_rate_is_that_of_the_pictures_since(hold, look):
    async def test(stream, camera):
        await stream.next_look()
        answer = (await stream.next_look()).answer
        assert answer.stream.fps == pytest.approx(12.5, rel=0.01)

    hold(Script(fps=12.5, pace_s=0.01), test, every_s=0.3, look=look)


def test_what_nobody_fetches_gives_way_to_what_is_newer(hold, meter):
    async def test(stream, camera):
        await until(lambda: meter.counts.get(("held_looks_dropped_total",), 0) >= 3)
        first = await stream.next_look()
        assert isinstance(first.answer, Answer)

    hold(Script(pace_s=0.005), test)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(pace_s=0.01, stops_after=15), VisitReason.STALLED),
        (Script(pace_s=0.01, hangs_up_after=15), VisitReason.STALLED),
        (Script(stops_after=0), VisitReason.NO_FRAMES),
    ],
)
def test_a_stream_that_is_lost_is_told_and_asked_again(hold, meter, script, reason):
    async def test(stream, camera):
        failures = []
        while len(failures) < 2:
            answer = (await stream.next_look()).answer
            if isinstance(answer, VisitFailure):
                failures.append((answer.outcome, answer.reason))
        assert failures == [(Outcome.NO_MEDIA, reason)] * 2
        assert camera.connections >= 2
        assert camera.requests.count("TEARDOWN") >= (script.hangs_up_after is None)

    hold(script, test, media_timeout_seconds=0.5, stalled_seconds=0.3)
    assert meter.counts[("held_streams_lost_total", str(reason))] >= 2


def test_a_camera_that_is_gone_is_asked_at_growing_distances(runner, meter, monkeypatch):
    monkeypatch.setattr(held, "PAUSES_S", (0.02, 0.2))

    async def test():
        async with Visitor() as visitor, visitor.hold(config("rtsp://127.0.0.1:1/x"), meter, every_s=1) as stream:
            looks = [await stream.next_look() for _ in range(4)]
        assert [look.answer.reason for look in looks] == [VisitReason.REFUSED] * 4
        steps = [(after.at_ns - before.at_ns) / 1e9 for before, after in itertools.pairwise(looks)]
        assert steps[0] < 0.15 < steps[1]

    runner.run(test())


def test_pictures_without_a_key_frame_are_said_and_waited_for(hold):
    async def test(stream, camera):
        answer = (await stream.next_look()).answer
        assert (answer.outcome, answer.reason) == (Outcome.UNCHECKED, VisitReason.NO_KEY_FRAME)
        assert isinstance((await stream.next_look()).answer, Answer)
        assert camera.connections == 1

    hold(Script(first=1, pace_s=0.1), test, media_timeout_seconds=0.5)


@pytest.mark.parametrize("get_parameter", [True, False])
def test_a_session_is_kept_alive(hold, get_parameter):
    async def test(stream, camera):
        await until(
            lambda: camera.requests.count("GET_PARAMETER" if get_parameter else "OPTIONS") >= 2 + (not get_parameter)
        )
        assert camera.connections == 1
        assert isinstance((await stream.next_look()).answer, Answer)

    hold(Script(pace_s=0.02, session_s=1, get_parameter=get_parameter), test)


def test_only_streams_are_held(runner, meter):
    async def test():
        async with Visitor() as visitor:
            visitor.hold(config("/a/file.mp4"), meter, every_s=1)

    with pytest.raises(ValueError, match="only an rtsp"):
        runner.run(test())
