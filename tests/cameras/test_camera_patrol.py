"""The patrol: everybody in turn, nobody held up, every row handed over."""

import asyncio
import logging

import pytest
from camera_kit import StepClock, config, until

from citywatch.adapters.cameras.patrol import Patrol
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.errors import ConfigurationError, LogFull, LogUnavailable
from citywatch.testing import cameras


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
            async with Patrol(configs, visits.pool, StepClock(), takes, visits.meter, in_flight=3) as patrol:
                running = asyncio.create_task(patrol.run(stop))
                await until(lambda: len(takes.rows) >= 10)
                assert rtsp.connections == http.connections == 1
                stop.set()
                await asyncio.wait_for(running, 10)

    visits.runner.run(run())
    assert set(takes.rows.device) == {"fine"}


def test_first_visits_are_spread_over_the_interval(visits, clips):
    configs = [config(clips / "libx264.mp4", camera=f"c{n}", visit_seconds=100) for n in range(10)]
    patrol = Patrol(configs, visits.pool, StepClock(), Takes(), visits.meter)
    due = sorted(patrol._first_round(1000.0))
    assert [at for at, _, _ in due] == [1000.0 + 10 * n for n in range(10)]
    visits.runner.run(patrol.__aexit__(None, None, None))


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


def test_a_snapshot_logs_no_address_of_its_own(visits, jpeg, caplog):
    caplog.set_level(logging.DEBUG)

    async def visit():
        async with cameras.SnapshotServer({"s.jpg": jpeg}, username="viewer", password="S3CR3T") as server:
            return await visits.within(server.url("s.jpg?token=S3CR3T", credentials="viewer:S3CR3T@"), 2)

    rows = visits.runner.run(visit())
    assert [row.reason for row in rows] == ["ok", "ok"]
    assert "S3CR3T" not in caplog.text
    assert "dmlld2VyOlMzQ1IzVA" not in caplog.text  # base64 of both
