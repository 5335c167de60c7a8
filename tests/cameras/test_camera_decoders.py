"""Decoder processes that die, hang, swell and grow old: the watch goes on, and the right one is blamed."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from camera_kit import CountingMeter, Row, StepClock, config, until

from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pipe import Task
from citywatch.adapters.cameras.pool import DecoderLimits, DecoderPool
from citywatch.errors import OutsideError
from citywatch.testing.scenes import write_clip


class Pools:
    """Runs a test against a pool with limits of its own."""

    def __init__(self, runner, objects):
        self._runner, self._objects = runner, objects
        self.meter = CountingMeter()

    def __call__(self, test, workers=1, **limits):
        async def within():
            pool = DecoderPool(workers, self._objects, meter=self.meter, limits=DecoderLimits(**limits))
            async with pool:
                return await test(pool)

        return self._runner.run(within())

    def replaced(self, reason):
        return self.meter.counts.get(("decoders_replaced_total", reason), 0)


@pytest.fixture
def pools(runner, tmp_path):
    return Pools(runner, tmp_path / "objects")


@pytest.fixture
def task(clips):
    return Task("file", str(clips / "libx264.mp4"))


def is_fine(report):
    return (report.outcome, report.reason) == (0, "ok")


def large_picture(path, side=8192):
    """A small file that holds many pixels: 8192 a side take long enough to be caught at it, 16384 much memory."""
    path.write_bytes(cv2.imencode(".png", np.zeros((side, side), np.uint8))[1].tobytes())
    assert path.stat().st_size < 2_000_000
    return path


@pytest.fixture
def long_task(tmp_path):
    return Task("file", str(large_picture(tmp_path / "large.png")))


LONG = {"most_pixels": 1 << 28}


async def caught(pool, task, number, times):
    """Bring a visit and send a signal to the process that is at it, `times` times; the report."""
    visit = asyncio.create_task(pool.examine(task))
    done = set()
    while len(done) < times:
        pid = await until(lambda: next((p for p, busy in pool.process_ids().items() if busy and p not in done), 0))
        os.kill(pid, number)
        done.add(pid)
    return await visit


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGKILL, "decoder_died"), (signal.SIGSTOP, "decoder_out_of_time")]
)
def test_a_decoder_that_dies_or_hangs_at_a_visit_costs_nothing(pools, task, long_task, number, reason):
    async def test(pool):
        assert is_fine(await caught(pool, long_task, number, times=1))
        assert is_fine(await pool.examine(task))

    pools(test, visit_seconds=8, **LONG)
    assert pools.meter.counts == {("decoders_replaced_total", reason): 1}


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGKILL, "decoder_died"), (signal.SIGSTOP, "decoder_out_of_time")]
)
def test_a_visit_that_does_it_twice_is_to_blame(pools, task, long_task, number, reason):
    async def test(pool):
        report = await caught(pool, long_task, number, times=2)
        assert (report.outcome, report.reason) == (2, reason)
        assert is_fine(await pool.examine(task))

    pools(test, visit_seconds=4, **LONG)
    assert pools.meter.counts == {("decoders_replaced_total", reason): 2}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_decoders_that_were_dead_before_are_not_the_pictures_fault(pools, task, number):
    async def test(pool):
        assert is_fine(await pool.examine(task))
        await until(pool._spare.done)
        pids = list(pool.process_ids())
        for pid in pids:
            os.kill(pid, number)
        assert is_fine(await pool.examine(task))
        assert not set(pids) & set(pool.process_ids())
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    pools(test, visit_seconds=2)


def test_a_picture_that_needs_too_much_memory_is_to_blame(pools, task, tmp_path):
    clip = large_picture(tmp_path / "large.png", 16_384)

    async def test(pool):
        report = await pool.examine(Task("file", str(clip)))
        assert (report.outcome, report.reason) == (2, "decoder_out_of_memory")
        assert is_fine(await pool.examine(task))

    pools(test, data_limit_bytes=400_000_000, resident_limit_bytes=10_000_000_000, most_pixels=1 << 28)
    assert pools.replaced("decoder_out_of_memory") == 2


def test_resident_memory_is_watched_from_outside(pools, task, tmp_path):
    clip = large_picture(tmp_path / "large.png", 16_384)

    async def test(pool):
        resident = max(resident_bytes(pid) for pid in pool.process_ids())
        pool._limits = pool._limits.model_copy(update={"resident_limit_bytes": resident + 100_000_000})
        report = await pool.examine(Task("file", str(clip)))
        assert (report.outcome, report.reason) == (2, "decoder_out_of_memory")
        assert is_fine(await pool.examine(task))
        pool._limits = pool._limits.model_copy(update={"resident_limit_bytes": 1_000_000})
        report = await pool.examine(task)
        assert (report.outcome, report.reason) == (3, "decoder_out_of_memory")  # our own limit is to blame

    pools(test, **LONG)


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_too_many_pixels_are_refused_before_they_are_decoded(pools, clips, tmp_path):
    wide = tmp_path / "wide.avi"
    write_clip(wide, [np.zeros((32, 16_386), np.uint8)], "mjpeg", fps=1, gop=1)

    async def test(pool):
        for clip in ("libx264.mp4", "libx265.mp4", "mpeg4.avi", "mjpeg.avi"):
            report = await pool.examine(Task("file", str(clips / clip)))
            assert (report.outcome, report.reason) == (2, "too_large"), clip

    pools(test, most_pixels=4096)

    async def sides(pool):
        assert (await pool.examine(Task("file", str(wide)))).reason == "too_large"

    pools(sides)
    assert pools.meter.counts == {}


def test_processes_are_replaced_after_their_visits(pools, task):
    async def test(pool):
        seen = set()
        for _ in range(7):
            assert is_fine(await pool.examine(task))
            seen |= set(pool.process_ids())
        return seen

    assert len(pools(test, visits_per_process=2)) >= 4
    assert pools.replaced("recycled") == 3
    assert pools.replaced("decoder_died") == 0


def test_a_spare_is_ready_before_it_is_needed(pools, task):
    async def test(pool):
        assert is_fine(await pool.examine(task))
        await until(lambda: len(pool.process_ids()) == 2)  # one at work, one to spare

    pools(test)


def test_visits_run_side_by_side_and_the_rest_wait(pools, task):
    async def test(pool):
        return await asyncio.gather(*(pool.examine(task) for _ in range(30)))

    assert all(is_fine(report) for report in pools(test, workers=2, queue_length=2))


def test_closing_ends_every_visit_and_every_process(pools, task):
    async def test(pool):
        for pid in pool.process_ids():
            os.kill(pid, signal.SIGSTOP)
        visits = [asyncio.create_task(pool.examine(task)) for _ in range(5)]
        await until(pool._jobs.full)
        pids = list(pool.process_ids())
        await pool.aclose()
        reports = await asyncio.gather(*visits, pool.examine(task))
        assert {(report.outcome, report.reason) for report in reports} == {(3, "stopped")}
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    pools(test, queue_length=2)


def test_a_pool_sweeps_what_killed_decoders_left(pools, tmp_path):
    (tmp_path / "objects" / "tmp").mkdir(parents=True)
    (tmp_path / "objects" / "tmp" / "1-left").write_bytes(b"half a picture")

    async def test(pool):
        assert list((tmp_path / "objects" / "tmp").iterdir()) == []

    pools(test)


def test_a_pool_that_cannot_start_says_so(runner, tmp_path):
    (tmp_path / "objects").write_text("a file where a directory is wanted")

    async def test():
        async with DecoderPool(1, tmp_path / "objects", meter=CountingMeter()):
            raise AssertionError("it started")

    with pytest.raises(OutsideError, match="no decoder process can be started"):
        runner.run(test())


def test_decoders_get_no_secrets_and_one_thread(pools, task, monkeypatch):
    monkeypatch.setenv("CITYWATCH_TOKEN", "S3CR3T")

    async def test(pool):
        assert is_fine(await pool.examine(task))
        await until(pool._spare.done)
        for pid in pool.process_ids():
            environment = Path(f"/proc/{pid}/environ").read_text()
            assert "S3CR3T" not in environment
            assert "OMP_NUM_THREADS=1" in environment
            assert Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:3] == [
                "-m",
                "citywatch.adapters.cameras.worker",
            ]
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            assert int(status[16]) >= 10  # nice

    pools(test)


CHILD = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from camera_kit import CountingMeter
from citywatch.adapters.cameras.pool import DecoderPool

async def main():
    async with DecoderPool(1, Path(sys.argv[1]), meter=CountingMeter()) as pool:
        print(*pool.process_ids(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_decoders_end_with_the_process_that_started_them(runner, tmp_path):
    async def test():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, str(tmp_path / "objects"), str(Path(__file__).parent),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        pids = [int(word) for word in (await child.stdout.readline()).split()]
        assert pids
        child.kill()
        await child.wait()
        await until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids))

    runner.run(test())


def test_a_report_that_makes_no_sense_is_a_death(pools, task, monkeypatch):
    """The pipe is ours, but what is behind it may have been taken over by a picture."""
    monkeypatch.setattr("citywatch.adapters.cameras.decoder_process.MOST_JSON_BYTES", 10)
    with pytest.raises(OutsideError, match="makes no sense"):
        pools(lambda pool: pool.examine(task))


def test_the_patrol_remembers_a_killer(runner, pools, tmp_path):
    clip = large_picture(tmp_path / "large.png", 16_384)

    async def test(pool):
        async with Patrol([config(clip)], pool, StepClock(), None, pools.meter) as patrol:
            return [Row(await patrol.visit_once("gate")) for _ in range(2)]

    limits = {"data_limit_bytes": 400_000_000, "resident_limit_bytes": 10_000_000_000, "most_pixels": 1 << 28}
    rows = pools(test, **limits)
    assert [row.verdict for row in rows] == [("no_media", "decoder_out_of_memory")] * 2
    assert pools.replaced("decoder_out_of_memory") == 3  # twice to be sure, then once: it is known
