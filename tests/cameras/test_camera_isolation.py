"""A picture that harms its decoder costs one worker and marks one camera; silent cameras cost no decoder at all."""

import asyncio
import contextlib
import time

import pytest
from camera_kit import CountingMeter, Row, StepClock, config

from citywatch.adapters.cameras import decoder_process
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderLimits, DecoderPool
from citywatch.testing import cameras
from citywatch.testing.cameras import SnapshotServer, deaf_port
from citywatch.testing.hostile_decoder import spell

HARMS = {"crash": "decoder_died", "hang": "decoder_out_of_time", "babble": "decoder_died"}


@pytest.fixture
def meter():
    return CountingMeter()


def replaced(meter):
    return {labels[0]: count for (name, *labels), count in meter.counts.items() if name == "decoders_replaced_total"}


@contextlib.asynccontextmanager
async def patrol_of(configs, objects, meter, workers=2, **limits):
    wanted = {"visit_seconds": 2.5, "resident_limit_bytes": 600_000_000} | limits
    async with (
        DecoderPool(workers, objects, meter=meter, limits=DecoderLimits(**wanted)) as pool,
        Patrol(configs, pool, StepClock(), None, meter) as patrol,
    ):
        yield patrol, pool


def test_each_harm_marks_its_own_camera_and_no_other(runner, tmp_path, meter, jpeg, monkeypatch):
    """Three cameras that harm and nine that do not, all at once through two decoders."""
    monkeypatch.setattr(decoder_process, "_WORKER", "citywatch.testing.hostile_decoder")
    pictures = {f"{harm}.jpg": spell(jpeg, harm) for harm in HARMS} | {f"fine-{n}.jpg": jpeg for n in range(9)}

    async def test():
        async with SnapshotServer(pictures) as server:
            configs = [config(server.url(name), camera=name.removesuffix(".jpg")) for name in pictures]
            async with patrol_of(configs, tmp_path, meter) as (patrol, _):
                return await asyncio.gather(*(patrol.visit_once(camera.camera) for camera in configs))

    found = {row.device: row.verdict for row in map(Row, runner.run(test()))}
    assert {camera: found.pop(camera) for camera in HARMS} == {
        harm: ("no_media", reason) for harm, reason in HARMS.items()
    }
    assert set(found.values()) == {("picture", "ok")}
    assert replaced(meter) == {"decoder_died": 4, "decoder_out_of_time": 2}  # twice each, to be sure of the blame


@pytest.mark.parametrize(
    ("harm", "verdict"), [("leak", ("picture", "ok")), ("swell", ("no_media", "decoder_out_of_memory"))]
)
def test_memory_that_a_picture_takes_and_memory_that_is_lost_at_every_visit(
    runner, tmp_path, meter, jpeg, monkeypatch, harm, verdict
):
    """What takes all at once is to blame; what is lost a little at a time is nobody's, and over with the process."""
    monkeypatch.setattr(decoder_process, "_WORKER", "citywatch.testing.hostile_decoder")

    async def test():
        async with SnapshotServer({"s.jpg": spell(jpeg, harm)}) as server:
            limits = {"resident_limit_bytes": 420_000_000}
            async with patrol_of([config(server.url("s.jpg"))], tmp_path, meter, 1, **limits) as (patrol, _):
                rows = [Row(await patrol.visit_once("gate")).verdict]
                while harm == "leak" and not replaced(meter) and len(rows) < 20:
                    rows.append(Row(await patrol.visit_once("gate")).verdict)
                return rows

    assert set(runner.run(test())) == {verdict}
    assert set(replaced(meter)) == {"decoder_out_of_memory"}


def test_a_hundred_cameras_that_never_answer_cost_no_decoder(runner, tmp_path, meter, jpeg, monkeypatch):
    """Deaf ports, silent RTSP and HTTP, streams without pictures: beside them a camera is visited as if alone."""
    examined = []
    examine = DecoderPool.examine

    async def counted(self, task, content=b"", **options):
        examined.append(task)
        return await examine(self, task, content, **options)

    monkeypatch.setattr(DecoderPool, "examine", counted)

    async def test(deaf):
        async with (
            cameras.silent() as rtsp,
            cameras.silent("http") as http,
            SnapshotServer({"s.jpg": jpeg}) as server,
        ):
            urls = [rtsp.url(), http.url(), f"rtsp://127.0.0.1:{deaf}/x", f"http://127.0.0.1:{deaf}/x"]
            options = {"media_timeout_seconds": 60, "connect_timeout_seconds": 60}
            silent = [config(urls[n % 4], camera=f"silent-{n}", **options) for n in range(100)]
            fine = config(server.url("s.jpg"), camera="fine")
            async with patrol_of([*silent, fine], tmp_path, meter, 1) as (patrol, pool):
                waiting = [asyncio.create_task(patrol.visit_once(camera.camera)) for camera in silent]
                began = time.monotonic()
                rows = [Row(await patrol.visit_once("fine")) for _ in range(10)]
                took_s = time.monotonic() - began
                assert rtsp.connections == http.connections == 25
                assert not any(task.done() for task in waiting)
                assert not any(pool.process_ids().values())
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            return rows, took_s

    with deaf_port() as deaf:
        rows, took_s = runner.run(test(deaf))
    assert [row.verdict for row in rows] == [("picture", "ok")] * 10
    assert len(examined) == 10
    assert took_s < 10
    assert replaced(meter) == {}
