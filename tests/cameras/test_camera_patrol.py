"""The patrol: everybody in turn, nobody held up, every row handed over."""

import asyncio
import json
import logging
import math

import pytest
from camera_kit import StepClock, config, until

from citywatch.adapters.cameras.config import CameraSettings, PatrolTerms
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pipe import Report
from citywatch.adapters.cameras.tally import needed
from citywatch.domain.events import Event, EventKind
from citywatch.domain.pictures import NO_OFFSET, UNKNOWN_PRESET, FrameBatch, Outcome
from citywatch.errors import ConfigurationError, LogFull, LogUnavailable
from citywatch.testing import cameras
from citywatch.testing.scripted_rtsp import Script, ScriptedCamera


class Takes:
    """Takes rows; refuses the first `refusals` times."""

    def __init__(self, refusals=0, error=LogFull):
        self.batches = []
        self.refusals = refusals
        self.error = error

    async def __call__(self, rows):
        if self.refusals:
            self.refusals -= 1
            raise self.error("not now")
        self.batches.append(rows)

    @property
    def rows(self):
        return FrameBatch.concat(self.batches)


def patrolled(visits, configs, takes, enough, **options):
    """Run a patrol until `enough()` holds; then stop it."""

    async def run():
        stop = asyncio.Event()
        async with Patrol(configs, visits.pool, StepClock(), takes, visits.meter, **options) as patrol:
            running = asyncio.create_task(patrol.run(stop))
            await until(lambda: enough() or running.done())
            stop.set()
            await asyncio.wait_for(running, 10)

    visits.runner.run(run())


def test_every_camera_is_visited_in_turn(visits, clips, jpeg):
    names = ("libx264.mp4", "libx265.mp4", "mpeg4.avi")
    configs = [config(clips / name, camera=name, visit_seconds=0.2) for name in names]
    takes = Takes()
    patrolled(visits, configs, takes, lambda: all(takes.rows.device.count(name) >= 5 for name in names))
    rows = takes.rows
    for name in names:
        mine = [row for row, device in enumerate(rows.device) if device == name]
        assert rows.visit[mine].tolist() == list(range(1, len(mine) + 1))
        assert [rows.reason[row] for row in mine[:5]] == ["ok"] * 4 + ["end_of_file"]
        assert (rows.received_ns[mine] > rows.at_ns[mine]).all()
    assert visits.meter.counts[("visits_total", "picture", "ok")] >= 12
    assert visits.meter.counts[("visits_total", "unchecked", "end_of_file")] >= 3
    assert visits.meter.counts[("visit_cpu_seconds_total",)] > 0


def test_dead_cameras_delay_nobody(visits, clips):
    """Two cameras that never answer, each for longer than the test lasts, beside one that is fine."""
    takes = Takes()

    async def run():
        async with cameras.silent() as rtsp, cameras.silent("http") as http:
            configs = [
                config(rtsp.url(), camera="dead-1", visit_seconds=0.1, media_timeout_seconds=60),
                config(http.url(), camera="dead-2", visit_seconds=0.1, media_timeout_seconds=60),
                config(clips / "mjpeg.avi", camera="fine", visit_seconds=0.1),
            ]
            stop = asyncio.Event()
            terms = PatrolTerms(visits_in_flight=3)
            async with Patrol(configs, visits.pool, StepClock(), takes, visits.meter, terms=terms) as patrol:
                running = asyncio.create_task(patrol.run(stop))
                await until(lambda: len(takes.rows) >= 10)
                assert rtsp.connections == http.connections == 1
                stop.set()
                await asyncio.wait_for(running, 10)

    visits.runner.run(run())
    assert set(takes.rows.device) == {"fine"}


class Running:
    """A patrol that runs while a test talks to it."""

    def __init__(self, visits, configs, takes, **options):
        self.takes = takes
        self.stop = asyncio.Event()
        self.patrol = Patrol(configs, visits.pool, StepClock(), takes, visits.meter, **options)

    async def __aenter__(self):
        await self.patrol.__aenter__()
        self.running = asyncio.create_task(self.patrol.run(self.stop))
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *error):
        self.stop.set()
        await asyncio.wait_for(self.running, 10)
        await self.patrol.__aexit__(*error)

    async def rows_of(self, camera, count):
        """The first `count` rows of a camera."""

        def mine():
            assert not self.running.done()
            rows = self.takes.rows
            return [row for row, device in enumerate(rows.device) if device == camera]

        await until(lambda: len(mine()) >= count)
        return self.takes.rows.take(mine()[:count])


def event(kind, camera, **data):
    return Event("id", kind, camera, 1, "", data)


def test_cameras_come_change_and_go_while_the_patrol_runs(visits, clips, jpeg):
    async def run():
        async with Running(visits, [], Takes()) as city, cameras.SnapshotServer({"s.jpg": jpeg}) as server:
            loop = asyncio.get_running_loop()
            began = loop.time()
            city.patrol.put(config(server.url("s.jpg"), camera="new"))
            row = await city.rows_of("new", 1)
            assert loop.time() - began < 5  # live within five seconds
            assert (row.visit[0], row.reason[0], row.width[0]) == (1, "ok", 320)
            # What people call it changes nothing.
            named = CameraSettings(**config(server.url("s.jpg"), camera="new").model_dump(), name="New")
            city.patrol.put(named)
            # Another address is visited at once, and not compared with what the old one showed.
            city.patrol.put(config(clips / "libx265.mp4", camera="new"))
            rows = await city.rows_of("new", 2)
            assert (rows.previous[1], rows.reason[1]) == ("", "ok")
            city.patrol.remove("new")
            city.patrol.remove("new")
            city.patrol.put(config(clips / "libx264.mp4", camera="other"))
            await city.rows_of("other", 1)
            assert city.patrol.report().cameras == 1
            assert city.takes.rows.device == ("new", "new", "other")

    visits.runner.run(run())


def test_a_camera_that_is_removed_or_changed_during_its_visit_gives_no_row(visits, clips):
    async def run():
        async with cameras.silent() as silent:
            slow = [config(silent.url(), camera=name, media_timeout_seconds=1.5) for name in ("gone", "changed")]
            async with Running(visits, slow, Takes()) as city:
                await until(lambda: silent.connections == 2)
                city.patrol.remove("gone")
                city.patrol.put(config(clips / "libx264.mp4", camera="changed"))
                row = await city.rows_of("changed", 1)
                assert row.reason == ("ok",)
                assert city.takes.rows.device == ("changed",)

    visits.runner.run(run())
    assert visits.meter.counts[("visits_void_total",)] == 1


def test_what_the_rules_decided_reaches_the_visits(visits, clips):
    """Adopted and dropped references are handed to the decoder; suspects are visited sooner."""
    terms = PatrolTerms(suspect_seconds=0.1, verify_seconds=0.1, first_visits_per_second=1000)
    usual = config(clips / "mjpeg.avi", camera="c", presets=("north",))

    async def run():
        async with Running(visits, [usual], Takes(), terms=terms) as city:
            rows = await city.rows_of("c", 1)
            sketch = rows.sketch[0]
            assert sketch
            assert rows.preset == ("north",)
            # Half a second later nobody would come: the target is five minutes.
            adopted = event(EventKind.REFERENCE_ADOPTED, "c", light="day", preset="north", picture=sketch)
            elsewhere = event(EventKind.REFERENCE_ADOPTED, "c", light="day", preset="south", picture="f" * 64)
            city.patrol.on_event(elsewhere)
            city.patrol.on_event(adopted)
            city.patrol.on_event(event(EventKind.SUSPICION_RAISED, "c", fault="frozen", again_seconds=0.0))
            city.patrol.on_event(event(EventKind.SUSPICION_RAISED, "stranger", fault="frozen"))
            rows = await city.rows_of("c", 3)
            assert rows.reference[1:] == (sketch, sketch)
            city.patrol.on_event(event(EventKind.SUSPICION_DROPPED, "c", fault="frozen", looks=2))
            city.patrol.on_event(event(EventKind.REFERENCE_DROPPED, "c", light="day", preset="north", picture=sketch))
            city.patrol.on_event(event(EventKind.TICKET_ACCEPTED, "c"))
            rows = await city.rows_of("c", 5)
            assert rows.reference[4] == ""
            assert city.patrol.report().suspects == 0

    visits.runner.run(run())


def test_references_of_the_store_are_known_from_the_start(visits, clips):
    async def run():
        async with Patrol([config(clips / "mjpeg.avi")], visits.pool, StepClock(), None, visits.meter) as patrol:
            sketch = (await patrol.visit_once("gate")).sketch[0]
            row = {"light": "day", "preset": "", "picture": sketch}
            patrol.know_references([{"camera": "gate", **row}, {"camera": "stranger", **row}])
            assert (await patrol.visit_once("gate")).reference == (sketch,)

    visits.runner.run(run())


@pytest.mark.parametrize(
    "nonsense",
    [
        {"measurement": {"mean": "bright"}},
        {"measurement": {"width": 2**40}},
        {"measurement": {"light": -1}},
        {"measurement": {"coded_bytes": math.nan}},
        {"outcome": 99},
        {"reason": "because"},
        {"media_ns": "now"},
    ],
)
def test_an_answer_without_sense_harms_nobody(visits, clips, nonsense):
    """A decoder that a picture has taken over may say anything."""

    class Overtaken:
        workers = 1

        async def examine(self, task, content, *, known):
            return Report(**{"outcome": int(Outcome.PICTURE), "reason": "ok"} | nonsense)

    async def run():
        async with Patrol([config(clips / "mjpeg.avi")], Overtaken(), StepClock(), None, visits.meter) as patrol:
            return await patrol.visit_once("gate")

    row = visits.runner.run(run())
    assert (row.outcome[0], row.reason[0]) == (Outcome.UNCHECKED, "decoder_died")


def test_a_question_is_asked_at_once(visits, clips):
    async def run():
        async with Running(visits, [config(clips / "mjpeg.avi", camera="c")], Takes()) as city:
            await city.rows_of("c", 1)
            assert city.patrol.ask_now(["c"]) == 0  # it was just visited
            city.patrol.on_event(event(EventKind.LOOK_ASKED, "c", reason="alarm"))
            assert city.patrol.report().in_flight == 0

    visits.runner.run(run())


class TurningEyes:
    """A camera that says where it stands, and turns when it is told to."""

    def __init__(self):
        self.says = ["gate"]
        self.asked = 0

    async def device_offset_ns(self, camera):
        self.asked += 1
        return -7

    async def preset(self, camera):
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]


def test_clock_and_preset_that_the_device_tells(visits, clips):
    eyes = TurningEyes()
    tour = config(clips / "mjpeg.avi", presets=("gate", "yard"), onvif_url="http://127.0.0.1/onvif")

    async def run():
        terms = PatrolTerms(device_clock_visits=3)
        async with Patrol([tour], visits.pool, StepClock(), None, visits.meter, terms=terms, eyes=eyes) as patrol:
            rows = [await patrol.visit_once("gate")]
            for says in (["gate", "yard"], ["yard"], [""], [None]):
                eyes.says = says
                rows.append(await patrol.visit_once("gate"))
            return rows

    rows = visits.runner.run(run())
    assert [row.preset[0] for row in rows] == ["gate", UNKNOWN_PRESET, "yard", UNKNOWN_PRESET, UNKNOWN_PRESET]
    assert [row.device_offset_ns[0] for row in rows[:4]] == [-7, NO_OFFSET, NO_OFFSET, -7]
    # Pictures of two presets are two views: one is not compared with the other.
    assert [bool(row.previous[0]) for row in rows] == [False, False, False, False, True]


def test_a_stream_that_is_held_open_brings_rows_too(visits, clips):
    async def run():
        async with ScriptedCamera(clips / "libx264.mp4", Script(pace_s=0.01)) as camera:
            configs = [
                config(camera.url(), camera="held", look="key_frames", visit_seconds=0.2),
                config(clips / "libx264.mp4", camera="visited", visit_seconds=0.2),
            ]
            async with Running(visits, configs, Takes(), terms=PatrolTerms(suspect_seconds=0.05)) as city:
                rows = await city.rows_of("held", 3)
                assert rows.visit.tolist() == [1, 2, 3]
                assert rows.outcome.tolist() == [Outcome.PICTURE] * 3
                assert camera.connections == 1
                report = city.patrol.report()
                assert (report.cameras, report.held_open) == (2, 1)
                city.patrol.on_event(event(EventKind.SUSPICION_RAISED, "held", fault="snow", again_seconds=0.0))
                assert city.patrol.report().suspects == 1
                city.patrol.on_event(event(EventKind.FAULT_CONFIRMED, "held", fault="snow"))
                assert city.patrol.report().suspects == 0
                # Visited from now on: the connection is let go.
                city.patrol.put(config(clips / "libx265.mp4", camera="held"))
                rows = await city.rows_of("held", 4)
                await until(lambda: "TEARDOWN" in camera.requests)
                city.patrol.put(config(camera.url(), camera="held", look="all_frames"))
                await until(lambda: camera.connections == 2)
                city.patrol.remove("held")
                assert city.patrol.report().cameras == 1

    visits.runner.run(run())


def test_the_report_says_how_fresh_looks_are_and_what_a_target_needs(visits, clips):
    configs = [config(clips / name, camera=name, visit_seconds=0.1) for name in ("mjpeg.avi", "libx264.mp4")]
    configs.append(config("rtsp://127.0.0.1:1/x", camera="dead", camera_class="gate", site="yard"))

    async def run():
        async with Running(visits, configs, Takes()) as city:
            assert city.patrol.report().to_json()["visit_s"] is None  # nothing was measured yet
            await city.rows_of("libx264.mp4", 5)
            await city.rows_of("dead", 1)
            return city.patrol.report()

    usual = visits.runner.run(run())
    assert (usual.cameras, usual.failing, usual.decoders) == (3, 1, 1)
    ages = {ages.camera_class: ages for ages in usual.ages}
    assert ages["standard"].cameras == 2
    assert 0 <= ages["standard"].p50_s <= ages["standard"].max_s < 20
    assert ages["gate"].cameras == 0
    assert usual.failing_ages.cameras == 1
    assert usual.visits >= 6
    assert 0 < usual.decoder_cpu_s < 5
    assert 0 < usual.patrol_cpu_s < 5
    assert 0 < usual.failing_share < 1
    strict = usual.needed(1.0)
    assert strict.visits_per_s == pytest.approx(3 / 0.9)
    assert strict.decoders >= 1
    assert strict.possible_s == usual.needs.possible_s > 0
    text = json.dumps(usual.to_json(), allow_nan=False)
    assert json.loads(text)["ages"][1]["p50_s"] is None
    assert visits.meter.counts[("cameras_watched", "all")] >= 3


def test_needs_are_rates_times_costs():
    needs = needed(2700, 10.0, 0.08, 0.02, 2.0, decoders=2, most_in_flight=64, processors=2)
    assert needs.processors == pytest.approx(10 * 0.1 / 0.8)
    assert (needs.decoders, needs.in_flight) == (1, 20)
    assert needs.possible_s == pytest.approx(2700 / (2 * 0.8 / 0.1) / 0.9)
    assert needed(2700, 10.0, 0.0, 0.0, 10.0, decoders=2, most_in_flight=9).possible_s == pytest.approx(
        2700 / 0.9 / 0.9
    )


@pytest.mark.parametrize(("error", "reason"), [(LogFull, "log_full"), (LogUnavailable, "log_unavailable")])
def test_rows_are_brought_again_until_they_are_taken(visits, clips, error, reason):
    takes = Takes(refusals=2, error=error)
    before = visits.meter.counts.get(("appends_refused_total", reason), 0)
    configs = [config(clips / "libx264.mp4", visit_seconds=0.05)]
    patrolled(visits, configs, takes, lambda: len(takes.rows) >= 5)
    assert takes.rows.visit.tolist()[:5] == [1, 2, 3, 4, 5]
    assert visits.meter.counts[("appends_refused_total", reason)] == before + 2


def test_stopping_with_a_log_that_takes_nothing_ends(visits, clips):
    takes = Takes(refusals=10**9)
    patrolled(visits, [config(clips / "libx264.mp4", visit_seconds=0.05)], takes, lambda: takes.refusals < 10**9)
    assert takes.batches == []


def test_another_error_of_the_taker_ends_the_patrol(visits, clips):
    async def broken(rows):
        raise ZeroDivisionError

    async def run():
        async with Patrol([config(clips / "libx264.mp4")], visits.pool, StepClock(), broken, visits.meter) as patrol:
            await patrol.run(asyncio.Event())

    with pytest.raises(ZeroDivisionError):
        visits.runner.run(asyncio.wait_for(run(), 20))


def test_a_patrol_without_cameras_waits_for_its_end(visits):
    patrolled(visits, [], Takes(), lambda: True)


def test_an_id_given_twice_is_refused(visits):
    with pytest.raises(ConfigurationError, match="twice"):
        Patrol([config("/a"), config("/b")], visits.pool, StepClock(), Takes(), visits.meter)


def test_a_change_is_logged_once_and_without_secrets(visits, caplog):
    caplog.set_level(logging.DEBUG)
    for url in ("rtsp://viewer:S3CR3T@127.0.0.1:1/x?pwd=S3CR3T", "http://viewer:S3CR3T@127.0.0.1:1/x?pwd=S3CR3T"):
        caplog.clear()
        rows = visits(url, visits=3)
        assert [Outcome(row.outcome) for row in rows] == [Outcome.UNREACHABLE] * 3
        assert len([record for record in caplog.records if record.name.startswith("citywatch")]) == 1
        assert "S3CR3T" not in caplog.text


def test_why_there_was_no_picture_is_kept_in_words_until_there_is_one(visits, clips):
    dark = config("rtsp://viewer:S3CR3T@127.0.0.1:1/x")

    async def run():
        async with Patrol([dark], visits.pool, StepClock(), None, visits.meter) as patrol:
            await patrol.visit_once("gate")
            why = patrol.note_of("gate")
            patrol.put(config(clips / "mjpeg.avi"))
            await patrol.visit_once("gate")
            return why, patrol.note_of("gate"), patrol.note_of("nobody")

    why, then, nobody = visits.runner.run(run())
    assert why == "rtsp://127.0.0.1:1/x: the connection was refused"
    assert then == nobody == ""


def test_a_snapshot_logs_no_address_of_its_own(visits, jpeg, caplog):
    caplog.set_level(logging.DEBUG)

    async def visit():
        async with cameras.SnapshotServer({"s.jpg": jpeg}, username="viewer", password="S3CR3T") as server:
            return await visits.within(server.url("s.jpg?token=S3CR3T", credentials="viewer:S3CR3T@"), 2)

    rows = visits.runner.run(visit())
    assert [row.reason for row in rows] == ["ok", "ok"]
    assert "S3CR3T" not in caplog.text
    assert "dmlld2VyOlMzQ1IzVA" not in caplog.text  # base64 of both
